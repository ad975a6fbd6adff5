/* SPDX-License-Identifier: BSD-3-Clause */
/* bent_internal.h - the state of a bent back-end, shared by the bent*.c */
#ifndef TEST_BENT_INTERNAL_H
#define TEST_BENT_INTERNAL_H

#include <pthread.h>
#include "app/instance.h"
#include "port/loopback/loopback.h"
#include "port/vhost_user/proto.h"
#include "test/conform/bent.h"
#include "vio/spec/ring.h"

#define BENT_VQS    16u
#define BENT_REGS   16u
#define BENT_SLOTS  48u		/* requests at the device at once */
#define BENT_OUT    (16u << 10) /* bytes of one, readable and writable */
#define BENT_IN	    (72u << 10)
#define BENT_PIECES 300u

struct bent_region {
	struct vhu_wire_region w;
	uint8_t *map;
	size_t len;
};

struct bent_piece {
	uint8_t *p;
	uint32_t len;
	bool in;
};

/* One request: where its answer goes. */
struct bent_slot {
	bool busy, done;
	uint16_t vq, id, n; /* n: descriptors taken in the ring */
	uint8_t *table;	    /* indirect; NULL: none */
	struct bent_piece piece[BENT_PIECES];
	uint32_t npiece;
	struct vio_dma out, in;
	uint32_t out_len, in_len, len;
	uint64_t serial, epoch, ready_ns;
};

struct bent_queue {
	int kick, call, err;
	bool poll; /* set up without a kick descriptor */
	uint32_t num;
	uint8_t *desc, *driver, *device;
	struct vhu_wire_addr addr;
	bool has_addr, enabled, shut, halted, started, packed, was_stopped, silent;
	uint16_t seen, put; /* split: free-running; packed: positions */
	bool seen_wrap, put_wrap;
	uint32_t laps;
	bool stopped_once;
};

struct bent {
	const struct bend *bend;
	int listen, fd, stop, channel;
	pthread_t thread;
	struct bent_region region[BENT_REGS];
	uint32_t nregion, tables;
	struct bent_queue q[BENT_VQS];
	uint64_t features, proto, offered;
	uint8_t status;
	bool over, up, table_seen, direct_seen;
	uint64_t epoch, served;
	/* the device */
	struct loop *loop;
	struct spec spec;
	struct instance *in;
	struct lb lb;
	uint32_t configs; /* notifications of lb that the driver was told of */
	struct vio_mem_window mem;
	uint8_t *ram;
	struct vio_dvq dvq[BENT_VQS];
	struct vio_dvq_slot dslot[BENT_VQS][2 * BENT_SLOTS];
	struct vio_dma dring[BENT_VQS];
	struct bent_slot slot[BENT_SLOTS];
	uint64_t serial;
	uint16_t nvq;
};

static inline bool bent_is(const struct bent *b, enum bent_flaw flaw)
{
	return b->bend && b->bend->flaw == flaw;
}
static inline bool bent_at(const struct bent *b, enum bent_flaw flaw, uint32_t request)
{
	return bent_is(b, flaw) && b->bend->at == request;
}

/* bent_dev.c: the device of ours behind it */
int bent_dev_open(struct bent *b, const char *device, char err[256]);
void bent_dev_close(struct bent *b);
bool bent_dev_takes(struct bent *b); /* would it work with what was negotiated */
int bent_dev_up(struct bent *b);     /* as negotiated */
void bent_dev_down(struct bent *b);
struct bent_slot *bent_dev_room(struct bent *b); /* NULL: none */
bool bent_dev_give(struct bent *b, struct bent_slot *s);
void bent_dev_step(struct bent *b); /* lets the host work; marks slots as done */
bool bent_dev_busy(const struct bent *b);

#define BENT_BOTH (VIO_DESC_F_AVAIL | VIO_DESC_F_USED)

static inline bool bent_event(const struct bent *b)
{
	return (b->features & VIO_F_EVENT_IDX) != 0;
}
static inline uint32_t bent_size(const struct bent *b, const struct bent_queue *q)
{
	return bent_is(b, BENT_SIZE) ? 64u : q->num;
}

/* bent_ring.c */
bool bent_runs(const struct bent *b, const struct bent_queue *q);
void bent_turn(struct bent *b, uint16_t vq, bool kicked);

/* bent_back.c */
void bent_back(struct bent *b); /* gives back what is done */
void bent_call(struct bent *b, struct bent_queue *q);
void bent_put_split(struct bent *b, struct bent_queue *q, const struct bent_slot *s, uint32_t id,
		    uint32_t len);
void bent_put_packed(struct bent *b, struct bent_queue *q, const struct bent_slot *s, uint32_t id,
		     uint32_t len);

/* bent_mem.c */
struct raw_message;
void bent_drop_regions(struct bent *b);
uint64_t bent_slot_region(struct bent *b, struct raw_message *m, bool add);
void bent_set_table(struct bent *b, struct raw_message *m);
uint8_t *bent_gpa(struct bent *b, uint64_t gpa, uint32_t len);
uint8_t *bent_uva(struct bent *b, uint64_t uva);

/* bent_msg.c */
void bent_message(struct bent *b);
void bent_fail(struct bent *b);
void bent_tell_change(struct bent *b);
void bent_reset(struct bent *b);
void bent_forget(struct bent *b); /* the connection is over */

#endif
