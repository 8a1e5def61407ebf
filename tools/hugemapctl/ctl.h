/* SPDX-License-Identifier: MIT */
/* Between the commands of hugemapctl. */
#ifndef CTL_H
#define CTL_H

#include <argp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>
#include <libhugemap.h>

/* Exit status; documented in hugemapctl(1). */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,		/* the kernel or the system said no */
	CTL_USAGE = 2,
	CTL_NO_DEVICE = 3,
	CTL_DENIED = 4,
	CTL_CORRUPT = 5,	/* a checkpoint is not what was written */
};

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))

#define KIB(n)		((uint64_t)(n) << 10)
#define MIB(n)		((uint64_t)(n) << 20)
#define GIB(n)		((uint64_t)(n) << 30)

/* ---- options ---- */

extern struct ctl {
	bool json;
	bool quiet;
	bool progress;	/* though stderr is no terminal */
} ctl;

/* --json, --quiet and --progress: children of every command's parser. */
extern const struct argp_child ctl_common[];

/* Keys of options without a letter; those of a command begin at CTL_KEY. */
#define CTL_KEY		0x100

/* argp_parse() for a command: exits with CTL_USAGE. */
void ctl_parse(const struct argp *argp, int argc, char **argv, void *input);

/* "512M", "1G", "64K", "0x1000" or bytes; argp_error() with @what. */
uint64_t ctl_size(struct argp_state *state, const char *what, const char *arg);
/* A number in [min, max]. */
uint64_t ctl_number(struct argp_state *state, const char *what, const char *arg,
		    uint64_t min, uint64_t max);
/* Seconds, with a fraction. */
double ctl_seconds(struct argp_state *state, const char *what, const char *arg);
/* "1G", "2M", "4K", "any" or an order. */
unsigned int ctl_order(struct argp_state *state, const char *arg);

/**
 * struct ctl_where - what a command works on, as the user wrote it
 * @name: TARGET
 * @offset: --offset, bytes
 * @len: --length, bytes; 0 if not said
 */
struct ctl_where {
	const char *name;
	uint64_t offset;
	uint64_t len;
};

/* What parses those, for a parser that does not know @key: one TARGET is wanted. */
error_t ctl_parse_where(int key, char *arg, struct argp_state *state,
			struct ctl_where *where);

/* --offset and --length among a command's options. */
#define CTL_RANGE_OPTIONS(group) \
	{ "offset", 's', "BYTES", 0, "Where to begin (0)", group }, \
	{ "length", 'l', "BYTES", 0, "How much (all from the offset on)", group }

/* --writable among them: HUGEMAP_TRACK_WRITABLE. */
#define CTL_WRITABLE_OPTION(key, group) \
	{ "writable", key, NULL, 0, "For memory of KVM guests", group }

/* ---- errors ---- */

/* One line on standard error, with --json an object on standard output. */
_Noreturn void ctl_fail(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
_Noreturn void ctl_vfail(int status, int err, const char *format, va_list ap);
/* The same with the text of @err, a negative errno, and what to do about it. */
_Noreturn void ctl_fail_err(int err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void *ctl_alloc(size_t nr, size_t size);

/* ---- what a command works on ---- */

/**
 * struct ctl_target - an open region and memory of it
 * @name: as the user wrote it
 * @hm: region
 * @mem: window or object; NULL of a DRM device
 * @info: what it is
 */
struct ctl_target {
	const char *name;
	struct hugemap *hm;
	struct hugemap_mem *mem;
	struct hugemap_info info;
};

/* Opens "hugemapN", a DRM device or "object" (see alloc); fails by itself. */
void ctl_open(struct ctl_target *t, const char *name, int flags);
/* The same, and it must have memory: no DRM device. */
void ctl_open_mem(struct ctl_target *t, const char *name, int flags);
void ctl_close(struct ctl_target *t);

/*
 * Checks a range, 0 for "to the end", against the memory; both must be multiples
 * of @unit but for the end of the memory.
 */
void ctl_range(const struct ctl_target *t, uint64_t offset, uint64_t *len,
	       uint64_t unit);

/*
 * Begins to track: checks the granule and, as ctl_range(), the range, and fails by
 * itself.
 */
void ctl_track(const struct ctl_target *t, struct hugemap_track *how,
	       struct hugemap_tracker **tracker);

/* ---- output ---- */

/* "1 GiB", "70.2 MiB", "4 KiB", "17 B"; valid for the next seven calls. */
const char *ctl_bytes(uint64_t bytes);
/* "4K 2M 1G" */
const char *ctl_orders(const struct hugemap_info *info);
/* "1 GiB pages" or so, of an order. */
uint64_t ctl_order_bytes(const struct hugemap_info *info, unsigned int order);

/* Exact numbers: a double, as cJSON has it, loses bits. */
void json_u64(cJSON *obj, const char *name, uint64_t val);
/* With three digits behind the point. */
void json_ms(cJSON *obj, const char *name, double val);
void json_pages(cJSON *obj, const char *name, const struct hugemap_counts *n);
/* Prints and frees it: a document, or one line of a stream. */
void json_print(cJSON *obj);
void json_line(cJSON *obj);

void progress_begin(const char *what, uint64_t total);
void progress(uint64_t done);
void progress_end(void);

/* ---- time ---- */

/* Set by SIGINT and SIGTERM after ctl_catch_signals(). */
extern volatile sig_atomic_t ctl_stop;
void ctl_catch_signals(void);
/* Sleeps until @seconds have passed, or ctl_stop. */
void ctl_sleep(double seconds);
double ctl_now(void);

/* Colours, or a cursor to move: on a terminal, and NO_COLOR not set. */
bool ctl_tty(void);
bool ctl_color(void);
/* May output have more than ASCII? */
bool ctl_utf8(void);

/* ---- commands ---- */

int cmd_list(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_alloc(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_prefault(int argc, char **argv);
int cmd_dirty(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_heat(int argc, char **argv);
int cmd_checkpoint(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_bench(int argc, char **argv);

#endif /* CTL_H */
