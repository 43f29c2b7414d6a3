#include "agent/account.h"

#include <assert.h>
#include <stdlib.h>

/* Lines of accounts; a peer that could have many uids could as well be root. */
#define LINES	256

struct accounts {
	const struct limits	*limits;
	size_t			 bytes;		/* of all uids but 0 */
	struct account		*lines[LINES];	/* by the uid's lowest bits */
};

struct accounts *
accounts_new(const struct limits *limits)
{
	struct accounts *as = calloc(1, sizeof(*as));

	if (as != NULL)
		as->limits = limits;
	return as;
}

void
accounts_free(struct accounts *as)
{
	struct account *a;

	if (as == NULL)
		return;
	for (size_t i = 0; i < LINES; i++) {
		while ((a = as->lines[i]) != NULL) {
			as->lines[i] = a->next;
			free(a);
		}
	}
	free(as);
}

static struct account *
find(const struct accounts *as, uid_t uid)
{
	struct account *a = as->lines[uid % LINES];

	while (a != NULL && a->uid != uid)
		a = a->next;
	return a;
}

int
accounts_open(struct accounts *as, uid_t uid, struct account **out)
{
	struct account *a = find(as, uid);

	if (a == NULL) {
		if ((a = calloc(1, sizeof(*a))) == NULL)
			return ST_NOMEM;
		a->uid = uid;
		a->next = as->lines[uid % LINES];
		as->lines[uid % LINES] = a;
	}
	a->connections++;
	*out = a;
	return ST_OK;
}

bool
accounts_close(struct accounts *as, struct account *a)
{
	struct account **at = &as->lines[a->uid % LINES];

	assert(a->connections > 0);
	if (--a->connections > 0)
		return false;
	assert(a->bytes == 0);
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	free(a);
	return true;
}

size_t
accounts_connections(const struct accounts *as, uid_t uid)
{
	const struct account *a = find(as, uid);

	return a != NULL ? a->connections : 0;
}

int
accounts_keep(struct accounts *as, struct account *a, size_t before,
    size_t now)
{
	assert(a->bytes >= before);
	a->bytes = a->bytes - before + now;
	if (a->uid == 0)
		return ST_OK;
	as->bytes = as->bytes - before + now;
	if (as->limits == NULL || now <= before)
		return ST_OK;
	return a->bytes <= as->limits->value[LIMIT_ID_BYTES_UID] &&
	    as->bytes <= as->limits->value[LIMIT_ID_BYTES] ? ST_OK : ST_FULL;
}

size_t
accounts_list(const struct accounts *as, struct account_usage *out, size_t max)
{
	const struct account *a;
	size_t n = 0;

	for (size_t i = 0; i < LINES; i++)
		for (a = as->lines[i]; a != NULL && n < max; a = a->next)
			out[n++] = (struct account_usage){ a->uid,
				a->connections, a->bytes,
				(uint64_t)(a->share.spent_ns + a->jobs_ns) };
	return n;
}
