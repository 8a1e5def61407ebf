// SPDX-License-Identifier: MIT
/*
 * Helpers for the surroundings of the hugemap driver: settings, the machine,
 * the module, its devices, the kernel log.  Described in igt_hugemap.h.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "igt.h"
#include "igt_hugemap.h"

#define HM_CLASS	"/sys/class/hugemap"
#define HM_PARAMETERS	"/sys/module/hugemap/parameters"
#define HM_THP		"/sys/kernel/mm/transparent_hugepage/enabled"

/* ---- files ---- */

ssize_t __hm_read_file(const char *path, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = -errno;
			close(fd);
			return err;
		}
		if (!n)
			break;
		len += n;
	}
	close(fd);
	buf[len] = 0;
	return len;
}

int __hm_write_file(const char *path, const char *val)
{
	int fd, err = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, val, strlen(val)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* ---- settings that are put back ---- */

static struct {
	char path[128];
	char val[32];
} saved[64];
static int nr_saved;

void hm_restore(void)
{
	int i;

	for (i = 0; i < nr_saved; i++)
		__hm_write_file(saved[i].path, saved[i].val);
	nr_saved = 0;
}

static void restore_at_exit(int sig)
{
	(void)sig;
	hm_restore();
}

/* Remembers @val as the value of the file, unless an older one is known. */
static void save(const char *path, const char *val)
{
	int i;

	for (i = 0; i < nr_saved; i++)
		if (!strcmp(saved[i].path, path))
			return;
	igt_assert_lt(nr_saved, (int)ARRAY_SIZE(saved));
	igt_install_exit_handler(restore_at_exit);
	snprintf(saved[i].path, sizeof(saved[i].path), "%s", path);
	snprintf(saved[i].val, sizeof(saved[i].val), "%s", val);
	nr_saved++;
}

int __hm_sysfs_read(const struct hm_node *node, const char *attr, char *buf,
		    size_t size)
{
	char path[128];
	ssize_t n;

	snprintf(path, sizeof(path), HM_CLASS "/%s/%s", node->name, attr);
	n = __hm_read_file(path, buf, size);
	if (n < 0)
		return n;
	buf[strcspn(buf, "\n")] = 0;
	return 0;
}

void hm_sysfs_read(const struct hm_node *node, const char *attr, char *buf,
		   size_t size)
{
	int err = __hm_sysfs_read(node, attr, buf, size);

	igt_assert_f(!err, "%s/%s: %s\n", node->name, attr, strerror(-err));
}

uint64_t hm_sysfs_read_u64(const struct hm_node *node, const char *attr)
{
	char buf[64], *end;
	uint64_t val;

	hm_sysfs_read(node, attr, buf, sizeof(buf));
	errno = 0;
	val = strtoull(buf, &end, 0);
	igt_assert_f(isdigit((unsigned char)buf[0]) && !*end && !errno,
		     "%s/%s is \"%s\", not a number\n", node->name, attr, buf);
	return val;
}

int __hm_sysfs_write(const struct hm_node *node, const char *attr,
		     const char *val)
{
	char path[128], old[32];

	snprintf(path, sizeof(path), HM_CLASS "/%s/%s", node->name, attr);
	if (!__hm_sysfs_read(node, attr, old, sizeof(old)))
		save(path, old);
	return __hm_write_file(path, val);
}

void hm_sysfs_write(const struct hm_node *node, const char *attr,
		    const char *val)
{
	int err = __hm_sysfs_write(node, attr, val);

	igt_assert_f(!err, "\"%s\" to %s/%s: %s\n", val, node->name, attr,
		     strerror(-err));
}

void hm_thp_set(const char *policy)
{
	char buf[128], *p, *end;
	int err;

	igt_require_f(__hm_read_file(HM_THP, buf, sizeof(buf)) > 0,
		      "no transparent hugepages in this kernel\n");
	/* "always [madvise] never" */
	p = strchr(buf, '[');
	end = strchr(buf, ']');
	igt_assert_f(p && end, HM_THP " is %s\n", buf);
	*end = 0;
	save(HM_THP, p + 1);
	err = __hm_write_file(HM_THP, policy);
	igt_assert_f(!err, "\"%s\" to " HM_THP ": %s\n", policy,
		     strerror(-err));
}

void hm_tunable_set(const char *path, const char *val)
{
	char old[32];
	int err;

	igt_require_f(__hm_read_file(path, old, sizeof(old)) > 0,
		      "this kernel has no %s\n", path);
	old[strcspn(old, "\n")] = 0;
	save(path, old);
	err = __hm_write_file(path, val);
	igt_assert_f(!err, "\"%s\" to %s: %s\n", val, path, strerror(-err));
}

/* ---- the machine ---- */

uint64_t hm_page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

bool hm_kernel_at_least(int major, int minor)
{
	/* Some ask a thousand times in a row. */
	static int a, b;
	struct utsname uts;

	if (!a) {
		uname(&uts);
		igt_assert_eq(sscanf(uts.release, "%d.%d", &a, &b), 2);
	}
	return a > major || (a == major && b >= minor);
}

static bool file_has_word(const char *path, const char *word)
{
	char *line = NULL, *p, *save_ptr;
	size_t size = 0;
	bool found = false;
	FILE *f;

	f = fopen(path, "re");
	igt_assert_f(f, "%s: %m\n", path);
	while (!found && getline(&line, &size, f) > 0)
		for (p = strtok_r(line, " \t\n", &save_ptr); p && !found;
		     p = strtok_r(NULL, " \t\n", &save_ptr))
			found = !strcmp(p, word);
	free(line);
	fclose(f);
	return found;
}

bool hm_cpu_has_pud(void)
{
#ifdef __x86_64__
	return file_has_word("/proc/cpuinfo", "pdpe1gb");
#else
	/* Only x86 has transparent PUD entries. */
	return false;
#endif
}

uint64_t hm_mem_total(void)
{
	char buf[256];
	uint64_t kib = 0;

	igt_assert(__hm_read_file("/proc/meminfo", buf, sizeof(buf)) > 0);
	igt_assert_eq(sscanf(buf, "MemTotal: %" SCNu64, &kib), 1);
	return kib << 10;
}

/* ---- the driver ---- */

int __hm_module_load(const char *params)
{
	const char *path = getenv("HM_MODULE") ?: "/modules/hugemap.ko";
	int fd, err = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, params, 0))
		err = -errno;
	close(fd);
	return err;
}

int __hm_module_unload(void)
{
	return syscall(SYS_delete_module, "hugemap", O_NONBLOCK) ? -errno : 0;
}

bool hm_module_loaded(void)
{
	return !access("/sys/module/hugemap/initstate", F_OK);
}

void hm_module_params(char *buf, size_t size)
{
	const char *env = getenv("HM_MODARGS");
	char path[384], val[1024];
	struct dirent *d;
	size_t len = 0;
	DIR *dir;

	buf[0] = 0;
	if (env) {
		snprintf(buf, size, "%s", env);
		return;
	}
	dir = opendir(HM_PARAMETERS);
	igt_assert_f(dir, HM_PARAMETERS ": %m\n");
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), HM_PARAMETERS "/%s", d->d_name);
		igt_assert(__hm_read_file(path, val, sizeof(val)) >= 0);
		val[strcspn(val, "\n")] = 0;
		if (!val[0])
			continue;
		len += snprintf(buf + len, size - len, "%s%s=%s",
				len ? " " : "", d->d_name, val);
		igt_assert_lt(len, size);
	}
	closedir(dir);
}

static void link_name(const char *dir, const char *link, char *name,
		      size_t size)
{
	char path[192], target[256];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, link);
	n = readlink(path, target, sizeof(target) - 1);
	igt_assert_f(n > 0, "%s: %m\n", path);
	target[n] = 0;
	snprintf(name, size, "%s", (strrchr(target, '/') ?: "/") + 1);
}

void hm_sysfs_device(const char *dir, struct hm_device *dev)
{
	link_name(dir, "device", dev->name, sizeof(dev->name));
	link_name(dir, "device/subsystem", dev->bus, sizeof(dev->bus));
}

void hm_node_device(const struct hm_node *node, struct hm_device *dev)
{
	char dir[128];

	snprintf(dir, sizeof(dir), HM_CLASS "/%s", node->name);
	hm_sysfs_device(dir, dev);
}

static int device_write(const struct hm_device *dev, const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/%s/drivers/hugemap/%s",
		 dev->bus, what);
	return __hm_write_file(path, dev->name);
}

int __hm_device_unbind(const struct hm_device *dev)
{
	return device_write(dev, "unbind");
}

int __hm_device_bind(const struct hm_device *dev)
{
	return device_write(dev, "bind");
}

bool hm_module_pages(bool pages)
{
	static const char param[] = HM_PARAMETERS "/pages";
	char before[8];

	if (__hm_read_file(param, before, sizeof(before)) < 0)
		before[0] = 0;
	__hm_write_file(param, pages ? "1" : "0");
	return before[0] == 'Y' || before[0] == '1';
}

/* ---- the kernel log ---- */

void hm_klog_mark(struct hm_klog *log)
{
	log->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	igt_assert_fd(log->fd);
	igt_assert(lseek(log->fd, 0, SEEK_END) >= 0);
}

bool hm_klog_next(struct hm_klog *log, char *buf, size_t size)
{
	char record[8192], *text;
	ssize_t n;

	for (;;) {
		n = read(log->fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EINTR)
			continue;
		igt_assert_f(n >= 0 || errno == EAGAIN, "kernel log: %m\n");
		if (n < 0)
			return false;
		record[n] = 0;
		/* "prefix,sequence,time,flags;text\n dictionary" */
		text = strchr(record, ';');
		/* The prefix's upper bits are the facility, 0 is the kernel. */
		if (!text || atoi(record) >> 3)
			continue;
		text++;
		text[strcspn(text, "\n")] = 0;
		snprintf(buf, size, "%s", text);
		return true;
	}
}

int hm_klog_count(struct hm_klog *log, const char *prefix, char *last,
		  size_t size)
{
	char line[1024];
	int n = 0;

	while (hm_klog_next(log, line, sizeof(line))) {
		if (strncmp(line, prefix, strlen(prefix)) ||
		    strstr(line, "taint") || strstr(line, "probe of"))
			continue;
		igt_debug("log: %s\n", line);
		if (last)
			snprintf(last, size, "%s", line);
		n++;
	}
	return n;
}

void hm_klog_close(struct hm_klog *log)
{
	close(log->fd);
}
