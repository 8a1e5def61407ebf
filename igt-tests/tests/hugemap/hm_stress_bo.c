// SPDX-License-Identifier: MIT
/*
 * Many processes create, map, write, verify, share and close objects of all
 * regions at random.  What was shared is not written any more, so that each
 * holder knows what it must be.
 *
 * Each subtest takes a quarter of HM_STRESS_SECONDS (10); HM_STRESS_PROCS (8),
 * HM_SEED.
 */
#include <sys/socket.h>

#include "hm_map.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap stress of objects
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: stress
 * Description: Random use of objects by many processes, with verification.
 *
 * SUBTEST: random
 * Description: Processes that share objects at random never see wrong data, and
 *	leave nothing.
 *
 * SUBTEST: races
 * Description: Processes that use one file at once race for the same handles.
 */

IGT_TEST_DESCRIPTION("Random use of objects by many processes, with verification.");

#define RW		(PROT_READ | PROT_WRITE)
#define MAX_SLOTS	20
#define MAX_REGIONS	HM_MAX_NODES
#define MAX_SIZE	HM_MIB(8)

/* An object, or rather this process' part in it. */
struct slot {
	int region;
	uint32_t handle;
	uint64_t size, seed;
	int dmabuf;		/* or -1 */
	bool shared;		/* others may have it: only read */
	char *p;		/* a mapping of [off, off + len), or NULL */
	uint64_t off, len;
	bool writable;
};

/* What goes over the socket with the descriptor. */
struct message {
	int region;
	uint64_t size, seed;
};

struct proc {
	int id, sock[2];
	uint64_t rnd, op, next_seed, ops_seed;
	struct hm_node *region[MAX_REGIONS];
	int fd[MAX_REGIONS];	/* one file for all regions of a device */
	int nr_regions;
	struct slot slot[MAX_SLOTS];
	int nr;
	const char *what;
};

#define stress_assert(s, expr) \
	igt_assert_f(expr, "HM_SEED=%" PRIu64 " process %d operation %" PRIu64 " (%s): %m\n", \
		     (s)->ops_seed, (s)->id, (s)->op, (s)->what)

static uint64_t rnd(struct proc *s, uint64_t below)
{
	s->rnd ^= s->rnd << 13;
	s->rnd ^= s->rnd >> 7;
	s->rnd ^= s->rnd << 17;
	return below ? (s->rnd >> 16) % below : 0;
}

static struct slot *pick(struct proc *s)
{
	return s->nr ? &s->slot[rnd(s, s->nr)] : NULL;
}

static int fd_of(const struct proc *s, const struct slot *o)
{
	return s->fd[o->region];
}

/* The handle's number is the same as that of another slot of the same file. */
static bool known(const struct proc *s, int region, uint32_t handle)
{
	for (int i = 0; i < s->nr; i++)
		if (s->fd[s->slot[i].region] == s->fd[region] &&
		    s->slot[i].handle == handle)
			return true;
	return false;
}

static void unmap(struct proc *s, struct slot *o)
{
	if (o->p)
		stress_assert(s, !munmap(o->p, o->len));
	o->p = NULL;
}

static void map(struct proc *s, struct slot *o, bool whole)
{
	int fd = fd_of(s, o);
	uint64_t at = 0;

	unmap(s, o);
	o->off = 0;
	o->len = o->size;
	if (!whole && rnd(s, 2)) {
		o->off = rnd(s, o->size / HM_PAGE) * HM_PAGE;
		o->len = (rnd(s, (o->size - o->off) / HM_PAGE) + 1) * HM_PAGE;
	}
	o->writable = !o->shared;
	if (o->dmabuf >= 0 && rnd(s, 2))
		fd = o->dmabuf;
	else
		stress_assert(s, !__hm_mmap_offset(fd, o->handle, &at));
	o->p = mmap(NULL, o->len, o->writable ? RW : PROT_READ, MAP_SHARED, fd,
		    at + o->off);
	stress_assert(s, o->p != MAP_FAILED);
}

static void verify(struct proc *s, const struct slot *o)
{
	for (uint64_t i = 0; i < o->len; i += HM_PAGE) {
		uint64_t got = *(volatile uint64_t *)(o->p + i);

		igt_assert_f(got == hm_pattern(o->off + i, o->seed),
			     "HM_SEED=%" PRIu64 " process %d operation %" PRIu64 " (%s): offset %#" PRIx64 " of %#" PRIx64 " holds %#" PRIx64 ", expected %#" PRIx64 "\n",
			     s->ops_seed, s->id, s->op, s->what, o->off + i,
			     o->size, got, hm_pattern(o->off + i, o->seed));
	}
}

/* ---- operations ---- */

static void do_create(struct proc *s)
{
	struct slot *o = &s->slot[s->nr];
	uint64_t size = (rnd(s, MAX_SIZE / HM_PAGE) + 1) * HM_PAGE;
	const uint32_t orders[] = { 0, 9, 18, DRM_HUGEMAP_ORDER_ANY };
	uint32_t flags = rnd(s, 4) ? 0 : DRM_HUGEMAP_GEM_CONTIGUOUS;
	int err;

	if (s->nr == MAX_SLOTS)
		return;
	if (rnd(s, 2))
		size = (rnd(s, 64) + 1) * HM_PAGE;
	memset(o, 0, sizeof(*o));
	o->region = rnd(s, s->nr_regions);
	o->dmabuf = -1;
	o->size = size;
	o->seed = ++s->next_seed;
	err = __hm_create_in(fd_of(s, o), s->region[o->region]->region, size,
			     flags, orders[rnd(s, 4)], &o->handle);
	errno = -err;
	/* Somebody may have all the memory at the moment. */
	if (err == -ENOSPC)
		return;
	stress_assert(s, !err);
	stress_assert(s, !known(s, o->region, o->handle));
	s->nr++;
	map(s, o, true);
	for (uint64_t i = 0; i < size; i += HM_PAGE)
		stress_assert(s, !*(volatile uint64_t *)(o->p + i));
	hm_fill_step(o->p, 0, size, HM_PAGE, o->seed);
}

/* Nearly all that is free, to make it scarce, and gone at once. */
static void do_create_huge(struct proc *s)
{
	int r = rnd(s, s->nr_regions);
	uint64_t size = hm_free(s->region[r]);
	uint32_t handle;
	int err;

	if (size < HM_MIB(64) || rnd(s, 8))
		return;
	size -= HM_MIB(32);
	err = __hm_create_in(s->fd[r], s->region[r]->region, size, 0,
			     DRM_HUGEMAP_ORDER_ANY, &handle);
	errno = -err;
	stress_assert(s, !err || err == -ENOSPC);
	if (!err)
		stress_assert(s, !__hm_close(s->fd[r], handle));
}

static void do_map(struct proc *s)
{
	struct slot *o = pick(s);

	if (o)
		map(s, o, false);
}

static void do_unmap(struct proc *s)
{
	struct slot *o = pick(s);

	if (o)
		unmap(s, o);
}

static void do_verify(struct proc *s)
{
	struct slot *o = pick(s);

	if (o && o->p)
		verify(s, o);
}

static void do_write(struct proc *s)
{
	struct slot *o = pick(s);

	if (!o || o->shared)
		return;
	map(s, o, true);
	verify(s, o);
	o->seed = ++s->next_seed;
	hm_fill_step(o->p, 0, o->size, HM_PAGE, o->seed);
}

static void do_export(struct proc *s)
{
	struct slot *o = pick(s);

	if (!o || o->dmabuf >= 0)
		return;
	o->dmabuf = __hm_export(fd_of(s, o), o->handle, DRM_CLOEXEC | DRM_RDWR);
	stress_assert(s, o->dmabuf >= 0);
}

static void do_send(struct proc *s)
{
	struct slot *o = pick(s);
	struct message m;
	int err;

	if (!o || o->dmabuf < 0)
		return;
	m = (struct message) {
		.region = o->region,
		.size = o->size,
		.seed = o->seed,
	};
	err = __hm_send_fd(s->sock[0], o->dmabuf, &m, sizeof(m));
	errno = -err;
	stress_assert(s, !err || err == -EAGAIN || err == -ETOOMANYREFS);
	o->shared |= !err;
}

static void do_receive(struct proc *s)
{
	struct slot *o = &s->slot[s->nr];
	struct drm_hugemap_gem_info info;
	struct message m;
	uint32_t handle;
	int dmabuf;

	if (s->nr == MAX_SLOTS)
		return;
	dmabuf = __hm_recv_fd(s->sock[1], &m, sizeof(m));
	if (dmabuf < 0) {
		errno = -dmabuf;
		stress_assert(s, errno == EAGAIN);
		return;
	}
	stress_assert(s, !__hm_import(s->fd[m.region], dmabuf, &handle));
	if (known(s, m.region, handle)) {
		close(dmabuf);
		return;
	}
	memset(o, 0, sizeof(*o));
	o->region = m.region;
	o->handle = handle;
	o->size = m.size;
	o->seed = m.seed;
	o->shared = true;
	o->dmabuf = dmabuf;
	s->nr++;
	stress_assert(s, !__hm_info(fd_of(s, o), handle, &info));
	stress_assert(s, info.size == m.size);
	stress_assert(s, info.region == s->region[m.region]->region);
	map(s, o, rnd(s, 2));
	verify(s, o);
	if (rnd(s, 2)) {
		close(o->dmabuf);
		o->dmabuf = -1;
	}
}

static void do_prefault(struct proc *s)
{
	static const uint32_t orders[] = { 0, 9, DRM_HUGEMAP_ORDER_ANY };
	struct slot *o = pick(s);
	int err;

	if (!o || !o->p)
		return;
	err = __hm_prefault(fd_of(s, o), o->p, o->len, o->writable ?
			    DRM_HUGEMAP_PREFAULT_WRITE : 0,
			    orders[rnd(s, ARRAY_SIZE(orders))], NULL);
	errno = -err;
	stress_assert(s, !err || err == -EAGAIN);
	verify(s, o);
}

/* A hole in the mapping; the rest of it goes on. */
static void do_cut(struct proc *s)
{
	struct slot *o = pick(s);
	uint64_t len;

	if (!o || !o->p || o->len < 2 * HM_PAGE)
		return;
	len = (rnd(s, o->len / HM_PAGE - 1) + 1) * HM_PAGE;
	stress_assert(s, !munmap(o->p, len));
	o->p += len;
	o->off += len;
	o->len -= len;
	verify(s, o);
}

static void drop(struct proc *s, struct slot *o, bool handle_first)
{
	if (handle_first)
		stress_assert(s, !__hm_close(fd_of(s, o), o->handle));
	if (handle_first && o->p)
		verify(s, o);
	unmap(s, o);
	if (o->dmabuf >= 0)
		close(o->dmabuf);
	if (!handle_first)
		stress_assert(s, !__hm_close(fd_of(s, o), o->handle));
	*o = s->slot[--s->nr];
}

static void do_close(struct proc *s)
{
	struct slot *o = pick(s);

	if (o)
		drop(s, o, rnd(s, 2));
}

static void do_fork(struct proc *s)
{
	struct slot *o = pick(s);
	int status;
	pid_t pid;

	if (!o)
		return;
	pid = fork();
	stress_assert(s, pid >= 0);
	if (!pid) {
		s->what = "child";
		if (o->p)
			verify(s, o);
		map(s, o, true);
		verify(s, o);
		_exit(0);
	}
	stress_assert(s, waitpid(pid, &status, 0) == pid);
	stress_assert(s, !status);
}

static const struct {
	const char *name;
	void (*fn)(struct proc *s);
	unsigned int weight;
} ops[] = {
	{ "create", do_create, 12 },	{ "create huge", do_create_huge, 1 },
	{ "mmap", do_map, 10 },		{ "munmap", do_unmap, 4 },
	{ "verify", do_verify, 12 },	{ "write", do_write, 8 },
	{ "export", do_export, 8 },	{ "send", do_send, 8 },
	{ "receive", do_receive, 8 },	{ "PREFAULT", do_prefault, 4 },
	{ "cut", do_cut, 4 },		{ "close", do_close, 14 },
	{ "fork", do_fork, 1 },
};

static void step(struct proc *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		n += ops[i].weight;
	n = rnd(s, n);
	for (i = 0; n >= ops[i].weight; i++)
		n -= ops[i].weight;
	s->op++;
	s->what = ops[i].name;
	ops[i].fn(s);
}

static void run_proc(struct proc *s, int id, uint64_t until)
{
	int i, j;

	s->id = id;
	s->rnd = (s->ops_seed + 1) * 0x9e3779b97f4a7c15ull ^ (id + 1);
	s->next_seed = (uint64_t)id << 40;
	for (i = 0; i < s->nr_regions; i++) {
		for (j = 0; j < i; j++)
			if (s->region[j]->fd == s->region[i]->fd)
				break;
		s->fd[i] = j < i ? s->fd[j] : hm_render_open(s->region[i]);
	}
	while (hm_now_ms() < until)
		step(s);
	s->what = "end";
	while (s->nr)
		drop(s, &s->slot[0], true);
	igt_info("process %d: %" PRIu64 " operations\n", id, s->op);
}

/* ---- one file, used by many at once ---- */

/* Everybody's handles are everybody's to close. */
static void race_step(struct proc *s, int fd, const struct hm_node *region)
{
	uint32_t handle = rnd(s, 8) + 1, other;
	struct drm_hugemap_gem_info info;
	uint64_t off, len = 0;
	char *p = MAP_FAILED;
	int dmabuf = -1, err;

	switch (rnd(s, 8)) {
	case 0:
	case 1:
		len = (rnd(s, 1200) + 1) * HM_PAGE;
		err = __hm_create_in(fd, region->region, len, 0,
				     DRM_HUGEMAP_ORDER_ANY, &other);
		errno = -err;
		stress_assert(s, !err || err == -ENOSPC);
		/* Few numbers, so that they meet. */
		if (!err && other > 8)
			__hm_close(fd, other);
		return;
	case 2:
		err = __hm_close(fd, handle);
		errno = -err;
		stress_assert(s, !err || err == -EINVAL);
		return;
	case 3:
		dmabuf = __hm_export(fd, handle, DRM_RDWR | DRM_CLOEXEC);
		errno = -dmabuf;
		stress_assert(s, dmabuf >= 0 || dmabuf == -ENOENT);
		if (dmabuf >= 0)
			stress_assert(s, !__hm_import(fd, dmabuf, &other));
		break;
	case 4:
		dmabuf = __hm_export(fd, handle, DRM_RDWR | DRM_CLOEXEC);
		if (dmabuf < 0)
			return;
		len = lseek(dmabuf, 0, SEEK_END);
		p = mmap(NULL, len, RW, MAP_SHARED, dmabuf, 0);
		stress_assert(s, p != MAP_FAILED);
		break;
	default:
		err = __hm_info(fd, handle, &info);
		errno = -err;
		stress_assert(s, !err || err == -ENOENT);
		if (err || __hm_mmap_offset(fd, handle, &off))
			return;
		len = (rnd(s, info.size / HM_PAGE) + 1) * HM_PAGE;
		p = mmap(NULL, len, RW, MAP_SHARED, fd, off);
		/* It may be gone, or be a smaller one, by now. */
		stress_assert(s, p != MAP_FAILED || errno == EINVAL ||
			      errno == EACCES);
		break;
	}
	if (p != MAP_FAILED) {
		if (rnd(s, 2))
			__hm_close(fd, handle);
		if (!rnd(s, 3)) {
			err = __hm_prefault(fd, p, len, 0, 0, NULL);
			errno = -err;
			stress_assert(s, !err || err == -EAGAIN);
		}
		/* A mapping is good to its end. */
		hm_fill_step(p, 0, len, HM_PAGE, s->op);
		stress_assert(s, !munmap(p, len));
	}
	if (dmabuf >= 0)
		close(dmabuf);
}

static void races(struct hm_node *region, unsigned int share)
{
	int procs = hm_env_number("HM_STRESS_PROCS", 8);
	uint64_t free = hm_free(region), until;
	int fd = hm_render_open(region);
	static struct proc s;

	hm_sysfs_write(region, "allow_pmd", "1");
	hm_node_refresh(region);
	s.ops_seed = hm_env_number("HM_SEED", 1);
	s.what = "races";
	until = hm_now_ms() + hm_env_number("HM_STRESS_SECONDS", 10) * 250ull /
		share;
	igt_fork(id, procs) {
		s.id = id;
		s.rnd = (s.ops_seed + 1) * 0x9e3779b97f4a7c15ull ^ (id + 1);
		for (; hm_now_ms() < until; s.op++)
			race_step(&s, fd, region);
	}
	for (int i = 0; hm_now_ms() < until; i++) {
		hm_limit(region, i % HM_NR_LEVELS);
		usleep(20000);
	}
	igt_waitchildren();
	close(fd);
	hm_assert_free(region, free);
}

static void stress(void)
{
	int procs = hm_env_number("HM_STRESS_PROCS", 8);
	static uint64_t free[MAX_REGIONS];
	static struct proc s;
	uint64_t until;

	s.ops_seed = hm_env_number("HM_SEED", 1);
	until = hm_now_ms() + hm_env_number("HM_STRESS_SECONDS", 10) * 250ull;
	hm_for_each_region(region) {
		free[s.nr_regions] = hm_free(region);
		s.region[s.nr_regions++] = region;
	}
	/* For large pages on kernels that need the opt-in. */
	for (int i = 0; i < s.nr_regions; i++)
		hm_sysfs_write(s.region[i], "allow_pmd", "1");
	igt_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK |
				 SOCK_CLOEXEC, 0, s.sock), 0);
	igt_fork(id, procs)
		run_proc(&s, id, until);
	igt_waitchildren();
	/* What nobody has received is in the socket. */
	close(s.sock[0]);
	close(s.sock[1]);
	for (int i = 0; i < s.nr_regions; i++)
		hm_assert_free(s.region[i], free[i]);
	hm_restore();
}

int igt_main()
{
	static unsigned int share;

	igt_fixture() {
		igt_hugemap_require_drm();
		hm_for_each_region(region)
			share += hm_is_first_of_kind(region);
	}

	igt_describe("Processes that share objects at random never see wrong data, and leave nothing.");
	igt_subtest("random")
		stress();

	igt_describe("Processes that use one file at once race for the same handles.");
	igt_subtest_with_dynamic("races")
		hm_for_each_region(region)
			if (hm_is_first_of_kind(region))
				igt_dynamic_f("%s", region->label)
					races(region, share);
}
