/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spi.c - SPI controller device
 *
 * A request is one transfer: head and data to send, then data received and the result. Everything in
 * the head is checked against what the host's controller can do (struct vio_spi_bus, which the driver
 * reads as configuration), so a host is never asked for what it did not offer. One transfer is with the
 * host at a time and nothing is popped meanwhile: transfers run in order.
 *
 * A chip stays selected between two transfers unless cs_change is set: virtio has no messages, only the
 * driver knows where one ends. Where a driver does not say it (Linux 7.2) is the host's affair.
 */
#include "vio/spi.h"

#define MODES                                                                                      \
	(VIO_SPI_MODE_CPHA | VIO_SPI_MODE_CPOL | VIO_SPI_MODE_CS_HIGH | VIO_SPI_MODE_LSB_FIRST |   \
	 VIO_SPI_MODE_LOOP)

static struct vio_spi *spi_of(struct vio_dev *d)
{
	return VIO_CONTAINER(d, struct vio_spi, dev);
}

/* *n: 0 is another word for 1 */
static bool spi_nbits_ok(uint8_t *n, uint8_t supported)
{
	switch (*n) {
	case 0:
	case 1:
		*n = 1;
		return true;
	case 2:
		return (supported & VIO_SPI_NBITS_DUAL) != 0;
	case 4:
		return (supported & VIO_SPI_NBITS_QUAD) != 0;
	case 8:
		return (supported & VIO_SPI_NBITS_OCTAL) != 0;
	default:
		return false;
	}
}

static bool spi_mode_ok(uint32_t mode, uint32_t func)
{
	uint32_t need = mode & VIO_SPI_MODE_CPHA ? VIO_SPI_MF_CPHA_1 : VIO_SPI_MF_CPHA_0;

	need |= mode & VIO_SPI_MODE_CPOL ? VIO_SPI_MF_CPOL_1 : VIO_SPI_MF_CPOL_0;
	need |= mode & VIO_SPI_MODE_CS_HIGH ? VIO_SPI_MF_CS_HIGH : 0u;
	need |= mode & VIO_SPI_MODE_LSB_FIRST ? VIO_SPI_MF_LSB_FIRST : 0u;
	need |= mode & VIO_SPI_MODE_LOOP ? VIO_SPI_MF_LOOP : 0u;
	return !(mode & ~MODES) && (func & need) == need;
}

static bool spi_word_ok(const struct vio_spi_bus *b, uint8_t bits, uint32_t len)
{
	uint32_t mask = bits > 16u ? 3u : (bits > 8u ? 1u : 0u); /* bytes of a word, less one */

	return bits >= 1u && bits <= 32u &&
	       (b->bits_mask == 0 || (b->bits_mask & (1u << (bits - 1u)))) && !(len & mask);
}

/* Does the head ask for nothing that the controller does not have? Fills x. */
static bool spi_head_ok(const struct vio_spi_bus *b, const struct vio_spi_transfer_head *h,
			struct vio_spi_xfer *x)
{
	x->cs = h->chip_select_id;
	x->bits = h->bits_per_word;
	x->cs_change = h->cs_change != 0;
	x->tx_nbits = h->tx_nbits;
	x->rx_nbits = h->rx_nbits;
	x->mode = vio_le32(h->mode);
	x->freq = vio_le32(h->freq);
	x->word_delay = vio_le32(h->word_delay_ns);
	x->cs_setup = vio_le32(h->cs_setup_ns);
	x->cs_hold = vio_le32(h->cs_delay_hold_ns);
	x->cs_inactive = vio_le32(h->cs_change_delay_inactive_ns);
	return x->cs < b->cs_max && h->cs_change <= (b->cs_change ? 1u : 0u) &&
	       spi_nbits_ok(&x->tx_nbits, b->tx_nbits) && spi_nbits_ok(&x->rx_nbits, b->rx_nbits) &&
	       !(h->reserved[0] | h->reserved[1] | h->reserved[2]) &&
	       spi_mode_ok(x->mode, b->mode_func) && (b->freq_max == 0 || x->freq <= b->freq_max) &&
	       x->word_delay <= b->word_delay_max && x->cs_setup <= b->cs_setup_max &&
	       x->cs_hold <= b->cs_hold_max && x->cs_inactive <= b->cs_inactive_max;
}

static bool spi_parse(struct vio_spi *s, struct vio_req *r)
{
	struct vio_spi_xfer *x = &s->x;
	struct vio_spi_transfer_head h;
	uint32_t out, in;

	if (vio_req_read(r, 0, &h, sizeof(h)) < sizeof(h) || r->in_len == 0) {
		return false;
	}
	out = r->out_len - (uint32_t)sizeof(h);
	in = r->in_len - 1u;
	x->tx = out != 0;
	x->rx = in != 0;
	x->len = x->tx ? out : in;
	if (x->len == 0 || (x->tx && x->rx && out != in)) {
		return false;
	}
	return spi_head_ok(s->bus, &h, x) && spi_word_ok(s->bus, x->bits, x->len) &&
	       vio_req_span(r, false, (uint32_t)sizeof(h), out, &x->out) == VIO_OK &&
	       vio_req_span(r, true, 0, in, &x->in) == VIO_OK;
}

static void spi_finish(struct vio_req *r, uint8_t result)
{
	if (r->in_len) {
		vio_req_write(r, r->in_len - 1u, &result, 1);
	}
	vio_req_done(r, result == VIO_SPI_TRANS_OK ? r->in_len - 1u : 0);
}

static void spi_end(struct vio_req *r, int32_t result)
{
	spi_finish(r, (uint8_t)(result == VIO_OK ? VIO_SPI_TRANS_OK : VIO_SPI_TRANS_ERR));
}

static void spi_job_done(struct vio_job *j, int32_t result)
{
	struct vio_spi *s = VIO_CONTAINER(j, struct vio_spi, x.job);
	struct vio_req *r = s->now;

	s->now = NULL;
	spi_end(r, result);
}

static void spi_queue(struct vio_dev *d, struct vio_vq *q)
{
	struct vio_spi *s = spi_of(d);
	struct vio_req *r;
	int rc;

	while (!s->now && (r = vio_vq_pop(q)) != NULL) {
		if (!spi_parse(s, r)) {
			spi_finish(r, VIO_SPI_PARAM_ERR);
			continue;
		}
		/* replayed: a transfer done twice is worse than one that the driver sees fail */
		if (r->again) {
			spi_finish(r, VIO_SPI_TRANS_ERR);
			continue;
		}
		s->now = r;
		rc = s->ops->xfer(s->host, &s->x);
		if (rc == VIO_PENDING) {
			return;
		}
		s->now = NULL;
		spi_end(r, rc);
	}
}

static void spi_cancel(struct vio_dev *d, struct vio_req *r)
{
	struct vio_spi *s = spi_of(d);

	(void)r; /* it is the one that is under way */
	if (s->ops->cancel) {
		s->ops->cancel(s->host, &s->x);
	}
}

static void spi_stop(struct vio_dev *d)
{
	struct vio_spi *s = spi_of(d);

	if (s->ops->reset) {
		s->ops->reset(s->host);
	}
}

static const struct vio_dev_ops spi_ops = {
	.id = VIO_SPI_ID,
	.nvq_max = 1,
	.config_len = sizeof(struct vio_spi_config),
	.queue = spi_queue,
	.cancel = spi_cancel,
	.stop = spi_stop,
};

static void spi_configure(uint8_t *c, const struct vio_spi_bus *b)
{
	c[0] = b->cs_max;
	c[1] = (uint8_t)(b->cs_change ? 1u : 0u);
	c[2] = b->tx_nbits;
	c[3] = b->rx_nbits;
	vio_pack32(c + offsetof(struct vio_spi_config, bits_per_word_mask), b->bits_mask);
	vio_pack32(c + offsetof(struct vio_spi_config, mode_func_supported), b->mode_func);
	vio_pack32(c + offsetof(struct vio_spi_config, max_freq_hz), b->freq_max);
	vio_pack32(c + offsetof(struct vio_spi_config, max_word_delay_ns), b->word_delay_max);
	vio_pack32(c + offsetof(struct vio_spi_config, max_cs_setup_ns), b->cs_setup_max);
	vio_pack32(c + offsetof(struct vio_spi_config, max_cs_hold_ns), b->cs_hold_max);
	vio_pack32(c + offsetof(struct vio_spi_config, max_cs_inactive_ns), b->cs_inactive_max);
}

int vio_spi_init(struct vio_spi *s, struct vio_mem *m, const struct vio_spi_host_ops *ops,
		 void *host)
{
	int rc;

	if (!ops) {
		return VIO_E_ARG;
	}
	rc = vio_dev_init(&s->dev, &spi_ops, m, &s->vq, 1, s->config);
	if (rc) {
		return rc;
	}
	VIO_VQ_BIND(&s->vq, &s->dev, 0, &s->store, VIO_SPI_DEPTH, VIO_SPI_SEGS);
	s->ops = ops;
	s->host = host;
	s->x.job.done = spi_job_done;
	s->x.job.vq = &s->vq;
	s->bus = ops->open(host);
	if (!s->bus) {
		return VIO_E_IO;
	}
	if (s->bus->cs_max == 0 || !(s->bus->mode_func & (VIO_SPI_MF_CPHA_0 | VIO_SPI_MF_CPHA_1)) ||
	    !(s->bus->mode_func & (VIO_SPI_MF_CPOL_0 | VIO_SPI_MF_CPOL_1))) {
		return VIO_E_ARG;
	}
	spi_configure(s->config, s->bus);
	return VIO_OK;
}

static size_t spi_bytes(const struct vio_parts *parts)
{
	(void)parts;
	return sizeof(struct vio_spi);
}

static int spi_create(void *self, struct vio_mem *m, const struct vio_parts *parts)
{
	return vio_spi_init(self, m, parts->host_ops, parts->host);
}

const struct vio_class vio_class_spi = {
	.name = "spi",
	.about = "SPI controller: a bus of the host for the guest",
	.id = VIO_SPI_ID,
	.needs_host = true,
	.bytes = spi_bytes,
	.create = spi_create,
};
