/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_REGION_H_
#define _HM_REGION_H_

#include "hm_types.h"

extern const struct hm_region_ops hm_region_system_ops;
extern const struct hm_region_ops hm_region_reserved_ops;
extern const struct hm_region_ops hm_region_pci_ops;

#define hm_region_of(d)	container_of(d, struct hm_region, dev)

extern const char * const hm_region_type[];
extern const char * const hm_region_caching[];
extern const struct attribute_group *hm_region_groups[];
extern struct hm_limits hm_region_defaults;
extern struct workqueue_struct *hm_region_wq;

int hm_region_parse(const char *text, bool pages, struct hm_region_spec *spec);
int hm_region_check(const struct hm_region_spec *specs, unsigned int nr);
struct hm_region *hm_region_create(const struct hm_region_spec *spec,
				   struct hm_device *hdev,
				   struct pci_dev *pdev, int bar);
void hm_region_destroy(struct hm_region *region);
int hm_region_query(struct hm_region *region, struct drm_hugemap_query *q);
u64 hm_region_orders(const struct hm_object *obj);
u64 hm_region_align(const struct hm_object *obj);
int hm_region_set_limits(struct hm_region *region,
			 const struct hm_limits *lim);
bool hm_region_order_valid(unsigned int order);
int hm_region_add_object(struct hm_object *obj);
void hm_region_del_object(struct hm_object *obj);
struct iosys_map hm_region_kva(struct hm_region *region, unsigned long pfn);
int hm_region_pin(struct hm_region *region);
void hm_region_unpin(struct hm_region *region);
int hm_region_init(void);
void hm_region_exit(void);

/* For the backends. */
struct hm_extent *hm_region_one_extent(struct hm_region *region);
void *hm_region_add_pages(struct hm_region *region, enum memory_type type);
void hm_region_remove_pages(struct hm_region *region);

#endif /* _HM_REGION_H_ */
