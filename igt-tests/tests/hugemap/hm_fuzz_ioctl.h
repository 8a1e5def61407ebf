/* SPDX-License-Identifier: MIT */
/*
 * The ioctls that hm_fuzz calls, and what must become of them: see
 * uapi/drm/hugemap_drm.h.
 */
#ifndef HM_FUZZ_IOCTL_H
#define HM_FUZZ_IOCTL_H

#include "hm_fuzz.h"

static long call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static uint32_t bad_handle(struct fuzz *f)
{
	static const uint32_t handles[] = {
		0, 0xffffffff, 0x7fffffff, 0x80000000, 1000, 65536,
	};

	return pick_of(f, handles);
}

static uint32_t bad_flags(struct fuzz *f, uint32_t known)
{
	uint32_t flags;

	do {
		flags = one_in(f, 2) ? 1u << rnd(f, 32) : rnd(f, 0);
	} while (!(flags & ~known));
	return flags;
}

/* On the file that a segment's kind of ioctl is called on, or another. */
static int pick_fd(struct fuzz *f, uint64_t addr)
{
	const struct seg *g = seg_at(f, addr);
	bool node = g ? has_window(g) : one_in(f, 2);

	if (one_in(f, 16))
		node = !node;
	if (node)
		return one_in(f, 4) ? f->node_ro : f->node;
	return g ? f->mem[g->mem].fd : f->render;
}

static bool is_node(const struct fuzz *f, int fd)
{
	return fd == f->node || fd == f->node_ro;
}

/* May a segment be meant by a call on @fd at all? */
static bool is_of(const struct fuzz *f, const struct seg *g, int fd)
{
	if (is_node(f, fd) || has_window(g))
		return is_node(f, fd) && has_window(g);
	return f->same_device || fd == f->mem[g->mem].fd;
}

/* ---- QUERY ---- */

static void op_query(struct fuzz *f)
{
	struct drm_hugemap_query q = {};
	int fd = one_in(f, 2) ? f->node : f->render;
	long err = 0;

	q.region = fd == f->node ? 0 : f->region->region;
	switch (rnd(f, 8)) {
	case 0:
		q.flags = bad_flags(f, 0);
		err = -EINVAL;
		break;
	case 1:
		q.pad = bad_flags(f, 0);
		err = -EINVAL;
		break;
	case 2:
		q.region = 1000 + rnd(f, 1u << 31);
		err = -ENOENT;
		break;
	}
	say(f, "QUERY of region %lu, flags %#lx, pad %#lx", q.region, q.flags,
	    q.pad);
	want(f, call(fd, DRM_IOCTL_HUGEMAP_QUERY, &q), err);
	if (err)
		return;
	fuzz_assert(f, q.size == f->size && q.type == f->q.type &&
		    q.pud_order == f->q.pud_order && q.node == f->q.node &&
		    q.features == f->q.features && q.free <= q.size);
}

/* ---- PREFAULT and PROMOTE ---- */

static void op_prefault(struct fuzz *f)
{
	static const uint32_t orders[] = {
		0, 0, 1, 8, 9, 17, 18, DRM_HUGEMAP_ORDER_ANY,
		DRM_HUGEMAP_ORDER_ANY, DRM_HUGEMAP_ORDER_ANY,
	};
	struct drm_hugemap_prefault a = {};
	bool wr = one_in(f, 3);
	uint64_t addr, len, at, pages;
	struct seg *g, *first;
	long err = 0;
	int fd;

	pick_range(f, &addr, &len);
	a.addr = addr;
	a.len = len;
	if (wr && a.len > HM_MIB(1))
		a.len = HM_MIB(1);
	if (a.len > HM_MIB(8) && !one_in(f, 10))
		a.len = HM_MIB(8);
	a.flags = wr ? DRM_HUGEMAP_PREFAULT_WRITE : 0;
	a.max_order = pick_of(f, orders);
	fd = pick_fd(f, a.addr);
	switch (rnd(f, 24)) {
	case 0:
		a.flags |= bad_flags(f, DRM_HUGEMAP_PREFAULT_FLAGS);
		err = -EINVAL;
		break;
	case 1:
		a.pad = 1 + rnd(f, 1ull << 63);
		err = -EINVAL;
		break;
	case 2:
		a.addr += 1 + rnd(f, HM_PAGE - 1);
		err = -EINVAL;
		break;
	case 3:
		a.len = one_in(f, 2) ? 0 : a.len + 1 + rnd(f, HM_PAGE - 1);
		err = -EINVAL;
		break;
	case 4:
		a.len = -HM_PAGE;
		err = -EINVAL;
		break;
	case 5:
		a.max_order = f->q.pud_order + 1 + rnd(f, 1000);
		err = -EINVAL;
		break;
	}
	say(f, "PREFAULT %#lx, +%#lx, flags %#lx, order %ld, pad %#lx on the %s",
	    a.addr, a.len, a.flags, (int32_t)a.max_order, a.pad,
	    word_of(is_node(f, fd) ? "node" : "DRM node"));
	first = seg_at(f, a.addr);
	for (at = a.addr; at < a.addr + a.len && !err; at = g->addr + g->len) {
		g = seg_at(f, at);
		if (!g || !is_of(f, g, fd) ||
		    (!is_node(f, fd) && g->mem != first->mem))
			err = -EFAULT;
		else if (!(g->prot & (wr ? PROT_WRITE : PROT_READ)))
			err = -EACCES;
		if (!g)
			break;
	}
	want(f, call(fd, DRM_IOCTL_HUGEMAP_PREFAULT, &a), err,
	     f->procs > 1 && !err ? -EAGAIN : err);
	if (err || f->outcome < 0)
		return;
	pages = (a.nr_pud << f->q.pud_order) + (a.nr_pmd << f->q.pmd_order) +
		a.nr_pte;
	/* Trackers of others may have taken some away again. */
	fuzz_assert(f, pages >= a.len / HM_PAGE ||
		    (f->procs > 1 && (has_window(first) ||
				      f->mem[first->mem].foreign)));
	fuzz_assert(f, !a.nr_pud || a.max_order >= f->q.pud_order);
	fuzz_assert(f, !a.nr_pmd || a.max_order >= f->q.pmd_order);
	for (at = a.addr; wr && at < a.addr + a.len; at += HM_PAGE)
		mark_seg(f, seg_at(f, at), at, HM_PAGE);
}

/* What becomes one of the segments from that of @addr on. */
static void promote_run(struct fuzz *f, uint64_t *addr, uint64_t end)
{
	struct seg *g = seg_at(f, *addr), *n;
	bool one = true;

	while ((n = seg_next(f, g)) && n->addr == g->addr + g->len &&
	       n->addr < end && n->via == g->via && n->prot == g->prot &&
	       (has_window(n) || n->mem == g->mem) &&
	       n->off == g->off + g->len) {
		g->len += n->len;
		seg_remove(f, n);
		one = false;
	}
	*addr = g->addr + g->len;
	if (!one || !(f->q.features & DRM_HUGEMAP_FEATURE_CORE_COLLAPSE) ||
	    g->advice & ADV_NOHUGE)
		g->advice = 0;
}

static void op_promote(struct fuzz *f)
{
	struct drm_hugemap_promote a = {};
	uint64_t addr, len, at, nr = 0;
	struct seg *g;
	long err = 0;
	int fd;

	pick_range(f, &addr, &len);
	a.addr = addr;
	a.len = len;
	fd = pick_fd(f, a.addr);
	switch (rnd(f, 24)) {
	case 0:
		a.flags = bad_flags(f, 0);
		err = -EINVAL;
		break;
	case 1:
		a.pad = bad_flags(f, 0);
		err = -EINVAL;
		break;
	case 2:
		a.addr += 1 + rnd(f, HM_PAGE - 1);
		err = -EINVAL;
		break;
	case 3:
		a.len = one_in(f, 2) ? 0 : a.len + 1 + rnd(f, HM_PAGE - 1);
		err = -EINVAL;
		break;
	case 4:
		a.len = -HM_PAGE;
		err = -EINVAL;
		break;
	}
	say(f, "PROMOTE %#lx, +%#lx, flags %#lx, pad %#lx on the %s", a.addr,
	    a.len, a.flags, a.pad,
	    word_of(is_node(f, fd) ? "node" : "DRM node"));
	for (at = a.addr; at < a.addr + a.len && !err; at = g->addr + g->len) {
		g = seg_at(f, at);
		if (!g || !is_of(f, g, fd))
			err = -EFAULT;
		else if (g->via == RENDER && !f->mem[g->mem].handle)
			err = -EACCES;
		if (!g)
			break;
	}
	want(f, call(fd, DRM_IOCTL_HUGEMAP_PROMOTE, &a), err);
	if (err)
		return;
	for (at = a.addr; at < a.addr + a.len; nr++)
		promote_run(f, &at, a.addr + a.len);
	if (a.nr_mappings != nr)
		fuzz_fail(f, "%" PRIu64 " mappings were made, expected %" PRIu64,
			  (uint64_t)a.nr_mappings, nr);
}

/* ---- objects ---- */

static int free_mem(const struct fuzz *f)
{
	for (int i = FIRST_OWN; i < MAX_MEMS; i++)
		if (!f->mem[i].used)
			return i;
	return -1;
}

static void op_create(struct fuzz *f)
{
	static const uint32_t orders[] = { 0, 9, 18, DRM_HUGEMAP_ORDER_ANY };
	int i = free_mem(f);
	struct mem *m = &f->mem[i < 0 ? BASE : i];
	struct drm_hugemap_gem_create a = {
		.size = one_in(f, 3) ? 1 + rnd(f, MAX_SIZE) :
			(1 + rnd(f, 64)) * HM_PAGE,
		.region = f->region->region,
		.flags = one_in(f, 3) ? DRM_HUGEMAP_GEM_CONTIGUOUS : 0,
		.max_order = pick_of(f, orders),
	};
	uint64_t size = (a.size + HM_PAGE - 1) / HM_PAGE * HM_PAGE;
	long err = 0;

	switch (rnd(f, i < 0 ? 6 : 18)) {
	case 0:
		a.flags |= bad_flags(f, DRM_HUGEMAP_GEM_FLAGS);
		err = -EINVAL;
		break;
	case 1:
		a.size = 0;
		err = -EINVAL;
		break;
	case 2:
		do {
			a.max_order = rnd(f, 64);
		} while (!a.max_order || a.max_order == f->q.pmd_order ||
			 a.max_order == f->q.pud_order);
		err = -EINVAL;
		break;
	case 3:
		a.region = 1000 + rnd(f, 1u << 31);
		err = -ENOENT;
		break;
	case 4:
	case 5:
		a.size = one_in(f, 2) ? f->size + 1 + rnd(f, HM_PAGE) :
			 -1 - rnd(f, 1ull << 62);
		err = -E2BIG;
		break;
	}
	say(f, "GEM_CREATE of %#lx bytes in region %lu, flags %#lx, order %ld",
	    a.size, a.region, a.flags, (int32_t)a.max_order);
	want(f, call(f->render, DRM_IOCTL_HUGEMAP_GEM_CREATE, &a), err,
	     f->procs > 1 && !err ? -ENOSPC : err);
	if (err || f->outcome < 0)
		return;
	fuzz_assert(f, a.size == size && a.handle);
	memset(m, 0, sizeof(*m));
	m->used = true;
	m->fd = f->render;
	m->handle = a.handle;
	m->dmabuf = -1;
	m->size = size;
	m->max_order = a.max_order;
	m->flags = a.flags;
	fuzz_assert(f, !__hm_mmap_offset(f->render, a.handle, &m->offset));
}

static void op_info(struct fuzz *f)
{
	int i = pick_mem(f);
	const struct mem *m = &f->mem[i];
	struct drm_hugemap_gem_info a = { .handle = m->handle };
	long err = 0;

	switch (rnd(f, 8)) {
	case 0:
		a.handle = bad_handle(f);
		err = -ENOENT;
		break;
	case 1:
		a.flags = bad_flags(f, 0);
		err = -EINVAL;
		break;
	case 2:
		a.pad = 1 + rnd(f, 1ull << 63);
		err = -EINVAL;
		break;
	}
	say(f, "GEM_INFO of handle %lu, flags %#lx, pad %#lx", a.handle,
	    a.flags, a.pad);
	want(f, call(m->fd, DRM_IOCTL_HUGEMAP_GEM_INFO, &a), err);
	if (err || i == SHARED)
		return;
	fuzz_assert(f, a.size == m->size && a.region == f->region->region &&
		    a.gem_flags == m->flags && a.max_order == m->max_order &&
		    a.nr_extents);
	fuzz_assert(f, a.nr_extents == 1 || !m->flags);
	fuzz_assert(f, (a.nr_pud << f->q.pud_order) +
		    (a.nr_pmd << f->q.pmd_order) + a.nr_pte ==
		    m->size / HM_PAGE);
	fuzz_assert(f, !a.nr_pud || m->max_order >= f->q.pud_order);
	fuzz_assert(f, !a.nr_pmd || m->max_order >= f->q.pmd_order);
}

static void op_mmap_offset(struct fuzz *f)
{
	const struct mem *m = &f->mem[pick_mem(f)];
	struct drm_hugemap_gem_mmap_offset a = { .handle = m->handle };
	long err = 0;

	switch (rnd(f, 6)) {
	case 0:
		a.handle = bad_handle(f);
		err = -ENOENT;
		break;
	case 1:
		a.flags = bad_flags(f, 0);
		err = -EINVAL;
		break;
	}
	say(f, "GEM_MMAP_OFFSET of handle %lu, flags %#lx", a.handle, a.flags);
	want(f, call(m->fd, DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET, &a), err);
	if (!err)
		fuzz_assert(f, a.offset == m->offset);
}

static void op_gem_close(struct fuzz *f)
{
	int i = pick_mem(f);

	if (i < FIRST_OWN || one_in(f, 4)) {
		uint32_t handle = bad_handle(f);

		say(f, "GEM_CLOSE of handle %lu", handle);
		want(f, __hm_close(f->render, handle), -EINVAL);
		return;
	}
	say(f, "GEM_CLOSE of handle %lu", f->mem[i].handle);
	want(f, __hm_close(f->render, f->mem[i].handle), 0);
	f->mem[i].handle = 0;
	mem_release(f, i);
}

/* ---- dma-bufs ---- */

static void op_export(struct fuzz *f)
{
	struct mem *m = &f->mem[pick_mem(f)];
	int fd;

	if (m->foreign || one_in(f, 4)) {
		uint32_t flags = DRM_CLOEXEC | DRM_RDWR, handle = m->handle;
		bool flag = one_in(f, 2);

		if (flag)
			flags = bad_flags(f, DRM_CLOEXEC | DRM_RDWR);
		else
			handle = bad_handle(f);
		say(f, "export of handle %lu, flags %#lx", handle, flags);
		fd = __hm_export(m->fd, handle, flags);
		want(f, fd, flag ? -EINVAL : -ENOENT);
		return;
	}
	say(f, "export of handle %lu", m->handle);
	fd = __hm_export(m->fd, m->handle, DRM_CLOEXEC | DRM_RDWR);
	want(f, fd < 0 ? fd : 0, 0);
	if (m->dmabuf >= 0) {
		fuzz_assert(f, hm_dmabuf_same(fd, m->dmabuf));
		close(m->dmabuf);
	}
	m->dmabuf = fd;
}

static int pick_dmabuf(struct fuzz *f)
{
	int i = rnd(f, MAX_MEMS);

	for (int n = 0; n < MAX_MEMS; n++, i = (i + 1) % MAX_MEMS)
		if (f->mem[i].used && !f->mem[i].foreign &&
		    f->mem[i].dmabuf >= 0)
			return i;
	return -1;
}

static void op_import(struct fuzz *f)
{
	int i = pick_dmabuf(f);
	struct mem *m = &f->mem[i];
	uint32_t handle = 0;
	uint64_t offset;

	if (i < 0 || one_in(f, 5)) {
		say(f, "import of what is no dma-buf");
		if (one_in(f, 2))
			want(f, __hm_import(f->render, -1, &handle), -EBADF);
		else
			want(f, __hm_import(f->render, f->null_fd, &handle),
			     -EINVAL);
		return;
	}
	say(f, "import of object %lu, handle %lu", i, m->handle);
	want(f, __hm_import(f->render, m->dmabuf, &handle), 0);
	if (m->handle)
		fuzz_assert(f, handle == m->handle);
	m->handle = handle;
	fuzz_assert(f, !__hm_mmap_offset(f->render, handle, &offset) &&
		    offset == m->offset);
}

static void op_dmabuf(struct fuzz *f)
{
	static const uint64_t flags[] = {
		DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_RW,
		DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END,
		DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END, 0, DMA_BUF_SYNC_END, 8,
		1ull << 63,
	};
	int i = pick_dmabuf(f);
	struct mem *m = &f->mem[i];
	struct dma_buf_sync s;

	if (i < 0)
		return;
	say(f, "dma-buf of object %lu", i);
	switch (rnd(f, 4)) {
	case 0:
		s.flags = pick_of(f, flags);
		say(f, "DMA_BUF_IOCTL_SYNC of object %lu, flags %#lx", i,
		    s.flags);
		want(f, call(m->dmabuf, DMA_BUF_IOCTL_SYNC, &s),
		     s.flags & ~7ull || !(s.flags & 3) ? -EINVAL : 0);
		break;
	case 1:
		want(f, neg_errno(lseek(m->dmabuf, 0, SEEK_END)),
		     (long)m->size);
		break;
	case 2:
		want(f, neg_errno(lseek(m->dmabuf, 1 + rnd(f, HM_PAGE),
					SEEK_SET)), -EINVAL);
		break;
	default:
		close(m->dmabuf);
		m->dmabuf = -1;
		mem_release(f, i);
		f->outcome = 1;
		break;
	}
}

/* Made, mapped and gone again. */
static void op_dumb(struct fuzz *f)
{
	static const uint32_t sizes[] = { 1, 3, 64, 100, 512, 1000, 1024 };
	static const uint32_t bpps[] = { 1, 8, 16, 24, 32, 64 };
	struct drm_mode_create_dumb a = {
		.width = pick_of(f, sizes),
		.height = pick_of(f, sizes),
		.bpp = pick_of(f, bpps),
	};
	uint64_t off;
	long err = 0;
	char *p;

	switch (rnd(f, 8)) {
	case 0:
		a.width = 0;
		err = -EINVAL;
		break;
	case 1:
		a.height = 0xffffffff;
		a.width = 2;
		a.bpp = 32;
		err = -EINVAL;
		break;
	case 2:
		a.flags = bad_flags(f, 0);
		err = -EINVAL;
		break;
	case 3:
		a.bpp = 0;
		err = -EINVAL;
		break;
	}
	say(f, "dumb buffer, %lu * %lu, %lu bpp, flags %#lx", a.width, a.height,
	    a.bpp, a.flags);
	want(f, call(f->card, DRM_IOCTL_MODE_CREATE_DUMB, &a), err,
	     f->procs > 1 && !err ? -ENOSPC : err);
	if (err || f->outcome < 0)
		return;
	fuzz_assert(f, a.size >= (uint64_t)a.pitch * a.height);
	fuzz_assert(f, !__hm_dumb_offset(f->card, a.handle, &off));
	p = mmap(NULL, a.size, RW, MAP_SHARED, f->card, off);
	fuzz_assert(f, p != MAP_FAILED);
	load(f, (uint64_t)p, 64);
	for (int i = 0; i < 64; i++)
		fuzz_assert(f, !f->buf[i]);
	memset(p + a.size - 64, 0xff, 64);
	fuzz_assert(f, !munmap(p, a.size));
	fuzz_assert(f, !__hm_dumb_destroy(f->card, a.handle));
}

/* ---- trackers ---- */

static uint64_t pick_granule(struct fuzz *f)
{
	const uint64_t granules[] = {
		HM_PAGE, HM_PAGE, HM_KIB(64), f->pmd, f->pud,
	};

	return pick_of(f, granules);
}

static void tracker_end(struct fuzz *f, struct tracker *k)
{
	free(k->dirty);
	free(k->kept);
	memset(k, 0, sizeof(*k));
	mems_release(f);
}

/* Trackers of the same memory: what one has read is dirty in all. */
static void spread_loose(struct fuzz *f)
{
	for (int i = 0; i < MAX_TRACKERS; i++) {
		const struct tracker *k = &f->tracker[i];

		if (!k->id || !(k->flags & DRM_HUGEMAP_DIRTY_WRITABLE))
			continue;
		for (int n = 0; n < MAX_TRACKERS; n++)
			if (f->tracker[n].window == k->window &&
			    (k->window || f->tracker[n].mem == k->mem))
				f->tracker[n].loose = true;
	}
}

static void op_start(struct fuzz *f)
{
	static const uint32_t flags[] = {
		0, 0, 0, DRM_HUGEMAP_DIRTY_ALL, DRM_HUGEMAP_DIRTY_ALL,
		DRM_HUGEMAP_DIRTY_ADAPTIVE, DRM_HUGEMAP_DIRTY_WRITABLE,
		DRM_HUGEMAP_DIRTY_WRITABLE | DRM_HUGEMAP_DIRTY_ADAPTIVE,
	};
	struct tracker *k = NULL, t = { .window = one_in(f, 3) };
	struct drm_hugemap_dirty_start a = {};
	bool may_fill = false;
	uint64_t units;
	long err = 0;

	for (int i = 0; i < MAX_TRACKERS && !k; i++)
		if (!f->tracker[i].id)
			k = &f->tracker[i];
	t.granule = pick_granule(f);
	t.mem = t.window ? BASE : pick_mem(f);
	t.fd = t.window ? f->node : f->mem[t.mem].fd;
	t.limit = t.window ? f->size : f->mem[t.mem].size;
	t.flags = pick_of(f, flags);
	if (t.window) {
		units = t.granule < f->pmd ? 64 : 4;
		t.start = (f->window + rnd(f, BASE_SIZE)) / t.granule *
			  t.granule;
		t.end = t.start + t.granule * (1 + rnd(f, units));
	} else {
		units = (t.limit + t.granule - 1) / t.granule;
		t.start = one_in(f, 2) ? 0 : rnd(f, units) * t.granule;
		t.end = one_in(f, 2) ? t.limit : t.start + t.granule *
			(1 + rnd(f, 64));
	}
	if (t.end > t.limit)
		t.end = t.limit;
	t.nr = (t.end - t.start + t.granule - 1) / t.granule;
	if (t.flags & DRM_HUGEMAP_DIRTY_ADAPTIVE)
		t.max_over = rnd(f, 2) ? t.nr : rnd(f, 100);
	a.handle = t.window ? 0 : f->mem[t.mem].handle;
	a.flags = t.flags;
	a.start = t.start;
	a.len = t.end == t.limit && one_in(f, 2) ? 0 : t.end - t.start;
	a.granule = t.granule;
	a.max_over = t.max_over;
	a.eventfd = -1;
	if (one_in(f, 6)) {
		a.notify = 1 + rnd(f, 10);
		a.eventfd = f->efd;
	}
	switch (rnd(f, k ? 40 : 12)) {
	case 0:
		a.flags |= bad_flags(f, DRM_HUGEMAP_DIRTY_FLAGS);
		err = -EINVAL;
		break;
	case 1:
		a.pad = 1 + rnd(f, 1ull << 63);
		err = -EINVAL;
		break;
	case 2:
		a.granule = odd_number(f);
		if (a.granule == HM_PAGE || a.granule == HM_KIB(64) ||
		    a.granule == f->pmd || a.granule == f->pud)
			a.granule++;
		err = -EINVAL;
		break;
	case 3:
		a.start += 1 + rnd(f, t.granule - 1);
		err = -EINVAL;
		break;
	case 4:
		if (t.end - t.start < 2)
			return;
		a.len = 1 + rnd(f, t.end - t.start - 1);
		if ((a.start + a.len) % t.granule == 0)
			a.len--;
		if (!a.len)
			return;
		err = -EINVAL;
		break;
	case 5:
		a.start = (t.limit + t.granule - 1) / t.granule * t.granule;
		a.start += rnd(f, 10) * t.granule;
		err = -ERANGE;
		break;
	case 6:
		a.len = (t.limit - t.start) + t.granule * (1 + rnd(f, 10));
		err = -ERANGE;
		break;
	case 7:
		/* Wraps around, or is too much. */
		a.len = -t.granule * (1 + rnd(f, 2));
		err = -ERANGE;
		break;
	case 8:
		a.handle = t.window ? 1 + rnd(f, 100) : bad_handle(f);
		err = t.window ? -EINVAL : -ENOENT;
		break;
	case 9:
		a.flags &= ~DRM_HUGEMAP_DIRTY_ADAPTIVE;
		a.max_over = 1 + rnd(f, 1000);
		err = -EINVAL;
		break;
	case 10:
		a.notify = 1;
		a.eventfd = -1 - rnd(f, 10);
		err = -EBADF;
		break;
	case 11:
		a.notify = 1;
		a.eventfd = f->null_fd;
		err = -EINVAL;
		break;
	}
	say(f, "DIRTY_START of %s %lu: %#lx, +%#lx of %#lx, granule %#lx, flags %#lx, over %lu, notify %lu on %ld",
	    word_of(t.window ? "window" : "object"), a.handle, a.start, a.len,
	    t.limit, a.granule, a.flags, a.max_over, a.notify, a.eventfd);
	/* As many as all the processes like; and op_shared() leaves some. */
	may_fill = f->mem[t.mem].foreign || (f->procs > 1 && t.window);
	want(f, call(t.fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &a), err,
	     !err && may_fill ? -ENOSPC : err);
	if (err || f->outcome < 0)
		return;
	fuzz_assert(f, a.tracker);
	t.id = a.tracker;
	t.dirty = calloc(1, t.nr / 8 + 1);
	t.kept = calloc(1, t.nr / 8 + 1);
	fuzz_assert(f, t.dirty && t.kept);
	t.loose = (t.window && f->procs > 1) || f->mem[t.mem].foreign ||
		  t.flags & DRM_HUGEMAP_DIRTY_ADAPTIVE;
	for (uint64_t i = 0; t.flags & DRM_HUGEMAP_DIRTY_ALL && i < t.nr; i++)
		set_bit(t.dirty, i, true);
	*k = t;
	spread_loose(f);
}

static struct tracker *pick_tracker(struct fuzz *f)
{
	int i = rnd(f, MAX_TRACKERS);

	for (int n = 0; n < MAX_TRACKERS; n++, i = (i + 1) % MAX_TRACKERS)
		if (f->tracker[i].id)
			return &f->tracker[i];
	return NULL;
}

/* Some granules, and their bytes as an ioctl takes them. */
static void pick_granules(struct fuzz *f, const struct tracker *k,
			  uint64_t *first, uint64_t *nr, uint64_t *start,
			  uint64_t *len)
{
	*first = 0;
	*nr = k->nr;
	if (one_in(f, 2)) {
		*first = rnd(f, k->nr);
		*nr = 1 + rnd(f, k->nr - *first);
	}
	*start = k->start + *first * k->granule;
	*len = *nr * k->granule;
	if (*len > k->end - *start)
		*len = k->end - *start;
	if (*start + *len == k->end && one_in(f, 2))
		*len = 0;
}

/* Makes one thing of a range wrong, if it can: the errno, or 0. */
static long spoil_range(struct fuzz *f, const struct tracker *k, uint64_t what,
			uint64_t *start, uint64_t *len)
{
	switch (what) {
	case 0:
		*start += 1 + rnd(f, k->granule - 1);
		return -EINVAL;
	case 1:
		*start = (k->end + k->granule - 1) / k->granule * k->granule;
		*start += rnd(f, 10) * k->granule;
		return -ERANGE;
	case 2:
		*len = (k->end - *start) / k->granule * k->granule +
		       k->granule * (1 + rnd(f, 10));
		return -ERANGE;
	case 3:
		if (k->start < k->granule)
			return 0;
		*start = k->start - k->granule;
		return -ERANGE;
	case 4:
		*len = -*start;
		return *start ? -ERANGE : 0;
	case 5:
		*len = k->granule / 2;
		return *start + *len < k->end ? -EINVAL :
		       *start + *len > k->end ? -ERANGE : 0;
	default:
		return 0;
	}
}

/* What SYNC with @flags must report of granule @i. */
static bool wanted(const struct tracker *k, uint64_t i, uint32_t flags)
{
	return bit(k->dirty, i) ||
	       (flags & DRM_HUGEMAP_SYNC_RETRY && bit(k->kept, i));
}

/* The harvest of some granules is over; @got: what was reported, or NULL. */
static void harvested(struct tracker *k, uint64_t first, uint64_t nr,
		      uint32_t flags, const uint8_t *got)
{
	if (flags & DRM_HUGEMAP_SYNC_PEEK)
		return;
	k->epoch++;
	for (uint64_t i = 0; i < nr; i++) {
		bool took = wanted(k, first + i, flags) ||
			    (got && bit(got, i));

		set_bit(k->dirty, first + i, false);
		set_bit(k->kept, first + i, took);
	}
}

static void do_sync(struct fuzz *f, struct tracker *k, uint32_t flags,
		    uint64_t first, uint64_t nr, uint64_t start, uint64_t len)
{
	struct drm_hugemap_dirty_sync a = {
		.tracker = k->id,
		.flags = flags,
		.start = start,
		.len = len,
		.bitmap = (uintptr_t)f->buf,
	};
	bool merge = flags & DRM_HUGEMAP_SYNC_MERGE;
	uint64_t bytes = (nr + 63) / 64 * 8, count = 0;

	memset(f->buf, merge ? 0 : 0xa5, bytes);
	memset(f->buf + bytes, 0xa5, 8);
	want(f, call(k->fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &a), 0);
	for (int i = 0; i < 8; i++)
		fuzz_assert(f, f->buf[bytes + i] == 0xa5);
	for (uint64_t i = 0; i < bytes * 8; i++) {
		bool got = bit(f->buf, i);
		bool must = i < nr && wanted(k, first + i, flags);

		count += got;
		if (got == must || (got && k->loose && i < nr))
			continue;
		fuzz_fail(f, "granule %" PRIu64 " of %" PRIu64 " is %s, expected %s",
			  i, nr, got ? "dirty" : "clean",
			  must ? "dirty" : "clean");
	}
	fuzz_assert(f, a.nr_dirty == count && a.nr_over <= count);
	fuzz_assert(f, k->loose || !a.nr_over);
	harvested(k, first, nr, flags, f->buf);
	fuzz_assert(f, a.epoch == k->epoch);
}

static void op_sync(struct fuzz *f)
{
	static const uint32_t kinds[] = {
		0, 0, 0, DRM_HUGEMAP_SYNC_PEEK, DRM_HUGEMAP_SYNC_RETRY,
		DRM_HUGEMAP_SYNC_MERGE,
		DRM_HUGEMAP_SYNC_MERGE | DRM_HUGEMAP_SYNC_RETRY,
	};
	uint32_t flags = pick_of(f, kinds);
	struct tracker *k = pick_tracker(f);
	uint64_t first, nr, start, len;

	if (!k)
		return;
	pick_granules(f, k, &first, &nr, &start, &len);
	say(f, "DIRTY_SYNC of tracker %lu (granule %#lx, flags %#lx), flags %#lx, %#lx, +%#lx",
	    k->id, k->granule, k->flags, flags, start, len);
	do_sync(f, k, flags, first, nr, start, len);
}

static void op_bad_sync(struct fuzz *f)
{
	struct tracker *k = pick_tracker(f);
	struct drm_hugemap_dirty_sync a = {};
	uint64_t first, nr, start, len;
	long err = 0;

	if (!k || one_in(f, 8)) {
		a.tracker = bad_handle(f);
		say(f, "DIRTY_SYNC of tracker %lu", a.tracker);
		want(f, call(one_in(f, 2) ? f->node : f->render,
			     DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &a), -ENOENT);
		return;
	}
	pick_granules(f, k, &first, &nr, &start, &len);
	a.tracker = k->id;
	switch (rnd(f, 12)) {
	case 0:
		a.flags = bad_flags(f, DRM_HUGEMAP_SYNC_FLAGS);
		err = -EINVAL;
		break;
	case 1:
		a.pad = 1 + rnd(f, 1ull << 63);
		err = -EINVAL;
		break;
	case 2:
		a.flags = DRM_HUGEMAP_SYNC_PEEK | DRM_HUGEMAP_SYNC_RETRY;
		err = -EINVAL;
		break;
	case 3:
	case 4:
	case 5:
		/* Nothing gets lost. */
		a.flags = one_in(f, 2) ? 0 : one_in(f, 2) ?
			  DRM_HUGEMAP_SYNC_PEEK : DRM_HUGEMAP_SYNC_RETRY;
		a.bitmap = (uintptr_t)f->bad + HM_PAGE -
			   8 * rnd(f, (nr + 63) / 64 < 500 ?
				   (nr + 63) / 64 : 500);
		if (one_in(f, 2))
			a.bitmap = 0xffff888000000000;
		err = -EFAULT;
		break;
	default:
		err = spoil_range(f, k, rnd(f, 6), &start, &len);
		if (!err)
			return;
		break;
	}
	a.start = start;
	a.len = len;
	say(f, "DIRTY_SYNC of tracker %lu (%#lx to %#lx, granule %#lx), flags %#lx, %#lx, +%#lx, bitmap %#lx, pad %#lx",
	    k->id, k->start, k->end, k->granule, a.flags, a.start, a.len,
	    a.bitmap, a.pad);
	want(f, call(k->fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &a), err);
	for (uint64_t i = first; err == -EFAULT &&
	     a.flags & DRM_HUGEMAP_SYNC_RETRY && i < first + nr; i++)
		if (bit(k->kept, i))
			set_bit(k->dirty, i, true);
}

static void op_clear(struct fuzz *f)
{
	struct drm_hugemap_dirty_clear a = {};
	struct tracker *k = pick_tracker(f);
	uint64_t first, nr, start, len;
	long err = 0;

	if (!k || one_in(f, 16)) {
		a.tracker = bad_handle(f);
		say(f, "DIRTY_CLEAR of tracker %lu", a.tracker);
		want(f, call(one_in(f, 2) ? f->node : f->render,
			     DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, &a), -ENOENT);
		return;
	}
	pick_granules(f, k, &first, &nr, &start, &len);
	a.tracker = k->id;
	if (one_in(f, 2)) {
		a.bitmap = (uintptr_t)f->buf;
		random_bytes(f, (nr + 63) / 64 * 8);
	}
	switch (rnd(f, 12)) {
	case 0:
		a.flags = bad_flags(f, 0);
		err = -EINVAL;
		break;
	case 1:
		err = spoil_range(f, k, rnd(f, 6), &start, &len);
		if (!err)
			return;
		break;
	case 2:
		/* How much was made clean before is not known. */
		a.bitmap = nr <= 64 ? (uintptr_t)f->bad + HM_PAGE :
				      0x8000000000000000;
		err = -EFAULT;
		break;
	}
	a.start = start;
	a.len = len;
	say(f, "DIRTY_CLEAR of tracker %lu (granule %#lx), flags %#lx, %#lx, +%#lx, bitmap %#lx",
	    k->id, k->granule, a.flags, a.start, a.len, a.bitmap);
	want(f, call(k->fd, DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, &a), err);
	for (uint64_t i = 0; !err && i < nr; i++) {
		if (a.bitmap && !bit(f->buf, i))
			continue;
		set_bit(k->dirty, first + i, false);
		set_bit(k->kept, first + i, false);
	}
}

static void op_stop(struct fuzz *f)
{
	struct tracker *k = pick_tracker(f);
	struct drm_hugemap_dirty_stop a = { .tracker = k ? k->id : 0 };
	int fd = k ? k->fd : f->node;
	long err = k ? 0 : -ENOENT;

	switch (rnd(f, 6)) {
	case 0:
		a.flags = bad_flags(f, 0);
		err = -EINVAL;
		break;
	case 1:
		a.tracker = bad_handle(f);
		err = -ENOENT;
		break;
	}
	say(f, "DIRTY_STOP of tracker %lu, flags %#lx", a.tracker, a.flags);
	want(f, call(fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &a), err);
	if (!err)
		tracker_end(f, k);
}

/* Is a byte of the framebuffer in a rectangle, or in none of its pixels? */
static bool in_rects(const struct drm_hugemap_dirty_rects *a,
		     const struct drm_hugemap_rect *r, uint64_t at)
{
	uint64_t y = at / a->pitch, x = at % a->pitch / a->cpp;

	if (x >= a->width || y >= a->height)
		return true;
	for (uint32_t i = 0; i < a->nr_rects; i++)
		if (x >= r[i].x1 && x < r[i].x2 && y >= r[i].y1 && y < r[i].y2)
			return true;
	return false;
}

static void check_rects(struct fuzz *f, const struct drm_hugemap_dirty_rects *a,
			const struct drm_hugemap_rect *r)
{
	fuzz_assert(f, a->nr_rects <= a->max_rects && a->nr_rects <= 256);
	for (uint32_t i = 0; i < a->nr_rects; i++) {
		fuzz_assert(f, r[i].x1 < r[i].x2 && r[i].x2 <= a->width);
		fuzz_assert(f, r[i].y1 < r[i].y2 && r[i].y2 <= a->height);
		fuzz_assert(f, !i || r[i].y1 >= r[i - 1].y1);
		for (uint32_t n = 0; n < i; n++)
			fuzz_assert(f, r[i].x1 >= r[n].x2 ||
				    r[n].x1 >= r[i].x2 || r[i].y1 >= r[n].y2 ||
				    r[n].y1 >= r[i].y2);
	}
}

static void op_rects(struct fuzz *f)
{
	static const uint32_t kinds[] = {
		0, 0, DRM_HUGEMAP_SYNC_PEEK, DRM_HUGEMAP_SYNC_RETRY,
	};
	const struct drm_hugemap_rect *r = (void *)f->buf;
	struct tracker *k = pick_tracker(f);
	struct drm_hugemap_dirty_rects a = {};
	uint64_t first, last, size, from, to;
	long err = 0;

	if (!k)
		return;
	a.tracker = k->id;
	a.flags = pick_of(f, kinds);
	a.cpp = 1 + rnd(f, 8);
	a.width = 1 + rnd(f, 500);
	a.pitch = a.width * a.cpp + (one_in(f, 2) ? rnd(f, 300) : 0);
	a.height = 1 + rnd(f, 300);
	a.rects = (uintptr_t)f->buf;
	a.max_rects = one_in(f, 2) ? 1 + rnd(f, 4) : 1000;
	size = (uint64_t)a.pitch * (a.height - 1) + a.width * a.cpp;
	a.offset = k->start + rnd(f, k->end - k->start);
	if (size > k->end - a.offset)
		err = -ERANGE;
	switch (rnd(f, err ? 40 : 20)) {
	case 0:
		a.flags = one_in(f, 2) ? DRM_HUGEMAP_SYNC_MERGE :
			  bad_flags(f, DRM_HUGEMAP_SYNC_FLAGS);
		err = -EINVAL;
		break;
	case 1:
		a.pitch = one_in(f, 2) ? 0 : a.width * a.cpp - 1;
		err = -EINVAL;
		break;
	case 2:
		a.height = 0;
		err = -EINVAL;
		break;
	case 3:
		a.max_rects = 0;
		err = -EINVAL;
		break;
	case 4:
		a.tracker = bad_handle(f);
		err = -ENOENT;
		break;
	case 5:
		a.offset = one_in(f, 2) ? k->end : -1 - rnd(f, 1ull << 62);
		err = -ERANGE;
		break;
	case 6:
		a.cpp = 0x10000;
		a.width = 0x10000;
		err = -EINVAL;
		break;
	}
	say(f, "DIRTY_RECTS of tracker %lu (granule %#lx), flags %#lx, %#lx, pitch %lu, %lu * %lu * %lu, up to %lu",
	    a.tracker, k->granule, a.flags, a.offset, a.pitch, a.width,
	    a.height, a.cpp, a.max_rects);
	want(f, call(k->fd, DRM_IOCTL_HUGEMAP_DIRTY_RECTS, &a), err);
	if (err)
		return;
	check_rects(f, &a, r);
	first = (a.offset - k->start) / k->granule;
	last = (a.offset + size - 1 - k->start) / k->granule;
	for (uint64_t i = first; i <= last; i++) {
		if (!wanted(k, i, a.flags))
			continue;
		from = k->start + i * k->granule;
		to = from + k->granule;
		from = (from > a.offset ? from : a.offset) - a.offset;
		to = to - a.offset < size ? to - a.offset : size;
		for (int n = 0; n < 4; n++)
			fuzz_assert(f, in_rects(&a, r, from + rnd(f, to - from)));
		fuzz_assert(f, in_rects(&a, r, from));
		fuzz_assert(f, in_rects(&a, r, to - 1));
	}
	harvested(k, first, last - first + 1, a.flags, NULL);
}

/* ---- numbers, pointers and sizes ---- */

static const struct {
	unsigned long cmd;
	size_t size;
	bool gem;
} ioctls[] = {
	{ DRM_IOCTL_HUGEMAP_QUERY, sizeof(struct drm_hugemap_query), false },
	{ DRM_IOCTL_HUGEMAP_PREFAULT, sizeof(struct drm_hugemap_prefault), false },
	{ DRM_IOCTL_HUGEMAP_GEM_CREATE, sizeof(struct drm_hugemap_gem_create), true },
	{ DRM_IOCTL_HUGEMAP_GEM_INFO, sizeof(struct drm_hugemap_gem_info), true },
	{ DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET, sizeof(struct drm_hugemap_gem_mmap_offset), true },
	{ DRM_IOCTL_HUGEMAP_DIRTY_START, sizeof(struct drm_hugemap_dirty_start), false },
	{ DRM_IOCTL_HUGEMAP_DIRTY_SYNC, sizeof(struct drm_hugemap_dirty_sync), false },
	{ DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, sizeof(struct drm_hugemap_dirty_clear), false },
	{ DRM_IOCTL_HUGEMAP_DIRTY_STOP, sizeof(struct drm_hugemap_dirty_stop), false },
	{ DRM_IOCTL_HUGEMAP_DIRTY_RECTS, sizeof(struct drm_hugemap_dirty_rects), false },
	{ DRM_IOCTL_HUGEMAP_PROMOTE, sizeof(struct drm_hugemap_promote), false },
};

static void op_bad_pointer(struct fuzz *f)
{
	unsigned int i = rnd(f, ARRAY_SIZE(ioctls));
	bool node = !ioctls[i].gem && one_in(f, 2);
	uint64_t good;
	char *p = bad_buffer(f, &good);

	if (good >= ioctls[i].size) {
		good = ioctls[i].size - 1;
		p = f->bad + HM_PAGE - good;
	}
	memset(f->bad + HM_PAGE - good, 0, good);
	say(f, "ioctl %#lx on the %s, structure at %#lx", ioctls[i].cmd,
	    word_of(node ? "node" : "DRM node"), word_of(p));
	want(f, call(node ? f->node : f->render, ioctls[i].cmd, p), -EFAULT);
}

static void op_unknown(struct fuzz *f)
{
	static const uint8_t types[] = { 'd', 'd', 'D', 'z', 0x80, 0xaa };
	uint8_t type = pick_of(f, types);
	unsigned int nr = DRM_COMMAND_BASE + 0x0b + rnd(f, 0x50);
	bool node = one_in(f, 2);
	unsigned long cmd;

	if (node && one_in(f, 3))
		/* Those of GEM are for objects. */
		cmd = one_in(f, 2) ? DRM_IOCTL_HUGEMAP_GEM_CREATE :
				     DRM_IOCTL_HUGEMAP_GEM_INFO;
	else
		cmd = _IOC(rnd(f, 4), type, nr, rnd(f, 256));
	memset(f->buf, 0, 256);
	say(f, "unknown ioctl %#lx on the %s", cmd,
	    word_of(node ? "node" : "DRM node"));
	want(f, call(node ? f->node : f->render, cmd, f->buf),
	     node || type != 'd' ? -ENOTTY : -EINVAL);
}

/* Shorter and longer structures. */
static void op_sizes(struct fuzz *f)
{
	static const uint16_t sizes[] = {
		0, 4, 8, 16, 20, 40, sizeof(struct drm_hugemap_query) - 8,
		sizeof(struct drm_hugemap_query) + 1, 200, 4096, 10000,
	};
	uint16_t size = pick_of(f, sizes);
	bool node = one_in(f, 2), tail;
	struct drm_hugemap_query *q = (void *)f->buf;
	long err = 0;

	memset(f->buf, 0, size);
	memset(f->buf + size, 0xa5, 64);
	if (size >= 4)
		q->region = node ? 0 : f->region->region;
	else if (!node && f->region->region)
		return;
	tail = size > sizeof(*q) && one_in(f, 2);
	if (tail)
		f->buf[sizeof(*q) + rnd(f, size - sizeof(*q))] = 1;
	if (tail && node)
		err = -E2BIG;
	say(f, "QUERY of %lu bytes on the %s, the unknown ones are %s", size,
	    word_of(node ? "node" : "DRM node"),
	    word_of(tail ? "not zero" : "zero"));
	want(f, call(node ? f->node : f->render,
		     _IOC(_IOC_READ | _IOC_WRITE, 'd', DRM_COMMAND_BASE, size),
		     q), err);
	for (int i = 0; i < 64; i++)
		fuzz_assert(f, f->buf[size + i] == 0xa5);
	if (!err && size >= 16)
		fuzz_assert(f, q->size == f->size);
}

/* Another descriptor of a file is the same; a new file has nothing. */
static void op_files(struct fuzz *f)
{
	struct tracker *k = pick_tracker(f);
	struct drm_hugemap_dirty_sync a = {
		.flags = DRM_HUGEMAP_SYNC_PEEK,
	};
	int fd;

	if (!k)
		return;
	a.tracker = k->id;
	a.start = k->start;
	say(f, "tracker %lu through another descriptor", k->id);
	if (one_in(f, 2)) {
		fd = dup(k->fd);
		want(f, call(fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &a), 0);
		close(fd);
		return;
	}
	want(f, call(k->window ? f->node_ro : f->stranger,
		     DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &a), -ENOENT);
}

/* ---- what has no model: any bytes ---- */

/* The scratch mapping of "garbage" is all that it can do harm to. */
static uint64_t garbage_number(struct fuzz *f)
{
	struct seg *g = pick_seg(f);

	switch (rnd(f, 8)) {
	case 0:
		return g ? g->addr : 0;
	case 1:
		return g ? g->addr + rnd(f, g->len) / HM_PAGE * HM_PAGE : 0;
	case 2:
		return (1 + rnd(f, 512)) * HM_PAGE;
	case 3:
		return (uintptr_t)f->buf + 4096;
	case 4:
		return 1 + rnd(f, 8);
	case 5:
		return 0;
	default:
		return odd_number(f);
	}
}

/* What the documentation says that any of them may give. */
static bool documented(long err)
{
	static const int errs[] = {
		EINVAL, EFAULT, ENOENT, ENOTTY, E2BIG, ENOSPC, ERANGE, EBADF,
		EACCES, EOPNOTSUPP, ENOMEM, EINTR, EAGAIN,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(errs); i++)
		if (err == -errs[i])
			return true;
	return err == 0;
}

static void garbage_fill(struct fuzz *f, uint8_t *p, size_t size)
{
	bool raw = one_in(f, 8);

	for (size_t i = 0; i < size; i += 4) {
		uint32_t v = raw ? rnd(f, 0) : one_in(f, 3) ? 0 :
			     one_in(f, 3) ? rnd(f, 8) : odd_number(f);

		memcpy(p + i, &v, 4);
		if (!raw && i % 8 == 0 && i + 8 <= size && one_in(f, 2)) {
			uint64_t w = garbage_number(f);

			memcpy(p + i, &w, 8);
			i += 4;
		}
	}
}

static void op_garbage(struct fuzz *f)
{
	static uint8_t before[256];
	unsigned int i = rnd(f, ARRAY_SIZE(ioctls));
	const int fds[] = { f->node, f->node_ro, f->render, f->card };
	int which = rnd(f, 4), fd = fds[which];
	unsigned long cmd = ioctls[i].cmd;
	size_t size = ioctls[i].size;
	struct drm_hugemap_dirty_stop stop = {};
	long err;

	garbage_fill(f, f->buf, size);
	/* Clearing memory takes its time. */
	if (cmd == DRM_IOCTL_HUGEMAP_GEM_CREATE) {
		struct drm_hugemap_gem_create *a = (void *)f->buf;

		if (one_in(f, 3))
			a->region = f->region->region;
		if (a->size > HM_MIB(8) && a->size < f->size)
			a->size %= HM_MIB(8);
	}
	memset(f->buf + size, 0xa5, 64);
	memcpy(before, f->buf, size);
	say(f, "ioctl %#lx on file %lu: %016lx %016lx %016lx %016lx %016lx %016lx %016lx %016lx",
	    cmd, which, ((uint64_t *)before)[0], ((uint64_t *)before)[1],
	    ((uint64_t *)before)[2], ((uint64_t *)before)[3],
	    ((uint64_t *)before)[4], ((uint64_t *)before)[5],
	    ((uint64_t *)before)[6], ((uint64_t *)before)[7]);
	err = call(fd, cmd, f->buf);
	f->outcome = err ? -1 : 1;
	if (!documented(err))
		fuzz_fail(f, "got %s, which no ioctl is documented to give",
			  result_name(err));
	for (int n = 0; n < 64; n++)
		fuzz_assert(f, f->buf[size + n] == 0xa5);
	if (err && memcmp(before, f->buf, size))
		fuzz_fail(f, "%s, but the structure was written to",
			  result_name(err));
	if (err)
		return;
	/* Not too many of them. */
	if (cmd == DRM_IOCTL_HUGEMAP_GEM_CREATE && rnd(f, 8)) {
		fuzz_assert(f, !__hm_close(fd, ((struct drm_hugemap_gem_create *)
						(void *)f->buf)->handle));
	} else if (cmd == DRM_IOCTL_HUGEMAP_DIRTY_START && rnd(f, 8)) {
		stop.tracker = ((struct drm_hugemap_dirty_start *)
				(void *)f->buf)->tracker;
		fuzz_assert(f, !call(fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &stop));
	}
}

/*
 * Any number at all, but those of sync objects: some wait, and 6.1 warns of a
 * large count_handles (drm_syncobj_array_find()), whoever the driver is.
 */
static void op_any_ioctl(struct fuzz *f)
{
	const int fds[] = { f->node, f->node_ro, f->render, f->stranger };
	unsigned int nr = rnd(f, 256);
	unsigned long cmd;

	if (nr >= 0xbf && nr <= 0xcf)
		return;
	cmd = _IOC(rnd(f, 4), 'd', nr, rnd(f, 200));
	garbage_fill(f, f->buf, 256);
	say(f, "ioctl %#lx", cmd);
	f->outcome = call(pick_of(f, fds), cmd, f->buf) ? -1 : 1;
}

/* ---- what others use as well: no model, but no other errno either ---- */

static void op_shared(struct fuzz *f)
{
	struct drm_hugemap_dirty_start start = {
		.handle = f->shared_handle,
		.granule = pick_granule(f),
		.flags = rnd(f, 8) & ~DRM_HUGEMAP_DIRTY_ADAPTIVE,
	};
	struct drm_hugemap_dirty_sync sync = {
		.tracker = 1 + rnd(f, 80),
		.flags = rnd(f, 2) ? 0 : DRM_HUGEMAP_SYNC_RETRY,
		.bitmap = (uintptr_t)f->buf,
	};
	struct drm_hugemap_dirty_stop stop = { .tracker = 1 + rnd(f, 80) };
	int fd = f->shared_fd;

	switch (rnd(f, 3)) {
	case 0:
		say(f, "DIRTY_START for all, granule %#lx, flags %#lx",
		    start.granule, start.flags);
		want(f, call(fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &start), 0,
		     -ENOSPC);
		break;
	case 1:
		say(f, "DIRTY_SYNC of anybody's tracker %lu", sync.tracker);
		want(f, call(fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &sync), 0,
		     -ENOENT);
		break;
	default:
		say(f, "DIRTY_STOP of anybody's tracker %lu", stop.tracker);
		want(f, call(fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &stop), 0,
		     -ENOENT);
		break;
	}
}

#endif /* HM_FUZZ_IOCTL_H */
