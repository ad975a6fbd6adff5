/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rng.h - entropy device: host table, storage, typed init
 *
 * source: virtio 1.3, 5.4
 */
#ifndef VIO_RNG_H
#define VIO_RNG_H

#include "host.h"

#define VIO_RNG_ID 4u

/* Overridable for firmware, the same for every file of a program. */
#ifndef VIO_RNG_BUF
#define VIO_RNG_BUF 1024u /* bytes fetched ahead; also the most that one request is given */
#endif
#ifndef VIO_RNG_DEPTH
#define VIO_RNG_DEPTH 16u /* requests answered before the ring is written */
#endif
#ifndef VIO_RNG_SEGS
#define VIO_RNG_SEGS 4u /* segments of one request */
#endif

/* One fetch. The device sets all but `got`. */
struct vio_rng_fill {
	struct vio_job job;
	uint8_t *buf;
	uint32_t len; /* bytes, > 0 */
	/* set by the host before it answers VIO_OK or completes the job with VIO_OK: 1..len */
	uint32_t got;
};

/*
 * Both verbs are called on the queue's executor and must not block. At most one fetch is under way.
 */
struct vio_rng_host_ops {
	/*
	 * fill - put random bytes into f->buf
	 * returns: VIO_OK and f->got | VIO_PENDING f->job follows, its result VIO_OK or negative
	 *          | negative: no bytes can be had; the device asks again a second later
	 */
	int (*fill)(void *host, struct vio_rng_fill *f);
	/*
	 * cancel - forget the pending fetch: its job is not completed and its buffer not touched
	 * any more
	 */
	void (*cancel)(void *host, struct vio_rng_fill *f);
};

struct vio_rng {
	struct vio_dev dev;
	struct vio_vq vq;
	const struct vio_rng_host_ops *ops;
	void *host;
	struct vio_clock *clock;
	struct vio_timer timer;
	struct vio_rng_fill fill;
	uint64_t cost;	      /* ns a byte, 16 fraction bits; 0: no limit */
	uint64_t paid;	      /* ns: the rate is used up to this moment */
	uint32_t least;	      /* bytes that must be due before a request is taken */
	uint32_t have, taken; /* buf[taken..have) is fresh */
	bool filling, failed;
	uint8_t buf[VIO_RNG_BUF];
	VIO_VQ_STORE(struct vio_req, VIO_RNG_DEPTH, VIO_RNG_SEGS) store;
};

/*
 * vio_rng_init - g: zeroed
 * rate: bytes per second, 0: no limit; clock: may be NULL where rate is 0, then a failing host ends
 * the device
 * returns: VIO_OK | VIO_E_ARG a rate without a clock, or no host
 */
int vio_rng_init(struct vio_rng *g, struct vio_mem *m, const struct vio_rng_host_ops *ops,
		 void *host, struct vio_clock *clock, uint32_t rate);
/* vio_rng_fini - device is reset: takes timer and fetch back, so that host and storage may go */
void vio_rng_fini(struct vio_rng *g);

extern const struct vio_class vio_class_rng;

#endif
