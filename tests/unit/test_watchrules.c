/*
 * What the words of watch mean: whom it follows, whom it cannot follow, and
 * what an engine is asked for them.
 */

#include "provision/watchrules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

static struct watchrules r;
static char why[WATCHRULES_WHY_MAX];

static int
make(const char *const *words, size_t n)
{
	static char *copy[WATCHRULES_MAX + 1];
	const struct provision_options o = { .targets = copy,
		.n_targets = n };

	for (size_t i = 0; i < n; i++)
		copy[i] = (char *)(uintptr_t)words[i];
	watchrules_fini(&r);
	return watchrules_make(&o, &r, why);
}

static int
make_one(const char *word)
{
	return make(&word, 1);
}

static int
teardown(void **state)
{
	(void)state;
	watchrules_fini(&r);
	watchrules_fini(&r);
	return 0;
}

static void
targets_are_rules(void **state)
{
	static const struct {
		const char	*word;
		enum events_engine engine;
		const char	*name, *label;
	} row[] = {
		{ "web", EVENTS_DOCKER, "web", NULL },
		{ "docker:local", EVENTS_DOCKER, "local", NULL },
		{ "podman:web", EVENTS_PODMAN, "web", NULL },
		{ "nerdctl:web", EVENTS_NERDCTL, "web", NULL },
		{ "swarm:api", EVENTS_DOCKER, NULL,
		    "com.docker.swarm.service.name=api" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		assert_int_equal(make_one(row[i].word), ST_OK);
		assert_int_equal(r.n, 1);
		assert_int_equal(r.rules[0].engine, row[i].engine);
		assert_string_equal(r.rules[0].said, row[i].word);
		assert_int_equal(r.n_lists[row[i].engine], 1);
		if (row[i].name != NULL) {
			assert_int_equal(r.rules[0].means, WATCHPLAN_NAME);
			assert_string_equal(r.rules[0].name, row[i].name);
			assert_string_equal(
			    r.lists[row[i].engine][0].names[0], row[i].name);
		} else {
			assert_int_equal(r.rules[0].means, WATCHPLAN_LABELS);
			assert_int_equal(r.rules[0].n_labels, 1);
			assert_string_equal(r.rules[0].labels[0],
			    row[i].label);
			assert_null(r.lists[row[i].engine][0].names);
		}
	}
}

static void
what_tells_of_nothing_is_no_rule(void **state)
{
	static const struct {
		const char	*word;
		int		 st;
		const char	*says;
	} row[] = {
		{ "local", ST_UNSUPPORTED, "bottle-provision load" },
		{ "exec:env", ST_UNSUPPORTED, "bottle-provision load" },
		{ "kubectl:a/b/c", ST_UNSUPPORTED, "does not follow pods" },
		{ "swarm:", ST_MALFORMED, "docker service ls" },
		{ "swarm:-x", ST_MALFORMED, "docker service ls" },
		{ "swarm:a b", ST_MALFORMED, "docker service ls" },
		{ "docker:", ST_MALFORMED, "missing" },
		{ "x:y", ST_MALFORMED, "no target" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		assert_int_equal(make_one(row[i].word), row[i].st);
		if (strstr(why, row[i].says) == NULL)
			fail_msg("%s: %s", row[i].word, why);
	}
}

static void
nobody_is_followed_twice(void **state)
{
	const char *const twice[][2] = { { "web", "docker:web" },
		{ "podman:web", "podman:web" },
		{ "swarm:api", "swarm:api" } };
	const char *const both[][2] = { { "web", "podman:web" }, { "web", "web2" },
		{ "api", "swarm:api" } };

	(void)state;
	for (size_t i = 0; i < LENGTH(twice); i++) {
		assert_int_equal(make(twice[i], 2), ST_MALFORMED);
		assert_non_null(strstr(why, "name it once"));
	}
	for (size_t i = 0; i < LENGTH(both); i++) {
		assert_int_equal(make(both[i], 2), ST_OK);
		assert_int_equal(r.n, 2);
	}
}

static void
all_needs_a_label(void **state)
{
	struct provision_options o = { .all = true, .engine = "podman" };

	(void)state;
	watchrules_fini(&r);
	assert_int_equal(watchrules_make(&o, &r, why), ST_MALFORMED);
	o.labels[o.n_labels++] = "a=b";
	o.labels[o.n_labels++] = "c";
	watchrules_fini(&r);
	assert_int_equal(watchrules_make(&o, &r, why), ST_OK);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.rules[0].engine, EVENTS_PODMAN);
	assert_int_equal(r.rules[0].n_labels, 2);
	assert_int_equal(r.lists[EVENTS_PODMAN][0].n_labels, 2);
	assert_int_equal(r.n_lists[EVENTS_DOCKER], 0);
}

static void
names_of_an_engine_are_asked_for_at_once(void **state)
{
	const char *const words[] = { "a", "swarm:s", "b", "podman:c" };

	(void)state;
	assert_int_equal(make(words, LENGTH(words)), ST_OK);
	assert_int_equal(r.n_lists[EVENTS_DOCKER], 2);
	assert_int_equal(r.lists[EVENTS_DOCKER][1].n_names, 2);
	assert_int_equal(r.n_lists[EVENTS_PODMAN], 1);
	assert_int_equal(r.n_lists[EVENTS_NERDCTL], 0);
}

static void
how_many_has_a_limit(void **state)
{
	static char text[WATCHRULES_MAX + 1][16];
	static const char *words[WATCHRULES_MAX + 1];

	(void)state;
	for (size_t i = 0; i <= WATCHRULES_MAX; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "c%zu", i);
		words[i] = text[i];
	}
	assert_int_equal(make(words, WATCHRULES_MAX), ST_OK);
	assert_int_equal(make(words, WATCHRULES_MAX + 1), ST_TOO_LARGE);
}

static void
a_long_word_is_shown_cut(void **state)
{
	char word[2048], shown[256];

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	/* What cannot be followed. */
	memcpy(word, "exec:/", 6);
	assert_int_not_equal(make_one(word), ST_OK);
	assert_non_null(strstr(why, "xxx..."));
	assert_null(strstr(why, word));
	(void)snprintf(shown, sizeof(shown), "%.36s", word);
	assert_non_null(strstr(why, shown));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_rules),
		cmocka_unit_test(what_tells_of_nothing_is_no_rule),
		cmocka_unit_test(nobody_is_followed_twice),
		cmocka_unit_test(all_needs_a_label),
		cmocka_unit_test(names_of_an_engine_are_asked_for_at_once),
		cmocka_unit_test(how_many_has_a_limit),
		cmocka_unit_test(a_long_word_is_shown_cut),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
