/*
 * The files of ssh and git for a plan: their exact texts, and what the real
 * programs make of them.
 */

#include "provision/clientconf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "forwarder/keygen.h"
#include "forwarder/options.h"
#include "forwarder/proxyurl.h"

#define BLOB	"AAAAC3NzaC1lZDI1NTE5AAAAIDfF++vgupW5X4DLMAWGijmfuwOmTsoQsnY" \
		"O6h2PMH"
#define KEY_A	"ssh-ed25519 " BLOB "4A"
#define KEY_B	"ssh-ed25519 " BLOB "4B"
#define KEY_C	"ssh-ed25519 " BLOB "4C"
#define CERT	"ssh-ed25519-cert-v01@openssh.com AAAAIHNz"

#define HEAD	"# Written by bottle-provision; changes are lost when it " \
		"loads again.\n"
#define TAIL	"    ServerAliveInterval 30\n    ForwardAgent no\n"
#define AGENT	"    IdentityAgent /run/bottle-agent.sock\n"
#define FILES	"~/.ssh/bottle-agent/default/"
#define PINS	"    StrictHostKeyChecking yes\n" \
		"    UserKnownHostsFile " FILES "known_hosts\n" \
		"    GlobalKnownHostsFile /dev/null\n" \
		"    UpdateHostKeys no\n"

#define ROOM	(PLAN_KEYS_MAX)

static struct plan_host hosts[PLAN_HOSTS_MAX];
static struct plan_hostkey pinned[PLAN_HOSTS_MAX][2];
static struct plan_key keys[ROOM];
static struct plan plan;
static struct clientconf_how how;
static struct clientconf conf;
static char why[PLAN_WHY_MAX];
static char dir[64];

/* --- plans --------------------------------------------------------------- */

/* Texts of a plan are never written to. */
static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static int
setup(void **state)
{
	(void)state;
	memset(hosts, 0, sizeof(hosts));
	memset(pinned, 0, sizeof(pinned));
	memset(keys, 0, sizeof(keys));
	plan = (struct plan){ .hosts = hosts, .keys = keys };
	how = (struct clientconf_how){
		.name = "default",
		.socket = "/run/bottle-agent.sock",
		.bin = "/usr/local/bin",
	};
	conf = (struct clientconf){ .n = 0 };
	strcpy(dir, "/tmp/clientconf.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	clientconf_fini(&conf);
	clientconf_fini(&conf);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static struct plan_host *
add_host(const char *name, const char *hostname)
{
	struct plan_host *h = &hosts[plan.n_hosts++];

	h->where = text("web.json:1:2");
	h->host = text(name);
	h->hostname = text(hostname);
	h->port = 22;
	h->keys = pinned[plan.n_hosts - 1];
	return h;
}

static void
pin(struct plan_host *h, const char *key, bool is_ca)
{
	h->keys[h->n_keys++] = (struct plan_hostkey){ .text = text(key),
		.is_ca = is_ca };
}

/* Words of a key that may log in, and of one that may sign as well. */
static char *for_login[] = { (char []){ "auth" } };
static char *for_all[] = { (char []){ "auth" }, (char []){ "git" } };
static char *for_any[] = { (char []){ "any" } };

static struct plan_key *
add_key(const char *path, const char *pub)
{
	struct plan_key *k = &keys[plan.n_keys++];

	k->where = text("web.json:1:2");
	k->path = text(path);
	k->pub = text(pub);
	k->purposes = (struct plan_words){ for_login, 1 };
	return k;
}

static void
use(struct plan_host *h, size_t key)
{
	h->key[h->n_key++] = key;
}

static bool
is_safe(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static int
make(void)
{
	int st;

	clientconf_fini(&conf);
	why[0] = '\0';
	st = clientconf_make(&plan, &how, &conf, why, sizeof(why));
	assert_true(is_safe(why));
	assert_true((st == ST_OK) == (why[0] == '\0'));
	if (st != ST_OK) {
		assert_int_equal(conf.n, 0);
		assert_null(conf.frame);
	}
	return st;
}

static const struct placepipe_frame *
frame(const char *name)
{
	for (size_t i = 0; i < conf.n; i++)
		if (slice_eq_str(conf.frame[i].name, name))
			return &conf.frame[i];
	return NULL;
}

/* The text of a file, or NULL. */
static const char *
file(const char *name)
{
	static char out[64 * 1024];
	const struct placepipe_frame *f = frame(name);

	if (f == NULL)
		return NULL;
	assert_true(f->bytes.len < sizeof(out));
	memcpy(out, f->bytes.p, f->bytes.len);
	out[f->bytes.len] = '\0';
	assert_int_equal(strlen(out), f->bytes.len);
	return out;
}

#define assert_file(name, wanted)					\
	do {								\
		assert_non_null(frame(name));				\
		assert_string_equal(file(name), wanted);		\
	} while (0)

/* What must work, does. */
static void
make_well(void)
{
	if (make() != ST_OK)
		fail_msg("%s", why);
}

/* What must not is told of with these words. */
static void
make_badly(const char *said)
{
	assert_int_equal(make(), ST_MALFORMED);
	if (strstr(why, said) == NULL)
		fail_msg("\"%s\" is not in: %s", said, why);
}

/* --- exact texts --------------------------------------------------------- */

static void
a_host_that_says_all_has_all(void **state)
{
	struct plan_host *h = add_host("web", "web.example.org");
	struct plan_key *k = add_key("/home/op/.ssh/web deploy", KEY_A);
	char *certs[] = { text(CERT), text(CERT) };

	(void)state;
	h->user = text("git");
	h->port = 2222;
	h->proxy = text("http://proxy:8888");
	pin(h, KEY_B, false);
	pin(h, KEY_C, true);
	k->comment = text("op@desk");
	k->certs = (struct plan_words){ certs, 2 };
	use(h, 0);
	make_well();
	assert_file("config", HEAD
	    "\n"
	    "Host web web.example.org\n"
	    "    HostName web.example.org\n"
	    "    Port 2222\n"
	    "    User git\n"
	    AGENT
	    "    IdentityFile " FILES "web_deploy.pub\n"
	    "    CertificateFile " FILES "web_deploy-cert.pub\n"
	    "    CertificateFile " FILES "web_deploy-cert-2.pub\n"
	    "    IdentitiesOnly yes\n"
	    PINS
	    "    ProxyCommand /usr/local/bin/bottle-forward connect --fdpass "
	    "--proxy 'http://proxy:8888' -- %h %p\n"
	    "    ProxyUseFdpass yes\n"
	    TAIL);
	assert_file("known_hosts",
	    "[web.example.org]:2222 " KEY_B "\n"
	    "@cert-authority [web.example.org]:2222 " KEY_C "\n");
	assert_file("web_deploy.pub", KEY_A " op@desk\n");
	assert_file("web_deploy-cert.pub", CERT " op@desk\n");
	assert_file("web_deploy-cert-2.pub", CERT " op@desk\n");
	assert_file("env", "SSH_AUTH_SOCK=/run/bottle-agent.sock\n");
	assert_file(".ssh/config", "Include ~/.ssh/bottle-agent/*/config\n");
	assert_int_equal(conf.n, 7);
	assert_int_equal(frame("config")->kind, PLACE_FILE);
	assert_int_equal(frame("web_deploy.pub")->kind, PLACE_FILE);
	assert_int_equal(frame("env")->kind, PLACE_COMMON);
	assert_int_equal(frame(".ssh/config")->kind, PLACE_LINE);
	for (size_t i = 1; i < conf.n; i++)
		assert_true(conf.frame[i - 1].kind <= conf.frame[i].kind);
}

static void
a_host_that_says_nothing_is_left_to_the_user(void **state)
{
	(void)state;
	(void)add_host("github.com", "github.com");
	make_well();
	assert_file("config", HEAD
	    "\n"
	    "Host github.com\n"
	    "    HostName github.com\n"
	    "    Port 22\n"
	    AGENT
	    TAIL);
	assert_null(frame("known_hosts"));
	assert_null(frame("gitconfig"));
	assert_null(frame(".gitconfig"));
	assert_int_equal(conf.n, 3);

	plan.n_hosts = 0;
	make_well();
	assert_file("config", HEAD);
}

static void
blocks_are_in_order_with_a_line_between(void **state)
{
	struct plan_host *a = add_host("a", "a"), *b = add_host("b", "b");

	(void)state;
	pin(b, KEY_A, false);
	b->alias = text("Both");
	b->port = 2222;
	(void)a;
	make_well();
	assert_file("config", HEAD
	    "\nHost a\n    HostName a\n    Port 22\n" AGENT TAIL
	    "\nHost b\n    HostName b\n    Port 2222\n"
	    "    HostKeyAlias Both\n" AGENT PINS TAIL);
	/* An alias is without a port. */
	assert_file("known_hosts", "Both " KEY_A "\n");
}

static void
a_host_name_of_one_host_is_in_its_line(void **state)
{
	static const struct {
		const char	*host[4];	/* name and host name, twice */
		const char	*line[2];
	} row[] = {
		{ { "a", "x", "b", "y" }, { "a x", "b y" } },
		{ { "a", "x", "b", "X" }, { "a", "b" } },
		{ { "a", "x", "X", "y" }, { "a", "X y" } },
		{ { "a", "b", "B", "a" }, { "a", "B" } },
		{ { "Web", "web", "b", "b" }, { "Web web", "b" } },
		{ { "a", "a", "b", "a" }, { "a", "b" } },
	};
	char wanted[64];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		plan.n_hosts = 0;
		(void)add_host(row[i].host[0], row[i].host[1]);
		(void)add_host(row[i].host[2], row[i].host[3]);
		make_well();
		for (size_t j = 0; j < 2; j++) {
			(void)snprintf(wanted, sizeof(wanted), "\nHost %s\n",
			    row[i].line[j]);
			if (strstr(file("config"), wanted) == NULL)
				fail_msg("%s%s", wanted, file("config"));
		}
	}
}

static void
a_proxy_of_the_host_goes_before_that_of_all(void **state)
{
	static const struct {
		const char	*host, *all, *line;
	} row[] = {
		{ NULL, "http://all:1", "'http://all:1'" },
		{ "socks5://own:1", "http://all:1", "'socks5://own:1'" },
		{ "socks5h://[::1]:1/", NULL, "'socks5h://[::1]:1/'" },
		{ "http://[fe80::1%eth0]:1", NULL,
		    "'http://[fe80::1%%eth0]:1'" },
		{ "direct", "http://all:1", "ProxyCommand none\n" },
		{ NULL, "direct", "ProxyCommand none\n" },
		{ NULL, NULL, NULL },
	};
	struct plan_host *h = add_host("h", "h");

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		h->proxy = text(row[i].host);
		how.proxy = row[i].all;
		make_well();
		if (row[i].line == NULL)
			assert_null(strstr(file("config"), "Proxy"));
		else if (strstr(file("config"), row[i].line) == NULL)
			fail_msg("%s: %s", row[i].line, file("config"));
		assert_int_equal(strstr(file("config"), "Fdpass") != NULL,
		    strstr(file("config"), "connect") != NULL);
	}
}

static void
a_proxy_with_a_password_is_refused_and_not_shown(void **state)
{
	static const char *const urls[] = { "http://u:hunter2@p:1",
		"http://hunter2@p", "socks5h://u:hunter2%40@p:1",
		"http://p:1/hunter2", "http://p:1?hunter2", "hunter2",
		"https://hunter2", "http://'hunter2'", "http://$(hunter2)",
		"http://", "http:///", "http://hunter2 ", "http://hunter2\n",
		"http://`hunter2`", "http://hunter2;x", "Direct" };
	struct plan_host *h = add_host("h", "h");

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		h->proxy = text(urls[i]);
		how.proxy = NULL;
		make_badly("web.json:1:2: proxy must be ");
		assert_null(strstr(why, "hunter2"));
		h->proxy = NULL;
		how.proxy = urls[i];
		make_badly("--proxy must be ");
		assert_null(strstr(why, "hunter2"));
	}
	how.proxy = urls[0];
	make_badly("--auth-file");
}

static void
names_of_files_are_plain_and_unique(void **state)
{
	static const struct {
		const char	*path, *file;
	} row[] = {
		{ "/k/id_ed25519", "id_ed25519.pub" },
		{ "/other/id_ed25519", "id_ed25519-2.pub" },
		{ "/other/ID_ed25519", "ID_ed25519-3.pub" },
		{ "/k/id_ed25519-2", "id_ed25519-2-2.pub" },
		{ "key.pem", "key.pem.pub" },
		{ "/k/", "key.pub" },
		{ "", "key-2.pub" },
		{ "/k/.hidden", "_hidden.pub" },
		{ "/k/..", "_..pub" },
		{ "/k/-rf", "_rf.pub" },
		{ "/k/a b\"c%d$(id)\n", "a_b_c_d__id__.pub" },
		{ "/k/~", "_.pub" },
		{ "/k/schl\xc3\xbcssel", "schl__ssel.pub" },
		{ "/k/c", "c.pub" },
		/* Where the certificate of the one before is. */
		{ "/k/c-cert", "c-cert-2.pub" },
		{ "/k/0123456789012345678901234567890123456789abc",
		    "0123456789012345678901234567890123456789.pub" },
		{ "/k/0123456789012345678901234567890123456789abd",
		    "0123456789012345678901234567890123456789-2.pub" },
	};
	char *certs[] = { text(CERT) };

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct plan_key *k = add_key(row[i].path, KEY_A);

		if (strcmp(row[i].path, "/k/c") == 0)
			k->certs = (struct plan_words){ certs, 1 };
	}
	make_well();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (frame(row[i].file) == NULL)
			fail_msg("no %s", row[i].file);
	assert_file("c-cert.pub", CERT "\n");
	for (size_t i = 0; i < conf.n; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(strcasecmp(
			    (const char *)conf.frame[i].name.p,
			    (const char *)conf.frame[j].name.p), 0);
}

static void
comments_are_one_line_and_no_longer_than_they_may_be(void **state)
{
	struct plan_key *k = add_key("k", KEY_A);
	char comment[400], wanted[512];

	(void)state;
	k->comment = text("a\nb\r\x1b[2J\x7f c\t");
	make_well();
	assert_file("k.pub", KEY_A " ab[2J c\n");
	k->comment = text("\n");
	make_well();
	assert_file("k.pub", KEY_A "\n");
	/* 256 bytes are taken, the 257th is not. */
	memset(comment, 'x', sizeof(comment));
	for (size_t len = 255; len <= 258; len++) {
		comment[len] = '\0';
		k->comment = comment;
		make_well();
		(void)snprintf(wanted, sizeof(wanted), "%s %.256s\n", KEY_A,
		    comment);
		assert_file("k.pub", wanted);
		comment[len] = 'x';
	}
	/* Nor half a character. */
	comment[258] = '\0';
	memcpy(comment + 254, "\xe2\x82\xac", 3);
	make_well();
	(void)snprintf(wanted, sizeof(wanted), "%s %.254s\n", KEY_A, comment);
	assert_file("k.pub", wanted);
	memset(comment, '\x80', 258);
	make_well();
	assert_int_equal(frame("k.pub")->bytes.len, strlen(KEY_A) + 1 + 252 +
	    1);
}

static void
with_sign_git_signs_with_the_first_key_for_it(void **state)
{
	(void)state;
	(void)add_key("a", KEY_A);
	make_well();
	assert_null(frame("gitconfig"));
	how.sign = true;
	make_badly("--sign needs a key");
	add_key("b", KEY_B)->purposes = (struct plan_words){ for_all, 2 };
	add_key("c", KEY_C)->purposes = (struct plan_words){ for_any, 1 };
	make_well();
	assert_file("gitconfig", HEAD
	    "[user]\n"
	    "\tsigningkey = key::" KEY_B "\n"
	    "[commit]\n"
	    "\tgpgsign = true\n"
	    "[tag]\n"
	    "\tgpgsign = true\n"
	    "[gpg]\n"
	    "\tformat = ssh\n"
	    "[gpg \"ssh\"]\n"
	    "\tprogram = /usr/local/bin/bottle-ssh-keygen\n"
	    "\tallowedSignersFile = " FILES "allowed_signers\n");
	assert_file("allowed_signers", "* namespaces=\"git\" " KEY_B "\n");
	assert_file(".gitconfig", "[include]\n\tpath = " FILES "gitconfig\n");
	assert_int_equal(frame(".gitconfig")->kind, PLACE_LINE);

	keys[1].purposes = (struct plan_words){ for_login, 1 };
	how.sign_as = "dev@example.org";
	make_well();
	assert_file("allowed_signers", "dev@example.org namespaces=\"git\" "
	    KEY_C "\n");
}

/* --- what is refused ----------------------------------------------------- */

static void
options_of_the_operator_are_checked(void **state)
{
	static const char *const names[] = { "", ".", ".a", "a/b", "..", "a b",
		"a\"", "a\n", "a%", "~", "$a", "\xc3\xbc", "*" };
	static const char *const paths[] = { "", "run/x", "/a b", "/a\"b",
		"/a'b", "/a\nb", "/a%h", "/a$b", "/a\\b", "/~", "/a;b",
		"/a#b", "/a*", "/\xc3\xbc", "~/x", "none" };
	static const char *const principals[] = { "", "a b", "#a", "a\"b",
		"a\nb", "a\tb", "a\\b" };
	char longest[UNIXSOCK_PATH_MAX + 1] = "/";

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		how.name = names[i];
		make_badly("--name must be ");
	}
	memset(longest, 'n', PLACEPIPE_NAME_MAX + 1);
	how.name = longest;
	make_badly("--name must be ");
	longest[PLACEPIPE_NAME_MAX] = '\0';
	make_well();

	how.name = "default";
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		how.socket = paths[i];
		make_badly("--socket must be ");
		how.socket = "/s";
		how.bin = paths[i];
		make_badly("--bin must be ");
		how.bin = "/b";
	}
	memset(longest, 's', UNIXSOCK_PATH_MAX);
	longest[0] = '/';
	how.socket = longest;
	make_badly("--socket must be a shorter path");
	longest[UNIXSOCK_PATH_MAX - 1] = '\0';
	make_well();

	(void)add_key("k", KEY_A);
	keys[0].purposes = (struct plan_words){ for_any, 1 };
	how.sign = true;
	for (size_t i = 0; i < sizeof(principals) / sizeof(principals[0]);
	    i++) {
		how.sign_as = principals[i];
		make_badly("--sign-as must ");
	}
}

static void
messages_name_host_and_field(void **state)
{
	struct plan_host *h = add_host("h", "h");

	(void)state;
	h->where = text("w\x1b.json:3:4");
	h->user = text("a\x1b" "b");
	make_badly("w\\x1b.json:3:4: User must be a name of a user: letters");
	assert_non_null(strstr(why, "it is \"a\\x1bb\""));
	h->user = NULL;
	/* ssh itself has no word for it yet. */
	h->alias = text("None");
	make_badly("HostKeyAlias must not be \"none\"");
	h->alias = NULL;
	h->port = 0;
	make_badly("Port must be from 1");
	h->port = 1;
	pin(h, "ssh-ed25519 AA\nHost *", false);
	make_badly("KnownHostKey is not a type and base64");
	h->n_keys = 0;
	(void)add_key("k", "ssh-ed25519 AA x");
	make_badly("web.json:1:2: the public key is not");
}

static void
limits_are_met_and_not_passed(void **state)
{
	static char *certs[PLACEPIPE_FILES_MAX];
	static char big[PLACEPIPE_FRAME_MAX];
	struct plan_host *h = add_host("h", "h");
	struct plan_key *k;
	size_t len;

	(void)state;
	for (size_t i = 0; i < PLACEPIPE_FILES_MAX; i++)
		certs[i] = text(CERT);
	k = add_key("k", KEY_A);
	/* config, k.pub, env and a line are there as well. */
	k->certs = (struct plan_words){ certs, PLACEPIPE_FILES_MAX - 4 };
	make_well();
	assert_int_equal(conf.n, PLACEPIPE_FILES_MAX);
	k->certs.n++;
	assert_int_equal(make(), ST_TOO_LARGE);
	k->certs.n = PLACEPIPE_FILES_MAX;
	assert_int_equal(make(), ST_TOO_LARGE);
	assert_non_null(strstr(why, "fewer hosts"));
	k->certs.n = 0;

	/* known_hosts as long as a frame can be: "h KEY\n". */
	len = PLACEPIPE_FRAME_MAX - 9 - strlen("known_hosts") - 3;
	memset(big, 'A', len + 1);
	memcpy(big, "ssh-rsa ", 8);
	pin(h, big, false);
	assert_int_equal(make(), ST_TOO_LARGE);
	assert_non_null(strstr(why, "known_hosts"));
	big[len] = '\0';
	make_well();
	h->n_keys = 0;

	/* And so much in all. */
	for (size_t i = 1; i < 8; i++)
		(void)add_key("k", big);
	make_well();
	(void)add_key("k", big);
	assert_int_equal(make(), ST_TOO_LARGE);
}

/* What comes behind is not even looked at. */
static void
a_file_ends_at_the_host_that_makes_it_too_large(void **state)
{
	static char *certs[PLACEPIPE_FILES_MAX];
	static char big[PLACEPIPE_FRAME_MAX];
	static char name[PLAN_HOSTS_MAX][8];
	struct plan_key *k = add_key("k", KEY_A);

	(void)state;
	for (size_t i = 0; i < PLACEPIPE_FILES_MAX; i++)
		certs[i] = text(CERT);
	k->certs = (struct plan_words){ certs, PLACEPIPE_FILES_MAX - 4 };
	for (size_t i = 0; i < PLAN_HOSTS_MAX; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "h%zu", i);
		use(add_host(name[i], name[i]), 0);
	}
	hosts[PLAN_HOSTS_MAX - 1].port = 0;
	assert_int_equal(make(), ST_TOO_LARGE);
	assert_non_null(strstr(why, "config would be"));

	k->certs.n = 0;
	plan.n_hosts = 2;
	memset(big, 'A', sizeof(big) - 1);
	memcpy(big, "ssh-rsa ", 8);
	pin(&hosts[0], big, false);
	pin(&hosts[1], "none", false);
	assert_int_equal(make(), ST_TOO_LARGE);
	assert_non_null(strstr(why, "known_hosts would be"));
}

static void
as_many_hosts_and_keys_as_a_plan_has(void **state)
{
	static char name[PLAN_HOSTS_MAX][8];

	(void)state;
	for (size_t i = 0; i < PLAN_HOSTS_MAX; i++) {
		struct plan_host *h;

		(void)snprintf(name[i], sizeof(name[i]), "h%zu", i);
		h = add_host(name[i], name[i]);
		pin(h, KEY_A, false);
		for (size_t j = 0; j < PLAN_KEYS_PER_HOST; j++)
			use(h, (i + j) % PLAN_KEYS_MAX);
	}
	for (size_t i = 0; i < PLAN_KEYS_MAX; i++)
		(void)add_key("k", KEY_A);
	make_well();
	assert_non_null(frame("k-256.pub"));
}

/* --- the real programs --------------------------------------------------- */

/* Where a user's ~ is in the tree of this test. */
static void
put_file(const struct placepipe_frame *f, const char *folder)
{
	char path[256];
	const char *p = (const char *)f->bytes.p, *end = p + f->bytes.len;
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s%s/%.*s", dir, folder,
	    (int)f->name.len, (const char *)f->name.p);
	out = fopen(path, "we");
	assert_non_null(out);
	for (; p < end; p++)
		if (*p == '~' && p + 1 < end && p[1] == '/')
			assert_true(fputs(dir, out) >= 0);
		else
			assert_true(fputc(*p, out) != EOF);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* Run a line of a shell with D and R set: the tree, and the load's files. */
static int PRINTF_LIKE(1, 2)
sh(const char *fmt, ...)
{
	char command[4096];
	int n = snprintf(command, sizeof(command), "D=%s; R=$D/.ssh/"
	    "bottle-agent/default; exec 2>>$D/said; ", dir);
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	assert_true(n < (int)sizeof(command));
	return system(command);
}

/* What that prints, with blanks for newlines. */
static const char *
shell_says(const char *command)
{
	static char out[16 * 1024];
	char path[128];
	size_t n = 0;
	FILE *f;

	(void)sh("(%s) >$D/out", command);
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	(void)fclose(f);
	out[n] = '\0';
	for (; n > 0; n--)
		if (out[n - 1] == '\n')
			out[n - 1] = n == strlen(out) ? '\0' : ' ';
	return out;
}

/* Put all files where they belong, with the tree for a home. */
static void
place(void)
{
	assert_int_equal(sh("mkdir -p $R"), 0);
	for (size_t i = 0; i < conf.n; i++)
		put_file(&conf.frame[i], conf.frame[i].kind == PLACE_LINE ?
		    "" : conf.frame[i].kind == PLACE_COMMON ?
		    "/.ssh/bottle-agent" : "/.ssh/bottle-agent/default");
}

#define NEED(program)	do {						\
		if (system("command -v " program " >/dev/null") != 0) {	\
			print_message("SKIP: no " program "\n");	\
			skip();						\
		}							\
	} while (0)

/* The values that ssh has for a keyword, with | between them; NULL where ssh
 * takes nothing. */
static const char *
ssh_says(const char *host, const char *keyword)
{
	static char out[4096];
	char line[4096], command[512];
	size_t len = strlen(keyword);
	struct text t;
	FILE *f;

	(void)snprintf(command, sizeof(command), "ssh -G -T -F %s/.ssh/config "
	    "-- '%s' 2>>%s/said", dir, host, dir);
	f = popen(command, "re");
	assert_non_null(f);
	text_init(&t, out, sizeof(out));
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, keyword, len) != 0 || line[len] != ' ')
			continue;
		text_add(&t, t.len > 0 ? "|" : "");
		text_add(&t, line + len + 1);
	}
	return pclose(f) == 0 ? out : NULL;
}

static void
assert_ssh(const char *host, const char *keyword, const char *wanted)
{
	const char *said = ssh_says(host, keyword);
	char own[1024];
	struct text t;

	/* $D in what is wanted is the tree. */
	text_init(&t, own, sizeof(own));
	for (; *wanted != '\0'; wanted++)
		if (wanted[0] == '$' && wanted[1] == 'D') {
			text_add(&t, dir);
			wanted++;
		} else {
			text_addc(&t, *wanted);
		}
	if (said == NULL || strcmp(said, own) != 0)
		fail_msg("%s of %s: %s, and not %s", keyword, host,
		    said != NULL ? said : "nothing", own);
}

static void
ssh_reads_what_was_written(void **state)
{
	char *certs[] = { text(CERT) };
	struct plan_host *h;

	(void)state;
	NEED("ssh");
	add_key("/k/a", KEY_A)->certs = (struct plan_words){ certs, 1 };
	(void)add_key("/k/b", KEY_B);
	h = add_host("web", "web.example.org");
	h->user = text("DOM\\bob");
	h->port = 2222;
	h->proxy = text("http://[fe80::1%eth0]:8888");
	pin(h, KEY_C, false);
	use(h, 0);
	use(h, 1);
	h = add_host("plain", "plain");
	h->proxy = text("direct");
	h->alias = text("[x]:1+a");
	h = add_host("::1", "::1");
	make_well();
	place();
	/* What is below does not change what is said above, nor is it
	 * changed. */
	assert_int_equal(sh("printf '%%s\\n' 'User mine' 'Port 99' "
	    "'ProxyCommand own' 'StrictHostKeyChecking no' 'ForwardAgent yes' "
	    "'Host last' 'ProxyJump j' 'ForwardAgent yes' >>$D/.ssh/config"),
	    0);

	for (size_t i = 0; i < 2; i++) {
		const char *name = i == 0 ? "web" : "web.example.org";

		assert_ssh(name, "hostname", "web.example.org");
		assert_ssh(name, "user", "DOM\\bob");
		assert_ssh(name, "port", "2222");
		assert_ssh(name, "identityagent", "/run/bottle-agent.sock");
		assert_ssh(name, "identityfile", "$D/.ssh/bottle-agent/"
		    "default/a.pub|$D/.ssh/bottle-agent/default/b.pub");
		assert_ssh(name, "certificatefile", "$D/.ssh/bottle-agent/"
		    "default/a-cert.pub");
		assert_ssh(name, "identitiesonly", "yes");
		assert_ssh(name, "stricthostkeychecking", "true");
		assert_ssh(name, "userknownhostsfile", "$D/.ssh/bottle-agent/"
		    "default/known_hosts");
		assert_ssh(name, "globalknownhostsfile", "/dev/null");
		assert_ssh(name, "updatehostkeys", "false");
		assert_ssh(name, "proxyusefdpass", "yes");
		assert_ssh(name, "proxycommand", "/usr/local/bin/bottle-forward"
		    " connect --fdpass --proxy 'http://[fe80::1%%eth0]:8888'"
		    " -- %h %p");
		assert_ssh(name, "serveraliveinterval", "30");
		assert_ssh(name, "forwardagent", "no");
	}
	assert_ssh("plain", "user", "mine");
	assert_ssh("plain", "port", "22");
	assert_ssh("plain", "hostkeyalias", "[x]:1+a");
	assert_ssh("plain", "stricthostkeychecking", "false");
	assert_ssh("plain", "proxycommand", "");
	assert_ssh("::1", "hostname", "::1");
	assert_ssh("::1", "proxycommand", "own");
	assert_ssh("last", "user", "mine");
	assert_ssh("last", "port", "99");
	assert_ssh("last", "forwardagent", "yes");
	assert_ssh("last", "proxycommand", "own");
	assert_ssh("last", "identityagent", "");
	assert_ssh("last", "identitiesonly", "no");
	assert_ssh("last", "serveraliveinterval", "0");
}

static void
direct_is_direct_whatever_the_user_has(void **state)
{
	(void)state;
	NEED("ssh");
	add_host("h", "h")->proxy = text("direct");
	make_well();
	place();
	assert_int_equal(sh("echo 'ProxyJump j' >>$D/.ssh/config"), 0);
	assert_ssh("h", "proxyjump", "");
	assert_ssh("i", "proxyjump", "j");
}

static void
a_name_with_equals_signs_is_one_word(void **state)
{
	struct plan_host *h = add_host("h", "h");

	(void)state;
	NEED("ssh");
	how.name = "a=b,c@d+e";
	how.socket = "/run/x=y/a@b:c,d+e";
	(void)add_key("k", KEY_A);
	use(h, 0);
	pin(h, KEY_B, false);
	make_well();
	assert_non_null(strstr(file("config"),
	    "    IdentityFile \"~/.ssh/bottle-agent/a=b,c@d+e/k.pub\"\n"));
	assert_int_equal(sh("mkdir -p $D/.ssh"), 0);
	put_file(frame("config"), "/.ssh");
	assert_ssh("h", "identityfile", "$D/.ssh/bottle-agent/a=b,c@d+e/k.pub");
	assert_ssh("h", "userknownhostsfile",
	    "$D/.ssh/bottle-agent/a=b,c@d+e/known_hosts");
	assert_ssh("h", "identityagent", "/run/x=y/a@b:c,d+e");
}

/* What may be in a field that is anybody's. */
static const char *const hostile[] = {
	"", "a", "a\nUser root", "a\n\nHost *\n  ProxyCommand id", "a\r", "a\t",
	"a b", " a", "a\"b", "\"a\"", "a'b", "'a'", "a%h", "a%%b", "%", "$(id)",
	"`id`", "a;id", "a&b", "~", "~root", "~/a", "a\\b", "a\\\\b", "\\",
	"a\\", "none", "NONE", "yes", "-x", "-oProxyCommand=id", "a#b", "#a",
	"a,b", "a=b", "=a", "${HOME}", "$HOME", "*", "a*", "?", "!a", "a|b",
	"|1|a|b", "[a]", "[a]:22", "::1", "fe80::1%eth0", "@a", "a@b",
	"@cert-authority", "a+b", "a/b", "a:b", "a_b", "a.b", "a-", "Abc",
	"m\xc3\xbcnchen", "\xff\xfe", "x\xe2\x80\xae", "a\x1b[2J", "a\x7f",
};

/* Set a field to one of them: either it is refused, or ssh has it so. */
static void
try_value(size_t field, const char *value)
{
	static const char *const keyword[] = { "host", "hostname", "user",
		"hostkeyalias" };
	struct plan_host *h;
	const char *said, *config;

	plan.n_hosts = 0;
	memset(hosts, 0, sizeof(hosts[0]) * 2);
	h = add_host(field == 0 ? value : "h", field == 1 ? value : "name");
	h->user = field == 2 ? text(value) : NULL;
	h->alias = field == 3 ? text(value) : NULL;
	pin(h, KEY_A, false);
	(void)add_host("last", "last");
	if (make() != ST_OK) {
		assert_non_null(strstr(why, " must "));
		return;
	}
	/* No line more than there always is. */
	config = file("config");
	for (size_t n = 0;; n++) {
		if (config == NULL) {
			assert_int_equal(n, field > 1 ? 21 : 20);
			break;
		}
		config = strchr(config, '\n');
		config = config != NULL ? config + 1 : NULL;
	}
	place();
	said = ssh_says(field == 0 ? value : "h",
	    field == 0 ? "hostname" : keyword[field]);
	if (said == NULL || strcasecmp(said, field == 0 ? "name" : value) != 0)
		fail_msg("%s \"%s\": ssh has \"%s\"", keyword[field], value,
		    said != NULL ? said : "nothing");
	assert_string_equal(ssh_says(field == 0 ? value : "h",
	    "proxycommand"), "");
	assert_string_equal(ssh_says("last", "hostname"), "last");
	assert_string_equal(ssh_says("last", "hostkeyalias"), "");
}

static void
a_hostile_value_is_refused_or_is_that_value(void **state)
{
	char longest[260];

	(void)state;
	NEED("ssh");
	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < sizeof(hostile) / sizeof(hostile[0]);
		    j++)
			try_value(i, hostile[j]);
		for (size_t len = 253; len <= 256; len++) {
			memset(longest, 'a', len);
			longest[len] = '\0';
			try_value(i, longest);
		}
	}
}

static void
ssh_keygen_finds_the_keys_of_hosts(void **state)
{
	struct plan_host *h;

	(void)state;
	NEED("ssh-keygen");
	h = add_host("a", "a.example.org");
	pin(h, KEY_A, false);
	h = add_host("b", "::1");
	h->port = 2222;
	pin(h, KEY_B, false);
	h = add_host("c", "c.example.org");
	h->alias = text("al");
	h->port = 2222;
	pin(h, KEY_C, false);
	h = add_host("d", "d.example.org");
	pin(h, KEY_A, true);
	make_well();
	place();
#define FIND(name)	"ssh-keygen -F '" name "' -f $R/known_hosts | grep -v ^#"
	assert_string_equal(shell_says(FIND("a.example.org")),
	    "a.example.org " KEY_A);
	assert_string_equal(shell_says(FIND("[::1]:2222")),
	    "[::1]:2222 " KEY_B);
	assert_string_equal(shell_says(FIND("al")), "al " KEY_C);
	assert_string_equal(shell_says(FIND("d.example.org")),
	    "@cert-authority d.example.org " KEY_A);
	assert_string_equal(shell_says(FIND("c.example.org")), "");
	assert_string_equal(shell_says(FIND("::1")), "");
#undef FIND
	/* It passes over marked lines here. */
	assert_string_equal(shell_says("ssh-keygen -l -f $R/known_hosts | "
	    "wc -l | tr -d ' '"), "3");
}

/* Write a program that the files will run. */
static void
put_program(const char *name, const char *body)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fprintf(f, "#!/bin/sh\nD=%s\n%s", dir, body) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

static void
the_command_reaches_bottle_forward_word_by_word(void **state)
{
	static const char *const urls[] = { "http://proxy:8888",
		"socks5h://[::1]:1080/", "http://[fe80::1%lo]:8888",
		"socks5://p-1.a_b.example" };
	static const char *const shells[] = { "/bin/sh", "/bin/bash",
		"/bin/csh", "/bin/tcsh", "/bin/zsh", "/usr/bin/fish" };
	struct plan_host *h = add_host("h", "h.example.org");
	struct forward_options o;
	struct proxy p;
	char wanted[256];

	(void)state;
	NEED("ssh");
	put_program("bottle-forward", "printf '<%s>' \"$@\" >$D/args\n");
	how.bin = dir;
	h->port = 2222;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		char *argv[] = { text("bottle-forward"), text("connect"),
			text("--fdpass"), text("--proxy"), text(urls[i]),
			text("--"), h->hostname, text("2222"), NULL };

		h->proxy = text(urls[i]);
		make_well();
		place();
		(void)snprintf(wanted, sizeof(wanted), "<connect><--fdpass>"
		    "<--proxy><%s><--><h.example.org><2222>", urls[i]);
		for (size_t j = 0; j < sizeof(shells) / sizeof(shells[0]);
		    j++) {
			if (access(shells[j], X_OK) != 0)
				continue;
			(void)sh("rm -f $D/args; SHELL=%s ssh -F "
			    "$D/.ssh/config -o BatchMode=yes h </dev/null",
			    shells[j]);
			if (strcmp(shell_says("cat $D/args"), wanted) != 0)
				fail_msg("%s: %s", shells[j],
				    shell_says("cat $D/args $D/said"));
		}
		/* And it takes them. */
		assert_int_equal(forward_options_parse(8, argv, &o, why,
		    sizeof(why)), ST_OK);
		assert_string_equal(o.target.host, "h.example.org");
		assert_int_equal(proxyurl_parse(urls[i], &p, why,
		    sizeof(why)), ST_OK);
	}
}

static void
the_socket_is_read_as_it_was_meant(void **state)
{
	static const char *const sockets[] = { "/run/bottle-agent.sock",
		"/run/user@1/a=b,c+d:e" };
	char out[UNIXSOCK_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		how.socket = sockets[i];
		make_well();
		if (keygen_parse(file("env"), strlen(file("env")), out, why,
		    sizeof(why)) != ST_OK)
			fail_msg("%s", why);
		assert_string_equal(out, sockets[i]);
		place();
		assert_string_equal(shell_says(". $D/.ssh/bottle-agent/env; "
		    "echo $SSH_AUTH_SOCK"), sockets[i]);
		assert_string_equal(shell_says("env $(cat $D/.ssh/bottle-agent"
		    "/env) sh -c 'echo $SSH_AUTH_SOCK'"), sockets[i]);
	}
}

/* A key of this test's own, for commits. */
static void
make_signing_key(char pub[static 256])
{
	assert_int_equal(sh("ssh-keygen -q -t ed25519 -N '' -C '' -f $D/key"),
	    0);
	(void)snprintf(pub, 256, "%s", shell_says("cut -d' ' -f1,2 "
	    "$D/key.pub"));
	add_key("/k/key", pub)->purposes = (struct plan_words){ for_all, 2 };
	how.sign = true;
}

static void
signatures_are_verified_by_allowed_signers(void **state)
{
	char pub[256];

	(void)state;
	NEED("ssh-keygen");
	make_signing_key(pub);
	how.sign_as = "dev@example.org";
	make_well();
	place();
	assert_int_equal(sh("echo x >$D/x; ssh-keygen -q -Y sign -n git -f "
	    "$D/key $D/x; ssh-keygen -q -Y sign -n file -f $D/key "
	    "- <$D/x >$D/y.sig"), 0);
#define VERIFY(who, space, sig)	"ssh-keygen -q -Y verify -f "		\
	"$R/allowed_signers -I " who " -n " space " -s $D/" sig		\
	" <$D/x >/dev/null"
	assert_int_equal(sh(VERIFY("dev@example.org", "git", "x.sig")), 0);
	assert_int_not_equal(sh(VERIFY("other", "git", "x.sig")), 0);
	/* The key is there for commits alone. */
	assert_int_not_equal(sh(VERIFY("dev@example.org", "file", "y.sig")),
	    0);
#undef VERIFY
	assert_string_equal(shell_says("ssh-keygen -Y find-principals -f "
	    "$R/allowed_signers -s $D/x.sig"), "dev@example.org");
}

static void
git_signs_and_verifies_by_these_files(void **state)
{
	char pub[256], wanted[300];

	(void)state;
	NEED("git");
	NEED("ssh-keygen");
	make_signing_key(pub);
	how.bin = dir;
	/* The private half is in a file here, and not in an agent. */
	put_program("bottle-ssh-keygen",
	    "for a do\n"
	    "	shift\n"
	    "	[ \"$last\" != -Y ] || what=$a\n"
	    "	[ \"$last$what\" != -fsign ] || a=$D/key\n"
	    "	last=$a\n"
	    "	[ \"$a\" = -U ] || set -- \"$@\" \"$a\"\n"
	    "done\n"
	    "exec ssh-keygen \"$@\"\n");
	make_well();
	place();
	/* git expands ~ by itself. */
	assert_int_equal(sh("sed -i \"s,$D/.ssh,~/.ssh,\" $R/gitconfig "
	    "$D/.gitconfig; grep -q '~/.ssh' $R/gitconfig && grep -q '~/.ssh' "
	    "$D/.gitconfig"), 0);
#define GIT	"HOME=$D GIT_CONFIG_NOSYSTEM=1 XDG_CONFIG_HOME=$D "	\
		"git -C $D/repo -c user.name=x -c user.email=x@x "
	(void)snprintf(wanted, sizeof(wanted), "key::%s", pub);
	assert_string_equal(shell_says("git config -f $R/gitconfig "
	    "user.signingkey"), wanted);
	assert_int_equal(sh("git init -q $D/repo"), 0);
	assert_int_equal(sh(GIT "commit -q --allow-empty -m x"), 0);
	assert_int_equal(sh(GIT "tag -m x v1"), 0);
	assert_int_equal(sh(GIT "verify-commit HEAD"), 0);
	assert_int_equal(sh(GIT "verify-tag v1"), 0);
	assert_string_equal(shell_says(GIT "log -1 --format=%G?"), "G");
	/* Not by another key. */
	assert_int_equal(sh("echo '* namespaces=\"git\" " KEY_A
	    "' >$R/allowed_signers"), 0);
	assert_int_not_equal(sh(GIT "verify-commit HEAD"), 0);
	/* A load without --sign takes the file away, and the line stays. */
	assert_int_equal(sh("rm $R/gitconfig; " GIT "commit -q --allow-empty "
	    "-m y"), 0);
	assert_string_equal(shell_says(GIT "log -1 --format=%G?"), "N");
#undef GIT
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OWN_TEST(a_host_that_says_all_has_all),
		OWN_TEST(a_host_that_says_nothing_is_left_to_the_user),
		OWN_TEST(blocks_are_in_order_with_a_line_between),
		OWN_TEST(a_host_name_of_one_host_is_in_its_line),
		OWN_TEST(a_proxy_of_the_host_goes_before_that_of_all),
		OWN_TEST(a_proxy_with_a_password_is_refused_and_not_shown),
		OWN_TEST(names_of_files_are_plain_and_unique),
		OWN_TEST(comments_are_one_line_and_no_longer_than_they_may_be),
		OWN_TEST(with_sign_git_signs_with_the_first_key_for_it),
		OWN_TEST(options_of_the_operator_are_checked),
		OWN_TEST(messages_name_host_and_field),
		OWN_TEST(limits_are_met_and_not_passed),
		OWN_TEST(a_file_ends_at_the_host_that_makes_it_too_large),
		OWN_TEST(as_many_hosts_and_keys_as_a_plan_has),
		OWN_TEST(ssh_reads_what_was_written),
		OWN_TEST(direct_is_direct_whatever_the_user_has),
		OWN_TEST(a_name_with_equals_signs_is_one_word),
		OWN_TEST(a_hostile_value_is_refused_or_is_that_value),
		OWN_TEST(ssh_keygen_finds_the_keys_of_hosts),
		OWN_TEST(the_command_reaches_bottle_forward_word_by_word),
		OWN_TEST(the_socket_is_read_as_it_was_meant),
		OWN_TEST(signatures_are_verified_by_allowed_signers),
		OWN_TEST(git_signs_and_verifies_by_these_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
