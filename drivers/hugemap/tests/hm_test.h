/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the unit tests share: checks that are counted, and how a test ends.  They
 * are programs, which end with a line "N passed, N failed" and status 0 if
 * nothing failed, and suites of KUnit (hugemap_kunit.ko), where the kernel has
 * that.
 */
#ifndef _HM_TEST_H_
#define _HM_TEST_H_

/* Emulated, and with KASAN, not all of it has to be done once more. */
#define HM_SCALED(user, kernel)	(HM_IN_KERNEL ? (kernel) : (user))

#ifdef __KERNEL__

#define HM_IN_KERNEL	1

#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/sched.h>
#include <linux/slab.h>

/* Of the case that runs; they run one after the other. */
static struct kunit *hm_kunit;
static unsigned long hm_failed, hm_checks;

#define check(ok, f...) do { \
	if (!(++hm_checks % 1024)) \
		cond_resched(); \
	if (!(ok) && hm_failed++ < 10) { \
		kunit_err(hm_kunit, "line %d: %s\n", __LINE__, #ok); \
		KUNIT_FAIL(hm_kunit, f); \
	} \
} while (0)

#define HM_TEST(fn) \
	static void fn##_body(void); \
	static void fn(struct kunit *test) \
	{ \
		hm_kunit = test; \
		hm_failed = 0; \
		hm_checks = 0; \
		fn##_body(); \
		kunit_info(test, "%lu checks\n", hm_checks); \
	} \
	static void fn##_body(void)

#define HM_CASE(fn)	KUNIT_CASE(fn)
#define HM_SUITE_WITH(suite, first, last, cases...) \
	static struct kunit_case suite##_cases[] = { cases, {} }; \
	static struct kunit_suite suite##_suite = { \
		.name = #suite, \
		.suite_init = first, \
		.suite_exit = last, \
		.test_cases = suite##_cases, \
	}; \
	kunit_test_suite(suite##_suite)
#define HM_SUITE(suite, cases...) HM_SUITE_WITH(suite, NULL, NULL, cases)

static inline void *hm_zalloc(size_t size)
{
	return kvzalloc(size, GFP_KERNEL | __GFP_NOFAIL);
}

#define hm_free(p)	kvfree(p)

#else /* !__KERNEL__ */

#define HM_IN_KERNEL	0

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

static unsigned long hm_failed, hm_checks;

/* The first ten failures of a test are shown. */
#define check(ok, f...) do { \
	hm_checks++; \
	if (!(ok) && hm_failed++ < 10) { \
		printf("FAIL line %d: %s: ", __LINE__, #ok); \
		printf(f); \
		putchar('\n'); \
	} \
} while (0)

struct hm_test {
	const char *name;
	void (*fn)(void);
};

static inline int hm_run(const char *suite, const struct hm_test *tests,
			 unsigned int nr)
{
	unsigned int i, failed = 0;

	for (i = 0; i < nr; i++) {
		hm_checks = 0;
		hm_failed = 0;
		tests[i].fn();
		printf("%s %s %s: %lu checks\n", hm_failed ? "FAIL" : "ok",
		       suite, tests[i].name, hm_checks);
		failed += !!hm_failed;
	}
	printf("%u passed, %u failed\n", nr - failed, failed);
	return !!failed;
}

#define HM_TEST(fn)	static void fn(void)
#define HM_CASE(fn)	{ #fn, fn }
#define HM_SUITE(suite, cases...) \
	int main(void) \
	{ \
		static const struct hm_test tests[] = { cases }; \
		return hm_run(#suite, tests, ARRAY_SIZE(tests)); \
	} \
	struct hm_test

static inline void *hm_zalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

#define hm_free(p)	free(p)

#endif /* __KERNEL__ */

/* The same numbers each time: xorshift64*. */
static inline unsigned long hm_random(unsigned long *state)
{
	unsigned long x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (x * 2685821657736338717UL) >> 20;
}

#endif /* _HM_TEST_H_ */
