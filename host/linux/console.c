/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * console.c - console hosts on Linux: kinds pty, stdio, unix, file
 *
 * Several ports: port 0 uses ARG as it is, port n uses ARG.n.
 *
 * pty    we hold the terminal end open ourselves: what the guest wrote before anybody looked is kept (about 4 KiB,
 *        then the guest waits), and a reader may come and go without an end of file. With no-client=drop inotify
 *        counts who else has it open; while nobody has, what the kernel does not keep is dropped.
 * stdio  descriptors are opened anew through /proc where that gives an independent file description, so that
 *        non-blocking mode does not leak into the shell that started us. A terminal is raw until the end; Ctrl-]
 *        ends the program.
 * unix   one client at a time; the next one waits in the backlog.
 * file   output is appended, there is no input.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "host/linux/console.h"
#include "hosted/log.h"

static int winch_fd = -1; /* written by the signal handler */

static void con_close(struct host *h)
{
	struct con *c = h->host;

	c->dev = NULL;
	loop_del(&c->winch);
	if (c->raw) {
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &c->saved);
		(void)signal(SIGWINCH, SIG_DFL);
	}
	if (c->winch.fd > 0) {
		(void)close(c->winch.fd);
		winch_fd = -1;
	}
	for (uint32_t i = 0; i < c->n; i++) {
		struct chan *ch = &c->chan[i];

		if (ch->opens.loop) {
			loop_del(&ch->opens);
			(void)close(ch->opens.fd);
		}
		loop_del(&ch->listen_fd);
		ch->listen_fd.fn = NULL;
		chan_close(ch);
		if (ch->listen >= 0) {
			(void)close(ch->listen);
		}
		if (ch->path[0]) {
			(void)unlink(ch->path);
		}
	}
	free(c->chan);
	free(c);
}

static void con_attach(struct host *h, struct vio_dev *d)
{
	struct con *c = h->host;

	c->dev = d;
}

static int fail(struct host_ctx *ctx, const char *what)
{
	(void)snprintf(ctx->err, sizeof(ctx->err), "%s: %s", what, strerror(errno));
	return -1;
}

/* Path of port i. returns: false and ctx->err: too long for the kind */
static bool chan_path(struct host_ctx *ctx, uint32_t i, char path[108])
{
	int n = i ? snprintf(path, 108, "%s.%u", ctx->arg, i) : snprintf(path, 108, "%s", ctx->arg);

	if (n < 108) {
		return true;
	}
	(void)snprintf(ctx->err, sizeof(ctx->err), "%.60s...: path is too long, 107 bytes at most",
		       ctx->arg);
	path[0] = 0;
	return false;
}

/* ---- pty ---- */

static void pty_opens(struct loop_fd *f, uint32_t events)
{
	struct chan *ch = VIO_CONTAINER(f, struct chan, opens);
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n;

	(void)events;
	while ((n = read(f->fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e =
				(const struct inotify_event *)(const void *)(buf + at);

			ch->readers += (e->mask & IN_OPEN) ? 1 : 0;
			ch->readers -= (e->mask & IN_CLOSE) ? 1 : 0;
			at += (ssize_t)sizeof(*e) + (ssize_t)e->len;
		}
	}
	ch->deaf = ch->readers <= 0;
	if (ch->deaf) {
		chan_wake(&ch->txq);
	}
}

/* Count who has the terminal end open, to know when output may be dropped. returns: 0 | errno */
static int pty_count(struct chan *ch, const char *name)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int err;

	if (fd < 0) {
		return errno;
	}
	err = inotify_add_watch(fd, name, IN_OPEN | IN_CLOSE) < 0 ? errno : 0;
	err = err ? err : loop_add(ch->con->loop, &ch->opens, fd, EPOLLIN, pty_opens);
	if (err) {
		(void)close(fd);
	}
	ch->deaf = !err;
	return err;
}

static int pty_open(struct host_ctx *ctx, struct chan *ch)
{
	struct termios t;
	char name[64];
	char link_name[108];
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if ((fd < 0) || grantpt(fd) || unlockpt(fd) || ptsname_r(fd, name, sizeof(name))) {
		int rc = fail(ctx, "pseudo terminal");

		if (fd >= 0) {
			(void)close(fd);
		}
		return rc;
	}
	chan_open(ch, fd, fd);
	ch->listen = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if ((ch->listen < 0) || tcgetattr(ch->listen, &t)) {
		return fail(ctx, name);
	}
	cfmakeraw(&t);
	(void)tcsetattr(ch->listen, TCSANOW, &t);
	if (ch->con->drop && ((errno = pty_count(ch, name)) != 0)) {
		return fail(ctx, name);
	}
	if (!ctx->arg) {
		log_info(ctx->name, "port %u is %s", ch->port, name);
		return 0;
	}
	if (!chan_path(ctx, ch->port, link_name)) {
		return -1;
	}
	if (symlink(name, link_name)) {
		return fail(ctx, link_name);
	}
	memcpy(ch->path, link_name, sizeof(ch->path));
	log_info(ctx->name, "port %u is %s, linked from %s", ch->port, name, link_name);
	return 0;
}

/* ---- stdio ---- */

static int again(int fd, int flags)
{
	char path[32];
	struct stat st;
	int copy = -1;

	if (!fstat(fd, &st) && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		copy = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	if (copy < 0) { /* a file needs its offset, a socket cannot be opened again */
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if ((copy >= 0) && !S_ISREG(st.st_mode)) {
			(void)fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK);
		}
	}
	return copy;
}

static void on_winch(int sig)
{
	int saved = errno;
	const uint64_t one = 1;

	(void)sig;
	if (write(winch_fd, &one, sizeof(one)) < 0) {
		errno = saved; /* full: a notice is pending already */
	}
	errno = saved;
}

static void stdio_size(struct con *c)
{
	struct winsize w;

	if (!ioctl(STDIN_FILENO, TIOCGWINSZ, &w)) {
		c->cols = w.ws_col;
		c->rows = w.ws_row;
	}
}

static void winch_event(struct loop_fd *f, uint32_t events)
{
	struct con *c = VIO_CONTAINER(f, struct con, winch);
	uint64_t n;

	(void)events;
	if (read(f->fd, &n, sizeof(n)) > 0) {
		stdio_size(c);
	}
	if (c->dev) {
		vio_console_resize(c->dev, 0, c->cols, c->rows);
	}
}

static int stdio_open(struct host_ctx *ctx, struct chan *ch)
{
	struct con *c = ch->con;
	struct sigaction on = { .sa_handler = on_winch, .sa_flags = SA_RESTART };
	struct termios t;
	int in, out;

	if (c->n > 1) {
		(void)snprintf(ctx->err, sizeof(ctx->err),
			       "stdio has one port; for more: --host=pty or --host=unix");
		return -1;
	}
	in = again(STDIN_FILENO, O_RDONLY);
	out = again(STDOUT_FILENO, O_WRONLY);
	chan_open(ch, in, out);
	if ((in < 0) || (out < 0)) {
		return fail(ctx, "standard input and output");
	}
	if (tcgetattr(STDIN_FILENO, &c->saved)) {
		return 0; /* no terminal */
	}
	winch_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if ((winch_fd < 0) || loop_add(c->loop, &c->winch, winch_fd, EPOLLIN, winch_event)) {
		return fail(ctx, "eventfd");
	}
	t = c->saved;
	cfmakeraw(&t);
	t.c_oflag = c->saved.c_oflag; /* our own messages go there too */
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &t);
	c->raw = true;
	ch->escape = true;
	stdio_size(c);
	(void)sigaction(SIGWINCH, &on, NULL);
	log_info(ctx->name, "the terminal is the guest's; Ctrl-] ends");
	return 0;
}

/* ---- unix ---- */

static void unix_accept(struct loop_fd *f, uint32_t events)
{
	struct chan *ch = VIO_CONTAINER(f, struct chan, listen_fd);
	int fd = accept4(ch->listen, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd >= 0) {
		loop_del(f); /* until this client is gone */
		chan_open(ch, fd, fd);
	}
}

static int unix_open(struct host_ctx *ctx, struct chan *ch)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	int probe;

	if (!ctx->arg || !*ctx->arg) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "which socket? --host=unix:PATH");
		return -1;
	}
	if (!chan_path(ctx, ch->port, a.sun_path)) {
		return -1;
	}
	if (!lstat(a.sun_path, &st) &&
	    S_ISSOCK(st.st_mode)) { /* ours from before, or somebody listens */
		probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(probe, (struct sockaddr *)&a, sizeof(a)) && (errno == ECONNREFUSED)) {
			(void)unlink(a.sun_path);
		}
		(void)close(probe);
	}
	ch->listen = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if ((ch->listen < 0) || bind(ch->listen, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(ch->listen, 4)) {
		return fail(ctx, a.sun_path);
	}
	memcpy(ch->path, a.sun_path, sizeof(ch->path));
	errno = loop_add(ch->con->loop, &ch->listen_fd, ch->listen, EPOLLIN, unix_accept);
	return errno ? fail(ctx, a.sun_path) : 0;
}

/* ---- file ---- */

static int file_open(struct host_ctx *ctx, struct chan *ch)
{
	char path[108];
	int fd;

	if (!ctx->arg || !*ctx->arg) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "which file? --host=file:PATH");
		return -1;
	}
	if (!chan_path(ctx, ch->port, path)) {
		return -1;
	}
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0) {
		return fail(ctx, path);
	}
	(void)signal(
		SIGXFSZ,
		SIG_IGN); /* a size limit is an error of one write, not the end of the process */
	chan_open(ch, -1, fd);
	return 0;
}

/* ---- all ---- */

/* option "no-client". returns: false and ctx->err */
static bool con_policy(struct host_ctx *ctx, struct con *c)
{
	const char *s = ctx->option(ctx, "no-client");

	if (s && strcmp(s, "hold") && strcmp(s, "drop")) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "no-client '%s': write hold or drop", s);
		return false;
	}
	c->drop = s && !strcmp(s, "drop");
	return true;
}

static int con_open(struct host_ctx *ctx, struct host *out,
		    int (*open_one)(struct host_ctx *, struct chan *))
{
	struct con *c = calloc(1, sizeof(*c));
	const char *names = ctx->option(ctx, "port-names");
	uint32_t n = ctx->param(ctx, "ports");

	if (c) {
		c->chan = calloc(n, sizeof(*c->chan));
	}
	if (!c || !c->chan) {
		free(c);
		errno = ENOMEM;
		return fail(ctx, "console");
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(c->name, sizeof(c->name), "%s", ctx->name);
	(void)snprintf(c->names, sizeof(c->names), "%s", names ? names : "");
	c->loop = ctx->loop;
	c->n = n;
	for (uint32_t i = 0; i < n; i++) {
		c->chan[i] =
			(struct chan){ .con = c, .port = i, .in = -1, .out = -1, .listen = -1 };
	}
	out->ops = &chan_ops;
	out->host = c;
	out->close = con_close;
	out->attach = con_attach;
	if (!con_policy(ctx, c)) {
		con_close(out);
		return -1;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (open_one(ctx, &c->chan[i])) {
			con_close(out);
			return -1;
		}
	}
	return 0;
}

static int open_pty(struct host_ctx *ctx, struct host *out)
{
	return con_open(ctx, out, pty_open);
}

static int open_stdio(struct host_ctx *ctx, struct host *out)
{
	return con_open(ctx, out, stdio_open);
}

static int open_unix(struct host_ctx *ctx, struct host *out)
{
	return con_open(ctx, out, unix_open);
}

static int open_file(struct host_ctx *ctx, struct host *out)
{
	return con_open(ctx, out, file_open);
}

static const struct host_option opt[] = {
	{ "port-names", "A,B,...", "names of the ports, shown in the guest", false },
	{ "no-client", "hold|drop",
	  "output while no client is connected; default hold: the guest waits", false },
};

extern const struct host_kind host_linux_console[];
const struct host_kind host_linux_console[] = {
	{ "console", "pty", "pseudo terminal; its path is logged, LINK points to it", "LINK", true,
	  opt, 2, open_pty },
	{ "console", "stdio", "the terminal the program runs on", NULL, false, opt, 1, open_stdio },
	{ "console", "unix", "listening socket", "PATH", false, opt, 2, open_unix },
	{ "console", "file", "append the output to a file", "PATH", false, opt, 1, open_file },
	{ .name = NULL },
};
