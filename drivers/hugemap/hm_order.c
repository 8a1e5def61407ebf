// SPDX-License-Identifier: GPL-2.0
/*
 * Choice of the page order for a fault: see hm_order.h.
 */
#include "hm_order.h"
#include <drm/hugemap_drm.h>

/**
 * hm_order_fits - may one page of an order hold the fault?
 * @w: where the fault happened
 * @order: of the page
 *
 * The core's vmf_insert_pfn_pmd() and vmf_insert_pfn_pud() check neither the
 * alignment of the page frame nor the end of the mapping, so this is the only
 * check there is.
 *
 * Return: DRM_HUGEMAP_WHY_NONE, or the first of _ALIGN, _VMA and _EXTENT that
 * stands in the way.
 */
unsigned int hm_order_fits(const struct hm_order_where *w, unsigned int order)
{
	unsigned long nr = 1UL << order;
	unsigned long in = w->vpn & (nr - 1);

	if ((w->pfn & (nr - 1)) != in)
		return DRM_HUGEMAP_WHY_ALIGN;
	if (in > w->vpn - w->vma_start || nr - in > w->vma_end - w->vpn)
		return DRM_HUGEMAP_WHY_VMA;
	if (in > w->pfn - w->ext_start || nr - in > w->ext_end - w->pfn)
		return DRM_HUGEMAP_WHY_EXTENT;
	return DRM_HUGEMAP_WHY_NONE;
}

/**
 * hm_order_clip - the part of an aligned virtual unit that can be mapped
 * @w: where the fault happened
 * @order: of the unit
 * @first: set to the first virtual page number of that part
 * @end: set to the virtual page number behind it
 *
 * The unit of @order that holds the fault, cut at the ends of the mapping and
 * of the contiguous memory.  It always holds the faulting page.
 */
void hm_order_clip(const struct hm_order_where *w, unsigned int order,
		   unsigned long *first, unsigned long *end)
{
	unsigned long nr = 1UL << order;
	unsigned long before = w->vpn & (nr - 1);
	unsigned long after = nr - before;

	before = before < w->vpn - w->vma_start ? before : w->vpn - w->vma_start;
	before = before < w->pfn - w->ext_start ? before : w->pfn - w->ext_start;
	after = after < w->vma_end - w->vpn ? after : w->vma_end - w->vpn;
	after = after < w->ext_end - w->pfn ? after : w->ext_end - w->pfn;

	*first = w->vpn - before;
	*end = w->vpn + after;
}

/**
 * hm_order_congruent - move an address up until it matches a physical one
 * @addr: virtual address, page aligned
 * @phys: physical address, page aligned
 * @shift: log2 of the page size to match for
 *
 * Return: the lowest address that is not below @addr and equals @phys modulo
 * the page size; at most one page size less one above @addr.
 */
unsigned long hm_order_congruent(unsigned long addr, unsigned long phys,
				 unsigned int shift)
{
	return addr + ((phys - addr) & ((1UL << shift) - 1));
}
