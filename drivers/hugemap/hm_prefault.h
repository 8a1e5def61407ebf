/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_PREFAULT_H_
#define _HM_PREFAULT_H_

#include "hm_types.h"

int hm_prefault(struct hm_object *window, const struct drm_device *drm,
		struct drm_hugemap_prefault *args);

#endif /* _HM_PREFAULT_H_ */
