#include "agent/bundlepipe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/text.h"
#include "proto/loadpipe.h"
#include "version.h"

struct bundlepipe {
	struct loadcall	*call;
	uint8_t		*buf;		/* of one frame */
	uint32_t	 keys;		/* in force, and told of */
};

/* Send a line in one piece: what else goes to the same place stays behind or
 * in front of it. */
static bool
say(const struct loadpipe_line *line)
{
	char buf[LOADPIPE_LINE_MAX];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	loadpipe_put(&t, line);
	return !t.full && fdio_write_full(STDOUT_FILENO, buf, t.len) == ST_OK;
}

/* The line that ends it badly. */
static int
fail(int code, uint32_t item, struct slice text)
{
	struct loadpipe_line line = { .kind = LOADPIPE_FAILED,
		.n = (uint32_t)code, .item = item, .text = text };

	/* There is nobody left to tell when that does not get through. */
	(void)say(&line);
	return code;
}

static int
fail_str(int code, const char *text)
{
	return fail(code, 0, slice_str(text));
}

/* The agent did not even answer. */
static int
unanswered(int st)
{
	if (st == ST_DENIED)
		return fail_str(EXIT_DENIED,
		    "the agent does not let this user load keys");
	return fail_str(EXIT_FAILED, "no answer from the agent");
}

/* Options that say something about keys: a bundle's have rules of their own. */
static const char *
misplaced(const struct agent_options *o)
{
	if (o->has_expect)
		return "--expect";
	if (o->has_lifetime)
		return "-t";
	if (o->purposes != NULL)
		return "--purpose";
	if (o->signatures > 0)
		return "--max-signatures";
	if (o->rate_n > 0)
		return "--rate";
	return o->peers != NULL ? "--peers" : NULL;
}

/* Read ${n} bytes; the host must not be silent for too long. */
static int
take(uint8_t *p, size_t n)
{
	struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t deadline = clock_ms() + BUNDLEPIPE_WAIT_S * 1000;
	int64_t left;
	ssize_t got;
	int ready;

	while (n > 0) {
		left = deadline - clock_ms();
		ready = left <= 0 ? 0 : poll(&wait, 1, (int)left);
		if (ready == 0)
			return ST_BUSY;
		if (ready < 0 && errno != EINTR)
			return ST_SYSTEM;
		if (ready < 0)
			continue;
		got = read(STDIN_FILENO, p, n);
		if (got == 0)
			return ST_CLOSED;
		if (got < 0) {
			if (errno != EINTR && errno != EAGAIN)
				return ST_SYSTEM;
			continue;
		}
		p += got;
		n -= (size_t)got;
		/* Who sends is not silent. */
		deadline = clock_ms() + BUNDLEPIPE_WAIT_S * 1000;
	}
	return ST_OK;
}

/* Why there is no next frame. */
static int
cut(int st)
{
	if (st == ST_CLOSED)
		return fail_str(EXIT_FAILED, "the bundle was cut short; "
		    "nothing was loaded");
	if (st == ST_BUSY)
		return fail_str(EXIT_FAILED, "the host has fallen silent; "
		    "nothing was loaded");
	return fail_str(EXIT_FAILED, "cannot read standard input");
}

/* The next frame into the buffer. */
static int
next_frame(struct bundlepipe *b, struct slice *out)
{
	struct slice head = { b->buf, 4 };
	struct wire_reader r;
	uint32_t len = 0;
	int st;

	*out = (struct slice){ b->buf, 0 };
	if ((st = take(b->buf, 4)) != ST_OK)
		return cut(st);
	r = wire_reader(head);
	if (wire_get_u32(&r, &len) != ST_OK || len > LOADPIPE_FRAME_MAX)
		return fail_str(EXIT_FAILED, "a frame of the bundle is too "
		    "long; nothing was loaded");
	if (len > 0 && (st = take(b->buf, len)) != ST_OK)
		return cut(st);
	*out = (struct slice){ b->buf, len };
	return EXIT_DONE;
}

/* One step of the agent's, and what it refuses. */
static int
step(struct bundlepipe *b, enum load_op op, struct slice arg,
    struct load_answer *ans)
{
	int st;

	if ((st = loadcall(b->call, op, arg, ans)) != ST_OK)
		return unanswered(st);
	if (ans->verdict != 0)
		return fail(EXIT_FAILED, ans->item, ans->text);
	return EXIT_DONE;
}

/* Begin, and give the host the key to seal to. */
static int
hello(struct bundlepipe *b, struct slice name)
{
	struct loadpipe_line line = { .kind = LOADPIPE_HELLO };
	char text[96 + sizeof(((struct utsname *)NULL)->machine)];
	struct load_answer ans;
	struct utsname un;
	int code;

	if ((code = step(b, LOAD_BEGIN, name, &ans)) != EXIT_DONE)
		return code;
	if (ans.data.len != LOAD_PUBLIC_KEY)
		return unanswered(ST_MALFORMED);
	memcpy(line.key, ans.data.p, LOAD_PUBLIC_KEY);
	if (uname(&un) != 0)
		un.machine[0] = '\0';
	(void)snprintf(text, sizeof(text), "%s %s uid=%lu", BOTTLE_VERSION,
	    un.machine, (unsigned long)geteuid());
	line.text = slice_str(text);
	return say(&line) ? EXIT_DONE : EXIT_FAILED;
}

/* Frames up to the empty one. */
static int
carry(struct bundlepipe *b)
{
	struct load_answer ans;
	struct slice chunk;
	int code;

	for (;;) {
		code = next_frame(b, &chunk);
		if (code != EXIT_DONE || chunk.len == 0)
			return code;
		if ((code = step(b, LOAD_CHUNK, chunk, &ans)) != EXIT_DONE)
			return code;
	}
}

/* Tell of one key that is in force now. */
static bool
tell_key(struct slice line, void *arg)
{
	struct loadpipe_line out = { .kind = LOADPIPE_KEY, .text = line };
	struct bundlepipe *b = arg;

	b->keys++;
	return say(&out);
}

static int
commit(struct bundlepipe *b)
{
	struct loadpipe_line done = { .kind = LOADPIPE_DONE };
	const struct slice nothing = { NULL, 0 };
	struct load_answer ans;
	struct slice frame;
	int code;

	if ((code = next_frame(b, &frame)) != EXIT_DONE)
		return code;
	if (frame.len > 0)
		return fail_str(EXIT_FAILED, "more of the bundle came behind "
		    "its end; nothing was loaded");
	if ((code = step(b, LOAD_COMMIT, nothing, &ans)) != EXIT_DONE)
		return code;
	/* They are in force, whatever becomes of the lines. */
	if (loadcall_keys(ans.data, tell_key, b) != ST_OK)
		return EXIT_DONE;
	done.n = b->keys;
	(void)say(&done);
	return EXIT_DONE;
}

int
bundlepipe_run(struct loadcall *c, struct slice name,
    const struct agent_options *opts)
{
	const struct loadpipe_line staged = { .kind = LOADPIPE_STAGED };
	struct bundlepipe b = { .call = c };
	const char *wrong = misplaced(opts);
	char text[96];
	int code;

	if (wrong != NULL) {
		(void)snprintf(text, sizeof(text), "%s goes with the text of "
		    "keys; in a bundle each key has its own rules", wrong);
		return fail_str(EXIT_USAGE, text);
	}
	if ((b.buf = malloc(LOADPIPE_FRAME_MAX)) == NULL)
		return fail_str(EXIT_FAILED, "out of memory");
	if ((code = hello(&b, name)) == EXIT_DONE &&
	    (code = carry(&b)) == EXIT_DONE)
		code = say(&staged) ? commit(&b) : EXIT_FAILED;
	free(b.buf);
	return code;
}
