// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "klog.h"

/*
 * Extended regular expression. "WARNING:" and "BUG:" are what WARN() and the
 * page table, slab and locking checks print; the rest names reports that have
 * neither word in their first line.
 */
static const char splat_pattern[] =
	"(^|[^A-Za-z])(BUG|WARNING):|"
	"kernel BUG at|"
	"(^|[^A-Za-z])Oops(:| )|"
	"general protection|"
	"[Bb]ad (p[gm4u]?d|pte|page)|"
	"(^|[^a-z])lockdep|"
	"possible (circular|recursive|irq lock|unsafe)|"
	"(KASAN|KCSAN|KFENCE|UBSAN):|"
	"unreferenced object|"
	/*
	 * Not what it says at every boot and scan; jobs read its findings. Nor that
	 * it "Cannot allocate a scan area, scanning the full object": fault
	 * injection makes its own allocations fail, too, and this one only has it
	 * look at more (add_scan_area(), mm/kmemleak.c).
	 */
	"kmemleak: .*(disabled|empty|Cannot (insert|allocate a kmemleak)|unknown|Partially|by alias)|"
	"rcu: .*(detected.*stall|self-detected|starved)|"
	"soft lockup|hard LOCKUP|"
	"hung.task:|blocked for more than|"
	"Call Trace|"
	"use-after-free|"
	"refcount_t:|"
	"list_(add|del) corruption|"
	"scheduling while atomic|"
	"not clean during takedown|"
	"nobody cared|"
	"Out of memory:";

/*
 * What users may write to the log: a subtest of IGT announces its name there,
 * and a name may well be "use-after-free". Facility 0 is the kernel.
 */
static int is_announcement(int facility, const char *text)
{
	return facility && (!strncmp(text, "[IGT] ", 6) ||
			    !strncmp(text, "hm-run: ", 8));
}

/* At boot, of what it is going to look for. */
static int is_intention(const char *text)
{
	return !strncmp(text, "rcu: ", 5) && strstr(text, " is enabled.");
}

int klog_open(int from_end)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && from_end)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static int is_splat(char *record)
{
	static regex_t re;
	static int compiled;
	char *text = strchr(record, ';');

	if (!text)
		return 0;
	if (!compiled) {
		if (regcomp(&re, splat_pattern, REG_EXTENDED | REG_NOSUB))
			abort();
		compiled = 1;
	}
	text++;
	/* Lines after the first are the record's dictionary. */
	text[strcspn(text, "\n")] = 0;
	if (is_announcement(atoi(record) >> 3, text) || is_intention(text))
		return 0;
	return !regexec(&re, text, 0, NULL, 0);
}

int klog_scan(int fd, int max, void (*report)(const char *line))
{
	char buf[8192];
	int found = 0;
	ssize_t n;

	for (;;) {
		n = read(fd, buf, sizeof(buf) - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE) {
			/* What was overwritten may have told of anything. */
			if (found++ < max)
				report("kernel log overrun: records lost");
			continue;
		}
		if (n <= 0)
			return found;
		buf[n] = 0;
		if (is_splat(buf) && found++ < max)
			report(strchr(buf, ';') + 1);
	}
}
