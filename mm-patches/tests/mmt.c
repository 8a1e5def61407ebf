// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hm_foreign.h"
#include "mmt.h"

static void __attribute__((noreturn)) end(int status, const char *word,
					  const char *fmt, va_list ap)
{
	char why[512];

	vsnprintf(why, sizeof(why), fmt, ap);
	fflush(stdout);
	printf("%s%s%s\n", word, *why ? ": " : "", why);
	fflush(stdout);
	/* Not exit(): a test may be one of several processes. */
	_exit(status);
}

void mmt_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end(4, "skip", fmt, ap);
}

void mmt_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end(1, "fail", fmt, ap);
}

static void __attribute__((noreturn, format(printf, 1, 2))) pass(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end(0, "pass", fmt, ap);
}

void mmt_pass(void)
{
	pass("%s", "");
}

static const char *path_of(const char *env, const char *otherwise)
{
	const char *path = getenv(env);

	return path && *path ? path : otherwise;
}

static void open_device(struct mmt_dev *dev, const char *spec)
{
	struct hm_foreign f;
	char why[256];

	if (hm_foreign_open(spec, &f, why, sizeof(why)))
		mmt_skip("%s", why);
	dev->fd = f.fd;
	dev->offset = f.offset;
	dev->size = f.size;
	if (dev->size < MMT_1G)
		mmt_skip("%s has %zu bytes, not 1 GiB", spec, dev->size);
}

static void open_memfd(struct mmt_dev *dev)
{
	dev->fd = memfd_create("mmt", MFD_CLOEXEC);
	dev->size = MMT_1G;
	mmt_check(dev->fd >= 0 && !ftruncate(dev->fd, dev->size));
}

void mmt_open(const char *name, struct mmt_dev *dev)
{
	*dev = (struct mmt_dev){ .name = name };
	if (!name)
		mmt_skip("which device? hugemap, hugemap-pages, pfn, pfn-pfnmap, pfn-pages, pfn-dax, vfio, dax, memfd");
	if (!strcmp(name, "hugemap"))
		open_device(dev, path_of("MMT_HUGEMAP", "/dev/hugemap0"));
	else if (!strcmp(name, "hugemap-pages"))
		open_device(dev, path_of("MMT_HUGEMAP_PAGES", "/dev/hugemap1"));
	else if (!strcmp(name, "pfn"))
		open_device(dev, "/dev/huge_pfn");
	else if (!strcmp(name, "pfn-pfnmap"))
		open_device(dev, "/dev/huge_pfn_pfnmap");
	else if (!strcmp(name, "pfn-pages"))
		open_device(dev, "/dev/huge_pfn_pages");
	else if (!strcmp(name, "pfn-dax"))
		open_device(dev, "/dev/huge_pfn_dax");
	else if (!strcmp(name, "dax"))
		open_device(dev, path_of("MMT_DAX", "/dev/dax0.0"));
	else if (!strcmp(name, "vfio"))
		open_device(dev, path_of("MMT_VFIO", "0000:00:05.0"));
	else if (!strcmp(name, "memfd"))
		open_memfd(dev);
	else
		mmt_skip("no device '%s'", name);
}

char *mmt_reserve(size_t len, size_t align)
{
	/*
	 * The kernel takes the highest addresses first: those above are for the
	 * stack of the next thread. Were it in what is reserved, mremap() would
	 * cut it, and the thread's MADV_DONTNEED at its end zap what is there.
	 */
	size_t size = len + align + 32 * MMT_2M;
	char *p = mmap(NULL, size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *start;

	mmt_check(p != MAP_FAILED);
	mmt_check(!munmap(p, size));
	start = (char *)(((uintptr_t)p + align - 1) & ~(align - 1));
	return start;
}

char *mmt_map(const struct mmt_dev *dev, size_t len, off_t offset, int prot)
{
	char *at = mmt_reserve(len + 5 * MMT_1G, MMT_1G) + 2 * MMT_1G +
		   (offset & (MMT_1G - 1));
	char *p = mmap(at, len, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, dev->fd,
		       dev->offset + offset);

	if (p == MAP_FAILED)
		mmt_fail("%s: cannot map %zu bytes: %s", dev->name, len,
			 strerror(errno));
	return p;
}

long mmt_faults(void)
{
	struct rusage ru;

	mmt_check(!getrusage(RUSAGE_THREAD, &ru));
	return ru.ru_minflt + ru.ru_majflt;
}

long mmt_page_tables(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	mmt_check(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmPTE: %ld", &kib) == 1)
			break;
	fclose(f);
	mmt_check(kib >= 0);
	return kib;
}

long mmt_touch(const volatile char *p, size_t len)
{
	long before = mmt_faults();
	size_t i;

	for (i = 0; i < len; i += MMT_2M)
		(void)*(const volatile uint64_t *)(p + i);
	return mmt_faults() - before;
}

char *mmt_map_pud(const struct mmt_dev *dev)
{
	char *p = mmt_map(dev, MMT_1G, 0, PROT_READ | PROT_WRITE);
	long tables = mmt_page_tables();
	long faults = mmt_touch(p, MMT_1G);

	if (faults != 1)
		mmt_skip("%s: 1 GiB took %ld faults: no PUD entry here",
			 dev->name, faults);
	/* vfio-pci of 6.1 maps all base pages at the first fault: 2 MiB. */
	tables = mmt_page_tables() - tables;
	if (tables > 100)
		mmt_skip("%s: 1 GiB took %ld KiB of page tables: no PUD entry here",
			 dev->name, tables);
	return p;
}

static __thread sigjmp_buf jump;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(jump, 1);
}

static bool access_ok(volatile char *p, bool write)
{
	struct sigaction sa = { .sa_handler = on_fault }, segv, bus;
	bool ok = false;

	sigaction(SIGSEGV, &sa, &segv);
	sigaction(SIGBUS, &sa, &bus);
	if (!sigsetjmp(jump, 1)) {
		char c = *p;

		if (write)
			*p = c;
		ok = true;
	}
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return ok;
}

bool mmt_readable(const volatile char *p)
{
	return access_ok((volatile char *)p, false);
}

bool mmt_writable(volatile char *p)
{
	return access_ok(p, true);
}

static void *hammer(void *arg)
{
	struct mmt_hammer *h = arg;

	h->writable = true;
	while (h->writable) {
		h->writable = mmt_writable(h->p);
		if (h->state == 0)
			h->state = 1;
		if (h->state == 2)
			break;
	}
	if (h->state == 2)
		h->writable = mmt_writable(h->p);
	return NULL;
}

void mmt_hammer_start(struct mmt_hammer *h, char *p)
{
	h->p = p;
	h->state = 0;
	mmt_check(!pthread_create(&h->thread, NULL, hammer, h));
	while (h->state != 1)
		sched_yield();
}

bool mmt_hammer_end(struct mmt_hammer *h)
{
	h->state = 2;
	mmt_check(!pthread_join(h->thread, NULL));
	return h->writable;
}

static bool ran;

bool mmt_case(int argc, char **argv, const char *name)
{
	if (argc > 2 && strcmp(argv[2], name))
		return false;
	ran = true;
	printf("%s\n", name);
	fflush(stdout);
	return true;
}

void mmt_done(void)
{
	if (!ran)
		mmt_skip("no such case here");
	mmt_pass();
}
