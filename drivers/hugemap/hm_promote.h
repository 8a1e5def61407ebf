/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_PROMOTE_H_
#define _HM_PROMOTE_H_

#include "hm_types.h"

int hm_promote(struct hm_object *window, const struct drm_device *drm,
	       struct drm_hugemap_promote *args);

#endif /* _HM_PROMOTE_H_ */
