// SPDX-License-Identifier: GPL-2.0
/*
 * The DRM device: /dev/dri/cardN and renderDN.
 */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "hm_bo.h"
#include "hm_debugfs.h"
#include "hm_dirty.h"
#include "hm_dmabuf.h"
#include "hm_drm.h"
#include "hm_object.h"
#include "hm_prefault.h"
#include "hm_promote.h"
#include "hm_region.h"
#include "hm_stats.h"
#include "hm_sync.h"

static int hm_drm_query_ioctl(struct drm_device *drm, void *data,
			      struct drm_file *priv)
{
	struct hm_device *hdev = to_hm_device(drm);
	struct drm_hugemap_query *args = data;
	int idx, ret = -ENOENT;

	if (args->flags || args->pad)
		return -EINVAL;
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	if (args->region < hdev->nr)
		ret = hm_region_query(hdev->regions[args->region], args);
	if (!ret)
		args->nr_regions = hdev->nr;
	drm_dev_exit(idx);
	return ret;
}

static int hm_drm_prefault_ioctl(struct drm_device *drm, void *data,
				 struct drm_file *priv)
{
	return hm_prefault(NULL, drm, data);
}

static int hm_drm_dirty_start_ioctl(struct drm_device *drm, void *data,
				    struct drm_file *priv)
{
	struct drm_hugemap_dirty_start *args = data;
	struct drm_gem_object *gem;
	struct hm_bo *bo;
	int ret;

	gem = drm_gem_object_lookup(priv, args->handle);
	if (!gem)
		return -ENOENT;
	bo = to_hm_bo(gem);
	ret = bo->imported ? -EOPNOTSUPP :
			     hm_dirty_start(priv->driver_priv, &bo->obj, args);
	drm_gem_object_put(gem);
	return ret;
}

static int hm_drm_dirty_sync_ioctl(struct drm_device *drm, void *data,
				   struct drm_file *priv)
{
	return hm_sync(priv->driver_priv, data);
}

static int hm_drm_dirty_clear_ioctl(struct drm_device *drm, void *data,
				    struct drm_file *priv)
{
	return hm_sync_clear(priv->driver_priv, data);
}

static int hm_drm_dirty_stop_ioctl(struct drm_device *drm, void *data,
				   struct drm_file *priv)
{
	return hm_dirty_stop(priv->driver_priv, data);
}

static int hm_drm_dirty_rects_ioctl(struct drm_device *drm, void *data,
				    struct drm_file *priv)
{
	return hm_sync_rects(priv->driver_priv, data);
}

static int hm_drm_promote_ioctl(struct drm_device *drm, void *data,
				struct drm_file *priv)
{
	return hm_promote(NULL, drm, data);
}

static const struct drm_ioctl_desc hm_drm_ioctls[] = {
	DRM_IOCTL_DEF_DRV(HUGEMAP_QUERY, hm_drm_query_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_PREFAULT, hm_drm_prefault_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_GEM_CREATE, hm_bo_create_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_GEM_INFO, hm_bo_info_ioctl, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_GEM_MMAP_OFFSET, hm_bo_mmap_offset_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_DIRTY_START, hm_drm_dirty_start_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_DIRTY_SYNC, hm_drm_dirty_sync_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_DIRTY_CLEAR, hm_drm_dirty_clear_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_DIRTY_STOP, hm_drm_dirty_stop_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_DIRTY_RECTS, hm_drm_dirty_rects_ioctl,
			  DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(HUGEMAP_PROMOTE, hm_drm_promote_ioctl,
			  DRM_RENDER_ALLOW),
};

static int hm_drm_open(struct drm_device *drm, struct drm_file *priv)
{
	static atomic64_t id;
	struct hm_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	file->id = atomic64_inc_return(&id);
	hm_dirty_open(file);
	priv->driver_priv = file;
	return 0;
}

/* No mapping is left: each keeps the file open. */
static void hm_drm_postclose(struct drm_device *drm, struct drm_file *priv)
{
	hm_dirty_close(priv->driver_priv);
	kfree(priv->driver_priv);
}

/* One region's share of a client's objects; those of others are no concern. */
struct hm_drm_usage {
	struct hm_region *region;
	u64 total;
	u64 shared;
};

/*
 * Documentation/gpu/drm-usage-stats.rst.  The one engine is the CPU that
 * finds and clears memory for the client.  The memory of an object is there
 * from its creation to its end, so all of it is resident.
 */
static void hm_drm_show_fdinfo(struct drm_printer *p, struct drm_file *priv)
{
	struct hm_drm_usage use[HM_MAX_REGIONS] = {};
	struct hm_file *file = priv->driver_priv;
	struct drm_gem_object *gem;
	unsigned int i, nr = 0;
	int handle;

	spin_lock(&priv->table_lock);
	idr_for_each_entry(&priv->object_idr, gem, handle) {
		struct hm_region *region;

		if (!gem)
			continue;
		region = to_hm_bo(gem)->obj.region;
		if (!region)
			continue;
		for (i = 0; i < nr && use[i].region != region; i++)
			;
		if (i == nr) {
			nr++;
			use[i].region = region;
		}
		use[i].total += gem->size;
		if (gem->handle_count > 1 || gem->dma_buf)
			use[i].shared += gem->size;
	}
	for (i = 0; i < nr; i++) {
		const char *name = dev_name(&use[i].region->dev);

		drm_printf(p, "drm-total-%s:\t%llu KiB\n", name,
			   use[i].total >> 10);
		drm_printf(p, "drm-shared-%s:\t%llu KiB\n", name,
			   use[i].shared >> 10);
		drm_printf(p, "drm-resident-%s:\t%llu KiB\n", name,
			   use[i].total >> 10);
	}
	spin_unlock(&priv->table_lock);
	drm_printf(p, "drm-engine-alloc:\t%llu ns\n",
		   atomic64_read(&file->alloc_ns));
	hm_stats_show(p, "hugemap-", ":\t", &file->stats);
}

static void hm_drm_fop_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct drm_file *priv = filp->private_data;
	struct drm_device *drm = priv->minor->dev;
	struct drm_printer p = drm_seq_file_printer(m);

	if (HM_COMPAT_DRM_FDINFO) {
		drm_show_fdinfo(m, filp);
	} else {
		struct hm_file *file = priv->driver_priv;

		drm_printf(&p, "drm-driver:\thugemap\n");
		drm_printf(&p, "drm-client-id:\t%llu\n", file->id);
		if (dev_is_pci(drm->dev))
			drm_printf(&p, "drm-pdev:\t%s\n", dev_name(drm->dev));
		hm_drm_show_fdinfo(&p, priv);
	}
	hm_debugfs_show_use(&p, "hugemap-", ":\t", drm->anon_inode->i_mapping,
			    NULL, filp);
}

static const struct file_operations hm_drm_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = drm_ioctl,
	.compat_ioctl = drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = hm_bo_mmap,
	.get_unmapped_area = hm_bo_get_unmapped_area,
	.show_fdinfo = hm_drm_fop_show_fdinfo,
	HM_COMPAT_DRM_FOPS
};

static const struct drm_driver hm_drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.open = hm_drm_open,
	.postclose = hm_drm_postclose,
	.dumb_create = hm_bo_dumb_create,
	.gem_prime_import = hm_dmabuf_import,
	.ioctls = hm_drm_ioctls,
	.num_ioctls = ARRAY_SIZE(hm_drm_ioctls),
	.fops = &hm_drm_fops,
	.name = "hugemap",
	.desc = "Device memory mapped with huge pages",
	.major = 1,
	.minor = 0,
	HM_COMPAT_DRM_DATE
	HM_COMPAT_DRM_PRIME
	HM_COMPAT_DRM_SHOW_FDINFO(hm_drm_show_fdinfo)
};

/**
 * hm_drm_alloc - a device without regions
 * @parent: the device that is probed; on failure or removal it drops its
 *	reference by itself
 *
 * Return: device or an ERR_PTR().
 */
struct hm_device *hm_drm_alloc(struct device *parent)
{
	struct hm_device *hdev;

	hdev = devm_drm_dev_alloc(parent, &hm_drm_driver, struct hm_device,
				  drm);
	if (IS_ERR(hdev))
		return hdev;
	mutex_init(&hdev->imports_lock);
	INIT_LIST_HEAD(&hdev->imports);
	if (HM_COMPAT_DAX_GATE)
		hdev->drm.anon_inode->i_flags |= S_DAX;
	return hdev;
}
