/* SPDX-License-Identifier: BSD-3-Clause */
/* user.h - who the daemon is once it is set up */
#ifndef APP_USER_H
#define APP_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct user {
	uid_t uid;
	gid_t gid;
};

/* user_find - text: a name of the user database, or UID or UID:GID; returns: false: there is none */
bool user_find(const char *text, struct user *u);
/*
 * user_become - for the whole process, for good: this user and group, no other group, no capability
 * folder: what this user must still be able to change, or NULL. returns: 0 | -1 refused, it said why
 */
int user_become(const struct user *u, const char *folder);

#endif
