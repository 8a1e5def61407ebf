// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "igt-output.h"
#include "report.h"

#define EXIT_SKIP	77
#define EXIT_FAIL	98

void igt_init(struct igt_binary *b, const char *name)
{
	memset(b, 0, sizeof(*b));
	b->name = name;
}

void igt_plan(struct igt_binary *b, const char *subtest)
{
	b->sub = realloc(b->sub, (b->planned + 1) * sizeof(*b->sub));
	if (!b->sub)
		abort();
	b->sub[b->planned].name = strdup(subtest);
	b->sub[b->planned].reported = 0;
	b->planned++;
}

char *igt_joined(const struct igt_binary *b)
{
	size_t size = 1;
	char *s;
	int i;

	for (i = 0; i < b->planned; i++)
		size += strlen(b->sub[i].name) + 1;
	s = calloc(1, size);
	for (i = 0; s && i < b->planned; i++) {
		if (i)
			strcat(s, ",");
		strcat(s, b->sub[i].name);
	}
	return s;
}

static void set(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

/* Does the line hold "key"? Then what follows it, else NULL. */
static const char *after(const char *line, const char *key)
{
	const char *p = strstr(line, key);

	return p ? p + strlen(key) : NULL;
}

static const char *verdict(const char *igt)
{
	if (!strcmp(igt, "SUCCESS"))
		return "pass";
	if (!strcmp(igt, "SKIP"))
		return "skip";
	return "fail";
}

static void forget(struct igt_binary *b)
{
	b->reason[0] = 0;
	b->last[0] = 0;
}

static void result(struct igt_binary *b, const char *sub, const char *dyn,
		   const char *word, double seconds)
{
	const char *v = verdict(word);
	const char *why = "", *how = "";
	int i;

	if (strcmp(v, "pass"))
		why = b->reason[0] ? b->reason : b->last;
	if (!strcmp(v, "fail")) {
		b->failed = 1;
		/* A crash or a timeout is told from what the test asserts. */
		if (!*why || strcmp(word, "FAIL"))
			how = word;
	}
	report("RESULT %s@%s%s%s %s %.0f %s%s%s", b->name, sub, dyn ? "@" : "",
	       dyn ? dyn : "", v, seconds * 1000, how,
	       *how && *why ? ": " : "", why);
	for (i = 0; !dyn && i < b->planned; i++)
		if (!strcmp(b->sub[i].name, sub))
			b->sub[i].reported = 1;
}

/* "Subtest NAME: WORD (0.001s)" of either kind. */
static int result_line(struct igt_binary *b, const char *line)
{
	char name[256], word[32];
	double seconds = 0;

	if (sscanf(line, "Dynamic subtest %255[^:]: %31[A-Z] (%lf", name, word,
		   &seconds) >= 2) {
		result(b, b->subtest[0] ? b->subtest : "-", name, word, seconds);
		b->dynamic[0] = 0;
		forget(b);
		return 1;
	}
	if (sscanf(line, "Subtest %255[^:]: %31[A-Z] (%lf", name, word,
		   &seconds) >= 2) {
		result(b, name, NULL, word, seconds);
		b->subtest[0] = 0;
		/* A fixture that skips gives its reason once for all after it. */
		if (strcmp(word, "SKIP"))
			forget(b);
		return 1;
	}
	return 0;
}

/* Keeps the best explanation seen so far. */
static void reason_line(struct igt_binary *b, const char *line)
{
	const char *p;
	size_t n;

	if (after(line, "Test requirement not met")) {
		b->reason[0] = 0;
		b->last[0] = 0;
	} else if ((p = after(line, "Test requirement: ")) ||
		   (p = after(line, "SKIP: "))) {
		set(b->reason, sizeof(b->reason), p);
	} else if (after(line, "Test assertion failure")) {
		b->last[0] = 0;
		p = after(line, "file ");
		set(b->reason, sizeof(b->reason), p ? p : line);
	} else if ((p = after(line, "Failed assertion: "))) {
		n = strlen(b->reason);
		snprintf(b->reason + n, sizeof(b->reason) - n, "%s%s",
			 n ? " " : "", p);
	} else if (after(line, "Last errno: ") || !*line) {
		return;
	} else if (b->reason[0] && !b->last[0] && !after(line, "Stack trace") &&
		   (line[0] != '(' || after(line, ") CRITICAL: "))) {
		/* The text of igt_require_f() or igt_assert_f(). */
		p = after(line, ") CRITICAL: ");
		n = strlen(b->reason);
		snprintf(b->reason + n, sizeof(b->reason) - n, ": %s",
			 p ? p : line);
		set(b->last, sizeof(b->last), line);
	} else if (!b->reason[0]) {
		/* igt_skip("text") prints nothing but the text. */
		set(b->last, sizeof(b->last), line);
	}
}

void igt_line(struct igt_binary *b, const char *line)
{
	const char *p;

	if (result_line(b, line))
		return;
	if ((p = after(line, "Starting dynamic subtest: "))) {
		set(b->dynamic, sizeof(b->dynamic), p);
		forget(b);
	} else if ((p = after(line, "Starting subtest: "))) {
		set(b->subtest, sizeof(b->subtest), p);
		b->dynamic[0] = 0;
		forget(b);
	} else {
		reason_line(b, line);
	}
}

static void explain_end(char *buf, size_t size, int status)
{
	if (status < 0)
		set(buf, size, "timeout");
	else if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(buf, size, "exit status %d", WEXITSTATUS(status));
}

static void finish_simple(struct igt_binary *b, int status, long long ms,
			  const char *end)
{
	const char *why = b->reason[0] ? b->reason : b->last;

	if (status >= 0 && WIFEXITED(status) && !WEXITSTATUS(status)) {
		report("RESULT %s pass %lld", b->name, ms);
	} else if (status >= 0 && WIFEXITED(status) &&
		   WEXITSTATUS(status) == EXIT_SKIP) {
		report("RESULT %s skip %lld %s", b->name, ms, why);
	} else {
		b->failed = 1;
		report("RESULT %s fail %lld %s: %s", b->name, ms, end, why);
	}
}

void igt_finish(struct igt_binary *b, int status, long long ms)
{
	char end[64];
	int i, code;

	explain_end(end, sizeof(end), status);
	if (!b->listed) {
		finish_simple(b, status, ms, end);
		return;
	}
	for (i = 0; i < b->planned; i++) {
		if (b->sub[i].reported)
			continue;
		b->failed = 1;
		report("RESULT %s@%s fail 0 %s%s", b->name, b->sub[i].name,
		       !strcmp(b->subtest, b->sub[i].name) ?
				"" : "never reported; binary: ", end);
	}
	/* An exit status worse than what the subtests said is a failure too. */
	code = status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (code != 0 && code != EXIT_SKIP && !(code == EXIT_FAIL && b->failed))
		report("RESULT %s@exit fail %lld %s", b->name, ms, end);
}
