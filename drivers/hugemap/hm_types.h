/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Structures shared by the files of the driver.
 *
 * Lock order, outermost first:
 *
 *	hm_region.creating		shared: an object is being made
 *	mmap_lock or the VMA lock
 *	  hm_region.lock		limits, list of objects
 *	    dma_resv of an object
 *	      hm_object.lock		order state, dirty tracking; faults take it
 *					shared
 *		page table slot		hm_fault.c
 *		  page table locks
 *		i_mmap lock		zapping all mappings, exclusive only
 *	  hm_alloc.lock			nothing is taken inside
 *
 * hm_tracker.sync, outermost, and hm_object.promote inside it are outside of all
 * these: user memory is accessed, and the mmap lock taken, under them.
 * No lock of the driver is taken inside the i_mmap lock.
 */
#ifndef _HM_TYPES_H_
#define _HM_TYPES_H_

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_mm.h>
#include <drm/hugemap_drm.h>

#define HM_MAX_REGIONS	16

struct hm_object;
struct hm_poison;
struct hm_region;

/* The page table levels that can hold an entry, smallest first. */
enum hm_level {
	HM_PTE,
	HM_PMD,
	HM_PUD,
	HM_NR_LEVELS,
};

/* Why the driver took entries away. */
enum hm_zap {
	HM_ZAP_SPLIT,		/* a mapping is cut inside a PUD entry */
	HM_ZAP_MREMAP,		/* a PUD entry is moved, on 6.1 a PMD entry */
	HM_ZAP_MPROTECT,	/* a PUD entry changes protection (< 6.12) */
	HM_ZAP_LIMIT,		/* the region's limit on order was lowered */
	HM_ZAP_CAP,		/* PREFAULT with a cap on order */
	HM_ZAP_UNPLUG,		/* the device is gone */
	HM_ZAP_DIRTY,		/* writes are to be noticed again */
	HM_ZAP_FORK,		/* PMD entries that fork() is about to copy */
	HM_NR_ZAPS,
};

/**
 * struct hm_stats - counters of a region or an open file
 * @fault: faults that ended in a new entry (or a batch of PTEs), by level
 * @upgrade: read-only entries made writable by a write fault
 * @refault: the part of @fault whose unit this mapping had filled before
 * @fallback: completed faults that did not use a PMD or PUD entry, by reason
 * @zap: entries taken away by the driver, by cause; calls
 * @pte_entries: PTEs installed
 * @sigbus: faults refused
 * @dirty_mark: faults that made something dirty
 * @dirty_split: large entries given up because a tracker watches parts of them
 * @dirty_over: granules made dirty without a write to them
 * @promoted: page tables given back by PROMOTE
 *
 * Faults are counted when they succeed: since 6.4 a fault that falls back runs
 * twice, once under the VMA lock and once under the mmap lock.
 */
struct hm_stats {
	atomic64_t fault[HM_NR_LEVELS];
	atomic64_t upgrade[HM_NR_LEVELS];
	atomic64_t refault[HM_NR_LEVELS];
	atomic64_t fallback[HM_NR_LEVELS][DRM_HUGEMAP_WHY_COUNT];
	atomic64_t zap[HM_NR_ZAPS];
	atomic64_t pte_entries;
	atomic64_t sigbus;
	atomic64_t dirty_mark;
	atomic64_t dirty_split;
	atomic64_t dirty_over;
	atomic64_t promoted;
};

/**
 * struct hm_extent - contiguous memory behind a part of an object
 * @pgoff: where in the object it begins, pages
 * @nr: pages
 * @pfn: first page frame
 * @kva: the kernel's own mapping of it
 */
struct hm_extent {
	unsigned long pgoff;
	unsigned long nr;
	unsigned long pfn;
	struct iosys_map kva;
};

/**
 * struct hm_object_ops - who an object is a part of
 * @get: take a reference; a mapping holds one
 * @put: drop it
 * @kill: hm_object_kill(), and whatever else keeps the memory from going away
 */
struct hm_object_ops {
	void (*get)(struct hm_object *obj);
	void (*put)(struct hm_object *obj);
	void (*kill)(struct hm_object *obj);
};

/**
 * struct hm_object - what the fault engine maps
 * @region: owner of the memory
 * @ops: what the object is a part of
 * @node: in &hm_region.objects; &hm_region.lock
 * @mapping: address space of every mapping, whoever made it
 * @pgoff: page of @mapping at which the object begins
 * @extents: sorted by &hm_extent.pgoff without gaps; immutable
 * @nr_extents: number of @extents
 * @nr_pages: size
 * @max_order: largest order that the creator wants; immutable
 * @lock: order state; see the lock order above
 * @why: why a level may not be used (DRM_HUGEMAP_WHY_*); @lock
 * @vma_type: DRM_HUGEMAP_VMA_* of new mappings; @lock
 * @trackers: &hm_tracker.node; @lock
 * @nr_trackers: of @trackers; @lock
 * @promote: held while a mapping is replaced, and while a SYNC looks for
 *	entries; outside of the mmap lock
 * @unseen: DMA mappings and kernel mappings, whose writes nobody sees; @lock
 * @dead: the memory is gone; @lock, or without for an early error
 */
struct hm_object {
	struct hm_region *region;
	const struct hm_object_ops *ops;
	struct list_head node;
	struct address_space *mapping;
	unsigned long pgoff;
	struct hm_extent *extents;
	unsigned int nr_extents;
	unsigned long nr_pages;
	unsigned int max_order;

	struct rw_semaphore lock;
	u8 why[HM_NR_LEVELS];
	u8 vma_type;
	struct list_head trackers;
	unsigned int nr_trackers;
	unsigned int unseen;
	struct mutex promote;
	bool dead;
};

/**
 * struct hm_chunk - limits on one PUD-sized part of a mapping
 * @no_pud: a PREFAULT forbids a PUD entry over this PMD-sized unit;
 *	&hm_object.lock
 * @no_pmd: a PREFAULT forbids the PMD entry; &hm_object.lock
 */
struct hm_chunk {
	DECLARE_BITMAP(no_pud, PTRS_PER_PMD);
	DECLARE_BITMAP(no_pmd, PTRS_PER_PMD);
};

/**
 * struct hm_mapping - all that came from one mmap() call
 * @ref: one per VMA; a split, mremap() and fork() share the structure
 * @obj: what is mapped; holds a reference
 * @stats: counters of the file that was mapped, which every VMA pins; NULL for
 *	a dma-buf
 * @chunks: struct hm_chunk by page frame >> PUD order, so that they follow the
 *	memory when the mapping moves; filled by PREFAULT; lookups under RCU,
 *	entries are freed with the mapping
 * @first: first page of the object that was mapped
 * @seen_pud: a PUD entry was installed in the unit before, counted from
 *	@first on; a part of @seen; atomic bit operations
 * @seen_smaller: smaller entries were, as @seen_pud
 * @used_pud: a PUD entry was installed once; set only, by faults; exact once
 *	a VMA is write-locked
 * @seen: the PMD-sized unit was filled before, as @seen_pud
 */
struct hm_mapping {
	struct kref ref;
	struct hm_object *obj;
	struct hm_stats *stats;
	struct xarray chunks;
	unsigned long first;
	unsigned long *seen_pud;
	unsigned long *seen_smaller;
	bool used_pud;
	unsigned long seen[];
};

/**
 * struct hm_region_spec - a region as the user asked for it
 * @type: DRM_HUGEMAP_REGION_*
 * @size: bytes
 * @base: physical address; reserved and PCI only
 * @pages: wants struct pages (ZONE_DEVICE); reserved and PCI only
 */
struct hm_region_spec {
	u32 type;
	u64 size;
	u64 base;
	bool pages;
};

/**
 * struct hm_region_ops - a kind of memory
 * @init: claim the memory, fill in the extents of &hm_region.window and
 *	&hm_region.caching; may sleep
 * @fini: the reverse; nothing maps or copies the memory any more
 */
struct hm_region_ops {
	int (*init)(struct hm_region *region);
	void (*fini)(struct hm_region *region);
};

/**
 * struct hm_limits - what root can set per region; sysfs
 * @max_order: largest order to use
 * @allow_pmd: use PMD entries even where this kernel is not safe with them
 * @vma_type: DRM_HUGEMAP_VMA_*, or 0 for the kernel table's choice
 */
struct hm_limits {
	unsigned int max_order;
	bool allow_pmd;
	u8 vma_type;
};

/**
 * struct hm_alloc - which memory of a region is free
 * @lock: protects everything here but @work and @wait
 * @mm: page frames of the region; what lies between its extents is taken
 * @gaps: what lies between the extents
 * @nr_gaps: number of @gaps
 * @dirty: a bit for each PMD-sized unit from @first on: free memory in it may
 *	hold data
 * @first: first unit, page frame >> PMD order
 * @nr_units: bits of @dirty
 * @writers: files that may write to free memory; while there are any, @dirty
 *	means nothing
 * @scrub: struct hm_block that were freed and are to be cleared
 * @queued: blocks ever put on @scrub
 * @scrubbed: those of them that have been cleared
 * @nr_used: pages taken and not freed
 * @nr_scrub: pages of @nr_used that are being cleared, or wait for it
 * @dead: memory is not touched any more
 * @work: clears what is on @scrub and frees it for good
 * @wait: a block left @scrub
 */
struct hm_alloc {
	struct mutex lock;
	struct drm_mm mm;
	struct drm_mm_node *gaps;
	unsigned int nr_gaps;
	unsigned long *dirty;
	unsigned long first;
	unsigned long nr_units;
	unsigned int writers;
	struct list_head scrub;
	unsigned long queued;
	unsigned long scrubbed;
	unsigned long nr_used;
	unsigned long nr_scrub;
	bool dead;
	struct work_struct work;
	wait_queue_head_t wait;
};

/**
 * struct hm_region - memory with a character node
 * @dev: the class device; its reference count is the region's
 * @cdev: the node
 * @id: the N of hugemapN
 * @index: in &hm_device.regions
 * @spec: what was asked for
 * @ops: the kind of memory
 * @users: what keeps the memory: the driver, and importers of dma-bufs that
 *	have mapped it
 * @fini: gives the memory up when the last of them is not the driver
 * @creating: held for reading while an object is made, for writing to wait for
 *	that; outside of all other locks
 * @caching: DRM_HUGEMAP_CACHING_*
 * @has_pages: every page frame has a struct page
 * @window: the whole region as one object
 * @alloc: which parts of it are free
 * @stats: counters
 * @lock: limits and objects
 * @limits: what root set; @lock
 * @objects: &hm_object.node, @window as well; @lock
 * @dead: no new objects; @lock
 * @drm: the DRM device, whose address space has the mappings of @window;
 *	holds a reference
 * @res: claimed physical range (reserved)
 * @pgmap: struct pages (reserved and PCI)
 * @pdev: the PCI function (PCI)
 * @bar: its BAR (PCI)
 * @claim: claimed part of @bar (PCI)
 * @poison: memory failure registrations
 * @debugfs: directory
 */
struct hm_region {
	struct device dev;
	struct cdev cdev;
	int id;
	unsigned int index;
	struct hm_region_spec spec;
	const struct hm_region_ops *ops;
	struct kref users;
	struct work_struct fini;
	struct rw_semaphore creating;
	u32 caching;
	bool has_pages;
	struct hm_object window;
	struct hm_alloc alloc;
	struct hm_stats stats;
	struct mutex lock;
	struct hm_limits limits;
	struct list_head objects;
	bool dead;
	struct drm_device *drm;
	struct resource *res;
	struct dev_pagemap pgmap;
	struct pci_dev *pdev;
	int bar;
	struct resource claim;
	struct hm_poison *poison;
	struct dentry *debugfs;
};

/**
 * struct hm_device - a probed thing: one DRM device
 * @drm: the DRM device; its reference count is ours.  All mappings, of windows
 *	and of objects, are in the address space of its anonymous inode: those
 *	of objects at their DRM offsets, those of windows all from 0 on.
 * @nr: number of @regions
 * @regions: valid between drm_dev_enter() and drm_dev_exit(), and in probe
 * @max_seg: what the parent device had before
 * @imports_lock: protects @imports, and &drm_gem_object.import_attach of those
 *	that are on it; inside &drm_device.object_name_lock, outside dma_resv
 * @imports: &hm_bo.import
 */
struct hm_device {
	struct drm_device drm;
	unsigned int nr;
	struct hm_region *regions[HM_MAX_REGIONS];
	unsigned int max_seg;
	struct mutex imports_lock;
	struct list_head imports;
};

#define to_hm_device(d)	container_of(d, struct hm_device, drm)

/**
 * struct hm_file - an open character or DRM node
 * @region: holds a reference; character nodes
 * @id: of the client, for fdinfo; DRM nodes
 * @alloc_ns: time spent on memory for the client, waiting for it to be cleared
 *	included; DRM nodes
 * @stats: counters of the mappings made through this file
 * @trackers: struct hm_tracker by the number user space knows it by
 */
struct hm_file {
	struct hm_region *region;
	u64 id;
	atomic64_t alloc_ns;
	struct hm_stats stats;
	struct xarray trackers;
};

static inline unsigned int hm_level_order(enum hm_level level)
{
	return level == HM_PUD ? PUD_ORDER : level == HM_PMD ? PMD_ORDER : 0;
}

static inline unsigned int hm_level_shift(enum hm_level level)
{
	return PAGE_SHIFT + hm_level_order(level);
}

static inline unsigned long hm_level_size(enum hm_level level)
{
	return 1UL << hm_level_shift(level);
}

#endif /* _HM_TYPES_H_ */
