// SPDX-License-Identifier: GPL-2.0
/*
 * hm_region_spec.c: what region= takes.  In the kernel only: it asks the
 * kernel for numbers and memory maps.
 */
#include "hm_test.h"
#include "../hm_region_spec.c"

HM_TEST(test_parse)
{
	static const struct {
		const char *text;
		bool pages;
		int ret;
		struct hm_region_spec want;
	} cases[] = {
		{ "system:64M", false, 0,
		  { DRM_HUGEMAP_REGION_SYSTEM, SZ_64M } },
		/* The parameter of the module is not for system regions. */
		{ "system:0x1000", true, 0,
		  { DRM_HUGEMAP_REGION_SYSTEM, SZ_4K } },
		{ "system:1g", false, 0, { DRM_HUGEMAP_REGION_SYSTEM, SZ_1G } },
		{ "system:010K", false, 0, { DRM_HUGEMAP_REGION_SYSTEM, SZ_8K } },
		{ "system:1T", false, 0,
		  { DRM_HUGEMAP_REGION_SYSTEM, 1ULL << 40 } },
		{ "system:18446744073709551615", false, 0,
		  { DRM_HUGEMAP_REGION_SYSTEM, U64_MAX } },
		{ "system:16777215T", false, 0,
		  { DRM_HUGEMAP_REGION_SYSTEM, 16777215ULL << 40 } },
		{ "reserved:2G@4G", false, 0,
		  { DRM_HUGEMAP_REGION_RESERVED, SZ_2G, SZ_4G } },
		{ "reserved:2G@4G", true, 0,
		  { DRM_HUGEMAP_REGION_RESERVED, SZ_2G, SZ_4G, true } },
		{ "reserved:2G@4G:pages=off", true, 0,
		  { DRM_HUGEMAP_REGION_RESERVED, SZ_2G, SZ_4G } },
		{ "reserved:2048m@0x100000000:pages=on", false, 0,
		  { DRM_HUGEMAP_REGION_RESERVED, SZ_2G, SZ_4G, true } },
		{ "", false, -EINVAL },
		{ "system", false, -EINVAL },
		{ "system:", false, -EINVAL },
		{ "system: 64M", false, -EINVAL },
		{ "system:64M ", false, -EINVAL },
		{ "system:-1", false, -EINVAL },
		{ "system:64MM", false, -EINVAL },
		{ "system:M", false, -EINVAL },
		{ "system:64M:pages=on", false, -EINVAL },
		{ "system:64M@0", false, -EINVAL },
		{ "system:16777216T", false, -ERANGE },
		{ "system:18446744073709551616", false, -ERANGE },
		{ "system:000000000000000000000000000001", false, -ERANGE },
		{ "reserved:2G", false, -EINVAL },
		{ "reserved:2G@", false, -EINVAL },
		{ "reserved:@4G", false, -EINVAL },
		{ "reserved:2G@4G@6G", false, -EINVAL },
		{ "reserved:2G:pages=on@4G", false, -EINVAL },
		{ "reserved:2G@4G:pages=on ", false, -EINVAL },
		{ "reserved:2G@4G:", false, -EINVAL },
		{ "Reserved:2G@4G", false, -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct hm_region_spec *want = &cases[i].want;
		struct hm_region_spec got;
		int ret = hm_region_parse(cases[i].text, cases[i].pages, &got);

		check(ret == cases[i].ret, "\"%s\": %d", cases[i].text, ret);
		if (ret || cases[i].ret)
			continue;
		check(got.type == want->type && got.size == want->size &&
		      got.base == want->base && got.pages == want->pages,
		      "\"%s\": type %u size %#llx base %#llx pages %d",
		      cases[i].text, got.type, got.size, got.base, got.pages);
	}
}

HM_TEST(test_check)
{
	const u64 ram = (u64)totalram_pages() << PAGE_SHIFT;
	const struct {
		struct hm_region_spec spec;
		int ret;
	} cases[] = {
		{ { DRM_HUGEMAP_REGION_SYSTEM, SZ_2M }, 0 },
		{ { DRM_HUGEMAP_REGION_SYSTEM, 0 }, -EINVAL },
		{ { DRM_HUGEMAP_REGION_SYSTEM, SZ_2M + 1 }, -EINVAL },
		{ { DRM_HUGEMAP_REGION_SYSTEM, ram }, 0 },
		{ { DRM_HUGEMAP_REGION_SYSTEM, ram + PAGE_SIZE }, -ENOMEM },
		{ { DRM_HUGEMAP_REGION_PCI, SZ_4K, SZ_4K }, 0 },
		/* Whoever wants struct pages gets them by the section. */
		{ { DRM_HUGEMAP_REGION_PCI, SZ_4K, SZ_4K, true }, -EINVAL },
		{ { DRM_HUGEMAP_REGION_PCI, SUBSECTION_SIZE, SUBSECTION_SIZE,
		    true }, 0 },
		{ { DRM_HUGEMAP_REGION_PCI, SZ_8K, -(u64)SZ_4K }, -ERANGE },
		{ { DRM_HUGEMAP_REGION_PCI, SZ_4K, -(u64)SZ_4K }, -ERANGE },
		{ { DRM_HUGEMAP_REGION_RESERVED, SZ_4K, SZ_1M + SZ_4K },
		  -EBUSY },
	};
	struct hm_region_spec two[] = {
		{ DRM_HUGEMAP_REGION_PCI, SZ_8K, SZ_16K },
		{ DRM_HUGEMAP_REGION_PCI, SZ_8K, SZ_16K },
	};
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = hm_region_check(&cases[i].spec, 1);
		check(ret == cases[i].ret, "%u: %d", i, ret);
	}
	for (two[1].base = SZ_4K; two[1].base <= SZ_32K; two[1].base += SZ_4K) {
		bool apart = two[1].base + SZ_8K <= SZ_16K ||
			     two[1].base >= SZ_16K + SZ_8K;

		ret = hm_region_check(two, 2);
		check(ret == (apart ? 0 : -EINVAL), "at %#llx: %d", two[1].base,
		      ret);
	}
}

HM_SUITE(hm_region_spec,
	 HM_CASE(test_parse),
	 HM_CASE(test_check));
