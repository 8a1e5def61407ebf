// SPDX-License-Identifier: MIT
#include "hm_map.h"

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE	0x03
#endif
#ifndef MAP_SYNC
#define MAP_SYNC		0x80000
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

/**
 * TEST: hugemap mmap
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: mmap
 * Description: What mmap() of the node accepts, refuses and returns.
 *
 * SUBTEST: offsets
 * Description: A mapping shows the part of the region it was asked for.
 *
 * SUBTEST: beyond-end
 * Description: No mapping reaches behind the region.
 *
 * SUBTEST: whole-region
 * Description: All of the region in one mapping, up to the last byte.
 *
 * SUBTEST: private
 * Description: Private mappings are refused, even for reading: they could
 *	become writable.
 *
 * SUBTEST: flags
 * Description: MAP_SYNC and unknown flags are refused, as their users expect.
 *
 * SUBTEST: fixed
 * Description: MAP_FIXED puts a mapping exactly there, over others.
 *
 * SUBTEST: hint
 * Description: A hint is honoured where there is room, whatever pages that
 *	allows.
 *
 * SUBTEST: congruence
 * Description: Without a hint the address allows the largest pages.
 *
 * SUBTEST: congruence-inside
 * Description: A mapping that begins in the middle of a large page is placed
 *	so that the rest of it can be mapped by large pages.
 *
 * SUBTEST: populate
 * Description: MAP_POPULATE is accepted; it fills everything or nothing.
 *
 * SUBTEST: locked
 * Description: MAP_LOCKED, mlock() and mlockall() are accepted.
 *
 * SUBTEST: remap-file-pages
 * Description: remap_file_pages() shows other contents or is refused.
 *
 * SUBTEST: mremap-grow
 * Description: A mapping does not grow, and the attempt does no harm.
 *
 * SUBTEST: mremap-shrink
 * Description: A mapping shrinks; the rest is gone, the other part stays.
 *
 * SUBTEST: prot-none
 * Description: A mapping without access traps until it gets some.
 *
 * SUBTEST: descriptors
 * Description: Duplicates of a descriptor share its counters, another open
 *	has its own.
 *
 * SUBTEST: survives-close
 * Description: A mapping outlives the descriptor it was made with.
 *
 * SUBTEST: aliases
 * Description: Several mappings of the same memory, with pages of different
 *	sizes, show the same contents.
 *
 * SUBTEST: between-processes
 * Description: Processes that open the node themselves share the memory.
 *
 * SUBTEST: inherited
 * Description: A child shares its parent's mapping.
 *
 * SUBTEST: many
 * Description: Thousands of small mappings, all with the right contents.
 *
 * SUBTEST: execute
 * Description: Code in the region runs through an executable mapping.
 */

IGT_TEST_DESCRIPTION("What mmap() of the node accepts, refuses and returns.");

#define RW	(PROT_READ | PROT_WRITE)

/* mmap() must fail with this error. */
static void check_refused(int fd, uint64_t off, uint64_t len, int prot,
			  int flags, int err)
{
	void *p;

	errno = 0;
	p = mmap(NULL, len, prot, flags, fd, off);
	if (p != MAP_FAILED)
		hm_munmap(p, len);
	igt_assert_f(p == MAP_FAILED && errno == err,
		     "mmap of %#llx at %#llx, flags %#x: %s, expected %s\n",
		     (unsigned long long)len, (unsigned long long)off, flags,
		     p == MAP_FAILED ? strerror(errno) : "success",
		     strerror(err));
}

static void store(const struct hm_node *node, uint64_t off, uint64_t val)
{
	igt_assert_eq_s64(pwrite(node->fd, &val, sizeof(val), off),
			  sizeof(val));
}

static uint64_t load(const struct hm_node *node, uint64_t off)
{
	uint64_t val = 0;

	igt_assert_eq_s64(pread(node->fd, &val, sizeof(val), off),
			  sizeof(val));
	return val;
}

static void test_offsets(const struct hm_node *node)
{
	uint64_t page = hm_page_size(), pmd = hm_pmd_size(node);
	const uint64_t offsets[] = {
		0, page, 7 * page, pmd - page, pmd, pmd + page,
		node->size / 2, node->size - pmd, node->size - page,
	};
	const uint64_t lengths[] = { page, 3 * page, pmd, pmd + page };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			uint64_t off = offsets[i] & ~(page - 1), at;
			uint64_t len = lengths[j];
			volatile uint64_t *p;

			if (off + len > node->size)
				continue;
			p = hm_mmap(node, off, len, RW);
			for (at = 0; at < len; at += len - page ?: page) {
				uint64_t seed = i * 10 + j;

				store(node, off + at, hm_pattern(off, seed));
				igt_assert_eq_u64(p[at / 8],
						  hm_pattern(off, seed));
				p[at / 8] = hm_pattern(at, seed);
				__sync_synchronize();
				igt_assert_eq_u64(load(node, off + at),
						  hm_pattern(at, seed));
			}
			hm_munmap((void *)p, len);
		}
	}
	/* mmap() counts in pages. */
	check_refused(node->fd, 1, page, RW, MAP_SHARED, EINVAL);
	check_refused(node->fd, page / 2, page, RW, MAP_SHARED, EINVAL);
	check_refused(node->fd, 0, 0, RW, MAP_SHARED, EINVAL);
}

static void test_beyond_end(const struct hm_node *node)
{
	uint64_t page = hm_page_size(), size = node->size;
	uint64_t far = -(uint64_t)page;
	void *p;

	check_refused(node->fd, 0, size + page, RW, MAP_SHARED, EINVAL);
	check_refused(node->fd, 0, size + 1, RW, MAP_SHARED, EINVAL);
	check_refused(node->fd, size, page, RW, MAP_SHARED, EINVAL);
	check_refused(node->fd, size - page, 2 * page, RW, MAP_SHARED, EINVAL);
	check_refused(node->fd, page, size, RW, MAP_SHARED, EINVAL);
	check_refused(node->fd, size + HM_GIB(1), page, RW, MAP_SHARED, EINVAL);
	check_refused(node->fd, 1ull << 40, page, PROT_READ, MAP_SHARED,
		      EINVAL);
	/* Offset and length that wrap around. */
	check_refused(node->fd, far, 2 * page, RW, MAP_SHARED, EOVERFLOW);
	check_refused(node->fd, INT64_MIN, page, RW, MAP_SHARED, EINVAL);
	check_refused(node->fd, INT64_MAX & far, page, RW, MAP_SHARED, EINVAL);
	/* Nothing of that kind in place of something else either. */
	p = hm_mmap(node, 0, page, RW);
	igt_assert(mmap(p, page, RW, MAP_SHARED | MAP_FIXED, node->fd, size) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
	munmap(p, page);

	/* A length is rounded up to pages, inside the region. */
	p = hm_mmap(node, size - page, 1, RW);
	((volatile char *)p)[page - 1] = 1;
	hm_munmap(p, page);
}

static void test_whole_region(const struct hm_node *node)
{
	uint64_t size = node->size, pmd = hm_pmd_size(node), at;
	volatile uint64_t *p = hm_mmap(node, 0, size, RW);

	for (at = 0; at < size; at += pmd)
		p[at / 8] = hm_pattern(at, 1);
	p[size / 8 - 1] = hm_pattern(size, 1);
	for (at = 0; at < size; at += pmd)
		igt_assert_eq_u64(p[at / 8], hm_pattern(at, 1));
	igt_assert_eq_u64(p[size / 8 - 1], hm_pattern(size, 1));
	__sync_synchronize();
	igt_assert_eq_u64(load(node, size - 8), hm_pattern(size, 1));
	igt_assert_eq_u64(load(node, pmd), hm_pattern(pmd, 1));
	hm_munmap((void *)p, size);
}

static void test_private(const struct hm_node *node)
{
	uint64_t page = hm_page_size();
	int ro = hm_open(node, O_RDONLY);

	check_refused(node->fd, 0, page, RW, MAP_PRIVATE, EINVAL);
	check_refused(node->fd, 0, page, PROT_WRITE, MAP_PRIVATE, EINVAL);
	check_refused(node->fd, 0, page, PROT_READ, MAP_PRIVATE, EINVAL);
	check_refused(node->fd, 0, page, PROT_NONE, MAP_PRIVATE, EINVAL);
	check_refused(node->fd, 0, hm_pmd_size(node), PROT_READ,
		      MAP_PRIVATE | MAP_POPULATE, EINVAL);
	check_refused(ro, 0, page, RW, MAP_PRIVATE, EINVAL);
	check_refused(ro, 0, page, PROT_READ, MAP_PRIVATE, EINVAL);
	close(ro);
}

static void test_flags(const struct hm_node *node)
{
	uint64_t page = hm_page_size();
	void *p;

	p = mmap(NULL, page, RW, MAP_SHARED_VALIDATE, node->fd, 0);
	igt_assert(p != MAP_FAILED);
	hm_munmap(p, page);
	check_refused(node->fd, 0, page, RW, MAP_SHARED_VALIDATE | MAP_SYNC,
		      EOPNOTSUPP);
	check_refused(node->fd, 0, page, RW, MAP_SHARED_VALIDATE | 1 << 24,
		      EOPNOTSUPP);
	/* MAP_SHARED ignores what it does not know. */
	p = mmap(NULL, page, RW, MAP_SHARED | MAP_SYNC | MAP_NORESERVE,
		 node->fd, 0);
	igt_assert(p != MAP_FAILED);
	hm_munmap(p, page);
	check_refused(node->fd, 0, page, RW, MAP_SHARED | MAP_HUGETLB, EINVAL);
	check_refused(node->fd, 0, page, RW, 0, EINVAL);
}

static void test_fixed(const struct hm_node *node)
{
	uint64_t page = hm_page_size(), len = 16 * page, i;
	volatile char *area, *p;

	for (i = 0; i < 16; i++)
		store(node, i * page, i);
	area = hm_reserve_aligned(len, page);
	/* Last page first, each in a place of its own. */
	for (i = 0; i < 16; i++)
		hm_mmap_at(node, (char *)area + i * page, (15 - i) * page,
			   page, PROT_READ);
	for (i = 0; i < 16; i++)
		igt_assert_eq(area[i * page], 15 - i);
	/* Over what is there and was touched. */
	hm_mmap_at(node, (char *)area + 4 * page, 0, 8 * page, RW);
	for (i = 0; i < 16; i++)
		igt_assert_eq(area[i * page],
			      i >= 4 && i < 12 ? i - 4 : 15 - i);
	p = mmap((void *)area, page, RW, MAP_SHARED | MAP_FIXED_NOREPLACE,
		 node->fd, 0);
	igt_assert(p == MAP_FAILED);
	igt_assert_eq(errno, EEXIST);
	p = mmap((char *)area + 1, page, RW, MAP_SHARED | MAP_FIXED, node->fd,
		 0);
	igt_assert(p == MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq(area[0], 15);
	/* Something else over a part of ours. */
	p = mmap((char *)area + 5 * page, page, RW,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	igt_assert(p == area + 5 * page);
	igt_assert_eq(*p, 0);
	*p = 99;
	igt_assert_eq_u64(load(node, page), 1);
	igt_assert_eq(area[4 * page], 0);
	igt_assert_eq(area[6 * page], 2);
	hm_munmap((void *)area, len);
}

static void test_hint(const struct hm_node *node)
{
	uint64_t page = hm_page_size(), len = 2 * hm_pmd_size(node);
	char *area, *want, *p;

	igt_hugemap_require_size(node, len);
	area = hm_reserve_aligned(4 * len, hm_pmd_size(node));
	hm_munmap(area, 4 * len);
	/* Page aligned and nothing more. */
	want = area + 3 * page;
	p = mmap(want, len, RW, MAP_SHARED, node->fd, 0);
	igt_assert(p == want);
	hm_fill_pages(p, 0, len, 2);
	hm_check_pages(p, 0, len, 2);
	/* Taken: some other place, and one that does not overlap. */
	p = mmap(want + page, len, RW, MAP_SHARED, node->fd, 0);
	igt_assert(p != MAP_FAILED);
	igt_assert(p + len <= want || p >= want + len);
	hm_check_pages(p, 0, len, 2);
	hm_munmap(p, len);
	hm_munmap(want, len);
	/* A hint is rounded to pages. */
	p = mmap(want + 5, page, RW, MAP_SHARED, node->fd, 0);
	igt_assert(p == want || p == want + page);
	hm_munmap(p, page);
}

/* Writes every base page, so that everything is mapped. */
static void fill(const struct hm_node *node, void *p, uint64_t off,
		 uint64_t len)
{
	hm_fill_pages(p, off, len, node->index + 1);
	hm_check_pages(p, off, len, node->index + 1);
}

/* Some pages all over a mapping, at most 512: a guest's memory is dear. */
static uint64_t step_of(uint64_t len)
{
	return len / 512 < hm_page_size() ? hm_page_size() :
	       len / 512 & ~(hm_page_size() - 1);
}

static void fill_some(void *p, uint64_t off, uint64_t len, uint64_t seed)
{
	hm_fill_step(p, off, len, step_of(len), seed);
}

static void check_some(const void *p, uint64_t off, uint64_t len, uint64_t seed)
{
	hm_check_step(p, off, len, step_of(len), seed);
}

static void test_congruence(const struct hm_node *node)
{
	hm_for_each_order(node, order) {
		uint64_t size = hm_order_size(order), len;
		void *p;

		if (!order || !hm_has_order(node, order) || size > node->size)
			continue;
		/* The region begins where a page of that order can begin. */
		igt_require(node->q.type != DRM_HUGEMAP_REGION_RESERVED ||
			    node->size % size == 0);
		len = order == node->q.pud_order ? size : 3 * size;
		p = hm_mmap(node, 0, len, RW);
		igt_assert_eq_u64((uintptr_t)p % size, 0);
		fill_some(p, 0, len, 1);
		check_some(p, 0, len, 1);
		igt_hugemap_require_level(node, p, len, order);
		hm_munmap(p, len);
	}
}

static void test_congruence_inside(const struct hm_node *node)
{
	uint64_t page = hm_page_size(), pmd = hm_pmd_size(node);
	uint64_t pud = hm_pud_size(node);
	struct hm_levels l;
	void *p;

	igt_require(hm_has_order(node, node->q.pmd_order) ||
		    hm_has_order(node, node->q.pud_order));
	if (hm_has_order(node, node->q.pmd_order)) {
		/* 5 pages before the end of a PMD entry's memory, then two. */
		p = hm_mmap(node, pmd - 5 * page, 2 * pmd + 5 * page, RW);
		fill(node, p, pmd - 5 * page, 2 * pmd + 5 * page);
		hm_assert_levels(node, p, 2 * pmd + 5 * page, 0, 2, 5);
		hm_munmap(p, 2 * pmd + 5 * page);
	}
	/* The same a level higher; a system region may be in pieces. */
	if (!hm_has_order(node, node->q.pud_order) || node->size < 2 * pud ||
	    node->q.type == DRM_HUGEMAP_REGION_SYSTEM)
		return;
	p = hm_mmap(node, pud - 3 * pmd, pud + 3 * pmd, RW);
	/* A place in every PMD-sized unit. */
	hm_fill_step(p, pud - 3 * pmd, pud + 3 * pmd, pmd, 1);
	hm_check_step(p, pud - 3 * pmd, pud + 3 * pmd, pmd, 1);
	igt_assert(hm_map_levels(node, p, pud + 3 * pmd, &l));
	igt_assert_eq_u64(l.pud, 1);
	igt_assert_eq_u64(l.mapped, pud + 3 * pmd);
	if (hm_has_order(node, node->q.pmd_order)) {
		igt_assert_eq_u64(l.pmd, 3);
		igt_assert_eq_u64(l.pte, 0);
	} else {
		igt_assert_eq_u64(l.pte, 3 * pmd / page);
	}
	hm_munmap(p, pud + 3 * pmd);
}

static void test_populate(const struct hm_node *node)
{
	static const int prots[] = { PROT_READ, RW };
	uint64_t len = 4 * hm_pmd_size(node);
	struct hm_levels l;
	unsigned int i;
	void *p;

	igt_hugemap_require_size(node, len);
	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		p = mmap(NULL, len, prots[i], MAP_SHARED | MAP_POPULATE,
			 node->fd, 0);
		igt_assert_f(p != MAP_FAILED, "%m\n");
		igt_assert(hm_map_levels(node, p, len, &l));
		igt_assert_eq_u64(l.mapped, 0);
		if (prots[i] & PROT_WRITE)
			fill(node, p, 0, len);
		else
			igt_assert_eq(hm_touch_read(p).sig, 0);
		hm_munmap(p, len);
	}
}

static void test_locked(const struct hm_node *node)
{
	uint64_t len = 2 * hm_pmd_size(node), page = hm_page_size();
	struct hm_levels l;
	char *p;

	igt_hugemap_require_size(node, len);
	p = mmap(NULL, len, RW, MAP_SHARED | MAP_LOCKED, node->fd, 0);
	igt_assert_f(p != MAP_FAILED, "%m\n");
	igt_assert(hm_map_levels(node, p, len, &l));
	igt_assert_eq_u64(l.mapped, 0);
	igt_assert_eq(munlock(p, len), 0);
	igt_assert_eq(mlock(p, len), 0);
	igt_assert(hm_map_levels(node, p, len, &l));
	igt_assert_eq_u64(l.mapped, 0);
	fill(node, p, 0, len);
	igt_assert_eq(munlock(p, len), 0);
	igt_assert_eq(mlock(p, len), 0);
	/* A part of it. */
	igt_assert_eq(munlock(p + page, page), 0);
	igt_assert_eq(mlock2(p, 3 * page, MLOCK_ONFAULT), 0);
	fill(node, p, 0, len);
	hm_munmap(p, len);

	/* In a process of its own: it concerns everything there is. */
	igt_fork(child, 1) {
		char *q = hm_mmap(node, 0, len, RW);

		igt_assert_eq(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
		fill(node, q, 0, len);
		q = hm_mmap(node, 0, len, RW);
		fill(node, q, 0, len);
		igt_assert_eq(munlockall(), 0);
	}
	igt_waitchildren();
}

static void test_remap_file_pages(const struct hm_node *node)
{
	uint64_t page = hm_page_size(), len = 8 * page, i;
	volatile uint64_t *p;

	for (i = 0; i < 16; i++)
		store(node, i * page, 100 + i);
	p = hm_mmap(node, 0, len, RW);
	igt_assert_eq_u64(p[2 * page / 8], 102);
	if (syscall(SYS_remap_file_pages, (char *)p + 2 * page, page, 0, 9, 0)) {
		igt_assert(errno == EINVAL || errno == ENOSYS);
		igt_assert_eq_u64(p[2 * page / 8], 102);
	} else {
		igt_assert_eq_u64(p[2 * page / 8], 109);
	}
	igt_assert_eq_u64(p[page / 8], 101);
	igt_assert_eq_u64(p[3 * page / 8], 103);
	/* Behind the end it must not reach. */
	igt_assert_neq(syscall(SYS_remap_file_pages, (char *)p + 4 * page,
			       page, 0, node->size / page, 0), 0);
	hm_munmap((void *)p, len);
}

static void test_mremap_grow(const struct hm_node *node)
{
	hm_for_each_order(node, order) {
		uint64_t off, len;
		void *p;

		p = hm_mmap_order(node, order, RW, &off, &len);
		if (!p)
			continue;
		fill_some(p, off, len, 3);
		igt_assert(mremap(p, len, len + hm_page_size(), 0) ==
			   MAP_FAILED);
		igt_assert_eq(errno, EFAULT);
		igt_assert(mremap(p, len, len * 2, MREMAP_MAYMOVE) ==
			   MAP_FAILED);
		igt_assert_eq(errno, EFAULT);
		check_some(p, off, len, 3);
		hm_munmap(p, len);
	}
}

static void test_mremap_shrink(const struct hm_node *node)
{
	uint64_t page = hm_page_size();

	hm_for_each_order(node, order) {
		uint64_t off, len, step;
		char *p;

		p = hm_mmap_order(node, order, RW, &off, &len);
		if (!p)
			continue;
		step = step_of(len);
		hm_fill_step(p, off, len, step, 4);
		hm_fill_pages(p, off, 4 * page, 4);
		/* In half, then to an odd number of pages, then to one. */
		igt_assert(mremap(p, len, len / 2, 0) == p);
		hm_check_step(p, off, len / 2, step, 4);
		igt_assert_eq(hm_touch_read(p + len / 2).sig, SIGSEGV);
		igt_assert(mremap(p, len / 2, 3 * page, 0) == p);
		hm_check_pages(p, off, 3 * page, 4);
		igt_assert_eq(hm_touch_read(p + 3 * page).sig, SIGSEGV);
		igt_assert(mremap(p, 3 * page, page, MREMAP_MAYMOVE) == p);
		hm_check_pages(p, off, page, 4);
		hm_munmap(p, page);
		/* The memory is untouched by all that. */
		igt_assert_eq_u64(load(node, off + len - step),
				  hm_pattern(off + len - step, 4));
	}
}

static void test_prot_none(const struct hm_node *node)
{
	uint64_t len = 2 * hm_pmd_size(node);
	struct hm_touch t;
	char *p;

	igt_hugemap_require_size(node, len);
	store(node, 0, 0x55);
	p = hm_mmap(node, 0, len, PROT_NONE);
	t = hm_touch_read(p + 5);
	igt_assert_eq(t.sig, SIGSEGV);
	igt_assert_eq(t.code, SEGV_ACCERR);
	igt_assert(t.addr == p + 5);
	igt_assert_eq(__hm_prefault(node->fd, p, len, 0,
				    DRM_HUGEMAP_ORDER_ANY, NULL), -EACCES);

	igt_assert_eq(mprotect(p, len, PROT_READ), 0);
	igt_assert_eq(*p, 0x55);
	t = hm_touch_write(p);
	igt_assert_eq(t.sig, SIGSEGV);
	igt_assert_eq(t.code, SEGV_ACCERR);

	igt_assert_eq(mprotect(p, len, RW), 0);
	fill(node, p, 0, len);

	igt_assert_eq(mprotect(p, len, PROT_NONE), 0);
	igt_assert_eq(hm_touch_read(p).sig, SIGSEGV);
	igt_assert_eq(mprotect(p, len, RW), 0);
	hm_check_pages(p, 0, len, node->index + 1);
	hm_munmap(p, len);
}

static void test_descriptors(const struct hm_node *node)
{
	int fd = hm_open(node, O_RDWR), other = hm_open(node, O_RDWR);
	int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	uint64_t page = hm_page_size();
	struct hm_stats s;
	char *a, *b;

	a = hm_mmap_fd(fd, 0, page, RW);
	b = hm_mmap_fd(duplicate, page, page, RW);
	*a = 1;
	*b = 2;
	hm_stats_read(fd, &s);
	hm_assert_stat(&s, "fault-pte", 2);
	hm_assert_stat(&s, "vmas", 2);
	hm_stats_read(duplicate, &s);
	hm_assert_stat(&s, "fault-pte", 2);
	hm_stats_read(other, &s);
	hm_assert_stat(&s, "fault-pte", 0);
	hm_assert_stat(&s, "vmas", 0);

	close(fd);
	hm_munmap(a, page);
	hm_stats_read(duplicate, &s);
	hm_assert_stat(&s, "vmas", 1);
	igt_assert_eq(*b, 2);
	hm_munmap(b, page);
	close(duplicate);
	close(other);
}

static void test_survives_close(const struct hm_node *node)
{
	uint64_t len = 2 * hm_pmd_size(node);
	int fd = hm_open(node, O_RDWR);
	char *p, *q;

	igt_hugemap_require_size(node, len);
	p = hm_mmap_fd(fd, 0, len, RW);
	q = hm_mmap_fd(fd, 0, len, PROT_READ);
	hm_fill_pages(p, 0, len / 2, 5);
	close(fd);
	/* What was there, and what is not there yet. */
	hm_check_pages(p, 0, len / 2, 5);
	hm_fill_pages(p, 0, len, 6);
	hm_check_pages(q, 0, len, 6);
	/* It can still be cut, protected and moved. */
	hm_munmap(p + len / 4, hm_page_size());
	hm_check_pages(p, 0, len / 4, 6);
	igt_assert_eq(mprotect(q, len, PROT_NONE), 0);
	igt_assert_eq(mprotect(q, len, PROT_READ), 0);
	q = mremap(q, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
		   hm_reserve_aligned(len, len));
	igt_assert(q != MAP_FAILED);
	hm_check_pages(q, 0, len, 6);
	hm_munmap(p, len);
	hm_munmap(q, len);
}

static void test_aliases(const struct hm_node *node)
{
	uint64_t len = 2 * hm_pmd_size(node), at, i, j;
	const uint64_t shifts[] = { 0, hm_pmd_size(node), hm_page_size() };
	volatile uint64_t *p[ARRAY_SIZE(shifts)];

	igt_hugemap_require_size(node, len);
	for (i = 0; i < ARRAY_SIZE(shifts); i++)
		p[i] = hm_mmap_shifted(node, 0, len, RW, shifts[i]);
	for (i = 0; i < 100; i++) {
		at = hm_pattern(i, 1) % len & ~7ull;
		for (j = 0; j < ARRAY_SIZE(shifts); j++) {
			p[j][at / 8] = hm_pattern(at, i * 10 + j);
			__sync_synchronize();
			igt_assert_eq_u64(p[(j + 1) % 3][at / 8],
					  hm_pattern(at, i * 10 + j));
			igt_assert_eq_u64(p[(j + 2) % 3][at / 8],
					  hm_pattern(at, i * 10 + j));
		}
	}
	/* They are what the test is about. */
	fill(node, (void *)p[0], 0, len);
	fill(node, (void *)p[2], 0, len);
	hm_assert_levels(node, (void *)p[2], len, 0, 0, len / hm_page_size());
	if (hm_has_order(node, node->q.pmd_order))
		hm_assert_levels(node, (void *)p[0], len, 0, 2, 0);
	for (i = 0; i < ARRAY_SIZE(shifts); i++)
		hm_munmap((void *)p[i], len);
}

static void test_between_processes(const struct hm_node *node)
{
	const int processes = 4;
	uint64_t len = hm_pmd_size(node), page = hm_page_size();
	volatile uint32_t *p = hm_mmap(node, 0, len, RW);
	int i;

	memset((void *)p, 0, page);
	igt_fork(child, processes) {
		int fd = hm_open(node, O_RDWR);
		volatile uint32_t *q = hm_mmap_fd(fd, 0, len, RW);
		uint32_t *count = (uint32_t *)&q[processes];

		/* Everybody signs and waits for everybody else. */
		q[child] = child + 1;
		__atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(count, __ATOMIC_SEQ_CST) < (uint32_t)processes)
			usleep(1000);
		for (int other = 0; other < processes; other++)
			igt_assert_eq(q[other], other + 1);
		hm_fill((char *)q + (child + 1) * page,
			(child + 1) * page, page, child);
	}
	igt_waitchildren_timeout(60, "processes do not see each other");
	for (i = 0; i < processes; i++)
		hm_check((char *)p + (i + 1) * page, (i + 1) * page, page, i);
	hm_munmap((void *)p, len);
}

static void test_inherited(const struct hm_node *node)
{
	hm_for_each_order(node, order) {
		uint64_t off, len;
		struct hm_levels l;
		char *p;

		p = hm_mmap_order(node, order, RW, &off, &len);
		if (!p)
			continue;
		fill_some(p, off, len, 7);
		igt_fork(child, 1) {
			check_some(p, off, len, 7);
			fill_some(p, off, len, 8);
			igt_assert(hm_map_levels(node, p, len, &l));
			igt_assert_eq_u64(l.mapped, len);
			hm_munmap(p, len);
		}
		igt_waitchildren();
		check_some(p, off, len, 8);
		hm_munmap(p, len);
	}
}

static void test_many(const struct hm_node *node)
{
	enum { COUNT = 2000 };
	static volatile uint64_t *p[COUNT];
	uint64_t page = hm_page_size(), n = node->size / page, off;
	int fd = hm_open(node, O_RDWR), i;
	struct hm_stats s;

	for (i = 0; i < COUNT; i++) {
		/* Neighbours in memory are strangers in the region. */
		off = i * 7919ull % n * page;
		p[i] = hm_mmap_fd(fd, off, page, RW);
		*p[i] = hm_pattern(off, 9);
	}
	hm_stats_read(fd, &s);
	hm_assert_stat(&s, "fault-pte", COUNT);
	hm_assert_stat(&s, "pte-entries", COUNT);
	for (i = 0; i < COUNT; i++) {
		off = i * 7919ull % n * page;
		igt_assert_eq_u64(*p[i], hm_pattern(off, 9));
		hm_munmap((void *)p[i], page);
	}
	hm_stats_read(fd, &s);
	hm_assert_stat(&s, "vmas", 0);
	close(fd);
}

static void test_execute(const struct hm_node *node)
{
#ifdef __x86_64__
	/* mov $0x2a, %eax; ret */
	static const unsigned char code[] = { 0xb8, 0x2a, 0, 0, 0, 0xc3 };
#endif
	uint64_t page = hm_page_size();
	void *p = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_SHARED, node->fd,
		       0);

	if (p == MAP_FAILED) {
		/* A security module or a noexec /dev may forbid it. */
		igt_assert(errno == EPERM || errno == EACCES);
		igt_skip("executable mappings are forbidden here\n");
	}
#ifdef __x86_64__
	igt_assert_eq_s64(pwrite(node->fd, code, sizeof(code), 0),
			  sizeof(code));
	igt_assert_eq(((int (*)(void))p)(), 42);
#endif
	hm_munmap(p, page);
}

int igt_main()
{
	igt_fixture()
		igt_hugemap_require_nodes();

	igt_describe("A mapping shows the part of the region it was asked for.");
	igt_subtest_with_dynamic("offsets")
		hm_dynamic_for_each_node(node)
			test_offsets(node);

	igt_describe("No mapping reaches behind the region.");
	igt_subtest_with_dynamic("beyond-end")
		hm_dynamic_for_each_node(node)
			test_beyond_end(node);

	igt_describe("All of the region in one mapping, up to the last byte.");
	igt_subtest_with_dynamic("whole-region")
		hm_dynamic_for_each_node(node)
			test_whole_region(node);

	igt_describe("Private mappings are refused, even for reading: they could become writable.");
	igt_subtest_with_dynamic("private")
		hm_dynamic_for_each_node(node)
			test_private(node);

	igt_describe("MAP_SYNC and unknown flags are refused, as their users expect.");
	igt_subtest_with_dynamic("flags")
		hm_dynamic_for_each_node(node)
			test_flags(node);

	igt_describe("MAP_FIXED puts a mapping exactly there, over others.");
	igt_subtest_with_dynamic("fixed")
		hm_dynamic_for_each_node(node)
			test_fixed(node);

	igt_describe("A hint is honoured where there is room, whatever pages that allows.");
	igt_subtest_with_dynamic("hint")
		hm_dynamic_for_each_node(node)
			test_hint(node);

	igt_describe("Without a hint the address allows the largest pages.");
	igt_subtest_with_dynamic("congruence")
		hm_dynamic_for_each_node(node)
			test_congruence(node);

	igt_describe("A mapping that begins in the middle of a large page is placed so that the rest of it can be mapped by large pages.");
	igt_subtest_with_dynamic("congruence-inside")
		hm_dynamic_for_each_node(node)
			test_congruence_inside(node);

	igt_describe("MAP_POPULATE is accepted; it fills everything or nothing.");
	igt_subtest_with_dynamic("populate")
		hm_dynamic_for_each_node(node)
			test_populate(node);

	igt_describe("MAP_LOCKED, mlock() and mlockall() are accepted.");
	igt_subtest_with_dynamic("locked")
		hm_dynamic_for_each_node(node)
			test_locked(node);

	igt_describe("remap_file_pages() shows other contents or is refused.");
	igt_subtest_with_dynamic("remap-file-pages")
		hm_dynamic_for_each_node(node)
			test_remap_file_pages(node);

	igt_describe("A mapping does not grow, and the attempt does no harm.");
	igt_subtest_with_dynamic("mremap-grow")
		hm_dynamic_for_each_node(node)
			test_mremap_grow(node);

	igt_describe("A mapping shrinks; the rest is gone, the other part stays.");
	igt_subtest_with_dynamic("mremap-shrink")
		hm_dynamic_for_each_node(node)
			test_mremap_shrink(node);

	igt_describe("A mapping without access traps until it gets some.");
	igt_subtest_with_dynamic("prot-none")
		hm_dynamic_for_each_node(node)
			test_prot_none(node);

	igt_describe("Duplicates of a descriptor share its counters, another open has its own.");
	igt_subtest_with_dynamic("descriptors")
		hm_dynamic_for_each_node(node)
			test_descriptors(node);

	igt_describe("A mapping outlives the descriptor it was made with.");
	igt_subtest_with_dynamic("survives-close")
		hm_dynamic_for_each_node(node)
			test_survives_close(node);

	igt_describe("Several mappings of the same memory, with pages of different sizes, show the same contents.");
	igt_subtest_with_dynamic("aliases")
		hm_dynamic_for_each_node(node)
			test_aliases(node);

	igt_describe("Processes that open the node themselves share the memory.");
	igt_subtest_with_dynamic("between-processes")
		hm_dynamic_for_each_node(node)
			test_between_processes(node);

	igt_describe("A child shares its parent's mapping.");
	igt_subtest_with_dynamic("inherited")
		hm_dynamic_for_each_node(node)
			test_inherited(node);

	igt_describe("Thousands of small mappings, all with the right contents.");
	igt_subtest_with_dynamic("many")
		hm_dynamic_for_each_node(node)
			test_many(node);

	igt_describe("Code in the region runs through an executable mapping.");
	igt_subtest_with_dynamic("execute")
		hm_dynamic_for_each_node(node)
			test_execute(node);
}
