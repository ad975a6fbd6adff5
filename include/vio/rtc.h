/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtc.h - RTC device: clocks and alarms; host table, storage, typed init
 *
 * source: virtio 1.4, 5.23
 */
#ifndef VIO_RTC_H
#define VIO_RTC_H

#include "host.h"
#include "spec/rtc.h"

/* Overridable for firmware, the same for every file of a program. */
#ifndef VIO_RTC_CLOCKS
#define VIO_RTC_CLOCKS 8u /* most clocks of one device */
#endif
#ifndef VIO_RTC_DEPTH
#define VIO_RTC_DEPTH 8u /* requests of one queue answered before its ring is written */
#endif
#ifndef VIO_RTC_SEGS
#define VIO_RTC_SEGS 4u /* segments of one request */
#endif

/* What one clock is; constant while the device exists. */
struct vio_rtc_clock {
	uint8_t type;  /* VIO_RTC_CLOCK_* */
	uint8_t smear; /* VIO_RTC_SMEAR_*; UNSPECIFIED unless type is UTC_SMEARED */
	bool alarm;    /* watch and unwatch work for it */
};

/* The device's ear. A host calls it on the executor of the device; inside of `watch` is allowed. */
struct vio_rtc_sink {
	/*
	 * due - the clock has gone (or was set) from before the time that is watched to that time or later
	 * One call each time, and one when the time had come already when the watch began. Calls that
	 * are not asked for do no harm.
	 */
	void (*due)(struct vio_rtc_sink *s, uint16_t clock);
};

/*
 * Called on the executor of the device; must not block. Times are ns since the epoch of the clock's type. clock: less
 * than the number of clocks.
 */
struct vio_rtc_host_ops {
	/*
	 * open - the device is there; returns: *n clocks (0 is allowed), or NULL: the host is gone
	 * sink: until close
	 */
	const struct vio_rtc_clock *(*open)(void *host, struct vio_rtc_sink *sink, uint16_t *n);
	/* close - device is reset: the sink is not called any more. May be NULL */
	void (*close)(void *host);
	/* read - a clock of type MONOTONIC never goes back; returns: VIO_OK and *ns | negative */
	int (*read)(void *host, uint16_t clock, uint64_t *ns);
	/*
	 * cross - the clock, and what the driver would read from its counter at that moment; may be NULL: no counter
	 * counter: VIO_RTC_COUNTER_*, any value. ns, cycles: both NULL: only asks whether it can be done. *cycles does not
	 * go back from call to call.
	 * returns: VIO_OK | VIO_E_NOTSUP never with this pair | other negative: not now
	 */
	int (*cross)(void *host, uint16_t clock, uint8_t counter, uint64_t *ns, uint64_t *cycles);
	/*
	 * watch - call the sink whenever the clock reaches `ns`, until unwatch or the next watch of this clock
	 * ns: any value. After a call of the sink, `read` gives ns or later unless the clock was set back since.
	 * returns: VIO_OK | negative: nothing is watched
	 * NULL where no clock has alarms
	 */
	int (*watch)(void *host, uint16_t clock, uint64_t ns);
	/* unwatch - also of a clock that is not watched */
	void (*unwatch)(void *host, uint16_t clock);
};

struct vio_rtc_alarm {
	uint64_t at; /* ns; 0 after a reset */
	bool enabled;
	bool due; /* expired, and the driver was not told yet */
};

struct vio_rtc {
	struct vio_dev dev;
	struct vio_vq vq[2];
	const struct vio_rtc_host_ops *ops;
	void *host;
	const struct vio_rtc_clock *clock; /* n of them */
	uint16_t n;
	struct vio_rtc_sink sink;
	struct vio_rtc_alarm alarm[VIO_RTC_CLOCKS];
	VIO_VQ_STORE(struct vio_req, VIO_RTC_DEPTH, VIO_RTC_SEGS) store[2];
};

/*
 * vio_rtc_init - t: zeroed
 * returns: VIO_OK | VIO_E_ARG no host, or too many clocks | VIO_E_IO host is gone
 */
int vio_rtc_init(struct vio_rtc *t, struct vio_mem *m, const struct vio_rtc_host_ops *ops,
		 void *host);
/* vio_rtc_fini - device is reset: takes the sink back, so that host and storage may go */
void vio_rtc_fini(struct vio_rtc *t);

extern const struct vio_class vio_class_rtc;

#endif
