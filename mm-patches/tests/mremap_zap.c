// SPDX-License-Identifier: GPL-2.0
/*
 * mremap() beside somebody who zaps what is moved (P4): a 2 MiB entry that goes
 * between two looks of mremap() must not be taken for a page table.
 *
 *	mremap_zap memfd [whole|part]
 *
 * A hole is punched into a file of one huge page while its mapping is moved, as a
 * whole or but for its last page. Nobody touches the mapping meanwhile, so it must
 * be empty then. If it has got the page table at physical address 0, some of what
 * is there looks like pages or swap, on which mincore() or munmap() stumbles.
 * Every user can do that.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "mmt.h"

#define ROUNDS	500
#define SECONDS	20	/* at most, on a busy machine */
/*
 * Far from everything: there is no table yet when mremap() has looked at the entry
 * for the first time, and it allocates one.
 */
#define FROM	((char *)(1UL << 40))
#define TO	((char *)(2UL << 40))

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

static struct mmt_dev dev;
static atomic_int round_nr, done, delay;

static void *puncher(void *unused)
{
	int round = 0;

	(void)unused;
	for (;;) {
		while (atomic_load(&round_nr) == round)
			sched_yield();
		round = atomic_load(&round_nr);
		for (volatile int i = atomic_load(&delay); i; i--)
			;
		mmt_check(!fallocate(dev.fd, FALLOC_FL_PUNCH_HOLE |
				     FALLOC_FL_KEEP_SIZE, dev.offset, MMT_2M));
		atomic_store(&done, round);
	}
	return NULL;
}

/* Pages in the page tables: those of the file are gone. */
static size_t mapped(char *p, size_t len)
{
	static unsigned char vec[MMT_2M / MMT_4K];
	size_t i, nr = 0;

	mmt_check(!mincore(p, len, vec));
	for (i = 0; i < len / MMT_4K; i++)
		nr += vec[i] & 1;
	return nr;
}

/* Is that much of this process mapped by PMD entries? */
static bool is_huge(size_t len)
{
	char line[128];
	size_t kib = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "re");

	mmt_check(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "ShmemPmdMapped: %zu kB", &kib) == 1)
			break;
	fclose(f);
	return kib == len / 1024;
}

static void punch(size_t len)
{
	time_t end = time(NULL) + SECONDS;
	size_t nr;
	char *p;
	int i;

	for (i = 0; i < ROUNDS && time(NULL) < end; i++) {
		p = mmap(FROM, MMT_2M, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED_NOREPLACE, dev.fd, dev.offset);
		mmt_check(p == FROM);
		*(volatile char *)p = 1;
		if (madvise(p, MMT_2M, MADV_COLLAPSE) || !is_huge(MMT_2M))
			mmt_skip("no huge page");
		atomic_store(&delay, random() % 20000);
		atomic_fetch_add(&round_nr, 1);
		/* A part is not huge any more after the first time. */
		do {
			mmt_check(mremap(p, len, len, MREMAP_MAYMOVE |
					 MREMAP_FIXED, TO) == TO);
			mmt_check(mremap(TO, len, len, MREMAP_MAYMOVE |
					 MREMAP_FIXED, p) == p);
		} while (atomic_load(&done) != atomic_load(&round_nr));
		nr = mapped(p, MMT_2M);
		if (nr)
			mmt_fail("round %d: %zu pages of a hole are mapped", i, nr);
		mmt_check(!munmap(p, MMT_2M));
	}
	printf("%d rounds\n", i);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	mmt_open(argv[1], &dev);
	mmt_check(!setuid(65534));
	mmt_check(!pthread_create(&thread, NULL, puncher, NULL));
	srandom(1);
	if (mmt_case(argc, argv, "whole"))
		punch(MMT_2M);
	if (mmt_case(argc, argv, "part"))
		punch(MMT_2M - MMT_4K);
	mmt_done();
}
