/*
 * Where programs are run: what is taken as a target, what is run for it, and
 * what is made of how that ends.  The engine is a script.
 */

#include "provision/target.h"

#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char why[1024];
static char dir[64];
static struct target t;
static struct target_command cmd;

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/target.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	target_command_fini(&cmd);
	target_command_fini(&cmd);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int
parse(const char *text)
{
	why[0] = '\0';
	return target_parse(text, &t, why, sizeof(why));
}

/* Put a program of that name into the folder. */
static void
make_program(const char *name, const char *text)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

/* Whether ${s} is one line that no terminal minds. */
static bool
is_safe(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* --- what is a target ---------------------------------------------------- */

static void
targets_are_told_apart(void **state)
{
	static const struct {
		const char		*text;
		enum target_kind	 kind;
		const char		*name;
		const char		*label;
	} row[] = {
		{ "web", TARGET_DOCKER, "web", "container web" },
		{ "docker:web", TARGET_DOCKER, "web", "container web" },
		{ "podman:web", TARGET_PODMAN, "web", "container web" },
		{ "local", TARGET_LOCAL, "", "this machine" },
		{ "docker:local", TARGET_DOCKER, "local", "container local" },
		{ "Local", TARGET_DOCKER, "Local", "container Local" },
		{ "a0_.-Z", TARGET_DOCKER, "a0_.-Z", "container a0_.-Z" },
		{ "0", TARGET_DOCKER, "0", "container 0" },
		{ "exec:sudo x", TARGET_EXEC, "", "exec:sudo" },
		{ "nerdctl:web", TARGET_NERDCTL, "web", "container web" },
		{ "kubectl:web", TARGET_KUBECTL, "", "pod web" },
		{ "kubectl:team/web-0", TARGET_KUBECTL, "", "pod team/web-0" },
		{ "kubectl:/web", TARGET_KUBECTL, "", "pod web" },
		{ "kubectl:a/b.c/d/e", TARGET_KUBECTL, "", "pod a/b.c" },
	};
	char label[TARGET_SHOWN_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (parse(row[i].text) != ST_OK)
			fail_msg("%s: %s", row[i].text, why);
		assert_int_equal(t.kind, row[i].kind);
		assert_string_equal(t.name, row[i].name);
		target_label(&t, label, sizeof(label));
		assert_string_equal(label, row[i].label);
	}
}

static void
what_is_no_target_is_said_to_be(void **state)
{
	static const struct {
		const char	*text;
		const char	*said;
	} row[] = {
		{ "", "is missing" },
		{ "docker:", "is missing" },
		{ "podman:", "is missing" },
		{ "-web", "no name of a container" },
		{ "docker:--privileged", "no name of a container" },
		{ ".web", "no name of a container" },
		{ "_web", "no name of a container" },
		{ "we b", "no name of a container" },
		{ "docker:a/b", "no name of a container" },
		{ "docker:a:b", "no name of a container" },
		{ "web\n", "\"web\\x0a\"" },
		{ "\x1b[2J", "\\x1b[2J" },
		{ "nerdctl:", "is missing" },
		{ "nerdctl:-d", "no name of a container" },
		{ "ssh:web", "is no target" },
		{ "kubectl:", "write kubectl:[NAMESPACE/]POD" },
		{ "kubectl:a/b/c/d/e", "write kubectl:[NAMESPACE/]POD" },
		{ "kubectl:a/b/c/d/", "write kubectl:[NAMESPACE/]POD" },
		{ "kubectl:/", "name of a pod" },
		{ "kubectl:team/", "name of a pod" },
		{ "kubectl:team//agent", "name of a pod" },
		{ "kubectl:Web", "name of a pod" },
		{ "kubectl:-web", "name of a pod" },
		{ "kubectl:web-", "name of a pod" },
		{ "kubectl:a.-b", "name of a pod" },
		{ "kubectl:a-.b", "name of a pod" },
		{ "kubectl:a..b", "name of a pod" },
		{ "kubectl:.a", "name of a pod" },
		{ "kubectl:a.", "name of a pod" },
		{ "kubectl:we_b", "name of a pod" },
		{ "kubectl:web\x1b", "\\x1b" },
		{ "kubectl:te.am/web", "name of a namespace" },
		{ "kubectl:-n/web", "name of a namespace" },
		{ "kubectl:team/web/", "name of a container" },
		{ "kubectl:team/web/a.b", "name of a container" },
		{ "kubectl:team/web/agent/", "name of a container" },
		{ "kubectl:team/web/agent/-i", "name of a container" },
		{ "Docker:web", "is no target" },
		{ "exec:", "needs a command" },
		{ "exec:  \t", "needs a command" },
		{ "exec:'' x", "needs a command" },
		{ "exec:./run", "neither an absolute path" },
		{ "exec:bin/run", "neither an absolute path" },
		{ "exec:a\nb", "control byte" },
		{ "exec:a \x7f", "control byte" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(parse(row[i].text), ST_MALFORMED);
		if (strstr(why, row[i].said) == NULL || !is_safe(why))
			fail_msg("%s: %s", row[i].text, why);
	}
}

static void
longest_name_is_met_and_not_passed(void **state)
{
	char name[TARGET_NAME_MAX + 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[TARGET_NAME_MAX] = '\0';
	assert_int_equal(parse(name), ST_OK);
	assert_string_equal(t.name, name);
	name[TARGET_NAME_MAX] = 'x';
	name[TARGET_NAME_MAX + 1] = '\0';
	assert_int_equal(parse(name), ST_TOO_LARGE);
	assert_non_null(strstr(why, "129 bytes"));
}

/* ${n} letters behind one text, and another one behind them. */
static int
parse_long(const char *head, size_t n, const char *tail)
{
	char text[1024], letters[512];

	assert_true(n < sizeof(letters));
	memset(letters, 'x', n);
	letters[n] = '\0';
	(void)snprintf(text, sizeof(text), "%s%s%s", head, letters, tail);
	return parse(text);
}

static void
longest_names_of_a_pod_are_met_and_not_passed(void **state)
{
	static const char *const around[][2] = {
		{ "kubectl:", "/web" },
		{ "kubectl:team/web/", "" },
		{ "kubectl:team/web/agent/", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		assert_int_equal(parse_long(around[i][0], TARGET_LABEL_MAX,
		    around[i][1]), ST_OK);
		assert_int_equal(parse_long(around[i][0], TARGET_LABEL_MAX + 1,
		    around[i][1]), ST_MALFORMED);
	}
	assert_int_equal(parse_long("kubectl:", TARGET_POD_MAX, ""), ST_OK);
	assert_int_equal(parse_long("kubectl:", TARGET_POD_MAX + 1, ""),
	    ST_MALFORMED);
}

static void
pods_that_are_the_same_are_known(void **state)
{
	struct target other;

	(void)state;
	assert_int_equal(parse("kubectl:a/b/c"), ST_OK);
	other = t;
	assert_int_equal(parse("kubectl:a/b/c"), ST_OK);
	assert_true(target_same(&t, &other));
	assert_int_equal(parse("kubectl:a/b/d"), ST_OK);
	assert_false(target_same(&t, &other));
	assert_int_equal(parse("kubectl:b/b/c"), ST_OK);
	assert_false(target_same(&t, &other));
	assert_int_equal(parse("kubectl:a/b/c/d"), ST_OK);
	assert_false(target_same(&t, &other));
}

/* --- words of a command -------------------------------------------------- */

/* What /bin/sh makes of the words: each between <>. */
static void
split_by_shell(const char *command, char *out, size_t cap)
{
	char line[1024];
	size_t n;
	FILE *f;

	(void)snprintf(line, sizeof(line), "printf '<%%s>' %s", command);
	f = popen(line, "r");
	assert_non_null(f);
	n = fread(out, 1, cap - 1, f);
	out[n] = '\0';
	assert_int_equal(pclose(f), 0);
}

static void
commands_are_split_as_a_shell_splits_them(void **state)
{
	static const char *const commands[] = {
		"a", "  a  b\tc ", "a 'b c' d", "a 'b'\"c\"d", "a '' \"\" b",
		"a b\\ c \\'", "a \"b\\\"c\\\\d\\$e\\`f\\g\"", "a '\\' '$x`y`'",
		"a '#'x y#z", "kubectl exec -i pod/web -c app --",
		"a \\#b \\~ x~ =~", "a --opt=\"v w\"", "a \\\\ '\"' \"'\"",
		"a 'caf\xc3\xa9' \xff", "/bin/x a=b,c:d@e%f^g+h",
	};
	char mine[1024], text[256];
	char theirs[1024];
	size_t i, j, n;

	(void)state;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		(void)snprintf(text, sizeof(text), "exec:%s", commands[i]);
		if (parse(text) != ST_OK)
			fail_msg("%s: %s", text, why);
		for (j = n = 0; j < t.n; j++)
			n += (size_t)snprintf(mine + n, sizeof(mine) - n,
			    "<%s>", t.text + t.word[j]);
		split_by_shell(commands[i], theirs, sizeof(theirs));
		assert_string_equal(mine, theirs);
	}
}

static void
what_a_shell_would_do_something_about_is_refused(void **state)
{
	static const char *const commands[] = {
		"a $x", "a `x`", "a \"$x\"", "a \"`x`\"", "a | b", "a; b",
		"a & b", "a > b", "a < b", "a *", "a ?", "a [b]", "a {b,c}",
		"a (b)", "a #b", "~/a", "a ~", "a 'b", "a \"b", "a \\",
		"a \"b\\", "a !b",
	};
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		(void)snprintf(text, sizeof(text), "exec:%s", commands[i]);
		if (parse(text) != ST_MALFORMED || !is_safe(why))
			fail_msg("%s is taken", text);
	}
}

static void
longest_command_is_met_and_not_passed(void **state)
{
	char text[TARGET_COMMAND_MAX + 16];
	size_t i, n = 5;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "exec:", 5);
	text[5 + TARGET_COMMAND_MAX] = '\0';
	assert_int_equal(parse(text), ST_OK);
	assert_int_equal(strlen(t.text), TARGET_COMMAND_MAX);
	text[5 + TARGET_COMMAND_MAX] = 'x';
	text[6 + TARGET_COMMAND_MAX] = '\0';
	assert_int_equal(parse(text), ST_TOO_LARGE);

	for (i = 0; i < TARGET_WORDS_MAX; i++, n += 2)
		memcpy(text + n, "x ", 2);
	text[n] = '\0';
	assert_int_equal(parse(text), ST_OK);
	assert_int_equal(t.n, TARGET_WORDS_MAX);
	memcpy(text + n, "x", 2);
	assert_int_equal(parse(text), ST_TOO_LARGE);
}

/* --- what is run --------------------------------------------------------- */

/* Make the command of ${text}; the words are in ${out}, each between <>. */
static int
command(const char *text, const struct target_run *run, char *out, size_t cap)
{
	size_t n = 0;
	int st;

	assert_int_equal(parse(text), ST_OK);
	target_command_fini(&cmd);
	st = target_command(&t, run, dir, &cmd, why, sizeof(why));
	out[0] = '\0';
	if (st != ST_OK) {
		assert_null(cmd.program);
		assert_null(cmd.argv);
		assert_true(is_safe(why));
		return st;
	}
	for (char **arg = cmd.argv; *arg != NULL; arg++)
		n += (size_t)snprintf(out + n, cap - n, "<%s>", *arg);
	return st;
}

static void
engines_are_given_user_name_and_program(void **state)
{
	static const char *const args[] = { "--load", "a b", "" };
	struct target_run run = { "/usr/bin/x", args, 3, NULL };
	char words[1024], path[128];

	(void)state;
	make_program("docker", "#!/bin/sh\n");
	make_program("podman", "#!/bin/sh\n");
	make_program("sudo", "#!/bin/sh\n");

	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	assert_string_equal(words, "<docker><exec><-i><-u><0><-w></><web>"
	    "</usr/bin/x><--load><a b><>");
	(void)snprintf(path, sizeof(path), "%s/docker", dir);
	assert_string_equal(cmd.program, path);
	assert_true(cmd.user_known);
	assert_false(cmd.switch_user);

	run.user = "node:1000";
	assert_int_equal(command("podman:web", &run, words, sizeof(words)),
	    ST_OK);
	assert_string_equal(words, "<podman><exec><-i><-u><node:1000><-w></>"
	    "<web>"
	    "</usr/bin/x><--load><a b><>");

	assert_int_equal(command("exec:sudo -n 'x y'", &run, words,
	    sizeof(words)), ST_OK);
	assert_string_equal(words, "<sudo><-n><x y></usr/bin/x><--load><a b>"
	    "<>");
	(void)snprintf(path, sizeof(path), "%s/sudo", dir);
	assert_string_equal(cmd.program, path);
	assert_false(cmd.user_known);

	(void)snprintf(path, sizeof(path), "exec:%s/sudo", dir);
	assert_int_equal(command(path, &run, words, sizeof(words)), ST_OK);
	assert_string_equal(cmd.program, path + 5);
}

static void
nerdctl_is_given_the_same(void **state)
{
	struct target_run run = { "/usr/bin/x", NULL, 0, NULL };
	char words[1024];

	(void)state;
	make_program("nerdctl", "#!/bin/sh\n");
	assert_int_equal(command("nerdctl:web", &run, words, sizeof(words)),
	    ST_OK);
	assert_string_equal(words, "<nerdctl><exec><-i><-u><0><-w></><web>"
	    "</usr/bin/x>");
	assert_true(cmd.user_known);
}

static void
kubectl_is_given_a_container_and_no_user(void **state)
{
	static const char *const args[] = { "-n", "other" };
	static const struct {
		const char	*target;
		const char	*user;
		const char	*words;
		const char	*where;
	} row[] = {
		{ "kubectl:web", NULL, "<web><-->", "pod web" },
		{ "kubectl:web", "node", "<web><-->", "pod web" },
		{ "kubectl:/web/agent", NULL, "<web><-c><agent><-->",
		    "container agent of pod web" },
		{ "kubectl:team/web/agent", NULL, "<-n><team><web><-c><agent>"
		    "<-->", "container agent of pod team/web" },
		{ "kubectl:team/web/agent", "node", "<-n><team><web><-->",
		    "pod team/web" },
		{ "kubectl:team/web/agent/app", "node", "<-n><team><web><-c>"
		    "<app><-->", "container app of pod team/web" },
		{ "kubectl:team/web/agent/app", TARGET_WHOEVER, "<-n><team>"
		    "<web><-c><app><-->", "container app of pod team/web" },
		{ "kubectl:team/web/agent/app", NULL, "<-n><team><web><-c>"
		    "<agent><-->", "container agent of pod team/web" },
	};
	struct target_run run = { "/usr/bin/x", args, 2, NULL };
	char words[1024], wanted[1024], where[TARGET_SHOWN_MAX];

	(void)state;
	make_program("kubectl", "#!/bin/sh\n");
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		run.user = row[i].user;
		assert_int_equal(command(row[i].target, &run, words,
		    sizeof(words)), ST_OK);
		(void)snprintf(wanted, sizeof(wanted), "<kubectl><exec><-i>%s"
		    "</usr/bin/x><-n><other>", row[i].words);
		assert_string_equal(words, wanted);
		assert_false(cmd.user_known);
		target_where(&t, run.user, where, sizeof(where));
		assert_string_equal(where, row[i].where);
	}
}

static void
what_cannot_be_run_is_refused(void **state)
{
	const char *args[TARGET_ARGS_MAX + 1];
	struct target_run run = { "/x", args, 0, NULL };
	char words[4096], user[TARGET_USER_MAX + 2];
	static const char *const users[] = { "", "-u", "a b", "a:", ":b",
		"a:b:c", "a\n", "$(id)", "a/b", "a:-b" };
	size_t i;

	(void)state;
	assert_int_equal(command("web", &run, words, sizeof(words)),
	    ST_NOT_FOUND);
	assert_non_null(strstr(why, "docker is not in PATH"));
	assert_int_equal(command("exec:/no/such", &run, words, sizeof(words)),
	    ST_NOT_FOUND);
	assert_non_null(strstr(why, "/no/such is no program"));
	make_program("docker", "#!/bin/sh\n");
	run.program = "x";
	assert_int_equal(command("web", &run, words, sizeof(words)),
	    ST_MALFORMED);
	run.program = "--x";
	assert_int_equal(command("web", &run, words, sizeof(words)),
	    ST_MALFORMED);
	run.program = "/x";
	for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		run.user = users[i];
		if (command("web", &run, words, sizeof(words)) !=
		    ST_MALFORMED)
			fail_msg("user %s is taken", users[i]);
	}

	memset(user, 'u', sizeof(user));
	user[TARGET_USER_MAX] = '\0';
	run.user = user;
	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	user[TARGET_USER_MAX] = 'u';
	user[TARGET_USER_MAX + 1] = '\0';
	assert_int_equal(command("web", &run, words, sizeof(words)),
	    ST_MALFORMED);

	for (i = 0; i <= TARGET_ARGS_MAX; i++)
		args[i] = "a";
	run.user = NULL;
	run.nargs = TARGET_ARGS_MAX;
	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	run.nargs++;
	assert_int_equal(command("web", &run, words, sizeof(words)),
	    ST_TOO_LARGE);
}

static void
on_this_machine_it_is_the_program_itself(void **state)
{
	static const char *const args[] = { "-c", "printf %s \"$0\"", "a b" };
	struct target_run run = { "/bin/sh", args, 3, NULL };
	const struct passwd *self = getpwuid(geteuid());
	struct child_spec spec = { .out = CHILD_KEEP, .out_max = 100,
		.time_ms = 60000 };
	char words[1024];
	struct child c;

	(void)state;
	if (self == NULL)
		skip();
	run.user = self->pw_name;
	assert_int_equal(command("local", &run, words, sizeof(words)), ST_OK);
	assert_false(cmd.switch_user);
	assert_true(cmd.user_known);
	assert_null(cmd.envp);
	target_command_spec(&cmd, &spec);
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_string_equal(c.out_text.p, "a b");
	child_fini(&c);
	run.user = "no-such-user";
	assert_int_equal(command("local", &run, words, sizeof(words)),
	    ST_NOT_FOUND);
	assert_non_null(strstr(why, "no user no-such-user"));
}

static void
root_runs_it_as_anybody(void **state)
{
	static const char *const args[] = { "-c", "id -u; id -g; id -G; "
	    "echo $HOME $USER $LOGNAME; env | grep -c SECRET" };
	struct target_run run = { "/bin/sh", args, 2, "nobody" };
	const struct passwd *nobody = getpwnam("nobody");
	struct child_spec spec = { .out = CHILD_KEEP, .out_max = 1000,
		.time_ms = 60000 };
	char words[1024], wanted[1024];
	struct child c;

	(void)state;
	if (geteuid() != 0 || nobody == NULL)
		skip();
	(void)snprintf(wanted, sizeof(wanted), "%u\n%u\n%u\n%s nobody nobody\n"
	    "0\n", nobody->pw_uid, nobody->pw_gid, nobody->pw_gid,
	    nobody->pw_dir);
	assert_int_equal(setenv("SECRET", "x", 1), 0);
	assert_int_equal(command("local", &run, words, sizeof(words)), ST_OK);
	assert_true(cmd.switch_user);
	target_command_spec(&cmd, &spec);
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_string_equal(c.out_text.p, wanted);
	child_fini(&c);
}

static void
who_is_not_root_is_told_so(void **state)
{
	struct target_run run = { "/bin/true", NULL, 0, NULL };
	int status, st;
	pid_t pid;

	(void)state;
	assert_int_equal(parse("local"), ST_OK);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setuid(12345) != 0)
			_exit(1);
		st = target_command(&t, &run, dir, &cmd, why, sizeof(why));
		_exit(st == ST_DENIED && strstr(why, "use sudo") != NULL ? 0 :
		    2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- how it ends --------------------------------------------------------- */

static void
report(const char *target, int status, const char *out, const char *err,
    struct target_report *r)
{
	assert_int_equal(parse(target), ST_OK);
	target_report(&t, "/bin/x", status, slice_str(out), slice_str(err), r);
	assert_true(is_safe(r->what) && is_safe(r->advice) &&
	    is_safe(r->said));
}

#define OCI	"OCI runtime exec failed: exec failed: unable to start " \
		"container process: exec: \"/bin/x\": "
#define DAEMON	"Error response from daemon: "

static void
engines_troubles_are_known(void **state)
{
	/* As docker 28 and podman 4 and 5 print them. */
	static const struct {
		const char	*target;
		int		 code;
		const char	*out, *err;
		enum target_end	 end;
		const char	*what;
	} row[] = {
		{ "web", 0, "", "whatever", TARGET_DONE, "done" },
		{ "web", 7, "", "it broke\n", TARGET_FAILED, "status 7" },
		{ "web", 1, "", DAEMON "No such container: web\n",
		    TARGET_NO_CONTAINER, "no container web" },
		{ "web", 1, "", "WARNING: Error loading config file\n" DAEMON
		    "No such container: web\n", TARGET_NO_CONTAINER, "web" },
		{ "web", 1, "", "Error: No such container: web\n",
		    TARGET_NO_CONTAINER, "web" },
		{ "web", 1, "", DAEMON "Container b453475a is not running\n",
		    TARGET_NOT_RUNNING, "web is not running" },
		{ "web", 1, "", DAEMON "Container web is paused, unpause the "
		    "container before exec\n", TARGET_NOT_RUNNING, "web" },
		{ "web", 1, "", DAEMON "something new\n", TARGET_ENGINE,
		    "docker failed" },
		{ "web", 1, "", "Cannot connect to the Docker daemon at "
		    "unix:///tmp/none. Is the docker daemon running?\n",
		    TARGET_NO_ENGINE, "docker does not answer" },
		{ "web", 1, "", "permission denied while trying to connect to "
		    "the Docker daemon socket at unix:///x\n",
		    TARGET_NO_ACCESS, "may not use docker" },
		{ "web", 126, OCI "stat /bin/x: no such file or directory: "
		    "unknown\r\n", "", TARGET_NO_PROGRAM, "no /bin/x in" },
		{ "web", 127, "", OCI "stat /bin/x: no such file or "
		    "directory: unknown\n", TARGET_NO_PROGRAM, "no /bin/x" },
		{ "web", 126, OCI "permission denied: unknown\r\n", "",
		    TARGET_CANNOT_RUN, "/bin/x cannot be run" },
		{ "web", 126, OCI "exec format error: unknown\r\n", "",
		    TARGET_CANNOT_RUN, "cannot be run" },
		{ "web", 126, "unable to find user bob: no matching entries "
		    "in passwd file\r\n", "", TARGET_NO_USER, "no such user" },
		{ "web", 126, "unable to find group g: no matching entries\n",
		    "", TARGET_NO_USER, "no such user" },
		{ "web", 126, "", "", TARGET_CANNOT_RUN, "cannot be run" },
		{ "web", 127, "", "", TARGET_NO_PROGRAM, "there is no" },
		{ "web", 125, "", "unknown shorthand flag: 'z' in -z\n",
		    TARGET_ENGINE, "docker failed" },
		{ "podman:web", 125, "", "Error: no container with name or ID "
		    "\"web\" found: no such container\n",
		    TARGET_NO_CONTAINER, "no container web" },
		{ "podman:web", 255, "", "Error: can only create exec "
		    "sessions on running containers: container state "
		    "improper\n", TARGET_NOT_RUNNING, "web is not running" },
		{ "podman:web", 126, "", "Error: cannot exec into container "
		    "that is not running: container state improper\n",
		    TARGET_NOT_RUNNING, "not running" },
		{ "podman:web", 127, "", "Error: crun: executable file `/x` "
		    "not found in $PATH: No such file or directory: OCI "
		    "runtime attempted to invoke a command that was not "
		    "found\n", TARGET_NO_PROGRAM, "there is no" },
		{ "podman:web", 126, "", "Error: runc: exec failed: "
		    "Permission denied: OCI permission denied\n",
		    TARGET_CANNOT_RUN, "cannot be run" },
		{ "podman:web", 125, "", "Error: unable to connect to Podman "
		    "socket: x\n", TARGET_NO_ENGINE, "podman does not" },
		/* What the program says is not what an engine says. */
		{ "web", 1, DAEMON "No such container: web\n", "",
		    TARGET_FAILED, "status 1" },
		{ "web", 1, "", "x: " DAEMON "No such container\n",
		    TARGET_FAILED, "status 1" },
		{ "web", 2, "", DAEMON "No such container: web\n",
		    TARGET_FAILED, "status 2" },
		{ "web", 255, "", "lost\n", TARGET_FAILED, "status 255" },
		{ "local", 1, "", DAEMON "No such container: web\n",
		    TARGET_FAILED, "status 1" },
		{ "local", 125, "", "", TARGET_FAILED, "status 125" },
		{ "local", 127, "", "", TARGET_FAILED, "status 127" },
		{ "exec:sudo", 127, "", "sudo: x: command not found\n",
		    TARGET_NO_PROGRAM, "where the command leads" },
		{ "exec:sudo", 126, "", "", TARGET_CANNOT_RUN, "cannot" },
		{ "exec:sudo", 125, "", "", TARGET_FAILED, "status 125" },
	};
	struct target_report r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		report(row[i].target, row[i].code << 8, row[i].out,
		    row[i].err, &r);
		if (r.end != row[i].end || strstr(r.what, row[i].what) == NULL)
			fail_msg("%zu: %d, %s (%s)", i, (int)r.end, r.what,
			    r.said);
		assert_int_equal(r.code, row[i].code);
	}
}

#define FATAL	"time=\"2026-11-29T10:00:00Z\" level=fatal msg=\""
#define RAN(n)	"command terminated with exit code " #n "\n"
#define FAILED_EXEC	"error: Internal error occurred: error executing " \
			"command in container: failed to exec in container: " \
			"failed to start exec \"0f\": OCI runtime exec failed: "

static void
troubles_of_nerdctl_and_kubectl_are_known(void **state)
{
	static const struct {
		const char	*target;
		int		 code;
		const char	*out, *err;
		enum target_end	 end;
		const char	*what;
	} row[] = {
		{ "nerdctl:web", 1, "", FATAL "no such container web\"\n",
		    TARGET_NO_CONTAINER, "no container web" },
		{ "nerdctl:web", 1, "", "FATA[0000] no such container web\n",
		    TARGET_NO_CONTAINER, "no container web" },
		{ "nerdctl:web", 1, "", FATAL "no running task found: task 3f "
		    "not found: not found\"\n", TARGET_NOT_RUNNING, "web" },
		{ "nerdctl:web", 1, "", FATAL "no users found\"\n",
		    TARGET_NO_USER, "no such user" },
		{ "nerdctl:web", 1, "", FATAL "cannot access containerd socket "
		    "\\\"/run/x\\\": no such file or directory\"\n",
		    TARGET_NO_ENGINE, "nerdctl does not answer" },
		{ "nerdctl:web", 1, "", FATAL "cannot access containerd socket "
		    "\\\"/run/x\\\": permission denied\"\n",
		    TARGET_NO_ACCESS, "may not use nerdctl" },
		{ "nerdctl:web", 1, "", FATAL "rootless containerd not "
		    "running? (hint: x)\"\n", TARGET_NO_ENGINE, "answer" },
		{ "nerdctl:web", 1, "", FATAL "OCI runtime exec failed: exec: "
		    "\\\"/bin/sh\\\": stat /bin/sh: no such file or "
		    "directory\"\n", TARGET_NO_PROGRAM, "there is no" },
		{ "nerdctl:web", 1, "", FATAL "something new\"\n",
		    TARGET_ENGINE, "nerdctl failed" },
		{ "nerdctl:web", 1, "", "no such container web\n",
		    TARGET_FAILED, "status 1" },
		{ "nerdctl:web", 1, "", "time=\"x\" level=warning "
		    "msg=\"no such container\"\n", TARGET_FAILED, "status 1" },
		{ "nerdctl:web", 2, "", FATAL "no such container web\"\n",
		    TARGET_FAILED, "status 2" },
		{ "nerdctl:web", 127, "", "", TARGET_NO_PROGRAM, "no /bin/x" },

		{ "kubectl:web", 0, "", "", TARGET_DONE, "done" },
		{ "kubectl:t/web", 1, "", "Error from server (NotFound): pods "
		    "\"web\" not found\n", TARGET_NO_CONTAINER,
		    "no pod t/web" },
		{ "kubectl:t/web", 1, "", "Error from server (NotFound): "
		    "namespaces \"t\" not found\n", TARGET_NO_CONTAINER,
		    "no pod t/web" },
		{ "kubectl:t/web/a", 1, "", "Error from server (BadRequest): "
		    "container a is not valid for pod web\n",
		    TARGET_NO_CONTAINER, "no such container" },
		{ "kubectl:t/web/a", 1, "", "error: container a not found in "
		    "pod web_t\n", TARGET_NO_CONTAINER, "no such container" },
		{ "kubectl:web", 1, "", "error: unable to upgrade connection: "
		    "container not found (\"a\")\n", TARGET_NOT_RUNNING,
		    "not running" },
		{ "kubectl:web", 1, "", "error: cannot exec into a container "
		    "in a completed pod; current phase is Failed\n",
		    TARGET_NOT_RUNNING, "not running" },
		{ "kubectl:web", 1, "", "Error from server (BadRequest): pod "
		    "web does not have a host assigned\n",
		    TARGET_NOT_RUNNING, "not running" },
		{ "kubectl:web", 1, "", "error: You must be logged in to the "
		    "server (Unauthorized)\n", TARGET_NO_ACCESS, "may not" },
		{ "kubectl:web", 1, "", "error: unable to upgrade connection: "
		    "Unauthorized\n", TARGET_NO_ACCESS, "may not" },
		{ "kubectl:web", 1, "", "Error from server (Forbidden): pods "
		    "\"web\" is forbidden: User \"x\" cannot\n",
		    TARGET_NO_ACCESS, "may not" },
		{ "kubectl:web", 1, "", "The connection to the server x:6443 "
		    "was refused - did you specify the right host or port?\n",
		    TARGET_NO_ENGINE, "does not reach the cluster" },
		{ "kubectl:web", 1, "", "Unable to connect to the server: "
		    "net/http: TLS handshake timeout\n", TARGET_NO_ENGINE,
		    "does not reach" },
		{ "kubectl:web", 1, "", "Error from server: error dialing "
		    "backend: dial tcp x: i/o timeout\n", TARGET_NO_ENGINE,
		    "does not reach" },
		{ "kubectl:web", 1, "", "Error in configuration: context was "
		    "not found for specified context: x\n", TARGET_NO_ENGINE,
		    "does not reach" },
		{ "kubectl:web", 1, "", "error: stat /x: no such file or "
		    "directory\n", TARGET_NO_ENGINE, "does not reach" },
		{ "kubectl:web", 1, "", "E1129 09:57:29.500341   26803 "
		    "memcache.go:265] \"Unhandled Error\" err=\"x\"\n"
		    "The connection to the server x was refused - did you "
		    "specify the right host or port?\n", TARGET_NO_ENGINE,
		    "does not reach" },
		{ "kubectl:web", 1, "", "Error from server (Timeout): x\n",
		    TARGET_ENGINE, "kubectl failed" },
		{ "kubectl:web", 1, "", "error: unknown\n", TARGET_ENGINE,
		    "kubectl failed" },
		{ "kubectl:web", 1, "", FAILED_EXEC "stat /bin/sh: no such "
		    "file or directory: unknown\n", TARGET_NO_PROGRAM,
		    "in that container of the pod" },
		{ "kubectl:web", 1, "", FAILED_EXEC "permission denied: "
		    "unknown\n", TARGET_CANNOT_RUN, "cannot be run" },
		{ "kubectl:web", 7, "", "it broke\n" RAN(7), TARGET_FAILED,
		    "status 7" },
		{ "kubectl:web", 127, "", RAN(127), TARGET_NO_PROGRAM,
		    "there is no" },
		{ "kubectl:web", 126, OCI "permission denied: unknown\r\n",
		    RAN(126), TARGET_CANNOT_RUN, "cannot be run" },
		/* What a program says is not what kubectl says. */
		{ "kubectl:web", 1, "", "Error from server (NotFound): pods "
		    "\"web\" not found\n" RAN(1), TARGET_FAILED, "status 1" },
		{ "kubectl:web", 1, "Error from server (NotFound): pods "
		    "\"web\" not found\n", "", TARGET_FAILED, "status 1" },
		{ "kubectl:web", 1, "", "it broke\n", TARGET_FAILED,
		    "status 1" },
	};
	struct target_report r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		report(row[i].target, row[i].code << 8, row[i].out,
		    row[i].err, &r);
		if (r.end != row[i].end || strstr(r.what, row[i].what) == NULL)
			fail_msg("%zu: %d, %s (%s)", i, (int)r.end, r.what,
			    r.said);
		if (r.end != TARGET_DONE && r.end != TARGET_FAILED &&
		    r.end != TARGET_ENGINE)
			assert_true(r.advice[0] != '\0');
	}
	/* What kubectl always says is not what is wrong. */
	report("kubectl:t/web", 7 << 8, "", "Defaulting container name to a.\n"
	    "Use 'kubectl describe pod/web -n t' to see all of the containers "
	    "in this pod.\nit broke\n" RAN(7), &r);
	assert_string_equal(r.said, "it broke");
	report("kubectl:t/web", 7 << 8, "", RAN(7), &r);
	assert_string_equal(r.said, "");
}

static void
one_command_at_a_time_may_ask(void **state)
{
	struct target two[2];

	(void)state;
	assert_int_equal(target_parse("docker:a", &two[0], why, sizeof(why)),
	    ST_OK);
	assert_int_equal(target_parse("exec:sudo", &two[1], why, sizeof(why)),
	    ST_OK);
	assert_false(target_may_ask(&two[0], 1, 1));
	assert_true(target_may_ask(&two[1], 1, 4));
	assert_true(target_may_ask(two, 2, 1));
	assert_false(target_may_ask(two, 2, 2));
}

static void
a_signal_is_named(void **state)
{
	struct target_report r;

	(void)state;
	report("web", 9, "", "", &r);
	assert_int_equal(r.end, TARGET_SIGNALLED);
	assert_int_equal(r.code, 9);
	assert_non_null(strstr(r.what, "signal 9"));
}

static void
what_is_said_is_cut_and_escaped(void **state)
{
	char text[2000];
	struct target_report r;

	(void)state;
	report("web", 256, "", "\n\r\n\x1b]0;evil\a\\\r\nmore\n", &r);
	assert_string_equal(r.said, "\\x1b]0;evil\\x07\\\\");
	report("web", 256, "", "", &r);
	assert_string_equal(r.said, "");
	/* The line that says it, not the first one. */
	report("web", 256, "", "WARNING: x\n" DAEMON "No such container: w\n",
	    &r);
	assert_string_equal(r.said, DAEMON "No such container: w");

	memset(text, 'x', sizeof(text));
	text[TARGET_SAID_MAX] = '\0';
	report("web", 256, "", text, &r);
	assert_string_equal(r.said, text);
	text[TARGET_SAID_MAX] = 'x';
	text[sizeof(text) - 1] = '\0';
	report("web", 256, "", text, &r);
	assert_int_equal(strlen(r.said), TARGET_SAID_MAX + 3);
	assert_string_equal(r.said + TARGET_SAID_MAX, "...");
	/* Two bytes a letter: it is cut between two. */
	for (size_t i = 0; i < sizeof(text) - 2; i += 2)
		memcpy(text + i, "\xc3\xa9", 3);
	text[0] = 'x';
	text[1] = 'y';
	text[2] = 'z';
	memmove(text + 3, text + 4, 1990);
	report("web", 256, "", text, &r);
	assert_string_equal(r.said + strlen(r.said) - 5, "\xc3\xa9...");
}

static void
all_of_it_with_a_false_engine(void **state)
{
	static const char *const args[] = { "--status" };
	const struct target_run run = { "/bin/x", args, 1, "node" };
	struct child_spec spec = { .in = CHILD_PIPE, .out = CHILD_KEEP,
		.err = CHILD_KEEP, .out_max = 1000, .err_max = 1000,
		.time_ms = 60000 };
	char words[1024];
	struct target_report r;
	struct child c;
	size_t n;
	int st;

	(void)state;
	make_program("docker", "#!/bin/sh\ncat\nprintf ' <%s>' \"$@\"\n"
	    "echo 'Error response from daemon: No such container: web' >&2\n"
	    "exit 1\n");
	assert_int_equal(command("web", &run, words, sizeof(words)), ST_OK);
	target_command_spec(&cmd, &spec);
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	assert_int_equal(child_write(&c, "in", 2, &n), ST_OK);
	child_close_in(&c);
	while ((st = child_turn(&c, NULL)) == ST_MORE)
		(void)poll(NULL, 0, CHILD_END_MS);
	assert_int_equal(st, ST_OK);
	assert_string_equal(c.out_text.p, "in <exec> <-i> <-u> <node> <-w> </> "
	    "<web> "
	    "</bin/x> <--status>");
	target_report(&t, run.program, c.status, (struct slice){
	    (const uint8_t *)c.out_text.p, c.out_text.len }, (struct slice){
	    (const uint8_t *)c.err_text.p, c.err_text.len }, &r);
	assert_int_equal(r.end, TARGET_NO_CONTAINER);
	assert_non_null(strstr(r.advice, "docker ps"));
	child_fini(&c);
}

static void
the_same_place_is_known(void **state)
{
	static const struct {
		const char	*a, *b;
		bool		 same;
	} pairs[] = {
		{ "web", "docker:web", true },
		{ "local", "local", true },
		{ "exec:ssh  root@box", "exec:'ssh' root@\"box\"", true },
		{ "podman:web", "podman:web", true },
		{ "web", "web2", false },
		{ "web", "podman:web", false },
		{ "local", "docker:local", false },
		{ "exec:ssh root@box", "exec:ssh 'root@box '", false },
		{ "exec:a b", "exec:a b c", false },
		{ "exec:'a b'", "exec:a b", false },
		{ "exec:ab c", "exec:a bc", false },
	};
	struct target a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_int_equal(target_parse(pairs[i].a, &a, why,
		    sizeof(why)), ST_OK);
		assert_int_equal(target_parse(pairs[i].b, &b, why,
		    sizeof(why)), ST_OK);
		if (target_same(&a, &b) != pairs[i].same ||
		    target_same(&b, &a) != pairs[i].same)
			fail_msg("%s, %s", pairs[i].a, pairs[i].b);
	}
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_told_apart),
		cmocka_unit_test(what_is_no_target_is_said_to_be),
		cmocka_unit_test(longest_name_is_met_and_not_passed),
		cmocka_unit_test(longest_names_of_a_pod_are_met_and_not_passed),
		cmocka_unit_test(pods_that_are_the_same_are_known),
		cmocka_unit_test(commands_are_split_as_a_shell_splits_them),
		cmocka_unit_test(
		    what_a_shell_would_do_something_about_is_refused),
		cmocka_unit_test(longest_command_is_met_and_not_passed),
		cmocka_unit_test(the_same_place_is_known),
		OWN_TEST(engines_are_given_user_name_and_program),
		OWN_TEST(nerdctl_is_given_the_same),
		OWN_TEST(kubectl_is_given_a_container_and_no_user),
		OWN_TEST(what_cannot_be_run_is_refused),
		OWN_TEST(on_this_machine_it_is_the_program_itself),
		OWN_TEST(root_runs_it_as_anybody),
		OWN_TEST(who_is_not_root_is_told_so),
		cmocka_unit_test(engines_troubles_are_known),
		cmocka_unit_test(troubles_of_nerdctl_and_kubectl_are_known),
		cmocka_unit_test(one_command_at_a_time_may_ask),
		cmocka_unit_test(a_signal_is_named),
		cmocka_unit_test(what_is_said_is_cut_and_escaped),
		OWN_TEST(all_of_it_with_a_false_engine),
	};

	child_signals();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
