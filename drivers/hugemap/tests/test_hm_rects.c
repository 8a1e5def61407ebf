// SPDX-License-Identifier: GPL-2.0
/*
 * hm_rects.c against a framebuffer of one byte per pixel.
 */
#include "hm_test.h"
#include "hm_rects.h"
#ifdef __KERNEL__
#include "../hm_rects.c"
#endif

struct fb {
	struct hm_rects r;
	unsigned char *dirty;	/* by byte */
	unsigned char *in;	/* rectangles that hold the pixel */
	unsigned long size;
};

static struct fb fb_new(unsigned int width, unsigned int height,
			unsigned int cpp, unsigned int pitch, unsigned int max)
{
	struct fb fb = {
		.r = {
			.pitch = pitch, .width = width, .height = height,
			.cpp = cpp, .max = max,
			.rects = hm_zalloc(max * sizeof(*fb.r.rects)),
		},
		.size = (unsigned long)pitch * height,
	};

	fb.dirty = hm_zalloc(fb.size);
	fb.in = hm_zalloc((unsigned long)width * height);
	return fb;
}

static void fb_free(struct fb *fb)
{
	hm_free(fb->r.rects);
	hm_free(fb->dirty);
	hm_free(fb->in);
}

static void fb_add(struct fb *fb, unsigned long from, unsigned long to)
{
	if (to > fb->size)
		to = fb->size;
	memset(fb->dirty + from, 1, to - from);
	hm_rects_add(&fb->r, from, to);
}

static bool pixel_dirty(const struct fb *fb, unsigned int x, unsigned int y)
{
	unsigned long at = (unsigned long)y * fb->r.pitch + x * fb->r.cpp;
	unsigned int i;

	for (i = 0; i < fb->r.cpp; i++)
		if (fb->dirty[at + i])
			return true;
	return false;
}

static unsigned long fb_area(const struct fb *fb)
{
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < fb->r.nr; i++)
		n += (unsigned long)(fb->r.rects[i].x2 - fb->r.rects[i].x1) *
		     (fb->r.rects[i].y2 - fb->r.rects[i].y1);
	return n;
}

static unsigned long fb_dirty(const struct fb *fb)
{
	unsigned long n = 0;
	unsigned int x, y;

	for (y = 0; y < fb->r.height; y++)
		for (x = 0; x < fb->r.width; x++)
			n += pixel_dirty(fb, x, y);
	return n;
}

static void fb_check(struct fb *fb)
{
	const struct drm_hugemap_rect *q;
	unsigned int i, x, y;

	memset(fb->in, 0, (unsigned long)fb->r.width * fb->r.height);
	check(fb->r.nr <= fb->r.max, "%u of %u", fb->r.nr, fb->r.max);
	for (i = 0; i < fb->r.nr; i++) {
		q = &fb->r.rects[i];
		check(q->x1 < q->x2 && q->x2 <= fb->r.width &&
		      q->y1 < q->y2 && q->y2 <= fb->r.height,
		      "%u: (%u,%u) to (%u,%u)", i, q->x1, q->y1, q->x2, q->y2);
		check(!i || q->y1 >= q[-1].y1, "%u: line %u behind %u", i,
		      q->y1, q[-1].y1);
		for (y = q->y1; y < q->y2 && y < fb->r.height; y++)
			for (x = q->x1; x < q->x2 && x < fb->r.width; x++)
				fb->in[y * fb->r.width + x]++;
	}
	for (y = 0; y < fb->r.height; y++) {
		for (x = 0; x < fb->r.width; x++) {
			unsigned int n = fb->in[y * fb->r.width + x];

			check(n <= 1, "(%u,%u) is in %u", x, y, n);
			check(n || !pixel_dirty(fb, x, y),
			      "(%u,%u) is lost, cpp %u pitch %u width %u", x, y,
			      fb->r.cpp, fb->r.pitch, fb->r.width);
		}
	}
}

/* Every range of a small framebuffer: exact, for it is one range. */
static void check_ranges(struct fb *fb)
{
	unsigned long from, to;

	for (from = 0; from < fb->size; from++) {
		for (to = from + 1; to <= fb->size; to++) {
			fb->r.nr = 0;
			memset(fb->dirty, 0, fb->size);
			fb_add(fb, from, to);
			fb_check(fb);
			check(fb->r.nr <= 3, "%u", fb->r.nr);
			check(fb_area(fb) * 3 <= fb_dirty(fb) * 4 * 4,
			      "%lu for %lu", fb_area(fb), fb_dirty(fb));
		}
	}
}

HM_TEST(test_one_range)
{
	unsigned int i;

	for (i = 0; i < 4 * 4 * 4 * 2; i++) {
		unsigned int cpp = i % 4 + 1, width = i / 4 % 4 + 1;
		struct fb fb = fb_new(width, i / 16 % 4 + 1, cpp,
				      width * cpp + i / 64 * 5, 8);

		check_ranges(&fb);
		fb_free(&fb);
	}
}

/* Two ranges, and room for one, two or many rectangles. */
HM_TEST(test_two_ranges)
{
	unsigned long a, b, c, d;
	unsigned int max;

	for (max = 1; max <= 4; max++) {
		struct fb fb = fb_new(3, 3, 2, 7, max);

		for (a = 0; a < fb.size; a++)
			for (b = a + 1; b <= fb.size; b++)
				for (c = b; c < fb.size; c++)
					for (d = c + 1; d <= fb.size; d++) {
						fb.r.nr = 0;
						memset(fb.dirty, 0, fb.size);
						fb_add(&fb, a, b);
						fb_add(&fb, c, d);
						fb_check(&fb);
					}
		fb_free(&fb);
	}
}

static const struct {
	unsigned int width, height, cpp, pitch;
} modes[] = {
	{ 64, 48, 4, 256 },
	{ 1024, 60, 4, 4096 },
	{ 1000, 60, 4, 4096 },
	{ 1920, 64, 4, 7680 },
	{ 1366, 50, 4, 5464 },
	{ 640, 80, 4, 2560 },
	{ 640, 80, 3, 1920 },
	{ 641, 80, 3, 1925 },
	{ 800, 60, 2, 1600 },
	{ 2048, 30, 2, 8192 },
	{ 2050, 30, 2, 8192 },
	{ 300, 90, 1, 300 },
	{ 300, 90, 1, 301 },
	{ 7, 3000, 1, 7 },
	{ 5, 3000, 3, 16 },
	{ 4000, 6, 4, 16384 },
};

static const unsigned int granules[] = { 64, 4096, 65536 };

/* As the driver does: granule by granule, from any offset in the first one. */
static void fb_add_granules(struct fb *fb, unsigned int granule,
			    unsigned int offset, const unsigned char *set)
{
	unsigned long g, from, to;

	for (g = 0; g * granule < fb->size + offset; g++) {
		from = g * granule;
		to = from + granule - offset;
		from = from > offset ? from - offset : 0;
		if (to > fb->size)
			to = fb->size;
		if (from < to && (!set || set[g]))
			fb_add(fb, from, to);
	}
}

HM_TEST(test_random)
{
	static const unsigned int maxes[] = { 1, 2, 3, 7, 16, 256 };
	unsigned long seed = 5, k, nr;
	unsigned int i, j, m, round, density, offset;
	unsigned char *set;

	for (i = 0; i < ARRAY_SIZE(modes); i += HM_SCALED(1, 5))
		for (j = 0; j < ARRAY_SIZE(granules); j++)
			for (m = 0; m < ARRAY_SIZE(maxes); m++) {
				struct fb fb = fb_new(modes[i].width,
						      modes[i].height,
						      modes[i].cpp,
						      modes[i].pitch, maxes[m]);

				nr = fb.size / granules[j] + 2;
				set = hm_zalloc(nr);
				for (round = 0; round < HM_SCALED(4, 1); round++) {
					density = 1 + hm_random(&seed) % 32;
					offset = round % 2 ? hm_random(&seed) %
						 granules[j] : 0;
					for (k = 0; k < nr; k++)
						set[k] = hm_random(&seed) % 32 <
							 density;
					fb.r.nr = 0;
					memset(fb.dirty, 0, fb.size);
					fb_add_granules(&fb, granules[j],
							offset, set);
					fb_check(&fb);
				}
				hm_free(set);
				fb_free(&fb);
			}
}

/* All dirty is one rectangle, in one range and granule by granule. */
HM_TEST(test_full)
{
	static const unsigned int offsets[] = { 0, 4, 60 };
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(modes); i += HM_SCALED(1, 5))
		for (j = 0; j < ARRAY_SIZE(granules); j++)
			for (k = 0; k < ARRAY_SIZE(offsets); k++) {
				struct fb fb = fb_new(modes[i].width,
						      modes[i].height,
						      modes[i].cpp,
						      modes[i].pitch, 64);

				fb_add(&fb, 0, fb.size);
				fb_check(&fb);
				check(fb.r.nr == 1, "mode %u: %u", i, fb.r.nr);
				fb.r.nr = 0;
				fb_add_granules(&fb, granules[j], offsets[k],
						NULL);
				fb_check(&fb);
				check(fb.r.nr == 1, "mode %u granule %u: %u", i,
				      granules[j], fb.r.nr);
				check(fb_area(&fb) == fb_dirty(&fb), "mode %u",
				      i);
				fb_free(&fb);
			}
}

/* Far apart and few: no clean pixel between them is reported. */
HM_TEST(test_apart)
{
	struct fb fb = fb_new(1920, 1080, 4, 7680, 64);
	unsigned int i;

	for (i = 0; i < 10; i++)
		fb_add(&fb, (100 * i + 10) * 7680ul + 4 * 100 * i,
		       (100 * i + 10) * 7680ul + 4 * 100 * i + 32);
	fb_check(&fb);
	check(fb.r.nr == 10, "%u", fb.r.nr);
	check(fb_area(&fb) == 80, "%lu", fb_area(&fb));
	fb_free(&fb);
	/* A block of text, line by line: one rectangle, and just it. */
	fb = fb_new(1920, 1080, 4, 7680, 64);
	for (i = 0; i < 16; i++)
		fb_add(&fb, (200 + i) * 7680ul + 4 * 640,
		       (200 + i) * 7680ul + 4 * 648);
	fb_check(&fb);
	check(fb.r.nr == 1, "%u", fb.r.nr);
	check(fb_area(&fb) == 8 * 16, "%lu", fb_area(&fb));
	fb_free(&fb);
	/* Two windows side by side remain two. */
	fb = fb_new(1920, 1080, 4, 7680, 64);
	for (i = 0; i < 50; i++) {
		fb_add(&fb, (200 + i) * 7680ul + 4 * 100,
		       (200 + i) * 7680ul + 4 * 200);
		fb_add(&fb, (200 + i) * 7680ul + 4 * 1600,
		       (200 + i) * 7680ul + 4 * 1700);
	}
	fb_check(&fb);
	check(fb.r.nr == 2, "%u", fb.r.nr);
	check(fb_area(&fb) == 2 * 50 * 100, "%lu", fb_area(&fb));
	fb_free(&fb);
}

/* What is beyond the width is no rectangle, and makes none wider. */
HM_TEST(test_beyond)
{
	struct fb fb = fb_new(100, 50, 4, 4096, 8);
	unsigned int i;

	for (i = 0; i < 50; i++)
		fb_add(&fb, i * 4096ul + 400, (i + 1) * 4096ul);
	check(!fb.r.nr, "%u", fb.r.nr);
	fb_check(&fb);
	fb_free(&fb);
}

HM_SUITE(hm_rects,
	 HM_CASE(test_one_range),
	 HM_CASE(test_two_ranges),
	 HM_CASE(test_random),
	 HM_CASE(test_full),
	 HM_CASE(test_apart),
	 HM_CASE(test_beyond));
