// SPDX-License-Identifier: MIT
/*
 * hugemapctl bench: what faults, prefaults and syncs cost here.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ctl.h"

static const struct argp_option options[] = {
	{ "length", 'l', "BYTES", 0, "How much to map (at most 1G)", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	return ctl_parse_where(key, arg, state, state->input);
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "TARGET",
	.doc = "Measure a region (hugemap1) or the object of 'alloc': faults, "
		"filling a mapping and dirty tracking, for each size of page. "
		"Counts are exact, times are of one run. The contents stay.",
	.children = ctl_common,
};

struct bench {
	struct ctl_target t;
	uint64_t len;
	uint64_t phys;		/* address modulo the largest page that is good */
	char *space;		/* addresses, aligned to the largest page */
	uint64_t space_len;
	char *raw;
	cJSON *top;
};

struct counts {
	uint64_t faults;	/* of all kinds */
	uint64_t mark;		/* those that marked something dirty */
};

static struct counts counts(struct bench *b)
{
	struct hugemap_stat *s;
	struct counts c;
	size_t nr;
	int ret;

	ret = hugemap_file_stats(b->t.hm, &s, &nr);
	if (ret)
		ctl_fail_err(ret, "%s: fdinfo", b->t.name);
	c = (struct counts){ .mark = hugemap_stat(s, nr, "dirty-mark") };
	/* A read-only entry that is made writable is an upgrade. */
	for (size_t i = 0; i < nr; i++)
		if (!strncmp(s[i].name, "fault-", 6) ||
		    !strncmp(s[i].name, "upgrade-", 8))
			c.faults += s[i].value;
	free(s);
	return c;
}

static struct counts since(struct bench *b, const struct counts *before)
{
	struct counts c = counts(b);

	return (struct counts){
		.faults = c.faults - before->faults, .mark = c.mark - before->mark,
	};
}

/*
 * Addresses decide: where they differ from the memory's modulo 1 GiB there are
 * no such pages, and so on. No setting of the region is touched.
 */
static char *map(struct bench *b, uint64_t shift)
{
	void *addr;
	int ret;

	ret = hugemap_map(b->t.mem, b->space + b->phys + shift, 0, b->len,
			  PROT_READ | PROT_WRITE, &addr);
	if (ret)
		ctl_fail_err(ret, "%s: mmap", b->t.name);
	return addr;
}

static void unmap(struct bench *b, char *addr)
{
	/* The addresses stay ours. */
	if (mmap(addr, b->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
		 MAP_NORESERVE, -1, 0) == MAP_FAILED)
		ctl_fail_err(-errno, "mmap");
}

static void reserve(struct bench *b)
{
	uint64_t pud = ctl_order_bytes(&b->t.info, b->t.info.pud_order);
	void *good;
	int ret;

	b->space_len = b->len + 3 * pud;
	b->raw = mmap(NULL, b->space_len, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (b->raw == MAP_FAILED)
		ctl_fail_err(-errno, "mmap");
	b->space = (char *)(((uintptr_t)b->raw + pud - 1) / pud * pud);
	ret = hugemap_map(b->t.mem, NULL, 0, b->len, PROT_READ, &good);
	if (ret)
		ctl_fail_err(ret, "%s: mmap", b->t.name);
	b->phys = (uintptr_t)good % pud;
	hugemap_unmap(good, b->len);
}

static void touch(const char *p, uint64_t len, uint64_t page)
{
	for (uint64_t i = 0; i < len; i += page)
		*(volatile const char *)(p + i);
}

static void bench_order(struct bench *b, unsigned int order, uint64_t shift,
			cJSON *array)
{
	const struct hugemap_info *i = &b->t.info;
	struct hugemap_counts pages;
	struct counts before;
	double begun, ms, warm, fill, us;
	uint64_t faults;
	cJSON *obj;
	char *p;
	int ret;

	p = map(b, shift);
	/* Once for the page tables above, and an emulator's translations. */
	touch(p, b->len, i->page);
	unmap(b, p);
	p = map(b, shift);
	before = counts(b);
	begun = ctl_now();
	touch(p, b->len, i->page);
	ms = (ctl_now() - begun) * 1e3;
	faults = since(b, &before).faults;
	begun = ctl_now();
	touch(p, b->len, i->page);
	warm = (ctl_now() - begun) * 1e3;
	unmap(b, p);
	p = map(b, shift);
	begun = ctl_now();
	ret = hugemap_prefault(b->t.mem, p, b->len, HUGEMAP_ORDER_ANY, false,
			       &pages);
	fill = (ctl_now() - begun) * 1e3;
	if (ret)
		ctl_fail_err(ret, "%s: PREFAULT", b->t.name);
	unmap(b, p);
	/* Without what reading so many pages takes by itself. */
	us = faults && ms > warm ? (ms - warm) * 1e3 / faults : 0;
	if (!ctl.json) {
		printf("%-8s %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %10" PRIu64
		       " %10.3f %10.2f %10.3f\n",
		       ctl_bytes(ctl_order_bytes(i, order)), faults, pages.pud,
		       pages.pmd, pages.pte, ms, us, fill);
		return;
	}
	obj = cJSON_CreateObject();
	cJSON_AddItemToArray(array, obj);
	json_u64(obj, "order", order);
	json_u64(obj, "faults", faults);
	json_pages(obj, "pages", &pages);
	json_ms(obj, "touch_ms", ms);
	json_ms(obj, "us_per_fault", us);
	json_ms(obj, "prefault_ms", fill);
}

static void bench_orders(struct bench *b)
{
	const struct hugemap_info *i = &b->t.info;
	cJSON *array = cJSON_AddArrayToObject(b->top, "populate");
	uint64_t pmd = ctl_order_bytes(i, i->pmd_order);

	if (!ctl.json) {
		printf("%s: %s, read once, page by page\n", b->t.name,
		       ctl_bytes(b->len));
		printf("%-8s %10s %8s %8s %10s %10s %10s %10s\n", "UP TO", "FAULTS",
		       "1G", "2M", "4K", "TOUCH/ms", "us/FAULT", "FILL/ms");
	}
	if (i->orders >> i->pud_order & 1)
		bench_order(b, i->pud_order, 0, array);
	if (i->orders >> i->pmd_order & 1)
		bench_order(b, i->pmd_order, pmd, array);
	bench_order(b, 0, i->page, array);
}

static void bench_sync(struct bench *b)
{
	uint64_t page = b->t.info.page, all = b->len / page;
	struct hugemap_track how = { .len = b->len, .granule = page };
	cJSON *array = cJSON_AddArrayToObject(b->top, "sync"), *obj;
	struct hugemap_tracker *tracker;
	struct hugemap_counts pages;
	struct hugemap_dirty d;
	char *p = map(b, 0);
	double begun;
	int ret;

	touch(p, b->len, page);
	ret = hugemap_track(b->t.mem, &how, &tracker);
	if (ret)
		ctl_fail_err(ret, "%s: DIRTY_START", b->t.name);
	if (!ctl.json)
		printf("\nwritten and synced, 4K granules\n%-8s %10s %10s %12s %10s %10s %10s\n",
		       "PAGES", "FAULTS", "MARKING", "FAULTS/PAGE", "WRITE/ms",
		       "SYNC/ms", "CLEAN/ms");
	for (uint64_t n = 1; n <= MIN(all, 4096u); n *= 16) {
		struct counts before = counts(b), f;
		double write, sync, clean;
		uint64_t faults;

		begun = ctl_now();
		for (uint64_t i = 0; i < n; i++)
			__atomic_fetch_or(p + i * (all / n) * page, 0,
					  __ATOMIC_RELAXED);
		write = (ctl_now() - begun) * 1e3;
		f = since(b, &before);
		faults = f.faults;
		begun = ctl_now();
		ret = hugemap_sync(tracker, 0, &d);
		sync = (ctl_now() - begun) * 1e3;
		if (ret)
			ctl_fail_err(ret, "%s: DIRTY_SYNC", b->t.name);
		if (d.dirty < n)
			ctl_fail(CTL_FAILED, "%s: %" PRIu64 " pages written, %" PRIu64
				 " reported", b->t.name, n, d.dirty);
		begun = ctl_now();
		ret = hugemap_sync(tracker, 0, NULL);
		clean = (ctl_now() - begun) * 1e3;
		if (ret)
			ctl_fail_err(ret, "%s: DIRTY_SYNC", b->t.name);
		if (!ctl.json) {
			printf("%-8" PRIu64 " %10" PRIu64 " %10" PRIu64
			       " %12.2f %10.3f %10.3f %10.3f\n", n, faults, f.mark,
			       (double)faults / n, write, sync, clean);
			continue;
		}
		obj = cJSON_CreateObject();
		cJSON_AddItemToArray(array, obj);
		json_u64(obj, "written", n);
		json_u64(obj, "dirty", d.dirty);
		json_u64(obj, "faults", faults);
		json_u64(obj, "marking", f.mark);
		json_ms(obj, "write_ms", write);
		json_ms(obj, "sync_ms", sync);
		json_ms(obj, "clean_sync_ms", clean);
	}
	hugemap_untrack(tracker);
	begun = ctl_now();
	ret = hugemap_promote(b->t.mem, p, b->len, NULL);
	if (!ret)
		ret = hugemap_prefault(b->t.mem, p, b->len, HUGEMAP_ORDER_ANY,
				       false, &pages);
	if (ret)
		ctl_fail_err(ret, "%s: PROMOTE", b->t.name);
	begun = (ctl_now() - begun) * 1e3;
	if (ctl.json) {
		obj = cJSON_AddObjectToObject(b->top, "promote");
		json_pages(obj, "pages", &pages);
		json_ms(obj, "ms", begun);
	} else {
		printf("\npromoted and filled again in %.3f ms: %" PRIu64 " x 1G, %"
		       PRIu64 " x 2M, %" PRIu64 " x 4K\n", begun, pages.pud,
		       pages.pmd, pages.pte);
	}
	unmap(b, p);
}

int cmd_bench(int argc, char **argv)
{
	struct ctl_where where = { .name = NULL };
	struct bench b = { .space = NULL };

	ctl_parse(&argp, argc, argv, &where);
	ctl_open_mem(&b.t, where.name, O_RDWR);
	b.len = where.len;
	if (!b.len)
		b.len = MIN(hugemap_size(b.t.mem), GIB(1));
	ctl_range(&b.t, 0, &b.len, b.t.info.page);
	reserve(&b);
	b.top = cJSON_CreateObject();
	cJSON_AddStringToObject(b.top, "target", b.t.name);
	json_u64(b.top, "length", b.len);
	bench_orders(&b);
	bench_sync(&b);
	if (ctl.json)
		json_print(b.top);
	else
		cJSON_Delete(b.top);
	munmap(b.raw, b.space_len);
	ctl_close(&b.t);
	return CTL_OK;
}
