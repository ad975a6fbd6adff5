/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gpio.h - wire layout of the GPIO device
 *
 * source: virtio 1.3, 5.18. Multi-byte fields are little-endian.
 */
#ifndef VIO_SPEC_GPIO_H
#define VIO_SPEC_GPIO_H

#include "../base.h"

#define VIO_GPIO_ID 41u

#define VIO_GPIO_F_IRQ (1ULL << 0)

#define VIO_GPIO_REQUESTQ 0u
#define VIO_GPIO_EVENTQ	  1u

struct vio_gpio_config {
	uint16_t ngpio;
	uint8_t padding[2];
	uint32_t gpio_names_size; /* bytes, 0: no names */
};
VIO_ASSERT_SIZE(struct vio_gpio_config, 8);
VIO_ASSERT_AT(struct vio_gpio_config, gpio_names_size, 4);

/* requestq, readable part */
struct vio_gpio_request {
	uint16_t type; /* VIO_GPIO_MSG_* */
	uint16_t gpio;
	uint32_t value;
};
VIO_ASSERT_SIZE(struct vio_gpio_request, 8);
VIO_ASSERT_AT(struct vio_gpio_request, gpio, 2);
VIO_ASSERT_AT(struct vio_gpio_request, value, 4);

#define VIO_GPIO_MSG_GET_NAMES	   0x0001u
#define VIO_GPIO_MSG_GET_DIRECTION 0x0002u
#define VIO_GPIO_MSG_SET_DIRECTION 0x0003u
#define VIO_GPIO_MSG_GET_VALUE	   0x0004u
#define VIO_GPIO_MSG_SET_VALUE	   0x0005u
#define VIO_GPIO_MSG_SET_IRQ_TYPE  0x0006u

#define VIO_GPIO_DIRECTION_NONE 0x00u
#define VIO_GPIO_DIRECTION_OUT	0x01u
#define VIO_GPIO_DIRECTION_IN	0x02u

#define VIO_GPIO_IRQ_NONE	  0x00u
#define VIO_GPIO_IRQ_EDGE_RISING  0x01u
#define VIO_GPIO_IRQ_EDGE_FALLING 0x02u
#define VIO_GPIO_IRQ_EDGE_BOTH	  0x03u
#define VIO_GPIO_IRQ_LEVEL_HIGH	  0x04u
#define VIO_GPIO_IRQ_LEVEL_LOW	  0x08u

/* requestq, writable part; the answer to GET_NAMES has gpio_names_size bytes in place of value */
struct vio_gpio_response {
	uint8_t status;
	uint8_t value;
};
VIO_ASSERT_SIZE(struct vio_gpio_response, 2);

#define VIO_GPIO_STATUS_OK  0u
#define VIO_GPIO_STATUS_ERR 1u

/* eventq, readable part */
struct vio_gpio_irq_request {
	uint16_t gpio;
};
VIO_ASSERT_SIZE(struct vio_gpio_irq_request, 2);

/* eventq, writable part */
struct vio_gpio_irq_response {
	uint8_t status;
};
VIO_ASSERT_SIZE(struct vio_gpio_irq_response, 1);

#define VIO_GPIO_IRQ_STATUS_INVALID 0u
#define VIO_GPIO_IRQ_STATUS_VALID   1u

#endif
