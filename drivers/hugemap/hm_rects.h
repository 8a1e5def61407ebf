/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rectangles of a framebuffer from ranges of its bytes.
 *
 * Pure: no state and nothing of the kernel, tested in user space (tests/).
 */
#ifndef _HM_RECTS_H_
#define _HM_RECTS_H_

#include <linux/types.h>
#include <drm/hugemap_drm.h>

/**
 * struct hm_rects - a framebuffer, and what of it is known to be dirty
 * @pitch: bytes from line to line
 * @width: pixels
 * @height: lines
 * @cpp: bytes per pixel
 * @rects: found so far: disjoint, by &drm_hugemap_rect.y1
 * @max: room in @rects, at least 1
 * @nr: number of @rects
 */
struct hm_rects {
	__u32 pitch;
	__u32 width;
	__u32 height;
	__u32 cpp;
	struct drm_hugemap_rect *rects;
	unsigned int max;
	unsigned int nr;
};

void hm_rects_add(struct hm_rects *r, __u64 from, __u64 to);

#endif /* _HM_RECTS_H_ */
