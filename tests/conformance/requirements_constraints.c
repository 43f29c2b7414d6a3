/*
 * Constraints of an added key.
 */

#include "conformance/probe.h"

#include <stdio.h>

#include "base/clock.h"

/* The shortest lifetime that is there for a second whichever way an agent
 * counts, and how long it may take to end. */
#define LIFETIME_S	2
#define LIFETIME_END_MS	3300

/* An add with these constraints fails, and adds nothing. */
static enum verdict
expect_refused(struct probe *p, struct slice constraints, const char *what)
{
	const struct material_key *k = fresh_key(p);

	PASSES(expect(p, 0, add_body(k, nothing, "", constraints),
	    SSH_AGENT_FAILURE, what));
	return expect_listed(p, 0, k->blob, false);
}

static enum verdict
check_none(struct probe *p)
{
	const struct material_key *k = fresh_key(p);
	struct wire_writer w = trial_draft();

	ask_put_add(&w, SSH_AGENTC_ADD_ID_CONSTRAINED, k, nothing,
	    slice_str("none"), nothing);
	PASSES(expect(p, 0, trial_written(&w), SSH_AGENT_SUCCESS,
	    "ADD_ID_CONSTRAINED without constraints"));
	return expect_signs(p, 0, k, k->blob, usual_login(k), 0, NULL);
}

static enum verdict
check_number(struct probe *p)
{
	static const uint8_t types[] = { 0, 4, 100, 200 };

	for (size_t i = 0; i < sizeof(types); i++)
		PASSES(expect_refused(p, BODY(types[i]),
		    "an add with an unknown constraint"));
	return expect_refused(p, BODY(100, 0, 0, 0, 1),
	    "an add with an unknown constraint and a body");
}

static enum verdict
check_extension(struct probe *p)
{
	uint8_t room[128];
	struct wire_writer w = wire_writer(room, sizeof(room));

	ask_put_constraint(&w, "unknown@example.com");
	PASSES(expect_refused(p, (struct slice){ room, w.len },
	    "an add with an unknown extension"));
	wire_put_str(&w, "details");
	return expect_refused(p, (struct slice){ room, w.len },
	    "an add with an unknown extension and details");
}

static enum verdict
check_truncated(struct probe *p)
{
	PASSES(expect_refused(p, BODY(SSH_AGENT_CONSTRAIN_LIFETIME, 0, 0, 1),
	    "an add with a lifetime of three bytes"));
	PASSES(expect_refused(p, BODY(SSH_AGENT_CONSTRAIN_EXTENSION),
	    "an add with an extension without a name"));
	return expect_refused(p, BODY(SSH_AGENT_CONSTRAIN_EXTENSION, 0, 0, 0,
	    99, 'x'), "an add with an extension whose name is cut");
}

/* Ask until the key is gone, that was added then at the latest. */
static enum verdict
expect_end(struct probe *p, const struct material_key *k, int64_t added)
{
	int64_t asked = clock_ms();

	while (list_find(p, 0, k->blob, NULL) >= 0) {
		if (asked - added > LIFETIME_END_MS)
			return fails(p, "a key for %d s is still listed after "
			    "%d ms", LIFETIME_S, LIFETIME_END_MS);
		trial_pause(20);
		asked = clock_ms();
	}
	return VERDICT_PASS;
}

/* It is there, and signs. */
static enum verdict
expect_use(struct probe *p, const struct material_key *k)
{
	PASSES(expect_listed(p, 0, k->blob, true));
	return expect_signs(p, 0, k, k->blob, usual_login(k), 0, NULL);
}

static enum verdict
check_lifetime(struct probe *p)
{
	const struct material_key *k = fresh_key(p), *longer = fresh_key(p);
	uint8_t room[16];
	struct wire_writer w = wire_writer(room, sizeof(room));
	enum verdict used;
	int64_t start, added;
	unsigned tries = 0;

	ask_put_lifetime(&w, LIFETIME_S);
	/* On a busy machine its time may be over before. */
	do {
		start = clock_ms();
		PASSES(expect_add(p, 0, k, (struct slice){ room, w.len }));
		added = clock_ms();
		used = expect_use(p, k);
	} while (used != VERDICT_PASS && ++tries < 3 &&
	    clock_ms() - start >= LIFETIME_S * 1000);
	PASSES(used);
	w.len = 0;
	ask_put_lifetime(&w, 3600);
	PASSES(expect_add(p, 0, longer, (struct slice){ room, w.len }));
	PASSES(expect_end(p, k, added));
	PASSES(expect_no_signature(p, 0, k->blob, usual_login(k), 0));
	PASSES(expect_listed(p, 0, longer->blob, true));
	return expect_signs(p, 0, longer, longer->blob, usual_login(longer),
	    0, NULL);
}

static enum verdict
check_confirm(struct probe *p)
{
	const struct material_key *k = fresh_key(p);

	if (p->side->foreign)
		return skipped(p, "it could ask somebody; start it by its "
		    "command");
	PASSES(expect_add(p, 0, k, BODY(SSH_AGENT_CONSTRAIN_CONFIRM)));
	PASSES(expect_listed(p, 0, k->blob, true));
	return expect_no_signature(p, 0, k->blob, usual_login(k), 0);
}

static enum verdict
check_both(struct probe *p)
{
	const struct material_key *k = fresh_key(p);
	uint8_t room[16];
	struct wire_writer w = wire_writer(room, sizeof(room));

	if (p->side->foreign)
		return skipped(p, "it could ask somebody; start it by its "
		    "command");
	ask_put_lifetime(&w, 3600);
	wire_put_u8(&w, SSH_AGENT_CONSTRAIN_CONFIRM);
	PASSES(expect_add(p, 0, k, (struct slice){ room, w.len }));
	PASSES(expect_listed(p, 0, k->blob, true));
	return expect_no_signature(p, 0, k->blob, usual_login(k), 0);
}

static enum verdict
check_unknown_behind(struct probe *p)
{
	uint8_t room[128];
	struct wire_writer w = wire_writer(room, sizeof(room));

	ask_put_lifetime(&w, 3600);
	wire_put_u8(&w, 100);
	PASSES(expect_refused(p, (struct slice){ room, w.len },
	    "an add with a lifetime and an unknown constraint"));
	w.len = 5;
	ask_put_constraint(&w, "unknown@example.com");
	return expect_refused(p, (struct slice){ room, w.len },
	    "an add with a lifetime and an unknown extension");
}

static enum verdict
check_twice(struct probe *p)
{
	uint8_t room[16];
	struct wire_writer w = wire_writer(room, sizeof(room));

	ask_put_lifetime(&w, 3600);
	ask_put_lifetime(&w, 7200);
	return expect_refused(p, (struct slice){ room, w.len },
	    "an add with two lifetimes");
}

static enum verdict
check_lifted(struct probe *p)
{
	const struct material_key *k = fresh_key(p);

	if (p->side->foreign)
		return skipped(p, "it could ask somebody; start it by its "
		    "command");
	PASSES(expect_add(p, 0, k, BODY(SSH_AGENT_CONSTRAIN_CONFIRM)));
	PASSES(expect_add(p, 0, k, nothing));
	return expect_signs(p, 0, k, k->blob, usual_login(k), 0, NULL);
}

/* Constraints that are not for this sort of key. */
static enum verdict
check_token_only(struct probe *p)
{
	uint8_t room[128];
	struct wire_writer w = wire_writer(room, sizeof(room));

	ask_put_constraint(&w, "associated-certs-v00@openssh.com");
	wire_put_u8(&w, 0);
	wire_put_str(&w, "");
	return expect_refused(p, (struct slice){ room, w.len },
	    "an add with associated-certs-v00@openssh.com");
}

static enum verdict
check_provider(struct probe *p)
{
	uint8_t room[128];
	struct wire_writer w = wire_writer(room, sizeof(room));

	ask_put_constraint(&w, "sk-provider@openssh.com");
	wire_put_str(&w, "internal");
	return expect_refused(p, (struct slice){ room, w.len },
	    "an add of an Ed25519 key with sk-provider@openssh.com");
}

#define CONSTRAINTS	"RFC 9987, 5.2.7"
#define LIFETIME	"RFC 9987, 5.2.7.1"
#define CONFIRM		"RFC 9987, 5.2.7.2"
#define OPENSSH		"OpenSSH"

const struct requirement requirements_constraints[] = {
	{ "constraint.none", CONSTRAINTS, LEVEL_MUST,
	    "`ADD_ID_CONSTRAINED` may have no constraint", OFFER_ADD,
	    check_none },
	{ "constraint.number", CONSTRAINTS, LEVEL_MUST,
	    "an unknown constraint gets `FAILURE`, and nothing is added",
	    OFFER_ADD, check_number },
	{ "constraint.extension", CONSTRAINTS, LEVEL_MUST,
	    "an unknown extension gets `FAILURE`, and nothing is added",
	    OFFER_ADD, check_extension },
	{ "constraint.truncated", "RFC 9987, 5.2", LEVEL_MUST,
	    "a constraint that is cut gets `FAILURE`, and nothing is added",
	    OFFER_ADD, check_truncated },
	{ "constraint.unknown-behind", CONSTRAINTS, LEVEL_MUST,
	    "so does an unknown one behind one that is known", OFFER_ADD |
	    OFFER_LIFETIME, check_unknown_behind },
	{ "constraint.lifetime", LIFETIME, LEVEL_MUST,
	    "a key for two seconds signs, and is gone when they are over; one "
	    "for an hour stays", OFFER_ADD | OFFER_LIFETIME,
	    check_lifetime },
	{ "constraint.confirm", CONFIRM, LEVEL_MUST,
	    "a key with confirm does not sign where nobody can be asked",
	    OFFER_ADD | OFFER_CONFIRM, check_confirm },
	{ "constraint.both", CONSTRAINTS, LEVEL_MUST,
	    "a key may have a lifetime and confirm", OFFER_ADD |
	    OFFER_CONFIRM | OFFER_LIFETIME, check_both },
	{ "constraint.twice", OPENSSH, LEVEL_PRACTICE,
	    "the same constraint twice gets `FAILURE`", OFFER_ADD |
	    OFFER_LIFETIME, check_twice },
	{ "constraint.lifted", OPENSSH, LEVEL_PRACTICE,
	    "a key that is added again has the new constraints alone",
	    OFFER_ADD | OFFER_CONFIRM, check_lifted },
	{ "constraint.associated-certs", "PROTOCOL.agent, 3", LEVEL_PRACTICE,
	    "`associated-certs-v00@openssh.com` is for keys of tokens alone",
	    OFFER_ADD, check_token_only },
	{ "constraint.sk-provider", OPENSSH, LEVEL_PRACTICE,
	    "`sk-provider@openssh.com` is for security keys alone", OFFER_ADD,
	    check_provider },
	{ .id = NULL },
};
