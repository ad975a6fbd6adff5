/* SPDX-License-Identifier: BSD-3-Clause */
/* internal.h - private to port/xen: who owns what */
#ifndef PORT_XEN_INTERNAL_H
#define PORT_XEN_INTERNAL_H

#include "port/xen/lib.h"
#include "port/xen/mem.h"
#include "port/xen/xen.h"
#include "vio/mmio.h"

#define XEN_VCPUS    128u /* ioreq slots of one page */
#define XEN_MMIO_LEN 0x200u
/* The driver takes all that is offered, and fills a receive queue with a page, and a trap, for each entry. */
#define XEN_QUEUE_SIZE 256u
#define XEN_NODE       96u
#define XEN_FILE       192u	 /* path of a state file */
#define XEN_RETRY_NS   10000000u /* after Xen had no room for a mapping */
#define XEN_TRIM_NS                                                                                \
	5000000000u /* a mapping that is not used for one to two of these is given back */

struct xen_guest;
struct kept;
struct xen_fast;

/* Registers whose device has left, or those of a device that serves (xen_dev.vacant). */
struct xen_vacant {
	struct xen_vacant *next;
	uint64_t base;
	uint32_t len; /* what Xen traps for us; 0: nothing yet */
	int fd;	      /* locked file that says so to a later process; -1: none */
	char path[XEN_FILE];
};

struct xen_turn {
	struct loop_task task;
	struct xen_dev *d;
	uint16_t vq;
	struct vio_vq_track track;
};

struct xen_dev {
	struct xen_dev_config cfg;
	struct xen *x;
	struct xen_dev *next; /* of x */
	char *name, *domain, *node;
	struct vio_mmio mmio;
	struct vio_ctl_vq *vq;
	struct xen_turn *turn; /* dev->nvq each */
	/* while it serves: */
	struct xen_guest *g;
	uint64_t base;
	uint32_t len; /* bytes from base that trap */
	void *page;   /* page.c; NULL: configuration traps */
	uint32_t irq;
	bool parking; /* leaving, and a later process goes on: no access is answered, nothing is undone */
	bool starting; /* what an earlier process left waits for memory */
	bool leaving;  /* being reset, detached from the guest afterwards */
	bool known; /* xenstore knew its domain when it came; not so where there is no toolstack */
	bool closing;	       /* xen_dev_close was called */
	bool answer;	       /* tell the toolstack that the device is closed */
	bool said_irq;	       /* the interrupt's trouble is in the log */
	bool said_broken;      /* NEEDS_RESET is */
	char path[XEN_NODE];   /* its node in xenstore; "": none */
	struct xen_fast *fast; /* fast.c */
	struct xen_vacant *vacant;
	struct kept *kept; /* keep.c; NULL: nothing outlives us */
	int keep_fd;
	struct loop_task left; /* the detaching itself, out of any turn */
};

struct xen_vcpu {
	evtchn_port_t port;
	bool bound;
	struct xen_dev *held; /* the access is done, its effect not: this virtual CPU waits */
};

/* One guest, from its first device until it ends, or until its last one leaves nothing behind. */
struct xen_guest {
	struct xen *x;
	struct xen_guest *next;
	domid_t dom;
	bool gone; /* the domain is no more: nothing can be asked of Xen for it */
	uint32_t ndev;
	int dm; /* descriptor for dm_op */
	bool server;
	bool adopted; /* the server was an earlier process's: some of its devices may still be to come */
	bool keep; /* leave the server to a later process */
	ioservid_t id;
	xenforeignmemory_handle *fm;
	xengnttab_handle *gt;
	xenevtchn_handle *ev;
	xenforeignmemory_resource_handle *frame;
	shared_iopage_t *page;
	struct loop_fd event;
	struct xen_vcpu *vcpu;
	unsigned nvcpu;
	struct xen_mem *mem;
	struct xen_vacant *vacant;
	bool forget; /* a change of memory that could not begin yet */
	struct vio_timer retry, trim;
	struct {
		uint64_t ioreq, config, answer, irq, kick; /* config: part of ioreq */
	} stat;
};

struct xen {
	struct xen_config cfg;
	const struct xen_lib *lib;
	struct xs_handle *xs; /* NULL: no xenstore */
	char *home;	      /* our own backend folder: "/local/domain/0/backend" */
	unsigned self;	      /* our own domain */
	struct loop_fd watch;
	struct loop_task scan;
	struct vio_timer
		again; /* a scan that some trouble spoiled, or a device that could not be attached */
	uint64_t wait;	    /* ns until it; 0: none is wanted */
	bool trouble, lost; /* of xenstore: now; for good */
	uint32_t idle;	    /* times that the watch woke us for nothing */
	uint32_t said[16], nsaid;
	struct vio_timer look; /* watch.c */
	struct vio_timer tidy; /* closed nodes are to be removed */
	bool tidying;
	char vm[48];	    /* keep.c: of the guest that is being attached */
	bool added, sealed; /* xen_added; cfg.settled was called */
	struct loop_task settle;
	struct xen_dev *dev;
	struct xen_guest *guest;
};

/* ---- guest.c ---- */

/* xen_guest_get - the guest with that number, connected; returns: NULL and err */
struct xen_guest *xen_guest_get(struct xen *x, domid_t dom, char err[256]);
/* xen_guest_put - when a device has left: free it if nothing of it is needed any more */
void xen_guest_put(struct xen_guest *g);
/* xen_guest_free - whatever it is needed for */
void xen_guest_free(struct xen_guest *g);
/* xen_guest_report - its counters, to the log */
void xen_guest_report(const struct xen_guest *g);
/* xen_guest_event - see what its virtual CPUs want; tests call it, the loop does */
void xen_guest_progress(struct xen_guest *g);
/* xen_guest_timer - set one of its timers, unless it is set */
void xen_guest_timer(struct xen_guest *g, struct vio_timer *t, uint64_t ns);

/* xen_guest_look - see to accesses that came before their device */
void xen_guest_look(struct xen_guest *g);

/* ---- fast.c ---- */

/* xen_fast_begin - with d->g and d->irq, before the registers exist; returns: what is used, for the log */
const char *xen_fast_begin(struct xen_dev *d);
/* xen_fast_end - before d->g goes */
void xen_fast_end(struct xen_dev *d);
bool xen_fast_irq(struct xen_dev *d); /* returns: false: not raised */
/* xen_fast_kicked - the kernel answers this access, its slot is not to be touched */
bool xen_fast_kicked(const struct xen_dev *d, const struct ioreq *r, bool write);

/* ---- page.c ---- */

/*
 * xen_page_begin - with d->g, after vio_mmio_init, before the registers exist; sets d->len
 * resumed: the guest keeps what an earlier process gave it
 * returns: 0 | -1 and err: another time perhaps
 */
int xen_page_begin(struct xen_dev *d, bool resumed, char err[256]);
/* xen_page_end - before d->g goes; keep: the guest's, for a later process or because its driver may still look */
void xen_page_end(struct xen_dev *d, bool keep);

/* ---- vacant.c ---- */

/* xen_vacant_new - [base, base + len) is vacant in g; returns: NULL: out of memory */
struct xen_vacant *xen_vacant_new(struct xen_guest *g, uint64_t base, uint32_t len);
bool xen_vacant_at(struct xen_guest *g, uint64_t addr);
/* xen_vacant_claim - with d->g and d->base: sets d->vacant, with what is trapped already; returns: 0 | -1 no memory */
int xen_vacant_claim(struct xen_dev *d);
/* xen_vacant_leave - before d->g goes; stays: the range is vacant from now on */
void xen_vacant_leave(struct xen_dev *d, bool stays);
/* xen_vacant_drop - unlock its file; remove: and delete it */
void xen_vacant_drop(struct xen_vacant *v, bool remove);
void xen_vacant_free(struct xen_guest *g); /* all of them */

/* ---- keep.c ---- */

/* xen_keep_busy - d cannot be served now, another time perhaps; returns: true and err */
bool xen_keep_busy(struct xen_dev *d, domid_t dom, char err[256]);
/* xen_keep_server - an earlier process left an ioreq server for this guest */
bool xen_keep_server(struct xen *x, domid_t dom, ioservid_t *id);
/* xen_keep_open - with d->g; returns: true: there is something to restore */
bool xen_keep_open(struct xen_dev *d);
int xen_keep_restore(struct xen_dev *d); /* returns: as vio_mmio_restore */
void xen_keep_fresh(struct xen_dev *d);	 /* what was kept is no use */
/* xen_keep_close - before d->g goes; keep: for a later process */
void xen_keep_close(struct xen_dev *d, bool keep);
/* xen_keep_leave - instead of it: say in the file that d->vacant is vacant */
void xen_keep_leave(struct xen_dev *d);
/* xen_keep_vacant - what an earlier process left vacant in this guest */
void xen_keep_vacant(struct xen_guest *g);
void xen_keep_save(struct xen_dev *d);
void xen_keep_track(struct xen_dev *d, uint16_t vq, bool resumed);

/* ---- dev.c ---- */

/* xen_dev_attach - serve dom at base with irq; returns: 0 | -1 and err */
int xen_dev_attach(struct xen_dev *d, domid_t dom, uint64_t base, uint32_t irq, bool grants,
		   char err[256]);
/* xen_dev_detach - reset it and leave the guest, soon; answer: then tell the toolstack */
void xen_dev_detach(struct xen_dev *d, bool answer);
/* xen_dev_access - one trapped access inside its registers; returns: as vio_mmio_access */
int xen_dev_access(struct xen_dev *d, uint32_t off, uint32_t size, bool write, uint64_t *val);
/* xen_dev_run - a turn of each queue soon */
void xen_dev_run(struct xen_dev *d);

/* ---- store.c ---- */

int xen_store_open(struct xen *x, char err[256]);
void xen_store_close(struct xen *x);
void xen_store_scan(struct xen *x);
/* xen_store_sees - xenstore will tell when this device's domain has ended */
bool xen_store_sees(const struct xen_dev *d);
/* xen_store_probe - notice that xenstore is gone: nothing else says so */
void xen_store_probe(struct xen *x);
/* xen_store_closed - the device left its guest: answer the closing handshake */
void xen_store_closed(struct xen_dev *d);

/* ---- value.c: x->trouble is set when the answer is not known; another time it may be ---- */

/* xen_value_text - of path/key, "": our own folder; returns: to be freed, or NULL */
char *xen_value_text(struct xen *x, const char *path, const char *key);
bool xen_value_parse(const char *s, uint64_t *v);
bool xen_value_number(struct xen *x, const char *path, const char *key, uint64_t *v);
/* xen_value_missing, xen_value_ended - certainly */
bool xen_value_missing(struct xen *x, const char *path, const char *key);
bool xen_value_ended(struct xen *x, domid_t dom);
/* xen_value_list - the sorted names under path, to be freed, or NULL */
char **xen_value_list(struct xen *x, const char *path, unsigned *n);
void xen_value_state(struct xen *x, const char *path, unsigned state);
/* xen_value_lost - xenstored is gone, for good */
void xen_value_lost(struct xen *x);
/* xen_value_complain - once, until something succeeds or it is another line */
void xen_value_complain(struct xen *x, const struct xen_dev *d, const char *line);

/* ---- watch.c ---- */

/* xen_watch - look after guests whose end nobody tells, from now on; to be called when a device came */
void xen_watch(struct xen *x);

/* ---- dmop.c: one hypercall each; returns: 0 | -1 and errno ---- */

int xen_dm_vcpus(struct xen_guest *g, unsigned *n);
int xen_dm_create(struct xen_guest *g);
int xen_dm_destroy(struct xen_guest *g);
int xen_dm_enable(struct xen_guest *g, bool on);
int xen_dm_range(struct xen_guest *g, uint64_t base, uint32_t len, bool on);
int xen_dm_irq(struct xen_guest *g, uint32_t irq, bool level);

#endif
