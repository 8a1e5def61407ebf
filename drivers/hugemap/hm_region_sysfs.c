// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/hugemap/hugemapN/: what a region is, and its limits.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "hm_object.h"
#include "hm_region.h"

const char * const hm_region_caching[] = {
	[DRM_HUGEMAP_CACHING_WB] = "wb",
	[DRM_HUGEMAP_CACHING_WC] = "wc",
	[DRM_HUGEMAP_CACHING_UC] = "uc",
};

static const char * const hm_region_vma[] = {
	[0] = "auto",
	[DRM_HUGEMAP_VMA_PFNMAP] = "pfnmap",
	[DRM_HUGEMAP_VMA_MIXEDMAP] = "mixedmap",
};

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  hm_object_size(&hm_region_of(dev)->window));
}
static DEVICE_ATTR_RO(size);

static ssize_t align_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct hm_object *obj = &hm_region_of(dev)->window;
	u64 align;

	down_read(&obj->lock);
	align = hm_region_align(obj);
	up_read(&obj->lock);
	return sysfs_emit(buf, "%llu\n", align);
}
static DEVICE_ATTR_RO(align);

static ssize_t type_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  hm_region_type[hm_region_of(dev)->spec.type]);
}
static DEVICE_ATTR_RO(type);

static ssize_t caching_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  hm_region_caching[hm_region_of(dev)->caching]);
}
static DEVICE_ATTR_RO(caching);

static ssize_t orders_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct hm_object *obj = &hm_region_of(dev)->window;
	u64 orders;

	down_read(&obj->lock);
	orders = hm_region_orders(obj);
	up_read(&obj->lock);
	return sysfs_emit(buf, "%#llx\n", orders);
}
static DEVICE_ATTR_RO(orders);

static ssize_t max_order_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	struct hm_region *region = hm_region_of(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(region->limits.max_order));
}

static ssize_t max_order_store(struct device *dev,
			       struct device_attribute *attr, const char *buf,
			       size_t count)
{
	struct hm_region *region = hm_region_of(dev);
	struct hm_limits lim;
	unsigned int order;
	int ret;

	ret = kstrtouint(buf, 0, &order);
	if (ret)
		return ret;
	if (!hm_region_order_valid(order))
		return -EINVAL;
	mutex_lock(&region->lock);
	lim = region->limits;
	lim.max_order = order;
	ret = hm_region_set_limits(region, &lim);
	mutex_unlock(&region->lock);
	return ret ?: count;
}
static DEVICE_ATTR_RW(max_order);

static ssize_t allow_pmd_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	struct hm_region *region = hm_region_of(dev);

	return sysfs_emit(buf, "%d\n", READ_ONCE(region->limits.allow_pmd));
}

static ssize_t allow_pmd_store(struct device *dev,
			       struct device_attribute *attr, const char *buf,
			       size_t count)
{
	struct hm_region *region = hm_region_of(dev);
	struct hm_limits lim;
	bool allow;
	int ret;

	ret = kstrtobool(buf, &allow);
	if (ret)
		return ret;
	mutex_lock(&region->lock);
	lim = region->limits;
	lim.allow_pmd = allow;
	ret = hm_region_set_limits(region, &lim);
	mutex_unlock(&region->lock);
	return ret ?: count;
}
static DEVICE_ATTR_RW(allow_pmd);

static ssize_t vma_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct hm_region *region = hm_region_of(dev);

	return sysfs_emit(buf, "%s\n",
			  hm_region_vma[READ_ONCE(region->limits.vma_type)]);
}

static ssize_t vma_store(struct device *dev, struct device_attribute *attr,
			 const char *buf, size_t count)
{
	struct hm_region *region = hm_region_of(dev);
	struct hm_limits lim;
	int ret;

	ret = sysfs_match_string(hm_region_vma, buf);
	if (ret < 0)
		return ret;
	mutex_lock(&region->lock);
	lim = region->limits;
	lim.vma_type = ret;
	ret = hm_region_set_limits(region, &lim);
	mutex_unlock(&region->lock);
	return ret ?: count;
}
static DEVICE_ATTR_RW(vma);

static struct attribute *hm_region_attrs[] = {
	&dev_attr_size.attr,
	&dev_attr_align.attr,
	&dev_attr_type.attr,
	&dev_attr_caching.attr,
	&dev_attr_orders.attr,
	&dev_attr_max_order.attr,
	&dev_attr_allow_pmd.attr,
	&dev_attr_vma.attr,
	NULL
};

static const struct attribute_group hm_region_group = {
	.attrs = hm_region_attrs,
};

const struct attribute_group *hm_region_groups[] = {
	&hm_region_group,
	NULL
};
