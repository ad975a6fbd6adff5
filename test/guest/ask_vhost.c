/* SPDX-License-Identifier: BSD-3-Clause */
/* ask_vhost.c - the device of a vhost-user back-end; where: its socket */
#include "ask.h"
#include "port/vhost_user/front.h"

static int alloc(void *bus, uint32_t len, struct vio_dma *out)
{
	return vhf_alloc(bus, 0, len, 4096, out);
}

int ask_open(struct ask_way *w, const char *where, char err[256])
{
	static const struct vhf_config cfg = { .reply_ms = 20000 };
	struct vhf *f = vhf_connect(&cfg, where, 20000, err);

	*w = (struct ask_way){ .ops = &vhf_bus, .bus = f, .alloc = alloc };
	return f && vhf_memory(f, 1, 1u << 20) == VIO_OK ? 0 : -1;
}
