/*
 * approve - answer the questions of an agent about keys with confirm.
 *
 * usage: approve SOCKET yes|no|hold|leave [COUNT]
 *
 * "ready" goes to stdout once the agent knows of it, then one line for each
 * question, and one that says whether its answer was taken.  It ends after
 * COUNT questions, or when the agent ends.  With hold a question is kept and
 * never answered, and the end is SIGTERM; with leave it ends as soon as it was
 * asked.
 * Exit status: 0 done; 1 the agent does not let it, or is gone; 2 wrong use.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "base/fdio.h"
#include "base/num.h"
#include "base/text.h"
#include "base/unixsock.h"
#include "proto/agent_num.h"
#include "proto/approve.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "proto/request.h"

#define COUNT_MAX	100000

/* Append a request for an extension to w. */
static void
put_extension(struct wire_writer *w, const char *name, struct slice body)
{
	struct request req = { .type = SSH_AGENTC_EXTENSION };
	size_t mark = frame_open(w);

	req.extension.name = slice_str(name);
	req.extension.body = body;
	request_encode(w, &req);
	frame_close(w, mark);
}

/* Append one for approve@bottle-agent. */
static void
put_request(struct wire_writer *w, const struct approve_request *req)
{
	uint8_t body[16];
	struct wire_writer b = wire_writer(body, sizeof(body));

	approve_request_put(&b, req);
	put_extension(w, EXT_APPROVE, (struct slice){ body, b.len });
}

/* Read one reply; false: the agent is gone, or talks nonsense. */
static bool
read_reply(int fd, struct reply *out)
{
	static uint8_t room[FRAME_BODY_MAX];
	uint8_t head[FRAME_HEAD];
	struct wire_reader r = wire_reader((struct slice){ head, FRAME_HEAD });
	uint32_t len;
	size_t got;

	return fdio_read_full(fd, head, FRAME_HEAD, &got) == ST_OK &&
	    wire_get_u32(&r, &len) == ST_OK && len <= sizeof(room) &&
	    fdio_read_full(fd, room, len, &got) == ST_OK &&
	    reply_decode((struct slice){ room, len }, out) == ST_OK;
}

/* Say that we approve.  What comes before it on the same connection tells, by
 * its reply, that the agent has got there. */
static bool
sit_down(int fd)
{
	uint8_t room[256];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct reply reply;

	put_extension(&w, EXT_QUERY, slice_str(""));
	put_request(&w, &(struct approve_request){ .op = APPROVE_NEXT });
	if (fdio_write_full(fd, room, w.len) != ST_OK ||
	    !read_reply(fd, &reply))
		return false;
	(void)puts("ready");
	return true;
}

/* Ask for one more question. */
static bool
send_next(int fd)
{
	uint8_t room[64];
	struct wire_writer w = wire_writer(room, sizeof(room));

	put_request(&w, &(struct approve_request){ .op = APPROVE_NEXT });
	return fdio_write_full(fd, room, w.len) == ST_OK;
}

static void
print_question(const struct approve_question *q)
{
	char comment[4 * APPROVE_TEXT_MAX + 1];
	struct text t;

	text_init(&t, comment, sizeof(comment));
	text_escape(&t, q->comment.p, q->comment.len);
	(void)printf("question uid %u pid %u left %u key %.*s host %.*s "
	    "what \"%.*s\" comment \"%s\"\n", q->uid, q->pid, q->left_ms,
	    (int)q->fingerprint.len, (const char *)q->fingerprint.p,
	    (int)q->host.len, (const char *)q->host.p,
	    (int)q->what.len, (const char *)q->what.p, comment);
}

/* Answer, and tell whether that was taken. */
static bool
send_answer(int fd, uint32_t id, bool yes)
{
	const struct approve_request req = { APPROVE_ANSWER, id, yes };
	uint8_t room[64];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct reply reply;

	put_request(&w, &req);
	if (fdio_write_full(fd, room, w.len) != ST_OK ||
	    !read_reply(fd, &reply))
		return false;
	(void)puts(reply.type == SSH_AGENT_SUCCESS ? "taken" : "too late");
	return true;
}

/* Take one question and do with it what is wanted. */
static bool
serve_one(int fd, const char *verb)
{
	struct approve_question q;
	struct wire_reader r;
	struct reply reply;

	if (!read_reply(fd, &reply) ||
	    reply_get_extension(&reply, EXT_APPROVE, &r) != ST_OK ||
	    approve_question_get(&r, &q) != ST_OK)
		return false;
	print_question(&q);
	if (strcmp(verb, "leave") == 0)
		exit(0);
	while (strcmp(verb, "hold") == 0)
		(void)pause();
	return send_answer(fd, q.id, strcmp(verb, "yes") == 0);
}

static bool
is_verb(const char *s)
{
	return strcmp(s, "yes") == 0 || strcmp(s, "no") == 0 ||
	    strcmp(s, "hold") == 0 || strcmp(s, "leave") == 0;
}

int
main(int argc, char **argv)
{
	uint64_t count = UINT64_MAX;
	int fd;

	if ((argc != 3 && argc != 4) || !is_verb(argv[2]) || (argc == 4 &&
	    num_u64(argv[3], 1, COUNT_MAX, &count) != ST_OK)) {
		(void)fputs("usage: approve SOCKET yes|no|hold|leave "
		    "[COUNT]\n", stderr);
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (unixsock_connect(argv[1], &fd) != ST_OK) {
		perror(argv[1]);
		return 1;
	}
	if (!sit_down(fd))
		return 1;
	while (serve_one(fd, argv[2])) {
		if (--count == 0)
			return 0;
		if (!send_next(fd))
			break;
	}
	return 1;
}
