/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * blk.h - the block device: what a host gives it, and its typed init
 *
 * source: virtio 1.3, 5.2
 */
#ifndef VIO_BLK_H
#define VIO_BLK_H

#include "host.h"
#include "spec/blk.h"

#ifndef VIO_BLK_QUEUES_MAX
#define VIO_BLK_QUEUES_MAX 64u /* firmware: 1 */
#endif
#ifndef VIO_BLK_DEPTH
#define VIO_BLK_DEPTH 128u /* requests of one queue at the host at once; firmware: 4 */
#endif
#ifndef VIO_BLK_SEGS
#define VIO_BLK_SEGS                                                                               \
	128u /* segments of one request, head and status included, >= 3; firmware: 10 */
#endif
#ifndef VIO_BLK_RANGES
#define VIO_BLK_RANGES                                                                             \
	16u /* ranges of one DISCARD or WRITE_ZEROES; bounds the work of one request */
#endif

/* What the host has; asked once, in init. Zero where nothing is said. */
struct vio_blk_info {
	uint64_t sectors;	  /* of 512 bytes */
	uint32_t block_size;	  /* bytes, logical; a power of two >= 512; 0: 512 */
	uint8_t physical_exp;	  /* log2 of logical blocks in a physical one */
	uint8_t alignment_offset; /* logical blocks */
	uint16_t min_io;	  /* logical blocks; 0: not known */
	uint32_t opt_io;	  /* logical blocks; 0: not known */
	uint32_t discard_max;	  /* sectors in one range; 0: no DISCARD */
	uint32_t discard_align;	  /* sectors; 0: 1 */
	uint32_t zeroes_max;	  /* sectors in one range; 0: no WRITE_ZEROES */
	bool zeroes_unmap;	  /* WRITE_ZEROES may deallocate */
	bool read_only;
	bool write_cache; /* a completed write is lost by a power cut until FLUSH */
	bool no_data;	  /* READ delivers nothing; not short, and not reported as written */
	uint8_t id[VIO_BLK_ID_BYTES]; /* GET_ID; zero-padded */
};

enum vio_blk_op {
	VIO_BLK_READ,
	VIO_BLK_WRITE,
	VIO_BLK_SYNC, /* every completed WRITE and ZEROES is on stable storage before this one completes */
	VIO_BLK_DISCARD, /* a hint: doing nothing is success */
	VIO_BLK_ZEROES
};

/*
 * One operation at the host. The device has checked that [sector, sector + length) is inside the disk. Inside one
 * request operations come one after another; those of different requests are not ordered.
 */
struct vio_blk_io {
	struct vio_job job; /* result: VIO_OK or negative */
	uint8_t op;	    /* enum vio_blk_op */
	bool unmap;	    /* ZEROES: deallocating is welcome */
	uint64_t sector;    /* all but SYNC */
	uint32_t sectors;   /* DISCARD, ZEROES: > 0 */
	uint32_t
		moved; /* the host sets it before it completes: bytes of span from the start that were transferred */
	struct vio_span span; /* READ, WRITE: a multiple of 512 bytes, may be 0 */
	/* the host's own, from submit to completion */
	struct vio_blk_io *next;
	void *host;
	uint32_t tag;
};

/*
 * Host table. `host` is vio_vq.host of the queue, or the device's where that is NULL; with several executors a host
 * without queue instances must bear calls from each of them.
 */
struct vio_blk_host_ops {
	/* context: init. returns: VIO_OK | negative: no device */
	int (*info)(void *host, struct vio_blk_info *info);
	/*
	 * start io; the host takes VIO_BLK_DEPTH of them for each queue and never says VIO_E_AGAIN
	 * returns: VIO_OK done | VIO_PENDING job.done follows | negative. A WRITE that fails in part is VIO_E_IO.
	 * VIO_E_NOTSUP becomes S_UNSUPP, any other negative S_IOERR.
	 * context: the queue's executor
	 */
	int (*submit)(void *host, struct vio_blk_io *io);
	/*
	 * pass on what was collected: some requests of a turn of q, and the rest at its end. May be NULL.
	 * It is not called after a submit from inside job.done: there the host passes on by itself when done returned.
	 * The one place where a host may call job.done itself, without vio_job_complete, for jobs of q only: what other
	 * queues have completed would wait for their next turn, and nothing would cause one. Then it returns true and
	 * the device looks for more requests in the same turn.
	 */
	bool (*commit)(void *host, const struct vio_vq *q);
	/* the device is being reset: finish io soon. May be NULL. */
	void (*cancel)(void *host, struct vio_blk_io *io);
};

struct vio_blk_req {
	struct vio_req req;
	struct vio_blk_io io;
	uint16_t range, nrange; /* DISCARD, WRITE_ZEROES: next one, and how many */
	uint8_t type;
	bool sync; /* write through: a SYNC still has to follow */
};

/* Storage of one queue. */
struct vio_blk_queue {
	VIO_VQ_STORE(struct vio_blk_req, VIO_BLK_DEPTH, VIO_BLK_SEGS) store;
};

#define VIO_BLK_CONFIG_BYTES 60u /* up to secure erase, which is never offered */

struct vio_blk {
	struct vio_dev dev;
	const struct vio_blk_host_ops *host_ops;
	void *host;
	uint64_t sectors; /* any executor reads it */
	uint32_t discard_max, zeroes_max, block;
	bool read_only, write_cache, no_data;
	uint8_t through; /* write through now; any executor reads it */
	uint8_t id[VIO_BLK_ID_BYTES];
	uint8_t config[VIO_BLK_CONFIG_BYTES];
	struct vio_vq vq[VIO_BLK_QUEUES_MAX];
};

struct vio_blk_setup {
	const struct vio_blk_host_ops *host_ops;
	void *host;
	uint16_t queues;     /* 1..VIO_BLK_QUEUES_MAX */
	uint32_t block_size; /* bytes, a power of two; 0 or less than the host's: the host's */
	bool read_only;
};

/*
 * vio_blk_init - b: zeroed; q: s->queues of them; m: bounds seg_max and size_max, NULL: it has no bounds
 * returns: VIO_OK | VIO_E_ARG | negative from the host
 */
int vio_blk_init(struct vio_blk *b, struct vio_mem *m, const struct vio_blk_setup *s,
		 struct vio_blk_queue *q);

/*
 * vio_blk_resize - the disk has another size now; the driver is told
 * Requests that the host has already are not touched; beyond the end the host fails them.
 * d: a block device; context: control executor. On 32-bit targets it must be the queues' executor too.
 */
void vio_blk_resize(struct vio_dev *d, uint64_t sectors);

extern const struct vio_class vio_class_blk;

#endif
