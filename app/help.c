/* SPDX-License-Identifier: BSD-3-Clause */
/* help.c - --help of a device class, out of the tables */
#include "app/spec.h"
#include "port/window/window.h"
#include <string.h>

static void line(FILE *out, const char *indent, const char *name, const char *meta,
		 const char *help)
{
	char left[160];

	snprintf(left, sizeof(left), "%s%s%s%s", indent, name, meta ? "=" : "", meta ? meta : "");
	fprintf(out, "%-32s %s", left, help);
}

static void params(FILE *out, const struct vio_class *cls)
{
	for (unsigned i = 0; i < cls->nparam; i++) {
		const struct vio_param *p = &cls->param[i];
		bool is_switch = p->min == 0 && p->max == 1;

		line(out, "  --", p->name, is_switch ? NULL : "N", p->help);
		if (is_switch) {
			fprintf(out, "; default: %s\n", p->def ? "on" : "off");
		} else {
			fprintf(out, "; %u to %u, default: %u\n", p->min, p->max, p->def);
		}
	}
}

void spec_help(FILE *out, const struct vio_class *cls)
{
	const struct host_kind *k;

	fprintf(out, "Options of every device:\n");
	for (const struct common_option *o = common_options; o->name; o++) {
		line(out, "  --", o->name, o->meta, o->help);
		fputc('\n', out);
	}
	fprintf(out, "\nWindows of memory, for --bus:\n");
	for (const struct window_kind *w = window_kinds; w->name; w++) {
		char name[64];

		snprintf(name, sizeof(name), "%s:%s", w->name, w->arg);
		line(out, "  ", name, NULL, w->about);
		fputc('\n', out);
	}
	if (cls->nparam) {
		fprintf(out, "\nOptions of %s:\n", cls->name);
		params(out, cls);
	}
	for (unsigned i = 0; (k = spec_each_host(cls, &i));) {
		char name[64];

		if (i == 1) {
			fprintf(out, "\nHosts of %s, with their options:\n", cls->name);
		}
		snprintf(name, sizeof(name), "%s%s%s", k->name, k->arg_help ? ":" : "",
			 k->arg_help ? k->arg_help : "");
		line(out, "  --host=", name, NULL, k->about);
		fprintf(out, "%s\n", k->is_default ? " (default)" : "");
		for (unsigned o = 0; o < k->nopt; o++) {
			line(out, "      --", k->opt[o].name, k->opt[o].meta, k->opt[o].help);
			fputc('\n', out);
		}
	}
}
