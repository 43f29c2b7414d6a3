#include "provision/doctor_agent.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "provision/agentstatus.h"
#include "provision/launch.h"
#include "version.h"

/* Longest name of a program, of a file and of a load that is looked at. */
#define NAME_MAX_SEEN	64
#define PATH_MAX_SEEN	1024
/* Most keys that are told of by themselves. */
#define KEYS_TOLD	8

/* What a user may do, as rules have it. */
#define MAY_LIST	0x01u
#define MAY_SIGN	0x02u
#define MAY_CHANGE	0x04u	/* add, remove, lock */
#define MAY_ADMIN	0x08u

static const char *
text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static json_int_t
number_of(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

/* What loads our programs and keys once more. */
static const char *
load_again(const struct doctor_seen *s, char out[static DOCTOR_MEND_MAX])
{
	(void)snprintf(out, DOCTOR_MEND_MAX, "bottle-provision load %s HOST..."
	    "  (or -f MANIFEST %s)", s->where->name, s->where->name);
	return out;
}

/* --- programs ------------------------------------------------------------ */

/* One program: where it is, and what there is against it. */
struct program {
	const char	*name;
	bool		 trusted;	/* one is root's and can be run */
	bool		 there;
	char		 why[PATH_MAX_SEEN];	/* it is not; or empty */
	char		 version[NAME_MAX_SEEN];	/* or empty */
	char		 dir[PATH_MAX_SEEN];
	uint32_t	 code;		/* of --version */
	bool		 tried;
};

/* What root's script says: NAME ok DIR, NAME nox DIR, NAME no WHY. */
static void
program_trust(struct program *p, const struct doctor_facts *f)
{
	char name[NAME_MAX_SEEN], word[NAME_MAX_SEEN];
	const char *v;

	for (size_t at = 0; (v = doctor_facts_next(f, "trust", &at)) != NULL;) {
		if (!doctor_facts_word(&v, name, sizeof(name)) ||
		    !doctor_facts_word(&v, word, sizeof(word)) ||
		    strcmp(name, p->name) != 0)
			continue;
		p->there = true;
		if (strcmp(word, "ok") == 0) {
			if (!p->trusted)
				(void)snprintf(p->dir, sizeof(p->dir), "%s",
				    v);
			p->trusted = true;
		} else if (p->why[0] == '\0') {
			(void)snprintf(p->why, sizeof(p->why), "%s%s",
			    v, strcmp(word, "nox") == 0 ?
			    ": cannot be executed" : "");
		}
	}
}

/* What it said to the user: NAME CODE DIR TEXT. */
static void
program_try(struct program *p, const struct doctor_facts *f)
{
	char name[NAME_MAX_SEEN], dir[PATH_MAX_SEEN];
	const char *v;
	uint32_t code;

	for (size_t at = 0; (v = doctor_facts_next(f, "prog", &at)) != NULL;) {
		if (!doctor_facts_word(&v, name, sizeof(name)) ||
		    !doctor_facts_number(&v, &code) ||
		    !doctor_facts_word(&v, dir, sizeof(dir)) ||
		    strcmp(name, p->name) != 0)
			continue;
		p->there = true;
		if (p->tried && p->code == 0)
			return;
		p->tried = true;
		p->code = code;
		if (p->dir[0] == '\0')
			(void)snprintf(p->dir, sizeof(p->dir), "%s", dir);
		if (code == 0 && doctor_facts_word(&v, name, sizeof(name)))
			(void)snprintf(p->version, sizeof(p->version), "%s",
			    v);
	}
}

/* Whether a load there has set git up. */
static bool
signs(const struct doctor_seen *s)
{
	for (size_t i = 0; i < s->user.n; i++)
		if (strcmp(s->user.fact[i].key, "gitconf") == 0)
			return true;
	return false;
}

/* What is wrong with one; false if nothing is. */
static bool
judge_program(struct doctor *d, const struct doctor_seen *s,
    const struct program *p)
{
	bool root = strcmp(p->name, "bottle-agent") == 0;
	enum doctor_verdict v = strcmp(p->name, "bottle-ssh-keygen") == 0 &&
	    !signs(s) ? DOCTOR_WARN : DOCTOR_BAD;
	char mend[DOCTOR_MEND_MAX], again[DOCTOR_MEND_MAX];
	struct doctor_word path;
	char full[2 * PATH_MAX_SEEN];

	(void)load_again(s, again);
	(void)snprintf(full, sizeof(full), "%s/%s", p->dir[0] != '\0' ?
	    p->dir : s->where->bin != NULL ? s->where->bin : "/usr/local/bin",
	    p->name);
	path = doctor_word(full);
	if (!p->there) {
		doctor_find(d, "programs", v, again, "there is no %s; the next "
		    "load puts it there", p->name);
	} else if (root && s->has_root && !p->trusted) {
		doctor_find(d, "programs", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "sh -c 'chown root:root %s && "
		    "chmod 755 %s'", path.text, path.text), "%s is not run as "
		    "root: %s; it and all folders above it must be root's, "
		    "and writable by nobody else", p->name, p->why);
	} else if (p->tried && p->code == 126) {
		doctor_find(d, "programs", v, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "chmod 755 %s", path.text),
		    "%s cannot be run by the user: is it executable, is the "
		    "file system not mounted noexec, and is it for this "
		    "processor?", full);
	} else if (p->tried && p->code != 0) {
		doctor_find(d, "programs", v, again, "%s does not say its "
		    "version: it ends with %u", full, p->code);
	} else if (p->tried && launch_is_older(slice_str(p->version))) {
		doctor_find(d, "programs", DOCTOR_WARN, again, "%s is version "
		    "%s, older than this bottle-provision (%s)", full,
		    p->version, BOTTLE_VERSION);
	} else {
		return false;
	}
	return true;
}

static void
judge_programs(struct doctor *d, const struct doctor_seen *s)
{
	struct program p[] = { { .name = "bottle-agent" },
		{ .name = "bottle-forward" }, { .name = "bottle-ssh-keygen" } };
	bool wrong = false;

	if (!s->has_root && !s->has_user) {
		doctor_find(d, "programs", DOCTOR_SKIPPED, NULL, "nothing "
		    "could be looked at there");
		return;
	}
	for (size_t i = 0; i < sizeof(p) / sizeof(*p); i++) {
		program_trust(&p[i], &s->root);
		program_try(&p[i], &s->user);
		wrong = judge_program(d, s, &p[i]) || wrong;
	}
	if (!wrong)
		doctor_find(d, "programs", DOCTOR_OK, NULL, "bottle-agent%s%s, "
		    "bottle-forward and bottle-ssh-keygen are in %s",
		    p[0].version[0] != '\0' ? " " : "", p[0].version,
		    p[0].dir);
}

/* --- agent --------------------------------------------------------------- */

static void
judge_answer(struct doctor *d, const struct doctor_seen *s)
{
	const char *version = text_of(s->status, "program_version");
	json_int_t uid = number_of(s->status, "uid");
	char mend[DOCTOR_MEND_MAX];

	if (uid != 0 && (uint64_t)uid == s->where->uid) {
		doctor_find(d, "agent", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "kill %lld", (long long)number_of(
		    s->status, "pid")), "it runs as uid %lld, which is the "
		    "user of the keys, who can end it and put his own in its "
		    "place: the agent must be root's",
		    (long long)uid);
		return;
	}
	if (uid != 0)
		doctor_find(d, "agent", DOCTOR_WARN, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "kill %lld", (long long)number_of(
		    s->status, "pid")), "it runs as uid %lld, not as root: "
		    "whoever is that user may do everything with it",
		    (long long)uid);
	if (launch_is_older(slice_str(version))) {
		doctor_find(d, "agent", DOCTOR_WARN, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "kill %lld", (long long)number_of(
		    s->status, "pid")), "the agent that runs is version %s, "
		    "older than this bottle-provision (%s): end it and load "
		    "again", version, BOTTLE_VERSION);
		return;
	}
	doctor_find(d, "agent", uid == 0 ? DOCTOR_OK : DOCTOR_SKIPPED, NULL,
	    "bottle-agent %s answers: pid %lld, uid %lld, up %lld s", version,
	    (long long)number_of(s->status, "pid"), (long long)uid,
	    (long long)number_of(s->status, "uptime_s"));
}

static void
judge_agent(struct doctor *d, const struct doctor_seen *s)
{
	static const char head[] = "bottle-agent: error: ";
	const char *why = s->status_why;
	char again[DOCTOR_MEND_MAX];

	(void)load_again(s, again);
	if (strncmp(why, head, strlen(head)) == 0)
		why += strlen(head);
	if (s->status != NULL)
		judge_answer(d, s);
	else if (s->status_code == SESSION_UNREACHABLE)
		doctor_find(d, "agent", DOCTOR_BAD, again, "%s", why[0] !=
		    '\0' ? why : "no agent answers");
	else if (s->status_code == SESSION_DENIED)
		doctor_find(d, "agent", DOCTOR_BAD, again, "what answers at %s "
		    "does not tell root how it is: %s", s->where->socket, why);
	else
		doctor_find(d, "agent", DOCTOR_BAD, again, "the agent at %s "
		    "cannot be asked: %s", s->where->socket, why);
}

/* --- socket -------------------------------------------------------------- */

/* A folder on the way: who could exchange what is in it. */
static enum doctor_verdict
judge_folder(struct doctor *d, const struct doctor_seen *s,
    const struct doctor_ls *ls)
{
	struct doctor_word path = doctor_word(ls->path);
	bool sticky = ls->mode[9] == 't' || ls->mode[9] == 'T';
	unsigned mode = doctor_ls_mode(ls);
	enum doctor_verdict v = DOCTOR_BAD;
	char mend[DOCTOR_MEND_MAX];

	if (ls->uid != 0 && number_of(s->status, "uid") != ls->uid) {
		v = ls->uid == s->where->uid ? DOCTOR_BAD : DOCTOR_WARN;
		doctor_find(d, "socket", v, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "chown root %s", path.text),
		    "%s on the way to it belongs to uid %u, who can put "
		    "another socket in its place", ls->path, ls->uid);
		return v;
	}
	if ((mode & 022) == 0)
		return DOCTOR_OK;
	if (sticky) {
		doctor_find(d, "socket", DOCTOR_WARN, load_again(s, mend),
		    "%s on the way to it can be written by others (%s): while "
		    "no agent serves there, anybody can; --socket puts it "
		    "elsewhere", ls->path, ls->mode);
		return DOCTOR_WARN;
	}
	doctor_find(d, "socket", DOCTOR_BAD, doctor_mend(s->where,
	    DOCTOR_AS_ROOT, mend, "chmod go-w %s", path.text), "%s on the way "
	    "to it can be written by others than root (%s), who can put "
	    "another socket in its place", ls->path, ls->mode);
	return DOCTOR_BAD;
}

/* Whether the user gets to it; true if so. */
static bool
judge_access(struct doctor *d, const struct doctor_seen *s,
    const struct doctor_ls *ls)
{
	struct doctor_word path = doctor_word(s->where->socket);
	const char *closed = doctor_facts_get(&s->user, "closed");
	const char *state = doctor_facts_get(&s->user, "socket");
	char mend[DOCTOR_MEND_MAX];

	if (closed != NULL) {
		path = doctor_word(closed);
		doctor_find(d, "socket", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "chmod o+x %s", path.text), "user %s "
		    "may not go through %s, so ssh does not get to the socket",
		    s->where->account, closed);
		return false;
	}
	if (state != NULL && strcmp(state, "refused") == 0) {
		doctor_find(d, "socket", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "chmod 666 %s", path.text), "user %s "
		    "may not connect to %s (%s): an agent that is started "
		    "with --public has one that he may",
		    s->where->account, s->where->socket, ls->mode);
		return false;
	}
	return true;
}

/* Where nobody answers, and something is there: what it is. */
static void
judge_dead(struct doctor *d, const struct doctor_seen *s,
    const struct doctor_ls *ls)
{
	struct doctor_word path = doctor_word(s->where->socket);
	char mend[DOCTOR_MEND_MAX];

	if (ls->mode[0] != 's')
		doctor_find(d, "socket", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "rm -i %s", path.text), "%s is no "
		    "socket (%s)", s->where->socket, ls->mode);
	else if (doctor_facts_get(&s->root, "unix") == NULL ||
	    doctor_facts_get(&s->root, "listen") == NULL)
		doctor_find(d, "socket", DOCTOR_BAD, load_again(s, mend),
		    "%s is a stale socket: no agent serves it any more",
		    s->where->socket);
	else
		doctor_find(d, "socket", DOCTOR_BAD, NULL, "%s is served by "
		    "something that is no bottle-agent, or hangs",
		    s->where->socket);
}

/* The way to it, and it. */
static void
judge_way(struct doctor *d, const struct doctor_seen *s, const char *real)
{
	enum doctor_verdict v, worst = DOCTOR_OK;
	struct doctor_ls ls;
	const char *value;
	char mend[DOCTOR_MEND_MAX];
	bool seen = false;

	for (size_t at = 0; (value = doctor_facts_next(&s->root, "way",
	    &at)) != NULL;) {
		if (!doctor_facts_ls(value, &ls))
			continue;
		if (strcmp(ls.path, real) == 0) {
			seen = true;
			break;
		}
		if (ls.mode[0] == 'd' &&
		    (v = judge_folder(d, s, &ls)) != DOCTOR_OK)
			worst = v;
	}
	if (!seen) {
		doctor_find(d, "socket", DOCTOR_BAD, load_again(s, mend),
		    "there is no %s", s->where->socket);
		return;
	}
	if (ls.mode[0] == 's' && ls.uid != 0 &&
	    (s->status == NULL || number_of(s->status, "uid") != ls.uid)) {
		doctor_find(d, "socket", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "rm %s", doctor_word(
		    s->where->socket).text), "%s belongs to uid %u: it is "
		    "not the agent's", s->where->socket, ls.uid);
		return;
	}
	if (s->status == NULL && s->status_code == SESSION_UNREACHABLE) {
		judge_dead(d, s, &ls);
		return;
	}
	if (!judge_access(d, s, &ls) || worst != DOCTOR_OK)
		return;
	doctor_find(d, "socket", DOCTOR_OK, NULL, "%s (%s), open to %s",
	    s->where->socket, ls.mode, s->has_user ? s->where->account :
	    "whoever may");
}

static void
judge_socket(struct doctor *d, const struct doctor_seen *s)
{
	const char *real = doctor_facts_get(&s->root, "real");

	if (!s->has_root)
		doctor_find(d, "socket", DOCTOR_SKIPPED, NULL, "the way to it "
		    "could not be looked at");
	else
		judge_way(d, s, real != NULL ? real : s->where->socket);
}

/* --- peers --------------------------------------------------------------- */

/* Whether ${word} is one of those in a list, with blanks between them. */
static bool
is_among(const char *list, const char *word)
{
	char each[NAME_MAX_SEEN];

	while (list != NULL && doctor_facts_word(&list, each, sizeof(each)))
		if (strcmp(each, word) == 0)
			return true;
	return false;
}

/* Whether a rule is about the user. */
static bool
names(const struct doctor_seen *s, const char *peer, bool *by_uid)
{
	char uid[16];

	(void)snprintf(uid, sizeof(uid), "%u", s->where->uid);
	*by_uid = peer[0] != '@' && (strcmp(peer, uid) == 0 ||
	    strcmp(peer, s->where->account) == 0);
	return *by_uid || (peer[0] == '@' &&
	    (is_among(doctor_facts_get(&s->user, "gids"), peer + 1) ||
	    is_among(doctor_facts_get(&s->user, "groups"), peer + 1)));
}

static unsigned
ops_of(const char *list)
{
	static const struct {
		const char	*name;
		unsigned	 ops;
	} known[] = {
		{ "list", MAY_LIST }, { "sign", MAY_SIGN },
		{ "add", MAY_CHANGE }, { "remove", MAY_CHANGE },
		{ "lock", MAY_CHANGE },
		{ "admin", MAY_LIST | MAY_SIGN | MAY_CHANGE | MAY_ADMIN },
	};
	unsigned ops = 0;
	size_t n;

	for (; *list != '\0'; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (strlen(known[i].name) == n &&
			    memcmp(known[i].name, list, n) == 0)
				ops |= known[i].ops;
	}
	return ops;
}

/* What the user may do, by all rules. */
static unsigned
ops_of_user(const struct doctor_seen *s)
{
	json_t *rules = json_object_get(s->status, "rules");
	bool all = s->where->uid == 0 ||
	    number_of(s->status, "uid") == s->where->uid, by_uid;
	char peer[NAME_MAX_SEEN];
	unsigned ops = 0;
	const char *rule, *eq;
	json_t *each;
	size_t i;

	json_array_foreach(rules, i, each) {
		rule = json_string_value(each);
		eq = rule != NULL ? strchr(rule, '=') : NULL;
		if (eq == NULL || (size_t)(eq - rule) >= sizeof(peer))
			continue;
		memcpy(peer, rule, (size_t)(eq - rule));
		peer[eq - rule] = '\0';
		if (!names(s, peer, &by_uid))
			continue;
		ops |= ops_of(eq + 1);
		all = all && !by_uid;
	}
	return all ? MAY_LIST | MAY_SIGN | MAY_CHANGE | MAY_ADMIN : ops;
}

/* How many keys the user's ssh-add saw; false if it could not be asked. */
static bool
keys_seen(const struct doctor_seen *s, uint32_t *code, uint32_t *n)
{
	const char *v = doctor_facts_get(&s->user, "asked");

	return v != NULL && doctor_facts_number(&v, code) &&
	    doctor_facts_number(&v, n);
}

static void
judge_ops(struct doctor *d, const struct doctor_seen *s, unsigned ops)
{
	json_int_t total = number_of(s->status, "keys_total");
	const char *account = s->where->account;
	char mend[DOCTOR_MEND_MAX];
	uint32_t code = 0, n = 0;
	bool asked = keys_seen(s, &code, &n);

	(void)snprintf(mend, sizeof(mend), "start the agent with --allow "
	    "%s=list,sign, or put that line into its policy file and send "
	    "it SIGHUP", account);
	if ((ops & (MAY_LIST | MAY_SIGN)) != (MAY_LIST | MAY_SIGN)) {
		doctor_find(d, "peers", DOCTOR_BAD, mend, "user %s (uid %u) "
		    "may %s keys: no rule of the agent allows it", account,
		    s->where->uid, (ops & MAY_LIST) == 0 ?
		    ((ops & MAY_SIGN) == 0 ? "neither list nor use" :
		    "not list") : "not sign with");
		return;
	}
	if (asked && total > 0 && n == 0 &&
	    !json_is_true(json_object_get(s->status, "locked")) &&
	    doctor_worst(d, "socket") != DOCTOR_BAD) {
		doctor_find(d, "peers", DOCTOR_BAD, "load them with other "
		    "peers, or for another --user", "the agent has %lld "
		    "key%s, and shows none of them to user %s: their rules "
		    "name other peers", (long long)total, total == 1 ? "" :
		    "s", account);
		return;
	}
	if ((ops & (MAY_CHANGE | MAY_ADMIN)) != 0)
		doctor_find(d, "peers", DOCTOR_WARN, mend, "user %s may do "
		    "more than list and sign: %s", account,
		    (ops & MAY_ADMIN) != 0 ? "everything (admin)" :
		    "add, remove or lock");
	else
		doctor_find(d, "peers", DOCTOR_OK, NULL, "user %s (uid %u) may "
		    "list and sign, and no more", account, s->where->uid);
}

static void
judge_peers(struct doctor *d, const struct doctor_seen *s)
{
	if (s->status == NULL) {
		doctor_find(d, "peers", DOCTOR_SKIPPED, NULL, "the agent does "
		    "not say who may use it");
		return;
	}
	if (json_is_true(json_object_get(s->status, "policy_is_old")))
		doctor_find(d, "peers", DOCTOR_WARN, "mend the file and send "
		    "the agent SIGHUP: bottle-agent --check-policy FILE says "
		    "what is wrong", "the policy file %s was broken when it "
		    "was read last: older rules are in force",
		    text_of(s->status, "policy"));
	if (s->has_user || s->has_root)
		judge_ops(d, s, ops_of_user(s));
	else
		doctor_find(d, "peers", DOCTOR_SKIPPED, NULL, "it is not known "
		    "who user %s is there", s->where->account);
}

/* --- memory and hardening ------------------------------------------------ */

static void
judge_memory(struct doctor *d, const struct doctor_seen *s)
{
	const json_t *m = json_object_get(s->status, "memory");
	const char *backing = text_of(m, "backing");
	const json_t *room = json_object_get(m, "room");

	if (s->status == NULL) {
		doctor_find(d, "memory", DOCTOR_SKIPPED, NULL, "there is no "
		    "agent that says how it keeps keys");
		return;
	}
	if (strcmp(backing, "unlocked") == 0) {
		doctor_find(d, "memory", DOCTOR_BAD, "start the container with "
		    "--ulimit memlock=4194304:4194304 and the agent without "
		    "--allow-unlocked-memory", "it is not locked: keys may be "
		    "written to the swap of this machine");
		return;
	}
	if (json_is_integer(json_object_get(room, "ed25519")) &&
	    number_of(room, "ed25519") == 0) {
		doctor_find(d, "memory", DOCTOR_WARN, "start the agent with a "
		    "larger --memory-size, and the container with a larger "
		    "--ulimit memlock", "there is no room for another key "
		    "(%lld bytes, %s)", (long long)number_of(m, "size"),
		    backing);
		return;
	}
	doctor_find(d, "memory", DOCTOR_OK, NULL, "%s, %lld of %lld bytes in "
	    "use", backing, (long long)number_of(m, "used"),
	    (long long)number_of(m, "size"));
}

/* What one process says of itself, by the name of the line. */
static const char *
process_value(const struct doctor_seen *s, json_int_t pid, const char *name,
    char out[static NAME_MAX_SEEN])
{
	char id[16], word[NAME_MAX_SEEN];
	const char *v;

	(void)snprintf(id, sizeof(id), "%lld", (long long)pid);
	for (size_t at = 0; (v = doctor_facts_next(&s->root, "agent",
	    &at)) != NULL;)
		if (doctor_facts_word(&v, word, sizeof(word)) &&
		    strcmp(word, id) == 0 &&
		    doctor_facts_word(&v, word, sizeof(word)) &&
		    strcmp(word, name) == 0 &&
		    doctor_facts_word(&v, out, NAME_MAX_SEEN))
			return out;
	return NULL;
}

/* Steps of hardening that the system shows. */
static const struct {
	const char	*line;
	const char	*wanted;
	const char	*what;
} steps[] = {
	{ "NoNewPrivs:", "1", "no_new_privs" },
	{ "Seccomp:", "2", "a filter of system calls" },
	{ "CapEff:", "0000000000000000", "no capabilities" },
	{ "CapPrm:", "0000000000000000", "no permitted capabilities" },
	{ "CapBnd:", "0000000000000000", "an empty bounding set" },
	{ "Core:", "0", "no core dumps" },
};

static void
judge_hardening(struct doctor *d, const struct doctor_seen *s)
{
	json_int_t pid = number_of(s->status, "pid");
	char value[NAME_MAX_SEEN], lacks[512];
	struct text t;
	bool known = false;
	const char *v;

	text_init(&t, lacks, sizeof(lacks));
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		v = process_value(s, pid, steps[i].line, value);
		if (v == NULL)
			continue;
		known = true;
		if (strcmp(v, steps[i].wanted) != 0) {
			text_add(&t, t.len > 0 ? ", " : "");
			text_add(&t, steps[i].what);
		}
	}
	if (s->status == NULL || !known)
		doctor_find(d, "hardening", DOCTOR_SKIPPED, NULL, "%s",
		    s->status == NULL ? "there is no agent to look at" :
		    "the process of the agent is not in sight");
	else if (t.len > 0)
		doctor_find(d, "hardening", DOCTOR_WARN, "see what the agent "
		    "says at its start, and start it with --hardening=strict "
		    "where it must have all", "the agent goes without: %s",
		    lacks);
	else
		doctor_find(d, "hardening", DOCTOR_OK, NULL, "the agent has no "
		    "capabilities, a filter of system calls, and leaves no "
		    "core");
}

/* --- keys and rules ------------------------------------------------------ */

/* One of the rules of a key, which have "; " between them, that begins with a
 * word. */
static const char *
rule_of(const char *rules, const char *head)
{
	size_t n = strlen(head);

	for (;;) {
		if (strncmp(rules, head, n) == 0)
			return rules + n;
		if ((rules = strstr(rules, "; ")) == NULL)
			return NULL;
		rules += 2;
	}
}

/* Whether one item of a list with commas is that word; the list ends with the
 * rule. */
static bool
has_item(const char *list, const char *word)
{
	size_t n;

	for (;; list += n + 1) {
		n = strcspn(list, ",;");
		if (n == strlen(word) && memcmp(list, word, n) == 0)
			return true;
		if (list[n] != ',')
			return false;
	}
}

static void
judge_key(struct doctor *d, const struct doctor_seen *s, const json_t *key)
{
	const json_t *left = json_object_get(key, "lifetime_remaining_s");
	const char *name = text_of(key, "fingerprint");
	const char *comment = text_of(key, "comment");
	char again[DOCTOR_MEND_MAX], left_for[AGENTSTATUS_DURATION];

	(void)load_again(s, again);
	if (rule_of(text_of(key, "rules"), "0 signatures left") != NULL)
		doctor_find(d, "keys", DOCTOR_BAD, again, "%s (%s) has made "
		    "all the signatures that it may", name, comment);
	if (!json_is_integer(left) ||
	    json_integer_value(left) >= DOCTOR_SOON_S)
		return;
	agentstatus_duration(json_integer_value(left), left_for);
	doctor_find(d, "keys", DOCTOR_WARN, again, "%s (%s) expires in %s",
	    name, comment, left_for);
}

/* Loads whose files are there and whose keys are not. */
static void
judge_loads(struct doctor *d, const struct doctor_seen *s)
{
	json_t *keys = json_object_get(s->status, "keys"), *key;
	size_t n = json_array_size(keys);
	char mend[DOCTOR_MEND_MAX];
	const char *load;
	bool found;
	size_t i;

	if ((json_int_t)n < number_of(s->status, "keys_total"))
		return;
	for (size_t at = 0; (load = doctor_facts_next(&s->user, "load",
	    &at)) != NULL;) {
		found = false;
		json_array_foreach(keys, i, key)
			found = found || strcmp(text_of(key, "load"),
			    load) == 0;
		if (found)
			continue;
		(void)snprintf(mend, sizeof(mend), "bottle-provision load -n "
		    "%s %s HOST...", doctor_word(load).text, s->where->name);
		doctor_find(d, "keys", DOCTOR_BAD, mend, "the agent has no key "
		    "of the load %s, whose files are there: its keys expired, "
		    "or the agent was started anew", load);
	}
}

static void
judge_keys(struct doctor *d, const struct doctor_seen *s)
{
	json_t *keys = json_object_get(s->status, "keys"), *key;
	json_int_t total = number_of(s->status, "keys_total");
	char mend[DOCTOR_MEND_MAX];
	size_t i;

	if (s->status == NULL) {
		doctor_find(d, "keys", DOCTOR_SKIPPED, NULL, "there is no "
		    "agent that could have any");
		return;
	}
	if (json_is_true(json_object_get(s->status, "locked"))) {
		(void)snprintf(mend, sizeof(mend), "bottle-provision unlock "
		    "%s", s->where->name);
		doctor_find(d, "keys", DOCTOR_BAD, mend, "the agent is locked: "
		    "it shows no key and signs nothing");
	}
	if (total == 0 && doctor_facts_get(&s->user, "load") == NULL)
		doctor_find(d, "keys", DOCTOR_BAD, load_again(s, mend), "the "
		    "agent has no keys");
	else
		judge_loads(d, s);
	json_array_foreach(keys, i, key) {
		if (i == KEYS_TOLD)
			break;
		judge_key(d, s, key);
	}
	if (doctor_worst(d, "keys") == DOCTOR_SKIPPED)
		doctor_find(d, "keys", DOCTOR_OK, NULL, "%lld in force",
		    (long long)total);
}

static void
judge_rule(struct doctor *d, const struct doctor_seen *s, const json_t *key)
{
	const char *rules = text_of(key, "rules");
	const char *name = text_of(key, "fingerprint");
	const char *comment = text_of(key, "comment");
	const char *purposes = rule_of(rules, "purposes ");
	char mend[DOCTOR_MEND_MAX];

	(void)snprintf(mend, sizeof(mend), "load it again with --purpose of "
	    "what it is for: \"purposes\" in the manifest");
	if (purposes != NULL && has_item(purposes, "any"))
		doctor_find(d, "rules", DOCTOR_WARN, mend, "%s (%s) has the "
		    "purpose any: it signs whatever it is given", name,
		    comment);
	if (rule_of(rules, "destinations ") == NULL &&
	    (purposes == NULL || has_item(purposes, "auth") ||
	    has_item(purposes, "any"))) {
		(void)snprintf(mend, sizeof(mend), "load it again where the "
		    "host's key is known (KnownHostKey, known_hosts or "
		    "--scan): bottle-provision load --scan %s HOST...",
		    s->where->name);
		doctor_find(d, "rules", DOCTOR_WARN, mend, "%s (%s) is bound to "
		    "no host: whoever uses it may log in anywhere that takes "
		    "it", name, comment);
	}
}

static void
judge_rules(struct doctor *d, const struct doctor_seen *s)
{
	json_t *keys = json_object_get(s->status, "keys"), *key;
	json_int_t pid = number_of(s->status, "pid");
	const char *v;
	char word[NAME_MAX_SEEN], id[16];
	size_t i;

	if (s->status == NULL) {
		doctor_find(d, "rules", DOCTOR_SKIPPED, NULL, "there is no "
		    "agent that has any");
		return;
	}
	(void)snprintf(id, sizeof(id), "%lld", (long long)pid);
	for (size_t at = 0; (v = doctor_facts_next(&s->root, "agent",
	    &at)) != NULL;)
		if (doctor_facts_word(&v, word, sizeof(word)) &&
		    strcmp(word, id) == 0 &&
		    doctor_facts_word(&v, word, sizeof(word)) &&
		    strcmp(word, "Option:") == 0)
			doctor_find(d, "rules", DOCTOR_WARN, "start the agent "
			    "without it", "the agent runs with %s", v);
	json_array_foreach(keys, i, key) {
		if (i == KEYS_TOLD)
			break;
		judge_rule(d, s, key);
	}
	if (doctor_worst(d, "rules") == DOCTOR_SKIPPED)
		doctor_find(d, "rules", DOCTOR_OK, NULL, "%s",
		    json_array_size(keys) > 0 ? "all keys are bound to hosts, "
		    "and to what they are for" : "there is no key without any");
}

void
doctor_agent(struct doctor *d, const struct doctor_seen *seen)
{
	judge_programs(d, seen);
	judge_agent(d, seen);
	judge_socket(d, seen);
	judge_peers(d, seen);
	judge_memory(d, seen);
	judge_hardening(d, seen);
	judge_keys(d, seen);
	judge_rules(d, seen);
}
