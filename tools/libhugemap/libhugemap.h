/* SPDX-License-Identifier: MIT */
/*
 * libhugemap: memory of hugemap regions for applications.
 *
 *	open	a region (hugemap_open()) and ask what it is
 *	get	memory of it: all of it (hugemap_window()), or an object of one's
 *		own (hugemap_alloc(), hugemap_import())
 *	map	it with the largest pages there are (hugemap_map())
 *	track	what is written (hugemap_track(), hugemap_sync(), hugemap_next())
 *	promote	what has become small pages meanwhile (hugemap_promote())
 *
 * Units: sizes, lengths and offsets are in bytes, offsets count from the first
 * byte of the memory (window or object).  An *order* is the base-2 logarithm of
 * a number of base pages; with base pages of 4 KiB order 0 is 4 KiB, 9 is 2 MiB
 * and 18 is 1 GiB.
 *
 * Errors: a function that returns int returns 0, or what its comment says, or a
 * negative errno; errno itself means nothing afterwards.  The errors of a call
 * are those of its ioctl, which drm/hugemap_drm.h lists; those that are more are
 * named here.  Any call on a region whose device is gone gives -ENODEV.  A
 * result is written only on success.  A call that a signal interrupts is
 * repeated.
 *
 * Threads: there is no state outside the handles.  All calls on a region or on
 * memory may run at the same time in any threads but for the one that frees it.
 * A tracker has one bitmap, so only one thread at a time may use a tracker.
 *
 * Lifetime: free in the reverse order: trackers, memory, the region.  Mappings
 * stay until hugemap_unmap(), whatever else is freed.  After fork() the child
 * may use what is mapped, and nothing else.
 */
#ifndef LIBHUGEMAP_H
#define LIBHUGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hugemap;			/* an open region */
struct hugemap_mem;		/* memory of it: the window or an object */
struct hugemap_tracker;		/* knows what was written */

/* No limit on the order. */
#define HUGEMAP_ORDER_ANY	0xffffffffu

/* ---- regions ---- */

/**
 * struct hugemap_entry - a region, as everybody can see it
 * @name: "hugemap1"; its character node is /dev/ and that
 * @type: "system", "reserved" or "pci"
 * @caching: "wb", "wc" or "uc"
 * @vma: "auto", "pfnmap" or "mixedmap"
 * @device: what it is a part of: "hugemap.0", or the address of a PCI function
 * @card: "card0", the DRM device, or "" without one
 * @render: "renderD128", or ""
 * @size: bytes
 * @align: offsets and lengths that are multiples of it get the largest pages
 * @orders: bit n is set if pages of order n may be used
 * @node: the N of hugemapN
 * @max_order: the limit that root has set
 * @allow_pmd: root has allowed 2 MiB pages where they are not safe
 */
struct hugemap_entry {
	char name[32];
	char type[16];
	char caching[8];
	char vma[16];
	char device[64];
	char card[32];
	char render[32];
	uint64_t size;
	uint64_t align;
	uint64_t orders;
	unsigned int node;
	unsigned int max_order;
	bool allow_pmd;
};

/**
 * hugemap_list() - the regions of this machine
 * @list: out: array, in the order of their numbers; free() it
 * @nr: out: how many; may be 0
 *
 * Needs no rights.  -ENOENT if the driver is not loaded.
 */
int hugemap_list(struct hugemap_entry **list, size_t *nr);

/**
 * hugemap_open() - open a region
 * @name: "hugemap1" or "/dev/hugemap1": the character node, for root;
 *	"renderD128", "card0" or a path of either: the DRM device, for whoever
 *	may open it.  ":2" behind a DRM device is its third region.
 * @flags: O_RDONLY or O_RDWR
 * @hm: out: close it with hugemap_close()
 *
 * -ENODEV if the node is not of this driver; else as open(2).
 */
int hugemap_open(const char *name, int flags, struct hugemap **hm);

/**
 * hugemap_open_fd() - use a node that is open already
 * @fd: descriptor; it is the region's from now on
 * @region: index of the region; 0 on a character node
 * @hm: out
 *
 * On error @fd is still the caller's.
 */
int hugemap_open_fd(int fd, unsigned int region, struct hugemap **hm);

/* Closes the descriptor; every tracker of it that was left ends.  NULL is fine. */
void hugemap_close(struct hugemap *hm);

/* The descriptor, for poll(), fdinfo or ioctls; it stays the region's. */
int hugemap_fd(const struct hugemap *hm);

/* Is it a character node? */
bool hugemap_is_node(const struct hugemap *hm);

/* hugemap_info.features; as DRM_HUGEMAP_FEATURE_* */
#define HUGEMAP_FEATURE_PAGES		0x1	/* has struct pages */
#define HUGEMAP_FEATURE_DAX_GATE	0x2
#define HUGEMAP_FEATURE_SPECIAL		0x4
#define HUGEMAP_FEATURE_THP_POLICY	0x8
#define HUGEMAP_FEATURE_MEMORY_FAILURE	0x10
#define HUGEMAP_FEATURE_CORE_SPLIT	0x20
#define HUGEMAP_FEATURE_CORE_WALK	0x40
#define HUGEMAP_FEATURE_CORE_MREMAP	0x80
#define HUGEMAP_FEATURE_CORE_FORK	0x100
#define HUGEMAP_FEATURE_CORE_COLLAPSE	0x200

/**
 * struct hugemap_info - what a region is, now
 * @size: bytes
 * @free: bytes in no object
 * @align: as in &struct hugemap_entry
 * @orders: as there
 * @features: HUGEMAP_FEATURE_*
 * @page: bytes of a base page
 * @type: for hugemap_type_name()
 * @caching: for hugemap_caching_name()
 * @vma: 1 pfnmap, 2 mixedmap: how new mappings are marked
 * @region: index in its DRM device; 0 of a character node
 * @nr_regions: of the DRM device; 1 of a character node
 * @node: the N of hugemapN
 * @pmd_order: the middle order, 9 on x86-64
 * @pud_order: the largest order, 18 on x86-64
 * @pmd_why: why @pmd_order is not in @orders, for hugemap_why_name()
 * @pud_why: the same for @pud_order
 * @reserved: zero
 */
struct hugemap_info {
	uint64_t size;
	uint64_t free;
	uint64_t align;
	uint64_t orders;
	uint64_t features;
	uint64_t page;
	uint32_t type;
	uint32_t caching;
	uint32_t vma;
	uint32_t region;
	uint32_t nr_regions;
	uint32_t node;
	uint32_t pmd_order;
	uint32_t pud_order;
	uint32_t pmd_why;
	uint32_t pud_why;
	uint64_t reserved[8];
};

int hugemap_get_info(struct hugemap *hm, struct hugemap_info *info);

/* Names in words, "unknown" for what this version does not know. */
const char *hugemap_type_name(uint32_t type);
const char *hugemap_caching_name(uint32_t caching);
const char *hugemap_why_name(uint32_t why);

/* ---- memory ---- */

/**
 * hugemap_window() - all of the region
 * @hm: a character node, else -EINVAL
 * @mem: out: hugemap_free() it
 */
int hugemap_window(struct hugemap *hm, struct hugemap_mem **mem);

/* One physically contiguous piece, or -ENOSPC. */
#define HUGEMAP_CONTIGUOUS	0x1

/**
 * hugemap_alloc() - make an object, which is zeroed
 * @hm: a DRM device, else -EINVAL
 * @size: bytes; rounded up to whole base pages
 * @max_order: the largest page to align for and to use: 0, the PMD or PUD order,
 *	or %HUGEMAP_ORDER_ANY
 * @flags: %HUGEMAP_CONTIGUOUS or 0
 * @mem: out: the object; its memory is given back when nobody has a handle, a
 *	mapping, a tracker or a dma-buf of it any more
 */
int hugemap_alloc(struct hugemap *hm, uint64_t size, unsigned int max_order,
		  unsigned int flags, struct hugemap_mem **mem);

/**
 * hugemap_import() - an object that another process has exported
 * @hm: the DRM device that it was made on; -EOPNOTSUPP for a dma-buf of others
 * @fd: dma-buf; it stays the caller's
 * @mem: out
 *
 * Import a dma-buf only once per region handle: the kernel gives the same GEM
 * handle each time, which the first hugemap_free() closes.
 */
int hugemap_import(struct hugemap *hm, int fd, struct hugemap_mem **mem);

/**
 * hugemap_export() - a dma-buf of an object, for another process or device
 * @mem: an object; -EINVAL for a window
 *
 * Return: descriptor (close-on-exec), or a negative errno.
 */
int hugemap_export(struct hugemap_mem *mem);

/* Mappings of it stay.  NULL is fine. */
void hugemap_free(struct hugemap_mem *mem);

/* Bytes. */
uint64_t hugemap_size(const struct hugemap_mem *mem);

/* Names an object in hugemap_mapping.object; 0 for a window. */
uint64_t hugemap_object(const struct hugemap_mem *mem);

/**
 * struct hugemap_counts - pages by size
 * @pud: of the largest order (1 GiB)
 * @pmd: of the middle order (2 MiB)
 * @pte: base pages
 */
struct hugemap_counts {
	uint64_t pud;
	uint64_t pmd;
	uint64_t pte;
};

/**
 * hugemap_layout() - what mapping all of an object takes, at a good address
 * @mem: an object; -EINVAL for a window
 * @pages: out
 * @extents: out: physically contiguous pieces; may be NULL
 */
int hugemap_layout(struct hugemap_mem *mem, struct hugemap_counts *pages,
		   unsigned int *extents);

/* ---- mappings ---- */

/**
 * hugemap_map() - map a part of memory
 * @mem: memory
 * @at: NULL: at an address that allows the largest pages; else there, over
 *	whatever is there
 * @offset: multiple of the base page
 * @len: bytes; 0 for all from @offset to the end
 * @prot: PROT_*, as for mmap()
 * @addr: out
 *
 * The pages are filled in when they are first touched.  -ERANGE if the range is
 * not in the memory, else as mmap(2).
 */
int hugemap_map(struct hugemap_mem *mem, void *at, uint64_t offset, uint64_t len,
		int prot, void **addr);

/* @len as given to hugemap_map(), but not 0. */
int hugemap_unmap(void *addr, uint64_t len);

/**
 * hugemap_prefault() - fill a part of a mapping
 * @mem: what is mapped there
 * @addr: address; @len: bytes; multiples of the base page
 * @max_order: largest page to use, from now on, or %HUGEMAP_ORDER_ANY
 * @write: install writable entries (and mark it as written for trackers)
 * @pages: out: what maps the range now; may be NULL
 */
int hugemap_prefault(struct hugemap_mem *mem, void *addr, uint64_t len,
		     unsigned int max_order, bool write,
		     struct hugemap_counts *pages);

/**
 * hugemap_promote() - let small pages of a mapping become huge again
 * @mem: what is mapped there
 * @addr: address; @len: bytes; multiples of the base page
 * @mappings: out: mappings made anew; may be NULL
 *
 * The memory keeps its contents and its place.  No other thread may map, unmap
 * or protect anything in the range meanwhile.
 */
int hugemap_promote(struct hugemap_mem *mem, void *addr, uint64_t len,
		    uint64_t *mappings);

/* ---- dirty tracking ---- */

/* hugemap_track.flags; as DRM_HUGEMAP_DIRTY_* */
#define HUGEMAP_TRACK_ALL	0x1	/* everything is dirty at first */
#define HUGEMAP_TRACK_WRITABLE	0x2	/* for memory of KVM guests */
#define HUGEMAP_TRACK_ADAPTIVE	0x4	/* larger blocks where all is written */

/**
 * struct hugemap_track - what to track, and how
 * @start: offset, multiple of @granule
 * @len: bytes; 0 for all from @start to the end
 * @granule: bytes that are written or not as a whole: the base page, 64 KiB, 2
 *	MiB or 1 GiB (the sizes of a PMD and a PUD entry)
 * @max_over: %HUGEMAP_TRACK_ADAPTIVE: granules that a sync may report too much
 * @notify: make hugemap_notify_fd() readable when so many granules are dirty; 0
 *	for never
 * @flags: HUGEMAP_TRACK_*
 */
struct hugemap_track {
	uint64_t start;
	uint64_t len;
	uint64_t granule;
	uint64_t max_over;
	uint64_t notify;
	uint32_t flags;
};

/**
 * hugemap_track() - begin to track writes
 * @mem: memory; all mappings of it, in all processes, are seen
 * @how: what and how; its members that are not named must be zero
 * @t: out: hugemap_untrack() it
 *
 * -ERANGE if the range is not in the memory.
 */
int hugemap_track(struct hugemap_mem *mem, const struct hugemap_track *how,
		  struct hugemap_tracker **t);

/**
 * hugemap_adopt() - use a tracker that was started on the same open file
 * @hm: that file
 * @id: hugemap_tracker_id() of it
 * @how: what it was started with; hugemap_track.len must not be 0
 * @t: out: hugemap_untrack() ends it for all
 *
 * For a file that one process has passed to another.
 */
int hugemap_adopt(struct hugemap *hm, uint32_t id,
		  const struct hugemap_track *how, struct hugemap_tracker **t);

uint32_t hugemap_tracker_id(const struct hugemap_tracker *t);

/* hugemap_sync() flags; as DRM_HUGEMAP_SYNC_* */
#define HUGEMAP_SYNC_PEEK	0x1	/* only look, all stays dirty */
#define HUGEMAP_SYNC_RETRY	0x2	/* and what the last sync reported */

/**
 * struct hugemap_dirty - what a sync found
 * @dirty: granules
 * @over: those of them that perhaps nobody wrote
 * @epoch: syncs so far that were no peek
 */
struct hugemap_dirty {
	uint64_t dirty;
	uint64_t over;
	uint64_t epoch;
};

/**
 * hugemap_sync() - what was written since the last time?
 * @t: tracker
 * @flags: HUGEMAP_SYNC_*
 * @d: out: may be NULL
 *
 * Every store that was complete before the call is reported now or was before;
 * every store after it will be.  Reads of the memory that follow see what is
 * reported.  If the bitmap gets lost, a sync with %HUGEMAP_SYNC_RETRY reports the
 * same again.
 */
int hugemap_sync(struct hugemap_tracker *t, unsigned int flags,
		 struct hugemap_dirty *d);

/**
 * hugemap_bitmap() - of the last hugemap_sync()
 * @t: tracker
 * @words: out: how many; may be NULL
 *
 * Bit n % 64 of word n / 64 is granule n of the tracker's range.  Valid until
 * the next call of hugemap_sync() or hugemap_untrack().
 */
const uint64_t *hugemap_bitmap(const struct hugemap_tracker *t, size_t *words);

/**
 * hugemap_next() - walk through what the last sync reported
 * @t: tracker
 * @offset: in and out: of the run of dirty memory; 0 to begin with
 * @len: in and out: of the run; 0 to begin with
 *
 * Return: is there another run?  Runs do not touch one another, and end where
 * the memory does.
 */
bool hugemap_next(const struct hugemap_tracker *t, uint64_t *offset,
		  uint64_t *len);

/* Forgets what was written in a part of the tracker's range; @len 0: to its end. */
int hugemap_clear(struct hugemap_tracker *t, uint64_t start, uint64_t len);

/*
 * An eventfd, readable when hugemap_track.notify granules are dirty, once after
 * each sync; -1 without.  Read it before the sync.  It stays the tracker's.
 */
int hugemap_notify_fd(const struct hugemap_tracker *t);

/* Ends it.  NULL is fine. */
int hugemap_untrack(struct hugemap_tracker *t);

/* ---- what is going on ---- */

/**
 * struct hugemap_stat - a counter
 * @name: as in debugfs: "fault-pud", "fallback-pmd-align", ...
 * @value: since the file was opened, or since the region is there
 */
struct hugemap_stat {
	char name[40];
	uint64_t value;
};

/**
 * hugemap_file_stats() - counters of what was mapped through this open file
 * @hm: region
 * @stats: out: array; free() it
 * @nr: out: how many
 *
 * Needs no rights.
 */
int hugemap_file_stats(struct hugemap *hm, struct hugemap_stat **stats,
		       size_t *nr);

/* The same of the region @node, whoever maps it; -EACCES but for root. */
int hugemap_region_stats(unsigned int node, struct hugemap_stat **stats,
			 size_t *nr);

/* A counter by name; 0 if there is none. */
uint64_t hugemap_stat(const struct hugemap_stat *stats, size_t nr,
		      const char *name);

/**
 * struct hugemap_mapping - a run of page table entries of one kind
 * @pid: process, 0 if unknown
 * @object: hugemap_object() of what is mapped; 0 for the window
 * @start: address
 * @end: address behind it
 * @offset: in the window or the object
 * @level: 'G' PUD, 'M' PMD, 'K' base pages, '-' nothing yet
 * @writable: entries allow writes
 */
struct hugemap_mapping {
	pid_t pid;
	uint64_t object;
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	char level;
	bool writable;
};

/* Every mapping of the region @node, from the page tables; -EACCES but for root. */
int hugemap_mappings(unsigned int node, struct hugemap_mapping **maps,
		     size_t *nr);

#ifdef __cplusplus
}
#endif

#endif /* LIBHUGEMAP_H */
