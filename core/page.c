/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * page.c - configuration that a driver reads from memory
 *
 * It is written (d->show) wherever configuration may have changed: when the device says so, then before the generation
 * changes, and after start and stop of the class. The driver cannot change it meanwhile: that is what is not offered.
 */
#include <string.h>
#include "vio/dev.h"

static uint32_t words(const struct vio_dev *d)
{
	return ((uint32_t)d->ops->config_len + 3u) / 4u;
}

/* In words: a driver reads a field of up to 4 bytes without a look at the generation. */
static void show(const struct vio_dev *d)
{
	for (uint32_t i = 0u; i < words(d); i++) {
		uint32_t w;

		vio_dev_config_read(d, 4u * i, &w, sizeof(w));
		__atomic_store_n(&d->page[i], w, __ATOMIC_RELAXED);
	}
	if (d->page_clean != NULL) {
		d->page_clean(d->page, 4u * words(d));
	}
}

int vio_dev_config_page(struct vio_dev *d, void *page, uint32_t len,
			void (*clean)(void *page, uint32_t len))
{
	if (page == NULL) {
		d->show = NULL;
		return VIO_OK;
	}
	if ((((uintptr_t)page | len) % 4u != 0u) || (len < (4u * words(d)))) {
		return VIO_E_ARG;
	}
	if ((d->ops->config_write != NULL) && (d->ops->config_write_needs == 0u)) {
		return VIO_E_NOTSUP;
	}
	d->offered &= ~d->ops->config_write_needs;
	d->page = page;
	d->page_clean = clean;
	d->show = show;
	show(d); /* a driver may be reading what an earlier process wrote: that is not zeroed before */
	(void)memset(d->page + words(d), 0, len - 4u * words(d));
	if (clean != NULL) {
		clean(page, len);
	}
	return VIO_OK;
}
