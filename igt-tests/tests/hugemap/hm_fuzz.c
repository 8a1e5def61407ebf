// SPDX-License-Identifier: MIT
/*
 * Random calls with valid, odd and wrong arguments, and a model that knows what
 * each must give: see docs/fuzzing.md.
 *
 * HM_FUZZ_SEED (1); HM_FUZZ_OPS, in all, else a share of HM_STRESS_SECONDS (12);
 * HM_FUZZ_PROCS (6) at once; HM_FUZZ_PROC and HM_FUZZ_PROGRAM to replay one;
 * HM_FUZZ_TRACE=1 prints each operation before it is done.
 */
#include <sys/statvfs.h>

#include "hm_fuzz.h"
#include "hm_fuzz_mem.h"
#include "hm_fuzz_ioctl.h"
#include "hm_fuzz_kcov.h"

/**
 * TEST: hugemap fuzz
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: driver
 * Description: Random operations against a model of their results.
 *
 * SUBTEST: ioctls
 * Description: Every ioctl does and refuses what it is documented to.
 *
 * SUBTEST: mmap
 * Description: So do the system calls on mappings.
 *
 * SUBTEST: memory
 * Description: Memory holds what was written, however it was, and trackers know.
 *
 * SUBTEST: all
 * Description: All of it, in several processes at once.
 *
 * SUBTEST: garbage
 * Description: Any bytes in place of arguments do no harm.
 *
 * SUBTEST: guided
 * Description: As "all", from what reached new places in the driver's code.
 */

IGT_TEST_DESCRIPTION("Random operations against a model of their results.");

enum mode { IOCTLS, MMAP, MEMORY, ALL, GARBAGE, GUIDED, NR_MODES };

/* How often each is done, in each mode. */
static const struct {
	const char *name;
	void (*fn)(struct fuzz *f);
	uint8_t weight[NR_MODES];
} kinds[] = {
	{ "store", op_store, { 10, 10, 40, 30, 2, 20 } },
	{ "load", op_load, { 4, 10, 25, 15, 2, 10 } },
	{ "touch", op_touch, { 0, 6, 6, 5, 4, 5 } },
	{ "pread", op_pread, { 0, 2, 15, 6, 0, 4 } },
	{ "pwrite", op_pwrite, { 0, 2, 15, 6, 0, 4 } },
	{ "lseek, read, write", op_seek_io, { 0, 0, 8, 3, 0, 2 } },
	{ "lseek", op_lseek, { 0, 0, 4, 2, 0, 2 } },
	{ "wild offset", op_wild_io, { 0, 0, 5, 2, 0, 2 } },
	{ "bad buffer", op_bad_io, { 0, 0, 5, 2, 0, 2 } },
	{ "/proc/self/mem", op_proc_mem, { 0, 2, 6, 3, 0, 3 } },
	{ "pipe", op_pipe, { 0, 2, 6, 3, 0, 2 } },
	{ "references", op_gup, { 0, 2, 2, 1, 0, 2 } },
	{ "mmap", op_mmap, { 10, 30, 12, 20, 3, 20 } },
	{ "bad mmap", op_bad_mmap, { 0, 12, 0, 4, 0, 4 } },
	{ "mmap PROT_EXEC", op_exec, { 0, 1, 0, 1, 0, 1 } },
	{ "munmap", op_munmap, { 3, 10, 4, 8, 1, 8 } },
	{ "mprotect", op_mprotect, { 3, 20, 6, 10, 0, 10 } },
	{ "mremap", op_mremap, { 1, 20, 4, 8, 0, 10 } },
	{ "bad mremap", op_bad_mremap, { 0, 6, 0, 2, 0, 2 } },
	{ "madvise", op_madvise, { 0, 15, 3, 6, 0, 6 } },
	{ "mlock", op_mlock, { 0, 3, 1, 1, 0, 1 } },
	{ "msync", op_msync, { 0, 3, 1, 1, 0, 1 } },
	{ "mincore", op_mincore, { 0, 2, 0, 1, 0, 1 } },
	{ "fork", op_fork, { 0, 1, 1, 1, 0, 1 } },
	{ "maps", op_maps, { 1, 2, 1, 1, 0, 0 } },
	{ "page table walks", op_proc, { 0, 1, 0, 1, 0, 1 } },
	{ "QUERY", op_query, { 3, 0, 0, 1, 0, 2 } },
	{ "PREFAULT", op_prefault, { 14, 6, 6, 8, 0, 10 } },
	{ "PROMOTE", op_promote, { 12, 6, 2, 6, 0, 10 } },
	{ "GEM_CREATE", op_create, { 10, 3, 2, 5, 0, 5 } },
	{ "GEM_INFO", op_info, { 4, 0, 0, 1, 0, 3 } },
	{ "GEM_MMAP_OFFSET", op_mmap_offset, { 2, 0, 0, 1, 0, 2 } },
	{ "GEM_CLOSE", op_gem_close, { 6, 1, 1, 2, 0, 3 } },
	{ "export", op_export, { 5, 2, 1, 2, 0, 3 } },
	{ "import", op_import, { 5, 1, 0, 2, 0, 3 } },
	{ "dma-buf", op_dmabuf, { 5, 0, 1, 2, 0, 3 } },
	{ "dumb buffer", op_dumb, { 1, 0, 0, 1, 0, 2 } },
	{ "DIRTY_START", op_start, { 12, 2, 6, 6, 0, 10 } },
	{ "DIRTY_SYNC", op_sync, { 16, 2, 12, 10, 0, 12 } },
	{ "bad DIRTY_SYNC", op_bad_sync, { 6, 0, 1, 2, 0, 4 } },
	{ "DIRTY_CLEAR", op_clear, { 6, 0, 2, 3, 0, 5 } },
	{ "DIRTY_STOP", op_stop, { 4, 1, 2, 3, 0, 3 } },
	{ "DIRTY_RECTS", op_rects, { 6, 0, 2, 3, 0, 5 } },
	{ "bad pointer", op_bad_pointer, { 4, 0, 0, 1, 2, 2 } },
	{ "unknown ioctl", op_unknown, { 3, 0, 0, 1, 2, 1 } },
	{ "other sizes", op_sizes, { 3, 0, 0, 1, 2, 2 } },
	{ "other files", op_files, { 2, 0, 0, 1, 0, 1 } },
	{ "of all processes", op_shared, { 2, 0, 0, 3, 0, 1 } },
	{ "garbage", op_garbage, { 0, 0, 0, 0, 60, 0 } },
	{ "any ioctl", op_any_ioctl, { 0, 0, 0, 0, 10, 0 } },
};

#define NR_OPS	ARRAY_SIZE(kinds)

/* What a subtest is to do. */
struct plan {
	enum mode mode;
	uint64_t seed, ops, ms;
	int procs;
	bool at_once;
	int only;			/* this process, or -1 */
};

/* ---- setup ---- */

static struct hm_node *regions[HM_MAX_NODES];
static int nr_regions;
static struct mem shared;
static int shared_fd;
static uint32_t shared_handle;

static uint64_t env_number(const char *name, uint64_t other)
{
	const char *v = getenv(name);

	return v && *v ? strtoull(v, NULL, 0) : other;
}

/* An object that all processes map and track. */
static void open_shared(void)
{
	shared.used = true;
	shared.foreign = true;
	shared.size = HM_MIB(4);
	shared.fd = hm_render_open(regions[0]);
	shared.handle = hm_create(shared.fd, regions[0], shared.size);
	shared.offset = hm_mmap_offset(shared.fd, shared.handle);
	shared.dmabuf = hm_export(shared.fd, shared.handle);
	shared_fd = hm_render_open(regions[0]);
	shared_handle = hm_import(shared_fd, shared.dmabuf);
}

static void close_shared(void)
{
	close(shared.dmabuf);
	close(shared.fd);
	close(shared_fd);
}

static uint64_t word_at(struct fuzz *f, uint64_t off)
{
	uint64_t v = 0;

	fuzz_assert(f, pread(f->node, &v, 8, off) == 8);
	return v;
}

/*
 * The object that is always there is one piece, so that it is a part of the
 * window as well, which nobody else gets.
 */
static void open_base(struct fuzz *f)
{
	struct mem *m = &f->mem[BASE];
	uint64_t mark = mix(f->seed ^ mix(f->proc)), step = f->pmd, off = 0;
	uint64_t *p;

	m->used = true;
	m->fd = f->render;
	m->dmabuf = -1;
	m->size = BASE_SIZE;
	m->max_order = DRM_HUGEMAP_ORDER_ANY;
	m->flags = DRM_HUGEMAP_GEM_CONTIGUOUS;
	fuzz_assert(f, !__hm_create_in(f->render, f->region->region, m->size,
				       m->flags, m->max_order, &m->handle));
	m->offset = hm_mmap_offset(f->render, m->handle);
	p = hm_bo_mmap(f->render, m->handle, 0, m->size, RW);
	for (uint64_t i = 0; i < m->size / HM_PAGE; i++)
		p[i * 512] = mark + i;
	while (word_at(f, off) != mark) {
		off += step;
		if (off < f->size)
			continue;
		fuzz_assert(f, step == f->pmd);
		step = HM_PAGE;
		off = 0;
	}
	f->window = off;
	for (uint64_t i = 0; i < m->size / HM_PAGE; i++) {
		if (!(i % 64))
			fuzz_assert(f, word_at(f, off + i * HM_PAGE) ==
				    mark + i);
		p[i * 512] = 0;
	}
	hm_munmap(p, m->size);
}

static struct fuzz *fuzzing;

static void unexpected_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	fuzz_fail(fuzzing, "signal %d at %p", sig, info->si_addr);
}

static void fuzz_open(struct fuzz *f, const struct plan *plan, int proc)
{
	struct sigaction sa = {
		.sa_sigaction = unexpected_signal,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};
	struct statvfs fs;
	struct hm_drm *drm;

	memset(f, 0, sizeof(*f));
	f->name = "setup";
	f->region = regions[proc % nr_regions];
	f->seed = plan->seed;
	f->proc = proc;
	f->procs = plan->at_once ? plan->procs : 1;
	f->trace = env_number("HM_FUZZ_TRACE", 0);
	drm = hm_region_drm(f->region);
	f->node = hm_open(f->region, O_RDWR);
	f->node_ro = hm_open(f->region, O_RDONLY);
	f->node_dup = dup(f->node);
	f->render = hm_render_open(f->region);
	f->stranger = hm_render_open(f->region);
	f->card = hm_drm_open(drm->card);
	f->efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	f->mem_fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	fuzz_assert(f, f->efd >= 0 && f->null_fd >= 0 && f->mem_fd >= 0);
	fuzz_assert(f, !pipe2(f->pipe, O_CLOEXEC | O_NONBLOCK));
	fuzz_assert(f, !statvfs(f->region->path, &fs));
	f->noexec = fs.f_flag & ST_NOEXEC;
	fuzz_assert(f, !__hm_query(f->node, &f->q));
	f->size = f->q.size;
	f->pmd = hm_order_size(f->q.pmd_order);
	f->pud = hm_order_size(f->q.pud_order);
	f->mixedmap = f->q.vma_type == DRM_HUGEMAP_VMA_MIXEDMAP;
	f->shared_mixedmap = regions[0]->q.vma_type ==
			     DRM_HUGEMAP_VMA_MIXEDMAP;
	f->same_device = drm == hm_region_drm(regions[0]);
	f->shared_fd = shared_fd;
	f->shared_handle = shared_handle;
	f->mem[SHARED] = shared;
	for (int i = FIRST_OWN; i < MAX_MEMS; i++)
		f->mem[i].dmabuf = -1;
	f->buf = malloc(65536 + 64);
	fuzz_assert(f, f->buf);
	f->bad = mmap(NULL, 2 * HM_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	fuzz_assert(f, f->bad != MAP_FAILED);
	/* Nobody maps anything there. */
	fuzz_assert(f, !mprotect(f->bad + HM_PAGE, HM_PAGE, PROT_NONE));
	open_base(f);
	fuzzing = f;
	fuzz_assert(f, !sigaction(SIGSEGV, &sa, NULL));
	fuzz_assert(f, !sigaction(SIGBUS, &sa, NULL));
}

/* ---- the end: all of it is as the model says ---- */

static void check_mem(struct fuzz *f, int i)
{
	static const uint8_t zeros[HM_PAGE];
	struct mem *m = &f->mem[i];
	uint8_t *p;

	p = mmap(NULL, m->size, PROT_READ, MAP_SHARED, m->fd, m->offset);
	fuzz_assert(f, p != MAP_FAILED);
	for (uint64_t n = 0; n < m->size / HM_PAGE; n++) {
		const uint8_t *want = m->shadow[n] ?: zeros;

		if (memcmp(p + n * HM_PAGE, want, HM_PAGE))
			shadow_check(f, m, n * HM_PAGE, p + n * HM_PAGE,
				     HM_PAGE, "at the end");
		if (i)
			continue;
		fuzz_assert(f, pread(f->node, f->buf, HM_PAGE, f->window +
				     n * HM_PAGE) == (ssize_t)HM_PAGE);
		shadow_check(f, m, n * HM_PAGE, f->buf, HM_PAGE,
			     "in the window at the end");
	}
	fuzz_assert(f, !munmap(p, m->size));
}

static void check_all(struct fuzz *f)
{
	f->name = "end";
	f->text = NULL;
	op_maps(f);
	f->text = NULL;
	for (int i = 0; i < MAX_TRACKERS; i++) {
		struct tracker *k = &f->tracker[i];

		if (k->id)
			do_sync(f, k, 0, 0, k->nr, k->start, 0);
	}
	for (int i = 0; i < MAX_MEMS; i++)
		if (f->mem[i].handle && !f->mem[i].foreign)
			check_mem(f, i);
}

/* As at the begin, but for the content of BASE. */
static void reset(struct fuzz *f)
{
	f->name = "reset";
	f->text = NULL;
	fuzz_assert(f, !munmap((void *)ARENA, ARENA_SIZE));
	f->nr_segs = 0;
	for (int i = 0; i < MAX_TRACKERS; i++) {
		struct tracker *k = &f->tracker[i];

		if (!k->id)
			continue;
		fuzz_assert(f, !__hm_dirty_stop(k->fd, k->id));
		free(k->dirty);
		free(k->kept);
		memset(k, 0, sizeof(*k));
	}
	for (int i = 0; i < MAX_MEMS; i++) {
		struct mem *m = &f->mem[i];

		if (!m->used || m->foreign)
			continue;
		if (m->dmabuf >= 0)
			close(m->dmabuf);
		m->dmabuf = -1;
		if (i != BASE && m->handle)
			fuzz_assert(f, !__hm_close(m->fd, m->handle));
		if (i != BASE)
			m->handle = 0;
		mem_release(f, i);
	}
	f->pos = 0;
	fuzz_assert(f, !lseek(f->node, 0, SEEK_SET));
}

/* ---- operations ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void one_op(struct fuzz *f, enum mode mode, uint64_t word)
{
	unsigned int i, n = 0;
	uint64_t start;

	for (i = 0; i < NR_OPS; i++)
		n += kinds[i].weight[mode];
	f->word = word;
	f->rnd = mix(word);
	n = rnd(f, n);
	for (i = 0; n >= kinds[i].weight[mode]; i++)
		n -= kinds[i].weight[mode];
	f->name = kinds[i].name;
	f->text = NULL;
	f->outcome = 0;
	if (f->nr_segs >= MAX_SEGS - 12)
		make_room(f);
	start = now_ns();
	kinds[i].fn(f);
	f->counts->ns[i] += now_ns() - start;
	if (f->outcome > 0)
		f->counts->ok[i]++;
	else if (f->outcome < 0)
		f->counts->refused[i]++;
	else
		f->counts->nothing[i]++;
	f->counts->ops++;
	/* A sample of what did not change. */
	if (mode != GARBAGE && !(word & 3))
		op_load(f);
}

static bool go_on(const struct plan *plan, uint64_t done, uint64_t until)
{
	uint64_t ops = plan->ops;

	if (!ops)
		return done < 50 || hm_now_ms() < until;
	if (plan->only < 0)
		ops = (ops + plan->procs - 1) / plan->procs;
	return done < ops;
}

/* Garbage goes to a mapping that is not in the model. */
static void run_garbage(struct fuzz *f)
{
	struct seg g = {
		.addr = ARENA, .len = BASE_SIZE, .via = NODE, .prot = RW,
		.off = f->window,
	};

	if (one_in(f, 2)) {
		g.via = RENDER;
		g.off = 0;
	}
	fuzz_assert(f, map(f, &g, g.addr, MAP_SHARED | MAP_FIXED) ==
		    (void *)g.addr);
	segs_drop(f, g.addr, g.len);
	seg_insert(f, &g);
}

static void run_plain(struct fuzz *f, const struct plan *plan, uint64_t until)
{
	uint64_t key = mix(mix(plan->seed) + f->proc * NR_MODES + plan->mode);

	for (f->op = 0; go_on(plan, f->op, until); f->op++)
		one_op(f, plan->mode, mix(key + f->op));
}

/* ---- guided by coverage ---- */

#define MAX_WORDS	32
#define MAX_CORPUS	512

struct program {
	int nr;
	uint64_t word[MAX_WORDS];
};

static void mutate(struct fuzz *f, struct program *p,
		   const struct program *corpus, int nr)
{
	const struct program *other = &corpus[rnd(f, nr)];
	int at, n;

	*p = corpus[rnd(f, nr)];
	do {
		at = rnd(f, p->nr);
		switch (rnd(f, 4)) {
		case 0:
			p->word[at] = rnd(f, 0);
			break;
		case 1:
			if (p->nr == MAX_WORDS)
				break;
			memmove(&p->word[at + 1], &p->word[at],
				(p->nr - at) * sizeof(p->word[0]));
			p->word[at] = one_in(f, 2) ? rnd(f, 0) :
				      other->word[rnd(f, other->nr)];
			p->nr++;
			break;
		case 2:
			if (p->nr == 1)
				break;
			memmove(&p->word[at], &p->word[at + 1],
				(p->nr - at - 1) * sizeof(p->word[0]));
			p->nr--;
			break;
		default:
			/* The end of another one. */
			n = rnd(f, other->nr);
			n = n < MAX_WORDS - at ? n : MAX_WORDS - at;
			if (!n)
				break;
			memcpy(&p->word[at], &other->word[other->nr - n],
			       n * sizeof(p->word[0]));
			p->nr = at + n;
			break;
		}
	} while (one_in(f, 2));
}

/* Returns how many places in the code it was the first to reach. */
static unsigned int run_program(struct fuzz *f, struct kcov *kcov,
				const struct program *p)
{
	unsigned int fresh = 0;

	f->program = p->word;
	reset(f);
	for (f->nr_words = 1; f->nr_words <= p->nr; f->nr_words++) {
		kcov_begin(kcov);
		one_op(f, GUIDED, p->word[f->nr_words - 1]);
		fresh += kcov_end(kcov);
		f->op++;
	}
	f->nr_words--;
	f->counts->programs++;
	return fresh;
}

static void run_guided(struct fuzz *f, const struct plan *plan, uint64_t until)
{
	static struct program corpus[MAX_CORPUS];
	uint64_t chance = mix(mix(plan->seed) + f->proc);
	struct kcov kcov = {};
	struct program p;
	int nr = 0;

	kcov_open(&kcov);
	while (go_on(plan, f->op, until)) {
		f->rnd = mix(chance++);
		if (!nr || one_in(f, 3)) {
			p.nr = 1 + rnd(f, MAX_WORDS);
			for (int i = 0; i < p.nr; i++)
				p.word[i] = rnd(f, 0);
		} else {
			mutate(f, &p, corpus, nr);
		}
		if (!run_program(f, &kcov, &p))
			continue;
		if (nr < MAX_CORPUS)
			nr++;
		corpus[nr < MAX_CORPUS ? nr - 1 : (int)(mix(chance) % nr)] = p;
	}
	f->counts->pcs = kcov.nr;
	kcov_close(&kcov);
	igt_info("process %d: %" PRIu64 " programs, %d kept, %u places in the code\n",
		 f->proc, f->counts->programs, nr, kcov.nr);
}

/* What a failure printed. */
static void run_given(struct fuzz *f, const char *text)
{
	struct kcov none = { .fd = -1 };
	struct program p = {};

	while (*text && p.nr < MAX_WORDS) {
		p.word[p.nr++] = strtoull(text, (char **)&text, 16);
		text += *text == ',';
	}
	run_program(f, &none, &p);
}

/* ---- subtests ---- */

static void run_proc(const struct plan *plan, int proc, struct counts *counts)
{
	const char *program = getenv("HM_FUZZ_PROGRAM");
	static struct fuzz f;
	uint64_t until;

	fuzz_open(&f, plan, proc);
	f.counts = counts;
	until = hm_now_ms() + plan->ms;
	if (plan->mode == GARBAGE)
		run_garbage(&f);
	if (plan->mode == GUIDED && program && *program)
		run_given(&f, program);
	else if (plan->mode == GUIDED)
		run_guided(&f, plan, until);
	else
		run_plain(&f, plan, until);
	if (plan->mode != GARBAGE)
		check_all(&f);
}

/* Most of what is done must work, or little is tested. */
static void report(const struct plan *plan, const struct counts *counts,
		   int procs, uint64_t ms)
{
	uint64_t ops = 0, all[3] = {}, by[NR_OPS][4] = {};

	for (int p = 0; p < procs; p++) {
		ops += counts[p].ops;
		for (unsigned int i = 0; i < NR_OPS; i++) {
			by[i][0] += counts[p].ok[i];
			by[i][1] += counts[p].refused[i];
			by[i][2] += counts[p].nothing[i];
			by[i][3] += counts[p].ns[i];
		}
	}
	for (unsigned int i = 0; i < NR_OPS; i++) {
		for (int n = 0; n < 3; n++)
			all[n] += by[i][n];
		if (plan->ops && kinds[i].weight[plan->mode])
			igt_info("%20s: %8" PRIu64 " ok, %8" PRIu64 " refused, %8" PRIu64 " nothing to do, %6" PRIu64 " us each\n",
				 kinds[i].name, by[i][0], by[i][1], by[i][2],
				 by[i][3] / 1000 / (by[i][0] + by[i][1] ?: 1));
	}
	igt_info("HM_FUZZ_SEED=%" PRIu64 ": %" PRIu64 " operations, %" PRIu64 "/s; %" PRIu64 " worked, %" PRIu64 " were refused as they should, %" PRIu64 " had nothing to do\n",
		 plan->seed, ops, ops * 1000 / (ms ?: 1), all[0], all[1],
		 all[2]);
	if (ops < 1000 || plan->mode == GARBAGE)
		return;
	igt_assert_lte_u64(ops / 2, all[0]);
	igt_assert_lte_u64(all[2], ops / 5);
}

static void fuzz(enum mode mode)
{
	struct plan plan = {
		.mode = mode,
		.seed = env_number("HM_FUZZ_SEED", 1),
		.ops = env_number("HM_FUZZ_OPS", 0),
		.ms = hm_env_number("HM_STRESS_SECONDS", 12) * 1000ull / 12,
		.at_once = mode == ALL || mode == GARBAGE || mode == GUIDED,
		.only = (int)env_number("HM_FUZZ_PROC", -1),
	};
	struct counts *counts;
	uint64_t start;
	int n;

	plan.procs = plan.at_once ? (int)env_number("HM_FUZZ_PROCS", 6) :
				    nr_regions;
	igt_assert_lte(plan.procs, MAX_PROCS);
	/* One after the other, each on its own kind of memory. */
	if (!plan.at_once)
		plan.ms /= plan.procs;
	counts = mmap(NULL, plan.procs * sizeof(*counts), RW,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(counts != MAP_FAILED);
	open_shared();
	start = hm_now_ms();
	for (int i = 0; i < plan.procs; i += n) {
		n = plan.at_once && plan.only < 0 ? plan.procs : 1;
		if (plan.only >= 0 && i != plan.only)
			continue;
		igt_fork(k, n)
			run_proc(&plan, i + k, &counts[i + k]);
		igt_waitchildren();
	}
	close_shared();
	report(&plan, counts, plan.procs, hm_now_ms() - start);
	munmap(counts, plan.procs * sizeof(*counts));
}

_Static_assert(NR_OPS <= MAX_OPS, "counts");

int igt_main()
{
	igt_fixture() {
		igt_hugemap_require_drm();
		hm_for_each_region(region)
			if (hm_is_first_of_kind(region))
				regions[nr_regions++] = region;
	}

	igt_describe("Every ioctl does and refuses what it is documented to.");
	igt_subtest("ioctls")
		fuzz(IOCTLS);

	igt_describe("So do the system calls on mappings.");
	igt_subtest("mmap")
		fuzz(MMAP);

	igt_describe("Memory holds what was written, however it was, and trackers know.");
	igt_subtest("memory")
		fuzz(MEMORY);

	igt_describe("All of it, in several processes at once.");
	igt_subtest("all")
		fuzz(ALL);

	igt_describe("Any bytes in place of arguments do no harm.");
	igt_subtest("garbage")
		fuzz(GARBAGE);

	igt_describe("As \"all\", from what reached new places in the driver's code.");
	igt_subtest("guided") {
		if (!getenv("HM_FUZZ_PROGRAM"))
			require_kcov();
		fuzz(GUIDED);
	}
}
