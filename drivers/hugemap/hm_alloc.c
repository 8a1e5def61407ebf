// SPDX-License-Identifier: GPL-2.0
/*
 * The free memory of a region: aligned pieces of it, always cleared.
 *
 * Memory that is freed goes through a worker, which clears it before anyone
 * can have it; so neither who frees nor who allocates next waits for that, as
 * long as there is other memory.  Memory that held data before the driver had
 * it, or that root may have written through the character node, is marked in a
 * bitmap and cleared when it is allocated.
 */
#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "hm_alloc.h"
#include "hm_object.h"
#include "hm_region.h"

/* Pages for which there is a bit in &hm_alloc.dirty. */
#define HM_UNIT		BIT(PMD_ORDER)

/*
 * Clear @nr page frames from @pfn on, in steps.
 * Return: -EINTR if @stop said so.
 */
static int hm_alloc_memset(struct hm_region *region, unsigned long pfn,
			   unsigned long nr, bool (*stop)(void *data),
			   void *data)
{
	while (nr) {
		unsigned long n = min(nr, HM_UNIT - pfn % HM_UNIT);
		struct iosys_map map = hm_region_kva(region, pfn);

		if (stop(data))
			return -EINTR;
		iosys_map_memset(&map, 0, 0, n << PAGE_SHIFT);
		pfn += n;
		nr -= n;
		cond_resched();
	}
	return 0;
}

static void hm_alloc_free_block(struct hm_alloc *a, struct hm_block *b)
{
	lockdep_assert_held(&a->lock);
	a->nr_used -= b->node.size;
	drm_mm_remove_node(&b->node);
	list_del(&b->link);
	kfree(b);
}

static bool hm_alloc_is_dead(void *data)
{
	struct hm_alloc *a = data;

	return READ_ONCE(a->dead);
}

static void hm_alloc_work(struct work_struct *work)
{
	struct hm_alloc *a = container_of(work, struct hm_alloc, work);
	struct hm_region *region = container_of(a, struct hm_region, alloc);
	struct hm_block *b;

	mutex_lock(&a->lock);
	while (!a->dead && !list_empty(&a->scrub)) {
		b = list_first_entry(&a->scrub, struct hm_block, link);
		list_del_init(&b->link);
		mutex_unlock(&a->lock);
		hm_alloc_memset(region, b->node.start, b->node.size,
				hm_alloc_is_dead, a);
		mutex_lock(&a->lock);
		a->nr_scrub -= b->node.size;
		hm_alloc_free_block(a, b);
		WRITE_ONCE(a->scrubbed, a->scrubbed + 1);
		wake_up_all(&a->wait);
	}
	mutex_unlock(&a->lock);
}

static int hm_alloc_cmp(const void *x, const void *y)
{
	const struct hm_extent *a = x, *b = y;

	return a->pfn < b->pfn ? -1 : a->pfn > b->pfn;
}

/* Take what lies between the extents out of the allocator. */
static int hm_alloc_init_gaps(struct hm_alloc *a, struct hm_extent *sorted,
			      unsigned int nr)
{
	unsigned int i;
	int ret;

	a->gaps = kvcalloc(nr, sizeof(*a->gaps), GFP_KERNEL);
	if (!a->gaps)
		return -ENOMEM;
	for (i = 0; i + 1 < nr; i++) {
		struct drm_mm_node *gap = &a->gaps[a->nr_gaps];

		gap->start = sorted[i].pfn + sorted[i].nr;
		gap->size = sorted[i + 1].pfn - gap->start;
		if (!gap->size)
			continue;
		ret = drm_mm_reserve_node(&a->mm, gap);
		if (ret)
			return ret;
		a->nr_gaps++;
	}
	return 0;
}

/**
 * hm_alloc_init - all of a region's memory is free
 * @region: with the extents of its window and &hm_region.caching
 *
 * Return: 0 or -ENOMEM; hm_alloc_fini() is due in any case.
 */
int hm_alloc_init(struct hm_region *region)
{
	const struct hm_object *obj = &region->window;
	struct hm_alloc *a = &region->alloc;
	struct hm_extent *sorted, *last;
	int ret;

	mutex_init(&a->lock);
	INIT_LIST_HEAD(&a->scrub);
	INIT_WORK(&a->work, hm_alloc_work);
	init_waitqueue_head(&a->wait);

	sorted = kvmalloc_array(obj->nr_extents, sizeof(*sorted), GFP_KERNEL);
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, obj->extents, obj->nr_extents * sizeof(*sorted));
	sort(sorted, obj->nr_extents, sizeof(*sorted), hm_alloc_cmp, NULL);
	last = &sorted[obj->nr_extents - 1];
	drm_mm_init(&a->mm, sorted->pfn, last->pfn + last->nr - sorted->pfn);
	a->first = sorted->pfn / HM_UNIT;
	a->nr_units = (last->pfn + last->nr - 1) / HM_UNIT - a->first + 1;
	ret = hm_alloc_init_gaps(a, sorted, obj->nr_extents);
	kvfree(sorted);
	if (ret)
		return ret;

	a->dirty = bitmap_zalloc(a->nr_units, GFP_KERNEL);
	if (!a->dirty)
		return -ENOMEM;
	/* Only the page allocator's memory was cleared. */
	if (region->spec.type != DRM_HUGEMAP_REGION_SYSTEM)
		bitmap_fill(a->dirty, a->nr_units);
	return 0;
}

/**
 * hm_alloc_kill - the memory is about to go away
 * @region: after hm_alloc_init(), failed or not
 *
 * Blocks that are out may still be given back.
 *
 * Context: sleeps until clearing has stopped.
 */
void hm_alloc_kill(struct hm_region *region)
{
	struct hm_alloc *a = &region->alloc;
	struct hm_block *b, *next;

	mutex_lock(&a->lock);
	WRITE_ONCE(a->dead, true);
	mutex_unlock(&a->lock);
	cancel_work_sync(&a->work);
	mutex_lock(&a->lock);
	list_for_each_entry_safe(b, next, &a->scrub, link)
		hm_alloc_free_block(a, b);
	a->nr_scrub = 0;
	WRITE_ONCE(a->scrubbed, a->queued);
	mutex_unlock(&a->lock);
	wake_up_all(&a->wait);
}

/**
 * hm_alloc_fini - the reverse of hm_alloc_init()
 * @region: after hm_alloc_kill(), with no block out; or zeroed
 */
void hm_alloc_fini(struct hm_region *region)
{
	struct hm_alloc *a = &region->alloc;

	if (!drm_mm_initialized(&a->mm))
		return;
	while (a->nr_gaps)
		drm_mm_remove_node(&a->gaps[--a->nr_gaps]);
	kvfree(a->gaps);
	bitmap_free(a->dirty);
	drm_mm_takedown(&a->mm);
}

/*
 * One block of @nr pages, at the end of @blocks.  The lock is not held for
 * more than this: what comes between two blocks of an owner does no harm.
 */
static int hm_alloc_insert(struct hm_alloc *a, unsigned long nr,
			   unsigned long align, struct list_head *blocks)
{
	struct hm_block *b;
	int ret;

	if (fatal_signal_pending(current))
		return -EINTR;
	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b)
		return -ENOMEM;
	mutex_lock(&a->lock);
	ret = a->dead ? -ENODEV :
	      drm_mm_insert_node_generic(&a->mm, &b->node, nr, align, 0,
					 DRM_MM_INSERT_BEST);
	if (!ret) {
		list_add_tail(&b->link, blocks);
		a->nr_used += nr;
	}
	mutex_unlock(&a->lock);
	if (ret)
		kfree(b);
	return ret;
}

static void hm_alloc_undo(struct hm_alloc *a, struct list_head *blocks)
{
	struct hm_block *b, *next;

	lockdep_assert_held(&a->lock);
	list_for_each_entry_safe(b, next, blocks, link)
		hm_alloc_free_block(a, b);
}

/* The levels that help @nr pages, best first: -1 when there are no more. */
static int hm_alloc_level(int level, unsigned long nr, unsigned int max_order)
{
	for (; level > HM_PTE; level--)
		if (hm_level_order(level) <= max_order &&
		    nr >> hm_level_order(level))
			return level;
	return level;
}

/* In one piece, aligned as well as possible. */
static int hm_alloc_one(struct hm_alloc *a, unsigned long nr,
			unsigned int max_order, struct list_head *blocks,
			bool best_only)
{
	int level = hm_alloc_level(HM_NR_LEVELS - 1, nr, max_order);
	int ret = -ENOSPC;

	for (; level >= HM_PTE; level = hm_alloc_level(level - 1, nr,
						       max_order)) {
		ret = hm_alloc_insert(a, nr, 1UL << hm_level_order(level),
				      blocks);
		if (ret != -ENOSPC || best_only)
			break;
	}
	return ret;
}

/*
 * In as few pieces as there are, first those that hold the largest pages, so
 * that those lie at good offsets in the object.
 */
static int hm_alloc_pieces(struct hm_alloc *a, unsigned long nr,
			   unsigned int max_order, struct list_head *blocks)
{
	int level;

	for (level = HM_NR_LEVELS - 1; level >= HM_PTE; level--) {
		unsigned long unit = 1UL << hm_level_order(level);
		unsigned long piece = round_down(nr, unit);

		if (hm_level_order(level) > max_order)
			continue;
		while (nr >= unit) {
			int ret;

			piece = min(piece, round_down(nr, unit));
			ret = hm_alloc_insert(a, piece, unit, blocks);
			if (!ret) {
				nr -= piece;
				continue;
			}
			if (ret != -ENOSPC)
				return ret;
			if (piece == unit)
				break;
			piece = max(round_down(piece / 2, unit), unit);
		}
	}
	return nr ? -ENOSPC : 0;
}

/**
 * hm_alloc_wait - wait for the clearing of what was freed until now
 * @region: region
 *
 * Return: 0, or -EINTR for a fatal signal.
 */
int hm_alloc_wait(struct hm_region *region)
{
	struct hm_alloc *a = &region->alloc;
	unsigned long until = READ_ONCE(a->queued);

	return wait_event_killable(a->wait,
				   (long)(READ_ONCE(a->scrubbed) - until) >= 0) ?
	       -EINTR : 0;
}

/**
 * hm_alloc_get - take memory
 * @region: region
 * @nr: pages, at least one
 * @max_order: largest order worth aligning for
 * @contiguous: in one block
 * @blocks: empty; struct hm_block in the order they are to be used
 *
 * If the best layout is not to be had, waits for memory that was freed and is
 * being cleared; there is too little only if there is with all of that.  The
 * result still needs hm_alloc_clear().
 *
 * Context: process; may sleep.
 * Return: 0, -ENOSPC, -ENOMEM, -EINTR for a fatal signal, -ENODEV.
 */
int hm_alloc_get(struct hm_region *region, unsigned long nr,
		 unsigned int max_order, bool contiguous,
		 struct list_head *blocks)
{
	struct hm_alloc *a = &region->alloc;
	unsigned long queued;
	int ret;

	ret = hm_alloc_one(a, nr, max_order, blocks, true);
	if (ret != -ENOSPC)
		return ret;
	do {
		queued = READ_ONCE(a->queued);
		ret = hm_alloc_wait(region);
		if (ret)
			return ret;
		ret = hm_alloc_one(a, nr, max_order, blocks, !contiguous);
		if (ret == -ENOSPC && !contiguous)
			ret = hm_alloc_pieces(a, nr, max_order, blocks);
		if (ret) {
			mutex_lock(&a->lock);
			hm_alloc_undo(a, blocks);
			mutex_unlock(&a->lock);
		}
		/* Others may have what we waited for, and have freed more. */
	} while (ret == -ENOSPC && READ_ONCE(a->queued) != queued &&
		 hm_alloc_avail(region) >> PAGE_SHIFT >= nr);
	return ret;
}

/**
 * hm_alloc_clear - clear what may hold data of new blocks
 * @region: region
 * @blocks: of hm_alloc_get()
 * @stop: asked now and then
 * @data: for @stop
 *
 * Context: process; may sleep.
 * Return: 0, or -EINTR if @stop returned true.
 */
int hm_alloc_clear(struct hm_region *region, struct list_head *blocks,
		   bool (*stop)(void *data), void *data)
{
	struct hm_alloc *a = &region->alloc;
	struct hm_block *b;
	int ret;

	list_for_each_entry(b, blocks, link) {
		unsigned long pfn = b->node.start, nr = b->node.size;

		while (nr) {
			unsigned long n = min(nr, HM_UNIT - pfn % HM_UNIT);
			unsigned long unit = pfn / HM_UNIT - a->first;
			bool dirty;

			mutex_lock(&a->lock);
			dirty = a->writers || test_bit(unit, a->dirty);
			/* No part of the unit is free: nothing is to be told. */
			if (n == HM_UNIT)
				__clear_bit(unit, a->dirty);
			mutex_unlock(&a->lock);
			if (dirty) {
				ret = hm_alloc_memset(region, pfn, n, stop,
						      data);
				if (ret)
					return ret;
			}
			pfn += n;
			nr -= n;
		}
	}
	return 0;
}

/**
 * hm_alloc_put - give memory back
 * @region: region
 * @blocks: of hm_alloc_get(); nobody can reach the memory any more
 *
 * Context: process; does not wait for the memory to be cleared.
 */
void hm_alloc_put(struct hm_region *region, struct list_head *blocks)
{
	struct hm_alloc *a = &region->alloc;
	struct hm_block *b;

	mutex_lock(&a->lock);
	if (a->dead) {
		hm_alloc_undo(a, blocks);
	} else {
		list_for_each_entry(b, blocks, link) {
			WRITE_ONCE(a->queued, a->queued + 1);
			a->nr_scrub += b->node.size;
		}
		list_splice_tail_init(blocks, &a->scrub);
		queue_work(hm_region_wq, &a->work);
	}
	mutex_unlock(&a->lock);
}

/**
 * hm_alloc_avail - how much memory is free or being cleared
 * @region: region
 *
 * Return: bytes.
 */
u64 hm_alloc_avail(struct hm_region *region)
{
	struct hm_alloc *a = &region->alloc;
	unsigned long used;

	mutex_lock(&a->lock);
	used = a->nr_used - a->nr_scrub;
	mutex_unlock(&a->lock);
	return (u64)(region->window.nr_pages - used) << PAGE_SHIFT;
}

/**
 * hm_alloc_writer - someone may write to free memory from now on, or no more
 * @region: region
 * @begin: from now on
 */
void hm_alloc_writer(struct hm_region *region, bool begin)
{
	struct hm_alloc *a = &region->alloc;

	mutex_lock(&a->lock);
	if (begin) {
		a->writers++;
	} else {
		bitmap_fill(a->dirty, a->nr_units);
		a->writers--;
	}
	mutex_unlock(&a->lock);
}
