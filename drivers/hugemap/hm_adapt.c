// SPDX-License-Identifier: GPL-2.0
/*
 * Which blocks of granules to track as a whole: see hm_adapt.h.
 *
 * A block becomes coarse when it was found written nearly everywhere in two
 * rounds in which each of its granules was tracked.  Only that counts: what a
 * coarse block reports says nothing about its granules, so blocks do not grow
 * by themselves.  Every now and then one is measured again; one that nobody
 * writes to for two rounds is no longer coarse.
 */
#include "hm_adapt.h"

/*
 * One of so many dirty rounds of coarse blocks is spent on measuring.  A PMD
 * of 512 granules then costs 3 faults a round instead of 512.
 */
#define HM_ADAPT_MEASURE	257

static unsigned long hm_adapt_blocks(const struct hm_adapt *a, unsigned int l)
{
	return a->nr >> a->level[l].shift;
}

/**
 * hm_adapt_size - memory for the bitmaps
 * @nr: granules
 * @shifts: log2 of granules per block, ascending
 * @nr_levels: number of @shifts, at most HM_ADAPT_LEVELS
 *
 * Return: bytes.
 */
size_t hm_adapt_size(unsigned long nr, const unsigned int *shifts,
		     unsigned int nr_levels)
{
	size_t longs = 0;
	unsigned int l;

	for (l = 0; l < nr_levels; l++)
		longs += 3 * BITS_TO_LONGS(nr >> shifts[l]);
	return longs * sizeof(long);
}

/**
 * hm_adapt_init - begin with nothing coarse
 * @a: result
 * @mem: hm_adapt_size() bytes of zeros; remains the caller's
 * @nr: granules
 * @shifts: as for hm_adapt_size()
 * @nr_levels: as for hm_adapt_size()
 * @max_over: granules that may be marked without having been written
 */
void hm_adapt_init(struct hm_adapt *a, void *mem, unsigned long nr,
		   const unsigned int *shifts, unsigned int nr_levels,
		   unsigned long max_over)
{
	unsigned long *p = mem;
	unsigned int l;

	a->nr = nr;
	a->nr_levels = nr_levels;
	a->max_over = max_over;
	for (l = 0; l < nr_levels; l++) {
		struct hm_adapt_level *v = &a->level[l];
		unsigned long longs = BITS_TO_LONGS(nr >> shifts[l]);

		v->shift = shifts[l];
		v->coarse = p;
		v->dense = p + longs;
		v->idle = p + 2 * longs;
		p += 3 * longs;
	}
}

/**
 * hm_adapt_shift - how a granule is tracked
 * @a: state
 * @granule: granule
 *
 * Return: log2 of the granules in the block that is tracked as a whole; 0 if
 * it is tracked by itself.
 */
unsigned int hm_adapt_shift(const struct hm_adapt *a, unsigned long granule)
{
	unsigned int l;

	for (l = 0; l < a->nr_levels; l++) {
		unsigned long block = granule >> a->level[l].shift;

		/* The last block of a level may not be a whole one. */
		if (block < hm_adapt_blocks(a, l) &&
		    test_bit(block, a->level[l].coarse))
			return a->level[l].shift;
	}
	return 0;
}

static void hm_adapt_set_coarse(struct hm_adapt *a, unsigned int l,
				unsigned long block)
{
	__set_bit(block, a->level[l].coarse);
	__clear_bit(block, a->level[l].idle);
	a->over += (1UL << a->level[l].shift) - 1;
}

static void hm_adapt_clear_coarse(struct hm_adapt *a, unsigned int l,
				  unsigned long block)
{
	__clear_bit(block, a->level[l].coarse);
	a->over -= (1UL << a->level[l].shift) - 1;
}

/*
 * Measure a coarse block in the next round: each granule of it, or, where that
 * are many, those of one smaller block inside it.
 */
static void hm_adapt_measure(struct hm_adapt *a, unsigned int l,
			     unsigned long block)
{
	unsigned int in;
	unsigned long i;

	hm_adapt_clear_coarse(a, l, block);
	/* It was dense, so one round of the same will do. */
	if (!l || a->level[l].shift <= 9)
		return;
	in = a->level[l].shift - a->level[l - 1].shift;
	for (i = block << in; i < (block + 1) << in; i++) {
		hm_adapt_set_coarse(a, l - 1, i);
		__set_bit(i, a->level[l - 1].dense);
	}
	hm_adapt_clear_coarse(a, l - 1, (block << in) + a->skew % (1UL << in));
}

/* What became of the coarse blocks of a level. */
static void hm_adapt_settle(struct hm_adapt *a, const struct hm_dirtymap *map,
			    const struct hm_dirtymap *now, unsigned int l,
			    unsigned long first, unsigned long end)
{
	struct hm_adapt_level *v = &a->level[l];
	unsigned long nr = min(hm_adapt_blocks(a, l), end >> v->shift);
	unsigned long size = 1UL << v->shift, b;

	for (b = find_next_bit(v->coarse, nr, DIV_ROUND_UP(first, size));
	     b < nr; b = find_next_bit(v->coarse, nr, b + 1)) {
		if (hm_dirtymap_any(map, b * size, (b + 1) * size)) {
			__clear_bit(b, v->idle);
			/* What is written already would count for the block. */
			if (++a->credit < HM_ADAPT_MEASURE ||
			    hm_dirtymap_any(now, b * size, (b + 1) * size))
				continue;
			a->credit = a->skew++ % 16;
			hm_adapt_measure(a, l, b);
		} else if (test_bit(b, v->idle) &&
			   !hm_dirtymap_any(now, b * size, (b + 1) * size)) {
			hm_adapt_clear_coarse(a, l, b);
			__clear_bit(b, v->dense);
		} else {
			__set_bit(b, v->idle);
		}
	}
}

/* Was each granule of the block tracked by itself? */
static bool hm_adapt_measured(const struct hm_adapt *a, unsigned int l,
			      unsigned long block)
{
	unsigned long first = block << a->level[l].shift;
	unsigned long end = first + (1UL << a->level[l].shift);

	while (l--) {
		unsigned long to = end >> a->level[l].shift;

		if (find_next_bit(a->level[l].coarse, to,
				  first >> a->level[l].shift) < to)
			return false;
	}
	return true;
}

/* 3/4 of the smallest blocks, 7/8 and 15/16 of the larger ones. */
static bool hm_adapt_dense(const struct hm_adapt *a,
			   const struct hm_dirtymap *map, unsigned int l,
			   unsigned long block)
{
	unsigned long size = 1UL << a->level[l].shift;

	return hm_dirtymap_count(map, block * size, (block + 1) * size) >=
	       size - (size >> (l + 2));
}

/*
 * Of the smaller blocks in one that was dense, all are coarse and were written
 * but those that were measured, and these are dense.
 */
static bool hm_adapt_sampled(const struct hm_adapt *a,
			     const struct hm_dirtymap *map, unsigned int l,
			     unsigned long block)
{
	const struct hm_adapt_level *v = &a->level[l - 1];
	unsigned int in = a->level[l].shift - v->shift;
	bool measured = false;
	unsigned long i;

	for (i = block << in; i < (block + 1) << in; i++) {
		if (test_bit(i, v->coarse)) {
			if (!hm_dirtymap_any(map, i << v->shift,
					     (i + 1) << v->shift))
				return false;
			continue;
		}
		if (!hm_adapt_measured(a, l - 1, i) ||
		    !hm_adapt_dense(a, map, l - 1, i))
			return false;
		measured = true;
	}
	return measured;
}

/* Should the block be coarse from now on? */
static bool hm_adapt_grow(struct hm_adapt *a, const struct hm_dirtymap *map,
			  unsigned int l, unsigned long block)
{
	struct hm_adapt_level *v = &a->level[l];
	unsigned long size = 1UL << v->shift, over = a->over, i;
	unsigned int in, k;

	if (!hm_adapt_measured(a, l, block)) {
		if (!test_bit(block, v->dense) ||
		    !hm_adapt_sampled(a, map, l, block))
			return false;
	} else if (!hm_adapt_dense(a, map, l, block)) {
		__clear_bit(block, v->dense);
		/* Nor is what it was a sample of. */
		for (k = l + 1; k < a->nr_levels; k++) {
			i = block >> (a->level[k].shift - v->shift);
			if (i < hm_adapt_blocks(a, k) &&
			    !hm_adapt_measured(a, k, i))
				__clear_bit(i, a->level[k].dense);
		}
		return false;
	} else if (!test_bit(block, v->dense)) {
		__set_bit(block, v->dense);
		return false;
	}
	/* What is inside is part of it from now on, and forgotten. */
	in = l ? v->shift - a->level[l - 1].shift : 0;
	for (i = block << in; l && i < (block + 1) << in; i++)
		if (test_bit(i, a->level[l - 1].coarse))
			over -= (1UL << a->level[l - 1].shift) - 1;
	if (size - 1 > a->max_over || over > a->max_over - (size - 1))
		return false;
	for (k = 0; k < l; k++) {
		in = v->shift - a->level[k].shift;
		bitmap_clear(a->level[k].coarse, block << in, 1UL << in);
		bitmap_clear(a->level[k].idle, block << in, 1UL << in);
		bitmap_clear(a->level[k].dense, block << in, 1UL << in);
	}
	a->over = over;
	hm_adapt_set_coarse(a, l, block);
	return true;
}

/**
 * hm_adapt_round - learn from what was written in a round
 * @a: state
 * @map: what was written; each granule of a coarse block if one was
 * @now: what was written since then
 * @first: first granule of the part that is known
 * @end: granule behind it
 *
 * Blocks that are not all in that part stay as they are.  The cost depends on
 * what is in @map and on the coarse blocks, not on the size.
 *
 * Context: excludes all other functions here.
 */
void hm_adapt_round(struct hm_adapt *a, const struct hm_dirtymap *map,
		    const struct hm_dirtymap *now, unsigned long first,
		    unsigned long end)
{
	unsigned long done[HM_ADAPT_LEVELS], word, bits, pos = first, at;
	unsigned int l, s;

	if (!a->nr_levels)
		return;
	for (l = 0; l < a->nr_levels; l++)
		done[l] = ~0UL;
	/* From dirty granule to dirty granule: its blocks, largest first. */
	for (;;) {
		at = pos;
		if (!hm_dirtymap_next(map, &at, end, &word, &bits))
			break;
		pos = word * BITS_PER_LONG + __ffs(bits);
		for (l = a->nr_levels; l--;) {
			unsigned long b = pos >> a->level[l].shift;
			unsigned long size = 1UL << a->level[l].shift;

			if (b < hm_adapt_blocks(a, l) &&
			    test_bit(b, a->level[l].coarse))
				break;
			if (done[l] == b)
				continue;
			done[l] = b;
			if (b * size < first || (b + 1) * size > end)
				continue;
			if (hm_adapt_grow(a, map, l, b))
				break;
		}
		s = hm_adapt_shift(a, pos);
		if (!s)
			s = a->level[0].shift;
		pos = ((pos >> s) + 1) << s;
	}
	/*
	 * Last: what a block that is measured from now on reported in this
	 * round was no measure.
	 */
	for (l = 0; l < a->nr_levels; l++)
		hm_adapt_settle(a, map, now, l, first, end);
}
