// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to know which pages were written: to begin, to ask when 0, 1,
 * 100, 10^4 or all pages were, and for the writer. The pages written are spread
 * over the memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/hugemap_drm.h>

#include "bench.h"

static const long dirty_pages[] = { 0, 1, 100, 10000 };

/* Write to @n pages; the time that took. */
static uint64_t dirty(char *m, size_t len, long n)
{
	size_t step = n ? len / n & ~(KIB4 - 1) : 0;
	uint64_t from = now();
	long i;

	for (i = 0; i < n; i++)
		*(volatile char *)(m + i * step) = 1;
	return now() - from;
}

/* ---- hugemap ---- */

static uint32_t start(struct peer *p, size_t len, uint32_t flags)
{
	struct drm_hugemap_dirty_start args = {
		.len = len, .granule = KIB4, .flags = flags,
	};

	check(!ioctl(p->fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &args));
	return args.tracker;
}

static uint64_t sync_cost(struct peer *p, uint32_t tracker, void *bitmap,
			  uint32_t flags, long expect)
{
	struct drm_hugemap_dirty_sync args = {
		.tracker = tracker, .bitmap = (uintptr_t)bitmap, .flags = flags,
	};
	uint64_t from = now(), t;

	check(!ioctl(p->fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &args));
	t = now() - from;
	if ((long)args.nr_dirty != expect)
		die("SYNC: %llu dirty, not %ld",
		    (unsigned long long)args.nr_dirty, expect);
	return t;
}

static void stop(struct peer *p, uint32_t tracker)
{
	struct drm_hugemap_dirty_stop args = { .tracker = tracker };

	check(!ioctl(p->fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &args));
}

static void *buffer(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		       MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	check(p != MAP_FAILED);
	return p;
}

static void track_hugemap(struct peer *p, size_t len)
{
	size_t bits = len / KIB4 / 8;
	void *bitmap = buffer(bits);
	char *m = peer_map(p, len);
	uint32_t tracker;
	uint64_t from;
	unsigned int i;
	long zaps;

	peer_touch(p, m, len);
	zaps = counter(p->fd, "zap-dirty");
	from = now();
	tracker = start(p, len, 0);
	result("start", "hugemap", len, 0, "cost", now() - from);
	result("start", "hugemap", len, 0, "zaps",
	       counter(p->fd, "zap-dirty") - zaps);
	for (i = 0; i < ARRAY_SIZE(dirty_pages); i++) {
		long n = dirty_pages[i];
		uint64_t t = dirty(m, len, n);

		if (n)
			result("write", "hugemap", len, n, "cost",
			       (double)t / n);
		memset(bitmap, 0, bits);
		result("sync", "hugemap", len, n, "cost",
		       sync_cost(p, tracker, bitmap, DRM_HUGEMAP_SYNC_MERGE, n));
		/* The same pages once more: what is split stays so. */
		if (n) {
			t = dirty(m, len, n);
			result("write-again", "hugemap", len, n, "cost",
			       (double)t / n);
			result("sync-again", "hugemap", len, n, "cost",
			       sync_cost(p, tracker, bitmap,
					 DRM_HUGEMAP_SYNC_MERGE, n));
		}
	}
	/* Without MERGE the whole bitmap is written, most of it with zeros. */
	dirty(m, len, 100);
	result("sync-whole-bitmap", "hugemap", len, 100, "cost",
	       sync_cost(p, tracker, bitmap, 0, 100));
	stop(p, tracker);
	peer_unmap(m, len);

	/* All at once, without writing to every page. */
	m = peer_map(p, len);
	tracker = start(p, len, DRM_HUGEMAP_DIRTY_ALL);
	peer_touch(p, m, len);
	result("sync", "hugemap", len, len / KIB4, "cost",
	       sync_cost(p, tracker, bitmap, DRM_HUGEMAP_SYNC_MERGE,
			 len / KIB4));
	stop(p, tracker);
	peer_unmap(m, len);
	munmap(bitmap, bits);
}

/* ---- soft-dirty bits: clear_refs and pagemap ---- */

static bool soft_dirty_works(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	volatile char *p = buffer(KIB4);
	uint64_t entry;

	write_file("/proc/self/clear_refs", "4");
	check(pread(fd, &entry, 8, (uintptr_t)p / KIB4 * 8) == 8);
	if (entry >> 55 & 1)
		return close(fd), false;
	*p = 1;
	check(pread(fd, &entry, 8, (uintptr_t)p / KIB4 * 8) == 8);
	close(fd);
	return entry >> 55 & 1;
}

/* One round: read what is dirty, and make it clean. */
static uint64_t soft_dirty_round(const char *m, size_t len, long expect,
				 const char *name)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	static uint64_t entries[65536];
	uint64_t from, t;
	size_t at, i;
	long n = 0;

	check(pagemap >= 0);
	memset(entries, 1, sizeof(entries));
	from = now();
	for (at = 0; at < len; at += sizeof(entries) / 8 * KIB4) {
		size_t want = (len - at) / KIB4 * 8;

		if (want > sizeof(entries))
			want = sizeof(entries);
		check(pread(pagemap, entries, want,
			    ((uintptr_t)m + at) / KIB4 * 8) == (ssize_t)want);
		for (i = 0; i < want / 8; i++)
			n += entries[i] >> 55 & 1;
	}
	write_file("/proc/self/clear_refs", "4");
	t = now() - from;
	close(pagemap);
	if (expect >= 0 && n != expect)
		die("%s: %ld soft-dirty, not %ld", name, n, expect);
	return t;
}

static void track_soft_dirty(struct peer *p, size_t len)
{
	char *m = peer_map(p, len);
	unsigned int i;
	uint64_t from;

	if (!p->full)
		peer_touch(p, m, len);
	from = now();
	write_file("/proc/self/clear_refs", "4");
	result("start", "soft-dirty", len, 0, "cost", now() - from);
	for (i = 0; i < ARRAY_SIZE(dirty_pages); i++) {
		long n = dirty_pages[i];
		uint64_t t = dirty(m, len, n);

		if (n)
			result("write", "soft-dirty", len, n, "cost",
			       (double)t / n);
		result("sync", "soft-dirty", len, n, "cost",
		       soft_dirty_round(m, len, n, p->name));
	}
	peer_unmap(m, len);
}

/* ---- mprotect() and a handler ---- */

static char *guarded;
static size_t guarded_len;
static long trapped;

static void on_segv(int sig, siginfo_t *info, void *context)
{
	char *page = (char *)((uintptr_t)info->si_addr & ~(KIB4 - 1));

	(void)sig;
	(void)context;
	if (page < guarded || page >= guarded + guarded_len ||
	    mprotect(page, KIB4, PROT_READ | PROT_WRITE))
		_exit(99);
	trapped++;
}

static void track_mprotect(struct peer *p, size_t len)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO },
			 old;
	char *m = peer_map(p, len);
	unsigned int i;
	uint64_t from;

	guarded = m;
	guarded_len = len;
	check(!sigaction(SIGSEGV, &sa, &old));
	from = now();
	check(!mprotect(m, len, PROT_READ));
	result("start", "mprotect", len, 0, "cost", now() - from);
	for (i = 0; i < ARRAY_SIZE(dirty_pages); i++) {
		long n = dirty_pages[i];
		uint64_t t;

		trapped = 0;
		t = dirty(m, len, n);
		check(trapped == n);
		if (n)
			result("write", "mprotect", len, n, "cost",
			       (double)t / n);
		/* What was written the handler knows. */
		from = now();
		check(!mprotect(m, len, PROT_READ));
		result("sync", "mprotect", len, n, "cost", now() - from);
	}
	sigaction(SIGSEGV, &old, NULL);
	peer_unmap(m, len);
}

/* ---- userfaultfd write protection and PAGEMAP_SCAN ---- */

#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED	(1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC		(1 << 15)
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM	(1 << 12)
#endif

struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages,
		 inverted, mask, anyof, ret;
};

#define SCAN_IOCTL	_IOWR('f', 16, struct scan_arg)
#define SCAN_WP		1	/* PM_SCAN_WP_MATCHING */
#define SCAN_CHECK	2	/* PM_SCAN_CHECK_WPASYNC */
#define SCAN_WRITTEN	2	/* PAGE_IS_WRITTEN */

static bool scan(int pagemap, char *m, size_t len, uint64_t *cost, long *n)
{
	static struct scan_region found[32768];
	struct scan_arg arg = {
		.size = sizeof(arg), .flags = SCAN_WP | SCAN_CHECK,
		.start = (uintptr_t)m, .end = (uintptr_t)m + len,
		.vec = (uintptr_t)found, .vec_len = ARRAY_SIZE(found),
		.mask = SCAN_WRITTEN, .anyof = 0, .inverted = 0,
	};
	uint64_t from = now();
	long k, i;

	arg.mask = SCAN_WRITTEN;
	arg.ret = SCAN_WRITTEN;
	*n = 0;
	do {
		k = ioctl(pagemap, SCAN_IOCTL, &arg);
		if (k < 0)
			return false;
		for (i = 0; i < k; i++)
			*n += (found[i].end - found[i].start) / KIB4;
		arg.start = arg.walk_end;
	} while (arg.walk_end < (uintptr_t)m + len);
	*cost = now() - from;
	return true;
}

static void track_uffd(struct peer *p, size_t len)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED |
			    UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
			    UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	static bool said;
	unsigned int i;
	uint64_t t;
	long n;
	char *m;

	if (uffd < 0 || pagemap < 0 || ioctl(uffd, UFFDIO_API, &api)) {
		if (!said)
			skip("track", "pagemap-scan",
			     "no asynchronous write protection: %s",
			     strerror(errno));
		said = true;
		goto out;
	}
	m = peer_map(p, len);
	peer_touch(p, m, len);
	reg.range.start = wp.range.start = (uintptr_t)m;
	reg.range.len = wp.range.len = len;
	t = now();
	check(!ioctl(uffd, UFFDIO_REGISTER, &reg));
	check(!ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
	result("start", "pagemap-scan", len, 0, "cost", now() - t);
	for (i = 0; i < ARRAY_SIZE(dirty_pages); i++) {
		t = dirty(m, len, dirty_pages[i]);
		if (dirty_pages[i])
			result("write", "pagemap-scan", len, dirty_pages[i],
			       "cost", (double)t / dirty_pages[i]);
		if (!scan(pagemap, m, len, &t, &n)) {
			if (!said)
				skip("track", "pagemap-scan", "PAGEMAP_SCAN: %s",
				     strerror(errno));
			said = true;
			break;
		}
		if (n != dirty_pages[i])
			die("PAGEMAP_SCAN: %ld dirty, not %ld", n,
			    dirty_pages[i]);
		result("sync", "pagemap-scan", len, n, "cost", t);
	}
	peer_unmap(m, len);
out:
	close(pagemap);
	close(uffd);
}

void bench_track(void)
{
	static const size_t sizes[] = { GIB, 16 * GIB };
	struct peer *huge = peer_get("hugemap-1g"), *full = peer_get("full-4k");
	struct peer *memfd = peer_get("memfd-4k");
	bool soft_dirty = soft_dirty_works();
	unsigned int r, i;

	if (!soft_dirty)
		skip("track", "soft-dirty", "this kernel has no soft-dirty bits");
	skip("track", "kvm-dirty-log",
	     "a nested guest of this emulator is no measure of KVM");
	skip("track 16 GiB", "pagemap-scan",
	     "only for memory of the kernel, which would have to be there");
	for (r = 0; r < reps; r++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			if (huge)
				track_hugemap(huge, sizes[i]);
			if (full && soft_dirty)
				track_soft_dirty(full, sizes[i]);
			if (full)
				track_mprotect(full, sizes[i]);
			if (memfd && peer_has(memfd, sizes[i]))
				track_uffd(memfd, sizes[i]);
		}
}
