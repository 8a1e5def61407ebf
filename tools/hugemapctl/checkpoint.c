// SPDX-License-Identifier: MIT
/*
 * hugemapctl checkpoint, hugemapctl restore
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "ckpt.h"
#include "ctl.h"

enum { KEY_VERIFY = CTL_KEY, KEY_COMPACT, KEY_DRY_RUN, KEY_WRITABLE };

struct args {
	const char *target;
	const char *file;
	uint64_t rounds;
	double interval;
	struct hugemap_track how;
	uint64_t number;
	bool verify;
	bool compact;
	bool dry;
};

static _Noreturn void fail_file(const struct args *a, struct ckpt *c, int ret)
{
	char why[160];

	snprintf(why, sizeof(why), "%s", c->why);
	ckpt_close(c);
	if (ret == CKPT_DAMAGED)
		ctl_fail(CTL_CORRUPT, "%s: %s", a->file, why);
	if (ret == -EBUSY)
		ctl_fail(CTL_FAILED, "%s: another process uses it", a->file);
	ctl_fail_err(ret, "%s", a->file);
}

static const char *when(uint64_t seconds, char *buf, size_t size)
{
	time_t t = seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, size, "?");
	return buf;
}

/* ---- what is in a file ---- */

static int show_file(struct args *a)
{
	struct ckpt c;
	int ret, bad;
	cJSON *top, *array;
	char time[32];

	ret = ckpt_open(&c, a->file, false);
	if (ret && !(ret == CKPT_DAMAGED && c.nr))
		fail_file(a, &c, ret);
	bad = ret;
	progress_begin("verifying", c.nr ? c.all[c.nr - 1].end : 0);
	ret = ckpt_verify(&c, 0, progress);
	progress_end();
	if (ret && ret != CKPT_DAMAGED)
		fail_file(a, &c, ret);
	bad = bad ? bad : ret;
	/* Whatever can still be restored is worth knowing. */
	while (ret && --c.nr)
		ret = ckpt_verify(&c, c.nr, NULL) ? ret : 0;
	if (bad && !ctl.json)
		printf("%s: DAMAGED: %s\n", a->file, c.why);
	if (ctl.json) {
		top = cJSON_CreateObject();
		cJSON_AddStringToObject(top, "file", a->file);
		cJSON_AddStringToObject(top, "target", c.name);
		json_u64(top, "page", c.page);
		json_u64(top, "size", c.size);
		cJSON_AddBoolToObject(top, "damaged", bad);
		if (bad)
			cJSON_AddStringToObject(top, "why", c.why);
		cJSON_AddBoolToObject(top, "slot_damaged", c.slot_damaged);
		json_u64(top, "ignored", c.torn);
		array = cJSON_AddArrayToObject(top, "checkpoints");
		for (size_t i = 0; i < c.nr; i++) {
			cJSON *obj = cJSON_CreateObject();

			cJSON_AddItemToArray(array, obj);
			json_u64(obj, "number", c.all[i].seq);
			json_u64(obj, "time", c.all[i].time);
			json_u64(obj, "pages", c.all[i].pages);
			json_u64(obj, "zero", c.all[i].zero);
			json_u64(obj, "bytes", c.all[i].end - c.all[i].start);
		}
		json_print(top);
	} else {
		printf("%s: %s of %s, pages of %s\n", a->file, ctl_bytes(c.size),
		       c.name, ctl_bytes(c.page));
		printf("%10s %-20s %10s %10s %12s\n", "CHECKPOINT", "TIME (UTC)",
		       "PAGES", "ZERO", "IN THE FILE");
		for (size_t i = 0; i < c.nr; i++)
			printf("%10" PRIu64 " %-20s %10" PRIu64 " %10" PRIu64
			       " %12s\n", c.all[i].seq,
			       when(c.all[i].time, time, sizeof(time)),
			       c.all[i].pages, c.all[i].zero,
			       ctl_bytes(c.all[i].end - c.all[i].start));
		if (c.slot_damaged && !bad)
			puts("one of the two slots is damaged; the log stands in for it");
		if (c.torn)
			printf("ignored: %s of a checkpoint that was not completed\n",
			       ctl_bytes(c.torn));
		if (!bad)
			puts("all is as it was written");
		else if (c.nr)
			printf("checkpoint %zu can still be restored: restore --number %zu\n",
			       c.nr, c.nr);
	}
	ckpt_close(&c);
	return bad ? CTL_CORRUPT : CTL_OK;
}

/* The last state alone, in a new file that takes the old one's place. */
static int compact(struct args *a)
{
	uint64_t before, after;
	struct ckpt c, to;
	char *page;
	int ret;

	ret = ckpt_open(&c, a->file, true);
	if (!ret)
		ret = ckpt_index(&c, 0);
	if (ret)
		fail_file(a, &c, ret);
	before = c.all[c.nr - 1].end;
	page = ctl_alloc(1, c.page);
	ret = ckpt_create(&to, a->file, c.name, c.page, c.size);
	progress_begin("compacting", c.size);
	for (uint64_t i = 0; !ret && i < c.size / c.page; i++) {
		ret = ckpt_page(&c, i, page);
		if (ret)
			fail_file(a, &c, ret);
		ret = ckpt_add(&to, i, page);
		progress(i * c.page);
	}
	if (!ret)
		ret = ckpt_commit(&to);
	progress_end();
	if (ret)
		fail_file(a, &to, ret);
	after = to.all[0].end;
	if (ctl.json) {
		cJSON *top = cJSON_CreateObject();

		cJSON_AddStringToObject(top, "file", a->file);
		json_u64(top, "before", before);
		json_u64(top, "after", after);
		json_print(top);
	} else {
		printf("%s: %s, was %s\n", a->file, ctl_bytes(after),
		       ctl_bytes(before));
	}
	free(page);
	ckpt_close(&to);
	ckpt_close(&c);
	return CTL_OK;
}

/* ---- checkpoint ---- */

static const struct argp_option save_options[] = {
	{ "rounds", 'r', "N", 0, "So many checkpoints (1)", 0 },
	{ "interval", 'i', "SECONDS", 0, "Time between two of them (1)", 0 },
	CTL_WRITABLE_OPTION(KEY_WRITABLE, 0),
	{ "verify", KEY_VERIFY, NULL, 0,
	  "No TARGET: check every byte of FILE and list its checkpoints", 0 },
	{ "compact", KEY_COMPACT, NULL, 0,
	  "No TARGET: keep the last state only", 0 },
	{ 0 }
};

static error_t parse_save(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'r':
		a->rounds = ctl_number(state, "--rounds", arg, 1, UINT32_MAX);
		return 0;
	case 'i':
		a->interval = ctl_seconds(state, "--interval", arg);
		return 0;
	case KEY_WRITABLE:
		a->how.flags |= HUGEMAP_TRACK_WRITABLE;
		return 0;
	case KEY_VERIFY:
		a->verify = true;
		return 0;
	case KEY_COMPACT:
		a->compact = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->target)
			a->target = arg;
		else if (!a->file)
			a->file = arg;
		else
			argp_error(state, "'%s'?", arg);
		return 0;
	case ARGP_KEY_END:
		if (a->verify || a->compact) {
			if (a->verify && a->compact)
				argp_error(state, "--verify or --compact, not both");
			if (!a->target || a->file)
				argp_error(state, "which FILE, and nothing else?");
			a->file = a->target;
		} else if (!a->file) {
			argp_error(state, "which TARGET, and which FILE?");
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp save_argp = {
	.options = save_options,
	.parser = parse_save,
	.args_doc = "TARGET FILE\n--verify FILE\n--compact FILE",
	.doc = "Save a region (hugemap1) or the object of 'alloc' to FILE, which "
		"is made if it is not there. What FILE has already is not written "
		"again: the first of the --rounds compares, the others save what "
		"dirty tracking reports. A checkpoint counts when it is complete "
		"on the disk; whatever happens before, FILE is what it was.",
	.children = ctl_common,
};

struct job {
	struct args *a;
	struct ctl_target t;
	struct ckpt c;
	const char *mem;
	char *page;		/* a copy: writers go on */
	uint64_t pages;
};

static int save_page(struct job *j, uint64_t nr, bool compare)
{
	int ret;

	memcpy(j->page, j->mem + nr * j->c.page, j->c.page);
	if (compare) {
		ret = ckpt_same(&j->c, nr, j->page);
		if (ret)
			return ret < 0 ? ret : 0;
	}
	return ckpt_add(&j->c, nr, j->page);
}

static int save_all(struct job *j, bool compare)
{
	int ret = 0;

	progress_begin(compare ? "comparing" : "saving", j->c.size);
	for (uint64_t i = 0; !ret && i < j->pages; i++) {
		ret = save_page(j, i, compare);
		progress(i * j->c.page);
		if (ctl_stop)
			ret = -EINTR;
	}
	progress_end();
	return ret;
}

static int save_dirty(struct job *j, const struct hugemap_tracker *t,
		      uint64_t dirty)
{
	uint64_t off = 0, len = 0, done = 0;
	int ret = 0;

	progress_begin("saving", dirty * j->c.page);
	while (!ret && hugemap_next(t, &off, &len))
		for (uint64_t i = 0; !ret && i < len; i += j->c.page) {
			ret = save_page(j, (off + i) / j->c.page, false);
			progress(done++ * j->c.page);
		}
	progress_end();
	return ret;
}

static void show_round(const struct job *j, double ms)
{
	const struct ckpt_info *i = &j->c.all[j->c.nr - 1];

	if (ctl.json) {
		cJSON *line = cJSON_CreateObject();

		cJSON_AddStringToObject(line, "file", j->a->file);
		json_u64(line, "number", i->seq);
		json_u64(line, "pages", i->pages);
		json_u64(line, "zero", i->zero);
		json_u64(line, "of", j->pages);
		json_u64(line, "bytes", i->end - i->start);
		json_ms(line, "ms", ms);
		json_line(line);
		return;
	}
	printf("checkpoint %" PRIu64 ": %" PRIu64 " of %" PRIu64
	       " pages, %" PRIu64 " of them zero; %s in %.1f ms\n", i->seq,
	       i->pages + i->zero, j->pages, i->zero, ctl_bytes(i->end - i->start),
	       ms);
	fflush(stdout);
}

static void open_file(struct job *j, bool *old)
{
	struct args *a = j->a;
	int ret;

	*old = !access(a->file, F_OK);
	if (*old) {
		ret = ckpt_open(&j->c, a->file, true);
		if (!ret && j->c.size != hugemap_size(j->t.mem))
			ctl_fail(CTL_USAGE, "%s is of %s, and %s has %s", a->file,
				 ctl_bytes(j->c.size), a->target,
				 ctl_bytes(hugemap_size(j->t.mem)));
		if (!ret)
			ret = ckpt_index(&j->c, 0);
	} else {
		ret = ckpt_create(&j->c, a->file, a->target, j->t.info.page,
				  hugemap_size(j->t.mem));
	}
	if (ret)
		fail_file(a, &j->c, ret);
}

int cmd_checkpoint(int argc, char **argv)
{
	struct args a = { .rounds = 1, .interval = 1 };
	struct hugemap_tracker *tracker = NULL;
	struct job j = { .a = &a };
	int ret, failed = 0;
	void *addr;
	bool old;

	ctl_parse(&save_argp, argc, argv, &a);
	if (a.verify)
		return show_file(&a);
	if (a.compact)
		return compact(&a);
	ctl_open_mem(&j.t, a.target, O_RDONLY);
	ret = hugemap_map(j.t.mem, NULL, 0, 0, PROT_READ, &addr);
	if (ret)
		ctl_fail_err(ret, "%s: mmap", a.target);
	j.mem = addr;
	open_file(&j, &old);
	j.page = ctl_alloc(1, j.c.page);
	j.pages = j.c.size / j.c.page;
	a.how.granule = j.c.page;
	if (a.rounds > 1) {
		/* Before the first page is read: what is written then is next. */
		ret = hugemap_track(j.t.mem, &a.how, &tracker);
		if (ret)
			ctl_fail_err(ret, "%s: DIRTY_START", a.target);
	}
	ctl_catch_signals();
	for (uint64_t round = 0; round < a.rounds && !ctl_stop; round++) {
		struct hugemap_dirty d;
		double begun;

		if (round)
			ctl_sleep(a.interval);
		if (ctl_stop)
			break;
		begun = ctl_now();
		if (!round) {
			ret = save_all(&j, old);
		} else {
			ret = hugemap_sync(tracker, failed ? HUGEMAP_SYNC_RETRY : 0,
					   &d);
			if (ret)
				ctl_fail_err(ret, "%s: DIRTY_SYNC", a.target);
			ret = save_dirty(&j, tracker, d.dirty);
		}
		if (!ret)
			ret = ckpt_commit(&j.c);
		if (!ret) {
			failed = 0;
			show_round(&j, (ctl_now() - begun) * 1e3);
			continue;
		}
		ckpt_abort(&j.c);
		if (!round || ret == CKPT_DAMAGED || j.c.sealed)
			fail_file(&a, &j.c, ret);
		/* Perhaps there is room next time: RETRY reports it again. */
		failed = ret;
		fprintf(stderr, "hugemapctl: %s: %s; its last complete checkpoint is %zu\n",
			a.file, strerror(-ret), j.c.nr);
	}
	if (failed)
		fail_file(&a, &j.c, failed);
	hugemap_untrack(tracker);
	hugemap_unmap(addr, j.c.size);
	free(j.page);
	ckpt_close(&j.c);
	ctl_close(&j.t);
	return CTL_OK;
}

/* ---- restore ---- */

static const struct argp_option load_options[] = {
	{ "number", 'n', "N", 0, "Which checkpoint (the last)", 0 },
	{ "dry-run", KEY_DRY_RUN, NULL, 0,
	  "Write nothing, only say what would be", 0 },
	{ 0 }
};

static error_t parse_load(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'n':
		a->number = ctl_number(state, "--number", arg, 1, UINT32_MAX);
		return 0;
	case KEY_DRY_RUN:
		a->dry = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->file)
			a->file = arg;
		else if (!a->target)
			a->target = arg;
		else
			argp_error(state, "'%s'?", arg);
		return 0;
	case ARGP_KEY_END:
		if (!a->target)
			argp_error(state, "which FILE, and which TARGET?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp load_argp = {
	.options = load_options,
	.parser = parse_load,
	.args_doc = "FILE TARGET",
	.doc = "Load the last checkpoint of FILE, or another one, into a region "
		"(hugemap1) or the object of 'alloc'. All of FILE up to it is "
		"verified before the first byte is written, and what is the same "
		"already is not written.",
	.children = ctl_common,
};

int cmd_restore(int argc, char **argv)
{
	uint64_t written = 0, pages;
	struct args a = { .file = NULL };
	struct ctl_target t;
	struct ckpt c;
	char *page, *mem;
	void *addr;
	int ret;

	ctl_parse(&load_argp, argc, argv, &a);
	ret = ckpt_open(&c, a.file, false);
	/* An older one may be whole. */
	if (ret == CKPT_DAMAGED && a.number && a.number <= c.nr)
		ret = 0;
	if (ret)
		fail_file(&a, &c, ret);
	if (a.number > c.nr)
		ctl_fail(CTL_USAGE, "%s: the last checkpoint is %zu", a.file, c.nr);
	if (!a.number)
		a.number = c.nr;
	progress_begin("verifying", c.all[a.number - 1].end);
	ret = ckpt_verify(&c, a.number, progress);
	progress_end();
	if (!ret)
		ret = ckpt_index(&c, a.number);
	if (ret)
		fail_file(&a, &c, ret);
	ctl_open_mem(&t, a.target, a.dry ? O_RDONLY : O_RDWR);
	if (hugemap_size(t.mem) < c.size)
		ctl_fail(CTL_USAGE, "%s is of %s, and %s has only %s", a.file,
			 ctl_bytes(c.size), a.target,
			 ctl_bytes(hugemap_size(t.mem)));
	ret = hugemap_map(t.mem, NULL, 0, c.size,
			  PROT_READ | (a.dry ? 0 : PROT_WRITE), &addr);
	if (ret)
		ctl_fail_err(ret, "%s: mmap", a.target);
	mem = addr;
	page = ctl_alloc(1, c.page);
	pages = c.size / c.page;
	progress_begin("restoring", c.size);
	for (uint64_t i = 0; i < pages; i++) {
		ret = ckpt_page(&c, i, page);
		/* Verified a moment ago: the disk is failing now. */
		if (ret)
			fail_file(&a, &c, ret);
		if (memcmp(mem + i * c.page, page, c.page)) {
			if (!a.dry)
				memcpy(mem + i * c.page, page, c.page);
			written++;
		}
		progress(i * c.page);
	}
	progress_end();
	if (ctl.json) {
		cJSON *top = cJSON_CreateObject();

		cJSON_AddStringToObject(top, "file", a.file);
		cJSON_AddStringToObject(top, "target", a.target);
		json_u64(top, "number", a.number);
		json_u64(top, "pages", pages);
		json_u64(top, "different", written);
		cJSON_AddBoolToObject(top, "dry_run", a.dry);
		json_print(top);
	} else {
		printf("%s: checkpoint %" PRIu64 " is whole; %" PRIu64 " of %"
		       PRIu64 " pages %s\n", a.target, a.number, written, pages,
		       a.dry ? "differ" : "differed and were written");
	}
	free(page);
	hugemap_unmap(addr, c.size);
	ckpt_close(&c);
	ctl_close(&t);
	return CTL_OK;
}
