/* SPDX-License-Identifier: BSD-3-Clause */
/* form.c - the form of an SCMI platform's file: keys and types, checked by libcyaml */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host/scmi/form.h"

#if HAVE_LIBCYAML
#include <cyaml/cyaml.h>

#define TEXT(key, member)                                                                          \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct scmi_entry,   \
			       member, 0, 256)
#define NAME CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct scmi_entry, name, 1, 63)
/* What switches it: a file, or a line of a GPIO chip */
#define GATE		    TEXT("switch", gate), TEXT("line", line), SWITCH("active-low", low)
#define NUMBER(key, member) CYAML_FIELD_INT(key, CYAML_FLAG_OPTIONAL, struct scmi_entry, member)
#define COUNT(key, member)  CYAML_FIELD_UINT(key, CYAML_FLAG_OPTIONAL, struct scmi_entry, member)
#define SWITCH(key, member) CYAML_FIELD_BOOL(key, CYAML_FLAG_OPTIONAL, struct scmi_entry, member)

static const cyaml_schema_value_t u64_value = { CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint64_t) };
static const cyaml_schema_value_t i32_value = { CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, int32_t) };
static const cyaml_schema_value_t text_value = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1,
								    63) };
static const cyaml_schema_field_t level_fields[] = {
	CYAML_FIELD_UINT("level", CYAML_FLAG_DEFAULT, struct vio_scmi_level, level),
	CYAML_FIELD_UINT("microwatts", CYAML_FLAG_OPTIONAL, struct vio_scmi_level, power),
	CYAML_FIELD_UINT("latency-us", CYAML_FLAG_OPTIONAL, struct vio_scmi_level, latency_us),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t level_value = { CYAML_VALUE_MAPPING(
	CYAML_FLAG_DEFAULT, struct vio_scmi_level, level_fields) };
static const cyaml_strval_t type_names[] = {
	{ "celsius", VIO_SCMI_SENSOR_CELSIUS }, { "volts", VIO_SCMI_SENSOR_VOLTS },
	{ "amperes", VIO_SCMI_SENSOR_AMPERES }, { "watts", VIO_SCMI_SENSOR_WATTS },
	{ "joules", VIO_SCMI_SENSOR_JOULES },
};

static const cyaml_schema_field_t clock_fields[] = {
	NAME,
	TEXT("path", path),
	GATE,
	CYAML_FIELD_SEQUENCE("rates", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct scmi_entry,
			     rates, &u64_value, 1, 1000),
	CYAML_FIELD_SEQUENCE("parents", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct scmi_entry,
			     refs, &text_value, 1, 100),
	NUMBER("min", min),
	NUMBER("max", max),
	NUMBER("step", step),
	NUMBER("rate", value),
	SWITCH("slow", slow),
	COUNT("latency-us", latency),
	SWITCH("enabled", on),
	CYAML_FIELD_END
};
static const cyaml_schema_field_t sensor_fields[] = {
	NAME,
	TEXT("path", path),
	CYAML_FIELD_ENUM("type", CYAML_FLAG_DEFAULT, struct scmi_entry, type, type_names, 5),
	NUMBER("scale", scale),
	NUMBER("min", min),
	NUMBER("max", max),
	NUMBER("step", step),
	NUMBER("value", value),
	COUNT("trips", trips),
	SWITCH("pushed", pushed),
	SWITCH("slow", slow),
	CYAML_FIELD_END
};
static const cyaml_schema_field_t reset_fields[] = { NAME, GATE, COUNT("latency-us", latency),
						     SWITCH("slow", slow), CYAML_FIELD_END };
static const cyaml_schema_field_t power_fields[] = { NAME, GATE, SWITCH("enabled", on),
						     CYAML_FIELD_END };
static const cyaml_schema_field_t perf_fields[] = {
	NAME,
	TEXT("path", path),
	CYAML_FIELD_SEQUENCE("levels", CYAML_FLAG_POINTER, struct scmi_entry, levels, &level_value,
			     1, 32),
	COUNT("sustained", sustained),
	NUMBER("level", value),
	CYAML_FIELD_END
};
static const cyaml_schema_field_t volt_fields[] = {
	NAME,
	TEXT("path", path),
	GATE,
	CYAML_FIELD_SEQUENCE("microvolts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			     struct scmi_entry, microvolts, &i32_value, 1, 1000),
	NUMBER("min", min),
	NUMBER("max", max),
	NUMBER("step", step),
	NUMBER("microvolt", value),
	SWITCH("slow", slow),
	SWITCH("enabled", on),
	CYAML_FIELD_END
};
static const cyaml_schema_field_t pin_fields[] = { NAME, CYAML_FIELD_END };
static const cyaml_schema_field_t group_fields[] = {
	NAME,
	CYAML_FIELD_SEQUENCE("pins", CYAML_FLAG_POINTER, struct scmi_entry, refs, &text_value, 1,
			     SCMI_PIN_THINGS),
	CYAML_FIELD_END
};
static const cyaml_schema_field_t function_fields[] = {
	NAME,
	CYAML_FIELD_SEQUENCE("groups", CYAML_FLAG_POINTER, struct scmi_entry, refs, &text_value, 1,
			     SCMI_PIN_THINGS),
	SWITCH("gpio", gpio), CYAML_FIELD_END
};

#define ENTRY(fields)                                                                              \
	{                                                                                          \
		CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct scmi_entry, fields)                 \
	}
static const cyaml_schema_value_t clock_value = ENTRY(clock_fields),
				  sensor_value = ENTRY(sensor_fields),
				  reset_value = ENTRY(reset_fields),
				  power_value = ENTRY(power_fields),
				  perf_value = ENTRY(perf_fields), volt_value = ENTRY(volt_fields),
				  pin_value = ENTRY(pin_fields), group_value = ENTRY(group_fields),
				  function_value = ENTRY(function_fields);

/* A sequence of texts, or of entries, in an array of pointers with an array of counts beside it. */
#define MANY(word, in, pointers, counts, at, of, bytes)                                            \
	{                                                                                          \
		.key = (word),                                                                     \
		.data_offset = (uint32_t)(offsetof(in, pointers) + (at) * sizeof(void *)),         \
		.count_offset = (uint32_t)(offsetof(in, counts) + (at) * sizeof(unsigned)),        \
		.count_size = sizeof(unsigned),                                                    \
		.value = { .type = CYAML_SEQUENCE,                                                 \
			   .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                      \
			   .data_size = (bytes),                                                   \
			   .sequence = { .entry = (of), .min = 0, .max = SCMI_PIN_THINGS } },      \
	}
#define TEXTS(word, at)                                                                            \
	MANY(word, struct scmi_user, kind, kind_count, at, &text_value, sizeof(char *))

static const cyaml_schema_field_t agent_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct scmi_user, name, 1, 15),
	CYAML_FIELD_UINT("id", CYAML_FLAG_OPTIONAL, struct scmi_user, id),
	CYAML_FIELD_UINT("commands-per-second", CYAML_FLAG_OPTIONAL, struct scmi_user, quota),
	TEXTS("clocks", SCMI_CLOCKS),
	TEXTS("sensors", SCMI_SENSORS),
	TEXTS("resets", SCMI_RESETS),
	TEXTS("powers", SCMI_POWERS),
	TEXTS("performance", SCMI_PERFS),
	TEXTS("regulators", SCMI_VOLTS),
	TEXTS("pins", SCMI_PINS),
	TEXTS("pin-groups", SCMI_GROUPS),
	TEXTS("pin-functions", SCMI_FUNCTIONS),
	CYAML_FIELD_SEQUENCE("read-only", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			     struct scmi_user, look, &text_value, 0, SCMI_PIN_THINGS),
	CYAML_FIELD_SEQUENCE("system", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct scmi_user,
			     system, &text_value, 0, 5),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t agent_value = { CYAML_VALUE_MAPPING(
	CYAML_FLAG_DEFAULT, struct scmi_user, agent_fields) };

#define ENTRIES(word, at, of)                                                                      \
	MANY(word, struct scmi_content, entry, entry_count, at, of, sizeof(struct scmi_entry))
static const cyaml_schema_field_t content_fields[] = {
	CYAML_FIELD_STRING_PTR("platform", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct scmi_content, platform, 1, 15),
	ENTRIES("clocks", SCMI_CLOCKS, &clock_value),
	ENTRIES("sensors", SCMI_SENSORS, &sensor_value),
	ENTRIES("resets", SCMI_RESETS, &reset_value),
	ENTRIES("powers", SCMI_POWERS, &power_value),
	ENTRIES("performance", SCMI_PERFS, &perf_value),
	ENTRIES("regulators", SCMI_VOLTS, &volt_value),
	ENTRIES("pins", SCMI_PINS, &pin_value),
	ENTRIES("pin-groups", SCMI_GROUPS, &group_value),
	ENTRIES("pin-functions", SCMI_FUNCTIONS, &function_value),
	CYAML_FIELD_SEQUENCE("agents", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			     struct scmi_content, agents, &agent_value, 1, SCMI_AGENTS),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t content_value = { CYAML_VALUE_MAPPING(
	CYAML_FLAG_POINTER, struct scmi_content, content_fields) };

struct report {
	char what[160];
	unsigned line;
};

static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct report *r = ctx;
	char text[160];
	const char *at;

	(void)level;
	(void)vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	at = strstr(text, "line: ");
	if (at && r->line == 0) {
		r->line = (unsigned)strtoul(at + 6, NULL, 10);
	}
	if (!r->what[0]) {
		(void)snprintf(r->what, sizeof(r->what), "%s",
			       strncmp(text, "Load: ", 6) ? text : text + 6);
	}
}

static const cyaml_config_t quiet = { .log_fn = on_log,
				      .log_level = CYAML_LOG_ERROR,
				      .mem_fn = cyaml_mem };

struct scmi_content *scmi_form_load(const char *path, char *err, size_t size)
{
	struct report r = { .line = 0 };
	cyaml_config_t config = quiet;
	struct scmi_content *c = NULL;
	cyaml_err_t rc;

	config.log_ctx = &r;
	rc = cyaml_load_file(path, &config, &content_value, (cyaml_data_t **)&c, NULL);
	if (rc == CYAML_OK && c) {
		return c;
	}
	if (rc == CYAML_ERR_FILE_OPEN) {
		(void)snprintf(err, size, "%s: %s", path, strerror(errno));
	} else {
		(void)snprintf(err, size, "%s:%u: %s%s%s", path, r.line ? r.line : 1, r.what,
			       r.what[0] ? ": " : "",
			       rc == CYAML_OK ? "empty" : cyaml_strerror(rc));
	}
	return NULL;
}

void scmi_form_free(struct scmi_content *c)
{
	struct report r = { .line = 0 };
	cyaml_config_t config = quiet;

	config.log_ctx = &r;
	(void)cyaml_free(&config, &content_value, c, 0);
}

#else

struct scmi_content *scmi_form_load(const char *path, char *err, size_t size)
{
	(void)snprintf(err, size, "%s: this program was built without libcyaml and reads no files",
		       path);
	return NULL;
}

void scmi_form_free(struct scmi_content *c)
{
	(void)c;
}

#endif
