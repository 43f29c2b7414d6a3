/*
 * Whoever may talk to us makes records as fast as requests, so a uid has a
 * bucket of them that fills up with time, and what finds it empty goes into
 * a sum.  Neither the buckets nor the sums grow with the number of uids or of
 * kinds: a uid that takes the bucket of another one gets what is in it, and a
 * kind for which there is no sum left goes into one for the rest.  So there
 * is a limit to what all of them together can have written, and each decision
 * is counted all the same.
 */
#include "agent/audit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/auditsink.h"
#include "base/clock.h"
#include "base/text.h"

/* How long alike decisions are summed, in milliseconds. */
#define SUM_MS		1000
/* Uids that have a bucket at the same time. */
#define BUDGETS_MAX	64
/* No uid: see payer(). */
#define STRANGERS	((uid_t)-1)
/* Records are counted in thousandths: one comes in each few milliseconds. */
#define ONE		1000

/* What one uid may still have recorded. */
struct budget {
	uid_t	 uid;
	int64_t	 tokens;	/* thousandths of a record */
	int64_t	 at_ms;		/* when that was so */
};

struct audit {
	struct loop		*loop;
	struct auditsink	*sink;		/* or NULL */
	struct loop_timer	 flush;
	uint64_t		 seq;
	bool			 unlocked;	/* keys may be swapped out */
	size_t			 n_budgets;
	struct budget		 budgets[BUDGETS_MAX];
	size_t			 n_sums;
	struct audit_record	*sums;		/* AUDIT_SUMS_MAX */
	struct audit_record	 rest[2];	/* by verdict; count 0: none */
	size_t			 n_refusals;
	struct audit_refusal	*refusals;	/* AUDIT_REFUSALS_MAX */
	/* Of these, the last one first. */
	uint8_t			 order[AUDIT_REFUSALS_MAX];
};

static void
text_clear(struct audit_text *t)
{
	t->len = 0;
	t->cut = false;
}

void
audit_record_init(struct audit_record *rec)
{
	memset(rec, 0, offsetof(struct audit_record, hash));
	rec->rule[0] = '\0';
	rec->detail[0] = '\0';
	rec->fingerprint[0] = '\0';
	text_clear(&rec->comment);
	text_clear(&rec->user);
	text_clear(&rec->ns);
	text_clear(&rec->hash_algorithm);
	rec->hostkey[0] = '\0';
	text_clear(&rec->host);
}

void
audit_text_set(struct audit_text *t, const void *p, size_t n)
{
	size_t len = n <= AUDIT_TEXT_MAX ? n : text_whole(p, AUDIT_TEXT_MAX);

	t->len = (uint8_t)len;
	t->cut = n > len;
	if (len > 0)
		memcpy(t->p, p, len);
}

static bool
text_eq(const struct audit_text *a, const struct audit_text *b)
{
	return a->len == b->len && a->cut == b->cut &&
	    (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

/* Of what is summed most texts are empty, or differ at once. */
static bool
str_eq(const char *a, const char *b)
{
	return a[0] == b[0] && (a[0] == '\0' || strcmp(a, b) == 0);
}

/* Hand a record on. */
static void
emit(struct audit *a, struct audit_record *rec)
{
	rec->seq = ++a->seq;
	/* What it cannot take is counted there. */
	if (a->sink != NULL)
		(void)auditsink_put(a->sink, rec);
}

/* Hand on all that was summed. */
static void
flush_sums(struct audit *a)
{
	for (size_t i = 0; i < a->n_sums; i++)
		emit(a, &a->sums[i]);
	a->n_sums = 0;
	for (size_t i = 0; i < 2; i++) {
		if (a->rest[i].count > 0)
			emit(a, &a->rest[i]);
		a->rest[i].count = 0;
	}
}

static int
on_flush(void *cookie)
{
	flush_sums(cookie);
	return ST_OK;
}

int
audit_new(struct audit **out, struct loop *loop, struct auditsink *sink)
{
	struct audit *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (a == NULL)
		return ST_NOMEM;
	a->loop = loop;
	a->sink = sink;
	a->flush = (struct loop_timer){ .fn = on_flush, .cookie = a };
	/* Not cleared, so that they take no memory until they are used. */
	a->sums = malloc(AUDIT_SUMS_MAX * sizeof(a->sums[0]));
	a->refusals = malloc(AUDIT_REFUSALS_MAX * sizeof(a->refusals[0]));
	if (a->sums == NULL || a->refusals == NULL) {
		audit_free(a);
		return ST_NOMEM;
	}
	*out = a;
	return ST_OK;
}

void
audit_free(struct audit *a)
{
	if (a == NULL)
		return;
	loop_timer_del(a->loop, &a->flush);
	flush_sums(a);
	free(a->sums);
	free(a->refusals);
	free(a);
}

/* On whose account a record is.  All whom no rule names share what is for one
 * uid: who can make himself many uids that nobody knows of shall not have their
 * records in the place of those of uids that are served. */
static uid_t
payer(const struct audit_record *rec)
{
	return rec->op == AUDIT_CONNECT && rec->reason == REASON_NOT_NAMED ?
	    STRANGERS : rec->uid;
}

/*
 * Budgets.
 */

/* Put into a bucket what has come since. */
static void
fill(struct budget *b, int64_t now)
{
	b->tokens += (now - b->at_ms) * AUDIT_PER_SECOND;
	if (b->tokens > AUDIT_BURST * ONE)
		b->tokens = AUDIT_BURST * ONE;
	b->at_ms = now;
}

/* The bucket of a uid, as of now. */
static struct budget *
budget_of(struct audit *a, uid_t uid)
{
	int64_t now = loop_now(a->loop);
	struct budget *oldest = &a->budgets[0];

	for (size_t i = 0; i < a->n_budgets; i++) {
		if (a->budgets[i].uid == uid) {
			fill(&a->budgets[i], now);
			return &a->budgets[i];
		}
		if (a->budgets[i].at_ms < oldest->at_ms)
			oldest = &a->budgets[i];
	}
	if (a->n_budgets < BUDGETS_MAX) {
		oldest = &a->budgets[a->n_budgets++];
		oldest->tokens = AUDIT_BURST * ONE;
		oldest->at_ms = now;
	}
	/* Many uids in turn shall not have more than these many at once. */
	fill(oldest, now);
	oldest->uid = uid;
	return oldest;
}

bool
audit_wants(struct audit *a, const struct audit_record *rec)
{
	/* Refusals are remembered also where nothing is written. */
	if (a->sink == NULL && rec->verdict == AUDIT_ALLOWED)
		return false;
	return !rec->has_peer || budget_of(a, payer(rec))->tokens >= ONE;
}

/*
 * Sums.
 */

/* Whether two decisions are summed into one record. */
static bool
is_alike(const struct audit_record *a, const struct audit_record *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->op == b->op &&
	    a->verdict == b->verdict && a->reason == b->reason;
}

static bool
is_same_what(const struct audit_record *a, const struct audit_record *b)
{
	if (!a->has_what || !b->has_what)
		return a->has_what == b->has_what;
	return a->what == b->what && text_eq(&a->user, &b->user) &&
	    text_eq(&a->ns, &b->ns) &&
	    text_eq(&a->hash_algorithm, &b->hash_algorithm) &&
	    a->hash_len == b->hash_len &&
	    memcmp(a->hash, b->hash, a->hash_len) == 0;
}

static bool
is_same_bound(const struct audit_record *a, const struct audit_record *b)
{
	return a->binds == b->binds && a->forwarding == b->forwarding &&
	    str_eq(a->hostkey, b->hostkey) && text_eq(&a->host, &b->host);
}

/* Add to a count that stays where it is at its end. */
static void
count_one(struct audit_record *rec)
{
	rec->count += rec->count < UINT32_MAX;
}

/* Leave in a sum what is true of the new one as well. */
static void
merge(struct audit_record *sum, const struct audit_record *rec)
{
	count_one(sum);
	sum->wall_ms = rec->wall_ms;
	sum->unlocked |= rec->unlocked;
	if (sum->connection != rec->connection)
		sum->connection = 0;
	if (sum->pid != rec->pid || !str_eq(sum->comm, rec->comm)) {
		sum->pid = 0;
		sum->comm[0] = '\0';
	}
	if (!str_eq(sum->fingerprint, rec->fingerprint) ||
	    !text_eq(&sum->comment, &rec->comment)) {
		sum->fingerprint[0] = '\0';
		sum->comment.len = 0;
	}
	if (!is_same_what(sum, rec))
		sum->has_what = false;
	if (!is_same_bound(sum, rec))
		sum->binds = 0;
	if (sum->text != rec->text)
		sum->text = NULL;
	if (!str_eq(sum->rule, rec->rule))
		sum->rule[0] = '\0';
	if (!str_eq(sum->detail, rec->detail))
		sum->detail[0] = '\0';
}

/* Count a decision for which there is no sum left. */
static void
add_to_rest(struct audit *a, const struct audit_record *rec)
{
	struct audit_record *rest = &a->rest[rec->verdict == AUDIT_DENIED];
	uint32_t before = rest->count;

	*rest = (struct audit_record){ .op = AUDIT_OTHER,
		.verdict = rec->verdict, .wall_ms = rec->wall_ms,
		.count = before, .unlocked = rec->unlocked,
		.text = "of several kinds and peers: too many for sums of "
		    "their own" };
	count_one(rest);
}

/* Whether there is no sum left for such a decision. */
static bool
is_out_of_sums(const struct audit *a, const struct audit_record *rec)
{
	size_t n = 0;

	for (size_t i = 0; payer(rec) == STRANGERS && i < a->n_sums; i++)
		n += payer(&a->sums[i]) == STRANGERS;
	return n == AUDIT_SUMS_STRANGERS || a->n_sums == AUDIT_SUMS_MAX;
}

/* Add a decision to those that are alike. */
static void
add_to_sums(struct audit *a, const struct audit_record *rec)
{
	for (size_t i = 0; i < a->n_sums; i++) {
		if (is_alike(&a->sums[i], rec)) {
			merge(&a->sums[i], rec);
			return;
		}
	}
	if (is_out_of_sums(a, rec)) {
		add_to_rest(a, rec);
		return;
	}
	if (a->n_sums == 0)
		loop_timer_set(a->loop, &a->flush, loop_now(a->loop) + SUM_MS);
	a->sums[a->n_sums++] = *rec;
}

/*
 * The last refusals.
 */

/* Where in the order a refusal like that one is, or how many there are.  Of
 * one that is summed it is not known what is dear to find out. */
static size_t
find_refusal(const struct audit *a, const struct audit_record *rec,
    bool summed)
{
	size_t at;

	for (at = 0; at < a->n_refusals; at++) {
		const struct audit_record *old =
		    &a->refusals[a->order[at]].record;

		if (old->uid == rec->uid && old->op == rec->op &&
		    old->reason == rec->reason &&
		    strcmp(old->fingerprint, rec->fingerprint) == 0 &&
		    (summed || (strcmp(old->detail, rec->detail) == 0 &&
		    strcmp(old->hostkey, rec->hostkey) == 0)))
			break;
	}
	return at;
}

/* Kinds of refusals of a uid. */
static size_t
count_of(const struct audit *a, uid_t uid)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_refusals; i++)
		n += payer(&a->refusals[i].record) == uid;
	return n;
}

/* Where in the order the one is that has to go for a new one of a uid: the
 * oldest of that uid if it has its share, else of those that have most. */
static size_t
find_victim(const struct audit *a, uid_t uid)
{
	bool own = count_of(a, uid) >= AUDIT_REFUSALS_UID_MAX;
	size_t at, n, found = 0, most = 0;
	uid_t other;

	for (at = a->n_refusals; at-- > 0;) {
		other = payer(&a->refusals[a->order[at]].record);
		if (own && other == uid)
			return at;
		if (!own && (n = count_of(a, other)) > most) {
			most = n;
			found = at;
		}
	}
	return found;
}

/* Move what is there in the order to its front. */
static struct audit_refusal *
to_front(struct audit *a, size_t at)
{
	uint8_t which = a->order[at];

	memmove(&a->order[1], &a->order[0], at);
	a->order[0] = which;
	return &a->refusals[which];
}

/* Keep a refusal in front of the others. */
static void
remember(struct audit *a, const struct audit_record *rec, bool summed)
{
	size_t at = find_refusal(a, rec, summed);
	uid_t uid = payer(rec);
	struct audit_refusal *r;
	uint32_t before = 0;

	if (at == a->n_refusals) {
		if (at == AUDIT_REFUSALS_MAX || count_of(a, uid) >=
		    AUDIT_REFUSALS_UID_MAX)
			at = find_victim(a, uid);
		else
			a->order[at] = (uint8_t)a->n_refusals++;
		r = to_front(a, at);
		r->first_ms = rec->wall_ms;
	} else {
		r = to_front(a, at);
		before = r->record.count;
		/* The one that is there says more. */
		if (summed) {
			count_one(&r->record);
			r->record.wall_ms = rec->wall_ms;
			return;
		}
	}
	r->record = *rec;
	r->record.count = before;
	count_one(&r->record);
}

void
audit_tell_unlocked(struct audit *a, bool yes)
{
	a->unlocked = yes;
}

void
audit_note(struct audit *a, struct audit_record *rec)
{
	struct budget *b = NULL;
	bool summed = false;

	assert(rec->op < AUDIT_OPS && rec->reason < REASONS);
	if (a->sink == NULL && rec->verdict == AUDIT_ALLOWED) {
		a->seq++;
		return;
	}
	/* What was before the end is recorded before it. */
	if (rec->op == AUDIT_STOP)
		flush_sums(a);
	rec->seq = 0;
	rec->wall_ms = clock_wall_ms();
	rec->count = 1;
	rec->unlocked = a->unlocked || rec->unlocked;
	if (rec->has_peer) {
		b = budget_of(a, payer(rec));
		summed = b->tokens < ONE;
	}
	if (summed) {
		add_to_sums(a, rec);
	} else {
		if (b != NULL)
			b->tokens -= ONE;
		emit(a, rec);
	}
	if (rec->verdict == AUDIT_DENIED && rec->has_peer)
		remember(a, rec, summed);
}

const struct audit_refusal *
audit_refusals(const struct audit *a, size_t i)
{
	return i < a->n_refusals ? &a->refusals[a->order[i]] : NULL;
}

uint64_t
audit_records(const struct audit *a)
{
	return a->seq;
}

uint64_t
audit_lost(const struct audit *a)
{
	return a->sink != NULL ? auditsink_lost(a->sink) : 0;
}
