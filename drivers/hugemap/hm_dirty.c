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
#include <linux/uaccess.h>

#include "hm_adapt.h"
#include "hm_dirty.h"
#include "hm_dirtymap.h"
#include "hm_object.h"
#include "hm_rearm.h"
#include "hm_rects.h"
#include "hm_trace.h"

#define HM_DIRTY_MAX_OF_OBJECT	64
#define HM_DIRTY_MAX_OF_FILE	1024
#define HM_DIRTY_MAX_RECTS	256

/* Words handled at once, between which faults get the lock. */
#define HM_DIRTY_BATCH		256

/**
 * struct hm_tracker - someone who wants to know what was written
 * @ref: the file, and calls
 * @node: in &hm_object.trackers
 * @obj: what is watched; holds a reference
 * @id: in &hm_file.trackers
 * @flags: DRM_HUGEMAP_DIRTY_*
 * @order: of a granule
 * @first: first page watched
 * @end: page behind
 * @base: page of granule 0 of the maps: a multiple of the PUD size, so that
 *	blocks of granules are aligned in the object
 * @sync: one call at a time; @epoch and the reuse of @kept
 * @dirty: written since the last SYNC; bits are added under the object's lock
 *	held shared, all else under it exclusively
 * @kept: what the last SYNC of each part reported; as @dirty
 * @over: which of @dirty were not written; as @dirty
 * @kept_over: the same of @kept
 * @was: what @kept was before the SYNC that is under way; as @dirty
 * @was_over: the same of @was
 * @adapt: what is tracked in blocks; the object's lock
 * @nr_dirty: bits in @dirty
 * @notify: signal @eventfd at so many
 * @armed: it was not signalled since the last SYNC
 * @eventfd: whom to tell
 * @epoch: clearing SYNCs
 * @mem: of the maps
 * @adapt_mem: of @adapt
 */
struct hm_tracker {
	struct kref ref;
	struct list_head node;
	struct hm_object *obj;
	u32 id;
	u32 flags;
	unsigned int order;
	unsigned long first;
	unsigned long end;
	unsigned long base;
	struct mutex sync;
	struct hm_dirtymap dirty;
	struct hm_dirtymap kept;
	unsigned long *over;
	unsigned long *kept_over;
	struct hm_dirtymap was;
	unsigned long *was_over;
	struct hm_adapt adapt;
	atomic_long_t nr_dirty;
	unsigned long notify;
	atomic_t armed;
	struct eventfd_ctx *eventfd;
	u64 epoch;
	void *mem;
	void *adapt_mem;
};

/* A range of granules, numbered as in the maps. */
struct hm_dirty_range {
	unsigned long first;
	unsigned long end;
};

static unsigned long hm_dirty_granule(const struct hm_tracker *t,
				      unsigned long pgoff)
{
	return (pgoff - t->base) >> t->order;
}

static unsigned long hm_dirty_page(const struct hm_tracker *t,
				   unsigned long granule)
{
	return t->base + (granule << t->order);
}

/* All that the tracker watches. */
static struct hm_dirty_range hm_dirty_whole(const struct hm_tracker *t)
{
	struct hm_dirty_range r = {
		.first = hm_dirty_granule(t, t->first),
		.end = hm_dirty_granule(t, t->end - 1) + 1,
	};

	return r;
}

/* ---- the fault path, and other writers ---- */

static void hm_dirty_notify(struct hm_tracker *t)
{
	if (t->eventfd && atomic_long_read(&t->nr_dirty) >= t->notify &&
	    atomic_xchg(&t->armed, 0))
		hm_compat_eventfd_signal(t->eventfd);
}

/* Some was made clean: tell again, at once if there is enough already. */
static void hm_dirty_arm(struct hm_tracker *t)
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

	for (w = r->first / BITS_PER_LONG; w * BITS_PER_LONG < r->end; w++)
		atomic_long_or(hm_dirtymap_mask(w, r->first, r->end) &
			       ~READ_ONCE(t->dirty.bits[w]),
			       (atomic_long_t *)&t->over[w]);
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
		if (!test_bit(g, t->dirty.bits))
			hm_dirty_mark_over(t, &block);
		added = hm_dirty_mark(t, &block);
		if (write)
			clear_bit(g, t->over);
		if (!added)
			continue;
		df->marked = true;
		df->over += added - (write ? 1 : 0);
		trace_hugemap_dirty(obj->region->id, t->id,
				    hm_dirty_page(t, block.first),
				    hm_dirty_page(t, block.end), write);
	}
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

	lockdep_assert_held(&obj->lock);
	list_for_each_entry(t, &obj->trackers, node) {
		unsigned long from = max(first, t->first);
		unsigned long to = min(end, t->end);

		if (from >= to)
			continue;
		from = hm_dirty_granule(t, from);
		to = hm_dirty_granule(t, to - 1) + 1;
		if (hm_dirtymap_all(&t->dirty, from, to))
			continue;
		if (t->flags & DRM_HUGEMAP_DIRTY_WRITABLE ||
		    hm_dirtymap_any(&t->dirty, from, to))
			return HM_DIRTY_SMALLER;
		entry = HM_DIRTY_READONLY;
	}
	return entry;
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

static void hm_dirty_mark_all(struct hm_tracker *t)
{
	struct hm_dirty_range r = hm_dirty_whole(t);

	lockdep_assert_held_write(&t->obj->lock);
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

static void hm_dirty_unlock(struct hm_tracker *t)
{
	up_write(&t->obj->lock);
	if (t->flags & DRM_HUGEMAP_DIRTY_WRITABLE)
		mmap_write_unlock(current->mm);
	mutex_unlock(&t->obj->promote);
}

/*
 * Keep the object from being faulted in, and from PROMOTE, to take entries
 * away.
 *
 * KVM faults memory in and then looks it up, both under the mmap lock.  If it
 * finds nothing, because we were there in between, KVM_RUN fails with EFAULT
 * (virt/kvm/kvm_main.c hva_to_pfn_remapped()) and the guest is dead.  A caller
 * that is the VMM, as it should be, keeps its VCPUs from that.
 */
static int hm_dirty_lock(struct hm_tracker *t)
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

static void hm_dirty_put(struct hm_tracker *t)
{
	kref_put(&t->ref, hm_dirty_free);
}

static struct hm_tracker *hm_dirty_get(struct hm_file *file, u32 id)
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

/*
 * The granules of a range in bytes, which the tracker's end @limit may cut.
 * Numbered from page @base on.
 */
static int hm_dirty_bytes(u64 start, u64 len, unsigned int order, u64 min_pos,
			  u64 limit, unsigned long base,
			  struct hm_dirty_range *r)
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
	ret = xa_alloc(&file->trackers, &t->id, t,
		       XA_LIMIT(1, HM_DIRTY_MAX_OF_FILE), GFP_KERNEL_ACCOUNT);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		goto err_unlock;
	}
	list_add_tail(&t->node, &obj->trackers);
	obj->nr_trackers++;
	if (t->flags & DRM_HUGEMAP_DIRTY_ALL || obj->unseen)
		hm_dirty_mark_all(t);
	else
		hm_rearm(obj, t->first, t->end,
			 t->flags & DRM_HUGEMAP_DIRTY_WRITABLE);
	/* Another thread may guess the number, and stop it. */
	args->tracker = t->id;
	hm_dirty_unlock(t);
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

/* ---- harvest ---- */

/**
 * struct hm_dirty_batch - words taken from a tracker
 * @nr: number of words
 * @word: their indices in the maps, ascending
 * @bits: what was taken
 * @over: which of @bits were not written
 */
struct hm_dirty_batch {
	unsigned int nr;
	unsigned long word[HM_DIRTY_BATCH];
	unsigned long bits[HM_DIRTY_BATCH];
	unsigned long over[HM_DIRTY_BATCH];
};

/**
 * struct hm_dirty_sink - where a harvest goes
 * @put: takes a batch, without our locks but &hm_tracker.sync; or NULL
 * @finish: after the last one; or NULL.  If one of the two fails, nothing that
 *	was taken is lost.
 * @r: granules of the call
 * @bitmap: user memory for @r
 * @done: granules of @r whose words were written
 * @merge: leave clean words alone
 * @rects: framebuffer
 * @user_rects: user memory for them
 * @origin: granule and byte in it where the framebuffer begins
 * @shift: log2 of the bytes of a granule
 */
struct hm_dirty_sink {
	int (*put)(struct hm_dirty_sink *s, const struct hm_dirty_batch *b);
	int (*finish)(struct hm_dirty_sink *s);
	struct hm_dirty_range r;
	u64 __user *bitmap;
	unsigned long done;
	bool merge;
	struct hm_rects *rects;
	void __user *user_rects;
	u64 origin;
	unsigned int shift;
};

/*
 * Writes to what was taken are to be noticed again.  Granules in one PMD make
 * one run, whatever is between them: see hm_rearm().
 */
static void hm_dirty_rearm(struct hm_tracker *t, const struct hm_dirty_batch *b)
{
	unsigned long first = 0, end = 0;
	unsigned int i;

	lockdep_assert_held_write(&t->obj->lock);
	for (i = 0; i < b->nr; i++) {
		unsigned long base = b->word[i] * BITS_PER_LONG, bits;

		for (bits = b->bits[i]; bits; bits &= bits - 1) {
			unsigned long g = base + __ffs(bits);
			unsigned long page = hm_dirty_page(t, g);

			if (end && page > end &&
			    page >> PMD_ORDER != (end - 1) >> PMD_ORDER) {
				hm_rearm(t->obj, first, end, false);
				end = 0;
			}
			if (!end)
				first = page;
			end = hm_dirty_page(t, g + 1);
		}
	}
	if (end)
		hm_rearm(t->obj, first, end, false);
}

/* What the last SYNC took is dirty again. */
static void hm_dirty_unkeep(struct hm_tracker *t, unsigned long first,
			    unsigned long end)
{
	unsigned long word, bits;

	lockdep_assert_held_write(&t->obj->lock);
	while (hm_dirtymap_next(&t->kept, &first, end, &word, &bits)) {
		unsigned long over = t->kept_over[word] & bits;

		/* What was written once of the two times was written. */
		t->over[word] &= ~(bits & ~over);
		t->over[word] |= over & ~t->dirty.bits[word];
		t->kept_over[word] &= ~bits;
		atomic_long_add(hm_dirtymap_add(&t->dirty, word, bits),
				&t->nr_dirty);
		hm_dirtymap_clear(&t->kept, word, bits);
	}
}

/* What the last SYNC took makes room for what this one takes. */
static void hm_dirty_set_aside(struct hm_tracker *t, unsigned long first,
			       unsigned long end)
{
	unsigned long word, bits;

	lockdep_assert_held_write(&t->obj->lock);
	while (hm_dirtymap_next(&t->kept, &first, end, &word, &bits)) {
		t->was_over[word] |= t->kept_over[word] & bits;
		t->kept_over[word] &= ~bits;
		hm_dirtymap_add(&t->was, word, bits);
		hm_dirtymap_clear(&t->kept, word, bits);
	}
}

/* And is forgotten, or, if this one fails, kept again. */
static void hm_dirty_put_back(struct hm_tracker *t, unsigned long first,
			      unsigned long end, bool keep)
{
	unsigned long word, bits;

	lockdep_assert_held_write(&t->obj->lock);
	while (hm_dirtymap_next(&t->was, &first, end, &word, &bits)) {
		if (keep) {
			hm_dirtymap_add(&t->kept, word, bits);
			t->kept_over[word] |= t->was_over[word] & bits;
		}
		t->was_over[word] &= ~bits;
		hm_dirtymap_clear(&t->was, word, bits);
	}
}

/* Make what is in a batch clean; remember it if @keep. */
static void hm_dirty_clean(struct hm_tracker *t, const struct hm_dirty_batch *b,
			   bool keep)
{
	unsigned int i;

	lockdep_assert_held_write(&t->obj->lock);
	for (i = 0; i < b->nr; i++) {
		unsigned long word = b->word[i], bits = b->bits[i];

		hm_dirtymap_clear(&t->dirty, word, bits);
		atomic_long_sub(hweight_long(bits), &t->nr_dirty);
		if (keep) {
			hm_dirtymap_add(&t->kept, word, bits);
			t->kept_over[word] |= b->over[i];
		}
		t->over[word] &= ~bits;
	}
	hm_dirty_rearm(t, b);
}

/* The next dirty words, from *@pos on, which moves behind them or to @end. */
static void hm_dirty_next(struct hm_tracker *t, unsigned long *pos,
			  unsigned long end, struct hm_dirty_batch *b)
{
	lockdep_assert_held_write(&t->obj->lock);
	for (b->nr = 0; b->nr < HM_DIRTY_BATCH; b->nr++) {
		unsigned long *bits = &b->bits[b->nr];
		unsigned long *word = &b->word[b->nr];

		if (!hm_dirtymap_next(&t->dirty, pos, end, word, bits))
			break;
		b->over[b->nr] = t->over[*word] & *bits;
	}
	*pos = min(*pos, end);
}

/* Report what is dirty in @sink->r; @flags: DRM_HUGEMAP_SYNC_*. */
static int hm_dirty_harvest(struct hm_tracker *t, struct hm_dirty_sink *sink,
			    u32 flags, u64 *nr_dirty, u64 *nr_over)
{
	bool peek = flags & DRM_HUGEMAP_SYNC_PEEK;
	const struct hm_dirty_range *r = &sink->r;
	unsigned long pos = r->first, from;
	struct hm_object *obj = t->obj;
	struct hm_dirty_batch *b;
	unsigned int i;
	int ret = 0;

	lockdep_assert_held(&t->sync);
	b = kvmalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b)
		return -ENOMEM;
	do {
		ret = hm_dirty_lock(t);
		if (ret)
			break;
		if (pos == r->first && obj->unseen)
			hm_dirty_mark_all(t);
		if (pos == r->first && flags & DRM_HUGEMAP_SYNC_RETRY)
			hm_dirty_unkeep(t, r->first, r->end);
		from = pos;
		hm_dirty_next(t, &pos, r->end, b);
		if (!peek) {
			hm_dirty_set_aside(t, from, pos);
			hm_dirty_clean(t, b, true);
		}
		hm_dirty_unlock(t);
		for (i = 0; i < b->nr; i++) {
			*nr_dirty += hweight_long(b->bits[i]);
			*nr_over += hweight_long(b->over[i]);
		}
		if (sink->put)
			ret = sink->put(sink, b);
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	} while (!ret && pos < r->end);
	kvfree(b);
	if (!ret && sink->finish)
		ret = sink->finish(sink);
	if (peek)
		return ret;

	down_write(&obj->lock);
	if (ret)
		hm_dirty_unkeep(t, r->first, pos);
	hm_dirty_put_back(t, r->first, r->end, ret);
	if (!ret && !(flags & DRM_HUGEMAP_SYNC_RETRY) && !obj->unseen)
		hm_adapt_round(&t->adapt, &t->kept, &t->dirty, r->first,
			       r->end);
	if (!ret && *nr_dirty)
		hm_dirty_arm(t);
	up_write(&obj->lock);
	if (ret)
		return ret;
	t->epoch++;
	trace_hugemap_sync(obj->region->id, t->id, hm_dirty_page(t, r->first),
			   hm_dirty_page(t, r->end), *nr_dirty, *nr_over,
			   t->epoch);
	return 0;
}

/* Words of the user's bitmap up to that of granule @to of the call are clean. */
static int hm_dirty_put_clean(struct hm_dirty_sink *s, unsigned long to)
{
	unsigned long from = s->done / BITS_PER_LONG;

	to /= BITS_PER_LONG;
	if (to <= from)
		return 0;
	s->done = to * BITS_PER_LONG;
	if (s->merge)
		return 0;
	return clear_user(s->bitmap + from, (to - from) * sizeof(u64)) ?
		-EFAULT : 0;
}

static int hm_dirty_put_word(struct hm_dirty_sink *s, unsigned long index,
			     u64 bits)
{
	u64 old = 0;

	/* A word that is begun twice, by two of ours, is added to. */
	if ((s->merge || s->done > index * BITS_PER_LONG) &&
	    get_user(old, s->bitmap + index))
		return -EFAULT;
	if (s->done <= index * BITS_PER_LONG) {
		int ret = hm_dirty_put_clean(s, index * BITS_PER_LONG);

		if (ret)
			return ret;
		s->done = (index + 1) * BITS_PER_LONG;
	}
	return put_user(old | bits, s->bitmap + index) ? -EFAULT : 0;
}

/* Words of the maps to words of the user, whose bit 0 is granule s->r.first. */
static int hm_dirty_put_bitmap(struct hm_dirty_sink *s,
			       const struct hm_dirty_batch *b)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < b->nr && !ret; i++) {
		unsigned long base = b->word[i] * BITS_PER_LONG;
		unsigned long bits = b->bits[i], at, shift;

		if (base < s->r.first) {
			bits >>= s->r.first - base;
			base = s->r.first;
		}
		at = base - s->r.first;
		shift = at % BITS_PER_LONG;
		if (bits << shift)
			ret = hm_dirty_put_word(s, at / BITS_PER_LONG,
						bits << shift);
		if (!ret && shift && bits >> (BITS_PER_LONG - shift))
			ret = hm_dirty_put_word(s, at / BITS_PER_LONG + 1,
						bits >> (BITS_PER_LONG - shift));
	}
	return ret;
}

static int hm_dirty_finish_bitmap(struct hm_dirty_sink *s)
{
	return hm_dirty_put_clean(s, round_up(s->r.end - s->r.first,
					      BITS_PER_LONG));
}

static int hm_dirty_put_rects(struct hm_dirty_sink *s,
			      const struct hm_dirty_batch *b)
{
	u64 size = (u64)s->rects->pitch * s->rects->height;
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		unsigned long bits = b->bits[i];

		for (; bits; bits &= bits - 1) {
			u64 g = b->word[i] * BITS_PER_LONG + __ffs(bits);
			u64 from = g << s->shift;
			u64 to = from + (1ULL << s->shift);

			from = max(from, s->origin) - s->origin;
			to = min(to - s->origin, size);
			if (from < to)
				hm_rects_add(s->rects, from, to);
		}
	}
	return 0;
}

static int hm_dirty_finish_rects(struct hm_dirty_sink *s)
{
	return copy_to_user(s->user_rects, s->rects->rects,
			    s->rects->nr * sizeof(*s->rects->rects)) ?
		-EFAULT : 0;
}

/**
 * hm_dirty_sync - the DIRTY_SYNC ioctl
 * @file: the open file
 * @args: in and out
 *
 * Return: 0 or a documented errno.
 */
int hm_dirty_sync(struct hm_file *file, struct drm_hugemap_dirty_sync *args)
{
	struct hm_dirty_sink sink = {
		.bitmap = u64_to_user_ptr(args->bitmap),
		.merge = args->flags & DRM_HUGEMAP_SYNC_MERGE,
	};
	u64 nr_dirty = 0, nr_over = 0;
	struct hm_tracker *t;
	int ret;

	if (args->flags & ~DRM_HUGEMAP_SYNC_FLAGS || args->pad ||
	    (args->flags & DRM_HUGEMAP_SYNC_PEEK &&
	     args->flags & DRM_HUGEMAP_SYNC_RETRY))
		return -EINVAL;
	t = hm_dirty_get(file, args->tracker);
	if (!t)
		return -ENOENT;
	ret = hm_dirty_bytes(args->start, args->len, t->order,
			     (u64)t->first << PAGE_SHIFT,
			     (u64)t->end << PAGE_SHIFT, t->base, &sink.r);
	if (ret)
		goto out;
	if (args->bitmap) {
		sink.put = hm_dirty_put_bitmap;
		sink.finish = hm_dirty_finish_bitmap;
	}
	ret = -EINTR;
	if (mutex_lock_interruptible(&t->sync))
		goto out;
	ret = hm_dirty_harvest(t, &sink, args->flags, &nr_dirty, &nr_over);
	if (!ret) {
		args->nr_dirty = nr_dirty;
		args->nr_over = nr_over;
		args->epoch = t->epoch;
	}
	mutex_unlock(&t->sync);
out:
	hm_dirty_put(t);
	return ret;
}

/**
 * hm_dirty_rects - the DIRTY_RECTS ioctl
 * @file: the open file
 * @args: in and out
 *
 * Return: 0 or a documented errno.
 */
int hm_dirty_rects(struct hm_file *file, struct drm_hugemap_dirty_rects *args)
{
	struct hm_rects rects = {
		.pitch = args->pitch,
		.width = args->width,
		.height = args->height,
		.cpp = args->cpp,
		.max = min_t(u32, args->max_rects, HM_DIRTY_MAX_RECTS),
	};
	struct hm_dirty_sink sink = {
		.put = hm_dirty_put_rects,
		.finish = hm_dirty_finish_rects,
		.rects = &rects,
		.user_rects = u64_to_user_ptr(args->rects),
	};
	u64 nr_dirty = 0, nr_over = 0, size, from, to;
	struct hm_tracker *t;
	int ret;

	if (args->flags & ~(DRM_HUGEMAP_SYNC_PEEK | DRM_HUGEMAP_SYNC_RETRY) ||
	    args->flags == (DRM_HUGEMAP_SYNC_PEEK | DRM_HUGEMAP_SYNC_RETRY) ||
	    !args->pitch || !args->width || !args->height || !args->cpp ||
	    !args->max_rects || (u64)args->width * args->cpp > args->pitch)
		return -EINVAL;
	t = hm_dirty_get(file, args->tracker);
	if (!t)
		return -ENOENT;
	/* Of the last line only what is visible must be there. */
	size = (u64)args->pitch * (args->height - 1) +
	       (u64)args->width * args->cpp;
	from = (u64)t->first << PAGE_SHIFT;
	to = (u64)t->end << PAGE_SHIFT;
	ret = -ERANGE;
	if (args->offset < from || args->offset >= to ||
	    size > to - args->offset)
		goto out;
	sink.shift = PAGE_SHIFT + t->order;
	sink.origin = args->offset - ((u64)t->base << PAGE_SHIFT);
	sink.r.first = sink.origin >> sink.shift;
	sink.r.end = ((sink.origin + size - 1) >> sink.shift) + 1;
	ret = -ENOMEM;
	rects.rects = kcalloc(rects.max, sizeof(*rects.rects),
			      GFP_KERNEL_ACCOUNT);
	if (!rects.rects)
		goto out;
	ret = -EINTR;
	if (mutex_lock_interruptible(&t->sync))
		goto out;
	ret = hm_dirty_harvest(t, &sink, args->flags, &nr_dirty, &nr_over);
	mutex_unlock(&t->sync);
	if (!ret)
		args->nr_rects = rects.nr;
out:
	kfree(rects.rects);
	hm_dirty_put(t);
	return ret;
}

/* Leave of the bits of a word those that are set in @only, from @first on. */
static unsigned long hm_dirty_filter(unsigned long word, unsigned long bits,
				     const unsigned long *only,
				     unsigned long first)
{
	unsigned long n = only ? bits : 0, g;

	for (; n; n &= n - 1) {
		g = word * BITS_PER_LONG + __ffs(n);
		if (!test_bit(g - first, only))
			bits &= ~(n & -n);
	}
	return bits;
}

/* Make granules clean for good: all, or those in @only, from @r->first on. */
static int hm_dirty_forget(struct hm_tracker *t, const struct hm_dirty_range *r,
			   const unsigned long *only, struct hm_dirty_batch *b)
{
	unsigned long pos = r->first, word, bits;
	bool some = false;
	unsigned int i;
	int ret;

	ret = hm_dirty_lock(t);
	if (ret)
		return ret;
	while (hm_dirtymap_next(&t->kept, &pos, r->end, &word, &bits)) {
		bits = hm_dirty_filter(word, bits, only, r->first);
		hm_dirtymap_clear(&t->kept, word, bits);
		t->kept_over[word] &= ~bits;
	}
	pos = r->first;
	while (pos < r->end) {
		hm_dirty_next(t, &pos, r->end, b);
		for (i = 0; i < b->nr; i++) {
			b->bits[i] = hm_dirty_filter(b->word[i], b->bits[i],
						     only, r->first);
			some |= b->bits[i];
		}
		hm_dirty_clean(t, b, false);
	}
	if (some)
		hm_dirty_arm(t);
	hm_dirty_unlock(t);
	return 0;
}

/**
 * hm_dirty_clear - the DIRTY_CLEAR ioctl
 * @file: the open file
 * @args: in
 *
 * Return: 0 or a documented errno.
 */
int hm_dirty_clear(struct hm_file *file, struct drm_hugemap_dirty_clear *args)
{
	u64 __user *bitmap = u64_to_user_ptr(args->bitmap);
	struct hm_dirty_range all, part;
	unsigned long *only = NULL;
	struct hm_dirty_batch *b;
	struct hm_tracker *t;
	int ret;

	if (args->flags)
		return -EINVAL;
	t = hm_dirty_get(file, args->tracker);
	if (!t)
		return -ENOENT;
	ret = hm_dirty_bytes(args->start, args->len, t->order,
			     (u64)t->first << PAGE_SHIFT,
			     (u64)t->end << PAGE_SHIFT, t->base, &all);
	if (ret)
		goto out_put;
	b = kvmalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (args->bitmap)
		only = kcalloc(HM_DIRTY_BATCH, sizeof(long), GFP_KERNEL_ACCOUNT);
	ret = b && (only || !args->bitmap) ? 0 : -ENOMEM;
	if (!ret && mutex_lock_interruptible(&t->sync))
		ret = -EINTR;
	if (ret)
		goto out_free;
	for (part.first = all.first; !ret && part.first < all.end;
	     part.first = part.end) {
		unsigned long n = min(all.end - part.first,
				      HM_DIRTY_BATCH * (unsigned long)
				      BITS_PER_LONG);

		part.end = part.first + n;
		if (only && copy_from_user(only, bitmap +
					   (part.first - all.first) /
					   BITS_PER_LONG,
					   BITS_TO_LONGS(n) * sizeof(u64)))
			ret = -EFAULT;
		else
			ret = hm_dirty_forget(t, &part, only, b);
		cond_resched();
	}
	mutex_unlock(&t->sync);
out_free:
	kfree(only);
	kvfree(b);
out_put:
	hm_dirty_put(t);
	return ret;
}
