// SPDX-License-Identifier: GPL-2.0
/*
 * What `make demo` shows, one step per call:
 *
 *	demo store NODE FILE		copy FILE into a mapping
 *	demo load NODE BYTES		a mapping of our own to standard output
 *	demo touch NODE		one line: what touching 1 GiB took
 *	demo cut NODE FILE		cut, protect and move a 1 GiB mapping
 *
 * Exit status 1 and a line on standard error if anything is not as it should.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <drm/hugemap_drm.h>

#define GIB (1ul << 30)

static size_t page;

static char *map(int fd, size_t len)
{
	char *m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (m == MAP_FAILED)
		err(1, "mmap of %zu bytes", len);
	return m;
}

static const char *map_file(const char *name, size_t *len)
{
	int fd = open(name, O_RDONLY);
	struct stat st;
	char *m;

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", name);
	m = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (m == MAP_FAILED)
		err(1, "mmap of %s", name);
	close(fd);
	*len = st.st_size;
	return m;
}

/* A counter of the open file. */
static long counter(int fd, const char *key)
{
	char name[64], line[256];
	size_t n = strlen(key);
	long val = -1;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	f = fopen(name, "r");
	if (!f)
		err(1, "%s", name);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "hugemap-", 8) && !strncmp(line + 8, key, n) &&
		    line[8 + n] == ':')
			val = atol(line + 9 + n);
	fclose(f);
	if (val < 0)
		errx(1, "no counter %s", key);
	return val;
}

static void store(int fd, const char *name)
{
	size_t len;
	const char *file = map_file(name, &len);
	char *m = map(fd, GIB);

	if (len > GIB)
		errx(1, "%s does not fit", name);
	memcpy(m, file, len);
	printf("%zu bytes copied into %p, %ld fault(s)\n", len, (void *)m,
	       counter(fd, "fault-pud") + counter(fd, "fault-pmd") +
	       counter(fd, "fault-pte"));
}

static void load(int fd, size_t len)
{
	char *m = map(fd, GIB);

	while (len) {
		ssize_t n = write(STDOUT_FILENO, m, len);

		if (n <= 0)
			err(1, "write");
		m += n;
		len -= n;
	}
}

static void touch(int fd)
{
	struct timespec a, b;
	char *m = map(fd, GIB);
	size_t i;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < GIB; i += page)
		((volatile char *)m)[i];
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%10ld %10ld %10ld %12ld %12.1f\n", counter(fd, "fault-pud"),
	       counter(fd, "fault-pmd"), counter(fd, "fault-pte"),
	       counter(fd, "pt-bytes") / 1024,
	       (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6);
}

static void same(const char *what, const char *m, const char *file, size_t from,
		 size_t to)
{
	if (from < to && memcmp(m + from, file + from, to - from))
		errx(1, "%s: data differs", what);
}

static void step(const char *what, int ret)
{
	if (ret)
		err(1, "%s", what);
	printf("  %-44s ", what);
}

static void cut(int fd, const char *name)
{
	size_t len, hole, ro;
	const char *file = map_file(name, &len);
	char *m, *to;

	hole = len / 2 & -page;
	ro = len / 4 & -page;

	m = map(fd, GIB);
	same("mapping", m, file, 0, len);
	step("munmap() of one page inside", munmap(m + hole, page));
	same("munmap", m, file, 0, hole);
	same("munmap", m, file, hole + page, len);
	puts("data right");
	step("mprotect() of one page inside",
	     mprotect(m + ro, page, PROT_READ));
	same("mprotect", m, file, 0, hole);
	same("mprotect", m, file, hole + page, len);
	puts("data right");
	if (munmap(m, GIB))
		err(1, "munmap");

	m = map(fd, GIB);
	same("mapping", m, file, 0, len);
	/* Somewhere else, with the same alignment. */
	to = mmap(NULL, 2 * GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED)
		err(1, "mmap");
	to += ((uintptr_t)m - (uintptr_t)to) & (GIB - 1);
	step("mremap() of the whole",
	     mremap(m, GIB, GIB, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to);
	same("mremap", to, file, 0, len);
	puts("data right");
}

int main(int argc, char **argv)
{
	int fd;

	page = sysconf(_SC_PAGESIZE);
	if (argc < 3)
		errx(2, "usage: demo store|load|touch|cut NODE [FILE|BYTES]");
	fd = open(argv[2], O_RDWR);
	if (fd < 0)
		err(1, "%s", argv[2]);
	if (!strcmp(argv[1], "store") && argc == 4)
		store(fd, argv[3]);
	else if (!strcmp(argv[1], "load") && argc == 4)
		load(fd, strtoul(argv[3], NULL, 0));
	else if (!strcmp(argv[1], "touch"))
		touch(fd);
	else if (!strcmp(argv[1], "cut") && argc == 4)
		cut(fd, argv[3]);
	else
		errx(2, "unknown step %s", argv[1]);
	if (fflush(stdout) || ferror(stdout))
		err(1, "output");
	return 0;
}
