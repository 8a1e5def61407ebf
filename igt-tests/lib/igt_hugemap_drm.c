// SPDX-License-Identifier: MIT
/*
 * Helpers for tests of hugemap's DRM devices.  Described in igt_hugemap_drm.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_hugemap_drm.h"

#define HM_DRM_CLASS	"/sys/class/drm"

/* ---- devices and their regions ---- */

static struct hm_drm drms[HM_MAX_NODES];
static struct hm_node regions[HM_MAX_NODES];
static int nr_drms, nr_regions;

int hm_drm_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	igt_assert_f(fd >= 0, "%s: %m\n", path);
	return fd;
}

void hm_drm_name(int fd, char *name, size_t size)
{
	struct drm_version v = { .name = name, .name_len = size - 1 };

	memset(name, 0, size);
	if (ioctl(fd, DRM_IOCTL_VERSION, &v))
		name[0] = 0;
}

/* The name that a symbolic link ends with. */
static bool link_ends(const char *path, const char *name)
{
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = 0;
	return !strcmp((strrchr(target, '/') ?: "/") + 1, name);
}

int __hm_render_of(const struct hm_device *dev)
{
	char path[64];
	int i, fd;

	for (i = 128; i < 192; i++) {
		snprintf(path, sizeof(path), HM_DRM_CLASS "/renderD%d/device",
			 i);
		if (!link_ends(path, dev->name))
			continue;
		snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return -ENODEV;
}

static void drm_open(struct hm_drm *drm, int minor)
{
	char dir[64], path[96];
	struct dirent *d;
	int same = 1, i;
	unsigned int n;
	DIR *f;

	memset(drm, 0, sizeof(*drm));
	drm->minor = minor;
	snprintf(dir, sizeof(dir), HM_DRM_CLASS "/renderD%d", minor);
	hm_sysfs_device(dir, &drm->dev);
	snprintf(drm->render, sizeof(drm->render), "/dev/dri/renderD%d",
		 minor);
	snprintf(path, sizeof(path), "%s/device/drm", dir);
	f = opendir(path);
	igt_assert_f(f, "%s: %m\n", path);
	while ((d = readdir(f)))
		if (sscanf(d->d_name, "card%u", &n) == 1)
			snprintf(drm->card, sizeof(drm->card), "/dev/dri/card%u",
				 n);
	closedir(f);
	igt_assert_f(drm->card[0], "%s has no primary node\n", drm->render);
	for (i = 0; &drms[i] != drm; i++)
		same += !strcmp(drms[i].dev.bus, drm->dev.bus);
	snprintf(drm->label, sizeof(drm->label), same > 1 ? "%s-%d" : "%s",
		 drm->dev.bus, same);
	drm->fd = hm_drm_open(drm->render);
}

static void regions_open(struct hm_drm *drm)
{
	struct drm_hugemap_query q;
	uint32_t i;

	drm->nr_regions = 1;
	for (i = 0; i < drm->nr_regions; i++) {
		struct hm_node *r = &regions[nr_regions];
		int err = __hm_query_region(drm->fd, i, &q);

		igt_assert_f(!err, "QUERY of %s, region %u: %s\n", drm->render,
			     i, strerror(-err));
		drm->nr_regions = q.nr_regions;
		igt_assert_lt(nr_regions, HM_MAX_NODES);
		*r = (struct hm_node) {
			.index = q.node,
			.region = i,
			.fd = drm->fd,
		};
		hm_node_init(r, regions);
		nr_regions++;
	}
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void drms_open(void)
{
	int minor[64], nr = 0, i, kept = 0;
	char path[320];
	struct dirent *d;
	DIR *dir;

	dir = opendir(HM_DRM_CLASS);
	if (!dir)
		return;
	while ((d = readdir(dir)) && nr < (int)ARRAY_SIZE(minor)) {
		snprintf(path, sizeof(path), HM_DRM_CLASS "/%s/device/driver",
			 d->d_name);
		if (sscanf(d->d_name, "renderD%d", &minor[nr]) == 1 &&
		    link_ends(path, "hugemap"))
			nr++;
	}
	closedir(dir);
	qsort(minor, nr, sizeof(*minor), by_number);
	for (i = 0; i < nr && i < HM_MAX_NODES; i++) {
		drm_open(&drms[nr_drms], minor[i]);
		regions_open(&drms[nr_drms++]);
	}
	for (i = 0; i < nr_regions; i++)
		if (hm_node_wanted(&regions[i]))
			regions[kept++] = regions[i];
	nr_regions = kept;
}

void hm_drm_close(void)
{
	hm_restore();
	while (nr_drms)
		close(drms[--nr_drms].fd);
	nr_regions = 0;
}

void igt_hugemap_require_drm(void)
{
	if (!nr_drms)
		drms_open();
	igt_assert_f(nr_drms, "no DRM device of the hugemap driver (is it loaded?)\n");
	igt_assert_f(nr_regions, "no region named %s\n", getenv("HM_NODE"));
}

struct hm_drm *hm_drm_next(struct hm_drm *drm)
{
	igt_hugemap_require_drm();
	hm_restore();
	drm = drm ? drm + 1 : drms;
	return drm < drms + nr_drms ? drm : NULL;
}

struct hm_node *hm_region_next(struct hm_node *region)
{
	igt_hugemap_require_drm();
	hm_restore();
	region = region ? region + 1 : regions;
	if (region >= regions + nr_regions)
		return NULL;
	hm_node_refresh(region);
	return region;
}

struct hm_drm *hm_region_drm(const struct hm_node *region)
{
	int i;

	for (i = 0; i < nr_drms; i++)
		if (drms[i].fd == region->fd)
			return &drms[i];
	igt_assert_f(false, "%s is no region of a DRM device\n", region->label);
	return NULL;
}

int hm_render_open(const struct hm_node *region)
{
	return hm_drm_open(hm_region_drm(region)->render);
}

uint64_t hm_free(const struct hm_node *region)
{
	struct drm_hugemap_query q;

	igt_assert_eq(__hm_query_region(region->fd, region->region, &q), 0);
	return q.free;
}

void hm_assert_free(const struct hm_node *region, uint64_t want)
{
	uint64_t have = hm_free(region);
	int ms;

	for (ms = 0; have != want && ms < 10000; ms++) {
		usleep(1000);
		have = hm_free(region);
	}
	igt_assert_f(have == want, "%s has %#" PRIx64 " bytes free, expected %#"
		     PRIx64 "\n", region->label, have, want);
}

struct hm_client hm_client_open(struct hm_node *region)
{
	struct hm_client c = {
		.region = region,
		.pmd = hm_pmd_size(region),
		.pud = hm_pud_size(region),
		.fd = hm_render_open(region),
	};

	hm_sysfs_write(region, "allow_pmd", "1");
	hm_node_refresh(region);
	c.free = hm_free(region);
	return c;
}

void hm_client_close(struct hm_client *c)
{
	close(c->fd);
	hm_assert_free(c->region, c->free);
}

/* ---- objects ---- */

int __hm_create(int fd, struct drm_hugemap_gem_create *create)
{
	return ioctl(fd, DRM_IOCTL_HUGEMAP_GEM_CREATE, create) ? -errno : 0;
}

int __hm_create_in(int fd, uint32_t region, uint64_t size, uint32_t flags,
		   uint32_t max_order, uint32_t *handle)
{
	struct drm_hugemap_gem_create create = {
		.size = size,
		.region = region,
		.flags = flags,
		.max_order = max_order,
	};
	int err = __hm_create(fd, &create);

	if (!err)
		*handle = create.handle;
	return err;
}

uint32_t hm_create(int fd, const struct hm_node *region, uint64_t size)
{
	uint32_t handle = 0;
	int err = __hm_create_in(fd, region->region, size, 0,
				 DRM_HUGEMAP_ORDER_ANY, &handle);

	igt_assert_f(!err, "object of %#" PRIx64 " bytes in %s: %s\n", size,
		     region->label, strerror(-err));
	igt_assert_neq(handle, 0);
	return handle;
}

int __hm_info(int fd, uint32_t handle, struct drm_hugemap_gem_info *info)
{
	memset(info, 0, sizeof(*info));
	info->handle = handle;
	return ioctl(fd, DRM_IOCTL_HUGEMAP_GEM_INFO, info) ? -errno : 0;
}

void hm_info(int fd, uint32_t handle, struct drm_hugemap_gem_info *info)
{
	igt_assert_eq(__hm_info(fd, handle, info), 0);
}

int __hm_mmap_offset(int fd, uint32_t handle, uint64_t *off)
{
	struct drm_hugemap_gem_mmap_offset args = { .handle = handle };

	if (ioctl(fd, DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET, &args))
		return -errno;
	*off = args.offset;
	return 0;
}

uint64_t hm_mmap_offset(int fd, uint32_t handle)
{
	uint64_t off = 0;

	igt_assert_eq(__hm_mmap_offset(fd, handle, &off), 0);
	return off;
}

int __hm_close(int fd, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	return ioctl(fd, DRM_IOCTL_GEM_CLOSE, &args) ? -errno : 0;
}

void hm_close(int fd, uint32_t handle)
{
	igt_assert_eq(__hm_close(fd, handle), 0);
}

void *hm_bo_mmap(int fd, uint32_t handle, uint64_t off, uint64_t len, int prot)
{
	return hm_mmap_fd(fd, hm_mmap_offset(fd, handle) + off, len, prot);
}

void *hm_bo_mmap_at(int fd, uint32_t handle, void *addr, uint64_t off,
		    uint64_t len, int prot)
{
	void *p = mmap(addr, len, prot, MAP_SHARED | MAP_FIXED, fd,
		       hm_mmap_offset(fd, handle) + off);

	igt_assert_f(p == addr, "mmap to %p: %m\n", addr);
	return p;
}

void hm_check_zero(const void *p, uint64_t off, uint64_t len, uint64_t step)
{
	uint64_t i, have;

	for (i = 0; i + sizeof(have) <= len; i += step) {
		have = *(const volatile uint64_t *)((const char *)p + i);
		igt_assert_f(!have, "at offset %#" PRIx64 ": %#" PRIx64
			     ", expected zero\n", off + i, have);
	}
}

/* ---- dumb buffers ---- */

int __hm_dumb_create(int fd, uint32_t width, uint32_t height, uint32_t bpp,
		     uint32_t *handle, uint32_t *pitch, uint64_t *size)
{
	struct drm_mode_create_dumb args = {
		.width = width,
		.height = height,
		.bpp = bpp,
	};

	if (ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &args))
		return -errno;
	*handle = args.handle;
	*pitch = args.pitch;
	*size = args.size;
	return 0;
}

int __hm_dumb_offset(int fd, uint32_t handle, uint64_t *off)
{
	struct drm_mode_map_dumb args = { .handle = handle };

	if (ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &args))
		return -errno;
	*off = args.offset;
	return 0;
}

int __hm_dumb_destroy(int fd, uint32_t handle)
{
	struct drm_mode_destroy_dumb args = { .handle = handle };

	return ioctl(fd, DRM_IOCTL_MODE_DESTROY_DUMB, &args) ? -errno : 0;
}

/* ---- dma-bufs ---- */

int __hm_export(int fd, uint32_t handle, uint32_t flags)
{
	struct drm_prime_handle args = { .handle = handle, .flags = flags };

	if (ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args))
		return -errno;
	return args.fd;
}

int hm_export(int fd, uint32_t handle)
{
	int dmabuf = __hm_export(fd, handle, DRM_CLOEXEC | DRM_RDWR);

	igt_assert_f(dmabuf >= 0, "exporting: %s\n", strerror(-dmabuf));
	return dmabuf;
}

int __hm_import(int fd, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle args = { .fd = dmabuf };

	if (ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args))
		return -errno;
	*handle = args.handle;
	return 0;
}

uint32_t hm_import(int fd, int dmabuf)
{
	uint32_t handle = 0;
	int err = __hm_import(fd, dmabuf, &handle);

	igt_assert_f(!err, "importing: %s\n", strerror(-err));
	igt_assert_neq(handle, 0);
	return handle;
}

void *hm_dmabuf_mmap(int dmabuf, uint64_t off, uint64_t len, int prot)
{
	uint64_t align = HM_GIB(1), pos = off & (align - 1);
	char *area = hm_reserve_aligned(pos + len, align), *p;

	if (pos)
		hm_munmap(area, pos);
	p = mmap(area + pos, len, prot, MAP_SHARED | MAP_FIXED, dmabuf, off);
	igt_assert_f(p == area + pos, "mmap of a dma-buf, %#" PRIx64 " at %#"
		     PRIx64 ": %m\n", len, off);
	return p;
}

int __hm_dmabuf_sync(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync args = { .flags = flags };

	return ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &args) ? -errno : 0;
}

bool hm_dmabuf_same(int a, int b)
{
	struct stat x, y;

	igt_assert_eq(fstat(a, &x), 0);
	igt_assert_eq(fstat(b, &y), 0);
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int __hm_send_fd(int sock, int fd, const void *data, size_t size)
{
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int))];
	} u = {};
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};

	u.hdr.cmsg_level = SOL_SOCKET;
	u.hdr.cmsg_type = SCM_RIGHTS;
	u.hdr.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&u.hdr), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) < 0 ? -errno : 0;
}

void hm_send_fd(int sock, int fd, const void *data, size_t size)
{
	igt_assert_eq(__hm_send_fd(sock, fd, data, size), 0);
}

int __hm_recv_fd(int sock, void *data, size_t size)
{
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int))];
	} u = {};
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	int fd;

	if (n < 0)
		return -errno;
	igt_assert_eq_s64(n, size);
	igt_assert(u.hdr.cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&u.hdr), sizeof(int));
	return fd;
}

int hm_recv_fd(int sock, void *data, size_t size)
{
	int fd = __hm_recv_fd(sock, data, size);

	igt_assert_fd(fd);
	return fd;
}

static int vgem_open(void)
{
	char path[32], name[32];
	int i, fd;

	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		hm_drm_name(fd, name, sizeof(name));
		if (!strcmp(name, "vgem"))
			return fd;
		close(fd);
	}
	return -1;
}

int igt_hugemap_require_vgem(void)
{
	int fd = vgem_open();
	pid_t pid;

	if (fd < 0) {
		pid = fork();
		igt_assert(pid >= 0);
		if (!pid) {
			execlp("modprobe", "modprobe", "-q", "vgem", NULL);
			_exit(127);
		}
		waitpid(pid, NULL, 0);
		fd = vgem_open();
	}
	igt_require_f(fd >= 0, "no vgem on this kernel\n");
	return fd;
}

/* ---- users ---- */

static struct {
	char path[32];
	mode_t mode;
} chmods[2 * HM_MAX_NODES];
static int nr_chmods;

static void chmod_back(int sig)
{
	(void)sig;
	while (nr_chmods) {
		nr_chmods--;
		chmod(chmods[nr_chmods].path, chmods[nr_chmods].mode);
	}
}

void hm_open_for_all(const char *path)
{
	struct stat st;
	int i;

	for (i = 0; i < nr_chmods; i++)
		if (!strcmp(chmods[i].path, path))
			return;
	igt_assert_lt(i, (int)ARRAY_SIZE(chmods));
	igt_install_exit_handler(chmod_back);
	igt_assert_eq(stat(path, &st), 0);
	snprintf(chmods[i].path, sizeof(chmods[i].path), "%s", path);
	chmods[i].mode = st.st_mode & 07777;
	nr_chmods++;
	igt_assert_eq(chmod(path, 0666), 0);
}

void hm_become(uid_t uid)
{
	igt_assert_eq(setgroups(0, NULL), 0);
	igt_assert_eq(setresgid(uid, uid, uid), 0);
	igt_assert_eq(setresuid(uid, uid, uid), 0);
	/* Else /proc/self is root's. */
	igt_assert_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
}
