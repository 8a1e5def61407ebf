// SPDX-License-Identifier: GPL-2.0
/*
 * What depends on the size of the mapping, up to all of a large BAR; and on the
 * number of threads that fault at once.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drm/hugemap_drm.h>

#include "bench.h"

static void scale_one(struct peer *p, size_t len)
{
	struct drm_hugemap_dirty_start s = { .len = len, .granule = KIB4 };
	struct drm_hugemap_dirty_sync sync = {};
	uint64_t from = now();
	char *m = peer_map(p, len);
	size_t i;

	result("mmap", p->name, len, 0, "cost", now() - from);
	from = now();
	peer_touch(p, m, len);
	result("first-touch", p->name, len, 0, "cost", now() - from);
	if (!strcmp(p->kind, "hugemap")) {
		from = now();
		check(!ioctl(p->fd, DRM_IOCTL_HUGEMAP_DIRTY_START, &s));
		result("start", p->name, len, 0, "cost", now() - from);
		for (i = 0; i < 100; i++)
			*(volatile char *)(m + (len / 100 * i & ~4095UL)) = 1;
		sync.tracker = s.tracker;
		from = now();
		check(!ioctl(p->fd, DRM_IOCTL_HUGEMAP_DIRTY_SYNC, &sync));
		result("sync-count", p->name, len, 100, "cost", now() - from);
		check(sync.nr_dirty == 100);
		check(!ioctl(p->fd, DRM_IOCTL_HUGEMAP_DIRTY_STOP,
			     &(struct drm_hugemap_dirty_stop){
				.tracker = s.tracker }));
	}
	from = now();
	peer_unmap(m, len);
	result("munmap-split", p->name, len, 0, "cost", now() - from);
}

void bench_scale(void)
{
	static const size_t gib[] = { 1, 4, 16, 64, 256 };
	static const char * const names[] = { "hugemap-1g", "floor-1g", "dax-1g" };
	unsigned int r, i, k;

	for (r = 0; r < reps; r++)
		for (i = 0; i < ARRAY_SIZE(gib); i++)
			for (k = 0; k < ARRAY_SIZE(names); k++) {
				struct peer *p = peer_get(names[k]);

				if (p && peer_has(p, gib[i] * GIB))
					scale_one(p, gib[i] * GIB);
			}
}

/* ---- threads ---- */

#define MAX_THREADS	4
#define CONTENTION	"/sys/kernel/tracing/events/lock/contention_begin"

static pthread_barrier_t barrier;

struct toucher {
	pthread_t thread;
	const struct peer *p;
	char *m;
};

static void *touch(void *arg)
{
	struct toucher *t = arg;

	pthread_barrier_wait(&barrier);
	peer_touch(t->p, t->m, GIB);
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* One GiB for each thread, all in one mapping. */
static uint64_t touch_all(struct peer *p, unsigned int n)
{
	struct toucher t[MAX_THREADS];
	char *m = peer_map(p, n * GIB);
	unsigned int i;
	uint64_t from;

	check(!pthread_barrier_init(&barrier, NULL, n + 1));
	for (i = 0; i < n; i++) {
		t[i] = (struct toucher){ .p = p, .m = m + i * GIB };
		check(!pthread_create(&t[i].thread, NULL, touch, &t[i]));
	}
	from = now();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	from = now() - from;
	for (i = 0; i < n; i++)
		pthread_join(t[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
	peer_unmap(m, n * GIB);
	return from;
}

/* Whose lock it is: the first function on the stack that is not a lock's own. */
static bool is_lock(const char *line)
{
	static const char * const names[] = {
		"__traceiter", "trace_", "__mutex", "mutex_", "rwsem_", "down_",
		"up_", "__down", "_raw_", "__raw_", "queued_", "native_queued",
		"__pv_", "__contention", "rt_mutex", "osq_", "preempt_",
		"do_raw_",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(line, names[i], strlen(names[i])))
			return true;
	return false;
}

static void lock_statistics(const char *peer, unsigned int threads)
{
	long driver = 0, under = 0, others = 0, hits;
	bool found = false, own = false, inside = false;
	FILE *f = fopen(CONTENTION "/hist", "r");
	char line[512];

	check(f);
	while (fgets(line, sizeof(line), f)) {
		char *at = line + strspn(line, " \t");

		if (strstr(line, "stacktrace:")) {
			found = own = inside = false;
		} else if (sscanf(at, "} hitcount: %ld", &hits) == 1) {
			*(own ? &driver : inside ? &under : &others) += hits;
		} else if (strchr(at, '+')) {
			inside |= strstr(at, "[hugemap]") != NULL;
			if (!found && !is_lock(at)) {
				found = true;
				own = strstr(at, "[hugemap]") != NULL;
			}
		}
	}
	fclose(f);
	result("contended", peer, 0, threads, "driver locks", driver);
	result("contended", peer, 0, threads, "core locks below the driver",
	       under);
	result("contended", peer, 0, threads, "others", others);
}

static bool watch_locks(bool on)
{
	char text[64];

	snprintf(text, sizeof(text), "%shist:keys=common_stacktrace",
		 on ? "" : "!");
	if (access(CONTENTION "/trigger", W_OK))
		return false;
	write_file(CONTENTION "/trigger", text);
	return true;
}

void bench_threads(void)
{
	static const unsigned int counts[] = { 1, 2, 4 };
	static const char * const names[] = {
		"hugemap-2m", "dax-2m", "floor-2m", "hugemap-4k", "floor-4k",
	};
	unsigned int r, i, k;

	if (counting) {
		skip("threads", "all", "one CPU only where instructions are counted");
		return;
	}
	for (r = 0; r < reps; r++)
		for (i = 0; i < ARRAY_SIZE(counts); i++)
			for (k = 0; k < ARRAY_SIZE(names); k++) {
				struct peer *p = peer_get(names[k]);

				if (!p || !peer_has(p, counts[i] * GIB)) {
					if (!r && p)
						skip("threads", names[k],
						     "%u GiB are not there",
						     counts[i]);
					continue;
				}
				/* 4 GiB by pages of 4 KiB are too many. */
				if (!strcmp(p->name, "floor-4k"))
					continue;
				result("threads", p->name, GIB, counts[i], "cost",
				       touch_all(p, counts[i]));
			}
	for (k = 0; k < ARRAY_SIZE(names); k++) {
		struct peer *p = peer_get(names[k]);

		if (!p || strcmp(p->kind, "hugemap"))
			continue;
		if (!watch_locks(true)) {
			skip("contended", p->name, "no such tracepoint");
			break;
		}
		for (r = 0; r < reps; r++)
			touch_all(p, MAX_THREADS);
		lock_statistics(p->name, MAX_THREADS);
		watch_locks(false);
	}
}
