// SPDX-License-Identifier: GPL-2.0
/*
 * Prints how many thousand times a second the time stamp counter of this
 * machine counts. A pair of readings counts only if nothing came between.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct pair {
	uint64_t ticks, ns;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static struct pair read_both(void)
{
	struct pair p = {};
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 1000; i++) {
		uint64_t before = __rdtsc(), ns = now(), after = __rdtsc();

		if (after - before >= best)
			continue;
		best = after - before;
		p.ticks = before + best / 2;
		p.ns = ns;
	}
	return p;
}

int main(void)
{
	const struct timespec wait = { .tv_nsec = 200 * 1000 * 1000 };
	struct pair a = read_both(), b;

	nanosleep(&wait, NULL);
	b = read_both();
	printf("%llu\n", (unsigned long long)((b.ticks - a.ticks) * 1000000 /
					      (b.ns - a.ns)));
	return 0;
}
