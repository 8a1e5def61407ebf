// SPDX-License-Identifier: MIT
/*
 * Every allocation and every user copy fails once.
 *
 * Each operation runs again and again, with the first thing in it that can fail
 * failing, then the second, until nothing is left to fail.  After each failure
 * the errno must be a documented one, nothing may have changed, the same must
 * work at once, and no data may be lost.
 */
#include <dirent.h>
#include <sys/eventfd.h>

#include "hm_dirty.h"
#include "hm_fault_injection.h"

/**
 * TEST: hugemap fault injection
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: driver
 * Description: Every allocation and every user copy fails once: a documented
 *	errno, no leak, the state as it was.
 *
 * SUBTEST: files
 * Description: Opening, reading and writing nodes, and the files in sysfs,
 *	debugfs and /proc.
 *
 * SUBTEST: mappings
 * Description: What system calls and ioctls do to mappings, and fork().
 *
 * SUBTEST: faults
 * Description: The first touch of memory with pages of each order, and writes
 *	that a tracker wants to know of.
 *
 * SUBTEST: dirty
 * Description: The ioctls of dirty tracking.
 *
 * SUBTEST: objects
 * Description: GEM objects and dumb buffers.
 *
 * SUBTEST: prime
 * Description: Exporting and importing dma-bufs.
 *
 * SUBTEST: no-memory
 * Description: All of the driver's allocations fail, for as long as it takes,
 *	in workers as well: what frees works all the same, what allocates fails
 *	in the end, a page fault is tried again.
 *
 * SUBTEST: bind
 * Description: Binding devices and taking them away.
 *
 * SUBTEST: pieces
 * Description: An object made of many pieces.
 *
 * SUBTEST: load
 * Description: Loading and unloading the module.
 */

IGT_TEST_DESCRIPTION("Every allocation and every user copy fails once.");

#define SEED		0x6661696c6e7468ull
#define NODE_DIR	"/sys/class/hugemap"
#define OVERRIDE	"/sys/bus/pci/devices/%s/driver_override"

/* More than any operation has: it would not end. */
#define MAX_POINTS	20000

/* ---- an operation and what it works on ---- */

/* What an injected failure may leave otherwise than it was. */
enum {
	/* Entries of mappings: filled, or to be faulted in again. */
	ENTRIES		= 1 << 0,
	/* What is mapped, as mmap() with MAP_FIXED that fails. */
	VMAS		= 1 << 1,
	/*
	 * With EFAULT it was done, but the answer did not arrive: handles,
	 * trackers and descriptors have come, a RETRY says what was dirty.
	 */
	ANSWER		= 1 << 2,
	/* What must have been seen, or the operation was not tested at all. */
	SEE_ENOMEM	= 1 << 3,
	SEE_EFAULT	= 1 << 4,
	SEE_SUCCESS	= 1 << 5,
	/* For nodes of some kinds only. */
	NEEDS_PUD	= 1 << 6,
	/* EAGAIN is as good as ENOMEM. */
	OR_EAGAIN	= 1 << 7,
	/* Takes long: not every failure, unless there is time. */
	SLOW		= 1 << 9,
	/* GEM keeps the dma-buf of an object that has a handle. */
	KEPT		= 1 << 10,
	/*
	 * So is EINVAL: what module_add_driver() (drivers/base/module.c) makes of a
	 * directory that found no memory.
	 */
	OR_EINVAL	= 1 << 11,
	/*
	 * So is EBUSY: request_region() (kernel/resource.c) gives the same answer
	 * for a range that is taken and for no memory to claim it with.
	 */
	OR_EBUSY	= 1 << 12,
	/* One mapping may have become two or three, side by side. */
	CUT		= 1 << 8 | VMAS,
};

struct ctx {
	struct hm_node *node;
	struct target t;
	uint32_t tracker;	/* of t.fd; 0: none */
	uint64_t *bits, *want;	/* its granules */
	uint64_t nr_bits;
	char *p;		/* a mapping of the operation's own */
	uint64_t len;
	char render[32], card[32], peer[32];	/* of its device, another one's */
	const char *reopen;	/* fd, which may have what nobody knows of */
	int fd, other;
	uint32_t handle;
	int64_t n;
	bool again;		/* it is run after an EFAULT */
	struct hm_levels levels;
};

struct op {
	const char *name;
	/* 0 or a negative errno; fails without a message. */
	int (*run)(struct ctx *c);
	/* Without injection: before each run, after each that succeeded. */
	void (*before)(struct ctx *c);
	void (*after)(struct ctx *c);
	unsigned int flags;
};

/* ---- what must stay as it was ---- */

struct state {
	char text[16384];
	size_t len;
};

static void add(struct state *s, const char *f, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct state *s, const char *f, ...)
{
	va_list ap;

	va_start(ap, f);
	s->len += vsnprintf(s->text + s->len, sizeof(s->text) - s->len, f, ap);
	va_end(ap);
	igt_assert_lt_u64(s->len, sizeof(s->text));
}

/* Lines of a file that begin with @prefix. */
static void add_file(struct state *s, const char *path, const char *prefix)
{
	static char buf[65536];
	char *line, *next;
	ssize_t n = __hm_read_file(path, buf, sizeof(buf));

	add(s, "%s:%s\n", path, n < 0 ? strerror(-n) : "");
	for (line = n > 0 ? buf : NULL; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (!strncmp(line, prefix, strlen(prefix)))
			add(s, " %s\n", line);
	}
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_dir(struct state *s, const char *path, const char *prefix)
{
	struct dirent **d = NULL;
	int i, n = scandir(path, &d, NULL, by_name);

	add(s, "%s:", path);
	for (i = 0; i < n; i++) {
		if (!strncmp(d[i]->d_name, prefix, strlen(prefix)))
			add(s, " %s", d[i]->d_name);
		free(d[i]);
	}
	free(d);
	add(s, "\n");
}

static int nr_fds(void)
{
	int i, n = 0;

	for (i = 0; i < 256; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void add_tracker(struct state *s, struct ctx *c)
{
	struct drm_hugemap_dirty_sync out;
	uint64_t i;

	igt_assert_eq(__hm_dirty_sync(c->t.fd, c->tracker, 0, 0,
				      DRM_HUGEMAP_SYNC_PEEK, c->bits, &out), 0);
	add(s, "dirty %llu over %llu epoch %llu", out.nr_dirty, out.nr_over,
	    out.epoch);
	for (i = 0; i < (c->nr_bits + 63) / 64; i++)
		if (c->bits[i])
			add(s, " %" PRIu64 ":%#" PRIx64, i, c->bits[i]);
	add(s, "\n");
}

static void state_of_node(struct state *s, struct ctx *c, unsigned int but)
{
	static const char *const attrs[] = {
		"size", "align", "orders", "max_order", "allow_pmd", "vma",
	};
	char path[96], val[64];
	struct drm_hugemap_query q;
	unsigned int i;

	igt_assert_eq(__hm_query_region(c->node->fd, c->node->region, &q), 0);
	add(s, "free %#llx orders %#llx vma %u features %#llx\n", q.free,
	    q.orders, q.vma_type, q.features);
	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		hm_sysfs_read(c->node, attrs[i], val, sizeof(val));
		add(s, "%s %s\n", attrs[i], val);
	}
	snprintf(path, sizeof(path), FI_DEBUGFS "/hugemap/%s/objects",
		 c->node->name);
	add_file(s, path, "");
	snprintf(path, sizeof(path), FI_DEBUGFS "/hugemap/%s/mappings",
		 c->node->name);
	if (!(but & VMAS))
		add_file(s, path, but & ENTRIES ? "pid" : "");
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", c->t.fd);
	add_file(s, path, but & KEPT ? "drm-total" : "drm-");
	if (c->tracker && !(but & ANSWER))
		add_tracker(s, c);
}

static void state(struct state *s, struct ctx *c, unsigned int but)
{
	s->len = 0;
	add(s, "%d descriptors\n", nr_fds());
	if (!(but & KEPT))
		add_file(s, "/sys/module/hugemap/refcnt", "");
	if (c->node)
		state_of_node(s, c, but);
	add_dir(s, NODE_DIR, "hugemap");
	add_dir(s, FI_DEBUGFS "/hugemap", "hugemap");
	add_dir(s, "/sys/class/drm", "");
	add_dir(s, "/dev", "hugemap");
	add_dir(s, "/dev/dri", "");
	add_dir(s, "/sys/bus/platform/devices", "hugemap");
	add_dir(s, "/sys/bus/pci/drivers", "hugemap");
	add_file(s, "/proc/devices", "");
	add_file(s, "/proc/iomem", "");
}

/* The time that the last client spent on memory always changes. */
static void drop_times(struct state *s)
{
	char *line = strstr(s->text, " drm-engine-"), *end;

	if (!line)
		return;
	end = strchr(line, '\n');
	memmove(line, end, strlen(end) + 1);
	s->len = strlen(s->text);
}

static void take_state(struct state *s, struct ctx *c, unsigned int but)
{
	state(s, c, but);
	drop_times(s);
}

/* Files are let go a moment after the last close(). */
static void same_state(struct ctx *c, const struct state *before,
		       unsigned int but, unsigned int n)
{
	static struct state now;
	const char *a, *b;
	uint64_t until = hm_now_ms() + 5000;

	do {
		take_state(&now, c, but);
		if (!strcmp(before->text, now.text))
			return;
		usleep(1000);
	} while (hm_now_ms() < until);
	for (a = before->text, b = now.text; *a && *a == *b; a++, b++)
		;
	while (a > before->text && a[-1] != '\n')
		a--, b--;
	igt_assert_f(false, "after failure %u: \"%.*s\" was \"%.*s\"\n", n,
		     (int)strcspn(b, "\n"), b, (int)strcspn(a, "\n"), a);
}

/* What came although the answer did not arrive. */
struct extra {
	uint64_t fds[4], handles, trackers;
};

static void extra_find(struct ctx *c, struct extra *e)
{
	struct drm_hugemap_gem_info info;
	uint32_t i;

	memset(e, 0, sizeof(*e));
	for (i = 0; i < 256; i++)
		if (fcntl(i, F_GETFD) >= 0)
			set_bit(e->fds, i);
	if (!c->node)
		return;
	for (i = 1; i < 64; i++) {
		if (!__hm_info(c->t.fd, i, &info))
			set_bit(&e->handles, i);
		if (!__hm_dirty_sync(c->t.fd, i, 0, 0, DRM_HUGEMAP_SYNC_PEEK,
				     NULL, NULL))
			set_bit(&e->trackers, i);
	}
}

static void extra_end(struct ctx *c, const struct extra *before)
{
	struct extra now;
	uint32_t i;

	if (c->reopen) {
		close(c->fd);
		c->fd = hm_drm_open(c->reopen);
	}
	extra_find(c, &now);
	for (i = 0; i < 256; i++)
		if (get_bit(now.fds, i) && !get_bit(before->fds, i))
			close(i);
	for (i = 1; i < 64; i++) {
		if (get_bit(&now.handles, i) && !get_bit(&before->handles, i))
			hm_close(c->t.fd, i);
		if (get_bit(&now.trackers, i) && !get_bit(&before->trackers, i))
			hm_dirty_stop(c->t.fd, i);
	}
}

/* ---- the loop ---- */

static bool one_point(const struct op *op, struct ctx *c, unsigned int n,
		      unsigned int *seen)
{
	static struct state before;
	struct extra extra = {};
	unsigned int but = op->flags;
	struct hm_levels levels;
	bool fired;
	int err;

	c->again = false;
	if (op->before)
		op->before(c);
	/* Known only when it has happened. */
	take_state(&before, c, but & ~ANSWER);
	if (but & ANSWER)
		extra_find(c, &extra);
	fi_arm(n);
	err = op->run(c);
	fired = fi_disarm();

	igt_assert_f(!err || fired, "%s without a failure: %s\n", op->name,
		     strerror(-err));
	igt_assert_f(!err || err == -ENOMEM || err == -EFAULT ||
		     (err == -EAGAIN && but & OR_EAGAIN) ||
		     (err == -EINVAL && but & OR_EINVAL) ||
		     (err == -EBUSY && but & OR_EBUSY),
		     "failure %u of %s: %s\n", n, op->name, strerror(-err));
	if (err) {
		c->again = err == -EFAULT;
		if (c->again && but & ANSWER) {
			extra_end(c, &extra);
			take_state(&before, c, but);
		}
		if (err != -EFAULT)
			but &= ~ANSWER;
		if (!(c->again && but & ANSWER))
			same_state(c, &before, but, n);
		if ((but & CUT) == CUT)
			igt_assert_f(hm_map_levels(c->node, c->p, c->len,
						   &levels),
				     "%s, failure %u: there is a hole\n",
				     op->name, n);
		seen[err == -EFAULT ? 1 : 0]++;
		err = op->run(c);
		igt_assert_f(!err, "%s after failure %u: %s\n", op->name, n,
			     strerror(-err));
	} else if (fired) {
		seen[2]++;
	}
	if (op->after)
		op->after(c);
	return fired;
}

/* What must have been seen, and was not. */
static const char *unseen(const struct op *op, const unsigned int *seen)
{
	if (op->flags & SEE_ENOMEM && !seen[0])
		return "an error of an allocation";
	if (op->flags & SEE_EFAULT && !seen[1] && fi_has("fail_usercopy"))
		return "an error of a user copy";
	if (op->flags & SEE_SUCCESS && !seen[2])
		return "a failure that does no harm";
	return NULL;
}

static void run_op(const struct op *op, struct ctx *c)
{
	unsigned int seen[3] = {}, n, nr = 0, pass = 0, step = 1;

	/* Once without: what is made only once is there, caches are filled. */
	c->again = false;
	if (op->before)
		op->before(c);
	igt_assert_eq(op->run(c), 0);
	memset(&c->levels, 0, sizeof(c->levels));
	if (op->after)
		op->after(c);

	if (op->flags & SLOW)
		step = 60 / hm_stress_times(60, 4);
	/*
	 * Caches of the allocator make it more or less by one or two from time
	 * to time, and a failure may move out of our way.
	 */
	do {
		for (n = 1 + pass; one_point(op, c, n, seen); n += step) {
			igt_assert_lt_u64(n, MAX_POINTS);
			nr++;
		}
	} while (unseen(op, seen) && ++pass < 5);
	igt_info("%s: %u failures: %u of allocations, %u of user copies, %u without effect\n",
		 op->name, nr, seen[0], seen[1], seen[2]);
	igt_assert_f(!unseen(op, seen), "%s never had %s\n", op->name,
		     unseen(op, seen));
}

/* ---- what operations work on ---- */

static struct ctx ctx_open(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct ctx c = { .node = node, .fd = -1, .other = -1 };
	struct hm_device dev;

	fi_calm();
	hm_node_device(node, &dev);
	hm_for_each_drm(drm) {
		if (!strcmp(drm->dev.name, dev.name)) {
			strcpy(c.render, drm->render);
			strcpy(c.card, drm->card);
		} else {
			strcpy(c.peer, drm->render);
		}
	}
	c.t = target_open(node, kind, 4 * hm_pmd_size(node));
	hm_fill_step(c.t.p, 0, c.t.size, HM_PAGE, SEED);
	return c;
}

static void ctx_close(struct ctx *c)
{
	hm_check_step(c->t.p, 0, c->t.size, HM_PAGE, SEED);
	if (c->tracker)
		hm_dirty_stop(c->t.fd, c->tracker);
	free(c->bits);
	free(c->want);
	target_close(&c->t);
}

static void each_op(struct ctx *c, const struct op *ops, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!(ops[i].flags & NEEDS_PUD) ||
		    (hm_has_order(c->node, c->node->q.pud_order) &&
		     c->node->size >= hm_pud_size(c->node)))
			run_op(&ops[i], c);
}

/*
 * What tells memory of one kind from another is far below most of this: without
 * much time two kinds are enough, one with struct pages and one without.
 */
static bool is_wanted(const struct hm_node *node)
{
	return hm_is_first_of_kind(node) &&
	       (getenv("HM_NODE") || hm_stress_times(60, 1) == 60 ||
		!strcmp(node->label, "system") ||
		!strcmp(node->label, "reserved"));
}

static void each_op_of(struct hm_node *node, enum hm_dirty_kind kind,
		       const struct op *ops, unsigned int nr)
{
	struct ctx c = ctx_open(node, kind);

	each_op(&c, ops, nr);
	ctx_close(&c);
}

/* ---- files ---- */

static int run_open(struct ctx *c)
{
	c->fd = open(c->node->path, O_RDWR | O_CLOEXEC);
	return c->fd < 0 ? -errno : 0;
}

static int run_open_render(struct ctx *c)
{
	c->fd = open(c->render, O_RDWR | O_CLOEXEC);
	return c->fd < 0 ? -errno : 0;
}

static int run_open_card(struct ctx *c)
{
	c->fd = open(c->card, O_RDWR | O_CLOEXEC);
	return c->fd < 0 ? -errno : 0;
}

static void after_open(struct ctx *c)
{
	close(c->fd);
	c->fd = -1;
}

static int run_query(struct ctx *c)
{
	struct drm_hugemap_query q;
	int err = __hm_query_region(c->node->fd, c->node->region, &q);

	if (!err && q.size != c->node->size)
		return -EIO;
	return err;
}

/* Much more than one page, at a place where a page begins or not. */
static char copy_buf[8 * HM_PAGE];
#define COPY_AT	(HM_PAGE / 2 + 8)

static int run_pread(struct ctx *c)
{
	memset(copy_buf, 0, sizeof(copy_buf));
	c->n = pread(c->t.fd, copy_buf, sizeof(copy_buf), COPY_AT);
	return c->n < 0 ? -errno : 0;
}

static void after_pread(struct ctx *c)
{
	igt_assert_lt_s64(0, c->n);
	igt_assert(!memcmp(copy_buf, c->t.p + COPY_AT, c->n));
}

static void before_pwrite(struct ctx *c)
{
	memcpy(copy_buf, c->t.p + COPY_AT, sizeof(copy_buf));
	for (unsigned int i = 0; i < sizeof(copy_buf); i++)
		copy_buf[i] ^= 0x5a;
}

static int run_pwrite(struct ctx *c)
{
	c->n = pwrite(c->t.fd, copy_buf, sizeof(copy_buf), COPY_AT);
	return c->n < 0 ? -errno : 0;
}

/* What was written is there, what was not is as it was. */
static void after_pwrite(struct ctx *c)
{
	unsigned int i;

	igt_assert_lt_s64(0, c->n);
	igt_assert(!memcmp(copy_buf, c->t.p + COPY_AT, c->n));
	for (i = 0; i < sizeof(copy_buf); i++)
		copy_buf[i] ^= 0x5a;
	igt_assert(!memcmp(copy_buf + c->n, c->t.p + COPY_AT + c->n,
			   sizeof(copy_buf) - c->n));
	memcpy(c->t.p + COPY_AT, copy_buf, sizeof(copy_buf));
}

static int read_all(const char *path)
{
	static char buf[65536];
	ssize_t n = __hm_read_file(path, buf, sizeof(buf));

	return n < 0 ? n : n ? 0 : -EIO;
}

static int run_debugfs(struct ctx *c, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), FI_DEBUGFS "/hugemap/%s/%s",
		 c->node->name, name);
	return read_all(path);
}

static int run_debugfs_stats(struct ctx *c)
{
	return run_debugfs(c, "stats");
}

static int run_debugfs_mappings(struct ctx *c)
{
	return run_debugfs(c, "mappings");
}

static int run_debugfs_objects(struct ctx *c)
{
	int err = run_debugfs(c, "objects");

	/* There may be none. */
	return err == -EIO ? 0 : err;
}

static int run_fdinfo(struct ctx *c)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", c->t.fd);
	return read_all(path);
}

static int run_sysfs_read(struct ctx *c)
{
	return read_all(c->node->index ? NODE_DIR "/hugemap1/orders" :
					 NODE_DIR "/hugemap0/orders");
}

static int store(struct ctx *c, const char *attr, const char *val)
{
	char path[96];

	snprintf(path, sizeof(path), NODE_DIR "/%s/%s", c->node->name, attr);
	return __hm_write_file(path, val);
}

static int run_sysfs_store(struct ctx *c)
{
	return store(c, "max_order", "0");
}

static void after_sysfs_store(struct ctx *c)
{
	igt_assert_eq_u64(hm_sysfs_read_u64(c->node, "max_order"), 0);
	igt_assert_eq(store(c, "max_order", "18"), 0);
	/* The entries are gone, what was in the memory is not. */
	hm_check_step(c->t.p, 0, c->t.size, HM_PAGE, SEED);
}

static const struct op file_ops[] = {
	{ "open", run_open, NULL, after_open, SEE_ENOMEM },
	{ "open-render", run_open_render, NULL, after_open, SEE_ENOMEM },
	{ "open-card", run_open_card, NULL, after_open, SEE_ENOMEM },
	{ "query", run_query, NULL, NULL, SEE_EFAULT },
	{ "read", run_pread, NULL, after_pread,
	  SEE_ENOMEM | SEE_EFAULT | SEE_SUCCESS },
	{ "write", run_pwrite, before_pwrite, after_pwrite,
	  SEE_ENOMEM | SEE_EFAULT | SEE_SUCCESS },
	{ "debugfs-stats", run_debugfs_stats, NULL, NULL,
	  SEE_ENOMEM | SEE_EFAULT },
	{ "debugfs-mappings", run_debugfs_mappings, NULL, NULL,
	  SEE_ENOMEM | SEE_EFAULT },
	{ "debugfs-objects", run_debugfs_objects, NULL, NULL, SEE_ENOMEM },
	{ "fdinfo", run_fdinfo, NULL, NULL, SEE_ENOMEM | SEE_EFAULT },
	{ "sysfs-read", run_sysfs_read, NULL, NULL, SEE_ENOMEM | SEE_EFAULT },
	{ "sysfs-store", run_sysfs_store, NULL, after_sysfs_store,
	  SEE_ENOMEM | SEE_EFAULT | ENTRIES },
};

/* ---- mappings ---- */

/* All of the target once more, with an address of its own. */
static void before_map(struct ctx *c)
{
	c->len = c->t.size;
	c->p = target_map(&c->t, RW);
}

static void before_map_filled(struct ctx *c)
{
	before_map(c);
	hm_check_step(c->p, 0, c->len, HM_PAGE, SEED);
}

static void before_map_small(struct ctx *c)
{
	before_map(c);
	igt_assert_eq(__hm_prefault(c->t.fd, c->p, c->len, 0, 0, NULL), 0);
	igt_assert_eq(__hm_prefault(c->t.fd, c->p, c->len, 0,
				    DRM_HUGEMAP_ORDER_ANY, NULL), 0);
}

static void after_map(struct ctx *c)
{
	hm_check_step(c->p, 0, c->len, HM_PAGE, SEED);
	hm_munmap(c->p, c->len);
}

static int run_mmap(struct ctx *c)
{
	c->len = c->t.size;
	c->p = mmap(NULL, c->len, RW, MAP_SHARED, c->t.map_fd, c->t.map_off);
	return c->p == MAP_FAILED ? -errno : 0;
}

static int run_munmap(struct ctx *c)
{
	return munmap(c->p, c->len) ? -errno : 0;
}

static int run_munmap_part(struct ctx *c)
{
	return munmap(c->p + 3 * HM_PAGE, HM_PAGE) ? -errno : 0;
}

static void after_munmap_part(struct ctx *c)
{
	hm_check_step(c->p, 0, 3 * HM_PAGE, HM_PAGE, SEED);
	hm_check_step(c->p + 4 * HM_PAGE, 4 * HM_PAGE, c->len - 4 * HM_PAGE,
		      HM_PAGE, SEED);
	hm_munmap(c->p, c->len);
}

static int run_mprotect_part(struct ctx *c)
{
	return mprotect(c->p + c->t.pmd + 3 * HM_PAGE, HM_PAGE, PROT_READ) ?
		-errno : 0;
}

static void before_mremap(struct ctx *c)
{
	void *to;

	before_map_filled(c);
	to = hm_reserve_aligned(c->len, HM_MIB(2));
	c->n = (intptr_t)to;
}

static int run_mremap(struct ctx *c)
{
	void *to = (void *)(intptr_t)c->n;

	if (mremap(c->p, c->len, c->len, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	    MAP_FAILED)
		return -errno;
	c->n = (intptr_t)c->p;
	c->p = to;
	return 0;
}

static void after_mremap(struct ctx *c)
{
	char *from = (char *)(intptr_t)c->n;
	struct hm_levels l;

	after_map(c);
	/*
	 * Without memory the old mapping stays as well (seen on 6.1,
	 * mm/mremap.c move_vma(): do_munmap() may fail).
	 */
	if (hm_map_levels(c->node, from, c->len, &l))
		hm_munmap(from, c->len);
}

static int run_fork(struct ctx *c)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	c->n = pid;
	return pid < 0 ? -errno : 0;
}

static void after_fork(struct ctx *c)
{
	int status;

	igt_assert_eq(waitpid(c->n, &status, 0), c->n);
	igt_assert_eq(status, 0);
	after_map(c);
}

static int run_prefault(struct ctx *c)
{
	return __hm_prefault(c->t.fd, c->p, c->len, DRM_HUGEMAP_PREFAULT_WRITE,
			     DRM_HUGEMAP_ORDER_ANY, NULL);
}

static int run_prefault_cap(struct ctx *c)
{
	return __hm_prefault(c->t.fd, c->p, c->len, 0, 0, NULL);
}

static void after_prefault_cap(struct ctx *c)
{
	hm_assert_levels(c->node, c->p, c->len, 0, 0, c->len / HM_PAGE);
	after_map(c);
}

/* Where the mapping went, mmap() and once more. */
static int run_promote(struct ctx *c)
{
	struct hm_levels l;
	int64_t n;

	if (c->n && !hm_map_levels(c->node, c->p, c->len, &l))
		target_map_at(&c->t, c->p, 0, c->len, RW);
	n = __hm_promote(c->t.fd, c->p, c->len);
	if (n < 0)
		c->n = n;
	return n < 0 ? n : 0;
}

static void before_promote(struct ctx *c)
{
	before_map_small(c);
	c->n = 0;
}

static const struct op mapping_ops[] = {
	{ "mmap", run_mmap, NULL, after_map, SEE_ENOMEM },
	{ "munmap", run_munmap, before_map_filled, NULL, ENTRIES },
	{ "munmap-part", run_munmap_part, before_map_filled, after_munmap_part,
	  SEE_ENOMEM | ENTRIES | CUT },
	{ "mprotect-part", run_mprotect_part, before_map_filled, after_map,
	  SEE_ENOMEM | ENTRIES | CUT },
	{ "mremap", run_mremap, before_mremap, after_mremap,
	  SEE_ENOMEM | ENTRIES },
	{ "prefault", run_prefault, before_map, after_map,
	  SEE_EFAULT | ENTRIES },
	{ "prefault-cap", run_prefault_cap, before_map_filled,
	  after_prefault_cap, SEE_ENOMEM | SEE_EFAULT | ENTRIES },
	{ "promote", run_promote, before_promote, after_map,
	  SEE_EFAULT | ENTRIES | VMAS },
};

/*
 * The kernel complains, with a stack, if there is no stack for the child: that is
 * not to fail.
 */
static const struct op fork_ops[] = {
	{ "fork", run_fork, before_map_filled, after_fork,
	  SEE_ENOMEM | ENTRIES | OR_EAGAIN },
};

static void test_mappings(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct ctx c = ctx_open(node, kind);

	each_op(&c, mapping_ops, ARRAY_SIZE(mapping_ops));
	if (fi_spare("__vmalloc_node_range_noprof")) {
		each_op(&c, fork_ops, ARRAY_SIZE(fork_ops));
		fi_spare_none();
	}
	ctx_close(&c);
}

/* ---- page faults: never an error ---- */

static void before_fault(struct ctx *c, uint64_t len, uint64_t shift)
{
	c->len = len;
	c->p = hm_mmap_shifted(c->node, 0, len, RW, shift);
}

static void before_fault_pte(struct ctx *c)
{
	before_fault(c, c->t.pmd, HM_PAGE);
}

static void before_fault_pmd(struct ctx *c)
{
	before_fault(c, 2 * c->t.pmd, c->t.pmd);
}

static void before_fault_pud(struct ctx *c)
{
	before_fault(c, c->t.pud, 0);
}

static int run_touch(struct ctx *c)
{
	*(volatile uint64_t *)(c->p + HM_PAGE) = hm_pattern(HM_PAGE, SEED);
	return 0;
}

/* The same entries as without a failure, and the same data. */
static void after_fault(struct ctx *c)
{
	struct hm_levels now;

	igt_assert(hm_map_levels(c->node, c->p, c->len, &now));
	if (!c->levels.mapped)
		c->levels = now;
	igt_assert_eq_u64(now.pud, c->levels.pud);
	igt_assert_eq_u64(now.pmd, c->levels.pmd);
	igt_assert_eq_u64(now.pte, c->levels.pte);
	igt_assert_eq_u64(now.rw, c->levels.rw);
	hm_check_step(c->p, 0, c->t.size < c->len ? c->t.size : c->len, HM_PAGE,
		      SEED);
	hm_munmap(c->p, c->len);
}

static const struct op fault_ops[] = {
	{ "pte", run_touch, before_fault_pte, after_fault,
	  SEE_SUCCESS | ENTRIES },
	{ "pmd", run_touch, before_fault_pmd, after_fault,
	  SEE_SUCCESS | ENTRIES },
	/* Takes no memory, if the page tables above are there. */
	{ "pud", run_touch, before_fault_pud, after_fault,
	  ENTRIES | NEEDS_PUD },
};

/* ---- dirty tracking ---- */

static const uint64_t dirty_pages[] = { 1, 700, 1500 };

static void ctx_track(struct ctx *c)
{
	c->tracker = hm_dirty_start(c->t.fd, c->t.handle, 0, c->t.size, HM_PAGE,
				    0);
	c->nr_bits = nr_granules(c->t.size, HM_PAGE);
	c->bits = new_bits(c->nr_bits);
	c->want = new_bits(c->nr_bits);
}

/* The same as is there: what is checked stays. */
static void dirty_page(char *p, uint64_t page)
{
	*(volatile uint64_t *)(p + page * HM_PAGE) =
		hm_pattern(page * HM_PAGE, SEED);
}

static void before_tracked_write(struct ctx *c)
{
	before_map(c);
	/* Nothing is known of before, not even for a RETRY. */
	hm_dirty_sync(c->t.fd, c->tracker, 0, 0, 0, NULL);
	hm_dirty_sync(c->t.fd, c->tracker, 0, 0, 0, NULL);
	hm_check_step(c->p, 0, c->len, HM_PAGE, SEED);
}

static int run_tracked_write(struct ctx *c)
{
	dirty_page(c->p, 5);
	return 0;
}

static void check_dirty(struct ctx *c, unsigned int flags)
{
	hm_dirty_sync(c->t.fd, c->tracker, 0, 0, flags, c->bits);
	assert_bits(c->bits, c->want, c->nr_bits);
}

static void want_pages(struct ctx *c, const uint64_t *pages, unsigned int nr)
{
	memset(c->want, 0, (c->nr_bits + 63) / 64 * 8);
	for (unsigned int i = 0; i < nr; i++)
		set_bit(c->want, pages[i]);
}

static void after_tracked_write(struct ctx *c)
{
	static const uint64_t page = 5;

	want_pages(c, &page, 1);
	check_dirty(c, 0);
	after_map(c);
}

static const struct op tracked_ops[] = {
	{ "tracked-write", run_tracked_write, before_tracked_write,
	  after_tracked_write, SEE_SUCCESS | ENTRIES },
};

static void before_sync(struct ctx *c)
{
	unsigned int i;

	hm_dirty_sync(c->t.fd, c->tracker, 0, 0, 0, NULL);
	hm_dirty_sync(c->t.fd, c->tracker, 0, 0, 0, NULL);
	for (i = 0; i < ARRAY_SIZE(dirty_pages); i++)
		dirty_page(c->t.p, dirty_pages[i]);
	want_pages(c, dirty_pages, ARRAY_SIZE(dirty_pages));
	memset(c->bits, 0xff, (c->nr_bits + 63) / 64 * 8);
}

static int run_sync(struct ctx *c)
{
	return __hm_dirty_sync(c->t.fd, c->tracker, 0, 0,
			       c->again ? DRM_HUGEMAP_SYNC_RETRY : 0, c->bits,
			       NULL);
}

static void after_sync(struct ctx *c)
{
	assert_bits(c->bits, c->want, c->nr_bits);
	want_pages(c, NULL, 0);
	check_dirty(c, 0);
}

static int run_peek(struct ctx *c)
{
	return __hm_dirty_sync(c->t.fd, c->tracker, 0, 0,
			       DRM_HUGEMAP_SYNC_PEEK, c->bits, NULL);
}

static void after_peek(struct ctx *c)
{
	assert_bits(c->bits, c->want, c->nr_bits);
	check_dirty(c, 0);
}

static int run_clear(struct ctx *c)
{
	static uint64_t only[64];

	memset(only, 0, sizeof(only));
	set_bit(only, dirty_pages[0]);
	return __hm_dirty_clear(c->t.fd, c->tracker, 0, 0, only);
}

static void after_clear(struct ctx *c)
{
	want_pages(c, dirty_pages + 1, ARRAY_SIZE(dirty_pages) - 1);
	check_dirty(c, 0);
}

static struct drm_hugemap_rect rects[16];

static int run_rects(struct ctx *c)
{
	struct drm_hugemap_dirty_rects args = {
		.tracker = c->tracker,
		.flags = c->again ? DRM_HUGEMAP_SYNC_RETRY : 0,
		/* A line is a page. */
		.pitch = HM_PAGE,
		.width = HM_PAGE / 4,
		.height = c->t.size / HM_PAGE,
		.cpp = 4,
		.rects = (uintptr_t)rects,
		.max_rects = ARRAY_SIZE(rects),
	};
	int err = __hm_dirty_rects(c->t.fd, &args);

	c->n = args.nr_rects;
	return err;
}

static void after_rects(struct ctx *c)
{
	unsigned int i;

	igt_assert_eq(c->n, ARRAY_SIZE(dirty_pages));
	for (i = 0; i < ARRAY_SIZE(dirty_pages); i++) {
		igt_assert_eq_u64(rects[i].y1, dirty_pages[i]);
		igt_assert_eq_u64(rects[i].y2, dirty_pages[i] + 1);
	}
	want_pages(c, NULL, 0);
	check_dirty(c, 0);
}

static int run_start(struct ctx *c)
{
	struct drm_hugemap_dirty_start args = {
		.handle = c->t.handle,
		.len = c->t.size,
		.granule = HM_PAGE,
		.flags = DRM_HUGEMAP_DIRTY_ADAPTIVE,
		.max_over = 1000,
		.notify = 1,
		.eventfd = c->other,
	};
	int err = __hm_dirty_start(c->t.fd, &args);

	c->handle = args.tracker;
	return err;
}

/* It works, and there is room for all that an object may have. */
static void after_start(struct ctx *c)
{
	uint32_t more[62];
	unsigned int i;

	dirty_page(c->t.p, 9);
	igt_assert_eq_u64(hm_dirty_sync(c->t.fd, c->handle, 0, 0, 0, NULL), 1);
	for (i = 0; i < ARRAY_SIZE(more); i++)
		more[i] = hm_dirty_start(c->t.fd, c->t.handle, 0, c->t.size,
					 c->t.pmd, 0);
	for (i = 0; i < ARRAY_SIZE(more); i++)
		hm_dirty_stop(c->t.fd, more[i]);
	hm_dirty_stop(c->t.fd, c->handle);
}

static void before_stop(struct ctx *c)
{
	c->handle = hm_dirty_start(c->t.fd, c->t.handle, 0, c->t.size, HM_PAGE,
				   0);
}

static int run_stop(struct ctx *c)
{
	return __hm_dirty_stop(c->t.fd, c->handle);
}

static const struct op dirty_ops[] = {
	{ "start", run_start, NULL, after_start,
	  SEE_ENOMEM | SEE_EFAULT | ENTRIES | ANSWER },
	/* What is large comes from vmalloc() if kmalloc() has nothing. */
	{ "sync", run_sync, before_sync, after_sync,
	  SEE_SUCCESS | SEE_EFAULT | ENTRIES | ANSWER },
	{ "sync-peek", run_peek, before_sync, after_peek,
	  SEE_SUCCESS | SEE_EFAULT },
	{ "clear", run_clear, before_sync, after_clear,
	  SEE_ENOMEM | SEE_EFAULT },
	{ "rects", run_rects, before_sync, after_rects,
	  SEE_ENOMEM | SEE_EFAULT | ENTRIES | ANSWER },
	{ "stop", run_stop, before_stop, NULL, SEE_EFAULT | ENTRIES },
};

static void test_dirty(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct ctx c = ctx_open(node, kind);

	c.other = eventfd(0, EFD_CLOEXEC);
	igt_assert_fd(c.other);
	ctx_track(&c);
	each_op(&c, dirty_ops, ARRAY_SIZE(dirty_ops));
	close(c.other);
	ctx_close(&c);
}

static void test_faults(struct hm_node *node, enum hm_dirty_kind kind)
{
	struct ctx c = ctx_open(node, kind);

	if (kind == WINDOW)
		each_op(&c, fault_ops, ARRAY_SIZE(fault_ops));
	ctx_track(&c);
	each_op(&c, tracked_ops, ARRAY_SIZE(tracked_ops));
	ctx_close(&c);
}

/* ---- objects ---- */

static int run_create(struct ctx *c)
{
	return __hm_create_in(c->t.fd, c->node->region, 2 * c->t.pmd + HM_PAGE,
			      0, DRM_HUGEMAP_ORDER_ANY, &c->handle);
}

static void after_create(struct ctx *c)
{
	uint64_t size = 2 * c->t.pmd + HM_PAGE;
	char *p = hm_bo_mmap(c->t.fd, c->handle, 0, size, RW);

	hm_check_zero(p, 0, size, HM_PAGE);
	hm_fill_step(p, 0, size, HM_PAGE, ~SEED);
	hm_munmap(p, size);
	hm_close(c->t.fd, c->handle);
}

static int run_info(struct ctx *c)
{
	struct drm_hugemap_gem_info info;

	return __hm_info(c->t.fd, c->t.handle, &info);
}

static int run_mmap_offset(struct ctx *c)
{
	uint64_t off;
	int err = __hm_mmap_offset(c->t.fd, c->t.handle, &off);

	return !err && off != c->t.map_off ? -EIO : err;
}

static void before_gem_close(struct ctx *c)
{
	c->handle = hm_create(c->t.fd, c->node, c->t.pmd);
}

static int run_gem_close(struct ctx *c)
{
	return __hm_close(c->t.fd, c->handle);
}

/* Dumb buffers are for the primary node. */
static void before_dumb(struct ctx *c)
{
	c->fd = hm_drm_open(c->card);
	c->reopen = c->card;
}

static int run_dumb(struct ctx *c)
{
	uint64_t size;
	uint32_t pitch;

	return __hm_dumb_create(c->fd, 512, 512, 32, &c->handle, &pitch, &size);
}

static void after_dumb(struct ctx *c)
{
	igt_assert_eq(__hm_dumb_destroy(c->fd, c->handle), 0);
	after_open(c);
	c->reopen = NULL;
}

static const struct op object_ops[] = {
	{ "create", run_create, NULL, after_create,
	  SEE_ENOMEM | SEE_EFAULT | ANSWER },
	{ "info", run_info, NULL, NULL, SEE_EFAULT },
	{ "mmap-offset", run_mmap_offset, NULL, NULL, SEE_EFAULT },
	{ "gem-close", run_gem_close, before_gem_close, NULL, SEE_EFAULT },
	{ "dumb", run_dumb, before_dumb, after_dumb,
	  SEE_ENOMEM | SEE_EFAULT | ANSWER },
};

/* ---- dma-bufs ---- */

static void before_export(struct ctx *c)
{
	char *p;

	c->handle = hm_create(c->t.fd, c->node, c->t.pmd);
	p = hm_bo_mmap(c->t.fd, c->handle, 0, c->t.pmd, RW);
	hm_fill_step(p, 0, c->t.pmd, HM_PAGE, SEED);
	hm_munmap(p, c->t.pmd);
}

static int run_export(struct ctx *c)
{
	c->fd = __hm_export(c->t.fd, c->handle, DRM_RDWR | DRM_CLOEXEC);
	return c->fd < 0 ? c->fd : 0;
}

static void check_dmabuf(struct ctx *c)
{
	char *p = hm_dmabuf_mmap(c->fd, 0, c->t.pmd, PROT_READ);

	hm_check_step(p, 0, c->t.pmd, HM_PAGE, SEED);
	hm_munmap(p, c->t.pmd);
}

static void after_export(struct ctx *c)
{
	check_dmabuf(c);
	hm_close(c->t.fd, c->handle);
	after_open(c);
}

static void before_export_again(struct ctx *c)
{
	before_export(c);
	igt_assert_eq(run_export(c), 0);
	after_open(c);
}

/* Into a client of its own: its handles go with it. */
static void before_import(struct ctx *c)
{
	before_export(c);
	igt_assert_eq(run_export(c), 0);
	c->other = hm_render_open(c->node);
}

static int run_import(struct ctx *c)
{
	uint32_t handle;

	return __hm_import(c->other, c->fd, &handle);
}

static void after_import(struct ctx *c)
{
	close(c->other);
	c->other = -1;
	after_export(c);
}

/* Into another device of ours, which asks for peer-to-peer memory. */
static void before_import_peer(struct ctx *c)
{
	before_export(c);
	igt_assert_eq(run_export(c), 0);
	c->other = hm_drm_open(c->peer);
}

/* Into vgem, which wants struct pages. */
static void before_import_vgem(struct ctx *c)
{
	before_export(c);
	igt_assert_eq(run_export(c), 0);
	c->other = igt_hugemap_require_vgem();
}

/* What vgem made, into ours. */
static void before_import_foreign(struct ctx *c)
{
	int vgem = igt_hugemap_require_vgem();
	uint32_t handle, pitch;
	uint64_t size;

	/* Few pages: vgem allocates each when it is imported. */
	igt_assert_eq(__hm_dumb_create(vgem, 64, 64, 32, &handle, &pitch,
				       &size), 0);
	c->fd = hm_export(vgem, handle);
	close(vgem);
	c->other = hm_render_open(c->node);
}

static void after_import_foreign(struct ctx *c)
{
	close(c->other);
	c->other = -1;
	after_open(c);
}

static const struct op prime_ops[] = {
	{ "export", run_export, before_export, after_export,
	  SEE_ENOMEM | SEE_EFAULT | ANSWER | KEPT },
	{ "export-again", run_export, before_export_again, after_export,
	  SEE_EFAULT | ANSWER },
	{ "import", run_import, before_import, after_import,
	  SEE_ENOMEM | SEE_EFAULT | ANSWER },
	{ "import-foreign", run_import, before_import_foreign,
	  after_import_foreign, SEE_ENOMEM | SEE_EFAULT | ANSWER },
};

static const struct op prime_peer_ops[] = {
	{ "import-peer", run_import, before_import_peer, after_import,
	  SEE_ENOMEM | SEE_EFAULT | ANSWER },
};

static const struct op prime_vgem_ops[] = {
	{ "import-vgem", run_import, before_import_vgem, after_import,
	  SEE_ENOMEM | SEE_EFAULT | ANSWER },
};

static void test_prime(struct hm_node *node)
{
	struct ctx c = ctx_open(node, OBJECT);

	each_op(&c, prime_ops, ARRAY_SIZE(prime_ops));
	/* Memory of a BAR is for devices behind the same bridge. */
	if (c.peer[0] && node->q.type == DRM_HUGEMAP_REGION_RESERVED)
		each_op(&c, prime_peer_ops, ARRAY_SIZE(prime_peer_ops));
	if (node->q.type == DRM_HUGEMAP_REGION_SYSTEM)
		each_op(&c, prime_vgem_ops, ARRAY_SIZE(prime_vgem_ops));
	ctx_close(&c);
}

/* ---- nothing of ours gets any memory ---- */

#define ALL_CAPS	2	/* not user copies: the test itself wants those */
#define ENOUGH		100000

static void stop_all_at_exit(int sig)
{
	(void)sig;
	fi_all_stop();
}

/* A fault of ours that finds no memory is tried again: without end. */
static void no_memory_faults(struct hm_node *node)
{
	struct ctx c;

	igt_require_stacks();
	c = ctx_open(node, WINDOW);
	before_fault_pte(&c);
	/* More than the driver tries by itself. */
	fi_all_start(ALL_CAPS, 50);
	run_touch(&c);
	igt_assert_lt_u64(16, fi_all_count(ALL_CAPS, 50));
	fi_all_stop();
	after_fault(&c);

	/* Here there is someone to tell. */
	before_map(&c);
	fi_all_start(ALL_CAPS, ENOUGH);
	igt_assert_eq(__hm_prefault(c.t.fd, c.p, c.len, 0, 0, NULL), -ENOMEM);
	fi_all_stop();
	igt_assert_eq(__hm_prefault(c.t.fd, c.p, c.len, 0, 0, NULL), 0);
	after_prefault_cap(&c);
	ctx_close(&c);
}

/* Whatever frees something needs nothing for it. */
static void no_memory_teardown(struct hm_node *region)
{
	int dmabuf, importer;
	struct hm_client c;
	uint32_t h, other = 0, t, t2;
	unsigned int n;
	char *p, *q;

	igt_require_stacks();
	fi_calm();
	c = hm_client_open(region);
	h = hm_create(c.fd, region, 4 * c.pmd);
	p = hm_bo_mmap(c.fd, h, 0, 4 * c.pmd, RW);
	dmabuf = hm_export(c.fd, h);
	importer = hm_render_open(region);
	hm_fill_step(p, 0, 4 * c.pmd, HM_PAGE, SEED);
	t = hm_dirty_start(c.fd, h, 0, 0, HM_PAGE, 0);
	t2 = hm_dirty_start(c.fd, h, 0, 0, c.pmd, 0);
	hm_fill_step(p, 0, 4 * c.pmd, c.pmd, SEED);
	hm_import(importer, dmabuf);
	q = hm_dmabuf_mmap(dmabuf, 0, 4 * c.pmd, RW);
	hm_check_step(q, 0, 4 * c.pmd, HM_PAGE, SEED);

	fi_all_start(ALL_CAPS, ENOUGH);
	igt_assert_eq(__hm_create_in(c.fd, region->region, c.pmd, 0,
				     DRM_HUGEMAP_ORDER_ANY, &other), -ENOMEM);
	igt_assert_eq(__hm_dirty_sync(c.fd, t, 0, 0, 0, NULL, NULL), -ENOMEM);
	igt_assert_eq(__hm_dirty_stop(c.fd, t), 0);
	igt_assert_eq(munmap(q, 4 * c.pmd), 0);
	igt_assert_eq(close(dmabuf), 0);
	igt_assert_eq(__hm_close(c.fd, h), 0);
	igt_assert_eq(close(importer), 0);
	igt_assert_eq(munmap(p, 4 * c.pmd), 0);
	/* The other tracker keeps the object until here. */
	(void)t2;
	igt_assert_eq(close(c.fd), 0);
	/* A worker clears it. */
	hm_assert_free(region, c.free);
	n = fi_all_count(ALL_CAPS, ENOUGH);
	fi_all_stop();
	igt_assert_lt_u64(1, n);
	igt_info("%u allocations failed\n", n);
}

/* ---- devices that come and go ---- */

static struct hm_device device;

static int run_bind(struct ctx *c)
{
	(void)c;
	return __hm_device_bind(&device);
}

static void before_bind(struct ctx *c)
{
	(void)c;
	igt_assert_eq(__hm_device_unbind(&device), 0);
}

/* All of its regions are there and work. */
static void after_bind(struct ctx *c)
{
	char dir[160], path[320], word[8] = "bound", got[8];
	struct dirent *d;
	int nr = 0, fd;
	DIR *f;

	(void)c;
	snprintf(dir, sizeof(dir), "/sys/bus/%s/devices/%s/hugemap", device.bus,
		 device.name);
	f = opendir(dir);
	igt_assert_f(f, "%s: %m\n", dir);
	while ((d = readdir(f))) {
		if (strncmp(d->d_name, "hugemap", 7))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", d->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		igt_assert_f(fd >= 0, "%s: %m\n", path);
		igt_assert_eq(pwrite(fd, word, 8, HM_PAGE - 4), 8);
		igt_assert_eq(pread(fd, got, 8, HM_PAGE - 4), 8);
		igt_assert(!memcmp(word, got, 8));
		close(fd);
		nr++;
	}
	closedir(f);
	igt_assert_lt(0, nr);
}

static int run_unbind(struct ctx *c)
{
	(void)c;
	return __hm_device_unbind(&device);
}

static void after_unbind(struct ctx *c)
{
	igt_assert_eq(__hm_device_bind(&device), 0);
	after_bind(c);
}

static const struct op bind_ops[] = {
	{ "bind", run_bind, before_bind, after_bind,
	  SEE_ENOMEM | OR_EBUSY | SLOW },
	{ "unbind", run_unbind, NULL, after_unbind, SEE_ENOMEM | SLOW },
};

/* ---- the module ---- */

static char params_before[4096], params_small[256], params_pages[256];
static bool loaded_otherwise;

/*
 * "reserved:SIZE@BASE", the first and the second of what the module has, with
 * struct pages or without.
 */
static void small_params(char params[256], bool pages)
{
	const char *p = params_before;
	unsigned int i;
	size_t n;

	n = snprintf(params, 256, "region=system:32M");
	for (i = 0; i < 2; i++) {
		const char *at;

		p = strstr(p, "reserved:");
		at = p ? strchr(p, '@') : NULL;
		if (!at)
			break;
		p = at;
		n += snprintf(params + n, 256 - n, ",reserved:32M@%.*s%s",
			      (int)strcspn(at + 1, ":, "), at + 1,
			      i && pages ? ":pages=on" : "");
	}
}

static void unload(void)
{
	hm_nodes_close();
	hm_drm_close();
	igt_assert_eq(__hm_module_unload(), 0);
	loaded_otherwise = true;
}

/* Functions of PCI that the driver is not to find when it is loaded. */
static struct hm_device functions[HM_MAX_NODES];
static int nr_functions;

static void override(const char *driver)
{
	char path[128];
	int i, n;

	for (i = 0; i < nr_functions; i++) {
		n = snprintf(path, sizeof(path), OVERRIDE, functions[i].name);
		igt_assert_lt(n, (int)sizeof(path));
		__hm_write_file(path, driver);
	}
}

/* With regions that are soon made. */
static void load_small(const char *params)
{
	if (!nr_functions)
		hm_for_each_drm(drm)
			if (!strcmp(drm->dev.bus, "pci"))
				functions[nr_functions++] = drm->dev;
	unload();
	override("none");
	igt_assert_eq(__hm_module_load(params), 0);
}

static void put_back(int sig)
{
	(void)sig;
	fi_all_stop();
	if (!loaded_otherwise)
		return;
	hm_nodes_close();
	hm_drm_close();
	override("\n");
	if (hm_module_loaded())
		__hm_module_unload();
	__hm_module_load(params_before);
	loaded_otherwise = false;
}

/*
 * drm_minor_alloc() puts an error pointer as if it were a device when
 * drm_sysfs_minor_alloc() fails (drm_drv.c, seen on 6.1 and 7.3).
 */
static void igt_require_drm_spared(void)
{
	fi_calm();
	igt_require_f(fi_spare("drm_sysfs_minor_alloc"),
		      "DRM crashes if drm_sysfs_minor_alloc() fails, and this kernel cannot spare it\n");
}

static void test_bind(void)
{
	static struct hm_device all[HM_MAX_NODES];
	static char label[HM_MAX_NODES][32];
	int nr = 0, i;

	hm_for_each_drm(drm) {
		all[nr] = drm->dev;
		snprintf(label[nr++], sizeof(label[0]), "%s", drm->label);
	}
	for (i = 0; i < nr; i++) {
		igt_dynamic_f("%s", label[i]) {
			struct ctx c = { .fd = -1, .other = -1 };

			igt_require_drm_spared();
			/* The command line's are large. */
			if (!strcmp(all[i].bus, "platform"))
				load_small(params_small);
			else
				put_back(0);
			hm_drm_close();
			hm_nodes_close();
			device = all[i];
			each_op(&c, bind_ops, ARRAY_SIZE(bind_ops));
			fi_calm();
		}
	}
	/* add_pages() (arch/x86/mm/init_64.c) warns if it finds no memory. */
	igt_dynamic("struct-pages") {
		struct ctx c = { .fd = -1, .other = -1 };

		fi_calm();
		igt_require_f(fi_spare("add_pages") && fi_only("memremap_pages"),
			      "this kernel cannot tell what is below memremap_pages()\n");
		load_small(params_pages);
		for (i = 0; i < nr && strcmp(all[i].bus, "platform"); i++)
			;
		igt_require_f(i < nr, "no regions but those of PCI\n");
		device = all[i];
		hm_drm_close();
		hm_nodes_close();
		run_op(&bind_ops[0], &c);
		fi_calm();
	}
}

/* ---- an object of many pieces ---- */

static uint32_t holes[64];

static int run_create_pieces(struct ctx *c)
{
	return __hm_create_in(c->t.fd, c->node->region, 4 * c->t.pmd, 0,
			      DRM_HUGEMAP_ORDER_ANY, &c->handle);
}

static void after_create_pieces(struct ctx *c)
{
	struct drm_hugemap_gem_info info;
	char *p = hm_bo_mmap(c->t.fd, c->handle, 0, 4 * c->t.pmd, RW);

	hm_info(c->t.fd, c->handle, &info);
	igt_assert_eq(info.nr_extents, 4);
	hm_check_zero(p, 0, 4 * c->t.pmd, HM_PAGE);
	hm_fill_step(p, 0, 4 * c->t.pmd, HM_PAGE, ~SEED);
	hm_munmap(p, 4 * c->t.pmd);
	hm_close(c->t.fd, c->handle);
}

static const struct op pieces_op = {
	"create-pieces", run_create_pieces, NULL, after_create_pieces,
	SEE_ENOMEM | SEE_EFAULT | ANSWER
};

static void test_pieces(struct hm_node *region)
{
	struct ctx c;
	unsigned int i, nr = 0;

	c = ctx_open(region, OBJECT);
	while (nr < ARRAY_SIZE(holes) && hm_free(region) >= c.t.pmd)
		holes[nr++] = hm_create(c.t.fd, region, c.t.pmd);
	igt_assert_lt_u64(8, nr);
	for (i = 0; i < 8; i += 2)
		hm_close(c.t.fd, holes[i]);
	run_op(&pieces_op, &c);
	ctx_close(&c);
}

/* ---- loading and unloading ---- */

static int run_load(struct ctx *c)
{
	(void)c;
	return __hm_module_load(params_small);
}

static void after_load(struct ctx *c)
{
	int nr = 0;

	(void)c;
	hm_for_each_node(node)
		nr++;
	igt_assert_lt(0, nr);
	unload();
}

static void before_unload(struct ctx *c)
{
	(void)c;
	if (!hm_module_loaded())
		igt_assert_eq(__hm_module_load(params_small), 0);
}

static int run_unload(struct ctx *c)
{
	(void)c;
	return __hm_module_unload();
}

static const struct op load_op = {
	"load", run_load, NULL, after_load, SEE_ENOMEM | OR_EINVAL | OR_EBUSY | SLOW
};

static const struct op unload_op = {
	"unload", run_unload, before_unload, NULL, SLOW
};

static void test_load(void)
{
	struct ctx c = { .fd = -1, .other = -1 };

	igt_require_drm_spared();
	load_small(params_small);
	unload();
	/* Not what the kernel does before: tracing warns if it has no memory. */
	igt_assert(fi_only("do_init_module"));
	run_op(&load_op, &c);
	fi_calm();
	run_op(&unload_op, &c);
	igt_assert_eq(__hm_module_load(params_small), 0);
}

/* ---- all of it ---- */

int igt_main()
{
	igt_fixture() {
		igt_require_fault_injection();
		igt_install_exit_handler(stop_all_at_exit);
		hm_module_params(params_before, sizeof(params_before));
		small_params(params_small, false);
		small_params(params_pages, true);
	}

	igt_describe("Opening, reading and writing nodes, and the files in sysfs, debugfs and /proc.");
	igt_subtest_with_dynamic("files") {
		igt_hugemap_require_drm();
		hm_for_each_node(node)
			if (is_wanted(node))
				igt_dynamic_f("%s", node->label)
					each_op_of(node, WINDOW, file_ops,
						   ARRAY_SIZE(file_ops));
	}

	igt_describe("What system calls and ioctls do to mappings, and fork().");
	igt_subtest_with_dynamic("mappings") {
		hm_for_each_node(node)
			if (is_wanted(node))
				igt_dynamic_f("%s-window", node->label)
					test_mappings(node, WINDOW);
		hm_for_each_region(region)
			if (is_wanted(region))
				igt_dynamic_f("%s-object", region->label)
					test_mappings(region, OBJECT);
	}

	igt_describe("The first touch of memory with pages of each order, and writes that a tracker wants to know of.");
	igt_subtest_with_dynamic("faults") {
		hm_for_each_node(node)
			if (is_wanted(node))
				igt_dynamic_f("%s-window", node->label)
					test_faults(node, WINDOW);
		hm_for_each_region(region)
			if (is_wanted(region))
				igt_dynamic_f("%s-dmabuf", region->label)
					test_faults(region, DMABUF);
	}

	igt_describe("The ioctls of dirty tracking.");
	igt_subtest_with_dynamic("dirty") {
		hm_for_each_node(node)
			if (is_wanted(node))
				igt_dynamic_f("%s-window", node->label)
					test_dirty(node, WINDOW);
		hm_for_each_region(region)
			if (is_wanted(region))
				igt_dynamic_f("%s-object", region->label)
					test_dirty(region, OBJECT);
	}

	igt_describe("GEM objects and dumb buffers.");
	igt_subtest_with_dynamic("objects")
		hm_for_each_region(region)
			if (is_wanted(region))
				igt_dynamic_f("%s", region->label)
					each_op_of(region, OBJECT, object_ops,
						   ARRAY_SIZE(object_ops));

	igt_describe("Exporting and importing dma-bufs.");
	igt_subtest_with_dynamic("prime")
		hm_for_each_region(region)
			if (is_wanted(region))
				igt_dynamic_f("%s", region->label)
					test_prime(region);

	igt_describe("All of the driver's allocations fail, for as long as it takes, in workers as well: what frees works all the same, what allocates fails in the end, a page fault is tried again.");
	igt_subtest_with_dynamic("no-memory") {
		hm_for_each_node(node)
			if (is_wanted(node))
				igt_dynamic_f("faults-%s", node->label)
					no_memory_faults(node);
		hm_for_each_region(region)
			if (is_wanted(region))
				igt_dynamic_f("teardown-%s", region->label)
					no_memory_teardown(region);
	}

	igt_subtest_group() {
		igt_fixture()
			igt_install_exit_handler(put_back);

		igt_describe("Binding devices and taking them away.");
		igt_subtest_with_dynamic("bind")
			test_bind();

		igt_describe("An object made of many pieces.");
		igt_subtest_with_dynamic("pieces") {
			hm_nodes_close();
			load_small(params_pages);
			hm_for_each_region(region)
				if (region->size <= HM_MIB(32))
					igt_dynamic_f("%s", region->label)
						test_pieces(region);
		}

		igt_describe("Loading and unloading the module.");
		igt_subtest("load")
			test_load();
	}
}
