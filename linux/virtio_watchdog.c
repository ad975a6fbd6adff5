// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * virtio_watchdog.c - a Linux driver for the watchdog device of docs/standards/watchdog.md
 *
 * Theory of operation. One request at a time, in `req` and `resp`. A device that does not answer within ANSWER_MS
 * leaves its request in the ring: then `pending` stays set, nothing else is asked until the answer came, and the late
 * answer is dropped. A kick that is still in the ring counts when the device comes to it.
 *
 * Timeouts are milliseconds for the device and seconds here. START sets all of them, so it is sent again when one
 * changes while the watchdog runs, when the device has forgotten that it runs (its back-end was restarted), and for a
 * watchdog that is found running (VIRTIO_WATCHDOG_F_ENDURE, or a boot loader): the core kicks that until a program
 * opens it.
 *
 * Events are taken in the interrupt: one kind exists, and the core's governor wants to act at once.
 */
#include <linux/completion.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/version.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/watchdog.h>
#include "virtio_watchdog.h"

#define ANSWER_MS 5000
#define EVENTS	  2
#define NO_ANSWER 0xff /* no status: what the device did not write */

enum { REQUESTQ, EVENTQ, QUEUES };

static bool nowayout = WATCHDOG_NOWAYOUT;
module_param(nowayout, bool, 0444);
MODULE_PARM_DESC(nowayout, "once started it cannot be stopped (kernel's default: " __MODULE_STRING(
				   WATCHDOG_NOWAYOUT) ")");
static unsigned int timeout;
module_param(timeout, uint, 0444);
MODULE_PARM_DESC(timeout, "seconds until it expires; 0: what the device recommends (0)");
static unsigned int action;
module_param(action, uint, 0444);
MODULE_PARM_DESC(
	action,
	"when it expires, if the device leaves the choice: 0 the device's (0), 1 none, 2 reset, "
	"3 power off, 4 pause, 5 NMI");

struct virtio_watchdog {
	struct virtio_device *vdev;
	struct virtqueue *vq[QUEUES];
	struct watchdog_device wdd;
	struct watchdog_info info;
	u32 actions; /* that may be asked for */
	u8 action;   /* that is asked for */

	struct mutex asking; /* one request at a time; nobody asks while `asleep` changes */
	bool asleep;	     /* there are no queues: suspended */
	spinlock_t lock;     /* of the requestq and `pending` */
	bool pending;	     /* a request is in the ring */
	struct completion done;

	/* The device's: cache lines of their own */
	union {
		struct virtio_watchdog_req_head head;
		struct virtio_watchdog_req_start start;
	} req ____cacheline_aligned;
	union {
		struct virtio_watchdog_resp_head head;
		struct virtio_watchdog_resp_status status;
	} resp ____cacheline_aligned;
	struct virtio_watchdog_event event[EVENTS] ____cacheline_aligned;
};

/* ---- requests ---- */

static void request_done(struct virtqueue *vq)
{
	struct virtio_watchdog *w = vq->vdev->priv;
	unsigned long flags;
	unsigned int len;

	spin_lock_irqsave(&w->lock, flags);
	if (virtqueue_get_buf(vq, &len)) {
		w->pending = false;
		complete(&w->done);
	}
	spin_unlock_irqrestore(&w->lock, flags);
}

/* returns: 0: w->req and w->resp are the driver's | -ETIMEDOUT: the device has them still */
static int settle(struct virtio_watchdog *w)
{
	return !READ_ONCE(w->pending) ||
			       wait_for_completion_timeout(&w->done, msecs_to_jiffies(ANSWER_MS))
		       ? 0
		       : -ETIMEDOUT;
}

static int put_request(struct virtio_watchdog *w, size_t out_len, size_t in_len)
{
	struct scatterlist out, in, *sgs[] = { &out, &in };
	unsigned long flags;
	int err;

	memset(&w->resp, 0, sizeof(w->resp));
	w->resp.head.status = NO_ANSWER;
	sg_init_one(&out, &w->req, out_len);
	sg_init_one(&in, &w->resp, in_len);
	spin_lock_irqsave(&w->lock, flags);
	reinit_completion(&w->done);
	err = virtqueue_add_sgs(w->vq[REQUESTQ], sgs, 1, 1, w, GFP_ATOMIC);
	w->pending = !err;
	spin_unlock_irqrestore(&w->lock, flags);
	if (!err && !virtqueue_kick(w->vq[REQUESTQ])) {
		err = -EIO; /* the device is gone */
	}
	return err;
}

/* returns: 0 | errno, of an answer of the device too */
static int error_of(u8 status)
{
	switch (status) {
	case VIRTIO_WATCHDOG_S_OK:
		return 0;
	case VIRTIO_WATCHDOG_S_UNSUPP:
		return -EOPNOTSUPP;
	case VIRTIO_WATCHDOG_S_INVAL:
		return -EINVAL;
	case VIRTIO_WATCHDOG_S_STATE:
		return -EBUSY;
	default:
		return -EIO;
	}
}

/* answer: NULL, or where the whole response goes, in_len bytes */
static int ask(struct virtio_watchdog *w, const void *req, size_t out_len, void *answer,
	       size_t in_len)
{
	int err = -ENODEV;

	mutex_lock(&w->asking);
	if (!w->asleep && !virtqueue_is_broken(w->vq[REQUESTQ])) {
		err = settle(w);
	}
	if (!err) {
		memcpy(&w->req, req, out_len);
		err = put_request(w, out_len, in_len);
	}
	err = err ? err : settle(w);
	err = err ? err : error_of(w->resp.head.status);
	if (!err && answer) {
		memcpy(answer, &w->resp, in_len);
	}
	mutex_unlock(&w->asking);
	return err;
}

static int ask_head(struct virtio_watchdog *w, u16 type)
{
	struct virtio_watchdog_req_head head = { .type = cpu_to_le16(type) };

	return ask(w, &head, sizeof(head), NULL, sizeof(struct virtio_watchdog_resp_head));
}

static int ask_status(struct virtio_watchdog *w, struct virtio_watchdog_resp_status *status)
{
	struct virtio_watchdog_req_head head = {
		.type = cpu_to_le16(VIRTIO_WATCHDOG_REQ_GET_STATUS),
	};

	return ask(w, &head, sizeof(head), status, sizeof(*status));
}

static int ask_start(struct virtio_watchdog *w)
{
	bool noway = test_bit(WDOG_NO_WAY_OUT, &w->wdd.status);
	struct virtio_watchdog_req_start start = {
		.head.type = cpu_to_le16(VIRTIO_WATCHDOG_REQ_START),
		.head.flags = cpu_to_le16(noway ? VIRTIO_WATCHDOG_FLAG_NOWAYOUT : 0),
		.timeout = cpu_to_le32(w->wdd.timeout * 1000),
		.pretimeout = cpu_to_le32(w->wdd.pretimeout * 1000),
		.action = w->action,
	};

	return ask(w, &start, sizeof(start), NULL, sizeof(struct virtio_watchdog_resp_head));
}

/* ---- the watchdog core's ---- */

static struct virtio_watchdog *of(struct watchdog_device *wdd)
{
	return container_of(wdd, struct virtio_watchdog, wdd);
}

static bool is_running(struct virtio_watchdog *w)
{
	return watchdog_active(&w->wdd) || watchdog_hw_running(&w->wdd);
}

static int op_start(struct watchdog_device *wdd)
{
	return ask_start(of(wdd));
}

static int op_stop(struct watchdog_device *wdd)
{
	return ask_head(of(wdd), VIRTIO_WATCHDOG_REQ_STOP);
}

static int op_ping(struct watchdog_device *wdd)
{
	int err = ask_head(of(wdd), VIRTIO_WATCHDOG_REQ_KICK);

	return err == -EBUSY ? ask_start(of(wdd)) : err; /* it knows of no start */
}

/* timeout and pretimeout as given, or as they were if the device does not take them */
static int set_both(struct virtio_watchdog *w, unsigned int t, unsigned int pre)
{
	unsigned int old_t = w->wdd.timeout, old_pre = w->wdd.pretimeout;
	int err;

	w->wdd.timeout = t;
	w->wdd.pretimeout = pre;
	err = is_running(w) ? ask_start(w) : 0;
	if (err) {
		w->wdd.timeout = old_t;
		w->wdd.pretimeout = old_pre;
	}
	return err;
}

static int op_set_timeout(struct watchdog_device *wdd, unsigned int t)
{
	return set_both(of(wdd), t, wdd->pretimeout < t ? wdd->pretimeout : 0);
}

static int op_set_pretimeout(struct watchdog_device *wdd, unsigned int pre)
{
	return set_both(of(wdd), wdd->timeout, pre);
}

static unsigned int op_get_timeleft(struct watchdog_device *wdd)
{
	struct virtio_watchdog_resp_status status;

	if (ask_status(of(wdd), &status)) {
		return 0;
	}
	return DIV_ROUND_UP(le32_to_cpu(status.time_left), 1000);
}

static const struct watchdog_ops ops = {
	.owner = THIS_MODULE,
	.start = op_start,
	.stop = op_stop,
	.ping = op_ping,
	.set_timeout = op_set_timeout,
	.set_pretimeout = op_set_pretimeout,
	.get_timeleft = op_get_timeleft,
};

/* ---- events ---- */

static int put_event(struct virtio_watchdog *w, struct virtio_watchdog_event *e)
{
	struct scatterlist sg;

	sg_init_one(&sg, e, sizeof(*e));
	return virtqueue_add_inbuf(w->vq[EVENTQ], &sg, 1, e, GFP_ATOMIC);
}

static void events_done(struct virtqueue *vq)
{
	struct virtio_watchdog *w = vq->vdev->priv;
	struct virtio_watchdog_event *e;
	unsigned int len;

	while ((e = virtqueue_get_buf(vq, &len)) != NULL) {
		if (len >= sizeof(*e) && le16_to_cpu(e->type) == VIRTIO_WATCHDOG_EVENT_PRETIMEOUT) {
			watchdog_notify_pretimeout(&w->wdd);
		}
		if (put_event(w, e)) {
			return;
		}
	}
	virtqueue_kick(vq);
}

/* ---- device ---- */

static int find_queues(struct virtio_watchdog *w)
{
	unsigned int n = virtio_has_feature(w->vdev, VIRTIO_WATCHDOG_F_PRETIMEOUT) ? 2 : 1;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct virtqueue_info info[QUEUES] = { { "request", request_done },
					       { "event", events_done } };

	return virtio_find_vqs(w->vdev, n, w->vq, info, NULL);
#else
	vq_callback_t *callbacks[QUEUES] = { request_done, events_done };
	static const char *const names[QUEUES] = { "request", "event" };

	return virtio_find_vqs(w->vdev, n, w->vq, callbacks, names, NULL);
#endif
}

/* returns: 0: the device can be asked | errno */
static int begin(struct virtio_watchdog *w)
{
	int n, err = find_queues(w);

	if (err) {
		return err;
	}
	w->pending = false;
	virtio_device_ready(w->vdev);
	if (virtio_has_feature(w->vdev, VIRTIO_WATCHDOG_F_PRETIMEOUT)) {
		for (n = 0; n < EVENTS && !err; n++) {
			err = put_event(w, &w->event[n]);
		}
		virtqueue_kick(w->vq[EVENTQ]);
	}
	return err;
}

static void end(struct virtio_watchdog *w)
{
	mutex_lock(&w->asking);
	w->asleep = true;
	virtio_reset_device(w->vdev);
	w->vdev->config->del_vqs(w->vdev);
	mutex_unlock(&w->asking);
}

/* Whole seconds within the device's bounds, and what it offers; returns: 0 | errno */
static int read_config(struct virtio_watchdog *w)
{
	struct watchdog_device *wdd = &w->wdd;
	u32 least, most, advised;

	virtio_cread_le(w->vdev, struct virtio_watchdog_config, timeout_min, &least);
	virtio_cread_le(w->vdev, struct virtio_watchdog_config, timeout_max, &most);
	virtio_cread_le(w->vdev, struct virtio_watchdog_config, timeout_default, &advised);
	virtio_cread_le(w->vdev, struct virtio_watchdog_config, actions, &w->actions);
	wdd->min_timeout = least / 1000 + (least % 1000 != 0);
	wdd->max_timeout = most / 1000;
	if (!least || wdd->min_timeout > wdd->max_timeout) {
		dev_err(&w->vdev->dev, "no whole second is in its range, %u to %u ms\n", least,
			most);
		return -EINVAL;
	}
	if (action >= 32 || (action && !(w->actions & BIT(action)))) {
		dev_err(&w->vdev->dev, "it does not leave action %u to us (mask 0x%x)\n", action,
			w->actions);
		return -EINVAL;
	}
	w->action = action;
	wdd->timeout = clamp(advised / 1000, wdd->min_timeout, wdd->max_timeout);
	watchdog_init_timeout(wdd, timeout, &w->vdev->dev);
	w->info.options =
		WDIOF_SETTIMEOUT | WDIOF_KEEPALIVEPING | WDIOF_MAGICCLOSE | WDIOF_CARDRESET;
	if (virtio_has_feature(w->vdev, VIRTIO_WATCHDOG_F_PRETIMEOUT)) {
		w->info.options |= WDIOF_PRETIMEOUT;
	}
	strscpy(w->info.identity, "virtio watchdog", sizeof(w->info.identity));
	return 0;
}

/* What it does already, and how it ended last; returns: 0 | errno */
static int take_over(struct virtio_watchdog *w)
{
	struct virtio_watchdog_resp_status status;
	bool noway = nowayout || !virtio_has_feature(w->vdev, VIRTIO_WATCHDOG_F_STOP);
	int err = ask_status(w, &status);

	if (err) {
		dev_err(&w->vdev->dev, "it does not say its state: %d\n", err);
		return err;
	}
	if (status.state & VIRTIO_WATCHDOG_STATE_EXPIRED) {
		w->wdd.bootstatus = WDIOF_CARDRESET;
	}
	watchdog_set_nowayout(&w->wdd, noway || (status.state & VIRTIO_WATCHDOG_STATE_NOWAYOUT));
	if (!(status.state & VIRTIO_WATCHDOG_STATE_RUNNING)) {
		return 0;
	}
	if (status.state & VIRTIO_WATCHDOG_STATE_NOWAYOUT) { /* its action is fixed */
		w->action =
			status.action < 32 && (w->actions & BIT(status.action)) ? status.action : 0;
	}
	err = ask_start(w); /* its timeout may be too short for seconds */
	if (err) {
		dev_err(&w->vdev->dev, "it runs, and cannot be started anew: %d\n", err);
		return err;
	}
	set_bit(WDOG_HW_RUNNING, &w->wdd.status);
	dev_info(&w->vdev->dev, "it was running already, %u ms were left\n",
		 le32_to_cpu(status.time_left));
	return 0;
}

static int watchdog_probe(struct virtio_device *vdev)
{
	struct virtio_watchdog *w = kzalloc(sizeof(*w), GFP_KERNEL);
	int err;

	if (!w) {
		return -ENOMEM;
	}
	vdev->priv = w;
	w->vdev = vdev;
	mutex_init(&w->asking);
	spin_lock_init(&w->lock);
	init_completion(&w->done);
	w->wdd.info = &w->info;
	w->wdd.ops = &ops;
	w->wdd.parent = &vdev->dev;
	err = virtio_has_feature(vdev, VIRTIO_F_VERSION_1) ? read_config(w) : -ENODEV;
	if (!err) {
		err = begin(w);
	}
	if (err) {
		goto free;
	}
	err = take_over(w);
	if (!err) {
		err = watchdog_register_device(&w->wdd);
	}
	if (!err) {
		return 0;
	}
	end(w);
free:
	kfree(w);
	return err;
}

static void watchdog_remove(struct virtio_device *vdev)
{
	struct virtio_watchdog *w = vdev->priv;

	watchdog_unregister_device(&w->wdd);
	end(w);
	kfree(w);
}

#ifdef CONFIG_PM_SLEEP
/* A reset ends the watchdog, so a machine that sleeps is not watched, unless it has no way out over a reset either. */
static int watchdog_freeze(struct virtio_device *vdev)
{
	end(vdev->priv);
	return 0;
}

static int watchdog_restore(struct virtio_device *vdev)
{
	struct virtio_watchdog *w = vdev->priv;
	int err = begin(w);

	if (err) {
		return err;
	}
	w->asleep = false;
	return is_running(w) ? ask_start(w) : 0;
}
#endif

static const unsigned int features[] = {
	VIRTIO_WATCHDOG_F_STOP,
	VIRTIO_WATCHDOG_F_PRETIMEOUT,
	VIRTIO_WATCHDOG_F_ENDURE,
};

static const struct virtio_device_id ids[] = {
	{ VIRTIO_ID_WATCHDOG_DRAFT, VIRTIO_DEV_ANY_ID },
	{ 0 },
};
MODULE_DEVICE_TABLE(virtio, ids);

static struct virtio_driver watchdog_driver = {
	.driver.name = KBUILD_MODNAME,
	.feature_table = features,
	.feature_table_size = ARRAY_SIZE(features),
	.id_table = ids,
	.probe = watchdog_probe,
	.remove = watchdog_remove,
#ifdef CONFIG_PM_SLEEP
	.freeze = watchdog_freeze,
	.restore = watchdog_restore,
#endif
};
module_virtio_driver(watchdog_driver);

MODULE_DESCRIPTION("virtio watchdog, as of a draft");
MODULE_LICENSE("Dual BSD/GPL");
