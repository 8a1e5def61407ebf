/* SPDX-License-Identifier: MIT */
/*
 * Which places in the driver's code a call has reached: KCOV, on kernels that
 * have it (7.3-debug), for modules built for it (Kbuild).
 */
#ifndef HM_FUZZ_KCOV_H
#define HM_FUZZ_KCOV_H

#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"

#define KCOV_FILE	"/sys/kernel/debug/kcov"
#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_DISABLE	_IO('c', 101)
#define KCOV_TRACE_PC	0

#define KCOV_WORDS	(64 << 10)
#define KCOV_PLACES	(64 << 10)	/* a power of two, more than there are */

/**
 * struct kcov - what a process has reached
 * @fd: or -1: none of this does anything
 * @area: what the kernel writes: the number of places, and the places
 * @seen: a hash table of them
 * @nr: how many
 */
struct kcov {
	int fd;
	unsigned long *area;
	unsigned long *seen;
	unsigned int nr;
};

static void require_kcov(void)
{
	igt_require_f(!access(KCOV_FILE, R_OK | W_OK),
		      "this kernel has no KCOV (7.3-debug has)\n");
}

static void kcov_open(struct kcov *k)
{
	k->fd = open(KCOV_FILE, O_RDWR | O_CLOEXEC);
	igt_assert_fd(k->fd);
	igt_assert_eq(ioctl(k->fd, KCOV_INIT_TRACE, KCOV_WORDS), 0);
	k->area = mmap(NULL, KCOV_WORDS * sizeof(long),
		       PROT_READ | PROT_WRITE, MAP_SHARED, k->fd, 0);
	igt_assert(k->area != MAP_FAILED);
	k->seen = calloc(KCOV_PLACES, sizeof(long));
	igt_assert(k->seen);
	igt_assert_eq(ioctl(k->fd, KCOV_ENABLE, KCOV_TRACE_PC), 0);
}

static void kcov_begin(struct kcov *k)
{
	if (k->fd >= 0)
		__atomic_store_n(&k->area[0], 0, __ATOMIC_RELAXED);
}

/* Returns how many places are new. */
static unsigned int kcov_end(struct kcov *k)
{
	unsigned long n = k->fd >= 0 ?
			  __atomic_load_n(&k->area[0], __ATOMIC_RELAXED) : 0;
	unsigned int fresh = 0;

	for (unsigned long i = 1; i <= n; i++) {
		unsigned long pc = k->area[i];
		unsigned int at = pc * 0x9e3779b97f4a7c15ul >> 40;

		for (at %= KCOV_PLACES; k->seen[at] && k->seen[at] != pc;)
			at = (at + 1) % KCOV_PLACES;
		if (k->seen[at])
			continue;
		igt_assert_lt(k->nr, KCOV_PLACES / 2);
		k->seen[at] = pc;
		k->nr++;
		fresh++;
	}
	return fresh;
}

static void kcov_close(struct kcov *k)
{
	/* An instrumented driver has hundreds of them. */
	igt_assert_f(k->nr, "no place in the driver was reached: it was not built for KCOV\n");
	ioctl(k->fd, KCOV_DISABLE, 0);
	munmap(k->area, KCOV_WORDS * sizeof(long));
	close(k->fd);
	free(k->seen);
}

#endif /* HM_FUZZ_KCOV_H */
