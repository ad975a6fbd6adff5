/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * msg.h - the parts of stratos_msg, and what they ask of each other
 *
 *	main.c      the module: its parameters, its drivers
 *	ivshmem.c   where a window is: PCI device with doorbell and interrupt
 *	platform.c  where a window is: memory that the device tree names, of another processor
 *	sysfs.c     counters and state, for a person
 *	session.c   sessions with the peer, which devices there are
 *	bus.c       messages, requests and their answers
 *	fifo.c      the messages' way through the window
 *	ask.c       what is asked of a device
 *	device.c    a virtio device as Linux sees it
 *	config.c    its configuration
 *	queue.c     its queues, mirrored into the window
 *	copy.c      the copies of a request's buffers
 *	pool.c      memory of the window
 *
 * Locks, outer first:
 *	bus->lock      mutex   session, table of devices
 *	dev->lock      mutex   a device's status and set of queues
 *	bus->asking    mutex   the one request that waits for its answer
 *	bus->upcall    spin    one message or one failure at a time goes up to a driver
 *	queue->lock    spin    both rings of a queue
 *	fifo->tx, pool->lock   spin, innermost
 */
#ifndef STRATOS_MSG_H
#define STRATOS_MSG_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>
#include "wire.h"

#define MSG_DEVICES    64   /* device numbers below this */
#define MSG_QUEUES     64   /* of a device */
#define MSG_CONFIG_MAX 4096 /* bytes of configuration */

extern unsigned int msg_queue_size;
extern unsigned int msg_patience;
extern unsigned int msg_timeout;
extern bool msg_rfc3;

/* ---- pool.c: the window's memory, as offsets ---- */

struct msg_pool {
	spinlock_t lock;
	u8 *window;
	unsigned long *bits; /* one for each grain of the window */
	unsigned long grains, hint;
	u32 begin, end;
	u32 used, peak; /* bytes */
};

int msg_pool_init(struct msg_pool *pool, u8 *window, u32 size);
void msg_pool_exit(struct msg_pool *pool);
/* msg_pool_start - forget all that was given out; from now on [begin, end) is given out */
void msg_pool_start(struct msg_pool *pool, u32 begin, u32 end);
/* msg_pool_get - returns: offset in the window, aligned to 64 | 0: not now */
u32 msg_pool_get(struct msg_pool *pool, u32 len);
void msg_pool_put(struct msg_pool *pool, u32 at, u32 len);

/* ---- fifo.c ---- */

struct msg_fifo {
	spinlock_t tx;
	bool open;	 /* messages may be sent */
	u16 count, size; /* of elements, of each in bytes */
	struct wire_side_head *mine, *peer;
	u8 *out, *in;
	u16 tail, head;	    /* what the window says of them is never read back */
	u32 data, data_end; /* where rings and buffers may be */
	bool ours; /* the device side is this project's: it says more than the layout has room for */
};

/*
 * msg_fifo_find - read the peer's header, once, and check all of it
 * returns: 0 | -EAGAIN: there is none | -EPROTO: it is not acceptable
 */
int msg_fifo_find(struct msg_fifo *fifo, u8 *window, u32 size);
/* msg_fifo_start - both indices to 0, then READY */
void msg_fifo_start(struct msg_fifo *fifo);
void msg_fifo_open(struct msg_fifo *fifo, bool open);
void msg_fifo_status(struct msg_fifo *fifo, enum wire_side status);
u16 msg_fifo_peer(const struct msg_fifo *fifo);
/* msg_fifo_put - returns: 0 | -ENOTCONN: not open | -ENOSPC: full | -EPROTO: the peer's index is impossible */
int msg_fifo_put(struct msg_fifo *fifo, const struct wire_msg *msg);
/*
 * msg_fifo_take - a copy of the next message; context: one caller at a time
 * was_full: the peer may be waiting for room
 * returns: 1 | 0: there is none | -EINVAL: one with a bad size was dropped | -EPROTO: the peer's index is impossible
 *          | -EPIPE: the peer does not run
 */
int msg_fifo_take(struct msg_fifo *fifo, struct wire_msg *msg, bool *was_full);
/* msg_fifo_bell - what to write to the doorbell, if the peer says so */
u32 msg_fifo_bell(const struct msg_fifo *fifo, const u8 *window, u32 otherwise);
void msg_fifo_say_bell(const struct msg_fifo *fifo, u8 *window, u32 bell);

/* ---- bus.c ---- */

enum msg_state {
	MSG_DOWN,    /* waits for a peer that is ready */
	MSG_OFFERED, /* waits for it to run */
	MSG_UP,
};

struct msg_counters {
	atomic64_t sent, received, bad, full, doorbells, interrupts, sessions, lost;
	atomic64_t requests, again, failed;
};

struct msg_bus {
	struct device *parent;
	/* what differs between places; the window's memory is behind all earlier stores */
	void (*ring)(struct msg_bus *bus);
	void __iomem *regs; /* of the doorbell */
	u32 bell;	    /* what to write to it if the peer does not say it */
	u32 me;		    /* what the peer writes to ring this side; ~0: nothing */
	int irq;
	u8 *window;
	u32 size;

	struct msg_pool pool;
	struct msg_fifo fifo;
	struct msg_counters n;

	struct mutex lock;
	enum msg_state state;
	bool broken; /* the session cannot go on; set anywhere, state changes in the session's work */
	bool leaving;	     /* the module is being removed */
	unsigned long heard; /* jiffies of the last message */
	unsigned long begun; /* of the present state */
	struct msg_device *dev[MSG_DEVICES];

	struct mutex asking;
	spinlock_t answer_lock;
	bool expecting;
	struct wire_msg answer; /* its head is what is expected, until it came */
	int answer_err;
	struct completion answered;
	u16 token, want;

	spinlock_t upcall;
	struct workqueue_struct *wq; /* ordered: session, events, configuration */
	struct workqueue_struct
		*plug; /* ordered: drivers' probe and remove, which may take as long as I/O takes */
	struct delayed_work session;
	struct delayed_work give_up;
	struct delayed_work resume; /* what had no room: kicks, requests */
	struct work_struct more;    /* messages that one interrupt did not take */
	struct work_struct events;
	unsigned long came[BITS_TO_LONGS(MSG_DEVICES)];
	unsigned long went[BITS_TO_LONGS(MSG_DEVICES)];
	unsigned long changed[BITS_TO_LONGS(MSG_DEVICES)]; /* configuration */
	unsigned long unwell[BITS_TO_LONGS(MSG_DEVICES)];  /* NEEDS_RESET */
};

#define MSG_LEAVE_WAIT (5 * HZ) /* for the peer, when the module goes */

void msg_bus_interrupt(struct msg_bus *bus);
/* msg_bus_take - messages, if there are any */
void msg_bus_take(struct msg_bus *bus);
/* msg_bus_no_answer - the peer is gone: the wait is over */
void msg_bus_no_answer(struct msg_bus *bus);
void msg_bus_doorbell(struct msg_bus *bus);
/* msg_bus_broken - the peer broke a rule, or does not answer: end the session, and begin a new one when it can */
void msg_bus_broken(struct msg_bus *bus, const char *why);
/* msg_bus_send - an event. returns: 0 | -ENOSPC: try again | -ENOTCONN */
int msg_bus_send(struct msg_bus *bus, struct wire_msg *msg);
/*
 * msg_bus_ask - send a request and wait for its answer, which replaces it; context: may sleep
 * want: bytes of payload that the answer has at least
 * returns: 0 | -ENOTCONN: no session | -ETIMEDOUT | -EPROTO
 */
int msg_bus_ask(struct msg_bus *bus, struct wire_msg *msg, u16 want);

static inline void msg_init(struct wire_msg *msg, u8 type, u8 id, u16 dev, u16 payload)
{
	memset(msg, 0, sizeof(*msg));
	msg->head.type = type;
	msg->head.id = id;
	msg->head.dev = cpu_to_le16(dev);
	msg->head.size = cpu_to_le16(WIRE_HEAD + payload);
}

static inline u32 msg_word(const struct wire_msg *msg, unsigned int n)
{
	return le32_to_cpu(msg->word[n]);
}

static inline void msg_set(struct wire_msg *msg, unsigned int n, u32 value)
{
	msg->word[n] = cpu_to_le32(value);
}

/* ---- sysfs.c: <device>/messages/ ---- */

extern const struct attribute_group *msg_groups[];

/* ---- ivshmem.c, platform.c ---- */

int msg_ivshmem_init(void);
void msg_ivshmem_exit(void);
int msg_platform_init(void);
void msg_platform_exit(void);

/* ---- session.c ---- */

int msg_bus_init(struct msg_bus *bus);
void msg_bus_start(struct msg_bus *bus);
/* msg_bus_stop - no device is left; then the interrupt goes, then msg_bus_exit */
void msg_bus_stop(struct msg_bus *bus);
void msg_bus_exit(struct msg_bus *bus);
/* msg_bus_resume_soon - something found no room: try again */
void msg_bus_resume_soon(struct msg_bus *bus);

/* ---- device.c ---- */

struct msg_class; /* what is particular to a kind of device */
struct msg_line;
struct msg_queue;

struct msg_device {
	struct virtio_device vdev;
	struct msg_bus *bus;
	const struct msg_class *class;
	u16 num;
	u64 offered;   /* by the device */
	u16 first_num; /* entries of its first queue */

	struct mutex lock;
	u8 status;    /* as its driver knows it */
	bool open;    /* set up in this session, as far as status says */
	bool gone;    /* the device is not there any more: nothing is sent to it */
	bool give_up; /* requests end with an error */
	bool registered;
	bool detaching;	    /* its driver is being removed */
	atomic_long_t used; /* bytes of the pool */
	struct msg_queue *queue[MSG_QUEUES];

	spinlock_t config_lock;
	u32 config_size, generation;
	u8 *config;
	unsigned long
		*written; /* bytes of it that the driver wrote: written again in a new session */

	struct msg_line *lines; /* of a GPIO device: as they were set; else NULL */
	u16 nlines;

	unsigned long mended; /* jiffies of the last reset that the device asked for */
	struct work_struct attach, detach;
	struct completion released;
};

static inline struct msg_device *msg_device_of(struct virtio_device *vdev)
{
	return container_of(vdev, struct msg_device, vdev);
}

/* msg_device_create - ask all about a device; returns: error pointer */
struct msg_device *msg_device_create(struct msg_bus *bus, u16 num);
/* msg_device_free - one that was never registered, or whose last user is gone */
void msg_device_free(struct msg_device *dev);
int msg_device_register(struct msg_device *dev);
void msg_device_unregister(struct msg_device *dev);
/*
 * msg_device_reopen - in a new session: bring the device to where its driver believes it is
 * returns: 0 | -ESTALE: it is another device now | negative: the session broke
 */
int msg_device_reopen(struct msg_device *dev);
/* msg_device_close - the session ended */
void msg_device_close(struct msg_device *dev);
/* msg_device_fail - end all requests with an error, those to come too */
void msg_device_fail(struct msg_device *dev);
void msg_device_resume(struct msg_device *dev);
void msg_device_config_changed(struct msg_device *dev);
/* msg_device_show - the state of its queues, for sysfs; returns: len, and what was added */
int msg_device_show(struct msg_device *dev, char *to, int len);
/* msg_device_mend - it says that it needs a reset: it gets one, but not in a loop */
void msg_device_mend(struct msg_device *dev);
/* msg_device_broken - the device's queue is not believed any more */
void msg_device_broken(struct msg_device *dev, const char *why);

/* ---- config.c ---- */

/* msg_config_refresh - context: dev->lock held, or nobody else knows the device; returns: as msg_bus_ask */
int msg_config_refresh(struct msg_device *dev);
int msg_config_write_again(struct msg_device *dev);
/* msg_config_features - those that are offered because of what we make of the configuration */
u64 msg_config_features(const struct msg_device *dev);
void msg_config_get(struct virtio_device *vdev, unsigned int at, void *to, unsigned int len);
void msg_config_set(struct virtio_device *vdev, unsigned int at, const void *from,
		    unsigned int len);
u32 msg_config_generation(struct virtio_device *vdev);

/* ---- ask.c; context: dev->lock held, or nobody else knows the device; returns: as msg_bus_ask ---- */

struct msg_info {
	u32 id, vendor, config_size;
};

int msg_ask_info(struct msg_device *dev, struct msg_info *info);
int msg_ask_features(struct msg_device *dev, u64 *features);
int msg_ask_set_features(struct msg_device *dev, u64 features);
/* msg_ask_queue_max - entries, 0: there is no such queue */
int msg_ask_queue_max(struct msg_device *dev, u16 index, u32 *max);
int msg_ask_set_queue(struct msg_queue *q);
/* msg_ask_status - id: WIRE_SET_STATUS or WIRE_GET_STATUS; now: as the device says it is */
int msg_ask_status(struct msg_device *dev, u8 id, u8 set, u8 *now);
/* msg_ask_reset - returns: 0: it is reset */
int msg_ask_reset(struct msg_device *dev);
/* msg_ask_config - all of it, of one generation */
int msg_ask_config(struct msg_device *dev, u8 *to);
int msg_ask_set_config(struct msg_device *dev, u32 at, const u8 *from, u32 len);

/* ---- queue.c ---- */

/* How a request ends when its device is dead: the byte of its answer that says so. */
enum msg_fail {
	MSG_FAIL_NEVER, /* the driver expects no such thing: let it wait */
	MSG_FAIL_FIRST,
	MSG_FAIL_LAST,
};

struct msg_class {
	u32 id;
	u64 queues_failing; /* bit for each queue */
	u8 fail_with;
	enum msg_fail fail;
	u64 queues_posted; /* a bit for each queue whose driver polls with interrupts off: its requests end at once */
};

struct msg_request {
	struct list_head link; /* empty: unused */
	void *copy;	       /* posted queues: the data */
	u32 len;
};

struct msg_queue {
	struct msg_device *dev;
	u16 index, num;
	enum msg_fail fail;
	bool posted;

	spinlock_t lock;
	struct virtqueue *upper; /* the driver's ring, in its own memory: trusted */
	const struct vring *ring;
	u16 taken, returned; /* counts, as avail->idx and used->idx */

	struct msg_request *request; /* num, by head */
	u32 *slot;		     /* num, by descriptor: its buffer's place in the window */
	struct list_head waiting;    /* requests with no place in the window, oldest first */
	struct list_head sent;	     /* those with one, in the order of the ring */
	u16 in_window;

	bool live;  /* the device may use it */
	bool kick;  /* an EVENT_AVAIL found no room */
	bool stuck; /* posted queues: waiting for room was in vain */
	bool poke;  /* the driver is to be told of what was returned */
	u32 area;   /* the ring in the window: untrusted, written without being read */
	struct vring mirror;
	u16 avail, used;
};

struct msg_queue *msg_queue_create(struct msg_device *dev, u16 index, u16 num, const char *name,
				   void (*callback)(struct virtqueue *), bool ctx);
void msg_queue_destroy(struct msg_queue *queue);
/* msg_queue_place - a new, empty ring in the window; returns: 0 | -ENOMEM */
int msg_queue_place(struct msg_queue *queue);
/* msg_queue_go - the device takes requests: give it all that wait */
void msg_queue_go(struct msg_queue *queue);
/* msg_queue_close - the device takes none any more; what was outstanding waits. forget: its window is not ours now */
void msg_queue_close(struct msg_queue *queue, bool forget);
/* msg_queue_drop - the driver has reset the device: no request is outstanding */
void msg_queue_drop(struct msg_queue *queue);
/* msg_queue_complete - EVENT_USED; context: bus->upcall held */
void msg_queue_complete(struct msg_queue *queue);
/* msg_queue_fail_all - context: bus->upcall held */
void msg_queue_fail_all(struct msg_queue *queue);
int msg_queue_show(struct msg_queue *queue, char *to, int len);
/* msg_queue_resume - try again what found no room; context: bus->upcall held */
void msg_queue_resume(struct msg_queue *queue);

/* ---- gpio.c; nothing is done for devices of other kinds ---- */

/* msg_gpio_init - once the configuration is known; returns: 0 | -ENOMEM */
int msg_gpio_init(struct msg_device *dev);
/* msg_gpio_forget - the driver has reset the device */
void msg_gpio_forget(struct msg_device *dev);
/* msg_gpio_note - a request was answered, and its answer is the driver's; context: queue->lock held */
void msg_gpio_note(struct msg_queue *queue, u16 head);
/*
 * msg_gpio_restore - set the lines of an open device as they were
 * Before msg_queue_go: its rings are in use by nobody else. context: dev->lock held; may sleep
 * returns: 0 | negative: the session broke
 */
int msg_gpio_restore(struct msg_device *dev);

/* ---- copy.c; context: queue->lock held ---- */

/* msg_copy_place - give a request its copies in the window; returns: 0 | -ENOMEM: not now */
int msg_copy_place(struct msg_queue *queue, u16 head);
void msg_copy_unplace(struct msg_queue *queue, u16 head);
/* msg_copy_finish - what the peer wrote goes to the driver's buffers; returns: how much that can be */
u32 msg_copy_finish(struct msg_queue *queue, u16 head);
/* msg_copy_too_large - more than ever fits */
bool msg_copy_too_large(const struct msg_queue *queue, u16 head);

/* The driver's chain of a head: for (d = first; d; d = msg_desc_next) */
static inline bool msg_desc_has(const struct msg_queue *q, const struct vring_desc *d, u16 flag)
{
	return d->flags & cpu_to_virtio16(&q->dev->vdev, flag);
}

static inline u32 msg_desc_len(const struct msg_queue *q, const struct vring_desc *d)
{
	return virtio32_to_cpu(&q->dev->vdev, d->len);
}

static inline u8 *msg_desc_data(const struct msg_queue *q, const struct vring_desc *d)
{
	return phys_to_virt(virtio64_to_cpu(&q->dev->vdev, d->addr));
}

static inline struct vring_desc *msg_desc_next(const struct msg_queue *q,
					       const struct vring_desc *d)
{
	u16 next = virtio16_to_cpu(&q->dev->vdev, d->next) & (q->num - 1);

	return msg_desc_has(q, d, VRING_DESC_F_NEXT) ? &q->ring->desc[next] : NULL;
}

#endif
