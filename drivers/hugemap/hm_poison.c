// SPDX-License-Identifier: GPL-2.0
/*
 * Memory failure on page frames without struct pages.
 *
 * Kernels that have register_pfn_address_space() send SIGBUS to the processes
 * that map a failed frame (mm/memory-failure.c memory_failure_pfn()); on others
 * the failure is logged and ignored.
 */
#include <linux/slab.h>

#include "hm_poison.h"
#include "hm_vma.h"

#ifdef HM_HAVE_PFN_ADDRESS_SPACE
#include <linux/memory-failure.h>

/**
 * struct hm_poison - registrations of a region
 * @region: region
 * @nr: number of @spaces
 * @spaces: one per extent
 */
struct hm_poison {
	struct hm_region *region;
	unsigned int nr;
	struct pfn_address_space spaces[];
};

/*
 * Where in @vma is @pfn?  Asked under the i_mmap lock for every mapping of the
 * device: of the window, of the object that has the frame, and of others.
 */
static int hm_poison_pgoff(struct vm_area_struct *vma, unsigned long pfn,
			   pgoff_t *pgoff)
{
	const struct hm_object *obj = hm_vma_object(vma);
	unsigned int i;

	for (i = 0; obj && i < obj->nr_extents; i++) {
		const struct hm_extent *e = &obj->extents[i];

		if (pfn < e->pfn || pfn - e->pfn >= e->nr)
			continue;
		*pgoff = obj->pgoff + e->pgoff + (pfn - e->pfn);
		if (*pgoff < vma->vm_pgoff ||
		    *pgoff - vma->vm_pgoff >= vma_pages(vma))
			return -EFAULT;
		return 0;
	}
	return -EFAULT;
}

/**
 * hm_poison_register - be asked when a page frame of a region fails
 * @region: region
 *
 * Failing to register is not an error: the region works without.
 */
void hm_poison_register(struct hm_region *region)
{
	struct hm_object *obj = &region->window;
	struct hm_poison *p;
	unsigned int i;

	/* Core mm asks here only for frames without struct pages. */
	if (region->has_pages)
		return;
	p = kzalloc(struct_size(p, spaces, obj->nr_extents), GFP_KERNEL);
	if (!p)
		return;
	p->region = region;
	for (i = 0; i < obj->nr_extents; i++) {
		struct pfn_address_space *s = &p->spaces[i];

		s->node.start = obj->extents[i].pfn;
		s->node.last = s->node.start + obj->extents[i].nr - 1;
		s->mapping = obj->mapping;
		s->pfn_to_vma_pgoff = hm_poison_pgoff;
		if (register_pfn_address_space(s))
			break;
	}
	p->nr = i;
	region->poison = p;
	if (i < obj->nr_extents)
		hm_poison_unregister(region);
}

/**
 * hm_poison_unregister - the reverse
 * @region: region
 */
void hm_poison_unregister(struct hm_region *region)
{
	struct hm_poison *p = region->poison;
	unsigned int i;

	if (!p)
		return;
	region->poison = NULL;
	for (i = 0; i < p->nr; i++)
		unregister_pfn_address_space(&p->spaces[i]);
	kfree(p);
}

#else

void hm_poison_register(struct hm_region *region) { }
void hm_poison_unregister(struct hm_region *region) { }

#endif
