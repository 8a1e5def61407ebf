/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_SYNC_H_
#define _HM_SYNC_H_

#include "hm_types.h"

/* The ioctls, on both kinds of nodes. */
int hm_sync(struct hm_file *file, struct drm_hugemap_dirty_sync *args);
int hm_sync_rects(struct hm_file *file, struct drm_hugemap_dirty_rects *args);
int hm_sync_clear(struct hm_file *file, struct drm_hugemap_dirty_clear *args);

#endif /* _HM_SYNC_H_ */
