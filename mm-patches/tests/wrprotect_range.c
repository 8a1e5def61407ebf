// SPDX-License-Identifier: GPL-2.0
/*
 * mapping_wrprotect_range() write-protects all that maps the range, whatever
 * the size of the page table entries (P5).
 */
#include "helpers.h"

/* Protect the bytes [@offset, @offset + @len) of the device. */
static long wrprotect_pfn(off_t offset, size_t len, uint64_t pfn)
{
	struct mm_helpers_range r = { .pfn = pfn };

	return helpers_call(MM_HELPERS_WRPROTECT, &r, offset, len);
}

/* @p is where @offset is mapped. */
static long wrprotect(off_t offset, size_t len, const char *p)
{
	return wrprotect_pfn(offset, len, look(p).pfn);
}

/* Data has not changed, and each entry can be written again with one fault. */
static void verify(char *p, size_t len, size_t size)
{
	size_t i;

	for (i = 0; i < len; i += size) {
		bool writable = look(p + i).writable;

		mmt_check(word_get(p + i) == i + 1);
		mmt_check(write_faults(p + i) == !writable);
		mmt_check(word_get(p + i) == i + 2);
		word_set(p + i, i + 1);
	}
	check_entries(p, len, size, true);
}

/* The first, an inner and the last page of a PUD entry, and all of it. */
static void do_pud(void)
{
	static const struct {
		off_t offset;
		size_t len;
	} parts[] = {
		{ 0, MMT_1G }, { 0, MMT_4K }, { MMT_1G - MMT_4K, MMT_4K },
		{ 5 * MMT_2M + MMT_4K, 3 * MMT_2M },
	};
	char *p = map_written(MMT_1G, 0, MMT_1G);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		off_t offset = parts[i].offset;

		mmt_check(wrprotect(offset, parts[i].len, p + offset) == 1);
		check_entries(p, MMT_1G, MMT_1G, false);
		mmt_check(wrprotect(offset, parts[i].len, p + offset) == 0);
		verify(p, MMT_1G, MMT_1G);
	}
	mmt_check(!munmap(p, MMT_1G));
}

/* One call for several PMD entries, in part at both ends. */
static void do_pmds(void)
{
	const off_t offset = 6 * MMT_2M;
	char *p = map_written(8 * MMT_2M, offset, MMT_2M);
	off_t at = 2 * MMT_2M - MMT_4K;

	mmt_check(wrprotect(offset, 8 * MMT_2M, p) == 8);
	check_entries(p, 8 * MMT_2M, MMT_2M, false);
	verify(p, 8 * MMT_2M, MMT_2M);

	mmt_check(wrprotect(offset + at, 2 * MMT_2M + 2 * MMT_4K, p + at) == 4);
	check_entries(p, MMT_2M, MMT_2M, true);
	check_entries(p + MMT_2M, 4 * MMT_2M, MMT_2M, false);
	check_entries(p + 5 * MMT_2M, 3 * MMT_2M, MMT_2M, true);
	verify(p, 8 * MMT_2M, MMT_2M);

	mmt_check(wrprotect(offset + at, MMT_4K, p + at) == 1);
	check_entries(p + MMT_2M, MMT_2M, MMT_2M, false);
	check_entries(p + 2 * MMT_2M, 6 * MMT_2M, MMT_2M, true);
	verify(p, 8 * MMT_2M, MMT_2M);
	mmt_check(!munmap(p, 8 * MMT_2M));
}

/* A hole of one page makes a page table between PMD entries. */
static void do_mixed(void)
{
	const off_t at = 20 * MMT_2M;
	char *pud = map_written(MMT_1G, 0, MMT_1G);
	char *pmd = map_written(4 * MMT_2M, at, MMT_2M);
	char *pte = map_written(16 * MMT_4K, at, MMT_4K);
	char *mid = pmd + MMT_2M;
	uint64_t pfn = look(pud).pfn;
	size_t i;

	mmt_check(wrprotect_pfn(0, MMT_1G, pfn) == 1 + 4 + 16);
	check_entries(pud, MMT_1G, MMT_1G, false);
	check_entries(pmd, 4 * MMT_2M, MMT_2M, false);
	check_entries(pte, 16 * MMT_4K, MMT_4K, false);
	verify(pud, MMT_1G, MMT_1G);
	/* The same memory at another address: what is there was just written. */
	for (i = 0; i < 4 * MMT_2M; i += MMT_2M)
		mmt_check(write_faults(pmd + i) == 1);

	mmt_check(!munmap(mid, MMT_4K));
	for (i = MMT_4K; i < MMT_2M; i += MMT_4K)
		word_set(mid + i, i);
	check_entries(mid + MMT_4K, MMT_2M - MMT_4K, MMT_4K, true);
	mmt_check(!munmap(pte, 16 * MMT_4K));
	mmt_check(wrprotect_pfn(at, 4 * MMT_2M, pfn + PAGES(at)) == 1 + 3 + 511);
	check_entries(pmd, MMT_2M, MMT_2M, false);
	check_entries(mid + MMT_4K, MMT_2M - MMT_4K, MMT_4K, false);
	check_entries(mid + MMT_2M, 2 * MMT_2M, MMT_2M, false);
	for (i = MMT_4K; i < MMT_2M; i += MMT_4K)
		mmt_check(word_get(mid + i) == i);
	mmt_check(!munmap(pmd, 4 * MMT_2M));
	mmt_check(!munmap(pud, MMT_1G));
}

/* Entries that map other PFNs at these offsets are not touched. */
static void do_pfn(void)
{
	const off_t offset = 6 * MMT_2M;
	char *p = map_written(MMT_1G, 0, MMT_1G);
	char *q = map_written(4 * MMT_2M, offset, MMT_2M);

	mmt_check(wrprotect_pfn(0, MMT_1G, look(p).pfn + PAGES(MMT_1G)) == 0);
	check_entries(p, MMT_1G, MMT_1G, true);
	check_entries(q, 4 * MMT_2M, MMT_2M, true);
	/* The range begins two PMD entries further on in the memory. */
	mmt_check(wrprotect_pfn(offset, 4 * MMT_2M,
				look(q).pfn + PAGES(2 * MMT_2M)) == 1 + 2);
	check_entries(q, 2 * MMT_2M, MMT_2M, true);
	check_entries(q + 2 * MMT_2M, 2 * MMT_2M, MMT_2M, false);
	mmt_check(!munmap(q, 4 * MMT_2M));
	mmt_check(!munmap(p, MMT_1G));
}

static const struct helpers_case cases[] = {
	{ "pud", true, do_pud },
	{ "pmds", true, do_pmds },
	{ "mixed", true, do_mixed },
	{ "pfn", true, do_pfn },
};

int main(int argc, char **argv)
{
	helpers_run(argc, argv, cases, ARRAY_SIZE(cases));
}
