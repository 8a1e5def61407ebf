/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_STATS_H_
#define _HM_STATS_H_

#include "hm_types.h"

struct drm_printer;

void hm_stats_show(struct drm_printer *p, const char *prefix, const char *sep,
		   const struct hm_stats *stats);

#endif /* _HM_STATS_H_ */
