// SPDX-License-Identifier: GPL-2.0
/*
 * keep NODE BYTES [track]: two processes that go on working in device memory, to be
 * stopped and continued by others; with dirty tracking on.
 *
 * Maps that much of a node twice: all of it through one open file, its second half
 * read-only through another one.  Writes a pattern into the first 64 MiB.  Then the
 * process counts in the first word of the memory and a child of it in the second
 * one, as long as a mapping of its own is right, of the last 2 MiB and 2 MiB behind
 * them.  Prints "PID ADDRESS"; at each SIGUSR1 compares all of the pattern, through
 * both mappings, and looks at the files, and prints "right COUNT COUNT" or what is
 * wrong.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <drm/hugemap_drm.h>

#define PATTERN	(64ull << 20)
#define COUNTS	512	/* words: the first page */
#define POS	12345
#define MORE	(2ull << 20)

static volatile sig_atomic_t asked;

static void ask(int sig)
{
	(void)sig;
	asked = 1;
}

static uint64_t word(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15;
}

static const char *look(const uint64_t *m, const uint64_t *half, size_t len,
			int rw, int ro)
{
	uint64_t words = (len < PATTERN ? len : PATTERN) / 8;

	for (uint64_t i = COUNTS; i < words; i++)
		if (m[i] != word(i))
			return "the memory is wrong";
	for (uint64_t i = len / 16; i < words; i++)
		if (half[i - len / 16] != word(i))
			return "the read-only mapping is wrong";
	if (lseek(rw, 0, SEEK_CUR) != POS || lseek(ro, 0, SEEK_CUR) != 0)
		return "a position is wrong";
	if ((fcntl(rw, F_GETFL) & O_ACCMODE) != O_RDWR ||
	    (fcntl(ro, F_GETFL) & O_ACCMODE) != O_RDONLY)
		return "a mode is wrong";
	return NULL;
}

static _Noreturn void count_too(volatile uint64_t *count, size_t len, int fd)
{
	struct timespec tick = { .tv_nsec = 20000000 };
	volatile uint64_t *own;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	own = mmap(NULL, 2 * MORE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, len - MORE);
	if (own == MAP_FAILED)
		err(1, "mmap");
	for (uint64_t i = MORE / 8; i < MORE / 4; i += 512)
		own[i] = word(i);
	for (;; nanosleep(&tick, NULL)) {
		for (uint64_t i = MORE / 8; i < MORE / 4; i += 512)
			if (own[i] != word(i))
				errx(1, "the child's own mapping is wrong");
		++*count;
	}
}

int main(int argc, char **argv)
{
	struct timespec tick = { .tv_nsec = 20000000 };
	struct sigaction act = { .sa_handler = ask };
	struct drm_hugemap_dirty_start start = { .granule = 4096 };
	volatile uint64_t *count;
	const uint64_t *half;
	const char *wrong;
	uint64_t *m;
	size_t len;
	pid_t child;
	int rw, ro;

	if (argc != 3 && argc != 4)
		errx(2, "usage: keep NODE BYTES [track]");
	len = strtoull(argv[2], NULL, 0);
	/* A session of its own, with nothing of who started it. */
	setsid();
	rw = open(argv[1], O_RDWR);
	ro = open(argv[1], O_RDONLY);
	if (rw < 0 || ro < 0)
		err(1, "%s", argv[1]);
	m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 0);
	half = mmap(NULL, len / 2, PROT_READ, MAP_SHARED, ro, len / 2);
	if (m == MAP_FAILED || half == MAP_FAILED)
		err(1, "mmap");
	for (uint64_t i = 0; i < len / 8 && i < PATTERN / 8; i++)
		m[i] = i < COUNTS ? 0 : word(i);
	lseek(rw, POS, SEEK_SET);
	start.len = len;
	if (argc == 4 && ioctl(rw, DRM_IOCTL_HUGEMAP_DIRTY_START, &start))
		err(1, "DIRTY_START");
	count = m;
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child)
		count_too(count + 1, len, rw);
	sigaction(SIGUSR1, &act, NULL);
	printf("%d %p\n", getpid(), (void *)m);
	fflush(stdout);
	for (;; nanosleep(&tick, NULL)) {
		count[0]++;
		if (!asked)
			continue;
		asked = 0;
		wrong = look(m, half, len, rw, ro);
		if (wrong)
			printf("%s\n", wrong);
		else
			printf("right %" PRIu64 " %" PRIu64 "\n", count[0], count[1]);
		fflush(stdout);
	}
}
