// SPDX-License-Identifier: MIT
/*
 * Regions: what there is, opening one, asking what it is.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <drm/hugemap_drm.h>

#include "priv.h"

#define CLASS	"/sys/class/hugemap"

int hugemap_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret;

	do
		ret = ioctl(fd, cmd, arg);
	while (ret == -1 && (errno == EINTR || errno == EAGAIN));
	return ret == -1 ? -errno : 0;
}

static int read_attr(const char *name, const char *attr, char *buf, size_t size)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), CLASS "/%s/%s", name, attr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return n ? -errno : -EIO;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return 0;
}

static int read_u64(const char *name, const char *attr, uint64_t *val)
{
	char buf[32];
	int ret = read_attr(name, attr, buf, sizeof(buf));

	if (!ret)
		*val = strtoull(buf, NULL, 0);
	return ret;
}

/* The names of the DRM device that the region is a part of. */
static void read_drm(struct hugemap_entry *e)
{
	char path[128];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), CLASS "/%s/device/drm", e->name);
	dir = opendir(path);
	if (!dir)
		return;
	while ((d = readdir(dir))) {
		if (!strncmp(d->d_name, "card", 4))
			snprintf(e->card, sizeof(e->card), "%.31s", d->d_name);
		else if (!strncmp(d->d_name, "render", 6))
			snprintf(e->render, sizeof(e->render), "%.31s", d->d_name);
	}
	closedir(dir);
}

static int read_entry(const char *name, struct hugemap_entry *e)
{
	char path[128], link[PATH_MAX];
	uint64_t max_order, allow;
	ssize_t n;
	int ret;

	memset(e, 0, sizeof(*e));
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->node = strtoul(name + strlen("hugemap"), NULL, 10);
	if ((ret = read_u64(name, "size", &e->size)) ||
	    (ret = read_u64(name, "align", &e->align)) ||
	    (ret = read_u64(name, "orders", &e->orders)) ||
	    (ret = read_u64(name, "max_order", &max_order)) ||
	    (ret = read_u64(name, "allow_pmd", &allow)) ||
	    (ret = read_attr(name, "type", e->type, sizeof(e->type))) ||
	    (ret = read_attr(name, "caching", e->caching, sizeof(e->caching))) ||
	    (ret = read_attr(name, "vma", e->vma, sizeof(e->vma))))
		return ret;
	e->max_order = max_order;
	e->allow_pmd = allow;
	snprintf(path, sizeof(path), CLASS "/%s/device", name);
	n = readlink(path, link, sizeof(link) - 1);
	if (n > 0) {
		const char *slash;

		link[n] = 0;
		slash = strrchr(link, '/');
		snprintf(e->device, sizeof(e->device), "%.63s",
			 slash ? slash + 1 : link);
	}
	read_drm(e);
	return 0;
}

static int by_node(const void *a, const void *b)
{
	const struct hugemap_entry *x = a, *y = b;

	return x->node < y->node ? -1 : x->node > y->node;
}

int hugemap_room(void *list, size_t n, size_t size)
{
	size_t room = n ? 2 * n : 16;
	void *all;

	/* Full at 16, 32, 64... */
	if (n && (n < 16 || n & (n - 1)))
		return 0;
	memcpy(&all, list, sizeof(all));
	all = realloc(all, room * size);
	if (!all)
		return -ENOMEM;
	memcpy(list, &all, sizeof(all));
	return 0;
}

int hugemap_list(struct hugemap_entry **list, size_t *nr)
{
	struct hugemap_entry *all = NULL;
	struct dirent *d;
	size_t n = 0;
	int ret = 0;
	DIR *dir;

	dir = opendir(CLASS);
	if (!dir)
		return -errno;
	while ((d = readdir(dir))) {
		if (strncmp(d->d_name, "hugemap", 7) || strlen(d->d_name) > 31)
			continue;
		ret = hugemap_room(&all, n, sizeof(*all));
		if (ret)
			break;
		/* One that goes away meanwhile is none. */
		if (!read_entry(d->d_name, &all[n]))
			n++;
	}
	closedir(dir);
	if (ret) {
		free(all);
		return ret;
	}
	if (n)
		qsort(all, n, sizeof(*all), by_node);
	*list = all;
	*nr = n;
	return 0;
}

static int query(struct hugemap *hm)
{
	struct drm_hugemap_query q = { .region = hm->region };
	struct hugemap_info *info = &hm->info;
	int ret;

	ret = hugemap_ioctl(hm->fd, DRM_IOCTL_HUGEMAP_QUERY, &q);
	if (ret)
		return ret;
	*info = (struct hugemap_info){
		.size = q.size,
		.free = q.free,
		.align = q.align,
		.orders = q.orders,
		.features = q.features,
		.page = sysconf(_SC_PAGESIZE),
		.type = q.type,
		.caching = q.caching,
		.vma = q.vma_type,
		.region = hm->region,
		.nr_regions = q.nr_regions,
		.node = q.node,
		.pmd_order = q.pmd_order,
		.pud_order = q.pud_order,
		.pmd_why = q.pmd_why,
		.pud_why = q.pud_why,
	};
	return 0;
}

/* Is it a DRM device of our driver? Numbers of its ioctls mean others elsewhere. */
static bool is_our_drm(int fd)
{
	char name[16] = "";
	struct drm_version v = { .name_len = sizeof(name) - 1, .name = name };

	return !hugemap_ioctl(fd, DRM_IOCTL_VERSION, &v) &&
	       !strcmp(name, "hugemap");
}

int hugemap_open_fd(int fd, unsigned int region, struct hugemap **out)
{
	char path[64], link[PATH_MAX];
	struct hugemap *hm;
	struct stat st;
	ssize_t n;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	hm = calloc(1, sizeof(*hm));
	if (!hm)
		return -ENOMEM;
	hm->fd = fd;
	hm->region = region;
	/* Which class it is of says whose node it is. */
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/subsystem",
		 major(st.st_rdev), minor(st.st_rdev));
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = 0;
	hm->node = strlen(link) > 8 && !strcmp(link + strlen(link) - 8, "/hugemap");
	ret = hm->node || is_our_drm(fd) ? query(hm) : -ENODEV;
	if (ret) {
		free(hm);
		return ret;
	}
	*out = hm;
	return 0;
}

int hugemap_open(const char *name, int flags, struct hugemap **hm)
{
	unsigned int region = 0;
	char path[PATH_MAX];
	const char *colon = strrchr(name, ':');
	int fd, ret, n;

	/* A ":" in a directory's name is no region. */
	n = strlen(name);
	if (colon && isdigit((unsigned char)colon[1])) {
		char *end;
		unsigned long r = strtoul(colon + 1, &end, 10);

		if (!*end && r <= UINT_MAX) {
			region = r;
			n = colon - name;
		}
	}
	if (snprintf(path, sizeof(path), "%s%.*s",
		     memchr(name, '/', n) ? "" :
		     !strncmp(name, "hugemap", 7) ? "/dev/" : "/dev/dri/",
		     n, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = hugemap_open_fd(fd, region, hm);
	if (ret)
		close(fd);
	return ret;
}

void hugemap_close(struct hugemap *hm)
{
	if (!hm)
		return;
	close(hm->fd);
	free(hm);
}

int hugemap_fd(const struct hugemap *hm)
{
	return hm->fd;
}

bool hugemap_is_node(const struct hugemap *hm)
{
	return hm->node;
}

int hugemap_get_info(struct hugemap *hm, struct hugemap_info *info)
{
	struct hugemap now = *hm;
	int ret = query(&now);

	if (!ret)
		*info = now.info;
	return ret;
}

static const char *name_of(const char *const *names, size_t nr, uint32_t n)
{
	return n < nr ? names[n] : "unknown";
}

#define NAME_OF(names, n) \
	name_of(names, sizeof(names) / sizeof(*(names)), n)

const char *hugemap_type_name(uint32_t type)
{
	static const char *const names[] = {
		[DRM_HUGEMAP_REGION_SYSTEM] = "system",
		[DRM_HUGEMAP_REGION_RESERVED] = "reserved",
		[DRM_HUGEMAP_REGION_PCI] = "pci",
	};

	return NAME_OF(names, type);
}

const char *hugemap_caching_name(uint32_t caching)
{
	static const char *const names[] = {
		[DRM_HUGEMAP_CACHING_WB] = "wb",
		[DRM_HUGEMAP_CACHING_WC] = "wc",
		[DRM_HUGEMAP_CACHING_UC] = "uc",
	};

	return NAME_OF(names, caching);
}

const char *hugemap_why_name(uint32_t why)
{
	static const char *const names[] = {
		[DRM_HUGEMAP_WHY_NONE] = "none",
		[DRM_HUGEMAP_WHY_ARCH] = "arch",
		[DRM_HUGEMAP_WHY_POLICY] = "policy",
		[DRM_HUGEMAP_WHY_LIMIT] = "limit",
		[DRM_HUGEMAP_WHY_CAP] = "cap",
		[DRM_HUGEMAP_WHY_ALIGN] = "align",
		[DRM_HUGEMAP_WHY_VMA] = "vma",
		[DRM_HUGEMAP_WHY_EXTENT] = "extent",
		[DRM_HUGEMAP_WHY_TABLE] = "table",
		[DRM_HUGEMAP_WHY_DIRTY] = "dirty",
	};

	return NAME_OF(names, why);
}
