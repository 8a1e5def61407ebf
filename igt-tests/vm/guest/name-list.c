// SPDX-License-Identifier: GPL-2.0
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name-list.h"

struct name_list {
	struct name_list *next;
	regex_t re;
	char *reason;
};

/* Adds the text of a comment to the reason. */
static void comment(char *reason, size_t size, const char *text)
{
	size_t n = strlen(reason);

	text += strspn(text, "# \t");
	if (*text && strncmp(text, "SPDX-", 5))
		snprintf(reason + n, size - n, "%s%s", n ? " " : "", text);
}

struct name_list *name_list_read(const char *path)
{
	/* An empty list is an entry that matches nothing. */
	struct name_list *head = calloc(1, sizeof(*head)), *e;
	char reason[512] = "", line[512], whole[600];
	int entries = 0;
	FILE *f = fopen(path, "re");

	if (!head || !f || regcomp(&head->re, "^$", REG_NOSUB))
		goto bad;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!*line || *line == '#') {
			/* A comment below an entry begins a new reason. */
			if (!*line || entries)
				reason[0] = 0;
			entries = 0;
			comment(reason, sizeof(reason), line);
			continue;
		}
		entries++;
		e = calloc(1, sizeof(*e));
		snprintf(whole, sizeof(whole), "^(%s)$", line);
		if (!e || regcomp(&e->re, whole, REG_EXTENDED | REG_NOSUB))
			goto bad;
		e->reason = strdup(reason);
		e->next = head->next;
		head->next = e;
	}
	fclose(f);
	return head;
bad:
	fprintf(stderr, "hm-run: %s: cannot be read or understood\n", path);
	return NULL;
}

const char *name_list_find(const struct name_list *list, const char *binary,
			   const char *subtest)
{
	char name[512];

	snprintf(name, sizeof(name), "%s@%s", binary, subtest);
	for (; list; list = list->next)
		if (!regexec(&list->re, name, 0, NULL, 0))
			return list->reason ?: "";
	return NULL;
}
