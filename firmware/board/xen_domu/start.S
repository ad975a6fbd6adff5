/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.S - a domain of Xen on arm64: header, vectors, page tables, from Xen to main
 *
 * Xen loads what looks like a Linux kernel and enters it at EL1, no memory mapped, no caches. The table of vectors is
 * 2 KiB aligned, as the image is; its first quarter is for a stack pointer that is never used here (SP_EL0), and holds
 * the header and the code of reset. Its second half is for user programs, and left out.
 *
 * Whatever goes wrong is a start: the devices then go on for the other domain. x0 says why, for stratos_board_init:
 * 0 Xen started the domain, 1 an order, from 0x40 on a synchronous exception of that class, 0x80 the others.
 */
	.section .vectors, "ax"
	.global	_start
_start:
	b	cold
	.word	0
	.quad	0		/* begins where memory begins */
	.quad	image_size
	.quad	0xa		/* little-endian, pages of 4 KiB, memory anywhere */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.word	0

cold:
	mov	x0, #0
again:
	msr	daifset, #15		/* nothing interrupts */
	msr	spsel, #1
	mrs	x1, sctlr_el1
	tbnz	x1, #0, 1f		/* memory stays mapped: caches may hold what it does not have yet */
	ldr	x1, =_start
	msr	vbar_el1, x1
	ldr	x1, =MAIR
	msr	mair_el1, x1
	ldr	x1, =TCR
	msr	tcr_el1, x1
	ldr	x1, =level1
	msr	ttbr0_el1, x1
	tlbi	vmalle1
	ic	iallu
	dsb	nsh
	isb
	ldr	x1, =SCTLR
	msr	sctlr_el1, x1
	isb
1:	ldr	x1, =image_stack
	mov	sp, x1
	ldr	x1, =image_bss
	ldr	x2, =image_bss_end
	ldr	x3, =image_kept_end	/* the first start has nothing to keep */
	cmp	x0, #0
	csel	x2, x3, x2, eq
2:	cmp	x1, x2
	b.hs	3f
	str	xzr, [x1], #8
	b	2b
3:	ldr	x1, =board_why		/* in .bss, so behind the loop above */
	str	w0, [x1]
	bl	main
	/* main returns when the board's tables are wrong: nothing is published, nothing more happens */
4:	wfi
	b	4b

	.global	board_restart
board_restart:
	mov	x0, #1
	b	again
	.ltorg

	.org	0x200			/* synchronous */
	mrs	x0, esr_el1
	lsr	x0, x0, #26
	orr	x0, x0, #0x40
	b	again
	.org	0x280			/* interrupt: everything is polled */
	mov	x0, #0x80
	b	again
	.org	0x300			/* fast interrupt */
	mov	x0, #0x80
	b	again
	.org	0x380			/* asynchronous error */
	mov	x0, #0x80
	b	again

/*
 * Memory: 2 GiB of addresses, tables for the third quarter of them. Types: 0 device nGnRE, 1 normal, write-back.
 * Table walks are cached and shareable as everything that is normal.
 */
	.equ	MAIR, 0xff04
	.equ	TCR, (1 << 23) | (3 << 12) | (1 << 10) | (1 << 8) | (64 - 31)
	/* mapping, alignment checks, caches, checks of the stack pointer; what can be written never runs */
	.equ	SCTLR, 0x30d00800 | (1 << 19) | (1 << 12) | (1 << 3) | (1 << 2) | (1 << 1) | 1

	.equ	PAGE, (1 << 10) | 3
	.equ	NORMAL, (3 << 8) | (1 << 2)
	.equ	NEVER_RUNS, 3 << 53
	.equ	CODE, PAGE | NORMAL | (1 << 54) | (1 << 7)
	.equ	READ_ONLY, PAGE | NORMAL | NEVER_RUNS | (1 << 7)
	.equ	DATA, PAGE | NORMAL | NEVER_RUNS
	.equ	DEVICE, PAGE | NEVER_RUNS

	/* fill a table up to `from`, then n pages; from: byte of the 2 MiB that the table is for */
	.macro	pages table, from, n, access
	.org	\table + \from / 512
	.set	page, \table\()_at + \from
	.rept	\n
	.quad	page | \access
	.set	page, page + 0x1000
	.endr
	.endm

	.section .tables, "a"
	.balign	4096
	.equ	image_at, 0x40000000
image:
	pages	image, 0x0000, 8, CODE
	pages	image, 0x8000, 4, READ_ONLY
	pages	image, 0x10000, 8, DATA
	.org	image + 4096
	.equ	shared_at, 0x70000000
shared:
	pages	shared, 0x0, 32, DATA		/* the windows: as Linux maps them */
	pages	shared, 0x100000, 2, DEVICE	/* registers: as Linux maps them */
	pages	shared, 0x10f000, 1, DEVICE	/* orders */
	pages	shared, 0x110000, 1, DEVICE	/* the bell */
	.org	shared + 4096
level2:
	.quad	image + 3
	.org	level2 + (0x30000000 >> 21) * 8
	.quad	shared + 3
	.org	level2 + 4096
level1:
	.quad	0, level2 + 3
