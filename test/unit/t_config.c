/* SPDX-License-Identifier: BSD-3-Clause */
/* t_config.c - devices from strings and files: what is taken, and what a user reads when it is wrong */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "app/config.h"

/* NULL: accepted; else each of these is in the error */
struct word {
	const char *text, *says[3];
};

static const struct word words[] = {
	{ "rng,socket=/s", { NULL } },
	{ "rng,socket=/s,host=sim", { NULL } },
	{ "blk,socket=/s,host=null,size=1G,num-queues=4,read-only", { NULL } },
	{ "blk,socket=/s,blk-file=/a,,b", { NULL } },
	{ "", { "CLASS" } },
	{ "rgn,socket=/s", { "'rgn'", "rng", "i2c" } },
	{ "rng,socket=/s,bogus=1", { "'bogus'", "socket-path", "rate" } },
	{ "rng,socket=/s,host=bogus", { "'bogus'", "getrandom", "sim" } },
	{ "rng,socket=/s,socket=/t", { "twice" } },
	{ "rng,socket=/s,fd=3", { "exclude" } },
	{ "rng,socket=", { "not empty" } },
	{ "rng,socket=/s,rate=fast", { "'rate'", "'fast'" } },
	{ "blk,socket=/s,host=null,size=1M,num-queues=0", { "'num-queues'", "1 to" } },
	{ "blk,socket=/s,host=null,size=1M,read-only=perhaps", { "'read-only'", "'perhaps'" } },
	{ "blk,socket=/s,host=null,blk-file=/x", { "'blk-file'", "'file'", "'null'" } },
	{ "blk,socket=/s,host=file:/x,size=1M", { "'size'", "'file'" } },
	{ "rng,socket=/s,host=getrandom:x", { "'getrandom'", "no argument" } },
	{ "rng,fd=-1", { "'fd'" } },
	{ "rng,socket=/s,packed=off", { NULL } },
	{ "rng,xen=1,xen-irq=33,xen-base=0x2000f00,xen-config=page", { NULL } },
	{ "rng,xen=1,xen-irq=33,xen-base=0x2000200,xen-config=trap", { NULL } },
	{ "rng,xen=1,xen-irq=33,xen-base=0x2000200,xen-config=page",
	  { "'xen-base'", "f00", "'0x2000200'" } },
	{ "rng,xen=1,xen-irq=33,xen-base=0x2000080", { "'xen-base'", "0x100", "'0x2000080'" } },
	{ "rng,xen=1,xen-config=page", { "'xen-config=page'", "'xen-base'" } },
	{ "rng,xen=1,xen-config=plain", { "'xen-config'", "'plain'" } },
	{ "rng,socket=/s,xen-config=page", { "'xen-config'", "xen=DOMAIN" } },
	{ "rng,socket=/s,window", { NULL } },
	{ "rng,socket=/s,window=32M", { NULL } },
	{ "rng,socket=/s,window=off,iommu", { NULL } },
	{ "rng,socket=/s,window=4095", { "'window'", "4K", "'4095'" } },
	{ "rng,socket=/s,window=large", { "'window'", "size", "'large'" } },
	{ "rng,socket=/s,window,iommu", { "'window'", "'iommu'", "exclude" } },
	{ "rng,bus=file:/w", { NULL } },
	{ "rng,bus=ivshmem:0000:00:03.0,bus-queue-size=8", { NULL } },
	{ "blk,bus=mem:0x70000000,,4M,host=sim,bus-request=64K", { NULL } },
	{ "rng,bus=nothing", { "'bus'", "KIND:ARGUMENT", "'nothing'" } },
	{ "rng,bus=file:", { "'bus'", "KIND:ARGUMENT", "'file:'" } },
	{ "rng,bus", { "'bus'", "KIND:ARGUMENT" } },
	{ "rng,bus=file:/w,socket=/s", { "'bus'", "'socket-path'", "exclude" } },
	{ "rng,bus=file:/w,xen=1", { "'bus'", "'xen'", "exclude" } },
	{ "rng,bus=file:/w,threads", { "'bus'", "'threads'", "exclude" } },
	{ "rng,bus=file:/w,bus-queue-size=12", { "'bus-queue-size'", "power of two", "'12'" } },
	{ "rng,bus=file:/w,bus-queue-size=2048", { "'bus-queue-size'", "power of two", "1024" } },
	{ "rng,bus=file:/w,bus-request=1K", { "'bus-request'", "8K", "'1K'" } },
	{ "rng,socket=/s,bus-queue-size=8", { "'bus-queue-size'", "bus=WHERE" } },
	{ "rng,xen=1,window", { "'xen'", "'window'", "exclude" } },
	{ "rng,socket=/s,packed=never", { "'packed'", "'never'" } },
};

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct spec s = { .cls = NULL };
		struct spec_error e = { .text = "" };
		int r = spec_parse(&s, words[i].text, &e);

		r = r ? r : spec_finish(&s, 0, &e);
		if ((r == 0) != !words[i].says[0]) {
			fail_msg("%s: code %d, error '%s'", words[i].text, r, e.text);
		}
		for (unsigned n = 0; n < 3 && words[i].says[n]; n++) {
			if (!strstr(e.text, words[i].says[n])) {
				fail_msg("%s: error '%s' lacks %s", words[i].text, e.text,
					 words[i].says[n]);
			}
		}
		spec_free(&s);
	}
}

static void test_values(void **state)
{
	struct spec s = { .cls = NULL };
	struct spec_error e = { .text = "" };

	(void)state;
	assert_int_equal(
		spec_parse(&s, "blk,socket=/s,,t,host=file:/img,,1,num-queues=4,poll-us=50", &e),
		0);
	assert_int_equal(spec_finish(&s, 7, &e), 0);
	assert_string_equal(s.socket, "/s,t");
	assert_string_equal(s.arg, "/img,1");
	assert_string_equal(s.kind->name, "file");
	assert_string_equal(s.name, "blk7");
	assert_int_equal(s.param[0], 4);
	assert_int_equal(s.poll_us, 50);
	assert_int_equal(s.fd, -1);
	spec_free(&s);
}

/* Whether it polls: by itself where that is cheaper, as long as it is told, or not; never by itself where drivers do not bear it. */
static void test_poll(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint32_t us;
		bool thrifty;
	} t[] = {
		{ "rng,socket=/s", 0, 100, true },
		{ "rng,socket=/s,poll-us=auto", 0, 100, true },
		{ "rng,socket=/s,poll-us=0", 0, 0, false },
		{ "rng,socket=/s,poll-us=7", 0, 7, false },
		{ "i2c,socket=/s,host=sim", 0, 0, true },
		{ "i2c,socket=/s,host=sim,poll-us=7", 0, 7, false },
		{ "rng,bus=file:/w", 0, 0, true },
		{ "rng,socket=/s,poll-us=1000001", -1, 0, false },
		{ "rng,socket=/s,poll-us=often", -1, 0, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct spec s = { .cls = NULL };
		struct spec_error e = { .text = "" };

		assert_int_equal(spec_parse(&s, t[i].text, &e), 0);
		assert_int_equal(spec_finish(&s, 0, &e), t[i].rc);
		if (t[i].rc == 0) {
			assert_int_equal(s.poll_us, t[i].us);
			assert_int_equal(s.poll_thrifty, t[i].thrifty);
		} else {
			assert_non_null(strstr(e.text, "poll-us"));
		}
		spec_free(&s);
	}
}

static void test_window(void **state)
{
	static const struct {
		const char *text;
		bool on;
		uint64_t max;
	} t[] = {
		{ "rng,socket=/s", false, 0 },
		{ "rng,socket=/s,window", true, 0 },
		{ "rng,socket=/s,window=on", true, 0 },
		{ "rng,socket=/s,window=off", false, 0 },
		{ "rng,socket=/s,window=4K", true, 4096 },
		{ "rng,socket=/s,window=2G", true, 2ull << 30 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct spec s = { .cls = NULL };
		struct spec_error e = { .text = "" };

		assert_int_equal(spec_parse(&s, t[i].text, &e), 0);
		assert_int_equal(spec_finish(&s, 0, &e), 0);
		assert_int_equal(s.window, t[i].on);
		assert_int_equal(s.window_max, t[i].max);
		spec_free(&s);
	}
}

struct text {
	const char *text;
	const char *at; /* "FILE" is left out: ":3: " */
	const char *says;
};

static const struct text texts[] = {
	{ "devices:\n  - class: rng\n    socket: /s\n  - class: blk\n    socket: /t\n    host: "
	  "memory\n    size: 1M\n",
	  NULL, NULL },
	{ "devices:\n  - class: rng\n    socket: /s\n    bogus: 1\n", ":4: ", "bogus" },
	{ "devices:\n  - class: rng\n    socket: /s\n  - class: rgn\n    socket: /t\n",
	  ":4: ", "'rgn'" },
	{ "devices:\n  - class: rng\n    socket: /s\n    rate: fast\n", ":4: ", "'rate'" },
	{ "# first\ndevices:\n- class: rng\n  socket: /s\n- class: i2c\n\n  socket: /t\n  host: "
	  "x\n",
	  ":8: ", "'x'" },
	{ "devices:\n  - socket: /s\n", ":2: ", "class" },
	{ "devices:\n  - class: rng\n   socket: /s\n", ":2: ", "" },
	{ "devices: 3\n", ":1: ", "" },
	{ "nothing: 3\n", ":1: ", "nothing" },
	{ "", ":1: ", "empty" },
	{ "# nothing but this\n", ":1: ", "empty" },
};

static void test_files(void **state)
{
	static struct spec s[4];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char path[] = "/tmp/t_config.XXXXXX";
		struct spec_error e = { .text = "" };
		int fd = mkstemp(path), r;
		size_t len = strlen(texts[i].text);
		unsigned n;

		assert_true(fd >= 0);
		assert_int_equal(write(fd, texts[i].text, len), (ssize_t)len);
		close(fd);
		r = config_load(path, s, 4, &n, &e);
		unlink(path);
		if ((r == 0) != !texts[i].at) {
			fail_msg("text %zu: code %d, error '%s'", i, r, e.text);
		}
		if (r && (strncmp(e.text, path, strlen(path)) != 0 ||
			  strncmp(e.text + strlen(path), texts[i].at, strlen(texts[i].at)) != 0 ||
			  !strstr(e.text, texts[i].says))) {
			fail_msg("text %zu: error '%s' is not 'FILE%s... %s'", i, e.text,
				 texts[i].at, texts[i].says);
		}
		for (unsigned k = 0; k < n; k++) {
			spec_free(&s[k]);
		}
	}
}

static void test_no_file(void **state)
{
	struct spec s[1];
	struct spec_error e = { .text = "" };
	unsigned n;

	(void)state;
	assert_int_equal(config_load("/nonexistent/x.conf", s, 1, &n, &e), -1);
	assert_string_equal(e.text, "/nonexistent/x.conf: No such file or directory");
	assert_int_equal(config_load("/", s, 1, &n, &e), -1);
	assert_non_null(strstr(e.text, "directory"));
}

/* More devices than there is room for: refused, nothing written beyond. */
static void test_too_many(void **state)
{
	static const char text[] =
		"devices:\n  - class: rng\n    socket: /a\n  - class: rng\n    socket: /b\n";
	char path[] = "/tmp/t_config.XXXXXX";
	struct spec s[1];
	struct spec_error e = { .text = "" };
	int fd = mkstemp(path);
	unsigned n;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	close(fd);
	assert_int_equal(config_load(path, s, 1, &n, &e), -1);
	unlink(path);
	assert_int_equal(n, 1);
	assert_non_null(strstr(e.text, "more than 1"));
	spec_free(&s[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),	 cmocka_unit_test(test_poll),
		cmocka_unit_test(test_window),	 cmocka_unit_test(test_values),
		cmocka_unit_test(test_files),	 cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
