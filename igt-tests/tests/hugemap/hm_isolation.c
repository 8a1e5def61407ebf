// SPDX-License-Identifier: MIT
/*
 * Users who share a device: what one of them can see of the other's memory,
 * and of root's, must be nothing.
 */
#include <sys/stat.h>

#include "hm_map.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap isolation
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: memory
 * Description: Users see nothing of each other's objects.
 *
 * SUBTEST: leftovers
 * Description: A new object holds nothing of another user's, all over the
 *	region.
 *
 * SUBTEST: root-leftovers
 * Description: Nor does it hold what root wrote through the character node.
 *
 * SUBTEST: foreign
 * Description: Handles and offsets of another user are of no use.
 *
 * SUBTEST: character-node
 * Description: The character node is root's.
 *
 * SUBTEST: concurrent
 * Description: Two users at once do not see each other's memory.
 *
 * SUBTEST: flink
 * Description: Global names are not for render nodes, nor for everyone.
 */

IGT_TEST_DESCRIPTION("Users see nothing of each other's objects.");

#define RW	(PROT_READ | PROT_WRITE)
#define ALICE	2001
#define BOB	2002
/* A word that is everywhere, in every sector of what Alice has. */
#define SECRET	0x5ec2e75ec2e75ec2ull
#define STEP	512

static void write_secret(void *p, uint64_t len)
{
	for (uint64_t i = 0; i < len; i += STEP)
		*(volatile uint64_t *)((char *)p + i) = SECRET;
	__sync_synchronize();
}

static uint64_t rnd(uint64_t *state, uint64_t below)
{
	*state = hm_pattern(*state + 1, 0x1501a7e);
	return *state % below;
}

/*
 * Takes all the memory there is, in objects of random sizes.  Each is nothing
 * but zeros, and then nothing but secrets.  Returns the sum.
 */
static uint64_t take_all(int fd, struct hm_node *region, uint64_t seed)
{
	uint64_t unit = HM_MIB(64), sum = 0, size, *p;
	uint32_t handle;

	while (unit >= HM_PAGE) {
		size = (rnd(&seed, unit) / HM_PAGE + 1) * HM_PAGE;
		if (unit == HM_PAGE)
			size = hm_free(region) ?: HM_PAGE;
		if (__hm_create_in(fd, region->region, size, 0,
				   DRM_HUGEMAP_ORDER_ANY, &handle)) {
			igt_assert_eq(errno, ENOSPC);
			unit /= 2;
			continue;
		}
		p = hm_bo_mmap(fd, handle, 0, size, RW);
		hm_check_zero(p, 0, size, STEP);
		write_secret(p, size);
		hm_munmap(p, size);
		sum += size;
	}
	igt_assert_eq_u64(hm_free(region), 0);
	return sum;
}

static void user_takes_all(struct hm_node *region, uid_t uid, uint64_t seed)
{
	uint64_t free = hm_free(region);

	igt_fork(child, 1) {
		int fd;

		hm_become(uid);
		fd = hm_render_open(region);
		igt_assert_eq_u64(take_all(fd, region, seed), free);
		/* The first hands its memory back, the second dies with it. */
		if (uid == ALICE)
			close(fd);
	}
	igt_waitchildren();
	hm_assert_free(region, free);
}

static void leftovers(struct hm_node *region)
{
	user_takes_all(region, ALICE, 1);
	user_takes_all(region, BOB, 2);
}

/* Root can write anywhere through the character node, at any time. */
static void root_leftovers(struct hm_node *region)
{
	int node = hm_open(region, O_RDWR);
	char *p = hm_mmap_fd(node, 0, region->size, RW);

	write_secret(p, region->size);
	hm_munmap(p, region->size);
	close(node);
	user_takes_all(region, BOB, 4);

	/* Free memory that is being written while objects come and go. */
	node = hm_open(region, O_RDWR);
	p = hm_mmap_fd(node, 0, region->size, RW);
	for (int round = 0; round < 3; round++) {
		write_secret(p, HM_MIB(32));
		igt_fork(child, 1) {
			uint64_t seed = round;
			int fd;

			hm_become(BOB);
			fd = hm_render_open(region);
			for (int i = 0; i < 20; i++) {
				uint64_t size = (rnd(&seed, 512) + 1) * HM_PAGE;
				uint32_t handle = hm_create(fd, region, size);
				char *q = hm_bo_mmap(fd, handle, 0, size, RW);

				hm_check_zero(q, 0, size, STEP);
				hm_munmap(q, size);
			}
		}
		igt_waitchildren();
	}
	hm_munmap(p, region->size);
	/* A mapping outlives its descriptor, and the descriptor the mapping. */
	p = hm_mmap_fd(node, 0, HM_MIB(32), RW);
	close(node);
	write_secret(p, HM_MIB(32));
	igt_fork(child, 1) {
		int fd = hm_render_open(region);
		uint64_t size = HM_MIB(16);
		uint32_t handle = hm_create(fd, region, size);
		char *q = hm_bo_mmap(fd, handle, 0, size, RW);

		hm_check_zero(q, 0, size, STEP);
	}
	igt_waitchildren();
	hm_munmap(p, HM_MIB(32));
	user_takes_all(region, BOB, 5);
}

static int __map(int fd, uint64_t off, int prot)
{
	void *p = mmap(NULL, HM_PAGE, prot, MAP_SHARED, fd, off);

	if (p == MAP_FAILED)
		return -errno;
	hm_munmap(p, HM_PAGE);
	return 0;
}

static void foreign(struct hm_node *region)
{
	enum { NR = 16 };
	uint64_t *off = mmap(NULL, HM_PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1,
			     0);
	volatile uint64_t *state = off + NR;
	const uint64_t size = HM_MIB(2);

	igt_assert(off != MAP_FAILED);
	igt_fork(child, 2) {
		int fd, card, err, prot;

		hm_become(child ? BOB : ALICE);
		fd = hm_render_open(region);
		if (!child) {
			for (int i = 0; i < NR; i++) {
				uint32_t handle = hm_create(fd, region, size);
				char *p = hm_bo_mmap(fd, handle, 0, size, RW);

				write_secret(p, size);
				off[i] = hm_mmap_offset(fd, handle);
			}
			*state = 1;
			for (int ms = 0; *state != 2 && ms < 60000; ms++)
				usleep(1000);
			igt_assert_eq_u64(*state, 2);
			exit(0);
		}
		for (int ms = 0; !*state && ms < 60000; ms++)
			usleep(1000);
		igt_assert_eq_u64(*state, 1);
		/* The master, if nobody is, and so authenticated. */
		card = hm_drm_open(hm_region_drm(region)->card);
		/* One of his own, so that numbers exist. */
		hm_create(fd, region, HM_PAGE);
		for (int i = 0; i < NR; i++) {
			struct drm_hugemap_gem_info info;
			uint64_t unused;

			for (prot = PROT_NONE; prot <= RW; prot++) {
				err = __map(fd, off[i], prot);
				igt_assert_eq(err, -EACCES);
				err = __map(fd, off[i] + size - HM_PAGE, prot);
				igt_assert_eq(err, -EACCES);
				err = __map(card, off[i], prot);
				igt_assert_eq(err, -EACCES);
			}
			/* Her numbers mean nothing to him. */
			igt_assert_eq(__hm_info(fd, i + 2, &info), -ENOENT);
			igt_assert_eq(__hm_mmap_offset(fd, i + 2, &unused),
				      -ENOENT);
			igt_assert_eq(__hm_export(fd, i + 2, DRM_RDWR),
				      -ENOENT);
		}
		/*
		 * Every offset there is about her first object, and a part of
		 * all others: his object is the only one.
		 */
		err = 0;
		for (uint64_t at = off[0] & ~(HM_MIB(64) - 1),
		     end = at + HM_MIB(128), near; at < end;
		     at += near ? HM_PAGE : 16 * HM_PAGE) {
			near = at + HM_MIB(4) > off[0] &&
			       at < off[0] + HM_MIB(4);
			err += !__map(fd, at, PROT_READ);
		}
		igt_assert_lte(err, 1);
		*state = 2;
	}
	igt_waitchildren();
	hm_munmap(off, HM_PAGE);
}

static void flink(struct hm_drm *drm)
{
	int card = hm_drm_open(drm->card), other = hm_drm_open(drm->card);
	struct drm_gem_flink name = {};
	struct drm_gem_open args = {};
	uint32_t region = 0;

	igt_assert_eq(__hm_create_in(card, region, HM_PAGE, 0, 0,
				     &name.handle), 0);
	igt_assert_eq(ioctl(card, DRM_IOCTL_GEM_FLINK, &name), 0);
	args.name = name.name;
	/* Root's other files may. */
	igt_assert_eq(ioctl(other, DRM_IOCTL_GEM_OPEN, &args), 0);
	igt_assert_eq_u64(args.size, HM_PAGE);
	igt_fork(child, 1) {
		const char *paths[] = { drm->render, drm->card };

		hm_become(BOB);
		for (unsigned int i = 0; i < ARRAY_SIZE(paths); i++) {
			int fd = hm_drm_open(paths[i]);

			args.name = name.name;
			igt_assert_eq(ioctl(fd, DRM_IOCTL_GEM_OPEN, &args),
				      -1);
			igt_assert_eq(errno, EACCES);
			igt_assert_eq(ioctl(fd, DRM_IOCTL_GEM_FLINK, &name),
				      -1);
			igt_assert_eq(errno, EACCES);
			/* His own objects are no problem on either node. */
			igt_assert_eq(__hm_create_in(fd, region, HM_PAGE, 0, 0,
						     &args.handle), 0);
		}
	}
	igt_waitchildren();
	close(other);
	close(card);
}

static void character_node(struct hm_node *region)
{
	struct stat st;

	igt_assert_eq(stat(region->path, &st), 0);
	igt_assert_eq(st.st_uid, 0);
	igt_assert_eq(st.st_mode & 077, 0);
	igt_fork(child, 1) {
		char buf[4096];

		hm_become(BOB);
		igt_assert_eq(open(region->path, O_RDONLY | O_CLOEXEC), -1);
		igt_assert_eq(errno, EACCES);
		/* Nor is there a view of others' page tables. */
		snprintf(buf, sizeof(buf),
			 "/sys/kernel/debug/hugemap/%s/mappings",
			 region->name);
		igt_assert_eq(__hm_read_file(buf, buf + 128, 1024), -EACCES);
		igt_assert_neq(__hm_sysfs_write(region, "max_order", "0"), 0);
	}
	igt_waitchildren();
}

/* Both at once, each with memory that the other has just given back. */
static void concurrent(struct hm_node *region)
{
	uint64_t free = hm_free(region);

	igt_fork(child, 2) {
		uint64_t seed = child, size;
		uint32_t handle;
		char *p;
		int fd;

		hm_become(child ? BOB : ALICE);
		fd = hm_render_open(region);
		for (int i = 0; i < 150; i++) {
			size = (rnd(&seed, 2048) + 1) * HM_PAGE;
			handle = hm_create(fd, region, size);
			p = hm_bo_mmap(fd, handle, 0, size, RW);
			hm_check_zero(p, 0, size, STEP);
			write_secret(p, size);
			hm_fill_step(p, 0, size, HM_PAGE, handle + child);
			hm_check_step(p, 0, size, HM_PAGE, handle + child);
			hm_munmap(p, size);
			hm_close(fd, handle);
		}
	}
	igt_waitchildren();
	hm_assert_free(region, free);
}

static const struct {
	const char *name, *description;
	void (*fn)(struct hm_node *region);
} subtests[] = {
	{ "leftovers", "A new object holds nothing of another user's, all over the region.",
	  leftovers },
	{ "root-leftovers", "Nor does it hold what root wrote through the character node.",
	  root_leftovers },
	{ "foreign", "Handles and offsets of another user are of no use.",
	  foreign },
	{ "character-node", "The character node is root's.", character_node },
	{ "concurrent", "Two users at once do not see each other's memory.",
	  concurrent },
};

int igt_main()
{
	volatile unsigned int i;

	igt_fixture() {
		igt_require_f(!getuid(), "only root can become two users\n");
		igt_hugemap_require_drm();
		hm_for_each_drm(drm) {
			hm_open_for_all(drm->render);
			hm_open_for_all(drm->card);
		}
	}

	for (i = 0; i < ARRAY_SIZE(subtests); i++) {
		igt_describe(subtests[i].description);
		igt_subtest_with_dynamic(subtests[i].name)
			hm_dynamic_for_each_region(region)
				subtests[i].fn(region);
	}

	igt_describe("Global names are not for render nodes, nor for everyone.");
	igt_subtest_with_dynamic("flink")
		hm_dynamic_for_each_drm(drm)
			flink(drm);
}
