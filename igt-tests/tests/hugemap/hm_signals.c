// SPDX-License-Identifier: MIT
#include "hm_map.h"

/**
 * TEST: hugemap signals
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: hotunplug
 * Description: What programs see when the memory behind a mapping goes away.
 *	The device is unbound from its driver through sysfs, as it is when it
 *	is unplugged, and bound again.
 *
 * SUBTEST: outside
 * Description: There is no way to reach beyond the region or the mapping.
 *
 * SUBTEST: handled-fault
 * Description: A handler that repairs a protection and returns goes on.
 *
 * SUBTEST: unbind-idle
 * Description: A device nobody uses can be unbound and bound again.
 *
 * SUBTEST: unbind-mapped
 * Description: After unbinding every access to a mapping is a SIGBUS, and
 *	everything else an error.
 *
 * SUBTEST: unbind-in-other-process
 * Description: The same in processes that inherited the mapping or made their
 *	own.
 *
 * SUBTEST: unbind-then-change
 * Description: What is left of a mapping can be protected, moved, cut and
 *	unmapped.
 *
 * SUBTEST: unbind-while-touching
 * Description: Processes that use the memory while it goes away get a SIGBUS.
 *
 * SUBTEST: unbind-while-faulting
 * Description: The same where every access is a page fault.
 *
 * SUBTEST: unbind-while-copying
 * Description: read() and write() that are under way end with an error.
 *
 * SUBTEST: unbind-while-mapping
 * Description: mmap(), munmap() and fork() while the memory goes away.
 *
 * SUBTEST: bind-while-mapped
 * Description: A new binding does not revive old mappings and descriptors.
 *
 * SUBTEST: bind-settings
 * Description: A new binding begins with the settings of the module.
 *
 * SUBTEST: bind-unbind
 * Description: A device can be unbound and bound over and over.
 */

IGT_TEST_DESCRIPTION("What programs see when the memory behind a mapping goes away.");

#define RW	(PROT_READ | PROT_WRITE)

/* A device and its nodes, as they were before it was unbound. */
static struct {
	struct hm_device dev;
	char label[32];
	struct hm_node node[HM_MAX_NODES];
	int nr;
	bool unbound;
} target;

/* With struct pages if it had them. */
static int bind_target(void)
{
	bool before = hm_module_pages(target.node[0].pages);
	int err = __hm_device_bind(&target.dev);

	hm_module_pages(before);
	target.unbound = false;
	return err;
}

static void bind_at_exit(int sig)
{
	(void)sig;
	if (target.unbound)
		bind_target();
}

static void unbind(void)
{
	int err;

	/* Our own descriptors are not what the test is about. */
	hm_nodes_close();
	igt_install_exit_handler(bind_at_exit);
	err = __hm_device_unbind(&target.dev);
	igt_assert_f(!err, "unbinding %s: %s\n", target.dev.name,
		     strerror(-err));
	target.unbound = true;
}

static void bind_again(void)
{
	int err = bind_target();

	igt_assert_f(!err, "binding %s: %s\n", target.dev.name,
		     strerror(-err));
}

/*
 * Makes the next device the target; NULL begins.  Returns its name for a
 * dynamic subtest, "platform", "pci", "pci-2", or NULL behind the last.
 * Binding is slow where memory has to be found for it, so the nodes of a
 * device are tested together.
 */
static const char *next_device(const char *last)
{
	static struct hm_device all[HM_MAX_NODES];
	static int nr, at;
	int i, same = 1;

	/* A subtest that failed may have left it. */
	bind_at_exit(0);
	if (!last) {
		nr = at = 0;
		hm_for_each_node(node) {
			hm_node_device(node, &all[nr]);
			for (i = 0; strcmp(all[i].name, all[nr].name); i++)
				;
			nr += i == nr;
		}
	}
	if (at == nr)
		return NULL;
	target.dev = all[at];
	target.nr = 0;
	hm_for_each_node(node) {
		struct hm_device dev;

		hm_node_device(node, &dev);
		if (!strcmp(dev.name, target.dev.name))
			target.node[target.nr++] = *node;
	}
	for (i = 0; i < at; i++)
		same += !strcmp(all[i].bus, target.dev.bus);
	at++;
	if (same > 1)
		snprintf(target.label, sizeof(target.label), "%s-%d",
			 target.dev.bus, same);
	else
		snprintf(target.label, sizeof(target.label), "%s",
			 target.dev.bus);
	return target.label;
}

/* The nodes of the target. */
#define for_each_victim(n) \
	for (struct hm_node *n = target.node; \
	     n < target.node + target.nr; n++)

/* The node of that label, as it is now. */
static struct hm_node *find(const char *label)
{
	hm_for_each_node(node)
		if (!strcmp(node->label, label))
			return node;
	igt_assert_f(false, "%s is gone\n", label);
	return NULL;
}

static void check_works(const struct hm_node *node, uint64_t seed)
{
	uint64_t len = hm_pmd_size(node), val;
	void *p;

	p = hm_mmap(node, 0, len, RW);
	hm_fill_pages(p, 0, len, seed);
	hm_check_pages(p, 0, len, seed);
	__sync_synchronize();
	igt_assert_eq_s64(pread(node->fd, &val, sizeof(val), 4096),
			  sizeof(val));
	igt_assert_eq_u64(val, hm_pattern(4096, seed));
	hm_munmap(p, len);
}

static void check_all_work(uint64_t seed)
{
	for_each_victim(n)
		check_works(find(n->label), seed);
	hm_nodes_close();
}

static void test_outside(const struct hm_node *node)
{
	uint64_t page = hm_page_size(), len = 4 * page;
	struct hm_touch t;
	char *area, *p;

	area = hm_reserve_aligned(3 * len, page);
	p = hm_mmap_at(node, area + len, node->size - len, len, RW);
	hm_munmap(area, len);
	hm_munmap(area + 2 * len, len);
	hm_fill_pages(p, node->size - len, len, 1);
	t = hm_touch_read(p + len);
	igt_assert_eq(t.sig, SIGSEGV);
	igt_assert_eq(t.code, SEGV_MAPERR);
	t = hm_touch_write(p - 1);
	igt_assert_eq(t.sig, SIGSEGV);
	igt_assert_eq(t.code, SEGV_MAPERR);
	igt_assert(mremap(p, len, len + page, 0) == MAP_FAILED);
	igt_assert(mmap(area + 2 * len, page, RW, MAP_SHARED | MAP_FIXED,
			node->fd, node->size) == MAP_FAILED);
	igt_assert_eq(hm_touch_read(p + len).sig, SIGSEGV);
	/* The last byte is there. */
	p[len - 1] = 0x5a;
	igt_assert_eq(p[len - 1], 0x5a);
	hm_munmap(p, len);
}

static volatile char *handler_page;
static volatile int handler_calls;

static void handler(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)ctx;
	handler_calls++;
	if (info->si_addr != handler_page ||
	    mprotect((void *)handler_page, hm_page_size(), RW))
		_exit(1);
}

static void test_handled_fault(const struct hm_node *node)
{
	struct sigaction sa = { .sa_sigaction = handler,
				.sa_flags = SA_SIGINFO };

	hm_for_each_order(node, order) {
		uint64_t off, len, step;
		char *p;

		p = hm_mmap_order(node, order, RW, &off, &len);
		if (!p)
			continue;
		step = len / 64;
		hm_fill_step(p, off, len, step, 2);
		igt_assert_eq(mprotect(p, len, PROT_READ), 0);
		igt_fork(child, 1) {
			handler_page = p + len / 2;
			sigaction(SIGSEGV, &sa, NULL);
			*handler_page = 77;
			igt_assert_eq(handler_calls, 1);
			igt_assert_eq(*handler_page, 77);
		}
		igt_waitchildren();
		igt_assert_eq(p[len / 2], 77);
		hm_check_step(p, off, len / 2, step, 2);
		hm_check_step(p + len / 2 + step, off + len / 2 + step,
			      len / 2 - step, step, 2);
		hm_munmap(p, len);
	}
}

static void test_unbind_idle(void)
{
	unbind();
	for_each_victim(n)
		igt_assert_neq(access(n->path, F_OK), 0);
	bind_again();
	check_all_work(3);
}

/* What a process has when the device goes away. */
struct remains {
	int fd;
	char *ro;
	char *untouched;
	uint64_t untouched_len;
	char *p[3];
	uint64_t len[3];
	int nr;
};

static struct remains remains[HM_MAX_NODES];

static void remains_make(const struct hm_node *n, struct remains *r)
{
	uint64_t off;

	memset(r, 0, sizeof(*r));
	r->fd = hm_open(n, O_RDWR);
	hm_for_each_order(n, order) {
		r->p[r->nr] = hm_mmap_order(n, order, RW, &off, &r->len[r->nr]);
		r->nr += !!r->p[r->nr];
	}
	r->untouched_len = hm_pmd_size(n);
	r->untouched = hm_mmap_fd(r->fd, 0, r->untouched_len, RW);
	r->ro = hm_mmap_fd(r->fd, 0, hm_page_size(), PROT_READ);
	igt_assert_eq(hm_touch_read(r->ro).sig, 0);
}

static void remains_check_mappings(const struct remains *r)
{
	struct hm_stats s;
	int i;

	/* Mapped or not yet, at both ends. */
	for (i = 0; i < r->nr; i++) {
		hm_assert_sigbus(r->p[i]);
		hm_assert_sigbus(r->p[i] + r->len[i] / 2 + 1);
		hm_assert_sigbus(r->p[i] + r->len[i] - 1);
	}
	hm_assert_sigbus(r->untouched);
	hm_assert_sigbus(r->untouched + r->untouched_len - 1);
	igt_assert_eq(hm_touch_read(r->ro).sig, SIGBUS);
	/* What protection forbids is still that. */
	igt_assert_eq(hm_touch_write(r->ro).sig, SIGSEGV);

	hm_stats_read(r->fd, &s);
	igt_assert_lte_u64(5, hm_stats_get(&s, "sigbus"));
	hm_assert_stat(&s, "vmas", 2);
}

static void remains_check_calls(const struct hm_node *n,
				const struct remains *r)
{
	uint64_t page = hm_page_size();
	struct drm_hugemap_query q;
	char buf[64] = "";
	int mem, pipes[2];

	igt_assert_eq_s64(pread(r->fd, buf, sizeof(buf), 0), -1);
	igt_assert_eq(errno, ENODEV);
	igt_assert_eq_s64(pwrite(r->fd, buf, sizeof(buf), 0), -1);
	igt_assert_eq(errno, ENODEV);
	igt_assert_eq_s64(read(r->fd, buf, 1), -1);
	igt_assert_eq(errno, ENODEV);
	igt_assert_eq(fsync(r->fd), -1);
	igt_assert_eq(errno, ENODEV);
	igt_assert_eq(__hm_query(r->fd, &q), -ENODEV);
	igt_assert_eq(__hm_prefault(r->fd, r->untouched, page, 0,
				    DRM_HUGEMAP_ORDER_ANY, NULL), -ENODEV);
	igt_assert(mmap(NULL, page, RW, MAP_SHARED, r->fd, 0) == MAP_FAILED);
	igt_assert_eq(errno, ENODEV);
	igt_assert(mmap(NULL, n->size, RW, MAP_SHARED, r->fd, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, ENODEV);

	/* A debugger, and the kernel's own accesses, fail without a signal. */
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	igt_assert_fd(mem);
	igt_assert_eq_s64(pread(mem, buf, 8, (uintptr_t)r->untouched), -1);
	igt_assert_eq(errno, EIO);
	igt_assert_eq_s64(pwrite(mem, buf, 8, (uintptr_t)r->untouched), -1);
	igt_assert_eq(errno, EIO);
	close(mem);
	igt_assert_eq(access(r->untouched, F_OK), -1);
	igt_assert_eq(errno, EFAULT);
	igt_assert_eq(pipe(pipes), 0);
	igt_assert_eq_s64(write(pipes[1], r->untouched, 8), -1);
	igt_assert_eq(errno, EFAULT);
	igt_assert_eq_s64(write(pipes[1], buf, 8), 8);
	igt_assert_eq_s64(read(pipes[0], r->untouched, 8), -1);
	igt_assert_eq(errno, EFAULT);
	close(pipes[0]);
	close(pipes[1]);

	/* The node and what belongs to it are gone. */
	igt_assert_eq(open(n->path, O_RDWR | O_CLOEXEC), -1);
	igt_assert(errno == ENOENT || errno == ENXIO || errno == ENODEV);
	igt_assert(__hm_sysfs_read(n, "size", buf, sizeof(buf)) < 0);
}

static void remains_free(struct remains *r)
{
	while (r->nr--)
		hm_munmap(r->p[r->nr], r->len[r->nr]);
	hm_munmap(r->untouched, r->untouched_len);
	hm_munmap(r->ro, hm_page_size());
	igt_assert_eq(close(r->fd), 0);
}

static void test_unbind_mapped(void)
{
	for_each_victim(n)
		remains_make(n, &remains[n - target.node]);
	unbind();
	for_each_victim(n) {
		struct remains *r = &remains[n - target.node];

		igt_debug("%s\n", n->label);
		remains_check_mappings(r);
		remains_check_calls(n, r);
		remains_free(r);
	}
	bind_again();
	check_all_work(4);
}

/* Memory that all processes see, zeroed. */
static volatile int *shared_ints(void)
{
	void *p = mmap(NULL, 4096, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	igt_assert(p != MAP_FAILED);
	return p;
}

static void wait_for(volatile int *count, int want)
{
	int ms;

	for (ms = 0; *count < want && ms < 120000; ms++)
		usleep(1000);
	igt_assert_eq(*count, want);
}

static void test_unbind_in_other_process(void)
{
	volatile int *go = shared_ints(), *ready = go + 1;
	uint64_t len = 2 * hm_pmd_size(target.node);
	static char *p[HM_MAX_NODES];
	int i;

	for (i = 0; i < target.nr; i++) {
		igt_hugemap_require_size(&target.node[i], len);
		p[i] = hm_mmap(&target.node[i], 0, len, RW);
		hm_fill_pages(p[i], 0, len, 5);
	}
	igt_fork(child, 3 * target.nr) {
		const struct hm_node *n = &target.node[child / 3];
		char *q = p[child / 3];
		int kind = child % 3;

		/* A descriptor and a mapping of its own. */
		if (kind == 2) {
			hm_munmap(q, len);
			q = hm_mmap_fd(hm_open(n, O_RDWR), 0, len, RW);
		}
		/* The first kind does not touch anything before. */
		if (kind)
			hm_check_pages(q, 0, len, 5);
		__atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
		while (!*go)
			usleep(1000);
		hm_assert_sigbus(q);
		hm_assert_sigbus(q + len - 1);
		/* Or leaves it to the kernel. */
		if (kind)
			hm_munmap(q, len);
	}
	wait_for(ready, 3 * target.nr);
	unbind();
	*go = 1;
	igt_waitchildren_timeout(120, "children after unbinding");
	for (i = 0; i < target.nr; i++) {
		hm_assert_sigbus(p[i]);
		hm_munmap(p[i], len);
	}
	hm_munmap((void *)go, 4096);
	bind_again();
	check_all_work(6);
}

static void change(char *p, uint64_t len)
{
	uint64_t page = hm_page_size();
	char *q;

	igt_assert_eq(mprotect(p, len, PROT_READ), 0);
	igt_assert_eq(mprotect(p + page, page, RW), 0);
	hm_assert_sigbus(p + page);
	hm_munmap(p + 5 * page, page);
	igt_assert_eq(hm_touch_read(p + 5 * page).sig, SIGSEGV);
	igt_assert_eq(mprotect(p, 5 * page, PROT_NONE), 0);
	igt_assert_eq(hm_touch_read(p).sig, SIGSEGV);
	igt_assert_eq(mprotect(p, 5 * page, RW), 0);
	/* These three pages are one VMA. */
	q = mremap(p + 2 * page, 3 * page, 3 * page,
		   MREMAP_MAYMOVE | MREMAP_FIXED,
		   hm_reserve_aligned(3 * page, page));
	igt_assert_f(q != MAP_FAILED, "%m\n");
	igt_assert_eq(hm_touch_read(p + 2 * page).sig, SIGSEGV);
	hm_assert_sigbus(p);
	hm_assert_sigbus(q + 2 * page);
	igt_assert_eq(msync(q, 3 * page, MS_SYNC), -1);
	igt_assert_eq(errno, ENODEV);
	igt_assert_eq(mlock(q, page), 0);
	igt_fork(child, 1) {
		hm_assert_sigbus(q);
		igt_assert_eq(hm_touch_read(p + 6 * page).sig, SIGBUS);
	}
	igt_waitchildren();
	hm_munmap(q, 3 * page);
	hm_munmap(p, 2 * page);
	hm_munmap(p + 6 * page, len - 6 * page);
}

static void test_unbind_then_change(void)
{
	for_each_victim(n)
		remains_make(n, &remains[n - target.node]);
	unbind();
	for_each_victim(n) {
		struct remains *r = &remains[n - target.node];
		int i;

		igt_debug("%s\n", n->label);
		for (i = 0; i < r->nr; i++)
			change(r->p[i], r->len[i]);
		r->nr = 0;
		remains_free(r);
	}
	bind_again();
	check_all_work(7);
}

/* ---- unbinding under load ---- */

enum load { TOUCH, FAULT, COPY, MAP };

/* Each does one thing, and returns false when the memory is gone. */
static bool touch(char *p, int fd, uint64_t at, uint64_t len)
{
	(void)fd;
	(void)len;
	if (!hm_touch_write(p + at).sig)
		return true;
	hm_assert_sigbus(p + at);
	return false;
}

/* Whether it is there or gone by now. */
static void touch_either(struct hm_touch t)
{
	igt_assert_f(!t.sig || t.sig == SIGBUS, "%s\n", strsignal(t.sig));
}

/* New mappings are refused before old ones are taken away, but not for long. */
static void assert_goes(char *p)
{
	for (int ms = 0; ms < 20000 && !hm_touch_read(p).sig; ms++)
		usleep(1000);
	hm_assert_sigbus(p);
}

static bool fault(char *p, int fd, uint64_t at, uint64_t len)
{
	static char *last;
	static uint64_t last_at;
	char *q = mmap(NULL, len, RW, MAP_SHARED, fd, 0);

	(void)p;
	if (q == MAP_FAILED) {
		igt_assert_eq(errno, ENODEV);
		if (last)
			assert_goes(last + last_at);
		return false;
	}
	if (last)
		hm_munmap(last, len);
	last = q;
	last_at = at;
	touch_either(hm_touch_write(q + at));
	touch_either(hm_touch_read(q + len - 1 - at));
	return true;
}

static bool copy(char *p, int fd, uint64_t at, uint64_t len)
{
	static char *buf;
	ssize_t n;

	(void)p;
	buf = buf ?: calloc(1, len);
	igt_assert(buf);
	n = at & hm_page_size() ? pread(fd, buf, len, 0) :
				  pwrite(fd, buf, len, 0);
	if (n < 0)
		igt_assert_eq(errno, ENODEV);
	return n >= 0;
}

static bool map(char *p, int fd, uint64_t at, uint64_t len)
{
	uint64_t page = hm_page_size();
	int status;
	pid_t pid;

	(void)len;
	hm_munmap(p + at, page);
	if (mmap(p + at, page, RW, MAP_SHARED | MAP_FIXED, fd, at) ==
	    MAP_FAILED) {
		igt_assert_eq(errno, ENODEV);
		return false;
	}
	touch_either(hm_touch_read(p + at));
	if (at / page % 8)
		return true;
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		touch_either(hm_touch_write(p + at));
		_exit(0);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(status, 0);
	return true;
}

static void unbind_under(enum load load)
{
	static bool (* const work[])(char *, int, uint64_t, uint64_t) = {
		[TOUCH] = touch, [FAULT] = fault, [COPY] = copy, [MAP] = map,
	};
	const int processes = 2 * target.nr;
	volatile int *ready = shared_ints();
	uint64_t len = 4 * hm_pmd_size(target.node);

	for_each_victim(n)
		igt_hugemap_require_size(n, len);
	hm_nodes_close();
	igt_fork(child, processes) {
		int fd = hm_open(&target.node[child / 2], O_RDWR);
		char *p = hm_mmap_fd(fd, 0, len, RW);
		uint64_t i, at;

		for (i = 0;; i++) {
			if (i == 3)
				__atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
			at = hm_pattern(i, child) % len;
			at &= ~(hm_page_size() - 1);
			if (!work[load](p, fd, at, len))
				break;
		}
	}
	wait_for(ready, processes);
	unbind();
	igt_waitchildren_timeout(120, "children after unbinding");
	hm_munmap((void *)ready, 4096);
	bind_again();
	check_all_work(8);
}

static void test_unbind_while_touching(void)
{
	unbind_under(TOUCH);
}

static void test_unbind_while_faulting(void)
{
	unbind_under(FAULT);
}

static void test_unbind_while_copying(void)
{
	unbind_under(COPY);
}

static void test_unbind_while_mapping(void)
{
	unbind_under(MAP);
}

static void test_bind_while_mapped(void)
{
	uint64_t len = hm_pmd_size(target.node);
	struct drm_hugemap_query q;
	static char *p[HM_MAX_NODES];
	static int fd[HM_MAX_NODES];
	int i;

	for (i = 0; i < target.nr; i++) {
		fd[i] = hm_open(&target.node[i], O_RDWR);
		p[i] = hm_mmap_fd(fd[i], 0, len, RW);
		hm_fill_pages(p[i], 0, len, 9);
	}
	unbind();
	for (i = 0; i < target.nr; i++)
		hm_assert_sigbus(p[i]);
	bind_again();

	/* Other regions, whatever their names. */
	check_all_work(10);
	for (i = 0; i < target.nr; i++) {
		hm_assert_sigbus(p[i]);
		hm_assert_sigbus(p[i] + len - 1);
		igt_assert_eq(__hm_query(fd[i], &q), -ENODEV);
		igt_assert(mmap(NULL, len, RW, MAP_SHARED, fd[i], 0) ==
			   MAP_FAILED);
		igt_assert_eq(errno, ENODEV);
		hm_munmap(p[i], len);
		igt_assert_eq(__hm_query(fd[i], &q), -ENODEV);
		close(fd[i]);
	}
	check_all_work(11);
}

static void test_bind_settings(void)
{
	static uint64_t order[HM_MAX_NODES], allow[HM_MAX_NODES];
	struct hm_node *again;
	char vma[16];
	int i;

	for (i = 0; i < target.nr; i++) {
		struct hm_node *n = &target.node[i];

		order[i] = hm_sysfs_read_u64(n, "max_order");
		allow[i] = hm_sysfs_read_u64(n, "allow_pmd");
		hm_sysfs_write(n, "max_order", order[i] ? "0" : "9");
		hm_sysfs_write(n, "allow_pmd", allow[i] ? "0" : "1");
		hm_sysfs_read(n, "vma", vma, sizeof(vma));
		if (!strcmp(vma, "auto"))
			hm_sysfs_write(n, "vma", "pfnmap");
	}
	/* Not unbind(): closing the nodes puts the settings back. */
	igt_install_exit_handler(bind_at_exit);
	igt_assert_eq(__hm_device_unbind(&target.dev), 0);
	target.unbound = true;
	hm_nodes_close();
	bind_again();
	for (i = 0; i < target.nr; i++) {
		again = find(target.node[i].label);
		igt_assert_eq_u64(hm_sysfs_read_u64(again, "max_order"),
				  order[i]);
		igt_assert_eq_u64(hm_sysfs_read_u64(again, "allow_pmd"),
				  allow[i]);
		igt_assert_eq_u64(again->size, target.node[i].size);
		/* What a system region gets depends on the day. */
		/* Numbers are given anew. */
		again->q.node = target.node[i].q.node;
		if (again->q.type != DRM_HUGEMAP_REGION_SYSTEM)
			igt_assert(!memcmp(&again->q, &target.node[i].q,
					   sizeof(again->q)));
	}
}

static void test_bind_unbind(void)
{
	int i;

	for (i = 0; i < 4; i++) {
		unbind();
		bind_again();
		check_all_work(i);
	}
}

static const struct {
	const char *name;
	const char *description;
	void (*fn)(void);
} subtests[] = {
	{ "unbind-idle",
	  "A device nobody uses can be unbound and bound again.",
	  test_unbind_idle },
	{ "unbind-mapped",
	  "After unbinding every access to a mapping is a SIGBUS, and everything else an error.",
	  test_unbind_mapped },
	{ "unbind-in-other-process",
	  "The same in processes that inherited the mapping or made their own.",
	  test_unbind_in_other_process },
	{ "unbind-then-change",
	  "What is left of a mapping can be protected, moved, cut and unmapped.",
	  test_unbind_then_change },
	{ "unbind-while-touching",
	  "Processes that use the memory while it goes away get a SIGBUS.",
	  test_unbind_while_touching },
	{ "unbind-while-faulting",
	  "The same where every access is a page fault.",
	  test_unbind_while_faulting },
	{ "unbind-while-copying",
	  "read() and write() that are under way end with an error.",
	  test_unbind_while_copying },
	{ "unbind-while-mapping",
	  "mmap(), munmap() and fork() while the memory goes away.",
	  test_unbind_while_mapping },
	{ "bind-while-mapped",
	  "A new binding does not revive old mappings and descriptors.",
	  test_bind_while_mapped },
	{ "bind-settings",
	  "A new binding begins with the settings of the module.",
	  test_bind_settings },
	{ "bind-unbind",
	  "A device can be unbound and bound over and over.",
	  test_bind_unbind },
};

int igt_main()
{
	volatile unsigned int i;

	igt_fixture()
		igt_hugemap_require_nodes();

	igt_describe("There is no way to reach beyond the region or the mapping.");
	igt_subtest_with_dynamic("outside")
		hm_dynamic_for_each_node(node)
			test_outside(node);

	igt_describe("A handler that repairs a protection and returns goes on.");
	igt_subtest_with_dynamic("handled-fault")
		hm_dynamic_for_each_node(node)
			test_handled_fault(node);

	for (i = 0; i < ARRAY_SIZE(subtests); i++) {
		igt_describe(subtests[i].description);
		igt_subtest_with_dynamic(subtests[i].name)
			for (const char *volatile name = next_device(NULL);
			     name; name = next_device(name))
				igt_dynamic_f("%s", name)
					subtests[i].fn();
	}
}
