/* SPDX-License-Identifier: BSD-3-Clause */
/* lib.c - the table of lib.h, filled from the installed libraries */
#include "port/xen/lib.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xen/sys/privcmd.h>

static int dm_open(void)
{
	return open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
}

static void dm_close(int fd)
{
	(void)close(fd);
}

static int dm_op(int fd, domid_t dom, struct xen_dm_op *op, void *more, size_t len)
{
	privcmd_dm_op_buf_t buf[2] = { { op, sizeof(*op) }, { more, len } };
	privcmd_dm_op_t arg = { .dom = dom, .num = more ? 2 : 1, .ubufs = buf };

	return ioctl(fd, IOCTL_PRIVCMD_DM_OP, &arg);
}

static int dm_restrict(int fd, domid_t dom)
{
	return ioctl(fd, IOCTL_PRIVCMD_RESTRICT, &dom);
}

static int irqfd(int fd, const struct xen_irqfd *arg)
{
	return ioctl(fd, _IOW('P', 8, struct xen_irqfd), arg);
}

static int ioeventfd(int fd, const struct xen_ioeventfd *arg)
{
	return ioctl(fd, _IOW('P', 9, struct xen_ioeventfd), arg);
}

static struct xen_lib lib = { .dm_open = dm_open,
			      .dm_close = dm_close,
			      .dm_op = dm_op,
			      .dm_restrict = dm_restrict,
			      .irqfd = irqfd,
			      .ioeventfd = ioeventfd };

struct symbol {
	void *where; /* member of lib: a pointer to a function */
	const char *name;
};

static const struct symbol foreign[] = {
	{ &lib.fm_open, "xenforeignmemory_open" },
	{ &lib.fm_close, "xenforeignmemory_close" },
	{ &lib.fm_map, "xenforeignmemory_map" },
	{ &lib.fm_unmap, "xenforeignmemory_unmap" },
	{ &lib.fm_map_resource, "xenforeignmemory_map_resource" },
	{ &lib.fm_unmap_resource, "xenforeignmemory_unmap_resource" },
	{ &lib.fm_restrict, "xenforeignmemory_restrict" },
	{ NULL, NULL },
};
static const struct symbol grant[] = {
	{ &lib.gt_open, "xengnttab_open" },
	{ &lib.gt_close, "xengnttab_close" },
	{ &lib.gt_map, "xengnttab_map_domain_grant_refs" },
	{ &lib.gt_unmap, "xengnttab_unmap" },
	{ NULL, NULL },
};
static const struct symbol event[] = {
	{ &lib.ev_open, "xenevtchn_open" },
	{ &lib.ev_close, "xenevtchn_close" },
	{ &lib.ev_fd, "xenevtchn_fd" },
	{ &lib.ev_bind, "xenevtchn_bind_interdomain" },
	{ &lib.ev_unbind, "xenevtchn_unbind" },
	{ &lib.ev_notify, "xenevtchn_notify" },
	{ &lib.ev_pending, "xenevtchn_pending" },
	{ &lib.ev_unmask, "xenevtchn_unmask" },
	{ &lib.ev_restrict, "xenevtchn_restrict" },
	{ NULL, NULL },
};
static const struct symbol store[] = {
	{ &lib.xs_open, "xs_open" },
	{ &lib.xs_close, "xs_close" },
	{ &lib.xs_fd, "xs_fileno" },
	{ &lib.xs_directory, "xs_directory" },
	{ &lib.xs_read, "xs_read" },
	{ &lib.xs_write, "xs_write" },
	{ &lib.xs_rm, "xs_rm" },
	{ &lib.xs_watch, "xs_watch" },
	{ &lib.xs_check_watch, "xs_check_watch" },
	{ &lib.xs_introduced, "xs_is_domain_introduced" },
	{ NULL, NULL },
};
/* Only for configuration as a page: the rest does without. */
static const struct symbol call[] = {
	{ &lib.call_close, "xencall_close" },
	{ &lib.call_buffer, "xencall_alloc_buffer" },
	{ &lib.call_free, "xencall_free_buffer" },
	{ &lib.call2, "xencall2" },
	{ &lib.call_open, "xencall_open" }, /* last: it is there, so all are */
	{ NULL, NULL },
};
static const struct {
	const char *file;
	const struct symbol *symbol;
} library[] = {
	{ "libxenforeignmemory.so.1", foreign },
	{ "libxengnttab.so.1", grant },
	{ "libxenevtchn.so.1", event },
	{ "libxenstore.so.4", store },
};

static int load(const char *file, const struct symbol *s, char err[256])
{
	void *h = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!h) {
		snprintf(err, 256,
			 "%s; Xen's libraries are in Debian's package libxenmisc4.17 (or newer)",
			 dlerror());
		return -1;
	}
	for (; s->name; s++) {
		void *p = dlsym(h, s->name);

		if (!p) {
			snprintf(err, 256, "%s has no function %s: another version is needed", file,
				 s->name);
			return -1;
		}
		memcpy(s->where, &p, sizeof(p)); /* ISO C has no cast from object to function */
	}
	return 0;
}

const struct xen_lib *xen_lib_load(char err[256])
{
	static bool loaded;

	for (size_t i = 0; !loaded && i < sizeof(library) / sizeof(library[0]); i++) {
		if (load(library[i].file, library[i].symbol, err)) {
			return NULL;
		}
	}
	if (!loaded) {
		char why[256];

		(void)load("libxencall.so.1", call, why);
	}
	loaded = true;
	return &lib;
}
