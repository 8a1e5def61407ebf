// SPDX-License-Identifier: GPL-2.0
/*
 * What looks at the pages behind page table entries meets huge entries of raw
 * PFNs (P3), which have none: it has to do with them what it does with such
 * PTEs. Each case is tried on PTEs first, and its result there is what is wanted
 * of PMD and PUD entries. Afterwards the memory is still there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmt.h"

#ifndef MADV_COLD
#define MADV_COLD	20
#define MADV_PAGEOUT	21
#endif

static const struct order {
	const char *name;
	size_t len, step;
	long faults;
} orders[] = {
	{ "PTE", 8 * MMT_4K, MMT_4K, 0 },
	{ "PMD", 2 * MMT_2M, MMT_4K, 2 },
	{ "PUD", MMT_1G, MMT_2M, 1 },
};

static struct mmt_dev dev;

static void stamp(char *p, const struct order *o)
{
	size_t i;

	for (i = 0; i < o->len; i += o->step)
		*(volatile uint64_t *)(p + i) = i ^ 0xa5a5a5a5;
}

static void verify(const char *p, const struct order *o)
{
	size_t i;

	for (i = 0; i < o->len; i += o->step)
		mmt_check(*(const volatile uint64_t *)(p + i) == (i ^ 0xa5a5a5a5));
}

static long result(long rc)
{
	return rc < 0 ? -errno : rc;
}

/* Of a /proc file, what is said of @field of the VMA at @p; -1 if nothing. */
static long proc_field(const char *path, const char *p, const char *field)
{
	FILE *f = fopen(path, "r");
	unsigned long start, end;
	char line[512];
	bool in = false;
	long v = -1;

	mmt_check(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			in = start == (uintptr_t)p;
		else if (in && !strncmp(line, field, strlen(field)))
			v = atol(line + strlen(field));
	}
	fclose(f);
	return v;
}

static long do_smaps(char *p, const struct order *o)
{
	(void)o;
	return proc_field("/proc/self/smaps", p, "Rss:");
}

static long do_smaps_rollup(char *p, const struct order *o)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char buf[4096];

	(void)p, (void)o;
	mmt_check(f && fread(buf, 1, sizeof(buf), f) > 0);
	fclose(f);
	return 0;
}

static long do_numa_maps(char *p, const struct order *o)
{
	FILE *f = fopen("/proc/self/numa_maps", "r");
	unsigned long start;
	char line[512];
	long found = 0;

	(void)o;
	mmt_check(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx ", &start) == 1 && start == (uintptr_t)p)
			found = strstr(line, " N0=") ? 2 : 1;
	fclose(f);
	return found;
}

/* The flags of the last page; frames are what the device is, in order. */
static long do_pagemap(char *p, const struct order *o)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	size_t nr = o->len / MMT_4K, i;
	uint64_t *e = calloc(nr, 8), frame = (1UL << 55) - 1, first;

	mmt_check(fd >= 0 && e);
	mmt_check(pread(fd, e, nr * 8, (uintptr_t)p / MMT_4K * 8) == (ssize_t)nr * 8);
	close(fd);
	first = e[0] & frame;
	for (i = 0; i < nr; i++)
		mmt_check((e[i] & frame) == (e[i] >> 63 && first ? first + i : 0));
	first = e[nr - 1] >> 55;
	free(e);
	/* A walk for PMD entries drops PUD entries. */
	return o->len == MMT_1G && !(first >> 8) ? -ENODATA : (long)first;
}

static long clear_refs(const char *what)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	mmt_check(fd >= 0 && write(fd, what, 1) == 1);
	close(fd);
	return 0;
}

static long do_clear_refs(char *p, const struct order *o)
{
	(void)p, (void)o;
	return clear_refs("1") + clear_refs("3");
}

static long do_soft_dirty(char *p, const struct order *o)
{
	(void)p, (void)o;
	return clear_refs("4");
}

static long do_mincore(char *p, const struct order *o)
{
	size_t nr = o->len / MMT_4K;
	unsigned char *vec = calloc(nr, 1);
	long rc;

	mmt_check(vec);
	rc = result(mincore(p, o->len, vec));
	free(vec);
	return rc;
}

static long mbind_node0(char *p, const struct order *o, unsigned int flags)
{
	unsigned long node0 = 1;

	return result(syscall(SYS_mbind, p, o->len, MPOL_BIND, &node0, 8, flags));
}

static long do_mbind_strict(char *p, const struct order *o)
{
	return mbind_node0(p, o, MPOL_MF_STRICT);
}

static long do_mbind_move(char *p, const struct order *o)
{
	return mbind_node0(p, o, MPOL_MF_STRICT | MPOL_MF_MOVE);
}

/* Where are they, and do come to node 0. */
static long do_move_pages(char *p, const struct order *o)
{
	void *pages[] = { p, p + o->len - MMT_4K };
	int status[2] = { 77, 77 }, nodes[2] = { 0, 0 }, status2[2];
	long rc;

	rc = result(syscall(SYS_move_pages, 0, 2L, pages, NULL, status, 0));
	mmt_check(!rc && status[0] == status[1]);
	rc = result(syscall(SYS_move_pages, 0, 2L, pages, nodes, status2, MPOL_MF_MOVE));
	return status[0] * 1000L + rc;
}

static long do_cold(char *p, const struct order *o)
{
	return result(madvise(p, o->len, MADV_COLD));
}

static long do_cold_part(char *p, const struct order *o)
{
	return result(madvise(p + o->len - 3 * MMT_4K, MMT_4K, MADV_COLD));
}

static long do_pageout(char *p, const struct order *o)
{
	return result(madvise(p, o->len, MADV_PAGEOUT));
}

/* linux/fs.h has it since 6.7 */
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

static long do_pagemap_scan(char *p, const struct order *o)
{
	uint64_t vec[64][3] = { 0 };
	struct scan_arg arg = {
		.size = sizeof(arg), .start = (uintptr_t)p, .end = (uintptr_t)p + o->len,
		.vec = (uintptr_t)vec, .vec_len = 64, .return_mask = 0x3f,
		.category_anyof_mask = 0x3f,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY);
	long rc;

	mmt_check(fd >= 0);
	rc = result(ioctl(fd, _IOWR('f', 16, struct scan_arg), &arg));
	close(fd);
	if (rc < 0 || (!rc && o->len == MMT_1G))
		return rc ? rc : -ENODATA;
	return rc * 1000 + (long)vec[0][2];
}

/* Not a walker, but as near to pages: the child has the memory as well. */
static long do_fork(char *p, const struct order *o)
{
	int status;
	pid_t pid = fork();

	mmt_check(pid >= 0);
	if (!pid) {
		verify(p, o);
		_exit(0);
	}
	mmt_check(waitpid(pid, &status, 0) == pid);
	return status;
}

static long do_mprotect(char *p, const struct order *o)
{
	long rc = result(mprotect(p, o->len, PROT_READ));

	mmt_check(!mmt_writable(p));
	verify(p, o);
	return rc + result(mprotect(p, o->len, PROT_READ | PROT_WRITE));
}

/* no_pud: what only P2 makes safe for PUD entries. */
static const struct {
	const char *name;
	long (*fn)(char *p, const struct order *o);
	bool no_pud;
} cases[] = {
	{ "smaps", do_smaps, false },
	{ "smaps_rollup", do_smaps_rollup, false },
	{ "numa_maps", do_numa_maps, false },
	{ "pagemap", do_pagemap, false },
	{ "pagemap_scan", do_pagemap_scan, false },
	{ "clear_refs", do_clear_refs, false },
	{ "soft_dirty", do_soft_dirty, false },
	{ "mincore", do_mincore, false },
	{ "mbind", do_mbind_strict, false },
	{ "mbind_move", do_mbind_move, false },
	{ "move_pages", do_move_pages, false },
	{ "cold", do_cold, false },
	{ "cold_part", do_cold_part, true },
	{ "pageout", do_pageout, false },
	{ "fork", do_fork, false },
	{ "mprotect", do_mprotect, true },
};

static long run(size_t c, const struct order *o)
{
	char *p = mmt_map(&dev, o->len, 0, PROT_READ | PROT_WRITE);
	long faults = mmt_faults(), rc;

	stamp(p, o);
	faults = mmt_faults() - faults;
	if (o->faults && faults != o->faults)
		mmt_skip("%s: %ld faults, not %ld: no %s entries here", dev.name, faults,
			 o->faults, o->name);
	rc = cases[c].fn(p, o);
	printf("%s of a %s: %ld\n", cases[c].name, o->name, rc);
	fflush(stdout);
	verify(p, o);
	stamp(p, o);
	verify(p, o);
	mmt_check(!munmap(p, o->len));
	return rc;
}

static void run_all(size_t c)
{
	long want = run(c, &orders[0]), rc;
	size_t o;

	for (o = 1; o < ARRAY_SIZE(orders); o++) {
		if (cases[c].no_pud && orders[o].len == MMT_1G)
			continue;
		rc = run(c, &orders[o]);
		if (rc != want && rc != -ENODATA)
			mmt_fail("%s of a %s: %ld, not %ld as for PTEs", cases[c].name,
				 orders[o].name, rc, want);
	}
}

int main(int argc, char **argv)
{
	size_t c;

	mmt_open(argv[argc > 1 ? 1 : argc], &dev);
	for (c = 0; c < ARRAY_SIZE(cases); c++)
		if (mmt_case(argc, argv, cases[c].name))
			run_all(c);
	mmt_done();
}
