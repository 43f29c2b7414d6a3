/*
 * Locking, and what an agent may not survive.
 */

#include "conformance/probe.h"

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"

/* A delay that somebody who guesses notices. */
#define DELAY_MS	50
/* Pairs of guesses; two that take so long are wanted, since one may be due to
 * a busy machine, and some agents slow down only later ones. */
#define PAIRS		5
/* So often somebody is to be answered while that lasts; a busy machine may be
 * too slow for it. */
#define TRIES		5

/* Add a key and lock. */
static enum verdict
prepare(struct probe *p, const struct material_key *k)
{
	PASSES(expect_add(p, 0, k, nothing));
	return expect_lock(p, 0);
}

/* Try to unlock. */
static enum verdict
expect_unlock(struct probe *p, unsigned c, const char *passphrase,
    uint8_t code)
{
	PASSES(expect(p, c, text_body(SSH_AGENTC_UNLOCK, passphrase), code,
	    code == SSH_AGENT_SUCCESS ? "UNLOCK" :
	    "UNLOCK that must fail"));
	if (code == SSH_AGENT_SUCCESS)
		p->locked = false;
	return VERDICT_PASS;
}

static enum verdict
check_sign(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(prepare(p, k));
	PASSES(expect_no_signature(p, 0, k->blob, usual_login(k), 0));
	return expect_no_signature(p, 1, k->blob, usual_login(k), 0);
}

static enum verdict
check_unlock(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(prepare(p, k));
	PASSES(expect_unlock(p, 1, PASSPHRASE, SSH_AGENT_SUCCESS));
	PASSES(expect_listed(p, 0, k->blob, true));
	return expect_signs(p, 0, k, k->blob, usual_login(k), 0, NULL);
}

static enum verdict
check_twice(struct probe *p)
{
	PASSES(expect_lock(p, 0));
	PASSES(expect(p, 0, text_body(SSH_AGENTC_LOCK, "other"),
	    SSH_AGENT_FAILURE, "LOCK while locked"));
	PASSES(expect_unlock(p, 0, "other", SSH_AGENT_FAILURE));
	return expect_unlock(p, 0, PASSPHRASE, SSH_AGENT_SUCCESS);
}

static enum verdict
check_wrong(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(prepare(p, k));
	/* Shorter, longer, none. */
	PASSES(expect_unlock(p, 0, "open sesam", SSH_AGENT_FAILURE));
	PASSES(expect_unlock(p, 0, PASSPHRASE "s", SSH_AGENT_FAILURE));
	PASSES(expect_unlock(p, 0, "", SSH_AGENT_FAILURE));
	PASSES(expect_no_signature(p, 0, k->blob, usual_login(k), 0));
	return expect_unlock(p, 0, PASSPHRASE, SSH_AGENT_SUCCESS);
}

static enum verdict
check_not_locked(struct probe *p)
{
	return expect_unlock(p, 0, PASSPHRASE, SSH_AGENT_FAILURE);
}

static enum verdict
check_list(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	int n;

	PASSES(prepare(p, k));
	if ((n = list_count(p, 0)) != 0)
		return n < 0 ? fails(p, "what should be a list is none") :
		    fails(p, "%d keys are listed", n);
	return VERDICT_PASS;
}

static enum verdict
check_changes(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(prepare(p, k));
	PASSES(expect(p, 0, add_body(fresh_key(p), nothing, "", nothing),
	    SSH_AGENT_FAILURE, "an add"));
	PASSES(expect(p, 0, remove_body(k->blob), SSH_AGENT_FAILURE,
	    "a removal"));
	PASSES(expect(p, 0, BODY(SSH_AGENTC_REMOVE_ALL_IDENTITIES),
	    SSH_AGENT_FAILURE, "remove all"));
	PASSES(expect_unlock(p, 0, PASSPHRASE, SSH_AGENT_SUCCESS));
	return expect_listed(p, 0, k->blob, true);
}

static enum verdict
check_guessing(struct probe *p)
{
	unsigned slow = 0;
	int64_t start;

	PASSES(expect_lock(p, 0));
	for (unsigned i = 0; i < PAIRS && slow < 2; i++) {
		start = clock_ms();
		for (unsigned j = 0; j < 2; j++)
			PASSES(expect_unlock(p, 0, "guess",
			    SSH_AGENT_FAILURE));
		slow += clock_ms() - start >= DELAY_MS;
	}
	if (slow < 2)
		return fails(p, "of %d pairs of guesses, no two take %d ms "
		    "each", PAIRS, DELAY_MS);
	return expect_unlock(p, 0, PASSPHRASE, SSH_AGENT_SUCCESS);
}

/* Guess, and ask on another connection. */
static enum verdict
guess_and_ask(struct probe *p)
{
	struct slice guess;
	struct pollfd pfd;
	struct answer a;
	bool late;

	guess = text_body(SSH_AGENTC_UNLOCK, "guess");
	side_send(p->side, 0, &guess, 1, DELIVER_WHOLE, 0);
	trial_pause(5);
	pfd = (struct pollfd){ p->side->fds[0], POLLIN, 0 };
	if (poll(&pfd, 1, 0) != 0) {
		(void)side_receive(p->side, 0, guess);
		return skipped(p, "a guess is answered at once");
	}
	side_send(p->side, 1, &trial_list, 1, DELIVER_WHOLE, 0);
	a = side_receive(p->side, 1, trial_list);
	if (answer_code(&a) != SSH_AGENT_IDENTITIES_ANSWER)
		return fails(p, "a list: %s", answer_name(&a));
	late = poll(&pfd, 1, 0) != 0;
	/* What is under way would get in the way of the next check. */
	(void)side_receive(p->side, 0, guess);
	if (late)
		return fails(p, "a list is answered when the guess is, not "
		    "before");
	return VERDICT_PASS;
}

/* Others are answered while one waits for the end of its guess. */
static enum verdict
check_others(struct probe *p)
{
	enum verdict verdict = VERDICT_FAIL;

	PASSES(expect_lock(p, 0));
	PASSES(expect_unlock(p, 0, "guess", SSH_AGENT_FAILURE));
	PASSES(expect_alive(p, 1));
	for (unsigned i = 0; i < TRIES && verdict != VERDICT_PASS; i++)
		verdict = guess_and_ask(p);
	return verdict;
}

/* A passphrase that is cut. */
static enum verdict
check_malformed(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(expect_add(p, 1, k, nothing));
	PASSES(expect(p, 0, BODY(SSH_AGENTC_LOCK, 0, 0, 0, 9, 'x'),
	    SSH_AGENT_FAILURE, "LOCK with a passphrase that is cut"));
	PASSES(expect(p, 0, BODY(SSH_AGENTC_UNLOCK, 0, 0), SSH_AGENT_FAILURE,
	    "UNLOCK with half a length"));
	return expect_signs(p, 1, k, k->blob, usual_login(k), 0, NULL);
}

#define LOCKING		"RFC 9987, 5.7"
#define OPENSSH		"OpenSSH"

const struct requirement requirements_lock[] = {
	{ "lock.sign", LOCKING, LEVEL_MUST,
	    "a locked agent signs nothing, on no connection", OFFER_ADD |
	    OFFER_LOCK, check_sign },
	{ "lock.unlock", LOCKING, LEVEL_MUST,
	    "the passphrase unlocks, also from another connection; keys are "
	    "there and sign", OFFER_ADD | OFFER_LOCK, check_unlock },
	{ "lock.twice", LOCKING, LEVEL_MUST,
	    "locking a locked agent gets `FAILURE`, and the passphrase stays",
	    OFFER_LOCK, check_twice },
	{ "lock.wrong", LOCKING, LEVEL_MUST,
	    "a wrong passphrase gets `FAILURE`, and the agent stays locked",
	    OFFER_ADD | OFFER_LOCK, check_wrong },
	{ "lock.not-locked", LOCKING, LEVEL_MUST,
	    "unlocking an agent that is not locked gets `FAILURE`", 0,
	    check_not_locked },
	{ "lock.guessing", LOCKING, LEVEL_SHOULD,
	    "guessing passphrases is slowed down", OFFER_LOCK,
	    check_guessing },
	{ "lock.others", OPENSSH, LEVEL_PRACTICE,
	    "others are answered while a guess is slowed down", OFFER_LOCK,
	    check_others },
	{ "lock.list", OPENSSH, LEVEL_PRACTICE,
	    "the list of a locked agent is empty, and no failure", OFFER_ADD |
	    OFFER_LOCK, check_list },
	{ "lock.changes", OPENSSH, LEVEL_PRACTICE,
	    "a locked agent adds and removes nothing", OFFER_ADD |
	    OFFER_LOCK, check_changes },
	{ .id = NULL },
};

const struct requirement requirements_last[] = {
	{ "lock.malformed", LOCKING, LEVEL_MUST,
	    "`LOCK` and `UNLOCK` whose passphrase is cut get `FAILURE`, and "
	    "the agent goes on", OFFER_ADD, check_malformed },
	{ .id = NULL },
};
