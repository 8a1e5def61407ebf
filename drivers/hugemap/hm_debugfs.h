/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_DEBUGFS_H_
#define _HM_DEBUGFS_H_

#include "hm_types.h"

struct address_space;
struct drm_printer;

void hm_debugfs_init(void);
void hm_debugfs_fini(void);
void hm_debugfs_add(struct hm_region *region);
void hm_debugfs_del(struct hm_region *region);
void hm_debugfs_show_use(struct drm_printer *p, const char *prefix,
			 const char *sep, struct address_space *mapping,
			 const struct hm_region *region,
			 const struct file *filp);

#endif /* _HM_DEBUGFS_H_ */
