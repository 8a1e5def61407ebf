// SPDX-License-Identifier: GPL-2.0
/*
 * mremap() of a PUD entry (P4): it is moved if source and destination allow
 * it, else zapped, and in either case nobody gets at the memory by the old
 * address.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmt.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

#define STEP	(MMT_2M / 2)

static const struct mmt_dev *dev;

/* The word at @i of the device's memory. */
static uint64_t word(size_t i)
{
	return i ^ 0xc3c3c3;
}

static char *map(void)
{
	char *p = mmt_map_pud(dev);
	size_t i;

	for (i = 0; i < MMT_1G; i += STEP)
		*(uint64_t *)(p + i) = word(i);
	return p;
}

/* @len bytes at @p show the memory from @from on. */
static void verify(const char *p, size_t from, size_t len)
{
	size_t i = from % STEP ? STEP - from % STEP : 0;

	for (; i < len; i += STEP)
		mmt_check(*(const volatile uint64_t *)(p + i) == word(from + i));
}

/* Another CPU had the old entry in its TLB: its first access has to fault. */
static void hammer_end(struct mmt_hammer *h)
{
	if (mmt_hammer_end(h))
		mmt_fail("another CPU still writes to the old address");
}

/* Nothing is at the old address, neither in the table nor in the TLB. */
static void gone(char *p)
{
	if (mmt_readable(p))
		mmt_fail("the old address can still be read");
	if (mmt_writable(p))
		mmt_fail("the old address can still be written to");
}

static char *move(char *p, size_t old_len, size_t new_len, char *to)
{
	char *q = mremap(p, old_len, new_len, MREMAP_MAYMOVE | MREMAP_FIXED, to);

	if (q != to)
		mmt_fail("mremap: %s", strerror(errno));
	return q;
}

/* All of it, to where a PUD entry fits. */
static void do_whole(void)
{
	char *p = map(), *q = mmt_reserve(MMT_1G, MMT_1G);
	struct mmt_hammer h;
	long faults;

	mmt_hammer_start(&h, p + 3 * MMT_2M);
	move(p, MMT_1G, MMT_1G, q);
	hammer_end(&h);
	gone(p);
	gone(p + MMT_1G - MMT_4K);
	faults = mmt_touch(q, MMT_1G);
	if (faults)
		mmt_fail("the entry was not moved: %ld faults", faults);
	verify(q, 0, MMT_1G);
	mmt_check(mmt_writable(q));
	mmt_check(!munmap(q, MMT_1G));
	gone(q);
}

/* All of it, to where none fits. */
static void do_unaligned(void)
{
	static const size_t off[] = { MMT_2M, MMT_4K, MMT_1G - MMT_4K };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(off); i++) {
		char *p = map(), *q = mmt_reserve(2 * MMT_1G, MMT_1G) + off[i];
		struct mmt_hammer h;

		mmt_hammer_start(&h, p + 3 * MMT_2M);
		move(p, MMT_1G, MMT_1G, q);
		hammer_end(&h);
		gone(p);
		gone(p + MMT_1G - MMT_4K);
		verify(q, 0, MMT_1G);
		mmt_check(!munmap(q, MMT_1G));
	}
}

/* A part of it; the rest stays. */
static void do_part(void)
{
	static const struct {
		size_t at, len;
	} parts[] = {
		{ 5 * MMT_2M + MMT_4K, MMT_4K },
		{ 7 * MMT_2M, MMT_2M },
		{ 0, MMT_1G / 2 },
		{ MMT_1G / 2 + MMT_4K, MMT_1G / 4 },
		{ MMT_1G - MMT_4K, MMT_4K },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t at = parts[i].at, len = parts[i].len;
		/* Congruent to where it was, so that alignment is no obstacle. */
		char *p = map(), *q = mmt_reserve(2 * MMT_1G, MMT_1G) + at;
		struct mmt_hammer h;

		*(uint64_t *)(p + at) = word(at);
		mmt_hammer_start(&h, p + at + 8);
		move(p + at, len, len, q);
		hammer_end(&h);
		gone(p + at);
		gone(p + at + len - MMT_4K);
		mmt_check(*(volatile uint64_t *)q == word(at));
		verify(q, at, len);
		verify(p, 0, at);
		verify(p + at + len, at + len, MMT_1G - at - len);
		mmt_check(!munmap(p, MMT_1G));
		mmt_check(!munmap(q, len));
	}
}

/* The end is cut off, the rest moved. */
static void do_shrink(void)
{
	static const size_t lens[] = { MMT_1G / 2, MMT_1G / 2 + MMT_4K };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		char *p = map(), *q = mmt_reserve(MMT_1G, MMT_1G);
		struct mmt_hammer h;

		mmt_hammer_start(&h, p + 3 * MMT_2M);
		move(p, MMT_1G, lens[i], q);
		hammer_end(&h);
		gone(p);
		gone(p + lens[i]);
		verify(q, 0, lens[i]);
		gone(q + lens[i]);
		mmt_check(!munmap(q, lens[i]));
	}
}

/* The old mapping stays, empty; special mappings are refused. */
static void do_dontunmap(void)
{
	char *p = map(), *q = mmt_reserve(MMT_1G, MMT_1G);
	long faults;

	if (mremap(p, MMT_1G, MMT_1G,
		   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, q) != q) {
		mmt_check(errno == EINVAL);
		/* A special mapping: refused, and nothing has changed. */
		mmt_check(!mmt_touch(p, MMT_1G));
		verify(p, 0, MMT_1G);
		mmt_check(!munmap(p, MMT_1G));
		return;
	}
	faults = mmt_touch(q, MMT_1G);
	if (faults)
		mmt_fail("the entry was not moved: %ld faults", faults);
	faults = mmt_touch(p, MMT_1G);
	if (faults != 1)
		mmt_fail("the old mapping took %ld faults, not 1", faults);
	verify(p, 0, MMT_1G);
	verify(q, 0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
	verify(q, 0, MMT_1G);
	mmt_check(!munmap(q, MMT_1G));
}

/* There and back: the destination had page tables. */
static void do_again(void)
{
	char *p = map(), *q;
	size_t i;

	q = mmap(mmt_reserve(MMT_1G, MMT_1G), MMT_1G, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	mmt_check(q != MAP_FAILED && !((uintptr_t)q & (MMT_1G - 1)));
	for (i = 0; i < MMT_1G; i += MMT_1G / 8)
		q[i] = 1;
	move(p, MMT_1G, MMT_1G, q);
	verify(q, 0, MMT_1G);
	move(q, MMT_1G, MMT_1G, p);
	gone(q);
	if (mmt_touch(p, MMT_1G))
		mmt_fail("the entry was not moved");
	verify(p, 0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
}

static off_t command_at;
static atomic_bool stop;

/* vfio-pci zaps the BAR when memory decoding is switched off. */
static void *zapper(void *unused)
{
	uint16_t command, off;

	(void)unused;
	mmt_check(pread(dev->fd, &command, 2, command_at) == 2);
	off = command & ~2;
	do {
		mmt_check(pwrite(dev->fd, &off, 2, command_at) == 2);
		mmt_check(pwrite(dev->fd, &command, 2, command_at) == 2);
		usleep(200);
	} while (!stop);
	return NULL;
}

/* The entry is zapped, by way of the rmap, while it is looked at and moved. */
static void do_zap(void)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	char *p, *q, *old;
	pthread_t thread;
	int i, there = 0;

	if (strcmp(dev->name, "vfio"))
		return;
	mmt_check(!ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &config));
	command_at = config.offset + 4;
	p = map();
	q = mmt_reserve(MMT_1G, MMT_1G);
	old = p;
	stop = false;
	mmt_check(!pthread_create(&thread, NULL, zapper, NULL));
	for (i = 0; i < 20000 && there < 500; i++) {
		char *to = p == old ? q : old;

		there += mmt_readable(p);
		p = move(p, MMT_1G, MMT_1G, to);
	}
	stop = true;
	mmt_check(!pthread_join(thread, NULL));
	printf("moved %d times, %d times with an entry\n", i, there);
	mmt_check(there >= 50);
	gone(p == old ? q : old);
	verify(p, 0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
}

static const struct {
	const char *name;
	void (*fn)(void);
	bool any_address;
} cases[] = {
	{ "whole", do_whole, false },
	{ "again", do_again, false },
	{ "dontunmap", do_dontunmap, false },
	{ "zap", do_zap, false },
	{ "unaligned", do_unaligned, true },
	{ "part", do_part, true },
	{ "shrink", do_shrink, true },
};

int main(int argc, char **argv)
{
	struct mmt_dev device;
	size_t i;

	mmt_open(argv[argc > 1 ? 1 : argc], &device);
	dev = &device;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		/* device-dax cannot be cut where its pages cannot. */
		if (!strcmp(dev->name, "dax") && cases[i].any_address)
			continue;
		if (mmt_case(argc, argv, cases[i].name))
			cases[i].fn();
	}
	mmt_done();
}
