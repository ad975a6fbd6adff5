/* SPDX-License-Identifier: BSD-3-Clause */
/* spec_bus.c - a device on a window of memory */
#include "app/spec.h"
#include "port/window/window.h"

#define QUEUE_MAX 1024u

static int check_where(const struct spec *s, struct spec_error *e)
{
	static const char *const other[] = { "socket-path", "fd",  "threads", "inband",
					     "iommu",	    "xen", "window" };
	const char *arg;

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		if (spec_get(s, other[i])) {
			spec_fail(e, other[i], "options 'bus' and '%s' exclude each other",
				  other[i]);
			return -1;
		}
	}
	if (!window_kind_of(s->bus, &arg) || !*arg) {
		spec_fail(e, "bus",
			  "option 'bus' is KIND:ARGUMENT, as file:/dev/shm/w,1M; not '%s'", s->bus);
		return -1;
	}
	return 0;
}

int spec_bus(struct spec *s, struct spec_error *e)
{
	const char *queue = spec_get(s, "bus-queue-size"), *request = spec_get(s, "bus-request");
	uint64_t n = 0, bytes = 0;

	s->bus = spec_get(s, "bus");
	if (!s->bus && (queue || request)) {
		spec_fail(e, queue ? "bus-queue-size" : "bus-request",
			  "option '%s' goes with bus=WHERE",
			  queue ? "bus-queue-size" : "bus-request");
		return -1;
	}
	if (s->bus && check_where(s, e)) {
		return -1;
	}
	if (queue && (!host_size(queue, &n) || n < 2 || n > QUEUE_MAX || (n & (n - 1u)) != 0)) {
		spec_fail(e, "bus-queue-size",
			  "option 'bus-queue-size' is a power of two from 2 to %u, not '%s'",
			  QUEUE_MAX, queue);
		return -1;
	}
	if (request && (!host_size(request, &bytes) || bytes < WINDOW_REQUEST_MIN || bytes >> 31)) {
		spec_fail(e, "bus-request",
			  "option 'bus-request' is a size from 8K to below 2G, not '%s'", request);
		return -1;
	}
	s->bus_queue = (uint16_t)n;
	s->bus_request = (uint32_t)bytes;
	return 0;
}
