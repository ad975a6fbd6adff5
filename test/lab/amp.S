/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * amp.S - first code on the first Cortex-A53: power on the other core, wait for its devices, enter Linux
 *
 * POWER_ON: number of the core for PSCI; QEMU's zcu102 has no power controller for the R5, but its PSCI knows the core.
 * IMAGE_BYTES: it is the beginning of what a boot loader takes for a Linux kernel of so many bytes.
 * The wait is for the magic number of the last device, or of the window of all; an image without it would be waited for in vain, so it ends.
 */
#ifndef MAGIC
#define MAGIC 0x74726976	/* of virtio-mmio */
#endif
	.global _start
_start:
#ifdef IMAGE_BYTES
	b	1f
	.word	0
	.quad	0
	.quad	IMAGE_BYTES
	.quad	0xa
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.word	0
1:
#endif
#ifdef POWER_ON
	ldr	x0, =0xc4000003		/* CPU_ON, at address 0 */
	mov	x1, #POWER_ON
	mov	x2, #0
	mov	x3, #0
	smc	#0
#endif
	ldr	x1, =MAGIC_AT
	ldr	w2, =MAGIC
	ldr	x3, =0x8000000
2:	ldr	w4, [x1]
	cmp	w4, w2
	b.eq	3f
	subs	x3, x3, #1
	b.ne	2b
3:	ldr	x0, =DTB
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	ldr	x4, =KERNEL
	br	x4
	.ltorg
