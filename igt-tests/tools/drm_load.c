// SPDX-License-Identifier: MIT
/*
 * drm_load MIB: a client for tools to look at. Holds an object of that size on
 * the first hugemap device and makes and frees others until it is killed.
 */
#include <err.h>
#include <stdlib.h>

#include <xf86drm.h>
#include <drm/hugemap_drm.h>

static uint32_t create(int fd, uint64_t size)
{
	struct drm_hugemap_gem_create args = {
		.size = size,
		.max_order = DRM_HUGEMAP_ORDER_ANY,
	};

	if (drmIoctl(fd, DRM_IOCTL_HUGEMAP_GEM_CREATE, &args))
		err(1, "GEM_CREATE");
	return args.handle;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 2)
		errx(2, "usage: drm_load MIB");
	fd = drmOpenWithType("hugemap", NULL, DRM_NODE_RENDER);
	if (fd < 0)
		errx(1, "no hugemap device");
	create(fd, strtoull(argv[1], NULL, 10) << 20);
	for (;;)
		if (drmCloseBufferHandle(fd, create(fd, 1 << 20)))
			err(1, "GEM_CLOSE");
}
