// SPDX-License-Identifier: MIT
/*
 * Which page sizes a mapping gets, how many faults it costs, and why it did
 * not get larger ones.
 */
#include <sys/prctl.h>
#include <sys/stat.h>

#include "hm_map.h"

/**
 * TEST: hugemap page sizes
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: page faults
 * Description: Page sizes of mappings, proven by counters and page tables.
 *
 * SUBTEST: ptdump
 * Description: The kernel's dump of the page tables shows the same entries.
 *
 * SUBTEST: cut-between
 * Description: A cut between 2 MiB pages leaves no 1 GiB page over both parts.
 *
 * SUBTEST: gib-borders
 * Description: A mapping cut between its 1 GiB pages keeps each of them.
 *
 * SUBTEST: tracepoint
 * Description: The tracepoint of insertions tells of the same entries.
 *
 * SUBTEST: kernel-table
 * Description: QUERY reports what this kernel is known to be safe with.
 *
 * SUBTEST: pud-one-fault
 * Description: 1 GiB is mapped by exactly one fault, without a page table.
 *
 * SUBTEST: pud-one-read-fault
 * Description: The same when it is only read.
 *
 * SUBTEST: pmd-512-faults
 * Description: With the limit lowered, 1 GiB takes 512 faults.
 *
 * SUBTEST: pte-batched
 * Description: Base pages take at most a sixteenth of a fault each.
 *
 * SUBTEST: offset-page
 * Description: A mapping that begins at 4 KiB has 2 MiB pages inside.
 *
 * SUBTEST: misaligned-address
 * Description: An address that is off by a page costs the large pages only.
 *
 * SUBTEST: odd-sizes
 * Description: Odd offsets and lengths get what fits, to the last page.
 *
 * SUBTEST: reason-limit
 * Description: Pages larger than max_order are not used and counted so.
 *
 * SUBTEST: reason-policy
 * Description: Pages the kernel is not safe with are not used by default.
 *
 * SUBTEST: reason-arch
 * Description: A CPU without 1 GiB pages gets 2 MiB pages.
 *
 * SUBTEST: reason-cap-table
 * Description: A cap, and a page table that outlives it, are counted so.
 *
 * SUBTEST: limit-live
 * Description: max_order acts on mappings that exist and keeps the data.
 *
 * SUBTEST: caching
 * Description: Every page size has the memory type of the region.
 *
 * SUBTEST: thp-policy
 * Description: The transparent hugepage policy acts as QUERY says.
 *
 * SUBTEST: madvise-nohugepage
 * Description: MADV_NOHUGEPAGE gives base pages.
 *
 * SUBTEST: prctl-thp-disable
 * Description: prctl(PR_SET_THP_DISABLE) gives base pages.
 */

IGT_TEST_DESCRIPTION("Page sizes of mappings, proven by counters and page tables.");

#define SEED	0x6f72646572ull

/* ---- one fault a unit ---- */

/*
 * A whole PUD-sized unit, every page of it touched.  Counts both by the driver
 * and by the kernel.
 */
static void full_touch(struct hm_node *node, enum hm_level level, bool write)
{
	uint64_t len = hm_pud_size(node), pmd = hm_pmd_size(node);
	uint64_t faults[] = { len / pmd, len / pmd, 1 };
	struct hm_stats s;
	char key[32];
	long minflt;
	char *p;
	int fd;

	igt_hugemap_require_size(node, len);
	hm_require_set_level(node, level, true);
	fd = hm_open(node, O_RDWR);
	/* Aligned for a PUD entry at every order, so that tables can be counted. */
	p = hm_reserve_aligned(len, len);
	igt_assert(mmap(p, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			fd, 0) == p);
	hm_minflt();
	minflt = hm_minflt();
	/* The first fault in the middle: the entry begins before it. */
	if (write) {
		*(volatile char *)(p + len / 2 + pmd / 2 + HM_PAGE) = 1;
		hm_fill_step(p, 0, len, HM_PAGE, SEED);
	} else {
		(void)*(volatile char *)(p + len / 2 + pmd / 2 + HM_PAGE);
		hm_read_step(p, len, HM_PAGE);
	}
	minflt = hm_minflt() - minflt;

	hm_stats_read(fd, &s);
	hm_stats_log(&s);
	snprintf(key, sizeof(key), "fault-%s", hm_level_name[level]);
	hm_assert_stat(&s, key, faults[level]);
	igt_assert_eq_u64(hm_stats_get(&s, "fault-pud") +
			  hm_stats_get(&s, "fault-pmd") +
			  hm_stats_get(&s, "fault-pte"), faults[level]);
	hm_assert_stat(&s, "pte-entries", level == HM_PTE ? len / HM_PAGE : 0);
	hm_assert_stat(&s, "pt-bytes", level == HM_PUD ? 0 :
		       HM_PAGE * (level == HM_PMD ? 1 : 1 + len / pmd));
	hm_assert_stat(&s, "sigbus", 0);
	/* Bound: a sixteenth of one fault per page. */
	igt_assert_lte_u64(faults[level], len / HM_PAGE / 16);
	igt_assert_eq_u64(minflt, faults[level]);
	hm_assert_level(node, p, len, level);
	if (write)
		hm_check_step(p, 0, len, HM_PAGE, SEED);
	hm_munmap(p, len);
	hm_stats_read(fd, &s);
	hm_assert_stat(&s, "pt-bytes", 0);
	hm_assert_stat(&s, "vmas", 0);
	close(fd);
}

/* ---- shapes ---- */

struct shape {
	uint64_t pud, pmd, pte;		/* entries */
	uint64_t pte_faults;
};

/* What a mapping of @len at @off gets when @va is where it is. */
static struct shape expect_shape(struct hm_node *node, uint64_t va,
				 uint64_t off, uint64_t len)
{
	uint64_t pud = hm_pud_size(node), pmd = hm_pmd_size(node);
	uint64_t end = va + len, next;
	struct shape s = {};

	for (; va < end; off += next - va, va = next) {
		if (!(va % pud) && !(off % pud) && end - va >= pud &&
		    hm_has_order(node, node->q.pud_order)) {
			s.pud++;
			next = va + pud;
		} else if (!(va % pmd) && !(off % pmd) && end - va >= pmd &&
			   hm_has_order(node, node->q.pmd_order)) {
			s.pmd++;
			next = va + pmd;
		} else {
			next = va - va % pmd + pmd;
			next = next < end ? next : end;
			s.pte += (next - va) / HM_PAGE;
			s.pte_faults++;
		}
	}
	return s;
}

static void check_shape(struct hm_node *node, void *addr, uint64_t off,
			uint64_t len)
{
	int fd = hm_open(node, O_RDWR);
	int flags = MAP_SHARED | (addr ? MAP_FIXED : 0);
	struct hm_stats s;
	struct shape e;
	uint64_t sum;
	char *p;

	p = mmap(addr, len, PROT_READ | PROT_WRITE, flags, fd, off);
	igt_assert_f(p != MAP_FAILED, "mmap of %#" PRIx64 " at %#" PRIx64 "\n",
		     len, off);
	e = expect_shape(node, (unsigned long)p, off, len);
	hm_fill_step(p, off, len, HM_PAGE, SEED);
	hm_stats_read(fd, &s);
	igt_debug("off %#" PRIx64 " len %#" PRIx64 ": %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		  off, len, e.pud, e.pmd, e.pte);
	hm_assert_levels(node, p, len, e.pud, e.pmd, e.pte);
	hm_assert_stat(&s, "fault-pud", e.pud);
	hm_assert_stat(&s, "fault-pmd", e.pmd);
	hm_assert_stat(&s, "fault-pte", e.pte_faults);
	hm_assert_stat(&s, "pte-entries", e.pte);

	/* Each fault has one reason for each level that it did not get. */
	sum = 0;
	for (int i = 1; i < DRM_HUGEMAP_WHY_COUNT; i++)
		sum += hm_fallbacks(&s, HM_PUD, hm_why_name(i));
	igt_assert_eq_u64(sum, e.pmd + e.pte_faults);
	sum = 0;
	for (int i = 1; i < DRM_HUGEMAP_WHY_COUNT; i++)
		sum += hm_fallbacks(&s, HM_PMD, hm_why_name(i));
	igt_assert_eq_u64(sum, e.pte_faults);

	hm_check_step(p, off, len, HM_PAGE, SEED);
	hm_check_file(fd, off, len, len > hm_pmd_size(node) ?
		      hm_pmd_size(node) : HM_PAGE, SEED);
	hm_munmap(p, len);
	close(fd);
}

static void odd_sizes(struct hm_node *node)
{
	uint64_t pmd = hm_pmd_size(node), size = node->size;
	uint64_t gib = size < hm_pud_size(node) ? size : hm_pud_size(node);
	const struct {
		uint64_t off, len;
	} shapes[] = {
		{ 0, HM_PAGE },
		{ 0, pmd - HM_PAGE },
		{ 0, pmd },
		{ 0, pmd + HM_PAGE },
		{ 0, 3 * pmd },
		{ HM_PAGE, HM_PAGE },
		{ HM_PAGE, pmd },
		{ HM_PAGE, 2 * pmd - HM_PAGE },
		{ pmd - HM_PAGE, 2 * HM_PAGE },
		{ pmd - HM_PAGE, 2 * pmd },
		{ pmd, 2 * pmd + 3 * HM_PAGE },
		{ 7 * pmd + 5 * HM_PAGE, 4 * pmd + 6 * HM_PAGE },
		{ 0, gib - HM_PAGE },
		{ HM_PAGE, gib - HM_PAGE },
		{ size - HM_PAGE, HM_PAGE },
		{ size - pmd, pmd },
		{ size - pmd - HM_PAGE, pmd + HM_PAGE },
		{ size - 3 * pmd + HM_PAGE, 3 * pmd - HM_PAGE },
	};

	hm_sysfs_write(node, "allow_pmd", "1");
	hm_node_refresh(node);
	for (unsigned int i = 0; i < ARRAY_SIZE(shapes); i++)
		check_shape(node, NULL, shapes[i].off, shapes[i].len);
}

static void offset_page(struct hm_node *node)
{
	uint64_t len = hm_pud_size(node) - HM_PAGE, pmd = hm_pmd_size(node);
	int fd = hm_open(node, O_RDWR);
	struct hm_stats s;
	char *p;

	igt_hugemap_require_size(node, len + HM_PAGE);
	hm_require_set_level(node, HM_PMD, true);
	hm_sysfs_write(node, "max_order", "18");
	p = hm_mmap_fd(fd, HM_PAGE, len, PROT_READ | PROT_WRITE);
	hm_fill_step(p, HM_PAGE, len, HM_PAGE, SEED);
	hm_stats_read(fd, &s);
	hm_assert_stat(&s, "fault-pmd", len / pmd);
	hm_assert_stat(&s, "fault-pud", 0);
	hm_assert_stat(&s, "fault-pte", 1);
	hm_assert_stat(&s, "pte-entries", pmd / HM_PAGE - 1);
	hm_assert_stat(&s, "fallback-pmd-vma", 1);
	hm_assert_levels(node, p, len, 0, len / pmd, pmd / HM_PAGE - 1);
	hm_check_step(p, HM_PAGE, len, HM_PAGE, SEED);
	hm_munmap(p, len);
	close(fd);
}

/* A virtual address that is one page away from where it should be. */
static void misaligned(struct hm_node *node)
{
	uint64_t pmd = hm_pmd_size(node), len = 8 * pmd;
	int fd = hm_open(node, O_RDWR);
	struct hm_stats s;
	char *p;

	hm_sysfs_write(node, "allow_pmd", "1");
	p = hm_reserve_aligned(2 * hm_pud_size(node), hm_pud_size(node));
	p += HM_PAGE;
	igt_assert(mmap(p, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			fd, 0) == p);
	hm_fill_step(p, 0, len, HM_PAGE, SEED);
	hm_stats_read(fd, &s);
	hm_assert_stat(&s, "fault-pte", len / pmd + 1);
	hm_assert_stat(&s, "fault-pmd", 0);
	hm_assert_stat(&s, "fault-pud", 0);
	hm_node_refresh(node);
	if (hm_has_order(node, node->q.pmd_order))
		hm_assert_stat(&s, "fallback-pmd-align", len / pmd + 1);
	if (hm_has_order(node, node->q.pud_order))
		hm_assert_stat(&s, "fallback-pud-align", len / pmd + 1);
	hm_assert_levels(node, p, len, 0, 0, len / HM_PAGE);
	hm_check_step(p, 0, len, HM_PAGE, SEED);
	hm_check_file(fd, 0, len, pmd, SEED);
	close(fd);
}

/* ---- reasons ---- */

/* Map one PUD unit, touch its first page, see what the counters say. */
static void one_touch(struct hm_node *node, struct hm_stats *s,
		      const struct hm_levels *want)
{
	uint64_t len = node->size < hm_pud_size(node) ? node->size :
							hm_pud_size(node);
	int fd = hm_open(node, O_RDWR);
	struct hm_levels l;
	char *p;

	p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	*(volatile uint64_t *)p = hm_pattern(0, SEED);
	hm_stats_read(fd, s);
	igt_assert(hm_map_levels(node, p, len, &l));
	igt_assert_eq_u64(l.pud, want->pud);
	igt_assert_eq_u64(l.pmd, want->pmd);
	igt_assert_eq_u64(l.pte, want->pte);
	hm_check_file(fd, 0, HM_PAGE, HM_PAGE, SEED);
	hm_munmap(p, len);
	close(fd);
}

static const struct hm_levels one_pmd = { .pmd = 1 };

static struct hm_levels one_table(const struct hm_node *node)
{
	return (struct hm_levels) { .pte = hm_pmd_size(node) / HM_PAGE };
}

static void reason_limit(struct hm_node *node)
{
	struct hm_levels pte = one_table(node);
	struct hm_stats s;

	hm_require_set_level(node, HM_PMD, true);
	one_touch(node, &s, &one_pmd);
	if (hm_cpu_has_pud())
		hm_assert_stat(&s, "fallback-pud-limit", 1);
	hm_limit(node, HM_PTE);
	one_touch(node, &s, &pte);
	if (hm_cpu_has_pud())
		hm_assert_stat(&s, "fallback-pud-limit", 1);
	hm_assert_stat(&s, "fallback-pmd-limit", 1);
}

static void reason_policy(struct hm_node *node)
{
	struct hm_levels pte = one_table(node);
	struct hm_stats s;

	hm_limit(node, HM_PMD);
	igt_require_f(node->q.pmd_why == DRM_HUGEMAP_WHY_POLICY,
		      "this kernel is safe with PMD entries on %s\n",
		      node->label);
	one_touch(node, &s, &pte);
	hm_assert_stat(&s, "fallback-pmd-policy", 1);
	hm_sysfs_write(node, "allow_pmd", "1");
	one_touch(node, &s, &one_pmd);
	hm_assert_stat(&s, "fallback-pmd-policy", 0);
}

static void reason_arch(struct hm_node *node)
{
	struct hm_stats s;

	igt_require_f(!hm_cpu_has_pud(), "the CPU has 1 GiB pages\n");
	igt_assert_eq(node->q.pud_why, DRM_HUGEMAP_WHY_ARCH);
	hm_require_set_level(node, HM_PMD, true);
	hm_sysfs_write(node, "max_order", "18");
	one_touch(node, &s, &one_pmd);
	hm_assert_stat(&s, "fallback-pud-arch", 1);
}

/* A page table that is there already: cap, then lift the cap. */
static void reason_cap_table(struct hm_node *node)
{
	uint64_t pmd = hm_pmd_size(node);
	struct drm_hugemap_prefault a;
	struct hm_stats s;
	char *p;
	int fd;

	hm_require_set_level(node, HM_PMD, true);
	fd = hm_open(node, O_RDWR);
	p = hm_mmap_fd(fd, 0, pmd, PROT_READ | PROT_WRITE);
	igt_assert_eq(__hm_prefault(fd, p, pmd, DRM_HUGEMAP_PREFAULT_WRITE, 0,
				    &a), 0);
	igt_assert_eq_u64(a.nr_pte, pmd / HM_PAGE);
	hm_stats_read(fd, &s);
	hm_assert_stat(&s, "fallback-pmd-cap", 1);
	hm_assert_stat(&s, "fault-pte", 1);
	igt_assert_eq(__hm_prefault(fd, p, pmd, 0, DRM_HUGEMAP_ORDER_ANY, &a),
		      0);
	igt_assert_eq_u64(a.nr_pte, pmd / HM_PAGE);
	/* Take the entries away, not the table; nothing forbids a PMD now. */
	hm_limit(node, HM_PTE);
	hm_limit(node, HM_PMD);
	*(volatile char *)p;
	hm_stats_read(fd, &s);
	hm_assert_stat(&s, "fallback-pmd-table", 1);
	hm_assert_stat(&s, "fault-pte", 2);
	hm_assert_stat(&s, "refault-pte", 1);
	hm_munmap(p, pmd);
	close(fd);
}

/* ---- the limit changes under a mapping ---- */

/*
 * madvise() cuts the mapping between two large pages of the smaller kind and
 * touches no entry: one of 1 GiB must not be left over both parts.
 */
static void cut_between(struct hm_node *node)
{
	uint64_t len = hm_pud_size(node), pmd = hm_pmd_size(node);
	struct hm_levels l;
	char *p;
	int fd;

	igt_hugemap_require_size(node, len);
	hm_require_set_level(node, HM_PUD, true);
	fd = hm_open(node, O_RDWR);
	p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	hm_fill_step(p, 0, len, pmd, SEED);
	hm_assert_level(node, p, len, HM_PUD);
	igt_assert_eq(madvise(p + len / 2, pmd, MADV_DONTFORK), 0);
	igt_assert(hm_map_levels(node, p, len, &l));
	igt_assert_eq_u64(l.pud, 0);
	if (!(node->q.features & DRM_HUGEMAP_FEATURE_CORE_SPLIT))
		igt_assert_eq_u64(hm_stat_now(fd, "zap-split"), 1);
	hm_check_step(p, 0, len, pmd, SEED);
	hm_munmap(p, len);
	close(fd);
}

/* Where nothing straddles the cut there is nothing to take away. */
static void gib_borders(struct hm_node *node)
{
	uint64_t len = hm_pud_size(node), pmd = hm_pmd_size(node);
	bool moves = node->q.features & DRM_HUGEMAP_FEATURE_CORE_MREMAP;
	struct hm_stats before, s;
	struct hm_levels l;
	char *p, *to;
	int fd;

	igt_hugemap_require_size(node, 2 * len);
	hm_require_set_level(node, HM_PUD, true);
	fd = hm_open(node, O_RDWR);
	p = hm_mmap_fd(fd, 0, 2 * len, PROT_READ | PROT_WRITE);
	hm_fill_step(p, 0, 2 * len, pmd, SEED);
	igt_assert(hm_map_levels(node, p, 2 * len, &l));
	/* A system region is in pieces. */
	igt_require_f(node->q.type != DRM_HUGEMAP_REGION_SYSTEM || l.pud == 2,
		      "no two 1 GiB pages side by side\n");
	igt_assert_eq_u64(l.pud, 2);

	hm_stats_read(fd, &before);
	igt_assert_eq(madvise(p + len, len, MADV_DONTFORK), 0);
	hm_assert_levels(node, p, 2 * len, 2, 0, 0);
	hm_check_step(p, 0, 2 * len, pmd, SEED);

	/* Away with the second one; the first stays as it is. */
	to = hm_reserve_aligned(len, len);
	igt_assert(mremap(p + len, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			  to) == to);
	hm_assert_levels(node, to, len, moves, 0, 0);
	hm_assert_level(node, p, len, HM_PUD);
	hm_check_step(to, len, len, pmd, SEED);
	hm_assert_level(node, to, len, HM_PUD);
	hm_munmap(to, len);
	hm_assert_level(node, p, len, HM_PUD);
	hm_check_step(p, 0, len, pmd, SEED);

	hm_stats_since(fd, &before, &s);
	hm_assert_stat(&s, "zap-split", 0);
	hm_assert_stat(&s, "zap-mremap", !moves);
	hm_assert_stat(&s, "fault-pud", !moves);
	hm_munmap(p, len);
	close(fd);
}

static void limit_live(struct hm_node *node)
{
	uint64_t len = hm_pud_size(node), pmd = hm_pmd_size(node), zaps;
	struct hm_stats before, s;
	bool have_pmd;
	char *p;
	int fd;

	igt_hugemap_require_size(node, len);
	hm_require_set_level(node, HM_PUD, true);
	have_pmd = hm_has_order(node, node->q.pmd_order);
	fd = hm_open(node, O_RDWR);
	p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	hm_fill_step(p, 0, len, pmd, SEED);
	hm_assert_level(node, p, len, HM_PUD);

	zaps = hm_node_stat(node, "zap-limit");
	hm_stats_read(fd, &before);
	hm_limit(node, HM_PMD);
	igt_assert_eq_u64(hm_node_stat(node, "zap-limit"), zaps + 1);
	hm_assert_levels(node, p, len, 0, 0, 0);
	hm_check_step(p, 0, len, pmd, SEED);
	hm_stats_since(fd, &before, &s);
	hm_assert_level(node, p, len, have_pmd ? HM_PMD : HM_PTE);
	hm_assert_stat(&s, have_pmd ? "refault-pmd" : "refault-pte", len / pmd);
	hm_assert_stat(&s, "fallback-pud-limit", len / pmd);

	hm_limit(node, HM_PTE);
	hm_assert_levels(node, p, len, 0, 0, 0);
	hm_check_step(p, 0, len, pmd, SEED);
	hm_assert_level(node, p, len, HM_PTE);
	hm_fill_step(p, 0, len, pmd, SEED + 1);

	/* More than before takes nothing away, and tables stay. */
	hm_limit(node, HM_PUD);
	igt_assert_eq_u64(hm_node_stat(node, "zap-limit"), zaps + 2);
	hm_check_step(p, 0, len, pmd, SEED + 1);
	hm_assert_level(node, p, len, HM_PTE);
	hm_munmap(p, len);
	p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	hm_check_step(p, 0, len, pmd, SEED + 1);
	hm_assert_level(node, p, len, HM_PUD);
	hm_munmap(p, len);
	close(fd);
}

/* ---- memory type ---- */

static void caching(struct hm_node *node)
{
	uint64_t pmd = hm_pmd_size(node), len;
	struct hm_levels l;
	char want[8];
	char *p;

	hm_sysfs_read(node, "caching", want, sizeof(want));
	for (int level = 0; level < HM_NR_LEVELS; level++) {
		len = hm_level_size(node, level);
		len = len < pmd ? pmd : len;
		if (len > node->size || !hm_set_level(node, level, true))
			continue;
		p = hm_mmap(node, 0, len, PROT_READ | PROT_WRITE);
		hm_fill_step(p, 0, len, pmd, SEED);
		hm_assert_level(node, p, len, level);
		igt_assert(hm_map_levels(node, p, len, &l));
		igt_assert_f(!strcmp(l.caching, want), "%s entries are %s, expected %s\n",
			     hm_level_name[level], l.caching, want);
		hm_munmap(p, len);
	}
}

/* ---- what the kernel says ---- */

/* What is known of the kernels, written down a second time. */
static void kernel_table(struct hm_node *node)
{
	uint64_t features = node->q.features;
	bool mixed = hm_mixedmap_safe(node);

	igt_assert_eq(node->q.vma_type, mixed ? DRM_HUGEMAP_VMA_MIXEDMAP :
						DRM_HUGEMAP_VMA_PFNMAP);
	igt_assert_eq(node->q.pmd_why, hm_pmd_safe(node) ?
		      DRM_HUGEMAP_WHY_NONE : DRM_HUGEMAP_WHY_POLICY);
	if (!hm_cpu_has_pud())
		igt_assert_eq(node->q.pud_why, DRM_HUGEMAP_WHY_ARCH);
	else if (node->q.type != DRM_HUGEMAP_REGION_SYSTEM)
		igt_assert_eq(node->q.pud_why, DRM_HUGEMAP_WHY_NONE);
	igt_assert_eq(!!(features & DRM_HUGEMAP_FEATURE_SPECIAL),
		      hm_kernel_at_least(6, 12) || hm_core_walks(node));
	igt_assert_eq(!!(features & DRM_HUGEMAP_FEATURE_DAX_GATE),
		      !hm_kernel_at_least(6, 7) && !hm_core_walks(node));
	igt_assert_eq(!!(features & DRM_HUGEMAP_FEATURE_THP_POLICY),
		      !(features & DRM_HUGEMAP_FEATURE_DAX_GATE) &&
		      (mixed || !hm_thp_exempts_pfnmap()));
}

/* Page size of a fresh mapping, proven by the page tables. */
static enum hm_level level_now(struct hm_node *node, bool nohuge,
			       struct hm_stats *s, bool *mixedmap)
{
	uint64_t len = hm_pud_size(node);
	int fd = hm_open(node, O_RDWR);
	char *p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	struct hm_levels l;

	if (nohuge)
		igt_assert_eq(madvise(p, len, MADV_NOHUGEPAGE), 0);
	hm_fill_step(p, 0, HM_PAGE, HM_PAGE, SEED);
	igt_assert(hm_map_levels(node, p, len, &l));
	hm_stats_read(fd, s);
	*mixedmap = l.mixedmap;
	hm_munmap(p, len);
	close(fd);
	return l.pud ? HM_PUD : l.pmd ? HM_PMD : HM_PTE;
}

static void thp_modes(struct hm_node *node)
{
	static const char * const modes[] = { "always", "madvise", "never" };
	static const char * const types[] = { "auto", "pfnmap", "mixedmap" };
	enum hm_level level, want;
	bool mixedmap, obeys;
	struct hm_stats s;
	int ret;

	igt_hugemap_require_size(node, hm_pud_size(node));
	hm_require_set_level(node, HM_PUD, false);
	for (unsigned int t = 0; t < ARRAY_SIZE(types); t++) {
		ret = __hm_sysfs_write(node, "vma", types[t]);
		/* Only where the walkers of the kernel are safe with it. */
		if (t == 2 && !hm_mixedmap_safe(node)) {
			igt_assert_eq(ret, -EOPNOTSUPP);
			continue;
		}
		igt_assert_eq(ret, 0);
		hm_node_refresh(node);
		obeys = node->q.features & DRM_HUGEMAP_FEATURE_THP_POLICY;
		for (unsigned int m = 0; m < ARRAY_SIZE(modes); m++) {
			hm_thp_set(modes[m]);
			level = level_now(node, false, &s, &mixedmap);
			if (t)
				igt_assert_eq(mixedmap, t == 2);
			igt_assert_eq(mixedmap, node->q.vma_type ==
				      DRM_HUGEMAP_VMA_MIXEDMAP);
			/* The driver advises huge pages itself. */
			want = m == 2 && obeys ? HM_PTE : HM_PUD;
			igt_assert_f(level == want,
				     "%s mapping, policy %s: %s, expected %s from QUERY\n",
				     types[t], modes[m], hm_level_name[level],
				     hm_level_name[want]);
			hm_assert_stat(&s, "fallback-pud-table", want == HM_PTE);
		}
	}
}

static void no_huge(struct hm_node *node, bool prctl_way)
{
	enum hm_level level;
	struct hm_stats s;
	bool mixedmap;

	igt_hugemap_require_size(node, hm_pud_size(node));
	hm_require_set_level(node, HM_PUD, false);
	if (prctl_way)
		igt_assert_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	level = level_now(node, !prctl_way, &s, &mixedmap);
	if (prctl_way)
		igt_assert_eq(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
	igt_assert_eq(level, HM_PTE);
	hm_assert_stat(&s, "fallback-pud-table", 1);
	hm_assert_stat(&s, "fault-pte", 1);
	if (hm_has_order(node, node->q.pmd_order))
		hm_assert_stat(&s, "fallback-pmd-table", 1);
	level = level_now(node, false, &s, &mixedmap);
	igt_assert_eq(level, HM_PUD);
}

/* ---- others see the same entries ---- */

/*
 * The kernel's dump of our page tables.  It takes half a minute on a kernel with
 * all checks, so there is one for all nodes.
 */
static void ptdump(void)
{
	static struct {
		struct hm_node *node;
		char *p;
		uint64_t len;
	} maps[3 * HM_MAX_NODES];
	struct hm_node *nodes[HM_MAX_NODES];
	struct hm_levels ours, dumped;
	int nr_nodes = 0, nr = 0, i;
	uint64_t off;
	char *dump;

	igt_require_f(hm_has_ptdump(), "this kernel has no PTDUMP_DEBUGFS\n");
	hm_for_each_node(node)
		if (hm_is_first_of_kind(node))
			nodes[nr_nodes++] = node;
	/* Going on to the next node undoes the settings of this one. */
	for (i = 0; i < nr_nodes; i++) {
		hm_sysfs_write(nodes[i], "allow_pmd", "1");
		hm_node_refresh(nodes[i]);
		hm_for_each_order(nodes[i], order) {
			maps[nr].node = nodes[i];
			maps[nr].p = hm_mmap_order(nodes[i], order,
						   PROT_READ | PROT_WRITE, &off,
						   &maps[nr].len);
			nr += !!maps[nr].p;
		}
	}
	dump = hm_ptdump();
	for (i = 0; i < nr; i++) {
		hm_ptdump_levels(dump, maps[i].p, maps[i].len, &dumped);
		igt_info("%s: %" PRIu64 " pud, %" PRIu64 " pmd, %" PRIu64
			 " pte\n", maps[i].node->label, dumped.pud, dumped.pmd,
			 dumped.pte);
		igt_assert(hm_map_levels(maps[i].node, maps[i].p, maps[i].len,
					 &ours));
		igt_assert_eq_u64(dumped.pud, ours.pud);
		igt_assert_eq_u64(dumped.pmd, ours.pmd);
		igt_assert_eq_u64(dumped.pte, ours.pte);
		igt_assert_eq_u64(dumped.mapped, maps[i].len);
		igt_assert_eq_u64(dumped.rw, ours.rw);
		hm_munmap(maps[i].p, maps[i].len);
	}
	free(dump);
}

#define TRACE_DIR	"/sys/kernel/tracing/instances/hm_order"

static void trace_end(int sig)
{
	(void)sig;
	rmdir(TRACE_DIR);
}

/* Entries that the tracepoint of insertions told of, in a range. */
static void trace_sum(const char *p, uint64_t len, uint64_t *nr)
{
	uint64_t addr, count;
	char *line = NULL, level[8], *at;
	size_t size = 0;
	FILE *f;

	memset(nr, 0, HM_NR_LEVELS * sizeof(*nr));
	f = fopen(TRACE_DIR "/trace", "re");
	igt_assert(f);
	while (getline(&line, &size, f) > 0) {
		at = strstr(line, "hugemap_insert: ");
		if (!at)
			continue;
		igt_assert_f(sscanf(at, "hugemap_insert: %*s addr=%" SCNx64
				    " pfn=%*s level=%7s nr=%" SCNu64, &addr,
				    level, &count) == 3, "\"%s\"\n", line);
		if (addr - (uintptr_t)p >= len)
			continue;
		for (int l = HM_PTE; l < HM_NR_LEVELS; l++)
			if (!strcmp(level, hm_level_name[l]))
				nr[l] += count;
	}
	free(line);
	fclose(f);
}

/*
 * On one kind, and switched on once: each switch makes the kernel patch its own
 * code. With the names of tasks (record-cmd) it would patch the scheduler as well,
 * which the emulator's other CPU does not survive (see vm/run-guest).
 */
static void tracepoint(void)
{
	struct hm_node *node = NULL;
	uint64_t off, len, nr[HM_NR_LEVELS];
	struct hm_levels l;
	FILE *f;
	char *p;

	while ((node = hm_node_next(node)))
		if (hm_has_order(node, node->q.pud_order))
			break;
	igt_require_f(node, "no region has pages of 1 GiB\n");
	hm_sysfs_write(node, "allow_pmd", "1");
	hm_node_refresh(node);
	igt_install_exit_handler(trace_end);
	rmdir(TRACE_DIR);
	igt_require_f(!mkdir(TRACE_DIR, 0700), "no tracefs: %m\n");
	igt_assert_eq(__hm_write_file(TRACE_DIR "/trace_options", "norecord-cmd"),
		      0);
	igt_assert_eq(__hm_write_file(TRACE_DIR "/events/hugemap/hugemap_insert/enable",
				      "1"), 0);
	hm_for_each_order(node, order) {
		/* Opening it for writing empties it. */
		f = fopen(TRACE_DIR "/trace", "we");
		igt_assert(f);
		fclose(f);
		p = hm_mmap_order(node, order, PROT_READ | PROT_WRITE, &off,
				  &len);
		if (!p)
			continue;
		trace_sum(p, len, nr);
		igt_assert(hm_map_levels(node, p, len, &l));
		igt_assert_eq_u64(nr[HM_PUD], l.pud);
		igt_assert_eq_u64(nr[HM_PMD], l.pmd);
		igt_assert_eq_u64(nr[HM_PTE], l.pte);
		hm_munmap(p, len);
	}
	igt_assert_eq(__hm_write_file(TRACE_DIR "/events/hugemap/hugemap_insert/enable",
				      "0"), 0);
	igt_assert_eq(rmdir(TRACE_DIR), 0);
}

int igt_main()
{
	igt_fixture()
		igt_hugemap_require_nodes();

	igt_describe("QUERY reports what this kernel is known to be safe with.");
	igt_subtest_with_dynamic("kernel-table")
		hm_dynamic_for_each_node(node)
			kernel_table(node);

	igt_describe("1 GiB is mapped by exactly one fault, without a page table.");
	igt_subtest_with_dynamic("pud-one-fault")
		hm_dynamic_for_each_node(node)
			full_touch(node, HM_PUD, true);

	igt_describe("The same when it is only read.");
	igt_subtest_with_dynamic("pud-one-read-fault")
		hm_dynamic_for_each_node(node)
			full_touch(node, HM_PUD, false);

	igt_describe("With the limit lowered, 1 GiB takes 512 faults.");
	igt_subtest_with_dynamic("pmd-512-faults")
		hm_dynamic_for_each_node(node)
			full_touch(node, HM_PMD, true);

	igt_describe("Base pages take at most a sixteenth of a fault each.");
	igt_subtest_with_dynamic("pte-batched")
		hm_dynamic_for_each_node(node)
			full_touch(node, HM_PTE, true);

	igt_describe("A mapping that begins at 4 KiB has 2 MiB pages inside.");
	igt_subtest_with_dynamic("offset-page")
		hm_dynamic_for_each_node(node)
			offset_page(node);

	igt_describe("An address that is off by a page costs the large pages only.");
	igt_subtest_with_dynamic("misaligned-address")
		hm_dynamic_for_each_node(node)
			misaligned(node);

	igt_describe("Odd offsets and lengths get what fits, to the last page.");
	igt_subtest_with_dynamic("odd-sizes")
		hm_dynamic_for_each_kind(node)
			odd_sizes(node);

	igt_describe("Pages larger than max_order are not used and counted so.");
	igt_subtest_with_dynamic("reason-limit")
		hm_dynamic_for_each_node(node)
			reason_limit(node);

	igt_describe("Pages the kernel is not safe with are not used by default.");
	igt_subtest_with_dynamic("reason-policy")
		hm_dynamic_for_each_node(node)
			reason_policy(node);

	igt_describe("A CPU without 1 GiB pages gets 2 MiB pages.");
	igt_subtest_with_dynamic("reason-arch")
		hm_dynamic_for_each_node(node)
			reason_arch(node);

	igt_describe("A cap, and a page table that outlives it, are counted so.");
	igt_subtest_with_dynamic("reason-cap-table")
		hm_dynamic_for_each_node(node)
			reason_cap_table(node);

	igt_describe("max_order acts on mappings that exist and keeps the data.");
	igt_subtest_with_dynamic("limit-live")
		hm_dynamic_for_each_node(node)
			limit_live(node);

	igt_describe("A cut between 2 MiB pages leaves no 1 GiB page over both parts.");
	igt_subtest_with_dynamic("cut-between")
		hm_dynamic_for_each_kind(node)
			cut_between(node);

	igt_describe("A mapping cut between its 1 GiB pages keeps each of them.");
	igt_subtest_with_dynamic("gib-borders")
		hm_dynamic_for_each_kind(node)
			gib_borders(node);

	igt_describe("Every page size has the memory type of the region.");
	igt_subtest_with_dynamic("caching")
		hm_dynamic_for_each_node(node)
			caching(node);

	igt_describe("The transparent hugepage policy acts as QUERY says.");
	igt_subtest_with_dynamic("thp-policy")
		hm_dynamic_for_each_kind(node)
			thp_modes(node);

	igt_describe("MADV_NOHUGEPAGE gives base pages.");
	igt_subtest_with_dynamic("madvise-nohugepage")
		hm_dynamic_for_each_kind(node)
			no_huge(node, false);

	igt_describe("prctl(PR_SET_THP_DISABLE) gives base pages.");
	igt_subtest_with_dynamic("prctl-thp-disable")
		hm_dynamic_for_each_kind(node)
			no_huge(node, true);

	igt_describe("The kernel's dump of the page tables shows the same entries.");
	igt_subtest("ptdump")
		ptdump();

	igt_describe("The tracepoint of insertions tells of the same entries.");
	igt_subtest("tracepoint")
		tracepoint();
}
