// SPDX-License-Identifier: MIT
/*
 * What the commands share.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

struct ctl ctl;

/* ---- options ---- */

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	(void)state;
	switch (key) {
	case 'j':
		ctl.json = true;
		return 0;
	case 'q':
		ctl.quiet = true;
		return 0;
	case 0xf0:
		ctl.progress = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option common_options[] = {
	{ "json", 'j', NULL, 0, "Print JSON, with exact numbers", 0 },
	{ "quiet", 'q', NULL, 0, "No progress bar, no remarks", 0 },
	{ "progress", 0xf0, NULL, 0,
	  "A progress bar though standard error is no terminal", 0 },
	{ 0 }
};

static const struct argp common_argp = {
	.options = common_options,
	.parser = parse_common,
};

const struct argp_child ctl_common[] = {
	{ &common_argp, 0, "Common options:", 1 },
	{ 0 }
};

void ctl_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	/* In order: what is behind a "--" stays there. */
	argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, input);
}

static bool parse_size(const char *arg, uint64_t *val)
{
	static const char units[] = "KMGT";
	unsigned int shift = 0;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*arg))
		return false;
	errno = 0;
	*val = strtoull(arg, &end, 0);
	if (errno)
		return false;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (unit) {
			shift = 10 * (unit - units + 1);
			end++;
			if (!strcmp(end, "iB") || !strcmp(end, "B"))
				end += strlen(end);
		}
		if (*end)
			return false;
	}
	if (*val > UINT64_MAX >> shift)
		return false;
	*val <<= shift;
	return true;
}

uint64_t ctl_size(struct argp_state *state, const char *what, const char *arg)
{
	uint64_t val = 0;

	if (!parse_size(arg, &val))
		argp_error(state, "%s: '%s' is no size (4096, 0x1000, 64K, 512M, 1G)",
			   what, arg);
	return val;
}

uint64_t ctl_number(struct argp_state *state, const char *what, const char *arg,
		    uint64_t min, uint64_t max)
{
	uint64_t val;
	char *end;

	errno = 0;
	val = strtoull(arg, &end, 0);
	if (!isdigit((unsigned char)*arg) || *end || errno || val < min ||
	    val > max)
		argp_error(state, "%s: '%s' is no number from %" PRIu64 " to %"
			   PRIu64, what, arg, min, max);
	return val;
}

double ctl_seconds(struct argp_state *state, const char *what, const char *arg)
{
	double val;
	char *end;

	val = strtod(arg, &end);
	if (end == arg || *end || !isfinite(val) || val < 0 || val > 1e6)
		argp_error(state, "%s: '%s' is no number of seconds", what, arg);
	return val;
}

unsigned int ctl_order(struct argp_state *state, const char *arg)
{
	uint64_t page = sysconf(_SC_PAGESIZE), bytes;
	char *end;
	unsigned long order = strtoul(arg, &end, 10);

	if (!strcmp(arg, "any"))
		return HUGEMAP_ORDER_ANY;
	if (isdigit((unsigned char)*arg) && !*end && order < 52)
		return order;
	if (!parse_size(arg, &bytes) || bytes < page || bytes & (bytes - 1)) {
		argp_error(state, "order: '%s' is no page size (4K, 2M, 1G, any) and no order (0, 9, 18)",
			   arg);
		return 0;
	}
	return __builtin_ctzll(bytes) - __builtin_ctzll(page);
}

error_t ctl_parse_where(int key, char *arg, struct argp_state *state,
			struct ctl_where *where)
{
	switch (key) {
	case 's':
		where->offset = ctl_size(state, "--offset", arg);
		return 0;
	case 'l':
		where->len = ctl_size(state, "--length", arg);
		if (!where->len)
			argp_error(state, "--length: no bytes?");
		return 0;
	case ARGP_KEY_ARG:
		if (where->name)
			argp_error(state, "one TARGET, please");
		where->name = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which TARGET?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- errors ---- */

_Noreturn void ctl_vfail(int status, int err, const char *format, va_list ap)
{
	char text[512];
	int n;

	progress_end();
	n = vsnprintf(text, sizeof(text), format, ap);
	if (err && n >= 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - n, ": %s", strerror(-err));
	fprintf(stderr, "hugemapctl: %s\n", text);
	if (status == CTL_NO_DEVICE && access("/sys/class/hugemap", F_OK))
		fputs("hugemapctl: the driver is not loaded: modprobe hugemap\n",
		      stderr);
	else if (status == CTL_NO_DEVICE)
		fputs("hugemapctl: 'hugemapctl list' shows the regions there are\n",
		      stderr);
	else if (status == CTL_DENIED && geteuid())
		fputs("hugemapctl: /dev/hugemapN and debugfs are for root; others have render nodes (group render)\n",
		      stderr);
	if (ctl.json) {
		cJSON *top = cJSON_CreateObject(), *error;

		error = cJSON_AddObjectToObject(top, "error");
		cJSON_AddStringToObject(error, "message", text);
		json_u64(error, "errno", -err);
		json_u64(error, "status", status);
		json_print(top);
	}
	exit(status);
}

_Noreturn void ctl_fail(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	ctl_vfail(status, 0, format, ap);
}

_Noreturn void ctl_fail_err(int err, const char *format, ...)
{
	int status = CTL_FAILED;
	va_list ap;

	if (err == -EACCES || err == -EPERM)
		status = CTL_DENIED;
	else if (err == -ENODEV || err == -ENXIO)
		status = CTL_NO_DEVICE;
	va_start(ap, format);
	ctl_vfail(status, err, format, ap);
}

void *ctl_alloc(size_t nr, size_t size)
{
	void *p = calloc(nr ? nr : 1, size);

	if (!p)
		ctl_fail_err(-ENOMEM, "%zu bytes", nr * size);
	return p;
}

/* ---- what a command works on ---- */

/* The object that `alloc -- COMMAND` hands to its command. */
static void open_object(struct ctl_target *t, int flags)
{
	const char *device = getenv("HUGEMAP_DEVICE");
	const char *fd = getenv("HUGEMAP_DMABUF");
	int ret;

	if (!device || !fd)
		ctl_fail(CTL_USAGE, "there is no object here: run this by 'hugemapctl alloc SIZE -- ...'");
	ret = hugemap_open(device, flags, &t->hm);
	if (ret)
		ctl_fail_err(ret, "%s", device);
	ret = hugemap_import(t->hm, atoi(fd), &t->mem);
	if (ret)
		ctl_fail_err(ret, "the object (descriptor %s) of %s", fd, device);
}

void ctl_open(struct ctl_target *t, const char *name, int flags)
{
	int ret;

	memset(t, 0, sizeof(*t));
	t->name = name;
	if (!strcmp(name, "object")) {
		open_object(t, flags);
	} else {
		ret = hugemap_open(name, flags, &t->hm);
		if (ret == -ENODEV && !access(name, F_OK))
			ctl_fail(CTL_NO_DEVICE, "%s: not a device of hugemap", name);
		if (ret == -ENOENT && strchr(name, ':'))
			ctl_fail(CTL_NO_DEVICE, "%s: no such device, or no such region of it",
				 name);
		if (ret == -ENOENT)
			ctl_fail(CTL_NO_DEVICE, "%s: no such device", name);
		if (ret)
			ctl_fail_err(ret, "%s", name);
		if (hugemap_is_node(t->hm)) {
			ret = hugemap_window(t->hm, &t->mem);
			if (ret)
				ctl_fail_err(ret, "%s", name);
		}
	}
	ret = hugemap_get_info(t->hm, &t->info);
	if (ret)
		ctl_fail_err(ret, "%s: QUERY", name);
}

/* Unplugged, or a memory error, in the middle of a copy. */
static void on_bus_error(int sig)
{
	static const char text[] =
		"hugemapctl: bus error: the device is gone, or its memory is broken\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(CTL_FAILED);
	_exit(CTL_NO_DEVICE);
}

void ctl_open_mem(struct ctl_target *t, const char *name, int flags)
{
	struct sigaction sa = { .sa_handler = on_bus_error };

	sigaction(SIGBUS, &sa, NULL);
	ctl_open(t, name, flags);
	if (!t->mem)
		ctl_fail(CTL_USAGE, "%s has no memory of its own: use 'hugemapctl alloc SIZE %s -- hugemapctl ... object', or hugemap%u",
			 name, name, t->info.node);
}

void ctl_close(struct ctl_target *t)
{
	hugemap_free(t->mem);
	hugemap_close(t->hm);
}

void ctl_range(const struct ctl_target *t, uint64_t offset, uint64_t *len,
	       uint64_t unit)
{
	uint64_t size = hugemap_size(t->mem);

	if (offset % unit)
		ctl_fail(CTL_USAGE, "offset 0x%" PRIx64 " is no multiple of %s",
			 offset, ctl_bytes(unit));
	if (offset >= size || *len > size - offset)
		ctl_fail(CTL_USAGE, "%s has %s (0x%" PRIx64 " bytes): there is nothing at 0x%"
			 PRIx64, t->name, ctl_bytes(size), size,
			 offset >= size ? offset : size);
	if (!*len)
		*len = size - offset;
	else if (*len % unit && offset + *len != size)
		ctl_fail(CTL_USAGE, "length 0x%" PRIx64 " is no multiple of %s",
			 *len, ctl_bytes(unit));
}

void ctl_track(const struct ctl_target *t, struct hugemap_track *how,
	       struct hugemap_tracker **tracker)
{
	const struct hugemap_info *i = &t->info;
	int ret;

	if (how->granule != i->page && how->granule != KIB(64) &&
	    how->granule != ctl_order_bytes(i, i->pmd_order) &&
	    how->granule != ctl_order_bytes(i, i->pud_order))
		ctl_fail(CTL_USAGE, "no granule of %s: it may be %s, 64 KiB, %s or %s",
			 ctl_bytes(how->granule), ctl_bytes(i->page),
			 ctl_bytes(ctl_order_bytes(i, i->pmd_order)),
			 ctl_bytes(ctl_order_bytes(i, i->pud_order)));
	if (how->max_over && !(how->flags & HUGEMAP_TRACK_ADAPTIVE))
		ctl_fail(CTL_USAGE, "--max-over is for --adaptive");
	ctl_range(t, how->start, &how->len, how->granule);
	ret = hugemap_track(t->mem, how, tracker);
	if (ret == -ENOSPC)
		ctl_fail(CTL_FAILED, "%s: too many trackers (64 of one object)",
			 t->name);
	if (ret)
		ctl_fail_err(ret, "%s: DIRTY_START", t->name);
}

/* ---- output ---- */

const char *ctl_bytes(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	static char bufs[8][32];
	static unsigned int next;
	char *buf = bufs[next++ % 8];
	unsigned int u = 0;

	while (u + 1 < ARRAY_SIZE(units) && bytes >> 10 * (u + 1))
		u++;
	if (bytes % (1ull << 10 * u))
		snprintf(buf, 32, "%.1f %s", (double)bytes / (1ull << 10 * u),
			 units[u]);
	else
		snprintf(buf, 32, "%" PRIu64 " %s", bytes >> 10 * u, units[u]);
	return buf;
}

uint64_t ctl_order_bytes(const struct hugemap_info *info, unsigned int order)
{
	return info->page << order;
}

const char *ctl_orders(const struct hugemap_info *info)
{
	static char buf[128];
	const char *sep = "";
	size_t n = 0;

	buf[0] = 0;
	for (unsigned int order = 0; order < 52; order++) {
		if (!(info->orders >> order & 1))
			continue;
		n += snprintf(buf + n, sizeof(buf) - n, "%s%s", sep,
			      ctl_bytes(ctl_order_bytes(info, order)));
		if (n >= sizeof(buf))
			break;
		sep = ", ";
	}
	return buf;
}

void json_u64(cJSON *obj, const char *name, uint64_t val)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRIu64, val);
	cJSON_AddRawToObject(obj, name, buf);
}

void json_ms(cJSON *obj, const char *name, double val)
{
	char buf[48];

	snprintf(buf, sizeof(buf), "%.3f", val);
	cJSON_AddRawToObject(obj, name, buf);
}

void json_pages(cJSON *obj, const char *name, const struct hugemap_counts *n)
{
	cJSON *pages = cJSON_AddObjectToObject(obj, name);

	json_u64(pages, "pud", n->pud);
	json_u64(pages, "pmd", n->pmd);
	json_u64(pages, "pte", n->pte);
}

static void json_out(cJSON *obj, bool pretty)
{
	char *text = pretty ? cJSON_Print(obj) : cJSON_PrintUnformatted(obj);

	cJSON_Delete(obj);
	if (!text) {
		fputs("hugemapctl: no memory for the output\n", stderr);
		exit(CTL_FAILED);
	}
	puts(text);
	fflush(stdout);
	free(text);
}

void json_print(cJSON *obj)
{
	json_out(obj, true);
}

void json_line(cJSON *obj)
{
	json_out(obj, false);
}

static struct {
	const char *what;
	uint64_t total;
	double begun, shown;
} bar;

static void show_bar(uint64_t done)
{
	double now = ctl_now(), part, left;
	int full;

	part = bar.total ? (double)done / bar.total : 1;
	full = part * 30;
	left = part > 0 ? (now - bar.begun) * (1 - part) / part : 0;
	fprintf(stderr, "\r%s [%.*s%*s] %3d %%  %s of %s  %.0f s left \033[K",
		bar.what, full, "##############################", 30 - full, "",
		(int)(part * 100), ctl_bytes(done), ctl_bytes(bar.total), left);
	bar.shown = now;
}

void progress_begin(const char *what, uint64_t total)
{
	progress_end();
	if (ctl.quiet || (!ctl.progress && !isatty(STDERR_FILENO)))
		return;
	bar.what = what;
	bar.total = total;
	bar.begun = ctl_now();
	show_bar(0);
}

void progress(uint64_t done)
{
	if (bar.what && ctl_now() - bar.shown >= 0.1)
		show_bar(done);
}

void progress_end(void)
{
	if (!bar.what)
		return;
	fputs("\r\033[K", stderr);
	bar.what = NULL;
}

/* ---- time ---- */

volatile sig_atomic_t ctl_stop;

static void on_signal(int sig)
{
	(void)sig;
	ctl_stop = 1;
}

void ctl_catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

double ctl_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void ctl_sleep(double seconds)
{
	double end = ctl_now() + seconds, left;

	/* In pieces: a signal just before the sleep must not be slept over. */
	while (!ctl_stop && (left = end - ctl_now()) > 0) {
		struct timespec ts;

		if (left > 0.2)
			left = 0.2;
		ts.tv_sec = 0;
		ts.tv_nsec = left * 1e9;
		nanosleep(&ts, NULL);
	}
}

bool ctl_tty(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

bool ctl_color(void)
{
	const char *no = getenv("NO_COLOR");

	return ctl_tty() && (!no || !*no);
}

bool ctl_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}
