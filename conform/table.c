/* SPDX-License-Identifier: BSD-3-Clause */
/* table.c - all rules: a new group, and a new device, is one line here */
#include <string.h>
#include "conform/conform.h"

#define GROUP(g)                                                                                   \
	extern const struct cf_rule cf_##g##_rules[];                                              \
	extern const unsigned cf_##g##_nrules;
GROUP(feature)
GROUP(status)
GROUP(ring)
GROUP(frame)
GROUP(event)
GROUP(vhost)
GROUP(vring)

extern const struct cf_dev cf_dev_rng, cf_dev_blk, cf_dev_console;
extern const struct cf_dev cf_dev_i2c, cf_dev_gpio, cf_dev_rtc, cf_dev_spi, cf_dev_scmi, cf_dev_can,
	cf_dev_rpmb, cf_dev_watchdog;

const struct cf_dev *const cf_devices[] = {
	&cf_dev_rng,  &cf_dev_blk, &cf_dev_console, &cf_dev_i2c,      &cf_dev_gpio,
	&cf_dev_rtc,  &cf_dev_spi, &cf_dev_scmi,    &cf_dev_watchdog, &cf_dev_can,
#if HAVE_MBEDTLS /* without, nobody can tell a MAC */
	&cf_dev_rpmb,
#endif
	NULL,
};

static const struct {
	const struct cf_rule *rule;
	const unsigned *n;
} groups[] = {
	{ cf_feature_rules, &cf_feature_nrules }, { cf_status_rules, &cf_status_nrules },
	{ cf_ring_rules, &cf_ring_nrules },	  { cf_frame_rules, &cf_frame_nrules },
	{ cf_event_rules, &cf_event_nrules },	  { cf_vhost_rules, &cf_vhost_nrules },
	{ cf_vring_rules, &cf_vring_nrules },
};

const struct cf_dev *cf_device(const char *name)
{
	for (unsigned i = 0; cf_devices[i]; i++) {
		if (strcmp(cf_devices[i]->name, name) == 0) {
			return cf_devices[i];
		}
	}
	return NULL;
}

const struct cf_dev *cf_device_id(uint32_t id)
{
	for (unsigned i = 0; cf_devices[i]; i++) {
		if (cf_devices[i]->id == id) {
			return cf_devices[i];
		}
	}
	return NULL;
}

const struct cf_rule *cf_rule_at(const struct cf_dev *dev, unsigned n)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		if (n < *groups[g].n) {
			return &groups[g].rule[n];
		}
		n -= *groups[g].n;
	}
	return n < dev->nrule ? &dev->rule[n] : NULL;
}
