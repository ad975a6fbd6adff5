/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config.h - what a program may leave out of the core
 *
 * All is in by default. A program that wants a part left out compiles everything of it with -DVIO_CFG_...=0: the layout of
 * struct vio_vq depends on it. These are parts of the core, not machines: nothing here says what it runs on.
 */
#ifndef VIO_CONFIG_H
#define VIO_CONFIG_H

/* 0: split rings only; a port must not offer VIO_F_RING_PACKED */
#ifndef VIO_CFG_PACKED
#define VIO_CFG_PACKED 1
#endif

/* 0: no in-flight tracking (vio_vq_track) */
#ifndef VIO_CFG_TRACK
#define VIO_CFG_TRACK 1
#endif

/*
 * 0: no quick way through memory that is always mapped; same answers, about twice the instructions, less text. What is
 * done is shown at the end of a turn only (vio_vq_show).
 */
#ifndef VIO_CFG_QUICK
#define VIO_CFG_QUICK 1
#endif

#endif
