// SPDX-License-Identifier: MIT
/*
 * Dirty tracking, the interface: what each ioctl refuses, what several
 * consumers see of the same memory, who counts as a writer, and what is left of
 * a tracker when something goes away.
 */
#include <stddef.h>
#include <sys/eventfd.h>

#include "hm_map.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap dirty tracking ioctls
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dirty tracking
 * Description: The ioctls of dirty tracking.
 *
 * SUBTEST: start-errors
 * Description: DIRTY_START refuses what makes no sense.
 *
 * SUBTEST: handles
 * Description: Handles that are none, and handles of a window.
 *
 * SUBTEST: eventfds
 * Description: Descriptors that are no eventfd.
 *
 * SUBTEST: imported
 * Description: What another driver made cannot be tracked.
 *
 * SUBTEST: limit-of-object
 * Description: At most 64 trackers of one object.
 *
 * SUBTEST: limit-of-file
 * Description: At most 1024 trackers of one file.
 *
 * SUBTEST: sync-errors
 * Description: DIRTY_SYNC and DIRTY_CLEAR refuse bad arguments.
 *
 * SUBTEST: unknown-trackers
 * Description: Trackers that are not of this file give ENOENT.
 *
 * SUBTEST: rects-errors
 * Description: DIRTY_RECTS refuses framebuffers that are none.
 *
 * SUBTEST: promote-errors
 * Description: PROMOTE refuses what is no mapping.
 *
 * SUBTEST: promote-foreign
 * Description: PROMOTE refuses mappings of other nodes.
 *
 * SUBTEST: bad-bitmaps
 * Description: A bitmap that cannot be written loses nothing.
 *
 * SUBTEST: sizes
 * Description: Older and newer programs have other structures.
 *
 * SUBTEST: consumers
 * Description: Several trackers of the same memory, against a model.
 *
 * SUBTEST: retry
 * Description: What was reported last is reported again.
 *
 * SUBTEST: merge
 * Description: Words without a dirty granule are not touched.
 *
 * SUBTEST: all
 * Description: Everything is dirty at first if so asked.
 *
 * SUBTEST: epochs
 * Description: Clearing SYNCs are counted.
 *
 * SUBTEST: stopped
 * Description: A tracker that was stopped is gone, others are not.
 *
 * SUBTEST: file-closed
 * Description: Trackers end with the last close of their file.
 *
 * SUBTEST: object-closed
 * Description: A tracker keeps its object.
 *
 * SUBTEST: killed
 * Description: A process is killed while it tracks.
 *
 * SUBTEST: writers
 * Description: All ways to write are seen, reads are not.
 *
 * SUBTEST: apart
 * Description: The window above an object has trackers of its own.
 *
 * SUBTEST: readers
 * Description: Reads count for trackers of writable entries.
 *
 * SUBTEST: readers-later
 * Description: Such a tracker begins without read-only entries.
 *
 * SUBTEST: device-writes
 * Description: What a device has mapped counts as written.
 *
 * SUBTEST: protect-pte
 * Description: mprotect() of base pages loses no write.
 *
 * SUBTEST: protect-pmd
 * Description: mprotect() of PMD entries loses no write.
 *
 * SUBTEST: protect-pud
 * Description: mprotect() of PUD entries loses no write.
 *
 * SUBTEST: notify
 * Description: An eventfd tells when enough is dirty.
 *
 * SUBTEST: notify-none-cleared
 * Description: After a SYNC that found nothing it does not.
 *
 * SUBTEST: notify-clear
 * Description: After a CLEAR it does again.
 *
 * SUBTEST: rects
 * Description: Rectangles hold all that was drawn.
 *
 * SUBTEST: unbind
 * Description: Trackers of a device that goes away.
 *
 * SUBTEST: rects-dumb
 * Description: Rectangles of a dumb buffer on the primary node.
 */

IGT_TEST_DESCRIPTION("The ioctls of dirty tracking.");

#define RW		(PROT_READ | PROT_WRITE)
#define MAX_OF_OBJECT	64
#define MAX_OF_FILE	1024
#define UNTOUCHED	0x5a5a5a5a5a5a5a5aull

/* ---- what is tracked ---- */

/**
 * struct target - a part of a region's window, or an object
 * @node: of hm_node_next() for windows, else of hm_region_next()
 * @fd: of the trackers
 * @handle: of the object; 0 for a window
 * @size: bytes, from the first one on
 * @pages: the same in base pages
 * @free: bytes that were free before; objects only
 * @p: mapping of all
 */
struct target {
	struct hm_node *node;
	int fd;
	uint32_t handle;
	uint64_t size;
	uint64_t pages;
	uint64_t free;
	char *p;
};

static int target_file(const struct target *t)
{
	return t->handle ? hm_render_open(t->node) : hm_open(t->node, O_RDWR);
}

static char *target_map(const struct target *t, int prot)
{
	if (t->handle)
		return hm_bo_mmap(t->fd, t->handle, 0, t->size, prot);
	return hm_mmap_fd(t->fd, 0, t->size, prot);
}

/* What a test that failed has left: its trackers would disturb the next one. */
static struct target left = { .fd = -1 };

static void target_done(void)
{
	if (left.fd < 0)
		return;
	munmap(left.p, left.size);
	close(left.fd);
	left.fd = -1;
}

static struct target target_sized(struct hm_node *node, bool object,
				  uint64_t size)
{
	struct target t = { .node = node, .size = size };

	target_done();
	if (object) {
		t.fd = hm_render_open(node);
		t.free = hm_free(node);
		if (t.size > t.free)
			t.size = t.free;
		t.handle = hm_create(t.fd, node, t.size);
	} else {
		t.fd = hm_open(node, O_RDWR);
		if (t.size > node->size)
			t.size = node->size;
	}
	t.pages = t.size / HM_PAGE;
	t.p = target_map(&t, RW);
	left = t;
	return t;
}

/* Large enough for bitmaps of many words, and no whole number of PMDs. */
static struct target target_open(struct hm_node *node, bool object)
{
	return target_sized(node, object, HM_MIB(12) + 5 * HM_PAGE);
}

static void target_close(struct target *t)
{
	hm_munmap(t->p, t->size);
	close(t->fd);
	left.fd = -1;
	if (t->handle)
		hm_assert_free(t->node, t->free);
	hm_restore();
}

static uint32_t start(const struct target *t, uint64_t granule, uint32_t flags)
{
	return hm_dirty_start(t->fd, t->handle, 0, t->size, granule, flags);
}

static void touch(const struct target *t, uint64_t page)
{
	*(volatile uint64_t *)(t->p + page * HM_PAGE) = page + 1;
}

static bool get_bit(const uint64_t *map, uint64_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static void put_bit(uint64_t *map, uint64_t i)
{
	map[i / 64] |= 1ull << (i % 64);
}

/*
 * A SYNC must report just these granules, ascending.  All of the bitmap is
 * looked at, and that nothing behind it is written.
 */
static void sync_part(const struct target *t, uint32_t tracker,
		      uint64_t granule, uint64_t at, uint64_t len,
		      uint32_t flags, const uint64_t *want, unsigned int nr)
{
	uint64_t bits = (len + granule - 1) / granule;
	uint64_t words = (bits + 63) / 64;
	uint64_t *got = malloc((words + 1) * sizeof(*got));
	struct drm_hugemap_dirty_sync out;
	unsigned int n = 0;

	igt_assert(got);
	memset(got, flags & DRM_HUGEMAP_SYNC_MERGE ? 0 : 0x5a,
	       (words + 1) * sizeof(*got));
	got[words] = UNTOUCHED;
	igt_assert_eq(__hm_dirty_sync(t->fd, tracker, at, len, flags, got,
				      &out), 0);
	for (uint64_t i = 0; i < words * 64; i++) {
		bool wanted = n < nr && want[n] == i;

		igt_assert_f(get_bit(got, i) == wanted,
			     "granule %" PRIu64 " is %s\n", i,
			     wanted ? "missing" : "dirty");
		n += wanted;
	}
	igt_assert_eq(n, nr);
	igt_assert_eq_u64(out.nr_dirty, nr);
	igt_assert_eq_u64(got[words], UNTOUCHED);
	free(got);
}

#define assert_sync(t, tracker, flags, ...) do { \
	const uint64_t __want[] = { __VA_ARGS__ }; \
	sync_part(t, tracker, HM_PAGE, 0, (t)->size, flags, __want, \
		  ARRAY_SIZE(__want)); \
} while (0)

#define assert_clean(t, tracker) \
	sync_part(t, tracker, HM_PAGE, 0, (t)->size, 0, NULL, 0)

/* ---- what is refused ---- */

/* An error leaves the structure alone. */
#define expect(t, nr, args, err) do { \
	typeof(args) __args = (args); \
	int __ret = ioctl((t)->fd, nr, &__args) ? -errno : 0; \
	igt_assert_eq(__ret, -(err)); \
	if (__ret) \
		igt_assert_f(!memcmp(&__args, &(args), sizeof(args)), \
			     "an output of a call that failed\n"); \
} while (0)

#define expect_start(t, args, err) \
	expect(t, DRM_IOCTL_HUGEMAP_DIRTY_START, args, err)
#define expect_sync(t, args, err) \
	expect(t, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, args, err)
#define expect_clear(t, args, err) \
	expect(t, DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, args, err)
#define expect_stop(t, args, err) \
	expect(t, DRM_IOCTL_HUGEMAP_DIRTY_STOP, args, err)
#define expect_rects(t, args, err) \
	expect(t, DRM_IOCTL_HUGEMAP_DIRTY_RECTS, args, err)
#define expect_promote(t, args, err) \
	expect(t, DRM_IOCTL_HUGEMAP_PROMOTE, args, err)

static uint64_t object_size(const struct target *t)
{
	return t->handle ? t->size : t->node->size;
}

static struct drm_hugemap_dirty_start start_args(const struct target *t)
{
	return (struct drm_hugemap_dirty_start) {
		.handle = t->handle,
		.granule = HM_PAGE,
		.tracker = 0x5a5a5a5a,
	};
}

static void start_errors(struct hm_node *node, bool object)
{
	static const uint64_t bad_granules[] = {
		0, 1, 512, 4095, 4097, 8192, 32768, 131072, HM_MIB(1),
		HM_MIB(4), HM_MIB(512), HM_GIB(2), UINT64_MAX,
		1ull << 63, HM_GIB(1) + 1, HM_GIB(1) + HM_PAGE,
	};
	static const uint64_t granules[] = {
		HM_PAGE, HM_KIB(64), HM_MIB(2), HM_GIB(1),
	};
	struct target t = target_open(node, object);
	struct drm_hugemap_dirty_start a;
	uint64_t end = object_size(&t);

	for (unsigned int bit = 3; bit < 32; bit++) {
		a = start_args(&t);
		a.flags = 1u << bit;
		expect_start(&t, a, EINVAL);
	}
	for (unsigned int bit = 0; bit < 64; bit++) {
		a = start_args(&t);
		a.pad = 1ull << bit;
		expect_start(&t, a, EINVAL);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_granules); i++) {
		a = start_args(&t);
		a.granule = bad_granules[i];
		expect_start(&t, a, EINVAL);
	}
	a = start_args(&t);
	a.max_over = 1;
	expect_start(&t, a, EINVAL);
	a.flags = DRM_HUGEMAP_DIRTY_ALL | DRM_HUGEMAP_DIRTY_WRITABLE;
	expect_start(&t, a, EINVAL);
	for (unsigned int i = 0; i < ARRAY_SIZE(granules); i++) {
		a = start_args(&t);
		a.granule = granules[i];
		a.start = 1;
		expect_start(&t, a, EINVAL);
		a.start = granules[i] / 2;
		expect_start(&t, a, EINVAL);
		a.start = 0;
		a.len = granules[i] / 2;
		if (a.len != end)
			expect_start(&t, a, a.len > end ? ERANGE : EINVAL);
		a.len = 1;
		expect_start(&t, a, EINVAL);
	}
	a = start_args(&t);
	a.len = end + HM_PAGE;
	expect_start(&t, a, ERANGE);
	a.len = -HM_PAGE;
	expect_start(&t, a, ERANGE);
	a.start = end;
	a.len = 0;
	expect_start(&t, a, ERANGE);
	a.len = HM_PAGE;
	expect_start(&t, a, ERANGE);
	a.start = -HM_PAGE;
	expect_start(&t, a, ERANGE);
	a.len = 0;
	expect_start(&t, a, ERANGE);
	a.start = end - HM_PAGE;
	a.len = 2 * HM_PAGE;
	expect_start(&t, a, ERANGE);
	a.len = -HM_PAGE;
	expect_start(&t, a, ERANGE);
	/* The sum is 0, or small again. */
	a.start = HM_PAGE;
	a.len = -HM_PAGE;
	expect_start(&t, a, ERANGE);
	a.start = 2 * HM_PAGE;
	expect_start(&t, a, ERANGE);
	/* Nothing was started: the numbers begin at 1. */
	igt_assert_eq(start(&t, HM_PAGE, 0), 1);
	target_close(&t);
}

static void handles(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	struct drm_hugemap_dirty_start a = start_args(&t);

	if (!object) {
		a.handle = 1;
		expect_start(&t, a, EINVAL);
		a.handle = UINT32_MAX;
		expect_start(&t, a, EINVAL);
	} else {
		a.handle = 0;
		expect_start(&t, a, ENOENT);
		a.handle = t.handle + 1;
		expect_start(&t, a, ENOENT);
		a.handle = UINT32_MAX;
		expect_start(&t, a, ENOENT);
	}
	target_close(&t);
}

static void eventfds(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	struct drm_hugemap_dirty_start a = start_args(&t);
	int other = open("/dev/null", O_RDWR | O_CLOEXEC);

	a.notify = 1;
	a.eventfd = -1;
	expect_start(&t, a, EBADF);
	a.eventfd = 1000000;
	expect_start(&t, a, EBADF);
	a.eventfd = other;
	expect_start(&t, a, EINVAL);
	a.eventfd = t.fd;
	expect_start(&t, a, EINVAL);
	close(other);
	/* Ignored. */
	a.notify = 0;
	a.eventfd = -1;
	igt_assert_eq(__hm_dirty_start(t.fd, &a), 0);
	igt_assert_eq(a.tracker, 1);
	target_close(&t);
}

static void imported(struct hm_node *region, bool object)
{
	struct target t;
	uint32_t handle, pitch;
	struct drm_hugemap_dirty_start a;
	uint64_t size;
	int vgem, dmabuf;

	if (!object)
		igt_skip("a character node imports nothing\n");
	vgem = igt_hugemap_require_vgem();
	t = target_open(region, object);
	igt_assert_eq(__hm_dumb_create(vgem, 1024, 64, 32, &handle, &pitch,
				       &size), 0);
	dmabuf = hm_export(vgem, handle);
	a = start_args(&t);
	a.handle = hm_import(t.fd, dmabuf);
	expect_start(&t, a, EOPNOTSUPP);
	close(dmabuf);
	close(vgem);
	target_close(&t);
}

/* So many of an object, whoever has them. */
static void limit_of_object(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object), u = t;
	struct drm_hugemap_dirty_start a = start_args(&t);
	uint32_t id[MAX_OF_OBJECT];
	int dmabuf;

	u.fd = target_file(&t);
	if (object) {
		dmabuf = hm_export(t.fd, t.handle);
		u.handle = hm_import(u.fd, dmabuf);
		close(dmabuf);
	}
	for (unsigned int i = 0; i < MAX_OF_OBJECT; i++)
		id[i] = start(i % 2 ? &t : &u, HM_PAGE, 0);
	expect_start(&t, a, ENOSPC);
	a.handle = u.handle;
	expect_start(&u, a, ENOSPC);
	touch(&t, 17);
	for (unsigned int i = 0; i < MAX_OF_OBJECT; i++)
		igt_assert_eq_u64(hm_dirty_sync(i % 2 ? t.fd : u.fd, id[i], 0,
						t.size, 0, NULL), 1);
	/* One less makes room for one. */
	hm_dirty_stop(t.fd, id[1]);
	id[1] = start(&t, HM_PAGE, 0);
	a.handle = t.handle;
	expect_start(&t, a, ENOSPC);
	/* And so does a file that is closed. */
	close(u.fd);
	for (unsigned int i = 0; i < MAX_OF_OBJECT / 2; i++)
		start(&t, HM_PAGE, 0);
	expect_start(&t, a, ENOSPC);
	target_close(&t);
}

static void limit_of_file(struct hm_node *region, bool object)
{
	struct target t;
	uint32_t handle[MAX_OF_FILE / MAX_OF_OBJECT + 1], last = 0;
	struct drm_hugemap_dirty_start a;

	if (!object)
		igt_skip("a character node has one object\n");
	t = target_open(region, object);
	for (unsigned int i = 0; i < ARRAY_SIZE(handle); i++)
		handle[i] = hm_create(t.fd, region, HM_PAGE);
	for (unsigned int i = 0; i < MAX_OF_FILE; i++)
		last = hm_dirty_start(t.fd, handle[i / MAX_OF_OBJECT], 0, 0,
				      HM_PAGE, 0);
	a = start_args(&t);
	a.handle = handle[ARRAY_SIZE(handle) - 1];
	expect_start(&t, a, ENOSPC);
	hm_dirty_stop(t.fd, last);
	igt_assert_eq(__hm_dirty_start(t.fd, &a), 0);
	a.tracker = 0x5a5a5a5a;
	expect_start(&t, a, ENOSPC);
	target_close(&t);
}

static struct drm_hugemap_dirty_sync sync_args(uint32_t tracker)
{
	return (struct drm_hugemap_dirty_sync) {
		.tracker = tracker,
		.nr_dirty = UNTOUCHED,
		.nr_over = UNTOUCHED,
		.epoch = UNTOUCHED,
	};
}

static void sync_errors(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	/* From 64 KiB on, the last granule cut by the end of the object. */
	const uint64_t first = HM_KIB(64), g = HM_KIB(64);
	uint64_t end = object_size(&t);
	uint32_t id = hm_dirty_start(t.fd, t.handle, first, 0, g, 0);
	struct drm_hugemap_dirty_clear c;
	struct drm_hugemap_dirty_sync a;
	const struct {
		uint64_t start, len;
		int err;
	} bad[] = {
		{ first + HM_PAGE, 0, EINVAL }, { first + 1, g, EINVAL },
		{ first, 1, EINVAL }, { first, g + HM_PAGE, EINVAL },
		{ 0, 0, ERANGE }, { 0, g, ERANGE }, { 0, 2 * g, ERANGE },
		{ first, end, ERANGE }, { first, end - first + 1, ERANGE },
		{ first, -g, ERANGE }, { 2 * g, -2 * g, ERANGE },
		{ 2 * g, -g, ERANGE }, { -g, 0, ERANGE }, { -g, g, ERANGE },
		{ (end + g - 1) / g * g, 0, ERANGE },
		{ (end + g - 1) / g * g, g, ERANGE },
		{ end / g * g, 2 * g, ERANGE },
	};

	touch(&t, 20);
	for (unsigned int bit = 3; bit < 32; bit++) {
		a = sync_args(id);
		a.start = first;
		a.flags = 1u << bit;
		expect_sync(&t, a, EINVAL);
	}
	a = sync_args(id);
	a.start = first;
	a.flags = DRM_HUGEMAP_SYNC_PEEK | DRM_HUGEMAP_SYNC_RETRY;
	expect_sync(&t, a, EINVAL);
	a.flags |= DRM_HUGEMAP_SYNC_MERGE;
	expect_sync(&t, a, EINVAL);
	for (unsigned int bit = 0; bit < 64; bit++) {
		a = sync_args(id);
		a.start = first;
		a.pad = 1ull << bit;
		expect_sync(&t, a, EINVAL);
	}
	for (unsigned int bit = 0; bit < 32; bit++) {
		c = (struct drm_hugemap_dirty_clear) {
			.tracker = id, .flags = 1u << bit, .start = first,
		};
		expect_clear(&t, c, EINVAL);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		a = sync_args(id);
		a.start = bad[i].start;
		a.len = bad[i].len;
		expect_sync(&t, a, bad[i].err);
		a.flags = DRM_HUGEMAP_SYNC_PEEK;
		expect_sync(&t, a, bad[i].err);
		c = (struct drm_hugemap_dirty_clear) {
			.tracker = id, .start = bad[i].start, .len = bad[i].len,
		};
		expect_clear(&t, c, bad[i].err);
	}
	/* A tracker that ends before its object does. */
	hm_dirty_stop(t.fd, id);
	id = hm_dirty_start(t.fd, t.handle, first, 2 * g, g, 0);
	a = sync_args(id);
	a.start = first + 2 * g;
	expect_sync(&t, a, ERANGE);
	a.start = first + g;
	a.len = 2 * g;
	expect_sync(&t, a, ERANGE);
	touch(&t, 20);
	touch(&t, 15);
	touch(&t, 48);
	sync_part(&t, id, g, first, 2 * g, 0, (uint64_t[]){ 0 }, 1);
	target_close(&t);
}

static void no_tracker(const struct target *t, uint32_t id)
{
	struct drm_hugemap_dirty_rects r = {
		.tracker = id, .pitch = 64, .width = 16, .height = 1, .cpp = 4,
		.rects = (uintptr_t)t->p, .max_rects = 1, .nr_rects = 77,
	};
	struct drm_hugemap_dirty_clear c = { .tracker = id };
	struct drm_hugemap_dirty_stop s = { .tracker = id };
	struct drm_hugemap_dirty_sync a = sync_args(id);

	expect_sync(t, a, ENOENT);
	expect_clear(t, c, ENOENT);
	expect_rects(t, r, ENOENT);
	expect_stop(t, s, ENOENT);
}

static void unknown_trackers(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object), u = t;
	struct drm_hugemap_dirty_stop s;
	uint32_t id;

	u.fd = target_file(&t);
	no_tracker(&t, 0);
	no_tracker(&t, 1);
	id = start(&t, HM_PAGE, 0);
	no_tracker(&t, 0);
	no_tracker(&t, id + 1);
	no_tracker(&t, UINT32_MAX);
	/* That of another file. */
	no_tracker(&u, id);
	for (unsigned int bit = 0; bit < 32; bit++) {
		s = (struct drm_hugemap_dirty_stop) {
			.tracker = id, .flags = 1u << bit,
		};
		expect_stop(&t, s, EINVAL);
	}
	assert_clean(&t, id);
	hm_dirty_stop(t.fd, id);
	no_tracker(&t, id);
	close(u.fd);
	target_close(&t);
}

static void rects_errors(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	uint32_t id = hm_dirty_start(t.fd, t.handle, HM_PAGE, HM_MIB(1),
				     HM_PAGE, 0);
	struct drm_hugemap_rect out[4];
	const struct drm_hugemap_dirty_rects good = {
		.tracker = id, .offset = HM_PAGE, .pitch = 4096, .width = 1024,
		.height = 256, .cpp = 4, .rects = (uintptr_t)out,
		.max_rects = ARRAY_SIZE(out), .nr_rects = 0x5a5a5a5a,
	};
	struct drm_hugemap_dirty_rects a;

	memset(out, 0x5a, sizeof(out));
	touch(&t, 3);
	for (unsigned int bit = 2; bit < 32; bit++) {
		a = good;
		a.flags = 1u << bit;
		expect_rects(&t, a, EINVAL);
	}
	a = good;
	a.flags = DRM_HUGEMAP_SYNC_PEEK | DRM_HUGEMAP_SYNC_RETRY;
	expect_rects(&t, a, EINVAL);
	a = good;
	a.pitch = 0;
	expect_rects(&t, a, EINVAL);
	a.pitch = 4095;
	expect_rects(&t, a, EINVAL);
	a = good;
	a.width = 0;
	expect_rects(&t, a, EINVAL);
	a.width = 1025;
	expect_rects(&t, a, EINVAL);
	/* The product is 0 in 32 bits. */
	a.width = 1u << 30;
	expect_rects(&t, a, EINVAL);
	a = good;
	a.height = 0;
	expect_rects(&t, a, EINVAL);
	a = good;
	a.cpp = 0;
	expect_rects(&t, a, EINVAL);
	a = good;
	a.max_rects = 0;
	expect_rects(&t, a, EINVAL);
	a = good;
	a.offset = 0;
	expect_rects(&t, a, ERANGE);
	a.offset = HM_PAGE + 1;
	expect_rects(&t, a, ERANGE);
	a.offset = HM_MIB(1) + HM_PAGE;
	expect_rects(&t, a, ERANGE);
	a.offset = -HM_PAGE;
	expect_rects(&t, a, ERANGE);
	a = good;
	a.height = 257;
	expect_rects(&t, a, ERANGE);
	a.height = UINT32_MAX;
	a.pitch = UINT32_MAX;
	expect_rects(&t, a, ERANGE);
	a = good;
	a.rects = 0;
	expect_rects(&t, a, EFAULT);
	for (unsigned int i = 0; i < sizeof(out); i++)
		igt_assert_eq(((unsigned char *)out)[i], 0x5a);
	/* Nothing was lost, neither by the EFAULT. */
	a = good;
	igt_assert_eq(__hm_dirty_rects(t.fd, &a), 0);
	igt_assert_eq(a.nr_rects, 1);
	igt_assert(out[0].x1 == 0 && out[0].x2 == 1024 && out[0].y1 == 2 &&
		   out[0].y2 == 3);
	target_close(&t);
}

/* Maps the target again, with a page behind it where nothing is. */
static void alone(struct target *t)
{
	hm_munmap(t->p, t->size);
	t->p = hm_reserve_aligned(t->size + HM_PAGE, HM_PAGE);
	hm_munmap(t->p + t->size, HM_PAGE);
	if (t->handle)
		hm_bo_mmap_at(t->fd, t->handle, t->p, 0, t->size, RW);
	else
		hm_mmap_at(t->node, t->p, 0, t->size, RW);
	left.p = t->p;
}

static void promote_refuses(const struct target *t)
{
	struct drm_hugemap_promote a;
	const uint64_t p = (uintptr_t)t->p;
	const struct {
		uint64_t addr, len;
		uint32_t flags, pad;
		int err;
	} bad[] = {
		{ p, HM_PAGE, 1, 0, EINVAL },
		{ p, HM_PAGE, 1u << 31, 0, EINVAL },
		{ p, HM_PAGE, 0, 1, EINVAL },
		{ p, HM_PAGE, 0, 1u << 31, EINVAL },
		{ p, 0, 0, 0, EINVAL },
		{ p, 1, 0, 0, EINVAL },
		{ p + 1, HM_PAGE, 0, 0, EINVAL },
		{ p, -HM_PAGE, 0, 0, EINVAL },
		{ -HM_PAGE, HM_PAGE * 2, 0, 0, EINVAL },
		{ 0, HM_PAGE, 0, 0, EFAULT },
		{ p, t->size + HM_PAGE, 0, 0, EFAULT },
		{ (uintptr_t)&a & -HM_PAGE, HM_PAGE, 0, 0, EFAULT },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		a = (struct drm_hugemap_promote) {
			.addr = bad[i].addr, .len = bad[i].len,
			.flags = bad[i].flags, .pad = bad[i].pad,
			.nr_mappings = UNTOUCHED,
		};
		expect_promote(t, a, bad[i].err);
	}
}

static void promote_errors(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);

	alone(&t);
	touch(&t, 1);
	promote_refuses(&t);
	igt_assert_eq_u64(*(volatile uint64_t *)(t.p + HM_PAGE), 2);
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 1);
	igt_assert_eq_u64(*(volatile uint64_t *)(t.p + HM_PAGE), 2);
	target_close(&t);
}

/* The mapping of one kind of node is no mapping of the other. */
static void promote_foreign(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	int other;

	if (object) {
		char path[32];

		snprintf(path, sizeof(path), "/dev/hugemap%d", node->index);
		other = open(path, O_RDONLY | O_CLOEXEC);
		igt_assert_fd(other);
	} else {
		other = -1;
		hm_for_each_drm(drm)
			if (other < 0)
				other = hm_drm_open(drm->render);
	}
	igt_assert_eq_s64(__hm_promote(other, t.p, t.size), -EFAULT);
	close(other);
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), 1);
	target_close(&t);
}

/* ---- bitmaps that cannot be written ---- */

static void bad_bitmaps(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	/* Two pages, of which the second cannot be written. */
	char *area = hm_reserve_aligned(2 * HM_PAGE, HM_PAGE);
	uint32_t id = start(&t, HM_PAGE, 0), other = start(&t, HM_PAGE, 0);
	uint64_t words = (t.pages + 63) / 64, last = t.pages - 1;
	struct drm_hugemap_dirty_sync a;
	struct drm_hugemap_dirty_clear c;
	const struct {
		uint64_t bitmap;
		uint32_t flags;
	} bad[] = {
		{ 8, 0 }, { (uintptr_t)area, 0 }, { -8ull, 0 },
		{ 1ull << 63, 0 },
		{ (uintptr_t)area, DRM_HUGEMAP_SYNC_MERGE },
		{ (uintptr_t)area, DRM_HUGEMAP_SYNC_PEEK },
		{ (uintptr_t)area + HM_PAGE - 8, 0 },
		{ (uintptr_t)area + HM_PAGE - 8, DRM_HUGEMAP_SYNC_MERGE },
		{ (uintptr_t)area + HM_PAGE - 8, DRM_HUGEMAP_SYNC_PEEK },
		{ (uintptr_t)area + HM_PAGE - words * 8 + 8, 0 },
		{ (uintptr_t)area + HM_PAGE - words * 8 + 4, 0 },
	};

	for (int round = 0; round < 3; round++) {
		/* No access at all, read-only, and half a bitmap of room. */
		const int prot[] = { PROT_NONE, PROT_READ, RW };

		igt_assert(mmap(area, HM_PAGE, prot[round], MAP_FIXED |
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == area);
		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
			if (round == 2 && bad[i].bitmap == (uintptr_t)area)
				continue;
			touch(&t, 3);
			touch(&t, 70);
			touch(&t, last);
			a = sync_args(id);
			a.len = t.size;
			a.flags = bad[i].flags;
			a.bitmap = bad[i].bitmap;
			expect_sync(&t, a, EFAULT);
			/* Written after it as well. */
			touch(&t, 130);
			touch(&t, 3);
			assert_sync(&t, id, DRM_HUGEMAP_SYNC_PEEK, 3, 70, 130,
				    last);
			/* Twice in a row, and the other way to ask again. */
			expect_sync(&t, a, EFAULT);
			assert_sync(&t, id, i % 2 ? 0 : DRM_HUGEMAP_SYNC_RETRY,
				    3, 70, 130, last);
			/* A RETRY that fails loses nothing of both. */
			touch(&t, 200);
			a.flags = DRM_HUGEMAP_SYNC_RETRY;
			expect_sync(&t, a, EFAULT);
			assert_sync(&t, id, 0, 3, 70, 130, 200, last);
			assert_clean(&t, id);
		}
	}
	/* What a CLEAR cannot read it does not clear. */
	touch(&t, 5);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i].bitmap == (uintptr_t)area)
			continue;
		c = (struct drm_hugemap_dirty_clear) {
			.tracker = id, .len = t.size, .bitmap = bad[i].bitmap,
		};
		expect_clear(&t, c, EFAULT);
	}
	assert_sync(&t, id, 0, 5);
	/* And another tracker saw it all as if nothing had been. */
	assert_sync(&t, other, 0, 3, 5, 70, 130, 200, last);
	hm_munmap(area, 2 * HM_PAGE);
	target_close(&t);
}

/* ---- structures of other sizes ---- */

static int sized(int fd, unsigned long nr, void *arg, size_t size)
{
	return ioctl(fd, _IOC(_IOC_DIR(nr), DRM_IOCTL_BASE, _IOC_NR(nr), size),
		     arg) ? -errno : 0;
}

static void sizes(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	union {
		struct drm_hugemap_dirty_start start;
		struct drm_hugemap_dirty_sync sync;
		struct drm_hugemap_dirty_clear clear;
		struct drm_hugemap_dirty_stop stop;
		struct drm_hugemap_dirty_rects rects;
		struct drm_hugemap_promote promote;
		char bytes[256];
	} a;
	const size_t longer = sizeof(a);
	/* What an older kernel or DRM makes of a tail that is not zero. */
	const int tail = object ? 0 : -E2BIG;
	struct drm_hugemap_rect out;

	/* Without @pad, and with what nobody knows yet. */
	memset(&a, 0, sizeof(a));
	a.start = start_args(&t);
	memset(&a.start.pad, 0x5a, sizeof(a.start.pad));
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &a,
			    offsetof(struct drm_hugemap_dirty_start, pad)), 0);
	igt_assert_eq(a.start.tracker, 1);
	a.start = start_args(&t);
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &a, longer),
		      0);
	igt_assert_eq(a.start.tracker, 2);
	a.start = start_args(&t);
	a.bytes[longer - 1] = 1;
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &a, longer),
		      tail);
	igt_assert_eq(a.start.tracker, object ? 3 : 0x5a5a5a5a);

	touch(&t, 9);
	memset(&a, 0, sizeof(a));
	a.sync = sync_args(1);
	a.sync.pad = UNTOUCHED;
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &a,
			    offsetof(struct drm_hugemap_dirty_sync, nr_over)),
		      0);
	igt_assert_eq_u64(a.sync.nr_dirty, 1);
	igt_assert_eq_u64(a.sync.nr_over, UNTOUCHED);
	igt_assert_eq_u64(a.sync.pad, UNTOUCHED);
	memset(&a, 0, sizeof(a));
	a.sync = sync_args(2);
	a.bytes[sizeof(a.sync)] = 1;
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &a, longer),
		      tail);
	if (!object)
		igt_assert_eq_u64(a.sync.nr_dirty, UNTOUCHED);
	a.bytes[sizeof(a.sync)] = 0;
	a.sync.flags = DRM_HUGEMAP_SYNC_RETRY;
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &a, longer),
		      0);
	igt_assert_eq_u64(a.sync.nr_dirty, 1);
	/* Just the tracker: all of it. */
	touch(&t, 10);
	a.clear = (struct drm_hugemap_dirty_clear) { .tracker = 1, .flags = 1 };
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, &a, 4), 0);
	a.clear.flags = 0;
	a.bytes[longer - 1] = 1;
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, &a, longer),
		      tail);
	assert_clean(&t, 1);
	memset(&a, 0, sizeof(a));
	a.rects = (struct drm_hugemap_dirty_rects) {
		.tracker = 2, .pitch = 4096, .width = 1024, .height = 20,
		.cpp = 4, .rects = (uintptr_t)&out, .max_rects = 1,
		.nr_rects = 77,
	};
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_RECTS, &a,
			    offsetof(struct drm_hugemap_dirty_rects,
				     max_rects)), -EINVAL);
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_RECTS, &a, longer),
		      0);
	igt_assert_eq(a.rects.nr_rects, 1);
	memset(&a, 0, sizeof(a));
	a.promote.addr = (uintptr_t)t.p;
	a.promote.len = t.size;
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_PROMOTE, &a, longer), 0);
	igt_assert_eq_u64(a.promote.nr_mappings, 1);
	a.promote.pad = 1;
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_PROMOTE, &a, longer),
		      -EINVAL);
	memset(&a, 0, sizeof(a));
	a.stop.tracker = 2;
	a.stop.flags = 5;
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &a, 4), 0);
	a.stop.tracker = 1;
	a.stop.flags = 0;
	igt_assert_eq(sized(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &a, longer), 0);
	no_tracker(&t, 1);
	no_tracker(&t, 2);
	target_close(&t);
}

/* ---- several consumers ---- */

/* As the interface describes it, for one tracker. */
struct model {
	uint32_t id;
	uint64_t granule, first, nr;	/* of the object; granules */
	uint64_t epoch;
	unsigned char *dirty, *kept;
};

static struct model model_new(const struct target *t, uint64_t granule,
			      uint64_t start, uint64_t len, uint32_t flags)
{
	struct model m = {
		.granule = granule,
		.first = start / granule,
	};

	if (!len)
		len = object_size(t) - start;
	m.nr = (len + granule - 1) / granule;
	m.dirty = calloc(m.nr, 1);
	m.kept = calloc(m.nr, 1);
	igt_assert(m.dirty && m.kept);
	if (flags & DRM_HUGEMAP_DIRTY_ALL)
		memset(m.dirty, 1, m.nr);
	m.id = hm_dirty_start(t->fd, t->handle, start, len, granule, flags);
	return m;
}

static void model_written(struct model *m, uint64_t page)
{
	uint64_t g = page * HM_PAGE / m->granule;

	if (g >= m->first && g - m->first < m->nr)
		m->dirty[g - m->first] = 1;
}

/* A part of the range; @len as for the ioctls, 0 where it may be. */
struct part {
	uint64_t first, nr, start, len;
};

static struct part model_part(const struct target *t, const struct model *m,
			      unsigned int *seed)
{
	struct part p = { .nr = m->nr };
	uint64_t end;

	if (rand_r(seed) % 3) {
		p.first = rand_r(seed) % m->nr;
		p.nr = 1 + rand_r(seed) % (m->nr - p.first);
	}
	p.start = (m->first + p.first) * m->granule;
	end = p.start + p.nr * m->granule;
	if (end > object_size(t))
		end = object_size(t);
	p.len = end - p.start;
	if (p.first + p.nr == m->nr && rand_r(seed) % 2)
		p.len = 0;
	return p;
}

static void model_sync(const struct target *t, struct model *m,
		       unsigned int *seed)
{
	static const uint32_t flags[] = {
		0, DRM_HUGEMAP_SYNC_PEEK, DRM_HUGEMAP_SYNC_RETRY,
	};
	uint32_t f = flags[rand_r(seed) % 3];
	struct part p = model_part(t, m, seed);
	struct drm_hugemap_dirty_sync out;
	uint64_t words = (p.nr + 63) / 64, n = 0;
	uint64_t *got = calloc(words + 1, 8), *want = calloc(words + 1, 8);
	bool counts = rand_r(seed) % 8 == 0;

	igt_assert(got && want);
	if (rand_r(seed) % 2)
		f |= DRM_HUGEMAP_SYNC_MERGE;
	for (uint64_t i = 0; i <= words; i++) {
		got[i] = ((uint64_t)rand_r(seed) << 33) ^ rand_r(seed);
		if (counts || f & DRM_HUGEMAP_SYNC_MERGE || i == words)
			want[i] = got[i];
	}
	for (uint64_t i = 0; i < p.nr; i++) {
		unsigned char *d = &m->dirty[p.first + i];
		unsigned char *k = &m->kept[p.first + i];
		bool is = *d || (f & DRM_HUGEMAP_SYNC_RETRY && *k);

		n += is;
		if (is && !counts)
			put_bit(want, i);
		if (f & DRM_HUGEMAP_SYNC_PEEK)
			continue;
		*d = 0;
		*k = is;
	}
	if (!(f & DRM_HUGEMAP_SYNC_PEEK))
		m->epoch++;
	igt_assert_eq(__hm_dirty_sync(t->fd, m->id, p.start, p.len, f,
				      counts ? NULL : got, &out), 0);
	for (uint64_t i = 0; i <= words; i++)
		igt_assert_f(got[i] == want[i],
			     "flags %u granules %" PRIu64 " to %" PRIu64
			     ": word %" PRIu64 " is %#" PRIx64 ", expected %#"
			     PRIx64 "\n", f, p.first, p.first + p.nr, i, got[i],
			     want[i]);
	igt_assert_eq_u64(out.nr_dirty, n);
	igt_assert_eq_u64(out.nr_over, 0);
	igt_assert_eq_u64(out.epoch, m->epoch);
	free(got);
	free(want);
}

static void model_clear(const struct target *t, struct model *m,
			unsigned int *seed)
{
	struct part p = model_part(t, m, seed);
	uint64_t words = (p.nr + 63) / 64;
	uint64_t *bits = calloc(words, 8);
	bool some = rand_r(seed) % 4;

	igt_assert(bits);
	for (uint64_t i = 0; i < words; i++)
		bits[i] = ((uint64_t)rand_r(seed) << 33) ^ rand_r(seed);
	igt_assert_eq(__hm_dirty_clear(t->fd, m->id, p.start, p.len,
				       some ? bits : NULL), 0);
	for (uint64_t i = 0; i < p.nr; i++) {
		if (some && !get_bit(bits, i))
			continue;
		m->dirty[p.first + i] = 0;
		m->kept[p.first + i] = 0;
	}
	free(bits);
}

static void consumers(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	const uint64_t odd = 37 * HM_PAGE, len = 1001 * HM_PAGE;
	struct model m[9];
	unsigned int seed = 42, nr = 0;

	m[nr++] = model_new(&t, HM_PAGE, 0, t.size, 0);
	m[nr++] = model_new(&t, HM_PAGE, odd, len, 0);
	m[nr++] = model_new(&t, HM_KIB(64), 0, HM_MIB(12), 0);
	m[nr++] = model_new(&t, HM_KIB(64), 3 * HM_KIB(64), HM_MIB(8), 0);
	m[nr++] = model_new(&t, HM_MIB(2), HM_MIB(2), HM_MIB(8), 0);
	m[nr++] = model_new(&t, HM_PAGE, HM_MIB(4) - HM_PAGE, 2 * HM_PAGE, 0);
	m[nr++] = model_new(&t, HM_PAGE, HM_MIB(2), HM_MIB(4),
			    DRM_HUGEMAP_DIRTY_ALL);
	m[nr++] = model_new(&t, HM_PAGE, HM_PAGE, HM_MIB(12) + 4 * HM_PAGE, 0);
	/* Up to the end, which may cut a granule. */
	m[nr++] = object ? model_new(&t, HM_KIB(64), HM_KIB(64), 0, 0) :
			   model_new(&t, HM_GIB(1), 0, 0, 0);
	igt_assert_eq(nr, ARRAY_SIZE(m));
	for (unsigned int round = 0; round < 120; round++) {
		unsigned int n = rand_r(&seed) % 40;
		uint64_t page = rand_r(&seed) % t.pages;

		while (n--) {
			/* Here and there, or one after the other. */
			page = round % 2 ? rand_r(&seed) % t.pages :
					   (page + 1) % t.pages;
			touch(&t, page);
			for (unsigned int i = 0; i < nr; i++)
				model_written(&m[i], page);
		}
		(void)*(volatile char *)(t.p + rand_r(&seed) % t.size);
		for (unsigned int i = 0; i < 3; i++)
			model_sync(&t, &m[rand_r(&seed) % nr], &seed);
		if (round % 4 == 0)
			model_clear(&t, &m[rand_r(&seed) % nr], &seed);
	}
	for (unsigned int i = 0; i < nr; i++) {
		free(m[i].dirty);
		free(m[i].kept);
	}
	target_close(&t);
}

static void retry(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	const uint32_t again = DRM_HUGEMAP_SYNC_RETRY;
	uint32_t id = start(&t, HM_PAGE, 0);
	struct drm_hugemap_dirty_sync a;

	/* Before the first one there is nothing to repeat. */
	touch(&t, 1);
	assert_sync(&t, id, again, 1);
	touch(&t, 2);
	assert_sync(&t, id, again, 1, 2);
	assert_sync(&t, id, again, 1, 2);
	assert_clean(&t, id);
	assert_sync(&t, id, again);
	/* Only the last one of each part. */
	touch(&t, 10);
	touch(&t, 20);
	assert_sync(&t, id, 0, 10, 20);
	touch(&t, 11);
	touch(&t, 21);
	sync_part(&t, id, HM_PAGE, 16 * HM_PAGE, 16 * HM_PAGE, 0,
		  (uint64_t[]){ 5 }, 1);
	assert_sync(&t, id, again, 10, 11, 21);
	/* A PEEK keeps what may be repeated, a CLEAR does not. */
	assert_sync(&t, id, DRM_HUGEMAP_SYNC_PEEK);
	assert_sync(&t, id, again, 10, 11, 21);
	igt_assert_eq(__hm_dirty_clear(t.fd, id, 11 * HM_PAGE, HM_PAGE, NULL),
		      0);
	assert_sync(&t, id, again, 10, 21);
	igt_assert_eq(__hm_dirty_clear(t.fd, id, 0, 0, NULL), 0);
	assert_sync(&t, id, again);
	/* A SYNC that fails keeps what the one before it reported. */
	touch(&t, 30);
	assert_sync(&t, id, 0, 30);
	touch(&t, 31);
	a = sync_args(id);
	a.len = t.size;
	a.bitmap = 8;
	expect_sync(&t, a, EFAULT);
	assert_sync(&t, id, again, 30, 31);
	target_close(&t);
}

static void merge(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	uint32_t id = start(&t, HM_PAGE, 0);
	uint64_t words = (t.pages + 63) / 64, used = words * 8;
	char *area = hm_reserve_aligned(3 * HM_PAGE, HM_PAGE);
	uint64_t *map = (uint64_t *)(area + HM_PAGE);

	/* Of words without a dirty granule not even the memory is there. */
	igt_assert(used < HM_PAGE);
	igt_assert_eq(mprotect(map, HM_PAGE, RW), 0);
	memset(map, 0x5a, HM_PAGE);
	touch(&t, 64);
	touch(&t, 127);
	touch(&t, 1000);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, t.size,
					DRM_HUGEMAP_SYNC_MERGE, map), 3);
	for (uint64_t i = 0; i < HM_PAGE / 8; i++) {
		uint64_t want = UNTOUCHED;

		if (i == 1)
			want |= 1ull | 1ull << 63;
		if (i == 15)
			want |= 1ull << 40;
		igt_assert_eq_u64(map[i], want);
	}
	/* The part in front of the page, and behind it, is clean. */
	touch(&t, 640);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, t.size,
					DRM_HUGEMAP_SYNC_MERGE, map - 10), 1);
	igt_assert_eq_u64(map[0], UNTOUCHED | 1);
	touch(&t, 64 * 5 + 1);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, t.size,
					DRM_HUGEMAP_SYNC_MERGE,
					map + HM_PAGE / 8 - 6), 1);
	igt_assert_eq_u64(map[HM_PAGE / 8 - 1], UNTOUCHED | 2);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, t.size,
					DRM_HUGEMAP_SYNC_MERGE,
					(uint64_t *)area), 0);
	hm_munmap(area, 3 * HM_PAGE);
	target_close(&t);
}

/* All at first: each of them, with every granule, and once. */
static void all(struct hm_node *node, bool object)
{
	static const uint64_t granules[] = {
		HM_PAGE, HM_KIB(64), HM_MIB(2), HM_GIB(1),
	};
	struct target t = target_open(node, object);
	struct drm_hugemap_dirty_sync out;

	for (unsigned int i = 0; i < ARRAY_SIZE(granules); i++) {
		uint64_t len = granules[i] > HM_MIB(2) ? 0 : HM_MIB(8);
		uint64_t nr = ((len ?: object_size(&t)) + granules[i] - 1) /
			      granules[i];
		uint32_t id = hm_dirty_start(t.fd, t.handle, 0, len,
					     granules[i],
					     DRM_HUGEMAP_DIRTY_ALL);

		igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, len,
					      DRM_HUGEMAP_SYNC_PEEK, NULL,
					      &out), 0);
		igt_assert_eq_u64(out.nr_dirty, nr);
		igt_assert_eq_u64(out.epoch, 0);
		touch(&t, 3);
		igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, len, 0, NULL, &out),
			      0);
		igt_assert_eq_u64(out.nr_dirty, nr);
		igt_assert_eq_u64(out.nr_over, 0);
		igt_assert_eq_u64(out.epoch, 1);
		igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, len, 0, NULL), 0);
		touch(&t, 3);
		igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, len, 0, NULL), 1);
		hm_dirty_stop(t.fd, id);
	}
	target_close(&t);
}

/* Clearing SYNCs are counted, whatever they find, and nothing else. */
static void epochs(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	uint32_t id = start(&t, HM_PAGE, 0);
	struct drm_hugemap_dirty_sync out;
	struct drm_hugemap_rect rect;
	struct drm_hugemap_dirty_rects r = {
		.tracker = id, .pitch = 4096, .width = 1024, .height = 20,
		.cpp = 4, .rects = (uintptr_t)&rect, .max_rects = 1,
	};
	const struct {
		uint32_t flags;
		uint64_t epoch;
	} steps[] = {
		{ DRM_HUGEMAP_SYNC_PEEK, 0 }, { 0, 1 }, { 0, 2 },
		{ DRM_HUGEMAP_SYNC_PEEK | DRM_HUGEMAP_SYNC_MERGE, 2 },
		{ DRM_HUGEMAP_SYNC_RETRY, 3 }, { DRM_HUGEMAP_SYNC_MERGE, 4 },
	};

	touch(&t, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, 0, steps[i].flags,
					      NULL, &out), 0);
		igt_assert_eq_u64(out.epoch, steps[i].epoch);
	}
	igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, 0, 0, (void *)8, &out),
		      -EFAULT);
	igt_assert_eq(__hm_dirty_clear(t.fd, id, 0, 0, NULL), 0);
	igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, 0, DRM_HUGEMAP_SYNC_PEEK,
				      NULL, &out), 0);
	igt_assert_eq_u64(out.epoch, 4);
	igt_assert_eq(__hm_dirty_rects(t.fd, &r), 0);
	igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, 0, DRM_HUGEMAP_SYNC_PEEK,
				      NULL, &out), 0);
	igt_assert_eq_u64(out.epoch, 5);
	target_close(&t);
}

/* ---- when something goes away ---- */

static void stopped(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	uint32_t id = start(&t, HM_PAGE, 0), other = start(&t, HM_PAGE, 0);
	uint32_t third;

	touch(&t, 1);
	hm_dirty_stop(t.fd, id);
	touch(&t, 2);
	assert_sync(&t, other, 0, 1, 2);
	hm_dirty_stop(t.fd, other);
	touch(&t, 3);
	/* What was written while nobody looked, or before, is not dirty. */
	third = start(&t, HM_PAGE, 0);
	assert_clean(&t, third);
	touch(&t, 2);
	touch(&t, 4);
	assert_sync(&t, third, 0, 2, 4);
	target_close(&t);
}

/* The last close of the file ends them; a duplicate or a child keeps them. */
static void file_closed(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object), u = t;
	uint32_t id, mine = start(&t, HM_PAGE, 0);
	int dmabuf, pipes[2];
	char c = 0;

	u.fd = target_file(&t);
	if (object) {
		dmabuf = hm_export(t.fd, t.handle);
		u.handle = hm_import(u.fd, dmabuf);
		close(dmabuf);
	}
	id = start(&u, HM_PAGE, 0);
	touch(&t, 1);
	igt_assert_eq(pipe(pipes), 0);
	igt_fork(child, 1) {
		close(pipes[1]);
		igt_assert_eq(read(pipes[0], &c, 1), 1);
		assert_sync(&u, id, 0, 1, 2);
	}
	close(u.fd);
	touch(&t, 2);
	igt_assert_eq(write(pipes[1], &c, 1), 1);
	igt_waitchildren();
	close(pipes[0]);
	close(pipes[1]);
	touch(&t, 3);
	assert_sync(&t, mine, 0, 1, 2, 3);
	/* All of a file's at once, while they have something to tell. */
	u.fd = target_file(&t);
	if (object) {
		dmabuf = hm_export(t.fd, t.handle);
		u.handle = hm_import(u.fd, dmabuf);
		close(dmabuf);
	}
	for (int i = 0; i < 20; i++)
		start(&u, HM_PAGE, i % 2 ? DRM_HUGEMAP_DIRTY_ALL :
			       DRM_HUGEMAP_DIRTY_ADAPTIVE);
	touch(&t, 4);
	close(u.fd);
	touch(&t, 5);
	assert_sync(&t, mine, 0, 4, 5);
	target_close(&t);
}

/* A tracker keeps its object; the mapping shows that it is the same. */
static void object_closed(struct hm_node *region, bool object)
{
	struct target t;
	uint32_t id;

	if (!object)
		igt_skip("a window cannot be closed\n");
	t = target_open(region, object);
	id = start(&t, HM_PAGE, 0);
	touch(&t, 1);
	hm_close(t.fd, t.handle);
	touch(&t, 2);
	assert_sync(&t, id, 0, 1, 2);
	hm_munmap(t.p, t.size);
	igt_assert_eq_u64(hm_free(region), t.free - t.size);
	assert_sync(&t, id, DRM_HUGEMAP_SYNC_RETRY, 1, 2);
	hm_dirty_stop(t.fd, id);
	hm_assert_free(region, t.free);
	/* The file ends what STOP does not. */
	t.handle = hm_create(t.fd, region, t.size);
	id = start(&t, HM_PAGE, DRM_HUGEMAP_DIRTY_ALL);
	hm_close(t.fd, t.handle);
	igt_assert_eq_u64(hm_free(region), t.free - t.size);
	close(t.fd);
	left.fd = -1;
	hm_assert_free(region, t.free);
	hm_restore();
}

static void killed(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object), u;
	uint32_t mine = start(&t, HM_PAGE, 0);
	uint64_t before = object ? hm_free(node) : 0;
	volatile int *ready = mmap(NULL, HM_PAGE, RW, MAP_SHARED |
				   MAP_ANONYMOUS, -1, 0);

	igt_assert(ready != MAP_FAILED);
	for (int round = 0; round < 3; round++) {
		struct igt_helper_process child = { .use_SIGKILL = true };

		*ready = 0;
		igt_fork_helper(&child) {
			uint32_t id;

			u = target_open(node, object);
			id = start(&u, HM_PAGE, DRM_HUGEMAP_DIRTY_ADAPTIVE);
			start(&u, HM_PAGE, DRM_HUGEMAP_DIRTY_WRITABLE);
			for (uint64_t i = 0;; i++) {
				touch(&u, i % u.pages);
				if (i % 64 == 0)
					hm_dirty_sync(u.fd, id, 0, 0, 0, NULL);
				if (i == 100)
					*ready = 1;
			}
		}
		for (int ms = 0; !*ready && ms < 10000; ms++)
			usleep(1000);
		igt_assert_eq(*ready, 1);
		igt_stop_helper(&child);
		if (object)
			hm_assert_free(node, before);
	}
	hm_dirty_sync(t.fd, mine, 0, 0, 0, NULL);
	touch(&t, 7);
	assert_sync(&t, mine, 0, 7);
	hm_munmap((void *)ready, HM_PAGE);
	target_close(&t);
}

/* ---- who writes ---- */

/* The word at the begin of a page, through the kernel. */
static void write_proc_mem(const struct target *t, uint64_t page)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	uint64_t v = page + 1;

	igt_assert_fd(fd);
	igt_assert_eq(pwrite(fd, &v, sizeof(v), (uintptr_t)t->p +
			     page * HM_PAGE), (int)sizeof(v));
	close(fd);
}

static void write_read(const struct target *t, uint64_t page)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	igt_assert_fd(fd);
	igt_assert_eq(read(fd, t->p + page * HM_PAGE + 100, 200), 200);
	close(fd);
}

static void store(char *p, uint64_t page)
{
	*(volatile char *)(p + page * HM_PAGE + 4095) = page;
}

static void writers(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object), u = t;
	char *before = target_map(&t, RW), *after, *moved, *area;
	int dmabuf = object ? hm_export(t.fd, t.handle) : -1;
	uint32_t id, fine;

	hm_fill_step(before, 0, t.size, HM_PAGE, 1);
	moved = target_map(&t, RW);
	hm_fill_step(moved, 0, t.size, HM_PAGE, 2);
	id = start(&t, HM_PAGE, 0);
	u.fd = target_file(&t);
	if (object)
		u.handle = hm_import(u.fd, dmabuf);
	after = target_map(&u, RW);
	fine = start(&u, HM_PAGE, 0);
	/* Entries that are there, read-only, are moved. */
	hm_read_step(moved, t.size, HM_PAGE);
	area = hm_reserve_aligned(t.size + HM_MIB(2), HM_MIB(2));
	igt_assert(mremap(moved, t.size, t.size, MREMAP_MAYMOVE | MREMAP_FIXED,
			  area + HM_PAGE) == area + HM_PAGE);
	moved = area + HM_PAGE;
	for (unsigned int round = 0; round < 4; round++) {
		struct hm_touch bad;

		/* With entries for all, and without. */
		if (round & 1) {
			hm_read_step(t.p, t.size, HM_PAGE);
			hm_read_step(before, t.size, HM_PAGE);
			hm_read_step(after, t.size, HM_PAGE);
			hm_read_step(moved, t.size, HM_PAGE);
		}
		touch(&t, 1);
		store(before, 520);
		store(after, 530);
		store(moved, 540);
		igt_fork(child, 2) {
			char *own;

			store(t.p, 550 + child);
			store(moved, 560 + child);
			/* A mapping and, for a window, a file of its own. */
			own = object ? hm_dmabuf_mmap(dmabuf, 0, t.size, RW) :
				       hm_mmap_fd(hm_open(node, O_RDWR), 0,
						  t.size, RW);
			store(own, 570 + child);
		}
		igt_waitchildren();
		write_proc_mem(&t, 1100);
		write_read(&t, 1110);
		igt_assert_eq(__hm_prefault(t.fd, t.p + 1120 * HM_PAGE,
					    2 * HM_PAGE,
					    DRM_HUGEMAP_PREFAULT_WRITE,
					    DRM_HUGEMAP_ORDER_ANY, NULL), 0);
		igt_assert_eq(__hm_prefault(t.fd, t.p + 1130 * HM_PAGE,
					    2 * HM_PAGE, 0,
					    DRM_HUGEMAP_ORDER_ANY, NULL), 0);
		if (object) {
			char *p = hm_dmabuf_mmap(dmabuf, 0, t.size, RW);

			store(p, 1140);
			hm_munmap(p, t.size);
		} else {
			uint64_t v[2] = { 1, 2 };

			/* Across the boundary of two pages. */
			igt_assert_eq(pwrite(u.fd, v, sizeof(v),
					     1141 * HM_PAGE - 8),
				      (int)sizeof(v));
			/* Nothing written, nothing dirty. */
			igt_assert_eq(pwrite(u.fd, area, 64,
					     1150 * HM_PAGE), -1);
			igt_assert_eq(pread(u.fd, v, sizeof(v),
					    1160 * HM_PAGE), (int)sizeof(v));
		}
		bad = hm_touch_read(t.p + 1170 * HM_PAGE);
		igt_assert_eq(bad.sig, 0);
		if (object) {
			assert_sync(&t, id, 0, 1, 520, 530, 540, 550, 551, 560,
				    561, 570, 571, 1100, 1110, 1120, 1121,
				    1140);
			assert_sync(&u, fine, 0, 1, 520, 530, 540, 550, 551,
				    560, 561, 570, 571, 1100, 1110, 1120, 1121,
				    1140);
		} else {
			assert_sync(&t, id, 0, 1, 520, 530, 540, 550, 551, 560,
				    561, 570, 571, 1100, 1110, 1120, 1121, 1140,
				    1141);
			assert_sync(&u, fine, 0, 1, 520, 530, 540, 550, 551,
				    560, 561, 570, 571, 1100, 1110, 1120, 1121,
				    1140, 1141);
		}
		assert_clean(&t, id);
	}
	hm_munmap(before, t.size);
	hm_munmap(after, t.size);
	hm_munmap(area, HM_PAGE);
	hm_munmap(moved, t.size);
	hm_munmap(moved + t.size, HM_MIB(2) - HM_PAGE);
	if (object)
		close(dmabuf);
	close(u.fd);
	target_close(&t);
}

/* Objects and the window above them are tracked apart. */
static void apart(struct hm_node *region, bool object)
{
	struct target t;
	uint32_t id, window;
	char path[32];
	int node;

	if (!object)
		igt_skip("the test of objects does both\n");
	t = target_open(region, object);
	snprintf(path, sizeof(path), "/dev/hugemap%d", region->index);
	node = open(path, O_RDONLY | O_CLOEXEC);
	igt_assert_fd(node);
	window = hm_dirty_start(node, 0, 0, 0, HM_PAGE, 0);
	id = start(&t, HM_PAGE, 0);
	touch(&t, 5);
	igt_assert_eq_u64(hm_dirty_sync(node, window, 0, 0, 0, NULL), 0);
	assert_sync(&t, id, 0, 5);
	close(node);
	target_close(&t);
}

/* Reads count where the tracker says so, through mappings that may write. */
static void readers(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	uint32_t id = start(&t, HM_PAGE, DRM_HUGEMAP_DIRTY_WRITABLE);
	struct drm_hugemap_dirty_sync out;
	uint64_t word = 0;
	char *ro;

	ro = target_map(&t, PROT_READ);
	for (int round = 0; round < 3; round++) {
		hm_read_step(ro, t.size, HM_PAGE);
		if (!object)
			igt_assert_eq(pread(t.fd, &word, 8, 50 * HM_PAGE), 8);
		(void)*(volatile char *)(t.p + 10 * HM_PAGE);
		(void)*(volatile char *)(t.p + 600 * HM_PAGE);
		touch(&t, 20);
		touch(&t, 700);
		write_proc_mem(&t, 30);
		/* Read first, then written: nobody notices the second. */
		touch(&t, 600);
		igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, t.size,
					      DRM_HUGEMAP_SYNC_PEEK, NULL,
					      &out), 0);
		igt_assert_eq_u64(out.nr_dirty, 5);
		igt_assert_eq_u64(out.nr_over, 2);
		assert_sync(&t, id, 0, 10, 20, 30, 600, 700);
		/* What is repeated is as it was. */
		igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, t.size,
					      DRM_HUGEMAP_SYNC_RETRY, NULL,
					      &out), 0);
		igt_assert_eq_u64(out.nr_dirty, 5);
		igt_assert_eq_u64(out.nr_over, 2);
		assert_clean(&t, id);
	}
	hm_munmap(ro, t.size);
	target_close(&t);
}

/* Read-only entries of an earlier tracker must not outlive it here. */
static void readers_later(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	uint32_t id = start(&t, HM_PAGE, 0);
	struct hm_levels l;

	hm_read_step(t.p, t.size, HM_PAGE);
	assert_clean(&t, id);
	hm_dirty_stop(t.fd, id);
	id = start(&t, HM_PAGE, DRM_HUGEMAP_DIRTY_WRITABLE);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_u64(l.ro, 0);
	(void)*(volatile char *)(t.p + 10 * HM_PAGE);
	igt_assert(hm_map_levels(node, t.p, t.size, &l));
	igt_assert_eq_u64(l.ro, 0);
	igt_assert_eq_u64(l.rw, HM_PAGE);
	assert_sync(&t, id, 0, 10);
	target_close(&t);
}

/* Someone maps the dma-buf for a device: who knows what that writes. */
static int other_importer(struct hm_node *region, int dmabuf, uint32_t *handle)
{
	struct hm_drm *mine = hm_region_drm(region);

	hm_for_each_drm(drm) {
		int fd;

		if (drm == mine)
			continue;
		fd = hm_drm_open(drm->render);
		if (!__hm_import(fd, dmabuf, handle))
			return fd;
		close(fd);
	}
	if (region->q.type == DRM_HUGEMAP_REGION_SYSTEM) {
		int fd = igt_hugemap_require_vgem();

		*handle = hm_import(fd, dmabuf);
		return fd;
	}
	return -1;
}

static void device_writes(struct hm_node *region, bool object)
{
	struct target t;
	uint32_t id, late, handle;
	struct drm_hugemap_dirty_sync out;
	int dmabuf, fd;

	if (!object)
		igt_skip("a window is no dma-buf\n");
	t = target_open(region, object);
	id = start(&t, HM_PAGE, 0);
	dmabuf = hm_export(t.fd, t.handle);
	touch(&t, 1);
	/* Nobody has mapped it yet. */
	assert_sync(&t, id, 0, 1);
	fd = other_importer(region, dmabuf, &handle);
	if (fd < 0) {
		close(dmabuf);
		target_close(&t);
		igt_skip("no other device that reaches this one\n");
	}
	for (int round = 0; round < 3; round++) {
		igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, t.size,
						DRM_HUGEMAP_SYNC_PEEK, NULL),
				  t.pages);
		igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, t.size, 0, NULL),
				  t.pages);
		igt_assert_eq_u64(hm_dirty_sync(t.fd, id, HM_PAGE, HM_PAGE, 0,
						NULL), 1);
	}
	late = start(&t, HM_PAGE, 0);
	igt_assert_eq(__hm_dirty_clear(t.fd, id, 0, t.size, NULL), 0);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, t.size, 0, NULL),
			  t.pages);
	/* Up to its end it may have written: once more all, then no more. */
	igt_assert_eq_u64(hm_dirty_sync(t.fd, late, 0, t.size, 0, NULL),
			  t.pages);
	hm_close(fd, handle);
	for (int ms = 0; ms < 5000; ms++) {
		igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, t.size, 0, NULL,
					      &out), 0);
		if (!out.nr_dirty)
			break;
		igt_assert_eq_u64(out.nr_dirty, t.pages);
		usleep(1000);
	}
	igt_assert_eq_u64(out.nr_dirty, 0);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, late, 0, t.size, 0, NULL),
			  t.pages);
	assert_clean(&t, late);
	touch(&t, 2);
	assert_sync(&t, id, 0, 2);
	assert_sync(&t, late, 0, 2);
	close(fd);
	close(dmabuf);
	target_close(&t);
}

/* ---- mprotect() ---- */

struct protect {
	struct target t;
	uint32_t id;
	uint64_t granule;
};

static void protect(const struct protect *c, int prot)
{
	igt_assert_eq(mprotect(c->t.p, c->t.size, prot), 0);
}

static void poke(const struct protect *c)
{
	*(volatile uint64_t *)(c->t.p + 5 * HM_PAGE) += 1;
}

static void peek(const struct protect *c)
{
	(void)*(volatile uint64_t *)(c->t.p + 5 * HM_PAGE);
}

static void expect_dirty(const struct protect *c, const char *what,
			 uint64_t nr)
{
	uint64_t got = hm_dirty_sync(c->t.fd, c->id, 0, 0, 0, NULL);

	igt_assert_f(got == nr, "%s: %" PRIu64 " dirty, expected %" PRIu64 "\n",
		     what, got, nr);
}

static void protections(struct hm_node *node, bool object, enum hm_level level)
{
	static const int away[] = { PROT_READ, PROT_NONE };
	static bool done;
	struct hm_levels l;
	struct protect c;

	/* A gibibyte of each kind is a long time of clearing. */
	if (object && level == HM_PUD && done)
		igt_skip("one object of this size was enough\n");

	hm_require_set_level(node, level, true);
	c.t = target_sized(node, object, level == HM_PUD ? HM_GIB(1) :
							   HM_MIB(8));
	c.granule = hm_level_size(node, level);
	if (c.t.size < c.granule) {
		target_close(&c.t);
		igt_skip("no room for a page of this size\n");
	}
	c.id = hm_dirty_start(c.t.fd, c.t.handle, 0, 0, c.granule, 0);
	poke(&c);
	if (level != HM_PTE && object) {
		struct drm_hugemap_gem_info info;

		hm_info(c.t.fd, c.t.handle, &info);
		if (!(level == HM_PUD ? info.nr_pud : info.nr_pmd)) {
			target_close(&c.t);
			igt_skip("memory in small pieces\n");
		}
	}
	igt_assert(hm_map_levels(node, c.t.p, hm_pmd_size(node), &l));
	igt_assert_eq_u64(l.pud, level == HM_PUD);
	igt_assert_eq_u64(l.pmd, level == HM_PMD);
	igt_assert_eq(!!l.pte, level == HM_PTE);
	expect_dirty(&c, "a write", 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(away); i++) {
		/* Read-only while it is synchronised. */
		poke(&c);
		protect(&c, away[i]);
		expect_dirty(&c, "protected", 1);
		protect(&c, RW);
		expect_dirty(&c, "allowed again", 0);
		poke(&c);
		expect_dirty(&c, "written again", 1);
		/* There and back in between. */
		poke(&c);
		protect(&c, away[i]);
		protect(&c, RW);
		expect_dirty(&c, "there and back", 1);
		poke(&c);
		expect_dirty(&c, "after there and back", 1);
		/* Clean entries, read before and after. */
		peek(&c);
		protect(&c, away[i]);
		if (away[i] == PROT_READ)
			peek(&c);
		protect(&c, RW);
		peek(&c);
		expect_dirty(&c, "only read", 0);
		poke(&c);
		expect_dirty(&c, "written after a read", 1);
		/* Read-only, read while it is, and allowed. */
		poke(&c);
		protect(&c, PROT_READ);
		peek(&c);
		expect_dirty(&c, "read while protected", 1);
		peek(&c);
		protect(&c, away[i]);
		protect(&c, RW);
		poke(&c);
		expect_dirty(&c, "written after it was read", 1);
		/* Entries from before the tracker. */
		hm_dirty_stop(c.t.fd, c.id);
		poke(&c);
		protect(&c, away[i]);
		c.id = hm_dirty_start(c.t.fd, c.t.handle, 0, 0, c.granule, 0);
		protect(&c, RW);
		poke(&c);
		expect_dirty(&c, "protected before START", 1);
		/* Of all of the granule, seen by a second one as well. */
		poke(&c);
		protect(&c, away[i]);
		expect_dirty(&c, "once more", 1);
		protect(&c, PROT_READ);
		peek(&c);
		protect(&c, RW);
		for (uint64_t k = 0; k < 8; k++)
			*(volatile char *)(c.t.p + k * c.granule / 8) = 1;
		expect_dirty(&c, "many writes", 1);
	}
	done |= object && level == HM_PUD;
	target_close(&c.t);
}

static void protect_pte(struct hm_node *node, bool object)
{
	protections(node, object, HM_PTE);
}

static void protect_pmd(struct hm_node *node, bool object)
{
	protections(node, object, HM_PMD);
}

static void protect_pud(struct hm_node *node, bool object)
{
	protections(node, object, HM_PUD);
}

/* ---- eventfd ---- */

static uint64_t signalled(int efd)
{
	uint64_t n;

	if (read(efd, &n, sizeof(n)) == (int)sizeof(n))
		return n;
	igt_assert_eq(errno, EAGAIN);
	return 0;
}

static uint32_t start_notify(const struct target *t, uint64_t granule,
			     uint64_t notify, int efd)
{
	struct drm_hugemap_dirty_start a = start_args(t);

	a.granule = granule;
	a.notify = notify;
	a.eventfd = efd;
	igt_assert_eq(__hm_dirty_start(t->fd, &a), 0);
	return a.tracker;
}

static void touch_some(const struct target *t, uint64_t first, uint64_t nr)
{
	while (nr--)
		touch(t, first++);
}

static void notify(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	int efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint32_t id = start_notify(&t, HM_PAGE, 4, efd), other;

	/* The tracker has a reference of its own. */
	other = dup(efd);
	close(efd);
	efd = other;
	touch_some(&t, 0, 3);
	touch_some(&t, 0, 3);
	igt_assert_eq_u64(signalled(efd), 0);
	touch(&t, 3);
	igt_assert_eq_u64(signalled(efd), 1);
	touch_some(&t, 10, 100);
	igt_assert_eq_u64(signalled(efd), 0);
	/* A look is none of those that make it possible again. */
	hm_dirty_sync(t.fd, id, 0, 0, DRM_HUGEMAP_SYNC_PEEK, NULL);
	touch_some(&t, 200, 10);
	igt_assert_eq_u64(signalled(efd), 0);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, 0, 0, NULL), 114);
	igt_assert_eq_u64(signalled(efd), 0);
	touch_some(&t, 0, 3);
	igt_assert_eq_u64(signalled(efd), 0);
	touch_some(&t, 3, 5);
	igt_assert_eq_u64(signalled(efd), 1);
	/* RETRY clears, as it reports. */
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, 0,
					DRM_HUGEMAP_SYNC_RETRY, NULL), 118);
	touch_some(&t, 0, 4);
	igt_assert_eq_u64(signalled(efd), 1);
	/* A part: what is left counts. */
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, HM_PAGE, 2 * HM_PAGE, 0,
					NULL), 2);
	touch(&t, 100);
	igt_assert_eq_u64(signalled(efd), 0);
	touch(&t, 101);
	igt_assert_eq_u64(signalled(efd), 1);
	/* Of several trackers each has its own count. */
	other = start_notify(&t, HM_PAGE, 1, efd);
	touch(&t, 100);
	igt_assert_eq_u64(signalled(efd), 1);
	hm_dirty_stop(t.fd, other);
	hm_dirty_stop(t.fd, id);
	touch_some(&t, 300, 20);
	igt_assert_eq_u64(signalled(efd), 0);
	close(efd);
	target_close(&t);
}

/* A SYNC that found nothing does not make it possible again. */
static void notify_none_cleared(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	int efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint32_t id = start_notify(&t, HM_PAGE, 2, efd);

	touch_some(&t, 0, 2);
	igt_assert_eq_u64(signalled(efd), 1);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 10 * HM_PAGE, HM_PAGE, 0,
					NULL), 0);
	touch(&t, 2);
	igt_assert_eq_u64(signalled(efd), 0);
	igt_assert_eq_u64(hm_dirty_sync(t.fd, id, 0, 0, 0, NULL), 3);
	close(efd);
	target_close(&t);
}

/* CLEAR is as a SYNC. */
static void notify_clear(struct hm_node *node, bool object)
{
	struct target t = target_open(node, object);
	int efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint32_t id = start_notify(&t, HM_PAGE, 2, efd);
	const uint64_t some = 3;

	touch_some(&t, 0, 2);
	igt_assert_eq_u64(signalled(efd), 1);
	igt_assert_eq(__hm_dirty_clear(t.fd, id, 0, 0, NULL), 0);
	touch(&t, 5);
	igt_assert_eq_u64(signalled(efd), 0);
	touch(&t, 6);
	igt_assert_eq_u64(signalled(efd), 1);
	igt_assert_eq(__hm_dirty_clear(t.fd, id, 5 * HM_PAGE, 2 * HM_PAGE,
				       &some), 0);
	touch_some(&t, 5, 2);
	igt_assert_eq_u64(signalled(efd), 1);
	close(efd);
	target_close(&t);
}

/* ---- rectangles ---- */

struct screen {
	const struct target *t;
	uint32_t id, pitch, width, height, cpp;
	uint64_t offset;
	struct {
		uint16_t x, y;
	} written[8192];
	unsigned int nr;
};

static void plot(struct screen *s, uint32_t x, uint32_t y)
{
	volatile char *p = s->t->p + s->offset + (uint64_t)y * s->pitch +
			   x * s->cpp;

	/* The last byte of the pixel, which may be in another page. */
	p[0] = x;
	p[s->cpp - 1] = y;
	igt_assert_lt(s->nr, (int)ARRAY_SIZE(s->written));
	s->written[s->nr].x = x;
	s->written[s->nr++].y = y;
}

static void plot_block(struct screen *s, uint32_t x, uint32_t y,
		       uint32_t width, uint32_t height)
{
	for (uint32_t i = 0; i < height; i++)
		for (uint32_t j = 0; j < width; j++)
			plot(s, x + j, y + i);
}

/* In far more places than there may be rectangles. */
static void plot_all_over(struct screen *s, unsigned int *seed)
{
	for (int i = 0; i < 400; i++)
		plot(s, rand_r(seed) % s->width, rand_r(seed) % s->height);
}

static bool rect_has(const struct drm_hugemap_rect *r, uint32_t x, uint32_t y)
{
	return x >= r->x1 && x < r->x2 && y >= r->y1 && y < r->y2;
}

/* Every pixel that was written is in one rectangle; returns how many. */
static uint32_t check_rects(struct screen *s, uint32_t flags, uint32_t max,
			    uint64_t *area)
{
	struct drm_hugemap_rect r[1001];
	struct drm_hugemap_dirty_rects a = {
		.tracker = s->id, .flags = flags, .offset = s->offset,
		.pitch = s->pitch, .width = s->width, .height = s->height,
		.cpp = s->cpp, .rects = (uintptr_t)r, .max_rects = max,
	};
	uint32_t i, j;

	memset(r, 0x5a, sizeof(r));
	igt_assert_eq(__hm_dirty_rects(s->t->fd, &a), 0);
	igt_assert_lte(a.nr_rects, max);
	*area = 0;
	for (i = 0; i < a.nr_rects; i++) {
		igt_assert_f(r[i].x1 < r[i].x2 && r[i].x2 <= s->width &&
			     r[i].y1 < r[i].y2 && r[i].y2 <= s->height &&
			     (!i || r[i].y1 >= r[i - 1].y1),
			     "%u: (%u,%u) to (%u,%u)\n", i, r[i].x1, r[i].y1,
			     r[i].x2, r[i].y2);
		for (j = 0; j < i; j++)
			igt_assert_f(r[i].x1 >= r[j].x2 ||
				     r[j].x1 >= r[i].x2 ||
				     r[i].y1 >= r[j].y2 ||
				     r[j].y1 >= r[i].y2,
				     "%u and %u overlap\n", j, i);
		*area += (uint64_t)(r[i].x2 - r[i].x1) * (r[i].y2 - r[i].y1);
	}
	/* Behind the last one nothing is written. */
	igt_assert_eq(r[a.nr_rects].x1, 0x5a5a5a5a);
	for (i = 0; i < s->nr; i++) {
		for (j = 0; j < a.nr_rects; j++)
			if (rect_has(&r[j], s->written[i].x, s->written[i].y))
				break;
		igt_assert_f(j < a.nr_rects, "(%u,%u) is missing\n",
			     s->written[i].x, s->written[i].y);
	}
	if (!(flags & DRM_HUGEMAP_SYNC_PEEK))
		s->nr = 0;
	return a.nr_rects;
}

static void draw(struct screen *s)
{
	uint64_t page = HM_PAGE / s->cpp, all = (uint64_t)s->width * s->height;
	uint64_t area, again;
	unsigned int seed = 3;
	uint32_t nr;

	s->id = start(s->t, HM_PAGE, 0);
	igt_assert_eq(check_rects(s, 0, 8, &area), 0);
	/* Single pixels: the first, the last, one in the middle. */
	plot(s, 0, 0);
	nr = check_rects(s, DRM_HUGEMAP_SYNC_PEEK, 8, &area);
	igt_assert(nr);
	igt_assert_eq(check_rects(s, DRM_HUGEMAP_SYNC_PEEK, 8, &again), nr);
	igt_assert_eq_u64(area, again);
	igt_assert_eq(check_rects(s, 0, 8, &again), nr);
	igt_assert_eq_u64(area, again);
	igt_assert_lte_u64(area, 2 * page);
	igt_assert_eq(check_rects(s, 0, 8, &area), 0);
	plot(s, s->width - 1, s->height - 1);
	check_rects(s, 0, 8, &area);
	igt_assert_lte_u64(area, 2 * page);
	/* What is lost is told again. */
	plot(s, s->width / 2, s->height / 2);
	nr = check_rects(s, 0, 8, &area);
	plot(s, s->width / 2, s->height / 2);
	igt_assert_eq(check_rects(s, 0, 8, &again), nr);
	s->nr = 1;
	igt_assert_eq(check_rects(s, DRM_HUGEMAP_SYNC_RETRY, 8, &again), nr);
	igt_assert_eq_u64(area, again);
	/* A line across, a line down, a letter. */
	plot_block(s, 0, 100, s->width, 1);
	check_rects(s, 0, 64, &area);
	igt_assert_lte_u64(area, 4 * s->width + 4 * page);
	plot_block(s, 77, 10, 1, s->height - 20);
	check_rects(s, 0, 256, &area);
	plot_block(s, 200, 240, 8, 16);
	check_rects(s, 0, 16, &area);
	igt_assert_lte_u64(area, (16 + 4) * (page > s->width ? page :
							       s->width));
	/* There are never more than the header says, whatever there is room for. */
	plot_all_over(s, &seed);
	igt_assert_lte(check_rects(s, 0, 1000, &area), 256);
	/* And less and less room, for just one of them at last. */
	for (uint32_t max = 256; max; max /= 4) {
		plot_all_over(s, &seed);
		nr = check_rects(s, 0, max, &area);
		igt_assert(nr);
	}
	/* All of it is one. */
	for (uint32_t y = 0; y < s->height; y++)
		memset(s->t->p + s->offset + (uint64_t)y * s->pitch, y,
		       s->width * s->cpp);
	plot_all_over(s, &seed);
	igt_assert_eq(check_rects(s, 0, 16, &area), 1);
	igt_assert_eq_u64(area, all);
	igt_assert_eq(check_rects(s, 0, 16, &area), 0);
	hm_dirty_stop(s->t->fd, s->id);
}

static void rects(struct hm_node *node, bool object)
{
	static const struct {
		uint32_t width, height, cpp, pitch, offset;
	} modes[] = {
		{ 1920, 1080, 4, 7680, 0 },
		{ 640, 480, 4, 2560, 0 },
		{ 1024, 300, 4, 4096, 64 },
		{ 800, 300, 3, 2432, 3 * 4096 + 256 },
		{ 1366, 300, 2, 2816, 0 },
	};
	struct target t = target_open(node, object);

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		struct screen s = {
			.t = &t, .pitch = modes[i].pitch,
			.width = modes[i].width, .height = modes[i].height,
			.cpp = modes[i].cpp, .offset = modes[i].offset,
		};

		draw(&s);
	}
	target_close(&t);
}

/* A dumb buffer, on the primary node, as a display driver's client has it. */
static void rects_dumb(struct hm_drm *drm)
{
	struct target t = { .fd = hm_drm_open(drm->card) };
	struct screen s = { .t = &t, .width = 1920, .height = 1080, .cpp = 4 };
	uint64_t off;

	igt_assert_eq(__hm_dumb_create(t.fd, s.width, s.height, 32, &t.handle,
				       &s.pitch, &t.size), 0);
	igt_assert_eq(__hm_dumb_offset(t.fd, t.handle, &off), 0);
	t.p = hm_mmap_fd(t.fd, off, t.size, RW);
	draw(&s);
	hm_munmap(t.p, t.size);
	close(t.fd);
}

/* ---- unplugging ---- */

static struct hm_device unbound;

static void bind_at_exit(int sig)
{
	(void)sig;
	if (unbound.name[0])
		__hm_device_bind(&unbound);
	unbound.name[0] = 0;
}

static void unbind(struct hm_node *node, bool object)
{
	static char last[2][sizeof(unbound.name)];
	struct drm_hugemap_dirty_rects r = {
		.pitch = 4096, .width = 1024, .height = 20, .cpp = 4,
		.max_rects = 1,
	};
	struct drm_hugemap_dirty_start a;
	struct drm_hugemap_rect rect;
	struct hm_device dev;
	uint64_t map[64];
	struct target t;
	uint32_t id;
	bool pages;

	hm_node_device(node, &dev);
	if (!strcmp(last[object], dev.name))
		igt_skip("of the same device as the one before\n");
	snprintf(last[object], sizeof(last[object]), "%s", dev.name);
	t = target_open(node, object);
	id = start(&t, HM_PAGE, 0);
	a = start_args(&t);
	r.tracker = id;
	r.rects = (uintptr_t)&rect;
	pages = hm_module_pages(node->pages);
	unbound = dev;
	igt_install_exit_handler(bind_at_exit);
	touch(&t, 1);
	hm_nodes_close();
	hm_drm_close();
	igt_assert_eq(__hm_device_unbind(&unbound), 0);
	hm_assert_sigbus(t.p + HM_PAGE);
	igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, 0, 0, map, NULL), -ENODEV);
	igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, 0, DRM_HUGEMAP_SYNC_PEEK,
				      NULL, NULL), -ENODEV);
	igt_assert_eq(__hm_dirty_clear(t.fd, id, 0, 0, NULL), -ENODEV);
	igt_assert_eq(__hm_dirty_rects(t.fd, &r), -ENODEV);
	igt_assert_eq_s64(__hm_promote(t.fd, t.p, t.size), -ENODEV);
	igt_assert_eq(__hm_dirty_start(t.fd, &a), -ENODEV);
	igt_assert_eq(__hm_dirty_stop(t.fd, id), -ENODEV);
	bind_at_exit(0);
	hm_module_pages(pages);
	igt_assert_eq(__hm_dirty_sync(t.fd, id, 0, 0, 0, NULL, NULL), -ENODEV);
	close(t.fd);
	hm_munmap(t.p, t.size);
	left.fd = -1;
}

/* ---- */

static const struct {
	const char *name, *description;
	void (*fn)(struct hm_node *node, bool object);
} subtests[] = {
	{ "start-errors", "DIRTY_START refuses what makes no sense.",
	  start_errors },
	{ "handles", "Handles that are none, and handles of a window.",
	  handles },
	{ "eventfds", "Descriptors that are no eventfd.", eventfds },
	{ "imported", "What another driver made cannot be tracked.",
	  imported },
	{ "limit-of-object", "At most 64 trackers of one object.",
	  limit_of_object },
	{ "limit-of-file", "At most 1024 trackers of one file.",
	  limit_of_file },
	{ "sync-errors", "DIRTY_SYNC and DIRTY_CLEAR refuse bad arguments.",
	  sync_errors },
	{ "unknown-trackers", "Trackers that are not of this file give ENOENT.",
	  unknown_trackers },
	{ "rects-errors", "DIRTY_RECTS refuses framebuffers that are none.",
	  rects_errors },
	{ "promote-errors", "PROMOTE refuses what is no mapping.",
	  promote_errors },
	{ "promote-foreign", "PROMOTE refuses mappings of other nodes.",
	  promote_foreign },
	{ "bad-bitmaps", "A bitmap that cannot be written loses nothing.",
	  bad_bitmaps },
	{ "sizes", "Older and newer programs have other structures.", sizes },
	{ "consumers", "Several trackers of the same memory, against a model.",
	  consumers },
	{ "retry", "What was reported last is reported again.", retry },
	{ "merge", "Words without a dirty granule are not touched.", merge },
	{ "all", "Everything is dirty at first if so asked.", all },
	{ "epochs", "Clearing SYNCs are counted.", epochs },
	{ "stopped", "A tracker that was stopped is gone, others are not.",
	  stopped },
	{ "file-closed", "Trackers end with the last close of their file.",
	  file_closed },
	{ "object-closed", "A tracker keeps its object.", object_closed },
	{ "killed", "A process is killed while it tracks.", killed },
	{ "writers", "All ways to write are seen, reads are not.", writers },
	{ "apart", "The window above an object has trackers of its own.",
	  apart },
	{ "readers", "Reads count for trackers of writable entries.",
	  readers },
	{ "readers-later", "Such a tracker begins without read-only entries.",
	  readers_later },
	{ "device-writes", "What a device has mapped counts as written.",
	  device_writes },
	{ "protect-pte", "mprotect() of base pages loses no write.",
	  protect_pte },
	{ "protect-pmd", "mprotect() of PMD entries loses no write.",
	  protect_pmd },
	{ "protect-pud", "mprotect() of PUD entries loses no write.",
	  protect_pud },
	{ "notify", "An eventfd tells when enough is dirty.", notify },
	{ "notify-none-cleared", "After a SYNC that found nothing it does not.",
	  notify_none_cleared },
	{ "notify-clear", "After a CLEAR it does again.", notify_clear },
	{ "rects", "Rectangles hold all that was drawn.", rects },
	{ "unbind", "Trackers of a device that goes away.", unbind },
};

int igt_main()
{
	volatile unsigned int i;

	for (i = 0; i < ARRAY_SIZE(subtests); i++) {
		igt_describe(subtests[i].description);
		igt_subtest_with_dynamic(subtests[i].name) {
			hm_for_each_node(node)
				if (hm_is_first_of_kind(node))
					igt_dynamic_f("%s-window", node->label)
						subtests[i].fn(node, false);
			hm_for_each_region(region)
				if (hm_is_first_of_kind(region))
					igt_dynamic_f("%s-object",
						      region->label)
						subtests[i].fn(region, true);
		}
	}

	igt_describe("Rectangles of a dumb buffer on the primary node.");
	igt_subtest_with_dynamic("rects-dumb")
		hm_dynamic_for_each_drm(drm)
			rects_dumb(drm);
}
