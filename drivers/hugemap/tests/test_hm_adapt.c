// SPDX-License-Identifier: GPL-2.0
/*
 * hm_adapt.c: rounds of writes as a tracker sees them, and what the choice of
 * blocks has to keep whatever is written.
 *
 * The test knows what was really written; the code under test knows only what
 * was marked, which is all of a coarse block after one write.
 */
#include "hm_test.h"
#include "hm_adapt.h"
#ifdef __KERNEL__
#include "../hm_adapt.c"
#endif

struct sim {
	struct hm_adapt a;
	struct hm_dirtymap map, none;
	void *mem, *map_mem, *none_mem;
	unsigned char *written;		/* in this round */
	unsigned char *was[HM_ADAPT_LEVELS];	/* coarse before this round */
	unsigned char *dense[HM_ADAPT_LEVELS];	/* found so, see check_grown() */
	unsigned int rounds;
};

static unsigned long blocks(const struct sim *s, unsigned int l)
{
	return s->a.nr >> s->a.level[l].shift;
}

static struct sim sim_new(unsigned long nr, const unsigned int *shifts,
			  unsigned int nr_levels, unsigned long max_over)
{
	struct sim s = {
		.mem = hm_zalloc(hm_adapt_size(nr, shifts, nr_levels)),
		.map_mem = hm_zalloc(hm_dirtymap_size(nr)),
		.none_mem = hm_zalloc(hm_dirtymap_size(nr)),
		.written = hm_zalloc(nr),
	};
	unsigned int l;

	hm_adapt_init(&s.a, s.mem, nr, shifts, nr_levels, max_over);
	hm_dirtymap_init(&s.map, s.map_mem, nr);
	hm_dirtymap_init(&s.none, s.none_mem, nr);
	for (l = 0; l < nr_levels; l++) {
		s.was[l] = hm_zalloc(blocks(&s, l));
		s.dense[l] = hm_zalloc(blocks(&s, l));
	}
	return s;
}

static void sim_free(struct sim *s)
{
	unsigned int l;

	for (l = 0; l < s->a.nr_levels; l++) {
		hm_free(s->was[l]);
		hm_free(s->dense[l]);
	}
	hm_free(s->mem);
	hm_free(s->map_mem);
	hm_free(s->none_mem);
	hm_free(s->written);
}

static void sim_write(struct sim *s, unsigned long g)
{
	unsigned int shift = hm_adapt_shift(&s->a, g);

	s->written[g] = 1;
	hm_dirtymap_set(&s->map, g >> shift << shift,
			((g >> shift) + 1) << shift);
}

static void sim_write_range(struct sim *s, unsigned long first,
			    unsigned long end)
{
	while (first < end)
		sim_write(s, first++);
}

static bool coarse(const struct sim *s, unsigned int l, unsigned long b)
{
	return b < blocks(s, l) && test_bit(b, s->a.level[l].coarse);
}

static unsigned long nr_coarse(const struct sim *s, unsigned int l)
{
	unsigned long b, n = 0;

	for (b = 0; b < blocks(s, l); b++)
		n += coarse(s, l, b);
	return n;
}

/* What holds at any time. */
static void check_state(const struct sim *s)
{
	unsigned long over = 0, b, g, end;
	unsigned int l, k;

	for (l = 0; l < s->a.nr_levels; l++) {
		unsigned int shift = s->a.level[l].shift;

		for (b = 0; b < blocks(s, l); b++) {
			if (!coarse(s, l, b))
				continue;
			over += (1UL << shift) - 1;
			for (k = l + 1; k < s->a.nr_levels; k++)
				check(!coarse(s, k, b << shift >>
					      s->a.level[k].shift),
				      "round %u: block %lu of %u is in one of %u",
				      s->rounds, b, l, k);
			end = (b + 1) << shift;
			check(end <= s->a.nr, "block %lu of %u is not whole",
			      b, l);
			for (g = b << shift; g < end; g += (1UL << shift) / 2)
				check(hm_adapt_shift(&s->a, g) == shift,
				      "granule %lu", g);
		}
	}
	check(over == s->a.over, "round %u: %lu, counted %lu", s->rounds, over,
	      s->a.over);
	check(s->a.over <= s->a.max_over, "%lu of %lu", s->a.over,
	      s->a.max_over);
}

static unsigned long nr_written(const struct sim *s, unsigned int l,
				unsigned long b)
{
	unsigned long size = 1UL << s->a.level[l].shift, g, n = 0;

	for (g = b * size; g < (b + 1) * size; g++)
		n += s->written[g];
	return n;
}

/* Was some of the block, or all around it, tracked as a whole? */
static bool was_measured(const struct sim *s, unsigned int l, unsigned long b)
{
	unsigned int shift = s->a.level[l].shift, k;
	unsigned long i;

	for (k = 0; k < s->a.nr_levels; k++) {
		unsigned int other = s->a.level[k].shift;

		if (k >= l) {
			i = b << shift >> other;
			if (i < blocks(s, k) && s->was[k][i])
				return false;
			continue;
		}
		for (i = b << (shift - other);
		     i < (b + 1) << (shift - other); i++)
			if (s->was[k][i])
				return false;
	}
	return true;
}

/* Of what is in it all was tracked as a whole, but for what proved to be dense. */
static bool was_sampled(const struct sim *s, unsigned int l, unsigned long b)
{
	unsigned int in = l ? s->a.level[l].shift - s->a.level[l - 1].shift : 0;
	unsigned long size = l ? 1UL << s->a.level[l - 1].shift : 0, i;
	bool measured = false;

	for (i = b << in; l && i < (b + 1) << in; i++) {
		unsigned long n = nr_written(s, l - 1, i);

		if (s->was[l - 1][i] && n)
			continue;
		if (!was_measured(s, l - 1, i) || n < size - (size >> (l + 1)))
			return false;
		measured = true;
	}
	return measured;
}

/* Is it a part of a coarse block? */
static bool inside(const struct sim *s, unsigned int l, unsigned long b)
{
	unsigned int k;

	for (k = l + 1; k < s->a.nr_levels; k++)
		if (coarse(s, k, b << s->a.level[l].shift >>
			   s->a.level[k].shift))
			return true;
	return false;
}

/* Nor is what it was a sample of. */
static void not_dense(struct sim *s, unsigned int l, unsigned long b)
{
	unsigned int k;

	s->dense[l][b] = 0;
	for (k = l + 1; k < s->a.nr_levels; k++) {
		unsigned long i = b << s->a.level[l].shift >>
				  s->a.level[k].shift;

		if (i < blocks(s, k) && !was_measured(s, k, i))
			s->dense[k][i] = 0;
	}
}

/* A block may become coarse after it was dense twice, each granule by itself. */
static void check_grown(struct sim *s, unsigned long first, unsigned long end)
{
	unsigned int l;
	unsigned long b;

	for (l = 0; l < s->a.nr_levels; l++) {
		unsigned long size = 1UL << s->a.level[l].shift;

		for (b = 0; b < blocks(s, l); b++) {
			unsigned long n = nr_written(s, l, b);
			bool known = b * size >= first && (b + 1) * size <= end;
			bool dense = known && was_measured(s, l, b) &&
				     n >= size - (size >> (l + 2));
			bool again = known && was_sampled(s, l, b);
			bool up = l + 1 < s->a.nr_levels;
			unsigned long p = up ? b * size >>
					  s->a.level[l + 1].shift : 0;

			up = up && p < blocks(s, l + 1) && s->was[l + 1][p] &&
			     !coarse(s, l + 1, p);
			if (coarse(s, l, b) && !s->was[l][b] && !up)
				check((dense || again) && s->dense[l][b],
				      "round %u: block %lu of level %u with %lu of %lu",
				      s->rounds, b, l, n, size);
			if (!known) {
				check(coarse(s, l, b) == s->was[l][b] || up,
				      "round %u: block %lu of level %u is not all of [%lu,%lu)",
				      s->rounds, b, l, first, end);
				continue;
			}
			/* A coarse block was dense before. */
			if (inside(s, l, b))
				s->dense[l][b] = 0;
			else if (coarse(s, l, b) || dense)
				s->dense[l][b] = 1;
			else if (was_measured(s, l, b) && n)
				not_dense(s, l, b);
		}
	}
}

static void sim_round_part(struct sim *s, unsigned long first,
			   unsigned long end)
{
	unsigned long w, b;
	unsigned int l;

	for (l = 0; l < s->a.nr_levels; l++)
		for (b = 0; b < blocks(s, l); b++)
			s->was[l][b] = coarse(s, l, b);
	s->rounds++;
	hm_adapt_round(&s->a, &s->map, &s->none, first, end);
	check_state(s);
	check_grown(s, first, end);
	for (w = first / 64; w * 64 < end; w++)
		hm_dirtymap_clear(&s->map, w, hm_dirtymap_mask(w, first, end));
	memset(s->written + first, 0, end - first);
}

static void sim_round(struct sim *s)
{
	sim_round_part(s, 0, s->a.nr);
}

/* Of 4 KiB, 64 KiB and 2 MiB granules, and smaller worlds of that shape. */
static const struct {
	unsigned int nr, shift[HM_ADAPT_LEVELS];
} shapes[] = {
	{ 3, { 4, 9, 18 } },
	{ 2, { 5, 14 } },
	{ 1, { 9 } },
	{ 3, { 2, 4, 6 } },
	{ 3, { 2, 6, 11 } },
	{ 2, { 3, 10 } },
};

HM_TEST(test_no_levels)
{
	struct sim s = sim_new(1000, NULL, 0, -1UL);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		sim_write_range(&s, 0, 1000);
		check(!hm_adapt_shift(&s.a, 7), "round %u", i);
		sim_round(&s);
	}
	sim_free(&s);
}

/* All dense: the largest blocks after two rounds, not after one. */
HM_TEST(test_two_rounds)
{
	unsigned int i, l, top;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		unsigned long nr = (2UL << shapes[i].shift[shapes[i].nr - 1]) +
				   (1UL << shapes[i].shift[0]) * 3 / 2;
		struct sim s = sim_new(nr, shapes[i].shift, shapes[i].nr, -1UL);

		top = shapes[i].nr - 1;
		sim_write_range(&s, 0, nr);
		sim_round(&s);
		check(!s.a.over, "shape %u: coarse after one round", i);
		sim_write_range(&s, 0, nr);
		sim_round(&s);
		check(nr_coarse(&s, top) == (top ? 2 : 3), "shape %u: %lu", i,
		      nr_coarse(&s, top));
		/* The tail is one and a half of the smallest blocks. */
		check(nr_coarse(&s, 0) == (top ? 1 : 3), "shape %u: %lu", i,
		      nr_coarse(&s, 0));
		check(!hm_adapt_shift(&s.a, nr - 1), "the cut block");
		/* Idle for two rounds, and all is as it was at first. */
		sim_round(&s);
		check(s.a.over, "shape %u: gone after one idle round", i);
		sim_round(&s);
		check(!s.a.over, "shape %u: %lu", i, s.a.over);
		for (l = 0; l <= top; l++)
			check(!nr_coarse(&s, l), "level %u", l);
		sim_write_range(&s, 0, nr);
		sim_round(&s);
		check(!s.a.over, "shape %u: after one round again", i);
		sim_free(&s);
	}
}

/* One short of dense is never coarse, dense is. */
HM_TEST(test_thresholds)
{
	unsigned int i, l, r;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (l = 0; l < shapes[i].nr; l++) {
			unsigned long size = 1UL << shapes[i].shift[l];
			unsigned long n = size - (size >> (l + 2)), g;
			struct sim s = sim_new(size * 2, shapes[i].shift,
					       shapes[i].nr, -1UL);

			for (r = 0; r < 2; r++) {
				for (g = 0; g < n - 1; g++)
					sim_write(&s, g);
				for (g = 0; g < n; g++)
					sim_write(&s, size + g);
				sim_round(&s);
			}
			check(!coarse(&s, l, 0), "shape %u level %u", i, l);
			check(coarse(&s, l, 1), "shape %u level %u", i, l);
			sim_free(&s);
		}
	}
}

/*
 * A block that was dense once and is written in one place from then on must not
 * stay coarse for ever.
 */
HM_TEST(test_measured_again)
{
	const unsigned int limit = 4 * 257;
	unsigned int i, l, r;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (l = 0; l < shapes[i].nr; l++) {
			unsigned long size = 1UL << shapes[i].shift[l];
			struct sim s = sim_new(size, shapes[i].shift, l + 1,
					       -1UL);

			if (size > 1 << 14) {
				sim_free(&s);
				continue;
			}
			for (r = 0; r < 2; r++) {
				sim_write_range(&s, 0, size);
				sim_round(&s);
			}
			check(coarse(&s, l, 0), "shape %u level %u", i, l);
			for (r = 0; r < limit && s.a.over; r++) {
				sim_write(&s, 1);
				sim_round(&s);
			}
			/* Larger ones go by way of smaller ones. */
			check(!coarse(&s, l, 0), "shape %u level %u", i, l);
			check(s.a.over < 1UL << shapes[i].shift[0] ||
			      shapes[i].shift[l] > 9,
			      "shape %u level %u: %lu after %u rounds", i, l,
			      s.a.over, r);
			sim_free(&s);
		}
	}
}

/* A block that stays dense is coarse nearly all the time. */
HM_TEST(test_stays)
{
	static const unsigned int shift[] = { 4, 9 };
	struct sim s = sim_new(512, shift, 2, -1UL);
	unsigned int r, marks = 0, n = 2000;

	for (r = 0; r < n; r++) {
		unsigned long g;

		for (g = 0; g < 512; g++) {
			marks += !test_bit(g, s.map.bits);
			sim_write(&s, g);
			if (hm_adapt_shift(&s.a, g) == 9)
				break;
		}
		sim_write_range(&s, 0, 512);
		sim_round(&s);
	}
	/* The header promises 3 faults a round instead of 512. */
	check(marks <= n * 3 + 2 * 512, "%u faults in %u rounds", marks, n);
	sim_free(&s);
}

/* Scattered writes, below each threshold: nothing may ever become coarse. */
HM_TEST(test_never_creeps)
{
	unsigned long seed = 11, b, g;
	unsigned int i, r;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		unsigned long nr = 5000, size = 1UL << shapes[i].shift[0];
		struct sim s = sim_new(nr, shapes[i].shift, shapes[i].nr, -1UL);

		for (r = 0; r < HM_SCALED(300, 20); r++) {
			for (b = 0; b < nr >> shapes[i].shift[0]; b++)
				for (g = 0; g < size - size / 4 - 1; g++)
					sim_write(&s, b * size +
						  hm_random(&seed) % size);
			sim_round(&s);
			check(!s.a.over, "shape %u round %u", i, r);
		}
		sim_free(&s);
	}
}

/* Coarse blocks side by side do not make a larger one. */
HM_TEST(test_no_growth_of_coarse)
{
	static const unsigned int shift[] = { 4, 9 };
	struct sim s = sim_new(1024, shift, 2, 31 * 15);
	unsigned long b;
	unsigned int r;

	/* Only small blocks are allowed at first, then everything is. */
	for (r = 0; r < 2; r++) {
		sim_write_range(&s, 0, 512);
		sim_round(&s);
	}
	check(nr_coarse(&s, 0) == 31, "%lu", nr_coarse(&s, 0));
	s.a.max_over = -1UL;
	/* A coarse block is measured again in one of 257 rounds. */
	for (r = 0; r < 2000; r++) {
		for (b = 0; b < 32; b++)
			sim_write(&s, b * 16);
		sim_round(&s);
		check(!nr_coarse(&s, 1), "round %u", r);
	}
	check(!s.a.over, "%lu over, one in sixteen is written", s.a.over);
	sim_free(&s);
}

/* Whatever is written: check_state() and check_grown() hold. */
static void random_rounds(unsigned int shape, unsigned long nr,
			  unsigned long max_over, unsigned int rounds,
			  bool parts)
{
	struct sim s = sim_new(nr, shapes[shape].shift, shapes[shape].nr,
			       max_over);
	unsigned long seed = nr + shape + max_over, at, len, first, end;
	unsigned int r, i;

	for (r = 0; r < rounds; r++) {
		/* The same dense places for some rounds, with noise. */
		unsigned long phase = r / 5 * 77 + 5;

		for (i = 0; i < 6; i++) {
			at = hm_random(&phase) % nr;
			len = hm_random(&phase) % (nr / 2 + 1);
			for (; len-- && at < nr; at++)
				if (hm_random(&seed) % 64)
					sim_write(&s, at);
		}
		for (i = 0; i < 10; i++)
			sim_write(&s, hm_random(&seed) % nr);
		if (!parts) {
			sim_round(&s);
			continue;
		}
		first = hm_random(&seed) % nr;
		end = first + 1 + hm_random(&seed) % (nr - first);
		sim_round_part(&s, first, end);
	}
	sim_free(&s);
}

HM_TEST(test_random)
{
	static const unsigned long sizes[] = { 1, 3, 64, 511, 2049, 6221 };
	static const unsigned long overs[] = { 0, 3, 100, 1000, -1UL };
	const unsigned int rounds = HM_SCALED(120, 6);
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		for (j = 0; j < ARRAY_SIZE(sizes); j++)
			for (k = 0; k < ARRAY_SIZE(overs); k++) {
				random_rounds(i, sizes[j], overs[k], rounds,
					      false);
				random_rounds(i, sizes[j], overs[k], rounds,
					      true);
			}
}

HM_TEST(test_large)
{
	const unsigned int rounds = HM_SCALED(12, 2);

	random_rounds(0, 262144 + 5000, -1UL, rounds, false);
	random_rounds(0, 262144 + 5000, 300000, rounds, true);
	random_rounds(1, 3 * 16384 + 100, -1UL, rounds, false);
}

/* Ends of ranges that cut blocks: what is cut is left as it is. */
HM_TEST(test_parts)
{
	static const unsigned int shift[] = { 4, 9 };
	struct sim s = sim_new(1600, shift, 2, -1UL);
	unsigned int r;

	for (r = 0; r < 4; r++) {
		sim_write_range(&s, 0, 1600);
		sim_round_part(&s, 8, 1592);
	}
	check(!hm_adapt_shift(&s.a, 0), "the first block is cut");
	check(hm_adapt_shift(&s.a, 16) == 4, "%u", hm_adapt_shift(&s.a, 16));
	check(hm_adapt_shift(&s.a, 512) == 9, "%u", hm_adapt_shift(&s.a, 512));
	check(!hm_adapt_shift(&s.a, 1599), "the last one as well");
	/* Idle as far as is known, but only a part of it is. */
	for (r = 0; r < 4; r++)
		sim_round_part(&s, 513, 1024);
	check(hm_adapt_shift(&s.a, 512) == 9, "%u", hm_adapt_shift(&s.a, 512));
	for (r = 0; r < 2; r++)
		sim_round_part(&s, 512, 1024);
	check(!hm_adapt_shift(&s.a, 512), "%u", hm_adapt_shift(&s.a, 512));
	sim_free(&s);
}

HM_SUITE(hm_adapt,
	 HM_CASE(test_no_levels),
	 HM_CASE(test_two_rounds),
	 HM_CASE(test_thresholds),
	 HM_CASE(test_measured_again),
	 HM_CASE(test_stays),
	 HM_CASE(test_never_creeps),
	 HM_CASE(test_no_growth_of_coarse),
	 HM_CASE(test_random),
	 HM_CASE(test_large),
	 HM_CASE(test_parts));
