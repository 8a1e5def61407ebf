/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_OBJECT_H_
#define _HM_OBJECT_H_

#include "hm_types.h"

void hm_object_init(struct hm_object *obj, struct hm_region *region,
		    const struct hm_object_ops *ops,
		    struct address_space *mapping, unsigned long pgoff,
		    unsigned int max_order);
int hm_object_set_extents(struct hm_object *obj, struct hm_extent *extents,
			  unsigned int nr);
const struct hm_extent *hm_object_extent(const struct hm_object *obj,
					 unsigned long pgoff);
void hm_object_layout(struct hm_object *obj, u64 nr[HM_NR_LEVELS]);
bool hm_object_has_unit(const struct hm_object *obj, enum hm_level level);
ssize_t hm_object_copy(struct hm_object *obj, u64 pos, void *buf, size_t len,
		       bool write);
void hm_object_zap(struct hm_object *obj, enum hm_zap why);
void hm_object_kill(struct hm_object *obj);

static inline u64 hm_object_size(const struct hm_object *obj)
{
	return (u64)obj->nr_pages << PAGE_SHIFT;
}

#endif /* _HM_OBJECT_H_ */
