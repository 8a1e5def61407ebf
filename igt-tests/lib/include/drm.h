/* SPDX-License-Identifier: MIT */
/*
 * What hugemap_drm.h needs of <drm/drm.h>, for machines without libdrm's
 * headers.  The Makefile prefers those of the machine.
 */
#ifndef _DRM_H_
#define _DRM_H_

#include <linux/ioctl.h>
#include <linux/types.h>

#define DRM_IOCTL_BASE		'd'
#define DRM_COMMAND_BASE	0x40
#define DRM_IOWR(nr, type)	_IOWR(DRM_IOCTL_BASE, nr, type)

#endif /* _DRM_H_ */
