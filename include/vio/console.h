/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * console.h - the console device: what a host gives it, and its typed init
 *
 * source: virtio 1.3, 5.3
 */
#ifndef VIO_CONSOLE_H
#define VIO_CONSOLE_H

#include "host.h"
#include "spec/console.h"

#ifndef VIO_CONSOLE_PORTS_MAX
#define VIO_CONSOLE_PORTS_MAX 8u /* firmware: 1 */
#endif
#ifndef VIO_CONSOLE_DEPTH
#define VIO_CONSOLE_DEPTH 4u /* requests of one queue owned at once */
#endif
#ifndef VIO_CONSOLE_SEGS
#define VIO_CONSOLE_SEGS 36u /* segments of one request; Linux uses up to 32; firmware: 2 */
#endif
#define VIO_CONSOLE_NAME_MAX 63u

/* What the host says of a port; asked in init. */
struct vio_console_port_info {
	bool console; /* a text console; else a plain byte channel. Matters with several ports only */
	bool open;    /* somebody is there; later changes: vio_console_open */
	uint16_t cols, rows;		      /* 0: not known; later changes: vio_console_resize */
	char name[VIO_CONSOLE_NAME_MAX + 1u]; /* UTF-8; empty: none */
};

/*
 * Host table. All verbs run on the queues' executor and do not block.
 * No byte may be lost: what `write` did not take is offered again, what `read` did not give stays with the host.
 */
struct vio_console_host_ops {
	/* context: init. returns: VIO_OK | negative: no device */
	int (*port)(void *host, uint32_t port, struct vio_console_port_info *info);
	/*
	 * the guest's output: take from the front of s, at most s->len bytes
	 * q: to be woken (vio_vq_wake) when the host can take more, after less than s->len was taken
	 * returns: bytes taken, 0: none now
	 */
	uint32_t (*write)(void *host, uint32_t port, struct vio_vq *q, struct vio_span *s);
	/*
	 * bytes that `read` will give for certain; q: to be woken when there are some, after 0 was answered
	 */
	uint32_t (*ready)(void *host, uint32_t port, struct vio_vq *q);
	/* the guest's input: put to the front of s. returns: bytes, > 0 when `ready` just said so and s->len > 0 */
	uint32_t (*read)(void *host, uint32_t port, struct vio_span *s);
	/* the guest opened or closed its end (MULTIPORT). May be NULL. */
	void (*opened)(void *host, uint32_t port, bool open);
	/* one character, even when the guest is in ruins; may be dropped. May be NULL: not offered. */
	void (*emergency)(void *host, uint8_t c);
};

struct vio_console_req {
	struct vio_req req;
};

/* Storage of one queue. */
struct vio_console_queue {
	VIO_VQ_STORE(struct vio_console_req, VIO_CONSOLE_DEPTH, VIO_CONSOLE_SEGS) store;
};

struct vio_console_port {
	struct vio_req *tx; /* partly written, the host will take the rest */
	uint32_t tx_off;
	uint8_t due; /* control messages to send, see console_ctrl.c */
	bool host_open, guest_open, added, ready;
	struct vio_console_port_info info;
};

struct vio_console {
	struct vio_dev dev;
	const struct vio_console_host_ops *host_ops;
	void *host;
	uint16_t nports;
	uint8_t config[12];
	struct vio_console_port port[VIO_CONSOLE_PORTS_MAX];
	struct vio_vq vq[2u + 2u * VIO_CONSOLE_PORTS_MAX];
};

struct vio_console_setup {
	const struct vio_console_host_ops *host_ops;
	void *host;
	uint16_t ports;	     /* 1..VIO_CONSOLE_PORTS_MAX; 1: no control queues, no MULTIPORT */
	uint16_t cols, rows; /* of port 0; 0: as the host says */
};

/* vio_console_queues - queues of a device with `ports` ports */
uint16_t vio_console_queues(uint16_t ports);

/*
 * vio_console_init - c: zeroed; q: vio_console_queues(s->ports) of them
 * returns: VIO_OK | VIO_E_ARG | negative from the host
 */
int vio_console_init(struct vio_console *c, struct vio_mem *m, const struct vio_console_setup *s,
		     struct vio_console_queue *q);

/* vio_console_resize - a port has another size now; the driver is told. context: the queues' executor */
void vio_console_resize(struct vio_dev *d, uint32_t port, uint16_t cols, uint16_t rows);

/* vio_console_open - somebody came to the host's end of a port, or left. context: the queues' executor */
void vio_console_open(struct vio_dev *d, uint32_t port, bool open);

extern const struct vio_class vio_class_console;

#endif
