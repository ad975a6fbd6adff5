/* SPDX-License-Identifier: BSD-3-Clause */
/* mac.c - SHA-256 and HMAC-SHA-256, by mbedtls */
#include "hosted/mac.h"
#include <stdlib.h>
#include <string.h>

void mac_wipe(void *p, size_t len)
{
	explicit_bzero(p, len);
}

#if HAVE_MBEDTLS
#include <mbedtls/md.h>
#include "hosted/log.h"

struct mac {
	mbedtls_md_context_t ctx;
	uint8_t key[MAC_BYTES];
};

/* The library fails only when it is used wrongly; a wrong MAC would be worse than no program. */
static void must(int rc)
{
	if (rc) {
		log_error(NULL, "mbedtls: error %d", rc);
		abort();
	}
}

struct mac *mac_new(void)
{
	struct mac *m = calloc(1, sizeof(*m));

	if (!m) {
		return NULL;
	}
	mbedtls_md_init(&m->ctx);
	if (mbedtls_md_setup(&m->ctx, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1)) {
		free(m);
		return NULL;
	}
	return m;
}

void mac_free(struct mac *m)
{
	if (m) {
		mbedtls_md_free(&m->ctx);
		mac_wipe(m, sizeof(*m));
		free(m);
	}
}

void mac_key(struct mac *m, const uint8_t key[MAC_BYTES])
{
	memcpy(m->key, key, MAC_BYTES);
}

void mac_begin(struct mac *m)
{
	must(mbedtls_md_hmac_starts(&m->ctx, m->key, MAC_BYTES));
}

void mac_add(struct mac *m, const void *p, size_t len)
{
	must(mbedtls_md_hmac_update(&m->ctx, p, len));
}

void mac_end(struct mac *m, uint8_t out[MAC_BYTES])
{
	must(mbedtls_md_hmac_finish(&m->ctx, out));
}

bool mac_digest(const void *p, size_t len, uint8_t out[MAC_BYTES])
{
	must(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), p, len, out));
	return true;
}

#else

struct mac *mac_new(void)
{
	return NULL;
}

void mac_free(struct mac *m)
{
	(void)m;
}

void mac_key(struct mac *m, const uint8_t key[MAC_BYTES])
{
	(void)m;
	(void)key;
}

void mac_begin(struct mac *m)
{
	(void)m;
}

void mac_add(struct mac *m, const void *p, size_t len)
{
	(void)m;
	(void)p;
	(void)len;
}

void mac_end(struct mac *m, uint8_t out[MAC_BYTES])
{
	(void)m;
	memset(out, 0, MAC_BYTES);
}

bool mac_digest(const void *p, size_t len, uint8_t out[MAC_BYTES])
{
	(void)p;
	(void)len;
	memset(out, 0, MAC_BYTES);
	return false;
}

#endif
