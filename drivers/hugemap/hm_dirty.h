/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_DIRTY_H_
#define _HM_DIRTY_H_

#include "hm_types.h"

/* How an entry may be installed as far as trackers are concerned. */
enum hm_dirty_entry {
	HM_DIRTY_WRITABLE,	/* all of it is dirty, or nobody watches */
	HM_DIRTY_READONLY,
	HM_DIRTY_SMALLER,	/* not at all: a part of it is dirty */
};

/**
 * struct hm_dirty_fault - what a fault means to the trackers
 * @watched: one watches the page
 * @marked: something is dirty that was not
 * @exact: one allows no read-only entries: only what is dirty can be mapped
 * @first: first page of what is dirty around it in all trackers
 * @end: page behind
 * @over: granules that are dirty now without being written
 */
struct hm_dirty_fault {
	bool watched;
	bool marked;
	bool exact;
	unsigned long first;
	unsigned long end;
	unsigned long over;
};

/* For the fault path. */
void hm_dirty_written(struct hm_object *obj, unsigned long pgoff, bool write,
		      struct hm_dirty_fault *df);
enum hm_dirty_entry hm_dirty_look(struct hm_object *obj, unsigned long first,
				  unsigned long end);
bool hm_dirty_wants_writable(const struct hm_object *obj);

/* Writers without a mapping of ours. */
void hm_dirty_copied(struct hm_object *obj, unsigned long pgoff);
void hm_dirty_unseen(struct hm_object *obj, bool begin);

/* Files. */
void hm_dirty_open(struct hm_file *file);
void hm_dirty_close(struct hm_file *file);

/* The ioctls, on both kinds of nodes. */
int hm_dirty_start(struct hm_file *file, struct hm_object *obj,
		   struct drm_hugemap_dirty_start *args);
int hm_dirty_stop(struct hm_file *file, struct drm_hugemap_dirty_stop *args);

#endif /* _HM_DIRTY_H_ */
