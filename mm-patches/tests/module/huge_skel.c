// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/huge_skel: RAM kept from the kernel, mapped through huge_fault, with what
 * stock kernels want of a driver that does so and no more. docs/porting.md has
 * the reasons, line by line; what differs between kernels is in hm_compat.h.
 *
 * There is no lock because nothing changes: the memory stays as long as anyone
 * has the node open, and whether a page may be huge depends on the mapping
 * alone. A driver that takes memory away, changes its mind or tracks writes
 * needs one, see drivers/hugemap/hm_fault.c.
 */
#include "../../../drivers/hugemap/hm_compat.h"

#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>

static unsigned long base;
module_param(base, ulong, 0444);
MODULE_PARM_DESC(base, "Physical address of RAM kept from the kernel, a multiple of 1 GiB");

static unsigned long size = 1UL << 30;
module_param(size, ulong, 0444);
MODULE_PARM_DESC(size, "Bytes there");

/* The first row: memory without struct pages. */
static const struct hm_compat_policy huge_skel_policy[] = HM_COMPAT_POLICY;

static vm_fault_t huge_skel_order(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long bytes = PAGE_SIZE << order;
	unsigned long addr = vmf->address & ~(bytes - 1);
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	unsigned long pfn;

	/* Both ends: core mm looks at the first only. */
	if (addr < vma->vm_start || bytes > vma->vm_end - addr)
		return VM_FAULT_FALLBACK;
	pfn = PHYS_PFN(base) + vma->vm_pgoff +
	      ((addr - vma->vm_start) >> PAGE_SHIFT);
	/* And not at the memory. */
	if (!IS_ALIGNED(pfn, 1UL << order))
		return VM_FAULT_FALLBACK;
	if (!order)
		return vmf_insert_pfn(vma, addr, pfn);
	if (order == PMD_ORDER && hm_compat_has_pmd() &&
	    huge_skel_policy[0].pmd)
		return vmf_insert_pfn_pmd(vmf, hm_compat_pfn(pfn), write);
#ifdef CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
	if (order == PUD_ORDER && hm_compat_has_pud())
		return vmf_insert_pfn_pud(vmf, hm_compat_pfn(pfn), write);
#endif
	return VM_FAULT_FALLBACK;
}

static vm_fault_t huge_skel_fault(struct vm_fault *vmf)
{
	return huge_skel_order(vmf, 0);
}

HM_DEFINE_HUGE_FAULT(huge_skel_huge_fault, huge_skel_order)

/* Core mm is about to lose PUD entries here: take them away first. */
static void huge_skel_zap(struct vm_area_struct *vma, unsigned long start,
			  unsigned long end)
{
	start = max(start & PUD_MASK, vma->vm_start);
	end = min(ALIGN(end, PUD_SIZE), vma->vm_end);
	/* And none comes back before the caller is done. */
	hm_compat_vma_start_write(vma);
	hm_compat_zap_vma(vma, start, end - start);
}

static int huge_skel_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	if (addr & ~PUD_MASK)
		huge_skel_zap(vma, addr, addr);
	return 0;
}

static int huge_skel_mprotect(struct vm_area_struct *vma, unsigned long start,
			      unsigned long end, unsigned long newflags)
{
	huge_skel_zap(vma, start, end);
	return 0;
}

/* Perhaps mremap(), which is about to move entries here. */
static void huge_skel_open(struct vm_area_struct *vma)
{
	loff_t start = (loff_t)vma->vm_pgoff << PAGE_SHIFT;
	loff_t end = start + vma->vm_end - vma->vm_start;

	/* In fork() the new mapping is the child's. */
	if (vma->vm_mm != current->mm)
		return;
	/* Whole PUD entries: in no mapping may one be cut. */
	start = round_down(start, PUD_SIZE);
	end = round_up(end, PUD_SIZE);
	unmap_mapping_range(vma->vm_file->f_mapping, start, end - start, 1);
}

static const struct vm_operations_struct huge_skel_vm_ops = {
	.open = huge_skel_open,
	.may_split = huge_skel_may_split,
	.mprotect = huge_skel_mprotect,
	.fault = huge_skel_fault,
	.huge_fault = huge_skel_huge_fault,
};

static int huge_skel_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long nr = size >> PAGE_SHIFT;

	if (hm_compat_is_cow(vma) || vma->vm_pgoff > nr ||
	    vma_pages(vma) > nr - vma->vm_pgoff)
		return -EINVAL;
	/* 6.0 to 6.6 ask huge_fault of nobody else. */
	if (HM_COMPAT_DAX_GATE)
		inode_set_flags(file->f_mapping->host, S_DAX, S_DAX);
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP |
			  VM_HUGEPAGE);
	vma->vm_ops = &huge_skel_vm_ops;
	return 0;
}

/* An address at which the memory fits its pages. */
static unsigned long huge_skel_get_unmapped_area(struct file *file,
						 unsigned long addr,
						 unsigned long len,
						 unsigned long pgoff,
						 unsigned long flags)
{
	unsigned long unit = len < PUD_SIZE ? PMD_SIZE : PUD_SIZE, a;

	if (!addr && !(flags & MAP_FIXED)) {
		a = hm_compat_get_unmapped_area(file, 0, len + unit, pgoff,
						flags);
		if (!IS_ERR_VALUE(a))
			return a + (((pgoff << PAGE_SHIFT) - a) & (unit - 1));
	}
	return hm_compat_get_unmapped_area(file, addr, len, pgoff, flags);
}

static const struct file_operations huge_skel_fops = {
	.owner = THIS_MODULE,
	.mmap = huge_skel_mmap,
	.get_unmapped_area = huge_skel_get_unmapped_area,
};

static struct miscdevice huge_skel_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "huge_skel",
	.fops = &huge_skel_fops,
	.mode = 0600,
};

static void *huge_skel_kva;

static int __init huge_skel_init(void)
{
	int ret = -ENOMEM;

	if (!base || !size || !IS_ALIGNED(base, PUD_SIZE) || !PAGE_ALIGNED(size))
		return -EINVAL;
	if (!request_mem_region(base, size, KBUILD_MODNAME))
		return -EBUSY;
	/* Makes the memory write-back for huge_fault, too. */
	huge_skel_kva = memremap(base, size, MEMREMAP_WB);
	if (huge_skel_kva)
		ret = misc_register(&huge_skel_misc);
	if (!ret)
		return 0;
	if (huge_skel_kva)
		memunmap(huge_skel_kva);
	release_mem_region(base, size);
	return ret;
}
module_init(huge_skel_init);

static void __exit huge_skel_exit(void)
{
	misc_deregister(&huge_skel_misc);
	memunmap(huge_skel_kva);
	release_mem_region(base, size);
}
module_exit(huge_skel_exit);

MODULE_DESCRIPTION("The least that a driver with huge_fault has to do, for docs/porting.md");
MODULE_LICENSE("GPL");
