#include "agent/explaincmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/agentconn.h"
#include "agent/auditline.h"
#include "base/log.h"
#include "base/text.h"
#include "proto/agent_num.h"
#include "proto/explainmsg.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/reply.h"

/* Longest text of an answer. */
#define TEXT_MAX	AUDITLINE_MAX

/* Ask; *r is then at the number of refusals. */
static int
request(struct agentconn *c, uint8_t form, struct wire_reader *r)
{
	uint8_t room[64];
	struct wire_writer w = wire_writer(room, sizeof(room));
	size_t mark = frame_open(&w);
	struct slice frame, body;
	struct reply rep;
	uint32_t version;
	int st;

	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, EXT_EXPLAIN);
	wire_put_u8(&w, form);
	frame_close(&w, mark);
	if ((st = wire_done(&w, &frame)) != ST_OK ||
	    (st = agentconn_call(c, frame, &body)) != ST_OK ||
	    (st = reply_decode(body, &rep)) != ST_OK ||
	    (st = reply_get_extension(&rep, EXT_EXPLAIN, r)) != ST_OK ||
	    (st = wire_get_u32(r, &version)) != ST_OK)
		return st;
	return version == EXPLAINMSG_VERSION ? ST_OK : ST_UNSUPPORTED;
}

/* Whether a text is safe to print as it is.  The agent has seen to that, and
 * escaping it again would double its backslashes; but it may be somebody else
 * who answers. */
static bool
is_safe(struct slice s)
{
	char room[TEXT_MAX + 1];
	struct text t;

	if (s.len > TEXT_MAX)
		return false;
	text_init(&t, room, sizeof(room));
	for (size_t n; s.len > 0 && !t.full; s.p += n, s.len -= n) {
		for (n = 0; n < s.len && s.p[n] != '\\'; n++)
			continue;
		t.len = 0;
		text_escape(&t, s.p, n);
		if (t.len != n)
			return false;
		n += n < s.len;
	}
	return !t.full;
}

/* For people. */
static void
print_text(const struct explainmsg_item *item)
{
	(void)printf("%.*s\n", (int)item->line.len,
	    (const char *)item->line.p);
	if (item->remedy.len > 0)
		(void)printf("    what to do: %.*s\n", (int)item->remedy.len,
		    (const char *)item->remedy.p);
}

/* For programs; the line is a JSON object. */
static void
print_json(const struct explainmsg_item *item, bool first)
{
	char remedy[1024];
	struct text t;

	text_init(&t, remedy, sizeof(remedy));
	text_json(&t, item->remedy.p, item->remedy.len);
	(void)printf("%s{\"first_ms\":%llu,\"remedy\":%s,\"record\":%.*s}",
	    first ? "" : ",", (unsigned long long)item->first_ms, remedy,
	    (int)item->line.len, (const char *)item->line.p);
}

/* Whether there are so many, and all of them can be printed. */
static int
check_all(struct wire_reader r, uint32_t n)
{
	struct explainmsg_item item;
	int st;

	for (; n > 0; n--) {
		if ((st = explainmsg_get(&r, &item)) != ST_OK)
			return st;
		if (!is_safe(item.line) || !is_safe(item.remedy))
			return ST_MALFORMED;
	}
	return ST_OK;
}

/* Print all that came, or nothing. */
static int
print_all(struct wire_reader *r, bool json)
{
	struct explainmsg_item item;
	uint32_t n, i;
	int st;

	if ((st = wire_get_u32(r, &n)) != ST_OK ||
	    (st = check_all(*r, n)) != ST_OK)
		return st;
	if (json)
		(void)printf("{\"version\":1,\"refusals\":[");
	for (i = 0; i < n && explainmsg_get(r, &item) == ST_OK; i++) {
		if (json)
			print_json(&item, i == 0);
		else
			print_text(&item);
	}
	if (json)
		(void)printf("]}\n");
	else if (n == 0)
		(void)printf("Nothing was refused since the agent started.\n");
	return ST_OK;
}

/* Ask and print, on an open connection. */
static int
explain(struct agentconn *c, bool json)
{
	struct wire_reader r;
	int st = request(c, json ? EXPLAINMSG_JSON : EXPLAINMSG_TEXT, &r);

	if (st == ST_DENIED) {
		log_error("the agent at %s does not tell uid %u what it "
		    "refused: that needs admin (root has it), and a "
		    "bottle-agent", c->path, (unsigned)geteuid());
		return EXIT_DENIED;
	}
	if (agentconn_unnamed(c, st))
		return EXIT_DENIED;
	if (st == ST_CLOSED || st == ST_SYSTEM) {
		log_error_st(st, "the agent at %s gives no answer", c->path);
		return EXIT_UNREACHABLE;
	}
	if (st == ST_OK)
		st = print_all(&r, json);
	if (st != ST_OK) {
		log_error_st(st, "the agent at %s gives an answer that is "
		    "none", c->path);
		return EXIT_FAILED;
	}
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		log_error_sys("cannot write what was refused");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int
explaincmd_main(const struct agent_options *opts)
{
	struct agentconn c;
	char why[512];
	int code;

	if (agentconn_open(&c, opts->socket != NULL ? opts->socket :
	    OPTIONS_SOCKET, AGENTCONN_ANYONE, why, sizeof(why)) != ST_OK) {
		log_error("%s", why);
		return EXIT_UNREACHABLE;
	}
	code = explain(&c, opts->json);
	agentconn_close(&c);
	return code;
}
