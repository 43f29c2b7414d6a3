/*
 * Reaches: doctor_probe, doctor_hosts, doctor_hosts_asks, doctor_refusal,
 *          doctor_sign_take, doctor_sign.
 * Claims:  whatever a target says of a host, there is one finding for each link
 *          of the way to it, and one for signing; each is one line that is safe
 *          to print.  What goes to ssh-keygen as a key or a signature is of the
 *          letters that these are made of.
 * Input:   up to a NUL what the script says, up to a NUL the agent's status,
 *          and its list of refusals.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "fuzz/support/choice.h"
#include "provision/doctor_sign.h"

static json_t *
load(struct slice text)
{
	return json_loadb((const char *)text.p, text.len,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
}

static void
check(const struct doctor *d)
{
	static const char *const links[] = { "proxy", "host-key", "login",
		"signing" };

	assert(d->n == 4 && !d->failed);
	for (size_t i = 0; i < 4; i++) {
		assert(strcmp(d->finding[i].link, links[i]) == 0);
		assert(d->finding[i].what[0] != '\0');
		fuzz_printable(d->finding[i].what, 4 * DOCTOR_TEXT_MAX + 4);
		if (d->finding[i].mend != NULL)
			fuzz_printable(d->finding[i].mend,
			    4 * DOCTOR_TEXT_MAX + 4);
	}
}

static void
check_sign(const struct doctor_sign *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/=- @.\n";

	assert(s->key[strspn(s->key, letters)] == '\0');
	assert(strchr(s->key, '\n') == NULL);
	assert(s->text[strspn(s->text, letters)] == '\0');
	assert(s->text[0] == '\0' ||
	    strncmp(s->text, "-----BEGIN ", 11) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct target t;
	static struct doctor_sign sign;
	const struct doctor_where where = { .target = &t, .name = "docker:web",
		.account = "node", .uid = 1000,
		.socket = "/run/bottle-agent.sock", .path = "/usr/bin" };
	struct doctor d = { .target = "docker:web" };
	struct doctor_word_of_agent agent;
	struct doctor_facts facts;
	struct doctor_probe probe;
	struct slice rest = { data, size };
	json_t *status, *refusals;
	int st;

	t.kind = TARGET_DOCKER;
	memcpy(t.name, "web", 4);
	st = doctor_facts_parse(choice_part(&rest), &facts);
	assert(st == ST_OK);
	(void)st;
	status = load(choice_part(&rest));
	refusals = load(rest);
	agent = (struct doctor_word_of_agent){ status, refusals };
	doctor_probe(&facts, "git.example", &probe);
	assert(probe.n_offers <= DOCTOR_PROBE_KEYS_MAX &&
	    probe.n_pins <= DOCTOR_PROBE_KEYS_MAX);
	(void)doctor_hosts_asks(&probe);
	doctor_hosts(&d, &where, &probe, &agent);
	doctor_sign_take(&facts, &sign);
	check_sign(&sign);
	doctor_sign(&d, &where, &sign, size % 2 == 0 ? ST_OK : ST_UNTRUSTED,
	    "no", &agent);
	check(&d);
	doctor_fini(&d);
	doctor_facts_fini(&facts);
	json_decref(status);
	json_decref(refusals);
	return 0;
}
