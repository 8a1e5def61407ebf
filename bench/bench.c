// SPDX-License-Identifier: GPL-2.0
/*
 * What mapping and tracking memory costs, hugemap and others in turn. Runs in
 * the guest (igt-tests/vm/jobs/bench) and prints a line for each value:
 *
 *	measure,peer,bytes,arg,unit,value
 *
 * Usage: bench <measure...>; in the environment BENCH_REPS, and BENCH_COUNT=1
 * where the time stamp counter counts instructions (QEMU -icount shift=0).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"

bool counting;
unsigned int reps = 5;

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	exit(1);
}

uint64_t now(void)
{
	struct timespec ts;

	if (counting) {
		_mm_lfence();
		return __rdtsc();
	}
	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void result(const char *measure, const char *peer, size_t bytes, long arg,
	    const char *unit, double value)
{
	if (!strcmp(unit, "cost"))
		unit = counting ? "instructions" : "ns";
	printf("%s,%s,%zu,%ld,%s,%.2f\n", measure, peer, bytes, arg, unit, value);
	fflush(stdout);
}

void skip(const char *measure, const char *peer, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("#skip,%s,%s,", measure, peer);
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
}

long page_tables(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	check(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmPTE: %ld", &kib) == 1)
			break;
	fclose(f);
	check(kib >= 0);
	return kib;
}

long faults(void)
{
	struct rusage ru;

	check(!getrusage(RUSAGE_THREAD, &ru));
	return ru.ru_minflt + ru.ru_majflt;
}

/* A counter of hugemap in the fdinfo of an open node. */
long counter(int fd, const char *name)
{
	char line[256], path[64];
	size_t len = strlen(name);
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	check(f);
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, name);

		if (at && at[len] == ':')
			value = strtol(at + len + 1, NULL, 10);
	}
	fclose(f);
	return value;
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != len)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

static const struct {
	const char *name;
	void (*run)(void);
} measures[] = {
	{ "faults", bench_faults },
	{ "fill", bench_fill },
	{ "fork", bench_fork },
	{ "track", bench_track },
	{ "scale", bench_scale },
	{ "threads", bench_threads },
};

int main(int argc, char **argv)
{
	unsigned int i;

	counting = getenv("BENCH_COUNT") && atoi(getenv("BENCH_COUNT"));
	if (getenv("BENCH_REPS"))
		reps = atoi(getenv("BENCH_REPS"));
	check(reps > 0);
	for (; argc > 1; argc--, argv++) {
		for (i = 0; i < ARRAY_SIZE(measures); i++)
			if (!strcmp(argv[1], measures[i].name))
				break;
		if (i == ARRAY_SIZE(measures))
			die("no measure '%s'", argv[1]);
		measures[i].run();
	}
	return 0;
}
