/*
 * place - the host's side of placing files, for tests.
 *
 * usage: place [OPTION...] COMMAND [ARG...]
 *
 * Runs COMMAND, which is `bottle-forward place` with a pipe in front, sends it
 * what the options say, and prints the lines that it answers with, one to a
 * line.  The exit status is that of COMMAND, or 128 and its signal.
 *	--name NAME, --home DIR, --socket PATH	of the load ("default", "", a
 *			path where nobody listens)
 *	--file NAME TEXT, --common NAME TEXT, --line PATH TEXT
 *	--many N	N empty files more
 *	--big NAME N	a file of N bytes
 *	--lines N	lines for N files that are not there
 *	--at WORD SCRIPT	when it has said WORD: have sh run SCRIPT;
 *			$PLACE_PID is COMMAND
 *	--end WORD	then: close the pipe
 *	--mute WORD	then: send nothing more, and wait for the end
 *	--kind WORD N	then: a frame of kind N without a body
 *	--long WORD	then: a frame that is too long
 *	--stop N	close the pipe after N bytes behind the first line
 *	--settle, --revert	nothing but the frame of that name
 *	--single	send single bytes
 *	--magic TEXT	first line
 *	--size		print how many bytes there are, and do nothing
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/num.h"
#include "proto/placepipe.h"

#define FRAMES_MAX	4096
#define AT_MAX		8

static struct placepipe_frame begin = { .kind = PLACE_BEGIN };
static struct placepipe_frame frames[FRAMES_MAX];
static size_t n_frames;

/* What is to be done when a word came. */
static struct at {
	const char	*word, *script;
	enum at_what { AT_RUN, AT_END, AT_MUTE, AT_KIND, AT_LONG } what;
	uint8_t		 kind;
} ats[AT_MAX];
static size_t n_ats;

static const char *magic = PLACEPIPE_MAGIC;
static size_t stop = SIZE_MAX, sent;
static bool single, size_only;
static enum placepipe_kind only = PLACE_STAGE;	/* that is: all of it */
static int to = -1;
static FILE *from;
static pid_t pid;

static void
die(const char *what)
{
	(void)fprintf(stderr, "place: %s\n", what);
	exit(99);
}

/* Send bytes until it is time to stop. */
static void
put(const uint8_t *p, size_t n)
{
	bool last = n >= stop - sent;
	size_t i;

	if (last)
		n = stop - sent;
	sent += n;
	if (size_only || to < 0)
		return;
	for (i = 0; single && i < n; i++)
		(void)!write(to, p + i, 1);
	if (!single && fdio_write_full(to, p, n) != ST_OK)
		last = true;
	if (last) {
		(void)close(to);
		to = -1;
	}
}

static void
put_frame(const struct placepipe_frame *f)
{
	size_t cap = f->name.len + f->bytes.len + f->socket.len + 64;
	struct wire_writer w = wire_writer(malloc(cap), cap);
	struct slice out;

	placepipe_put(&w, f);
	if (wire_done(&w, &out) != ST_OK)
		die("no room");
	put(out.p, out.len);
	free(w.p);
}

/* The next line of the placing process; it is printed. */
static int
next(struct placepipe_line *line)
{
	static char buf[2 * PLACEPIPE_LINE_MAX];
	int st;

	for (;;) {
		if (fgets(buf, sizeof(buf), from) == NULL)
			return ST_CLOSED;
		buf[strcspn(buf, "\n")] = '\0';
		st = placepipe_line_get(slice_str(buf), line);
		(void)printf("%s\n", buf);
		(void)fflush(stdout);
		if (st != ST_NOT_FOUND)
			return st;
	}
}

static int
finish(void)
{
	struct placepipe_line line;
	int status;

	while (next(&line) != ST_CLOSED)
		continue;
	if (to >= 0)
		(void)close(to);
	while (waitpid(pid, &status, 0) < 0)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

/* Do what is to be done at a word; false: nothing more is to be sent. */
static bool
arrived(const char *word)
{
	static const uint8_t too_long[] = { 0, 8, 0, 1 };
	bool more = true;
	uint8_t odd[] = { 0, 0, 0, 1, 0 };
	size_t i;

	for (i = 0; i < n_ats; i++) {
		if (strcmp(ats[i].word, word) != 0)
			continue;
		odd[4] = ats[i].kind;
		if (ats[i].what == AT_RUN)
			(void)!system(ats[i].script);
		else if (ats[i].what == AT_KIND)
			put(odd, sizeof(odd));
		else if (ats[i].what == AT_LONG)
			put(too_long, sizeof(too_long));
		else if (ats[i].what == AT_END) {
			(void)close(to);
			to = -1;
		}
		more = more && ats[i].what == AT_RUN;
	}
	return more;
}

/* Wait for a word, unless it is not this one. */
static bool
wait_for(enum placepipe_word word, const char *name)
{
	struct placepipe_line line;

	if (size_only)
		return true;
	return next(&line) == ST_OK && line.word == word && arrived(name);
}

/* All of it. */
static void
talk(void)
{
	static const struct {
		enum placepipe_kind	 kind;
		enum placepipe_word	 word;
		const char		*name;
	} steps[] = {
		{ PLACE_STAGE, PLACEPIPE_STAGED, "staged" },
		{ PLACE_SWITCH, PLACEPIPE_SWITCHED, "switched" },
		{ PLACE_KEEP, PLACEPIPE_KEPT, "kept" },
	};
	struct placepipe_frame f = { .kind = PLACE_UNDO };
	size_t i;

	if (!size_only)
		(void)!write(to, magic, strlen(magic));
	if (!wait_for(PLACEPIPE_HELLO, "hello"))
		return;
	put_frame(&begin);
	if (!arrived("begun"))
		return;
	if (only != PLACE_STAGE) {
		f.kind = only;
		put_frame(&f);
		return;
	}
	for (i = 0; i < n_frames; i++)
		put_frame(&frames[i]);
	for (i = 0; i < 3; i++) {
		f.kind = steps[i].kind;
		put_frame(&f);
		if (!wait_for(steps[i].word, steps[i].name))
			return;
	}
}

static void
start(char **argv)
{
	int in[2], out[2];
	char number[16];

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 ||
	    (pid = fork()) < 0)
		die("cannot start");
	if (pid == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)signal(SIGPIPE, SIG_DFL);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	to = in[1];
	from = fdopen(out[0], "r");
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	(void)setenv("PLACE_PID", number, 1);
}

static size_t
number(const char *s)
{
	uint64_t n = 0;

	if (s == NULL || num_u64(s, 0, 1u << 30, &n) != ST_OK)
		die("not a number");
	return (size_t)n;
}

static void
add_frame(enum placepipe_kind kind, const char *name, struct slice bytes)
{
	if (n_frames == FRAMES_MAX || name == NULL)
		die("wrong use");
	frames[n_frames++] = (struct placepipe_frame){ .kind = kind,
		.name = slice_str(name), .bytes = bytes };
}

static void
add_many(enum placepipe_kind kind, size_t n, const char *text)
{
	char *name;

	for (; n > 0; n--) {
		if (asprintf(&name, "more%zu", n) < 0)
			die("no memory");
		add_frame(kind, name, slice_str(text));
	}
}

/* An option with its arguments; how many words it took, or 0. */
static int
take_frame(const char *o, char **arg)
{
	static const struct {
		const char		*name;
		enum placepipe_kind	 kind;
	} kinds[] = { { "--file", PLACE_FILE }, { "--common", PLACE_COMMON },
		{ "--line", PLACE_LINE } };
	size_t i, n;

	for (i = 0; i < 3; i++)
		if (strcmp(o, kinds[i].name) == 0) {
			add_frame(kinds[i].kind, arg[0], slice_str(arg[1]));
			return 3;
		}
	if (strcmp(o, "--big") == 0) {
		n = number(arg[1]);
		add_frame(PLACE_FILE, arg[0],
		    (struct slice){ calloc(n + 1, 1), n });
		return 3;
	}
	if (strcmp(o, "--many") == 0)
		add_many(PLACE_FILE, number(arg[0]), "");
	else if (strcmp(o, "--lines") == 0)
		add_many(PLACE_LINE, number(arg[0]), "x");
	else
		return 0;
	return 2;
}

static int
take_at(const char *o, char **arg)
{
	static const char *const names[] = { [AT_RUN] = "--at",
		[AT_END] = "--end", [AT_MUTE] = "--mute",
		[AT_KIND] = "--kind", [AT_LONG] = "--long" };
	struct at at = { .word = arg[0] };
	size_t i;

	for (i = 0; i < 5; i++)
		if (strcmp(o, names[i]) == 0)
			break;
	if (i == 5 || n_ats == AT_MAX)
		return 0;
	at.what = (enum at_what)i;
	if (i == AT_RUN)
		at.script = arg[1];
	if (i == AT_KIND)
		at.kind = (uint8_t)number(arg[1]);
	ats[n_ats++] = at;
	return i == AT_RUN || i == AT_KIND ? 3 : 2;
}

static int
take_one(const char *o, char **arg)
{
	int n;

	if (strcmp(o, "--single") == 0)
		single = true;
	else if (strcmp(o, "--settle") == 0)
		only = PLACE_SETTLE;
	else if (strcmp(o, "--revert") == 0)
		only = PLACE_REVERT;
	else if (strcmp(o, "--size") == 0)
		size_only = true;
	else if ((n = take_frame(o, arg)) > 0 || (n = take_at(o, arg)) > 0)
		return n;
	else {
		if (strcmp(o, "--name") == 0)
			begin.name = slice_str(arg[0]);
		else if (strcmp(o, "--home") == 0)
			begin.bytes = slice_str(arg[0]);
		else if (strcmp(o, "--socket") == 0)
			begin.socket = slice_str(arg[0]);
		else if (strcmp(o, "--magic") == 0)
			magic = arg[0];
		else if (strcmp(o, "--stop") == 0)
			stop = number(arg[0]);
		else
			die("wrong use");
		return 2;
	}
	return 1;
}

int
main(int argc, char **argv)
{
	int i = 1;

	(void)signal(SIGPIPE, SIG_IGN);
	begin.name = slice_str("default");
	begin.socket = slice_str("/nonexistent/agent.sock");
	while (i < argc && strncmp(argv[i], "--", 2) == 0) {
		i += take_one(argv[i], argv + i + 1);
		if (i > argc)
			die("wrong use");
	}
	if (size_only) {
		talk();
		(void)printf("%zu\n", sent);
		return 0;
	}
	if (i == argc)
		die("wrong use");
	start(argv + i);
	talk();
	return finish();
}
