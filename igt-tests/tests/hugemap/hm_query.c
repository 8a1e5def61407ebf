// SPDX-License-Identifier: MIT
#include <sys/stat.h>
#include <sys/utsname.h>

#include "hm_map.h"

/**
 * TEST: hugemap query
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: uapi
 * Description: What the QUERY ioctl and sysfs tell about a region.
 *
 * SUBTEST: fields
 * Description: Size, orders and the rest are plausible and agree with sysfs.
 *
 * SUBTEST: orders-of-this-kernel
 * Description: The orders and the kind of mapping are those that this kernel
 *	handles safely for this memory.
 *
 * SUBTEST: features-of-this-kernel
 * Description: The feature bits are those of this kernel.
 *
 * SUBTEST: caching-in-page-tables
 * Description: Mappings have the memory type that QUERY announces.
 *
 * SUBTEST: max-order
 * Description: The max_order attribute limits the orders.
 *
 * SUBTEST: allow-pmd
 * Description: The allow_pmd attribute permits PMD entries everywhere.
 *
 * SUBTEST: vma-type
 * Description: The vma attribute chooses how new mappings are marked.
 *
 * SUBTEST: bad-attributes
 * Description: Values that make no sense are refused.
 *
 * SUBTEST: attribute-modes
 * Description: Only root changes settings, and everybody may read.
 *
 * SUBTEST: bad-region
 * Description: A region that the node does not have gives ENOENT.
 *
 * SUBTEST: bad-flags
 * Description: Unknown flags give EINVAL.
 *
 * SUBTEST: bad-pad
 * Description: Padding that is not zero gives EINVAL.
 *
 * SUBTEST: unknown-ioctls
 * Description: Ioctls that the driver does not have give ENOTTY.
 *
 * SUBTEST: short-structure
 * Description: A program that was built with an older, shorter structure works.
 *
 * SUBTEST: long-structure
 * Description: A newer, longer structure works as long as the rest is zero.
 *
 * SUBTEST: bad-pointer
 * Description: Memory that cannot be read or written gives EFAULT.
 *
 * SUBTEST: any-descriptor
 * Description: QUERY works on descriptors for reading or writing only.
 */

IGT_TEST_DESCRIPTION("What the QUERY ioctl and sysfs tell about a region.");

/* What a kernel with the patches of mm-patches/ takes care of. */
#define FEATURES_CORE	(DRM_HUGEMAP_FEATURE_CORE_SPLIT | \
			 DRM_HUGEMAP_FEATURE_CORE_WALK | \
			 DRM_HUGEMAP_FEATURE_CORE_MREMAP | \
			 DRM_HUGEMAP_FEATURE_CORE_FORK | \
			 DRM_HUGEMAP_FEATURE_CORE_COLLAPSE)

#define FEATURES_KNOWN	(DRM_HUGEMAP_FEATURE_PAGES | \
			 DRM_HUGEMAP_FEATURE_DAX_GATE | \
			 DRM_HUGEMAP_FEATURE_SPECIAL | \
			 DRM_HUGEMAP_FEATURE_THP_POLICY | \
			 DRM_HUGEMAP_FEATURE_MEMORY_FAILURE | \
			 FEATURES_CORE)

/* QUERY with a structure of @size bytes. */
static int query_sized(int fd, void *arg, size_t size)
{
	unsigned int nr = DRM_COMMAND_BASE + DRM_HUGEMAP_QUERY;

	return ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, nr, size),
		     arg) ? -errno : 0;
}

static void set(const struct hm_node *node, const char *attr, unsigned int val)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%u", val);
	hm_sysfs_write(node, attr, buf);
}

/* What every region has, whatever the module's parameters were. */
static void default_settings(struct hm_node *node)
{
	set(node, "max_order", node->q.pud_order);
	set(node, "allow_pmd", 0);
	hm_sysfs_write(node, "vma", "auto");
	hm_node_refresh(node);
}

/* What a level may not be used for has a reason, and the other way round. */
static void check_consistent(const struct hm_node *node)
{
	const struct drm_hugemap_query *q = &node->q;
	uint64_t largest;

	igt_assert_eq_u64(q->orders & ~(1ull | 1ull << q->pmd_order |
					1ull << q->pud_order), 0);
	igt_assert(hm_has_order(node, 0));
	igt_assert_eq(hm_has_order(node, q->pmd_order),
		      q->pmd_why == DRM_HUGEMAP_WHY_NONE);
	igt_assert_eq(hm_has_order(node, q->pud_order),
		      q->pud_why == DRM_HUGEMAP_WHY_NONE);
	igt_assert_lt(q->pmd_why, DRM_HUGEMAP_WHY_COUNT);
	igt_assert_lt(q->pud_why, DRM_HUGEMAP_WHY_COUNT);
	largest = hm_order_size(63 - __builtin_clzll(q->orders));
	igt_assert_eq_u64(q->align, largest);
	igt_assert_eq_u64(hm_sysfs_read_u64(node, "align"), q->align);
	igt_assert_eq_u64(hm_sysfs_read_u64(node, "orders"), q->orders);
}

static void test_fields(const struct hm_node *node)
{
	static const char * const caching[] = { "wb", "wc", "uc" };
	const struct drm_hugemap_query *q = &node->q;
	char buf[64];

	check_consistent(node);
	igt_assert_eq_u64(hm_sysfs_read_u64(node, "size"), q->size);
	igt_assert_eq_u64(lseek(node->fd, 0, SEEK_END), q->size);
	igt_assert(q->size && q->size % hm_page_size() == 0);
	hm_sysfs_read(node, "type", buf, sizeof(buf));
	igt_assert_f(!strcmp(buf, node->type), "%s in sysfs, %s by QUERY\n",
		     buf, node->type);
	igt_assert_lt(q->caching, ARRAY_SIZE(caching));
	hm_sysfs_read(node, "caching", buf, sizeof(buf));
	igt_assert_f(!strcmp(buf, caching[q->caching]),
		     "%s in sysfs, %s by QUERY\n", buf, caching[q->caching]);
	igt_assert(q->vma_type == DRM_HUGEMAP_VMA_PFNMAP ||
		   q->vma_type == DRM_HUGEMAP_VMA_MIXEDMAP);
	igt_assert_eq_u64(q->features & ~FEATURES_KNOWN, 0);
	igt_assert_eq(q->region, 0);
	igt_assert_eq(q->flags, 0);
	igt_assert_eq(q->pad, 0);
	if (__hm_read_file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
			   buf, sizeof(buf)) > 0)
		igt_assert_eq_u64(hm_pmd_size(node), strtoull(buf, NULL, 10));
#ifdef __x86_64__
	igt_assert_eq(q->pmd_order, 9);
	igt_assert_eq(q->pud_order, 18);
#endif
	/* Only a BAR is anything but ordinary memory. */
	if (q->type != DRM_HUGEMAP_REGION_PCI)
		igt_assert_eq(q->caching, DRM_HUGEMAP_CACHING_WB);
	else
		igt_assert_neq(q->caching, DRM_HUGEMAP_CACHING_WB);
	if (q->type == DRM_HUGEMAP_REGION_SYSTEM)
		igt_assert(node->pages);
}

static void test_orders(struct hm_node *node)
{
	const struct drm_hugemap_query *q = &node->q;

	default_settings(node);
	check_consistent(node);
	igt_assert_eq(q->vma_type, hm_mixedmap_safe(node) ?
		      DRM_HUGEMAP_VMA_MIXEDMAP : DRM_HUGEMAP_VMA_PFNMAP);
	igt_assert_eq(q->pmd_why, hm_pmd_safe(node) ? DRM_HUGEMAP_WHY_NONE :
						     DRM_HUGEMAP_WHY_POLICY);
	if (!hm_cpu_has_pud())
		igt_assert_eq(q->pud_why, DRM_HUGEMAP_WHY_ARCH);
	else if (q->type == DRM_HUGEMAP_REGION_SYSTEM ||
		 q->size < 2 * hm_pud_size(node))
		/* Depends on what memory there was, and on its alignment. */
		igt_assert(q->pud_why == DRM_HUGEMAP_WHY_NONE ||
			   q->pud_why == DRM_HUGEMAP_WHY_EXTENT);
	else
		igt_assert_eq(q->pud_why, DRM_HUGEMAP_WHY_NONE);
	/* A BAR is aligned to its size. */
	if (hm_cpu_has_pud() && q->type == DRM_HUGEMAP_REGION_PCI)
		igt_assert_eq(q->pud_why, q->size < hm_pud_size(node) ?
			      DRM_HUGEMAP_WHY_EXTENT : DRM_HUGEMAP_WHY_NONE);
}

static bool has_feature(const struct hm_node *node, uint64_t feature)
{
	return node->q.features & feature;
}

static void test_features(struct hm_node *node)
{
	uint64_t core = 0;
	struct utsname uts;

	uname(&uts);
	if (strstr(uts.release, "-patched"))
		core = FEATURES_CORE;
	/* P6 is for 7.x. */
	if (!hm_kernel_at_least(7, 2))
		core &= ~DRM_HUGEMAP_FEATURE_CORE_COLLAPSE;
	/* Of a kernel that somebody else built (K=...-tree) nothing is known. */
	if (!getenv("HM_KERNEL") || !strstr(getenv("HM_KERNEL"), "-tree"))
		igt_assert_eq_u64(node->q.features & FEATURES_CORE, core);
	igt_assert_eq(has_feature(node, DRM_HUGEMAP_FEATURE_DAX_GATE),
		      !hm_kernel_at_least(6, 7) && !hm_core_walks(node));
	/* With CONFIG_MEMORY_FAILURE, as Debian and our own kernels have it. */
	igt_assert_eq(has_feature(node, DRM_HUGEMAP_FEATURE_MEMORY_FAILURE),
		      hm_kernel_at_least(7, 2) && !node->pages);
	igt_assert_eq(has_feature(node, DRM_HUGEMAP_FEATURE_SPECIAL),
		      hm_kernel_at_least(6, 12) || hm_core_walks(node));
	hm_sysfs_write(node, "vma", "pfnmap");
	hm_node_refresh(node);
	igt_assert_eq(has_feature(node, DRM_HUGEMAP_FEATURE_THP_POLICY),
		      !has_feature(node, DRM_HUGEMAP_FEATURE_DAX_GATE) &&
		      !hm_thp_exempts_pfnmap());
	if (!hm_mixedmap_safe(node))
		return;
	hm_sysfs_write(node, "vma", "mixedmap");
	hm_node_refresh(node);
	igt_assert(has_feature(node, DRM_HUGEMAP_FEATURE_THP_POLICY));
}

static void test_caching(const struct hm_node *node)
{
	char caching[8];

	hm_sysfs_read(node, "caching", caching, sizeof(caching));
	hm_for_each_order(node, order) {
		uint64_t off, len;
		struct hm_levels l;
		void *p;

		p = hm_mmap_order(node, order, PROT_READ | PROT_WRITE, &off,
				  &len);
		if (!p)
			continue;
		igt_assert(hm_map_levels(node, p, len, &l));
		igt_assert_f(!strcmp(l.caching, caching),
			     "order %u is mapped %s, should be %s\n", order,
			     l.caching, caching);
		igt_assert_eq_u64(l.rw, len);
		hm_munmap(p, len);
	}
}

static void test_max_order(struct hm_node *node)
{
	const struct drm_hugemap_query *q = &node->q;
	uint64_t all;

	default_settings(node);
	set(node, "allow_pmd", 1);
	hm_node_refresh(node);
	all = q->orders;

	set(node, "max_order", q->pmd_order);
	hm_node_refresh(node);
	check_consistent(node);
	igt_assert_eq_u64(hm_sysfs_read_u64(node, "max_order"), q->pmd_order);
	igt_assert_eq_u64(q->orders, all & ~(1ull << q->pud_order));
	if (hm_cpu_has_pud())
		igt_assert_eq(q->pud_why, DRM_HUGEMAP_WHY_LIMIT);

	set(node, "max_order", 0);
	hm_node_refresh(node);
	check_consistent(node);
	igt_assert_eq_u64(q->orders, 1);
	igt_assert_eq(q->pmd_why, DRM_HUGEMAP_WHY_LIMIT);
	igt_assert_eq_u64(q->align, hm_page_size());

	set(node, "max_order", q->pud_order);
	hm_node_refresh(node);
	check_consistent(node);
	igt_assert_eq_u64(q->orders, all);
}

static void test_allow_pmd(struct hm_node *node)
{
	const struct drm_hugemap_query *q = &node->q;

	default_settings(node);
	set(node, "allow_pmd", 1);
	hm_node_refresh(node);
	check_consistent(node);
	igt_assert_eq_u64(hm_sysfs_read_u64(node, "allow_pmd"), 1);
	igt_assert_eq(q->pmd_why, DRM_HUGEMAP_WHY_NONE);

	set(node, "allow_pmd", 0);
	hm_node_refresh(node);
	check_consistent(node);
	igt_assert_eq_u64(hm_sysfs_read_u64(node, "allow_pmd"), 0);
	igt_assert_eq(q->pmd_why, hm_pmd_safe(node) ? DRM_HUGEMAP_WHY_NONE :
						     DRM_HUGEMAP_WHY_POLICY);
}

/* The setting, what QUERY says and what a new mapping is. */
static void check_vma(struct hm_node *node, const char *val, uint32_t type)
{
	struct hm_levels l;
	char buf[16];
	void *p;

	hm_sysfs_read(node, "vma", buf, sizeof(buf));
	igt_assert_f(!strcmp(buf, val), "\"%s\", expected \"%s\"\n", buf, val);
	hm_node_refresh(node);
	igt_assert_eq(node->q.vma_type, type);
	p = hm_mmap(node, 0, hm_page_size(), PROT_READ);
	igt_assert(hm_map_levels(node, p, hm_page_size(), &l));
	igt_assert_eq(l.vmas, 1);
	igt_assert_eq(l.mixedmap, type == DRM_HUGEMAP_VMA_MIXEDMAP);
	hm_munmap(p, hm_page_size());
}

static void test_vma_type(struct hm_node *node)
{
	uint32_t automatic = hm_mixedmap_safe(node) ?
			     DRM_HUGEMAP_VMA_MIXEDMAP : DRM_HUGEMAP_VMA_PFNMAP;
	struct hm_levels l;
	void *old;

	default_settings(node);
	check_vma(node, "auto", automatic);
	old = hm_mmap(node, 0, hm_page_size(), PROT_READ);

	hm_sysfs_write(node, "vma", "pfnmap");
	check_vma(node, "pfnmap", DRM_HUGEMAP_VMA_PFNMAP);

	if (hm_mixedmap_safe(node)) {
		hm_sysfs_write(node, "vma", "mixedmap");
		check_vma(node, "mixedmap", DRM_HUGEMAP_VMA_MIXEDMAP);
	} else {
		igt_assert_eq(__hm_sysfs_write(node, "vma", "mixedmap"),
			      -EOPNOTSUPP);
		check_vma(node, "pfnmap", DRM_HUGEMAP_VMA_PFNMAP);
	}

	/* A mapping that was there before stays what it was. */
	igt_assert(hm_map_levels(node, old, hm_page_size(), &l));
	igt_assert_eq(l.mixedmap, automatic == DRM_HUGEMAP_VMA_MIXEDMAP);
	hm_munmap(old, hm_page_size());

	hm_sysfs_write(node, "vma", "auto");
	check_vma(node, "auto", automatic);
}

static void test_bad_attributes(struct hm_node *node)
{
	static const struct {
		const char *attr, *val;
		int err;
	} bad[] = {
		{ "max_order", "1", -EINVAL },
		{ "max_order", "8", -EINVAL },
		{ "max_order", "10", -EINVAL },
		{ "max_order", "-1", -EINVAL },
		{ "max_order", "4294967296", -ERANGE },
		{ "max_order", "huge", -EINVAL },
		{ "max_order", " ", -EINVAL },
		{ "allow_pmd", "2", -EINVAL },
		{ "allow_pmd", "maybe", -EINVAL },
		{ "vma", "bothmap", -EINVAL },
		{ "vma", "pfn", -EINVAL },
		{ "vma", " ", -EINVAL },
	};
	struct drm_hugemap_query before = node->q;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("\"%s\" to %s\n", bad[i].val, bad[i].attr);
		igt_assert_eq(__hm_sysfs_write(node, bad[i].attr, bad[i].val),
			      bad[i].err);
	}
	hm_node_refresh(node);
	igt_assert(!memcmp(&before, &node->q, sizeof(before)));
}

static void test_attribute_modes(const struct hm_node *node)
{
	static const struct {
		const char *attr;
		mode_t mode;
	} attrs[] = {
		{ "size", 0444 }, { "align", 0444 }, { "type", 0444 },
		{ "caching", 0444 }, { "orders", 0444 },
		{ "max_order", 0644 }, { "allow_pmd", 0644 }, { "vma", 0644 },
	};
	char path[128], buf[64];
	struct stat st;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		snprintf(path, sizeof(path), "/sys/class/hugemap/%s/%s",
			 node->name, attrs[i].attr);
		igt_assert_f(!stat(path, &st), "%s: %m\n", path);
		igt_assert_f((st.st_mode & 07777) == attrs[i].mode,
			     "%s has mode %o\n", path, st.st_mode & 07777);
		/* One value and a newline. */
		igt_assert(__hm_read_file(path, buf, sizeof(buf)) > 1);
		igt_assert_eq(buf[strcspn(buf, " \t\n")], '\n');
		igt_assert(!strchr(buf, '\n')[1]);
	}
}

/* The call must fail and leave the structure alone. */
static void check_refused(int fd, struct drm_hugemap_query q, int err)
{
	struct drm_hugemap_query before = q;

	igt_assert_eq(query_sized(fd, &q, sizeof(q)), err);
	igt_assert(!memcmp(&q, &before, sizeof(q)));
}

static void test_bad_region(const struct hm_node *node)
{
	struct drm_hugemap_query q = {};

	q.size = 0x5a5a5a5a;
	q.region = 1;
	check_refused(node->fd, q, -ENOENT);
	q.region = ~0u;
	check_refused(node->fd, q, -ENOENT);
}

static void test_bad_flags(const struct hm_node *node)
{
	struct drm_hugemap_query q = {};
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		q.flags = 1u << bit;
		check_refused(node->fd, q, -EINVAL);
	}
	/* They are looked at before the region is. */
	q.region = 1;
	check_refused(node->fd, q, -EINVAL);
}

static void test_bad_pad(const struct hm_node *node)
{
	struct drm_hugemap_query q = {};

	q.pad = 1;
	check_refused(node->fd, q, -EINVAL);
	q.pad = 1u << 31;
	q.region = 1;
	check_refused(node->fd, q, -EINVAL);
}

static void test_unknown_ioctls(const struct hm_node *node)
{
	static const unsigned int unknown[] = {
		DRM_IOWR(DRM_COMMAND_BASE + 0x02, struct drm_hugemap_query),
		DRM_IOWR(DRM_COMMAND_BASE + 0x1f, struct drm_hugemap_query),
		DRM_IOWR(DRM_COMMAND_BASE + 0x5f, struct drm_hugemap_query),
		/* The core ioctls of a DRM node: VERSION, GEM_CLOSE, GET_CAP */
		_IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, 0x00, 64),
		_IOC(_IOC_WRITE, DRM_IOCTL_BASE, 0x09, 8),
		_IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, 0x0c, 16),
		/* Ours but for the type or the direction. */
		_IOC(_IOC_READ | _IOC_WRITE, 'D', DRM_COMMAND_BASE,
		     sizeof(struct drm_hugemap_query)),
		_IOC(_IOC_READ, DRM_IOCTL_BASE, DRM_COMMAND_BASE,
		     sizeof(struct drm_hugemap_query)),
		_IOC(_IOC_WRITE, DRM_IOCTL_BASE, DRM_COMMAND_BASE,
		     sizeof(struct drm_hugemap_query)),
		_IOC(_IOC_NONE, DRM_IOCTL_BASE, DRM_COMMAND_BASE, 0),
		0xffffffff,
	};
	char arg[256] = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		igt_debug("ioctl %#x\n", unknown[i]);
		igt_assert_eq(ioctl(node->fd, (unsigned long)unknown[i], arg),
			      -1);
		igt_assert_eq(errno, ENOTTY);
	}
}

static void test_short_structure(const struct hm_node *node)
{
	struct drm_hugemap_query full = {}, q;
	size_t size;

	igt_assert_eq(query_sized(node->fd, &full, sizeof(full)), 0);
	for (size = 4; size < sizeof(q); size += 4) {
		memset(&q, 0, size);
		/* What is behind it is somebody else's. */
		memset((char *)&q + size, 0xa5, sizeof(q) - size);
		igt_assert_eq(query_sized(node->fd, &q, size), 0);
		igt_assert(!memcmp(&q, &full, size));
		igt_assert_eq(((unsigned char *)&q)[size], 0xa5);
		igt_assert_eq(((unsigned char *)&q)[sizeof(q) - 1], 0xa5);
	}
	/* Flags that are there count. */
	memset(&q, 0, sizeof(q));
	q.flags = 1;
	igt_assert_eq(query_sized(node->fd, &q, 8), -EINVAL);
	/* Flags that are not there are zero. */
	q.flags = 1;
	igt_assert_eq(query_sized(node->fd, &q, 4), 0);
}

static void test_long_structure(const struct hm_node *node)
{
	static const size_t more[] = { 1, 4, 8, 100, 4096, 16000 };
	const size_t known = sizeof(struct drm_hugemap_query);
	static char buf[16384], want[16384];
	unsigned int i;

	memset(want, 0, sizeof(want));
	igt_assert_eq(query_sized(node->fd, want, known), 0);
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		size_t size = known + more[i];

		memset(buf, 0, sizeof(buf));
		memset(buf + size, 0xa5, sizeof(buf) - size);
		igt_assert_eq(query_sized(node->fd, buf, size), 0);
		igt_assert(!memcmp(buf, want, size));
		igt_assert_eq((unsigned char)buf[size], 0xa5);

		memset(buf, 0, sizeof(buf));
		buf[size - 1] = 1;
		igt_assert_eq(query_sized(node->fd, buf, size), -E2BIG);
		buf[size - 1] = 0;
		buf[known] = 1;
		igt_assert_eq(query_sized(node->fd, buf, size), -E2BIG);
		/* Nothing was written. */
		igt_assert_eq(((struct drm_hugemap_query *)buf)->orders, 0);
	}
}

static void test_bad_pointer(const struct hm_node *node)
{
	const size_t size = sizeof(struct drm_hugemap_query);
	uint64_t page = hm_page_size();
	char *p;

	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(p != MAP_FAILED);
	igt_assert_eq(mprotect(p + page, page, PROT_NONE), 0);

	igt_assert_eq(query_sized(node->fd, NULL, size), -EFAULT);
	igt_assert_eq(query_sized(node->fd, (void *)-1, size), -EFAULT);
	igt_assert_eq(query_sized(node->fd, (void *)(1ul << 63), size),
		      -EFAULT);
	igt_assert_eq(query_sized(node->fd, p + page, size), -EFAULT);
	igt_assert_eq(query_sized(node->fd, p + page - 8, size), -EFAULT);
	igt_assert_eq(query_sized(node->fd, p + page - size, size), 0);

	/* Readable but not writable: the answer has nowhere to go. */
	memset(p, 0, size);
	igt_assert_eq(mprotect(p, page, PROT_READ), 0);
	igt_assert_eq(query_sized(node->fd, p, size), -EFAULT);
	hm_munmap(p, 2 * page);
}

static void test_any_descriptor(const struct hm_node *node)
{
	static const int flags[] = {
		O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_NONBLOCK,
	};
	struct drm_hugemap_query q;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fd = hm_open(node, flags[i]);
		igt_assert_eq(__hm_query(fd, &q), 0);
		igt_assert(!memcmp(&q, &node->q, sizeof(q)));
		close(fd);
	}
}

int igt_main()
{
	igt_fixture()
		igt_hugemap_require_nodes();

	igt_describe("Size, orders and the rest are plausible and agree with sysfs.");
	igt_subtest_with_dynamic("fields")
		hm_dynamic_for_each_node(node)
			test_fields(node);

	igt_describe("The orders and the kind of mapping are those that this kernel handles safely for this memory.");
	igt_subtest_with_dynamic("orders-of-this-kernel")
		hm_dynamic_for_each_node(node)
			test_orders(node);

	igt_describe("The feature bits are those of this kernel.");
	igt_subtest_with_dynamic("features-of-this-kernel")
		hm_dynamic_for_each_node(node)
			test_features(node);

	igt_describe("Mappings have the memory type that QUERY announces.");
	igt_subtest_with_dynamic("caching-in-page-tables")
		hm_dynamic_for_each_node(node)
			test_caching(node);

	igt_describe("The max_order attribute limits the orders.");
	igt_subtest_with_dynamic("max-order")
		hm_dynamic_for_each_node(node)
			test_max_order(node);

	igt_describe("The allow_pmd attribute permits PMD entries everywhere.");
	igt_subtest_with_dynamic("allow-pmd")
		hm_dynamic_for_each_node(node)
			test_allow_pmd(node);

	igt_describe("The vma attribute chooses how new mappings are marked.");
	igt_subtest_with_dynamic("vma-type")
		hm_dynamic_for_each_node(node)
			test_vma_type(node);

	igt_describe("Values that make no sense are refused.");
	igt_subtest_with_dynamic("bad-attributes")
		hm_dynamic_for_each_node(node)
			test_bad_attributes(node);

	igt_describe("Only root changes settings, and everybody may read.");
	igt_subtest_with_dynamic("attribute-modes")
		hm_dynamic_for_each_node(node)
			test_attribute_modes(node);

	igt_describe("A region that the node does not have gives ENOENT.");
	igt_subtest_with_dynamic("bad-region")
		hm_dynamic_for_each_node(node)
			test_bad_region(node);

	igt_describe("Unknown flags give EINVAL.");
	igt_subtest_with_dynamic("bad-flags")
		hm_dynamic_for_each_node(node)
			test_bad_flags(node);

	igt_describe("Padding that is not zero gives EINVAL.");
	igt_subtest_with_dynamic("bad-pad")
		hm_dynamic_for_each_node(node)
			test_bad_pad(node);

	igt_describe("Ioctls that the driver does not have give ENOTTY.");
	igt_subtest_with_dynamic("unknown-ioctls")
		hm_dynamic_for_each_node(node)
			test_unknown_ioctls(node);

	igt_describe("A program that was built with an older, shorter structure works.");
	igt_subtest_with_dynamic("short-structure")
		hm_dynamic_for_each_node(node)
			test_short_structure(node);

	igt_describe("A newer, longer structure works as long as the rest is zero.");
	igt_subtest_with_dynamic("long-structure")
		hm_dynamic_for_each_node(node)
			test_long_structure(node);

	igt_describe("Memory that cannot be read or written gives EFAULT.");
	igt_subtest_with_dynamic("bad-pointer")
		hm_dynamic_for_each_node(node)
			test_bad_pointer(node);

	igt_describe("QUERY works on descriptors for reading or writing only.");
	igt_subtest_with_dynamic("any-descriptor")
		hm_dynamic_for_each_node(node)
			test_any_descriptor(node);
}
