/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HM_IGT_OUTPUT_H
#define HM_IGT_OUTPUT_H

/* What the output of one IGT-style binary says about its subtests. */

struct igt_subtest_state {
	char *name;
	int reported;
};

struct igt_binary {
	const char *name;
	int listed;			/* subtests it has */
	int planned;			/* subtests we want */
	struct igt_subtest_state *sub;
	int broken;			/* could not even list them */
	int failed;			/* some result was a failure */
	char subtest[256];		/* running now, or empty */
	char dynamic[256];
	char reason[512];		/* last requirement or assertion */
	char last[512];			/* last line of no known form */
};

void igt_init(struct igt_binary *b, const char *name);
void igt_plan(struct igt_binary *b, const char *subtest);

/* The planned names joined by commas, for --run-subtest; free() it. */
char *igt_joined(const struct igt_binary *b);

/* One line of output; reports results as they come. */
void igt_line(struct igt_binary *b, const char *line);

/*
 * The end. status is that of wait(), or -1 when the time was up. Reports a
 * failure for what was planned and has no result.
 */
void igt_finish(struct igt_binary *b, int status, long long ms);

#endif
