/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: /sys/kernel/tracing/events/hugemap/.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hugemap

#if !defined(_HM_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _HM_TRACE_H_

#include <linux/tracepoint.h>

#include "hm_types.h"

#define hm_trace_level(v) \
	__print_symbolic(v, { 0, "pte" }, { 1, "pmd" }, { 2, "pud" })

#define hm_trace_why(v) \
	__print_symbolic(v, { 0, "none" }, { 1, "arch" }, { 2, "policy" }, \
			 { 3, "limit" }, { 4, "cap" }, { 5, "align" }, \
			 { 6, "vma" }, { 7, "extent" }, { 8, "table" }, \
			 { 9, "dirty" })

#define hm_trace_zap(v) \
	__print_symbolic(v, { 0, "split" }, { 1, "mremap" }, \
			 { 2, "mprotect" }, { 3, "limit" }, { 4, "cap" }, \
			 { 5, "unplug" }, { 6, "dirty" }, \
			 { 7, "fork" })

/* VM_FAULT_RESULT_TRACE is of a type of its own, which sparse minds here. */
#define hm_trace_ret(v) \
	__print_flags(v, "|", \
		      { (__force unsigned long)VM_FAULT_OOM, "OOM" }, \
		      { (__force unsigned long)VM_FAULT_SIGBUS, "SIGBUS" }, \
		      { (__force unsigned long)VM_FAULT_NOPAGE, "NOPAGE" }, \
		      { (__force unsigned long)VM_FAULT_FALLBACK, "FALLBACK" })

/* One call of the fault function, whatever came of it. */
TRACE_EVENT(hugemap_fault,
	TP_PROTO(int region, unsigned long addr, unsigned long pgoff,
		 unsigned int level, bool write, unsigned int why,
		 unsigned int ret),
	TP_ARGS(region, addr, pgoff, level, write, why, ret),
	TP_STRUCT__entry(
		__field(int, region)
		__field(unsigned long, addr)
		__field(unsigned long, pgoff)
		__field(unsigned int, level)
		__field(bool, write)
		__field(unsigned int, why)
		__field(unsigned int, ret)
	),
	TP_fast_assign(
		__entry->region = region;
		__entry->addr = addr;
		__entry->pgoff = pgoff;
		__entry->level = level;
		__entry->write = write;
		__entry->why = why;
		__entry->ret = ret;
	),
	TP_printk("hugemap%d addr=%#lx pgoff=%#lx asked=%s write=%d why=%s ret=%s",
		  __entry->region, __entry->addr, __entry->pgoff,
		  hm_trace_level(__entry->level), __entry->write,
		  hm_trace_why(__entry->why),
		  hm_trace_ret(__entry->ret))
);

/* New entries in a page table. */
TRACE_EVENT(hugemap_insert,
	TP_PROTO(int region, unsigned long addr, unsigned long pfn,
		 unsigned int level, unsigned long nr, bool write,
		 bool refault),
	TP_ARGS(region, addr, pfn, level, nr, write, refault),
	TP_STRUCT__entry(
		__field(int, region)
		__field(unsigned long, addr)
		__field(unsigned long, pfn)
		__field(unsigned int, level)
		__field(unsigned long, nr)
		__field(bool, write)
		__field(bool, refault)
	),
	TP_fast_assign(
		__entry->region = region;
		__entry->addr = addr;
		__entry->pfn = pfn;
		__entry->level = level;
		__entry->nr = nr;
		__entry->write = write;
		__entry->refault = refault;
	),
	TP_printk("hugemap%d addr=%#lx pfn=%#lx level=%s nr=%lu write=%d refault=%d",
		  __entry->region, __entry->addr, __entry->pfn,
		  hm_trace_level(__entry->level), __entry->nr, __entry->write,
		  __entry->refault)
);

/*
 * Entries taken away by the driver.  @start is an offset in the object for the
 * causes that zap every mapping (limit, unplug), else a virtual address.
 */
TRACE_EVENT(hugemap_zap,
	TP_PROTO(int region, unsigned int why, u64 start, u64 len),
	TP_ARGS(region, why, start, len),
	TP_STRUCT__entry(
		__field(int, region)
		__field(unsigned int, why)
		__field(u64, start)
		__field(u64, len)
	),
	TP_fast_assign(
		__entry->region = region;
		__entry->why = why;
		__entry->start = start;
		__entry->len = len;
	),
	TP_printk("hugemap%d why=%s start=%#llx len=%#llx", __entry->region,
		  hm_trace_zap(__entry->why), __entry->start, __entry->len)
);

/* Pages of an object are dirty now, because one was written, or read. */
TRACE_EVENT(hugemap_dirty,
	TP_PROTO(int region, unsigned int tracker, unsigned long first,
		 unsigned long end, bool write),
	TP_ARGS(region, tracker, first, end, write),
	TP_STRUCT__entry(
		__field(int, region)
		__field(unsigned int, tracker)
		__field(unsigned long, first)
		__field(unsigned long, end)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->region = region;
		__entry->tracker = tracker;
		__entry->first = first;
		__entry->end = end;
		__entry->write = write;
	),
	TP_printk("hugemap%d tracker=%u pages=%#lx-%#lx write=%d",
		  __entry->region, __entry->tracker, __entry->first,
		  __entry->end, __entry->write)
);

/* Pages of an object were reported and are clean again. */
TRACE_EVENT(hugemap_sync,
	TP_PROTO(int region, unsigned int tracker, unsigned long first,
		 unsigned long end, u64 nr_dirty, u64 nr_over, u64 epoch),
	TP_ARGS(region, tracker, first, end, nr_dirty, nr_over, epoch),
	TP_STRUCT__entry(
		__field(int, region)
		__field(unsigned int, tracker)
		__field(unsigned long, first)
		__field(unsigned long, end)
		__field(u64, nr_dirty)
		__field(u64, nr_over)
		__field(u64, epoch)
	),
	TP_fast_assign(
		__entry->region = region;
		__entry->tracker = tracker;
		__entry->first = first;
		__entry->end = end;
		__entry->nr_dirty = nr_dirty;
		__entry->nr_over = nr_over;
		__entry->epoch = epoch;
	),
	TP_printk("hugemap%d tracker=%u pages=%#lx-%#lx dirty=%llu over=%llu epoch=%llu",
		  __entry->region, __entry->tracker, __entry->first,
		  __entry->end, __entry->nr_dirty, __entry->nr_over,
		  __entry->epoch)
);

/* A mapping was replaced, and with it page tables given back. */
TRACE_EVENT(hugemap_promote,
	TP_PROTO(int region, unsigned long start, unsigned long end,
		 unsigned long tables),
	TP_ARGS(region, start, end, tables),
	TP_STRUCT__entry(
		__field(int, region)
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(unsigned long, tables)
	),
	TP_fast_assign(
		__entry->region = region;
		__entry->start = start;
		__entry->end = end;
		__entry->tables = tables;
	),
	TP_printk("hugemap%d addr=%#lx-%#lx tables=%lu", __entry->region,
		  __entry->start, __entry->end, __entry->tables)
);

#endif /* _HM_TRACE_H_ */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE hm_trace
#include <trace/define_trace.h>
