// SPDX-License-Identifier: MIT
/*
 * Whatever a process can do to a mapping, done to mappings of every page size:
 * it ends in success or in the errno that the tables below say, the contents
 * are right before and after, and touching everything again works.
 */
#include <linux/mempolicy.h>
#include <sys/ptrace.h>

#include "hm_map.h"

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

enum where { START, MID, END, PMD, WHOLE };

static const char * const where_name[] = {
	"first page", "inner page", "last page", "inner 2M", "all",
};

struct ctx {
	struct hm_node *node;
	enum hm_level level;
	char *arena;		/* 4 PUD units of address space */
	char *p;		/* the mapping, at first the first unit */
	uint64_t len, pud, pmd;
	uint64_t step;		/* between samples */
	uint64_t hole, hole_len;	/* not mapped any more */
	uint64_t seed;
	int fd;
};

static char *at(const struct ctx *c, enum where w, uint64_t *len)
{
	uint64_t mid = c->len / 2;

	*len = w == WHOLE ? c->len : w == PMD ? c->pmd : HM_PAGE;
	return c->p + (w == MID ? mid + 5 * HM_PAGE : w == PMD ? mid :
		       w == END ? c->len - HM_PAGE : 0);
}

/* ---- contents: a page here and there, and those around the inner page ---- */

static void for_samples(struct ctx *c, void (*fn)(struct ctx *c, uint64_t off))
{
	uint64_t mid = c->len / 2, off;

	for (off = 0; off < c->len; off += c->step)
		fn(c, off);
	fn(c, mid - HM_PAGE);
	fn(c, mid + c->pmd);
	for (off = mid + HM_PAGE; off < mid + 9 * HM_PAGE; off += HM_PAGE)
		fn(c, off);
	fn(c, HM_PAGE);
	fn(c, c->len - 2 * HM_PAGE);
	fn(c, c->len - HM_PAGE);
}

static void put(struct ctx *c, uint64_t off)
{
	if (off - c->hole >= c->hole_len)
		*(volatile uint64_t *)(c->p + off) = hm_pattern(off, c->seed);
}

static void get(struct ctx *c, uint64_t off)
{
	uint64_t v;

	if (off - c->hole < c->hole_len)
		return;
	v = *(volatile uint64_t *)(c->p + off);
	igt_assert_f(v == hm_pattern(off, c->seed),
		     "offset %#" PRIx64 " holds %#" PRIx64 "\n", off, v);
}

static void get_file(struct ctx *c, uint64_t off)
{
	uint64_t v;

	if (off - c->hole < c->hole_len)
		return;
	igt_assert_eq(pread(c->fd, &v, sizeof(v), off), (int)sizeof(v));
	igt_assert_f(v == hm_pattern(off, c->seed),
		     "read() at %#" PRIx64 " gives %#" PRIx64 "\n", off, v);
}

static void store(struct ctx *c)
{
	for_samples(c, put);
	__sync_synchronize();
}

/* ---- operations: 0 or a negative errno; everything else asserts ---- */

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

static int op_munmap(struct ctx *c, enum where w, long arg)
{
	char *p = at(c, w, &c->hole_len);

	(void)arg;
	c->hole = p - c->p;
	if (munmap(p, c->hole_len))
		return -errno;
	igt_assert_eq(hm_touch_read(p).sig, SIGSEGV);
	return 0;
}

static int op_mprotect(struct ctx *c, enum where w, long prot)
{
	uint64_t len;
	char *p = at(c, w, &len);

	if (mprotect(p, len, prot))
		return -errno;
	igt_assert_eq(hm_touch_write(p).sig, SIGSEGV);
	igt_assert_eq(hm_touch_read(p).sig, prot & PROT_READ ? 0 : SIGSEGV);
	igt_assert_eq(hm_touch_write(p + len - 8).sig, SIGSEGV);
	if (p > c->p)
		igt_assert_eq(hm_touch_write(p - 1).sig, 0);
	if (p + len < c->p + c->len)
		igt_assert_eq(hm_touch_write(p + len).sig, 0);
	return result(mprotect(p, len, PROT_READ | PROT_WRITE));
}

static int op_mlock(struct ctx *c, enum where w, long onfault)
{
	uint64_t len;
	char *p = at(c, w, &len);

	if (onfault ? mlock2(p, len, MLOCK_ONFAULT) : mlock(p, len))
		return -errno;
	for_samples(c, get);
	return result(munlock(p, len));
}

static int op_mlockall(struct ctx *c, enum where w, long flags)
{
	char *p;

	(void)w;
	if (mlockall(flags))
		return -errno;
	p = hm_mmap_fd(c->fd, 0, c->pmd, PROT_READ | PROT_WRITE);
	igt_assert_eq_u64(*(volatile uint64_t *)p, hm_pattern(0, c->seed));
	hm_munmap(p, c->pmd);
	return result(munlockall());
}

static int op_madvise(struct ctx *c, enum where w, long advice)
{
	uint64_t len;
	char *p = at(c, w, &len);

	return result(madvise(p, len, advice));
}

/* Moves to @arg bytes behind the second PUD unit of the arena. */
static int op_move(struct ctx *c, enum where w, long arg)
{
	char *to = c->arena + 2 * c->pud + arg, *p;
	uint64_t len, off;

	p = at(c, w, &len);
	off = p - c->p;
	if (mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return -errno;
	igt_assert_eq(hm_touch_read(p).sig, SIGSEGV);
	if (w == WHOLE) {
		c->p = to;
		return 0;
	}
	igt_assert_eq_u64(*(volatile uint64_t *)to, hm_pattern(off, c->seed));
	igt_assert_eq(hm_touch_write(to).sig, 0);
	c->hole = off;
	c->hole_len = len;
	return 0;
}

static int op_mremap(struct ctx *c, enum where w, long flags)
{
	uint64_t len;
	char *p = at(c, w, &len);

	return result((long)mremap(p, len, len, flags) == -1 ? -1 : 0);
}

/* Grows or shrinks all of it by some pages. */
static int op_resize(struct ctx *c, enum where w, long pages)
{
	uint64_t len = c->len + pages * HM_PAGE;

	(void)w;
	if (mremap(c->p, c->len, len, 0) == MAP_FAILED)
		return -errno;
	if (pages < 0) {
		c->hole = len;
		c->hole_len = c->len - len;
	}
	return 0;
}

static int op_duplicate(struct ctx *c, enum where w, long arg)
{
	(void)w;
	(void)arg;
	return result(mremap(c->p, 0, c->len, MREMAP_MAYMOVE) == MAP_FAILED ?
		      -1 : 0);
}

enum { CHILD_EXIT, CHILD_MUNMAP, CHILD_MPROTECT, CHILD_MOVE, CHILD_FORK };

static void child(struct ctx *c, long what)
{
	volatile uint64_t *word = (void *)(c->p + c->len / 2 + 8);
	int status;
	pid_t pid;

	for_samples(c, get);
	*word = what;
	switch (what) {
	case CHILD_MUNMAP:
		op_munmap(c, MID, 0);
		break;
	case CHILD_MPROTECT:
		op_mprotect(c, MID, PROT_READ);
		break;
	case CHILD_MOVE:
		op_move(c, WHOLE, 0);
		break;
	case CHILD_FORK:
		pid = fork();
		if (!pid) {
			child(c, CHILD_MUNMAP);
			_exit(0);
		}
		igt_assert_eq(waitpid(pid, &status, 0), pid);
		igt_assert_eq(status, 0);
		*word = what;
		break;
	default:
		break;
	}
	for_samples(c, get);
}

static int op_fork(struct ctx *c, enum where w, long what)
{
	(void)w;
	igt_fork(n, 1)
		child(c, what);
	/* At the same time as the child. */
	for_samples(c, get);
	igt_waitchildren();
	igt_assert_eq_u64(*(volatile uint64_t *)(c->p + c->len / 2 + 8), what);
	return 0;
}

static const char * const proc_files[] = {
	"smaps", "smaps_rollup", "numa_maps", "maps", "stat", "statm", "status",
};

static int op_proc(struct ctx *c, enum where w, long which)
{
	static char buf[65536];
	char path[64];
	ssize_t n;
	int fd;

	(void)c;
	(void)w;
	snprintf(path, sizeof(path), "/proc/self/%s", proc_files[which]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	close(fd);
	return result(n);
}

static int op_pagemap(struct ctx *c, enum where w, long arg)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	static uint64_t e[4096];
	uint64_t len, i;
	char *p = at(c, w, &len);

	(void)arg;
	igt_assert_fd(fd);
	for (i = 0; i < len / HM_PAGE; i += ARRAY_SIZE(e))
		igt_assert(pread(fd, e, sizeof(e),
				 ((unsigned long)p / HM_PAGE + i) * 8) > 0);
	close(fd);
	return 0;
}

static int op_clear_refs(struct ctx *c, enum where w, long arg)
{
	char text[] = { '0' + arg, 0 };

	(void)c;
	(void)w;
	return __hm_write_file("/proc/self/clear_refs", text);
}

static int op_mem(struct ctx *c, enum where w, long wr)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	uint64_t len, v = 0;
	char *p = at(c, w, &len);
	ssize_t n;

	igt_assert_fd(fd);
	v = hm_pattern(p - c->p, c->seed);
	n = wr ? pwrite(fd, &v, 8, (unsigned long)p) :
		 pread(fd, &v, 8, (unsigned long)p);
	close(fd);
	if (n == 8)
		igt_assert_eq_u64(v, hm_pattern(p - c->p, c->seed));
	return result(n);
}

#define MB(mode, flags)	((mode) | (flags) << 8)

static int op_mbind(struct ctx *c, enum where w, long arg)
{
	unsigned long nodes = 1;
	long mode = arg & 0xff;
	uint64_t len;
	char *p = at(c, w, &len);
	bool empty = mode == MPOL_DEFAULT || mode == MPOL_LOCAL;

	return result(syscall(SYS_mbind, p, len, mode, empty ? NULL : &nodes,
			      empty ? 0 : 8 * sizeof(nodes), arg >> 8));
}

static int op_home_node(struct ctx *c, enum where w, long arg)
{
	int ret = op_mbind(c, w, MB(MPOL_BIND, 0));
	uint64_t len;
	char *p = at(c, w, &len);

	(void)arg;
	return ret ?: result(syscall(450, p, len, 0, 0));
}

/* Of the pages, not of the call: the errno of the first. */
static int op_move_pages(struct ctx *c, enum where w, long move)
{
	void *pages[4] = { at(c, w, &(uint64_t){ 0 }), c->p, c->p + c->len / 2,
			   c->p + c->len - HM_PAGE };
	int nodes[4] = {}, status[4] = {};

	if (syscall(SYS_move_pages, 0, 4, pages, move ? nodes : NULL, status,
		    move ? MPOL_MF_MOVE_ALL : 0) < 0)
		return -errno;
	for (int i = 1; i < 4; i++)
		igt_assert_eq(status[i], status[0]);
	return status[0];
}

static int op_migrate(struct ctx *c, enum where w, long arg)
{
	unsigned long nodes = 1;

	(void)c;
	(void)w;
	(void)arg;
	return result(syscall(SYS_migrate_pages, 0, 8 * sizeof(nodes), &nodes,
			      &nodes));
}

static int op_mincore(struct ctx *c, enum where w, long arg)
{
	static unsigned char vec[262144];
	uint64_t len;
	char *p = at(c, w, &len);

	(void)arg;
	return result(mincore(p, len, vec));
}

static int op_msync(struct ctx *c, enum where w, long flags)
{
	uint64_t len;
	char *p = at(c, w, &len);

	return result(msync(p, len, flags));
}

static int op_membarrier(struct ctx *c, enum where w, long cmd)
{
	(void)c;
	(void)w;
	return result(syscall(SYS_membarrier, cmd, 0, 0));
}

struct pm_scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, mask, anyof_mask, return_mask;
};

static int op_pagemap_scan(struct ctx *c, enum where w, long flags)
{
	static uint64_t vec[3 * 1024];
	struct pm_scan arg = {
		.size = sizeof(arg), .flags = flags,
		.vec = (unsigned long)vec, .vec_len = 1024,
		.return_mask = 0x7f,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), ret;
	uint64_t len;

	igt_assert_fd(fd);
	arg.start = (unsigned long)at(c, w, &len);
	arg.end = arg.start + len;
	ret = result(ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 'f', 16,
				    sizeof(arg)), &arg));
	close(fd);
	return ret;
}

static int op_process_madvise(struct ctx *c, enum where w, long advice)
{
	int fd = syscall(SYS_pidfd_open, getpid(), 0), ret;
	struct { void *p; size_t len; } iov;
	uint64_t len;

	igt_assert_fd(fd);
	iov.p = at(c, w, &len);
	iov.len = len;
	ret = result(syscall(SYS_process_madvise, fd, &iov, 1ul, advice, 0));
	close(fd);
	return ret;
}

static int op_ptrace(struct ctx *c, enum where w, long arg)
{
	uint64_t len, off, want;
	char *p = at(c, w, &len);
	int status, ret = 0;
	pid_t pid;
	long v;

	(void)arg;
	off = p - c->p;
	want = hm_pattern(off, c->seed);
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(*(volatile uint64_t *)p != want);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	errno = 0;
	v = ptrace(PTRACE_PEEKDATA, pid, p, 0);
	if (errno)
		ret = -errno;
	else
		igt_assert_eq_u64(v, want);
	if (!ret && ptrace(PTRACE_POKEDATA, pid, p, want))
		ret = -errno;
	ptrace(PTRACE_DETACH, pid, 0, 0);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(status, 0);
	return ret;
}

static int op_populate(struct ctx *c, enum where w, long arg)
{
	char *p = mmap(c->arena + 3 * c->pud, c->len, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED | MAP_POPULATE, c->fd, 0);

	(void)w;
	(void)arg;
	if (p == MAP_FAILED)
		return -errno;
	hm_check_step(p, 0, c->len, c->step, c->seed);
	return 0;
}

/* ---- tables ---- */

struct op {
	const char *name;
	int (*fn)(struct ctx *c, enum where w, long arg);
	long arg;
	unsigned int wheres;	/* bits */
	int pfnmap, mixedmap;	/* what it gives */
	int alt;		/* or this */
	int since;		/* major * 100 + minor; before that: */
	int before;
	bool hazard;		/* oopses unless hm_pmd_safe() */
	bool collapse;		/* works where core mm can (mm-patches, P6) */
};

#define ALL	(1u << START | 1u << MID | 1u << END | 1u << PMD | 1u << WHOLE)
#define PARTS	(ALL & ~(1u << WHOLE))
#define INNER	(1u << MID | 1u << WHOLE)
#define ONCE	(1u << MID)
#define BOTH(e)	.pfnmap = (e), .mixedmap = (e)
#define NOT_PFN	.pfnmap = -EINVAL

#define ADVICE(n, ...) { "madvise " #n, op_madvise, n, INNER, __VA_ARGS__ }

#include "hm_walkers_ops.h"

static void run_op(struct ctx *c, const struct op *op, enum where w)
{
	int want, got, kernel;

	c->p = mmap(c->arena, c->len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, c->fd, 0);
	igt_assert(c->p == c->arena);
	c->hole_len = 0;
	c->seed++;
	store(c);
	hm_assert_level(c->node, c->p, c->len, c->level);

	for (kernel = 1500; kernel > 0; kernel--)
		if (hm_kernel_at_least(kernel / 100, kernel % 100))
			break;
	want = c->node->q.vma_type == DRM_HUGEMAP_VMA_PFNMAP ? op->pfnmap :
							       op->mixedmap;
	if (op->since && kernel < op->since)
		want = op->before;
	/* A page has nothing to collapse; what is limited has to stay small. */
	if (op->collapse &&
	    c->node->q.features & DRM_HUGEMAP_FEATURE_CORE_COLLAPSE)
		want = w == WHOLE && c->level == HM_PTE ? -EINVAL : 0;
	got = op->fn(c, w, op->arg);
	igt_assert_f(got == want || (op->alt && got == op->alt),
		     "%s (%s): %s, expected %s\n", op->name, where_name[w],
		     strerror(-got), strerror(-want));

	for_samples(c, get);
	for_samples(c, get_file);
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
		if (hazard && ops[i].hazard)
			continue;
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
