/*
 * What doctor makes of what it is told: a healthy target in which nothing is
 * wrong, then one thing after the other that is, each of which changes the
 * verdict of one link and of no other.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provision/doctor_agent.h"
#include "provision/doctor_client.h"
#include "provision/doctor_guard.h"

static const char healthy_root[] =
    "bd who root\n"
    "bd uid 0\n"
    "bd account 1000 1000 node /home/node\n"
    "bd trust bottle-agent ok /usr/local/bin\n"
    "bd trust bottle-forward ok /usr/local/bin\n"
    "bd trust bottle-ssh-keygen ok /usr/local/bin\n"
    "bd real /run/bottle-agent.sock\n"
    "bd way drwxr-xr-x 1 0 0 4096 2026-11-29 09:00 /\n"
    "bd way drwxr-xr-x 1 0 0 4096 2026-11-29 09:00 /run\n"
    "bd way srw-rw-rw- 1 0 0 0 2026-11-29 09:00 "
    "/run/bottle-agent.sock\n"
    "bd unix seen\n"
    "bd listen /run/bottle-agent.sock\n"
    "bd agent 7 Uid: 0 0 0 0\n"
    "bd agent 7 CapPrm: 0000000000000000\n"
    "bd agent 7 CapEff: 0000000000000000\n"
    "bd agent 7 CapBnd: 0000000000000000\n"
    "bd agent 7 NoNewPrivs: 1\n"
    "bd agent 7 Seccomp: 2\n"
    "bd agent 7 Core: 0\n"
    "bd status CapBnd: 00000000a80425fb\n"
    "bd status Seccomp: 2\n"
    "bd path /usr/local/bin:/usr/bin\n"
    "bd setuid /usr/bin/su\n"
    "bd end root\n";

static const char healthy_user[] =
    "bd who user\n"
    "bd uid 1000\n"
    "bd gids 1000\n"
    "bd groups node\n"
    "bd home /home/node\n"
    "bd homethere yes\n"
    "bd tool ssh\n"
    "bd tool ssh-add\n"
    "bd tool git\n"
    "bd status CapEff: 0000000000000000\n"
    "bd status NoNewPrivs: 0\n"
    "bd status Seccomp: 2\n"
    "bd prog bottle-agent 0 /usr/local/bin bottle-agent 9.0\n"
    "bd prog bottle-forward 0 /usr/local/bin bottle-forward 9.0\n"
    "bd prog bottle-ssh-keygen 0 /usr/local/bin "
    "bottle-ssh-keygen 9.0\n"
    "bd socket open\n"
    "bd asked 0 1 /run/bottle-agent.sock\n"
    "bd env \n"
    "bd file drwxr-xr-x 1 1000 1000 4096 2026-11-29 09:00 "
    "/home/node\n"
    "bd file drwx------ 1 1000 1000 4096 2026-11-29 09:00 "
    "/home/node/.ssh\n"
    "bd file -rw------- 1 1000 1000 40 2026-11-29 09:00 "
    "/home/node/.ssh/config\n"
    "bd file drwx------ 1 1000 1000 4096 2026-11-29 09:00 "
    "/home/node/.ssh/bottle-agent\n"
    "bd file drwx------ 1 1000 1000 4096 2026-11-29 09:00 "
    "/home/node/.ssh/bottle-agent/default\n"
    "bd file -rw------- 1 1000 1000 400 2026-11-29 09:00 "
    "/home/node/.ssh/bottle-agent/default/config\n"
    "bd file -rw------- 1 1000 1000 80 2026-11-29 09:00 "
    "/home/node/.ssh/bottle-agent/default/known_hosts\n"
    "bd file -rw------- 1 1000 1000 80 2026-11-29 09:00 "
    "/home/node/.ssh/bottle-agent/default/id.pub\n"
    "bd config 1:Include ~/.ssh/bottle-agent/*/config\n"
    "bd config 3:Host other\n"
    "bd load default\n"
    "bd conf default # Written by bottle-provision\n"
    "bd conf default Host git.example\n"
    "bd conf default     HostName git.example\n"
    "bd conf default     Port 22\n"
    "bd conf default     IdentityAgent /run/bottle-agent.sock\n"
    "bd conf default     IdentityFile "
    "~/.ssh/bottle-agent/default/id.pub\n"
    "bd conf default     IdentitiesOnly yes\n"
    "bd conf default     StrictHostKeyChecking yes\n"
    "bd conf default     UserKnownHostsFile "
    "~/.ssh/bottle-agent/default/known_hosts\n"
    "bd conf default     ProxyCommand "
    "/usr/local/bin/bottle-forward connect --fdpass --proxy "
    "http://proxy.example:8888 -- %h %p\n"
    "bd conf default     ProxyUseFdpass yes\n"
    "bd conf default     ForwardAgent no\n"
    "bd gitconf default [user]\n"
    "bd gitconf default \tsigningkey = key::ssh-ed25519 AAAA\n"
    "bd gitconf default [gpg]\n"
    "bd gitconf default \tformat = ssh\n"
    "bd gitconf default [gpg \"ssh\"]\n"
    "bd gitconf default \tprogram = "
    "/usr/local/bin/bottle-ssh-keygen\n"
    "bd g git.example user git\n"
    "bd g git.example hostname git.example\n"
    "bd g git.example port 22\n"
    "bd g git.example identityagent /run/bottle-agent.sock\n"
    "bd g git.example identitiesonly yes\n"
    "bd g git.example identityfile "
    "~/.ssh/bottle-agent/default/id.pub\n"
    "bd g git.example stricthostkeychecking true\n"
    "bd g git.example userknownhostsfile "
    "/home/node/.ssh/bottle-agent/default/known_hosts\n"
    "bd g git.example proxycommand "
    "/usr/local/bin/bottle-forward connect --fdpass --proxy "
    "http://proxy.example:8888 -- %h %p\n"
    "bd g git.example proxyusefdpass yes\n"
    "bd g git.example forwardagent no\n"
    "bd git gpg.format file:/home/node/.ssh/bottle-agent/defaul"
    "t/gitconfig\tssh\n"
    "bd git gpg.ssh.program "
    "file:/home/node/.ssh/bottle-agent/default/gitconfig\t/usr/"
    "local/bin/bottle-ssh-keygen\n"
    "bd git user.signingkey "
    "file:/home/node/.ssh/bottle-agent/default/gitconfig\tkey::"
    "ssh-ed25519 AAAA\n"
    "bd gitprog yes\n"
    "bd sudocode 1\n"
    "bd end user\n";

static const char healthy_status[] =
    "{\"version\":1,\"program_version\":\"9.0\","
    "\"socket\":\"/run/bottle-agent.sock\",\"mode\":\"service\","
    "\"pid\":7,\"uid\":0,\"uptime_s\":60,\"locked\":false,"
    "\"memory\":{\"backing\":\"memfd_secret\",\"size\":1048576,"
    "\"used\":4096,\"largest_free\":1000,"
    "\"room\":{\"ed25519\":100,\"ecdsa-256\":100,\"rsa-3072\":10,"
    "\"rsa-4096\":10}},\"policy\":\"\",\"policy_is_old\":false,"
    "\"rules\":[\"node=list,sign\"],\"keys_total\":1,"
    "\"keys\":[{\"type\":\"ssh-ed25519\","
    "\"fingerprint\":\"SHA256:aaaa\",\"comment\":\"id\","
    "\"load\":\"default\",\"rules\":\"purposes auth,"
    "git; destinations git@git.example\",\"bits\":256,"
    "\"confirm\":false,\"lifetime_remaining_s\":null,"
    "\"signatures\":3,\"refusals\":0}]}";

static const char *const links[DOCTOR_N_LINKS] = DOCTOR_LINKS;

/* --- facts --------------------------------------------------------------- */

static void
lines_that_are_no_facts_are_passed_over(void **state)
{
	static const char text[] = "hello\nbd a 1\nbd\nbd \nbdb 2\r\n"
	    "bd b\r\n x bd c 1\nbd a  2 \nbd nul \0\nbd end root";
	struct doctor_facts f;
	size_t at = 0;

	(void)state;
	assert_int_equal(doctor_facts_parse((struct slice){
	    (const uint8_t *)text, sizeof(text) - 1 }, &f), ST_OK);
	assert_int_equal(f.n, 4);
	assert_true(f.whole);
	assert_string_equal(doctor_facts_next(&f, "a", &at), "1");
	assert_string_equal(doctor_facts_next(&f, "a", &at), " 2 ");
	assert_null(doctor_facts_next(&f, "a", &at));
	assert_string_equal(doctor_facts_get(&f, "b"), "");
	assert_null(doctor_facts_get(&f, "c"));
	doctor_facts_fini(&f);
	doctor_facts_fini(&f);
	assert_null(doctor_facts_get(&f, "a"));
}

static void
facts_end_at_their_limits(void **state)
{
	size_t len = 5 + DOCTOR_FACTS_LINE_MAX, n = 0;
	char *text = malloc(16 * (DOCTOR_FACTS_MAX + 2));
	struct doctor_facts f;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, "bd a ", 5);
	assert_int_equal(doctor_facts_parse((struct slice){
	    (uint8_t *)text, DOCTOR_FACTS_LINE_MAX }, &f), ST_OK);
	assert_int_equal(f.n, 1);
	doctor_facts_fini(&f);
	assert_int_equal(doctor_facts_parse((struct slice){
	    (uint8_t *)text, DOCTOR_FACTS_LINE_MAX + 1 }, &f), ST_OK);
	assert_int_equal(f.n, 0);
	doctor_facts_fini(&f);
	for (size_t i = 0; i <= DOCTOR_FACTS_MAX; i++)
		n += (size_t)sprintf(text + n, "bd n %zu\n", i);
	assert_int_equal(doctor_facts_parse((struct slice){
	    (uint8_t *)text, n }, &f), ST_OK);
	assert_int_equal(f.n, DOCTOR_FACTS_MAX);
	doctor_facts_fini(&f);
	free(text);
	/* Of all together, the first bytes. */
	text = malloc(DOCTOR_FACTS_BYTES_MAX + 16);
	assert_non_null(text);
	memset(text, '\n', DOCTOR_FACTS_BYTES_MAX);
	memcpy(text + DOCTOR_FACTS_BYTES_MAX - 7, "bd a 1\nbd b 2\n", 14);
	assert_int_equal(doctor_facts_parse((struct slice){ (uint8_t *)text,
	    DOCTOR_FACTS_BYTES_MAX + 7 }, &f), ST_OK);
	assert_int_equal(f.n, 1);
	assert_non_null(doctor_facts_get(&f, "a"));
	doctor_facts_fini(&f);
	free(text);
}

static void
a_line_of_ls_is_taken_apart(void **state)
{
	struct doctor_ls ls;

	(void)state;
	assert_true(doctor_facts_ls("drwxr-xr-x 1 0 44 4096 2026-11-29 09:00 "
	    "/a b", &ls));
	assert_string_equal(ls.path, "/a b");
	assert_int_equal(ls.uid, 0);
	assert_int_equal(ls.gid, 44);
	assert_int_equal(doctor_ls_mode(&ls), 0755);
	assert_true(doctor_facts_ls("lrwxrwxrwx    1 7 0   3 Nov 29 09:00 "
	    "/var/run -> ../run", &ls));
	assert_string_equal(ls.path, "/var/run");
	assert_true(doctor_facts_ls("-rwSr-sr-T. 1 7 0 3 Nov 29 2025 /x",
	    &ls));
	assert_int_equal(doctor_ls_mode(&ls), 0654);
	assert_false(doctor_facts_ls("drwxr-xr-x 1 0 0 4096 x", &ls));
	assert_false(doctor_facts_ls("drwx 1 0 0 4096 /x", &ls));
	assert_false(doctor_facts_ls("drwxr-xr-x 1 -1 0 4096 /x", &ls));
	assert_false(doctor_facts_ls("drwxr-xr-x 1 4294967296 0 4 /x", &ls));
	assert_false(doctor_facts_ls("", &ls));
}

/* Lines of a target: the path fits, or is none. */
static void
a_path_of_ls_has_its_limit(void **state)
{
	static const char head[] = "drwxr-xr-x 1 0 44 4096 2026-11-29 09:00 /";
	const size_t max = sizeof(((struct doctor_ls *)NULL)->path) - 1;
	char line[sizeof(head) + DOCTOR_FACTS_LINE_MAX];
	struct doctor_ls ls;

	(void)state;
	(void)snprintf(line, sizeof(line), "%s%0*d", head, (int)max - 1, 0);
	assert_true(doctor_facts_ls(line, &ls));
	assert_int_equal(strlen(ls.path), max);
	(void)snprintf(line, sizeof(line), "%s%0*d", head, (int)max, 0);
	assert_false(doctor_facts_ls(line, &ls));
}

/* --- findings ------------------------------------------------------------ */

static void
a_finding_is_safe_to_print(void **state)
{
	struct doctor d = { .target = "web" };
	char longer[DOCTOR_TEXT_MAX + 2];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	doctor_find(&d, "root", DOCTOR_OK, "a\nb", "%s", "\033[1m \\x1b\n\xff");
	assert_string_equal(d.finding[0].what, "\\x1b[1m \\x1b\\x0a\\xff");
	assert_string_equal(d.finding[0].mend, "a\\x0ab");
	doctor_find(&d, "root", DOCTOR_OK, NULL, "%s", longer);
	assert_int_equal(strlen(d.finding[1].what), DOCTOR_TEXT_MAX + 3);
	assert_string_equal(d.finding[1].what + DOCTOR_TEXT_MAX, "...");
	assert_null(d.finding[1].mend);
	/* No half of a character. */
	memcpy(longer + DOCTOR_TEXT_MAX - 2, "\u20ac", 3);
	doctor_find(&d, "root", DOCTOR_OK, NULL, "%s", longer);
	assert_int_equal(strlen(d.finding[2].what), DOCTOR_TEXT_MAX - 2 + 3);
	assert_string_equal(d.finding[2].what + DOCTOR_TEXT_MAX - 2, "...");
	doctor_fini(&d);
	doctor_fini(&d);
}

static void
too_many_findings_are_bad(void **state)
{
	struct doctor d = { .target = "web" };

	(void)state;
	for (size_t i = 0; i < DOCTOR_FINDINGS_MAX - 1; i++)
		doctor_find(&d, "root", DOCTOR_OK, NULL, "fine");
	assert_int_equal(doctor_code(&d), SESSION_DONE);
	doctor_find(&d, "root", DOCTOR_OK, NULL, "fine");
	doctor_find(&d, "root", DOCTOR_OK, NULL, "fine");
	assert_int_equal(d.n, DOCTOR_FINDINGS_MAX);
	assert_int_equal(doctor_code(&d), SESSION_FAILED);
	doctor_fini(&d);
}

static void
the_worst_counts(void **state)
{
	struct doctor d = { .target = "web" };

	(void)state;
	assert_int_equal(doctor_worst(&d, "keys"), DOCTOR_SKIPPED);
	doctor_find(&d, "keys", DOCTOR_OK, NULL, "1");
	doctor_find(&d, "keys", DOCTOR_SKIPPED, NULL, "2");
	assert_int_equal(doctor_worst(&d, "keys"), DOCTOR_OK);
	doctor_find(&d, "keys", DOCTOR_WARN, NULL, "3");
	assert_int_equal(doctor_worst(&d, "keys"), DOCTOR_WARN);
	assert_int_equal(doctor_code(&d), SESSION_DONE);
	doctor_find(&d, "keys", DOCTOR_BAD, NULL, "4");
	doctor_find(&d, "keys", DOCTOR_WARN, NULL, "5");
	assert_int_equal(doctor_worst(&d, "keys"), DOCTOR_BAD);
	assert_int_equal(doctor_worst(&d, "root"), DOCTOR_SKIPPED);
	assert_int_equal(doctor_code(&d), SESSION_FAILED);
	d.unreached = true;
	assert_int_equal(doctor_code(&d), SESSION_UNREACHABLE);
	doctor_fini(&d);
}

/* All of what a stream gets. */
static char *
printed(const struct doctor *d, bool json, bool colour)
{
	size_t len;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(json ? doctor_json(d, 1, SESSION_FAILED, f) :
	    doctor_text(d, 1, f, colour), ST_OK);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void
a_report_is_in_the_order_of_the_chain(void **state)
{
	struct doctor d = { .target = "docker:web" };
	json_t *o, *t, *all;
	char *text;

	(void)state;
	doctor_find(&d, "root", DOCTOR_BAD, "chmod x", "everybody is");
	doctor_find(&d, "engine", DOCTOR_OK, NULL, "answers");
	doctor_find(&d, "agent", DOCTOR_WARN, NULL, "old");
	text = printed(&d, false, false);
	assert_string_equal(text, "docker:web\n"
	    "  ok    engine        answers\n"
	    "  warn  agent         old\n"
	    "  BAD   root          everybody is\n"
	    "                      mend: chmod x\n"
	    "  bad: 1, warnings: 1\n");
	free(text);
	text = printed(&d, false, true);
	assert_non_null(strstr(text, "\033[1;31mBAD \033[0m  root"));
	free(text);
	text = printed(&d, true, false);
	assert_non_null(o = json_loads(text, 0, NULL));
	assert_int_equal(json_integer_value(json_object_get(o, "version")), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "code")), 1);
	t = json_array_get(json_object_get(o, "targets"), 0);
	assert_string_equal(json_string_value(json_object_get(t, "target")),
	    "docker:web");
	all = json_object_get(t, "findings");
	assert_int_equal(json_array_size(all), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    all, 0), "link")), "engine");
	assert_true(json_is_null(json_object_get(json_array_get(all, 0),
	    "mend")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    all, 2), "verdict")), "bad");
	json_decref(o);
	free(text);
	doctor_fini(&d);
}

/* --- verdicts ------------------------------------------------------------ */

enum part {
	ROOT,
	USER,
	STATUS,
	INSPECT,
	PARTS
};

/* One thing that is wrong: in one part a text is another one (NULL: at the end
 * of it there is more); and perhaps in another part, too. */
struct change {
	enum part	 part;
	const char	*old;
	const char	*new;
};

struct row {
	const char	*name;
	struct change	 change[3];
	const char	*link;
	enum doctor_verdict verdict;
	const char	*what;		/* is part of it */
};

/* So long that a character behind it begins in what a finding has room for, and
 * ends behind that. */
#define X19	"xxxxxxxxxxxxxxxxxxx"
#define X114	X19 X19 X19 X19 X19 X19
#define X199	X114 X19 X19 X19 X19 "xxxxxxxxx"

/* Three keys more. */
#define K1	"{\"type\":\"ssh-ed25519\",\"fingerprint\":\"SHA256:bbbb\"," \
		"\"comment\":\"b\",\"load\":\"default\",\"rules\":" \
		"\"purposes auth,git; destinations git@git.example\"," \
		"\"bits\":256,\"confirm\":false," \
		"\"lifetime_remaining_s\":null,\"signatures\":0," \
		"\"refusals\":0},"
#define K3	K1 K1 K1

#define FILE_LINE	"bd file -rw------- 1 1000 1000 80 2026-11-29 09:00 " \
			"/home/node/.ssh/bottle-agent/default/known_hosts\n"

static const struct row rows[] = {
	/* programs */
	{ "no agent's program", { { ROOT, "bd trust bottle-agent ok "
	    "/usr/local/bin\n", "" }, { USER, "bd prog bottle-agent 0 "
	    "/usr/local/bin bottle-agent 9.0\n", "" } }, "programs",
	    DOCTOR_BAD, "there is no bottle-agent" },
	{ "a program that is not root's", { { ROOT, "bottle-agent ok "
	    "/usr/local/bin", "bottle-agent no /usr/local/bin/bottle-agent: "
	    "belongs to uid 1000, not to root" } }, "programs", DOCTOR_BAD,
	    "belongs to uid 1000" },
	{ "noexec", { { USER, "bottle-forward 0 /usr/local/bin "
	    "bottle-forward 9.0", "bottle-forward 126 /usr/local/bin sh: "
	    "Permission denied" } }, "programs", DOCTOR_BAD, "noexec" },
	{ "a program without a version", { { USER, "bottle-forward 0 "
	    "/usr/local/bin bottle-forward 9.0", "bottle-forward 3 "
	    "/usr/local/bin oh" } }, "programs", DOCTOR_BAD,
	    "it ends with 3" },
	{ "an older program", { { USER, "bottle-forward 9.0",
	    "bottle-forward 0.0.1" } }, "programs", DOCTOR_WARN, "older" },
	/* agent */
	{ "an older agent", { { STATUS, "\"program_version\":\"9.0\"",
	    "\"program_version\":\"0.0.1\"" } }, "agent", DOCTOR_WARN,
	    "older" },
	{ "an agent of another user", { { STATUS, "\"uid\":0",
	    "\"uid\":33" } }, "agent", DOCTOR_WARN, "uid 33" },
	{ "an agent of the user's own", { { STATUS, "\"uid\":0",
	    "\"uid\":1000" } }, "agent", DOCTOR_BAD, "uid 1000" },
	/* socket */
	{ "no socket", { { ROOT, "bd way srw-rw-rw- 1 0 0 0 2026-11-29 09:00 "
	    "/run/bottle-agent.sock\n", "" } }, "socket", DOCTOR_BAD,
	    "there is no /run/bottle-agent.sock" },
	{ "a folder that others can write to", { { ROOT, "drwxr-xr-x 1 0 0 "
	    "4096 2026-11-29 09:00 /run", "drwxrwxrwx 1 0 0 4096 2026-11-29 "
	    "09:00 /run" } }, "socket", DOCTOR_BAD, "/run on the way" },
	{ "the same, sticky", { { ROOT, "drwxr-xr-x 1 0 0 4096 2026-11-29 "
	    "09:00 /run", "drwxrwxrwt 1 0 0 4096 2026-11-29 09:00 /run" } },
	    "socket", DOCTOR_WARN, "anybody" },
	{ "a folder of the user's", { { ROOT, "drwxr-xr-x 1 0 0 4096 "
	    "2026-11-29 09:00 /run", "drwxr-xr-x 1 1000 0 4096 2026-11-29 "
	    "09:00 /run" } }, "socket", DOCTOR_BAD, "uid 1000" },
	{ "a socket of somebody else", { { ROOT, "srw-rw-rw- 1 0",
	    "srw-rw-rw- 1 1000" } }, "socket", DOCTOR_BAD, "not the agent's" },
	{ "a socket that is closed to the user", { { USER, "bd socket open",
	    "bd socket refused" } }, "socket", DOCTOR_BAD, "may not connect" },
	{ "a folder that is closed to him", { { USER, "bd socket open",
	    "bd closed /run\nbd socket missing" } }, "socket", DOCTOR_BAD,
	    "may not go through /run" },
	/* peers */
	{ "no rule for him", { { STATUS, "node=list,sign", "www=list,sign" } },
	    "peers", DOCTOR_BAD, "neither list nor use" },
	{ "a rule that lets him list", { { STATUS, "node=list,sign",
	    "1000=list" } }, "peers", DOCTOR_BAD, "not sign" },
	{ "a rule of his group", { { STATUS, "node=list,sign",
	    "@node=sign\",\"@1000=list" } }, "peers", DOCTOR_OK, "no more" },
	{ "a rule with too much", { { STATUS, "list,sign", "admin" } },
	    "peers", DOCTOR_WARN, "everything" },
	{ "an old policy", { { STATUS, "\"policy_is_old\":false",
	    "\"policy_is_old\":true" } }, "peers", DOCTOR_WARN, "older rules" },
	{ "keys for others", { { USER, "bd asked 0 1", "bd asked 1 0" } },
	    "peers", DOCTOR_BAD, "shows none" },
	/* memory and hardening */
	{ "memory that is not locked", { { STATUS, "memfd_secret",
	    "unlocked" } }, "memory", DOCTOR_BAD, "swap" },
	{ "mlock", { { STATUS, "memfd_secret", "mlock" } }, "memory",
	    DOCTOR_OK, "mlock" },
	{ "no room", { { STATUS, "\"ed25519\":100", "\"ed25519\":0" } },
	    "memory", DOCTOR_WARN, "no room" },
	{ "no filter", { { ROOT, "bd agent 7 Seccomp: 2",
	    "bd agent 7 Seccomp: 0" } }, "hardening", DOCTOR_WARN,
	    "a filter of system calls" },
	{ "another's filter", { { ROOT, NULL, "bd agent 77 Seccomp: 0\n" } },
	    "hardening", DOCTOR_OK, "" },
	{ "an agent out of sight", { { STATUS, "\"pid\":7", "\"pid\":8" } },
	    "hardening", DOCTOR_SKIPPED, "not in sight" },
	/* keys and rules */
	{ "a locked agent", { { STATUS, "\"locked\":false",
	    "\"locked\":true" }, { USER, "bd asked 0 1", "bd asked 1 0" } },
	    "keys", DOCTOR_BAD, "locked" },
	{ "a load without keys", { { STATUS, "\"load\":\"default\"",
	    "\"load\":\"\"" } }, "keys", DOCTOR_BAD, "of the load default" },
	{ "a key that expires", { { STATUS, "_s\":null", "_s\":86399" } },
	    "keys", DOCTOR_WARN, "expires in 23 h 59 min" },
	{ "a key that does later", { { STATUS, "_s\":null", "_s\":86400" } },
	    "keys", DOCTOR_OK, "" },
	{ "a key that was used up", { { STATUS, "@git.example",
	    "@git.example; 0 signatures left" } }, "keys", DOCTOR_BAD,
	    "all the signatures" },
	{ "one that was nearly", { { STATUS, "@git.example",
	    "@git.example; 10 signatures left" } }, "keys", DOCTOR_OK, "" },
	{ "a key that is bound to nothing", { { STATUS,
	    "; destinations git@git.example", "" } }, "rules", DOCTOR_WARN,
	    "bound to no host" },
	{ "one that signs commits alone", { { STATUS, "purposes auth,git; "
	    "destinations git@git.example", "purposes git" } }, "rules",
	    DOCTOR_OK, "" },
	{ "any purpose", { { STATUS, "auth,git;", "git,any;" } }, "rules",
	    DOCTOR_WARN, "purpose any" },
	{ "SHA-1", { { ROOT, NULL, "bd agent 7 Option: --legacy-rsa\n" } },
	    "rules", DOCTOR_WARN, "--legacy-rsa" },
	/* ssh */
	{ "no Include", { { USER, "bd config 1:Include "
	    "~/.ssh/bottle-agent/*/config\n", "" } }, "ssh-config",
	    DOCTOR_BAD, "there is no line" },
	{ "a block above it", { { USER, "bd config 1:Include",
	    "bd config 1:Host *\nbd config 5:Include" }, { USER,
	    "identityagent /run/bottle-agent.sock", "identityagent none" } },
	    "ssh-config", DOCTOR_BAD, "line 1 of ~/.ssh/config begins a block "
	    "above our Include in line 5" },
	{ "another agent", { { USER, "bd g git.example identityagent "
	    "/run/bottle-agent.sock", "bd g git.example identityagent "
	    "SSH_AUTH_SOCK" } }, "ssh-config", DOCTOR_BAD,
	    "IdentityAgent SSH_AUTH_SOCK" },
	{ "another proxy", { { USER, "g git.example proxycommand /usr/local/"
	    "bin/bottle-forward", "g git.example proxycommand nc" } },
	    "ssh-config", DOCTOR_BAD, "ProxyCommand nc" },
	{ "other known hosts", { { USER, "userknownhostsfile /home/node/.ssh/"
	    "bottle-agent/default/known_hosts", "userknownhostsfile /x" } },
	    "ssh-config", DOCTOR_BAD, "UserKnownHostsFile /x" },
	{ "keys that are not offered", { { USER, "g git.example identityfile "
	    "~/.ssh/bottle-agent/default/id.pub", "g git.example identityfile "
	    "~/.ssh/id" } }, "ssh-config", DOCTOR_BAD, "IdentityFile" },
	{ "all keys offered", { { USER, "identitiesonly yes",
	    "identitiesonly no" } }, "ssh-config", DOCTOR_BAD,
	    "IdentitiesOnly no" },
	{ "ssh refuses its files", { { USER, "bd g git.example", "bd gone" },
	    { USER, NULL, "bd gerr git.example Bad owner or permissions on "
	    "/home/node/.ssh/config\n" } }, "ssh-config", DOCTOR_BAD,
	    "Bad owner" },
	{ "a file that others can write to", { { USER, "bd file -rw------- 1 "
	    "1000 1000 40 2026-11-29 09:00 /home/node/.ssh/config",
	    "bd file -rw-rw---- 1 1000 1000 40 2026-11-29 09:00 /home/node/"
	    ".ssh/config" } }, "ssh-config", DOCTOR_BAD,
	    "written by others" },
	{ "a file of another user's", { { USER, "bd file -rw------- 1 1000",
	    "bd file -rw-r--r-- 1 33" } }, "ssh-config", DOCTOR_BAD,
	    "uid 33" },
	{ "a file that is gone", { { USER, FILE_LINE, "" } }, "ssh-config",
	    DOCTOR_BAD, "known_hosts of the load default is missing" },
	{ "a load for another agent", { { USER, "conf default     "
	    "IdentityAgent /run/bottle-agent.sock", "conf default     "
	    "IdentityAgent /run/x.sock" } }, "ssh-config", DOCTOR_BAD,
	    "agent at /run/x.sock" },
	{ "a proxy command that is not there", { { USER, "conf default     "
	    "ProxyCommand /usr/local/bin", "conf default     ProxyCommand "
	    "/usr/bin" } }, "ssh-config", DOCTOR_BAD, "/usr/bin/bottle-forward, "
	    "which is not there" },
	{ "keys without files", { { STATUS, "\"load\":\"default\"",
	    "\"load\":\"default\",\"rules\":\"purposes git\"},{\"load\":"
	    "\"work\"" } }, "ssh-config", DOCTOR_WARN, "of the load work" },
	{ "no home", { { USER, "bd homethere yes\n", "" } }, "ssh-config",
	    DOCTOR_BAD, "home /home/node" },
	{ "a file that he cannot read", { { USER, "bd file -rw------- 1 1000 "
	    "1000 40", "bd file --w------- 1 1000 1000 40" } }, "ssh-config",
	    DOCTOR_BAD, "cannot be read" },
	{ "a load without a config", { { USER, NULL, "bd load x\n" },
	    { STATUS, "\"load\":\"default\"", "\"load\":\"default\",\"rules\":"
	    "\"purposes git\"},{\"load\":\"x\"" } }, "ssh-config",
	    DOCTOR_BAD, "load x has no config" },
	/* git */
	{ "another format", { { USER, "gitconfig\tssh", "gitconfig\topenpgp" } },
	    "git", DOCTOR_BAD, "gpg.format = openpgp from file:" },
	{ "another program", { { USER, "gitconfig\t/usr/local/bin",
	    "x\t/usr/bin" } }, "git", DOCTOR_BAD, "gpg.ssh.program" },
	{ "another key", { { USER, "gitconfig\tkey::ssh-ed25519 AAAA",
	    "x\tABCDEF" } }, "git", DOCTOR_BAD, "user.signingkey = ABCDEF" },
	{ "a long format", { { USER, "gitconfig\tssh", "gitconfig\t" X199
	    "\u00e9y" } }, "git", DOCTOR_BAD, "x from file:" },
	{ "a load's long format", { { USER, "\tformat = ssh", "\tformat = "
	    X199 "\u00e9y" } }, "git", DOCTOR_BAD, "x, as the load says" },
	{ "no program", { { USER, "bd gitprog yes\n", "" } }, "git",
	    DOCTOR_BAD, "is not there" },
	{ "git that fails", { { USER, NULL, "bd giterr fatal: bad config\n" } },
	    "git", DOCTOR_BAD, "fatal: bad config" },
	/* round the agent */
	{ "a second agent", { { USER, NULL, "bd second 0 2 /tmp/ssh-x/agent.1"
	    "\n" } }, "second-agent", DOCTOR_BAD, "2 keys" },
	{ "one that a load is for", { { USER, NULL, "bd second 0 2 /run/x.sock"
	    "\nbd load x\nbd conf x     IdentityAgent /run/x.sock\n" },
	    { STATUS, "\"load\":\"default\"", "\"load\":\"default\",\"rules\":"
	    "\"purposes git\"},{\"load\":\"x\"" } }, "ssh-config",
	    DOCTOR_BAD, "load x is for the agent at /run/x.sock" },
	{ "an empty one", { { USER, NULL, "bd second 1 0 /tmp/ssh-x/agent.1"
	    "\n" } }, "second-agent", DOCTOR_WARN, "no key now" },
	{ "one that hangs", { { USER, NULL, "bd second 124 0 /x\n" } },
	    "second-agent", DOCTOR_WARN, "does not answer" },
	{ "a dead one", { { USER, NULL, "bd second 2 0 /x\n" } },
	    "second-agent", DOCTOR_OK, "" },
	{ "a variable that leads nowhere", { { USER, "bd env ",
	    "bd second 2 0 /x\nbd env /x" } }, "second-agent", DOCTOR_WARN,
	    "SSH_AUTH_SOCK is /x" },
	{ "one that cannot be asked", { { USER, NULL, "bd second - 0 /x\n" } },
	    "second-agent", DOCTOR_WARN, "no ssh-add" },
	{ "a key that lies there", { { USER, NULL, "bd stray /tmp/k\n" } },
	    "stray-keys", DOCTOR_BAD, "/tmp/k" },
	{ "one with a long name", { { USER, NULL, "bd stray /tmp/" X114
	    "\u00e9y\n" } }, "stray-keys", DOCTOR_BAD, "x; give them" },
	{ "a key of root's", { { ROOT, NULL, "bd stray /root/.ssh/k\n" } },
	    "stray-keys", DOCTOR_WARN, "/root/.ssh/k" },
	/* root */
	{ "a group of roots", { { USER, "bd gids 1000", "bd gids 0" },
	    { USER, "bd groups node", "bd groups root" } }, "root",
	    DOCTOR_WARN, "in the group root" },
	{ "sudo", { { USER, "bd sudocode 1", "bd sudocode 0\nbd sudo     (ALL "
	    ": ALL) NOPASSWD: ALL" } }, "root", DOCTOR_BAD, "NOPASSWD: ALL" },
	{ "some of sudo", { { USER, "bd sudocode 1", "bd sudocode 0\nbd sudo "
	    "    (root) NOPASSWD: /x" } }, "root", DOCTOR_WARN, "/x" },
	{ "sudo with a password", { { USER, "bd sudocode 1", "bd sudocode 0\n"
	    "bd sudo     (ALL : ALL) ALL" } }, "root", DOCTOR_OK, "" },
	{ "sudo that gets nothing", { { USER, "bd sudocode 1", "bd sudocode 0"
	    "\nbd sudo     (ALL) NOPASSWD: ALL" }, { USER, "NoNewPrivs: 0",
	    "NoNewPrivs: 1" } }, "root", DOCTOR_OK, "" },
	{ "sudo without authentication", { { USER, "bd sudocode 1",
	    "bd sudocode 0\nbd sudo     env_reset, !authenticate\nbd sudo     "
	    "(ALL) ALL" } }, "root", DOCTOR_BAD, "by sudo" },
	{ "an engine's socket", { { USER, NULL, "bd engine "
	    "/run/docker.sock\n" } }, "root", DOCTOR_BAD, "/run/docker.sock" },
	{ "a folder of programs", { { USER, NULL, "bd writable "
	    "/usr/local/bin\n" } }, "root", DOCTOR_BAD, "/usr/local/bin" },
	{ "PATH", { { USER, NULL, "bd pathdir /opt/x\n" } }, "root",
	    DOCTOR_WARN, "/opt/x" },
	{ "a shell that is setuid", { { ROOT, NULL, "bd setuid /opt/x/bash\n" } },
	    "root", DOCTOR_BAD, "/opt/x/bash" },
	{ "something else that is", { { ROOT, NULL, "bd setuid /usr/bin/odd\n" } },
	    "root", DOCTOR_WARN, "/usr/bin/odd" },
	{ "su in a place of its own", { { ROOT, NULL, "bd setuid /tmp/su\n" } },
	    "root", DOCTOR_WARN, "/tmp/su" },
	{ "capabilities", { { ROOT, "CapBnd: 00000000a80425fb",
	    "CapBnd: 00000000a82c25fb" } }, "root", DOCTOR_WARN,
	    "CAP_SYS_PTRACE, CAP_SYS_ADMIN" },
	{ "capabilities of his own", { { USER, "CapEff: 0000000000000000",
	    "CapEff: 0000000000080000" } }, "root", DOCTOR_BAD,
	    "CAP_SYS_PTRACE" },
	{ "no filter at all", { { USER, "Seccomp: 2", "Seccomp: 0" } }, "root",
	    DOCTOR_WARN, "no filter" },
	{ "privileged", { { INSPECT, "\"Privileged\":false",
	    "\"Privileged\":true" } }, "root", DOCTOR_BAD, "privileged" },
	{ "pids of the host", { { INSPECT, "\"PidMode\":\"\"",
	    "\"PidMode\":\"host\"" } }, "root", DOCTOR_WARN, "processes" },
	{ "its files", { { INSPECT, "\"/srv\"", "\"/\"" } }, "root",
	    DOCTOR_WARN, "/ of this machine" },
	{ "root without a password", { { ROOT, NULL, "bd nopass root\n" } },
	    "root", DOCTOR_BAD, "empty password" },
	{ "doas", { { ROOT, NULL, "bd doas permit nopass node\n" } }, "root",
	    DOCTOR_WARN, "permit nopass node" },
	{ "a second root", { { ROOT, NULL, "bd uid0 toor\n" } }, "root",
	    DOCTOR_WARN, "toor" },
};

/* A text with a change. */
static char *
changed(const char *text, const struct change *c)
{
	const char *at = c->old != NULL ? strstr(text, c->old) :
	    text + strlen(text);
	size_t room = 2 * strlen(text) + 4096, n = 0;
	char *out = calloc(1, room);
	const char *next = text;

	assert_non_null(out);
	if (at == NULL)
		fail_msg("\"%s\" is not in it", c->old);
	/* All of them. */
	while (at != NULL) {
		n += (size_t)snprintf(out + n, room - n, "%.*s%s",
		    (int)(at - next), next, c->new);
		next = at + (c->old != NULL ? strlen(c->old) : 0);
		at = c->old != NULL ? strstr(next, c->old) : NULL;
	}
	(void)snprintf(out + n, room - n, "%s", next);
	return out;
}

static const char inspect_text[] = "{\"State\":{\"Status\":\"running\"},"
    "\"HostConfig\":{\"Privileged\":false,\"PidMode\":\"\"},"
    "\"Mounts\":[{\"Source\":\"/srv\",\"Destination\":\"/host\"}]}";

/* Look at a target that says that. */
static void
look(const char *const text[PARTS], bool agent, struct doctor *d)
{
	static struct target t;
	const struct doctor_where where = { .target = &t, .name = "web",
		.account = "node", .uid = 1000,
		.socket = "/run/bottle-agent.sock", .path = "/usr/bin" };
	struct doctor_seen seen = { .where = &where, .has_root = true,
		.has_user = true, .status_code = SESSION_UNREACHABLE,
		.status_why = "connection refused" };

	t.kind = TARGET_DOCKER;
	memcpy(t.name, "web", 4);
	*d = (struct doctor){ .target = "web" };
	assert_int_equal(doctor_facts_parse(slice_str(text[ROOT]),
	    &seen.root), ST_OK);
	assert_int_equal(doctor_facts_parse(slice_str(text[USER]),
	    &seen.user), ST_OK);
	if (agent)
		assert_non_null(seen.status = json_loads(text[STATUS], 0,
		    NULL));
	assert_non_null(seen.inspect = json_loads(text[INSPECT], 0, NULL));
	doctor_agent(d, &seen);
	doctor_client(d, &seen);
	doctor_guard(d, &seen);
	doctor_seen_fini(&seen);
}

static void
print_all(const struct doctor *d)
{
	assert_int_equal(doctor_text(d, 1, stdout, false), ST_OK);
}

static void
nothing_is_wrong_with_a_healthy_target(void **state)
{
	const char *const text[PARTS] = { healthy_root, healthy_user,
		healthy_status, inspect_text };
	struct doctor d;

	(void)state;
	look(text, true, &d);
	for (size_t i = 0; i < d.n; i++)
		if (d.finding[i].verdict != DOCTOR_OK) {
			print_all(&d);
			fail();
		}
	assert_int_equal(d.n, 13);
	doctor_fini(&d);
}

/* Whether one of the findings of that verdict says so. */
static bool
says(const struct doctor *d, const struct row *row)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->finding[i].link, row->link) == 0 &&
		    d->finding[i].verdict == row->verdict &&
		    strstr(d->finding[i].what, row->what) != NULL)
			return true;
	return false;
}

static void
each_thing_that_is_wrong_is_found_and_nothing_else(void **state)
{
	struct doctor healthy, d;
	const char *text[PARTS] = { healthy_root, healthy_user,
		healthy_status, inspect_text };
	const char *now[PARTS];
	char *own[3];
	bool good = true;

	(void)state;
	look(text, true, &healthy);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];

		memcpy(now, text, sizeof(now));
		for (size_t c = 0; c < 3; c++) {
			own[c] = NULL;
			if (row->change[c].new == NULL)
				continue;
			own[c] = changed(now[row->change[c].part],
			    &row->change[c]);
			now[row->change[c].part] = own[c];
		}
		look(now, true, &d);
		good = says(&d, row);
		for (size_t l = 0; l < DOCTOR_N_LINKS; l++) {
			enum doctor_verdict want =
			    strcmp(links[l], row->link) == 0 ? row->verdict :
			    doctor_worst(&healthy, links[l]);

			good = good && doctor_worst(&d, links[l]) == want;
		}
		if (!good) {
			print_message("%s:\n", row->name);
			print_all(&d);
			fail();
		}
		doctor_fini(&d);
		for (size_t c = 0; c < 3; c++)
			free(own[c]);
	}
	doctor_fini(&healthy);
}

/* Nor is anything found in these. */
static const struct {
	const char	*name;
	struct change	 change;
} harmless[] = {
	{ "a program's second place", { USER, NULL, "bd prog bottle-agent "
	    "127 /usr/bin none\n" } },
	{ "rules that are none", { STATUS, "[\"node=list,sign\"]",
	    "[\"node=list,sign\",\"none\",\"" X199 X199 "=sign\",7]" } },
	{ "more keys than were told", { STATUS, "\"keys_total\":1",
	    "\"keys_total\":2" } },
	{ "many keys", { STATUS, "\"keys_total\":1,\"keys\":[",
	    "\"keys_total\":10,\"keys\":[" K3 K3 K3 } },
	{ "lines of no file", { USER, "bd conf default # Written",
	    "bd conf\nbd conf default\nbd conf default    \n"
	    "bd conf default # Written" } },
	{ "lines of no number", { USER, "bd config 1:Include",
	    "bd config x\nbd config 0:Host x\nbd config 1:\n"
	    "bd config 1:Include" } },
	{ "another Include before ours", { USER, "bd config 1:Include",
	    "bd config 1:Include ~/.ssh/theirs\nbd config 2:Include" } },
	/* ssh takes what it reads first. */
	{ "a host that another load names as well", { USER, NULL,
	    "bd conf other Host git.example\nbd conf other     Port 23\n" } },
	{ "a value in quotes", { USER, "bd conf default     IdentityFile "
	    "~/.ssh/bottle-agent/default/id.pub\n", "bd conf default     "
	    "IdentityFile \"~/.ssh/bottle-agent/default/id.pub\"\n" } },
};

static void
what_means_nothing_changes_nothing(void **state)
{
	const char *now[PARTS] = { healthy_root, healthy_user,
		healthy_status, inspect_text };
	struct doctor healthy, d;
	const char *was;
	char *own;

	(void)state;
	look(now, true, &healthy);
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
		const struct change *c = &harmless[i].change;

		was = now[c->part];
		now[c->part] = own = changed(was, c);
		look(now, true, &d);
		for (size_t l = 0; l < DOCTOR_N_LINKS; l++)
			if (doctor_worst(&d, links[l]) !=
			    doctor_worst(&healthy, links[l])) {
				print_message("%s:\n", harmless[i].name);
				print_all(&d);
				fail();
			}
		doctor_fini(&d);
		free(own);
		now[c->part] = was;
	}
	doctor_fini(&healthy);
}

static void
without_a_tool_or_a_load_there_is_nothing_to_judge(void **state)
{
	static const struct {
		const char	*old[2];
		const char	*link, *what;
	} table[] = {
		{ { "bd tool git\n" }, "git", "there is no git" },
		{ { "bd tool ssh\n" }, "ssh-config", "there is no ssh" },
		{ { "bd load default\n", "bd conf default" }, "ssh-config",
		    "no load has put files" },
	};
	const char *now[PARTS] = { healthy_root, NULL, "{\"keys_total\":0,"
	    "\"keys\":[],\"uid\":0}", inspect_text };
	struct doctor d;
	char *own, *more;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		own = changed(healthy_user, &(struct change){ USER,
		    table[i].old[0], "" });
		more = table[i].old[1] == NULL ? NULL : changed(own,
		    &(struct change){ USER, table[i].old[1], "bd none" });
		now[USER] = more != NULL ? more : own;
		look(now, true, &d);
		if (!says(&d, &(struct row){ .link = table[i].link, .verdict =
		    DOCTOR_SKIPPED, .what = table[i].what })) {
			print_all(&d);
			fail_msg("%s", table[i].what);
		}
		doctor_fini(&d);
		free(own);
		free(more);
	}
}

static void
what_is_no_socket_is_told(void **state)
{
	const struct change c = { ROOT, "srw-rw-rw-", "-rw-rw-rw-" };
	char *root = changed(healthy_root, &c);
	const char *const text[PARTS] = { root, healthy_user, healthy_status,
		inspect_text };
	struct doctor d;

	(void)state;
	look(text, false, &d);
	assert_true(says(&d, &(struct row){ .link = "socket", .verdict =
	    DOCTOR_BAD, .what = "is no socket (-rw-rw-rw-)" }));
	doctor_fini(&d);
	free(root);
}

static void
without_an_agent_the_socket_is_stale(void **state)
{
	const struct change c = { ROOT, "bd listen /run/bottle-agent.sock\n",
		"" };
	char *root = changed(healthy_root, &c);
	const char *const stale[PARTS] = { root, healthy_user, healthy_status,
		inspect_text };
	const char *const served[PARTS] = { healthy_root, healthy_user,
		healthy_status, inspect_text };
	struct doctor d;

	(void)state;
	look(stale, false, &d);
	assert_int_equal(doctor_worst(&d, "agent"), DOCTOR_BAD);
	assert_int_equal(doctor_worst(&d, "socket"), DOCTOR_BAD);
	assert_true(says(&d, &(struct row){ .link = "socket", .verdict =
	    DOCTOR_BAD, .what = "stale" }));
	assert_int_equal(doctor_worst(&d, "keys"), DOCTOR_SKIPPED);
	assert_int_equal(doctor_worst(&d, "peers"), DOCTOR_SKIPPED);
	doctor_fini(&d);
	look(served, false, &d);
	assert_true(says(&d, &(struct row){ .link = "socket", .verdict =
	    DOCTOR_BAD, .what = "no bottle-agent, or hangs" }));
	doctor_fini(&d);
	free(root);
}

/* Judge a target in which nothing was looked at but the agent. */
static void
look_at_agent_alone(uint32_t uid, enum session_code code, const char *status,
    struct doctor *d)
{
	static struct target t = { .kind = TARGET_EXEC };
	const struct doctor_where where = { .target = &t, .name = "exec:x",
		.account = "node", .uid = uid, .socket = "/run/a",
		.path = "/usr/bin" };
	struct doctor_seen seen = { .where = &where, .status_code = code,
		.has_user = true,
		.status_why = "bottle-agent: error: why not" };

	*d = (struct doctor){ .target = "exec:x" };
	if (status != NULL)
		assert_non_null(seen.status = json_loads(status, 0, NULL));
	doctor_agent(d, &seen);
	doctor_guard(d, &seen);
	doctor_seen_fini(&seen);
}

static void
an_agent_that_says_nothing_is_bad(void **state)
{
	static const struct {
		enum session_code	 code;
		const char		*what;
	} table[] = {
		{ SESSION_UNREACHABLE, "why not" },
		{ SESSION_DENIED, "does not tell root how it is: why not" },
		/* As it comes from the agent's own command. */
		{ SESSION_FAILED, "cannot be asked: why not" },
	};
	struct doctor d;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		look_at_agent_alone(1000, table[i].code, NULL, &d);
		assert_true(says(&d, &(struct row){ .link = "agent",
		    .verdict = DOCTOR_BAD, .what = table[i].what }));
		doctor_fini(&d);
	}
}

static void
an_agent_without_keys_is_bad(void **state)
{
	struct doctor d;

	(void)state;
	look_at_agent_alone(1000, SESSION_DONE, "{\"keys_total\":0,"
	    "\"keys\":[],\"uid\":0}", &d);
	assert_true(says(&d, &(struct row){ .link = "keys", .verdict =
	    DOCTOR_BAD, .what = "no keys" }));
	doctor_fini(&d);
}

static void
a_user_who_is_root_is_bad(void **state)
{
	struct doctor d;

	(void)state;
	look_at_agent_alone(0, SESSION_FAILED, NULL, &d);
	assert_true(says(&d, &(struct row){ .link = "root", .verdict =
	    DOCTOR_BAD, .what = "is root" }));
	doctor_fini(&d);
}

static void
what_could_not_be_looked_at_is_skipped(void **state)
{
	static struct target t = { .kind = TARGET_EXEC };
	const struct doctor_where where = { .target = &t, .name = "exec:x",
		.account = "node", .socket = "/run/a", .path = "/usr/bin" };
	struct doctor_seen seen = { .where = &where,
		.status_code = SESSION_FAILED };
	struct doctor d = { .target = "exec:x" };

	(void)state;
	doctor_agent(&d, &seen);
	doctor_client(&d, &seen);
	doctor_guard(&d, &seen);
	for (size_t i = 0; i < d.n; i++)
		if (strcmp(d.finding[i].link, "agent") != 0 &&
		    d.finding[i].verdict != DOCTOR_SKIPPED) {
			print_all(&d);
			fail();
		}
	doctor_fini(&d);
	/* The agent answers, and of the user nothing is known. */
	d = (struct doctor){ .target = "exec:x" };
	assert_non_null(seen.status = json_loads(healthy_status, 0, NULL));
	doctor_agent(&d, &seen);
	assert_true(says(&d, &(struct row){ .link = "peers", .verdict =
	    DOCTOR_SKIPPED, .what = "not known who user node is" }));
	doctor_fini(&d);
	json_decref(seen.status);
}

static void
hosts_are_those_of_our_files(void **state)
{
	static const char text[] = "bd conf a Host one two\nbd conf a     Host "
	    "*.three\nbd conf b Host -oProxyCommand=x\nbd conf b Host one\n"
	    "bd conf b Host four\n";
	char hosts[4][DOCTOR_HOST_MAX];
	struct doctor_facts f;

	(void)state;
	assert_int_equal(doctor_facts_parse(slice_str(text), &f), ST_OK);
	assert_int_equal(doctor_client_hosts(&f, hosts, 4), 2);
	assert_string_equal(hosts[0], "one");
	assert_string_equal(hosts[1], "four");
	assert_int_equal(doctor_client_hosts(&f, hosts, 1), 1);
	doctor_facts_fini(&f);
}

static void
commands_are_those_of_the_target(void **state)
{
	struct target t = { .kind = TARGET_PODMAN, .name = "web" };
	const struct doctor_where where = { .target = &t, .name = "podman:web",
		.account = "node" };
	char mend[DOCTOR_MEND_MAX];

	(void)state;
	assert_string_equal(doctor_mend(&where, DOCTOR_AS_ROOT, mend,
	    "chmod 1 %s", doctor_word("a b").text),
	    "podman exec -u 0 web chmod 1 'a b'");
	assert_string_equal(doctor_mend(&where, DOCTOR_AS_USER, mend, "true"),
	    "podman exec -u node web true");
	t.kind = TARGET_LOCAL;
	assert_string_equal(doctor_mend(&where, DOCTOR_AS_ROOT, mend, "true"),
	    "sudo true");
	t = (struct target){ .kind = TARGET_KUBECTL, .pod = { .space = "team",
	    .name = "web", .agent = "agent" } };
	assert_string_equal(doctor_mend(&where, DOCTOR_AS_ROOT, mend, "true"),
	    "kubectl exec -n team web -c agent -- true");
	assert_string_equal(doctor_mend(&where, DOCTOR_AS_USER, mend, "true"),
	    "kubectl exec -n team web -- true");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_are_no_facts_are_passed_over),
		cmocka_unit_test(facts_end_at_their_limits),
		cmocka_unit_test(a_line_of_ls_is_taken_apart),
		cmocka_unit_test(a_path_of_ls_has_its_limit),
		cmocka_unit_test(a_finding_is_safe_to_print),
		cmocka_unit_test(too_many_findings_are_bad),
		cmocka_unit_test(the_worst_counts),
		cmocka_unit_test(a_report_is_in_the_order_of_the_chain),
		cmocka_unit_test(nothing_is_wrong_with_a_healthy_target),
		cmocka_unit_test(
		    each_thing_that_is_wrong_is_found_and_nothing_else),
		cmocka_unit_test(what_means_nothing_changes_nothing),
		cmocka_unit_test(
		    without_a_tool_or_a_load_there_is_nothing_to_judge),
		cmocka_unit_test(what_is_no_socket_is_told),
		cmocka_unit_test(without_an_agent_the_socket_is_stale),
		cmocka_unit_test(an_agent_that_says_nothing_is_bad),
		cmocka_unit_test(an_agent_without_keys_is_bad),
		cmocka_unit_test(a_user_who_is_root_is_bad),
		cmocka_unit_test(what_could_not_be_looked_at_is_skipped),
		cmocka_unit_test(hosts_are_those_of_our_files),
		cmocka_unit_test(commands_are_those_of_the_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
