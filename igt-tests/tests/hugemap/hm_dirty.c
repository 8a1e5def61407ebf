// SPDX-License-Identifier: MIT
/*
 * Dirty tracking: exact bitmaps and exact counts of faults, with one process.
 */
#include "hm_dirty.h"

/**
 * TEST: hugemap dirty bitmaps
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dirty tracking
 * Description: What was written, and what finding it out costs.
 *
 * SUBTEST: exact-4k
 * Description: Granules of 4 KiB: exactly what was written is reported.
 *
 * SUBTEST: exact-64k
 * Description: Granules of 64 KiB.
 *
 * SUBTEST: exact-2m
 * Description: Granules of 2 MiB.
 *
 * SUBTEST: cost
 * Description: One entry is zapped, one write costs two faults at most.
 *
 * SUBTEST: huge-granule
 * Description: Granules of the size of a PMD entry keep PMD entries.
 *
 * SUBTEST: fork
 * Description: fork() copies no PMD entry, and no write is missed.
 *
 * SUBTEST: writable-all
 * Description: Where no read-only entries are wanted there are none.
 *
 * SUBTEST: writable-mprotect
 * Description: WRITABLE: what becomes writable by mprotect() is not read-only.
 *
 * SUBTEST: last-page
 * Description: A dirty page at the end makes nothing before it writable.
 *
 * SUBTEST: gaps
 * Description: SYNC takes what was written, and with it few clean pages.
 *
 * SUBTEST: all-is-no-measure
 * Description: What is dirty without a write does not make blocks coarse.
 */

IGT_TEST_DESCRIPTION("What was written, and what finding it out costs.");

/* ---- exact bitmaps ---- */

static void exact(struct hm_node *node, enum hm_dirty_kind kind,
		  uint64_t granule)
{
	/* So that large granules are not all dirty; more is only to be cleared. */
	uint64_t max = granule < HM_MIB(2) ? HM_MIB(256) : HM_MIB(512);
	struct target t = target_open(node, kind, max);
	uint64_t *got = new_bitmap(&t, granule);
	uint32_t tracker;
	unsigned int seed = 1;

	hm_fill_step(t.p, 0, t.size, HM_PAGE, 0);
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, granule, 0);
	for (int round = 0; round < 5; round++) {
		uint64_t *want = new_bitmap(&t, granule), n = 0;

		for (int i = 0; i < 200; i++) {
			uint64_t off = ((uint64_t)rand_r(&seed) << 12) % t.size;

			(void)*(volatile char *)(t.p + (off ^ HM_MIB(2)) % t.size);
			touch(&t, off);
			if (!get_bit(want, off / granule))
				n++;
			set_bit(want, off / granule);
		}
		memset(got, 0xa5, (t.size / granule + 63) / 64 * 8);
		igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0,
						DRM_HUGEMAP_SYNC_PEEK, got), n);
		assert_bitmaps(&t, granule, got, want);
		igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, got),
				  n);
		assert_bitmaps(&t, granule, got, want);
		igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL),
				  0);
		free(want);
	}
	hm_dirty_stop(t.fd, tracker);
	free(got);
	target_close(&t);
}

/* ---- counts ---- */

static void cost(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_GIB(1));
	const unsigned int nr = 64;
	struct hm_stats before, s;
	uint32_t tracker;
	uint64_t units;
	long faults;

	if (t.size < HM_GIB(1) || !hm_has_order(node, node->q.pud_order)) {
		target_close(&t);
		igt_skip("no page of 1 GiB here\n");
	}
	touch(&t, 0);
	hm_assert_levels(node, t.p, t.size, 1, 0, 0);
	hm_stats_read_node(node, &before);
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE, 0);
	hm_stats_read_node(node, &s);
	hm_stats_diff(&before, &s, &s);
	hm_assert_stat(&s, "zap-dirty", 1);
	hm_assert_levels(node, t.p, t.size, 0, 0, 0);
	/* A read brings it back whole. */
	hm_minflt();
	faults = hm_minflt();
	hm_read_step(t.p, t.size, t.pmd);
	igt_assert_eq(hm_minflt() - faults, 1);
	hm_assert_levels(node, t.p, t.size, 1, 0, 0);
	/* The first write breaks it up, but only where it is. */
	hm_stats_read_node(node, &before);
	faults = hm_minflt();
	touch(&t, 5 * t.pmd);
	igt_assert_lte(hm_minflt() - faults, 2);
	hm_stats_read_node(node, &s);
	hm_stats_diff(&before, &s, &s);
	hm_assert_stat(&s, "dirty-mark", 1);
	hm_assert_stat(&s, "dirty-over", 0);
	igt_assert_lt_u64(0, hm_stats_get(&s, "dirty-split"));
	hm_read_step(t.p, t.size, t.pmd);
	hm_assert_levels(node, t.p, t.size, 0, 511, 512);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), 1);
	for (int round = 0; round < 3; round++) {
		unsigned int seed = 7;
		uint8_t unit[512] = {};

		units = 0;
		faults = hm_minflt();
		for (unsigned int i = 0; i < nr; i++) {
			uint64_t off = ((uint64_t)rand_r(&seed) << 12) % t.size;

			touch(&t, off);
			units += !unit[off / t.pmd];
			unit[off / t.pmd] = 1;
		}
		faults = hm_minflt() - faults;
		igt_info("%u pages in %" PRIu64 " units: %ld faults\n", nr,
			 units, faults);
		igt_assert_lte(faults, nr + units);
		igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL),
				  nr);
	}
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/* ---- huge granules keep huge entries ---- */

static void huge_granule(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(128));
	struct hm_levels l;
	uint32_t tracker;

	if (!hm_has_order(node, node->q.pmd_order)) {
		target_close(&t);
		igt_skip("no page of 2 MiB here\n");
	}
	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, t.pmd, 0);
	for (uint64_t off = 0; off < t.size; off += 2 * t.pmd)
		touch(&t, off + 3 * HM_PAGE);
	hm_read_step(t.p, t.size, t.pmd);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_u64(l.pmd, t.size / t.pmd);
	igt_assert_eq_u64(l.rw, t.size / 2);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL),
			  t.size / t.pmd / 2);
	hm_read_step(t.p, t.size, t.pmd);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_u64(l.rw, 0);
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/* ---- fork() ---- */

/*
 * Since 6.12 fork() copies PMD entries, and reads them before it locks them: the
 * driver takes those away that a tracker watches, and only those. With the patch
 * for it (mm-patches, P7) it need not.
 */
static void forked(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(16));
	uint32_t tracker = 0;

	hm_require_set_level(node, HM_PMD, true);
	for (int tracked = 0; tracked < 2; tracked++) {
		uint64_t zaps = hm_node_stat(node, "zap-fork");

		if (tracked)
			tracker = hm_dirty_start(t.fd, t.handle, 0, t.size,
						 t.pmd, 0);
		for (uint64_t off = 0; off < t.size; off += t.pmd)
			touch(&t, off);
		if (tracked)
			igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0,
							t.size / 2, 0, NULL),
					  t.size / t.pmd / 2);
		igt_fork(child, 1)
			touch(&t, HM_PAGE);
		igt_waitchildren();
		zaps = hm_node_stat(node, "zap-fork") - zaps;
		igt_assert_eq_u64(zaps, hm_fork_zaps_pmd(node));
	}
	/* What was not synced yet, and the child's. */
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL),
			  t.size / t.pmd / 2 + 1);
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/* ---- no read-only entries ---- */

static void assert_none_read_only(struct target *t)
{
	struct hm_levels l;

	hm_read_step(t->p, t->size, HM_PAGE);
	igt_assert(hm_map_levels(t->node, t->p, t->size, &l));
	igt_assert_eq_u64(l.ro, 0);
	igt_assert_eq_u64(l.rw, t->size);
}

/* Whatever came before, or is clean beside it, and all dirty from the start. */
static void writable_all(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(8));
	uint32_t plain, writable;
	struct hm_levels l;

	/* Half a PMD, so that an entry may reach beyond it. */
	plain = hm_dirty_start(t.fd, t.handle, 0, t.pmd / 2, HM_PAGE, 0);
	hm_read_step(t.p, t.size, HM_PAGE);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_lt_u64(0, l.ro);
	writable = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE,
				  DRM_HUGEMAP_DIRTY_WRITABLE |
				  DRM_HUGEMAP_DIRTY_ALL);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_u64(l.ro, 0);
	/* From behind the plain one's range, which stays clean until read. */
	(void)*(volatile char *)(t.p + t.pmd - HM_PAGE);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_u64(l.ro, 0);
	assert_none_read_only(&t);
	hm_dirty_sync(t.fd, writable, 0, 0, 0, NULL);
	hm_dirty_sync(t.fd, plain, 0, 0, 0, NULL);
	assert_none_read_only(&t);
	hm_dirty_stop(t.fd, writable);
	hm_dirty_stop(t.fd, plain);
	target_close(&t);
}

/* What was read while nothing could be written, before the mapping may. */
static void writable_mprotect(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(8));
	uint32_t tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE,
					  DRM_HUGEMAP_DIRTY_WRITABLE);
	uint64_t inner = t.pmd + 5 * HM_PAGE;
	struct hm_levels l;

	for (int part = 0; part < 2; part++) {
		uint64_t off = part ? inner : 0, len = part ? HM_PAGE : t.size;

		igt_assert_eq(mprotect(t.p, t.size, PROT_READ), 0);
		hm_read_step(t.p, t.size, HM_PAGE);
		igt_assert(hm_map_levels(node, t.p, t.size, &l));
		igt_assert_eq_u64(l.ro, t.size);
		igt_assert_eq(mprotect(t.p + off, len, PROT_READ | PROT_WRITE), 0);
		igt_assert(hm_map_levels(node, t.p + off, len, &l));
		igt_assert_eq_u64(l.ro, 0);
		/* A read is a write there. */
		(void)*(volatile char *)(t.p + inner);
		igt_assert(hm_map_levels(node, t.p + inner, HM_PAGE, &l));
		igt_assert_eq_u64(l.rw, HM_PAGE);
	}
	igt_assert_lt_u64(0, hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL));
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/* ---- what adaptive learns from ---- */

/* That all is dirty at first says nothing about what is written. */
static void all_is_no_measure(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(4));
	uint64_t nr = t.size / HM_PAGE;
	uint32_t tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE,
					  DRM_HUGEMAP_DIRTY_ADAPTIVE |
					  DRM_HUGEMAP_DIRTY_ALL);

	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), nr);
	hm_fill_step(t.p, 0, t.size, HM_PAGE, 1);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), nr);
	/* Dense once: still page by page.  Twice: no more. */
	touch(&t, HM_PAGE);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0,
					DRM_HUGEMAP_SYNC_PEEK, NULL), 1);
	hm_fill_step(t.p, 0, t.size, HM_PAGE, 2);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), nr);
	touch(&t, HM_PAGE);
	igt_assert_lt_u64(1, hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL));
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/*
 * What is tracked ends behind the only dirty page, and the fault is there: all
 * that follows in the unit is dirty, what comes before it is not.
 */
static void last_page(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(8));
	uint32_t tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE, 0);

	touch(&t, t.size - HM_PAGE);
	/* Without the table that the write left. */
	hm_munmap(t.p, t.size);
	t.p = target_map(&t, RW);
	hm_read_step(t.p + t.size - HM_PAGE, HM_PAGE, HM_PAGE);
	touch(&t, t.size - t.pmd);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), 2);
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

/* Base pages in the first unit of @t, of which two were written. */
static uint64_t after_sync(struct target *t, uint32_t tracker, uint64_t first,
			   uint64_t second)
{
	struct hm_levels l;

	touch(t, first * HM_PAGE);
	touch(t, second * HM_PAGE);
	hm_read_step(t->p, t->pmd, HM_PAGE);
	hm_assert_levels(t->node, t->p, t->pmd, 0, 0, t->pmd / HM_PAGE);
	igt_assert_eq_u64(hm_dirty_sync(t->fd, tracker, 0, 0, 0, NULL), 2);
	igt_assert(hm_map_levels(t->node, t->p, t->pmd, &l));
	return l.pte;
}

static void gaps(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct target t = target_open(node, kind, HM_MIB(4));
	uint64_t nr = t.pmd / HM_PAGE;
	uint32_t tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE, 0);
	struct hm_levels l;

	/* 16 clean pages between them go with them, 17 stay. */
	igt_assert_eq_u64(after_sync(&t, tracker, 3, 20), nr - 18);
	igt_assert_eq_u64(after_sync(&t, tracker, 3, 21), nr - 2);
	/* A write brings back its own page, a read all that is missing. */
	touch(&t, 3 * HM_PAGE);
	igt_assert(hm_map_levels(node, t.p, t.pmd, &l));
	igt_assert_eq_u64(l.pte, nr - 1);
	hm_read_step(t.p + 21 * HM_PAGE, HM_PAGE, HM_PAGE);
	hm_assert_levels(node, t.p, t.pmd, 0, 0, nr);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), 1);
	/* All of a run goes, at both sides of a gap and of a unit. */
	for (int i = 0; i < 6; i++) {
		touch(&t, (100 + i) * HM_PAGE);
		touch(&t, (nr - 3 + i) * HM_PAGE);
	}
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), 12);
	for (int i = 0; i < 6; i++) {
		touch(&t, (100 + i) * HM_PAGE);
		touch(&t, (nr - 3 + i) * HM_PAGE);
	}
	igt_assert_eq_u64(hm_dirty_sync(t.fd, tracker, 0, 0, 0, NULL), 12);
	hm_dirty_stop(t.fd, tracker);
	target_close(&t);
}

static void exact_4k(struct hm_node *node, enum hm_dirty_kind kind)
{
	exact(node, kind, HM_PAGE);
}

static void exact_64k(struct hm_node *node, enum hm_dirty_kind kind)
{
	exact(node, kind, HM_KIB(64));
}

static void exact_2m(struct hm_node *node, enum hm_dirty_kind kind)
{
	exact(node, kind, HM_MIB(2));
}

int igt_main()
{
	igt_describe("Granules of 4 KiB: exactly what was written is reported.");
	igt_subtest_with_dynamic("exact-4k")
		for_each_target(exact_4k);

	igt_describe("Granules of 64 KiB.");
	igt_subtest_with_dynamic("exact-64k")
		for_each_target(exact_64k);

	igt_describe("Granules of 2 MiB.");
	igt_subtest_with_dynamic("exact-2m")
		for_each_target(exact_2m);

	igt_describe("One entry is zapped, one write costs two faults at most.");
	igt_subtest_with_dynamic("cost")
		for_each_target(cost);

	igt_describe("Granules of the size of a PMD entry keep PMD entries.");
	igt_subtest_with_dynamic("huge-granule")
		for_each_target(huge_granule);

	igt_describe("fork() copies no PMD entry, and no write is missed.");
	igt_subtest_with_dynamic("fork")
		for_each_target(forked);

	igt_describe("Where no read-only entries are wanted there are none.");
	igt_subtest_with_dynamic("writable-all")
		for_each_target(writable_all);

	igt_describe("WRITABLE: what becomes writable by mprotect() is not read-only.");
	igt_subtest_with_dynamic("writable-mprotect")
		for_each_target(writable_mprotect);

	igt_describe("A dirty page at the end makes nothing before it writable.");
	igt_subtest_with_dynamic("last-page")
		for_each_target(last_page);

	igt_describe("SYNC takes what was written, and with it few clean pages.");
	igt_subtest_with_dynamic("gaps")
		for_each_target(gaps);

	igt_describe("What is dirty without a write does not make blocks coarse.");
	igt_subtest_with_dynamic("all-is-no-measure")
		for_each_target(all_is_no_measure);
}
