/* SPDX-License-Identifier: BSD-3-Clause */
/* user.c - give up root */
#include "app/user.h"
#include "hosted/log.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -1 means "leave it" to the calls below, so it is no number of a user. */
static bool number(const char *s, char stop, const char **end, uint32_t *n)
{
	unsigned long v;
	char *e;

	errno = 0;
	v = strtoul(s, &e, 10);
	if (*s < '0' || *s > '9' || errno || v >= UINT32_MAX || (*e && *e != stop)) {
		return false;
	}
	*n = (uint32_t)v;
	*end = e;
	return true;
}

#if STATIC_PROGRAM
/* getpwnam of a static program would load the libraries that nsswitch.conf names, if they are there. */
static const struct passwd *by_name(const char *name)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *p = NULL;

	while (f && (p = fgetpwent(f)) && strcmp(p->pw_name, name) != 0) {
	}
	if (f) {
		fclose(f);
	}
	return p;
}
#else
#define by_name getpwnam
#endif

bool user_find(const char *text, struct user *u)
{
	const struct passwd *p = by_name(text);
	const char *end;
	uint32_t uid, gid;

	if (p) {
		u->uid = p->pw_uid;
		u->gid = p->pw_gid;
		return true;
	}
	if (!number(text, ':', &end, &uid)) {
		return false;
	}
	gid = uid;
	if (*end && !number(end + 1, '\0', &end, &gid)) {
		return false;
	}
	u->uid = uid;
	u->gid = gid;
	return true;
}

int user_become(const struct user *u, const char *folder)
{
	const char *what = NULL;

	if (folder && chown(folder, u->uid, u->gid) < 0 && errno != ENOENT) {
		what = folder;
	} else if (setgroups(0, NULL) < 0) {
		what = "its groups";
	} else if (setresgid(u->gid, u->gid, u->gid) < 0) {
		what = "its group";
	} else if (setresuid(u->uid, u->uid, u->uid) < 0) {
		what = "its user";
	} else {
		log_info(NULL, "user %u, group %u from here on", u->uid, u->gid);
		return 0;
	}
	log_error(NULL, "cannot become user %u: %s: %s; only root may", u->uid, what,
		  strerror(errno));
	return -1;
}
