/* SPDX-License-Identifier: BSD-3-Clause */
/* target.c - a back-end that this program starts, and ends afterwards */
#include "app/target.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LEAVE_MS 3000u

/* The command with {sock} replaced; the caller frees it */
static char *command_of(const char *spawn, const char *sock)
{
	size_t n = 1;
	const char *from = spawn, *hit;
	char *out, *to;

	for (hit = spawn; (hit = strstr(hit, "{sock}")); hit += 6) {
		n++;
	}
	out = malloc(strlen(spawn) + n * strlen(sock));
	if (!out) {
		return NULL;
	}
	to = out;
	while ((hit = strstr(from, "{sock}"))) {
		to = mempcpy(to, from, (size_t)(hit - from));
		to = stpcpy(to, sock);
		from = hit + 6;
	}
	strcpy(to, from);
	return out;
}

static void in_child(const struct target *t, const char *command)
{
	char log[96];
	int fd, null = open("/dev/null", O_RDWR);

	snprintf(log, sizeof(log), "%s/log", t->dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* should we be killed */
	if (dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0) {
		_exit(127);
	}
	if (t->exec) {
		t->exec(t->arg, command);
	} else {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	}
	_exit(127);
}

static int make_dir(struct target *t, char err[256])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(t->dir, sizeof(t->dir), "%.40s/stratos-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(t->dir)) {
		snprintf(err, 256, "a folder %s: %s", t->dir, strerror(errno));
		t->dir[0] = '\0';
		return -1;
	}
	snprintf(t->sock, sizeof(t->sock), "%s/sock", t->dir);
	return 0;
}

int target_start(struct target *t, char err[256])
{
	char *command;

	if (!t->dir[0] && make_dir(t, err)) {
		return -1;
	}
	(void)unlink(t->sock); /* of one that was here before */
	command = command_of(t->command, t->sock);
	fflush(NULL);
	t->child = command ? fork() : -1;
	if (t->child == 0) {
		in_child(t, command);
	}
	free(command);
	if (t->child < 0) {
		snprintf(err, 256, "starting the back-end: %s", strerror(errno));
		t->child = 0;
		return -1;
	}
	(void)setpgid(t->child, t->child); /* whoever of the two comes first */
	return 0;
}

void target_show_log(const struct target *t)
{
	char path[96], text[2048];
	FILE *f;
	size_t n;

	if (!t->dir[0]) {
		return;
	}
	snprintf(path, sizeof(path), "%s/log", t->dir);
	f = fopen(path, "re");
	if (!f) {
		return;
	}
	if (fseek(f, -(long)sizeof(text) + 1, SEEK_END) != 0) {
		rewind(f);
	}
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	if (n > 0) {
		fprintf(stderr, "The back-end said:\n%s%s", text, text[n - 1] == '\n' ? "" : "\n");
	}
	fclose(f);
}

/* Readable when the process has ended, whoever its parent is. -1: gone, or older than Linux 5.3 */
static int pidfd_of(pid_t pid)
{
	return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0u) : -1;
}

/* What the back-end holds, as the lock of its disk, is free when it is gone, not when a shell around it is. */
bool target_leaves(struct target *t, unsigned ms)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	struct pollfd p = { .fd = pidfd_of(t->pid), .events = POLLIN };
	bool left = false;

	for (unsigned i = 0; !left && i <= ms; i++) {
		left = waitpid(t->child, NULL, WNOHANG) != 0 && (p.fd < 0 || poll(&p, 1, 0) != 0);
		if (!left) {
			(void)nanosleep(&pause, NULL);
		}
	}
	if (p.fd >= 0) {
		close(p.fd);
	}
	return left;
}

bool target_ended(struct target *t, char how[256])
{
	int status;

	if (t->child <= 0 || waitpid(t->child, &status, WNOHANG) != t->child) {
		return false;
	}
	t->child = 0;
	snprintf(how, 256, "%s %d", WIFSIGNALED(status) ? "by signal" : "with exit code",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return true;
}

void target_kill(struct target *t)
{
	if (t->child > 0) {
		(void)kill(-t->child, SIGKILL);
		(void)waitpid(t->child, NULL, 0);
	}
	t->child = 0;
}

/* What the back-end left: all of the folder */
static void remove_dir(const struct target *t)
{
	struct dirent *e;
	char path[400];
	DIR *d = opendir(t->dir);

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", t->dir, e->d_name);
		(void)unlink(path); /* not "." and ".." */
	}
	if (d) {
		closedir(d);
	}
	(void)rmdir(t->dir);
}

void target_end(struct target *t)
{
	if (t->child > 0) {
		(void)kill(-t->child, SIGTERM);
		(void)target_leaves(t, LEAVE_MS);
		(void)kill(-t->child, SIGKILL); /* and what it may have started */
		(void)waitpid(t->child, NULL, 0);
	}
	t->child = 0;
	if (t->dir[0]) {
		remove_dir(t);
	}
	t->dir[0] = '\0';
}
