/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpmb_mmc.c - the RPMB partition of an eMMC, by /dev/mmcblkNrpmb
 *
 * Theory of operation. The eMMC has key, counter and data, and judges: frames go to it as the guest signed them, and its
 * frames are the answers. Each question is one ioctl, which the kernel lets nobody interrupt, so other users of the
 * partition see whole questions:
 *
 *	key, write	CMD25 the frames, reliable; CMD25 RESULT_READ; CMD18 one frame
 *	counter, read	CMD25 the frame; CMD18 the answer, as many frames as blocks
 *
 * The kernel sends the CMD23 before each of them. Questions have a block count here and 0 on the card, where CMD23 says
 * it; it is not signed. A worker makes the ioctls, as a card may take long; it has the frames from relay until done.
 *
 * A key is programmed once in the life of a card, so only where --program-key=on allows it.
 *
 * Nothing is retried: a write whose ioctl failed may have been done, and the guest finds out by the counter.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mmc/ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "host/linux/rpmb.h"
#include "hosted/log.h"
#include "hosted/mac.h"
#include "hosted/offload.h"
#include "vio/rpmb.h"

#define CMDS 3u

/* linux/mmc/core.h, which is the kernel's own */
#define READ_MULTIPLE  18u
#define WRITE_MULTIPLE 25u
#define WITH_DATA_R1   0xb5u /* a transfer of data, and a response R1, on either kind of bus */
#define WRITES	       1
#define RELIABLE       (1u << 31)

struct mmc_rpmb {
	const char *name;
	int fd;
	bool may_program;
	bool gone; /* and that was said */
	struct vio_rpmb_store store;
	struct offload *worker;
	struct offload_job job;
	struct vio_rpmb_relay *r; /* under way */
	int error;		  /* errno of it, or 0 */
	struct vio_rpmb_frame result_read;
	struct vio_rpmb_frame frames[VIO_RPMB_FRAMES];
	struct mmc_ioc_multi_cmd *ioc; /* room for CMDS */
};

static void put16(uint8_t p[2], uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t p[2])
{
	return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

/* ---- the card ---- */

static void add(struct mmc_rpmb *m, uint32_t opcode, uint32_t write, struct vio_rpmb_frame *f,
		uint16_t n)
{
	struct mmc_ioc_cmd *c = &m->ioc->cmds[m->ioc->num_of_cmds++];

	memset(c, 0, sizeof(*c));
	c->opcode = opcode;
	c->write_flag = (int)write;
	c->flags = WITH_DATA_R1;
	c->blksz = VIO_RPMB_FRAME;
	c->blocks = n;
	mmc_ioc_cmd_set_data((*c), f);
}

/* returns: 0 the answer is in m->frames | errno */
static int ask(struct mmc_rpmb *m, uint16_t type, uint16_t n, uint16_t want)
{
	bool changes = type == VIO_RPMB_REQ_PROGRAM_KEY || type == VIO_RPMB_REQ_DATA_WRITE;

	m->ioc->num_of_cmds = 0;
	if (changes) {
		add(m, WRITE_MULTIPLE, WRITES | RELIABLE, m->frames, n);
		add(m, WRITE_MULTIPLE, WRITES, &m->result_read, 1);
	} else {
		put16(m->frames[0].block_count, 0);
		add(m, WRITE_MULTIPLE, WRITES, m->frames, n);
	}
	add(m, READ_MULTIPLE, 0, m->frames, want);
	return ioctl(m->fd, MMC_IOC_MULTI_CMD, m->ioc) < 0 ? errno : 0;
}

static void relay_run(struct offload_job *j)
{
	struct mmc_rpmb *m = VIO_CONTAINER(j, struct mmc_rpmb, job);

	m->error = ask(m, m->r->type, m->r->ask, m->r->want);
}

/* ---- on the loop ---- */

static void relay_done(struct offload_job *j)
{
	struct mmc_rpmb *m = VIO_CONTAINER(j, struct mmc_rpmb, job);
	struct vio_rpmb_relay *r = m->r;

	m->r = NULL;
	if (m->error && !m->gone) {
		log_error(m->name, "the eMMC does not answer: %s%s", strerror(m->error),
			  m->error == ENODEV || m->error == ENOMEDIUM
				  ? "; it is gone, so start the program anew when it is back"
				  : "");
	} else if (!m->error && m->gone) {
		log_info(m->name, "the eMMC answers again");
	}
	if (!m->error && r->type == VIO_RPMB_REQ_PROGRAM_KEY &&
	    get16(m->frames[0].result) == VIO_RPMB_RES_OK) {
		log_info(m->name, "key programmed");
	}
	m->gone = m->error != 0;
	vio_job_complete(&r->job, m->error ? VIO_E_IO : VIO_OK);
}

static const struct vio_rpmb_store *mmc_store(void *host)
{
	return &((struct mmc_rpmb *)host)->store;
}

static int mmc_relay(void *host, struct vio_rpmb_relay *r)
{
	struct mmc_rpmb *m = host;

	if (r->type == VIO_RPMB_REQ_PROGRAM_KEY && !m->may_program) {
		log_warn(m->name, "the guest wants to program a key, which is for ever: refused; "
				  "--program-key=on allows it");
		return VIO_E_NOTSUP;
	}
	m->r = r;
	return offload_submit(m->worker, &m->job) ? VIO_E_IO : VIO_PENDING;
}

static const struct vio_rpmb_host_ops mmc_ops = {
	.open = mmc_store,
	.relay = mmc_relay,
};

/* ---- kind ---- */

static void mmc_close(struct host *out)
{
	struct mmc_rpmb *m = out->host;

	offload_free(m->worker);
	if (m->fd >= 0) {
		close(m->fd);
	}
	mac_wipe(m->frames, sizeof(m->frames));
	free(m->ioc);
	free(m);
}

/* A number of the card's, which the kernel shows beside the partition; returns: -1 there is none */
static long card(dev_t which, const char *name)
{
	char path[128], text[32];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/../%s", major(which), minor(which),
		       name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -1;
	}
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0) {
		return -1;
	}
	text[n] = 0;
	return strtol(text, NULL, 0);
}

/* What the card can; returns: NULL | what is wrong */
static const char *look(struct mmc_rpmb *m, const char *path)
{
	const uint32_t unit = VIO_RPMB_UNIT / VIO_RPMB_BLOCK;
	struct stat st;
	long units, sectors;

	m->fd = open(path, O_RDWR | O_CLOEXEC);
	if (m->fd < 0 || fstat(m->fd, &st)) {
		return strerror(errno);
	}
	units = S_ISCHR(st.st_mode) ? card(st.st_rdev, "raw_rpmb_size_mult") : -1;
	if (units <= 0 || units > (long)VIO_RPMB_UNITS) {
		return "is no RPMB partition; as in --host=mmc:/dev/mmcblk0rpmb";
	}
	m->store.blocks = (uint32_t)units * unit;
	sectors = card(st.st_rdev, "rel_sectors");
	m->store.max_wr = sectors < 1 ? 1 : sectors > 32 ? 32 : (uint8_t)sectors;
	if (card(st.st_rdev, "enhanced_rpmb_supported") > 0) {
		m->store.max_wr = 32;
	}
	return NULL;
}

/* Does the card answer? returns: NULL | what is wrong */
static const char *greet(struct mmc_rpmb *m)
{
	uint16_t result;
	int rc;

	put16(m->frames[0].req_resp, VIO_RPMB_REQ_GET_WRITE_COUNTER);
	rc = ask(m, VIO_RPMB_REQ_GET_WRITE_COUNTER, 1, 1);
	if (rc) {
		return strerror(rc);
	}
	result = get16(m->frames[0].result);
	if (get16(m->frames[0].req_resp) != VIO_RPMB_RESP_GET_COUNTER) {
		return "answers something else than it was asked";
	}
	log_info(m->name, "eMMC: %u KiB, %u blocks a write%s", m->store.blocks / 4u,
		 (unsigned)m->store.max_wr,
		 result == VIO_RPMB_RES_NO_AUTH_KEY ? ", without a key" : "");
	return NULL;
}

int rpmb_mmc_open(struct host_ctx *ctx, struct host *out)
{
	struct mmc_rpmb *m = calloc(1, sizeof(*m));
	const char *wrong = NULL, *key = ctx->option(ctx, "program-key");

	if (m) {
		m->ioc = calloc(1, sizeof(*m->ioc) + CMDS * sizeof(m->ioc->cmds[0]));
	}
	if (!m || !m->ioc) {
		free(m);
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	out->ops = &mmc_ops;
	out->host = m;
	out->close = mmc_close;
	m->name = ctx->name;
	m->fd = -1;
	m->job.run = relay_run;
	m->job.done = relay_done;
	m->store.frames = m->frames;
	put16(m->result_read.req_resp, VIO_RPMB_REQ_RESULT_READ);
	if (!ctx->arg || !*ctx->arg) {
		wrong = "which partition? As in --host=mmc:/dev/mmcblk0rpmb";
	} else if (key && strcmp(key, "on") && strcmp(key, "off")) {
		ctx->arg = NULL;
		wrong = "program-key is on or off";
	}
	m->may_program = key && !strcmp(key, "on");
	wrong = wrong ? wrong : look(m, ctx->arg);
	wrong = wrong ? wrong : greet(m);
	if (!wrong) {
		m->worker = offload_new(ctx->loop, "rpmb");
		wrong = m->worker ? NULL : strerror(errno);
	}
	if (wrong) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s%s%s", ctx->arg ? ctx->arg : "",
			       ctx->arg && *ctx->arg ? ": " : "", wrong);
		mmc_close(out);
		memset(out, 0, sizeof(*out));
		return -1;
	}
	return 0;
}
