/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bent.h - a vhost-user back-end that is broken in one way, to see each rule of conform/ fail
 *
 * Rings and messages are written here on the bare layouts, because the core does not let a device lie; the device behind
 * them is one of ours over loop-back, so a back-end without a flaw keeps all rules. It runs on a thread of its own and
 * serves one connection after the other.
 *
 * A row of a table test/conform/bend_<group>.c is one such back-end; t_conform runs the rule that it names against it, and
 * wants a failure, whose text has `says` in it. For a flaw of a device write the function that makes it:
 *
 *	static void ok_anyway(struct bent_req *r) // of answers: before the driver sees them
 *	{
 *		r->in[r->in_len - 1] = VIO_BLK_S_OK;
 *	}
 *	{ .rule = "blk.beyond", .device = "blk,host=sim,size=1M", .answer = ok_anyway, .says = "status 0" },
 */
#ifndef TEST_BENT_H
#define TEST_BENT_H

#include <stdbool.h>
#include <stdint.h>

/* What rings and messages can do wrong. `at` of a row says where, when it is a message (VHU_*) or a queue */
enum bent_flaw {
	BENT_NONE,
	/* used elements */
	BENT_ID,	 /* another id */
	BENT_LEN_ROOM,	 /* more than there is room */
	BENT_LEN_CLAIM,	 /* all of the room, and nothing was written */
	BENT_TWICE,	 /* the sixth is used twice */
	BENT_START,	 /* begins one entry later */
	BENT_LAPS,	 /* goes on behind the end, or keeps its wrap counter */
	BENT_INDEX,	 /* index of 15 bits */
	BENT_SIZE,	 /* 64, whatever was set */
	BENT_USED_FLAGS, /* packed: AVAIL as the driver left it */
	BENT_SKIPS,	 /* packed: one forward, however long the list was */
	BENT_NO_WRITE,	 /* packed: WRITE is clear */
	BENT_STALE,	 /* packed: USED is not looked at: takes what it used before */
	BENT_ID_BYTE,	 /* ids of 8 bits */
	BENT_ORDER,	 /* the last one first */
	/* memory */
	BENT_READABLE, /* writes to a readable byte */
	BENT_OUT_BACK, /* what `answer` does to the readable part reaches the driver */
	BENT_BEYOND,   /* writes behind the buffer */
	BENT_DESC,     /* writes to a descriptor */
	BENT_DESC_LATE,
	BENT_DRIVER, /* writes to the driver area */
	BENT_TABLE,  /* writes to an indirect table */
	/* descriptors */
	BENT_PIECES_OUT,  /* only the first readable one */
	BENT_PIECES_IN,	  /* only the first writable one */
	BENT_NEXT,	  /* the next one is the one behind */
	BENT_NO_TABLE,	  /* a table is data */
	BENT_TABLE_ONE,	  /* one descriptor of a table */
	BENT_TABLE_WRITE, /* WRITE counts in a descriptor of a table */
	BENT_TABLE_FLAGS, /* packed: a descriptor of a table with AVAIL is skipped */
	BENT_TABLE_FIRST, /* a table only at the head of a chain */
	BENT_TABLE_ALL, /* after one request with table, or without, the others count as such too */
	/* notifications */
	BENT_NO_CALL,
	BENT_CALL_ONCE,	 /* never again after the driver did not want one */
	BENT_OBEY_EVENT, /* used_event counts without EVENT_IDX */
	BENT_OBEY_FLAGS, /* flags count with EVENT_IDX */
	BENT_CALL_FIRST, /* EVENT_IDX: only when the event is the very next one */
	BENT_CALL_LAP,	 /* EVENT_IDX: only in the first lap */
	BENT_WISH,	 /* writes 3 (packed) or 2 as its own wish */
	BENT_WISH_EVENT, /* the same with EVENT_IDX, or 1 */
	BENT_SPURIOUS,	 /* a kick without a buffer uses one */
	BENT_DEAF,	 /* after the tenth request wants no kicks, and waits for one */
	/* status, reset, configuration */
	BENT_EARLY,	   /* serves before DRIVER_OK */
	BENT_EARLY_CALL,   /* notifies before DRIVER_OK */
	BENT_EARLY_FORGET, /* begins behind what was there before DRIVER_OK */
	BENT_NO_CHANGE,	   /* NEEDS_RESET or other configuration, and no configuration change */
	BENT_STATUS,	   /* a reset leaves the status */
	BENT_RESET_RUNS,   /* a reset leaves the rings running */
	BENT_RESET_LATE,   /* a reset leaves what is under way: it comes back later */
	BENT_RESET_KEEPS,  /* a reset leaves positions */
	BENT_RESET_FORMAT, /* a reset leaves the format of the rings */
	BENT_STOP_RUNS,	   /* GET_VRING_BASE does not stop */
	BENT_STOP_KEEPS,   /* SET_VRING_BASE is ignored after it */
	BENT_STOP_SIZE,	   /* SET_VRING_NUM is ignored after it */
	BENT_CONFIG_LATE,  /* configuration is 0 before FEATURES_OK */
	BENT_TAKES_ANY,	   /* FEATURES_OK without a feature that the device needs */
	BENT_FILLS,	   /* a request of queue `at` is answered at once, without the device */
	/* messages */
	BENT_NO_ACK,  /* `at` is not acknowledged */
	BENT_REFUSES, /* `at` is acknowledged with 1 */
	BENT_ACCEPTS, /* `at` is acknowledged with 0 whatever it says */
	BENT_UNASKED, /* `at` is acknowledged though nobody asked */
	BENT_HEADER,  /* replies without version */
	BENT_NO_REPLY_BIT,
	BENT_SHORT,	   /* the reply to `at` has a byte less */
	BENT_ZERO,	   /* the reply to `at` is 0 */
	BENT_CONFIG_SHIFT, /* GET_CONFIG ignores the offset */
	BENT_CONFIG_MUCH,  /* answers beyond the end with other sizes */
	BENT_CONFIG_ANY,   /* every byte can be written */
	BENT_STARTED,	   /* rings run without a kick */
	BENT_DISABLED,	   /* rings need SET_VRING_ENABLE though nobody negotiated that */
	BENT_NO_START,	   /* a kick starts nothing */
	BENT_BASE,	   /* GET_VRING_BASE says one less */
	BENT_BASE_OTHER,   /* it stops all rings */
	BENT_CALL_KEPT,	   /* SET_VRING_CALL counts once */
	BENT_REGION_ONE,   /* one region is known */
	BENT_OFFSET,	   /* mmap offsets are 0 */
	BENT_GPA,	   /* ring addresses are guest addresses */
	BENT_TABLE_KEPT,   /* SET_MEM_TABLE counts once */
	BENT_RESET_NONE,   /* RESET_DEVICE does nothing */
	BENT_REM_NONE,	   /* REM_MEM_REG does nothing, and a region cannot come again */
	BENT_ENABLE_ONCE,  /* SET_VRING_ENABLE with 0 is for ever */
	BENT_BASE_ZERO,	   /* SET_VRING_BASE sets 0 */
	BENT_CALL_NONE,	   /* ends where there is no descriptor to notify with */
	BENT_KEEPS_FD	   /* what comes with REM_MEM_REG stays open */
};

/* A request between driver and device; it may be edited in place, lengths too, but not made longer. */
struct bent_req {
	uint16_t vq;
	uint32_t n; /* of this connection, from 0 */
	uint8_t *out, *in;
	uint32_t out_len, in_len, len; /* len: bytes that will be reported */
	bool lost;		       /* set: it is never given back */
};

struct bend {
	const char *rule; /* that must see it */
	const char
		*device;  /* NULL: "rng,host=sim"; `host=sim` is best, it is the same every time */
	const char *says; /* in the text of the failure; NULL: whatever */
	bool alone; /* there is no back-end of ours to which the rule applies, or it breaks the rule as well */
	enum bent_flaw flaw;
	uint32_t at;
	uint64_t add, hide; /* feature bits that are offered wrongly, or not */
	uint64_t deaf,
		deaf_without; /* with one of these features, or without one, nothing is served */
	void (*config)(uint8_t *config, uint32_t len); /* as it is read */
	void (*ask)(struct bent_req *r);	       /* before the device sees it */
	void (*answer)(struct bent_req *r);	       /* before the driver sees it */
};

struct bent;

/* bent_start - listen at path; b: NULL, or outlives it; device: as for --device. returns: NULL and err */
struct bent *bent_start(const char *path, const char *device, const struct bend *b, char err[256]);
void bent_stop(struct bent *b);

#endif
