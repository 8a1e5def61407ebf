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
#define HM_FAULT_SLOT_BITS	8
static struct mutex hm_fault_slots[1 << HM_FAULT_SLOT_BITS];

/**
 * struct hm_fault - a fault while it is handled
 * @vmf: core mm's view
 * @m: the mapping
 * @obj: its object
 * @w: where, for the choice of order
 * @slot: page frame that belongs at the start of the faulting PMD, counted in
 *	PMD units; names the unit in &hm_mapping.chunks even where the mapping
 *	is not congruent with the memory
 * @write: new entries are writable
 */
struct hm_fault {
	struct vm_fault *vmf;
	struct hm_mapping *m;
	struct hm_object *obj;
	struct hm_order_where w;
	unsigned long slot;
	bool write;
};

/* Why the fault may not be served by one entry of @level. */
static unsigned int hm_fault_why(const struct hm_fault *f, enum hm_level level)
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
	struct hm_chunk *chunk;
	bool again = false;
	enum hm_level l;

	chunk = hm_vma_chunk(f->m, f->slot, true);
	if (chunk && level == HM_PUD) {
		again = chunk->seen_pud ||
			!bitmap_empty(chunk->seen, PTRS_PER_PMD);
		WRITE_ONCE(chunk->seen_pud, true);
	} else if (chunk) {
		again = test_and_set_bit(f->slot % PTRS_PER_PMD, chunk->seen) ||
			READ_ONCE(chunk->seen_pud);
	}
	if (level == HM_PUD)
		WRITE_ONCE(f->m->used_pud, true);

	hm_fault_count(f, &s->fault[level], 1);
	if (again)
		hm_fault_count(f, &s->refault[level], 1);
	if (level == HM_PTE)
		hm_fault_count(f, &s->pte_entries, nr);
	for (l = level + 1; l < HM_NR_LEVELS; l++) {
		unsigned int why = hm_fault_why(f, l);

		/* It would fit, but core mm asked for less. */
		if (!why)
			why = DRM_HUGEMAP_WHY_TABLE;
		hm_fault_count(f, &s->fallback[l][why], 1);
	}
	trace_hugemap_insert(f->obj->region->id, vpn << PAGE_SHIFT,
			     f->w.pfn - (f->w.vpn - vpn), level, nr, f->write,
			     again);
}

static vm_fault_t hm_fault_insert_pud(const struct hm_fault *f)
{
#if HM_FAULT_PUD
	unsigned long first = f->w.pfn & ~((1UL << PUD_ORDER) - 1);
	struct vm_fault *vmf = f->vmf;
	pud_t old = READ_ONCE(*vmf->pud);
	vm_fault_t ret;

	/* A PMD table got there first. */
	if (!pud_none(old) && !pud_bad(old))
		return VM_FAULT_FALLBACK;
	if (pud_none(old)) {
		/*
		 * Read-only first: only the writable insert warns when a table
		 * appears in between.  A thread that was refused a PUD before a
		 * limit was lifted, or that core mm did not let ask, may be in
		 * pmd_alloc(), outside our locks.
		 */
		ret = vmf_insert_pfn_pud(vmf, hm_compat_pfn(first), false);
		if (ret != VM_FAULT_NOPAGE)
			return ret;
		old = READ_ONCE(*vmf->pud);
		if (pud_none(old) || !pud_bad(old))
			return VM_FAULT_NOPAGE;
		hm_fault_inserted(f, HM_PUD, vmf->address >> PAGE_SHIFT &
				  ~((1UL << PUD_ORDER) - 1), 1);
	} else if (f->write && !pud_write(old)) {
		hm_fault_count(f, &f->obj->region->stats.upgrade[HM_PUD], 1);
	}
	if (!f->write)
		return VM_FAULT_NOPAGE;
	return vmf_insert_pfn_pud(vmf, hm_compat_pfn(first), true);
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

	if (!pmd_none(old) && !pmd_bad(old))
		return VM_FAULT_FALLBACK;
	if (!pmd_none(old) && (!f->write || pmd_write(old)))
		return VM_FAULT_NOPAGE;
	ret = vmf_insert_pfn_pmd(vmf, hm_compat_pfn(first), f->write);
	if (ret != VM_FAULT_NOPAGE)
		return ret;
	if (pmd_none(old))
		hm_fault_inserted(f, HM_PMD, vmf->address >> PAGE_SHIFT &
				  ~((1UL << PMD_ORDER) - 1), 1);
	else
		hm_fault_count(f, &f->obj->region->stats.upgrade[HM_PMD], 1);
	return VM_FAULT_NOPAGE;
}

struct hm_fault_batch {
	struct vm_area_struct *vma;
	unsigned long delta;	/* page frame minus virtual page */
	unsigned long nr;	/* installed */
	bool write;
};

static int hm_fault_set_pte(pte_t *ptep, unsigned long addr, void *data)
{
	struct hm_fault_batch *b = data;
	pte_t pte;

	if (!pte_none(READ_ONCE(*ptep)))
		return 0;
	pte = pte_mkspecial(pfn_pte((addr >> PAGE_SHIFT) + b->delta,
				    b->vma->vm_page_prot));
	if (b->write)
		pte = hm_compat_pte_mkwrite(pte_mkdirty(pte_mkyoung(pte)));
	set_pte_at(b->vma->vm_mm, addr, ptep, pte);
	b->nr++;
	return 0;
}

/*
 * Fill the whole PMD-sized unit as far as mapping and memory reach, so that a
 * mapping that cannot be huge pays one fault for 512 pages.  One walk and one
 * lock for the batch: apply_to_page_range() as in drm/i915/i915_mm.c.
 */
static vm_fault_t hm_fault_insert_pte(const struct hm_fault *f)
{
	struct vm_fault *vmf = f->vmf;
	struct hm_fault_batch b = {
		.vma = vmf->vma,
		.delta = f->w.pfn - f->w.vpn,
		.write = f->write,
	};
	unsigned int tries = HM_FAULT_TRIES;
	pmd_t old = READ_ONCE(*vmf->pmd);
	unsigned long first, end;

	/* A huge entry got there first; apply_to_page_range() would warn. */
	if (!pmd_none(old) && pmd_bad(old))
		return VM_FAULT_NOPAGE;
	hm_order_clip(&f->w, PMD_ORDER, &first, &end);
	/*
	 * Out of memory, or MADV_DONTNEED of another thread freed the table
	 * between its allocation and its use (PT_RECLAIM): not told apart.
	 */
	while (apply_to_page_range(b.vma->vm_mm, first << PAGE_SHIFT,
				   (end - first) << PAGE_SHIFT,
				   hm_fault_set_pte, &b))
		if (!--tries)
			return VM_FAULT_OOM;
	if (b.nr)
		hm_fault_inserted(f, HM_PTE, first, b.nr);
	return VM_FAULT_NOPAGE;
}

static struct mutex *hm_fault_slot(struct vm_fault *vmf, enum hm_level level)
{
	unsigned long unit = vmf->address >>
			     hm_level_shift(level == HM_PUD ? HM_PUD : HM_PMD);

	return &hm_fault_slots[hash_long(unit ^ (unsigned long)vmf->vma->vm_mm,
					 HM_FAULT_SLOT_BITS)];
}

static vm_fault_t hm_fault_locked(struct vm_fault *vmf, enum hm_level level,
				  unsigned int *why)
{
	struct vm_area_struct *vma = vmf->vma;
	struct hm_mapping *m = vma->vm_private_data;
	struct hm_fault f = {
		.vmf = vmf,
		.m = m,
		.obj = m->obj,
		/*
		 * Nothing watches reads and writes apart, so a read fault
		 * installs what the next write needs.
		 */
		.write = vma->vm_flags & VM_WRITE,
	};
	unsigned long pgoff = vmf->pgoff - f.obj->pgoff;
	const struct hm_extent *e;
	struct mutex *slot;
	vm_fault_t ret;

	lockdep_assert_held(&f.obj->lock);
	e = hm_object_extent(f.obj, pgoff);
	if (f.obj->dead || !e) {
		hm_fault_count(&f, &f.obj->region->stats.sigbus, 1);
		return VM_FAULT_SIGBUS;
	}
	f.w.vpn = vmf->address >> PAGE_SHIFT;
	f.w.vma_start = vma->vm_start >> PAGE_SHIFT;
	f.w.vma_end = vma->vm_end >> PAGE_SHIFT;
	f.w.pfn = e->pfn + (pgoff - e->pgoff);
	f.w.ext_start = e->pfn;
	f.w.ext_end = e->pfn + e->nr;
	f.slot = (f.w.pfn - (f.w.vpn & ((1UL << PMD_ORDER) - 1))) >> PMD_ORDER;

	*why = hm_fault_why(&f, level);
	if (*why)
		return VM_FAULT_FALLBACK;

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

/**
 * hm_fault_mkwrite - a write to a read-only PTE
 * @vmf: fault in a mapping of ours
 *
 * Core mm makes the PTE writable when this returns 0 (mm/memory.c
 * wp_pfn_shared).  Must be there at mmap() time: without it vm_page_prot stays
 * writable and no write would ever be noticed (vma_wants_writenotify()).
 *
 * Context: as hm_fault_order().
 * Return: 0 or VM_FAULT_SIGBUS.
 */
vm_fault_t hm_fault_mkwrite(struct vm_fault *vmf)
{
	struct hm_mapping *m = vmf->vma->vm_private_data;
	struct hm_object *obj = m->obj;
	vm_fault_t ret = 0;

	down_read(&obj->lock);
	if (obj->dead) {
		ret = VM_FAULT_SIGBUS;
	} else {
		atomic64_inc(&obj->region->stats.upgrade[HM_PTE]);
		if (m->stats)
			atomic64_inc(&m->stats->upgrade[HM_PTE]);
	}
	up_read(&obj->lock);
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
