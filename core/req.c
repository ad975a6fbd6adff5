/* SPDX-License-Identifier: BSD-3-Clause */
/* req.c - reading, writing and viewing a request; the record of what was written */
#include "ring.h"

static bool owned(const struct vio_req *r)
{
	return (r->state == VIO_REQ_OWNED) || (r->state == VIO_REQ_HELD);
}

/* The segments of one direction: first index and one past the last. */
static void range(const struct vio_req *r, bool writable, uint16_t *i, uint16_t *end)
{
	*i = writable ? r->sgl.n_out : 0u;
	*end = (uint16_t)(writable ? (r->sgl.n_out + r->sgl.n_in) : r->sgl.n_out);
}

uint32_t vio_req_read(const struct vio_req *r, uint32_t off, void *dst, uint32_t len)
{
	struct vio_span s;
	uint32_t n = (off < r->out_len) ? (r->out_len - off) : 0u;

	n = (n < len) ? n : len;
	return (vio_req_span(r, false, off, n, &s) == VIO_OK) ? vio_span_read(&s, dst, n) : 0u;
}

uint32_t vio_req_write(struct vio_req *r, uint32_t off, const void *src, uint32_t len)
{
	struct vio_span s;
	uint32_t n = (off < r->in_len) ? (r->in_len - off) : 0u;

	n = (n < len) ? n : len;
	if (vio_req_span(r, true, off, n, &s) != VIO_OK) {
		return 0u;
	}
	n = vio_span_write(&s, src, n);
	vio_req_wrote(r, off, n);
	return n;
}

/* e[0..n): ascending, disjoint, one too many: join the two with the smallest gap between them. */
static void join_closest(struct vio_ext *e, uint16_t n)
{
	uint16_t best = 1u;

	for (uint16_t k = 2u; k < n; k++) {
		if ((e[k].off - (e[k - 1u].off + e[k - 1u].len)) <
		    (e[best].off - (e[best - 1u].off + e[best - 1u].len))) {
			best = k;
		}
	}
	e[best - 1u].len = (e[best].off + e[best].len) - e[best - 1u].off;
	for (uint16_t k = best; k < (n - 1u); k++) {
		e[k] = e[k + 1u];
	}
}

void vio_req_wrote(struct vio_req *r, uint32_t off, uint32_t len)
{
	struct vio_ext e[VIO_REQ_EXT + 1u];
	uint16_t n = 0u, i = 0u;

	if (!owned(r) || (off >= r->in_len) || (len == 0u)) {
		return;
	}
	len = (len > (r->in_len - off)) ? (r->in_len - off) : len;
	if (r->nw == 0u) {
		r->w[0] = (struct vio_ext){ off, len };
		r->nw = 1u;
		return;
	}
	for (; (i < r->nw) && ((r->w[i].off + r->w[i].len) < off); i++) {
		e[n++] = r->w[i];
	}
	for (; (i < r->nw) && (r->w[i].off <= (off + len)); i++) { /* touches: one extent */
		uint32_t end = r->w[i].off + r->w[i].len, mine = off + len;

		off = (r->w[i].off < off) ? r->w[i].off : off;
		len = ((end > mine) ? end : mine) - off;
	}
	e[n++] = (struct vio_ext){ off, len };
	for (; i < r->nw; i++) {
		e[n++] = r->w[i];
	}
	if (n > VIO_REQ_EXT) {
		join_closest(e, n);
		n--;
	}
	r->nw = (uint8_t)n;
	(void)memcpy(r->w, e, n * sizeof(e[0]));
}

uint32_t vio_req_total(struct vio_req *r, uint32_t data)
{
	vio_req_wrote(r, 0u, data);
	return ((r->nw > 0u) && (r->w[0].off == 0u)) ? r->w[0].len : 0u;
}

int vio_req_span(const struct vio_req *r, bool writable, uint32_t off, uint32_t len,
		 struct vio_span *s)
{
	uint32_t all = writable ? r->in_len : r->out_len;
	uint16_t i, end;

	if (!owned(r) || (off > all) || ((all - off) < len)) {
		return VIO_E_ARG;
	}
	range(r, writable, &i, &end);
	while ((i < end) && (off >= r->sgl.seg[i].len)) {
		off -= r->sgl.seg[i].len;
		i++;
	}
	*s = (struct vio_span){
		.seg = &r->sgl.seg[i], .n = (uint16_t)(end - i), .skip = off, .len = len
	};
	return VIO_OK;
}

uint32_t vio_span_next(struct vio_span *s, uint8_t **p)
{
	uint32_t n;

	if ((s->len == 0u) || (s->n == 0u)) {
		return 0u;
	}
	n = s->seg->len - s->skip;
	n = (n < s->len) ? n : s->len;
	*p = s->seg->p + s->skip;
	s->len -= n;
	s->seg++;
	s->n--;
	s->skip = 0u;
	return n;
}

/* As vio_span_next, but takes no more than `max` bytes. */
static uint32_t take(struct vio_span *s, uint32_t max, uint8_t **p)
{
	struct vio_span part = *s;
	uint32_t n;

	part.len = (part.len < max) ? part.len : max;
	n = vio_span_next(&part, p);
	if (n == (s->seg->len - s->skip)) {
		s->seg++;
		s->n--;
		s->skip = 0u;
	} else {
		s->skip += n;
	}
	s->len -= n;
	return n;
}

uint32_t vio_span_read(struct vio_span *s, void *dst, uint32_t len)
{
	uint32_t done = 0u, n;
	uint8_t *p;

	while ((done < len) && (s->len > 0u) && (s->n > 0u)) {
		n = take(s, len - done, &p);
		(void)memcpy((uint8_t *)dst + done, p, n);
		done += n;
	}
	return done;
}

uint32_t vio_span_write(struct vio_span *s, const void *src, uint32_t len)
{
	uint32_t done = 0u, n;
	uint8_t *p;

	while ((done < len) && (s->len > 0u) && (s->n > 0u)) {
		n = take(s, len - done, &p);
		(void)memcpy(p, (const uint8_t *)src + done, n);
		done += n;
	}
	return done;
}
