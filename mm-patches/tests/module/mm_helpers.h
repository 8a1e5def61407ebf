/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/mm_helpers of module/mm_helpers.c: what core mm exports to drivers, for
 * programs. Return values of the helpers are in @ret; the ioctl itself fails if
 * it could not call them, with EOPNOTSUPP where this kernel has none.
 */
#ifndef MM_HELPERS_H
#define MM_HELPERS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct mm_helpers_range - pages of the mapping of a file
 * @fd: the file; what it maps is what its f_mapping maps
 * @pad: not used
 * @first: page offset of the first page
 * @nr: number of pages
 * @pfn: MM_HELPERS_WRPROTECT: the PFN of @first
 * @bitmap: MM_HELPERS_CLEAN: address of a bitmap, set bits stay set
 * @bitmap_first: the page offset of its first bit
 * @bitmap_nr: its number of bits, a multiple of 64
 * @start: the first bit set, in and out
 * @end: after the last bit set, in and out
 * @ret: what the helper returned
 */
struct mm_helpers_range {
	__s32 fd;
	__u32 pad;
	__u64 first;
	__u64 nr;
	__u64 pfn;
	__u64 bitmap;
	__u64 bitmap_first;
	__u64 bitmap_nr;
	__u64 start;
	__u64 end;
	__s64 ret;
};

/**
 * struct mm_helpers_look - the page table entry that maps an address
 * @addr: the address
 * @pfn: the PFN at @addr
 * @size: bytes that the entry maps
 * @writable: the entry is writable
 * @present: there is one, else all is 0
 */
struct mm_helpers_look {
	__u64 addr;
	__u64 pfn;
	__u64 size;
	__u32 writable;
	__u32 present;
};

#define MM_HELPERS_WP		_IOWR('h', 1, struct mm_helpers_range)
#define MM_HELPERS_CLEAN	_IOWR('h', 2, struct mm_helpers_range)
#define MM_HELPERS_WRPROTECT	_IOWR('h', 3, struct mm_helpers_range)
#define MM_HELPERS_LOOK		_IOWR('h', 4, struct mm_helpers_look)

#endif
