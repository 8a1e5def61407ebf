/* SPDX-License-Identifier: MIT */
/*
 * What a process can do to a mapping, for the tests that do it: hm_walkers does
 * everything to every part of a mapping of a node, hm_matrix the rows that are
 * marked for it to every kind of mapping.  What comes of it is in hm_op_table.h.
 */
#ifndef HM_OP_H
#define HM_OP_H

#include <linux/mempolicy.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "hm_map.h"

enum where { START, MID, END, PMD, WHOLE };

struct ctx {
	struct hm_node *node;	/* NULL: of another driver */
	enum hm_level level;
	char *arena;		/* 4 PUD units of address space */
	char *p;		/* the mapping, at first the first unit */
	uint64_t len, pud, pmd;
	uint64_t step;		/* between samples */
	uint64_t hole, hole_len;	/* not mapped any more */
	uint64_t seed;
	int fd;
	uint64_t base;		/* where in fd it begins */
	uint64_t shift;		/* of its address, from a PUD boundary */
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
	uint64_t len;
	char *p = at(c, w, &len);

	(void)arg;
	if (munmap(p, len))
		return -errno;
	c->hole = p - c->p;
	c->hole_len = len;
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

/* Of ours: nothing was populated. */
static void assert_empty(const struct ctx *c, const char *p, uint64_t len)
{
	struct hm_levels l;

	if (!c->node)
		return;
	igt_assert(hm_map_levels(c->node, p, len, &l));
	igt_assert_eq_u64(l.mapped, 0);
}

static int op_mlockall(struct ctx *c, enum where w, long flags)
{
	char *p;

	(void)w;
	if (mlockall(flags))
		return -errno;
	p = hm_mmap_fd(c->fd, c->base, c->pmd, PROT_READ | PROT_WRITE);
	assert_empty(c, p, c->pmd);
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
	char *to = c->arena + 2 * c->pud + c->shift + arg, *p;
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

	return result(mremap(p, len, len, flags) == MAP_FAILED ? -1 : 0);
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
	char *p = mremap(c->p, 0, c->len, MREMAP_MAYMOVE);

	(void)w;
	(void)arg;
	if (p == MAP_FAILED)
		return -errno;
	hm_munmap(p, c->len);
	return 0;
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
	const char *name = proc_files[which];
	char path[64], start[32], *line = NULL;
	bool found = false;
	size_t len = 0;
	int err;
	FILE *f;

	(void)w;
	snprintf(path, sizeof(path), "/proc/self/%s", name);
	snprintf(start, sizeof(start), strcmp(name, "numa_maps") ? "%lx-" :
		 "%lx ", (unsigned long)c->p);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	errno = 0;
	while (getline(&line, &len, f) > 0)
		found |= !strncmp(line, start, strlen(start));
	err = ferror(f) ? -errno : 0;
	free(line);
	fclose(f);
	/* Those that list mappings have it. */
	if (!err && (strstr(name, "maps") && strcmp(name, "smaps_rollup")))
		igt_assert_f(found, "%s: no mapping at %p\n", path, c->p);
	return err;
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
	uint64_t len, want, v = 0;
	char *p = at(c, w, &len);
	ssize_t n;

	igt_assert_fd(fd);
	want = hm_pattern(p - c->p, c->seed);
	if (wr) {
		v = ~want;
		n = pwrite(fd, &v, 8, (unsigned long)p);
		if (n == 8) {
			igt_assert_eq_u64(*(volatile uint64_t *)p, v);
			n = pwrite(fd, &want, 8, (unsigned long)p);
		}
	} else {
		n = pread(fd, &v, 8, (unsigned long)p);
		if (n == 8)
			igt_assert_eq_u64(v, want);
	}
	close(fd);
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
	memset(vec, 0, sizeof(vec));
	if (mincore(p, len, vec))
		return -errno;
	/*
	 * Up to 7.2 it skips VM_PFNMAP (mm/pagewalk.c walk_page_test()); a 1 GiB
	 * page may be taken away first.
	 */
	if (c->node && c->level != HM_PUD)
		igt_assert_eq(vec[0] & 1, hm_kernel_at_least(7, 3) ||
			      c->node->q.vma_type == DRM_HUGEMAP_VMA_MIXEDMAP);
	return 0;
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
	char *p = at(c, w, &len);

	igt_assert_fd(fd);
	arg.start = (unsigned long)p;
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
	if (!ret && ptrace(PTRACE_POKEDATA, pid, p, ~want))
		ret = -errno;
	if (!ret) {
		igt_assert_eq_u64(*(volatile uint64_t *)p, ~want);
		igt_assert_eq(ptrace(PTRACE_POKEDATA, pid, p, want), 0);
	}
	ptrace(PTRACE_DETACH, pid, 0, 0);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(status, 0);
	return ret;
}

static int op_populate(struct ctx *c, enum where w, long arg)
{
	char *p = mmap(c->arena + 3 * c->pud + c->shift, c->len,
		       PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED | MAP_POPULATE, c->fd, c->base);

	(void)w;
	(void)arg;
	if (p == MAP_FAILED)
		return -errno;
	assert_empty(c, p, c->len);
	hm_check_step(p, 0, c->len, c->step, c->seed);
	hm_munmap(p, c->len);
	return 0;
}

/* The kernel copies from the page, or takes a reference to it. */
static int op_vm_read(struct ctx *c, enum where w, long arg)
{
	uint64_t len, word = 0;
	char *p = at(c, w, &len);
	struct iovec local = { &word, 8 }, remote = { p, 8 };

	(void)arg;
	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0)
		return -errno;
	igt_assert_eq_u64(word, *(volatile uint64_t *)p);
	return 0;
}

static int op_vmsplice(struct ctx *c, enum where w, long arg)
{
	uint64_t len;
	struct iovec iov = { at(c, w, &len), HM_PAGE };
	int fds[2], ret;

	(void)arg;
	igt_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	ret = result(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK));
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/* ---- tables ---- */

/*
 * What maps the memory when all of it was touched again after an operation.
 * CUTS: it divides the VMA, if only for a time.  PAGES: it moves it to where
 * nothing larger fits.  RACES: a child writes meanwhile, so that where writes are
 * tracked some may have become smaller before it is touched.
 */
enum after { KEEPS, CUTS, PAGES, RACES };

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
	/* The rest is for hm_matrix. */
	unsigned int matrix;	/* the part it does it to, a bit; 0: it does not */
	enum after after;	/* the page sizes that are there then */
	bool writes;		/* that a tracker has to see */
	bool takes_page;	/* from the kernel's own memory, for good */
	bool no_file;		/* EINVAL unless the node behaves as a file */
	bool other_vfio, other_dax;
	int vfio;		/* what it gives there */
	int dax;
};

#define ALL	(1u << START | 1u << MID | 1u << END | 1u << PMD | 1u << WHOLE)
#define PARTS	(ALL & ~(1u << WHOLE))
#define INNER	(1u << MID | 1u << WHOLE)
#define ONCE	(1u << MID)
#define BOTH(e)	.pfnmap = (e), .mixedmap = (e)
#define NOT_PFN	.pfnmap = -EINVAL
/* A row of the matrix. Other drivers: vfio-pci is VM_PFNMAP, device-dax neither. */
#define MATRIX(w, a)	.matrix = 1u << (w), .after = (a)
#define VFIO(e)	.other_vfio = true, .vfio = (e)
#define DAX(e)	.other_dax = true, .dax = (e)

#define ADVICE(n, ...) { "madvise " #n, op_madvise, n, INNER, __VA_ARGS__ }

#include "hm_op_table.h"

static bool kernel_before(int version)
{
	return version && !hm_kernel_at_least(version / 100, version % 100);
}

/* What @op gives on a mapping of ours. */
static int op_wants(const struct ctx *c, const struct op *op, enum where w)
{
	/* A page has nothing to collapse; what is limited has to stay small. */
	if (op->collapse &&
	    c->node->q.features & DRM_HUGEMAP_FEATURE_CORE_COLLAPSE)
		return w == WHOLE && c->level == HM_PTE ? -EINVAL : 0;
	if (kernel_before(op->since))
		return op->before;
	return c->node->q.vma_type == DRM_HUGEMAP_VMA_PFNMAP ? op->pfnmap :
							       op->mixedmap;
}

#endif /* HM_OP_H */
