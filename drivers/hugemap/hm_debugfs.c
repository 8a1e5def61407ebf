// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen from outside: /sys/kernel/debug/hugemap/hugemapN/.
 *
 * stats     counters of the region, one a line
 * mappings  what maps the region now, from the page tables: per VMA a line
 *	pid PID START-END off OFFSET rwxs pfnmap|mixedmap [object ID]
 *	and per run of entries of one kind
 *	 START-END pud|pmd|pte|none COUNT rw|ro|-- wb|wc|uc|-
 * objects   GEM objects in the region; the ID is the mmap() offset
 *	object ID size SIZE max-order ORDER
 *	and per extent, in bytes
 *	 off OFFSET phys ADDRESS size SIZE
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>

#include <drm/drm_print.h>

#include "hm_debugfs.h"
#include "hm_object.h"
#include "hm_ptwalk.h"
#include "hm_stats.h"
#include "hm_vma.h"

static struct dentry *hm_debugfs_root;

/**
 * hm_debugfs_show_use - print the number of VMAs and their page-table bytes
 * @p: where
 * @prefix: before each name
 * @sep: between name and value
 * @mapping: address space of the device
 * @region: only mappings of its memory, or NULL for all
 * @filp: only mappings of this file, or NULL for all
 *
 * Tables that cover several VMAs count for each.
 */
void hm_debugfs_show_use(struct drm_printer *p, const char *prefix,
			 const char *sep, struct address_space *mapping,
			 const struct hm_region *region,
			 const struct file *filp)
{
	struct hm_ptwalk walk = {};
	unsigned long vmas = 0;
	struct vm_area_struct *vma;

	i_mmap_lock_read(mapping);
	for (vma = hm_vma_first(mapping, 0, ULONG_MAX); vma;
	     vma = hm_vma_next(vma, 0, ULONG_MAX)) {
		const struct hm_object *obj = hm_vma_object(vma);

		if (!obj || (region && obj->region != region) ||
		    (filp && vma->vm_file != filp))
			continue;
		vmas++;
		hm_ptwalk_range(vma->vm_mm, vma->vm_start, vma->vm_end, &walk);
	}
	i_mmap_unlock_read(mapping);

	drm_printf(p, "%spt-bytes%s%lu\n", prefix, sep,
		   walk.tables << PAGE_SHIFT);
	drm_printf(p, "%svmas%s%lu\n", prefix, sep, vmas);
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct hm_region *region = m->private;
	struct drm_printer p = drm_seq_file_printer(m);

	hm_stats_show(&p, "", " ", &region->stats);
	hm_debugfs_show_use(&p, "", " ", region->window.mapping, region, NULL);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

struct hm_debugfs_run {
	struct seq_file *m;
	struct hm_ptwalk_entry e;	/* first entry of the run, its end */
	u32 caching;			/* of @e */
	unsigned long count;
};

static void hm_debugfs_flush(struct hm_debugfs_run *run)
{
	static const char * const level[] = {
		[HM_PTE] = "pte", [HM_PMD] = "pmd", [HM_PUD] = "pud",
	};
	static const char * const caching[] = {
		[DRM_HUGEMAP_CACHING_WB] = "wb",
		[DRM_HUGEMAP_CACHING_WC] = "wc",
		[DRM_HUGEMAP_CACHING_UC] = "uc",
	};
	const struct hm_ptwalk_entry *e = &run->e;

	if (!run->count)
		return;
	seq_printf(run->m, " %lx-%lx %s %lu %s %s\n", e->start, e->end,
		   e->present ? level[e->level] : "none", run->count,
		   !e->present || !e->accessible ? "--" : e->write ? "rw" : "ro",
		   e->present ? caching[run->caching] : "-");
	run->count = 0;
}

static int hm_debugfs_entry(const struct hm_ptwalk_entry *e, void *data)
{
	u32 caching = e->present ? hm_ptwalk_caching(e) : 0;
	struct hm_debugfs_run *run = data;

	if (run->count && run->e.present == e->present &&
	    (!e->present || (run->e.level == e->level &&
			     run->e.accessible == e->accessible &&
			     run->e.write == e->write &&
			     run->caching == caching))) {
		run->e.end = e->end;
		run->count++;
		return 0;
	}
	hm_debugfs_flush(run);
	run->e = *e;
	run->caching = caching;
	run->count = 1;
	return 0;
}

/* The thread group that a memory map belongs to, 0 if there is no telling. */
static pid_t hm_debugfs_pid(struct mm_struct *mm)
{
	pid_t pid = 0;
#ifdef CONFIG_MEMCG
	struct task_struct *task;

	rcu_read_lock();
	task = rcu_dereference(mm->owner);
	if (task)
		pid = task_tgid_nr(task);
	rcu_read_unlock();
#endif
	return pid;
}

static int mappings_show(struct seq_file *m, void *unused)
{
	struct hm_region *region = m->private;
	struct address_space *mapping = region->window.mapping;
	struct hm_debugfs_run run = { .m = m };
	struct hm_ptwalk walk = { .fn = hm_debugfs_entry, .data = &run };
	struct vm_area_struct *vma;

	i_mmap_lock_read(mapping);
	for (vma = hm_vma_first(mapping, 0, ULONG_MAX); vma;
	     vma = hm_vma_next(vma, 0, ULONG_MAX)) {
		const struct hm_object *obj = hm_vma_object(vma);

		if (!obj || obj->region != region)
			continue;
		seq_printf(m, "pid %d %lx-%lx off %llx %c%c%c%c %s",
			   hm_debugfs_pid(vma->vm_mm), vma->vm_start,
			   vma->vm_end,
			   (u64)(vma->vm_pgoff - obj->pgoff) << PAGE_SHIFT,
			   vma->vm_flags & VM_READ ? 'r' : '-',
			   vma->vm_flags & VM_WRITE ? 'w' : '-',
			   vma->vm_flags & VM_EXEC ? 'x' : '-',
			   vma->vm_flags & VM_MAYSHARE ? 's' : 'p',
			   vma->vm_flags & VM_MIXEDMAP ? "mixedmap" : "pfnmap");
		if (obj != &region->window)
			seq_printf(m, " object %llx",
				   (u64)obj->pgoff << PAGE_SHIFT);
		seq_putc(m, '\n');
		hm_ptwalk_range(vma->vm_mm, vma->vm_start, vma->vm_end, &walk);
		hm_debugfs_flush(&run);
	}
	i_mmap_unlock_read(mapping);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mappings);

static int objects_show(struct seq_file *m, void *unused)
{
	struct hm_region *region = m->private;
	struct hm_object *obj;
	unsigned int i;

	mutex_lock(&region->lock);
	list_for_each_entry(obj, &region->objects, node) {
		if (obj == &region->window)
			continue;
		seq_printf(m, "object %llx size %llx max-order %u\n",
			   (u64)obj->pgoff << PAGE_SHIFT, hm_object_size(obj),
			   obj->max_order);
		for (i = 0; i < obj->nr_extents; i++)
			seq_printf(m, " off %llx phys %llx size %llx\n",
				   (u64)obj->extents[i].pgoff << PAGE_SHIFT,
				   (u64)obj->extents[i].pfn << PAGE_SHIFT,
				   (u64)obj->extents[i].nr << PAGE_SHIFT);
	}
	mutex_unlock(&region->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(objects);

/**
 * hm_debugfs_add - make the directory of a region
 * @region: region
 */
void hm_debugfs_add(struct hm_region *region)
{
	region->debugfs = debugfs_create_dir(dev_name(&region->dev),
					     hm_debugfs_root);
	debugfs_create_file("stats", 0400, region->debugfs, region,
			    &stats_fops);
	debugfs_create_file("mappings", 0400, region->debugfs, region,
			    &mappings_fops);
	debugfs_create_file("objects", 0400, region->debugfs, region,
			    &objects_fops);
}

/**
 * hm_debugfs_del - remove the directory of a region
 * @region: region; readers have left when this returns
 */
void hm_debugfs_del(struct hm_region *region)
{
	debugfs_remove_recursive(region->debugfs);
}

/**
 * hm_debugfs_init - at module load
 */
void hm_debugfs_init(void)
{
	hm_debugfs_root = debugfs_create_dir("hugemap", NULL);
}

/**
 * hm_debugfs_fini - at module unload
 */
void hm_debugfs_fini(void)
{
	debugfs_remove_recursive(hm_debugfs_root);
}
