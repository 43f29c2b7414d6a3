#include "agent/policy.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "base/users.h"

static const struct {
	const char	*name;
	unsigned	 bit;
} op_names[] = {
	{ "list", POLICY_LIST },
	{ "sign", POLICY_SIGN },
	{ "add", POLICY_ADD },
	{ "remove", POLICY_REMOVE },
	{ "lock", POLICY_LOCK },
	{ "admin", POLICY_ADMIN },
};

/* Bytes of what is wrong that a message shows. */
#define SHOWN_MAX	64

#define N_OPS	(sizeof(op_names) / sizeof(op_names[0]))

void
policy_init(struct policy *p, uid_t self)
{
	/* Rules are made when they are added: room for more than there are
	 * takes no memory. */
	p->n = 0;
	p->self = self;
}

/* Decode OPS. */
static int
parse_ops(const char *text, unsigned *out, char *why, size_t whylen)
{
	const char *word = text;
	size_t len, i;

	*out = 0;
	if (strcmp(text, "none") == 0)
		return ST_OK;
	for (;;) {
		len = strcspn(word, ",");
		for (i = 0; i < N_OPS; i++)
			if (strlen(op_names[i].name) == len &&
			    strncmp(op_names[i].name, word, len) == 0)
				break;
		if (i == N_OPS) {
			(void)snprintf(why, whylen, "\"%.*s\" is no operation: "
			    "use list, sign, add, remove, lock, admin or none",
			    text_cut(word, len < SHOWN_MAX ? (int)len :
			    SHOWN_MAX), word);
			return ST_MALFORMED;
		}
		*out |= op_names[i].bit;
		if (word[len] == '\0')
			break;
		word += len + 1;
	}
	if ((*out & POLICY_ADMIN) != 0)
		*out = POLICY_ALL;
	return ST_OK;
}

/* Whether a name that nobody has was meant as a number, and as the one that
 * the kernel and many programs have for "no such id". */
static bool
is_number(const char *name)
{
	return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

static bool
is_nobody(const char *name)
{
	uint64_t n;

	return num_u64(name, UINT32_MAX, UINT32_MAX, &n) == ST_OK;
}

int
policy_peer_parse(const char *peer, struct policy_peer *out, char *why,
    size_t whylen)
{
	bool group = peer[0] == '@';
	const char *name = peer + (group ? 1 : 0);
	uint64_t n;
	uid_t uid = 0;
	gid_t gid = 0;
	int st;

	out->who = group ? POLICY_GROUP : POLICY_USER;
	if (num_u64(name, 0, UINT32_MAX - 1, &n) == ST_OK) {
		out->id = (unsigned)n;
		return ST_OK;
	}
	st = group ? users_gid(name, &gid) : users_uid(name, &uid);
	out->id = group ? (unsigned)gid : (unsigned)uid;
	if (st == ST_OK)
		return ST_OK;
	(void)snprintf(why, whylen, "there is no %s \"%.*s\": %s",
	    group ? "group" : "user", text_cut(name, SHOWN_MAX), name,
	    st != ST_NOT_FOUND ? "the account files cannot be read" : is_nobody(name) ?
	    "that number means none, the highest one is 4294967294" :
	    is_number(name) ? "the highest number is 4294967294" :
	    "create it first, or give its number");
	return ST_MALFORMED;
}

int
policy_add(struct policy *p, const char *text, char *why, size_t whylen)
{
	struct policy_rule *rule;
	struct policy_peer who;
	char peer[POLICY_RULE_MAX];
	const char *eq = strchr(text, '=');
	int st;

	if (eq == NULL || eq == text || strcmp(text, "@=") == 0 ||
	    strlen(text) >= POLICY_RULE_MAX) {
		(void)snprintf(why, whylen, "\"%.*s\" is no rule: use "
		    "PEER=OPS, such as node=list,sign",
		    text_cut(text, SHOWN_MAX), text);
		return ST_MALFORMED;
	}
	if (p->n == POLICY_RULES_MAX) {
		(void)snprintf(why, whylen, "more than %d rules",
		    POLICY_RULES_MAX);
		return ST_FULL;
	}
	rule = &p->rules[p->n];
	memcpy(peer, text, (size_t)(eq - text));
	peer[eq - text] = '\0';
	if ((st = policy_peer_parse(peer, &who, why, whylen)) != ST_OK ||
	    (st = parse_ops(eq + 1, &rule->ops, why, whylen)) != ST_OK)
		return st;
	rule->who = who.who;
	rule->id = who.id;
	rule->line = 0;
	memcpy(rule->text, text, strlen(text) + 1);
	p->n++;
	return ST_OK;
}

/* Whether a rule names a peer. */
static bool
names(const struct policy_rule *rule, const struct unixsock_peer *peer)
{
	if (rule->who == POLICY_USER)
		return rule->id == peer->uid;
	if (rule->id == peer->gid)
		return true;
	for (size_t i = 0; i < peer->ngroups; i++)
		if (rule->id == peer->groups[i])
			return true;
	return false;
}

/* Whether a peer has everything for who it is: root, and the agent's own user,
 * unless a rule names them as users. */
static bool
has_all(const struct policy *p, const struct unixsock_peer *peer)
{
	if (peer->uid != 0 && peer->uid != p->self)
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (p->rules[i].who == POLICY_USER &&
		    names(&p->rules[i], peer))
			return false;
	return true;
}

unsigned
policy_ops(const struct policy *p, const struct unixsock_peer *peer)
{
	unsigned ops = 0;

	if (has_all(p, peer))
		return POLICY_ALL;
	for (size_t i = 0; i < p->n; i++)
		if (names(&p->rules[i], peer))
			ops |= p->rules[i].ops;
	return ops;
}

uint64_t
policy_match(const struct policy *p, const struct unixsock_peer *peer)
{
	uint64_t rules = 0;

	if (has_all(p, peer))
		return 0;
	for (size_t i = 0; i < p->n; i++)
		if (names(&p->rules[i], peer))
			rules |= UINT64_C(1) << i;
	return rules;
}

void
policy_deciding(const struct policy *p, uint64_t rules, unsigned op, char *out,
    size_t cap)
{
	struct text t;

	text_init(&t, out, cap);
	for (size_t i = 0; i < p->n; i++) {
		if ((rules >> i & 1) == 0 || op == 0 ||
		    (p->rules[i].ops & op) != op)
			continue;
		text_escape(&t, p->rules[i].text, strlen(p->rules[i].text));
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		if ((rules >> i & 1) == 0)
			continue;
		text_add(&t, t.len > 0 ? " " : "");
		text_escape(&t, p->rules[i].text, strlen(p->rules[i].text));
	}
	if (t.len == 0)
		text_add(&t, "built in");
}

void
policy_ops_name(unsigned ops, char out[static POLICY_OPS_NAME_MAX])
{
	struct text t;

	text_init(&t, out, POLICY_OPS_NAME_MAX);
	for (size_t i = 0; i < N_OPS; i++) {
		if ((ops & op_names[i].bit) == 0)
			continue;
		if (t.len > 0)
			text_addc(&t, ',');
		text_add(&t, op_names[i].name);
	}
	if (t.len == 0)
		text_add(&t, "none");
}
