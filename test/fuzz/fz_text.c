/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fz_text.c - what is parsed outside of requests: files and options, messages of virtio-msg
 *
 * usage: fz_NAME [LIBFUZZER-OPTION]... [CORPUS]...    NAME is compiled in: FUZZ_TARGET, a function below
 *
 * What must hold, beside what the sanitizers see, stands with each target. libFuzzer's memory limit and its detector of
 * leaks are part of it: what a parser took it gives back, also when it refuses.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "app/config.h"
#include "app/guest_dtb.h"
#include "host/scmi/board.h"
#include "test/support/tdev.h"
#include "test/support/world.h"
#include "vio/msg.h"
#if HAVE_LIBFDT
#include <libfdt.h>
#endif

#define MUST(holds)                                                                                \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			fprintf(stderr, "fz_text.c: line %d: %s\n", __LINE__, #holds);             \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

void target_config(const uint8_t *data, size_t size);
void target_scmifile(const uint8_t *data, size_t size);
void target_spec(const uint8_t *data, size_t size);
void target_dtb(const uint8_t *data, size_t size);
void target_msg(const uint8_t *data, size_t size);

/* A file that has these bytes; returns: its path, until the next call */
static const char *file_of(const uint8_t *data, size_t size)
{
	static char path[40];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("input", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	MUST(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

/* stratos.conf: refused with a reason, or specs that name a class */
void target_config(const uint8_t *data, size_t size)
{
	static struct spec spec[8];
	struct spec_error e = { .text = "" };
	unsigned n = 0;
	int rc = config_load(file_of(data, size), spec, 8, &n, &e);

	MUST(n <= 8u && (rc == 0 || e.text[0]));
	for (unsigned i = 0; i < n; i++) {
		MUST(rc != 0 || spec[i].cls);
		spec_free(&spec[i]);
	}
}

/* The platform of SCMI devices: refused with a reason, or a plan */
void target_scmifile(const uint8_t *data, size_t size)
{
	char err[256] = "";
	const struct scmi_plan *p = scmi_plan_load(file_of(data, size), err, sizeof(err));

	MUST(p || err[0]);
	if (p) {
		scmi_plan_free(p);
	}
}

/* --device */
void target_spec(const uint8_t *data, size_t size)
{
	struct spec_error e = { .text = "" };
	char *text = strndup((const char *)data, size);
	struct spec s = { .nopt = 0 };
	int rc = spec_parse(&s, text, &e);

	rc = rc ? rc : spec_finish(&s, 0, &e);
	MUST(rc == 0 || e.text[0]);
	spec_free(&s);
	free(text);
}

/* `stratos guest-dtb`: what is checked at the door may be edited, and is a device tree afterwards */
void target_dtb(const uint8_t *data, size_t size)
{
#if HAVE_LIBFDT
	struct guest_dtb g = { .len = 0 };
	char err[256] = "";
	uint8_t *raw = malloc(size); /* aligned */
	size_t room;
	void *fdt;

	MUST(raw || size == 0u);
	if (size > 0u && guest_dtb_sound(memcpy(raw, data, size), size)) {
		room = guest_dtb_room(fdt_totalsize(raw));
		fdt = malloc(room);
		MUST(fdt);
		if (fdt_open_into(raw, fdt, (int)room) == 0) {
			MUST(guest_dtb_edit(fdt, &g, err) == 0 || err[0]);
			MUST(fdt_check_full(fdt, room) == 0);
		}
		free(fdt);
	}
	free(raw);
#else
	(void)data;
	(void)size;
#endif
}

/* ---- virtio-msg: the device's side ---- */

static struct {
	struct world w;
	struct tdev dev;
	struct vio_msg m;
	struct vio_ctl_vq vq[1];
	struct vio_msg_slot slot[4];
	struct vio_msg_bus bus;
	bool due;
} b;

static void on_run(void *ctx, uint16_t vq)
{
	(void)ctx;
	MUST(vq == 0u);
	b.due = true;
}

static void on_due(void *ctx)
{
	(void)ctx;
}

static const struct vio_msg_ops msg_ops = { .run = on_run, .due = on_due };

/* Each message is a byte of length, then bytes; a response is never longer than it may be, and there is an end to events */
void target_msg(const uint8_t *data, size_t size)
{
	static bool made;
	uint8_t in[256], out[VIO_MSG_MAX + 1u];

	if (!made) {
		made = true;
		MUST(world_open(&b.w, WORLD_WINDOW) && tdev_init(&b.dev, b.w.mem, false) == VIO_OK);
		vio_msg_init(&b.m, &b.dev.d, b.vq, 1, VIO_MSG_MAX, VIO_MSG_V2, &msg_ops, NULL,
			     VIO_F_RINGS | VIO_F_ACCESS_PLATFORM);
		vio_msg_bus_init(&b.bus, b.slot, 4, VIO_MSG_MAX, VIO_MSG_V2);
		vio_msg_bus_set(&b.bus, 1, &b.m, false);
	}
	out[VIO_MSG_MAX] = 0xc5;
	for (unsigned n = 0; size > 0u && n < 64u; n++) {
		size_t len = *data++;

		len = len < --size ? len : size;
		memcpy(in, data, len);
		MUST(vio_msg_bus_handle(&b.bus, in, (uint32_t)len, out) <= VIO_MSG_MAX);
		data += len;
		size -= len;
		for (unsigned k = 0; vio_msg_bus_next(&b.bus, out) > 0u; k++) {
			MUST(k < 16u);
		}
		if (b.due) {
			b.due = false;
			(void)vio_vq_run(&b.dev.vq);
		}
	}
	MUST(out[VIO_MSG_MAX] == 0xc5);
	(void)vio_msg_reset(&b.m);
	MUST(vio_dev_status(&b.dev.d) == 0u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FUZZ_TARGET(data, size);
	return 0;
}
