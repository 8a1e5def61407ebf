// SPDX-License-Identifier: MIT
/*
 * Memory: the window or an object, and mappings of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <drm/hugemap_drm.h>

#include "priv.h"

_Static_assert(HUGEMAP_ORDER_ANY == DRM_HUGEMAP_ORDER_ANY, "order");
_Static_assert(HUGEMAP_CONTIGUOUS == DRM_HUGEMAP_GEM_CONTIGUOUS, "flag");

int hugemap_window(struct hugemap *hm, struct hugemap_mem **out)
{
	struct hugemap_mem *mem;

	if (!hm->node)
		return -EINVAL;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return -ENOMEM;
	mem->hm = hm;
	mem->size = hm->info.size;
	*out = mem;
	return 0;
}

static void close_handle(struct hugemap *hm, uint32_t handle)
{
	struct drm_gem_close close = { .handle = handle };

	hugemap_ioctl(hm->fd, DRM_IOCTL_GEM_CLOSE, &close);
}

/* Takes over the handle. */
static int object(struct hugemap *hm, uint32_t handle, struct hugemap_mem **out)
{
	struct drm_hugemap_gem_mmap_offset at = { .handle = handle };
	struct drm_hugemap_gem_info info = { .handle = handle };
	struct hugemap_mem *mem;
	int ret;

	ret = hugemap_ioctl(hm->fd, DRM_IOCTL_HUGEMAP_GEM_INFO, &info);
	if (!ret)
		ret = hugemap_ioctl(hm->fd, DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET,
				    &at);
	mem = ret ? NULL : calloc(1, sizeof(*mem));
	if (!ret && !mem)
		ret = -ENOMEM;
	if (ret) {
		close_handle(hm, handle);
		return ret;
	}
	mem->hm = hm;
	mem->handle = handle;
	mem->size = info.size;
	mem->mmap_offset = at.offset;
	*out = mem;
	return 0;
}

int hugemap_alloc(struct hugemap *hm, uint64_t size, unsigned int max_order,
		  unsigned int flags, struct hugemap_mem **mem)
{
	struct drm_hugemap_gem_create create = {
		.size = size,
		.region = hm->region,
		.flags = flags,
		.max_order = max_order,
	};
	int ret;

	if (hm->node)
		return -EINVAL;
	ret = hugemap_ioctl(hm->fd, DRM_IOCTL_HUGEMAP_GEM_CREATE, &create);
	return ret ? ret : object(hm, create.handle, mem);
}

int hugemap_import(struct hugemap *hm, int fd, struct hugemap_mem **mem)
{
	struct drm_prime_handle prime = { .fd = fd };
	int ret;

	if (hm->node)
		return -EINVAL;
	ret = hugemap_ioctl(hm->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);
	return ret ? ret : object(hm, prime.handle, mem);
}

int hugemap_export(struct hugemap_mem *mem)
{
	struct drm_prime_handle prime = {
		.handle = mem->handle,
		.flags = DRM_CLOEXEC | DRM_RDWR,
	};
	int ret;

	if (!mem->handle)
		return -EINVAL;
	ret = hugemap_ioctl(mem->hm->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	return ret ? ret : prime.fd;
}

void hugemap_free(struct hugemap_mem *mem)
{
	if (!mem)
		return;
	if (mem->handle)
		close_handle(mem->hm, mem->handle);
	free(mem);
}

uint64_t hugemap_size(const struct hugemap_mem *mem)
{
	return mem->size;
}

uint64_t hugemap_object(const struct hugemap_mem *mem)
{
	return mem->mmap_offset;
}

int hugemap_layout(struct hugemap_mem *mem, struct hugemap_counts *pages,
		   unsigned int *extents)
{
	struct drm_hugemap_gem_info info = { .handle = mem->handle };
	int ret;

	if (!mem->handle)
		return -EINVAL;
	ret = hugemap_ioctl(mem->hm->fd, DRM_IOCTL_HUGEMAP_GEM_INFO, &info);
	if (ret)
		return ret;
	*pages = (struct hugemap_counts){
		.pud = info.nr_pud, .pmd = info.nr_pmd, .pte = info.nr_pte,
	};
	if (extents)
		*extents = info.nr_extents;
	return 0;
}

int hugemap_map(struct hugemap_mem *mem, void *at, uint64_t offset, uint64_t len,
		int prot, void **addr)
{
	void *p;

	if (offset > mem->size || len > mem->size - offset)
		return -ERANGE;
	if (!len)
		len = mem->size - offset;
	p = mmap(at, len, prot, MAP_SHARED | (at ? MAP_FIXED : 0), mem->hm->fd,
		 mem->mmap_offset + offset);
	if (p == MAP_FAILED)
		return -errno;
	*addr = p;
	return 0;
}

int hugemap_unmap(void *addr, uint64_t len)
{
	return munmap(addr, len) ? -errno : 0;
}

int hugemap_prefault(struct hugemap_mem *mem, void *addr, uint64_t len,
		     unsigned int max_order, bool write,
		     struct hugemap_counts *pages)
{
	struct drm_hugemap_prefault args = {
		.addr = (uintptr_t)addr,
		.len = len,
		.flags = write ? DRM_HUGEMAP_PREFAULT_WRITE : 0,
		.max_order = max_order,
	};
	int ret;

	ret = hugemap_ioctl(mem->hm->fd, DRM_IOCTL_HUGEMAP_PREFAULT, &args);
	if (!ret && pages)
		*pages = (struct hugemap_counts){
			.pud = args.nr_pud,
			.pmd = args.nr_pmd,
			.pte = args.nr_pte,
		};
	return ret;
}

int hugemap_promote(struct hugemap_mem *mem, void *addr, uint64_t len,
		    uint64_t *mappings)
{
	struct drm_hugemap_promote args = { .addr = (uintptr_t)addr, .len = len };
	int ret;

	ret = hugemap_ioctl(mem->hm->fd, DRM_IOCTL_HUGEMAP_PROMOTE, &args);
	if (!ret && mappings)
		*mappings = args.nr_mappings;
	return ret;
}
