/* SPDX-License-Identifier: BSD-3-Clause */
/* form.h - private to host/scmi/: the file of an SCMI platform as libcyaml gives it */
#ifndef HOST_SCMI_FORM_H
#define HOST_SCMI_FORM_H

#include "host/scmi/board.h"

/* One resource; which of these a kind has is the schema's. */
struct scmi_entry {
	char *name, *path, *gate, *line;
	uint64_t *rates;
	unsigned rates_count;
	struct vio_scmi_level *levels;
	unsigned levels_count;
	int32_t *microvolts;
	unsigned microvolts_count;
	char **refs; /* parents of a clock, pins of a group, groups of a function */
	unsigned refs_count;
	int64_t min, max, step, value;
	uint32_t latency, trips, sustained;
	int32_t scale, type;
	bool on, pushed, gpio, slow, low;
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

/* Numbers that a table points to */
struct scmi_owned {
	struct scmi_owned *next;
	uint16_t number[];
};

/* A plan that was made from a file */
struct scmi_file {
	struct scmi_plan p;
	struct scmi_content *c;
	struct scmi_thing *thing[SCMI_KINDS];
	struct vio_scmi_tree tree[SCMI_AGENTS];
	void *table[SCMI_AGENTS][SCMI_KINDS]; /* of struct vio_scmi_clock, ... */
	struct scmi_owned *owned;
};

/* While it is made */
struct scmi_build {
	struct scmi_file *p;
	char *err;
	size_t size;
	const char *path;
};

extern const char *const scmi_kind_name[SCMI_KINDS];

/* scmi_wrong - say what is wrong with a resource, or with an agent (SCMI_KINDS); returns: false */
bool scmi_wrong(struct scmi_build *b, unsigned kind, const char *name, const char *what);
/* scmi_find - the number of a resource; -1: there is none of this name */
int scmi_find(const struct scmi_content *c, unsigned kind, const char *name);
/* scmi_numbers - room for so many numbers, zeroed, as long as the plan; returns: NULL */
uint16_t *scmi_numbers(struct scmi_build *b, unsigned n);
/* scmi_table - the table of one kind of agent `index` (tables.c) */
bool scmi_table(struct scmi_build *b, const struct scmi_user *a, unsigned index, unsigned kind);

/* scmi_form_load - returns: NULL and what, where, in err */
struct scmi_content *scmi_form_load(const char *path, char *err, size_t size);
void scmi_form_free(struct scmi_content *c);

#endif
