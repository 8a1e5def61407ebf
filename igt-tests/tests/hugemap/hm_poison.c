// SPDX-License-Identifier: MIT
/*
 * Memory failure on page frames of a region.
 */
#include <sys/prctl.h>

#include "hm_map.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap memory errors
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: page faults
 * Description: What a failed page frame does to those that map it.
 *
 * SUBTEST: early
 * Description: A failed page frame is a SIGBUS with its address to a process
 *	that maps it and asked to be told early, and nothing to one that maps
 *	its neighbours
 *
 * SUBTEST: consumed
 * Description: A process that hits a failed page frame is told at which address
 *
 * SUBTEST: object
 * Description: The same for objects: only those are told that map the one with
 *	the frame
 */

IGT_TEST_DESCRIPTION("What a failed page frame does to those that map it.");

#define OFFLINE	"/sys/devices/system/memory/hard_offline_page"

/* First physical address of a region without struct pages, from /proc/iomem. */
static uint64_t phys_of(const struct hm_node *node)
{
	unsigned long long first, last;
	uint64_t found = 0;
	char line[256];
	FILE *f;

	f = fopen("/proc/iomem", "r");
	igt_assert(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, ": hugemap") &&
		    sscanf(line, "%llx-%llx", &first, &last) == 2 &&
		    last - first + 1 == node->size && !found)
			found = first;
	fclose(f);
	return found;
}

static volatile sig_atomic_t got_sig, got_code, got_lsb;
static void *volatile got_addr;

static void on_sigbus(int sig, siginfo_t *info,
		      void *uctx __maybe_unused)
{
	got_sig = sig;
	got_code = info->si_code;
	got_addr = info->si_addr;
	got_lsb = info->si_addr_lsb;
}

/* Told of failures before touching the frame (or never, without this). */
static void tell_early(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus,
				.sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &sa, NULL);
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
}

static int check_told(const volatile char *bad, int code)
{
	if (got_sig != SIGBUS)
		return 3;
	if (got_code != code)
		return 4;
	if (got_addr != (void *)bad)
		return 5;
	return got_lsb == 12 ? 0 : 6;
}

static volatile char *map_touched(const struct hm_node *node, uint64_t off,
				  uint64_t len)
{
	volatile char *p = mmap(NULL, len, PROT_READ, MAP_SHARED, node->fd,
				off);

	if (p == MAP_FAILED)
		_exit(1);
	(void)p[0];
	return p;
}

/* Waits until the parent has failed the frame, or for the signal. */
static void wait_done(int ready, int done)
{
	char c = 0;

	if (write(ready, &c, 1) != 1)
		_exit(2);
	while (read(done, &c, 1) < 0 && errno == EINTR)
		;
}

/* A process that maps the frame: 0 if it was told, and where. */
static int victim(const struct hm_node *node, uint64_t bad, int ready,
		  int done)
{
	volatile char *p;

	tell_early();
	p = map_touched(node, 0, HM_GIB(1));
	wait_done(ready, done);
	return check_told(p + bad, BUS_MCEERR_AO);
}

/* A process that maps only what is behind the frame: 0 if left alone. */
static int bystander(const struct hm_node *node, uint64_t off, int ready,
		     int done)
{
	tell_early();
	map_touched(node, off, HM_MIB(2));
	wait_done(ready, done);
	return got_sig ? 3 : 0;
}

static uint64_t require_frames(struct hm_node *node)
{
	uint64_t phys;

	igt_require_f(!node->pages,
		      "the memory has struct pages: core mm handles them\n");
	igt_require_f(node->q.features & DRM_HUGEMAP_FEATURE_MEMORY_FAILURE,
		      "this kernel cannot register page frames\n");
	phys = phys_of(node);
	igt_assert_f(phys, "no hugemap range of this size in /proc/iomem\n");
	return phys;
}

static int fail_frame(uint64_t phys)
{
	char text[32];

	snprintf(text, sizeof(text), "%#" PRIx64, phys);
	return __hm_write_file(OFFLINE, text);
}

static void expect_exit(const char *who, pid_t pid)
{
	int status;

	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_f(WIFEXITED(status) && !WEXITSTATUS(status),
		     "%s: wait status %#x\n", who, status);
}

static void others(struct hm_node *node)
{
	uint64_t bad = HM_MIB(6) + 3 * HM_PAGE, phys = require_frames(node);
	int ready[2], done[2], i;
	pid_t pid[2];
	char c;

	igt_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	igt_assert_eq(pipe2(done, O_CLOEXEC), 0);
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		igt_assert_lte(0, pid[i]);
		if (!pid[i]) {
			close(done[1]);
			_exit(i ? bystander(node, HM_MIB(8), ready[1], done[0]) :
				  victim(node, bad, ready[1], done[0]));
		}
	}
	for (i = 0; i < 2; i++)
		igt_assert_eq(read(ready[0], &c, 1), 1);
	i = fail_frame(phys + bad);
	close(done[1]);
	close(done[0]);
	close(ready[0]);
	close(ready[1]);
	igt_assert_eq(i, 0);
	expect_exit("the process that maps it", pid[0]);
	expect_exit("the process beside it", pid[1]);
}

static int self(const struct hm_node *node, uint64_t phys, uint64_t bad)
{
	volatile char *p;

	tell_early();
	p = map_touched(node, 0, HM_GIB(1));
	if (fail_frame(phys + bad))
		return 7;
	return check_told(p + bad, BUS_MCEERR_AR);
}

static void consumer(struct hm_node *node)
{
	uint64_t bad = HM_MIB(10) + HM_PAGE, phys = require_frames(node);
	pid_t pid = fork();

	igt_assert_lte(0, pid);
	if (!pid)
		_exit(self(node, phys, bad));
	expect_exit("the process that hit it", pid);
}

/* ---- objects ---- */

/* Where in the region an object's first large page is. */
static uint64_t object_offset(const struct hm_node *region, uint64_t tag)
{
	uint64_t step = hm_pmd_size(region), off, val = 0;
	int fd = hm_open(region, O_RDONLY);

	for (off = 0; off + step <= region->size; off += step) {
		igt_assert_eq(pread(fd, &val, sizeof(val), off), 8);
		if (val == tag)
			break;
	}
	close(fd);
	igt_assert_eq_u64(val, tag);
	return off;
}

enum map_how { MAP_OBJECT, MAP_DMABUF, MAP_OTHER_OBJECT, MAP_HOWS };

static int object_user(enum map_how how, int fd, const uint32_t *handle,
		       uint64_t len, uint64_t bad, int ready, int done)
{
	volatile char *p;

	tell_early();
	if (how == MAP_DMABUF)
		p = hm_dmabuf_mmap(hm_export(fd, handle[0]), 0, len, PROT_READ);
	else
		p = hm_bo_mmap(fd, handle[how == MAP_OTHER_OBJECT], 0, len,
			       PROT_READ);
	(void)p[0];
	wait_done(ready, done);
	if (how == MAP_OTHER_OBJECT)
		return got_sig ? 3 : 0;
	return check_told(p + bad, BUS_MCEERR_AO);
}

static void object(struct hm_node *region)
{
	static const char * const who[MAP_HOWS] = {
		"the process that maps the object",
		"the process that maps the dma-buf",
		"the process that maps another object",
	};
	uint64_t len = 2 * hm_pmd_size(region), bad = 5 * HM_PAGE, phys, *p;
	const uint64_t tag = 0x706f69736f6eull;
	int fd = hm_render_open(region), ready[2], done[2], i;
	pid_t pid[MAP_HOWS];
	uint32_t handle[2];
	char c;

	phys = require_frames(region);
	handle[0] = hm_create(fd, region, len);
	handle[1] = hm_create(fd, region, len);
	p = hm_bo_mmap(fd, handle[0], 0, len, PROT_READ | PROT_WRITE);
	*p = tag;
	__sync_synchronize();
	phys += object_offset(region, tag);
	hm_munmap(p, len);
	igt_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	igt_assert_eq(pipe2(done, O_CLOEXEC), 0);
	for (i = 0; i < MAP_HOWS; i++) {
		pid[i] = fork();
		igt_assert_lte(0, pid[i]);
		if (!pid[i]) {
			close(done[1]);
			_exit(object_user(i, fd, handle, len, bad, ready[1],
					  done[0]));
		}
	}
	for (i = 0; i < MAP_HOWS; i++)
		igt_assert_eq(read(ready[0], &c, 1), 1);
	i = fail_frame(phys + bad);
	close(done[1]);
	close(done[0]);
	close(ready[0]);
	close(ready[1]);
	igt_assert_eq(i, 0);
	for (i = 0; i < MAP_HOWS; i++)
		expect_exit(who[i], pid[i]);
	close(fd);
}

int igt_main()
{
	igt_fixture()
		igt_hugemap_require_nodes();

	igt_describe("A failed page frame is a SIGBUS with its address to a process that maps it and asked to be told early, and nothing to one that maps its neighbours");
	igt_subtest_with_dynamic("early")
		hm_dynamic_for_each_node(node)
			others(node);

	igt_describe("A process that hits a failed page frame is told at which address");
	igt_subtest_with_dynamic("consumed")
		hm_dynamic_for_each_node(node)
			consumer(node);

	igt_describe("The same for objects: only those are told that map the one with the frame");
	igt_subtest_with_dynamic("object")
		hm_dynamic_for_each_region(region)
			object(region);
}
