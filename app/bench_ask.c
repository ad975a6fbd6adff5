/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_ask.c - what is asked outside of the load: one request by itself, the configuration */
#include "app/bench_way.h"

#define LOOK_NS 100000u /* between looks at the ring: nobody is asked to notify */

int bench_add(struct bench *b, struct bench_queue *q, struct bench_req *r)
{
	return b->spec.indirect ? vio_dvq_add_indirect(&q->q, &r->table, r->b, r->n_out, r->n_in, r)
				: vio_dvq_add(&q->q, r->b, r->n_out, r->n_in, r);
}

/* returns: as vio_dvq_get; VIO_E_AGAIN: it did not come in time, VIO_E_IO: the other end has left */
static int await(struct bench *b, struct bench_queue *q, uint32_t *len)
{
	uint64_t end = bench_now() + b->spec.stall_ns;
	void *cookie;
	int rc;

	while ((rc = vio_dvq_get(&q->q, &cookie, len)) == VIO_E_AGAIN && bench_now() < end &&
	       !bench_stopped()) {
		if (b->way->gone && b->way->gone(b)) {
			return VIO_E_IO;
		}
		(void)b->way->nap(b, LOOK_NS);
	}
	return rc;
}

int bench_ask(struct bench *b, struct bench_queue *q, struct bench_req *r, const char *what,
	      uint32_t *len, char err[256])
{
	int rc;

	vio_dvq_mute(&q->q);
	rc = bench_add(b, q, r);
	if (rc == VIO_OK && vio_dvq_need_kick(&q->q)) {
		rc = b->way->bus->kick(b->to, q->vq);
	}
	rc = rc == VIO_OK ? await(b, q, len) : rc;
	if (rc == VIO_OK) {
		return 0;
	}
	if (rc == VIO_E_AGAIN) {
		snprintf(err, 256, "%s: the device does not answer%s", what,
			 bench_stopped() ? "" : " (--stall is how long it may take)");
	} else if (rc == VIO_E_RING) {
		snprintf(err, 256, "%s: the back-end returned what was not asked for", what);
	} else {
		snprintf(err, 256, "%s: %s", what,
			 b->way->error(b->to)[0] ? b->way->error(b->to) : "it cannot be asked");
	}
	return -1;
}

int bench_config(struct bench *b, const char *what, void *to, uint32_t len, char err[256])
{
	if (b->way->bus->config_read(b->to, 0, to, len) == VIO_OK) {
		return 0;
	}
	snprintf(err, 256, "the %s's configuration: %s", what,
		 b->way->error(b->to)[0] ? b->way->error(b->to) : "the back-end has no CONFIG");
	return -1;
}
