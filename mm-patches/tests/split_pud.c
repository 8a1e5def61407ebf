// SPDX-License-Identifier: GPL-2.0
/*
 * A VMA is cut inside a PUD entry (P2). Core mm has to split the entry, which
 * for special VMAs means to zap it, before it looks for page tables below it;
 * and at a PMD boundary as well, lest the entry belong to two VMAs.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmt.h"

#define STEP	(MMT_2M / 2)

/* Where the part begins that is treated otherwise, and how long it is. */
static const struct cut {
	size_t at, len;
} cuts[] = {
	/* Inside a PMD. */
	{ 5 * MMT_2M + 3 * MMT_4K, MMT_4K },
	/* At a PMD, to the inside of the same one. */
	{ 7 * MMT_2M, MMT_4K },
	/* At the end of the entry. */
	{ MMT_1G - MMT_4K, MMT_4K },
	/* Both ends inside PMDs, different ones. */
	{ 9 * MMT_2M + MMT_4K, 3 * MMT_2M + MMT_4K },
	/* At the start: only the end is a cut. */
	{ 0, 11 * MMT_2M + MMT_4K },
	/* Both ends at PMDs. */
	{ 13 * MMT_2M, 5 * MMT_2M },
	/* One end at a PMD, the other one is that of the entry. */
	{ 0, MMT_1G / 2 },
	{ MMT_1G / 2, MMT_1G / 2 },
};

#define NR_CUTS	(ARRAY_SIZE(cuts))

static void stamp(char *p)
{
	size_t i;

	for (i = 0; i < MMT_1G; i += STEP)
		*(uint64_t *)(p + i) = i ^ 0x5a5a;
}

static bool inside(size_t i, const struct cut *cut)
{
	return i >= cut->at && i < cut->at + cut->len;
}

/* All that is still mapped has its data, and faults come back in. */
static void verify(const char *p, const struct cut *except)
{
	size_t i;

	for (i = 0; i < MMT_1G; i += STEP)
		if (!except || !inside(i, except))
			mmt_check(*(const volatile uint64_t *)(p + i) == (i ^ 0x5a5a));
}

/* The first and the last page of the part, and their neighbours outside. */
static void check_access(char *p, const struct cut *cut,
			 bool (*fn)(char *p), bool in, bool out)
{
	size_t end = cut->at + cut->len;

	mmt_check(fn(p + cut->at) == in);
	mmt_check(fn(p + end - MMT_4K) == in);
	mmt_check(cut->at == 0 || fn(p + cut->at - MMT_4K) == out);
	mmt_check(end == MMT_1G || fn(p + end) == out);
}

static bool readable(char *p)
{
	return mmt_readable(p);
}

static bool writable(char *p)
{
	return mmt_writable(p);
}

static void do_munmap(char *p, const struct cut *cut)
{
	mmt_check(!munmap(p + cut->at, cut->len));
	check_access(p, cut, readable, false, true);
	verify(p, cut);
}

/* As munmap, and something else is there. */
static void do_fixed(char *p, const struct cut *cut)
{
	char *q = mmap(p + cut->at, cut->len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
		       -1, 0);

	mmt_check(q == p + cut->at);
	mmt_check(*(volatile uint64_t *)q == 0);
	memset(q, 0xff, MMT_4K);
	verify(p, cut);
}

static void do_mprotect(char *p, const struct cut *cut)
{
	mmt_check(!mprotect(p + cut->at, cut->len, PROT_READ));
	check_access(p, cut, writable, false, true);
	verify(p, NULL);
	mmt_check(!mprotect(p + cut->at, cut->len, PROT_READ | PROT_WRITE));
	check_access(p, cut, writable, true, true);
	verify(p, NULL);
}

static void do_madvise(char *p, const struct cut *cut)
{
	mmt_check(!madvise(p + cut->at, cut->len, MADV_DONTDUMP));
	verify(p, NULL);
}

static void do_mbind(char *p, const struct cut *cut)
{
	unsigned long node0 = 1;

	mmt_check(!syscall(SYS_mbind, p + cut->at, cut->len, MPOL_BIND, &node0,
			   2, 0) || errno == ENOSYS);
	verify(p, NULL);
}

/* Which the child does not get it does not see: an entry has one VMA only. */
static void do_fork(char *p, const struct cut *cut)
{
	int status;
	pid_t pid;

	mmt_check(!madvise(p + cut->at, cut->len, MADV_DONTFORK));
	pid = fork();
	mmt_check(pid >= 0);
	if (!pid) {
		check_access(p, cut, readable, false, true);
		verify(p, cut);
		_exit(0);
	}
	mmt_check(waitpid(pid, &status, 0) == pid);
	if (status)
		mmt_fail("the child ended with %#x", status);
	verify(p, NULL);
}

struct toucher {
	char *p;
	const struct cut *cut;
	atomic_bool stop;
	atomic_ulong rounds;
};

/* Read and write all but the part, without end. */
static void *touch(void *arg)
{
	struct toucher *t = arg;
	size_t i;

	while (!t->stop) {
		for (i = 0; i < MMT_1G && !t->stop; i += STEP) {
			volatile uint64_t *word = (uint64_t *)(t->p + i);

			if (inside(i, t->cut))
				continue;
			mmt_check(*word == (i ^ 0x5a5a));
			*word = i ^ 0x5a5a;
		}
		t->rounds++;
	}
	return NULL;
}

/* Another thread faults in what is left while the entry is cut. */
static void do_threads(char *p, const struct cut *cut)
{
	struct toucher t = { .p = p, .cut = cut };
	pthread_t thread;
	unsigned long rounds;

	mmt_check(!pthread_create(&thread, NULL, touch, &t));
	while (!t.rounds)
		sched_yield();
	mmt_check(!mprotect(p + cut->at, cut->len, PROT_READ));
	mmt_check(!munmap(p + cut->at, cut->len));
	rounds = t.rounds;
	while (t.rounds < rounds + 2)
		sched_yield();
	t.stop = true;
	mmt_check(!pthread_join(thread, NULL));
	check_access(p, cut, readable, false, true);
	verify(p, cut);
}

static const struct {
	const char *name;
	void (*fn)(char *p, const struct cut *cut);
} cases[] = {
	{ "munmap", do_munmap },
	{ "fixed", do_fixed },
	{ "mprotect", do_mprotect },
	{ "madvise", do_madvise },
	{ "mbind", do_mbind },
	{ "fork", do_fork },
	{ "threads", do_threads },
};

/* The case may have the number of one cut behind it: fork:6. */
static bool chosen(const char *arg, const char *name, size_t cut)
{
	size_t len = strlen(name);

	if (!arg)
		return true;
	if (strncmp(arg, name, len))
		return false;
	return !arg[len] || (arg[len] == ':' && strtoul(arg + len + 1, NULL, 0) == cut);
}

int main(int argc, char **argv)
{
	struct mmt_dev dev;
	bool ran = false;
	size_t i, c;

	mmt_open(argv[argc > 1 ? 1 : argc], &dev);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (c = 0; c < NR_CUTS; c++) {
			char *p;

			if (!chosen(argc > 2 ? argv[2] : NULL, cases[i].name, c))
				continue;
			p = mmt_map_pud(&dev);
			stamp(p);
			printf("%s of %#zx at %#zx\n", cases[i].name,
			       cuts[c].len, cuts[c].at);
			fflush(stdout);
			cases[i].fn(p, &cuts[c]);
			ran = true;
			mmt_check(!munmap(p, MMT_1G));
		}
	}
	if (!ran)
		mmt_skip("no such case here");
	mmt_pass();
}
