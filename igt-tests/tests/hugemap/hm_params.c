// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "igt.h"
#include "igt_hugemap.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap module parameters
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: driver
 * Description: Loading the module with good and bad parameters, and unloading
 *	it. The module is $HM_MODULE; the last test loads it with $HM_MODARGS,
 *	or with the parameters that it had before.
 *
 * SUBTEST: bad-%s
 * Description: A parameter that makes no sense is refused with the right
 *	error and one line in the kernel log, and leaves nothing behind.
 *
 * arg[1].values: type, type-prefix, type-case, empty, only-size
 * arg[1].values: system-no-colon, system-no-size, system-zero, system-word
 * arg[1].values: system-negative, system-suffix, system-two-suffixes
 * arg[1].values: system-base, system-option, system-unaligned, system-all-ones
 * arg[1].values: system-shift-overflow, system-digits-overflow
 * arg[1].values: system-many-digits, system-too-big, system-far-too-big
 * arg[1].values: reserved-partly-ram
 * arg[1].values: second-spec, reserved-no-size, reserved-no-base
 * arg[1].values: reserved-empty-base, reserved-word-base, reserved-zero
 * arg[1].values: reserved-unaligned-size, reserved-unaligned-base
 * arg[1].values: reserved-pages-unaligned-size, reserved-pages-unaligned-base
 * arg[1].values: reserved-wrap, reserved-wrap-to-zero, reserved-all-ones-base
 * arg[1].values: reserved-all-ones-size, reserved-beyond-width
 * arg[1].values: reserved-across-width, reserved-system-ram, reserved-hole
 * arg[1].values: reserved-hole-pages, reserved-twice, reserved-overlap
 * arg[1].values: reserved-overlap-inside, reserved-pages-value
 * arg[1].values: reserved-pages-case, reserved-option, reserved-empty-option
 * arg[1].values: reserved-two-options, pages, allow-pmd, max-order-1
 * arg[1].values: max-order-8, max-order-19, max-order-negative, max-order-word
 * arg[1].values: max-order-all-ones, vma, vma-empty
 *
 * SUBTEST: default
 * Description: Without parameters there is one system region that works.
 *
 * SUBTEST: size-suffixes
 * Description: Sizes can be given in every usual way.
 *
 * SUBTEST: odd-size
 * Description: A size that is no multiple of a large page works to the end,
 *	for objects as well.
 *
 * SUBTEST: reserved
 * Description: A reserved range becomes a region, with and without struct
 *	pages.
 *
 * SUBTEST: reserved-twice
 * Description: A reserved range can be given up and claimed again.
 *
 * SUBTEST: reserved-unaligned
 * Description: A range in which no 1 GiB page fits is offered without.
 *
 * SUBTEST: reserved-cleared
 * Description: Objects in a reserved range do not show what was there before.
 *
 * SUBTEST: several-regions
 * Description: Regions of all kinds at once, each with its own memory.
 *
 * SUBTEST: pages-default
 * Description: The pages parameter is the default of the regions' option.
 *
 * SUBTEST: limits
 * Description: The max_order, allow_pmd and vma parameters are where the
 *	sysfs attributes begin.
 *
 * SUBTEST: memory-comes-back
 * Description: The memory of a system region is free again after unloading.
 *
 * SUBTEST: cleared
 * Description: A new region holds nothing of what was there before.
 *
 * SUBTEST: unload-while-open
 * Description: The module cannot be unloaded while a node is open.
 *
 * SUBTEST: unload-while-mapped
 * Description: The module cannot be unloaded while there is a mapping, open
 *	descriptor or not.
 *
 * SUBTEST: reload
 * Description: The module can be loaded and unloaded over and over.
 */

IGT_TEST_DESCRIPTION("Loading the module with good and bad parameters, and unloading it.");

/*
 * Placeholders in specs, for what differs between machines:
 *	$B $S	base and size of a range that memmap= reserved, in hex
 *	$M	its middle
 *	$R	2 MiB of System RAM
 *	$E	2 MiB before the end of a reserved range that RAM comes behind
 *	$H	an address with nothing behind it
 *	$W	the first address beyond the address width
 *	$T	twice the memory there is
 */
static const struct {
	const char *name;
	const char *params;
	int err;
} bad[] = {
	{ "type", "region=ramdisk:64M", -EINVAL },
	{ "type-prefix", "region=systemd:64M", -EINVAL },
	{ "type-case", "region=System:64M", -EINVAL },
	{ "empty", "region=", -EINVAL },
	{ "only-size", "region=64M", -EINVAL },
	{ "system-no-colon", "region=system", -EINVAL },
	{ "system-no-size", "region=system:", -EINVAL },
	{ "system-zero", "region=system:0", -EINVAL },
	{ "system-word", "region=system:huge", -EINVAL },
	{ "system-negative", "region=system:-64M", -EINVAL },
	{ "system-suffix", "region=system:64X", -EINVAL },
	{ "system-two-suffixes", "region=system:1GG", -EINVAL },
	{ "system-base", "region=system:64M@4G", -EINVAL },
	{ "system-option", "region=system:64M:pages=on", -EINVAL },
	{ "system-unaligned", "region=system:4097", -EINVAL },
	{ "system-all-ones", "region=system:0xffffffffffffffff", -EINVAL },
	{ "system-shift-overflow", "region=system:17179869184G", -ERANGE },
	{ "system-digits-overflow", "region=system:99999999999999999999",
	  -ERANGE },
	{ "system-many-digits",
	  "region=system:1000000000000000000000000000000000000", -ERANGE },
	{ "system-too-big", "region=system:$T", -ENOMEM },
	{ "system-far-too-big", "region=system:0xfffffffffffff000", -ENOMEM },
	{ "second-spec", "region=system:64M,nonsense", -EINVAL },
	{ "reserved-no-size", "region=reserved:@$B", -EINVAL },
	{ "reserved-no-base", "region=reserved:64M", -EINVAL },
	{ "reserved-empty-base", "region=reserved:64M@", -EINVAL },
	{ "reserved-word-base", "region=reserved:64M@here", -EINVAL },
	{ "reserved-zero", "region=reserved:0@$B", -EINVAL },
	{ "reserved-unaligned-size", "region=reserved:0x1001@$B", -EINVAL },
	{ "reserved-unaligned-base", "region=reserved:64M@1", -EINVAL },
	{ "reserved-pages-unaligned-size",
	  "region=reserved:0x4001000@$B:pages=on", -EINVAL },
	{ "reserved-pages-unaligned-base",
	  "region=reserved:64M@0x100001000:pages=on", -EINVAL },
	{ "reserved-wrap", "region=reserved:0x2000@0xfffffffffffff000",
	  -ERANGE },
	{ "reserved-wrap-to-zero", "region=reserved:0x1000@0xfffffffffffff000",
	  -ERANGE },
	{ "reserved-all-ones-base", "region=reserved:64M@0xffffffffffffffff",
	  -EINVAL },
	{ "reserved-all-ones-size", "region=reserved:0xffffffffffffffff@4G",
	  -EINVAL },
	{ "reserved-beyond-width", "region=reserved:64M@$W", -ERANGE },
	{ "reserved-across-width", "region=reserved:$W@$B", -ERANGE },
	{ "reserved-system-ram", "region=reserved:2M@$R", -EBUSY },
	{ "reserved-partly-ram", "region=reserved:4M@$E", -EBUSY },
	{ "reserved-hole", "region=reserved:64M@$H", -ENXIO },
	{ "reserved-hole-pages", "region=reserved:64M@$H:pages=on", -ENXIO },
	{ "reserved-twice", "region=reserved:64M@$B,reserved:64M@$B",
	  -EINVAL },
	{ "reserved-overlap", "region=reserved:$S@$B,reserved:2M@$M",
	  -EINVAL },
	{ "reserved-overlap-inside",
	  "region=reserved:2M@$M,system:2M,reserved:$S@$B:pages=on", -EINVAL },
	{ "reserved-pages-value", "region=reserved:64M@$B:pages=maybe",
	  -EINVAL },
	{ "reserved-pages-case", "region=reserved:64M@$B:pages=ON", -EINVAL },
	{ "reserved-option", "region=reserved:64M@$B:wc", -EINVAL },
	{ "reserved-empty-option", "region=reserved:64M@$B:", -EINVAL },
	{ "reserved-two-options",
	  "region=reserved:64M@$B:pages=on:pages=on", -EINVAL },
	{ "pages", "pages=maybe", -EINVAL },
	{ "allow-pmd", "allow_pmd=2", -EINVAL },
	{ "max-order-1", "max_order=1", -EINVAL },
	{ "max-order-8", "max_order=8", -EINVAL },
	{ "max-order-19", "max_order=19", -EINVAL },
	{ "max-order-negative", "max_order=-1", -EINVAL },
	{ "max-order-word", "max_order=huge", -EINVAL },
	{ "max-order-all-ones", "max_order=0xffffffff", -EINVAL },
	{ "vma", "vma=bothmap", -EINVAL },
	{ "vma-empty", "vma=", -EINVAL },
};

static char params_before[4096];

/* ---- the machine ---- */

static uint64_t number(const char *text, char **end)
{
	static const char suffixes[] = "KMGT";
	uint64_t val = strtoull(text, end, 0);
	const char *s = memchr(suffixes, toupper(**end), strlen(suffixes));

	if (s) {
		val <<= 10 * (s - suffixes + 1);
		(*end)++;
	}
	return val;
}

/* The @nth range (from 0) of the kernel's command line, memmap=SIZE$BASE. */
static bool reserved_range(unsigned int nth, uint64_t *base, uint64_t *size)
{
	char buf[8192], *p, *end;

	igt_assert(__hm_read_file("/proc/cmdline", buf, sizeof(buf)) > 0);
	for (p = buf; (p = strstr(p, "memmap=")); ) {
		do {
			p = strchr(p, *p == ',' ? ',' : '=') + 1;
			*size = number(p, &end);
			if (*end == '$') {
				*base = number(end + 1, &end);
				if (!nth--)
					return true;
			}
			p = end;
		} while (*p == ',');
	}
	return false;
}

static void require_reserved(unsigned int nth, uint64_t *base, uint64_t *size)
{
	igt_require_f(reserved_range(nth, base, size),
		      "boot with memmap=SIZE$BASE\n");
	igt_require_f(*size >= HM_MIB(256), "reserved range too small\n");
}

/* What /proc/iomem says of a range: the ranges on its top level it touches. */
static bool iomem_has(uint64_t base, uint64_t size, const char *kind)
{
	uint64_t start, end;
	char line[256], name[128];
	bool found = false;
	FILE *f;

	f = fopen("/proc/iomem", "re");
	igt_assert(f);
	while (!found && fgets(line, sizeof(line), f)) {
		if (line[0] == ' ')
			continue;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " : %127[^\n]", &start,
			   &end, name) != 3)
			continue;
		if (kind)
			found = !strcmp(name, kind) && start <= base &&
				end >= base + size - 1;
		else
			found = start < base + size && end >= base;
	}
	fclose(f);
	return found;
}

static unsigned int address_bits(void)
{
	unsigned int bits = 0;
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	f = fopen("/proc/cpuinfo", "re");
	igt_assert(f);
	while (!bits && getline(&line, &size, f) > 0)
		if (sscanf(line, "address sizes : %u bits physical", &bits) != 1)
			bits = 0;
	free(line);
	fclose(f);
	return bits;
}

static uint64_t placeholder(char c)
{
	uint64_t base = 0, size = 0, at;

	switch (c) {
	case 'B':
	case 'S':
	case 'M':
		require_reserved(0, &base, &size);
		return c == 'S' ? size : c == 'M' ? base + size / 2 : base;
	case 'R':
		for (at = HM_MIB(16); at < HM_GIB(1); at += HM_MIB(2))
			if (iomem_has(at, HM_MIB(2), "System RAM"))
				return at;
		igt_skip("no System RAM where it is looked for\n");
	case 'E':
		for (unsigned int i = 0; reserved_range(i, &base, &size); i++)
			if (iomem_has(base + size, HM_MIB(2), "System RAM"))
				return base + size - HM_MIB(2);
		igt_skip("no System RAM behind what memmap= reserved\n");
	case 'H':
		/* High, but inside the address width. */
		igt_require_f(address_bits(), "unknown address width\n");
		for (at = 1ull << (address_bits() - 1); at > HM_GIB(16);
		     at -= at / 16 & ~(HM_GIB(1) - 1) ?: HM_GIB(1))
			if (!iomem_has(at, HM_MIB(64), NULL))
				return at;
		igt_skip("no hole in the physical address space\n");
	case 'W':
		igt_require_f(address_bits(), "unknown address width\n");
		return 1ull << address_bits();
	case 'T':
		return hm_mem_total() * 2 & ~(HM_MIB(2) - 1);
	}
	igt_assert_f(false, "placeholder %c\n", c);
}

static void expand(char *buf, size_t size, const char *params)
{
	size_t n = 0;

	for (; *params; params++) {
		if (*params == '$')
			n += snprintf(buf + n, size - n, "%#" PRIx64,
				      placeholder(*++params));
		else
			n += snprintf(buf + n, size - n, "%c", *params);
		igt_assert_lt(n, size);
	}
	buf[n] = 0;
}

/* ---- the module ---- */

static void unload(void)
{
	int err;

	hm_nodes_close();
	if (!hm_module_loaded())
		return;
	err = __hm_module_unload();
	igt_assert_f(!err, "unloading: %s\n", strerror(-err));
	igt_assert(!hm_module_loaded());
}

static void load(const char *params)
{
	char text[1024];
	int err;

	expand(text, sizeof(text), params);
	igt_debug("loading with \"%s\"\n", text);
	err = __hm_module_load(text);
	igt_assert_f(!err, "loading with \"%s\": %s\n", text, strerror(-err));
}

static void put_back(int sig)
{
	(void)sig;
	hm_nodes_close();
	if (!hm_module_loaded())
		__hm_module_load(params_before);
}

static int count_entries(const char *dir, const char *prefix)
{
	struct dirent *d;
	int n = 0;
	DIR *f;

	f = opendir(dir);
	if (!f)
		return 0;
	while ((d = readdir(f)))
		n += !strncmp(d->d_name, prefix, strlen(prefix));
	closedir(f);
	return n;
}

/* No trace of the module is left. */
static void check_gone(void)
{
	igt_assert(!hm_module_loaded());
	igt_assert_eq(count_entries("/dev", "hugemap"), 0);
	igt_assert_neq(access("/sys/class/hugemap", F_OK), 0);
	igt_assert_neq(access("/sys/kernel/debug/hugemap", F_OK), 0);
	igt_assert_neq(access("/sys/bus/platform/drivers/hugemap", F_OK), 0);
	igt_assert_neq(access("/sys/bus/pci/drivers/hugemap", F_OK), 0);
	igt_assert_eq(count_entries("/sys/bus/platform/devices", "hugemap"), 0);
}

static void check_refused(const char *params, int want)
{
	char text[1024], line[512] = "";
	struct hm_klog log;
	int err, lines;

	expand(text, sizeof(text), params);
	unload();
	hm_klog_mark(&log);
	err = __hm_module_load(text);
	igt_assert_f(err == want, "\"%s\": %s, expected %s\n", text,
		     strerror(-err), strerror(-want));
	lines = hm_klog_count(&log, "hugemap:", line, sizeof(line));
	hm_klog_close(&log);
	igt_info("%s\n", line);
	igt_assert_f(lines == 1, "%d lines in the kernel log\n", lines);
	check_gone();
}

/* ---- regions ---- */

static int count_type(uint32_t type)
{
	int n = 0;

	hm_for_each_node(node)
		n += node->q.type == type;
	return n;
}

static struct hm_node *find(uint32_t type, int nth)
{
	hm_for_each_node(node)
		if (node->q.type == type && !nth--)
			return node;
	igt_assert_f(false, "no region of type %u\n", type);
	return NULL;
}

/* Store, load, read and write at both ends and in the middle. */
static void check_works(const struct hm_node *node, uint64_t seed)
{
	uint64_t page = hm_page_size(), len = hm_pmd_size(node), i;
	uint64_t at[3] = { 0, 0, 0 };
	char *p, buf[64];

	if (len > node->size)
		len = node->size;
	at[1] = (node->size - len) / 2 & ~(page - 1);
	at[2] = node->size - len;
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		p = hm_mmap(node, at[i], len, PROT_READ | PROT_WRITE);
		hm_fill_pages(p, at[i], len, seed);
		hm_munmap(p, len);
	}
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		p = hm_mmap(node, at[i], len, PROT_READ);
		hm_check_pages(p, at[i], len, seed);
		igt_assert_eq_s64(pread(node->fd, buf, sizeof(buf), at[i]),
				  sizeof(buf));
		igt_assert(!memcmp(buf, p, sizeof(buf)));
		hm_munmap(p, len);
	}
}

/* All of a region is there for objects, and no more, and it is cleared. */
static void check_objects(uint32_t type, uint64_t seed)
{
	struct hm_node *region = NULL;
	uint32_t handle, more;
	uint64_t size;
	char *p;
	int fd;

	igt_hugemap_require_drm();
	hm_for_each_region(r)
		if (r->q.type == type)
			region = r;
	igt_assert(region);
	size = region->size;
	fd = hm_render_open(region);
	handle = hm_create(fd, region, size);
	igt_assert_eq(__hm_create_in(fd, region->region, 1, 0,
				     DRM_HUGEMAP_ORDER_ANY, &more), -ENOSPC);
	p = hm_bo_mmap(fd, handle, 0, size, PROT_READ | PROT_WRITE);
	hm_check_zero(p, 0, size, hm_page_size());
	hm_fill_pages(p, 0, size, seed);
	hm_check_pages(p, 0, size, seed);
	hm_munmap(p, size);
	close(fd);
	hm_drm_close();
}

static void test_default(void)
{
	struct hm_node *node;

	unload();
	load("");
	igt_assert_eq(count_type(DRM_HUGEMAP_REGION_SYSTEM), 1);
	igt_assert_eq(count_type(DRM_HUGEMAP_REGION_RESERVED), 0);
	node = find(DRM_HUGEMAP_REGION_SYSTEM, 0);
	/* As modinfo says: 1G or a quarter of memory. */
	igt_assert_lte_u64(node->size, HM_GIB(1));
	igt_assert_lte_u64(node->size, hm_mem_total() / 4 + HM_MIB(64));
	igt_assert_lte_u64(HM_MIB(32), node->size);
	if (hm_mem_total() >= HM_GIB(5))
		igt_assert_eq_u64(node->size, HM_GIB(1));
	igt_assert_eq_u64(hm_sysfs_read_u64(node, "max_order"),
			  node->q.pud_order);
	igt_assert_eq_u64(hm_sysfs_read_u64(node, "allow_pmd"), 0);
	hm_for_each_node(n)
		check_works(n, 1);
	unload();
	check_gone();
}

static void test_size_suffixes(void)
{
	static const char * const sizes[] = {
		"67108864", "0x4000000", "65536K", "65536k", "64M", "64m",
		"0x40M", "0400000000",
	};
	char params[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unload();
		snprintf(params, sizeof(params), "region=system:%s", sizes[i]);
		load(params);
		igt_assert_eq_u64(find(DRM_HUGEMAP_REGION_SYSTEM, 0)->size,
				  HM_MIB(64));
	}
	if (hm_mem_total() > HM_GIB(6)) {
		unload();
		load("region=system:1G");
		igt_assert_eq_u64(find(DRM_HUGEMAP_REGION_SYSTEM, 0)->size,
				  HM_GIB(1));
	}
	unload();
}

static void test_odd_size(void)
{
	/* One page; just below and above a PMD entry; many pieces. */
	static const uint64_t sizes[] = {
		0x1000, 0x1ff000, 0x201000, 0x3000, 0x5fff000, 0x6a53000,
	};
	struct hm_node *node;
	char params[64];
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unload();
		snprintf(params, sizeof(params), "region=system:%#" PRIx64,
			 sizes[i]);
		load(params);
		node = find(DRM_HUGEMAP_REGION_SYSTEM, 0);
		igt_assert_eq_u64(node->size, sizes[i]);
		check_works(node, i);
		p = hm_mmap(node, 0, node->size, PROT_READ | PROT_WRITE);
		hm_fill_pages(p, 0, node->size, i + 100);
		hm_check_pages(p, 0, node->size, i + 100);
		hm_munmap(p, node->size);
		check_objects(DRM_HUGEMAP_REGION_SYSTEM, i + 200);
	}
	unload();
}

/* Is the range claimed in the driver's name, which keeps others out? */
static bool claimed(uint64_t base, uint64_t size)
{
	uint64_t first, last;
	char *line = NULL;
	bool found = false;
	size_t len = 0;
	FILE *f;

	f = fopen("/proc/iomem", "re");
	igt_assert(f);
	while (!found && getline(&line, &len, f) > 0)
		found = sscanf(line, "%" SCNx64 "-%" SCNx64, &first, &last) == 2 &&
			strstr(line, " : hugemap\n") && first == base &&
			last == base + size - 1;
	free(line);
	fclose(f);
	return found;
}

static void test_reserved(void)
{
	static const char * const options[] = { "", ":pages=off", ":pages=on" };
	uint64_t base, size;
	struct hm_node *node;
	char params[128];
	unsigned int i;

	require_reserved(0, &base, &size);
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		unload();
		snprintf(params, sizeof(params), "region=reserved:$S@$B%s",
			 options[i]);
		load(params);
		igt_assert_eq(count_type(DRM_HUGEMAP_REGION_SYSTEM), 0);
		igt_assert_eq(count_type(DRM_HUGEMAP_REGION_RESERVED), 1);
		node = find(DRM_HUGEMAP_REGION_RESERVED, 0);
		igt_assert_eq_u64(node->size, size);
		igt_assert_eq(node->pages, i == 2);
		igt_assert_eq(node->q.caching, DRM_HUGEMAP_CACHING_WB);
		check_works(node, i);
		igt_assert(claimed(base, size));
	}
	unload();
	igt_assert(!claimed(base, size));
}

/* Nothing in it is aligned to the size of a PUD entry. */
static void test_reserved_unaligned(void)
{
	uint64_t base, size, unit;
	struct hm_node *node;
	char params[128];

	require_reserved(0, &base, &size);
	unload();
	load("region=system:2M");
	unit = hm_pud_size(find(DRM_HUGEMAP_REGION_SYSTEM, 0));
	igt_require_f(!(base % unit) && size >= 2 * unit,
		      "the reserved range is too small\n");
	unload();
	snprintf(params, sizeof(params),
		 "region=reserved:%#" PRIx64 "@%#" PRIx64 " allow_pmd=1", unit,
		 base + unit / 2);
	load(params);
	node = find(DRM_HUGEMAP_REGION_RESERVED, 0);
	igt_assert_eq_u64(node->size, unit);
	igt_assert_eq(node->q.pud_why, DRM_HUGEMAP_WHY_EXTENT);
	igt_assert_eq_u64(node->q.align, hm_pmd_size(node));
	igt_assert_eq_u64(node->q.orders, 1 | 1ull << node->q.pmd_order);
	check_works(node, 1);
	unload();
}

/* Memory that nobody cleared is, before a client has it. */
static void test_reserved_cleared(void)
{
	uint64_t base, size, len = HM_MIB(64);
	struct hm_node *node;
	char params[128];
	void *p;

	require_reserved(0, &base, &size);
	for (int i = 0; i < 4; i++) {
		unload();
		snprintf(params, sizeof(params), "region=reserved:%#" PRIx64
			 "@%#" PRIx64 ":pages=%s", len, base,
			 i & 1 ? "on" : "off");
		load(params);
		check_objects(DRM_HUGEMAP_REGION_RESERVED, i);
		node = find(DRM_HUGEMAP_REGION_RESERVED, 0);
		p = hm_mmap(node, 0, len, PROT_READ | PROT_WRITE);
		hm_fill_pages(p, 0, len, i + 100);
		hm_munmap(p, len);
	}
	unload();
}

static void test_reserved_twice(void)
{
	uint64_t base, size;
	char params[160];
	int i;

	require_reserved(0, &base, &size);
	for (i = 0; i < 4; i++) {
		unload();
		snprintf(params, sizeof(params),
			 "region=reserved:64M@%#" PRIx64 "%s,reserved:64M@%#"
			 PRIx64 "%s", base, i & 1 ? ":pages=on" : "",
			 base + HM_MIB(128), i & 2 ? ":pages=on" : "");
		load(params);
		igt_assert_eq(count_type(DRM_HUGEMAP_REGION_RESERVED), 2);
		check_works(find(DRM_HUGEMAP_REGION_RESERVED, 0), i);
		check_works(find(DRM_HUGEMAP_REGION_RESERVED, 1), i);
		igt_assert_eq(find(DRM_HUGEMAP_REGION_RESERVED, 0)->pages,
			      i & 1);
		igt_assert_eq(find(DRM_HUGEMAP_REGION_RESERVED, 1)->pages,
			      i >> 1);
	}
	unload();
}

static void test_several_regions(void)
{
	uint64_t base, size, seed = 0;
	char params[256], kind[16];

	require_reserved(0, &base, &size);
	unload();
	snprintf(params, sizeof(params),
		 "region=system:64M,reserved:64M@%#" PRIx64 ",system:6M,reserved:64M@%#"
		 PRIx64 ":pages=on,reserved:64M@%#" PRIx64, base,
		 base + HM_MIB(64), base + HM_MIB(128));
	load(params);
	igt_assert_eq(count_type(DRM_HUGEMAP_REGION_SYSTEM), 2);
	igt_assert_eq(count_type(DRM_HUGEMAP_REGION_RESERVED), 3);
	/* In the order of the command line. */
	igt_assert_eq_u64(find(DRM_HUGEMAP_REGION_SYSTEM, 0)->size, HM_MIB(64));
	igt_assert_eq_u64(find(DRM_HUGEMAP_REGION_SYSTEM, 1)->size, HM_MIB(6));
	igt_assert(find(DRM_HUGEMAP_REGION_RESERVED, 1)->pages);
	igt_assert(!find(DRM_HUGEMAP_REGION_RESERVED, 2)->pages);

	/* Nobody's memory is anybody else's. */
	hm_for_each_node(node) {
		void *p = hm_mmap(node, 0, HM_MIB(6), PROT_READ | PROT_WRITE);

		hm_fill_pages(p, 0, HM_MIB(6), ++seed);
		hm_munmap(p, HM_MIB(6));
	}
	seed = 0;
	hm_for_each_node(node) {
		void *p = hm_mmap(node, 0, HM_MIB(6), PROT_READ);

		hm_check_pages(p, 0, HM_MIB(6), ++seed);
		hm_munmap(p, HM_MIB(6));
		hm_sysfs_read(node, "type", kind, sizeof(kind));
		igt_assert(!strcmp(kind, node->type));
	}
	unload();
}

static void test_pages_default(void)
{
	uint64_t base, size;
	char params[256];

	require_reserved(0, &base, &size);
	unload();
	snprintf(params, sizeof(params), "pages=on region=reserved:64M@%#" PRIx64
		 ",reserved:64M@%#" PRIx64 ":pages=off", base,
		 base + HM_MIB(64));
	load(params);
	igt_assert(find(DRM_HUGEMAP_REGION_RESERVED, 0)->pages);
	igt_assert(!find(DRM_HUGEMAP_REGION_RESERVED, 1)->pages);
	hm_for_each_node(node) {
		/* BARs have no option of their own. */
		if (node->q.type == DRM_HUGEMAP_REGION_PCI)
			igt_assert(node->pages);
		check_works(node, 1);
	}
	unload();
}

static void test_limits(void)
{
	static const struct {
		const char *params;
		uint64_t max_order, allow_pmd;
		const char *vma;
	} set[] = {
		{ "max_order=0", 0, 0, "auto" },
		{ "max_order=9 allow_pmd=1", 9, 1, "auto" },
		{ "max_order=18 vma=pfnmap", 18, 0, "pfnmap" },
		{ "allow_pmd=N vma=auto", 18, 0, "auto" },
	};
	char params[64], vma[16];
	bool walks = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(set); i++) {
		unload();
		snprintf(params, sizeof(params), "region=system:64M %s",
			 set[i].params);
		load(params);
		hm_for_each_node(node) {
			walks = node->q.features &
				DRM_HUGEMAP_FEATURE_CORE_WALK;
			igt_assert_eq_u64(hm_sysfs_read_u64(node, "max_order"),
					  set[i].max_order);
			igt_assert_eq_u64(hm_sysfs_read_u64(node, "allow_pmd"),
					  set[i].allow_pmd);
			hm_sysfs_read(node, "vma", vma, sizeof(vma));
			igt_assert(!strcmp(vma, set[i].vma));
			igt_assert_eq_u64(node->q.orders >>
					  (set[i].max_order + 1), 0);
			if (set[i].allow_pmd)
				igt_assert(hm_has_order(node, 9));
			check_works(node, i);
		}
	}
	unload();

	/* A kernel table that says no is obeyed here too. */
	if (walks || hm_kernel_at_least(6, 12)) {
		load("region=system:64M vma=mixedmap");
		igt_assert_eq(find(DRM_HUGEMAP_REGION_SYSTEM, 0)->q.vma_type,
			      DRM_HUGEMAP_VMA_MIXEDMAP);
		unload();
	} else {
		check_refused("region=system:64M vma=mixedmap", -EOPNOTSUPP);
	}
}

static uint64_t mem_free(void)
{
	char buf[4096], *p;

	igt_assert(__hm_read_file("/proc/meminfo", buf, sizeof(buf)) > 0);
	p = strstr(buf, "MemFree:");
	igt_assert(p);
	return strtoull(p + strlen("MemFree:"), NULL, 10) << 10;
}

static void test_memory_comes_back(void)
{
	uint64_t before, during, after;
	int i;

	unload();
	/* The first time may leave caches behind. */
	load("region=system:256M");
	unload();
	before = mem_free();
	for (i = 0; i < 5; i++) {
		load("region=system:256M");
		during = mem_free();
		igt_assert_lt_u64(during, before - HM_MIB(200));
		unload();
	}
	after = mem_free();
	igt_assert_f(after + HM_MIB(64) > before, "%" PRIu64 " MiB are lost\n",
		     (before - after) >> 20);
}

static void test_cleared(void)
{
	uint64_t len = HM_MIB(128), page = hm_page_size(), at, dirty = 0;
	struct hm_node *node;
	volatile uint64_t *p;
	int round;

	for (round = 0; round < 3; round++) {
		unload();
		load("region=system:128M");
		node = find(DRM_HUGEMAP_REGION_SYSTEM, 0);
		p = hm_mmap(node, 0, len, PROT_READ | PROT_WRITE);
		/* A word at the begin, in the middle and at the end. */
		for (at = 0; at < len; at += page)
			dirty += p[at / 8] || p[(at + page / 2) / 8] ||
				 p[(at + page) / 8 - 1];
		igt_assert_eq_u64(dirty, 0);
		memset((void *)p, 0xa5, len);
		hm_munmap((void *)p, len);
	}
	unload();
}

static void test_unload_while_open(void)
{
	struct hm_node *node;
	int fd;

	unload();
	load("region=system:64M");
	node = find(DRM_HUGEMAP_REGION_SYSTEM, 0);
	fd = hm_open(node, O_RDONLY);
	hm_nodes_close();
	igt_assert_eq(__hm_module_unload(), -EWOULDBLOCK);
	/* The attempt changes nothing. */
	igt_assert(hm_module_loaded());
	check_works(find(DRM_HUGEMAP_REGION_SYSTEM, 0), 1);
	hm_nodes_close();
	igt_assert_eq(__hm_module_unload(), -EWOULDBLOCK);
	close(fd);
	unload();
	check_gone();
}

static void test_unload_while_mapped(void)
{
	struct hm_node *node;
	uint64_t len;
	char *p;

	unload();
	load("region=system:64M");
	node = find(DRM_HUGEMAP_REGION_SYSTEM, 0);
	len = 2 * hm_pmd_size(node);
	p = hm_mmap(node, 0, len, PROT_READ | PROT_WRITE);
	hm_nodes_close();
	igt_assert_eq(__hm_module_unload(), -EWOULDBLOCK);
	hm_fill_pages(p, 0, len, 1);
	igt_assert_eq(__hm_module_unload(), -EWOULDBLOCK);
	/* A part is enough, and so is a mapping of somebody else's. */
	hm_munmap(p + hm_page_size(), len - hm_page_size());
	igt_assert_eq(__hm_module_unload(), -EWOULDBLOCK);
	igt_fork(child, 1) {
		igt_assert_eq(__hm_module_unload(), -EWOULDBLOCK);
		hm_check_pages(p, 0, hm_page_size(), 1);
	}
	igt_waitchildren();
	hm_check_pages(p, 0, hm_page_size(), 1);
	hm_munmap(p, hm_page_size());
	unload();
	check_gone();
}

static void test_reload(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		unload();
		check_gone();
		load("region=system:16M");
		check_works(find(DRM_HUGEMAP_REGION_SYSTEM, 0), i);
	}
	unload();
	check_gone();
}

int igt_main()
{
	volatile unsigned int i;

	igt_fixture() {
		const char *path = getenv("HM_MODULE") ?: "/modules/hugemap.ko";

		igt_require_f(!access(path, R_OK), "no module %s\n", path);
		if (hm_module_loaded())
			hm_module_params(params_before, sizeof(params_before));
		else
			snprintf(params_before, sizeof(params_before), "%s",
				 getenv("HM_MODARGS") ?: "");
		igt_install_exit_handler(put_back);
	}

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_describe_f("Loading with \"%s\" is refused with one line in the kernel log, and leaves nothing behind.",
			       bad[i].params);
		igt_subtest_f("bad-%s", bad[i].name)
			check_refused(bad[i].params, bad[i].err);
	}

	igt_describe("Without parameters there is one system region that works.");
	igt_subtest("default")
		test_default();

	igt_describe("Sizes can be given in every usual way.");
	igt_subtest("size-suffixes")
		test_size_suffixes();

	igt_describe("A size that is no multiple of a large page works to the end.");
	igt_subtest("odd-size")
		test_odd_size();

	igt_describe("A reserved range becomes a region, with and without struct pages.");
	igt_subtest("reserved")
		test_reserved();

	igt_describe("A reserved range can be given up and claimed again.");
	igt_subtest("reserved-twice")
		test_reserved_twice();

	igt_describe("A range in which no 1 GiB page fits is offered without.");
	igt_subtest("reserved-unaligned")
		test_reserved_unaligned();

	igt_describe("Objects in a reserved range do not show what was there before.");
	igt_subtest("reserved-cleared")
		test_reserved_cleared();

	igt_describe("Regions of all kinds at once, each with its own memory.");
	igt_subtest("several-regions")
		test_several_regions();

	igt_describe("The pages parameter is the default of the regions' option.");
	igt_subtest("pages-default")
		test_pages_default();

	igt_describe("The max_order, allow_pmd and vma parameters are where the sysfs attributes begin.");
	igt_subtest("limits")
		test_limits();

	igt_describe("The memory of a system region is free again after unloading.");
	igt_subtest("memory-comes-back")
		test_memory_comes_back();

	igt_describe("A new region holds nothing of what was there before.");
	igt_subtest("cleared")
		test_cleared();

	igt_describe("The module cannot be unloaded while a node is open.");
	igt_subtest("unload-while-open")
		test_unload_while_open();

	igt_describe("The module cannot be unloaded while there is a mapping, open descriptor or not.");
	igt_subtest("unload-while-mapped")
		test_unload_while_mapped();

	igt_describe("The module can be loaded and unloaded over and over.");
	igt_subtest("reload")
		test_reload();

	/* What the tests after this one expect. */
	igt_fixture() {
		hm_nodes_close();
		if (hm_module_loaded())
			igt_assert_eq(__hm_module_unload(), 0);
		igt_assert_eq(__hm_module_load(params_before), 0);
		igt_hugemap_require_nodes();
	}
}
