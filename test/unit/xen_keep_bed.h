/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xen_keep_bed.h - xen_bed.h with a daemon that ends and comes again, while guests and their drivers go on
 *
 * A daemon that is killed leaves its objects behind, as memory of a process that is no more: nothing runs them.
 */
#ifndef XEN_KEEP_BED_H
#define XEN_KEEP_BED_H

#include "test/unit/xen_bed.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define STATE_DIR "/tmp/stratos-test-XXXXXX"

static char state_dir[] = STATE_DIR;
static struct xen **dead; /* so that no leak is seen */
static unsigned ndead;

static inline void empty_dir(void)
{
	DIR *dir = opendir(state_dir);
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] != '.') {
			(void)unlinkat(dirfd(dir), e->d_name, 0);
		}
	}
	if (dir) {
		(void)closedir(dir);
	}
}

static inline const char *file_of(unsigned i)
{
	static char p[128];

	(void)snprintf(p, sizeof(p), "%s/xen-%u-dev%u", state_dir, b.s[i].dom, i);
	return p;
}

static inline int setup(void **st)
{
	(void)st;
	(void)snprintf(state_dir, sizeof(state_dir), "%s", STATE_DIR);
	assert_non_null(mkdtemp(state_dir));
	bed_up();
	log_init(LOG_INFO);
	b.state_dir = state_dir;
	b.restarts = true;
	return 0;
}

static inline int teardown(void **st)
{
	(void)st;
	xm_fail_all(NULL, 0);
	for (unsigned i = 1; i < XM_DOMS;
	     i++) { /* a server that is left behind ends with its guest */
		if (xm.dom[i].alive) {
			xm_destroy(i);
		}
	}
	for (unsigned i = 0; i < SIDES; i++) {
		while (b.s[i].dev.n > 0) {
			tdev_complete(&b.s[i].dev, 0);
		}
	}
	if (b.x) { /* where xenstore is lost, that is what sees it */
		loop_clock(b.loop)->set(loop_clock(b.loop), &b.x->look, 1);
	}
	for (struct xen_dev *d = b.x ? b.x->dev : NULL; d; d = d->next) {
		WAIT(!d->g);
	}
	bed_down();
	empty_dir();
	assert_int_equal(rmdir(state_dir), 0);
	return 0;
}

/* kill -9 */
static inline void killed(void)
{
	for (unsigned i = 0; i < SIDES; i++) {
		struct xen_dev *d = b.s[i].xd;
		struct stat st;

		if (d && d->keep_fd >= 0 && fstat(d->keep_fd, &st) == 0) {
			(void)munmap(d->kept, (size_t)st.st_size); /* and with it the lock */
			(void)close(d->keep_fd);
		}
		b.s[i].xd = NULL;
	}
	for (struct xen_guest *g = b.x->guest; g; g = g->next) {
		(void)munmap(g->page, XM_PAGE);
		for (struct xen_vacant *v = g->vacant; v; v = v->next) {
			(void)close(v->fd);
		}
	}
	dead = realloc(dead, (ndead + 1) * sizeof(struct xen *));
	dead[ndead++] = b.x;
	b.x = NULL;
	xm_kill();
	loop_free(b.loop);
	b.loop = loop_new("xen");
}

/* SIGTERM */
static inline void stopped(void)
{
	for (unsigned i = 0; i < SIDES; i++) {
		remove_dev(&b.s[i]);
	}
	xen_close(b.x);
	b.x = NULL;
}

/* The next process, with the devices [from, to); their first scan is done */
static inline bool back(unsigned from, unsigned to)
{
	bool ok = b.x || xen_up(32);

	for (unsigned i = from; ok && i < to; i++) {
		ok = add(i, "guest", NULL, 0);
	}
	rounds(2);
	for (unsigned i = from; ok && i < to; i++) {
		ok = b.s[i].xd->g != NULL;
	}
	return ok;
}

/* A guest with n started devices, the first of them by `packed` and `grants` */
static inline unsigned serve(unsigned n, bool grants, bool packed)
{
	unsigned dom = xm_create("guest", 2);

	xm_write("/local/domain/1/vm", "/vm/7c4c2e4e-0000-4000-8000-000000000001");
	assert_true(xen_up(32));
	for (unsigned i = 0; i < n; i++) {
		assert_true(add(i, "guest", NULL, 0));
		node(i, dom, i, grants, 1);
		WAIT(state(dom, i) == 2);
		assert_true(start(&b.s[i], i == 0 ? packed : !packed));
	}
	return dom;
}

/* A request that its host works on */
static inline void offer_and_hold(struct side *s)
{
	s->dev.async = true;
	assert_int_equal(offer(s), VIO_OK);
	WAIT(s->dev.n == 1);
	assert_int_equal(s->dev.n, 1);
}

/* It comes back, and nothing else does. */
static inline void once(struct side *s)
{
	uint32_t len;
	void *cookie;

	assert_true(take(s));
	rounds(3);
	assert_int_equal(vio_dvq_get(&s->q, &cookie, &len), VIO_E_AGAIN);
}

#endif
