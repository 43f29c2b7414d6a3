#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/audit.h"
#include "agent/auditsink.h"
#include "base/clock.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

/* Uids that have a budget at the same time. */
#define BUDGETS		64

/* Linked with --wrap for all of these. */
int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_wall_ms(void);
bool __wrap_auditsink_put(struct auditsink *s, const struct audit_record *rec);
uint64_t __wrap_auditsink_lost(struct auditsink *s);

/* What time it is, by both clocks. */
static int64_t now_ms;
/* What the sink was given: the last ones, and how many. */
static struct audit_record got[256];
static uint64_t n_got, last_seq;
/* Decisions that stand in it. */
static uint64_t decisions;

static struct loop *loop;
static struct audit *audit;

int64_t
__wrap_clock_ms(void)
{
	return now_ms;
}

int64_t
__wrap_clock_wall_ms(void)
{
	return now_ms;
}

bool
__wrap_auditsink_put(struct auditsink *s, const struct audit_record *rec)
{
	assert_non_null(s);
	assert_int_equal(rec->seq, ++last_seq);
	got[n_got++ % N(got)] = *rec;
	decisions += rec->count;
	return true;
}

uint64_t
__wrap_auditsink_lost(struct auditsink *s)
{
	assert_non_null(s);
	return 3;
}

/* The ${i}th last one that the sink was given. */
static const struct audit_record *
given(size_t i)
{
	assert_true(i < n_got && i < N(got));
	return &got[(n_got - 1 - i) % N(got)];
}

static void
begin(bool with_sink)
{
	static int place;

	now_ms = 1000000;
	n_got = last_seq = decisions = 0;
	assert_int_equal(loop_new(&loop), ST_OK);
	/* Nobody looks behind it. */
	assert_int_equal(audit_new(&audit, loop, with_sink ?
	    (struct auditsink *)(void *)&place : NULL), ST_OK);
}

static int
setup(void **state)
{
	(void)state;
	begin(true);
	return 0;
}

static int
setup_without_sink(void **state)
{
	(void)state;
	begin(false);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	audit_free(audit);
	loop_free(loop);
	return 0;
}

static int
on_stop(void *cookie)
{
	(void)cookie;
	loop_stop(loop);
	return ST_OK;
}

/* Let time go by, and the loop have a pass. */
static void
pass(int64_t ms)
{
	struct loop_later stop = { .fn = on_stop };

	now_ms += ms;
	loop_later_set(loop, &stop);
	assert_int_equal(loop_run(loop), ST_OK);
}

static struct audit_record
denied(uid_t uid, enum reason reason)
{
	return (struct audit_record){ .op = AUDIT_SIGN,
		.verdict = AUDIT_DENIED, .reason = reason, .has_peer = true,
		.uid = uid, .gid = 100 };
}

static struct audit_record
allowed(uid_t uid)
{
	return (struct audit_record){ .op = AUDIT_SIGN, .has_peer = true,
		.uid = uid, .gid = 100 };
}

/* Note one ${n} times. */
static void
note(struct audit_record rec, uint64_t n)
{
	struct audit_record copy;

	while (n-- > 0) {
		copy = rec;
		audit_note(audit, &copy);
	}
}

/* Have a uid use up its budget. */
static void
spend(uid_t uid)
{
	note(allowed(uid), AUDIT_BURST);
}

static void
a_burst_is_recorded_one_by_one_and_one_more_is_summed(void **state)
{
	struct audit_record rec = denied(1000, REASON_POLICY);

	(void)state;
	for (uint64_t i = 1; i <= AUDIT_BURST; i++) {
		assert_true(audit_wants(audit, &rec));
		note(rec, 1);
		assert_int_equal(n_got, i);
		assert_int_equal(given(0)->count, 1);
		assert_int_equal(given(0)->wall_ms, now_ms);
	}
	assert_false(audit_wants(audit, &rec));
	note(rec, 1);
	assert_int_equal(n_got, AUDIT_BURST);
	/* At the end of the second, not before. */
	pass(999);
	assert_int_equal(n_got, AUDIT_BURST);
	pass(1);
	assert_int_equal(n_got, AUDIT_BURST + 1);
	assert_int_equal(given(0)->count, 1);
	pass(5000);
	assert_int_equal(n_got, AUDIT_BURST + 1);
}

static void
a_budget_fills_up_with_time_and_not_above_its_top(void **state)
{
	struct audit_record rec = allowed(1000);

	(void)state;
	spend(1000);
	pass(1000 / AUDIT_PER_SECOND - 1);
	assert_false(audit_wants(audit, &rec));
	pass(1);
	assert_true(audit_wants(audit, &rec));
	note(rec, 1);
	assert_int_equal(n_got, AUDIT_BURST + 1);
	assert_false(audit_wants(audit, &rec));

	pass(1000);
	note(rec, AUDIT_PER_SECOND);
	assert_int_equal(n_got, AUDIT_BURST + 1 + AUDIT_PER_SECOND);
	assert_false(audit_wants(audit, &rec));

	pass(INT64_C(1000) * 3600 * 24 * 365);
	note(rec, AUDIT_BURST);
	assert_false(audit_wants(audit, &rec));
}

static void
asking_spends_nothing(void **state)
{
	struct audit_record rec = denied(1000, REASON_POLICY);

	(void)state;
	for (size_t i = 0; i < 3 * AUDIT_BURST; i++)
		assert_true(audit_wants(audit, &rec));
	spend(1000);
	assert_int_equal(n_got, AUDIT_BURST);
}

static void
a_flood_leaves_other_uids_their_budget(void **state)
{
	struct audit_record other = denied(1001, REASON_POLICY);

	(void)state;
	note(denied(1000, REASON_POLICY), 50000);
	assert_int_equal(n_got, AUDIT_BURST);
	assert_true(audit_wants(audit, &other));
	note(other, AUDIT_BURST);
	assert_int_equal(n_got, 2 * AUDIT_BURST);
}

static void
what_the_agent_does_itself_needs_no_budget(void **state)
{
	struct audit_record rec = { .op = AUDIT_EXPIRE };

	(void)state;
	/* Also after root, whose uid is in such a record, had its share. */
	spend(0);
	for (size_t i = 0; i < 2 * AUDIT_BURST; i++) {
		assert_true(audit_wants(audit, &rec));
		note(rec, 1);
	}
	assert_int_equal(n_got, 3 * AUDIT_BURST);
}

static void
decisions_that_are_alike_are_one_record_with_their_number(void **state)
{
	struct audit_record other = allowed(1000);

	(void)state;
	spend(1000);
	note(denied(1000, REASON_POLICY), 500);
	note(denied(1000, REASON_RATE), 1);
	now_ms += 300;
	note(denied(1000, REASON_RATE), 19);
	note(allowed(1000), 7);
	other.op = AUDIT_LIST;
	note(other, 4);
	other.gid = 5;
	note(other, 3);
	pass(700);
	assert_int_equal(n_got, AUDIT_BURST + 5);
	assert_int_equal(given(4)->count, 500);
	assert_int_equal(given(4)->reason, REASON_POLICY);
	assert_int_equal(given(3)->count, 20);
	assert_int_equal(given(3)->wall_ms, now_ms - 700);
	assert_int_equal(given(2)->count, 7);
	assert_int_equal(given(2)->verdict, AUDIT_ALLOWED);
	assert_int_equal(given(1)->count, 4);
	assert_int_equal(given(1)->gid, 100);
	assert_int_equal(given(0)->count, 3);
	assert_int_equal(given(0)->gid, 5);
	assert_int_equal(audit_records(audit), AUDIT_BURST + 5);
	assert_int_equal(decisions, AUDIT_BURST + 534);
}

/* A refusal with all there can be in it. */
static struct audit_record
full(void)
{
	struct audit_record rec = denied(1000, REASON_DESTINATION);

	rec.text = "text";
	strcpy(rec.rule, "rule");
	strcpy(rec.detail, "detail");
	rec.pid = 7;
	strcpy(rec.comm, "ssh");
	rec.connection = 9;
	strcpy(rec.fingerprint, "SHA256:a");
	audit_text_set(&rec.comment, "comment", 7);
	rec.has_what = true;
	rec.what = SIGNDATA_SSHSIG;
	audit_text_set(&rec.ns, "git", 3);
	audit_text_set(&rec.hash_algorithm, "sha512", 6);
	rec.hash_len = 2;
	memcpy(rec.hash, "ab", 2);
	rec.binds = 2;
	strcpy(rec.hostkey, "SHA256:h");
	audit_text_set(&rec.host, "host", 4);
	return rec;
}

static void
every_part_that_differs_is_left_out_of_a_sum(void **state)
{
	struct audit_record rec;
	size_t part;

	(void)state;
	for (part = 0; part <= 13; part++) {
		pass(1000);
		spend(1000);
		note(full(), 2);
		rec = full();
		switch (part) {
		case 1: rec.text = NULL; break;
		case 2: rec.rule[0] = '\0'; break;
		case 3: rec.detail[0] = 'x'; break;
		case 4: rec.pid = 8; break;
		case 5: rec.connection = 10; break;
		case 6: rec.fingerprint[7] = 'b'; break;
		case 7: rec.comment.len = 0; break;
		case 8: rec.has_what = false; break;
		case 9: rec.ns.p[0] = 'x'; break;
		case 10: rec.hash_algorithm.p[0] = 'x'; break;
		case 11: rec.hash[1] = 'x'; break;
		case 12: rec.hostkey[7] = 'x'; break;
		case 13: rec.forwarding = true; break;
		default: break;
		}
		note(rec, 1);
		pass(1000);
		assert_int_equal(given(0)->count, 3);
		assert_int_equal(given(0)->text != NULL, part != 1);
		assert_int_equal(given(0)->rule[0] != '\0', part != 2);
		assert_int_equal(given(0)->detail[0] != '\0', part != 3);
		assert_int_equal(given(0)->pid != 0, part != 4);
		assert_int_equal(given(0)->comm[0] != '\0', part != 4);
		assert_int_equal(given(0)->connection != 0, part != 5);
		assert_int_equal(given(0)->fingerprint[0] != '\0',
		    part != 6 && part != 7);
		assert_int_equal(given(0)->has_what, part < 8 || part > 11);
		assert_int_equal(given(0)->binds != 0, part < 12);
	}
}

static void
kinds_for_which_there_is_no_sum_left_are_counted_in_one(void **state)
{
	(void)state;
	assert_true(REASONS > AUDIT_SUMS_MAX + 1);
	spend(1000);
	/* Exactly as many as there are. */
	for (enum reason r = 1; r <= AUDIT_SUMS_MAX; r++)
		note(denied(1000, r), 2);
	pass(1000);
	assert_int_equal(n_got, AUDIT_BURST + AUDIT_SUMS_MAX);
	assert_int_equal(given(0)->reason, AUDIT_SUMS_MAX);

	/* And more, by somebody who would like to be recorded more often. */
	pass(AUDIT_BURST * 1000 / AUDIT_PER_SECOND);
	spend(1000);
	n_got = 0;
	decisions = 0;
	for (size_t i = 0; i < 10; i++) {
		for (enum reason r = 1; r < REASONS; r++)
			note(denied(1000, r), 3);
		note(allowed(1000), 5);
	}
	assert_int_equal(n_got, 0);
	pass(1000);
	assert_int_equal(n_got, AUDIT_SUMS_MAX + 2);
	assert_int_equal(decisions, 10 * (3 * (REASONS - 1) + 5));
	assert_false(given(0)->has_peer);
	assert_int_equal(given(0)->verdict, AUDIT_DENIED);
	assert_int_equal(given(0)->op, AUDIT_OTHER);
	assert_non_null(given(0)->text);
	assert_int_equal(given(0)->count,
	    30 * (REASONS - 1 - AUDIT_SUMS_MAX));
	assert_int_equal(given(1)->verdict, AUDIT_ALLOWED);
	assert_int_equal(given(1)->count, 50);

	/* They do not come again. */
	n_got = 0;
	spend(1000);
	pass(1000);
	assert_int_equal(n_got, AUDIT_PER_SECOND + 1);
	assert_int_equal(given(0)->count, AUDIT_BURST - AUDIT_PER_SECOND);
}

static void
many_uids_in_turn_have_no_more_than_so_many_at_once(void **state)
{
	struct audit_record rec;
	uint64_t most = (uint64_t)BUDGETS * AUDIT_BURST;

	(void)state;
	for (uid_t uid = 0; uid < BUDGETS; uid++) {
		rec = allowed(uid);
		assert_true(audit_wants(audit, &rec));
		spend(uid);
	}
	assert_int_equal(n_got, most);
	for (uid_t uid = 5000; uid < 9000; uid++)
		note(allowed(uid), 3);
	assert_int_equal(n_got, most);

	/* Who takes the place of one who was away has all of it. */
	pass(AUDIT_BURST * 1000 / AUDIT_PER_SECOND);
	for (uid_t uid = 10000; uid < 10000 + BUDGETS - 1; uid++)
		spend(uid);
	n_got = 0;
	note(allowed(9001), AUDIT_BURST + 1);
	assert_int_equal(n_got, AUDIT_BURST);
}

static void
sums_under_way_are_handed_on_at_the_end(void **state)
{
	struct audit_record stop = { .op = AUDIT_STOP };

	(void)state;
	spend(1000);
	note(allowed(1000), 11);
	note(stop, 1);
	assert_int_equal(n_got, AUDIT_BURST + 2);
	assert_int_equal(given(1)->count, 11);
	assert_int_equal(given(0)->op, AUDIT_STOP);
	note(allowed(1000), 12);
	audit_free(audit);
	audit = NULL;
	assert_int_equal(n_got, AUDIT_BURST + 3);
	assert_int_equal(given(0)->count, 12);
}

static void
without_a_sink_all_are_counted_and_refusals_kept(void **state)
{
	struct audit_record yes = allowed(1000);
	struct audit_record no = denied(1000, REASON_POLICY);

	(void)state;
	assert_false(audit_wants(audit, &yes));
	assert_true(audit_wants(audit, &no));
	note(yes, 3 * AUDIT_BURST);
	assert_int_equal(audit_records(audit), 3 * AUDIT_BURST);
	/* Nothing was spent on them. */
	assert_true(audit_wants(audit, &no));
	note(no, 1);
	assert_int_equal(audit_records(audit), 3 * AUDIT_BURST + 1);
	assert_non_null(audit_refusals(audit, 0));
	assert_null(audit_refusals(audit, 1));
	assert_int_equal(audit_lost(audit), 0);
}

static void
what_the_sink_lost_is_told(void **state)
{
	(void)state;
	assert_int_equal(audit_lost(audit), 3);
}

/* The ${i}th last refusal. */
static const struct audit_refusal *
refusal(size_t i)
{
	const struct audit_refusal *r = audit_refusals(audit, i);

	assert_non_null(r);
	return r;
}

static void
refusals_that_are_alike_are_one(void **state)
{
	struct audit_record rec = full();

	(void)state;
	note(rec, 1);
	now_ms += 50;
	rec.connection = 11;
	rec.what = SIGNDATA_USERAUTH;
	note(rec, 1);
	now_ms += 50;
	note(rec, 3);
	assert_null(audit_refusals(audit, 1));
	assert_int_equal(refusal(0)->record.count, 5);
	assert_int_equal(refusal(0)->record.connection, 11);
	assert_int_equal(refusal(0)->record.seq, 5);
	assert_int_equal(refusal(0)->first_ms, now_ms - 100);
	assert_int_equal(refusal(0)->record.wall_ms, now_ms);
	/* The sink was given each by itself. */
	assert_int_equal(given(0)->count, 1);
}

static void
refusals_that_differ_stand_alone_the_last_one_first(void **state)
{
	struct audit_record rec[7];

	(void)state;
	for (size_t i = 0; i < N(rec); i++)
		rec[i] = full();
	rec[1].uid = 1001;
	rec[2].op = AUDIT_LIST;
	rec[3].reason = REASON_RATE;
	rec[4].fingerprint[0] = 'x';
	rec[5].detail[0] = 'x';
	rec[6].hostkey[0] = 'x';
	for (size_t i = 0; i < N(rec); i++)
		note(rec[i], 1);
	for (size_t i = 0; i < N(rec); i++)
		assert_memory_equal(refusal(N(rec) - 1 - i)->record.detail,
		    rec[i].detail, sizeof(rec[i].detail));
	assert_int_equal(refusal(5)->record.uid, 1001);
	/* One that comes again comes to the front. */
	note(rec[2], 1);
	assert_int_equal(refusal(0)->record.op, AUDIT_LIST);
	assert_int_equal(refusal(0)->record.count, 2);
	assert_int_equal(refusal(1)->record.hostkey[0], 'x');
	assert_null(audit_refusals(audit, N(rec)));
}

static void
what_is_allowed_or_the_agents_own_is_no_refusal(void **state)
{
	struct audit_record own = { .op = AUDIT_RELOAD,
		.verdict = AUDIT_DENIED, .reason = REASON_RELOAD };

	(void)state;
	note(allowed(1000), 1);
	note(own, 1);
	assert_null(audit_refusals(audit, 0));
}

static void
in_a_flood_refusals_are_counted_and_their_detail_stays(void **state)
{
	struct audit_record poor = full();

	(void)state;
	note(full(), 1);
	spend(1000);
	poor.detail[0] = poor.hostkey[0] = '\0';
	now_ms += 1;
	note(poor, 1000);
	assert_null(audit_refusals(audit, 1));
	assert_int_equal(refusal(0)->record.count, 1001);
	assert_string_equal(refusal(0)->record.detail, "detail");
	assert_int_equal(refusal(0)->record.wall_ms, now_ms);
	/* A new kind is kept also then. */
	note(denied(1000, REASON_RATE), 2);
	assert_int_equal(refusal(0)->record.reason, REASON_RATE);
	assert_int_equal(refusal(0)->record.count, 2);
	assert_int_equal(refusal(0)->record.seq, 0);
	/* And its detail when there is one. */
	pass(1000);
	note(full(), 1);
	assert_int_equal(refusal(0)->record.count, 1002);
}

/* Refusals of a uid that are kept. */
static size_t
kept(uid_t uid)
{
	const struct audit_refusal *r;
	size_t n = 0;

	for (size_t i = 0; (r = audit_refusals(audit, i)) != NULL; i++)
		n += r->record.uid == uid;
	return n;
}

/* Kinds of refusals from ${first} on. */
static void
note_kinds(uid_t uid, enum reason first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		note(denied(uid, first + (enum reason)i), 1);
}

static void
a_uid_has_its_share_of_refusals_and_loses_its_oldest(void **state)
{
	(void)state;
	note_kinds(1, 1, 1);
	note_kinds(2, 1, AUDIT_REFUSALS_UID_MAX);
	note_kinds(1000, 1, AUDIT_REFUSALS_UID_MAX);
	assert_int_equal(kept(1000), AUDIT_REFUSALS_UID_MAX);
	note_kinds(1000, 1 + AUDIT_REFUSALS_UID_MAX, 1);
	assert_int_equal(kept(1000), AUDIT_REFUSALS_UID_MAX);
	assert_int_equal(kept(1), 1);
	assert_int_equal(kept(2), AUDIT_REFUSALS_UID_MAX);
	assert_int_equal(refusal(AUDIT_REFUSALS_UID_MAX - 1)->record.reason,
	    2);
	assert_int_equal(refusal(0)->record.reason,
	    1 + AUDIT_REFUSALS_UID_MAX);
	assert_int_equal(refusal(0)->record.count, 1);
	assert_int_equal(refusal(AUDIT_REFUSALS_UID_MAX)->record.uid, 2);
}

static void
when_all_are_taken_the_uid_with_most_gives_its_oldest(void **state)
{
	const size_t each = AUDIT_REFUSALS_UID_MAX;

	(void)state;
	/* 16, 15, 16, 16 and 1 are all that there are. */
	note_kinds(5, 1, 1);
	note_kinds(1, 1, each - 1);
	note_kinds(2, 1, each);
	note_kinds(3, 1, each);
	note_kinds(4, 1, each);
	assert_int_equal(kept(1) + kept(2) + kept(3) + kept(4) + kept(5),
	    AUDIT_REFUSALS_MAX);
	note_kinds(6, 1, 1);
	assert_int_equal(kept(6), 1);
	assert_int_equal(kept(5), 1);
	assert_int_equal(kept(1), each - 1);
	assert_int_equal(kept(2) + kept(3) + kept(4), 3 * each - 1);
	assert_null(audit_refusals(audit, AUDIT_REFUSALS_MAX));
	/* Its oldest, of whichever it was. */
	for (size_t i = 0; i < AUDIT_REFUSALS_MAX; i++)
		if (kept(refusal(i)->record.uid) == each - 1 &&
		    refusal(i)->record.uid != 1)
			assert_true(refusal(i)->record.reason != 1);
	/* Many uids with one each do not remove what others have few of. */
	for (uid_t uid = 100; uid < 130; uid++)
		note_kinds(uid, 1, 1);
	assert_int_equal(kept(5), 1);
	assert_int_equal(kept(6), 1);
	assert_true(kept(1) >= 5);
}

/* Whom no rule names can be many. */
static struct audit_record
stranger(uid_t uid)
{
	struct audit_record rec = denied(uid, REASON_NOT_NAMED);

	rec.op = AUDIT_CONNECT;
	return rec;
}

static void
strangers_have_what_is_for_one_uid(void **state)
{
	struct audit_record rec;

	(void)state;
	note_kinds(1, 1, 1);
	for (uid_t uid = 5000; uid < 5200; uid++)
		note(stranger(uid), 3);
	assert_int_equal(kept(1), 1);
	assert_int_equal(refusal(0)->record.uid, 5199);
	assert_int_equal(refusal(AUDIT_REFUSALS_UID_MAX)->record.uid, 1);
	assert_null(audit_refusals(audit, AUDIT_REFUSALS_UID_MAX + 1));
	/* One bucket, and so many sums; all are counted. */
	assert_int_equal(n_got, 1 + AUDIT_BURST);
	rec = stranger(5000);
	assert_false(audit_wants(audit, &rec));
	pass(1000);
	assert_int_equal(n_got, 1 + AUDIT_BURST + AUDIT_SUMS_STRANGERS + 1);
	assert_int_equal(decisions, 1 + 3 * 200);
	/* Who is named has a bucket as ever. */
	rec = allowed(1);
	assert_true(audit_wants(audit, &rec));
}

static void
where_all_have_as_many_the_oldest_goes(void **state)
{
	(void)state;
	for (uid_t uid = 0; uid < AUDIT_REFUSALS_MAX; uid++)
		note_kinds(uid, 1, 1);
	note_kinds(0, 1, 1);
	note_kinds(1000, 1, 1);
	assert_int_equal(kept(0), 1);
	assert_int_equal(kept(1), 0);
	note_kinds(1, 1, 1);
	assert_int_equal(kept(1), 1);
	assert_int_equal(kept(1000), 1);
	assert_int_equal(kept(2), 0);
}

static void
a_text_is_cut_at_its_end_and_says_so(void **state)
{
	char in[AUDIT_TEXT_MAX + 1];
	struct audit_text t;

	(void)state;
	memset(in, 'x', sizeof(in));
	audit_text_set(&t, in, AUDIT_TEXT_MAX);
	assert_int_equal(t.len, AUDIT_TEXT_MAX);
	assert_false(t.cut);
	audit_text_set(&t, in, AUDIT_TEXT_MAX + 1);
	assert_int_equal(t.len, AUDIT_TEXT_MAX);
	assert_true(t.cut);
	/* At the end of a character. */
	memcpy(in + AUDIT_TEXT_MAX - 1, "\xc3\xbc", 2);
	audit_text_set(&t, in, AUDIT_TEXT_MAX + 1);
	assert_int_equal(t.len, AUDIT_TEXT_MAX - 1);
	assert_true(t.cut);
	audit_text_set(&t, NULL, 0);
	assert_int_equal(t.len, 0);
	assert_false(t.cut);
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_burst_is_recorded_one_by_one_and_one_more_is_summed),
		CASE(a_budget_fills_up_with_time_and_not_above_its_top),
		CASE(asking_spends_nothing),
		CASE(a_flood_leaves_other_uids_their_budget),
		CASE(what_the_agent_does_itself_needs_no_budget),
		CASE(decisions_that_are_alike_are_one_record_with_their_number),
		CASE(every_part_that_differs_is_left_out_of_a_sum),
		CASE(kinds_for_which_there_is_no_sum_left_are_counted_in_one),
		CASE(many_uids_in_turn_have_no_more_than_so_many_at_once),
		CASE(sums_under_way_are_handed_on_at_the_end),
		cmocka_unit_test_setup_teardown(
		    without_a_sink_all_are_counted_and_refusals_kept,
		    setup_without_sink, teardown),
		CASE(what_the_sink_lost_is_told),
		CASE(refusals_that_are_alike_are_one),
		CASE(refusals_that_differ_stand_alone_the_last_one_first),
		CASE(what_is_allowed_or_the_agents_own_is_no_refusal),
		CASE(in_a_flood_refusals_are_counted_and_their_detail_stays),
		CASE(a_uid_has_its_share_of_refusals_and_loses_its_oldest),
		CASE(when_all_are_taken_the_uid_with_most_gives_its_oldest),
		CASE(strangers_have_what_is_for_one_uid),
		CASE(where_all_have_as_many_the_oldest_goes),
		cmocka_unit_test(a_text_is_cut_at_its_end_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
