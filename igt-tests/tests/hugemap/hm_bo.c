// SPDX-License-Identifier: MIT
/*
 * GEM objects: their memory, their mappings, their accounting.
 */
#include "hm_map.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap objects
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: memory
 * Description: GEM objects in every kind of region.
 *
 * SUBTEST: sizes
 * Description: Sizes are rounded up to pages, and accounted.
 *
 * SUBTEST: zeroed
 * Description: Every new object is zeros.
 *
 * SUBTEST: whole-region
 * Description: One object can be all of a region, and then there is no more.
 *
 * SUBTEST: layout
 * Description: A mapping has the page sizes that GEM_INFO announces.
 *
 * SUBTEST: gib-faults
 * Description: An object of N GiB is mapped by N faults.
 *
 * SUBTEST: max-order
 * Description: An object's max_order limits its page sizes.
 *
 * SUBTEST: limit-live
 * Description: The region's max_order acts on objects that are mapped.
 *
 * SUBTEST: partial
 * Description: Any part of an object can be mapped.
 *
 * SUBTEST: bad-mappings
 * Description: There is no way to map what is not one's own.
 *
 * SUBTEST: closed-while-mapped
 * Description: A mapping keeps an object that was closed.
 *
 * SUBTEST: fork
 * Description: A child shares the object, and its death frees its own.
 *
 * SUBTEST: killed
 * Description: A process that is killed while it gets an object leaves nothing.
 *
 * SUBTEST: cut
 * Description: Mappings of objects can be cut, protected and moved.
 *
 * SUBTEST: window
 * Description: The character node shows objects, and that they are cleared.
 *
 * SUBTEST: window-waits
 * Description: Opening the character node for writing waits until what was given
 *	back before is cleared.
 *
 * SUBTEST: contiguous
 * Description: A contiguous object is one piece.
 *
 * SUBTEST: fragmented
 * Description: Where every other 2 MiB is taken, the rest is one object of 2
 *	MiB pages.
 *
 * SUBTEST: small-holes
 * Description: Where only parts of 2 MiB are free an object is made of those alone.
 *
 * SUBTEST: mixed-orders
 * Description: An object is made of all page sizes where need be.
 *
 * SUBTEST: recreate
 * Description: A new object is as good as the one just freed.
 *
 * SUBTEST: many
 * Description: Hundreds of objects do not touch each other.
 *
 * SUBTEST: prefault
 * Description: PREFAULT works on objects.
 *
 * SUBTEST: prefault-errors
 * Description: PREFAULT refuses what is not one object.
 *
 * SUBTEST: dumb
 * Description: Dumb buffers work as with any driver, on the primary node.
 */

IGT_TEST_DESCRIPTION("GEM objects in every kind of region.");

#define SEED	0x626full
#define RW	(PROT_READ | PROT_WRITE)

/* ---- sizes ---- */

static void sizes(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	const struct {
		uint64_t want, have;
	} sizes[] = {
		{ 1, HM_PAGE },
		{ HM_PAGE - 1, HM_PAGE },
		{ HM_PAGE, HM_PAGE },
		{ HM_PAGE + 1, 2 * HM_PAGE },
		{ c.pmd - 1, c.pmd },
		{ c.pmd, c.pmd },
		{ c.pmd + 1, c.pmd + HM_PAGE },
		{ 5 * c.pmd + 7 * HM_PAGE - 3, 5 * c.pmd + 7 * HM_PAGE },
	};
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct drm_hugemap_gem_create a = {
			.size = sizes[i].want,
			.region = region->region,
			.max_order = DRM_HUGEMAP_ORDER_ANY,
		};
		struct drm_hugemap_gem_info info;
		char *p;

		igt_assert_eq(__hm_create(c.fd, &a), 0);
		igt_assert_eq_u64(a.size, sizes[i].have);
		igt_assert_eq(a.handle, i + 1);
		hm_info(c.fd, a.handle, &info);
		igt_assert_eq_u64(info.size, sizes[i].have);
		igt_assert_eq(info.region, region->region);
		igt_assert_eq(info.gem_flags, 0);
		igt_assert_eq(info.max_order, DRM_HUGEMAP_ORDER_ANY);
		igt_assert_lte(1, info.nr_extents);
		sum += sizes[i].have;
		igt_assert_eq_u64(hm_free(region), c.free - sum);
		p = hm_bo_mmap(c.fd, a.handle, 0, a.size, RW);
		hm_check_zero(p, 0, a.size, 8);
		hm_fill(p, 0, a.size, SEED + i);
		hm_check(p, 0, a.size, SEED + i);
		hm_munmap(p, a.size);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *p = hm_bo_mmap(c.fd, i + 1, 0, sizes[i].have, PROT_READ);

		hm_check(p, 0, sizes[i].have, SEED + i);
		hm_munmap(p, sizes[i].have);
		hm_close(c.fd, i + 1);
		sum -= sizes[i].have;
		hm_assert_free(region, c.free - sum);
	}
	hm_client_close(&c);
}

static void zeroed(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	const uint64_t sizes[] = {
		HM_PAGE, 3 * HM_PAGE, c.pmd, c.pmd + HM_PAGE, 16 * c.pmd,
	};

	for (int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
			uint32_t handle = hm_create(c.fd, region, sizes[i]);
			char *p = hm_bo_mmap(c.fd, handle, 0, sizes[i], RW);

			hm_check_zero(p, 0, sizes[i], 8);
			hm_fill(p, 0, sizes[i], SEED);
			hm_munmap(p, sizes[i]);
			hm_close(c.fd, handle);
		}
	}
	hm_client_close(&c);
}

static void whole_region(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint32_t handle = hm_create(c.fd, region, c.free), other;
	struct drm_hugemap_gem_info info;
	char *p;

	hm_info(c.fd, handle, &info);
	igt_assert_eq_u64(info.size, c.free);
	igt_assert_eq_u64(hm_free(region), 0);
	igt_assert_eq(__hm_create_in(c.fd, region->region, 1, 0, 0, &other),
		      -ENOSPC);
	p = hm_bo_mmap(c.fd, handle, 0, c.free, RW);
	hm_check_zero(p, 0, c.free, HM_PAGE);
	hm_fill_step(p, 0, c.free, HM_PAGE, SEED);
	hm_check_step(p, 0, c.free, HM_PAGE, SEED);
	hm_munmap(p, c.free);
	hm_close(c.fd, handle);
	hm_assert_free(region, c.free);
	hm_client_close(&c);
}

/* ---- page sizes ---- */

/*
 * A mapping of the whole object, every page touched, has exactly the entries
 * that GEM_INFO announces, and took one fault for each (or batch).
 */
static void check_layout(struct hm_client *c, uint32_t handle, uint64_t size)
{
	struct drm_hugemap_gem_info info;
	struct hm_stats before, s;
	long minflt;
	char *p;

	hm_info(c->fd, handle, &info);
	igt_assert_eq_u64(info.nr_pud * c->pud + info.nr_pmd * c->pmd +
			  info.nr_pte * HM_PAGE, size);
	hm_stats_read(c->fd, &before);
	p = hm_bo_mmap(c->fd, handle, 0, size, RW);
	hm_minflt();
	minflt = hm_minflt();
	hm_fill_step(p, 0, size, HM_PAGE, SEED + handle);
	minflt = hm_minflt() - minflt;
	hm_stats_since(c->fd, &before, &s);
	hm_assert_levels(c->region, p, size, info.nr_pud, info.nr_pmd,
			 info.nr_pte);
	hm_assert_stat(&s, "fault-pud", info.nr_pud);
	hm_assert_stat(&s, "fault-pmd", info.nr_pmd);
	hm_assert_stat(&s, "pte-entries", info.nr_pte);
	igt_assert_eq_u64(minflt, info.nr_pud + info.nr_pmd +
			  hm_stats_get(&s, "fault-pte"));
	hm_check_step(p, 0, size, HM_PAGE, SEED + handle);
	hm_munmap(p, size);
}

static void layout(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	bool pud = hm_has_order(region, region->q.pud_order);
	const uint64_t sizes[] = {
		HM_PAGE, c.pmd - HM_PAGE, c.pmd, c.pmd + HM_PAGE,
		3 * c.pmd + 5 * HM_PAGE, c.pud - HM_PAGE, c.pud,
		c.pud + 3 * c.pmd + 2 * HM_PAGE,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct drm_hugemap_gem_info info;
		uint64_t puds = pud ? sizes[i] / c.pud : 0;
		uint32_t handle;

		if (sizes[i] > c.free)
			continue;
		handle = hm_create(c.fd, region, sizes[i]);
		hm_info(c.fd, handle, &info);
		/* Nothing else is in the region. */
		igt_assert_eq_u64(info.nr_pud, puds);
		igt_assert_eq_u64(info.nr_pmd, (sizes[i] - puds * c.pud) /
				  c.pmd);
		check_layout(&c, handle, sizes[i]);
		hm_close(c.fd, handle);
	}
	hm_client_close(&c);
}

static void gib_faults(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = c.free / c.pud * c.pud;
	struct hm_stats before, s;
	uint32_t handle;
	long minflt;
	char *p;

	igt_hugemap_require_size(region, c.pud);
	hm_require_set_level(region, HM_PUD, true);
	handle = hm_create(c.fd, region, size);
	hm_stats_read_node(region, &before);
	p = hm_bo_mmap(c.fd, handle, 0, size, RW);
	hm_minflt();
	minflt = hm_minflt();
	hm_fill_step(p, 0, size, HM_PAGE, SEED);
	minflt = hm_minflt() - minflt;
	igt_info("%" PRIu64 " GiB: %ld page faults\n", size >> 30, minflt);
	igt_assert_eq_u64(minflt, size / c.pud);
	hm_stats_read(c.fd, &s);
	hm_assert_stat(&s, "fault-pud", size / c.pud);
	hm_assert_stat(&s, "fault-pmd", 0);
	hm_assert_stat(&s, "fault-pte", 0);
	hm_assert_stat(&s, "pt-bytes", 0);
	hm_assert_stat(&s, "vmas", 1);
	/* The region counts the same. */
	hm_stats_read_node(region, &s);
	hm_stats_diff(&before, &s, &s);
	hm_assert_stat(&s, "fault-pud", size / c.pud);
	hm_assert_level(region, p, size, HM_PUD);
	hm_check_step(p, 0, size, HM_PAGE, SEED);
	hm_munmap(p, size);
	hm_client_close(&c);
}

static void max_order(struct hm_node *region)
{
	const uint32_t orders[] = {
		0, region->q.pmd_order, region->q.pud_order,
		DRM_HUGEMAP_ORDER_ANY,
	};
	struct hm_client c = hm_client_open(region);
	bool pud = c.free >= c.pud && hm_has_order(region, region->q.pud_order);
	struct drm_hugemap_gem_info info;
	struct hm_stats s;
	uint32_t handle;

	for (unsigned int i = 0; i < ARRAY_SIZE(orders); i++) {
		/* Large enough to have what it is denied. */
		uint64_t size = pud && orders[i] ? c.pud : 8 * c.pmd;
		enum hm_level level = !orders[i] ? HM_PTE :
			pud && orders[i] >= region->q.pud_order ? HM_PUD :
								  HM_PMD;

		igt_assert_eq(__hm_create_in(c.fd, region->region, size, 0,
					     orders[i], &handle), 0);
		hm_info(c.fd, handle, &info);
		igt_assert_eq(info.max_order, orders[i]);
		igt_assert_eq_u64(info.nr_pud, level == HM_PUD);
		igt_assert_eq_u64(info.nr_pmd, level == HM_PMD ?
				  size / c.pmd : 0);
		igt_assert_eq_u64(info.nr_pte, level == HM_PTE ?
				  size / HM_PAGE : 0);
		hm_stats_read(c.fd, &s);
		check_layout(&c, handle, size);
		hm_stats_since(c.fd, &s, &s);
		if (pud && level == HM_PMD)
			hm_assert_stat(&s, "fallback-pud-limit", size / c.pmd);
		if (level == HM_PTE)
			hm_assert_stat(&s, "fallback-pmd-limit", size / c.pmd);
		hm_close(c.fd, handle);
	}
	hm_client_close(&c);
}

static void limit_live(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	struct drm_hugemap_gem_info info;
	uint32_t handle;
	char *p;

	igt_hugemap_require_size(region, c.pud);
	hm_require_set_level(region, HM_PUD, true);
	handle = hm_create(c.fd, region, c.pud);
	p = hm_bo_mmap(c.fd, handle, 0, c.pud, RW);
	hm_fill_step(p, 0, c.pud, c.pmd, SEED);
	hm_assert_level(region, p, c.pud, HM_PUD);
	for (int level = HM_PMD; level >= HM_PTE; level--) {
		hm_limit(region, level);
		hm_assert_levels(region, p, c.pud, 0, 0, 0);
		/* By the limits of now. */
		hm_info(c.fd, handle, &info);
		igt_assert_eq_u64(info.nr_pud, 0);
		igt_assert_eq_u64(info.nr_pmd,
				  level == HM_PMD ? c.pud / c.pmd : 0);
		igt_assert_eq_u64(info.nr_pte,
				  level == HM_PTE ? c.pud / HM_PAGE : 0);
		hm_check_step(p, 0, c.pud, c.pmd, SEED);
		hm_assert_level(region, p, c.pud, level);
	}
	hm_munmap(p, c.pud);
	hm_limit(region, HM_PUD);
	p = hm_bo_mmap(c.fd, handle, 0, c.pud, RW);
	hm_check_step(p, 0, c.pud, c.pmd, SEED);
	hm_assert_level(region, p, c.pud, HM_PUD);
	hm_munmap(p, c.pud);
	hm_client_close(&c);
}

/* ---- mappings ---- */

static void partial(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = 8 * c.pmd + 3 * HM_PAGE;
	const struct {
		uint64_t off, len;
	} parts[] = {
		{ 0, HM_PAGE }, { HM_PAGE, HM_PAGE }, { c.pmd, c.pmd },
		{ HM_PAGE, c.pmd }, { c.pmd - HM_PAGE, 2 * c.pmd },
		{ 3 * c.pmd, 4 * c.pmd + HM_PAGE }, { HM_PAGE, size - HM_PAGE },
		{ size - HM_PAGE, HM_PAGE },
		{ size - c.pmd - HM_PAGE, c.pmd + HM_PAGE },
	};
	uint32_t first = hm_create(c.fd, region, 5 * HM_PAGE);
	uint32_t handle = hm_create(c.fd, region, size);
	struct hm_levels l;
	char *p, *q;

	p = hm_bo_mmap(c.fd, handle, 0, size, RW);
	hm_fill_step(p, 0, size, HM_PAGE, SEED);
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		uint64_t off = parts[i].off, len = parts[i].len;
		uint64_t in = (off + len) / c.pmd * c.pmd;
		uint64_t from = (off + c.pmd - 1) / c.pmd * c.pmd;
		uint64_t whole = in > from ? (in - from) / c.pmd : 0;

		q = hm_bo_mmap(c.fd, handle, off, len, RW);
		hm_check_step(q, off, len, HM_PAGE, SEED);
		/* What is a whole large page of the object is one here. */
		igt_assert(hm_map_levels(region, q, len, &l));
		igt_assert_eq_u64(l.pmd, whole);
		igt_assert_eq_u64(l.mapped, len);
		*(volatile uint64_t *)q = i;
		__sync_synchronize();
		igt_assert_eq_u64(*(volatile uint64_t *)(p + off), i);
		*(volatile uint64_t *)q = hm_pattern(off, SEED);
		hm_munmap(q, len);
	}
	hm_munmap(p, size);
	p = hm_bo_mmap(c.fd, first, 0, 5 * HM_PAGE, PROT_READ);
	hm_check_zero(p, 0, 5 * HM_PAGE, 8);
	hm_munmap(p, 5 * HM_PAGE);
	hm_client_close(&c);
}

static int __map(int fd, uint64_t off, uint64_t len, int prot, int flags)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);

	if (p == MAP_FAILED)
		return -errno;
	hm_munmap(p, len);
	return 0;
}

static void bad_mappings(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = c.pmd, off, last;
	int other = hm_render_open(region);
	uint32_t handle = hm_create(c.fd, region, size);

	off = hm_mmap_offset(c.fd, handle);
	igt_assert_eq(__map(c.fd, off, size, RW, MAP_SHARED), 0);
	/* Beyond the end, before the beginning, nothing there at all. */
	igt_assert_eq(__map(c.fd, off, size + 1, RW, MAP_SHARED), -EINVAL);
	igt_assert_eq(__map(c.fd, off + HM_PAGE, size, RW, MAP_SHARED),
		      -EINVAL);
	igt_assert_eq(__map(c.fd, off + size, HM_PAGE, RW, MAP_SHARED),
		      -EINVAL);
	igt_assert_eq(__map(c.fd, off - HM_PAGE, size, RW, MAP_SHARED),
		      -EINVAL);
	igt_assert_eq(__map(c.fd, 0, HM_PAGE, RW, MAP_SHARED), -EINVAL);
	igt_assert_eq(__map(c.fd, off + HM_GIB(64), HM_PAGE, RW, MAP_SHARED),
		      -EINVAL);
	/* A copy on write of device memory would not be one. */
	igt_assert_eq(__map(c.fd, off, size, RW, MAP_PRIVATE), -EINVAL);
	/* Another client's, whatever it wants to do. */
	igt_assert_eq(__map(other, off, size, RW, MAP_SHARED), -EACCES);
	igt_assert_eq(__map(other, off, size, PROT_READ, MAP_SHARED), -EACCES);
	igt_assert_eq(__map(other, off, HM_PAGE, PROT_NONE, MAP_SHARED),
		      -EACCES);
	/* Through a descriptor that may only read. */
	close(other);
	other = open(hm_region_drm(region)->render, O_RDONLY | O_CLOEXEC);
	igt_assert_fd(other);
	handle = hm_create(other, region, size);
	off = hm_mmap_offset(other, handle);
	igt_assert_eq(__map(other, off, size, RW, MAP_SHARED), -EACCES);
	igt_assert_eq(__map(other, off, size, PROT_READ, MAP_SHARED), 0);
	close(other);
	/* One that was closed. */
	handle = hm_create(c.fd, region, size);
	last = hm_mmap_offset(c.fd, handle);
	hm_close(c.fd, handle);
	igt_assert_eq(__map(c.fd, last, size, RW, MAP_SHARED), -EINVAL);
	hm_client_close(&c);
}

static void closed_while_mapped(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint32_t handle = hm_create(c.fd, region, 4 * c.pmd);
	struct drm_hugemap_gem_info info;
	char *p;

	p = hm_bo_mmap(c.fd, handle, 0, 4 * c.pmd, RW);
	hm_fill_step(p, 0, 2 * c.pmd, HM_PAGE, SEED);
	hm_close(c.fd, handle);
	igt_assert_eq(__hm_info(c.fd, handle, &info), -ENOENT);
	igt_assert_eq(__hm_close(c.fd, handle), -EINVAL);
	close(c.fd);
	c.fd = hm_render_open(region);
	hm_fill_step(p + 2 * c.pmd, 2 * c.pmd, 2 * c.pmd, HM_PAGE, SEED);
	igt_assert_eq_u64(hm_free(region), c.free - 4 * c.pmd);
	/* A new object is somewhere else, although it would fit best there. */
	handle = hm_create(c.fd, region, 4 * c.pmd);
	hm_check_step(p, 0, 4 * c.pmd, HM_PAGE, SEED);
	hm_close(c.fd, handle);
	/* A part of the mapping is enough to keep all. */
	hm_munmap(p + HM_PAGE, 4 * c.pmd - HM_PAGE);
	hm_check_step(p, 0, HM_PAGE, HM_PAGE, SEED);
	hm_assert_free(region, c.free - 4 * c.pmd);
	hm_munmap(p, HM_PAGE);
	hm_assert_free(region, c.free);
	hm_client_close(&c);
}

static void forked(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = 2 * c.pmd;
	uint32_t handle = hm_create(c.fd, region, size);
	char *p = hm_bo_mmap(c.fd, handle, 0, size, RW);

	hm_fill_step(p, 0, c.pmd, HM_PAGE, SEED);
	igt_fork(child, 1) {
		char *q;

		hm_check_step(p, 0, c.pmd, HM_PAGE, SEED);
		hm_fill_step(p + c.pmd, c.pmd, c.pmd, HM_PAGE, SEED);
		/* The file is the same client. */
		q = hm_bo_mmap(c.fd, handle, 0, size, RW);
		hm_check_step(q, 0, size, HM_PAGE, SEED);
		hm_munmap(p, size);
	}
	igt_waitchildren();
	hm_check_step(p, 0, size, HM_PAGE, SEED);
	hm_munmap(p, size);
	/* A process that dies with everything open leaves nothing. */
	close(c.fd);
	igt_fork(child, 1) {
		c.fd = hm_render_open(region);
		handle = hm_create(c.fd, region, size);
		p = hm_bo_mmap(c.fd, handle, 0, size, RW);
		hm_fill_step(p, 0, size, HM_PAGE, SEED);
		hm_export(c.fd, handle);
		_exit(0);
	}
	igt_waitchildren();
	hm_assert_free(region, c.free);
}

/* A process that is killed while its object is being cleared. */
static void killed(struct hm_node *region)
{
	/* While root writes to the region everything is cleared once more. */
	int node = hm_open(region, O_RDWR), status;
	struct hm_client c = hm_client_open(region);
	volatile int *ready = mmap(NULL, HM_PAGE, RW, MAP_SHARED |
				   MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	igt_assert(ready != MAP_FAILED);
	for (int delay = 0; delay < 40000; delay = 2 * delay + 1000) {
		*ready = 0;
		pid = fork();
		igt_assert(pid >= 0);
		if (!pid) {
			uint32_t handle;
			int fd = hm_render_open(region);

			*ready = 1;
			for (;;) {
				if (__hm_create_in(fd, region->region, c.free,
						   0, DRM_HUGEMAP_ORDER_ANY,
						   &handle) ||
				    __hm_close(fd, handle))
					_exit(1);
			}
		}
		while (!*ready)
			usleep(100);
		usleep(delay);
		igt_assert_eq(kill(pid, SIGKILL), 0);
		igt_assert_eq(waitpid(pid, &status, 0), pid);
		igt_assert(WIFSIGNALED(status));
		hm_assert_free(region, c.free);
	}
	hm_munmap((void *)ready, HM_PAGE);
	close(node);
	hm_client_close(&c);
}

/* What programs do to mappings, at an offset that is not the region's. */
static void cut(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = c.free >= c.pud ? c.pud : c.free / c.pmd * c.pmd;
	uint64_t mid = size / 2 / c.pmd * c.pmd, step = c.pmd / 8;
	uint32_t handle = hm_create(c.fd, region, size);
	char *p = hm_bo_mmap(c.fd, handle, 0, size, RW), *q;

	hm_fill_step(p, 0, size, step, SEED);
	/* A hole of a page. */
	hm_munmap(p + mid + HM_PAGE, HM_PAGE);
	igt_assert_eq(hm_touch_read(p + mid + HM_PAGE).sig, SIGSEGV);
	hm_check_step(p, 0, mid + HM_PAGE, step, SEED);
	hm_check_step(p + mid + step, mid + step, size - mid - step, step,
		      SEED);
	/* Filled again by the right page, not by its neighbour. */
	hm_bo_mmap_at(c.fd, handle, p + mid + HM_PAGE, mid + HM_PAGE, HM_PAGE,
		      RW);
	hm_check_zero(p + mid + HM_PAGE, mid + HM_PAGE, HM_PAGE, 8);
	/* A page that may not be written. */
	igt_assert_eq(mprotect(p + c.pmd, HM_PAGE, PROT_READ), 0);
	igt_assert_eq(hm_touch_write(p + c.pmd).sig, SIGSEGV);
	igt_assert_eq(hm_touch_write(p + c.pmd + HM_PAGE).sig, 0);
	hm_check_step(p, 0, size, step, SEED);
	igt_assert_eq(mprotect(p + c.pmd, HM_PAGE, RW), 0);
	/* A part that moves keeps its offset. */
	q = mremap(p + 2 * c.pmd, c.pmd, c.pmd, MREMAP_MAYMOVE | MREMAP_FIXED,
		   hm_reserve_aligned(c.pmd, c.pmd));
	igt_assert(q != MAP_FAILED);
	hm_check_step(q, 2 * c.pmd, c.pmd, step, SEED);
	igt_assert_eq(hm_touch_read(p + 2 * c.pmd).sig, SIGSEGV);
	hm_munmap(q, c.pmd);
	hm_munmap(p, size);
	p = hm_bo_mmap(c.fd, handle, 0, size, RW);
	hm_check_step(p, 0, size, step, SEED);
	hm_munmap(p, size);
	hm_client_close(&c);
}

/* The object is in the window of the character node, and cleared in the end. */
static void window(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = 3 * c.pmd, found = 0, at[3] = {}, off, val = 1;
	uint32_t handle = hm_create(c.fd, region, size);
	char *p = hm_bo_mmap(c.fd, handle, 0, size, RW);
	int node = hm_open(region, O_RDWR), ms;

	hm_fill_step(p, 0, size, HM_PAGE, SEED);
	for (off = 0; off + c.pmd <= region->size; off += c.pmd) {
		igt_assert_eq(pread(node, &val, 8, off), 8);
		for (uint64_t i = 0; i < 3; i++) {
			if (val != hm_pattern(i * c.pmd, SEED))
				continue;
			at[i] = off;
			found++;
		}
	}
	igt_assert_eq_u64(found, 3);
	for (uint64_t i = 0; i < 3; i++) {
		for (off = 0; off < c.pmd; off += HM_PAGE) {
			igt_assert_eq(pread(node, &val, 8, at[i] + off), 8);
			igt_assert_eq_u64(val, hm_pattern(i * c.pmd + off,
							  SEED));
		}
		val = i;
		igt_assert_eq(pwrite(node, &val, 8, at[i] + HM_PAGE), 8);
		igt_assert_eq_u64(*(volatile uint64_t *)(p + i * c.pmd +
							 HM_PAGE), i);
	}
	hm_munmap(p, size);
	hm_close(c.fd, handle);
	/* Nobody asks for the memory; it is cleared nevertheless. */
	for (ms = 0; val && ms < 20000; ms++) {
		igt_assert_eq(pread(node, &val, 8, at[2] + c.pmd - HM_PAGE), 8);
		if (val)
			usleep(1000);
	}
	igt_assert_eq_u64(val, 0);
	close(node);
	hm_client_close(&c);
}

/*
 * Whoever opens the node for writing finds all cleared that was given back before:
 * what he writes is not cleared behind him.
 */
static void window_waits(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = region->size / 2, *at, val = 1, off, nr = 0;
	uint32_t handle = hm_create(c.fd, region, size);
	char *p = hm_bo_mmap(c.fd, handle, 0, size, RW);
	int node = hm_open(region, O_RDONLY);

	at = calloc(size / c.pmd, sizeof(*at));
	igt_assert(at);
	/* The last page of each 2 MiB says whose it is. */
	hm_fill_step(p + c.pmd - HM_PAGE, c.pmd - HM_PAGE, size - c.pmd + HM_PAGE,
		     c.pmd, SEED);
	for (off = c.pmd - HM_PAGE; off < region->size; off += c.pmd) {
		igt_assert_eq(pread(node, &val, 8, off), 8);
		for (uint64_t i = 0; val && i < size; i += c.pmd)
			if (val == hm_pattern(i + c.pmd - HM_PAGE, SEED))
				at[nr++] = off;
	}
	igt_assert_eq_u64(nr, size / c.pmd);
	hm_munmap(p, size);
	hm_close(c.fd, handle);
	close(node);
	node = hm_open(region, O_RDWR);
	for (uint64_t i = 0; i < nr; i++) {
		igt_assert_eq(pread(node, &val, 8, at[i]), 8);
		igt_assert_eq_u64(val, 0);
	}
	free(at);
	close(node);
	hm_client_close(&c);
}

/* ---- layout under pressure ---- */

static void fill_object(int fd, uint32_t handle, uint64_t size, uint64_t seed)
{
	char *p = hm_bo_mmap(fd, handle, 0, size, RW);

	hm_fill_step(p, 0, size, HM_PAGE, seed);
	hm_munmap(p, size);
}

static void contiguous(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = 4 * c.pmd + HM_PAGE;
	struct drm_hugemap_gem_info info;
	uint32_t handle;

	igt_assert_eq(__hm_create_in(c.fd, region->region, size,
				     DRM_HUGEMAP_GEM_CONTIGUOUS,
				     DRM_HUGEMAP_ORDER_ANY, &handle), 0);
	hm_info(c.fd, handle, &info);
	igt_assert_eq(info.nr_extents, 1);
	igt_assert_eq(info.gem_flags, DRM_HUGEMAP_GEM_CONTIGUOUS);
	igt_assert_eq_u64(info.nr_pmd, 4);
	check_layout(&c, handle, size);
	hm_client_close(&c);
}

/*
 * Fills the region with objects of a PMD page each, and finds out through the
 * character node which one is where.  Returns how many.
 */
static unsigned int fill_region(struct hm_client *c, uint32_t *at,
				unsigned int max)
{
	int node = hm_open(c->region, O_RDONLY);
	unsigned int nr = 0, found = 0, unit;
	uint32_t handle;
	uint64_t val;
	char *p;

	while (!__hm_create_in(c->fd, c->region->region, c->pmd, 0,
			       c->region->q.pmd_order, &handle)) {
		p = hm_bo_mmap(c->fd, handle, 0, c->pmd, RW);
		*(volatile uint64_t *)p = hm_pattern(handle, SEED);
		*((volatile uint64_t *)p + 1) = handle;
		hm_munmap(p, c->pmd);
		nr++;
	}
	igt_assert_eq(errno, ENOSPC);
	igt_assert_lt_u64(hm_free(c->region), c->pmd);
	memset(at, 0, max * sizeof(*at));
	for (unit = 0; (unit + 1) * c->pmd <= c->region->size; unit++) {
		igt_assert_lt(unit, max);
		igt_assert_eq(pread(node, &val, 8, unit * c->pmd + 8), 8);
		handle = val;
		igt_assert_eq(pread(node, &val, 8, unit * c->pmd), 8);
		if (val != hm_pattern(handle, SEED))
			continue;
		at[unit] = handle;
		found++;
	}
	close(node);
	igt_assert_eq(found, nr);
	return unit;
}

static void fragmented(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	static uint32_t at[HM_GIB(64) / HM_MIB(2)];
	unsigned int units, freed = 0, i;
	struct drm_hugemap_gem_info info;
	uint32_t handle, other;
	uint64_t size;
	char *p;

	units = fill_region(&c, at, ARRAY_SIZE(at));
	for (i = 1; i < units; i += 2) {
		if (!at[i])
			continue;
		hm_close(c.fd, at[i]);
		at[i] = 0;
		freed++;
	}
	size = freed * c.pmd;
	igt_assert_eq(__hm_create_in(c.fd, region->region, size,
				     DRM_HUGEMAP_GEM_CONTIGUOUS,
				     DRM_HUGEMAP_ORDER_ANY, &handle), -ENOSPC);
	handle = hm_create(c.fd, region, size);
	hm_info(c.fd, handle, &info);
	igt_info("%u of %u pages of 2 MiB: %u pieces\n", freed, units,
		 info.nr_extents);
	igt_assert_eq_u64(info.nr_pud, 0);
	igt_assert_eq_u64(info.nr_pmd, freed);
	igt_assert_eq_u64(info.nr_pte, 0);
	/* The pieces of a system region may be neighbours by chance. */
	if (region->q.type != DRM_HUGEMAP_REGION_SYSTEM)
		igt_assert_eq(info.nr_extents, freed);
	igt_assert_eq(__hm_create_in(c.fd, region->region, c.pmd, 0, 0,
				     &other), -ENOSPC);
	p = hm_bo_mmap(c.fd, handle, 0, size, RW);
	hm_check_zero(p, 0, size, HM_PAGE);
	hm_munmap(p, size);
	check_layout(&c, handle, size);

	/* Through mappings of parts as well, across pieces. */
	for (i = 0; i + 3 < freed; i += 7) {
		uint64_t off = i * c.pmd + c.pmd / 2;

		p = hm_bo_mmap(c.fd, handle, off, 2 * c.pmd, PROT_READ);
		hm_check_step(p, off, 2 * c.pmd, HM_PAGE, SEED + handle);
		hm_munmap(p, 2 * c.pmd);
	}
	/* The neighbours are untouched. */
	for (i = 0; i < units; i += 2) {
		if (!at[i])
			continue;
		p = hm_bo_mmap(c.fd, at[i], 0, c.pmd, PROT_READ);
		igt_assert_eq_u64(*(uint64_t *)p, hm_pattern(at[i], SEED));
		hm_check_zero(p + HM_PAGE, HM_PAGE, c.pmd - HM_PAGE, HM_PAGE);
		hm_munmap(p, c.pmd);
	}
	close(c.fd);
	hm_assert_free(region, c.free);

	/* And all is as it was. */
	c.fd = hm_render_open(region);
	size = c.free >= c.pud ? c.pud : c.free / c.pmd * c.pmd;
	handle = hm_create(c.fd, region, size);
	hm_info(c.fd, handle, &info);
	igt_assert_eq_u64(info.nr_pud, size == c.pud &&
			  hm_has_order(region, region->q.pud_order));
	if (!info.nr_pud)
		igt_assert_eq_u64(info.nr_pmd, size / c.pmd);
	check_layout(&c, handle, size);
	hm_client_close(&c);
}

/*
 * All that is free are holes of half a PMD page, each at the begin of one: such
 * a piece is aligned like a large page and goes on into memory of others.
 */
static void small_holes(struct hm_node *region)
{
	enum { NR = 8 };
	struct hm_client c = hm_client_open(region);
	uint64_t half = c.pmd / 2, size = NR * half;
	uint32_t units[NR], first[NR], next[NR], rest, handle;
	struct drm_hugemap_gem_info info;
	char *p;

	igt_require_f(region->size <= HM_GIB(1),
		      "takes all of the region: a smaller one will do\n");
	for (unsigned int i = 0; i < NR; i++)
		igt_assert_eq(__hm_create_in(c.fd, region->region, c.pmd, 0,
					     region->q.pmd_order, &units[i]), 0);
	rest = hm_create(c.fd, region, hm_free(region));
	for (unsigned int i = 0; i < NR; i++) {
		hm_close(c.fd, units[i]);
		first[i] = hm_create(c.fd, region, half);
		next[i] = hm_create(c.fd, region, half);
		fill_object(c.fd, next[i], half, SEED + next[i]);
	}
	for (unsigned int i = 0; i < NR; i++)
		hm_close(c.fd, first[i]);
	hm_assert_free(region, size);
	handle = hm_create(c.fd, region, size);
	hm_info(c.fd, handle, &info);
	igt_assert_eq(info.nr_extents, NR);
	igt_assert_eq_u64(info.nr_pte, size / HM_PAGE);
	p = hm_bo_mmap(c.fd, handle, 0, size, PROT_READ);
	hm_check_zero(p, 0, size, HM_PAGE);
	hm_munmap(p, size);
	check_layout(&c, handle, size);
	for (unsigned int i = 0; i < NR; i++) {
		p = hm_bo_mmap(c.fd, next[i], 0, half, PROT_READ);
		hm_check_step(p, 0, half, HM_PAGE, SEED + next[i]);
		hm_munmap(p, half);
	}
	hm_close(c.fd, rest);
	hm_client_close(&c);
}

static void mixed_orders(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	struct drm_hugemap_gem_info info;
	uint32_t handle, pin[3];
	uint64_t size;

	/* A page here and there: what is left is not all of large pages. */
	for (unsigned int i = 0; i < ARRAY_SIZE(pin); i++) {
		pin[i] = hm_create(c.fd, region, HM_PAGE);
		handle = hm_create(c.fd, region, c.free / 8);
		igt_assert_neq(handle, pin[i]);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(pin); i++)
		hm_close(c.fd, pin[i] + 1);
	hm_assert_free(region, c.free - ARRAY_SIZE(pin) * HM_PAGE);
	size = hm_free(region);
	handle = hm_create(c.fd, region, size);
	igt_assert_eq_u64(hm_free(region), 0);
	hm_info(c.fd, handle, &info);
	igt_info("%u pieces: %" PRIu64 " pud, %" PRIu64 " pmd, %" PRIu64 " pte\n",
		 info.nr_extents, (uint64_t)info.nr_pud,
		 (uint64_t)info.nr_pmd, (uint64_t)info.nr_pte);
	igt_assert_lt(1, info.nr_extents);
	igt_assert_lt_u64(0, info.nr_pte);
	/* Each of the pages costs a large page of its own at most. */
	igt_assert_lte_u64(info.nr_pte * HM_PAGE,
			   (2 * ARRAY_SIZE(pin) + 1) * c.pmd);
	check_layout(&c, handle, size);
	hm_client_close(&c);
}

static void recreate(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = c.free >= c.pud ? c.pud : c.free;
	struct drm_hugemap_gem_info first, info;
	char *p;

	for (int i = 0; i < 3; i++) {
		uint32_t handle = hm_create(c.fd, region, size);

		hm_info(c.fd, handle, &info);
		if (!i)
			first = info;
		igt_assert_eq(info.nr_extents, first.nr_extents);
		igt_assert_eq_u64(info.nr_pud, first.nr_pud);
		igt_assert_eq_u64(info.nr_pmd, first.nr_pmd);
		p = hm_bo_mmap(c.fd, handle, 0, size, RW);
		hm_check_zero(p, 0, size, HM_PAGE);
		hm_fill_step(p, 0, size, HM_PAGE, SEED);
		hm_munmap(p, size);
		hm_close(c.fd, handle);
	}
	hm_client_close(&c);
}

static void many(struct hm_node *region)
{
	enum { NR = 600 };
	struct hm_client c = hm_client_open(region);
	static uint32_t handle[NR];
	static uint64_t size[NR];
	static char *p[NR];

	for (int i = 0; i < NR; i++) {
		size[i] = (hm_pattern(i, SEED) % 40 + 1) * HM_PAGE;
		handle[i] = hm_create(c.fd, region, size[i]);
		p[i] = hm_bo_mmap(c.fd, handle[i], 0, size[i], RW);
		hm_check_zero(p[i], 0, size[i], HM_PAGE);
		hm_fill_step(p[i], 0, size[i], HM_PAGE, SEED + i);
		/* Some leave in between. */
		if (i % 5 == 4) {
			int j = i - 3;

			hm_check_step(p[j], 0, size[j], HM_PAGE, SEED + j);
			hm_munmap(p[j], size[j]);
			hm_close(c.fd, handle[j]);
			handle[j] = 0;
		}
	}
	for (int i = 0; i < NR; i++) {
		if (!handle[i])
			continue;
		hm_check_step(p[i], 0, size[i], HM_PAGE, SEED + i);
		hm_munmap(p[i], size[i]);
	}
	hm_client_close(&c);
}

/* ---- PREFAULT ---- */

static void prefault(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	uint64_t size = 4 * c.pmd;
	uint32_t handle = hm_create(c.fd, region, size);
	int other = hm_render_open(region);
	struct drm_hugemap_prefault a;
	struct hm_stats s;
	char *p;

	p = hm_bo_mmap(c.fd, handle, 0, size, RW);
	igt_assert_eq(__hm_prefault(c.fd, p, size, DRM_HUGEMAP_PREFAULT_WRITE,
				    DRM_HUGEMAP_ORDER_ANY, &a), 0);
	igt_assert_eq_u64(a.nr_pmd, 4);
	igt_assert_eq_u64(a.nr_pud + a.nr_pte, 0);
	hm_fill_step(p, 0, size, HM_PAGE, SEED);
	hm_stats_read(c.fd, &s);
	hm_assert_stat(&s, "fault-pmd", 4);
	/* Any file of the device will do. */
	igt_assert_eq(__hm_prefault(other, p + c.pmd, c.pmd, 0, 0, &a), 0);
	igt_assert_eq_u64(a.nr_pte, c.pmd / HM_PAGE);
	hm_check_step(p, 0, size, HM_PAGE, SEED);
	hm_assert_levels(region, p, size, 0, 3, c.pmd / HM_PAGE);
	hm_munmap(p, size);
	close(other);
	hm_client_close(&c);
}

static void prefault_errors(struct hm_node *region)
{
	struct hm_client c = hm_client_open(region);
	const uint32_t any = DRM_HUGEMAP_ORDER_ANY;
	uint32_t a = hm_create(c.fd, region, c.pmd);
	uint32_t b = hm_create(c.fd, region, c.pmd);
	int node = hm_open(region, O_RDWR), fd = c.fd;
	char *p, *q, *w;

	p = hm_reserve_aligned(4 * c.pmd, c.pud);
	hm_bo_mmap_at(fd, a, p, 0, c.pmd, RW);
	hm_bo_mmap_at(fd, b, p + c.pmd, 0, c.pmd, RW);
	hm_bo_mmap_at(fd, b, p + 2 * c.pmd, 0, c.pmd, PROT_READ);
	/* One object only; what is no mapping of one. */
	igt_assert_eq(__hm_prefault(fd, p, 2 * c.pmd, 0, any, NULL), -EFAULT);
	igt_assert_eq(__hm_prefault(fd, p + 3 * c.pmd, HM_PAGE, 0, any, NULL),
		      -EFAULT);
	igt_assert_eq(__hm_prefault(fd, p + 2 * c.pmd, 2 * c.pmd, 0, any,
				    NULL), -EFAULT);
	igt_assert_eq(__hm_prefault(fd, p + 2 * c.pmd, c.pmd,
				    DRM_HUGEMAP_PREFAULT_WRITE, any, NULL),
		      -EACCES);
	/* Each node its own. */
	w = hm_mmap_fd(node, 0, c.pmd, RW);
	igt_assert_eq(__hm_prefault(fd, w, c.pmd, 0, any, NULL), -EFAULT);
	igt_assert_eq(__hm_prefault(node, p, c.pmd, 0, any, NULL), -EFAULT);
	igt_assert_eq(__hm_prefault(node, w, c.pmd, 0, any, NULL), 0);
	hm_munmap(w, c.pmd);
	/* What PREFAULT says itself. */
	igt_assert_eq(__hm_prefault(fd, p, 0, 0, any, NULL), -EINVAL);
	igt_assert_eq(__hm_prefault(fd, p + 1, HM_PAGE, 0, any, NULL),
		      -EINVAL);
	igt_assert_eq(__hm_prefault(fd, p, HM_PAGE - 1, 0, any, NULL),
		      -EINVAL);
	igt_assert_eq(__hm_prefault(fd, p, -HM_PAGE, 0, any, NULL), -EINVAL);
	igt_assert_eq(__hm_prefault(fd, p, HM_PAGE, 0, 19, NULL), -EINVAL);
	for (int bit = 1; bit < 32; bit++)
		igt_assert_eq(__hm_prefault(fd, p, HM_PAGE, 1u << bit, any,
					    NULL), -EINVAL);
	for (int bit = 0; bit < 64; bit++) {
		struct drm_hugemap_prefault args = {
			.addr = (uintptr_t)p,
			.len = HM_PAGE,
			.max_order = any,
			.pad = 1ull << bit,
		};

		igt_assert_eq(ioctl(fd, DRM_IOCTL_HUGEMAP_PREFAULT, &args), -1);
		igt_assert_eq(errno, EINVAL);
	}
	/* All that without an effect. */
	hm_assert_levels(region, p, c.pmd, 0, 0, 0);
	hm_assert_levels(region, p + 2 * c.pmd, c.pmd, 0, 0, 0);
	/* Somebody else's device. */
	hm_for_each_drm(drm) {
		if (drm == hm_region_drm(region))
			continue;
		igt_assert_eq(__hm_prefault(drm->fd, p, c.pmd, 0, any, NULL),
			      -EFAULT);
	}
	q = hm_bo_mmap(fd, a, 0, c.pmd, RW);
	igt_assert_eq(__hm_prefault(fd, q, c.pmd, 0, any, NULL), 0);
	hm_munmap(q, c.pmd);
	hm_munmap(p, 4 * c.pmd);
	close(node);
	hm_client_close(&c);
}

/* ---- dumb buffers ---- */

static void dumb(struct hm_drm *drm)
{
	const struct {
		uint32_t width, height, bpp;
	} modes[] = {
		{ 1920, 1080, 32 }, { 1, 1, 8 }, { 1366, 768, 24 },
		{ 4096, 4096, 32 }, { 3, 7, 15 },
	};
	int fd = hm_drm_open(drm->card), render = hm_drm_open(drm->render);
	struct drm_hugemap_gem_info info;
	uint64_t size, off, largest = 0;
	struct drm_hugemap_query q;
	uint32_t handle, pitch;
	char *p;

	for (uint32_t r = 0; !__hm_query_region(fd, r, &q); r++)
		largest = q.size > largest ? q.size : largest;
	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		igt_assert_eq(__hm_dumb_create(fd, modes[i].width,
					       modes[i].height, modes[i].bpp,
					       &handle, &pitch, &size), 0);
		igt_assert_lte_u64(modes[i].width * ((modes[i].bpp + 7) / 8),
				   pitch);
		igt_assert_lte_u64((uint64_t)pitch * modes[i].height, size);
		igt_assert_eq_u64(size % HM_PAGE, 0);
		hm_info(fd, handle, &info);
		igt_assert_eq_u64(info.size, size);
		igt_assert_lt_u64(info.region, drm->nr_regions);
		igt_assert_eq(__hm_dumb_offset(fd, handle, &off), 0);
		igt_assert_eq_u64(off, hm_mmap_offset(fd, handle));
		p = hm_mmap_fd(fd, off, size, RW);
		hm_check_zero(p, 0, size, HM_PAGE);
		hm_fill_step(p, 0, size, HM_PAGE, SEED);
		hm_check_step(p, 0, size, HM_PAGE, SEED);
		hm_munmap(p, size);
		igt_assert_eq(__hm_dumb_destroy(fd, handle), 0);
		igt_assert_eq(__hm_info(fd, handle, &info), -ENOENT);
	}
	igt_assert_eq(__hm_dumb_create(fd, 0, 1, 32, &handle, &pitch, &size),
		      -EINVAL);
	igt_assert_eq(__hm_dumb_create(fd, ~0u, ~0u, 32, &handle, &pitch,
				       &size), -EINVAL);
	if (largest < HM_GIB(4) - HM_MIB(1))
		igt_assert_eq(__hm_dumb_create(fd, 1 << 15, (1 << 15) - 1, 32,
					       &handle, &pitch, &size),
			      -ENOSPC);
	igt_assert_eq(__hm_dumb_offset(fd, 77, &off), -ENOENT);
	/* Not for the render node, as with any driver. */
	igt_assert_eq(__hm_dumb_create(render, 64, 64, 32, &handle, &pitch,
				       &size), -EACCES);
	close(render);
	close(fd);
}

static const struct {
	const char *name, *description;
	void (*fn)(struct hm_node *region);
	bool each;			/* or one region of a kind */
} subtests[] = {
	{ "sizes", "Sizes are rounded up to pages, and accounted.", sizes,
	  true },
	{ "zeroed", "Every new object is zeros.", zeroed, true },
	{ "whole-region", "One object can be all of a region, and then there is no more.",
	  whole_region, true },
	{ "layout", "A mapping has the page sizes that GEM_INFO announces.",
	  layout, true },
	{ "gib-faults", "An object of N GiB is mapped by N faults.",
	  gib_faults, true },
	{ "max-order", "An object's max_order limits its page sizes.",
	  max_order, false },
	{ "limit-live", "The region's max_order acts on objects that are mapped.",
	  limit_live, true },
	{ "partial", "Any part of an object can be mapped.", partial, true },
	{ "bad-mappings", "There is no way to map what is not one's own.",
	  bad_mappings, true },
	{ "closed-while-mapped", "A mapping keeps an object that was closed.",
	  closed_while_mapped, true },
	{ "fork", "A child shares the object, and its death frees its own.",
	  forked, false },
	{ "killed", "A process that is killed while it gets an object leaves nothing.",
	  killed, false },
	{ "cut", "Mappings of objects can be cut, protected and moved.", cut,
	  true },
	{ "window", "The character node shows objects, and that they are cleared.",
	  window, true },
	{ "window-waits", "Opening the character node for writing waits until what was given back before is cleared.",
	  window_waits, true },
	{ "contiguous", "A contiguous object is one piece.", contiguous, true },
	{ "fragmented", "Where every other 2 MiB is taken, the rest is one object of 2 MiB pages.",
	  fragmented, true },
	{ "small-holes", "Where only parts of 2 MiB are free an object is made of those alone.",
	  small_holes, false },
	{ "mixed-orders", "An object is made of all page sizes where need be.",
	  mixed_orders, true },
	{ "recreate", "A new object is as good as the one just freed.",
	  recreate, true },
	{ "many", "Hundreds of objects do not touch each other.", many, true },
	{ "prefault", "PREFAULT works on objects.", prefault, true },
	{ "prefault-errors", "PREFAULT refuses what is not one object.",
	  prefault_errors, false },
};

int igt_main()
{
	volatile unsigned int i;

	igt_fixture()
		igt_hugemap_require_drm();

	for (i = 0; i < ARRAY_SIZE(subtests); i++) {
		igt_describe(subtests[i].description);
		igt_subtest_with_dynamic(subtests[i].name) {
			hm_for_each_region(region) {
				if (!subtests[i].each &&
				    !hm_is_first_of_kind(region))
					continue;
				igt_dynamic_f("%s", region->label)
					subtests[i].fn(region);
			}
		}
	}

	igt_describe("Dumb buffers work as with any driver, on the primary node.");
	igt_subtest_with_dynamic("dumb")
		hm_dynamic_for_each_drm(drm)
			dumb(drm);
}
