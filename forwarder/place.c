#include "forwarder/place.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/text.h"
#include "forwarder/placeask.h"
#include "forwarder/placehome.h"
#include "forwarder/placesettle.h"
#include "forwarder/placeuser.h"
#include "proto/placepipe.h"
#include "version.h"

struct place {
	struct placehome	 home;
	struct placesettle	 settle;
	bool			 settle_only;	/* and nothing is placed */
	int64_t			 silence_ms;
	struct placepipe_frame	*frame;		/* FILE, COMMON, LINE */
	uint8_t			**body;		/* that they borrow from */
	size_t			 n, lines, bytes;
	bool			 switched;
	bool			 vanished;	/* the host, without a word */
	char			 why[PLACEHOME_WHY_MAX];
};

/* Put one line in ${p}->why and return ${code}. */
static enum exit_code PRINTF_LIKE(3, 4)
fail(struct place *p, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	return code;
}

/* What placehome says. */
static enum exit_code
fail_home(struct place *p, int st)
{
	return fail(p, st == ST_UNTRUSTED ? EXIT_DENIED : EXIT_FAILED, "%s",
	    p->home.why);
}

/* Send a line in one piece: what else goes to the same place stays behind or in
 * front of it. */
static enum exit_code
say(struct place *p, const struct placepipe_line *line)
{
	char buf[PLACEPIPE_LINE_MAX];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	placepipe_line_put(&t, line);
	if (!t.full && fdio_write_full(STDOUT_FILENO, buf, t.len) == ST_OK)
		return EXIT_DONE;
	p->vanished = true;
	return fail(p, EXIT_FAILED, "nobody reads standard output");
}

static enum exit_code
say_word(struct place *p, enum placepipe_word word)
{
	const struct placepipe_line line = { .word = word };

	return say(p, &line);
}

/* Read ${n} bytes; the host must not be silent for too long. */
static int
take(const struct place *p, uint8_t *to, size_t n)
{
	struct pollfd wait[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = p->home.stop_fd, .events = POLLIN },
	};
	int64_t deadline = clock_ms() + p->silence_ms;
	int64_t left;
	ssize_t got;
	int ready;

	while (n > 0) {
		left = deadline - clock_ms();
		ready = left <= 0 ? 0 : poll(wait, 2, (int)left);
		if (ready == 0)
			return ST_BUSY;
		if (ready < 0 && errno != EINTR)
			return ST_SYSTEM;
		if (ready < 0)
			continue;
		if (wait[1].revents != 0)
			return ST_DENIED;
		got = read(STDIN_FILENO, to, n);
		if (got == 0)
			return ST_CLOSED;
		if (got < 0) {
			if (errno != EINTR && errno != EAGAIN)
				return ST_SYSTEM;
			continue;
		}
		to += got;
		n -= (size_t)got;
		/* Who sends is not silent. */
		deadline = clock_ms() + p->silence_ms;
	}
	return ST_OK;
}

/* Why there is no next frame. */
static enum exit_code
cut(struct place *p, int st)
{
	p->vanished = true;
	switch (st) {
	case ST_CLOSED:
		return fail(p, EXIT_FAILED, "the host went away");
	case ST_BUSY:
		return fail(p, EXIT_FAILED, "the host has fallen silent");
	case ST_DENIED:
		return fail(p, EXIT_FAILED, "ended by a signal");
	default:
		return fail(p, EXIT_FAILED, "cannot read standard input: %s",
		    strerrordesc_np(errno));
	}
}

/* The next frame; the caller frees ${body}, which it borrows from. */
static enum exit_code
next_frame(struct place *p, struct placepipe_frame *out, uint8_t **body)
{
	uint8_t head[4];
	struct wire_reader r = wire_reader((struct slice){ head, 4 });
	uint32_t len = 0;
	int st;

	*out = (struct placepipe_frame){ .kind = PLACE_UNDO };
	*body = NULL;
	if ((st = take(p, head, sizeof(head))) != ST_OK)
		return cut(p, st);
	if (wire_get_u32(&r, &len) != ST_OK || len > PLACEPIPE_FRAME_MAX)
		return fail(p, EXIT_FAILED, "a frame is longer than %d bytes",
		    PLACEPIPE_FRAME_MAX);
	if ((*body = malloc(len > 0 ? len : 1)) == NULL)
		return fail(p, EXIT_FAILED, "out of memory");
	if ((st = take(p, *body, len)) != ST_OK)
		return cut(p, st);
	st = placepipe_decode((struct slice){ *body, len }, out);
	if (st == ST_UNSUPPORTED)
		return fail(p, EXIT_FAILED, "a frame of a kind that version "
		    "%s does not know: bring a newer bottle-forward there",
		    BOTTLE_VERSION);
	if (st != ST_OK)
		return fail(p, EXIT_FAILED, "a frame is broken (%s)",
		    status_name(st));
	p->bytes += len;
	return EXIT_DONE;
}

/* A frame that says nothing but its kind. */
static enum exit_code
expect(struct place *p, enum placepipe_kind kind)
{
	struct placepipe_frame frame;
	enum exit_code code;
	uint8_t *body;

	code = next_frame(p, &frame, &body);
	free(body);
	if (code != EXIT_DONE || frame.kind == kind)
		return code;
	return fail(p, EXIT_FAILED, frame.kind == PLACE_UNDO ?
	    "the host has given it up" : "a frame is out of turn");
}

/* Copy a text that is known to fit. */
static void
copy(char *to, struct slice from)
{
	if (from.len > 0)
		memcpy(to, from.p, from.len);
	to[from.len] = '\0';
}

static enum exit_code
begin(struct place *p)
{
	struct placepipe_frame frame;
	enum exit_code code;
	uint8_t *body;

	code = next_frame(p, &frame, &body);
	p->bytes = 0;
	if (code == EXIT_DONE && frame.kind != PLACE_BEGIN)
		code = fail(p, EXIT_FAILED, "a frame is out of turn");
	if (code == EXIT_DONE) {
		copy(p->home.name, frame.name);
		copy(p->home.socket, frame.socket);
		if (placeuser_home(frame.bytes, p->home.home, p->why,
		    sizeof(p->why)) != ST_OK)
			code = EXIT_USAGE;
	}
	free(body);
	return code;
}

/* What is too much of a load, or NULL. */
static const char *
too_much(const struct place *p)
{
	if (p->n > PLACEPIPE_FILES_MAX)
		return "too many files in one load";
	if (p->lines > PLACEPIPE_LINES_MAX)
		return "lines for too many files in one load";
	return p->bytes > PLACEPIPE_BYTES_MAX ?
	    "too many bytes in one load" : NULL;
}

/* The first frame behind the beginning may be the only one. */
static bool
is_settle(struct place *p, enum placepipe_kind kind)
{
	if (p->n > 0 || (kind != PLACE_SETTLE && kind != PLACE_REVERT))
		return false;
	p->settle_only = true;
	p->settle.revert = kind == PLACE_REVERT;
	p->settle.look = kind == PLACE_SETTLE;
	return true;
}

/* Frames up to STAGE, which are kept. */
static enum exit_code
collect(struct place *p)
{
	struct placepipe_frame *f;
	enum exit_code code;
	const char *wrong;

	p->frame = calloc(PLACEPIPE_FILES_MAX + 1, sizeof(*p->frame));
	p->body = calloc(PLACEPIPE_FILES_MAX + 1, sizeof(*p->body));
	if (p->frame == NULL || p->body == NULL)
		return fail(p, EXIT_FAILED, "out of memory");
	for (;;) {
		f = &p->frame[p->n];
		code = next_frame(p, f, &p->body[p->n]);
		if (code != EXIT_DONE || f->kind == PLACE_STAGE ||
		    is_settle(p, f->kind)) {
			free(p->body[p->n]);
			return code;
		}
		p->n++;
		if (f->kind == PLACE_UNDO)
			return fail(p, EXIT_FAILED, "the host has given it up");
		if (f->kind != PLACE_FILE && f->kind != PLACE_COMMON &&
		    f->kind != PLACE_LINE)
			return fail(p, EXIT_FAILED, "a frame is out of turn");
		p->lines += f->kind == PLACE_LINE ? 1 : 0;
		if ((wrong = too_much(p)) != NULL)
			return fail(p, EXIT_FAILED, "%s", wrong);
	}
}

/* Version, machine and user, as far as the host must know them. */
static enum exit_code
hello(struct place *p)
{
	struct placepipe_line line = { .word = PLACEPIPE_HELLO };
	char text[PATH_MAX + 96 + sizeof(((struct utsname *)NULL)->machine)];
	char self[PATH_MAX], *slash;
	struct utsname un;
	ssize_t n;

	if (uname(&un) != 0)
		un.machine[0] = '\0';
	/* The host makes of it what ssh and git are to run. */
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	if ((slash = strrchr(self, '/')) != NULL)
		*slash = '\0';
	(void)snprintf(text, sizeof(text), "%s %s uid=%lu %s", BOTTLE_VERSION,
	    un.machine, (unsigned long)geteuid(), self);
	line.text = slice_str(text);
	return say(p, &line);
}

/* Open the home, and settle what others have left there. */
static enum exit_code
enter(struct place *p)
{
	int st;

	if ((st = placehome_open(&p->home)) != ST_OK ||
	    (st = placesettle_all(&p->home, &p->settle)) != ST_OK)
		return fail_home(p, st);
	/* Without a lock nothing is known, and that is no news here. */
	if (!p->settle_only && p->home.locked && p->settle.left[0] != '\0')
		log_warn("an earlier load was cut off: %s", p->settle.left);
	return EXIT_DONE;
}

/* All steps, up to the last word of the host. */
static enum exit_code
run(struct place *p)
{
	enum exit_code code;
	int st;

	if ((code = hello(p)) != EXIT_DONE || (code = begin(p)) != EXIT_DONE ||
	    (code = collect(p)) != EXIT_DONE || (code = enter(p)) != EXIT_DONE)
		return code;
	if (p->settle_only)
		return EXIT_DONE;
	st = placehome_stage(&p->home, p->frame, p->n);
	if (st != ST_OK)
		return fail_home(p, st);
	if ((code = say_word(p, PLACEPIPE_STAGED)) != EXIT_DONE ||
	    (code = expect(p, PLACE_SWITCH)) != EXIT_DONE)
		return code;
	if ((st = placehome_switch(&p->home)) != ST_OK)
		return fail_home(p, st);
	p->switched = true;
	if ((code = say_word(p, PLACEPIPE_SWITCHED)) != EXIT_DONE)
		return code;
	return expect(p, PLACE_KEEP);
}

static bool
is_public_key(const struct placepipe_frame *f)
{
	static const char end[] = ".pub";
	const size_t n = sizeof(end) - 1;

	return f->kind == PLACE_FILE && f->name.len > n &&
	    memcmp(f->name.p + f->name.len - n, end, n) == 0;
}

/* Whether the agent has all keys that the files are for. */
static bool
agent_has_keys(const struct place *p)
{
	struct slice *key = calloc(p->n + 1, sizeof(*key));
	size_t i, n = 0;
	bool has;

	if (key == NULL)
		return false;
	for (i = 0; i < p->n; i++)
		if (is_public_key(&p->frame[i]))
			key[n++] = placeask_key(p->frame[i].bytes);
	has = placeask_has(p->home.socket, key, n);
	free(key);
	return has;
}

/* What came of it, and no trace of this run. */
static enum exit_code
end_settle(struct place *p)
{
	const struct placepipe_line line = { .word = PLACEPIPE_SETTLED,
		.n = p->settle.outcome, .text = slice_str(p->settle.left) };

	placehome_clean(&p->home);
	/* Nothing was placed: it is directories that may go. */
	if (placehome_undo(&p->home) != ST_OK)
		return fail_home(p, ST_SYSTEM);
	return say(p, &line);
}

/* Make it final, one way or the other. */
static enum exit_code
end(struct place *p, enum exit_code code)
{
	struct placepipe_line line = { .word = PLACEPIPE_FAILED };
	size_t len;

	if (code != EXIT_DONE && p->switched && p->vanished &&
	    agent_has_keys(p))
		code = EXIT_DONE;
	if (code == EXIT_DONE && p->settle_only)
		return end_settle(p);
	if (code == EXIT_DONE) {
		placehome_keep(&p->home);
		(void)say_word(p, PLACEPIPE_KEPT);
		return code;
	}
	if (placehome_undo(&p->home) != ST_OK) {
		len = strlen(p->why);
		(void)snprintf(p->why + len, sizeof(p->why) - len, "; and %s",
		    p->home.why);
	}
	line.n = (uint32_t)code;
	line.text = slice_str(p->why);
	/* There is nobody left to tell when that does not get through. */
	(void)say(p, &line);
	return code;
}

/* Signals that end us are read from a descriptor, between two steps. */
static int
catch_signals(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The line that says that bottle-provision is there. */
static bool
has_magic(const struct place *p)
{
	static const char magic[] = PLACEPIPE_MAGIC;
	uint8_t got[sizeof(magic) - 1];

	return !isatty(STDIN_FILENO) && take(p, got, sizeof(got)) == ST_OK &&
	    memcmp(got, magic, sizeof(got)) == 0;
}

/* Become whoever the command line says.  This is before the magic line, and
 * still said in a line of ours: the host knows what to do about it. */
static enum exit_code
become(struct place *p, const char *user)
{
	struct placepipe_line line = { .word = PLACEPIPE_FAILED };
	int st;

	if (user == NULL ||
	    (st = placeuser_become(user, p->why, sizeof(p->why))) == ST_OK)
		return EXIT_DONE;
	line.n = st == ST_NOT_FOUND ? EXIT_USAGE : st == ST_DENIED ?
	    EXIT_DENIED : EXIT_FAILED;
	line.text = slice_str(p->why);
	(void)say(p, &line);
	return (enum exit_code)line.n;
}

/* What is kept in memory. */
static void
release(struct place *p)
{
	size_t i;

	placehome_fini(&p->home);
	for (i = 0; i < p->n; i++)
		free(p->body[i]);
	free(p->body);
	free(p->frame);
}

enum exit_code
place_main(const struct forward_options *opts)
{
	struct place p = { .silence_ms = (int64_t)opts->silence_s * 1000 };
	enum exit_code code;

	(void)umask(077);
	placehome_init(&p.home);
	if ((code = become(&p, opts->user)) != EXIT_DONE)
		return code;
	if ((p.home.stop_fd = catch_signals()) < 0) {
		log_error_sys("cannot catch signals");
		return EXIT_FAILED;
	}
	if (!has_magic(&p)) {
		log_error("stdin does not begin with \"%.*s\": place is what "
		    "bottle-provision load runs, and nothing to run by hand",
		    (int)sizeof(PLACEPIPE_MAGIC) - 2, PLACEPIPE_MAGIC);
		code = EXIT_USAGE;
	} else
		code = end(&p, run(&p));
	release(&p);
	(void)close(p.home.stop_fd);
	return code;
}
