/* SPDX-License-Identifier: MIT */
/*
 * What the tests of dirty tracking share: things to track, and bitmaps.
 */
#ifndef HM_DIRTY_H
#define HM_DIRTY_H

#include "hm_map.h"
#include "igt_hugemap_drm.h"

#define RW	(PROT_READ | PROT_WRITE)

/* ---- what is tracked ---- */

enum hm_dirty_kind { WINDOW, OBJECT, DMABUF, NR_KINDS };

static const char * const kind_name[NR_KINDS] __maybe_unused = {
	"window", "object", "dmabuf",
};

/**
 * struct target - memory that is mapped, at a good address, and tracked
 * @node: its region
 * @kind: how it is mapped
 * @fd: for trackers, and counters of all kinds but DMABUF
 * @handle: of the object, or 0
 * @dmabuf: descriptor, or -1
 * @map_fd: what mmap() takes
 * @map_off: the offset of byte 0 there
 * @size: bytes
 * @pmd: bytes of a PMD entry
 * @pud: bytes of a PUD entry
 * @p: all of it
 * @ro: NULL, or a second mapping that target_close() is to take along
 */
struct target {
	struct hm_node *node;
	enum hm_dirty_kind kind;
	int fd;
	uint32_t handle;
	int dmabuf;
	int map_fd;
	uint64_t map_off;
	uint64_t size;
	uint64_t pmd;
	uint64_t pud;
	char *p;
	const char *ro;
};

static inline void *target_map(struct target *t, int prot)
{
	if (t->kind == DMABUF)
		return hm_dmabuf_mmap(t->dmabuf, 0, t->size, prot);
	return hm_mmap_fd(t->fd, t->map_off, t->size, prot);
}

/* A part of it, over whatever is at @addr. */
static inline void target_map_at(const struct target *t, void *addr,
				 uint64_t off, uint64_t len, int prot)
{
	void *p = mmap(addr, len, prot, MAP_SHARED | MAP_FIXED, t->map_fd,
		       t->map_off + off);

	igt_assert_f(p == addr, "mmap of %#" PRIx64 " at %#" PRIx64 ": %m\n",
		     len, off);
}

/*
 * @max bytes, or what there is.  @node is of hm_node_next() for windows, else
 * of hm_region_next().
 */
static inline struct target target_open(struct hm_node *node,
					enum hm_dirty_kind kind, uint64_t max)
{
	struct target t = { .node = node, .kind = kind, .dmabuf = -1 };

	hm_sysfs_write(node, "allow_pmd", "1");
	hm_node_refresh(node);
	t.pmd = hm_pmd_size(node);
	t.pud = hm_pud_size(node);
	if (kind == WINDOW) {
		t.fd = hm_open(node, O_RDWR);
		t.size = node->size;
	} else {
		t.fd = hm_render_open(node);
		t.size = hm_free(node);
	}
	if (t.size > max)
		t.size = max;
	if (kind != WINDOW)
		t.handle = hm_create(t.fd, node, t.size);
	if (kind == DMABUF)
		t.dmabuf = hm_export(t.fd, t.handle);
	t.map_fd = kind == DMABUF ? t.dmabuf : t.fd;
	t.map_off = kind == OBJECT ? hm_mmap_offset(t.fd, t.handle) : 0;
	t.p = target_map(&t, RW);
	return t;
}

/* The next target's test must find the memory free. */
static inline void target_close(struct target *t)
{
	hm_munmap(t->p, t->size);
	if (t->ro)
		hm_munmap((void *)t->ro, t->size);
	if (t->dmabuf >= 0)
		close(t->dmabuf);
	close(t->fd);
	hm_restore();
}

static inline void touch(struct target *t, uint64_t off)
{
	*(volatile uint64_t *)(t->p + off) = off + 1;
}

/* A dynamic subtest for each kind of memory and way to map it. */
static inline void for_each_target(void (*fn)(struct hm_node *node,
					      enum hm_dirty_kind kind))
{
	hm_for_each_node(node)
		if (hm_is_first_of_kind(node))
			igt_dynamic_f("%s-%s", node->label, kind_name[WINDOW])
				fn(node, WINDOW);
	hm_for_each_region(region)
		for (volatile int k = OBJECT; k < NR_KINDS; k++)
			if (hm_is_first_of_kind(region))
				igt_dynamic_f("%s-%s", region->label,
					      kind_name[k])
					fn(region, k);
}

/* ---- bitmaps ---- */

static inline uint64_t nr_granules(uint64_t len, uint64_t granule)
{
	return (len + granule - 1) / granule;
}

static inline uint64_t *new_bits(uint64_t bits)
{
	uint64_t *map = calloc((bits + 63) / 64 + 1, sizeof(*map));

	igt_assert(map);
	return map;
}

static inline uint64_t *new_bitmap(const struct target *t, uint64_t granule)
{
	return new_bits(nr_granules(t->size, granule));
}

static inline bool get_bit(const uint64_t *map, uint64_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static inline void set_bit(uint64_t *map, uint64_t i)
{
	map[i / 64] |= 1ull << (i % 64);
}

static inline void clear_bit(uint64_t *map, uint64_t i)
{
	map[i / 64] &= ~(1ull << (i % 64));
}

static inline uint64_t count_bits(const uint64_t *map, uint64_t bits)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < (bits + 63) / 64; i++)
		n += __builtin_popcountll(map[i]);
	return n;
}

static inline void assert_bits(const uint64_t *got, const uint64_t *want,
			       uint64_t bits)
{
	for (uint64_t i = 0; i < (bits + 63) / 64; i++)
		igt_assert_f(got[i] == want[i],
			     "word %" PRIu64 " is %#" PRIx64 ", expected %#" PRIx64 "\n",
			     i, got[i], want[i]);
}

static inline void assert_bitmaps(const struct target *t, uint64_t granule,
				  const uint64_t *got, const uint64_t *want)
{
	assert_bits(got, want, nr_granules(t->size, granule));
}

/* ---- chance ---- */

static inline uint64_t next_random(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return below ? (*state >> 16) % below : 0;
}

static inline uint64_t first_random(uint64_t seed, uint64_t stream)
{
	return (seed + 1) * 0x9e3779b97f4a7c15ull ^ (stream + 1);
}

#endif /* HM_DIRTY_H */
