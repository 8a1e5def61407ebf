// SPDX-License-Identifier: GPL-2.0
/*
 * hugemap_kunit.ko: the unit tests in the kernel.  Each file of tests here
 * includes what it tests.
 */
#include <linux/module.h>

MODULE_DESCRIPTION("Unit tests of hugemap");
MODULE_LICENSE("GPL");
