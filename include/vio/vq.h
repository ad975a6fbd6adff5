/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vq.h - waist 2 of 5: requests, and the turn of a queue
 *
 * What a device model sees of a virtqueue, whatever its format (split, packed), its memory kind and its port.
 * source: virtio 1.3, 2.6 to 2.8
 *
 * Threads: a queue, its requests and their completions belong to one executor. There are no locks.
 */
#ifndef VIO_VQ_H
#define VIO_VQ_H

#include "config.h"
#include "mem.h"

struct vio_dev;
struct vio_vq;

#define VIO_VQ_SIZE_MAX 32768u
#define VIO_REQ_EXT                                                                                \
	2u /* payload from the start, status at the end: enough for every device class */

/*
 * A request, owned by the device model from vio_vq_pop() to vio_req_done(), across any number of turns, in any
 * order. First member of the device's own request struct; lives in the VIO_VQ_STORE of its queue, never on a
 * heap. A device reads out_len, in_len, again and vq; the rest is the core's.
 */
struct vio_req {
	struct vio_vq *vq;
	struct vio_req *next; /* free list, q->last */
	struct vio_sgl sgl;
	uint32_t out_len; /* bytes the device may read */
	uint32_t in_len;  /* bytes the device may write */
	uint16_t id;	  /* split: head index; packed: buffer id */
	uint16_t slots;	  /* ring slots taken (packed) */
	uint8_t state;	  /* enum vio_req_state */
	uint8_t nw;	  /* entries of w[] */
	bool again;	  /* replayed after a crash: its effects may have happened already */
	uint8_t pad;
	uint32_t len;		       /* once done: the length that is reported */
	uint16_t track;		       /* in-flight region: index of the entry */
	struct vio_ext w[VIO_REQ_EXT]; /* written so far: ascending, disjoint */
};

enum vio_req_state {
	VIO_REQ_FREE,
	VIO_REQ_OWNED, /* by the device; memory with a map, not counted */
	VIO_REQ_HELD,  /* by the device; acquired and counted */
	VIO_REQ_DONE   /* given back, not yet shown to the driver */
};

/* Where a queue stands. Indices: split free-running, packed < size. Fresh: { 0, 0, true, true }. */
struct vio_vq_state {
	uint16_t avail, used;
	bool avail_wrap, used_wrap; /* packed only */
};

/* Storage of one queue: n requests of `type`, segs segments each. sizeof() is the whole memory budget. */
#define VIO_VQ_STORE(type, n, segs)                                                                \
	struct {                                                                                   \
		type req[n];                                                                       \
		struct vio_seg seg[(n) * (segs)];                                                  \
	}
#define VIO_VQ_BIND(vq, dev, index, store, n, segs)                                                \
	vio_vq_bind((vq), (dev), (index), (store)->req, sizeof((store)->req[0]), (n),              \
		    (store)->seg, (segs))

struct vio_ring_ops;

/* In-flight tracking of one queue: the caller's storage, see vio_vq_track. The core's. */
struct vio_vq_track {
	void *region;
	uint16_t left, pos; /* replay: how many are still to come, entry of the last one */
	uint64_t ctr;	    /* of the next request that is taken */
};

/* One virtqueue, device side. Devices read index, size and host; ports read size, enabled, and write mem, size_max. */
struct vio_vq {
	/* what every pop and done touches comes first */
	struct vio_req *(*pop)(struct vio_vq *q);
#if VIO_CFG_QUICK
	void (*done)(struct vio_req *r, uint32_t data);
	const struct vio_map *map;
#endif
	struct vio_req *free;
	uint8_t *desc, *driver, *device; /* the three areas, here; desc NULL: not acquired */
	union {
		struct {	       /* split */
			uint16_t seen; /* driver's index when last read */
#if VIO_CFG_QUICK
			uint16_t mask;
#endif
		};
#if VIO_CFG_PACKED
		struct { /* packed */
			const uint8_t *desc_end;
			uint16_t avail_mark,
				used_mark; /* flags that mean "available" at avail, "used" at used */
			uint16_t hold_at,
				hold_flags; /* first element of this turn, its flags are written last */
			uint16_t signalled_mark; /* used_mark at the last signal decision */
			bool hold;
		};
#endif
	};
	uint16_t size;
#if VIO_CFG_QUICK
	uint16_t nfast; /* most segments of the quick gear */
#endif
	uint16_t avail;	      /* next to take */
	uint16_t used, shown; /* next to write; what the driver was shown */
	uint16_t signalled;   /* used at the last signal decision */
	uint16_t budget;      /* requests that this turn may still take */
	bool indirect, event_idx, in_order;
	bool dry; /* the last pop found the ring empty */
	uint8_t laps; /* packed: times round the ring in this turn; not 0: the next turn chooses the gear anew */

	uint8_t area_era; /* of the memory, when the areas were acquired */
	bool enabled, stopping, discard, more, armed, signal_due, signal_force;
	uint16_t index, nreq, stride;
	uint16_t
		size_max; /* the driver gets no more; bind: VIO_VQ_SIZE_MAX, a port may lower it while the queue is down */
	struct vio_dev *dev;
	struct vio_mem *mem; /* this executor's; NULL at enable: the device's */
	void *host;	     /* this queue's own host instance, or NULL: the device's */
#if VIO_CFG_PACKED
	const struct vio_ring_ops *ring;
#endif
	struct vio_vq *next; /* in mem->queues */
	struct vio_req *
		last; /* given back, not shown yet; IN_ORDER: owned ones too. A circle: last->next is the first */
	uint8_t *req; /* pool: nreq, stride bytes each */
#if VIO_CFG_TRACK
	struct vio_vq_track *track; /* or NULL */
#endif
	const uint64_t *log;   /* vio_vq_log, or NULL */
	uint64_t area_addr[3]; /* descriptor, driver, device area, as the driver gave them */
};

/*
 * vio_vq_bind - once, by the device model: give queue `index` its storage; use VIO_VQ_BIND
 * nreq: requests that may be owned at once, > 0; nseg: segments each may have, > 0
 */
void vio_vq_bind(struct vio_vq *q, struct vio_dev *d, uint16_t index, void *req, size_t stride,
		 uint16_t nreq, struct vio_seg *seg, uint16_t nseg);

/*
 * vio_vq_pop - the next request, checked and acquired, or NULL
 *
 * NULL: the ring is empty; or no free request, or VIO_E_AGAIN from memory, or this turn's budget is spent
 * (nothing consumed, a later turn goes on); or the guest broke a rule (the core has failed the device).
 * Pop late: acquire holds resources. Do not pop a receive buffer before there is data for it.
 * context: inside the device's `queue` callback only
 */
static inline struct vio_req *vio_vq_pop(struct vio_vq *q)
{
	return q->pop(q);
}

/*
 * vio_req_done - give a request back; any order, any later turn
 * data: bytes written by a host from the start of the writable part through a span (0: none). What
 * vio_req_write wrote is known already. The driver is told the length written contiguously from the start.
 * The driver sees it at the end of the turn; outside a turn call vio_vq_wake (vio_job_complete does).
 * A second call for the same request is ignored.
 */
#if VIO_CFG_QUICK
static inline void vio_req_done(struct vio_req *r, uint32_t data)
{
	r->vq->done(r, data);
}
#else
void vio_req_done(struct vio_req *r, uint32_t data);
#endif

/*
 * vio_vq_show - show now, not at the end of the turn, what was done so far: for a turn that goes on for long
 *
 * The driver may take it, and refill the ring, while the device is at the rest. With EVENT_IDX, where the driver says
 * from which one on it wants a signal, it gets that now too. What is shown counts towards the turn's budget, so a
 * driver that keeps up does not make a turn without end. Costs a full fence: some requests, or some microseconds of
 * work, should lie between two calls. VIO_CFG_QUICK 0: does nothing.
 * context: inside the device's `queue` callback, not between a pop and what is done with its request
 */
#if VIO_CFG_QUICK
void vio_vq_show(struct vio_vq *q);
#else
static inline void vio_vq_show(struct vio_vq *q)
{
	(void)q;
}
#endif

/*
 * vio_req_read - copy bytes [off, off + len) of the readable part to dst; the only way to look at a header
 * returns: bytes copied, less than len where the request is shorter
 */
uint32_t vio_req_read(const struct vio_req *r, uint32_t off, void *dst, uint32_t len);

/* vio_req_write - copy to the writable part, and record it as written; returns: bytes copied */
uint32_t vio_req_write(struct vio_req *r, uint32_t off, const void *src, uint32_t len);

/*
 * vio_req_wrote - a host wrote [off, off + len) of the writable part through a span
 * Beyond VIO_REQ_EXT extents the smallest gap is closed: its bytes then count as written.
 */
void vio_req_wrote(struct vio_req *r, uint32_t off, uint32_t len);

/*
 * A view of payload for host I/O without a copy: `len` bytes, starting `skip` bytes into seg[0]. Valid while the
 * request is owned. Hosts walk it with vio_span_next; a device model never looks through it.
 */
struct vio_span {
	const struct vio_seg *seg;
	uint16_t n;
	uint32_t skip; /* bytes */
	uint32_t len;  /* bytes */
};

/* vio_req_span - view [off, off + len) of one direction; returns: VIO_OK | VIO_E_ARG beyond the request */
int vio_req_span(const struct vio_req *r, bool writable, uint32_t off, uint32_t len,
		 struct vio_span *s);

/* vio_span_next - take the next contiguous piece off `s`; returns: its bytes and *p, or 0 when s is used up */
uint32_t vio_span_next(struct vio_span *s, uint8_t **p);

/* vio_span_read, vio_span_write - copy `len` bytes off the front of `s`; returns: bytes copied */
uint32_t vio_span_read(struct vio_span *s, void *dst, uint32_t len);
uint32_t vio_span_write(struct vio_span *s, const void *src, uint32_t len);

/*
 * vio_vq_wake - a turn of this queue is wanted: a host has data, or completed a job
 * context: any thread, any moment; only forwards to the port (vio_port_ops.wake)
 */
void vio_vq_wake(struct vio_vq *q);

/* ---- for ports ---- */

/*
 * vio_vq_run - one turn: the device takes what is there, completions are shown, at most one signal is sent
 *
 * The only place where the core calls the device's `queue` or signals the driver. A port calls it after a kick,
 * after vio_vq_wake, after a memory change or IOTLB update, and while vio_vq_disable or a reset is pending.
 * returns: VIO_OK | VIO_PENDING budget spent, run again after the other queues
 *          | VIO_E_AGAIN memory is not there yet, the memory kind will cause another turn
 */
int vio_vq_run(struct vio_vq *q);

/*
 * vio_vq_arm - before sleeping: ask the driver for kicks
 * returns: true = something came meanwhile, run again. Asks only if the last turn ended on an empty ring: a queue
 * that waits for its host, a free request or memory is not woken by the driver, and does not spin.
 */
bool vio_vq_arm(struct vio_vq *q);

/*
 * vio_vq_setup - size and addresses
 * returns: VIO_OK | VIO_E_ARG enabled, size 0 or too large, split and not a power of two
 *          | VIO_E_RING an area is not aligned (split 16, 2, 4 bytes; packed 16, 4, 4)
 */
int vio_vq_setup(struct vio_vq *q, uint16_t size, uint64_t desc, uint64_t driver, uint64_t device);

/*
 * vio_vq_enable - from `s`, or fresh where NULL. A resumed queue signals once unasked.
 * returns: VIO_OK | VIO_E_ARG no setup, enabled, or impossible state | VIO_E_ADDR, VIO_E_AGAIN from memory
 */
int vio_vq_enable(struct vio_vq *q, const struct vio_vq_state *s);

/*
 * vio_vq_disable - stop taking requests, let the owned ones finish, show them
 * returns: VIO_OK and *s (s may be NULL) | VIO_PENDING requests are owned: run turns, call again
 */
int vio_vq_disable(struct vio_vq *q, struct vio_vq_state *s);

/* vio_vq_reset - as disable, but shows nothing from the moment of the call; size is 0 afterwards (RING_RESET) */
int vio_vq_reset(struct vio_vq *q);

/*
 * vio_vq_track - keep in-flight requests in `region`, which outlives this process; between setup and enable
 * Layout: vhost-user, "Inflight I/O tracking". Enable replays what was in flight. A zeroed region is fresh.
 * t: the core's until the queue is set up anew or reset; region: aligned to 8; len: at least vio_vq_track_bytes()
 * returns: VIO_OK | VIO_E_ARG
 */
int vio_vq_track(struct vio_vq *q, struct vio_vq_track *t, void *region, uint32_t len);
uint32_t vio_vq_track_bytes(uint16_t size, bool packed);

/*
 * vio_vq_log - log writes to the used ring (packed: descriptor ring) at *used_log_addr; then vio_mem_shift
 * used_log_addr: the caller's storage, until it is off again (NULL) or the device was reset
 */
void vio_vq_log(struct vio_vq *q, const uint64_t *used_log_addr);

/* vio_vq_owned - requests the device owns now; walks the pool */
uint16_t vio_vq_owned(const struct vio_vq *q);

#endif
