// SPDX-License-Identifier: MIT
/*
 * The DRM device: its nodes, its ioctls and what they refuse, fdinfo, and
 * programs that are not this one.
 */
#include <dirent.h>
#include <stddef.h>

#include "hm_map.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap DRM nodes
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: uapi
 * Description: DRM nodes of the driver and the errors of their ioctls.
 *
 * SUBTEST: all-regions
 * Description: Every region is behind the DRM device of its device.
 *
 * SUBTEST: nodes
 * Description: Each device has a primary and a render node that work.
 *
 * SUBTEST: fdinfo
 * Description: fdinfo names driver, client and device.
 *
 * SUBTEST: syncobj
 * Description: Timeline sync objects work.
 *
 * SUBTEST: query
 * Description: QUERY says the same on both kinds of node.
 *
 * SUBTEST: bad-query
 * Description: QUERY refuses what it does not know.
 *
 * SUBTEST: bad-create
 * Description: GEM_CREATE refuses what it does not know, without any effect.
 *
 * SUBTEST: no-space
 * Description: GEM_CREATE without enough memory has no effect.
 *
 * SUBTEST: bad-handles
 * Description: Handles that are no objects give ENOENT, unknown flags EINVAL.
 *
 * SUBTEST: unknown-ioctls
 * Description: Ioctls that the driver does not have give EINVAL.
 *
 * SUBTEST: bad-pointers
 * Description: Memory that cannot be read gives EFAULT.
 *
 * SUBTEST: short-structures
 * Description: A program built with shorter structures works.
 *
 * SUBTEST: long-structures
 * Description: A program built with longer structures works.
 *
 * SUBTEST: fdinfo-memory
 * Description: fdinfo has the memory of a client by region.
 *
 * SUBTEST: fdinfo-time
 * Description: fdinfo has the time spent on memory for a client.
 *
 * SUBTEST: client64
 * Description: A 64-bit client that is another program shares objects.
 *
 * SUBTEST: client32
 * Description: A 32-bit client does, too.
 *
 * SUBTEST: example
 * Description: The example of the README, built with libdrm, works.
 */

IGT_TEST_DESCRIPTION("DRM nodes of the driver and the errors of their ioctls.");

#define SEED	0x64726dull
#define RW	(PROT_READ | PROT_WRITE)
#define ANY	DRM_HUGEMAP_ORDER_ANY

/* ---- nodes ---- */

static uint64_t cap(int fd, uint64_t capability)
{
	struct drm_get_cap args = { .capability = capability };

	igt_assert_eq(ioctl(fd, DRM_IOCTL_GET_CAP, &args), 0);
	return args.value;
}

static void nodes(struct hm_drm *drm)
{
	const char *paths[] = { drm->card, drm->render };

	for (unsigned int i = 0; i < ARRAY_SIZE(paths); i++) {
		int fd = hm_drm_open(paths[i]);
		struct drm_hugemap_query q;
		char name[32];

		hm_drm_name(fd, name, sizeof(name));
		igt_assert_f(!strcmp(name, "hugemap"), "%s is of \"%s\"\n",
			     paths[i], name);
		igt_assert_eq_u64(cap(fd, DRM_CAP_PRIME), DRM_PRIME_CAP_IMPORT |
				  DRM_PRIME_CAP_EXPORT);
		igt_assert_eq_u64(cap(fd, DRM_CAP_SYNCOBJ), 1);
		igt_assert_eq_u64(cap(fd, DRM_CAP_SYNCOBJ_TIMELINE), 1);
		for (uint32_t r = 0; r < drm->nr_regions; r++) {
			igt_assert_eq(__hm_query_region(fd, r, &q), 0);
			igt_assert_eq(q.region, r);
			igt_assert_eq(q.nr_regions, drm->nr_regions);
		}
		igt_assert_eq(__hm_query_region(fd, drm->nr_regions, &q),
			      -ENOENT);
		close(fd);
	}
}

/* Every region of the class is behind one DRM device. */
static void all_regions(void)
{
	unsigned int nr = 0, seen = 0;
	struct dirent *d;
	DIR *dir;

	igt_require_f(!getenv("HM_NODE"), "HM_NODE is set\n");
	dir = opendir("/sys/class/hugemap");
	igt_assert(dir);
	while ((d = readdir(dir)))
		nr += !strncmp(d->d_name, "hugemap", 7);
	closedir(dir);
	hm_for_each_region(region) {
		struct hm_device of;

		hm_node_device(region, &of);
		igt_assert(!strcmp(of.name, hm_region_drm(region)->dev.name));
		seen++;
	}
	igt_assert_eq(seen, nr);
}

static void query(struct hm_node *region)
{
	int node = hm_open(region, O_RDONLY);
	struct drm_hugemap_query a, b;

	igt_assert_eq(__hm_query(node, &a), 0);
	igt_assert_eq(__hm_query_region(region->fd, region->region, &b), 0);
	igt_assert_eq(b.node, region->index);
	igt_assert_eq(a.nr_regions, 1);
	igt_assert_eq(b.nr_regions, hm_region_drm(region)->nr_regions);
	a.nr_regions = b.nr_regions;
	a.region = b.region;
	igt_assert(!memcmp(&a, &b, sizeof(a)));
	igt_assert_eq_u64(a.free, a.size);
	close(node);
}

/* ---- what is refused, before anything is done ---- */

static struct hm_node *victim;
static uint64_t victim_free;
static int victim_fd;

static void refuse_begin(struct hm_node *region)
{
	victim = region;
	victim_fd = hm_render_open(region);
	victim_free = hm_free(region);
}

/* @args is the same afterwards, and so is the region. */
static void refuse_on(int fd, unsigned long cmd, void *args, size_t size,
		      int err)
{
	char before[256];
	int ret;

	igt_assert_lte_u64(size, sizeof(before));
	memcpy(before, args, size);
	ret = ioctl(fd, cmd, args) ? -errno : 0;
	igt_assert_eq(ret, err);
	igt_assert(!memcmp(before, args, size));
	igt_assert_eq_u64(hm_free(victim), victim_free);
}

#define refuse(cmd, args, err) \
	refuse_on(victim_fd, cmd, &(args), sizeof(args), err)

/* Nothing has taken the next handle. */
static void refuse_end(uint32_t next)
{
	uint32_t handle = hm_create(victim_fd, victim, HM_PAGE);

	igt_assert_eq(handle, next);
	close(victim_fd);
	hm_assert_free(victim, victim_free);
}

static void bad_query(struct hm_node *region)
{
	const struct drm_hugemap_query good = { .region = region->region };
	struct drm_hugemap_query q;
	uint32_t nr = hm_region_drm(region)->nr_regions;

	refuse_begin(region);
	for (int bit = 0; bit < 32; bit++) {
		q = good;
		q.flags = 1u << bit;
		refuse(DRM_IOCTL_HUGEMAP_QUERY, q, -EINVAL);
		q = good;
		q.pad = 1u << bit;
		refuse(DRM_IOCTL_HUGEMAP_QUERY, q, -EINVAL);
		if (1u << bit < nr)
			continue;
		q = good;
		q.region = 1u << bit;
		refuse(DRM_IOCTL_HUGEMAP_QUERY, q, -ENOENT);
	}
	q.region = nr;
	refuse(DRM_IOCTL_HUGEMAP_QUERY, q, -ENOENT);
	q.region = ~0u;
	refuse(DRM_IOCTL_HUGEMAP_QUERY, q, -ENOENT);
	q.flags = 1;
	refuse(DRM_IOCTL_HUGEMAP_QUERY, q, -EINVAL);
	refuse_end(1);
}

static void bad_create(struct hm_node *region)
{
	const struct drm_hugemap_gem_create good = {
		.size = HM_PAGE,
		.region = region->region,
		.max_order = ANY,
	};
	const uint64_t too_big[] = {
		region->size + 1, region->size + HM_PAGE, 1ull << 52,
		1ull << 63, (1ull << 63) - 1, -HM_PAGE, -HM_PAGE + 1, ~0ull,
	};
	uint32_t nr = hm_region_drm(region)->nr_regions;
	struct drm_hugemap_gem_create c;

	refuse_begin(region);
	for (int bit = 0; bit < 32; bit++) {
		c = good;
		c.flags = 1u << bit;
		if (c.flags & ~DRM_HUGEMAP_GEM_FLAGS)
			refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -EINVAL);
		c.flags |= DRM_HUGEMAP_GEM_FLAGS;
		if (c.flags & ~DRM_HUGEMAP_GEM_FLAGS)
			refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -EINVAL);
		c = good;
		c.region = 1u << bit;
		if (c.region >= nr)
			refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -ENOENT);
	}
	c = good;
	c.region = nr;
	refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -ENOENT);
	c.region = DRM_HUGEMAP_REGION_NONE;
	refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -ENOENT);
	c = good;
	c.size = 0;
	refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -EINVAL);
	for (unsigned int i = 0; i < ARRAY_SIZE(too_big); i++) {
		c = good;
		c.size = too_big[i];
		refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -E2BIG);
		c.flags = DRM_HUGEMAP_GEM_CONTIGUOUS;
		refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -E2BIG);
	}
	for (uint32_t order = 0; order < 64; order++) {
		c = good;
		c.max_order = order;
		if (order && order != region->q.pmd_order &&
		    order != region->q.pud_order)
			refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -EINVAL);
	}
	c.max_order = ANY - 1;
	refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -EINVAL);
	c.max_order = 1u << 31;
	refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -EINVAL);
	refuse_end(1);
}

static void no_space(struct hm_node *region)
{
	struct drm_hugemap_gem_create c = {
		.size = region->size,
		.region = region->region,
		.max_order = ANY,
	};
	uint32_t handle;

	refuse_begin(region);
	handle = hm_create(victim_fd, region, HM_PAGE);
	victim_free -= HM_PAGE;
	refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -ENOSPC);
	c.flags = DRM_HUGEMAP_GEM_CONTIGUOUS;
	refuse(DRM_IOCTL_HUGEMAP_GEM_CREATE, c, -ENOSPC);
	hm_close(victim_fd, handle);
	victim_free += HM_PAGE;
	refuse_end(1);
}

static void bad_handles(struct hm_node *region)
{
	const uint64_t pads = offsetof(struct drm_hugemap_gem_info, pad);
	uint32_t bad[] = { 0, 2, 3, 1u << 31, ~0u, 0 };
	struct drm_hugemap_gem_mmap_offset off;
	struct drm_hugemap_gem_info info;
	uint32_t good, other;
	int fd;

	igt_assert_eq_u64(pads % 8, 0);
	refuse_begin(region);
	good = hm_create(victim_fd, region, HM_PAGE);
	hm_close(victim_fd, hm_create(victim_fd, region, HM_PAGE));
	/* A number that only another client knows. */
	fd = hm_render_open(region);
	for (int i = 0; i < 8; i++)
		other = hm_create(fd, region, HM_PAGE);
	bad[ARRAY_SIZE(bad) - 1] = other;
	/* The one that was closed is being cleared. */
	hm_assert_free(region, victim_free - 9 * HM_PAGE);
	victim_free -= 9 * HM_PAGE;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct drm_prime_handle prime = {
			.handle = bad[i],
			.flags = DRM_RDWR,
			.fd = -1,
		};

		memset(&info, 0, sizeof(info));
		info.handle = bad[i];
		refuse(DRM_IOCTL_HUGEMAP_GEM_INFO, info, -ENOENT);
		memset(&off, 0, sizeof(off));
		off.handle = bad[i];
		refuse(DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET, off, -ENOENT);
		refuse(DRM_IOCTL_PRIME_HANDLE_TO_FD, prime, -ENOENT);
		igt_assert_eq(__hm_close(victim_fd, bad[i]), -EINVAL);
	}
	for (int bit = 0; bit < 64; bit++) {
		memset(&info, 0, sizeof(info));
		info.handle = good;
		info.pad = 1ull << bit;
		refuse(DRM_IOCTL_HUGEMAP_GEM_INFO, info, -EINVAL);
		if (bit >= 32)
			continue;
		info.pad = 0;
		info.flags = 1u << bit;
		refuse(DRM_IOCTL_HUGEMAP_GEM_INFO, info, -EINVAL);
		memset(&off, 0, sizeof(off));
		off.handle = good;
		off.flags = 1u << bit;
		refuse(DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET, off, -EINVAL);
	}
	close(fd);
	victim_free += 9 * HM_PAGE;
	hm_assert_free(region, victim_free - HM_PAGE);
	refuse_end(2);
}

static void unknown_ioctls(struct hm_node *region)
{
	char args[256] = "";

	refuse_begin(region);
	for (unsigned int nr = 0; nr < 0x100; nr++) {
		/* The driver's own numbers, and some that nobody has. */
		if (nr <= DRM_COMMAND_BASE + DRM_HUGEMAP_PROMOTE ||
		    (nr >= DRM_COMMAND_END && nr != 0xff))
			continue;
		refuse_on(victim_fd, DRM_IOWR(nr, struct drm_hugemap_query),
			  args, sizeof(args), -EINVAL);
		refuse_on(victim_fd, DRM_IO(nr), args, sizeof(args), -EINVAL);
	}
	refuse_on(victim_fd, _IO('h', DRM_COMMAND_BASE), args, sizeof(args),
		  -ENOTTY);
	refuse_end(1);
}

static void bad_pointers(struct hm_node *region)
{
	const unsigned long cmds[] = {
		DRM_IOCTL_HUGEMAP_QUERY, DRM_IOCTL_HUGEMAP_PREFAULT,
		DRM_IOCTL_HUGEMAP_GEM_CREATE, DRM_IOCTL_HUGEMAP_GEM_INFO,
		DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET,
		DRM_IOCTL_HUGEMAP_DIRTY_START, DRM_IOCTL_HUGEMAP_DIRTY_SYNC,
		DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, DRM_IOCTL_HUGEMAP_DIRTY_STOP,
		DRM_IOCTL_HUGEMAP_DIRTY_RECTS, DRM_IOCTL_HUGEMAP_PROMOTE,
	};
	void *none = hm_reserve_aligned(HM_PAGE, HM_PAGE);

	refuse_begin(region);
	for (unsigned int i = 0; i < ARRAY_SIZE(cmds); i++) {
		igt_assert_eq(ioctl(victim_fd, cmds[i], none), -1);
		igt_assert_eq(errno, EFAULT);
		igt_assert_eq(ioctl(victim_fd, cmds[i], NULL), -1);
		igt_assert_eq(errno, EFAULT);
	}
	hm_munmap(none, HM_PAGE);
	refuse_end(1);
}

/* ---- programs built with another version of the header ---- */

#define SIZED(nr, size) \
	_IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, DRM_COMMAND_BASE + (nr), \
	     size)

static void short_structures(struct hm_node *region)
{
	union {
		struct drm_hugemap_query q;
		struct drm_hugemap_gem_info info;
		unsigned char bytes[512];
	} u;
	int fd = hm_render_open(region);
	uint32_t handle = hm_create(fd, region, HM_PAGE);
	size_t size = offsetof(struct drm_hugemap_query, type);

	memset(&u, 0xa5, sizeof(u));
	memset(&u, 0, size);
	u.q.region = region->region;
	igt_assert_eq(ioctl(fd, SIZED(DRM_HUGEMAP_QUERY, size), &u), 0);
	igt_assert_eq_u64(u.q.size, region->size);
	igt_assert_eq_u64(u.q.align, region->align);
	igt_assert_eq_u64(u.q.features, region->q.features);
	for (; size < sizeof(u); size++)
		igt_assert_eq(u.bytes[size], 0xa5);

	size = offsetof(struct drm_hugemap_gem_info, nr_pud);
	memset(&u, 0xa5, sizeof(u));
	memset(&u, 0, size);
	u.info.handle = handle;
	igt_assert_eq(ioctl(fd, SIZED(DRM_HUGEMAP_GEM_INFO, size), &u), 0);
	igt_assert_eq_u64(u.info.size, HM_PAGE);
	for (; size < sizeof(u); size++)
		igt_assert_eq(u.bytes[size], 0xa5);

	/* Without its last members GEM_CREATE wants base pages. */
	size = offsetof(struct drm_hugemap_gem_create, flags);
	memset(&u, 0xa5, sizeof(u));
	u.q.region = 0;
	*(struct drm_hugemap_gem_create *)&u = (struct drm_hugemap_gem_create) {
		.size = HM_PAGE,
		.region = region->region,
		.flags = 0xa5a5a5a5,
		.max_order = 0xa5a5a5a5,
		.handle = 0xa5a5a5a5,
	};
	igt_assert_eq(ioctl(fd, SIZED(DRM_HUGEMAP_GEM_CREATE, size), &u), 0);
	for (; size < sizeof(u); size++)
		igt_assert_eq(u.bytes[size], 0xa5);
	hm_info(fd, handle + 1, &u.info);
	igt_assert_eq(u.info.max_order, 0);
	close(fd);
}

static void long_structures(struct hm_node *region)
{
	struct {
		struct drm_hugemap_query q;
		uint64_t more[4];
	} query = { { .region = region->region }, { 1, 2, 3, ~0ull } };
	struct {
		struct drm_hugemap_gem_create c;
		uint64_t more[100];
	} create = { { .size = HM_PAGE, .region = region->region,
		       .max_order = ANY }, { [99] = 7 } };
	int fd = hm_render_open(region);

	igt_assert_eq(ioctl(fd, SIZED(DRM_HUGEMAP_QUERY, sizeof(query)),
			    &query), 0);
	igt_assert_eq_u64(query.q.size, region->size);
	igt_assert_eq_u64(query.more[0], 1);
	igt_assert_eq_u64(query.more[3], ~0ull);
	igt_assert_eq(ioctl(fd, SIZED(DRM_HUGEMAP_GEM_CREATE, sizeof(create)),
			    &create), 0);
	igt_assert_eq(create.c.handle, 1);
	igt_assert_eq_u64(create.more[0], 0);
	igt_assert_eq_u64(create.more[99], 7);
	close(fd);
}

/* ---- fdinfo ---- */

static bool fdinfo(int fd, const char *key, char *val, size_t size)
{
	char path[64], *line = NULL;
	size_t n = 0, len = strlen(key);
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	igt_assert(f);
	while (getline(&line, &n, f) > 0) {
		if (strncmp(line, key, len) || line[len] != ':')
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(val, size, "%s", line + len + 1 +
			 strspn(line + len + 1, " \t"));
		found++;
	}
	free(line);
	fclose(f);
	igt_assert_lte(found, 1);
	return found;
}

/* As Documentation/gpu/drm-usage-stats.rst has it: a number and a unit. */
static uint64_t fdinfo_bytes(int fd, const char *what,
			     const struct hm_node *region)
{
	char key[64], val[64], unit[8] = "";
	unsigned long long n;
	int fields;

	snprintf(key, sizeof(key), "drm-%s-%s", what, region->name);
	if (!fdinfo(fd, key, val, sizeof(val)))
		return 0;
	fields = sscanf(val, "%llu %7s", &n, unit);
	igt_assert_lt(0, fields);
	if (!strcmp(unit, "KiB"))
		return n << 10;
	if (!strcmp(unit, "MiB"))
		return n << 20;
	igt_assert_f(!unit[0], "%s: %s\n", key, val);
	return n;
}

static void check_memory(int fd, const struct hm_node *region, uint64_t total,
			 uint64_t shared)
{
	igt_assert_eq_u64(fdinfo_bytes(fd, "total", region), total);
	igt_assert_eq_u64(fdinfo_bytes(fd, "resident", region), total);
	igt_assert_eq_u64(fdinfo_bytes(fd, "shared", region), shared);
}

static void fdinfo_device(struct hm_drm *drm)
{
	int a = hm_drm_open(drm->render), b = hm_drm_open(drm->card);
	char val[64], id[64];

	igt_assert(fdinfo(a, "drm-driver", val, sizeof(val)));
	igt_assert(!strcmp(val, "hugemap"));
	igt_assert(fdinfo(a, "drm-client-id", id, sizeof(id)));
	igt_assert(fdinfo(b, "drm-client-id", val, sizeof(val)));
	igt_assert_f(strcmp(id, val), "two clients have id %s\n", id);
	igt_assert_eq(strspn(id, "0123456789"), strlen(id));
	if (strcmp(drm->dev.bus, "pci")) {
		igt_assert(!fdinfo(a, "drm-pdev", val, sizeof(val)));
	} else {
		igt_assert(fdinfo(a, "drm-pdev", val, sizeof(val)));
		igt_assert(!strcmp(val, drm->dev.name));
	}
	close(a);
	close(b);
}

static void fdinfo_memory(struct hm_node *region)
{
	int a = hm_render_open(region), b = hm_render_open(region), dmabuf;
	uint64_t x = 3 * HM_PAGE, y = hm_pmd_size(region) + HM_PAGE;
	uint32_t one, two;

	check_memory(a, region, 0, 0);
	one = hm_create(a, region, x);
	two = hm_create(a, region, y);
	check_memory(a, region, x + y, 0);
	check_memory(b, region, 0, 0);
	dmabuf = hm_export(a, two);
	two = hm_import(b, dmabuf);
	check_memory(a, region, x + y, y);
	check_memory(b, region, y, y);
	/* Other regions have nothing to do with it. */
	for (uint32_t r = 0; r < hm_region_drm(region)->nr_regions; r++) {
		struct drm_hugemap_query q;
		struct hm_node other;

		igt_assert_eq(__hm_query_region(a, r, &q), 0);
		if (r == region->region)
			continue;
		snprintf(other.name, sizeof(other.name), "hugemap%u", q.node);
		check_memory(a, &other, 0, 0);
	}
	hm_close(a, one);
	check_memory(a, region, y, y);
	close(dmabuf);
	hm_close(b, two);
	/* Once exported it can be shared again at any time. */
	check_memory(a, region, y, y);
	check_memory(b, region, 0, 0);
	close(b);
	close(a);
}

static uint64_t fdinfo_alloc(int fd)
{
	unsigned long long ns;
	char val[64], unit[8];

	igt_assert(fdinfo(fd, "drm-engine-alloc", val, sizeof(val)));
	igt_assert_eq(sscanf(val, "%llu %7s", &ns, unit), 2);
	igt_assert(!strcmp(unit, "ns"));
	return ns;
}

static void fdinfo_time(struct hm_node *region)
{
	int a = hm_render_open(region), b = hm_render_open(region), node;
	uint64_t before;

	/* While root can write to it, memory is cleared for each object. */
	node = hm_open(region, O_RDWR);
	before = fdinfo_alloc(a);
	hm_create(a, region, HM_MIB(8));
	igt_assert_lt_u64(before, fdinfo_alloc(a));
	before = fdinfo_alloc(a);
	hm_create(b, region, HM_MIB(8));
	/* Each client pays for its own. */
	igt_assert_eq_u64(fdinfo_alloc(a), before);
	close(node);
	close(b);
	close(a);
}

/* ---- sync objects: the core's, but ours to switch on ---- */

static void syncobj(struct hm_drm *drm)
{
	int fd = hm_drm_open(drm->render), other = hm_drm_open(drm->render);
	struct drm_syncobj_create create = {};
	struct drm_syncobj_handle export = {}, import = {};
	struct drm_syncobj_wait wait = { .count_handles = 1 };
	struct drm_syncobj_timeline_wait twait = { .count_handles = 1 };
	struct drm_syncobj_timeline_array array = { .count_handles = 1 };
	struct drm_syncobj_destroy destroy = {};
	uint64_t point = 5;

	igt_assert_eq(ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &create), 0);
	wait.handles = twait.handles = array.handles =
		(uintptr_t)&create.handle;
	wait.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
	twait.flags = wait.flags;
	twait.points = array.points = (uintptr_t)&point;
	igt_assert_eq(ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait), -1);
	igt_assert_eq(errno, ETIME);
	igt_assert_eq(ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &array), 0);
	igt_assert_eq(ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &twait), 0);
	point = 0;
	igt_assert_eq(ioctl(fd, DRM_IOCTL_SYNCOBJ_QUERY, &array), 0);
	igt_assert_eq_u64(point, 5);
	point = 6;
	igt_assert_eq(ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &twait), -1);
	igt_assert_eq(errno, ETIME);

	export.handle = create.handle;
	igt_assert_eq(ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &export), 0);
	import.fd = export.fd;
	igt_assert_eq(ioctl(other, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import), 0);
	close(export.fd);
	igt_assert_eq(ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &array), 0);
	twait.handles = (uintptr_t)&import.handle;
	igt_assert_eq(ioctl(other, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &twait), 0);
	destroy.handle = create.handle;
	igt_assert_eq(ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy), 0);
	close(fd);
	close(other);
}

/* ---- other programs ---- */

/* A program beside this one. */
static void program(const char *name, char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	igt_assert(n > 0);
	path[n] = 0;
	snprintf(strrchr(path, '/') + 1, 32, "%s", name);
	igt_require_f(!access(path, X_OK), "no %s\n", path);
}

static void run(char *const argv[])
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		dup2(STDOUT_FILENO, STDERR_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_f(WIFEXITED(status) && !WEXITSTATUS(status),
		     "%s: status %#x\n", argv[0], status);
}

/* It gets an object of ours, and gives one of its own back. */
static void client(struct hm_node *region, const char *name)
{
	uint64_t size = hm_pmd_size(region) + HM_PAGE, free = hm_free(region);
	char path[256], number[2][16];
	int fd = hm_render_open(region), dmabuf;
	uint32_t handle;
	char *p;

	program(name, path, sizeof(path));
	handle = hm_create(fd, region, size);
	p = hm_bo_mmap(fd, handle, 0, size, RW);
	for (uint64_t i = 0; i < size; i += 4)
		*(uint32_t *)(p + i) = i;
	/* Inherited. */
	dmabuf = __hm_export(fd, handle, DRM_RDWR);
	igt_assert_fd(dmabuf);
	snprintf(number[0], sizeof(number[0]), "%u", region->region);
	snprintf(number[1], sizeof(number[1]), "%d", dmabuf);
	run((char *[]) { path, hm_region_drm(region)->render, number[0],
			 number[1], NULL });
	for (uint64_t i = 0; i < size; i += 4)
		igt_assert_eq(*(uint32_t *)(p + i), (uint32_t)~i);
	hm_munmap(p, size);
	close(dmabuf);
	close(fd);
	hm_assert_free(region, free);
}

static void example(void)
{
	char path[256];

	program("drm_example", path, sizeof(path));
	run((char *[]) { path, NULL });
}

static const struct {
	const char *name, *description;
	void (*fn)(struct hm_node *region);
} subtests[] = {
	{ "query", "QUERY says the same on both kinds of node.", query },
	{ "bad-query", "QUERY refuses what it does not know.", bad_query },
	{ "bad-create", "GEM_CREATE refuses what it does not know, without any effect.",
	  bad_create },
	{ "no-space", "GEM_CREATE without enough memory has no effect.",
	  no_space },
	{ "bad-handles", "Handles that are no objects give ENOENT, unknown flags EINVAL.",
	  bad_handles },
	{ "unknown-ioctls", "Ioctls that the driver does not have give EINVAL.",
	  unknown_ioctls },
	{ "bad-pointers", "Memory that cannot be read gives EFAULT.",
	  bad_pointers },
	{ "short-structures", "A program built with shorter structures works.",
	  short_structures },
	{ "long-structures", "A program built with longer structures works.",
	  long_structures },
	{ "fdinfo-memory", "fdinfo has the memory of a client by region.",
	  fdinfo_memory },
	{ "fdinfo-time", "fdinfo has the time spent on memory for a client.",
	  fdinfo_time },
};

static const struct {
	const char *name, *description;
	void (*fn)(struct hm_drm *drm);
} device_subtests[] = {
	{ "nodes", "Each device has a primary and a render node that work.",
	  nodes },
	{ "fdinfo", "fdinfo names driver, client and device.", fdinfo_device },
	{ "syncobj", "Timeline sync objects work.", syncobj },
};

int igt_main()
{
	volatile unsigned int i;

	igt_fixture()
		igt_hugemap_require_drm();

	igt_describe("Every region is behind the DRM device of its device.");
	igt_subtest("all-regions")
		all_regions();

	for (i = 0; i < ARRAY_SIZE(device_subtests); i++) {
		igt_describe(device_subtests[i].description);
		igt_subtest_with_dynamic(device_subtests[i].name)
			hm_dynamic_for_each_drm(drm)
				device_subtests[i].fn(drm);
	}

	for (i = 0; i < ARRAY_SIZE(subtests); i++) {
		igt_describe(subtests[i].description);
		igt_subtest_with_dynamic(subtests[i].name)
			hm_dynamic_for_each_region(region)
				subtests[i].fn(region);
	}

	igt_describe("A 64-bit client that is another program shares objects.");
	igt_subtest_with_dynamic("client64")
		hm_dynamic_for_each_region(region)
			client(region, "client64");

	igt_describe("A 32-bit client does, too.");
	igt_subtest_with_dynamic("client32")
		hm_dynamic_for_each_region(region)
			client(region, "client32");

	igt_describe("The example of the README, built with libdrm, works.");
	igt_subtest("example")
		example();
}
