// SPDX-License-Identifier: MIT
/*
 * An incremental checkpoint of an object of 1 GiB, after docs/dirty-tracking.md.
 *
 *	checkpoint FILE
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/hugemap_drm.h>

#define SIZE	(1ull << 30)
#define PAGE	4096ull
#define WORDS	(SIZE / PAGE / 64)

static uint64_t bitmap[WORDS];

/* A zeroed object, in the first region of the first device that has room. */
static char *make_object(int *fd, uint32_t *handle)
{
	struct drm_hugemap_gem_create create = { .size = SIZE };
	struct drm_hugemap_gem_mmap_offset at = { .handle = 0 };
	char path[32];
	char *p;

	create.max_order = DRM_HUGEMAP_ORDER_ANY;
	for (int minor = 128; minor < 192; minor++) {
		snprintf(path, sizeof(path), "/dev/dri/renderD%d", minor);
		*fd = open(path, O_RDWR | O_CLOEXEC);
		if (*fd < 0)
			continue;
		for (create.region = 0; create.region < 16; create.region++)
			if (!ioctl(*fd, DRM_IOCTL_HUGEMAP_GEM_CREATE, &create))
				goto found;
		close(*fd);
	}
	errx(1, "no region has 1 GiB left");
found:
	*handle = at.handle = create.handle;
	if (ioctl(*fd, DRM_IOCTL_HUGEMAP_GEM_MMAP_OFFSET, &at))
		err(1, "GEM_MMAP_OFFSET");
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, at.offset);
	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

/*
 * Bring the file up to date. Returns the pages written, or -1 if some could not
 * be: call it again with @retry, and nothing is missed.
 */
static int64_t checkpoint(int fd, uint32_t tracker, const char *mem, int file,
			  int retry)
{
	struct drm_hugemap_dirty_sync sync = {
		.tracker = tracker,
		.flags = retry ? DRM_HUGEMAP_SYNC_RETRY : 0,
		.bitmap = (uintptr_t)bitmap,
	};

	if (ioctl(fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &sync))
		err(1, "DIRTY_SYNC");
	for (uint64_t w = 0; w < WORDS; w++) {
		for (uint64_t bits = bitmap[w]; bits; bits &= bits - 1) {
			uint64_t off = (w * 64 + __builtin_ctzll(bits)) * PAGE;

			if (pwrite(file, mem + off, PAGE, off) != (ssize_t)PAGE)
				return -1;
		}
	}
	return fsync(file) ? -1 : (int64_t)sync.nr_dirty;
}

/* Is the file what the memory is? */
static int same(const char *mem, int file)
{
	static char page[PAGE];

	for (uint64_t off = 0; off < SIZE; off += PAGE)
		if (pread(file, page, PAGE, off) != (ssize_t)PAGE ||
		    memcmp(page, mem + off, PAGE))
			return 0;
	return 1;
}

int main(int argc, char **argv)
{
	struct drm_hugemap_dirty_start start = { .granule = PAGE };
	struct drm_hugemap_dirty_stop stop = { .flags = 0 };
	unsigned int seed = 1;
	int fd, file, full;
	int64_t pages;
	char *mem;

	if (argc != 2)
		errx(1, "usage: checkpoint FILE");
	file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	full = open("/dev/full", O_RDWR | O_CLOEXEC);
	if (file < 0 || full < 0 || ftruncate(file, SIZE))
		err(1, "%s", argv[1]);
	mem = make_object(&fd, &start.handle);
	/* It is all zeros, as the file is: nothing is dirty yet. */
	if (ioctl(fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &start))
		err(1, "DIRTY_START");

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++) {
			uint64_t off = (uint64_t)rand_r(&seed) * PAGE % SIZE;

			memset(mem + off, rand_r(&seed), PAGE);
		}
		/* The first attempt of the last round finds the disk full. */
		pages = checkpoint(fd, start.tracker, mem,
				   round == 2 ? full : file, 0);
		if (pages < 0) {
			printf("round %d: %s, again\n", round, strerror(errno));
			pages = checkpoint(fd, start.tracker, mem, file, 1);
		}
		printf("round %d: %" PRId64 " of %llu pages saved\n", round,
		       pages, SIZE / PAGE);
		if (!same(mem, file))
			errx(1, "round %d: the file differs", round);
	}
	stop.tracker = start.tracker;
	if (ioctl(fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP, &stop))
		err(1, "DIRTY_STOP");
	puts("checkpoint: ok");
	return 0;
}
