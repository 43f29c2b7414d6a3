#include "fuzz/conversation/check.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/auditline.h"
#include "fuzz/conversation/keys.h"
#include "fuzz/conversation/luck.h"
#include "fuzz/conversation/replies.h"
#include "fuzz/conversation/secrets.h"
#include "fuzz/conversation/tell.h"
#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/hosts.h"
#include "proto/frame.h"

static uint8_t in[2 * FRAME_MAX];

bool
check_receive(int fd, struct slice *got)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, in + len, sizeof(in) - len, 0)) > 0)
		len += (size_t)n;
	*got = (struct slice){ in, len };
	/* It is so when bytes of ours were not read. */
	if (n < 0 && errno == ECONNRESET)
		return true;
	assert(n == 0 || errno == EAGAIN);
	return n == 0;
}

bool
check_is_over(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK) == 0;
}

/* The same for one. */
static void
check_side(struct side *s)
{
	struct slice got, body;
	bool end;
	int st;

	end = check_receive(s->fd, &got);
	for (size_t i = 0; i < s->n_replies; i++) {
		st = frame_next(&got, &body);
		assert(st == ST_OK);
		replies_check(s, &s->replies[i], body);
	}
	assert(got.len == 0 && end == s->closing);
	s->n_replies = 0;
	if (!end)
		return;
	(void)close(s->fd);
	s->fd = -1;
}

void
check_sides(void)
{
	struct pollfd fds[CONNS];
	struct side *s = world.sides;
	int n;

	for (size_t i = 0; i < CONNS; i++)
		fds[i] = (struct pollfd){ .fd = s[i].fd, .events = POLLIN };
	/* The fuzzer has a signal for inputs that do not end. */
	do
		n = poll(fds, CONNS, 0);
	while (n < 0 && errno == EINTR);
	assert(n >= 0);
	/* Most of them have nothing to read, and should not. */
	for (size_t i = 0; i < CONNS; i++)
		if (s[i].fd >= 0 && (fds[i].revents != 0 ||
		    s[i].n_replies > 0 || s[i].closing))
			check_side(&s[i]);
}

/* Find the connection of a record, by its process, which has no other, and see
 * that its number is right. */
static struct side *
side_of(const struct audit_record *rec)
{
	struct side *s = NULL;

	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].pid == rec->pid)
			s = &world.sides[i];
	if (s == NULL)
		return NULL;
	assert(rec->connection <= s->number &&
	    rec->connection + s->unsure >= s->number);
	s->number = rec->connection;
	s->unsure = 0;
	return s;
}

struct side *
check_record(const struct audit_record *rec)
{
	struct side *s;
	unsigned gone;

	tell("  record %u: connection %u %s %s\n", (unsigned)rec->seq,
	    (unsigned)rec->connection, auditline_op_name(rec->op),
	    reason_code(rec->reason));
	tell("    %s %s\n", rec->detail, rec->text != NULL ? rec->text : "");
	secrets_check(rec, sizeof(*rec));
	assert(rec->seq == ++world.seq);
	assert(rec->count == 1 || (world.flooding && rec->count > 1));
	assert((rec->verdict == AUDIT_DENIED) == (rec->reason != REASON_NONE));
	if (rec->op == AUDIT_EXPIRE) {
		assert(sscanf(rec->detail, "%u key", &gone) == 1);
		world.expired_noted += gone;
		return NULL;
	}
	s = side_of(rec);
	assert(s != NULL);
	assert(rec->has_peer && rec->uid == model_peers[s->peer].uid);
	assert(rec->gid == model_peers[s->peer].gid);
	return s;
}

/* Whether it is the end of one that left in the middle of a frame: room for the
 * rest of that is wanted before it is seen that there is none, and where that
 * failed, the agent says so. */
static bool
is_end_without_room(const struct audit_record *rec, struct side *s)
{
	if (!luck.met || !s->left_begun || s->n_notes > 0 ||
	    rec->op != AUDIT_CONNECT || rec->reason != REASON_MEMORY)
		return false;
	s->left_begun = false;
	return true;
}

static bool
text_is(const struct audit_text *t, const char *want)
{
	return slice_eq_str((struct slice){ t->p, t->len }, want) && !t->cut;
}

/* What was signed. */
static void
check_what(const struct audit_record *rec, const struct model_data *d)
{
	static const enum signdata_kind kinds[] = {
		[MODEL_LOGIN] = SIGNDATA_USERAUTH,
		[MODEL_SSHSIG] = SIGNDATA_SSHSIG,
		[MODEL_OTHER] = SIGNDATA_OTHER,
	};

	assert(rec->has_what && rec->what == kinds[d->kind]);
	assert(text_is(&rec->user, d->kind == MODEL_LOGIN ?
	    model_users[d->login.user] : ""));
	assert(text_is(&rec->ns, d->kind == MODEL_SSHSIG ?
	    model_namespaces[d->ns] : ""));
}

/* Where the connection leads. */
static void
check_place(const struct audit_record *rec, const struct model_path *p)
{
	char host[KEYS_FINGERPRINT_MAX] = "";
	bool forwarding = p->gap;

	for (size_t i = 0; i < p->n; i++)
		forwarding = forwarding || p->at[i].forwarding;
	assert(rec->binds == p->n && rec->forwarding == forwarding);
	if (p->n > 0 && p->at[p->n - 1].host >= MODEL_PLAIN)
		return;
	if (p->n > 0)
		keys_fingerprint_of(hosts_blob(p->at[p->n - 1].host), host);
	assert(strcmp(rec->hostkey, host) == 0);
}

/* What a record says of a decision, besides what it was. */
static void
check_contents(const struct audit_record *rec, const struct noted *note)
{
	char fingerprint[KEYS_FINGERPRINT_MAX];
	const char *rule;

	/* Where something failed, it may have been refused for that. */
	assert(note->reason == REASON_NONE || note->reason == rec->reason ||
	    luck.met);
	if (!note->signature)
		return;
	keys_fingerprint_of(keys[note->key == KEY_CERT ? 0 : note->key]->blob,
	    fingerprint);
	assert(strcmp(rec->fingerprint, fingerprint) == 0);
	assert(text_is(&rec->comment, keys_comments[note->comment]));
	check_what(rec, &note->what);
	check_place(rec, &note->path);
	rule = model_rule(world.policy, note->peer, "sign");
	assert(strcmp(rec->rule, rule != NULL ? rule : "built in") == 0);
}

void
check_records(void)
{
	struct side *s;

	for (size_t i = 0; i < stage_n_records; i++) {
		const struct audit_record *rec = &stage_records[i];

		if ((s = check_record(rec)) == NULL ||
		    is_end_without_room(rec, s))
			continue;
		assert(s->n_notes > 0 && rec->op == s->notes[0].op);
		assert((rec->verdict == AUDIT_DENIED) == s->notes[0].denied);
		check_contents(rec, &s->notes[0]);
		memmove(&s->notes[0], &s->notes[1],
		    --s->n_notes * sizeof(s->notes[0]));
	}
	for (size_t i = 0; i < CONNS; i++) {
		if (world.sides[i].n_notes > 0)
			tell("  not recorded: %zu of %zu\n",
			    world.sides[i].n_notes, i);
		assert(world.sides[i].n_notes == 0);
	}
	assert(world.expired_noted <= world.expired);
	stage_n_records = 0;
}

void
check_held(void)
{
	assert(keyring_count(stage_agent.ring) == world.held.n);
	for (size_t i = 0; i < world.held.n; i++) {
		const struct identity *id = keyring_at(stage_agent.ring, i);
		const struct model_key *k = &world.held.at[i];

		assert(slice_eq(key_blob(id->key), keys[k->key]->blob));
		assert(slice_eq_str(identity_comment(id),
		    keys_comments[k->comment]));
		assert(id->confirm == k->confirm);
		assert(id->expires_ms == k->expires_ms);
		assert(strcmp(id->load, keys_loads[k->load]) == 0);
		assert(id->signatures == k->signatures);
		assert(!k->counted || id->rules.left == k->left);
	}
	assert(stage_agent.lock.locked == world.lock.locked);
	assert(stage_agent.refusals == world.refusals);
}
