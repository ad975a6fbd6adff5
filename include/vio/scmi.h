/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi.h - SCMI device: resource tree, host table, storage, typed init
 *
 * A device is one SCMI agent's view of a platform: clocks, sensors, resets, power and performance domains,
 * regulators and pins. The view is a tree of constant tables (flash, for firmware). What an agent must not see is not in its
 * tree; what it may only look at has no right in `rights`. The place in a table is the number by which the agent
 * names the resource; `res` is the number by which the host knows it, the same for all agents of a platform.
 *
 * The device checks messages and answers from the tree all that is constant; the host acts. Each protocol is one
 * file, device/scmi_<protocol>.c, and a line in the table of device/scmi_proto.c (and in meson.build).
 *
 * source: virtio 1.4, "SCMI Device"; Arm DEN0056 (SCMI 3.2): the names of its chapters are used here
 */
#ifndef VIO_SCMI_H
#define VIO_SCMI_H

#include "host.h"
#include "spec/scmi.h"

/* Overridable for firmware, the same for every file of a program. */
#ifndef VIO_SCMI_DEPTH
#define VIO_SCMI_DEPTH                                                                             \
	8u /* commands that are owned at once; those that a slow host has not answered */
#endif
#ifndef VIO_SCMI_SEGS
#define VIO_SCMI_SEGS 4u /* segments of one command or event buffer; Linux uses 2 */
#endif
#ifndef VIO_SCMI_EVENTS
#define VIO_SCMI_EVENTS 16u /* notifications that wait for a buffer */
#endif
#ifndef VIO_SCMI_RES
#define VIO_SCMI_RES 128u /* resources of a tree, all protocols together, and one for the system */
#endif
#ifndef VIO_SCMI_TRIPS
#define VIO_SCMI_TRIPS 16u /* trip points of all sensors of a tree */
#endif

#ifndef VIO_SCMI_DELAYED
#define VIO_SCMI_DELAYED 4u /* asynchronous commands that are under way or wait for a buffer, > 0 */
#endif
#ifndef VIO_SCMI_CONFIGS
#define VIO_SCMI_CONFIGS                                                                           \
	14u /* settings of a pin in one command, > 0; 14 are what a message of 128 bytes holds */
#endif

/* What an agent may do beyond looking. */
#define VIO_SCMI_MAY_STATE  1u /* enable, disable, power state, reset, limits; take a pin */
#define VIO_SCMI_MAY_VALUE  2u /* rate, level, configuration of a sensor, of a pin */
#define VIO_SCMI_MAY_PARENT 4u /* of a clock */
#define VIO_SCMI_MAY_ALL    7u

/* The first member of each resource. */
struct vio_scmi_res {
	const char *name; /* shown to the guest; up to 63 characters count */
	uint16_t res;	  /* the host's number, passed in vio_scmi_op.res */
	uint8_t rights;	  /* VIO_SCMI_MAY_* */
	/* the host takes long: asynchronous commands are offered, of clocks for all where one is slow */
	bool slow;
};

struct vio_scmi_clock {
	struct vio_scmi_res r;
	/* Hz; ascending; or, with `range`, three: lowest, highest, step > 0 */
	const uint64_t *rate;
	const uint16_t *parent; /* clocks of this tree that it can be fed from */
	uint16_t nrate;		/* 0: its rates are not told, and it cannot be set */
	uint16_t nparent;
	uint32_t enable_us; /* latency of enabling; 0: not known */
	bool range;
};

struct vio_scmi_sensor {
	struct vio_scmi_res r;
	uint8_t type;	  /* VIO_SCMI_SENSOR_* or another of DEN0056's */
	int8_t scale;	  /* a reading counts 10^scale of the unit; -16 to 15 */
	uint8_t ntrip;	  /* trip points that the agent can set */
	bool stamped;	  /* readings have a time, in ns */
	bool pushed;	  /* the host reports changes: continuous update notifications */
	int64_t min, max; /* what it can measure; equal: not told */
};

struct vio_scmi_reset {
	struct vio_scmi_res r;
	uint32_t latency_us; /* 0: not known */
};

struct vio_scmi_power {
	struct vio_scmi_res r; /* states: on and off */
};

struct vio_scmi_level {
	uint32_t level; /* the unit is the platform's; Linux takes it for kHz times a constant */
	uint32_t power; /* uW; 0: not told */
	uint16_t latency_us; /* of going there */
};

struct vio_scmi_perf {
	struct vio_scmi_res r;
	const struct vio_scmi_level *level; /* ascending */
	uint16_t nlevel;		    /* > 0 */
	uint32_t sustained_khz;		    /* frequency of sustained_level */
	uint32_t sustained_level;	    /* one of level[] */
};

struct vio_scmi_volt {
	struct vio_scmi_res r;
	const int32_t *uv; /* uV; ascending; or, with `range`, three: lowest, highest, step > 0 */
	uint16_t nuv;	   /* > 0 */
	bool range;
};

struct vio_scmi_pin {
	struct vio_scmi_res r;
};

struct vio_scmi_group {
	struct vio_scmi_res r; /* rights: no more than all of its pins have */
	const uint16_t *pin;   /* of this tree */
	uint16_t npin;	       /* > 0 */
};

struct vio_scmi_function {
	struct vio_scmi_res r;
	const uint16_t *group; /* of this tree, that can have it */
	uint16_t ngroup;       /* > 0 */
	bool gpio;	       /* lines for general use */
};

/* What one agent sees. Constant as long as the device lives. */
struct vio_scmi_tree {
	const char *vendor, *product; /* up to 15 characters count */
	const char *agent_name;
	uint32_t version; /* of the implementation; any number */
	uint8_t agent;	  /* > 0 */
	/* commands in a second, 0: no limit. What is beyond waits; it is not refused. Needs a clock. */
	uint32_t quota;
	/* states of the system that it may ask for, 1 << VIO_SCMI_SYSTEM_*; 0: it has no system power protocol */
	uint32_t system;
	uint16_t nclock, nsensor, nreset, npower, nperf, nvolt;
	uint16_t npin, ngroup, nfunction; /* no pin: no pin control protocol */
	const struct vio_scmi_clock *clock;
	const struct vio_scmi_sensor *sensor;
	const struct vio_scmi_reset *reset;
	const struct vio_scmi_power *power;
	const struct vio_scmi_perf *perf;
	const struct vio_scmi_volt *volt;
	const struct vio_scmi_pin *pin;
	const struct vio_scmi_group *group;
	const struct vio_scmi_function *function;
};

/*
 * What a host is asked to do, and what it says has happened. `value` and `extra` are what is set, or become what was
 * read. The values are checked: a rate is one that the tree has, an agent has the right.
 */
enum vio_scmi_verb {
	VIO_SCMI_CLOCK_GET,	   /* value: Hz */
	VIO_SCMI_CLOCK_SET,	   /* value: Hz */
	VIO_SCMI_CLOCK_IS_ON,	   /* value: 1 or 0 */
	VIO_SCMI_CLOCK_ON,	   /* value: 1 or 0: what this agent needs */
	VIO_SCMI_CLOCK_PARENT,	   /* value: the host's number of the clock that feeds it */
	VIO_SCMI_CLOCK_SET_PARENT, /* value: as above */
	VIO_SCMI_SENSOR_GET,	   /* value: int64_t; extra: ns, 0: no time */
	VIO_SCMI_SENSOR_CONFIG,	   /* value: word of SENSOR_CONFIG_GET */
	VIO_SCMI_SENSOR_SET_CONFIG,
	VIO_SCMI_RESET_DO,   /* value: a VIO_SCMI_RESET_* */
	VIO_SCMI_POWER_GET,  /* value: VIO_SCMI_POWER_ON or _OFF */
	VIO_SCMI_POWER_SET,  /* the same */
	VIO_SCMI_SYSTEM_GET, /* value: VIO_SCMI_SYSTEM_* */
	VIO_SCMI_SYSTEM_SET, /* the same; extra: 1 graceful, 0 at once. As an event: a request to the agent */
	VIO_SCMI_PERF_GET,	  /* value: level */
	VIO_SCMI_PERF_SET,	  /* the same */
	VIO_SCMI_PERF_LIMITS,	  /* value: highest level; extra: lowest */
	VIO_SCMI_PERF_SET_LIMITS, /* the same */
	VIO_SCMI_VOLT_GET,	  /* value: uV, int32_t */
	VIO_SCMI_VOLT_SET,	  /* the same */
	VIO_SCMI_VOLT_IS_ON,	  /* value: 1 or 0 */
	VIO_SCMI_VOLT_ON,	  /* the same */
	/*
	 * of a pin, or of all pins of a group. VIO_E_AGAIN: another agent has it. A function is the host's number, or
	 * VIO_SCMI_NO_FUNCTION; a group has one, or a setting, where its pins agree
	 */
	VIO_SCMI_PIN_GET, /* value: function; nconfig 1: also config[0].value of its type */
	VIO_SCMI_PIN_GET_ALL, /* value: function; nconfig: room, then how many; extra: to skip, then how many remain */
	VIO_SCMI_PIN_SET, /* value: function, NO_FUNCTION: leave it; all of config[], or nothing */
	VIO_SCMI_PIN_REQUEST, /* this agent alone has it; again: as before */
	VIO_SCMI_PIN_RELEASE, /* also where nobody has it */
	VIO_SCMI_VERBS
};

#define VIO_SCMI_RESET_DEASSERT 0u
#define VIO_SCMI_RESET_ASSERT	1u
#define VIO_SCMI_RESET_CYCLE	2u /* assert and deassert */

struct vio_scmi_config {
	uint32_t value;
	uint8_t type; /* VIO_SCMI_PIN_*, or a vendor's own from 192 on */
};

struct vio_scmi_op {
	struct vio_job job;
	uint8_t verb;  /* enum vio_scmi_verb */
	uint8_t agent; /* who asks */
	uint16_t res;  /* the host's number; 0 for the system */
	uint64_t value, extra;
	/* of PIN_* alone */
	bool group;					 /* res is a group's */
	uint8_t nconfig;				 /* of config; up to VIO_SCMI_CONFIGS */
	struct vio_scmi_config config[VIO_SCMI_CONFIGS]; /* GET_ALL: ascending types */
};

/* A change that agents may have asked to be told about. */
struct vio_scmi_event {
	uint8_t verb; /* CLOCK_SET, SENSOR_GET, RESET_DO, POWER_SET, SYSTEM_SET, PERF_SET, PERF_SET_LIMITS */
	uint8_t agent; /* who caused it; 0: the platform itself */
	uint16_t res;
	uint64_t value, extra; /* as of now */
};

/* Where a host reports; owned by the device. */
struct vio_scmi_sink {
	/* also for changes that this agent caused; may be called inside `run`; context: the device's executor */
	void (*event)(struct vio_scmi_sink *s, const struct vio_scmi_event *e);
};

/* Called on the device's executor; must not block. Up to VIO_SCMI_DEPTH + VIO_SCMI_DELAYED operations are under way. */
struct vio_scmi_host_ops {
	/*
	 * open - once, before all others; sink: valid until close
	 * returns: the agent's tree, valid until close | NULL: the host is not there
	 */
	const struct vio_scmi_tree *(*open)(void *host, struct vio_scmi_sink *sink);
	void (*close)(
		void *host); /* may be NULL. Jobs that are pending still are not completed any more */
	/*
	 * run - returns: VIO_OK | VIO_PENDING op->job follows, its result as here
	 *       | VIO_E_NOTSUP not for this resource | VIO_E_AGAIN busy | VIO_E_ARG not this value, now
	 *       | VIO_E_IO the hardware failed; becomes the status of the answer
	 */
	int (*run)(void *host, struct vio_scmi_op *op);
	/* cancel - may be NULL. A pending op is in a hurry: its job must still be completed, at once or later */
	void (*cancel)(void *host, struct vio_scmi_op *op);
	/* reset - may be NULL. The agent is gone, or asks for it: forget what it needed (clocks on, limits) */
	void (*reset)(void *host);
};

struct scmi_msg; /* private to device/ */

/* A command under way */
struct vio_scmi_cmd {
	struct vio_scmi_op op;
	const struct scmi_msg *msg; /* while op is with the host */
	uint32_t hdr;
	uint16_t id; /* of the resource, the agent's number */
	uint8_t proto;
};

struct vio_scmi_req {
	struct vio_req r;
	struct vio_scmi_cmd k;
};

/* An asynchronous command: answered, and its delayed response is to come. */
struct vio_scmi_late {
	struct vio_scmi_cmd k;
	int32_t status;
	uint8_t state; /* 0: free, others private to device/ */
};

struct vio_scmi_trip {
	int64_t value;
	uint8_t mode; /* 1 upwards, 2 downwards */
	uint8_t side; /* where the last reading was: 0 not known, 1 below, 2 at or above */
};

struct vio_scmi_note {
	uint32_t w[7]; /* message */
	uint8_t n;     /* words of it */
	uint8_t key;   /* words that say what it is about; a later one of the same replaces it */
};

struct vio_scmi {
	struct vio_dev dev;
	struct vio_vq vq[2];
	const struct vio_scmi_host_ops *ops;
	void *host;
	const struct vio_scmi_tree *tree;
	struct vio_scmi_sink sink;
	struct vio_clock *clock;
	struct vio_timer timer;
	uint64_t paid;		    /* quota: the moment up to which it is used up */
	uint32_t cost;		    /* ns of a command; 0: no quota */
	uint16_t first, have;	    /* of note[]: a ring */
	uint8_t want[VIO_SCMI_RES]; /* notifications asked for, a bit each */
	struct vio_scmi_trip trip[VIO_SCMI_TRIPS];
	struct vio_scmi_note note[VIO_SCMI_EVENTS];
	struct vio_scmi_late late[VIO_SCMI_DELAYED];
	VIO_VQ_STORE(struct vio_scmi_req, VIO_SCMI_DEPTH, VIO_SCMI_SEGS) store;
	VIO_VQ_STORE(struct vio_req, 1u, VIO_SCMI_SEGS) event_store;
};

/*
 * vio_scmi_init - s: zeroed; clock: may be NULL where the tree has no quota
 * returns: VIO_OK | VIO_E_ARG no host, a tree beyond VIO_SCMI_RES or VIO_SCMI_TRIPS or with a quota and no clock
 *          | VIO_E_IO the host is not there
 */
int vio_scmi_init(struct vio_scmi *s, struct vio_mem *m, const struct vio_scmi_host_ops *ops,
		  void *host, struct vio_clock *clock);
/* vio_scmi_fini - the device is reset; closes the host */
void vio_scmi_fini(struct vio_scmi *s);

extern const struct vio_class vio_class_scmi;

#endif
