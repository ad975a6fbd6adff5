/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * console.h - private to host/linux: channels of the console host
 *
 * console.c       kinds and options: pty, stdio, unix, file
 * console_chan.c  bytes between one port and its descriptors
 */
#ifndef HOST_LINUX_CONSOLE_H
#define HOST_LINUX_CONSOLE_H

#include <termios.h>
#include "hosted/host_kind.h"
#include "vio/console.h"

#define CHAN_BUF 4096u

struct con;

/* One port. Descriptors are non-blocking, or never block (regular files). */
struct chan {
	struct con *con;
	uint32_t port;
	int in, out;		      /* may be the same; -1: nobody there, or one-way */
	bool in_end;		      /* `in` gave end of file */
	bool escape;		      /* Ctrl-] ends the program: `in` is a terminal in raw mode */
	bool failed;		      /* a write error was logged */
	struct loop_fd in_fd, out_fd; /* out_fd: only when out is another one */
	struct vio_vq *rxq, *txq;     /* queues that wait to be woken, or NULL */
	uint32_t at, len;
	uint8_t buf[CHAN_BUF]; /* read, not yet given to the guest: [at, at + len) */
	/* kind unix: the listening socket; kind pty: `listen` is our hold on the other end */
	int listen;
	struct loop_fd listen_fd;
	struct loop_fd opens; /* kind pty with drop: inotify on the other end */
	int readers;	      /* how often the other end is open, our hold not counted */
	bool deaf; /* output that the descriptor does not take is dropped: readers is counted and 0 */
	char path[108]; /* to be removed at the end; empty: none */
};

struct con {
	struct loop *loop;
	struct vio_dev *dev; /* NULL until attached */
	char name[32];
	char names[256]; /* option "port-names" */
	uint32_t n;
	bool drop;	   /* output is thrown away while nobody is there */
	struct chan *chan; /* n of them */
	/* kind stdio */
	bool raw;
	struct termios saved;
	struct loop_fd winch;
	uint16_t cols, rows;
};

extern const struct vio_console_host_ops chan_ops;

/* chan_open - somebody is there: start with these descriptors; they are the channel's from now on */
void chan_open(struct chan *ch, int in, int out);
/* chan_close - nobody is there any more; unread input stays as far as it fits */
void chan_close(struct chan *ch);
/* chan_wake - *q may be NULL; it waits no longer */
void chan_wake(struct vio_vq **q);

#endif
