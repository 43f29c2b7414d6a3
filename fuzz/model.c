#include "fuzz/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const model_names[MODEL_NAMES] = { "a.example", "b.example",
	"c.example", "*" };
const char *const model_patterns[MODEL_USERS] = { "", "git", "g*", "r??t" };
const char *const model_users[MODEL_USERS] = { "git", "root", "gitt", "" };
const char *const model_namespaces[MODEL_NAMESPACES] = { "git", "file",
	"auth", "any", "git2", "fil" };

const struct model_cert model_certs[MODEL_CERTS] = {
	{ 0, true, "a.example", "", { true } },
	{ 0, true, "*.example", "", { true, true, true } },
	{ 1, true, "b.example,c.example", "", { false, true, true } },
	{ 0, false, "*", "", { false } },
	{ 0, true, "", "", { false } },
	{ 1, true, "*", "option", { false } },
};

const struct model_peer model_peers[MODEL_PEERS] = {
	{ 0, 0, 0 }, { 1000, 1000, 44 }, { 1001, 44, 0 }, { 1002, 1002, 0 },
};

/* The first is that of ssh-agent mode, where uid 1000 runs the agent.  Nobody
 * has uid 44: what names that user names nobody of that group. */
const struct model_policy model_policies[MODEL_POLICIES] = {
	{ { NULL }, { MODEL_ALL, MODEL_ALL, 0, 0 } },
	{ { "1000=list,sign", "1001=admin", "1002=list", NULL },
	    { MODEL_ALL, MODEL_LIST | MODEL_SIGN, MODEL_ALL, MODEL_LIST } },
	{ { "1000=lock", "@44=list,sign,add,remove", "1002=none", "44=admin",
	    NULL },
	    { MODEL_ALL, MODEL_ALL & ~MODEL_ADMIN,
	    MODEL_LIST | MODEL_SIGN | MODEL_ADD | MODEL_REMOVE, 0 } },
	{ { "1000=admin", "1001=list,sign,add", "@1002=list,sign", NULL },
	    { MODEL_ALL, MODEL_ALL, MODEL_LIST | MODEL_SIGN | MODEL_ADD,
	    MODEL_LIST | MODEL_SIGN } },
	{ { "0=list", "1000=list,sign,add,remove,lock", "1001=admin", NULL },
	    { MODEL_LIST, MODEL_ALL & ~MODEL_ADMIN, MODEL_ALL, 0 } },
};

const struct model_purposes model_purposes[MODEL_PURPOSE_SETS] = {
	{ "", false, false, { false } },
	{ "auth", true, false, { false, false, false } },
	{ "git", false, false, { true, false, false } },
	{ "auth,git", true, false, { true, false, false } },
	{ "file,auth", true, false, { false, true, false } },
	{ "any", true, true, { true, true, true, true, true, true } },
	{ "file", false, false, { false, true, false } },
	{ "git,any", true, true, { true, true, true, true, true, true } },
};

const struct model_peer_set model_peer_sets[MODEL_PEER_SETS] = {
	{ "", { true, true, true, true } },
	{ "1000", { false, true, false, false } },
	{ "@44", { false, true, true, false } },
	{ "1002,0,44", { true, false, false, true } },
};

/* Whether a rule, up to its "=", is about that peer. */
static bool
is_about(const char *rule, const struct model_peer *p)
{
	bool group = rule[0] == '@';
	unsigned id = (unsigned)atoi(rule + group);

	return group ? p->gid == id || (p->group != 0 && p->group == id) :
	    p->uid == id;
}

const char *
model_rule(unsigned policy, unsigned peer, const char *op)
{
	for (const char *const *r = model_policies[policy].rules; *r != NULL;
	    r++) {
		const char *ops = strchr(*r, '=');

		if (is_about(*r, &model_peers[peer]) &&
		    (strstr(ops, op) != NULL || strstr(ops, "admin") != NULL))
			return *r;
	}
	return NULL;
}

/*
 * Destinations.
 */

size_t
model_hop_keys(uint8_t hop, unsigned keys[static MODEL_HOP_KEYS_MAX])
{
	unsigned more = hop >> 5;

	keys[0] = (hop & 7u) % MODEL_PLAIN;
	keys[1] = more - 1;
	return more == 0 || more > MODEL_PLAIN ? 1 : 2;
}

unsigned
model_hop_name(uint8_t hop)
{
	return hop >> 3 & 3u;
}

bool
model_hop_is_here(uint8_t hop)
{
	return (hop & 7u) >= 6;
}

/* Whether a host is that end of a pair. */
static bool
is_at(uint8_t host, uint8_t hop, int64_t wall)
{
	unsigned keys[MODEL_HOP_KEYS_MAX], wanted = host;
	size_t n = model_hop_keys(hop, keys);
	const struct model_cert *cert;

	/* The key of a CA is no host's. */
	if (host >= MODEL_HOSTS && host < MODEL_PLAIN)
		return false;
	if (host >= MODEL_PLAIN) {
		cert = &model_certs[host - MODEL_PLAIN];
		if (wall < MODEL_AFTER || wall >= MODEL_BEFORE ||
		    !cert->good[model_hop_name(hop)])
			return false;
		wanted = MODEL_HOSTS + cert->ca;
	}
	return keys[0] == wanted || (n > 1 && keys[1] == wanted);
}

/* Whether a user fits a pattern. */
static bool
fits(uint8_t pattern, uint8_t user)
{
	static const bool table[MODEL_USERS][MODEL_USERS] = {
		/* git, root, gitt, "" */
		{ true, true, true, true },
		{ true, false, false, false },
		{ true, false, true, false },
		{ false, true, false, false },
	};

	return table[pattern % MODEL_USERS][user % MODEL_USERS];
}

/* Whether some pair takes that step; -1: from here, to anywhere, as anyone. */
static bool
step(const struct model_pair *pairs, size_t n, int from, int to, int user,
    int64_t wall)
{
	for (size_t i = 0; i < n; i++) {
		const struct model_pair *p = &pairs[i];

		if (model_hop_is_here(p->from) != (from < 0))
			continue;
		if ((from < 0 || is_at((uint8_t)from, p->from, wall)) &&
		    (to < 0 || is_at((uint8_t)to, p->to, wall)) &&
		    (user < 0 || fits(p->user, (uint8_t)user)))
			return true;
	}
	return false;
}

/* Whether the whole path can be walked, its last step as that user. */
static bool
walk(const struct model_pair *pairs, size_t n, const struct model_path *p,
    int user, int64_t wall)
{
	int from = -1;

	for (size_t i = 0; i < p->n; i++) {
		bool last = i + 1 == p->n;

		if (!last && !p->at[i].forwarding)
			return false;
		if (!step(pairs, n, from, p->at[i].host, last ? user : -1,
		    wall))
			return false;
		from = p->at[i].host;
	}
	return true;
}

bool
model_seen(const struct model_pair *pairs, size_t n,
    const struct model_path *p, int64_t wall)
{
	const struct model_bind *last;

	if (n == 0 || !p->tried)
		return true;
	if (p->n == 0 || p->gap)
		return false;
	last = &p->at[p->n - 1];
	return walk(pairs, n, p, -1, wall) && (!last->forwarding ||
	    step(pairs, n, last->host, -1, -1, wall));
}

bool
model_logs_in(const struct model_pair *pairs, size_t n,
    const struct model_path *p, const struct model_login *l, int64_t wall)
{
	const struct model_bind *last;

	if (n == 0)
		return true;
	if (p->n == 0 || p->gap)
		return false;
	last = &p->at[p->n - 1];
	return !last->forwarding && l->session == last->session &&
	    (l->hostkey == last->host ||
	    (l->hostkey == MODEL_ENDS && p->n == 1)) &&
	    walk(pairs, n, p, l->user, wall);
}

bool
model_as_user(const struct model_pair *pairs, size_t n, uint8_t user)
{
	for (size_t i = 0; i < n; i++)
		if (fits(pairs[i].user, user))
			return true;
	return n == 0;
}

enum model_bound
model_bind(struct model_path *p, const struct model_bind *b)
{
	p->tried = true;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->at[i].forwarding)
			return MODEL_BIND_REFUSED;
		if (p->at[i].session == b->session)
			return p->at[i].host == b->host ? MODEL_BOUND :
			    MODEL_BIND_REFUSED;
	}
	if (p->n == MODEL_BINDS_MAX) {
		p->gap = true;
		return MODEL_BIND_FULL;
	}
	p->at[p->n++] = *b;
	return MODEL_BOUND;
}

/*
 * Keys.
 */

struct model_key *
model_find(struct model_keys *set, unsigned key)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->at[i].key == key)
			return &set->at[i];
	return NULL;
}

void
model_drop(struct model_keys *set, struct model_key *k)
{
	size_t i = (size_t)(k - set->at);

	assert(i < set->n);
	set->n--;
	memmove(k, k + 1, (set->n - i) * sizeof(*k));
}

void
model_put(struct model_keys *set, const struct model_key *k)
{
	struct model_key *old = model_find(set, k->key);

	if (old == NULL) {
		assert(set->n < MODEL_KEYS_MAX);
		old = &set->at[set->n++];
	}
	*old = *k;
}

bool
model_untold(const struct model_place *at)
{
	bool far = at->path->gap;

	for (size_t i = 0; i < at->path->n; i++)
		far = far || at->path->at[i].forwarding;
	return far && !at->far_allowed;
}

bool
model_far(const struct model_place *at)
{
	return at->service && model_untold(at);
}

bool
model_for_peer(const struct model_key *k, const struct model_place *at)
{
	return model_peer_sets[k->peers].has[at->peer] ||
	    (at->ops & MODEL_ADMIN) != 0;
}

bool
model_visible(const struct model_key *k, const struct model_place *at)
{
	return model_for_peer(k, at) &&
	    model_seen(k->pairs, k->n_pairs, at->path, at->wall);
}

bool
model_listed(const struct model_key *k, const struct model_place *at)
{
	bool leads = at->service && at->path->n > 0;

	return model_visible(k, at) && (!leads || k->purposes == 0 ||
	    model_purposes[k->purposes].login);
}

/* A login with this very key, or a certificate of it. */
static bool
may_log_in(const struct model_key *k, const struct model_place *at,
    const struct model_login *l)
{
	if (k->purposes != 0 && !model_purposes[k->purposes].login)
		return false;
	if (k->unbound && !at->path->tried)
		return model_as_user(k->pairs, k->n_pairs, l->user);
	return model_logs_in(k->pairs, k->n_pairs, at->path, l, at->wall);
}

bool
model_may_sign(const struct model_key *k, const struct model_place *at,
    const struct model_data *d)
{
	bool restricted = k->n_pairs > 0;

	if (!model_for_peer(k, at))
		return false;
	if (d->kind != MODEL_LOGIN && model_far(at))
		return false;
	if (d->kind == MODEL_SSHSIG)
		return k->purposes != 0 ?
		    model_purposes[k->purposes].ns[d->ns] : !restricted &&
		    (!at->service || d->ns == MODEL_NS_GIT);
	if (d->kind == MODEL_LOGIN && !d->own && restricted)
		return false;
	if (d->kind == MODEL_LOGIN && (d->own || d->own_cert))
		return may_log_in(k, at, &d->login);
	return k->purposes != 0 ? model_purposes[k->purposes].other :
	    !restricted && !at->service;
}

bool
model_spend(struct model_key *k, int64_t now_ms)
{
	uint32_t lately = 0;

	if (k->counted && k->left == 0)
		return false;
	for (size_t i = 0; i < k->n_times; i++)
		lately += now_ms - k->times[i] < (int64_t)k->rate_s * 1000;
	if (k->rate_n > 0 && lately >= k->rate_n)
		return false;
	if (k->rate_n > 0) {
		if (k->n_times == MODEL_TIMES_MAX)
			memmove(&k->times[0], &k->times[1],
			    --k->n_times * sizeof(k->times[0]));
		k->times[k->n_times++] = now_ms;
	}
	k->left -= k->counted;
	return true;
}
