/*
 * What ssh says about a host: its own words, taken apart, and the real ssh and
 * ssh-keygen with files that a test has made.
 */

#include "provision/hostconf.h"

#include <errno.h>
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
#include "base/text.h"

/* A line of a key, of one made for this; and others, by their last digits. */
#define ED(digits)	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDfF++vgupW5X4DL" \
			"MAWGijmfuwOmTsoQsnYO6h2PMH" digits
#define KEY_A		ED("4A")
#define KEY_B		ED("4B")
#define KEY_C		ED("4C")

#define LEAST		"hostname h\nuser u\nport 22\n"

static char dir[64];
static char config[128];
static char why[1024];
static struct hostconf_tools tools;
static struct hostconf conf;
static struct hostconf_keys keys;

static int
setup(void **state)
{
	(void)state;
	/* With a blank, as a folder of a user may have. */
	strcpy(dir, "/tmp/host conf.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(config, sizeof(config), "%s/config", dir);
	conf = (struct hostconf){ .port = 0 };
	keys = (struct hostconf_keys){ .n = 0 };
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	hostconf_fini(&conf);
	hostconf_fini(&conf);
	hostconf_keys_fini(&keys);
	hostconf_keys_fini(&keys);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* The same, where the real programs are there. */
static int
setup_real(void **state)
{
	assert_int_equal(setup(state), 0);
	if (hostconf_find(&tools, NULL, why, sizeof(why)) == ST_OK)
		tools.config = config;
	else
		tools.ssh[0] = '\0';
	return 0;
}

#define NEED_SSH()	do {						\
		if (tools.ssh[0] == '\0') {				\
			print_message("SKIP: no OpenSSH client\n");	\
			skip();						\
		}							\
	} while (0)

/* Make a file in the folder; @D in the text is the folder's name. */
static void
make(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '@' && p[1] == 'D') {
			assert_true(fputs(dir, f) >= 0);
			p++;
		} else {
			assert_true(fputc(*p, f) != EOF);
		}
	}
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

static bool
is_safe(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* Parse a copy that has nothing behind it: a sanitizer sees what is read. */
static int
parse_n(const char *text, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	int st;

	assert_non_null(copy);
	memcpy(copy, text, len);
	hostconf_fini(&conf);
	why[0] = '\0';
	st = hostconf_parse(copy, len, &conf, why, sizeof(why));
	free(copy);
	if (st != ST_OK) {
		assert_true(why[0] != '\0' && is_safe(why));
		assert_null(conf.hostname);
	}
	return st;
}

static int
parse(const char *text)
{
	return parse_n(text, strlen(text));
}

/* What is in a list, each between <>. */
static const char *
joined(const struct hostconf_list *l)
{
	static char out[4096];
	struct text t;
	size_t i;

	text_init(&t, out, sizeof(out));
	for (i = 0; i < l->n; i++)
		text_addf(&t, "<%s>", l->item[i]);
	return out;
}

/* --- what ssh -G prints -------------------------------------------------- */

static void
values_are_what_is_behind_the_keyword(void **state)
{
	(void)state;
	assert_int_equal(parse("host a\nuser bob x\nhostname r.example\n"
	    "port 65535\nforwardagent no\nidentitiesonly yes\n"
	    "identityfile ~/my key\nidentityfile /%h\n"
	    "certificatefile /c\nhostkeyalias al\nproxyjump j1,u@j2:33\n"
	    "proxycommand nc %h  %p\nknownhostscommand /bin/x %H\n"
	    "identityagent /x y/agent\n"
	    "userknownhostsfile /root/a b /root/c\n"
	    "globalknownhostsfile /etc/k ~/k2"), ST_OK);
	assert_string_equal(conf.hostname, "r.example");
	assert_string_equal(conf.user, "bob x");
	assert_int_equal(conf.port, 65535);
	assert_true(conf.identities_only);
	assert_string_equal(joined(&conf.identities), "<~/my key></%h>");
	assert_string_equal(joined(&conf.certificates), "</c>");
	assert_string_equal(conf.alias, "al");
	assert_string_equal(conf.proxy_jump, "j1,u@j2:33");
	assert_string_equal(conf.proxy_command, "nc %h  %p");
	assert_string_equal(conf.keys_command, "/bin/x %H");
	assert_string_equal(conf.agent, "/x y/agent");
	assert_false(conf.no_agent);
	assert_string_equal(joined(&conf.user_known_hosts),
	    "</root/a b></root/c>");
	assert_string_equal(joined(&conf.global_known_hosts),
	    "</etc/k><~/k2>");
}

static void
none_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(parse(LEAST), ST_OK);
	assert_null(conf.alias);
	assert_null(conf.proxy_jump);
	assert_int_equal(parse(LEAST "proxyjump none\nproxycommand NONE\n"
	    "hostkeyalias none\nidentityagent none\nidentityfile none\n"
	    "identityfile /a\nuserknownhostsfile none\n"
	    "globalknownhostsfile None\ncertificatefile none\n"
	    "knownhostscommand none\nidentitiesonly no\n\n"), ST_OK);
	assert_null(conf.alias);
	assert_null(conf.proxy_jump);
	assert_null(conf.proxy_command);
	assert_null(conf.keys_command);
	assert_null(conf.agent);
	assert_true(conf.no_agent);
	assert_false(conf.identities_only);
	assert_string_equal(joined(&conf.identities), "</a>");
	assert_int_equal(conf.certificates.n, 0);
	assert_int_equal(conf.user_known_hosts.n, 0);
	assert_int_equal(conf.global_known_hosts.n, 0);
	/* Where it is not the whole value it is a name. */
	assert_int_equal(parse(LEAST "proxycommand none x\n"), ST_OK);
	assert_string_equal(conf.proxy_command, "none x");
}

static void
lists_are_split_where_a_path_begins(void **state)
{
	static const char *const row[][2] = {
		{ "/a", "</a>" },
		{ "/a /b /c", "</a></b></c>" },
		{ "/a b /c d", "</a b></c d>" },
		{ "~/a ~b/c", "<~/a><~b/c>" },
		{ "rel a /b", "<rel a></b>" },
		{ "/a  /b", "</a ></b>" },
		{ "/a ", "</a >" },
		{ "none /b", "</b>" },
	};
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		(void)snprintf(text, sizeof(text), LEAST
		    "userknownhostsfile %s\n", row[i][0]);
		assert_int_equal(parse(text), ST_OK);
		assert_string_equal(joined(&conf.user_known_hosts), row[i][1]);
	}
}

static void
what_makes_no_sense_is_malformed(void **state)
{
	static const struct {
		const char	*text;
		const char	*said;
	} row[] = {
		{ "", "does not say hostname" },
		{ "user u\nport 22\n", "does not say hostname" },
		{ "hostname h\nport 22\n", "does not say user" },
		{ "hostname h\nuser u\n", "does not say port" },
		{ "hostname h\nhostname i\n" LEAST, "line 2 " },
		{ LEAST "user v\n", "line 4 " },
		{ LEAST "port 22\n", "line 4 " },
		{ LEAST "identityagent a\nidentityagent b\n", "line 5 " },
		{ "hostname\nuser u\nport 22\n", "line 1 " },
		{ "hostname \nuser u\nport 22\n", "line 1 " },
		{ "hostname h\nuser u\nport 0\n", "line 3 " },
		{ "hostname h\nuser u\nport 65536\n", "line 3 " },
		{ "hostname h\nuser u\nport -1\n", "line 3 " },
		{ "hostname h\nuser u\nport 22 \n", "line 3 " },
		{ "hostname h\nuser u\nport 00000022\n", "line 3 " },
		{ LEAST "identitiesonly maybe\n", "line 4 " },
		{ LEAST " hostkeyalias a\n", "line 4 " },
		{ LEAST "hostkeyalias a\x1b[2J\n", "\\x1b[2J" },
		{ LEAST "identityfile /a\rb\n", "line 4 " },
		{ LEAST "proxycommand a\x7f\n", "line 4 " },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(parse(row[i].text), ST_MALFORMED);
		if (strstr(why, row[i].said) == NULL)
			fail_msg("%zu: %s", i, why);
	}
	assert_int_equal(parse_n(LEAST "x\0y\n", sizeof(LEAST "x\0y\n") - 1),
	    ST_MALFORMED);
}

static void
lengths_and_counts_are_met_and_not_passed(void **state)
{
	static char text[HOSTCONF_LINE_MAX + 256];
	struct text t;
	size_t i;

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		text_init(&t, text, sizeof(text));
		text_add(&t, LEAST "hostkeyalias ");
		for (i = 13; i < HOSTCONF_LINE_MAX + more; i++)
			text_addc(&t, 'x');
		text_addc(&t, '\n');
		assert_false(t.full);
		assert_int_equal(parse(text), more ? ST_TOO_LARGE : ST_OK);

		text_init(&t, text, sizeof(text));
		text_add(&t, LEAST);
		for (i = 0; i < HOSTCONF_FILES_MAX + more; i++)
			text_addf(&t, "identityfile /%zu\n", i);
		assert_int_equal(parse(text), more ? ST_TOO_LARGE : ST_OK);

		text_init(&t, text, sizeof(text));
		text_add(&t, LEAST "userknownhostsfile");
		for (i = 0; i < HOSTCONF_FILES_MAX + more; i++)
			text_addf(&t, " /%zu", i);
		assert_int_equal(parse(text), more ? ST_TOO_LARGE : ST_OK);
	}
}

static void
the_name_in_files_is_alias_or_name_and_port(void **state)
{
	char name[64];

	(void)state;
	assert_int_equal(parse(LEAST), ST_OK);
	assert_int_equal(hostconf_name(&conf, name, sizeof(name)), ST_OK);
	assert_string_equal(name, "h");
	assert_int_equal(parse("hostname ::1\nuser u\nport 2222\n"), ST_OK);
	assert_int_equal(hostconf_name(&conf, name, sizeof(name)), ST_OK);
	assert_string_equal(name, "[::1]:2222");
	assert_int_equal(hostconf_name(&conf, name, 10), ST_TOO_LARGE);
	assert_int_equal(hostconf_name(&conf, name, 11), ST_OK);
	assert_int_equal(parse("hostname h\nuser u\nport 2222\n"
	    "hostkeyalias al\n"), ST_OK);
	assert_int_equal(hostconf_name(&conf, name, sizeof(name)), ST_OK);
	assert_string_equal(name, "al");
}

static void
tokens_are_expanded(void **state)
{
	const struct hostconf_who who = { "given", "/home/me", "me" };
	static const char *const good[][2] = {
		{ "/a b", "/a b" },
		{ "~/k", "/home/me/k" },
		{ "~", "/home/me" },
		{ "a/~/b", "a/~/b" },
		{ "%d/%h.%n:%p-%r@%u%%", "/home/me/real.given:2222-bob@me%" },
		{ "%k", "given" },
		{ "a$b", "a$b" },
	};
	static const char *const bad[] = { "~bob/k", "${HOME}/k", "%C", "%",
		"a%", "%i", "a/${X}" };
	char out[PATH_MAX], longest[PATH_MAX + 1];
	size_t i;

	(void)state;
	assert_int_equal(parse("hostname real\nuser bob\nport 2222\n"), ST_OK);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(hostconf_expand(&conf, &who, good[i][0], out,
		    why, sizeof(why)), ST_OK);
		assert_string_equal(out, good[i][1]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (hostconf_expand(&conf, &who, bad[i], out, why,
		    sizeof(why)) != ST_UNSUPPORTED)
			fail_msg("%s: %s", bad[i], out);
		assert_string_equal(out, "");
	}
	memset(longest, 'x', sizeof(longest));
	longest[PATH_MAX - 1] = '\0';
	assert_int_equal(hostconf_expand(&conf, &who, longest, out, why,
	    sizeof(why)), ST_OK);
	longest[PATH_MAX - 1] = 'x';
	longest[PATH_MAX] = '\0';
	assert_int_equal(hostconf_expand(&conf, &who, longest, out, why,
	    sizeof(why)), ST_TOO_LARGE);
	assert_int_equal(parse("hostname real\nuser bob\nport 2222\n"
	    "hostkeyalias al\n"), ST_OK);
	assert_int_equal(hostconf_expand(&conf, &who, "%k", out, why,
	    sizeof(why)), ST_OK);
	assert_string_equal(out, "al");
}

/* --- what ssh-keygen -F prints ------------------------------------------- */

static int
parse_keys(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);
	int st;

	assert_non_null(copy);
	memcpy(copy, text, len);
	st = hostconf_keys_parse(copy, len, &keys);
	free(copy);
	return st;
}

static void
marks_names_and_keys_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(parse_keys("# Host h found: line 1 \n"
	    "h,1.2.3.4 " KEY_A " a comment\n"
	    "# Host h found: line 2 CA\n"
	    "@cert-authority *.h " KEY_B "\r\n"
	    "  |1|c2FsdA==|aGFzaA==\t" KEY_C "\n"
	    "h " KEY_A " again\n\n"
	    "@revoked h " KEY_B), ST_OK);
	assert_int_equal(keys.n, 4);
	assert_int_equal(keys.unusable, 0);
	assert_int_equal(keys.key[0].mark, HOSTCONF_KEY);
	assert_int_equal(keys.key[0].type, KEY_ED25519);
	assert_false(keys.key[0].hashed);
	assert_int_equal(keys.key[0].len, 51);
	assert_int_equal(keys.key[1].mark, HOSTCONF_CA);
	assert_int_equal(keys.key[2].mark, HOSTCONF_KEY);
	assert_true(keys.key[2].hashed);
	assert_int_equal(keys.key[3].mark, HOSTCONF_REVOKED);
	assert_memory_equal(keys.key[1].blob, keys.key[3].blob, 51);
	assert_memory_not_equal(keys.key[0].blob, keys.key[1].blob, 51);
}

static void
lines_that_are_no_key_are_counted(void **state)
{
	static const char *const lines[] = {
		"h", "h ssh-ed25519", "h ssh-ed25519 AAAA", "h x " KEY_A,
		"@revoked", "@revoked h", "@REVOKED2 h " KEY_A,
		"@ h " KEY_A, "h ssh-dss AAAA", KEY_A, "h\x01 \x02 \x03",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse_keys(lines[i]), ST_OK);
		if (keys.n != 0 || keys.unusable != i + 1)
			fail_msg("%s", lines[i]);
	}
}

static void
revoked_keys_are_taken_out_whatever_they_are(void **state)
{
	(void)state;
	assert_int_equal(parse_keys("h " KEY_A "\nh " KEY_B "\n"
	    "@cert-authority h " KEY_B "\n@cert-authority h " KEY_C "\n"),
	    ST_OK);
	/* Of another file. */
	assert_int_equal(parse_keys("@revoked h " KEY_B "\n"), ST_OK);
	hostconf_keys_settle(&keys);
	assert_int_equal(keys.n, 2);
	assert_int_equal(keys.revoked, 3);
	assert_int_equal(keys.key[0].mark, HOSTCONF_KEY);
	assert_int_equal(keys.key[1].mark, HOSTCONF_CA);
	assert_memory_not_equal(keys.key[0].blob, keys.key[1].blob, 51);
	hostconf_keys_settle(&keys);
	assert_int_equal(keys.n, 2);
}

static void
so_many_keys_and_no_more(void **state)
{
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i <= HOSTCONF_KEYS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "h " ED("%c%c") "\n",
		    (int)('A' + i / 26), (int)('A' + i % 26));
		assert_int_equal(parse_keys(text), i < HOSTCONF_KEYS_MAX ?
		    ST_OK : ST_TOO_LARGE);
	}
	assert_int_equal(keys.n, HOSTCONF_KEYS_MAX);
	/* One that is there takes no room. */
	assert_int_equal(parse_keys("h " ED("AA")), ST_OK);
}

/* --- the real programs --------------------------------------------------- */

static int
ask(const char *host)
{
	int st;

	hostconf_fini(&conf);
	why[0] = '\0';
	st = hostconf_read(&tools, host, &conf, why, sizeof(why));
	assert_true(is_safe(why));
	assert_true((st == ST_OK) == (conf.hostname != NULL));
	return st;
}

static void
ssh_says_what_it_would_do(void **state)
{
	char wanted[256];

	(void)state;
	NEED_SSH();
	make("config",
	    "Include \"@D/more config\"\n"
	    "Match originalhost matched exec \"test 1 = 1\"\n"
	    "  Port 2200\n"
	    "Host web \"quoted name\"\n"
	    "  Hostname REAL.example\n"
	    "  User \"bob x\"\n"
	    "  IdentityFile \"~/my key\"\n"
	    "  IdentityFile \"@D/id $(id) 'x'\"\n"
	    "  CertificateFile \"@D/c-cert.pub\"\n"
	    "  IdentitiesOnly yes\n"
	    "  UserKnownHostsFile \"@D/known a\" \"@D/b\"\n"
	    "  GlobalKnownHostsFile none\n"
	    "Host jump\n"
	    "  ProxyJump u@j:22,k\n"
	    "Host command\n"
	    "  ProxyCommand nc %h %p\n"
	    "Host *\n"
	    "  HostKeyAlias same\n");
	make("more config", "Host included web\n Port 2222\n");

	if (ask("web") != ST_OK)
		fail_msg("%s", why);
	assert_string_equal(conf.hostname, "real.example");
	assert_string_equal(conf.user, "bob x");
	assert_int_equal(conf.port, 2222);
	assert_string_equal(conf.alias, "same");
	assert_true(conf.identities_only);
	(void)snprintf(wanted, sizeof(wanted), "<~/my key><%s/id $(id) 'x'>",
	    dir);
	assert_string_equal(joined(&conf.identities), wanted);
	(void)snprintf(wanted, sizeof(wanted), "<%s/known a><%s/b>", dir, dir);
	assert_string_equal(joined(&conf.user_known_hosts), wanted);
	assert_int_equal(conf.global_known_hosts.n, 0);
	assert_int_equal(conf.certificates.n, 1);
	assert_null(conf.proxy_jump);
	assert_null(conf.proxy_command);

	assert_int_equal(ask("included"), ST_OK);
	assert_int_equal(conf.port, 2222);
	assert_int_equal(ask("matched"), ST_OK);
	assert_int_equal(conf.port, 2200);
	assert_string_equal(conf.hostname, "matched");
	assert_int_equal(ask("jump"), ST_OK);
	assert_string_equal(conf.proxy_jump, "u@j:22,k");
	assert_int_equal(ask("command"), ST_OK);
	assert_string_equal(conf.proxy_command, "nc %h %p");
	assert_int_equal(conf.port, 22);
	assert_true(conf.identities.n > 1);
}

static void
a_host_is_a_name(void **state)
{
	static const char *const names[] = { "", "-G", "-oProxyCommand=x",
		"a b", "a\tb", "a\n", "u@h", "ssh://h", "\x7f" };
	char longest[HOSTCONF_HOST_MAX + 2];
	size_t i;

	(void)state;
	NEED_SSH();
	make("config", "");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(ask(names[i]), ST_MALFORMED);
		assert_non_null(strstr(why, "host \""));
	}
	memset(longest, 'h', sizeof(longest));
	longest[HOSTCONF_HOST_MAX] = '\0';
	assert_int_equal(ask(longest), ST_OK);
	longest[HOSTCONF_HOST_MAX] = 'h';
	longest[HOSTCONF_HOST_MAX + 1] = '\0';
	assert_int_equal(ask(longest), ST_MALFORMED);
}

static void
what_ssh_complains_of_is_passed_on(void **state)
{
	(void)state;
	NEED_SSH();
	make("config", "Host x\n  Nonsense \"\x1b]0;\" yes\n");
	assert_int_equal(ask("x"), ST_MALFORMED);
	assert_non_null(strstr(why, "line 2: Bad configuration option: "
	    "nonsense"));
	(void)unlink(config);
	assert_int_equal(ask("x"), ST_MALFORMED);
	assert_non_null(strstr(why, "No such file"));
}

/* Put a false program in the place of ssh. */
static void
false_ssh(const char *text)
{
	make("ssh", text);
	(void)snprintf(tools.ssh, sizeof(tools.ssh), "%s/ssh", dir);
}

static void
a_false_ssh_costs_no_more_than_its_time(void **state)
{
	int64_t start = clock_ms();

	(void)state;
	tools = (struct hostconf_tools){ .time_ms = 500 };
	false_ssh("#!/bin/sh\nexec sleep 60\n");
	assert_int_equal(ask("h"), ST_BUSY);
	assert_true(clock_ms() - start < 30000);
	tools.time_ms = 60000;
	false_ssh("#!/bin/sh\nexec cat /dev/zero\n");
	assert_int_equal(ask("h"), ST_TOO_LARGE);
	assert_true(clock_ms() - start < 50000);
	false_ssh("#!/bin/sh\nprintf '\\n\\033[2Jno\\nmore\\n' >&2\nexit 3\n");
	assert_int_equal(ask("h"), ST_MALFORMED);
	assert_non_null(strstr(why, "fails: \\x1b[2Jno"));
	false_ssh("#!/bin/sh\nkill -9 $$\n");
	assert_int_equal(ask("h"), ST_MALFORMED);
	assert_non_null(strstr(why, "does not say why"));
	false_ssh("#!/bin/sh\nprintf '%s\\n' 'hostname h' 'user u' 'port 1'\n"
	    "printf 'hostkeyalias '; printf '%s,' \"$@\"\n");
	assert_int_equal(ask("h"), ST_OK);
	assert_string_equal(conf.alias, "-G,-T,--,h,");
	(void)unlink(tools.ssh);
	assert_int_equal(ask("h"), ST_NOT_FOUND);
}

static int
ask_keys(void)
{
	int st;

	hostconf_keys_fini(&keys);
	why[0] = '\0';
	st = hostconf_keys_read(&tools, &conf, &keys, why, sizeof(why));
	assert_true(is_safe(why));
	assert_true(st == ST_OK || keys.n == 0);
	return st;
}

static void
known_keys_are_those_of_all_files(void **state)
{
	char command[256];

	(void)state;
	NEED_SSH();
	make("config", "Host *\n UserKnownHostsFile \"@D/known a\" \"@D/none\" "
	    "/dev/null \"@D/b\"\n GlobalKnownHostsFile \"@D/global\"\n"
	    "Host port\n Hostname h.example\n Port 2222\n"
	    "Host alias\n Hostname x\n Port 2222\n HostKeyAlias al\n");
	make("known a", "h.example " KEY_A "\n[h.example]:2222 " KEY_B "\n"
	    "*.example,!h.example " KEY_C "\n");
	make("b", "@cert-authority *.example " KEY_C "\nal " KEY_C "\n");
	make("global", "h.example ssh-dss AAAA\n");

	assert_int_equal(ask("h.example"), ST_OK);
	assert_int_equal(ask_keys(), ST_OK);
	assert_int_equal(keys.n, 2);
	assert_int_equal(keys.key[0].mark, HOSTCONF_KEY);
	assert_int_equal(keys.key[1].mark, HOSTCONF_CA);

	assert_int_equal(ask("port"), ST_OK);
	assert_int_equal(ask_keys(), ST_OK);
	assert_int_equal(keys.n, 1);
	assert_int_equal(keys.key[0].blob[50], (0x04 << 6 | 0x01) & 0xff);

	assert_int_equal(ask("alias"), ST_OK);
	assert_int_equal(ask_keys(), ST_OK);
	assert_int_equal(keys.n, 1);

	assert_int_equal(ask("unknown"), ST_OK);
	assert_int_equal(ask_keys(), ST_OK);
	assert_int_equal(keys.n, 0);

	/* The same with hashed names. */
	make("known a", "h.example " KEY_A "\nother " KEY_B "\n");
	(void)snprintf(command, sizeof(command), "ssh-keygen -q -H -f "
	    "'%s/known a' >/dev/null 2>&1", dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(ask("h.example"), ST_OK);
	assert_int_equal(ask_keys(), ST_OK);
	assert_int_equal(keys.n, 2);
	assert_true(keys.key[0].hashed);

	/* What is revoked in one file is so in all. */
	make("global", "@revoked * " KEY_A "\n");
	assert_int_equal(ask_keys(), ST_OK);
	assert_int_equal(keys.n, 1);
	assert_int_equal(keys.key[0].mark, HOSTCONF_CA);
	assert_int_equal(keys.revoked, 2);
}

static void
a_file_that_cannot_be_read_is_an_error(void **state)
{
	char path[128];

	(void)state;
	NEED_SSH();
	make("config", "UserKnownHostsFile \"@D/known\"\n"
	    "GlobalKnownHostsFile none\n");
	assert_int_equal(ask("h"), ST_OK);
	(void)snprintf(path, sizeof(path), "%s/known", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(ask_keys(), ST_UNTRUSTED);
	assert_non_null(strstr(why, "known"));
	assert_int_equal(rmdir(path), 0);
	/* Nobody writes there: reading it would last for ever. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(ask_keys(), ST_UNTRUSTED);
	assert_int_equal(unlink(path), 0);
	if (geteuid() != 0) {
		make("known", "h " KEY_A "\n");
		assert_int_equal(chmod(path, 0), 0);
		assert_int_equal(ask_keys(), ST_UNTRUSTED);
	}

	/* And so is a program that fails. */
	make("known", "h " KEY_A "\n");
	make("keygen", "#!/bin/sh\necho broken >&2\nexit 255\n");
	(void)snprintf(tools.keygen, sizeof(tools.keygen), "%s/keygen", dir);
	assert_int_equal(ask_keys(), ST_UNTRUSTED);
	assert_non_null(strstr(why, "broken"));
	make("keygen", "#!/bin/sh\nkill -9 $$\n");
	assert_int_equal(ask_keys(), ST_UNTRUSTED);
	make("keygen", "#!/bin/sh\nexit 1\n");
	assert_int_equal(ask_keys(), ST_OK);
	assert_int_equal(keys.n, 0);
}

static void
known_keys_at_the_limit_and_one_past_it(void **state)
{
	char text[(HOSTCONF_KEYS_MAX + 1) * 128] = "", line[256];

	(void)state;
	tools = (struct hostconf_tools){ .time_ms = 60000 };
	(void)snprintf(tools.keygen, sizeof(tools.keygen), "%s/keygen", dir);
	/* All that is in the file behind -f. */
	make("keygen", "#!/bin/sh\nexec cat \"$4\"\n");
	(void)snprintf(line, sizeof(line), LEAST "userknownhostsfile %s/list\n",
	    dir);
	assert_int_equal(parse(line), ST_OK);
	for (int i = 0; i <= HOSTCONF_KEYS_MAX; i++) {
		(void)snprintf(text + strlen(text), sizeof(text) -
		    strlen(text), "h " ED("%c%c") "\n", 'A' + i / 26,
		    'A' + i % 26);
		if (i < HOSTCONF_KEYS_MAX - 1)
			continue;
		make("list", text);
		if (i < HOSTCONF_KEYS_MAX) {
			assert_int_equal(ask_keys(), ST_OK);
			assert_int_equal(keys.n, HOSTCONF_KEYS_MAX);
			continue;
		}
		assert_int_equal(ask_keys(), ST_TOO_LARGE);
		assert_string_equal(why, "host h has more than 64 known keys");
	}
}

static void
name_of_a_host_at_the_limit_and_one_past_it(void **state)
{
	char text[2048];

	(void)state;
	for (int len = 1023; len <= 1024; len++) {
		(void)snprintf(text, sizeof(text), LEAST "hostkeyalias %0*d\n",
		    len, 0);
		assert_int_equal(parse(text), ST_OK);
		assert_int_equal(ask_keys(), len < 1024 ? ST_OK :
		    ST_TOO_LARGE);
		assert_string_equal(why, len < 1024 ? "" :
		    "the name of the host is too long");
	}
}

static void
a_file_in_the_home_directory_is_found(void **state)
{
	(void)state;
	NEED_SSH();
	make("known", "h " KEY_A "\n");
	tools.home = dir;
	assert_int_equal(parse(LEAST "userknownhostsfile ~/known ~/none\n"),
	    ST_OK);
	assert_int_equal(ask_keys(), ST_OK);
	assert_int_equal(keys.n, 1);
}

static void
programs_are_found_or_said_to_be_missing(void **state)
{
	(void)state;
	NEED_SSH();
	assert_int_equal(hostconf_find(&tools, "/no", why, sizeof(why)),
	    ST_OK);
	assert_string_equal(tools.ssh, "/usr/bin/ssh");
	assert_string_equal(tools.keygen, "/usr/bin/ssh-keygen");
	assert_int_equal(tools.time_ms, HOSTCONF_TIME_MS);
	assert_null(tools.config);
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
#define REAL_TEST(name)	cmocka_unit_test_setup_teardown(name, setup_real, \
			    teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OWN_TEST(values_are_what_is_behind_the_keyword),
		OWN_TEST(none_is_nothing),
		OWN_TEST(lists_are_split_where_a_path_begins),
		OWN_TEST(what_makes_no_sense_is_malformed),
		OWN_TEST(lengths_and_counts_are_met_and_not_passed),
		OWN_TEST(the_name_in_files_is_alias_or_name_and_port),
		OWN_TEST(tokens_are_expanded),
		OWN_TEST(marks_names_and_keys_are_told_apart),
		OWN_TEST(lines_that_are_no_key_are_counted),
		OWN_TEST(revoked_keys_are_taken_out_whatever_they_are),
		OWN_TEST(so_many_keys_and_no_more),
		REAL_TEST(ssh_says_what_it_would_do),
		REAL_TEST(a_host_is_a_name),
		REAL_TEST(what_ssh_complains_of_is_passed_on),
		OWN_TEST(a_false_ssh_costs_no_more_than_its_time),
		REAL_TEST(known_keys_are_those_of_all_files),
		REAL_TEST(a_file_that_cannot_be_read_is_an_error),
		OWN_TEST(known_keys_at_the_limit_and_one_past_it),
		OWN_TEST(name_of_a_host_at_the_limit_and_one_past_it),
		REAL_TEST(a_file_in_the_home_directory_is_found),
		REAL_TEST(programs_are_found_or_said_to_be_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
