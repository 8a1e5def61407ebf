// SPDX-License-Identifier: GPL-2.0
/*
 * GEM objects: pieces of a region.
 */
#include <linux/iosys-map.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_vma_manager.h>

#include "hm_alloc.h"
#include "hm_bo.h"
#include "hm_dirty.h"
#include "hm_dmabuf.h"
#include "hm_object.h"
#include "hm_region.h"
#include "hm_vma.h"

#define hm_bo_of(o)	container_of(o, struct hm_bo, obj)

static void hm_bo_obj_get(struct hm_object *obj)
{
	drm_gem_object_get(&hm_bo_of(obj)->base);
}

static void hm_bo_obj_put(struct hm_object *obj)
{
	drm_gem_object_put(&hm_bo_of(obj)->base);
}

static void hm_bo_obj_kill(struct hm_object *obj)
{
	hm_dmabuf_revoke(hm_bo_of(obj));
}

static const struct hm_object_ops hm_bo_obj_ops = {
	.get = hm_bo_obj_get,
	.put = hm_bo_obj_put,
	.kill = hm_bo_obj_kill,
};

static void hm_bo_free(struct drm_gem_object *gem)
{
	struct hm_bo *bo = to_hm_bo(gem);
	struct hm_region *region = bo->obj.region;

	if (region) {
		hm_region_del_object(&bo->obj);
		hm_alloc_put(region, &bo->blocks);
		kvfree(bo->obj.extents);
	}
	if (bo->imported)
		hm_dmabuf_unimport(bo);
	drm_gem_object_release(gem);
	if (region)
		put_device(&region->dev);
	kfree(bo);
}

/**
 * hm_bo_vmap - map an object for the kernel
 * @gem: object
 * @map: where it is
 *
 * The mapping, and the memory, stays when the device is unplugged, until
 * hm_bo_vunmap().
 *
 * Return: 0, -ENOMEM, -ENODEV, or -EOPNOTSUPP for an import, or if the object is
 * in pieces, has no struct pages, and this kernel cannot map page frames
 * (CONFIG_VMAP_PFN).
 */
int hm_bo_vmap(struct drm_gem_object *gem, struct iosys_map *map)
{
	struct hm_bo *bo = to_hm_bo(gem);
	struct hm_region *region = bo->obj.region;
	unsigned long nr = bo->obj.nr_pages, i, n = 0;
	const struct hm_extent *e = bo->obj.extents;
	void *vaddr = NULL;
	pgprot_t prot;
	int ret;

	if (!region)
		return -EOPNOTSUPP;
	if (READ_ONCE(bo->obj.dead))
		return -ENODEV;
	ret = hm_region_pin(region);
	if (ret)
		return ret;
	prot = hm_vma_prot(region, PAGE_KERNEL);
	hm_dirty_unseen(&bo->obj, true);
	if (bo->obj.nr_extents == 1) {
		*map = e->kva;
		return 0;
	}
	ret = -ENOMEM;
	if (region->has_pages) {
		struct page **pages = kvmalloc_array(nr, sizeof(*pages),
						     GFP_KERNEL | __GFP_NOWARN);

		if (!pages)
			goto err_unpin;
		for (; n < nr; e++)
			for (i = 0; i < e->nr; i++)
				pages[n++] = pfn_to_page(e->pfn + i);
		vaddr = vmap(pages, nr, VM_MAP, prot);
		kvfree(pages);
	} else {
#ifdef CONFIG_VMAP_PFN
		unsigned long *pfns = kvmalloc_array(nr, sizeof(*pfns),
						     GFP_KERNEL | __GFP_NOWARN);

		if (!pfns)
			goto err_unpin;
		for (; n < nr; e++)
			for (i = 0; i < e->nr; i++) {
				/* vmap_pfn() warns: RAM shares the section. */
				if (pfn_valid(e->pfn + i))
					ret = -EOPNOTSUPP;
				pfns[n++] = e->pfn + i;
			}
		if (ret != -EOPNOTSUPP)
			vaddr = vmap_pfn(pfns, nr, prot);
		kvfree(pfns);
#else
		ret = -EOPNOTSUPP;
#endif
	}
	if (!vaddr)
		goto err_unpin;
	if (bo->obj.extents[0].kva.is_iomem)
		iosys_map_set_vaddr_iomem(map, (void __iomem *)vaddr);
	else
		iosys_map_set_vaddr(map, vaddr);
	return 0;

err_unpin:
	hm_dirty_unseen(&bo->obj, false);
	hm_region_unpin(region);
	return ret;
}

/**
 * hm_bo_vunmap - the reverse of hm_bo_vmap()
 * @gem: object
 * @map: of hm_bo_vmap()
 */
void hm_bo_vunmap(struct drm_gem_object *gem, struct iosys_map *map)
{
	struct hm_bo *bo = to_hm_bo(gem);

	if (bo->obj.nr_extents != 1)
		vunmap(map->is_iomem ? (void __force *)map->vaddr_iomem :
				       map->vaddr);
	hm_dirty_unseen(&bo->obj, false);
	hm_region_unpin(bo->obj.region);
}

static const struct drm_gem_object_funcs hm_bo_funcs = {
	.free = hm_bo_free,
	.export = hm_dmabuf_export,
	.vmap = hm_bo_vmap,
	.vunmap = hm_bo_vunmap,
};

/**
 * hm_bo_alloc - an object without memory
 * @drm: device
 * @size: bytes, whole pages
 *
 * Return: object for drm_gem_object_put(), or NULL.
 */
struct hm_bo *hm_bo_alloc(struct drm_device *drm, size_t size)
{
	struct hm_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);

	if (!bo)
		return NULL;
	INIT_LIST_HEAD(&bo->blocks);
	bo->base.funcs = &hm_bo_funcs;
	drm_gem_private_object_init(drm, &bo->base, size);
	return bo;
}

static bool hm_bo_stop(void *drm)
{
	return fatal_signal_pending(current) || drm_dev_is_unplugged(drm);
}

static int hm_bo_set_extents(struct hm_bo *bo)
{
	struct hm_extent *extents;
	struct hm_block *b;
	unsigned int n = 0;

	list_for_each_entry(b, &bo->blocks, link)
		n++;
	extents = kvcalloc(n, sizeof(*extents),
			   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!extents)
		return -ENOMEM;
	n = 0;
	list_for_each_entry(b, &bo->blocks, link) {
		struct hm_extent *last = n ? &extents[n - 1] : NULL;

		if (last && last->pfn + last->nr == b->node.start) {
			last->nr += b->node.size;
			continue;
		}
		extents[n].pfn = b->node.start;
		extents[n].nr = b->node.size;
		extents[n].kva = hm_region_kva(bo->obj.region, b->node.start);
		n++;
	}
	return hm_object_set_extents(&bo->obj, extents, n);
}

static struct hm_bo *hm_bo_make(struct hm_file *file, struct hm_region *region,
				u64 size, u32 flags, u32 max_order)
{
	unsigned int order = min_t(u32, max_order, PUD_ORDER);
	struct drm_device *drm = region->drm;
	struct hm_bo *bo;
	u64 start;
	int ret;

	bo = hm_bo_alloc(drm, size);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->flags = flags;
	bo->max_order = max_order;
	ret = drm_gem_create_mmap_offset(&bo->base);
	if (ret)
		goto err_put;
	get_device(&region->dev);
	hm_object_init(&bo->obj, region, &hm_bo_obj_ops,
		       drm->anon_inode->i_mapping,
		       drm_vma_node_start(&bo->base.vma_node), order);
	start = ktime_get_ns();
	ret = hm_alloc_get(region, size >> PAGE_SHIFT, order,
			   flags & DRM_HUGEMAP_GEM_CONTIGUOUS, &bo->blocks);
	if (!ret)
		ret = hm_alloc_clear(region, &bo->blocks, hm_bo_stop, drm);
	atomic64_add(ktime_get_ns() - start, &file->alloc_ns);
	if (ret) {
		if (drm_dev_is_unplugged(drm))
			ret = -ENODEV;
		goto err_put;
	}
	ret = hm_bo_set_extents(bo);
	if (!ret)
		ret = hm_region_add_object(&bo->obj);
	if (ret)
		goto err_put;
	return bo;

err_put:
	drm_gem_object_put(&bo->base);
	return ERR_PTR(ret);
}

/*
 * Make an object and a handle for it: errors as in struct
 * drm_hugemap_gem_create.
 *
 * Not between drm_dev_enter() and drm_dev_exit(): it may take long, and
 * unplugging of every DRM device of the machine waits for those.
 */
static int hm_bo_create(struct drm_file *priv, struct drm_device *drm,
			unsigned int index, u64 size, u32 flags, u32 max_order,
			u32 *handle)
{
	struct hm_device *hdev = to_hm_device(drm);
	struct hm_region *region = NULL;
	struct hm_bo *bo;
	int idx, ret;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	if (index < hdev->nr) {
		region = hdev->regions[index];
		get_device(&region->dev);
	}
	drm_dev_exit(idx);
	if (!region)
		return -ENOENT;
	ret = -E2BIG;
	if (size > hm_object_size(&region->window))
		goto out;
	ret = -EINTR;
	if (down_read_killable(&region->creating))
		goto out;
	bo = READ_ONCE(region->alloc.dead) ? ERR_PTR(-ENODEV) :
	     hm_bo_make(priv->driver_priv, region, size, flags, max_order);
	up_read(&region->creating);
	ret = PTR_ERR_OR_ZERO(bo);
	if (ret)
		goto out;
	ret = drm_gem_handle_create(priv, &bo->base, handle);
	drm_gem_object_put(&bo->base);
out:
	put_device(&region->dev);
	return ret;
}

/**
 * hm_bo_dumb_create - DRM_IOCTL_MODE_CREATE_DUMB
 * @priv: client
 * @drm: device
 * @args: in and out
 *
 * In the first region that has the memory.
 */
int hm_bo_dumb_create(struct drm_file *priv, struct drm_device *drm,
		      struct drm_mode_create_dumb *args)
{
	unsigned int i = 0;
	int ret;

	if (args->flags)
		return -EINVAL;
	/* drm_mode_create_dumb() has checked that nothing overflows. */
	args->pitch = args->width * DIV_ROUND_UP(args->bpp, 8);
	args->size = PAGE_ALIGN((u64)args->pitch * args->height);
	for (;;) {
		ret = hm_bo_create(priv, drm, i++, args->size, 0,
				   DRM_HUGEMAP_ORDER_ANY, &args->handle);
		/* There are no more regions. */
		if (ret == -ENOENT)
			return -ENOSPC;
		if (ret != -ENOSPC && ret != -E2BIG)
			return ret;
	}
}

/**
 * hm_bo_create_ioctl - GEM_CREATE
 * @drm: device
 * @data: struct drm_hugemap_gem_create
 * @priv: client
 */
int hm_bo_create_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *priv)
{
	struct drm_hugemap_gem_create *args = data;
	u64 size = PAGE_ALIGN(args->size);
	int ret;

	if (args->flags & ~DRM_HUGEMAP_GEM_FLAGS || !args->size)
		return -EINVAL;
	if (args->max_order != DRM_HUGEMAP_ORDER_ANY &&
	    !hm_region_order_valid(args->max_order))
		return -EINVAL;
	/* Wrapped around: larger than any region, if there is one. */
	ret = hm_bo_create(priv, drm, args->region, size ?: U64_MAX,
			   args->flags, args->max_order, &args->handle);
	if (!ret)
		args->size = size;
	return ret;
}

/**
 * hm_bo_info_ioctl - GEM_INFO
 * @drm: device
 * @data: struct drm_hugemap_gem_info
 * @priv: client
 */
int hm_bo_info_ioctl(struct drm_device *drm, void *data, struct drm_file *priv)
{
	struct drm_hugemap_gem_info *args = data;
	u64 nr[HM_NR_LEVELS] = {};
	struct drm_gem_object *gem;
	struct hm_bo *bo;

	if (args->flags || args->pad)
		return -EINVAL;
	gem = drm_gem_object_lookup(priv, args->handle);
	if (!gem)
		return -ENOENT;
	bo = to_hm_bo(gem);
	args->size = gem->size;
	args->region = DRM_HUGEMAP_REGION_NONE;
	args->gem_flags = bo->flags;
	args->max_order = bo->max_order;
	args->nr_extents = bo->obj.nr_extents;
	if (bo->obj.region) {
		args->region = bo->obj.region->index;
		hm_object_layout(&bo->obj, nr);
	}
	args->nr_pud = nr[HM_PUD];
	args->nr_pmd = nr[HM_PMD];
	args->nr_pte = nr[HM_PTE];
	drm_gem_object_put(gem);
	return 0;
}

/**
 * hm_bo_mmap_offset_ioctl - GEM_MMAP_OFFSET
 * @drm: device
 * @data: struct drm_hugemap_gem_mmap_offset
 * @priv: client
 */
int hm_bo_mmap_offset_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *priv)
{
	struct drm_hugemap_gem_mmap_offset *args = data;
	struct drm_gem_object *gem;
	int ret = 0;

	if (args->flags)
		return -EINVAL;
	gem = drm_gem_object_lookup(priv, args->handle);
	if (!gem)
		return -ENOENT;
	if (to_hm_bo(gem)->imported)
		ret = -EOPNOTSUPP;
	else
		args->offset = drm_vma_node_offset_addr(&gem->vma_node);
	drm_gem_object_put(gem);
	return ret;
}

/*
 * The object at a fake offset, with a reference; unlike drm_gem_mmap() any part
 * of it.  -EINVAL if there is none, -EACCES if the client has no handle for it.
 */
static struct hm_bo *hm_bo_at(struct drm_file *priv, unsigned long pgoff,
			      unsigned long nr)
{
	struct drm_vma_offset_manager *mgr =
		priv->minor->dev->vma_offset_manager;
	struct drm_vma_offset_node *node;
	struct hm_bo *bo = NULL;

	drm_vma_offset_lock_lookup(mgr);
	node = drm_vma_offset_lookup_locked(mgr, pgoff, nr);
	if (node) {
		bo = container_of(node, struct hm_bo, base.vma_node);
		/* One that is being freed is still in the tree. */
		if (!kref_get_unless_zero(&bo->base.refcount))
			bo = NULL;
	}
	drm_vma_offset_unlock_lookup(mgr);
	if (!bo)
		return ERR_PTR(-EINVAL);
	if (!drm_vma_node_is_allowed(&bo->base.vma_node, priv)) {
		drm_gem_object_put(&bo->base);
		return ERR_PTR(-EACCES);
	}
	return bo;
}

/**
 * hm_bo_mmap - mmap() of a DRM node
 * @filp: the node
 * @vma: vm_pgoff is in the fake offset range of an object
 *
 * Return: 0; -EINVAL if there is no object or for what hm_vma_mmap() refuses;
 * -EACCES if it is not the caller's; -ENODEV; -ENOMEM.
 */
int hm_bo_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct drm_file *priv = filp->private_data;
	struct hm_file *file = priv->driver_priv;
	struct hm_bo *bo;
	int ret;

	if (drm_dev_is_unplugged(priv->minor->dev))
		return -ENODEV;
	bo = hm_bo_at(priv, vma->vm_pgoff, vma_pages(vma));
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	ret = bo->obj.region ? hm_vma_mmap(&bo->obj, &file->stats, vma) :
			       -EINVAL;
	drm_gem_object_put(&bo->base);
	return ret;
}

/**
 * hm_bo_may_map - would hm_bo_mmap() find the object?
 * @obj: object
 * @filp: a DRM node
 */
bool hm_bo_may_map(struct hm_object *obj, struct file *filp)
{
	return drm_vma_node_is_allowed(&hm_bo_of(obj)->base.vma_node,
				       filp->private_data);
}

/**
 * hm_bo_get_unmapped_area - choose an address for mmap() of a DRM node
 * @filp: the node
 * @addr: hint or fixed address
 * @len: bytes
 * @pgoff: in the fake offset range of an object
 * @flags: MAP_*
 *
 * Fake offsets are not congruent with the memory, so core's choice by offset
 * (drm_gem_get_unmapped_area()) does not help.
 */
unsigned long hm_bo_get_unmapped_area(struct file *filp, unsigned long addr,
				      unsigned long len, unsigned long pgoff,
				      unsigned long flags)
{
	struct hm_bo *bo = hm_bo_at(filp->private_data, pgoff, 1);

	/* hm_bo_mmap() will say what is wrong. */
	if (IS_ERR(bo))
		return hm_compat_get_unmapped_area(filp, addr, len, pgoff,
						   flags);
	/* Without an extent, that of an import, any address will do. */
	addr = hm_vma_get_unmapped_area(&bo->obj, filp, addr, len, pgoff,
					flags);
	drm_gem_object_put(&bo->base);
	return addr;
}
