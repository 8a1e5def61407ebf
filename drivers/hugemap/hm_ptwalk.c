// SPDX-License-Identifier: GPL-2.0
/*
 * A read-only page table walk over mappings of the driver.
 *
 * walk_page_range() is not exported, and would split PUD entries on the way.
 *
 * The caller holds the mmap lock of the mm, or the i_mmap lock of a file with
 * a VMA that covers the walk; either keeps page tables from being freed
 * (free_pgtables() unlinks the VMA first), but for PTE tables, which PT_RECLAIM
 * frees under RCU.  Entries can change while the walk looks: each is read once.
 * Where that is not enough: &hm_ptwalk.locked.
 */
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "hm_ptwalk.h"

/**
 * hm_ptwalk_caching - the memory type of an entry
 * @e: entry that is present
 *
 * By the bits that tell write-back, write-combining and uncached apart.  Those
 * of the kernel's own mappings are the same as the user's, at every level (x86
 * has only the PAT bit elsewhere in huge entries, and none of the three types
 * uses it).  Not part of the walk: SYNC does not ask, and has many to look at.
 *
 * Return: DRM_HUGEMAP_CACHING_*.
 */
u32 hm_ptwalk_caching(const struct hm_ptwalk_entry *e)
{
	pgprot_t wb = PAGE_KERNEL;
	pgprot_t wc = pgprot_writecombine(wb);
	pgprot_t uc = pgprot_noncached(wb);
	pgprotval_t mask = (pgprot_val(wb) ^ pgprot_val(wc)) |
			   (pgprot_val(wb) ^ pgprot_val(uc));

	if ((e->bits & mask) == (pgprot_val(wc) & mask))
		return DRM_HUGEMAP_CACHING_WC;
	if ((e->bits & mask) == (pgprot_val(wb) & mask))
		return DRM_HUGEMAP_CACHING_WB;
	return DRM_HUGEMAP_CACHING_UC;
}

/* Entry @e covers the unit of @level at @addr and is read as if it were a PTE. */
static int hm_ptwalk_emit(struct hm_ptwalk *walk, unsigned long addr,
			  unsigned long end, enum hm_level level,
			  bool present, pte_t pte)
{
	struct hm_ptwalk_entry e = {
		.start = addr,
		.end = min(end, (addr | (hm_level_size(level) - 1)) + 1),
		.level = level,
		.present = present,
	};

	if (!walk->fn)
		return 0;
	if (present) {
		e.accessible = !pte_protnone(pte);
		e.write = pte_write(pte);
		e.dirty = pte_dirty(pte);
		e.bits = pte_val(pte);
		e.pfn = pte_pfn(pte);
	}
	return walk->fn(&e, walk->data);
}

static int hm_ptwalk_ptes(pmd_t pmd, unsigned long addr, unsigned long end,
			  struct hm_ptwalk *walk)
{
	unsigned long next;
	int ret = 0;

	for (; addr < end && !ret; addr = next) {
		pte_t pte = READ_ONCE(*pte_offset_kernel(&pmd, addr));

		next = addr + PAGE_SIZE;
		ret = hm_ptwalk_emit(walk, addr, end, HM_PTE,
				     !pte_none(pte), pte);
	}
	return ret;
}

static int hm_ptwalk_pte(struct mm_struct *mm, pmd_t pmd, unsigned long addr,
			 unsigned long end, struct hm_ptwalk *walk)
{
	spinlock_t *ptl = pte_lockptr(mm, &pmd);
	int ret;

	walk->tables++;
	if (!walk->fn || walk->huge)
		return 0;
	if (!walk->locked)
		return hm_ptwalk_ptes(pmd, addr, end, walk);
	spin_lock(ptl);
	ret = hm_ptwalk_ptes(pmd, addr, end, walk);
	spin_unlock(ptl);
	return ret;
}

static int hm_ptwalk_pmd(struct mm_struct *mm, pud_t pud, unsigned long addr,
			 unsigned long end, struct hm_ptwalk *walk)
{
	unsigned long next;
	int ret = 0;

	walk->tables++;
	for (; addr < end && !ret; addr = next) {
		pmd_t *pmdp = pmd_offset(&pud, addr);
		pmd_t pmd;

		next = pmd_addr_end(addr, end);
		rcu_read_lock();
		if (walk->locked) {
			spinlock_t *ptl = pmd_lock(mm, pmdp);

			pmd = READ_ONCE(*pmdp);
			spin_unlock(ptl);
		} else {
			pmd = READ_ONCE(*pmdp);
		}
		/* "Bad" is what is neither empty nor a table: a leaf. */
		if (pmd_none(pmd) || pmd_bad(pmd))
			ret = hm_ptwalk_emit(walk, addr, end, HM_PMD,
					     !pmd_none(pmd),
					     __pte(pmd_val(pmd)));
		else
			ret = hm_ptwalk_pte(mm, pmd, addr, next, walk);
		rcu_read_unlock();
	}
	return ret;
}

static int hm_ptwalk_pud(struct mm_struct *mm, p4d_t *p4dp, unsigned long addr,
			 unsigned long end, struct hm_ptwalk *walk)
{
	unsigned long next;
	int ret = 0;

	for (; addr < end && !ret; addr = next) {
		pud_t *pudp = pud_offset(p4dp, addr), pud;

		next = pud_addr_end(addr, end);
		if (walk->locked) {
			spinlock_t *ptl = pud_lock(mm, pudp);

			pud = READ_ONCE(*pudp);
			spin_unlock(ptl);
		} else {
			pud = READ_ONCE(*pudp);
		}
		if (pud_none(pud) || pud_bad(pud)) {
			rcu_read_lock();
			ret = hm_ptwalk_emit(walk, addr, end, HM_PUD,
					     !pud_none(pud),
					     __pte(pud_val(pud)));
			rcu_read_unlock();
		} else {
			ret = hm_ptwalk_pmd(mm, pud, addr, next, walk);
		}
		cond_resched();
	}
	return ret;
}

/**
 * hm_ptwalk_range - visit every entry and gap of a range
 * @mm: whose page tables
 * @start: first virtual address
 * @end: virtual address behind the range
 * @walk: what to do
 *
 * Context: process; see the top of this file for the locks.
 * Return: 0, or what @walk->fn returned.
 */
int hm_ptwalk_range(struct mm_struct *mm, unsigned long start,
		    unsigned long end, struct hm_ptwalk *walk)
{
	unsigned long addr, next;
	int ret = 0;

	for (addr = start; addr < end && !ret; addr = next) {
		pgd_t *pgd = pgd_offset(mm, addr);
		p4d_t *p4d;

		next = pud_addr_end(addr, end);
		if (!pgd_none(*pgd)) {
			p4d = p4d_offset(pgd, addr);
			if (!p4d_none(*p4d)) {
				next = p4d_addr_end(addr, end);
				ret = hm_ptwalk_pud(mm, p4d, addr, next, walk);
				continue;
			}
		}
		rcu_read_lock();
		ret = hm_ptwalk_emit(walk, addr, end, HM_PUD, false, __pte(0));
		rcu_read_unlock();
	}
	return ret;
}

static int hm_ptwalk_first(const struct hm_ptwalk_entry *e, void *data)
{
	*(struct hm_ptwalk_entry *)data = *e;
	return 1;
}

/**
 * hm_ptwalk_addr - what maps an address now
 * @mm: whose page tables
 * @addr: virtual address, page aligned
 * @e: result; from @addr on
 *
 * Context: as hm_ptwalk_range().
 */
void hm_ptwalk_addr(struct mm_struct *mm, unsigned long addr,
		    struct hm_ptwalk_entry *e)
{
	struct hm_ptwalk walk = { .fn = hm_ptwalk_first, .data = e };

	hm_ptwalk_range(mm, addr, addr + hm_level_size(HM_PUD), &walk);
}
