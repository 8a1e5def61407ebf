/* SPDX-License-Identifier: MIT */
/*
 * What hm_fuzz does to memory and mappings, and what must become of it: see
 * docs/system-calls.md.
 */
#ifndef HM_FUZZ_MEM_H
#define HM_FUZZ_MEM_H

#include "hm_fuzz.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif

/* ---- loads and stores ---- */

/*
 * A place in a segment of whose content the model is sure, mostly where other
 * operations are, too.
 */
static struct mem *pick_known(struct fuzz *f, struct seg *g, uint64_t *addr,
			      uint64_t *off)
{
	uint64_t from = g->addr, to = g->addr + g->len, page;

	if (has_window(g)) {
		uint64_t a = f->window > g->off ? f->window - g->off : 0;
		uint64_t b = f->window + BASE_SIZE > g->off ?
			     f->window + BASE_SIZE - g->off : 0;

		b = b < g->len ? b : g->len;
		if (a >= b)
			return NULL;
		from = g->addr + a;
		to = g->addr + b;
	}
	page = (to - from) / HM_PAGE;
	if (page > 32 && !one_in(f, 3))
		page = 32;
	*addr = from + rnd(f, page) * HM_PAGE;
	return mem_at(f, g, *addr, off);
}

/* The same in any segment with all of @prot. */
static struct mem *pick_access(struct fuzz *f, int prot, struct seg **g,
			       uint64_t *addr, uint64_t *off)
{
	for (int i = 0; i < 8 && f->nr_segs; i++) {
		struct mem *m;

		*g = pick_seg(f);
		if (((*g)->prot & prot) != prot)
			continue;
		m = pick_known(f, *g, addr, off);
		if (m)
			return m;
	}
	return NULL;
}

/* Device memory: no instructions but plain moves. */
static void load(const struct fuzz *f, uint64_t addr, uint64_t len)
{
	const volatile uint8_t *p = (void *)addr;

	for (uint64_t i = 0; i < len; i++)
		f->buf[i] = p[i];
}

static void op_store(struct fuzz *f)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8, 8, 8 };
	uint64_t addr, off, value, in;
	struct seg *g;
	struct mem *m = pick_access(f, RW, &g, &addr, &off);
	uint8_t size = pick_of(f, sizes);
	int n = 1 + rnd(f, 12);

	if (!m)
		return;
	say(f, "store %lu bytes at %#lx, %lu pages: object %lu (%s) %#lx", size,
	    addr, n, m - f->mem, word_of(via_name[g->via]), off);
	for (; n-- && addr < g->addr + g->len; addr += HM_PAGE) {
		m = mem_at(f, g, addr, &off);
		if (!m)
			break;
		in = rnd(f, HM_PAGE / size) * size;
		value = rnd(f, 0);
		switch (size) {
		case 1:
			*(volatile uint8_t *)(addr + in) = value;
			break;
		case 2:
			*(volatile uint16_t *)(addr + in) = value;
			break;
		case 4:
			*(volatile uint32_t *)(addr + in) = value;
			break;
		default:
			*(volatile uint64_t *)(addr + in) = value;
			break;
		}
		shadow_write(f, m, off + in, &value, size);
		mark_seg(f, g, addr, HM_PAGE);
	}
	f->outcome = 1;
}

static void op_load(struct fuzz *f)
{
	uint64_t addr, off, in = rnd(f, HM_PAGE / 64) * 64;
	struct seg *g;
	struct mem *m = pick_access(f, PROT_READ, &g, &addr, &off);
	uint64_t len = one_in(f, 8) ? HM_PAGE : 64;

	if (!m)
		return;
	in = len == HM_PAGE ? 0 : in;
	say(f, "load %lu bytes at %#lx: object %lu (%s) %#lx", len, addr + in,
	    m - f->mem, word_of(via_name[g->via]), off + in);
	load(f, addr + in, len);
	shadow_check(f, m, off + in, f->buf, len, "through a mapping");
	f->outcome = 1;
}

/* Where it is not allowed, and where nobody knows what is there. */
static void op_touch(struct fuzz *f)
{
	bool wr = one_in(f, 2), can;
	struct seg *g = one_in(f, 6) ? NULL : pick_seg(f);
	struct hm_touch t;
	uint64_t addr;
	int sig;

	if (g)
		addr = g->addr + rnd(f, g->len);
	else
		addr = ARENA + rnd(f, ARENA_SIZE);
	g = seg_at(f, addr);
	can = g && (wr ? g->prot & PROT_WRITE : g->prot);
	/* A window is the memory of others, too: only read. */
	if (can && wr && !mem_at(f, g, addr, &(uint64_t){ 0 }) &&
	    !f->mem[g->mem].foreign)
		wr = false;
	say(f, wr ? "write at %#lx" : "read at %#lx", addr);
	t = wr ? hm_touch_write((void *)addr) : hm_touch_read((void *)addr);
	if (can && wr)
		mark_seg(f, g, addr & ~(HM_PAGE - 1), HM_PAGE);
	sig = can ? 0 : SIGSEGV;
	f->outcome = can ? 1 : -1;
	if (t.sig != sig || (sig && (t.addr != (void *)addr ||
				     t.code != (g ? SEGV_ACCERR : SEGV_MAPERR))))
		fuzz_fail(f, "signal %d, code %d, address %p, expected signal %d, code %d",
			  t.sig, t.code, t.addr, sig,
			  g ? SEGV_ACCERR : SEGV_MAPERR);
}

/* ---- the node as a file ---- */

/* A part of BASE in the window. */
static void pick_file_range(struct fuzz *f, uint64_t *off, uint64_t *len)
{
	*off = rnd(f, one_in(f, 3) ? BASE_SIZE : HM_PAGE * 32);
	*len = one_in(f, 3) ? 1 + rnd(f, 3 * HM_PAGE) : 1 + rnd(f, 64);
	if (one_in(f, 4))
		*off &= ~(HM_PAGE - 1);
	if (*len > BASE_SIZE - *off)
		*len = BASE_SIZE - *off;
}

static void random_bytes(struct fuzz *f, uint64_t len)
{
	for (uint64_t i = 0; i < len; i += 8) {
		uint64_t v = rnd(f, 0);

		memcpy(f->buf + i, &v, 8);
	}
}

static void op_pread(struct fuzz *f)
{
	uint64_t off, len;

	pick_file_range(f, &off, &len);
	say(f, "pread of %lu bytes at BASE + %#lx", len, off);
	memset(f->buf, 0x5a, len);
	want(f, neg_errno(pread(one_in(f, 2) ? f->node : f->node_ro, f->buf, len,
				f->window + off)), (long)len);
	shadow_check(f, &f->mem[BASE], off, f->buf, len, "through pread()");
}

static void op_pwrite(struct fuzz *f)
{
	uint64_t off, len;

	pick_file_range(f, &off, &len);
	random_bytes(f, len);
	say(f, "pwrite of %lu bytes at BASE + %#lx", len, off);
	want(f, neg_errno(pwrite(one_in(f, 2) ? f->node : f->node_dup, f->buf,
				 len, f->window + off)), (long)len);
	shadow_copy(f, &f->mem[BASE], off, f->buf, len);
	mark(f, true, 0, f->window + off, len);
}

/* lseek(), and then read() or write(), in one of two descriptors of a file. */
static void op_seek_io(struct fuzz *f)
{
	uint64_t off, len;
	bool wr = one_in(f, 2);
	long ret;

	pick_file_range(f, &off, &len);
	random_bytes(f, len);
	say(f, "lseek to BASE + %#lx and %s %lu bytes", off,
	    word_of(wr ? "write" : "read"), len);
	fuzz_assert(f, lseek(f->node, f->window + off, SEEK_SET) ==
		    (off_t)(f->window + off));
	ret = wr ? write(f->node_dup, f->buf, len) :
		   read(f->node_dup, f->buf, len);
	want(f, neg_errno(ret), (long)len);
	f->pos = f->window + off + len;
	fuzz_assert(f, lseek(f->node, 0, SEEK_CUR) == (off_t)f->pos);
	if (!wr) {
		shadow_check(f, &f->mem[BASE], off, f->buf, len,
			     "through read()");
		return;
	}
	shadow_copy(f, &f->mem[BASE], off, f->buf, len);
	mark(f, true, 0, f->window + off, len);
}

static void op_lseek(struct fuzz *f)
{
	int whence = rnd(f, 6);
	int64_t off = one_in(f, 3) ? (int64_t)rnd(f, f->size) :
		      one_in(f, 2) ? -(int64_t)rnd(f, f->size) :
				     (int64_t)odd_number(f);
	/* The kernel's arithmetic wraps around. */
	uint64_t to = (whence == SEEK_CUR ? f->pos : whence == SEEK_END ?
		       f->size : 0) + (uint64_t)off;

	say(f, "lseek by %#lx, whence %lu, from %#lx", off, whence, f->pos);
	if (whence > SEEK_END || to > f->size) {
		want(f, neg_errno(lseek(f->node, off, whence)), -EINVAL);
		return;
	}
	want(f, neg_errno(lseek(f->node, off, whence)), (long)to);
	f->pos = to;
}

/* At offsets where nothing is. */
static void op_wild_io(struct fuzz *f)
{
	int64_t pos = one_in(f, 4) ? (int64_t)(f->size - rnd(f, 5000)) :
		      one_in(f, 3) ? (int64_t)(f->size + rnd(f, 5000)) :
				     (int64_t)odd_number(f);
	uint64_t len = rnd(f, 3) ? rnd(f, 8192) : 0;
	bool wr = pos >= (int64_t)f->size && one_in(f, 2);
	long ret, left = pos < (int64_t)f->size ? (int64_t)f->size - pos : 0;

	say(f, "%s of %lu bytes at %#lx of %#lx", word_of(wr ? "pwrite" : "pread"),
	    len, pos, f->size);
	ret = neg_errno(wr ? pwrite(f->node, f->buf, len, pos) :
			     pread(f->node, f->buf, len, pos));
	if (pos < 0 || (int64_t)((uint64_t)pos + len) < 0)
		want(f, ret, -EINVAL);
	else if (!len)
		want(f, ret, 0);
	else if (wr)
		want(f, ret, -ENOSPC);
	else
		want(f, ret, (long)len < left ? (long)len : left);
}

/* A buffer that is not there, or not all of it. */
static char *bad_buffer(struct fuzz *f, uint64_t *good)
{
	static const uint64_t addrs[] = {
		0, 8, 0xffff888000000000, 0xffffffff81000000,
		0x8000000000000000, 0xfffffffffffff000, 0x7ffffffff000,
	};

	*good = 0;
	if (one_in(f, 3)) {
		*good = rnd(f, 100);
		return f->bad + HM_PAGE - *good;
	}
	return one_in(f, 3) ? f->bad + HM_PAGE : (char *)pick_of(f, addrs);
}

static void op_bad_io(struct fuzz *f)
{
	uint64_t off, len, good;
	bool wr = one_in(f, 2);
	char *p = bad_buffer(f, &good);
	long ret;

	pick_file_range(f, &off, &len);
	if (len <= good)
		len = good + 1;
	if (off > BASE_SIZE - 2 * HM_PAGE)
		off = 0;
	random_bytes(f, good);
	memcpy(f->bad + HM_PAGE - good, f->buf, good);
	say(f, "%s of %lu bytes at BASE + %#lx, buffer %#lx: %lu bytes are there",
	    word_of(wr ? "pwrite" : "pread"), len, off, word_of(p), good);
	if (one_in(f, 8) && !wr) {
		/* The file is not open for that. */
		want(f, neg_errno(pwrite(f->node_ro, f->buf, len,
					 f->window + off)), -EBADF);
		return;
	}
	ret = neg_errno(wr ? pwrite(f->node, p, len, f->window + off) :
			     pread(f->node, p, len, f->window + off));
	if (ret == -EFAULT || (ret > 0 && ret <= (long)good)) {
		f->outcome = ret > 0 ? 1 : -1;
	} else {
		fuzz_fail(f, "got %s, expected EFAULT or 1 to %" PRIu64,
			  result_name(ret), good);
	}
	if (ret <= 0)
		return;
	if (wr) {
		shadow_copy(f, &f->mem[BASE], off, f->buf, ret);
		mark(f, true, 0, f->window + off, ret);
	} else {
		shadow_check(f, &f->mem[BASE], off, (uint8_t *)p, ret,
			     "through pread()");
	}
}

/* A debugger's way. */
static void op_proc_mem(struct fuzz *f)
{
	uint64_t addr, off, in = rnd(f, HM_PAGE - 64), len = 1 + rnd(f, 64);
	struct seg *g;
	struct mem *m = pick_access(f, 0, &g, &addr, &off);
	bool wr = one_in(f, 2);

	if (one_in(f, 10)) {
		addr = ARENA + rnd(f, ARENA_SIZE);
		if (seg_at(f, addr))
			return;
		say(f, "/proc/self/mem at %#lx: nothing", addr);
		want(f, neg_errno(pread(f->mem_fd, f->buf, 8, addr)), -EIO);
		return;
	}
	if (!m)
		return;
	say(f, "/proc/self/mem: %s %lu bytes at %#lx, protection %lu",
	    word_of(wr ? "write" : "read"), len, addr + in, g->prot);
	if (!wr) {
		want(f, neg_errno(pread(f->mem_fd, f->buf, len, addr + in)),
		     (long)len);
		shadow_check(f, m, off + in, f->buf, len, "through ptrace");
		return;
	}
	random_bytes(f, len);
	if (!(g->prot & PROT_WRITE)) {
		want(f, neg_errno(pwrite(f->mem_fd, f->buf, len, addr + in)),
		     -EIO);
		return;
	}
	want(f, neg_errno(pwrite(f->mem_fd, f->buf, len, addr + in)), (long)len);
	shadow_write(f, m, off + in, f->buf, len);
	mark_seg(f, g, addr, HM_PAGE);
}

/* A mapping as the buffer of a system call that copies. */
static void op_pipe(struct fuzz *f)
{
	uint64_t addr, off, in = rnd(f, HM_PAGE - 64), len = 1 + rnd(f, 64);
	struct seg *g;
	struct mem *m = pick_access(f, 0, &g, &addr, &off);
	bool in_pipe = one_in(f, 2);

	if (!m)
		return;
	say(f, "%s the pipe, %lu bytes at %#lx, protection %lu",
	    word_of(in_pipe ? "from" : "into"), len, addr + in, g->prot);
	if (!in_pipe) {
		bool can = g->prot;

		want(f, neg_errno(write(f->pipe[1], (void *)(addr + in), len)),
		     can ? (long)len : -EFAULT);
		if (!can)
			return;
		fuzz_assert(f, read(f->pipe[0], f->buf, len) == (long)len);
		shadow_check(f, m, off + in, f->buf, len, "through a pipe");
		return;
	}
	random_bytes(f, len);
	fuzz_assert(f, write(f->pipe[1], f->buf, len) == (long)len);
	if (!(g->prot & PROT_WRITE)) {
		want(f, neg_errno(read(f->pipe[0], (void *)(addr + in), len)),
		     -EFAULT);
		fuzz_assert(f, read(f->pipe[0], f->buf, 128) > 0);
		return;
	}
	want(f, neg_errno(read(f->pipe[0], (void *)(addr + in), len)),
	     (long)len);
	shadow_write(f, m, off + in, f->buf, len);
	mark_seg(f, g, addr, HM_PAGE);
}

/* Nobody gets a reference to the memory. */
static void op_gup(struct fuzz *f)
{
	struct iovec local = { f->buf, 64 }, remote = { NULL, 64 };
	uint64_t addr, off;
	struct seg *g;

	if (!pick_access(f, 0, &g, &addr, &off))
		return;
	remote.iov_base = (void *)addr;
	say(f, "references to %#lx, protection %lu", addr, g->prot);
	switch (rnd(f, 3)) {
	case 0:
		want(f, neg_errno(process_vm_readv(getpid(), &local, 1, &remote,
						   1, 0)), -EFAULT);
		break;
	case 1:
		want(f, neg_errno(process_vm_writev(getpid(), &local, 1,
						    &remote, 1, 0)), -EFAULT);
		break;
	default:
		want(f, neg_errno(vmsplice(f->pipe[1], &remote, 1,
					   SPLICE_F_NONBLOCK)), -EFAULT);
		break;
	}
}

/* ---- mappings ---- */

/* Something to map, and a part of it. */
static void pick_source(struct fuzz *f, struct seg *g)
{
	uint64_t max, unit;
	struct mem *m;

	memset(g, 0, sizeof(*g));
	g->via = one_in(f, 3) ? NODE : rnd(f, 2) ? RENDER : DMABUF;
	g->mem = one_in(f, 2) ? pick_mem(f) : BASE;
	m = &f->mem[g->mem];
	if (g->via == DMABUF && m->dmabuf < 0)
		g->via = RENDER;
	if (m->foreign && g->via == RENDER)
		g->via = DMABUF;
	if (g->via == NODE && one_in(f, 4))
		g->via = NODE_RO;
	g->prot = g->via == NODE_RO || one_in(f, 8) ? PROT_READ :
		  one_in(f, 16) ? PROT_NONE : RW;
	if (!has_window(g)) {
		max = m->size;
		unit = one_in(f, 2) ? HM_PAGE : f->pmd;
		g->off = one_in(f, 2) ? 0 : rnd(f, max) / unit * unit;
	} else {
		g->mem = BASE;
		max = f->size;
		unit = one_in(f, 3) ? HM_PAGE : one_in(f, 3) ? f->pud : f->pmd;
		g->off = (f->window + rnd(f, BASE_SIZE)) / unit * unit;
		/* All of a unit. */
		if (unit == f->pud) {
			g->len = max - g->off < unit ? max - g->off : unit;
			return;
		}
	}
	g->len = one_in(f, 4) ? HM_MIB(8) : (1 + rnd(f, 40)) * HM_PAGE;
	if (g->len > max - g->off)
		g->len = max - g->off;
}

/* Where the largest pages fit, or not. */
static uint64_t pick_place(struct fuzz *f, uint64_t off, uint64_t len)
{
	uint64_t unit = len >= f->pud ? f->pud : f->pmd, addr;
	uint64_t room = ARENA_SIZE / 2 - len / 2;

	const struct seg *g = one_in(f, 4) ? pick_seg(f) : NULL;

	if (g)
		/* Over what is there. */
		addr = g->addr + rnd(f, g->len) / HM_PAGE * HM_PAGE;
	else if (one_in(f, 3))
		addr = ARENA + rnd(f, room) / HM_PAGE * HM_PAGE;
	else
		addr = ARENA + rnd(f, room) / unit * unit + off % unit;
	/* The last GiB is for what fails. */
	if (addr + len > ARENA + ARENA_SIZE - HM_GIB(1))
		addr = ARENA;
	return addr;
}

static void *map(struct fuzz *f, const struct seg *g, uint64_t addr, int flags)
{
	return mmap((void *)addr, g->len, g->prot, flags,
		    fd_of(f, g->via, g->mem),
		    map_base(f, g->via, g->mem) + g->off);
}

static void op_mmap(struct fuzz *f)
{
	static const int more[] = {
		0, 0, 0, MAP_POPULATE, MAP_LOCKED, MAP_NORESERVE,
		MAP_NONBLOCK,
	};
	int flags = MAP_SHARED | pick_of(f, more);
	struct seg g;
	void *p;

	if (f->nr_segs >= MAX_SEGS - 8)
		return;
	pick_source(f, &g);
	g.addr = pick_place(f, g.off, g.len);
	if (!f->mem[g.mem].handle && g.via == RENDER)
		return;
	say(f, "mmap of object %lu (%s) %#lx, +%#lx, protection %lu, flags %#lx at %#lx",
	    g.mem, word_of(via_name[g.via]), g.off, g.len, g.prot, flags,
	    g.addr);
	if (one_in(f, 6)) {
		/* Where the kernel likes, and then where we do. */
		p = map(f, &g, one_in(f, 2) ? 0 : g.addr, flags);
		fuzz_assert(f, p != MAP_FAILED);
		for (uint64_t at = (uint64_t)p; at < (uint64_t)p + g.len;
		     at += HM_PAGE)
			fuzz_assert(f, !seg_at(f, at));
		fuzz_assert(f, p == (void *)g.addr ||
			    mremap(p, g.len, g.len, MREMAP_MAYMOVE |
				   MREMAP_FIXED, g.addr) == (void *)g.addr);
		f->outcome = 1;
	} else {
		p = map(f, &g, g.addr, flags | MAP_FIXED);
		want(f, p == MAP_FAILED ? -errno : p == (void *)g.addr, 1);
	}
	segs_drop(f, g.addr, g.len);
	seg_insert(f, &g);
	mems_release(f);
}

/* One thing is wrong. */
static void op_bad_mmap(struct fuzz *f)
{
	int flags = MAP_SHARED, fd, which = rnd(f, 15);
	uint64_t addr, off;
	struct seg g;
	void *p;
	long got;

	pick_source(f, &g);
	/* What is at a fixed place may be gone even if mmap() fails. */
	addr = ARENA + ARENA_SIZE - HM_GIB(1);
	if (which == 13 && f->nr_segs)
		addr = pick_seg(f)->addr;
	else if (which == 13)
		which = 0;
	flags |= MAP_FIXED;
	off = map_base(f, g.via, g.mem) + g.off;
	fd = fd_of(f, g.via, g.mem);
	say(f, "bad mmap (%lu) of object %lu (%s) %#lx, +%#lx, at %#lx", which,
	    g.mem, word_of(via_name[g.via]), g.off, g.len, addr);
	switch (which) {
	case 0:
		off += 1 + rnd(f, HM_PAGE - 1);
		break;
	case 1:
		g.len = 0;
		break;
	case 2:
		/* One page more than there is. */
		g.len = (has_window(&g) ? f->size : f->mem[g.mem].size) - g.off +
			HM_PAGE;
		break;
	case 3:
		flags ^= MAP_SHARED | MAP_PRIVATE;
		break;
	case 4:
		flags &= ~MAP_SHARED;
		break;
	case 5:
		addr += 1 + rnd(f, HM_PAGE - 1);
		break;
	case 6:
		addr = 1ull << 60;
		break;
	case 7:
		off = -HM_PAGE;
		g.len = 2 * HM_PAGE;
		break;
	case 8:
		flags = (flags & ~MAP_SHARED) | MAP_SHARED_VALIDATE | MAP_SYNC;
		break;
	case 9:
		flags = (flags & ~MAP_SHARED) | MAP_SHARED_VALIDATE | 1 << 25;
		break;
	case 10:
		fd = f->node_ro;
		off = f->window;
		g.len = HM_PAGE;
		g.prot = PROT_READ | PROT_WRITE;
		break;
	case 11:
		/* Where a client has nothing. */
		fd = f->render;
		off = f->size & HM_PAGE;
		g.len = HM_PAGE;
		break;
	case 12:
		fd = f->stranger;
		off = f->mem[BASE].offset;
		g.len = HM_PAGE;
		break;
	case 13:
		flags = MAP_SHARED | MAP_FIXED_NOREPLACE;
		break;
	default:
		g.len = -HM_PAGE;
		break;
	}
	p = mmap((void *)addr, g.len, g.prot, flags, fd, off);
	got = p == MAP_FAILED ? -errno : 0;
	switch (which) {
	case 6:
	case 14:
		want(f, got, -ENOMEM);
		break;
	case 7:
		want(f, got, -EOVERFLOW);
		break;
	case 8:
	case 9:
		want(f, got, -EOPNOTSUPP);
		break;
	case 10:
	case 12:
		want(f, got, -EACCES);
		break;
	case 13:
		want(f, got, -EEXIST);
		break;
	default:
		want(f, got, -EINVAL);
		break;
	}
}

/* Code: only where the file system of the node allows it. */
static void op_exec(struct fuzz *f)
{
	struct seg g = { .addr = pick_place(f, 0, HM_PAGE), .len = HM_PAGE,
			 .via = NODE, .off = f->window,
			 .prot = PROT_READ | PROT_EXEC };
	void *p;

	if (f->nr_segs >= MAX_SEGS - 8)
		return;
	say(f, "mmap with PROT_EXEC at %#lx", g.addr);
	p = map(f, &g, g.addr, MAP_SHARED | MAP_FIXED);
	want(f, p == MAP_FAILED ? -errno : 0, f->noexec ? -EPERM : 0);
	if (p == MAP_FAILED)
		return;
	segs_drop(f, g.addr, g.len);
	seg_insert(f, &g);
	mems_release(f);
}

/* Too many cuts: there is a limit to what the model holds. */
static void make_room(struct fuzz *f)
{
	uint64_t half = ARENA_SIZE / 2, at = one_in(f, 2) ? half / 2 : 0;

	fuzz_assert(f, !munmap((void *)(ARENA + at), half));
	segs_drop(f, ARENA + at, half);
	if (f->nr_segs >= MAX_SEGS / 2) {
		fuzz_assert(f, !munmap((void *)ARENA, ARENA_SIZE));
		segs_drop(f, ARENA, ARENA_SIZE);
	}
	mems_release(f);
}

static void op_munmap(struct fuzz *f)
{
	uint64_t addr, len;

	pick_range(f, &addr, &len);
	say(f, "munmap of %#lx, +%#lx", addr, len);
	if (one_in(f, 8)) {
		switch (rnd(f, 4)) {
		case 0:
			addr += 1 + rnd(f, HM_PAGE - 1);
			break;
		case 1:
			len = 0;
			break;
		case 2:
			len = -HM_PAGE;
			break;
		default:
			addr = 0xffff888000000000;
			break;
		}
		want(f, neg_errno(munmap((void *)addr, len)), -EINVAL);
		return;
	}
	want(f, neg_errno(munmap((void *)addr, len)), 0);
	segs_drop(f, addr, len);
	mems_release(f);
}

static void op_mprotect(struct fuzz *f)
{
	static const int prots[] = {
		RW, RW, RW, RW, PROT_READ, PROT_READ, PROT_NONE, PROT_WRITE,
	};
	int prot = pick_of(f, prots);
	uint64_t addr, len, at;
	long err = 0;

	pick_range(f, &addr, &len);
	if (f->nr_segs >= MAX_SEGS - 4)
		return;
	if (one_in(f, 16)) {
		say(f, "bad mprotect of %#lx, +%#lx", addr, len);
		switch (rnd(f, 4)) {
		case 0:
			addr++;
			break;
		case 1:
			prot |= 0x40;
			break;
		case 2:
			prot |= PROT_GROWSUP | PROT_GROWSDOWN;
			break;
		default:
			want(f, neg_errno(mprotect((void *)addr, -HM_PAGE,
						   prot)), -ENOMEM);
			return;
		}
		want(f, neg_errno(mprotect((void *)addr, len, prot)), -EINVAL);
		return;
	}
	say(f, "mprotect of %#lx, +%#lx, to %lu", addr, len, prot);
	for (at = addr; at < addr + len && !err;) {
		struct seg *g = seg_at(f, at);

		if (!g) {
			err = -ENOMEM;
		} else if (g->via == NODE_RO && prot & PROT_WRITE) {
			err = -EACCES;
		} else {
			if (g->prot != prot) {
				g = seg_carve(f, at, addr + len);
				g->prot = prot;
			}
			at = g->addr + g->len;
		}
	}
	want(f, neg_errno(mprotect((void *)addr, len, prot)), err);
}

static void op_mremap(struct fuzz *f)
{
	uint64_t addr, len, to, shorter;
	struct seg *g = pick_seg(f), n;
	void *p;

	if (!g || f->nr_segs >= MAX_SEGS - 4)
		return;
	pick_part(f, g, &addr, &len);
	to = pick_place(f, g->off + addr - g->addr, len);
	shorter = one_in(f, 3) ? HM_PAGE * (1 + rnd(f, len / HM_PAGE)) : len;
	say(f, "mremap of %#lx, +%#lx, to %#lx, +%#lx", addr, len, to, shorter);
	if (one_in(f, 4)) {
		/* In place, smaller or not. */
		p = mremap((void *)addr, len, shorter, one_in(f, 2) ?
			   MREMAP_MAYMOVE : 0);
		want(f, p == MAP_FAILED ? -errno : p == (void *)addr, 1);
		if (shorter < len)
			segs_drop(f, addr + shorter, len - shorter);
		return;
	}
	p = mremap((void *)addr, len, shorter, MREMAP_MAYMOVE | MREMAP_FIXED,
		   to);
	if (to < addr + len && addr < to + shorter) {
		want(f, p == MAP_FAILED ? -errno : 0, -EINVAL);
		return;
	}
	want(f, p == MAP_FAILED ? -errno : p == (void *)to, 1);
	n = *seg_at(f, addr);
	n.off += addr - n.addr;
	n.addr = to;
	n.len = shorter;
	segs_drop(f, to, shorter);
	segs_drop(f, addr, len);
	seg_insert(f, &n);
	mems_release(f);
}

static void op_bad_mremap(struct fuzz *f)
{
	uint64_t addr, len, new_len, to = ARENA + ARENA_SIZE - HM_MIB(64);
	struct seg *g = pick_seg(f);
	int flags = MREMAP_MAYMOVE, which = rnd(f, 8);
	long err = -EINVAL;
	void *p;

	if (!g)
		return;
	pick_part(f, g, &addr, &len);
	/* Over the end of the VMA is another error. */
	addr = g->addr;
	len = g->len;
	new_len = len;
	switch (which) {
	case 0:
		new_len += HM_PAGE * (1 + rnd(f, 600));
		err = -EFAULT;
		break;
	case 1:
		len = 0;
		err = -EFAULT;
		break;
	case 2:
		flags |= MREMAP_DONTUNMAP;
		break;
	case 3:
		new_len = 0;
		break;
	case 4:
		addr += 1 + rnd(f, HM_PAGE - 1);
		break;
	case 5:
		flags |= 0x100;
		break;
	case 6:
		flags = MREMAP_FIXED;
		break;
	default:
		addr = ARENA + ARENA_SIZE - HM_MIB(128);
		if (seg_at(f, addr))
			return;
		err = -EFAULT;
		break;
	}
	say(f, "bad mremap (%lu) of %#lx, +%#lx, to +%#lx, flags %#lx", which,
	    addr, len, new_len, flags);
	p = mremap((void *)addr, len, new_len, flags, to);
	want(f, p == MAP_FAILED ? -errno : 0, err);
}

static bool is_mixedmap(const struct fuzz *f, const struct seg *g)
{
	return has_window(g) || !f->mem[g->mem].foreign ? f->mixedmap :
	       f->shared_mixedmap;
}

/* What an advice does to one segment; @flags: what its VMA has then. */
static long advise(const struct fuzz *f, const struct seg *g, int advice,
		   uint8_t *flags)
{
	*flags = g->advice;
	switch (advice) {
	case MADV_NORMAL:
		*flags &= ~(ADV_RANDOM | ADV_SEQUENTIAL);
		return 0;
	case MADV_RANDOM:
		*flags = (*flags & ~ADV_SEQUENTIAL) | ADV_RANDOM;
		return 0;
	case MADV_SEQUENTIAL:
		*flags = (*flags & ~ADV_RANDOM) | ADV_SEQUENTIAL;
		return 0;
	case MADV_DONTFORK:
		*flags |= ADV_DONTFORK;
		return 0;
	case MADV_HUGEPAGE:
		*flags &= ~ADV_NOHUGE;
		return 0;
	case MADV_NOHUGEPAGE:
		*flags |= ADV_NOHUGE;
		return 0;
	case MADV_WILLNEED:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_DONTDUMP:
	case MADV_KEEPONFORK:
		return 0;
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return is_mixedmap(f, g) ? 0 : -EINVAL;
	case MADV_REMOVE:
		return g->via == NODE_RO ? -EACCES : -ENODEV;
	default:
		return -EINVAL;
	}
}

static void op_madvise(struct fuzz *f)
{
	static const int advices[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_MERGEABLE,
		MADV_UNMERGEABLE, MADV_DONTDUMP, MADV_KEEPONFORK,
		MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_COLD,
		MADV_PAGEOUT, MADV_DONTFORK, MADV_REMOVE, MADV_FREE,
		MADV_DOFORK, MADV_DODUMP, MADV_WIPEONFORK, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, MADV_COLLAPSE, 5, 7, 26, 102, 103, -1,
	};
	int advice = pick_of(f, advices);
	bool populate = advice == MADV_POPULATE_READ ||
			advice == MADV_POPULATE_WRITE;
	bool known = advice != 5 && advice != 7 && advice != 26 && advice >= 0;
	uint64_t addr, len, at;
	bool gap = false;
	long err = 0, got;
	uint8_t flags;
	struct seg *g;

	if (f->nr_segs >= MAX_SEGS - 4)
		return;
	pick_range(f, &addr, &len);
	/* A whole mapping once in a while, so that there are few cuts. */
	g = pick_seg(f);
	if (g && one_in(f, 2)) {
		addr = g->addr;
		len = g->len;
	}
	say(f, "madvise %lu of %#lx, +%#lx", advice, addr, len);
	if (one_in(f, 20)) {
		want(f, neg_errno(madvise((void *)addr + 1, len, advice)),
		     -EINVAL);
		return;
	}
	/* 6.9: a hole at the begin is looked at before what comes behind it. */
	g = seg_from(f, addr);
	if (!known ||
	    (populate && g && g->addr < addr + len &&
	     (g->addr <= addr || !hm_kernel_at_least(6, 9))))
		err = -EINVAL;
	else if (populate)
		err = -ENOMEM;
	for (at = addr; at < addr + len && !err;) {
		g = seg_from(f, at);
		if (!g || g->addr >= addr + len) {
			gap = true;
			break;
		}
		if (g->addr > at) {
			gap = true;
			at = g->addr;
		}
		err = advise(f, g, advice, &flags);
		if (!err && flags != g->advice) {
			g = seg_carve(f, at, addr + len);
			g->advice = flags;
		}
		at = g->addr + g->len;
	}
	if (!err && gap)
		err = -ENOMEM;
	got = neg_errno(madvise((void *)addr, len, advice));
	/* Guards are unknown, or for anonymous memory only. */
	if (advice >= 102 && err == -ENOMEM)
		want(f, got, -ENOMEM, -EINVAL);
	else if (advice == MADV_COLLAPSE)
		want(f, got, err, f->q.features &
		     DRM_HUGEMAP_FEATURE_CORE_COLLAPSE ? 0 : err);
	else
		want(f, got, err);
}

static void op_mlock(struct fuzz *f)
{
	uint64_t addr, len;
	long err;

	pick_range(f, &addr, &len);
	err = segs_cover(f, addr, len) ? 0 : -ENOMEM;
	say(f, "mlock and munlock of %#lx, +%#lx", addr, len);
	switch (rnd(f, 4)) {
	case 0:
		want(f, neg_errno(mlock((void *)addr, len)), err);
		break;
	case 1:
		want(f, neg_errno(mlock2((void *)addr, len, MLOCK_ONFAULT)),
		     err);
		break;
	case 2:
		want(f, neg_errno(mlock2((void *)addr, len, 0x80)), -EINVAL);
		return;
	default:
		break;
	}
	want(f, neg_errno(munlock((void *)addr, len)), err);
}

static void op_msync(struct fuzz *f)
{
	static const int kinds[] = {
		MS_ASYNC, MS_SYNC, MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, 0,
		MS_ASYNC | MS_SYNC, 0x100,
	};
	int flags = pick_of(f, kinds);
	uint64_t addr, len, at;
	struct seg *g;
	long err = 0;

	pick_range(f, &addr, &len);
	say(f, "msync of %#lx, +%#lx, flags %#lx", addr, len, flags);
	if (flags == (MS_ASYNC | MS_SYNC) || flags == 0x100) {
		want(f, neg_errno(msync((void *)addr, len, flags)), -EINVAL);
		return;
	}
	if (one_in(f, 10)) {
		want(f, neg_errno(msync((void *)addr + 1, len, flags)),
		     -EINVAL);
		return;
	}
	for (at = addr; at < addr + len; at = g->addr + g->len) {
		g = seg_from(f, at);
		if (!g || g->addr > at)
			err = -ENOMEM;
		if (!g || g->addr >= addr + len ||
		    (err && flags == MS_ASYNC))
			break;
		/* A DRM file or a dma-buf has no fsync(). */
		if (flags & MS_SYNC && !has_window(g)) {
			err = -EINVAL;
			break;
		}
	}
	want(f, neg_errno(msync((void *)addr, len, flags)), err);
}

static void op_mincore(struct fuzz *f)
{
	uint64_t addr, len;

	pick_range(f, &addr, &len);
	if (len > HM_MIB(64))
		len = HM_MIB(64);
	say(f, "mincore of %#lx, +%#lx", addr, len);
	want(f, neg_errno(mincore((void *)addr, len, f->buf)),
	     segs_cover(f, addr, len) ? 0 : -ENOMEM);
}

/* What a child does to shared memory, and to its own mappings. */
static void op_fork(struct fuzz *f)
{
	struct {
		struct seg *g;
		struct mem *m;
		uint64_t addr, off, value;
	} a[8];
	int n = 0, status, what = rnd(f, 4);
	uint64_t addr, len;
	pid_t pid;

	for (int i = 0; i < 8; i++) {
		a[n].m = pick_access(f, RW, &a[n].g, &a[n].addr, &a[n].off);
		if (!a[n].m || a[n].g->advice & ADV_DONTFORK)
			continue;
		a[n].value = rnd(f, 0);
		n++;
	}
	pick_range(f, &addr, &len);
	say(f, "fork; the child writes %lu pages, the first at %#lx", n,
	    n ? a[0].addr : 0);
	fflush(stdout);
	pid = fork();
	fuzz_assert(f, pid >= 0);
	if (!pid) {
		for (int i = 0; i < n; i++) {
			load(f, a[i].addr, 64);
			shadow_check(f, a[i].m, a[i].off, f->buf, 64,
				     "in a child");
			shadow_write(f, a[i].m, a[i].off, &a[i].value, 8);
			*(volatile uint64_t *)a[i].addr = a[i].value;
		}
		if (what == 1)
			munmap((void *)addr, len);
		else if (what == 2)
			mprotect((void *)addr, len, PROT_READ);
		else if (what == 3)
			__hm_promote(f->node, (void *)addr, len);
		_exit(0);
	}
	fuzz_assert(f, waitpid(pid, &status, 0) == pid);
	if (status)
		fuzz_fail(f, "the child's status is %#x", status);
	for (int i = 0; i < n; i++) {
		shadow_write(f, a[i].m, a[i].off, &a[i].value, 8);
		mark_seg(f, a[i].g, a[i].addr, HM_PAGE);
	}
	f->outcome = 1;
}

/* The kernel's VMAs are the model's. */
static void op_maps(struct fuzz *f)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512], prot[8];
	struct seg *g = f->nr_segs ? f->seg : NULL;
	uint64_t from, to;

	say(f, "/proc/self/maps");
	fuzz_assert(f, file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to,
			   prot) != 3 || to <= ARENA ||
		    from >= ARENA + ARENA_SIZE)
			continue;
		if (!g || g->addr != from || g->addr + g->len != to ||
		    (prot[0] == 'r') != !!(g->prot & PROT_READ) ||
		    (prot[1] == 'w') != !!(g->prot & PROT_WRITE) ||
		    (prot[2] == 'x') != !!(g->prot & PROT_EXEC) ||
		    prot[3] != 's')
			fuzz_fail(f, "%.60s: expected %#" PRIx64 "-%#" PRIx64 ", protection %d",
				  line, g ? g->addr : 0,
				  g ? g->addr + g->len : 0, g ? g->prot : 0);
		g = seg_next(f, g);
	}
	fclose(file);
	if (g)
		fuzz_fail(f, "no mapping at %#" PRIx64, g->addr);
	f->outcome = 1;
}

/* Anything else that looks at page tables. */
static void op_proc(struct fuzz *f)
{
	static const char * const files[] = {
		"/proc/self/smaps", "/proc/self/numa_maps",
		"/proc/self/smaps_rollup",
	};
	int fd = open(pick_of(f, files), O_RDONLY | O_CLOEXEC);

	say(f, "page table walks of /proc");
	fuzz_assert(f, fd >= 0);
	while (read(fd, f->buf, 65536) > 0)
		;
	close(fd);
	f->outcome = 1;
}

#endif /* HM_FUZZ_MEM_H */
