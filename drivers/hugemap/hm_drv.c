// SPDX-License-Identifier: GPL-2.0
/*
 * hugemap: device memory mapped with the largest pages the hardware has.
 *
 * Module parameters, the platform device that owns the regions asked for on
 * the command line, and the driver for PCI functions with memory.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/string.h>

#include <drm/drm_drv.h>

#include "hm_chardev.h"
#include "hm_debugfs.h"
#include "hm_dmabuf.h"
#include "hm_drm.h"
#include "hm_fault.h"
#include "hm_region.h"

static char *hm_drv_region[HM_MAX_REGIONS];
static unsigned int hm_drv_nr_region;
module_param_array_named(region, hm_drv_region, charp, &hm_drv_nr_region, 0444);
MODULE_PARM_DESC(region,
		 "system:SIZE or reserved:SIZE@BASE[:pages=on|off]; several with commas (default: one system region of 1G or a quarter of memory)");

static bool hm_drv_pages;
module_param_named(pages, hm_drv_pages, bool, 0644);
MODULE_PARM_DESC(pages,
		 "give reserved and PCI regions struct pages (default: off); PCI functions bound later take the value of that time");

static unsigned int hm_drv_max_order = PUD_ORDER;
module_param_named(max_order, hm_drv_max_order, uint, 0444);
MODULE_PARM_DESC(max_order,
		 "largest page order of new regions: 0, PMD or PUD order (default: PUD order)");

static bool hm_drv_allow_pmd;
module_param_named(allow_pmd, hm_drv_allow_pmd, bool, 0444);
MODULE_PARM_DESC(allow_pmd,
		 "PMD entries on memory without struct pages even where any user of the node can crash this kernel with mbind() (up to 7.2; default: off)");

static char *hm_drv_vma = "auto";
module_param_named(vma, hm_drv_vma, charp, 0444);
MODULE_PARM_DESC(vma, "auto, pfnmap or mixedmap (default: auto)");

static struct platform_device *hm_drv_pdev;

/* The regions of the command line; read again when the driver is rebound. */
static struct hm_region_spec hm_drv_specs[HM_MAX_REGIONS];
static unsigned int hm_drv_nr_specs;
static int hm_drv_error;

/* Nobody is in an ioctl any more. */
static void hm_drv_destroy(struct hm_device *hdev)
{
	while (hdev->nr)
		hm_region_destroy(hdev->regions[--hdev->nr]);
}

/* For whoever drives the device next. */
static void hm_drv_restore_seg(void *data)
{
	struct hm_device *hdev = data;

	dma_set_max_seg_size(hdev->drm.dev, hdev->max_seg);
}

/* A DRM device with the regions that were asked for, all or none. */
static int hm_drv_create(struct device *parent,
			 const struct hm_region_spec *specs, unsigned int nr,
			 struct pci_dev *pdev, int bar)
{
	struct hm_region *region;
	struct hm_device *hdev;
	int ret;

	/* Importing a dma-buf maps it for the device, which has no limits. */
	ret = dma_set_mask_and_coherent(parent, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	hdev = hm_drm_alloc(parent);
	if (IS_ERR(hdev))
		return PTR_ERR(hdev);
	hdev->max_seg = dma_get_max_seg_size(parent);
	dma_set_max_seg_size(parent, UINT_MAX);
	ret = devm_add_action_or_reset(parent, hm_drv_restore_seg, hdev);
	if (ret)
		return ret;
	while (hdev->nr < nr) {
		region = hm_region_create(&specs[hdev->nr], hdev, pdev, bar);
		if (IS_ERR(region)) {
			ret = PTR_ERR(region);
			goto err;
		}
		hdev->regions[hdev->nr++] = region;
	}
	ret = drm_dev_register(&hdev->drm, 0);
	if (ret) {
		/*
		 * Some of its nodes may have been there for a moment.  7.2 has
		 * seen to them, and unplug would warn.
		 */
		if (!drm_dev_is_unplugged(&hdev->drm))
			drm_dev_unplug(&hdev->drm);
		hm_dmabuf_unimport_all(hdev);
		goto err;
	}
	dev_set_drvdata(parent, hdev);
	return 0;

err:
	hm_drv_destroy(hdev);
	return ret;
}

static void hm_drv_remove(struct device *parent)
{
	struct hm_device *hdev = dev_get_drvdata(parent);

	drm_dev_unplug(&hdev->drm);
	hm_dmabuf_unimport_all(hdev);
	hm_drv_destroy(hdev);
}

static int hm_drv_platform_probe(struct platform_device *pdev)
{
	hm_drv_error = hm_drv_create(&pdev->dev, hm_drv_specs, hm_drv_nr_specs,
				     NULL, 0);
	return hm_drv_error;
}

static void hm_drv_platform_gone(struct platform_device *pdev)
{
	hm_drv_remove(&pdev->dev);
}

HM_DEFINE_PLATFORM_REMOVE(hm_drv_platform_remove, hm_drv_platform_gone)

static struct platform_driver hm_drv_platform = {
	.driver = {
		.name = "hugemap",
		/* hm_drv_init() reports what became of it. */
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
	.probe = hm_drv_platform_probe,
	.remove = hm_drv_platform_remove,
};

/* The largest memory BAR, or -1. */
static int hm_drv_bar(struct pci_dev *pdev)
{
	int i, bar = -1;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (!(pci_resource_flags(pdev, i) & IORESOURCE_MEM) ||
		    !pci_resource_start(pdev, i))
			continue;
		if (bar < 0 ||
		    pci_resource_len(pdev, i) > pci_resource_len(pdev, bar))
			bar = i;
	}
	return bar;
}

static int hm_drv_pci_probe(struct pci_dev *pdev,
			    const struct pci_device_id *id)
{
	struct hm_region_spec spec = {
		.type = DRM_HUGEMAP_REGION_PCI,
		.pages = hm_drv_pages,
	};
	int bar, ret;

	bar = hm_drv_bar(pdev);
	if (bar < 0) {
		pci_err(pdev, "no memory BAR\n");
		return -ENODEV;
	}
	spec.base = pci_resource_start(pdev, bar);
	spec.size = pci_resource_len(pdev, bar);
	ret = hm_region_check(&spec, 1);
	if (ret)
		return ret;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	ret = hm_drv_create(&pdev->dev, &spec, 1, pdev, bar);
	if (ret)
		pci_disable_device(pdev);
	return ret;
}

static void hm_drv_pci_remove(struct pci_dev *pdev)
{
	hm_drv_remove(&pdev->dev);
	pci_disable_device(pdev);
}

static const struct pci_device_id hm_drv_pci_ids[] = {
	/* QEMU's ivshmem; any other function by new_id or driver_override. */
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, 0x1110) },
	{ }
};
MODULE_DEVICE_TABLE(pci, hm_drv_pci_ids);

static struct pci_driver hm_drv_pci = {
	.name = "hugemap",
	.id_table = hm_drv_pci_ids,
	.probe = hm_drv_pci_probe,
	.remove = hm_drv_pci_remove,
};

/* Read and check all parameters before anything is touched. */
static int hm_drv_params(void)
{
	unsigned int i;
	int ret;

	if (!hm_region_order_valid(hm_drv_max_order)) {
		pr_err("max_order=%u: not 0, %u or %u\n", hm_drv_max_order,
		       PMD_ORDER, PUD_ORDER);
		return -EINVAL;
	}
	hm_region_defaults.max_order = hm_drv_max_order;
	hm_region_defaults.allow_pmd = hm_drv_allow_pmd;
	if (!strcmp(hm_drv_vma, "pfnmap")) {
		hm_region_defaults.vma_type = DRM_HUGEMAP_VMA_PFNMAP;
	} else if (!strcmp(hm_drv_vma, "mixedmap")) {
		hm_region_defaults.vma_type = DRM_HUGEMAP_VMA_MIXEDMAP;
	} else if (strcmp(hm_drv_vma, "auto")) {
		pr_err("vma=%s: not auto, pfnmap or mixedmap\n", hm_drv_vma);
		return -EINVAL;
	}

	for (i = 0; i < hm_drv_nr_region; i++) {
		ret = hm_region_parse(hm_drv_region[i], hm_drv_pages,
				      &hm_drv_specs[i]);
		if (ret)
			return ret;
	}
	hm_drv_nr_specs = hm_drv_nr_region;
	if (!hm_drv_nr_specs) {
		u64 quarter = (u64)totalram_pages() / 4 << PAGE_SHIFT;

		hm_drv_specs[0].type = DRM_HUGEMAP_REGION_SYSTEM;
		hm_drv_specs[0].size = min_t(u64, SZ_1G,
					     ALIGN_DOWN(quarter, PMD_SIZE));
		hm_drv_nr_specs = 1;
	}
	return hm_region_check(hm_drv_specs, hm_drv_nr_specs);
}

static int __init hm_drv_init(void)
{
	int ret;

	ret = hm_drv_params();
	if (ret)
		return ret;
	hm_fault_init();
	ret = hm_region_init();
	if (ret)
		return ret;
	ret = hm_chardev_init();
	if (ret)
		goto err_region;
	hm_debugfs_init();
	ret = platform_driver_register(&hm_drv_platform);
	if (ret)
		goto err_debugfs;
	hm_drv_pdev = platform_device_register_simple("hugemap", 0, NULL, 0);
	if (IS_ERR(hm_drv_pdev)) {
		ret = PTR_ERR(hm_drv_pdev);
		goto err_platform;
	}
	/* A failed probe is not an error of the registration. */
	ret = hm_drv_error;
	if (ret)
		goto err_device;
	ret = pci_register_driver(&hm_drv_pci);
	if (ret)
		goto err_device;
	return 0;

err_device:
	platform_device_unregister(hm_drv_pdev);
err_platform:
	platform_driver_unregister(&hm_drv_platform);
err_debugfs:
	hm_debugfs_fini();
	hm_chardev_fini();
err_region:
	hm_region_exit();
	return ret;
}
module_init(hm_drv_init);

static void __exit hm_drv_exit(void)
{
	pci_unregister_driver(&hm_drv_pci);
	platform_device_unregister(hm_drv_pdev);
	platform_driver_unregister(&hm_drv_platform);
	hm_debugfs_fini();
	hm_chardev_fini();
	hm_region_exit();
}
module_exit(hm_drv_exit);

MODULE_DESCRIPTION("Device memory mapped with the largest pages the hardware has");
MODULE_AUTHOR("The hugemap authors");
MODULE_VERSION(HM_VERSION);
MODULE_LICENSE("GPL");
