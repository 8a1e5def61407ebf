// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of memory from the page allocator: need nothing, work anywhere.
 *
 * The largest blocks first: gigabytes by contiguous allocation, the rest in
 * blocks of the buddy allocator's largest order, and where those end up side
 * by side they become one extent.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/page-flags.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "hm_object.h"
#include "hm_region.h"

/* Smallest block: below that nothing can be huge. */
#define HM_SYSTEM_ORDER		PMD_ORDER

/*
 * Kernels that clear what they allocate (init_on_alloc=1) did so here already:
 * every page, of a contiguous range as well, has gone through
 * post_alloc_hook() (mm/page_alloc.c).  With init_on_free=1 that relies on
 * how the page was freed; then it is cheaper to clear than to be sure.
 */
static void hm_region_system_clear(unsigned long pfn, unsigned long nr)
{
	unsigned long i;

	if (want_init_on_alloc(GFP_KERNEL) && !want_init_on_free())
		return;
	for (i = 0; i < nr; i++) {
		clear_page(page_address(pfn_to_page(pfn + i)));
		if (!(i % PTRS_PER_PTE))
			cond_resched();
	}
}

#ifdef CONFIG_CONTIG_ALLOC
/*
 * Could all of these frames be moved away?  As alloc_contig_pages() asks, and
 * as it, not in ZONE_MOVABLE: that memory is promised to be removable.
 */
static bool hm_region_system_movable(unsigned long pfn, unsigned long nr)
{
	struct zone *zone = NULL;
	unsigned long i;

	for (i = 0; i < nr; i++) {
		struct page *page = pfn_to_online_page(pfn + i);

		if (!page || PageReserved(page) || PageHuge(page))
			return false;
		if (zone && page_zone(page) != zone)
			return false;
		zone = page_zone(page);
		if (zone_idx(zone) > gfp_zone(GFP_KERNEL))
			return false;
		if (!(i % PTRS_PER_PTE))
			cond_resched();
	}
	return true;
}

/*
 * A contiguous, naturally aligned block of 2^@order pages, or 0.  The range
 * form is exported everywhere, alloc_contig_pages() only lately.
 */
static unsigned long hm_region_system_contig(unsigned int order)
{
	unsigned long nr = 1UL << order, pfn;
	int nid;

	for_each_online_node(nid) {
		pfn = ALIGN(node_start_pfn(nid), nr);
		for (; pfn + nr <= node_end_pfn(nid); pfn += nr) {
			if (fatal_signal_pending(current))
				return 0;
			if (hm_region_system_movable(pfn, nr) &&
			    !hm_compat_alloc_contig(pfn, pfn + nr))
				return pfn;
		}
	}
	return 0;
}
#else
static unsigned long hm_region_system_contig(unsigned int order)
{
	return 0;
}
#endif

/* A block of the buddy allocator as separate pages, each with a reference. */
static unsigned long hm_region_system_buddy(unsigned int order)
{
	struct page *page;

	page = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, order);
	if (!page)
		return 0;
	split_page(page, order);
	return page_to_pfn(page);
}

static int hm_region_system_cmp(const void *a, const void *b)
{
	const struct hm_extent *x = a, *y = b;

	return x->pfn < y->pfn ? -1 : x->pfn > y->pfn;
}

/* Those that hold a PUD entry first, so that the window begins with them. */
static int hm_region_system_cmp_size(const void *a, const void *b)
{
	const struct hm_extent *x = a, *y = b;

	if (x->nr != y->nr)
		return x->nr > y->nr ? -1 : 1;
	return hm_region_system_cmp(a, b);
}

static void hm_region_system_free(struct hm_extent *e, unsigned int nr)
{
	unsigned int i;
	unsigned long j;

	for (i = 0; i < nr; i++) {
		for (j = 0; j < e[i].nr; j++) {
			__free_page(pfn_to_page(e[i].pfn + j));
			if (!(j % PTRS_PER_PTE))
				cond_resched();
		}
	}
}

/* Put neighbours together and cut at PUD boundaries what holds a whole PUD. */
static unsigned int hm_region_system_merge(struct hm_extent *e, unsigned int nr)
{
	unsigned long pud = 1UL << PUD_ORDER;
	unsigned int i, n = 0;

	sort(e, nr, sizeof(*e), hm_region_system_cmp, NULL);
	for (i = 0; i < nr; i++) {
		if (n && e[n - 1].pfn + e[n - 1].nr == e[i].pfn &&
		    !IS_ALIGNED(e[i].pfn, pud))
			e[n - 1].nr += e[i].nr;
		else
			e[n++] = e[i];
	}
	sort(e, n, sizeof(*e), hm_region_system_cmp_size, NULL);
	for (i = 0; i < n; i++)
		iosys_map_set_vaddr(&e[i].kva,
				    page_address(pfn_to_page(e[i].pfn)));
	return n;
}

static int hm_region_system_init(struct hm_region *region)
{
	unsigned long want = region->spec.size >> PAGE_SHIFT, got = 0, pfn, nr;
	unsigned int max, n = 0, order;
	struct hm_extent *e;
	int ret = -ENOMEM;

	region->caching = DRM_HUGEMAP_CACHING_WB;
	region->has_pages = true;

	/* At worst everything comes in the smallest blocks, and a remainder. */
	max = (want >> HM_SYSTEM_ORDER) + HM_SYSTEM_ORDER + 1;
	e = kvcalloc(max, sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;

	while (hm_compat_has_pud() && want - got >= 1UL << PUD_ORDER) {
		pfn = hm_region_system_contig(PUD_ORDER);
		if (!pfn)
			break;
		e[n++] = (struct hm_extent){ .pfn = pfn, .nr = 1UL << PUD_ORDER };
		got += 1UL << PUD_ORDER;
	}
	order = HM_COMPAT_MAX_PAGE_ORDER;
	while (got < want) {
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			goto err_free;
		}
		nr = 1UL << order;
		if (nr > want - got) {
			order--;
			continue;
		}
		pfn = hm_region_system_buddy(order);
		if (!pfn) {
			/* The tail may be small; the body may not. */
			if (order <= HM_SYSTEM_ORDER)
				goto err_free;
			order--;
			continue;
		}
		e[n++] = (struct hm_extent){ .pfn = pfn, .nr = nr };
		got += nr;
	}
	for (max = 0; max < n; max++)
		hm_region_system_clear(e[max].pfn, e[max].nr);
	n = hm_region_system_merge(e, n);
	ret = hm_object_set_extents(&region->window, e, n);
	if (!ret)
		return 0;
err_free:
	if (ret == -ENOMEM)
		pr_err("system region of %#llx: not enough free memory in one piece\n",
		       region->spec.size);
	hm_region_system_free(e, n);
	kvfree(e);
	return ret;
}

static void hm_region_system_fini(struct hm_region *region)
{
	hm_region_system_free(region->window.extents,
			      region->window.nr_extents);
}

const struct hm_region_ops hm_region_system_ops = {
	.init = hm_region_system_init,
	.fini = hm_region_system_fini,
};
