/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watchdog.c - a watchdog of this machine, by /dev/watchdogN, stands behind the guest's
 *
 *	off	the machine's watchdog is disabled; the guest's does not run
 *	fed	the same, but it cannot be disabled (nowayout): a timer here feeds it
 *	guest	each kick of the guest feeds it. Where it has less time than the guest (rounded up to seconds, within what
 *		the machine's can), the timer feeds it in between
 *	bites	the guest's has expired: nobody feeds it any more, and the machine is reset
 *
 * So in "guest", when its time suffices, this program is out of the chain: if it hangs or dies, the machine is reset as
 * if the guest had. The file is opened at the start, as the program may give up its privileges later; opening it starts
 * the watchdog, which is the kernel's rule.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "host/linux/watchdog.h"
#include "hosted/log.h"
#include "vio/watchdog.h"

#define SECOND 1000000000u /* ns */

enum dog_state { DOG_OFF, DOG_FED, DOG_GUEST, DOG_BITES };

struct dog {
	const char *name;
	struct vio_clock *clock;
	struct vio_timer timer; /* set while it is fed from here */
	int fd;
	int seconds; /* of the machine's watchdog */
	enum dog_state state;
	bool told; /* that it fails */
};

static const struct vio_watchdog_can dog_can = {
	.actions = 1u << VIO_WATCHDOG_A_RESET,
	.action = VIO_WATCHDOG_A_RESET,
};

static const struct vio_watchdog_can *dog_open_device(void *host)
{
	(void)host;
	return &dog_can;
}

/* It is said once; returns: VIO_E_IO */
static int dog_fails(struct dog *d, const char *what)
{
	if (!d->told) {
		log_error(d->name, "this machine's watchdog %s: %s", what, strerror(errno));
	}
	d->told = true;
	return VIO_E_IO;
}

/* returns: VIO_OK | VIO_E_IO */
static int dog_feed(struct dog *d)
{
	return ioctl(d->fd, WDIOC_KEEPALIVE, 0) >= 0 ? VIO_OK : dog_fails(d, "cannot be fed");
}

/* Half of its time; a second has to do if that is all it has. */
static void dog_feed_later(struct dog *d)
{
	d->clock->set(d->clock, &d->timer,
		      d->clock->now(d->clock) + (uint64_t)d->seconds * (SECOND / 2));
}

static void dog_fire(struct vio_timer *t)
{
	struct dog *d = VIO_CONTAINER(t, struct dog, timer);

	(void)dog_feed(d);
	dog_feed_later(d);
}

static bool dog_switch(struct dog *d, int how)
{
	return ioctl(d->fd, WDIOC_SETOPTIONS, &how) >= 0;
}

/* Nobody is watched: disable it, or feed it from here. */
static void dog_rest(struct dog *d)
{
	if (dog_switch(d, WDIOS_DISABLECARD)) {
		d->state = DOG_OFF;
		d->clock->set(d->clock, &d->timer, 0);
		return;
	}
	d->state = DOG_FED;
	(void)dog_feed(d);
	dog_feed_later(d);
}

static int dog_start(void *host, uint32_t timeout)
{
	struct dog *d = host;
	int seconds = (int)(timeout / 1000u) + (timeout % 1000u != 0);

	/* what it cannot have it leaves as it was */
	if (ioctl(d->fd, WDIOC_SETTIMEOUT, &seconds) < 0 && errno != EINVAL && errno != ENOTTY &&
	    errno != EOPNOTSUPP) {
		return dog_fails(d, "takes no timeout");
	}
	if (ioctl(d->fd, WDIOC_GETTIMEOUT, &seconds) >= 0 && seconds > 0) {
		d->seconds = seconds;
	}
	if (d->state == DOG_OFF && !dog_switch(d, WDIOS_ENABLECARD)) {
		return dog_fails(d, "does not start");
	}
	if (dog_feed(d) != VIO_OK) {
		return VIO_E_IO;
	}
	d->told = false;
	d->state = DOG_GUEST;
	if ((uint64_t)d->seconds * 1000u < timeout) {
		dog_feed_later(d);
	} else {
		d->clock->set(d->clock, &d->timer, 0);
	}
	return VIO_OK;
}

static int dog_kick(void *host)
{
	return dog_feed(host);
}

static void dog_stop(void *host)
{
	dog_rest(host);
}

static void dog_expired(void *host, uint8_t action)
{
	struct dog *d = host;
	int soon = 1;

	(void)action;
	d->clock->set(d->clock, &d->timer, 0);
	d->state = DOG_BITES;
	if (ioctl(d->fd, WDIOC_SETTIMEOUT, &soon) < 0) {
		if (errno == ENODEV) {
			log_error(d->name, "expired, and this machine's watchdog is gone: nothing "
					   "resets the machine");
			return;
		}
		soon = d->seconds;
	}
	log_error(d->name, "expired: this machine is reset within %d s", soon);
}

static const struct vio_watchdog_host_ops dog_ops = {
	.open = dog_open_device,
	.start = dog_start,
	.kick = dog_kick,
	.stop = dog_stop,
	.expired = dog_expired,
};

/* ---- kind ---- */

static void dog_close(struct host *out)
{
	struct dog *d = out->host;

	d->clock->set(d->clock, &d->timer, 0);
	/* "V" is the kernel's word for: the end is meant, do not bite */
	if (d->state != DOG_BITES && write(d->fd, "V", 1) != 1) {
		log_warn(d->name, "this machine's watchdog was not told of the end: %s",
			 strerror(errno));
	}
	close(d->fd);
	free(d);
}

static int dog_open(struct host_ctx *ctx, struct host *out)
{
	const char *path = ctx->arg && *ctx->arg ? ctx->arg : "/dev/watchdog";
	struct watchdog_info info;
	struct dog *d = calloc(1, sizeof(*d));

	if (!d) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "out of memory");
		return -1;
	}
	d->name = ctx->name;
	d->clock = loop_clock(ctx->loop);
	d->timer.fire = dog_fire;
	d->fd = open(path, O_WRONLY | O_CLOEXEC);
	if (d->fd < 0) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s: %s%s", path, strerror(errno),
			       errno == EBUSY	 ? "; another program feeds it"
			       : errno == ENOENT ? "; is there a driver? (softdog is one)"
						 : "");
		free(d);
		return -1;
	}
	if (ioctl(d->fd, WDIOC_GETSUPPORT, &info) < 0 ||
	    ioctl(d->fd, WDIOC_GETTIMEOUT, &d->seconds) < 0 || d->seconds <= 0) {
		(void)snprintf(ctx->err, sizeof(ctx->err), "%s is no watchdog with a timeout",
			       path);
		(void)!write(d->fd, "V", 1);
		close(d->fd);
		free(d);
		return -1;
	}
	dog_rest(d);
	if (d->state == DOG_FED) {
		log_info(d->name, "%s cannot be stopped: fed until the guest's starts, and after",
			 path);
	}
	out->ops = &dog_ops;
	out->host = d;
	out->close = dog_close;
	return 0;
}

static const struct host_option tell_opt[] = {
	{ "action", "WHAT", "when it expires: reset (default), poweroff, pause, nmi, none", false },
};

const struct host_kind host_linux_watchdog[] = {
	{
		.class_name = "watchdog",
		.name = "linux",
		.about = "a watchdog of this machine, which resets all of it",
		.arg_help = "[/dev/watchdogN]",
		.open = dog_open,
	},
	{
		.class_name = "watchdog",
		.name = "qmp",
		.about = "the guest's QEMU is told what to do, by its monitor",
		.arg_help = "SOCKET",
		.opt = tell_opt,
		.nopt = 1,
		.open = watchdog_qmp_open,
	},
	{
		.class_name = "watchdog",
		.name = "notify",
		.about = "a supervisor is told, by datagrams to its Unix socket",
		.arg_help = "SOCKET",
		.opt = tell_opt,
		.nopt = 1,
		.open = watchdog_notify_open,
	},
	{ 0 },
};
