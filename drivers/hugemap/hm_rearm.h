/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_REARM_H_
#define _HM_REARM_H_

#include "hm_types.h"

void hm_rearm(struct hm_object *obj, unsigned long first, unsigned long end,
	      bool all);

#endif /* _HM_REARM_H_ */
