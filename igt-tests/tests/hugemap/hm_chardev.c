// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>

#include "igt.h"
#include "igt_hugemap.h"

/**
 * TEST: hugemap character node
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: file
 * Description: The node behaves as a file of fixed size.
 *
 * SUBTEST: permissions
 * Description: The node is a character device for root alone.
 *
 * SUBTEST: unprivileged-open
 * Description: Another user cannot open the node.
 *
 * SUBTEST: counters
 * Description: fdinfo and debugfs have every documented counter.
 *
 * SUBTEST: seek
 * Description: The file position goes from 0 to the size.
 *
 * SUBTEST: sizes-and-offsets
 * Description: What is written at any offset in any size is read back, by
 *	read() and through a mapping.
 *
 * SUBTEST: position
 * Description: read() and write() advance the file position.
 *
 * SUBTEST: end
 * Description: Transfers stop at the end: short counts, then 0 or ENOSPC.
 *
 * SUBTEST: coherence
 * Description: Stores through a mapping and write() see each other, whatever
 *	the size of the mapped pages.
 *
 * SUBTEST: mapping-as-buffer
 * Description: A mapping of the node can be the buffer of its own read() and
 *	write().
 *
 * SUBTEST: bad-buffer
 * Description: A buffer without access gives EFAULT, or a short count if a
 *	part of it was good.
 *
 * SUBTEST: vectored
 * Description: readv() and writev() with pieces of odd sizes.
 *
 * SUBTEST: sync
 * Description: fsync(), fdatasync() and msync() succeed: there is nothing to
 *	wait for.
 *
 * SUBTEST: proc-mem
 * Description: A debugger reads and writes mappings of any page size through
 *	/proc/PID/mem.
 *
 * SUBTEST: proc-mem-read-only
 * Description: A debugger does not write where the program may not.
 *
 * SUBTEST: ptrace
 * Description: PEEK and POKE work on mappings of any page size of another
 *	process.
 *
 * SUBTEST: unknown-ioctls
 * Description: Ioctls of other kinds of devices give ENOTTY.
 *
 * SUBTEST: read-only-descriptor
 * Description: A descriptor for reading never leads to a write.
 *
 * SUBTEST: write-only-descriptor
 * Description: A descriptor for writing can neither be read nor mapped.
 *
 * SUBTEST: fixed-size
 * Description: The size cannot be changed.
 *
 * SUBTEST: copy-calls
 * Description: sendfile(), splice() and copy_file_range() copy the right data
 *	or say that they do not work.
 *
 * SUBTEST: advice
 * Description: posix_fadvise(), readahead() and sync_file_range() do no harm.
 *
 * SUBTEST: fcntl
 * Description: Flags, duplicates and locks work as for any file.
 *
 * SUBTEST: poll
 * Description: The node is always ready.
 *
 * SUBTEST: many-opens
 * Description: Hundreds of descriptors at once, and thousands in turn.
 *
 * SUBTEST: parallel-io
 * Description: Processes that read and write different places do not disturb
 *	one another.
 */

IGT_TEST_DESCRIPTION("The node behaves as a file of fixed size.");

#define RW	(PROT_READ | PROT_WRITE)

static char *buffer(size_t len)
{
	char *p = mmap(NULL, len, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(p != MAP_FAILED);
	return p;
}

static unsigned char byte_at(uint64_t off, uint64_t seed)
{
	return hm_pattern(off & ~7ull, seed) >> 8 * (off & 7);
}

/* Bytes at @off of the region, at any alignment; whole words at once. */
static void bytes_fill(char *p, uint64_t off, size_t len, uint64_t seed)
{
	uint64_t word;
	size_t i = 0;

	while (i < len) {
		if (((off + i) & 7) || len - i < sizeof(word)) {
			p[i] = byte_at(off + i, seed);
			i++;
			continue;
		}
		word = hm_pattern(off + i, seed);
		memcpy(p + i, &word, sizeof(word));
		i += sizeof(word);
	}
}

static void bytes_check(const char *p, uint64_t off, size_t len, uint64_t seed)
{
	uint64_t word;
	size_t i = 0;

	while (i < len) {
		unsigned char want;

		if (!((off + i) & 7) && len - i >= sizeof(word)) {
			memcpy(&word, p + i, sizeof(word));
			if (word == hm_pattern(off + i, seed)) {
				i += sizeof(word);
				continue;
			}
		}
		want = byte_at(off + i, seed);
		igt_assert_f((unsigned char)p[i] == want,
			     "at offset %#llx: %#x, expected %#x\n",
			     (unsigned long long)(off + i),
			     (unsigned char)p[i], want);
		i++;
	}
}

/* Write-combining buffers are drained by the fence. */
static void fence(void)
{
	__sync_synchronize();
}

static void test_permissions(const struct hm_node *node)
{
	struct stat by_path, by_fd;

	igt_assert_eq(stat(node->path, &by_path), 0);
	igt_assert_eq(fstat(node->fd, &by_fd), 0);
	igt_assert(S_ISCHR(by_path.st_mode));
	igt_assert_f((by_path.st_mode & 07777) == 0600, "mode %o\n",
		     by_path.st_mode & 07777);
	igt_assert_eq(by_path.st_uid, 0);
	igt_assert_eq_u64(by_path.st_rdev, by_fd.st_rdev);
	igt_assert_eq_u64(by_path.st_ino, by_fd.st_ino);
}

static void test_unprivileged_open(const struct hm_node *node)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR };
	unsigned int i;

	igt_fork(child, 1) {
		igt_assert_eq(setgid(65534), 0);
		igt_assert_eq(setuid(65534), 0);
		for (i = 0; i < ARRAY_SIZE(flags); i++) {
			igt_assert_eq(open(node->path, flags[i]), -1);
			igt_assert_eq(errno, EACCES);
		}
	}
	igt_waitchildren();
}

static void test_counters(const struct hm_node *node)
{
	static const char * const keys[] = {
		"fault-pud", "fault-pmd", "fault-pte", "pte-entries",
		"upgrade-pud", "upgrade-pmd", "upgrade-pte",
		"refault-pud", "refault-pmd", "refault-pte",
		"zap-split", "zap-mremap", "zap-mprotect", "zap-limit",
		"zap-cap", "zap-unplug", "zap-dirty", "zap-fork", "dirty-mark",
		"dirty-split", "dirty-over", "promoted", "sigbus", "pt-bytes",
		"vmas",
	};
	static const char * const levels[] = { "pud", "pmd" };
	struct hm_stats file, region, diff;
	unsigned int i, why;
	char key[64];
	void *p;
	int fd;

	fd = hm_open(node, O_RDWR);
	hm_stats_read(fd, &file);
	hm_stats_read_node(node, &region);
	igt_assert_eq(file.nr, region.nr);
	/* What maps the other regions of the device is not counted here. */
	hm_for_each_node(other) {
		if (!strcmp(other->path, node->path))
			continue;
		p = hm_mmap(other, 0, hm_page_size(), RW);
		hm_stats_read_node(node, &diff);
		igt_assert_eq_u64(hm_stats_get(&diff, "vmas"),
				  hm_stats_get(&region, "vmas"));
		hm_munmap(p, hm_page_size());
	}
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		/* Nothing was done through the new descriptor. */
		igt_assert_eq_u64(hm_stats_get(&file, keys[i]), 0);
		hm_stats_get(&region, keys[i]);
	}
	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		for (why = 1; why < DRM_HUGEMAP_WHY_COUNT; why++) {
			snprintf(key, sizeof(key), "fallback-%s-%s", levels[i],
				 hm_why_name(why));
			igt_assert_eq_u64(hm_stats_get(&file, key), 0);
			hm_stats_get(&region, key);
		}
	}

	/* One page: one fault, here and there. */
	p = hm_mmap_fd(fd, 0, hm_page_size(), RW);
	*(volatile char *)p = 1;
	hm_stats_since(fd, &file, &diff);
	hm_assert_stat(&diff, "fault-pte", 1);
	hm_assert_stat(&diff, "pte-entries", 1);
	hm_assert_stat(&diff, "vmas", 1);
	hm_stats_read_node(node, &file);
	hm_stats_diff(&region, &file, &diff);
	hm_assert_stat(&diff, "fault-pte", 1);
	hm_assert_stat(&diff, "vmas", 1);
	hm_munmap(p, hm_page_size());
	hm_stats_read(fd, &file);
	hm_assert_stat(&file, "vmas", 0);
	hm_assert_stat(&file, "pt-bytes", 0);
	close(fd);
}

static void test_seek(const struct hm_node *node)
{
	int64_t size = node->size;
	int fd = hm_open(node, O_RDWR);

	igt_assert_eq_s64(lseek(fd, 0, SEEK_CUR), 0);
	igt_assert_eq_s64(lseek(fd, 0, SEEK_END), size);
	igt_assert_eq_s64(lseek(fd, -1, SEEK_END), size - 1);
	igt_assert_eq_s64(lseek(fd, -4095, SEEK_CUR), size - 4096);
	igt_assert_eq_s64(lseek(fd, 12345, SEEK_SET), 12345);
	igt_assert_eq_s64(lseek(fd, 5, SEEK_CUR), 12350);
	igt_assert_eq_s64(lseek(fd, size, SEEK_SET), size);
	igt_assert_eq_s64(lseek(fd, 7, SEEK_SET), 7);

	/* Outside, and what is no position at all. */
	igt_assert_eq_s64(lseek(fd, size + 1, SEEK_SET), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq_s64(lseek(fd, 1, SEEK_END), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq_s64(lseek(fd, -1, SEEK_SET), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq_s64(lseek(fd, -8, SEEK_CUR), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq_s64(lseek(fd, -size - 1, SEEK_END), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq_s64(lseek(fd, INT64_MAX, SEEK_CUR), -1);
	igt_assert(errno == EINVAL || errno == EOVERFLOW);
	igt_assert_eq_s64(lseek(fd, 0, 99), -1);
	igt_assert_eq(errno, EINVAL);
	/* None of that moved it. */
	igt_assert_eq_s64(lseek(fd, 0, SEEK_CUR), 7);
	close(fd);
}

static void test_sizes_and_offsets(const struct hm_node *node)
{
	static const size_t sizes[] = {
		1, 2, 7, 8, 511, 4095, 4096, 4097, 65537, (2 << 20) + 3,
	};
	uint64_t page = hm_page_size(), pmd = hm_pmd_size(node);
	uint64_t pud = hm_pud_size(node);
	const uint64_t offsets[] = {
		0, 1, page - 1, page, pmd - 5, pmd - 1, pmd, pmd + 1,
		3 * pmd - page - 3, pud - 3, pud - pmd - 1, node->size / 2 - 1,
	};
	size_t max = sizes[ARRAY_SIZE(sizes) - 1];
	char *out = buffer(max), *in = buffer(max + 2), *map;
	uint64_t seed = 1;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++, seed++) {
			uint64_t off = offsets[i], start, len;
			size_t n = sizes[j];

			if (off + n > node->size)
				continue;
			bytes_fill(out, off, n, seed);
			igt_assert_eq_s64(pwrite(node->fd, out, n, off), n);

			/* The bytes beside the target stay as they were. */
			memset(in, 0x5a, max + 2);
			igt_assert_eq_s64(pread(node->fd, in + 1, n, off), n);
			bytes_check(in + 1, off, n, seed);
			igt_assert_eq(in[0], 0x5a);
			igt_assert_eq(in[n + 1], 0x5a);

			start = off & ~(page - 1);
			len = ((off + n + page - 1) & ~(page - 1)) - start;
			map = hm_mmap(node, start, len, PROT_READ);
			bytes_check(map + (off - start), off, n, seed);
			hm_munmap(map, len);
		}
	}

	/* A byte in the middle of others. */
	memset(out, 0x11, 64);
	igt_assert_eq_s64(pwrite(node->fd, out, 64, 100), 64);
	igt_assert_eq_s64(pwrite(node->fd, "\x22", 1, 131), 1);
	igt_assert_eq_s64(pread(node->fd, in, 64, 100), 64);
	for (i = 0; i < 64; i++)
		igt_assert_eq(in[i], i == 31 ? 0x22 : 0x11);
	hm_munmap(out, max);
	hm_munmap(in, max + 2);
}

static void test_position(const struct hm_node *node)
{
	const uint64_t at = hm_pmd_size(node) - 1000;
	int fd = hm_open(node, O_RDWR);
	char out[3000], in[3000];
	size_t n, done;

	bytes_fill(out, at, sizeof(out), 7);
	igt_assert_eq_s64(lseek(fd, at, SEEK_SET), at);
	for (done = 0; done < sizeof(out); done += n) {
		n = done + 333 < sizeof(out) ? 333 : sizeof(out) - done;
		igt_assert_eq_s64(write(fd, out + done, n), n);
		igt_assert_eq_s64(lseek(fd, 0, SEEK_CUR), at + done + n);
	}
	igt_assert_eq_s64(lseek(fd, at, SEEK_SET), at);
	igt_assert_eq_s64(read(fd, in, 0), 0);
	igt_assert_eq_s64(read(fd, in, sizeof(in)), sizeof(in));
	igt_assert_eq_s64(lseek(fd, 0, SEEK_CUR), at + sizeof(in));
	bytes_check(in, at, sizeof(in), 7);
	/* The others have a position of their own, or none. */
	igt_assert_eq_s64(pread(fd, in, 1, 5), 1);
	igt_assert_eq_s64(lseek(fd, 0, SEEK_CUR), at + sizeof(in));
	close(fd);
}

static void test_end(const struct hm_node *node)
{
	uint64_t size = node->size;
	char out[100], in[100];
	int fd = hm_open(node, O_RDWR);

	bytes_fill(out, size - 10, sizeof(out), 3);
	igt_assert_eq_s64(pwrite(fd, out, sizeof(out), size - 10), 10);
	memset(in, 0, sizeof(in));
	igt_assert_eq_s64(pread(fd, in, sizeof(in), size - 10), 10);
	bytes_check(in, size - 10, 10, 3);
	igt_assert_eq(in[10], 0);

	igt_assert_eq_s64(pread(fd, in, sizeof(in), size), 0);
	igt_assert_eq_s64(pread(fd, in, 1, size + 1), 0);
	igt_assert_eq_s64(pread(fd, in, 1, size + hm_pmd_size(node)), 0);
	igt_assert_eq_s64(pwrite(fd, out, 1, size), -1);
	igt_assert_eq(errno, ENOSPC);
	igt_assert_eq_s64(pwrite(fd, out, sizeof(out), size + 4096), -1);
	igt_assert_eq(errno, ENOSPC);
	/* Nothing to write always fits. */
	igt_assert_eq_s64(pwrite(fd, out, 0, size), 0);

	igt_assert_eq_s64(pread(fd, in, 1, INT64_MAX - 1), 0);
	igt_assert_eq_s64(pread(fd, in, 1, -1), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq_s64(pwrite(fd, out, 1, -1), -1);
	igt_assert_eq(errno, EINVAL);

	igt_assert_eq_s64(lseek(fd, -3, SEEK_END), size - 3);
	igt_assert_eq_s64(write(fd, out + 7, 9), 3);
	igt_assert_eq_s64(lseek(fd, 0, SEEK_CUR), size);
	igt_assert_eq_s64(write(fd, out, 1), -1);
	igt_assert_eq(errno, ENOSPC);
	igt_assert_eq_s64(read(fd, in, 1), 0);
	igt_assert_eq_s64(pread(fd, in, 10, size - 10), 10);
	bytes_check(in, size - 10, 10, 3);
	close(fd);
}

static void test_coherence(const struct hm_node *node)
{
	hm_for_each_order(node, order) {
		uint64_t off, len, at, step;
		uint64_t *map, word;
		unsigned int i;

		map = hm_mmap_order(node, order, RW, &off, &len);
		if (!map)
			continue;
		step = len / 16 & ~7ull;
		for (i = 0; i < 16; i++) {
			at = i * step + 8 * i;
			map[at / 8] = hm_pattern(off + at, order + 1);
			fence();
			igt_assert_eq_s64(pread(node->fd, &word, 8, off + at),
					  8);
			igt_assert_eq_u64(word, hm_pattern(off + at,
							   order + 1));
			word = hm_pattern(off + at, order + 2);
			igt_assert_eq_s64(pwrite(node->fd, &word, 8, off + at),
					  8);
			fence();
			igt_assert_eq_u64(*(volatile uint64_t *)&map[at / 8],
					  word);
		}
		/* It is not done by taking the entries away. */
		igt_hugemap_require_level(node, map, len, order);
		hm_munmap(map, len);
	}
}

static void test_mapping_as_buffer(const struct hm_node *node)
{
	const size_t n = 3 * 4096 + 123;
	uint64_t pmd = hm_pmd_size(node), len = 4 * pmd;
	char *map;

	igt_hugemap_require_size(node, len);
	/* Filled on demand, by the copy itself. */
	map = hm_mmap(node, 0, len, RW);
	bytes_fill(map + 11, 11, n, 5);
	fence();
	igt_assert_eq_s64(pwrite(node->fd, map + 11, n, pmd + 77), n);
	bytes_check(map + pmd + 77, 11, n, 5);
	igt_assert_eq_s64(pread(node->fd, map + 2 * pmd + 5, n, pmd + 77), n);
	bytes_check(map + 2 * pmd + 5, 11, n, 5);
	hm_munmap(map, len);
	map = hm_mmap(node, 0, len, RW);
	igt_assert_eq_s64(pread(node->fd, map + 3 * pmd - 100, n, pmd + 77), n);
	bytes_check(map + 3 * pmd - 100, 11, n, 5);
	/* Onto itself. */
	igt_assert_eq_s64(pwrite(node->fd, map + 11, n, 11), n);
	bytes_check(map + 11, 11, n, 5);
	hm_munmap(map, len);

	/* A mapping for reading is no place to read into. */
	map = hm_mmap(node, 0, pmd, PROT_READ);
	igt_assert_eq_s64(pread(node->fd, map, 100, pmd), -1);
	igt_assert_eq(errno, EFAULT);
	hm_munmap(map, pmd);
}

static void test_bad_buffer(const struct hm_node *node)
{
	uint64_t page = hm_page_size();
	char *p = buffer(2 * page), in[8];
	ssize_t n;

	memset(p, 0x33, page);
	igt_assert_eq(mprotect(p + page, page, PROT_NONE), 0);
	igt_assert_eq_s64(pread(node->fd, p + page, 10, 0), -1);
	igt_assert_eq(errno, EFAULT);
	igt_assert_eq_s64(pwrite(node->fd, p + page, 10, 0), -1);
	igt_assert_eq(errno, EFAULT);
	igt_assert_eq_s64(pread(node->fd, (void *)(page / 2), 10, 0), -1);
	igt_assert_eq(errno, EFAULT);

	igt_assert_eq_s64(pwrite(node->fd, "12345678", 8, 0), 8);
	n = pwrite(node->fd, p + page - 4, 8, 0);
	igt_assert_eq_s64(n, 4);
	igt_assert_eq_s64(pread(node->fd, in, 8, 0), 8);
	igt_assert(!memcmp(in, "\x33\x33\x33\x33" "5678", 8));
	/* Bytes that arrived are counted, or none are. */
	n = pread(node->fd, p + page - 4, 8, 0);
	igt_assert(n == 4 || (n < 0 && errno == EFAULT));

	igt_assert_eq(mprotect(p, page, PROT_READ), 0);
	igt_assert_eq_s64(pread(node->fd, p, 10, 0), -1);
	igt_assert_eq(errno, EFAULT);
	hm_munmap(p, 2 * page);
}

static void test_vectored(const struct hm_node *node)
{
	static const size_t pieces[] = { 1, 0, 4095, 17, 8192, 3, 0, 70001 };
	uint64_t at = hm_pmd_size(node) - 6000;
	struct iovec out[ARRAY_SIZE(pieces)], in[ARRAY_SIZE(pieces)];
	size_t total = 0, pos = 0, len = 1 << 18;
	char *a = buffer(len), *b = buffer(len);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		out[i].iov_base = a + pos;
		out[i].iov_len = pieces[i];
		/* The other way round on the way back. */
		in[i].iov_base = b + pos;
		in[i].iov_len = pieces[ARRAY_SIZE(pieces) - 1 - i];
		bytes_fill(a + pos, at + total, pieces[i], 9);
		total += pieces[i];
		pos += pieces[i] > in[i].iov_len ? pieces[i] : in[i].iov_len;
	}
	igt_assert_lte_u64(pos, len);
	igt_assert_eq_s64(lseek(node->fd, at, SEEK_SET), at);
	igt_assert_eq_s64(writev(node->fd, out, ARRAY_SIZE(out)), total);
	igt_assert_eq_s64(lseek(node->fd, 0, SEEK_CUR), at + total);
	igt_assert_eq_s64(preadv(node->fd, in, ARRAY_SIZE(in), at), total);
	for (i = 0, pos = 0; i < ARRAY_SIZE(in); i++) {
		bytes_check(in[i].iov_base, at + pos, in[i].iov_len, 9);
		pos += in[i].iov_len;
	}
	igt_assert_eq_s64(lseek(node->fd, at, SEEK_SET), at);
	igt_assert_eq_s64(readv(node->fd, in, ARRAY_SIZE(in)), total);
	igt_assert_eq_s64(pwritev(node->fd, out, ARRAY_SIZE(out),
				  node->size - 5), 5);
	igt_assert_eq_s64(preadv(node->fd, in, ARRAY_SIZE(in), node->size), 0);
	igt_assert_eq_s64(preadv(node->fd, in, 0, 0), 0);
	hm_munmap(a, len);
	hm_munmap(b, len);
}

static void test_sync(const struct hm_node *node)
{
	uint64_t page = hm_page_size(), len = 2 * hm_pmd_size(node);
	int fd = hm_open(node, O_RDONLY);
	char *map;

	igt_hugemap_require_size(node, len);
	igt_assert_eq(fsync(node->fd), 0);
	igt_assert_eq(fdatasync(node->fd), 0);
	igt_assert_eq(fsync(fd), 0);
	close(fd);

	map = hm_mmap(node, 0, len, RW);
	hm_fill_pages(map, 0, len, 4);
	igt_assert_eq(msync(map, len, MS_SYNC), 0);
	igt_assert_eq(msync(map, len, MS_ASYNC), 0);
	igt_assert_eq(msync(map, len, MS_INVALIDATE), 0);
	igt_assert_eq(msync(map, len, MS_SYNC | MS_INVALIDATE), 0);
	igt_assert_eq(msync(map + page, page, MS_SYNC), 0);
	igt_assert_eq(msync(map, 0, MS_SYNC), 0);
	igt_assert_eq(msync(map, len, MS_SYNC | MS_ASYNC), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq(msync(map + 1, page, MS_SYNC), -1);
	igt_assert_eq(errno, EINVAL);
	hm_check_pages(map, 0, len, 4);
	hm_munmap(map + page, page);
	igt_assert_eq(msync(map, 3 * page, MS_SYNC), -1);
	igt_assert_eq(errno, ENOMEM);
	hm_munmap(map, len);
}

/* Places where a page of any size begins or ends. */
static int mem_places(const struct hm_node *node, unsigned int order,
		      uint64_t len, uint64_t *at)
{
	uint64_t page = hm_page_size(), pmd = hm_pmd_size(node);
	uint64_t size = hm_order_size(order);
	int n = 0;

	at[n++] = 0;
	at[n++] = 1;
	at[n++] = page - 3;
	at[n++] = 17 * page + 5;
	if (len > size)
		at[n++] = size - 5;
	if (len > pmd)
		at[n++] = pmd - 1;
	at[n++] = len - 100;
	return n;
}

static void test_proc_mem(const struct hm_node *node)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	igt_assert_fd(fd);
	hm_for_each_order(node, order) {
		uint64_t off, len, at[8];
		char out[100], in[100];
		char *map;
		int i, n;

		map = hm_mmap_order(node, order, RW, &off, &len);
		if (!map)
			continue;
		n = mem_places(node, order, len, at);
		for (i = 0; i < n; i++) {
			uintptr_t addr = (uintptr_t)map + at[i];

			bytes_fill(map + at[i], off + at[i], 100, i);
			fence();
			igt_assert_eq_s64(pread(fd, in, 100, addr), 100);
			bytes_check(in, off + at[i], 100, i);

			bytes_fill(out, off + at[i], 100, i + 50);
			igt_assert_eq_s64(pwrite(fd, out, 100, addr), 100);
			fence();
			bytes_check(map + at[i], off + at[i], 100, i + 50);
			igt_assert_eq_s64(pread(node->fd, in, 100,
						off + at[i]), 100);
			bytes_check(in, off + at[i], 100, i + 50);
		}
		/* Up to the end of the mapping and no further. */
		hm_munmap(map + len - 4096, 4096);
		igt_assert_eq_s64(pread(fd, in, 100,
					(uintptr_t)map + len - 4096 - 10), 10);
		hm_munmap(map, len);
	}
	close(fd);
}

static void test_proc_mem_read_only(const struct hm_node *node)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	int ro = hm_open(node, O_RDONLY);
	uint64_t page = hm_page_size();
	char *map, in[8];

	igt_assert_fd(fd);
	igt_assert_eq_s64(pwrite(node->fd, "original", 8, 0), 8);

	map = hm_mmap(node, 0, page, PROT_READ);
	igt_assert_eq_s64(pread(fd, in, 8, (uintptr_t)map), 8);
	igt_assert(!memcmp(in, "original", 8));
	igt_assert_eq_s64(pwrite(fd, "modified", 8, (uintptr_t)map), -1);
	igt_assert_eq(errno, EIO);
	hm_munmap(map, page);

	map = hm_mmap_fd(ro, 0, page, PROT_READ);
	igt_assert_eq_s64(pread(fd, in, 8, (uintptr_t)map), 8);
	igt_assert_eq_s64(pwrite(fd, "modified", 8, (uintptr_t)map), -1);
	igt_assert_eq(errno, EIO);
	igt_assert(!memcmp(map, "original", 8));
	hm_munmap(map, page);
	close(ro);
	close(fd);
}

/* Stops at once; 0 if it then finds what the parent was to put there. */
static pid_t tracee(const volatile long *p, long want)
{
	pid_t pid = fork();
	int status;

	igt_assert(pid >= 0);
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(1);
		raise(SIGSTOP);
		_exit(*p != want);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFSTOPPED(status));
	return pid;
}

static void test_ptrace(const struct hm_node *node)
{
	hm_for_each_order(node, order) {
		uint64_t off, len;
		int status, i;
		long *map;
		pid_t pid;

		map = hm_mmap_order(node, order, RW, &off, &len);
		if (!map)
			continue;
		/* One place the child has inherited, one it never touched. */
		for (i = 0; i < 2; i++) {
			long *p = map + (i ? len / 2 + 4096 : 8) / sizeof(long);

			*p = 0x1234567890abcdef + order;
			fence();
			pid = tracee(p, 0x4321 + order);
			errno = 0;
			igt_assert_eq_u64(ptrace(PTRACE_PEEKDATA, pid, p, NULL),
					  0x1234567890abcdef + order);
			igt_assert_eq(errno, 0);
			igt_assert_eq(ptrace(PTRACE_POKEDATA, pid, p,
					     0x4321l + order), 0);
			igt_assert_eq(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
			igt_assert_eq(waitpid(pid, &status, 0), pid);
			igt_assert_f(WIFEXITED(status) && !WEXITSTATUS(status),
				     "the child ended with status %#x\n",
				     status);
			fence();
			igt_assert_eq_u64(*(volatile long *)p, 0x4321 + order);
		}
		hm_munmap(map, len);
	}
}

static void test_unknown_ioctls(const struct hm_node *node)
{
	static const unsigned long unknown[] = {
		TCGETS, TCSETS, TIOCGWINSZ, TIOCSTI, FIONREAD,
		0x00001260,	/* BLKGETSIZE */
		0x80081272,	/* BLKGETSIZE64 */
		0x00005310,	/* CDROM_DRIVE_STATUS */
		0x80045430,	/* TIOCGPTN */
		0xdeadbeef, 0x12345678, 0x00000000, 0x0000ae00 /* KVM */,
	};
	char arg[256] = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		igt_debug("ioctl %#lx\n", unknown[i]);
		igt_assert_eq(ioctl(node->fd, unknown[i], arg), -1);
		igt_assert_eq(errno, ENOTTY);
	}
}

static void test_read_only_descriptor(const struct hm_node *node)
{
	int fd = hm_open(node, O_RDONLY);
	uint64_t page = hm_page_size();
	char *map, c;

	igt_assert_eq_s64(pwrite(node->fd, "r", 1, 0), 1);
	igt_assert_eq_s64(pwrite(fd, "w", 1, 0), -1);
	igt_assert_eq(errno, EBADF);
	igt_assert_eq_s64(write(fd, "w", 1), -1);
	igt_assert_eq(errno, EBADF);
	igt_assert_eq_s64(pread(fd, &c, 1, 0), 1);
	igt_assert_eq(c, 'r');

	igt_assert(mmap(NULL, page, RW, MAP_SHARED, fd, 0) == MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	igt_assert(mmap(NULL, page, PROT_WRITE, MAP_SHARED, fd, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EACCES);

	map = hm_mmap_fd(fd, 0, page, PROT_READ);
	igt_assert_eq(*map, 'r');
	igt_assert_eq(hm_touch_write(map).sig, SIGSEGV);
	igt_assert_eq(mprotect(map, page, RW), -1);
	igt_assert_eq(errno, EACCES);
	igt_assert_eq(mprotect(map, page, PROT_WRITE), -1);
	igt_assert_eq(errno, EACCES);
	igt_assert_eq(hm_touch_write(map).sig, SIGSEGV);
	igt_assert_eq(__hm_prefault(fd, map, page, 0, DRM_HUGEMAP_ORDER_ANY,
				    NULL), 0);
	igt_assert_eq(__hm_prefault(fd, map, page, DRM_HUGEMAP_PREFAULT_WRITE,
				    DRM_HUGEMAP_ORDER_ANY, NULL), -EACCES);
	igt_assert_eq(*(volatile char *)map, 'r');
	hm_munmap(map, page);
	close(fd);
}

static void test_write_only_descriptor(const struct hm_node *node)
{
	int fd = hm_open(node, O_WRONLY);
	uint64_t page = hm_page_size();
	char c;

	igt_assert_eq_s64(pwrite(fd, "w", 1, 0), 1);
	igt_assert_eq_s64(pread(fd, &c, 1, 0), -1);
	igt_assert_eq(errno, EBADF);
	igt_assert(mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	igt_assert(mmap(NULL, page, PROT_WRITE, MAP_SHARED, fd, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	igt_assert_eq_s64(pread(node->fd, &c, 1, 0), 1);
	igt_assert_eq(c, 'w');
	close(fd);
}

static void test_fixed_size(const struct hm_node *node)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE,
	};
	struct hm_levels before, after;
	uint64_t len = hm_pmd_size(node);
	unsigned int i;
	int fd;
	char *map;

	map = hm_mmap(node, 0, len, RW);
	hm_fill_pages(map, 0, len, 6);
	hm_map_levels(node, map, len, &before);

	igt_assert_eq(ftruncate(node->fd, 0), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq(ftruncate(node->fd, node->size * 2), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq(truncate(node->path, 0), -1);
	igt_assert_eq(errno, EINVAL);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		igt_assert_eq(fallocate(node->fd, modes[i], 0, len), -1);
		igt_assert(errno == ENODEV || errno == EOPNOTSUPP);
	}
	/* As a shell's "> /dev/hugemap0" does. */
	fd = hm_open(node, O_WRONLY | O_TRUNC | O_CREAT);
	close(fd);

	igt_assert_eq_u64(lseek(node->fd, 0, SEEK_END), node->size);
	hm_map_levels(node, map, len, &after);
	igt_assert(!memcmp(&before, &after, sizeof(before)));
	hm_check_pages(map, 0, len, 6);
	hm_munmap(map, len);
}

/* What arrived in the pipe, or the error that the call documents. */
static void check_copy(const char *call, ssize_t n, int from,
		       const char *want)
{
	char in[64];

	if (n < 0) {
		igt_debug("%s: %m\n", call);
		igt_assert_f(errno == EINVAL || errno == EOPNOTSUPP ||
			     errno == EBADF || errno == EXDEV ||
			     errno == EFAULT, "%s: %m\n", call);
		return;
	}
	igt_debug("%s: %zd\n", call, n);
	igt_assert_lte(n, sizeof(in));
	igt_assert_eq_s64(read(from, in, sizeof(in)), n);
	igt_assert(!memcmp(in, want, n));
}

static void test_copy_calls(const struct hm_node *node)
{
	static const char text[] = "what is copied must be the right thing";
	int pipes[2], fd = hm_open(node, O_RDWR);
	loff_t off, to;
	struct iovec iov;
	ssize_t n;
	char *map, in[64];

	igt_assert_eq(pipe(pipes), 0);
	igt_assert_eq_s64(pwrite(fd, text, sizeof(text), 0), sizeof(text));

	off = 0;
	check_copy("sendfile", sendfile(pipes[1], fd, &off, sizeof(text)),
		   pipes[0], text);
	off = 0;
	check_copy("splice", splice(fd, &off, pipes[1], NULL, sizeof(text), 0),
		   pipes[0], text);

	/* Into the node. */
	igt_assert_eq_s64(write(pipes[1], text, sizeof(text)), sizeof(text));
	off = 8192;
	n = splice(pipes[0], NULL, fd, &off, sizeof(text), 0);
	if (n > 0) {
		igt_assert_eq_s64(pread(fd, in, n, 8192), n);
		igt_assert(!memcmp(in, text, n));
	} else {
		igt_assert_eq(errno, EINVAL);
		igt_assert_eq_s64(read(pipes[0], in, sizeof(in)), sizeof(text));
	}
	off = 0;
	to = 16384;
	n = copy_file_range(fd, &off, node->fd, &to, sizeof(text), 0);
	igt_assert(n < 0 && (errno == EINVAL || errno == EXDEV ||
			     errno == EOPNOTSUPP));

	/* The pages of a mapping cannot be lent, their bytes can be copied. */
	map = hm_mmap(node, 0, hm_page_size(), RW);
	igt_assert_eq(*map, text[0]);
	iov.iov_base = map;
	iov.iov_len = sizeof(text);
	igt_assert_eq_s64(vmsplice(pipes[1], &iov, 1, 0), -1);
	igt_assert_eq(errno, EFAULT);
	igt_assert_eq_s64(write(pipes[1], map, sizeof(text)), sizeof(text));
	igt_assert_eq_s64(read(pipes[0], in, sizeof(in)), sizeof(text));
	igt_assert(!memcmp(in, text, sizeof(text)));
	hm_munmap(map, hm_page_size());
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static void test_advice(const struct hm_node *node)
{
	static const int advice[] = {
		POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL,
		POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE,
	};
	uint64_t len = hm_pmd_size(node);
	unsigned int i;
	char *map;
	int err;

	map = hm_mmap(node, 0, len, RW);
	hm_fill_pages(map, 0, len, 8);
	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		err = posix_fadvise(node->fd, 0, len, advice[i]);
		igt_assert_f(!err || err == EINVAL || err == ESPIPE,
			     "advice %d: %s\n", advice[i], strerror(err));
		err = posix_fadvise(node->fd, 0, 0, advice[i]);
		igt_assert(!err || err == EINVAL || err == ESPIPE);
	}
	if (readahead(node->fd, 0, len))
		igt_assert_eq(errno, EINVAL);
	if (sync_file_range(node->fd, 0, len, SYNC_FILE_RANGE_WRITE))
		igt_assert(errno == ESPIPE || errno == EINVAL);
	hm_check_pages(map, 0, len, 8);
	hm_munmap(map, len);
}

static void test_fcntl(const struct hm_node *node)
{
	int fd = hm_open(node, O_RDWR), other, dup_fd;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_len = 4096 };
	char c;

	igt_assert_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	igt_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	igt_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	igt_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	/* Memory never blocks. */
	igt_assert_eq_s64(pwrite(fd, "x", 1, 0), 1);
	igt_assert_eq_s64(pread(fd, &c, 1, 0), 1);
	igt_assert_eq(fcntl(fd, F_SETFL, 0), 0);

	/* A duplicate shares the position, another open does not. */
	dup_fd = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	igt_assert(dup_fd >= 100);
	other = hm_open(node, O_RDWR);
	igt_assert_eq_s64(lseek(fd, 4711, SEEK_SET), 4711);
	igt_assert_eq_s64(lseek(dup_fd, 0, SEEK_CUR), 4711);
	igt_assert_eq_s64(lseek(other, 0, SEEK_CUR), 0);

	igt_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	igt_assert_eq(flock(other, LOCK_EX | LOCK_NB), -1);
	igt_assert_eq(errno, EWOULDBLOCK);
	igt_assert_eq(flock(fd, LOCK_UN), 0);
	igt_assert_eq(fcntl(fd, F_SETLK, &lock), 0);
	igt_assert_eq(fcntl(fd, F_GET_SEALS), -1);
	igt_assert_eq(errno, EINVAL);
	close(other);
	close(dup_fd);
	close(fd);
}

static void test_poll(const struct hm_node *node)
{
	struct pollfd pfd = { .fd = node->fd, .events = POLLIN | POLLOUT };
	struct epoll_event ev = { .events = EPOLLIN };
	struct timeval now = {};
	fd_set rd, wr;
	int ep;

	igt_assert_eq(poll(&pfd, 1, 0), 1);
	igt_assert_eq(pfd.revents, POLLIN | POLLOUT);
	FD_ZERO(&rd);
	FD_ZERO(&wr);
	FD_SET(node->fd, &rd);
	FD_SET(node->fd, &wr);
	igt_assert_eq(select(node->fd + 1, &rd, &wr, NULL, &now), 2);
	/* As for a regular file: nothing to wait for. */
	ep = epoll_create1(EPOLL_CLOEXEC);
	igt_assert_fd(ep);
	igt_assert_eq(epoll_ctl(ep, EPOLL_CTL_ADD, node->fd, &ev), -1);
	igt_assert_eq(errno, EPERM);
	close(ep);
}

static void test_many_opens(const struct hm_node *node)
{
	uint64_t page = hm_page_size();
	struct hm_stats before, after;
	int fds[500], i, round;
	char *maps[50];

	hm_stats_read_node(node, &before);
	for (i = 0; i < (int)ARRAY_SIZE(fds); i++)
		fds[i] = hm_open(node, i % 2 ? O_RDWR : O_RDONLY);
	for (i = 0; i < (int)ARRAY_SIZE(maps); i++) {
		maps[i] = hm_mmap_fd(fds[i * 10], i * page, page, PROT_READ);
		(void)*(volatile char *)maps[i];
	}
	for (i = 0; i < (int)ARRAY_SIZE(fds); i++)
		igt_assert_eq(close(fds[i]), 0);
	/* The mappings keep what they need. */
	for (i = 0; i < (int)ARRAY_SIZE(maps); i++) {
		(void)*(volatile char *)maps[i];
		hm_munmap(maps[i], page);
	}
	for (round = 0; round < 2000; round++)
		close(hm_open(node, O_RDWR));
	hm_stats_read_node(node, &after);
	igt_assert_eq_u64(hm_stats_get(&after, "vmas"),
			  hm_stats_get(&before, "vmas"));
}

static void test_parallel_io(const struct hm_node *node)
{
	const int processes = 4, rounds = 20;
	const size_t n = 300001;

	igt_hugemap_require_size(node, HM_MIB(4));
	igt_fork(child, processes) {
		char *out = buffer(n), *in = buffer(n);
		uint64_t off = child * n + 7;
		int fd = hm_open(node, O_RDWR), i;

		for (i = 0; i < rounds; i++) {
			bytes_fill(out, off, n, child * 1000 + i);
			igt_assert_eq_s64(pwrite(fd, out, n, off), n);
			igt_assert_eq_s64(pread(fd, in, n, off), n);
			igt_assert(!memcmp(in, out, n));
		}
	}
	igt_waitchildren();
}

int igt_main()
{
	igt_fixture()
		igt_hugemap_require_nodes();

	igt_describe("The node is a character device for root alone.");
	igt_subtest_with_dynamic("permissions")
		hm_dynamic_for_each_node(node)
			test_permissions(node);

	igt_describe("Another user cannot open the node.");
	igt_subtest_with_dynamic("unprivileged-open")
		hm_dynamic_for_each_node(node)
			test_unprivileged_open(node);

	igt_describe("fdinfo and debugfs have every documented counter.");
	igt_subtest_with_dynamic("counters")
		hm_dynamic_for_each_node(node)
			test_counters(node);

	igt_describe("The file position goes from 0 to the size.");
	igt_subtest_with_dynamic("seek")
		hm_dynamic_for_each_node(node)
			test_seek(node);

	igt_describe("What is written at any offset in any size is read back, by read() and through a mapping.");
	igt_subtest_with_dynamic("sizes-and-offsets")
		hm_dynamic_for_each_node(node)
			test_sizes_and_offsets(node);

	igt_describe("read() and write() advance the file position.");
	igt_subtest_with_dynamic("position")
		hm_dynamic_for_each_node(node)
			test_position(node);

	igt_describe("Transfers stop at the end: short counts, then 0 or ENOSPC.");
	igt_subtest_with_dynamic("end")
		hm_dynamic_for_each_node(node)
			test_end(node);

	igt_describe("Stores through a mapping and write() see each other, whatever the size of the mapped pages.");
	igt_subtest_with_dynamic("coherence")
		hm_dynamic_for_each_node(node)
			test_coherence(node);

	igt_describe("A mapping of the node can be the buffer of its own read() and write().");
	igt_subtest_with_dynamic("mapping-as-buffer")
		hm_dynamic_for_each_node(node)
			test_mapping_as_buffer(node);

	igt_describe("A buffer without access gives EFAULT, or a short count if a part of it was good.");
	igt_subtest_with_dynamic("bad-buffer")
		hm_dynamic_for_each_node(node)
			test_bad_buffer(node);

	igt_describe("readv() and writev() with pieces of odd sizes.");
	igt_subtest_with_dynamic("vectored")
		hm_dynamic_for_each_node(node)
			test_vectored(node);

	igt_describe("fsync(), fdatasync() and msync() succeed: there is nothing to wait for.");
	igt_subtest_with_dynamic("sync")
		hm_dynamic_for_each_node(node)
			test_sync(node);

	igt_describe("A debugger reads and writes mappings of any page size through /proc/PID/mem.");
	igt_subtest_with_dynamic("proc-mem")
		hm_dynamic_for_each_node(node)
			test_proc_mem(node);

	igt_describe("A debugger does not write where the program may not.");
	igt_subtest_with_dynamic("proc-mem-read-only")
		hm_dynamic_for_each_node(node)
			test_proc_mem_read_only(node);

	igt_describe("PEEK and POKE work on mappings of any page size of another process.");
	igt_subtest_with_dynamic("ptrace")
		hm_dynamic_for_each_node(node)
			test_ptrace(node);

	igt_describe("Ioctls of other kinds of devices give ENOTTY.");
	igt_subtest_with_dynamic("unknown-ioctls")
		hm_dynamic_for_each_node(node)
			test_unknown_ioctls(node);

	igt_describe("A descriptor for reading never leads to a write.");
	igt_subtest_with_dynamic("read-only-descriptor")
		hm_dynamic_for_each_node(node)
			test_read_only_descriptor(node);

	igt_describe("A descriptor for writing can neither be read nor mapped.");
	igt_subtest_with_dynamic("write-only-descriptor")
		hm_dynamic_for_each_node(node)
			test_write_only_descriptor(node);

	igt_describe("The size cannot be changed.");
	igt_subtest_with_dynamic("fixed-size")
		hm_dynamic_for_each_node(node)
			test_fixed_size(node);

	igt_describe("sendfile(), splice() and copy_file_range() copy the right data or say that they do not work.");
	igt_subtest_with_dynamic("copy-calls")
		hm_dynamic_for_each_node(node)
			test_copy_calls(node);

	igt_describe("posix_fadvise(), readahead() and sync_file_range() do no harm.");
	igt_subtest_with_dynamic("advice")
		hm_dynamic_for_each_node(node)
			test_advice(node);

	igt_describe("Flags, duplicates and locks work as for any file.");
	igt_subtest_with_dynamic("fcntl")
		hm_dynamic_for_each_node(node)
			test_fcntl(node);

	igt_describe("The node is always ready.");
	igt_subtest_with_dynamic("poll")
		hm_dynamic_for_each_node(node)
			test_poll(node);

	igt_describe("Hundreds of descriptors at once, and thousands in turn.");
	igt_subtest_with_dynamic("many-opens")
		hm_dynamic_for_each_node(node)
			test_many_opens(node);

	igt_describe("Processes that read and write different places do not disturb one another.");
	igt_subtest_with_dynamic("parallel-io")
		hm_dynamic_for_each_node(node)
			test_parallel_io(node);
}
