/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_DMABUF_H_
#define _HM_DMABUF_H_

#include "hm_types.h"

struct dma_buf;
struct drm_gem_object;
struct hm_bo;

struct dma_buf *hm_dmabuf_export(struct drm_gem_object *gem, int flags);
struct drm_gem_object *hm_dmabuf_import(struct drm_device *drm,
					struct dma_buf *dmabuf);
void hm_dmabuf_unimport(struct hm_bo *bo);
void hm_dmabuf_unimport_all(struct hm_device *hdev);
void hm_dmabuf_revoke(struct hm_bo *bo);

#endif /* _HM_DMABUF_H_ */
