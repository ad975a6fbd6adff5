/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * can_slcan.c - a node of a simulated CAN bus for tools of this host: a terminal that speaks SLCAN
 *
 * Theory of operation. SLCAN is what serial CAN adapters speak (Lawicel's ASCII protocol): a line of text, closed by CR, is
 * a command or a frame, and is answered by CR, or by BEL if it is wrong. Linux's slcan, python-can and others know it.
 *
 *	O, L, C			open, open to listen only, close
 *	tIIILDD.. TIIIIIIIILDD..	a frame, standard and extended; rIIIL RIIIIIIIIL remote ones
 *	dIIILDD.. DIIIIIIIILDD..	FD, as some adapters have it; b, B are taken for them: there is one bit rate here
 *	Sn, sXX..		a bit rate, which the bus has already: accepted; V, N, F say something
 *
 * We hold the terminal end open ourselves, so tools may come and go. What they write is theirs: a line that is wrong or too
 * long is answered by BEL and changes nothing. What they do not read is lost once the terminal is full, frame by frame;
 * a frame that was written in part is completed first. O throws away what an earlier tool left unread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>
#include "host/sim/can_slcan.h"
#include "hosted/log.h"

#define LINE 160u /* characters of an extended FD frame: 1 + 8 + 1 + 128 */
#define WAYS 16u  /* frames under way */
#define CR   '\r'

struct way {
	struct vio_can_tx tx;
	bool busy;
};

struct sim_slcan {
	struct sim_node node;
	struct vio_can_sink sink;
	struct way way[WAYS];
	bool mute; /* listen only */
	struct loop_fd in;
	int fd, hold; /* ours, and the terminal end */
	char line[LINE];
	unsigned n;
	bool too_long;
	char out[LINE];
	unsigned nout, at;
	char path[108];
};

static const uint8_t lengths[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64 };

/* ---- to the tool ---- */

static bool flush(struct sim_slcan *s)
{
	while (s->at < s->nout) {
		ssize_t n = write(s->fd, s->out + s->at, s->nout - s->at);

		if (n <= 0) {
			return false;
		}
		s->at += (unsigned)n;
	}
	return true;
}

static void say(struct sim_slcan *s, const char *text)
{
	if (flush(s)) {
		s->nout = (unsigned)snprintf(s->out, sizeof(s->out), "%s", text);
		s->at = 0;
		(void)flush(s);
	}
}

static void slcan_hears(struct vio_can_sink *sink, const struct vio_can_frame *f)
{
	struct sim_slcan *s = VIO_CONTAINER(sink, struct sim_slcan, sink);
	bool extended = (f->flags & VIO_CAN_FLAGS_EXTENDED) != 0, rtr;
	char text[LINE], type;
	unsigned dlc = 0, n;

	rtr = (f->flags & VIO_CAN_FLAGS_RTR) != 0;
	while (dlc < 15 && lengths[dlc] < f->len) {
		dlc++;
	}
	type = f->flags & VIO_CAN_FLAGS_FD ? 'd' : rtr ? 'r' : 't';
	n = (unsigned)snprintf(text, sizeof(text), "%c%0*X%X", extended ? type - 32 : type,
			       extended ? 8 : 3, (unsigned)f->id, dlc);
	for (unsigned i = 0; i < f->len && !rtr; i++) {
		n += (unsigned)snprintf(text + n, sizeof(text) - n, "%02X", f->data[i]);
	}
	(void)snprintf(text + n, sizeof(text) - n, "\r");
	say(s, text);
}

static void slcan_busoff(struct vio_can_sink *sink)
{
	(void)sink; /* no identifier does that to this node */
}

/* ---- from the tool ---- */

/* n hexadecimal digits; returns: false they are not */
static bool hex(const char *p, unsigned n, uint32_t *v)
{
	*v = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned c = (unsigned char)p[i];
		unsigned d = c - '0' < 10u	    ? c - '0'
			     : (c | 32u) - 'a' < 6u ? (c | 32u) - 'a' + 10u
						    : 16u;

		if (d > 15u) {
			return false;
		}
		*v = *v << 4 | d;
	}
	return true;
}

static bool parse(const char *line, unsigned n, struct vio_can_frame *f)
{
	char type = (char)(line[0] | 32);
	bool extended = line[0] != type, fd = type == 'd' || type == 'b', rtr = type == 'r';
	unsigned head = extended ? 10 : 5;
	uint32_t dlc, byte;

	(void)memset(f, 0, sizeof(*f));
	if (n < head || !hex(line + 1, head - 2, &f->id) || !hex(line + head - 1, 1, &dlc) ||
	    f->id > (extended ? VIO_CAN_EXTENDED_MAX : VIO_CAN_STANDARD_MAX) || (!fd && dlc > 8)) {
		return false;
	}
	f->len = lengths[dlc];
	f->flags = (uint16_t)((extended ? VIO_CAN_FLAGS_EXTENDED : 0u) |
			      (fd ? VIO_CAN_FLAGS_FD : 0u) | (rtr ? VIO_CAN_FLAGS_RTR : 0u));
	if (n != head + (rtr ? 0u : 2u * f->len)) {
		return false;
	}
	for (unsigned i = 0; i < f->len && !rtr; i++) {
		if (!hex(line + head + 2u * i, 2, &byte)) {
			return false;
		}
		f->data[i] = (uint8_t)byte;
	}
	return true;
}

static void slcan_done(struct vio_job *j, int32_t result)
{
	(void)result;
	VIO_CONTAINER(j, struct way, tx.job)->busy = false;
}

static bool send(struct sim_slcan *s)
{
	struct way *w = s->way;

	while (w < s->way + WAYS && w->busy) {
		w++;
	}
	if (!s->node.started || s->mute || w == s->way + WAYS ||
	    !parse(s->line, s->n, &w->tx.frame)) {
		return false;
	}
	w->busy = true;
	w->tx.job.done = slcan_done;
	sim_bus_send(&s->node, &w->tx);
	return true;
}

static bool open_bus(struct sim_slcan *s, bool mute)
{
	char stale[256];

	while (read(s->hold, stale, sizeof(stale)) > 0) {
	}
	s->nout = s->at = 0;
	s->mute = mute;
	s->node.started = true;
	return true;
}

/* A whole line. returns: what is said, "\a": it is wrong */
static const char *command(struct sim_slcan *s)
{
	bool ok = false;

	switch (s->n > 0 ? s->line[0] : 0) {
	case 0: /* tools send some CR to begin with */
		ok = true;
		break;
	case 'O':
	case 'L':
		ok = s->n == 1 && open_bus(s, s->line[0] == 'L');
		break;
	case 'C':
		sim_bus_stop(&s->node);
		ok = s->n == 1;
		break;
	case 'S':
	case 's':
	case 'Y': /* FD's bit rate */
		ok = s->n > 1;
		break;
	case 'V':
		return "V1013\r";
	case 'N':
		return "N0001\r";
	case 'F':
		return "F00\r";
	case 't':
	case 'r':
	case 'd':
	case 'b':
		return send(s) ? "z\r" : "\a";
	case 'T':
	case 'R':
	case 'D':
	case 'B':
		return send(s) ? "Z\r" : "\a";
	default:
		break;
	}
	return ok ? "\r" : "\a";
}

static void take(struct sim_slcan *s, char c)
{
	if (c != CR) {
		s->too_long = s->too_long || s->n == LINE;
		if (!s->too_long) {
			s->line[s->n++] = c;
		}
		return;
	}
	say(s, s->too_long ? "\a" : command(s));
	s->n = 0;
	s->too_long = false;
}

static void readable(struct loop_fd *f, uint32_t events)
{
	struct sim_slcan *s = VIO_CONTAINER(f, struct sim_slcan, in);
	char buf[256];
	ssize_t n = read(f->fd, buf, sizeof(buf)); /* the rest the next time round */

	(void)events;
	(void)flush(s);
	for (ssize_t i = 0; i < n; i++) {
		take(s, buf[i]);
	}
}

/* ---- the terminal ---- */

/* returns: 0 | errno */
static int terminal(struct sim_slcan *s, struct loop *l, const char *path)
{
	struct termios t;
	char name[64];

	s->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0 || grantpt(s->fd) || unlockpt(s->fd) ||
	    ptsname_r(s->fd, name, sizeof(name))) {
		return errno;
	}
	s->hold = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->hold < 0 || tcgetattr(s->hold, &t)) {
		return errno;
	}
	cfmakeraw(&t);
	if (tcsetattr(s->hold, TCSANOW, &t)) {
		return errno;
	}
	if (strlen(path) >= sizeof(s->path)) {
		return ENAMETOOLONG;
	}
	if (*path && symlink(name, path)) {
		return errno;
	}
	(void)strcpy(s->path, path);
	log_info(s->node.name, "SLCAN on %s%s%s", name, *path ? ", linked from " : "", path);
	return loop_add(l, &s->in, s->fd, EPOLLIN, readable);
}

struct sim_slcan *sim_slcan_open(const char *name, const char *bus, struct loop *l,
				 const char *path)
{
	struct sim_slcan *s = calloc(1, sizeof(*s));
	int err;

	if (!s) {
		return NULL;
	}
	s->fd = s->hold = -1;
	s->sink = (struct vio_can_sink){ .frame = slcan_hears, .busoff = slcan_busoff };
	s->node = (struct sim_node){
		.name = name, .sink = &s->sink, .busoff = SIM_CAN_NO_ID, .noack = SIM_CAN_NO_ID
	};
	err = terminal(s, l, path);
	if (err == 0 && !sim_bus_join(&s->node, bus, l, NULL)) {
		err = ENOMEM;
	}
	if (err) {
		sim_slcan_close(s);
		errno = err;
		return NULL;
	}
	return s;
}

void sim_slcan_close(struct sim_slcan *s)
{
	if (!s) {
		return;
	}
	if (s->node.bus) {
		sim_bus_leave(&s->node);
	}
	loop_del(&s->in);
	if (s->hold >= 0) {
		(void)close(s->hold);
	}
	if (s->fd >= 0) {
		(void)close(s->fd);
	}
	if (s->path[0]) {
		(void)unlink(s->path);
	}
	free(s);
}
