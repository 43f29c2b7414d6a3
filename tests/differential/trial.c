#include "differential/trial.h"

#include <string.h>
#include <time.h>

#include "differential/ask.h"

#define BODY_MAX	(256 * 1024)

static const struct slice nothing;

struct slice
trial_session(size_t i)
{
	static const char bytes[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return (struct slice){ (const uint8_t *)bytes + i, 32 };
}

struct wire_writer
trial_draft(void)
{
	static uint8_t room[BODY_MAX];

	return wire_writer(room, sizeof(room));
}

struct slice
trial_written(const struct wire_writer *w)
{
	if (w->full)
		die("a request of a case is too long");
	return (struct slice){ w->p, w->len };
}

/*
 * Asking both.
 */

bool
trial_differs(struct bench *b, const struct difference *d, unsigned c,
    struct slice body)
{
	struct exchange x = { .bench = b, .conn = c, .request = body };
	bool good;

	bench_ask(b, c, body, &x.theirs, &x.mine);
	good = difference_fits(d, &x) && (d->is == NULL || d->is(&x)) &&
	    (d->is == NULL || d->avoided || difference_find(&x) == d);
	if (!good) {
		bench_show(stdout, "request", body);
		bench_show(stdout, "openssh", x.theirs.body);
		bench_show(stdout, "ours   ", x.mine.body);
	}
	return good;
}

bool
trial_both(struct bench *b, unsigned c, struct slice body, uint8_t code)
{
	struct answer t, m;
	bool good;

	bench_ask(b, c, body, &t, &m);
	good = answer_code(&t) == code && answer_code(&m) == code;
	if (!good) {
		bench_show(stdout, "request", body);
		bench_show(stdout, "openssh", t.body);
		bench_show(stdout, "ours   ", m.body);
		(void)printf("  and not both %u\n", code);
	}
	return good;
}

/* How many keys an answer lists. */
static uint32_t
count(const struct answer *a)
{
	struct wire_reader r = wire_reader(a->body);
	uint8_t type;
	uint32_t n;

	if (answer_code(a) != SSH_AGENT_IDENTITIES_ANSWER ||
	    wire_get_u8(&r, &type) != ST_OK || wire_get_u32(&r, &n) != ST_OK)
		return UINT32_MAX;
	return n;
}

static const uint8_t list_byte = SSH_AGENTC_REQUEST_IDENTITIES;
const struct slice trial_list = { &list_byte, 1 };

bool
trial_lists(struct bench *b, unsigned c, uint32_t theirs, uint32_t mine)
{
	struct answer t, m;

	bench_ask(b, c, trial_list, &t, &m);
	if (count(&t) != theirs || count(&m) != mine)
		(void)printf("  %u keys and %u, not %u and %u\n", count(&t),
		    count(&m), theirs, mine);
	return count(&t) == theirs && count(&m) == mine;
}

struct slice
trial_add(unsigned user, struct slice constraints)
{
	struct wire_writer w = trial_draft();

	ask_put_add(&w, SSH_AGENTC_ADD_ID_CONSTRAINED,
	    material_users[user].key, nothing, slice_str("case"),
	    constraints);
	return trial_written(&w);
}

struct slice
trial_bind(const struct material_key *key, struct slice blob, size_t i,
    uint8_t forwarding)
{
	struct wire_writer w = trial_draft();
	struct ask_bind bind = { .hostkey = blob, .sid = trial_session(i),
		.signed_sid = trial_session(i), .signer = key,
		.algorithm = material_algorithm(key->kind, 0),
		.forwarding = forwarding };

	ask_put_bind(&w, &bind);
	return trial_written(&w);
}

const struct material_host *
trial_host(const char *label)
{
	for (size_t i = 0; i < material_n_hosts; i++)
		if (strcmp(material_hosts[i].label, label) == 0)
			return &material_hosts[i];
	die("no host %s", label);
}

struct slice
trial_only_to(struct wire_writer *w, const struct material_host *h,
    const char *user)
{
	struct ask_hop from = { .user = "", .host = "", .reserved = "" };
	struct ask_hop to = ask_hop_of(h, user);
	size_t mark;

	ask_put_constraint(w, "restrict-destination-v00@openssh.com");
	mark = wire_open_string(w);
	ask_put_pair(w, &from, &to, "");
	wire_close_string(w, mark);
	return trial_written(w);
}

void
trial_pause(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

struct slice
trial_over(struct wire_writer *w, const struct material_host *h,
    const struct material_host *next)
{
	struct ask_hop here = { .user = "", .host = "", .reserved = "" };
	struct ask_hop at = ask_hop_of(h, ""), there = ask_hop_of(next, "");
	size_t mark;

	ask_put_constraint(w, "restrict-destination-v00@openssh.com");
	mark = wire_open_string(w);
	ask_put_pair(w, &here, &at, "");
	ask_put_pair(w, &at, &there, "");
	wire_close_string(w, mark);
	return trial_written(w);
}

struct slice
trial_forged_bind(void)
{
	struct wire_writer w = trial_draft();
	struct ask_bind bind = { .hostkey = material_hosts[0].blob,
		.sid = trial_session(1), .signed_sid = trial_session(2),
		.signer = material_hosts[0].key, .algorithm = "ssh-ed25519",
		.forwarding = 1 };

	ask_put_bind(&w, &bind);
	return trial_written(&w);
}
