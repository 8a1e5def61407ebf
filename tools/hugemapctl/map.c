// SPDX-License-Identifier: MIT
/*
 * hugemapctl map, hugemapctl prefault: a mapping, and what it is made of.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ctl.h"

enum { KEY_HOLD = CTL_KEY };

struct args {
	struct ctl_where where;
	unsigned int order;
	bool capped;
	bool write;
	double hold;
};

static const struct argp_option options[] = {
	CTL_RANGE_OPTIONS(0),
	{ "order", 'o', "SIZE", 0,
	  "Use no pages larger than 4K, 2M, 1G or any (any)", 0 },
	{ "write", 'w', NULL, 0,
	  "Map writable, and touch by writing what is there already", 0 },
	{ "hold", KEY_HOLD, "SECONDS", 0, "Keep the mapping so long (0)", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'o':
		a->order = ctl_order(state, arg);
		a->capped = true;
		return 0;
	case 'w':
		a->write = true;
		return 0;
	case KEY_HOLD:
		a->hold = ctl_seconds(state, "--hold", arg);
		return 0;
	default:
		return ctl_parse_where(key, arg, state, &a->where);
	}
}

static const struct argp map_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "TARGET",
	.doc = "Map a region (hugemap1) or the object of 'alloc', touch every "
		"page, and show which pages map it, what faults it took and what "
		"kept them from being larger. With --order the mapping is filled "
		"by PREFAULT, which limits the order.",
	.children = ctl_common,
};

static const struct argp prefault_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "TARGET",
	.doc = "Map a region (hugemap1) or the object of 'alloc' and fill the "
		"mapping by one call.",
	.children = ctl_common,
};

/* Contents stay as they are; a store by somebody else is not undone. */
static void touch(char *p, uint64_t len, uint64_t page, bool write)
{
	progress_begin("touching", len);
	for (uint64_t i = 0; i < len; i += page) {
		if (write)
			__atomic_fetch_or(p + i, 0, __ATOMIC_RELAXED);
		else
			*(volatile char *)(p + i);
		if (!(i & (MIB(2) - 1)))
			progress(i);
	}
	progress_end();
}

struct result {
	struct hugemap_counts pages;
	struct hugemap_stat *stats;
	size_t nr;
	double ms;
};

static uint64_t stat_of(const struct result *r, const char *what, const char *level)
{
	char name[40];

	snprintf(name, sizeof(name), "%s-%s", what, level);
	return hugemap_stat(r->stats, r->nr, name);
}

static void show_json(const struct args *a, const struct ctl_target *t,
		      const void *addr, const struct result *r)
{
	cJSON *top = cJSON_CreateObject(), *obj;
	char text[32];

	cJSON_AddStringToObject(top, "target", t->name);
	json_u64(top, "offset", a->where.offset);
	json_u64(top, "length", a->where.len);
	snprintf(text, sizeof(text), "%p", addr);
	cJSON_AddStringToObject(top, "address", text);
	cJSON_AddBoolToObject(top, "write", a->write);
	json_pages(top, "pages", &r->pages);
	obj = cJSON_AddObjectToObject(top, "faults");
	json_u64(obj, "pud", stat_of(r, "fault", "pud"));
	json_u64(obj, "pmd", stat_of(r, "fault", "pmd"));
	json_u64(obj, "pte", stat_of(r, "fault", "pte"));
	obj = cJSON_AddObjectToObject(top, "not_larger");
	for (size_t i = 0; i < r->nr; i++)
		if (!strncmp(r->stats[i].name, "fallback-", 9) && r->stats[i].value)
			json_u64(obj, r->stats[i].name + 9, r->stats[i].value);
	json_ms(top, "ms", r->ms);
	json_print(top);
}

static void show_text(const struct args *a, const struct ctl_target *t,
		      const void *addr, const struct result *r)
{
	const struct hugemap_info *i = &t->info;

	printf("%s: %s at offset %s, mapped at %p in %.3f ms\n", t->name,
	       ctl_bytes(a->where.len),
	       a->where.offset ? ctl_bytes(a->where.offset) : "0", addr, r->ms);
	printf("  %-14s %10s %10s\n", "", "entries", "faults");
	printf("  %-14s %10" PRIu64 " %10" PRIu64 "\n",
	       ctl_bytes(ctl_order_bytes(i, i->pud_order)), r->pages.pud,
	       stat_of(r, "fault", "pud"));
	printf("  %-14s %10" PRIu64 " %10" PRIu64 "\n",
	       ctl_bytes(ctl_order_bytes(i, i->pmd_order)), r->pages.pmd,
	       stat_of(r, "fault", "pmd"));
	printf("  %-14s %10" PRIu64 " %10" PRIu64 "\n", ctl_bytes(i->page),
	       r->pages.pte, stat_of(r, "fault", "pte"));
	for (size_t s = 0; s < r->nr; s++) {
		const char *name = r->stats[s].name;

		if (strncmp(name, "fallback-", 9) || !r->stats[s].value)
			continue;
		printf("  not %s: %-10s %8" PRIu64 " faults\n",
		       ctl_bytes(ctl_order_bytes(i, name[10] == 'u' ?
						 i->pud_order : i->pmd_order)),
		       name + 13, r->stats[s].value);
	}
}

static int run(const struct argp *argp, int argc, char **argv, bool fill)
{
	struct args a = { .order = HUGEMAP_ORDER_ANY };
	struct result r = { .ms = 0 };
	struct ctl_target t;
	double begun;
	void *addr;
	int ret;

	ctl_parse(argp, argc, argv, &a);
	ctl_open_mem(&t, a.where.name, a.write ? O_RDWR : O_RDONLY);
	if (a.capped && a.order != HUGEMAP_ORDER_ANY && a.order > t.info.pud_order)
		ctl_fail(CTL_USAGE, "--order: no pages of %s here",
			 ctl_bytes(ctl_order_bytes(&t.info, a.order)));
	ctl_range(&t, a.where.offset, &a.where.len, t.info.page);
	ret = hugemap_map(t.mem, NULL, a.where.offset, a.where.len,
			  PROT_READ | (a.write ? PROT_WRITE : 0), &addr);
	if (ret)
		ctl_fail_err(ret, "%s: mmap", t.name);
	begun = ctl_now();
	if (!fill && !a.capped)
		touch(addr, a.where.len, t.info.page, a.write);
	/* After touching there is nothing to fill: it counts the entries. */
	ret = hugemap_prefault(t.mem, addr, a.where.len, a.order, a.write,
			       &r.pages);
	if (ret)
		ctl_fail_err(ret, "%s: PREFAULT", t.name);
	r.ms = (ctl_now() - begun) * 1e3;
	ret = hugemap_file_stats(t.hm, &r.stats, &r.nr);
	if (ret)
		ctl_fail_err(ret, "%s: fdinfo", t.name);
	if (ctl.json)
		show_json(&a, &t, addr, &r);
	else
		show_text(&a, &t, addr, &r);
	fflush(stdout);
	ctl_catch_signals();
	ctl_sleep(a.hold);
	free(r.stats);
	hugemap_unmap(addr, a.where.len);
	ctl_close(&t);
	return CTL_OK;
}

int cmd_map(int argc, char **argv)
{
	return run(&map_argp, argc, argv, false);
}

int cmd_prefault(int argc, char **argv)
{
	return run(&prefault_argp, argc, argv, true);
}
