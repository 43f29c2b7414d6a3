/*
 * The command line of bottle-provision.
 */

#include "provision/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define ARGS_MAX	64

static char words[4096];
static char *argv[ARGS_MAX];
static struct provision_options o;
static char why[PROVISION_WHY_MAX];

/* The commands that there are; 0: all. */
static unsigned have;

/* Parse words with single blanks between them; '' stands for an empty word and
 * ~ for a blank in one. */
static int
parse(const char *line)
{
	static char program[] = "bottle-provision";
	char *save = NULL, *tilde;
	int argc = 0;

	assert_true(strlen(line) < sizeof(words));
	memcpy(words, line, strlen(line) + 1);
	argv[argc++] = program;
	for (char *word = strtok_r(words, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "''") == 0)
			word[0] = '\0';
		while ((tilde = strchr(word, '~')) != NULL)
			*tilde = ' ';
		assert_true(argc < ARGS_MAX - 1);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	memset(&o, 0x5a, sizeof(o));
	memset(why, 'x', sizeof(why));
	return provision_options_parse(argc, argv, have, &o, why);
}

static void
good(const char *line)
{
	if (parse(line) != ST_OK)
		fail_msg("%s: %s", line, why);
	assert_string_equal(why, "");
}

static void
defaults(void **state)
{
	(void)state;
	good("load web github.com");
	assert_int_equal(o.command, PROVISION_LOAD);
	assert_false(o.verbose || o.help || o.version);
	assert_false(o.all || o.every_load || o.no_login);
	assert_string_equal(o.engine, "docker");
	assert_int_equal(o.n_labels, 0);
	assert_int_equal(o.jobs, 4);
	assert_int_equal(o.passphrase_fd, -1);
	assert_null(o.topic);
	assert_null(o.manifest);
	assert_null(o.bottle);
	assert_string_equal(o.name, "default");
	assert_null(o.user);
	assert_null(o.home);
	assert_string_equal(o.socket, "/run/bottle-agent.sock");
	assert_null(o.proxy);
	assert_false(o.sign || o.scan || o.scan_via_target || o.no_prompt);
	assert_null(o.sign_as);
	assert_null(o.ssh_config);
	assert_null(o.programs);
	assert_null(o.bin);
	assert_false(o.no_install || o.dry_run || o.json);
	assert_int_equal(o.time_s, 30);
	assert_int_equal(o.n_targets, 1);
	assert_string_equal(o.targets[0], "web");
	assert_int_equal(o.n_hosts, 1);
	assert_string_equal(o.hosts[0], "github.com");
}

static void
every_option_is_taken(void **state)
{
	(void)state;
	good("load -f m.json -b web -n dev -u joe --home /home/joe "
	    "-s /run/a.sock -p http://proxy:8888 --sign --sign-as j@x.org "
	    "--no-prompt --programs /p --timeout 1m30s --bin /opt/b --dry-run "
	    "--json -v t1 t2");
	assert_string_equal(o.manifest, "m.json");
	assert_string_equal(o.bottle, "web");
	assert_string_equal(o.name, "dev");
	assert_string_equal(o.user, "joe");
	assert_string_equal(o.home, "/home/joe");
	assert_string_equal(o.socket, "/run/a.sock");
	assert_string_equal(o.proxy, "http://proxy:8888");
	assert_true(o.sign && o.no_prompt && o.dry_run && o.json && o.verbose);
	assert_string_equal(o.sign_as, "j@x.org");
	assert_string_equal(o.programs, "/p");
	assert_string_equal(o.bin, "/opt/b");
	assert_int_equal(o.time_s, 90);
	assert_int_equal(o.n_targets, 2);
	assert_int_equal(o.n_hosts, 0);
	assert_string_equal(o.targets[0], "t1");
	assert_string_equal(o.targets[1], "t2");
	/* The long ones, and those that do not go with them. */
	good("load --manifest=- --bottle=b --name=n --user=1000 --socket=/s "
	    "--proxy=direct --verbose t");
	assert_string_equal(o.manifest, "-");
	assert_string_equal(o.bottle, "b");
	assert_string_equal(o.name, "n");
	assert_string_equal(o.user, "1000");
	assert_string_equal(o.socket, "/s");
	assert_string_equal(o.proxy, "direct");
	good("load -Fcfg --scan --no-install t h");
	assert_string_equal(o.ssh_config, "cfg");
	assert_true(o.scan && o.no_install && !o.scan_via_target);
	good("load --ssh-config c --scan-via-target t h");
	assert_true(o.scan_via_target && !o.scan);
	assert_string_equal(o.ssh_config, "c");
}

static void
options_and_words_may_be_mixed(void **state)
{
	static const char *const row[] = {
		"load -v web a b --json", "load web -v a --json b",
		"-v load --json web a b", "load web a b -v --json",
		"load --json -v -- web a b", "load web --json -v -- a b",
		"load -v web a --json -- b", "load -v web a --json b --",
		"-vv load -v --json web a b", "-v -- load --json web a b",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		good(row[i]);
		assert_true(o.json && o.verbose);
		assert_int_equal(o.n_targets, 1);
		assert_string_equal(o.targets[0], "web");
		assert_int_equal(o.n_hosts, 2);
		assert_string_equal(o.hosts[0], "a");
		assert_string_equal(o.hosts[1], "b");
	}
	/* Behind "--" all is a word. */
	good("load web -- -v --json --");
	assert_false(o.verbose || o.json);
	assert_int_equal(o.n_hosts, 3);
	assert_string_equal(o.hosts[0], "-v");
	assert_string_equal(o.hosts[2], "--");
	good("load -f m t1 --json t2 -- -t3");
	assert_int_equal(o.n_targets, 3);
	assert_string_equal(o.targets[1], "t2");
	assert_string_equal(o.targets[2], "-t3");
	/* One dash is a word, and "--" can be an argument. */
	good("load - -n -- -");
	assert_string_equal(o.targets[0], "-");
	assert_string_equal(o.hosts[0], "-");
}

/* --help or --version, behind ${command} or in front of any. */
static void
asks(const char *line, bool help, enum provision_command command)
{
	good(line);
	assert_int_equal(o.help, help);
	assert_int_equal(o.version, !help);
	assert_int_equal(o.command, command);
}

static void
help_and_version_are_first(void **state)
{
	(void)state;
	asks("--help", true, PROVISION_COMMANDS);
	asks("-V", false, PROVISION_COMMANDS);
	asks("load --help --version --nonsense", true, PROVISION_LOAD);
	asks("load web host -V -h", false, PROVISION_LOAD);
	asks("-vh", true, PROVISION_COMMANDS);
	asks("status -h", true, PROVISION_STATUS);
	asks("help --help", true, PROVISION_HELP);
	assert_int_equal(parse("load --nonsense --help"), ST_MALFORMED);
	assert_int_equal(o.command, PROVISION_LOAD);
	/* Behind "--" it is a host. */
	good("load web -- --help");
	assert_false(o.help);
}

static void
every_command_has_targets_of_its_own(void **state)
{
	static const struct {
		const char		*name;
		enum provision_command	 command;
		bool			 loads;
	} row[] = {
		{ "load", PROVISION_LOAD, true },
		{ "watch", PROVISION_WATCH, true },
		{ "doctor", PROVISION_DOCTOR, false },
		{ "status", PROVISION_STATUS, false },
		{ "remove", PROVISION_REMOVE, false },
		{ "lock", PROVISION_LOCK, false },
		{ "unlock", PROVISION_UNLOCK, false },
		{ "explain", PROVISION_EXPLAIN, false },
	};
	char line[256];

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		(void)snprintf(line, sizeof(line), "%s -s /a.sock --bin /b "
		    "--timeout 5 --json -v -j 9 a b", row[i].name);
		good(line);
		assert_int_equal(o.command, row[i].command);
		assert_string_equal(provision_options_command(o.command),
		    row[i].name);
		assert_int_equal(o.n_targets, row[i].loads ? 1 : 2);
		assert_int_equal(o.n_hosts, row[i].loads ? 1 : 0);
		assert_string_equal(o.socket, "/a.sock");
		assert_string_equal(o.bin, "/b");
		assert_int_equal(o.time_s, 5);
		assert_int_equal(o.jobs, 9);
		assert_true(o.json && o.verbose);
		/* All that run. */
		(void)snprintf(line, sizeof(line), "%s --all --label a=b "
		    "--label=c --engine podman --jobs=64%s", row[i].name,
		    row[i].loads ? " host" : "");
		good(line);
		assert_true(o.all);
		assert_int_equal(o.n_targets, 0);
		assert_int_equal(o.n_labels, 2);
		assert_string_equal(o.labels[0], "a=b");
		assert_string_equal(o.labels[1], "c");
		assert_string_equal(o.engine, "podman");
		assert_int_equal(o.jobs, 64);
		assert_int_equal(o.n_hosts, row[i].loads ? 1 : 0);
		/* Nothing is named. */
		assert_int_equal(parse(row[i].name), ST_MALFORMED);
		(void)snprintf(line, sizeof(line),
		    "name a target: bottle-provision %s TARGET", row[i].name);
		assert_int_equal(strncmp(why, line, strlen(line)), 0);
	}
	good("load --all --label x -f m");
	assert_int_equal(o.n_targets + o.n_hosts, 0);
	good("remove -n dev -u 5 --home /h web");
	assert_string_equal(o.name, "dev");
	good("remove --every-load web");
	assert_true(o.every_load);
	good("lock --passphrase-fd 0 web");
	assert_int_equal(o.passphrase_fd, 0);
	good("unlock --passphrase-fd=3 web");
	assert_int_equal(o.passphrase_fd, 3);
	good("doctor --no-login --all");
	assert_true(o.no_login);
	good("help");
	assert_null(o.topic);
	good("help exit-codes");
	assert_string_equal(o.topic, "exit-codes");
}

/* Which commands take which option. */
static void
options_go_with_their_commands(void **state)
{
	static const struct {
		const char	*option;
		const char	*takes;		/* a letter for each below */
		const char	*whom;
	} row[] = {
		{ "-f m", "LW", "load and watch" },
		{ "-n x", "LWR", "load, watch and remove" },
		{ "--scan", "L", "load" },
		{ "--dry-run", "L", "load" },
		{ "--no-install", "LW", "load and watch" },
		{ "-p direct", "LW", "load and watch" },
		{ "--every-load", "R", "remove" },
		{ "--passphrase-fd 3", "KU", "lock and unlock" },
		{ "--no-login", "D", "doctor" },
		{ "-u joe", "LWDR", "load, watch, doctor and remove" },
		{ "--home /h", "LWDR", "load, watch, doctor and remove" },
		{ "--json", "LWDSRKUE", "load, watch, doctor, status, remove, "
		    "lock, unlock and explain" },
		{ "-v", "LWDSRKUE", "load, watch, doctor, status, remove, "
		    "lock, unlock and explain" },
		{ "--all", "LWDSRKUE", "load, watch, doctor, status, remove, "
		    "lock, unlock and explain" },
	};
	static const char letters[] = "LWDSRKUEH";
	char line[256], want[256];

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++)
		for (size_t c = 0; c < PROVISION_COMMANDS; c++) {
			const char *name = provision_options_command(
			    (enum provision_command)c);

			(void)snprintf(line, sizeof(line), "%s %s a b", name,
			    row[i].option);
			if (strchr(row[i].takes, letters[c]) != NULL) {
				if (parse(line) != ST_OK &&
				    strstr(why, "goes with") != NULL)
					fail_msg("%s: %s", line, why);
				continue;
			}
			assert_int_equal(parse(line), ST_MALFORMED);
			(void)snprintf(want, sizeof(want),
			    "%.*s goes with %s, not with %s",
			    (int)strcspn(row[i].option, " "), row[i].option,
			    row[i].whom, name);
			assert_string_equal(why, want);
		}
}

static void
commands_that_are_not_there_are_not_heard_of(void **state)
{
	(void)state;
	have = 1u << PROVISION_LOAD | 1u << PROVISION_HELP;
	assert_int_equal(parse("status web"), ST_MALFORMED);
	assert_string_equal(why, "unknown command status; there are load and "
	    "help");
	assert_int_equal(parse("load --every-load web a"), ST_MALFORMED);
	assert_string_equal(why, "unknown option --every-load; see --help");
	assert_int_equal(parse("help -f x"), ST_MALFORMED);
	assert_string_equal(why, "-f goes with load, not with help");
	good("help status");
	have = 0;
}

static void
wrong_use_is_told(void **state)
{
	static const struct {
		const char	*line;
		const char	*why;
	} row[] = {
		{ "", "say what to do: bottle-provision load TARGET HOST ..." },
		{ "-v", "say what to do" },
		{ "--", "say what to do" },
		{ "lod web a", "unknown command lod; did you mean load?" },
		{ "statsu web", "did you mean status?" },
		{ "unlok web", "did you mean unlock?" },
		{ "web github.com", "unknown command web; there are load, "
		    "watch, doctor, status, remove, lock, unlock, explain and "
		    "help" },
		{ "\033[2J", "unknown command \\x1b[2J; there are" },
		{ "''", "unknown command " },
		{ "--json load web a", "--json goes behind load" },
		{ "-n x load web a", "-n goes behind load" },
		{ "load", "name a target: bottle-provision load TARGET HOST" },
		{ "load --", "name a target" },
		{ "load -f m", "name a target: bottle-provision load -f "
		    "MANIFEST TARGET" },
		{ "load web", "name the hosts that web is to reach, or a "
		    "manifest with -f" },
		{ "load \033", "name the hosts that \\x1b is" },
		{ "load --jsn web a", "unknown option --jsn; did you mean "
		    "--json?" },
		{ "load --manifst m web", "did you mean --manifest?" },
		{ "load --frobnicate web a", "unknown option --frobnicate; see "
		    "--help" },
		{ "load -x web a", "unknown option -x" },
		{ "load web a -x", "unknown option -x" },
		{ "load --json=1 web a", "--json takes no value" },
		{ "load web a -n", "-n needs NAME" },
		{ "load web a --home", "--home needs DIR" },
		/* Twice. */
		{ "load -n a -n b web a", "-n is given twice" },
		{ "load -n a web h --name b", "--name is given twice" },
		{ "load --name a web h -n b", "-n is given twice" },
		{ "status --json --json web", "--json is given twice" },
		{ "load --json --json web a", "--json is given twice" },
		{ "load -f a -f b web", "-f is given twice" },
		/* What does not go together. */
		{ "load -b x web a", "-b goes with --manifest" },
		{ "load --bottle x web a", "--bottle goes with --manifest" },
		{ "load -f m -F c web", "-F and -f: only HOSTs are looked" },
		{ "load -f m --ssh-config c web", "--ssh-config and -f: " },
		{ "load --sign-as x web a", "--sign-as goes with --sign" },
		{ "load --scan --scan-via-target web a", "give one of them" },
		{ "load --scan --no-prompt web a",
		    "--scan and --no-prompt: you are asked" },
		{ "load --scan-via-target --no-prompt web a",
		    "--scan-via-target and --no-prompt: you are asked" },
		{ "load --scan-via-target --dry-run web a",
		    "it runs a program in the target" },
		{ "load --scan-via-target --all --label x a",
		    "it takes one target" },
		{ "load --programs p --no-install web a", "give one of them" },
		{ "remove -n x --every-load web",
		    "-n and --every-load: give one of them" },
		{ "status --label x web", "--label goes with --all" },
		{ "status --engine podman web", "--engine goes with --all; one "
		    "container of another engine is podman:NAME" },
		/* Targets. */
		{ "load --all a", "load --all means every container of this "
		    "machine; say which with --label KEY" },
		{ "watch --all a", "watch --all means every container" },
		{ "remove --all", "remove --all means every container" },
		{ "load --all --label x", "name the hosts that they are to "
		    "reach, or a manifest with -f" },
		{ "load --all --label x -f m web", "--all and web: name "
		    "targets, or say --all" },
		{ "status --all web", "--all and web: name targets, or say "
		    "--all" },
		{ "status", "name a target: bottle-provision status TARGET "
		    "..., or --all" },
		{ "help a b", "too many words: bottle-provision help "
		    "[TOPIC]" },
		{ "status --jason web", "did you mean --json?" },
		{ "doctor --hom web", "did you mean --home?" },
		{ "load -dry-run web a", "unknown option -dry-run; did you "
		    "mean --dry-run?" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		assert_int_equal(parse(row[i].line), ST_MALFORMED);
		if (strstr(why, row[i].why) == NULL ||
		    strchr(why, '\033') != NULL || strchr(why, '\n') != NULL)
			fail_msg("%s: %s", row[i].line, why);
	}
	good("load --scan --dry-run web a");
}

static void
arguments_are_what_they_must_be(void **state)
{
	static const char *const wrong[] = {
		"-f ''", "-b ''", "-F ''", "--programs ''",
		"-n ''", "-n .a", "-n a/b", "-n a~b", "-n \xc3\xa4", "-n a:b",
		"-u ''", "-u -a", "-u a~b", "-u a:b", "-u a*", "-u a,b",
		"--home ''", "--home home", "--home /a/../b", "--home /a\001",
		"-s ''", "-s run/a", "-s /a~b", "-s /a%h", "-s /a\"", "-s /a$",
		"--bin ''", "--bin bin", "--bin /a/../b", "--bin /a~b",
		"--bin /a%h", "--bin /a@b",
		"-p ''", "-p proxy", "-p ftp://a", "-p http://u:p@a:1",
		"-p http://u@a", "-p http://a~b",
		"--sign-as ''", "--sign-as a~b", "--sign-as a,b",
		"--sign-as *", "--sign-as a?", "--sign-as !a", "--sign-as #a",
		"--sign-as a\"", "--sign-as a\x7f", "--sign-as \xc3\xa4",
		"--timeout ''", "--timeout 0", "--timeout -1",
		"--timeout 86401", "--timeout 1x", "--timeout 99999999999999",
		"--proxy proxy", "--name a/b", "--user a:b", "--socket run",
		"-j 0", "-j 65", "-j x", "--jobs -1", "--jobs ''",
		"--label ''", "--label =x", "--label a\001=b",
	};
	static const char *const right[] = { "-n -a", "-n a.b", "-n A@_+=,.-",
		"-u a.b-c_1", "-u 0", "--home /", "--home /a~b", "-s /a.b/c-_+",
		"--bin /", "--bin /opt/a-b+c_d.e", "-p direct",
		"-p socks5h://a", "--timeout 86400", "--timeout 1d",
		"--timeout 1", "-f ~" };
	char line[256], label[32];

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++) {
		(void)snprintf(line, sizeof(line), "load %s %s web%s", wrong[i],
		    strncmp(wrong[i], "-b", 2) == 0 ? "-f m" :
		    strncmp(wrong[i], "--sign-as", 9) == 0 ? "--sign" : "-v",
		    strncmp(wrong[i], "-b", 2) == 0 ||
		    strncmp(wrong[i], "-f", 2) == 0 ? "" : " host");
		(void)snprintf(label, sizeof(label), "%.*s ",
		    (int)strcspn(wrong[i], " "), wrong[i]);
		if (parse(line) != ST_MALFORMED)
			fail_msg("%s is taken", wrong[i]);
		if (strncmp(why, label, strlen(label)) != 0)
			fail_msg("%s: %s", line, why);
	}
	for (size_t i = 0; i < LENGTH(right); i++) {
		(void)snprintf(line, sizeof(line), "load %s web host", right[i]);
		good(line);
	}
}

/* An option with an argument of ${n} bytes behind ${head}. */
static int
parse_long(const char *option, const char *head, size_t n)
{
	char line[2048];

	(void)snprintf(line, sizeof(line), "load --sign %s %s%0*d web h",
	    option, head, (int)(n - strlen(head)), 0);
	return parse(line);
}

static void
lengths_at_the_limit_and_one_past_it(void **state)
{
	static const struct {
		const char	*option, *head;
		size_t		 max;
	} row[] = {
		{ "-n", "", 64 }, { "-s", "/", 107 }, { "--bin", "/", 1024 },
		{ "--sign-as", "a", 255 }, { "-u", "a", 128 },
		{ "--home", "/", 1024 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		if (parse_long(row[i].option, row[i].head, row[i].max) !=
		    ST_OK)
			fail_msg("%s: %s", row[i].option, why);
		if (parse_long(row[i].option, row[i].head, row[i].max + 1) !=
		    ST_MALFORMED)
			fail_msg("%s is taken", row[i].option);
	}
}

static void
numbers_and_names_of_other_commands(void **state)
{
	static const struct {
		const char	*line, *why;	/* NULL: taken */
	} row[] = {
		{ "status --all --engine nerdctl", NULL },
		{ "status --all --engine rkt",
		    "--engine takes docker, podman or nerdctl" },
		{ "status --all --engine ''", "--engine takes docker" },
		{ "lock --passphrase-fd 1 web", "--passphrase-fd takes the" },
		{ "lock --passphrase-fd 2 web", "--passphrase-fd takes the" },
		{ "lock --passphrase-fd -1 web", "--passphrase-fd takes the" },
		{ "lock --passphrase-fd x web", "--passphrase-fd takes the" },
		{ "lock --passphrase-fd 2147483647 web", NULL },
		{ "lock --passphrase-fd 2147483648 web",
		    "--passphrase-fd takes the number of a descriptor that is "
		    "open for reading" },
		{ "status -j 1 web", NULL },
		{ "status -j64 web", NULL },
		{ "status -j65 web", "-j takes a number from 1 to 64" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		if (row[i].why == NULL) {
			good(row[i].line);
			continue;
		}
		assert_int_equal(parse(row[i].line), ST_MALFORMED);
		if (strncmp(why, row[i].why, strlen(row[i].why)) != 0)
			fail_msg("%s: %s", row[i].line, why);
	}
}

static void
labels_stop_at_their_limits(void **state)
{
	char line[2048];
	size_t len;

	(void)state;
	for (size_t n = PROVISION_LABELS_MAX; n <= PROVISION_LABELS_MAX + 1;
	    n++) {
		len = (size_t)snprintf(line, sizeof(line), "status --all");
		for (size_t i = 0; i < n; i++)
			len += (size_t)snprintf(line + len,
			    sizeof(line) - len, " --label=k%zu", i);
		if (n == PROVISION_LABELS_MAX) {
			good(line);
			assert_int_equal(o.n_labels, n);
			assert_string_equal(o.labels[n - 1], "k31");
			continue;
		}
		assert_int_equal(parse(line), ST_MALFORMED);
		assert_string_equal(why, "--label can be given 32 times");
	}
	(void)snprintf(line, sizeof(line), "status --all --label k=%0*d",
	    PROVISION_LABEL_MAX - 2, 0);
	good(line);
	(void)snprintf(line, sizeof(line), "status --all --label k=%0*d",
	    PROVISION_LABEL_MAX - 1, 0);
	assert_int_equal(parse(line), ST_MALFORMED);
	assert_string_equal(why, "--label takes at most 1024 bytes");
}

static void
help_has_the_commands_that_there_are(void **state)
{
	char *usage = provision_options_usage(PROVISION_COMMANDS,
	    1u << PROVISION_LOAD | 1u << PROVISION_STATUS);

	(void)state;
	assert_non_null(usage);
	assert_non_null(strstr(usage, "\n  load "));
	assert_non_null(strstr(usage, "\n  status "));
	assert_null(strstr(usage, "\n  remove "));
	assert_non_null(strstr(usage, "-v, --verbose"));
	free(usage);
	usage = provision_options_usage(PROVISION_STATUS, 0);
	assert_non_null(usage);
	assert_int_equal(strncmp(usage, "usage: bottle-provision status ", 31),
	    0);
	assert_non_null(strstr(usage, "-s, --socket PATH"));
	assert_null(strstr(usage, "-u, --user NAME"));
	assert_null(strstr(usage, "--sign"));
	free(usage);
}

static void
usage_has_every_option(void **state)
{
	static const char *const options[] = { "-f, --manifest FILE",
		"-b, --bottle NAME", "-n, --name NAME", "-F, --ssh-config FILE",
		"--scan ", "--scan-via-target", "--sign ", "--sign-as WHO",
		"-u, --user NAME", "--home DIR", "-s, --socket PATH",
		"-p, --proxy URL", "--bin DIR", "--programs DIR",
		"--no-install", "--no-prompt", "--timeout TIME", "--dry-run",
		"--json", "-v, --verbose", "-h, --help", "-V, --version" };
	char *usage = provision_options_usage(PROVISION_LOAD, 0);
	const char *line;

	(void)state;
	assert_non_null(usage);
	assert_int_equal(strncmp(usage, "usage: bottle-provision load ", 29),
	    0);
	for (size_t i = 0; i < LENGTH(options); i++)
		if (strstr(usage, options[i]) == NULL)
			fail_msg("%s is missing in %s", options[i], usage);
	free(usage);
	for (int c = 0; c <= PROVISION_COMMANDS; c++) {
		usage = provision_options_usage((enum provision_command)c, 0);
		assert_non_null(usage);
		for (line = usage; *line != '\0';
		    line += strcspn(line, "\n") + 1)
			if (strcspn(line, "\n") > 80)
				fail_msg("too long: %s", line);
		free(usage);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(options_and_words_may_be_mixed),
		cmocka_unit_test(help_and_version_are_first),
		cmocka_unit_test(every_command_has_targets_of_its_own),
		cmocka_unit_test(options_go_with_their_commands),
		cmocka_unit_test(commands_that_are_not_there_are_not_heard_of),
		cmocka_unit_test(wrong_use_is_told),
		cmocka_unit_test(arguments_are_what_they_must_be),
		cmocka_unit_test(lengths_at_the_limit_and_one_past_it),
		cmocka_unit_test(numbers_and_names_of_other_commands),
		cmocka_unit_test(labels_stop_at_their_limits),
		cmocka_unit_test(help_has_the_commands_that_there_are),
		cmocka_unit_test(usage_has_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
