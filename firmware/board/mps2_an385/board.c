/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * board.c - Cortex-M3 of QEMU's mps2-an385, beside Linux on the Cortex-A53 of another QEMU (machine virt)
 *
 * The two share one file: the first 16 MiB of Linux's memory (40000000) are the external memory here (21000000).
 *
 *	Linux		here
 *	40800000	21800000	 64 KiB	window of rng
 *	40810000	21810000	 64 KiB	window of i2c
 *	40900000	21900000	  1 MiB	the window of an image that speaks virtio-msg
 *	40c00000	21c00000	  4 KiB	registers of rng; 40c01000 of i2c
 *	40c0f000	21c0f000	  4 KiB	orders for this image
 *
 * The bell is text: the second serial line leads to the other QEMU's test interface, which writes to its interrupt
 * controller. It answers each line, and is deaf when nobody takes the answers. A line that is cut short ends the other
 * QEMU, so this board is started anew between two turns only.
 *
 * Nothing rings this side: a notification is a store to memory. So it polls while there is traffic, and looks once a tick
 * (SysTick) when the bell was quiet for AWAKE turns. Interrupts stay masked: a pending one ends WFI all the same.
 */
#include "firmware/stratos_board.h"

#define TIMER0	    0x40000000u
#define LOG	    0x40004000u
#define BELL	    0x40005000u
#define ORDERS	    0x21c0f000u
#define ORDER_RESET 0x74657372u /* "rset" */
#define NS_A_TICK   40u
#define PATIENCE    1000000u /* looks at a serial line that does not take a byte */
#define AWAKE	    4096u    /* turns; a request after such a pause waits for up to a tick */

#define SYST_CSR  0xe000e010u
#define SYST_RVR  0xe000e014u
#define SYST_CVR  0xe000e018u
#define SYST_MS	  25000u /* at 25 MHz */
#define ICSR	  0xe000ed04u
#define PENDSTCLR (1u << 25)

const struct stratos_place stratos_board_place[STRATOS_DEVICES] = {
	[STRATOS_RNG] = { (uint8_t *)0x21c00000u, 0x40800000u, (uint8_t *)0x21800000u, 0x10000u,
			  100u },
	[STRATOS_I2C] = { (uint8_t *)0x21c01000u, 0x40810000u, (uint8_t *)0x21810000u, 0x10000u,
			  101u },
};

const struct stratos_bus stratos_board_bus = { (uint8_t *)0x21900000u, 0x100000u, 102u };

const struct stratos_disk stratos_board_disk = { NULL, 0u };

/* Region of the protection unit: base, a multiple of its size, which is 2^log2 bytes */
struct region {
	uint32_t base;
	uint32_t log2;
	uint32_t access;
};

#define RO_CODE	 ((6u << 24) | (2u << 16))		  /* normal */
#define RW_DATA	 ((1u << 28) | (3u << 24) | (2u << 16))	  /* never code; normal */
#define UNCACHED ((1u << 28) | (3u << 24) | (0xcu << 16)) /* the same, not cached, shareable */
#define DEVICE	 ((1u << 28) | (3u << 24) | (5u << 16))	  /* in order */

static const struct region regions[] = {
	{ 0x00000000u, 16u, RO_CODE },	{ 0x20000000u, 16u, RW_DATA },
	{ 0x21800000u, 17u, UNCACHED }, { 0x21c00000u, 16u, UNCACHED },
	{ TIMER0, 12u, DEVICE },	{ LOG, 12u, DEVICE },
	{ BELL, 12u, DEVICE },		{ 0x21900000u, 20u, UNCACHED },
};

#define MPU_CTRL 0xe000ed94u
#define MPU_RNR	 0xe000ed98u
#define MPU_RBAR 0xe000ed9cu
#define MPU_RASR 0xe000eda0u

extern void board_restart(void);
uint32_t board_fault __attribute__((section(".noinit"))); /* counted by start.S */

static struct {
	uint32_t mark[2]; /* chance does not leave these */
	uint32_t starts;
} kept __attribute__((section(".noinit")));

static bool warm;
static uint64_t ticks;
static uint32_t last, turns, quiet, sleeps;

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
	for (uint32_t i = 0u; i < (sizeof(regions) / sizeof(regions[0])); i++) {
		write32(MPU_RNR, i);
		write32(MPU_RBAR, regions[i].base);
		write32(MPU_RASR, regions[i].access | ((regions[i].log2 - 1u) << 1) | 1u);
	}
	write32(MPU_CTRL, 1u);
	__asm volatile("dsb\n\tisb" ::: "memory");
}

static void start_tick(void)
{
	__asm volatile("cpsid i" ::: "memory");
	write32(SYST_RVR, SYST_MS - 1u);
	write32(SYST_CVR, 0u);
	write32(SYST_CSR, 7u);
}

static void wait_tick(void)
{
	__asm volatile("dsb\n\twfi" ::: "memory");
	write32(ICSR, PENDSTCLR);
	sleeps++;
	write32(ORDERS + 16u, sleeps);
}

static void take_answers(void)
{
	while ((read32(BELL + 4u) & 2u) != 0u) {
		(void)read32(BELL);
	}
}

/* Until the line takes a byte */
static void room(uint32_t uart)
{
	for (uint32_t n = 0u; ((read32(uart + 4u) & 1u) != 0u) && (n < PATIENCE); n++) {
		take_answers();
	}
}

static void put(uint32_t uart, char c)
{
	room(uart);
	write32(uart, (uint8_t)c);
}

void stratos_board_init(void)
{
	protect();
	warm = (kept.mark[0] == 0x7374726bu) && (kept.mark[1] == ~0x7374726bu);
	kept.mark[0] = 0x7374726bu;
	kept.mark[1] = ~0x7374726bu;
	kept.starts = warm ? (kept.starts + 1u) : 1u;
	board_fault = warm ? board_fault : 0u;
	write32(LOG + 16u, 16u);
	write32(LOG + 8u, 1u);
	write32(BELL + 16u, 16u);
	write32(BELL + 8u, 3u);
	write32(TIMER0 + 8u, 0xffffffffu);
	write32(TIMER0 + 4u, 0xffffffffu);
	write32(TIMER0, 1u);
	last = 0xffffffffu;
	start_tick();
	write32(ORDERS, 0u);
	write32(ORDERS + 4u, kept.starts);
	write32(ORDERS + 8u, board_fault);
	stratos_board_say(warm ? "restarted" : "started");
}

bool stratos_board_warm(void)
{
	return warm;
}

uint64_t stratos_board_now(void)
{
	uint32_t now = read32(TIMER0 + 4u); /* counts down */

	ticks += (uint32_t)(last - now);
	last = now;
	return ticks * NS_A_TICK;
}

/* line: 96 to 127, which share one word of the interrupt controller */
void stratos_board_bell(uint32_t line)
{
	static const char text[] = "writel 0x8000210 0x", digit[] = "0123456789abcdef";
	uint32_t bit = 1u << (line % 32u);

	quiet = 0u;
	__asm volatile("dsb" ::: "memory");
	for (uint32_t i = 0u; i < (sizeof(text) - 1u); i++) {
		put(BELL, text[i]);
	}
	for (uint32_t shift = 32u; shift > 0u; shift -= 4u) {
		put(BELL, digit[(bit >> (shift - 4u)) & 15u]);
	}
	put(BELL, '\n');
}

uint32_t stratos_board_entropy(uint8_t *p, uint32_t n)
{
	return stratos_simulated_entropy(p, n, ((uint64_t)kept.starts << 32) | read32(TIMER0 + 4u));
}

void stratos_board_turn(bool busy)
{
	turns++;
	quiet = busy ? 0u : (quiet + 1u);
	write32(ORDERS + 12u, turns);
	take_answers();
	if ((turns % 1024u) == 0u) {
		(void)stratos_board_now(); /* before the counter has gone round */
	}
	if (read32(ORDERS) == ORDER_RESET) {
		room(BELL);
		board_restart(); /* as a watchdog would: nothing is put in order first */
	}
	if (quiet > AWAKE) {
		quiet = AWAKE;
		wait_tick();
	}
}

void stratos_board_say(const char *text)
{
	static const char head[] = "stratos-m3: ";

	for (uint32_t i = 0u; i < (sizeof(head) - 1u); i++) {
		put(LOG, head[i]);
	}
	for (; *text != '\0'; text++) {
		put(LOG, *text);
	}
	put(LOG, '\n');
}
