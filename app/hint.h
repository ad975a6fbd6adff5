/* SPDX-License-Identifier: BSD-3-Clause */
/* hint.h - advice for the log */
#ifndef APP_HINT_H
#define APP_HINT_H

#include "vio/dev.h"

/* hint_for - missing: feature bits offered but not accepted, not 0; returns: a line, or NULL */
const char *hint_for(const struct vio_dev *dev, uint64_t missing);

#endif
