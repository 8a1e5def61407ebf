// SPDX-License-Identifier: MIT
/*
 * Whoever wants references to the pages behind an address (get_user_pages())
 * is refused with EFAULT; whoever copies gets the data.
 */
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "hm_map.h"

/**
 * TEST: hugemap references to pages
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: page faults
 * Description: Direct I/O, pipes, futexes and io_uring on mappings.
 *
 * SUBTEST: process-vm-readv
 * Description: process_vm_readv() of a mapping is refused.
 *
 * SUBTEST: process-vm-writev
 * Description: process_vm_writev() to a mapping is refused.
 *
 * SUBTEST: process-vm-local
 * Description: process_vm_readv() copies into a mapping.
 *
 * SUBTEST: vmsplice
 * Description: The pages of a mapping cannot be put into a pipe.
 *
 * SUBTEST: pipe
 * Description: write() to a pipe and read() back copy.
 *
 * SUBTEST: file
 * Description: write() to a file and read() back copy.
 *
 * SUBTEST: node
 * Description: read() and write() of the node itself copy.
 *
 * SUBTEST: direct-read
 * Description: A disk cannot read into a mapping directly.
 *
 * SUBTEST: direct-write
 * Description: A disk cannot write from a mapping directly.
 *
 * SUBTEST: socket
 * Description: send() from a mapping copies.
 *
 * SUBTEST: socket-zerocopy
 * Description: A socket cannot send from a mapping without a copy.
 *
 * SUBTEST: io-uring-fixed
 * Description: A mapping cannot be a fixed buffer of io_uring.
 *
 * SUBTEST: futex-wake-shared
 * Description: A futex between processes needs a page.
 *
 * SUBTEST: futex-wait-shared
 * Description: A futex between processes needs a page.
 *
 * SUBTEST: futex-wake
 * Description: A private futex works.
 *
 * SUBTEST: futex-wait
 * Description: A private futex works.
 *
 * SUBTEST: futex-wait-other-value
 * Description: A private futex works.
 *
 * SUBTEST: sendfile
 * Description: sendfile() from the node is refused.
 *
 * SUBTEST: getrandom
 * Description: A system call that stores through the mapping works.
 */

IGT_TEST_DESCRIPTION("Direct I/O, pipes, futexes and io_uring on mappings.");

#define SEED	0x677570ull
#define RAMDISK	"/dev/ram0"

struct ctx {
	struct hm_node *node;
	char *p;		/* a page inside the mapping */
	uint64_t off;		/* where it is in the region */
	int fd;
};

#define NOT_HERE	1	/* the kernel or the guest lacks what it takes */

static const char *missing;

static int not_here(const char *why)
{
	missing = why;
	return NOT_HERE;
}

static int err(ssize_t n)
{
	return n < 0 ? -errno : 0;
}

static uint64_t second_word(struct ctx *c)
{
	return ((volatile uint64_t *)c->p)[1];
}

static int do_vm_read(struct ctx *c)
{
	static char buf[HM_PAGE];
	struct iovec local = { buf, HM_PAGE }, remote = { c->p, HM_PAGE };

	return err(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}

static int do_vm_write(struct ctx *c)
{
	static char buf[HM_PAGE];
	struct iovec local = { buf, HM_PAGE }, remote = { c->p, HM_PAGE };

	return err(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
}

/* Local memory is copied to, so that side may be a mapping. */
static int do_vm_local(struct ctx *c)
{
	static uint64_t word;
	struct iovec local = { c->p + 8, 8 }, remote = { &word, 8 };
	int ret;

	word = ~hm_pattern(c->off, SEED);
	ret = err(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	if (!ret)
		igt_assert_eq_u64(second_word(c), word);
	return ret;
}

static int do_vmsplice(struct ctx *c)
{
	struct iovec iov = { c->p, HM_PAGE };
	int fds[2], ret;

	igt_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	ret = err(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK));
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static int do_pipe(struct ctx *c)
{
	uint64_t got = 0;
	int fds[2], ret;

	igt_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	ret = err(write(fds[1], c->p, HM_PAGE));
	if (!ret) {
		igt_assert_eq(read(fds[0], &got, 8), 8);
		igt_assert_eq_u64(got, hm_pattern(c->off, SEED));
		/* And back into the mapping: the rest, then another word. */
		igt_assert_eq(read(fds[0], c->p + 8, HM_PAGE - 8),
			      (int)HM_PAGE - 8);
		got = ~got;
		igt_assert_eq(write(fds[1], &got, 8), 8);
		ret = err(read(fds[0], c->p + 8, 8));
		if (!ret)
			igt_assert_eq_u64(second_word(c), got);
	}
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static int do_file(struct ctx *c)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), ret;
	uint64_t word;

	if (fd < 0)
		fd = memfd_create("hm_gup", MFD_CLOEXEC);
	igt_assert_fd(fd);
	ret = err(pwrite(fd, c->p, HM_PAGE, 0));
	if (!ret) {
		/* Away, and back again. */
		word = second_word(c);
		((volatile uint64_t *)c->p)[1] = ~word;
		ret = err(pread(fd, c->p, HM_PAGE, 0));
		igt_assert_eq_u64(second_word(c), word);
	}
	close(fd);
	return ret;
}

/* From one mapping of the region into another through the node. */
static int do_node(struct ctx *c)
{
	static char buf[HM_PAGE];
	int ret = err(pwrite(c->fd, c->p, HM_PAGE, c->off));

	if (ret)
		return ret;
	memset(buf, 0xa5, sizeof(buf));
	igt_assert_eq(pwrite(c->fd, buf, HM_PAGE, c->off + HM_PAGE),
		      (int)HM_PAGE);
	ret = err(pread(c->fd, c->p + HM_PAGE, HM_PAGE, c->off));
	if (!ret)
		igt_assert_eq(memcmp(c->p + HM_PAGE, c->p, HM_PAGE), 0);
	return ret;
}

static int open_ramdisk(void)
{
	int fd = open(RAMDISK, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0 && !system("modprobe brd rd_nr=1 rd_size=1024 2>/dev/null"))
		fd = open(RAMDISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	return fd;
}

static int do_direct(struct ctx *c, bool rd)
{
	int fd = open_ramdisk(), ret;

	if (fd < 0)
		return not_here("no " RAMDISK " (brd) for direct I/O");
	ret = err(rd ? pread(fd, c->p, HM_PAGE, 0) :
		       pwrite(fd, c->p, HM_PAGE, 0));
	close(fd);
	return ret;
}

static int do_direct_read(struct ctx *c)
{
	return do_direct(c, true);
}

static int do_direct_write(struct ctx *c)
{
	return do_direct(c, false);
}

static int do_zerocopy(struct ctx *c)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, ret;

	if (fd < 0)
		return not_here("no IPv4");
	ioctl(fd, SIOCSIFFLAGS, &ifr);
	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		close(fd);
		return not_here("no zerocopy socket on the loopback");
	}
	ret = err(send(fd, c->p, HM_PAGE, MSG_ZEROCOPY));
	close(fd);
	return ret;
}

static int do_send(struct ctx *c)
{
	int fds[2], ret;
	uint64_t got = 0;

	igt_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
		      0);
	ret = err(send(fds[0], c->p, 8, 0));
	if (!ret) {
		igt_assert_eq(recv(fds[1], &got, 8, 0), 8);
		igt_assert_eq_u64(got, hm_pattern(c->off, SEED));
	}
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static int do_uring_fixed(struct ctx *c)
{
	struct io_uring_params params = {};
	struct iovec iov = { c->p, HM_PAGE };
	int fd = syscall(SYS_io_uring_setup, 4, &params), ret;

	if (fd < 0)
		return not_here("io_uring_setup() is refused");
	ret = err(syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS,
			  &iov, 1));
	close(fd);
	return ret;
}

static int futex(struct ctx *c, int op, uint32_t val)
{
	struct timespec ts = { .tv_nsec = 1000000 };

	return err(syscall(SYS_futex, c->p, op, val, &ts, NULL, 0));
}

static uint32_t futex_word(struct ctx *c)
{
	return *(volatile uint32_t *)c->p;
}

/* Named by its page, of which there is none. */
static int do_futex_wake_shared(struct ctx *c)
{
	return futex(c, FUTEX_WAKE, 1);
}

static int do_futex_wait_shared(struct ctx *c)
{
	return futex(c, FUTEX_WAIT, futex_word(c));
}

/* Named by its address. */
static int do_futex_wake(struct ctx *c)
{
	return futex(c, FUTEX_WAKE_PRIVATE, 1);
}

static int do_futex_wait(struct ctx *c)
{
	return futex(c, FUTEX_WAIT_PRIVATE, futex_word(c));
}

static int do_futex_wait_other(struct ctx *c)
{
	return futex(c, FUTEX_WAIT_PRIVATE, futex_word(c) + 1);
}

/* The node has no pages to lend either. */
static int do_sendfile(struct ctx *c)
{
	int fd = memfd_create("hm_gup", MFD_CLOEXEC), ret;
	off_t off = c->off;

	igt_assert_fd(fd);
	ret = err(sendfile(fd, c->fd, &off, HM_PAGE));
	close(fd);
	return ret;
}

static int do_getrandom(struct ctx *c)
{
	int ret = err(syscall(SYS_getrandom, c->p + 8, 64, 0));
	uint64_t word;

	if (!ret) {
		word = second_word(c);
		ret = err(syscall(SYS_getrandom, c->p + 8, 64, 0));
		igt_assert_neq_u64(second_word(c), word);
	}
	return ret;
}

static const struct {
	const char *name;
	int (*fn)(struct ctx *c);
	int want;
	const char *describe;
} ops[] = {
	{ "process-vm-readv", do_vm_read, -EFAULT,
	  "process_vm_readv() of a mapping is refused." },
	{ "process-vm-writev", do_vm_write, -EFAULT,
	  "process_vm_writev() to a mapping is refused." },
	{ "process-vm-local", do_vm_local, 0,
	  "process_vm_readv() copies into a mapping." },
	{ "vmsplice", do_vmsplice, -EFAULT,
	  "The pages of a mapping cannot be put into a pipe." },
	{ "pipe", do_pipe, 0, "write() to a pipe and read() back copy." },
	{ "file", do_file, 0, "write() to a file and read() back copy." },
	{ "node", do_node, 0, "read() and write() of the node itself copy." },
	{ "direct-read", do_direct_read, -EFAULT,
	  "A disk cannot read into a mapping directly." },
	{ "direct-write", do_direct_write, -EFAULT,
	  "A disk cannot write from a mapping directly." },
	{ "socket", do_send, 0, "send() from a mapping copies." },
	{ "socket-zerocopy", do_zerocopy, -EFAULT,
	  "A socket cannot send from a mapping without a copy." },
	{ "io-uring-fixed", do_uring_fixed, -EFAULT,
	  "A mapping cannot be a fixed buffer of io_uring." },
	{ "futex-wake-shared", do_futex_wake_shared, -EFAULT,
	  "A futex between processes needs a page." },
	{ "futex-wait-shared", do_futex_wait_shared, -EFAULT,
	  "A futex between processes needs a page." },
	{ "futex-wake", do_futex_wake, 0, "A private futex works." },
	{ "futex-wait", do_futex_wait, -ETIMEDOUT, "A private futex works." },
	{ "futex-wait-other-value", do_futex_wait_other, -EAGAIN,
	  "A private futex works." },
	{ "sendfile", do_sendfile, -EINVAL,
	  "sendfile() from the node is refused." },
	{ "getrandom", do_getrandom, 0,
	  "A system call that stores through the mapping works." },
};

static void run(struct hm_node *node, unsigned int i)
{
	uint64_t pmd = hm_pmd_size(node), len;
	struct ctx c = { .node = node };
	char *p;
	int got;

	for (int level = HM_PTE; level < HM_NR_LEVELS; level++) {
		len = hm_level_size(node, level);
		len = len < 4 * pmd ? 4 * pmd : len;
		if (len > node->size || !hm_set_level(node, level, true))
			continue;
		c.fd = hm_open(node, O_RDWR);
		p = hm_mmap_fd(c.fd, 0, len, PROT_READ | PROT_WRITE);
		hm_fill_step(p, 0, len, pmd, SEED);
		for (int cold = 0; cold < 2; cold++) {
			/* Once with entries, once without: the call faults. */
			if (cold) {
				hm_munmap(p, len);
				p = hm_mmap_fd(c.fd, 0, len,
					       PROT_READ | PROT_WRITE);
			}
			c.off = len - pmd;
			c.p = p + c.off;
			if (!cold)
				hm_assert_level(node, p, len, level);
			got = ops[i].fn(&c);
			igt_require_f(got != NOT_HERE, "%s\n", missing);
			igt_assert_f(got == ops[i].want,
				     "%s, %s%s: %s, expected %s\n", ops[i].name,
				     hm_level_name[level],
				     cold ? " not filled" : "", strerror(-got),
				     strerror(-ops[i].want));
			hm_check_step(p, 0, len, pmd, SEED);
			hm_check_file(c.fd, 0, len, pmd, SEED);
		}
		hm_fill_step(p, 0, len, pmd, SEED + 1);
		hm_check_file(c.fd, 0, len, pmd, SEED + 1);
		hm_assert_level(node, p, len, level);
		hm_munmap(p, len);
		close(c.fd);
	}
}

int igt_main()
{
	static unsigned int i;

	igt_fixture()
		igt_hugemap_require_nodes();

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		igt_describe(ops[i].describe);
		igt_subtest_with_dynamic(ops[i].name)
			hm_dynamic_for_each_kind(node)
				run(node, i);
	}
}
