// SPDX-License-Identifier: MIT
/*
 * hugemapctl top: live faults, by order and reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl.h"

enum { KEY_ONCE = CTL_KEY };

struct args {
	const char *name;
	double interval;
	uint64_t count;
};

static const struct argp_option options[] = {
	{ "interval", 'i', "SECONDS", 0, "Between two looks (1)", 0 },
	{ "count", 'c', "N", 0, "So many looks (until 'q' or interrupted)", 0 },
	{ "once", KEY_ONCE, NULL, 0, "The same as --count 1", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'i':
		a->interval = ctl_seconds(state, "--interval", arg);
		return 0;
	case 'c':
		a->count = ctl_number(state, "--count", arg, 1, UINT32_MAX);
		return 0;
	case KEY_ONCE:
		a->count = 1;
		return 0;
	case ARGP_KEY_ARG:
		if (a->name)
			argp_error(state, "one REGION, or all");
		a->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[REGION]",
	.doc = "Faults of each region (or of one, as hugemap1), by the order of "
		"the page they ended with, and why they did not use a larger one: "
		"since the region is there, and per second. For root.",
	.children = ctl_common,
};

struct sample {
	struct hugemap_stat *stats;
	size_t nr;
};

struct region {
	struct hugemap_entry e;
	struct sample now, before;
};

static uint64_t of(const struct sample *s, const char *name)
{
	return hugemap_stat(s->stats, s->nr, name);
}

/* Per second, since the sample before. */
static double rate(const struct region *r, const char *name, double seconds)
{
	uint64_t now = of(&r->now, name), before = of(&r->before, name);

	return seconds > 0 && now > before ? (now - before) / seconds : 0;
}

static void look(struct region *r)
{
	int ret;

	free(r->before.stats);
	r->before = r->now;
	memset(&r->now, 0, sizeof(r->now));
	ret = hugemap_region_stats(r->e.node, &r->now.stats, &r->now.nr);
	if (ret == -ENOENT && access("/sys/kernel/debug/hugemap", F_OK))
		ctl_fail(CTL_FAILED, "no /sys/kernel/debug/hugemap: mount -t debugfs debugfs /sys/kernel/debug");
	/* Gone meanwhile: it has no faults any more. */
	if (ret && ret != -ENOENT)
		ctl_fail_err(ret, "the counters of %s", r->e.name);
}

static const struct {
	const char *counter;
	const char *title;
} columns[] = {
	{ "fault-pud", "1G" },
	{ "fault-pmd", "2M" },
	{ "fault-pte", "4K" },
	{ "dirty-mark", "DIRTY" },
	{ "dirty-split", "SPLIT" },
	{ "promoted", "PROMOTED" },
	{ "sigbus", "SIGBUS" },
};

static void show_json(const struct region *all, size_t nr, double seconds)
{
	cJSON *top = cJSON_CreateObject(), *array, *stats, *rates;

	json_ms(top, "seconds", seconds);
	array = cJSON_AddArrayToObject(top, "regions");
	for (size_t i = 0; i < nr; i++) {
		cJSON *obj = cJSON_CreateObject();

		cJSON_AddItemToArray(array, obj);
		cJSON_AddStringToObject(obj, "name", all[i].e.name);
		stats = cJSON_AddObjectToObject(obj, "total");
		rates = cJSON_AddObjectToObject(obj, "per_second");
		for (size_t s = 0; s < all[i].now.nr; s++) {
			const char *name = all[i].now.stats[s].name;

			json_u64(stats, name, all[i].now.stats[s].value);
			if (strcmp(name, "pt-bytes") && strcmp(name, "vmas"))
				json_ms(rates, name, rate(&all[i], name, seconds));
		}
	}
	json_line(top);
}

/* By rate, then by what there was: the most important first. */
struct reason {
	const struct region *r;
	const char *name;
	uint64_t total;
	double rate;
};

static int by_weight(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	if (x->rate != y->rate)
		return x->rate < y->rate ? 1 : -1;
	return x->total < y->total ? 1 : x->total > y->total ? -1 : 0;
}

static void bold(const char *on)
{
	if (ctl_color())
		fputs(on, stdout);
}

static void show_text(const struct region *all, size_t nr, double seconds)
{
	struct reason reasons[512];
	size_t n = 0;

	bold("\033[7m");
	printf("%-11s %-8s", "REGION", "");
	for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
		printf(" %9s", columns[c].title);
	printf(" %6s %8s", "MAPS", "TABLES");
	bold("\033[0m");
	putchar('\n');
	for (size_t i = 0; i < nr; i++) {
		const struct region *r = &all[i];

		printf("%-11s %-8s", r->e.name, "total");
		for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
			printf(" %9" PRIu64, of(&r->now, columns[c].counter));
		printf(" %6" PRIu64 " %8s\n", of(&r->now, "vmas"),
		       ctl_bytes(of(&r->now, "pt-bytes")));
		printf("%-11s %-8s", "", "/s");
		for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
			double v = rate(r, columns[c].counter, seconds);

			bold(v > 0 ? "\033[1m" : "\033[2m");
			printf(" %9.0f", v);
			bold("\033[0m");
		}
		putchar('\n');
		for (size_t s = 0; s < r->now.nr && n < ARRAY_SIZE(reasons); s++) {
			const char *name = r->now.stats[s].name;

			if ((strncmp(name, "fallback-", 9) &&
			     strncmp(name, "zap-", 4)) || !r->now.stats[s].value)
				continue;
			reasons[n++] = (struct reason){
				.r = r, .name = name,
				.total = r->now.stats[s].value,
				.rate = rate(r, name, seconds),
			};
		}
	}
	qsort(reasons, n, sizeof(*reasons), by_weight);
	if (n)
		printf("\n%-11s %-34s %12s %10s\n", "REGION", "WHY", "TOTAL", "/s");
	for (size_t i = 0; i < n && i < 15; i++) {
		const char *name = reasons[i].name;
		char why[64];

		if (name[0] == 'z')
			snprintf(why, sizeof(why), "entries taken away: %s", name + 4);
		else
			snprintf(why, sizeof(why), "no %s page: %s",
				 name[10] == 'u' ? "1G" : "2M", name + 13);
		printf("%-11s %-34s %12" PRIu64 " %10.0f\n", reasons[i].r->e.name,
		       why, reasons[i].total, reasons[i].rate);
	}
}

static struct termios old_termios;
static bool raw;

static void leave_screen(void)
{
	if (!raw)
		return;
	raw = false;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old_termios);
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
}

static void enter_screen(void)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &old_termios))
		return;
	t = old_termios;
	t.c_lflag &= ~(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
	raw = true;
	atexit(leave_screen);
	fputs("\033[?1049h\033[?25l", stdout);
}

/* Until the next look, or 'q'. */
static void wait_key(double seconds)
{
	double end = ctl_now() + seconds, left;
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	if (!raw) {
		ctl_sleep(seconds);
		return;
	}
	while (!ctl_stop && (left = end - ctl_now()) > 0) {
		if (poll(&p, 1, MIN(left, 0.2) * 1e3 + 1) != 1)
			continue;
		if (read(STDIN_FILENO, &c, 1) != 1 || c == 'q' || c == 'Q')
			ctl_stop = 1;
		else
			break;
	}
}

int cmd_top(int argc, char **argv)
{
	struct args a = { .interval = 1 };
	struct hugemap_entry *list;
	struct region *all;
	size_t found, nr = 0;
	double last, now;
	bool live;
	int ret;

	ctl_parse(&argp, argc, argv, &a);
	ret = hugemap_list(&list, &found);
	if (ret == -ENOENT)
		ctl_fail(CTL_NO_DEVICE, "no region");
	if (ret)
		ctl_fail_err(ret, "/sys/class/hugemap");
	all = ctl_alloc(found, sizeof(*all));
	for (size_t i = 0; i < found; i++) {
		const char *name = a.name;

		if (name && !strncmp(name, "/dev/", 5))
			name += 5;
		if (!name || !strcmp(name, list[i].name))
			all[nr++].e = list[i];
	}
	free(list);
	if (a.name && !nr)
		ctl_fail(CTL_NO_DEVICE, "%s: no such region", a.name);
	live = !ctl.json && !a.count && ctl_tty();
	for (size_t i = 0; i < nr; i++)
		look(&all[i]);
	ctl_catch_signals();
	if (live)
		enter_screen();
	last = ctl_now();
	for (uint64_t n = 0; !ctl_stop && (!a.count || n < a.count); n++) {
		wait_key(a.interval);
		if (ctl_stop)
			break;
		for (size_t i = 0; i < nr; i++)
			look(&all[i]);
		now = ctl_now();
		if (ctl.json) {
			show_json(all, nr, now - last);
		} else {
			if (live)
				fputs("\033[H\033[J", stdout);
			else if (n)
				putchar('\n');
			show_text(all, nr, now - last);
			if (live && raw)
				printf("\nevery %g s; q ends\n", a.interval);
		}
		fflush(stdout);
		last = now;
	}
	leave_screen();
	for (size_t i = 0; i < nr; i++) {
		free(all[i].now.stats);
		free(all[i].before.stats);
	}
	free(all);
	return CTL_OK;
}
