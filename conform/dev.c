/* SPDX-License-Identifier: BSD-3-Clause */
/* dev.c - what rules of devices share */
#include "conform/conform.h"

bool cf_up_queues(struct cf *c, uint16_t nvq)
{
	return cf_set_up(c, c->rule->features, nvq, 0) && cf_status(c, CF_LIVE);
}

bool cf_early(struct cf *c, struct cf_io *io)
{
	uint16_t vq = c->dev->vq;
	bool ok = cf_set_up(c, c->rule->features, c->dev->nvq, 0) && cf_harmless(c, io) &&
		  cf_put(c, vq, io);

	if (ok) {
		(void)vio_dvq_need_kick(&c->q[vq].v);
	}
	return ok;
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
