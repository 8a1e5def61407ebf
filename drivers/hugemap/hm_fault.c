// SPDX-License-Identifier: GPL-2.0
/*
 * The fault engine: vm_operations of every mapping.
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
 * VM_FAULT_OOM instead.  Only this file installs PTE tables in our VMAs.
 */
#include <linux/file.h>
#include <linux/hash.h>
#include <linux/mman.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "hm_fault.h"
#include "hm_object.h"
#include "hm_order.h"
#include "hm_ptwalk.h"
#include "hm_trace.h"

/* Core mm has PUD entries (even if this CPU may not). */
#ifdef CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
#define HM_FAULT_PUD	1
#else
#define HM_FAULT_PUD	0
#endif

static const struct vm_operations_struct hm_fault_vm_ops;

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

static struct hm_chunk *hm_fault_chunk(struct hm_mapping *m, unsigned long slot,
				       bool create)
{
	unsigned long index = slot / PTRS_PER_PMD;
	struct hm_chunk *chunk, *old;

	chunk = xa_load(&m->chunks, index);
	if (chunk || !create)
		return chunk;
	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return NULL;
	old = xa_cmpxchg(&m->chunks, index, NULL, chunk, GFP_KERNEL_ACCOUNT);
	if (!old)
		return chunk;
	kfree(chunk);
	return xa_is_err(old) ? NULL : old;
}

/* Why the fault may not be served by one entry of @level. */
static unsigned int hm_fault_why(const struct hm_fault *f, enum hm_level level)
{
	const struct hm_chunk *chunk;

	lockdep_assert_held(&f->obj->lock);
	if (f->obj->why[level])
		return f->obj->why[level];
	if (level == HM_PTE)
		return DRM_HUGEMAP_WHY_NONE;
	chunk = hm_fault_chunk(f->m, f->slot, false);
	if (chunk && (level == HM_PUD ? chunk->no_pud :
		      test_bit(f->slot % PTRS_PER_PMD, chunk->no_pmd)))
		return DRM_HUGEMAP_WHY_CAP;
	return hm_order_fits(&f->w, hm_level_order(level));
}

static void hm_fault_count(const struct hm_fault *f, atomic64_t *of_obj,
			   long n)
{
	size_t where = (void *)of_obj - (void *)&f->obj->stats;

	atomic64_add(n, of_obj);
	atomic64_add(n, (void *)f->m->stats + where);
}

/* Account @nr new entries of @level from virtual page @vpn on. */
static void hm_fault_inserted(const struct hm_fault *f, enum hm_level level,
			      unsigned long vpn, unsigned long nr)
{
	struct hm_stats *s = &f->obj->stats;
	struct hm_chunk *chunk;
	bool again = false;
	enum hm_level l;

	chunk = hm_fault_chunk(f->m, f->slot, true);
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
		 * appears in between (a thread that was refused a PUD before a
		 * limit was lifted may be in pmd_alloc(), outside our locks).
		 */
		ret = vmf_insert_pfn_pud(vmf, hm_compat_pfn(first), false);
		if (ret != VM_FAULT_NOPAGE)
			return ret;
		hm_fault_inserted(f, HM_PUD, vmf->address >> PAGE_SHIFT &
				  ~((1UL << PUD_ORDER) - 1), 1);
		old = READ_ONCE(*vmf->pud);
		if (pud_none(old) || !pud_bad(old))
			return VM_FAULT_NOPAGE;
	} else if (f->write && !pud_write(old)) {
		hm_fault_count(f, &f->obj->stats.upgrade[HM_PUD], 1);
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
		hm_fault_count(f, &f->obj->stats.upgrade[HM_PMD], 1);
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
	pmd_t old = READ_ONCE(*vmf->pmd);
	unsigned long first, end;

	/* A huge entry got there first; apply_to_page_range() would warn. */
	if (!pmd_none(old) && pmd_bad(old))
		return VM_FAULT_NOPAGE;
	hm_order_clip(&f->w, PMD_ORDER, &first, &end);
	if (apply_to_page_range(b.vma->vm_mm, first << PAGE_SHIFT,
				(end - first) << PAGE_SHIFT,
				hm_fault_set_pte, &b))
		return VM_FAULT_OOM;
	if (b.nr)
		hm_fault_inserted(f, HM_PTE, first, b.nr);
	return VM_FAULT_NOPAGE;
}

static struct mutex *hm_fault_slot(struct hm_object *obj, struct vm_fault *vmf,
				   enum hm_level level)
{
	unsigned long unit = vmf->address >>
			     hm_level_shift(level == HM_PUD ? HM_PUD : HM_PMD);

	return &obj->slots[hash_long(unit ^ (unsigned long)vmf->vma->vm_mm,
				     HM_SLOT_BITS)];
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
	const struct hm_extent *e;
	struct mutex *slot;
	vm_fault_t ret;

	lockdep_assert_held(&f.obj->lock);
	e = hm_object_extent(f.obj, vmf->pgoff);
	if (f.obj->dead || !e) {
		hm_fault_count(&f, &f.obj->stats.sigbus, 1);
		return VM_FAULT_SIGBUS;
	}
	f.w.vpn = vmf->address >> PAGE_SHIFT;
	f.w.vma_start = vma->vm_start >> PAGE_SHIFT;
	f.w.vma_end = vma->vm_end >> PAGE_SHIFT;
	f.w.pfn = e->pfn + (vmf->pgoff - e->pgoff);
	f.w.ext_start = e->pfn;
	f.w.ext_end = e->pfn + e->nr;
	f.slot = (f.w.pfn - (f.w.vpn & ((1UL << PMD_ORDER) - 1))) >> PMD_ORDER;

	*why = hm_fault_why(&f, level);
	if (*why)
		return VM_FAULT_FALLBACK;

	slot = hm_fault_slot(f.obj, vmf, level);
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

/*
 * Faults of every order.  Called with the mmap lock or only the VMA lock held
 * (since 6.4), up to twice for one fault.
 */
static vm_fault_t hm_fault_order(struct vm_fault *vmf, unsigned int order)
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
	trace_hugemap_fault(m->obj->region->id, vmf->address, vmf->pgoff, level,
			    vmf->flags & FAULT_FLAG_WRITE, why,
			    (__force unsigned int)ret);
	return ret;
}

static vm_fault_t hm_fault_fault(struct vm_fault *vmf)
{
	return hm_fault_order(vmf, 0);
}

HM_DEFINE_HUGE_FAULT(hm_fault_huge, hm_fault_order)

/*
 * A write to a read-only PTE; core mm makes it writable when this returns
 * (mm/memory.c wp_pfn_shared).  Must exist at mmap() time: without it
 * vm_page_prot stays writable and no write would ever be noticed
 * (vma_wants_writenotify()).
 */
static vm_fault_t hm_fault_mkwrite(struct vm_fault *vmf)
{
	struct hm_mapping *m = vmf->vma->vm_private_data;
	struct hm_object *obj = m->obj;
	vm_fault_t ret = 0;

	down_read(&obj->lock);
	if (obj->dead) {
		ret = VM_FAULT_SIGBUS;
	} else {
		atomic64_inc(&obj->stats.upgrade[HM_PTE]);
		atomic64_inc(&m->stats->upgrade[HM_PTE]);
	}
	up_read(&obj->lock);
	return ret;
}

/* Zap the PUD entry that maps @addr in @vma, if it is one. */
static void hm_fault_zap_pud(struct vm_area_struct *vma, unsigned long addr,
			     enum hm_zap why)
{
	struct hm_mapping *m = vma->vm_private_data;
	unsigned long start = addr & PUD_MASK;
	struct hm_ptwalk_entry e;

	mmap_assert_write_locked(vma->vm_mm);
	/* "- 1": the unit at the top of the address space ends at 0. */
	if (start < vma->vm_start || start + (PUD_SIZE - 1) > vma->vm_end - 1)
		return;
	hm_ptwalk_addr(vma->vm_mm, start, &e);
	if (!e.present || e.level != HM_PUD)
		return;
	hm_compat_zap_vma(vma, start, PUD_SIZE);
	atomic64_inc(&m->obj->stats.zap[why]);
	atomic64_inc(&m->stats->zap[why]);
	trace_hugemap_zap(m->obj->region->id, why, start, PUD_SIZE);
}

/*
 * Core mm is about to cut @vma at @addr.  Up to 7.3 it takes a PUD entry there
 * for a page table (mm/huge_memory.c vma_adjust_trans_huge() ->
 * mm/rmap.c mm_find_pmd()) and crashes, or, at a PMD boundary, leaves the entry
 * straddling two VMAs.
 */
static int hm_fault_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	struct hm_mapping *m = vma->vm_private_data;

	if (!READ_ONCE(m->used_pud) || !(addr & ~PUD_MASK))
		return 0;
	/* From here to the cut no fault may put the entry back. */
	hm_compat_vma_start_write(vma);
	hm_fault_zap_pud(vma, addr, HM_ZAP_SPLIT);
	return 0;
}

/*
 * mremap() is about to move entries into @vma, a copy of the VMA it moves them
 * from.  It takes PUD entries for bad ones and clears them without a TLB flush
 * (mm/mremap.c get_old_pud()), so zap them first.  A move of less than a PUD
 * cut the source before (may_split).
 */
static void hm_fault_moved(struct vm_area_struct *vma)
{
	unsigned long addr = 0;
	struct vm_area_struct *src;

	mmap_assert_write_locked(vma->vm_mm);
	for (; (src = find_vma(vma->vm_mm, addr)); addr = src->vm_end) {
		unsigned long from, to, a;

		if (src == vma || src->vm_ops != &hm_fault_vm_ops ||
		    src->vm_private_data != vma->vm_private_data)
			continue;
		/* Inside it: a split, whose first half is not cut yet. */
		if (src->vm_start <= vma->vm_start && vma->vm_end <= src->vm_end)
			continue;
		from = max(src->vm_pgoff, vma->vm_pgoff);
		to = min(src->vm_pgoff + vma_pages(src),
			 vma->vm_pgoff + vma_pages(vma));
		if (from >= to)
			continue;
		from = src->vm_start + ((from - src->vm_pgoff) << PAGE_SHIFT);
		to = src->vm_start + ((to - src->vm_pgoff) << PAGE_SHIFT);
		hm_compat_vma_start_write(src);
		for (a = ALIGN(from, PUD_SIZE);
		     a >= from && a < to && to - a >= PUD_SIZE; a += PUD_SIZE)
			hm_fault_zap_pud(src, a, HM_ZAP_MREMAP);
	}
}

static void hm_fault_open(struct vm_area_struct *vma)
{
	struct hm_mapping *m = vma->vm_private_data;

	kref_get(&m->ref);
	/* In fork() the new VMA is the child's; in a split nothing moves. */
	if (vma->vm_mm == current->mm && READ_ONCE(m->used_pud) &&
	    vma->vm_end - vma->vm_start >= PUD_SIZE)
		hm_fault_moved(vma);
}

static void hm_fault_free(struct kref *ref)
{
	struct hm_mapping *m = container_of(ref, struct hm_mapping, ref);
	struct hm_chunk *chunk;
	unsigned long index;

	xa_for_each(&m->chunks, index, chunk)
		kfree(chunk);
	xa_destroy(&m->chunks);
	kfree(m);
}

static void hm_fault_close(struct vm_area_struct *vma)
{
	struct hm_mapping *m = vma->vm_private_data;

	kref_put(&m->ref, hm_fault_free);
}

/* Only where core mm loses PUD entries here: HM_COMPAT_MPROTECT_PUD. */
static int hm_fault_mprotect(struct vm_area_struct *vma, unsigned long start,
			     unsigned long end, unsigned long newflags)
{
	struct hm_mapping *m = vma->vm_private_data;
	unsigned long a;

	if (HM_COMPAT_MPROTECT_PUD || !READ_ONCE(m->used_pud))
		return 0;
	for (a = start & PUD_MASK; a < end; a += PUD_SIZE) {
		hm_fault_zap_pud(vma, a, HM_ZAP_MPROTECT);
		if (a + PUD_SIZE < a)
			break;
	}
	return 0;
}

/*
 * ptrace() and /proc/PID/mem.  generic_access_phys() refuses huge entries
 * before 6.12 and memory that is RAM, and knows nothing of our memory type.
 */
static int hm_fault_access(struct vm_area_struct *vma, unsigned long addr,
			   void *buf, int len, int write)
{
	struct hm_mapping *m = vma->vm_private_data;
	u64 pos = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start);
	ssize_t n;

	if (len <= 0 || addr < vma->vm_start || addr >= vma->vm_end)
		return -EFAULT;
	/* The core asks no more than that the VMA exists. */
	if (!(vma->vm_flags & (write ? VM_WRITE : VM_MAYREAD)))
		return -EFAULT;
	n = hm_object_copy(m->obj, pos, buf,
			   min_t(unsigned long, len, vma->vm_end - addr), write);
	return n > 0 ? n : -EFAULT;
}

static const struct vm_operations_struct hm_fault_vm_ops = {
	.open = hm_fault_open,
	.close = hm_fault_close,
	.may_split = hm_fault_may_split,
	.mprotect = hm_fault_mprotect,
	.fault = hm_fault_fault,
	.huge_fault = hm_fault_huge,
	.pfn_mkwrite = hm_fault_mkwrite,
	.access = hm_fault_access,
};

static pgprot_t hm_fault_prot(const struct hm_object *obj, pgprot_t prot)
{
	switch (obj->region->caching) {
	case DRM_HUGEMAP_CACHING_WC:
		return pgprot_writecombine(prot);
	case DRM_HUGEMAP_CACHING_UC:
		return pgprot_noncached(prot);
	default:
		return prot;
	}
}

/**
 * hm_fault_mmap - make a VMA a mapping of an object
 * @obj: object
 * @stats: counters of the open file; must live as long as @vma's file
 * @vma: from ->mmap(); vm_pgoff counts from the start of the object
 *
 * Context: mmap lock held for writing.
 * Return: 0; -EINVAL for a private mapping that is or may become writable, or
 * one that reaches behind the object; -ENODEV; -ENOMEM.
 */
int hm_fault_mmap(struct hm_object *obj, struct hm_stats *stats,
		  struct vm_area_struct *vma)
{
	unsigned long flags = VM_IO | VM_DONTEXPAND | VM_DONTDUMP | VM_HUGEPAGE;
	struct hm_mapping *m;

	/*
	 * Not "!VM_SHARED": MAP_SHARED of a file opened read-only arrives
	 * without it.
	 */
	if (hm_compat_is_cow(vma))
		return -EINVAL;
	if (vma->vm_pgoff >= obj->nr_pages ||
	    vma_pages(vma) > obj->nr_pages - vma->vm_pgoff)
		return -EINVAL;

	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;
	kref_init(&m->ref);
	xa_init(&m->chunks);
	m->obj = obj;
	m->stats = stats;

	down_read(&obj->lock);
	if (obj->dead) {
		up_read(&obj->lock);
		kfree(m);
		return -ENODEV;
	}
	flags |= obj->vma_type == DRM_HUGEMAP_VMA_MIXEDMAP ? VM_MIXEDMAP :
							     VM_PFNMAP;
	up_read(&obj->lock);

	vm_flags_set(vma, flags);
	vma->vm_page_prot = hm_fault_prot(obj, vma->vm_page_prot);
	vma->vm_private_data = m;
	vma->vm_ops = &hm_fault_vm_ops;
	return 0;
}

/**
 * hm_fault_owns - is a VMA a mapping of an object?
 * @vma: any VMA, its mmap lock or its i_mmap lock held
 * @obj: object
 */
bool hm_fault_owns(const struct vm_area_struct *vma,
		   const struct hm_object *obj)
{
	const struct hm_mapping *m = vma->vm_private_data;

	return vma->vm_ops == &hm_fault_vm_ops && m->obj == obj;
}

/**
 * hm_fault_get_unmapped_area - choose an address that allows the largest pages
 * @obj: object
 * @filp: file to be mapped
 * @addr: hint or fixed address
 * @len: bytes
 * @pgoff: page of the object
 * @flags: MAP_*
 *
 * The address is congruent with the physical address, modulo the size of the
 * largest page that the object has and @len holds.  thp_get_unmapped_area()
 * aims at the file offset and knows only PMDs.
 *
 * Return: an address or a negative errno, as ->get_unmapped_area().
 */
unsigned long hm_fault_get_unmapped_area(struct hm_object *obj,
					 struct file *filp, unsigned long addr,
					 unsigned long len, unsigned long pgoff,
					 unsigned long flags)
{
	const struct hm_extent *e = hm_object_extent(obj, pgoff);
	unsigned long phys, a;
	enum hm_level level;

	if ((flags & MAP_FIXED) || !e)
		goto plain;
	if (addr) {
		a = hm_compat_get_unmapped_area(filp, addr, len, pgoff, flags);
		if (a == (addr & PAGE_MASK) || IS_ERR_VALUE(a))
			return a;
		/* The hint is taken: any address is as good to the caller. */
	}
	phys = (e->pfn + (pgoff - e->pgoff)) << PAGE_SHIFT;
	for (level = HM_PUD; level > HM_PTE; level--) {
		unsigned long size = hm_level_size(level);

		if (READ_ONCE(obj->why[level]) || len < size ||
		    len + size < len)
			continue;
		a = hm_compat_get_unmapped_area(filp, 0, len + size, pgoff,
						flags);
		if (!IS_ERR_VALUE(a))
			return hm_order_congruent(a, phys,
						  hm_level_shift(level));
	}
plain:
	return hm_compat_get_unmapped_area(filp, addr, len, pgoff, flags);
}

/* The slot of @addr as in struct hm_fault, where memory and VMA are congruent. */
static bool hm_fault_slot_of(const struct vm_area_struct *vma,
			     unsigned long addr, unsigned long *slot)
{
	const struct hm_mapping *m = vma->vm_private_data;
	unsigned long pgoff = linear_page_index((struct vm_area_struct *)vma,
						addr);
	const struct hm_extent *e = hm_object_extent(m->obj, pgoff);

	if (!e)
		return false;
	*slot = (e->pfn + (pgoff - e->pgoff) -
		 ((addr & ~PMD_MASK) >> PAGE_SHIFT)) >> PMD_ORDER;
	return true;
}

/**
 * hm_fault_set_cap - limit the order of a part of a mapping
 * @vma: a mapping (hm_fault_owns())
 * @start: first virtual address
 * @end: virtual address behind the range, inside @vma
 * @max_order: largest order from now on
 *
 * Larger entries in the range are zapped.
 *
 * Context: mmap lock held.
 * Return: 0, or -ENOMEM without effect.
 */
int hm_fault_set_cap(struct vm_area_struct *vma, unsigned long start,
		     unsigned long end, unsigned int max_order)
{
	struct hm_mapping *m = vma->vm_private_data;
	bool no_pud = max_order < PUD_ORDER, no_pmd = max_order < PMD_ORDER;
	unsigned long a, slot, zap_start, zap_end;
	struct hm_chunk *chunk;
	bool lowered = false;

	mmap_assert_locked(vma->vm_mm);

	/* Allocate before anything changes. */
	for (a = start & PMD_MASK; no_pud && a < end; a += PMD_SIZE)
		if (hm_fault_slot_of(vma, max(a, start), &slot) &&
		    !hm_fault_chunk(m, slot, true))
			return -ENOMEM;

	down_write(&m->obj->lock);
	for (a = start & PMD_MASK; a < end; a += PMD_SIZE) {
		unsigned long bit;

		if (!hm_fault_slot_of(vma, max(a, start), &slot))
			continue;
		chunk = hm_fault_chunk(m, slot, false);
		if (!chunk)
			continue;
		bit = slot % PTRS_PER_PMD;
		lowered |= no_pud > chunk->no_pud ||
			   no_pmd > test_bit(bit, chunk->no_pmd);
		chunk->no_pud = no_pud;
		__assign_bit(bit, chunk->no_pmd, no_pmd);
	}
	if (lowered) {
		/* Whole units: a part of an entry cannot be zapped. */
		zap_start = start & PUD_MASK;
		zap_start = max(zap_start, vma->vm_start);
		zap_end = ((end - 1) | ~PUD_MASK) + 1;
		if (!zap_end || zap_end > vma->vm_end)
			zap_end = vma->vm_end;
		hm_compat_zap_vma(vma, zap_start, zap_end - zap_start);
		atomic64_inc(&m->obj->stats.zap[HM_ZAP_CAP]);
		atomic64_inc(&m->stats->zap[HM_ZAP_CAP]);
		trace_hugemap_zap(m->obj->region->id, HM_ZAP_CAP, zap_start,
				  zap_end - zap_start);
	}
	up_write(&m->obj->lock);
	return 0;
}
