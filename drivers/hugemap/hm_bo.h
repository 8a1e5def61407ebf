/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_BO_H_
#define _HM_BO_H_

#include <drm/drm_gem.h>

#include "hm_types.h"

struct drm_mode_create_dumb;

/**
 * struct hm_bo - a GEM object
 * @base: the GEM object
 * @obj: what is mapped; without region and extents if imported
 * @blocks: struct hm_block behind the extents
 * @flags: DRM_HUGEMAP_GEM_* it was created with
 * @max_order: as it was given
 * @dmabuf: the object as a dma-buf, while there is one; dma_resv
 * @import: in &hm_device.imports
 * @imported: the dma-buf of another device that this object stands for
 * @sgt: its DMA mapping, or NULL when its exporter took it back; dma_resv
 *
 * The rest is immutable once the object has a handle.
 */
struct hm_bo {
	struct drm_gem_object base;
	struct hm_object obj;
	struct list_head blocks;
	u32 flags;
	u32 max_order;
	struct dma_buf *dmabuf;
	struct list_head import;
	struct dma_buf *imported;
	struct sg_table *sgt;
};

#define to_hm_bo(gem)	container_of(gem, struct hm_bo, base)

struct hm_bo *hm_bo_alloc(struct drm_device *drm, size_t size);
int hm_bo_dumb_create(struct drm_file *priv, struct drm_device *drm,
		      struct drm_mode_create_dumb *args);
int hm_bo_create_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *priv);
int hm_bo_info_ioctl(struct drm_device *drm, void *data, struct drm_file *priv);
int hm_bo_mmap_offset_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *priv);
int hm_bo_mmap(struct file *filp, struct vm_area_struct *vma);
unsigned long hm_bo_get_unmapped_area(struct file *filp, unsigned long addr,
				      unsigned long len, unsigned long pgoff,
				      unsigned long flags);
bool hm_bo_may_map(struct hm_object *obj, struct file *filp);
int hm_bo_vmap(struct drm_gem_object *gem, struct iosys_map *map);
void hm_bo_vunmap(struct drm_gem_object *gem, struct iosys_map *map);

#endif /* _HM_BO_H_ */
