/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HM_REPORT_H
#define HM_REPORT_H

#define RESULT_FD	3

/* Writes one line to the result channel, in one write: lines never mix. */
void report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
