// SPDX-License-Identifier: GPL-2.0-only
/*
 * ask.c - what is asked of a device, in messages
 *
 * Each answer is a copy; its length was checked by whoever asked for so many bytes (msg_bus_ask), its content is
 * checked here.
 */
#include <linux/delay.h>
#include "msg.h"

#define RESET_MS 5000 /* the device may have to wait for its host */

static int ask(struct msg_device *dev, struct wire_msg *msg, u16 want)
{
	return dev->gone ? -ENODEV : msg_bus_ask(dev->bus, msg, want);
}

int msg_ask_info(struct msg_device *dev, struct msg_info *info)
{
	unsigned int w = msg_rfc3 ? 3 : 7; /* behind the UUID, in the layout of 2026 */
	struct wire_msg msg;
	int err;

	msg_init(&msg, 0, WIRE_GET_DEVICE_INFO, dev->num, 0);
	err = ask(dev, &msg, msg_rfc3 ? 24 : 44);
	if (err) {
		return err;
	}
	info->id = msg_word(&msg, W_INFO_ID);
	info->vendor = msg_word(&msg, W_INFO_VENDOR);
	info->config_size = msg_word(&msg, w);
	return info->id && info->config_size <= MSG_CONFIG_MAX ? 0 : -EPROTO;
}

int msg_ask_features(struct msg_device *dev, u64 *features)
{
	struct wire_msg msg;
	int err;

	msg_init(&msg, 0, WIRE_GET_FEATURES, dev->num, 8);
	msg_set(&msg, W_FEATURES_FIRST, 0);
	msg_set(&msg, W_FEATURES_COUNT, 2);
	err = ask(dev, &msg, 16);
	*features = msg_word(&msg, W_FEATURES_BITS) | (u64)msg_word(&msg, W_FEATURES_BITS + 1)
							      << 32;
	return err;
}

int msg_ask_set_features(struct msg_device *dev, u64 features)
{
	struct wire_msg msg;

	msg_init(&msg, 0, WIRE_SET_FEATURES, dev->num, 16);
	msg_set(&msg, W_FEATURES_FIRST, 0);
	msg_set(&msg, W_FEATURES_COUNT, 2);
	msg_set(&msg, W_FEATURES_BITS, lower_32_bits(features));
	msg_set(&msg, W_FEATURES_BITS + 1, upper_32_bits(features));
	return ask(dev, &msg, 0);
}

int msg_ask_queue_max(struct msg_device *dev, u16 index, u32 *max)
{
	struct wire_msg msg;
	int err;

	msg_init(&msg, 0, WIRE_GET_QUEUE, dev->num, 4);
	msg_set(&msg, W_QUEUE_INDEX, index);
	err = ask(dev, &msg, W_QUEUE_END * 4);
	*max = msg_word(&msg, W_QUEUE_MAX);
	return err;
}

static void set_address(struct wire_msg *msg, unsigned int word, u64 at)
{
	msg_set(msg, word, lower_32_bits(at));
	msg_set(msg, word + 1, upper_32_bits(at));
}

int msg_ask_set_queue(struct msg_queue *q)
{
	u8 *window = q->dev->bus->window;
	struct wire_msg msg;

	msg_init(&msg, 0, WIRE_SET_QUEUE, q->dev->num, W_QUEUE_END * 4);
	msg_set(&msg, W_QUEUE_INDEX, q->index);
	msg_set(&msg, W_QUEUE_FLAGS, msg_rfc3 ? 0 : WIRE_QUEUE_ENABLE);
	msg_set(&msg, W_QUEUE_SIZE, q->num);
	set_address(&msg, W_QUEUE_DESC, (u8 *)q->mirror.desc - window);
	set_address(&msg, W_QUEUE_DRIVER, (u8 *)q->mirror.avail - window);
	set_address(&msg, W_QUEUE_DEVICE, (u8 *)q->mirror.used - window);
	return ask(q->dev, &msg, 0);
}

int msg_ask_status(struct msg_device *dev, u8 id, u8 set, u8 *now)
{
	struct wire_msg msg;
	int err;

	msg_init(&msg, 0, id, dev->num, id == WIRE_SET_STATUS ? 4 : 0);
	msg_set(&msg, 0, set);
	err = ask(dev, &msg, 4);
	*now = msg_word(&msg, 0);
	return err;
}

int msg_ask_reset(struct msg_device *dev)
{
	unsigned long end = jiffies + msecs_to_jiffies(RESET_MS);
	u8 now;
	int err = msg_ask_status(dev, WIRE_SET_STATUS, 0, &now);

	while (!err && now && time_before(jiffies, end)) {
		msleep(20);
		err = msg_ask_status(dev, WIRE_GET_STATUS, 0, &now);
	}
	return err ? err : now ? -ETIMEDOUT : 0;
}

/* ---- configuration ---- */

static u32 chunk(const struct msg_device *dev)
{
	return min_t(u32, dev->bus->fifo.size, WIRE_MAX) - WIRE_HEAD - W_CONFIG_DATA * 4;
}

int msg_ask_config(struct msg_device *dev, u8 *to)
{
	u32 at, first = 0, tries = 0;
	struct wire_msg msg;

	for (at = 0; at < dev->config_size;) {
		u32 want = min(dev->config_size - at, chunk(dev)), got;
		int err;

		msg_init(&msg, 0, WIRE_GET_CONFIG, dev->num, 8);
		msg_set(&msg, W_GET_CONFIG_OFFSET, at);
		msg_set(&msg, W_GET_CONFIG_LENGTH, want);
		err = ask(dev, &msg, W_CONFIG_DATA * 4 + 1);
		if (err) {
			return err;
		}
		got = min_t(u32, msg_word(&msg, W_CONFIG_LENGTH), want);
		got = min_t(u32, got, le16_to_cpu(msg.head.size) - WIRE_HEAD - W_CONFIG_DATA * 4);
		if (!got || msg_word(&msg, W_CONFIG_OFFSET) != at) {
			return -EPROTO;
		}
		if (at && msg_word(&msg, W_CONFIG_GENERATION) != first) {
			if (tries++ > 16) {
				return -EPROTO;
			}
			at = 0;
			continue;
		}
		first = msg_word(&msg, W_CONFIG_GENERATION);
		memcpy(to + at, &msg.word[W_CONFIG_DATA], got);
		at += got;
	}
	return 0;
}

int msg_ask_set_config(struct msg_device *dev, u32 at, const u8 *from, u32 len)
{
	struct wire_msg msg;

	while (len) {
		u32 n = min(len, chunk(dev));
		int err;

		msg_init(&msg, 0, WIRE_SET_CONFIG, dev->num, W_CONFIG_DATA * 4 + n);
		msg_set(&msg, W_CONFIG_OFFSET, at);
		msg_set(&msg, W_CONFIG_LENGTH, n);
		memcpy(&msg.word[W_CONFIG_DATA], from, n);
		err = ask(dev, &msg, W_CONFIG_DATA * 4);
		if (err) {
			return err;
		}
		at += n;
		from += n;
		len -= n;
	}
	return 0;
}
