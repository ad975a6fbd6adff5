/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scmi.h - wire layout of the SCMI device and of SCMI messages
 *
 * source: virtio 1.4, "SCMI Device"; Arm DEN0056, "System Control and Management Interface", 3.2. A message is
 * little-endian 32-bit words throughout; names are bytes.
 */
#ifndef VIO_SPEC_SCMI_H
#define VIO_SPEC_SCMI_H

#include "../base.h"

#define VIO_SCMI_ID 32u

#define VIO_SCMI_F_P2A_CHANNELS	 (1ULL << 0)
#define VIO_SCMI_F_SHARED_MEMORY (1ULL << 1)

#define VIO_SCMI_CMDQ	0u
#define VIO_SCMI_EVENTQ 1u

/* The header, first word of each message: message 7:0, type 9:8, protocol 17:10, token 27:18 */
#define VIO_SCMI_HDR(protocol, type, message)                                                      \
	(((uint32_t)(protocol) << 10) | ((uint32_t)(type) << 8) | (uint32_t)(message))
#define VIO_SCMI_HDR_MESSAGE(hdr)  ((hdr)&0xffu)
#define VIO_SCMI_HDR_TYPE(hdr)	   (((hdr) >> 8) & 3u)
#define VIO_SCMI_HDR_PROTOCOL(hdr) (((hdr) >> 10) & 0xffu)
#define VIO_SCMI_HDR_RESERVED	   0xf0000000u

#define VIO_SCMI_TYPE_COMMAND	   0u
#define VIO_SCMI_TYPE_DELAYED	   2u
#define VIO_SCMI_TYPE_NOTIFICATION 3u

/* DEN0056, 4.1.4: status, the second word of an answer; the last one is of pin control */
#define VIO_SCMI_SUCCESS	    0
#define VIO_SCMI_NOT_SUPPORTED	    (-1)
#define VIO_SCMI_INVALID_PARAMETERS (-2)
#define VIO_SCMI_DENIED		    (-3)
#define VIO_SCMI_NOT_FOUND	    (-4)
#define VIO_SCMI_OUT_OF_RANGE	    (-5)
#define VIO_SCMI_BUSY		    (-6)
#define VIO_SCMI_COMMS_ERROR	    (-7)
#define VIO_SCMI_GENERIC_ERROR	    (-8)
#define VIO_SCMI_HARDWARE_ERROR	    (-9)
#define VIO_SCMI_PROTOCOL_ERROR	    (-10)
#define VIO_SCMI_IN_USE		    (-11)

#define VIO_SCMI_BASE	 0x10u
#define VIO_SCMI_POWER	 0x11u
#define VIO_SCMI_SYSTEM	 0x12u
#define VIO_SCMI_PERF	 0x13u
#define VIO_SCMI_CLOCK	 0x14u
#define VIO_SCMI_SENSOR	 0x15u
#define VIO_SCMI_RESET	 0x16u
#define VIO_SCMI_VOLTAGE 0x17u
#define VIO_SCMI_PINCTRL 0x19u

/* Messages that every protocol has. */
#define VIO_SCMI_PROTOCOL_VERSION    0x0u
#define VIO_SCMI_PROTOCOL_ATTRIBUTES 0x1u
#define VIO_SCMI_MESSAGE_ATTRIBUTES  0x2u
#define VIO_SCMI_NEGOTIATE_VERSION   0x10u

#define VIO_SCMI_SHORT_NAME 16u /* bytes, closed by a zero */
#define VIO_SCMI_LONG_NAME  64u

/* Sensor types (DEN0056, table of sensor type enumerations): those that Linux' hwmon shows */
#define VIO_SCMI_SENSOR_CELSIUS 0x2u
#define VIO_SCMI_SENSOR_VOLTS	0x5u
#define VIO_SCMI_SENSOR_AMPERES 0x6u
#define VIO_SCMI_SENSOR_WATTS	0x7u
#define VIO_SCMI_SENSOR_JOULES	0x8u

/* What an identifier of pin control means */
#define VIO_SCMI_PIN	  0u
#define VIO_SCMI_GROUP	  1u
#define VIO_SCMI_FUNCTION 2u

/* Settings of pins (DEN0056, table of pin configuration types); 21 to 191 reserved, 192 to 255 a vendor's own */
#define VIO_SCMI_PIN_DEFAULT	    0u /* all as it was at first */
#define VIO_SCMI_PIN_BUS_HOLD	    1u
#define VIO_SCMI_PIN_BIAS_OFF	    2u
#define VIO_SCMI_PIN_HIGH_IMPEDANCE 3u
#define VIO_SCMI_PIN_PULL_UP	    4u
#define VIO_SCMI_PIN_PULL_DEFAULT   5u
#define VIO_SCMI_PIN_PULL_DOWN	    6u
#define VIO_SCMI_PIN_OPEN_DRAIN	    7u
#define VIO_SCMI_PIN_OPEN_SOURCE    8u
#define VIO_SCMI_PIN_PUSH_PULL	    9u
#define VIO_SCMI_PIN_STRENGTH	    10u
#define VIO_SCMI_PIN_DEBOUNCE	    11u
#define VIO_SCMI_PIN_INPUT_MODE	    12u
#define VIO_SCMI_PIN_PULL_MODE	    13u
#define VIO_SCMI_PIN_INPUT_VALUE    14u /* read only */
#define VIO_SCMI_PIN_SCHMITT	    15u
#define VIO_SCMI_PIN_LOW_POWER	    16u
#define VIO_SCMI_PIN_OUTPUT_MODE    17u
#define VIO_SCMI_PIN_OUTPUT_VALUE   18u
#define VIO_SCMI_PIN_POWER_SOURCE   19u
#define VIO_SCMI_PIN_SLEW_RATE	    20u
#define VIO_SCMI_PIN_SETTINGS	    21u

#define VIO_SCMI_NO_FUNCTION 0xffffffffu

#define VIO_SCMI_POWER_ON  0u
#define VIO_SCMI_POWER_OFF (1u << 30) /* context is lost */

#define VIO_SCMI_SYSTEM_SHUTDOWN   0u
#define VIO_SCMI_SYSTEM_COLD_RESET 1u
#define VIO_SCMI_SYSTEM_WARM_RESET 2u
#define VIO_SCMI_SYSTEM_POWER_UP   3u
#define VIO_SCMI_SYSTEM_SUSPEND	   4u

#endif
