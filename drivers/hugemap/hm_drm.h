/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_DRM_H_
#define _HM_DRM_H_

#include "hm_types.h"

struct hm_device *hm_drm_alloc(struct device *parent);

#endif /* _HM_DRM_H_ */
