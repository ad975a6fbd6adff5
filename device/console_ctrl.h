/* SPDX-License-Identifier: BSD-3-Clause */
/* console_ctrl.h - private to device/: control messages of the console, used by console.c */
#ifndef VIO_DEVICE_CONSOLE_CTRL_H
#define VIO_DEVICE_CONSOLE_CTRL_H

#include "vio/console.h"

/* Messages a port still has to send, in this order. */
#define DUE_ADD	    1u
#define DUE_CONSOLE 2u
#define DUE_NAME    4u
#define DUE_SIZE    8u
#define DUE_OPEN    16u

/* console_due - have the messages `due` of port p sent, as soon as the guest has room for them */
void console_due(struct vio_console *c, uint32_t p, uint8_t due);
void console_ctrl_rx(struct vio_console *c, struct vio_vq *q);
void console_ctrl_tx(struct vio_console *c, struct vio_vq *q);

#endif
