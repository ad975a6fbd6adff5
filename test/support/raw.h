/* SPDX-License-Identifier: BSD-3-Clause */
/* raw.h - messages of a front-end, for back-ends of tests that are written on the bare protocol */
#ifndef TEST_RAW_H
#define TEST_RAW_H

#include "port/vhost_user/proto.h"

struct raw_message {
	struct vhu_wire_header h;
	union vhu_body b;
	int fd[VHU_TABLE_REGIONS];
	unsigned nfd;
};

/* raw_receive - waits for one whole; returns: false the other side is gone, or sent too much */
bool raw_receive(int fd, struct raw_message *m);

#endif
