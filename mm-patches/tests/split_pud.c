// SPDX-License-Identifier: GPL-2.0
/*
 * A VMA is cut inside a PUD entry (P2). Core mm has to split the entry, which
 * for special VMAs means to zap it, before it looks for page tables below it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "mmt.h"

/* The three ends of a cut: inside a PMD, at a PMD, and near the end. */
static const size_t cuts[] = { 5 * MMT_2M + 3 * MMT_4K, 7 * MMT_2M, MMT_1G - MMT_4K };
#define NR_CUTS	(sizeof(cuts) / sizeof(cuts[0]))

static void stamp(char *p)
{
	size_t i;

	for (i = 0; i < MMT_1G; i += MMT_2M / 2)
		*(uint64_t *)(p + i) = i ^ 0x5a5a;
}

static bool hole(size_t i, size_t at)
{
	return i >= at && i < at + MMT_4K;
}

/* All that is still mapped has its data, and faults come back in. */
static void verify(const char *p, size_t except)
{
	size_t i;

	for (i = 0; i < MMT_1G; i += MMT_2M / 2)
		if (!hole(i, except))
			mmt_check(*(const volatile uint64_t *)(p + i) == (i ^ 0x5a5a));
}

static void do_munmap(char *p, size_t at)
{
	mmt_check(!munmap(p + at, MMT_4K));
	verify(p, at);
	mmt_check(!mmt_readable(p + at));
	mmt_check(mmt_readable(p + at - MMT_4K));
}

static void do_mprotect(char *p, size_t at)
{
	mmt_check(!mprotect(p + at, MMT_4K, PROT_READ));
	verify(p, MMT_1G);
	mmt_check(!mmt_writable(p + at));
	mmt_check(mmt_writable(p + at - MMT_4K));
	mmt_check(at + MMT_4K == MMT_1G || mmt_writable(p + at + MMT_4K));
}

static void do_madvise(char *p, size_t at)
{
	mmt_check(!madvise(p + at, MMT_4K, MADV_DONTFORK));
	verify(p, MMT_1G);
}

static const struct {
	const char *name;
	void (*fn)(char *p, size_t at);
} cases[] = {
	{ "munmap", do_munmap },
	{ "mprotect", do_mprotect },
	{ "madvise", do_madvise },
};

int main(int argc, char **argv)
{
	struct mmt_dev dev;
	size_t i, c;

	mmt_open(argv[argc > 1 ? 1 : argc], &dev);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc > 2 && strcmp(argv[2], cases[i].name))
			continue;
		for (c = 0; c < NR_CUTS; c++) {
			char *p = mmt_map_pud(&dev);

			stamp(p);
			printf("%s at %#zx\n", cases[i].name, cuts[c]);
			fflush(stdout);
			cases[i].fn(p, cuts[c]);
			mmt_check(!munmap(p, MMT_1G));
		}
	}
	mmt_pass();
}
