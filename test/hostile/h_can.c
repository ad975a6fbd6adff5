/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * h_can.c - the CAN device under requests and frames that are random, or right but for a few bits
 *
 * usage: h_can [ROUNDS [SEED]]
 *
 * A round is a driver's life of some forty steps: frames, control messages, receive buffers, a controller that sends,
 * fails, is late, hears anything and goes off the bus. What must hold: a host gets only frames that a bus can carry and
 * only while it is started; every request but receive buffers is answered, with OK or NOT_OK; nothing is written behind
 * the reported length; what is received is a frame that the driver can know.
 */
#define PROGRAM "h_can"
#include "test/hostile/rounds.h"
#include "test/unit/can_bed.h"

#define STEPS 40u

static struct rig g;
static struct vio_can dev;
static struct vio_can_sink *ear;
static struct vio_can_tx *way[VIO_CAN_DEPTH];
static unsigned nway;
static bool on;
static uint64_t features;
static struct rig_req req[STEPS * 2];
static uint16_t queue_of[STEPS * 2];
static unsigned nreq;

/* Could it be on a bus, and does the driver know its kind? */
static void frame_holds(const struct vio_can_frame *f)
{
	assert_true(f->id <= (f->flags & EXT ? 0x1fffffffu : 0x7ffu));
	assert_true(f->len <= (f->flags & FDF ? 64u : 8u));
	assert_int_equal(f->flags & ~(EXT | FDF | RTRF), 0);
	assert_true(features & (f->flags & FDF ? FD : CLASSIC));
	assert_true(!(f->flags & RTRF) || ((features & RTR) && !(f->flags & FDF)));
}

static const struct vio_can_able *host_open(void *host, struct vio_can_sink *sink)
{
	static const struct vio_can_able all = { true, true, true, true };

	(void)host;
	ear = sink;
	return &all;
}

static int host_start(void *host)
{
	(void)host;
	assert_false(on);
	on = any(8) != 0;
	return on ? VIO_OK : VIO_E_IO;
}

static void host_end(unsigned n, int32_t result)
{
	struct vio_can_tx *t = way[n];

	way[n] = way[--nway];
	vio_job_complete(&t->job, result);
}

static void host_stop(void *host)
{
	(void)host;
	assert_true(on);
	on = false;
	while (nway) {
		host_end(any(nway), VIO_E_IO);
	}
}

static int host_send(void *host, struct vio_can_tx *t)
{
	(void)host;
	assert_true(on);
	frame_holds(&t->frame);
	if (any(3) == 0) {
		return any(2) ? VIO_OK : -(int)(1u + any(6));
	}
	assert_true(nway < VIO_CAN_DEPTH);
	way[nway++] = t;
	return VIO_PENDING;
}

static void host_cancel(void *host, struct vio_can_tx *t)
{
	unsigned n = 0;

	(void)host;
	while (way[n] != t) {
		assert_true(++n < nway);
	}
	host_end(n, VIO_E_IO);
}

static const struct vio_can_host_ops host_ops = {
	.open = host_open,
	.start = host_start,
	.stop = host_stop,
	.send = host_send,
	.cancel = host_cancel,
};

static void offer(uint16_t vq, const void *out, uint32_t out_len, uint32_t in_len)
{
	queue_of[nreq] = vq;
	rig_do(&g, vq, &req[nreq++], out, out_len, in_len);
}

static void any_frame(void)
{
	static const uint32_t ids[] = { 0, 0x7ff, 0x800, 0x1fffffff, 0x20000000, 0x80000000u };
	uint8_t out[16 + 96];
	uint32_t len = any(4) ? any(2) * 8u : any(70), flags = 0;

	flags |= any(2) ? FDF : 0;
	flags |= any(2) ? EXT : 0;
	flags |= any(4) ? 0 : RTRF;
	can_wire(out, VIO_CAN_TX, any(2) ? any(0x800) : ids[any(6)], flags, out, 0);
	vio_pack16(out + 2, (uint16_t)len);
	for (uint32_t n = 16; n < sizeof(out); n++) {
		out[n] = (uint8_t)any(256);
	}
	for (uint32_t n = any(4) ? 0 : 1 + any(3); n; n--) {
		out[any(16)] ^= (uint8_t)(1u << any(8));
	}
	offer(TX, out, any(8) ? 16u + len : 1u + any(sizeof(out)), any(16) ? 1u : 1u + any(9));
}

static void any_control(void)
{
	uint8_t out[4] = { (uint8_t)(any(8) ? 1u + any(2) : any(256)), (uint8_t)(any(16) ? 2 : 1) };

	offer(CTRL, out, any(16) ? 2u : 1u + any(4), 1u + any(2));
}

static void any_heard(void)
{
	struct vio_can_frame f;

	for (unsigned n = 0; n < sizeof(f.data); n++) {
		f.data[n] = (uint8_t)any(256);
	}
	f.id = any(4) ? any(0x800) : any(0);
	f.flags = (uint16_t)(any(4) ? (any(8) << 13) : any(0x10000));
	f.len = (uint8_t)(any(4) ? any(9) : any(256));
	ear->frame(ear, &f);
}

static void any_step(void)
{
	switch (any(8)) {
	case 0:
	case 1:
	case 2:
		any_frame();
		break;
	case 3:
		any_control();
		break;
	case 4:
		offer(RX, "", 0, any(4) ? 80u : 1u + any(90));
		break;
	case 5:
		any_heard();
		break;
	case 6:
		if (nway) {
			host_end(any(nway), any(2) ? VIO_OK : -(int)(1u + any(6)));
		}
		break;
	default:
		if (on && any(4) == 0) {
			host_stop(NULL);
			ear->busoff(ear);
			assert_int_equal(can_status(&g), VIO_CAN_S_CTRL_BUSOFF);
		}
		break;
	}
	rig_turn(&g);
}

static void answer_holds(const struct rig_req *r, uint16_t vq)
{
	struct vio_can_frame f = { 0 };

	assert_true(r->len <= r->in_len);
	for (uint32_t n = r->len; n < r->in_len; n++) {
		assert_int_equal(r->in[n], 0xee);
	}
	if (vq != RX) {
		assert_int_equal(r->len, 1);
		assert_true(r->in[0] <= NOT_OK);
	} else if (r->len) {
		assert_int_equal(vio_unpack16(r->in), VIO_CAN_RX);
		f.len = (uint8_t)vio_unpack16(r->in + 2);
		f.flags = (uint16_t)vio_unpack32(r->in + 8);
		f.id = vio_unpack32(r->in + 12);
		frame_holds(&f);
		assert_int_equal(r->len, 16u + f.len);
	}
}

static void one_round(void)
{
	static const uint64_t sets[] = {
		F_ALL, CLASSIC, FD, CLASSIC | FD, CLASSIC | RTR, FD | LATE
	};
	uint8_t start[2] = { 1, 2 };

	features = sets[any(6)];
	assert_int_equal(rig_drive(&g, features), VIO_OK);
	nreq = 0;
	offer(CTRL, start, 2, 1);
	for (unsigned n = 0; n < STEPS; n++) {
		any_step();
	}
	while (nway) {
		host_end(any(nway), VIO_OK);
		rig_turn(&g);
	}
	rig_turn(&g);
	for (unsigned n = 0; n < nreq; n++) {
		assert_true(req[n].back || queue_of[n] == RX);
		if (req[n].back) {
			answer_holds(&req[n], queue_of[n]);
		}
	}
	assert_int_equal(rig_status(&g) & VIO_S_NEEDS_RESET, 0);
	assert_int_equal(rig_reset(&g), VIO_OK);
	assert_false(on);
}

int main(int argc, char **argv)
{
	rounds_begin(argc, argv, 30000);
	assert_int_equal(vio_can_init(&dev, rig_mem(&g), &host_ops, NULL), VIO_OK);
	assert_int_equal(lb_init(&g.lb, &dev.dev, VIO_F_RINGS), VIO_OK);
	for (round_now = 0; round_now < rounds; round_now++) {
		rig_packed = round_now % 2;
		one_round();
	}
	rig_end(&g);
	return 0;
}
