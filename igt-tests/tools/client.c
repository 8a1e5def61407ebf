// SPDX-License-Identifier: MIT
/*
 * A client of its own, built for 64 and for 32 bits: client NODE REGION FD
 *
 * FD is a dma-buf in which each 32-bit word is its own offset.  Checks that,
 * complements every word, then does a whole round with an object of its own:
 * create, look at, map, write, prefault, export, import in a second file.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/hugemap_drm.h>

#define MIB	(1u << 20)

/* The same numbers for both. */
#define SAME(type, size, member, offset) \
	_Static_assert(sizeof(struct type) == (size), #type); \
	_Static_assert(offsetof(struct type, member) == (offset), #type)

SAME(drm_hugemap_query, 88, free, 80);
SAME(drm_hugemap_prefault, 56, pad, 48);
SAME(drm_hugemap_gem_create, 24, handle, 20);
SAME(drm_hugemap_gem_info, 64, pad, 56);
SAME(drm_hugemap_gem_mmap_offset, 16, offset, 8);
_Static_assert(_Alignof(struct drm_hugemap_query) <= 8, "alignment");

static uint32_t region;

static int open_node(const char *name)
{
	struct drm_hugemap_query query = { .region = region };
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", name);
	if (ioctl(fd, DRM_IOCTL_HUGEMAP_QUERY, &query))
		err(1, "QUERY");
	if (query.region != region || !query.size || query.free > query.size)
		errx(1, "QUERY: size %llu, free %llu",
		     (unsigned long long)query.size,
		     (unsigned long long)query.free);
	return fd;
}

static uint32_t *map(int fd, uint32_t handle, size_t size)
{
	struct drm_hugemap_gem_mmap_offset off = { .handle = handle };
	uint32_t *p;

	if (ioctl(fd, DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET, &off))
		err(1, "GEM_MMAP_OFFSET");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 off.offset);
	if (p == MAP_FAILED)
		err(1, "mmap at %#llx", (unsigned long long)off.offset);
	return p;
}

static struct drm_hugemap_gem_info info_of(int fd, uint32_t handle)
{
	struct drm_hugemap_gem_info info = { .handle = handle };

	if (ioctl(fd, DRM_IOCTL_HUGEMAP_GEM_INFO, &info))
		err(1, "GEM_INFO");
	if (info.region != region)
		errx(1, "the object is in region %u", info.region);
	return info;
}

static uint32_t import(int fd, int dmabuf)
{
	struct drm_prime_handle prime = { .fd = dmabuf };

	if (ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime))
		err(1, "PRIME_FD_TO_HANDLE");
	return prime.handle;
}

static void check(const uint32_t *p, size_t size, uint32_t plus)
{
	size_t i;

	for (i = 0; i < size / 4; i++)
		if (p[i] != i * 4 + plus)
			errx(1, "at offset %zu: %#x", i * 4, p[i]);
}

static void theirs(int fd, int dmabuf)
{
	uint32_t handle = import(fd, dmabuf);
	size_t size = info_of(fd, handle).size, i;
	uint32_t *p = map(fd, handle, size);

	check(p, size, 0);
	for (i = 0; i < size / 4; i++)
		p[i] = ~p[i];
	munmap(p, size);
}

static void ours(int fd, const char *name)
{
	struct drm_hugemap_gem_create create = {
		.size = 4 * MIB - 1,
		.region = region,
		.max_order = DRM_HUGEMAP_ORDER_ANY,
	};
	struct drm_hugemap_prefault fault = {
		.len = 4 * MIB,
		.flags = DRM_HUGEMAP_PREFAULT_WRITE,
		.max_order = DRM_HUGEMAP_ORDER_ANY,
	};
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct drm_hugemap_gem_info info;
	int other = open_node(name);
	uint32_t *p, *q;
	size_t i;

	if (ioctl(fd, DRM_IOCTL_HUGEMAP_GEM_CREATE, &create))
		err(1, "GEM_CREATE");
	info = info_of(fd, create.handle);
	if (create.size != 4 * MIB || info.size != create.size)
		errx(1, "the object has %llu bytes",
		     (unsigned long long)info.size);
	p = map(fd, create.handle, 4 * MIB);
	check((uint32_t[1]) { p[0] }, 4, 0);
	fault.addr = (uintptr_t)p;
	if (ioctl(fd, DRM_IOCTL_HUGEMAP_PREFAULT, &fault))
		err(1, "PREFAULT");
	if (fault.nr_pmd != info.nr_pmd || fault.nr_pte != info.nr_pte)
		errx(1, "%llu PMD entries, %llu PTEs; announced: %llu, %llu",
		     (unsigned long long)fault.nr_pmd,
		     (unsigned long long)fault.nr_pte,
		     (unsigned long long)info.nr_pmd,
		     (unsigned long long)info.nr_pte);
	for (i = 0; i < MIB; i++)
		p[i] = i * 4 + 7;
	prime.handle = create.handle;
	if (ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime))
		err(1, "PRIME_HANDLE_TO_FD");
	q = map(other, import(other, prime.fd), 4 * MIB);
	check(q, 4 * MIB, 7);
	munmap(p, 4 * MIB);
	munmap(q, 4 * MIB);
	q = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, prime.fd, 0);
	if (q == MAP_FAILED)
		err(1, "mmap of the dma-buf");
	check(q, MIB, 7);
	munmap(q, MIB);
	close(prime.fd);
	close(other);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 4)
		errx(2, "usage: client NODE REGION FD");
	region = atoi(argv[2]);
	fd = open_node(argv[1]);
	theirs(fd, atoi(argv[3]));
	ours(fd, argv[1]);
	printf("%zu-bit client: ok\n", sizeof(void *) * 8);
	return 0;
}
