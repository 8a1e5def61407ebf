// SPDX-License-Identifier: MIT
/*
 * hugemapctl heat: which pages map what, and how often it is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "ctl.h"
#include "heat.h"

enum { KEY_WRITABLE = CTL_KEY };

struct args {
	struct ctl_where where;
	struct hugemap_track how;
	uint64_t rounds;
	double interval;
	const char *output;
};

static const struct argp_option options[] = {
	{ "granule", 'g', "SIZE", 0,
	  "A unit: 4K, 64K, 2M or 1G (2M, of small memory 64K)", 0 },
	CTL_RANGE_OPTIONS(0),
	{ "rounds", 'r', "N", 0, "Look so many times (10)", 0 },
	{ "interval", 'i', "SECONDS", 0, "Between two looks (1)", 0 },
	CTL_WRITABLE_OPTION(KEY_WRITABLE, 0),
	{ "output", 'o', "FILE", 0, "Draw the picture there too, as SVG", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'g':
		a->how.granule = ctl_size(state, "--granule", arg);
		return 0;
	case 'r':
		a->rounds = ctl_number(state, "--rounds", arg, 1, 65535);
		return 0;
	case 'i':
		a->interval = ctl_seconds(state, "--interval", arg);
		return 0;
	case KEY_WRITABLE:
		a->how.flags |= HUGEMAP_TRACK_WRITABLE;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	default:
		return ctl_parse_where(key, arg, state, &a->where);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "TARGET",
	.doc = "Watch a region (hugemap1) or the object of 'alloc' for some "
		"rounds of dirty tracking and show, unit by unit, the smallest "
		"page that maps it (for root, in any process) and in how many "
		"rounds it was written. Looking has a price: larger pages than "
		"the unit become smaller where they are written.",
	.children = ctl_common,
};

/* Of the pages that map a unit the smallest one. */
static void look(struct ctl_target *t, struct heat *h)
{
	static const char rank[] = "-GMK";
	struct hugemap_mapping *maps;
	size_t nr;
	char *now;

	if (hugemap_mappings(t->info.node, &maps, &nr))
		return;
	h->levels = true;
	now = ctl_alloc(h->nr, 1);
	for (size_t i = 0; i < nr; i++) {
		uint64_t from = maps[i].offset, len = maps[i].end - maps[i].start;
		uint64_t end = from + len;
		const char *level = strchr(rank, maps[i].level);

		if (maps[i].object != hugemap_object(t->mem) || end <= h->start ||
		    from >= h->start + h->len || !level)
			continue;
		from = MAX(from, h->start);
		end = MIN(end, h->start + h->len);
		for (uint64_t u = (from - h->start) / h->unit;
		     u <= (end - 1 - h->start) / h->unit; u++)
			if (level > strchr(rank, now[u] ? now[u] : '-'))
				now[u] = *level;
	}
	/* What a sync has just taken away is mapped again when it is touched. */
	for (size_t u = 0; u < h->nr; u++)
		if (now[u])
			h->level[u] = now[u];
	free(now);
	free(maps);
}

static const char *level_name(char level)
{
	return level == 'G' ? "pud" : level == 'M' ? "pmd" : level == 'K' ?
	       "pte" : "none";
}

static void show_json(const struct heat *h)
{
	cJSON *top = cJSON_CreateObject(), *runs, *run;
	size_t end;

	cJSON_AddStringToObject(top, "target", h->name);
	json_u64(top, "offset", h->start);
	json_u64(top, "length", h->len);
	json_u64(top, "unit", h->unit);
	json_u64(top, "rounds", h->rounds);
	cJSON_AddBoolToObject(top, "levels_known", h->levels);
	runs = cJSON_AddArrayToObject(top, "runs");
	for (size_t u = 0; u < h->nr; u = end) {
		for (end = u + 1; end < h->nr && h->level[end] == h->level[u] &&
		     h->written[end] == h->written[u]; end++)
			;
		run = cJSON_CreateObject();
		cJSON_AddItemToArray(runs, run);
		json_u64(run, "offset", h->start + u * h->unit);
		json_u64(run, "units", end - u);
		if (h->levels)
			cJSON_AddStringToObject(run, "level",
						level_name(h->level[u]));
		json_u64(run, "written", h->written[u]);
	}
	json_print(top);
}

int cmd_heat(int argc, char **argv)
{
	struct args a = { .rounds = 10, .interval = 1 };
	struct hugemap_tracker *tracker;
	struct utsname uts;
	struct ctl_target t;
	struct heat h;
	int ret;

	ctl_parse(&argp, argc, argv, &a);
	ctl_open_mem(&t, a.where.name, O_RDONLY);
	a.how.start = a.where.offset;
	a.how.len = a.where.len;
	if (!a.how.granule)
		a.how.granule = hugemap_size(t.mem) >= MIB(128) ?
			ctl_order_bytes(&t.info, t.info.pmd_order) : KIB(64);
	ctl_track(&t, &a.how, &tracker);
	uname(&uts);
	memset(&h, 0, sizeof(h));
	h.name = t.name;
	h.release = uts.release;
	h.start = a.how.start;
	h.len = a.how.len;
	h.unit = a.how.granule;
	h.nr = (h.len + h.unit - 1) / h.unit;
	h.level = ctl_alloc(h.nr, 1);
	memset(h.level, '-', h.nr);
	h.written = ctl_alloc(h.nr, sizeof(*h.written));
	h.page = t.info.page;
	h.pmd = ctl_order_bytes(&t.info, t.info.pmd_order);
	h.pud = ctl_order_bytes(&t.info, t.info.pud_order);
	ctl_catch_signals();
	progress_begin("watching", a.rounds * h.len);
	while (h.rounds < a.rounds && !ctl_stop) {
		uint64_t off = 0, len = 0;

		ctl_sleep(a.interval);
		look(&t, &h);
		ret = hugemap_sync(tracker, 0, NULL);
		if (ret)
			ctl_fail_err(ret, "%s: DIRTY_SYNC", t.name);
		while (hugemap_next(tracker, &off, &len))
			for (uint64_t i = 0; i < len; i += h.unit)
				h.written[(off + i - h.start) / h.unit]++;
		h.rounds++;
		progress(h.rounds * h.len);
	}
	progress_end();
	if (a.output) {
		ret = heat_svg(&h, a.output);
		if (ret)
			ctl_fail_err(ret, "%s", a.output);
	}
	if (ctl.json)
		show_json(&h);
	else
		heat_text(&h, ctl_color(), ctl_utf8());
	hugemap_untrack(tracker);
	free(h.level);
	free(h.written);
	ctl_close(&t);
	return CTL_OK;
}
