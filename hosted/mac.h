/* SPDX-License-Identifier: BSD-3-Clause */
/* mac.h - SHA-256 and HMAC-SHA-256 of a library (mbedtls) */
#ifndef HOSTED_MAC_H
#define HOSTED_MAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAC_BYTES 32u

struct mac;

/* mac_new - returns: NULL no memory, or built without the library (HAVE_MBEDTLS) */
struct mac *mac_new(void);
void mac_free(struct mac *m); /* wipes the key; NULL is allowed */
/* mac_key - use this key from the next mac_begin on */
void mac_key(struct mac *m, const uint8_t key[MAC_BYTES]);
/* mac_begin, mac_add, mac_end - one message after the other; needs a key */
void mac_begin(struct mac *m);
void mac_add(struct mac *m, const void *p, size_t len);
void mac_end(struct mac *m, uint8_t out[MAC_BYTES]);
/* mac_digest - SHA-256 of len bytes, without a key; returns: false built without the library */
bool mac_digest(const void *p, size_t len, uint8_t out[MAC_BYTES]);
/* mac_wipe - zeroes that a compiler does not leave out */
void mac_wipe(void *p, size_t len);

#endif
