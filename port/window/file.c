/* SPDX-License-Identifier: BSD-3-Clause */
/* file.c - windows without a bell: a file, physical memory, a uio device; both sides poll */
#include "port/window/internal.h"
#include "hosted/host_kind.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void unmap(struct window_place *p)
{
	munmap(p->base, p->size);
}

/* A file stays open for its lock: p->own is the descriptor and 1 */
static void close_file(struct window_place *p)
{
	munmap(p->base, p->size);
	close((int)(intptr_t)p->own - 1);
}

/* "NAME,SIZE": cut off at the comma; returns: what is behind it, or NULL */
static char *split(char *arg)
{
	char *comma = strrchr(arg, ',');

	if (comma) {
		*comma++ = '\0';
	}
	return comma;
}

static int refuse(char err[256], const char *what, const char *why)
{
	snprintf(err, 256, "%s: %s", what, why);
	return -1;
}

/* A file of size bytes; one that is there already keeps its size, and has to have it */
static int sized(int fd, const char *path, const char *text, uint64_t *size, char err[256])
{
	uint64_t want = 0;
	struct stat st;

	if (text && !host_size(text, &want)) {
		return refuse(err, path, "the size behind the comma is none");
	}
	if (fstat(fd, &st) < 0) {
		return refuse(err, path, strerror(errno));
	}
	if (st.st_size == 0 && want > 0 && ftruncate(fd, (off_t)want) < 0) {
		return refuse(err, path, strerror(errno));
	}
	*size = st.st_size == 0 ? want : (uint64_t)st.st_size;
	if (want > 0 && *size != want) {
		return refuse(err, path, "it has another size");
	}
	return 0;
}

static int open_file(struct window_place *p, const char *arg, char err[256])
{
	char *path = strdup(arg), *text = path ? split(path) : NULL;
	uint64_t size;
	int fd = path ? open(path, O_RDWR | O_CLOEXEC | (text ? O_CREAT : 0), 0600) : -1;
	int rc = fd < 0 ? refuse(err, path ? path : arg, strerror(errno))
			: sized(fd, path, text, &size, err);

	if (rc == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = refuse(err, path, "another program serves it");
	}
	if (rc == 0) {
		rc = window_map(p, fd, 0, size, path, err);
	}
	p->own = (void *)(intptr_t)(fd + 1);
	if (rc && fd >= 0) {
		close(fd);
	}
	free(path);
	return rc;
}

static bool number(const char *s, uint64_t *v)
{
	char *end;

	errno = 0;
	*v = s && *s ? strtoull(s, &end, 0) : 0;
	return s && *s && errno == 0 && *end == '\0';
}

static int open_physical(struct window_place *p, const char *arg, char err[256])
{
	char *at = strdup(arg), *text = at ? split(at) : NULL;
	uint64_t addr, size;
	int fd, rc;

	if (!at || !number(at, &addr) || addr % 4096u != 0 || !text || !host_size(text, &size)) {
		free(at);
		return refuse(err, arg, "it is the ADDRESS of a page, and a SIZE");
	}
	free(at);
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0) {
		return refuse(err, "/dev/mem", strerror(errno));
	}
	rc = window_map(p, fd, addr, size, arg, err);
	close(fd);
	return rc;
}

/* "uio0" or "/dev/uio0": the size of mapping `map` is in sysfs */
static bool uio_size(const char *dev, unsigned map, uint64_t *size)
{
	const char *slash = strrchr(dev, '/');
	char path[160], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/uio/%s/maps/map%u/size", slash ? slash + 1 : dev,
		 map);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(text, sizeof(text), f)) {
			text[0] = '\0';
		}
		fclose(f);
	}
	text[strcspn(text, "\n")] = '\0';
	return number(text, size);
}

static int open_uio(struct window_place *p, const char *arg, char err[256])
{
	char *dev = strdup(arg), *text = dev ? split(dev) : NULL, path[128];
	uint64_t map = 0, size;
	int fd, rc;

	if (!dev || (text && (!number(text, &map) || map > 4)) ||
	    !uio_size(dev, (unsigned)map, &size)) {
		free(dev);
		return refuse(err, arg, "it is a uio DEVICE that has such a mapping");
	}
	snprintf(path, sizeof(path), "%s%s", *dev == '/' ? "" : "/dev/", dev);
	free(dev);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		return refuse(err, path, strerror(errno));
	}
	rc = window_map(p, fd, map * 4096u, size, path, err); /* mapping n is at n pages */
	close(fd);
	return rc;
}

const struct window_place_ops window_file = { .open = open_file, .close = close_file };
const struct window_place_ops window_physical = { .open = open_physical, .close = unmap };
const struct window_place_ops window_uio = { .open = open_uio, .close = unmap };
