/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conform.h - rules of the specification that a driver can see, against any vhost-user back-end
 *
 * A rule is one demand (a MUST) of VIRTIO 1.4, or of the vhost-user protocol, and a function that finds out whether a
 * back-end keeps it. Each runs on a connection of its own, with a time limit, so one that hangs or breaks the device does
 * not spoil the next. Results: pass; fail, with what was seen; not applicable, with why (a feature that is not
 * offered); skipped, because it would write to the device. A rule that proved nothing is a failure of the suite.
 *
 * Only what the text demands is a rule: no SHOULD, nothing that the text forbids the driver to do, unless it
 * says what the device must do then.
 *
 * TO ADD A DEVICE: one file conform/dev_<name>.c that ends with `const struct cf_dev cf_dev_<name>`, its word in `conform`
 * of meson.build, its line in cf_devices[] (table.c). The struct says what a driver must know: the feature bits of the
 * chapter (an offered bit that is not among them fails feature.known), how many queues, and one harmless request that
 * any such device answers: fixed sizes of its readable and writable part, `build` fills the readable one, `check` says
 * what is wrong with an answer. All rules of rings run with it, cut into pieces in every way. conform/dev_rng.c is the
 * smallest one.
 *
 * TO ADD A RULE: a row in `rules` of the device, and its function. It chains calls that return false once the verdict is
 * known, so most are one expression:
 *
 *	static void names(struct cf *c)
 *	{
 *		struct cf_io io;
 *
 *		(void)(cf_up(c) && cf_io(c, &io, 8, 64) && cf_fill(&io, head) && cf_ask(c, 0, &io) &&
 *		       cf_expect(c, io.in[0] == 0, "status %u", io.in[0]));
 *	}
 *
 * cf_expect counts what was proved and keeps the first text that was not; say in it what was seen, not what was wanted.
 * A rule that needs something beside feature bits says so by cf_na. Ids are stable: <group>.<name>, group is `ring.split`,
 * `ring.packed`, `feature`, `status`, `reset`, `config`, `vhost`, or the device's name.
 *
 * TO SHOW THAT A RULE CAN FAIL (t_conform refuses a rule for which there is none): a row in test/conform/bend_<name>.c, a
 * back-end that is broken in one way. It is our own device behind rings and messages that are bent on purpose
 * (test/conform/bent.h): a row names the rule, the device as for `stratos serve --device`, and a function that edits
 * a request on its way in or an answer on its way out, or the configuration, or the offered bits.
 *
 * Threads: a struct cf belongs to one; any number of them may run.
 */
#ifndef CONFORM_CONFORM_H
#define CONFORM_CONFORM_H

#include "port/vhost_user/front.h"
#include "port/vhost_user/proto.h"
#include "vio/spec/ring.h"

#define CF_TEXT	    256u
#define CF_VQS	    8u	/* queues that a rule sets up at most */
#define CF_SIZE	    64u /* entries of a queue, unless a rule asks for others */
#define CF_SIZE_MAX 256u
#define CF_NO_ID    UINT32_MAX
#define CF_PIECES   64u /* of one request */

enum cf_result { CF_PASS, CF_FAIL, CF_NA, CF_SKIP };

struct cf;
struct cf_io;

/* ---- rules ---- */

#define CF_WRITES 1u  /* changes what the device keeps: only with --write */
#define CF_IN	  2u  /* the harmless request must have a writable part */
#define CF_OUT	  4u  /* the harmless request must have a readable part */
#define CF_CLOSES 8u  /* the back-end may close the connection: that is one of the right answers */
#define CF_SLOW	  16u /* needs ten times the usual limit */
#define CF_TABLE  32u /* memory is shared by SET_MEM_TABLE */

struct cf_rule {
	const char *id;
	const char *section,
		*label; /* number and heading in VIRTIO 1.4; "vhost-user" and a heading of its text */
	const char *must; /* the demand, in a few words */
	uint64_t
		features; /* accepted beside VERSION_1 and dev->want; not offered: not applicable */
	uint64_t proto;	  /* protocol features that must be offered */
	unsigned flags;	  /* CF_* */
	uint32_t arg;	  /* the function's own */
	void (*run)(struct cf *c);
};

struct cf_bit {
	uint64_t bit;
	const char *name; /* NULL closes a list */
	uint64_t needs;	  /* bits that must be offered with it */
};

struct cf_dev {
	const char *name, *section; /* "blk", "5.2" */
	uint32_t id;
	const struct cf_bit *bits; /* of the class, VIRTIO 1.4 */
	uint64_t want;	  /* class bits that the harmless request needs, taken when offered */
	uint16_t nvq;	  /* queues that every such device has, all are set up */
	uint16_t vq;	  /* that of the harmless request */
	uint16_t config;  /* bytes of configuration that exist without any feature */
	uint32_t out, in; /* bytes of the harmless request */
	void (*build)(const struct cf *c, uint8_t *out); /* NULL: zeros */
	/* returns: NULL, or what is wrong with the answer, of which io->len bytes were reported */
	const char *(*check)(const struct cf *c, const struct cf_io *io);
	const struct cf_rule *rule;
	unsigned nrule;
};

extern const struct cf_dev *const cf_devices[]; /* closed by NULL */

const struct cf_dev *cf_device(const char *name); /* NULL: none of that name */
const struct cf_dev *cf_device_id(uint32_t id);
/* cf_rule_at - the n-th rule for a device, those of every device first; NULL: no more */
const struct cf_rule *cf_rule_at(const struct cf_dev *dev, unsigned n);

/* ---- running one ---- */

struct cf_config {
	const struct cf_dev *dev;
	/* a new connection, or NULL and err */
	struct vhf *(*connect)(void *arg, const struct vhf_config *cfg, char err[256]);
	void *arg;
	uint32_t timeout_ms; /* of a rule */
	uint32_t quiet_ms;   /* so long nothing must happen where nothing must */
	bool write;	     /* rules may change what the device keeps */
	uint32_t address;    /* i2c: of a target that answers */
	uint32_t noack;	     /* can: identifier that nobody acknowledges; CF_NO_ID: none is known */
	uint32_t busoff;     /* can: identifier that drives the controller off its bus; CF_NO_ID */
};

struct cf_outcome {
	enum cf_result result;
	char text[CF_TEXT]; /* of fail, n/a and skip: why */
	uint32_t ms;
	bool doubt; /* no connection, it broke, or the time was up: the back-end may be gone or hang */
};

void cf_run(const struct cf_config *cfg, const struct cf_rule *rule, struct cf_outcome *out);

/* ---- for rules ---- */

struct cf_queue {
	struct vio_dvq v;
	struct vio_dvq_slot slot[CF_SIZE_MAX];
	struct vio_dma ring;
	uint16_t vq;
	bool up;
};

/* A request: readable bytes, then writable ones. Around both are 32 bytes that nobody may touch. */
struct cf_io {
	struct vio_dma o, i;
	uint8_t *out, *in; /* their bytes */
	bool back;
	uint32_t len; /* as the device reported */
};

struct cf {
	const struct cf_config *cfg;
	const struct cf_dev *dev;
	const struct cf_rule *rule;
	struct vhf *f;
	uint64_t offered, features; /* the latter once negotiated */
	struct cf_queue q[CF_VQS];
	int channel;  /* our end of the back-end's channel, once cf_channel made it; -1 */
	int own_kick; /* of a ring in memory of the rule's own; -1 */
	enum cf_result result;
	bool decided, doubt;
	char text[CF_TEXT];
	unsigned proved;
	uint64_t until; /* ns: time is up */
	uint64_t asked; /* ns: when NEEDS_RESET was last asked for */
	bool broke;	/* the rule breaks the ring itself: NEEDS_RESET is no failure */
};

/* cf_expect - something was looked at; ok false: the rule is broken, with this text. returns: whether to go on */
bool cf_expect(struct cf *c, bool ok, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* cf_fail - as cf_expect(false); cf_na - not applicable after all; both return false */
bool cf_fail(struct cf *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool cf_na(struct cf *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* cf_up - features of the rule and of the device, all queues of the device, DRIVER_OK */
bool cf_up(struct cf *c);
/* cf_set_up - as cf_up with these features, so many queues of that size (0: CF_SIZE), and up to FEATURES_OK */
bool cf_set_up(struct cf *c, uint64_t features, uint16_t nvq, uint16_t size);
/* its parts: features are taken as given, VERSION_1 included; size 0: CF_SIZE */
bool cf_negotiate(struct cf *c, uint64_t features);
bool cf_queue_setup(struct cf *c, uint16_t vq, uint16_t size);
bool cf_status(struct cf *c, uint8_t s); /* as a driver writes it; 15 starts, 0 resets */
bool cf_up_size(struct cf *c, uint64_t features, uint16_t size);
#define CF_LIVE (VIO_S_ACKNOWLEDGE | VIO_S_DRIVER | VIO_S_FEATURES_OK | VIO_S_DRIVER_OK)

bool cf_alloc(struct cf *c, uint32_t len, uint32_t align, struct vio_dma *out);
/* cf_io - room for a request, readable bytes 0, writable ones 0xa5; cf_harmless: the device's, built */
bool cf_io(struct cf *c, struct cf_io *io, uint32_t out, uint32_t in);
bool cf_harmless(struct cf *c, struct cf_io *io);
bool cf_fill(struct cf_io *io, const void *out); /* io->o.len bytes; true */
/* cf_put - in queue, the readable part in one piece, the writable part in another; the device does not see it yet */
bool cf_put(struct cf *c, uint16_t vq, struct cf_io *io);
/* cf_put_as - as these pieces, n_out readable ones first; table: NULL, or 16 bytes a piece for an indirect one */
bool cf_put_as(struct cf *c, uint16_t vq, struct cf_io *io, const struct vio_dma *b, uint16_t n_out,
	       uint16_t n_in, const struct vio_dma *table);
bool cf_kick(struct cf *c,
	     uint16_t vq); /* show what was put, and notify if the device wants that */
bool cf_ring(struct cf *c, uint16_t vq); /* notify anyway */
bool cf_wait(struct cf *c, uint16_t vq, struct cf_io *io);
bool cf_ask(struct cf *c, uint16_t vq, struct cf_io *io); /* put, kick, wait */
/* cf_raw - wait for the next used element, as the ring has it, and leave it there; packed: flags too */
struct cf_used {
	uint32_t id, len;
	uint16_t flags;
};
bool cf_raw(struct cf *c, uint16_t vq, struct cf_used *u);
bool cf_raw_there(const struct cf *c, uint16_t vq); /* is there one now */
/* cf_answer - the harmless request was answered well; cf_works - a whole one is */
bool cf_answer(struct cf *c, struct cf_io *io);
bool cf_works(struct cf *c);
/* cf_borders - nothing around the request was touched, and nothing of its readable part; out: what that was */
bool cf_borders(struct cf *c, const struct cf_io *io, const void *out);

/* cf_make - a request with these bytes and room for an answer; cf_say - and it is asked */
bool cf_make(struct cf *c, struct cf_io *io, const void *out, uint32_t out_len, uint32_t in_len);
bool cf_say(struct cf *c, uint16_t vq, struct cf_io *io, const void *out, uint32_t out_len,
	    uint32_t in_len);
/* cf_up_queues - as cf_up, with nvq queues in place of those that every such device has */
bool cf_up_queues(struct cf *c, uint16_t nvq);
/* cf_early - all of cf_up but what makes rings run; a harmless request is in the ring, and nobody was told of it */
bool cf_early(struct cf *c, struct cf_io *io);
/* cf_refuses - the device does not keep FEATURES_OK with these; needs the protocol feature STATUS */
bool cf_refuses(struct cf *c, uint64_t features);

/* cf_called - a used buffer notification comes in time; cf_uncalled - takes away those that came */
bool cf_called(struct cf *c, uint16_t vq);
unsigned cf_uncalled(struct cf *c, uint16_t vq);
/* cf_quiet - let some time pass in which a back-end could do what it must not; true */
bool cf_quiet(struct cf *c);
bool cf_late(
	struct cf *c,
	const char
		*what); /* is time up? then the rule failed waiting for `what`; sleeps a moment */
/* cf_used_index - index of a split queue's used ring; cf_desc - entry i of the descriptor area */
uint16_t cf_used_index(const struct cf *c, uint16_t vq);
uint8_t *cf_desc(const struct cf *c, uint16_t vq, uint16_t i);
#define CF_PACKED(c) (((c)->features & VIO_F_RING_PACKED) != 0)

/* cf_config - read configuration; a back-end without CONFIG, or that has less, is not applicable */
bool cf_config(struct cf *c, uint32_t off, void *dst, uint32_t len);
bool cf_config_write(struct cf *c, uint32_t off, const void *src, uint32_t len, bool *refused);
/* cf_channel - give the back-end its channel (BACKEND_REQ); cf_changed - a configuration change came over it in time */
bool cf_channel(struct cf *c);
bool cf_changed(struct cf *c);

/* cf_send - a message; with REPLY_ACK its answer is awaited; *ok: it is zero. cf_must: and it must be. cf_get: a reply */
bool cf_send(struct cf *c, uint32_t request, const void *body, uint32_t len, int fd, bool *ok);
bool cf_must(struct cf *c, uint32_t request, const void *body, uint32_t len, int fd);
bool cf_get(struct cf *c, uint32_t request, const void *body, uint32_t len, struct vhf_reply *r);
uint64_t cf_now(void); /* ns */

#endif
