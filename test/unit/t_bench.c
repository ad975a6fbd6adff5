/* SPDX-License-Identifier: BSD-3-Clause */
/* t_bench.c - the load generator's parts: histogram, options, and what is printed */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "app/bench.h"

static void buckets(void **state)
{
	uint64_t next = 0;

	(void)state;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		uint64_t low = hist_low(i), high = hist_high(i);

		assert_true(low == next && high >= low); /* no value is in two, or in none */
		assert_int_equal(hist_bucket(low), i);
		assert_int_equal(hist_bucket(high), i);
		assert_true((high - low) <= low / HIST_SUB);
		next = high + 1u;
	}
	assert_true(next == 0); /* all of uint64_t */
}

static void percentiles(void **state)
{
	struct hist *h = calloc(1, sizeof(*h));

	(void)state;
	assert_int_equal(hist_at(h, 0.5), 0);
	hist_add(h, 123456789);
	assert_int_equal(hist_at(h, 0.0), 123456789);
	assert_int_equal(hist_at(h, 1.0), 123456789);
	memset(h, 0, sizeof(*h));
	for (uint64_t v = 10000; v > 0; v--) {
		hist_add(h, v);
	}
	assert_int_equal(h->n, 10000);
	assert_int_equal(h->min, 1);
	assert_int_equal(h->max, 10000);
	assert_int_equal(h->sum, 50005000);
	for (unsigned i = 1; i <= 1000; i++) {
		uint64_t exact = i * 10u, got = hist_at(h, (double)i / 1000.0);

		assert_true(got >= exact && got - exact <= exact / HIST_SUB);
	}
	assert_int_equal(hist_at(h, 1.0), 10000);
	memset(h, 0, sizeof(*h));
	for (uint64_t v = 10; v <= 30; v += 10) {
		hist_add(h, v);
	}
	assert_int_equal(hist_at(h, 0.33), 10);
	assert_int_equal(hist_at(h, 0.5), 20); /* half of three are two */
	assert_int_equal(hist_at(h, 0.67), 30);
	free(h);
}

static void merge(void **state)
{
	struct hist *h = calloc(3, sizeof(*h));
	uint64_t r = 7;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		uint64_t v = bench_random(&r) >> (i % 60u);

		hist_add(&h[0], v);
		hist_add(&h[1 + i % 2], v);
	}
	hist_merge(&h[1], &h[2]);
	assert_memory_equal(&h[0], &h[1], sizeof(*h));
	memset(&h[2], 0, sizeof(*h));
	hist_merge(&h[1], &h[2]); /* nothing */
	assert_memory_equal(&h[0], &h[1], sizeof(*h));
	hist_merge(&h[2], &h[1]);
	assert_memory_equal(&h[0], &h[2], sizeof(*h));
	free(h);
}

/* Words separated by blanks; returns: as bench_options */
static int parse(const char *line, struct bench_spec *s, char err[256])
{
	static char words[1024];
	char *argv[32] = { "bench" }, *save = NULL;
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		argv[argc++] = w;
	}
	err[0] = '\0';
	return bench_options(argc, argv, s, err);
}

static void options(void **state)
{
	struct bench_spec s;
	char err[256];

	(void)state;
	assert_int_equal(parse("--attach=/s --dev=blk", &s, err), 0);
	assert_true(s.cls == &bench_blk && !s.packed && !s.poll && s.verify && !s.prepare);
	assert_true(s.block_size == 4096 && s.depth == 32 && s.queue_size == 256 && s.queues == 1);
	assert_true(s.rw == BENCH_RANDREAD && s.time_ns == 3000000000u && s.count == 0);
	assert_int_equal(
		parse("--attach=/s --dev=blk --ring=packed --queue-size=100 --depth=100 "
		      "--indirect --event-idx --in-order=on --client=poll --regions=509 "
		      "--rw=mix --block-size=64K --size=1G --queues=4 --rate=1000 --seed=9 "
		      "--verify=status --prepare --json=/j --stall=250ms --time=1.5",
		      &s, err),
		0);
	assert_true(s.packed && s.queue_size == 100 && s.depth == 100 && s.indirect && s.event_idx);
	assert_true(s.in_order && s.poll && s.regions == 509 && s.rw == BENCH_MIX && !s.verify);
	assert_true(s.block_size == 65536 && s.size == 1u << 30 && s.queues == 4 && s.rate == 1000);
	assert_true(s.prepare && s.stall_ns == 250000000 && s.time_ns == 1500000000 && s.seed == 9);
	assert_string_equal(s.json, "/j");
	assert_int_equal(parse("--attach=/s --dev=rng --client=adaptive", &s, err), 0);
	assert_true(!s.poll && s.spin_ns == 50000);
	assert_int_equal(parse("--attach=/s --dev=rng --client=adaptive:7", &s, err), 0);
	assert_true(!s.poll && s.spin_ns == 7000);
	assert_int_equal(parse("--spawn={sock} --dev=rng --json", &s, err), 0);
	assert_true(s.cls == &bench_rng && s.block_size == 64 && strcmp(s.json, "") == 0);
}

static void bad_options(void **state)
{
	static const struct {
		const char *line, *says;
	} row[] = {
		{ "", "one of --attach=SOCKET, --spawn" },
		{ "--dev=rng", "one of --attach=SOCKET, --spawn" },
		{ "--attach=/a --spawn={sock} --dev=rng", "one of --attach=SOCKET, --spawn" },
		{ "--attach=/a", "--dev=CLASS is needed" },
		{ "--attach= --dev=rng", "--attach=: must be the path of a socket" },
		{ "--attach --dev=rng", "--attach needs a value" },
		{ "--spawn=foo --dev=rng", "must be a command with {sock}" },
		{ "--attach=/a --dev=net",
		  "--dev=net: must be one of rng blk console i2c gpio rtc spi scmi can watchdog" },
		{ "--attach=/a --dev=rng --frob", "--frob is not an option" },
		{ "--attach=/a --dev=rng frob", "'frob' is not an option" },
		{ "--attach=/a --dev=rng --ring=round", "--ring=round: must be split or packed" },
		{ "--attach=/a --dev=rng --client=hope", "must be wait, poll, adaptive" },
		{ "--attach=/a --dev=rng --client=adaptive:0", "1 to 1000000 microseconds" },
		{ "--attach=/a --dev=rng --client=adaptively", "must be wait, poll, adaptive" },
		{ "--attach=/a --dev=rng --verify=no", "must be data or status" },
		{ "--attach=/a --dev=rng --event-idx=maybe", "must be on or off" },
		{ "--attach=/a --dev=blk --rw=erase", "must be read, write," },
		{ "--attach=/a --dev=rng --depth=0", "must be 1 to 32768" },
		{ "--attach=/a --dev=rng --depth=-1", "must be 1 to 32768" },
		{ "--attach=/a --dev=rng --depth=65537", "must be 1 to 32768" },
		{ "--attach=/a --dev=rng --depth=3x", "must be 1 to 32768" },
		{ "--attach=/a --dev=rng --queue-size=65536", "must be 2 to 32768" },
		{ "--attach=/a --dev=rng --queue-size=100",
		  "--queue-size: a split ring has 2, 4," },
		{ "--attach=/a --dev=rng --depth=86", "a ring of 256 has room for 85 requests of" },
		{ "--attach=/a --dev=rng --depth=257 --indirect", "room for 256 requests; raise" },
		{ "--attach=/a --dev=spi --depth=65", "room for 64 requests of up to 4 desc" },
		{ "--attach=/a --dev=rng --queues=2", "only blk has queues" },
		{ "--attach=/a --dev=rng --queues=65", "must be 1 to 64" },
		{ "--attach=/a --dev=rng --regions=510", "must be 1 to 509" },
		{ "--attach=/a --dev=rng --prepare", "nothing to write" },
		{ "--attach=/a --dev=blk --block-size=1000", "sectors of 512" },
		{ "--attach=/a --dev=blk --block-size=2M", "must be 1 to 1M" },
		{ "--attach=/a --dev=rtc --block-size=8", "requests of rtc have 16, always" },
		{ "--attach=/a --dev=i2c --block-size=9000", "i2c takes at most 8192" },
		{ "--attach=/a --dev=rng --rate=0", "must be 1 to 100000000" },
		{ "--attach=/a --dev=rng --count=0", "must be 1 and more" },
		{ "--attach=/a --dev=rng --time=0", "must be seconds" },
		{ "--attach=/a --dev=rng --time=1h", "must be seconds" },
		{ "--attach=/a --dev=rng --time=nan", "must be seconds" },
		{ "--attach=/a --dev=rng --time=1e30", "must be seconds" },
		{ "--attach=/a --dev=rng --stall=", "must be seconds" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct bench_spec s;
		char err[256];

		if (parse(row[i].line, &s, err) != -1 || !strstr(err, row[i].says)) {
			fail_msg("'%s': '%s', not '%s'", row[i].line, err, row[i].says);
		}
	}
}

/* An answer as a class's check sees it: `fill` over the whole buffer, then `n` bytes of `written`, and the tail. */
static void answers(void **state)
{
	static const struct {
		const char *dev;
		uint8_t fill, tail[2];
		uint32_t n, len;
		const char *says; /* NULL: nothing is wrong */
	} row[] = {
		{ "rng", 0xa5, { 0 }, 64, 64, NULL },
		{ "rng", 0xa5, { 0 }, 20, 20, NULL },
		{ "rng", 0xa5, { 0 }, 64, 16, NULL }, /* more than reported is allowed */
		{ "rng", 0xa5, { 0 }, 1, 1, NULL },
		{ "rng", 0xa5, { 0 }, 0, 0, "no bytes at all" },
		{ "rng", 0xa5, { 0 }, 0, 64, "all of them 0xa5: the buffer was not written" },
		{ "rng", 0x00, { 0 }, 0, 64, "all of them 0x00" },
		{ "rng", 0xa5, { 0 }, 48, 64, "the last 16 were not written" },
		{ "i2c", 0, { 0 }, 2, 3, NULL },
		{ "i2c", 0, { 1 }, 2, 3, "status 1: is there a target?" },
		{ "i2c", 0, { 0xee }, 2, 3, "the status byte was not written" },
		{ "i2c", 0, { 0 }, 2, 2, "2 bytes are reported as written, must be 3" },
		{ "gpio", 0, { 0, 2 }, 0, 2, NULL },
		{ "gpio", 0, { 0, 3 }, 0, 2, "direction 3 does not exist" },
		{ "gpio", 0, { 1, 0 }, 0, 2, "status 1: does the line exist?" },
		{ "gpio", 0, { 0xee, 0xee }, 0, 2, "the status byte was not written" },
		{ "gpio", 0, { 0, 0 }, 0, 1, "1 bytes are reported" },
		{ "console", 0, { 0 }, 0, 0, NULL },
		{ "console", 0, { 0 }, 0, 5, "must be 0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct bench *b = calloc(1, sizeof(*b));
		uint8_t head[64] = { 0 }, data[64], tail[64] = { row[i].tail[0], row[i].tail[1] };
		struct bench_req r = { .head = { head, 0, 64 }, .tail = { tail, 0, 64 } };
		char line[64], err[256];

		snprintf(line, sizeof(line), "--attach=/s --dev=%s", row[i].dev);
		assert_int_equal(parse(line, &b->spec, err), 0);
		r.data = (struct vio_dma){ data, 0, b->spec.block_size };
		memset(data, row[i].fill, sizeof(data));
		for (uint32_t k = 0; k < row[i].n; k++) {
			data[k] = (uint8_t)(k * 7u + 1u);
		}
		b->spec.cls->check(b, &r, row[i].len);
		assert_int_equal(b->result.errors, row[i].says ? 1 : 0);
		if (row[i].says && !strstr(b->result.error[0], row[i].says)) {
			fail_msg("row %zu: '%s', not '%s'", i, b->result.error[0], row[i].says);
		}
		free(b);
	}
}

static char *printed(const struct bench *b, void (*print)(FILE *out, const struct bench *b))
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	print(f, b);
	fclose(f);
	return text;
}

/* A run in which nothing was completed has no division by zero, and says what was wrong. */
static void empty(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	char err[256], *text;

	(void)state;
	assert_int_equal(parse("--attach=/a\"b\\ --dev=blk", &b->spec, err), 0);
	bench_fatal(b, "first \"cause\"");
	bench_fatal(b, "second");
	text = printed(b, bench_report);
	assert_non_null(strstr(text, "nothing was completed"));
	assert_non_null(strstr(text, "ERROR first \"cause\"\nFAILED: 1 error\n"));
	assert_null(strstr(text, "nan"));
	free(text);
	text = printed(b, bench_json);
	assert_non_null(strstr(text, "\"attach\": \"/a\\\"b\\\\\""));
	assert_non_null(strstr(text, "\"fatal\": \"first \\\"cause\\\"\""));
	assert_non_null(strstr(text, "\"buckets\": []"));
	assert_null(strstr(text, "nan"));
	free(text);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets), cmocka_unit_test(percentiles), cmocka_unit_test(merge),
		cmocka_unit_test(options), cmocka_unit_test(bad_options), cmocka_unit_test(answers),
		cmocka_unit_test(empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
