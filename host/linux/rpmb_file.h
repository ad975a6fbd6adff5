/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpmb_file.h - what an RPMB keeps, in a file that survives a loss of power at any moment
 *
 * Layout and order of writes are in rpmb_file.c. One user at a time: the file is locked.
 */
#ifndef HOST_LINUX_RPMB_FILE_H
#define HOST_LINUX_RPMB_FILE_H

#include "vio/rpmb.h"

struct rpmb_file {
	int fd;
	struct vio_rpmb_store store; /* as it is safely on the disk */
	uint8_t key[VIO_RPMB_MAC];
	uint64_t seq;  /* of the record that counts */
	uint8_t *data; /* store.blocks blocks, the same as in the file */
	int error; /* errno of a write that failed: what is on the disk is not known before it is opened again */
	uint8_t *slot; /* scratch for two records */
};

/*
 * rpmb_file_make - a new file without key, counter 0, data of zeroes; complete or not there at all
 * units: of 128 KiB, 1 to 128; returns: 0 | errno; EEXIST: there is one
 */
int rpmb_file_make(const char *path, uint32_t units);

/*
 * rpmb_file_open - and bring to its end what a loss of power left undone
 * why: not NULL; *why: what is wrong with the content where EINVAL is returned
 * returns: 0 | errno; EWOULDBLOCK: another process has it; EINVAL: it is no such file, or is damaged
 */
int rpmb_file_open(struct rpmb_file *f, const char *path, const char **why);
void rpmb_file_close(struct rpmb_file *f);

/*
 * rpmb_file_commit - program c->key, or write c->data and count; blocks, may take as long as the disk does
 * `store` and `data` are changed only when all is safe.
 * returns: VIO_OK | VIO_E_IO; every later commit fails too
 */
int rpmb_file_commit(struct rpmb_file *f, const struct vio_rpmb_commit *c);

#endif
