/* SPDX-License-Identifier: MIT */
/*
 * Helpers for tests of hugemap's DRM devices.
 *
 * Functions that begin with two underscores return a negative errno, and those
 * whose name contains "require" skip; all others assert that they succeed.
 */
#ifndef IGT_HUGEMAP_DRM_H
#define IGT_HUGEMAP_DRM_H

#include "igt_hugemap.h"

/* ---- devices and their regions ---- */

/**
 * struct hm_drm - a DRM device of the driver
 * @dev: what it belongs to
 * @label: name of the dynamic subtest: "platform", "pci", "pci-2"
 * @minor: the N of renderDN
 * @card: "/dev/dri/cardN"
 * @render: "/dev/dri/renderDN"
 * @fd: the render node, for QUERY: no objects on it
 * @nr_regions: number of regions
 */
struct hm_drm {
	struct hm_device dev;
	char label[32];
	int minor;
	char card[32];
	char render[32];
	int fd;
	uint32_t nr_regions;
};

/* Opens every device there is; fails, does not skip, without any. */
void igt_hugemap_require_drm(void);
/* Closes them, for tests of unbinding and unloading. */
void hm_drm_close(void);

/*
 * As hm_node_next().  A test that holds a character node open for writing makes
 * the driver clear all memory once more, so these open none: use them, and not
 * the functions for nodes, where only objects are wanted.
 */
struct hm_drm *hm_drm_next(struct hm_drm *drm);
struct hm_node *hm_region_next(struct hm_node *region);
struct hm_drm *hm_region_drm(const struct hm_node *region);

#define hm_for_each_drm(drm) \
	for (struct hm_drm *volatile drm = hm_drm_next(NULL); drm; \
	     drm = hm_drm_next(drm))
#define hm_dynamic_for_each_drm(drm) \
	hm_for_each_drm(drm) \
		igt_dynamic_f("%s", (drm)->label)

/* Regions as nodes, with the DRM device as their fd. */
#define hm_for_each_region(region) \
	for (struct hm_node *volatile region = hm_region_next(NULL); region; \
	     region = hm_region_next(region))
#define hm_dynamic_for_each_region(region) \
	hm_for_each_region(region) \
		igt_dynamic_f("%s", (region)->label)

/* A new file of the render node of a region's device. */
int hm_render_open(const struct hm_node *region);
/* Opens a node by its path. */
int hm_drm_open(const char *path);
/* The render node of a device, whatever its name is now. */
int __hm_render_of(const struct hm_device *dev);
/* Who drives it: "hugemap"; empty if that is not a DRM node. */
void hm_drm_name(int fd, char *name, size_t size);

/* What QUERY says now. */
uint64_t hm_free(const struct hm_node *region);
/*
 * Waits until so much is free again: a mapping or dma-buf is let go a moment
 * after the last close().
 */
void hm_assert_free(const struct hm_node *region, uint64_t want);

/**
 * struct hm_client - a file of a render node, and what was free before it came
 * @region: where it makes objects
 * @free: bytes that were free
 * @pmd: bytes of a PMD entry
 * @pud: bytes of a PUD entry
 * @fd: the file
 */
struct hm_client {
	struct hm_node *region;
	uint64_t free, pmd, pud;
	int fd;
};

/*
 * PMD entries are allowed on all kernels until hm_restore(): those that need
 * the opt-in are not what tests of objects are about.
 */
struct hm_client hm_client_open(struct hm_node *region);
/* Closing the file gives everything back. */
void hm_client_close(struct hm_client *c);

/* ---- objects ---- */

int __hm_create(int fd, struct drm_hugemap_gem_create *create);
/* An object of @size bytes, of any order; returns the handle. */
uint32_t hm_create(int fd, const struct hm_node *region, uint64_t size);
/* The same with everything. */
int __hm_create_in(int fd, uint32_t region, uint64_t size, uint32_t flags,
		   uint32_t max_order, uint32_t *handle);
int __hm_info(int fd, uint32_t handle, struct drm_hugemap_gem_info *info);
void hm_info(int fd, uint32_t handle, struct drm_hugemap_gem_info *info);
int __hm_mmap_offset(int fd, uint32_t handle, uint64_t *off);
uint64_t hm_mmap_offset(int fd, uint32_t handle);
int __hm_close(int fd, uint32_t handle);
void hm_close(int fd, uint32_t handle);

/* A shared mapping of a part of an object, where the driver wants it. */
void *hm_bo_mmap(int fd, uint32_t handle, uint64_t off, uint64_t len, int prot);
/* The same at an address. */
void *hm_bo_mmap_at(int fd, uint32_t handle, void *addr, uint64_t off,
		    uint64_t len, int prot);

/* All words zero? Fails with the place of one that is not. */
void hm_check_zero(const void *p, uint64_t off, uint64_t len, uint64_t step);

/* ---- dumb buffers: on the primary node ---- */

int __hm_dumb_create(int fd, uint32_t width, uint32_t height, uint32_t bpp,
		     uint32_t *handle, uint32_t *pitch, uint64_t *size);
int __hm_dumb_offset(int fd, uint32_t handle, uint64_t *off);
int __hm_dumb_destroy(int fd, uint32_t handle);

/* ---- dma-bufs ---- */

/* Returns the descriptor. */
int __hm_export(int fd, uint32_t handle, uint32_t flags);
/* For reading and writing. */
int hm_export(int fd, uint32_t handle);
int __hm_import(int fd, int dmabuf, uint32_t *handle);
uint32_t hm_import(int fd, int dmabuf);

/*
 * A mapping whose address is congruent with the offset modulo the size of a PUD
 * entry, which the kernel does not see to for a dma-buf.
 */
void *hm_dmabuf_mmap(int dmabuf, uint64_t off, uint64_t len, int prot);
/* @flags: DMA_BUF_SYNC_* */
int __hm_dmabuf_sync(int dmabuf, uint64_t flags);

/* Do both descriptors stand for the same dma-buf? */
bool hm_dmabuf_same(int a, int b);

/*
 * Over a socket of socketpair(); @data, of @size bytes, goes with it.  With
 * SOCK_NONBLOCK -EAGAIN says that there is no room, or nothing there.
 */
int __hm_send_fd(int sock, int fd, const void *data, size_t size);
void hm_send_fd(int sock, int fd, const void *data, size_t size);
/* Returns the descriptor. */
int __hm_recv_fd(int sock, void *data, size_t size);
int hm_recv_fd(int sock, void *data, size_t size);

/* A new file of vgem's primary node, with its module loaded; skips without. */
int igt_hugemap_require_vgem(void);

/* ---- users ---- */

/* Lets everybody open a device node, until the program ends. */
void hm_open_for_all(const char *path);
/* For good: a user and group without any privilege. */
void hm_become(uid_t uid);

#endif /* IGT_HUGEMAP_DRM_H */
