/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HM_KLOG_H
#define HM_KLOG_H

/*
 * What the kernel log says when the kernel is broken. Shared by init, which
 * reads the log of the whole run, and hm-run, which reads what one test
 * binary caused.
 */

/* Opens the log at its first record, or at its end; -1 on error. */
int klog_open(int from_end);

/*
 * Reads all records there are and calls report() for each that tells of a
 * broken kernel, at most max times. Returns how many there were.
 */
int klog_scan(int fd, int max, void (*report)(const char *line));

#endif
