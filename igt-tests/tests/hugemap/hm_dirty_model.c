// SPDX-License-Identifier: MIT
/*
 * Dirty tracking against a model.
 *
 * "model": one process does random things to an object and keeps the bitmaps
 * that each tracker must have.  "writers": many processes and threads write
 * while another one harvests and copies what was reported; it must never miss
 * a write.
 *
 * A quarter of HM_STRESS_SECONDS (40) for "model", as much for all "writers"
 * together, but not less than what makes a million checked writes; HM_SEED.
 */
#include <pthread.h>

#include "hm_dirty.h"

/**
 * TEST: hugemap dirty tracking model
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dirty tracking
 * Description: What trackers report, compared with what was written.
 *
 * SUBTEST: model
 * Description: Whatever one process does, each tracker reports exactly what was
 *	written.
 *
 * SUBTEST: bitmap-inside
 * Description: The bitmap lies in the memory that is tracked.
 *
 * SUBTEST: writers-4k
 * Description: No store of many writers is missed, whatever they do to their
 *	mappings.
 *
 * SUBTEST: writers-64k
 * Description: No store of many writers is missed, whatever they do to their
 *	mappings.
 *
 * SUBTEST: writers-2m
 * Description: No store of many writers is missed, whatever they do to their
 *	mappings.
 *
 * SUBTEST: writers-adaptive
 * Description: No store of many writers is missed, whatever they do to their
 *	mappings.
 *
 * SUBTEST: writers-writable
 * Description: No store of many writers is missed, whatever they do to their
 *	mappings.
 */

IGT_TEST_DESCRIPTION("What trackers report, compared with what was written.");

/* What is divided among the targets: five kinds of memory, three ways to map. */
#define TARGETS		15

static uint64_t share_ms(unsigned int subtests)
{
	return hm_env_number("HM_STRESS_SECONDS", 40) * 250ull / TARGETS /
	       subtests;
}

/* Core mm refuses it for VM_PFNMAP. */
static bool dontneed(const struct target *t, void *p, uint64_t len)
{
	bool can = t->node->q.vma_type == DRM_HUGEMAP_VMA_MIXEDMAP;

	return madvise(p, len, MADV_DONTNEED) ? !can && errno == EINVAL : can;
}

/* ---- the model ---- */

#define MAX_TRACKERS	6
#define MAX_EXTRA	3
#define MIN_OPS		100

/* A tracker and what it must know; bit 0 is the granule at @start. */
struct tracker {
	uint32_t id;		/* or 0 */
	uint32_t flags;
	uint64_t granule, start, end, max_over, epoch;
	bool reads;		/* one without read-only entries was beside it */
	uint64_t nr;
	uint64_t *dirty, *kept;
};

/* A mapping beside the one of all of it. */
struct extra {
	char *p;		/* or NULL */
	uint64_t off, len;
};

struct model {
	struct target t;
	int mem;		/* /proc/self/mem */
	int alt_fd;		/* the same memory in another way */
	uint64_t alt_off;
	char *p;		/* byte 0 */
	uint8_t *prot;		/* of each page there: 0, PROT_READ or RW */
	uint64_t pages;
	uint64_t end;		/* of the object, which may be larger */
	uint64_t focus;		/* a page; where most happens */
	uint64_t seed, rnd, op, writes, syncs, over;
	struct tracker tracker[MAX_TRACKERS];
	struct extra extra[MAX_EXTRA];
	char *bad;		/* two pages; the second is not mapped */
	const char *what;
};

#define model_assert(m, expr) \
	igt_assert_f(expr, "HM_SEED=%" PRIu64 " operation %" PRIu64 " (%s): %m\n", \
		     (m)->seed, (m)->op, (m)->what)

/* errno is for the message. */
#define model_assert_err(m, err, want) do { \
	errno = -(err); \
	model_assert(m, (err) == (want)); \
} while (0)

static uint64_t rnd(struct model *m, uint64_t below)
{
	return next_random(&m->rnd, below);
}

/* The granules of a tracker that [from, to) touches, if any. */
static bool clip(const struct tracker *k, uint64_t *from, uint64_t *to)
{
	*from = *from > k->start ? *from : k->start;
	*to = *to < k->end ? *to : k->end;
	if (*from >= *to)
		return false;
	*from = (*from - k->start) / k->granule;
	*to = (*to - 1 - k->start) / k->granule + 1;
	return true;
}

/* Pages were written. */
static void mark(struct model *m, uint64_t page, uint64_t nr)
{
	for (int i = 0; i < MAX_TRACKERS; i++) {
		uint64_t from = page * HM_PAGE, to = (page + nr) * HM_PAGE;
		struct tracker *k = &m->tracker[i];

		if (!k->id || !clip(k, &from, &to))
			continue;
		for (; from < to; from++)
			set_bit(k->dirty, from);
	}
	m->writes += nr;
}

/* @base is where page @first is. */
static void store(struct model *m, char *base, uint64_t first, uint64_t page)
{
	volatile uint64_t *p = (void *)(base + (page - first) * HM_PAGE);

	p[rnd(m, 512)] = m->op;
	mark(m, page, 1);
}

static void load(const struct model *m, uint64_t page)
{
	if (m->prot[page] & PROT_READ)
		(void)*(volatile char *)(m->p + page * HM_PAGE);
}

/* One page, mostly where others are. */
static uint64_t pick(struct model *m)
{
	uint64_t page = m->focus + rnd(m, 2048);

	if (!rnd(m, 50))
		m->focus = rnd(m, m->pages);
	return rnd(m, 4) && page < m->pages ? page : rnd(m, m->pages);
}

/* Some pages, of any alignment or of that of larger ones. */
static void pick_range(struct model *m, uint64_t *page, uint64_t *nr)
{
	static const uint64_t units[] = { 1, 1, 16, 512, 512 };
	uint64_t unit = units[rnd(m, ARRAY_SIZE(units))];

	*page = pick(m) / unit * unit;
	*nr = (rnd(m, 4) + 1) * unit;
	if (*nr > m->pages - *page)
		*nr = m->pages - *page;
}

static bool all_prot(const struct model *m, uint64_t page, uint64_t nr,
		     uint8_t prot)
{
	for (; nr--; page++)
		if ((m->prot[page] & prot) != prot)
			return false;
	return true;
}

/* Map pages of the main mapping anew. */
static void heal(struct model *m, uint64_t page, uint64_t nr)
{
	target_map_at(&m->t, m->p + page * HM_PAGE, page * HM_PAGE,
		      nr * HM_PAGE, RW);
	memset(m->prot + page, RW, nr);
}

/* ---- writes and reads ---- */

static void do_random(struct model *m)
{
	for (int n = rnd(m, 30); n-- >= 0;) {
		uint64_t page = pick(m);

		if (m->prot[page] == RW)
			store(m, m->p, 0, page);
		load(m, pick(m));
	}
}

static void do_sequential(struct model *m)
{
	uint64_t page = pick(m), nr = rnd(m, 300);

	for (; nr-- && page < m->pages; page++)
		if (m->prot[page] == RW)
			store(m, m->p, 0, page);
}

/* All of a unit, or nearly all. */
static void do_dense(struct model *m)
{
	uint64_t page = m->focus / 512 * 512, nr = rnd(m, 2) ? 512 : 64;

	for (; nr-- && page < m->pages; page++)
		if (m->prot[page] == RW && (nr || rnd(m, 2)))
			store(m, m->p, 0, page);
}

static void do_read(struct model *m)
{
	uint64_t page, nr;

	pick_range(m, &page, &nr);
	for (int i = 0; i < 64; i++)
		load(m, page + rnd(m, nr));
}

static void do_fork(struct model *m)
{
	uint64_t page[20];
	int status;
	pid_t pid;

	for (unsigned int i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = pick(m);
	pid = fork();
	model_assert(m, pid >= 0);
	if (!pid) {
		for (unsigned int i = 0; i < ARRAY_SIZE(page); i++)
			if (m->prot[page[i]] == RW)
				store(m, m->p, 0, page[i]);
		_exit(0);
	}
	model_assert(m, waitpid(pid, &status, 0) == pid);
	model_assert(m, !status);
	for (unsigned int i = 0; i < ARRAY_SIZE(page); i++)
		if (m->prot[page[i]] == RW)
			mark(m, page[i], 1);
}

/* write() to a window, or what a debugger does. */
static void do_file(struct model *m)
{
	uint64_t page = pick(m), nr = rnd(m, 5) + 1;
	char buf[5 * HM_PAGE];

	if (nr > m->pages - page)
		nr = m->pages - page;
	memset(buf, m->op, sizeof(buf));
	if (m->t.kind == WINDOW && rnd(m, 2)) {
		model_assert(m, pwrite(m->t.fd, buf, nr * HM_PAGE - 100,
				       page * HM_PAGE + 50) ==
			     (ssize_t)(nr * HM_PAGE - 100));
		mark(m, page, nr);
	} else if (m->prot[page] == RW) {
		model_assert(m, pwrite(m->mem, buf, 8, (uintptr_t)m->p +
				       page * HM_PAGE) == 8);
		mark(m, page, 1);
	}
}

/* ---- mappings ---- */

static void do_unmap(struct model *m)
{
	uint64_t page, nr;

	pick_range(m, &page, &nr);
	hm_munmap(m->p + page * HM_PAGE, nr * HM_PAGE);
	memset(m->prot + page, 0, nr);
}

static void do_map(struct model *m)
{
	uint64_t page, nr;

	if (rnd(m, 3)) {
		pick_range(m, &page, &nr);
		heal(m, page, nr);
	} else {
		heal(m, 0, m->pages);
	}
}

static void do_protect(struct model *m)
{
	uint64_t page, nr;
	int prot = rnd(m, 2) ? RW : PROT_READ;

	pick_range(m, &page, &nr);
	if (!all_prot(m, page, nr, PROT_READ))
		return;
	model_assert(m, !mprotect(m->p + page * HM_PAGE, nr * HM_PAGE, prot));
	memset(m->prot + page, prot, nr);
}

/* Back and forth: what was dirty must not come back as writable. */
static void do_protect_twice(struct model *m)
{
	uint64_t page, nr;
	char *p;

	pick_range(m, &page, &nr);
	if (!all_prot(m, page, nr, RW))
		return;
	p = m->p + page * HM_PAGE;
	model_assert(m, !mprotect(p, nr * HM_PAGE, PROT_READ));
	while (rnd(m, 4))
		load(m, page + rnd(m, nr));
	model_assert(m, !mprotect(p, nr * HM_PAGE, RW));
	if (rnd(m, 2))
		store(m, m->p, 0, page + rnd(m, nr));
}

/* Away and back, with writes before, there, and after. */
static void do_move(struct model *m)
{
	uint64_t page, nr, len, align;
	char *p, *area, *to;

	pick_range(m, &page, &nr);
	len = nr * HM_PAGE;
	p = m->p + page * HM_PAGE;
	heal(m, page, nr);
	while (rnd(m, 4))
		store(m, m->p, 0, page + rnd(m, nr));
	align = rnd(m, 2) ? m->t.pmd : HM_PAGE;
	area = hm_reserve_aligned(len + align, m->t.pmd);
	to = area + (align == HM_PAGE ? HM_PAGE : 0);
	model_assert(m, mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			       to) == to);
	while (rnd(m, 4))
		store(m, to, page, page + rnd(m, nr));
	model_assert(m, mremap(to, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			       p) == p);
	hm_munmap(area, len + align);
	while (rnd(m, 4))
		store(m, m->p, 0, page + rnd(m, nr));
}

/* All of it, to where it is congruent or not. */
static void do_move_all(struct model *m)
{
	uint64_t shift = rnd(m, 3) ? 0 : rnd(m, 2) ? m->t.pmd : HM_PAGE;
	uint64_t size = m->t.size, room = size + 2 * m->t.pud;
	char *area = hm_reserve_aligned(room, m->t.pud), *to;

	to = area + (uintptr_t)m->t.p % m->t.pud + shift;
	heal(m, 0, m->pages);
	do_random(m);
	model_assert(m, mremap(m->p, size, size, MREMAP_MAYMOVE |
			       MREMAP_FIXED, to) == to);
	if (to > area)
		hm_munmap(area, to - area);
	hm_munmap(to + size, area + room - (to + size));
	m->p = to;
	do_random(m);
}

static void do_extra(struct model *m)
{
	struct extra *x = &m->extra[rnd(m, MAX_EXTRA)];
	bool alt = rnd(m, 2);
	uint64_t page, nr;

	if (x->p) {
		hm_munmap(x->p, x->len);
		x->p = NULL;
		return;
	}
	pick_range(m, &page, &nr);
	x->off = page * HM_PAGE;
	x->len = nr * HM_PAGE;
	x->p = hm_mmap_fd(alt ? m->alt_fd : m->t.map_fd,
			  (alt ? m->alt_off : m->t.map_off) + x->off, x->len,
			  RW);
}

static void do_extra_write(struct model *m)
{
	const struct extra *x = &m->extra[rnd(m, MAX_EXTRA)];

	for (int n = rnd(m, 20); x->p && n--;)
		store(m, x->p, x->off / HM_PAGE,
		      (x->off + rnd(m, x->len)) / HM_PAGE);
}

static void do_dontneed(struct model *m)
{
	uint64_t page, nr;

	pick_range(m, &page, &nr);
	if (all_prot(m, page, nr, PROT_READ))
		model_assert(m, dontneed(&m->t, m->p + page * HM_PAGE,
					 nr * HM_PAGE));
}

static void do_prefault(struct model *m)
{
	static const uint32_t orders[] = { 0, 9, 18, DRM_HUGEMAP_ORDER_ANY };
	bool wr = !rnd(m, 4);
	uint64_t page, nr;
	int err;

	pick_range(m, &page, &nr);
	/* A fault for each. */
	if (wr && nr > 100)
		nr = 100;
	if (!all_prot(m, page, nr, wr ? RW : PROT_READ))
		return;
	err = __hm_prefault(m->t.fd, m->p + page * HM_PAGE, nr * HM_PAGE,
			    wr ? DRM_HUGEMAP_PREFAULT_WRITE : 0,
			    orders[rnd(m, ARRAY_SIZE(orders))], NULL);
	model_assert_err(m, err, 0);
	if (wr)
		mark(m, page, nr);
}

static void do_promote(struct model *m)
{
	const struct extra *x = &m->extra[rnd(m, MAX_EXTRA)];
	uint64_t page, nr;
	int64_t ret = 1;

	if (rnd(m, 4)) {
		pick_range(m, &page, &nr);
		if (all_prot(m, page, nr, PROT_READ))
			ret = __hm_promote(m->t.fd, m->p + page * HM_PAGE,
					   nr * HM_PAGE);
	} else if (x->p) {
		ret = __hm_promote(m->t.fd, x->p, x->len);
	}
	errno = -ret;
	model_assert(m, ret > 0);
}

static void do_limit(struct model *m)
{
	hm_limit(m->t.node, rnd(m, HM_NR_LEVELS));
}

/* ---- trackers ---- */

static uint64_t granule_of(struct model *m)
{
	const uint64_t granules[] = {
		HM_PAGE, HM_PAGE, HM_KIB(64), m->t.pmd, m->t.pud,
	};

	return granules[rnd(m, ARRAY_SIZE(granules))];
}

static void do_start(struct model *m)
{
	static const uint32_t flags[] = {
		0, 0, 0, DRM_HUGEMAP_DIRTY_ALL, DRM_HUGEMAP_DIRTY_ADAPTIVE,
		DRM_HUGEMAP_DIRTY_ADAPTIVE, DRM_HUGEMAP_DIRTY_WRITABLE,
	};
	struct tracker *k = &m->tracker[rnd(m, MAX_TRACKERS)];
	struct drm_hugemap_dirty_start args = { .handle = m->t.handle };
	uint64_t nr;
	int err;

	if (k->id) {
		hm_dirty_stop(m->t.fd, k->id);
		free(k->dirty);
		free(k->kept);
	}
	memset(k, 0, sizeof(*k));
	k->granule = granule_of(m);
	k->flags = flags[rnd(m, ARRAY_SIZE(flags))];
	k->end = m->t.size;
	if (rnd(m, 2)) {
		nr = nr_granules(m->t.size, k->granule);
		k->start = rnd(m, nr) * k->granule;
		nr -= k->start / k->granule;
		k->end = k->start + (rnd(m, nr) + 1) * k->granule;
		if (k->end > m->t.size)
			k->end = m->t.size;
	}
	/* Each read is a fault there, which looks at all pages around it. */
	if (k->flags & DRM_HUGEMAP_DIRTY_WRITABLE) {
		k->start = m->focus * HM_PAGE / k->granule * k->granule;
		k->end = k->start + 256 * k->granule;
		if (k->end > m->t.size)
			k->end = m->t.size;
	}
	k->nr = nr_granules(k->end - k->start, k->granule);
	if (k->flags & DRM_HUGEMAP_DIRTY_ADAPTIVE)
		k->max_over = rnd(m, 4) ? rnd(m, 2) ? k->nr : 600 :
			      rnd(m, 100);
	k->dirty = new_bits(k->nr);
	k->kept = new_bits(k->nr);
	args.flags = k->flags;
	args.start = k->start;
	args.len = k->end == m->end && rnd(m, 2) ? 0 : k->end - k->start;
	args.granule = k->granule;
	args.max_over = k->max_over;
	err = __hm_dirty_start(m->t.fd, &args);
	model_assert_err(m, err, 0);
	k->id = args.tracker;
	/* What it has read counts for all. */
	for (int i = 0; i < MAX_TRACKERS; i++) {
		struct tracker *o = &m->tracker[i];

		if (!o->id)
			continue;
		o->reads |= k->flags & DRM_HUGEMAP_DIRTY_WRITABLE;
		k->reads |= o->flags & DRM_HUGEMAP_DIRTY_WRITABLE;
	}
	for (uint64_t i = 0; k->flags & DRM_HUGEMAP_DIRTY_ALL && i < k->nr; i++)
		set_bit(k->dirty, i);
}

static struct tracker *pick_tracker(struct model *m)
{
	struct tracker *k = &m->tracker[rnd(m, MAX_TRACKERS)];

	return k->id ? k : NULL;
}

/* Some granules, and their bytes as an ioctl takes them. */
static void pick_granules(struct model *m, const struct tracker *k,
			  uint64_t *first, uint64_t *nr, uint64_t *start,
			  uint64_t *len)
{
	uint64_t focus = m->focus * HM_PAGE, end = focus + HM_MIB(8);

	*first = 0;
	*nr = k->nr;
	if (!rnd(m, 3)) {
		*first = rnd(m, k->nr);
		*nr = rnd(m, k->nr - *first) + 1;
	} else if (rnd(m, 2) && clip(k, &focus, &end)) {
		*first = focus + rnd(m, end - focus);
		*nr = rnd(m, end - *first) + 1;
	}
	*start = k->start + *first * k->granule;
	*len = *nr * k->granule;
	if (*len > k->end - *start)
		*len = k->end - *start;
	if (*start + *len == k->end && rnd(m, 2))
		*len = 0;
}

/* The 64 bits of a map from @i on. */
static uint64_t get_bits(const uint64_t *map, uint64_t i)
{
	uint64_t low = map[i / 64] >> i % 64;

	return i % 64 ? low | map[i / 64 + 1] << (64 - i % 64) : low;
}

static void put_bits(uint64_t *map, uint64_t i, uint64_t mask, uint64_t bits)
{
	for (; mask; mask >>= 1, bits >>= 1, i++) {
		if (mask & bits & 1)
			set_bit(map, i);
		else if (mask & 1)
			clear_bit(map, i);
	}
}

static uint64_t mask_of(uint64_t nr, uint64_t i)
{
	return nr - i < 64 ? (1ull << (nr - i)) - 1 : ~0ull;
}

/* What a SYNC with @flags reports of 64 granules. */
static uint64_t wanted(const struct tracker *k, uint64_t i, uint32_t flags)
{
	return get_bits(k->dirty, i) |
	       (flags & DRM_HUGEMAP_SYNC_RETRY ? get_bits(k->kept, i) : 0);
}

/* What was reported against what must be, and what may be besides. */
static void check_report(struct model *m, const struct tracker *k,
			 uint64_t first, uint64_t nr, uint32_t flags,
			 const uint64_t *got, uint64_t fill,
			 const struct drm_hugemap_dirty_sync *out)
{
	bool exact = !k->reads && !(k->flags & DRM_HUGEMAP_DIRTY_ADAPTIVE);
	uint64_t over = 0, dirty = 0, i;

	for (i = 0; i < nr; i += 64) {
		uint64_t want = wanted(k, first + i, flags) & mask_of(nr, i);
		uint64_t have = got[i / 64], more;

		dirty += __builtin_popcountll(want);
		/* Of what was set before nobody knows. */
		want |= fill;
		more = have & ~want;
		over += __builtin_popcountll(more);
		igt_assert_f(!(want & ~have) && !(exact && more) &&
			     !(more & ~mask_of(nr, i)),
			     "HM_SEED=%" PRIu64 " operation %" PRIu64 " (%s): tracker of %#" PRIx64 ", flags %x, SYNC %x: granules %" PRIu64 "... of [%" PRIu64 ", +%" PRIu64 ") are %#" PRIx64 ", expected %#" PRIx64 "\n",
			     m->seed, m->op, m->what, k->granule, k->flags,
			     flags, i, first, nr, have, want);
	}
	igt_assert_f(over <= out->nr_over && dirty <= out->nr_dirty,
		     "HM_SEED=%" PRIu64 " operation %" PRIu64 ": %" PRIu64 " of %" PRIu64 " granules over, reported %" PRIu64 " of %" PRIu64 "\n",
		     m->seed, m->op, over, dirty + over, (uint64_t)out->nr_over,
		     (uint64_t)out->nr_dirty);
	igt_assert_lte_u64(out->nr_over, out->nr_dirty);
	if (exact)
		igt_assert_eq_u64(out->nr_over, 0);
	if (!fill)
		igt_assert_eq_u64(out->nr_dirty, dirty + over);
	if (k->flags & DRM_HUGEMAP_DIRTY_ADAPTIVE && !k->reads)
		igt_assert_lte_u64(out->nr_over, k->max_over);
	m->over += over;
}

static void sync_tracker(struct model *m, struct tracker *k, bool whole)
{
	static const uint32_t kinds[] = {
		0, 0, 0, DRM_HUGEMAP_SYNC_PEEK, DRM_HUGEMAP_SYNC_RETRY,
	};
	uint32_t flags = kinds[rnd(m, ARRAY_SIZE(kinds))];
	struct drm_hugemap_dirty_sync out = {};
	uint64_t first, nr, start, len, words, i, fill = 0;
	uint64_t *got;
	int err;

	if (!rnd(m, 4))
		flags |= DRM_HUGEMAP_SYNC_MERGE;
	pick_granules(m, k, &first, &nr, &start, &len);
	if (whole) {
		flags = 0;
		first = 0;
		start = k->start;
		len = 0;
		nr = k->nr;
	}
	words = (nr + 63) / 64;
	got = new_bits(nr);
	memset(got, 0xa5, (words + 1) * 8);
	if (flags & DRM_HUGEMAP_SYNC_MERGE)
		fill = got[0];
	err = __hm_dirty_sync(m->t.fd, k->id, start, len, flags, got, &out);
	model_assert_err(m, err, 0);
	igt_assert_eq_u64(got[words], 0xa5a5a5a5a5a5a5a5);
	check_report(m, k, first, nr, flags, got, fill, &out);
	m->syncs++;
	if (!(flags & DRM_HUGEMAP_SYNC_PEEK)) {
		k->epoch++;
		for (i = 0; i < nr; i += 64) {
			uint64_t mask = mask_of(nr, i);
			uint64_t want = wanted(k, first + i, flags);
			uint64_t took = (want & fill) | (got[i / 64] & ~fill);

			/* Mostly nothing there at all. */
			if (!(took | want | get_bits(k->kept, first + i)))
				continue;
			put_bits(k->dirty, first + i, mask, 0);
			put_bits(k->kept, first + i, mask, took);
		}
	}
	igt_assert_eq_u64(out.epoch, k->epoch);
	free(got);
}

static void do_sync(struct model *m)
{
	struct tracker *k = pick_tracker(m);

	if (k)
		sync_tracker(m, k, false);
}

static void do_clear(struct model *m)
{
	struct tracker *k = pick_tracker(m);
	uint64_t first, nr, start, len, i;
	uint64_t *only = NULL;
	int err;

	if (!k)
		return;
	pick_granules(m, k, &first, &nr, &start, &len);
	if (rnd(m, 2)) {
		only = new_bits(nr);
		for (i = 0; i < (nr + 63) / 64; i++)
			only[i] = rnd(m, 2) ? m->rnd : 0;
	}
	err = __hm_dirty_clear(m->t.fd, k->id, start, len, only);
	model_assert_err(m, err, 0);
	for (i = 0; i < nr; i++) {
		if (only && !get_bit(only, i))
			continue;
		clear_bit(k->dirty, first + i);
		clear_bit(k->kept, first + i);
	}
	free(only);
}

/* With a bitmap that is not there, or only in part, nothing is lost. */
static void do_fault(struct model *m)
{
	static const uint32_t kinds[] = {
		0, DRM_HUGEMAP_SYNC_PEEK, DRM_HUGEMAP_SYNC_RETRY,
	};
	uint32_t flags = kinds[rnd(m, ARRAY_SIZE(kinds))];
	struct tracker *k = pick_tracker(m);
	uint64_t first, nr, start, len, words;

	if (!k)
		return;
	pick_granules(m, k, &first, &nr, &start, &len);
	words = (nr + 63) / 64;
	words = words < 512 ? words : 512;
	model_assert_err(m, __hm_dirty_sync(m->t.fd, k->id, start, len, flags,
					    (uint64_t *)(m->bad + HM_PAGE) -
					    rnd(m, words), NULL), -EFAULT);
	for (uint64_t i = first; flags & DRM_HUGEMAP_SYNC_RETRY &&
	     i < first + nr; i++)
		if (get_bit(k->kept, i))
			set_bit(k->dirty, i);
}

/* What makes blocks coarse, and then one page of each. */
static void do_rounds(struct model *m)
{
	uint64_t page = m->focus / 512 * 512;
	struct tracker *k = pick_tracker(m);

	if (!k || !(k->flags & DRM_HUGEMAP_DIRTY_ADAPTIVE))
		return;
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 512; i += round < 3 ? 1 : 16)
			if (page + i < m->pages && m->prot[page + i] == RW)
				store(m, m->p, 0, page + i);
		sync_tracker(m, k, true);
	}
}

static const struct {
	const char *name;
	void (*fn)(struct model *m);
	unsigned int weight;
} ops[] = {
	{ "random", do_random, 20 },	{ "sequential", do_sequential, 10 },
	{ "dense", do_dense, 12 },	{ "read", do_read, 10 },
	{ "fork", do_fork, 2 },		{ "file", do_file, 6 },
	{ "munmap", do_unmap, 5 },	{ "mmap", do_map, 8 },
	{ "mprotect", do_protect, 5 },	{ "mprotect twice", do_protect_twice, 6 },
	{ "mremap", do_move, 5 },	{ "mremap all", do_move_all, 2 },
	{ "mapping", do_extra, 6 },	{ "mapping write", do_extra_write, 10 },
	{ "madvise", do_dontneed, 3 },	{ "PREFAULT", do_prefault, 4 },
	{ "PROMOTE", do_promote, 6 },	{ "max_order", do_limit, 2 },
	{ "START", do_start, 3 },	{ "SYNC", do_sync, 40 },
	{ "CLEAR", do_clear, 5 },	{ "EFAULT", do_fault, 4 },
	{ "rounds", do_rounds, 8 },
};

static void model_step(struct model *m)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		n += ops[i].weight;
	n = rnd(m, n);
	for (i = 0; n >= ops[i].weight; i++)
		n -= ops[i].weight;
	m->op++;
	m->what = ops[i].name;
	ops[i].fn(m);
}

static void model(struct hm_node *node, enum hm_dirty_kind kind)
{
	/* An object can end anywhere, and have two of the largest granules. */
	static const uint64_t max[NR_KINDS] = {
		HM_GIB(1), HM_GIB(1) + HM_MIB(6) + 5 * HM_PAGE,
		HM_MIB(64) + 5 * HM_PAGE,
	};
	static struct model m;
	uint64_t until;
	int i;

	memset(&m, 0, sizeof(m));
	m.seed = hm_env_number("HM_SEED", 1);
	m.rnd = first_random(m.seed, node->index * NR_KINDS + kind);
	igt_info("HM_SEED=%" PRIu64 "\n", m.seed);
	m.t = target_open(node, kind, max[kind]);
	m.end = kind == WINDOW ? node->size : m.t.size;
	m.p = m.t.p;
	m.pages = m.t.size / HM_PAGE;
	m.prot = malloc(m.pages);
	igt_assert(m.prot);
	memset(m.prot, RW, m.pages);
	m.mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	igt_assert_fd(m.mem);
	if (kind == WINDOW) {
		m.alt_fd = hm_open(node, O_RDWR);
	} else if (kind == OBJECT) {
		m.alt_fd = hm_export(m.t.fd, m.t.handle);
	} else {
		m.alt_fd = dup(m.t.fd);
		m.alt_off = hm_mmap_offset(m.t.fd, m.t.handle);
	}
	m.bad = mmap(NULL, 2 * HM_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(m.bad != MAP_FAILED);
	igt_assert_eq(mprotect(m.bad + HM_PAGE, HM_PAGE, PROT_NONE), 0);

	m.what = "begin";
	for (i = 0; i < 4; i++)
		do_start(&m);
	until = hm_now_ms() + share_ms(1);
	while (hm_now_ms() < until || m.op < MIN_OPS)
		model_step(&m);
	m.what = "end";
	for (i = 0; i < MAX_TRACKERS; i++) {
		if (!m.tracker[i].id)
			continue;
		sync_tracker(&m, &m.tracker[i], true);
		hm_dirty_stop(m.t.fd, m.tracker[i].id);
		free(m.tracker[i].dirty);
		free(m.tracker[i].kept);
	}
	igt_info("%" PRIu64 " operations, %" PRIu64 " pages written, %" PRIu64 " SYNCs, %" PRIu64 " granules over\n",
		 m.op, m.writes, m.syncs, m.over);
	for (i = 0; i < MAX_EXTRA; i++)
		if (m.extra[i].p)
			hm_munmap(m.extra[i].p, m.extra[i].len);
	hm_munmap(m.bad, 2 * HM_PAGE);
	close(m.alt_fd);
	close(m.mem);
	free(m.prot);
	m.t.p = m.p;
	target_close(&m.t);
}

/* ---- the bitmap in the tracked memory ---- */

/* SYNC itself writes to what it watches: nothing of that may get lost. */
static void inside(struct hm_node *node, enum hm_dirty_kind kind)
{
	/* More words than are taken at once. */
	struct target t = target_open(node, kind, HM_MIB(256));
	uint64_t nr = t.size / HM_PAGE, words = (nr + 63) / 64;
	uint64_t *want = new_bitmap(&t, HM_PAGE), *got = new_bits(nr);
	uint64_t rnd = first_random(hm_env_number("HM_SEED", 1), 0);
	/* Begins in the middle of a page. */
	uint64_t at = t.size / 2 + HM_PAGE - 16;
	uint64_t first = at / HM_PAGE, last = (at + words * 8 - 1) / HM_PAGE;
	uint64_t *bitmap = (uint64_t *)(t.p + at);
	uint32_t tracker;

	tracker = hm_dirty_start(t.fd, t.handle, 0, t.size, HM_PAGE, 0);
	for (int round = 0; round < 8; round++) {
		uint64_t i, n, page;

		for (i = 0; i < (round % 2 ? nr / 64 : 100); i++) {
			page = round % 2 ? i * 64 : next_random(&rnd, nr);
			if (page >= first && page <= last)
				continue;
			touch(&t, page * HM_PAGE);
			set_bit(want, page);
		}
		n = hm_dirty_sync(t.fd, tracker, 0, 0, 0, bitmap);
		memcpy(got, bitmap, words * 8);
		igt_assert_eq_u64(n, count_bits(got, nr));
		/* What was stored during the call may be in it. */
		for (i = 0; i < nr; i++)
			igt_assert_f(get_bit(got, i) == get_bit(want, i) ||
				     (i >= first && i <= last &&
				      get_bit(got, i)),
				     "round %d: page %" PRIu64 " is %d\n",
				     round, i, get_bit(got, i));
		/* Else it is in the next. */
		hm_dirty_sync(t.fd, tracker, 0, 0, DRM_HUGEMAP_SYNC_PEEK, want);
		for (i = 0; i < nr; i++)
			igt_assert_f(i >= first && i <= last ?
				     get_bit(got, i) || get_bit(want, i) :
				     !get_bit(want, i),
				     "round %d: page %" PRIu64 " of the bitmap's %" PRIu64 "-%" PRIu64 "\n",
				     round, i, first, last);
	}
	hm_dirty_stop(t.fd, tracker);
	free(want);
	free(got);
	target_close(&t);
}

/* ---- writers ---- */

#define CHECKED		1000000		/* over the program */
#define PROCS		2
#define WRITERS		(2 * PROCS)	/* a thread in each process */
#define AREAS		8		/* that are written, spread over all */
#define AREA_PAGES	512
#define NR_PAGES	(AREAS * AREA_PAGES)
#define MIN_ROUNDS	6
#define MAX_ROUNDS	20000

/**
 * struct shared - what writers and harvester know of each other
 * @stop: no more
 * @done: by page, the last number that was stored in it
 */
struct shared {
	atomic_bool stop;
	_Atomic uint64_t done[NR_PAGES];
};

struct writer {
	const struct target *t;
	struct shared *s;
	char *p;
	unsigned int id;
	uint64_t rnd, op;
};

/* How it is tracked, by name. */
static const struct granularity {
	const char *name;
	uint64_t size;
	uint32_t flags;
	bool object;		/* not the window is large */
} granularities[] = {
	{ "4k", HM_PAGE, 0, true },
	{ "64k", HM_KIB(64), 0, false },
	{ "2m", HM_MIB(2), 0, false },
	{ "adaptive", HM_PAGE, DRM_HUGEMAP_DIRTY_ADAPTIVE, true },
	{ "writable", HM_PAGE, DRM_HUGEMAP_DIRTY_WRITABLE, false },
};

#define NR_GRANULARITIES	ARRAY_SIZE(granularities)

/* That of the subtest. */
static const struct granularity *granularity;

/* Page @i of those that are written: an area is a PMD's worth of pages. */
static uint64_t offset_of(const struct target *t, unsigned int i)
{
	uint64_t stride = t->size / AREAS / t->pmd * t->pmd;

	if (stride < t->pmd)
		stride = t->pmd;
	return i / AREA_PAGES * stride + i % AREA_PAGES * HM_PAGE;
}

/* A word that is not the same in each page. */
static volatile uint64_t *word_of(const struct target *t, char *p,
				  unsigned int i)
{
	return (uint64_t *)(p + offset_of(t, i)) + i % 512;
}

/* Writers share all granules of more than a page, and all page tables. */
static void write_page(struct writer *w, char *p, unsigned int n)
{
	unsigned int i = n / WRITERS * WRITERS + w->id;
	uint64_t v = atomic_load_explicit(&w->s->done[i],
					  memory_order_relaxed) + 1;

	*word_of(w->t, p, i) = v;
	atomic_store_explicit(&w->s->done[i], v, memory_order_release);
}

static void write_some(struct writer *w, char *p)
{
	unsigned int n = next_random(&w->rnd, NR_PAGES), i;

	switch (next_random(&w->rnd, 4)) {
	case 0:
		for (i = 0; i < 64; i++)
			write_page(w, p, next_random(&w->rnd, NR_PAGES));
		break;
	case 1:
		for (i = 0; i < 1000; i++)
			write_page(w, p, (n + i % 8 * WRITERS) % NR_PAGES);
		break;
	default:
		for (i = 0; i < AREA_PAGES; i += WRITERS)
			write_page(w, p, n / AREA_PAGES * AREA_PAGES + i);
		break;
	}
}

static void read_some(struct writer *w, char *p)
{
	for (int i = 0; i < 32; i++)
		(void)*word_of(w->t, p, next_random(&w->rnd, NR_PAGES));
}

/* A part of the mapping: one or more areas, or some pages of one. */
static void pick_part(struct writer *w, uint64_t *off, uint64_t *len)
{
	unsigned int area = next_random(&w->rnd, AREAS);

	*off = offset_of(w->t, area * AREA_PAGES);
	*len = w->t->pmd;
	if (next_random(&w->rnd, 2)) {
		*off += next_random(&w->rnd, AREA_PAGES - 8) * HM_PAGE;
		*len = 8 * HM_PAGE;
	}
}

static void assert_done(const struct writer *w, bool ok, const char *what)
{
	igt_assert_f(ok, "writer %u, operation %" PRIu64 ": %s: %m\n", w->id,
		     w->op, what);
}

/* What is done to a mapping that others write through meanwhile. */
static void disturb_shared(struct writer *w, char *p)
{
	uint64_t off, len;
	int64_t ret;

	pick_part(w, &off, &len);
	switch (next_random(&w->rnd, 3)) {
	case 0:
		ret = __hm_promote(w->t->fd, p + off, len);
		errno = -ret;
		assert_done(w, ret > 0, "PROMOTE");
		break;
	case 1:
		assert_done(w, dontneed(w->t, p + off, len), "madvise");
		break;
	default:
		ret = __hm_prefault(w->t->fd, p + off, len, 0,
				    DRM_HUGEMAP_ORDER_ANY, NULL);
		errno = -ret;
		assert_done(w, !ret || ret == -EAGAIN, "PREFAULT");
		break;
	}
}

/* And to one that is this thread's alone. */
static void disturb_own(struct writer *w, char *p)
{
	uint64_t off, len;
	int status;
	char *to;
	pid_t pid;

	pick_part(w, &off, &len);
	switch (next_random(&w->rnd, 6)) {
	case 0:
		pid = fork();
		assert_done(w, pid >= 0, "fork");
		if (!pid) {
			write_some(w, p);
			_exit(0);
		}
		/* While it writes, only where it does not. */
		read_some(w, p);
		assert_done(w, waitpid(pid, &status, 0) == pid && !status,
			    "child");
		break;
	case 1:
		assert_done(w, !munmap(p + off, len), "munmap");
		target_map_at(w->t, p + off, off, len, RW);
		break;
	case 2:
		target_map_at(w->t, p + off, off, len, RW);
		write_some(w, p);
		to = hm_reserve_aligned(len, w->t->pmd);
		assert_done(w, mremap(p + off, len, len, MREMAP_MAYMOVE |
				      MREMAP_FIXED, to) == to, "mremap");
		assert_done(w, mremap(to, len, len, MREMAP_MAYMOVE |
				      MREMAP_FIXED, p + off) == p + off,
			    "mremap back");
		break;
	case 3:
	case 4:
		assert_done(w, !mprotect(p + off, len, PROT_READ),
			    "mprotect");
		read_some(w, p);
		assert_done(w, !mprotect(p + off, len, RW), "mprotect back");
		break;
	default:
		disturb_shared(w, p);
		break;
	}
	/* Not more VMAs with each. */
	if (!(w->op % 32))
		target_map_at(w->t, p, 0, w->t->size, RW);
}

static void *writer_thread(void *arg)
{
	struct writer *w = arg;

	while (!atomic_load(&w->s->stop))
		write_some(w, w->p);
	return NULL;
}

static void writer_process(const struct target *t, struct shared *s, int id,
			   uint64_t seed)
{
	struct target mine = *t;
	struct writer w = { .t = t, .s = s, .id = 2 * id };
	struct writer other = w;
	pthread_t thread;
	char *own;

	w.rnd = first_random(seed, w.id);
	other.id++;
	other.rnd = first_random(seed, other.id);
	other.p = t->p;
	own = target_map(&mine, RW);
	igt_assert_eq(pthread_create(&thread, NULL, writer_thread, &other), 0);
	while (!atomic_load(&s->stop)) {
		char *p = next_random(&w.rnd, 4) ? own : t->p;

		w.op++;
		write_some(&w, p);
		read_some(&w, p);
		if (p == own)
			disturb_own(&w, own);
		else
			disturb_shared(&w, t->p);
	}
	igt_assert_eq(pthread_join(thread, NULL), 0);
	hm_munmap(own, t->size);
}

/* Copies what was reported, and finds what was not although it was written. */
struct harvest {
	const struct target *t;
	struct shared *s;
	uint32_t tracker;
	uint64_t granule, checked, copied;
	uint64_t *bitmap;
	char *view;
	uint64_t before[NR_PAGES], shadow[NR_PAGES];
};

static void harvest(struct harvest *h, unsigned int round)
{
	/* So that the second part's bitmap begins with a word. */
	uint64_t half = h->t->size / 2 / h->granule / 64 * 64;
	uint64_t at = half * h->granule;
	unsigned int i;

	for (i = 0; i < NR_PAGES; i++)
		h->before[i] = atomic_load_explicit(&h->s->done[i],
						    memory_order_acquire);
	/* Now and then in two parts, or with the last one's once more. */
	if (half && round % 4 == 1) {
		hm_dirty_sync(h->t->fd, h->tracker, at, 0, 0,
			      h->bitmap + half / 64);
		hm_dirty_sync(h->t->fd, h->tracker, 0, at, 0, h->bitmap);
	} else {
		hm_dirty_sync(h->t->fd, h->tracker, 0, 0, round % 4 == 2 ?
			      DRM_HUGEMAP_SYNC_RETRY : 0, h->bitmap);
	}
	for (i = 0; i < NR_PAGES; i++) {
		uint64_t old = h->shadow[i];

		if (get_bit(h->bitmap, offset_of(h->t, i) / h->granule)) {
			h->shadow[i] = *word_of(h->t, h->view, i);
			h->copied++;
		}
		igt_assert_f(h->shadow[i] >= h->before[i],
			     "round %u: page %u (%#" PRIx64 ") was not reported: %" PRIu64 " was written, %" PRIu64 " is known\n",
			     round, i, offset_of(h->t, i), h->before[i],
			     h->shadow[i]);
		h->checked += h->shadow[i] - old;
	}
}

static void writers(struct hm_node *node, enum hm_dirty_kind kind)
{
	const struct granularity *g = granularity;
	struct drm_hugemap_dirty_start args = {
		.flags = g->flags,
		.granule = g->size,
	};
	/*
	 * One is large enough for the largest entries, where there are any: an
	 * object, which has to be cleared, or else a window.
	 */
	bool large = kind == (g->object ? OBJECT : WINDOW);
	struct target t = target_open(node, kind, large ? HM_GIB(1) :
				      HM_MIB(64));
	uint64_t seed = hm_env_number("HM_SEED", 1), until, checked;
	static struct harvest h;
	unsigned int round = 0;

	igt_info("HM_SEED=%" PRIu64 "\n", seed);
	memset(&h, 0, sizeof(h));
	h.t = &t;
	h.granule = g->size;
	h.bitmap = new_bitmap(&t, g->size);
	/* Reading is not writing, even where it counts as such. */
	h.view = target_map(&t, PROT_READ);
	h.s = mmap(NULL, sizeof(*h.s), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(h.s != MAP_FAILED);
	igt_assert_lte_u64(offset_of(&t, NR_PAGES - 1) + HM_PAGE, t.size);
	for (unsigned int i = 0; i < NR_PAGES; i++)
		*word_of(&t, t.p, i) = 0;
	args.handle = t.handle;
	args.len = t.size;
	if (g->flags & DRM_HUGEMAP_DIRTY_ADAPTIVE)
		args.max_over = t.size / g->size;
	igt_assert_eq(__hm_dirty_start(t.fd, &args), 0);
	h.tracker = args.tracker;
	checked = CHECKED / TARGETS / NR_GRANULARITIES + 1;
	until = hm_now_ms() + share_ms(NR_GRANULARITIES);
	igt_fork(id, PROCS)
		writer_process(&t, h.s, id, seed);
	while ((hm_now_ms() < until || h.checked < checked ||
		round < MIN_ROUNDS) && round < MAX_ROUNDS)
		harvest(&h, round++);
	atomic_store(&h.s->stop, true);
	igt_waitchildren();
	harvest(&h, 0);
	for (unsigned int i = 0; i < NR_PAGES; i++) {
		uint64_t v = *word_of(&t, h.view, i);

		igt_assert_eq_u64(v, atomic_load(&h.s->done[i]));
		igt_assert_f(h.shadow[i] == v,
			     "page %u (%#" PRIx64 ") holds %" PRIu64 ", the copy %" PRIu64 "\n",
			     i, offset_of(&t, i), v, h.shadow[i]);
	}
	igt_info("%u SYNCs, %" PRIu64 " pages copied, %" PRIu64 " writes checked\n",
		 round + 1, h.copied, h.checked);
	igt_assert_lte_u64(checked, h.checked);
	hm_dirty_stop(t.fd, h.tracker);
	igt_assert_eq(munmap(h.s, sizeof(*h.s)), 0);
	hm_munmap(h.view, t.size);
	free(h.bitmap);
	target_close(&t);
}

int igt_main()
{
	igt_fixture() {
		igt_hugemap_require_nodes();
		igt_hugemap_require_drm();
	}

	igt_describe("Whatever one process does, each tracker reports exactly what was written.");
	igt_subtest_with_dynamic("model")
		for_each_target(model);

	igt_describe("The bitmap lies in the memory that is tracked.");
	igt_subtest_with_dynamic("bitmap-inside")
		for_each_target(inside);

	for (volatile unsigned int i = 0; i < NR_GRANULARITIES; i++) {
		igt_describe("No store of many writers is missed, whatever they do to their mappings.");
		igt_subtest_with_dynamic_f("writers-%s",
					   granularities[i].name) {
			granularity = &granularities[i];
			for_each_target(writers);
		}
	}
}
