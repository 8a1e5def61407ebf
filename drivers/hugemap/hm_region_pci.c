// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of a BAR of a PCI function.
 */
#include <linux/io.h>
#include <linux/pci.h>

#include "hm_region.h"

static int hm_region_pci_init(struct hm_region *region)
{
	const struct hm_region_spec *s = &region->spec;
	struct pci_dev *pdev = region->pdev;
	struct hm_extent *e = hm_region_one_extent(region);
	void __iomem *io;
	void *kva;
	int ret;

	if (!e)
		return -ENOMEM;
	/*
	 * Not pci_request_region(): who gives it back goes by the address, where
	 * another function may be by then if the memory was pinned.
	 */
	region->claim = (struct resource){
		.name = "hugemap",
		.start = s->base,
		.end = s->base + s->size - 1,
		.flags = IORESOURCE_MEM | IORESOURCE_BUSY,
	};
	ret = request_resource(&pdev->resource[region->bar], &region->claim);
	if (ret) {
		pci_err(pdev, "BAR %d is in use\n", region->bar);
		return ret;
	}
	if (s->pages) {
		/* The page map maps the BAR uncached; a BAR has one type. */
		region->caching = DRM_HUGEMAP_CACHING_UC;
		kva = hm_region_add_pages(region, MEMORY_DEVICE_PCI_P2PDMA);
		if (IS_ERR(kva)) {
			ret = PTR_ERR(kva);
			goto err_bar;
		}
		io = (void __iomem *)kva;
	} else {
		bool wc = pci_resource_flags(pdev, region->bar) &
			  IORESOURCE_PREFETCH;

		region->caching = wc ? DRM_HUGEMAP_CACHING_WC :
				       DRM_HUGEMAP_CACHING_UC;
		io = wc ? ioremap_wc(s->base, s->size) :
			  ioremap(s->base, s->size);
		if (!io) {
			ret = -ENOMEM;
			goto err_bar;
		}
	}
	iosys_map_set_vaddr_iomem(&e->kva, io);
	return 0;

err_bar:
	release_resource(&region->claim);
	return ret;
}

static void hm_region_pci_fini(struct hm_region *region)
{
	if (region->has_pages)
		hm_region_remove_pages(region);
	else
		iounmap(region->window.extents[0].kva.vaddr_iomem);
	release_resource(&region->claim);
}

const struct hm_region_ops hm_region_pci_ops = {
	.init = hm_region_pci_init,
	.fini = hm_region_pci_fini,
};
