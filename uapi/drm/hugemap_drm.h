/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * hugemap: device memory mapped with the largest pages the hardware has.
 *
 * This header is the only ABI of the driver.  It compiles alone as C99 and
 * C++ and has the same layout for 32-bit and 64-bit programs.
 */
#ifndef _UAPI_DRM_HUGEMAP_DRM_H_
#define _UAPI_DRM_HUGEMAP_DRM_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Overview
 *
 * A hugemap device owns one or more *regions*: ranges of memory that programs
 * map.  There are two ways to the memory:
 *
 * - A DRM device, /dev/dri/cardN and /dev/dri/renderDN, for all regions of the
 *   device.  Programs create GEM objects, which begin as zeros and which nobody
 *   else sees, map them and share them as dma-bufs.  GEM, PRIME, dumb buffers
 *   and (timeline) sync objects behave as with any DRM driver.
 *
 * - A character node for each region, /dev/hugemapN, root's own: the region is
 *   one flat window, offset 0 of the node is the first byte of the region.  The
 *   node behaves as a file of fixed size: mmap() at any page offset, lseek(),
 *   read(), write(), pread(), pwrite(), fsync(), msync() and all ioctls but
 *   those of GEM.  It shows the GEM objects in the region as well.  Memory that
 *   an object gives back is cleared some time later; opening the node for
 *   writing waits for what was given back before.
 *
 * A mapping is filled on first touch, each time with the largest page that
 * fits: the PUD order of the architecture (1 GiB on x86-64), the PMD order
 * (2 MiB), or base pages.  An *order* is the base-2 logarithm of the number of
 * base pages, as everywhere in the kernel's mm code: with 4 KiB base pages
 * order 0 is 4 KiB, order 9 is 2 MiB and order 18 is 1 GiB.
 *
 * All ioctls: unknown flags and non-zero padding are refused with EINVAL
 * before anything is done; outputs are written only on success.  An unknown
 * ioctl gives ENOTTY on a character node and EINVAL on a DRM node.  ENODEV
 * means that the device was unbound or unplugged.
 *
 * EFAULT: the structure, or memory that it points to, cannot be accessed.  A
 * structure that can be read but not written is noticed when all is done: there
 * is an object or a tracker whose number nobody knows, until the file is closed,
 * and what a DIRTY_SYNC or DIRTY_RECTS reported has to be asked for again, with
 * %DRM_HUGEMAP_SYNC_RETRY.
 *
 * Memory errors and unplugging reach a mapping as SIGBUS.
 *
 * Growing: new members are appended.  A structure shorter than the kernel's
 * is accepted and its missing part taken as zero.  Of a longer one, a
 * character node accepts the part that the kernel does not know if it is zero,
 * else E2BIG; a DRM node ignores it (as drm_ioctl() does for all drivers).
 */

/* Numbers of the ioctls, relative to DRM_COMMAND_BASE. */
#define DRM_HUGEMAP_QUERY		0x00
#define DRM_HUGEMAP_PREFAULT		0x01
#define DRM_HUGEMAP_GEM_CREATE		0x02
#define DRM_HUGEMAP_GEM_INFO		0x03
#define DRM_HUGEMAP_GEM_MMAP_OFFSET	0x04
#define DRM_HUGEMAP_DIRTY_START		0x05
#define DRM_HUGEMAP_DIRTY_SYNC		0x06
#define DRM_HUGEMAP_DIRTY_CLEAR		0x07
#define DRM_HUGEMAP_DIRTY_STOP		0x08
#define DRM_HUGEMAP_DIRTY_RECTS		0x09
#define DRM_HUGEMAP_PROMOTE		0x0a

/**
 * DOC: Fallback reasons
 *
 * Why a page of some order was not used for a fault.  The same names, in lower
 * case, appear in the counters (fdinfo, debugfs) and in the tracepoints.
 *
 * %DRM_HUGEMAP_WHY_NONE: nothing stands in the way.
 *
 * %DRM_HUGEMAP_WHY_ARCH: this CPU or this kernel has no page of this order.
 *
 * %DRM_HUGEMAP_WHY_POLICY: this kernel cannot handle a page of this order
 * safely on memory of this kind (see &drm_hugemap_query.orders).
 *
 * %DRM_HUGEMAP_WHY_LIMIT: larger than the max_order of the region, or than
 * that which the object was created with.
 *
 * %DRM_HUGEMAP_WHY_CAP: larger than what a PREFAULT allowed for this part of
 * the mapping.
 *
 * %DRM_HUGEMAP_WHY_ALIGN: the virtual and the physical address differ modulo
 * the size of the page.
 *
 * %DRM_HUGEMAP_WHY_VMA: the page would stick out of the mapping.
 *
 * %DRM_HUGEMAP_WHY_EXTENT: the page would stick out of the contiguous memory
 * behind the mapping (a hole, or a size that is no multiple of the page).
 *
 * %DRM_HUGEMAP_WHY_TABLE: core mm did not ask: smaller pages were mapped here
 * before and their page table is still there, or the transparent hugepage
 * settings of the system or the process forbid huge pages.
 *
 * %DRM_HUGEMAP_WHY_DIRTY: a tracker wants to know about writes to a part of
 * the page.
 */
#define DRM_HUGEMAP_WHY_NONE		0
#define DRM_HUGEMAP_WHY_ARCH		1
#define DRM_HUGEMAP_WHY_POLICY		2
#define DRM_HUGEMAP_WHY_LIMIT		3
#define DRM_HUGEMAP_WHY_CAP		4
#define DRM_HUGEMAP_WHY_ALIGN		5
#define DRM_HUGEMAP_WHY_VMA		6
#define DRM_HUGEMAP_WHY_EXTENT		7
#define DRM_HUGEMAP_WHY_TABLE		8
#define DRM_HUGEMAP_WHY_DIRTY		9
#define DRM_HUGEMAP_WHY_COUNT		10

/* &drm_hugemap_query.type */
#define DRM_HUGEMAP_REGION_SYSTEM	0 /* taken from the page allocator */
#define DRM_HUGEMAP_REGION_RESERVED	1 /* RAM kept from the kernel */
#define DRM_HUGEMAP_REGION_PCI		2 /* a BAR of a PCI function */

/* &drm_hugemap_query.caching: the memory type of every mapping of the region */
#define DRM_HUGEMAP_CACHING_WB		0 /* write-back */
#define DRM_HUGEMAP_CACHING_WC		1 /* write-combining */
#define DRM_HUGEMAP_CACHING_UC		2 /* uncached */

/* &drm_hugemap_query.vma_type: how new mappings are marked */
#define DRM_HUGEMAP_VMA_PFNMAP		1 /* VM_PFNMAP | VM_IO */
#define DRM_HUGEMAP_VMA_MIXEDMAP	2 /* VM_MIXEDMAP | VM_IO */

/* &drm_hugemap_query.features */
/** @DRM_HUGEMAP_FEATURE_PAGES: the region's memory has struct pages */
#define DRM_HUGEMAP_FEATURE_PAGES		0x1
/**
 * @DRM_HUGEMAP_FEATURE_DAX_GATE: this kernel asks for huge pages only for DAX
 * files (6.0 to 6.6), and the driver presents itself as one
 */
#define DRM_HUGEMAP_FEATURE_DAX_GATE		0x2
/**
 * @DRM_HUGEMAP_FEATURE_SPECIAL: huge entries carry the special bit (6.12 and
 * later, and 6.1 with the patches of mm-patches/); without it they are device
 * entries without a page map
 */
#define DRM_HUGEMAP_FEATURE_SPECIAL		0x4
/**
 * @DRM_HUGEMAP_FEATURE_THP_POLICY: the transparent hugepage setting of the
 * system ("never", or "madvise" with MADV_NOHUGEPAGE) is obeyed by mappings of
 * &drm_hugemap_query.vma_type on this kernel
 */
#define DRM_HUGEMAP_FEATURE_THP_POLICY		0x8
/**
 * @DRM_HUGEMAP_FEATURE_MEMORY_FAILURE: the region's page frames are registered
 * for memory failure handling; a consumed error is a SIGBUS to the processes
 * that map it
 */
#define DRM_HUGEMAP_FEATURE_MEMORY_FAILURE	0x10
/*
 * What core mm takes care of on a kernel with the patches of mm-patches/, and
 * the driver leaves to it.
 */
/** @DRM_HUGEMAP_FEATURE_CORE_SPLIT: a cut inside a PUD entry */
#define DRM_HUGEMAP_FEATURE_CORE_SPLIT		0x20
/**
 * @DRM_HUGEMAP_FEATURE_CORE_WALK: page table walkers and GUP know what has no
 * struct page, so that VM_MIXEDMAP and PMD entries are safe for all memory
 */
#define DRM_HUGEMAP_FEATURE_CORE_WALK		0x40
/** @DRM_HUGEMAP_FEATURE_CORE_MREMAP: mremap() and mprotect() of PUD entries */
#define DRM_HUGEMAP_FEATURE_CORE_MREMAP		0x80
/** @DRM_HUGEMAP_FEATURE_CORE_FORK: fork() beside somebody who zaps */
#define DRM_HUGEMAP_FEATURE_CORE_FORK		0x100
/**
 * @DRM_HUGEMAP_FEATURE_CORE_COLLAPSE: page tables can be freed under a mapping:
 * MADV_COLLAPSE works, and PROMOTE keeps the mapping
 */
#define DRM_HUGEMAP_FEATURE_CORE_COLLAPSE	0x200

/**
 * struct drm_hugemap_query - what a region is and what can be mapped in it
 *
 * Errors: EINVAL for a non-zero @flags or @pad, ENOENT for a @region that the
 * device does not have, ENODEV.
 */
struct drm_hugemap_query {
	/**
	 * @region: in: index of the region, below @nr_regions; 0 on a character
	 * node
	 */
	__u32 region;
	/** @flags: in: must be zero */
	__u32 flags;
	/** @size: out: bytes */
	__u64 size;
	/**
	 * @align: out: bytes; an mmap() offset and length that are multiples
	 * of it get the largest pages of the region
	 */
	__u64 align;
	/**
	 * @orders: out: bit n is set if pages of order n may be used for this
	 * region now
	 */
	__u64 orders;
	/** @features: out: DRM_HUGEMAP_FEATURE_* */
	__u64 features;
	/** @type: out: DRM_HUGEMAP_REGION_* */
	__u32 type;
	/** @caching: out: DRM_HUGEMAP_CACHING_* */
	__u32 caching;
	/** @vma_type: out: DRM_HUGEMAP_VMA_* */
	__u32 vma_type;
	/** @pmd_order: out: the order of a PMD entry */
	__u32 pmd_order;
	/** @pud_order: out: the order of a PUD entry */
	__u32 pud_order;
	/** @pmd_why: out: DRM_HUGEMAP_WHY_*, why PMD entries are not in @orders */
	__u32 pmd_why;
	/** @pud_why: out: the same for PUD entries */
	__u32 pud_why;
	/** @node: out: the N of the region's character node, /dev/hugemapN */
	__u32 node;
	/** @nr_regions: out: regions of the device; 1 on a character node */
	__u32 nr_regions;
	/** @pad: in: must be zero */
	__u32 pad;
	/**
	 * @free: out: bytes that are not part of a GEM object; those that are
	 * still being cleared count
	 */
	__u64 free;
};

/** @DRM_HUGEMAP_PREFAULT_WRITE: install writable entries */
#define DRM_HUGEMAP_PREFAULT_WRITE	0x1
#define DRM_HUGEMAP_PREFAULT_FLAGS	DRM_HUGEMAP_PREFAULT_WRITE

/** @DRM_HUGEMAP_ORDER_ANY: no cap */
#define DRM_HUGEMAP_ORDER_ANY		0xffffffffu

/**
 * struct drm_hugemap_prefault - fill a part of a mapping, with a cap on order
 *
 * The range lies in the mapping of one node or, on a DRM node, of one object
 * of the device.  Every page of it is mapped when the ioctl returns 0, unless
 * another thread unmapped it, or a tracker took it away, meanwhile.
 *
 * @max_order stays in force: until a later PREFAULT gives another one, faults
 * in the range use no larger pages.  The range of the cap is rounded outward
 * to the pages it forbids, and it follows the memory: through mremap(), into
 * the halves of a split mapping and into the children of the process, but not
 * into other mappings.  Lowering it replaces larger pages that are there, in
 * the calling process.
 * Raising it only lifts the restriction: once small pages were mapped, their
 * page table stays until the range is unmapped, and the kernel asks for
 * nothing larger.  (Use it for consumers that need small entries, such as KVM
 * before Linux 6.12.)
 *
 * Errors without side effect: EINVAL for unknown @flags, non-zero @pad, @addr
 * or @len that is zero (@len) or no multiple of the base page or overflows, or
 * @max_order that is neither at most the PUD order nor
 * %DRM_HUGEMAP_ORDER_ANY; EFAULT if some of the range is not such a mapping;
 * EACCES if some of it is not readable, or for %DRM_HUGEMAP_PREFAULT_WRITE not
 * writable; ENODEV; ENOMEM for the cap.
 *
 * Errors with the cap in force and a part of the range filled: EINTR and
 * EAGAIN (call again), ENOMEM for page tables, ENODEV, EFAULT for a protection
 * key that denies the access.
 */
struct drm_hugemap_prefault {
	/** @addr: in: virtual address in the calling process */
	__u64 addr;
	/** @len: in: bytes */
	__u64 len;
	/** @flags: in: DRM_HUGEMAP_PREFAULT_* */
	__u32 flags;
	/** @max_order: in: largest order to use, or %DRM_HUGEMAP_ORDER_ANY */
	__u32 max_order;
	/** @nr_pud: out: PUD entries that map the range now */
	__u64 nr_pud;
	/** @nr_pmd: out: PMD entries that map the range now */
	__u64 nr_pmd;
	/** @nr_pte: out: base page entries that map the range now */
	__u64 nr_pte;
	/** @pad: in: must be zero */
	__u64 pad;
};

/** @DRM_HUGEMAP_GEM_CONTIGUOUS: one physically contiguous piece, or ENOSPC */
#define DRM_HUGEMAP_GEM_CONTIGUOUS	0x1
#define DRM_HUGEMAP_GEM_FLAGS		DRM_HUGEMAP_GEM_CONTIGUOUS

/**
 * struct drm_hugemap_gem_create - make an object in a region
 *
 * The object is zeroed.  Its memory is aligned and put together so that as
 * much of it as possible is mapped with pages of @max_order, then with those of
 * the next smaller order: what the free memory allows, GEM_INFO tells.
 *
 * Clearing is done in the background when memory is freed; what is not clear
 * yet is cleared here, which a fatal signal interrupts.
 *
 * Errors: EINVAL for unknown @flags, @size of 0, @max_order that is not 0, the
 * PMD order, the PUD order or %DRM_HUGEMAP_ORDER_ANY; E2BIG for @size larger
 * than the region; ENOENT for a @region that the device does not have; ENOSPC
 * if there is not so much free memory, or no piece of it for
 * %DRM_HUGEMAP_GEM_CONTIGUOUS; EINTR; ENOMEM; ENODEV.
 */
struct drm_hugemap_gem_create {
	/** @size: in and out: bytes; rounded up to whole base pages */
	__u64 size;
	/** @region: in: index of the region */
	__u32 region;
	/** @flags: in: DRM_HUGEMAP_GEM_* */
	__u32 flags;
	/**
	 * @max_order: in: largest order to align for and to use in mappings of
	 * the object, or %DRM_HUGEMAP_ORDER_ANY
	 */
	__u32 max_order;
	/** @handle: out: GEM handle; never 0 */
	__u32 handle;
};

/** @DRM_HUGEMAP_REGION_NONE: an imported dma-buf, in no region of this device */
#define DRM_HUGEMAP_REGION_NONE		0xffffffffu

/**
 * struct drm_hugemap_gem_info - what an object is made of
 *
 * Errors: EINVAL for a non-zero @flags or @pad, ENOENT for a bad handle, ENODEV.
 */
struct drm_hugemap_gem_info {
	/** @handle: in */
	__u32 handle;
	/** @flags: in: must be zero */
	__u32 flags;
	/** @size: out: bytes */
	__u64 size;
	/** @region: out: index, or %DRM_HUGEMAP_REGION_NONE */
	__u32 region;
	/** @gem_flags: out: DRM_HUGEMAP_GEM_* it was created with */
	__u32 gem_flags;
	/** @max_order: out: what it was created with */
	__u32 max_order;
	/** @nr_extents: out: physically contiguous pieces; 0 if imported */
	__u32 nr_extents;
	/**
	 * @nr_pud: out: PUD entries that a mapping of the whole object at a
	 * good address uses, by the layout of the memory and the present limits
	 */
	__u64 nr_pud;
	/** @nr_pmd: out: PMD entries beside them */
	__u64 nr_pmd;
	/** @nr_pte: out: base page entries beside them */
	__u64 nr_pte;
	/** @pad: in: must be zero */
	__u64 pad;
};

/**
 * struct drm_hugemap_gem_mmap_offset - where to mmap() an object
 *
 * Any part of the object can be mapped: add the part's offset, a multiple of
 * the base page, to @offset.  mmap() without an address picks one at which the
 * largest pages fit.
 *
 * Errors: EINVAL for a non-zero @flags, ENOENT for a bad handle, EOPNOTSUPP
 * for an imported dma-buf (map the dma-buf), ENOMEM, ENODEV.
 */
struct drm_hugemap_gem_mmap_offset {
	/** @handle: in */
	__u32 handle;
	/** @flags: in: must be zero */
	__u32 flags;
	/** @offset: out: for mmap() of the DRM node */
	__u64 offset;
};

/**
 * DOC: Dirty tracking
 *
 * A *tracker* watches a range of a GEM object or of a region's window and knows
 * which *granules* of it were written: pieces of a fixed size, aligned to it in
 * the object.  The memory is mapped read-only, with pages as large as ever; the
 * first write to a granule is a fault, which makes just the granule writable
 * and marks it *dirty*.
 *
 * The guarantee: when DIRTY_SYNC returns, every store to the range that was
 * complete before the call is in the bitmap it returned or in an earlier one,
 * and every store after it will be in a later one (but for those that race with
 * an munmap() of the memory they go to).  It holds for all mappings
 * of the object, in whatever process, made before or after, through a DRM node,
 * a dma-buf or the character node, and for write() and PREFAULT.  Devices that
 * map a dma-buf, and the kernel's own mappings of it, are not seen writing: as
 * long as there is one the whole object counts as dirty, in each SYNC.  Devices
 * that got a mapping through VFIO's type 1 IOMMU are not seen at all.  The
 * window and the objects in it are tracked apart: stores through a character
 * node are dirty in trackers of the window only, those through an object in
 * trackers of the object only.
 *
 * Any number of trackers may watch the same memory; none sees what another one
 * clears.  A tracker belongs to the open file it was started on, keeps its
 * object alive, and ends with DIRTY_STOP or the last close of the file.
 *
 * Bitmaps are as KVM_GET_DIRTY_LOG's: bit n % 64 of the __u64 n / 64 stands for
 * granule n of the range of the call.
 */

/** @DRM_HUGEMAP_DIRTY_ALL: everything is dirty at first */
#define DRM_HUGEMAP_DIRTY_ALL		0x1
/**
 * @DRM_HUGEMAP_DIRTY_WRITABLE: no read-only entries: the first read of a granule
 * through a writable mapping counts as a write, for all other trackers of that
 * memory as well.  For memory of KVM guests: where
 * KVM finds a present read-only entry it fails, or, on x86, emulates each write
 * (virt/kvm/kvm_main.c hva_to_pfn_remapped(), %KVM_PFN_ERR_RO_FAULT).
 *
 * Start and sync such a tracker in the process that runs the guest: that keeps
 * its VCPUs from faulting while entries are taken away, which would be an EFAULT
 * of KVM_RUN.
 */
#define DRM_HUGEMAP_DIRTY_WRITABLE	0x2
/**
 * @DRM_HUGEMAP_DIRTY_ADAPTIVE: where nearly all granules of a larger block are
 * written round after round, watch the block as a whole: one write to it marks
 * all of it dirty.  Blocks are 64 KiB, PMD and PUD sized.
 */
#define DRM_HUGEMAP_DIRTY_ADAPTIVE	0x4
#define DRM_HUGEMAP_DIRTY_FLAGS		0x7

/**
 * struct drm_hugemap_dirty_start - begin to track a range
 *
 * Errors: EINVAL for unknown @flags, non-zero @pad, a @granule that is none of
 * those below, @start or @len that are no multiples of it (but for the end of
 * the object), a @handle on a character node, @max_over without
 * %DRM_HUGEMAP_DIRTY_ADAPTIVE; ERANGE for a range that is not in the object;
 * ENOENT for a bad handle; EOPNOTSUPP for an imported dma-buf; EBADF or EINVAL
 * for an @eventfd that is none; ENOSPC for more than 64 trackers of one object
 * or 1024 of one file; ENOMEM; EINTR; ENODEV.
 */
struct drm_hugemap_dirty_start {
	/** @handle: in: GEM handle; 0 on a character node */
	__u32 handle;
	/** @flags: in: DRM_HUGEMAP_DIRTY_* */
	__u32 flags;
	/** @start: in: bytes into the object */
	__u64 start;
	/** @len: in: bytes; 0 for all up to the end of the object */
	__u64 len;
	/**
	 * @granule: in: bytes; the base page, 64 KiB, or the size of a PMD or
	 * PUD entry
	 */
	__u64 granule;
	/**
	 * @max_over: in: %DRM_HUGEMAP_DIRTY_ADAPTIVE: how many granules a SYNC
	 * may report although nothing wrote to them, beside what was read
	 * (%DRM_HUGEMAP_DIRTY_WRITABLE).  With %DRM_HUGEMAP_SYNC_RETRY, which
	 * reports two rounds, twice as many.
	 */
	__u64 max_over;
	/**
	 * @notify: in: add 1 to @eventfd when so many granules are dirty, once
	 * after each SYNC or CLEAR that made some clean; 0 for never
	 */
	__u64 notify;
	/** @eventfd: in: descriptor; ignored if @notify is 0 */
	__s32 eventfd;
	/** @tracker: out: names the tracker in calls on this file; never 0 */
	__u32 tracker;
	/** @pad: in: must be zero */
	__u64 pad;
};

/** @DRM_HUGEMAP_SYNC_PEEK: only look: everything stays as dirty as it was */
#define DRM_HUGEMAP_SYNC_PEEK		0x1
/**
 * @DRM_HUGEMAP_SYNC_RETRY: what the last clearing SYNC of each part of the range
 * reported is reported again, together with what was written since: for when
 * its bitmap, or what was made of it, got lost
 */
#define DRM_HUGEMAP_SYNC_RETRY		0x2
/**
 * @DRM_HUGEMAP_SYNC_MERGE: add to the bits that are in the bitmap.  Words
 * without a dirty granule are not touched, so that the cost depends on what is
 * dirty alone.
 */
#define DRM_HUGEMAP_SYNC_MERGE		0x4
#define DRM_HUGEMAP_SYNC_FLAGS		0x7

/**
 * struct drm_hugemap_dirty_sync - what was written since?
 *
 * Reports the dirty granules of a part of a tracker's range, makes them clean
 * and read-only again.  A range that is not all of the tracker's may be synced
 * apart from the rest.
 *
 * Errors: EINVAL for unknown @flags, non-zero @pad, PEEK with RETRY, @start or
 * @len that are no multiples of the granule (but for the end of the tracker's
 * range); ERANGE for a range that is not in the tracker's; ENOENT for a bad
 * @tracker; EFAULT for a bad @bitmap; EINTR; ENOMEM; ENODEV.  After EFAULT for
 * the bitmap or EINTR nothing is lost: what the bitmap may hold already is
 * reported once more.
 */
struct drm_hugemap_dirty_sync {
	/** @tracker: in: of DIRTY_START on this file */
	__u32 tracker;
	/** @flags: in: DRM_HUGEMAP_SYNC_* */
	__u32 flags;
	/** @start: in: bytes into the object */
	__u64 start;
	/** @len: in: bytes; 0 for all up to the end of the tracker's range */
	__u64 len;
	/**
	 * @bitmap: in: where to put one bit per granule, whole __u64 words; 0
	 * for counts only
	 */
	__u64 bitmap;
	/** @nr_dirty: out: granules reported */
	__u64 nr_dirty;
	/**
	 * @nr_over: out: those of them that nobody was seen writing: they are
	 * part of a block that is tracked as a whole, or were read
	 * (%DRM_HUGEMAP_DIRTY_WRITABLE).  Not more than this is over-reported,
	 * beside what is dirty by %DRM_HUGEMAP_DIRTY_ALL or because of a device
	 * or the kernel.
	 */
	__u64 nr_over;
	/** @epoch: out: clearing SYNCs of this tracker so far */
	__u64 epoch;
	/** @pad: in: must be zero */
	__u64 pad;
};

/**
 * struct drm_hugemap_dirty_clear - forget what was written
 *
 * As a DIRTY_SYNC without a bitmap, and nothing is kept for a RETRY.  If @bitmap
 * is given, only the granules whose bits are set are made clean.
 *
 * Errors: as DIRTY_SYNC.  The bitmap is read as it is used, 16384 granules at a
 * time: after EFAULT or EINTR the granules of earlier parts can be clean.
 */
struct drm_hugemap_dirty_clear {
	/** @tracker: in: of DIRTY_START on this file */
	__u32 tracker;
	/** @flags: in: must be zero */
	__u32 flags;
	/** @start: in: bytes into the object */
	__u64 start;
	/** @len: in: bytes; 0 for all up to the end of the tracker's range */
	__u64 len;
	/** @bitmap: in: one bit per granule, whole __u64 words; 0 for all */
	__u64 bitmap;
};

/**
 * struct drm_hugemap_dirty_stop - end a tracker
 *
 * Errors: EINVAL for non-zero @flags, ENOENT for a bad @tracker.
 */
struct drm_hugemap_dirty_stop {
	/** @tracker: in: of DIRTY_START on this file */
	__u32 tracker;
	/** @flags: in: must be zero */
	__u32 flags;
};

/**
 * struct drm_hugemap_rect - a part of a framebuffer
 */
struct drm_hugemap_rect {
	/** @x1: first pixel */
	__u32 x1;
	/** @y1: first line */
	__u32 y1;
	/** @x2: pixel behind the last */
	__u32 x2;
	/** @y2: line behind the last */
	__u32 y2;
};

/**
 * struct drm_hugemap_dirty_rects - what of a framebuffer was written since?
 *
 * As a DIRTY_SYNC of the granules that the framebuffer touches, which reports
 * rectangles that do not overlap, top to bottom.  If there are more than fit, or
 * than 256, some are put together.  Bytes beyond the width are no part of any
 * rectangle.
 *
 * Errors: as DIRTY_SYNC; EINVAL for a @pitch, @width, @height, @cpp or
 * @max_rects of 0, a @pitch of less than @width pixels.
 */
struct drm_hugemap_dirty_rects {
	/** @tracker: in: of DIRTY_START on this file */
	__u32 tracker;
	/** @flags: in: %DRM_HUGEMAP_SYNC_PEEK or %DRM_HUGEMAP_SYNC_RETRY */
	__u32 flags;
	/** @offset: in: of the first pixel, bytes into the object */
	__u64 offset;
	/** @pitch: in: bytes from one line to the next */
	__u32 pitch;
	/** @width: in: pixels */
	__u32 width;
	/** @height: in: lines */
	__u32 height;
	/** @cpp: in: bytes per pixel */
	__u32 cpp;
	/** @rects: in: where to put struct drm_hugemap_rect */
	__u64 rects;
	/** @max_rects: in: how many fit there */
	__u32 max_rects;
	/** @nr_rects: out: how many there are */
	__u32 nr_rects;
};

/**
 * struct drm_hugemap_promote - let small pages of a mapping be huge again
 *
 * Core mm does not ask for a huge page where a page table of smaller ones is,
 * even if it is empty.  This replaces the mappings that the range touches by
 * new ones of the same memory at the same place, as mmap() with MAP_FIXED does,
 * so that each page of them is faulted in again, with the order it may have
 * now.  Neighbours that mprotect() or munmap() had cut apart become one.
 * With %DRM_HUGEMAP_FEATURE_CORE_COLLAPSE a mapping without such a neighbour
 * stays, with what madvise() and pkey_mprotect() set for it, and only its page
 * tables go.
 *
 * No store is lost, nor missed by a tracker.  What madvise(), pkey_mprotect() or
 * a PREFAULT set for the mapping is gone.  As with mmap(), no other thread may
 * unmap, protect or map something else in the range meanwhile.
 *
 * Errors without side effect: EINVAL for non-zero @flags or @pad, @addr or @len
 * that is zero (@len) or no multiple of the base page or overflows; EFAULT if
 * some of the range is not a mapping of this device or node; EACCES if the file
 * that was mapped may not map the object any more; EINTR; ENODEV.
 *
 * Errors with some mappings replaced: those of mmap() and EINTR.  As after a
 * mmap() with MAP_FIXED that fails late (ENOMEM), the one it failed for may be
 * gone.
 */
struct drm_hugemap_promote {
	/** @addr: in: virtual address in the calling process */
	__u64 addr;
	/** @len: in: bytes */
	__u64 len;
	/** @flags: in: must be zero */
	__u32 flags;
	/** @pad: in: must be zero */
	__u32 pad;
	/** @nr_mappings: out: mappings made */
	__u64 nr_mappings;
};

#define DRM_IOCTL_HUGEMAP_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_HUGEMAP_QUERY, struct drm_hugemap_query)
#define DRM_IOCTL_HUGEMAP_PREFAULT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_HUGEMAP_PREFAULT, \
		 struct drm_hugemap_prefault)
#define DRM_IOCTL_HUGEMAP_GEM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_HUGEMAP_GEM_CREATE, \
		 struct drm_hugemap_gem_create)
#define DRM_IOCTL_HUGEMAP_GEM_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_HUGEMAP_GEM_INFO, \
		 struct drm_hugemap_gem_info)
#define DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_HUGEMAP_GEM_MMAP_OFFSET, \
		 struct drm_hugemap_gem_mmap_offset)
#define DRM_IOCTL_HUGEMAP_DIRTY_START \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_HUGEMAP_DIRTY_START, \
		 struct drm_hugemap_dirty_start)
#define DRM_IOCTL_HUGEMAP_DIRTY_SYNC \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_HUGEMAP_DIRTY_SYNC, \
		 struct drm_hugemap_dirty_sync)
#define DRM_IOCTL_HUGEMAP_DIRTY_CLEAR \
	DRM_IOW(DRM_COMMAND_BASE + DRM_HUGEMAP_DIRTY_CLEAR, \
		struct drm_hugemap_dirty_clear)
#define DRM_IOCTL_HUGEMAP_DIRTY_STOP \
	DRM_IOW(DRM_COMMAND_BASE + DRM_HUGEMAP_DIRTY_STOP, \
		struct drm_hugemap_dirty_stop)
#define DRM_IOCTL_HUGEMAP_DIRTY_RECTS \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_HUGEMAP_DIRTY_RECTS, \
		 struct drm_hugemap_dirty_rects)
#define DRM_IOCTL_HUGEMAP_PROMOTE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_HUGEMAP_PROMOTE, \
		 struct drm_hugemap_promote)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_DRM_HUGEMAP_DRM_H_ */
