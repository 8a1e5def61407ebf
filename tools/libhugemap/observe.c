// SPDX-License-Identifier: MIT
/*
 * What is going on: counters, and what maps a region.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "priv.h"

#define DEBUGFS	"/sys/kernel/debug/hugemap/hugemap"

/* The end of a list that was read from a file; without it if that failed. */
static int close_list(FILE *f, int ret, void *all)
{
	if (!ret && ferror(f))
		ret = -EIO;
	fclose(f);
	if (ret)
		free(all);
	return ret;
}

/* Lines "<prefix>NAME<sep> VALUE"; others are none of ours. */
static int read_stats(const char *path, const char *prefix,
		      struct hugemap_stat **stats, size_t *nr)
{
	struct hugemap_stat *all = NULL;
	size_t n = 0, skip = strlen(prefix);
	char line[160];
	int ret = 0;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		struct hugemap_stat s = { .value = 0 };

		if (strncmp(line, prefix, skip) ||
		    sscanf(line + skip, "%39[a-z0-9-]%*[: \t]%" SCNu64, s.name,
			   &s.value) != 2)
			continue;
		ret = hugemap_room(&all, n, sizeof(*all));
		if (ret)
			break;
		all[n++] = s;
	}
	ret = close_list(f, ret, all);
	if (ret)
		return ret;
	*stats = all;
	*nr = n;
	return 0;
}

int hugemap_file_stats(struct hugemap *hm, struct hugemap_stat **stats,
		       size_t *nr)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", hm->fd);
	return read_stats(path, "hugemap-", stats, nr);
}

int hugemap_region_stats(unsigned int node, struct hugemap_stat **stats,
			 size_t *nr)
{
	char path[64];

	snprintf(path, sizeof(path), DEBUGFS "%u/stats", node);
	return read_stats(path, "", stats, nr);
}

uint64_t hugemap_stat(const struct hugemap_stat *stats, size_t nr,
		      const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(stats[i].name, name))
			return stats[i].value;
	return 0;
}

int hugemap_mappings(unsigned int node, struct hugemap_mapping **maps,
		     size_t *nr)
{
	struct hugemap_mapping *all = NULL, m = { .pid = 0 };
	uint64_t vma = 0, vma_off = 0;
	char path[64], line[256];
	size_t n = 0;
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), DEBUGFS "%u/mappings", node);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		char level[8], rights[8];
		const char *object;
		int pid;

		if (sscanf(line, "pid %d %" SCNx64 "-%*x off %" SCNx64, &pid,
			   &vma, &vma_off) == 3) {
			object = strstr(line, " object ");
			m.pid = pid;
			m.object = object ? strtoull(object + 8, NULL, 16) : 0;
			continue;
		}
		if (sscanf(line, " %" SCNx64 "-%" SCNx64 " %7s %*u %7s",
			   &m.start, &m.end, level, rights) != 4)
			continue;
		m.offset = vma_off + (m.start > vma ? m.start - vma : 0);
		m.level = !strcmp(level, "pud") ? 'G' : !strcmp(level, "pmd") ?
			  'M' : !strcmp(level, "pte") ? 'K' : '-';
		m.writable = !strcmp(rights, "rw");
		ret = hugemap_room(&all, n, sizeof(*all));
		if (ret)
			break;
		all[n++] = m;
	}
	ret = close_list(f, ret, all);
	if (ret)
		return ret;
	*maps = all;
	*nr = n;
	return 0;
}
