/* SPDX-License-Identifier: BSD-3-Clause */
/* t_echo.c - the template of a device model, by its class as the program finds it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"

extern const struct vio_class vio_class_echo;

static void test_echo(void **state)
{
	static const struct {
		uint32_t out, in, piece;
	} t[] = {
		{ 5, 5, 0 },	 { 5, 9, 0 },	{ 9, 5, 0 },   { 0, 4, 0 },
		{ 4, 0, 0 },	 { 64, 64, 0 }, { 65, 65, 0 }, { 500, 500, 0 },
		{ 500, 300, 0 }, { 6, 6, 3 },	{ 6, 4, 3 },
	};
	const struct vio_parts parts = { .clock = NULL };
	struct vio_dev *d;
	struct rig_req r;
	struct rig g;
	uint8_t out[500];
	uint32_t k, want;
	size_t n;

	(void)state;
	for (k = 0; k < sizeof(out); k++) {
		out[k] = (uint8_t)(k * 7u);
	}
	d = calloc(1, vio_class_echo.bytes(&parts));
	assert_non_null(d);
	assert_int_equal(vio_class_echo.create(d, rig_mem(&g), &parts), VIO_OK);
	assert_int_equal(rig_start(&g, d, 0), VIO_OK);
	for (n = 0; n < sizeof(t) / sizeof(t[0]); n++) {
		rig_piece = t[n].piece;
		rig_do(&g, 0, &r, out, t[n].out, t[n].in);
		want = t[n].out < t[n].in ? t[n].out : t[n].in;
		assert_true(r.back);
		assert_int_equal(r.len, want);
		for (k = 0; k < t[n].in; k++) {
			assert_int_equal(r.in[k], k < want ? out[k] : 0xee);
		}
	}
	rig_piece = 0;
	assert_int_equal(rig_reset(&g), VIO_OK);
	free(d);
	rig_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_echo) };
	int failed = cmocka_run_group_tests_name("echo, split", tests, NULL, NULL);

	rig_packed = true;
	return failed + cmocka_run_group_tests_name("echo, packed", tests, NULL, NULL);
}
