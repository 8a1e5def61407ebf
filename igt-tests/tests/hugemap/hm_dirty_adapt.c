// SPDX-License-Identifier: MIT
/*
 * What dirty tracking costs: blocks that are tracked as a whole, page tables
 * that are given back, and what that may report too much.
 */
#include "hm_dirty.h"

/**
 * TEST: hugemap cost of dirty tracking
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dirty tracking
 * Description: The price of dirty tracking, and of lowering it.
 *
 * SUBTEST: dense
 * Description: Rewriting all of it costs a hundredth of the faults, from the
 *	fourth round on.
 *
 * SUBTEST: sparse
 * Description: Where few granules of a block are written nothing is reported
 *	too much.
 *
 * SUBTEST: no-creep
 * Description: Blocks do not grow by what they report themselves, and end when
 *	idle.
 *
 * SUBTEST: no-creep-pud
 * Description: The same for the largest blocks.
 *
 * SUBTEST: measure
 * Description: A block that is hardly written is watched page by page again.
 *
 * SUBTEST: max-over
 * Description: Not more than max_over granules are reported too much.
 *
 * SUBTEST: promote
 * Description: PROMOTE gives the largest pages back, one fault each.
 *
 * SUBTEST: promote-dirty
 * Description: PROMOTE while something is dirty loses and misses nothing.
 *
 * SUBTEST: promote-pieces
 * Description: PROMOTE joins pieces that are the same, and only those.
 *
 * SUBTEST: promote-advice
 * Description: PROMOTE keeps what madvise() set where core mm can free page tables.
 *
 * SUBTEST: promote-errors
 * Description: What PROMOTE refuses, it leaves as it is.
 *
 * SUBTEST: promote-others
 * Description: PROMOTE is for mappings of the node it is called on.
 *
 * SUBTEST: dontneed
 * Description: MADV_DONTNEED makes room for a 2 MiB page where the kernel frees
 *	page tables.
 *
 * SUBTEST: writable
 * Description: WRITABLE: no read-only entries; a read counts, and is said to.
 *
 * SUBTEST: writable-2m
 * Description: WRITABLE with granules of the size of a PMD entry.
 */

IGT_TEST_DESCRIPTION("The price of dirty tracking, and of lowering it.");

/* Pages of the smallest block. */
#define SMALL		16

static uint32_t start_adaptive(const struct target *t, uint64_t granule,
			       uint64_t max_over)
{
	struct drm_hugemap_dirty_start args = {
		.handle = t->handle,
		.flags = DRM_HUGEMAP_DIRTY_ADAPTIVE,
		.len = t->size,
		.granule = granule,
		.max_over = max_over,
	};

	igt_assert_eq(__hm_dirty_start(t->fd, &args), 0);
	return args.tracker;
}

/* One store in every @step bytes of a part. */
static void write_part(struct target *t, uint64_t off, uint64_t len,
		       uint64_t step)
{
	for (uint64_t end = off + len; off < end; off += step)
		touch(t, off);
}

/* A round's end: what was reported, and what of it was over. */
static uint64_t end_round(const struct target *t, uint32_t tracker,
			  uint64_t *bitmap, uint64_t *over)
{
	struct drm_hugemap_dirty_sync out = {};

	igt_assert_eq(__hm_dirty_sync(t->fd, tracker, 0, 0, 0, bitmap, &out),
		      0);
	*over = out.nr_over;
	return out.nr_dirty;
}

/* Two rounds in which each page of a part is written. */
static void make_dense(struct target *t, uint32_t tracker, uint64_t off,
		       uint64_t len, uint64_t step)
{
	uint64_t over;

	for (int i = 0; i < 2; i++) {
		write_part(t, off, len, step);
		end_round(t, tracker, NULL, &over);
	}
}

/* ---- what a full rewrite costs ---- */

static long rewrite(struct target *t, uint32_t tracker, uint64_t len)
{
	uint64_t over;
	long faults = hm_minflt();

	write_part(t, 0, len, HM_PAGE);
	faults = hm_minflt() - faults;
	igt_assert_eq_u64(end_round(t, tracker, NULL, &over), len / HM_PAGE);
	return faults;
}

/*
 * A gibibyte in one window; elsewhere less, because a fixed tracker takes a
 * fault for each page.
 */
static bool has_gib(const struct hm_node *node)
{
	return node->q.type == DRM_HUGEMAP_REGION_RESERVED && !node->pages;
}

static uint64_t rewrite_size(const struct hm_node *node,
			     enum hm_dirty_kind kind)
{
	return kind != WINDOW ? HM_MIB(8) :
	       has_gib(node) ? HM_GIB(1) : HM_MIB(16);
}

static void dense(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, rewrite_size(node, kind));
	/* With a fixed tracker each part costs the same. */
	uint64_t part = t.size < HM_MIB(32) ? t.size : HM_MIB(32);
	uint64_t nr = t.size / HM_PAGE;
	const int rounds = 10;
	long fixed, begin = 0, sum = 0;
	uint32_t tracker;

	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE, 0);
	fixed = rewrite(&t, tracker, part);
	hm_dirty_stop(t.fd, tracker);
	igt_assert_lte_u64(part / HM_PAGE, fixed);
	tracker = start_adaptive(&t, HM_PAGE, nr);
	for (int round = 0; round < 3; round++)
		begin += rewrite(&t, tracker, t.size);
	for (int round = 0; round < rounds; round++)
		sum += rewrite(&t, tracker, t.size);
	hm_dirty_stop(t.fd, tracker);
	igt_info("%" PRIu64 " MiB: %ld faults with a fixed tracker; %" PRIu64 " MiB: %ld in 3 adaptive rounds, %ld in %d more\n",
		 part >> 20, fixed, t.size >> 20, begin, sum, rounds);
	/* At least one for each page, above. */
	igt_assert_lte_u64(sum * 100, nr * rounds);
	target_close(&t);
}

/* ---- sparse writers ---- */

static void sparse(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(8));
	uint64_t nr = t.size / HM_PAGE, over, n;
	uint64_t rnd = first_random(hm_env_number("HM_SEED", 1), 0);
	uint64_t *want = new_bitmap(&t, HM_PAGE);
	uint64_t *got = new_bitmap(&t, HM_PAGE);
	uint32_t tracker = start_adaptive(&t, HM_PAGE, nr);

	for (int round = 0; round < 20; round++) {
		memset(want, 0, nr / 8);
		for (uint64_t block = 0; block < nr; block += SMALL) {
			/* Up to one less than what counts as dense. */
			for (int i = round % 12; i-- > 0;) {
				uint64_t page = block +
						next_random(&rnd, SMALL);

				touch(&t, page * HM_PAGE);
				set_bit(want, page);
			}
		}
		n = end_round(&t, tracker, got, &over);
		igt_assert_eq_u64(over, 0);
		igt_assert_eq_u64(n, count_bits(want, nr));
		assert_bitmaps(&t, HM_PAGE, got, want);
	}
	hm_dirty_stop(t.fd, tracker);
	free(want);
	free(got);
	target_close(&t);
}

/* ---- no creep ---- */

/* What was dense and is not any more: over-reported, within limits, for a while. */
static void creep(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(8));
	uint64_t nr = t.size / HM_PAGE, unit = t.pmd / HM_PAGE;
	uint64_t units = t.size / t.pmd, max_over = units * (unit - 1);
	uint64_t over, n;
	uint32_t tracker = start_adaptive(&t, HM_PAGE, max_over);

	/* One page in each PMD's block. */
	make_dense(&t, tracker, 0, t.size, HM_PAGE);
	for (int round = 0; round < 5; round++) {
		write_part(&t, HM_PAGE, t.size - HM_PAGE, t.pmd);
		n = end_round(&t, tracker, NULL, &over);
		igt_assert_lte_u64(over, max_over);
		igt_assert_eq_u64(n, over + units);
		if (!round)
			igt_assert_eq_u64(over, max_over);
	}
	/* Nobody writes for two rounds. */
	for (int round = 0; round < 2; round++)
		igt_assert_eq_u64(end_round(&t, tracker, NULL, &over), 0);
	for (int round = 0; round < 5; round++) {
		write_part(&t, 0, t.size, t.pmd);
		igt_assert_eq_u64(end_round(&t, tracker, NULL, &over), units);
		igt_assert_eq_u64(over, 0);
	}
	/* All but one are idle: that one stays, and remains what it is. */
	make_dense(&t, tracker, 0, t.size, HM_PAGE);
	for (int round = 0; round < 5; round++) {
		touch(&t, 3 * t.pmd);
		n = end_round(&t, tracker, NULL, &over);
		igt_assert_eq_u64(n, unit);
		igt_assert_eq_u64(over, unit - 1);
	}
	write_part(&t, 0, t.size, t.pmd);
	n = end_round(&t, tracker, NULL, &over);
	igt_assert_eq_u64(n, unit + units - 1);
	igt_assert_eq_u64(over, unit - 1);
	hm_dirty_stop(t.fd, tracker);

	/*
	 * The smallest blocks: half of those in each PMD's block are dense,
	 * then the others.  Together they look as if all were.
	 */
	tracker = start_adaptive(&t, HM_PAGE, nr);
	for (int part = 0; part < 2; part++) {
		for (int round = 0; round < 3; round++) {
			for (uint64_t i = 0; i < nr; i += SMALL) {
				bool now = i / SMALL % 2 == (uint64_t)part;

				if (now)
					write_part(&t, i * HM_PAGE,
						   SMALL * HM_PAGE, HM_PAGE);
				else
					touch(&t, i * HM_PAGE);
			}
			n = end_round(&t, tracker, NULL, &over);
			igt_assert_lte_u64(over, nr / SMALL * (SMALL - 1));
		}
	}
	for (int round = 0; round < 10; round++) {
		write_part(&t, 0, t.size, SMALL * HM_PAGE);
		n = end_round(&t, tracker, NULL, &over);
		igt_assert_lte_u64(over, nr / SMALL * (SMALL - 1));
		igt_assert_eq_u64(n, over + nr / SMALL);
	}
	/* A write is still one to such a block, not to a larger one. */
	touch(&t, 0);
	n = end_round(&t, tracker, NULL, &over);
	igt_assert_lte_u64(n, SMALL);
	igt_assert_eq_u64(n, over + 1);
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/* The same with blocks of PMD size, which must not become one of PUD size. */
static void creep_pud(struct hm_node *node)
{
	struct target t = target_open(node, WINDOW, HM_GIB(1));
	const uint64_t granule = HM_KIB(64);
	uint64_t unit = t.pmd / granule, units = t.size / t.pmd;
	uint64_t nr = t.size / granule, over, n;
	uint32_t tracker;

	if (t.size < t.pud) {
		target_close(&t);
		igt_skip("smaller than a block of 1 GiB\n");
	}
	tracker = start_adaptive(&t, granule, nr);
	for (int part = 0; part < 2; part++) {
		for (int round = 0; round < 3; round++) {
			for (uint64_t i = 0; i < units; i++) {
				if (i % 2 == (uint64_t)part)
					write_part(&t, i * t.pmd, t.pmd,
						   granule);
				else
					touch(&t, i * t.pmd);
			}
			n = end_round(&t, tracker, NULL, &over);
			igt_assert_lte_u64(over, units * (unit - 1));
		}
	}
	for (int round = 0; round < 10; round++) {
		write_part(&t, 0, t.size, t.pmd);
		n = end_round(&t, tracker, NULL, &over);
		igt_assert_lte_u64(over, units * (unit - 1));
		igt_assert_eq_u64(n, over + units);
	}
	touch(&t, 0);
	n = end_round(&t, tracker, NULL, &over);
	igt_assert_lte_u64(n, unit);
	igt_assert_eq_u64(n, over + 1);
	hm_dirty_stop(t.fd, tracker);

	/* A real one is, and is given up again. */
	tracker = start_adaptive(&t, granule, nr);
	make_dense(&t, tracker, 0, t.size, granule);
	touch(&t, t.pmd);
	igt_assert_eq_u64(end_round(&t, tracker, NULL, &over), nr);
	igt_assert_eq_u64(over, nr - 1);
	for (int round = 0; round < 2; round++)
		igt_assert_eq_u64(end_round(&t, tracker, NULL, &over), 0);
	touch(&t, t.pmd);
	igt_assert_eq_u64(end_round(&t, tracker, NULL, &over), 1);
	igt_assert_eq_u64(over, 0);
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/* A block that is written now and then is measured again, and found sparse. */
static void measure(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(4));
	uint64_t over = 1;
	uint32_t tracker = start_adaptive(&t, HM_PAGE, t.size / HM_PAGE);
	int rounds;

	make_dense(&t, tracker, 0, t.pmd, HM_PAGE);
	for (rounds = 0; over && rounds < 1000; rounds++) {
		touch(&t, HM_PAGE);
		end_round(&t, tracker, NULL, &over);
		igt_assert_lte_u64(over, t.pmd / HM_PAGE - 1);
	}
	igt_info("fine again after %d rounds\n", rounds);
	igt_assert_eq_u64(over, 0);
	igt_assert_lte(2, rounds);
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/* ---- max_over ---- */

static void max_over(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(4));
	uint64_t unit = t.pmd / HM_PAGE;
	const struct {
		uint64_t max, over;
	} cases[] = {
		{ 0, 0 },
		{ SMALL - 2, 0 },
		{ SMALL - 1, SMALL - 1 },
		{ 3 * (SMALL - 1) + 7, 3 * (SMALL - 1) },
		/* One large block, and two small ones. */
		{ unit - 1 + 2 * (SMALL - 1),
		  unit - 1 + 2 * (SMALL - 1) },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t tracker = start_adaptive(&t, HM_PAGE, cases[i].max);
		uint64_t over, n, stores = t.size / HM_PAGE / SMALL;

		for (int round = 0; round < 5; round++) {
			write_part(&t, 0, t.size, HM_PAGE);
			n = end_round(&t, tracker, NULL, &over);
			igt_assert_eq_u64(n, t.size / HM_PAGE);
			igt_assert_lte_u64(over, cases[i].max);
		}
		write_part(&t, 0, t.size, SMALL * HM_PAGE);
		n = end_round(&t, tracker, NULL, &over);
		igt_assert_lte_u64(over, cases[i].max);
		igt_assert_lte_u64(n - over, stores);
		/* In a large block more than one was stored to. */
		igt_assert_eq_u64(n, stores + cases[i].over -
				  (cases[i].over >= unit - 1 ?
				   unit / SMALL - 1 : 0));
		hm_dirty_stop(t.fd, tracker);
	}
	target_close(&t);
}

/* ---- PROMOTE ---- */

static uint64_t promoted(const struct target *t)
{
	return hm_node_stat(t->node, "promoted");
}

/* The largest entries there can be, all of them. */
static void assert_large(const struct target *t)
{
	bool pud = t->size % t->pud == 0 &&
		   hm_has_order(t->node, t->node->q.pud_order);

	hm_assert_levels(t->node, t->p, t->size, pud ? t->size / t->pud : 0,
			 pud ? 0 : t->size / t->pmd, 0);
}

/* A GiB where it is one page, else some PMD entries. */
static struct target promote_open(struct hm_node *node,
				  enum hm_dirty_kind kind)
{
	bool pud = has_gib(node) && hm_has_order(node, node->q.pud_order);
	struct target t = target_open(node, kind, pud ? HM_GIB(1) : HM_MIB(32));

	if (!hm_has_order(node, node->q.pmd_order)) {
		target_close(&t);
		igt_skip("no large pages here\n");
	}
	return t;
}

/* Page tables everywhere, without anything that is dirty. */
static uint32_t split_up(struct target *t)
{
	uint32_t tracker = hm_dirty_start(t->fd, t->handle, 0, t->size,
					  HM_PAGE, 0);

	write_part(t, 0, t->size, t->pmd);
	hm_assert_levels(t->node, t->p, t->size, 0, 0, t->size / HM_PAGE);
	igt_assert_eq_u64(hm_dirty_sync(t->fd, tracker, 0, 0, 0, NULL),
			  t->size / t->pmd);
	return tracker;
}

static void promote(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = promote_open(node, kind);
	uint32_t tracker = split_up(&t);
	uint64_t before;
	struct hm_levels l;
	long faults;

	/* Reading alone does not help: the page tables are there. */
	hm_read_step(t.p, t.size, t.pmd);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_u64(l.pud + l.pmd, 0);
	before = promoted(&t);
	igt_assert_eq_s64(__hm_promote(t.fd, t.p + t.size / 2, HM_PAGE), 1);
	igt_assert_lte_u64(t.size / t.pmd, promoted(&t) - before);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_u64(l.mapped, 0);
	igt_assert_eq(l.vmas, 1);
	faults = hm_minflt();
	hm_read_step(t.p, t.size, t.pmd);
	faults = hm_minflt() - faults;
	assert_large(&t);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq(faults, (int)(l.pud + l.pmd));
	/* They are clean, and what is written is still noticed. */
	igt_assert_eq_u64(l.rw, 0);
	touch(&t, t.size - HM_PAGE);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), 1);
	hm_dirty_stop(t.fd, tracker);
	/* Nobody watches any more: all writable at once. */
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 1);
	write_part(&t, 0, t.size, t.pmd);
	assert_large(&t);
	for (uint64_t off = 0; off < t.size; off += t.pmd)
		igt_assert_eq_u64(*(uint64_t *)(t.p + off), off + 1);
	target_close(&t);
}

/* What is dirty stays small; all else becomes large. */
static void promote_dirty(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = promote_open(node, kind);
	uint64_t *want = new_bitmap(&t, HM_PAGE);
	uint64_t *got = new_bitmap(&t, HM_PAGE);
	const uint64_t page[] = { 5, 3 * 512 + 7, 3 * 512 + 8, 9 * 512 };
	uint32_t tracker = split_up(&t);
	struct hm_levels l;

	touch(&t, page[0] * HM_PAGE);
	touch(&t, page[1] * HM_PAGE);
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 1);
	hm_read_step(t.p, t.size, t.pmd);
	hm_assert_levels(node, t.p, t.size, 0, t.size / t.pmd - 2, 2 * 512);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_u64(l.rw, 2 * HM_PAGE);
	/* One beside it, one in a large page. */
	touch(&t, page[2] * HM_PAGE);
	touch(&t, page[3] * HM_PAGE);
	/* What was written before is not lost. */
	for (unsigned int i = 0; i < ARRAY_SIZE(page); i++) {
		igt_assert_eq_u64(*(uint64_t *)(t.p + page[i] * HM_PAGE),
				  page[i] * HM_PAGE + 1);
		set_bit(want, page[i]);
	}
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 1);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, got),
			  ARRAY_SIZE(page));
	assert_bitmaps(&t, HM_PAGE, got, want);
	/* All is clean: one more and it is as at first. */
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 1);
	hm_read_step(t.p, t.size, t.pmd);
	assert_large(&t);
	hm_dirty_stop(t.fd, tracker);
	free(want);
	free(got);
	target_close(&t);
}

static void promote_pieces(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = promote_open(node, kind);
	char *middle = t.p + t.size / 2;
	struct hm_levels l;
	struct hm_touch got;

	hm_fill_step(t.p, 0, t.size, t.pmd, 1);
	/* Cut in three, which core mm leaves so when all are the same again. */
	igt_assert_eq(mprotect(middle, t.pmd, PROT_READ), 0);
	igt_assert_eq(mprotect(middle, t.pmd, RW), 0);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 1);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq(l.vmas, 1);
	hm_check_step(t.p, 0, t.size, t.pmd, 1);
	assert_large(&t);
	/* Where they differ they remain what they are. */
	igt_assert_eq(mprotect(middle, t.pmd, PROT_READ), 0);
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 3);
	got = hm_touch_write(middle);
	igt_assert_eq(got.sig, SIGSEGV);
	got = hm_touch_write(middle + t.pmd);
	igt_assert_eq(got.sig, 0);
	got = hm_touch_write(middle - 1);
	igt_assert_eq(got.sig, 0);
	/* One of the three is named: the others are left alone. */
	igt_assert_eq_s64(__hm_promote(t.fd, middle, HM_PAGE), 1);
	igt_assert_eq(mprotect(middle, t.pmd, RW), 0);
	/* A hole, filled with the same again and with something else. */
	hm_munmap(middle, t.pmd);
	target_map_at(&t, middle, t.size / 2, t.pmd, RW);
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 1);
	target_map_at(&t, middle, 0, t.pmd, RW);
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 3);
	igt_assert_eq_u64(*(uint64_t *)middle, hm_pattern(0, 1));
	target_map_at(&t, middle, t.size / 2, t.pmd, RW);
	hm_check_step(t.p, 0, t.size, t.pmd, 1);
	target_close(&t);
}

/* Is the mapping there after fork()? */
static bool child_has(const struct target *t)
{
	int status;
	pid_t pid = fork();

	igt_assert_lte(0, pid);
	if (!pid)
		_exit(msync(t->p, t->size, MS_ASYNC) ? errno == ENOMEM : 2);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFEXITED(status) && WEXITSTATUS(status));
	return WEXITSTATUS(status) == 2;
}

/* Core mm frees the page tables of a mapping, or it is a new one. */
static void promote_advice(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = promote_open(node, kind);
	bool stays = node->q.features & DRM_HUGEMAP_FEATURE_CORE_COLLAPSE;

	hm_dirty_stop(t.fd, split_up(&t));
	igt_assert_eq(madvise(t.p, t.size, MADV_DONTFORK), 0);
	igt_assert(!child_has(&t));
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 1);
	igt_assert_eq(child_has(&t), !stays);
	hm_read_step(t.p, t.size, t.pmd);
	assert_large(&t);
	target_close(&t);
}

static int promote_raw(const struct target *t, uint64_t addr, uint64_t len,
		       uint32_t flags, uint32_t pad)
{
	struct drm_hugemap_promote args = {
		.addr = addr,
		.len = len,
		.flags = flags,
		.pad = pad,
		.nr_mappings = 1234,
	};
	int err = ioctl(t->fd, DRM_IOCTL_HUGEMAP_PROMOTE, &args) ? -errno : 0;

	if (err)
		igt_assert_eq_u64(args.nr_mappings, 1234);
	return err;
}

static void promote_errors(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(16));
	uint64_t at = (uintptr_t)t.p, before;
	struct hm_levels l, now;
	char *foreign;

	hm_fill_step(t.p, 0, t.size, HM_PAGE, 2);
	igt_assert_eq(promote_raw(&t, at, 0, 0, 0), -EINVAL);
	igt_assert_eq(promote_raw(&t, at + 1, HM_PAGE, 0, 0), -EINVAL);
	igt_assert_eq(promote_raw(&t, at, HM_PAGE + 1, 0, 0), -EINVAL);
	igt_assert_eq(promote_raw(&t, at, HM_PAGE, 1, 0), -EINVAL);
	igt_assert_eq(promote_raw(&t, at, HM_PAGE, 0, 1), -EINVAL);
	igt_assert_eq(promote_raw(&t, at, -HM_PAGE, 0, 0), -EINVAL);
	igt_assert_eq(promote_raw(&t, -HM_PAGE, HM_PAGE, 0, 0), -EINVAL);
	igt_assert_eq(promote_raw(&t, 0, HM_PAGE, 0, 0), -EFAULT);

	/* Whatever is wrong behind, nothing happens before it. */
	igt_assert(hm_map_levels(node, t.p, t.size - t.pmd, &l));
	before = promoted(&t);
	hm_munmap(t.p + t.size - t.pmd, t.pmd);
	igt_assert_eq(promote_raw(&t, at, t.size, 0, 0), -EFAULT);
	foreign = mmap(t.p + t.size - t.pmd, t.pmd, RW, MAP_PRIVATE |
		       MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	igt_assert(foreign != MAP_FAILED);
	*foreign = 1;
	igt_assert_eq(promote_raw(&t, at, t.size, 0, 0), -EFAULT);
	igt_assert_eq(promote_raw(&t, (uintptr_t)foreign, HM_PAGE, 0, 0),
		      -EFAULT);
	igt_assert_eq(*foreign, 1);
	igt_assert(hm_map_levels(node, t.p, t.size - t.pmd, &now));
	igt_assert_eq_u64(now.mapped, l.mapped);
	igt_assert_eq_u64(promoted(&t), before);
	target_map_at(&t, foreign, t.size - t.pmd, t.pmd, RW);
	hm_check_step(t.p, 0, t.size, HM_PAGE, 2);

	/* Without its handle an object cannot be mapped again; a dma-buf can. */
	if (t.handle) {
		hm_close(t.fd, t.handle);
		igt_assert(hm_map_levels(node, t.p, t.size, &l));
		igt_assert_eq(promote_raw(&t, at, t.size, 0, 0),
			      kind == OBJECT ? -EACCES : 0);
		if (kind == OBJECT) {
			igt_assert(hm_map_levels(node, t.p, t.size, &now));
			igt_assert_eq_u64(now.mapped, l.mapped);
			igt_assert_eq(now.vmas, l.vmas);
		}
	}
	hm_check_step(t.p, 0, t.size, HM_PAGE, 2);
	hm_fill_step(t.p, 0, t.size, HM_PAGE, 3);
	hm_check_step(t.p, 0, t.size, HM_PAGE, 3);
	target_close(&t);
}

/* A node promotes what is mapped through it, and no other. */
static void promote_others(struct hm_node *region)
{
	struct target object = target_open(region, OBJECT, HM_MIB(4));
	struct hm_node *node = NULL;
	char *window;

	while ((node = hm_node_next(node)))
		if (node->index == region->index)
			break;
	igt_assert(node);
	window = hm_mmap(node, 0, HM_MIB(4), RW);
	igt_assert_eq_s64(__hm_promote(node->fd, window, HM_PAGE), 1);
	igt_assert_eq_s64(__hm_promote(object.fd, object.p, HM_PAGE), 1);
	igt_assert_eq_s64(__hm_promote(object.fd, window, HM_PAGE), -EFAULT);
	igt_assert_eq_s64(__hm_promote(node->fd, object.p, HM_PAGE), -EFAULT);
	/* Nor another device. */
	hm_for_each_drm(drm) {
		int fd;

		if (drm == hm_region_drm(region))
			continue;
		fd = hm_drm_open(drm->render);
		igt_assert_eq_s64(__hm_promote(fd, object.p, HM_PAGE), -EFAULT);
		close(fd);
	}
	hm_munmap(window, HM_MIB(4));
	target_close(&object);
}

/* Core mm frees page tables, so that no PROMOTE is needed for PMD entries. */
static void dontneed(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(32));
	uint32_t tracker;

	if (!hm_kernel_at_least(6, 14) ||
	    !hm_has_order(node, node->q.pmd_order) ||
	    node->q.vma_type != DRM_HUGEMAP_VMA_MIXEDMAP) {
		target_close(&t);
		igt_skip("needs VM_MIXEDMAP, 2 MiB pages and Linux 6.14, which frees page tables\n");
	}
	tracker = split_up(&t);
	igt_assert_eq(madvise(t.p + t.pmd, t.pmd, MADV_DONTNEED), 0);
	hm_read_step(t.p, t.size, t.pmd);
	hm_assert_levels(node, t.p, t.size, 0, 1,
			 (t.size - t.pmd) / HM_PAGE);
	touch(&t, t.pmd + HM_PAGE);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), 1);
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/* ---- WRITABLE ---- */

static void writable(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(32));
	uint64_t nr = t.size / HM_PAGE, over, n;
	uint64_t rnd = first_random(hm_env_number("HM_SEED", 1), 0);
	uint64_t *want = new_bitmap(&t, HM_PAGE);
	uint64_t *got = new_bitmap(&t, HM_PAGE);
	struct hm_levels l;
	uint32_t tracker;

	hm_fill_step(t.p, 0, t.size, HM_PAGE, 0);
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE,
				 DRM_HUGEMAP_DIRTY_WRITABLE);
	for (int round = 0; round < 5; round++) {
		uint64_t reads = 0;

		memset(want, 0, nr / 8);
		for (int i = 0; i < 200; i++) {
			uint64_t page = next_random(&rnd, nr);

			/* Read first, or written first and then read. */
			if (i % 2)
				touch(&t, page * HM_PAGE);
			else if (!get_bit(want, page))
				reads++;
			(void)*(volatile char *)(t.p + page * HM_PAGE);
			set_bit(want, page);
		}
		igt_assert(hm_map_levels(node, t.p, t.size, &l));
		igt_assert_eq_u64(l.ro, 0);
		igt_assert_eq_u64(l.rw, count_bits(want, nr) * HM_PAGE);
		n = end_round(&t, tracker, got, &over);
		igt_assert_eq_u64(n, count_bits(want, nr));
		igt_assert_eq_u64(over, reads);
		assert_bitmaps(&t, HM_PAGE, got, want);
		igt_assert(hm_map_levels(node, t.p, t.size, &l));
		igt_assert_eq_u64(l.mapped, 0);
	}
	/* A mapping that may not write tells nothing. */
	igt_assert_eq(mprotect(t.p, t.size, PROT_READ), 0);
	hm_read_step(t.p, t.size, HM_PAGE);
	igt_assert_eq_u64(end_round(&t, tracker, got, &over), 0);
	hm_dirty_stop(t.fd, tracker);
	free(want);
	free(got);
	target_close(&t);
}

/* Large granules come as large entries. */
static void writable_2m(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(32));
	struct hm_levels l;
	uint64_t over;
	uint32_t tracker;

	if (!hm_has_order(node, node->q.pmd_order)) {
		target_close(&t);
		igt_skip("no page of 2 MiB here\n");
	}
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, t.pmd,
				 DRM_HUGEMAP_DIRTY_WRITABLE);
	for (int round = 0; round < 3; round++) {
		hm_read_step(t.p, t.size, 2 * t.pmd);
		touch(&t, t.pmd);
		igt_assert(hm_map_levels(node, t.p, t.size, &l));
		igt_assert_eq_u64(l.ro, 0);
		igt_assert_eq_u64(l.pmd, t.size / t.pmd / 2 + 1);
		igt_assert_eq_u64(l.pte, 0);
		igt_assert_eq_u64(end_round(&t, tracker, NULL, &over),
				  t.size / t.pmd / 2 + 1);
		igt_assert_eq_u64(over, t.size / t.pmd / 2);
	}
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

static void for_each_region_of_a_kind(void (*fn)(struct hm_node *region))
{
	hm_for_each_region(region)
		if (hm_is_first_of_kind(region))
			igt_dynamic_f("%s", region->label)
				fn(region);
}

int igt_main()
{
	igt_fixture() {
		igt_hugemap_require_nodes();
		igt_hugemap_require_drm();
	}

	igt_describe("Rewriting all of it costs a hundredth of the faults, from the fourth round on.");
	igt_subtest_with_dynamic("dense")
		for_each_target(dense);

	igt_describe("Where few granules of a block are written nothing is reported too much.");
	igt_subtest_with_dynamic("sparse")
		for_each_target(sparse);

	igt_describe("Blocks do not grow by what they report themselves, and end when idle.");
	igt_subtest_with_dynamic("no-creep")
		for_each_target(creep);

	igt_describe("The same for the largest blocks.");
	igt_subtest_with_dynamic("no-creep-pud")
		hm_for_each_node(node)
			if (has_gib(node))
				igt_dynamic_f("%s", node->label)
					creep_pud(node);

	igt_describe("A block that is hardly written is watched page by page again.");
	igt_subtest_with_dynamic("measure")
		for_each_target(measure);

	igt_describe("Not more than max_over granules are reported too much.");
	igt_subtest_with_dynamic("max-over")
		for_each_target(max_over);

	igt_describe("PROMOTE gives the largest pages back, one fault each.");
	igt_subtest_with_dynamic("promote")
		for_each_target(promote);

	igt_describe("PROMOTE while something is dirty loses and misses nothing.");
	igt_subtest_with_dynamic("promote-dirty")
		for_each_target(promote_dirty);

	igt_describe("PROMOTE joins pieces that are the same, and only those.");
	igt_subtest_with_dynamic("promote-pieces")
		for_each_target(promote_pieces);

	igt_describe("PROMOTE keeps what madvise() set where core mm can free page tables.");
	igt_subtest_with_dynamic("promote-advice")
		for_each_target(promote_advice);

	igt_describe("What PROMOTE refuses, it leaves as it is.");
	igt_subtest_with_dynamic("promote-errors")
		for_each_target(promote_errors);

	igt_describe("PROMOTE is for mappings of the node it is called on.");
	igt_subtest_with_dynamic("promote-others")
		for_each_region_of_a_kind(promote_others);

	igt_describe("MADV_DONTNEED makes room for a 2 MiB page where the kernel frees page tables.");
	igt_subtest_with_dynamic("dontneed")
		for_each_target(dontneed);

	igt_describe("WRITABLE: no read-only entries; a read counts, and is said to.");
	igt_subtest_with_dynamic("writable")
		for_each_target(writable);

	igt_describe("WRITABLE with granules of the size of a PMD entry.");
	igt_subtest_with_dynamic("writable-2m")
		for_each_target(writable_2m);
}
