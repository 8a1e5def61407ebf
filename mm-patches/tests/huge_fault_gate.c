// SPDX-License-Identifier: GPL-2.0
/*
 * Core mm asks huge_fault of a driver that is not DAX (P1), and only the fault
 * path does: khugepaged and MADV_COLLAPSE keep out of special VMAs.
 *
 * The devices pfn and pfn-pfnmap are such drivers, and vfio.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmt.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#define THP "/sys/kernel/mm/transparent_hugepage/"

static struct mmt_dev dev;

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		mmt_skip("%s: %s", path, strerror(errno));
	close(fd);
}

static long read_file(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	mmt_check(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atol(text);
}

static long eligible(const char *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool in = false;
	char line[512];
	long v = -1;

	mmt_check(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			in = start == (uintptr_t)p;
		else if (in && sscanf(line, "THPeligible: %ld", &v) == 1)
			break;
	}
	fclose(f);
	mmt_check(v >= 0);
	return v;
}

/* One fault maps a GiB, another 2 MiB, and smaps says that they may. */
static void do_fault(void)
{
	char *p = mmt_map(&dev, MMT_1G, 0, PROT_READ | PROT_WRITE);
	long faults = mmt_touch(p, MMT_1G);

	if (faults != 1)
		mmt_fail("1 GiB took %ld faults", faults);
	mmt_check(eligible(p) == 1);
	mmt_check(!munmap(p, MMT_1G));
	p = mmt_map(&dev, MMT_2M, 0, PROT_READ | PROT_WRITE);
	faults = mmt_touch(p, MMT_4K) + mmt_touch(p + MMT_2M - MMT_4K, MMT_4K);
	if (faults != 1)
		mmt_fail("2 MiB took %ld faults", faults);
	mmt_check(eligible(p) == 1);
	mmt_check(!munmap(p, MMT_2M));
}

/* The program says no. */
static void do_nohugepage(void)
{
	char *p = mmt_map(&dev, 2 * MMT_2M, 0, PROT_READ | PROT_WRITE);
	long faults;

	mmt_check(!madvise(p, 2 * MMT_2M, MADV_NOHUGEPAGE));
	faults = mmt_touch(p, MMT_4K) + mmt_touch(p + MMT_2M - MMT_4K, MMT_4K);
	if (faults != 2)
		mmt_fail("with MADV_NOHUGEPAGE 2 MiB took %ld faults", faults);
	mmt_check(eligible(p) == 0);
	mmt_check(!munmap(p, 2 * MMT_2M));
}

/* So does the system, but for VM_PFNMAP since 7.0 (and 6.12.115). */
static void do_never(void)
{
	char *p = mmt_map(&dev, MMT_2M, 0, PROT_READ | PROT_WRITE);
	long faults, may;

	write_file(THP "enabled", "never");
	faults = mmt_touch(p, MMT_4K) + mmt_touch(p + MMT_2M - MMT_4K, MMT_4K);
	may = eligible(p);
	write_file(THP "enabled", "always");
	printf("never: %ld faults\n", faults);
	if (!strcmp(dev.name, "pfn") && (faults != 2 || may))
		mmt_fail("with THP off 2 MiB took %ld faults", faults);
	mmt_check(!munmap(p, MMT_2M));
}

/* Neither collapses PTEs of raw PFNs: they map what they mapped. */
static void do_collapse(void)
{
	char *p = mmt_map(&dev, MMT_2M, 0, PROT_READ | PROT_WRITE), *other;
	char *anon = mmt_reserve(2 * MMT_2M, MMT_2M);
	long scans, i;

	mmt_check(!madvise(p, MMT_2M, MADV_NOHUGEPAGE));
	for (i = 0; i < 512; i++)
		*(volatile uint64_t *)(p + i * MMT_4K) = i;
	mmt_check(!madvise(p, MMT_2M, MADV_HUGEPAGE));
	mmt_check(madvise(p, MMT_2M, MADV_COLLAPSE) && errno == EINVAL);

	/* khugepaged looks at this process for another reason. */
	mmt_check(mmap(anon, 2 * MMT_2M, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == anon);
	mmt_check(!madvise(anon, 2 * MMT_2M, MADV_HUGEPAGE));
	*anon = 1;
	write_file(THP "khugepaged/pages_to_scan", "100000");
	write_file(THP "khugepaged/scan_sleep_millisecs", "10");
	scans = read_file(THP "khugepaged/full_scans");
	for (i = 0; i < 200 && read_file(THP "khugepaged/full_scans") < scans + 3; i++)
		usleep(100000);
	write_file(THP "khugepaged/scan_sleep_millisecs", "10000");
	mmt_check(i < 200);

	other = mmt_map(&dev, MMT_2M, 0, PROT_READ | PROT_WRITE);
	for (i = 0; i < 512; i++) {
		mmt_check(*(volatile uint64_t *)(p + i * MMT_4K) == (uint64_t)i);
		*(volatile uint64_t *)(other + i * MMT_4K) = ~i;
		mmt_check(*(volatile uint64_t *)(p + i * MMT_4K) == ~(uint64_t)i);
	}
	mmt_check(!munmap(other, MMT_2M) && !munmap(p, MMT_2M));
	mmt_check(!munmap(anon, 2 * MMT_2M));
}

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
	{ "fault", do_fault },
	{ "nohugepage", do_nohugepage },
	{ "never", do_never },
	{ "collapse", do_collapse },
};

int main(int argc, char **argv)
{
	size_t c;

	mmt_open(argv[argc > 1 ? 1 : argc], &dev);
	write_file(THP "enabled", "always");
	for (c = 0; c < ARRAY_SIZE(cases); c++)
		if (mmt_case(argc, argv, cases[c].name))
			cases[c].fn();
	mmt_done();
}
