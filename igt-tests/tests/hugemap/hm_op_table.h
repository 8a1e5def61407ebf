/* SPDX-License-Identifier: MIT */
/*
 * What is done to mappings and what each operation gives on VM_PFNMAP | VM_IO
 * and on VM_MIXEDMAP | VM_IO mappings: the one table of hm_walkers.c, which does
 * all of it, and hm_matrix.c, which does the rows with MATRIX().  The reasons are in
 * the kernel: mm/madvise.c refuses VM_PFNMAP in can_madv_lru_vma() and
 * madvise_dontneed_free_valid_vma(), mm/gup.c refuses VM_IO and VM_PFNMAP in
 * check_vma_flags(), mm/mremap.c refuses to grow or duplicate VM_DONTEXPAND.
 */
#ifndef HM_OP_TABLE_H
#define HM_OP_TABLE_H

static const struct op munmap_ops[] = {
	{ "munmap", op_munmap, 0, ALL, BOTH(0), MATRIX(MID, CUTS) },
};

static const struct op mprotect_ops[] = {
	{ "mprotect PROT_READ", op_mprotect, PROT_READ, ALL, BOTH(0),
	  MATRIX(MID, CUTS), .writes = true },
	{ "mprotect PROT_NONE", op_mprotect, PROT_NONE, ALL, BOTH(0),
	  MATRIX(MID, CUTS), .writes = true },
};

static const struct op mlock_ops[] = {
	{ "mlock", op_mlock, 0, ALL, BOTH(0), MATRIX(WHOLE, KEEPS) },
	{ "mlock2 MLOCK_ONFAULT", op_mlock, 1, INNER, BOTH(0) },
	{ "mlockall MCL_CURRENT", op_mlockall, MCL_CURRENT, ONCE, BOTH(0) },
	{ "mlockall MCL_CURRENT|MCL_FUTURE", op_mlockall,
	  MCL_CURRENT | MCL_FUTURE, ONCE, BOTH(0) },
	{ "mmap MAP_POPULATE", op_populate, 0, ONCE, BOTH(0),
	  MATRIX(MID, KEEPS) },
};

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#define MADV_GUARD_INSTALL_	102
#define MADV_GUARD_REMOVE_	103
#define MADV_UNKNOWN_5		5
#define MADV_UNKNOWN_7		7
#define MADV_UNKNOWN_26		26

static const struct op madvise_ops[] = {
	ADVICE(MADV_NORMAL, BOTH(0)),
	ADVICE(MADV_RANDOM, BOTH(0), MATRIX(MID, CUTS)),
	ADVICE(MADV_SEQUENTIAL, BOTH(0)),
	ADVICE(MADV_WILLNEED, BOTH(0)),
	ADVICE(MADV_DONTNEED, NOT_PFN, MATRIX(MID, KEEPS)),
	ADVICE(MADV_UNKNOWN_5, BOTH(-EINVAL)),
	ADVICE(MADV_UNKNOWN_7, BOTH(-EINVAL)),
	ADVICE(MADV_FREE, BOTH(-EINVAL), MATRIX(MID, KEEPS)),
	ADVICE(MADV_REMOVE, BOTH(-ENODEV), MATRIX(MID, KEEPS)),
	ADVICE(MADV_DONTFORK, BOTH(0)),
	ADVICE(MADV_DOFORK, BOTH(-EINVAL)),
	ADVICE(MADV_MERGEABLE, BOTH(0)),
	ADVICE(MADV_UNMERGEABLE, BOTH(0)),
	ADVICE(MADV_HUGEPAGE, BOTH(0)),
	ADVICE(MADV_NOHUGEPAGE, BOTH(0), MATRIX(MID, CUTS)),
	ADVICE(MADV_DONTDUMP, BOTH(0)),
	ADVICE(MADV_DODUMP, BOTH(-EINVAL)),
	ADVICE(MADV_WIPEONFORK, BOTH(-EINVAL)),
	ADVICE(MADV_KEEPONFORK, BOTH(0)),
	ADVICE(MADV_COLD, NOT_PFN, MATRIX(WHOLE, KEEPS)),
	ADVICE(MADV_PAGEOUT, NOT_PFN, MATRIX(WHOLE, KEEPS)),
	ADVICE(MADV_POPULATE_READ, BOTH(-EINVAL)),
	ADVICE(MADV_POPULATE_WRITE, BOTH(-EINVAL), MATRIX(WHOLE, KEEPS), DAX(0)),
	ADVICE(MADV_DONTNEED_LOCKED, NOT_PFN),
	ADVICE(MADV_COLLAPSE, BOTH(-EINVAL), .collapse = true, MATRIX(WHOLE, KEEPS)),
	ADVICE(MADV_UNKNOWN_26, BOTH(-EINVAL)),
	/* The kernel cannot take a reference, so there is nothing to poison. */
	ADVICE(MADV_HWPOISON, BOTH(-EFAULT), MATRIX(MID, KEEPS),
	       .takes_page = true),
	ADVICE(MADV_SOFT_OFFLINE, BOTH(-EFAULT)),
	ADVICE(MADV_GUARD_INSTALL_, BOTH(-EINVAL)),
	/* Nothing to remove; unknown before 6.13. */
	ADVICE(MADV_GUARD_REMOVE_, BOTH(-EINVAL)),
	{ "process_madvise MADV_WILLNEED", op_process_madvise, MADV_WILLNEED,
	  INNER, BOTH(0) },
	{ "process_madvise MADV_COLD", op_process_madvise, MADV_COLD,
	  INNER, NOT_PFN },
	{ "process_madvise MADV_PAGEOUT", op_process_madvise, MADV_PAGEOUT,
	  INNER, NOT_PFN },
	{ "process_madvise MADV_COLLAPSE", op_process_madvise, MADV_COLLAPSE,
	  INNER, BOTH(-EINVAL), .collapse = true },
};

static const struct op mremap_ops[] = {
	{ "mremap to a 1G boundary", op_move, 0, ALL, BOTH(0),
	  MATRIX(WHOLE, KEEPS) },
	{ "mremap to a 2M boundary", op_move, 3 << 21, ALL, BOTH(0) },
	{ "mremap to a page", op_move, 7 << 12, ALL, BOTH(0),
	  MATRIX(WHOLE, PAGES) },
	{ "mremap in place", op_mremap, 0, ALL, BOTH(0) },
	{ "mremap MREMAP_DONTUNMAP", op_mremap,
	  MREMAP_MAYMOVE | MREMAP_DONTUNMAP, ALL, BOTH(-EINVAL) },
	{ "mremap one page less", op_resize, -1, ONCE, BOTH(0),
	  MATRIX(MID, CUTS) },
	{ "mremap 2M less", op_resize, -512, ONCE, BOTH(0) },
	{ "mremap one page more", op_resize, 1, ONCE, BOTH(-EFAULT),
	  MATRIX(MID, KEEPS), DAX(-ENOMEM) },
	{ "mremap of length 0", op_duplicate, 0, ONCE, BOTH(-EFAULT),
	  MATRIX(MID, KEEPS), DAX(0) },
};

static const struct op fork_ops[] = {
	{ "fork, exit", op_fork, CHILD_EXIT, ONCE, BOTH(0),
	  MATRIX(MID, RACES), .writes = true },
	{ "fork, munmap in the child", op_fork, CHILD_MUNMAP, ONCE, BOTH(0),
	  MATRIX(MID, RACES), .writes = true },
	{ "fork, mprotect in the child", op_fork, CHILD_MPROTECT, ONCE,
	  BOTH(0) },
	{ "fork, mremap in the child", op_fork, CHILD_MOVE, ONCE, BOTH(0) },
	{ "fork of a child", op_fork, CHILD_FORK, ONCE, BOTH(0) },
};

static const struct op proc_ops[] = {
	{ "smaps", op_proc, 0, ONCE, BOTH(0), MATRIX(MID, KEEPS) },
	{ "smaps_rollup", op_proc, 1, ONCE, BOTH(0) },
	{ "numa_maps", op_proc, 2, ONCE, BOTH(0) },
	{ "maps", op_proc, 3, ONCE, BOTH(0) },
	{ "stat", op_proc, 4, ONCE, BOTH(0) },
	{ "statm", op_proc, 5, ONCE, BOTH(0) },
	{ "status", op_proc, 6, ONCE, BOTH(0) },
	{ "pagemap", op_pagemap, 0, INNER, BOTH(0), MATRIX(MID, KEEPS) },
	{ "clear_refs 1", op_clear_refs, 1, ONCE, BOTH(0) },
	{ "clear_refs 2", op_clear_refs, 2, ONCE, BOTH(0) },
	{ "clear_refs 3", op_clear_refs, 3, ONCE, BOTH(0) },
	{ "clear_refs 4", op_clear_refs, 4, ONCE, BOTH(0),
	  MATRIX(MID, KEEPS) },
	{ "clear_refs 5", op_clear_refs, 5, ONCE, BOTH(0) },
	{ "read of mem", op_mem, 0, ALL, BOTH(0), MATRIX(MID, KEEPS),
	  VFIO(-EIO) },
	{ "write of mem", op_mem, 1, ALL, BOTH(0), MATRIX(MID, KEEPS),
	  VFIO(-EIO), .writes = true },
	{ "ptrace PEEK and POKE", op_ptrace, 0, PARTS, BOTH(0) },
	{ "PAGEMAP_SCAN", op_pagemap_scan, 0, INNER, BOTH(0),
	  MATRIX(MID, KEEPS),
	  .since = 607, .before = -ENOTTY },
	/* PM_SCAN_WP_MATCHING: only what is registered is protected. */
	{ "PAGEMAP_SCAN of writes", op_pagemap_scan, 1, INNER, BOTH(0),
	  .since = 607, .before = -ENOTTY },
	/* ... and PM_SCAN_CHECK_WPASYNC: it is not. */
	{ "PAGEMAP_SCAN that checks", op_pagemap_scan, 3, INNER, BOTH(-EPERM),
	  .since = 607, .before = -ENOTTY },
};

#define STRICT		MPOL_MF_STRICT
#define MOVE		MPOL_MF_MOVE
#define MOVE_ALL	MPOL_MF_MOVE_ALL
#define MBIND(mode, flags, ...) \
	{ "mbind " #mode ", " #flags, op_mbind, MB(mode, flags), INNER, \
	  .hazard = !!((flags) & STRICT), __VA_ARGS__ }

static const struct op mempolicy_ops[] = {
	MBIND(MPOL_DEFAULT, 0, BOTH(0)),
	MBIND(MPOL_DEFAULT, STRICT | MOVE, BOTH(0)),
	MBIND(MPOL_PREFERRED, 0, BOTH(0)),
	MBIND(MPOL_PREFERRED, STRICT, BOTH(0)),
	MBIND(MPOL_PREFERRED, STRICT | MOVE, BOTH(0)),
	MBIND(MPOL_BIND, 0, BOTH(0)),
	MBIND(MPOL_BIND, MOVE, BOTH(0)),
	MBIND(MPOL_BIND, STRICT, BOTH(0)),
	MBIND(MPOL_BIND, STRICT | MOVE, BOTH(0), MATRIX(MID, CUTS)),
	MBIND(MPOL_BIND, STRICT | MOVE_ALL, BOTH(0)),
	MBIND(MPOL_INTERLEAVE, STRICT | MOVE, BOTH(0)),
	MBIND(MPOL_LOCAL, 0, BOTH(0)),
	/* No node is asked for, so any page may count as misplaced. */
	MBIND(MPOL_LOCAL, STRICT, BOTH(0), .alt = -EIO),
	MBIND(MPOL_LOCAL, STRICT | MOVE, BOTH(0), .alt = -EIO),
	MBIND(MPOL_PREFERRED_MANY, STRICT | MOVE, BOTH(0)),
	MBIND(6 /* weighted interleave */, STRICT | MOVE, BOTH(0),
	      .since = 609, .before = -EINVAL),
	MBIND(7 /* unknown */, STRICT, BOTH(-EINVAL)),
	{ "mbind of every part", op_mbind, MB(MPOL_BIND, STRICT | MOVE), PARTS,
	  BOTH(0), .hazard = true },
	{ "set_mempolicy_home_node", op_home_node, 0, INNER, BOTH(0) },
	{ "move_pages query", op_move_pages, 0, INNER, BOTH(-ENOENT),
	  .since = 612, .before = -EFAULT },
	{ "move_pages", op_move_pages, 1, INNER, BOTH(-EFAULT),
	  MATRIX(MID, KEEPS) },
	{ "migrate_pages", op_migrate, 0, ONCE, BOTH(0) },
};

/* More of these is in hm_gup. */
static const struct op gup_ops[] = {
	{ "process_vm_readv", op_vm_read, 0, INNER, BOTH(-EFAULT),
	  MATRIX(MID, KEEPS), DAX(0) },
	{ "vmsplice", op_vmsplice, 0, PARTS, BOTH(-EFAULT), MATRIX(MID, KEEPS),
	  DAX(0) },
};

static const struct op misc_ops[] = {
	{ "mincore", op_mincore, 0, INNER, BOTH(0), MATRIX(WHOLE, KEEPS) },
	{ "msync MS_ASYNC", op_msync, MS_ASYNC, INNER, BOTH(0) },
	{ "msync MS_SYNC", op_msync, MS_SYNC, INNER, BOTH(0),
	  MATRIX(WHOLE, KEEPS), .no_file = true },
	{ "msync MS_INVALIDATE", op_msync, MS_INVALIDATE, INNER, BOTH(0) },
	/* GLOBAL, then REGISTER_PRIVATE_EXPEDITED and PRIVATE_EXPEDITED */
	{ "membarrier GLOBAL", op_membarrier, 1, ONCE, BOTH(0) },
	{ "membarrier register", op_membarrier, 16, ONCE, BOTH(0) },
	{ "membarrier", op_membarrier, 8, ONCE, BOTH(0) },
};

#define GROUP(n, d)	{ #n, n##_ops, ARRAY_SIZE(n##_ops), d }

static const struct {
	const char *name;
	const struct op *ops;
	unsigned int nr;
	const char *describe;
} groups[] = {
	GROUP(munmap, "Any part of a mapping can be unmapped."),
	GROUP(mprotect, "Any part can be protected, it holds, and back."),
	GROUP(mlock, "Mappings can be locked; locking populates nothing."),
	GROUP(madvise, "Every advice is taken or refused as documented."),
	GROUP(mremap, "Mappings can be moved and shrunk, not grown."),
	GROUP(fork, "Parent and child share the memory, whatever either does."),
	GROUP(proc, "/proc and ptrace show mappings and their contents."),
	GROUP(mempolicy, "Memory policies and migration leave the memory alone."),
	GROUP(gup, "References to the memory are refused."),
	GROUP(misc, "mincore, msync and membarrier work."),
};

#endif /* HM_OP_TABLE_H */
