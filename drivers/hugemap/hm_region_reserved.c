// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of RAM kept from the kernel (memmap=SIZE$BASE, EFI soft reserved).
 */
#include <linux/io.h>
#include <linux/ioport.h>

#include "hm_region.h"

static int hm_region_reserved_init(struct hm_region *region)
{
	const struct hm_region_spec *s = &region->spec;
	struct hm_extent *e = hm_region_one_extent(region);
	void *kva;
	int ret;

	if (!e)
		return -ENOMEM;
	region->res = request_mem_region(s->base, s->size, "hugemap");
	if (!region->res) {
		pr_err("reserved region of %#llx at %#llx: in use\n", s->size,
		       s->base);
		return -EBUSY;
	}
	region->caching = DRM_HUGEMAP_CACHING_WB;
	/*
	 * Either way the range's memory type is registered as write-back.
	 * Without that x86 maps it uncached (arch/x86/mm/pat/memtype.c
	 * lookup_memtype()).
	 */
	if (s->pages)
		kva = hm_region_add_pages(region, MEMORY_DEVICE_GENERIC);
	else
		kva = memremap(s->base, s->size, MEMREMAP_WB) ?:
		      ERR_PTR(-ENOMEM);
	if (IS_ERR(kva)) {
		ret = PTR_ERR(kva);
		pr_err("reserved region of %#llx at %#llx: cannot be mapped (%d)\n",
		       s->size, s->base, ret);
		release_mem_region(s->base, s->size);
		return ret;
	}
	iosys_map_set_vaddr(&e->kva, kva);
	return 0;
}

static void hm_region_reserved_fini(struct hm_region *region)
{
	if (region->has_pages)
		hm_region_remove_pages(region);
	else
		memunmap(region->window.extents[0].kva.vaddr);
	release_mem_region(region->spec.base, region->spec.size);
}

const struct hm_region_ops hm_region_reserved_ops = {
	.init = hm_region_reserved_init,
	.fini = hm_region_reserved_fini,
};
