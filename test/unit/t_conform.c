/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * t_conform.c - each rule of `stratos conform` can fail, and only where it should
 *
 * For each row of the tables in test/conform: the rule passes against the back-end without a flaw, and fails against the
 * one with it, saying so. A rule without a row fails this test: nobody has seen it fail. Rows run side by side, because a
 * failing rule mostly waits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "conform/conform.h"
#include "hosted/log.h"
#include "test/conform/bends.h"

#define WORKERS	   12
#define PLAIN	   "rng,host=sim"
#define PATIENT_MS 20000u /* where nothing is wrong */
#define HASTY_MS   1500u  /* where something is, and often it is that nothing comes */
#define QUIET_MS   100u	  /* a broken back-end must get to it, on a busy machine too */

static const struct bend *const tables[] = {
	bends_ring, bends_status, bends_vhost, bends_rng,  bends_blk,	   bends_console, bends_i2c,
	bends_gpio, bends_rtc,	  bends_spi,   bends_scmi, bends_watchdog, bends_can,
#if HAVE_MBEDTLS
	bends_rpmb,
#endif
};

static const struct bend *row_at(size_t n)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct bend *b = tables[t]; b->rule; b++) {
			if (n-- == 0) {
				return b;
			}
		}
	}
	return NULL;
}

static const char *device_of(const struct bend *b)
{
	return b->device ? b->device : PLAIN;
}

static const struct cf_dev *dev_of(const struct bend *b)
{
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device_of(b), ","), device_of(b));
	return cf_device(name);
}

static const struct cf_rule *rule_of(const struct cf_dev *dev, const char *id)
{
	const struct cf_rule *r;

	for (unsigned i = 0; (r = cf_rule_at(dev, i)); i++) {
		if (strcmp(r->id, id) == 0) {
			return r;
		}
	}
	return NULL;
}

static struct vhf *connect_to(void *arg, const struct vhf_config *cfg, char err[256])
{
	return vhf_connect(cfg, arg, 1000, err);
}

/* {file} becomes a file of its own */
static void with_file(const char *from, const char *file, char to[160])
{
	const char *hit = strstr(from, "{file}");
	int fd;

	snprintf(to, 160, "%.*s%s%s", hit ? (int)(hit - from) : 100, from, hit ? file : "",
		 hit ? hit + 6 : "");
	if (hit) {
		fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		assert_int_equal(ftruncate(fd, 1 << 20), 0);
		close(fd);
	}
}

/* returns: false, and why there was no outcome */
static bool outcome(const struct bend *b, bool flaw, struct cf_outcome *out)
{
	static unsigned serial;
	char path[64], err[256] = "";
	struct cf_config cfg = { .dev = dev_of(b),
				 .connect = connect_to,
				 .arg = path,
				 .timeout_ms = flaw ? HASTY_MS : PATIENT_MS,
				 .quiet_ms = QUIET_MS,
				 .write = true,
				 .address = 80,
				 .noack = 0x7ff,
				 .busoff = 0x666 };
	const struct cf_rule *rule = cfg.dev ? rule_of(cfg.dev, b->rule) : NULL;
	char device[160], file[80];
	struct bent *back;

	snprintf(path, sizeof(path), "/tmp/t_conform.%d.%u", (int)getpid(),
		 __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
	if (!rule) {
		snprintf(out->text, sizeof(out->text), "no such rule or device");
		return false;
	}
	snprintf(file, sizeof(file), "%s.disk", path);
	with_file(device_of(b), file, device);
	back = bent_start(path, device, flaw ? b : NULL, err);
	if (!back) {
		snprintf(out->text, sizeof(out->text), "%.200s", err);
		return false;
	}
	cf_run(&cfg, rule, out);
	bent_stop(back);
	(void)unlink(path);
	(void)unlink(file);
	return true;
}

struct work {
	size_t next;
	bool flaw;
	unsigned bad, done;
	pthread_mutex_t lock;
};

static void judge(struct work *w, const struct bend *b)
{
	struct cf_outcome out = { .result = CF_NA };
	bool ok = (b->alone && !w->flaw) || outcome(b, w->flaw, &out);

	if (w->flaw) {
		ok = ok && out.result == CF_FAIL && (!b->says || strstr(out.text, b->says));
	} else {
		ok = ok && (b->alone || out.result == CF_PASS);
	}
	pthread_mutex_lock(&w->lock);
	w->done++;
	if (!ok) {
		w->bad++;
		fprintf(stderr, "%s, %s, %s: result %d, \"%s\"\n", b->rule, device_of(b),
			w->flaw ? "broken" : "sound", (int)out.result, out.text);
	}
	pthread_mutex_unlock(&w->lock);
}

static void *worker(void *arg)
{
	struct work *w = arg;
	const struct bend *b;

	while ((b = row_at(__atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED)))) {
		judge(w, b);
	}
	return NULL;
}

static void all_rows(bool flaw)
{
	struct work w = { .flaw = flaw, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t t[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_create(&t[i], NULL, worker, &w), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(t[i], NULL);
	}
	printf("%u rows, %u bad\n", w.done, w.bad);
	assert_int_equal(w.bad, 0);
}

static void sound(void **state)
{
	(void)state;
	all_rows(false);
}

static void broken(void **state)
{
	(void)state;
	all_rows(true);
}

static void each_rule_has_a_row(void **state)
{
	unsigned missing = 0, rules = 0;

	(void)state;
	for (unsigned d = 0; cf_devices[d]; d++) {
		const struct cf_rule *r;

		for (unsigned i = 0; (r = cf_rule_at(cf_devices[d], i)); i++) {
			const struct bend *b;
			size_t n = 0;

			while ((b = row_at(n)) && strcmp(b->rule, r->id) != 0) {
				n++;
			}
			rules += b != NULL;
			if (!b) {
				fprintf(stderr, "%s: no back-end is broken for it\n", r->id);
				missing++;
			}
		}
	}
	assert_int_equal(missing, 0);
}

/* Ids are stable names: no two alike, nothing but small letters, digits, dots and dashes; a section for each. */
static void ids(void **state)
{
	(void)state;
	for (unsigned d = 0; cf_devices[d]; d++) {
		const struct cf_rule *r, *s;

		for (unsigned i = 0; (r = cf_rule_at(cf_devices[d], i)); i++) {
			assert_int_equal(strspn(r->id, "abcdefghijklmnopqrstuvwxyz0123456789.-"),
					 strlen(r->id));
			assert_non_null(strchr(r->id, '.'));
			assert_true(r->section && *r->section && r->label && *r->label && r->must &&
				    *r->must);
			for (unsigned k = i + 1; (s = cf_rule_at(cf_devices[d], k)); k++) {
				assert_string_not_equal(r->id, s->id);
			}
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(each_rule_has_a_row),
		cmocka_unit_test(sound),
		cmocka_unit_test(broken),
	};

	log_init(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
