// SPDX-License-Identifier: GPL-2.0
/*
 * Lets programs call the helpers that core mm has for the dirty tracking of
 * drivers, on the mapping of any file. For tests only.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rmap.h>
#include <linux/uaccess.h>
#include <linux/version.h>

#include "mm_helpers.h"

#if IS_ENABLED(CONFIG_MAPPING_DIRTY_HELPERS)
static int mm_helpers_wp(struct address_space *mapping,
			 struct mm_helpers_range *r)
{
	r->ret = wp_shared_mapping_range(mapping, r->first, r->nr);
	return 0;
}

static int mm_helpers_clean(struct address_space *mapping,
			    struct mm_helpers_range *r)
{
	size_t bytes = r->bitmap_nr / 8;
	pgoff_t start = r->start;
	pgoff_t end = r->end;
	unsigned long *bitmap;
	int err = 0;

	if (r->bitmap_nr % 64 || r->bitmap_nr > 1UL << 24 ||
	    r->first < r->bitmap_first ||
	    r->first - r->bitmap_first > r->bitmap_nr ||
	    r->nr > r->bitmap_nr - (r->first - r->bitmap_first))
		return -EINVAL;
	bitmap = kvzalloc(bytes, GFP_KERNEL);
	if (!bitmap)
		return -ENOMEM;
	if (copy_from_user(bitmap, u64_to_user_ptr(r->bitmap), bytes)) {
		err = -EFAULT;
		goto out;
	}
	r->ret = clean_record_shared_mapping_range(mapping, r->first, r->nr,
						   r->bitmap_first, bitmap,
						   &start, &end);
	r->start = start;
	r->end = end;
	if (copy_to_user(u64_to_user_ptr(r->bitmap), bitmap, bytes))
		err = -EFAULT;
out:
	kvfree(bitmap);
	return err;
}
#else
static int mm_helpers_wp(struct address_space *mapping,
			 struct mm_helpers_range *r)
{
	return -EOPNOTSUPP;
}

static int mm_helpers_clean(struct address_space *mapping,
			    struct mm_helpers_range *r)
{
	return -EOPNOTSUPP;
}
#endif

static int mm_helpers_wrprotect(struct address_space *mapping,
				struct mm_helpers_range *r)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	r->ret = mapping_wrprotect_range(mapping, r->first, r->pfn, r->nr);
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

static int mm_helpers_range(unsigned int cmd, struct mm_helpers_range __user *arg)
{
	struct address_space *mapping;
	struct mm_helpers_range r;
	struct file *file;
	int err;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (!r.nr || r.first + r.nr < r.first)
		return -EINVAL;
	file = fget(r.fd);
	if (!file)
		return -EBADF;
	mapping = file->f_mapping;
	if (cmd == MM_HELPERS_WP)
		err = mm_helpers_wp(mapping, &r);
	else if (cmd == MM_HELPERS_CLEAN)
		err = mm_helpers_clean(mapping, &r);
	else
		err = mm_helpers_wrprotect(mapping, &r);
	fput(file);
	if (!err && copy_to_user(arg, &r, sizeof(r)))
		err = -EFAULT;
	return err;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
/* What the entry at @addr maps; there was one just now. */
static unsigned long mm_helpers_size(struct mm_struct *mm, unsigned long addr)
{
	pud_t *pud = pud_offset(p4d_offset(pgd_offset(mm, addr), addr), addr);
	pud_t pudval = READ_ONCE(*pud);
	pmd_t pmdval;

	if (pud_none(pudval) || pud_leaf(pudval))
		return PUD_SIZE;
	pmdval = READ_ONCE(*pmd_offset(pud, addr));
	return pmd_none(pmdval) || pmd_leaf(pmdval) ? PMD_SIZE : PAGE_SIZE;
}
#endif

static int mm_helpers_look(struct mm_helpers_look __user *arg)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	struct follow_pfnmap_args args = { };
	struct mm_struct *mm = current->mm;
	struct mm_helpers_look l;

	if (copy_from_user(&l, arg, sizeof(l)))
		return -EFAULT;
	l = (struct mm_helpers_look){ .addr = l.addr };
	mmap_read_lock(mm);
	args.vma = vma_lookup(mm, l.addr);
	args.address = l.addr;
	if (args.vma && !follow_pfnmap_start(&args)) {
		l.pfn = args.pfn;
		l.writable = args.writable;
		l.present = 1;
		follow_pfnmap_end(&args);
		l.size = mm_helpers_size(mm, l.addr);
	}
	mmap_read_unlock(mm);
	return copy_to_user(arg, &l, sizeof(l)) ? -EFAULT : 0;
#else
	return -EOPNOTSUPP;
#endif
}

static long mm_helpers_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	switch (cmd) {
	case MM_HELPERS_WP:
	case MM_HELPERS_CLEAN:
	case MM_HELPERS_WRPROTECT:
		return mm_helpers_range(cmd, (void __user *)arg);
	case MM_HELPERS_LOOK:
		return mm_helpers_look((void __user *)arg);
	}
	return -ENOTTY;
}

static const struct file_operations mm_helpers_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = mm_helpers_ioctl,
};

static struct miscdevice mm_helpers_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mm_helpers",
	.fops = &mm_helpers_fops,
};
module_misc_device(mm_helpers_misc);

MODULE_DESCRIPTION("Calls core mm's dirty tracking helpers, for tests");
MODULE_LICENSE("GPL");
