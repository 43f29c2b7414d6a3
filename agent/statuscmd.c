#include "agent/statuscmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/agentconn.h"
#include "base/log.h"
#include "base/text.h"
#include "proto/agent_num.h"
#include "proto/extension.h"
#include "proto/reply.h"
#include "proto/statusmsg.h"

/* Every byte of a reply may be escaped to six, and there are field names. */
#define OUTPUT_MAX	(6 * FRAME_MAX + 64 * 1024)

/* A decoded answer. */
struct answer {
	struct statusmsg_head	 head;
	struct wire_reader	 rules;		/* u32 n, then strings */
	uint32_t		 n_keys;	/* that the agent holds */
	struct slice		 keys;		/* those in the answer */
};

/* Take an answer apart, up to the keys. */
static int
decode(struct wire_reader *r, struct answer *out)
{
	struct slice rule;
	uint32_t n;
	int st;

	if ((st = statusmsg_get_head(r, &out->head)) != ST_OK)
		return st;
	out->rules = *r;
	if ((st = wire_get_u32(r, &n)) != ST_OK)
		return st;
	for (; n > 0; n--)
		if ((st = wire_get_string(r, &rule)) != ST_OK)
			return st;
	if ((st = wire_get_u32(r, &out->n_keys)) != ST_OK)
		return st;
	return wire_get_string(r, &out->keys);
}

/* Walk over the rules with a printer. */
static void
each_rule(const struct answer *s, struct text *t,
    void (*print)(struct text *t, struct slice rule, bool first))
{
	struct wire_reader r = s->rules;
	struct slice rule;
	uint32_t n;

	if (wire_get_u32(&r, &n) != ST_OK)
		return;
	for (uint32_t i = 0; i < n && wire_get_string(&r, &rule) == ST_OK; i++)
		print(t, rule, i == 0);
}

/* Walk over the keys with a printer; returns how many there were. */
static uint32_t
each_key(const struct answer *s, struct text *t,
    void (*print)(struct text *t, const struct statusmsg_key *key, bool first))
{
	struct wire_reader r = wire_reader(s->keys);
	struct statusmsg_key key;
	uint32_t n = 0;

	while (!wire_end(&r) && statusmsg_get_key(&r, &key) == ST_OK)
		print(t, &key, n++ == 0);
	return n;
}

static void
text_rule(struct text *t, struct slice rule, bool first)
{
	text_add(t, first ? "" : " ");
	text_escape(t, rule.p, rule.len);
}

static void
text_key(struct text *t, const struct statusmsg_key *key, bool first)
{
	(void)first;
	text_add(t, "  ");
	text_escape(t, key->type.p, key->type.len);
	text_addf(t, " %u ", key->bits);
	text_escape(t, key->fingerprint.p, key->fingerprint.len);
	text_addc(t, ' ');
	text_escape(t, key->comment.p, key->comment.len);
	text_addf(t, " (%u signatures", key->signatures);
	if (key->refusals > 0)
		text_addf(t, ", %u refused", key->refusals);
	if (key->remaining_s != STATUSMSG_NEVER)
		text_addf(t, ", expires in %u s", key->remaining_s);
	if (key->confirm != 0)
		text_add(t, ", needs confirmation");
	if (key->load.len > 0) {
		text_add(t, ", load ");
		text_escape(t, key->load.p, key->load.len);
	}
	text_add(t, ")\n");
}

/* For people. */
static void
print_text(const struct answer *s, struct text *t)
{
	const struct statusmsg_head *h = &s->head;
	uint32_t shown;

	text_add(t, "bottle-agent ");
	text_escape(t, h->version.p, h->version.len);
	text_addf(t, ", pid %u, uid %u, up %u s\nsocket: ", h->pid, h->uid,
	    h->uptime_s);
	text_escape(t, h->socket.p, h->socket.len);
	text_add(t, " (");
	text_escape(t, h->mode.p, h->mode.len);
	text_addf(t, " mode%s)\nmemory: ", h->locked != 0 ? ", LOCKED" : "");
	text_escape(t, h->backing.p, h->backing.len);
	if (slice_eq_str(h->backing, "unlocked"))
		text_add(t, ", NOT LOCKED: keys may be written to swap");
	text_addf(t, ", %u bytes, %u in use\n", h->memory_size,
	    h->memory_used);
	text_addf(t, "connections: %u of %u", h->connections,
	    h->connections_max);
	if (h->connections_uid_max > 0)
		text_addf(t, ", %u of one uid", h->connections_uid_max);
	text_addf(t, "\nsignatures: %u, refusals: %u\nrules: ", h->signatures,
	    h->refusals);
	each_rule(s, t, text_rule);
	text_addf(t, "\nkeys: %u\n", s->n_keys);
	shown = each_key(s, t, text_key);
	if (shown < s->n_keys)
		text_addf(t, "  and %u more\n", s->n_keys - shown);
}

/* A member of a JSON object whose value is text. */
static void
json_text(struct text *t, const char *name, struct slice value)
{
	text_addf(t, "\"%s\":", name);
	text_json(t, value.p, value.len);
	text_addc(t, ',');
}

static void
json_rule(struct text *t, struct slice rule, bool first)
{
	text_add(t, first ? "" : ",");
	text_json(t, rule.p, rule.len);
}

static void
json_key(struct text *t, const struct statusmsg_key *key, bool first)
{
	text_add(t, first ? "{" : ",{");
	json_text(t, "type", key->type);
	json_text(t, "fingerprint", key->fingerprint);
	json_text(t, "comment", key->comment);
	json_text(t, "load", key->load);
	text_addf(t, "\"bits\":%u,\"confirm\":%s,\"lifetime_remaining_s\":",
	    key->bits, key->confirm != 0 ? "true" : "false");
	if (key->remaining_s == STATUSMSG_NEVER)
		text_add(t, "null");
	else
		text_addf(t, "%u", key->remaining_s);
	text_addf(t, ",\"signatures\":%u,\"refusals\":%u}", key->signatures,
	    key->refusals);
}

/* For programs: docs/PROTOCOL.md and the man page name the members. */
static void
print_json(const struct answer *s, struct text *t)
{
	const struct statusmsg_head *h = &s->head;

	text_add(t, "{\"version\":1,");
	json_text(t, "program_version", h->version);
	json_text(t, "socket", h->socket);
	json_text(t, "mode", h->mode);
	text_addf(t, "\"pid\":%u,\"uid\":%u,\"uptime_s\":%u,\"locked\":%s,",
	    h->pid, h->uid, h->uptime_s, h->locked != 0 ? "true" : "false");
	text_add(t, "\"memory\":{");
	json_text(t, "backing", h->backing);
	text_addf(t, "\"size\":%u,\"used\":%u,\"largest_free\":%u},",
	    h->memory_size, h->memory_used, h->memory_largest);
	text_addf(t, "\"connections\":{\"open\":%u,\"max\":%u,"
	    "\"uid_max\":%u},", h->connections, h->connections_max,
	    h->connections_uid_max);
	text_addf(t, "\"signatures\":%u,\"refusals\":%u,\"rules\":[",
	    h->signatures, h->refusals);
	each_rule(s, t, json_rule);
	text_addf(t, "],\"keys_total\":%u,\"keys\":[", s->n_keys);
	(void)each_key(s, t, json_key);
	text_add(t, "]}\n");
}

/* Write everything to stdout. */
static int
put_out(const struct answer *s, bool json)
{
	char *room = malloc(OUTPUT_MAX);
	struct text t;
	bool ok;

	if (room == NULL) {
		log_error("out of memory");
		return EXIT_FAILED;
	}
	text_init(&t, room, OUTPUT_MAX);
	if (json)
		print_json(s, &t);
	else
		print_text(s, &t);
	ok = fwrite(t.p, 1, t.len, stdout) == t.len && fflush(stdout) == 0;
	if (!ok)
		log_error_sys("cannot write the status");
	free(room);
	return ok && !t.full ? EXIT_DONE : EXIT_FAILED;
}

/* Ask and print, on an open connection. */
static int
ask(struct agentconn *c, bool json)
{
	uint8_t room[64];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice frame, body;
	struct wire_reader r;
	struct answer s;
	struct reply rep;
	size_t mark;
	int st;

	mark = frame_open(&w);
	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, EXT_STATUS);
	frame_close(&w, mark);
	if ((st = wire_done(&w, &frame)) != ST_OK ||
	    (st = agentconn_call(c, frame, &body)) != ST_OK) {
		log_error_st(st, "the agent at %s gives no answer", c->path);
		return EXIT_UNREACHABLE;
	}
	if ((st = reply_decode(body, &rep)) == ST_OK &&
	    (st = reply_get_extension(&rep, EXT_STATUS, &r)) == ST_OK &&
	    (st = decode(&r, &s)) == ST_OK)
		return put_out(&s, json);
	if (st == ST_DENIED) {
		log_error("the agent at %s does not tell uid %u its status: "
		    "that needs admin (root has it), and a bottle-agent",
		    c->path, (unsigned)geteuid());
		return EXIT_DENIED;
	}
	log_error_st(st, "the agent at %s gives an answer that is none",
	    c->path);
	return EXIT_FAILED;
}

int
statuscmd_main(const struct agent_options *opts)
{
	struct agentconn c;
	char why[512];
	int code;

	if (agentconn_open(&c, opts->socket != NULL ? opts->socket :
	    OPTIONS_SOCKET, AGENTCONN_ANYONE, why, sizeof(why)) != ST_OK) {
		log_error("%s", why);
		return EXIT_UNREACHABLE;
	}
	code = ask(&c, opts->json);
	agentconn_close(&c);
	return code;
}
