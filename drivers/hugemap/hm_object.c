// SPDX-License-Identifier: GPL-2.0
/*
 * Objects: what the fault engine maps and what read() and write() copy.
 */
#include <linux/fs.h>

#include "hm_dirty.h"
#include "hm_object.h"
#include "hm_order.h"
#include "hm_ptwalk.h"
#include "hm_trace.h"
#include "hm_vma.h"

/**
 * hm_object_init - prepare an object without memory
 * @obj: zeroed
 * @region: owner
 * @ops: what it is a part of
 * @mapping: address space that all mappings of the object are in
 * @pgoff: page of @mapping at which it begins
 * @max_order: largest order that its creator wants
 */
void hm_object_init(struct hm_object *obj, struct hm_region *region,
		    const struct hm_object_ops *ops,
		    struct address_space *mapping, unsigned long pgoff,
		    unsigned int max_order)
{
	obj->region = region;
	obj->ops = ops;
	INIT_LIST_HEAD(&obj->node);
	obj->mapping = mapping;
	obj->pgoff = pgoff;
	obj->max_order = max_order;
	init_rwsem(&obj->lock);
	INIT_LIST_HEAD(&obj->trackers);
	mutex_init(&obj->promote);
}

/**
 * hm_object_set_extents - give an object its memory
 * @obj: object, not yet visible to anyone
 * @extents: sorted and without gaps; &hm_extent.pgoff is filled in here.  The
 *	caller keeps the array and outlives the object with it.
 * @nr: number of @extents, at least one
 *
 * Return: 0, or -EFBIG if the pages do not fit an unsigned long.
 */
int hm_object_set_extents(struct hm_object *obj, struct hm_extent *extents,
			  unsigned int nr)
{
	unsigned long pages = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		extents[i].pgoff = pages;
		if (check_add_overflow(pages, extents[i].nr, &pages))
			return -EFBIG;
	}
	obj->extents = extents;
	obj->nr_extents = nr;
	obj->nr_pages = pages;
	return 0;
}

/**
 * hm_object_extent - find the extent of a page
 * @obj: object
 * @pgoff: page
 *
 * Return: the extent, or NULL behind the end of the object.
 */
const struct hm_extent *hm_object_extent(const struct hm_object *obj,
					 unsigned long pgoff)
{
	unsigned int lo = 0, hi = obj->nr_extents;

	if (pgoff >= obj->nr_pages)
		return NULL;
	/* Invariant: the extent is in [lo, hi). */
	while (hi - lo > 1) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (obj->extents[mid].pgoff <= pgoff)
			lo = mid;
		else
			hi = mid;
	}
	return &obj->extents[lo];
}

/**
 * hm_object_has_unit - is there contiguous memory for one page of a level?
 * @obj: object
 * @level: PMD or PUD
 *
 * Return: true if some extent holds an aligned unit.
 */
bool hm_object_has_unit(const struct hm_object *obj, enum hm_level level)
{
	unsigned long nr = 1UL << hm_level_order(level);
	unsigned int i;

	for (i = 0; i < obj->nr_extents; i++) {
		const struct hm_extent *e = &obj->extents[i];
		unsigned long skip = ALIGN(e->pfn, nr) - e->pfn;

		if (skip < e->nr && e->nr - skip >= nr)
			return true;
	}
	return false;
}

/**
 * hm_object_layout - entries of a mapping of the whole object
 * @obj: object
 * @nr: result, by level; zeroed
 *
 * At an address that is congruent with the first extent, where
 * hm_vma_get_unmapped_area() puts it, and with the present limits.
 */
void hm_object_layout(struct hm_object *obj, u64 nr[HM_NR_LEVELS])
{
	unsigned long base = obj->extents[0].pfn;
	unsigned int i;

	down_read(&obj->lock);
	for (i = 0; i < obj->nr_extents; i++) {
		const struct hm_extent *e = &obj->extents[i];
		unsigned long pfn = e->pfn, end = e->pfn + e->nr;
		/* Virtual minus physical, in pages. */
		unsigned long delta = base + e->pgoff - e->pfn;
		unsigned long next;

		while (pfn < end) {
			enum hm_level l = HM_PUD;

			for (; l > HM_PTE; l--) {
				unsigned long n = 1UL << hm_level_order(l);

				if (!obj->why[l] && IS_ALIGNED(pfn | delta, n) &&
				    end - pfn >= n)
					break;
			}
			if (l > HM_PTE) {
				nr[l]++;
				pfn += 1UL << hm_level_order(l);
				continue;
			}
			/* Up to where a larger one may begin. */
			next = min(end, ALIGN(pfn + 1, BIT(PMD_ORDER)));
			nr[l] += next - pfn;
			pfn = next;
		}
	}
	up_read(&obj->lock);
}

/**
 * hm_object_copy - copy between an object and a kernel buffer
 * @obj: object
 * @pos: offset in bytes
 * @buf: kernel memory; not user memory, which may be a mapping of the object
 * @len: bytes; cut at the end of the object
 * @write: into the object
 *
 * Context: takes @obj->lock, page by page.
 * Return: bytes copied; 0 at or behind the end, or for no @len; -ENODEV.
 */
ssize_t hm_object_copy(struct hm_object *obj, u64 pos, void *buf, size_t len,
		       bool write)
{
	size_t done = 0;

	if (!len || pos >= hm_object_size(obj))
		return 0;
	len = min_t(u64, len, hm_object_size(obj) - pos);
	while (done < len) {
		size_t n = min_t(size_t, len - done,
				 PAGE_SIZE - offset_in_page(pos + done));
		const struct hm_extent *e =
			hm_object_extent(obj, (pos + done) >> PAGE_SHIFT);
		u64 in = pos + done - ((u64)e->pgoff << PAGE_SHIFT);
		struct iosys_map map = e->kva;

		down_read(&obj->lock);
		if (obj->dead) {
			up_read(&obj->lock);
			break;
		}
		if (write)
			hm_dirty_copied(obj, (pos + done) >> PAGE_SHIFT);
		if (write)
			iosys_map_memcpy_to(&map, in, buf + done, n);
		else
			iosys_map_memcpy_from(buf + done, &map, in, n);
		up_read(&obj->lock);
		done += n;
	}
	return done ?: -ENODEV;
}

static int hm_object_left(const struct hm_ptwalk_entry *e, void *data)
{
	return e->present;
}

/*
 * Core mm passes over what is empty without a lock (mm/memory.c zap_pmd_range()),
 * and mremap() clears an entry before it sets the new one, and a split before it
 * flushes TLBs.  They hold the lock of the table meanwhile: with it, look whether
 * there is anything left.  This waits for the one who moves an entry from here to
 * a VMA behind, and finds what has come here.  PTEs are zapped under their lock.
 */
static void hm_object_zap_vma(struct vm_area_struct *vma)
{
	struct hm_ptwalk walk = {
		.fn = hm_object_left, .locked = true, .huge = true,
	};

	do {
		hm_compat_zap_vma(vma, vma->vm_start,
				  vma->vm_end - vma->vm_start);
	} while (hm_ptwalk_range(vma->vm_mm, vma->vm_start, vma->vm_end, &walk));
}

/**
 * hm_object_zap - take every entry of every mapping of an object away
 * @obj: object
 * @why: for the counters
 *
 * Not by unmap_mapping_range(): at the offsets of a window there are those of
 * the other regions' windows, and their PUD entries must not be cut.
 *
 * Context: @obj->lock held for writing, so that no fault decides on the state
 * from before and inserts after.  Takes the i_mmap lock.
 */
void hm_object_zap(struct hm_object *obj, enum hm_zap why)
{
	unsigned long first = obj->pgoff, last = first + obj->nr_pages - 1;
	struct vm_area_struct *vma;

	lockdep_assert_held_write(&obj->lock);
	i_mmap_lock_read(obj->mapping);
	for (vma = hm_vma_first(obj->mapping, first, last); vma;
	     vma = hm_vma_next(vma, first, last))
		if (hm_vma_object(vma) == obj)
			hm_object_zap_vma(vma);
	i_mmap_unlock_read(obj->mapping);
	atomic64_inc(&obj->region->stats.zap[why]);
	trace_hugemap_zap(obj->region->id, why, 0, hm_object_size(obj));
}

/**
 * hm_object_kill - the memory is about to go away
 * @obj: object
 *
 * When this returns nothing of ours uses the memory.  Later touches get SIGBUS,
 * copies -ENODEV.
 */
void hm_object_kill(struct hm_object *obj)
{
	down_write(&obj->lock);
	WRITE_ONCE(obj->dead, true);
	hm_object_zap(obj, HM_ZAP_UNPLUG);
	up_write(&obj->lock);
}
