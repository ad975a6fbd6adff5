/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpmb.h - RPMB device, replay protected memory: host table, storage, typed init
 *
 * source: virtio 1.4, 5.12
 */
#ifndef VIO_RPMB_H
#define VIO_RPMB_H

#include "host.h"
#include "spec/rpmb.h"

/* Overridable for firmware, the same for every file of a program. */
#ifndef VIO_RPMB_WRITE_MAX
#define VIO_RPMB_WRITE_MAX 32u /* most blocks of one write, 2 to 255; 256 bytes of storage each */
#endif
#ifndef VIO_RPMB_DEPTH
#define VIO_RPMB_DEPTH 4u /* requests answered before the ring is written */
#endif
#ifndef VIO_RPMB_SEGS
#define VIO_RPMB_SEGS 66u /* segments of one request: a driver may give each frame its own */
#endif

#define VIO_RPMB_FRAMES 255u /* most frames of one question or answer */

/*
 * What the host keeps. The host changes it, only while a commit of the device is under way.
 * A host that relays has neither counter nor key: 0 and false.
 */
struct vio_rpmb_store {
	uint32_t blocks;  /* whole units of 128 KiB, at most 16 MiB */
	uint32_t counter; /* writes that succeeded */
	bool keyed;	  /* there is a key; it never changes again */
	/* most blocks of one write, and read, that it can do; 0: no limit of its own */
	uint8_t max_wr, max_rd;
	/* of a host that relays: room for VIO_RPMB_FRAMES */
	struct vio_rpmb_frame *frames;
};

/* A change that is to be kept for ever, all of it or nothing, also when the power fails. */
struct vio_rpmb_commit {
	struct vio_job job;
	const uint8_t *key;  /* VIO_RPMB_MAC bytes: program this key; NULL: write */
	const uint8_t *data; /* n blocks, and the counter is one more afterwards */
	uint16_t block, n;   /* inside the store, n at most VIO_RPMB_WRITE_MAX */
};

/*
 * A question for a store that keeps its key to itself and answers for itself, as an eMMC. The frames are in
 * store->frames: of the question as the driver made them, then, in their place, of the answer.
 */
struct vio_rpmb_relay {
	struct vio_job job;
	uint16_t
		type; /* VIO_RPMB_REQ_*; of a key or a write the answer is what RESULT_READ tells */
	uint16_t ask; /* frames of the question: 1, of a write as many as blocks */
	uint16_t want; /* frames of the answer: 1, of a read as many as blocks */
};

/*
 * Called on the queue's executor; must not block. At most one commit or relay is under way, and then no other verb is
 * called.
 */
struct vio_rpmb_host_ops {
	/* open - the device is there; returns: the store, or NULL: the host is gone */
	const struct vio_rpmb_store *(*open)(void *host);
	/* read - one block; returns: VIO_OK | negative */
	int (*read)(void *host, uint16_t block, uint8_t data[VIO_RPMB_BLOCK]);
	/*
	 * commit - returns: VIO_OK it is safe, the store says so | VIO_PENDING c->job follows, its result VIO_OK or
	 * negative | negative: the driver is told that it failed
	 */
	int (*commit)(void *host, struct vio_rpmb_commit *c);
	/* mac_* - HMAC-SHA-256 with the store's key, over all that is added; one at a time. Only when there is a key. */
	void (*mac_begin)(void *host);
	void (*mac_add)(void *host, const uint8_t *p, uint32_t len);
	void (*mac_end)(void *host, uint8_t mac[VIO_RPMB_MAC]);
	/*
	 * relay - not NULL: called instead of all of the above but open. The store judges MAC, counter and key; block
	 * counts and addresses have been looked at.
	 * returns: VIO_OK the answer is there | VIO_PENDING r->job follows, its result VIO_OK or negative | negative:
	 * nothing is known of it, the driver is told that it failed
	 */
	int (*relay)(void *host, struct vio_rpmb_relay *r);
};

/* What an answer says; data and MAC come when it is fetched. */
struct vio_rpmb_answer {
	uint16_t type, result; /* VIO_RPMB_RESP_*, VIO_RPMB_RES_* */
	uint16_t address, count;
	uint32_t counter;
	uint8_t nonce[16];
	bool data; /* blocks from address on */
	/* not NULL: these, as they are, and what is above means nothing */
	const struct vio_rpmb_frame *frames;
};

struct vio_rpmb {
	struct vio_dev dev;
	struct vio_vq vq;
	const struct vio_rpmb_host_ops *ops;
	void *host;
	const struct vio_rpmb_store *store;
	uint8_t max_wr, max_rd; /* blocks */
	struct vio_req *now;	/* whose frames are looked at */
	uint32_t at;		/* bytes of it that were taken */
	struct vio_rpmb_commit commit;
	struct vio_rpmb_relay relay;
	struct vio_rpmb_answer answer; /* to be fetched */
	uint16_t left;		       /* frames of it */
	struct vio_rpmb_answer last;   /* of the last key or write, for RESULT_READ */
	uint16_t want, have;	       /* frames of a write that is coming in */
	bool differ;		       /* its frames are not of one write */
	uint8_t config[sizeof(struct vio_rpmb_config)];
	struct vio_rpmb_frame frame, first; /* first: of the write */
	/* blocks of a write; where the host relays: how the last key or write went, a frame */
	uint8_t data[VIO_RPMB_WRITE_MAX * VIO_RPMB_BLOCK];
	VIO_VQ_STORE(struct vio_req, VIO_RPMB_DEPTH, VIO_RPMB_SEGS) vqs;
};

/*
 * vio_rpmb_init - p: zeroed
 * max_wr: 1 to VIO_RPMB_WRITE_MAX; max_rd: 1 to 255
 * Both are lowered to what the host can do.
 * returns: VIO_OK | VIO_E_ARG no host, a limit, or a store that is not of whole units, or has no frames to relay |
 * VIO_E_IO host is gone
 */
int vio_rpmb_init(struct vio_rpmb *p, struct vio_mem *m, const struct vio_rpmb_host_ops *ops,
		  void *host, uint8_t max_wr, uint8_t max_rd);

extern const struct vio_class vio_class_rpmb;

#endif
