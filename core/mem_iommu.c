/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem_iommu.c - a look-aside table (IOTLB) over another memory kind
 *
 * A segment becomes as many as it has pieces that do not follow each other in the inner kind. One miss is asked for
 * at a time; until it is answered every other miss only waits. An answer is an update that covers the address, a
 * refusal, or an invalidation (the answer may have been sent before it: the miss is asked for again).
 * An entry that is evicted or replaced stays good for what is held: its memory moves only with an invalidation.
 *
 * Peers answer in pages, also where the guest mapped one long run. Neighbours are joined, so a request never needs more
 * entries than it has pieces, however long the pieces are; else one request could evict its own entries for ever.
 */
#include <string.h>
#include "vio/mem.h"

static struct vio_mem_iommu *self(struct vio_mem *m)
{
	return VIO_CONTAINER(m, struct vio_mem_iommu, m);
}

static bool covers(const struct vio_tlb *t, uint64_t iova, uint8_t perm)
{
	return ((iova - t->iova) < t->len) && ((t->perm & perm) == perm);
}

static const struct vio_tlb *find(struct vio_mem_iommu *m, uint64_t iova, uint8_t perm)
{
	if (covers(&m->tlb[m->last], iova, perm)) {
		return &m->tlb[m->last];
	}
	for (uint16_t i = 0u; i < m->n; i++) {
		if (covers(&m->tlb[i], iova, perm)) {
			m->last = i;
			return &m->tlb[i];
		}
	}
	return NULL;
}

static int missed(struct vio_mem_iommu *m, uint64_t iova, uint8_t perm)
{
	if (m->refused && (m->want == iova) && (m->want_perm == perm)) {
		m->refused = false;
		return VIO_E_ADDR;
	}
	if (!m->waiting) {
		m->want = iova;
		m->want_perm = perm;
		m->waiting = true;
		m->refused = false;
		m->miss(m->port, iova, perm);
	}
	return VIO_E_AGAIN;
}

/* Translate the head of *s; *len: how much of it lies in one piece behind. */
static int translate(struct vio_mem_iommu *m, struct vio_seg *s, uint8_t perm, uint32_t *len)
{
	uint64_t iova = s->addr, to = 0u, done = 0u;

	while (done < s->len) {
		const struct vio_tlb *t = find(m, iova + done, perm);
		uint64_t here, off;

		if (t == NULL) {
			return missed(m, iova + done, perm);
		}
		off = (iova + done) - t->iova;
		here = t->to + off;
		if (done == 0u) {
			to = here;
		} else if (here != (to + done)) {
			break;
		}
		off = t->len - off;
		done += (off < (s->len - done))
				? off
				: (s->len - done); /* an entry may end where addresses end */
	}
	s->addr = to;
	*len = (uint32_t)done;
	return VIO_OK;
}

static bool overlaps(const struct vio_tlb *t, uint64_t iova, uint64_t last)
{
	return (t->len != 0u) && (t->iova <= last) && (iova <= (t->iova + (t->len - 1u)));
}

/* No entry translates [iova, last] any more. Of a joined one goes what was told together, and the longer end stays. */
static void drop(struct vio_mem_iommu *m, uint64_t iova, uint64_t last)
{
	for (uint16_t i = 0u; i < m->n; i++) {
		struct vio_tlb *t = &m->tlb[i];
		uint64_t end, before, after;

		if (!overlaps(t, iova, last)) {
			continue;
		}
		end = t->iova + (t->len - 1u);
		before = ((t->iova < iova) ? (iova - t->iova) : 0u) & (0u - t->grain);
		after = ((end > last) ? (end - last) : 0u) & (0u - t->grain);
		if (after > before) {
			t->to += t->len - after;
			t->iova += t->len - after;
		}
		t->len = (after > before) ? after : before;
	}
}

static int acquire(struct vio_mem *mm, struct vio_sgl *l)
{
	struct vio_mem_iommu *m = self(mm);

	for (uint16_t i = 0u; i < (uint16_t)(l->n_out + l->n_in); i++) {
		struct vio_seg *s = &l->seg[i];
		uint64_t iova = s->addr;
		uint16_t n = (uint16_t)(l->n_out + l->n_in);
		uint32_t len;
		int rc = (s->len == 0u)
				 ? VIO_E_ADDR
				 : translate(m, s, (i < l->n_out) ? VIO_PERM_R : VIO_PERM_W, &len);

		if (rc != VIO_OK) {
			return rc;
		}
		if (len == s->len) {
			continue;
		}
		if (n >= l->cap) {
			return VIO_E_ADDR;
		}
		(void)memmove(&l->seg[i + 2u], &l->seg[i + 1u], (size_t)(n - i - 1u) * sizeof(*s));
		l->seg[i + 1u] = (struct vio_seg){ .addr = iova + len, .len = s->len - len };
		s->len = len;
		if (i < l->n_out) {
			l->n_out++;
		} else {
			l->n_in++;
		}
	}
	if (m->once && !l->ring) {
		drop(m, 0u, UINT64_MAX);
	}
	return m->inner->ops->acquire(m->inner, l);
}

static void release(struct vio_mem *m, struct vio_sgl *l, const struct vio_ext *w, uint16_t nw)
{
	struct vio_mem *in = self(m)->inner;

	in->ops->release(in, l, w, nw);
}

static void dirty(struct vio_mem *m, uint64_t addr, uint32_t len)
{
	struct vio_mem *in = self(m)->inner;

	if (in->ops->dirty != NULL) {
		in->ops->dirty(in, addr, len);
	}
}

static const struct vio_mem_ops ops = { .acquire = acquire, .release = release, .dirty = dirty };

void vio_mem_iommu_init(struct vio_mem_iommu *m, struct vio_mem *inner, struct vio_tlb *tlb,
			uint16_t n, void (*miss)(void *port, uint64_t iova, uint8_t perm),
			void *port)
{
	*m = (struct vio_mem_iommu){
		.m = { .ops = &ops,
		       .bytes_max = inner->bytes_max,
		       .seg_max = inner->seg_max,
		       .wants_release = true }, /* the inner kind's own wish may change later */
		.inner = inner,
		.tlb = tlb,
		.n = n,
		.miss = miss,
		.port = port,
	};
	(void)memset(tlb, 0, n * sizeof(*tlb));
}

/* Take the neighbours of *e that translate the same way into it. returns: a free place for it, or n */
static uint16_t join(struct vio_mem_iommu *m, struct vio_tlb *e)
{
	uint16_t place = m->n;

	for (uint16_t i = 0u; i < m->n; i++) {
		struct vio_tlb *t = &m->tlb[i];
		bool left = ((e->iova - t->iova) == t->len) && ((e->to - t->to) == t->len);
		bool right = ((t->iova - e->iova) == e->len) && ((t->to - e->to) == e->len);

		if (t->len == 0u) {
			place = (place == m->n) ? i : place;
		} else if ((t->perm == e->perm) && (t->grain == e->grain) && (e->grain != 0u) &&
			   (left != right) && (t->len < (UINT64_MAX - e->len))) {
			e->iova = left ? t->iova : e->iova;
			e->to = left ? t->to : e->to;
			e->len += t->len;
			t->len = 0u;
			place = i;
		} else {
			/* no neighbour */
		}
	}
	return place;
}

int vio_mem_iommu_update(struct vio_mem_iommu *m, uint64_t iova, uint64_t len, uint64_t to,
			 uint8_t perm)
{
	struct vio_tlb e = { .iova = iova, .len = len, .to = to, .perm = perm };
	uint16_t k;

	e.grain = ((len & (len - 1u)) == 0u) ? len : 0u;
	if ((len == 0u) || ((len - 1u) > (UINT64_MAX - iova)) || ((len - 1u) > (UINT64_MAX - to)) ||
	    (((iova ^ to) & 15u) != 0u)) {
		return VIO_E_ARG;
	}
	drop(m, iova, iova + (len - 1u));
	k = join(m, &e);
	if (k == m->n) {
		k = m->hand;
		m->hand = (uint16_t)((m->hand + 1u) % m->n);
	}
	m->tlb[k] = e;
	if (m->waiting && ((m->want - iova) < len)) {
		m->waiting = false;
		m->refused = (perm & m->want_perm) !=
			     m->want_perm; /* asking again would get the same answer */
	}
	return VIO_OK;
}

void vio_mem_iommu_refuse(struct vio_mem_iommu *m)
{
	if (m->waiting) {
		m->waiting = false;
		m->refused = true;
	}
}

int vio_mem_iommu_invalidate(struct vio_mem_iommu *m, uint64_t iova, uint64_t len)
{
	int rc;

	if (len == 0u) {
		return VIO_OK;
	}
	rc = vio_mem_change(&m->m);
	if (rc == VIO_OK) {
		drop(m, iova,
		     ((len - 1u) > (UINT64_MAX - iova)) ? UINT64_MAX : (iova + (len - 1u)));
		m->waiting = false;
		m->refused = false;
	}
	return rc;
}
