/*
 * What watch does next, in a time that is made up: loads, tries again, engines
 * that are lost and come back, and what a look says after events were missed.
 */

#include "provision/watchplan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define NO_LABEL	"{}"

static const char *const db_labels[] = { "tier=db", "keys" };
static const struct watchplan_rule rules[] = {
	{ WATCHPLAN_NAME, EVENTS_DOCKER, "web", "web", NULL, 0 },
	{ WATCHPLAN_NAME, EVENTS_DOCKER, "two", "two", NULL, 0 },
	{ WATCHPLAN_LABELS, EVENTS_DOCKER, "--all", NULL, db_labels, 2 },
	{ WATCHPLAN_NAME, EVENTS_NERDCTL, "nerdctl:n", "n", NULL, 0 },
};

static struct watchplan p;
static char said[4096];
static int64_t now;

static void
tell(void *cookie, enum watchplan_news news, const char *label)
{
	static const char *const words[] = {
		[WATCHPLAN_STARTED] = "started",
		[WATCHPLAN_RUNNING] = "running",
		[WATCHPLAN_STOPPED] = "stopped",
		[WATCHPLAN_ABSENT] = "absent",
		[WATCHPLAN_TOO_MANY] = "too-many",
	};
	size_t at = strlen(said);

	assert_ptr_equal(cookie, said);
	(void)snprintf(said + at, sizeof(said) - at, "%s %s;", label,
	    words[news]);
}

/* What was told since. */
static void
check_said(const char *wanted)
{
	assert_string_equal(said, wanted);
	said[0] = '\0';
}

static void
begin(size_t first, size_t n, unsigned jobs)
{
	watchplan_fini(&p);
	assert_int_equal(watchplan_init(&p, rules + first, n, jobs), ST_OK);
	said[0] = '\0';
	now = 1000000;
}

static int
teardown(void **state)
{
	(void)state;
	watchplan_fini(&p);
	watchplan_fini(&p);
	return 0;
}

/* The ID of container ${n}. */
static const char *
id_of(int n)
{
	static char id[EVENTS_ID_MAX + 1];

	(void)snprintf(id, sizeof(id), "%064x", n);
	return id;
}

static struct events_event
make(enum events_kind kind, int n, const char *name, const char *start,
    const char *labels)
{
	struct events_event e = { .engine = EVENTS_DOCKER, .kind = kind };

	(void)snprintf(e.id, sizeof(e.id), "%s", id_of(n));
	(void)snprintf(e.name, sizeof(e.name), "%s", name);
	(void)snprintf(e.start, sizeof(e.start), "%s", start);
	if (labels != NULL)
		e.root = e.labels = json_loads(labels, 0, NULL);
	return e;
}

/* An event of docker's. */
static void
event(enum events_kind kind, int n, const char *name, const char *labels)
{
	struct events_event e = make(kind, n, name, "", labels);

	watchplan_event(&p, &e, now, tell, said);
	events_fini(&e);
}

/* One that tells nothing but the ID. */
static void
bare_event(enum events_kind kind, int n)
{
	struct events_event e = make(kind, n, "", "", NULL);

	e.engine = EVENTS_NERDCTL;
	watchplan_event(&p, &e, now, tell, said);
	events_fini(&e);
}

/* What a look sees: one container, or none. */
static void
seen_of(enum events_engine engine, int n, const char *name, const char *start,
    const char *labels)
{
	struct events_event e = make(EVENTS_RUNS, n, name, start, labels);

	e.engine = engine;
	watchplan_seen(&p, engine, &e, n != 0, now, tell, said);
	events_fini(&e);
}

static void
seen(int n, const char *name, const char *start)
{
	seen_of(EVENTS_DOCKER, n, name, start, NO_LABEL);
}

static struct watchplan_todo
next(void)
{
	struct watchplan_todo todo;

	watchplan_next(&p, now, &todo);
	return todo;
}

/* It wants this next. */
static struct watchplan_todo
wants(enum watchplan_act act)
{
	struct watchplan_todo todo = next();

	assert_int_equal(todo.act, act);
	return todo;
}

/* It waits for that long. */
static void
waits(int64_t ms)
{
	struct watchplan_todo todo = wants(WATCHPLAN_WAIT);

	assert_int_equal(todo.ms < 0 ? -1 : todo.ms - now, ms);
}

/* Both engines' first things, up to the look. */
static void
follow(void)
{
	(void)wants(WATCHPLAN_FOLLOW);
	(void)wants(WATCHPLAN_LOOK);
}

/* Looks until there is none for a long time, each of which sees the same. */
static void
settle(int n, const char *name, const char *start)
{
	struct watchplan_todo todo;

	for (;;) {
		todo = wants(WATCHPLAN_WAIT);
		if (todo.ms < 0 || todo.ms - now >= WATCHPLAN_EVERY_MS)
			return;
		now = todo.ms;
		(void)wants(WATCHPLAN_LOOK);
		seen(n, name, start);
	}
}

/* web runs and is loaded, and all is quiet. */
static void
web_is_loaded(void)
{
	begin(0, 1, 4);
	follow();
	seen(1, "web", "a");
	assert_int_equal(wants(WATCHPLAN_LOAD).item, 0);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_DONE, now), -1);
	settle(1, "web", "a");
	said[0] = '\0';
}

static void
what_runs_is_loaded_once(void **state)
{
	(void)state;
	begin(0, 1, 4);
	follow();
	waits(-1);
	seen(1, "web", "a");
	check_said("docker:web running;");
	assert_int_equal(wants(WATCHPLAN_LOAD).item, 0);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_DONE, now), -1);
	waits(WATCHPLAN_SECOND_MS);
	settle(1, "web", "a");
	check_said("");
}

static void
what_does_not_run_is_waited_for(void **state)
{
	(void)state;
	begin(0, 1, 4);
	follow();
	seen(0, "", "");
	check_said("docker:web absent;");
	settle(0, "", "");
	check_said("");
	event(EVENTS_STARTED, 7, "other", NO_LABEL);
	check_said("");
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	check_said("docker:web started;");
	assert_int_equal(wants(WATCHPLAN_LOAD).item, 0);
	(void)watchplan_loaded(&p, 0, WATCHPLAN_DONE, now);
	/* The look that tells which start it was is no news. */
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	seen(1, "web", "a");
	check_said("");
	waits(WATCHPLAN_EVERY_MS);
}

static void
each_start_is_a_load(void **state)
{
	(void)state;
	web_is_loaded();
	for (int i = 0; i < 3; i++) {
		now += 100;
		event(EVENTS_STOPPED, 1, "web", NO_LABEL);
		check_said("docker:web stopped;");
		assert_int_equal(next().act, WATCHPLAN_WAIT);
		event(EVENTS_STARTED, 1, "web", NO_LABEL);
		check_said("docker:web started;");
		assert_int_equal(wants(WATCHPLAN_LOAD).item, 0);
		(void)watchplan_loaded(&p, 0, WATCHPLAN_DONE, now);
	}
	/* Another container by that name is it, too. */
	event(EVENTS_STOPPED, 1, "web", NO_LABEL);
	event(EVENTS_STARTED, 2, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
	(void)watchplan_loaded(&p, 0, WATCHPLAN_DONE, now);
	said[0] = '\0';
	/* And what was it has nothing to do with it any more. */
	event(EVENTS_STOPPED, 1, "web", NO_LABEL);
	check_said("");
}

static void
a_storm_of_starts_is_one_load_more(void **state)
{
	(void)state;
	web_is_loaded();
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
	for (int i = 0; i < 1000; i++)
		event(EVENTS_STARTED, 1, "web", NO_LABEL);
	assert_int_equal(next().act, WATCHPLAN_WAIT);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_FAILED, now), -1);
	(void)wants(WATCHPLAN_LOAD);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_DONE, now), -1);
	assert_int_equal(next().act, WATCHPLAN_WAIT);
}

static void
a_failed_load_is_tried_again_more_and_more_rarely(void **state)
{
	int64_t wait = WATCHPLAN_RETRY_MS;

	(void)state;
	web_is_loaded();
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	for (int i = 0; i < 20; i++) {
		(void)wants(WATCHPLAN_LOAD);
		assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_FAILED,
		    now), wait);
		if (next().act == WATCHPLAN_LOOK)
			seen(1, "web", "b");
		now += wait - 1;
		if (next().act == WATCHPLAN_LOOK)
			seen(1, "web", "b");
		assert_int_equal(next().act, WATCHPLAN_WAIT);
		now++;
		wait = wait * 2 < WATCHPLAN_RETRY_MAX_MS ? wait * 2 :
		    WATCHPLAN_RETRY_MAX_MS;
	}
	assert_int_equal(wait, WATCHPLAN_RETRY_MAX_MS);
	/* A new start is a new beginning. */
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_FAILED, now),
	    WATCHPLAN_RETRY_MS);
	/* What stopped is not tried. */
	event(EVENTS_STOPPED, 1, "web", NO_LABEL);
	now += WATCHPLAN_RETRY_MS;
	assert_int_equal(next().act, WATCHPLAN_WAIT);
}

static void
what_is_refused_waits_for_a_start(void **state)
{
	struct watchplan_count n;

	(void)state;
	web_is_loaded();
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_REFUSED, now), -1);
	watchplan_count(&p, &n);
	assert_int_equal(n.refused, 1);
	now += WATCHPLAN_RETRY_MAX_MS;
	assert_int_equal(next().act, WATCHPLAN_WAIT);
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
}

static void
a_load_of_what_stopped_meanwhile_says_nothing(void **state)
{
	(void)state;
	web_is_loaded();
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
	event(EVENTS_STOPPED, 1, "web", NO_LABEL);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_FAILED, now), -1);
	now += WATCHPLAN_RETRY_MAX_MS;
	assert_int_equal(next().act, WATCHPLAN_WAIT);
	/* One that is started anew while a load of the last start runs. */
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
	event(EVENTS_STOPPED, 1, "web", NO_LABEL);
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	assert_int_equal(next().act, WATCHPLAN_WAIT);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_DONE, now), -1);
	(void)wants(WATCHPLAN_LOAD);
}

/* --- looks ---------------------------------------------------------------- */

static void
a_look_finds_what_no_event_told(void **state)
{
	(void)state;
	web_is_loaded();
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	seen(1, "web", "b");
	check_said("docker:web started;");
	(void)wants(WATCHPLAN_LOAD);
	(void)watchplan_loaded(&p, 0, WATCHPLAN_DONE, now);
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	seen(0, "", "");
	check_said("docker:web stopped;");
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	seen(2, "web", "b");
	check_said("docker:web started;");
	(void)wants(WATCHPLAN_LOAD);
}

static void
an_event_is_newer_than_a_look_that_began_before(void **state)
{
	(void)state;
	web_is_loaded();
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
	(void)watchplan_loaded(&p, 0, WATCHPLAN_DONE, now);
	said[0] = '\0';
	/* This is what ran before. */
	seen(1, "web", "a");
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	seen(1, "web", "b");
	check_said("");
	assert_int_equal(next().act, WATCHPLAN_WAIT);
	/* The same of one that was not there. */
	event(EVENTS_STOPPED, 1, "web", NO_LABEL);
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	said[0] = '\0';
	seen(0, "", "");
	check_said("");
	(void)wants(WATCHPLAN_LOAD);
}

static void
another_container_is_another_start(void **state)
{
	(void)state;
	web_is_loaded();
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	seen(2, "web", "a");
	check_said("docker:web started;");
	(void)wants(WATCHPLAN_LOAD);
}

static void
what_stopped_during_a_look_is_looked_at_again(void **state)
{
	(void)state;
	web_is_loaded();
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	seen(1, "web", "a");
	waits(WATCHPLAN_EVERY_MS);
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	/* One that was not known may have been seen all the same. */
	event(EVENTS_STOPPED, 9, "new", NO_LABEL);
	seen(1, "web", "a");
	waits(WATCHPLAN_SOON_MS);
}

static void
what_is_not_understood_is_looked_at_but_not_all_the_time(void **state)
{
	int looks = 0;

	(void)state;
	web_is_loaded();
	for (int i = 0; i < 10000; i++) {
		watchplan_confused(&p, EVENTS_DOCKER, now);
		if (next().act == WATCHPLAN_LOOK) {
			looks++;
			seen(1, "web", "a");
		}
		now++;
	}
	assert_in_range(looks, 9, 10);
	check_said("");
}

static void
a_rename_is_looked_at(void **state)
{
	(void)state;
	web_is_loaded();
	now += WATCHPLAN_SOON_MS;
	event(EVENTS_RENAMED, 9, "x", NO_LABEL);
	(void)wants(WATCHPLAN_LOOK);
	/* It is another one by that name now. */
	seen(1, "old", "a");
	check_said("docker:web stopped;");
	event(EVENTS_RENAMED, 9, "web", NO_LABEL);
	now += WATCHPLAN_SOON_MS;
	(void)wants(WATCHPLAN_LOOK);
	seen(9, "web", "a");
	check_said("docker:web started;");
}

static void
a_look_that_fails_is_tried_again(void **state)
{
	(void)state;
	begin(0, 1, 4);
	follow();
	watchplan_blind(&p, EVENTS_DOCKER, now);
	waits(WATCHPLAN_SOON_MS);
	now += WATCHPLAN_SOON_MS;
	(void)wants(WATCHPLAN_LOOK);
	watchplan_blind(&p, EVENTS_DOCKER, now);
	waits(2 * WATCHPLAN_SOON_MS);
}

/* --- engines -------------------------------------------------------------- */

static void
a_lost_engine_is_followed_again_more_and_more_rarely(void **state)
{
	int64_t wait = WATCHPLAN_BACK_MS;

	(void)state;
	begin(0, 1, 4);
	for (int i = 0; i < 10; i++) {
		(void)wants(WATCHPLAN_FOLLOW);
		assert_int_equal(watchplan_lost(&p, EVENTS_DOCKER, now), wait);
		waits(wait);
		now += wait;
		wait = wait * 2 < WATCHPLAN_BACK_MAX_MS ? wait * 2 :
		    WATCHPLAN_BACK_MAX_MS;
	}
	assert_int_equal(wait, WATCHPLAN_BACK_MAX_MS);
	(void)wants(WATCHPLAN_FOLLOW);
	now += WATCHPLAN_SETTLED_MS;
	assert_int_equal(watchplan_lost(&p, EVENTS_DOCKER, now),
	    WATCHPLAN_BACK_MS);
}

static void
after_a_gap_only_what_was_started_in_it_is_loaded(void **state)
{
	(void)state;
	web_is_loaded();
	(void)watchplan_lost(&p, EVENTS_DOCKER, now);
	now += WATCHPLAN_BACK_MS;
	follow();
	seen(1, "web", "a");
	check_said("");
	waits(WATCHPLAN_SECOND_MS);
	(void)watchplan_lost(&p, EVENTS_DOCKER, now);
	now += 2 * WATCHPLAN_BACK_MS;
	follow();
	seen(1, "web", "b");
	check_said("docker:web started;");
	(void)wants(WATCHPLAN_LOAD);
}

static void
a_start_that_no_look_has_seen_is_doubted_after_a_gap(void **state)
{
	(void)state;
	web_is_loaded();
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
	(void)watchplan_loaded(&p, 0, WATCHPLAN_DONE, now);
	(void)watchplan_lost(&p, EVENTS_DOCKER, now);
	now += WATCHPLAN_BACK_MS;
	follow();
	said[0] = '\0';
	seen(1, "web", "c");
	check_said("docker:web started;");
	(void)wants(WATCHPLAN_LOAD);
}

static void
what_failed_is_tried_when_its_engine_is_back(void **state)
{
	(void)state;
	web_is_loaded();
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	now += WATCHPLAN_EVERY_MS;
	(void)wants(WATCHPLAN_LOOK);
	seen(1, "web", "b");
	for (int i = 0; i < 10; i++) {
		(void)wants(WATCHPLAN_LOAD);
		now += watchplan_loaded(&p, 0, WATCHPLAN_FAILED, now);
	}
	(void)wants(WATCHPLAN_LOAD);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_FAILED, now),
	    WATCHPLAN_RETRY_MAX_MS);
	(void)watchplan_lost(&p, EVENTS_DOCKER, now);
	now += WATCHPLAN_BACK_MS;
	follow();
	assert_int_equal(next().act, WATCHPLAN_WAIT);
	seen(1, "web", "b");
	(void)wants(WATCHPLAN_LOAD);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_FAILED, now),
	    WATCHPLAN_RETRY_MS);
}

static void
nothing_is_loaded_while_its_engine_is_lost(void **state)
{
	(void)state;
	web_is_loaded();
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	(void)wants(WATCHPLAN_LOAD);
	(void)watchplan_lost(&p, EVENTS_DOCKER, now);
	assert_int_equal(watchplan_loaded(&p, 0, WATCHPLAN_FAILED, now),
	    WATCHPLAN_RETRY_MS);
	now += WATCHPLAN_BACK_MS - 1;
	waits(1);
	now++;
	(void)wants(WATCHPLAN_FOLLOW);
}

/* --- labels, names, and many of them -------------------------------------- */

static void
labels_make_and_unmake_targets(void **state)
{
	static const char both[] = "{\"tier\":\"db\",\"keys\":\"\"}";
	struct watchplan_count n;
	size_t at;

	(void)state;
	begin(2, 1, 4);
	follow();
	seen_of(EVENTS_DOCKER, 1, "one", "a", both);
	check_said("docker:one running;");
	at = wants(WATCHPLAN_LOAD).item;
	assert_string_equal(p.items[at].id, id_of(1));
	event(EVENTS_STARTED, 2, "two", both);
	event(EVENTS_STARTED, 3, "three", "{\"tier\":\"db\"}");
	event(EVENTS_STARTED, 4, "four", "{\"tier\":\"x\",\"keys\":\"\"}");
	check_said("docker:two started;");
	(void)wants(WATCHPLAN_LOAD);
	watchplan_count(&p, &n);
	assert_int_equal(n.targets, 2);
	/* One that stops in the middle of its load goes when that is over. */
	event(EVENTS_STOPPED, 1, "one", both);
	watchplan_count(&p, &n);
	assert_int_equal(n.targets, 2);
	(void)watchplan_loaded(&p, at, WATCHPLAN_FAILED, now);
	watchplan_count(&p, &n);
	assert_int_equal(n.targets, 1);
}

static void
unknown_labels_are_looked_at(void **state)
{
	(void)state;
	begin(3, 1, 4);
	assert_int_equal(wants(WATCHPLAN_FOLLOW).engine, EVENTS_NERDCTL);
	(void)wants(WATCHPLAN_LOOK);
	seen_of(EVENTS_NERDCTL, 0, "", "", NO_LABEL);
	now += WATCHPLAN_SECOND_MS / 2;
	bare_event(EVENTS_STARTED, 5);
	now += WATCHPLAN_SECOND_MS / 2;
	(void)wants(WATCHPLAN_LOOK);
	said[0] = '\0';
	seen_of(EVENTS_NERDCTL, 5, "n", "a", NO_LABEL);
	check_said("nerdctl:n started;");
	(void)wants(WATCHPLAN_LOAD);
	(void)watchplan_loaded(&p, 0, WATCHPLAN_DONE, now);
	/* Now it is known by its ID. */
	bare_event(EVENTS_STOPPED, 5);
	bare_event(EVENTS_STARTED, 5);
	check_said("nerdctl:n stopped;nerdctl:n started;");
	assert_int_equal(wants(WATCHPLAN_LOAD).item, 0);
}

/* The same of an engine that tells labels, but not in this event. */
static void
labels_that_were_not_told_are_looked_at(void **state)
{
	(void)state;
	begin(2, 1, 4);
	follow();
	seen(0, "", "");
	settle(0, "", "");
	said[0] = '\0';
	event(EVENTS_STARTED, 5, "five", NULL);
	check_said("");
	/* Much sooner than it would be looked anyway. */
	now = wants(WATCHPLAN_WAIT).ms;
	(void)wants(WATCHPLAN_LOOK);
	seen_of(EVENTS_DOCKER, 5, "five", "a",
	    "{\"tier\":\"db\",\"keys\":\"\"}");
	check_said("docker:five started;");
}

static void
more_rules_than_there_is_room_for_are_none(void **state)
{
	static const struct watchplan_rule many[WATCHPLAN_ITEMS_MAX + 1];

	(void)state;
	begin(0, 1, 1);
	watchplan_fini(&p);
	assert_int_equal(watchplan_init(&p, many, WATCHPLAN_ITEMS_MAX, 1),
	    ST_OK);
	watchplan_fini(&p);
	assert_int_equal(watchplan_init(&p, many, WATCHPLAN_ITEMS_MAX + 1, 1),
	    ST_TOO_LARGE);
}

static void
more_targets_than_there_is_room_for_are_told_of(void **state)
{
	static const char both[] = "{\"tier\":\"db\",\"keys\":\"\"}";
	struct watchplan_count n;

	(void)state;
	begin(2, 1, 4);
	for (int i = 1; i <= WATCHPLAN_ITEMS_MAX; i++) {
		event(EVENTS_STARTED, i, "x", both);
		check_said("docker:x started;");
	}
	event(EVENTS_STARTED, 100000, "x", both);
	check_said("x too-many;");
	watchplan_count(&p, &n);
	assert_int_equal(n.targets, WATCHPLAN_ITEMS_MAX);
	event(EVENTS_STOPPED, 17, "x", both);
	event(EVENTS_STARTED, 100000, "x", both);
	check_said("docker:x stopped;docker:x started;");
}

static void
no_more_loads_than_jobs_and_all_have_their_turn(void **state)
{
	static const char both[] = "{\"tier\":\"db\",\"keys\":\"\"}";
	bool had[10] = { false };
	size_t at[10];

	(void)state;
	begin(2, 1, 3);
	follow();
	seen_of(EVENTS_DOCKER, 0, "", "", NO_LABEL);
	for (int i = 1; i <= 10; i++)
		event(EVENTS_STARTED, i, "x", both);
	for (int i = 0; i < 10; i++) {
		if (i >= 3) {
			assert_int_equal(next().act, WATCHPLAN_WAIT);
			(void)watchplan_loaded(&p, at[i - 3], WATCHPLAN_DONE,
			    now);
		}
		at[i] = wants(WATCHPLAN_LOAD).item;
		assert_false(had[at[i]]);
		had[at[i]] = true;
	}
}

static void
one_that_starts_all_the_time_does_not_keep_others_waiting(void **state)
{
	size_t last = SIZE_MAX, at;

	(void)state;
	begin(0, 2, 1);
	follow();
	seen(0, "", "");
	event(EVENTS_STARTED, 1, "web", NO_LABEL);
	event(EVENTS_STARTED, 2, "two", NO_LABEL);
	for (int i = 0; i < 10; i++) {
		at = wants(WATCHPLAN_LOAD).item;
		assert_true(at != last);
		last = at;
		event(EVENTS_STARTED, at == 0 ? 1 : 2, at == 0 ? "web" :
		    "two", NO_LABEL);
		(void)watchplan_loaded(&p, at, WATCHPLAN_DONE, now);
	}
}

static void
other_keys_are_loaded_everywhere(void **state)
{
	(void)state;
	web_is_loaded();
	watchplan_reload(&p, now);
	(void)wants(WATCHPLAN_LOAD);
	/* While a load of the old ones runs, too. */
	watchplan_reload(&p, now);
	assert_int_equal(next().act, WATCHPLAN_WAIT);
	(void)watchplan_loaded(&p, 0, WATCHPLAN_REFUSED, now);
	(void)wants(WATCHPLAN_LOAD);
	(void)watchplan_loaded(&p, 0, WATCHPLAN_REFUSED, now);
	watchplan_reload(&p, now);
	(void)wants(WATCHPLAN_LOAD);
	event(EVENTS_STOPPED, 1, "web", NO_LABEL);
	(void)watchplan_loaded(&p, 0, WATCHPLAN_DONE, now);
	watchplan_reload(&p, now);
	assert_int_equal(next().act, WATCHPLAN_WAIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_runs_is_loaded_once),
		cmocka_unit_test(what_does_not_run_is_waited_for),
		cmocka_unit_test(each_start_is_a_load),
		cmocka_unit_test(a_storm_of_starts_is_one_load_more),
		cmocka_unit_test(
		    a_failed_load_is_tried_again_more_and_more_rarely),
		cmocka_unit_test(what_is_refused_waits_for_a_start),
		cmocka_unit_test(
		    a_load_of_what_stopped_meanwhile_says_nothing),
		cmocka_unit_test(a_look_finds_what_no_event_told),
		cmocka_unit_test(
		    an_event_is_newer_than_a_look_that_began_before),
		cmocka_unit_test(another_container_is_another_start),
		cmocka_unit_test(
		    what_stopped_during_a_look_is_looked_at_again),
		cmocka_unit_test(
		    what_is_not_understood_is_looked_at_but_not_all_the_time),
		cmocka_unit_test(a_rename_is_looked_at),
		cmocka_unit_test(a_look_that_fails_is_tried_again),
		cmocka_unit_test(
		    a_lost_engine_is_followed_again_more_and_more_rarely),
		cmocka_unit_test(
		    after_a_gap_only_what_was_started_in_it_is_loaded),
		cmocka_unit_test(
		    a_start_that_no_look_has_seen_is_doubted_after_a_gap),
		cmocka_unit_test(what_failed_is_tried_when_its_engine_is_back),
		cmocka_unit_test(nothing_is_loaded_while_its_engine_is_lost),
		cmocka_unit_test(labels_make_and_unmake_targets),
		cmocka_unit_test(unknown_labels_are_looked_at),
		cmocka_unit_test(
		    labels_that_were_not_told_are_looked_at),
		cmocka_unit_test(
		    more_rules_than_there_is_room_for_are_none),
		cmocka_unit_test(
		    more_targets_than_there_is_room_for_are_told_of),
		cmocka_unit_test(
		    no_more_loads_than_jobs_and_all_have_their_turn),
		cmocka_unit_test(
		    one_that_starts_all_the_time_does_not_keep_others_waiting),
		cmocka_unit_test(other_keys_are_loaded_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
