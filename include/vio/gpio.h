/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gpio.h - GPIO device: host table, storage, typed init
 *
 * source: virtio 1.3, 5.18
 */
#ifndef VIO_GPIO_H
#define VIO_GPIO_H

#include "host.h"
#include "spec/gpio.h"

/* Overridable for firmware, the same for every file of a program. */
#ifndef VIO_GPIO_LINES
#define VIO_GPIO_LINES                                                                             \
	64u /* most lines of one device; each may hold a request of the event queue */
#endif
#ifndef VIO_GPIO_DEPTH
#define VIO_GPIO_DEPTH 8u /* requests of the request queue owned at once */
#endif
#ifndef VIO_GPIO_SEGS
#define VIO_GPIO_SEGS 4u /* segments of one request */
#endif

/* What a chip is; constant while the device exists. */
struct vio_gpio_chip {
	uint16_t ngpio; /* 1..VIO_GPIO_LINES */
	bool irq;	/* changes are reported */
	/* ngpio strings, each ended by 0, 7-bit ASCII, unique unless empty; NULL: no names */
	const uint8_t *name;
	uint32_t name_bytes; /* 0: no names */
};

/*
 * The device's ear. A host calls it on the executor of the device; inside a `run` call is allowed.
 */
struct vio_gpio_sink {
	/*
	 * change - `line`, whose interrupt is enabled, now has level `value` (0, 1)
	 * Edge types: one call an edge, at least those asked for. Level types: each change, and
	 * once when the interrupt is enabled. Calls that are not asked for do no harm.
	 */
	void (*change)(struct vio_gpio_sink *s, uint16_t line, uint8_t value);
};

/* One operation on one line, checked by the device. */
struct vio_gpio_cmd {
	struct vio_job job;
	uint8_t type;  /* VIO_GPIO_MSG_*, not GET_NAMES */
	uint8_t value; /* of the request: direction, level or interrupt type */
	uint8_t level; /* SET_DIRECTION to OUT: drive this from the beginning */
	uint8_t reply; /* set by the host before VIO_OK: direction or level that was asked for */
	uint16_t line; /* < ngpio */
};

/*
 * Called on the executor of the device; must not block for long. At most one command is under way.
 */
struct vio_gpio_host_ops {
	/*
	 * open - the device is there; returns: the chip, or NULL: the host is gone. sink: until
	 * close
	 */
	const struct vio_gpio_chip *(*open)(void *host, struct vio_gpio_sink *sink);
	/* close - device is reset: the sink is not called any more. May be NULL */
	void (*close)(void *host);
	/*
	 * run - SET_VALUE comes for outputs only; SET_DIRECTION to NONE also ends the interrupt of
	 * the line
	 * returns: VIO_OK | VIO_PENDING c->job follows, its result VIO_OK or negative | negative
	 */
	int (*run)(void *host, struct vio_gpio_cmd *c);
	/*
	 * cancel - may be NULL. A pending command is in a hurry: its job must still be completed,
	 * at once or later
	 */
	void (*cancel)(void *host, struct vio_gpio_cmd *c);
	/*
	 * reset - all lines to direction NONE, no interrupts; no command is under way. May be NULL
	 */
	void (*reset)(void *host);
};

struct vio_gpio_line {
	struct vio_req
		*buf;  /* request of the event queue: the interrupt is unmasked; NULL: masked */
	uint8_t irq;   /* VIO_GPIO_IRQ_* */
	uint8_t seen;  /* level last reported since irq was set; 2: none yet */
	uint8_t level; /* last SET_VALUE */
	bool out;      /* direction is OUT */
	bool latched;  /* edge types: happened while masked */
};

struct vio_gpio {
	struct vio_dev dev;
	struct vio_vq vq[2];
	const struct vio_gpio_host_ops *ops;
	void *host;
	const struct vio_gpio_chip *chip;
	struct vio_gpio_sink sink;
	struct vio_gpio_cmd cmd;
	struct vio_req *now; /* whose command is with the host, or NULL */
	uint8_t config[sizeof(struct vio_gpio_config)];
	struct vio_gpio_line line[VIO_GPIO_LINES];
	VIO_VQ_STORE(struct vio_req, VIO_GPIO_DEPTH, VIO_GPIO_SEGS) store;
	/* one more than lines: a second buffer for a line can always be taken and refused */
	VIO_VQ_STORE(struct vio_req, VIO_GPIO_LINES + 1u, VIO_GPIO_SEGS) event_store;
};

/*
 * vio_gpio_init - g: zeroed; returns: VIO_OK | VIO_E_ARG no host, no or too many lines | VIO_E_IO
 * host is gone
 */
int vio_gpio_init(struct vio_gpio *g, struct vio_mem *m, const struct vio_gpio_host_ops *ops,
		  void *host);
/* vio_gpio_fini - device is reset: takes the sink back, so that host and storage may go */
void vio_gpio_fini(struct vio_gpio *g);

extern const struct vio_class vio_class_gpio;

#endif
