/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the unit tests share: checks that are counted, and how a test ends: with
 * a line "N passed, N failed" and status 0 if nothing failed.
 */
#ifndef _HM_TEST_H_
#define _HM_TEST_H_

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

static inline int hm_run(const struct hm_test *tests, unsigned int nr)
{
	unsigned int i, failed = 0;

	for (i = 0; i < nr; i++) {
		hm_checks = 0;
		hm_failed = 0;
		tests[i].fn();
		printf("%s %s: %lu checks\n", hm_failed ? "FAIL" : "ok",
		       tests[i].name, hm_checks);
		failed += !!hm_failed;
	}
	printf("%u passed, %u failed\n", nr - failed, failed);
	return !!failed;
}

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

static inline void *hm_zalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

#endif /* _HM_TEST_H_ */
