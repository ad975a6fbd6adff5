/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * i2c.c - an I2C bus of this machine, by /dev/i2c-N
 *
 * A transfer becomes one I2C_RDWR call, so that the kernel makes repeated STARTs of it and nobody
 * comes between. The call blocks: a worker thread makes it. Guest memory is copied on the loop,
 * before and after.
 *
 * Adapters without plain I2C (many PC chipsets, i2c-stub) know SMBus only. There a transfer is
 * translated where it looks like an SMBus command, as drivers of EEPROMs and sensors use them:
 * quick, byte, byte and word data, I2C block. What does not, fails.
 *
 * Owner of the transfer's buffers: the loop before offload_submit and from bus_done on, the worker
 * in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "hosted/host_kind.h"
#include "hosted/log.h"
#include "hosted/offload.h"
#include "vio/i2c.h"

#define MSGS	  I2C_RDWR_IOCTL_MAX_MSGS
#define MSG_BYTES 8192u /* the kernel's limit */

struct i2c_bus {
	int fd;
	unsigned long funcs; /* I2C_FUNC_* */
	struct offload *worker;
	struct offload_job job;
	struct vio_i2c_xfer *x;
	struct i2c_msg msg[MSGS];
	uint8_t *bytes; /* of all messages, one behind the other; grows, is kept */
	size_t room;
	int nmsg;
	int done; /* messages that succeeded */
};

/* ---- on the worker ---- */

/* One SMBus command; *u: its data, in and out. returns: true it succeeded */
static bool smbus(struct i2c_bus *b, uint8_t dir, uint8_t command, uint32_t size,
		  union i2c_smbus_data *u)
{
	struct i2c_smbus_ioctl_data a = {
		.read_write = dir, .command = command, .size = size, .data = u
	};

	return ioctl(b->fd, I2C_SMBUS, &a) >= 0;
}

static bool smbus_write(struct i2c_bus *b, const struct i2c_msg *m)
{
	union i2c_smbus_data u;

	memset(&u, 0, sizeof(u));
	switch (m->len) {
	case 0:
		return smbus(b, I2C_SMBUS_WRITE, 0, I2C_SMBUS_QUICK, NULL);
	case 1:
		return smbus(b, I2C_SMBUS_WRITE, m->buf[0], I2C_SMBUS_BYTE, NULL);
	case 2:
		u.byte = m->buf[1];
		return smbus(b, I2C_SMBUS_WRITE, m->buf[0], I2C_SMBUS_BYTE_DATA, &u);
	case 3:
		u.word = (uint16_t)(m->buf[1] | m->buf[2] << 8);
		return smbus(b, I2C_SMBUS_WRITE, m->buf[0], I2C_SMBUS_WORD_DATA, &u);
	default:
		if (m->len > I2C_SMBUS_BLOCK_MAX + 1) {
			return false;
		}
		u.block[0] = (uint8_t)(m->len - 1);
		memcpy(u.block + 1, m->buf + 1, m->len - 1u);
		return smbus(b, I2C_SMBUS_WRITE, m->buf[0], I2C_SMBUS_I2C_BLOCK_DATA, &u);
	}
}

/* A read alone, or behind the write of a register number. */
static bool smbus_read(struct i2c_bus *b, const struct i2c_msg *reg, const struct i2c_msg *m)
{
	union i2c_smbus_data u;
	uint8_t command = reg ? reg->buf[0] : 0;

	memset(&u, 0, sizeof(u));
	if (!reg) {
		if (m->len > 1 ||
		    !smbus(b, I2C_SMBUS_READ, 0, m->len ? I2C_SMBUS_BYTE : I2C_SMBUS_QUICK,
			   m->len ? &u : NULL)) {
			return false;
		}
		if (m->len) {
			m->buf[0] = u.byte;
		}
		return true;
	}
	if (m->len == 1 && smbus(b, I2C_SMBUS_READ, command, I2C_SMBUS_BYTE_DATA, &u)) {
		m->buf[0] = u.byte;
		return true;
	}
	if (m->len == 2 && smbus(b, I2C_SMBUS_READ, command, I2C_SMBUS_WORD_DATA, &u)) {
		m->buf[0] = (uint8_t)u.word;
		m->buf[1] = (uint8_t)(u.word >> 8);
		return true;
	}
	if (m->len <= 2 || m->len > I2C_SMBUS_BLOCK_MAX) {
		return false;
	}
	u.block[0] = (uint8_t)m->len;
	if (!smbus(b, I2C_SMBUS_READ, command, I2C_SMBUS_I2C_BLOCK_DATA, &u) ||
	    u.block[0] < m->len) {
		return false;
	}
	memcpy(m->buf, u.block + 1, m->len);
	return true;
}

static void smbus_run(struct i2c_bus *b)
{
	const struct i2c_msg *m, *reg;
	bool ok = true;

	while (ok && b->done < b->nmsg) {
		m = &b->msg[b->done];
		reg = NULL;
		if (!(m->flags & I2C_M_RD) && m->len == 1 && b->done + 1 < b->nmsg &&
		    (m[1].flags & I2C_M_RD) && m[1].addr == m->addr) {
			reg = m++;
		}
		ok = ioctl(b->fd, I2C_SLAVE, (unsigned long)m->addr) >= 0 &&
		     ((m->flags & I2C_M_RD) ? smbus_read(b, reg, m) : smbus_write(b, m));
		if (ok) {
			b->done += reg ? 2 : 1;
		}
	}
}

static void bus_run(struct offload_job *j)
{
	struct i2c_bus *b = VIO_CONTAINER(j, struct i2c_bus, job);
	struct i2c_rdwr_ioctl_data all = { .msgs = b->msg, .nmsgs = (uint32_t)b->nmsg };
	int n;

	b->done = 0;
	if (!(b->funcs & I2C_FUNC_I2C)) {
		smbus_run(b);
		return;
	}
	do {
		n = ioctl(b->fd, I2C_RDWR, &all);
	} while (n < 0 && errno == EINTR);
	b->done = n < 0 ? 0 : n; /* the kernel does not say which one failed */
}

/* ---- on the loop ---- */

static void bus_done(struct offload_job *j)
{
	struct i2c_bus *b = VIO_CONTAINER(j, struct i2c_bus, job);
	struct vio_i2c_xfer *x = b->x;
	struct vio_i2c_msg *m = x->msg;
	struct vio_span s;
	int n;

	for (n = 0; n < b->done && m; n++, m = m->next) {
		if (m->read) {
			s = m->data;
			vio_span_write(&s, b->msg[n].buf, m->len);
		}
	}
	b->x = NULL;
	x->ok = (uint16_t)b->done;
	vio_job_complete(&x->job, b->done == b->nmsg ? VIO_OK : VIO_E_IO);
}

/* returns: false what this adapter cannot do, or no memory */
static bool bus_room(struct i2c_bus *b, const struct vio_i2c_xfer *x)
{
	const struct vio_i2c_msg *m;
	size_t total = 1; /* an empty message wants an address, too */
	uint8_t *p;

	if (x->n > MSGS) {
		return false;
	}
	for (m = x->msg; m; m = m->next) {
		if (m->len > MSG_BYTES || (m->ten && !(b->funcs & I2C_FUNC_10BIT_ADDR)) ||
		    (m->ten && !(b->funcs & I2C_FUNC_I2C))) {
			return false;
		}
		total += m->len;
	}
	if (total > b->room) {
		p = realloc(b->bytes, total);
		if (!p) {
			return false;
		}
		b->bytes = p;
		b->room = total;
	}
	return true;
}

static int bus_xfer(void *host, struct vio_i2c_xfer *x)
{
	struct i2c_bus *b = host;
	struct vio_i2c_msg *m;
	struct vio_span s;
	uint8_t *p;

	if (!bus_room(b, x)) {
		return VIO_E_NOTSUP;
	}
	p = b->bytes;
	b->nmsg = 0;
	for (m = x->msg; m; m = m->next) {
		b->msg[b->nmsg++] = (struct i2c_msg){
			.addr = m->addr,
			.flags = (uint16_t)((m->ten ? I2C_M_TEN : 0) | (m->read ? I2C_M_RD : 0)),
			.len = m->len,
			.buf = p,
		};
		if (!m->read) {
			s = m->data;
			vio_span_read(&s, p, m->len);
		}
		p += m->len;
	}
	b->x = x;
	return offload_submit(b->worker, &b->job) ? VIO_E_IO : VIO_PENDING;
}

static const struct vio_i2c_host_ops bus_ops = { .xfer = bus_xfer };

static void bus_close(struct host *h)
{
	struct i2c_bus *b = h->host;

	offload_free(b->worker);
	if (b->fd >= 0) {
		close(b->fd);
	}
	free(b->bytes);
	free(b);
}

static int bus_fail(struct host_ctx *ctx, struct host *out, const char *what, const char *todo)
{
	(void)snprintf(ctx->err, sizeof(ctx->err), "%s: %s%s", ctx->arg, what, todo);
	bus_close(out);
	return -1;
}

static int bus_open(struct host_ctx *ctx, struct host *out)
{
	struct i2c_bus *b;

	if (!ctx->arg || !*ctx->arg) {
		(void)snprintf(
			ctx->err, sizeof(ctx->err),
			"which bus? As in --host=linux:/dev/i2c-1; 'i2cdetect -l' lists them");
		return -1;
	}
	b = calloc(1, sizeof(*b));
	if (!b) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	out->ops = &bus_ops;
	out->host = b;
	out->close = bus_close;
	b->job.run = bus_run;
	b->job.done = bus_done;
	b->fd = open(ctx->arg, O_RDWR | O_CLOEXEC);
	if (b->fd < 0) {
		return bus_fail(ctx, out, strerror(errno),
				errno == ENOENT ? "; is the module i2c-dev loaded?" : "");
	}
	if (ioctl(b->fd, I2C_FUNCS, &b->funcs) < 0) {
		return bus_fail(ctx, out, "is no I2C bus", "; give a /dev/i2c-N");
	}
	if (!(b->funcs & (I2C_FUNC_I2C | I2C_FUNC_SMBUS_BYTE_DATA))) {
		return bus_fail(ctx, out,
				"this adapter knows neither I2C transfers nor SMBus byte data", "");
	}
	if (!(b->funcs & I2C_FUNC_I2C)) {
		log_info(ctx->name,
			 "%s knows SMBus only: commands are translated, longer transfers fail",
			 ctx->arg);
	}
	b->worker = offload_new(ctx->loop, ctx->name);
	if (!b->worker) {
		return bus_fail(ctx, out, strerror(errno), "");
	}
	return 0;
}

const struct host_kind host_linux_i2c[] = {
	{
		.class_name = "i2c",
		.name = "linux",
		.about = "a bus of this machine",
		.arg_help = "/dev/i2c-N",
		.open = bus_open,
	},
	{ 0 },
};
