/* SPDX-License-Identifier: BSD-3-Clause */
/* bare.c - the polled loop and its clock */
#include "bare.h"

static uint64_t clock_now(struct vio_clock *c)
{
	const struct vio_bare *b = VIO_CONTAINER(c, struct vio_bare, clock);

	return (b->now != NULL) ? b->now() : 0u;
}

static void clock_set(struct vio_clock *c, struct vio_timer *t, uint64_t at)
{
	struct vio_bare *b = VIO_CONTAINER(c, struct vio_bare, clock);
	struct vio_timer **p = &b->timer;

	while ((*p != NULL) && (*p != t)) {
		p = &(*p)->next;
	}
	if (*p == t) {
		*p = t->next;
	}
	t->at = at;
	if (at != 0u) {
		t->next = b->timer;
		b->timer = t;
	}
}

/* Take one timer that is due off the list, or NULL */
static struct vio_timer *due(struct vio_bare *b, uint64_t now)
{
	for (struct vio_timer **p = &b->timer; *p != NULL; p = &(*p)->next) {
		struct vio_timer *t = *p;

		if (t->at <= now) {
			*p = t->next;
			return t;
		}
	}
	return NULL;
}

/* A timer that fires may set or cancel any, itself included. As many as there are now: it may be due again at once. */
static void fire(struct vio_bare *b)
{
	uint64_t now = clock_now(&b->clock);
	uint32_t left = 0u;

	for (const struct vio_timer *t = b->timer; t != NULL; t = t->next) {
		left++;
	}
	for (struct vio_timer *t = due(b, now); t != NULL; t = (left > 0u) ? due(b, now) : NULL) {
		left--;
		t->fire(t);
	}
}

void vio_bare_init(struct vio_bare *b, struct vio_ramregs *dev, uint16_t n, uint64_t (*now)(void))
{
	*b = (struct vio_bare){
		.clock = { .now = clock_now, .set = clock_set }, .now = now, .dev = dev, .n = n
	};
}

void vio_bare_timers(struct vio_bare *b)
{
	if (b->timer != NULL) {
		fire(b);
	}
}

bool vio_bare_turn(struct vio_bare *b)
{
	bool more = false;

	vio_bare_timers(b);
	for (uint16_t i = 0u; i < b->n; i++) {
		more = vio_ramregs_poll(&b->dev[i]) || more;
	}
	return more;
}
