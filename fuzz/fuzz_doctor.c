/*
 * Reaches: doctor_facts_parse, doctor_facts_ls, doctor_agent, doctor_client,
 *          doctor_client_hosts, doctor_guard, doctor_find, doctor_code.
 * Claims:  facts lie within the text, have no NUL and no newline in them and
 *          are no longer than they may be; whatever a target says, each
 *          finding is about a link that there is, and what it says is one line
 *          that is safe to print; no host can be taken for an option.
 * Input:   up to a NUL what root's script says, up to a NUL the user's, up to a
 *          NUL the agent's status, and what the engine says.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "fuzz/support/choice.h"
#include "provision/doctor_agent.h"
#include "provision/doctor_client.h"
#include "provision/doctor_guard.h"

static void
parse(struct slice text, struct doctor_facts *f)
{
	struct doctor_ls ls;
	int st = doctor_facts_parse(text, f);

	assert(st == ST_OK);
	(void)st;
	assert(f->n <= DOCTOR_FACTS_MAX);
	for (size_t i = 0; i < f->n; i++) {
		assert(f->fact[i].key[0] != '\0');
		assert(strpbrk(f->fact[i].key, " \n") == NULL);
		assert(strchr(f->fact[i].value, '\n') == NULL);
		assert(strlen(f->fact[i].value) <= DOCTOR_FACTS_LINE_MAX);
		if (doctor_facts_ls(f->fact[i].value, &ls)) {
			assert(ls.path[0] == '/' && strlen(ls.mode) == 10);
			assert(doctor_ls_mode(&ls) <= 0777);
		}
	}
}

static json_t *
load(struct slice text)
{
	json_t *o = json_loadb((const char *)text.p, text.len,
	    JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(o))
		return o;
	json_decref(o);
	return NULL;
}

static void
check(const struct doctor *d)
{
	static const char *const links[DOCTOR_N_LINKS] = DOCTOR_LINKS;
	size_t j;

	assert(d->n > 0 && d->n <= DOCTOR_FINDINGS_MAX && !d->failed);
	for (size_t i = 0; i < d->n; i++) {
		for (j = 0; strcmp(links[j], d->finding[i].link) != 0; j++)
			assert(j < DOCTOR_N_LINKS);
		assert(d->finding[i].what[0] != '\0');
		fuzz_printable(d->finding[i].what, 4 * DOCTOR_TEXT_MAX + 4);
		if (d->finding[i].mend != NULL)
			fuzz_printable(d->finding[i].mend,
			    4 * DOCTOR_TEXT_MAX + 4);
	}
	assert(doctor_code(d) == SESSION_DONE ||
	    doctor_code(d) == SESSION_FAILED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct target t;
	static char hosts[DOCTOR_HOSTS_MAX][DOCTOR_HOST_MAX];
	const struct doctor_where where = { .target = &t, .name = "docker:web",
		.account = "node", .uid = 1000,
		.socket = "/run/bottle-agent.sock", .path = "/usr/bin" };
	struct doctor_seen seen = { .where = &where,
		.status_code = SESSION_UNREACHABLE };
	struct doctor d = { .target = "docker:web" };
	struct slice rest = { data, size };
	size_t n;

	t.kind = TARGET_DOCKER;
	memcpy(t.name, "web", 4);
	parse(choice_part(&rest), &seen.root);
	parse(choice_part(&rest), &seen.user);
	seen.has_root = seen.root.whole;
	seen.has_user = seen.user.whole;
	seen.status = load(choice_part(&rest));
	seen.inspect = load(rest);
	doctor_agent(&d, &seen);
	doctor_client(&d, &seen);
	doctor_guard(&d, &seen);
	check(&d);
	n = doctor_client_hosts(&seen.user, hosts, DOCTOR_HOSTS_MAX);
	for (size_t i = 0; i < n; i++)
		assert(hosts[i][0] != '\0' && hosts[i][0] != '-' &&
		    strpbrk(hosts[i], " *?!\t'\"") == NULL);
	doctor_fini(&d);
	doctor_seen_fini(&seen);
	return 0;
}
