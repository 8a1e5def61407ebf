/* SPDX-License-Identifier: MIT */
/*
 * The part of IGT's public test interface that the hugemap tests use, in the
 * spelling of IGT 2.3 and later.
 *
 * No distribution ships headers of libigt, so the declarations are ours.  They
 * are implemented twice: by the distribution's libigt (make IGT=1, any version
 * from 1.27.1 on) and by hm_harness.c (the default) for guests without it.
 * In an IGT checkout the real igt.h takes the place of this file.
 */
#ifndef IGT_H
#define IGT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef IGT_LOG_DOMAIN
#define IGT_LOG_DOMAIN		NULL
#endif

#define IGT_EXIT_SUCCESS	0
#define IGT_EXIT_SKIP		77
#define IGT_EXIT_INVALID	79
#define IGT_EXIT_FAILURE	98
#define IGT_EXIT_ABORT		112

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#endif

#ifndef __maybe_unused
#define __maybe_unused		__attribute__((unused))
#endif
#ifndef __noreturn
#define __noreturn		__attribute__((noreturn))
#endif

#define __igt_printf(a, b)	__attribute__((format(printf, a, b)))
#define __igt_cat2(a, b)	a##b
#define __igt_cat(a, b)		__igt_cat2(a, b)
#define __igt_unique(name)	__igt_cat(__igt_##name##_, __LINE__)

struct option;

/* ---- log ---- */

enum igt_log_level {
	IGT_LOG_DEBUG,
	IGT_LOG_INFO,
	IGT_LOG_WARN,
	IGT_LOG_CRITICAL,
	IGT_LOG_NONE,
};

void igt_log(const char *domain, enum igt_log_level level,
	     const char *format, ...) __igt_printf(3, 4);
void igt_kmsg(const char *format, ...) __igt_printf(1, 2);

#define igt_debug(f...)		igt_log(IGT_LOG_DOMAIN, IGT_LOG_DEBUG, f)
#define igt_info(f...)		igt_log(IGT_LOG_DOMAIN, IGT_LOG_INFO, f)
#define igt_warn(f...)		igt_log(IGT_LOG_DOMAIN, IGT_LOG_WARN, f)
#define igt_critical(f...)	igt_log(IGT_LOG_DOMAIN, IGT_LOG_CRITICAL, f)

/* ---- structure of a test ---- */

extern sigjmp_buf igt_subtest_jmpbuf;
extern sigjmp_buf igt_dynamic_jmpbuf;
extern const char *__igt_test_description __attribute__((weak));

typedef int (*igt_opt_handler_t)(int opt, int opt_index, void *data);

int igt_subtest_init_parse_opts(int *argc, char **argv, const char *short_opts,
				const struct option *long_opts,
				const char *help, igt_opt_handler_t handler,
				void *data);
void igt_simple_init_parse_opts(int *argc, char **argv, const char *short_opts,
				const struct option *long_opts,
				const char *help, igt_opt_handler_t handler,
				void *data);
bool __igt_fixture(void);
void __igt_fixture_complete(void);
bool __igt_run_subtest(const char *name, const char *file, const int line);
bool __igt_enter_dynamic_container(void);
bool __igt_run_dynamic_subtest(const char *name);
void __igt_subtest_group_save(int *skip, int *description);
void __igt_subtest_group_restore(int skip, int description);
const char *igt_subtest_name(void);
const char *igt_test_name(void);
bool igt_only_list_subtests(void);
bool igt_can_fail(void);
void igt_describe_f(const char *format, ...) __igt_printf(1, 2);
void igt_success(void);
void igt_exit(void) __noreturn;

/* The body of the test, between "int igt_main() {" and "}". */
void __igt_real_main(void);

#define __igt_main(init) \
	main(int argc, char **argv) \
	{ \
		init(&argc, argv, NULL, NULL, NULL, NULL, NULL); \
		__igt_real_main(); \
		igt_exit(); \
	} \
	void __igt_real_main(void)

#define igt_main()		__igt_main(igt_subtest_init_parse_opts)
#define igt_simple_main()	__igt_main(igt_simple_init_parse_opts)

#define IGT_TEST_DESCRIPTION(text) \
	const char *__igt_test_description = text

#define igt_describe(text)	igt_describe_f("%s", text)

/*
 * Each block is a loop that is left by a jump back into its condition:
 * igt_success(), igt_skip() and igt_fail() never return into the block.
 */
#define igt_fixture() \
	for (volatile int __igt_unique(i) = 0; \
	     __igt_unique(i) < 1 && __igt_fixture() && \
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0; \
	     __igt_unique(i)++, __igt_fixture_complete())

#define igt_subtest(name) \
	for (; __igt_run_subtest((name), __FILE__, __LINE__) && \
	       sigsetjmp(igt_subtest_jmpbuf, 1) == 0; \
	     igt_success())

#define igt_subtest_with_dynamic(name) \
	for (; __igt_run_subtest((name), __FILE__, __LINE__) && \
	       __igt_enter_dynamic_container() && \
	       sigsetjmp(igt_subtest_jmpbuf, 1) == 0; \
	     igt_success())

#define igt_dynamic(name) \
	for (; __igt_run_dynamic_subtest((name)) && \
	       sigsetjmp(igt_dynamic_jmpbuf, 1) == 0; \
	     igt_success())

/* Declares a name for the block that follows it; evaluated once a round. */
#define __igt_named(name, f...) \
	for (char name[256]; snprintf(name, sizeof(name), f),

#define igt_subtest_f(f...) \
	__igt_named(__igt_unique(name), f) \
	     __igt_run_subtest(__igt_unique(name), __FILE__, __LINE__) && \
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0; \
	     igt_success())

#define igt_subtest_with_dynamic_f(f...) \
	__igt_named(__igt_unique(name), f) \
	     __igt_run_subtest(__igt_unique(name), __FILE__, __LINE__) && \
	     __igt_enter_dynamic_container() && \
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0; \
	     igt_success())

#define igt_dynamic_f(f...) \
	__igt_named(__igt_unique(name), f) \
	     __igt_run_dynamic_subtest(__igt_unique(name)) && \
	     sigsetjmp(igt_dynamic_jmpbuf, 1) == 0; \
	     igt_success())

/* A skip or failure of a fixture holds until the end of the group. */
#define igt_subtest_group() \
	for (volatile int __igt_unique(i) = 0, __igt_unique(skip) = 0, \
	     __igt_unique(desc) = 0; \
	     __igt_unique(i) < 1 && \
	     (__igt_subtest_group_save((int *)&__igt_unique(skip), \
				       (int *)&__igt_unique(desc)), true); \
	     __igt_unique(i)++, \
	     __igt_subtest_group_restore(__igt_unique(skip), \
					 __igt_unique(desc)))

/* ---- skip and fail ---- */

void igt_skip(const char *format, ...) __noreturn __igt_printf(1, 2);
void __igt_skip_check(const char *file, const int line, const char *func,
		      const char *check, const char *format, ...)
	__noreturn __igt_printf(5, 6);
void igt_fail(int exitcode) __noreturn;
void __igt_fail_assert(const char *domain, const char *file, const int line,
		       const char *func, const char *assertion,
		       const char *format, ...) __noreturn __igt_printf(6, 7);

#define __igt_skip(text, f...) \
	__igt_skip_check(__FILE__, __LINE__, __func__, text, f)

#define igt_require(expr) do { \
	if (!(expr)) \
		__igt_skip(#expr, NULL); \
	igt_debug("Test requirement passed: %s\n", #expr); \
} while (0)

#define igt_require_f(expr, f...) do { \
	if (!(expr)) \
		__igt_skip(#expr, f); \
	igt_debug("Test requirement passed: %s\n", #expr); \
} while (0)

#define igt_skip_on(expr) do { \
	if (expr) \
		__igt_skip("!(" #expr ")", NULL); \
} while (0)

#define igt_skip_on_f(expr, f...) do { \
	if (expr) \
		__igt_skip("!(" #expr ")", f); \
} while (0)

#define __igt_fail(text, f...) \
	__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__, __LINE__, __func__, text, f)

#define igt_assert(expr) do { \
	if (!(expr)) \
		__igt_fail(#expr, NULL); \
} while (0)

#define igt_assert_f(expr, f...) do { \
	if (!(expr)) \
		__igt_fail(#expr, f); \
} while (0)

#define igt_fail_on(expr)		igt_assert(!(expr))
#define igt_fail_on_f(expr, f...)	igt_assert_f(!(expr), f)

#define __igt_assert_cmp(type, shown, fmt, n1, op, not, n2) do { \
	type __n1 = (n1), __n2 = (n2); \
	if (!(__n1 op __n2)) \
		__igt_fail(#n1 " " #op " " #n2, \
			   "error: " fmt " " #not " " fmt "\n", \
			   (shown)__n1, (shown)__n2); \
} while (0)

#define __igt_assert_int(n1, op, not, n2) \
	__igt_assert_cmp(int, int, "%d", n1, op, not, n2)
#define __igt_assert_s64(n1, op, not, n2) \
	__igt_assert_cmp(int64_t, long long, "%lld", n1, op, not, n2)
#define __igt_assert_u64(n1, op, not, n2) \
	__igt_assert_cmp(uint64_t, unsigned long long, "%#llx", n1, op, not, n2)

#define igt_assert_eq(n1, n2)		__igt_assert_int(n1, ==, !=, n2)
#define igt_assert_neq(n1, n2)		__igt_assert_int(n1, !=, ==, n2)
#define igt_assert_lt(n1, n2)		__igt_assert_int(n1, <, >=, n2)
#define igt_assert_lte(n1, n2)		__igt_assert_int(n1, <=, >, n2)
#define igt_assert_eq_s64(n1, n2)	__igt_assert_s64(n1, ==, !=, n2)
#define igt_assert_lt_s64(n1, n2)	__igt_assert_s64(n1, <, >=, n2)
#define igt_assert_lte_s64(n1, n2)	__igt_assert_s64(n1, <=, >, n2)
#define igt_assert_eq_u64(n1, n2)	__igt_assert_u64(n1, ==, !=, n2)
#define igt_assert_neq_u64(n1, n2)	__igt_assert_u64(n1, !=, ==, n2)
#define igt_assert_lt_u64(n1, n2)	__igt_assert_u64(n1, <, >=, n2)
#define igt_assert_lte_u64(n1, n2)	__igt_assert_u64(n1, <=, >, n2)

#define igt_assert_fd(fd) \
	igt_assert_f((fd) >= 0, "file descriptor " #fd " failed\n")

/* ---- processes, signals, time ---- */

struct igt_helper_process {
	bool running;
	bool use_SIGKILL;
	pid_t pid;
	int id;
};

typedef void (*igt_exit_handler_t)(int sig);

bool __igt_fork(void);
void igt_waitchildren(void);
void igt_waitchildren_timeout(int seconds, const char *reason);
bool __igt_fork_helper(struct igt_helper_process *proc);
int igt_wait_helper(struct igt_helper_process *proc);
void igt_stop_helper(struct igt_helper_process *proc);
void igt_install_exit_handler(igt_exit_handler_t fn);
void igt_set_timeout(unsigned int seconds, const char *op);
void igt_reset_timeout(void);
uint64_t igt_nsec_elapsed(struct timespec *start);
void igt_drop_root(void);

/* Processes that test; a failure of one fails igt_waitchildren(). */
#define igt_fork(child, count) \
	for (int child = 0; child < (count); child++) \
		for (; __igt_fork(); exit(0))

/* A process in the background; what becomes of it does not matter. */
#define igt_fork_helper(proc) \
	for (; __igt_fork_helper(proc); exit(0))

#endif /* IGT_H */
