// SPDX-License-Identifier: GPL-2.0
/*
 * GUP reaches huge entries of raw PFNs (P3), which have no page to take a
 * reference of: it has to refuse them as it refuses such PTEs, whether it is
 * asked for the pages or only to fault them in.
 *
 * Needs a VM_MIXEDMAP without VM_IO: the devices pfn, pfn-pages and pfn-dax.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmt.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

/* What is mapped by entries of one size: so many faults map it. */
static const struct order {
	const char *name;
	size_t len, step;
	long faults;
} orders[] = {
	{ "PTE", 8 * MMT_4K, MMT_4K, 8 },
	{ "PMD", 2 * MMT_2M, MMT_4K, 2 },
	{ "PUD", MMT_1G, MMT_2M, 1 },
};

static struct mmt_dev dev;

static long touch(const volatile char *p, const struct order *o)
{
	long before = mmt_faults();
	size_t i;

	for (i = 0; i < o->len; i += o->step)
		(void)*(const volatile uint64_t *)(p + i);
	return mmt_faults() - before;
}

/* 0, or the error; -1: something in between. */
static int result(ssize_t n, ssize_t want)
{
	return n == want ? 0 : n < 0 ? errno : -1;
}

static int do_readv(char *p, const struct order *o)
{
	char buf[2 * MMT_4K];
	struct iovec local = { buf, sizeof(buf) };
	struct iovec remote = { p + o->len - sizeof(buf), sizeof(buf) };

	return result(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), sizeof(buf));
}

static int do_writev(char *p, const struct order *o)
{
	char buf[2 * MMT_4K] = { 0 };
	struct iovec local = { buf, sizeof(buf) };
	struct iovec remote = { p + o->len - sizeof(buf), sizeof(buf) };

	return result(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), sizeof(buf));
}

static int do_vmsplice(char *p, const struct order *o)
{
	struct iovec iov = { p + o->len - 2 * MMT_4K, 2 * MMT_4K };
	int fd[2], err;

	mmt_check(!pipe(fd));
	err = result(vmsplice(fd[1], &iov, 1, 0), iov.iov_len);
	close(fd[0]);
	close(fd[1]);
	return err;
}

/* /proc/self/mem asks for the page, then the driver, which cannot help. */
static int do_mem(char *p, const struct order *o)
{
	int fd = open("/proc/self/mem", O_RDWR), err;
	uint64_t v;

	mmt_check(fd >= 0);
	err = result(pread(fd, &v, sizeof(v), (off_t)(uintptr_t)p + o->len - 8), sizeof(v));
	close(fd);
	return err;
}

static int do_direct(char *p, const struct order *o)
{
	int fd = open("/dev/ram0", O_RDWR | O_DIRECT), err;

	if (fd < 0)
		mmt_fail("no /dev/ram0 (brd) for O_DIRECT");
	err = result(pwrite(fd, p + o->len - MMT_4K, MMT_4K, 0), MMT_4K);
	close(fd);
	return err;
}

static int do_futex(char *p, const struct order *o)
{
	return result(syscall(SYS_futex, p + o->len - 4, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

static int do_mlock(char *p, const struct order *o)
{
	return result(mlock(p, o->len), 0);
}

static int do_populate(char *p, const struct order *o)
{
	return mmap(p, o->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
		    dev.fd, dev.offset) == p ? 0 : errno;
}

static int do_populate_read(char *p, const struct order *o)
{
	return result(madvise(p, o->len, MADV_POPULATE_READ), 0);
}

static int do_populate_write(char *p, const struct order *o)
{
	return result(madvise(p, o->len, MADV_POPULATE_WRITE), 0);
}

/* What was mapped by reads has to become writable. */
static int do_populate_write_ro(char *p, const struct order *o)
{
	long faults;
	size_t i;

	touch(p, o);
	if (madvise(p, o->len, MADV_POPULATE_WRITE))
		return errno;
	faults = mmt_faults();
	for (i = 0; i < o->len; i += o->step)
		*(volatile uint64_t *)(p + i) = i;
	faults = mmt_faults() - faults;
	if (faults)
		mmt_fail("MADV_POPULATE_WRITE of a read-only %s left %ld faults", o->name, faults);
	return 0;
}

/* A core dump has holes there; that it ends is all that is looked at. */
static int do_coredump(char *p, const struct order *o)
{
	struct rlimit rl = { RLIM_INFINITY, RLIM_INFINITY };
	int status, fd;
	pid_t pid;

	/* One step for each page: a GiB takes too long. */
	mmt_check(o->len <= 2 * MMT_2M || !munmap(p + 2 * MMT_2M, o->len - 2 * MMT_2M));
	fflush(stdout);
	pid = fork();
	mmt_check(pid >= 0);
	if (!pid) {
		mmt_check(!chdir("/tmp"));
		fd = open("/proc/self/coredump_filter", O_WRONLY);
		mmt_check(fd >= 0 && write(fd, "0x3f", 4) == 4);
		mmt_check(!setrlimit(RLIMIT_CORE, &rl));
		touch(p, &orders[1]);
		abort();
	}
	mmt_check(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status) && !WCOREDUMP(status))
		mmt_fail("no core was dumped");
	return WIFSIGNALED(status) ? 0 : -1;
}

static const struct {
	const char *name;
	int (*fn)(char *p, const struct order *o);
	bool succeeds, populates;
} cases[] = {
	{ "process_vm_readv", do_readv, false, false },
	{ "process_vm_writev", do_writev, false, false },
	{ "vmsplice", do_vmsplice, false, false },
	{ "mem", do_mem, false, false },
	{ "direct", do_direct, false, false },
	{ "futex", do_futex, false, false },
	{ "mlock", do_mlock, true, true },
	{ "MAP_POPULATE", do_populate, true, true },
	{ "MADV_POPULATE_READ", do_populate_read, true, true },
	{ "MADV_POPULATE_WRITE", do_populate_write, true, true },
	{ "MADV_POPULATE_WRITE readonly", do_populate_write_ro, true, true },
	{ "coredump", do_coredump, true, false },
};

/* Returns what the call did, which is the same for entries of all sizes. */
static int run(size_t c, const struct order *o)
{
	char *p = mmt_map(&dev, o->len, 0, PROT_READ | PROT_WRITE);
	long faults;
	int err;

	printf("%s of a %s\n", cases[c].name, o->name);
	fflush(stdout);
	if (!cases[c].populates) {
		faults = touch(p, o);
		if (faults != o->faults)
			mmt_skip("%s: %ld faults, not %ld: no %s entries here",
				 dev.name, faults, o->faults, o->name);
		*(uint64_t *)p = 0x1122334455667788;
	}
	err = cases[c].fn(p, o);
	if (cases[c].populates) {
		faults = touch(p, o);
		if (faults)
			mmt_fail("%s of a %s left %ld faults to take", cases[c].name,
				 o->name, faults);
	} else {
		mmt_check(*(volatile uint64_t *)p == 0x1122334455667788);
	}
	mmt_check(!munmap(p, o->len));
	return err;
}

static void run_all(size_t c)
{
	int want = run(c, &orders[0]), err;
	size_t o;

	if (want == -1 || !want != cases[c].succeeds)
		mmt_fail("%s of a PTE: error %d", cases[c].name, want);
	for (o = 1; o < ARRAY_SIZE(orders); o++) {
		err = run(c, &orders[o]);
		if (err != want)
			mmt_fail("%s of a %s: error %d, not %d as for a PTE",
				 cases[c].name, orders[o].name, err, want);
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
