// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty tracking: which granules of an object were written.
 *
 * The guarantee is in uapi/drm/hugemap_drm.h, the reasons why it holds are in
 * docs/dirty-tracking.md.  In short, under hm_object.lock:
 *
 *	A writable entry maps nothing but granules that are dirty in every
 *	tracker that watches them.
 *
 * A fault marks and inserts while it holds the lock shared.  A SYNC takes bits
 * and the writable entries of their granules away while it holds it
 * exclusively, TLBs included.  What core mm does by itself keeps the rule:
 * fork() and mremap() copy and move entries within one object, and mprotect()
 * makes only entries writable again that were, which the hardware's dirty bit
 * tells (they are zapped like writable ones).
 */
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "hm_dirty.h"
#include "hm_object.h"
#include "hm_rearm.h"
#include "hm_trace.h"
#include "hm_tracker.h"

#define HM_DIRTY_MAX_OF_OBJECT	64
#define HM_DIRTY_MAX_OF_FILE	1024

/* ---- the fault path, and other writers ---- */

/**
 * hm_dirty_notify - signal the eventfd if it is time
 * @t: tracker
 *
 * Context: the object's lock held.
 */
void hm_dirty_notify(struct hm_tracker *t)
{
	if (t->eventfd && atomic_long_read(&t->nr_dirty) >= t->notify &&
	    atomic_xchg(&t->armed, 0))
		hm_compat_eventfd_signal(t->eventfd);
}

/**
 * hm_dirty_arm - some was made clean: notify once more
 * @t: tracker
 *
 * At once, if there is enough dirty already.
 *
 * Context: the object's lock held for writing.
 */
void hm_dirty_arm(struct hm_tracker *t)
{
	lockdep_assert_held_write(&t->obj->lock);
	atomic_set(&t->armed, 1);
	hm_dirty_notify(t);
}

static unsigned long hm_dirty_mark(struct hm_tracker *t,
				   const struct hm_dirty_range *r)
{
	unsigned long added = hm_dirtymap_set(&t->dirty, r->first, r->end);

	if (added) {
		atomic_long_add(added, &t->nr_dirty);
		hm_dirty_notify(t);
	}
	return added;
}

/* What of a range is not dirty yet is about to be, without being written. */
static void hm_dirty_mark_over(struct hm_tracker *t,
			       const struct hm_dirty_range *r)
{
	unsigned long w;

	for (w = r->first / BITS_PER_LONG; w * BITS_PER_LONG < r->end; w++) {
		unsigned long over = hm_dirtymap_mask(w, r->first, r->end) &
				     ~READ_ONCE(t->dirty.bits[w]);

		if (over)
			atomic_long_or(over, (atomic_long_t *)&t->over[w]);
	}
}

/**
 * hm_dirty_written - a page is about to be written, or must count as if
 * @obj: object
 * @pgoff: page of the object
 * @write: it is; else it is read through a mapping that may write
 * @df: result
 *
 * Context: @obj->lock held.
 */
void hm_dirty_written(struct hm_object *obj, unsigned long pgoff, bool write,
		      struct hm_dirty_fault *df)
{
	struct hm_tracker *t;

	lockdep_assert_held(&obj->lock);
	*df = (struct hm_dirty_fault){ .end = ULONG_MAX };
	/* A writable entry is one for all trackers, not for the one alone. */
	list_for_each_entry(t, &obj->trackers, node)
		if (pgoff >= t->first && pgoff < t->end)
			df->exact |= t->flags & DRM_HUGEMAP_DIRTY_WRITABLE;
	list_for_each_entry(t, &obj->trackers, node) {
		struct hm_dirty_range all, block;
		unsigned long g, added;
		unsigned int shift;
		bool was;

		if (pgoff < t->first || pgoff >= t->end)
			continue;
		g = hm_dirty_granule(t, pgoff);
		shift = hm_adapt_shift(&t->adapt, g);
		all = hm_dirty_whole(t);
		block.first = max(g >> shift << shift, all.first);
		block.end = min(((g >> shift) + 1) << shift, all.end);
		df->watched = true;
		df->first = max(df->first, hm_dirty_page(t, block.first));
		df->end = min(df->end, hm_dirty_page(t, block.end));
		if (!write && !df->exact)
			continue;
		was = test_bit(g, t->dirty.bits);
		hm_dirty_mark_over(t, &block);
		added = hm_dirty_mark(t, &block);
		if (write)
			clear_bit(g, t->over);
		if (!added)
			continue;
		df->marked = true;
		df->over += added - (write && !was);
		trace_hugemap_dirty(obj->region->id, t->id,
				    hm_dirty_page(t, block.first),
				    hm_dirty_page(t, block.end), write);
	}
}

/**
 * hm_dirty_wants_writable - does a tracker allow no read-only entries?
 * @obj: object
 *
 * Context: @obj->lock held.
 */
bool hm_dirty_wants_writable(const struct hm_object *obj)
{
	const struct hm_tracker *t;

	lockdep_assert_held(&obj->lock);
	list_for_each_entry(t, &obj->trackers, node)
		if (t->flags & DRM_HUGEMAP_DIRTY_WRITABLE)
			return true;
	return false;
}

/**
 * hm_dirty_look - how may a range of pages be mapped through one entry?
 * @obj: object
 * @first: first page of the object
 * @end: page behind the range
 *
 * In a mapping that may write, after hm_dirty_written() of the page at fault.
 *
 * Context: @obj->lock held.
 */
enum hm_dirty_entry hm_dirty_look(struct hm_object *obj, unsigned long first,
				  unsigned long end)
{
	enum hm_dirty_entry entry = HM_DIRTY_WRITABLE;
	struct hm_tracker *t;
	bool exact = false;

	lockdep_assert_held(&obj->lock);
	list_for_each_entry(t, &obj->trackers, node) {
		unsigned long from = max(first, t->first);
		unsigned long to = min(end, t->end);

		if (from >= to)
			continue;
		exact |= t->flags & DRM_HUGEMAP_DIRTY_WRITABLE;
		from = hm_dirty_granule(t, from);
		to = hm_dirty_granule(t, to - 1) + 1;
		/* A batch of base pages asks for each of them. */
		if (to - from == 1) {
			if (!test_bit(from, t->dirty.bits))
				entry = HM_DIRTY_READONLY;
			continue;
		}
		if (hm_dirtymap_all(&t->dirty, from, to))
			continue;
		if (hm_dirtymap_any(&t->dirty, from, to))
			return HM_DIRTY_SMALLER;
		entry = HM_DIRTY_READONLY;
	}
	return exact && entry == HM_DIRTY_READONLY ? HM_DIRTY_SMALLER : entry;
}

/**
 * hm_dirty_copied - the kernel writes a page for someone
 * @obj: object
 * @pgoff: page of the object
 *
 * Context: @obj->lock held, until the page is written.
 */
void hm_dirty_copied(struct hm_object *obj, unsigned long pgoff)
{
	struct hm_tracker *t;

	lockdep_assert_held(&obj->lock);
	list_for_each_entry(t, &obj->trackers, node) {
		struct hm_dirty_range r;

		if (pgoff < t->first || pgoff >= t->end)
			continue;
		r.first = hm_dirty_granule(t, pgoff);
		r.end = r.first + 1;
		clear_bit(r.first, t->over);
		hm_dirty_mark(t, &r);
	}
}

/**
 * hm_dirty_mark_all - everything is dirty
 * @t: tracker
 *
 * Context: the object's lock held for writing.
 */
void hm_dirty_mark_all(struct hm_tracker *t)
{
	struct hm_dirty_range r = hm_dirty_whole(t);

	lockdep_assert_held_write(&t->obj->lock);
	t->guessed = true;
	hm_dirty_mark(t, &r);
}

/**
 * hm_dirty_unseen - someone writes whom nobody sees: a device, the kernel
 * @obj: object
 * @begin: from now on; else no more
 *
 * Context: takes @obj->lock.
 */
void hm_dirty_unseen(struct hm_object *obj, bool begin)
{
	struct hm_tracker *t;

	down_write(&obj->lock);
	obj->unseen += begin ? 1 : -1;
	list_for_each_entry(t, &obj->trackers, node)
		hm_dirty_mark_all(t);
	up_write(&obj->lock);
}

/**
 * hm_dirty_unlock - the reverse of hm_dirty_lock()
 * @t: tracker
 */
void hm_dirty_unlock(struct hm_tracker *t)
{
	up_write(&t->obj->lock);
	if (t->flags & DRM_HUGEMAP_DIRTY_WRITABLE)
		mmap_write_unlock(current->mm);
	mutex_unlock(&t->obj->promote);
}

/**
 * hm_dirty_lock - have a tracker's object for oneself, to take entries away
 * @t: tracker
 *
 * Neither faults nor PROMOTE come in.
 *
 * KVM faults memory in and then looks it up, both under the mmap lock.  If it
 * finds nothing, because we were there in between, KVM_RUN fails with EFAULT
 * (virt/kvm/kvm_main.c hva_to_pfn_remapped()) and the guest is dead.  A caller
 * that is the VMM, as it should be, keeps its VCPUs from that.
 *
 * Context: no lock held but &hm_tracker.sync; takes the object's for writing.
 * Return: 0, -EINTR or -ENODEV.
 */
int hm_dirty_lock(struct hm_tracker *t)
{
	struct hm_object *obj = t->obj;

	if (mutex_lock_killable(&obj->promote))
		return -EINTR;
	if (t->flags & DRM_HUGEMAP_DIRTY_WRITABLE &&
	    mmap_write_lock_killable(current->mm)) {
		mutex_unlock(&obj->promote);
		return -EINTR;
	}
	down_write(&obj->lock);
	if (!obj->dead)
		return 0;
	hm_dirty_unlock(t);
	return -ENODEV;
}

/* ---- trackers ---- */

static void hm_dirty_free(struct kref *ref)
{
	struct hm_tracker *t = container_of(ref, struct hm_tracker, ref);

	if (t->eventfd)
		eventfd_ctx_put(t->eventfd);
	t->obj->ops->put(t->obj);
	kvfree(t->mem);
	kvfree(t->adapt_mem);
	kfree(t);
}

/**
 * hm_dirty_put - drop a reference
 * @t: tracker
 */
void hm_dirty_put(struct hm_tracker *t)
{
	kref_put(&t->ref, hm_dirty_free);
}

/**
 * hm_dirty_get - a tracker by its number
 * @file: the open file
 * @id: as user space knows it
 *
 * Return: tracker for hm_dirty_put(), or NULL.
 */
struct hm_tracker *hm_dirty_get(struct hm_file *file, u32 id)
{
	struct hm_tracker *t;

	xa_lock(&file->trackers);
	t = xa_load(&file->trackers, id);
	if (t)
		kref_get(&t->ref);
	xa_unlock(&file->trackers);
	return t;
}

static void hm_dirty_end(struct hm_tracker *t)
{
	down_write(&t->obj->lock);
	list_del(&t->node);
	t->obj->nr_trackers--;
	up_write(&t->obj->lock);
	hm_dirty_put(t);
}

/**
 * hm_dirty_open - a new open file
 * @file: file
 */
void hm_dirty_open(struct hm_file *file)
{
	xa_init_flags(&file->trackers, XA_FLAGS_ALLOC1);
}

/**
 * hm_dirty_close - end the trackers of a file
 * @file: file that nobody uses any more
 */
void hm_dirty_close(struct hm_file *file)
{
	struct hm_tracker *t;
	unsigned long id;

	xa_for_each(&file->trackers, id, t)
		hm_dirty_end(t);
	xa_destroy(&file->trackers);
}

static int hm_dirty_order(u64 granule)
{
	static const u8 orders[] = {
		0, ilog2(SZ_64K) - PAGE_SHIFT, PMD_ORDER, PUD_ORDER,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++)
		if (granule == (u64)PAGE_SIZE << orders[i])
			return orders[i];
	return -EINVAL;
}

/**
 * hm_dirty_bytes - granules of a range in bytes
 * @start: first byte of the object
 * @len: bytes; 0 for all up to @limit
 * @order: of a granule
 * @min_pos: where the range may begin
 * @limit: where it must end; need not be a multiple of the granule
 * @base: page that granule 0 begins at
 * @r: result
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int hm_dirty_bytes(u64 start, u64 len, unsigned int order, u64 min_pos,
		   u64 limit, unsigned long base, struct hm_dirty_range *r)
{
	u64 granule = (u64)PAGE_SIZE << order, end;

	if (!IS_ALIGNED(start, granule))
		return -EINVAL;
	if (start < min_pos || start >= limit ||
	    check_add_overflow(start, len, &end) || end > limit)
		return -ERANGE;
	if (!len)
		end = limit;
	if (!IS_ALIGNED(end, granule) && end != limit)
		return -EINVAL;
	r->first = ((start >> PAGE_SHIFT) - base) >> order;
	r->end = ((((end - 1) >> PAGE_SHIFT) - base) >> order) + 1;
	return 0;
}

static int hm_dirty_alloc_maps(struct hm_tracker *t, u64 max_over)
{
	unsigned long nr = hm_dirty_whole(t).end;
	static const u8 orders[] = {
		ilog2(SZ_64K) - PAGE_SHIFT, PMD_ORDER, PUD_ORDER,
	};
	unsigned int shifts[HM_ADAPT_LEVELS], nr_levels = 0, i;
	size_t size = hm_dirtymap_size(nr), bits = BITS_TO_LONGS(nr);

	t->mem = kvzalloc(3 * (size + bits * sizeof(long)),
			  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!t->mem)
		return -ENOMEM;
	hm_dirtymap_init(&t->dirty, t->mem, nr);
	hm_dirtymap_init(&t->kept, t->mem + size, nr);
	hm_dirtymap_init(&t->was, t->mem + 2 * size, nr);
	t->over = t->mem + 3 * size;
	t->kept_over = t->over + bits;
	t->was_over = t->kept_over + bits;
	if (!(t->flags & DRM_HUGEMAP_DIRTY_ADAPTIVE))
		return 0;
	for (i = 0; i < ARRAY_SIZE(orders); i++)
		if (orders[i] > t->order)
			shifts[nr_levels++] = orders[i] - t->order;
	t->adapt_mem = kvzalloc(hm_adapt_size(nr, shifts, nr_levels) ?: 1,
				GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!t->adapt_mem)
		return -ENOMEM;
	hm_adapt_init(&t->adapt, t->adapt_mem, nr, shifts, nr_levels, max_over);
	return 0;
}

/**
 * hm_dirty_start - the DIRTY_START ioctl
 * @file: the open file
 * @obj: what to watch
 * @args: in and out
 *
 * Return: 0 or a documented errno.
 */
int hm_dirty_start(struct hm_file *file, struct hm_object *obj,
		   struct drm_hugemap_dirty_start *args)
{
	int order = hm_dirty_order(args->granule), ret;
	struct hm_dirty_range r;
	struct hm_tracker *t;
	bool exact, all;

	if (args->flags & ~DRM_HUGEMAP_DIRTY_FLAGS || args->pad || order < 0 ||
	    (args->max_over && !(args->flags & DRM_HUGEMAP_DIRTY_ADAPTIVE)))
		return -EINVAL;
	ret = hm_dirty_bytes(args->start, args->len, order, 0,
			     hm_object_size(obj), 0, &r);
	if (ret)
		return ret;

	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	kref_init(&t->ref);
	mutex_init(&t->sync);
	obj->ops->get(obj);
	t->obj = obj;
	t->flags = args->flags;
	t->order = order;
	t->first = r.first << order;
	t->end = args->len ? t->first + (args->len >> PAGE_SHIFT) :
			     obj->nr_pages;
	t->base = round_down(t->first, 1UL << PUD_ORDER);
	t->notify = args->notify;
	atomic_set(&t->armed, 1);
	if (args->notify) {
		t->eventfd = eventfd_ctx_fdget(args->eventfd);
		if (IS_ERR(t->eventfd)) {
			ret = PTR_ERR(t->eventfd);
			t->eventfd = NULL;
			goto err_put;
		}
	}
	ret = hm_dirty_alloc_maps(t, args->max_over);
	if (ret)
		goto err_put;

	ret = hm_dirty_lock(t);
	if (ret)
		goto err_put;
	ret = -ENOSPC;
	if (obj->nr_trackers == HM_DIRTY_MAX_OF_OBJECT)
		goto err_unlock;
	/* Another thread may guess the number and stop it: it is the file's. */
	kref_get(&t->ref);
	ret = xa_alloc(&file->trackers, &t->id, t,
		       XA_LIMIT(1, HM_DIRTY_MAX_OF_FILE), GFP_KERNEL_ACCOUNT);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		hm_dirty_put(t);
		goto err_unlock;
	}
	list_add_tail(&t->node, &obj->trackers);
	obj->nr_trackers++;
	exact = t->flags & DRM_HUGEMAP_DIRTY_WRITABLE;
	all = t->flags & DRM_HUGEMAP_DIRTY_ALL || obj->unseen;
	if (all)
		hm_dirty_mark_all(t);
	/* No entry that is writable; without read-only ones, none at all. */
	if (exact || !all)
		hm_rearm(obj, t->first, t->end, exact);
	args->tracker = t->id;
	hm_dirty_unlock(t);
	hm_dirty_put(t);
	return 0;

err_unlock:
	hm_dirty_unlock(t);
err_put:
	hm_dirty_put(t);
	return ret;
}

/**
 * hm_dirty_stop - the DIRTY_STOP ioctl
 * @file: the open file
 * @args: in
 *
 * Return: 0 or a documented errno.
 */
int hm_dirty_stop(struct hm_file *file, struct drm_hugemap_dirty_stop *args)
{
	struct hm_tracker *t;

	if (args->flags)
		return -EINVAL;
	t = xa_erase(&file->trackers, args->tracker);
	if (!t)
		return -ENOENT;
	hm_dirty_end(t);
	return 0;
}
