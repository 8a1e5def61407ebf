// SPDX-License-Identifier: MIT
/*
 * userfaultfd: the kernel keeps it away from special mappings, whatever is
 * mapped in them.
 */
#include <linux/userfaultfd.h>

#include "hm_map.h"

/**
 * TEST: hugemap userfaultfd
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: page faults
 * Description: userfaultfd refuses mappings of every page size.
 *
 * SUBTEST: missing
 * Description: Missing pages cannot be delivered to user space.
 *
 * SUBTEST: write-protect
 * Description: Write protection through userfaultfd is refused.
 *
 * SUBTEST: minor
 * Description: Minor faults cannot be delivered to user space.
 */

IGT_TEST_DESCRIPTION("userfaultfd refuses mappings of every page size.");

#define SEED	0x75666664ull

static int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	igt_require_f(fd >= 0, "userfaultfd: %s\n", strerror(errno));
	igt_assert_eq(ioctl(fd, UFFDIO_API, &api), 0);
	return fd;
}

static int uffd_register(int fd, void *p, uint64_t len, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { .start = (unsigned long)p, .len = len },
		.mode = mode,
	};

	return ioctl(fd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

static void refused(struct hm_node *node, uint64_t mode)
{
	uint64_t pmd = hm_pmd_size(node), len;
	char *p;
	int fd;

	fd = uffd_open();
	for (int level = HM_PTE; level < HM_NR_LEVELS; level++) {
		len = hm_level_size(node, level);
		len = len < 4 * pmd ? 4 * pmd : len;
		if (len > node->size || !hm_set_level(node, level, true))
			continue;
		p = hm_mmap(node, 0, len, PROT_READ | PROT_WRITE);
		/* Before there is anything, with huge entries, and a part. */
		igt_assert_eq(uffd_register(fd, p, len, mode), -EINVAL);
		hm_fill_step(p, 0, len, pmd, SEED);
		hm_assert_level(node, p, len, level);
		igt_assert_eq(uffd_register(fd, p, len, mode), -EINVAL);
		igt_assert_eq(uffd_register(fd, p + pmd, HM_PAGE, mode),
			      -EINVAL);
		hm_assert_level(node, p, len, level);
		hm_check_step(p, 0, len, pmd, SEED);
		hm_fill_step(p, 0, len, pmd, SEED + 1);
		hm_check_file(node->fd, 0, len, pmd, SEED + 1);
		hm_munmap(p, len);
	}
	close(fd);
}

int igt_main()
{
	igt_fixture()
		igt_hugemap_require_nodes();

	igt_describe("Missing pages cannot be delivered to user space.");
	igt_subtest_with_dynamic("missing")
		hm_dynamic_for_each_kind(node)
			refused(node, UFFDIO_REGISTER_MODE_MISSING);

	igt_describe("Write protection through userfaultfd is refused.");
	igt_subtest_with_dynamic("write-protect")
		hm_dynamic_for_each_kind(node)
			refused(node, UFFDIO_REGISTER_MODE_WP);

	igt_describe("Minor faults cannot be delivered to user space.");
	igt_subtest_with_dynamic("minor")
		hm_dynamic_for_each_kind(node)
			refused(node, UFFDIO_REGISTER_MODE_MINOR);
}
