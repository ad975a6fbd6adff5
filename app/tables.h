/* SPDX-License-Identifier: BSD-3-Clause */
/* tables.h - every device class and every host kind; the tables are generated from the lists of meson.build */
#ifndef APP_TABLES_H
#define APP_TABLES_H

#include "hosted/host_kind.h"

extern const struct vio_class *const class_table[]; /* ended by NULL */
extern const struct host_kind
	*const host_table[]; /* of tables, each ended by an entry without name */

#endif
