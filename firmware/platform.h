/* SPDX-License-Identifier: BSD-3-Clause */
/* platform.h - host of the SCMI device of an image */
#ifndef STRATOS_PLATFORM_H
#define STRATOS_PLATFORM_H

#include "vio/scmi.h"

extern const struct vio_scmi_host_ops image_platform; /* platform.c; simulated, host: NULL */

/* platform_pins.c */
#define PLATFORM_PINS	   4u
#define PLATFORM_GROUPS	   2u
#define PLATFORM_FUNCTIONS 3u
extern const struct vio_scmi_pin platform_pin[PLATFORM_PINS];
extern const struct vio_scmi_group platform_group[PLATFORM_GROUPS];
extern const struct vio_scmi_function platform_function[PLATFORM_FUNCTIONS];
void platform_pins_start(void);
int platform_pins_run(struct vio_scmi_op *op); /* as vio_scmi_host_ops.run */

#endif
