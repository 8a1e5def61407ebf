// SPDX-License-Identifier: GPL-2.0
/*
 * What became dirty: DIRTY_SYNC, DIRTY_RECTS and DIRTY_CLEAR.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hm_rearm.h"
#include "hm_rects.h"
#include "hm_sync.h"
#include "hm_trace.h"
#include "hm_tracker.h"

/* Words handled at once, between which faults get the lock. */
#define HM_SYNC_BATCH		256

/*
 * Clean pages between dirty ones that cost as much as a zap more: to be looked
 * at, taken away and mapped again.  With more of them there are two zaps.
 */
#define HM_SYNC_GAP		16

#define HM_SYNC_MAX_RECTS	256

/**
 * struct hm_sync_batch - words taken from a tracker
 * @nr: number of words
 * @word: their indices in the maps, ascending
 * @bits: what was taken
 * @over: which of @bits were not written
 */
struct hm_sync_batch {
	unsigned int nr;
	unsigned long word[HM_SYNC_BATCH];
	unsigned long bits[HM_SYNC_BATCH];
	unsigned long over[HM_SYNC_BATCH];
};

/**
 * struct hm_sync_sink - where a harvest goes
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
struct hm_sync_sink {
	int (*put)(struct hm_sync_sink *s, const struct hm_sync_batch *b);
	int (*finish)(struct hm_sync_sink *s);
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
 * one run with what little is between them: see hm_rearm().
 */
static void hm_sync_rearm(struct hm_tracker *t, const struct hm_sync_batch *b)
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
			    (page - end > HM_SYNC_GAP ||
			     page >> PMD_ORDER != (end - 1) >> PMD_ORDER)) {
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
static void hm_sync_unkeep(struct hm_tracker *t, unsigned long first,
			   unsigned long end)
{
	unsigned long word, bits;

	lockdep_assert_held_write(&t->obj->lock);
	while (hm_dirtymap_next(&t->kept, &first, end, &word, &bits)) {
		unsigned long over = t->kept_over[word] & bits;

		t->guessed = true;
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
static void hm_sync_set_aside(struct hm_tracker *t, unsigned long first,
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
static void hm_sync_put_back(struct hm_tracker *t, unsigned long first,
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
static void hm_sync_clean(struct hm_tracker *t, const struct hm_sync_batch *b,
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
	hm_sync_rearm(t, b);
}

/* The next dirty words, from *@pos on, which moves behind them or to @end. */
static void hm_sync_next(struct hm_tracker *t, unsigned long *pos,
			 unsigned long end, struct hm_sync_batch *b)
{
	lockdep_assert_held_write(&t->obj->lock);
	for (b->nr = 0; b->nr < HM_SYNC_BATCH; b->nr++) {
		unsigned long *bits = &b->bits[b->nr];
		unsigned long *word = &b->word[b->nr];

		if (!hm_dirtymap_next(&t->dirty, pos, end, word, bits))
			break;
		b->over[b->nr] = t->over[*word] & *bits;
	}
	*pos = min(*pos, end);
}

/* Report what is dirty in @sink->r; @flags: DRM_HUGEMAP_SYNC_*. */
static int hm_sync_harvest(struct hm_tracker *t, struct hm_sync_sink *sink,
			   u32 flags, u64 *nr_dirty, u64 *nr_over)
{
	bool peek = flags & DRM_HUGEMAP_SYNC_PEEK;
	const struct hm_dirty_range *r = &sink->r;
	unsigned long pos = r->first, from;
	struct hm_object *obj = t->obj;
	struct hm_dirty_range all;
	struct hm_sync_batch *b;
	unsigned int i;
	int ret = 0;

	lockdep_assert_held(&t->sync);
	b = kvmalloc(sizeof(*b), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!b)
		return -ENOMEM;
	do {
		ret = hm_dirty_lock(t);
		if (ret)
			break;
		if (pos == r->first && obj->unseen)
			hm_dirty_mark_all(t);
		if (pos == r->first && flags & DRM_HUGEMAP_SYNC_RETRY)
			hm_sync_unkeep(t, r->first, r->end);
		from = pos;
		hm_sync_next(t, &pos, r->end, b);
		if (!peek) {
			hm_sync_set_aside(t, from, pos);
			hm_sync_clean(t, b, true);
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
		hm_sync_unkeep(t, r->first, pos);
	hm_sync_put_back(t, r->first, r->end, ret);
	if (!ret && !t->guessed && !obj->unseen)
		hm_adapt_round(&t->adapt, &t->kept, &t->dirty, r->first,
			       r->end);
	all = hm_dirty_whole(t);
	if (!ret && r->first == all.first && r->end == all.end)
		t->guessed = false;
	if (ret)
		hm_dirty_notify(t);
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
static int hm_sync_put_clean(struct hm_sync_sink *s, unsigned long to)
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

static int hm_sync_put_word(struct hm_sync_sink *s, unsigned long index,
			    u64 bits)
{
	u64 old = 0;

	/* A word that is begun twice, by two of ours, is added to. */
	if ((s->merge || s->done > index * BITS_PER_LONG) &&
	    get_user(old, s->bitmap + index))
		return -EFAULT;
	if (s->done <= index * BITS_PER_LONG) {
		int ret = hm_sync_put_clean(s, index * BITS_PER_LONG);

		if (ret)
			return ret;
		s->done = (index + 1) * BITS_PER_LONG;
	}
	return put_user(old | bits, s->bitmap + index) ? -EFAULT : 0;
}

/* Words of the maps to words of the user: bit 0 is granule s->r.first. */
static int hm_sync_put_bitmap(struct hm_sync_sink *s,
			      const struct hm_sync_batch *b)
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
			ret = hm_sync_put_word(s, at / BITS_PER_LONG,
					       bits << shift);
		if (!ret && shift && bits >> (BITS_PER_LONG - shift))
			ret = hm_sync_put_word(s, at / BITS_PER_LONG + 1,
					       bits >> (BITS_PER_LONG - shift));
	}
	return ret;
}

static int hm_sync_finish_bitmap(struct hm_sync_sink *s)
{
	return hm_sync_put_clean(s, round_up(s->r.end - s->r.first,
					     BITS_PER_LONG));
}

static int hm_sync_put_rects(struct hm_sync_sink *s,
			     const struct hm_sync_batch *b)
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

static int hm_sync_finish_rects(struct hm_sync_sink *s)
{
	return copy_to_user(s->user_rects, s->rects->rects,
			    s->rects->nr * sizeof(*s->rects->rects)) ?
		-EFAULT : 0;
}

/* The granules of a part of what the tracker watches, given in bytes. */
static int hm_sync_range(const struct hm_tracker *t, u64 start, u64 len,
			 struct hm_dirty_range *r)
{
	return hm_dirty_bytes(start, len, t->order,
			      (u64)t->first << PAGE_SHIFT,
			      (u64)t->end << PAGE_SHIFT, t->base, r);
}

/**
 * hm_sync - the DIRTY_SYNC ioctl
 * @file: the open file
 * @args: in and out
 *
 * Return: 0 or a documented errno.
 */
int hm_sync(struct hm_file *file, struct drm_hugemap_dirty_sync *args)
{
	struct hm_sync_sink sink = {
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
	ret = hm_sync_range(t, args->start, args->len, &sink.r);
	if (ret)
		goto out;
	if (args->bitmap) {
		sink.put = hm_sync_put_bitmap;
		sink.finish = hm_sync_finish_bitmap;
	}
	ret = -EINTR;
	if (mutex_lock_interruptible(&t->sync))
		goto out;
	ret = hm_sync_harvest(t, &sink, args->flags, &nr_dirty, &nr_over);
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
 * hm_sync_rects - the DIRTY_RECTS ioctl
 * @file: the open file
 * @args: in and out
 *
 * Return: 0 or a documented errno.
 */
int hm_sync_rects(struct hm_file *file, struct drm_hugemap_dirty_rects *args)
{
	struct hm_rects rects = {
		.pitch = args->pitch,
		.width = args->width,
		.height = args->height,
		.cpp = args->cpp,
		.max = min_t(u32, args->max_rects, HM_SYNC_MAX_RECTS),
	};
	struct hm_sync_sink sink = {
		.put = hm_sync_put_rects,
		.finish = hm_sync_finish_rects,
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
	ret = hm_sync_harvest(t, &sink, args->flags, &nr_dirty, &nr_over);
	mutex_unlock(&t->sync);
	if (!ret)
		args->nr_rects = rects.nr;
out:
	kfree(rects.rects);
	hm_dirty_put(t);
	return ret;
}

/* Leave of the bits of a word those that are set in @only, from @first on. */
static unsigned long hm_sync_filter(unsigned long word, unsigned long bits,
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
static int hm_sync_forget(struct hm_tracker *t, const struct hm_dirty_range *r,
			  const unsigned long *only, struct hm_sync_batch *b)
{
	unsigned long pos = r->first, word, bits;
	bool some = false;
	unsigned int i;
	int ret;

	ret = hm_dirty_lock(t);
	if (ret)
		return ret;
	while (hm_dirtymap_next(&t->kept, &pos, r->end, &word, &bits)) {
		bits = hm_sync_filter(word, bits, only, r->first);
		hm_dirtymap_clear(&t->kept, word, bits);
		t->kept_over[word] &= ~bits;
	}
	pos = r->first;
	while (pos < r->end) {
		hm_sync_next(t, &pos, r->end, b);
		for (i = 0; i < b->nr; i++) {
			b->bits[i] = hm_sync_filter(b->word[i], b->bits[i],
						    only, r->first);
			some |= b->bits[i];
		}
		hm_sync_clean(t, b, false);
	}
	if (some)
		hm_dirty_arm(t);
	hm_dirty_unlock(t);
	return 0;
}

/**
 * hm_sync_clear - the DIRTY_CLEAR ioctl
 * @file: the open file
 * @args: in
 *
 * Return: 0 or a documented errno.
 */
int hm_sync_clear(struct hm_file *file, struct drm_hugemap_dirty_clear *args)
{
	u64 __user *bitmap = u64_to_user_ptr(args->bitmap);
	struct hm_dirty_range all, part;
	unsigned long *only = NULL;
	struct hm_sync_batch *b;
	struct hm_tracker *t;
	int ret;

	if (args->flags)
		return -EINVAL;
	t = hm_dirty_get(file, args->tracker);
	if (!t)
		return -ENOENT;
	ret = hm_sync_range(t, args->start, args->len, &all);
	if (ret)
		goto out_put;
	b = kvmalloc(sizeof(*b), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (args->bitmap)
		only = kcalloc(HM_SYNC_BATCH, sizeof(long), GFP_KERNEL_ACCOUNT);
	ret = b && (only || !args->bitmap) ? 0 : -ENOMEM;
	if (!ret && mutex_lock_interruptible(&t->sync))
		ret = -EINTR;
	if (ret)
		goto out_free;
	for (part.first = all.first; !ret && part.first < all.end;
	     part.first = part.end) {
		unsigned long n = min(all.end - part.first,
				      HM_SYNC_BATCH * (unsigned long)
				      BITS_PER_LONG);

		part.end = part.first + n;
		if (only && copy_from_user(only, bitmap +
					   (part.first - all.first) /
					   BITS_PER_LONG,
					   BITS_TO_LONGS(n) * sizeof(u64)))
			ret = -EFAULT;
		else
			ret = hm_sync_forget(t, &part, only, b);
		if (!ret && fatal_signal_pending(current))
			ret = -EINTR;
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
