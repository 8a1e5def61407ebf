// SPDX-License-Identifier: MIT
/*
 * Every way in which a test can end, to compare our harness with libigt (make
 * igt-check).  Left out is what libigt is known to do wrong: a crash in a child
 * of igt_fork() runs the rest of the test a second time, and one in a dynamic
 * subtest leaves its container a success.
 */
#include <pthread.h>
#include <signal.h>

#include "igt.h"

static void exit_handler(int sig)
{
	printf("exit handler, %d\n", sig);
}

static void *thread(void *arg)
{
	(void)arg;
	igt_assert_eq(1, 2);
	return NULL;
}

int igt_main()
{
	volatile int i;

	igt_fixture()
		igt_install_exit_handler(exit_handler);

	igt_describe("Passes.");
	igt_subtest("pass")
		igt_info("hello\n");

	igt_subtest("fail") {
		igt_debug("a message\n");
		igt_assert(1 == 2);
	}
	igt_subtest("fail-eq")
		igt_assert_eq(1 + 1, 3);
	igt_subtest("fail-lt")
		igt_assert_lt(3, 1 + 1);
	igt_subtest("fail-u64")
		igt_assert_eq_u64(1ull << 40, 3);
	igt_subtest("fail-f")
		igt_assert_f(0, "text %d\n", 5);

	igt_subtest("skip")
		igt_require(0 == 1);
	igt_subtest("skip-f")
		igt_require_f(0 == 1, "because %s\n", "so");
	igt_subtest("skip-on-f")
		igt_skip_on_f(1 == 1, "on\n");
	igt_subtest("skip-plain")
		igt_skip("plainly\n");

	igt_subtest("fork") {
		igt_fork(child, 3)
			igt_assert(child < 3);
		igt_waitchildren();
	}
	igt_subtest("fork-fail") {
		igt_fork(child, 1)
			igt_assert_lt(child, 0);
		igt_waitchildren();
	}
	igt_subtest("fork-kill") {
		igt_fork(child, 1)
			raise(SIGKILL);
		igt_waitchildren();
	}
	igt_subtest("fork-left") {
		igt_fork(child, 2)
			pause();
		igt_assert(0);
	}
	igt_subtest("fork-timeout") {
		igt_fork(child, 1)
			pause();
		igt_waitchildren_timeout(1, "a child");
	}
	igt_subtest("helper") {
		struct igt_helper_process helper = {};

		igt_fork_helper(&helper)
			pause();
		igt_stop_helper(&helper);
	}
	igt_subtest("thread-fail") {
		pthread_t t;

		pthread_create(&t, NULL, thread, NULL);
		pthread_join(t, NULL);
	}

	igt_subtest("crash")
		raise(SIGSEGV);
	igt_subtest("crash-bus")
		raise(SIGBUS);
	igt_subtest("timeout") {
		igt_set_timeout(1, "waiting");
		pause();
	}

	igt_subtest_with_dynamic("dynamic")
		for (i = 0; i < 3; i++)
			igt_dynamic_f("part-%d", i)
				if (i == 1)
					igt_skip("no\n");
	igt_subtest_with_dynamic("dynamic-fail") {
		igt_dynamic("a")
			igt_assert(0);
		igt_dynamic("b")
			igt_info("hello\n");
	}
	igt_subtest_with_dynamic("dynamic-none")
		;
	igt_subtest_with_dynamic("dynamic-all-skip")
		igt_dynamic("a")
			igt_skip("no\n");

	for (i = 0; i < 2; i++) {
		igt_describe_f("Number %d of a few words more, so that they do not fit in one line of the description.",
			       i);
		igt_subtest_f("number-%d", i)
			igt_assert_eq(i, 0);
	}

	igt_describe("A group.");
	igt_subtest_group() {
		igt_fixture()
			igt_require_f(0, "not for this group\n");

		igt_describe("In a group that is skipped.");
		igt_subtest("group-skip")
			igt_assert(0);
	}
	igt_subtest_group() {
		igt_fixture()
			igt_assert(0);
		igt_subtest("group-fail")
			igt_info("hello\n");
	}
	igt_subtest("after-groups")
		igt_info("hello\n");
}
