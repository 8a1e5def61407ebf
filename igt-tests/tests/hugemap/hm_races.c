// SPDX-License-Identifier: MIT
/*
 * Changes of a mapping while a thread faults on it.  Each of these is over in
 * an instant, so each is tried many times, but on a slow machine no longer than
 * TIME_LIMIT.
 */
#include <pthread.h>
#include <time.h>

#include "hm_map.h"

/**
 * TEST: hugemap races
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: page faults
 * Description: Faults that race with changes of their mapping.
 *
 * SUBTEST: split-first-fault
 * Description: A mapping cut during its first fault keeps its data.
 *
 * SUBTEST: zap-mremap
 * Description: What is taken away from all mappings is taken from one that
 *	moves, too.
 *
 * SUBTEST: dontneed-faults
 * Description: MADV_DONTNEED during faults loses and logs nothing.
 */

IGT_TEST_DESCRIPTION("Faults that race with changes of their mapping.");

#define SEED		0x72616365ull
#define TIME_LIMIT	1500000000ull	/* ns */

/* ---- a thread that touches a page whenever it is told to ---- */

struct toucher {
	pthread_t thread;
	volatile char *_Atomic p;
	atomic_uint go, begun, done;
	atomic_bool stop;
};

static void *toucher_thread(void *data)
{
	struct toucher *t = data;
	unsigned int round = 0;

	for (;;) {
		while (atomic_load(&t->go) == round) {
			if (atomic_load(&t->stop))
				return NULL;
			sched_yield();
		}
		atomic_store(&t->begun, ++round);
		(void)*atomic_load(&t->p);
		atomic_store(&t->done, round);
	}
}

static void toucher_stop(struct toucher *t)
{
	atomic_store(&t->stop, true);
	pthread_join(t->thread, NULL);
}

/* ---- a split against the first fault ---- */

#define SPLIT_ROUNDS	300
/* An x86 PMD leaf: present, writable, user, accessed, dirty, huge. */
#define LEAF		0xe7ull
#define NR_LEAVES	(HM_PAGE / sizeof(uint64_t))

/*
 * Holds the region's lock for milliseconds again and again, so that faults wait
 * for it: PREFAULT sets a cap on many base pages and lifts it.  The
 * mapping is not congruent with the memory, has base pages only and keeps them.
 */
static void hold_lock(const struct hm_node *node)
{
	uint64_t pmd = hm_pmd_size(node), len = hm_pud_size(node) / 2;
	char *p = hm_mmap_at(node, hm_reserve_aligned(len, pmd), HM_PAGE, len,
			     PROT_READ | PROT_WRITE);

	for (unsigned int i = 0;; i++)
		igt_assert_eq(__hm_prefault(node->fd, p, len, 0,
					    i & 1 ? DRM_HUGEMAP_ORDER_ANY : 0,
					    NULL), 0);
}

/*
 * Page @hole is cut out while the toucher makes the first fault on the mapping.
 * Taken for a page table, the PUD entry's memory begins with 512 PMD entries:
 * it holds words that look like some, all in the first page.
 */
static void split(struct hm_node *node)
{
	static struct igt_helper_process locker;
	static struct toucher t;
	static uint64_t leaf[NR_LEAVES];
	uint64_t pud = hm_pud_size(node), pmd = hm_pmd_size(node), splits;
	uint64_t touch = pud / 2;
	unsigned int round, bad = NR_LEAVES;
	struct timespec start = {};
	int fd, err = 0;
	char *p;

	igt_hugemap_require_size(node, pud);
	hm_require_set_level(node, HM_PUD, true);
	fd = hm_open(node, O_RDWR);
	for (unsigned int i = 0; i < NR_LEAVES; i++)
		leaf[i] = LEAF;
	igt_assert_eq(pwrite(fd, leaf, HM_PAGE, 0), (int)HM_PAGE);

	memset(&locker, 0, sizeof(locker));
	locker.use_SIGKILL = true;
	igt_fork_helper(&locker)
		hold_lock(node);
	memset(&t, 0, sizeof(t));
	igt_assert_eq(pthread_create(&t.thread, NULL, toucher_thread, &t), 0);

	/* Nothing asserts before thread and process have ended. */
	srandom(SEED);
	for (round = 0; round < SPLIT_ROUNDS && bad == NR_LEAVES &&
	     igt_nsec_elapsed(&start) < TIME_LIMIT; round++) {
		/* Never the page that is touched, nor a PMD boundary. */
		uint64_t hole = round % (pud / pmd) * pmd + 5 * HM_PAGE;

		p = mmap(NULL, pud, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED) {
			err = errno;
			break;
		}
		atomic_store(&t.p, p + touch);
		atomic_store(&t.go, round + 1);
		while (atomic_load(&t.begun) != round + 1)
			sched_yield();
		for (volatile int spin = random() % 600; spin; spin--)
			;
		if (munmap(p + hole, HM_PAGE))
			err = errno;
		while (atomic_load(&t.done) != round + 1)
			sched_yield();
		munmap(p, pud);
		if (pread(fd, leaf, HM_PAGE, 0) != (ssize_t)HM_PAGE)
			err = errno;
		for (bad = 0; bad < NR_LEAVES && leaf[bad] == LEAF; bad++)
			;
		if (err)
			break;
	}
	toucher_stop(&t);
	igt_stop_helper(&locker);

	igt_assert_f(!err, "round %u: %s\n", round, strerror(err));
	igt_assert_f(bad == NR_LEAVES,
		     "round %u: offset %#zx holds %#" PRIx64 ", expected %#llx: an entry was split as if it were a table\n",
		     round, bad * sizeof(*leaf), leaf[bad % NR_LEAVES], LEAF);
	/* Faults did come first, and the driver (or core mm) took the entry away. */
	splits = hm_stat_now(fd, "zap-split");
	igt_info("%u rounds, %" PRIu64 " PUD entries split\n", round, splits);
	if (node->q.features & DRM_HUGEMAP_FEATURE_CORE_SPLIT)
		igt_assert_lt_u64(0, hm_stat_now(fd, "fault-pud"));
	else
		igt_assert_lt_u64(0, splits);
	igt_assert_eq_u64(hm_stat_now(fd, "sigbus"), 0);
	close(fd);
}

/* ---- a zap of all mappings against mremap() ---- */

#define MOVE_ROUNDS	4000
/*
 * Far from all other mappings and from each other: with a mapping end its page
 * tables, and mremap() allocates one after it has looked at an entry and before it
 * moves that.
 */
#define MOVE_FROM	((char *)(1ul << 40))
#define MOVE_TO		((char *)(2ul << 40))

struct mover {
	pthread_t thread;
	char *p, *other;
	uint64_t len;
	atomic_uint go, done;
	atomic_bool hold, stop;
	int err;
};

/* Moves the mapping to and back from when it is told to until it is to hold. */
static void *mover_thread(void *data)
{
	struct mover *m = data;
	unsigned int round = 0;
	char *p;

	for (;;) {
		while (atomic_load(&m->go) == round) {
			if (atomic_load(&m->stop))
				return NULL;
			sched_yield();
		}
		round++;
		while (!atomic_load(&m->hold)) {
			p = mremap(m->p, m->len, m->len,
				   MREMAP_MAYMOVE | MREMAP_FIXED, m->other);
			if (p == MAP_FAILED) {
				m->err = errno;
				break;
			}
			m->other = m->p;
			m->p = p;
		}
		atomic_store(&m->done, round);
	}
}

/*
 * mremap() clears an entry and then sets it elsewhere. Who looks in between, at
 * both places, without the locks of the page tables, finds none. And before it
 * clears one it looks at what kind it is, which up to 6.11 it believes to stay so:
 * where an entry went it moves a page table that is none (the log shows it).
 */
static void zap_mremap(struct hm_node *node)
{
	uint64_t left = 0;
	struct timespec start = {};
	static struct mover m;
	struct hm_levels l;
	unsigned int round;

	hm_require_set_level(node, HM_PMD, true);
	memset(&m, 0, sizeof(m));
	m.len = hm_pmd_size(node);
	igt_assert_eq(pthread_create(&m.thread, NULL, mover_thread, &m), 0);

	/* Nothing asserts before the thread has ended. */
	srandom(SEED);
	for (round = 0; round < MOVE_ROUNDS && !left && !m.err &&
	     igt_nsec_elapsed(&start) < TIME_LIMIT; round++) {
		hm_limit(node, HM_PMD);
		m.p = mmap(MOVE_FROM, m.len, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED_NOREPLACE, node->fd, 0);
		if (m.p == MAP_FAILED) {
			m.err = errno;
			break;
		}
		m.other = MOVE_TO;
		*(volatile char *)m.p = 1;
		atomic_store(&m.hold, false);
		atomic_store(&m.go, round + 1);
		for (volatile int spin = random() % 20000; spin; spin--)
			;
		hm_limit(node, HM_PTE);
		atomic_store(&m.hold, true);
		while (atomic_load(&m.done) != round + 1)
			sched_yield();
		/* What was left has moved along; no fault makes it anew. */
		hm_map_levels(node, m.p, m.len, &l);
		left = l.pmd;
		if (munmap(m.p, m.len))
			m.err = errno;
	}
	atomic_store(&m.stop, true);
	pthread_join(m.thread, NULL);
	igt_assert_f(!m.err, "mmap, mremap or munmap: %s\n", strerror(m.err));
	igt_info("%u rounds\n", round);
	igt_assert_f(!left, "round %u: a page of 2 MiB is left\n", round);
}

/* ---- MADV_DONTNEED against faults ---- */

#define DONTNEED_ROUNDS	6000

struct writer {
	pthread_t thread;
	char *p;
	uint64_t off, bad;
	atomic_bool stop;
};

static void *writer_thread(void *data)
{
	struct writer *w = data;
	volatile uint64_t *word = (uint64_t *)w->p;
	uint64_t want = hm_pattern(w->off, SEED), n;

	for (n = 0; !atomic_load(&w->stop); n++) {
		w->bad += *word != want;
		want = hm_pattern(w->off, SEED + n);
		*word = want;
	}
	return NULL;
}

/*
 * What MADV_DONTNEED empties, page tables included, is filled again by faults;
 * none of it is for the log.
 */
static void dontneed(struct hm_node *node)
{
	uint64_t pmd = hm_pmd_size(node), touch = 3 * HM_PAGE;
	static struct writer w;
	char line[256], *p;
	struct hm_klog log;
	struct timespec start = {};
	unsigned int round;
	int err = 0;

	/* Not congruent: base pages, in a table that is all of this mapping. */
	p = hm_mmap_at(node, hm_reserve_aligned(pmd, pmd), HM_PAGE, pmd,
		       PROT_READ | PROT_WRITE);
	igt_skip_on_f(madvise(p, pmd, MADV_DONTNEED) && errno == EINVAL,
		      "MADV_DONTNEED is refused on VM_PFNMAP mappings\n");
	hm_fill_pages(p, HM_PAGE, pmd, SEED);
	hm_assert_level(node, p, pmd, HM_PTE);

	hm_klog_mark(&log);
	memset(&w, 0, sizeof(w));
	w.p = p + touch;
	w.off = HM_PAGE + touch;
	igt_assert_eq(pthread_create(&w.thread, NULL, writer_thread, &w), 0);
	for (round = 0; round < DONTNEED_ROUNDS && !err &&
	     igt_nsec_elapsed(&start) < TIME_LIMIT; round++)
		if (madvise(p, pmd, MADV_DONTNEED))
			err = errno;
	atomic_store(&w.stop, true);
	pthread_join(w.thread, NULL);

	igt_assert_f(!err, "round %u: %s\n", round, strerror(err));
	igt_info("%u rounds\n", round);
	while (hm_klog_next(&log, line, sizeof(line)))
		/* A slow machine is none of our business. */
		igt_assert_f(!strncmp(line, "hrtimer: interrupt took", 23),
			     "the kernel says: %s\n", line);
	hm_klog_close(&log);
	igt_assert_eq_u64(w.bad, 0);
	hm_check_pages(p, HM_PAGE, touch, SEED);
	hm_check_pages(p + touch + HM_PAGE, HM_PAGE + touch + HM_PAGE,
		       pmd - touch - HM_PAGE, SEED);
	hm_munmap(p, pmd);
}

int igt_main()
{
	igt_fixture()
		igt_hugemap_require_nodes();

	igt_describe("A mapping cut during its first fault keeps its data.");
	igt_subtest_with_dynamic("split-first-fault")
		hm_dynamic_for_each_kind(node)
			split(node);

	igt_describe("What is taken away from all mappings is taken from one that moves, too.");
	igt_subtest_with_dynamic("zap-mremap")
		hm_dynamic_for_each_kind(node)
			zap_mremap(node);

	igt_describe("MADV_DONTNEED during faults loses and logs nothing.");
	igt_subtest_with_dynamic("dontneed-faults")
		hm_dynamic_for_each_kind(node)
			dontneed(node);
}
