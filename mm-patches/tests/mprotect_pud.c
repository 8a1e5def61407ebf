// SPDX-License-Identifier: GPL-2.0
/*
 * mprotect() of a PUD entry (P4): it is changed or zapped, and in either case
 * no CPU keeps the old protection. An entry of PROT_NONE stays one.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmt.h"

#define STEP	(MMT_2M / 2)

static const struct mmt_dev *dev;

static char *map(void)
{
	char *p = mmt_map_pud(dev);
	size_t i;

	for (i = 0; i < MMT_1G; i += STEP)
		*(uint64_t *)(p + i) = i ^ 0x777;
	return p;
}

static void verify(const char *p)
{
	size_t i;

	for (i = 0; i < MMT_1G; i += STEP)
		mmt_check(*(const volatile uint64_t *)(p + i) == (i ^ 0x777));
}

static void protect(char *p, int prot)
{
	struct mmt_hammer h;

	mmt_hammer_start(&h, p + 3 * MMT_2M);
	mmt_check(!mprotect(p, MMT_1G, prot));
	if (mmt_hammer_end(&h))
		mmt_fail("another CPU still writes");
	if (mmt_writable(p + 5 * MMT_2M))
		mmt_fail("this CPU still writes");
}

static void do_readonly(char *p)
{
	protect(p, PROT_READ);
	verify(p);
	mmt_check(!mprotect(p, MMT_1G, PROT_READ | PROT_WRITE));
	verify(p);
	mmt_check(mmt_writable(p));
}

static void do_none(char *p)
{
	protect(p, PROT_NONE);
	mmt_check(!mmt_readable(p) && !mmt_readable(p + MMT_1G - MMT_4K));
	/* From one inaccessible kind to another, and back. */
	mmt_check(!mprotect(p, MMT_1G, PROT_READ));
	verify(p);
	mmt_check(!mmt_writable(p));
	mmt_check(!mprotect(p, MMT_1G, PROT_NONE));
	mmt_check(!mmt_readable(p));
	mmt_check(!mprotect(p, MMT_1G, PROT_READ | PROT_WRITE));
	verify(p);
	mmt_check(mmt_writable(p));
}

/* An entry of PROT_NONE is cut, moved, and inherited. */
static void do_none_cut(char *p)
{
	int status;
	pid_t pid;

	mmt_check(!mprotect(p, MMT_1G, PROT_NONE));
	pid = fork();
	mmt_check(pid >= 0);
	if (!pid) {
		mmt_check(!mmt_readable(p));
		mmt_check(!mprotect(p, MMT_1G, PROT_READ));
		verify(p);
		_exit(0);
	}
	mmt_check(waitpid(pid, &status, 0) == pid && !status);
	if (strcmp(dev->name, "dax")) {
		mmt_check(!mprotect(p + 5 * MMT_2M, MMT_2M, PROT_READ));
		mmt_check(mmt_readable(p + 5 * MMT_2M));
		mmt_check(!mmt_readable(p + 4 * MMT_2M));
		mmt_check(!mmt_readable(p + 6 * MMT_2M));
	}
	mmt_check(!mprotect(p, MMT_1G, PROT_READ | PROT_WRITE));
	verify(p);
}

static void do_none_move(char *p)
{
	char *q = mmt_reserve(MMT_1G, MMT_1G);

	mmt_check(!mprotect(p, MMT_1G, PROT_NONE));
	mmt_check(mremap(p, MMT_1G, MMT_1G, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	mmt_check(!mmt_readable(p) && !mmt_readable(q));
	mmt_check(!mprotect(q, MMT_1G, PROT_READ | PROT_WRITE));
	verify(q);
	/* For main(). */
	mmt_check(mremap(q, MMT_1G, MMT_1G, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
}

/* A child that makes the entry PROT_NONE and stops, and its debugger. */
static void __attribute__((noreturn)) debugger(char *p)
{
	int status;
	pid_t pid = fork();

	mmt_check(pid >= 0);
	if (!pid) {
		mmt_check(!prctl(PR_SET_PDEATHSIG, SIGKILL));
		mmt_check(!ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		(void)mmt_touch(p, MMT_1G);
		mmt_check(!mprotect(p, MMT_1G, PROT_NONE));
		raise(SIGSTOP);
		_exit(1);
	}
	mmt_check(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	errno = 0;
	mmt_check(ptrace(PTRACE_PEEKDATA, pid, p + STEP, NULL) == (STEP ^ 0x777));
	mmt_check(!errno);
	kill(pid, SIGKILL);
	_exit(0);
}

/*
 * A debugger may read what is PROT_NONE (FOLL_FORCE): GUP has to take the
 * entry for one that is present, else it faults it in without end. Special
 * mappings have no pages to get. Linux 6.1 is not patched for that: its
 * pud_leaf() would have to change as well.
 */
static void do_force(char *p)
{
	struct utsname uts;
	int i, status;
	pid_t pid;

	mmt_check(!uname(&uts));
	if (strcmp(dev->name, "dax") || !strncmp(uts.release, "6.1.", 4))
		return;
	pid = fork();
	mmt_check(pid >= 0);
	if (!pid)
		debugger(p);
	for (i = 0; i < 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			mmt_check(!status);
			return;
		}
		usleep(100000);
	}
	kill(pid, SIGKILL);
	mmt_fail("ptrace of PROT_NONE does not come back");
}

static const struct {
	const char *name;
	void (*fn)(char *p);
} cases[] = {
	{ "readonly", do_readonly },
	{ "none", do_none },
	{ "none-cut", do_none_cut },
	{ "none-move", do_none_move },
	{ "force", do_force },
};

int main(int argc, char **argv)
{
	struct mmt_dev device;
	size_t i;

	mmt_open(argv[argc > 1 ? 1 : argc], &device);
	dev = &device;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		char *p;

		if (!mmt_case(argc, argv, cases[i].name))
			continue;
		p = map();
		cases[i].fn(p);
		mmt_check(!munmap(p, MMT_1G));
	}
	mmt_done();
}
