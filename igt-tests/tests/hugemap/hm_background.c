// SPDX-License-Identifier: MIT
/*
 * What the kernel does to page tables by itself: khugepaged, ksmd, NUMA
 * balancing.  Each is shown to be at work, on other memory beside our mappings,
 * which it has to leave alone.  And the kernel's own way to see writes.
 */
#include <pthread.h>

#include "hm_map.h"

/**
 * TEST: hugemap and the kernel's housekeeping
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: page faults
 * Description: What the kernel does to page tables by itself.
 *
 * SUBTEST: khugepaged
 * Description: khugepaged collapses other memory, and none of ours.
 *
 * SUBTEST: ksm
 * Description: ksmd merges other memory, and none of ours.
 *
 * SUBTEST: numa-balancing
 * Description: NUMA balancing takes access to other memory away, not to ours.
 *
 * SUBTEST: soft-dirty
 * Description: What soft-dirty bits say of writes, and what they do not.
 */

IGT_TEST_DESCRIPTION("What the kernel does to page tables by itself.");

#define SEED		0x62616b67ull
#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged/"
#define KSM		"/sys/kernel/mm/ksm/"
#define NUMA		"/sys/kernel/debug/sched/numa_balancing/"
/* Milliseconds, for what takes a fraction of a second. */
#define PATIENCE	60000

static uint64_t file_number(const char *path)
{
	char buf[32];

	igt_assert_f(__hm_read_file(path, buf, sizeof(buf)) > 0, "%s\n", path);
	return strtoull(buf, NULL, 0);
}

/* Of /proc/vmstat. */
static uint64_t vmstat(const char *name)
{
	static char buf[65536];
	const char *p;
	char key[64];

	igt_assert(__hm_read_file("/proc/vmstat", buf, sizeof(buf)) > 0);
	snprintf(key, sizeof(key), "\n%s ", name);
	p = strstr(buf, key);
	igt_require_f(p, "this kernel counts no %s\n", name);
	return strtoull(p + strlen(key), NULL, 10);
}

#define wait_until(what, cond) do {					\
	uint64_t end = hm_now_ms() + PATIENCE;				\
									\
	while (!(cond)) {						\
		igt_assert_f(hm_now_ms() < end, "%s does nothing\n", what); \
		usleep(10000);						\
	}								\
} while (0)

/* ---- a mapping of ours, of one page size ---- */

struct ours {
	struct hm_node *node;
	enum hm_level level;
	char *p;
	uint64_t len;
};

static bool ours_map(struct ours *o, struct hm_node *node, enum hm_level level)
{
	o->node = node;
	o->level = level;
	o->len = hm_level_size(node, level);
	if (o->len < 4 * hm_pmd_size(node))
		o->len = 4 * hm_pmd_size(node);
	if (o->len > node->size || !hm_set_level(node, level, true))
		return false;
	o->p = hm_mmap(node, 0, o->len, PROT_READ | PROT_WRITE);
	hm_fill_step(o->p, 0, o->len, HM_PAGE, SEED);
	hm_assert_level(node, o->p, o->len, level);
	/* Larger pages are allowed now. */
	hm_limit(node, HM_PUD);
	return true;
}

static uint64_t our_faults(const struct ours *o)
{
	struct hm_stats s;

	hm_stats_read_node(o->node, &s);
	return hm_stats_get(&s, "fault-pte") + hm_stats_get(&s, "fault-pmd") +
	       hm_stats_get(&s, "fault-pud") + hm_stats_get(&s, "upgrade-pte") +
	       hm_stats_get(&s, "upgrade-pmd") + hm_stats_get(&s, "upgrade-pud");
}

/* Nothing of it has changed: to touch all of it takes no fault. */
static void ours_check(const struct ours *o)
{
	uint64_t faults;

	hm_assert_level(o->node, o->p, o->len, o->level);
	faults = our_faults(o);
	hm_check_step(o->p, 0, o->len, HM_PAGE, SEED);
	/* What is written is written to the device's memory, not to a copy. */
	hm_fill_step(o->p, 0, o->len, HM_PAGE, SEED + 1);
	hm_check_file(o->node->fd, 0, o->len, hm_pmd_size(o->node) / 8, SEED + 1);
	igt_assert_eq_u64(our_faults(o), faults);
}

static void for_levels(struct hm_node *node,
		       void (*fn)(const struct ours *o))
{
	struct ours o;

	for (int level = HM_PTE; level < HM_NR_LEVELS; level++) {
		if (!ours_map(&o, node, level))
			continue;
		fn(&o);
		ours_check(&o);
		hm_munmap(o.p, o.len);
	}
}

/* Memory that is not ours, in small pages. */
static char *other_map(uint64_t len, uint64_t align)
{
	char *p = hm_reserve_aligned(len, align);

	igt_assert_eq(mprotect(p, len, PROT_READ | PROT_WRITE), 0);
	igt_assert_eq(madvise(p, len, MADV_NOHUGEPAGE), 0);
	for (uint64_t i = 0; i < len; i += HM_PAGE)
		p[i] = 1;
	return p;
}

/* ---- khugepaged ---- */

static void khugepaged(const struct ours *o)
{
	uint64_t pmd = hm_pmd_size(o->node), scans;
	char *other = other_map(pmd, pmd);
	uint64_t collapses = vmstat("thp_collapse_alloc");

	igt_assert_eq(madvise(o->p, o->len, MADV_HUGEPAGE), 0);
	igt_assert_eq(madvise(other, pmd, MADV_HUGEPAGE), 0);
	/* Not in smaps: to read that takes 1 GiB pages away. */
	wait_until("khugepaged", vmstat("thp_collapse_alloc") > collapses);
	/* The scan that was under way, and a whole one. */
	scans = file_number(KHUGEPAGED "full_scans");
	wait_until("khugepaged",
		   file_number(KHUGEPAGED "full_scans") >= scans + 2);
	hm_munmap(other, pmd);
}

static void test_khugepaged(struct hm_node *node)
{
	hm_thp_set("always");
	hm_tunable_set(KHUGEPAGED "pages_to_scan", "1000000");
	hm_tunable_set(KHUGEPAGED "scan_sleep_millisecs", "10");
	hm_tunable_set(KHUGEPAGED "alloc_sleep_millisecs", "10");
	for_levels(node, khugepaged);
	hm_restore();
}

/* ---- ksmd ---- */

static void ksm(const struct ours *o)
{
	uint64_t len = 16 * HM_PAGE, scans;
	char *other = other_map(len, HM_PAGE);

	/* Nothing is merged, and now go. */
	hm_tunable_set(KSM "run", "2");
	igt_assert_eq_u64(file_number(KSM "pages_sharing"), 0);
	igt_assert_eq(madvise(o->p, o->len, MADV_MERGEABLE), 0);
	igt_assert_eq(madvise(other, len, MADV_MERGEABLE), 0);
	hm_tunable_set(KSM "run", "1");
	wait_until("ksmd", file_number(KSM "pages_sharing"));
	scans = file_number(KSM "full_scans");
	wait_until("ksmd", file_number(KSM "full_scans") >= scans + 2);
	hm_munmap(other, len);
}

static void test_ksm(struct hm_node *node)
{
	hm_tunable_set(KSM "pages_to_scan", "10000");
	hm_tunable_set(KSM "sleep_millisecs", "10");
	for_levels(node, ksm);
	hm_restore();
}

/* ---- NUMA balancing: by the threads themselves, as they run ---- */

static atomic_bool stop;

static void *run_thread(void *data)
{
	volatile char *p = data;

	while (!atomic_load(&stop))
		(*p)++;
	return NULL;
}

static void numa(const struct ours *o)
{
	uint64_t len = HM_MIB(1), end = hm_now_ms() + PATIENCE, updates;
	uint64_t faults = our_faults(o);
	char *other = other_map(len, HM_PAGE);
	struct hm_levels l;
	pthread_t thread;

	/* Of one thread, what is on its node already stays as it is. */
	atomic_store(&stop, false);
	igt_assert_eq(pthread_create(&thread, NULL, run_thread, other), 0);
	updates = vmstat("numa_pte_updates");
	while (vmstat("numa_pte_updates") < updates + len / HM_PAGE &&
	       hm_now_ms() < end) {
		/* Core mm alone handles hints: no driver counts them. */
		igt_assert(hm_map_levels(o->node, o->p, o->len, &l));
		igt_assert_eq_u64(l.noaccess, 0);
		hm_read_step(other, len, HM_PAGE);
		hm_read_step(o->p, o->len, HM_PAGE);
	}
	igt_assert_eq_u64(our_faults(o), faults);
	updates = vmstat("numa_pte_updates") - updates;
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	hm_munmap(other, len);
	igt_assert_f(updates >= len / HM_PAGE, "NUMA balancing does nothing\n");
}

static void test_numa(struct hm_node *node)
{
	hm_tunable_set("/proc/sys/kernel/numa_balancing", "1");
	hm_tunable_set(NUMA "scan_delay_ms", "10");
	hm_tunable_set(NUMA "scan_period_min_ms", "10");
	hm_tunable_set(NUMA "scan_period_max_ms", "20");
	for_levels(node, numa);
	hm_restore();
}

/* ---- soft-dirty ---- */

static bool soft_dirty(const char *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t e;

	igt_assert_fd(fd);
	igt_assert_eq(pread(fd, &e, sizeof(e),
			    (unsigned long)p / HM_PAGE * sizeof(e)),
		      (int)sizeof(e));
	close(fd);
	return e >> 55 & 1;
}

/*
 * clear_refs skips VM_PFNMAP, and nobody looks at PUD entries: there no write
 * shows.  Elsewhere it does, as one to all of its entry, or of the batch of small
 * entries that its fault brought.
 */
static void dirties(const struct ours *o)
{
	bool shows = o->node->q.vma_type == DRM_HUGEMAP_VMA_MIXEDMAP &&
		     o->level != HM_PUD;
	char *other = other_map(2 * HM_PAGE, HM_PAGE);
	char *mine = o->p + hm_pmd_size(o->node) + 5 * HM_PAGE;

	igt_assert_eq(__hm_write_file("/proc/self/clear_refs", "4"), 0);
	igt_require_f(!soft_dirty(other), "no soft-dirty bits in this kernel\n");
	igt_assert(!soft_dirty(mine));
	*(volatile char *)(mine + 8) = 1;
	other[0] = 2;
	igt_assert(soft_dirty(other));
	igt_assert(!soft_dirty(other + HM_PAGE));
	igt_assert_eq(soft_dirty(mine), shows);
	/* In another PMD-sized unit. */
	igt_assert(!soft_dirty(o->p));
	hm_munmap(other, 2 * HM_PAGE);
}

static void test_soft_dirty(struct hm_node *node)
{
	struct ours o;

	for (int level = HM_PTE; level < HM_NR_LEVELS; level++) {
		if (!ours_map(&o, node, level))
			continue;
		dirties(&o);
		hm_check_step(o.p, 0, o.len, HM_PAGE, SEED);
		hm_munmap(o.p, o.len);
	}
	hm_restore();
}

int igt_main()
{
	igt_fixture()
		igt_hugemap_require_nodes();

	igt_describe("khugepaged collapses other memory, and none of ours.");
	igt_subtest_with_dynamic("khugepaged")
		hm_dynamic_for_each_kind(node)
			test_khugepaged(node);

	igt_describe("ksmd merges other memory, and none of ours.");
	igt_subtest_with_dynamic("ksm")
		hm_dynamic_for_each_kind(node)
			test_ksm(node);

	igt_describe("NUMA balancing takes access to other memory away, not to ours.");
	igt_subtest_with_dynamic("numa-balancing")
		hm_dynamic_for_each_kind(node)
			test_numa(node);

	igt_describe("What soft-dirty bits say of writes, and what they do not.");
	igt_subtest_with_dynamic("soft-dirty")
		hm_dynamic_for_each_kind(node)
			test_soft_dirty(node);
}
