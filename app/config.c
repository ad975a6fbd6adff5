/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config.c - the file of `stratos serve`, read by libcyaml
 *
 * Theory of operation. The keys of a device are the options that the tables know, all classes together, so the
 * schema is built from the tables at run time: one optional string for each name. Then each device goes the way of
 * a command line (spec_set, spec_finish). libcyaml reports its own errors through a log function with backtrace;
 * the first message and the first line are kept. Errors found later have no line from libcyaml: the key is
 * looked up in the text, which is exact for the usual block style.
 */
#include "app/config.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#if HAVE_LIBCYAML
#include <cyaml/cyaml.h>

#define KEYS 128u

struct keys {
	const char *name[KEYS];
	unsigned n;
};

struct entry {
	char *value[KEYS]; /* in the order of keys.name */
};

struct file {
	struct entry *device;
	uint64_t device_count;
};

struct report {
	char what[200];
	unsigned line;
};

static void add_key(struct keys *k, const char *name)
{
	for (unsigned i = 0; i < k->n; i++) {
		if (strcmp(k->name[i], name) == 0) {
			return;
		}
	}
	if (k->n < KEYS) {
		k->name[k->n++] = name;
	}
}

static void all_keys(struct keys *k)
{
	const struct host_kind *h;

	add_key(k, "class");
	add_key(k, "socket");
	for (const struct common_option *o = common_options; o->name; o++) {
		add_key(k, o->name);
	}
	for (unsigned c = 0; class_table[c]; c++) {
		for (unsigned i = 0; i < class_table[c]->nparam; i++) {
			add_key(k, class_table[c]->param[i].name);
		}
		for (unsigned i = 0; (h = spec_each_host(class_table[c], &i));) {
			for (unsigned o = 0; o < h->nopt; o++) {
				add_key(k, h->opt[o].name);
			}
		}
	}
}

static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct report *r = ctx;
	char text[200];
	const char *at;

	(void)level;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	at = strstr(text, "line: ");
	if (at && r->line == 0) {
		r->line = (unsigned)strtoul(at + 6, NULL, 10);
	}
	if (!r->what[0]) {
		snprintf(r->what, sizeof(r->what), "%s",
			 strncmp(text, "Load: ", 6) ? text : text + 6);
	}
}

static cyaml_err_t load(const char *text, size_t len, const struct keys *k, struct file **file,
			struct report *r, const cyaml_config_t *config, bool release)
{
	cyaml_schema_field_t field[KEYS + 1];
	cyaml_schema_value_t device = { .type = CYAML_MAPPING,
					.flags = CYAML_FLAG_DEFAULT,
					.data_size = sizeof(struct entry),
					.mapping.fields = field };
	const cyaml_schema_field_t top[] = { CYAML_FIELD_SEQUENCE("devices", CYAML_FLAG_POINTER,
								  struct file, device, &device, 0,
								  CYAML_UNLIMITED),
					     CYAML_FIELD_END };
	const cyaml_schema_value_t schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file,
								  top) };

	(void)r;
	memset(field, 0, sizeof(field));
	for (unsigned i = 0; i < k->n; i++) {
		field[i].key = k->name[i];
		field[i].data_offset = (uint32_t)(i * sizeof(char *));
		field[i].value.type = CYAML_STRING;
		field[i].value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
		field[i].value.data_size = 1;
		field[i].value.string.max = CYAML_UNLIMITED;
	}
	if (release) {
		return cyaml_free(config, &schema, *file, 0);
	}
	return cyaml_load_data((const uint8_t *)text, len, config, &schema, (cyaml_data_t **)file,
			       NULL);
}

/*
 * The line of `key` in device number `index`; of its first line where the key is not found; 0: not block style.
 */
static unsigned line_of(const char *text, unsigned index, const char *key)
{
	unsigned line = 0, first = 0, at = 0, dash = 0;
	bool in_list = false;

	for (const char *s = text; *s; s += *s != '\0') {
		unsigned indent = (unsigned)strspn(s, " ");
		const char *word = s + indent;

		line++;
		in_list |= strncmp(s, "devices:", 8) == 0;
		if (in_list && word[0] == '-' && (word[1] == ' ' || word[1] == '\n') &&
		    (at == 0 || indent == dash)) {
			dash = indent;
			at++;
			first = at == index + 1 ? line : first;
			word += 1 + strspn(word + 1, " ");
		}
		if (at == index + 1 && key && strncmp(word, key, strlen(key)) == 0 &&
		    strspn(word + strlen(key), " :")) {
			return line;
		}
		s += strcspn(s, "\n");
	}
	return first;
}

/* For an unknown key, libcyaml gives the line of the last known one. */
static void find_key(struct report *r, const char *text)
{
	static const char prefix[] = "Unexpected key: ";
	const char *key = r->what + sizeof(prefix) - 1, *s = text;

	if (strncmp(r->what, prefix, sizeof(prefix) - 1) != 0) {
		return;
	}
	for (unsigned line = 1; *s; line++) {
		const char *word = s + strspn(s, " -");

		if (line >= r->line && strncmp(word, key, strlen(key)) == 0) {
			r->line = line;
			return;
		}
		s += strcspn(s, "\n");
		s += *s != '\0';
	}
}

static char *read_file(const char *path, struct spec_error *e)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, (1u << 20) + 1u);
	size_t n;

	if (!f || !text) {
		spec_fail(e, NULL, "%s: %s", path, strerror(errno));
		if (f) {
			fclose(f);
		}
		free(text);
		return NULL;
	}
	n = fread(text, 1, 1u << 20, f);
	if (ferror(f) || !feof(f)) {
		spec_fail(e, NULL, "%s: %s", path,
			  ferror(f) ? strerror(errno) : "longer than 1 MiB, not read");
		free(text);
		text = NULL;
	} else if (strlen(text) != n || n == 0) {
		spec_fail(e, NULL, "%s:1: %s", path,
			  n ? "not a text file" : "empty, `devices:` is missing");
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

static void located(struct spec_error *e, const char *path, const char *text, unsigned index)
{
	char what[sizeof(e->text)];
	const char *key = e->key;
	unsigned line = line_of(text, index, key);

	if (line_of(text, index, "socket") && key && strcmp(key, "socket-path") == 0) {
		unsigned short_form = line_of(text, index, "socket");

		line = short_form ? short_form : line;
	}
	memcpy(what, e->text, sizeof(what));
	if (line) {
		spec_fail(e, key, "%.150s:%u: %.340s", path, line, what);
	} else {
		spec_fail(e, key, "%.150s: device %u: %.330s", path, index + 1, what);
	}
}

static int one_device(const struct entry *d, const struct keys *k, struct spec *s, unsigned index,
		      struct spec_error *e)
{
	if (!d->value[0]) {
		spec_fail(e, NULL, "`class:` is missing");
		return -1;
	}
	s->cls = spec_class(d->value[0], e);
	if (!s->cls) {
		return -1;
	}
	for (unsigned i = 1; i < k->n; i++) {
		if (d->value[i] && spec_set(s, k->name[i], d->value[i], e)) {
			return -1;
		}
	}
	return spec_finish(s, index, e);
}

int config_load(const char *path, struct spec *spec, unsigned max, unsigned *n,
		struct spec_error *e)
{
	struct report report = { .line = 0 };
	const cyaml_config_t config = { .log_fn = on_log,
					.log_ctx = &report,
					.log_level = CYAML_LOG_ERROR,
					.mem_fn = cyaml_mem };
	struct keys keys = { .n = 0 };
	struct file *file = NULL;
	char *text = read_file(path, e);
	cyaml_err_t c;
	int r = 0;

	*n = 0;
	if (!text) {
		return -1;
	}
	all_keys(&keys);
	c = load(text, strlen(text), &keys, &file, &report, &config, false);
	if (c != CYAML_OK) {
		find_key(&report, text);
		spec_fail(e, NULL, "%s:%u: %s%s%s", path, report.line ? report.line : 1,
			  report.what, report.what[0] ? ": " : "", cyaml_strerror(c));
		free(text);
		return -1;
	}
	if (!file) { /* only comments: libcyaml takes it, and makes nothing of it */
		spec_fail(e, NULL, "%s:1: empty, `devices:` is missing", path);
		free(text);
		return -1;
	}
	for (uint64_t i = 0; i < file->device_count && r == 0; i++) {
		if (i >= max) {
			spec_fail(e, NULL, "more than %u devices", max);
			r = -1;
		} else {
			memset(&spec[i], 0, sizeof(spec[i]));
			*n = (unsigned)i + 1;
			r = one_device(&file->device[i], &keys, &spec[i], (unsigned)i, e);
		}
		if (r) {
			located(e, path, text, (unsigned)i);
		}
	}
	load(NULL, 0, &keys, &file, &report, &config, true);
	free(text);
	return r;
}

#else

int config_load(const char *path, struct spec *spec, unsigned max, unsigned *n,
		struct spec_error *e)
{
	(void)spec;
	(void)max;
	*n = 0;
	spec_fail(e, NULL,
		  "%s: this program was built without libcyaml; give devices with --device", path);
	return -1;
}

#endif
