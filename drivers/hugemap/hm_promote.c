// SPDX-License-Identifier: GPL-2.0
/*
 * PROMOTE: let small pages of a mapping be huge again.
 *
 * In kernels without the patch of mm-patches/ for it, no function that a module
 * may call frees a page table under a mapping: all zap only what is in it
 * (MADV_DONTNEED since 6.14, with PT_RECLAIM, is the one way, for user space, for
 * VM_MIXEDMAP and for PTE tables).  So the mapping is replaced by one like it.
 * That is done with the patch as well where it makes one mapping of several.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>

#include "hm_bo.h"
#include "hm_object.h"
#include "hm_promote.h"
#include "hm_ptwalk.h"
#include "hm_trace.h"
#include "hm_vma.h"

/**
 * struct hm_promote_run - mappings that can be replaced by one
 * @file: what was mapped; holds a reference
 * @obj: the object; holds a reference, which a DRM file does not
 * @stats: counters of the file, or NULL; valid with @file
 * @start: first virtual address
 * @end: virtual address behind
 * @offset: of @start, as mmap() takes it
 * @vm_flags: of each
 * @tables: page tables under them
 * @nr: how many
 */
struct hm_promote_run {
	struct file *file;
	struct hm_object *obj;
	struct hm_stats *stats;
	unsigned long start;
	unsigned long end;
	unsigned long offset;
	vm_flags_t vm_flags;
	unsigned long tables;
	unsigned int nr;
};

/* Flags that a new mapping gets from the arguments of mmap(). */
#define HM_PROMOTE_FLAGS	(VM_READ | VM_WRITE | VM_EXEC)

/* Is it a mapping that the caller may make again? */
static int hm_promote_check(const struct vm_area_struct *vma,
			    const struct hm_object *window,
			    const struct drm_device *drm)
{
	const struct hm_mapping *m = vma->vm_private_data;
	struct hm_object *obj = hm_vma_object(vma);

	if (!obj || (window ? obj != window : obj->region->drm != drm ||
		     obj == &obj->region->window))
		return -EFAULT;
	if (READ_ONCE(obj->dead))
		return -ENODEV;
	/* Else the old mapping is gone when mmap() finds out. */
	if (!window && m->stats && !hm_bo_may_map(obj, vma->vm_file))
		return -EACCES;
	return 0;
}

/* The offset that mmap() of its file takes for the begin of a mapping. */
static unsigned long hm_promote_offset(const struct vm_area_struct *vma)
{
	const struct hm_mapping *m = vma->vm_private_data;
	/* Offset 0 of a dma-buf is its first byte. */
	unsigned long base = m->stats ? 0 : m->obj->pgoff;

	return (vma->vm_pgoff - base) << PAGE_SHIFT;
}

/* Collect mappings from that of @addr on, one that begins before @end at last. */
static void hm_promote_find(struct mm_struct *mm, unsigned long addr,
			    unsigned long end, struct hm_promote_run *run)
{
	struct hm_ptwalk walk = {};
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	const struct hm_mapping *m = vma->vm_private_data;

	lockdep_assert_held(&mm->mmap_lock);
	run->file = get_file(vma->vm_file);
	run->obj = m->obj;
	run->obj->ops->get(run->obj);
	run->stats = m->stats;
	run->start = vma->vm_start;
	run->offset = hm_promote_offset(vma);
	run->vm_flags = vma->vm_flags & HM_PROMOTE_FLAGS;
	run->nr = 0;
	do {
		run->nr++;
		run->end = vma->vm_end;
		hm_ptwalk_range(mm, vma->vm_start, vma->vm_end, &walk);
		vma = run->end < end ? vma_lookup(mm, run->end) : NULL;
	} while (vma && vma->vm_file == run->file &&
		 (vma->vm_flags & HM_PROMOTE_FLAGS) == run->vm_flags &&
		 hm_vma_object(vma) == run->obj &&
		 hm_promote_offset(vma) - run->offset ==
		 vma->vm_start - run->start);
	run->tables = walk.tables;
}

static void hm_promote_count(const struct hm_promote_run *run,
			     unsigned long tables)
{
	atomic64_add(tables, &run->obj->region->stats.promoted);
	if (run->stats)
		atomic64_add(tables, &run->stats->promoted);
	trace_hugemap_promote(run->obj->region->id, run->start, run->end,
			      tables);
}

/*
 * Free the page tables under the one mapping of @run.  Entries and their TLB
 * entries go away under the i_mmap lock, which a SYNC holds to look for them.
 */
static int hm_promote_in_place(struct mm_struct *mm,
			       const struct hm_promote_run *run)
{
	struct hm_ptwalk walk = {};
	struct vm_area_struct *vma;
	int ret = -EOPNOTSUPP;

	if (!HM_COMPAT_COLLAPSE || run->nr != 1)
		return -EOPNOTSUPP;
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, run->start);
	if (vma && vma->vm_start == run->start && vma->vm_end == run->end &&
	    hm_vma_object(vma) == run->obj) {
		hm_vma_set_cap(vma, run->start, run->end,
			       DRM_HUGEMAP_ORDER_ANY);
		/* -EINVAL: not for this mapping, as after MADV_NOHUGEPAGE. */
		if (hm_compat_collapse(vma) >= 0) {
			ret = 0;
			hm_ptwalk_range(mm, run->start, run->end, &walk);
		}
	}
	mmap_write_unlock(mm);
	if (!ret)
		hm_promote_count(run, run->tables -
				 min(run->tables, walk.tables));
	return ret;
}

static int hm_promote_replace(const struct hm_promote_run *run)
{
	unsigned long prot = (run->vm_flags & VM_READ ? PROT_READ : 0) |
			     (run->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
			     (run->vm_flags & VM_EXEC ? PROT_EXEC : 0);
	unsigned long ret;

	/*
	 * No SYNC between the moment the old VMA is out of the interval tree,
	 * where a SYNC looks for entries, and the flush of the TLBs after it
	 * (mm/vma.c vms_clear_ptes(), before 6.12 mm/mmap.c unmap_region()).
	 */
	if (mutex_lock_killable(&run->obj->promote))
		return -EINTR;
	ret = vm_mmap(run->file, run->start, run->end - run->start, prot,
		      MAP_FIXED | MAP_SHARED, run->offset);
	mutex_unlock(&run->obj->promote);
	if (IS_ERR_VALUE(ret))
		return ret;
	hm_promote_count(run, run->tables);
	return 0;
}

/**
 * hm_promote - the PROMOTE ioctl
 * @window: object of the character node it was called on, or NULL
 * @drm: device of the DRM node it was called on, or NULL
 * @args: in and out
 *
 * Context: process; takes the caller's mmap lock.
 * Return: 0 or a documented errno, see struct drm_hugemap_promote.
 */
int hm_promote(struct hm_object *window, const struct drm_device *drm,
	       struct drm_hugemap_promote *args)
{
	struct mm_struct *mm = current->mm;
	unsigned long addr, end;
	struct vm_area_struct *vma;
	u64 nr = 0, limit;
	int ret = 0;

	if (args->flags || args->pad || !args->len ||
	    !PAGE_ALIGNED(args->addr | args->len) ||
	    check_add_overflow(args->addr, args->len, &limit) ||
	    limit != (unsigned long)limit)
		return -EINVAL;
	end = limit;
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for (addr = args->addr; addr < end && !ret; addr = vma->vm_end) {
		vma = vma_lookup(mm, addr);
		ret = vma ? hm_promote_check(vma, window, drm) : -EFAULT;
		if (!vma)
			break;
	}
	mmap_read_unlock(mm);

	for (addr = args->addr; addr < end && !ret;) {
		struct hm_promote_run run;

		if (mmap_read_lock_killable(mm))
			return -EINTR;
		vma = vma_lookup(mm, addr);
		ret = vma ? hm_promote_check(vma, window, drm) : -EFAULT;
		if (!ret)
			hm_promote_find(mm, addr, end, &run);
		mmap_read_unlock(mm);
		if (ret)
			break;
		ret = hm_promote_in_place(mm, &run);
		if (ret == -EOPNOTSUPP)
			ret = hm_promote_replace(&run);
		run.obj->ops->put(run.obj);
		fput(run.file);
		addr = run.end;
		nr += !ret;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	if (!ret)
		args->nr_mappings = nr;
	return ret;
}
