// SPDX-License-Identifier: GPL-2.0
/*
 * The cheapest fault that this kernel can do: handlers that look at nothing and
 * insert one entry. What a driver's fault costs above that is the driver's.
 *
 *	/dev/bench_floor_pud	1 GiB entries
 *	/dev/bench_floor_pmd	2 MiB entries
 *	/dev/bench_floor_pte	one page per fault: the naive driver
 *	/dev/bench_floor_full	base pages, all of them there from mmap() on
 *
 * For measurements only: nothing is checked, so a mapping must be aligned as
 * the memory is, and a multiple of the entry.
 */
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define to_huge(pfn)	(pfn)
#else
#include <linux/pfn_t.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define to_huge(pfn)	pfn_to_pfn_t(pfn)
#else
#define to_huge(pfn)	__pfn_to_pfn_t((pfn), PFN_DEV | PFN_MAP)
#endif
#endif

static unsigned long base;
module_param(base, ulong, 0444);
MODULE_PARM_DESC(base, "Physical address of the memory, aligned to 1 GiB");

/* The page frame at the start of the entry of @size that holds the fault. */
static unsigned long bench_floor_pfn(struct vm_fault *vmf, unsigned long size)
{
	return (base >> PAGE_SHIFT) +
	       (vmf->pgoff & ~((size >> PAGE_SHIFT) - 1));
}

static vm_fault_t bench_floor_pte(struct vm_fault *vmf)
{
	return vmf_insert_pfn_prot(vmf->vma, vmf->address,
				   (base >> PAGE_SHIFT) + vmf->pgoff,
				   vmf->vma->vm_page_prot);
}

static vm_fault_t bench_floor_pmd(struct vm_fault *vmf)
{
	return vmf_insert_pfn_pmd(vmf, to_huge(bench_floor_pfn(vmf, PMD_SIZE)),
				  true);
}

static vm_fault_t bench_floor_pud(struct vm_fault *vmf)
{
#ifdef CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
	return vmf_insert_pfn_pud(vmf, to_huge(bench_floor_pfn(vmf, PUD_SIZE)),
				  true);
#else
	return VM_FAULT_FALLBACK;
#endif
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define BENCH_HUGE(name, order, fn) \
static vm_fault_t name(struct vm_fault *vmf, unsigned int asked) \
{ \
	return asked == (order) - PAGE_SHIFT ? fn(vmf) : VM_FAULT_FALLBACK; \
}

BENCH_HUGE(bench_floor_huge_pmd, PMD_SHIFT, bench_floor_pmd)
BENCH_HUGE(bench_floor_huge_pud, PUD_SHIFT, bench_floor_pud)
#else
#define BENCH_HUGE(name, size, fn) \
static vm_fault_t name(struct vm_fault *vmf, enum page_entry_size asked) \
{ \
	return asked == (size) ? fn(vmf) : VM_FAULT_FALLBACK; \
}

BENCH_HUGE(bench_floor_huge_pmd, PE_SIZE_PMD, bench_floor_pmd)
BENCH_HUGE(bench_floor_huge_pud, PE_SIZE_PUD, bench_floor_pud)
#endif

static const struct vm_operations_struct bench_floor_vm_ops[] = {
	{ .fault = bench_floor_pte },
	{ .fault = bench_floor_pte, .huge_fault = bench_floor_huge_pmd },
	{ .fault = bench_floor_pte, .huge_fault = bench_floor_huge_pud },
	{ .fault = bench_floor_pte },
};

struct bench_floor_fill {
	struct vm_area_struct *vma;
	unsigned long pfn;
};

static int bench_floor_set(pte_t *ptep, unsigned long addr, void *data)
{
	struct bench_floor_fill *f = data;
	pte_t pte = pfn_pte(f->pfn++, f->vma->vm_page_prot);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	pte = pte_mkwrite_novma(pte);
#else
	pte = pte_mkwrite(pte);
#endif
	set_pte_at(f->vma->vm_mm, addr, ptep,
		   pte_mkspecial(pte_mkdirty(pte_mkyoung(pte))));
	return 0;
}

struct bench_floor_dev {
	struct miscdevice misc;
	const struct vm_operations_struct *ops;
	bool full;
};

static int bench_floor_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bench_floor_dev *dev = container_of(file->private_data,
						   struct bench_floor_dev, misc);
	unsigned long flags = VM_IO | VM_DONTEXPAND | VM_DONTDUMP |
			      VM_HUGEPAGE | VM_MIXEDMAP;
	struct bench_floor_fill f = {
		.vma = vma, .pfn = (base >> PAGE_SHIFT) + vma->vm_pgoff,
	};

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_ops = dev->ops;
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
	if (!dev->full)
		return 0;
	return apply_to_page_range(vma->vm_mm, vma->vm_start,
				   vma->vm_end - vma->vm_start,
				   bench_floor_set, &f);
}

static int bench_floor_open(struct inode *inode, struct file *file)
{
	/* Before 6.7 core mm asks huge_fault() only for DAX files. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	file_inode(file)->i_flags |= S_DAX;
#endif
	return 0;
}

static const struct file_operations bench_floor_fops = {
	.owner = THIS_MODULE,
	.open = bench_floor_open,
	.mmap = bench_floor_mmap,
};

#define BENCH_FLOOR_DEV(_name, _ops, _full) { \
	.misc = { .minor = MISC_DYNAMIC_MINOR, .name = "bench_floor_" _name, \
		  .fops = &bench_floor_fops }, \
	.ops = &bench_floor_vm_ops[_ops], .full = _full }

static struct bench_floor_dev bench_floor_devs[] = {
	BENCH_FLOOR_DEV("pte", 0, false),
	BENCH_FLOOR_DEV("pmd", 1, false),
	BENCH_FLOOR_DEV("pud", 2, false),
	BENCH_FLOOR_DEV("full", 3, true),
};

static int __init bench_floor_init(void)
{
	unsigned int i;
	int ret;

	if (!base || base & (PUD_SIZE - 1))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(bench_floor_devs); i++) {
		ret = misc_register(&bench_floor_devs[i].misc);
		if (ret)
			break;
	}
	if (i == ARRAY_SIZE(bench_floor_devs))
		return 0;
	while (i)
		misc_deregister(&bench_floor_devs[--i].misc);
	return ret;
}
module_init(bench_floor_init);

static void __exit bench_floor_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bench_floor_devs); i++)
		misc_deregister(&bench_floor_devs[i].misc);
}
module_exit(bench_floor_exit);

MODULE_DESCRIPTION("The cheapest page fault, for make bench");
MODULE_LICENSE("GPL");
