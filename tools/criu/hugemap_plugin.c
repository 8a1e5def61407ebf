// SPDX-License-Identifier: MIT
/*
 * A plugin of CRIU (4.0 and later): processes that map /dev/hugemapN are saved
 * and restored, with what they map.  See docs/criu.md.
 *
 * In CRIU's image directory are
 *
 *	hugemap.img		what was saved: lines of text, under a CRC-32
 *	hugemapN-OFFSET.ckpt	the contents of a range of region N (see ckpt.h)
 *
 * Saving: CRIU has stopped all processes when it calls checkpoint_devices(), one
 * after the other.  Of each, the parts of regions that it maps are saved, but for
 * what another one of them maps as well.
 *
 * Restoring: everything is verified before anything else happens, and loaded when
 * the first mapping is about to be made: then all processes exist, and whatever
 * may be in their way was found.  CRIU makes the mappings itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <criu/criu-plugin.h>
#include <drm/hugemap_drm.h>
#include <libhugemap.h>
#include <zlib.h>

#include "ckpt.h"

#define NAME	"hugemap_plugin"
#define LIST	"hugemap.img"

/* An offset that no mmap() takes: UPDATE_VMA_MAP has no other way to fail. */
#define NOWHERE	(1ull << 62)

/* Of a device that is not ours, and of our DRM devices. */
#define FOREIGN	-1
#define DRM	-2

/* Exported by CRIU, but in no header that is installed.  The latter from 4.1 on. */
void print_on_level(unsigned int level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int add_inventory_plugin(const char *name) __attribute__((weak));
bool check_and_remove_inventory_plugin(const char *name, size_t n)
	__attribute__((weak));

enum { LOG_ERROR = 1, LOG_INFO = 3 };

struct region {
	unsigned int node;
	char type[16];
	uint64_t size;
};

struct range {
	unsigned int node;
	uint64_t start;
	uint64_t end;
};

/* An open file, by CRIU's number of it. */
struct file {
	uint32_t id;
	unsigned int node;
	int flags;
	uint64_t pos;
};

/* What is saved: what LIST has. */
static struct region *regions;
static struct range *ranges;
static struct file *files;
static size_t nr_regions, nr_ranges, nr_files;

static int stage;
static bool wanted;		/* CRIU knows that the images need us */

/* Between the processes that are being restored. */
static struct shared {
	pthread_mutex_t lock;
	enum { NOT_YET, LOADED, FAILED } state;
} *shared;

/* The hooks have the types of CRIU's header: if one changes, this does not build. */
static CR_PLUGIN_HOOK__CHECKPOINT_DEVICES_t hugemap_checkpoint;
static CR_PLUGIN_HOOK__HANDLE_DEVICE_VMA_t hugemap_handle_vma;
static CR_PLUGIN_HOOK__DUMP_EXT_FILE_t hugemap_dump_file;
static CR_PLUGIN_HOOK__UPDATE_VMA_MAP_t hugemap_update_vma;
static CR_PLUGIN_HOOK__RESTORE_EXT_FILE_t hugemap_restore_file;

static int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int refuse(const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	print_on_level(LOG_ERROR, "Error (hugemap): %s\n", text);
	return -1;
}

/* Room for one more behind the @n elements of @size bytes of the array at @list. */
static int room(void *list, size_t n, size_t size)
{
	void *all;

	memcpy(&all, list, sizeof(all));
	all = reallocarray(all, n + 1, size);
	if (!all)
		return refuse("out of memory");
	memcpy(list, &all, sizeof(all));
	return 0;
}

/* The N of hugemapN, or FOREIGN or DRM. */
static int node_of(dev_t dev)
{
	char path[64], link[512];
	const char *name;
	unsigned int node;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u", major(dev), minor(dev));
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = 0;
	name = strstr(link, "/hugemap/hugemap");
	if (name && sscanf(name, "/hugemap/hugemap%u", &node) == 1)
		return node;
	strcat(path, "/device/driver");
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = 0;
	name = strrchr(link, '/');
	return name && !strcmp(name, "/hugemap") ? DRM : FOREIGN;
}

/* @node is out of range for FOREIGN and DRM: there is no such region. */
static struct region *find_region(unsigned int node)
{
	for (size_t i = 0; i < nr_regions; i++)
		if (regions[i].node == node)
			return &regions[i];
	return NULL;
}

static int open_node(unsigned int node, int flags, struct hugemap **hm,
		     struct hugemap_info *info)
{
	char name[32];
	int ret;

	snprintf(name, sizeof(name), "hugemap%u", node);
	ret = hugemap_open(name, flags, hm);
	if (ret)
		return refuse("/dev/%s: %s", name, strerror(-ret));
	ret = hugemap_get_info(*hm, info);
	if (!ret && info->node == node)
		return 0;
	hugemap_close(*hm);
	return refuse("/dev/%s: %s", name,
		      ret ? strerror(-ret) : "is another region");
}

static const char *range_path(const struct range *r)
{
	static char path[128];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/hugemap%u-%" PRIx64 ".ckpt",
		 criu_get_image_dir(), r->node, r->start);
	return path;
}

static const char *range_name(const struct range *r)
{
	static char name[64];

	snprintf(name, sizeof(name), "hugemap%u+0x%" PRIx64, r->node, r->start);
	return name;
}

static int refuse_file(const struct range *r, const struct ckpt *c, int ret)
{
	const char *file = strrchr(range_path(r), '/') + 1;

	if (ret == CKPT_DAMAGED)
		return refuse("%s: %s", file, c->why);
	return refuse("%s: %s", file, strerror(-ret));
}

/* ---- memory ---- */

/* A range of a region, mapped here. */
struct window {
	struct hugemap *hm;
	struct hugemap_mem *mem;
	struct hugemap_info info;
	char *addr;
	uint64_t len;
	struct sigaction old;	/* for SIGBUS */
};

static sigjmp_buf lost;

static void on_sigbus(int sig)
{
	(void)sig;
	siglongjmp(lost, 1);
}

/* A memory error, or the device has gone: that is not to kill CRIU. */
static int copy(void *to, const void *from, size_t len)
{
	if (sigsetjmp(lost, 0))
		return -EIO;
	memcpy(to, from, len);
	return 0;
}

static int open_window(struct window *w, const struct range *r, bool write)
{
	/* NODEFER: the handler does not return. */
	struct sigaction act = { .sa_handler = on_sigbus, .sa_flags = SA_NODEFER };
	void *addr;
	int ret;

	ret = open_node(r->node, write ? O_RDWR : O_RDONLY, &w->hm, &w->info);
	if (ret)
		return ret;
	w->len = r->end - r->start;
	ret = hugemap_window(w->hm, &w->mem);
	if (!ret) {
		ret = hugemap_map(w->mem, NULL, r->start, w->len,
				  PROT_READ | (write ? PROT_WRITE : 0), &addr);
		if (!ret) {
			w->addr = addr;
			sigaction(SIGBUS, &act, &w->old);
			return 0;
		}
		hugemap_free(w->mem);
	}
	hugemap_close(w->hm);
	return refuse("hugemap%u: %s", r->node, strerror(-ret));
}

static void close_window(struct window *w)
{
	sigaction(SIGBUS, &w->old, NULL);
	hugemap_unmap(w->addr, w->len);
	hugemap_free(w->mem);
	hugemap_close(w->hm);
}

/* ---- the list of what was saved ---- */

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= n;
	}
	return fsync(fd) ? -errno : 0;
}

/* Complete under its name or not at all. */
static int write_list(void)
{
	int fd, ret, dir = criu_get_image_dir();
	char *text = NULL;
	size_t len;
	FILE *f;

	f = open_memstream(&text, &len);
	if (!f)
		return refuse("out of memory");
	fputs("hugemap 1\n", f);
	for (size_t i = 0; i < nr_regions; i++)
		fprintf(f, "region %u %s %" PRIu64 "\n", regions[i].node,
			regions[i].type, regions[i].size);
	for (size_t i = 0; i < nr_ranges; i++)
		fprintf(f, "range %u %" PRIu64 " %" PRIu64 "\n", ranges[i].node,
			ranges[i].start, ranges[i].end);
	for (size_t i = 0; i < nr_files; i++)
		fprintf(f, "file %" PRIu32 " %u %d %" PRIu64 "\n", files[i].id,
			files[i].node, files[i].flags, files[i].pos);
	ret = fflush(f);
	if (!ret)
		fprintf(f, "end %08lx\n", crc32(0, (void *)text, len));
	if (fclose(f) || ret) {
		free(text);
		return refuse("out of memory");
	}
	fd = openat(dir, LIST ".tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ret = fd < 0 ? -errno : write_all(fd, text, len);
	free(text);
	if (fd >= 0)
		close(fd);
	if (!ret && renameat(dir, LIST ".tmp", dir, LIST))
		ret = -errno;
	return ret ? refuse(LIST ": %s", strerror(-ret)) : 0;
}

static int parse_line(const char *line)
{
	struct region region;
	struct range range;
	struct file file;

	if (sscanf(line, "region %u %15s %" SCNu64, &region.node, region.type,
		   &region.size) == 3) {
		if (room(&regions, nr_regions, sizeof(region)))
			return -1;
		regions[nr_regions++] = region;
		return 0;
	}
	if (sscanf(line, "range %u %" SCNu64 " %" SCNu64, &range.node, &range.start,
		   &range.end) == 3 && range.start < range.end &&
	    find_region(range.node)) {
		if (room(&ranges, nr_ranges, sizeof(range)))
			return -1;
		ranges[nr_ranges++] = range;
		return 0;
	}
	if (sscanf(line, "file %" SCNu32 " %u %d %" SCNu64, &file.id, &file.node,
		   &file.flags, &file.pos) == 4 && find_region(file.node)) {
		if (room(&files, nr_files, sizeof(file)))
			return -1;
		files[nr_files++] = file;
		return 0;
	}
	return refuse(LIST ": '%s'?", line);
}

static int parse_list(char *text, size_t len)
{
	unsigned long crc = 0;
	char *line, *end;

	/* The last line has the checksum of the others: "end 01234567". */
	end = len > 13 ? text + len - 13 : NULL;
	if (!end || sscanf(end, "end %8lx\n", &crc) != 1 ||
	    crc != crc32(0, (void *)text, end - text))
		return refuse(LIST ": damaged");
	*end = 0;
	line = strtok_r(text, "\n", &end);
	if (!line || strcmp(line, "hugemap 1"))
		return refuse(LIST ": of another version");
	while ((line = strtok_r(NULL, "\n", &end)))
		if (parse_line(line))
			return -1;
	return 0;
}

/* No list: there were none of ours, or a hook will notice. */
static int read_list(void)
{
	char *text = NULL;
	size_t len = 0;
	ssize_t n;
	int fd, ret;

	fd = openat(criu_get_image_dir(), LIST, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : refuse(LIST ": %s", strerror(errno));
	for (;;) {
		char *more = realloc(text, len + 4097);

		if (!more) {
			ret = refuse("out of memory");
			break;
		}
		text = more;
		n = read(fd, text + len, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ret = refuse(LIST ": %s", strerror(errno));
			break;
		}
		len += n;
		text[len] = 0;
		if (!n) {
			ret = parse_list(text, len);
			break;
		}
	}
	free(text);
	close(fd);
	return ret;
}

/* ---- saving ---- */

static int add_region(const struct hugemap_info *info)
{
	struct region *r;

	/* Without us nobody shall restore these images. */
	if (!wanted && add_inventory_plugin && add_inventory_plugin(NAME))
		return refuse("out of memory");
	wanted = true;
	if (find_region(info->node))
		return 0;
	if (room(&regions, nr_regions, sizeof(*r)))
		return -1;
	r = &regions[nr_regions++];
	r->node = info->node;
	r->size = info->size;
	snprintf(r->type, sizeof(r->type), "%s", hugemap_type_name(info->type));
	return 0;
}

/*
 * Is there a file of this range from an earlier dump into the same directory?  Then
 * only what differs is added to it.
 */
static bool open_old(struct ckpt *c, const struct range *r, uint64_t page)
{
	int ret = ckpt_open(c, range_path(r), true);

	if (!ret && c->page == page && c->size == r->end - r->start &&
	    !strcmp(c->name, range_name(r)) && !ckpt_index(c, 0))
		return true;
	ckpt_close(c);
	return false;
}

static int save_pages(struct ckpt *c, const struct window *w, const struct range *r,
		      char *page, bool old)
{
	for (uint64_t done = 0; done < c->size; done += c->page) {
		uint64_t nr = done / c->page;
		int ret = copy(page, w->addr + done, c->page);

		if (ret)
			return refuse("hugemap%u, offset 0x%" PRIx64 ": %s", r->node,
				      r->start + done, strerror(-ret));
		ret = old ? ckpt_same(c, nr, page) : 0;
		if (!ret)
			ret = ckpt_add(c, nr, page);
		if (ret < 0)
			return refuse_file(r, c, ret);
	}
	return 0;
}

static int save(unsigned int node, uint64_t start, uint64_t end)
{
	struct range r = { node, start, end };
	struct window w;
	struct ckpt c;
	char *page;
	bool old;
	int ret;

	ret = open_window(&w, &r, false);
	if (ret)
		return ret;
	page = malloc(w.info.page);
	ret = page ? add_region(&w.info) : refuse("out of memory");
	if (ret)
		goto out_window;
	old = open_old(&c, &r, w.info.page);
	if (!old)
		ret = ckpt_create(&c, range_path(&r), range_name(&r), w.info.page,
				  w.len);
	if (ret)
		ret = refuse_file(&r, &c, ret);
	else
		ret = save_pages(&c, &w, &r, page, old);
	if (!ret) {
		ret = ckpt_commit(&c);
		if (ret)
			ret = refuse_file(&r, &c, ret);
	}
	if (!ret) {
		const struct ckpt_info *i = &c.all[c.nr - 1];

		print_on_level(LOG_INFO, "hugemap: saved hugemap%u, 0x%" PRIx64
			       " to 0x%" PRIx64 ": %" PRIu64 " pages, %" PRIu64
			       " of zeros, of %" PRIu64 "\n", node, start, end,
			       i->pages, i->zero, c.size / c.page);
		ret = room(&ranges, nr_ranges, sizeof(r));
	}
	if (!ret)
		ranges[nr_ranges++] = r;
	ckpt_close(&c);
out_window:
	free(page);
	close_window(&w);
	return ret;
}

/* Saves what is not saved yet. */
static int save_rest(unsigned int node, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < nr_ranges; i++) {
		struct range r = ranges[i];
		int ret = 0;

		if (r.node != node || r.end <= start || r.start >= end)
			continue;
		if (start < r.start)
			ret = save_rest(node, start, r.start);
		if (!ret && r.end < end)
			ret = save_rest(node, r.end, end);
		return ret;
	}
	return save(node, start, end);
}

static int by_place(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* The parts of regions that a process maps, in the order of their places. */
static int find_mapped(int pid, struct range **mapped, size_t *nr)
{
	char path[80], line[4400];
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return refuse("%s: %s", path, strerror(errno));
	while (!ret && fgets(line, sizeof(line), f)) {
		uint64_t start, end, offset, inode;
		char rights[5];
		struct stat st;
		int node;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64,
			   &start, &end, rights, &offset, &inode) != 5 || !inode)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
			 pid, start, end);
		if (stat(path, &st) || !S_ISCHR(st.st_mode))
			continue;
		node = node_of(st.st_rdev);
		/* HANDLE_DEVICE_VMA is where to complain of the others. */
		if (node < 0)
			continue;
		if (rights[3] != 's') {
			ret = refuse("%d has a private mapping of hugemap%d", pid, node);
			continue;
		}
		ret = room(mapped, *nr, sizeof(**mapped));
		if (!ret)
			(*mapped)[(*nr)++] = (struct range){
				node, offset, offset + (end - start),
			};
	}
	if (!ret && ferror(f))
		ret = refuse("/proc/%d/maps: %s", pid, strerror(errno));
	fclose(f);
	if (*nr)
		qsort(*mapped, *nr, sizeof(**mapped), by_place);
	return ret;
}

static int hugemap_checkpoint(int pid)
{
	struct range *mapped = NULL;
	size_t nr = 0, i, next;
	int ret;

	ret = find_mapped(pid, &mapped, &nr);
	for (i = 0; !ret && i < nr; i = next) {
		uint64_t end = mapped[i].end;

		/* What touches or overlaps is one range. */
		for (next = i + 1; next < nr && mapped[next].node == mapped[i].node &&
		     mapped[next].start <= end; next++)
			if (mapped[next].end > end)
				end = mapped[next].end;
		ret = save_rest(mapped[i].node, mapped[i].start, end);
	}
	free(mapped);
	if (!ret && nr)
		ret = write_list();
	/* -ENOTSUP: plugins of other devices want to be asked, too. */
	return ret ? ret : -ENOTSUP;
}

static int hugemap_handle_vma(int fd, const struct stat *st)
{
	int node = node_of(st->st_rdev);

	(void)fd;
	if (node == DRM)
		return refuse("GEM objects cannot be saved, only /dev/hugemapN");
	if (node < 0)
		return -ENOTSUP;
	/* In a pre-dump nobody is stopped for long: nothing is saved. */
	if (stage == CR_PLUGIN_STAGE__DUMP && !find_region(node))
		return refuse("hugemap%d was not saved", node);
	return 0;
}

/* Trackers are the file's, and their state cannot be read. */
static bool has_tracker(int fd)
{
	struct drm_hugemap_dirty_clear clear = { .start = 1 };

	/* An offset that is never right; numbers are looked at before. */
	for (clear.tracker = 1; clear.tracker <= 1024; clear.tracker++)
		if (!ioctl(fd, DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, &clear) ||
		    errno != ENOENT)
			return true;
	return false;
}

static int hugemap_dump_file(int fd, int id)
{
	struct hugemap_info info;
	struct hugemap *hm;
	struct stat st;
	int node, flags, ret;
	off_t pos;

	if (fstat(fd, &st) || !S_ISCHR(st.st_mode))
		return -ENOTSUP;
	node = node_of(st.st_rdev);
	if (node == DRM)
		return refuse("an open DRM device cannot be saved, only /dev/hugemapN");
	if (node < 0)
		return -ENOTSUP;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return refuse("hugemap%d: %s", node, strerror(errno));
	if (flags & O_PATH)
		return refuse("hugemap%d: a file that is open with O_PATH", node);
	if (has_tracker(fd))
		return refuse("hugemap%d: dirty tracking is on, which cannot be saved",
			      node);
	pos = lseek(fd, 0, SEEK_CUR);
	if (pos < 0)
		return refuse("hugemap%d: %s", node, strerror(errno));
	ret = open_node(node, O_RDONLY, &hm, &info);
	if (ret)
		return ret;
	ret = add_region(&info);
	hugemap_close(hm);
	if (!ret)
		ret = room(&files, nr_files, sizeof(*files));
	if (ret)
		return ret;
	files[nr_files++] = (struct file){ id, node, flags, pos };
	return write_list();
}

/* ---- restoring ---- */

static int check_region(const struct region *r)
{
	struct hugemap_info info;
	struct hugemap *hm;
	const char *type;
	bool loaded = false;

	if (open_node(r->node, O_RDONLY, &hm, &info))
		return -1;
	hugemap_close(hm);
	type = hugemap_type_name(info.type);
	if (info.size != r->size || strcmp(type, r->type))
		return refuse("hugemap%u was of type %s with %" PRIu64
			      " bytes, and is of type %s with %" PRIu64, r->node,
			      r->type, r->size, type, info.size);
	for (size_t i = 0; i < nr_ranges; i++)
		loaded |= ranges[i].node == r->node;
	if (loaded && info.free != info.size)
		return refuse("hugemap%u: there are GEM objects in it, which would be overwritten",
			      r->node);
	return 0;
}

/* Opens the file of a range, and reads its index. */
static int open_range(struct ckpt *c, const struct range *r)
{
	int ret = ckpt_open(c, range_path(r), false);

	if (!ret && (c->size != r->end - r->start || strcmp(c->name, range_name(r)))) {
		snprintf(c->why, sizeof(c->why), "of other memory than " LIST " says");
		ret = CKPT_DAMAGED;
	}
	if (!ret)
		ret = ckpt_index(c, 0);
	return ret;
}

static int check_range(const struct range *r)
{
	struct ckpt c;
	int ret;

	if (r->end > find_region(r->node)->size)
		return refuse(LIST ": behind the end of hugemap%u", r->node);
	ret = open_range(&c, r);
	if (!ret)
		ret = ckpt_verify(&c, 0, NULL);
	if (ret)
		ret = refuse_file(r, &c, ret);
	ckpt_close(&c);
	return ret;
}

/* What is the same already is not written. */
static int load_pages(struct ckpt *c, const struct window *w, const struct range *r,
		      char *want, char *have)
{
	uint64_t different = 0;

	for (uint64_t done = 0; done < c->size; done += c->page) {
		int ret = ckpt_page(c, done / c->page, want);

		if (ret)
			return refuse_file(r, c, ret);
		ret = copy(have, w->addr + done, c->page);
		if (!ret && memcmp(have, want, c->page)) {
			different++;
			ret = copy(w->addr + done, want, c->page);
		}
		if (ret)
			return refuse("hugemap%u, offset 0x%" PRIx64 ": %s", r->node,
				      r->start + done, strerror(-ret));
	}
	print_on_level(LOG_INFO, "hugemap: loaded hugemap%u, 0x%" PRIx64 " to 0x%"
		       PRIx64 ": %" PRIu64 " pages of %" PRIu64 " differed\n",
		       r->node, r->start, r->end, different, c->size / c->page);
	return 0;
}

static int load_range(const struct range *r)
{
	struct window w;
	struct ckpt c;
	char *pages;
	int ret;

	ret = open_window(&w, r, true);
	if (ret)
		return ret;
	ret = open_range(&c, r);
	if (ret) {
		ret = refuse_file(r, &c, ret);
	} else {
		pages = malloc(2 * c.page);
		ret = pages ? load_pages(&c, &w, r, pages, pages + c.page) :
			      refuse("out of memory");
		free(pages);
	}
	ckpt_close(&c);
	close_window(&w);
	return ret;
}

/* Whichever process is the first does it for all. */
static int load(void)
{
	int ret = 0;

	pthread_mutex_lock(&shared->lock);
	if (shared->state == NOT_YET) {
		for (size_t i = 0; !ret && i < nr_ranges; i++)
			ret = load_range(&ranges[i]);
		shared->state = ret ? FAILED : LOADED;
	}
	ret = shared->state == LOADED ? 0 : -1;
	pthread_mutex_unlock(&shared->lock);
	return ret;
}

static bool is_saved(unsigned int node, uint64_t offset)
{
	for (size_t i = 0; i < nr_ranges; i++)
		if (ranges[i].node == node && offset >= ranges[i].start &&
		    offset < ranges[i].end)
			return true;
	return false;
}

/* CRIU opens the node and maps it; 0 leaves that to it. */
static int hugemap_update_vma(const char *path, const uint64_t addr,
			      const uint64_t old_offset, uint64_t *new_offset,
			      int *fd)
{
	const char *name = strrchr(path, '/');
	unsigned int node;
	char more;

	(void)fd;
	name = name ? name + 1 : path;
	if (sscanf(name, "hugemap%u%c", &node, &more) != 1)
		return -ENOTSUP;
	if (is_saved(node, old_offset)) {
		if (!load())
			return 0;
	} else {
		refuse("the contents of hugemap%u, offset 0x%" PRIx64
		       ", mapped at 0x%" PRIx64 ", are not in the images", node,
		       old_offset, addr);
	}
	*new_offset = NOWHERE;
	return 1;
}

static int hugemap_restore_file(int id)
{
	const struct file *f = NULL;
	char path[32];
	struct stat st;
	int fd;

	for (size_t i = 0; i < nr_files; i++)
		if (files[i].id == (uint32_t)id)
			f = &files[i];
	if (!f)
		return -ENOTSUP;
	snprintf(path, sizeof(path), "/dev/hugemap%u", f->node);
	fd = open(path, f->flags & ~(O_CREAT | O_EXCL | O_TRUNC));
	if (fd < 0)
		return refuse("%s: %s", path, strerror(errno));
	if (fstat(fd, &st) || node_of(st.st_rdev) != (int)f->node ||
	    lseek(fd, f->pos, SEEK_SET) < 0) {
		close(fd);
		return refuse("%s: another device", path);
	}
	return fd;
}

static int prepare_restore(void)
{
	pthread_mutexattr_t attr;

	if (check_and_remove_inventory_plugin &&
	    !check_and_remove_inventory_plugin(NAME, strlen(NAME)))
		return 0;
	if (read_list())
		return -1;
	for (size_t i = 0; i < nr_regions; i++)
		if (check_region(&regions[i]))
			return -1;
	for (size_t i = 0; i < nr_ranges; i++)
		if (check_range(&ranges[i]))
			return -1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return refuse("out of memory");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->lock, &attr);
	return 0;
}

/* ---- the plugin ---- */

static int hugemap_init(int now)
{
	stage = now;
	if (stage == CR_PLUGIN_STAGE__RESTORE)
		return prepare_restore();
	/* That of an earlier dump into the same directory. */
	if (stage == CR_PLUGIN_STAGE__DUMP &&
	    unlinkat(criu_get_image_dir(), LIST, 0) && errno != ENOENT)
		return refuse(LIST ": %s", strerror(errno));
	return 0;
}

static void hugemap_exit(int now, int ret)
{
	/* The dump has failed: nobody shall restore it. */
	if (now == CR_PLUGIN_STAGE__DUMP && ret && nr_regions)
		unlinkat(criu_get_image_dir(), LIST, 0);
}

__attribute__((visibility("default")))
CR_PLUGIN_REGISTER(NAME, hugemap_init, hugemap_exit)

CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__CHECKPOINT_DEVICES, hugemap_checkpoint)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__HANDLE_DEVICE_VMA, hugemap_handle_vma)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__DUMP_EXT_FILE, hugemap_dump_file)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__UPDATE_VMA_MAP, hugemap_update_vma)
CR_PLUGIN_REGISTER_HOOK(CR_PLUGIN_HOOK__RESTORE_EXT_FILE, hugemap_restore_file)
