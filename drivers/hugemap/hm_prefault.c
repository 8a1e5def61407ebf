// SPDX-License-Identifier: GPL-2.0
/*
 * PREFAULT: fill a part of a mapping, with a cap on order.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "hm_object.h"
#include "hm_prefault.h"
#include "hm_ptwalk.h"
#include "hm_vma.h"

/* A fault that leaves nothing behind was undone by someone; ask again. */
#define HM_PREFAULT_TRIES	16

static int hm_prefault_check(const struct drm_hugemap_prefault *args)
{
	u64 end;

	if (args->flags & ~DRM_HUGEMAP_PREFAULT_FLAGS || args->pad)
		return -EINVAL;
	if (!args->len || !PAGE_ALIGNED(args->addr | args->len))
		return -EINVAL;
	if (check_add_overflow(args->addr, args->len, &end) ||
	    end != (unsigned long)end)
		return -EINVAL;
	if (args->max_order > PUD_ORDER &&
	    args->max_order != DRM_HUGEMAP_ORDER_ANY)
		return -EINVAL;
	return 0;
}

/* Is all of the range a mapping of one object, and writable if need be? */
static int hm_prefault_vmas(struct mm_struct *mm, struct hm_object *obj,
			    unsigned long start, unsigned long end, bool write)
{
	struct vm_area_struct *vma;

	lockdep_assert_held(&mm->mmap_lock);
	for (; start < end; start = vma->vm_end) {
		vma = vma_lookup(mm, start);
		if (!vma || hm_vma_object(vma) != obj)
			return -EFAULT;
		if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
			return -EACCES;
	}
	return 0;
}

static int hm_prefault_caps(struct mm_struct *mm, unsigned long start,
			    unsigned long end, unsigned int max_order)
{
	struct vm_area_struct *vma;
	unsigned long a;

	/* Nothing changes unless all of it can. */
	for (a = start; a < end && max_order < PUD_ORDER; a = vma->vm_end) {
		vma = vma_lookup(mm, a);
		if (hm_vma_reserve_cap(vma, a, min(end, vma->vm_end)))
			return -ENOMEM;
	}
	for (a = start; a < end; a = vma->vm_end) {
		vma = vma_lookup(mm, a);
		hm_vma_set_cap(vma, a, min(end, vma->vm_end), max_order);
	}
	return 0;
}

struct hm_prefault_find {
	unsigned long addr;
	bool write;
};

/* Stop at the first address that is not mapped as it is to be. */
static int hm_prefault_missing(const struct hm_ptwalk_entry *e, void *data)
{
	struct hm_prefault_find *find = data;

	if (e->present && (e->write || !find->write))
		return 0;
	find->addr = e->start;
	return 1;
}

static int hm_prefault_fill(struct mm_struct *mm, struct hm_object *obj,
			    unsigned long addr, unsigned long end, bool write)
{
	struct hm_prefault_find find = { .write = write };
	struct hm_ptwalk walk = { .fn = hm_prefault_missing, .data = &find };
	unsigned int tries = 0;
	int ret;

	while (hm_ptwalk_range(mm, addr, end, &walk)) {
		if (find.addr != addr)
			tries = 0;
		addr = find.addr;
		if (tries++ == HM_PREFAULT_TRIES)
			return -EAGAIN;
		if (signal_pending(current))
			return -EINTR;
		/* Our faults never drop the lock: no retry, so no "unlocked". */
		ret = fixup_user_fault(mm, addr, write ? FAULT_FLAG_WRITE : 0,
				       NULL);
		if (ret)
			return READ_ONCE(obj->dead) ? -ENODEV : ret;
		cond_resched();
	}
	return 0;
}

static int hm_prefault_count(const struct hm_ptwalk_entry *e, void *data)
{
	struct drm_hugemap_prefault *args = data;

	if (!e->present)
		return 0;
	if (e->level == HM_PUD)
		args->nr_pud++;
	else if (e->level == HM_PMD)
		args->nr_pmd++;
	else
		args->nr_pte++;
	return 0;
}

/**
 * hm_prefault - the PREFAULT ioctl
 * @window: object of the character node it was called on, or NULL
 * @drm: device of the DRM node it was called on, or NULL
 * @args: in and out
 *
 * Goes through the ordinary fault path (fixup_user_fault()), one call per
 * missing entry, so that everything the path decides holds here as well.
 *
 * Context: process; takes the caller's mmap lock.
 * Return: 0 or a documented errno, see struct drm_hugemap_prefault.
 */
int hm_prefault(struct hm_object *window, const struct drm_device *drm,
		struct drm_hugemap_prefault *args)
{
	bool write = args->flags & DRM_HUGEMAP_PREFAULT_WRITE;
	struct mm_struct *mm = current->mm;
	struct hm_ptwalk walk = { .fn = hm_prefault_count, .data = args };
	unsigned long start = args->addr, end = args->addr + args->len;
	struct hm_object *obj = window;
	struct vm_area_struct *vma;
	int ret;

	ret = hm_prefault_check(args);
	if (ret)
		return ret;
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	if (!window) {
		vma = vma_lookup(mm, start);
		obj = vma ? hm_vma_object(vma) : NULL;
		if (!obj || obj->region->drm != drm ||
		    obj == &obj->region->window) {
			ret = -EFAULT;
			goto out;
		}
	}
	ret = hm_prefault_vmas(mm, obj, start, end, write);
	if (!ret && READ_ONCE(obj->dead))
		ret = -ENODEV;
	if (!ret)
		ret = hm_prefault_caps(mm, start, end, args->max_order);
	if (!ret)
		ret = hm_prefault_fill(mm, obj, start, end, write);
	if (!ret) {
		args->nr_pud = 0;
		args->nr_pmd = 0;
		args->nr_pte = 0;
		hm_ptwalk_range(mm, start, end, &walk);
	}
out:
	mmap_read_unlock(mm);
	return ret;
}
