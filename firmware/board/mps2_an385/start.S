/* SPDX-License-Identifier: BSD-3-Clause */
/* start.S - Cortex-M3: vectors, from reset to main. Every fault is a reset of the chip: the devices then go on. */
	.syntax unified
	.cpu cortex-m3
	.thumb
	.section .vectors, "ax"
	.global _start
	.word	image_stack
	.word	_start
	.rept	14
	.word	fault
	.endr

	.text
	.thumb_func
	.type	_start, %function
_start:
	ldr	r1, =image_bss
	ldr	r2, =image_bss_end
	movs	r3, #0
1:	cmp	r1, r2
	bhs	2f
	str	r3, [r1], #4
	b	1b
2:	bl	main
	/* main returns when the board's tables are wrong: nothing is published, nothing more happens */
3:	wfi
	b	3b

	.thumb_func
	.type	fault, %function
fault:
	ldr	r0, =board_fault
	ldr	r1, [r0]
	adds	r1, r1, #1
	str	r1, [r0]
	.global board_restart
	.thumb_func
	.type	board_restart, %function
board_restart:
	ldr	r0, =0xe000ed0c		/* AIRCR: SYSRESETREQ */
	ldr	r1, =0x05fa0004
	dsb
	str	r1, [r0]
	dsb
4:	b	4b
	.ltorg
