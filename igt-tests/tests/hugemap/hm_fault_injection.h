/* SPDX-License-Identifier: MIT */
/*
 * Kernels that make allocations and user copies fail on purpose
 * (Documentation/fault-injection/).
 */
#ifndef HM_FAULT_INJECTION_H
#define HM_FAULT_INJECTION_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

#include "igt.h"
#include "igt_hugemap.h"

#define FI_DEBUGFS	"/sys/kernel/debug"

static const char * const fi_caps[] = {
	"failslab", "fail_page_alloc", "fail_usercopy",
};

static int fi_fd = -1;

/* ---- settings, put back at exit ---- */

static struct {
	char path[96];
	char val[32];
} fi_saved[40];
static int fi_nr_saved;

static void fi_restore(int sig)
{
	(void)sig;
	while (fi_nr_saved) {
		fi_nr_saved--;
		__hm_write_file(fi_saved[fi_nr_saved].path,
				fi_saved[fi_nr_saved].val);
	}
}

/* False if this kernel has no such setting. */
static bool fi_set(const char *cap, const char *name, const char *val)
{
	char path[96], old[32];
	int i;

	snprintf(path, sizeof(path), FI_DEBUGFS "/%s/%s", cap, name);
	if (__hm_read_file(path, old, sizeof(old)) < 0)
		return false;
	for (i = 0; i < fi_nr_saved; i++)
		if (!strcmp(fi_saved[i].path, path))
			break;
	if (i == fi_nr_saved) {
		igt_assert_lt(i, (int)ARRAY_SIZE(fi_saved));
		old[strcspn(old, "\n")] = 0;
		snprintf(fi_saved[i].path, sizeof(fi_saved[i].path), "%s",
			 path);
		snprintf(fi_saved[i].val, sizeof(fi_saved[i].val), "%s", old);
		fi_nr_saved++;
	}
	igt_assert_f(!__hm_write_file(path, val), "\"%s\" to %s\n", val, path);
	return true;
}

static bool fi_has(const char *cap)
{
	char path[96];

	snprintf(path, sizeof(path), FI_DEBUGFS "/%s/probability", cap);
	return !access(path, F_OK);
}

/*
 * glibc's area for restartable sequences is written to whenever the thread was
 * preempted, and a user copy that fails there is a SIGSEGV.
 */
static void fi_no_rseq(void)
{
	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() +
			__rseq_offset, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static void igt_require_fault_injection(void)
{
	unsigned int i;

	fi_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	igt_require_f(fi_fd >= 0,
		      "this kernel has no fault injection (CONFIG_FAULT_INJECTION)\n");
	igt_require_f(fi_has("failslab") && fi_has("fail_page_alloc"),
		      "this kernel cannot make allocations fail\n");
	igt_install_exit_handler(fi_restore);
	fi_no_rseq();
	for (i = 0; i < ARRAY_SIZE(fi_caps); i++) {
		if (!fi_has(fi_caps[i]))
			continue;
		fi_set(fi_caps[i], "probability", "0");
		/* A report of each, with a stack, would look like a crash. */
		fi_set(fi_caps[i], "verbose", "0");
		fi_set(fi_caps[i], "task-filter", "N");
	}
	/* By default only allocations that must not sleep fail. */
	fi_set("failslab", "ignore-gfp-wait", "N");
	fi_set("failslab", "cache-filter", "N");
	fi_set("fail_page_alloc", "ignore-gfp-wait", "N");
	fi_set("fail_page_alloc", "ignore-gfp-highmem", "N");
	fi_set("fail_page_alloc", "min-order", "0");
}

/* ---- the n-th thing that can fail in this thread, fails ---- */

static void fi_arm(unsigned int n)
{
	char buf[16];
	int len = snprintf(buf, sizeof(buf), "%u", n);

	igt_assert_eq(pwrite(fi_fd, buf, len, 0), len);
}

/* No more; returns whether it did. */
static bool fi_disarm(void)
{
	char buf[16] = "";
	ssize_t n = pread(fi_fd, buf, sizeof(buf) - 1, 0);

	/* Reading is a user copy as well: the one that failed. */
	if (n < 0)
		return false;
	if (!atoi(buf))
		return true;
	while (pwrite(fi_fd, "0", 1, 0) != 1)
		;
	return false;
}

/* ---- what is not to fail ---- */

static bool fi_sees_stacks(void)
{
	return !access(FI_DEBUGFS "/failslab/require-start", F_OK);
}

/* What has a caller in a range of addresses: @which is "require" or "reject". */
static void fi_stacks(const char *which, const char *from, const char *to)
{
	char start[16], end[16];
	unsigned int i;

	snprintf(start, sizeof(start), "%s-start", which);
	snprintf(end, sizeof(end), "%s-end", which);
	for (i = 0; i < ARRAY_SIZE(fi_caps); i++) {
		if (!fi_has(fi_caps[i]))
			continue;
		/* Never a range of more than is meant. */
		fi_set(fi_caps[i], end, "0");
		fi_set(fi_caps[i], start, from);
		fi_set(fi_caps[i], end, to);
	}
}

static void fi_spare_none(void)
{
	fi_stacks("reject", "0", "0");
}

/*
 * fi_stacks() with the addresses of a function of the kernel's; false if there is
 * none or if this kernel cannot tell (fail-nth looks at stacks since 6.2).
 */
static bool fi_below(const char *which, const char *function)
{
	char line[512], name[256], from[32], to[32];
	uint64_t addr, start = 0, end = UINT64_MAX;
	FILE *f;

	if (!fi_sees_stacks() || !hm_kernel_at_least(6, 2))
		return false;
	f = fopen("/proc/kallsyms", "re");
	igt_assert(f);
	while (!start && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 " %*c %255s", &addr, name) == 2 &&
		    !strcmp(name, function))
			start = addr;
	/* Those of modules are in no order. */
	rewind(f);
	while (start && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64, &addr) == 1 && addr > start &&
		    addr < end)
			end = addr;
	fclose(f);
	if (!start)
		return false;
	snprintf(from, sizeof(from), "%#" PRIx64, start);
	snprintf(to, sizeof(to), "%#" PRIx64, end);
	fi_stacks(which, from, to);
	return true;
}

/* Nothing below a function fails any more; one function at a time. */
static bool fi_spare(const char *function)
{
	return fi_below("reject", function);
}

/* Nothing but what is below a function fails. */
static bool fi_only(const char *function)
{
	return fi_below("require", function);
}

/* ---- everything of one module's, whoever does it ---- */

/* The addresses of its functions; false if the kernel does not tell. */
static bool fi_module_text(const char *module, uint64_t *start, uint64_t *end)
{
	char line[512], type, name[256], mod[64];
	uint64_t addr;
	FILE *f = fopen("/proc/kallsyms", "re");

	igt_assert(f);
	*start = UINT64_MAX;
	*end = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 " %c %255s [%63[^]]]", &addr, &type,
			   name, mod) != 4 || strcmp(mod, module) ||
		    (type != 't' && type != 'T') || !addr)
			continue;
		/* Of the code that goes away after loading nothing is left. */
		if (addr < *start)
			*start = addr;
		if (addr > *end)
			*end = addr;
	}
	fclose(f);
	/* The last function has a length, too. */
	*end += 4096;
	return *start < *end;
}

static void fi_all_stop(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fi_caps); i++) {
		if (!fi_has(fi_caps[i]))
			continue;
		fi_set(fi_caps[i], "probability", "0");
		fi_set(fi_caps[i], "times", "1");
	}
	if (fi_sees_stacks())
		fi_stacks("require", "0", "0xffffffffffffffff");
}

static void igt_require_stacks(void)
{
	igt_require_f(fi_sees_stacks(),
		      "this kernel does not look at stacks (CONFIG_FAULT_INJECTION_STACKTRACE_FILTER)\n");
}

/* As at first, whatever a test that failed has left. */
static void fi_calm(void)
{
	fi_disarm();
	fi_all_stop();
	fi_spare_none();
}

/*
 * Lets @times allocations fail, all that come, by each of the first @caps
 * capabilities, that have a function of the driver on the stack; see
 * igt_require_stacks().
 */
static void fi_all_start(unsigned int caps, unsigned int times)
{
	char from[32], to[32], n[16];
	uint64_t start, end;
	unsigned int i;

	igt_assert_f(fi_module_text("hugemap", &start, &end),
		     "no functions of hugemap in /proc/kallsyms\n");
	snprintf(from, sizeof(from), "%#" PRIx64, start);
	snprintf(to, sizeof(to), "%#" PRIx64, end);
	snprintf(n, sizeof(n), "%u", times);
	fi_stacks("require", from, to);
	for (i = 0; i < caps; i++) {
		if (!fi_has(fi_caps[i]))
			continue;
		fi_set(fi_caps[i], "stacktrace-depth", "32");
		fi_set(fi_caps[i], "interval", "1");
		fi_set(fi_caps[i], "times", n);
		fi_set(fi_caps[i], "probability", "100");
	}
}

/* How many did. */
static unsigned int fi_all_count(unsigned int caps, unsigned int times)
{
	unsigned int i, n = 0;
	char path[96], val[32];

	for (i = 0; i < caps; i++) {
		snprintf(path, sizeof(path), FI_DEBUGFS "/%s/times",
			 fi_caps[i]);
		if (__hm_read_file(path, val, sizeof(val)) > 0)
			n += times - atoi(val);
	}
	return n;
}

#endif /* HM_FAULT_INJECTION_H */
