/* SPDX-License-Identifier: BSD-3-Clause */
/* spec_xen.c - where a device has its registers, on Xen without a toolstack */
#include "app/spec.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int spec_xen_base(struct spec *s, struct spec_error *e)
{
	const char *base = spec_get(s, "xen-base");
	const char *config = spec_get(s, "xen-config");
	char *end;

	s->xen_page = config && strcmp(config, "page") == 0;
	if (config && !s->xen_page && strcmp(config, "trap") != 0) {
		spec_fail(e, "xen-config", "option 'xen-config' is page or trap, not '%s'", config);
		return -1;
	}
	if (!base) {
		if (s->xen_page) {
			spec_fail(e, "xen-config", "option 'xen-config=page' goes with 'xen-base'");
		}
		return s->xen_page ? -1 : 0;
	}
	errno = 0;
	s->xen_base = strtoull(base, &end, 0);
	if (errno || *end || s->xen_base == 0 || s->xen_base >> 48 || s->xen_base % 256 != 0) {
		spec_fail(e, "xen-base",
			  "option 'xen-base' is an address, a multiple of 0x100, not '%s'", base);
		return -1;
	}
	if (s->xen_page && s->xen_base % 4096 != 0xf00) {
		spec_fail(e, "xen-base",
			  "option 'xen-base' ends in f00 where 'xen-config=page', so that "
			  "configuration has a page of its own, not '%s'",
			  base);
		return -1;
	}
	return 0;
}
