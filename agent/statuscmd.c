#include "agent/statuscmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/agentconn.h"
#include "agent/statusget.h"
#include "base/log.h"
#include "base/text.h"

/* Every byte of a reply may be escaped to six, and there are field names. */
#define OUTPUT_MAX	(6 * FRAME_MAX + 64 * 1024)

/* Walk over the rules with a printer. */
static void
each_rule(const struct statusget *s, struct text *t,
    void (*print)(struct text *t, struct slice rule, bool first))
{
	struct wire_reader r = s->rules;
	struct slice rule;

	for (uint32_t i = 0; i < s->n_rules &&
	    wire_get_string(&r, &rule) == ST_OK; i++)
		print(t, rule, i == 0);
}

/* A key, and when it was used last. */
struct shown_key {
	struct statusmsg_key	 key;
	bool			 says_use;	/* the agent knows of such */
	uint32_t		 used_ago_s;	/* or STATUSMSG_NEVER */
};

/* Walk over the keys with a printer; returns how many there were. */
static uint32_t
each_key(const struct statusget *s, struct text *t,
    void (*print)(struct text *t, const struct shown_key *k, bool first))
{
	struct wire_reader r = wire_reader(s->keys);
	struct wire_reader uses = wire_reader(s->uses);
	struct shown_key k;
	uint32_t n = 0;

	while (!wire_end(&r) && statusmsg_get_key(&r, &k.key) == ST_OK) {
		k.says_use = wire_get_u32(&uses, &k.used_ago_s) == ST_OK;
		print(t, &k, n++ == 0);
	}
	return n;
}

/* Walk over the limits. */
static void
each_limit(const struct statusget *s, struct text *t,
    void (*print)(struct text *t, const struct statusmsg_limit *limit,
    bool first))
{
	struct wire_reader r = s->limits;
	struct statusmsg_limit limit;

	for (uint32_t i = 0; i < s->n_limits &&
	    statusmsg_get_limit(&r, &limit) == ST_OK; i++)
		print(t, &limit, i == 0);
}

/* Walk over the uids that are connected. */
static void
each_uid(const struct statusget *s, struct text *t,
    void (*print)(struct text *t, const struct statusmsg_uid *uid, bool first))
{
	struct wire_reader r = s->uids;
	struct statusmsg_uid uid;

	for (uint32_t i = 0; i < s->n_uids &&
	    statusmsg_get_uid(&r, &uid) == ST_OK; i++)
		print(t, &uid, i == 0);
}

static void
text_limit(struct text *t, const struct statusmsg_limit *limit, bool first)
{
	text_add(t, first ? "" : " ");
	text_escape(t, limit->name.p, limit->name.len);
	text_addf(t, "=%llu", (unsigned long long)limit->value);
}

static void
text_uid(struct text *t, const struct statusmsg_uid *uid, bool first)
{
	(void)first;
	text_addf(t, "  uid %u: %u connection%s, %llu bytes kept, %llu ms of "
	    "processor time\n", uid->uid, uid->connections,
	    uid->connections == 1 ? "" : "s", (unsigned long long)uid->bytes,
	    (unsigned long long)uid->cpu_ms);
}

static void
text_rule(struct text *t, struct slice rule, bool first)
{
	text_add(t, first ? "" : " ");
	text_escape(t, rule.p, rule.len);
}

static void
text_key(struct text *t, const struct shown_key *k, bool first)
{
	const struct statusmsg_key *key = &k->key;

	(void)first;
	text_add(t, "  ");
	text_escape(t, key->type.p, key->type.len);
	text_addf(t, " %u ", key->bits);
	text_escape(t, key->fingerprint.p, key->fingerprint.len);
	text_addc(t, ' ');
	text_escape(t, key->comment.p, key->comment.len);
	text_addf(t, " (%u signature%s", key->signatures,
	    key->signatures == 1 ? "" : "s");
	if (key->refusals > 0)
		text_addf(t, ", %u refused", key->refusals);
	if (k->says_use && k->used_ago_s != STATUSMSG_NEVER)
		text_addf(t, ", last used %u s ago", k->used_ago_s);
	if (key->remaining_s != STATUSMSG_NEVER)
		text_addf(t, ", expires in %u s", key->remaining_s);
	if (key->confirm != 0)
		text_add(t, ", needs confirmation");
	if (key->load.len > 0) {
		text_add(t, ", load ");
		text_escape(t, key->load.p, key->load.len);
	}
	if (key->rules.len > 0) {
		text_add(t, "; ");
		text_escape(t, key->rules.p, key->rules.len);
	}
	text_add(t, ")\n");
}

/* Where records go. */
static void
print_audit(const struct statusmsg_head *h, struct text *t)
{
	text_add(t, "audit: ");
	if (h->audit.len == 0) {
		text_add(t, "off\n");
		return;
	}
	text_escape(t, h->audit.p, h->audit.len);
	text_addf(t, ", %u record%s", h->audit_records,
	    h->audit_records == 1 ? "" : "s");
	if (h->audit_lost > 0)
		text_addf(t, ", %u of them LOST", h->audit_lost);
	text_addc(t, '\n');
}

/* Where rules come from. */
static void
print_policy(const struct statusmsg_head *h, struct text *t)
{
	if (h->policy.len == 0)
		return;
	text_add(t, "policy: ");
	text_escape(t, h->policy.p, h->policy.len);
	if (h->policy_old != 0)
		text_add(t, ", NOT USED since the last SIGHUP, see the log: "
		    "older rules are in force");
	text_addc(t, '\n');
}

/* For people. */
static void
print_text(const struct statusget *s, struct text *t)
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
	text_addf(t, ", %u bytes, %u in use; room for %u ed25519, %u ecdsa, "
	    "%u rsa-3072 or %u rsa-4096 keys\n", h->memory_size,
	    h->memory_used, h->room_ed25519, h->room_ecdsa, h->room_rsa3072,
	    h->room_rsa4096);
	text_addf(t, "connections: %u of %u", h->connections,
	    h->connections_max);
	if (h->connections_uid_max > 0)
		text_addf(t, ", %u of one uid", h->connections_uid_max);
	text_addc(t, '\n');
	each_uid(s, t, text_uid);
	text_add(t, "limits: ");
	each_limit(s, t, text_limit);
	text_addf(t, "\nsignatures: %u, refusals: %u\n", h->signatures,
	    h->refusals);
	print_audit(h, t);
	print_policy(h, t);
	text_add(t, "rules: ");
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
json_key(struct text *t, const struct shown_key *k, bool first)
{
	const struct statusmsg_key *key = &k->key;

	text_add(t, first ? "{" : ",{");
	json_text(t, "type", key->type);
	json_text(t, "fingerprint", key->fingerprint);
	json_text(t, "comment", key->comment);
	json_text(t, "load", key->load);
	json_text(t, "rules", key->rules);
	text_addf(t, "\"bits\":%u,\"confirm\":%s,\"lifetime_remaining_s\":",
	    key->bits, key->confirm != 0 ? "true" : "false");
	if (key->remaining_s == STATUSMSG_NEVER)
		text_add(t, "null");
	else
		text_addf(t, "%u", key->remaining_s);
	text_addf(t, ",\"signatures\":%u,\"refusals\":%u", key->signatures,
	    key->refusals);
	if (k->says_use && k->used_ago_s == STATUSMSG_NEVER)
		text_add(t, ",\"last_used_ago_s\":null");
	else if (k->says_use)
		text_addf(t, ",\"last_used_ago_s\":%u", k->used_ago_s);
	text_addc(t, '}');
}

static void
json_limit(struct text *t, const struct statusmsg_limit *limit, bool first)
{
	text_add(t, first ? "" : ",");
	text_json(t, limit->name.p, limit->name.len);
	text_addf(t, ":%llu", (unsigned long long)limit->value);
}

static void
json_uid(struct text *t, const struct statusmsg_uid *uid, bool first)
{
	text_addf(t, "%s{\"uid\":%u,\"connections\":%u,\"bytes\":%llu,"
	    "\"cpu_ms\":%llu}", first ? "" : ",", uid->uid, uid->connections,
	    (unsigned long long)uid->bytes, (unsigned long long)uid->cpu_ms);
}

/* For programs: docs/PROTOCOL.md and the man page name the members. */
static void
print_json(const struct statusget *s, struct text *t)
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
	text_addf(t, "\"size\":%u,\"used\":%u,\"largest_free\":%u,"
	    "\"room\":{\"ed25519\":%u,\"ecdsa-256\":%u,\"rsa-3072\":%u,"
	    "\"rsa-4096\":%u}},", h->memory_size, h->memory_used,
	    h->memory_largest, h->room_ed25519, h->room_ecdsa,
	    h->room_rsa3072, h->room_rsa4096);
	text_addf(t, "\"connections\":{\"open\":%u,\"max\":%u,"
	    "\"uid_max\":%u},", h->connections, h->connections_max,
	    h->connections_uid_max);
	text_add(t, "\"uids\":[");
	each_uid(s, t, json_uid);
	text_add(t, "],\"limits\":{");
	each_limit(s, t, json_limit);
	text_addf(t, "},\"signatures\":%u,\"refusals\":%u,\"audit\":{",
	    h->signatures, h->refusals);
	json_text(t, "to", h->audit);
	text_addf(t, "\"records\":%u,\"lost\":%u},", h->audit_records,
	    h->audit_lost);
	json_text(t, "policy", h->policy);
	text_addf(t, "\"policy_is_old\":%s,\"rules\":[",
	    h->policy_old != 0 ? "true" : "false");
	each_rule(s, t, json_rule);
	text_addf(t, "],\"keys_total\":%u,\"keys\":[", s->n_keys);
	(void)each_key(s, t, json_key);
	text_add(t, "]}\n");
}

/* Write everything to stdout. */
static int
put_out(const struct statusget *s, bool json)
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
	struct statusget s;
	int st = statusget(c, &s);

	if (agentconn_unnamed(c, st))
		return EXIT_DENIED;
	switch (st) {
	case ST_OK:
		return put_out(&s, json);
	case ST_DENIED:
		log_error("the agent at %s does not tell uid %u its status: "
		    "that needs admin (root has it), and a bottle-agent",
		    c->path, (unsigned)geteuid());
		return EXIT_DENIED;
	case ST_CLOSED:
	case ST_SYSTEM:
		log_error_st(st, "the agent at %s gives no answer", c->path);
		return EXIT_UNREACHABLE;
	default:
		log_error_st(st, "the agent at %s gives an answer that is "
		    "none", c->path);
		return EXIT_FAILED;
	}
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
