/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * board.c - a domain of Xen on arm64 (one virtual CPU) that serves another domain, with no help of a third
 *
 * Memory map, addresses of this domain (start.S has the page tables; test/lab/xen_pair.dts tells Xen, xen_front.dts
 * tells the other domain, which sees windows, registers and orders at the same addresses):
 *	40000000  96 KiB  image
 *	70000000  64 KiB  window of rng
 *	70010000  64 KiB  window of i2c
 *	70100000   4 KiB  registers of rng; 70101000 of i2c
 *	7010f000   4 KiB  orders for this image; its second half is the log
 *	70110000   4 KiB  a GPIO block of the machine (PL061): the bell, given to this domain alone
 * From 70000000 to 70110000 is static shared memory. Nothing else is mapped: an access there is a fault and a fresh
 * start.
 *
 * Attributes agree on both sides, as they must where there are caches. Windows: normal memory, write-back, inner
 * shareable; the other domain's device tree says dma-coherent, so Linux does the same. Registers and orders: device
 * memory nGnRE, which is what Linux's ioremap does. They are cleaned out of the caches once, for Xen had them there.
 *
 * The bell: the GPIO block's interrupt belongs to the other domain. One pin is set to interrupt as long as it is low,
 * which it is for ever; unmasking that interrupt for a moment is an edge. Any device will do whose interrupt software
 * can raise, a chip's mailbox first of all. One bell for all devices: Linux shares it between them.
 *
 * This image makes no hypercall, and no access of its own is trapped.
 */
#include "firmware/stratos_board.h"

#define PAGE	    0x1000u
#define ORDERS	    0x7010f000u
#define ORDER_RESET 0x74657372u /* "rset" */
#define LOG	    (ORDERS + 0x800u)
#define LOG_BYTES   0x800u

#define BELL	    0x70110000u
#define BELL_LEVEL  (BELL + 0x404u) /* interrupt by level; */
#define BELL_HIGH   (BELL + 0x40cu) /* while high */
#define BELL_UNMASK (BELL + 0x410u)
#define BELL_PIN    0x80u
#define BELL_LINE   7u

const struct stratos_place stratos_board_place[STRATOS_DEVICES] = {
	[STRATOS_RNG] = { (uint8_t *)0x70100000u, 0x70000000u, (uint8_t *)0x70000000u, 0x10000u,
			  BELL_LINE },
	[STRATOS_I2C] = { (uint8_t *)0x70101000u, 0x70010000u, (uint8_t *)0x70010000u, 0x10000u,
			  BELL_LINE },
};

const struct stratos_disk stratos_board_disk = { NULL, 0u };

extern void board_restart(void);
uint32_t board_why; /* of this start, set by start.S */

/* start.S clears it at the first start */
static struct {
	uint32_t starts;
	uint32_t faults;
	uint32_t said; /* bytes in the log */
} kept __attribute__((section(".noinit")));

static bool warm;
static uint64_t hz;
static uint32_t turns;

static void write32(uintptr_t at, uint32_t v)
{
	*(volatile uint32_t *)at = v;
}

static uint32_t read32(uintptr_t at)
{
	return *(volatile uint32_t *)at;
}

static uint64_t count(void)
{
	uint64_t v;

	__asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(v)::"memory");
	return v;
}

/* What Xen wrote there through a cache must not fall on what is written now, past the caches. */
static void clean_page(uint64_t page)
{
	uint64_t type, line;

	__asm volatile("mrs %0, ctr_el0" : "=r"(type));
	line = (uint64_t)4u << ((type >> 16) & 0xfu);
	for (uint64_t at = page; at < (page + PAGE); at += line) {
		__asm volatile("dc civac, %0" ::"r"(at) : "memory");
	}
	__asm volatile("dsb sy" ::: "memory");
}

static void first_start(void)
{
	clean_page((uintptr_t)stratos_board_place[STRATOS_RNG].regs);
	clean_page((uintptr_t)stratos_board_place[STRATOS_I2C].regs);
	clean_page(ORDERS);
	for (uint32_t at = 0u; at < LOG_BYTES; at += 4u) {
		write32(LOG + at, 0u);
	}
}

void stratos_board_init(void)
{
	static const char digit[] = "0123456789abcdef";
	char text[] = "fault ..";

	__asm volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	warm = (board_why != 0u) && (kept.starts > 0u);
	if (!warm) {
		first_start();
	}
	kept.starts++;
	write32(BELL_UNMASK, 0u);
	write32(BELL_HIGH, 0u);
	write32(BELL_LEVEL, BELL_PIN);
	write32(ORDERS, 0u);
	write32(ORDERS + 4u, kept.starts);
	if (board_why >= 0x40u) {
		kept.faults++;
		text[6] = digit[(board_why >> 4) & 15u];
		text[7] = digit[board_why & 15u];
		stratos_board_say(text);
	}
	write32(ORDERS + 8u, kept.faults);
	stratos_board_say(warm ? "restarted" : "started");
}

/* Certain here: Xen enters at the beginning of the image and everything else elsewhere. */
bool stratos_board_warm(void)
{
	return warm;
}

uint64_t stratos_board_now(void)
{
	uint64_t t = count();

	return ((t / hz) * 1000000000u) + (((t % hz) * 1000000000u) / hz);
}

void stratos_board_bell(uint32_t line)
{
	(void)line;
	__asm volatile("dsb st" ::: "memory");
	write32(BELL_UNMASK, BELL_PIN);
	write32(BELL_UNMASK, 0u);
}

uint32_t stratos_board_entropy(uint8_t *p, uint32_t n)
{
	return stratos_simulated_entropy(p, n, ((uint64_t)kept.starts << 32) ^ count());
}

void stratos_board_turn(bool busy)
{
	turns++;
	write32(ORDERS + 12u, turns);
	if (read32(ORDERS) == ORDER_RESET) {
		board_restart(); /* as a watchdog would: nothing is put in order first */
	}
	if (!busy) {
		__asm volatile("yield");
	}
}

static void put(char c)
{
	*(volatile uint8_t *)(uintptr_t)(LOG + (kept.said % LOG_BYTES)) = (uint8_t)c;
	kept.said++;
}

void stratos_board_say(const char *text)
{
	static const char head[] = "stratos-xen: ";

	for (uint32_t i = 0u; i < (sizeof(head) - 1u); i++) {
		put(head[i]);
	}
	for (; *text != '\0'; text++) {
		put(*text);
	}
	put('\n');
}
