/*
 * bundle - the host's side of a bundle, for tests.
 *
 * usage: bundle [OPTION...] COMMAND [ARG...] < KEYS
 *
 * Runs COMMAND, which is `bottle-agent --load` with a pipe in front, sends it
 * the keys of stdin as a bundle, and prints the lines that it answers with, one
 * to a line.  The exit status is that of COMMAND.
 *	--frame N	frames of N bytes
 *	--stop N	after N bytes behind the hello: close the pipe
 *	--hold N	after N bytes: say so ("held") and wait for the end
 *	--flip N	turn the lowest bit of byte N of the stream around
 *	--extra		a frame more between staged and commit
 *	--no-commit	close the pipe in place of the commit
 *	--long		a frame that is too long
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "agent/loadstream.h"
#include "agent/vault.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/num.h"
#include "proto/loadpipe.h"

#define NEVER	SIZE_MAX

static struct {
	size_t	 frame, stop, hold, flip;
	bool	 extra, no_commit, too_long;
} how = { LOADPIPE_FRAME_MAX, NEVER, NEVER, NEVER, false, false, false };

static size_t sent;
static int to = -1;
static FILE *from;

static void
die(const char *what)
{
	(void)fprintf(stderr, "bundle: %s\n", what);
	exit(99);
}

/* Send bytes until it is time to stop. */
static bool
put(const uint8_t *p, size_t n)
{
	size_t end = how.stop < how.hold ? how.stop : how.hold;
	bool last = n >= end - sent;

	if (last)
		n = end - sent;
	sent += n;
	if (fdio_write_full(to, p, n) != ST_OK || !last)
		return !last;
	if (how.hold == end) {
		(void)puts("held");
		(void)fflush(stdout);
		for (;;)
			(void)pause();
	}
	(void)close(to);
	to = -1;
	return false;
}

static bool
put_frame(const uint8_t *p, size_t n)
{
	const uint8_t head[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n };

	return put(head, sizeof(head)) && put(p, n);
}

/* The next line of the loading process; it is printed. */
static int
next(struct loadpipe_line *line)
{
	static char buf[2 * LOADPIPE_LINE_MAX];
	int st;

	for (;;) {
		if (fgets(buf, sizeof(buf), from) == NULL)
			return ST_CLOSED;
		buf[strcspn(buf, "\n")] = '\0';
		st = loadpipe_get(slice_str(buf), line);
		(void)printf("%s\n", buf);
		if (st != ST_NOT_FOUND)
			return st;
	}
}

static void
send_stream(const struct slice *s)
{
	size_t at, n;

	for (at = 0; at < s->len; at += n) {
		n = s->len - at < how.frame ? s->len - at : how.frame;
		if (!put_frame(s->p + at, n))
			return;
	}
	(void)put_frame(NULL, 0);
}

static int
finish(pid_t pid)
{
	struct loadpipe_line line;
	int status;

	if (to >= 0)
		(void)close(to);
	while (next(&line) != ST_CLOSED)
		continue;
	(void)fflush(stdout);
	while (waitpid(pid, &status, 0) < 0)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static pid_t
start(char **argv)
{
	int in[2], out[2];
	pid_t pid = -1;

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 ||
	    (pid = fork()) < 0)
		die("cannot start");
	if (pid == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	to = in[1];
	from = fdopen(out[0], "r");
	return pid;
}

static int
take_options(int argc, char **argv)
{
	uint64_t n;
	int i;

	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		size_t *number = strcmp(argv[i], "--frame") == 0 ? &how.frame :
		    strcmp(argv[i], "--stop") == 0 ? &how.stop :
		    strcmp(argv[i], "--hold") == 0 ? &how.hold :
		    strcmp(argv[i], "--flip") == 0 ? &how.flip : NULL;

		if (number != NULL && i + 1 < argc &&
		    num_u64(argv[i + 1], 0, 1u << 30, &n) == ST_OK) {
			*number = (size_t)n;
			i++;
		} else if (strcmp(argv[i], "--extra") == 0)
			how.extra = true;
		else if (strcmp(argv[i], "--no-commit") == 0)
			how.no_commit = true;
		else if (strcmp(argv[i], "--long") == 0)
			how.too_long = true;
		else
			die("wrong use");
	}
	if (i == argc)
		die("wrong use");
	return i;
}

int
main(int argc, char **argv)
{
	struct agent_options opts = { .ready_fd = -1 };
	struct loadpipe_line line;
	struct loadstream ls;
	struct slice stream;
	const uint8_t too_long[4] = { 0, 1, 0, 1 };
	char why[256];
	pid_t pid = -1;

	(void)signal(SIGPIPE, SIG_IGN);
	log_open("bundle", LOG_LEVEL_INFO, 0);
	pid = start(argv + take_options(argc, argv));
	if (vault_open(&opts.memory, VAULT_LOAD, 0, why, sizeof(why)) != ST_OK)
		die(why);
	if (fdio_write_full(to, LOADPIPE_MAGIC, strlen(LOADPIPE_MAGIC)) !=
	    ST_OK || next(&line) != ST_OK || line.kind != LOADPIPE_HELLO)
		return finish(pid);
	loadstream_init(&ls, &opts);
	if (loadstream_begin(&ls, line.key) != 0 ||
	    loadstream_read(&ls) != 0 || loadstream_make(&ls, &stream) != 0)
		die("cannot make a bundle");
	if (how.flip < stream.len)
		((uint8_t *)ls.sealed.p)[how.flip] ^= 1;
	if (how.too_long)
		(void)put(too_long, sizeof(too_long));
	send_stream(&stream);
	if (how.stop == NEVER && how.hold == NEVER && next(&line) == ST_OK &&
	    line.kind == LOADPIPE_STAGED) {
		if (how.extra)
			(void)put_frame(stream.p, 1);
		if (!how.no_commit)
			(void)put_frame(NULL, 0);
	}
	loadstream_fini(&ls);
	vault_close();
	return finish(pid);
}
