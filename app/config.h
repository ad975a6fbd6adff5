/* SPDX-License-Identifier: BSD-3-Clause */
/* config.h - stratos.conf: devices of `stratos serve` in a YAML file, see stratos.conf(5) */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "app/spec.h"

/*
 * config_load - read `path`; spec: room for max, n of them filled and finished, also on failure (to be freed)
 * returns: 0 | -1 and e: "FILE:LINE: what"
 */
int config_load(const char *path, struct spec *spec, unsigned max, unsigned *n,
		struct spec_error *e);

#endif
