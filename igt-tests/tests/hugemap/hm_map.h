/* SPDX-License-Identifier: MIT */
/*
 * What the tests of mappings share beyond lib/igt_hugemap.h.
 */
#ifndef HM_MAP_H
#define HM_MAP_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "igt.h"
#include "igt_hugemap.h"

#define HM_PAGE		4096ull

enum hm_level { HM_PTE, HM_PMD, HM_PUD, HM_NR_LEVELS };

static const char * const hm_level_name[HM_NR_LEVELS] __maybe_unused = {
	"pte", "pmd", "pud",
};

/* A dynamic subtest for one node of each kind: the second tells nothing new. */
#define hm_dynamic_for_each_kind(node) \
	hm_for_each_node(node) \
		if (hm_is_first_of_kind(node)) \
			igt_dynamic_f("%s", (node)->label)

static inline bool hm_is_first_of_kind(const struct hm_node *node)
{
	return !strpbrk(node->label, "23456789");
}

static inline unsigned int hm_level_order(const struct hm_node *node,
					  enum hm_level level)
{
	return level == HM_PUD ? node->q.pud_order :
	       level == HM_PMD ? node->q.pmd_order : 0;
}

static inline uint64_t hm_level_size(const struct hm_node *node,
				     enum hm_level level)
{
	return hm_order_size(hm_level_order(node, level));
}

/* A kernel with the patches of mm-patches/ (P1 and P3). */
static inline bool hm_core_walks(const struct hm_node *node)
{
	return node->q.features & DRM_HUGEMAP_FEATURE_CORE_WALK;
}

/*
 * Where PMD entries and VM_MIXEDMAP are safe: before 7.3 several walkers
 * (pagemap, MADV_COLD, mbind) use the struct page of a PMD entry, before 6.12
 * they do worse. Patched kernels are as good as 7.3.
 */
static inline bool hm_pmd_safe(const struct hm_node *node)
{
	return node->pages || hm_kernel_at_least(7, 3) || hm_core_walks(node);
}

static inline bool hm_mixedmap_safe(const struct hm_node *node)
{
	return hm_kernel_at_least(7, 3) || hm_core_walks(node) ||
	       (node->pages && hm_kernel_at_least(6, 12));
}

/*
 * Where fork() would copy PMD entries, but not safely beside a zap: the driver takes
 * them away before.
 */
static inline bool hm_fork_zaps_pmd(const struct hm_node *node)
{
	return hm_kernel_at_least(6, 12) &&
	       !(node->q.features & DRM_HUGEMAP_FEATURE_CORE_FORK);
}

/* Since 7.0, and 6.12.115: VM_PFNMAP may be huge whatever the system's setting. */
static inline bool hm_thp_exempts_pfnmap(void)
{
	return hm_kernel_at_least(7, 0) ||
	       (hm_kernel_at_least(6, 12) && !hm_kernel_at_least(6, 13));
}

/* Until the next node's test, or hm_restore(). */
static inline void hm_limit(struct hm_node *node, enum hm_level level)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", hm_level_order(node, level));
	hm_sysfs_write(node, "max_order", text);
	hm_node_refresh(node);
}

/*
 * Makes @level the largest that is used, with root's opt-in if @opt_in.
 * Returns whether the kernel can; fails if the driver says "limit".
 */
static inline bool hm_set_level(struct hm_node *node, enum hm_level level,
				bool opt_in)
{
	uint32_t why;

	if (opt_in)
		hm_sysfs_write(node, "allow_pmd", "1");
	hm_limit(node, level);
	if (hm_has_order(node, hm_level_order(node, level)))
		return true;
	why = level == HM_PUD ? node->q.pud_why : node->q.pmd_why;
	igt_assert_f(why == DRM_HUGEMAP_WHY_ARCH ||
		     why == DRM_HUGEMAP_WHY_POLICY ||
		     why == DRM_HUGEMAP_WHY_EXTENT,
		     "no %s entries on %s although max_order is %u: %s\n",
		     hm_level_name[level], node->label,
		     hm_level_order(node, level), hm_why_name(why));
	return false;
}

static inline void hm_require_set_level(struct hm_node *node,
					enum hm_level level, bool opt_in)
{
	if (!hm_set_level(node, level, opt_in))
		igt_hugemap_require_order(node, hm_level_order(node, level));
}

/* All of a range must be mapped by entries of one level. */
static inline void hm_assert_level(const struct hm_node *node, const void *p,
				   uint64_t len, enum hm_level level)
{
	uint64_t nr = len / hm_level_size(node, level);

	hm_assert_levels(node, p, len, level == HM_PUD ? nr : 0,
			 level == HM_PMD ? nr : 0, level == HM_PTE ? nr : 0);
}

/* Page faults of this thread so far, as the kernel counts them. */
static inline long hm_minflt(void)
{
	struct rusage ru;

	getrusage(RUSAGE_THREAD, &ru);
	return ru.ru_minflt;
}

static inline uint64_t hm_stat_now(int fd, const char *key)
{
	struct hm_stats s;

	hm_stats_read(fd, &s);
	return hm_stats_get(&s, key);
}

static inline uint64_t hm_node_stat(const struct hm_node *node,
				    const char *key)
{
	struct hm_stats s;

	hm_stats_read_node(node, &s);
	return hm_stats_get(&s, key);
}

static inline uint64_t hm_fallbacks(const struct hm_stats *s,
				    enum hm_level level, const char *why)
{
	char key[64];

	snprintf(key, sizeof(key), "fallback-%s-%s", hm_level_name[level],
		 why);
	return hm_stats_get(s, key);
}

/* The first word of a page in every @step bytes. */
static inline void hm_fill_step(void *p, uint64_t off, uint64_t len,
				uint64_t step, uint64_t seed)
{
	uint64_t i;

	for (i = 0; i < len; i += step)
		*(volatile uint64_t *)((char *)p + i) =
			hm_pattern(off + i, seed);
	__sync_synchronize();
}

static inline void hm_check_step(const void *p, uint64_t off, uint64_t len,
				 uint64_t step, uint64_t seed)
{
	uint64_t i, got, want;

	for (i = 0; i < len; i += step) {
		got = *(const volatile uint64_t *)((const char *)p + i);
		want = hm_pattern(off + i, seed);
		igt_assert_f(got == want,
			     "offset %#" PRIx64 " holds %#" PRIx64 ", expected %#" PRIx64 "\n",
			     off + i, got, want);
	}
}

/* The same through read(). */
static inline void hm_check_file(int fd, uint64_t off, uint64_t len,
				 uint64_t step, uint64_t seed)
{
	uint64_t i, got = 0;

	for (i = 0; i < len; i += step) {
		igt_assert_eq(pread(fd, &got, sizeof(got), off + i),
			      (int)sizeof(got));
		igt_assert_eq_u64(got, hm_pattern(off + i, seed));
	}
}

static inline void hm_read_step(const void *p, uint64_t len, uint64_t step)
{
	uint64_t i;

	for (i = 0; i < len; i += step)
		(void)*(const volatile char *)((const char *)p + i);
}

static inline unsigned int hm_env_number(const char *name, unsigned int other)
{
	const char *v = getenv(name);

	return v && *v ? strtoul(v, NULL, 0) : other;
}

/*
 * How often a test that depends on chance tries: @full times with a minute of
 * stress or more (HM_STRESS_SECONDS, 60), less often with less, never less than
 * @least times.
 */
static inline unsigned int hm_stress_times(unsigned int full,
					   unsigned int least)
{
	unsigned int s = hm_env_number("HM_STRESS_SECONDS", 60);
	unsigned int n = s < 60 ? full * s / 60 : full;

	return n > least ? n : least;
}

static inline uint64_t hm_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

#endif /* HM_MAP_H */
