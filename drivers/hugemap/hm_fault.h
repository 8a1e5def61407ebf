/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HM_FAULT_H_
#define _HM_FAULT_H_

#include "hm_types.h"

vm_fault_t hm_fault_order(struct vm_fault *vmf, unsigned int order);
vm_fault_t hm_fault_mkwrite(struct vm_fault *vmf);
void hm_fault_init(void);

#endif /* _HM_FAULT_H_ */
