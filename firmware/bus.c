/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bus.c - host of the I2C adapter: a simulated bus with two chips, in place of a board's controller
 *
 * 0x50: EEPROM 24C02, 256 bytes in pages of 8. 0x48: sensor LM75, 25.5 degrees. A chip sees START with its address,
 * bytes in one direction, and may refuse one. It keeps its memory when the image is started again.
 */
#include <string.h>
#include "image.h"

#define EEPROM	  0x50u
#define SENSOR	  0x48u
#define PAGE	  8u
#define REGISTERS 4u

static struct {
	uint8_t at; /* address pointer */
	uint8_t mem[256];
} eeprom __attribute__((section(".noinit")));

static struct {
	uint8_t reg; /* 0 temperature, 1 configuration (one byte), 2 hysteresis, 3 over-temperature */
	uint8_t mem[2u * REGISTERS];
} sensor __attribute__((section(".noinit")));

void image_bus_init(void)
{
	static const char text[] = "stratos eeprom";
	static const uint8_t power_on[sizeof(sensor.mem)] = { 0x19, 0x80, 0, 0, 0x4b, 0, 0x50, 0 };

	if (stratos_board_warm()) {
		return;
	}
	eeprom.at = 0u;
	(void)memset(eeprom.mem, 0xff, sizeof(eeprom.mem));
	(void)memcpy(eeprom.mem, text, sizeof(text) - 1u);
	sensor.reg = 0u;
	(void)memcpy(sensor.mem, power_on, sizeof(power_on));
}

/* Byte n after START; false: not acknowledged */
static bool eeprom_write(uint16_t n, uint8_t byte)
{
	if (n == 0u) {
		eeprom.at = byte;
		return true;
	}
	eeprom.mem[eeprom.at] = byte;
	eeprom.at = (uint8_t)((eeprom.at & ~(PAGE - 1u)) | ((eeprom.at + 1u) & (PAGE - 1u)));
	return true;
}

static uint8_t *sensor_byte(uint16_t n)
{
	return &sensor.mem[2u * sensor.reg + ((sensor.reg == 1u) ? 0u : (n & 1u))];
}

static bool sensor_write(uint16_t n, uint8_t byte)
{
	if (n == 0u) {
		sensor.reg = byte % REGISTERS;
		return byte < REGISTERS;
	}
	if (sensor.reg == 0u) {
		return false; /* the temperature is not for writing */
	}
	*sensor_byte((uint16_t)(n - 1u)) = byte;
	return true;
}

static bool bus_read(bool is_eeprom, struct vio_i2c_msg *m)
{
	struct vio_span s = m->data;

	for (uint16_t n = 0u; n < m->len; n++) {
		uint8_t byte = is_eeprom ? eeprom.mem[eeprom.at++] : *sensor_byte(n);

		(void)vio_span_write(&s, &byte, 1u);
	}
	return true;
}

static bool bus_message(struct vio_i2c_msg *m)
{
	bool is_eeprom = m->addr == EEPROM;
	struct vio_span s = m->data;
	uint8_t byte;

	if (m->ten || (!is_eeprom && (m->addr != SENSOR))) {
		return false; /* nobody acknowledges the address */
	}
	if (m->read) {
		return bus_read(is_eeprom, m);
	}
	for (uint16_t n = 0u; vio_span_read(&s, &byte, 1u) == 1u; n++) {
		if (is_eeprom ? !eeprom_write(n, byte) : !sensor_write(n, byte)) {
			return false;
		}
	}
	return true;
}

static int bus_xfer(void *host, struct vio_i2c_xfer *x)
{
	(void)host;
	for (struct vio_i2c_msg *m = x->msg; m != NULL; m = m->next) {
		if (!bus_message(m)) {
			return VIO_E_IO;
		}
		x->ok++;
	}
	return VIO_OK;
}

const struct vio_i2c_host_ops image_bus = { .xfer = bus_xfer };
