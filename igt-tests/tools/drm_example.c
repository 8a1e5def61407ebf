// SPDX-License-Identifier: MIT
/*
 * Two processes share an object of device memory through libdrm.
 *
 *	cc drm_example.c -o drm_example $(pkg-config --cflags --libs libdrm)
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xf86drm.h>
#include <drm/hugemap_drm.h>

static const char text[] = "written by one process, read by another";

static int open_device(void)
{
	int fd = drmOpenWithType("hugemap", NULL, DRM_NODE_RENDER);

	if (fd < 0)
		errx(1, "no hugemap device");
	return fd;
}

static char *map(int fd, uint32_t handle, size_t size)
{
	struct drm_hugemap_gem_mmap_offset args = { .handle = handle };
	char *p;

	if (drmIoctl(fd, DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET, &args))
		err(1, "GEM_MMAP_OFFSET");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 args.offset);
	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

/* The other process: has nothing but the dma-buf. */
static int reader(int dmabuf)
{
	struct drm_hugemap_gem_info info = { 0 };
	int fd = open_device();

	if (drmPrimeFDToHandle(fd, dmabuf, &info.handle))
		err(1, "importing");
	if (drmIoctl(fd, DRM_IOCTL_HUGEMAP_GEM_INFO, &info))
		err(1, "GEM_INFO");
	if (strcmp(map(fd, info.handle, info.size), text))
		errx(1, "that is not what was written");
	printf("%llu MiB in %u piece(s), for %llu faults: \"%s\"\n",
	       (unsigned long long)info.size >> 20, info.nr_extents,
	       (unsigned long long)(info.nr_pud + info.nr_pmd + info.nr_pte),
	       text);
	return 0;
}

int main(void)
{
	struct drm_hugemap_gem_create create = {
		.size = 64 << 20,
		.max_order = DRM_HUGEMAP_ORDER_ANY,
	};
	int fd = open_device(), dmabuf, status;

	if (drmIoctl(fd, DRM_IOCTL_HUGEMAP_GEM_CREATE, &create))
		err(1, "GEM_CREATE");
	strcpy(map(fd, create.handle, create.size), text);
	if (drmPrimeHandleToFD(fd, create.handle, DRM_CLOEXEC | DRM_RDWR,
			       &dmabuf))
		err(1, "exporting");
	drmClose(fd);

	if (!fork())
		return reader(dmabuf);
	wait(&status);
	return status != 0;
}
