// SPDX-License-Identifier: GPL-2.0
/*
 * wp_shared_mapping_range() and clean_record_shared_mapping_range() find huge
 * entries (P5). No write may be lost between the bitmaps of two calls.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helpers.h"

/* One bit for each page of the first GiB of the device. */
#define NR_BITS		(MMT_1G / MMT_4K)
static uint64_t bits[NR_BITS / 64];
static struct mm_helpers_range range;

static long wp(off_t offset, size_t len)
{
	struct mm_helpers_range r = { .pad = 0 };

	return helpers_call(MM_HELPERS_WP, &r, offset, len);
}

/* Clean, into an empty bitmap. */
static long clean(off_t offset, size_t len)
{
	memset(bits, 0, sizeof(bits));
	range = (struct mm_helpers_range){
		.bitmap = (uintptr_t)bits,
		.bitmap_first = dev.offset / MMT_4K,
		.bitmap_nr = NR_BITS,
	};
	return helpers_call(MM_HELPERS_CLEAN, &range, offset, len);
}

static bool dirty(off_t offset)
{
	size_t page = offset / MMT_4K;

	return bits[page / 64] >> page % 64 & 1;
}

/* The bitmap has the pages of [@offset, @offset + @len), and no others. */
static void check_bits(off_t offset, size_t len)
{
	off_t at;

	for (at = 0; at < (off_t)MMT_1G; at += MMT_4K) {
		bool in = at >= offset && at < offset + (off_t)len;

		if (dirty(at) != in)
			mmt_fail("page at %#jx is %s in the bitmap", (intmax_t)at,
				 in ? "not" : "wrongly");
	}
	mmt_check(!len || (long)range.start <= PAGES(offset));
	mmt_check(!len || (long)range.end >= PAGES(offset + len));
}

static void do_wp(void)
{
	char *p = map_written(MMT_1G, 0, MMT_1G);

	mmt_check(wp(0, MMT_1G) == PAGES(MMT_1G));
	check_entries(p, MMT_1G, MMT_1G, false);
	mmt_check(wp(0, MMT_1G) == 0);
	mmt_check(write_faults(p + 7 * MMT_2M + MMT_4K) == 1);
	check_entries(p, MMT_1G, MMT_1G, true);
	mmt_check(word_get(p) == 1);
	mmt_check(!munmap(p, MMT_1G));
}

static void do_clean(void)
{
	char *p = map_written(MMT_1G, 0, MMT_1G);

	mmt_check(clean(0, MMT_1G) == PAGES(MMT_1G));
	check_bits(0, MMT_1G);
	check_entries(p, MMT_1G, MMT_1G, true);
	mmt_check(clean(0, MMT_1G) == 0);
	check_bits(0, 0);
	mmt_check(write_faults(p + MMT_1G - MMT_4K) == 0);
	mmt_check(clean(0, MMT_1G) == PAGES(MMT_1G));
	check_bits(0, MMT_1G);
	mmt_check(!munmap(p, MMT_1G));
}

/* Protected as a whole; what lies outside the range stays dirty. */
static void partial(off_t offset, size_t size)
{
	off_t part = offset + 5 * MMT_4K;
	size_t len = size / 2 + 3 * MMT_4K;
	char *p = map_written(size, offset, size);

	if (can_protect()) {
		mmt_check(wp(part, len) == PAGES(len));
		check_entries(p, size, size, false);
		mmt_check(write_faults(p + size - MMT_4K) == 1);
		check_entries(p, size, size, true);
		mmt_check(wp(part, len) == PAGES(len));
	}
	mmt_check(clean(part, len) == PAGES(len));
	check_bits(part, len);
	mmt_check(clean(part, len) == PAGES(len));
	check_bits(part, len);
	mmt_check(clean(offset, size) == PAGES(size));
	check_bits(offset, size);
	mmt_check(clean(part, len) == 0);
	mmt_check(clean(offset, size) == 0);
	word_set(p, 1);
	mmt_check(clean(part, len) == PAGES(len));
	mmt_check(!munmap(p, size));
}

static void do_partial(void)
{
	partial(0, MMT_1G);
	partial(6 * MMT_2M, MMT_2M);
}

/* A clean read-only entry is not made writable in silence. */
static void mprotected(off_t offset, size_t size)
{
	char *p = map_written(size, offset, size);
	bool notified = !strncmp(dev.name, "hugemap", 7);

	mmt_check(wp(offset, size) == PAGES(size));
	mmt_check(clean(offset, size) == PAGES(size));
	mmt_check(!mprotect(p, size, PROT_READ));
	mmt_check(!mprotect(p, size, PROT_READ | PROT_WRITE));
	if (notified) {
		check_entries(p, size, size, false);
		mmt_check(write_faults(p + MMT_4K) == 1);
	} else {
		word_set(p + MMT_4K, 1);
	}
	mmt_check(clean(offset, size) == PAGES(size));
	check_bits(offset, size);
	mmt_check(!munmap(p, size));
}

static void do_mprotect(void)
{
	mprotected(0, MMT_1G);
	mprotected(6 * MMT_2M, MMT_2M);
}

static void step(int fd)
{
	char c = 0;

	mmt_check(write(fd, &c, 1) == 1);
}

static void await(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		mmt_fail("the other process has failed");
}

/* Another process has the same memory, through an entry of its own. */
static void do_fork(void)
{
	char *p = map_written(MMT_1G, 0, MMT_1G);
	int up[2], down[2], status;
	pid_t pid;

	mmt_check(!pipe(up) && !pipe(down));
	fflush(stdout);
	pid = fork();
	mmt_check(pid >= 0);
	if (!pid) {
		close(up[0]);
		close(down[1]);
		word_set(p, 2);
		check_entries(p, MMT_1G, MMT_1G, true);
		step(up[1]);
		await(down[0]);
		if (can_protect())
			mmt_check(write_faults(p + MMT_2M) == 1);
		else
			word_set(p + MMT_2M, 1);
		step(up[1]);
		await(down[0]);
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	await(up[0]);
	word_set(p, 3);
	if (can_protect())
		mmt_check(wp(0, MMT_1G) == 2 * PAGES(MMT_1G));
	mmt_check(clean(0, MMT_1G) == 2 * PAGES(MMT_1G));
	check_bits(0, MMT_1G);
	mmt_check(clean(0, MMT_1G) == 0);
	step(down[1]);
	await(up[0]);
	mmt_check(clean(0, MMT_1G) == PAGES(MMT_1G));
	check_bits(0, MMT_1G);
	step(down[1]);
	mmt_check(waitpid(pid, &status, 0) == pid);
	mmt_check(WIFEXITED(status) && !WEXITSTATUS(status));
	close(up[0]);
	close(down[1]);
	mmt_check(!munmap(p, MMT_1G));
}

/* One call for several PMD entries, the last of them in part. */
static void do_pmds(void)
{
	const off_t offset = 6 * MMT_2M;
	char *p = map_written(8 * MMT_2M, offset, MMT_2M);

	if (can_protect()) {
		size_t len = 5 * MMT_2M / 2;

		mmt_check(wp(offset + MMT_2M, len) == PAGES(len));
		check_entries(p, MMT_2M, MMT_2M, true);
		check_entries(p + MMT_2M, 3 * MMT_2M, MMT_2M, false);
		check_entries(p + 4 * MMT_2M, 4 * MMT_2M, MMT_2M, true);
	}
	mmt_check(clean(0, MMT_1G) == PAGES(8 * MMT_2M));
	check_bits(offset, 8 * MMT_2M);
	word_set(p + 3 * MMT_2M + MMT_4K, 1);
	mmt_check(clean(0, MMT_1G) == PAGES(MMT_2M));
	check_bits(offset + 3 * MMT_2M, MMT_2M);
	mmt_check(!munmap(p, 8 * MMT_2M));
}

/* The same memory through entries of all sizes. */
static void do_mixed(void)
{
	const off_t at = 20 * MMT_2M;
	char *pud = map_written(MMT_1G, 0, MMT_1G);
	char *pmd = map_written(2 * MMT_2M, at, MMT_2M);
	char *pte = map_written(16 * MMT_4K, at, MMT_4K);

	if (can_protect()) {
		mmt_check(wp(0, MMT_1G) == PAGES(MMT_1G) + PAGES(2 * MMT_2M) + 16);
		check_entries(pud, MMT_1G, MMT_1G, false);
		check_entries(pmd, 2 * MMT_2M, MMT_2M, false);
		check_entries(pte, 16 * MMT_4K, MMT_4K, false);
	}
	mmt_check(clean(0, MMT_1G) == PAGES(MMT_1G) + PAGES(2 * MMT_2M) + 16);
	check_bits(0, MMT_1G);
	word_set(pmd + MMT_2M, 1);
	mmt_check(clean(0, MMT_1G) == 512);
	check_bits(at + MMT_2M, MMT_2M);
	word_set(pte + 5 * MMT_4K, 2);
	mmt_check(clean(0, MMT_1G) >= 1);
	mmt_check(dirty(at + 5 * MMT_4K));
	mmt_check(!dirty(at + 16 * MMT_4K));
	word_set(pud + MMT_1G - MMT_4K, 3);
	mmt_check(clean(0, MMT_1G) == PAGES(MMT_1G));
	mmt_check(!munmap(pte, 16 * MMT_4K));
	mmt_check(!munmap(pmd, 2 * MMT_2M));
	mmt_check(!munmap(pud, MMT_1G));
}

/* A mapping that is none to track does not hide those after it. */
static void do_readonly(void)
{
	const off_t offset = 6 * MMT_2M;
	struct mmt_dev readonly = dev;
	char *p, path[64];
	void *q;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev.fd);
	readonly.fd = open(path, O_RDONLY);
	if (readonly.fd < 0)
		mmt_skip("%s: %s", path, strerror(errno));
	q = mmap(NULL, MMT_4K, PROT_READ, MAP_SHARED, readonly.fd, dev.offset);
	if (q == MAP_FAILED)
		mmt_skip("%s: no mapping through a read-only file", dev.name);
	p = map_written(16 * MMT_4K, offset, MMT_4K);
	mmt_check(wp(0, MMT_1G) == 16);
	mmt_check(clean(0, MMT_1G) == 16);
	check_bits(offset, 16 * MMT_4K);
	mmt_check(!munmap(q, MMT_4K));
	mmt_check(!munmap(p, 16 * MMT_4K));
	close(readonly.fd);
}

/*
 * Writers count up words that are theirs alone. What a word was before a call
 * must have reached the copy after it: each write was dirty then, unless it was
 * recorded, and the page copied, before.
 */
#define NR_WORDS	256
#define NR_WRITERS	2
#define ROUNDS		1000

static struct {
	char *base;
	size_t len;
	bool stop;
} work;

static off_t word_at(size_t i)
{
	size_t unit = work.len / NR_WORDS;

	return i * unit + (i * 7919 * MMT_4K) % unit / MMT_4K * MMT_4K + i * 8;
}

static void *writer(void *arg)
{
	unsigned int seed = (uintptr_t)arg + 1;
	uint64_t count[NR_WORDS] = { 0 };

	while (!__atomic_load_n(&work.stop, __ATOMIC_ACQUIRE)) {
		size_t i = rand_r(&seed) % (NR_WORDS / NR_WRITERS) * NR_WRITERS +
			   (uintptr_t)arg;

		word_set(work.base + word_at(i), ++count[i]);
		if (!(rand_r(&seed) % 8))
			usleep(rand_r(&seed) % 200);
	}
	return NULL;
}

static void written(off_t offset, size_t len, size_t size)
{
	uint64_t copy[NR_WORDS] = { 0 }, before[NR_WORDS];
	long found = 0, unseen = 0, protected = 0;
	pthread_t threads[NR_WRITERS];
	size_t i, round;

	work.base = map_written(len, offset, size);
	work.len = len;
	work.stop = false;
	for (i = 0; i < NR_WORDS; i++)
		word_set(work.base + word_at(i), 0);
	clean(0, MMT_1G);
	for (i = 0; i < NR_WRITERS; i++)
		mmt_check(!pthread_create(&threads[i], NULL, writer, (void *)i));
	for (round = 0; round < ROUNDS; round++) {
		bool last = round == ROUNDS - 1;

		usleep(300);
		if (last) {
			__atomic_store_n(&work.stop, true, __ATOMIC_RELEASE);
			for (i = 0; i < NR_WRITERS; i++)
				mmt_check(!pthread_join(threads[i], NULL));
		}
		for (i = 0; i < NR_WORDS; i++)
			before[i] = word_get(work.base + word_at(i));
		if (can_protect() && round % 4 == 1)
			protected += wp(offset, len) > 0;
		if (can_protect() && round % 4 == 2)
			protected += wp(offset + len / 3 / MMT_4K * MMT_4K,
					len / 2) > 0;
		/* Now and then a part first, which must not hide the rest. */
		if (round % 8 == 5) {
			clean(offset + MMT_4K, len - 3 * MMT_4K);
			for (i = 0; i < NR_WORDS; i++)
				if (dirty(offset + word_at(i)))
					copy[i] = word_get(work.base + word_at(i));
		}
		clean(offset, len);
		for (i = 0; i < NR_WORDS; i++) {
			if (dirty(offset + word_at(i))) {
				copy[i] = word_get(work.base + word_at(i));
				found++;
			} else {
				unseen++;
			}
			if (copy[i] < before[i])
				mmt_fail("round %zu: word %zu was %ju, and %ju when last found dirty",
					 round, i, (uintmax_t)before[i],
					 (uintmax_t)copy[i]);
		}
	}
	for (i = 0; i < NR_WORDS; i++)
		mmt_check(copy[i] == word_get(work.base + word_at(i)));
	printf("entries of %#zx: words found %ld times, not dirty %ld times, %ld rounds protected\n",
	       size, found, unseen, protected);
	mmt_check(found > ROUNDS && (!can_protect() || protected > ROUNDS / 8));
	mmt_check(!munmap(work.base, len));
}

static void do_writers(void)
{
	written(0, MMT_1G, MMT_1G);
	written(8 * MMT_2M, 64 * MMT_2M, MMT_2M);
}

static const struct helpers_case cases[] = {
	{ "wp", true, do_wp },
	{ "clean", false, do_clean },
	{ "partial", false, do_partial },
	{ "mprotect", true, do_mprotect },
	{ "fork", false, do_fork },
	{ "pmds", false, do_pmds },
	{ "mixed", false, do_mixed },
	{ "writers", false, do_writers },
	{ "readonly", true, do_readonly },
};

int main(int argc, char **argv)
{
	helpers_run(argc, argv, cases, ARRAY_SIZE(cases));
}
