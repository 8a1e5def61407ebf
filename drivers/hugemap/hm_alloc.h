/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_ALLOC_H_
#define _HM_ALLOC_H_

#include "hm_types.h"

/**
 * struct hm_block - contiguous memory of one owner
 * @node: page frames, in &hm_alloc.mm
 * @link: the owner's list, in the order of the owner's memory; or
 *	&hm_alloc.scrub
 */
struct hm_block {
	struct drm_mm_node node;
	struct list_head link;
};

int hm_alloc_init(struct hm_region *region);
void hm_alloc_kill(struct hm_region *region);
void hm_alloc_fini(struct hm_region *region);
int hm_alloc_get(struct hm_region *region, unsigned long nr,
		 unsigned int max_order, bool contiguous,
		 struct list_head *blocks);
int hm_alloc_clear(struct hm_region *region, struct list_head *blocks,
		   bool (*stop)(void *data), void *data);
int hm_alloc_wait(struct hm_region *region);
void hm_alloc_put(struct hm_region *region, struct list_head *blocks);
u64 hm_alloc_avail(struct hm_region *region);
void hm_alloc_writer(struct hm_region *region, bool begin);

#endif /* _HM_ALLOC_H_ */
