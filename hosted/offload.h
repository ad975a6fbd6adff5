/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * offload.h - a worker thread for calls that block: ioctls of slow buses, files on slow media
 *
 * Jobs of one worker run one after the other, in the order of submission. What a job touches
 * belongs to the worker between submit and `done`; guest memory is not for the worker: copy on the
 * loop, before and after.
 */
#ifndef HOSTED_OFFLOAD_H
#define HOSTED_OFFLOAD_H

#include "hosted/loop.h"

struct offload;

/* Caller's storage, untouched from submit until done is called or offload_free has returned. */
struct offload_job {
	void (*run)(struct offload_job *j); /* on the worker; may block */
	/* on the loop, afterwards; never inside offload_submit */
	void (*done)(struct offload_job *j);
	/* private */
	struct loop_task task;
	struct offload *owner;
	struct offload_job *next;
};

/*
 * offload_new - l: where `done` runs; name: of the thread, at most 15 bytes; returns: NULL and
 * errno
 */
struct offload *offload_new(struct loop *l, const char *name);

/*
 * offload_submit - context: the loop. The worker starts with the first job. returns: 0 | errno no
 * thread
 */
int offload_submit(struct offload *o, struct offload_job *j);

/*
 * offload_free - waits for the job that is running; jobs behind it do not run; no `done` is called
 * any more
 * context: the loop. o may be NULL.
 */
void offload_free(struct offload *o);

#endif
