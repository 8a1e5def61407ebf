/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bitmap that is found empty quickly: one bit per granule, above it one bit
 * per group of 512 granules, above that one per 512 groups.  With granules of
 * 4 KiB those are 2 MiB and 1 GiB.
 *
 * Pure: no kernel headers beyond bit operations and no locks, so that the same
 * file is built and tested in user space (tests/).
 */
#ifndef _HM_DIRTYMAP_H_
#define _HM_DIRTYMAP_H_

#include <linux/bitmap.h>
#include <linux/types.h>

#define HM_DIRTYMAP_GROUP	512

/**
 * struct hm_dirtymap - a set of granules
 * @nr: number of granules there are
 * @bits: a bit for each
 * @groups: a bit for each group that may have a bit in @bits
 * @supers: a bit for each group of groups that may have one in @groups
 */
struct hm_dirtymap {
	unsigned long nr;
	unsigned long *bits;
	unsigned long *groups;
	unsigned long *supers;
};

size_t hm_dirtymap_size(unsigned long nr);
void hm_dirtymap_init(struct hm_dirtymap *map, void *mem, unsigned long nr);
unsigned long hm_dirtymap_add(struct hm_dirtymap *map, unsigned long word,
			      unsigned long bits);
unsigned long hm_dirtymap_set(struct hm_dirtymap *map, unsigned long first,
			      unsigned long end);
bool hm_dirtymap_all(const struct hm_dirtymap *map, unsigned long first,
		     unsigned long end);
bool hm_dirtymap_any(const struct hm_dirtymap *map, unsigned long first,
		     unsigned long end);
bool hm_dirtymap_next(const struct hm_dirtymap *map, unsigned long *pos,
		      unsigned long end, unsigned long *word,
		      unsigned long *bits);
void hm_dirtymap_clear(struct hm_dirtymap *map, unsigned long word,
		       unsigned long bits);
unsigned long hm_dirtymap_count(const struct hm_dirtymap *map,
				unsigned long first, unsigned long end);
unsigned long hm_dirtymap_mask(unsigned long word, unsigned long first,
			       unsigned long end);

#endif /* _HM_DIRTYMAP_H_ */
