/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keep.c - what outlives the process: a restarted daemon goes on where the last one ended, however it ended
 *
 * Theory of operation. Xen keeps the ioreq server of a process that died, and the virtual CPUs that wait in it. The
 * registers and the requests in flight are kept here, in a file for each device and guest that is mapped into memory:
 * what was stored survives a kill. Registers are stored before the virtual CPU is answered, so an access is either in
 * the file or will be seen again; doing one twice does no harm. There are two copies of them, and one store says which
 * is good, so a process may end in the middle of it. Requests in flight are the core's (vio_vq_track).
 *
 * The file is locked by the process that serves; another one does not attach meanwhile, since a second ioreq server
 * would take the first one's accesses. A file that belongs to another guest of the same number is made anew; so is one
 * of another device or another shape, but the server that it names is taken over: virtual CPUs may wait in it. The
 * folder belongs to us alone; a file is still checked.
 */
#include "port/xen/internal.h"
#include "hosted/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "stratos 2"

struct kept {
	char magic[16];
	uint32_t bytes, id; /* of the file; of the device class */
	uint32_t server;    /* Xen's number of the ioreq server */
	uint16_t dom, nvq;
	uint64_t base;
	uint32_t vacant; /* bytes at base whose device has left; 0: it serves */
	char vm[48];	 /* tells guests apart that had the same number */
	uint32_t good;	 /* copy of regs and vq: 0, 1 */
	struct vio_mmio_saved regs[2];
	struct vio_ctl_saved_vq vq[]; /* twice nvq of them, then their regions */
};

static uint32_t region_bytes(void)
{
	uint32_t split = vio_vq_track_bytes(XEN_QUEUE_SIZE, false);
	uint32_t packed = vio_vq_track_bytes(XEN_QUEUE_SIZE, true);

	return split > packed ? split : packed;
}

static uint32_t regions_at(const struct xen_dev *d)
{
	size_t n = sizeof(struct kept) + 2u * d->cfg.dev->nvq * sizeof(struct vio_ctl_saved_vq);

	return ((uint32_t)n + 63u) & ~63u;
}

static uint32_t file_bytes(const struct xen_dev *d)
{
	return regions_at(d) + d->cfg.dev->nvq * region_bytes();
}

static bool file_path(const struct xen_dev *d, domid_t dom, char path[XEN_FILE])
{
	const char *dir = d->x->cfg.state_dir;
	int n = dir ? snprintf(path, XEN_FILE, "%s/xen-%u-%s", dir, dom, d->name) : -1;

	return n > 0 && n < (int)XEN_FILE && strchr(d->name, '/') == NULL;
}

/* returns: false: not known, xenstore is in trouble */
static bool vm_of(struct xen *x, domid_t dom, char vm[48])
{
	char path[48];
	unsigned len;
	char *text;
	bool known = true;

	memset(vm, 0, 48);
	if (x->xs) {
		snprintf(path, sizeof(path), "/local/domain/%u/vm", dom);
		text = x->lib->xs_read(x->xs, XBT_NULL, path, &len);
		known = text || errno == ENOENT || errno == EACCES; /* no domU may read it */
		snprintf(vm, 48, "%s", text ? text : "");
		free(text);
	}
	return known;
}

/* Open and lock; returns: a descriptor, or -1 */
static int lock_file(const char *path, int flags)
{
	int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		errno = EBUSY;
		return -1;
	}
	return fd;
}

/* The file of a device that left is locked by us; returns: its record, or NULL */
static struct xen_vacant *ours(const struct xen *x, const char *path)
{
	for (const struct xen_guest *g = x->guest; g; g = g->next) {
		for (struct xen_vacant *v = g->vacant; v; v = v->next) {
			if (v->fd >= 0 && strcmp(v->path, path) == 0) {
				return v;
			}
		}
	}
	return NULL;
}

static bool same_guest(const struct xen_dev *d, const struct kept *k, domid_t dom)
{
	return memcmp(k->magic, MAGIC, sizeof(MAGIC)) == 0 && k->dom == dom &&
	       memcmp(k->vm, d->x->vm, sizeof(k->vm)) == 0;
}

static bool same_device(const struct xen_dev *d, const struct kept *k)
{
	return k->bytes == file_bytes(d) && k->id == d->cfg.dev->ops->id &&
	       k->nvq == d->cfg.dev->nvq && k->base == d->base;
}

bool xen_keep_busy(struct xen_dev *d, domid_t dom, char err[256])
{
	char path[XEN_FILE];
	int fd;

	if (!file_path(d, dom, path)) {
		return false;
	}
	if (!vm_of(d->x, dom, d->x->vm)) {
		snprintf(err, 256, "domain %u: xenstore does not say which guest it is: %s", dom,
			 strerror(errno));
		return true;
	}
	fd = lock_file(path, 0);
	if (fd < 0 && errno == EBUSY && !ours(d->x, path)) {
		snprintf(err, 256, "domain %u: a device of this name is served already (%s)", dom,
			 path);
		return true;
	}
	if (fd >= 0) {
		close(fd);
	}
	return false;
}

bool xen_keep_server(struct xen *x, domid_t dom, ioservid_t *id)
{
	bool found = false;

	for (struct xen_dev *d = x->dev; d && !found; d = d->next) {
		struct kept k;
		char path[XEN_FILE];
		int fd = d->g == NULL && file_path(d, dom, path) ? lock_file(path, 0) : -1;

		if (fd >= 0) {
			found = pread(fd, &k, sizeof(k), 0) == (ssize_t)sizeof(k) &&
				same_guest(d, &k, dom);
			close(fd);
		}
		if (found) {
			*id = (ioservid_t)k.server;
		}
	}
	return found;
}

static void begin(struct xen_dev *d)
{
	struct kept *k = d->kept;

	memset(k, 0, file_bytes(d));
	k->bytes = file_bytes(d);
	k->id = d->cfg.dev->ops->id;
	k->server = d->g->id;
	k->dom = d->g->dom;
	k->nvq = d->cfg.dev->nvq;
	k->base = d->base;
	memcpy(k->vm, d->x->vm, sizeof(k->vm));
	memcpy(k->magic, MAGIC, sizeof(MAGIC)); /* last: before it, the file is none */
}

bool xen_keep_open(struct xen_dev *d)
{
	char path[XEN_FILE];
	struct xen_vacant *before;
	struct kept *k;
	int e;

	d->keep_fd = -1;
	d->kept = NULL;
	if (!file_path(d, d->g->dom, path)) {
		return false;
	}
	before = ours(d->x, path);
	if (before) { /* it was at another address */
		xen_vacant_drop(before, false);
	}
	d->keep_fd = lock_file(path, O_CREAT);
	e = d->keep_fd < 0 || ftruncate(d->keep_fd, file_bytes(d)) < 0
		    ? errno
		    : posix_fallocate(d->keep_fd, 0, file_bytes(d)); /* a full disk says so here */
	if (e) {
		log_warn(d->name, "%s: %s; if this process ends, the guest must be started anew",
			 path, e == EBUSY ? "another process uses it" : strerror(e));
		xen_keep_close(d, false);
		return false;
	}
	k = mmap(NULL, file_bytes(d), PROT_READ | PROT_WRITE, MAP_SHARED, d->keep_fd, 0);
	if (k == MAP_FAILED) {
		log_warn(d->name, "%s: %s", path, strerror(errno));
		xen_keep_close(d, false);
		return false;
	}
	d->kept = k;
	if (d->g->adopted && k->vacant == 0 && k->server == d->g->id &&
	    same_guest(d, k, d->g->dom) && same_device(d, k)) {
		return true;
	}
	begin(d);
	return false;
}

void xen_keep_fresh(struct xen_dev *d)
{
	if (d->kept) {
		begin(d);
	}
}

void xen_keep_close(struct xen_dev *d, bool keep)
{
	char path[XEN_FILE];

	if (d->kept) {
		munmap(d->kept, file_bytes(d));
	}
	if (d->keep_fd >= 0) {
		if (!keep && d->g && file_path(d, d->g->dom, path)) {
			(void)unlink(path);
		}
		close(d->keep_fd);
	}
	d->kept = NULL;
	d->keep_fd = -1;
}

void xen_keep_leave(struct xen_dev *d)
{
	struct xen_vacant *v = d->vacant;

	if (d->kept && file_path(d, d->g->dom, v->path)) {
		d->kept->vacant = v->len;
		v->fd = d->keep_fd;
		d->keep_fd = -1;
	}
	xen_keep_close(d, false);
}

void xen_keep_vacant(struct xen_guest *g)
{
	for (struct xen_dev *d = g->x->dev; d; d = d->next) {
		char path[XEN_FILE];
		struct kept k;
		struct xen_vacant *v = NULL;
		int fd = d->g == NULL && file_path(d, g->dom, path) ? lock_file(path, 0) : -1;

		if (fd >= 0 && pread(fd, &k, sizeof(k), 0) == (ssize_t)sizeof(k) &&
		    same_guest(d, &k, g->dom) &&
		    (k.vacant == XEN_MMIO_LEN || k.vacant == VIO_MMIO_CONFIG)) {
			v = xen_vacant_new(g, k.base, k.vacant);
		}
		if (v) {
			v->fd = fd;
			memcpy(v->path, path, sizeof(path));
		} else if (fd >= 0) {
			close(fd);
		} else {
			/* no file, or its device serves */
		}
	}
}

void xen_keep_save(struct xen_dev *d)
{
	struct kept *k = d->kept;
	uint32_t other;

	if (k) {
		other = ~k->good & 1u;
		vio_mmio_save(&d->mmio, &k->regs[other], k->vq + other * d->cfg.dev->nvq);
		__atomic_store_n(&k->good, other, __ATOMIC_RELEASE);
	}
}

int xen_keep_restore(struct xen_dev *d)
{
	const struct kept *k = d->kept;
	uint32_t good = k->good & 1u;

	return vio_mmio_restore(&d->mmio, &k->regs[good], k->vq + good * d->cfg.dev->nvq);
}

void xen_keep_track(struct xen_dev *d, uint16_t vq, bool resumed)
{
	uint8_t *region;

	if (!d->kept) {
		return;
	}
	region = (uint8_t *)d->kept + regions_at(d) + vq * region_bytes();
	if (!resumed) {
		memset(region, 0, region_bytes());
	}
	(void)vio_vq_track(&d->cfg.dev->vq[vq], &d->turn[vq].track, region, region_bytes());
}
