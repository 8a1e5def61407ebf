// SPDX-License-Identifier: MIT
/*
 * Dirty tracking.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <drm/hugemap_drm.h>

#include "priv.h"

_Static_assert(HUGEMAP_TRACK_ALL == DRM_HUGEMAP_DIRTY_ALL &&
	       HUGEMAP_TRACK_WRITABLE == DRM_HUGEMAP_DIRTY_WRITABLE &&
	       HUGEMAP_TRACK_ADAPTIVE == DRM_HUGEMAP_DIRTY_ADAPTIVE &&
	       HUGEMAP_SYNC_PEEK == DRM_HUGEMAP_SYNC_PEEK &&
	       HUGEMAP_SYNC_RETRY == DRM_HUGEMAP_SYNC_RETRY, "flags");

struct hugemap_tracker {
	int fd;			/* the region's */
	uint32_t id;
	int event;		/* or -1 */
	uint64_t start, end;
	uint64_t granule;
	size_t nr;		/* granules */
	size_t words;
	uint64_t bitmap[];
};

static int make(int fd, uint64_t size, const struct hugemap_track *how,
		struct hugemap_tracker **out)
{
	uint64_t len = how->len, nr;
	struct hugemap_tracker *t;

	if (!how->granule)
		return -EINVAL;
	if (how->start >= size || len > size - how->start)
		return -ERANGE;
	if (!len)
		len = size - how->start;
	nr = len / how->granule + !!(len % how->granule);
	t = calloc(1, sizeof(*t) + (nr + 63) / 64 * sizeof(*t->bitmap));
	if (!t)
		return -ENOMEM;
	t->fd = fd;
	t->event = -1;
	t->start = how->start;
	t->end = how->start + len;
	t->granule = how->granule;
	t->nr = nr;
	t->words = (nr + 63) / 64;
	*out = t;
	return 0;
}

int hugemap_track(struct hugemap_mem *mem, const struct hugemap_track *how,
		  struct hugemap_tracker **out)
{
	struct drm_hugemap_dirty_start args = {
		.handle = mem->handle,
		.flags = how->flags,
		.start = how->start,
		.len = how->len,
		.granule = how->granule,
		.max_over = how->max_over,
		.notify = how->notify,
		.eventfd = -1,
	};
	struct hugemap_tracker *t;
	int ret;

	ret = make(mem->hm->fd, mem->size, how, &t);
	if (ret)
		return ret;
	if (how->notify) {
		t->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (t->event < 0) {
			ret = -errno;
			goto fail;
		}
		args.eventfd = t->event;
	}
	ret = hugemap_ioctl(t->fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &args);
	if (ret)
		goto fail;
	t->id = args.tracker;
	*out = t;
	return 0;
fail:
	if (t->event >= 0)
		close(t->event);
	free(t);
	return ret;
}

int hugemap_adopt(struct hugemap *hm, uint32_t id,
		  const struct hugemap_track *how, struct hugemap_tracker **out)
{
	struct drm_hugemap_dirty_sync peek = {
		.tracker = id,
		.flags = DRM_HUGEMAP_SYNC_PEEK,
		.start = how->start,
		.len = how->len,
	};
	int ret;

	if (!how->len || how->len > UINT64_MAX - how->start)
		return -EINVAL;
	/* Is there one, and does it cover the range? */
	ret = hugemap_ioctl(hm->fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &peek);
	if (ret)
		return ret;
	ret = make(hm->fd, UINT64_MAX, how, out);
	if (!ret)
		(*out)->id = id;
	return ret;
}

uint32_t hugemap_tracker_id(const struct hugemap_tracker *t)
{
	return t->id;
}

int hugemap_sync(struct hugemap_tracker *t, unsigned int flags,
		 struct hugemap_dirty *d)
{
	struct drm_hugemap_dirty_sync args = {
		.tracker = t->id,
		.flags = flags,
		.start = t->start,
		.len = t->end - t->start,
		.bitmap = (uintptr_t)t->bitmap,
	};
	int ret;

	ret = hugemap_ioctl(t->fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &args);
	if (!ret && d)
		*d = (struct hugemap_dirty){
			.dirty = args.nr_dirty,
			.over = args.nr_over,
			.epoch = args.epoch,
		};
	return ret;
}

const uint64_t *hugemap_bitmap(const struct hugemap_tracker *t, size_t *words)
{
	if (words)
		*words = t->words;
	return t->bitmap;
}

/* The first granule from @i on that is dirty, or clean; t->nr if there is none. */
static size_t find(const struct hugemap_tracker *t, size_t i, bool dirty)
{
	while (i < t->nr) {
		uint64_t word = t->bitmap[i / 64];

		if (!dirty)
			word = ~word;
		word >>= i % 64;
		if (word) {
			i += __builtin_ctzll(word);
			return i < t->nr ? i : t->nr;
		}
		i = (i / 64 + 1) * 64;
	}
	return t->nr;
}

bool hugemap_next(const struct hugemap_tracker *t, uint64_t *offset,
		  uint64_t *len)
{
	uint64_t from = *offset + *len, end;
	size_t first = 0, last;

	if (from > t->start)
		first = (from - t->start + t->granule - 1) / t->granule;
	first = find(t, first, true);
	if (first == t->nr)
		return false;
	last = find(t, first, false);
	*offset = t->start + first * t->granule;
	end = t->start + last * t->granule;
	if (last == t->nr)
		end = t->end;
	*len = end - *offset;
	return true;
}

int hugemap_clear(struct hugemap_tracker *t, uint64_t start, uint64_t len)
{
	struct drm_hugemap_dirty_clear args = {
		.tracker = t->id, .start = start, .len = len,
	};

	return hugemap_ioctl(t->fd, DRM_IOCTL_HUGEMAP_DIRTY_CLEAR, &args);
}

int hugemap_notify_fd(const struct hugemap_tracker *t)
{
	return t->event;
}

int hugemap_untrack(struct hugemap_tracker *t)
{
	struct drm_hugemap_dirty_stop args = { .flags = 0 };
	int ret;

	if (!t)
		return 0;
	args.tracker = t->id;
	ret = hugemap_ioctl(t->fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &args);
	if (t->event >= 0)
		close(t->event);
	free(t);
	return ret;
}
