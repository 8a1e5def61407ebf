// SPDX-License-Identifier: GPL-2.0
/*
 * MADV_COLLAPSE gives a special VMA its huge entries back (P6). A page table,
 * once there, keeps core mm from asking ->huge_fault, whether it is empty or
 * not; the tables here come from faults while the VMA is MADV_NOHUGEPAGE.
 */
#include <errno.h>
#include <linux/ioctl.h>
#include <linux/pci_regs.h>
#include <linux/userfaultfd.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mmt.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* The table of the slot that gets all its pages mapped, and another one. */
#define FULL	(3 * MMT_2M)
#define SPARSE	(7 * MMT_2M)

static struct mmt_dev dev;

static int collapse(char *p, size_t len)
{
	return madvise(p, len, MADV_COLLAPSE) ? errno : 0;
}

static uint64_t value(size_t i)
{
	return i * 0x9e3779b97f4a7c15ull + 0x5a5a;
}

static void verify(const char *p, size_t from, size_t end)
{
	size_t i;

	for (i = from; i < end; i += MMT_2M)
		mmt_check(*(const volatile uint64_t *)(p + i + MMT_4K) == value(i));
	for (i = FULL; i < FULL + MMT_2M; i += MMT_4K)
		if (from <= FULL && end >= FULL + MMT_2M)
			mmt_check(*(const volatile uint64_t *)(p + i + 8) == value(i));
}

/* Page tables of PTEs below all of the GiB at @p, with data in the memory. */
static void fill(char *p)
{
	size_t i;

	mmt_check(!madvise(p, MMT_1G, MADV_NOHUGEPAGE));
	for (i = 0; i < MMT_1G; i += MMT_2M)
		*(uint64_t *)(p + i + MMT_4K) = value(i);
	for (i = FULL; i < FULL + MMT_2M; i += MMT_4K)
		*(uint64_t *)(p + i + 8) = value(i);
	mmt_check(!madvise(p, MMT_1G, MADV_HUGEPAGE));
}

static char *map_tables(void)
{
	char *p = mmt_map(&dev, MMT_1G, 0, PROT_READ | PROT_WRITE);
	long before = mmt_page_tables();

	fill(p);
	/* There is one for each 2 MiB, else nothing is shown here. */
	mmt_check(mmt_page_tables() - before >= (long)(MMT_1G / MMT_2M) * 4);
	return p;
}

/* Every page of the range is there without a fault. */
static void no_faults(const volatile char *p, size_t len)
{
	long before = mmt_faults();
	size_t i;

	for (i = 0; i < len; i += MMT_4K)
		(void)p[i];
	mmt_check(mmt_faults() == before);
}

/* Has the device PMD entries? hugemap has none where this kernel cannot walk them. */
static bool have_pmd(void)
{
	long tables[2];
	int small;

	for (small = 0; small < 2; small++) {
		char *p = mmt_map(&dev, MMT_2M, 0, PROT_READ | PROT_WRITE);

		mmt_check(!small || !madvise(p, MMT_2M, MADV_NOHUGEPAGE));
		mmt_check(mmt_readable(p));
		tables[small] = mmt_page_tables();
		mmt_check(!munmap(p, MMT_2M));
	}
	return tables[0] < tables[1];
}

/* One slot, full; one where most is not mapped; then all but two slots. */
static void do_pmd(void)
{
	char *p = map_tables();
	long before = mmt_page_tables();

	mmt_check(collapse(p + FULL, MMT_2M) == 0);
	mmt_check(mmt_page_tables() == before - 4);
	no_faults(p + FULL, MMT_2M);
	mmt_check(collapse(p + SPARSE - MMT_4K, MMT_2M + 2 * MMT_4K) == 0);
	mmt_check(mmt_page_tables() == before - 8);
	no_faults(p + SPARSE, MMT_2M);
	verify(p, 0, MMT_1G);

	mmt_check(collapse(p + MMT_2M, MMT_1G - 2 * MMT_2M) == 0);
	mmt_check(mmt_page_tables() == before - 510 * 4);
	no_faults(p + MMT_2M, MMT_1G - 2 * MMT_2M);
	verify(p, 0, MMT_1G);
	/* Once more, where all is huge. */
	mmt_check(collapse(p + MMT_2M, MMT_1G - 2 * MMT_2M) == 0);
	verify(p, 0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
}

/* All of it: 512 tables and the one above them. */
static void do_pud(void)
{
	char *p = mmt_map_pud(&dev);
	long best = mmt_page_tables(), before;

	mmt_check(!munmap(p, MMT_1G));
	p = map_tables();
	before = mmt_page_tables();
	mmt_check(collapse(p, MMT_1G) == 0);
	printf("page tables: %ld KiB, collapsed %ld KiB, fresh %ld KiB\n", before,
	       mmt_page_tables(), best);
	mmt_check(mmt_page_tables() == before - 513 * 4);
	mmt_check(mmt_page_tables() <= best + 4);
	no_faults(p, MMT_1G);
	verify(p, 0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
	if (!have_pmd())
		return;

	/* A table of PMDs of which all are huge but one. */
	p = mmt_map(&dev, MMT_1G, 0, PROT_READ | PROT_WRITE);
	mmt_check(!madvise(p, MMT_1G, MADV_NOHUGEPAGE));
	mmt_check(mmt_readable(p + FULL));
	mmt_check(!madvise(p, MMT_1G, MADV_HUGEPAGE));
	mmt_check(mmt_touch(p, MMT_1G) == 511);
	before = mmt_page_tables();
	mmt_check(collapse(p, MMT_1G) == 0);
	mmt_check(mmt_page_tables() == before - 2 * 4);
	no_faults(p, MMT_1G);
	verify(p, 0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
}

/* Holes in the mapping, whose slots belong to nobody as a whole. */
static void do_holes(void)
{
	char *p = map_tables();
	long before;

	mmt_check(!munmap(p + 100 * MMT_2M + MMT_4K, MMT_4K));
	mmt_check(!mprotect(p + 200 * MMT_2M, MMT_4K, PROT_READ));
	before = mmt_page_tables();
	mmt_check(collapse(p, 100 * MMT_2M + MMT_4K) == 0);
	mmt_check(mmt_page_tables() == before - 100 * 4);
	mmt_check(collapse(p + 100 * MMT_2M + 2 * MMT_4K,
			   100 * MMT_2M - 2 * MMT_4K) == 0);
	mmt_check(mmt_page_tables() == before - 199 * 4);
	/* Over the hole: the rest is done, and ENOMEM as for any madvise(). */
	mmt_check(collapse(p, MMT_1G) == ENOMEM);
	mmt_check(mmt_page_tables() == before - 510 * 4);
	mmt_check(!mmt_readable(p + 100 * MMT_2M + MMT_4K));
	mmt_check(!mmt_writable(p + 200 * MMT_2M));
	verify(p, 0, 100 * MMT_2M);
	verify(p, 101 * MMT_2M, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
}

/* Where no entry can be huge nothing is touched. */
static void do_refused(void)
{
	char *at = mmt_reserve(6 * MMT_1G, MMT_1G) + 2 * MMT_1G, *p;
	long before;
	size_t i;

	p = map_tables();
	mmt_check(!madvise(p, MMT_1G, MADV_NOHUGEPAGE));
	before = mmt_page_tables();
	mmt_check(collapse(p, MMT_1G) == EINVAL);
	mmt_check(mmt_page_tables() == before);
	no_faults(p + FULL, MMT_2M);
	verify(p, 0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));

	/* Virtual and physical addresses differ modulo 2 MiB. */
	p = mmap(at + MMT_4K, MMT_1G - MMT_2M, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED_NOREPLACE, dev.fd, dev.offset);
	mmt_check(p == at + MMT_4K);
	for (i = 0; i < MMT_1G - MMT_2M; i += MMT_4K)
		if (i % MMT_2M < 2 * MMT_4K)
			mmt_check(mmt_readable(p + i));
	before = mmt_page_tables();
	mmt_check(collapse(p, MMT_1G - MMT_2M) == EINVAL);
	mmt_check(mmt_page_tables() == before);
	verify(p, MMT_2M, MMT_1G - MMT_2M);
	mmt_check(!munmap(p, MMT_1G - MMT_2M));
}

/* PREFAULT of hugemap caps what ->huge_fault maps, see hugemap_drm.h. */
struct prefault {
	uint64_t addr;
	uint64_t len;
	uint32_t flags;
	uint32_t max_order;
	uint64_t nr[3];
	uint64_t pad;
};

static void cap(char *p, size_t len, uint32_t max_order)
{
	struct prefault arg = {
		.addr = (uintptr_t)p, .len = len, .max_order = max_order,
	};

	mmt_check(!ioctl(dev.fd, _IOWR('d', 0x41, struct prefault), &arg));
}

/* The driver says no: small pages again, and the next time it may say yes. */
static void do_cap(void)
{
	char *p;

	if (strncmp(dev.name, "hugemap", 7)) {
		printf("only with hugemap\n");
		return;
	}
	p = map_tables();
	cap(p + FULL, MMT_2M, 0);
	mmt_check(collapse(p, MMT_1G) == EINVAL);
	verify(p, 0, MMT_1G);
	mmt_check(collapse(p + FULL, MMT_2M) == EINVAL);
	mmt_check(collapse(p + SPARSE, MMT_2M) == 0);
	cap(p, MMT_1G, 0xffffffffu);
	mmt_check(collapse(p, MMT_1G) == 0);
	no_faults(p, MMT_1G);
	verify(p, 0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
}

/* By another process, with process_madvise(). */
static void do_remote(void)
{
	int ready[2], done[2], status, fd;
	struct iovec iov;
	pid_t pid;
	char c;

	mmt_check(!pipe(ready) && !pipe(done));
	pid = fork();
	mmt_check(pid >= 0);
	if (!pid) {
		char *p = map_tables();
		long before = mmt_page_tables();

		/* read() ends when the parent does. */
		close(done[1]);
		mmt_check(write(ready[1], &p, sizeof(p)) == sizeof(p));
		mmt_check(read(done[0], &c, 1) == 1);
		mmt_check(mmt_page_tables() == before - 513 * 4);
		no_faults(p, MMT_1G);
		verify(p, 0, MMT_1G);
		_exit(0);
	}
	fd = syscall(SYS_pidfd_open, pid, 0);
	mmt_check(fd >= 0);
	mmt_check(read(ready[0], &iov.iov_base, sizeof(char *)) == sizeof(char *));
	iov.iov_len = MMT_1G;
	mmt_check(syscall(SYS_process_madvise, fd, &iov, 1, MADV_COLLAPSE, 0) ==
		  (long)MMT_1G);
	mmt_check(write(done[1], "", 1) == 1);
	mmt_check(waitpid(pid, &status, 0) == pid);
	mmt_check(WIFEXITED(status) && !WEXITSTATUS(status));
}

/* Special VMAs are not userfaultfd's, so there is nothing to leave alone. */
static void do_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY);
	char *p = map_tables();

	if (fd < 0) {
		printf("uffd: %s\n", strerror(errno));
		return;
	}
	mmt_check(!ioctl(fd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)p;
	reg.range.len = MMT_1G;
	mmt_check(ioctl(fd, UFFDIO_REGISTER, &reg));
	close(fd);
	mmt_check(!munmap(p, MMT_1G));
}

#define NR_WRITERS	3
/* However slow the machine is. */
#define MIN_ROUNDS	3

static struct shared {
	char *p;
	bool stop;
	unsigned long written[NR_WRITERS];
} sh;

/* The word of thread @nr in slot @i. */
static volatile uint64_t *word(size_t i, size_t nr)
{
	return (volatile uint64_t *)(sh.p + i * MMT_2M + 9 * MMT_4K) + 8 + nr;
}

/*
 * Write a number, read it back: all over the range, each thread words of its
 * own, of which it remembers what it wrote last.
 */
static void *writer(void *arg)
{
	const size_t nr = (size_t)arg;
	uint64_t last[512] = {}, seq = 0;
	size_t i;

	for (i = 0; i < 512; i++)
		*word(i, nr) = 0;
	while (!__atomic_load_n(&sh.stop, __ATOMIC_ACQUIRE)) {
		volatile uint64_t *w;

		/* Most in a few slots, which are collapsed all the time. */
		i = (seq * 7) % (seq % 4 ? 8 : 512);
		w = word(i, nr);
		mmt_check(*w == last[i]);
		*w = last[i] = ++seq;
	}
	for (i = 0; i < 512; i++)
		mmt_check(*word(i, nr) == last[i]);
	sh.written[nr] = seq;
	return NULL;
}

/* Children copy the page tables, read, write a word of their own and go. */
static void *forker(void *arg)
{
	unsigned long n;

	(void)arg;
	for (n = 0; !__atomic_load_n(&sh.stop, __ATOMIC_ACQUIRE); n++) {
		pid_t pid = fork();
		int status;

		mmt_check(pid >= 0);
		if (!pid) {
			volatile uint64_t *w = (volatile uint64_t *)(sh.p + MMT_4K * 20);

			*w = n;
			verify(sh.p, 0, 32 * MMT_2M);
			/* It collapses its own. */
			if (n & 1)
				madvise(sh.p, MMT_1G, MADV_COLLAPSE);
			_exit(*w != n);
		}
		mmt_check(waitpid(pid, &status, 0) == pid);
		mmt_check(WIFEXITED(status) && !WEXITSTATUS(status));
	}
	printf("%lu children\n", n);
	return NULL;
}

/* Another mapping beside, in and out, and faults on it. */
static void *mapper(void *arg)
{
	char *p = sh.p + MMT_1G;
	unsigned long n;

	(void)arg;
	for (n = 0; !__atomic_load_n(&sh.stop, __ATOMIC_ACQUIRE); n++) {
		char *q = mmap(p, 16 * MMT_2M, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, dev.fd, dev.offset);

		mmt_check(q == p);
		verify(q, 0, 16 * MMT_2M);
		mmt_check(!munmap(q + MMT_2M, MMT_2M));
		mmt_check(!munmap(q, 16 * MMT_2M));
	}
	printf("%lu mappings\n", n);
	return NULL;
}

/*
 * Collapse in a loop with that beside it. The mapping is replaced for each
 * round, as there is no other way to get the page tables back.
 */
static void beside(void *(*fn)(void *), unsigned int nr, unsigned int seconds)
{
	pthread_t threads[NR_WRITERS];
	unsigned long rounds = 0, busy = 0;
	size_t i;
	time_t end = time(NULL) + seconds;

	sh.p = map_tables();
	sh.stop = false;
	for (i = 0; i < nr; i++)
		mmt_check(!pthread_create(&threads[i], NULL, fn, (void *)i));
	do {
		char *p = mmap(sh.p, MMT_1G, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, dev.fd, dev.offset);
		int err;

		mmt_check(p == sh.p);
		mmt_check(!madvise(p, MMT_1G, MADV_NOHUGEPAGE));
		for (i = 0; i < 64 * MMT_2M; i += MMT_2M)
			(void)*(volatile char *)(p + i);
		mmt_check(!madvise(p, MMT_1G, MADV_HUGEPAGE));
		for (i = 0; i < 8; i++)
			mmt_check(collapse(p + i * MMT_2M, MMT_2M) == 0);
		err = collapse(p, MMT_1G);
		mmt_check(!err || err == EAGAIN);
		busy += !!err;
		verify(p, 0, MMT_1G);
		rounds++;
	} while (time(NULL) < end || rounds < MIN_ROUNDS);
	__atomic_store_n(&sh.stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < nr; i++)
		mmt_check(!pthread_join(threads[i], NULL));
	printf("%lu rounds, %lu EAGAIN\n", rounds, busy);
	mmt_check(!busy);
	mmt_check(!munmap(sh.p, MMT_1G));
}

static void do_writers(void)
{
	size_t i;

	beside(writer, NR_WRITERS, 8);
	for (i = 0; i < NR_WRITERS; i++) {
		printf("%lu writes\n", sh.written[i]);
		mmt_check(sh.written[i] > 512);
	}
}

static void do_fork(void)
{
	beside(forker, 1, 5);
}

static void do_unmap(void)
{
	beside(mapper, 1, 5);
}

/*
 * unmap_mapping_range() beside it, which holds neither mmap_lock nor VMA lock:
 * vfio-pci zaps the BARs when memory decoding is switched off.
 */
static off_t vfio_command(void)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};

	mmt_check(!ioctl(dev.fd, VFIO_DEVICE_GET_REGION_INFO, &config));
	return config.offset + PCI_COMMAND;
}

static void *zapper(void *arg)
{
	off_t at = vfio_command();
	uint16_t on, off;
	unsigned long n;

	(void)arg;
	mmt_check(pread(dev.fd, &on, 2, at) == 2);
	off = on & ~PCI_COMMAND_MEMORY;
	for (n = 0; !__atomic_load_n(&sh.stop, __ATOMIC_ACQUIRE); n++) {
		mmt_check(pwrite(dev.fd, &off, 2, at) == 2);
		mmt_check(pwrite(dev.fd, &on, 2, at) == 2);
		if (n % 16 == 0)
			usleep(1000);
	}
	printf("%lu zaps\n", n);
	return NULL;
}

static void do_zap(void)
{
	unsigned long done = 0, rounds;
	time_t end = time(NULL) + 6;
	pthread_t thread;
	size_t i;
	char *p;

	if (strcmp(dev.name, "vfio")) {
		printf("only with vfio\n");
		return;
	}
	p = map_tables();
	sh.stop = false;
	mmt_check(!pthread_create(&thread, NULL, zapper, NULL));
	for (rounds = 0; time(NULL) < end || rounds < MIN_ROUNDS; rounds++) {
		mmt_check(mmap(p, MMT_1G, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, dev.fd, dev.offset) == p);
		mmt_check(!madvise(p, MMT_1G, MADV_NOHUGEPAGE));
		for (i = 0; i < 64 * MMT_2M; i += MMT_2M)
			mmt_readable(p + i);
		mmt_check(!madvise(p, MMT_1G, MADV_HUGEPAGE));
		for (i = 0; i < 8; i++)
			done += !collapse(p + i * MMT_2M, MMT_2M);
		done += !collapse(p, MMT_1G);
	}
	__atomic_store_n(&sh.stop, true, __ATOMIC_RELEASE);
	mmt_check(!pthread_join(thread, NULL));
	printf("%lu of %lu collapsed\n", done, rounds * 9);
	mmt_check(done > 2);
	verify(p, 0, MMT_1G);
	mmt_check(collapse(p, MMT_1G) == 0);
	verify(p, 0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
}

/* What MADV_COLLAPSE did before it does still. */
static void do_ordinary(void)
{
	char *p = mmt_reserve(2 * MMT_2M, MMT_2M);
	int fd = memfd_create("collapse", 0), i;
	size_t off;

	mmt_check(fd >= 0 && !ftruncate(fd, MMT_2M));
	for (i = 0; i < 2; i++) {
		mmt_check(mmap(p, MMT_2M, PROT_READ | PROT_WRITE,
			       MAP_FIXED_NOREPLACE | (i ? MAP_SHARED :
			       MAP_PRIVATE | MAP_ANONYMOUS), i ? fd : -1, 0) == p);
		mmt_check(!madvise(p, MMT_2M, MADV_NOHUGEPAGE));
		for (off = 0; off < MMT_2M; off += MMT_4K)
			*(uint64_t *)(p + off) = value(off);
		mmt_check(collapse(p, MMT_2M) == EINVAL);
		mmt_check(!madvise(p, MMT_2M, MADV_HUGEPAGE));
		mmt_check(collapse(p, MMT_2M) == 0);
		for (off = 0; off < MMT_2M; off += MMT_4K)
			mmt_check(*(uint64_t *)(p + off) == value(off));
		mmt_check(!munmap(p, MMT_2M));
	}
	close(fd);
}

static const struct {
	const char *name;
	void (*fn)(void);
	bool pmd;
} cases[] = {
	{ "ordinary", do_ordinary, false },
	{ "pmd", do_pmd, true },
	{ "pud", do_pud, false },
	{ "holes", do_holes, true },
	{ "refused", do_refused, false },
	{ "cap", do_cap, true },
	{ "remote", do_remote, false },
	{ "uffd", do_uffd, false },
	{ "writers", do_writers, true },
	{ "fork", do_fork, true },
	{ "unmap", do_unmap, true },
	{ "zap", do_zap, true },
};

int main(int argc, char **argv)
{
	size_t i;

	mmt_open(argv[argc > 1 ? 1 : argc], &dev);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].pmd && !have_pmd())
			mmt_skip("%s: no PMD entries", cases[i].name);
		else if (mmt_case(argc, argv, cases[i].name))
			cases[i].fn();
	}
	mmt_done();
}
