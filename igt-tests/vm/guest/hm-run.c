// SPDX-License-Identifier: GPL-2.0
/*
 * hm-run [-t seconds] [-s list] [-x list] binary...
 *
 * Runs IGT-style test binaries and reports on file descriptor 3. The plan
 * (every subtest of every binary) comes first, so that the host notices what
 * was never run. HM_TESTS holds the wanted tests, separated by blanks or
 * commas: globs of binary, binary@subtest or binary@subtest@dynamic. What is in
 * the list of -s is not run and reported as a skip, with the reason from there;
 * what is in the list of -x does not exist.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "igt-output.h"
#include "klog.h"
#include "name-list.h"
#include "report.h"

#define DEFAULT_TIMEOUT_S	600
#define DRAIN_MS		1000

struct child {
	pid_t pid;
	int out;		/* read end of its stdout and stderr */
	long long deadline;	/* in ms, of now_ms() */
	char line[4096];
	size_t len;
};

static const char *test_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int start(struct child *c, char **argv, int timeout_s)
{
	int fds[2], null;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	c->len = 0;
	c->deadline = now_ms() + timeout_s * 1000LL;
	c->out = fds[0];
	c->pid = fork();
	if (!c->pid) {
		/* A group of its own: children it leaves behind die with it. */
		setpgid(0, 0);
		null = open("/dev/null", O_RDONLY);
		dup2(null, STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execv(argv[0], argv);
		fprintf(stderr, "hm-run: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	setpgid(c->pid, c->pid);
	close(fds[1]);
	return c->pid < 0 ? -1 : 0;
}

static void feed(struct child *c, const char *buf, size_t n,
		 void (*line_fn)(const char *line, void *data), void *data)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (buf[i] != '\n' && c->len < sizeof(c->line) - 1) {
			c->line[c->len++] = buf[i];
			continue;
		}
		c->line[c->len] = 0;
		line_fn(c->line, data);
		c->len = 0;
	}
}

/*
 * Reads until the program has ended, not until its output is closed: that may
 * be held open by a child it left behind. Returns the wait status, -1 when
 * the time was up.
 */
static int follow(struct child *c,
		  void (*line_fn)(const char *line, void *data), void *data)
{
	struct pollfd pfd = { .fd = c->out, .events = POLLIN };
	int status = 0, ended = 0, timed_out = 0, open = 1;
	char buf[4096];
	ssize_t n;

	for (;;) {
		if (!ended && waitpid(c->pid, &status, WNOHANG) == c->pid) {
			ended = 1;
			c->deadline = now_ms() + DRAIN_MS;
			kill(-c->pid, SIGKILL);
		}
		if (ended && !open)
			break;
		if (now_ms() > c->deadline) {
			if (ended)
				break;
			timed_out = 1;
			c->deadline = now_ms() + 10 * DRAIN_MS;
			kill(-c->pid, SIGKILL);
		}
		if (!open) {
			usleep(10000);
			continue;
		}
		if (poll(&pfd, 1, 50) <= 0)
			continue;
		n = read(c->out, buf, sizeof(buf));
		if (n > 0)
			feed(c, buf, n, line_fn, data);
		else if (n == 0 || errno != EINTR)
			open = 0;
	}
	if (c->len)
		feed(c, "\n", 1, line_fn, data);
	close(c->out);
	return timed_out ? -1 : status;
}

/* ---- which subtests ---- */

/* One pattern of HM_TESTS against a binary, and a subtest of it if given. */
static int pattern_matches(const char *pattern, const char *binary,
			   const char *subtest)
{
	char part[3][256] = { "", "*", "*" };
	int i;

	for (i = 0; i < 3 && *pattern; i++) {
		size_t n = strcspn(pattern, "@");

		snprintf(part[i], sizeof(part[i]), "%.*s", (int)n, pattern);
		pattern += n + (pattern[n] == '@');
	}
	return !fnmatch(part[0], binary, 0) &&
	       (!subtest || !fnmatch(part[1], subtest, 0));
}

static int wanted(const char *binary, const char *subtest)
{
	const char *env = getenv("HM_TESTS");
	char *list, *p, *save = NULL;
	int hit = 0;

	if (!env || !*env)
		return 1;
	list = strdup(env);
	for (p = strtok_r(list, ", ", &save); p && !hit;
	     p = strtok_r(NULL, ", ", &save))
		hit = pattern_matches(p, binary, subtest);
	free(list);
	return hit;
}

/*
 * The dynamic parts of the patterns for a binary ("a,b*"), NULL if one of them
 * has none.  What is wanted of one subtest is run of all that are.
 */
static char *wanted_dynamic(const char *binary)
{
	char *list = strdup(getenv("HM_TESTS") ?: ""), *p, *save = NULL;
	char *joined = calloc(1, strlen(list) + 1);

	for (p = strtok_r(list, ", ", &save); p;
	     p = strtok_r(NULL, ", ", &save)) {
		if (!pattern_matches(p, binary, NULL))
			continue;
		p = strchr(p, '@');
		p = p ? strchr(p + 1, '@') : NULL;
		if (!p || !p[1]) {
			*joined = 0;
			break;
		}
		if (*joined)
			strcat(joined, ",");
		strcat(joined, p + 1);
	}
	free(list);
	if (*joined)
		return joined;
	free(joined);
	return NULL;
}

static const struct name_list *skips, *absent;
static int skipped;

static void list_line(const char *line, void *data)
{
	struct igt_binary *b = data;
	const char *why;

	/* A name has no blanks; anything else is a message. */
	if (!*line || strpbrk(line, " \t:")) {
		printf("%s\n", line);
		return;
	}
	b->listed++;
	if (!wanted(b->name, line) || name_list_find(absent, b->name, line))
		return;
	why = name_list_find(skips, b->name, line);
	if (!why) {
		igt_plan(b, line);
		return;
	}
	skipped++;
	report("PLAN %s %s", b->name, line);
	report("RESULT %s@%s skip 0 listed: %s", b->name, line, why);
}

static void plan(struct igt_binary *b, char *path, int timeout_s)
{
	char *argv[] = { path, "--list-subtests", NULL };
	struct child c;
	int i, status;

	igt_init(b, test_name(path));
	status = start(&c, argv, timeout_s) ? -1 : follow(&c, list_line, b);
	if (status < 0 || WIFSIGNALED(status) || WEXITSTATUS(status) == 127) {
		b->broken = 1;
		report("PLAN %s -", b->name);
		return;
	}
	for (i = 0; i < b->planned; i++)
		report("PLAN %s %s", b->name, b->sub[i].name);
	/* Without subtests the binary is one test. */
	if (!b->listed)
		report("PLAN %s -", b->name);
}

/* ---- running ---- */

static void output_line(const char *line, void *data)
{
	/* For the host: vm/matrix-report. */
	if (!strncmp(line, "cell|", 5)) {
		report("INFO cell=%s", line + 5);
		return;
	}
	printf("%s\n", line);
	igt_line(data, line);
}

static struct igt_binary *current;

static void report_splat(const char *line)
{
	report("RESULT %s@kernel-log fail 0 %s", current->name, line);
}

/* Ties the console to the test; the kernel log check knows the prefix. */
static void announce(const char *what)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dprintf(fd, "<6>hm-run: %s", what);
	close(fd);
}

static void run(struct igt_binary *b, char *path, int timeout_s)
{
	char *argv[] = { path, NULL, NULL, NULL, NULL, NULL };
	long long begin = now_ms();
	char *subtests = NULL, *dynamic = NULL;
	struct child c;
	int argc = 1, klog, status;

	if (b->broken) {
		report("RESULT %s fail 0 crashed or hung on --list-subtests",
		       b->name);
		return;
	}
	if (b->listed && b->planned < b->listed) {
		subtests = igt_joined(b);
		argv[argc++] = "--run-subtest";
		argv[argc++] = subtests;
	}
	if (b->listed)
		dynamic = wanted_dynamic(b->name);
	if (dynamic) {
		argv[argc++] = "--dynamic-subtest";
		argv[argc++] = dynamic;
	}
	announce(b->name);
	klog = klog_open(1);
	status = start(&c, argv, timeout_s) ? -1 : follow(&c, output_line, b);
	igt_finish(b, status, now_ms() - begin);
	current = b;
	if (klog < 0 || klog_scan(klog, 1, report_splat))
		b->failed = 1;
	close(klog);
	free(subtests);
	free(dynamic);
}

int main(int argc, char **argv)
{
	int opt, i, n, any = 0, failed = 0, timeout_s = DEFAULT_TIMEOUT_S;
	struct igt_binary *all;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((opt = getopt(argc, argv, "t:s:x:")) != -1) {
		switch (opt) {
		case 't':
			timeout_s = atoi(optarg);
			break;
		case 's':
			skips = name_list_read(optarg);
			if (!skips)
				return 2;
			break;
		case 'x':
			absent = name_list_read(optarg);
			if (!absent)
				return 2;
			break;
		default:
			return 2;
		}
	}
	/* The tests must not be able to write results. */
	if (fcntl(RESULT_FD, F_SETFD, FD_CLOEXEC)) {
		perror("hm-run: no result channel");
		return 2;
	}
	n = argc - optind;
	argv += optind;
	all = calloc(n ? n : 1, sizeof(*all));
	if (!all)
		return 2;
	for (i = 0; i < n; i++)
		if (wanted(test_name(argv[i]), NULL))
			plan(&all[i], argv[i], timeout_s);
	for (i = 0; i < n; i++) {
		/* Planned nothing: none of its subtests is wanted. */
		if (!all[i].name || (all[i].listed && !all[i].planned))
			continue;
		any = 1;
		run(&all[i], argv[i], timeout_s);
		failed |= all[i].failed || all[i].broken;
	}
	if (!any && !skipped) {
		report("RESULT hm-run fail 0 no test matches HM_TESTS=%s",
		       getenv("HM_TESTS") ?: "");
		return 1;
	}
	/* Failed tests are on the channel; the job itself went well. */
	return 0;
}
