// SPDX-License-Identifier: GPL-2.0
/*
 * What one fault costs, by the size of the entry, page tables being there; and
 * what it costs to map much memory, and to unmap it.
 */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <drm/hugemap_drm.h>

#include "bench.h"

#define SAMPLES	31

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

static double one_touch(const char *m)
{
	uint64_t from = now();

	(void)*(const volatile uint64_t *)m;
	return now() - from;
}

/*
 * A mapping of one entry; or, of 2 MiB entries, of all in 1 GiB, of which the
 * first has brought the table. Beside a single page another one keeps it.
 */
static double one_fault(struct peer *p)
{
	double v[SAMPLES];
	unsigned int i;
	char *m, *keep;

	switch (p->shift) {
	case 30:
		for (i = 0; i < SAMPLES; i++) {
			m = peer_map(p, GIB);
			v[i] = one_touch(m);
			peer_unmap(m, GIB);
		}
		break;
	case 21:
		m = peer_map(p, (SAMPLES + 1) * MIB2);
		one_touch(m);
		for (i = 0; i < SAMPLES; i++)
			v[i] = one_touch(m + (i + 1) * MIB2);
		peer_unmap(m, (SAMPLES + 1) * MIB2);
		break;
	default:
		for (i = 0; i < SAMPLES; i++) {
			m = peer_map(p, KIB4);
			keep = mmap(m + MIB, KIB4, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS |
				    MAP_FIXED_NOREPLACE, -1, 0);
			check(keep == m + MIB);
			*(volatile char *)keep = 1;
			v[i] = one_touch(m);
			munmap(keep, KIB4);
			peer_unmap(m, KIB4);
		}
	}
	return median(v, SAMPLES);
}

static double no_fault(void)
{
	static char page[KIB4];
	double v[SAMPLES];
	unsigned int i;

	page[0] = 1;
	for (i = 0; i < SAMPLES; i++)
		v[i] = one_touch(page);
	return median(v, SAMPLES);
}

void bench_faults(void)
{
	static const char * const names[] = {
		"hugemap-1g", "dax-1g", "floor-1g", "vfio-1g", "hugetlb-1g",
		"hugemap-2m", "dax-2m", "floor-2m", "vfio-2m", "hugetlb-2m",
		"memfd-2m",
		"hugemap-4k", "dax-4k", "floor-4k", "vfio-4k", "memfd-4k",
		"vgem",
	};
	unsigned int r, i;

	for (r = 0; r < reps; r++) {
		result("nothing", "-", 0, 0, "cost", no_fault());
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			struct peer *p = peer_get(names[i]);

			if (p)
				result("fault", p->name, 1UL << p->shift, 0,
				       "cost", one_fault(p));
		}
	}
}

static void fill_one(struct peer *p, size_t len)
{
	long tables = page_tables(), n = faults();
	uint64_t from = now(), t;
	char *m;

	m = peer_map(p, len);
	if (!p->full)
		from = now();
	peer_touch(p, m, len);
	t = now() - from;
	n = faults() - n;
	tables = page_tables() - tables;
	result("first-touch", p->name, len, 0, "cost", t);
	result("first-touch", p->name, len, 0, "faults", n);
	result("first-touch", p->name, len, 0, "tables/KiB", tables);
	from = now();
	peer_unmap(m, len);
	result("munmap", p->name, len, 0, "cost", now() - from);
}

static void prefault_one(struct peer *p, size_t len)
{
	struct drm_hugemap_prefault args = { .len = len };
	uint64_t from;
	char *m;

	m = peer_map(p, len);
	args.addr = (uintptr_t)m;
	args.max_order = DRM_HUGEMAP_ORDER_ANY;
	from = now();
	check(!ioctl(p->fd, DRM_IOCTL_HUGEMAP_PREFAULT, &args));
	result("populate", p->name, len, 0, "cost", now() - from);
	peer_unmap(m, len);
}

static void populate_one(struct peer *p, size_t len)
{
	char *m = peer_map(p, len);
	uint64_t from = now();
	int ret = madvise(m, len, 22 /* MADV_POPULATE_READ */);

	if (ret)
		skip("populate", p->name, "MADV_POPULATE_READ is refused");
	else
		result("populate", p->name, len, 0, "cost", now() - from);
	peer_unmap(m, len);
}

void bench_fill(void)
{
	static const struct { const char *name; size_t len; } list[] = {
		{ "hugemap-1g", GIB }, { "hugemap-2m", GIB }, { "hugemap-4k", GIB },
		{ "dax-1g", GIB }, { "dax-2m", GIB }, { "dax-4k", GIB },
		{ "floor-1g", GIB }, { "floor-2m", GIB }, { "floor-4k", GIB },
		{ "vfio-1g", GIB }, { "vfio-2m", GIB - MIB2 },
		{ "vfio-4k", 64 * MIB },
		{ "hugetlb-1g", GIB }, { "hugetlb-2m", 512 * MIB },
		{ "memfd-2m", 512 * MIB }, { "memfd-4k", 512 * MIB },
		{ "devmem-4k", GIB }, { "vgem", 64 * MIB },
		{ "hugemap-1g", 16 * GIB }, { "hugemap-2m", 16 * GIB },
		{ "dax-1g", 16 * GIB }, { "floor-1g", 16 * GIB },
		{ "floor-2m", 16 * GIB },
	};
	unsigned int r, i;

	for (r = 0; r < reps; r++)
		for (i = 0; i < ARRAY_SIZE(list); i++) {
			struct peer *p = peer_get(list[i].name);

			if (!p)
				continue;
			check(peer_has(p, list[i].len));
			fill_one(p, list[i].len);
			if (p->kind[0] == 'h' && p->kind[4] == 'm')
				prefault_one(p, list[i].len);
			else if (r == 0 || p->kind[0] == 'd' || p->kind[0] == 'm')
				if (!p->full)
					populate_one(p, list[i].len);
		}
}
