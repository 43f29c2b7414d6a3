#include "differential/cases.h"

#include <linux/sockios.h>
#include <poll.h>
#include <string.h>

#include <sys/ioctl.h>

#include "base/clock.h"
#include "differential/ask.h"
#include "differential/material.h"
#include "differential/trial.h"

/* The longest comment of a case. */
#define COMMENT_MAX	(200 * 1000)

static const struct slice nothing;

/*
 * Lock, and connections.
 */

bool
case_lock_malformed(struct bench *b, const struct difference *d)
{
	static const struct {
		size_t		 len;
		uint8_t		 bytes[8];
	} rows[] = {
		{ 1, { SSH_AGENTC_LOCK } },
		{ 6, { SSH_AGENTC_LOCK, 0, 0, 0, 9, 'x' } },
		{ 8, { SSH_AGENTC_LOCK, 0, 0, 0, 3, 'a', 0, 'b' } },
		{ 3, { SSH_AGENTC_UNLOCK, 0, 0 } },
	};
	bool good = true;
	int64_t end;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bench_connect(b, 0);
		good = good && trial_differs(b, d, 0, (struct slice){
		    rows[i].bytes, rows[i].len });
		/* The connection is closed a moment before it is gone. */
		end = clock_ms() + 2000;
		while (side_alive(b->theirs) && clock_ms() < end)
			trial_pause(1);
		good = good && !side_alive(b->theirs) && side_alive(b->mine);
		bench_restart(b);
	}
	return good;
}

/* Whether something comes on a connection within that time. */
static bool
readable(const struct side *s, unsigned c, int ms)
{
	struct pollfd p = { .fd = s->fds[c], .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* Whether the answer to a wrong passphrase, on connection 0, comes after that
 * to a list that was sent later, on connection 1. */
static bool
list_comes_first(struct side *s)
{
	struct wire_writer w = trial_draft();
	struct slice body;
	bool first;

	ask_put_text(&w, SSH_AGENTC_UNLOCK, "wrong");
	body = trial_written(&w);
	side_send(s, 0, &body, 1, DELIVER_WHOLE, 0);
	/* The agent must have it first. */
	trial_pause(30);
	side_send(s, 1, &trial_list, 1, DELIVER_WHOLE, 0);
	first = readable(s, 1, SIDE_PATIENCE_MS) && !readable(s, 0, 0);
	(void)side_receive(s, 0, body);
	(void)side_receive(s, 1, trial_list);
	return first;
}

bool
case_unlock_wait(struct bench *b, const struct difference *d)
{
	struct wire_writer w = trial_draft();
	bool theirs = false, mine = true;

	(void)d;
	bench_connect(b, 0);
	bench_connect(b, 1);
	ask_put_text(&w, SSH_AGENTC_LOCK, "right");
	if (!trial_both(b, 0, trial_written(&w), SSH_AGENT_SUCCESS))
		return false;
	/* Each failure makes the wait longer. */
	for (unsigned i = 0; i < 3; i++) {
		theirs = theirs || list_comes_first(b->theirs);
		mine = mine && list_comes_first(b->mine);
	}
	return !theirs && mine;
}

/* Whether a request is answered behind which nothing more can come. */
static bool
answers_the_last(struct side *s)
{
	struct answer a;

	/* What it reads must have come before the end. */
	side_pause(s, true);
	side_send(s, 0, &trial_list, 1, DELIVER_WHOLE, 0);
	side_shut(s, 0);
	side_pause(s, false);
	a = side_receive(s, 0, trial_list);
	return a.kind == ANSWER_REPLY;
}

bool
case_half_close(struct bench *b, const struct difference *d)
{
	(void)d;
	bench_connect(b, 0);
	return !answers_the_last(b->theirs) && answers_the_last(b->mine);
}

/* Wait until an agent has read all that was sent to it. */
static void
await_read(const struct side *s, unsigned c)
{
	int64_t end = clock_ms() + SIDE_PATIENCE_MS;
	int left;

	while (ioctl(s->fds[c], SIOCOUTQ, &left) == 0 && left > 0) {
		if (clock_ms() > end)
			die("%s does not read", s->label);
		trial_pause(1);
	}
	/* And that it has got around to what it has read. */
	trial_pause(20);
}

/* Leave an add unfinished on connection 0. */
static void
begin_add(struct side *s)
{
	uint8_t room[1024];
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_string(&w, trial_add(USER_ED25519, nothing));
	side_send_raw(s, 0, (struct slice){ room, w.len / 2 });
	await_read(s, 0);
}

/* The code of the answer to an add that comes in two pieces. */
static uint8_t
add_in_pieces(struct side *s)
{
	uint8_t room[1024];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice body = trial_add(USER_ED25519, nothing);
	struct answer a;

	wire_put_string(&w, body);
	side_send_raw(s, 1, (struct slice){ room, w.len / 2 });
	await_read(s, 1);
	side_send_raw(s, 1, (struct slice){ room + w.len / 2,
	    w.len - w.len / 2 });
	a = side_receive(s, 1, body);
	return answer_code(&a);
}

/* The code of the answer to an add that comes in one write behind a bind. */
static uint8_t
add_behind_bind(struct side *s)
{
	const struct material_host *h = &material_hosts[0];
	uint8_t room[1024];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice bodies[2];
	struct answer a;

	wire_put_bytes(&w, trial_bind(h->key, h->blob, 0, 1));
	bodies[0] = trial_written(&w);
	bodies[1] = trial_add(USER_ED25519, nothing);
	side_send(s, 1, bodies, 2, DELIVER_WHOLE, 0);
	(void)side_receive(s, 1, bodies[0]);
	a = side_receive(s, 1, bodies[1]);
	return answer_code(&a);
}

bool
case_pieces(struct bench *b, const struct difference *d)
{
	bool good;

	bench_connect(b, 0);
	bench_connect(b, 1);
	begin_add(b->theirs);
	begin_add(b->mine);
	good = add_in_pieces(b->theirs) == d->theirs &&
	    add_in_pieces(b->mine) == d->mine;
	return good && add_behind_bind(b->theirs) == d->theirs &&
	    add_behind_bind(b->mine) == d->mine;
}

/*
 * Constraints and extensions.
 */

bool
case_empty_destinations(struct bench *b, const struct difference *d)
{
	uint8_t room[128];
	struct wire_writer w = wire_writer(room, sizeof(room));

	bench_connect(b, 0);
	ask_put_constraint(&w, "restrict-destination-v00@openssh.com");
	wire_put_str(&w, "");
	return trial_differs(b, d, 0, trial_add(USER_ED25519,
	    trial_written(&w)));
}

bool
case_unsound_destination(struct bench *b, const struct difference *d)
{
	const struct material_host *forged = trial_host("cert forged");
	struct material_host off = material_hosts[1];
	struct material_key key = *off.key;
	uint8_t room[2048], blob[256];
	struct ask_hop none = { .user = "", .host = "", .reserved = "" }, to;
	struct wire_writer w;
	bool good = true;
	size_t mark;

	memcpy(blob, key.blob.p, key.blob.len);
	blob[key.blob.len - 1] ^= 1;
	key.blob.p = blob;
	off.key = &key;
	bench_connect(b, 0);
	for (unsigned i = 0; i < 2; i++) {
		to = ask_hop_of(i == 0 ? &off : forged, "");
		if (i == 1)
			to.keys[0].blob = forged->blob;
		w = wire_writer(room, sizeof(room));
		ask_put_constraint(&w,
		    "restrict-destination-v00@openssh.com");
		mark = wire_open_string(&w);
		ask_put_pair(&w, &none, &to, "");
		wire_close_string(&w, mark);
		good = trial_differs(b, d, 0, trial_add(USER_ED25519,
		    trial_written(&w))) && good;
	}
	return good;
}

bool
case_pair_with_more(struct bench *b, const struct difference *d)
{
	uint8_t room[2048];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct ask_hop none = { .user = "", .host = "", .reserved = "" };
	struct ask_hop to = ask_hop_of(&material_hosts[0], "");
	size_t list_mark, mark;

	ask_put_constraint(&w, "restrict-destination-v00@openssh.com");
	list_mark = wire_open_string(&w);
	mark = wire_open_string(&w);
	ask_put_hops(&w, &none, &to, "");
	wire_put_str(&w, "more");
	wire_close_string(&w, mark);
	wire_close_string(&w, list_mark);
	bench_connect(b, 0);
	return trial_differs(b, d, 0, trial_add(USER_ED25519,
	    trial_written(&w)));
}

bool
case_query(struct bench *b, const struct difference *d)
{
	struct wire_writer w = trial_draft();

	bench_connect(b, 0);
	ask_put_text(&w, SSH_AGENTC_EXTENSION, "query");
	return trial_differs(b, d, 0, trial_written(&w));
}

bool
case_our_constraints(struct bench *b, const struct difference *d)
{
	static const struct {
		const char	*name;
		size_t		 len;
		const char	*body;
	} rows[] = {
		{ "purposes@bottle-agent", 15, "\0\0\0\4auth\0\0\0\3git" },
		{ "signatures@bottle-agent", 4, "\0\0\0\5" },
		{ "rate@bottle-agent", 8, "\0\0\0\5\0\0\0\12" },
		{ "unbound@bottle-agent", 1, "\1" },
		{ "peers@bottle-agent", 5, "\0\0\0\1" "0" },
	};
	uint8_t room[128];
	struct wire_writer w;
	bool good = true;

	bench_connect(b, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w = wire_writer(room, sizeof(room));
		ask_put_constraint(&w, rows[i].name);
		wire_put_string(&w, (struct slice){
		    (const uint8_t *)rows[i].body, rows[i].len });
		good = trial_differs(b, d, 0, trial_add((unsigned)i,
		    trial_written(&w))) && good;
	}
	return good;
}

bool
case_our_extensions(struct bench *b, const struct difference *d)
{
	struct wire_writer w = trial_draft();
	bool good;

	bench_connect(b, 0);
	ask_put_text(&w, SSH_AGENTC_EXTENSION, "status@bottle-agent");
	good = trial_differs(b, d, 0, trial_written(&w));
	w = trial_draft();
	ask_put_text(&w, SSH_AGENTC_EXTENSION, "explain@bottle-agent");
	wire_put_u8(&w, 0);
	good = trial_differs(b, d, 0, trial_written(&w)) && good;
	w = trial_draft();
	ask_put_text(&w, SSH_AGENTC_EXTENSION, "load@bottle-agent");
	wire_put_u8(&w, 1);
	wire_put_str(&w, "name");
	return trial_differs(b, d, 0, trial_written(&w)) && good;
}

bool
case_seconds(struct bench *b, const struct difference *d)
{
	uint8_t room[8];
	struct wire_writer w = wire_writer(room, sizeof(room));
	bool shown = false;

	(void)d;
	bench_connect(b, 0);
	ask_put_lifetime(&w, 1);
	/* Again, where this machine takes a long breath at the wrong time. */
	for (unsigned i = 0; i < 4 && !shown; i++) {
		while (clock_ms() % 1000 < 870 || clock_ms() % 1000 > 900)
			trial_pause(5);
		if (!trial_both(b, 0, trial_add(USER_ED25519,
		    trial_written(&w)), SSH_AGENT_SUCCESS))
			return false;
		trial_pause(300);
		shown = trial_lists(b, 0, 0, 1);
	}
	return shown;
}

/* The codes of two answers to requests that come in one write. */
static bool
two_codes(struct side *s, const struct slice bodies[static 2], uint8_t first,
    uint8_t second)
{
	struct answer a, b;

	side_send(s, 0, bodies, 2, DELIVER_WHOLE, 0);
	a = side_receive(s, 0, bodies[0]);
	b = side_receive(s, 0, bodies[1]);
	return answer_code(&a) == first && answer_code(&b) == second;
}

bool
case_expired_behind(struct bench *b, const struct difference *d)
{
	uint8_t room[8], remove[128];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice bodies[2];

	(void)d;
	bench_connect(b, 0);
	ask_put_lifetime(&w, 0);
	bodies[0] = trial_add(USER_ED25519, trial_written(&w));
	w = wire_writer(remove, sizeof(remove));
	ask_put_string(&w, SSH_AGENTC_REMOVE_IDENTITY,
	    material_users[USER_ED25519].key->blob);
	bodies[1] = trial_written(&w);
	return two_codes(b->theirs, bodies, SSH_AGENT_SUCCESS,
	    SSH_AGENT_SUCCESS) && two_codes(b->mine, bodies,
	    SSH_AGENT_SUCCESS, SSH_AGENT_FAILURE);
}

/* A key that only this case knows. */
static struct slice
add_number(uint32_t i, size_t comment_len)
{
	static uint8_t comment[COMMENT_MAX];
	struct wire_writer w = trial_draft(), s;
	uint8_t seed[32] = { 1 }, pk[32], sk[64];

	s = wire_writer(seed + 4, 4);
	wire_put_u32(&s, i);
	material_ed25519(seed, pk, sk);
	memset(comment, 'c', comment_len);
	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_str(&w, material_type(KIND_ED25519));
	wire_put_string(&w, (struct slice){ pk, 32 });
	wire_put_string(&w, (struct slice){ sk, 64 });
	wire_put_string(&w, (struct slice){ comment, comment_len });
	return trial_written(&w);
}

bool
case_long_list(struct bench *b, const struct difference *d)
{
	bool good;

	bench_connect(b, 0);
	good = trial_both(b, 0, add_number(0, COMMENT_MAX),
	    SSH_AGENT_SUCCESS) && trial_differs(b, d, 0, add_number(1, 100000));
	bench_reset(b);
	bench_connect(b, 0);
	for (uint32_t i = 0; good && i < 2048; i++) {
		good = trial_both(b, 0, add_number(i, 0), SSH_AGENT_SUCCESS);
		side_forget(b->theirs);
		side_forget(b->mine);
	}
	return good && trial_differs(b, d, 0, add_number(2048, 0));
}

/*
 * What changed between versions.
 */

bool
case_bind_gap(struct bench *b, const struct difference *d)
{
	const struct material_host *h = &material_hosts[0];
	uint8_t fail = b->version >= 1003 ? SSH_AGENT_EXTENSION_FAILURE :
	    SSH_AGENT_FAILURE;
	uint8_t room[2048];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct answer t, m;

	(void)d;
	bench_connect(b, 0);
	if (!trial_both(b, 0, trial_add(USER_ED25519, trial_over(&w, h,
	    &material_hosts[1])), SSH_AGENT_SUCCESS) ||
	    !trial_both(b, 0, trial_bind(h->key, h->blob, 0, 1),
	    SSH_AGENT_SUCCESS) || !trial_lists(b, 0, 1, 1))
		return false;
	bench_ask(b, 0, trial_forged_bind(), &t, &m);
	if (answer_code(&t) != fail ||
	    answer_code(&m) != SSH_AGENT_EXTENSION_FAILURE ||
	    !trial_lists(b, 0, 1, 0))
		return false;
	/* One that fails only because nothing may come behind an
	 * authentication leaves no gap. */
	bench_connect(b, 1);
	if (!trial_both(b, 1, trial_bind(h->key, h->blob, 0, 0),
	    SSH_AGENT_SUCCESS))
		return false;
	bench_ask(b, 1, trial_bind(h->key, h->blob, 1, 1), &t, &m);
	return answer_code(&t) == fail &&
	    answer_code(&m) == SSH_AGENT_EXTENSION_FAILURE &&
	    trial_lists(b, 1, 1, 1);
}

bool
case_bind_failure(struct bench *b, const struct difference *d)
{
	const struct material_host *h = &material_hosts[0];

	bench_connect(b, 0);
	if (!trial_both(b, 0, trial_bind(h->key, h->blob, 0, 1),
	    SSH_AGENT_SUCCESS))
		return false;
	b->conns[0].bound = true;
	return trial_differs(b, d, 0, trial_forged_bind());
}

bool
case_bind_locked(struct bench *b, const struct difference *d)
{
	const struct material_host *h = &material_hosts[0];
	struct wire_writer w = trial_draft();
	bool good;

	bench_connect(b, 0);
	ask_put_text(&w, SSH_AGENTC_LOCK, "locked");
	if (!trial_both(b, 0, trial_written(&w), SSH_AGENT_SUCCESS))
		return false;
	b->locked = true;
	good = trial_differs(b, d, 0, trial_bind(h->key, h->blob, 0, 1));
	b->locked = false;
	return good;
}

/* Add a key that may go to one host only. */
static bool
add_only_to(struct bench *b, const struct material_host *h)
{
	uint8_t room[2048];
	struct wire_writer w = wire_writer(room, sizeof(room));

	return trial_both(b, 0, trial_add(USER_ED25519, trial_only_to(&w, h,
	    "")), SSH_AGENT_SUCCESS);
}

bool
case_bind_forgotten(struct bench *b, const struct difference *d)
{
	bench_connect(b, 0);
	return add_only_to(b, &material_hosts[0]) &&
	    trial_lists(b, 0, 1, 1) &&
	    trial_differs(b, d, 0, trial_forged_bind()) &&
	    trial_lists(b, 0, 1, 0);
}

bool
case_long_user(struct bench *b, const struct difference *d)
{
	uint8_t room[2048];
	struct wire_writer w = wire_writer(room, sizeof(room));
	char user[258];

	memset(user, 'u', sizeof(user) - 1);
	user[sizeof(user) - 1] = '\0';
	bench_connect(b, 0);
	return trial_differs(b, d, 0, trial_add(USER_ED25519, trial_only_to(&w,
	    &material_hosts[0], user)));
}

/* Whether a key for the host of that certificate is listed there. */
static bool
listed_at(struct bench *b, const char *label, uint32_t theirs, uint32_t mine)
{
	const struct material_host *h = trial_host(label);

	bench_connect(b, 0);
	return add_only_to(b, h) && trial_both(b, 0, trial_bind(h->key, h->blob,
	    0, 0), SSH_AGENT_SUCCESS) && trial_lists(b, 0, theirs, mine);
}

bool
case_nobody(struct bench *b, const struct difference *d)
{
	(void)d;
	return listed_at(b, "cert for nobody", 1, 0);
}

bool
case_pattern(struct bench *b, const struct difference *d)
{
	(void)d;
	return listed_at(b, "cert pattern", 0, 1);
}

/* The add of a key that only has fields. */
static struct slice
add_fields(const char *type, struct slice fields)
{
	struct wire_writer w = trial_draft();

	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_str(&w, type);
	wire_put_bytes(&w, fields);
	wire_put_str(&w, "other type");
	return trial_written(&w);
}

bool
case_dss(struct bench *b, const struct difference *d)
{
	bench_connect(b, 0);
	return trial_differs(b, d, 0, add_fields("ssh-dss",
	    material_new_dsa()->private));
}

bool
case_mldsa(struct bench *b, const struct difference *d)
{
	uint8_t room[1500], zeros[1344] = { 0 };
	struct wire_writer w = wire_writer(room, sizeof(room));

	/* Nobody looks whether the halves fit. */
	wire_put_string(&w, (struct slice){ zeros, 1344 });
	wire_put_string(&w, (struct slice){ zeros, 64 });
	bench_connect(b, 0);
	return trial_differs(b, d, 0, add_fields(b->version >= 1006 ?
	    "ssh-mldsa44-ed25519" : "ssh-mldsa44-ed25519@openssh.com",
	    trial_written(&w)));
}
