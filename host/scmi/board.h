/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * board.h - the platform behind SCMI devices of hosted programs: state, and agents that share it
 *
 * A plan says what there is, and what each agent sees of it. A board is a plan with its state: it adds up what the
 * agents need (a clock is on as long as one of them needs it), and tells all of them of changes. What a board acts on
 * is its user's: a simulator has nothing, the Linux host has files.
 *
 * context: all of it on the control loop of the program.
 */
#ifndef HOST_SCMI_BOARD_H
#define HOST_SCMI_BOARD_H

#include "hosted/host_kind.h"
#include "vio/scmi.h"

enum scmi_kind {
	SCMI_CLOCKS,
	SCMI_SENSORS,
	SCMI_RESETS,
	SCMI_POWERS,
	SCMI_PERFS,
	SCMI_VOLTS,
	SCMI_PINS, /* from here on no notifications, and a limit of their own */
	SCMI_GROUPS,
	SCMI_FUNCTIONS,
	SCMI_KINDS
};

#define SCMI_AGENTS	16u
#define SCMI_THINGS	100u /* of all kinds but pins together; a device has room for VIO_SCMI_RES */
#define SCMI_PIN_THINGS 1000u /* pins, groups and functions together */

/* What a resource starts as. Its place in its kind is vio_scmi_res.res. */
struct scmi_thing {
	const char *name;
	const char *path; /* Linux host: file that holds its value; or NULL */
	const char *gate; /* Linux host: file that switches it; or NULL */
	const char *line; /* Linux host: GPIO line that does, in place of a file; or NULL */
	bool low;	  /* it is active when it is low */
	uint64_t value;	  /* Hz, reading, level, uV */
	int64_t step; /* simulated sensors: how much the reading moves in a second, between min and max */
	int64_t min, max;
	bool watch;		/* sensor: its changes are of interest, trip points or `pushed` */
	bool on;		/* the platform itself needs it: no agent can switch it off */
	const uint16_t *member; /* of a group its pins, of a function its groups; > 0 of them */
	uint16_t nmember;
};

struct scmi_plan {
	const struct scmi_thing *thing[SCMI_KINDS];
	uint16_t n[SCMI_KINDS];
	uint16_t nagent; /* > 0 */
	const struct vio_scmi_tree *agent;
};

struct scmi_state {
	uint64_t value, extra; /* extra: time of a reading, lowest level */
	uint32_t votes;	       /* who needs it on: a bit for each agent, bit 31 the platform */
	uint16_t parent;
	uint8_t config; /* of a sensor: enabled, readings have a time */
	bool held;	/* reset asserted */
};

struct scmi_pin {
	uint32_t owner;	   /* bit of the agent that has requested it; 0: nobody */
	uint32_t function; /* number of it; VIO_SCMI_NO_FUNCTION */
	uint32_t set;	   /* settings that were made, a bit each */
	uint32_t value[VIO_SCMI_PIN_SETTINGS];
};

struct scmi_board;

/* One agent of a board; what is given to its device as host. */
struct scmi_agent {
	struct scmi_board *board;
	const struct vio_scmi_tree *tree;
	struct vio_scmi_sink *sink;
	uint32_t bit;
	bool taken;
};

struct scmi_board {
	/* who made it, from which file; devices of one process that name the same are agents of one board */
	const char *owner;
	char *path; /* NULL: the default plan */
	struct scmi_board *next;
	unsigned users;

	const struct scmi_plan *plan;
	struct scmi_state *state[SCMI_KINDS];
	struct scmi_pin *pin;
	struct scmi_agent agent[SCMI_AGENTS];
	uint64_t system;
	/*
	 * optional. act: carry out what op sets (op->value is what the board as a whole now wants); look: read
	 * op->value from the resource, VIO_E_NOTSUP: what was set last is what it is
	 * returns: as vio_scmi_host_ops.run, but never VIO_PENDING
	 */
	int (*act)(struct scmi_board *b, const struct scmi_thing *t, const struct vio_scmi_op *op);
	int (*look)(struct scmi_board *b, const struct scmi_thing *t, struct vio_scmi_op *op);
	uint64_t (*now)(struct scmi_board *b); /* ns; optional */
};

/*
 * scmi_board_get - the board of the file ctx->arg (none: the default plan), made where this owner has none yet
 * bytes: of the owner's struct, zeroed, which begins with the board; returns: NULL and ctx->err; users is 1: it is new
 */
struct scmi_board *scmi_board_get(struct host_ctx *ctx, const char *owner, size_t bytes);
/* scmi_board_put - end: called before the last user's board is freed; may be NULL */
void scmi_board_put(struct scmi_board *b, void (*end)(struct scmi_board *b));
/* scmi_board_take - the agent that the option scmi-agent names (none: the first); returns: NULL and ctx->err */
struct scmi_agent *scmi_board_take(struct host_ctx *ctx, struct scmi_board *b);
void scmi_board_give(struct scmi_agent *a);
/* scmi_board_shifts - an op that switches something on or off changes it; else it only adds or takes a need */
bool scmi_board_shifts(const struct scmi_agent *a, const struct vio_scmi_op *op);
void scmi_board_tell(struct scmi_board *b, const struct vio_scmi_event *e);
/* scmi_board_reading - a sensor has a new value */
void scmi_board_reading(struct scmi_board *b, uint16_t sensor, uint64_t value);

/* For a host table: `host` is a struct scmi_agent. */
const struct vio_scmi_tree *scmi_board_open(void *host, struct vio_scmi_sink *sink);
void scmi_board_close(void *host);
int scmi_board_run(void *host, struct vio_scmi_op *op);
void scmi_board_reset(void *host);

/* scmi_pins_run, scmi_pins_leave - the part of it that is about pins (pins.c) */
int scmi_pins_run(struct scmi_agent *a, struct vio_scmi_op *op);
void scmi_pins_leave(struct scmi_agent *a);

/* scmi_kind_of - the kind of resource that a verb is about; of pins or groups SCMI_PINS; SCMI_KINDS: the system */
enum scmi_kind scmi_kind_of(uint8_t verb);

/* scmi_plan_default - a small board, where no file says otherwise */
extern const struct scmi_plan scmi_plan_default;

/* scmi_plan_load - read a file (docs/devices/scmi.md); returns: NULL and the reason, with file and line, in err */
const struct scmi_plan *scmi_plan_load(const char *path, char *err, size_t size);
void scmi_plan_free(const struct scmi_plan *p);

#endif
