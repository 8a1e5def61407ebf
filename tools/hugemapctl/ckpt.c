// SPDX-License-Identifier: MIT
/*
 * The checkpoint file: see ckpt.h.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "ckpt.h"

#define VERSION		1
#define RUN		256	/* pages in a record, at most */

enum { DATA = 1, ZERO = 2, COMMIT = 3 };

/* In the index. */
#define WHERE_NONE	UINT64_MAX
#define WHERE_ZERO	0

static const char header_magic[8] = "HUGEMAP\x1a";

struct header {
	char magic[8];
	uint32_t version;
	uint32_t page;
	uint64_t size;
	uint64_t created;
	char name[64];
	uint32_t pad;
	uint32_t crc;		/* of what is above */
};

struct slot {
	uint32_t magic;
	uint32_t crc;		/* of what is below */
	uint64_t seq;
	uint64_t end;
};

/* Behind a DATA record: a table of checksums, one a page, and the pages. */
struct record {
	uint32_t magic;
	uint32_t type;
	uint64_t seq;
	uint64_t a;		/* first page; COMMIT: records before it */
	uint64_t b;		/* pages; COMMIT: seconds since 1970 */
	uint32_t c;		/* checksum of the table; COMMIT: of the records */
	uint32_t crc;		/* of what is above */
};

#define SLOT_MAGIC	0x746f6c73
#define RECORD_MAGIC	0x64726365

struct ckpt_writer {
	uint64_t seq;
	uint64_t pos;
	struct ckpt_info info;
	uint32_t chain;
	/* The record that is being collected. */
	uint32_t type;
	uint64_t first, nr;
	uint32_t table[RUN];
	char *data;
	/* What changes in the index. */
	struct change { uint64_t nr, where; uint32_t crc; } *changes;
	size_t nr_changes, room;
};

static int damaged(struct ckpt *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int damaged(struct ckpt *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->why, sizeof(c->why), format, ap);
	va_end(ap);
	return CKPT_DAMAGED;
}

static uint32_t sum(const void *p, size_t len)
{
	return crc32(0, p, len);
}

/* 1 if all was read, 0 if the file ends before, or a negative errno. */
static int read_at(const struct ckpt *c, void *buf, size_t len, uint64_t pos)
{
	char *p = buf;

	while (len) {
		ssize_t n = pread(c->fd, p, len, pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		p += n;
		pos += n;
		len -= n;
	}
	return 1;
}

static int write_at(const struct ckpt *c, const void *buf, size_t len,
		    uint64_t pos)
{
	const char *p = buf;

	while (len) {
		ssize_t n = pwrite(c->fd, p, len, pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		p += n;
		pos += n;
		len -= n;
	}
	return 0;
}

static uint64_t pages_of(const struct ckpt *c)
{
	return c->size / c->page;
}

/* ---- opening ---- */

static int read_header(struct ckpt *c)
{
	struct header h;
	int ret;

	ret = read_at(c, &h, sizeof(h), 0);
	if (ret < 0)
		return ret;
	if (!ret || memcmp(h.magic, header_magic, sizeof(h.magic)))
		return damaged(c, "not a file of checkpoints");
	if (sum(&h, offsetof(struct header, crc)) != le32toh(h.crc))
		return damaged(c, "the header is damaged");
	if (le32toh(h.version) != VERSION)
		return damaged(c, "of version %u, which this program does not know",
			       le32toh(h.version));
	c->page = le32toh(h.page);
	c->size = le64toh(h.size);
	c->created = le64toh(h.created);
	memcpy(c->name, h.name, sizeof(c->name));
	c->name[sizeof(c->name) - 1] = 0;
	if (c->page < 512 || c->page & (c->page - 1) || !c->size ||
	    c->size % c->page || c->size / c->page > SIZE_MAX / 64)
		return damaged(c, "the header makes no sense");
	return 0;
}

/* What the slots vouch for: the last complete checkpoint and its end. */
static int read_slots(struct ckpt *c, uint64_t *seq, uint64_t *end)
{
	static const struct slot none;

	*seq = 0;
	*end = CKPT_LOG;
	for (int i = 0; i < 2; i++) {
		struct slot s;
		int ret = read_at(c, &s, sizeof(s), CKPT_SLOT(i));

		if (ret < 0)
			return ret;
		if (!ret)
			return damaged(c, "the file is cut short");
		if (!memcmp(&s, &none, sizeof(s)))
			continue;
		if (le32toh(s.magic) != SLOT_MAGIC ||
		    sum(&s.seq, sizeof(s) - offsetof(struct slot, seq)) !=
		    le32toh(s.crc)) {
			c->slot_damaged = true;
		} else if (le64toh(s.seq) > *seq) {
			*seq = le64toh(s.seq);
			*end = le64toh(s.end);
		}
	}
	return 0;
}

/* 1 if there is a record at @pos, in host order; *raw is as it is in the file. */
static int read_record(struct ckpt *c, uint64_t pos, struct record *r,
		       struct record *raw)
{
	int ret = read_at(c, raw, sizeof(*raw), pos);

	if (ret <= 0)
		return ret;
	*r = (struct record){
		.magic = le32toh(raw->magic), .type = le32toh(raw->type),
		.seq = le64toh(raw->seq), .a = le64toh(raw->a),
		.b = le64toh(raw->b), .c = le32toh(raw->c),
		.crc = le32toh(raw->crc),
	};
	if (r->magic != RECORD_MAGIC ||
	    r->crc != sum(raw, offsetof(struct record, crc)))
		return 0;
	if (r->type == COMMIT)
		return 1;
	if (r->type != DATA && r->type != ZERO)
		return 0;
	return r->b && r->a < pages_of(c) && r->b <= pages_of(c) - r->a &&
	       (r->type == ZERO || r->b <= RUN);
}

static int read_table(struct ckpt *c, uint64_t pos, const struct record *r,
		      uint32_t *table)
{
	size_t len = r->b * sizeof(*table);
	int ret = read_at(c, table, len, pos + sizeof(*r));

	if (ret <= 0)
		return ret;
	return sum(table, len) == r->c;
}

static uint64_t data_of(uint64_t pos, const struct record *r)
{
	return pos + sizeof(*r) + r->b * sizeof(uint32_t);
}

static uint64_t next_of(const struct ckpt *c, uint64_t pos,
			const struct record *r)
{
	return r->type == DATA ? data_of(pos, r) + r->b * c->page :
	       pos + sizeof(*r);
}

static int append(struct ckpt *c, const struct ckpt_info *info)
{
	struct ckpt_info *more;

	more = reallocarray(c->all, c->nr + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->all = more;
	c->all[c->nr++] = *info;
	return 0;
}

/* Walks the log up to where it is whole; *@at is the first place that is not. */
static int scan(struct ckpt *c, uint64_t *at)
{
	struct ckpt_info info = { .seq = 1, .start = CKPT_LOG };
	uint32_t table[RUN], chain = 0;
	uint64_t pos = CKPT_LOG;
	struct record r, raw;
	struct stat st;
	int ret;

	if (fstat(c->fd, &st))
		return -errno;
	for (;; pos = next_of(c, pos, &r)) {
		*at = pos;
		ret = read_record(c, pos, &r, &raw);
		if (ret <= 0)
			return ret;
		if (r.seq != info.seq || next_of(c, pos, &r) > (uint64_t)st.st_size)
			return 0;
		if (r.type == DATA) {
			ret = read_table(c, pos, &r, table);
			if (ret <= 0)
				return ret;
			info.pages += r.b;
		} else if (r.type == ZERO) {
			info.zero += r.b;
		} else {
			if (r.a != info.records || r.c != chain)
				return 0;
			info.time = r.b;
			info.end = next_of(c, pos, &r);
			ret = append(c, &info);
			if (ret)
				return ret;
			info = (struct ckpt_info){
				.seq = info.seq + 1, .start = info.end,
			};
			chain = 0;
			continue;
		}
		info.records++;
		chain = crc32(chain, (const void *)&raw, sizeof(raw));
	}
}

static int verify_one(struct ckpt *c, const struct ckpt_info *info, char *buf,
		      ckpt_progress tell)
{
	uint64_t pos = info->start;
	uint32_t table[RUN];
	struct record r, raw;
	int ret;

	for (; pos < info->end; pos = next_of(c, pos, &r)) {
		if (tell)
			tell(pos);
		ret = read_record(c, pos, &r, &raw);
		if (ret == 1 && r.type == DATA) {
			ret = read_table(c, pos, &r, table);
			if (ret == 1)
				ret = read_at(c, buf, r.b * c->page,
					      data_of(pos, &r));
		}
		if (ret < 0)
			return ret;
		if (!ret)
			return damaged(c, "checkpoint %" PRIu64 " is damaged at byte %"
				       PRIu64, info->seq, pos);
		for (uint64_t i = 0; r.type == DATA && i < r.b; i++)
			if (sum(buf + i * c->page, c->page) != le32toh(table[i]))
				return damaged(c, "checkpoint %" PRIu64
					       " is damaged: page %" PRIu64
					       " of the memory, at byte %" PRIu64,
					       info->seq, r.a + i,
					       data_of(pos, &r) + i * c->page);
	}
	return 0;
}

int ckpt_verify(struct ckpt *c, uint64_t seq, ckpt_progress tell)
{
	char *buf = malloc(RUN * c->page);
	int ret = buf ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < c->nr && (!seq || c->all[i].seq <= seq); i++)
		ret = verify_one(c, &c->all[i], buf, tell);
	free(buf);
	return ret;
}

static int write_slot(struct ckpt *c, uint64_t seq, uint64_t end)
{
	struct slot s = {
		.magic = htole32(SLOT_MAGIC),
		.seq = htole64(seq),
		.end = htole64(end),
	};
	int ret;

	s.crc = htole32(sum(&s.seq, sizeof(s) - offsetof(struct slot, seq)));
	ret = write_at(c, &s, sizeof(s), CKPT_SLOT(seq % 2));
	if (!ret && fsync(c->fd))
		ret = -errno;
	return ret;
}

static int repair_slots(struct ckpt *c)
{
	int ret = 0;

	/* The newest last: one of the two is good all the time. */
	for (size_t i = c->nr > 1 ? c->nr - 2 : 0; !ret && i < c->nr; i++)
		ret = write_slot(c, c->all[i].seq, c->all[i].end);
	return ret;
}

static int settle(struct ckpt *c, uint64_t seq, uint64_t end, uint64_t at,
		  bool write)
{
	uint64_t whole = CKPT_LOG;
	struct stat st;
	char *buf;
	int ret = 0;

	if (fstat(c->fd, &st))
		return -errno;
	/* What no slot vouches for counts only if its pages are there as well. */
	buf = malloc(RUN * c->page);
	if (!buf)
		return -ENOMEM;
	for (size_t i = seq; i < c->nr; i++) {
		ret = verify_one(c, &c->all[i], buf, NULL);
		if (!ret)
			continue;
		at = c->all[i].start;
		c->nr = i;
		break;
	}
	free(buf);
	if (ret && ret != CKPT_DAMAGED)
		return ret;
	if (c->nr)
		whole = c->all[c->nr - 1].end;
	if (c->nr < seq || (seq && c->all[seq - 1].end != end)) {
		c->damaged = true;
		return damaged(c, "checkpoint %zu of %" PRIu64
			       " is damaged at byte %" PRIu64, c->nr + 1, seq, at);
	}
	c->torn = st.st_size - whole;
	/* The slot is written when what it vouches for is durable, and the last. */
	if (c->slot_damaged && c->torn) {
		c->damaged = true;
		return damaged(c, "a slot is damaged, and so is the log at byte %"
			       PRIu64, at);
	}
	if (!c->nr)
		return damaged(c, "no complete checkpoint");
	c->why[0] = 0;
	if (write && c->slot_damaged)
		return repair_slots(c);
	return 0;
}

int ckpt_open(struct ckpt *c, const char *path, bool write)
{
	uint64_t seq, end, at;
	int ret;

	memset(c, 0, sizeof(*c));
	c->path = strdup(path);
	c->tmp = strdup("");
	c->fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (c->fd < 0)
		return -errno;
	if (!c->path || !c->tmp)
		return -ENOMEM;
	if (flock(c->fd, (write ? LOCK_EX : LOCK_SH) | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	ret = read_header(c);
	if (!ret)
		ret = read_slots(c, &seq, &end);
	if (!ret)
		ret = scan(c, &at);
	return ret ? ret : settle(c, seq, end, at, write);
}

int ckpt_create(struct ckpt *c, const char *path, const char *name,
		uint64_t page, uint64_t size)
{
	char head[CKPT_LOG] = "";
	struct header h = {
		.version = htole32(VERSION),
		.page = htole32(page),
		.size = htole64(size),
		.created = htole64(time(NULL)),
	};
	int ret;

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	c->page = page;
	c->size = size;
	c->created = le64toh(h.created);
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->path = strdup(path);
	if (!c->path || asprintf(&c->tmp, "%s.XXXXXX", path) < 0) {
		c->tmp = NULL;
		return -ENOMEM;
	}
	memcpy(h.magic, header_magic, sizeof(h.magic));
	memcpy(h.name, c->name, sizeof(h.name));
	h.crc = htole32(sum(&h, offsetof(struct header, crc)));
	memcpy(head, &h, sizeof(h));
	c->fd = mkostemp(c->tmp, O_CLOEXEC);
	if (c->fd < 0) {
		ret = -errno;
		c->tmp[0] = 0;
		return ret;
	}
	if (flock(c->fd, LOCK_EX | LOCK_NB))
		return -errno;
	/* Slots included: they are there when the disk is full. */
	return write_at(c, head, sizeof(head), 0);
}

static void free_writer(struct ckpt *c)
{
	if (!c->w)
		return;
	free(c->w->data);
	free(c->w->changes);
	free(c->w);
	c->w = NULL;
}

void ckpt_close(struct ckpt *c)
{
	free_writer(c);
	if (c->tmp && c->tmp[0])
		unlink(c->tmp);
	if (c->fd >= 0)
		close(c->fd);
	free(c->path);
	free(c->tmp);
	free(c->all);
	free(c->where);
	free(c->crc);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

/* ---- reading ---- */

int ckpt_index(struct ckpt *c, uint64_t seq)
{
	uint64_t nr = pages_of(c), pos = CKPT_LOG, end;
	uint32_t table[RUN];
	struct record r, raw;
	int ret;

	if (!seq)
		seq = c->nr;
	if (!seq || seq > c->nr)
		return -ENOENT;
	if (!c->where) {
		c->where = calloc(nr, sizeof(*c->where));
		c->crc = calloc(nr, sizeof(*c->crc));
		if (!c->where || !c->crc)
			return -ENOMEM;
	}
	for (uint64_t i = 0; i < nr; i++)
		c->where[i] = WHERE_NONE;
	end = c->all[seq - 1].end;
	for (; pos < end; pos = next_of(c, pos, &r)) {
		ret = read_record(c, pos, &r, &raw);
		if (ret == 1 && r.type == DATA)
			ret = read_table(c, pos, &r, table);
		if (ret < 0)
			return ret;
		if (!ret)
			return damaged(c, "damaged at byte %" PRIu64, pos);
		for (uint64_t i = 0; r.type != COMMIT && i < r.b; i++) {
			c->where[r.a + i] = r.type == ZERO ? WHERE_ZERO :
					    data_of(pos, &r) + i * c->page;
			c->crc[r.a + i] = r.type == ZERO ? 0 : le32toh(table[i]);
		}
	}
	for (uint64_t i = 0; i < nr; i++)
		if (c->where[i] == WHERE_NONE)
			return damaged(c, "page %" PRIu64 " of the memory is in no checkpoint",
				       i);
	c->index_seq = seq;
	return 0;
}

int ckpt_page(struct ckpt *c, uint64_t nr, void *buf)
{
	int ret;

	if (c->where[nr] == WHERE_ZERO) {
		memset(buf, 0, c->page);
		return 0;
	}
	ret = read_at(c, buf, c->page, c->where[nr]);
	if (ret < 0)
		return ret;
	if (!ret || sum(buf, c->page) != c->crc[nr])
		return damaged(c, "page %" PRIu64 " of the memory is damaged, at byte %"
			       PRIu64, nr, c->where[nr]);
	return 0;
}

static bool is_zero(const void *buf, size_t len)
{
	const char *p = buf;

	return !p[0] && !memcmp(p, p + 1, len - 1);
}

int ckpt_same(struct ckpt *c, uint64_t nr, const void *buf)
{
	char page[65536];
	int ret;

	if (c->where[nr] == WHERE_ZERO)
		return is_zero(buf, c->page);
	if (c->page > sizeof(page))
		return -EOVERFLOW;
	if (sum(buf, c->page) != c->crc[nr])
		return 0;
	/* One in 4 billion changes has the same checksum. */
	ret = ckpt_page(c, nr, page);
	return ret ? ret : !memcmp(page, buf, c->page);
}

/* ---- writing ---- */

static int begin(struct ckpt *c)
{
	struct ckpt_writer *w;

	if (c->sealed)
		return -EIO;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	c->w = w;
	w->data = malloc(RUN * c->page);
	if (!w->data)
		return -ENOMEM;
	w->seq = c->nr + 1;
	w->pos = c->nr ? c->all[c->nr - 1].end : CKPT_LOG;
	w->info.seq = w->seq;
	w->info.start = w->pos;
	/* What an interrupted writer left. */
	if (ftruncate(c->fd, w->pos))
		return -errno;
	c->torn = 0;
	return 0;
}

static int write_record(struct ckpt *c, uint32_t type, uint64_t a, uint64_t b,
			uint32_t sum_of, struct record *raw)
{
	struct ckpt_writer *w = c->w;
	int ret;

	*raw = (struct record){
		.magic = htole32(RECORD_MAGIC), .type = htole32(type),
		.seq = htole64(w->seq), .a = htole64(a), .b = htole64(b),
		.c = htole32(sum_of),
	};
	raw->crc = htole32(sum(raw, offsetof(struct record, crc)));
	ret = write_at(c, raw, sizeof(*raw), w->pos);
	if (!ret)
		w->pos += sizeof(*raw);
	return ret;
}

static int remember(struct ckpt_writer *w, uint64_t nr, uint64_t where,
		    uint32_t crc)
{
	if (w->nr_changes == w->room) {
		size_t room = w->room ? 2 * w->room : 1024;
		struct change *more = reallocarray(w->changes, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->changes = more;
		w->room = room;
	}
	w->changes[w->nr_changes++] = (struct change){ nr, where, crc };
	return 0;
}

/* Writes what was collected. */
static int flush(struct ckpt *c)
{
	struct ckpt_writer *w = c->w;
	size_t len = w->nr * sizeof(*w->table);
	struct record raw;
	int ret;

	if (!w->nr)
		return 0;
	ret = write_record(c, w->type, w->first, w->nr,
			   w->type == DATA ? sum(w->table, len) : 0, &raw);
	if (ret)
		return ret;
	w->chain = crc32(w->chain, (const void *)&raw, sizeof(raw));
	w->info.records++;
	if (w->type == ZERO) {
		w->info.zero += w->nr;
		for (uint64_t i = 0; !ret && i < w->nr; i++)
			ret = remember(w, w->first + i, WHERE_ZERO, 0);
	} else {
		w->info.pages += w->nr;
		ret = write_at(c, w->table, len, w->pos);
		if (!ret)
			ret = write_at(c, w->data, w->nr * c->page, w->pos + len);
		for (uint64_t i = 0; !ret && i < w->nr; i++)
			ret = remember(w, w->first + i, w->pos + len + i * c->page,
				       le32toh(w->table[i]));
		w->pos += len + w->nr * c->page;
	}
	w->nr = 0;
	return ret;
}

int ckpt_add(struct ckpt *c, uint64_t nr, const void *buf)
{
	uint32_t type = is_zero(buf, c->page) ? ZERO : DATA;
	struct ckpt_writer *w;
	int ret = 0;

	if (nr >= pages_of(c))
		return -ERANGE;
	if (!c->w)
		ret = begin(c);
	w = c->w;
	if (!ret && w->nr && (type != w->type || nr != w->first + w->nr ||
			      (type == DATA && w->nr == RUN)))
		ret = flush(c);
	if (ret)
		return ret;
	if (!w->nr) {
		w->type = type;
		w->first = nr;
	}
	if (type == DATA) {
		memcpy(w->data + w->nr * c->page, buf, c->page);
		w->table[w->nr] = htole32(sum(buf, c->page));
	}
	w->nr++;
	return 0;
}

/* The first checkpoint is complete: the file gets its name. */
static int publish(struct ckpt *c)
{
	char *copy;
	int dir, ret = 0;

	if (!c->tmp[0])
		return 0;
	if (rename(c->tmp, c->path))
		return -errno;
	c->tmp[0] = 0;
	copy = strdup(c->path);
	if (!copy)
		return -ENOMEM;
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (dir < 0)
		return -errno;
	if (fsync(dir))
		ret = -errno;
	close(dir);
	return ret;
}

int ckpt_commit(struct ckpt *c)
{
	struct ckpt_writer *w;
	struct record raw;
	int ret = 0;

	/* Nothing has changed: that is a checkpoint as well. */
	if (!c->w)
		ret = begin(c);
	w = c->w;
	if (!ret)
		ret = flush(c);
	if (ret)
		return ret;
	w->info.time = time(NULL);
	ret = write_record(c, COMMIT, w->info.records, w->info.time, w->chain, &raw);
	if (!ret && fsync(c->fd))
		ret = -errno;
	if (ret)
		return ret;
	/* From here on the next one to open the file finds it complete. */
	c->sealed = true;
	ret = write_slot(c, w->seq, w->pos);
	if (!ret)
		ret = publish(c);
	if (ret)
		return ret;
	c->sealed = false;
	w->info.end = w->pos;
	ret = append(c, &w->info);
	if (ret)
		return ret;
	for (size_t i = 0; c->where && i < w->nr_changes; i++) {
		c->where[w->changes[i].nr] = w->changes[i].where;
		c->crc[w->changes[i].nr] = w->changes[i].crc;
	}
	if (c->where)
		c->index_seq = w->seq;
	free_writer(c);
	return 0;
}

void ckpt_abort(struct ckpt *c)
{
	if (!c->w)
		return;
	/* If this fails as well the next writer does it. */
	if (!c->sealed && ftruncate(c->fd, c->nr ? c->all[c->nr - 1].end : CKPT_LOG))
		c->torn = 1;
	free_writer(c);
}
