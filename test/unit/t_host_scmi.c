/* SPDX-License-Identifier: BSD-3-Clause */
/* t_host_scmi.c - the platform of files: what agents set reaches the files, and what is in them reaches the agents */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "host/scmi/board.h"
#include "host_bed.h"

extern const struct host_kind host_linux_scmi[];

static char folder[64];
static struct vio_scmi_event last;
static unsigned events;

struct user {
	struct host_ctx ctx;
	struct host h;
	struct vio_scmi_sink sink;
	const struct vio_scmi_host_ops *ops;
	const char *agent;
};

static const char *file(const char *name)
{
	static char path[4][128];
	static unsigned n;

	n = (n + 1u) % 4u;
	(void)snprintf(path[n], sizeof(path[n]), "%s/%s", folder, name);
	return path[n];
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(file(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void holds(const char *name, const char *want)
{
	char text[64] = "";
	FILE *f = fopen(file(name), "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1u, f)] = '\0';
	fclose(f);
	assert_string_equal(text, want);
}

static void on_event(struct vio_scmi_sink *s, const struct vio_scmi_event *e)
{
	(void)s;
	last = *e;
	events++;
	loop_stop(loop);
}

static const char *option(const struct host_ctx *c, const char *name)
{
	(void)name;
	return VIO_CONTAINER((uintptr_t)c, struct user, ctx)->agent;
}

static int try(struct user *u, const char *agent)
{
	memset(u, 0, sizeof(*u));
	u->ctx.loop = loop;
	u->ctx.arg = file("board");
	u->ctx.option = option;
	u->agent = agent;
	return host_linux_scmi[0].open(&u->ctx, &u->h);
}

static void join(struct user *u, const char *agent)
{
	assert_int_equal(try(u, agent), 0);
	u->ops = u->h.ops;
	u->sink.event = on_event;
	assert_non_null(u->ops->open(u->h.host, &u->sink));
}

static void leave(struct user *u)
{
	u->ops->close(u->h.host);
	u->h.close(&u->h);
}

/* returns: what came of it; *value: in and out */
static int ask(struct user *u, uint8_t verb, uint16_t res, uint64_t *value)
{
	struct vio_scmi_op op = { .job = { .done = job_done, .vq = &vq },
				  .verb = verb,
				  .agent = 1,
				  .res = res,
				  .value = *value };
	int rc;

	finished = false;
	rc = u->ops->run(u->h.host, &op);
	while (rc == VIO_PENDING && !finished) { /* an event ends a loop too */
		loop_run(loop);
	}
	*value = op.value;
	return rc == VIO_PENDING ? result : rc;
}

static int set(struct user *u, uint8_t verb, uint16_t res, uint64_t value)
{
	return ask(u, verb, res, &value);
}

static void board(void)
{
	char text[2048];

	(void)snprintf(
		text, sizeof(text),
		"clocks:\n  - { name: c, rates: [1000, 2000000], path: %s/rate, switch: %s/gate }\n"
		"sensors:\n  - { name: s, type: celsius, min: -50, max: 50, path: %s/temp, trips: "
		"1 }\n"
		"resets:\n  - { name: r, switch: %s/reset }\n"
		"regulators:\n  - { name: v, microvolts: [-5, 7], path: %s/uv }\n"
		"performance:\n  - { name: p, levels: [{ level: 5 }, { level: 9 }], path: %s/khz "
		"}\n"
		"agents:\n  - { name: a, clocks: [c], sensors: [s], resets: [r], regulators: [v], "
		"performance: [p] }\n"
		"  - { name: b, clocks: [c] }\n",
		folder, folder, folder, folder, folder, folder);
	put("board", text);
	put("rate", "1000\n");
	put("gate", "0\n");
	put("temp", "-7\n");
	put("reset", "5\n");
	put("uv", "7\n");
	put("khz", "9\n");
}

static void test_values(void **state)
{
	struct user u;
	uint64_t v = 0;

	(void)state;
	board();
	join(&u, NULL);
	assert_int_equal(set(&u, VIO_SCMI_CLOCK_SET, 0, 2000000), VIO_OK);
	holds("rate", "2000000\n");
	assert_int_equal(set(&u, VIO_SCMI_CLOCK_SET, 0, 1000), VIO_OK);
	holds("rate", "1000\n"); /* no rest of the longer one */
	put("rate", "1234\n");
	assert_int_equal(ask(&u, VIO_SCMI_CLOCK_GET, 0, &v), VIO_OK);
	assert_int_equal(v, 1234);
	assert_int_equal(ask(&u, VIO_SCMI_SENSOR_GET, 0, &v), VIO_OK);
	assert_int_equal((int64_t)v, -7);
	assert_int_equal(set(&u, VIO_SCMI_VOLT_SET, 0, (uint32_t)-5), VIO_OK);
	holds("uv", "-5\n");
	assert_int_equal(set(&u, VIO_SCMI_PERF_SET, 0, 5), VIO_OK);
	holds("khz", "5\n");
	assert_int_equal(set(&u, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_ASSERT), VIO_OK);
	holds("reset", "1\n");
	assert_int_equal(set(&u, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_DEASSERT), VIO_OK);
	holds("reset", "0\n");
	assert_int_equal(set(&u, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_CYCLE), VIO_OK);
	holds("reset", "0\n");
	leave(&u);
}

/* What needs no file is done at once, and what the worker is at is left alone. */
static void test_beside_the_worker(void **state)
{
	struct vio_scmi_op slow = { .job = { .done = job_done, .vq = &vq },
				    .verb = VIO_SCMI_RESET_DO,
				    .agent = 1,
				    .value = VIO_SCMI_RESET_CYCLE };
	struct user u;
	uint64_t v = 0;

	(void)state;
	board();
	join(&u, "a");
	for (unsigned n = 0; n < 20; n++) {
		put("reset", "5\n");
		finished = false;
		assert_int_equal(u.ops->run(u.h.host, &slow), VIO_PENDING);
		assert_int_equal(ask(&u, VIO_SCMI_PERF_LIMITS, 0, &v), VIO_OK);
		while (!finished) {
			loop_run(loop);
		}
		assert_int_equal(result, VIO_OK);
		holds("reset", "0\n");
	}
	leave(&u);
}

/* The kernel's GPIO chip is played: this program's own ioctl() answers for it. */
static struct {
	unsigned requests, set;
	uint64_t flags[4];
	bool active[4], busy;
	int fd[4];
} chip;

int ioctl(int fd, unsigned long request, ...)
{
	struct gpio_v2_line_request *r;
	struct gpio_v2_line_values *v;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == GPIO_V2_GET_LINE_IOCTL) {
		r = arg;
		if (r->offsets[0] >= 4u || chip.busy) {
			errno = chip.busy ? EBUSY : EINVAL;
			return -1;
		}
		assert_int_equal(r->num_lines, 1);
		assert_int_equal(r->config.attrs[0].attr.id, GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES);
		chip.flags[r->offsets[0]] = r->config.flags;
		chip.active[r->offsets[0]] = r->config.attrs[0].attr.values & 1u;
		r->fd = open("/dev/null", O_RDWR);
		chip.fd[r->offsets[0]] = r->fd;
		chip.requests++;
		return 0;
	}
	assert_int_equal(request, GPIO_V2_LINE_SET_VALUES_IOCTL);
	v = arg;
	for (unsigned n = 0; n < 4; n++) {
		if (chip.fd[n] == fd) {
			assert_int_equal(v->mask, 1);
			chip.active[n] = v->bits & 1u;
			chip.set++;
			return 0;
		}
	}
	errno = EBADF;
	return -1;
}

/* Resets and switches that are lines: taken at the start, released or as needed; nobody is told of half a cycle. */
static void test_lines(void **state)
{
	struct user u;

	(void)state;
	memset(&chip, 0, sizeof(chip));
	put("board", "resets:\n  - { name: r, line: '/dev/null:3', active-low: true }\n"
		     "powers:\n  - { name: p, line: '/dev/null:0' }\n"
		     "  - { name: q, line: '/dev/null:1', enabled: true }\n");
	join(&u, NULL);
	assert_int_equal(chip.requests, 3);
	assert_int_equal(chip.flags[3], GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW);
	assert_int_equal(chip.flags[0], GPIO_V2_LINE_FLAG_OUTPUT);
	assert_false(chip.active[3] || chip.active[0]);
	assert_true(chip.active[1]);
	assert_int_equal(set(&u, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_ASSERT), VIO_OK);
	assert_true(chip.active[3]);
	assert_int_equal(set(&u, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_DEASSERT), VIO_OK);
	assert_false(chip.active[3]);
	assert_int_equal(set(&u, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_CYCLE), VIO_OK);
	assert_int_equal(chip.set, 4);
	assert_false(chip.active[3]);
	assert_int_equal(set(&u, VIO_SCMI_POWER_SET, 0, VIO_SCMI_POWER_ON), VIO_OK);
	assert_true(chip.active[0]);
	assert_int_equal(set(&u, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_ASSERT), VIO_OK);
	chip.fd[3] = -1; /* the chip is gone, as an adapter that is pulled */
	assert_int_equal(set(&u, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_DEASSERT), VIO_E_IO);
	leave(&u);
	assert_false(chip.active[0]); /* what the agent needed went with it */
	assert_true(chip.active[1]);
}

static void test_wrong_lines(void **state)
{
	static const struct {
		const char *line, *says;
	} t[] = {
		{ "line: '/dev/null:4'", "no such line" },
		{ "line: '/dev/null'", "give /dev/gpiochipN:OFFSET" },
		{ "line: ':1'", "give /dev/gpiochipN:OFFSET" },
		{ "line: '/dev/null:'", "give /dev/gpiochipN:OFFSET" },
		{ "line: '/dev/null:-1'", "give /dev/gpiochipN:OFFSET" },
		{ "line: '/dev/null:1x'", "give /dev/gpiochipN:OFFSET" },
		{ "line: '/dev/null:99999999999'", "give /dev/gpiochipN:OFFSET" },
		{ "line: '/nowhere/chip:1'", "/nowhere/chip: No such file" },
		{ "line: '/dev/null:1', switch: /dev/null", "a switch or a line" },
		{ "active-low: true", "active-low only with a line" },
	};
	char text[160];
	struct user u;

	(void)state;
	memset(&chip, 0, sizeof(chip));
	for (size_t k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		(void)snprintf(text, sizeof(text), "resets:\n  - { name: r, %s }\n", t[k].line);
		put("board", text);
		assert_int_equal(try(&u, NULL), -1);
		if (!strstr(u.ctx.err, t[k].says)) {
			fail_msg("'%s' does not say '%s'", u.ctx.err, t[k].says);
		}
	}
	chip.busy = true;
	put("board", "resets:\n  - { name: r, line: '/dev/null:1' }\n");
	assert_int_equal(try(&u, NULL), -1);
	assert_non_null(strstr(u.ctx.err, "somebody else holds this line"));
}

/* Asynchronous commands may outlive their agent: nobody is told, and the others go on. */
static void test_agent_leaves(void **state)
{
	struct vio_scmi_op op[3];
	struct user a, b;

	(void)state;
	board();
	join(&a, "a");
	join(&b, "b");
	for (unsigned n = 0; n < 3; n++) {
		op[n] = (struct vio_scmi_op){ .job = { .done = job_done, .vq = &vq },
					      .verb = VIO_SCMI_RESET_DO,
					      .agent = 1,
					      .value = VIO_SCMI_RESET_CYCLE };
		assert_int_equal(a.ops->run(a.h.host, &op[n]), VIO_PENDING);
	}
	finished = false;
	leave(&a);
	memset(op, 0x5a, sizeof(op));
	result = 77;
	assert_int_equal(set(&b, VIO_SCMI_CLOCK_SET, 0, 2000000), VIO_OK);
	holds("rate", "2000000\n");
	join(&a, "a");
	assert_int_equal(set(&a, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_ASSERT), VIO_OK);
	holds("reset", "1\n");
	leave(&a);
	leave(&b);
}

/* A file that has no number, or is gone for the kernel: the fault is the host's, and the state stays */
static void test_files_that_fail(void **state)
{
	struct user u;
	uint64_t v = 0;

	(void)state;
	board();
	join(&u, NULL);
	put("temp", "warm\n");
	assert_int_equal(ask(&u, VIO_SCMI_SENSOR_GET, 0, &v), VIO_E_IO);
	put("temp", "");
	assert_int_equal(ask(&u, VIO_SCMI_SENSOR_GET, 0, &v), VIO_E_IO);
	put("temp", "99999999999999999999\n");
	assert_int_equal(ask(&u, VIO_SCMI_SENSOR_GET, 0, &v), VIO_E_IO);
	put("temp", "3\n");
	assert_int_equal(ask(&u, VIO_SCMI_SENSOR_GET, 0, &v), VIO_OK);
	assert_int_equal(v, 3);
	leave(&u);
	/* /dev/full takes nothing */
	put("board", "clocks:\n  - { name: c, rates: [1, 2], switch: /dev/full }\n");
	join(&u, NULL);
	assert_int_equal(set(&u, VIO_SCMI_CLOCK_ON, 0, 1), VIO_E_IO);
	v = 0;
	assert_int_equal(ask(&u, VIO_SCMI_CLOCK_IS_ON, 0, &v), VIO_OK);
	assert_int_equal(v, 0);
	leave(&u);
	put("board", "clocks:\n  - { name: c, path: /nowhere/rate }\n");
	assert_int_equal(try(&u, NULL), -1);
	assert_non_null(strstr(u.ctx.err, "/nowhere/rate: No such file"));
	u.ctx.arg = NULL;
	assert_int_equal(host_linux_scmi[0].open(&u.ctx, &u.h), -1);
	assert_non_null(strstr(u.ctx.err, "linux:FILE"));
}

/* On while one of two needs it; who leaves takes its need along. */
static void test_needs_add_up(void **state)
{
	struct user a, b;

	(void)state;
	board();
	join(&a, "a");
	join(&b, "b");
	assert_int_equal(set(&a, VIO_SCMI_CLOCK_ON, 0, 1), VIO_OK);
	holds("gate", "1\n");
	put("gate", "untouched");
	assert_int_equal(set(&b, VIO_SCMI_CLOCK_ON, 0, 1), VIO_OK);
	assert_int_equal(set(&a, VIO_SCMI_CLOCK_ON, 0, 0), VIO_OK);
	holds("gate", "untouched");
	leave(&b);
	holds("gate", "0\n");
	assert_int_equal(set(&a, VIO_SCMI_RESET_DO, 0, VIO_SCMI_RESET_ASSERT), VIO_OK);
	holds("reset", "1\n");
	a.ops->reset(a.h.host);
	holds("reset", "0\n");
	leave(&a);
}

/* What a watched sensor does is told without being asked. */
static void test_sensor_is_watched(void **state)
{
	struct user u;

	(void)state;
	board();
	join(&u, NULL);
	events = 0;
	put("temp", "31\n");
	while (events == 0) {
		loop_run(loop);
	}
	assert_int_equal(last.verb, VIO_SCMI_SENSOR_GET);
	assert_int_equal(last.value, 31);
	assert_int_equal(last.agent, 0);
	leave(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beside_the_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_agent_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_that_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_needs_add_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sensor_is_watched, setup, teardown),
	};
	char command[96];
	int failed;

	(void)snprintf(folder, sizeof(folder), "/tmp/t_host_scmi.XXXXXX");
	if (!mkdtemp(folder)) {
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) ? 1 : failed;
}
