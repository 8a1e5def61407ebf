// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/hugemapN: a region as one flat window, a file of fixed size.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include <drm/drm_print.h>

#include "hm_alloc.h"
#include "hm_chardev.h"
#include "hm_debugfs.h"
#include "hm_dirty.h"
#include "hm_object.h"
#include "hm_prefault.h"
#include "hm_promote.h"
#include "hm_region.h"
#include "hm_stats.h"
#include "hm_sync.h"
#include "hm_vma.h"

#define HM_CHARDEV_MINORS	256

static struct class *hm_chardev_class;
static dev_t hm_chardev_base;

static int hm_chardev_open(struct inode *inode, struct file *filp)
{
	struct hm_region *region = container_of(inode->i_cdev,
						struct hm_region, cdev);
	struct hm_file *file;

	if (READ_ONCE(region->window.dead))
		return -ENODEV;
	/* What objects held before must not be cleared under the writer. */
	if (filp->f_mode & FMODE_WRITE && hm_alloc_wait(region))
		return -EINTR;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	get_device(&region->dev);
	file->region = region;
	hm_dirty_open(file);
	if (filp->f_mode & FMODE_WRITE)
		hm_alloc_writer(region, true);
	filp->private_data = file;
	/* Several nodes may name one region. */
	filp->f_mapping = region->window.mapping;
	return 0;
}

static int hm_chardev_release(struct inode *inode, struct file *filp)
{
	struct hm_file *file = filp->private_data;

	hm_dirty_close(file);
	if (filp->f_mode & FMODE_WRITE)
		hm_alloc_writer(file->region, false);
	put_device(&file->region->dev);
	kfree(file);
	return 0;
}

static struct hm_object *hm_chardev_object(struct file *filp)
{
	struct hm_file *file = filp->private_data;

	return &file->region->window;
}

static loff_t hm_chardev_llseek(struct file *filp, loff_t offset, int whence)
{
	return fixed_size_llseek(filp, offset, whence,
				 hm_object_size(hm_chardev_object(filp)));
}

/*
 * Through a page of ordinary memory: device memory wants its own copy
 * functions, and the user's buffer may be a mapping of this very object.
 */
static ssize_t hm_chardev_copy(struct kiocb *iocb, struct iov_iter *iter,
			       bool write)
{
	struct hm_object *obj = hm_chardev_object(iocb->ki_filp);
	u64 size = hm_object_size(obj);
	ssize_t done = 0, n = 0;
	void *buf;

	if (READ_ONCE(obj->dead))
		return -ENODEV;
	if (!iov_iter_count(iter))
		return 0;
	if (iocb->ki_pos >= size)
		return write ? -ENOSPC : 0;
	buf = (void *)__get_free_page(GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	while (iov_iter_count(iter) && iocb->ki_pos < size) {
		size_t len = min_t(u64, PAGE_SIZE, size - iocb->ki_pos);

		len = min(len, iov_iter_count(iter));
		if (write) {
			len = copy_from_iter(buf, len, iter);
			n = len ? hm_object_copy(obj, iocb->ki_pos, buf, len,
						 true) : -EFAULT;
		} else {
			n = hm_object_copy(obj, iocb->ki_pos, buf, len, false);
			if (n > 0)
				n = copy_to_iter(buf, n, iter) ?: -EFAULT;
		}
		if (n <= 0)
			break;
		iocb->ki_pos += n;
		done += n;
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	free_page((unsigned long)buf);
	return done ?: n;
}

static ssize_t hm_chardev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return hm_chardev_copy(iocb, to, false);
}

static ssize_t hm_chardev_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return hm_chardev_copy(iocb, from, true);
}

/* There is nothing behind the memory: what was stored is where it stays. */
static int hm_chardev_fsync(struct file *filp, loff_t start, loff_t end,
			    int datasync)
{
	if (READ_ONCE(hm_chardev_object(filp)->dead))
		return -ENODEV;
	/* Drain write-combining buffers. */
	wmb();
	return 0;
}

static int hm_chardev_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct hm_file *file = filp->private_data;

	return hm_vma_mmap(&file->region->window, &file->stats, vma);
}

static unsigned long hm_chardev_get_unmapped_area(struct file *filp,
						  unsigned long addr,
						  unsigned long len,
						  unsigned long pgoff,
						  unsigned long flags)
{
	return hm_vma_get_unmapped_area(hm_chardev_object(filp), filp, addr,
					  len, pgoff, flags);
}

static int hm_chardev_query(struct hm_file *file, void *data)
{
	struct drm_hugemap_query *args = data;

	if (args->flags || args->pad)
		return -EINVAL;
	if (args->region)
		return -ENOENT;
	args->nr_regions = 1;
	return hm_region_query(file->region, args);
}

static int hm_chardev_prefault(struct hm_file *file, void *data)
{
	return hm_prefault(&file->region->window, NULL, data);
}

static int hm_chardev_dirty_start(struct hm_file *file, void *data)
{
	struct drm_hugemap_dirty_start *args = data;

	if (args->handle)
		return -EINVAL;
	return hm_dirty_start(file, &file->region->window, args);
}

static int hm_chardev_dirty_sync(struct hm_file *file, void *data)
{
	return hm_sync(file, data);
}

static int hm_chardev_dirty_clear(struct hm_file *file, void *data)
{
	return hm_sync_clear(file, data);
}

static int hm_chardev_dirty_stop(struct hm_file *file, void *data)
{
	return hm_dirty_stop(file, data);
}

static int hm_chardev_dirty_rects(struct hm_file *file, void *data)
{
	return hm_sync_rects(file, data);
}

static int hm_chardev_promote(struct hm_file *file, void *data)
{
	return hm_promote(&file->region->window, NULL, data);
}

static long hm_chardev_ioctl(struct file *filp, unsigned int cmd,
			     unsigned long arg)
{
	static const struct {
		unsigned int cmd;
		int (*fn)(struct hm_file *file, void *data);
	} ioctls[] = {
		{ DRM_IOCTL_HUGEMAP_QUERY, hm_chardev_query },
		{ DRM_IOCTL_HUGEMAP_PREFAULT, hm_chardev_prefault },
		{ DRM_IOCTL_HUGEMAP_DIRTY_START, hm_chardev_dirty_start },
		{ DRM_IOCTL_HUGEMAP_DIRTY_SYNC, hm_chardev_dirty_sync },
		{ DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, hm_chardev_dirty_clear },
		{ DRM_IOCTL_HUGEMAP_DIRTY_STOP, hm_chardev_dirty_stop },
		{ DRM_IOCTL_HUGEMAP_DIRTY_RECTS, hm_chardev_dirty_rects },
		{ DRM_IOCTL_HUGEMAP_PROMOTE, hm_chardev_promote },
	};
	struct hm_file *file = filp->private_data;
	union {
		struct drm_hugemap_query query;
		struct drm_hugemap_prefault prefault;
		struct drm_hugemap_dirty_start start;
		struct drm_hugemap_dirty_sync sync;
		struct drm_hugemap_dirty_clear clear;
		struct drm_hugemap_dirty_stop stop;
		struct drm_hugemap_dirty_rects rects;
		struct drm_hugemap_promote promote;
	} data = {};
	void __user *uptr = (void __user *)arg;
	size_t user = _IOC_SIZE(cmd), known;
	int i, ret;

	/* As drm_ioctl(): the size in @cmd is the caller's, not part of it. */
	for (i = 0; i < ARRAY_SIZE(ioctls); i++)
		if (!((cmd ^ ioctls[i].cmd) & ~IOCSIZE_MASK))
			break;
	if (i == ARRAY_SIZE(ioctls))
		return -ENOTTY;
	if (READ_ONCE(file->region->window.dead))
		return -ENODEV;

	known = _IOC_SIZE(ioctls[i].cmd);
	ret = copy_struct_from_user(&data, known, uptr, user);
	if (ret)
		return ret;
	ret = ioctls[i].fn(file, &data);
	if (ret || !(ioctls[i].cmd & IOC_OUT))
		return ret;
	return copy_to_user(uptr, &data, min(user, known)) ? -EFAULT : 0;
}

static void hm_chardev_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct hm_file *file = filp->private_data;
	struct drm_printer p = drm_seq_file_printer(m);

	hm_stats_show(&p, "hugemap-", ":\t", &file->stats);
	hm_debugfs_show_use(&p, "hugemap-", ":\t", filp->f_mapping, NULL,
			    filp);
}

static const struct file_operations hm_chardev_fops = {
	.owner = THIS_MODULE,
	.open = hm_chardev_open,
	.release = hm_chardev_release,
	.llseek = hm_chardev_llseek,
	.read_iter = hm_chardev_read_iter,
	.write_iter = hm_chardev_write_iter,
	.fsync = hm_chardev_fsync,
	.mmap = hm_chardev_mmap,
	.get_unmapped_area = hm_chardev_get_unmapped_area,
	.unlocked_ioctl = hm_chardev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = hm_chardev_show_fdinfo,
};

/**
 * hm_chardev_add - make the node of a region
 * @region: with a window; &hm_region.dev initialised, with its release
 * @parent: the device that the region is a part of
 *
 * Return: 0 or a negative errno.
 */
int hm_chardev_add(struct hm_region *region, struct device *parent)
{
	int ret;

	region->dev.class = hm_chardev_class;
	region->dev.parent = parent;
	region->dev.devt = MKDEV(MAJOR(hm_chardev_base), region->id);
	ret = dev_set_name(&region->dev, "hugemap%d", region->id);
	if (ret)
		return ret;
	cdev_init(&region->cdev, &hm_chardev_fops);
	region->cdev.owner = THIS_MODULE;
	return cdev_device_add(&region->cdev, &region->dev);
}

/**
 * hm_chardev_del - remove the node of a region
 * @region: region; open files keep it
 */
void hm_chardev_del(struct hm_region *region)
{
	cdev_device_del(&region->cdev, &region->dev);
}

/**
 * hm_chardev_init - class and numbers, at module load
 */
int hm_chardev_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&hm_chardev_base, 0, HM_CHARDEV_MINORS,
				  "hugemap");
	if (ret)
		return ret;
	hm_chardev_class = hm_compat_class_create("hugemap");
	if (IS_ERR(hm_chardev_class)) {
		unregister_chrdev_region(hm_chardev_base, HM_CHARDEV_MINORS);
		return PTR_ERR(hm_chardev_class);
	}
	return 0;
}

/**
 * hm_chardev_fini - the reverse, when no region is left
 */
void hm_chardev_fini(void)
{
	class_destroy(hm_chardev_class);
	unregister_chrdev_region(hm_chardev_base, HM_CHARDEV_MINORS);
}
