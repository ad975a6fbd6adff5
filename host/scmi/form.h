/* SPDX-License-Identifier: BSD-3-Clause */
/* form.h - private to host/scmi/: the file of an SCMI platform as libcyaml gives it */
#ifndef HOST_SCMI_FORM_H
#define HOST_SCMI_FORM_H

#include "host/scmi/board.h"

/* One resource; which of these a kind has is the schema's. */
struct scmi_entry {
	char *name, *path, *gate;
	uint64_t *rates;
	unsigned rates_count;
	struct vio_scmi_level *levels;
	unsigned levels_count;
	int32_t *microvolts;
	unsigned microvolts_count;
	char **parents;
	unsigned parents_count;
	int64_t min, max, step, value;
	uint32_t latency, trips, sustained;
	int32_t scale, type;
	bool on, pushed;
	/* made by file.c */
	uint64_t range[3];
	int32_t volts[3];
};

struct scmi_user {
	char *name;
	uint32_t id, quota;
	char **kind[SCMI_KINDS];
	unsigned kind_count[SCMI_KINDS];
	char **look;
	unsigned look_count;
	char **system;
	unsigned system_count;
};

struct scmi_content {
	char *platform;
	struct scmi_entry *entry[SCMI_KINDS];
	unsigned entry_count[SCMI_KINDS];
	struct scmi_user *agents;
	unsigned agents_count;
};

/* scmi_form_load - returns: NULL and what, where, in err */
struct scmi_content *scmi_form_load(const char *path, char *err, size_t size);
void scmi_form_free(struct scmi_content *c);

#endif
