/* SPDX-License-Identifier: MIT */
/*
 * As igt.h, for the header of this name in IGT, which igt.h does not include.
 */
#ifndef IGT_DEVICE_SCAN_H
#define IGT_DEVICE_SCAN_H

/*
 * What the user gave with --device or in IGT_DEVICE: with libigt a filter of
 * IGT's ("drm:/dev/dax0.0", "pci:slot=0000:00:05.0"), with our harness any text.
 */
int igt_device_filter_count(void);
const char *igt_device_filter_get(int num);

#endif
