/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Choice of the page order for a fault.
 *
 * Pure: no kernel headers beyond types and no state, so that the same file is
 * built in user space and tested exhaustively (tests/).
 */
#ifndef _HM_ORDER_H_
#define _HM_ORDER_H_

#include <linux/types.h>

/**
 * struct hm_order_where - where a fault happened, in pages
 * @vpn: virtual page number of the fault
 * @vma_start: first virtual page number of the mapping
 * @vma_end: virtual page number behind the mapping
 * @pfn: page frame that belongs at @vpn
 * @ext_start: first page frame of the contiguous memory that holds @pfn
 * @ext_end: page frame behind that memory
 *
 * @vma_start <= @vpn < @vma_end and @ext_start <= @pfn < @ext_end.
 */
struct hm_order_where {
	unsigned long vpn;
	unsigned long vma_start;
	unsigned long vma_end;
	unsigned long pfn;
	unsigned long ext_start;
	unsigned long ext_end;
};

unsigned int hm_order_fits(const struct hm_order_where *w, unsigned int order);
void hm_order_clip(const struct hm_order_where *w, unsigned int order,
		   unsigned long *first, unsigned long *end);
unsigned long hm_order_congruent(unsigned long addr, unsigned long phys,
				 unsigned int shift);

#endif /* _HM_ORDER_H_ */
