// SPDX-License-Identifier: GPL-2.0
/*
 * hm_dirtymap.c against an array of one byte per granule.
 */
#ifdef __KERNEL__
#include <linux/kthread.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "hm_test.h"
#include "hm_dirtymap.h"
#ifdef __KERNEL__
#include "../hm_dirtymap.c"
#endif

struct model {
	struct hm_dirtymap map;
	void *mem;
	unsigned char *bit;
};

static struct model model_new(unsigned long nr)
{
	struct model m = {
		/* Of just the size, so that the sanitizer sees what is behind. */
		.mem = hm_zalloc(hm_dirtymap_size(nr)),
		.bit = hm_zalloc(nr),
	};

	hm_dirtymap_init(&m.map, m.mem, nr);
	return m;
}

static void model_free(struct model *m)
{
	hm_free(m->mem);
	hm_free(m->bit);
}

/* What is set must be found from above, and nothing else after a clear. */
static void check_summaries(const struct model *m, bool exact)
{
	const unsigned long group = HM_DIRTYMAP_GROUP;
	unsigned long groups = DIV_ROUND_UP(m->map.nr, group), g, i;
	unsigned long supers = DIV_ROUND_UP(groups, group);
	unsigned char *super = hm_zalloc(supers);

	for (g = 0; g < groups; g++) {
		bool any = false;

		for (i = g * group; i < m->map.nr && i < (g + 1) * group; i++)
			any |= m->bit[i];
		super[g / group] |= any;
		check(!any || test_bit(g, m->map.groups),
		      "group %lu of %lu is lost", g, m->map.nr);
		check(!exact || any || !test_bit(g, m->map.groups),
		      "group %lu of %lu stays", g, m->map.nr);
	}
	for (i = 0; i < supers; i++) {
		check(!super[i] || test_bit(i, m->map.supers),
		      "super %lu of %lu is lost", i, m->map.nr);
		check(!exact || super[i] || !test_bit(i, m->map.supers),
		      "super %lu of %lu stays", i, m->map.nr);
	}
	hm_free(super);
}

static void check_range(const struct model *m, unsigned long first,
			unsigned long end)
{
	unsigned long pos = first, before, word, bits, i, n = 0, at = first;

	for (i = first; i < end; i++)
		n += m->bit[i];
	check(hm_dirtymap_count(&m->map, first, end) == n,
	      "[%lu,%lu) of %lu", first, end, m->map.nr);
	check(hm_dirtymap_any(&m->map, first, end) == !!n,
	      "[%lu,%lu) of %lu", first, end, m->map.nr);
	check(hm_dirtymap_all(&m->map, first, end) == (n == end - first),
	      "[%lu,%lu) of %lu", first, end, m->map.nr);
	/* Each word once, ascending, with just its part of the range. */
	for (before = pos; hm_dirtymap_next(&m->map, &pos, end, &word, &bits);
	     before = pos) {
		check(pos > before && pos == (word + 1) * BITS_PER_LONG,
		      "from %lu to %lu", before, pos);
		check(bits, "an empty word");
		for (; at < end && at < pos; at++)
			check(m->bit[at] == (at >= word * BITS_PER_LONG &&
					     (bits >> at % BITS_PER_LONG & 1)),
			      "granule %lu of %lu", at, m->map.nr);
		for (; bits; bits &= bits - 1) {
			i = word * BITS_PER_LONG + __ffs(bits);
			check(i >= first && i < end, "granule %lu", i);
		}
	}
	check(pos == end, "%lu, should be %lu", pos, end);
	for (; at < end; at++)
		check(!m->bit[at], "granule %lu of %lu", at, m->map.nr);
}

static void set_range(struct model *m, unsigned long first, unsigned long end)
{
	unsigned long i, added = 0;

	for (i = first; i < end; i++) {
		added += !m->bit[i];
		m->bit[i] = 1;
	}
	check(hm_dirtymap_set(&m->map, first, end) == added,
	      "[%lu,%lu) of %lu", first, end, m->map.nr);
}

static void clear_range(struct model *m, unsigned long first, unsigned long end)
{
	unsigned long w;

	memset(m->bit + first, 0, end - first);
	for (w = first / BITS_PER_LONG; w * BITS_PER_LONG < end; w++)
		hm_dirtymap_clear(&m->map, w, hm_dirtymap_mask(w, first, end));
}

/* Every range of every small size, in an empty and in a used map. */
HM_TEST(test_exhaustive)
{
	unsigned long nr, first, end, i;

	for (nr = 1; nr <= 131; nr += HM_SCALED(1, 65)) {
		struct model m = model_new(nr);

		for (first = 0; first < nr; first++) {
			for (end = first + 1; end <= nr; end++) {
				set_range(&m, first, end);
				check_range(&m, 0, nr);
				check(hm_dirtymap_all(&m.map, first, end),
				      "[%lu,%lu)", first, end);
				if (first)
					check_range(&m, first - 1, end);
				if (end < nr)
					check_range(&m, first, end + 1);
				clear_range(&m, 0, nr);
			}
		}
		check_summaries(&m, true);
		for (i = 0; i < nr; i += 3)
			set_range(&m, i, i + 1);
		for (first = 0; first < nr; first++)
			for (end = first; end <= nr; end++)
				check_range(&m, first, end);
		model_free(&m);
	}
}

HM_TEST(test_mask)
{
	unsigned long word, first, end, i;

	for (word = 0; word < 3; word++)
		for (first = 0; first <= 192; first++)
			for (end = first; end <= 192; end++) {
				unsigned long want = 0;

				for (i = 0; i < 64; i++)
					if (word * 64 + i >= first &&
					    word * 64 + i < end)
						want |= 1UL << i;
				check(hm_dirtymap_mask(word, first, end) == want,
				      "word %lu of [%lu,%lu)", word, first, end);
			}
}

/* Sizes around those of a word, a group and a group of groups. */
static void random_ops(unsigned long nr, unsigned int rounds)
{
	static const unsigned long near[] = { 1, 64, 512, 4096, 262144 };
	unsigned long seed = nr * 7 + 1, first, end;
	struct model m = model_new(nr);
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		unsigned long unit = near[hm_random(&seed) % ARRAY_SIZE(near)];

		/* Around a boundary, or anywhere. */
		first = hm_random(&seed) % nr;
		if (hm_random(&seed) % 2)
			first = first / unit * unit + hm_random(&seed) % 3 - 1;
		if (first >= nr)
			first = 0;
		end = first + 1 + hm_random(&seed) % unit +
		      hm_random(&seed) % 3;
		if (end > nr)
			end = nr;
		switch (hm_random(&seed) % 4) {
		case 0:
		case 1:
			set_range(&m, first, end);
			break;
		case 2:
			clear_range(&m, first, end);
			break;
		default:
			first = hm_random(&seed) % nr;
			end = first + hm_random(&seed) % (nr - first + 1);
		}
		check_range(&m, first, end);
		if (i % 16 == 0)
			check_summaries(&m, true);
		if (i % 64 == 63)
			clear_range(&m, 0, nr);
	}
	check_range(&m, 0, nr);
	check_summaries(&m, true);
	clear_range(&m, 0, nr);
	check_range(&m, 0, nr);
	check_summaries(&m, true);
	model_free(&m);
}

HM_TEST(test_random)
{
	static const unsigned long small[] = {
		1, 63, 64, 65, 100, 127, 128, 511, 512, 513, 575, 1000, 1023,
		1024, 1025, 32767, 32768, 32769,
	};
	static const unsigned long large[] = {
		262143, 262144, 262145, 262144 + 511, 262144 + 513,
		2 * 262144, 3 * 262144 + 77,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(small); i++)
		random_ops(small[i], HM_SCALED(2000, 100));
	for (i = 0; i < ARRAY_SIZE(large); i++)
		random_ops(large[i], HM_SCALED(40, 2));
}

/* A single granule far away is found from everywhere before it. */
HM_TEST(test_far)
{
	const unsigned long nr = 5 * 262144 + 12345;
	static const unsigned long at[] = {
		0, 511, 512, 262143, 262144, 262144 + 512, 3 * 262144 - 1,
		3 * 262144, 5 * 262144 + 12344,
	};
	struct model m = model_new(nr);
	unsigned long pos, word, bits;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		set_range(&m, at[i], at[i] + 1);
		for (j = 0; j < ARRAY_SIZE(at); j++) {
			bool want = at[j] <= at[i];

			pos = at[j];
			check(hm_dirtymap_next(&m.map, &pos, nr, &word, &bits)
			      == want, "%lu from %lu", at[i], at[j]);
			check(!want || (word == at[i] / 64 &&
					bits == 1UL << at[i] % 64),
			      "%lu from %lu", at[i], at[j]);
			check(hm_dirtymap_any(&m.map, at[j], at[i] > at[j] ?
					      at[i] : at[j]) == false,
			      "before %lu", at[i]);
		}
		clear_range(&m, at[i], at[i] + 1);
		check_summaries(&m, true);
	}
	model_free(&m);
}

/* Summaries may say too much: nothing depends on their being exact. */
HM_TEST(test_loose_summaries)
{
	const unsigned long nr = 262144 + 5 * 512 + 9;
	struct model m = model_new(nr);
	unsigned long i;

	for (i = 0; i < DIV_ROUND_UP(nr, HM_DIRTYMAP_GROUP); i++)
		__set_bit(i, m.map.groups);
	__set_bit(0, m.map.supers);
	__set_bit(1, m.map.supers);
	check_range(&m, 0, nr);
	set_range(&m, nr - 1, nr);
	set_range(&m, 262144 - 1, 262144);
	check_range(&m, 0, nr);
	check_range(&m, 5, nr - 1);
	check_summaries(&m, false);
	model_free(&m);
}

/* hm_dirtymap_add() counts what is new, once. */
HM_TEST(test_add)
{
	struct model m = model_new(640);
	unsigned long seed = 3, have[10] = {}, bits, w;
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		w = hm_random(&seed) % 10;
		bits = hm_random(&seed) & hm_random(&seed) << 20;
		if (hm_random(&seed) % 3) {
			check(hm_dirtymap_add(&m.map, w, bits) ==
			      hweight_long(bits & ~have[w]), "word %lu", w);
			have[w] |= bits;
		} else {
			hm_dirtymap_clear(&m.map, w, bits);
			have[w] &= ~bits;
		}
		check(m.map.bits[w] == have[w], "word %lu", w);
	}
	model_free(&m);
}

#ifndef __KERNEL__
/*
 * What is clean is not looked at: of the bitmap of 64 GiB with three dirty pages
 * all pages of memory but three cannot be read.
 */
HM_TEST(test_only_dirty)
{
	static const unsigned long dirty[] = { 5, 9000001, (1UL << 24) - 1 };
	unsigned long nr = 1UL << 24, page = sysconf(_SC_PAGESIZE), i, n = 0;
	unsigned long pos = 0, word, bits, size = hm_dirtymap_size(nr);
	struct hm_dirtymap map;
	char *mem, *p;

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(mem != MAP_FAILED, "mmap");
	hm_dirtymap_init(&map, mem, nr);
	for (i = 0; i < ARRAY_SIZE(dirty); i++)
		hm_dirtymap_set(&map, dirty[i], dirty[i] + 1);
	for (p = mem; p < mem + nr / 8; p += page) {
		bool used = false;

		for (i = 0; i < ARRAY_SIZE(dirty); i++)
			used |= dirty[i] / 8 / page == (p - mem) / page;
		if (!used)
			check(!mprotect(p, page, PROT_NONE), "mprotect");
	}
	check(hm_dirtymap_count(&map, 0, nr) == 3, "count");
	check(!hm_dirtymap_any(&map, 6, 9000001), "any");
	while (hm_dirtymap_next(&map, &pos, nr, &word, &bits)) {
		hm_dirtymap_clear(&map, word, bits);
		n++;
	}
	check(n == 3, "%lu words", n);
	check(!hm_dirtymap_any(&map, 0, nr), "clean");
	munmap(mem, size);
}
#else
#define NR_THREADS	4

struct marker {
	struct hm_dirtymap *map;
	unsigned long seed;
	unsigned long added;
	struct task_struct *task;
	struct completion done;
};

static int mark_many(void *data)
{
	struct marker *m = data;
	unsigned long first, i;

	for (i = 0; i < 20000; i++) {
		first = hm_random(&m->seed) % m->map->nr;
		m->added += hm_dirtymap_set(m->map, first,
					    min(m->map->nr, first + 1 +
						hm_random(&m->seed) % 70));
		cond_resched();
	}
	complete(&m->done);
	return 0;
}

/* Faults mark side by side: each granule is new to exactly one of them. */
HM_TEST(test_concurrent)
{
	const unsigned long nr = 262144 + 777;
	struct model m = model_new(nr);
	struct marker *marker = hm_zalloc(NR_THREADS * sizeof(*marker));
	unsigned long added = 0, n = 0, pos = 0, word, bits;
	unsigned int i;

	for (i = 0; i < NR_THREADS; i++) {
		marker[i].map = &m.map;
		marker[i].seed = i + 1;
		init_completion(&marker[i].done);
		marker[i].task = kthread_run(mark_many, &marker[i],
					     "hm_dirtymap/%u", i);
		check(!IS_ERR(marker[i].task), "no thread");
		if (IS_ERR(marker[i].task))
			complete(&marker[i].done);
	}
	for (i = 0; i < NR_THREADS; i++) {
		wait_for_completion(&marker[i].done);
		added += marker[i].added;
	}
	while (hm_dirtymap_next(&m.map, &pos, nr, &word, &bits))
		n += hweight_long(bits);
	check(n == added, "%lu found, %lu were new", n, added);
	check(n == hm_dirtymap_count(&m.map, 0, nr), "%lu found", n);
	hm_free(marker);
	model_free(&m);
}
#endif

HM_SUITE(hm_dirtymap,
	 HM_CASE(test_mask),
	 HM_CASE(test_exhaustive),
	 HM_CASE(test_random),
	 HM_CASE(test_far),
	 HM_CASE(test_loose_summaries),
	 HM_CASE(test_add),
#ifdef __KERNEL__
	 HM_CASE(test_concurrent)
#else
	 HM_CASE(test_only_dirty)
#endif
	);
