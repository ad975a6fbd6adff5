/* SPDX-License-Identifier: BSD-3-Clause */
/* activation.h - listening sockets from systemd: LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES of sd_listen_fds(3) */
#ifndef APP_ACTIVATION_H
#define APP_ACTIVATION_H

/* activation_fd - the socket named `name`, else the next that has no device yet; returns: -1 when there is none */
int activation_fd(const char *name);
/* activation_count - sockets passed; 0: not started by a socket unit */
int activation_count(void);

#endif
