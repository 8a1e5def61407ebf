// SPDX-License-Identifier: MIT
/*
 * A small implementation of the interface in igt.h, for guests without libigt:
 * the same command line, the same output on stdout and stderr, the same exit
 * codes.  Nothing in here knows about hugemap.
 *
 * State is global, as the interface demands: one test runs at a time.  Blocks
 * of the test are loops whose condition calls sigsetjmp(); every way out of a
 * block goes through leave(), which jumps back there.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "hm_harness.h"
#include "igt.h"
#include "igt_device_scan.h"

#define MAX_CHILDREN		256
#define MAX_EXIT_HANDLERS	16
#define LOG_LINES		256
#define LOG_WIDTH		256

sigjmp_buf igt_subtest_jmpbuf;
sigjmp_buf igt_dynamic_jmpbuf;

/* What was asked for. */
static const char *test_name = "igt";
static enum { MODE_RUN, MODE_LIST, MODE_TESTLIST, MODE_DESCRIBE } mode;
static const char *run_subtest, *run_dynamic;
static bool run_subtest_found;
static enum igt_log_level log_level = IGT_LOG_INFO;
static bool colour;

/* Where we are. */
static bool with_subtests;
static bool in_fixture;
static const char *in_subtest, *in_dynamic;
static int dynamic_run = -1;		/* -1: not inside a container */
static bool dynamic_failed;
static int skip_henceforth;		/* 0, or the exit code of the reason */
static char description[4096];
static char group_description[8][4096];
static int group_depth;

/* What came of it. */
static bool skipped_one, succeeded_one, failed_one;
static int exit_code = IGT_EXIT_SUCCESS;
static struct timespec subtest_start, dynamic_start;

static pid_t main_tid;
static bool in_child;
static volatile bool thread_failed;
static pid_t children[MAX_CHILDREN];
static int nr_children;
static pid_t helpers[MAX_CHILDREN];

static igt_exit_handler_t exit_handlers[MAX_EXIT_HANDLERS];
static int nr_exit_handlers;
static bool in_exit;

/* ---- log ---- */

static struct {
	char line[LOG_LINES][LOG_WIDTH];
	unsigned int next, used;
} history;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_main_thread(void)
{
	return syscall(SYS_gettid) == main_tid;
}

static void __attribute__((format(printf, 3, 0)))
vlog(const char *domain, enum igt_log_level level, const char *format, va_list ap)
{
	static const char * const names[] = {
		"DEBUG", "INFO", "WARNING", "CRITICAL", "NONE"
	};
	static bool continued;
	char *text, *line;
	FILE *f = level >= IGT_LOG_WARN ? stderr : stdout;

	if (mode != MODE_RUN && level < IGT_LOG_CRITICAL)
		return;
	if (vasprintf(&text, format, ap) < 0)
		return;
	pthread_mutex_lock(&log_lock);
	if (continued)
		line = strdup(text);
	else if (asprintf(&line, "(%s:%d) %s%s%s: %s", test_name, getpid(),
			  domain ?: "", domain ? "-" : "", names[level],
			  text) < 0)
		line = NULL;
	continued = *text && text[strlen(text) - 1] != '\n';
	if (line) {
		snprintf(history.line[history.next], LOG_WIDTH, "%s", line);
		history.next = (history.next + 1) % LOG_LINES;
		if (history.used < LOG_LINES)
			history.used++;
		if (level >= log_level) {
			if (f == stderr)
				fflush(stdout);
			fputs(level == IGT_LOG_INFO ? text : line, f);
			fflush(f);
		}
	}
	pthread_mutex_unlock(&log_lock);
	free(line);
	free(text);
}

void igt_log(const char *domain, enum igt_log_level level,
	     const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vlog(domain, level, format, ap);
	va_end(ap);
}

/* What was logged since the subtest began, debug messages included. */
static void dump_history(void)
{
	unsigned int i;

	if (in_dynamic)
		fprintf(stderr, "Dynamic subtest %s failed.\n", in_dynamic);
	else if (in_subtest)
		fprintf(stderr, "Subtest %s failed.\n", in_subtest);
	else
		fprintf(stderr, "Test %s failed.\n", test_name);
	if (!history.used) {
		fprintf(stderr, "No log.\n");
		return;
	}
	fprintf(stderr, "**** DEBUG ****\n");
	for (i = LOG_LINES - history.used; i < LOG_LINES; i++)
		fputs(history.line[(history.next + i) % LOG_LINES], stderr);
	fprintf(stderr, "****  END  ****\n");
	history.used = 0;
}

void igt_kmsg(const char *format, ...)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	va_list ap;

	if (fd < 0)
		return;
	va_start(ap, format);
	vdprintf(fd, format, ap);
	va_end(ap);
	close(fd);
}

static void kmsg_event(const char *what, const char *name)
{
	igt_kmsg("<6>[IGT] %s: %s%s\n", test_name, what, name);
}

/* ---- time ---- */

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) +
	       (now.tv_nsec - then->tv_nsec) * 1e-9;
}

/* Starts the watch if it is zero, else reads it. */
uint64_t igt_nsec_elapsed(struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!start->tv_sec && !start->tv_nsec) {
		*start = now;
		return 0;
	}
	return (now.tv_sec - start->tv_sec) * 1000000000ull +
	       (now.tv_nsec - start->tv_nsec);
}

static const char *timeout_op;

static void alarm_handler(int sig)
{
	(void)sig;
	igt_info("Timed out%s%s\n", timeout_op ? ": " : "", timeout_op ?: "");
	igt_fail(IGT_EXIT_FAILURE);
}

void igt_set_timeout(unsigned int seconds, const char *op)
{
	struct sigaction sa = { .sa_handler = alarm_handler };

	timeout_op = op;
	sigaction(SIGALRM, &sa, NULL);
	alarm(seconds);
}

void igt_reset_timeout(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };

	alarm(0);
	sigaction(SIGALRM, &sa, NULL);
}

/* ---- exit handlers and fatal signals ---- */

static const int fatal_signals[] = {
	SIGINT, SIGHUP, SIGPIPE, SIGTERM, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS,
	SIGFPE, SIGILL,
};

static bool is_crash(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE ||
	       sig == SIGILL;
}

static void call_exit_handlers(int sig)
{
	in_exit = true;
	while (nr_exit_handlers)
		exit_handlers[--nr_exit_handlers](sig);
}

static void at_exit(void)
{
	call_exit_handlers(0);
}

static void leave(const char *result) __noreturn;

/* A crash is the end of the subtest, any other signal that of the program. */
static void fatal_signal(int sig)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	char text[64];
	int n;

	/* The others are how someone else ends us. */
	if (is_crash(sig) || sig == SIGABRT || sig == SIGQUIT) {
		n = snprintf(text, sizeof(text), "Received signal SIG%s.\n",
			     sigabbrev_np(sig) ?: "?");
		if (write(STDERR_FILENO, text, n) < 0)
			_exit(128 + sig);
	}
	if (is_crash(sig) && !in_child && !in_exit && is_main_thread()) {
		if (!failed_one)
			exit_code = 128 + sig;
		failed_one = true;
		if (in_subtest) {
			dynamic_failed = true;
			leave("CRASH");
		}
	}
	sigaction(sig, &sa, NULL);
	call_exit_handlers(sig);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig);
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = fatal_signal,
				.sa_flags = SA_NODEFER };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fatal_signals); i++)
		sigaction(fatal_signals[i], &sa, NULL);
}

void igt_install_exit_handler(igt_exit_handler_t fn)
{
	int i;

	for (i = 0; i < nr_exit_handlers; i++)
		if (exit_handlers[i] == fn)
			return;
	igt_assert_lt(nr_exit_handlers, MAX_EXIT_HANDLERS);
	exit_handlers[nr_exit_handlers++] = fn;
}

/* ---- results ---- */

static void print_result(const char *kind, const char *name,
			 const char *result, double seconds)
{
	printf("%s%s %s: %s (%.3fs)%s\n", colour ? "\033[1m" : "", kind, name,
	       result, seconds, colour ? "\033[0m" : "");
	fflush(stdout);
}

static void kill_children(void)
{
	int i;

	for (i = 0; i < nr_children; i++) {
		if (children[i] <= 0)
			continue;
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	nr_children = 0;
}

/* Ends the innermost running subtest. */
static void leave(const char *result)
{
	const char *name = in_dynamic ?: in_subtest;

	if (!is_main_thread()) {
		thread_failed = true;
		pthread_exit(NULL);
	}
	print_result(in_dynamic ? "Dynamic subtest" : "Subtest", name, result,
		     seconds_since(in_dynamic ? &dynamic_start :
						&subtest_start));
	igt_kmsg("<6>[IGT] %s: finished subtest %s, %s\n", test_name, name,
		 result);
	kill_children();
	igt_reset_timeout();
	if (in_dynamic) {
		in_dynamic = NULL;
		siglongjmp(igt_dynamic_jmpbuf, 1);
	}
	in_subtest = NULL;
	dynamic_run = -1;
	siglongjmp(igt_subtest_jmpbuf, 1);
}

static void leave_fixture(int code) __noreturn;
static void leave_fixture(int code)
{
	skip_henceforth = code;
	in_fixture = false;
	siglongjmp(igt_subtest_jmpbuf, 1);
}

static void check_usage(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", test_name, what);
	abort();
}

static void __noreturn __attribute__((format(printf, 1, 0)))
vskip(const char *format, va_list ap)
{
	check_usage(!in_child && is_main_thread(),
		    "skips are not allowed in children and threads");
	skipped_one = true;
	if (mode == MODE_RUN) {
		vprintf(format, ap);
		fflush(stdout);
	}
	if (in_dynamic)
		dynamic_run--;
	if (in_subtest)
		leave("SKIP");
	if (in_fixture)
		leave_fixture(IGT_EXIT_SKIP);
	check_usage(!with_subtests, "a skip outside of fixtures and subtests");
	exit_code = IGT_EXIT_SKIP;
	igt_exit();
}

void igt_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vskip(format, ap);
}

void __igt_skip_check(const char *file, const int line, const char *func,
		      const char *check, const char *format, ...)
{
	static char text[4096], last[128];
	int err = errno;
	va_list ap;

	text[0] = last[0] = 0;
	if (format) {
		va_start(ap, format);
		vsnprintf(text, sizeof(text), format, ap);
		va_end(ap);
	}
	if (err)
		snprintf(last, sizeof(last), "Last errno: %i, %s\n", err,
			 strerror(err));
	igt_skip("Test requirement not met in function %s, file %s:%i:\n"
		 "Test requirement: %s\n%s%s", func, file, line, check, text,
		 last);
}

void igt_success(void)
{
	if (thread_failed) {
		thread_failed = false;
		igt_critical("Failure in a thread\n");
		igt_fail(IGT_EXIT_FAILURE);
	}
	if (in_subtest && !in_dynamic && dynamic_run >= 0) {
		if (dynamic_failed)
			igt_fail(IGT_EXIT_FAILURE);
		if (!dynamic_run)
			igt_skip("No dynamic tests executed.\n");
	}
	if (!in_dynamic)
		succeeded_one = true;
	if (in_subtest)
		leave("SUCCESS");
}

void igt_fail(int code)
{
	if (!is_main_thread()) {
		thread_failed = true;
		pthread_exit(NULL);
	}
	if (in_exit)
		_exit(IGT_EXIT_FAILURE);
	if (in_dynamic) {
		dynamic_failed = true;
	} else {
		if (!failed_one)
			exit_code = code;
		failed_one = true;
	}
	/* The part that failed has told its story already. */
	if (in_dynamic || dynamic_run < 0)
		dump_history();
	if (in_child)
		exit(code);
	if (in_subtest)
		leave("FAIL");
	if (in_fixture)
		leave_fixture(IGT_EXIT_FAILURE);
	igt_exit();
}

void __igt_fail_assert(const char *domain, const char *file, const int line,
		       const char *func, const char *assertion,
		       const char *format, ...)
{
	int err = errno;
	va_list ap;

	igt_log(domain, IGT_LOG_CRITICAL,
		"Test assertion failure function %s, file %s:%i:\n", func,
		file, line);
	igt_log(domain, IGT_LOG_CRITICAL, "Failed assertion: %s\n", assertion);
	if (err)
		igt_log(domain, IGT_LOG_CRITICAL, "Last errno: %i, %s\n", err,
			strerror(err));
	if (format) {
		va_start(ap, format);
		vlog(domain, IGT_LOG_CRITICAL, format, ap);
		va_end(ap);
	}
	hm_harness_print_stack();
	igt_fail(IGT_EXIT_FAILURE);
}

void igt_exit(void)
{
	if (run_subtest && !run_subtest_found) {
		igt_critical("Unknown subtest: %s\n", run_subtest);
		exit(IGT_EXIT_INVALID);
	}
	if (mode != MODE_RUN)
		exit(IGT_EXIT_SUCCESS);
	if (with_subtests && !failed_one)
		exit_code = succeeded_one ? IGT_EXIT_SUCCESS : IGT_EXIT_SKIP;
	kill_children();
	igt_kmsg("<6>[IGT] %s: exiting, ret=%d\n", test_name, exit_code);
	if (!with_subtests)
		printf("%s (%.3fs)\n", exit_code == IGT_EXIT_SUCCESS ? "SUCCESS" :
		       exit_code == IGT_EXIT_SKIP ? "SKIP" : "FAIL",
		       seconds_since(&subtest_start));
	exit(exit_code);
}

/* ---- blocks ---- */

const char *igt_test_name(void)
{
	return test_name;
}

const char *igt_subtest_name(void)
{
	return in_subtest;
}

bool igt_only_list_subtests(void)
{
	return mode == MODE_LIST || mode == MODE_TESTLIST;
}

bool igt_can_fail(void)
{
	return !with_subtests || in_fixture || in_subtest;
}

bool __igt_fixture(void)
{
	check_usage(with_subtests && !in_fixture && !in_subtest,
		    "igt_fixture() is misplaced");
	if (mode != MODE_RUN || skip_henceforth)
		return false;
	in_fixture = true;
	errno = 0;
	return true;
}

void __igt_fixture_complete(void)
{
	in_fixture = false;
}

/* "a*,b?,!ab": the last pattern that matches decides, as in libigt. */
static bool wanted(const char *name, const char *patterns)
{
	char *list = strdup(patterns), *p, *save = NULL;
	bool yes = false;

	for (p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save))
		if (!fnmatch(p + (*p == '!'), name, 0))
			yes = *p != '!';
	free(list);
	return yes;
}

static void check_name(const char *name)
{
	const char *p;

	for (p = name; *p; p++)
		check_usage(isalnum(*p) || *p == '-' || *p == '_',
			    "invalid name of a subtest");
}

/* Breaks lines at 80 columns. */
static void print_wrapped(const char *indent, const char *text)
{
	size_t col = 0, n;

	for (; *text; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		if (col && col + n > 80 - strlen(indent)) {
			printf("\n");
			col = 0;
		}
		printf("%s%.*s", col ? " " : indent, (int)n, text);
		col += n;
	}
	printf("\n\n");
}

static void describe(const char *name, const char *file, int line)
{
	bool any = false;
	int i;

	printf("SUB %s %s:%d:\n", name, file, line);
	for (i = 0; i < group_depth; i++) {
		print_wrapped("  ", group_description[i]);
		any = true;
	}
	if (description[0])
		print_wrapped("  ", description);
	else if (!any)
		printf("  NO DOCUMENTATION!\n\n");
}

void igt_describe_f(const char *format, ...)
{
	va_list ap;

	if (mode != MODE_DESCRIBE)
		return;
	va_start(ap, format);
	vsnprintf(description, sizeof(description), format, ap);
	va_end(ap);
}

bool __igt_run_subtest(const char *name, const char *file, const int line)
{
	check_usage(!igt_can_fail(), "igt_subtest() is misplaced");
	check_name(name);
	if (run_subtest) {
		if (!wanted(name, run_subtest)) {
			description[0] = 0;
			return false;
		}
		run_subtest_found = true;
	}
	switch (mode) {
	case MODE_DESCRIBE:
		describe(name, file, line);
		description[0] = 0;
		return false;
	case MODE_TESTLIST:
		printf("igt@%s@%s\n", test_name, name);
		return false;
	case MODE_LIST:
		printf("%s\n", name);
		return false;
	case MODE_RUN:
		break;
	}
	if (skip_henceforth) {
		print_result("Subtest", name, skip_henceforth == IGT_EXIT_SKIP ?
			     "SKIP" : "FAIL", 0);
		return false;
	}
	kmsg_event("starting subtest ", name);
	igt_info("Starting subtest: %s\n", name);
	history.used = 0;
	thread_failed = false;
	clock_gettime(CLOCK_MONOTONIC, &subtest_start);
	in_subtest = name;
	errno = 0;
	return true;
}

bool __igt_enter_dynamic_container(void)
{
	dynamic_run = 0;
	dynamic_failed = false;
	return true;
}

bool __igt_run_dynamic_subtest(const char *name)
{
	check_usage(in_subtest && dynamic_run >= 0 && !in_dynamic,
		    "igt_dynamic() is misplaced");
	check_name(name);
	if (run_dynamic && !wanted(name, run_dynamic))
		return false;
	kmsg_event("starting dynamic subtest ", name);
	igt_info("Starting dynamic subtest: %s\n", name);
	history.used = 0;
	thread_failed = false;
	dynamic_run++;
	clock_gettime(CLOCK_MONOTONIC, &dynamic_start);
	in_dynamic = name;
	errno = 0;
	return true;
}

void __igt_subtest_group_save(int *skip, int *desc)
{
	check_usage(with_subtests, "igt_subtest_group() is misplaced");
	if (description[0] && group_depth < (int)ARRAY_SIZE(group_description)) {
		strcpy(group_description[group_depth++], description);
		description[0] = 0;
		*desc = 1;
	}
	*skip = skip_henceforth;
}

void __igt_subtest_group_restore(int skip, int desc)
{
	group_depth -= desc;
	skip_henceforth = skip;
}

/* ---- processes ---- */

static void become_child(void)
{
	main_tid = syscall(SYS_gettid);
	in_child = true;
	nr_children = 0;
	nr_exit_handlers = 0;
	memset(helpers, 0, sizeof(helpers));
	/* An alarm of the parent's is not inherited, its handler is. */
	igt_reset_timeout();
}

static void kill_at_exit(int sig)
{
	int i;

	(void)sig;
	kill_children();
	for (i = 0; i < MAX_CHILDREN; i++) {
		if (helpers[i] <= 0)
			continue;
		kill(helpers[i], SIGKILL);
		waitpid(helpers[i], NULL, 0);
		helpers[i] = 0;
	}
}

bool __igt_fork(void)
{
	pid_t pid;

	check_usage((!with_subtests || in_subtest) && !in_child,
		    "igt_fork() is misplaced");
	igt_assert_lt(nr_children, MAX_CHILDREN);
	igt_install_exit_handler(kill_at_exit);
	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		become_child();
		return true;
	}
	children[nr_children++] = pid;
	return false;
}

/* Returns 0 or what the first child to fail said; the others are killed. */
static int wait_children(void)
{
	int left, status, i, err = 0;
	pid_t pid;

	for (left = nr_children; left;) {
		pid = wait(&status);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0) {
			printf("wait() failed: %m\n");
			err = IGT_EXIT_FAILURE;
			break;
		}
		for (i = 0; i < nr_children && children[i] != pid; i++)
			;
		if (i == nr_children)
			continue;
		left--;
		children[i] = 0;
		if (!status || err)
			continue;
		if (WIFEXITED(status)) {
			err = WEXITSTATUS(status);
			printf("child %i failed with exit status %i\n", i, err);
		} else {
			err = 128 + WTERMSIG(status);
			printf("child %i died with signal %i, %s\n", i,
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
		}
		for (i = 0; i < nr_children; i++)
			if (children[i] > 0)
				kill(children[i], SIGKILL);
	}
	nr_children = 0;
	return err;
}

void igt_waitchildren(void)
{
	int err = wait_children();

	if (err)
		igt_fail(err);
}

static const char *children_reason;

static void children_alarm(int sig)
{
	int i;

	(void)sig;
	igt_info("Timed out waiting for children%s%s\n",
		 children_reason ? ": " : "", children_reason ?: "");
	for (i = 0; i < nr_children; i++)
		if (children[i] > 0)
			kill(children[i], SIGKILL);
}

void igt_waitchildren_timeout(int seconds, const char *reason)
{
	struct sigaction sa = { .sa_handler = children_alarm };
	int err;

	children_reason = reason;
	sigaction(SIGALRM, &sa, NULL);
	alarm(seconds);
	err = wait_children();
	igt_reset_timeout();
	if (err)
		igt_fail(err);
}

bool __igt_fork_helper(struct igt_helper_process *proc)
{
	int id;
	pid_t pid;

	igt_assert(!proc->running);
	for (id = 0; id < MAX_CHILDREN && helpers[id]; id++)
		;
	igt_assert_lt(id, MAX_CHILDREN);
	igt_install_exit_handler(kill_at_exit);
	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		become_child();
		return true;
	}
	helpers[id] = pid;
	proc->running = true;
	proc->pid = pid;
	proc->id = id;
	return false;
}

/* Returns the wait status. */
int igt_wait_helper(struct igt_helper_process *proc)
{
	int status = -1;

	igt_assert(proc->running);
	while (waitpid(proc->pid, &status, 0) < 0 && errno == EINTR)
		;
	proc->running = false;
	helpers[proc->id] = 0;
	return status;
}

void igt_stop_helper(struct igt_helper_process *proc)
{
	if (!proc->running)
		return;
	kill(proc->pid, proc->use_SIGKILL ? SIGKILL : SIGTERM);
	igt_wait_helper(proc);
}

void igt_drop_root(void)
{
	igt_assert_eq(getuid(), 0);
	igt_assert_eq(setgid(2), 0);
	igt_assert_eq(setuid(2), 0);
	igt_assert_eq(getuid(), 2);
}

/* ---- start ---- */

static void print_version(void)
{
	struct utsname uts;

	uname(&uts);
	igt_info("IGT-Version: 2.3-hugemap (x86_64) (%s: %s %s)\n",
		 uts.sysname, uts.release, uts.machine);
}

static void usage(FILE *f)
{
	fprintf(f, "Usage: %s [OPTIONS]\n"
		"  --list-subtests\n"
		"  --show-testlist\n"
		"  --run-subtest <pattern>\n"
		"  --dynamic-subtest <pattern>\n"
		"  --debug[=log-domain]\n"
		"  --help-description\n"
		"  --describe[=pattern]\n"
		"  --device <filter>\n"
		"  --version\n"
		"  --help|-h\n", test_name);
}

static const char *device;

int igt_device_filter_count(void)
{
	return device && *device;
}

const char *igt_device_filter_get(int num)
{
	return num < igt_device_filter_count() ? device : NULL;
}

static void init(int *argc, char **argv)
{
	enum { OPT_LIST = 256, OPT_TESTLIST, OPT_RUN, OPT_DYNAMIC, OPT_DEBUG,
	       OPT_HELP_DESCRIPTION, OPT_DESCRIBE, OPT_DEVICE, OPT_VERSION };
	static const struct option options[] = {
		{ "list-subtests", no_argument, NULL, OPT_LIST },
		{ "show-testlist", no_argument, NULL, OPT_TESTLIST },
		{ "run-subtest", required_argument, NULL, OPT_RUN },
		{ "r", required_argument, NULL, OPT_RUN },
		{ "dynamic-subtest", required_argument, NULL, OPT_DYNAMIC },
		{ "debug", optional_argument, NULL, OPT_DEBUG },
		{ "help-description", no_argument, NULL, OPT_HELP_DESCRIPTION },
		{ "describe", optional_argument, NULL, OPT_DESCRIBE },
		{ "device", required_argument, NULL, OPT_DEVICE },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int opt;

	main_tid = syscall(SYS_gettid);
	device = getenv("IGT_DEVICE");
	if (*argc > 0)
		test_name = strrchr(argv[0], '/') ?
			    strrchr(argv[0], '/') + 1 : argv[0];
	colour = isatty(STDOUT_FILENO) && !getenv("IGT_PLAIN_OUTPUT");
	while ((opt = getopt_long(*argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case OPT_LIST:
			mode = MODE_LIST;
			break;
		case OPT_TESTLIST:
			mode = MODE_TESTLIST;
			break;
		case OPT_RUN:
			run_subtest = optarg;
			break;
		case OPT_DYNAMIC:
			run_dynamic = optarg;
			break;
		case OPT_DEBUG:
			log_level = IGT_LOG_DEBUG;
			break;
		case OPT_DESCRIBE:
			if (optarg)
				run_subtest = optarg;
			mode = MODE_DESCRIBE;
			/* fallthrough */
		case OPT_HELP_DESCRIPTION:
			if (&__igt_test_description)
				print_wrapped("", __igt_test_description);
			if (mode == MODE_DESCRIBE)
				break;
			exit(IGT_EXIT_SUCCESS);
		case OPT_DEVICE:
			device = optarg;
			break;
		case OPT_VERSION:
			print_version();
			exit(IGT_EXIT_SUCCESS);
		case 'h':
			usage(stdout);
			exit(IGT_EXIT_SUCCESS);
		default:
			usage(stderr);
			exit(IGT_EXIT_INVALID);
		}
	}
	if (!with_subtests && mode != MODE_RUN)
		exit(IGT_EXIT_INVALID);
	if (mode != MODE_RUN)
		return;
	print_version();
	kmsg_event("executing", "");
	atexit(at_exit);
	catch_signals();
	clock_gettime(CLOCK_MONOTONIC, &subtest_start);
}

int igt_subtest_init_parse_opts(int *argc, char **argv, const char *short_opts,
				const struct option *long_opts,
				const char *help, igt_opt_handler_t handler,
				void *data)
{
	(void)short_opts;
	(void)long_opts;
	(void)help;
	(void)handler;
	(void)data;
	with_subtests = true;
	init(argc, argv);
	return 0;
}

void igt_simple_init_parse_opts(int *argc, char **argv, const char *short_opts,
				const struct option *long_opts,
				const char *help, igt_opt_handler_t handler,
				void *data)
{
	(void)short_opts;
	(void)long_opts;
	(void)help;
	(void)handler;
	(void)data;
	init(argc, argv);
}
