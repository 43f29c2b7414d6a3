/*
 * How our programs are run: the words that it takes, whom the script trusts in
 * each shell that it may meet, and what is made of how it ends.
 */

#include "provision/launch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "provision/launch_sh.h"
#include "version.h"

static char why[1024];
static char dir[64];
static struct target t;
static struct target_command cmd;

/* The shells of images; bash as it is when it is sh. */
static const struct {
	const char	*path;
	const char	*argv0;
	const char	*arg;
} shells[] = {
	{ "/usr/bin/dash", "sh", NULL },
	{ "/usr/bin/bash", "sh", NULL },
	{ "/usr/bin/busybox", "busybox", "sh" },
};

#define N_SHELLS	(sizeof(shells) / sizeof(shells[0]))

static bool
have_shell(size_t k)
{
	if (access(shells[k].path, X_OK) == 0)
		return true;
	print_message("skipped: there is no %s\n", shells[k].path);
	return false;
}

/* Below /run, since everything below /tmp is anybody's. */
static int
setup(void **state)
{
	(void)state;
	strcpy(dir, geteuid() == 0 ? "/run/launch.XXXXXX" :
	    "/tmp/launch.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	target_command_fini(&cmd);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* A shell's command in the folder. */
static void
prepare(const char *command)
{
	char line[2048];

	(void)snprintf(line, sizeof(line), "cd %s && {\n%s\n}", dir, command);
	if (system(line) != 0)
		fail_msg("%s", line);
}

/* --- who is trusted ------------------------------------------------------ */

/* A program that says what it was given. */
#define PROGRAM(path)	"echo '#!/bin/sh\nprintf ran\n" \
			"printf \" <%s>\" \"$@\"' >" path " && " \
			"chmod 755 " path "; "

static const struct {
	const char	*name;
	const char	*prepare;
	const char	*path;
	int		 code;		/* of the script */
	int		 st;		/* of launch_trust() */
	const char	*said;
} row[] = {
	{ "root's alone", "true", "a/b/p", 0, ST_OK, "ran" },
	{ "a file of another's", "chown 1000 a/b/p", "a/b/p", 126,
	    ST_UNTRUSTED, "/a/b/p: belongs to uid 1000, not to root" },
	{ "the folder another's", "chown 1000 a/b", "a/b/p", 126,
	    ST_UNTRUSTED, "/a/b: belongs to uid 1000" },
	{ "a folder above another's", "chown 1000 a", "a/b/p", 126,
	    ST_UNTRUSTED, "/a: belongs to uid 1000" },
	{ "the group alone is another", "chgrp -R 1000 a", "a/b/p", 0, ST_OK,
	    "ran" },
	{ "written by the group", "chmod 775 a/b/p", "a/b/p", 126,
	    ST_UNTRUSTED, "/a/b/p: can be written by others than root" },
	{ "written by others", "chmod 757 a/b/p", "a/b/p", 126,
	    ST_UNTRUSTED, "/a/b/p: can be written by others than root" },
	{ "a folder written by the group", "chmod 775 a/b", "a/b/p", 126,
	    ST_UNTRUSTED, "/a/b: can be written by others than root" },
	{ "a folder above written by others", "chmod 757 a", "a/b/p", 126,
	    ST_UNTRUSTED, "/a: can be written by others than root" },
	{ "a sticky folder", "chmod 1777 a", "a/b/p", 126, ST_UNTRUSTED,
	    "/a: can be written by others than root" },
	{ "set-group-id", "chmod 2755 a/b", "a/b/p", 0, ST_OK, "ran" },
	{ "a link of root's", "ln -s b a/l", "a/l/p", 0, ST_OK, "ran" },
	{ "a link to the file", "ln -s b/p a/l", "a/l", 0, ST_OK, "ran" },
	{ "an absolute link", "ln -s $PWD/a/b c", "c/p", 0, ST_OK, "ran" },
	{ "a link with dots", "ln -s ./.././a/../a/b/ a/l", "a/l/p", 126,
	    -99, ".. behind a link" },
	{ "a link to above", "ln -s ../../a/./b a/b/l", "a/b/l/p", 0, ST_OK,
	    "ran" },
	{ "a link that is ..", "ln -s .. a/b/l", "a/b/l/b/p", 0, ST_OK,
	    "ran" },
	{ "a link to a link", "ln -s b a/l; ln -s a/l c", "c/p", 0, ST_OK,
	    "ran" },
	{ "a link of another's", "ln -s b a/l; chown -h 1000 a/l", "a/l/p",
	    126, ST_UNTRUSTED, "/a/l: belongs to uid 1000" },
	{ "a link to a link of another's", "ln -s b a/l; chown -h 1000 a/l; "
	    "ln -s a/l c", "c/p", 126, ST_UNTRUSTED,
	    "/a/l: belongs to uid 1000" },
	{ "a link into a folder of another's", "mkdir h; mv a/b h; chown 1000 "
	    "h; ln -s ../h/b a/b", "a/b/p", 126, ST_UNTRUSTED,
	    "/h: belongs to uid 1000" },
	{ "by way of a folder of another's", "mkdir h; chown 1000 h; "
	    "ln -s ../a/b h/l; ln -s ../h/l a/l", "a/l/p", 126, ST_UNTRUSTED,
	    "/h: belongs to uid 1000" },
	{ "a link to a file of another's", "cp a/b/p q; chown 1000 q; "
	    "ln -sf ../../q a/b/p", "a/b/p", 126, ST_UNTRUSTED,
	    "/q: belongs to uid 1000" },
	{ "nothing", "rm a/b/p", "a/b/p", 127, ST_NOT_FOUND,
	    "/a/b/p: is not there" },
	{ "no folder", "rm -r a", "a/b/p", 127, ST_NOT_FOUND,
	    "/a/b/p: is not there" },
	{ "a link to nothing", "ln -sf q a/b/p", "a/b/p", 127, ST_NOT_FOUND,
	    "/a/b/p: is not there" },
	{ "a link to itself", "ln -sf p a/b/p", "a/b/p", 127, ST_UNTRUSTED,
	    "/a/b/p: is not there" },
	{ "a folder in its place", "rm a/b/p; mkdir a/b/p", "a/b/p", 126,
	    ST_UNTRUSTED, "/a/b/p: is not a plain file" },
	{ "a pipe in its place", "rm a/b/p; mkfifo -m 755 a/b/p", "a/b/p", 126,
	    ST_UNTRUSTED, "/a/b/p: is not a plain file" },
	{ "not executable", "chmod 644 a/b/p", "a/b/p", 126, -99,
	    "/a/b/p: cannot be executed" },
	{ "slashes", "true", "a//b///p", 0, ST_OK, "ran" },
	{ "dots", "true", "a/./b/./p", 0, ST_OK, "ran" },
};

#define N_ROWS	(sizeof(row) / sizeof(row[0]))

/* Make the tree of a row anew. */
static void
plant(size_t i)
{
	prepare("rm -rf a c h q && mkdir -p a/b; " PROGRAM("a/b/p"));
	prepare(row[i].prepare);
}

/* Run the script as ${who} in a shell, with these programs. */
static void
run_script(size_t shell, const char *who, const char *const *paths,
    struct child *c)
{
	const char *argv[32];
	size_t n = 0;
	struct child_spec spec = { .out = CHILD_KEEP, .err = CHILD_KEEP,
		.out_max = 4096, .err_max = 4096, .time_ms = 60000 };

	argv[n++] = shells[shell].argv0;
	if (shells[shell].arg != NULL)
		argv[n++] = shells[shell].arg;
	argv[n++] = "-c";
	argv[n++] = launch_sh;
	argv[n++] = "bottle-launch";
	argv[n++] = who;
	while (*paths != NULL)
		argv[n++] = *paths++;
	argv[n++] = "--";
	argv[n++] = "--load";
	argv[n++] = "a  b*";
	argv[n++] = "";
	argv[n++] = "$(id) --";
	argv[n] = NULL;
	spec.program = shells[shell].path;
	spec.argv = (char *const *)(uintptr_t)argv;
	if (child_run(c, &spec, why, sizeof(why)) != ST_OK)
		fail_msg("%s", why);
}

#define RAN	"ran <--load> <a  b*> <> <$(id) -->"

static void
script_trusts_what_is_roots_alone(void **state)
{
	char path[128];
	const char *const paths[] = { path, NULL };
	struct child c;
	size_t i, k;
	bool good;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (i = 0; i < N_ROWS; i++) {
		plant(i);
		(void)snprintf(path, sizeof(path), "%s/%s", dir, row[i].path);
		for (k = 0; k < N_SHELLS; k++) {
			if (!have_shell(k))
				continue;
			run_script(k, "root", paths, &c);
			good = c.status == row[i].code << 8 &&
			    c.out_text.p != NULL && c.err_text.len == 0;
			if (good && row[i].code == 0)
				good = strcmp(c.out_text.p, RAN) == 0;
			else if (good)
				good = strncmp(c.out_text.p,
				    "bottle-launch: /run/", 20) == 0 &&
				    strstr(c.out_text.p, row[i].said) != NULL;
			if (!good)
				fail_msg("%s, %s: %x, %s, %s", row[i].name,
				    shells[k].path, (unsigned)c.status,
				    c.out_text.p, c.err_text.p);
			child_fini(&c);
		}
	}
}

static void
this_machine_is_looked_at_in_the_same_way(void **state)
{
	char path[128], real[PATH_MAX], wanted[256];
	size_t i;
	int st;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (i = 0; i < N_ROWS; i++) {
		if (row[i].st == -99)
			continue;
		plant(i);
		(void)snprintf(path, sizeof(path), "%s/%s", dir, row[i].path);
		why[0] = '\0';
		st = launch_trust(path, real, why, sizeof(why));
		if (st != row[i].st || (st == ST_UNTRUSTED &&
		    row[i].code == 126 && strstr(why, row[i].said) == NULL))
			fail_msg("%s: %s, %s", row[i].name, status_name(st),
			    why);
		(void)snprintf(wanted, sizeof(wanted), "%s/a/b/p", dir);
		if (st == ST_OK)
			assert_string_equal(real, wanted);
	}
	plant(0);
	prepare("ln -s $PWD/a/../a/./b/ c");
	(void)snprintf(path, sizeof(path), "%s/c/p", dir);
	assert_int_equal(launch_trust(path, real, why, sizeof(why)), ST_OK);
	assert_string_equal(real, wanted);
}

static void
first_that_is_trusted_is_run(void **state)
{
	char one[128], two[128], three[128];
	const char *const paths[] = { one, two, three, NULL };
	struct child c;
	size_t k;

	(void)state;
	if (geteuid() != 0)
		skip();
	(void)snprintf(one, sizeof(one), "%s/one/p", dir);
	(void)snprintf(two, sizeof(two), "%s/two/p", dir);
	(void)snprintf(three, sizeof(three), "%s/three/p", dir);
	prepare("mkdir -p one two three; " PROGRAM("three/p")
	    "cp three/p two/p; printf '#!/bin/sh\\necho bad\\n' >one/p; "
	    "chmod 755 one/p; chown -R 1000 one");
	for (k = 0; k < N_SHELLS; k++) {
		if (!have_shell(k))
			continue;
		prepare("chown 0 two");
		run_script(k, "root", paths, &c);
		assert_string_equal(c.out_text.p, RAN);
		child_fini(&c);
		/* The user's own may be run by the user. */
		run_script(k, "user", paths, &c);
		assert_string_equal(c.out_text.p, "bad\n");
		child_fini(&c);
		/* All that are there are told of. */
		prepare("chown 1001 two; mv three other");
		run_script(k, "root", paths, &c);
		assert_int_equal(c.status, 126 << 8);
		assert_non_null(strstr(c.out_text.p, "/one: belongs to uid "
		    "1000"));
		assert_non_null(strstr(c.out_text.p, "\nbottle-launch: "));
		assert_non_null(strstr(c.out_text.p, "/two: belongs to uid "
		    "1001"));
		child_fini(&c);
		prepare("mv other three");
	}
}

static void
environment_changes_nothing(void **state)
{
	char path[128];
	const char *const paths[] = { path, NULL };
	struct child c;
	size_t k;

	(void)state;
	if (geteuid() != 0)
		skip();
	plant(1);
	prepare("mkdir bad; printf '#!/bin/sh\\necho d 1 0 0 /\\n' >bad/ls; "
	    "chmod 755 bad/ls; ln -s b a/l");
	(void)snprintf(path, sizeof(path), "%s/bad:/usr/bin:/bin", dir);
	assert_int_equal(setenv("PATH", path, 1), 0);
	(void)setenv("QUOTING_STYLE", "shell-always", 1);
	(void)setenv("TIME_STYLE", "+ /x -> /y", 1);
	(void)setenv("IFS", "/0", 1);
	for (k = 0; k < N_SHELLS; k++) {
		if (!have_shell(k))
			continue;
		(void)snprintf(path, sizeof(path), "%s/a/l/p", dir);
		run_script(k, "root", paths, &c);
		assert_int_equal(c.status, 126 << 8);
		assert_non_null(strstr(c.out_text.p, "/a/b/p: belongs to uid "
		    "1000"));
		child_fini(&c);
	}
	(void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	(void)unsetenv("QUOTING_STYLE");
	(void)unsetenv("TIME_STYLE");
	(void)unsetenv("IFS");
}

/* A few milliseconds; with much room for a machine that has other work. */
static void
a_look_is_cheap(void **state)
{
	char path[128];
	const char *const paths[] = { path, NULL };
	int64_t start;
	struct child c;
	size_t i;

	(void)state;
	if (geteuid() != 0)
		skip();
	plant(0);
	(void)snprintf(path, sizeof(path), "%s/a/b/p", dir);
	start = clock_ms();
	for (i = 0; i < 20; i++) {
		run_script(0, "root", paths, &c);
		child_fini(&c);
	}
	assert_true(clock_ms() - start < 20 * 100);
}

/* --- the words ----------------------------------------------------------- */

/* Make the command; the words are in ${out}, each between <>, and the script
 * is <S>. */
static int
command(const char *text, const struct launch *run, char *out, size_t cap)
{
	size_t n = 0;
	int st;

	assert_int_equal(target_parse(text, &t, why, sizeof(why)), ST_OK);
	target_command_fini(&cmd);
	st = launch_command(&t, run, dir, &cmd, why, sizeof(why));
	out[0] = '\0';
	if (st != ST_OK) {
		assert_null(cmd.argv);
		return st;
	}
	for (char **arg = cmd.argv; *arg != NULL; arg++)
		n += (size_t)snprintf(out + n, cap - n, "<%s>",
		    strcmp(*arg, launch_sh) == 0 ? "S" : *arg);
	return st;
}

/* Where the user has a container to himself he writes to no other. */
static void
pods_get_the_script_unless_they_are_apart(void **state)
{
	static const struct {
		const char	*target;
		const char	*bin;
		const char	*user;
		bool		 script;
	} pods[] = {
		{ "kubectl:web", NULL, NULL, true },
		{ "kubectl:web", NULL, "node", true },
		{ "kubectl:web", "/opt/x", NULL, true },
		{ "kubectl:web", "/opt/x", "node", false },
		{ "kubectl:/web/agent", "/opt/x", NULL, true },
		{ "kubectl:/web/agent/agent", "/opt/x", NULL, true },
		{ "kubectl:/web/agent/app", NULL, NULL, true },
		{ "kubectl:/web/agent/app", "/opt/x", NULL, false },
		{ "nerdctl:web", "/opt/x", NULL, true },
	};
	struct launch run = { "bottle-agent", NULL, NULL, 0, NULL };
	char words[1024];

	(void)state;
	prepare("printf '#!/bin/sh\\n' >kubectl; chmod 755 kubectl; "
	    "cp kubectl nerdctl");
	for (size_t i = 0; i < sizeof(pods) / sizeof(pods[0]); i++) {
		run.bin = pods[i].bin;
		run.user = pods[i].user;
		assert_int_equal(command(pods[i].target, &run, words,
		    sizeof(words)), ST_OK);
		if ((strstr(words, "<-c><S>") != NULL) != pods[i].script ||
		    (strstr(words, "</opt/x/bottle-agent>") != NULL) !=
		    (pods[i].bin != NULL))
			fail_msg("%zu: %s", i, words);
	}
}

static void
containers_get_the_script_or_the_program(void **state)
{
	static const char *const args[] = { "--load", "a b" };
	struct launch run = { "bottle-agent", NULL, args, 2, NULL };
	char words[1024];

	(void)state;
	prepare("printf '#!/bin/sh\\n' >docker; chmod 755 docker; "
	    "cp docker podman; cp docker sudo");
	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	assert_string_equal(words, "<docker><exec><-i><-u><0><-w></>"
	    "<web></bin/sh>"
	    "<-c><S><bottle-launch><root></usr/local/bin/bottle-agent>"
	    "</usr/bin/bottle-agent></opt/bottle-agent/bin/bottle-agent><-->"
	    "<--load><a b>");
	run.bin = "/opt/x";
	assert_int_equal(command("podman:web", &run, words, sizeof(words)),
	    ST_OK);
	assert_string_equal(words, "<podman><exec><-i><-u><0><-w></>"
	    "<web></bin/sh>"
	    "<-c><S><bottle-launch><root></opt/x/bottle-agent><--><--load>"
	    "<a b>");

	run = (struct launch){ "bottle-forward", NULL, args, 1, "node" };
	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	assert_string_equal(words, "<docker><exec><-i><-u><node><-w></>"
	    "<web></bin/sh>"
	    "<-c><S><bottle-launch><user></usr/local/bin/bottle-forward>"
	    "</usr/bin/bottle-forward></opt/bottle-agent/bin/bottle-forward>"
	    "<--><--load>");
	run.bin = "/opt/x";
	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	assert_string_equal(words, "<docker><exec><-i><-u><node><-w></><web>"
	    "</opt/x/bottle-forward><--load>");
}

static void
exec_gets_plain_words(void **state)
{
	const char *args[] = { "--load", "-a,b=c:d@e/f%g+h_i.j" };
	static const char *const bad[] = { "", "a b", "a;b", "$x", "a*", "'a'",
		"a\nb", "~", "#", "\xc3\xa9" };
	struct launch run = { "bottle-agent", NULL, args, 2, NULL };
	char words[1024];
	size_t i;

	(void)state;
	prepare("printf '#!/bin/sh\\n' >ssh; chmod 755 ssh");
	assert_int_equal(command("exec:ssh root@box", &run, words,
	    sizeof(words)), ST_OK);
	assert_string_equal(words, "<ssh><root@box>"
	    "</usr/local/bin/bottle-agent><--load><-a,b=c:d@e/f%g+h_i.j>");
	run.bin = "/opt/x";
	assert_int_equal(command("exec:ssh root@box", &run, words,
	    sizeof(words)), ST_OK);
	assert_string_equal(words, "<ssh><root@box></opt/x/bottle-agent>"
	    "<--load><-a,b=c:d@e/f%g+h_i.j>");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		args[1] = bad[i];
		if (command("exec:ssh x", &run, words, sizeof(words)) !=
		    ST_MALFORMED || strstr(why, "bottle-agent") == NULL)
			fail_msg("\"%s\" is taken", bad[i]);
	}
}

static void
bad_folders_and_too_many_arguments_are_refused(void **state)
{
	static const char *const bad[] = { "", "bin", "./bin", "/a b", "/a:b",
		"/a/../b", "/..", "/a/..", "/a\n", "/$x", "/*" };
	const char *args[LAUNCH_ARGS_MAX + 1];
	struct launch run = { "bottle-agent", NULL, args, 0, NULL };
	char words[4096], bin[LAUNCH_BIN_MAX + 2];
	size_t i;

	(void)state;
	prepare("printf '#!/bin/sh\\n' >docker; chmod 755 docker");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		run.bin = bad[i];
		if (command("web", &run, words, sizeof(words)) !=
		    ST_MALFORMED)
			fail_msg("\"%s\" is taken", bad[i]);
	}
	run.bin = "/a/..b/c../...";
	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	memset(bin, 'x', sizeof(bin));
	bin[0] = '/';
	bin[LAUNCH_BIN_MAX] = '\0';
	run.bin = bin;
	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	bin[LAUNCH_BIN_MAX] = 'x';
	bin[LAUNCH_BIN_MAX + 1] = '\0';
	assert_int_equal(command("web", &run, words, sizeof(words)),
	    ST_TOO_LARGE);

	run.bin = NULL;
	for (i = 0; i <= LAUNCH_ARGS_MAX; i++)
		args[i] = "a";
	run.nargs = LAUNCH_ARGS_MAX;
	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	run.nargs++;
	assert_int_equal(command("web", &run, words, sizeof(words)),
	    ST_TOO_LARGE);
}

static void
this_machine_runs_what_is_trusted(void **state)
{
	struct launch run = { "p", NULL, NULL, 0, NULL };
	char words[1024], bin[128], wanted[128];

	(void)state;
	if (geteuid() != 0)
		skip();
	plant(0);
	prepare("ln -s b a/l");
	(void)snprintf(bin, sizeof(bin), "%s/a/l", dir);
	(void)snprintf(wanted, sizeof(wanted), "<%s/a/b/p>", dir);
	run.bin = bin;
	assert_int_equal(command("local", &run, words, sizeof(words)), ST_OK);
	assert_string_equal(words, wanted);
	assert_false(cmd.switch_user);

	prepare("chmod 644 a/b/p");
	assert_int_equal(command("local", &run, words, sizeof(words)),
	    ST_UNTRUSTED);
	assert_non_null(strstr(why, "cannot be executed"));
	prepare("chmod 775 a/b/p");
	assert_int_equal(command("local", &run, words, sizeof(words)),
	    ST_UNTRUSTED);
	assert_non_null(strstr(why, "can be written by others"));
	assert_non_null(strstr(why, "to root alone"));
	prepare("rm a/b/p");
	assert_int_equal(command("local", &run, words, sizeof(words)),
	    ST_NOT_FOUND);
	assert_non_null(strstr(why, "--bin"));
}

/* --- how it ends --------------------------------------------------------- */

#define OCI	"OCI runtime exec failed: exec failed: unable to start " \
		"container process: exec: \"/bin/sh\": "

static void
ends_are_told_apart(void **state)
{
	static const struct {
		const char	*target;
		const char	*user, *bin;
		int		 code;
		const char	*out, *err;
		enum launch_end	 end;
		const char	*what, *advice, *said;
	} r[] = {
		{ "web", NULL, NULL, 0, "x", "", LAUNCH_RAN, "done", "", "" },
		{ "web", NULL, NULL, 4, "x", "bottle-agent: no\n", LAUNCH_RAN,
		    "status 4", "", "bottle-agent: no" },
		{ "web", NULL, NULL, 127, "bottle-launch: /usr/local/bin/"
		    "bottle-agent: is not there\n", "", LAUNCH_NO_PROGRAM,
		    "there is no bottle-agent in container web", "COPY", "/" },
		{ "web", NULL, NULL, 126, "bottle-launch: /usr/local/bin: "
		    "belongs to uid 1000, not to root\r\n", "",
		    LAUNCH_UNTRUSTED, "is not run as root: /usr/local/bin: "
		    "belongs to uid 1000, not to root", "--bin", "/usr" },
		{ "web", NULL, NULL, 126, "bottle-launch: \x1b[2J\n", "",
		    LAUNCH_UNTRUSTED, "\\x1b[2J", "", "\\x1b[2J" },
		{ "web", NULL, NULL, 126, "", "bottle-launch: 98: exec: /x: "
		    "Permission denied\n", LAUNCH_CANNOT_RUN,
		    "bottle-agent cannot be run in container web", "noexec",
		    "bottle-launch: 98" },
		{ "web", NULL, NULL, 126, OCI "stat /bin/sh: no such file or "
		    "directory: unknown\r\n", "", LAUNCH_NO_SHELL,
		    "there is no /bin/sh", "busybox", "OCI" },
		{ "web", NULL, NULL, 127, OCI "stat /bin/sh: no such file or "
		    "directory: unknown\r\n", "", LAUNCH_NO_SHELL,
		    "there is no /bin/sh", "busybox", "OCI" },
		{ "web", "node", NULL, 126, OCI "permission denied\n", "",
		    LAUNCH_NO_SHELL, "there is no /bin/sh", "", "" },
		{ "web", "node", "/opt/x", 127, OCI "stat /opt/x/bottle-agent: "
		    "no such file or directory: unknown\r\n", "",
		    LAUNCH_NO_PROGRAM, "there is no bottle-agent", "/opt/x/",
		    "OCI" },
		{ "web", "node", "/opt/x", 126, OCI "exec format error\n", "",
		    LAUNCH_CANNOT_RUN, "cannot be run", "processor", "OCI" },
		{ "web", NULL, NULL, 1, "", "Error response from daemon: No "
		    "such container: web\n", LAUNCH_UNREACHED,
		    "there is no container web", "docker ps", "Error" },
		{ "web", "bob", NULL, 126, "unable to find user bob: no "
		    "matching entries in passwd file\n", "", LAUNCH_UNREACHED,
		    "no such user", "", "unable" },
		{ "exec:ssh x", NULL, NULL, 127, "", "sh: not found\n",
		    LAUNCH_NO_PROGRAM, "there is no bottle-agent in exec:ssh",
		    "", "sh: not found" },
		/* It has run, whatever it prints. */
		{ "web", NULL, NULL, 1, "bottle-launch: /x: y\n", "",
		    LAUNCH_RAN, "status 1", "", "" },
		{ "local", NULL, NULL, 127, "bottle-launch: /x: y\n", "",
		    LAUNCH_RAN, "status 127", "", "" },
	};
	struct target_report report;
	struct launch run = { "bottle-agent", NULL, NULL, 0, NULL };
	enum launch_end end;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
		assert_int_equal(target_parse(r[i].target, &t, why,
		    sizeof(why)), ST_OK);
		run.user = r[i].user;
		run.bin = r[i].bin;
		end = launch_report(&t, &run, r[i].code << 8,
		    slice_str(r[i].out), slice_str(r[i].err), &report);
		if (end != r[i].end || strstr(report.what, r[i].what) == NULL ||
		    strstr(report.advice, r[i].advice) == NULL ||
		    strncmp(report.said, r[i].said, strlen(r[i].said)) != 0)
			fail_msg("%zu: %d, %s, %s, %s", i, (int)end,
			    report.what, report.advice, report.said);
	}
}

/* --- versions ------------------------------------------------------------ */

static void
older_is_older(void **state)
{
	unsigned major, minor, patch;
	char text[128];
	size_t i;
	static const struct {
		int		 major, minor, patch;
		const char	*behind;
		bool		 older;
	} r[] = {
		{ 0, 0, 0, "", false },
		{ 0, 0, 0, " Linux/x86_64", false },
		{ 0, 0, 0, "-rc1 x", true },
		{ 0, 0, 0, ".1 x", false },
		{ 0, 0, 1, " x", false },
		{ 0, 1, 0, " x", false },
		{ 1, 0, 0, " x", false },
		{ 0, 0, 1, "-rc1 x", false },
		{ 0, -1, 0, " x", true },
		{ 0, -1, 100, " x", true },
		{ 0, 9, -1, " x", false },
	};
	static const char *const odd[] = { "", " ", "x", "-1", ".1", "1.", "v0",
		"0..1", "4294967296", "99999999999999999999", "\xff" };

	(void)state;
	assert_int_equal(sscanf(BOTTLE_VERSION, "%u.%u.%u", &major, &minor,
	    &patch), 3);
	for (i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
		(void)snprintf(text, sizeof(text), "%d.%d.%d%s",
		    (int)major + r[i].major, (int)minor + r[i].minor,
		    (int)patch + r[i].patch < 0 ? 0 :
		    (int)patch + r[i].patch, r[i].behind);
		if ((int)minor + r[i].minor < 0)
			continue;
		if (launch_is_older(slice_str(text)) != r[i].older)
			fail_msg("%s", text);
	}
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (launch_is_older(slice_str(odd[i])))
			fail_msg("%s", odd[i]);
	assert_true(launch_is_older(slice_str("0.0.1 x")));
	assert_true(launch_is_older(slice_str("0 x")));
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OWN_TEST(script_trusts_what_is_roots_alone),
		OWN_TEST(this_machine_is_looked_at_in_the_same_way),
		OWN_TEST(first_that_is_trusted_is_run),
		OWN_TEST(environment_changes_nothing),
		OWN_TEST(a_look_is_cheap),
		OWN_TEST(containers_get_the_script_or_the_program),
		OWN_TEST(exec_gets_plain_words),
		OWN_TEST(pods_get_the_script_unless_they_are_apart),
		OWN_TEST(bad_folders_and_too_many_arguments_are_refused),
		OWN_TEST(this_machine_runs_what_is_trusted),
		cmocka_unit_test(ends_are_told_apart),
		cmocka_unit_test(older_is_older),
	};

	child_signals();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
