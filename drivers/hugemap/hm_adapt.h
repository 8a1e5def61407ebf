/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which blocks of granules to track as a whole.
 *
 * Pure, as hm_dirtymap.h.
 */
#ifndef _HM_ADAPT_H_
#define _HM_ADAPT_H_

#include "hm_dirtymap.h"

#define HM_ADAPT_LEVELS		3

/**
 * struct hm_adapt_level - blocks of one size
 * @shift: log2 of the granules in a block
 * @coarse: tracked as a whole; no block is inside another one that is
 * @dense: was written nearly everywhere when it was last measured
 * @idle: coarse, and not written in the last round
 */
struct hm_adapt_level {
	unsigned int shift;
	unsigned long *coarse;
	unsigned long *dense;
	unsigned long *idle;
};

/**
 * struct hm_adapt - what is tracked how
 * @nr: number of granules
 * @nr_levels: of @level; may be 0
 * @level: smallest blocks first
 * @max_over: granules that may be marked without having been written
 * @over: those that @coarse may cause now
 * @credit: rounds of coarse blocks since one was measured again
 * @skew: keeps @credit from meeting the same blocks each round
 */
struct hm_adapt {
	unsigned long nr;
	unsigned int nr_levels;
	struct hm_adapt_level level[HM_ADAPT_LEVELS];
	unsigned long max_over;
	unsigned long over;
	unsigned long credit;
	unsigned long skew;
};

size_t hm_adapt_size(unsigned long nr, const unsigned int *shifts,
		     unsigned int nr_levels);
void hm_adapt_init(struct hm_adapt *a, void *mem, unsigned long nr,
		   const unsigned int *shifts, unsigned int nr_levels,
		   unsigned long max_over);
unsigned int hm_adapt_shift(const struct hm_adapt *a, unsigned long granule);
void hm_adapt_round(struct hm_adapt *a, const struct hm_dirtymap *map,
		    const struct hm_dirtymap *now, unsigned long first,
		    unsigned long end);

#endif /* _HM_ADAPT_H_ */
