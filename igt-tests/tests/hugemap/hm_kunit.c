// SPDX-License-Identifier: MIT
/*
 * The unit tests of the driver as the kernel runs them: hugemap_kunit.ko.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_hugemap.h"

/**
 * TEST: hugemap unit tests in the kernel
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: driver
 * Description: Runs the suites of hugemap_kunit.ko, with a dynamic subtest for
 *	each case. The module is $HM_KUNIT_MODULE.
 *
 * SUBTEST: hm_adapt
 * Description: Which blocks an adaptive tracker watches as a whole.
 *
 * SUBTEST: hm_alloc
 * Description: The allocator of a region's memory.
 *
 * SUBTEST: hm_dirtymap
 * Description: The bitmap of dirty granules.
 *
 * SUBTEST: hm_order
 * Description: The choice of the order of a page.
 *
 * SUBTEST: hm_rects
 * Description: Rectangles of what is dirty.
 *
 * SUBTEST: hm_region_spec
 * Description: What the parameter for regions takes.
 */

IGT_TEST_DESCRIPTION("The unit tests of the driver in the kernel.");

#define MAX_CASES	64

static const struct {
	const char *name;
	const char *what;
} suites[] = {
	{ "hm_adapt", "Which blocks an adaptive tracker watches as a whole." },
	{ "hm_alloc", "The allocator of a region's memory." },
	{ "hm_dirtymap", "The bitmap of dirty granules." },
	{ "hm_order", "The choice of the order of a page." },
	{ "hm_rects", "Rectangles of what is dirty." },
	{ "hm_region_spec", "What the parameter for regions takes." },
};

/* What became of a case, and what it said. */
static struct result {
	char suite[32];
	char name[64];
	bool ok;
	char skip[128];
	char log[1024];
} results[MAX_CASES];
static int nr_results;

static char said[sizeof(results[0].log)];

static void say(const char *line)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof(said) - n, "%s\n", line);
}

/* "ok 1 name", "not ok 2 - name # SKIP why": of a case, which is indented. */
static void parse_result(const char *line, const char *suite)
{
	struct result *r = &results[nr_results];
	char *skip;
	bool ok = strncmp(line, "not ", 4);
	int n = 0;

	sscanf(line + (ok ? 0 : 4), "ok %*d %n", &n);
	if (!n || nr_results == MAX_CASES)
		return;
	line += n + (ok ? 0 : 4);
	if (!strncmp(line, "- ", 2))
		line += 2;
	snprintf(r->suite, sizeof(r->suite), "%s", suite);
	snprintf(r->name, sizeof(r->name), "%.*s", (int)strcspn(line, " #"),
		 line);
	skip = strstr(line, "# SKIP");
	if (skip)
		snprintf(r->skip, sizeof(r->skip), "%s", skip + 6);
	r->ok = ok;
	snprintf(r->log, sizeof(r->log), "%s", said);
	said[0] = 0;
	nr_results++;
}

/* KTAP, in the kernel log: not every kernel has the results in debugfs. */
static void parse(struct hm_klog *log)
{
	char line[1024], suite[32] = "", *p;

	while (hm_klog_next(log, line, sizeof(line))) {
		p = line + strspn(line, " ");
		if (sscanf(p, "# Subtest: %31s", suite) == 1) {
			said[0] = 0;
		} else if (p != line && suite[0] && (!strncmp(p, "ok ", 3) ||
						     !strncmp(p, "not ok ", 7))) {
			parse_result(p, suite);
		} else if (p != line && suite[0]) {
			igt_debug("%s\n", p);
			say(p);
		}
	}
}

/* Up to two arguments; what is unknown to older kernels is ignored. */
static bool modprobe(const char *name, const char *first, const char *second)
{
	pid_t pid = fork();
	int status;

	igt_assert(pid >= 0);
	if (!pid) {
		execlp("modprobe", "modprobe", name, first, second, NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

static void unload(int sig)
{
	(void)sig;
	syscall(SYS_delete_module, "hugemap_kunit", O_NONBLOCK);
}

static void run(void)
{
	const char *path = getenv("HM_KUNIT_MODULE") ?:
			   "/modules/hugemap_kunit.ko";
	struct hm_klog log;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	igt_require_f(fd >= 0, "no %s: this kernel has no KUnit\n", path);
	igt_require_f(modprobe("kunit", "enable=1", "autorun=1"),
		      "no kunit.ko\n");
	modprobe("drm", NULL, NULL);
	igt_install_exit_handler(unload);
	hm_klog_mark(&log);
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	igt_assert_f(!err, "%s: %s\n", path, strerror(-err));
	parse(&log);
	hm_klog_close(&log);
	unload(0);
	igt_assert_f(nr_results, "no results in the kernel log\n");
}

int igt_main()
{
	volatile unsigned int s;
	volatile int i;

	igt_fixture()
		run();

	for (s = 0; s < ARRAY_SIZE(suites); s++) {
		igt_describe(suites[s].what);
		igt_subtest_with_dynamic(suites[s].name) {
			volatile int nr = 0;

			for (i = 0; i < nr_results; i++) {
				const struct result *r = &results[i];

				if (strcmp(r->suite, suites[s].name))
					continue;
				nr++;
				igt_dynamic(r->name) {
					igt_skip_on_f(r->skip[0], "%s\n",
						      r->skip);
					igt_assert_f(r->ok, "%s", r->log);
				}
			}
			igt_assert_f(nr, "no cases of %s\n", suites[s].name);
		}
	}
}
