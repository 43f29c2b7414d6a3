#include "fuzz/conversation/spent.h"

#include "fuzz/conversation/keys.h"
#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"

/* The rules of the key as the agent has them; NULL: it has not. */
static const struct rules *
rules_of(unsigned key)
{
	const struct identity *id = keyring_find(stage_agent.ring,
	    keys[key]->blob);

	return id != NULL ? &id->rules : NULL;
}

void
spent_look(unsigned key, struct spent *out)
{
	const struct rules *r = rules_of(key);

	*out = (struct spent){ 0 };
	if (r != NULL)
		*out = (struct spent){ r->left, r->next,
			r->rate_n > 0 ? r->recent[r->next] : 0 };
}

void
spent_follow(unsigned key, const struct spent *before)
{
	const struct rules *r = rules_of(key);
	struct model_key *k = model_find(&world.held, key);
	bool spent;

	if (k == NULL)
		return;
	assert(r != NULL);
	spent = (k->counted && r->left != before->left) ||
	    (k->rate_n > 0 && (r->next != before->next ||
	    r->recent[before->next] != before->oldest));
	if (!spent)
		return;
	spent = model_spend(k, stage_now_ms());
	assert(spent);
}
