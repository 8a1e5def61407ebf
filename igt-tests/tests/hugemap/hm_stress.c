// SPDX-License-Identifier: MIT
/*
 * Many processes do random things to mappings of one region.  Each owns a part
 * of it and knows what every page of it must hold; all read a common part.
 *
 * HM_STRESS_SECONDS (10) for all kinds of region together, a quarter of it while
 * the order changes; HM_STRESS_PROCS (8), HM_SEED.
 */

#include "hm_map.h"

/**
 * TEST: hugemap stress
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: stress
 * Description: Random operations of many processes, with verification.
 *
 * SUBTEST: random
 * Description: Processes that do random things never see wrong data.
 *
 * SUBTEST: order-changes
 * Description: The same while the largest page size changes all the time.
 */

IGT_TEST_DESCRIPTION("Random operations of many processes, with verification.");

#define COMMON_SEED	0x636f6d6d6f6eull
#define MAX_SEGS	24

/* A part of the address space that maps one piece of the region. */
struct seg {
	char *p;
	uint64_t len, off;
	int prot;
};

struct proc {
	struct hm_node *node;
	int fd, id;
	uint64_t seed, rnd, op;
	uint64_t common;		/* [0, common) is read by all */
	uint64_t begin, end;		/* what this process owns */
	uint32_t *version;		/* of its pages; shared with children */
	struct seg seg[MAX_SEGS];
	unsigned int nr;
	uint64_t pmd, pud;
	const char *what;
};

#define stress_assert(s, expr) \
	igt_assert_f(expr, "HM_SEED=%" PRIu64 " process %d operation %" PRIu64 " (%s): %m\n", \
		     (s)->seed, (s)->id, (s)->op, (s)->what)

static uint64_t rnd(struct proc *s, uint64_t below)
{
	s->rnd ^= s->rnd << 13;
	s->rnd ^= s->rnd >> 7;
	s->rnd ^= s->rnd << 17;
	return below ? (s->rnd >> 16) % below : 0;
}

/* ---- what a page must hold ---- */

static bool owns(const struct proc *s, uint64_t off)
{
	return off >= s->begin && off < s->end;
}

static uint64_t want(const struct proc *s, uint64_t off)
{
	if (off < s->common)
		return hm_pattern(off, COMMON_SEED);
	return hm_pattern(off, (uint64_t)s->id << 32 |
			  s->version[(off - s->begin) / HM_PAGE]);
}

static void verify(struct proc *s, uint64_t off, uint64_t got)
{
	igt_assert_f(got == want(s, off),
		     "HM_SEED=%" PRIu64 " process %d operation %" PRIu64 " (%s): offset %#" PRIx64 " holds %#" PRIx64 ", expected %#" PRIx64 "\n",
		     s->seed, s->id, s->op, s->what, off, got, want(s, off));
}

/* Reads a page; a page of somebody else is only read. */
static void read_page(struct proc *s, const struct seg *g, uint64_t at)
{
	uint64_t off = g->off + at, v;

	if (!(g->prot & PROT_READ))
		return;
	v = *(volatile uint64_t *)(g->p + at);
	if (off < s->common || owns(s, off))
		verify(s, off, v);
}

static void write_page(struct proc *s, const struct seg *g, uint64_t at)
{
	uint64_t off = g->off + at;

	if (!(g->prot & PROT_WRITE) || !owns(s, off))
		return;
	read_page(s, g, at);
	s->version[(off - s->begin) / HM_PAGE]++;
	*(volatile uint64_t *)(g->p + at) = want(s, off);
}

/* A page of the segment: one that this process owns, if it has any. */
static uint64_t pick_page(struct proc *s, const struct seg *g)
{
	uint64_t from = g->off > s->begin ? g->off : s->begin;
	uint64_t to = g->off + g->len < s->end ? g->off + g->len : s->end;

	if (from >= to || !rnd(s, 4))
		return rnd(s, g->len / HM_PAGE) * HM_PAGE;
	return from - g->off + rnd(s, (to - from) / HM_PAGE) * HM_PAGE;
}

/* ---- segments ---- */

static void drop(struct proc *s, unsigned int i)
{
	s->seg[i] = s->seg[--s->nr];
}

/*
 * Cuts the segment so that a random part of it is a segment of its own, and
 * returns that one; the kernel will do the same to its VMAs.
 */
static struct seg *cut(struct proc *s)
{
	struct seg *g, *n;
	uint64_t unit, from, len;

	if (!s->nr || s->nr + 2 >= MAX_SEGS)
		return s->nr ? &s->seg[rnd(s, s->nr)] : NULL;
	g = &s->seg[rnd(s, s->nr)];
	unit = rnd(s, 2) ? HM_PAGE : s->pmd;
	if (g->len <= unit || !rnd(s, 4))
		return g;
	from = rnd(s, g->len / unit) * unit;
	len = rnd(s, 3) ? unit : (rnd(s, (g->len - from) / unit) + 1) * unit;
	len = len < g->len - from ? len : g->len - from;
	if (from + len < g->len) {
		n = &s->seg[s->nr++];
		*n = *g;
		n->p += from + len;
		n->off += from + len;
		n->len -= from + len;
		g->len = from + len;
	}
	if (from) {
		n = &s->seg[s->nr++];
		*n = *g;
		n->p += from;
		n->off += from;
		n->len -= from;
		g->len = from;
		return n;
	}
	return g;
}

/* ---- operations ---- */

static void do_map(struct proc *s)
{
	struct seg *g = &s->seg[s->nr];
	uint64_t unit;

	if (s->nr + 4 >= MAX_SEGS)
		return;
	g->prot = rnd(s, 8) ? PROT_READ | PROT_WRITE : PROT_READ;
	if (rnd(s, 2)) {
		/* As large as can be. */
		unit = s->pud < s->node->size ? s->pud : s->node->size;
		g->off = s->begin / unit * unit;
		g->len = g->off + unit <= s->node->size ? unit :
			 s->node->size - g->off;
	} else {
		unit = rnd(s, 2) ? HM_PAGE : s->pmd;
		g->off = rnd(s, s->node->size / unit) * unit;
		if (rnd(s, 2))
			g->off = (s->begin + rnd(s, s->end - s->begin)) /
				 unit * unit;
		g->len = (rnd(s, 8 * s->pmd / unit) + 1) * unit;
		if (g->len > s->node->size - g->off)
			g->len = s->node->size - g->off;
	}
	g->p = mmap(NULL, g->len, g->prot, MAP_SHARED, s->fd, g->off);
	stress_assert(s, g->p != MAP_FAILED);
	s->nr++;
}

static void do_unmap(struct proc *s)
{
	struct seg *g = cut(s);

	if (!g)
		return;
	stress_assert(s, !munmap(g->p, g->len));
	drop(s, g - s->seg);
}

static void do_protect(struct proc *s)
{
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE,
	};
	struct seg *g = cut(s);

	if (!g)
		return;
	g->prot = prots[rnd(s, ARRAY_SIZE(prots))];
	stress_assert(s, !mprotect(g->p, g->len, g->prot));
}

static void do_move(struct proc *s)
{
	struct seg *g = cut(s);
	uint64_t pad, align;
	char *to, *p;

	if (!g)
		return;
	/* Anywhere: congruent or not. */
	align = rnd(s, 3) ? (rnd(s, 2) ? s->pud : s->pmd) : HM_PAGE;
	pad = g->len + align;
	p = mmap(NULL, pad, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_NORESERVE, -1, 0);
	stress_assert(s, p != MAP_FAILED);
	to = (char *)(((unsigned long)p + align - 1) & ~(align - 1));
	stress_assert(s, mremap(g->p, g->len, g->len, MREMAP_MAYMOVE |
				MREMAP_FIXED, to) == to);
	if (to > p)
		munmap(p, to - p);
	if (to + g->len < p + pad)
		munmap(to + g->len, p + pad - to - g->len);
	g->p = to;
}

static void do_touch(struct proc *s, bool wr)
{
	uint64_t at, n = rnd(s, 3) ? 8 : 64;
	struct seg *g;

	if (!s->nr)
		return;
	g = &s->seg[rnd(s, s->nr)];
	at = pick_page(s, g);
	for (; n-- && at < g->len; at += HM_PAGE) {
		if (wr)
			write_page(s, g, at);
		else
			read_page(s, g, at);
	}
}

static void do_read(struct proc *s)
{
	do_touch(s, false);
}

static void do_write(struct proc *s)
{
	do_touch(s, true);
}

static void do_file(struct proc *s)
{
	uint64_t off = s->begin + rnd(s, (s->end - s->begin) / HM_PAGE) *
		       HM_PAGE, v = 0;

	stress_assert(s, pread(s->fd, &v, 8, off) == 8);
	verify(s, off, v);
	s->version[(off - s->begin) / HM_PAGE]++;
	v = want(s, off);
	stress_assert(s, pwrite(s->fd, &v, 8, off) == 8);
}

static void do_advise(struct proc *s)
{
	/* Not MADV_DONTFORK: children read. */
	static const int advices[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_FREE, MADV_REMOVE,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE,
	};
	struct seg *g = cut(s);

	/* Some are refused: hm_walkers knows which. */
	if (g)
		madvise(g->p, g->len, advices[rnd(s, ARRAY_SIZE(advices))]);
}

static void do_lock(struct proc *s)
{
	struct seg *g = cut(s);

	if (!g)
		return;
	stress_assert(s, !mlock(g->p, g->len));
	stress_assert(s, !munlock(g->p, g->len));
}

static void do_prefault(struct proc *s)
{
	static const uint32_t orders[] = { 0, 9, 18, DRM_HUGEMAP_ORDER_ANY };
	struct seg *g = cut(s);
	uint64_t len;
	int ret;

	if (!g)
		return;
	len = g->len < 4 * s->pmd ? g->len : 4 * s->pmd;
	ret = __hm_prefault(s->fd, g->p, len, 0,
			    orders[rnd(s, ARRAY_SIZE(orders))], NULL);
	errno = -ret;
	stress_assert(s, g->prot == PROT_NONE ? ret == -EACCES :
		      !ret || ret == -EAGAIN);
}

static void do_proc(struct proc *s)
{
	static const char * const files[] = {
		"/proc/self/smaps", "/proc/self/numa_maps",
		"/proc/self/smaps_rollup",
	};
	static char buf[65536];
	int fd = open(files[rnd(s, ARRAY_SIZE(files))], O_RDONLY | O_CLOEXEC);

	stress_assert(s, fd >= 0);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

static void step(struct proc *s);

static void do_fork(struct proc *s)
{
	int status, n = rnd(s, 6);
	pid_t pid = fork();

	stress_assert(s, pid >= 0);
	if (!pid) {
		s->what = "child";
		for (int i = 0; i < 8; i++)
			do_touch(s, i & 1);
		while (n--)
			step(s);
		_exit(0);
	}
	/* The child knows the pages' state, and changes it. */
	stress_assert(s, waitpid(pid, &status, 0) == pid);
	stress_assert(s, !status);
}

static const struct {
	const char *name;
	void (*fn)(struct proc *s);
	unsigned int weight;
} ops[] = {
	{ "mmap", do_map, 10 },		{ "munmap", do_unmap, 10 },
	{ "mprotect", do_protect, 10 },	{ "mremap", do_move, 6 },
	{ "read", do_read, 20 },	{ "write", do_write, 20 },
	{ "file", do_file, 6 },		{ "madvise", do_advise, 8 },
	{ "mlock", do_lock, 2 },	{ "PREFAULT", do_prefault, 5 },
	{ "proc", do_proc, 1 },		{ "fork", do_fork, 2 },
};

static void step(struct proc *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		n += ops[i].weight;
	n = rnd(s, n);
	for (i = 0; n >= ops[i].weight; i++)
		n -= ops[i].weight;
	s->op++;
	s->what = ops[i].name;
	ops[i].fn(s);
}

static void run_proc(struct hm_node *node, int id, int procs, uint64_t seed,
		     uint64_t until)
{
	static struct proc s;
	uint64_t size = node->size / (procs + 1) / HM_PAGE * HM_PAGE, v;

	s.node = node;
	s.id = id;
	s.seed = seed;
	s.rnd = (seed + 1) * 0x9e3779b97f4a7c15ull ^ (id + 1);
	s.pmd = hm_pmd_size(node);
	s.pud = hm_pud_size(node);
	s.fd = hm_open(node, O_RDWR);
	s.common = size;
	s.begin = size * (id + 1);
	s.end = s.begin + (size < 16 * s.pmd ? size : 16 * s.pmd);
	s.version = mmap(NULL, (s.end - s.begin) / HM_PAGE * 4,
			 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	s.what = "begin";
	stress_assert(&s, s.version != MAP_FAILED);
	for (uint64_t off = s.begin; off < s.end; off += HM_PAGE) {
		v = want(&s, off);
		stress_assert(&s, pwrite(s.fd, &v, 8, off) == 8);
	}
	while (hm_now_ms() < until)
		step(&s);
	s.what = "end";
	for (uint64_t off = s.begin; off < s.end; off += HM_PAGE) {
		stress_assert(&s, pread(s.fd, &v, 8, off) == 8);
		verify(&s, off, v);
	}
	stress_assert(&s, !hm_stat_now(s.fd, "sigbus"));
	igt_info("process %d: %" PRIu64 " operations\n", id, s.op);
}

static void stress(struct hm_node *node, unsigned int share, bool flip)
{
	int procs = hm_env_number("HM_STRESS_PROCS", 8);
	uint64_t ms = hm_env_number("HM_STRESS_SECONDS", 10) * 1000ull / share;
	uint64_t seed = hm_env_number("HM_SEED", 1), until, common;
	char *p;

	igt_info("HM_SEED=%" PRIu64 ", %d processes, %" PRIu64 " ms\n", seed,
		 procs, ms);
	if (flip) {
		hm_sysfs_write(node, "allow_pmd", "1");
		hm_node_refresh(node);
	}
	common = node->size / (procs + 1) / HM_PAGE * HM_PAGE;
	p = hm_mmap(node, 0, common, PROT_READ | PROT_WRITE);
	hm_fill_step(p, 0, common, HM_PAGE, COMMON_SEED);
	hm_munmap(p, common);

	until = hm_now_ms() + ms;
	igt_fork(id, procs)
		run_proc(node, id, procs, seed, until);
	for (int i = 0; flip && hm_now_ms() < until; i++) {
		hm_limit(node, i % HM_NR_LEVELS);
		usleep(20000);
	}
	igt_waitchildren();
	hm_restore();
	p = hm_mmap(node, 0, common, PROT_READ);
	hm_check_step(p, 0, common, HM_PAGE, COMMON_SEED);
	hm_munmap(p, common);
}

static unsigned int nr_kinds(void)
{
	unsigned int n = 0;

	hm_for_each_node(node)
		n += hm_is_first_of_kind(node);
	return n;
}

int igt_main()
{
	static unsigned int share;

	igt_fixture() {
		igt_hugemap_require_nodes();
		share = nr_kinds();
	}

	igt_describe("Processes that do random things never see wrong data.");
	igt_subtest_with_dynamic("random")
		hm_dynamic_for_each_kind(node)
			stress(node, share, false);

	igt_describe("The same while the largest page size changes all the time.");
	igt_subtest_with_dynamic("order-changes")
		hm_dynamic_for_each_kind(node)
			stress(node, 4 * share, true);
}
