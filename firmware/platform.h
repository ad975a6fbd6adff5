/* SPDX-License-Identifier: BSD-3-Clause */
/* platform.h - host of the SCMI device of an image */
#ifndef STRATOS_PLATFORM_H
#define STRATOS_PLATFORM_H

#include "vio/scmi.h"

extern const struct vio_scmi_host_ops image_platform; /* platform.c; simulated, host: NULL */

#endif
