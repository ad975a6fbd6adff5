/* SPDX-License-Identifier: BSD-3-Clause */
/* dev.c - what rules of devices share */
#include "conform/conform.h"

bool cf_up_queues(struct cf *c, uint16_t nvq)
{
	uint32_t has = vhf_queues(c->f);
	bool ok;

	if (has != 0 && has < nvq) {
		return cf_fail(c, "it has %u queues, with these features such a device has %u", has,
			       nvq);
	}
	ok = cf_negotiate(c, c->rule->features | VIO_F_VERSION_1 | (c->dev->want & c->offered));
	for (uint16_t i = 0; ok && i < nvq; i++) {
		ok = cf_queue_setup(c, i, 0);
	}
	return ok && cf_status(c, CF_LIVE);
}

bool cf_make(struct cf *c, struct cf_io *io, const void *out, uint32_t out_len, uint32_t in_len)
{
	return cf_io(c, io, out_len, in_len) && cf_fill(io, out);
}

bool cf_say(struct cf *c, uint16_t vq, struct cf_io *io, const void *out, uint32_t out_len,
	    uint32_t in_len)
{
	return cf_make(c, io, out, out_len, in_len) && cf_ask(c, vq, io);
}

bool cf_refuses(struct cf *c, uint64_t features)
{
	uint64_t got;
	int rc = vhf_memory(c->f, 1, 1u << 20);

	rc = rc == VIO_OK ? vio_drv_probe(&vhf_bus, c->f, features, &got) : rc;
	if (rc != VIO_OK && rc != VIO_E_NOTSUP) {
		return cf_fail(c, "%s", vhf_error(c->f));
	}
	return cf_expect(c, rc == VIO_E_NOTSUP, "FEATURES_OK stays set with features 0x%llx",
			 (unsigned long long)features);
}
