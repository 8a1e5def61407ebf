// SPDX-License-Identifier: GPL-2.0
/*
 * Regions: what this kernel allows, and their life.
 */
#include <linux/idr.h>
#include <linux/kernel.h>
#include <linux/numa.h>
#include <linux/pci.h>
#include <linux/percpu-refcount.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "hm_alloc.h"
#include "hm_chardev.h"
#include "hm_debugfs.h"
#include "hm_object.h"
#include "hm_poison.h"
#include "hm_region.h"

/* Limits of new regions; set from module parameters before there are any. */
struct hm_limits hm_region_defaults;

/* Clears freed memory, gives up memory that outlived the driver. */
struct workqueue_struct *hm_region_wq;

static DEFINE_IDA(hm_region_ids);

static const struct hm_region_ops * const hm_region_kinds[] = {
	[DRM_HUGEMAP_REGION_SYSTEM] = &hm_region_system_ops,
	[DRM_HUGEMAP_REGION_RESERVED] = &hm_region_reserved_ops,
	[DRM_HUGEMAP_REGION_PCI] = &hm_region_pci_ops,
};

/*
 * Design rule 5, the whole of it: how a mapping is marked and whether PMD
 * entries are used, by kernel (hm_compat.h) and kind of memory.
 */
static const struct hm_compat_policy hm_region_policy[2] = HM_COMPAT_POLICY;

/**
 * hm_region_order_valid - is this one of the orders of the engine?
 * @order: 0, the PMD order or the PUD order
 */
bool hm_region_order_valid(unsigned int order)
{
	return !order || order == PMD_ORDER || order == PUD_ORDER;
}

/* Why the levels may not be used, and the VMA type, from limits and policy. */
static void hm_region_apply(struct hm_object *obj)
{
	const struct hm_region *region = obj->region;
	const struct hm_compat_policy *policy =
		&hm_region_policy[region->has_pages];
	const struct hm_limits *lim = &region->limits;
	unsigned int max_order = min(lim->max_order, obj->max_order);

	lockdep_assert_held(&region->lock);
	lockdep_assert_held_write(&obj->lock);
	obj->why[HM_PTE] = DRM_HUGEMAP_WHY_NONE;

	if (!hm_compat_has_pmd())
		obj->why[HM_PMD] = DRM_HUGEMAP_WHY_ARCH;
	else if (!policy->pmd && !lim->allow_pmd)
		obj->why[HM_PMD] = DRM_HUGEMAP_WHY_POLICY;
	else if (max_order < PMD_ORDER)
		obj->why[HM_PMD] = DRM_HUGEMAP_WHY_LIMIT;
	else
		obj->why[HM_PMD] = DRM_HUGEMAP_WHY_NONE;

	if (!hm_compat_has_pud())
		obj->why[HM_PUD] = DRM_HUGEMAP_WHY_ARCH;
	else if (max_order < PUD_ORDER)
		obj->why[HM_PUD] = DRM_HUGEMAP_WHY_LIMIT;
	else if (!hm_object_has_unit(obj, HM_PUD))
		obj->why[HM_PUD] = DRM_HUGEMAP_WHY_EXTENT;
	else
		obj->why[HM_PUD] = DRM_HUGEMAP_WHY_NONE;

	obj->vma_type = lim->vma_type ?:
			policy->mixedmap ? DRM_HUGEMAP_VMA_MIXEDMAP :
					   DRM_HUGEMAP_VMA_PFNMAP;
}

/**
 * hm_region_add_object - an object in the memory of a region can be mapped
 * @obj: object with extents
 *
 * Return: 0 or -ENODEV.
 */
int hm_region_add_object(struct hm_object *obj)
{
	struct hm_region *region = obj->region;

	mutex_lock(&region->lock);
	if (region->dead) {
		mutex_unlock(&region->lock);
		return -ENODEV;
	}
	down_write(&obj->lock);
	hm_region_apply(obj);
	up_write(&obj->lock);
	list_add_tail(&obj->node, &region->objects);
	mutex_unlock(&region->lock);
	return 0;
}

/**
 * hm_region_del_object - an object goes away
 * @obj: object that nobody maps, or that was never added
 */
void hm_region_del_object(struct hm_object *obj)
{
	mutex_lock(&obj->region->lock);
	list_del_init(&obj->node);
	mutex_unlock(&obj->region->lock);
}

static bool hm_region_vma_ok(const struct hm_region *region,
			     const struct hm_limits *lim)
{
	return lim->vma_type != DRM_HUGEMAP_VMA_MIXEDMAP ||
	       hm_region_policy[region->has_pages].mixedmap;
}

/**
 * hm_region_set_limits - change what root can set
 * @region: region
 * @lim: new limits; fewer orders than before take effect at once
 *
 * Context: @region->lock held.
 * Return: 0, or -EOPNOTSUPP for what is not safe on this kernel.
 */
int hm_region_set_limits(struct hm_region *region,
			 const struct hm_limits *lim)
{
	struct hm_object *obj;

	lockdep_assert_held(&region->lock);
	if (!hm_region_vma_ok(region, lim))
		return -EOPNOTSUPP;
	region->limits = *lim;
	list_for_each_entry(obj, &region->objects, node) {
		u8 old[HM_NR_LEVELS];
		bool fewer = false;
		enum hm_level l;

		down_write(&obj->lock);
		memcpy(old, obj->why, sizeof(old));
		hm_region_apply(obj);
		for (l = HM_PMD; l < HM_NR_LEVELS; l++)
			fewer |= obj->why[l] && !old[l];
		if (fewer && !obj->dead)
			hm_object_zap(obj, HM_ZAP_LIMIT);
		up_write(&obj->lock);
	}
	return 0;
}

/**
 * hm_region_orders - what may be used
 * @obj: object, its lock held
 *
 * Return: bit n is set for order n.
 */
u64 hm_region_orders(const struct hm_object *obj)
{
	u64 orders = 0;
	enum hm_level l;

	for (l = HM_PTE; l < HM_NR_LEVELS; l++)
		if (!obj->why[l])
			orders |= 1ULL << hm_level_order(l);
	return orders;
}

/**
 * hm_region_align - size of the largest page that may be used
 * @obj: object, its lock held
 *
 * Return: bytes.
 */
u64 hm_region_align(const struct hm_object *obj)
{
	return PAGE_SIZE << (fls64(hm_region_orders(obj)) - 1);
}

/**
 * hm_region_query - the QUERY ioctl
 * @region: region
 * @q: outputs are filled in, but for &drm_hugemap_query.nr_regions
 *
 * Return: 0 or -ENODEV.
 */
int hm_region_query(struct hm_region *region, struct drm_hugemap_query *q)
{
	struct hm_object *obj = &region->window;
	bool thp;

	down_read(&obj->lock);
	if (obj->dead) {
		up_read(&obj->lock);
		return -ENODEV;
	}
	q->size = hm_object_size(obj);
	q->align = hm_region_align(obj);
	q->orders = hm_region_orders(obj);
	q->type = region->spec.type;
	q->caching = region->caching;
	q->vma_type = obj->vma_type;
	q->pmd_order = PMD_ORDER;
	q->pud_order = PUD_ORDER;
	q->pmd_why = obj->why[HM_PMD];
	q->pud_why = obj->why[HM_PUD];
	up_read(&obj->lock);
	q->node = region->id;
	q->free = hm_alloc_avail(region);

	thp = q->vma_type == DRM_HUGEMAP_VMA_MIXEDMAP ?
	      HM_COMPAT_THP_POLICY_MIXEDMAP : HM_COMPAT_THP_POLICY_PFNMAP;
	q->features = (region->has_pages ? DRM_HUGEMAP_FEATURE_PAGES : 0) |
		      (HM_COMPAT_DAX_GATE ? DRM_HUGEMAP_FEATURE_DAX_GATE : 0) |
		      (HM_COMPAT_SPECIAL ? DRM_HUGEMAP_FEATURE_SPECIAL : 0) |
		      (thp ? DRM_HUGEMAP_FEATURE_THP_POLICY : 0) |
		      (HM_COMPAT_SPLIT_PUD ? DRM_HUGEMAP_FEATURE_CORE_SPLIT : 0) |
		      (HM_COMPAT_WALK ? DRM_HUGEMAP_FEATURE_CORE_WALK : 0) |
		      (HM_COMPAT_MREMAP_PUD ?
		       DRM_HUGEMAP_FEATURE_CORE_MREMAP : 0) |
		      (HM_COMPAT_SPECIAL && !HM_COMPAT_FORK_PMD ?
		       DRM_HUGEMAP_FEATURE_CORE_FORK : 0) |
		      (HM_COMPAT_COLLAPSE ?
		       DRM_HUGEMAP_FEATURE_CORE_COLLAPSE : 0) |
		      (region->poison ? DRM_HUGEMAP_FEATURE_MEMORY_FAILURE : 0);
	return 0;
}

/**
 * hm_region_one_extent - the memory of a region is one piece
 * @region: with base and size in its spec
 *
 * Return: the extent, whose &hm_extent.kva is the caller's to fill in, or NULL.
 */
struct hm_extent *hm_region_one_extent(struct hm_region *region)
{
	struct hm_extent *e = kzalloc(sizeof(*e), GFP_KERNEL);

	if (!e)
		return NULL;
	e->pfn = PHYS_PFN(region->spec.base);
	e->nr = region->spec.size >> PAGE_SHIFT;
	/* Does not overflow: hm_region_check_one(). */
	hm_object_set_extents(&region->window, e, 1);
	return e;
}

/**
 * hm_region_add_pages - give the memory of a region struct pages
 * @region: with base and size in its spec; the range is claimed
 * @type: MEMORY_DEVICE_GENERIC maps it write-back for the kernel,
 *	MEMORY_DEVICE_PCI_P2PDMA uncached
 *
 * The pages are there for whoever looks at an entry's struct page; nobody may
 * take a reference to them.  Slow gup refuses VM_IO; gup-fast refuses special
 * entries, and before those existed, device entries whose page map it cannot
 * get.  So take the page map's initial reference away, which makes it look like
 * one that is being torn down (mm/memremap.c get_dev_pagemap()).  Killing frees
 * the reference's per-CPU counters, so it must stay in atomic mode to come
 * back, and the callback that frees them must be over.
 *
 * Return: kernel address, or an ERR_PTR().
 */
void *hm_region_add_pages(struct hm_region *region, enum memory_type type)
{
	unsigned long pfn = PHYS_PFN(region->spec.base), i;
	struct dev_pagemap *pgmap = &region->pgmap;
	void *kva;

	pgmap->type = type;
	pgmap->range.start = region->spec.base;
	pgmap->range.end = region->spec.base + region->spec.size - 1;
	pgmap->nr_range = 1;
	kva = memremap_pages(pgmap, numa_mem_id());
	if (IS_ERR(kva))
		return kva;
	/*
	 * P2PDMA pages come with no reference from 6.2 on.  A walker that takes
	 * one and drops it again would free the page.
	 */
	for (i = 0; i < region->spec.size >> PAGE_SHIFT; i++) {
		set_page_count(pfn_to_page(pfn + i), 1);
		if (!(i % PTRS_PER_PTE))
			cond_resched();
	}
	if (!HM_COMPAT_SPECIAL) {
		percpu_ref_kill(&pgmap->ref);
		percpu_ref_switch_to_atomic_sync(&pgmap->ref);
		rcu_barrier();
	}
	region->has_pages = true;
	return kva;
}

/**
 * hm_region_remove_pages - the reverse of hm_region_add_pages()
 * @region: region
 */
void hm_region_remove_pages(struct hm_region *region)
{
	/* memunmap_pages() takes the initial reference away itself. */
	if (!HM_COMPAT_SPECIAL)
		percpu_ref_resurrect(&region->pgmap.ref);
	memunmap_pages(&region->pgmap);
}

static void hm_region_release(struct device *dev)
{
	struct hm_region *region = hm_region_of(dev);

	hm_alloc_fini(region);
	ida_free(&hm_region_ids, region->id);
	kvfree(region->window.extents);
	pci_dev_put(region->pdev);
	drm_dev_put(region->drm);
	kfree(region);
}

static void hm_region_window_get(struct hm_object *obj)
{
	get_device(&obj->region->dev);
}

static void hm_region_window_put(struct hm_object *obj)
{
	put_device(&obj->region->dev);
}

static const struct hm_object_ops hm_region_window_ops = {
	.get = hm_region_window_get,
	.put = hm_region_window_put,
	.kill = hm_object_kill,
};

/**
 * hm_region_kva - the kernel's own mapping of a page frame
 * @region: region
 * @pfn: one of its page frames
 *
 * It goes on as far as the memory is contiguous: a system region is in the
 * linear map, the others are one piece.
 */
struct iosys_map hm_region_kva(struct hm_region *region, unsigned long pfn)
{
	const struct hm_extent *e = &region->window.extents[0];
	struct iosys_map map = e->kva;

	if (region->spec.type == DRM_HUGEMAP_REGION_SYSTEM)
		iosys_map_set_vaddr(&map, page_address(pfn_to_page(pfn)));
	else
		iosys_map_incr(&map, (size_t)(pfn - e->pfn) << PAGE_SHIFT);
	return map;
}

/**
 * hm_region_pin - keep the memory of a region beyond the life of the driver
 * @region: region
 *
 * For those who use it behind the driver's back and cannot be stopped: DMA of
 * importers that do not listen, kernel mappings of objects.
 *
 * Return: 0, or -ENODEV if it is too late.
 */
int hm_region_pin(struct hm_region *region)
{
	return kref_get_unless_zero(&region->users) ? 0 : -ENODEV;
}

static void hm_region_fini(struct hm_region *region)
{
	region->ops->fini(region);
	put_device(&region->dev);
}

static void hm_region_fini_work(struct work_struct *work)
{
	hm_region_fini(container_of(work, struct hm_region, fini));
}

static void hm_region_last_user(struct kref *kref)
{
	struct hm_region *region = container_of(kref, struct hm_region, users);

	queue_work(hm_region_wq, &region->fini);
}

/**
 * hm_region_unpin - the reverse of hm_region_pin()
 * @region: region
 *
 * Context: any that may sleep, under any lock.
 */
void hm_region_unpin(struct hm_region *region)
{
	kref_put(&region->users, hm_region_last_user);
}

/* No object has memory any more, and nothing of ours touches the memory. */
static void hm_region_quiesce(struct hm_region *region)
{
	struct hm_object *obj;

	mutex_lock(&region->lock);
	region->dead = true;
	/* The list keeps them: who frees an object takes it off first. */
	list_for_each_entry(obj, &region->objects, node)
		obj->ops->kill(obj);
	mutex_unlock(&region->lock);
	hm_poison_unregister(region);
	hm_alloc_kill(region);
	/* Those who are making an object give up. */
	down_write(&region->creating);
	up_write(&region->creating);
}

static void hm_region_unpin_now(struct kref *kref)
{
	hm_region_fini(container_of(kref, struct hm_region, users));
}

/**
 * hm_region_create - claim memory and show it to the world
 * @spec: checked by hm_region_check()
 * @hdev: the device it is a part of
 * @pdev: for a PCI region
 * @bar: for a PCI region
 *
 * Return: the region or an ERR_PTR().  What is the user's to mend is said in
 * one line.
 */
struct hm_region *hm_region_create(const struct hm_region_spec *spec,
				   struct hm_device *hdev,
				   struct pci_dev *pdev, int bar)
{
	struct drm_device *drm = &hdev->drm;
	struct hm_region *region;
	int ret;

	region = kzalloc(sizeof(*region), GFP_KERNEL);
	if (!region)
		return ERR_PTR(-ENOMEM);
	mutex_init(&region->lock);
	INIT_LIST_HEAD(&region->objects);
	kref_init(&region->users);
	INIT_WORK(&region->fini, hm_region_fini_work);
	init_rwsem(&region->creating);
	region->spec = *spec;
	region->index = hdev->nr;
	region->ops = hm_region_kinds[spec->type];
	region->limits = hm_region_defaults;
	region->bar = bar;
	ret = ida_alloc_max(&hm_region_ids, 255, GFP_KERNEL);
	if (ret < 0) {
		kfree(region);
		return ERR_PTR(ret);
	}
	region->id = ret;
	region->pdev = pci_dev_get(pdev);
	drm_dev_get(drm);
	region->drm = drm;
	device_initialize(&region->dev);
	region->dev.release = hm_region_release;
	region->dev.groups = hm_region_groups;

	hm_object_init(&region->window, region, &hm_region_window_ops,
		       drm->anon_inode->i_mapping, 0, PUD_ORDER);
	ret = region->ops->init(region);
	if (ret)
		goto err_put;

	ret = hm_alloc_init(region);
	if (ret)
		goto err_fini;

	if (!hm_region_vma_ok(region, &region->limits)) {
		pr_err("%s region: vma=mixedmap is not safe on this kernel for this memory\n",
		       hm_region_type[spec->type]);
		ret = -EOPNOTSUPP;
		goto err_fini;
	}
	hm_poison_register(region);
	hm_region_add_object(&region->window);
	ret = hm_chardev_add(region, drm->dev);
	if (ret)
		goto err_fini;
	hm_debugfs_add(region);
	dev_info(&region->dev, "%s region, %llu MiB, %s, orders %#llx%s\n",
		 hm_region_type[spec->type],
		 hm_object_size(&region->window) >> 20,
		 hm_region_caching[region->caching],
		 hm_region_orders(&region->window),
		 region->has_pages ? ", with struct pages" : "");
	return region;

err_fini:
	hm_region_quiesce(region);
	region->ops->fini(region);
err_put:
	put_device(&region->dev);
	return ERR_PTR(ret);
}

/**
 * hm_region_destroy - take the memory away from whoever uses it, and give it up
 * @region: of hm_region_create(); stays until the last reference is dropped
 *
 * Objects stay, without memory.  Memory that someone has pinned is given up
 * when it is unpinned.
 */
void hm_region_destroy(struct hm_region *region)
{
	hm_debugfs_del(region);
	hm_chardev_del(region);
	hm_region_quiesce(region);
	/* At once, if it is the last: the driver may be bound again. */
	kref_put(&region->users, hm_region_unpin_now);
}

/**
 * hm_region_init - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int __init hm_region_init(void)
{
	hm_region_wq = alloc_workqueue("hugemap", WQ_UNBOUND, 0);
	return hm_region_wq ? 0 : -ENOMEM;
}

/**
 * hm_region_exit - the reverse, when there is no region
 */
void hm_region_exit(void)
{
	destroy_workqueue(hm_region_wq);
}
