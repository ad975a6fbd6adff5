/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drv.h - the driver side: virtqueues as a driver sees them, and how a driver reaches a device
 *
 * Freestanding, for tests, load generator, proxy and bare-metal guests. The device is believed as little as the
 * core believes a driver: what it writes is checked, a lie is VIO_E_RING.
 * source: virtio 1.3, 2.7 (split), 2.8 (packed), 3.1 (initialization)
 */
#ifndef VIO_DRV_H
#define VIO_DRV_H

#include "dev.h"

/*
 * How a driver reaches a device: loop-back (calls dev.h), vhost-user front-end, virtio-mmio registers, virtio-msg.
 * Each verb returns VIO_OK or a negative code; config and features are little-endian bytes and host integers.
 */
struct vio_bus_ops {
	int (*features)(void *bus, uint64_t *offered);
	int (*accept)(void *bus, uint64_t features);
	int (*status)(void *bus, uint8_t *s);
	int (*set_status)(void *bus, uint8_t s); /* 0: returns when the reset is complete */
	int (*config_read)(void *bus, uint32_t off, void *dst, uint32_t len);
	int (*config_write)(void *bus, uint32_t off, const void *src, uint32_t len);
	int (*setup)(void *bus, uint16_t vq, uint16_t size, uint64_t desc, uint64_t driver,
		     uint64_t device);
	int (*reset_vq)(void *bus, uint16_t vq); /* RING_RESET; returns when complete */
	int (*kick)(void *bus, uint16_t vq);
};

/* Memory both sides see: p is ours, addr goes into descriptors. */
struct vio_dma {
	uint8_t *p;
	uint64_t addr;
	uint32_t len; /* bytes */
};

#define VIO_DVQ_PACKED	  1u
#define VIO_DVQ_EVENT_IDX 2u
#define VIO_DVQ_IN_ORDER  4u

/* One request slot of a driver queue, the caller's storage. */
struct vio_dvq_slot {
	void *cookie;
	uint16_t n;	 /* descriptors taken in the ring; 0: free */
	uint16_t next;	 /* free list, and split chains */
	uint32_t in_len; /* writable bytes posted: what the device reports is checked against it */
};

struct vio_dvq {
	uint8_t *desc, *driver, *device;
	struct vio_dvq_slot *slot; /* size of them */
	uint16_t size, flags;
	uint16_t
		free; /* free list: split descriptors, packed buffer ids; IN_ORDER: descriptor to be used next */
	uint16_t nfree;	      /* free descriptors */
	uint16_t avail, used; /* split: free-running; packed: ring positions */
	uint16_t kicked;      /* avail at the last vio_dvq_need_kick */
	uint16_t pending;     /* requests added since then, the device has not been shown them */
	uint16_t posted;      /* requests the device was shown and has not returned */
	uint16_t seen;	      /* split: the device's index when last read */
	uint16_t hold_flags;  /* packed: flags of the descriptor at kicked, written last */
	uint16_t order;	      /* IN_ORDER: the id expected next */
	uint16_t batch_id;    /* IN_ORDER: last request of the batch that is being returned */
	uint32_t batch_len;   /* bytes reported for it */
	bool batch;
	bool avail_wrap, used_wrap;
	bool broken; /* the device lied; reset it */
};

/* vio_dvq_bytes - shared memory one queue needs, from an address aligned to 16 */
uint32_t vio_dvq_bytes(uint16_t size, bool packed);

/*
 * vio_dvq_init - ring: zeroed by this call; slot: `size` of them; flags: VIO_DVQ_*
 * returns: VIO_OK | VIO_E_ARG size, alignment or ring->len
 * The three areas for vio_bus_ops.setup: vio_dvq_areas.
 */
int vio_dvq_init(struct vio_dvq *q, uint16_t size, uint16_t flags, const struct vio_dma *ring,
		 struct vio_dvq_slot *slot);
void vio_dvq_areas(const struct vio_dvq *q, const struct vio_dma *ring, uint64_t area[3]);

/*
 * vio_dvq_add - offer a request: b[0..n_out) readable, then n_in writable; n_out + n_in > 0
 * returns: VIO_OK | VIO_E_AGAIN no room | VIO_E_ARG an empty piece, or more pieces than the queue has entries
 *          | VIO_E_RING the queue is broken
 */
int vio_dvq_add(struct vio_dvq *q, const struct vio_dma *b, uint16_t n_out, uint16_t n_in,
		void *cookie);

/* vio_dvq_add_indirect - the same through `table`, (n_out + n_in) * 16 bytes, aligned to 16, kept until it is back */
int vio_dvq_add_indirect(struct vio_dvq *q, const struct vio_dma *table, const struct vio_dma *b,
			 uint16_t n_out, uint16_t n_in, void *cookie);

/* vio_dvq_need_kick - publish what was added; true: the device asked for a notification */
bool vio_dvq_need_kick(struct vio_dvq *q);

/*
 * vio_dvq_get - take one completed request
 * len: bytes written; a request that IN_ORDER skipped counts as written completely
 * returns: VIO_OK, *cookie and *len as the device reported | VIO_E_AGAIN none | VIO_E_RING the device lied: broken
 */
int vio_dvq_get(struct vio_dvq *q, void **cookie, uint32_t *len);

/*
 * vio_dvq_arm - ask for a signal before sleeping; true: something came meanwhile, or the queue is broken
 * vio_dvq_mute: ask for none; a hint, a signal may come all the same
 */
bool vio_dvq_arm(struct vio_dvq *q);
void vio_dvq_mute(struct vio_dvq *q);

/*
 * vio_drv_probe - the initialization sequence up to FEATURES_OK
 * want: features the driver can use, VERSION_1 included; *got: what was negotiated
 * returns: VIO_OK | VIO_E_NOTSUP the device did not take FEATURES_OK | negative from the bus
 */
int vio_drv_probe(const struct vio_bus_ops *ops, void *bus, uint64_t want, uint64_t *got);

#endif
