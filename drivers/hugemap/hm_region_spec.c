// SPDX-License-Identifier: GPL-2.0
/*
 * Regions as the user asks for them: region= and what a BAR says.
 */
#include <linux/ctype.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/mmzone.h>
#include <linux/string.h>

#include "hm_region.h"

const char * const hm_region_type[] = {
	[DRM_HUGEMAP_REGION_SYSTEM] = "system",
	[DRM_HUGEMAP_REGION_RESERVED] = "reserved",
	[DRM_HUGEMAP_REGION_PCI] = "pci",
};

/*
 * A number with an optional K, M, G or T, and behind it one of @stop or the
 * end.  memparse() wraps silently and does not tell "no number" from 0.
 */
static int hm_region_number(const char **p, const char *stop, u64 *val)
{
	static const char suffixes[] = "KMGT";
	size_t len = strcspn(*p, "KMGTkmgt:@");
	const char *suffix;
	char digits[24];
	int ret;

	if (len >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, *p, len);
	digits[len] = '\0';
	ret = kstrtou64(digits, 0, val);
	if (ret)
		return ret;
	*p += len;
	suffix = **p ? strchr(suffixes, toupper(**p)) : NULL;
	if (suffix) {
		if (check_shl_overflow(*val, 10 * (suffix - suffixes + 1), val))
			return -ERANGE;
		(*p)++;
	}
	return !**p || strchr(stop, **p) ? 0 : -EINVAL;
}

/**
 * hm_region_parse - read a region= parameter
 * @text: "system:SIZE" or "reserved:SIZE@BASE[:pages=on|off]"
 * @pages: value of pages= where @text has none
 * @spec: result
 *
 * Return: 0, -EINVAL or -ERANGE; says why in one line.
 */
int hm_region_parse(const char *text, bool pages, struct hm_region_spec *spec)
{
	const char *p = text;
	int ret;

	memset(spec, 0, sizeof(*spec));
	if (str_has_prefix(p, "system:")) {
		spec->type = DRM_HUGEMAP_REGION_SYSTEM;
		p += strlen("system:");
	} else if (str_has_prefix(p, "reserved:")) {
		spec->type = DRM_HUGEMAP_REGION_RESERVED;
		spec->pages = pages;
		p += strlen("reserved:");
	} else {
		pr_err("region \"%s\": neither system:SIZE nor reserved:SIZE@BASE\n",
		       text);
		return -EINVAL;
	}

	ret = hm_region_number(&p, "@:", &spec->size);
	if (!ret && *p == '@' && spec->type == DRM_HUGEMAP_REGION_RESERVED) {
		p++;
		ret = hm_region_number(&p, ":", &spec->base);
	} else if (!ret && spec->type == DRM_HUGEMAP_REGION_RESERVED) {
		ret = -EINVAL;
	}
	if (ret) {
		pr_err("region \"%s\": bad size or base\n", text);
		return ret;
	}
	if (*p && spec->type == DRM_HUGEMAP_REGION_RESERVED) {
		if (!strcmp(p, ":pages=on")) {
			spec->pages = true;
			return 0;
		}
		if (!strcmp(p, ":pages=off")) {
			spec->pages = false;
			return 0;
		}
	}
	if (*p) {
		pr_err("region \"%s\": unknown option \"%s\"\n", text, p);
		return -EINVAL;
	}
	return 0;
}

static int hm_region_check_one(const struct hm_region_spec *s)
{
	unsigned int bits = hm_compat_phys_bits();
	u64 align = s->pages ? SUBSECTION_SIZE : PAGE_SIZE;
	u64 end;

	if (!s->size || !IS_ALIGNED(s->size, align) ||
	    !IS_ALIGNED(s->base, align)) {
		pr_err("%s region of %#llx at %#llx: size and base must be multiples of %#llx\n",
		       hm_region_type[s->type], s->size, s->base, align);
		return -EINVAL;
	}
	if (s->type == DRM_HUGEMAP_REGION_SYSTEM) {
		if (s->size >> PAGE_SHIFT <= totalram_pages())
			return 0;
		pr_err("system region of %#llx: more than there is memory\n",
		       s->size);
		return -ENOMEM;
	}
	if (check_add_overflow(s->base, s->size, &end) ||
	    (bits < 64 && (end - 1) >> bits)) {
		pr_err("%s region of %#llx at %#llx: beyond the %u address bits of this machine\n",
		       hm_region_type[s->type], s->size, s->base, bits);
		return -ERANGE;
	}
	if (s->type == DRM_HUGEMAP_REGION_PCI)
		return 0;
	if (region_intersects(s->base, s->size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		pr_err("reserved region of %#llx at %#llx: overlaps System RAM (boot with memmap=%#llx$%#llx)\n",
		       s->size, s->base, s->size, s->base);
		return -EBUSY;
	}
	if (region_intersects(s->base, s->size, IORESOURCE_MEM,
			      IORES_DESC_RESERVED) != REGION_INTERSECTS &&
	    region_intersects(s->base, s->size, IORESOURCE_MEM,
			      IORES_DESC_SOFT_RESERVED) != REGION_INTERSECTS) {
		pr_err("reserved region of %#llx at %#llx: not reserved memory (boot with memmap=%#llx$%#llx)\n",
		       s->size, s->base, s->size, s->base);
		return -ENXIO;
	}
	return 0;
}

/**
 * hm_region_check - validate regions before anything is touched
 * @specs: regions
 * @nr: number of @specs
 *
 * Return: 0; -EINVAL unaligned, empty or overlapping one another; -ERANGE
 * beyond the address width; -EBUSY System RAM; -ENXIO memory that nobody
 * reserved; -ENOMEM.  Says why in one line.
 */
int hm_region_check(const struct hm_region_spec *specs, unsigned int nr)
{
	unsigned int i, j;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = hm_region_check_one(&specs[i]);
		if (ret)
			return ret;
		for (j = 0; j < i; j++) {
			if (specs[i].type == DRM_HUGEMAP_REGION_SYSTEM ||
			    specs[j].type != specs[i].type ||
			    specs[i].base >= specs[j].base + specs[j].size ||
			    specs[j].base >= specs[i].base + specs[i].size)
				continue;
			pr_err("reserved regions at %#llx and %#llx overlap\n",
			       specs[j].base, specs[i].base);
			return -EINVAL;
		}
	}
	return 0;
}
