// SPDX-License-Identifier: MIT
/*
 * Whatever a process can do to a mapping, done to mappings of every page size:
 * it ends in success or in the errno that hm_op_table.h says, the contents
 * are right before and after, and touching everything again works.
 */
#include "hm_op.h"

/**
 * TEST: hugemap page table walkers
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: page faults
 * Description: System calls and page table walkers on mappings of every page
 *	size.
 *
 * SUBTEST: munmap
 * Description: Any part of a mapping can be unmapped.
 *
 * SUBTEST: mprotect
 * Description: Any part can be protected, it holds, and back.
 *
 * SUBTEST: gup
 * Description: Who takes pages is refused.
 *
 * SUBTEST: mlock
 * Description: Mappings can be locked; locking populates nothing.
 *
 * SUBTEST: madvise
 * Description: Every advice is taken or refused as documented.
 *
 * SUBTEST: mremap
 * Description: Mappings can be moved and shrunk, not grown.
 *
 * SUBTEST: fork
 * Description: Parent and child share the memory, whatever either does.
 *
 * SUBTEST: proc
 * Description: /proc and ptrace show mappings and their contents.
 *
 * SUBTEST: mempolicy
 * Description: Memory policies and migration leave the memory alone.
 *
 * SUBTEST: misc
 * Description: mincore, msync and membarrier work.
 */

IGT_TEST_DESCRIPTION("System calls and page table walkers on mappings of every page size.");

#define SEED	0x77616c6bull

static const char * const where_name[] = {
	"first page", "inner page", "last page", "inner 2M", "all",
};

static void get_file(struct ctx *c, uint64_t off)
{
	uint64_t v;

	if (off - c->hole < c->hole_len)
		return;
	igt_assert_eq(pread(c->fd, &v, sizeof(v), off), (int)sizeof(v));
	igt_assert_f(v == hm_pattern(off, c->seed),
		     "read() at %#" PRIx64 " gives %#" PRIx64 "\n", off, v);
}

/*
 * Who takes a 1 GiB page for a table finds, in its first page, entries of 2 MiB
 * that look in order: not by the luck of zeros does nothing come of it.
 */
#define ENTRIES		(HM_PAGE / 8)
#define ENTRY(i)	((uint64_t)(i) << 21 | 0xe7)

static void plant(struct ctx *c)
{
	for (unsigned int i = 1; c->level == HM_PUD && i < ENTRIES; i++)
		((volatile uint64_t *)c->p)[i] = ENTRY(i);
}

static void check_planted(struct ctx *c)
{
	uint64_t e[ENTRIES];

	if (c->level != HM_PUD)
		return;
	igt_assert_eq(pread(c->fd, e, sizeof(e), 0), (int)sizeof(e));
	for (unsigned int i = 1; i < ENTRIES; i++)
		igt_assert_f(e[i] == ENTRY(i), "entry %u is %#" PRIx64 "\n", i,
			     e[i]);
}

static void run_op(struct ctx *c, const struct op *op, enum where w)
{
	int want, got;

	c->p = mmap(c->arena, c->len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, c->fd, 0);
	igt_assert(c->p == c->arena);
	c->hole_len = 0;
	c->seed++;
	store(c);
	plant(c);
	hm_assert_level(c->node, c->p, c->len, c->level);

	want = op_wants(c, op, w);
	got = op->fn(c, w, op->arg);
	igt_assert_f(got == want || (op->alt && got == op->alt),
		     "%s (%s): %s, expected %s\n", op->name, where_name[w],
		     strerror(-got), strerror(-want));

	for_samples(c, get);
	for_samples(c, get_file);
	check_planted(c);
	c->seed++;
	store(c);
	for_samples(c, get_file);
	for_samples(c, get);

	/* Whatever is left goes, however it was cut. */
	igt_assert(mmap(c->arena, 4 * c->pud, PROT_NONE, MAP_PRIVATE |
			MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) ==
		   c->arena);
}

static void run_ops(struct hm_node *node, enum hm_level level,
		    const struct op *ops, unsigned int nr)
{
	struct ctx c = {
		.node = node,
		.level = level,
		.pud = hm_pud_size(node),
		.pmd = hm_pmd_size(node),
		.seed = SEED,
		.fd = hm_open(node, O_RDWR),
	};
	bool hazard = level == HM_PMD && !hm_pmd_safe(node);

	c.len = level == HM_PUD ? c.pud : 8 * c.pmd;
	c.step = level == HM_PUD ? 8 * c.pmd : c.pmd;
	c.arena = hm_reserve_aligned(4 * c.pud, c.pud);
	for (unsigned int i = 0; i < nr; i++) {
		if (hazard && ops[i].hazard) {
			igt_info("%s: left out, crashes this kernel with 2 MiB pages without struct pages\n",
				 ops[i].name);
			continue;
		}
		for (int w = START; w <= WHOLE; w++)
			if (ops[i].wheres & 1u << w)
				run_op(&c, &ops[i], w);
	}
	igt_assert_eq_u64(hm_stat_now(c.fd, "sigbus"), 0);
	hm_munmap(c.arena, 4 * c.pud);
	close(c.fd);
}

/* Page sizes of the mappings; the last one needs root's opt-in. */
static const struct {
	const char *name;
	enum hm_level level;
	bool opt_in;
} cases[] = {
	{ "pud", HM_PUD, false },
	{ "pmd", HM_PMD, false },
	{ "pte", HM_PTE, false },
	{ "pmd-opt-in", HM_PMD, true },
};

static void run_case(struct hm_node *node, unsigned int n, const char *thp,
		     bool pfnmap, const struct op *ops, unsigned int nr)
{
	hm_restore();
	hm_thp_set(thp);
	if (pfnmap) {
		hm_sysfs_write(node, "vma", "pfnmap");
		hm_node_refresh(node);
		igt_skip_on_f(node->q.features & DRM_HUGEMAP_FEATURE_THP_POLICY,
			      "this kernel obeys transparent_hugepage=never\n");
	}
	if (cases[n].level == HM_PUD)
		igt_hugemap_require_size(node, hm_pud_size(node));
	hm_require_set_level(node, cases[n].level, cases[n].opt_in);
	run_ops(node, cases[n].level, ops, nr);
}

static void run_group(const struct op *ops, unsigned int nr)
{
	/* Static: they outlive the jumps out of subtests. */
	static bool never, pfnmap, obeys;
	static unsigned int n, t;
	static uint32_t why;

	hm_for_each_node(node) {
		if (!hm_is_first_of_kind(node))
			continue;
		why = node->q.pmd_why;
		obeys = node->q.features & DRM_HUGEMAP_FEATURE_THP_POLICY;
		for (t = 0; t < 2 * ARRAY_SIZE(cases); t++) {
			n = t / 2;
			never = t % 2;
			if (cases[n].opt_in && why != DRM_HUGEMAP_WHY_POLICY)
				continue;
			/*
			 * Where "never" leaves base pages only, VM_PFNMAP may
			 * still be huge.
			 */
			pfnmap = never && obeys && cases[n].level;
			igt_dynamic_f("%s-%s-thp-%s%s", node->label,
				      cases[n].name, never ? "never" : "always",
				      pfnmap ? "-pfnmap" : "")
				run_case(node, n, never ? "never" : "always",
					 pfnmap, ops, nr);
		}
	}
}

int igt_main()
{
	static unsigned int i;

	igt_fixture()
		igt_hugemap_require_nodes();

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		igt_describe(groups[i].describe);
		igt_subtest_with_dynamic(groups[i].name)
			run_group(groups[i].ops, groups[i].nr);
	}
}
