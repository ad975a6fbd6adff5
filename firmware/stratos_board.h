/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stratos_board.h - all that the images ask of a board; a new board is one folder that implements this
 *
 * firmware/board/<name>/ holds board.c (this interface), start.S (from reset to main, stack, vectors), image.ld, and
 * board.json (compiler flags). docs/firmware.md follows the steps once.
 * Everything runs in main's loop; no function here may block for long, none is called from an interrupt.
 */
#ifndef STRATOS_BOARD_H
#define STRATOS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where one device meets its driver. */
struct stratos_place {
	uint8_t *regs;	 /* VIO_RAMREGS_BYTES of memory that neither side caches; its own page */
	uint64_t window; /* first byte of the window, as the driver's side addresses it */
	uint8_t *window_here;  /* the same byte here, not cached or coherent; congruent modulo 16 */
	uint32_t window_bytes; /* nothing outside is ever touched for this device */
	uint32_t line;	       /* interrupt of the driver's side, for stratos_board_bell */
};

/* STRATOS_BLK only where the board has a disk */
enum stratos_device { STRATOS_RNG, STRATOS_I2C, STRATOS_BLK, STRATOS_DEVICES };
extern const struct stratos_place stratos_board_place[STRATOS_DEVICES];

/* Where all devices of an image meet their driver, if they speak virtio-msg: only for boards with such an image. */
struct stratos_bus {
	uint8_t *window; /* not cached on either side, or coherent; its own pages */
	uint32_t bytes;
	uint32_t line; /* interrupt of the driver's side, for stratos_board_bell */
};
extern const struct stratos_bus stratos_board_bus;

/* A disk in memory: bytes is a multiple of 512, 0: none. */
struct stratos_disk {
	uint8_t *p;
	uint32_t bytes;
};
extern const struct stratos_disk stratos_board_disk;

/* stratos_board_init - first call of main: memory protection (where start.S did not), clock, console */
void stratos_board_init(void);

/*
 * stratos_board_warm - this image was started again and memory was kept
 * Then the devices go on for a driver that did not notice. false where that is not certain.
 */
bool stratos_board_warm(void);

/* stratos_board_now - ns, monotonic; a tick of some ms is fine enough */
uint64_t stratos_board_now(void);

/* stratos_board_bell - raise interrupt `line` (an edge) at the driver's side, behind all earlier stores */
void stratos_board_bell(uint32_t line);

/*
 * stratos_board_entropy - n random bytes into p
 * returns: how many there are now, 0: none, the device asks again a second later
 */
uint32_t stratos_board_entropy(uint8_t *p, uint32_t n);
/*
 * stratos_simulated_entropy - for a board without a source: a counter, mixed (splitmix64), from seed on at the first call
 * It looks random, and is no secret: never make keys of it. returns: n
 */
uint32_t stratos_simulated_entropy(uint8_t *p, uint32_t n, uint64_t seed);

/* stratos_board_turn - once a turn of the loop: watchdog, orders; busy: there is more to do at once */
void stratos_board_turn(bool busy);

/* stratos_board_say - a line for a person, without end of line */
void stratos_board_say(const char *text);

#endif
