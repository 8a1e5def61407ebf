/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the guest program share: see bench.c.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define KIB4	(1UL << 12)
#define MIB	(1UL << 20)
#define MIB2	(1UL << 21)
#define GIB	(1UL << 30)

#define check(cond) do { \
	if (!(cond)) \
		die("%s:%d: %s", __FILE__, __LINE__, #cond); \
} while (0)

void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...);

/**
 * struct peer - something that maps memory with entries of one size
 * @name: as in the results, "hugemap-1g"
 * @kind: the part of @name before the size
 * @shift: log2 of the size of an entry
 * @open: sets @fd, @offset and @size; false after skip(), once
 * @misalign: map it so much off its natural address: only smaller entries fit
 * @full: mmap() alone maps everything
 * @max: do not map more, 0 for no limit: what is touched is real memory
 * @fd: to map, from @offset on
 * @size: bytes there are
 * @state: 1 open, -1 not there
 */
struct peer {
	const char *name;
	const char *kind;
	unsigned int shift;
	bool (*open)(struct peer *p);
	size_t misalign;
	bool full;
	size_t max;
	int fd;
	off_t offset;
	size_t size;
	int state;
};

/* ---- peers.c ---- */

extern struct peer peers[];
extern const unsigned int nr_peers;

/* A peer that is there, or NULL: the reason has been reported. */
struct peer *peer_get(const char *name);
/* Has @p so many bytes, and is as much wanted of it? */
bool peer_has(const struct peer *p, size_t len);
/* The first @len bytes of it, at a good address; a fresh mapping. */
char *peer_map(struct peer *p, size_t len);
char *peer_map_at(struct peer *p, size_t len, size_t offset);
void peer_unmap(char *m, size_t len);
/* Read a word of each entry of a mapping. */
void peer_touch(const struct peer *p, const char *m, size_t len);

/* ---- bench.c ---- */

/* Nanoseconds, or instructions of the guest if those are what its clock counts. */
uint64_t now(void);
extern bool counting;
extern unsigned int reps;

/*
 * One measured value; the unit is "cost" for a difference of now(). The host
 * makes medians of the values that agree in all else.
 */
void result(const char *measure, const char *peer, size_t bytes, long arg,
	    const char *unit, double value);
void skip(const char *measure, const char *peer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

long page_tables(void);
long faults(void);
long counter(int fd, const char *name);
void write_file(const char *path, const char *text);

/* ---- the measures ---- */

void bench_faults(void);
void bench_fill(void);
void bench_fork(void);
void bench_track(void);
void bench_scale(void);
void bench_threads(void);

#endif
