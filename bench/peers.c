// SPDX-License-Identifier: GPL-2.0
/*
 * What maps memory: hugemap and everybody else who does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drm.h>
#include <drm_mode.h>

#include "bench.h"

#define VFIO_BDF	"0000:00:06.0"

static bool missing(const struct peer *p, const char *what)
{
	skip("all", p->name, "%s: %s", what, strerror(errno));
	return false;
}

static bool open_path(struct peer *p, const char *path, size_t size)
{
	p->fd = open(path, O_RDWR | O_CLOEXEC);
	if (p->fd < 0)
		return missing(p, path);
	p->size = size;
	return true;
}

/* Size and place of the large BAR, which hugemap and the floor share. */
static size_t bar_size(void)
{
	return strtoull(getenv("BENCH_BAR_SIZE") ?: "0", NULL, 0);
}

/* The node of that BAR. */
static const char *node(void)
{
	return getenv("BENCH_NODE") ?: "hugemap0";
}

static bool open_hugemap(struct peer *p)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", node());
	return open_path(p, path, bar_size());
}

static void set_max_order(const char *order)
{
	static const char *is;
	char path[64];

	if (is == order)
		return;
	is = order;
	snprintf(path, sizeof(path), "/sys/class/hugemap/%s/max_order", node());
	write_file(path, order);
}

static bool open_floor(struct peer *p)
{
	const char *end = !strcmp(p->kind, "full") ? "full" :
			  p->shift == 30 ? "pud" : p->shift == 21 ? "pmd" : "pte";
	char path[64];

	snprintf(path, sizeof(path), "/dev/bench_floor_%s", end);
	return open_path(p, path, bar_size());
}

/* The namespaces of the persistent memory, set up by the job. */
static bool open_dax(struct peer *p)
{
	const char *path = p->shift == 30 ? "/dev/dax0.0" :
			   p->shift == 21 ? "/dev/dax1.0" : "/dev/dax2.0";
	char name[64];
	FILE *f;

	if (!open_path(p, path, 0))
		return false;
	snprintf(name, sizeof(name), "/sys/bus/dax/devices/%s/size", path + 5);
	f = fopen(name, "r");
	if (!f || fscanf(f, "%zu", &p->size) != 1)
		return missing(p, name);
	fclose(f);
	return true;
}

static bool open_vfio(struct peer *p)
{
	static int fd = -1;
	struct vfio_region_info bar = {
		.argsz = sizeof(bar), .index = VFIO_PCI_BAR2_REGION_INDEX,
	};
	struct vfio_region_info config = {
		.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	char target[256], path[64];
	int container, group;
	uint16_t command;
	ssize_t n;

	if (fd < 0) {
		n = readlink("/sys/bus/pci/devices/" VFIO_BDF "/iommu_group",
			     target, sizeof(target) - 1);
		if (n < 0)
			return missing(p, "no IOMMU group");
		target[n] = '\0';
		snprintf(path, sizeof(path), "/dev/vfio/%.16s",
			 strrchr(target, '/') + 1);
		container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
		group = open(path, O_RDWR | O_CLOEXEC);
		if (container < 0 || group < 0)
			return missing(p, path);
		if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
		    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
			return missing(p, "vfio: no type 1 IOMMU");
		fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, VFIO_BDF);
		if (fd < 0)
			return missing(p, "vfio: " VFIO_BDF);
		/* Memory decoding: without it every access is SIGBUS. */
		check(!ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &config));
		check(pread(fd, &command, 2, config.offset + 4) == 2);
		command |= 2;
		check(pwrite(fd, &command, 2, config.offset + 4) == 2);
	}
	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &bar))
		return missing(p, "vfio: BAR 2");
	p->fd = fd;
	p->offset = bar.offset;
	p->size = bar.size;
	return true;
}

/* Memory of the page cache, filled beforehand: only the mapping is measured. */
static bool open_memfd(struct peer *p)
{
	unsigned int flags = MFD_CLOEXEC;
	char *m;

	if (!strcmp(p->kind, "hugetlb"))
		flags |= MFD_HUGETLB | p->shift << MAP_HUGE_SHIFT;
	p->fd = memfd_create(p->name, flags);
	if (p->fd < 0)
		return missing(p, "memfd_create");
	if (ftruncate(p->fd, p->max))
		return missing(p, "ftruncate");
	write_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
		   p->shift == 12 ? "never" : "force");
	m = mmap(NULL, p->max, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (m == MAP_FAILED)
		return missing(p, "mmap");
	for (size_t i = 0; i < p->max; i += KIB4)
		*(volatile char *)(m + i) = 1;
	munmap(m, p->max);
	p->size = p->max;
	return true;
}

static bool open_mem(struct peer *p)
{
	p->fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	if (p->fd < 0)
		return missing(p, "/dev/mem");
	p->offset = strtoull(getenv("BENCH_BAR_BASE") ?: "0", NULL, 0);
	p->size = bar_size();
	return true;
}

static bool open_vgem(struct peer *p)
{
	struct drm_mode_create_dumb create = {
		.width = 4096, .height = p->max >> 14, .bpp = 32,
	};
	struct drm_mode_map_dumb map = {};
	const char *path = getenv("BENCH_VGEM") ?: "/dev/dri/card-none";
	char *m;

	p->fd = open(path, O_RDWR | O_CLOEXEC);
	if (p->fd < 0)
		return missing(p, path);
	if (ioctl(p->fd, DRM_IOCTL_MODE_CREATE_DUMB, &create))
		return missing(p, "CREATE_DUMB");
	map.handle = create.handle;
	if (ioctl(p->fd, DRM_IOCTL_MODE_MAP_DUMB, &map))
		return missing(p, "MAP_DUMB");
	p->offset = map.offset;
	p->size = create.size;
	m = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd,
		 p->offset);
	if (m == MAP_FAILED)
		return missing(p, "mmap");
	for (size_t i = 0; i < p->size; i += KIB4)
		*(volatile char *)(m + i) = 1;
	munmap(m, p->size);
	return true;
}

struct peer peers[] = {
	{ "hugemap-1g", "hugemap", 30, open_hugemap },
	{ "hugemap-2m", "hugemap", 21, open_hugemap },
	{ "hugemap-4k", "hugemap", 12, open_hugemap },
	{ "floor-1g", "floor", 30, open_floor },
	{ "floor-2m", "floor", 21, open_floor },
	{ "floor-4k", "floor", 12, open_floor },
	{ "dax-1g", "dax", 30, open_dax },
	{ "dax-2m", "dax", 21, open_dax },
	{ "dax-4k", "dax", 12, open_dax },
	{ "vfio-1g", "vfio", 30, open_vfio },
	{ "vfio-2m", "vfio", 21, open_vfio, .misalign = MIB2 },
	{ "vfio-4k", "vfio", 12, open_vfio, .misalign = KIB4 },
	{ "hugetlb-1g", "hugetlb", 30, open_memfd, .max = GIB },
	{ "hugetlb-2m", "hugetlb", 21, open_memfd, .max = 512 * MIB },
	{ "memfd-2m", "memfd", 21, open_memfd, .max = 512 * MIB },
	{ "memfd-4k", "memfd", 12, open_memfd, .max = 512 * MIB },
	{ "devmem-4k", "devmem", 12, open_mem, .full = true },
	{ "vgem", "vgem", 12, open_vgem, .max = 64 * MIB },
	{ "full-4k", "full", 12, open_floor, .full = true },
};
const unsigned int nr_peers = ARRAY_SIZE(peers);

struct peer *peer_get(const char *name)
{
	struct peer *p = NULL;
	unsigned int i;

	for (i = 0; i < nr_peers; i++)
		if (!strcmp(peers[i].name, name))
			p = &peers[i];
	check(p);
	if (!p->state)
		p->state = p->open(p) ? 1 : -1;
	return p->state > 0 ? p : NULL;
}

bool peer_has(const struct peer *p, size_t len)
{
	return len + p->misalign <= p->size && (!p->max || len <= p->max);
}

/*
 * Everything is in one range of 512 GiB each, whose upper table a page of its
 * own keeps: no fault allocates it.
 */
static char *place(size_t len)
{
	static char *arena;
	static const size_t room = 1024 * GIB;

	if (!arena) {
		char *m = mmap(NULL, room, PROT_NONE, MAP_PRIVATE |
			       MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		check(m != MAP_FAILED);
		munmap(m, room);
		arena = (char *)(((uintptr_t)m + 512 * GIB - 1) &
				 ~(512 * GIB - 1));
		m = mmap(arena, KIB4, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		check(m == arena);
		*(volatile char *)m = 1;
	}
	check(len <= 500 * GIB);
	return arena + 2 * GIB;
}

char *peer_map_at(struct peer *p, size_t len, size_t offset)
{
	size_t align = p->shift == 12 ? MIB2 : 1UL << p->shift;
	char *at = place(len) + (offset & (GIB - 1)) + p->misalign, *m;

	check(peer_has(p, len));
	/* Not for each mapping: it takes time, and what is cached with it. */
	if (!strcmp(p->kind, "hugemap"))
		set_max_order(p->shift == 30 ? "18" : p->shift == 21 ? "9" : "0");
	m = mmap(at, len, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED_NOREPLACE, p->fd, p->offset + offset);
	if (m != at)
		die("%s: mmap() of %zu at %p, offset %zx, align %zx: %s",
		    p->name, len, at, offset, align, strerror(errno));
	return m;
}

char *peer_map(struct peer *p, size_t len)
{
	return peer_map_at(p, len, 0);
}

void peer_unmap(char *m, size_t len)
{
	check(!munmap(m, len));
}

void peer_touch(const struct peer *p, const char *m, size_t len)
{
	size_t i, step = 1UL << p->shift;

	for (i = 0; i < len; i += step)
		(void)*(const volatile uint64_t *)(m + i);
}
