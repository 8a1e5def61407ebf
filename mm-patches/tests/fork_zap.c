// SPDX-License-Identifier: GPL-2.0
/*
 * fork() beside somebody who zaps (P7): the child must not get an entry that
 * was zapped while fork() copied it.
 *
 *	fork_zap vfio [zaps]
 *
 * vfio-pci zaps the mappings of a BAR when memory decoding is switched off,
 * and every access faults, with SIGBUS, until it is on again. The child looks
 * once it is off: it may not find one page of the BAR.
 *
 * The window is a few instructions long. The thread that zaps has the CPU of
 * the one that forks and a real-time priority, so that a timer takes it into
 * the window now and then; this wants a kernel that preempts itself
 * (preempt=full).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mmt.h"

#define LEN	(MMT_1G - 2 * MMT_2M)

static const struct mmt_dev *dev;
static off_t command_at;
static uint16_t command;

/* What the threads and the child tell each other. */
static struct shared {
	atomic_int round;	/* the zapper is to do */
	atomic_int done;	/* it has done */
	atomic_long delay;	/* ns, before it zaps */
	atomic_llong zapped_at;
} *shared;

static long long now(void)
{
	struct timespec ts;

	mmt_check(!clock_gettime(CLOCK_MONOTONIC, &ts));
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void decode(bool on)
{
	uint16_t word = on ? command | 2 : command & ~2;

	mmt_check(pwrite(dev->fd, &word, 2, command_at) == 2);
}

static void *zapper(void *unused)
{
	int round = 0;

	(void)unused;
	for (;;) {
		struct timespec ts = { 0 };

		while (shared->round == round) {
			ts.tv_nsec = 50000;
			nanosleep(&ts, NULL);
		}
		round = shared->round;
		ts.tv_nsec = shared->delay;
		nanosleep(&ts, NULL);
		decode(false);
		shared->zapped_at = now();
		shared->done = round;
	}
	return NULL;
}

static void start_zapper(void)
{
	struct sched_param param = { .sched_priority = 50 };
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	mmt_check(!sched_setaffinity(0, sizeof(cpus), &cpus));
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	mmt_check(!pthread_create(&thread, &attr, zapper, NULL));
}

/*
 * Is there an entry, or does an access fault with SIGBUS? The kernel reads the
 * mask before it looks at what to do with it, and this is without a signal.
 */
static bool mapped(const char *p)
{
	mmt_check(syscall(SYS_rt_sigprocmask, 1000, p, NULL, 8) == -1);
	return errno != EFAULT;
}

/* The child: no page may be there, whoever it was that zapped. */
static void __attribute__((noreturn)) child(const char *p, int round)
{
	size_t i;

	while (shared->done != round)
		sched_yield();
	for (i = 0; i < LEN; i += MMT_2M)
		if (mapped(p + i))
			_exit(2);
	_exit(0);
}

/* How long fork() takes while nobody zaps. */
static long fork_time(void)
{
	long best = 1000000000;
	int i;

	for (i = 0; i < 5; i++) {
		long long before = now(), after;
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		after = now();
		mmt_check(pid > 0 && waitpid(pid, NULL, 0) == pid);
		if (after - before < best)
			best = after - before;
	}
	return best;
}

int main(int argc, char **argv)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	long wanted = argc > 2 ? atol(argv[2]) : 300;
	long hits = 0, length;
	struct mmt_dev device;
	long long end;
	int round;
	char *p;

	mmt_open(argv[argc > 1 ? 1 : argc], &device);
	dev = &device;
	if (strcmp(dev->name, "vfio"))
		mmt_skip("%s: nothing to zap with", dev->name);
	mmt_check(!ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &config));
	command_at = config.offset + 4;
	mmt_check(pread(dev->fd, &command, 2, command_at) == 2);
	shared = mmap(NULL, MMT_4K, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mmt_check(shared != MAP_FAILED);

	/* Not a PUD entry: 510 PMD entries, each with its window. */
	p = mmt_map(dev, LEN, MMT_2M, PROT_READ | PROT_WRITE);
	if (mmt_touch(p, LEN) != LEN / MMT_2M)
		mmt_skip("%s: not mapped by PMD entries", dev->name);
	mmt_check(mapped(p));
	length = fork_time();
	decode(false);
	mmt_check(!mapped(p));
	start_zapper();

	end = now() + 45 * 1000000000LL;
	/* On a slow machine it takes longer. */
	for (round = 1; hits < wanted && (now() < end || hits < wanted / 6); round++) {
		long long before, after;
		int status;
		pid_t pid;

		decode(true);
		/* One or two more for the stack: fork() write-protected it. */
		mmt_check(mmt_touch(p, LEN) >= (long)(LEN / MMT_2M));
		/* Anywhere in the time that fork() takes. */
		shared->delay = random() % length;
		before = now();
		shared->round = round;
		pid = fork();
		if (!pid)
			child(p, round);
		after = now();
		mmt_check(pid > 0);
		while (shared->done != round)
			sched_yield();
		mmt_check(waitpid(pid, &status, 0) == pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
			mmt_fail("round %d: the child has what was zapped", round);
		mmt_check(!status);
		if (shared->zapped_at >= after) {
			/* Too late. */
			length -= length / 32;
		} else if (shared->zapped_at > before) {
			length += length / 16;
			hits++;
		}
	}
	printf("zapped %ld of %d times during fork()\n", hits, round - 1);
	mmt_pass();
}
