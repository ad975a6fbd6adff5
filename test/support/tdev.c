/* SPDX-License-Identifier: BSD-3-Clause */
/* tdev.c - a device for tests of the core: one queue, checks what it reads, writes what can be checked */
#include <string.h>
#include "test/support/tdev.h"
#include "test/support/world.h"

uint8_t tdev_byte(uint32_t serial, uint32_t i, bool written)
{
	return (uint8_t)((serial * 2654435761u) >> 24) ^ (uint8_t)(i * 7u + (i >> 8)) ^
	       (written ? 0x5au : 0u);
}

struct tdev_plan tdev_plan(uint32_t serial, uint32_t in_len)
{
	uint32_t h = (serial * 2246822519u) >> 8;
	struct tdev_plan p = { .prefix = in_len, .last = false, .span = (h & 4u) != 0u };

	if ((h & 3u) == 1u) {
		p.prefix = (in_len == 0u) ? 0u : ((h >> 3) % (in_len + 1u));
	} else if ((h & 3u) == 2u) {
		p.prefix = (in_len == 0u) ? 0u : ((h >> 3) % (in_len + 1u));
		p.last = in_len != 0u;
	} else if ((h & 7u) == 3u) {
		p.prefix = 0u;
	}
	return p;
}

uint32_t tdev_len(uint32_t serial, uint32_t in_len)
{
	struct tdev_plan p = tdev_plan(serial, in_len);

	return (p.last && ((p.prefix + 1u) >= in_len))
		       ? ((p.prefix > 0u || in_len == 1u) ? in_len : 0u)
		       : p.prefix;
}

static bool right(const struct tdev_req *q)
{
	uint8_t buf[256];

	for (uint32_t off = 4u; off < q->r.out_len;) {
		uint32_t n = vio_req_read(&q->r, off, buf, sizeof(buf));

		if (n == 0u) {
			return false;
		}
		for (uint32_t i = 0u; i < n; i++) {
			if (buf[i] != tdev_byte(q->serial, off + i, false)) {
				return false;
			}
		}
		off += n;
	}
	return true;
}

static void by_span(struct tdev *t, struct tdev_req *q, uint32_t len)
{
	struct vio_span s;
	uint32_t done = 0u, n;
	uint8_t *p;

	if (vio_req_span(&q->r, true, 0u, len, &s) != VIO_OK) {
		t->bad++;
		return;
	}
	for (n = vio_span_next(&s, &p); n != 0u; n = vio_span_next(&s, &p)) {
		for (uint32_t i = 0u; i < n; i++) {
			p[i] = tdev_byte(q->serial, done + i, true);
		}
		done += n;
	}
	t->bad += done != len;
}

static void by_copy(struct tdev_req *q, uint32_t off, uint32_t end)
{
	uint8_t buf[256];

	while (off < end) {
		uint32_t n = ((end - off) < sizeof(buf)) ? (end - off) : (uint32_t)sizeof(buf);

		for (uint32_t i = 0u; i < n; i++) {
			buf[i] = tdev_byte(q->serial, off + i, true);
		}
		(void)vio_req_write(&q->r, off, buf, n);
		off += n;
	}
}

static void finish(struct tdev *t, struct tdev_req *q)
{
	struct tdev_plan p = tdev_plan(q->serial, q->r.in_len);

	if (!right(q)) {
		t->bad++;
	}
	if (p.last) {
		by_copy(q, q->r.in_len - 1u, q->r.in_len);
	}
	if (p.span) {
		by_span(t, q, p.prefix);
		vio_req_done(&q->r, p.prefix);
	} else {
		by_copy(q, 0u, p.prefix);
		vio_req_done(&q->r, 0u);
	}
}

static void on_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct tdev *t = VIO_CONTAINER(d, struct tdev, d);
	struct vio_req *r;

	while ((t->n < TDEV_POOL) && ((r = vio_vq_pop(q)) != NULL)) {
		struct tdev_req *e = VIO_CONTAINER(r, struct tdev_req, r);
		uint8_t b[4];

		if (vio_req_read(r, 0u, b, 4u) != 4u) {
			t->bad++;
		}
		e->serial = vio_unpack32(b);
		if (t->async) {
			t->own[t->n++] = e;
		} else {
			finish(t, e);
		}
	}
}

void tdev_complete(struct tdev *t, uint16_t i)
{
	struct tdev_req *e = t->own[i];

	t->n--;
	t->own[i] = t->own[t->n];
	finish(t, e);
	vio_vq_wake(&t->vq);
}

void tdev_complete_some(struct tdev *t)
{
	for (uint32_t k = world_random() % 5u; (k > 0u) && (t->n > 0u); k--) {
		tdev_complete(t, (uint16_t)(world_random() % t->n));
	}
}

static const struct vio_dev_ops ops = { .id = 42u, .nvq_max = 1u, .queue = on_queue };

int tdev_init(struct tdev *t, struct vio_mem *m, bool async)
{
	(void)memset(t, 0, sizeof(*t));
	t->async = async;
	VIO_VQ_BIND(&t->vq, &t->d, 0u, &t->store, TDEV_POOL, TDEV_SEGS);
	return vio_dev_init(&t->d, &ops, m, &t->vq, 1u, NULL);
}
