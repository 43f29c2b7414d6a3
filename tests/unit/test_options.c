/*
 * The command line of bottle-agent: what is accepted, what it means, and what
 * is refused with which words and which exit code.
 */

#include "agent/options.h"
#include "agent/optiontable.h"
#include "proto/constraint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARGS_MAX	80
#define WHY_MAX		256

/* A command line that was parsed. */
struct line {
	char			 text[1024];
	char			*argv[ARGS_MAX];
	int			 argc;
	struct agent_options	 opts;
	char			 why[WHY_MAX];
	int			 st;
};

/* Parse ${words}, separated by single blanks; '' stands for an empty word. */
static void
parse(struct line *l, const char *words)
{
	static char program[] = "bottle-agent";
	char *save = NULL;
	char *word;

	assert_true(strlen(words) < sizeof(l->text));
	memcpy(l->text, words, strlen(words) + 1);
	l->argc = 0;
	l->argv[l->argc++] = program;
	for (word = strtok_r(l->text, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "''") == 0)
			word[0] = '\0';
		assert_true(l->argc < ARGS_MAX - 1);
		l->argv[l->argc++] = word;
	}
	l->argv[l->argc] = NULL;
	l->st = options_parse(l->argc, l->argv, &l->opts, l->why,
	    sizeof(l->why));
}

static void
parse_ok(struct line *l, const char *words)
{
	parse(l, words);
	if (l->st != ST_OK)
		fail_msg("\"%s\" was refused: %s", words, l->why);
	assert_string_equal(l->why, "");
}

static void
nothing_given_is_ssh_agent_mode(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "");
	assert_int_equal(l.opts.command, COMMAND_SERVE);
	assert_false(l.opts.service);
	assert_false(l.opts.foreground);
	assert_false(l.opts.public);
	assert_false(l.opts.has_lifetime);
	assert_false(l.opts.ours);
	assert_null(l.opts.socket);
	assert_null(l.opts.run);
	assert_null(l.opts.name);
	assert_int_equal(l.opts.n_allow, 0);
	assert_int_equal(l.opts.ready_fd, -1);
	assert_int_equal(l.opts.memory.size, 0);
	assert_int_equal(l.opts.memory.want, SECRET_AUTO);
	assert_false(l.opts.memory.allow_unlocked);
	assert_false(l.opts.strict);
	assert_false(l.opts.keep_stale);
	assert_int_equal(l.opts.hash, FINGERPRINT_SHA256);
	assert_false(l.opts.no_restrict_websafe);
	assert_false(l.opts.allow_remote_pkcs11);
	assert_null(l.opts.websafe_allow);
	assert_null(l.opts.providers);
}

static void
ssh_agent_options_are_taken(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "-c -D -T -a /tmp/x -t 90");
	assert_true(l.opts.csh);
	assert_false(l.opts.sh);
	assert_true(l.opts.foreground);
	assert_false(l.opts.debug);
	assert_true(l.opts.tmp_socket);
	assert_string_equal(l.opts.socket, "/tmp/x");
	assert_true(l.opts.has_lifetime);
	assert_int_equal(l.opts.lifetime_s, 90);
	assert_false(l.opts.ours);

	parse_ok(&l, "-sd");
	assert_true(l.opts.sh);
	assert_true(l.opts.debug);
	assert_true(l.opts.foreground);

	parse_ok(&l, "-DTU -E md5 -O no-restrict-websafe "
	    "-O allow-remote-pkcs11 -O websafe-allow=ssh:*,x -P /usr/lib/*");
	assert_true(l.opts.keep_stale);
	assert_int_equal(l.opts.hash, FINGERPRINT_MD5);
	assert_true(l.opts.no_restrict_websafe);
	assert_true(l.opts.allow_remote_pkcs11);
	assert_string_equal(l.opts.websafe_allow, "ssh:*,x");
	assert_string_equal(l.opts.providers, "/usr/lib/*");
	assert_false(l.opts.ours);
	parse_ok(&l, "-O websafe-allow= -P ''");
	assert_string_equal(l.opts.websafe_allow, "");
	assert_string_equal(l.opts.providers, "");
}

static void
hashes_are_those_of_ssh_keygen(void **state)
{
	static const struct {
		const char		*words;
		enum fingerprint_hash	 hash;
	} rows[] = {
		{ "-E md5", FINGERPRINT_MD5 },
		{ "-EMD5", FINGERPRINT_MD5 },
		{ "-E sha1", FINGERPRINT_SHA1 },
		{ "-E SHA256", FINGERPRINT_SHA256 },
		{ "-E sha384", FINGERPRINT_SHA384 },
		{ "-E Sha512", FINGERPRINT_SHA512 },
		{ "-E md5 -E sha1", FINGERPRINT_SHA1 },
	};
	struct line l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		parse_ok(&l, rows[i].words);
		assert_int_equal(l.opts.hash, rows[i].hash);
	}
}

/* Scripts say "eval `ssh-agent -s` ${opts}" with opts that say it again. */
static void
what_ssh_agent_takes_twice_is_taken_twice(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "-a /x -a /y -t 1 -t 2 -s -s -T -T -U -U "
	    "-O no-restrict-websafe -O no-restrict-websafe");
	assert_string_equal(l.opts.socket, "/y");
	assert_int_equal(l.opts.lifetime_s, 2);
	assert_true(l.opts.sh);
	parse_ok(&l, "-c -c -k -k");
	assert_int_equal(l.opts.command, COMMAND_KILL);
	assert_true(l.opts.csh);
}

static void
clean_is_for_this_host_or_twice_for_any(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "-u");
	assert_int_equal(l.opts.command, COMMAND_CLEAN);
	assert_false(l.opts.any_host);
	parse_ok(&l, "-uu");
	assert_int_equal(l.opts.command, COMMAND_CLEAN);
	assert_true(l.opts.any_host);
	parse_ok(&l, "-u -DTU -a /x -t 5 -u -E md5 -u");
	assert_int_equal(l.opts.command, COMMAND_CLEAN);
	assert_true(l.opts.any_host);
	/* As ssh-agent: -k goes before -u. */
	parse_ok(&l, "-ku");
	assert_int_equal(l.opts.command, COMMAND_KILL);
	parse_ok(&l, "-uk");
	assert_int_equal(l.opts.command, COMMAND_KILL);
}

static void
short_options_combine_and_attach(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "-sk");
	assert_int_equal(l.opts.command, COMMAND_KILL);
	assert_true(l.opts.sh);
	parse_ok(&l, "-t1h30m -a/tmp/x");
	assert_int_equal(l.opts.lifetime_s, 5400);
	assert_string_equal(l.opts.socket, "/tmp/x");
	parse_ok(&l, "-Dt10");
	assert_int_equal(l.opts.lifetime_s, 10);
	parse_ok(&l, "-P/* -Ono-restrict-websafe -UDEsha1");
	assert_string_equal(l.opts.providers, "/*");
	assert_true(l.opts.no_restrict_websafe);
	assert_true(l.opts.keep_stale);
	assert_true(l.opts.foreground);
	assert_int_equal(l.opts.hash, FINGERPRINT_SHA1);
}

static void
kill_takes_other_ssh_agent_options(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "-k -a /tmp/x -t 5 -D -T -U -E md5 -P /x "
	    "-O allow-remote-pkcs11");
	assert_int_equal(l.opts.command, COMMAND_KILL);
}

static void
lifetime_zero_is_no_lifetime(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "-t 0");
	assert_false(l.opts.has_lifetime);
}

static void
service_options_are_taken(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "--public --allow node=list,sign --allow=@dev=list "
	    "--socket=/run/x.sock --allow-shared-dir --legacy-rsa "
	    "--ready-fd 7 --memory mlock --memory-size 512K "
	    "--allow-unlocked-memory");
	assert_int_equal(l.opts.command, COMMAND_SERVE);
	assert_true(l.opts.service);
	assert_true(l.opts.public);
	assert_true(l.opts.ours);
	assert_int_equal(l.opts.n_allow, 2);
	assert_string_equal(l.opts.allow[0], "node=list,sign");
	assert_string_equal(l.opts.allow[1], "@dev=list");
	assert_string_equal(l.opts.socket, "/run/x.sock");
	assert_true(l.opts.allow_shared_dir);
	assert_true(l.opts.legacy_rsa);
	assert_int_equal(l.opts.ready_fd, 7);
	assert_int_equal(l.opts.memory.want, SECRET_MLOCK);
	assert_int_equal(l.opts.memory.size, 512 * 1024);
	assert_true(l.opts.memory.allow_unlocked);
}

static void
allow_alone_is_service_mode(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "--allow 1000=sign");
	assert_true(l.opts.service);
	assert_false(l.opts.public);
}

static void
hardening_is_strict_but_for_ssh_agent_mode(void **state)
{
	static const struct {
		const char	*words;
		bool		 strict;
	} rows[] = {
		{ "", false },
		{ "-D -a /tmp/x", false },
		{ "--hardening strict", true },
		{ "--public --allow 1=list", true },
		{ "--allow 1=list", true },
		{ "--hardening best-effort --allow 1=list", false },
		{ "--allow 1=list --hardening=best-effort", false },
		{ "--load", true },
		{ "--load --hardening best-effort", false },
	};
	struct line l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		parse_ok(&l, rows[i].words);
		assert_int_equal(l.opts.strict, rows[i].strict);
	}
}

static void
memory_kinds_and_sizes(void **state)
{
	static const struct {
		const char	*words;
		size_t		 size;
	} sizes[] = {
		{ "--memory-size 65536", 65536 },
		{ "--memory-size 64K", 65536 },
		{ "--memory-size 64k", 65536 },
		{ "--memory-size 2M", 2 * 1024 * 1024 },
		{ "--memory-size 2m", 2 * 1024 * 1024 },
		{ "--memory-size 1024M", 1024 * 1024 * 1024 },
	};
	struct line l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		parse_ok(&l, sizes[i].words);
		assert_int_equal(l.opts.memory.size, sizes[i].size);
	}
	parse_ok(&l, "--memory=auto");
	assert_int_equal(l.opts.memory.want, SECRET_AUTO);
	parse_ok(&l, "--memory=secret");
	assert_int_equal(l.opts.memory.want, SECRET_MEMFD);
}

static void
load_takes_its_own_and_what_an_agent_needs(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "--load --expect 3 --name ci -t 10m --public "
	    "--allow node=sign -a /run/x.sock --memory secret");
	assert_int_equal(l.opts.command, COMMAND_LOAD);
	assert_true(l.opts.has_expect);
	assert_int_equal(l.opts.expect, 3);
	assert_string_equal(l.opts.name, "ci");
	assert_true(l.opts.has_lifetime);
	assert_int_equal(l.opts.lifetime_s, 600);
	assert_true(l.opts.service);
	parse_ok(&l, "--load --allow-shared-dir");
	assert_true(l.opts.allow_shared_dir);
}

static void
rules_of_keys_are_taken(void **state)
{
	static const struct {
		const char	*words;
		uint32_t	 n, s;
	} rates[] = {
		{ "--rate 5/1m", 5, 60 },
		{ "--rate=1/1", 1, 1 },
		{ "--rate 1024/24h", 1024, 86400 },
		{ "--rate 0010/1H30M", 10, 5400 },
	};
	struct line l;
	char words[64];

	(void)state;
	parse_ok(&l, "--load");
	assert_null(l.opts.purposes);
	assert_int_equal(l.opts.signatures, 0);
	assert_int_equal(l.opts.rate_n, 0);
	parse_ok(&l, "--load --purpose auth,git,file,any,a@b.example "
	    "--max-signatures 4294967295");
	assert_string_equal(l.opts.purposes, "auth,git,file,any,a@b.example");
	assert_true(l.opts.signatures == UINT32_MAX);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		(void)snprintf(words, sizeof(words), "--load %s",
		    rates[i].words);
		parse_ok(&l, words);
		assert_int_equal(l.opts.rate_n, rates[i].n);
		assert_int_equal(l.opts.rate_s, rates[i].s);
	}
}

/* What the agent would refuse is refused before a key is read. */
static void
purposes_stop_where_the_agent_stops(void **state)
{
	static char program[] = "bottle-agent", load[] = "--load";
	static char list[1024] = "--purpose=";
	char *argv[] = { program, load, list, NULL };
	const size_t head = strlen(list);
	struct agent_options opts;
	char why[WHY_MAX];

	(void)state;
	memset(list + head, 'x', CONSTRAINT_PURPOSE_MAX);
	assert_int_equal(options_parse(3, argv, &opts, why, sizeof(why)),
	    ST_OK);
	list[head + CONSTRAINT_PURPOSE_MAX] = 'x';
	assert_int_equal(options_parse(3, argv, &opts, why, sizeof(why)),
	    ST_MALFORMED);
	assert_non_null(strstr(why, "at most 255 bytes"));

	memset(list + head, 0, sizeof(list) - head);
	for (size_t i = 0; i < CONSTRAINT_PURPOSES_MAX; i++)
		memcpy(list + head + 2 * i, "x,", 2);
	list[head + 2 * CONSTRAINT_PURPOSES_MAX - 1] = '\0';
	assert_int_equal(options_parse(3, argv, &opts, why, sizeof(why)),
	    ST_OK);
	memcpy(list + head + 2 * CONSTRAINT_PURPOSES_MAX - 1, ",y", 3);
	assert_int_equal(options_parse(3, argv, &opts, why, sizeof(why)),
	    ST_MALFORMED);
	assert_string_equal(why, "--purpose takes at most 32 purposes");
}

static void
status_takes_socket_and_json(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "--status --json --socket /run/x.sock");
	assert_int_equal(l.opts.command, COMMAND_STATUS);
	assert_true(l.opts.json);
	assert_string_equal(l.opts.socket, "/run/x.sock");
}

static void
lock_and_unlock_take_a_socket(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "--lock -a /run/x.sock --allow-unlocked-memory");
	assert_int_equal(l.opts.command, COMMAND_LOCK);
	assert_string_equal(l.opts.socket, "/run/x.sock");
	assert_true(l.opts.memory.allow_unlocked);
	parse_ok(&l, "--unlock --allow-shared-dir --memory mlock");
	assert_int_equal(l.opts.command, COMMAND_UNLOCK);
	assert_true(l.opts.allow_shared_dir);
	assert_int_equal(l.opts.memory.want, SECRET_MLOCK);
}

static void
remove_takes_a_name_or_all(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "--remove --name work -a /run/x.sock --json");
	assert_int_equal(l.opts.command, COMMAND_REMOVE);
	assert_string_equal(l.opts.name, "work");
	assert_string_equal(l.opts.socket, "/run/x.sock");
	assert_true(l.opts.json);
	parse_ok(&l, "--remove --every-load --allow-shared-dir");
	assert_true(l.opts.every_load);
	assert_null(l.opts.name);
	assert_true(l.opts.allow_shared_dir);
}

static void
options_end_at_the_command(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "-t 5 sh -c --public");
	assert_non_null(l.opts.run);
	assert_string_equal(l.opts.run[0], "sh");
	assert_string_equal(l.opts.run[1], "-c");
	assert_string_equal(l.opts.run[2], "--public");
	assert_null(l.opts.run[3]);
	assert_false(l.opts.csh);
	assert_false(l.opts.service);

	parse_ok(&l, "-- -odd-name");
	assert_string_equal(l.opts.run[0], "-odd-name");
	parse_ok(&l, "-T --");
	assert_null(l.opts.run);
	parse_ok(&l, "-T sh -D -u -k");
	assert_int_equal(l.opts.command, COMMAND_SERVE);
	assert_false(l.opts.foreground);
	parse_ok(&l, "-");
	assert_string_equal(l.opts.run[0], "-");
}

static void
help_and_version_end_the_parse(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "-h");
	assert_int_equal(l.opts.command, COMMAND_HELP);
	parse_ok(&l, "--load --help --nonsense");
	assert_int_equal(l.opts.command, COMMAND_HELP);
	parse_ok(&l, "-V");
	assert_int_equal(l.opts.command, COMMAND_VERSION);
	assert_true(l.opts.version_stderr);
	parse_ok(&l, "--version -x");
	assert_int_equal(l.opts.command, COMMAND_VERSION);
	assert_false(l.opts.version_stderr);
}

/* A line that is refused, a piece of the reason, and the exit code. */
struct refusal {
	const char	*words;
	const char	*why;
	int		 exit;
};

static void
check_refusals(const struct refusal *r, size_t n)
{
	struct line l;
	size_t i;
	int got;

	for (i = 0; i < n; i++) {
		parse(&l, r[i].words);
		if (l.st != ST_MALFORMED)
			fail_msg("\"%s\" was taken", r[i].words);
		if (strstr(l.why, r[i].why) == NULL)
			fail_msg("\"%s\": \"%s\" does not say \"%s\"",
			    r[i].words, l.why, r[i].why);
		if (strchr(l.why, '\n') != NULL)
			fail_msg("\"%s\": more than a line", r[i].words);
		got = options_usage_exit(&l.opts);
		if (got != r[i].exit)
			fail_msg("\"%s\": exit %d, not %d", r[i].words, got,
			    r[i].exit);
	}
}
#define CHECK_REFUSALS(r)	check_refusals(r, sizeof(r) / sizeof((r)[0]))

static void
ssh_agent_misuse_exits_1(void **state)
{
	static const struct refusal r[] = {
		{ "-c -s", "-c and -s exclude each other", 1 },
		{ "-D -d", "-D and -d exclude each other", 1 },
		{ "-dD", "-D and -d exclude each other", 1 },
		{ "-DD", "-D given twice", 1 },
		{ "-d -d", "-d given twice", 1 },
		{ "-dd", "-d given twice", 1 },
		{ "-k -cs", "-c and -s exclude each other", 1 },
		{ "-k -t x", "Invalid lifetime", 1 },
		{ "-u sh", "-u takes no COMMAND", 1 },
		{ "-E", "-E needs HASH", 1 },
		{ "-O", "-O needs OPTION", 1 },
		{ "-P", "-P needs LIST", 1 },
		{ "-t x", "Invalid lifetime \"x\": give seconds, or units", 1 },
		{ "-t -5", "Invalid lifetime \"-5\": give seconds", 1 },
		{ "-t ''", "Invalid lifetime", 1 },
		{ "-t \x1b[m", "Invalid lifetime \"\\x1b[m\": give", 1 },
		{ "-t 4294967296", "\"4294967296\": at most 2147483647 s", 1 },
		{ "-t", "-t needs LIFE", 1 },
		{ "-a", "-a needs PATH", 1 },
		{ "-a ''", "-a must not be empty", 1 },
		{ "-c sh", "-c takes no COMMAND", 1 },
		{ "-s sh", "-s takes no COMMAND", 1 },
		{ "-k sh", "-k takes no COMMAND", 1 },
		{ "-D sh", "-D takes no COMMAND", 1 },
		{ "-d sh", "-d takes no COMMAND", 1 },
		{ "-x", "unknown option -x", 1 },
		{ "-cx", "unknown option -x", 1 },
		{ "-c-", "unknown option --", 1 },
		{ "-\x01", "unknown option -\\x01", 1 },
		{ "-\xff", "unknown option -\\xff", 1 },
		{ "-:", "unknown option -:", 1 },
	};

	(void)state;
	CHECK_REFUSALS(r);
}

static void
what_ssh_agent_calls_fatal_exits_255(void **state)
{
	static const struct refusal r[] = {
		{ "-E sha", "Invalid hash algorithm \"sha\"", 255 },
		{ "-E ''", "Invalid hash algorithm", 255 },
		{ "-E \x1b[m", "Invalid hash algorithm \"\\x1b[m\"", 255 },
		{ "-O no", "Unknown -O option", 255 },
		{ "-O ''", "Unknown -O option", 255 },
		{ "-O no-restrict-websafe2", "Unknown -O option", 255 },
		{ "-O websafe-allow", "Unknown -O option", 255 },
		{ "-O websafe-allow= -O websafe-allow=",
		    "-O websafe-allow already set", 255 },
		{ "-P a -P b", "-P option already specified", 255 },
		{ "-k -P a -P a", "-P option already specified", 255 },
		/* Once ours was seen it is wrong use like any other. */
		{ "--legacy-rsa -E sha", "Invalid hash algorithm", 2 },
		{ "--legacy-rsa -P a -P b", "-P option already", 2 },
	};

	(void)state;
	CHECK_REFUSALS(r);
}

static void
bad_values_exit_2(void **state)
{
	static const struct refusal r[] = {
		{ "--socket", "--socket needs PATH", 2 },
		{ "--name", "--name needs NAME", 2 },
		{ "--public=yes", "--public takes no value", 2 },
		{ "--ready-fd x", "--ready-fd takes a number", 2 },
		{ "--ready-fd 2", "--ready-fd takes a number", 2 },
		{ "--ready-fd 2147483648", "--ready-fd takes a number", 2 },
		{ "--memory ram", "auto, secret or mlock", 2 },
		{ "--hardening soft", "strict or best-effort", 2 },
		{ "--hardening ''", "strict or best-effort", 2 },
		{ "--memory-size K", "--memory-size takes bytes", 2 },
		{ "--memory-size ''", "--memory-size takes bytes", 2 },
		{ "--memory-size 65535", "--memory-size takes bytes", 2 },
		{ "--memory-size 1025M", "--memory-size takes bytes", 2 },
		{ "--memory-size 2G", "--memory-size takes bytes", 2 },
		{ "--memory-size 64KK", "--memory-size takes bytes", 2 },
		{ "--memory-size 18014398509481985K",
		    "--memory-size takes bytes", 2 },
		{ "--memory-size 000000000000000000000000000000065536",
		    "--memory-size takes bytes", 2 },
		{ "--load --expect 0", "--expect takes a number", 2 },
		{ "--load --expect 2049", "--expect takes a number", 2 },
		{ "--load --expect +1", "--expect takes a number", 2 },
		{ "--load --name ''", "--name must not be empty", 2 },
		{ "--load --name aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaa", "--name takes at most 64", 2 },
		{ "--load --purpose ''", "--purpose takes auth, any", 2 },
		{ "--load --purpose auth,", "--purpose auth,git", 2 },
		{ "--load --purpose ,auth", "no blanks between", 2 },
		{ "--load --purpose a,,b", "no blanks between", 2 },
		{ "--load --purpose a\tb", "no blanks between", 2 },
		{ "--load --purpose a\x7f", "no blanks between", 2 },
		{ "--load --purpose", "--purpose needs LIST", 2 },
		{ "--load --max-signatures 0", "a number from 1", 2 },
		{ "--load --max-signatures 4294967296", "4294967295", 2 },
		{ "--load --max-signatures -1", "a number from 1", 2 },
		{ "--load --rate 5", "--rate takes N/TIME", 2 },
		{ "--load --rate 5/", "for example --rate 5/1m", 2 },
		{ "--load --rate /1m", "--rate takes N/TIME", 2 },
		{ "--load --rate 0/1m", "--rate takes N/TIME", 2 },
		{ "--load --rate 5/0", "--rate takes N/TIME", 2 },
		{ "--load --rate 1025/1m", "from 1 to 1024", 2 },
		{ "--load --rate 99999999999/1m", "from 1 to 1024", 2 },
		{ "--load --rate 5/86401", "from 1s to 1d", 2 },
		{ "--load --rate 5/1x", "--rate takes N/TIME", 2 },
		{ "--load --rate 5/1m/2", "--rate takes N/TIME", 2 },
		{ "--load --rate 5:1m", "--rate takes N/TIME", 2 },
		{ "--forwarded maybe", "--forwarded takes deny or allow", 2 },
		{ "--allow node", "--allow takes PEER=OPS", 2 },
		{ "--allow =sign", "--allow takes PEER=OPS", 2 },
		{ "--allow node=", "--allow takes PEER=OPS", 2 },
		{ "--allow ''", "--allow takes PEER=OPS", 2 },
	};

	(void)state;
	CHECK_REFUSALS(r);
}

static void
combinations_of_ours_exit_2(void **state)
{
	static const struct refusal r[] = {
		{ "--public", "--public needs a --policy or at least one --allow", 2 },
		{ "--public -a /x", "--allow node=list,sign", 2 },
		{ "--load --public", "--public needs a --policy or", 2 },
		{ "--load --status", "--load and --status exclude", 2 },
		{ "--load -k", "--load and -k exclude", 2 },
		{ "--lock --unlock", "--lock and --unlock exclude", 2 },
		{ "--unlock --status", "--status and --unlock exclude", 2 },
		{ "--lock -k", "--lock and -k exclude", 2 },
		{ "--remove", "--remove needs --name NAME", 2 },
		{ "--remove --json", "--remove needs --name NAME", 2 },
		{ "--remove --name x --every-load", "--name and --every-load exclude", 2 },
		{ "--load --every-load", "--every-load goes with --remove only", 2 },
		{ "--lock --json", "--json goes with --status, --explain and", 2 },
		{ "--unlock -t 5", "-t does not go with --unlock", 2 },
		{ "--lock --allow a=sign", "--allow does not go with --l", 2 },
		{ "--lock secret", "--lock takes no COMMAND", 2 },
		{ "--unlock secret", "--unlock takes no COMMAND", 2 },
		{ "-k --status", "--status and -k exclude", 2 },
		{ "--load --load", "--load given twice", 2 },
		{ "-a x --socket y", "--socket given twice", 2 },
		{ "--socket x -a y", "-a given twice", 2 },
		{ "--load -json", "unknown option -json; did you mean --json?", 2 },
		{ "-a x -a y --legacy-rsa", "-a given twice", 2 },
		{ "--allow a=sign -t 5 -t 5", "-t given twice", 2 },
		{ "--load -u", "--load and -u exclude", 2 },
		{ "--status -u", "--status and -u exclude", 2 },
		{ "-u --legacy-rsa", "--legacy-rsa does not go with -u", 2 },
		{ "--load -E md5", "-E does not go with --load", 2 },
		{ "--load -U", "-U does not go with --load", 2 },
		{ "--status -P x", "-P does not go with --status", 2 },
		{ "--expect 3", "--expect goes with --load only", 2 },
		{ "--name x", "--name goes with --load and --remove only", 2 },
		{ "--purpose git", "--purpose goes with --load only", 2 },
		{ "--max-signatures 1", "--max-signatures goes with", 2 },
		{ "--rate 1/1s", "--rate goes with --load only", 2 },
		{ "--load --purpose a --purpose b", "--purpose given", 2 },
		{ "--load --rate 1/1 --rate 1/1", "--rate given twice", 2 },
		{ "--json", "--json goes with --status, --explain and", 2 },
		{ "--load --json", "--json goes with --status, --explain and", 2 },
		{ "--status --name x", "--name goes with --load and --remove only", 2 },
		{ "--status -t 5", "-t does not go with --status", 2 },
		{ "--status --allow a=sign", "--allow does not go with", 2 },
		{ "--load -D", "-D does not go with --load", 2 },
		{ "--load --ready-fd 5", "--ready-fd does not go with", 2 },
		{ "--check-policy p -a x", "-a does not go with --check", 2 },
		{ "-a x --check-policy p", "-a does not go with --check", 2 },
		{ "-k --legacy-rsa", "--legacy-rsa does not go with -k", 2 },
		{ "--load x", "it reads stdin: --load < x", 2 },
		{ "--load \x1bx y", "it reads stdin: --load < \\x1bx", 2 },
		{ "--status x", "--status takes no COMMAND", 2 },
		{ "--allow a=sign sh", "--allow takes no COMMAND", 2 },
		{ "--public --allow a=sign sh", "--public takes no", 2 },
		{ "--allow a=sign -T", "-T makes a directory", 2 },
		{ "--allow-shared-dir", "needs --public, --allow or", 2 },
		/* ssh-agent's own misuse, once ours was seen. */
		{ "--legacy-rsa -c -s", "-c and -s exclude", 2 },
		{ "--legacy-rsa -t x", "Invalid lifetime", 2 },
	};

	(void)state;
	CHECK_REFUSALS(r);
}

static void
unknown_long_option_names_the_nearest(void **state)
{
	static const struct refusal r[] = {
		{ "--pubic",
		    "unknown option --pubic; did you mean --public?", 2 },
		{ "--alow node=sign", "did you mean --allow?", 2 },
		{ "--alolw=node=sign", "--alolw; did you mean --allow?", 2 },
		{ "--stauts", "did you mean --status?", 2 },
		{ "--socet x", "did you mean --socket?", 2 },
		{ "--legacy_rsa", "did you mean --legacy-rsa?", 2 },
		/* A beginning is not enough, and says what it began. */
		{ "--pub", "did you mean --public?", 2 },
		{ "--sock /x", "did you mean --socket?", 2 },
		{ "--sock", "did you mean --socket?", 2 },
		{ "--pub=1", "--pub; did you mean --public?", 2 },
		{ "--allow-u", "did you mean --allow-unlocked-memory?", 2 },
		/* Far from all of them: no guess. */
		{ "--frobnicate", "unknown option --frobnicate; see", 2 },
		{ "--polcy /etc/x", "did you mean --policy?", 2 },
		{ "--x", "unknown option --x; see", 2 },
		{ "--=5", "unknown option --; see", 2 },
		{ "--\x1b[31m", "unknown option --\\x1b[31m; see", 2 },
		{ "--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    "aaaa; see", 2 },
	};

	(void)state;
	CHECK_REFUSALS(r);
}

static void
allow_stops_at_its_limit(void **state)
{
	static char program[] = "bottle-agent";
	static char rule[] = "--allow=node=sign";
	char *argv[OPTIONS_ALLOW_MAX + 3] = { program };
	struct agent_options opts;
	char why[WHY_MAX];
	int i;

	(void)state;
	for (i = 1; i <= OPTIONS_ALLOW_MAX + 1; i++)
		argv[i] = rule;
	assert_int_equal(options_parse(OPTIONS_ALLOW_MAX + 2, argv, &opts,
	    why, sizeof(why)), ST_MALFORMED);
	assert_string_equal(why, "more than 64 --allow");

	argv[OPTIONS_ALLOW_MAX + 1] = NULL;
	assert_int_equal(options_parse(OPTIONS_ALLOW_MAX + 1, argv, &opts,
	    why, sizeof(why)), ST_OK);
	assert_int_equal(opts.n_allow, OPTIONS_ALLOW_MAX);
}

static void
reason_is_cut_at_its_room(void **state)
{
	static char program[] = "bottle-agent";
	static char word[] = "--pubic";
	char *argv[] = { program, word, NULL };
	struct agent_options opts;
	char why[8];

	(void)state;
	assert_int_equal(options_parse(2, argv, &opts, why, sizeof(why)),
	    ST_MALFORMED);
	assert_string_equal(why, "unknown");
}

static void
empty_argv_is_taken(void **state)
{
	char *argv[] = { NULL };
	struct agent_options opts;
	char why[WHY_MAX];

	(void)state;
	assert_int_equal(options_parse(0, argv, &opts, why, sizeof(why)),
	    ST_OK);
	assert_null(opts.run);
}

/* Options of the last run must not be left in getopt()'s own state. */
static void
parse_again_starts_over(void **state)
{
	struct line l;

	(void)state;
	parse(&l, "-cx");
	assert_int_equal(l.st, ST_MALFORMED);
	parse_ok(&l, "-s -D");
	assert_true(l.opts.sh);
	assert_false(l.opts.csh);
	assert_null(l.opts.run);
}

static void
usage_names_every_option(void **state)
{
	static const char *const want[] = {
		"-a, --socket PATH", "  -c ", "  -s ", "  -k ", "  -D ",
		"  -d ", "  -t LIFE", "  -T ", "  -V ", "-h, --help",
		"  -u ", "  -U ", "  -E HASH", "  -O OPTION", "  -P LIST",
		"--version", "--public", "--allow PEER=OPS",
		"--allow-shared-dir", "--legacy-rsa", "--ready-fd N",
		"--memory KIND", "--memory-size BYTES",
		"--allow-unlocked-memory", "--hardening HOW", "--load",
		"--expect N",
		"--name NAME", "--purpose LIST", "--max-signatures N",
		"--rate N/TIME", "--status", "--json", "--lock", "--unlock",
	};
	char *text = optiontable_usage();
	const char *line;
	size_t i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (strstr(text, want[i]) == NULL)
			fail_msg("--help does not have \"%s\"", want[i]);
	for (line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 80);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_is_ssh_agent_mode),
		cmocka_unit_test(ssh_agent_options_are_taken),
		cmocka_unit_test(hashes_are_those_of_ssh_keygen),
		cmocka_unit_test(what_ssh_agent_takes_twice_is_taken_twice),
		cmocka_unit_test(clean_is_for_this_host_or_twice_for_any),
		cmocka_unit_test(short_options_combine_and_attach),
		cmocka_unit_test(kill_takes_other_ssh_agent_options),
		cmocka_unit_test(lifetime_zero_is_no_lifetime),
		cmocka_unit_test(service_options_are_taken),
		cmocka_unit_test(allow_alone_is_service_mode),
		cmocka_unit_test(memory_kinds_and_sizes),
		cmocka_unit_test(hardening_is_strict_but_for_ssh_agent_mode),
		cmocka_unit_test(load_takes_its_own_and_what_an_agent_needs),
		cmocka_unit_test(rules_of_keys_are_taken),
		cmocka_unit_test(purposes_stop_where_the_agent_stops),
		cmocka_unit_test(status_takes_socket_and_json),
		cmocka_unit_test(lock_and_unlock_take_a_socket),
		cmocka_unit_test(remove_takes_a_name_or_all),
		cmocka_unit_test(options_end_at_the_command),
		cmocka_unit_test(help_and_version_end_the_parse),
		cmocka_unit_test(ssh_agent_misuse_exits_1),
		cmocka_unit_test(what_ssh_agent_calls_fatal_exits_255),
		cmocka_unit_test(bad_values_exit_2),
		cmocka_unit_test(combinations_of_ours_exit_2),
		cmocka_unit_test(unknown_long_option_names_the_nearest),
		cmocka_unit_test(allow_stops_at_its_limit),
		cmocka_unit_test(reason_is_cut_at_its_room),
		cmocka_unit_test(empty_argv_is_taken),
		cmocka_unit_test(parse_again_starts_over),
		cmocka_unit_test(usage_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
