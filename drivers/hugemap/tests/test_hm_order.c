// SPDX-License-Identifier: GPL-2.0
/*
 * hm_order.c, exhaustively over a small world: every mapping and every piece of
 * memory of up to N pages, every fault in them, every order.  The expected
 * result is computed page by page, from what the functions promise.
 */
#include "hm_test.h"
#include "hm_order.h"
#include <drm/hugemap_drm.h>
#ifdef __KERNEL__
#include "../hm_order.c"
#endif

#define TOP_ORDER	HM_SCALED(3, 2)
/* More than two units of the largest order. */
#define SPACE		HM_SCALED(19, 10)

static void claim(bool ok, const char *what, const struct hm_order_where *w,
		  unsigned int order)
{
	check(ok, "%s: order %u vpn %lu in [%lu,%lu) pfn %lu in [%lu,%lu)",
	      what, order, w->vpn, w->vma_start, w->vma_end, w->pfn,
	      w->ext_start, w->ext_end);
}

/* What hm_order_fits() promises, one page after the other. */
static unsigned int expect_fits(const struct hm_order_where *w,
				unsigned int order)
{
	unsigned long nr = 1UL << order, i;
	unsigned long v = w->vpn / nr * nr;
	long delta = (long)w->pfn - (long)w->vpn;
	bool vma = true, ext = true;

	/* The page frame of the first page must be aligned as well. */
	if (((long)v + delta) < 0 || ((long)v + delta) % (long)nr)
		return DRM_HUGEMAP_WHY_ALIGN;
	for (i = v; i < v + nr; i++) {
		unsigned long p = i + delta;

		vma &= i >= w->vma_start && i < w->vma_end;
		ext &= p >= w->ext_start && p < w->ext_end;
	}
	return !vma ? DRM_HUGEMAP_WHY_VMA : !ext ? DRM_HUGEMAP_WHY_EXTENT :
						   DRM_HUGEMAP_WHY_NONE;
}

static void check_clip(const struct hm_order_where *w, unsigned int order)
{
	unsigned long nr = 1UL << order, v = w->vpn / nr * nr, i;
	unsigned long first, end;
	long delta = (long)w->pfn - (long)w->vpn;

	hm_order_clip(w, order, &first, &end);
	claim(first <= w->vpn && w->vpn < end, "clip holds the fault", w,
	      order);
	claim(first >= v && end <= v + nr, "clip in the unit", w, order);
	/* A page of the unit is in the result exactly if it can be mapped. */
	for (i = v; i < v + nr; i++) {
		long p = (long)i + delta;
		bool can = i >= w->vma_start && i < w->vma_end &&
			   p >= (long)w->ext_start && p < (long)w->ext_end;

		claim(can == (i >= first && i < end), "clip is exact", w,
		      order);
	}
}

static void each_fault(struct hm_order_where w)
{
	unsigned int order;

	for (w.vpn = w.vma_start; w.vpn < w.vma_end; w.vpn++) {
		for (w.pfn = w.ext_start; w.pfn < w.ext_end; w.pfn++) {
			for (order = 0; order <= TOP_ORDER; order++) {
				claim(hm_order_fits(&w, order) ==
				      expect_fits(&w, order), "fits", &w, order);
				check_clip(&w, order);
			}
		}
	}
}

static void each_extent(struct hm_order_where w)
{
	for (w.ext_start = 0; w.ext_start < SPACE; w.ext_start++)
		for (w.ext_end = w.ext_start + 1; w.ext_end <= SPACE; w.ext_end++)
			each_fault(w);
}

HM_TEST(test_exhaustive)
{
	struct hm_order_where w = {};

	for (w.vma_start = 0; w.vma_start < SPACE; w.vma_start++)
		for (w.vma_end = w.vma_start + 1; w.vma_end <= SPACE; w.vma_end++)
			each_extent(w);
}

/* The ends of the number space: nothing may wrap. */
HM_TEST(test_extremes)
{
	unsigned long top = ULONG_MAX >> 12, nr = 1UL << 18;
	struct hm_order_where w = {
		.vpn = top, .vma_start = 0, .vma_end = top + 1,
		.pfn = top, .ext_start = 0, .ext_end = top + 1,
	};
	unsigned long first, end;

	claim(hm_order_fits(&w, 18) == DRM_HUGEMAP_WHY_NONE, "top unit", &w,
	      18);
	hm_order_clip(&w, 18, &first, &end);
	claim(first == top + 1 - nr && end == top + 1, "top clip", &w, 18);
	w.vma_end = w.vpn + 1;
	w.vma_start = w.vpn;
	claim(hm_order_fits(&w, 18) == DRM_HUGEMAP_WHY_VMA, "one page", &w, 18);
	claim(hm_order_fits(&w, 0) == DRM_HUGEMAP_WHY_NONE, "one page", &w, 0);
	w = (struct hm_order_where){
		.vpn = 0, .vma_start = 0, .vma_end = nr,
		.pfn = 0, .ext_start = 0, .ext_end = nr - 1,
	};
	claim(hm_order_fits(&w, 18) == DRM_HUGEMAP_WHY_EXTENT, "one short", &w,
	      18);
	claim(hm_order_fits(&w, 9) == DRM_HUGEMAP_WHY_NONE, "still a PMD", &w,
	      9);
}

static void each_congruent(unsigned long a, unsigned int shift)
{
	struct hm_order_where none = {};
	unsigned long size = 1UL << shift, p, r;

	for (p = 0; p < 100; p++) {
		r = hm_order_congruent(a, p, shift);
		claim(r >= a && r - a < size && r % size == p % size,
		      "congruent", &none, shift);
	}
}

HM_TEST(test_congruent)
{
	unsigned int shift;
	unsigned long a;

	for (shift = 0; shift <= 5; shift++)
		for (a = 0; a < 100; a++)
			each_congruent(a, shift);
}

HM_SUITE(hm_order,
	 HM_CASE(test_exhaustive),
	 HM_CASE(test_extremes),
	 HM_CASE(test_congruent));
