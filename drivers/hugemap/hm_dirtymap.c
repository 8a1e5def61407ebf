// SPDX-License-Identifier: GPL-2.0
/*
 * A bitmap that is found empty quickly: see hm_dirtymap.h.
 */
#include "hm_dirtymap.h"

#if BITS_PER_LONG != 64
#error "bitmaps are copied to user space as they are: 64-bit words"
#endif

/**
 * hm_dirtymap_size - memory for a map
 * @nr: granules
 *
 * Return: bytes.
 */
size_t hm_dirtymap_size(unsigned long nr)
{
	unsigned long groups = DIV_ROUND_UP(nr, HM_DIRTYMAP_GROUP);
	unsigned long supers = DIV_ROUND_UP(groups, HM_DIRTYMAP_GROUP);

	return (BITS_TO_LONGS(nr) + BITS_TO_LONGS(groups) +
		BITS_TO_LONGS(supers)) * sizeof(long);
}

/**
 * hm_dirtymap_init - an empty map
 * @map: map
 * @mem: hm_dirtymap_size() bytes of zeros, aligned to a long; remains the
 *	caller's
 * @nr: granules
 */
void hm_dirtymap_init(struct hm_dirtymap *map, void *mem, unsigned long nr)
{
	map->nr = nr;
	map->bits = mem;
	map->groups = map->bits + BITS_TO_LONGS(nr);
	map->supers = map->groups +
		      BITS_TO_LONGS(DIV_ROUND_UP(nr, HM_DIRTYMAP_GROUP));
}

/**
 * hm_dirtymap_mask - the bits of a word that are in a range
 * @word: index of the word
 * @first: first granule of the range
 * @end: granule behind it
 */
unsigned long hm_dirtymap_mask(unsigned long word, unsigned long first,
			       unsigned long end)
{
	unsigned long base = word * BITS_PER_LONG, mask = ~0UL;

	if (base + BITS_PER_LONG <= first || base >= end)
		return 0;
	if (first > base)
		mask <<= first - base;
	if (end - base < BITS_PER_LONG)
		mask &= (1UL << (end - base)) - 1;
	return mask;
}

/**
 * hm_dirtymap_add - add a part of a word
 * @map: map
 * @word: index of the word
 * @bits: of it
 *
 * Context: as hm_dirtymap_set().
 * Return: how many were not there before.
 */
unsigned long hm_dirtymap_add(struct hm_dirtymap *map, unsigned long word,
			      unsigned long bits)
{
	unsigned long group = word * BITS_PER_LONG / HM_DIRTYMAP_GROUP;
	unsigned long old = READ_ONCE(map->bits[word]);

	if (!(bits & ~old))
		return 0;
	old = atomic_long_fetch_or(bits, (atomic_long_t *)&map->bits[word]);
	if (!test_bit(group, map->groups))
		set_bit(group, map->groups);
	if (!test_bit(group / HM_DIRTYMAP_GROUP, map->supers))
		set_bit(group / HM_DIRTYMAP_GROUP, map->supers);
	return hweight_long(bits & ~old);
}

/**
 * hm_dirtymap_set - add a range
 * @map: map
 * @first: first granule
 * @end: granule behind the range, at most &hm_dirtymap.nr
 *
 * Context: any number of callers at once, hm_dirtymap_all() and
 * hm_dirtymap_any() beside them; all else excludes it.
 * Return: how many were not there before.
 */
unsigned long hm_dirtymap_set(struct hm_dirtymap *map, unsigned long first,
			      unsigned long end)
{
	unsigned long word, added = 0;

	for (word = first / BITS_PER_LONG; word * BITS_PER_LONG < end; word++)
		added += hm_dirtymap_add(map, word,
					 hm_dirtymap_mask(word, first, end));
	return added;
}

/**
 * hm_dirtymap_all - is all of a range in the map?
 * @map: map
 * @first: first granule
 * @end: granule behind the range, at most &hm_dirtymap.nr
 */
bool hm_dirtymap_all(const struct hm_dirtymap *map, unsigned long first,
		     unsigned long end)
{
	unsigned long word;

	for (word = first / BITS_PER_LONG; word * BITS_PER_LONG < end; word++)
		if (hm_dirtymap_mask(word, first, end) &
		    ~READ_ONCE(map->bits[word]))
			return false;
	return true;
}

/**
 * hm_dirtymap_next - find the next word that has some of a range
 * @map: map
 * @pos: in and out: where to begin, and then the granule behind the word
 * @end: granule behind the range, at most &hm_dirtymap.nr
 * @word: result: index of the word
 * @bits: result: its bits from *@pos on that are in the map and in the range
 *
 * Return: false if there is none.
 */
bool hm_dirtymap_next(const struct hm_dirtymap *map, unsigned long *pos,
		      unsigned long end, unsigned long *word,
		      unsigned long *bits)
{
	const unsigned long group = HM_DIRTYMAP_GROUP, super = group * group;
	unsigned long groups = DIV_ROUND_UP(map->nr, group);
	unsigned long at = *pos, i, w;

	while (at < end) {
		i = find_next_bit(map->supers, DIV_ROUND_UP(map->nr, super),
				  at / super);
		at = max(at, i * super);
		if (at >= end)
			break;
		i = find_next_bit(map->groups, min(groups, (i + 1) * group),
				  at / group);
		at = max(at, i * group);
		/* None left here, and the group found is of the next super. */
		if (i >= groups || !test_bit(i, map->groups))
			continue;
		for (w = at / BITS_PER_LONG;
		     at < end && at < (i + 1) * group;
		     at = ++w * BITS_PER_LONG) {
			*bits = map->bits[w] & hm_dirtymap_mask(w, at, end);
			if (!*bits)
				continue;
			*word = w;
			*pos = (w + 1) * BITS_PER_LONG;
			return true;
		}
	}
	*pos = end;
	return false;
}

/**
 * hm_dirtymap_any - is some of a range in the map?
 * @map: map
 * @first: first granule
 * @end: granule behind the range, at most &hm_dirtymap.nr
 *
 * What hm_dirtymap_set() is adding at the same time may be seen or not.
 */
bool hm_dirtymap_any(const struct hm_dirtymap *map, unsigned long first,
		     unsigned long end)
{
	unsigned long word, bits;

	return hm_dirtymap_next(map, &first, end, &word, &bits);
}

/**
 * hm_dirtymap_count - how much of a range is in the map?
 * @map: map
 * @first: first granule
 * @end: granule behind the range, at most &hm_dirtymap.nr
 */
unsigned long hm_dirtymap_count(const struct hm_dirtymap *map,
				unsigned long first, unsigned long end)
{
	unsigned long word, bits, n = 0;

	while (hm_dirtymap_next(map, &first, end, &word, &bits))
		n += hweight_long(bits);
	return n;
}

/**
 * hm_dirtymap_clear - take a part of a word away
 * @map: map
 * @word: index of the word
 * @bits: of it, there or not
 */
void hm_dirtymap_clear(struct hm_dirtymap *map, unsigned long word,
		       unsigned long bits)
{
	unsigned long group = word * BITS_PER_LONG / HM_DIRTYMAP_GROUP;
	unsigned long end;

	map->bits[word] &= ~bits;
	if (map->bits[word])
		return;
	end = min(map->nr, (group + 1) * HM_DIRTYMAP_GROUP);
	word = group * HM_DIRTYMAP_GROUP;
	if (find_next_bit(map->bits, end, word) < end)
		return;
	__clear_bit(group, map->groups);
	word = group / HM_DIRTYMAP_GROUP;
	end = min(DIV_ROUND_UP(map->nr, HM_DIRTYMAP_GROUP),
		  (word + 1) * HM_DIRTYMAP_GROUP);
	if (find_next_bit(map->groups, end, word * HM_DIRTYMAP_GROUP) >= end)
		__clear_bit(word, map->supers);
}
