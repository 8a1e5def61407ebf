/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pure files need of the kernel's <linux/types.h>, in user space.
 */
#ifndef _HM_TEST_TYPES_H_
#define _HM_TEST_TYPES_H_

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* Of the same type as what it is cast from, but for the sign. */
#define atomic_long_t	long

#endif /* _HM_TEST_TYPES_H_ */
