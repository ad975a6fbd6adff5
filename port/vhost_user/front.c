/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * front.c - a back-end as a driver sees it: vio_bus_ops over vhost-user messages
 *
 * Theory of operation. The protocol has no registers: a feature is accepted with SET_FEATURES, memory follows it, and
 * a queue is a handful of messages. They are sent when the driver sets the queue up; DRIVER_OK enables all of them, and
 * kicks each once, because a ring starts when its descriptor is first kicked. Where the back-end knows STATUS the
 * driver's status is passed on; else it is kept here, and a reset is RESET_DEVICE, or stopping each queue.
 *
 * With REPLY_ACK each message is acknowledged, so an error names the message that it belongs to. Without it, one
 * GET_FEATURES at the end (they are answered in order) shows that the back-end is still there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "port/vhost_user/front_internal.h"

static int get_features(void *bus, uint64_t *offered)
{
	struct vhf *f = bus;
	int rc = vhf_ask_u64(f, VHU_GET_FEATURES, &f->offered);

	*offered = f->offered & ~VHU_F_PROTOCOL;
	return rc;
}

static int accept_features(void *bus, uint64_t features)
{
	struct vhf *f = bus;
	int rc;

	f->features = features | (f->offered & VHU_F_PROTOCOL);
	rc = vhf_send_u64(f, VHU_SET_FEATURES, f->features);
	return (rc == VIO_OK) ? vhf_show(f) : rc;
}

static int get_status(void *bus, uint8_t *s)
{
	struct vhf *f = bus;
	uint64_t v = f->status;
	int rc = f->failed ? VIO_E_IO : VIO_OK;

	if ((f->proto & VHU_P_STATUS) != 0) {
		rc = vhf_ask_u64(f, VHU_GET_STATUS, &v);
		if ((rc == VIO_OK) && (v > UINT8_MAX)) {
			rc = vhf_fail(f, "the back-end says that the status is 0x%llx",
				      (unsigned long long)v);
		}
	}
	*s = (uint8_t)v;
	return rc;
}

static int send_ring(struct vhf *f, uint32_t request, uint16_t vq, uint32_t num)
{
	struct vhu_wire_ring r = { .index = vq, .num = num };
	struct vhf_out o = { .request = request, .body = &r, .len = sizeof(r) };

	return vhf_send(f, &o);
}

static int enable_rings(struct vhf *f)
{
	static const uint64_t one = 1;
	uint64_t again;
	int rc = VIO_OK;

	for (uint16_t i = 0; (i < VHF_VQS) && (rc == VIO_OK); i++) {
		if (!f->ring[i].set || f->ring[i].live) {
			continue;
		}
		f->ring[i].live = true;
		if ((f->features & VHU_F_PROTOCOL) != 0) {
			rc = send_ring(f, VHU_SET_VRING_ENABLE, i, 1);
		}
		if (write(f->ring[i].kick, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
			rc = vhf_fail(f, "kicking queue %u: %s", i, strerror(errno));
		}
	}
	if ((rc == VIO_OK) && ((f->proto & VHU_P_REPLY_ACK) == 0)) {
		rc = vhf_ask_u64(f, VHU_GET_FEATURES, &again);
	}
	return rc;
}

static int reset(struct vhf *f)
{
	bool told = (f->proto & (VHU_P_STATUS | VHU_P_RESET_DEVICE)) != 0;
	struct vhf_out o = { .request = VHU_RESET_DEVICE };
	int rc = VIO_OK;

	if ((f->proto & VHU_P_STATUS) != 0) {
		rc = vhf_send_u64(f, VHU_SET_STATUS, 0);
	} else if (told && (f->status != 0)) {
		rc = vhf_send(f, &o);
	}
	for (uint16_t i = 0; (i < VHF_VQS) && (rc == VIO_OK); i++) {
		if (f->ring[i].live && !told) {
			rc = vhf_stop(f, i, NULL);
		}
		f->ring[i].live = false;
	}
	return rc;
}

static int set_status(void *bus, uint8_t s)
{
	struct vhf *f = bus;
	bool starts = ((s & VIO_S_DRIVER_OK) != 0u) && ((f->status & VIO_S_DRIVER_OK) == 0u);
	int rc = f->failed ? VIO_E_IO : VIO_OK;

	if (s == 0u) {
		rc = reset(f);
	} else if (((f->proto & VHU_P_STATUS) != 0) && (rc == VIO_OK)) {
		rc = vhf_send_u64(f, VHU_SET_STATUS, s);
	} else {
		/* kept here */
	}
	if ((rc == VIO_OK) && starts) {
		rc = enable_rings(f);
	}
	if (rc == VIO_OK) {
		f->status = s;
	}
	return rc;
}

static int config_range(uint32_t off, uint32_t len)
{
	return ((off > VHU_CONFIG_MAX) || (len > (VHU_CONFIG_MAX - off))) ? VIO_E_ARG : VIO_OK;
}

static int config_read(void *bus, uint32_t off, void *dst, uint32_t len)
{
	struct vhf *f = bus;
	struct vhu_wire_config c = { .off = off, .len = len }, reply;
	struct vhf_out o = { .request = VHU_GET_CONFIG,
			     .body = &c,
			     .len = VHU_CONFIG_HEADER + len };
	int rc = config_range(off, len);

	if (rc != VIO_OK) {
		return rc;
	}
	if ((f->proto & VHU_P_CONFIG) == 0) {
		return VIO_E_NOTSUP;
	}
	rc = vhf_ask(f, &o, &reply, o.len);
	if ((rc == VIO_OK) && ((reply.off != off) || (reply.len != len))) {
		rc = vhf_fail(f,
			      "asked for %u bytes of configuration at %u, the back-end answers "
			      "%u at %u",
			      len, off, reply.len, reply.off);
	}
	if (rc == VIO_OK) {
		(void)memcpy(dst, reply.byte, len);
	}
	return rc;
}

static int config_write(void *bus, uint32_t off, const void *src, uint32_t len)
{
	struct vhf *f = bus;
	struct vhu_wire_config c = { .off = off, .len = len };
	struct vhf_out o = { .request = VHU_SET_CONFIG,
			     .body = &c,
			     .len = VHU_CONFIG_HEADER + len };
	int rc = config_range(off, len);

	if (rc != VIO_OK) {
		return rc;
	}
	if ((f->proto & VHU_P_CONFIG) == 0) {
		return VIO_E_NOTSUP;
	}
	(void)memcpy(c.byte, src, len);
	return vhf_send(f, &o);
}

static int send_event(struct vhf *f, uint32_t request, uint16_t vq, int *fd)
{
	uint64_t index = vq;
	struct vhf_out o = {
		.request = request, .body = &index, .len = sizeof(index), .fd = fd, .nfd = 1
	};

	if (*fd < 0) {
		*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	if (*fd < 0) {
		return vhf_fail(f, "an event descriptor for queue %u: %s", vq, strerror(errno));
	}
	return vhf_send(f, &o);
}

/* What the protocol wants for a ring: addresses of this process. returns: 0 none of our regions holds it */
static uint64_t to_uva(const struct vhf *f, uint64_t addr)
{
	for (uint32_t i = 0; i < f->nregion; i++) {
		const struct vhf_region *r = &f->region[i];

		if ((addr >= r->gpa) && ((addr - r->gpa) < r->len)) {
			return (uint64_t)(uintptr_t)r->p + (addr - r->gpa);
		}
	}
	return 0;
}

static int setup(void *bus, uint16_t vq, uint16_t size, uint64_t desc, uint64_t driver,
		 uint64_t device)
{
	struct vhf *f = bus;
	bool packed = (f->features & VIO_F_RING_PACKED) != 0u;
	struct vhu_wire_addr a = { .index = vq,
				   .desc = to_uva(f, desc),
				   .avail = to_uva(f, driver),
				   .used = to_uva(f, device) };
	struct vhf_out o = { .request = VHU_SET_VRING_ADDR, .body = &a, .len = sizeof(a) };
	struct vhf_ring *r;
	int rc;

	if ((vq >= VHF_VQS) || (a.desc == 0) || (a.avail == 0) || (a.used == 0) || !f->shown) {
		return VIO_E_ARG;
	}
	r = &f->ring[vq];
	rc = send_ring(f, VHU_SET_VRING_NUM, vq, size);
	if (rc == VIO_OK) { /* packed: both positions at 0, both wrap counters 1 */
		rc = send_ring(f, VHU_SET_VRING_BASE, vq, packed ? 0x80008000u : 0u);
	}
	if (rc == VIO_OK) {
		rc = vhf_send(f, &o);
	}
	if (rc == VIO_OK) {
		rc = send_event(f, VHU_SET_VRING_CALL, vq, &r->call);
	}
	if (rc == VIO_OK) {
		rc = send_event(f, VHU_SET_VRING_KICK, vq, &r->kick);
	}
	r->set = rc == VIO_OK;
	return rc;
}

static int reset_vq(void *bus, uint16_t vq)
{
	(void)bus;
	(void)vq;
	return VIO_E_NOTSUP;
}

static int kick(void *bus, uint16_t vq)
{
	static const uint64_t one = 1;
	struct vhf *f = bus;

	if ((vq >= VHF_VQS) || !f->ring[vq].set) {
		return VIO_E_ARG;
	}
	f->kicks++;
	if ((write(f->ring[vq].kick, &one, sizeof(one)) < 0) && (errno != EAGAIN)) {
		return vhf_fail(f, "kicking queue %u: %s", vq, strerror(errno));
	}
	return VIO_OK;
}

const struct vio_bus_ops vhf_bus = { .features = get_features,
				     .accept = accept_features,
				     .status = get_status,
				     .set_status = set_status,
				     .config_read = config_read,
				     .config_write = config_write,
				     .setup = setup,
				     .reset_vq = reset_vq,
				     .kick = kick };

int vhf_stop(struct vhf *f, uint16_t vq, uint32_t *base)
{
	struct vhu_wire_ring r = { .index = vq }, reply;
	struct vhf_out o = { .request = VHU_GET_VRING_BASE, .body = &r, .len = sizeof(r) };
	int rc;

	if ((vq >= VHF_VQS) || !f->ring[vq].set) {
		return VIO_E_ARG;
	}
	rc = vhf_ask(f, &o, &reply, sizeof(reply));
	if ((rc == VIO_OK) && (reply.index != vq)) {
		rc = vhf_fail(f, "asked for the position of queue %u, the back-end answers for %u",
			      vq, reply.index);
	}
	f->ring[vq].live = false;
	if ((rc == VIO_OK) && (base != NULL)) {
		*base = reply.num;
	}
	return rc;
}

int vhf_kick_fd(const struct vhf *f, uint16_t vq)
{
	return f->ring[vq].kick;
}

int vhf_call_fd(const struct vhf *f, uint16_t vq)
{
	return f->ring[vq].call;
}

int vhf_socket(const struct vhf *f)
{
	return f->fd;
}

bool vhf_gone(struct vhf *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	uint8_t b;

	if (!f->failed && (poll(&p, 1, 0) > 0)) {
		ssize_t n = recv(f->fd, &b, 1, MSG_PEEK | MSG_DONTWAIT);

		if ((n == 0) || ((n < 0) && (errno != EAGAIN) && (errno != EINTR))) {
			(void)vhf_fail(f, "the back-end closed the connection");
		} else if (n > 0) {
			(void)vhf_fail(f, "the back-end sent something that nobody asked for");
		} else {
			/* not for us */
		}
	}
	return f->failed;
}

const char *vhf_error(const struct vhf *f)
{
	return f->error;
}

uint64_t vhf_protocol(const struct vhf *f)
{
	return f->proto;
}

uint32_t vhf_queues(const struct vhf *f)
{
	return f->queues;
}

pid_t vhf_pid(const struct vhf *f)
{
	return f->pid;
}

uint64_t vhf_kicks(const struct vhf *f)
{
	return f->kicks;
}
