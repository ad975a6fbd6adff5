/* SPDX-License-Identifier: BSD-3-Clause */
/* offload.c - a worker thread for calls that block */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hosted/offload.h"

struct offload {
	struct loop *loop;
	struct offload_job
		*finishing; /* run is over, done is not called; loop only sees it after the lock */
	char name[16];
	pthread_t thread;
	bool started;	      /* loop's thread only */
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t work;
	struct offload_job *head, **tail;
	bool quit;
};

static void offload_done(struct loop_task *t)
{
	struct offload_job *j = VIO_CONTAINER(t, struct offload_job, task);
	struct offload *o = j->owner;
	struct offload_job **at;

	pthread_mutex_lock(&o->lock);
	for (at = &o->finishing; *at != j; at = &(*at)->next) {
	}
	*at = j->next;
	pthread_mutex_unlock(&o->lock);
	j->done(j);
}

static void *offload_worker(void *arg)
{
	struct offload *o = arg;
	struct offload_job *j;

	pthread_mutex_lock(&o->lock);
	for (;;) {
		while (!o->quit && !o->head) {
			pthread_cond_wait(&o->work, &o->lock);
		}
		if (o->quit) {
			break;
		}
		j = o->head;
		o->head = j->next;
		if (!o->head) {
			o->tail = &o->head;
		}
		pthread_mutex_unlock(&o->lock);
		j->run(j);
		pthread_mutex_lock(&o->lock);
		j->next = o->finishing;
		o->finishing = j;
		/* under the lock: offload_free must find it either here or posted, not between */
		loop_post(o->loop, &j->task);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

struct offload *offload_new(struct loop *l, const char *name)
{
	struct offload *o = calloc(1, sizeof(*o));

	if (!o) {
		return NULL;
	}
	o->loop = l;
	o->tail = &o->head;
	(void)snprintf(o->name, sizeof(o->name), "%s", name);
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->work, NULL);
	return o;
}

static int offload_start(struct offload *o)
{
	sigset_t all, old;
	int err;

	/* signals are for the threads that expect them */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&o->thread, NULL, offload_worker, o);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err) {
		o->started = true;
#ifdef __linux__
		(void)pthread_setname_np(o->thread, o->name);
#endif
	}
	return err;
}

int offload_submit(struct offload *o, struct offload_job *j)
{
	if (!o->started) {
		int err = offload_start(o);

		if (err) {
			return err;
		}
	}
	memset(&j->task, 0, sizeof(j->task));
	j->task.fn = offload_done;
	j->owner = o;
	j->next = NULL;
	pthread_mutex_lock(&o->lock);
	*o->tail = j;
	o->tail = &j->next;
	pthread_cond_signal(&o->work);
	pthread_mutex_unlock(&o->lock);
	return 0;
}

void offload_free(struct offload *o)
{
	struct offload_job *j;

	if (!o) {
		return;
	}
	pthread_mutex_lock(&o->lock);
	o->quit = true;
	pthread_cond_signal(&o->work);
	pthread_mutex_unlock(&o->lock);
	if (o->started) {
		pthread_join(o->thread, NULL);
	}
	for (j = o->finishing; j; j = j->next) {
		loop_unpost(o->loop, &j->task);
	}
	pthread_cond_destroy(&o->work);
	pthread_mutex_destroy(&o->lock);
	free(o);
}
