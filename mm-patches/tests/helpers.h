/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the dirty tracking helpers share: /dev/mm_helpers, and
 * mappings whose page table entries are what they should be.
 */
#ifndef HELPERS_H
#define HELPERS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "mmt.h"
#include "module/mm_helpers.h"

#define PAGES(bytes)	((long)((bytes) / MMT_4K))

static struct mmt_dev dev;
static int helpers = -1;

static inline void helpers_open(const char *name)
{
	mmt_open(name, &dev);
	helpers = open("/dev/mm_helpers", O_RDWR | O_CLOEXEC);
	if (helpers < 0)
		mmt_skip("/dev/mm_helpers: %s", strerror(errno));
}

/* Call @cmd on the bytes [@offset, @offset + @len) of the device. */
static inline long helpers_call(unsigned int cmd, struct mm_helpers_range *r,
				off_t offset, size_t len)
{
	r->fd = dev.fd;
	r->first = (dev.offset + offset) / MMT_4K;
	r->nr = len / MMT_4K;
	if (ioctl(helpers, cmd, r)) {
		if (errno == EOPNOTSUPP)
			mmt_skip("this kernel does not have the helper");
		mmt_fail("%s: helper: %s", dev.name, strerror(errno));
	}
	return r->ret;
}

static inline struct mm_helpers_look look(const char *p)
{
	struct mm_helpers_look l = { .addr = (uintptr_t)p };

	mmt_check(!ioctl(helpers, MM_HELPERS_LOOK, &l));
	return l;
}

static inline void word_set(char *p, uint64_t value)
{
	__atomic_store_n((uint64_t *)p, value, __ATOMIC_SEQ_CST);
}

static inline uint64_t word_get(const char *p)
{
	return __atomic_load_n((const uint64_t *)p, __ATOMIC_SEQ_CST);
}

/* Faults that one write takes. */
static inline long write_faults(char *p)
{
	long before = mmt_faults();

	word_set(p, word_get(p) + 1);
	return mmt_faults() - before;
}

/*
 * Map @len bytes from @offset on and write to each @size bytes of them, which
 * are mapped by one writable entry then. Skips where they are not.
 */
static inline char *map_written(size_t len, off_t offset, size_t size)
{
	char *p = mmt_map(&dev, len, offset, PROT_READ | PROT_WRITE);
	struct mm_helpers_look l;
	size_t i;

	for (i = 0; i < len; i += size) {
		word_set(p + i, i + 1);
		l = look(p + i);
		if (!l.present)
			mmt_skip("%s: no PFN mapping to look at", dev.name);
		if (l.size != size)
			mmt_skip("%s: entries of %#llx bytes, not %#zx",
				 dev.name, (unsigned long long)l.size, size);
		mmt_check(l.writable);
	}
	return p;
}

/* Are all entries of @size bytes still there, and writable or not? */
static inline void check_entries(const char *p, size_t len, size_t size,
				 bool writable)
{
	size_t i;

	for (i = 0; i < len; i += size) {
		struct mm_helpers_look l = look(p + i);

		if (!l.present || l.size != size || l.writable != writable)
			mmt_fail("entry at %#zx: %s, %#llx bytes, %s; it should be %#zx bytes, %s",
				 i, l.present ? "present" : "none",
				 (unsigned long long)l.size,
				 l.writable ? "writable" : "read-only", size,
				 writable ? "writable" : "read-only");
	}
}

/* By reading: without pfn_mkwrite vfio serves no write fault, it would repeat. */
static inline bool can_protect(void)
{
	return strcmp(dev.name, "vfio");
}

struct helpers_case {
	const char *name;
	bool protects;
	void (*fn)(void);
};

static inline void helpers_run(int argc, char **argv,
			       const struct helpers_case *cases, size_t nr)
{
	size_t i;

	helpers_open(argv[argc > 1 ? 1 : argc]);
	for (i = 0; i < nr; i++) {
		if (cases[i].protects && !can_protect())
			printf("%s: %s does not serve write faults\n",
			       cases[i].name, dev.name);
		else if (mmt_case(argc, argv, cases[i].name))
			cases[i].fn();
	}
	mmt_done();
}

#endif
