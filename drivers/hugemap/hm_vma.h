/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_VMA_H_
#define _HM_VMA_H_

#include "hm_types.h"

int hm_vma_mmap(struct hm_object *obj, struct hm_stats *stats,
		struct vm_area_struct *vma);
struct vm_area_struct *hm_vma_first(struct address_space *mapping,
				    unsigned long first, unsigned long last);
struct vm_area_struct *hm_vma_next(struct vm_area_struct *vma,
				   unsigned long first, unsigned long last);
struct hm_object *hm_vma_object(const struct vm_area_struct *vma);
pgprot_t hm_vma_prot(const struct hm_region *region, pgprot_t prot);
unsigned long hm_vma_get_unmapped_area(struct hm_object *obj,
				       struct file *filp, unsigned long addr,
				       unsigned long len, unsigned long pgoff,
				       unsigned long flags);
int hm_vma_reserve_cap(struct vm_area_struct *vma, unsigned long start,
		       unsigned long end);
void hm_vma_set_cap(struct vm_area_struct *vma, unsigned long start,
		    unsigned long end, unsigned int max_order);
bool hm_vma_seen(struct hm_mapping *m, unsigned long pgoff, unsigned long vpn,
		 enum hm_level level);
void hm_vma_count_zap(struct hm_mapping *m, enum hm_zap why);
struct hm_chunk *hm_vma_chunk(struct hm_mapping *m, unsigned long slot,
			      bool create);

#endif /* _HM_VMA_H_ */
