/* SPDX-License-Identifier: MIT */
/*
 * Helpers for tests of the hugemap driver.
 *
 * Functions that begin with two underscores return a negative errno, and those
 * whose name contains "require" skip; all others assert that they succeed.
 */
#ifndef IGT_HUGEMAP_H
#define IGT_HUGEMAP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <drm/hugemap_drm.h>

#define HM_MAX_NODES	16
#define HM_MAX_STATS	64

#define HM_KIB(n)	((uint64_t)(n) << 10)
#define HM_MIB(n)	((uint64_t)(n) << 20)
#define HM_GIB(n)	((uint64_t)(n) << 30)

/* ---- nodes ---- */

/**
 * struct hm_node - a character node of the driver
 * @index: the N of hugemapN
 * @name: "hugemapN"
 * @path: "/dev/hugemapN"
 * @label: name of the dynamic subtest: "system", "reserved", "reserved-pages",
 *	"pci", "pci-pages"; the second of a kind has "-2" appended, and so on
 * @fd: open for reading and writing; of a DRM node where igt_hugemap_drm.h says
 *	so
 * @region: what QUERY calls the region on @fd; 0 on a character node
 * @q: the answer to QUERY, as of the last hm_node_next() or hm_node_refresh()
 * @size: bytes
 * @align: bytes; size of the largest page
 * @type: "system", "reserved" or "pci"
 * @pages: the memory has struct pages
 */
struct hm_node {
	int index;
	char name[32];
	char path[64];
	char label[32];
	int fd;
	uint32_t region;
	struct drm_hugemap_query q;
	uint64_t size;
	uint64_t align;
	char type[16];
	bool pages;
};

/*
 * Opens every node there is, or the one that the environment names in HM_NODE
 * (hugemapN, /dev/hugemapN or a label).  Fails, does not skip, without any: a
 * machine without the driver must not look like one that passes.
 */
void igt_hugemap_require_nodes(void);

/* Closes them, for tests of unbinding and unloading. */
void hm_nodes_close(void);

/*
 * The node after @node, the first one for NULL, NULL behind the last.  Opens
 * the nodes if need be, queries the node again and undoes what
 * hm_sysfs_write() and hm_thp_set() changed, so that every test begins with
 * the settings of the system.
 */
struct hm_node *hm_node_next(struct hm_node *node);

/* The variable is volatile because subtests are left by longjmp(). */
#define hm_for_each_node(node) \
	for (struct hm_node *volatile node = hm_node_next(NULL); node; \
	     node = hm_node_next(node))

/* A dynamic subtest for every node, inside igt_subtest_with_dynamic(). */
#define hm_dynamic_for_each_node(node) \
	hm_for_each_node(node) \
		igt_dynamic_f("%s", (node)->label)

/*
 * Fills in everything else of a node that has @fd (-1: opened here), @region and
 * @index and is the last so far of the array @all.
 */
void hm_node_init(struct hm_node *node, const struct hm_node *all);
/* Is it what HM_NODE asks for? */
bool hm_node_wanted(const struct hm_node *node);

/* Queries the node again, after a change of its settings. */
void hm_node_refresh(struct hm_node *node);

/* Another descriptor of the node; O_CLOEXEC is added to @flags. */
int hm_open(const struct hm_node *node, int flags);

/* ---- ioctls ---- */

int __hm_query(int fd, struct drm_hugemap_query *q);
int __hm_query_region(int fd, uint32_t region, struct drm_hugemap_query *q);

/* @out may be NULL; PREFAULT's counts are in it on success. */
int __hm_prefault(int fd, const void *addr, uint64_t len, uint32_t flags,
		  uint32_t max_order, struct drm_hugemap_prefault *out);

/*
 * A tracker of @len bytes (0: to the end) of the object that @fd and @handle (0
 * for a node's window) name; returns its number.
 */
int __hm_dirty_start(int fd, struct drm_hugemap_dirty_start *start);
uint32_t hm_dirty_start(int fd, uint32_t handle, uint64_t start, uint64_t len,
			uint64_t granule, uint32_t flags);
/* @bitmap may be NULL, and @out, which gets the answer. */
int __hm_dirty_sync(int fd, uint32_t tracker, uint64_t start, uint64_t len,
		    uint32_t flags, uint64_t *bitmap,
		    struct drm_hugemap_dirty_sync *out);
/* Returns how many granules were dirty. */
uint64_t hm_dirty_sync(int fd, uint32_t tracker, uint64_t start, uint64_t len,
		       uint32_t flags, uint64_t *bitmap);
int __hm_dirty_clear(int fd, uint32_t tracker, uint64_t start, uint64_t len,
		     const uint64_t *bitmap);
int __hm_dirty_stop(int fd, uint32_t tracker);
void hm_dirty_stop(int fd, uint32_t tracker);
int __hm_dirty_rects(int fd, struct drm_hugemap_dirty_rects *rects);
/* Returns the number of mappings made, or a negative errno. */
int64_t __hm_promote(int fd, const void *addr, uint64_t len);

/* ---- orders ---- */

uint64_t hm_page_size(void);
/* Bytes of a page of @order. */
uint64_t hm_order_size(unsigned int order);
/* Bytes of a PMD and a PUD entry. */
uint64_t hm_pmd_size(const struct hm_node *node);
uint64_t hm_pud_size(const struct hm_node *node);
bool hm_has_order(const struct hm_node *node, unsigned int order);
/* "policy" for DRM_HUGEMAP_WHY_POLICY and so on; as in the counters' names. */
const char *hm_why_name(uint32_t why);

/*
 * Skips, with the reason that the driver gives, where the node has no pages of
 * @order on this kernel with the present settings.
 */
void igt_hugemap_require_order(const struct hm_node *node, unsigned int order);

/* Skips if the region is smaller. */
void igt_hugemap_require_size(const struct hm_node *node, uint64_t size);

/* ---- counters ---- */

/**
 * struct hm_stats - counters, by name
 *
 * fault-{pud,pmd,pte}		faults that ended in a new entry of that level;
 *				a batch of base pages is one
 * pte-entries			base pages installed
 * upgrade-{pud,pmd,pte}	read-only entries made writable
 * refault-{pud,pmd,pte}	part of fault-*: the unit had been filled before
 * fallback-{pud,pmd}-REASON	why a completed fault used no larger page:
 *				arch policy limit cap align vma extent table
 *				dirty
 * zap-CAUSE			entries taken away by the driver, calls:
 *				split mremap mprotect limit cap unplug dirty
 *				fork
 * sigbus			faults refused
 * dirty-mark			faults that made something dirty
 * dirty-split			large entries given up for that
 * dirty-over			granules made dirty without a write
 * promoted			page tables given back by PROMOTE
 * pt-bytes, vmas		page tables and VMAs now
 */
struct hm_stats {
	int nr;
	struct {
		char key[40];
		uint64_t val;
	} e[HM_MAX_STATS];
};

/* Counters of an open file: the mappings made through it. */
void hm_stats_read(int fd, struct hm_stats *s);
/* Counters of the region, whoever maps it (debugfs). */
void hm_stats_read_node(const struct hm_node *node, struct hm_stats *s);
/* Fails if there is no such counter. */
uint64_t hm_stats_get(const struct hm_stats *s, const char *key);
/* @out, which may be one of the others, is @after minus @before. */
void hm_stats_diff(const struct hm_stats *before, const struct hm_stats *after,
		   struct hm_stats *out);
/* What changed in @fd's counters since @before. */
void hm_stats_since(int fd, const struct hm_stats *before,
		    struct hm_stats *out);
/* What is not zero, to the log. */
void hm_stats_log(const struct hm_stats *s);

#define hm_assert_stat(s, key, want) do { \
	const struct hm_stats *__s = (s); \
	uint64_t __want = (want), __val = hm_stats_get(__s, key); \
	if (__val != __want) \
		hm_stats_log(__s); \
	igt_assert_f(__val == __want, "%s is %llu, expected %llu\n", key, \
		     (unsigned long long)__val, (unsigned long long)__want); \
} while (0)

/* ---- page tables ---- */

/**
 * struct hm_levels - what the page tables hold in a range of addresses
 * @pud: PUD entries that overlap the range
 * @pmd: PMD entries
 * @pte: base page entries
 * @mapped: bytes of the range that are mapped
 * @none: bytes of the range that are mapping but have no entry
 * @rw: bytes mapped writable
 * @ro: bytes mapped read-only
 * @noaccess: bytes mapped without access (PROT_NONE)
 * @caching: "wb", "wc", "uc", "mixed", or "-" if nothing is mapped
 * @vmas: VMAs that the range touches
 * @mixedmap: they are VM_MIXEDMAP
 */
struct hm_levels {
	uint64_t pud, pmd, pte;
	uint64_t mapped, none;
	uint64_t rw, ro, noaccess;
	char caching[8];
	int vmas;
	bool mixedmap;
};

/*
 * Reads the page tables of a process through the driver's debugfs.  Returns
 * whether the whole range is mappings of the node.
 */
bool hm_map_levels_pid(const struct hm_node *node, pid_t pid, const void *addr,
		       uint64_t len, struct hm_levels *out);
/* The same for the calling process. */
bool hm_map_levels(const struct hm_node *node, const void *addr, uint64_t len,
		   struct hm_levels *out);

/*
 * The kernel's own dump of the page tables of the calling process, the part of
 * user space (CONFIG_PTDUMP_DEBUGFS: kernels for debugging).  To be freed.
 */
bool hm_has_ptdump(void);
char *hm_ptdump(void);
/*
 * What it says of a range of addresses, of whatever device: only @pud, @pmd, @pte,
 * @mapped, @rw and @ro are set.
 */
void hm_ptdump_levels(const char *dump, const void *addr, uint64_t len,
		      struct hm_levels *out);

/*
 * The range must be mapped by entries of @order and nothing else.  Skips where
 * this kernel cannot have them for this node (igt_hugemap_require_order()),
 * fails where it could but the driver did not.
 */
void igt_hugemap_require_level(const struct hm_node *node, const void *addr,
			       uint64_t len, unsigned int order);

/* Exactly so many entries of each kind must map the range. */
void hm_assert_levels(const struct hm_node *node, const void *addr,
		      uint64_t len, uint64_t pud, uint64_t pmd, uint64_t pte);

/* ---- mappings ---- */

/* A shared mapping of the node at an address that the driver chooses. */
void *hm_mmap(const struct hm_node *node, uint64_t off, uint64_t len, int prot);
/* The same through another descriptor. */
void *hm_mmap_fd(int fd, uint64_t off, uint64_t len, int prot);
/* The same at @addr, over whatever is there. */
void *hm_mmap_at(const struct hm_node *node, void *addr, uint64_t off,
		 uint64_t len, int prot);
/*
 * A mapping whose address is @shift bytes away from one that is congruent with
 * the physical address modulo the size of a PUD entry: 0 allows the largest
 * pages whatever @len is, hm_pmd_size() forbids PUD entries, hm_page_size()
 * forbids PMD entries too.
 */
void *hm_mmap_shifted(const struct hm_node *node, uint64_t off, uint64_t len,
		      int prot, uint64_t shift);
/*
 * A mapping that is filled with entries of @order and nothing else: one PUD
 * entry, two PMD entries or 64 base pages.  Returns where it is in the region,
 * or NULL if the region has no room or no pages of that order here.
 */
void *hm_mmap_order(const struct hm_node *node, unsigned int order, int prot,
		    uint64_t *off, uint64_t *len);

/* The orders of a node, smallest first, whether it has them or not. */
#define hm_for_each_order(node, order) \
	for (unsigned int __i = 0, order = 0; __i < 3; __i++, \
	     order = __i == 1 ? (node)->q.pmd_order : (node)->q.pud_order)

/* Address space without access, aligned to @align (a power of two). */
void *hm_reserve_aligned(uint64_t len, uint64_t align);
void hm_munmap(void *addr, uint64_t len);

/* ---- contents ---- */

/*
 * Words are made of the offset in the region and a seed, so that a word that
 * ends up at the wrong place, or in the wrong region, is noticed.
 */
uint64_t hm_pattern(uint64_t off, uint64_t seed);
/* All words of @len bytes at @p, which is offset @off of the region. */
void hm_fill(void *p, uint64_t off, uint64_t len, uint64_t seed);
void hm_check(const void *p, uint64_t off, uint64_t len, uint64_t seed);
/* The first word of every base page. */
void hm_fill_pages(void *p, uint64_t off, uint64_t len, uint64_t seed);
void hm_check_pages(const void *p, uint64_t off, uint64_t len, uint64_t seed);

/* ---- access that may fail ---- */

/**
 * struct hm_touch - what became of an access
 * @sig: 0, or the signal that it raised (SIGSEGV, SIGBUS)
 * @code: its si_code
 * @addr: its si_addr
 */
struct hm_touch {
	int sig;
	int code;
	void *addr;
};

/* Reads the byte at @p, or adds 0 to it atomically. */
struct hm_touch hm_touch_read(const volatile void *p);
struct hm_touch hm_touch_write(volatile void *p);

/* Reading and writing the byte is SIGBUS, as where memory has gone. */
void hm_assert_sigbus(volatile char *p);

/* ---- settings ---- */

/*
 * Writes an attribute of /sys/class/hugemap/hugemapN/.  The value it had is
 * put back before the next node's test and at exit.
 */
int __hm_sysfs_write(const struct hm_node *node, const char *attr,
		     const char *val);
void hm_sysfs_write(const struct hm_node *node, const char *attr,
		    const char *val);
/* Reads an attribute, without the newline. */
int __hm_sysfs_read(const struct hm_node *node, const char *attr, char *buf,
		    size_t size);
void hm_sysfs_read(const struct hm_node *node, const char *attr, char *buf,
		   size_t size);
/* A number in decimal or, with 0x, hexadecimal. */
uint64_t hm_sysfs_read_u64(const struct hm_node *node, const char *attr);

/*
 * Sets the transparent hugepage policy of the system ("always", "madvise",
 * "never") with the same promise; skips if the kernel has none.
 */
void hm_thp_set(const char *policy);

/* Writes a file of the kernel that holds a number, with the same promise. */
void hm_tunable_set(const char *path, const char *val);

/* Undoes hm_sysfs_write(), hm_thp_set() and hm_tunable_set() now. */
void hm_restore(void);

/* A file of any kind, whole or to the end of @buf; negative errno or length. */
ssize_t __hm_read_file(const char *path, char *buf, size_t size);
int __hm_write_file(const char *path, const char *val);

/* ---- the machine ---- */

/* Is the running kernel at least this? */
bool hm_kernel_at_least(int major, int minor);
/* MemTotal in bytes. */
uint64_t hm_mem_total(void);
/* The CPU has 1 GiB pages. */
bool hm_cpu_has_pud(void);

/* ---- the driver ---- */

/* finit_module() of $HM_MODULE (/modules/hugemap.ko). */
int __hm_module_load(const char *params);
/* delete_module() with O_NONBLOCK. */
int __hm_module_unload(void);
bool hm_module_loaded(void);
/*
 * The parameters to load the module with after a test: $HM_MODARGS, or those
 * it has now.
 */
void hm_module_params(char *buf, size_t size);

/**
 * struct hm_device - what a region belongs to
 * @name: "hugemap.0", "0000:00:05.0"
 * @bus: "platform" or "pci"
 */
struct hm_device {
	char name[64];
	char bus[16];
};

void hm_node_device(const struct hm_node *node, struct hm_device *dev);
/* What the link "device" of a directory in sysfs points to. */
void hm_sysfs_device(const char *dir, struct hm_device *dev);
/* Through the driver's files in sysfs. */
int __hm_device_unbind(const struct hm_device *dev);
int __hm_device_bind(const struct hm_device *dev);
/*
 * Sets the module's parameter `pages`, whose value a PCI function takes when it
 * is bound, and returns what it was.
 */
bool hm_module_pages(bool pages);

/* ---- the kernel log ---- */

/* A place in the log, see hm_klog_mark(). */
struct hm_klog {
	int fd;
};

/* Remembers the end of the log. */
void hm_klog_mark(struct hm_klog *log);
/*
 * The next line that the kernel (not a user) wrote since, without its header;
 * false if there is none.
 */
bool hm_klog_next(struct hm_klog *log, char *buf, size_t size);
/*
 * Counts the lines up to the end of the log that begin with @prefix, leaving
 * out what the module loader says about taints and the driver core about a
 * failed probe; @last, if not NULL, gets the last one.
 */
int hm_klog_count(struct hm_klog *log, const char *prefix, char *last,
		  size_t size);
void hm_klog_close(struct hm_klog *log);

#endif /* IGT_HUGEMAP_H */
