/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * console.h - wire layout of the console device
 *
 * All integers are little-endian. source: virtio 1.3, 5.3
 */
#ifndef VIO_SPEC_CONSOLE_H
#define VIO_SPEC_CONSOLE_H

#include "vio/base.h"

#define VIO_ID_CONSOLE 3u

/* virtio 1.3, 5.3.3: feature bits */
#define VIO_CONSOLE_F_SIZE	  (1ULL << 0)
#define VIO_CONSOLE_F_MULTIPORT	  (1ULL << 1)
#define VIO_CONSOLE_F_EMERG_WRITE (1ULL << 2)

/* virtio 1.3, 5.3.2: queues; port n > 0 has receive queue 2n + 2 and transmit queue 2n + 3 */
#define VIO_CONSOLE_VQ_RX0     0u
#define VIO_CONSOLE_VQ_TX0     1u
#define VIO_CONSOLE_VQ_CTRL_RX 2u
#define VIO_CONSOLE_VQ_CTRL_TX 3u

/* virtio 1.3, 5.3.4 */
struct vio_console_wire_config {
	uint16_t cols;
	uint16_t rows;
	uint32_t max_nr_ports;
	uint32_t emerg_wr; /* write only, at any time */
};
VIO_ASSERT_SIZE(struct vio_console_wire_config, 12);
VIO_ASSERT_AT(struct vio_console_wire_config, rows, 2);
VIO_ASSERT_AT(struct vio_console_wire_config, max_nr_ports, 4);
VIO_ASSERT_AT(struct vio_console_wire_config, emerg_wr, 8);

/* virtio 1.3, 5.3.6.2: control messages; a name or a size may follow */
struct vio_console_wire_control {
	uint32_t id; /* port */
	uint16_t event;
	uint16_t value;
};
VIO_ASSERT_SIZE(struct vio_console_wire_control, 8);
VIO_ASSERT_AT(struct vio_console_wire_control, event, 4);
VIO_ASSERT_AT(struct vio_console_wire_control, value, 6);

#define VIO_CONSOLE_DEVICE_READY  0u /* driver: 1 success, 0 failure */
#define VIO_CONSOLE_DEVICE_ADD	  1u
#define VIO_CONSOLE_DEVICE_REMOVE 2u
#define VIO_CONSOLE_PORT_READY	  3u /* driver: 1 success, 0 failure */
#define VIO_CONSOLE_CONSOLE_PORT  4u
#define VIO_CONSOLE_RESIZE	  5u /* followed by struct vio_console_wire_size */
#define VIO_CONSOLE_PORT_OPEN	  6u /* both: 1 open, 0 closed */
#define VIO_CONSOLE_PORT_NAME	  7u /* followed by UTF-8, not terminated */

struct vio_console_wire_size {
	uint16_t cols;
	uint16_t rows;
};
VIO_ASSERT_SIZE(struct vio_console_wire_size, 4);
VIO_ASSERT_AT(struct vio_console_wire_size, rows, 2);

#endif
