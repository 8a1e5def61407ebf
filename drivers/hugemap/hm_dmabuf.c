// SPDX-License-Identifier: GPL-2.0
/*
 * PRIME: objects as dma-bufs, and the dma-bufs of others as objects.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

#include "hm_bo.h"
#include "hm_dirty.h"
#include "hm_dmabuf.h"
#include "hm_object.h"
#include "hm_region.h"
#include "hm_vma.h"

HM_COMPAT_IMPORT_NS_DMA_BUF;

/* Does the memory go through the DMA API as struct pages? */
static bool hm_dmabuf_pages(const struct hm_region *region)
{
	/*
	 * Not those of pages=on: they exist for page table walkers.  The DMA
	 * API would take a P2PDMA page for one that a PCI function published
	 * (drivers/pci/p2pdma.c to_p2p_pgmap()).
	 */
	return region->spec.type == DRM_HUGEMAP_REGION_SYSTEM;
}

/*
 * Importers that want struct pages get them from system regions only.  A BAR
 * is for devices that can reach it, by the rules of the P2PDMA code.
 */
static int hm_dmabuf_attach(struct dma_buf *dmabuf,
			    struct dma_buf_attachment *attach)
{
	struct hm_bo *bo = to_hm_bo(dmabuf->priv);
	struct hm_region *region = bo->obj.region;

	if (READ_ONCE(bo->obj.dead))
		return -ENODEV;
	if (hm_dmabuf_pages(region))
		return 0;
	if (!attach->peer2peer)
		return -EOPNOTSUPP;
	if (region->pdev &&
	    pci_p2pdma_distance(region->pdev, attach->dev, false) < 0)
		return -EOPNOTSUPP;
	return 0;
}

/**
 * struct hm_dmabuf_mapping - what an importer has mapped
 * @sgt: what it gets
 * @writes: its device may write
 */
struct hm_dmabuf_mapping {
	struct sg_table sgt;
	bool writes;
};

/* Mapping pins; nothing moves otherwise. */
static int hm_dmabuf_pin(struct dma_buf_attachment *attach)
{
	return 0;
}

static void hm_dmabuf_unpin(struct dma_buf_attachment *attach)
{
}

/* Pages from page @i of @e that one segment may hold. */
static unsigned long hm_dmabuf_piece(struct device *dev,
				     const struct hm_extent *e, unsigned long i)
{
	u64 boundary = dma_get_seg_boundary(dev);
	u64 max = min_t(u64, dma_get_max_seg_size(dev), SZ_1G);
	u64 phys = PFN_PHYS(e->pfn + i);

	max = min(max, boundary - (phys & boundary) + 1) >> PAGE_SHIFT;
	/* A device that cannot take a page has no use for any of it. */
	return clamp_t(u64, max, 1, e->nr - i);
}

static void hm_dmabuf_unmap_pieces(struct dma_buf_attachment *attach,
				   struct sg_table *sgt, unsigned int nr,
				   enum dma_data_direction dir)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sg(sgt->sgl, sg, nr, i)
		dma_unmap_resource(attach->dev, sg_dma_address(sg),
				   sg_dma_len(sg), dir, DMA_ATTR_SKIP_CPU_SYNC);
}

static unsigned int hm_dmabuf_nr_pieces(struct device *dev,
					const struct hm_object *obj)
{
	unsigned int nr = 0, k;
	unsigned long i;

	for (k = 0; k < obj->nr_extents; k++)
		for (i = 0; i < obj->extents[k].nr; nr++)
			i += hm_dmabuf_piece(dev, &obj->extents[k], i);
	return nr;
}

/*
 * The memory stays until it is unmapped, whatever becomes of the driver:
 * importers are told when the device goes, but not all of them listen.
 */
static struct sg_table *hm_dmabuf_map(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir)
{
	struct hm_bo *bo = to_hm_bo(attach->dmabuf->priv);
	bool pages = hm_dmabuf_pages(bo->obj.region);
	struct hm_dmabuf_mapping *mapping;
	struct scatterlist *sg;
	struct sg_table *sgt;
	unsigned int nr = 0, k;
	unsigned long i, n;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (READ_ONCE(bo->obj.dead) || hm_region_pin(bo->obj.region))
		return ERR_PTR(-ENODEV);
	ret = -ENOMEM;
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		goto err_unpin;
	mapping->writes = dir != DMA_TO_DEVICE;
	sgt = &mapping->sgt;
	ret = sg_alloc_table(sgt, hm_dmabuf_nr_pieces(attach->dev, &bo->obj),
			     GFP_KERNEL);
	if (ret)
		goto err_free;

	sg = sgt->sgl;
	for (k = 0; k < bo->obj.nr_extents; k++) {
		const struct hm_extent *e = &bo->obj.extents[k];

		for (i = 0; i < e->nr; i += n, sg = sg_next(sg), nr++) {
			phys_addr_t phys = PFN_PHYS(e->pfn + i);
			dma_addr_t dma;

			n = hm_dmabuf_piece(attach->dev, e, i);
			if (pages) {
				sg_set_page(sg, pfn_to_page(e->pfn + i),
					    n << PAGE_SHIFT, 0);
				continue;
			}
			dma = dma_map_resource(attach->dev, phys,
					       n << PAGE_SHIFT, dir,
					       DMA_ATTR_SKIP_CPU_SYNC);
			ret = dma_mapping_error(attach->dev, dma);
			if (ret)
				goto err_unmap;
			sg_set_page(sg, NULL, n << PAGE_SHIFT, 0);
			sg_dma_address(sg) = dma;
			sg_dma_len(sg) = n << PAGE_SHIFT;
		}
	}
	if (pages)
		ret = dma_map_sgtable(attach->dev, sgt, dir, 0);
	if (ret)
		goto err_table;
	attach->priv = sgt;
	if (mapping->writes)
		hm_dirty_unseen(&bo->obj, true);
	return sgt;

err_unmap:
	hm_dmabuf_unmap_pieces(attach, sgt, nr, dir);
err_table:
	sg_free_table(sgt);
err_free:
	kfree(mapping);
err_unpin:
	hm_region_unpin(bo->obj.region);
	return ERR_PTR(ret);
}

static void hm_dmabuf_unmap(struct dma_buf_attachment *attach,
			    struct sg_table *sgt, enum dma_data_direction dir)
{
	struct hm_dmabuf_mapping *mapping =
		container_of(sgt, struct hm_dmabuf_mapping, sgt);
	struct hm_bo *bo = to_hm_bo(attach->dmabuf->priv);

	dma_resv_assert_held(attach->dmabuf->resv);
	attach->priv = NULL;
	if (hm_dmabuf_pages(bo->obj.region))
		dma_unmap_sgtable(attach->dev, sgt, dir, 0);
	else
		hm_dmabuf_unmap_pieces(attach, sgt, sgt->nents, dir);
	sg_free_table(sgt);
	if (mapping->writes)
		hm_dirty_unseen(&bo->obj, false);
	kfree(mapping);
	hm_region_unpin(bo->obj.region);
}

/* Bounce buffers, and devices that do not snoop the caches. */
static int hm_dmabuf_sync(struct dma_buf *dmabuf, enum dma_data_direction dir,
			  bool begin)
{
	struct hm_bo *bo = to_hm_bo(dmabuf->priv);
	struct dma_buf_attachment *attach;
	int ret;

	ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (ret)
		return ret;
	if (READ_ONCE(bo->obj.dead)) {
		ret = -ENODEV;
	} else if (hm_dmabuf_pages(bo->obj.region)) {
		list_for_each_entry(attach, &dmabuf->attachments, node) {
			if (!attach->priv)
				continue;
			if (begin)
				dma_sync_sgtable_for_cpu(attach->dev,
							 attach->priv, dir);
			else
				dma_sync_sgtable_for_device(attach->dev,
							    attach->priv, dir);
		}
	}
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

static int hm_dmabuf_begin_cpu_access(struct dma_buf *dmabuf,
				      enum dma_data_direction dir)
{
	return hm_dmabuf_sync(dmabuf, dir, true);
}

static int hm_dmabuf_end_cpu_access(struct dma_buf *dmabuf,
				    enum dma_data_direction dir)
{
	return hm_dmabuf_sync(dmabuf, dir, false);
}

/*
 * The same address space and the same offset as in a mapping of the DRM node:
 * drm_gem_dmabuf_export() makes the file's mapping the device's.
 */
static int hm_dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct hm_bo *bo = to_hm_bo(dmabuf->priv);

	vma->vm_pgoff += bo->obj.pgoff;
	return hm_vma_mmap(&bo->obj, NULL, vma);
}

static void hm_dmabuf_release(struct dma_buf *dmabuf)
{
	struct hm_bo *bo = to_hm_bo(dmabuf->priv);

	dma_resv_lock(dmabuf->resv, NULL);
	bo->dmabuf = NULL;
	dma_resv_unlock(dmabuf->resv);
	drm_gem_dmabuf_release(dmabuf);
}

static const struct dma_buf_ops hm_dmabuf_ops = {
	.attach = hm_dmabuf_attach,
	.pin = hm_dmabuf_pin,
	.unpin = hm_dmabuf_unpin,
	.map_dma_buf = hm_dmabuf_map,
	.unmap_dma_buf = hm_dmabuf_unmap,
	.begin_cpu_access = hm_dmabuf_begin_cpu_access,
	.end_cpu_access = hm_dmabuf_end_cpu_access,
	.mmap = hm_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
	.release = hm_dmabuf_release,
};

/**
 * hm_dmabuf_export - &drm_gem_object_funcs.export
 * @gem: object of a region (GEM gives the original dma-buf of an import)
 * @flags: DRM_CLOEXEC, DRM_RDWR
 *
 * Return: dma-buf or an ERR_PTR().
 */
struct dma_buf *hm_dmabuf_export(struct drm_gem_object *gem, int flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct hm_bo *bo = to_hm_bo(gem);
	struct dma_buf *dmabuf;

	info.ops = &hm_dmabuf_ops;
	info.size = gem->size;
	info.flags = flags;
	info.priv = gem;
	info.resv = gem->resv;
	dmabuf = drm_gem_dmabuf_export(gem->dev, &info);
	if (IS_ERR(dmabuf))
		return dmabuf;
	dma_resv_lock(gem->resv, NULL);
	bo->dmabuf = dmabuf;
	dma_resv_unlock(gem->resv);
	return dmabuf;
}

/**
 * hm_dmabuf_revoke - the device is gone: take an object from everyone
 * @bo: object of a region
 *
 * Importers that listen are told to let go; the memory stays until they do.
 *
 * Context: takes the object's dma_resv.
 */
void hm_dmabuf_revoke(struct hm_bo *bo)
{
	dma_resv_lock(bo->base.resv, NULL);
	hm_object_kill(&bo->obj);
	if (bo->dmabuf)
		hm_compat_dma_buf_invalidate(bo->dmabuf);
	dma_resv_unlock(bo->base.resv);
}

/* The exporter wants its memory back; there is no engine of ours to stop. */
static void hm_dmabuf_invalidated(struct dma_buf_attachment *attach)
{
	struct hm_bo *bo = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (!bo->sgt)
		return;
	dma_buf_unmap_attachment(attach, bo->sgt, DMA_BIDIRECTIONAL);
	bo->sgt = NULL;
}

static const struct dma_buf_attach_ops hm_dmabuf_attach_ops = {
	.allow_peer2peer = true,
	.HM_COMPAT_INVALIDATE_MAPPINGS = hm_dmabuf_invalidated,
};

/**
 * hm_dmabuf_import - &drm_driver.gem_prime_import
 * @drm: device
 * @dmabuf: anyone's
 *
 * Return: the object itself if it is one of this device, else a new one that
 * stands for the dma-buf; or an ERR_PTR(), whatever the exporter gives.
 */
struct drm_gem_object *hm_dmabuf_import(struct drm_device *drm,
					struct dma_buf *dmabuf)
{
	struct hm_device *hdev = to_hm_device(drm);
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	struct hm_bo *bo;

	if (dmabuf->ops == &hm_dmabuf_ops) {
		struct drm_gem_object *gem = dmabuf->priv;

		if (gem->dev == drm) {
			drm_gem_object_get(gem);
			return gem;
		}
	}
	/* Once it is, hm_dmabuf_unimport_all() waits for our caller's lock. */
	lockdep_assert_held(&drm->object_name_lock);
	if (drm_dev_is_unplugged(drm))
		return ERR_PTR(-ENODEV);
	bo = hm_bo_alloc(drm, PAGE_ALIGN(dmabuf->size));
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->max_order = DRM_HUGEMAP_ORDER_ANY;
	attach = dma_buf_dynamic_attach(dmabuf, drm->dev,
					&hm_dmabuf_attach_ops, bo);
	if (IS_ERR(attach)) {
		drm_gem_object_put(&bo->base);
		return ERR_CAST(attach);
	}
	get_dma_buf(dmabuf);
	bo->imported = dmabuf;
	bo->base.import_attach = attach;
	bo->base.resv = dmabuf->resv;
	mutex_lock(&hdev->imports_lock);
	list_add(&bo->import, &hdev->imports);
	mutex_unlock(&hdev->imports_lock);

	dma_resv_lock(dmabuf->resv, NULL);
	sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	if (!IS_ERR(sgt))
		bo->sgt = sgt;
	dma_resv_unlock(dmabuf->resv);
	if (IS_ERR(sgt)) {
		drm_gem_object_put(&bo->base);
		return ERR_CAST(sgt);
	}
	return &bo->base;
}

/* Take an object off the list, and its attachment away. */
static void hm_dmabuf_detach(struct hm_device *hdev, struct hm_bo *bo)
{
	struct dma_buf_attachment *attach = bo->base.import_attach;

	lockdep_assert_held(&hdev->imports_lock);
	list_del_init(&bo->import);
	if (!attach)
		return;
	bo->base.import_attach = NULL;
	dma_resv_lock(bo->imported->resv, NULL);
	hm_dmabuf_invalidated(attach);
	dma_resv_unlock(bo->imported->resv);
	dma_buf_detach(bo->imported, attach);
}

/**
 * hm_dmabuf_unimport - let an imported dma-buf go
 * @bo: of hm_dmabuf_import(); nobody else uses it
 */
void hm_dmabuf_unimport(struct hm_bo *bo)
{
	struct hm_device *hdev = to_hm_device(bo->base.dev);

	mutex_lock(&hdev->imports_lock);
	hm_dmabuf_detach(hdev, bo);
	mutex_unlock(&hdev->imports_lock);
	dma_buf_put(bo->imported);
}

/**
 * hm_dmabuf_unimport_all - no DMA mapping may outlive the driver
 * @hdev: unplugged device
 */
void hm_dmabuf_unimport_all(struct hm_device *hdev)
{
	struct hm_bo *bo, *next;

	/* GEM looks at import_attach under this one. */
	mutex_lock(&hdev->drm.object_name_lock);
	mutex_lock(&hdev->imports_lock);
	list_for_each_entry_safe(bo, next, &hdev->imports, import)
		hm_dmabuf_detach(hdev, bo);
	mutex_unlock(&hdev->imports_lock);
	mutex_unlock(&hdev->drm.object_name_lock);
}
