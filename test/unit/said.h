/* SPDX-License-Identifier: BSD-3-Clause */
/* said.h - what is written to stderr while a test runs; said_end shows it after all. Include after cmocka.h */
#ifndef TEST_SAID_H
#define TEST_SAID_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *said_file;
static int said_was;

static inline void said_begin(void)
{
	said_file = tmpfile();
	said_was = dup(STDERR_FILENO);
	assert_true(said_file && said_was >= 0);
	assert_true(dup2(fileno(said_file), STDERR_FILENO) >= 0);
}

/* How many lines so far have this text */
static inline unsigned said(const char *text)
{
	char line[1100];
	unsigned n = 0;

	rewind(said_file); /* and at the end of the file again, where stderr goes on */
	while (fgets(line, sizeof(line), said_file)) {
		n += strstr(line, text) != NULL;
	}
	return n;
}

static inline void said_end(void)
{
	char line[1100];

	rewind(said_file);
	(void)dup2(said_was, STDERR_FILENO);
	close(said_was);
	while (fgets(line, sizeof(line), said_file)) {
		(void)fputs(line, stderr);
	}
	fclose(said_file);
}

#endif
