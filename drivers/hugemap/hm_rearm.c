// SPDX-License-Identifier: GPL-2.0
/*
 * Take writable entries away, so that writes are noticed.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>

#include "hm_object.h"
#include "hm_ptwalk.h"
#include "hm_rearm.h"
#include "hm_trace.h"
#include "hm_vma.h"

/**
 * struct hm_rearm_span - a part of a mapping that hm_rearm() zaps at once
 * @start: first virtual address
 * @end: virtual address behind; 0 if there is nothing
 * @limit: how far it may reach
 * @all: what is read-only as well
 */
struct hm_rearm_span {
	unsigned long start;
	unsigned long end;
	unsigned long limit;
	bool all;
};

static int hm_rearm_entry(const struct hm_ptwalk_entry *e, void *data)
{
	unsigned long size = hm_level_size(e->level);
	struct hm_rearm_span *span = data;

	if (span->end && e->start >= span->limit)
		return 1;
	/*
	 * mprotect() makes a dirty entry writable without asking (mm/mprotect.c
	 * can_change_pte_writable()).
	 */
	if (!e->present || (!e->write && !e->dirty && !span->all))
		return 0;
	if (!span->end) {
		span->start = round_down(e->start, size);
		span->limit = round_down(e->start, max(size, PMD_SIZE)) +
			      max(size, PMD_SIZE);
	}
	span->end = round_down(e->start, size) + size;
	return 0;
}

/* Zap what may write, or all there is, from @addr to @end in @vma. */
static void hm_rearm_zap(struct vm_area_struct *vma, unsigned long addr,
			 unsigned long end, bool all)
{
	struct hm_mapping *m = vma->vm_private_data;

	while (addr < end) {
		struct hm_rearm_span span = { .all = all };
		struct hm_ptwalk walk = {
			.fn = hm_rearm_entry,
			.data = &span,
			.locked = true,
		};

		hm_ptwalk_range(vma->vm_mm, addr, end, &walk);
		if (!span.end)
			break;
		hm_compat_zap_vma(vma, span.start, span.end - span.start);
		hm_vma_count_zap(m, HM_ZAP_DIRTY);
		trace_hugemap_zap(m->obj->region->id, HM_ZAP_DIRTY, span.start,
				  span.end - span.start);
		addr = span.end;
	}
}

/* The pages of the address space from @first to @last in a VMA that has some. */
static void hm_rearm_vma(struct vm_area_struct *vma, unsigned long first,
			 unsigned long last, bool all)
{
	struct hm_mapping *m = vma->vm_private_data;
	unsigned long addr, end;

	lockdep_assert_held_write(&m->obj->lock);
	first = max(first, vma->vm_pgoff) - vma->vm_pgoff;
	last = min(last - vma->vm_pgoff, vma_pages(vma) - 1);
	addr = vma->vm_start + (first << PAGE_SHIFT);
	end = vma->vm_start + ((last + 1) << PAGE_SHIFT);
	hm_rearm_zap(vma, addr, end, all);
	/*
	 * Someone took entries away, or their right to write, and has yet to
	 * flush TLBs: what looks clean or gone may still be written through.
	 * To zap, even where nothing is left, flushes them all in that case
	 * (mm/mmu_gather.c tlb_finish_mmu()).
	 */
	if (mm_tlb_flush_pending(vma->vm_mm)) {
		hm_rearm_zap(vma, addr, end, true);
		hm_compat_zap_vma(vma, addr, end - addr);
	}
}

/**
 * hm_rearm - have writes to a part of an object fault again
 * @obj: object
 * @first: first page
 * @end: page behind the part
 * @all: take away what may only read as well
 *
 * Takes the entries of the part away through which something was, or could be,
 * written, in all mappings; those that are wider as a whole.
 *
 * Of small entries, all from the first to the last of a PMD that may write go
 * at once: one TLB flush.  That the others between them are faulted in again
 * costs the next reader one fault, for all of them; hm_sync_rearm() sees to it
 * that they are few.
 *
 * The VMAs are visited in the order in which rmap walks of core mm visit them,
 * for the same reason: fork() and mremap() put a copy of a VMA behind it, and
 * an entry cannot escape from one that was not visited yet.  What is on its way
 * is under the page table locks.
 *
 * Context: @obj->lock held for writing.  Takes the i_mmap lock.
 */
void hm_rearm(struct hm_object *obj, unsigned long first, unsigned long end,
	      bool all)
{
	unsigned long last = obj->pgoff + end - 1;
	struct vm_area_struct *vma;

	lockdep_assert_held_write(&obj->lock);
	first += obj->pgoff;
	i_mmap_lock_read(obj->mapping);
	for (vma = hm_vma_first(obj->mapping, first, last); vma;
	     vma = hm_vma_next(vma, first, last))
		if (hm_vma_object(vma) == obj)
			hm_rearm_vma(vma, first, last, all);
	i_mmap_unlock_read(obj->mapping);
}
