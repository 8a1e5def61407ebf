// SPDX-License-Identifier: MIT
/*
 * Objects as dma-bufs: between clients, processes, devices and drivers.
 */
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <sys/socket.h>

#include "hm_map.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap PRIME
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: memory
 * Description: Sharing objects as dma-bufs.
 *
 * SUBTEST: same-client
 * Description: Importing one's own object gives its handle.
 *
 * SUBTEST: other-client
 * Description: Another client imports the same object.
 *
 * SUBTEST: other-process
 * Description: Objects go from process to process through a socket.
 *
 * SUBTEST: export-flags
 * Description: The flags of an export decide what its file can do.
 *
 * SUBTEST: gib-faults
 * Description: A dma-buf of N GiB is mapped by N faults.
 *
 * SUBTEST: levels
 * Description: Mappings of a dma-buf are like those of the object.
 *
 * SUBTEST: file-operations
 * Description: A dma-buf tells its size and can be synchronised.
 *
 * SUBTEST: lifetime
 * Description: A dma-buf, or its mapping, keeps the memory.
 *
 * SUBTEST: other-device
 * Description: Other devices of the driver import every object.
 *
 * SUBTEST: to-vgem
 * Description: vgem imports objects of system memory, no others.
 *
 * SUBTEST: from-vgem
 * Description: Buffers of vgem can be imported.
 *
 * SUBTEST: from-udmabuf
 * Description: Buffers of udmabuf can be imported.
 *
 * SUBTEST: from-dma-heap
 * Description: Buffers of a dma-heap can be imported.
 */

IGT_TEST_DESCRIPTION("Sharing objects as dma-bufs.");

#define SEED	0x7072696d65ull
#define RW	(PROT_READ | PROT_WRITE)

/* Importers that know nothing of peer-to-peer get only what has real pages. */
static bool for_everyone(const struct hm_node *region)
{
	return region->q.type == DRM_HUGEMAP_REGION_SYSTEM;
}

static void fill_object(int fd, uint32_t handle, uint64_t size, uint64_t seed)
{
	char *p = hm_bo_mmap(fd, handle, 0, size, RW);

	hm_fill_step(p, 0, size, HM_PAGE, seed);
	hm_munmap(p, size);
}

static void check_object(int fd, uint32_t handle, uint64_t size, uint64_t seed)
{
	char *p = hm_bo_mmap(fd, handle, 0, size, PROT_READ);

	hm_check_step(p, 0, size, HM_PAGE, seed);
	hm_munmap(p, size);
}

static void check_dmabuf(int dmabuf, uint64_t size, uint64_t seed)
{
	char *p = hm_dmabuf_mmap(dmabuf, 0, size, PROT_READ);

	hm_check_step(p, 0, size, HM_PAGE, seed);
	hm_munmap(p, size);
}

/*
 * Brackets of CPU accesses, while an importer has the memory mapped as well: a
 * debug kernel (CONFIG_DMA_API_DEBUG) checks what is synchronised.
 */
static void check_sync(int dmabuf, uint64_t size, uint64_t seed)
{
	const uint64_t rw[] = {
		DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_RW,
	};
	char *p = hm_dmabuf_mmap(dmabuf, 0, size, RW);

	for (unsigned int i = 0; i < ARRAY_SIZE(rw); i++) {
		igt_assert_eq(__hm_dmabuf_sync(dmabuf, rw[i] |
					       DMA_BUF_SYNC_START), 0);
		hm_check_step(p, 0, size, HM_PAGE, seed);
		if (rw[i] & DMA_BUF_SYNC_WRITE)
			hm_fill_step(p, 0, size, HM_PAGE, seed);
		igt_assert_eq(__hm_dmabuf_sync(dmabuf, rw[i] |
					       DMA_BUF_SYNC_END), 0);
	}
	hm_check_step(p, 0, size, HM_PAGE, seed);
	hm_munmap(p, size);
}

/* ---- within a device ---- */

static void same_client(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint32_t a = hm_create(c.fd, region, c.pmd), b;
	int one, two;

	fill_object(c.fd, a, c.pmd, SEED);
	one = hm_export(c.fd, a);
	two = hm_export(c.fd, a);
	igt_assert_neq(one, two);
	igt_assert(hm_dmabuf_same(one, two));
	igt_assert_eq(hm_import(c.fd, one), a);
	igt_assert_eq(hm_import(c.fd, two), a);
	igt_assert_eq_u64(hm_free(region), c.free - c.pmd);
	/* After the handle was closed, the dma-buf brings the object back. */
	hm_close(c.fd, a);
	igt_assert_eq_u64(hm_free(region), c.free - c.pmd);
	b = hm_import(c.fd, one);
	check_object(c.fd, b, c.pmd, SEED);
	igt_assert_eq_u64(hm_free(region), c.free - c.pmd);
	hm_close(c.fd, b);
	close(one);
	hm_assert_free(region, c.free - c.pmd);
	close(two);
	hm_assert_free(region, c.free);
	hm_client_close(&c);
}

static void other_client(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	int other = hm_render_open(region), dmabuf;
	struct drm_hugemap_gem_info x, y;
	uint64_t size = c.pmd + HM_PAGE;
	uint32_t a = hm_create(c.fd, region, size), b;
	char *p, *q;

	/* So that the numbers differ. */
	hm_create(other, region, HM_PAGE);
	dmabuf = hm_export(c.fd, a);
	b = hm_import(other, dmabuf);
	close(dmabuf);
	hm_info(c.fd, a, &x);
	hm_info(other, b, &y);
	igt_assert_eq(y.handle, b);
	y.handle = x.handle;
	igt_assert(!memcmp(&x, &y, sizeof(x)));
	igt_assert_eq_u64(hm_free(region), c.free - size - HM_PAGE);

	p = hm_bo_mmap(c.fd, a, 0, size, RW);
	q = hm_bo_mmap(other, b, 0, size, RW);
	hm_fill_step(p, 0, size, HM_PAGE, SEED);
	hm_check_step(q, 0, size, HM_PAGE, SEED);
	hm_fill_step(q, 0, size, HM_PAGE, SEED + 1);
	hm_check_step(p, 0, size, HM_PAGE, SEED + 1);
	hm_munmap(p, size);
	hm_munmap(q, size);
	/* The maker goes, the object stays. */
	close(c.fd);
	check_object(other, b, size, SEED + 1);
	igt_assert_eq_u64(hm_free(region), c.free - size - HM_PAGE);
	/* Back to a new client, which is a third one. */
	dmabuf = hm_export(other, b);
	c.fd = hm_render_open(region);
	a = hm_import(c.fd, dmabuf);
	close(dmabuf);
	close(other);
	check_object(c.fd, a, size, SEED + 1);
	hm_client_close(&c);
}

static void other_process(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = 2 * c.pmd, seed = SEED;
	uint32_t a = hm_create(c.fd, region, size);
	int sock[2], dmabuf;

	igt_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, sock), 0);
	fill_object(c.fd, a, size, seed);
	igt_fork(child, 1) {
		int fd = hm_render_open(region);
		uint32_t b;

		close(c.fd);
		dmabuf = hm_recv_fd(sock[1], &seed, sizeof(seed));
		b = hm_import(fd, dmabuf);
		check_object(fd, b, size, seed);
		check_dmabuf(dmabuf, size, seed);
		fill_object(fd, b, size, seed + 1);
		close(dmabuf);
		/* One of its own goes back. */
		b = hm_create(fd, region, size);
		fill_object(fd, b, size, seed + 2);
		seed += 2;
		dmabuf = hm_export(fd, b);
		hm_send_fd(sock[1], dmabuf, &seed, sizeof(seed));
	}
	dmabuf = hm_export(c.fd, a);
	hm_send_fd(sock[0], dmabuf, &seed, sizeof(seed));
	close(dmabuf);
	igt_waitchildren();
	check_object(c.fd, a, size, SEED + 1);
	/* Alive although its maker is dead. */
	dmabuf = hm_recv_fd(sock[0], &seed, sizeof(seed));
	igt_assert_eq_u64(seed, SEED + 2);
	check_object(c.fd, hm_import(c.fd, dmabuf), size, seed);
	close(dmabuf);
	close(sock[0]);
	close(sock[1]);
	hm_client_close(&c);
}

static void export_flags(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint32_t a = hm_create(c.fd, region, c.pmd), b;
	int dmabuf, file;
	char *p;

	fill_object(c.fd, a, c.pmd, SEED);
	for (uint32_t bit = 0; bit < 32; bit++) {
		uint32_t flags = 1u << bit;

		dmabuf = __hm_export(c.fd, a, flags);
		/* Braces: IGT 2.4's igt_assert_fd() is two statements. */
		if (flags & (DRM_CLOEXEC | DRM_RDWR)) {
			igt_assert_fd(dmabuf);
		} else {
			igt_assert_eq(dmabuf, -EINVAL);
		}
		if (dmabuf >= 0)
			close(dmabuf);
	}
	igt_assert_eq(__hm_export(c.fd, a + 1, DRM_RDWR), -ENOENT);
	igt_assert_eq(__hm_export(c.fd, 0, DRM_RDWR), -ENOENT);

	/* Not for writing; the flags of the first export stay. */
	hm_close(c.fd, a);
	a = hm_create(c.fd, region, c.pmd);
	fill_object(c.fd, a, c.pmd, SEED);
	dmabuf = __hm_export(c.fd, a, 0);
	igt_assert_fd(dmabuf);
	igt_assert_eq(fcntl(dmabuf, F_GETFD) & FD_CLOEXEC, 0);
	igt_assert(mmap(NULL, c.pmd, RW, MAP_SHARED, dmabuf, 0) == MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	igt_assert(mmap(NULL, c.pmd, RW, MAP_PRIVATE, dmabuf, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
	check_dmabuf(dmabuf, c.pmd, SEED);
	p = hm_dmabuf_mmap(dmabuf, 0, c.pmd, PROT_READ);
	igt_assert_eq(hm_touch_write(p).sig, SIGSEGV);
	igt_assert_eq(mprotect(p, HM_PAGE, RW), -1);
	igt_assert_eq(errno, EACCES);
	hm_munmap(p, c.pmd);
	close(dmabuf);
	dmabuf = hm_export(c.fd, a);
	igt_assert_neq(fcntl(dmabuf, F_GETFD) & FD_CLOEXEC, 0);
	close(dmabuf);

	/* What is no dma-buf. */
	igt_assert_eq(__hm_import(c.fd, -1, &b), -EBADF);
	igt_assert_eq(__hm_import(c.fd, c.fd, &b), -EINVAL);
	file = open("/dev/zero", O_RDWR | O_CLOEXEC);
	igt_assert_eq(__hm_import(c.fd, file, &b), -EINVAL);
	close(file);
	hm_client_close(&c);
}

/* ---- the dma-buf itself ---- */

static void gib_faults(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = c.free / c.pud * c.pud;
	struct hm_stats before, s;
	uint32_t handle;
	long minflt;
	int dmabuf;
	char *p;

	igt_hugemap_require_size(region, c.pud);
	hm_require_set_level(region, HM_PUD, true);
	handle = hm_create(c.fd, region, size);
	dmabuf = hm_export(c.fd, handle);
	hm_stats_read_node(region, &before);
	p = hm_dmabuf_mmap(dmabuf, 0, size, RW);
	hm_minflt();
	minflt = hm_minflt();
	hm_fill_step(p, 0, size, HM_PAGE, SEED);
	minflt = hm_minflt() - minflt;
	igt_info("%" PRIu64 " GiB: %ld page faults\n", size >> 30, minflt);
	igt_assert_eq_u64(minflt, size / c.pud);
	hm_stats_read_node(region, &s);
	hm_stats_diff(&before, &s, &s);
	hm_assert_stat(&s, "fault-pud", size / c.pud);
	hm_assert_stat(&s, "fault-pmd", 0);
	hm_assert_stat(&s, "fault-pte", 0);
	hm_assert_level(region, p, size, HM_PUD);
	check_object(c.fd, handle, size, SEED);
	hm_munmap(p, size);
	close(dmabuf);
	hm_client_close(&c);
}

static void levels(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = 5 * c.pmd + 3 * HM_PAGE, half = c.pmd / 2;
	uint32_t handle = hm_create(c.fd, region, size);
	int dmabuf = hm_export(c.fd, handle);
	struct hm_levels l;
	char *p;

	fill_object(c.fd, handle, size, SEED);
	p = hm_dmabuf_mmap(dmabuf, 0, size, RW);
	hm_check_step(p, 0, size, HM_PAGE, SEED);
	hm_assert_levels(region, p, size, 0, 5, 3);
	/* Cut, as any mapping. */
	hm_munmap(p + c.pmd + HM_PAGE, HM_PAGE);
	hm_check_step(p, 0, c.pmd + HM_PAGE, HM_PAGE, SEED);
	hm_check_step(p + c.pmd + 2 * HM_PAGE, c.pmd + 2 * HM_PAGE,
		      size - c.pmd - 2 * HM_PAGE, HM_PAGE, SEED);
	hm_munmap(p, size);
	/* A part; beyond the end. */
	p = hm_dmabuf_mmap(dmabuf, half, 3 * c.pmd, PROT_READ);
	hm_check_step(p, half, 3 * c.pmd, HM_PAGE, SEED);
	igt_assert(hm_map_levels(region, p, 3 * c.pmd, &l));
	igt_assert_eq_u64(l.pmd, 2);
	hm_munmap(p, 3 * c.pmd);
	igt_assert(mmap(NULL, size + HM_PAGE, RW, MAP_SHARED, dmabuf, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
	igt_assert(mmap(NULL, HM_PAGE, RW, MAP_SHARED, dmabuf, size) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
	igt_assert(mmap(NULL, c.pmd, RW, MAP_PRIVATE, dmabuf, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
	close(dmabuf);
	hm_client_close(&c);
}

static void file_operations(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = c.pmd + 5 * HM_PAGE;
	uint32_t handle = hm_create(c.fd, region, size);
	int dmabuf = hm_export(c.fd, handle);
	const uint64_t rw[] = {
		DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_RW,
	};
	char *p;

	igt_assert_eq_u64(lseek(dmabuf, 0, SEEK_END), size);
	igt_assert_eq_u64(lseek(dmabuf, 0, SEEK_SET), 0);
	igt_assert_eq_s64(lseek(dmabuf, 1, SEEK_SET), -1);
	igt_assert_eq(errno, EINVAL);

	p = hm_dmabuf_mmap(dmabuf, 0, size, RW);
	for (unsigned int i = 0; i < ARRAY_SIZE(rw); i++) {
		igt_assert_eq(__hm_dmabuf_sync(dmabuf, rw[i] |
					       DMA_BUF_SYNC_START), 0);
		if (rw[i] & DMA_BUF_SYNC_WRITE)
			hm_fill_step(p, 0, size, HM_PAGE, SEED + i);
		else
			hm_check_zero(p, 0, size, HM_PAGE);
		igt_assert_eq(__hm_dmabuf_sync(dmabuf, rw[i] |
					       DMA_BUF_SYNC_END), 0);
	}
	check_object(c.fd, handle, size, SEED + 2);
	igt_assert_eq(__hm_dmabuf_sync(dmabuf, 0), -EINVAL);
	igt_assert_eq(__hm_dmabuf_sync(dmabuf, DMA_BUF_SYNC_RW | 8), -EINVAL);
	hm_munmap(p, size);
	close(dmabuf);
	hm_client_close(&c);
}

static void lifetime(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = 3 * c.pmd;
	uint32_t handle = hm_create(c.fd, region, size);
	int dmabuf = hm_export(c.fd, handle);
	char *p;

	fill_object(c.fd, handle, size, SEED);
	hm_close(c.fd, handle);
	close(c.fd);
	hm_assert_free(region, c.free - size);
	check_dmabuf(dmabuf, size, SEED);
	/* A mapping of the dma-buf is enough. */
	p = hm_dmabuf_mmap(dmabuf, 0, size, RW);
	close(dmabuf);
	hm_assert_free(region, c.free - size);
	hm_check_step(p, 0, size, HM_PAGE, SEED);
	hm_munmap(p, size);
	hm_assert_free(region, c.free);
	c.fd = hm_render_open(region);
	hm_client_close(&c);
}

/* ---- between devices and drivers ---- */

/* What an import says of itself, and how it is used. */
static void check_foreign(int fd, uint32_t handle, int dmabuf, uint64_t size)
{
	struct drm_hugemap_gem_info info;
	uint64_t off;
	int again;

	hm_info(fd, handle, &info);
	igt_assert_eq_u64(info.size, size);
	igt_assert_eq_u64(info.region, DRM_HUGEMAP_REGION_NONE);
	igt_assert_eq(info.nr_extents, 0);
	igt_assert_eq_u64(info.nr_pud + info.nr_pmd + info.nr_pte, 0);
	igt_assert_eq(__hm_mmap_offset(fd, handle, &off), -EOPNOTSUPP);
	/* Imported again it is the same, and so is its export. */
	igt_assert_eq(hm_import(fd, dmabuf), handle);
	again = hm_export(fd, handle);
	igt_assert(hm_dmabuf_same(again, dmabuf));
	close(again);
}

static void other_device(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = 2 * c.pmd;
	uint32_t handle = hm_create(c.fd, region, size), b;
	struct hm_drm *mine = hm_region_drm(region), *last = NULL;
	int dmabuf = hm_export(c.fd, handle), fd, err;

	fill_object(c.fd, handle, size, SEED);
	hm_for_each_drm(drm) {
		if (drm == mine)
			continue;
		fd = hm_drm_open(drm->render);
		err = __hm_import(fd, dmabuf, &b);
		/* Whether a BAR can be reached is the machine's affair. */
		if (err == -EOPNOTSUPP &&
		    region->q.type == DRM_HUGEMAP_REGION_PCI) {
			close(fd);
			continue;
		}
		igt_assert_eq(err, 0);
		check_foreign(fd, b, dmabuf, size);
		check_sync(dmabuf, size, SEED);
		/* It holds the memory, alone if need be. */
		igt_assert_eq_u64(hm_free(region), c.free - size);
		hm_close(fd, b);
		close(fd);
		last = drm;
	}
	if (!last) {
		close(dmabuf);
		close(c.fd);
	}
	igt_require_f(last, "no other device that reaches this one\n");
	/* The last holder is the other device. */
	fd = hm_drm_open(last->render);
	b = hm_import(fd, dmabuf);
	close(dmabuf);
	close(c.fd);
	hm_assert_free(region, c.free - size);
	dmabuf = hm_export(fd, b);
	close(fd);
	c.fd = hm_render_open(region);
	check_object(c.fd, hm_import(c.fd, dmabuf), size, SEED);
	close(dmabuf);
	hm_client_close(&c);
}

static void to_vgem(struct hm_node *region)
{
	int vgem = igt_hugemap_require_vgem(), dmabuf, again, err;
	struct hm_client c = hm_client_open(region);
	uint64_t size = 2 * c.pmd + HM_PAGE, off;
	uint32_t handle = hm_create(c.fd, region, size), b;
	char *p;

	dmabuf = hm_export(c.fd, handle);
	fill_object(c.fd, handle, size, SEED);
	err = __hm_import(vgem, dmabuf, &b);
	if (!for_everyone(region)) {
		igt_assert_eq(err, -EOPNOTSUPP);
		check_dmabuf(dmabuf, size, SEED);
		close(dmabuf);
		close(vgem);
		hm_client_close(&c);
		return;
	}
	igt_assert_eq(err, 0);
	check_sync(dmabuf, size, SEED);
	again = hm_export(vgem, b);
	igt_assert(hm_dmabuf_same(again, dmabuf));
	close(dmabuf);
	close(c.fd);
	/* All that is left is vgem's. */
	close(again);
	hm_assert_free(region, c.free - size);
	/* DRM maps no imports by their handles, older kernels do. */
	if (!__hm_dumb_offset(vgem, b, &off)) {
		p = hm_mmap_fd(vgem, off, size, RW);
		hm_check_step(p, 0, size, HM_PAGE, SEED);
		hm_munmap(p, size);
	}
	again = hm_export(vgem, b);
	check_dmabuf(again, size, SEED);
	p = hm_dmabuf_mmap(again, 0, size, RW);
	hm_assert_levels(region, p, size, 0, 0, 0);
	hm_fill_step(p, 0, size, HM_PAGE, SEED + 1);
	hm_assert_levels(region, p, size, 0, 2, 1);
	hm_munmap(p, size);
	/* Home again it is an object like any other. */
	c.fd = hm_render_open(region);
	handle = hm_import(c.fd, again);
	close(again);
	close(vgem);
	check_object(c.fd, handle, size, SEED + 1);
	hm_client_close(&c);
}

/* Imports what someone else made, in every device. */
static void import_foreign(int dmabuf, uint64_t size)
{
	char *p = mmap(NULL, size, RW, MAP_SHARED, dmabuf, 0);

	igt_assert(p != MAP_FAILED);
	hm_fill_step(p, 0, size, HM_PAGE, SEED);
	hm_for_each_drm(drm) {
		int fd = hm_drm_open(drm->render), other;
		uint32_t b = hm_import(fd, dmabuf);

		check_foreign(fd, b, dmabuf, size);
		other = hm_export(fd, b);
		hm_munmap(p, size);
		p = mmap(NULL, size, RW, MAP_SHARED, other, 0);
		igt_assert(p != MAP_FAILED);
		hm_check_step(p, 0, size, HM_PAGE, SEED);
		close(other);
		close(fd);
	}
	hm_munmap(p, size);
	close(dmabuf);
}

static void from_vgem(void)
{
	int vgem = igt_hugemap_require_vgem();
	uint32_t handle, pitch;
	uint64_t size;
	int dmabuf;

	igt_assert_eq(__hm_dumb_create(vgem, 1024, 1024, 32, &handle, &pitch,
				       &size), 0);
	dmabuf = hm_export(vgem, handle);
	close(vgem);
	import_foreign(dmabuf, size);
}

static void from_udmabuf(void)
{
	const uint64_t size = HM_MIB(4);
	struct udmabuf_create create = { .size = size };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), mem, dmabuf;

	igt_require_f(dev >= 0, "no udmabuf on this kernel: %m\n");
	mem = memfd_create("hugemap", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	igt_assert_fd(mem);
	igt_assert_eq(ftruncate(mem, size), 0);
	igt_assert_eq(fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	create.memfd = mem;
	create.flags = UDMABUF_FLAGS_CLOEXEC;
	dmabuf = ioctl(dev, UDMABUF_CREATE, &create);
	igt_assert_fd(dmabuf);
	close(mem);
	close(dev);
	import_foreign(dmabuf, size);
}

static void from_dma_heap(void)
{
	struct dma_heap_allocation_data data = {
		.len = HM_MIB(4) + HM_PAGE,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int dev = open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC);

	igt_require_f(dev >= 0, "no dma-heap on this kernel: %m\n");
	igt_assert_eq(ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &data), 0);
	close(dev);
	import_foreign(data.fd, data.len);
}

static const struct {
	const char *name, *description;
	void (*fn)(struct hm_node *region);
} subtests[] = {
	{ "same-client", "Importing one's own object gives its handle.",
	  same_client },
	{ "other-client", "Another client imports the same object.",
	  other_client },
	{ "other-process", "Objects go from process to process through a socket.",
	  other_process },
	{ "export-flags", "The flags of an export decide what its file can do.",
	  export_flags },
	{ "gib-faults", "A dma-buf of N GiB is mapped by N faults.",
	  gib_faults },
	{ "levels", "Mappings of a dma-buf are like those of the object.",
	  levels },
	{ "file-operations", "A dma-buf tells its size and can be synchronised.",
	  file_operations },
	{ "lifetime", "A dma-buf, or its mapping, keeps the memory.",
	  lifetime },
	{ "other-device", "Other devices of the driver import every object.",
	  other_device },
	{ "to-vgem", "vgem imports objects of system memory, no others.",
	  to_vgem },
};

int igt_main()
{
	volatile unsigned int i;

	igt_fixture()
		igt_hugemap_require_drm();

	for (i = 0; i < ARRAY_SIZE(subtests); i++) {
		igt_describe(subtests[i].description);
		igt_subtest_with_dynamic(subtests[i].name)
			hm_dynamic_for_each_region(region)
				subtests[i].fn(region);
	}

	igt_describe("Buffers of vgem can be imported.");
	igt_subtest("from-vgem")
		from_vgem();

	igt_describe("Buffers of udmabuf can be imported.");
	igt_subtest("from-udmabuf")
		from_udmabuf();

	igt_describe("Buffers of a dma-heap can be imported.");
	igt_subtest("from-dma-heap")
		from_dma_heap();
}
