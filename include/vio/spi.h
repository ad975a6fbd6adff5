/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spi.h - SPI controller device: host table, storage, typed init
 *
 * source: virtio 1.4, 5.21
 */
#ifndef VIO_SPI_H
#define VIO_SPI_H

#include "host.h"
#include "spec/spi.h"

/* Overridable for firmware, the same for every file of a program. */
#ifndef VIO_SPI_DEPTH
#define VIO_SPI_DEPTH 8u /* requests answered before the ring is written */
#endif
#ifndef VIO_SPI_SEGS
#define VIO_SPI_SEGS 16u /* segments of one request */
#endif

/* What a controller can do; constant while the device exists. It becomes the configuration space as it is. */
struct vio_spi_bus {
	uint8_t cs_max;	  /* chip selects, > 0 */
	bool cs_change;	  /* deselects between transfers when told so */
	uint8_t tx_nbits; /* VIO_SPI_NBITS_* */
	uint8_t rx_nbits;
	uint32_t bits_mask;	 /* bit n: words of n + 1 bits; 0: all from 1 to 32 */
	uint32_t mode_func;	 /* VIO_SPI_MF_*; at least one of CPHA, one of CPOL */
	uint32_t freq_max;	 /* Hz, 0: no limit */
	uint32_t word_delay_max; /* these four: ns, 0: none can be had */
	uint32_t cs_setup_max;
	uint32_t cs_hold_max;
	uint32_t cs_inactive_max;
};

/* One transfer, checked against the bus by the device. */
struct vio_spi_xfer {
	struct vio_job job;
	uint8_t cs;		    /* < cs_max */
	uint8_t bits;		    /* of a word, 1 to 32; a word takes 1, 2 or 4 bytes */
	uint8_t tx_nbits, rx_nbits; /* 1, 2, 4, 8 */
	bool cs_change;		    /* deselect afterwards; else the chip stays selected */
	bool tx, rx;		    /* at least one; both: full duplex */
	uint32_t mode;		    /* VIO_SPI_MODE_* */
	uint32_t freq;		    /* Hz; 0: the driver does not mind */
	uint32_t word_delay;	    /* ns, between two words */
	uint32_t cs_setup;	    /* ns, after the chip is selected */
	uint32_t cs_hold;	    /* ns, before it is deselected */
	uint32_t cs_inactive;	    /* ns, after it was deselected */
	uint32_t len;		    /* bytes, > 0, whole words */
	struct vio_span out,
		in; /* len bytes each, as tx and rx say; in: written only if all succeeds */
};

/* Called on the queue's executor; must not block. At most one transfer is under way. */
struct vio_spi_host_ops {
	/* open - the device is there; returns: the bus, or NULL: the host is gone */
	const struct vio_spi_bus *(*open)(void *host);
	/*
	 * xfer - returns: VIO_OK all of it was sent and received | VIO_PENDING x->job follows, its result VIO_OK or
	 * negative | negative: it failed
	 */
	int (*xfer)(void *host, struct vio_spi_xfer *x);
	/*
	 * cancel - may be NULL. A pending transfer is in a hurry: its job must still be completed, at once or later
	 */
	void (*cancel)(void *host, struct vio_spi_xfer *x);
	/* reset - deselect all chips; no transfer is under way. May be NULL */
	void (*reset)(void *host);
};

struct vio_spi {
	struct vio_dev dev;
	struct vio_vq vq;
	const struct vio_spi_host_ops *ops;
	void *host;
	const struct vio_spi_bus *bus;
	struct vio_spi_xfer x;
	struct vio_req *now; /* whose transfer is with the host, or NULL */
	uint8_t config[sizeof(struct vio_spi_config)];
	VIO_VQ_STORE(struct vio_req, VIO_SPI_DEPTH, VIO_SPI_SEGS) store;
};

/*
 * vio_spi_init - s: zeroed
 * returns: VIO_OK | VIO_E_ARG no host, or a bus without chip select, CPHA or CPOL | VIO_E_IO host is gone
 */
int vio_spi_init(struct vio_spi *s, struct vio_mem *m, const struct vio_spi_host_ops *ops,
		 void *host);

extern const struct vio_class vio_class_spi;

#endif
