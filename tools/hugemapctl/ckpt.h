/* SPDX-License-Identifier: MIT */
/*
 * A file with checkpoints of memory, each one what changed since the one before.
 *
 *	0	header
 *	4096	slot 0: the last checkpoint with an even number that is complete
 *	8192	slot 1: the same with an odd number
 *	12288	the log: records; a checkpoint is its records and a commit record
 *
 * All numbers are little-endian; all of it is under CRC-32, pages one by one.
 *
 * A checkpoint is appended to the log and made durable, then its slot is written
 * and made durable, then it counts.  So whenever a writer or the machine dies,
 * or the disk is full, what the slots vouch for is there; what is behind it in
 * the log is either whole (its slot was not written any more) or ignored, and
 * cut off by the next writer.  What a slot vouches for and is not there is
 * damage, and said to be.  A new file gets its name when its first checkpoint is
 * complete.
 */
#ifndef CKPT_H
#define CKPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CKPT_SLOT(n)	(4096 * (1 + (n)))
#define CKPT_LOG	12288

/* What a function returns, besides negative errnos, for a file that is damaged. */
#define CKPT_DAMAGED	(-10000)

/**
 * struct ckpt_info - a complete checkpoint
 * @seq: number; the first is 1
 * @time: seconds since 1970
 * @start: of its records, in the file
 * @end: behind its commit record
 * @records: how many
 * @pages: with contents
 * @zero: pages that are all zeros
 */
struct ckpt_info {
	uint64_t seq;
	uint64_t time;
	uint64_t start;
	uint64_t end;
	uint64_t records;
	uint64_t pages;
	uint64_t zero;
};

struct ckpt_writer;

/**
 * struct ckpt - an open file
 * @fd: descriptor, locked
 * @path: name
 * @tmp: name until the first checkpoint is complete, or ""
 * @name: of what was saved, for the reader
 * @page: bytes of a page
 * @size: bytes of memory
 * @created: seconds since 1970
 * @all: the complete checkpoints
 * @nr: how many
 * @torn: bytes of an incomplete one behind them, which were ignored
 * @slot_damaged: a slot is unreadable; the log stood in for it
 * @damaged: something is damaged behind the last of @all, which is not the newest
 * @sealed: the log has a complete checkpoint more, its slot could not be written:
 *	nothing can be added until the file is opened again
 * @where: page by page, where it is in the file, in the state of @index_seq
 * @crc: and its checksum
 * @index_seq: 0: there is no index yet
 * @why: what is wrong, in words, after an error
 * @w: checkpoint that is being written
 */
struct ckpt {
	int fd;
	char *path;
	char *tmp;
	char name[64];
	uint64_t page;
	uint64_t size;
	uint64_t created;
	struct ckpt_info *all;
	size_t nr;
	uint64_t torn;
	bool slot_damaged;
	bool damaged;
	bool sealed;
	uint64_t *where;
	uint32_t *crc;
	uint64_t index_seq;
	char why[160];
	struct ckpt_writer *w;
};

typedef void (*ckpt_progress)(uint64_t done);

/* All return 0 or a negative errno or CKPT_DAMAGED; ckpt_close() the file even so. */
int ckpt_create(struct ckpt *c, const char *path, const char *name,
		uint64_t page, uint64_t size);
int ckpt_open(struct ckpt *c, const char *path, bool write);
void ckpt_close(struct ckpt *c);

/* Reads the state after checkpoint @seq (0: the last) into the index. */
int ckpt_index(struct ckpt *c, uint64_t seq);
/* Reads every page of all checkpoints up to @seq (0: the last) and checks it. */
int ckpt_verify(struct ckpt *c, uint64_t seq, ckpt_progress tell);
/* A page of the indexed state, checked. */
int ckpt_page(struct ckpt *c, uint64_t nr, void *buf);
/* Is page @nr of the indexed state what is in @buf? 1, 0 or an error. */
int ckpt_same(struct ckpt *c, uint64_t nr, const void *buf);

/* Adds a page to the next checkpoint, which begins with the first one. */
int ckpt_add(struct ckpt *c, uint64_t nr, const void *buf);
/* Completes it; index and list follow. */
int ckpt_commit(struct ckpt *c);
/* Or not: the file is what it was. */
void ckpt_abort(struct ckpt *c);

#endif /* CKPT_H */
