/*
 * Invariants: a place with a load under way stays used until the load is over,
 * whatever becomes of the container; "wanted" is set only for what runs, and
 * never together with "loading"; loads is how many are loading.
 */
#include "provision/watchplan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provision/look.h"

/* An item that is no place of items. */
#define NONE	SIZE_MAX

int
watchplan_init(struct watchplan *p, const struct watchplan_rule *rules,
    size_t n, unsigned jobs)
{
	*p = (struct watchplan){ .rules = rules, .n_rules = n,
		.jobs = jobs };
	if (n > WATCHPLAN_ITEMS_MAX)
		return ST_TOO_LARGE;
	p->items = calloc(WATCHPLAN_ITEMS_MAX, sizeof(*p->items));
	if (p->items == NULL)
		return ST_NOMEM;
	for (size_t i = 0; i < n; i++) {
		p->engine[rules[i].engine].used = true;
		if (rules[i].means != WATCHPLAN_NAME)
			continue;
		p->items[p->n] = (struct watchplan_item){ .used = true,
			.rule = i };
		(void)snprintf(p->items[p->n].label,
		    sizeof(p->items[p->n].label), "%s:%s",
		    events_engine_name(rules[i].engine), rules[i].name);
		p->n++;
	}
	return ST_OK;
}

void
watchplan_fini(struct watchplan *p)
{
	free(p->items);
	*p = (struct watchplan){ .n = 0 };
}

static const struct watchplan_rule *
rule_of(const struct watchplan *p, const struct watchplan_item *it)
{
	return &p->rules[it->rule];
}

static bool
is_named(const struct watchplan *p, const struct watchplan_item *it)
{
	return rule_of(p, it)->means == WATCHPLAN_NAME;
}

/* --- what is next --------------------------------------------------------- */

/* The earlier of two times; -1 is never. */
static int64_t
earlier(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* What is told of from now on may not be in it. */
static void
begin_look(struct watchplan *p, enum events_engine engine, int64_t now)
{
	struct watchplan_engine *e = &p->engine[engine];

	e->looking = true;
	e->stopped = false;
	e->last_look_ms = now;
	e->look_ms = now + WATCHPLAN_EVERY_MS;
	for (size_t i = 0; i < p->n; i++)
		if (rule_of(p, &p->items[i])->engine == engine)
			p->items[i].seen = p->items[i].told = false;
}

/* What an engine needs now; what it waits for, in ${until}. */
static bool
next_engine(struct watchplan *p, enum events_engine engine, int64_t now,
    struct watchplan_todo *todo, int64_t *until)
{
	struct watchplan_engine *e = &p->engine[engine];

	if (!e->used)
		return false;
	todo->engine = engine;
	if (!e->following && now >= e->due_ms) {
		e->following = true;
		e->since_ms = now;
		e->looks = 0;
		e->look_ms = now;
		todo->act = WATCHPLAN_FOLLOW;
		return true;
	}
	if (!e->following) {
		*until = earlier(*until, e->due_ms);
		return false;
	}
	if (e->looking)
		return false;
	if (now >= e->look_ms) {
		begin_look(p, engine, now);
		todo->act = WATCHPLAN_LOOK;
		return true;
	}
	*until = earlier(*until, e->look_ms);
	return false;
}

/* The same of a target. */
static bool
next_item(struct watchplan *p, size_t i, int64_t now,
    struct watchplan_todo *todo, int64_t *until)
{
	struct watchplan_item *it = &p->items[i];

	/* With the engine gone nothing can be loaded: the look when it is back
	 * comes first. */
	if (!it->used || !it->wanted ||
	    !p->engine[rule_of(p, it)->engine].following)
		return false;
	if (now < it->due_ms) {
		*until = earlier(*until, it->due_ms);
		return false;
	}
	if (p->loads >= p->jobs)
		return false;
	it->wanted = it->again = false;
	it->loading = true;
	p->loads++;
	todo->act = WATCHPLAN_LOAD;
	todo->item = i;
	todo->engine = rule_of(p, it)->engine;
	return true;
}

void
watchplan_next(struct watchplan *p, int64_t now, struct watchplan_todo *todo)
{
	int64_t until = -1;
	size_t at;

	*todo = (struct watchplan_todo){ .act = WATCHPLAN_WAIT };
	for (int i = 0; i < EVENTS_ENGINES; i++)
		if (next_engine(p, (enum events_engine)i, now, todo, &until))
			return;
	for (size_t i = 0; i < p->n; i++) {
		at = (p->next + i) % p->n;
		if (next_item(p, at, now, todo, &until)) {
			p->next = at + 1;
			return;
		}
	}
	todo->ms = until;
}

/* --- what happens to a target --------------------------------------------- */

/* It has been started. */
static void
start_item(struct watchplan_item *it, int64_t now)
{
	it->runs = true;
	it->loaded = it->refused = it->doubtful = false;
	it->fails = 0;
	it->due_ms = now;
	if (it->loading)
		it->again = true;
	else
		it->wanted = true;
}

/* A place that nobody needs is free. */
static void
leave_item(const struct watchplan *p, struct watchplan_item *it)
{
	if (!is_named(p, it) && !it->runs && !it->loading)
		it->used = false;
}

static void
stop_item(const struct watchplan *p, struct watchplan_item *it)
{
	it->runs = it->loaded = it->refused = it->doubtful = false;
	it->wanted = it->again = false;
	it->start[0] = '\0';
	it->fails = 0;
	leave_item(p, it);
}

/* Of what is known of a container by its ID. */
static size_t
find_id(const struct watchplan *p, const struct events_event *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct watchplan_item *it = &p->items[i];

		if (it->used && rule_of(p, it)->engine == e->engine &&
		    strcmp(it->id, e->id) == 0)
			return i;
	}
	return NONE;
}

/* Whether a rule means it. */
static enum events_has
rule_means(const struct watchplan_rule *r, const struct events_event *e)
{
	enum events_has has, all = EVENTS_HAS;

	if (r->engine != e->engine)
		return EVENTS_HAS_NOT;
	if (r->means == WATCHPLAN_NAME) {
		if (look_is_named(e, r->name))
			return EVENTS_HAS;
		return e->name[0] != '\0' ? EVENTS_HAS_NOT : EVENTS_UNKNOWN;
	}
	for (size_t i = 0; i < r->n_labels; i++) {
		has = events_has_label(e, r->labels[i]);
		if (has == EVENTS_HAS_NOT)
			return has;
		if (has == EVENTS_UNKNOWN)
			all = has;
	}
	return r->n_labels > 0 ? all : EVENTS_HAS_NOT;
}

/* The place of a rule that names one container. */
static size_t
find_named(const struct watchplan *p, size_t rule)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].used && p->items[i].rule == rule &&
		    is_named(p, &p->items[i]))
			return i;
	return NONE;
}

/* A free place. */
static size_t
add_item(struct watchplan *p, size_t rule, const struct events_event *e)
{
	struct watchplan_item *it;
	size_t i = 0;

	while (i < p->n && p->items[i].used)
		i++;
	if (i == WATCHPLAN_ITEMS_MAX)
		return NONE;
	if (i == p->n)
		p->n++;
	it = &p->items[i];
	*it = (struct watchplan_item){ .used = true, .rule = rule };
	(void)snprintf(it->label, sizeof(it->label), "%s:%.*s",
	    events_engine_name(e->engine), e->name[0] != '\0' ?
	    TARGET_NAME_MAX : EVENTS_ID_MIN,
	    e->name[0] != '\0' ? e->name : e->id);
	return i;
}

static void
set_id(struct watchplan_item *it, const struct events_event *e)
{
	memcpy(it->id, e->id, sizeof(it->id));
	memcpy(it->start, e->start, sizeof(it->start));
}

/* Which target a container is; a new one if a rule means it.  ${unknown}: it
 * may be one, and the engine does not say. */
static size_t
place_of(struct watchplan *p, const struct events_event *e, bool *unknown,
    watchplan_tell tell, void *cookie)
{
	size_t at = find_id(p, e), rule;
	enum events_has has;

	*unknown = false;
	/* One that is named can have become another's name. */
	if (at != NONE && (!is_named(p, &p->items[at]) ||
	    rule_means(rule_of(p, &p->items[at]), e) != EVENTS_HAS_NOT))
		return at;
	for (rule = 0; rule < p->n_rules; rule++) {
		has = rule_means(&p->rules[rule], e);
		if (has == EVENTS_HAS)
			break;
		*unknown = *unknown || has == EVENTS_UNKNOWN;
	}
	if (rule == p->n_rules)
		return NONE;
	if (p->rules[rule].means == WATCHPLAN_NAME)
		return find_named(p, rule);
	at = add_item(p, rule, e);
	if (at == NONE)
		tell(cookie, WATCHPLAN_TOO_MANY, e->name[0] != '\0' ? e->name :
		    e->id);
	return at;
}

static void
look_soon(struct watchplan *p, enum events_engine engine, int64_t now)
{
	struct watchplan_engine *e = &p->engine[engine];
	int64_t at = e->last_look_ms + WATCHPLAN_SOON_MS;

	if (!e->looked || at < now)
		at = now;
	if (at < e->look_ms)
		e->look_ms = at;
}

void
watchplan_event(struct watchplan *p, const struct events_event *e, int64_t now,
    watchplan_tell tell, void *cookie)
{
	struct watchplan_item *it;
	bool unknown;
	size_t at;

	if (e->kind == EVENTS_RENAMED) {
		look_soon(p, e->engine, now);
		return;
	}
	if (e->kind == EVENTS_STOPPED) {
		p->engine[e->engine].stopped = true;
		at = find_id(p, e);
		if (at == NONE || !p->items[at].runs)
			return;
		tell(cookie, WATCHPLAN_STOPPED, p->items[at].label);
		p->items[at].told = true;
		stop_item(p, &p->items[at]);
		return;
	}
	at = place_of(p, e, &unknown, tell, cookie);
	if (at == NONE && unknown)
		look_soon(p, e->engine, now);
	if (at == NONE)
		return;
	it = &p->items[at];
	/* The next look says which start it is. */
	set_id(it, e);
	it->told = true;
	tell(cookie, WATCHPLAN_STARTED, it->label);
	start_item(it, now);
}

void
watchplan_confused(struct watchplan *p, enum events_engine engine, int64_t now)
{
	look_soon(p, engine, now);
}

/* --- engines -------------------------------------------------------------- */

/* ${first} doubled ${n} times, up to ${most}. */
static int64_t
grown(int64_t first, unsigned n, int64_t most)
{
	while (n-- > 0 && first < most)
		first *= 2;
	return first < most ? first : most;
}

int64_t
watchplan_lost(struct watchplan *p, enum events_engine engine, int64_t now)
{
	struct watchplan_engine *e = &p->engine[engine];
	int64_t wait;

	if (e->following && now - e->since_ms >= WATCHPLAN_SETTLED_MS)
		e->lost = 0;
	wait = grown(WATCHPLAN_BACK_MS, e->lost, WATCHPLAN_BACK_MAX_MS);
	e->lost++;
	e->following = false;
	e->due_ms = now + wait;
	/* A start that no look has told apart yet may not be the last one. */
	for (size_t i = 0; i < p->n; i++) {
		struct watchplan_item *it = &p->items[i];

		if (it->used && rule_of(p, it)->engine == engine &&
		    it->start[0] == '\0')
			it->doubtful = true;
	}
	return wait;
}

/* One that runs. */
static void
see(struct watchplan *p, const struct events_event *e, int64_t now,
    watchplan_tell tell, void *cookie)
{
	struct watchplan_item *it;
	bool unknown, first, new;
	size_t at;

	at = place_of(p, e, &unknown, tell, cookie);
	if (at == NONE)
		return;
	it = &p->items[at];
	it->seen = true;
	/* This may be from before that event. */
	if (it->told)
		return;
	first = !p->engine[e->engine].looked;
	new = !it->runs || it->doubtful || strcmp(it->id, e->id) != 0 ||
	    (it->start[0] != '\0' && strcmp(it->start, e->start) != 0);
	set_id(it, e);
	if (!new) {
		/* What failed while the engine was gone says little. */
		if (it->wanted && p->engine[e->engine].looks == 0) {
			it->fails = 0;
			it->due_ms = now;
		}
		return;
	}
	tell(cookie, first ? WATCHPLAN_RUNNING : WATCHPLAN_STARTED, it->label);
	start_item(it, now);
}

void
watchplan_seen(struct watchplan *p, enum events_engine engine,
    const struct events_event *e, size_t n, int64_t now, watchplan_tell tell,
    void *cookie)
{
	static const int64_t wait[] = { WATCHPLAN_SECOND_MS,
		WATCHPLAN_THIRD_MS, WATCHPLAN_EVERY_MS };
	struct watchplan_engine *eng = &p->engine[engine];
	const size_t last = sizeof(wait) / sizeof(*wait) - 1;
	int64_t at;

	for (size_t i = 0; i < n; i++)
		see(p, &e[i], now, tell, cookie);
	for (size_t i = 0; i < p->n; i++) {
		struct watchplan_item *it = &p->items[i];

		if (!it->used || rule_of(p, it)->engine != engine ||
		    it->seen || it->told)
			continue;
		if (it->runs) {
			tell(cookie, WATCHPLAN_STOPPED, it->label);
			stop_item(p, it);
		} else if (!eng->looked) {
			tell(cookie, WATCHPLAN_ABSENT, it->label);
		}
	}
	eng->looked = true;
	eng->looking = false;
	at = now + wait[eng->looks < last ? eng->looks : last];
	eng->looks++;
	if (at < eng->look_ms)
		eng->look_ms = at;
	/* What stopped meanwhile may have been seen all the same. */
	if (eng->stopped)
		look_soon(p, engine, now);
}

void
watchplan_blind(struct watchplan *p, enum events_engine engine, int64_t now)
{
	struct watchplan_engine *e = &p->engine[engine];

	e->looking = false;
	/* If the engine is gone its events end as well. */
	e->look_ms = now + grown(WATCHPLAN_SOON_MS, e->looks,
	    WATCHPLAN_BACK_MAX_MS);
	e->looks++;
}

/* --- loads ---------------------------------------------------------------- */

int64_t
watchplan_loaded(struct watchplan *p, size_t item,
    enum watchplan_outcome outcome, int64_t now)
{
	struct watchplan_item *it = &p->items[item];
	int64_t wait;

	assert(it->loading && p->loads > 0);
	it->loading = false;
	p->loads--;
	if (!it->runs) {
		leave_item(p, it);
		return -1;
	}
	if (it->again) {
		it->again = false;
		it->wanted = true;
		it->due_ms = now;
		return -1;
	}
	it->loaded = outcome == WATCHPLAN_DONE;
	it->refused = outcome == WATCHPLAN_REFUSED;
	if (outcome != WATCHPLAN_FAILED) {
		it->fails = 0;
		return -1;
	}
	wait = grown(WATCHPLAN_RETRY_MS, it->fails, WATCHPLAN_RETRY_MAX_MS);
	it->fails++;
	it->wanted = true;
	it->due_ms = now + wait;
	return wait;
}

void
watchplan_reload(struct watchplan *p, int64_t now)
{
	for (size_t i = 0; i < p->n; i++) {
		struct watchplan_item *it = &p->items[i];

		if (!it->used || !it->runs)
			continue;
		it->refused = it->loaded = false;
		it->fails = 0;
		it->due_ms = now;
		it->again = it->loading;
		it->wanted = !it->loading;
	}
}

void
watchplan_count(const struct watchplan *p, struct watchplan_count *out)
{
	*out = (struct watchplan_count){ .targets = 0 };
	for (size_t i = 0; i < p->n; i++) {
		const struct watchplan_item *it = &p->items[i];

		if (!it->used)
			continue;
		out->targets++;
		out->loaded += it->loaded;
		out->refused += it->refused;
		out->failing += it->runs && it->fails > 0;
		out->stopped += !it->runs;
	}
}
