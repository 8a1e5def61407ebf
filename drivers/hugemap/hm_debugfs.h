/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_DEBUGFS_H_
#define _HM_DEBUGFS_H_

#include "hm_types.h"

struct seq_file;

void hm_debugfs_init(void);
void hm_debugfs_fini(void);
void hm_debugfs_add(struct hm_region *region);
void hm_debugfs_del(struct hm_region *region);
void hm_debugfs_show_use(struct seq_file *m, const char *prefix,
			 const char *sep, struct hm_object *obj,
			 const struct file *filp);

#endif /* _HM_DEBUGFS_H_ */
