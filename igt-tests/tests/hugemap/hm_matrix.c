// SPDX-License-Identifier: MIT
/*
 * What a process can do to a mapping, done to every kind of mapping: the rows of
 * hm_op_table.h that say MATRIX(), for each page size, region, node (its flat
 * window, a GEM object, a dma-buf), tracked or not.  A cell is what the operation
 * gave and which page sizes map the memory when all of it was touched again.
 *
 * Cells are printed for igt-tests/vm/matrix-report to make a picture of:
 *
 *	cell|REGION|NODE|ORDER|OPERATION|VERDICT|WHAT IT WAS|WHAT IT SHOULD BE
 *
 * With --device (or IGT_DEVICE), spelt as in lib/hm_foreign.h, it is the memory of
 * another driver.
 */
#include "hm_foreign.h"
#include "hm_op.h"
#include "igt_device_scan.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap matrix
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: driver
 * Description: What a process can do to a mapping, done to every kind of mapping,
 *	by one table of what is expected.
 *
 * SUBTEST: gem
 * Description: Operations on a GEM object, mapped through the DRM node.
 *
 * SUBTEST: gem-tracked
 * Description: Operations on a GEM object while a tracker watches each page.
 *
 * SUBTEST: dma-buf
 * Description: Operations on a GEM object, mapped as a dma-buf.
 *
 * SUBTEST: dma-buf-tracked
 * Description: Operations on a dma-buf while a tracker watches each page.
 *
 * SUBTEST: flat
 * Description: Operations on the flat window of a region, or on --device.
 *
 * SUBTEST: flat-tracked
 * Description: Operations on the flat window while a tracker watches each page.
 */

IGT_TEST_DESCRIPTION("Operations on every kind of mapping: what they give, and the page sizes then.");

#define SEED	0x6d61747269ull

static const char * const order_name[] = {
	[HM_PTE] = "4K", [HM_PMD] = "2M", [HM_PUD] = "1G",
};

/* A column of the picture. */
struct column {
	const char *region, *node;
	struct hm_node *hm;		/* NULL: of another driver */
	bool is_file;
	int fd;				/* what to map, and where in it */
	uint64_t base;
	int tracked_fd;			/* -1, or the object is tracked */
	uint32_t handle;
	struct hm_foreign foreign;
	uint64_t features;
};

struct outcome {
	int err;
	unsigned int levels;		/* bits of enum hm_level */
	const char *skip;		/* why it was not tried */
};

static void outcome_text(const struct outcome *o, char *buf, size_t size)
{
	int l, n;

	n = snprintf(buf, size, "%s", o->err ? strerrorname_np(-o->err) : "ok");
	for (l = HM_PUD; l >= HM_PTE; l--)
		if (o->levels & 1u << l)
			n += snprintf(buf + n, size - n, "%c%s",
				      strchr(buf, ' ') ? '+' : ' ',
				      order_name[l]);
}

static void print_cell(const struct column *col, enum hm_level level,
		       const char *op, const char *verdict, const char *got,
		       const char *want)
{
	char name[64];

	/* Flags of mbind have the separator between them. */
	snprintf(name, sizeof(name), "%s", op);
	for (char *p = name; (p = strchr(p, '|')); )
		*p = '+';
	printf("cell|%s|%s%s|%s|%s|%s|%s|%s\n", col->region, col->node,
	       col->tracked_fd < 0 ? "" : " tracked", order_name[level], name,
	       verdict, got, want);
	fflush(stdout);
}

/* ---- the level of a mapping ---- */

/* Page tables of this process in KiB. */
static long table_kib(void)
{
	static char buf[4096];
	const char *p;

	igt_assert(__hm_read_file("/proc/self/status", buf, sizeof(buf)) > 0);
	p = strstr(buf, "VmPTE:");
	igt_assert(p);
	return strtol(p + 6, NULL, 10);
}

/*
 * Another driver has no counters for us.  The arena has its PUD table for good,
 * so that a PUD entry adds no table, PMD entries one, and base pages one more for
 * each 2 MiB.
 */
static unsigned int foreign_levels(const struct ctx *c, long tables_before)
{
	long tables = (table_kib() - tables_before) * 1024 / HM_PAGE;
	long units = c->len / c->pmd;

	/* The others have their PMD table, see pin_tables(). */
	if (c->level == HM_PUD && !tables--)
		return 1u << HM_PUD;
	return tables == 0 ? 1u << HM_PMD :
	       tables < units ? 1u << HM_PMD | 1u << HM_PTE : 1u << HM_PTE;
}

static unsigned int bits(const struct hm_levels *l)
{
	return !!l->pud << HM_PUD | !!l->pmd << HM_PMD | !!l->pte << HM_PTE;
}

static unsigned int levels_now(const struct ctx *c, long tables_before)
{
	struct hm_levels l;

	if (!c->node)
		return foreign_levels(c, tables_before);
	hm_map_levels(c->node, c->p, c->len, &l);
	return bits(&l);
}

/* ---- expectations ---- */

static bool core_has(const struct column *col, uint64_t feature)
{
	return col->features & feature;
}

/* Does the driver what hugemap does for its entries? */
static bool has_hooks(const struct column *col)
{
	return col->foreign.kind == HM_FOREIGN_SKELETON;
}

static bool divides(const struct op *op)
{
	return op->after == CUTS ||
	       (op->fn == op_fork && op->arg == CHILD_MUNMAP);
}

/* Stock kernels crash, or lose entries, under drivers without ours' remedies. */
static const char *hazard(const struct column *col, const struct ctx *c,
			  const struct op *op)
{
	if (col->hm)
		return op->hazard && c->level == HM_PMD && !hm_pmd_safe(col->hm) ?
		       "mbind of 2M entries without struct pages crashes this kernel (mm-patches, P3)" :
		       NULL;
	if (op->takes_page && col->foreign.kind != HM_FOREIGN_VFIO)
		return "takes the page away for good";
	if (c->level == HM_PUD && op->fn == op_move && !has_hooks(col) &&
	    !core_has(col, DRM_HUGEMAP_FEATURE_CORE_MREMAP))
		return "mremap of a 1G entry loses it without a TLB flush on this kernel (mm-patches, P4)";
	if (op->fn == op_move && op->after == PAGES &&
	    col->foreign.align > HM_PAGE)
		return "device-dax moves off its alignment and then serves nothing: SIGBUS";
	/* device-dax refuses cuts. */
	if (c->level == HM_PUD && divides(op) && !has_hooks(col) &&
	    col->foreign.kind != HM_FOREIGN_DAX &&
	    !core_has(col, DRM_HUGEMAP_FEATURE_CORE_SPLIT))
		return "a cut inside a 1G entry crashes this kernel (mm-patches, P2)";
	if (op->hazard && c->level == HM_PMD && !hm_kernel_at_least(7, 3) &&
	    col->foreign.kind != HM_FOREIGN_DAX &&
	    !core_has(col, DRM_HUGEMAP_FEATURE_CORE_WALK))
		return "mbind of 2M entries without struct pages crashes this kernel (mm-patches, P3)";
	return NULL;
}

static int wanted_error(const struct column *col, const struct ctx *c,
			const struct op *op, enum where w)
{
	/* DRM nodes and dma-bufs have no fsync(). */
	if (op->no_file && !col->is_file)
		return -EINVAL;
	if (col->hm)
		return op_wants(c, op, w);
	if (kernel_before(op->since))
		return op->before;
	/* No access method of their own, either. */
	if ((col->foreign.kind == HM_FOREIGN_VFIO ||
	     col->foreign.kind == HM_FOREIGN_SKELETON) && op->other_vfio)
		return op->vfio;
	if (col->foreign.kind != HM_FOREIGN_DAX)
		return op->pfnmap;
	/* Nothing smaller than its alignment. */
	if ((op->after == CUTS || op->after == PAGES) &&
	    col->foreign.align > HM_PAGE)
		return -EINVAL;
	return op->other_dax ? op->dax : op->mixedmap;
}

/* vfio-pci has huge pages since 6.12; the skeleton takes those that are safe. */
static bool foreign_has(const struct column *col, enum hm_level level)
{
	switch (col->foreign.kind) {
	case HM_FOREIGN_VFIO:
		return level == HM_PTE || hm_kernel_at_least(6, 12);
	case HM_FOREIGN_SKELETON:
		return level != HM_PMD || hm_kernel_at_least(7, 3);
	default:
		return true;
	}
}

static unsigned int wanted_levels(const struct column *col,
				  const struct ctx *c, const struct op *op,
				  int err)
{
	bool pmd = col->hm ? hm_has_order(col->hm, col->hm->q.pmd_order) :
			     foreign_has(col, HM_PMD);
	enum after after = err ? KEEPS : op->after;

	if (c->level == HM_PTE || after == PAGES)
		return 1u << HM_PTE;
	if (after != CUTS)
		return 1u << c->level;
	return (c->level == HM_PMD || pmd ? 1u << HM_PMD : 0) | 1u << HM_PTE;
}

/* ---- a cell ---- */

static void read_all(struct ctx *c)
{
	for_samples(c, get);
}

static void map_memory(const struct ctx *c)
{
	igt_assert_f(mmap(c->p, c->len, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, c->fd, c->base) == c->p,
		     "mmap: %m\n");
}

/*
 * All of it is mapped by pages of one size.  Where writes are tracked, the
 * contents were there before.
 */
static void map_all(struct ctx *c, uint32_t tracker)
{
	long faults = hm_minflt();

	c->p = c->arena + c->shift;
	c->hole_len = 0;
	map_memory(c);
	if (!tracker) {
		c->seed++;
		store(c);
	} else {
		read_all(c);
	}
	faults = hm_minflt() - faults;
	/* Counters of ours prove the same, see hm_order. */
	if (!c->node && c->level != HM_PTE)
		igt_assert_eq(faults, c->level == HM_PUD ? 1 : c->len / c->pmd);
}

static void unmap_all(struct ctx *c)
{
	igt_assert(mmap(c->arena, 4 * c->pud, PROT_NONE, MAP_PRIVATE |
			MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) ==
		   c->arena);
}

/*
 * The operation's own writes were seen, nothing else was, and what is written now
 * is all that the next SYNC tells.
 */
static void check_tracking(const struct column *col, struct ctx *c,
			   const struct op *op, uint32_t tracker)
{
	static uint64_t bitmap[262144 / 64];
	uint64_t page = 3 * c->pmd / HM_PAGE + 17, nr, i;

	nr = hm_dirty_sync(col->tracked_fd, tracker, 0, 0, 0, NULL);
	/* Of all of them none writes to more than two. */
	igt_assert_f(!nr == !op->writes && nr <= 2,
		     "%s made %" PRIu64 " pages dirty\n", op->name, nr);
	*(volatile uint64_t *)(c->p + page * HM_PAGE) = 1;
	memset(bitmap, 0, sizeof(bitmap));
	igt_assert_eq_u64(hm_dirty_sync(col->tracked_fd, tracker, 0, c->pud,
					0, bitmap), 1);
	for (i = 0; i < ARRAY_SIZE(bitmap); i++)
		igt_assert_eq_u64(bitmap[i], i == page / 64 ?
				  1ull << page % 64 : 0);
}

static void pin_table(char *p)
{
	igt_assert(mmap(p, HM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			MAP_FIXED | MAP_ANONYMOUS, -1, 0) == p);
	*(volatile char *)p = 1;
}

/*
 * What is moved or unmapped may leave its PMD table, with neighbours in it.  With
 * a page at the end of each PUD unit, that table is there from the beginning.
 */
static void pin_tables(struct ctx *c)
{
	for (int i = 1; c->level != HM_PUD && i <= 4; i++)
		pin_table(c->arena + i * c->pud - HM_PAGE);
}

static void run_cell(const struct column *col, struct ctx *c,
		     const struct op *op, enum where w, uint32_t tracker,
		     struct outcome *got, struct outcome *want)
{
	long tables = 0;

	if (!col->hm) {
		pin_tables(c);
		tables = table_kib();
	}
	map_all(c, tracker);
	igt_assert_eq(levels_now(c, tables), 1u << c->level);
	want->err = wanted_error(col, c, op, w);
	got->err = op->fn(c, w, op->arg);
	read_all(c);
	got->levels = levels_now(c, tables);
	if (op->alt && got->err == op->alt)
		want->err = op->alt;
	want->levels = wanted_levels(col, c, op, want->err);
	if (op->after == RACES && tracker && c->level != HM_PTE)
		want->levels |= got->levels & 1u << HM_PTE;
	if (tracker) {
		check_tracking(col, c, op, tracker);
	} else {
		c->seed++;
		store(c);
		read_all(c);
	}
	unmap_all(c);
}

static int run_cells(const struct column *col, struct ctx *c, const struct op *op,
		     unsigned int nr, uint32_t tracker)
{
	char got_text[64], want_text[64];
	struct outcome got, want;
	const char *why;
	int bad = 0;
	bool ok;

	for (; nr--; op++) {
		if (!op->matrix)
			continue;
		why = hazard(col, c, op);
		if (why) {
			print_cell(col, c->level, op->name, "skip", "", why);
			continue;
		}
		memset(&got, 0, sizeof(got));
		memset(&want, 0, sizeof(want));
		run_cell(col, c, op, __builtin_ctz(op->matrix), tracker, &got,
			 &want);
		ok = got.err == want.err && got.levels == want.levels;
		outcome_text(&got, got_text, sizeof(got_text));
		outcome_text(&want, want_text, sizeof(want_text));
		print_cell(col, c->level, op->name, ok ? "pass" : "fail",
			   got_text, want_text);
		if (!ok)
			igt_warn("%s of %s: %s, expected %s\n", op->name,
				 order_name[c->level], got_text, want_text);
		bad += !ok;
	}
	return bad;
}

/* Where the kernel dumps page tables, it has to say what their sizes say. */
static void check_dump(struct ctx *c)
{
	struct hm_levels l;
	char *dump;

	if (!hm_has_ptdump())
		return;
	map_all(c, 0);
	dump = hm_ptdump();
	hm_ptdump_levels(dump, c->p, c->len, &l);
	free(dump);
	igt_assert_eq(bits(&l), 1u << c->level);
	unmap_all(c);
}

/* All rows, for one page size. */
static void run_rows(const struct column *col, enum hm_level level,
		     uint64_t pmd, uint64_t pud)
{
	struct ctx c = {
		.node = col->hm, .level = level, .pmd = pmd, .pud = pud,
		.len = level == HM_PUD ? pud : 4 * pmd,
		.seed = SEED, .fd = col->fd, .base = col->base,
	};
	uint32_t tracker = 0;
	int bad = 0;

	/* Of other drivers all is touched, so that tables can be counted. */
	c.step = level == HM_PUD && col->hm ? 8 * pmd : pmd;
	/* They choose pages by the address. */
	if (!col->hm && level == HM_PTE)
		c.shift = HM_PAGE;
	if (col->foreign.align > HM_PAGE)
		c.shift = 0;
	c.arena = hm_reserve_aligned(5 * pud, pud);
	/* Keeps the PUD table, see foreign_levels(). */
	pin_table(c.arena + 4 * pud);
	if (col->tracked_fd >= 0) {
		c.p = c.arena;
		map_memory(&c);
		store(&c);
		unmap_all(&c);
		tracker = hm_dirty_start(col->tracked_fd, col->handle, 0, pud,
					 HM_PAGE, 0);
	}
	if (!col->hm)
		check_dump(&c);
	for (unsigned int i = 0; i < ARRAY_SIZE(groups); i++)
		bad += run_cells(col, &c, groups[i].ops, groups[i].nr, tracker);
	if (tracker)
		hm_dirty_stop(col->tracked_fd, tracker);
	hm_munmap(c.arena, 5 * pud);
	igt_assert_f(!bad, "%d cells are not as hm_op_table.h says\n", bad);
}

/* ---- columns: nodes of ours ---- */

/* One for each region, until the program ends: making one clears 1 GiB. */
static struct bo {
	int fd, dmabuf;
	uint32_t handle;
	uint64_t off;
	bool huge;		/* one PUD entry */
} bos[HM_MAX_NODES];

static struct bo *region_bo(struct hm_node *region)
{
	struct bo *bo = &bos[region->index];
	struct drm_hugemap_gem_info info;

	if (bo->handle)
		return bo;
	igt_hugemap_require_size(region, hm_pud_size(region));
	bo->fd = hm_render_open(region);
	bo->handle = hm_create(bo->fd, region, hm_pud_size(region));
	bo->off = hm_mmap_offset(bo->fd, bo->handle);
	bo->dmabuf = hm_export(bo->fd, bo->handle);
	hm_info(bo->fd, bo->handle, &info);
	bo->huge = info.nr_pud == 1;
	return bo;
}

enum node { FLAT, GEM, DMABUF };

static const char * const node_name[] = { "flat", "gem", "dma-buf" };

static void run_ours(struct hm_node *node, enum node kind, bool tracked,
		     enum hm_level level)
{
	static struct column col;
	struct bo *bo = NULL;

	col = (struct column) {
		.is_file = kind == FLAT,
		.region = node->label, .node = node_name[kind], .hm = node,
		.fd = node->fd, .tracked_fd = -1,
	};
	if (!hm_set_level(node, level, false)) {
		print_cell(&col, level, "*", "skip", "", hm_why_name(
			   level == HM_PUD ? node->q.pud_why : node->q.pmd_why));
		igt_hugemap_require_order(node, hm_level_order(node, level));
	}
	if (kind != FLAT) {
		bo = region_bo(node);
		igt_assert(bo->huge || level != HM_PUD);
		col.fd = kind == GEM ? bo->fd : bo->dmabuf;
		col.base = kind == GEM ? bo->off : 0;
		col.handle = bo->handle;
	}
	if (tracked)
		col.tracked_fd = bo ? bo->fd : node->fd;
	run_rows(&col, level, hm_pmd_size(node), hm_pud_size(node));
}

static void bos_free(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(bos); i++) {
		if (!bos[i].handle)
			continue;
		close(bos[i].dmabuf);
		close(bos[i].fd);
		bos[i].handle = 0;
	}
}

static struct hm_node *next(enum node kind, struct hm_node *node)
{
	return kind == FLAT ? hm_node_next(node) : hm_region_next(node);
}

static void run_nodes(enum node kind, bool tracked)
{
	/* Static: they outlive the jumps out of subtests. */
	static struct hm_node *node;
	static int level;

	if (kind == FLAT)
		bos_free();
	for (node = next(kind, NULL); node; node = next(kind, node)) {
		if (!hm_is_first_of_kind(node))
			continue;
		for (level = HM_PUD; level >= HM_PTE; level--)
			igt_dynamic_f("%s-%s", node->label,
				      hm_level_name[level]) {
				hm_restore();
				hm_node_refresh(node);
				run_ours(node, kind, tracked, level);
			}
	}
}

/* ---- columns: a device of another driver ---- */

static struct column device;

static void device_open(const char *spec)
{
	static const char * const kinds[] = { "node", "dax", "vfio-pci", "huge_skel" };
	static char why[256], name[64];
	struct hm_node *node;

	igt_assert_f(!hm_foreign_open(spec, &device.foreign, why, sizeof(why)),
		     "%s\n", why);
	snprintf(name, sizeof(name), "%s", kinds[device.foreign.kind]);
	device.region = name;
	device.node = "device";
	device.fd = device.foreign.fd;
	device.base = device.foreign.offset;
	device.tracked_fd = -1;
	/* What core mm does by itself only our driver tells. */
	if (!access("/sys/class/hugemap", F_OK)) {
		node = hm_node_next(NULL);
		device.features = node->q.features;
	}
}

/* Which page sizes are there? First touches tell, and page tables. */
static bool device_has(enum hm_level level, uint64_t pmd, uint64_t pud)
{
	uint64_t size = level == HM_PUD ? pud : level == HM_PMD ? pmd : HM_PAGE;

	if (device.foreign.kind == HM_FOREIGN_DAX)
		return device.foreign.align == size;
	return foreign_has(&device, level) && device.foreign.size >= (level == HM_PUD ? pud : 8 * pmd);
}

static void run_device(void)
{
	static const uint64_t pmd = HM_MIB(2), pud = HM_GIB(1);
	static int level;

	for (level = HM_PUD; level >= HM_PTE; level--)
		igt_dynamic_f("%s-%s", device.region, hm_level_name[level]) {
			igt_require_f(device_has(level, pmd, pud),
				      "%s of %" PRIu64 " MiB with an alignment of %" PRIu64 " has no pages of %s here\n",
				      device.region, device.foreign.size >> 20,
				      device.foreign.align, order_name[level]);
			run_rows(&device, level, pmd, pud);
		}
}

static const struct {
	const char *name, *describe;
	enum node kind;
	bool tracked;
} parts[] = {
	/* Objects first: a node that was open for writing makes all free memory dirty. */
	{ "gem", "Operations on a GEM object, mapped through the DRM node.",
	  GEM, false },
	{ "gem-tracked", "The same while a tracker watches each page.",
	  GEM, true },
	{ "dma-buf", "Operations on a GEM object, mapped as a dma-buf.",
	  DMABUF, false },
	{ "dma-buf-tracked", "The same while a tracker watches each page.",
	  DMABUF, true },
	{ "flat", "Operations on a region's window, or on the device that --device names.",
	  FLAT, false },
	{ "flat-tracked", "The same while a tracker watches each page.",
	  FLAT, true },
};

int igt_main()
{
	static unsigned int i;
	static const char *spec;

	igt_fixture() {
		spec = igt_device_filter_get(0);
		if (spec)
			device_open(spec);
		else
			igt_hugemap_require_drm();
	}

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		igt_describe(parts[i].describe);
		igt_subtest_with_dynamic(parts[i].name) {
			if (!spec)
				run_nodes(parts[i].kind, parts[i].tracked);
			else if (parts[i].kind == FLAT && !parts[i].tracked)
				run_device();
		}
	}
}
