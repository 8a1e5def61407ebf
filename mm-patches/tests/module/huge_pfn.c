// SPDX-License-Identifier: GPL-2.0
/*
 * The driver that does no more than it must: it maps physical memory through
 * huge_fault with the largest entries that fit, and asks nothing of core mm but
 * that these work. All its VMAs lack VM_IO, which would keep GUP away:
 *
 *	/dev/huge_pfn		VM_MIXEDMAP, memory without struct pages
 *	/dev/huge_pfn_pfnmap	VM_PFNMAP, the same memory
 *	/dev/huge_pfn_pages	VM_MIXEDMAP, memory with struct pages
 *	/dev/huge_pfn_dax	as huge_pfn, its inode says S_DAX: 6.0 to 6.6
 *				ask huge_fault of nobody else
 *
 * For tests only: who may open a node owns that memory.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define to_pfn_t(pfn)	(pfn)
#else
#include <linux/pfn_t.h>
#define to_pfn_t(pfn)	pfn_to_pfn_t(pfn)
#endif

static unsigned long base;
module_param(base, ulong, 0444);
MODULE_PARM_DESC(base, "Physical address of memory without struct pages, aligned to 1 GiB");

static unsigned long pages;
module_param(pages, ulong, 0444);
MODULE_PARM_DESC(pages, "The same of memory with struct pages");

static unsigned long size = 1UL << 30;
module_param(size, ulong, 0444);
MODULE_PARM_DESC(size, "Bytes at either address");

struct huge_pfn_dev {
	struct miscdevice misc;
	unsigned long *base;
	unsigned long vm_flags;
	unsigned int i_flags;
};

static vm_fault_t huge_pfn_insert(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long bytes = PAGE_SIZE << order;
	unsigned long start = vmf->address & ~(bytes - 1);
	unsigned long pfn;

	if (start < vma->vm_start || start + bytes > vma->vm_end)
		return VM_FAULT_FALLBACK;
	pfn = (unsigned long)vma->vm_private_data + vma->vm_pgoff +
	      ((start - vma->vm_start) >> PAGE_SHIFT);
	if (!IS_ALIGNED(pfn, 1UL << order))
		return VM_FAULT_FALLBACK;
	if (!order)
		return vma->vm_flags & VM_MIXEDMAP ?
			vmf_insert_mixed(vma, start, to_pfn_t(pfn)) :
			vmf_insert_pfn(vma, start, pfn);
	if (order == PMD_SHIFT - PAGE_SHIFT)
		return vmf_insert_pfn_pmd(vmf, to_pfn_t(pfn),
					  vmf->flags & FAULT_FLAG_WRITE);
#ifdef CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
	if (order == PUD_SHIFT - PAGE_SHIFT)
		return vmf_insert_pfn_pud(vmf, to_pfn_t(pfn),
					  vmf->flags & FAULT_FLAG_WRITE);
#endif
	return VM_FAULT_FALLBACK;
}

static vm_fault_t huge_pfn_fault(struct vm_fault *vmf)
{
	return huge_pfn_insert(vmf, 0);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
static vm_fault_t huge_pfn_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	return huge_pfn_insert(vmf, order);
}
#else
static vm_fault_t huge_pfn_huge_fault(struct vm_fault *vmf,
				      enum page_entry_size size)
{
	if (size == PE_SIZE_PMD)
		return huge_pfn_insert(vmf, PMD_SHIFT - PAGE_SHIFT);
	if (size == PE_SIZE_PUD)
		return huge_pfn_insert(vmf, PUD_SHIFT - PAGE_SHIFT);
	return VM_FAULT_FALLBACK;
}
#endif

static const struct vm_operations_struct huge_pfn_vm_ops = {
	.fault = huge_pfn_fault,
	.huge_fault = huge_pfn_huge_fault,
};

static int huge_pfn_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct huge_pfn_dev *dev = container_of(file->private_data,
						struct huge_pfn_dev, misc);
	unsigned long nr = size >> PAGE_SHIFT;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff > nr ||
	    vma_pages(vma) > nr - vma->vm_pgoff)
		return -EINVAL;
	vma->vm_private_data = (void *)(*dev->base >> PAGE_SHIFT);
	vma->vm_ops = &huge_pfn_vm_ops;
	inode_set_flags(file->f_mapping->host, dev->i_flags, dev->i_flags);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, dev->vm_flags);
#else
	vma->vm_flags |= dev->vm_flags;
#endif
	return 0;
}

static const struct file_operations huge_pfn_fops = {
	.owner = THIS_MODULE,
	.mmap = huge_pfn_mmap,
};

#define HUGE_PFN_DEV(_name, _base, _vm_flags, _i_flags) { \
	.misc = { .minor = MISC_DYNAMIC_MINOR, .name = _name, \
		  .fops = &huge_pfn_fops }, \
	.base = &(_base), .vm_flags = _vm_flags, .i_flags = _i_flags }

static struct huge_pfn_dev huge_pfn_devs[] = {
	HUGE_PFN_DEV("huge_pfn", base, VM_MIXEDMAP, 0),
	HUGE_PFN_DEV("huge_pfn_pfnmap", base, VM_PFNMAP, 0),
	HUGE_PFN_DEV("huge_pfn_pages", pages, VM_MIXEDMAP, 0),
	HUGE_PFN_DEV("huge_pfn_dax", base, VM_MIXEDMAP, S_DAX),
};

static void huge_pfn_remove(int nr)
{
	while (nr--)
		if (*huge_pfn_devs[nr].base)
			misc_deregister(&huge_pfn_devs[nr].misc);
}

static int __init huge_pfn_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(huge_pfn_devs); i++) {
		if (!*huge_pfn_devs[i].base)
			continue;
		err = misc_register(&huge_pfn_devs[i].misc);
		if (err) {
			huge_pfn_remove(i);
			return err;
		}
	}
	return 0;
}
module_init(huge_pfn_init);

static void __exit huge_pfn_exit(void)
{
	huge_pfn_remove(ARRAY_SIZE(huge_pfn_devs));
}
module_exit(huge_pfn_exit);

MODULE_DESCRIPTION("Maps physical memory through huge_fault, for tests");
MODULE_LICENSE("GPL");
