/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trackers, between hm_dirty.c and hm_sync.c.
 */
#ifndef _HM_TRACKER_H_
#define _HM_TRACKER_H_

#include "hm_adapt.h"
#include "hm_dirtymap.h"
#include "hm_types.h"

struct eventfd_ctx;

/**
 * struct hm_tracker - someone who wants to know what was written
 * @ref: the file, and calls
 * @node: in &hm_object.trackers
 * @obj: what is watched; holds a reference
 * @id: in &hm_file.trackers
 * @flags: DRM_HUGEMAP_DIRTY_*
 * @order: of a granule
 * @first: first page watched
 * @end: page behind
 * @base: page of granule 0 of the maps: a multiple of the PUD size, so that
 *	blocks of granules are aligned in the object
 * @sync: one call at a time; @epoch and the reuse of @kept
 * @dirty: written since the last SYNC; bits are added under the object's lock
 *	held shared, all else under it exclusively
 * @kept: what the last SYNC of each part reported; as @dirty
 * @over: which of @dirty were not written; as @dirty
 * @kept_over: the same of @kept
 * @was: what @kept was before the SYNC that is under way; as @dirty
 * @was_over: the same of @was
 * @adapt: what is tracked in blocks; the object's lock
 * @guessed: @dirty or @kept have what no fault of this round has put there, so
 *	@adapt learns nothing; the object's lock
 * @nr_dirty: bits in @dirty
 * @notify: signal @eventfd at so many
 * @armed: it was not signalled since the last SYNC
 * @eventfd: whom to tell
 * @epoch: clearing SYNCs
 * @mem: of the maps
 * @adapt_mem: of @adapt
 */
struct hm_tracker {
	struct kref ref;
	struct list_head node;
	struct hm_object *obj;
	u32 id;
	u32 flags;
	unsigned int order;
	unsigned long first;
	unsigned long end;
	unsigned long base;
	struct mutex sync;
	struct hm_dirtymap dirty;
	struct hm_dirtymap kept;
	unsigned long *over;
	unsigned long *kept_over;
	struct hm_dirtymap was;
	unsigned long *was_over;
	struct hm_adapt adapt;
	bool guessed;
	atomic_long_t nr_dirty;
	unsigned long notify;
	atomic_t armed;
	struct eventfd_ctx *eventfd;
	u64 epoch;
	void *mem;
	void *adapt_mem;
};

/* A range of granules, numbered as in the maps. */
struct hm_dirty_range {
	unsigned long first;
	unsigned long end;
};

static inline unsigned long
hm_dirty_granule(const struct hm_tracker *t, unsigned long pgoff)
{
	return (pgoff - t->base) >> t->order;
}

static inline unsigned long
hm_dirty_page(const struct hm_tracker *t, unsigned long granule)
{
	return t->base + (granule << t->order);
}

/* All that the tracker watches. */
static inline struct hm_dirty_range
hm_dirty_whole(const struct hm_tracker *t)
{
	struct hm_dirty_range r = {
		.first = hm_dirty_granule(t, t->first),
		.end = hm_dirty_granule(t, t->end - 1) + 1,
	};

	return r;
}

struct hm_tracker *hm_dirty_get(struct hm_file *file, u32 id);
void hm_dirty_put(struct hm_tracker *t);
int hm_dirty_lock(struct hm_tracker *t);
void hm_dirty_unlock(struct hm_tracker *t);
void hm_dirty_mark_all(struct hm_tracker *t);
void hm_dirty_notify(struct hm_tracker *t);
void hm_dirty_arm(struct hm_tracker *t);
int hm_dirty_bytes(u64 start, u64 len, unsigned int order, u64 min_pos,
		   u64 limit, unsigned long base, struct hm_dirty_range *r);

#endif /* _HM_TRACKER_H_ */
