/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * internal.h - the state of the vhost-user port, shared by its files
 *
 * Who owns what. Everything belongs to the control loop, but for the members marked "queue loop": those are touched
 * only by functions that run there, started by loop_call, and the ones marked "any" are atomic.
 *
 * Files: server.c sockets and the life of a connection; msg.c bytes to messages and back; request.c the table of
 * requests and the small ones; memory.c regions; table.c what the executors see of them; iotlb.c; ring.c set-up,
 * start and stop of rings; turn.c the queue loops; state.c device status; back.c the channel to the front-end.
 *
 * Requests that wait. A handler may answer VHU_LATER and leave a function in v->later. Nothing more is read from the
 * front-end until it answers something else; it is asked again (vhu_progress) after each turn of a queue while
 * v->waiting is set. So the loop never blocks, and there is one message at a time.
 */
#ifndef PORT_VHOST_USER_INTERNAL_H
#define PORT_VHOST_USER_INTERNAL_H

#include <stdatomic.h>
#include <sys/types.h>
#include "hosted/log.h"
#include "port/vhost_user/proto.h"
#include "port/vhost_user/vhost_user.h"
#include "vio/host.h"

/* What a handler answers. */
enum vhu_answer {
	VHU_DONE,    /* acknowledged if asked for */
	VHU_REPLIED, /* v->out holds the reply */
	VHU_LATER,   /* v->later goes on */
	VHU_REFUSED, /* logged; a negative acknowledgement if asked for, else the connection ends */
	VHU_FATAL    /* logged; the connection ends */
};

#define VHU_FDS VHU_TABLE_REGIONS
#define VHU_DRAIN_NS                                                                               \
	2000000000u /* how long a message waits for requests that a device does not give back */
#define VHU_REFUSALS_MAX 64u  /* of one connection, then it ends: a log is not for flooding */
#define VHU_TLB		 512u /* of an executor */

struct vhu_msg {
	struct vhu_wire_header h;
	union vhu_body b;
	int fd[VHU_FDS]; /* a handler that keeps one puts -1 here */
	uint32_t nfd;	 /* as received; may be more than VHU_FDS, those are closed already */
	uint32_t got;	 /* bytes of header and body so far */
};

/* One entry of the table of requests. */
struct vhu_op {
	const char *name;
	uint64_t needs;		    /* protocol feature that must be negotiated */
	uint16_t request, min, max; /* bytes of the body */
	uint8_t fd_min, fd_max;
	bool replies; /* has a reply of its own: cannot be refused politely */
	int (*fn)(struct vhu *v, struct vhu_msg *m);
};

/* Memory that a front-end gave us. */
struct vhu_region {
	struct vhu_wire_region w;
	uint8_t *hva; /* of the first byte */
	void *map;
	size_t map_len;
	dev_t dev; /* with ino and w.offset: which memory this is */
	ino_t ino;
	int guard; /* hosted/sigbus.h */
};

struct vhu_set {
	uint16_t n;
	struct vhu_region *r[VHU_SLOTS];
};

/* An executor: the queues of one loop, and their view of memory. */
struct vhu_exec {
	struct vhu *v;
	struct loop *loop;
	uint16_t index;
	struct vio_mem_full full;     /* queue loop, as the next five */
	struct vio_mem_window window; /* used instead of `full` when the configuration says so */
	struct vio_mem_iommu iommu;
	struct vio_tlb tlb[VHU_TLB];
	struct loop_poller poller;
	bool polling;
	bool changed; /* the change under way has been made here */
	struct vio_region
		nothing; /* the table while the front-end has given no memory: nobody's last 16 bytes */
	uint8_t scratch[16] __attribute__((aligned(16)));
	_Atomic uint64_t
		miss; /* any: translation to ask for, address with the permission in its low two bits */
	uint64_t asked; /* the same, asked for and not answered; 0: none */
};

enum vhu_ring_state { VHU_STOPPED, VHU_LIVE, VHU_STOPPING };

struct vhu_ring {
	struct vhu *v;
	struct vhu_exec *x;
	struct vio_vq *q;
	uint16_t index;
	enum vhu_ring_state state;
	uint16_t num; /* 0: not set */
	bool has_addr, has_base, gave_base, has_kick, enabled;
	bool started; /* was kicked, and not taken back since */
	struct vhu_wire_addr addr;
	struct vio_vq_state base;
	uint32_t base_raw;
	int err_fd;
	atomic_bool kicked;	       /* any */
	atomic_bool call_due, err_due; /* any: in-band notifications to send */
	/* queue loop: */
	bool live;
	bool no_fd;	 /* the front-end does not kick, it wants to be polled */
	uint32_t unread; /* kicks since kick_fd was read */
	uint16_t used;	 /* of the queue, when the loop was last told what was done */
	int kick_fd, call_fd;
	struct loop_fd kick;
	struct loop_task turn;
	struct vio_timer poll;
};

enum vhu_phase { VHU_IDLE, VHU_SERVING, VHU_LEAVING };

struct vhu {
	struct vhu_config cfg;
	char *name;
	struct vio_dev *dev;
	struct loop *control;
	struct vhu_ring *ring; /* dev->nvq */
	struct vhu_exec *exec;
	uint16_t nexec;
	/* server.c */
	enum vhu_phase phase;
	bool closing, close_later;
	int listen_fd, fd;
	char *path;
	dev_t path_dev;
	ino_t path_ino;
	struct loop_fd listener, sock, bus;
	int bus_fd; /* written when a guarded range was hit */
	struct loop_task progress, start;
	atomic_bool waiting; /* any: somebody waits for requests to come back */
	uint32_t want_events;
	/* msg.c */
	struct vhu_msg in;
	const struct vhu_op *op;
	int (*later)(struct vhu *v);
	struct vio_timer drain;
	bool drain_over;
	struct {
		uint8_t b[sizeof(struct vhu_wire_header) + sizeof(struct vhu_wire_config)];
		uint32_t len, off;
	} out;
	uint32_t refusals;
	/* state.c */
	uint64_t features, proto;
	bool has_features, status_used, up, told, resetting, told_failed;
	uint8_t status;
	/* memory.c, table.c */
	struct vhu_set set;
	struct vhu_set retired; /* not in the table any more, but perhaps in use */
	struct vio_region *table;
	uint16_t ntable;
	struct vio_region *next_table; /* while a change is under way */
	uint16_t next_n;
	bool change_removes, changed;
	/* back.c */
	int back_fd;
	struct loop_fd back;
	struct loop_task back_task;
	atomic_bool config_due, failed_due; /* any */
	uint8_t back_in[sizeof(struct vhu_wire_header) + sizeof(uint64_t)];
	uint8_t back_out[sizeof(struct vhu_wire_header) + sizeof(struct vhu_wire_iotlb)];
	uint32_t back_got, back_len, back_off;
	uint64_t misses, invalidations; /* iotlb.c: of this connection */
	uint16_t *asked; /* executors whose misses are asked for, in order; room for nexec */
	uint16_t nasked;
};

/* msg.c */
void vhu_input(struct vhu *v); /* read and handle what is there, bounded */
void vhu_flush(struct vhu *v);
void vhu_later_step(struct vhu *v);
void vhu_reply(struct vhu *v, const void *body,
	       uint32_t len); /* to v->in; answer VHU_REPLIED afterwards */
int vhu_refuse(struct vhu *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void vhu_msg_drop(struct vhu_msg *m);
void vhu_drain_fire(struct vio_timer *t);
int vhu_wait(struct vhu *v,
	     int (*later)(struct vhu *v)); /* VHU_LATER, or what `later` answers at once */

/* request.c */
extern const struct vhu_op vhu_ops[];
const struct vhu_op *vhu_op_find(uint32_t request);

/* server.c */
void vhu_die(struct vhu *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* ends the connection */
void vhu_progress(struct vhu *v);	       /* from any thread */
void vhu_events(struct vhu *v);		       /* what to wait for on the socket now */

/* memory.c */
int vhu_set_mem_table(struct vhu *v, struct vhu_msg *m);
int vhu_add_mem_reg(struct vhu *v, struct vhu_msg *m);
int vhu_rem_mem_reg(struct vhu *v, struct vhu_msg *m);
int vhu_window_takes(struct vhu *v, const struct vhu_wire_region *r,
		     uint32_t n);    /* VHU_DONE | VHU_REFUSED these regions, the front-end's all */
void vhu_memory_drop(struct vhu *v); /* all of it; no queue is enabled */
void vhu_retired_drop(struct vhu *v);
bool vhu_uva_to_gpa(const struct vhu *v, uint64_t uva, uint64_t *gpa);
const struct vhu_region *vhu_memory_hit(const struct vhu *v);

/* table.c */
int vhu_table_build(struct vhu *v, const struct vhu_set *s,
		    struct vio_region **out); /* VHU_DONE | VHU_REFUSED */
int vhu_table_up(struct vhu *v); /* the device comes up: executors get the table; as above */
int vhu_table_change(struct vhu *v, struct vio_region *t, uint16_t n, bool removes); /* takes t */
bool vhu_drained(struct vhu *v);
struct vio_mem *vhu_mem(struct vhu_exec *x); /* what queues of this executor use */
void vhu_window_tell(
	struct vhu *v); /* log the address outside of the window that was met, if one was */

/* iotlb.c */
void vhu_iommu_init(struct vhu_exec *x);
void vhu_iotlb_flush(struct vhu *v);
void vhu_iotlb_begin(struct vhu *v); /* a connection */
void vhu_iotlb_end(struct vhu *v);
int vhu_iotlb_msg(struct vhu *v, struct vhu_msg *m);
void vhu_iotlb_answered(struct vhu *v, struct vhu_exec *x); /* the front-end has done what it can */
static inline bool vhu_iommu_on(const struct vhu *v)
{
	return (v->features & VIO_F_ACCESS_PLATFORM) != 0u;
}

/* ring.c */
int vhu_set_vring_num(struct vhu *v, struct vhu_msg *m);
int vhu_set_vring_addr(struct vhu *v, struct vhu_msg *m);
int vhu_set_vring_base(struct vhu *v, struct vhu_msg *m);
int vhu_get_vring_base(struct vhu *v, struct vhu_msg *m);
int vhu_set_vring_kick(struct vhu *v, struct vhu_msg *m);
int vhu_set_vring_call(struct vhu *v, struct vhu_msg *m);
int vhu_set_vring_err(struct vhu *v, struct vhu_msg *m);
int vhu_set_vring_enable(struct vhu *v, struct vhu_msg *m);
int vhu_vring_kick(struct vhu *v, struct vhu_msg *m);
/* vhu_rings_may - may rings start now: no message waits, or only one for another ring to stop */
bool vhu_rings_may(const struct vhu *v);
int vhu_rings_try(struct vhu *v);   /* start what can be started; VHU_DONE | VHU_REFUSED */
void vhu_rings_step(struct vhu *v); /* rings that are stopping: go on */
void vhu_rings_reset(struct vhu *v, bool all); /* the device is reset; all: the front-end is gone */
bool vhu_rings_live(const struct vhu *v);

/* turn.c */
extern const struct vio_port_ops vhu_port_ops;
struct vhu_start { /* in: ring, state or NULL, areas; out: rc */
	struct vhu_ring *r;
	const struct vio_vq_state *s;
	uint64_t desc, avail, used;
	int rc;
};
struct vhu_stop {
	struct vhu_ring *r;
	struct vio_vq_state s;
	int rc;
};
struct vhu_set_fd {
	struct vhu_ring *r;
	int fd;
	bool no_fd;
	int rc; /* 0 | errno */
};
/* each through loop_call on the ring's loop */
void vhu_on_start(void *start);
void vhu_on_stop(void *stop);
void vhu_on_kick_leave(
	void *ring); /* the descriptor goes, and keeps its kicks for who comes next */
void vhu_on_kick_fd(void *set_fd);
void vhu_on_call_fd(void *set_fd);
void vhu_on_turn(void *ring);
void vhu_on_down(void *ring); /* the device is reset: the queue is down */
void vhu_on_exec_open(void *exec);
void vhu_on_exec_close(void *exec);
void vhu_turn_all(struct vhu_exec *x); /* queue loop: a turn of each ring soon */
void vhu_ring_init(struct vhu_ring *r);

/* state.c */
int vhu_get_features(struct vhu *v, struct vhu_msg *m);
int vhu_set_features(struct vhu *v, struct vhu_msg *m);
int vhu_set_status(struct vhu *v, struct vhu_msg *m);
int vhu_get_status(struct vhu *v, struct vhu_msg *m);
int vhu_reset_device(struct vhu *v, struct vhu_msg *m);
int vhu_up(struct vhu *v);	    /* walk the device to DRIVER_OK; VHU_DONE | VHU_REFUSED */
bool vhu_reset_step(struct vhu *v); /* begin or go on; true: reset is complete */

/* back.c */
int vhu_set_backend_fd(struct vhu *v, struct vhu_msg *m);
void vhu_back_send(struct vhu *v); /* whatever is due */
void vhu_back_post(struct vhu *v); /* the same, soon, from any thread */
void vhu_back_close(struct vhu *v);

#endif
