// SPDX-License-Identifier: MIT
/*
 * Memory of other drivers.  Described in hm_foreign.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hm_foreign.h"

struct reason {
	char *text;
	size_t size;
};

/* With the errno of what went wrong last. */
static int __attribute__((format(printf, 2, 3)))
failed(struct reason *why, const char *fmt, ...)
{
	int err = errno;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(why->text, why->size, fmt, ap);
	va_end(ap);
	n = strlen(why->text);
	snprintf(why->text + n, why->size - n, ": %s", strerror(err));
	return -err;
}

/* The last part of where a symbolic link points to; empty if it is none. */
static void link_name(const char *path, char *name, size_t size)
{
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	*name = 0;
	if (n <= 0)
		return;
	target[n] = 0;
	snprintf(name, size, "%s", (strrchr(target, '/') ?: "/") + 1);
}

static uint64_t sysfs_number(const char *dir, const char *attr)
{
	unsigned long long v = 0;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, attr);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lli", (long long *)&v) != 1)
		v = 0;
	fclose(f);
	return v;
}

static int open_node(const char *path, struct hm_foreign *f,
		     struct reason *why)
{
	char dir[64], link[96], name[32];
	struct stat st;

	f->fd = open(path, O_RDWR | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st))
		return failed(why, "%s", path);
	f->kind = HM_FOREIGN_NODE;
	f->size = 2ull << 30;
	f->align = 4096;
	snprintf(dir, sizeof(dir), "/sys/dev/char/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	snprintf(link, sizeof(link), "%s/subsystem", dir);
	link_name(link, name, sizeof(name));
	if (!strcmp(name, "misc")) {
		link_name(dir, name, sizeof(name));
		if (!strcmp(name, "huge_skel"))
			f->kind = HM_FOREIGN_SKELETON;
		return 0;
	}
	if (strcmp(name, "dax"))
		return 0;
	f->kind = HM_FOREIGN_DAX;
	f->size = sysfs_number(dir, "size");
	f->align = sysfs_number(dir, "align");
	if (!f->size || !f->align)
		return failed(why, "%s: no size and align in sysfs", path);
	return 0;
}

/* By its IOMMU group, as any user of vfio before iommufd. */
static int vfio_device(const char *bdf, struct reason *why)
{
	char link[128], group_name[32], path[64];
	int container, group, fd;

	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (container < 0)
		return failed(why, "/dev/vfio/vfio");
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%.32s/iommu_group",
		 bdf);
	link_name(link, group_name, sizeof(group_name));
	snprintf(path, sizeof(path), "/dev/vfio/%s", group_name);
	group = *group_name ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (group < 0)
		return failed(why, "%s: IOMMU group %s", bdf, group_name);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return failed(why, "vfio: no type 1 IOMMU");
	fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	return fd < 0 ? failed(why, "vfio: %s", bdf) : fd;
}

static int open_vfio(const char *bdf, struct hm_foreign *f,
		     struct reason *why)
{
	struct vfio_region_info config = {
		.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	struct vfio_region_info bar = {
		.argsz = sizeof(bar), .index = VFIO_PCI_BAR2_REGION_INDEX,
	};
	uint16_t command;

	f->fd = vfio_device(bdf, why);
	if (f->fd < 0)
		return f->fd;
	if (ioctl(f->fd, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
	    ioctl(f->fd, VFIO_DEVICE_GET_REGION_INFO, &config))
		return failed(why, "vfio: %s: regions", bdf);
	errno = ENXIO;
	if (!(bar.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return failed(why, "vfio: %s: BAR 2 cannot be mapped", bdf);
	/* Memory decoding: without it every access is SIGBUS. */
	if (pread(f->fd, &command, 2, config.offset + 4) != 2)
		return failed(why, "vfio: %s: command register", bdf);
	command |= 2;
	if (pwrite(f->fd, &command, 2, config.offset + 4) != 2)
		return failed(why, "vfio: %s: command register", bdf);
	f->kind = HM_FOREIGN_VFIO;
	f->offset = bar.offset;
	f->size = bar.size;
	f->align = 4096;
	return 0;
}

int hm_foreign_open(const char *spec, struct hm_foreign *f, char *why,
		    size_t size)
{
	struct reason reason = { why, size };

	memset(f, 0, sizeof(*f));
	f->fd = -1;
	if (!strncmp(spec, "drm:", 4))
		spec += 4;
	if (*spec == '/')
		return open_node(spec, f, &reason);
	if (!strncmp(spec, "pci:slot=", 9))
		spec += 9;
	return open_vfio(spec, f, &reason);
}
