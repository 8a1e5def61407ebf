// SPDX-License-Identifier: GPL-2.0
/*
 * hm_alloc.c with memory of its own: a region whose page frames stand for pages
 * of a buffer.  In the kernel only: it is made of drm_mm and a worker.
 */
#include <linux/vmalloc.h>

#include "hm_test.h"
#include "../hm_alloc.c"

/* Two pieces with a hole between them, none aligned to a PMD. */
#define HOLE_AT		(5 * HM_UNIT + 7)
#define HOLE		(HM_UNIT + 3)
#define NR		(12 * HM_UNIT + 100)
#define FIRST		(1000 * HM_UNIT + HM_UNIT - 50)
#define NR_FREE		(NR - HOLE)

struct workqueue_struct *hm_region_wq;

static u8 *memory;

static u8 *page_at(unsigned long pfn)
{
	return memory + ((pfn - FIRST) << PAGE_SHIFT);
}

struct iosys_map hm_region_kva(struct hm_region *region, unsigned long pfn)
{
	struct iosys_map map;

	iosys_map_set_vaddr(&map, page_at(pfn));
	return map;
}

static struct hm_region *region_new(u32 type)
{
	struct hm_region *region = hm_zalloc(sizeof(*region));
	static struct hm_extent extents[2];

	memset(extents, 0, sizeof(extents));
	/* Not in the order of the addresses, as a system region's. */
	extents[0].pfn = FIRST + HOLE_AT + HOLE;
	extents[0].nr = NR - HOLE_AT - HOLE;
	extents[1].pgoff = extents[0].nr;
	extents[1].pfn = FIRST;
	extents[1].nr = HOLE_AT;
	region->spec.type = type;
	region->window.extents = extents;
	region->window.nr_extents = ARRAY_SIZE(extents);
	region->window.nr_pages = NR_FREE;
	memset(memory, 0, NR << PAGE_SHIFT);
	check(!hm_alloc_init(region), "init");
	return region;
}

static void region_free(struct hm_region *region)
{
	hm_alloc_kill(region);
	check(!region->alloc.nr_used, "%lu", region->alloc.nr_used);
	hm_alloc_fini(region);
	hm_free(region);
}

static bool never(void *data)
{
	return false;
}

/**
 * struct owner - who has some memory
 * @blocks: of hm_alloc_get()
 * @nr: pages; 0 if he has none
 * @mark: what he writes to each
 */
struct owner {
	struct list_head blocks;
	unsigned long nr;
	u8 mark;
};

/* What is new is clear, inside the memory, and nobody else's. */
static void take(struct hm_region *region, struct owner *o, u8 mark)
{
	struct hm_block *b;
	unsigned long n = 0, i;

	check(!hm_alloc_clear(region, &o->blocks, never, NULL), "clear");
	list_for_each_entry(b, &o->blocks, link) {
		check(b->node.start >= FIRST &&
		      b->node.start + b->node.size <= FIRST + NR,
		      "%llx+%llx", b->node.start, b->node.size);
		check(b->node.start + b->node.size <= FIRST + HOLE_AT ||
		      b->node.start >= FIRST + HOLE_AT + HOLE,
		      "%llx+%llx is in the hole", b->node.start, b->node.size);
		for (i = 0; i < b->node.size; i++, n++) {
			u8 *p = page_at(b->node.start + i);

			check(!p[0] && !p[PAGE_SIZE - 1], "page %lx holds %x",
			      (unsigned long)b->node.start + i, p[0]);
			p[0] = mark;
			p[PAGE_SIZE - 1] = mark;
		}
	}
	check(n == o->nr, "%lu of %lu", n, o->nr);
	o->mark = mark;
}

static void give(struct hm_region *region, struct owner *o)
{
	struct hm_block *b;
	unsigned long i;

	list_for_each_entry(b, &o->blocks, link)
		for (i = 0; i < b->node.size; i++)
			check(*page_at(b->node.start + i) == o->mark,
			      "page %lx is someone else's",
			      (unsigned long)b->node.start + i);
	hm_alloc_put(region, &o->blocks);
	check(list_empty(&o->blocks), "blocks left");
	o->nr = 0;
}

static unsigned int nr_blocks(const struct owner *o)
{
	struct list_head *pos;
	unsigned int n = 0;

	list_for_each(pos, &o->blocks)
		n++;
	return n;
}

HM_TEST(test_align)
{
	struct hm_region *region = region_new(DRM_HUGEMAP_REGION_SYSTEM);
	struct owner o = { LIST_HEAD_INIT(o.blocks) };
	struct hm_block *b;

	o.nr = 2 * HM_UNIT + 1;
	check(!hm_alloc_get(region, o.nr, PUD_ORDER, false, &o.blocks), "get");
	check(nr_blocks(&o) == 1, "%u", nr_blocks(&o));
	b = list_first_entry(&o.blocks, struct hm_block, link);
	check(IS_ALIGNED(b->node.start, HM_UNIT), "%llx", b->node.start);
	take(region, &o, 1);
	check(hm_alloc_avail(region) == (NR_FREE - o.nr) << PAGE_SHIFT, "%llx",
	      hm_alloc_avail(region));
	give(region, &o);
	check(hm_alloc_avail(region) == (u64)NR_FREE << PAGE_SHIFT, "%llx",
	      hm_alloc_avail(region));
	region_free(region);
}

/* All there is, which takes both pieces; and one page more. */
HM_TEST(test_all)
{
	struct hm_region *region = region_new(DRM_HUGEMAP_REGION_SYSTEM);
	struct owner o = { LIST_HEAD_INIT(o.blocks), NR_FREE };
	struct owner p = { LIST_HEAD_INIT(p.blocks), 1 };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		check(hm_alloc_get(region, NR_FREE, PUD_ORDER, true,
				   &p.blocks) == -ENOSPC, "one piece");
		check(hm_alloc_get(region, NR_FREE + 1, PUD_ORDER, false,
				   &p.blocks) == -ENOSPC, "one page more");
		check(list_empty(&p.blocks), "blocks left");
		check(!hm_alloc_get(region, NR_FREE, PUD_ORDER, false,
				    &o.blocks), "all");
		o.nr = NR_FREE;
		take(region, &o, i + 1);
		check(!hm_alloc_avail(region), "%llx", hm_alloc_avail(region));
		check(hm_alloc_get(region, 1, 0, false, &p.blocks) == -ENOSPC,
		      "one page");
		give(region, &o);
	}
	region_free(region);
}

/* Memory that held data before is cleared for the first owner, too. */
HM_TEST(test_dirty_at_first)
{
	struct hm_region *region = region_new(DRM_HUGEMAP_REGION_RESERVED);
	struct owner o = { LIST_HEAD_INIT(o.blocks), NR_FREE };

	memset(memory, 0xee, NR << PAGE_SHIFT);
	check(!hm_alloc_get(region, NR_FREE, PUD_ORDER, false, &o.blocks),
	      "all");
	take(region, &o, 1);
	give(region, &o);
	/* What is not ours has not been touched. */
	check(page_at(FIRST + HOLE_AT)[0] == 0xee, "the hole");
	check(page_at(FIRST + HOLE_AT + HOLE - 1)[0] == 0xee, "the hole");
	region_free(region);
}

/* Root writes to what is free, and nobody sees it. */
HM_TEST(test_writer)
{
	struct hm_region *region = region_new(DRM_HUGEMAP_REGION_SYSTEM);
	struct owner o = { LIST_HEAD_INIT(o.blocks), 3 * HM_UNIT };

	hm_alloc_writer(region, true);
	memset(memory, 0xee, HOLE_AT << PAGE_SHIFT);
	check(!hm_alloc_get(region, o.nr, PMD_ORDER, false, &o.blocks), "get");
	take(region, &o, 1);
	give(region, &o);
	check(!hm_alloc_wait(region), "wait");
	memset(memory, 0xee, HOLE_AT << PAGE_SHIFT);
	hm_alloc_writer(region, false);
	o.nr = NR_FREE;
	check(!hm_alloc_get(region, o.nr, PMD_ORDER, false, &o.blocks), "get");
	take(region, &o, 2);
	give(region, &o);
	region_free(region);
}

/* Many owners, in any order: nobody gets what is someone else's. */
HM_TEST(test_random)
{
	struct hm_region *region = region_new(DRM_HUGEMAP_REGION_SYSTEM);
	struct owner *owner = hm_zalloc(16 * sizeof(*owner));
	unsigned long seed = 3, used = 0, nr;
	unsigned int i, k, got = 0;

	for (i = 0; i < 16; i++)
		INIT_LIST_HEAD(&owner[i].blocks);
	for (i = 0; i < 400; i++) {
		struct owner *o = &owner[hm_random(&seed) % 16];
		bool one = hm_random(&seed) % 4 == 0;
		int ret;

		if (o->nr) {
			used -= o->nr;
			give(region, o);
			continue;
		}
		nr = 1 + hm_random(&seed) % (hm_random(&seed) % 2 ? 20 :
					     3 * HM_UNIT);
		ret = hm_alloc_get(region, nr, hm_random(&seed) % 2 ?
				   PMD_ORDER : 0, one, &o->blocks);
		/* In pieces all is to be had that is free. */
		check(!ret || (ret == -ENOSPC &&
			       (one || nr > NR_FREE - used)), "%lu: %d", nr,
		      ret);
		if (ret)
			continue;
		check(!one || nr_blocks(o) == 1, "%u", nr_blocks(o));
		o->nr = nr;
		used += nr;
		got++;
		take(region, o, i % 255 + 1);
		check(hm_alloc_avail(region) ==
		      (u64)(NR_FREE - used) << PAGE_SHIFT, "%llx",
		      hm_alloc_avail(region));
	}
	check(got > 100, "%u", got);
	for (k = 0; k < 16; k++)
		if (owner[k].nr)
			give(region, &owner[k]);
	region_free(region);
	hm_free(owner);
}

/* Whoever is late gives back what nobody clears any more. */
HM_TEST(test_dead)
{
	struct hm_region *region = region_new(DRM_HUGEMAP_REGION_SYSTEM);
	struct owner o = { LIST_HEAD_INIT(o.blocks), HM_UNIT };
	struct owner p = { LIST_HEAD_INIT(p.blocks), HM_UNIT };

	check(!hm_alloc_get(region, o.nr, PMD_ORDER, false, &o.blocks), "get");
	take(region, &o, 1);
	hm_alloc_kill(region);
	check(hm_alloc_get(region, 1, 0, false, &p.blocks) == -ENODEV, "get");
	check(!hm_alloc_wait(region), "wait");
	give(region, &o);
	region_free(region);
}

static int suite_first(struct kunit_suite *suite)
{
	memory = vzalloc(NR << PAGE_SHIFT);
	hm_region_wq = alloc_workqueue("hugemap_kunit", WQ_UNBOUND, 0);
	if (memory && hm_region_wq)
		return 0;
	vfree(memory);
	if (hm_region_wq)
		destroy_workqueue(hm_region_wq);
	return -ENOMEM;
}

static void suite_last(struct kunit_suite *suite)
{
	destroy_workqueue(hm_region_wq);
	vfree(memory);
}

HM_SUITE_WITH(hm_alloc, suite_first, suite_last,
	      HM_CASE(test_align),
	      HM_CASE(test_all),
	      HM_CASE(test_dirty_at_first),
	      HM_CASE(test_writer),
	      HM_CASE(test_random),
	      HM_CASE(test_dead));
