/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon.c - serve devices: open all, confine, run, close all
 *
 * Theory of operation. Everything that can fail by a user's mistake happens before the sandbox: hosts, sockets,
 * threads. A signal closes every port; each port drains its device and reports, the last one stops the loop.
 */
#include "app/daemon.h"
#include "app/activation.h"
#include "app/bus.h"
#include "app/instance.h"
#include "app/sandbox.h"
#include "app/trim.h"
#include "hosted/log.h"
#include "port/window/window.h"
#include "port/xen/xen.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct daemon {
	struct loop *loop;
	struct instance **in;
	unsigned n, live;
	struct xen *xen; /* opened for the first device that wants it */
	struct buses bus;
	const struct daemon_options *o;
	struct loop_fd sig;
	int code; /* EXIT_... */
};

int daemon_option(struct daemon_options *o, const char *name, const char *value,
		  struct spec_error *e)
{
	if (strcmp(name, "sandbox") == 0) {
		if (!spec_bool(value ? value : "", &o->sandbox)) {
			spec_fail(e, "sandbox", "option 'sandbox' is 'on' or 'off', not '%s'",
				  value);
			return -1;
		}
		return 1;
	}
	if (strcmp(name, "xen-cache") == 0) {
		uint64_t mib;

		if (!value || !host_size(value, &mib) || mib > 65536) {
			spec_fail(e, "xen-cache", "option 'xen-cache' is a number of MiB, not '%s'",
				  value ? value : "");
			return -1;
		}
		o->xen_cache = (uint32_t)mib;
		return 1;
	}
	if (strcmp(name, "bus-draft") == 0 && value) {
		o->bus_rfc = strcmp(value, "rfc3") == 0;
		if (!o->bus_rfc && strcmp(value, "v2") != 0) {
			spec_fail(e, "bus-draft", "option 'bus-draft' is v2 or rfc3, not '%s'",
				  value);
			return -1;
		}
		return 1;
	}
	if (strcmp(name, "xen-ioeventfd") == 0 && !value) {
		o->xen_ioeventfd = true;
		return 1;
	}
	if (strcmp(name, "user") == 0) {
		if (!value || !user_find(value, &o->user)) {
			spec_fail(e, "user", "option 'user' is a user's name or UID:GID, not '%s'",
				  value ? value : "");
			return -1;
		}
		o->drop = true;
		return 1;
	}
	if (strcmp(name, "state-dir") == 0 && value) {
		o->state_dir = *value ? value : NULL;
		return 1;
	}
	if (strcmp(name, "verbose") == 0 && !value) {
		log_init(LOG_DEBUG);
		return 1;
	}
	if (strcmp(name, "quiet") == 0 && !value) {
		log_init(LOG_WARN);
		return 1;
	}
	return 0;
}

void daemon_help(FILE *out)
{
	fprintf(out,
		"\nOptions of the process:\n"
		"  --sandbox=on|off               confine system calls once all is set up; "
		"default: on\n"
		"  --user=NAME|UID[:GID]          become this user once all is set up; a Xen "
		"guest's "
		"devices\n"
		"                                 then end with it; default: stay who started it\n"
		"  --bus-draft=v2|rfc3            which draft of virtio-msg a bus speaks; "
		"default: v2\n"
		"  --xen-cache=MIB                most of a Xen guest's memory that stays "
		"mapped; default: 32\n"
		"  --xen-ioeventfd                let the kernel answer a Xen guest's "
		"notifications; "
		"read\n"
		"                                 stratos(1) first\n"
		"  --state-dir=PATH               what outlives a restart while a Xen guest "
		"runs; default:\n"
		"                                 /run/stratos, empty: nothing does\n"
		"  --verbose                      more messages\n"
		"  --quiet                        warnings and errors only\n");
}

static void ended(void *arg)
{
	struct daemon *d = arg;

	if (--d->live == 0) {
		loop_stop(d->loop);
	}
}

static void stop(struct daemon *d, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		instance_stop(d->in[i]);
	}
}

static void on_signal(struct loop_fd *f, uint32_t events)
{
	struct daemon *d = VIO_CONTAINER(f, struct daemon, sig);
	struct signalfd_siginfo s;

	(void)events;
	if (read(f->fd, &s, sizeof(s)) != (ssize_t)sizeof(s)) {
		return;
	}
	if (s.ssi_signo == SIGUSR1) {
		if (d->xen) {
			xen_report(d->xen);
		}
		bus_report(&d->bus);
		return;
	}
	log_info(NULL, "%s, closing", s.ssi_signo == SIGINT ? "interrupted" : "terminated");
	stop(d, d->n);
}

static int watch_signals(struct daemon *d)
{
	sigset_t set;
	int fd, r;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL); /* threads inherit it */
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = fd < 0 ? errno : loop_add(d->loop, &d->sig, fd, EPOLLIN, on_signal);
	if (r) {
		log_error(NULL, "no signal descriptor: %s", strerror(r));
	}
	return r;
}

/* Guests with many memory regions and queues need many descriptors; the soft limit is for select(). */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* The protocol of sd_notify(3): one datagram. */
static void tell_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len == 0 || len >= sizeof(a.sun_path)) {
		return;
	}
	memcpy(a.sun_path, path, len);
	if (*path == '@') {
		a.sun_path[0] = '\0';
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&a,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
		close(fd);
	}
}

/* What cannot be undone, when nothing has to be opened any more */
static int confine(struct daemon *d)
{
	const struct daemon_options *o = d->o;

	if (o->drop && user_become(&o->user, d->xen ? o->state_dir : NULL) < 0) {
		return -1;
	}
	return o->sandbox && sandbox_enter() < 0 ? -1 : 0;
}

/* All guests of Xen are there */
static void settled(void *arg)
{
	struct daemon *d = arg;

	if (confine(d)) {
		d->code = EXIT_RUN;
		stop(d, d->n);
	}
}

static int serve_xen(struct daemon *d, const struct spec *s, struct instance *in,
		     struct spec_error *e)
{
	struct xen_config cfg = { .loop = d->loop,
				  .cache_mib = d->o->xen_cache,
				  .ioeventfd = d->o->xen_ioeventfd,
				  .settled = d->o->drop ? settled : NULL,
				  .arg = d,
				  .state_dir = d->o->state_dir };
	char err[256] = "";

	if (!d->xen) {
		d->xen = xen_open(&cfg, err);
	}
	if (!d->xen) {
		spec_fail(e, "xen", "%s: %s", s->name, err);
		return -1;
	}
	return instance_serve_xen(in, d->xen, ended, d, e);
}

static void say_serving(const struct spec *s, int fd)
{
	char where[80];

	if (s->bus) {
		snprintf(where, sizeof(where), "%s", s->bus);
	} else if (s->xen) {
		snprintf(where, sizeof(where), "Xen, domain %s", s->xen);
	} else {
		snprintf(where, sizeof(where), "descriptor %d", fd);
	}
	log_info(s->name, "%s%s%s on %s", s->cls->name, s->kind ? ", host " : "",
		 s->kind ? s->kind->name : "", s->socket ? s->socket : where);
}

/* returns: the descriptor to serve on, -1: a path | -2 there is none */
static int descriptor(const struct spec *s)
{
	bool other = s->socket || s->xen || s->bus;
	int fd = other ? -1 : s->fd;

	if (other || fd >= 0) {
		return fd;
	}
	fd = activation_fd(s->name);
	if (fd < 0) {
		log_error(s->name, "no socket: give socket-path=PATH or fd=N%s",
			  activation_count() ? ", systemd passed too few" : "");
		return -2;
	}
	return fd;
}

/* What the device's memory will allow, and then the device on its port; fd: as descriptor() */
static int open_one(struct daemon *d, unsigned i, const struct spec *s, int fd,
		    struct spec_error *e)
{
	struct window *w = s->bus ? bus_of(&d->bus, s, e) : NULL;

	if (s->bus && !w) {
		return -1;
	}
	d->in[i] = instance_open(s, d->loop, w ? window_limits(w, s->bus_request) : NULL, e);
	if (!d->in[i]) {
		return -1;
	}
	d->n = i + 1;
	if (w) {
		return instance_serve_bus(d->in[i], w, ended, d, e);
	}
	return s->xen ? serve_xen(d, s, d->in[i], e) : instance_serve(d->in[i], fd, ended, d, e);
}

static int open_all(struct daemon *d, const struct spec *spec, unsigned n)
{
	struct spec_error e = { .text = "" };

	for (unsigned i = 0; i < n; i++) {
		int fd = descriptor(&spec[i]);

		if (fd == -2) {
			return EXIT_USAGE;
		}
		if (open_one(d, i, &spec[i], fd, &e)) {
			log_error(NULL, "%s", e.text);
			return EXIT_RUN;
		}
		d->live++;
		say_serving(&spec[i], fd);
	}
	if (bus_added(&d->bus, &e)) {
		log_error(NULL, "%s", e.text);
		return EXIT_RUN;
	}
	return EXIT_OK;
}

int daemon_run(const struct spec *spec, unsigned n, const struct daemon_options *o)
{
	struct daemon d = { .in = calloc(n, sizeof(struct instance *)),
			    .loop = loop_new("control"),
			    .bus = { .spec = spec, .n = n, .rfc = o->bus_rfc },
			    .o = o,
			    .code = EXIT_RUN };

	d.bus.loop = d.loop;
	raise_limits();
	if (!d.in || !d.loop) {
		log_error(NULL, "out of memory or descriptors");
	} else if (watch_signals(&d) == 0) {
		d.code = open_all(&d, spec, n);
		if (d.code == EXIT_OK && !(o->drop && d.xen) && confine(&d)) {
			d.code = EXIT_RUN;
		}
		if (d.code == EXIT_OK) {
			tell_ready();
			if (d.xen) {
				xen_added(d.xen);
			}
			trim();
		} else {
			stop(&d, d.live);
		}
		if (d.live) {
			loop_run(d.loop);
		}
		for (unsigned i = 0; i < d.n; i++) {
			instance_free(d.in[i]);
		}
		bus_close(&d.bus);
		if (d.xen) {
			xen_close(d.xen);
		}
		loop_del(&d.sig);
		close(d.sig.fd);
	}
	if (d.loop) {
		loop_free(d.loop);
	}
	free(d.in);
	return d.code;
}
