/* SPDX-License-Identifier: MIT */
/*
 * The model of hm_fuzz: what one process has mapped, what is in its memory and
 * what its trackers must know.
 *
 * An operation is a function of this state and of a 64-bit word, and of nothing
 * else: mappings are at addresses of the model's choice.  So the words, which
 * follow from the seed, the process and the number of the operation, are all
 * that it takes to do the same again.
 */
#ifndef HM_FUZZ_H
#define HM_FUZZ_H

#include <setjmp.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <linux/dma-buf.h>

#include "hm_map.h"
#include "igt_hugemap_drm.h"

#define RW		(PROT_READ | PROT_WRITE)

/* Where nothing else is: mmap() without an address begins at the other end. */
#define ARENA		0x200000000000ull
#define ARENA_SIZE	HM_GIB(4)

#define MAX_SEGS	96
#define MAX_MEMS	7
#define MAX_TRACKERS	6
#define MAX_PROCS	16
#define MAX_OPS		64		/* kinds of operation */
#define BASE_SIZE	HM_MIB(4)	/* of the object that is always there */
#define MAX_SIZE	HM_MIB(6)	/* of the others */

/* What was mapped; the file that made it, too. */
enum via { RENDER, DMABUF, NODE, NODE_RO };

static const char * const via_name[] = {
	"object", "dmabuf", "window", "window, read-only",
};

/* The objects of a process. */
enum { BASE, SHARED, FIRST_OWN };

#define ADV_RANDOM	0x1
#define ADV_SEQUENTIAL	0x2
#define ADV_NOHUGE	0x4
#define ADV_DONTFORK	0x8

/**
 * struct seg - a VMA: they are special, so core mm never merges two
 * @addr: in the arena
 * @len: bytes
 * @mem: object, of RENDER and DMABUF
 * @via: file
 * @off: bytes into the object or the window
 * @prot: PROT_*
 * @advice: ADV_*
 */
struct seg {
	uint64_t addr;
	uint64_t len;
	int mem;
	enum via via;
	uint64_t off;
	int prot;
	uint8_t advice;
};

/**
 * struct mem - an object
 * @used: there is one; without a handle it lives on in what uses it
 * @fd: DRM node that @handle is for
 * @handle: or 0
 * @dmabuf: or -1
 * @size: bytes
 * @offset: for mmap()
 * @max_order: as created
 * @flags: as created
 * @foreign: others write to it as well, so its content is not known
 * @shadow: by page, what it holds, or NULL for zeros
 */
struct mem {
	bool used;
	int fd;
	uint32_t handle;
	int dmabuf;
	uint64_t size;
	uint64_t offset;
	uint32_t max_order;
	uint32_t flags;
	bool foreign;
	uint8_t *shadow[MAX_SIZE / HM_PAGE];
};

/**
 * struct tracker - one, and what it must report
 * @id: or 0
 * @window: of the window, else of object @mem
 * @mem: object
 * @fd: what it belongs to
 * @flags: DRM_HUGEMAP_DIRTY_*
 * @granule: bytes
 * @start: first byte
 * @end: byte behind
 * @limit: end of the object
 * @max_over: as started
 * @epoch: clearing SYNCs
 * @loose: more may be dirty than what the model knows
 * @nr: granules
 * @dirty: must be reported
 * @kept: must be reported by RETRY
 */
struct tracker {
	uint32_t id;
	bool window;
	int mem;
	int fd;
	uint32_t flags;
	uint64_t granule;
	uint64_t start;
	uint64_t end;
	uint64_t limit;
	uint64_t max_over;
	uint64_t epoch;
	bool loose;
	uint64_t nr;
	uint8_t *dirty;
	uint8_t *kept;
};

/* What became of the operations of a kind. */
struct counts {
	uint64_t ok[MAX_OPS];
	uint64_t refused[MAX_OPS];
	uint64_t nothing[MAX_OPS];
	uint64_t ns[MAX_OPS];
	uint64_t ops;
	uint64_t pcs;
	uint64_t programs;
};

struct fuzz {
	/* How it was started. */
	struct hm_node *region;		/* where objects are made */
	uint64_t seed;
	int proc;
	int procs;			/* that run beside one another */
	bool trace;
	/* Files. */
	int render, stranger, card;	/* clients; the second has nothing */
	int node, node_ro;
	int node_dup;			/* of node */
	int shared_fd;			/* of all processes, and its trackers */
	uint32_t shared_handle;
	bool same_device;		/* the shared object is on it */
	int efd, null_fd, mem_fd;
	int pipe[2];
	bool noexec;			/* the file system of the nodes is */
	/* The region. */
	struct drm_hugemap_query q;
	uint64_t size;
	uint64_t pmd, pud;
	uint64_t window;		/* where BASE is in it */
	uint64_t pos;			/* file position of node */
	bool mixedmap, shared_mixedmap;
	char *bad;			/* a page, and behind it nothing */
	uint8_t *buf;			/* 64 KiB */
	/* The model. */
	struct seg seg[MAX_SEGS + 8];
	int nr_segs;
	struct mem mem[MAX_MEMS];
	struct tracker tracker[MAX_TRACKERS];
	/* The operation. */
	uint64_t rnd, op, word;
	int kind;
	const char *name;
	const char *text;		/* a format for arg */
	uint64_t arg[10];
	int outcome;			/* of its main call: 1, -1 or 0 for none */
	/* How to replay it, beside the seed. */
	const uint64_t *program;
	int nr_words;
	struct counts *counts;
};

/* ---- chance ---- */

static inline uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static inline uint64_t rnd(struct fuzz *f, uint64_t below)
{
	uint64_t v = mix(f->rnd++);

	return below ? v % below : v;
}

static inline bool one_in(struct fuzz *f, uint64_t n)
{
	return !rnd(f, n);
}

#define pick_of(f, array)	((array)[rnd(f, ARRAY_SIZE(array))])

/* A number that somebody forgot to think of. */
static inline uint64_t odd_number(struct fuzz *f)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 7, 8, 511, 512, 4095, 4096, 4097, 8192, 65536,
		0x1fffff, 0x200000, 0x200001, 0x3fffffff, 0x40000000,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0xfffff000,
		0x7ffffffff000, 0x800000000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xffff888000000000, 0xfffffffffffff000,
		0xffffffffffffffff,
	};

	return one_in(f, 6) ? rnd(f, 0) >> rnd(f, 64) : pick_of(f, numbers);
}

/* ---- what is said of an operation ---- */

static inline void print_text(const struct fuzz *f)
{
	const uint64_t *a = f->arg;

	printf("process %d operation %" PRIu64 " (%s): ", f->proc, f->op,
	       f->name);
	/* All of them are 64 bits wide, as each of the formats' is. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (f->text)
		printf(f->text, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7],
		       a[8], a[9]);
#pragma GCC diagnostic pop
	printf("\n");
}

/*
 * What is about to be done, in words: formatted when it is needed, so all
 * arguments are 64 bits wide (%#lx, %lu, %s of a literal).
 */
#define say(f, fmt, ...) do { \
	const uint64_t __arg[10] = { __VA_ARGS__ }; \
	(f)->text = fmt; \
	memcpy((f)->arg, __arg, sizeof(__arg)); \
	if ((f)->trace) { \
		print_text(f); \
		fflush(stdout); \
	} \
} while (0)

#define word_of(s)	((uint64_t)(uintptr_t)(s))

static void print_replay(const struct fuzz *f)
{
	printf("FUZZ: ");
	print_text(f);
	printf("FUZZ: replay with HM_FUZZ_SEED=%" PRIu64 " HM_FUZZ_PROCS=%d HM_FUZZ_PROC=%d ",
	       f->seed, f->procs, f->proc);
	if (f->program) {
		printf("HM_FUZZ_PROGRAM=");
		for (int i = 0; i < f->nr_words; i++)
			printf("%s%" PRIx64, i ? "," : "", f->program[i]);
	} else {
		printf("HM_FUZZ_OPS=%" PRIu64, f->op + 1);
	}
	printf(" (%s)\n", f->region->label);
	fflush(stdout);
}

#define fuzz_fail(f, fmt, ...) do { \
	print_replay(f); \
	igt_assert_f(false, "process %d operation %" PRIu64 " (%s): " fmt "\n", \
		     (f)->proc, (f)->op, (f)->name, ##__VA_ARGS__); \
} while (0)

#define fuzz_assert(f, expr) do { \
	if (!(expr)) \
		fuzz_fail(f, "not true: %s (%m)", #expr); \
} while (0)

/* ---- what was expected ---- */

static const char *result_name(long err)
{
	static char name[2][64];
	static int i;

	i = !i;
	if (err >= 0)
		snprintf(name[i], sizeof(name[i]), "%ld", err);
	else
		snprintf(name[i], sizeof(name[i]), "%s", strerrorname_np(-err));
	return name[i];
}

static inline long neg_errno(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* The result of the operation's main call, one of those expected. */
static void want_of(struct fuzz *f, long got, const long *want, int nr)
{
	char text[256] = "";

	f->outcome = got >= 0 ? 1 : -1;
	for (int i = 0; i < nr; i++)
		if (got == want[i])
			return;
	for (int i = 0; i < nr; i++) {
		strcat(text, i ? " or " : "");
		strcat(text, result_name(want[i]));
	}
	fuzz_fail(f, "got %s, expected %s", result_name(got), text);
}

#define want(f, got, ...) do { \
	const long __want[] = { __VA_ARGS__ }; \
	want_of(f, got, __want, ARRAY_SIZE(__want)); \
} while (0)

/* ---- segments, by address ---- */

static struct seg *seg_at(struct fuzz *f, uint64_t addr)
{
	for (int i = 0; i < f->nr_segs; i++)
		if (addr - f->seg[i].addr < f->seg[i].len)
			return &f->seg[i];
	return NULL;
}

/* The first that ends behind @addr, or NULL. */
static struct seg *seg_from(struct fuzz *f, uint64_t addr)
{
	for (int i = 0; i < f->nr_segs; i++)
		if (f->seg[i].addr + f->seg[i].len > addr)
			return &f->seg[i];
	return NULL;
}

static struct seg *seg_next(struct fuzz *f, struct seg *g)
{
	return g + 1 < f->seg + f->nr_segs ? g + 1 : NULL;
}

static struct seg *pick_seg(struct fuzz *f)
{
	return f->nr_segs ? &f->seg[rnd(f, f->nr_segs)] : NULL;
}

static void seg_insert(struct fuzz *f, const struct seg *g)
{
	int i = f->nr_segs;

	fuzz_assert(f, f->nr_segs < (int)ARRAY_SIZE(f->seg));
	for (; i && f->seg[i - 1].addr > g->addr; i--)
		f->seg[i] = f->seg[i - 1];
	f->seg[i] = *g;
	f->nr_segs++;
}

static void seg_remove(struct fuzz *f, struct seg *g)
{
	f->nr_segs--;
	memmove(g, g + 1, (f->seg + f->nr_segs - g) * sizeof(*g));
}

/* Core mm cuts the VMA there, if there is one. */
static void seg_cut(struct fuzz *f, uint64_t addr)
{
	struct seg *g = seg_at(f, addr), n;

	if (!g || g->addr == addr)
		return;
	n = *g;
	n.addr = addr;
	n.off += addr - g->addr;
	n.len -= addr - g->addr;
	g->len = addr - g->addr;
	seg_insert(f, &n);
}

/* What of the segment at @addr is before @end becomes one of its own. */
static struct seg *seg_carve(struct fuzz *f, uint64_t addr, uint64_t end)
{
	struct seg *g;

	seg_cut(f, addr);
	g = seg_at(f, addr);
	if (g->addr + g->len > end)
		seg_cut(f, end);
	return seg_at(f, addr);
}

static void segs_drop(struct fuzz *f, uint64_t addr, uint64_t len)
{
	struct seg *g;

	seg_cut(f, addr);
	seg_cut(f, addr + len);
	while ((g = seg_from(f, addr)) && g->addr < addr + len)
		seg_remove(f, g);
}

/* No gap between @addr and @addr + @len? */
static bool segs_cover(struct fuzz *f, uint64_t addr, uint64_t len)
{
	uint64_t end = addr + len;
	struct seg *g;

	for (; addr < end; addr = g->addr + g->len) {
		g = seg_at(f, addr);
		if (!g)
			return false;
	}
	return true;
}

/* A part of one segment: a page, some, whole units, or all. */
static void pick_part(struct fuzz *f, const struct seg *g, uint64_t *addr,
		      uint64_t *len)
{
	uint64_t pages = g->len / HM_PAGE, first, nr;

	switch (rnd(f, 5)) {
	case 0:
		first = 0;
		nr = pages;
		break;
	case 1:
		first = rnd(f, pages);
		nr = 1;
		break;
	case 2:
		first = rnd(f, pages);
		first = (g->addr / HM_PAGE + first) / 512 * 512;
		first = first > g->addr / HM_PAGE ? first - g->addr / HM_PAGE : 0;
		nr = 512 * (1 + rnd(f, 2));
		break;
	default:
		first = rnd(f, pages);
		nr = 1 + rnd(f, 20);
		break;
	}
	if (nr > pages - first)
		nr = pages - first;
	*addr = g->addr + first * HM_PAGE;
	*len = nr * HM_PAGE;
}

/* A range of addresses that may touch several segments, or none. */
static void pick_range(struct fuzz *f, uint64_t *addr, uint64_t *len)
{
	const struct seg *g = pick_seg(f), *other = pick_seg(f);

	if (!g || one_in(f, 12)) {
		*addr = ARENA + rnd(f, ARENA_SIZE / HM_PAGE / 2) * HM_PAGE;
		*len = (1 + rnd(f, 600)) * HM_PAGE;
		return;
	}
	pick_part(f, g, addr, len);
	if (one_in(f, 4)) {
		/* From one to another, with what is between. */
		uint64_t a = *addr, b = other->addr + other->len;

		if (b > a && b - a <= HM_MIB(64))
			*len = b - a;
		else
			*len += (1 + rnd(f, 16)) * HM_PAGE;
	}
}

/* ---- bits ---- */

static inline bool bit(const uint8_t *map, uint64_t i)
{
	return map[i / 8] >> (i % 8) & 1;
}

static inline void set_bit(uint8_t *map, uint64_t i, bool on)
{
	if (on)
		map[i / 8] |= 1 << (i % 8);
	else
		map[i / 8] &= ~(1 << (i % 8));
}

/* ---- memory ---- */

static bool has_window(const struct seg *g)
{
	return g->via == NODE || g->via == NODE_RO;
}

/*
 * The object that is at an address, and where in it.  NULL: others may write
 * there.
 */
static struct mem *mem_at(struct fuzz *f, const struct seg *g, uint64_t addr,
			  uint64_t *off)
{
	struct mem *m = &f->mem[g->mem];

	*off = g->off + (addr - g->addr);
	if (!has_window(g))
		return m->foreign ? NULL : m;
	*off -= f->window;
	return *off < BASE_SIZE ? &f->mem[BASE] : NULL;
}

static uint8_t *shadow_of(struct fuzz *f, struct mem *m, uint64_t page)
{
	if (!m->shadow[page]) {
		m->shadow[page] = calloc(1, HM_PAGE);
		fuzz_assert(f, m->shadow[page]);
	}
	return m->shadow[page];
}

/* All in one page. */
static void shadow_write(struct fuzz *f, struct mem *m, uint64_t off,
			 const void *data, uint64_t len)
{
	memcpy(shadow_of(f, m, off / HM_PAGE) + off % HM_PAGE, data, len);
}

static void shadow_copy(struct fuzz *f, struct mem *m, uint64_t off,
			const uint8_t *data, uint64_t len)
{
	while (len) {
		uint64_t n = HM_PAGE - off % HM_PAGE;

		n = n < len ? n : len;
		shadow_write(f, m, off, data, n);
		off += n;
		data += n;
		len -= n;
	}
}

static void shadow_check(struct fuzz *f, struct mem *m, uint64_t off,
			 const uint8_t *got, uint64_t len, const char *how)
{
	for (uint64_t i = 0; i < len; i++) {
		const uint8_t *page = m->shadow[(off + i) / HM_PAGE];
		uint8_t v = page ? page[(off + i) % HM_PAGE] : 0;

		if (got[i] == v)
			continue;
		fuzz_fail(f, "object %d (handle %u) byte %#" PRIx64 " is %#x %s, expected %#x",
			  (int)(m - f->mem), m->handle, off + i, got[i], how,
			  v);
	}
}

/* ---- what trackers must know ---- */

static void mark(struct fuzz *f, bool window, int mem, uint64_t off,
		 uint64_t len)
{
	for (int i = 0; i < MAX_TRACKERS; i++) {
		struct tracker *k = &f->tracker[i];
		uint64_t from = off, to = off + len;

		if (!k->id || k->window != window || (!window && k->mem != mem))
			continue;
		from = from > k->start ? from : k->start;
		to = to < k->end ? to : k->end;
		if (from >= to)
			continue;
		from = (from - k->start) / k->granule;
		to = (to - 1 - k->start) / k->granule + 1;
		for (; from < to; from++)
			set_bit(k->dirty, from, true);
	}
}

/* Through a mapping. */
static void mark_seg(struct fuzz *f, const struct seg *g, uint64_t addr,
		     uint64_t len)
{
	mark(f, has_window(g), g->mem, g->off + (addr - g->addr), len);
}

/* ---- files of the model ---- */

static int fd_of(const struct fuzz *f, enum via via, int mem)
{
	switch (via) {
	case DMABUF:
		return f->mem[mem].dmabuf;
	case NODE:
		return f->node;
	case NODE_RO:
		return f->node_ro;
	default:
		return f->mem[mem].fd;
	}
}

/* What mmap() takes for byte 0. */
static uint64_t map_base(const struct fuzz *f, enum via via, int mem)
{
	return via == RENDER ? f->mem[mem].offset : 0;
}

/* Nothing holds an object without a handle any more: so it is gone. */
static void mem_release(struct fuzz *f, int i)
{
	struct mem *m = &f->mem[i];

	if (!m->used || m->handle || m->dmabuf >= 0)
		return;
	for (int n = 0; n < f->nr_segs; n++)
		if (!has_window(&f->seg[n]) && f->seg[n].mem == i)
			return;
	for (int n = 0; n < MAX_TRACKERS; n++)
		if (f->tracker[n].id && !f->tracker[n].window &&
		    f->tracker[n].mem == i)
			return;
	for (uint64_t n = 0; n < ARRAY_SIZE(m->shadow); n++)
		free(m->shadow[n]);
	memset(m, 0, sizeof(*m));
	m->dmabuf = -1;
}

static void mems_release(struct fuzz *f)
{
	for (int i = FIRST_OWN; i < MAX_MEMS; i++)
		mem_release(f, i);
}

/* One that can be named in an ioctl. */
static int pick_mem(struct fuzz *f)
{
	int i = rnd(f, MAX_MEMS);

	for (int n = 0; n < MAX_MEMS; n++, i = (i + 1) % MAX_MEMS)
		if (f->mem[i].used && f->mem[i].handle)
			return i;
	return BASE;
}

#endif /* HM_FUZZ_H */
