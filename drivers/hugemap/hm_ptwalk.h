/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_PTWALK_H_
#define _HM_PTWALK_H_

#include "hm_types.h"

/**
 * struct hm_ptwalk_entry - what maps an address
 * @start: first virtual address that the entry covers
 * @end: virtual address behind it
 * @level: of the entry, or of the gap
 * @present: mapped; the rest is meaningful only then
 * @accessible: not PROT_NONE
 * @write: writable
 * @dirty: written through, by the hardware's word
 * @bits: all of the entry, as if it were a PTE: for hm_ptwalk_caching()
 * @pfn: page frame
 */
struct hm_ptwalk_entry {
	unsigned long start;
	unsigned long end;
	enum hm_level level;
	bool present;
	bool accessible;
	bool write;
	bool dirty;
	pteval_t bits;
	unsigned long pfn;
};

/**
 * struct hm_ptwalk - a walk over the page tables of one mm
 * @fn: called for every entry and gap, ascending, clipped to the walk; stops
 *	the walk by returning non-zero.  Must not sleep (it runs under RCU).
 *	May be NULL.
 * @data: for @fn
 * @locked: read entries under the lock of their table: see none that mprotect()
 *	or mremap() has cleared and is about to put back
 * @huge: leave out what is in PTE tables, which is most of the work
 * @tables: incremented for every PMD and PTE table seen
 */
struct hm_ptwalk {
	int (*fn)(const struct hm_ptwalk_entry *e, void *data);
	void *data;
	bool locked;
	bool huge;
	unsigned long tables;
};

u32 hm_ptwalk_caching(const struct hm_ptwalk_entry *e);
int hm_ptwalk_range(struct mm_struct *mm, unsigned long start,
		    unsigned long end, struct hm_ptwalk *walk);
void hm_ptwalk_addr(struct mm_struct *mm, unsigned long addr,
		    struct hm_ptwalk_entry *e);

#endif /* _HM_PTWALK_H_ */
