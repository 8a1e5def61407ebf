// SPDX-License-Identifier: MIT
/*
 * DRM devices that go away and come back: what is left of objects, mappings,
 * dma-bufs and files, and that the module can be unloaded in the end.
 *
 * HM_UNBIND_CYCLES (20): how often to unbind and bind under load.
 */
#include <glob.h>
#include <linux/dma-buf.h>
#include <sys/socket.h>

#include "hm_map.h"
#include "igt_hugemap_drm.h"

/**
 * TEST: hugemap unplug
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: hotunplug
 * Description: Unbinding, unplugging and unloading under DRM clients.
 *
 * SUBTEST: unbind-idle
 * Description: A device nobody uses can be unbound and bound.
 *
 * SUBTEST: unbind-alive
 * Description: Unbinding leaves dead objects, mappings, dma-bufs and files; the
 *	device can be bound at once.
 *
 * SUBTEST: unbind-imports
 * Description: The same with imports from and to another driver.
 *
 * SUBTEST: unbind-importers
 * Description: What other devices have imported does not keep it from being bound again.
 *
 * SUBTEST: unbind-close-bind
 * Description: The same where all is closed before the device is bound.
 *
 * SUBTEST: unbind-while-clearing
 * Description: Unbinding ends the creation of a huge object.
 *
 * SUBTEST: remove-idle
 * Description: A PCI function nobody uses can be removed and found again.
 *
 * SUBTEST: remove-alive
 * Description: Removing a PCI function is like unbinding it.
 *
 * SUBTEST: remove-imports
 * Description: The same with imports from and to another driver.
 *
 * SUBTEST: unload-file
 * Description: The module stays while there is one file, and goes afterwards.
 *
 * SUBTEST: unload-unbound-file
 * Description: The same with the device unbound (file).
 *
 * SUBTEST: unload-object
 * Description: The module stays while there is one object, and goes afterwards.
 *
 * SUBTEST: unload-unbound-object
 * Description: The same with the device unbound (object).
 *
 * SUBTEST: unload-mapping
 * Description: The module stays while there is one mapping, and goes afterwards.
 *
 * SUBTEST: unload-unbound-mapping
 * Description: The same with the device unbound (mapping).
 *
 * SUBTEST: unload-dmabuf
 * Description: The module stays while there is one dmabuf, and goes afterwards.
 *
 * SUBTEST: unload-unbound-dmabuf
 * Description: The same with the device unbound (dmabuf).
 *
 * SUBTEST: unload-dmabuf-mapping
 * Description: The module stays while there is one dmabuf-mapping, and goes
 *	afterwards.
 *
 * SUBTEST: unload-unbound-dmabuf-mapping
 * Description: The same with the device unbound (dmabuf-mapping).
 *
 * SUBTEST: unload-dmabuf-in-socket
 * Description: The module stays while there is one dmabuf-in-socket, and goes
 *	afterwards.
 *
 * SUBTEST: unload-unbound-dmabuf-in-socket
 * Description: The same with the device unbound (dmabuf-in-socket).
 *
 * SUBTEST: unload-import
 * Description: The module stays while there is one import, and goes afterwards.
 *
 * SUBTEST: unload-unbound-import
 * Description: The same with the device unbound (import).
 *
 * SUBTEST: unbind-cycles
 * Description: Unbinding and binding over and over under four clients.
 */

IGT_TEST_DESCRIPTION("Unbinding, unplugging and unloading under DRM clients.");

#define SEED	0x756e706c7567ull
#define RW	(PROT_READ | PROT_WRITE)

/* ---- a device that comes and goes ---- */

enum how { UNBIND, REMOVE };

static struct {
	struct hm_device dev;
	char label[32], render[32], card[32];
	struct hm_node region[HM_MAX_NODES];
	int nr;
	enum how how;
	bool gone;
} target;

static int bring_back(void)
{
	bool before = hm_module_pages(target.region[0].pages);
	int err;

	target.gone = false;
	/* After a rescan the driver is asked by itself. */
	err = target.how == UNBIND ? __hm_device_bind(&target.dev) :
				     __hm_write_file("/sys/bus/pci/rescan", "1");
	hm_module_pages(before);
	return err;
}

static void bring_back_at_exit(int sig)
{
	(void)sig;
	if (target.gone)
		bring_back();
}

static void take_away(void)
{
	char path[128];
	int err;

	/* Our own descriptors are not what the test is about. */
	hm_drm_close();
	igt_install_exit_handler(bring_back_at_exit);
	target.gone = true;
	if (target.how == UNBIND) {
		err = __hm_device_unbind(&target.dev);
	} else {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove",
			 target.dev.name);
		err = __hm_write_file(path, "1");
	}
	igt_assert_eq(err, 0);
}

/* The device's names may be others than before. */
static void refresh_target(void)
{
	int nr = 0;

	hm_for_each_region(region) {
		struct hm_drm *drm = hm_region_drm(region);

		if (strcmp(drm->dev.name, target.dev.name))
			continue;
		target.region[nr++] = *region;
		snprintf(target.render, sizeof(target.render), "%s",
			 drm->render);
		snprintf(target.card, sizeof(target.card), "%s", drm->card);
	}
	igt_assert_f(nr, "%s is gone\n", target.dev.name);
	target.nr = nr;
}

static void come_back(void)
{
	uint64_t features[HM_MAX_NODES];
	int nr = target.nr;

	for (int i = 0; i < nr; i++)
		features[i] = target.region[i].q.features;
	igt_assert_eq(bring_back(), 0);
	refresh_target();
	/* What it had of core mm, it has again. */
	for (int i = 0; i < nr && i < target.nr; i++)
		igt_assert_eq_u64(target.region[i].q.features, features[i]);
}

/* As hm_drm_next(), by name: "platform", "pci", "pci-2". */
static const char *next_target(const char *last, enum how how)
{
	static struct {
		struct hm_device dev;
		char label[32];
	} all[HM_MAX_NODES];
	static int nr, at;

	bring_back_at_exit(0);
	if (!last) {
		nr = at = 0;
		hm_for_each_drm(drm) {
			if (how == REMOVE && strcmp(drm->dev.bus, "pci"))
				continue;
			all[nr].dev = drm->dev;
			snprintf(all[nr].label, sizeof(all[nr].label), "%s",
				 drm->label);
			nr++;
		}
		if (!nr && how == REMOVE)
			igt_skip("no PCI function\n");
	}
	if (at == nr)
		return NULL;
	memset(&target, 0, sizeof(target));
	target.how = how;
	target.dev = all[at].dev;
	snprintf(target.label, sizeof(target.label), "%s", all[at].label);
	refresh_target();
	at++;
	return target.label;
}

/* ---- what a program has when the device goes away ---- */

struct remains {
	int fd, card, importer, dmabuf, vgem, foreign;
	uint32_t handle;
	uint64_t size;
	char *touched, *untouched, *of_dmabuf, *imported;
};

static struct remains remains[HM_MAX_NODES];

static void remains_make(const struct hm_node *region, struct remains *r,
			 bool foreign)
{
	memset(r, -1, sizeof(*r));
	r->size = 4 * hm_pmd_size(region);
	r->fd = hm_drm_open(target.render);
	r->card = hm_drm_open(target.card);
	r->importer = hm_drm_open(target.render);
	r->handle = hm_create(r->fd, region, r->size);
	r->touched = hm_bo_mmap(r->fd, r->handle, 0, r->size, RW);
	hm_fill_step(r->touched, 0, r->size, HM_PAGE, SEED);
	r->untouched = hm_bo_mmap(r->fd, r->handle, 0, r->size, RW);
	r->dmabuf = hm_export(r->fd, r->handle);
	r->of_dmabuf = hm_dmabuf_mmap(r->dmabuf, 0, r->size, RW);
	igt_assert_eq(hm_touch_write(r->of_dmabuf).sig, 0);
	r->imported = hm_bo_mmap(r->importer, hm_import(r->importer, r->dmabuf),
				 0, r->size, RW);
	igt_assert_eq(hm_touch_write(r->imported + r->size - 1).sig, 0);
	/* Objects that others made, and others that have ours. */
	if (foreign) {
		uint32_t handle, pitch;
		uint64_t size;

		r->vgem = igt_hugemap_require_vgem();
		igt_assert_eq(__hm_dumb_create(r->vgem, 64, 64, 32, &handle,
					       &pitch, &size), 0);
		r->foreign = hm_export(r->vgem, handle);
		hm_import(r->fd, r->foreign);
		if (region->q.type == DRM_HUGEMAP_REGION_SYSTEM)
			hm_import(r->vgem, r->dmabuf);
		else
			igt_assert_eq(__hm_import(r->vgem, r->dmabuf, &handle),
				      -EOPNOTSUPP);
	}
}

static void remains_check(const struct remains *r)
{
	char *const maps[] = {
		r->touched, r->untouched, r->of_dmabuf, r->imported,
	};
	struct drm_hugemap_gem_info info;
	struct drm_hugemap_query q;
	uint64_t off;
	uint32_t h;

	for (unsigned int i = 0; i < ARRAY_SIZE(maps); i++) {
		hm_assert_sigbus(maps[i]);
		hm_assert_sigbus(maps[i] + r->size / 2 + 1);
		hm_assert_sigbus(maps[i] + r->size - 1);
	}
	igt_assert_eq(__hm_query(r->fd, &q), -ENODEV);
	igt_assert_eq(__hm_query(r->card, &q), -ENODEV);
	igt_assert_eq(__hm_create_in(r->fd, 0, HM_PAGE, 0, 0, &h), -ENODEV);
	igt_assert_eq(__hm_info(r->fd, r->handle, &info), -ENODEV);
	igt_assert_eq(__hm_mmap_offset(r->fd, r->handle, &off), -ENODEV);
	igt_assert_eq(__hm_export(r->fd, r->handle, DRM_RDWR), -ENODEV);
	igt_assert_eq(__hm_import(r->fd, r->dmabuf, &h), -ENODEV);
	igt_assert_eq(__hm_close(r->fd, r->handle), -ENODEV);
	igt_assert_eq(__hm_prefault(r->fd, r->untouched, r->size, 0,
				    DRM_HUGEMAP_ORDER_ANY, NULL), -ENODEV);
	igt_assert(mmap(NULL, r->size, RW, MAP_SHARED, r->dmabuf, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, ENODEV);
	igt_assert_eq(__hm_dmabuf_sync(r->dmabuf, DMA_BUF_SYNC_START |
				       DMA_BUF_SYNC_RW), -ENODEV);
	igt_assert_eq_u64(lseek(r->dmabuf, 0, SEEK_END), r->size);
	igt_assert_eq_u64(lseek(r->dmabuf, 0, SEEK_SET), 0);
	/* What is left of a mapping can be changed. */
	igt_assert_eq(mprotect(r->touched, HM_PAGE, PROT_READ), 0);
	igt_assert_eq(hm_touch_read(r->touched).sig, SIGBUS);
	igt_assert_eq(mprotect(r->touched, HM_PAGE, RW), 0);
	igt_fork(child, 1)
		hm_assert_sigbus(r->of_dmabuf + HM_PAGE);
	igt_waitchildren();
}

static void remains_free(struct remains *r)
{
	const int fds[] = {
		r->fd, r->importer, r->card, r->dmabuf, r->vgem, r->foreign,
	};

	hm_munmap(r->touched + HM_PAGE, HM_PAGE);
	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			igt_assert_eq(close(fds[i]), 0);
	hm_assert_sigbus(r->imported);
	hm_assert_sigbus(r->of_dmabuf);
	hm_munmap(r->touched, r->size);
	hm_munmap(r->untouched, r->size);
	hm_munmap(r->of_dmabuf, r->size);
	hm_munmap(r->imported, r->size);
}

static void check_works(struct hm_node *region)
{
	uint64_t size = 2 * hm_pmd_size(region);
	int fd = hm_drm_open(target.render);
	uint32_t handle = hm_create(fd, region, size);
	char *p = hm_bo_mmap(fd, handle, 0, size, RW);

	hm_check_zero(p, 0, size, HM_PAGE);
	hm_fill_step(p, 0, size, HM_PAGE, SEED);
	hm_check_step(p, 0, size, HM_PAGE, SEED);
	hm_munmap(p, size);
	close(fd);
	hm_assert_free(region, region->size);
}

/* Every region of the target, once more all free. */
static void check_all_work(void)
{
	for (int i = 0; i < target.nr; i++)
		check_works(&target.region[i]);
}

static void with_everything_alive(bool foreign)
{
	uint32_t handle;
	int nr = target.nr, fd;

	for (int i = 0; i < nr; i++)
		remains_make(&target.region[i], &remains[i], foreign);
	take_away();
	igt_assert_eq(open(target.render, O_RDWR | O_CLOEXEC), -1);
	igt_assert_eq(open(target.card, O_RDWR | O_CLOEXEC), -1);
	for (int i = 0; i < nr; i++)
		remains_check(&remains[i]);
	/* A new binding revives nothing, and all that is left does not hurt. */
	come_back();
	igt_assert_eq(target.nr, nr);
	check_all_work();
	fd = hm_drm_open(target.render);
	for (int i = 0; i < nr; i++) {
		remains_check(&remains[i]);
		igt_assert_eq(__hm_import(fd, remains[i].dmabuf, &handle),
			      -ENODEV);
		remains_free(&remains[i]);
	}
	close(fd);
	check_all_work();
}

static void alive(void)
{
	with_everything_alive(false);
}

static void alive_imports(void)
{
	with_everything_alive(true);
}

static void idle(void)
{
	for (int i = 0; i < 3; i++) {
		take_away();
		come_back();
		check_all_work();
	}
}

/* All is let go between the two. */
static void close_before_bind(void)
{
	for (int i = 0; i < target.nr; i++)
		remains_make(&target.region[i], &remains[i], false);
	take_away();
	for (int i = 0; i < target.nr; i++) {
		remains_check(&remains[i]);
		remains_free(&remains[i]);
	}
	come_back();
	check_all_work();
}

/*
 * The other devices of the driver let go when they are told, so the memory is
 * not held: reserved ranges and BARs can be claimed again at once.
 */
static void importers(void)
{
	int other = -1, fd = hm_drm_open(target.render), nr = 0, dmabuf, err;
	uint32_t handle;

	hm_for_each_drm(drm) {
		if (other < 0 && strcmp(drm->render, target.render))
			other = hm_drm_open(drm->render);
	}
	igt_require_f(other >= 0, "no other device\n");
	for (int i = 0; i < target.nr; i++) {
		handle = hm_create(fd, &target.region[i], HM_MIB(2));
		dmabuf = hm_export(fd, handle);
		err = __hm_import(other, dmabuf, &handle);
		close(dmabuf);
		/* Whether a BAR can be reached is the machine's affair. */
		if (err != -EOPNOTSUPP ||
		    target.region[i].q.type != DRM_HUGEMAP_REGION_PCI)
			igt_assert_eq(err, 0);
		nr += !err;
	}
	if (!nr) {
		close(fd);
		close(other);
	}
	igt_require_f(nr, "no other device reaches this one\n");
	take_away();
	come_back();
	check_all_work();
	close(fd);
	close(other);
	take_away();
	come_back();
	check_all_work();
}

/* A huge object is being cleared, or created, while the device goes. */
static void while_clearing(void)
{
	struct timespec start;

	for (int round = 0; round < 2; round++) {
		struct hm_node *region = &target.region[0];
		volatile int *started = mmap(NULL, HM_PAGE, RW, MAP_SHARED |
					     MAP_ANONYMOUS, -1, 0);

		igt_assert(started != MAP_FAILED);
		igt_fork(child, 1) {
			int fd = hm_drm_open(target.render), err;
			uint64_t size = hm_free(region) / 4 & -HM_PAGE;
			uint32_t handle[4];
			unsigned int nr;

			hm_drm_close();
			/* Several, so that some wait to be cleared. */
			do {
				for (nr = 0, err = 0; !err && nr < 4; nr++)
					err = __hm_create_in(fd, region->region,
							     size, 0,
							     DRM_HUGEMAP_ORDER_ANY,
							     &handle[nr]);
				*started = 1;
				for (nr -= !!err; nr--;)
					err = __hm_close(fd, handle[nr]) ?: err;
			} while (!err);
			igt_assert_eq(err, -ENODEV);
		}
		for (int ms = 0; !*started && ms < 60000; ms++)
			usleep(1000);
		igt_assert_eq(*started, 1);
		memset(&start, 0, sizeof(start));
		igt_nsec_elapsed(&start);
		take_away();
		igt_info("unbinding took %" PRIu64 " ms\n",
			 igt_nsec_elapsed(&start) / 1000000);
		igt_waitchildren_timeout(60, "creation while unplugging");
		hm_munmap((void *)started, HM_PAGE);
		come_back();
		check_all_work();
	}
}

/* ---- the module ---- */

static char params_before[4096];

static void unload(void)
{
	int err = 0, ms;

	hm_nodes_close();
	hm_drm_close();
	if (!hm_module_loaded())
		return;
	/* What a process held is let go a moment after its end. */
	for (ms = 0; ms < 5000; ms++) {
		err = __hm_module_unload();
		if (err != -EWOULDBLOCK)
			break;
		usleep(1000);
	}
	igt_assert_f(!err, "unloading: %s\n", strerror(-err));
}

static void load(const char *params)
{
	int err = __hm_module_load(params);

	igt_assert_f(!err, "loading with \"%s\": %s\n", params, strerror(-err));
}

static void put_back(int sig)
{
	(void)sig;
	hm_nodes_close();
	hm_drm_close();
	if (!hm_module_loaded())
		__hm_module_load(params_before);
}

static int count_drm_nodes(void)
{
	char path[32], name[32];
	int n = 0;

	for (int i = 0; i < 64; i++) {
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/renderD%d", 128 + i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		hm_drm_name(fd, name, sizeof(name));
		n += !strcmp(name, "hugemap");
		close(fd);
	}
	return n;
}

enum holder {
	DRM_FILE, HANDLE, MAPPING, DMABUF, DMABUF_MAPPING, FD_IN_SOCKET, VGEM,
};

static void hold(enum holder what, bool unbound)
{
	struct hm_device dev;
	struct hm_node *region;
	int fd, dmabuf = -1, sock[2] = { -1, -1 }, vgem = -1, char_byte = 0;
	uint64_t size = HM_MIB(4);
	uint32_t handle;
	char *p = NULL;

	if (what == VGEM)
		vgem = igt_hugemap_require_vgem();
	unload();
	load("region=system:64M");
	region = hm_region_next(NULL);
	dev = hm_region_drm(region)->dev;
	fd = hm_render_open(region);
	if (what != DRM_FILE)
		handle = hm_create(fd, region, size);
	if (what == MAPPING)
		p = hm_bo_mmap(fd, handle, 0, size, RW);
	if (what >= DMABUF)
		dmabuf = hm_export(fd, handle);
	if (what == DMABUF_MAPPING)
		p = hm_dmabuf_mmap(dmabuf, 0, size, RW);
	if (what == FD_IN_SOCKET) {
		igt_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, sock), 0);
		hm_send_fd(sock[0], dmabuf, &char_byte, sizeof(char_byte));
	}
	if (what == VGEM)
		hm_import(vgem, dmabuf);
	hm_drm_close();
	if (what != DRM_FILE && what != HANDLE)
		close(fd);
	if (dmabuf >= 0 && what != DMABUF)
		close(dmabuf);
	if (p)
		hm_fill_step(p, 0, size, HM_PAGE, SEED);

	igt_assert_eq(__hm_module_unload(), -EWOULDBLOCK);
	if (unbound) {
		/* With its device gone the module is still needed. */
		igt_assert_eq(__hm_device_unbind(&dev), 0);
		igt_assert_eq(__hm_module_unload(), -EWOULDBLOCK);
		if (p)
			hm_assert_sigbus(p);
	} else if (p) {
		hm_check_step(p, 0, size, HM_PAGE, SEED);
	}

	if (p)
		hm_munmap(p, size);
	if (what == DRM_FILE || what == HANDLE)
		close(fd);
	if (what == DMABUF)
		close(dmabuf);
	if (what == FD_IN_SOCKET) {
		close(sock[0]);
		close(sock[1]);
	}
	if (what == VGEM)
		close(vgem);
	unload();
	igt_assert_eq(count_drm_nodes(), 0);
}

/* What a leak of the kernel's would be part of, KiB. */
static const char * const leak_names[] = {
	"MemAvailable", "SUnreclaim", "VmallocUsed", "Percpu", "PageTables",
	"KernelStack",
};

struct leaks {
	int64_t kib[ARRAY_SIZE(leak_names)];
};

/*
 * Free pages on the lists of the CPUs, KiB: MemAvailable does not have them, and
 * by default they may be tens of MiB.
 */
static int64_t pcp_kib(void)
{
	static char buf[1 << 16];
	int64_t pages = 0, n;
	char *p = buf;

	igt_assert(__hm_read_file("/proc/zoneinfo", buf, sizeof(buf)) > 0);
	while ((p = strstr(p, " count:"))) {
		p += strlen(" count:");
		igt_assert_eq(sscanf(p, "%" SCNd64, &n), 1);
		pages += n;
	}
	return pages * (HM_PAGE >> 10);
}

static void leaks_read(struct leaks *l)
{
	static char buf[8192];
	glob_t caches;
	char *p;

	/* What is freed after a grace period, and what is only cached. */
	for (int i = 0; i < 3; i++) {
		__hm_write_file("/proc/sys/vm/drop_caches", "3");
		usleep(100000);
	}
	/* Slabs that are empty, but for what KASAN keeps in its quarantine. */
	if (!glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches)) {
		for (size_t i = 0; i < caches.gl_pathc; i++)
			__hm_write_file(caches.gl_pathv[i], "1");
		globfree(&caches);
	}
	igt_assert(__hm_read_file("/proc/meminfo", buf, sizeof(buf)) > 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(leak_names); i++) {
		p = strstr(buf, leak_names[i]);
		igt_assert(p && sscanf(p + strlen(leak_names[i]),
				       ": %" SCNd64, &l->kib[i]) == 1);
	}
	igt_info("on the lists of the CPUs: %" PRId64 " KiB\n", pcp_kib());
	l->kib[0] += pcp_kib();
}

/* ---- unbinding under load ---- */

#define CLIENTS	4

/*
 * The first region of a device.  Which device comes first is no matter of the
 * bus: one that is bound again gets another minor while a client still has the
 * old one.
 */
static struct hm_node *region_of(const struct hm_device *dev)
{
	hm_for_each_region(region)
		if (!strcmp(hm_region_drm(region)->dev.name, dev->name))
			return region;
	igt_assert_f(false, "%s has no region\n", dev->name);
	return NULL;
}

static sigjmp_buf bus_jmpbuf;

static void on_sigbus(int sig)
{
	siglongjmp(bus_jmpbuf, sig);
}

/*
 * One object, from its creation to its end.  Returns 0, or what the device's
 * end looks like: -ENODEV.  Wrong data is never seen.
 */
static int one_object(int fd, uint64_t n)
{
	uint64_t size = (hm_pattern(n, 1) % 1024 + 1) * HM_PAGE, off;
	static char *volatile p, *volatile q;
	static volatile int dmabuf;
	static volatile uint64_t len;
	uint32_t handle, again;
	int err;

	dmabuf = -1;
	p = q = MAP_FAILED;
	len = size;
	if (sigsetjmp(bus_jmpbuf, 1)) {
		err = -ENODEV;
		goto out;
	}
	err = __hm_create_in(fd, 0, size, 0, DRM_HUGEMAP_ORDER_ANY, &handle);
	if (!err)
		err = __hm_mmap_offset(fd, handle, &off);
	if (err)
		goto out;
	p = mmap(NULL, size, RW, MAP_SHARED, fd, off);
	err = p == MAP_FAILED ? -errno : 0;
	if (err)
		goto out;
	hm_check_zero(p, 0, size, HM_PAGE);
	hm_fill_step(p, 0, size, HM_PAGE, n);
	dmabuf = __hm_export(fd, handle, DRM_RDWR | DRM_CLOEXEC);
	err = dmabuf < 0 ? dmabuf : 0;
	if (!err)
		err = __hm_import(fd, dmabuf, &again);
	if (err)
		goto out;
	igt_assert_eq(again, handle);
	q = mmap(NULL, size, RW, MAP_SHARED, dmabuf, 0);
	err = q == MAP_FAILED ? -errno : 0;
	if (err)
		goto out;
	hm_check_step(q, 0, size, HM_PAGE, n);
	err = __hm_close(fd, handle);
	hm_check_step(p, 0, size, HM_PAGE, n);
out:
	if (p != MAP_FAILED)
		munmap(p, len);
	if (q != MAP_FAILED)
		munmap(q, len);
	if (dmabuf >= 0)
		close(dmabuf);
	return err;
}

static void load_client(const struct hm_device *dev, int id,
			volatile uint64_t *done, volatile int *stop)
{
	struct sigaction sa = { .sa_handler = on_sigbus };
	uint64_t n = (uint64_t)id << 32;
	static int fd;
	int err;

	sigaction(SIGBUS, &sa, NULL);
	while (!*stop) {
		fd = __hm_render_of(dev);
		if (fd < 0) {
			usleep(500);
			continue;
		}
		do {
			err = one_object(fd, n++);
			if (!err)
				(*done)++;
		} while (!err && !*stop);
		igt_assert_f(!err || err == -ENODEV, "%s\n", strerror(-err));
		close(fd);
	}
}

static void unbind_cycles(void)
{
	int cycles = hm_env_number("HM_UNBIND_CYCLES", 20);
	volatile uint64_t *done;
	volatile int *stop;
	struct hm_device dev;
	uint64_t ms, slowest = 0;
	struct leaks before, after;
	uint64_t seen[CLIENTS];
	struct timespec start;

	/* What only the first time takes is no leak. */
	unload();
	load("region=system:64M");
	unload();
	leaks_read(&before);
	load("region=system:64M");
	dev = hm_region_drm(hm_region_next(NULL))->dev;
	igt_assert_eq_u64(hm_region_next(NULL)->size, HM_MIB(64));
	hm_drm_close();
	done = mmap(NULL, HM_PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(done != MAP_FAILED);
	stop = (volatile int *)(done + CLIENTS);
	igt_fork(child, CLIENTS)
		load_client(&dev, child, &done[child], stop);
	for (int i = 0; i < cycles; i++) {
		/* Everyone is at work when the device goes. */
		for (int c = 0; c < CLIENTS; c++) {
			seen[c] = done[c];
			for (ms = 0; done[c] == seen[c] && ms < 60000; ms++)
				usleep(1000);
			igt_assert_f(done[c] != seen[c], "cycle %d: client %d does nothing\n",
				     i, c);
		}
		memset(&start, 0, sizeof(start));
		igt_nsec_elapsed(&start);
		igt_assert_eq(__hm_device_unbind(&dev), 0);
		ms = igt_nsec_elapsed(&start) / 1000000;
		slowest = ms > slowest ? ms : slowest;
		igt_assert_eq(__hm_device_bind(&dev), 0);
	}
	*stop = 1;
	igt_waitchildren_timeout(60, "clients");
	igt_info("%d cycles, %" PRIu64 " objects, unbinding took %" PRIu64 " ms at most\n",
		 cycles, done[0] + done[1] + done[2] + done[3], slowest);
	hm_munmap((void *)done, HM_PAGE);
	/* All is there: no region was lost on the way. */
	hm_assert_free(region_of(&dev), HM_MIB(64));
	unload();
	leaks_read(&after);
	for (unsigned int i = 0; i < ARRAY_SIZE(leak_names); i++)
		igt_info("%s: %+" PRId64 " KiB\n", leak_names[i],
			 after.kib[i] - before.kib[i]);
	/* Half of what one region is; what is only cached moves by as much. */
	igt_assert_lt_s64(before.kib[0] - after.kib[0], 32 << 10);
	/* Small things are not. */
	for (unsigned int i = 1; i < ARRAY_SIZE(leak_names); i++)
		igt_assert_lt_s64(after.kib[i] - before.kib[i], 4 << 10);
}

static const struct {
	const char *name, *description;
	void (*fn)(void);
	enum how how;
} subtests[] = {
	{ "unbind-idle", "A device nobody uses can be unbound and bound.",
	  idle, UNBIND },
	{ "unbind-alive", "Unbinding leaves dead objects, mappings, dma-bufs and files; the device can be bound at once.",
	  alive, UNBIND },
	{ "unbind-imports", "The same with imports from and to another driver.",
	  alive_imports, UNBIND },
	{ "unbind-importers", "What other devices have imported does not keep it from being bound again.",
	  importers, UNBIND },
	{ "unbind-close-bind", "The same where all is closed before the device is bound.",
	  close_before_bind, UNBIND },
	{ "unbind-while-clearing", "Unbinding ends the creation of a huge object.",
	  while_clearing, UNBIND },
	{ "remove-idle", "A PCI function nobody uses can be removed and found again.",
	  idle, REMOVE },
	{ "remove-alive", "Removing a PCI function is like unbinding it.",
	  alive, REMOVE },
	{ "remove-imports", "The same with imports from and to another driver.",
	  alive_imports, REMOVE },
};

static const struct {
	const char *name;
	enum holder what;
} holders[] = {
	{ "file", DRM_FILE }, { "object", HANDLE }, { "mapping", MAPPING },
	{ "dmabuf", DMABUF }, { "dmabuf-mapping", DMABUF_MAPPING },
	{ "dmabuf-in-socket", FD_IN_SOCKET }, { "import", VGEM },
};

int igt_main()
{
	volatile unsigned int i;

	igt_fixture()
		igt_hugemap_require_drm();

	for (i = 0; i < ARRAY_SIZE(subtests); i++) {
		igt_describe(subtests[i].description);
		igt_subtest_with_dynamic(subtests[i].name)
			for (const char *volatile name =
				     next_target(NULL, subtests[i].how);
			     name; name = next_target(name, subtests[i].how))
				igt_dynamic_f("%s", name)
					subtests[i].fn();
	}

	igt_subtest_group() {
		igt_fixture() {
			const char *path = getenv("HM_MODULE") ?:
					   "/modules/hugemap.ko";

			igt_require_f(!access(path, R_OK), "no module %s\n",
				      path);
			hm_module_params(params_before, sizeof(params_before));
			igt_install_exit_handler(put_back);
		}

		for (i = 0; i < ARRAY_SIZE(holders); i++) {
			igt_describe_f("The module stays while there is one %s, and goes afterwards.",
				       holders[i].name);
			igt_subtest_f("unload-%s", holders[i].name)
				hold(holders[i].what, false);

			igt_describe_f("The same with the device unbound (%s).",
				       holders[i].name);
			igt_subtest_f("unload-unbound-%s", holders[i].name)
				hold(holders[i].what, true);
		}

		igt_describe("Unbinding and binding over and over under four clients.");
		igt_subtest("unbind-cycles")
			unbind_cycles();

		/* What the tests after this one expect. */
		igt_fixture() {
			unload();
			igt_assert_eq(__hm_module_load(params_before), 0);
			igt_hugemap_require_drm();
		}
	}
}
