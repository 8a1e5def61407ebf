// SPDX-License-Identifier: GPL-2.0
/*
 * The fault engine.
 *
 * One function serves faults of every order.  Whether a unit (a PMD- or
 * PUD-sized part of an object) may be one entry is decided under hm_object.lock
 * held shared across the insert, so whoever changes the decision takes it
 * exclusively, changes it and zaps, and no fault that decided before can insert
 * after.
 *
 * Every insert also holds the mutex of its page table slot.  Without it, on
 * kernels before 6.5, base pages inserted into a PMD that another thread just
 * made huge would be written into the data page (mm/memory.c
 * pte_alloc_map_lock() looks only for pmd_none()); later kernels return
 * VM_FAULT_OOM instead.  PTE tables in our VMAs come from this file, and from
 * fork() and mremap(), which no fault on the VMA runs beside.
 */
#include <linux/hash.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/mutex.h>

#include "hm_dirty.h"
#include "hm_fault.h"
#include "hm_object.h"
#include "hm_order.h"
#include "hm_trace.h"
#include "hm_vma.h"

/* Core mm has PUD entries (even if this CPU may not). */
#ifdef CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
#define HM_FAULT_PUD	1
#else
#define HM_FAULT_PUD	0
#endif

/* How often an insert of base pages is tried. */
#define HM_FAULT_TRIES	16

/* Serialise what looks at a page table slot and then fills it. */
#define HM_FAULT_SLOT_BITS	12
static struct mutex hm_fault_slots[1 << HM_FAULT_SLOT_BITS];

/**
 * struct hm_fault - a fault while it is handled
 * @vmf: core mm's view
 * @m: the mapping
 * @obj: its object
 * @w: where, for the choice of order
 * @pgoff: page of the object
 * @slot: page frame that belongs at the start of the faulting PMD, counted in
 *	PMD units; names the unit in &hm_mapping.chunks even where the mapping
 *	is not congruent with the memory
 * @df: what it means to trackers; if @tracked
 * @tracked: what is dirty decides whether entries may be writable
 * @write: new entries are writable, as far as that allows
 */
struct hm_fault {
	struct vm_fault *vmf;
	struct hm_mapping *m;
	struct hm_object *obj;
	struct hm_order_where w;
	unsigned long pgoff;
	unsigned long slot;
	struct hm_dirty_fault df;
	bool tracked;
	bool write;
};

/* Fill in where it happened; false without memory there. */
static bool hm_fault_where(struct hm_fault *f, struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	const struct hm_extent *e;

	f->vmf = vmf;
	f->m = vma->vm_private_data;
	f->obj = f->m->obj;
	lockdep_assert_held(&f->obj->lock);
	f->pgoff = vmf->pgoff - f->obj->pgoff;
	e = hm_object_extent(f->obj, f->pgoff);
	if (f->obj->dead || !e)
		return false;
	f->w.vpn = vmf->address >> PAGE_SHIFT;
	f->w.vma_start = vma->vm_start >> PAGE_SHIFT;
	f->w.vma_end = vma->vm_end >> PAGE_SHIFT;
	f->w.pfn = e->pfn + (f->pgoff - e->pgoff);
	f->w.ext_start = e->pfn;
	f->w.ext_end = e->pfn + e->nr;
	f->slot = (f->w.pfn - (f->w.vpn & ((1UL << PMD_ORDER) - 1))) >>
		  PMD_ORDER;
	f->write = vma->vm_flags & VM_WRITE;
	f->tracked = f->write && !list_empty(&f->obj->trackers);
	return true;
}

/* How the pages of the unit of @level may be mapped, for the trackers. */
static enum hm_dirty_entry hm_fault_look(const struct hm_fault *f,
					 enum hm_level level)
{
	unsigned long nr = 1UL << hm_level_order(level);
	unsigned long first = f->pgoff - (f->w.vpn & (nr - 1));

	if (!f->tracked)
		return HM_DIRTY_WRITABLE;
	return hm_dirty_look(f->obj, first, first + nr);
}

/* Why the fault may not be served by one entry of @level, whatever is dirty. */
static unsigned int hm_fault_unfit(const struct hm_fault *f,
				   enum hm_level level)
{
	const struct hm_chunk *chunk;

	lockdep_assert_held(&f->obj->lock);
	if (f->obj->why[level])
		return f->obj->why[level];
	if (level == HM_PTE)
		return DRM_HUGEMAP_WHY_NONE;
	chunk = hm_vma_chunk(f->m, f->slot, false);
	if (chunk && (level == HM_PUD ?
		      !bitmap_empty(chunk->no_pud, PTRS_PER_PMD) :
		      test_bit(f->slot % PTRS_PER_PMD, chunk->no_pmd)))
		return DRM_HUGEMAP_WHY_CAP;
	return hm_order_fits(&f->w, hm_level_order(level));
}

/* An entry of @level would hide what is written, or break up at once. */
static bool hm_fault_partly(const struct hm_fault *f, enum hm_level level)
{
	enum hm_dirty_entry entry = hm_fault_look(f, level);

	return entry == HM_DIRTY_SMALLER || (entry == HM_DIRTY_READONLY &&
					     f->vmf->flags & FAULT_FLAG_WRITE);
}

static void hm_fault_count(const struct hm_fault *f, atomic64_t *of_region,
			   long n)
{
	size_t where = (void *)of_region - (void *)&f->obj->region->stats;

	atomic64_add(n, of_region);
	if (f->m->stats)
		atomic64_add(n, (void *)f->m->stats + where);
}

/* Account @nr new entries of @level from virtual page @vpn on. */
static void hm_fault_inserted(const struct hm_fault *f, enum hm_level level,
			      unsigned long vpn, unsigned long nr)
{
	struct hm_stats *s = &f->obj->region->stats;
	/* If a PMD is, so is the PUD, which is long to look through. */
	bool partly = level == HM_PTE && hm_fault_partly(f, HM_PMD);
	bool again;
	enum hm_level l;

	again = hm_vma_seen(f->m, f->pgoff, f->w.vpn, level);
	if (level == HM_PUD)
		WRITE_ONCE(f->m->used_pud, true);

	hm_fault_count(f, &s->fault[level], 1);
	if (again)
		hm_fault_count(f, &s->refault[level], 1);
	if (level == HM_PTE)
		hm_fault_count(f, &s->pte_entries, nr);
	for (l = level + 1; l < HM_NR_LEVELS; l++) {
		unsigned int why = hm_fault_unfit(f, l);

		if (!why && (partly || hm_fault_partly(f, l)))
			why = DRM_HUGEMAP_WHY_DIRTY;
		/* It would fit, but core mm asked for less. */
		if (!why)
			why = DRM_HUGEMAP_WHY_TABLE;
		hm_fault_count(f, &s->fallback[l][why], 1);
	}
	trace_hugemap_insert(f->obj->region->id, vpn << PAGE_SHIFT,
			     f->w.pfn - (f->w.vpn - vpn), level, nr, f->write,
			     again);
}

/*
 * Core mm inserts huge entries; for more rights to one that is there its
 * vmf_insert_pfn_*() would look the memory type up again, most of what it does.
 * So here, as for PTEs below.  No flush: a CPU that missed it asks again.
 */
#if HM_FAULT_PUD
static bool hm_fault_upgrade_pud(const struct hm_fault *f, unsigned long first)
{
	struct vm_area_struct *vma = f->vmf->vma;
	pud_t *pudp = f->vmf->pud, pud;
	spinlock_t *ptl;
	bool todo;

	ptl = pud_lock(vma->vm_mm, pudp);
	pud = READ_ONCE(*pudp);
	todo = !pud_none(pud) && pud_bad(pud) && !pud_write(pud) &&
	       pud_pfn(pud) == first;
	if (todo) {
		unsigned long addr = f->vmf->address & PUD_MASK;

		pud = pud_mkwrite(pud_mkdirty(pud_mkyoung(pud)));
		set_pud_at(vma->vm_mm, addr, pudp, pud);
		update_mmu_cache_pud(vma, addr, pudp);
	}
	spin_unlock(ptl);
	return todo;
}
#endif

static bool hm_fault_upgrade_pmd(const struct hm_fault *f, unsigned long first)
{
	struct vm_area_struct *vma = f->vmf->vma;
	pmd_t *pmdp = f->vmf->pmd, pmd;
	spinlock_t *ptl;
	bool todo;

	ptl = pmd_lock(vma->vm_mm, pmdp);
	pmd = READ_ONCE(*pmdp);
	todo = !pmd_none(pmd) && pmd_bad(pmd) && !pmd_write(pmd) &&
	       pmd_pfn(pmd) == first;
	if (todo) {
		unsigned long addr = f->vmf->address & PMD_MASK;

		pmd = hm_compat_pmd_mkwrite(pmd_mkdirty(pmd_mkyoung(pmd)));
		set_pmd_at(vma->vm_mm, addr, pmdp, pmd);
		update_mmu_cache_pmd(vma, addr, pmdp);
	}
	spin_unlock(ptl);
	return todo;
}

static vm_fault_t hm_fault_insert_pud(const struct hm_fault *f)
{
#if HM_FAULT_PUD
	unsigned long first = f->w.pfn & ~((1UL << PUD_ORDER) - 1);
	struct vm_fault *vmf = f->vmf;
	pud_t old = READ_ONCE(*vmf->pud);
	vm_fault_t ret;

	if (!pud_none(old)) {
		/* A PMD table got there first. */
		if (!pud_bad(old))
			return VM_FAULT_FALLBACK;
		if (f->write && hm_fault_upgrade_pud(f, first))
			hm_fault_count(f, &f->obj->region->stats.upgrade[HM_PUD],
				       1);
		return VM_FAULT_NOPAGE;
	}
	/*
	 * Read-only first: only the writable insert warns when a table appears
	 * in between.  A thread that was refused a PUD before a limit was
	 * lifted, or that core mm did not let ask, may be in pmd_alloc(),
	 * outside our locks.
	 */
	ret = vmf_insert_pfn_pud(vmf, hm_compat_pfn(first), false);
	if (ret != VM_FAULT_NOPAGE)
		return ret;
	old = READ_ONCE(*vmf->pud);
	if (pud_none(old) || !pud_bad(old))
		return VM_FAULT_NOPAGE;
	/* At once: a KVM guest may look it up meanwhile, to write. */
	if (f->write)
		hm_fault_upgrade_pud(f, first);
	hm_fault_inserted(f, HM_PUD, vmf->address >> PAGE_SHIFT &
			  ~((1UL << PUD_ORDER) - 1), 1);
	return VM_FAULT_NOPAGE;
#else
	return VM_FAULT_FALLBACK;
#endif
}

static vm_fault_t hm_fault_insert_pmd(const struct hm_fault *f)
{
	unsigned long first = f->w.pfn & ~((1UL << PMD_ORDER) - 1);
	struct vm_fault *vmf = f->vmf;
	pmd_t old = READ_ONCE(*vmf->pmd);
	vm_fault_t ret;

	if (!pmd_none(old)) {
		if (!pmd_bad(old))
			return VM_FAULT_FALLBACK;
		if (f->write && hm_fault_upgrade_pmd(f, first))
			hm_fault_count(f, &f->obj->region->stats.upgrade[HM_PMD],
				       1);
		return VM_FAULT_NOPAGE;
	}
	ret = vmf_insert_pfn_pmd(vmf, hm_compat_pfn(first), f->write);
	if (ret == VM_FAULT_NOPAGE)
		hm_fault_inserted(f, HM_PMD, vmf->address >> PAGE_SHIFT &
				  ~((1UL << PMD_ORDER) - 1), 1);
	return ret;
}

struct hm_fault_batch {
	const struct hm_fault *f;
	unsigned long nr;	/* installed */
	unsigned long upgraded;
};

/* Called with the page table locked. */
static int hm_fault_set_pte(pte_t *ptep, unsigned long addr, void *data)
{
	struct hm_fault_batch *b = data;
	const struct hm_fault *f = b->f;
	struct vm_area_struct *vma = f->vmf->vma;
	unsigned long delta = (addr >> PAGE_SHIFT) - f->w.vpn;
	enum hm_dirty_entry entry = HM_DIRTY_WRITABLE;
	pte_t pte = READ_ONCE(*ptep);
	bool none = pte_none(pte);

	if (!none && (!f->write || pte_write(pte) ||
		      pte_pfn(pte) != f->w.pfn + delta))
		return 0;
	if (f->tracked)
		entry = hm_dirty_look(f->obj, f->pgoff + delta,
				      f->pgoff + delta + 1);
	if (entry == HM_DIRTY_SMALLER || (!none && entry == HM_DIRTY_READONLY))
		return 0;
	if (none)
		pte = pte_mkspecial(pfn_pte(f->w.pfn + delta,
					    vma->vm_page_prot));
	/* More rights need no flush: a CPU that missed them asks again. */
	if (f->write && entry == HM_DIRTY_WRITABLE)
		pte = hm_compat_pte_mkwrite(pte_mkdirty(pte_mkyoung(pte)));
	set_pte_at(vma->vm_mm, addr, ptep, pte);
	if (none)
		b->nr++;
	else
		b->upgraded++;
	return 0;
}

static int hm_fault_upgrade_pte(pte_t *ptep, unsigned long addr, void *data)
{
	return pte_none(READ_ONCE(*ptep)) ? 0 :
	       hm_fault_set_pte(ptep, addr, data);
}

/* The virtual pages that are dirty in all trackers, in the PMD of the fault. */
static void hm_fault_clip(const struct hm_fault *f, unsigned long *first,
			  unsigned long *end)
{
	unsigned long before = f->pgoff - f->df.first;

	hm_order_clip(&f->w, PMD_ORDER, first, end);
	*first = max(*first, f->w.vpn - min(f->w.vpn, before));
	*end = min(*end, f->w.vpn + (f->df.end - f->pgoff));
}

/*
 * Fill the whole PMD-sized unit as far as mapping and memory reach, so that a
 * mapping that cannot be huge pays one fault for 512 pages.  One walk and one
 * lock for the batch: apply_to_page_range() as in drm/i915/i915_mm.c.
 *
 * A watched write maps only what it makes dirty where there is a table already:
 * SYNC took what is missing there, to see this write and others like it.
 */
static vm_fault_t hm_fault_insert_pte(const struct hm_fault *f)
{
	struct vm_fault *vmf = f->vmf;
	struct hm_fault_batch b = { .f = f };
	unsigned int tries = HM_FAULT_TRIES;
	pmd_t old = READ_ONCE(*vmf->pmd);
	unsigned long first, end;

	/* A huge entry got there first; apply_to_page_range() would warn. */
	if (!pmd_none(old) && pmd_bad(old))
		return VM_FAULT_NOPAGE;
	if (f->df.exact || (f->df.watched && vmf->flags & FAULT_FLAG_WRITE &&
			    !pmd_none(old)))
		hm_fault_clip(f, &first, &end);
	else
		hm_order_clip(&f->w, PMD_ORDER, &first, &end);
	/*
	 * Out of memory, or MADV_DONTNEED of another thread freed the table
	 * between its allocation and its use (PT_RECLAIM): not told apart.
	 */
	while (apply_to_page_range(vmf->vma->vm_mm, first << PAGE_SHIFT,
				   (end - first) << PAGE_SHIFT,
				   hm_fault_set_pte, &b))
		if (!--tries)
			return VM_FAULT_OOM;
	if (b.upgraded)
		hm_fault_count(f, &f->obj->region->stats.upgrade[HM_PTE],
			       b.upgraded);
	if (b.nr)
		hm_fault_inserted(f, HM_PTE, first, b.nr);
	return VM_FAULT_NOPAGE;
}

/*
 * Units in a row have mutexes in a row, so that threads that fill a mapping side
 * by side do not meet; where the row begins is left to chance.
 */
static struct mutex *hm_fault_slot(struct vm_fault *vmf, enum hm_level level)
{
	unsigned long unit = vmf->address >>
			     hm_level_shift(level == HM_PUD ? HM_PUD : HM_PMD);
	unsigned long row = unit >> HM_FAULT_SLOT_BITS;

	unit += hash_long(row ^ (unsigned long)vmf->vma->vm_mm,
			  HM_FAULT_SLOT_BITS);
	return &hm_fault_slots[unit % ARRAY_SIZE(hm_fault_slots)];
}

/* A write finds a large entry of which only a part may become writable. */
static bool hm_fault_splits(const struct vm_fault *vmf, enum hm_level level)
{
#if HM_FAULT_PUD
	if (level == HM_PUD) {
		pud_t pud = READ_ONCE(*vmf->pud);

		return !pud_none(pud) && pud_bad(pud);
	}
#endif
	if (level == HM_PMD) {
		pmd_t pmd = READ_ONCE(*vmf->pmd);

		return !pmd_none(pmd) && pmd_bad(pmd);
	}
	return false;
}

/* Make dirty what the fault writes, as far as anyone wants to know. */
static void hm_fault_mark(struct hm_fault *f, bool write)
{
	struct hm_stats *s = &f->obj->region->stats;

	hm_dirty_written(f->obj, f->pgoff, write, &f->df);
	if (!f->df.marked)
		return;
	hm_fault_count(f, &s->dirty_mark, 1);
	hm_fault_count(f, &s->dirty_over, f->df.over);
}

static vm_fault_t hm_fault_locked(struct vm_fault *vmf, enum hm_level level,
				  unsigned int *why)
{
	struct hm_fault f = {};
	struct mutex *slot;
	vm_fault_t ret;

	if (!hm_fault_where(&f, vmf)) {
		hm_fault_count(&f, &f.obj->region->stats.sigbus, 1);
		return VM_FAULT_SIGBUS;
	}
	/*
	 * First: what is dirty keeps others, from here on, from mapping the
	 * unit with an entry that this fault is about to break up.
	 */
	if (f.tracked)
		hm_fault_mark(&f, vmf->flags & FAULT_FLAG_WRITE);
	*why = hm_fault_unfit(&f, level);
	if (!*why && level > HM_PTE && hm_fault_partly(&f, level))
		*why = DRM_HUGEMAP_WHY_DIRTY;
	if (*why) {
		if (*why == DRM_HUGEMAP_WHY_DIRTY && hm_fault_splits(vmf, level))
			hm_fault_count(&f, &f.obj->region->stats.dirty_split,
				       1);
		return VM_FAULT_FALLBACK;
	}
	/*
	 * Where nothing watches, reads and writes are not told apart: a read
	 * fault installs what the next write needs.
	 */
	if (level > HM_PTE && hm_fault_look(&f, level) != HM_DIRTY_WRITABLE)
		f.write = false;

	slot = hm_fault_slot(vmf, level);
	mutex_lock(slot);
	switch (level) {
	case HM_PUD:
		ret = hm_fault_insert_pud(&f);
		break;
	case HM_PMD:
		ret = hm_fault_insert_pmd(&f);
		break;
	default:
		ret = hm_fault_insert_pte(&f);
		break;
	}
	mutex_unlock(slot);
	return ret;
}

/**
 * hm_fault_order - serve a fault with one entry of an order, or a batch of PTEs
 * @vmf: fault in a mapping of ours
 * @order: 0, the PMD or the PUD order
 *
 * Context: mmap lock or only the VMA lock held (since 6.4); called up to twice
 * for one fault.
 * Return: VM_FAULT_NOPAGE; VM_FAULT_FALLBACK if a smaller order must serve it;
 * VM_FAULT_SIGBUS without memory; VM_FAULT_OOM.
 */
vm_fault_t hm_fault_order(struct vm_fault *vmf, unsigned int order)
{
	struct hm_mapping *m = vmf->vma->vm_private_data;
	unsigned int why = DRM_HUGEMAP_WHY_NONE;
	enum hm_level level;
	vm_fault_t ret;

	if (!order)
		level = HM_PTE;
	else if (order == PMD_ORDER)
		level = HM_PMD;
	else if (order == PUD_ORDER)
		level = HM_PUD;
	else
		return VM_FAULT_FALLBACK;

	down_read(&m->obj->lock);
	ret = hm_fault_locked(vmf, level, &why);
	up_read(&m->obj->lock);
	trace_hugemap_fault(m->obj->region->id, vmf->address,
			    vmf->pgoff - m->obj->pgoff, level,
			    vmf->flags & FAULT_FLAG_WRITE, why,
			    (__force unsigned int)ret);
	return ret;
}

/* Make what the fault makes dirty writable, in the PMD of the fault. */
static void hm_fault_upgrade(struct hm_fault *f)
{
	struct hm_fault_batch b = { .f = f };
	struct vm_fault *vmf = f->vmf;
	unsigned long vpn, vpn_end;
	pmd_t old;

	if (f->tracked)
		hm_fault_mark(f, true);
	if (f->df.watched)
		hm_fault_clip(f, &vpn, &vpn_end);
	else
		hm_order_clip(&f->w, PMD_ORDER, &vpn, &vpn_end);
	old = READ_ONCE(*vmf->pmd);
	if (pmd_none(old) || pmd_bad(old))
		return;
	/* Without memory for a table nothing is there to upgrade. */
	apply_to_page_range(vmf->vma->vm_mm, vpn << PAGE_SHIFT,
			    (vpn_end - vpn) << PAGE_SHIFT, hm_fault_upgrade_pte,
			    &b);
	hm_fault_count(f, &f->obj->region->stats.upgrade[HM_PTE], b.upgraded);
}

/**
 * hm_fault_mkwrite - a write to a read-only PTE
 * @vmf: fault in a mapping of ours
 *
 * Must be there at mmap() time: without it vm_page_prot stays writable and no
 * write would ever be noticed (vma_wants_writenotify()).
 *
 * Makes the PTE writable itself.  Core mm would do it after this has returned,
 * and our lock is let go, if the PTE still looks the same (mm/memory.c
 * finish_mkwrite_fault()): which it does when a SYNC took it away and a read
 * brought it back.
 *
 * Context: as hm_fault_order().
 * Return: VM_FAULT_NOPAGE or VM_FAULT_SIGBUS.
 */
vm_fault_t hm_fault_mkwrite(struct vm_fault *vmf)
{
	struct hm_mapping *m = vmf->vma->vm_private_data;
	struct hm_fault f = {};
	struct mutex *slot;
	vm_fault_t ret = VM_FAULT_NOPAGE;

	down_read(&m->obj->lock);
	if (hm_fault_where(&f, vmf)) {
		slot = hm_fault_slot(vmf, HM_PTE);
		mutex_lock(slot);
		hm_fault_upgrade(&f);
		mutex_unlock(slot);
	} else {
		ret = VM_FAULT_SIGBUS;
	}
	up_read(&m->obj->lock);
	return ret;
}

/**
 * hm_fault_init - at module load
 */
void __init hm_fault_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(hm_fault_slots); i++)
		mutex_init(&hm_fault_slots[i]);
}
