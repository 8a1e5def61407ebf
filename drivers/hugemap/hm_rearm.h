/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_REARM_H_
#define _HM_REARM_H_

#include "hm_types.h"

void hm_rearm(struct hm_object *obj, unsigned long first, unsigned long end,
	      bool all);
int hm_rearm_forks(struct hm_region *region, const struct hm_object *obj);

#endif /* _HM_REARM_H_ */
