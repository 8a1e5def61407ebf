// SPDX-License-Identifier: GPL-2.0
/*
 * Rectangles of a framebuffer from ranges of its bytes: see hm_rects.h.
 */
#include "hm_rects.h"

static bool hm_rects_overlap(const struct drm_hugemap_rect *a,
			     const struct drm_hugemap_rect *b)
{
	return a->x1 < b->x2 && b->x1 < a->x2 && a->y1 < b->y2 && b->y1 < a->y2;
}

static void hm_rects_unite(struct drm_hugemap_rect *a,
			   const struct drm_hugemap_rect *b)
{
	a->x1 = b->x1 < a->x1 ? b->x1 : a->x1;
	a->y1 = b->y1 < a->y1 ? b->y1 : a->y1;
	a->x2 = b->x2 > a->x2 ? b->x2 : a->x2;
	a->y2 = b->y2 > a->y2 ? b->y2 : a->y2;
}

/*
 * Two lines high, or more, with little that is clean: worth a rectangle less.
 * Below one another or side by side.
 */
static bool hm_rects_close(const struct drm_hugemap_rect *a,
			   const struct drm_hugemap_rect *b)
{
	struct drm_hugemap_rect u = *a;
	__u64 area;

	if (b->y1 > a->y2 || b->x1 > a->x2 || a->x1 > b->x2)
		return false;
	hm_rects_unite(&u, b);
	area = (__u64)(u.x2 - u.x1) * (u.y2 - u.y1);
	return area - area / 4 <=
	       (__u64)(a->x2 - a->x1) * (a->y2 - a->y1) +
	       (__u64)(b->x2 - b->x1) * (b->y2 - b->y1);
}

/* Add a rectangle that begins on the line of the last one or below. */
static void hm_rects_put(struct hm_rects *r, struct drm_hugemap_rect new)
{
	unsigned int i = r->nr;
	bool full = r->nr == r->max;

	/*
	 * What it is put together with may bring it to overlap others: begin
	 * again until it does not.
	 */
	while (i--) {
		struct drm_hugemap_rect *old = &r->rects[i];

		if (!full && !hm_rects_overlap(old, &new) &&
		    !hm_rects_close(old, &new))
			continue;
		hm_rects_unite(&new, old);
		full = false;
		for (r->nr--; i < r->nr; i++)
			r->rects[i] = r->rects[i + 1];
		i = r->nr;
	}
	/* Its first line may have moved up. */
	for (i = r->nr++; i && r->rects[i - 1].y1 > new.y1; i--)
		r->rects[i] = r->rects[i - 1];
	r->rects[i] = new;
}

/* A part of some lines, in bytes. */
static void hm_rects_bytes(struct hm_rects *r, __u32 from, __u32 to, __u32 y1,
			   __u32 y2)
{
	struct drm_hugemap_rect new = { .y1 = y1, .y2 = y2 };
	__u32 x2;

	new.x1 = from / r->cpp;
	x2 = to / r->cpp + !!(to % r->cpp);
	new.x2 = x2 < r->width ? x2 : r->width;
	if (new.x1 < new.x2 && y1 < y2)
		hm_rects_put(r, new);
}

/**
 * hm_rects_add - a range of bytes is dirty
 * @r: framebuffer
 * @from: first byte, counted from the first pixel
 * @to: byte behind the range; ranges come in ascending order, and from the
 *	framebuffer
 */
void hm_rects_add(struct hm_rects *r, __u64 from, __u64 to)
{
	__u32 y1 = from / r->pitch, y2 = (to - 1) / r->pitch;
	__u32 x1 = from % r->pitch, x2 = (to - 1) % r->pitch + 1;

	if (y1 == y2) {
		hm_rects_bytes(r, x1, x2, y1, y1 + 1);
		return;
	}
	if (x1) {
		hm_rects_bytes(r, x1, r->pitch, y1, y1 + 1);
		y1++;
	}
	if (x2 == r->pitch) {
		hm_rects_bytes(r, 0, r->pitch, y1, y2 + 1);
		return;
	}
	hm_rects_bytes(r, 0, r->pitch, y1, y2);
	hm_rects_bytes(r, 0, x2, y2, y2 + 1);
}
