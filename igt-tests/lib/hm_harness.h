/* SPDX-License-Identifier: MIT */
/* Between the files of the harness. */
#ifndef HM_HARNESS_H
#define HM_HARNESS_H

/* Prints the callers of the calling function. */
void hm_harness_print_stack(void);

#endif /* HM_HARNESS_H */
