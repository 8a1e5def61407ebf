// SPDX-License-Identifier: MIT
/*
 * What faults leave behind: the right data at every page size, the right
 * rights, the same for parents, children, threads and other processes.
 */
#include <pthread.h>
#include <sys/prctl.h>

#include "hm_map.h"

/**
 * TEST: hugemap faults
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: page faults
 * Description: Data, rights and sharing of mappings of every page size.
 *
 * SUBTEST: data
 * Description: What is written through one mapping is read through others.
 *
 * SUBTEST: write-after-read
 * Description: Writing what was read before costs no further fault.
 *
 * SUBTEST: read-only
 * Description: A read-only mapping cannot be written until it is made writable.
 *
 * SUBTEST: read-only-file
 * Description: A file opened for reading can be mapped shared, never written.
 *
 * SUBTEST: prot-none
 * Description: PROT_NONE takes access away and gives it back.
 *
 * SUBTEST: fork
 * Description: Parent and child write the same memory, before and after exit.
 *
 * SUBTEST: two-processes
 * Description: Two processes see each other's writes.
 *
 * SUBTEST: threads-same-unit
 * Description: Threads that touch the same units at once map each just once.
 *
 * SUBTEST: threads-own-units
 * Description: Threads that touch units of their own keep their data.
 *
 * SUBTEST: threads-limit-changes
 * Description: The limit changes while threads write; no word is lost.
 */

IGT_TEST_DESCRIPTION("Data, rights and sharing of mappings of every page size.");

#define SEED	0x6661756c74ull
#define THREADS	4

/* A mapping that @level fits: a PUD unit, or some PMD units. */
static uint64_t level_len(struct hm_node *node, enum hm_level level)
{
	return level == HM_PUD ? hm_pud_size(node) : 8 * hm_pmd_size(node);
}

/* Runs @fn for every level that the node has; @fd has clean counters. */
static void each_level(struct hm_node *node,
		       void (*fn)(struct hm_node *node, enum hm_level level,
				  int fd, uint64_t len))
{
	uint64_t len;
	int fd;

	for (int level = HM_PTE; level < HM_NR_LEVELS; level++) {
		len = level_len(node, level);
		if (len > node->size || !hm_set_level(node, level, true))
			continue;
		fd = hm_open(node, O_RDWR);
		fn(node, level, fd, len);
		igt_assert_eq_u64(hm_stat_now(fd, "sigbus"), 0);
		close(fd);
	}
}

static uint64_t all_faults(int fd)
{
	struct hm_stats s;

	hm_stats_read(fd, &s);
	return hm_stats_get(&s, "fault-pud") + hm_stats_get(&s, "fault-pmd") +
	       hm_stats_get(&s, "fault-pte");
}

static uint64_t all_upgrades(int fd)
{
	struct hm_stats s;

	hm_stats_read(fd, &s);
	return hm_stats_get(&s, "upgrade-pud") +
	       hm_stats_get(&s, "upgrade-pmd") +
	       hm_stats_get(&s, "upgrade-pte");
}

/* ---- data ---- */

static void data(struct hm_node *node, enum hm_level level, int fd,
		 uint64_t len)
{
	uint64_t step = level == HM_PUD ? 64 * HM_PAGE : HM_PAGE, word;
	char *p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	char *q = hm_mmap(node, 0, len, PROT_READ | PROT_WRITE);

	hm_fill_step(p, 0, len, step, SEED + level);
	hm_assert_level(node, p, len, level);
	hm_check_step(q, 0, len, step, SEED + level);
	hm_assert_level(node, q, len, level);
	hm_check_file(node->fd, 0, len, 16 * step, SEED + level);

	/* Through write(), seen in both; and all bytes of some pages. */
	for (uint64_t off = 0; off < len; off += len / 8) {
		word = hm_pattern(off, SEED - 1);
		igt_assert_eq(pwrite(node->fd, &word, 8, off), 8);
	}
	hm_check_step(p, 0, len, len / 8, SEED - 1);
	hm_check_step(q, 0, len, len / 8, SEED - 1);
	hm_fill(p + len / 2, len / 2, 4 * HM_PAGE, SEED);
	hm_fill(p + len - 4 * HM_PAGE, len - 4 * HM_PAGE, 4 * HM_PAGE, SEED);
	hm_check(q + len / 2, len / 2, 4 * HM_PAGE, SEED);
	hm_check(q + len - 4 * HM_PAGE, len - 4 * HM_PAGE, 4 * HM_PAGE, SEED);
	hm_munmap(p, len);
	hm_munmap(q, len);
}

static void write_after_read(struct hm_node *node, enum hm_level level, int fd,
			     uint64_t len)
{
	char *p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	uint64_t unit = hm_level_size(node, level == HM_PTE ? HM_PMD : level);
	long minflt;

	hm_read_step(p, len, hm_pmd_size(node));
	igt_assert_eq_u64(all_faults(fd), len / unit);
	hm_minflt();
	minflt = hm_minflt();
	hm_fill_step(p, 0, len, hm_pmd_size(node), SEED);
	igt_assert_eq_s64(hm_minflt() - minflt, 0);
	igt_assert_eq_u64(all_faults(fd), len / unit);
	igt_assert_eq_u64(all_upgrades(fd), 0);
	hm_munmap(p, len);
}

/* ---- rights ---- */

static void read_only(struct hm_node *node, enum hm_level level, int fd,
		      uint64_t len)
{
	uint64_t pmd = hm_pmd_size(node);
	char *w = hm_mmap(node, 0, len, PROT_READ | PROT_WRITE);
	char *p = hm_mmap_fd(fd, 0, len, PROT_READ);
	struct hm_levels l;

	hm_fill_step(w, 0, len, pmd, SEED);
	hm_check_step(p, 0, len, pmd, SEED);
	hm_assert_level(node, p, len, level);
	igt_assert(hm_map_levels(node, p, len, &l));
	igt_assert_eq_u64(l.ro, len);
	igt_assert_eq(hm_touch_write(p).sig, SIGSEGV);
	igt_assert_eq(hm_touch_write(p + len - 8).sig, SIGSEGV);
	hm_check_step(p, 0, len, pmd, SEED);
	/* The entries are there and read-only; then they may be written. */
	igt_assert_eq(mprotect(p, len, PROT_READ | PROT_WRITE), 0);
	hm_fill_step(p, 0, len, pmd, SEED + 1);
	hm_check_step(w, 0, len, pmd, SEED + 1);
	hm_assert_level(node, p, len, level);
	hm_munmap(p, len);
	hm_munmap(w, len);
}

static void read_only_file(struct hm_node *node, enum hm_level level, int fd,
			   uint64_t len)
{
	uint64_t pmd = hm_pmd_size(node);
	char *w = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	int ro = hm_open(node, O_RDONLY);
	char *p = hm_mmap_fd(ro, 0, len, PROT_READ);

	hm_fill_step(w, 0, len, pmd, SEED);
	hm_check_step(p, 0, len, pmd, SEED);
	hm_assert_level(node, p, len, level);
	igt_assert_eq(hm_touch_write(p).sig, SIGSEGV);
	igt_assert_eq(mprotect(p, len, PROT_READ | PROT_WRITE), -1);
	igt_assert_eq(errno, EACCES);
	hm_munmap(p, len);
	close(ro);
	hm_munmap(w, len);
}

static void prot_none(struct hm_node *node, enum hm_level level, int fd,
		      uint64_t len)
{
	uint64_t pmd = hm_pmd_size(node);
	char *p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);

	for (int round = 0; round < 4; round++) {
		hm_fill_step(p, 0, len, pmd, SEED + round);
		igt_assert_eq(mprotect(p, len, PROT_NONE), 0);
		igt_assert_eq(hm_touch_read(p).sig, SIGSEGV);
		igt_assert_eq(hm_touch_write(p + len - 8).sig, SIGSEGV);
		igt_assert_eq(mprotect(p, len, round & 1 ? PROT_READ :
				       PROT_READ | PROT_WRITE), 0);
		hm_check_step(p, 0, len, pmd, SEED + round);
		igt_assert_eq(mprotect(p, len, PROT_READ | PROT_WRITE), 0);
		hm_check_step(p, 0, len, pmd, SEED + round);
		hm_assert_level(node, p, len, level);
	}
	hm_munmap(p, len);
}

/* ---- fork and other processes ---- */

static void fork_share(struct hm_node *node, enum hm_level level, int fd,
		       uint64_t len)
{
	uint64_t pmd = hm_pmd_size(node), faults;
	char *p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	struct hm_levels l;

	hm_fill_step(p, 0, len, pmd, SEED);
	faults = all_faults(fd);
	igt_fork(n, 1) {
		hm_check_step(p, 0, len, pmd, SEED);
		hm_fill_step(p, 0, len, pmd, SEED + 1);
		hm_check_step(p, 0, len, pmd, SEED + 1);
		igt_assert(hm_map_levels_pid(node, getpid(), p, len, &l));
		igt_assert_eq_u64(level == HM_PUD ? l.pud : level == HM_PMD ?
				  l.pmd : l.pte, len / hm_level_size(node, level));
	}
	igt_waitchildren();
	hm_check_step(p, 0, len, pmd, SEED + 1);
	hm_fill_step(p, 0, len, pmd, SEED + 2);
	hm_check_step(p, 0, len, pmd, SEED + 2);
	hm_check_file(fd, 0, len, pmd, SEED + 2);
	hm_assert_level(node, p, len, level);
	igt_assert(hm_map_levels(node, p, len, &l));
	igt_assert_eq_u64(l.rw, len);

	/*
	 * Up to 6.6, fork() write-protects PUD entries on both sides and does
	 * not copy PMD entries.  Later the driver may take them away, from the
	 * parent as well.
	 */
	if (level == HM_PUD && !hm_kernel_at_least(6, 7))
		igt_assert_eq_u64(hm_stat_now(fd, "upgrade-pud"), 2);
	else
		igt_assert_eq_u64(all_upgrades(fd), 0);
	if (level == HM_PMD && !hm_kernel_at_least(6, 12))
		faults += len / pmd;
	else if (level == HM_PMD && hm_fork_zaps_pmd(node))
		faults += 2 * len / pmd;
	igt_assert_eq_u64(all_faults(fd), faults);
	hm_munmap(p, len);
}

/* Each process writes its own pages and sees those of the other. */
static void two_processes(struct hm_node *node, enum hm_level level, int fd,
			  uint64_t len)
{
	atomic_int *turn = mmap(NULL, HM_PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t step = len / 64;
	static const int rounds = 8;
	char *p;

	igt_assert(turn != MAP_FAILED);
	igt_fork(n, 2) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		p = hm_mmap_fd(n ? fd : hm_open(node, O_RDWR), 0, len,
			       PROT_READ | PROT_WRITE);
		for (int i = n; i < rounds; i += 2) {
			while (atomic_load(turn) != i)
				sched_yield();
			if (i)
				hm_check_step(p, 0, len, step, SEED + i - 1);
			hm_fill_step(p, 0, len, step, SEED + i);
			atomic_store(turn, i + 1);
		}
	}
	igt_waitchildren_timeout(60, "two processes");
	p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	hm_check_step(p, 0, len, step, SEED + rounds - 1);
	hm_assert_level(node, p, len, level);
	hm_munmap(p, len);
	munmap(turn, HM_PAGE);
}

/* ---- threads: they count, the main thread asserts ---- */

struct worker {
	pthread_t thread;
	pthread_barrier_t *barrier;
	char *p;
	uint64_t off, len, step, seed;
	uint64_t bad;
	int rounds;
	bool shared;
};

static void *work(void *data)
{
	struct worker *w = data;
	volatile uint64_t *word;

	pthread_barrier_wait(w->barrier);
	for (int r = 0; r < w->rounds; r++) {
		for (uint64_t i = 0; i < w->len; i += w->step) {
			word = (uint64_t *)(w->p + i);
			if (!w->shared)
				*word = hm_pattern(w->off + i, w->seed + r);
			w->bad += *word != hm_pattern(w->off + i,
						      w->seed + (w->shared ? 0 : r));
		}
	}
	return NULL;
}

static void run_threads(struct worker *w, int n, void (*meanwhile)(void *),
			void *arg)
{
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, n + 1);
	for (int i = 0; i < n; i++) {
		w[i].barrier = &barrier;
		igt_assert_eq(pthread_create(&w[i].thread, NULL, work, &w[i]),
			      0);
	}
	pthread_barrier_wait(&barrier);
	if (meanwhile)
		meanwhile(arg);
	for (int i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
	for (int i = 0; i < n; i++)
		igt_assert_f(!w[i].bad, "thread %d: %" PRIu64 " wrong words\n",
			     i, w[i].bad);
}

#define ROUNDS	20

static void threads_same(struct hm_node *node, enum hm_level level, int fd,
			 uint64_t len)
{
	uint64_t unit = hm_level_size(node, level == HM_PTE ? HM_PMD : level);
	uint64_t pmd = hm_pmd_size(node), before;
	struct worker w[THREADS];
	char *p;

	p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
	hm_fill_step(p, 0, len, pmd, SEED);
	for (int round = 0; round < ROUNDS; round++) {
		hm_munmap(p, len);
		p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
		before = all_faults(fd);
		for (int i = 0; i < THREADS; i++)
			w[i] = (struct worker) {
				.p = p, .len = len, .step = pmd,
				.seed = SEED, .rounds = 1, .shared = true,
			};
		run_threads(w, THREADS, NULL, NULL);
		hm_assert_level(node, p, len, level);
		/* One of them installs it, the others find it. */
		igt_assert_eq_u64(all_faults(fd) - before, len / unit);
	}
	hm_munmap(p, len);
}

static void threads_own(struct hm_node *node, enum hm_level level, int fd,
			uint64_t len)
{
	uint64_t part = len / THREADS, step = hm_pmd_size(node) / 4;
	struct worker w[THREADS];
	char *p;

	for (int round = 0; round < ROUNDS; round++) {
		p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
		for (int i = 0; i < THREADS; i++)
			w[i] = (struct worker) {
				.p = p + i * part, .off = i * part,
				.len = part, .step = step, .seed = round,
				.rounds = 2,
			};
		run_threads(w, THREADS, NULL, NULL);
		hm_check_step(p, 0, len, step, round + 1);
		hm_assert_level(node, p, len, level);
		hm_munmap(p, len);
	}
}

static void flip_limit(void *data)
{
	struct hm_node *node = data;

	for (int i = 0; i < 60; i++) {
		hm_limit(node, i % HM_NR_LEVELS);
		usleep(5000);
	}
	hm_limit(node, HM_PUD);
}

static void threads_limit(struct hm_node *node)
{
	uint64_t len = node->size < hm_pud_size(node) ? node->size :
							hm_pud_size(node);
	uint64_t part = len / THREADS;
	struct worker w[THREADS];
	int fd;
	char *p;

	hm_sysfs_write(node, "allow_pmd", "1");
	fd = hm_open(node, O_RDWR);
	for (unsigned int round = hm_stress_times(3, 1); round; round--) {
		p = hm_mmap_fd(fd, 0, len, PROT_READ | PROT_WRITE);
		for (int i = 0; i < THREADS; i++)
			w[i] = (struct worker) {
				.p = p + i * part, .off = i * part,
				.len = part, .step = hm_pmd_size(node) / 2,
				.seed = SEED, .rounds = 200,
			};
		run_threads(w, THREADS, flip_limit, node);
		hm_check_step(p, 0, len, hm_pmd_size(node) / 2, SEED + 199);
		hm_munmap(p, len);
	}
	igt_assert_eq_u64(hm_stat_now(fd, "sigbus"), 0);
	close(fd);
}

static const struct {
	const char *name;
	void (*fn)(struct hm_node *node, enum hm_level level, int fd,
		   uint64_t len);
	const char *describe;
} tests[] = {
	{ "data", data,
	  "What is written through one mapping is read through others." },
	{ "write-after-read", write_after_read,
	  "Writing what was read before costs no further fault." },
	{ "read-only", read_only,
	  "A read-only mapping cannot be written until it is made writable." },
	{ "read-only-file", read_only_file,
	  "A file opened for reading can be mapped shared, never written." },
	{ "prot-none", prot_none,
	  "PROT_NONE takes access away and gives it back." },
	{ "fork", fork_share,
	  "Parent and child write the same memory, before and after exit." },
	{ "two-processes", two_processes,
	  "Two processes see each other's writes." },
	{ "threads-same-unit", threads_same,
	  "Threads that touch the same units at once map each just once." },
	{ "threads-own-units", threads_own,
	  "Threads that touch units of their own keep their data." },
};

int igt_main()
{
	static unsigned int i;

	igt_fixture()
		igt_hugemap_require_nodes();

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest_with_dynamic(tests[i].name)
			hm_dynamic_for_each_kind(node)
				each_level(node, tests[i].fn);
	}

	igt_describe("The limit changes while threads write; no word is lost.");
	igt_subtest_with_dynamic("threads-limit-changes")
		hm_dynamic_for_each_kind(node)
			threads_limit(node);
}
