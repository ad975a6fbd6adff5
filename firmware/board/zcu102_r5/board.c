/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * board.c - Zynq UltraScale+ (ZCU102), one Cortex-R5 beside Linux on the Cortex-A53s
 *
 * Memory map, physical addresses, the same on both sides (test/lab/zcu102.dts says the same to Linux):
 *	00000000  64 KiB  image (tightly coupled memory; in QEMU ordinary memory)
 *	70000000  64 KiB  window of rng
 *	70010000  64 KiB  window of i2c
 *	70100000   1 MiB  window of blk; or of all devices, in an image that speaks virtio-msg
 *	71000000   4 KiB  registers of rng; 71001000 of i2c; 71002000 of blk
 *	7100f000   4 KiB  orders for this image
 *	72000000  16 MiB  the disk
 *
 * Windows and registers are mapped without a cache and shareable on this side; Linux maps registers as a device, and
 * its caches are made coherent by the interconnect or, for a window, by its DMA layer. Everything else is not mapped:
 * an access there is a fault and a fresh start.
 *
 * In QEMU 7.2 the core has no interrupt controller of its own and no power controller; the mailbox block is not wired.
 * The bell is therefore a write to the other side's interrupt controller, which real chips allow too, and the tick is
 * a free-running triple timer counter.
 */
#include "firmware/stratos_board.h"

#define UART1	    0xff010000u /* second serial line; set up by whoever started this core */
#define TTC0	    0xff110000u
#define GICD	    0xf9010000u /* of the Cortex-A53s */
#define ORDERS	    0x7100f000u
#define ORDER_RESET 0x74657372u /* "rset" */

#define NS_A_TICK 1925u /* 133 MHz / 256, as QEMU clocks it; 2560 at a chip's 100 MHz */

const struct stratos_place stratos_board_place[STRATOS_DEVICES] = {
	[STRATOS_RNG] = { (uint8_t *)0x71000000u, 0x70000000u, (uint8_t *)0x70000000u, 0x10000u,
			  100u },
	[STRATOS_I2C] = { (uint8_t *)0x71001000u, 0x70010000u, (uint8_t *)0x70010000u, 0x10000u,
			  101u },
	[STRATOS_BLK] = { (uint8_t *)0x71002000u, 0x70100000u, (uint8_t *)0x70100000u, 0x100000u,
			  102u },
};

const struct stratos_bus stratos_board_bus = { (uint8_t *)0x70100000u, 0x100000u, 103u };

const struct stratos_disk stratos_board_disk = { (uint8_t *)0x72000000u, 0x1000000u };

/* Region of the protection unit: base, a multiple of its size, which is 2^log2 bytes */
struct region {
	uint32_t base;
	uint32_t log2;
	uint32_t access;
};

#define RO_CODE	 (6u << 8)
#define RW_DATA	 ((1u << 12) | (3u << 8)) /* never code */
#define CACHED	 ((1u << 3) | 3u)	  /* normal, write-back, allocate on write */
#define UNCACHED ((1u << 3) | (1u << 2))  /* normal, not cached, shareable */
#define DEVICE	 1u

static const struct region regions[] = {
	{ 0x00000000u, 15u, RO_CODE | CACHED },	  { 0x00008000u, 15u, RW_DATA | CACHED },
	{ 0x70000000u, 21u, RW_DATA | UNCACHED }, /* the windows */
	{ 0x71000000u, 16u, RW_DATA | DEVICE },	  /* registers: each access once and in order */
	{ 0x72000000u, 24u, RW_DATA | CACHED },	  /* the disk; nobody else looks at it */
	{ UART1, 12u, RW_DATA | DEVICE },	  { TTC0, 12u, RW_DATA | DEVICE },
	{ GICD, 12u, RW_DATA | DEVICE },
};

#define CP15_SET(op1, rn, rm, op2, v)                                                              \
	__asm volatile("mcr p15, " #op1 ", %0, " #rn ", " #rm ", " #op2 ::"r"(v) : "memory")
#define CP15_GET(op1, rn, rm, op2, v)                                                              \
	__asm volatile("mrc p15, " #op1 ", %0, " #rn ", " #rm ", " #op2 : "=r"(v))

extern void board_restart(void);
uint32_t board_fault; /* set by start.S */

static struct {
	uint32_t mark[2]; /* chance does not leave these */
	uint32_t starts;
} kept __attribute__((section(".noinit")));

static bool warm;
static uint64_t ticks;
static uint32_t last, turns;

static void write32(uintptr_t at, uint32_t v)
{
	*(volatile uint32_t *)at = v;
}

static uint32_t read32(uintptr_t at)
{
	return *(volatile uint32_t *)at;
}

static void protect(void)
{
	uint32_t v, n = sizeof(regions) / sizeof(regions[0]);

	CP15_GET(0, c0, c0, 4, v); /* MPUIR: how many the core has */
	for (uint32_t i = 0u; i < ((v >> 8) & 0xffu); i++) {
		CP15_SET(0, c6, c2, 0, i);
		CP15_SET(0, c6, c1, 2, 0u);
		if (i < n) {
			CP15_SET(0, c6, c1, 0, regions[i].base);
			CP15_SET(0, c6, c1, 4, regions[i].access);
			CP15_SET(0, c6, c1, 2, ((regions[i].log2 - 1u) << 1) | 1u);
		}
	}
	CP15_SET(0, c7, c5, 0, 0u);  /* instruction cache, all */
	CP15_SET(0, c15, c5, 0, 0u); /* data cache, all: nothing in it is worth writing back */
	CP15_GET(0, c1, c0, 0, v);
	v = (v & ~(1u << 17)) | (1u << 12) | (1u << 2) | 1u; /* no background region */
	__asm volatile("dsb" ::: "memory");
	CP15_SET(0, c1, c0, 0, v);
	__asm volatile("isb" ::: "memory");
}

void stratos_board_init(void)
{
	protect();
	warm = (kept.mark[0] == 0x7374726bu) && (kept.mark[1] == ~0x7374726bu);
	kept.mark[0] = 0x7374726bu;
	kept.mark[1] = ~0x7374726bu;
	kept.starts = warm ? (kept.starts + 1u) : 1u;
	write32(UART1, 0x14u);
	write32(TTC0, 0xfu);	     /* a tick each 256 clocks */
	write32(TTC0 + 0xcu, 0x10u); /* count up, for ever */
	write32(ORDERS, 0u);
	write32(ORDERS + 4u, kept.starts);
	write32(ORDERS + 8u, board_fault);
	if (board_fault != 0u) {
		stratos_board_say("fault");
	}
	stratos_board_say(warm ? "restarted" : "started");
}

bool stratos_board_warm(void)
{
	return warm;
}

uint64_t stratos_board_now(void)
{
	uint32_t now = read32(TTC0 + 0x18u);

	ticks += (uint32_t)(now - last);
	last = now;
	return ticks * NS_A_TICK;
}

void stratos_board_bell(uint32_t line)
{
	uint32_t id = line + 32u;

	__asm volatile("dsb" ::: "memory");
	write32(GICD + 0x200u + 4u * (id / 32u), 1u << (id % 32u)); /* ISPENDR */
}

uint32_t stratos_board_entropy(uint8_t *p, uint32_t n)
{
	return stratos_simulated_entropy(p, n,
					 ((uint64_t)kept.starts << 32) | read32(TTC0 + 0x18u));
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

void stratos_board_say(const char *text)
{
	static const char head[] = "stratos-r5: ";

	for (uint32_t i = 0u; i < (sizeof(head) - 1u); i++) {
		write32(UART1 + 0x30u, (uint8_t)head[i]);
	}
	for (; *text != '\0'; text++) {
		write32(UART1 + 0x30u, (uint8_t)*text);
	}
	write32(UART1 + 0x30u, '\n');
}
