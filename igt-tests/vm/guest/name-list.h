/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HM_NAME_LIST_H
#define HM_NAME_LIST_H

/*
 * A list of tests as drm/ci has them: an extended regular expression a line,
 * for the whole of binary@subtest, with the reason in comments above it.
 */
struct name_list;

/* NULL, having said why, if the file cannot be read or understood. */
struct name_list *name_list_read(const char *path);

/* The reason why the subtest is in the list, NULL if it is not (or list is). */
const char *name_list_find(const struct name_list *list, const char *binary,
			   const char *subtest);

#endif
