/*
 * Which targets the words of a command line stand for.  The engine is a script
 * that answers out of files: what ps says of a label is in "ps.LABEL", and what
 * it says of a service in "service" and "service.self".
 */

#include "provision/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/text.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define SERVICE		"ps.com.docker.swarm.service.name="
#define DAEMON		"Error response from daemon: "

static char why[EXPAND_WHY_MAX];
static char dir[64];
static struct provision_options opts;
static struct expand e;
static char joined[4096];

/* Put a text into a file of the folder. */
static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

static void
put_engine(const char *name)
{
	put(name, "#!/bin/sh\n"
	    "cd \"${0%/*}\" && echo \"$*\" >>asked\n"
	    "case $1 in\n"
	    "ps) f=ps.${3#--filter=label=}; [ -n \"$3\" ] || f=ps\n"
	    "[ \"$2\" = '--format={{.ID}} {{.Names}}' ] || exit 9 ;;\n"
	    "service) f=service\n"
	    "case \"$*\" in *node=self*) f=service.self ;; esac ;;\n"
	    "esac\n"
	    "[ ! -e \"$f.bad\" ] || { /bin/cat \"$f.bad\" >&2; exit 1; }\n"
	    "[ ! -e \"$f\" ] || /bin/cat \"$f\"\n");
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/expand.XXXXXX");
	assert_non_null(mkdtemp(dir));
	put_engine("docker");
	opts = (struct provision_options){ .engine = "docker", .time_s = 60 };
	log_open("test", LOG_LEVEL_ERROR, 0);
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	expand_fini(&e);
	expand_fini(&e);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* Expand; all names are in ${joined}. */
static enum session_code
run(void)
{
	enum session_code code;
	struct text t;

	expand_fini(&e);
	code = expand(&opts, dir, &e, why);
	text_init(&t, joined, sizeof(joined));
	for (size_t i = 0; i < e.n; i++) {
		struct target typed;
		char said[256];

		text_addf(&t, "%s%s", i > 0 ? " " : "", e.names[i]);
		assert_int_equal(target_parse(e.names[i], &typed, said,
		    sizeof(said)), ST_OK);
		assert_true(target_same(&typed, &e.targets[i]));
	}
	assert_true((code == SESSION_DONE) == (why[0] == '\0'));
	for (const char *p = why; *p != '\0'; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	return code;
}

/* The same of these words. */
static enum session_code
words(const char *one, const char *two)
{
	static char *list[2];

	list[0] = (char *)(uintptr_t)one;
	list[1] = (char *)(uintptr_t)two;
	opts.targets = list;
	opts.n_targets = two != NULL ? 2 : 1;
	return run();
}

static void
words_stand_for_themselves(void **state)
{
	(void)state;
	assert_int_equal(words("web", "kubectl:a/b/c"), SESSION_DONE);
	assert_string_equal(joined, "web kubectl:a/b/c");
	assert_int_equal(words("local", "exec:sudo x"), SESSION_DONE);
	assert_string_equal(joined, "local exec:sudo x");
	assert_int_equal(words("web", "no:such"), SESSION_USAGE);
	assert_non_null(strstr(why, "is no target"));
	assert_int_equal(words("web", "docker:web"), SESSION_USAGE);
	assert_string_equal(why, "docker:web is the same target as web: name "
	    "it once");
}

static void
all_is_what_runs(void **state)
{
	opts.all = true;
	(void)state;
	put("ps", "0a1b web\n0a1c other\n");
	assert_int_equal(run(), SESSION_DONE);
	assert_string_equal(joined, "docker:web docker:other");
	put("ps", "");
	assert_int_equal(run(), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "no container runs in docker"));
	put_engine("podman");
	put("ps", "0a1b web\n");
	opts.engine = "podman";
	assert_int_equal(run(), SESSION_DONE);
	assert_string_equal(joined, "podman:web");
	assert_int_equal(e.targets[0].kind, TARGET_PODMAN);
	opts.engine = "nerdctl";
	assert_int_equal(run(), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "nerdctl is not in PATH"));
	put_engine("nerdctl");
	assert_int_equal(run(), SESSION_DONE);
	assert_string_equal(joined, "nerdctl:web");
}

static void
all_labels_must_hold(void **state)
{
	(void)state;
	opts.all = true;
	opts.labels[0] = "a";
	opts.labels[1] = "b=1";
	opts.labels[2] = "c";
	put("ps.a", "01 x\n02 y\n03 z\n");
	put("ps.b=1", "04 w\n03 z\n02 y\n");
	put("ps.c", "02 y\n01 x\n02 y\n");
	opts.n_labels = 1;
	assert_int_equal(run(), SESSION_DONE);
	assert_string_equal(joined, "docker:x docker:y docker:z");
	opts.n_labels = 2;
	assert_int_equal(run(), SESSION_DONE);
	assert_string_equal(joined, "docker:y docker:z");
	opts.n_labels = 3;
	assert_int_equal(run(), SESSION_DONE);
	assert_string_equal(joined, "docker:y");
	put("ps.c", "01 x\n");
	assert_int_equal(run(), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "all of these labels, a"));
	opts.n_labels = 1;
	put("ps.a", "");
	assert_int_equal(run(), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "has the label a:"));
}

static void
names_of_engines_are_looked_at(void **state)
{
	static const struct {
		const char	*said;
		const char	*names;		/* NULL: refused */
	} row[] = {
		{ "0f web\n", "docker:web" },
		{ "0f web", "docker:web" },
		{ "0f web\r\n", "docker:web" },
		{ "0f web,other/alias\n", "docker:web" },
		{ "0f other/alias,web\n", "docker:web" },
		{ "0f \n", "docker:0f" },
		{ "0f\n", "docker:0f" },
		{ "0f web\n0e web\n", "docker:web" },
		{ "\n", NULL },
		{ "0f web\n\n", NULL },
		{ "0f ../web\n", NULL },
		{ "0f --privileged\n", NULL },
		{ "0f web x\n", NULL },
		{ "0f w\x1b[2Jeb\n", NULL },
		{ "-x \n", NULL },
		{ "0f ,\n", NULL },
		{ "<html>\n", NULL },
	};
	char line[2048];

	(void)state;
	opts.all = true;
	for (size_t i = 0; i < LENGTH(row); i++) {
		put("ps", row[i].said);
		if (row[i].names == NULL) {
			assert_int_equal(run(), SESSION_UNREACHABLE);
			assert_non_null(strstr(why, "is no container"));
			continue;
		}
		if (run() != SESSION_DONE)
			fail_msg("%zu: %s", i, why);
		assert_string_equal(joined, row[i].names);
	}
	/* The longest name, and one more letter. */
	memset(line, 'x', sizeof(line));
	memcpy(line, "0f ", 3);
	line[3 + TARGET_NAME_MAX] = '\0';
	put("ps", line);
	assert_int_equal(run(), SESSION_DONE);
	line[3 + TARGET_NAME_MAX] = 'x';
	line[4 + TARGET_NAME_MAX] = '\0';
	put("ps", line);
	assert_int_equal(run(), SESSION_UNREACHABLE);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	put("ps", line);
	assert_int_equal(run(), SESSION_UNREACHABLE);
}

static void
most_targets_are_met_and_not_passed(void **state)
{
	static char list[(EXPAND_MAX + 1) * 16];
	size_t n = 0;

	(void)state;
	opts.all = true;
	for (size_t i = 0; i < EXPAND_MAX; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n,
		    "%zu n%zu\n", i, i);
	put("ps", list);
	assert_int_equal(run(), SESSION_DONE);
	assert_int_equal(e.n, EXPAND_MAX);
	(void)snprintf(list + n, sizeof(list) - n, "x x\n");
	put("ps", list);
	assert_int_equal(run(), SESSION_USAGE);
	assert_non_null(strstr(why, "more than 1024 targets"));
}

static void
service_is_its_tasks_here(void **state)
{
	(void)state;
	put(SERVICE "web", "01 web.1.abc\n02 web.2.def\n");
	put("service", "here\nhere\n");
	put("service.self", "here\nhere\n");
	assert_int_equal(words("swarm:web", NULL), SESSION_DONE);
	assert_string_equal(joined, "docker:web.1.abc docker:web.2.def");
	assert_int_equal(words("docker:web.2.def", "swarm:web"), SESSION_DONE);
	assert_string_equal(joined, "docker:web.2.def docker:web.1.abc");
	/* Only a manager knows of others. */
	put("service.bad", DAEMON "This node is not a swarm manager.\n");
	assert_int_equal(words("swarm:web", "local"), SESSION_DONE);
	assert_string_equal(joined, "docker:web.1.abc docker:web.2.def local");
}

static void
service_without_tasks_here_is_told_of(void **state)
{
	(void)state;
	assert_int_equal(words("swarm:web", NULL), SESSION_UNREACHABLE);
	assert_string_equal(why, "no task of service web runs on this node: "
	    "\"docker service ps web\", on a manager, shows where they are; "
	    "run this there");
	put("service", "b\nc\nb\n\x1b[2J\nd\ne\nf\n");
	assert_int_equal(words("swarm:web", NULL), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "on this node, but on b, c, \\x1b[2J, d, "
	    "...: "));
	put("service", "a\na\nb\n");
	put("service.self", "a\na\n");
	assert_int_equal(words("swarm:web", NULL), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "on this node, but on b: "));
	put("service.bad", DAEMON "This node is not a swarm manager.\n");
	assert_int_equal(words("swarm:web", NULL), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "runs on this node: "));
	put("service.bad", "no such service: web\n");
	assert_int_equal(words("swarm:web", NULL), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "there is no service web"));
}

static void
names_of_services_are_looked_at(void **state)
{
	static const char *const bad[] = { "swarm:", "swarm:-x", "swarm:a b",
		"swarm:a=b", "swarm:a,b", "swarm:\x1b" };
	char word[sizeof("swarm:") + EXPAND_SERVICE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(words(bad[i], NULL), SESSION_USAGE);
		assert_non_null(strstr(why, "a service has a name"));
	}
	memset(word, 'x', sizeof(word));
	memcpy(word, "swarm:", 6);
	word[6 + EXPAND_SERVICE_MAX] = '\0';
	assert_int_equal(words(word, NULL), SESSION_UNREACHABLE);
	word[6 + EXPAND_SERVICE_MAX] = 'x';
	word[7 + EXPAND_SERVICE_MAX] = '\0';
	assert_int_equal(words(word, NULL), SESSION_USAGE);
}

static void
engine_that_fails_is_told_of(void **state)
{
	(void)state;
	opts.all = true;
	put("ps.bad", "Cannot connect to the Docker daemon at unix:///x. Is "
	    "the docker daemon running?\n");
	assert_int_equal(run(), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "docker does not answer: Cannot connect"));
	assert_non_null(strstr(why, "\"docker ps\" must work"));
	put("docker", "#!/bin/sh\nexec sleep 60\n");
	opts.time_s = 1;
	assert_int_equal(run(), SESSION_UNREACHABLE);
	assert_non_null(strstr(why, "cannot ask docker"));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_stand_for_themselves),
		TEST(all_is_what_runs),
		TEST(all_labels_must_hold),
		TEST(names_of_engines_are_looked_at),
		TEST(most_targets_are_met_and_not_passed),
		TEST(service_is_its_tasks_here),
		TEST(service_without_tasks_here_is_told_of),
		TEST(names_of_services_are_looked_at),
		TEST(engine_that_fails_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
