/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_CHARDEV_H_
#define _HM_CHARDEV_H_

#include "hm_types.h"

int hm_chardev_init(void);
void hm_chardev_fini(void);
int hm_chardev_add(struct hm_region *region, struct device *parent);
void hm_chardev_del(struct hm_region *region);

#endif /* _HM_CHARDEV_H_ */
