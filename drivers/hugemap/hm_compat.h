/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel differences.  The only file with version tests.
 *
 * The driver is written against the newest kernel; each block emulates one
 * thing on older ones and names the release that changed it, newest first, so
 * that dropping a kernel deletes a tail of the file.  Force-included by Kbuild.
 */
#ifndef _HM_COMPAT_H_
#define _HM_COMPAT_H_

/* Before anything includes printk.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "hugemap needs Linux 6.1 or later"
#endif

#include <linux/device/class.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/platform_device.h>
#include <linux/sched/mm.h>

#ifdef CONFIG_X86
#include <asm/cpufeature.h>
#include <asm/processor.h>
#endif

/*
 * The series of mm-patches/ says in include/linux/huge_mm.h what core mm takes
 * care of, each a HUGE_SPECIAL_* macro.  Nothing is guessed from versions.
 */
#ifdef HUGE_SPECIAL_SPLIT
#define HM_COMPAT_SPLIT_PUD	true
#else
#define HM_COMPAT_SPLIT_PUD	false
#endif
#ifdef HUGE_SPECIAL_MREMAP
#define HM_COMPAT_MREMAP_PUD	true
#else
#define HM_COMPAT_MREMAP_PUD	false
#endif
#ifdef HUGE_SPECIAL_WALK
#define HM_COMPAT_WALK		true
#else
#define HM_COMPAT_WALK		false
#endif

#ifdef HUGE_SPECIAL_COLLAPSE
#define HM_COMPAT_COLLAPSE	true
#else
#define HM_COMPAT_COLLAPSE	false
#endif

/*
 * Free the page tables under a mapping, with the mmap lock held for writing;
 * -EOPNOTSUPP where core mm cannot.
 */
static inline int hm_compat_collapse(struct vm_area_struct *vma)
{
#ifdef HUGE_SPECIAL_COLLAPSE
	return collapse_special_range(vma, vma->vm_start, vma->vm_end,
				      HPAGE_PMD_NR);
#else
	return -EOPNOTSUPP;
#endif
}

/*
 * What this kernel does with huge entries of special VMAs.  One row per kind
 * of memory: without struct pages, with struct pages.
 *
 * @mixedmap: every page table walker is safe with VM_MIXEDMAP | VM_IO
 * @pmd: PMD entries are safe whatever a user does
 *
 * 7.3: the walkers use vm_normal_folio_pmd() (mm/mempolicy.c
 *	queue_folios_pmd(), fs/proc/task_mmu.c, mm/madvise.c): safe for all.
 * 6.12: pagemap, clear_refs, MADV_COLD, MADV_PAGEOUT and
 *	mbind(MPOL_MF_STRICT) take the struct page of a special PMD entry (seen
 *	to crash 7.2.12 as well).  All but mbind skip VM_PFNMAP.
 * 6.1: the same, and MADV_COLD and MADV_PAGEOUT take a device PMD entry of a
 *	VM_MIXEDMAP VMA for a bad one and clear it (mm/madvise.c
 *	madvise_cold_or_pageout_pte_range(), pmd_trans_unstable()).
 */
struct hm_compat_policy {
	bool mixedmap;
	bool pmd;
};

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0) || defined(HUGE_SPECIAL_WALK)
#define HM_COMPAT_POLICY	{ { true, true }, { true, true } }
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define HM_COMPAT_POLICY	{ { false, false }, { true, true } }
#else
#define HM_COMPAT_POLICY	{ { false, false }, { false, true } }
#endif

/*
 * Does the transparent hugepage setting of the system apply?  Since 7.0 and
 * 6.12.115 not to VM_PFNMAP (mm/huge_memory.c vma_file_bypass_thp_tuneables());
 * before 6.7 not to DAX files, which is what the driver presents itself as.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0) || \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 115) && \
	 LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0))
#define HM_COMPAT_THP_POLICY_PFNMAP	false
#define HM_COMPAT_THP_POLICY_MIXEDMAP	true
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0) || defined(HUGE_SPECIAL_FAULT)
#define HM_COMPAT_THP_POLICY_PFNMAP	true
#define HM_COMPAT_THP_POLICY_MIXEDMAP	true
#else
#define HM_COMPAT_THP_POLICY_PFNMAP	false
#define HM_COMPAT_THP_POLICY_MIXEDMAP	false
#endif

/* 7.3: is_cow_mapping() became vma_is_cow_mapping() */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
#define hm_compat_is_cow(vma)	vma_is_cow_mapping(vma)
#else
#define hm_compat_is_cow(vma)	is_cow_mapping((vma)->vm_flags)
#endif

/*
 * 7.x: zap_vma_ptes() became zap_special_vma_range(), which takes VM_MIXEDMAP
 * too; zap_vma_ptes() silently ignores it, and only since 6.12 there is an
 * exported zap_page_range_single() (6.1 maps nothing VM_MIXEDMAP).
 */
static inline void hm_compat_zap_vma(struct vm_area_struct *vma,
				     unsigned long start, unsigned long size)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	zap_special_vma_range(vma, start, size);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	zap_page_range_single(vma, start, size, NULL);
#else
	zap_vma_ptes(vma, start, size);
#endif
}

/* 7.x: mm_get_unmapped_area() lost its mm; 6.10: it replaced an mm operation */
static inline unsigned long
hm_compat_get_unmapped_area(struct file *filp, unsigned long addr,
			    unsigned long len, unsigned long pgoff,
			    unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	return mm_get_unmapped_area(filp, addr, len, pgoff, flags);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	return mm_get_unmapped_area(current->mm, filp, addr, len, pgoff, flags);
#else
	return current->mm->get_unmapped_area(filp, addr, len, pgoff, flags);
#endif
}

/*
 * 7.x: pfn_t is gone.  6.12: PMD and PUD entries have a special bit, which
 * gup-fast refuses.  Before, device entries whose page frame has no page map
 * are the ones that gup-fast refuses (mm/gup.c __gup_device_huge).
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define hm_compat_pfn(pfn)	(pfn)
#else
#include <linux/pfn_t.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0) || defined(HUGE_SPECIAL_WALK)
#define hm_compat_pfn(pfn)	pfn_to_pfn_t(pfn)
#else
#define hm_compat_pfn(pfn)	__pfn_to_pfn_t((pfn), PFN_DEV | PFN_MAP)
#endif
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0) || defined(HUGE_SPECIAL_WALK)
#define HM_COMPAT_SPECIAL	true
#else
#define HM_COMPAT_SPECIAL	false
#endif

/*
 * 6.12: change_huge_pud() (mm/huge_memory.c).  Before, mprotect() takes a PUD
 * entry for a bad one and clears it without a TLB flush.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define HM_COMPAT_MPROTECT_PUD	true
#else
#define HM_COMPAT_MPROTECT_PUD	false
#endif

/*
 * 6.12: mremap() looks again at a PMD entry under its lock (mm/mremap.c
 * move_normal_pmd()).  Before, one that is zapped by way of the rmap meanwhile
 * is moved as if it were a page table: the one at physical address 0.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0) || \
	defined(HUGE_SPECIAL_MREMAP_PMD)
#define HM_COMPAT_MREMAP_PMD	true
#else
#define HM_COMPAT_MREMAP_PMD	false
#endif

/*
 * 6.12: fork() copies special PMD entries, and reads them before it takes a lock
 * (mm/huge_memory.c copy_huge_pmd()).
 */
#ifdef HUGE_SPECIAL_FORK
#define HM_COMPAT_FORK_PMD	false
#else
#define HM_COMPAT_FORK_PMD	HM_COMPAT_SPECIAL
#endif

/* 6.14: drm_driver.date is gone.  6.13: the name of a namespace is a string */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define HM_COMPAT_DRM_DATE
#else
#define HM_COMPAT_DRM_DATE	.date = "20261121",
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define HM_COMPAT_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS("DMA_BUF")
#else
#define HM_COMPAT_IMPORT_NS_DMA_BUF	MODULE_IMPORT_NS(DMA_BUF)
#endif

/* 7.x: dma_buf_move_notify() and its callback were renamed; see Kbuild */
#ifdef HM_HAVE_DMA_BUF_INVALIDATE
#define HM_COMPAT_INVALIDATE_MAPPINGS		invalidate_mappings
#define hm_compat_dma_buf_invalidate(d)		dma_buf_invalidate_mappings(d)
#else
#define HM_COMPAT_INVALIDATE_MAPPINGS		move_notify
#define hm_compat_dma_buf_invalidate(d)		dma_buf_move_notify(d)
#endif

/*
 * 6.12: DRM files must say that offsets are unsigned.  Before, drm_open() says
 * so itself.
 */
#ifdef FOP_UNSIGNED_OFFSET
#define HM_COMPAT_DRM_FOPS	.fop_flags = FOP_UNSIGNED_OFFSET,
#else
#define HM_COMPAT_DRM_FOPS
#endif

/*
 * 6.6: PRIME works without these.  6.5: fdinfo of DRM clients; before, each
 * driver prints it all itself.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define HM_COMPAT_DRM_PRIME
#else
#define HM_COMPAT_DRM_PRIME \
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd, \
	.prime_fd_to_handle = drm_gem_prime_fd_to_handle,
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define HM_COMPAT_DRM_FDINFO		true
#define HM_COMPAT_DRM_SHOW_FDINFO(fn)	.show_fdinfo = fn,
#else
#define HM_COMPAT_DRM_FDINFO		false
#define HM_COMPAT_DRM_SHOW_FDINFO(fn)
struct seq_file;
static inline void drm_show_fdinfo(struct seq_file *m, struct file *filp) { }
#endif

/* 6.11: platform_driver.remove returns nothing */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define HM_DEFINE_PLATFORM_REMOVE(name, fn) \
	static void name(struct platform_device *pdev) { fn(pdev); }
#else
#define HM_DEFINE_PLATFORM_REMOVE(name, fn) \
	static int name(struct platform_device *pdev) { fn(pdev); return 0; }
#endif

/* 6.8: eventfd_signal() always adds 1 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define hm_compat_eventfd_signal(ctx)	eventfd_signal(ctx)
#else
#define hm_compat_eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

/*
 * 6.7: the fault path asks huge_fault() of every VMA that has it.  From 6.0 on
 * it asked only for DAX files (mm/huge_memory.c hugepage_vma_check).
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0) || defined(HUGE_SPECIAL_FAULT)
#define HM_COMPAT_DAX_GATE	false
#else
#define HM_COMPAT_DAX_GATE	true
#if !IS_ENABLED(CONFIG_FS_DAX)
#warning "without CONFIG_FS_DAX this kernel maps base pages only"
#endif
#endif

/* 6.6: huge_fault() takes an order; PMD_ORDER and PUD_ORDER are generic */
#ifndef PMD_ORDER
#define PMD_ORDER	(PMD_SHIFT - PAGE_SHIFT)
#endif
#ifndef PUD_ORDER
#define PUD_ORDER	(PUD_SHIFT - PAGE_SHIFT)
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define HM_DEFINE_HUGE_FAULT(name, fn) \
	static vm_fault_t name(struct vm_fault *vmf, unsigned int order) \
	{ return fn(vmf, order); }
#else
#define HM_DEFINE_HUGE_FAULT(name, fn) \
	static vm_fault_t name(struct vm_fault *vmf, enum page_entry_size size) \
	{ \
		return fn(vmf, size == PE_SIZE_PUD ? PUD_ORDER : \
			       size == PE_SIZE_PMD ? PMD_ORDER : 0); \
	}
#endif

/* 6.6: these take the VMA; the variants without kept their meaning */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define hm_compat_pte_mkwrite(pte)	pte_mkwrite_novma(pte)
#define hm_compat_pmd_mkwrite(pmd)	pmd_mkwrite_novma(pmd)
#else
#define hm_compat_pte_mkwrite(pte)	pte_mkwrite(pte)
#define hm_compat_pmd_mkwrite(pmd)	pmd_mkwrite(pmd)
#endif

/* 6.4: per-VMA locks; class_create() lost its owner */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define hm_compat_vma_start_write(vma)	vma_start_write(vma)
#define hm_compat_class_create(name)	class_create(name)
#else
#define hm_compat_vma_start_write(vma) \
	lockdep_assert_held_write(&(vma)->vm_mm->mmap_lock)
#define hm_compat_class_create(name)	class_create(THIS_MODULE, name)
#endif

/* 6.3: VMA flags are written through helpers */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	lockdep_assert_held_write(&vma->vm_mm->mmap_lock);
	vma->vm_flags |= flags;
}
#endif

/*
 * 6.16: alloc_contig_range() takes its purpose as flags instead of a migrate
 * type.  6.8: MAX_ORDER became MAX_PAGE_ORDER, 6.4: and inclusive.
 */
#ifdef CONFIG_CONTIG_ALLOC
static inline int hm_compat_alloc_contig(unsigned long start, unsigned long end)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	return alloc_contig_range(start, end, ACR_FLAGS_NONE, gfp);
#else
	return alloc_contig_range(start, end, MIGRATE_MOVABLE, gfp);
#endif
}
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define HM_COMPAT_MAX_PAGE_ORDER	MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define HM_COMPAT_MAX_PAGE_ORDER	MAX_ORDER
#else
#define HM_COMPAT_MAX_PAGE_ORDER	(MAX_ORDER - 1)
#endif

/*
 * Can PMD and PUD entries be used?  Where entries are special they must be
 * able to be: pmd_mkspecial() does nothing on an architecture that cannot.
 * Core mm checks only that the architecture can have PUD entries: a leaf
 * without the CPU's support is a reserved bit fault.
 */
static inline bool hm_compat_has_pmd(void)
{
	return has_transparent_hugepage() &&
	       (!HM_COMPAT_SPECIAL ||
		IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP));
}

static inline bool hm_compat_has_pud(void)
{
	if (!IS_ENABLED(CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD) ||
	    (HM_COMPAT_SPECIAL &&
	     !IS_ENABLED(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP)))
		return false;
#ifdef CONFIG_X86
	return boot_cpu_has(X86_FEATURE_GBPAGES);
#else
	return true;
#endif
}

/* Physical address bits of this CPU. */
static inline unsigned int hm_compat_phys_bits(void)
{
#ifdef CONFIG_X86
	return boot_cpu_data.x86_phys_bits;
#else
	return MAX_PHYSMEM_BITS;
#endif
}

#endif /* _HM_COMPAT_H_ */
