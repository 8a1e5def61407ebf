// SPDX-License-Identifier: GPL-2.0
/*
 * Counters as text: fdinfo and debugfs.
 */
#include <drm/drm_print.h>

#include "hm_stats.h"

static const char * const hm_stats_level[HM_NR_LEVELS] = {
	[HM_PTE] = "pte",
	[HM_PMD] = "pmd",
	[HM_PUD] = "pud",
};

static const char * const hm_stats_why[DRM_HUGEMAP_WHY_COUNT] = {
	[DRM_HUGEMAP_WHY_NONE] = "none",
	[DRM_HUGEMAP_WHY_ARCH] = "arch",
	[DRM_HUGEMAP_WHY_POLICY] = "policy",
	[DRM_HUGEMAP_WHY_LIMIT] = "limit",
	[DRM_HUGEMAP_WHY_CAP] = "cap",
	[DRM_HUGEMAP_WHY_ALIGN] = "align",
	[DRM_HUGEMAP_WHY_VMA] = "vma",
	[DRM_HUGEMAP_WHY_EXTENT] = "extent",
	[DRM_HUGEMAP_WHY_TABLE] = "table",
	[DRM_HUGEMAP_WHY_DIRTY] = "dirty",
};

static const char * const hm_stats_zap[HM_NR_ZAPS] = {
	[HM_ZAP_SPLIT] = "split",
	[HM_ZAP_MREMAP] = "mremap",
	[HM_ZAP_MPROTECT] = "mprotect",
	[HM_ZAP_LIMIT] = "limit",
	[HM_ZAP_CAP] = "cap",
	[HM_ZAP_UNPLUG] = "unplug",
	[HM_ZAP_DIRTY] = "dirty",
	[HM_ZAP_FORK] = "fork",
};

/**
 * hm_stats_show - print counters, one a line
 * @p: where
 * @prefix: before each name
 * @sep: between name and value
 * @stats: counters; each is read once, they need not agree with one another
 */
void hm_stats_show(struct drm_printer *p, const char *prefix, const char *sep,
		   const struct hm_stats *stats)
{
	enum hm_level l;
	int i;

	for (l = HM_PTE; l < HM_NR_LEVELS; l++) {
		const char *name = hm_stats_level[l];

		drm_printf(p, "%sfault-%s%s%lld\n", prefix, name, sep,
			   atomic64_read(&stats->fault[l]));
		drm_printf(p, "%supgrade-%s%s%lld\n", prefix, name, sep,
			   atomic64_read(&stats->upgrade[l]));
		drm_printf(p, "%srefault-%s%s%lld\n", prefix, name, sep,
			   atomic64_read(&stats->refault[l]));
		if (l == HM_PTE)
			continue;
		for (i = DRM_HUGEMAP_WHY_ARCH; i < DRM_HUGEMAP_WHY_COUNT; i++)
			drm_printf(p, "%sfallback-%s-%s%s%lld\n", prefix, name,
				   hm_stats_why[i], sep,
				   atomic64_read(&stats->fallback[l][i]));
	}
	for (i = 0; i < HM_NR_ZAPS; i++)
		drm_printf(p, "%szap-%s%s%lld\n", prefix, hm_stats_zap[i], sep,
			   atomic64_read(&stats->zap[i]));
	drm_printf(p, "%spte-entries%s%lld\n", prefix, sep,
		   atomic64_read(&stats->pte_entries));
	drm_printf(p, "%ssigbus%s%lld\n", prefix, sep,
		   atomic64_read(&stats->sigbus));
	drm_printf(p, "%sdirty-mark%s%lld\n", prefix, sep,
		   atomic64_read(&stats->dirty_mark));
	drm_printf(p, "%sdirty-split%s%lld\n", prefix, sep,
		   atomic64_read(&stats->dirty_split));
	drm_printf(p, "%sdirty-over%s%lld\n", prefix, sep,
		   atomic64_read(&stats->dirty_over));
	drm_printf(p, "%spromoted%s%lld\n", prefix, sep,
		   atomic64_read(&stats->promoted));
}
