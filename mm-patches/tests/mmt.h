/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the mm patches share. A test is a program of its own that
 * needs no library and can be run by hand:
 *
 *	<program> <device> [case]
 *
 * It exits with 0 (pass), 1 (fail) or 4 (skip), as the kernel's selftests do,
 * the reason on the last line. <device> is what maps memory huge:
 *
 *	hugemap		/dev/hugemap0, memory without struct pages
 *	hugemap-pages	/dev/hugemap1, memory with struct pages
 *	pfn		/dev/huge_pfn of module/huge_pfn.c, a bare VM_MIXEDMAP
 *	pfn-pfnmap	/dev/huge_pfn_pfnmap, a bare VM_PFNMAP
 *	pfn-pages	/dev/huge_pfn_pages, VM_MIXEDMAP over struct pages
 *	pfn-dax		/dev/huge_pfn_dax, as pfn, for kernels that want S_DAX
 *	vfio		BAR 2 of PCI function 0000:00:05.0, by vfio-pci
 *	dax		/dev/dax0.0 with an alignment of 1 GiB
 *	memfd		a file in memory
 *
 * MMT_HUGEMAP, MMT_HUGEMAP_PAGES, MMT_VFIO and MMT_DAX in the environment name
 * others.
 */
#ifndef MMT_H
#define MMT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MMT_4K	(1UL << 12)
#define MMT_2M	(1UL << 21)
#define MMT_1G	(1UL << 30)

/**
 * struct mmt_dev - what is mapped
 * @name: the first argument of the program
 * @fd: to map
 * @offset: where in @fd the memory begins
 * @size: bytes that may be mapped, 1 GiB at least
 */
struct mmt_dev {
	const char *name;
	int fd;
	off_t offset;
	size_t size;
};

/* End the program: MMT_SKIP says what is not there, MMT_FAIL what is wrong. */
void __attribute__((noreturn, format(printf, 1, 2))) mmt_skip(const char *fmt, ...);
void __attribute__((noreturn, format(printf, 1, 2))) mmt_fail(const char *fmt, ...);
void __attribute__((noreturn)) mmt_pass(void);

/* mmt_check(condition): fails with the condition and errno. */
#define mmt_check(cond) do { \
	if (!(cond)) \
		mmt_fail("%s:%d: %s (errno %d)", __FILE__, __LINE__, #cond, errno); \
} while (0)

/* The device of that name; skips if this machine does not have it. */
void mmt_open(const char *name, struct mmt_dev *dev);

/*
 * Map @len bytes from @offset into the device on, at an address that is
 * congruent to it modulo 1 GiB, with at least 2 GiB of unused addresses on
 * either side. Fails if it cannot.
 */
char *mmt_map(const struct mmt_dev *dev, size_t len, off_t offset, int prot);

/*
 * Reserve @len bytes of addresses aligned to @align; nothing is mapped there, and
 * above is room for the stacks of the next threads, which else might be.
 */
char *mmt_reserve(size_t len, size_t align);

/* Minor and major page faults of this thread so far. */
long mmt_faults(void);

/* Page table memory of this process in KiB, without PMD and PUD tables on 6.1. */
long mmt_page_tables(void);

/*
 * Read a word of each 2 MiB of @len bytes and return how many faults that took:
 * 1 for each GiB mapped by a PUD entry.
 */
long mmt_touch(const volatile char *p, size_t len);

/* Map 1 GiB and touch it; skips if that took more than one fault. */
char *mmt_map_pud(const struct mmt_dev *dev);

/*
 * Another thread, on another CPU, that has an entry in its TLB: it writes to
 * @p from mmt_hammer_start() on until it gets a fault.
 */
struct mmt_hammer {
	volatile char *p;
	pthread_t thread;
	atomic_int state;	/* 1 it writes, 2 told to stop */
	bool writable;
};

void mmt_hammer_start(struct mmt_hammer *h, char *p);

/* Stop it. Can it still write? */
bool mmt_hammer_end(struct mmt_hammer *h);

/*
 * A program has cases, all of which are run unless the command line names one:
 * is it @name's turn? Says so. mmt_done() ends the program: pass, or skip if no
 * case was run.
 */
bool mmt_case(int argc, char **argv, const char *name);
void __attribute__((noreturn)) mmt_done(void);

/* Would an access fault with SIGSEGV or SIGBUS? */
bool mmt_readable(const volatile char *p);
bool mmt_writable(volatile char *p);

#endif
