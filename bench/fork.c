// SPDX-License-Identifier: GPL-2.0
/*
 * fork() of a process that has much mapped, less what it costs without.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static uint64_t fork_once(void)
{
	uint64_t from = now(), t;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	t = now() - from;
	check(pid > 0);
	check(waitpid(pid, NULL, 0) == pid);
	return t;
}

void bench_fork(void)
{
	static const struct { const char *name; size_t len; } list[] = {
		{ "hugemap-1g", GIB }, { "hugemap-2m", GIB }, { "hugemap-4k", GIB },
		{ "dax-1g", GIB }, { "dax-2m", GIB },
		{ "floor-1g", GIB }, { "floor-2m", GIB }, { "full-4k", GIB },
		{ "devmem-4k", GIB },
		{ "hugemap-1g", 16 * GIB }, { "hugemap-2m", 16 * GIB },
		{ "dax-1g", 16 * GIB }, { "floor-1g", 16 * GIB },
		{ "floor-2m", 16 * GIB },
	};
	unsigned int r, i;
	char *m;

	for (r = 0; r < reps; r++) {
		result("fork", "nothing", 0, 0, "cost", fork_once());
		for (i = 0; i < ARRAY_SIZE(list); i++) {
			struct peer *p = peer_get(list[i].name);

			if (!p)
				continue;
			m = peer_map(p, list[i].len);
			if (!p->full)
				peer_touch(p, m, list[i].len);
			result("fork", p->name, list[i].len, 0, "cost",
			       fork_once());
			peer_unmap(m, list[i].len);
		}
	}
}
