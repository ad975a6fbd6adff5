/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * liar.h - a vhost-user block back-end that can do one thing wrong
 *
 * Written on the bare messages and rings, not on the core, because the core does not let a device lie. Split rings,
 * no indirect descriptors, one queue, a disk of 1 MiB in memory. It runs on a thread of its own.
 */
#ifndef TEST_LIAR_H
#define TEST_LIAR_H

#include <stdint.h>

enum lie {
	LIE_NONE,
	/* in messages, at the request `at` (VHU_*) */
	LIE_SILENT,   /* no answer */
	LIE_CLOSES,   /* closes instead of an answer */
	LIE_SHORT,    /* the answer has a byte less */
	LIE_OTHER,    /* the answer is to another request */
	LIE_NO_REPLY, /* the answer does not say that it is one */
	LIE_REFUSES,  /* a negative acknowledgement */
	LIE_EMPTY,    /* an answer without body */
	LIE_VALUE,    /* an answer of 32 ones for each byte */
	LIE_OLD,      /* no protocol features: not a lie, an old back-end */
	LIE_SHRINKS,  /* tries to take the shared memory away, and goes on; `at` is not used */
	/* in requests, once `at` of them were served well */
	LIE_LEN_LESS,  /* used length one less */
	LIE_LEN_MORE,  /* used length more than there was room */
	LIE_LOST,      /* one request is never completed, the others are */
	LIE_TWICE,     /* one is completed twice */
	LIE_ID,	       /* a completion of a request that does not exist */
	LIE_NO_CALL,   /* completions without a notification */
	LIE_CORRUPT,   /* one byte of data is wrong */
	LIE_FORGETS,   /* a write is dropped, its status is OK */
	LIE_UNTOUCHED, /* a read moves no data, its status is OK */
	LIE_STATUS,    /* IOERR */
	LIE_NO_STATUS, /* the status byte is not written */
	LIE_DIES,      /* the connection is closed */
	LIE_DEAF,      /* kicks are not even read; `at` is not used */
	LIE_SLEEPS     /* nothing is taken from the ring any more */
};

struct liar;

/* liar_start - listen at `path`; returns: NULL and errno */
struct liar *liar_start(const char *path, enum lie lie, uint32_t at);
/* liar_stop - returns: requests that were completed */
uint32_t liar_stop(struct liar *l);

#endif
