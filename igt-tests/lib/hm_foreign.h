/* SPDX-License-Identifier: MIT */
/*
 * Device nodes of other drivers that offer huge mappings: vfio-pci, device-dax,
 * or anything that mmap() takes.  Needs nothing else of the library: the tests of
 * mm-patches/ use it as well.
 */
#ifndef HM_FOREIGN_H
#define HM_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

enum hm_foreign_kind {
	HM_FOREIGN_NODE, HM_FOREIGN_DAX, HM_FOREIGN_VFIO,
	HM_FOREIGN_SKELETON,	/* mm-patches/tests/module/huge_skel.c */
};

/**
 * struct hm_foreign - memory of another driver
 * @kind: what it is
 * @fd: to map
 * @offset: where in @fd the memory begins
 * @size: bytes that may be mapped
 * @align: bytes; addresses, offsets and lengths have to be multiples of it
 */
struct hm_foreign {
	enum hm_foreign_kind kind;
	int fd;
	uint64_t offset;
	uint64_t size;
	uint64_t align;
};

/*
 * @spec, as IGT's option --device spells it:
 *
 *	drm:PATH or PATH	a node; of one that is not device-dax up to 2 GiB
 *				from offset 0 on, which it had better have
 *	pci:slot=BDF or BDF	BAR 2 of a PCI function that vfio-pci drives
 *
 * Returns 0, or a negative errno and why in words.
 */
int hm_foreign_open(const char *spec, struct hm_foreign *f, char *why,
		    size_t size);

#endif /* HM_FOREIGN_H */
