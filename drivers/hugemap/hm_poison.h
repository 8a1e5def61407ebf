/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_POISON_H_
#define _HM_POISON_H_

#include "hm_types.h"

void hm_poison_register(struct hm_region *region);
void hm_poison_unregister(struct hm_region *region);

#endif /* _HM_POISON_H_ */
