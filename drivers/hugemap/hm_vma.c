// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: what happens to a VMA besides faults.
 */
#include <linux/interval_tree_generic.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "hm_dirty.h"
#include "hm_fault.h"
#include "hm_object.h"
#include "hm_order.h"
#include "hm_ptwalk.h"
#include "hm_trace.h"
#include "hm_vma.h"

static const struct vm_operations_struct hm_vma_ops;

/* Off: leave all of it to core mm, for the tests of mm-patches/. */
static bool hm_vma_hooks = true;
module_param_named_unsafe(hooks, hm_vma_hooks, bool, 0444);
MODULE_PARM_DESC(hooks,
		 "take huge entries away before this kernel would lose them (default: on; off: users can crash a kernel that does)");

/**
 * hm_vma_chunk - limits on the part of a mapping that a PMD slot is in
 * @m: mapping
 * @slot: page frame at the start of the slot, in PMD units
 * @create: make it if it is not there
 *
 * Context: may sleep if @create.
 * Return: the chunk; NULL if it is not there or there is no memory.
 */
struct hm_chunk *hm_vma_chunk(struct hm_mapping *m, unsigned long slot,
			      bool create)
{
	unsigned long index = slot / PTRS_PER_PMD;
	struct hm_chunk *chunk, *old;

	/* Almost always, and in each fault. */
	if (!create && xa_empty(&m->chunks))
		return NULL;
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

/**
 * hm_vma_count_zap - entries of a mapping were taken away
 * @m: mapping
 * @why: for the counters
 */
void hm_vma_count_zap(struct hm_mapping *m, enum hm_zap why)
{
	atomic64_inc(&m->obj->region->stats.zap[why]);
	if (m->stats)
		atomic64_inc(&m->stats->zap[why]);
}

/* Zap a part of a mapping, in whole units: a part of an entry cannot be. */
static void hm_vma_zap_units(struct vm_area_struct *vma, unsigned long start,
			     unsigned long end, enum hm_zap why)
{
	struct hm_mapping *m = vma->vm_private_data;

	lockdep_assert_held(&m->obj->lock);
	start = max(start & PUD_MASK, vma->vm_start);
	end = ((end - 1) | ~PUD_MASK) + 1;
	if (!end || end > vma->vm_end)
		end = vma->vm_end;
	hm_compat_zap_vma(vma, start, end - start);
	hm_vma_count_zap(m, why);
	trace_hugemap_zap(m->obj->region->id, why, start, end - start);
}

/* Zap the PUD entry that maps @addr in @vma, if it is one. */
static void hm_vma_zap_pud(struct vm_area_struct *vma, unsigned long addr,
			   enum hm_zap why)
{
	struct hm_mapping *m = vma->vm_private_data;
	unsigned long start = addr & PUD_MASK;
	struct hm_ptwalk_entry e;

	lockdep_assert_held_write(&vma->vm_mm->mmap_lock);
	/* "- 1": the unit at the top of the address space ends at 0. */
	if (start < vma->vm_start || start + (PUD_SIZE - 1) > vma->vm_end - 1)
		return;
	hm_ptwalk_addr(vma->vm_mm, start, &e);
	if (!e.present || e.level != HM_PUD)
		return;
	/* A SYNC that finds the entry gone must find it gone from the TLBs. */
	down_read(&m->obj->lock);
	hm_compat_zap_vma(vma, start, PUD_SIZE);
	up_read(&m->obj->lock);
	hm_vma_count_zap(m, why);
	trace_hugemap_zap(m->obj->region->id, why, start, PUD_SIZE);
}

/*
 * Core mm is about to cut @vma at @addr.  Up to 7.3, but for 6.12.118, it takes a
 * PUD entry for a page table (mm/huge_memory.c vma_adjust_trans_huge() ->
 * mm/rmap.c mm_find_pmd()) and crashes, or, at a PMD boundary, leaves the entry
 * straddling two VMAs.
 */
static int hm_vma_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	struct hm_mapping *m = vma->vm_private_data;

	if (HM_COMPAT_SPLIT_PUD || !hm_vma_hooks || !(addr & ~PUD_MASK))
		return 0;
	/*
	 * First wait for faults under the VMA lock: one of them may be about
	 * to insert the first PUD entry.  None comes in before the cut.
	 */
	hm_compat_vma_start_write(vma);
	if (m->used_pud)
		hm_vma_zap_pud(vma, addr, HM_ZAP_SPLIT);
	return 0;
}

static int hm_vma_is_pmd(const struct hm_ptwalk_entry *e, void *data)
{
	struct hm_ptwalk_entry *found = data;

	if (!e->present || e->level != HM_PMD)
		return 0;
	*found = *e;
	return 1;
}

/* Zap the PMD entries of a range, none of which reaches beyond it. */
static void hm_vma_zap_pmds(struct vm_area_struct *vma, unsigned long addr,
			    unsigned long to, enum hm_zap why)
{
	struct hm_mapping *m = vma->vm_private_data;
	struct hm_ptwalk_entry e = {};
	struct hm_ptwalk walk = {
		.fn = hm_vma_is_pmd,
		.data = &e,
		.huge = true,
	};
	unsigned long end;

	lockdep_assert_held_write(&vma->vm_mm->mmap_lock);
	/* A SYNC that finds an entry gone must find it gone from the TLBs. */
	down_read(&m->obj->lock);
	for (; hm_ptwalk_range(vma->vm_mm, addr, to, &walk); addr = end) {
		/* And the others of its table: one TLB flush. */
		end = min((e.start | ~PUD_MASK) + 1, to);
		hm_compat_zap_vma(vma, e.start, end - e.start);
		hm_vma_count_zap(m, why);
		trace_hugemap_zap(m->obj->region->id, why, e.start,
				  end - e.start);
	}
	up_read(&m->obj->lock);
}

/*
 * mremap() is about to move entries into @vma, a copy of the VMA it moves them
 * from.  It takes PUD entries for bad ones and clears them without a TLB flush
 * (mm/mremap.c get_old_pud()), so zap them first.  Up to 6.11 it takes a PMD
 * entry that is zapped meanwhile for a page table, at address 0 (move_normal_pmd(),
 * move_ptes()): let none be there.  No fault on the source comes in between.
 */
static void hm_vma_moved(struct vm_area_struct *vma)
{
	unsigned long addr = 0;
	struct vm_area_struct *src;

	lockdep_assert_held_write(&vma->vm_mm->mmap_lock);
	/* A split: what is cut is still whole. */
	if (vma_lookup(vma->vm_mm, vma->vm_start))
		return;
	for (; (src = find_vma(vma->vm_mm, addr)); addr = src->vm_end) {
		unsigned long from, to, a;

		if (src->vm_ops != &hm_vma_ops ||
		    src->vm_private_data != vma->vm_private_data)
			continue;
		from = max(src->vm_pgoff, vma->vm_pgoff);
		to = min(src->vm_pgoff + vma_pages(src),
			 vma->vm_pgoff + vma_pages(vma));
		if (from >= to)
			continue;
		from = src->vm_start + ((from - src->vm_pgoff) << PAGE_SHIFT);
		to = src->vm_start + ((to - src->vm_pgoff) << PAGE_SHIFT);
		hm_compat_vma_start_write(src);
		/* A move of less than a PUD cut the source before (may_split). */
		for (a = ALIGN(from, PUD_SIZE);
		     a >= from && a < to && to - a >= PUD_SIZE; a += PUD_SIZE)
			hm_vma_zap_pud(src, a, HM_ZAP_MREMAP);
		/* One of less than a PMD did not. */
		if (!HM_COMPAT_MREMAP_PMD)
			hm_vma_zap_pmds(src, max(from & PMD_MASK, src->vm_start),
					min(ALIGN(to, PMD_SIZE), src->vm_end),
					HM_ZAP_MREMAP);
	}
}

/*
 * fork() is about to copy the entries of the VMA that @vma is a copy of.  A PMD
 * entry that somebody takes away while it is copied would live on in the child,
 * and nobody would know (HM_COMPAT_FORK_PMD): let none be there.  No fault on the
 * source comes in between, and both find theirs again by one fault each.
 */
static void hm_vma_forked(struct vm_area_struct *vma)
{
	struct vm_area_struct *src = vma_lookup(current->mm, vma->vm_start);

	if (src && src->vm_ops == &hm_vma_ops &&
	    src->vm_private_data == vma->vm_private_data)
		hm_vma_zap_pmds(src, vma->vm_start, src->vm_end, HM_ZAP_FORK);
}

static void hm_vma_open(struct vm_area_struct *vma)
{
	struct hm_mapping *m = vma->vm_private_data;

	kref_get(&m->ref);
	/* In fork() the new VMA is the child's; in a split nothing moves. */
	if (vma->vm_mm != current->mm) {
		if (HM_COMPAT_FORK_PMD && hm_vma_hooks)
			hm_vma_forked(vma);
	} else if (hm_vma_hooks &&
		   (!HM_COMPAT_MREMAP_PMD ||
		    (!HM_COMPAT_MREMAP_PUD && READ_ONCE(m->used_pud) &&
		     vma->vm_end - vma->vm_start >= PUD_SIZE))) {
		hm_vma_moved(vma);
	}
}

static void hm_vma_free(struct kref *ref)
{
	struct hm_mapping *m = container_of(ref, struct hm_mapping, ref);
	struct hm_chunk *chunk;
	unsigned long index;

	xa_for_each(&m->chunks, index, chunk)
		kfree(chunk);
	xa_destroy(&m->chunks);
	m->obj->ops->put(m->obj);
	kvfree(m);
}

static void hm_vma_close(struct vm_area_struct *vma)
{
	struct hm_mapping *m = vma->vm_private_data;

	kref_put(&m->ref, hm_vma_free);
}

/*
 * What was mapped while nothing could be written is read-only, and would stay so
 * where a tracker wants no such entries.
 */
static void hm_vma_made_writable(struct vm_area_struct *vma,
				 unsigned long start, unsigned long end)
{
	struct hm_mapping *m = vma->vm_private_data;

	hm_compat_vma_start_write(vma);
	down_read(&m->obj->lock);
	if (hm_dirty_wants_writable(m->obj))
		hm_vma_zap_units(vma, start, end, HM_ZAP_MPROTECT);
	up_read(&m->obj->lock);
}

/*
 * Where core mm loses PUD entries here (HM_COMPAT_MPROTECT_PUD).  And with
 * PROT_NONE, unless core mm is patched for both: on x86 such an entry is not
 * pud_present(), unlike a PMD entry, and the next mprotect() warns
 * (arch/x86/mm/pgtable.c pudp_invalidate()).
 */
static int hm_vma_mprotect(struct vm_area_struct *vma, unsigned long start,
			   unsigned long end, unsigned long newflags)
{
	struct hm_mapping *m = vma->vm_private_data;
	unsigned long a;

	if (newflags & VM_WRITE && !(vma->vm_flags & VM_WRITE))
		hm_vma_made_writable(vma, start, end);
	if (!hm_vma_hooks || HM_COMPAT_MREMAP_PUD ||
	    (HM_COMPAT_MPROTECT_PUD &&
	     newflags & (VM_READ | VM_WRITE | VM_EXEC)))
		return 0;
	hm_compat_vma_start_write(vma);
	if (!m->used_pud)
		return 0;
	for (a = start & PUD_MASK; a < end; a += PUD_SIZE) {
		hm_vma_zap_pud(vma, a, HM_ZAP_MPROTECT);
		if (a + PUD_SIZE < a)
			break;
	}
	return 0;
}

/*
 * ptrace() and /proc/PID/mem.  generic_access_phys() refuses huge entries
 * before 6.12 and memory that is RAM, and knows nothing of our memory type.
 */
static int hm_vma_access(struct vm_area_struct *vma, unsigned long addr,
			 void *buf, int len, int write)
{
	struct hm_mapping *m = vma->vm_private_data;
	u64 pos = ((u64)(vma->vm_pgoff - m->obj->pgoff) << PAGE_SHIFT) +
		  (addr - vma->vm_start);
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

static vm_fault_t hm_vma_fault(struct vm_fault *vmf)
{
	return hm_fault_order(vmf, 0);
}

HM_DEFINE_HUGE_FAULT(hm_vma_huge_fault, hm_fault_order)

static const struct vm_operations_struct hm_vma_ops = {
	.open = hm_vma_open,
	.close = hm_vma_close,
	.may_split = hm_vma_may_split,
	.mprotect = hm_vma_mprotect,
	.fault = hm_vma_fault,
	.huge_fault = hm_vma_huge_fault,
	.pfn_mkwrite = hm_fault_mkwrite,
	.access = hm_vma_access,
};

/**
 * hm_vma_prot - the protection that gives a region its memory type
 * @region: region
 * @prot: what it is to be otherwise
 */
pgprot_t hm_vma_prot(const struct hm_region *region, pgprot_t prot)
{
	/*
	 * With memory encryption the kernel maps what is not its RAM decrypted
	 * (ioremap(), memremap()), and so must we; as vfio_pci_core_mmap().
	 */
	if (!region->has_pages || region->spec.type == DRM_HUGEMAP_REGION_PCI)
		prot = pgprot_decrypted(prot);
	switch (region->caching) {
	case DRM_HUGEMAP_CACHING_WC:
		return pgprot_writecombine(prot);
	case DRM_HUGEMAP_CACHING_UC:
		return pgprot_noncached(prot);
	default:
		return prot;
	}
}

/* A page more than whole units may lie in two more: a part at either end. */
static unsigned long hm_vma_units(unsigned long pages, unsigned int order)
{
	return (pages >> order) + 2;
}

static struct hm_mapping *hm_vma_alloc(unsigned long pages)
{
	size_t pmds = BITS_TO_LONGS(hm_vma_units(pages, PMD_ORDER));
	size_t puds = BITS_TO_LONGS(hm_vma_units(pages, PUD_ORDER));
	struct hm_mapping *m;

	m = kvzalloc(struct_size(m, seen, pmds + 2 * puds),
		     GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (m) {
		m->seen_pud = m->seen + pmds;
		m->seen_smaller = m->seen_pud + puds;
	}
	return m;
}

/**
 * hm_vma_seen - a unit of a mapping is filled
 * @m: mapping
 * @pgoff: page of the object in it
 * @vpn: where that page is mapped, virtual page number
 * @level: of the entry; HM_PTE for a batch in the PMD-sized unit
 *
 * Return: was it, or some of it, filled before?
 */
bool hm_vma_seen(struct hm_mapping *m, unsigned long pgoff, unsigned long vpn,
		 enum hm_level level)
{
	const unsigned long pmd = 1UL << PMD_ORDER, pud = 1UL << PUD_ORDER;
	/* A unit begins up to a page less than its size before @first. */
	unsigned long in = pgoff - m->first;
	unsigned long big = (in + pud - (vpn & (pud - 1))) >> PUD_ORDER;
	unsigned long unit = (in + pmd - (vpn & (pmd - 1))) >> PMD_ORDER;

	if (level == HM_PUD)
		return test_and_set_bit(big, m->seen_pud) ||
		       test_bit(big, m->seen_smaller);
	if (!test_bit(big, m->seen_smaller))
		set_bit(big, m->seen_smaller);
	return test_and_set_bit(unit, m->seen) || test_bit(big, m->seen_pud);
}

/**
 * hm_vma_mmap - make a VMA a mapping of an object
 * @obj: object; the mapping takes a reference
 * @stats: counters of the open file; must live as long as @vma's file; or NULL
 * @vma: from ->mmap(); its file is in &hm_object.mapping
 *
 * Context: mmap lock held for writing.
 * Return: 0; -EINVAL for a private mapping that is or may become writable, or
 * one that reaches behind the object; -ENODEV; -ENOMEM.
 */
int hm_vma_mmap(struct hm_object *obj, struct hm_stats *stats,
		struct vm_area_struct *vma)
{
	unsigned long flags = VM_IO | VM_DONTEXPAND | VM_DONTDUMP | VM_HUGEPAGE;
	unsigned long pgoff = vma->vm_pgoff - obj->pgoff;
	struct hm_mapping *m;

	/*
	 * Not "!VM_SHARED": MAP_SHARED of a file opened read-only arrives
	 * without it.
	 */
	if (hm_compat_is_cow(vma))
		return -EINVAL;
	if (vma->vm_pgoff < obj->pgoff || pgoff >= obj->nr_pages ||
	    vma_pages(vma) > obj->nr_pages - pgoff)
		return -EINVAL;

	m = hm_vma_alloc(vma_pages(vma));
	if (!m)
		return -ENOMEM;
	kref_init(&m->ref);
	xa_init(&m->chunks);
	m->first = pgoff;
	m->obj = obj;
	m->stats = stats;

	down_read(&obj->lock);
	if (obj->dead) {
		up_read(&obj->lock);
		kvfree(m);
		return -ENODEV;
	}
	flags |= obj->vma_type == DRM_HUGEMAP_VMA_MIXEDMAP ? VM_MIXEDMAP :
							     VM_PFNMAP;
	up_read(&obj->lock);

	obj->ops->get(obj);
	vm_flags_set(vma, flags);
	vma->vm_page_prot = hm_vma_prot(obj->region, vma->vm_page_prot);
	vma->vm_private_data = m;
	vma->vm_ops = &hm_vma_ops;
	return 0;
}

static unsigned long hm_vma_tree_start(struct vm_area_struct *vma)
{
	return vma->vm_pgoff;
}

static unsigned long hm_vma_tree_last(struct vm_area_struct *vma)
{
	return vma->vm_pgoff + vma_pages(vma) - 1;
}

/*
 * mm/interval_tree.c has the same and does not export it; what changes the tree
 * is not used here.
 */
INTERVAL_TREE_DEFINE(struct vm_area_struct, shared.rb, unsigned long,
		     shared.rb_subtree_last, hm_vma_tree_start,
		     hm_vma_tree_last, static __maybe_unused, hm_vma_tree)

/**
 * hm_vma_first - the first VMA of a part of an address space
 * @mapping: with its i_mmap lock held
 * @first: first page
 * @last: last page; ULONG_MAX for all
 *
 * Return: VMA for hm_vma_next(), or NULL.
 */
struct vm_area_struct *hm_vma_first(struct address_space *mapping,
				    unsigned long first, unsigned long last)
{
	return hm_vma_tree_iter_first(&mapping->i_mmap, first, last);
}

/**
 * hm_vma_next - the next VMA of a part of an address space
 * @vma: of hm_vma_first() or this, the i_mmap lock held since
 * @first: as of hm_vma_first()
 * @last: as of hm_vma_first()
 *
 * They come in the order in which rmap walks of core mm visit them.
 *
 * Return: VMA or NULL.
 */
struct vm_area_struct *hm_vma_next(struct vm_area_struct *vma,
				   unsigned long first, unsigned long last)
{
	return hm_vma_tree_iter_next(vma, first, last);
}

/**
 * hm_vma_object - what a VMA is a mapping of
 * @vma: any VMA, its mmap lock or its i_mmap lock held
 *
 * Return: the object, which the VMA keeps, or NULL.
 */
struct hm_object *hm_vma_object(const struct vm_area_struct *vma)
{
	const struct hm_mapping *m = vma->vm_private_data;

	return vma->vm_ops == &hm_vma_ops ? m->obj : NULL;
}

/**
 * hm_vma_get_unmapped_area - choose an address that allows the largest pages
 * @obj: object
 * @filp: file to be mapped
 * @addr: hint or fixed address
 * @len: bytes
 * @pgoff: as in the VMA to be
 * @flags: MAP_*
 *
 * The address is congruent with the physical address, modulo the size of the
 * largest page that the object has and @len holds.  thp_get_unmapped_area()
 * aims at the file offset and knows only PMDs.
 *
 * Return: an address or a negative errno, as ->get_unmapped_area().
 */
unsigned long hm_vma_get_unmapped_area(struct hm_object *obj,
				       struct file *filp, unsigned long addr,
					 unsigned long len, unsigned long pgoff,
					 unsigned long flags)
{
	unsigned long page = pgoff - obj->pgoff;
	const struct hm_extent *e = hm_object_extent(obj, page);
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
	phys = (e->pfn + (page - e->pgoff)) << PAGE_SHIFT;
	for (level = HM_PUD; level > HM_PTE; level--) {
		unsigned long size = hm_level_size(level);

		if (len < size || len + size < len)
			continue;
		/* PMD alignment is for base pages too: their batches. */
		if (level == HM_PUD && READ_ONCE(obj->why[level]))
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
static bool hm_vma_slot_of(const struct vm_area_struct *vma,
			   unsigned long addr, unsigned long *slot)
{
	const struct hm_mapping *m = vma->vm_private_data;
	unsigned long pgoff = linear_page_index((struct vm_area_struct *)vma,
						addr) - m->obj->pgoff;
	const struct hm_extent *e = hm_object_extent(m->obj, pgoff);

	if (!e)
		return false;
	*slot = (e->pfn + (pgoff - e->pgoff) -
		 ((addr & ~PMD_MASK) >> PAGE_SHIFT)) >> PMD_ORDER;
	return true;
}

/**
 * hm_vma_reserve_cap - allocate what hm_vma_set_cap() needs
 * @vma: a mapping (hm_vma_object())
 * @start: first virtual address
 * @end: virtual address behind the range, inside @vma
 *
 * Context: mmap lock held.
 * Return: 0 or -ENOMEM.
 */
int hm_vma_reserve_cap(struct vm_area_struct *vma, unsigned long start,
		       unsigned long end)
{
	struct hm_mapping *m = vma->vm_private_data;
	unsigned long a, slot;

	lockdep_assert_held(&vma->vm_mm->mmap_lock);
	for (a = start & PMD_MASK; a < end; a += PMD_SIZE)
		if (hm_vma_slot_of(vma, max(a, start), &slot) &&
		    !hm_vma_chunk(m, slot, true))
			return -ENOMEM;
	return 0;
}

static int hm_vma_above(const struct hm_ptwalk_entry *e, void *data)
{
	enum hm_level *largest = data;

	return e->present && e->level > *largest;
}

/**
 * hm_vma_set_cap - limit the order of a part of a mapping
 * @vma: a mapping (hm_vma_object())
 * @start: first virtual address
 * @end: virtual address behind the range, inside @vma
 * @max_order: largest order from now on; below the PUD order only after
 *	hm_vma_reserve_cap()
 *
 * If the range holds larger entries, it is zapped.  Other processes that share
 * the mapping through fork() keep theirs until they fault on them or call this.
 *
 * Context: mmap lock held.
 */
void hm_vma_set_cap(struct vm_area_struct *vma, unsigned long start,
		    unsigned long end, unsigned int max_order)
{
	struct hm_mapping *m = vma->vm_private_data;
	bool no_pud = max_order < PUD_ORDER, no_pmd = max_order < PMD_ORDER;
	enum hm_level largest = no_pmd ? HM_PTE : no_pud ? HM_PMD : HM_PUD;
	struct hm_ptwalk walk = {
		.fn = hm_vma_above,
		.data = &largest,
		.huge = true,
	};
	unsigned long a, bit, slot;
	struct hm_chunk *chunk;

	lockdep_assert_held(&vma->vm_mm->mmap_lock);
	down_write(&m->obj->lock);
	/* Without a cap there is none to lift. */
	for (a = start & PMD_MASK; a < end && !xa_empty(&m->chunks);
	     a += PMD_SIZE) {
		if (!hm_vma_slot_of(vma, max(a, start), &slot))
			continue;
		chunk = hm_vma_chunk(m, slot, false);
		if (!chunk)
			continue;
		bit = slot % PTRS_PER_PMD;
		__assign_bit(bit, chunk->no_pud, no_pud);
		__assign_bit(bit, chunk->no_pmd, no_pmd);
	}
	if (hm_ptwalk_range(vma->vm_mm, start, end, &walk))
		hm_vma_zap_units(vma, start, end, HM_ZAP_CAP);
	up_write(&m->obj->lock);
}
