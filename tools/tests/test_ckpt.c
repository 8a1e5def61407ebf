// SPDX-License-Identifier: MIT
/*
 * test_ckpt DIR [SECONDS]: the checkpoint file without a device. The memory is
 * what model() says, after each checkpoint; whatever is done to the file, it
 * must give one of those states, or say that it is damaged.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ckpt.h"

#define PAGE	4096
#define PAGES	600
#define CHANGES	40	/* pages a checkpoint */

static char path[4000];
static unsigned int seed = 1;

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9e3779b97f4a7c15;
	return x ^ x >> 29;
}

/* Is page @nr among those that change with checkpoint @seq? */
static int changes(uint64_t nr, uint64_t seq)
{
	return seq == 1 || mix(nr * 1000003 + seq) % PAGES < CHANGES;
}

/* The contents of a page after checkpoint @seq. */
static void model(uint64_t nr, uint64_t seq, char *buf)
{
	while (!changes(nr, seq))
		seq--;
	memset(buf, 0, PAGE);
	/* Some pages are zeros, some zeros but for the end. */
	if (mix(nr + seq) % 4 == 0)
		return;
	if (mix(nr + seq) % 4 == 1) {
		buf[PAGE - 1] = 1 + seq % 100;
		return;
	}
	for (int i = 0; i < PAGE; i += 8) {
		uint64_t x = mix(nr << 32 ^ seq << 16 ^ i);

		memcpy(buf + i, &x, 8);
	}
}

static int add(struct ckpt *c, uint64_t seq)
{
	char buf[PAGE];
	int ret = 0;

	for (uint64_t nr = 0; !ret && nr < PAGES; nr++)
		if (changes(nr, seq)) {
			model(nr, seq, buf);
			ret = ckpt_add(c, nr, buf);
		}
	return ret;
}

static void make(uint64_t checkpoints)
{
	struct ckpt c;

	unlink(path);
	assert(!ckpt_create(&c, path, "model", PAGE, PAGES * PAGE));
	for (uint64_t seq = 1; seq <= checkpoints; seq++) {
		assert(!add(&c, seq));
		assert(seq != 1 || access(path, F_OK));
		assert(!ckpt_commit(&c));
		assert(c.nr == seq);
	}
	ckpt_close(&c);
}

/* The state after @seq, page by page; 0 or CKPT_DAMAGED. */
static int right(struct ckpt *c, uint64_t seq)
{
	char want[PAGE], got[PAGE];
	int ret;

	ret = ckpt_verify(c, seq, NULL);
	if (!ret)
		ret = ckpt_index(c, seq);
	for (uint64_t nr = 0; !ret && nr < PAGES; nr++) {
		ret = ckpt_page(c, nr, got);
		model(nr, seq, want);
		assert(ret || !memcmp(want, got, PAGE));
		assert(ret || ckpt_same(c, nr, want) == 1);
		want[7] ^= 1;
		assert(ret || ckpt_same(c, nr, want) == 0);
	}
	assert(!ret || ret == CKPT_DAMAGED);
	return ret;
}

static off_t size_of(void)
{
	struct stat st;

	assert(!stat(path, &st));
	return st.st_size;
}

static void test_states(void)
{
	struct ckpt c, other;

	make(5);
	assert(!ckpt_open(&c, path, false));
	assert(c.nr == 5 && c.page == PAGE && c.size == PAGES * PAGE);
	assert(!strcmp(c.name, "model") && !c.torn && !c.slot_damaged);
	for (uint64_t seq = 1; seq <= 5; seq++)
		assert(!right(&c, seq));
	assert(ckpt_index(&c, 6) == -ENOENT);
	/* Readers share it, a writer has it alone. */
	assert(!ckpt_open(&other, path, false));
	ckpt_close(&other);
	assert(ckpt_open(&other, path, true) == -EBUSY);
	ckpt_close(&other);
	ckpt_close(&c);
	assert(!ckpt_open(&c, path, true));
	assert(ckpt_open(&other, path, false) == -EBUSY);
	ckpt_close(&other);
	/* Nothing changed; then more, with an index that follows. */
	assert(!ckpt_index(&c, 0) && !ckpt_commit(&c) && c.nr == 6);
	assert(c.index_seq == 6);
	ckpt_close(&c);
	assert(ckpt_open(&c, "/dev/null", false) == CKPT_DAMAGED);
	ckpt_close(&c);
	assert(ckpt_open(&c, "/nonexistent", false) == -ENOENT);
	ckpt_close(&c);
	assert(ckpt_create(&c, "/nonexistent/x", "x", PAGE, PAGE) == -ENOENT);
	ckpt_close(&c);
}

/* An aborted checkpoint, and one that nobody finished, leave nothing. */
static void test_abort(void)
{
	off_t before;
	struct ckpt c;

	make(3);
	before = size_of();
	assert(!ckpt_open(&c, path, true));
	assert(!add(&c, 4));
	ckpt_abort(&c);
	assert(size_of() == before);
	assert(!add(&c, 4));
	ckpt_close(&c);
	assert(size_of() > before);
	assert(!ckpt_open(&c, path, false));
	assert(c.nr == 3 && c.torn && !right(&c, 3));
	ckpt_close(&c);
	assert(!ckpt_open(&c, path, true));
	assert(!add(&c, 4) && !ckpt_commit(&c));
	ckpt_close(&c);
	assert(!ckpt_open(&c, path, false));
	assert(c.nr == 4 && !c.torn && !right(&c, 4));
	ckpt_close(&c);
}

/* Each flipped bit is found, or does no harm. */
static void test_flips(int rounds)
{
	int found = 0, harmless = 0, fd;
	off_t size;

	make(3);
	size = size_of();
	fd = open(path, O_RDWR);
	assert(fd >= 0);
	for (int i = 0; i < rounds; i++) {
		/* A third of them where it is thickest with meaning. */
		off_t at = i % 3 == 0 ? rand_r(&seed) % 160 :
			   i % 3 == 1 ? 4096 * (1 + i % 2) + rand_r(&seed) % 24 :
			   rand_r(&seed) % size;
		unsigned char bit = 1 << rand_r(&seed) % 8, byte;
		struct ckpt c;
		int ret;

		assert(pread(fd, &byte, 1, at) == 1);
		byte ^= bit;
		assert(pwrite(fd, &byte, 1, at) == 1);
		ret = ckpt_open(&c, path, i & 1);
		assert(!ret || ret == CKPT_DAMAGED);
		if (!ret) {
			assert(c.nr == 3);
			ret = right(&c, 3);
		} else {
			assert(c.why[0]);
			/* What is before the damage is still there. */
			for (uint64_t seq = 1; seq <= c.nr; seq++)
				right(&c, seq);
		}
		found += !!ret;
		harmless += !ret;
		ckpt_close(&c);
		byte ^= bit;
		/* Opened for writing, a slot may have been repaired. */
		assert(pwrite(fd, &byte, 1, at) == 1);
	}
	close(fd);
	printf("%d flipped bits: %d found, %d harmless\n", rounds, found, harmless);
	assert(found && harmless);
}

/* Cut off anywhere: what was promised is missing, and that is said. */
static void test_cuts(int rounds)
{
	struct ckpt c;
	off_t size;
	int ret;

	make(3);
	size = size_of();
	for (int i = 0; i < rounds; i++) {
		off_t at = rand_r(&seed) % size;

		make(3);
		assert(!truncate(path, at));
		ret = ckpt_open(&c, path, false);
		assert(ret == CKPT_DAMAGED && c.why[0] && c.nr < 3);
		for (uint64_t seq = 1; seq <= c.nr; seq++)
			assert(!right(&c, seq));
		ckpt_close(&c);
	}
	make(3);
	assert(!truncate(path, size - 1));
	ret = ckpt_open(&c, path, false);
	assert(ret == CKPT_DAMAGED && c.nr == 2);
	ckpt_close(&c);
}

/*
 * What a power cut leaves of a checkpoint whose slot was not written yet: any of
 * its blocks, or the whole of it; and a slot that was half written.
 */
static void test_power(int rounds)
{
	uint64_t end = 0;
	struct ckpt c;
	char slots[8192], junk[512];
	off_t size;
	int fd, whole = 0, old = 0;

	for (int i = 0; i < rounds; i++) {
		make(3);
		size = size_of();
		fd = open(path, O_RDWR);
		assert(fd >= 0);
		assert(pread(fd, slots, sizeof(slots), 4096) == sizeof(slots));
		assert(!ckpt_open(&c, path, true));
		end = c.all[2].end;
		assert(!add(&c, 4) && !ckpt_commit(&c));
		ckpt_close(&c);
		if (i % 4 != 3) {
			assert(pwrite(fd, slots, sizeof(slots), 4096) ==
			       sizeof(slots));
			memset(junk, rand_r(&seed), sizeof(junk));
			/* Some blocks did not make it. */
			for (int n = rand_r(&seed) % 3; n; n--) {
				off_t at = end + rand_r(&seed) %
					   (size_of() - end);

				at = at / 512 * 512;
				if (at < (off_t)end)
					at = end;
				assert(pwrite(fd, junk, sizeof(junk), at) > 0);
			}
			if (rand_r(&seed) % 2)
				assert(!ftruncate(fd, size + rand_r(&seed) %
						  (size_of() - size)));
		} else {
			/* Slot 0, of checkpoint 4, is torn. */
			memset(junk, 0x5a, sizeof(junk));
			assert(pwrite(fd, junk, 12, 4096) == 12);
		}
		close(fd);
		assert(!ckpt_open(&c, path, i & 1));
		assert(c.nr == 3 || c.nr == 4);
		assert(i % 4 != 3 || (c.nr == 4 && c.slot_damaged));
		whole += c.nr == 4;
		old += c.nr == 3;
		assert(!right(&c, c.nr));
		ckpt_close(&c);
	}
	printf("%d power cuts: %d kept the new checkpoint, %d the old\n", rounds,
	       whole, old);
	assert(whole && old);
}

/* kill -9 at any point of a writer, which says what it has completed. */
static void test_kill(int rounds)
{
	uint64_t last = 0;
	struct ckpt c;

	unlink(path);
	for (int i = 0; i < rounds; i++) {
		struct timespec nap = { .tv_nsec = rand_r(&seed) % 20000000 };
		uint64_t said = last;
		int fds[2], status;
		pid_t pid;

		assert(!pipe(fds));
		pid = fork();
		assert(pid >= 0);
		if (!pid) {
			int ret = access(path, F_OK) ?
				ckpt_create(&c, path, "model", PAGE, PAGES * PAGE) :
				ckpt_open(&c, path, true);

			assert(!ret);
			for (uint64_t seq = c.nr + 1;; seq++) {
				assert(!add(&c, seq) && !ckpt_commit(&c));
				assert(write(fds[1], &seq, sizeof(seq)) == 8);
			}
		}
		close(fds[1]);
		nanosleep(&nap, NULL);
		assert(!kill(pid, SIGKILL));
		assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
		       WTERMSIG(status) == SIGKILL);
		while (read(fds[0], &said, sizeof(said)) == sizeof(said))
			;
		close(fds[0]);
		if (!said && access(path, F_OK))
			continue;
		assert(!ckpt_open(&c, path, false));
		/* Everything it said, and perhaps one that it had no time to. */
		assert(c.nr >= said && c.nr <= said + 1);
		assert(!right(&c, c.nr));
		last = c.nr;
		ckpt_close(&c);
	}
	printf("%d times killed, %" PRIu64 " checkpoints\n", rounds, last);
	assert(last);
}

/* The disk is full at any point: the checkpoint fails, the last one stays. */
static void test_full(int rounds)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };
	off_t size, more;
	struct ckpt c;
	int failed = 0, ret;

	signal(SIGXFSZ, SIG_IGN);
	make(2);
	size = size_of();
	assert(!ckpt_open(&c, path, true) && !add(&c, 3) && !ckpt_commit(&c));
	ckpt_close(&c);
	more = size_of() - size;
	for (int i = 0; i < rounds; i++) {
		make(2);
		assert(!ckpt_open(&c, path, true));
		lim.rlim_cur = size + rand_r(&seed) % (more + 100);
		assert(!setrlimit(RLIMIT_FSIZE, &lim));
		ret = add(&c, 3);
		if (!ret)
			ret = ckpt_commit(&c);
		if (ret) {
			assert(ret == -EFBIG);
			ckpt_abort(&c);
			assert(size_of() == size);
			failed++;
		}
		lim.rlim_cur = RLIM_INFINITY;
		assert(!setrlimit(RLIMIT_FSIZE, &lim));
		assert(c.nr == (ret ? 2 : 3));
		/* There is room again. */
		if (ret)
			assert(!add(&c, 3) && !ckpt_commit(&c));
		ckpt_close(&c);
		assert(!ckpt_open(&c, path, false));
		assert(c.nr == 3 && !c.torn && !right(&c, 3));
		ckpt_close(&c);
	}
	printf("%d times full, %d of them too early\n", rounds, failed);
	assert(failed);
	/* A file that was never complete does not appear at all. */
	unlink(path);
	lim.rlim_cur = 100000;
	assert(!setrlimit(RLIMIT_FSIZE, &lim));
	assert(!ckpt_create(&c, path, "model", PAGE, PAGES * PAGE));
	assert(add(&c, 1) == -EFBIG);
	ckpt_close(&c);
	assert(access(path, F_OK));
	lim.rlim_cur = RLIM_INFINITY;
	assert(!setrlimit(RLIMIT_FSIZE, &lim));
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 1;

	assert(argc >= 2 && rounds > 0);
	snprintf(path, sizeof(path), "%s/test.ckpt", argv[1]);
	test_states();
	test_abort();
	test_flips(600 * rounds);
	test_cuts(60 * rounds);
	test_power(60 * rounds);
	test_kill(60 * rounds);
	test_full(60 * rounds);
	unlink(path);
	puts("test_ckpt: ok");
	return 0;
}
