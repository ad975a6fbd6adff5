/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dev.h - waist 3 and 4 of 5: what a device model implements, what a port implements, what a port calls
 *
 * source: virtio 1.3, 2.1 (status), 2.2 (features), 2.5 (configuration space), 3.1 (initialization)
 */
#ifndef VIO_DEV_H
#define VIO_DEV_H

#include "vq.h"

/* virtio 1.3, 6: feature bits that are not a device class's own */
#define VIO_F_INDIRECT_DESC   (1ULL << 28)
#define VIO_F_EVENT_IDX	      (1ULL << 29)
#define VIO_F_VERSION_1	      (1ULL << 32)
#define VIO_F_ACCESS_PLATFORM (1ULL << 33)
#define VIO_F_RING_PACKED     (1ULL << 34)
#define VIO_F_IN_ORDER	      (1ULL << 35)
#define VIO_F_RING_RESET      (1ULL << 40)
/* what the core implements for every device; a port offers all or part of it */
#define VIO_F_RINGS                                                                                \
	(VIO_F_INDIRECT_DESC | VIO_F_EVENT_IDX | VIO_F_RING_PACKED | VIO_F_IN_ORDER |              \
	 VIO_F_RING_RESET)

/* virtio 1.3, 2.1: device status */
#define VIO_S_ACKNOWLEDGE 1u
#define VIO_S_DRIVER	  2u
#define VIO_S_DRIVER_OK	  4u
#define VIO_S_FEATURES_OK 8u
#define VIO_S_NEEDS_RESET 64u
#define VIO_S_FAILED	  128u

/*
 * Waist 3: a device model; const, so it can sit in flash. All members but `queue` may be NULL.
 * `accept`, `start`, `stop`, `config_write` run on the control executor; `queue`, `cancel` on the queue's.
 */
struct vio_dev_ops {
	uint32_t id;	     /* virtio device id, virtio 1.3, 5 */
	uint16_t nvq_max;    /* > 0 */
	uint16_t config_len; /* bytes */
	uint64_t
		features; /* the class's own bits; rings and transport are the core's and the port's */
	uint64_t
		needs; /* part of features: without these, what a driver accepts is refused (FEATURES_OK stays 0) */
	/*
	 * before FEATURES_OK: d->features is what the driver takes, at least `needs`; more than once if it changes its
	 * mind. What a driver may read from now on goes to d->config (later writes are the driver's own).
	 * returns: VIO_OK | negative: no device works with these, FEATURES_OK stays 0
	 */
	int (*accept)(struct vio_dev *d);
	/* DRIVER_OK: d->features is final. returns: VIO_OK | negative: the device goes to NEEDS_RESET */
	int (*start)(struct vio_dev *d);
	/* a turn: q may have work, or room after a lack. Pops until NULL or until it has no use for more. */
	void (*queue)(struct vio_dev *d, struct vio_vq *q);
	/* hurry r: vio_req_done(r) must still come, at once or later */
	void (*cancel)(struct vio_dev *d, struct vio_req *r);
	/* reset is complete: no request is owned, no queue is enabled */
	void (*stop)(struct vio_dev *d);
	/* the driver wrote [off, off + len), inside config_len: store what may change in d->config and act on it */
	int (*config_write)(struct vio_dev *d, uint32_t off, const uint8_t *src, uint32_t len);
	/* part of features: a driver that is not offered one of them never writes; 0: it always may */
	uint64_t config_write_needs;
};

/* Waist 4: a port as the core sees it. None of the three may block or call back into the core. */
struct vio_port_ops {
	void (*signal)(void *port,
		       uint16_t vq); /* used-buffer notification; suppression is decided already */
	void (*config)(void *port);  /* configuration changed, or NEEDS_RESET is now set */
	void (*wake)(void *port, uint16_t vq); /* run a turn of this queue soon; from any thread */
};

struct vio_dev {
	const struct vio_dev_ops *ops;
	const struct vio_port_ops *port_ops;
	void *port;
	struct vio_mem *mem; /* for queues that have none of their own */
	struct vio_vq *vq;   /* nvq of them, contiguous, inside the device's storage */
	uint8_t *
		config; /* ops->config_len bytes, little-endian; written on the control executor only */
	uint64_t class_features; /* ops->features; init of the device narrows it by its host */
	uint64_t withheld;	 /* never offered, whatever class and port can do; default: 0 */
	void (*show)(const struct vio_dev *d); /* vio_dev_config_page; NULL: there is none */
	void (*page_clean)(void *page, uint32_t len);
	uint32_t *page;
	uint64_t offered, features;
	uint16_t nvq;
	bool many; /* queues on several executors: the port runs a turn of each after set_status(0) */
	/* atomic, any executor: */
	uint8_t status;
	bool resetting;
	uint16_t live; /* enabled queues */
	uint32_t generation;
};

/* ---- for device models ---- */

/*
 * vio_dev_init - first call of a device model's init; queues are bound before or after it
 * vq: nvq queues; config: ops->config_len bytes, or NULL
 * returns: VIO_OK | VIO_E_ARG more queues than the class has
 */
int vio_dev_init(struct vio_dev *d, const struct vio_dev_ops *ops, struct vio_mem *m,
		 struct vio_vq *vq, uint16_t nvq, uint8_t *config);
/* vio_dev_config_changed - d->config was changed by the device; context: control executor */
void vio_dev_config_changed(struct vio_dev *d);
/* vio_dev_fail - NEEDS_RESET: the guest broke a rule, or the host is gone for good; context: any executor */
void vio_dev_fail(struct vio_dev *d);

/*
 * ---- for ports: the control verbs; all that any transport ever does to a device ----
 * context: the control executor; verbs on a queue (vq.h): the queue's executor
 */

/* vio_dev_attach - transport_features: the part of VIO_F_RINGS and transport bits that this port can carry */
void vio_dev_attach(struct vio_dev *d, const struct vio_port_ops *ops, void *port,
		    uint64_t transport_features);
/*
 * vio_dev_accept - what the driver takes; before FEATURES_OK, any number of times
 * returns: VIO_OK | VIO_E_ARG not a subset of d->offered, no VERSION_1, lacks ops->needs, too late | negative from
 *          ops->accept: FEATURES_OK stays 0
 */
int vio_dev_accept(struct vio_dev *d, uint64_t features);
/* vio_dev_status - 0 only when a reset is complete */
uint8_t vio_dev_status(const struct vio_dev *d);
/*
 * vio_dev_set_status - s: as the driver wrote it; 0 resets
 * FEATURES_OK is not taken over before vio_dev_accept; re-read the status, as a driver does.
 * returns: VIO_OK | VIO_PENDING reset: requests are owned, run turns until vio_dev_status() is 0
 *          | VIO_E_ARG a bit was taken back, or a reset is under way | negative from start
 */
int vio_dev_set_status(struct vio_dev *d, uint8_t s);
/* vio_dev_config_read - bytes beyond the end read as 0 */
void vio_dev_config_read(const struct vio_dev *d, uint32_t off, void *dst, uint32_t len);
/* vio_dev_config_write - returns: VIO_OK | VIO_E_ARG beyond the end, or a field that cannot be written */
int vio_dev_config_write(struct vio_dev *d, uint32_t off, const void *src, uint32_t len);
/*
 * vio_dev_config_page - keep d->config in page as well, which a driver reads without asking the port
 * After vio_dev_attach, before the driver comes; ends with NULL (before the page goes) or the next vio_dev_attach.
 * page: len bytes, a multiple of 4, and aligned to 4. What is behind the configuration reads as 0. The driver may be
 *       able to write to it: it is never read here, and written whole at each change.
 * clean: called after each write: makes [page, page + len) seen by a driver that reads past our caches; may be NULL
 * A driver that reads generation, page and generation is sound if the generation is answered on the control executor
 * (vio_mmio_access): none is answered while the page is written. A field of up to 4 bytes never tears.
 * Features by which a driver may write configuration (ops->config_write_needs) are not offered.
 * returns: VIO_OK | VIO_E_NOTSUP the class lets it be written with any features | VIO_E_ARG not aligned, too short
 */
int vio_dev_config_page(struct vio_dev *d, void *page, uint32_t len,
			void (*clean)(void *page, uint32_t len));
/* vio_dev_kick - returns: as vio_vq_run; VIO_E_ARG no such queue */
int vio_dev_kick(struct vio_dev *d, uint16_t vq);

/* core only: a queue went up (+1) or down (-1) */
void vio_dev_live(struct vio_dev *d, int by);

#endif
