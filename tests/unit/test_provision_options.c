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
static char why[512];

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
	return provision_options_parse(argc, argv, &o, why, sizeof(why));
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
	assert_false(o.verbose);
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
		"-vv load -v --json web a b",
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

static void
help_and_version_are_first(void **state)
{
	(void)state;
	good("--help");
	assert_int_equal(o.command, PROVISION_HELP);
	good("-V");
	assert_int_equal(o.command, PROVISION_VERSION);
	good("load --help --version --nonsense");
	assert_int_equal(o.command, PROVISION_HELP);
	good("load web host -V -h");
	assert_int_equal(o.command, PROVISION_VERSION);
	good("-vh");
	assert_int_equal(o.command, PROVISION_HELP);
	assert_int_equal(parse("load --nonsense --help"), ST_MALFORMED);
	/* Behind "--" it is a host. */
	good("load web -- --help");
	assert_int_equal(o.command, PROVISION_LOAD);
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
		{ "-- load web a", "say what to do" },
		{ "lod web a", "unknown command lod; there is load" },
		{ "\033[2J", "unknown command \\x1b[2J; there is" },
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
		{ "load -n a web h --name b", "-n is given twice" },
		{ "load --json --json web a", "--json is given twice" },
		{ "load -f a -f b web", "-f is given twice" },
		/* What does not go together. */
		{ "load -b x web a", "--bottle goes with --manifest" },
		{ "load -f m -F c web", "--ssh-config goes with HOSTs" },
		{ "load --sign-as x web a", "--sign-as goes with --sign" },
		{ "load --scan --scan-via-target web a", "give one of them" },
		{ "load --scan --no-prompt web a", "--scan asks you" },
		{ "load --scan-via-target --no-prompt web a",
		    "--scan asks you" },
		{ "load --scan-via-target --dry-run web a",
		    "--scan-via-target runs a program in the target" },
		{ "load --programs p --no-install web a", "give one of them" },
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
		{ "--sign-as", "a", 255 }, { "-u", "a", 255 },
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
usage_has_every_option(void **state)
{
	static const char *const options[] = { "-f, --manifest FILE",
		"-b, --bottle NAME", "-n, --name NAME", "-F, --ssh-config FILE",
		"--scan ", "--scan-via-target", "--sign ", "--sign-as WHO",
		"-u, --user NAME", "--home DIR", "-s, --socket PATH",
		"-p, --proxy URL", "--bin DIR", "--programs DIR",
		"--no-install", "--no-prompt", "--timeout TIME", "--dry-run",
		"--json", "-v, --verbose", "-h, --help", "-V, --version" };
	char *usage = provision_options_usage();

	(void)state;
	assert_non_null(usage);
	assert_int_equal(strncmp(usage, "usage: bottle-provision load ", 29),
	    0);
	for (size_t i = 0; i < LENGTH(options); i++)
		if (strstr(usage, options[i]) == NULL)
			fail_msg("%s is missing in %s", options[i], usage);
	free(usage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(options_and_words_may_be_mixed),
		cmocka_unit_test(help_and_version_are_first),
		cmocka_unit_test(wrong_use_is_told),
		cmocka_unit_test(arguments_are_what_they_must_be),
		cmocka_unit_test(lengths_at_the_limit_and_one_past_it),
		cmocka_unit_test(usage_has_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
