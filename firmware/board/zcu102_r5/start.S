/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.S - Cortex-R5 of Zynq UltraScale+: vectors in tightly coupled memory at 0, from reset to main
 *
 * Whatever goes wrong comes back to reset: the devices then go on for the driver's side, or wait until it sets them up
 * again. r0 says which vector it was, for stratos_board_init.
 */
	.syntax unified
	.arm
	.section .vectors, "ax"
	.global _start
_start:
	b	reset
	b	undefined
	b	fault		/* no system calls */
	b	prefetch
	b	data
	b	fault
	b	fault		/* no interrupts: everything is polled */
	b	fault
undefined:
	mov	r0, #1
	b	again
prefetch:
	mov	r0, #3
	b	again
data:
	mov	r0, #4
	b	again
fault:
	mov	r0, #7
	b	again
reset:
	mov	r0, #0
again:
	cpsid	aif, #0x13
	mrc	p15, 0, r1, c1, c0, 0	/* SCTLR: protection, caches off; unaligned accesses are faults */
	bic	r1, r1, #0x1000
	bic	r1, r1, #0x0005
	orr	r1, r1, #0x0002
	mcr	p15, 0, r1, c1, c0, 0
	isb
	ldr	sp, =image_stack
	ldr	r1, =image_bss
	ldr	r2, =image_bss_end
	mov	r3, #0
1:	cmp	r1, r2
	strlo	r3, [r1], #4
	blo	1b
	ldr	r1, =board_fault	/* in .bss, so behind the loop above */
	str	r0, [r1]
	bl	main
	/* main returns when the board's tables are wrong: nothing is published, nothing more happens */
2:	wfi
	b	2b

	.global board_restart
	.type	board_restart, %function	/* called from Thumb code */
board_restart:
	b	reset
	.ltorg
