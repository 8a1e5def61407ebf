/* SPDX-License-Identifier: MIT */
/* Between the files of the library. */
#ifndef LIBHUGEMAP_PRIV_H
#define LIBHUGEMAP_PRIV_H

#include "libhugemap.h"

struct hugemap {
	int fd;
	unsigned int region;
	bool node;
	struct hugemap_info info;	/* as of hugemap_open() */
};

struct hugemap_mem {
	struct hugemap *hm;
	uint32_t handle;	/* 0: the window */
	uint64_t size;
	uint64_t mmap_offset;
};

/* ioctl() again and again while it is interrupted; 0 or a negative errno. */
int hugemap_ioctl(int fd, unsigned long cmd, void *arg);

/*
 * Room for one more behind the @n elements of @size bytes of an array; @list is the
 * address of its pointer, NULL at first. Grown by this only. 0 or -ENOMEM.
 */
int hugemap_room(void *list, size_t n, size_t size);

#endif /* LIBHUGEMAP_PRIV_H */
