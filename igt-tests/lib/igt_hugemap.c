// SPDX-License-Identifier: MIT
/*
 * Helpers for tests of the hugemap driver: nodes, counters, page tables,
 * mappings and their contents.  Described in igt_hugemap.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/ioctl.h>

#include "igt.h"
#include "igt_hugemap.h"

#define HM_CLASS	"/sys/class/hugemap"
#define HM_DEBUGFS	"/sys/kernel/debug/hugemap"

/* ---- nodes ---- */

static struct hm_node nodes[HM_MAX_NODES];
static int nr_nodes;

int __hm_query_region(int fd, uint32_t region, struct drm_hugemap_query *q)
{
	memset(q, 0, sizeof(*q));
	q->region = region;
	return ioctl(fd, DRM_IOCTL_HUGEMAP_QUERY, q) ? -errno : 0;
}

int __hm_query(int fd, struct drm_hugemap_query *q)
{
	return __hm_query_region(fd, 0, q);
}

void hm_node_refresh(struct hm_node *node)
{
	int err = __hm_query_region(node->fd, node->region, &node->q);

	igt_assert_f(!err, "QUERY of %s: %s\n", node->path, strerror(-err));
	node->size = node->q.size;
	node->align = node->q.align;
	node->pages = node->q.features & DRM_HUGEMAP_FEATURE_PAGES;
}

int hm_open(const struct hm_node *node, int flags)
{
	int fd = open(node->path, flags | O_CLOEXEC);

	igt_assert_f(fd >= 0, "%s: %m\n", node->path);
	return fd;
}

/* System memory always has struct pages; for the others it is worth saying. */
static void node_label(struct hm_node *node, const struct hm_node *all)
{
	unsigned char same = 1;
	char kind[24];

	snprintf(kind, sizeof(kind), "%s%s", node->type, node->pages &&
		 node->q.type != DRM_HUGEMAP_REGION_SYSTEM ? "-pages" : "");
	for (; all != node; all++)
		same += all->q.type == node->q.type &&
			all->pages == node->pages;
	if (same == 1)
		snprintf(node->label, sizeof(node->label), "%s", kind);
	else
		snprintf(node->label, sizeof(node->label), "%s-%d", kind, same);
}

void hm_node_init(struct hm_node *node, const struct hm_node *all)
{
	static const char * const types[] = {
		[DRM_HUGEMAP_REGION_SYSTEM] = "system",
		[DRM_HUGEMAP_REGION_RESERVED] = "reserved",
		[DRM_HUGEMAP_REGION_PCI] = "pci",
	};

	snprintf(node->name, sizeof(node->name), "hugemap%d", node->index);
	snprintf(node->path, sizeof(node->path), "/dev/hugemap%d",
		 node->index);
	if (node->fd < 0)
		node->fd = hm_open(node, O_RDWR);
	hm_node_refresh(node);
	igt_assert_lt(node->q.type, (int)ARRAY_SIZE(types));
	snprintf(node->type, sizeof(node->type), "%s", types[node->q.type]);
	node_label(node, all);
}

bool hm_node_wanted(const struct hm_node *node)
{
	const char *want = getenv("HM_NODE");

	return !want || !*want || !strcmp(want, node->name) ||
	       !strcmp(want, node->path) || !strcmp(want, node->label);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void nodes_open(void)
{
	int index[HM_MAX_NODES], nr = 0, i, kept = 0;
	struct dirent *d;
	DIR *dir;

	dir = opendir(HM_CLASS);
	if (!dir)
		return;
	while ((d = readdir(dir)) && nr < HM_MAX_NODES)
		if (sscanf(d->d_name, "hugemap%d", &index[nr]) == 1)
			nr++;
	closedir(dir);
	qsort(index, nr, sizeof(*index), by_number);

	for (nr_nodes = 0; nr_nodes < nr; nr_nodes++) {
		nodes[nr_nodes] = (struct hm_node) {
			.index = index[nr_nodes],
			.fd = -1,
		};
		hm_node_init(&nodes[nr_nodes], nodes);
	}
	for (i = 0; i < nr_nodes; i++) {
		if (hm_node_wanted(&nodes[i]))
			nodes[kept++] = nodes[i];
		else
			close(nodes[i].fd);
	}
	nr_nodes = kept;
}

void hm_nodes_close(void)
{
	hm_restore();
	while (nr_nodes)
		close(nodes[--nr_nodes].fd);
}

void igt_hugemap_require_nodes(void)
{
	if (!nr_nodes)
		nodes_open();
	igt_assert_f(nr_nodes, "no node of the hugemap driver%s%s\n",
		     getenv("HM_NODE") ? " named " : " (is it loaded?)",
		     getenv("HM_NODE") ?: "");
}

struct hm_node *hm_node_next(struct hm_node *node)
{
	igt_hugemap_require_nodes();
	hm_restore();
	node = node ? node + 1 : nodes;
	if (node >= nodes + nr_nodes)
		return NULL;
	hm_node_refresh(node);
	return node;
}

/* ---- ioctls and orders ---- */

int __hm_prefault(int fd, const void *addr, uint64_t len, uint32_t flags,
		  uint32_t max_order, struct drm_hugemap_prefault *out)
{
	struct drm_hugemap_prefault args = {
		.addr = (uintptr_t)addr,
		.len = len,
		.flags = flags,
		.max_order = max_order,
	};

	if (ioctl(fd, DRM_IOCTL_HUGEMAP_PREFAULT, &args))
		return -errno;
	if (out)
		*out = args;
	return 0;
}

int __hm_dirty_start(int fd, struct drm_hugemap_dirty_start *start)
{
	return ioctl(fd, DRM_IOCTL_HUGEMAP_DIRTY_START, start) ? -errno : 0;
}

uint32_t hm_dirty_start(int fd, uint32_t handle, uint64_t start, uint64_t len,
			uint64_t granule, uint32_t flags)
{
	struct drm_hugemap_dirty_start args = {
		.handle = handle,
		.flags = flags,
		.start = start,
		.len = len,
		.granule = granule,
		.max_over = flags & DRM_HUGEMAP_DIRTY_ADAPTIVE ? UINT64_MAX : 0,
	};

	igt_assert_eq(__hm_dirty_start(fd, &args), 0);
	igt_assert_neq(args.tracker, 0);
	return args.tracker;
}

int __hm_dirty_sync(int fd, uint32_t tracker, uint64_t start, uint64_t len,
		    uint32_t flags, uint64_t *bitmap,
		    struct drm_hugemap_dirty_sync *out)
{
	struct drm_hugemap_dirty_sync args = {
		.tracker = tracker,
		.flags = flags,
		.start = start,
		.len = len,
		.bitmap = (uintptr_t)bitmap,
	};

	if (ioctl(fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &args))
		return -errno;
	if (out)
		*out = args;
	return 0;
}

uint64_t hm_dirty_sync(int fd, uint32_t tracker, uint64_t start, uint64_t len,
		       uint32_t flags, uint64_t *bitmap)
{
	struct drm_hugemap_dirty_sync out = {};

	igt_assert_eq(__hm_dirty_sync(fd, tracker, start, len, flags, bitmap,
				      &out), 0);
	return out.nr_dirty;
}

int __hm_dirty_clear(int fd, uint32_t tracker, uint64_t start, uint64_t len,
		     const uint64_t *bitmap)
{
	struct drm_hugemap_dirty_clear args = {
		.tracker = tracker,
		.start = start,
		.len = len,
		.bitmap = (uintptr_t)bitmap,
	};

	return ioctl(fd, DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, &args) ? -errno : 0;
}

int __hm_dirty_stop(int fd, uint32_t tracker)
{
	struct drm_hugemap_dirty_stop args = { .tracker = tracker };

	return ioctl(fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &args) ? -errno : 0;
}

void hm_dirty_stop(int fd, uint32_t tracker)
{
	igt_assert_eq(__hm_dirty_stop(fd, tracker), 0);
}

int __hm_dirty_rects(int fd, struct drm_hugemap_dirty_rects *rects)
{
	return ioctl(fd, DRM_IOCTL_HUGEMAP_DIRTY_RECTS, rects) ? -errno : 0;
}

int64_t __hm_promote(int fd, const void *addr, uint64_t len)
{
	struct drm_hugemap_promote args = {
		.addr = (uintptr_t)addr,
		.len = len,
	};

	if (ioctl(fd, DRM_IOCTL_HUGEMAP_PROMOTE, &args))
		return -errno;
	return args.nr_mappings;
}

uint64_t hm_order_size(unsigned int order)
{
	return hm_page_size() << order;
}

uint64_t hm_pmd_size(const struct hm_node *node)
{
	return hm_order_size(node->q.pmd_order);
}

uint64_t hm_pud_size(const struct hm_node *node)
{
	return hm_order_size(node->q.pud_order);
}

bool hm_has_order(const struct hm_node *node, unsigned int order)
{
	return node->q.orders >> order & 1;
}

const char *hm_why_name(uint32_t why)
{
	static const char * const names[DRM_HUGEMAP_WHY_COUNT] = {
		[DRM_HUGEMAP_WHY_NONE] = "none",
		[DRM_HUGEMAP_WHY_ARCH] = "arch",
		[DRM_HUGEMAP_WHY_POLICY] = "policy",
		[DRM_HUGEMAP_WHY_LIMIT] = "limit",
		[DRM_HUGEMAP_WHY_CAP] = "cap",
		[DRM_HUGEMAP_WHY_ALIGN] = "align",
		[DRM_HUGEMAP_WHY_VMA] = "vma",
		[DRM_HUGEMAP_WHY_EXTENT] = "extent",
		[DRM_HUGEMAP_WHY_TABLE] = "table",
		[DRM_HUGEMAP_WHY_DIRTY] = "dirty",
	};

	return why < DRM_HUGEMAP_WHY_COUNT ? names[why] : "unknown";
}

void igt_hugemap_require_order(const struct hm_node *node, unsigned int order)
{
	uint32_t why = order == node->q.pud_order ? node->q.pud_why :
						    node->q.pmd_why;

	igt_require_f(hm_has_order(node, order),
		      "%s has no pages of order %u here: %s\n", node->label,
		      order, hm_why_name(why));
}

void igt_hugemap_require_size(const struct hm_node *node, uint64_t size)
{
	igt_require_f(node->size >= size, "%s has %" PRIu64 " of %" PRIu64
		      " MiB\n", node->label, node->size >> 20, size >> 20);
}

/* ---- counters ---- */

/* Lines "PREFIXkey SEP value"; others are skipped. */
static void stats_parse(const char *path, const char *prefix,
			struct hm_stats *s)
{
	size_t size = 0, skip = strlen(prefix), n;
	char *line = NULL, *p, *end;
	FILE *f;

	f = fopen(path, "re");
	igt_assert_f(f, "%s: %m\n", path);
	s->nr = 0;
	while (getline(&line, &size, f) > 0) {
		if (strncmp(line, prefix, skip))
			continue;
		p = line + skip;
		n = strcspn(p, ": \t\n");
		s->e[s->nr].val = strtoull(p + n + strspn(p + n, ": \t"), &end,
					   10);
		igt_assert_f(n < sizeof(s->e[0].key) && *end == '\n',
			     "%s: \"%s\"\n", path, line);
		memcpy(s->e[s->nr].key, p, n);
		s->e[s->nr].key[n] = 0;
		igt_assert_lt(++s->nr, HM_MAX_STATS);
	}
	free(line);
	fclose(f);
	igt_assert_f(s->nr, "%s has no counters\n", path);
}

void hm_stats_read(int fd, struct hm_stats *s)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	stats_parse(path, "hugemap-", s);
}

void hm_stats_read_node(const struct hm_node *node, struct hm_stats *s)
{
	char path[96];

	snprintf(path, sizeof(path), HM_DEBUGFS "/%s/stats", node->name);
	stats_parse(path, "", s);
}

static int stats_find(const struct hm_stats *s, const char *key)
{
	int i;

	for (i = 0; i < s->nr; i++)
		if (!strcmp(s->e[i].key, key))
			return i;
	return -1;
}

uint64_t hm_stats_get(const struct hm_stats *s, const char *key)
{
	int i = stats_find(s, key);

	igt_assert_f(i >= 0, "the driver has no counter \"%s\"\n", key);
	return s->e[i].val;
}

void hm_stats_diff(const struct hm_stats *before, const struct hm_stats *after,
		   struct hm_stats *out)
{
	struct hm_stats d = *after;
	int i, j;

	for (i = 0; i < d.nr; i++) {
		j = stats_find(before, d.e[i].key);
		igt_assert_f(j >= 0, "counter \"%s\" is new\n", d.e[i].key);
		d.e[i].val -= before->e[j].val;
	}
	*out = d;
}

void hm_stats_since(int fd, const struct hm_stats *before,
		    struct hm_stats *out)
{
	struct hm_stats now;

	hm_stats_read(fd, &now);
	hm_stats_diff(before, &now, out);
}

void hm_stats_log(const struct hm_stats *s)
{
	int i;

	for (i = 0; i < s->nr; i++)
		if (s->e[i].val)
			igt_info("  %s %" PRId64 "\n", s->e[i].key,
				 (int64_t)s->e[i].val);
}

/* ---- page tables ---- */

/* How many entries of @size bytes, aligned to it, overlap the range. */
static uint64_t units(uint64_t start, uint64_t end, uint64_t size)
{
	return (end - 1) / size - start / size + 1;
}

static void levels_add(struct hm_levels *out, const char *line,
		       uint64_t start, uint64_t end)
{
	char level[8], access[8], caching[8];
	uint64_t s, e, count;

	igt_assert_f(sscanf(line, " %" SCNx64 "-%" SCNx64 " %7s %" SCNu64
			    " %7s %7s", &s, &e, level, &count, access,
			    caching) == 6, "mappings: \"%s\"\n", line);
	if (e <= start || s >= end)
		return;
	/* All entries of a run have one size; a gap has no entries. */
	if (strcmp(level, "none")) {
		uint64_t size = (e - s) / count;
		uint64_t n;

		s = s > start ? s : start;
		e = e < end ? e : end;
		n = units(s, e, size);
		if (!strcmp(level, "pud"))
			out->pud += n;
		else if (!strcmp(level, "pmd"))
			out->pmd += n;
		else
			out->pte += n;
		out->mapped += e - s;
		if (!strcmp(access, "rw"))
			out->rw += e - s;
		else if (!strcmp(access, "ro"))
			out->ro += e - s;
		else
			out->noaccess += e - s;
		if (!strcmp(out->caching, "-"))
			strcpy(out->caching, caching);
		else if (strcmp(out->caching, caching))
			strcpy(out->caching, "mixed");
	} else {
		s = s > start ? s : start;
		e = e < end ? e : end;
		out->none += e - s;
	}
}

bool hm_map_levels_pid(const struct hm_node *node, pid_t pid, const void *addr,
		       uint64_t len, struct hm_levels *out)
{
	uint64_t start = (uintptr_t)addr, end = start + len, covered = 0;
	uint64_t vma_start, vma_end;
	char path[96], *line = NULL, kind[16];
	bool mine = false;
	size_t size = 0;
	FILE *f;
	int of;

	memset(out, 0, sizeof(*out));
	strcpy(out->caching, "-");
	snprintf(path, sizeof(path), HM_DEBUGFS "/%s/mappings", node->name);
	f = fopen(path, "re");
	igt_assert_f(f, "%s: %m\n", path);
	while (getline(&line, &size, f) > 0) {
		if (line[0] == ' ') {
			if (mine)
				levels_add(out, line, start, end);
			continue;
		}
		igt_assert_f(sscanf(line, "pid %d %" SCNx64 "-%" SCNx64
				    " off %*x %*s %15s", &of, &vma_start,
				    &vma_end, kind) == 4, "%s: \"%s\"\n", path,
			     line);
		mine = of == pid && vma_start < end && vma_end > start;
		if (!mine)
			continue;
		out->vmas++;
		out->mixedmap = !strcmp(kind, "mixedmap");
		covered += (vma_end < end ? vma_end : end) -
			   (vma_start > start ? vma_start : start);
	}
	free(line);
	fclose(f);
	return covered == len;
}

bool hm_map_levels(const struct hm_node *node, const void *addr, uint64_t len,
		   struct hm_levels *out)
{
	return hm_map_levels_pid(node, getpid(), addr, len, out);
}

/* Without page table isolation one dump is for both. */
static FILE *ptdump_open(void)
{
	FILE *f = fopen("/sys/kernel/debug/page_tables/current_user", "re");

	return f ?: fopen("/sys/kernel/debug/page_tables/current_kernel", "re");
}

bool hm_has_ptdump(void)
{
	FILE *f = ptdump_open();

	if (f)
		fclose(f);
	return f;
}

char *hm_ptdump(void)
{
	char *line = NULL, *dump = NULL;
	size_t size = 0, dump_size;
	FILE *f = ptdump_open(), *mem;

	igt_assert(f);
	mem = open_memstream(&dump, &dump_size);
	igt_assert(mem);
	while (getline(&line, &size, f) > 0)
		if (!strncmp(line, "0x0", 3))
			fputs(line, mem);
	fclose(mem);
	fclose(f);
	free(line);
	return dump;
}

/*
 * Lines "0xSTART-0xEND  SIZE FLAGS... LEVEL", neighbours of one kind in one; without
 * flags if nothing is there.
 */
static void ptdump_add(struct hm_levels *out, const char *line, size_t line_len,
		       uint64_t start, uint64_t end)
{
	uint64_t s, e, n, unit;
	char flags[256];
	int from = 0;

	if (sscanf(line, "0x%" SCNx64 "-0x%" SCNx64 " %*s%n", &s, &e,
		   &from) != 2 || e <= start || s >= end)
		return;
	snprintf(flags, sizeof(flags), "%.*s", (int)(line_len - from),
		 line + from);
	if (!strstr(flags, "USR"))
		return;
	s = s > start ? s : start;
	e = e < end ? e : end;
	unit = strstr(flags, " pud") ? 1ull << 30 :
	       strstr(flags, " pmd") ? 1ull << 21 : hm_page_size();
	n = units(s, e, unit);
	if (strstr(flags, " pud"))
		out->pud += n;
	else if (strstr(flags, " pmd"))
		out->pmd += n;
	else if (strstr(flags, " pte"))
		out->pte += n;
	else
		igt_assert_f(false, "ptdump: \"%.*s\"\n", (int)line_len, line);
	out->mapped += e - s;
	*(strstr(flags, " RW") ? &out->rw : &out->ro) += e - s;
}

void hm_ptdump_levels(const char *dump, const void *addr, uint64_t len,
		      struct hm_levels *out)
{
	uint64_t start = (uintptr_t)addr;
	size_t n;

	memset(out, 0, sizeof(*out));
	for (; *dump; dump += n + !!dump[n]) {
		n = strcspn(dump, "\n");
		ptdump_add(out, dump, n, start, start + len);
	}
}

static void levels_log(const struct hm_node *node, const void *addr,
		       uint64_t len, const struct hm_levels *l)
{
	igt_info("%s %p+%#" PRIx64 ": %" PRIu64 " pud, %" PRIu64 " pmd, %"
		 PRIu64 " pte, %#" PRIx64 " bytes mapped, %#" PRIx64
		 " empty, %d VMAs, %s\n", node->name, addr, len, l->pud,
		 l->pmd, l->pte, l->mapped, l->none, l->vmas, l->caching);
}

void hm_assert_levels(const struct hm_node *node, const void *addr,
		      uint64_t len, uint64_t pud, uint64_t pmd, uint64_t pte)
{
	struct hm_levels l;
	bool whole = hm_map_levels(node, addr, len, &l);

	if (!whole || l.pud != pud || l.pmd != pmd || l.pte != pte)
		levels_log(node, addr, len, &l);
	igt_assert(whole);
	igt_assert_eq_u64(l.pud, pud);
	igt_assert_eq_u64(l.pmd, pmd);
	igt_assert_eq_u64(l.pte, pte);
}

void igt_hugemap_require_level(const struct hm_node *node, const void *addr,
			       uint64_t len, unsigned int order)
{
	uint64_t n = units((uintptr_t)addr, (uintptr_t)addr + len,
			   hm_order_size(order));
	struct hm_levels l;

	igt_hugemap_require_order(node, order);
	hm_map_levels(node, addr, len, &l);
	if (l.mapped != len)
		levels_log(node, addr, len, &l);
	igt_assert_eq_u64(l.mapped, len);
	hm_assert_levels(node, addr, len,
			 order == node->q.pud_order ? n : 0,
			 order == node->q.pmd_order ? n : 0,
			 order ? 0 : n);
}

/* ---- mappings ---- */

void *hm_mmap_fd(int fd, uint64_t off, uint64_t len, int prot)
{
	void *p = mmap(NULL, len, prot, MAP_SHARED, fd, off);

	igt_assert_f(p != MAP_FAILED, "mmap of %#" PRIx64 " at %#" PRIx64
		     ": %m\n", len, off);
	return p;
}

void *hm_mmap(const struct hm_node *node, uint64_t off, uint64_t len, int prot)
{
	return hm_mmap_fd(node->fd, off, len, prot);
}

void *hm_mmap_at(const struct hm_node *node, void *addr, uint64_t off,
		 uint64_t len, int prot)
{
	void *p = mmap(addr, len, prot, MAP_SHARED | MAP_FIXED, node->fd, off);

	igt_assert_f(p == addr, "mmap of %#" PRIx64 " at %#" PRIx64
		     " to %p: %m\n", len, off, addr);
	return p;
}

void hm_munmap(void *addr, uint64_t len)
{
	igt_assert_eq(munmap(addr, len), 0);
}

void *hm_reserve_aligned(uint64_t len, uint64_t align)
{
	char *p, *a;

	p = mmap(NULL, len + align, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	igt_assert_f(p != MAP_FAILED, "no address space for %#" PRIx64 ": %m\n",
		     len + align);
	a = (char *)(((uintptr_t)p + align - 1) & ~(align - 1));
	if (a > p)
		hm_munmap(p, a - p);
	if (p + align > a)
		hm_munmap(a + len, p + align - a);
	return a;
}

/*
 * The driver tells physical addresses to nobody, but where it puts a mapping
 * of its own choice shows them modulo the largest page that fits in it.  So
 * look at a mapping around @off that is large enough.  What is not "system" is
 * contiguous; there, pieces that hold a PUD entry are whole ones and come
 * first, and the others begin and end with a PMD entry.
 */
static uint64_t phase_of(const struct hm_node *node, uint64_t off)
{
	uint64_t pud = hm_pud_size(node), len = pud, from;
	void *p;

	if (!hm_has_order(node, node->q.pud_order) || node->size < len)
		len = hm_pmd_size(node);
	if (node->q.type == DRM_HUGEMAP_REGION_SYSTEM) {
		from = off & ~(len - 1);
		if (from + len > node->size) {
			len = hm_pmd_size(node);
			from = off & ~(len - 1);
		}
	} else {
		from = off + len > node->size ? node->size - len : off;
	}
	p = hm_mmap(node, from, len, PROT_NONE);
	hm_munmap(p, len);
	return ((uintptr_t)p + (off - from)) & (pud - 1);
}

void *hm_mmap_shifted(const struct hm_node *node, uint64_t off, uint64_t len,
		      int prot, uint64_t shift)
{
	uint64_t pud = hm_pud_size(node), pos;
	char *area, *p;

	pos = (phase_of(node, off) + shift) & (pud - 1);
	area = hm_reserve_aligned(len + pud, pud);
	p = hm_mmap_at(node, area + pos, off, len, prot);
	if (pos)
		hm_munmap(area, pos);
	if (pos < pud)
		hm_munmap(p + len, pud - pos);
	return p;
}

void *hm_mmap_order(const struct hm_node *node, unsigned int order, int prot,
		    uint64_t *off, uint64_t *len)
{
	uint64_t size = hm_order_size(order), i;
	volatile char *p;

	if (!hm_has_order(node, order))
		return NULL;
	*len = order == node->q.pud_order ? size : order ? 2 * size : 64 * size;
	/* The first place in the region where an entry can begin. */
	*off = -phase_of(node, 0) & (size - 1);
	if (*off + *len > node->size)
		return NULL;
	p = hm_mmap_shifted(node, *off, *len, prot, 0);
	for (i = 0; i < *len; i += size) {
		if (prot & PROT_WRITE)
			__atomic_fetch_add(p + i, 0, __ATOMIC_SEQ_CST);
		else
			(void)p[i];
	}
	igt_hugemap_require_level(node, (void *)p, *len, order);
	return (void *)p;
}

/* ---- contents ---- */

uint64_t hm_pattern(uint64_t off, uint64_t seed)
{
	uint64_t x = off + seed * 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 31) * 0xd6e8feb86659fd93ull;
	return x ^ x >> 32;
}

static void fill(void *p, uint64_t off, uint64_t len, uint64_t seed,
		 uint64_t step)
{
	uint64_t i;

	for (i = 0; i + sizeof(i) <= len; i += step)
		*(volatile uint64_t *)((char *)p + i) = hm_pattern(off + i,
								   seed);
}

static void check(const void *p, uint64_t off, uint64_t len, uint64_t seed,
		  uint64_t step)
{
	uint64_t i, want, have;

	for (i = 0; i + sizeof(i) <= len; i += step) {
		want = hm_pattern(off + i, seed);
		have = *(const volatile uint64_t *)((const char *)p + i);
		igt_assert_f(have == want, "at offset %#" PRIx64 " (%p): %#"
			     PRIx64 ", expected %#" PRIx64 "\n", off + i,
			     (const char *)p + i, have, want);
	}
}

void hm_fill(void *p, uint64_t off, uint64_t len, uint64_t seed)
{
	fill(p, off, len, seed, sizeof(uint64_t));
}

void hm_check(const void *p, uint64_t off, uint64_t len, uint64_t seed)
{
	check(p, off, len, seed, sizeof(uint64_t));
}

void hm_fill_pages(void *p, uint64_t off, uint64_t len, uint64_t seed)
{
	fill(p, off, len, seed, hm_page_size());
}

void hm_check_pages(const void *p, uint64_t off, uint64_t len, uint64_t seed)
{
	check(p, off, len, seed, hm_page_size());
}

/* ---- access that may fail ---- */

static sigjmp_buf touch_jmpbuf;
static struct hm_touch touch_result;

static void touch_signal(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	touch_result.sig = sig;
	touch_result.code = info->si_code;
	touch_result.addr = info->si_addr;
	siglongjmp(touch_jmpbuf, 1);
}

static struct hm_touch touch(volatile char *p, bool write)
{
	struct sigaction sa = { .sa_sigaction = touch_signal,
				.sa_flags = SA_SIGINFO };
	struct sigaction bus, segv;

	memset(&touch_result, 0, sizeof(touch_result));
	sigaction(SIGBUS, &sa, &bus);
	sigaction(SIGSEGV, &sa, &segv);
	if (!sigsetjmp(touch_jmpbuf, 1)) {
		if (write)
			__atomic_fetch_add(p, 0, __ATOMIC_SEQ_CST);
		else
			(void)*p;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return touch_result;
}

struct hm_touch hm_touch_read(const volatile void *p)
{
	return touch((volatile char *)p, false);
}

struct hm_touch hm_touch_write(volatile void *p)
{
	return touch(p, true);
}

void hm_assert_sigbus(volatile char *p)
{
	struct hm_touch t;

	t = hm_touch_read(p);
	igt_assert_f(t.sig == SIGBUS, "reading %p: signal %d\n", p, t.sig);
	igt_assert_eq(t.code, BUS_ADRERR);
	igt_assert(t.addr == p);
	t = hm_touch_write(p);
	igt_assert_f(t.sig == SIGBUS, "writing %p: signal %d\n", p, t.sig);
	igt_assert_eq(t.code, BUS_ADRERR);
}
