/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model.h - one machine with Xen, behind the table of port/xen/lib.h
 *
 * There is one model, `xm`, because the library calls carry no context. Guest RAM is a memfd: each mapping of a page is
 * the same memory, a page that is taken away faults, and what was unmapped faults. What is opened, mapped, bound and
 * created is counted (xm_open_things); a call that Xen or a library would refuse is counted in xm.bad.
 *
 * Any call can be told to fail. One that gives something back (close, unmap, unbind, destroy) does so all the same, as
 * close(2) does. No threads: the test is the guest, the toolstack and the loop.
 */
#ifndef TEST_XENMODEL_H
#define TEST_XENMODEL_H

#include "port/xen/lib.h"

#define XM_DOMS	   8u /* domain 0 is ours */
#define XM_RAM	   0x40000000ull
#define XM_PAGE	   4096u
#define XM_PAGES   512u		   /* frames of each guest, from XM_RAM */
#define XM_MACHINE (2u * XM_PAGES) /* pages that may be behind them */
#define XM_HOLE	   0xffffffffu
#define XM_GRANTS  1024u
#define XM_VCPUS   4u
#define XM_RANGES  8u
#define XM_EXTRA   4u /* frames elsewhere that Xen was asked for */
#define XM_IRQS	   1020u

struct xm_grant {
	uint32_t page; /* machine page; XM_HOLE: not granted */
	uint32_t users;
	bool readonly;
};

struct xm_dom {
	bool alive;
	char name[32];
	int fd;
	uint8_t *ram;		    /* the guest's own view */
	uint32_t frame[XM_PAGES];   /* machine page behind a frame, or XM_HOLE */
	uint32_t users[XM_MACHINE]; /* mappings of that page outside the guest */
	uint32_t fresh;		    /* first machine page never used */
	struct xm_grant grant[XM_GRANTS];
	unsigned nvcpu;
	bool server, enabled;
	int page_fd;
	shared_iopage_t *page;
	uint64_t range[XM_RANGES]; /* 0: free */
	uint64_t range_len[XM_RANGES];
	struct {
		uint64_t gfn; /* 0: free */
		uint32_t page;
		uint8_t *ram; /* the guest's own view */
	} extra[XM_EXTRA];
	bool full;	       /* it gets no more memory; set by the test */
	uint32_t irq[XM_IRQS]; /* how often each was raised */
	uint32_t answered[XM_VCPUS];
	bool kick[XM_VCPUS]; /* the kernel will answer this one */
};

struct xm {
	struct xen_lib lib;
	struct xm_dom dom[XM_DOMS];
	uint32_t calls; /* all calls that can fail, since xm_init */
	uint32_t bad;	/* calls with what was never given out, or given back twice */
	struct {
		int fm, gt, ev, xs, dm, call, foreign, grants, frames, ports, fds;
	} open;		     /* handles and mappings now */
	const char *failed;  /* the call that was made to fail, or NULL */
	bool eventfds;	     /* this kernel has irqfd and ioeventfd; set by the test */
	uint32_t restricted; /* handles that were bound to a guest */
	/* private */
	uint32_t fail_at;
	const char *fail_name;
	int fail_errno;
};
extern struct xm xm;

/* xm_init - a machine with domain 0 only, all calls work; xm_fini - takes it down */
void xm_init(void);
void xm_fini(void);
/*
 * xm_kill - the process ends without a word, as far as others see it: what it mapped, bound and opened is gone, its
 * ioreq servers stay, with the virtual CPUs that wait in them
 */
void xm_kill(void);
/* xm_open_things - handles, mappings, ports, ioreq servers that exist now */
uint32_t xm_open_things(void);

/* xm_fail_nth - the n-th call from now (1: the next) fails with that errno; n 0: none does */
void xm_fail_nth(uint32_t n, int e);
/* xm_fail_all - each call of that name fails, until NULL; "fm_map", "dm_op create" */
void xm_fail_all(const char *name, int e);

/* ---- domains ---- */

/* xm_create - a guest with all its memory; returns: its number */
unsigned xm_create(const char *name, unsigned nvcpu);
/* xm_destroy - it ends: xenstore says so, calls for it answer ESRCH, what is mapped stays */
void xm_destroy(unsigned dom);
/* xm_balloon - take a frame away; xm_fill - give another page in its place */
void xm_balloon(unsigned dom, uint32_t frame);
void xm_fill(unsigned dom, uint32_t frame);
/* xm_users - how often the machine page behind that frame is mapped by others */
uint32_t xm_users(unsigned dom, uint32_t frame);
uint8_t *xm_ram(unsigned dom, uint64_t addr);
/* xm_extra_ram - of a frame that Xen was asked for; returns: NULL: there is none, an access traps */
uint8_t *xm_extra_ram(unsigned dom, uint64_t addr);
/* xm_grant - ref stands for that frame; xm_revoke - returns: false: it is still in use */
void xm_grant(unsigned dom, uint32_t ref, uint32_t frame);
void xm_grant_readonly(unsigned dom, uint32_t ref, uint32_t frame);
bool xm_revoke(unsigned dom, uint32_t ref);

/* ---- virtual CPUs ---- */

/*
 * xm_access - a trapped access, now the CPU stands still until xm_answered
 * returns: false: no server has that address
 */
bool xm_access(unsigned dom, unsigned cpu, uint64_t addr, uint32_t size, bool write, uint64_t val);
/* xm_slot - as xm_access, but any contents; state is set here */
void xm_slot(unsigned dom, unsigned cpu, const struct ioreq *r);
/* xm_answered - true: the slot is answered, its event was sent, the CPU goes on */
bool xm_answered(unsigned dom, unsigned cpu, uint64_t *val);

/* xm_interrupts - deliver what was written to irqfds; each round of the bed does */
void xm_interrupts(void);

/* ---- xenstore ---- */

void xm_write(const char *path, const char *value);
void xm_rm(const char *path);	/* with all below */
void xm_deny(const char *path); /* it and all below cannot be read, as in a domU; NULL: all can */
/* xm_read - returns: NULL: there is no such key */
const char *xm_read(const char *path);

/* ---- between the files of the model ---- */

bool xm_refuse(const char *name);     /* counts a call; true: it is to fail, errno is set */
struct xm_dom *xm_domain(uint32_t n); /* NULL: there is none that lives */
void xm_server_end(struct xm_dom *d);
void xm_io_init(void);
void xm_call_init(void);
/* xm_extra - machine page behind a frame that Xen was asked for, or XM_HOLE */
uint32_t xm_extra(const struct xm_dom *d, uint64_t gfn);
void xm_io_kill(void);
void xm_priv_init(void);
/* xm_priv_has - there is an ioeventfd for this write; xm_priv_kick - write to it; returns: false: there is none */
bool xm_priv_has(unsigned dom, uint64_t addr, uint32_t size, uint64_t val);
bool xm_priv_kick(unsigned dom, uint64_t addr, uint32_t size, uint64_t val);
void xm_store_init(void);
void xm_store_kill(void);
void xm_store_fire(const char *path);

#endif
