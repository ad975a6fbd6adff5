/* SPDX-License-Identifier: BSD-3-Clause */
/* iov.h - from a view of a request to what readv and writev take */
#ifndef HOSTED_IOV_H
#define HOSTED_IOV_H

#include <sys/uio.h>
#include "vio/vq.h"

/*
 * iov_of_span - the pieces of `s` behind its first `skip` bytes
 * iov: max of them; returns: how many were filled, so that a longer span is only begun
 */
int iov_of_span(struct vio_span s, uint32_t skip, struct iovec *iov, int max);

#endif
