// SPDX-License-Identifier: MIT
/*
 * PREFAULT: filling mappings, and caps on the page size that stay.
 */
#include "hm_map.h"

/**
 * TEST: hugemap prefault
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: page faults
 * Description: The PREFAULT ioctl.
 *
 * SUBTEST: order-caps
 * Description: Fills all of a range, with no larger pages.
 *
 * SUBTEST: sticky
 * Description: A cap stays until it is lifted.
 *
 * SUBTEST: inside
 * Description: A cap is for all large pages that the range has a part of.
 *
 * SUBTEST: lower
 * Description: A lower cap replaces larger pages.
 *
 * SUBTEST: follows
 * Description: The cap follows the memory, not into other mappings.
 *
 * SUBTEST: errors
 * Description: Bad arguments are refused without side effect.
 *
 * SUBTEST: holes
 * Description: A range that is not all of this node is refused.
 *
 * SUBTEST: several-mappings
 * Description: A range may span mappings of the node.
 *
 * SUBTEST: rights
 * Description: What may not be read or written is not filled.
 *
 * SUBTEST: unreadable
 * Description: What may not be read is refused and keeps its page size.
 *
 * SUBTEST: fork-lower
 * Description: A child replaces its large pages although its parent did.
 *
 * SUBTEST: lift-part
 * Description: Lifting the cap of one part does not lift its neighbour's.
 *
 * SUBTEST: lift-beside
 * Description: Filling a GiB beside one with a cap, and lifting over both.
 */

IGT_TEST_DESCRIPTION("The PREFAULT ioctl.");

#define SEED	0x70726566ull
#define WRITE	DRM_HUGEMAP_PREFAULT_WRITE
#define ANY	DRM_HUGEMAP_ORDER_ANY

/* A clean file of a node with all orders, and a PUD unit of it. */
struct ctx {
	struct hm_node *node;
	uint64_t pud, pmd;
	int fd;
	char *p;
};

static void begin(struct ctx *c, struct hm_node *node)
{
	igt_hugemap_require_size(node, hm_pud_size(node));
	hm_require_set_level(node, HM_PUD, true);
	igt_hugemap_require_order(node, node->q.pmd_order);
	c->node = node;
	c->pud = hm_pud_size(node);
	c->pmd = hm_pmd_size(node);
	c->fd = hm_open(node, O_RDWR);
	c->p = hm_mmap_fd(c->fd, 0, c->pud, PROT_READ | PROT_WRITE);
}

static void end(struct ctx *c)
{
	igt_assert_eq_u64(hm_stat_now(c->fd, "sigbus"), 0);
	if (c->p)
		hm_munmap(c->p, c->pud);
	close(c->fd);
}

static void fill(struct ctx *c, uint64_t off, uint64_t len, uint32_t flags,
		 uint32_t order, uint64_t pud, uint64_t pmd, uint64_t pte)
{
	struct drm_hugemap_prefault a;

	igt_assert_eq(__hm_prefault(c->fd, c->p + off, len, flags, order, &a),
		      0);
	igt_assert_eq_u64(a.nr_pud, pud);
	igt_assert_eq_u64(a.nr_pmd, pmd);
	igt_assert_eq_u64(a.nr_pte, pte);
	hm_assert_levels(c->node, c->p + off, len, pud, pmd, pte);
}

static void zap_all(struct hm_node *node)
{
	hm_limit(node, HM_PTE);
	hm_limit(node, HM_PUD);
}

static void caps(struct hm_node *node)
{
	const struct {
		uint32_t order;
		enum hm_level level;
	} orders[] = {
		{ ANY, HM_PUD },
		{ node->q.pud_order, HM_PUD },
		{ node->q.pud_order - 1, HM_PMD },
		{ node->q.pmd_order, HM_PMD },
		{ node->q.pmd_order - 1, HM_PTE },
		{ 1, HM_PTE },
		{ 0, HM_PTE },
	};
	struct ctx c;

	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		enum hm_level level = orders[i].level;
		struct hm_levels l;
		long minflt;

		begin(&c, node);
		fill(&c, 0, c.pud, i & 1 ? WRITE : 0, orders[i].order,
		     level == HM_PUD, level == HM_PMD ? c.pud / c.pmd : 0,
		     level == HM_PTE ? c.pud / HM_PAGE : 0);
		/* Untracked: writable either way, and nothing faults again. */
		igt_assert(hm_map_levels(node, c.p, c.pud, &l));
		igt_assert_eq_u64(l.rw, c.pud);
		hm_minflt();
		minflt = hm_minflt();
		hm_fill_step(c.p, 0, c.pud, c.pmd, SEED);
		igt_assert_eq_s64(hm_minflt() - minflt, 0);
		hm_check_file(c.fd, 0, c.pud, 16 * c.pmd, SEED);
		end(&c);
	}
}

/* A cap on a page forbids the larger ones around it, now and later. */
static void sticky(struct hm_node *node)
{
	uint64_t pages = hm_pmd_size(node) / HM_PAGE;
	struct hm_stats s;
	struct ctx c;

	begin(&c, node);
	fill(&c, 0, HM_PAGE, WRITE, 0, 0, 0, 1);
	hm_assert_levels(node, c.p, c.pud, 0, 0, pages);
	hm_fill_step(c.p, 0, c.pud, c.pmd, SEED);
	hm_assert_levels(node, c.p, c.pud, 0, c.pud / c.pmd - 1, pages);
	hm_stats_read(c.fd, &s);
	hm_assert_stat(&s, "fallback-pud-cap", c.pud / c.pmd);
	hm_assert_stat(&s, "fallback-pmd-cap", 1);

	/* Faults after a zap obey too. */
	zap_all(node);
	hm_check_step(c.p, 0, c.pud, c.pmd, SEED);
	hm_assert_levels(node, c.p, c.pud, 0, c.pud / c.pmd - 1, pages);

	/* Lifted: nothing changes but the reason, until it is mapped anew. */
	fill(&c, 0, c.pud, 0, ANY, 0, c.pud / c.pmd - 1, pages);
	zap_all(node);
	hm_stats_read(c.fd, &s);
	hm_check_step(c.p, 0, c.pud, c.pmd, SEED);
	hm_stats_since(c.fd, &s, &s);
	hm_assert_stat(&s, "fallback-pud-table", c.pud / c.pmd);
	hm_assert_stat(&s, "fallback-pmd-table", 1);
	hm_munmap(c.p, c.pud);
	c.p = hm_mmap_fd(c.fd, 0, c.pud, PROT_READ | PROT_WRITE);
	hm_check_step(c.p, 0, c.pud, c.pmd, SEED);
	hm_assert_levels(node, c.p, c.pud, 1, 0, 0);
	end(&c);
}

/* A range that begins inside one large page and ends inside the next. */
static void inside(struct hm_node *node)
{
	uint64_t pages = hm_pmd_size(node) / HM_PAGE;
	struct ctx c;

	begin(&c, node);
	fill(&c, c.pmd / 2, c.pmd, 0, 0, 0, 0, pages);
	hm_fill_step(c.p, 0, c.pud, c.pmd, SEED);
	hm_assert_levels(node, c.p, 2 * c.pmd, 0, 0, 2 * pages);
	hm_assert_levels(node, c.p + 2 * c.pmd, c.pud - 2 * c.pmd, 0,
			 c.pud / c.pmd - 2, 0);
	end(&c);
}

/* Larger entries that are there are replaced; the data stays. */
static void lower(struct hm_node *node)
{
	uint64_t pages = hm_pmd_size(node) / HM_PAGE;
	struct ctx c;

	begin(&c, node);
	hm_fill_step(c.p, 0, c.pud, c.pmd, SEED);
	hm_assert_levels(node, c.p, c.pud, 1, 0, 0);
	fill(&c, 0, c.pud, 0, ANY, 1, 0, 0);
	igt_assert_eq_u64(hm_stat_now(c.fd, "zap-cap"), 0);
	fill(&c, 0, c.pud, 0, node->q.pmd_order, 0, c.pud / c.pmd, 0);
	igt_assert_eq_u64(hm_stat_now(c.fd, "zap-cap"), 1);
	hm_check_step(c.p, 0, c.pud, c.pmd, SEED);
	fill(&c, c.pud / 2, c.pmd, 0, 0, 0, 0, pages);
	igt_assert_eq_u64(hm_stat_now(c.fd, "zap-cap"), 2);
	hm_check_step(c.p, 0, c.pud, c.pmd, SEED);
	hm_assert_levels(node, c.p, c.pud, 0, c.pud / c.pmd - 1, pages);
	hm_check_file(c.fd, 0, c.pud, 16 * c.pmd, SEED);
	end(&c);
}

/* The cap goes where the memory goes, and nowhere else. */
static void follows(struct hm_node *node)
{
	uint64_t pages = hm_pmd_size(node) / HM_PAGE;
	struct hm_levels l;
	struct ctx c;
	char *q, *to;

	begin(&c, node);
	fill(&c, 0, c.pmd, WRITE, 0, 0, 0, pages);
	q = hm_mmap_fd(c.fd, 0, c.pud, PROT_READ | PROT_WRITE);
	hm_read_step(q, c.pud, c.pud);
	hm_assert_levels(node, q, c.pud, 1, 0, 0);
	hm_munmap(q, c.pud);

	igt_fork(n, 1) {
		hm_read_step(c.p, 2 * c.pmd, c.pmd);
		igt_assert(hm_map_levels(node, c.p, c.pud, &l));
		igt_assert_eq_u64(l.pte, pages);
		igt_assert_eq_u64(l.pmd, 1);
	}
	igt_waitchildren();

	/* Split, then moved without entries to where no table is. */
	hm_munmap(c.p + c.pud / 2, HM_PAGE);
	zap_all(node);
	to = hm_reserve_aligned(2 * c.pud, c.pud);
	igt_assert(mremap(c.p, c.pmd, c.pmd, MREMAP_MAYMOVE | MREMAP_FIXED,
			  to) == to);
	hm_read_step(to, c.pmd, c.pmd);
	hm_assert_levels(node, to, c.pmd, 0, 0, pages);
	igt_assert(mremap(c.p + c.pmd, c.pmd, c.pmd,
			  MREMAP_MAYMOVE | MREMAP_FIXED, to + c.pmd) ==
		   to + c.pmd);
	hm_read_step(to + c.pmd, c.pmd, c.pmd);
	hm_assert_levels(node, to + c.pmd, c.pmd, 0, 1, 0);
	hm_munmap(to, 2 * c.pud);
	end(&c);
}

static void refuses(struct hm_node *node, const struct ctx *c)
{
	struct drm_hugemap_prefault a;
	const uint64_t at = (unsigned long)c->p;
	const struct {
		uint64_t addr, len;
		uint32_t flags, order;
		uint64_t pad;
		int want;
	} bad[] = {
		{ at, 0, 0, ANY, 0, EINVAL },
		{ at + 1, HM_PAGE, 0, ANY, 0, EINVAL },
		{ at, HM_PAGE + 1, 0, ANY, 0, EINVAL },
		{ at, -HM_PAGE, 0, ANY, 0, EINVAL },
		{ at, HM_PAGE, 2, ANY, 0, EINVAL },
		{ at, HM_PAGE, 1u << 31, ANY, 0, EINVAL },
		{ at, HM_PAGE, 0, node->q.pud_order + 1, 0, EINVAL },
		{ at, HM_PAGE, 0, ANY - 1, 0, EINVAL },
		{ at, HM_PAGE, 0, ANY, 1, EINVAL },
		{ 0, HM_PAGE, 0, 0, 0, EFAULT },
		{ (unsigned long)&a & -HM_PAGE, HM_PAGE, 0, 0, 0, EFAULT },
		{ at, c->pud + HM_PAGE, 0, 0, 0, EFAULT },
		{ at - HM_PAGE, 2 * HM_PAGE, 0, 0, 0, EFAULT },
		{ 1ull << 63, HM_PAGE, 0, 0, 0, EFAULT },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		a = (struct drm_hugemap_prefault) {
			.addr = bad[i].addr,
			.len = bad[i].len,
			.flags = bad[i].flags,
			.max_order = bad[i].order,
			.pad = bad[i].pad,
			.nr_pud = 77,
		};
		errno = 0;
		igt_assert_eq(ioctl(c->fd, DRM_IOCTL_HUGEMAP_PREFAULT, &a), -1);
		igt_assert_f(errno == bad[i].want, "row %u: %s, expected %s\n",
			     i, strerror(errno), strerror(bad[i].want));
		igt_assert_eq_u64(a.nr_pud, 77);
	}
}

static void errors(struct hm_node *node)
{
	struct ctx c;

	begin(&c, node);
	hm_munmap(c.p, c.pud);
	/* What is beside the mapping must not be the same node. */
	c.p = mmap(hm_reserve_aligned(3 * c.pud, c.pud) + c.pud, c.pud,
		   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, c.fd, 0);
	igt_assert(c.p != MAP_FAILED);
	refuses(node, &c);
	/* Nothing was filled, and nothing is forbidden. */
	hm_assert_levels(node, c.p, c.pud, 0, 0, 0);
	fill(&c, 0, c.pud, 0, ANY, 1, 0, 0);
	end(&c);
}

static void holes(struct hm_node *node)
{
	struct ctx c;

	begin(&c, node);
	hm_munmap(c.p + c.pud / 2, HM_PAGE);
	igt_assert_eq(__hm_prefault(c.fd, c.p, c.pud, 0, 0, NULL), -EFAULT);
	hm_assert_levels(node, c.p, c.pud / 2, 0, 0, 0);
	/* The cap was not set either. */
	fill(&c, 0, c.pud / 2, 0, ANY, 0, c.pud / 2 / c.pmd, 0);
	/* A mapping of something else is a hole. */
	igt_assert(mmap(c.p + c.pud / 2, HM_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
		   MAP_FAILED);
	igt_assert_eq(__hm_prefault(c.fd, c.p, c.pud, 0, ANY, NULL), -EFAULT);
	end(&c);
}

/* Several mappings side by side, of different rights and offsets. */
static void several(struct hm_node *node)
{
	struct drm_hugemap_prefault a;
	char *area, *p;
	struct ctx c;

	begin(&c, node);
	area = hm_reserve_aligned(c.pud, c.pud);
	for (unsigned int i = 0; i < 4; i++) {
		p = mmap(area + i * 2 * c.pmd, 2 * c.pmd,
			 i & 1 ? PROT_READ : PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, c.fd, (6 - i * 2) * c.pmd);
		igt_assert(p != MAP_FAILED);
	}
	igt_assert_eq(__hm_prefault(c.fd, area, 8 * c.pmd, WRITE, ANY, NULL),
		      -EACCES);
	hm_assert_levels(node, area, 8 * c.pmd, 0, 0, 0);
	igt_assert_eq(__hm_prefault(c.fd, area + HM_PAGE,
				    8 * c.pmd - 2 * HM_PAGE, 0, ANY, &a), 0);
	igt_assert_eq_u64(a.nr_pmd, 8);
	hm_assert_levels(node, area, 8 * c.pmd, 0, 8, 0);
	hm_munmap(area, c.pud);
	end(&c);
}

static void rights(struct hm_node *node)
{
	struct hm_levels l;
	struct ctx c;

	begin(&c, node);
	igt_assert_eq(mprotect(c.p, c.pud, PROT_READ), 0);
	igt_assert_eq(__hm_prefault(c.fd, c.p, c.pud, WRITE, 0, NULL), -EACCES);
	hm_assert_levels(node, c.p, c.pud, 0, 0, 0);
	fill(&c, 0, c.pud, 0, ANY, 1, 0, 0);
	igt_assert(hm_map_levels(node, c.p, c.pud, &l));
	igt_assert_eq_u64(l.ro, c.pud);
	igt_assert_eq(hm_touch_write(c.p).sig, SIGSEGV);

	/* Present and read-only is not enough for WRITE. */
	igt_assert_eq(mprotect(c.p, c.pud, PROT_READ | PROT_WRITE), 0);
	fill(&c, 0, c.pud, WRITE, ANY, 1, 0, 0);
	igt_assert(hm_map_levels(node, c.p, c.pud, &l));
	igt_assert_eq_u64(l.rw, c.pud);

	igt_assert_eq(mprotect(c.p, c.pud, PROT_NONE), 0);
	igt_assert_eq(__hm_prefault(c.fd, c.p, c.pud, 0, ANY, NULL), -EACCES);
	end(&c);
}

/* PREFAULT without WRITE asks to read, whatever else the mapping allows. */
static void unreadable(struct hm_node *node)
{
	const struct {
		int prot;
		uint32_t flags;
	} refused[] = {
		{ PROT_WRITE, 0 },
		{ PROT_NONE, 0 },
		{ PROT_NONE, WRITE },
	};
	struct ctx c;

	for (unsigned int i = 0; i < ARRAY_SIZE(refused); i++) {
		begin(&c, node);
		igt_assert_eq(mprotect(c.p, c.pud, refused[i].prot), 0);
		igt_assert_eq(__hm_prefault(c.fd, c.p, c.pud, refused[i].flags,
					    0, NULL), -EACCES);
		hm_assert_levels(node, c.p, c.pud, 0, 0, 0);
		/* Had the cap been set, this would be base pages. */
		igt_assert_eq(mprotect(c.p, c.pud, PROT_READ | PROT_WRITE), 0);
		hm_fill_step(c.p, 0, c.pud, c.pmd, SEED + i);
		hm_assert_levels(node, c.p, c.pud, 1, 0, 0);
		end(&c);
	}

	/* What is there stays; what may be written can be asked for. */
	begin(&c, node);
	igt_assert_eq(mprotect(c.p, c.pud, PROT_WRITE), 0);
	fill(&c, 0, c.pud, WRITE, ANY, 1, 0, 0);
	igt_assert_eq(__hm_prefault(c.fd, c.p, c.pmd, 0, 0, NULL), -EACCES);
	hm_assert_levels(node, c.p, c.pud, 1, 0, 0);
	igt_assert_eq_u64(hm_stat_now(c.fd, "zap-cap"), 0);
	end(&c);
}

/* ---- relatives share caps, not page tables ---- */

/* The child's large entries go too when it asks, although the cap is set. */
static void fork_lower(struct hm_node *node)
{
	const uint32_t orders[] = { node->q.pmd_order, 0 };
	int to_child[2];
	struct ctx c;
	char byte;

	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		uint64_t pmds, ptes;

		begin(&c, node);
		pmds = orders[i] ? 2 : 0;
		ptes = orders[i] ? 0 : 2 * c.pmd / HM_PAGE;
		hm_fill_step(c.p, 0, c.pud, c.pmd, SEED + i);
		hm_assert_levels(node, c.p, c.pud, 1, 0, 0);
		igt_assert_eq(pipe(to_child), 0);
		igt_fork(n, 1) {
			close(to_child[1]);
			/* A parent that fails writes nothing. */
			igt_assert_eq(read(to_child[0], &byte, 1), 1);
			hm_assert_levels(node, c.p, c.pud, 1, 0, 0);
			fill(&c, 0, 2 * c.pmd, 0, orders[i], 0, pmds, ptes);
			hm_check_step(c.p, 0, c.pud, c.pmd, SEED + i);
			hm_assert_levels(node, c.p, 2 * c.pmd, 0, pmds, ptes);
		}
		close(to_child[0]);
		fill(&c, 0, 2 * c.pmd, 0, orders[i], 0, pmds, ptes);
		igt_assert_eq(write(to_child[1], "", 1), 1);
		close(to_child[1]);
		igt_waitchildren();
		hm_check_step(c.p, 0, c.pud, c.pmd, SEED + i);
		hm_assert_levels(node, c.p, 2 * c.pmd, 0, pmds, ptes);
		end(&c);
	}
}

/*
 * Lifting the cap of one part leaves its neighbour's.  Where the cap is set a
 * page table is, and would hide a forgotten one, so a child sets it: in the
 * parent the part has neither entries nor a table.
 */
static void lift_part(struct hm_node *node)
{
	uint64_t pages = hm_pmd_size(node) / HM_PAGE, last;
	struct ctx c;

	begin(&c, node);
	last = c.pud - c.pmd;
	igt_fork(n, 1) {
		fill(&c, 0, c.pmd, 0, 0, 0, 0, pages);
		fill(&c, last, c.pmd, 0, ANY, 0, 1, 0);
	}
	igt_waitchildren();
	hm_assert_levels(node, c.p, c.pud, 0, 0, 0);
	hm_fill_step(c.p, 0, c.pud, c.pmd, SEED);
	hm_assert_levels(node, c.p, c.pmd, 0, 0, pages);
	hm_assert_levels(node, c.p + c.pmd, last, 0, last / c.pmd, 0);
	end(&c);

	/* Nothing but the cap was in the way. */
	begin(&c, node);
	igt_fork(n, 1) {
		fill(&c, 0, c.pmd, 0, 0, 0, 0, pages);
		fill(&c, last, c.pmd, 0, ANY, 0, 1, 0);
		fill(&c, 0, c.pmd, 0, ANY, 0, 0, pages);
	}
	igt_waitchildren();
	hm_fill_step(c.p, 0, c.pud, c.pmd, SEED);
	hm_assert_levels(node, c.p, c.pud, 1, 0, 0);
	end(&c);
}

/*
 * Caps are kept by the GiB, and the second one has none to lift.  A child sets
 * and lifts them: its page tables go with it.
 */
static void lift_beside(struct hm_node *node)
{
	uint64_t pages = hm_pmd_size(node) / HM_PAGE;
	struct hm_levels l;
	struct hm_stats s;
	struct ctx c;

	igt_hugemap_require_size(node, 2 * hm_pud_size(node));
	begin(&c, node);
	hm_munmap(c.p, c.pud);
	c.p = hm_mmap_fd(c.fd, 0, 2 * c.pud, PROT_READ | PROT_WRITE);
	hm_read_step(c.p, 2 * c.pud, c.pud);
	igt_assert(hm_map_levels(node, c.p, 2 * c.pud, &l));
	igt_require_f(node->q.type != DRM_HUGEMAP_REGION_SYSTEM || l.pud == 2,
		      "no two 1 GiB pages side by side\n");
	igt_assert_eq_u64(l.pud, 2);
	zap_all(node);

	igt_fork(n, 1) {
		fill(&c, 0, c.pmd, 0, 0, 0, 0, pages);
		fill(&c, c.pud, c.pud, 0, ANY, 1, 0, 0);
	}
	igt_waitchildren();
	hm_read_step(c.p, c.pmd, c.pmd);
	hm_assert_levels(node, c.p, 2 * c.pud, 0, 0, pages);
	igt_fork(n, 1)
		fill(&c, 0, 2 * c.pud, 0, ANY, 1, c.pud / c.pmd - 1, pages);
	igt_waitchildren();
	zap_all(node);
	hm_stats_read(c.fd, &s);
	hm_read_step(c.p, c.pmd, c.pmd);
	hm_stats_since(c.fd, &s, &s);
	hm_assert_stat(&s, "fallback-pmd-cap", 0);
	hm_assert_stat(&s, "fallback-pmd-table", 1);
	hm_munmap(c.p + c.pud, c.pud);
	end(&c);
}

static const struct {
	const char *name;
	void (*fn)(struct hm_node *node);
	const char *describe;
} tests[] = {
	{ "order-caps", caps, "Fills all of a range, with no larger pages." },
	{ "sticky", sticky, "A cap stays until it is lifted." },
	{ "inside", inside,
	  "A cap is for all large pages that the range has a part of." },
	{ "lower", lower, "A lower cap replaces larger pages." },
	{ "follows", follows,
	  "The cap follows the memory, not into other mappings." },
	{ "errors", errors, "Bad arguments are refused without side effect." },
	{ "holes", holes, "A range that is not all of this node is refused." },
	{ "several-mappings", several,
	  "A range may span mappings of the node." },
	{ "rights", rights, "What may not be read or written is not filled." },
	{ "unreadable", unreadable,
	  "What may not be read is refused and keeps its page size." },
	{ "fork-lower", fork_lower,
	  "A child replaces its large pages although its parent did." },
	{ "lift-part", lift_part,
	  "Lifting the cap of one part does not lift its neighbour's." },
	{ "lift-beside", lift_beside,
	  "Filling a GiB beside one with a cap, and lifting over both." },
};

int igt_main()
{
	static unsigned int i;

	igt_fixture()
		igt_hugemap_require_nodes();

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest_with_dynamic(tests[i].name)
			hm_dynamic_for_each_kind(node)
				tests[i].fn(node);
	}
}
