/*
 * What engines print of their containers: what is taken from it, what is not,
 * and lines of any length in pieces of any length.
 */

#include "provision/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define ID		"0123456789abcdef0123456789abcdef" \
			"0123456789abcdef0123456789abcdef"

static struct events_event e;

static int
parse(enum events_engine engine, const char *line)
{
	int st = events_parse(engine, line, strlen(line), &e);

	if (st != ST_OK) {
		assert_null(e.root);
		assert_string_equal(e.id, "");
	}
	return st;
}

#define DOCKER(type, action, id, attributes)				\
	"{\"status\":\"" action "\",\"id\":\"" id "\",\"from\":\"x\","	\
	"\"Type\":\"" type "\",\"Action\":\"" action "\",\"Actor\":{"	\
	"\"ID\":\"" id "\",\"Attributes\":{" attributes "}},"		\
	"\"scope\":\"local\",\"time\":1,\"timeNano\":1700000000000000000}"
#define PODMAN(type, status, id, name)					\
	"{\"ID\":\"" id "\",\"Image\":\"x\",\"Name\":\"" name "\","	\
	"\"Status\":\"" status "\",\"Time\":\"2026-11-29T09:00:00Z\","	\
	"\"Type\":\"" type "\",\"Attributes\":{\"a\":\"b\"}}"
#define NERDCTL(topic, event)						\
	"{\"Timestamp\":\"2026-11-29T09:00:00Z\",\"ID\":\"\","		\
	"\"Namespace\":\"default\",\"Topic\":\"" topic "\","		\
	"\"Status\":\"start\",\"Event\":\"" event "\"}"

static void
what_matters_is_taken(void **state)
{
	static const struct {
		enum events_engine engine;
		const char	*line;
		int		 st;
		enum events_kind kind;
		const char	*name;
	} row[] = {
		{ EVENTS_DOCKER, DOCKER("container", "start", ID,
		    "\"name\":\"web\""), ST_OK, EVENTS_STARTED, "web" },
		{ EVENTS_DOCKER, DOCKER("container", "die", ID,
		    "\"name\":\"web\",\"exitCode\":\"0\""), ST_OK,
		    EVENTS_STOPPED, "web" },
		{ EVENTS_DOCKER, DOCKER("container", "rename", ID,
		    "\"name\":\"web\",\"oldName\":\"/x\""), ST_OK,
		    EVENTS_RENAMED, "web" },
		{ EVENTS_DOCKER, DOCKER("container", "start", ID, ""), ST_OK,
		    EVENTS_STARTED, "" },
		{ EVENTS_DOCKER, DOCKER("container", "exec_start: sh", ID, ""),
		    ST_NOT_FOUND, 0, "" },
		{ EVENTS_DOCKER, DOCKER("network", "start", ID, ""),
		    ST_NOT_FOUND, 0, "" },
		{ EVENTS_DOCKER, DOCKER("container", "started", ID, ""),
		    ST_NOT_FOUND, 0, "" },
		{ EVENTS_PODMAN, PODMAN("container", "start", ID, "web"),
		    ST_OK, EVENTS_STARTED, "web" },
		{ EVENTS_PODMAN, PODMAN("container", "died", ID, "web"),
		    ST_OK, EVENTS_STOPPED, "web" },
		{ EVENTS_PODMAN, PODMAN("container", "exec_died", ID, "web"),
		    ST_NOT_FOUND, 0, "" },
		{ EVENTS_PODMAN, PODMAN("pod", "start", ID, "web"),
		    ST_NOT_FOUND, 0, "" },
		{ EVENTS_NERDCTL, NERDCTL("/tasks/start",
		    "{\\\"container_id\\\":\\\"" ID "\\\",\\\"pid\\\":7}"),
		    ST_OK, EVENTS_STARTED, "" },
		{ EVENTS_NERDCTL, NERDCTL("/tasks/exit",
		    "{\\\"container_id\\\":\\\"" ID "\\\",\\\"id\\\":\\\"" ID
		    "\\\"}"), ST_OK, EVENTS_STOPPED, "" },
		/* The end of what was run in it is not its own. */
		{ EVENTS_NERDCTL, NERDCTL("/tasks/exit",
		    "{\\\"container_id\\\":\\\"" ID "\\\",\\\"id\\\":\\\"x"
		    "\\\"}"), ST_NOT_FOUND, 0, "" },
		{ EVENTS_NERDCTL, NERDCTL("/tasks/exec-started",
		    "{\\\"container_id\\\":\\\"" ID "\\\"}"), ST_NOT_FOUND, 0,
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		if (parse(row[i].engine, row[i].line) != row[i].st)
			fail_msg("row %zu: %s", i, row[i].line);
		if (row[i].st != ST_OK)
			continue;
		assert_int_equal(e.kind, row[i].kind);
		assert_string_equal(e.id, ID);
		assert_string_equal(e.name, row[i].name);
		events_fini(&e);
		events_fini(&e);
	}
}

static void
what_an_engine_does_not_print_is_malformed(void **state)
{
	static const char *const line[] = {
		"", "x", "1", "null", "[]", "{}", "{", "\"start\"",
		"{\"Type\":\"container\"}",
		"{\"Type\":1,\"Action\":\"start\"}",
		"{\"Type\":\"container\",\"Action\":\"start\"}",
		"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":[]}",
		DOCKER("container", "start", "", ""),
		DOCKER("container", "start", "0123456789a", ""),
		DOCKER("container", "start", ID "0", ""),
		DOCKER("container", "start", "0123456789aB", ""),
		DOCKER("container", "start", "0123456789a/", ""),
		DOCKER("container", "start", "../../../../", ""),
		DOCKER("container", "start", "-----------0", ""),
		DOCKER("container", "start", ID, "") " x",
		DOCKER("container", "start", "0123456789ab\\u0000", ""),
		"{\"Status\":\"start\",\"Type\":\"container\"}",
		"{\"Topic\":\"/tasks/start\"}",
		"{\"Topic\":\"/tasks/start\",\"Event\":\"\"}",
		"{\"Topic\":\"/tasks/start\",\"Event\":\"[]\"}",
		"{\"Topic\":\"/tasks/start\",\"Event\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(line); i++)
		for (int engine = 0; engine < EVENTS_ENGINES; engine++)
			if (parse((enum events_engine)engine, line[i]) !=
			    ST_MALFORMED)
				fail_msg("%s: %s", events_engine_name(
				    (enum events_engine)engine), line[i]);
}

static void
names_that_no_target_has_are_none(void **state)
{
	static const struct {
		const char	*name, *taken;
	} row[] = {
		{ "web", "web" },
		{ "/web", "web" },
		{ "a.b_c-D9", "a.b_c-D9" },
		{ "", "" }, { "/", "" }, { "//web", "" }, { "-web", "" },
		{ ".web", "" }, { "_web", "" }, { "we b", "" },
		{ "w\\u0000eb", "" }, { "w\\u001beb", "" }, { "web;x", "" },
		{ "w\\u00e9b", "" },
	};
	char line[4096];

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		(void)snprintf(line, sizeof(line), DOCKER("container", "start",
		    ID, "\"name\":\"%s\""), row[i].name);
		/* A NUL is no JSON that is taken. */
		if (strstr(row[i].name, "u0000") != NULL) {
			assert_int_equal(parse(EVENTS_DOCKER, line),
			    ST_MALFORMED);
			continue;
		}
		assert_int_equal(parse(EVENTS_DOCKER, line), ST_OK);
		assert_string_equal(e.name, row[i].taken);
		events_fini(&e);
	}
	for (size_t len = TARGET_NAME_MAX; len <= TARGET_NAME_MAX + 1; len++) {
		(void)snprintf(line, sizeof(line), DOCKER("container", "start",
		    ID, "\"name\":\"%0*d\""), (int)len, 0);
		assert_int_equal(parse(EVENTS_DOCKER, line), ST_OK);
		assert_int_equal(strlen(e.name), len == TARGET_NAME_MAX ?
		    len : 0);
		events_fini(&e);
	}
}

static void
lengths_of_an_id_have_limits(void **state)
{
	char line[1024];

	(void)state;
	for (size_t len = 0; len <= EVENTS_ID_MAX + 1; len++) {
		(void)snprintf(line, sizeof(line), "{\"Type\":\"container\","
		    "\"Action\":\"start\",\"Actor\":{\"ID\":\"%.*s\"}}",
		    (int)len, ID "00");
		assert_int_equal(parse(EVENTS_DOCKER, line), len >=
		    EVENTS_ID_MIN && len <= EVENTS_ID_MAX ? ST_OK :
		    ST_MALFORMED);
		events_fini(&e);
	}
}

static void
labels_are_told_apart(void **state)
{
	static const struct {
		const char	*label;
		enum events_has	 has;
	} row[] = {
		{ "a", EVENTS_HAS }, { "a=b", EVENTS_HAS },
		{ "a=", EVENTS_HAS_NOT }, { "a=c", EVENTS_HAS_NOT },
		{ "a=bc", EVENTS_HAS_NOT }, { "b", EVENTS_HAS_NOT },
		{ "", EVENTS_HAS_NOT }, { "empty", EVENTS_HAS },
		{ "empty=", EVENTS_HAS }, { "e", EVENTS_HAS_NOT },
		{ "eq=x=y", EVENTS_HAS }, { "eq=x", EVENTS_HAS_NOT },
		/* docker has put its own there. */
		{ "name", EVENTS_UNKNOWN }, { "image=x", EVENTS_UNKNOWN },
		{ "names", EVENTS_HAS_NOT },
	};

	(void)state;
	assert_int_equal(parse(EVENTS_DOCKER, DOCKER("container", "start", ID,
	    "\"a\":\"b\",\"empty\":\"\",\"eq\":\"x=y\",\"n\":1,"
	    "\"name\":\"web\"")), ST_OK);
	for (size_t i = 0; i < LENGTH(row); i++)
		if (events_has_label(&e, row[i].label) != row[i].has)
			fail_msg("%s", row[i].label);
	assert_int_equal(events_has_label(&e, "n"), EVENTS_HAS_NOT);
	events_fini(&e);
	assert_int_equal(parse(EVENTS_NERDCTL, NERDCTL("/tasks/start",
	    "{\\\"container_id\\\":\\\"" ID "\\\"}")), ST_OK);
	assert_int_equal(events_has_label(&e, "a"), EVENTS_UNKNOWN);
	events_fini(&e);
}

/* --- what runs ------------------------------------------------------------ */

#define RUNS(running, pid, began, labels)				\
	"{\"Id\":\"" ID "\",\"Name\":\"/web\",\"Running\":" running ","	\
	"\"Pid\":" pid "," began "\"Labels\":" labels "}"

static void
what_runs_is_told_by_its_start(void **state)
{
	static const struct {
		const char	*line;
		int		 st;
		const char	*start;
	} row[] = {
		{ RUNS("true", "7", "\"StartedAt\":\"x\",", "{}"), ST_OK,
		    "7 x" },
		{ RUNS("true", "7", "", "null"), ST_OK, "7 " },
		{ RUNS("false", "0", "", "{}"), ST_NOT_FOUND, NULL },
		/* It waits to be started again. */
		{ RUNS("true", "0", "", "{}"), ST_NOT_FOUND, NULL },
		{ RUNS("true", "-1", "", "{}"), ST_NOT_FOUND, NULL },
		{ RUNS("1", "7", "", "{}"), ST_MALFORMED, NULL },
		{ RUNS("true", "\"7\"", "", "{}"), ST_MALFORMED, NULL },
		{ "{}", ST_MALFORMED, NULL },
		{ "", ST_MALFORMED, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		if (events_parse_runs(EVENTS_DOCKER, row[i].line,
		    strlen(row[i].line), &e) != row[i].st)
			fail_msg("%s", row[i].line);
		if (row[i].st != ST_OK)
			continue;
		assert_string_equal(e.start, row[i].start);
		assert_string_equal(e.name, "web");
		assert_int_equal(events_has_label(&e, "name"),
		    EVENTS_HAS_NOT);
		events_fini(&e);
	}
}

static void
the_time_of_a_start_has_a_limit(void **state)
{
	char line[1024];

	(void)state;
	for (int len = EVENTS_START_MAX / 2; len <= EVENTS_START_MAX / 2 + 1;
	    len++) {
		(void)snprintf(line, sizeof(line), RUNS("true",
		    "9223372036854775807", "\"StartedAt\":\"%0*d\",", "{}"),
		    len, 0);
		assert_int_equal(events_parse_runs(EVENTS_DOCKER, line,
		    strlen(line), &e), len == EVENTS_START_MAX / 2 ? ST_OK :
		    ST_MALFORMED);
		events_fini(&e);
	}
}

/* --- lines ---------------------------------------------------------------- */

static struct events_lines lines;
static char said[4096];
static size_t n_said, longest;

static void
each(const char *line, size_t len, void *arg)
{
	size_t at = strlen(said);

	assert_ptr_equal(arg, said);
	n_said++;
	longest = len > longest ? len : longest;
	if (len < 64)
		(void)snprintf(said + at, sizeof(said) - at, "[%.*s]",
		    (int)len, line);
}

static int
put(const char *p, size_t n)
{
	return events_lines_put(&lines, p, n, each, said);
}

static void
clear(void)
{
	memset(&lines, 0, sizeof(lines));
	said[0] = '\0';
	n_said = longest = 0;
}

static void
lines_come_in_any_pieces(void **state)
{
	static const char text[] = "a\nbc\n\n\ndef\n\0g\nrest";

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		clear();
		for (size_t at = 0; at < sizeof(text) - 1; at += piece)
			assert_int_equal(put(text + at,
			    sizeof(text) - 1 - at < piece ?
			    sizeof(text) - 1 - at : piece), ST_OK);
		assert_string_equal(said, "[a][bc][def][]");
		assert_int_equal(n_said, 4);
		assert_int_equal(put("\n", 1), ST_OK);
		assert_int_equal(n_said, 5);
	}
}

static void
a_line_that_is_too_long_is_passed_over(void **state)
{
	char *big = malloc(EVENTS_LINE_MAX + 2);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', EVENTS_LINE_MAX + 2);
	for (size_t len = EVENTS_LINE_MAX; len <= EVENTS_LINE_MAX + 1; len++) {
		clear();
		assert_int_equal(put(big, len), ST_OK);
		assert_int_equal(put("\nb\n", 3), ST_OK);
		assert_int_equal(longest, len == EVENTS_LINE_MAX ? len : 1);
		assert_int_equal(lines.lost, len != EVENTS_LINE_MAX);
		assert_string_equal(said, "[b]");
	}
	free(big);
}

static void
a_line_without_an_end_is_no_line(void **state)
{
	static char big[64 * 1024];
	size_t sum = 0;

	(void)state;
	clear();
	memset(big, 'x', sizeof(big));
	for (; sum < EVENTS_SKIP_MAX; sum += sizeof(big))
		assert_int_equal(put(big, sizeof(big)), ST_OK);
	assert_int_equal(put(big, 1), ST_TOO_LARGE);
	assert_int_equal(n_said, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_matters_is_taken),
		cmocka_unit_test(what_an_engine_does_not_print_is_malformed),
		cmocka_unit_test(names_that_no_target_has_are_none),
		cmocka_unit_test(lengths_of_an_id_have_limits),
		cmocka_unit_test(labels_are_told_apart),
		cmocka_unit_test(what_runs_is_told_by_its_start),
		cmocka_unit_test(the_time_of_a_start_has_a_limit),
		cmocka_unit_test(lines_come_in_any_pieces),
		cmocka_unit_test(a_line_that_is_too_long_is_passed_over),
		cmocka_unit_test(a_line_without_an_end_is_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
