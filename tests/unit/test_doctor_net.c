/*
 * What doctor makes of what is said of a host and of a signature.  The lines
 * are those of OpenSSH 9.2 and of bottle-forward.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provision/doctor_sign.h"

#define KEY	"SHA256:agf0B/FIya7ngkJ8BdCgfhqR0G3b6JdfmBaNiAmmUpM"
#define HOSTKEY	"SHA256:913HFBncAhwmwBn+rmS0qcRGa2cQ40WjmEFDH11F3gc"
#define OTHER	"SHA256:7tpK9dLP28wi5LFI269vuEOxhl/5RKE2cnH2WskTogw"
#define PUB	"/home/node/.ssh/bottle-agent/default/git.pub"
#define OFFER	PUB " ED25519 " KEY " explicit"

#define N	"bd net git.example "
#define V	N "v "

/* What stands before all else. */
#define HEAD \
	N "to git.example 22\n" N "user git\n" N "strict true\n"
#define VERSION \
	V "OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.22 25 Aug 2026\n"
#define CHECKED \
	N "way proxy\n" \
	N "said proxy http://proxy.example:8888: 200 Connection " \
	"established\n" \
	N "said server git.example:22: SSH-2.0-OpenSSH_9.2p1\n" \
	N "check 0\n" N "known git.example\n"
#define PINNED \
	N "pin git.example ED25519 " HOSTKEY "\n"
#define GREETED \
	VERSION \
	V "debug1: Remote protocol version 2.0, remote software version " \
	"OpenSSH_9.2p1 Debian-2+deb12u10\n" \
	V "debug1: Server host key: ssh-ed25519 " HOSTKEY "\n"
#define KNOWN \
	GREETED \
	V "debug1: Host 'git.example' is known and matches the ED25519 host " \
	"key.\n"
#define OFFERED \
	V "debug1: Will attempt key: " OFFER " agent\n" \
	V "debug1: Offering public key: " OFFER " agent\n"
#define ACCEPTED \
	OFFERED V "debug1: Server accepts key: " OFFER " agent\n"
#define DENIED \
	V "debug1: No more authentication methods to try.\n" \
	V "git@git.example: Permission denied (publickey,password).\n"
#define DONE	N "done yes\n"

#define STATUS(rules, locked) \
	"{\"locked\":" locked ",\"keys\":[{\"fingerprint\":\"" KEY "\"," \
	"\"rules\":\"" rules "\"}]}"
#define REFUSAL(uid, kind, print, text, detail) \
	"{\"first_ms\":1,\"remedy\":\"do " text "\",\"record\":{\"op\":" \
	"\"sign\",\"text\":\"" text "\",\"detail\":" detail ",\"peer\":" \
	"{\"uid\":" uid "},\"key\":{\"fingerprint\":\"" print "\"}," \
	"\"what\":{\"kind\":\"" kind "\"}}}"

struct want {
	enum doctor_verdict	 proxy, hostkey, login;
	const char		*link, *what, *mend;	/* parts of one of them */
};

static struct doctor_facts
parsed(const char *text)
{
	struct doctor_facts f;

	assert_int_equal(doctor_facts_parse((struct slice){
	    (const uint8_t *)text, strlen(text) }, &f), ST_OK);
	return f;
}

static const struct doctor_finding *
find(const struct doctor *d, const char *link)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->finding[i].link, link) == 0)
			return &d->finding[i];
	fail_msg("nothing of %s", link);
	return NULL;
}

static void
has(const char *text, const char *part)
{
	if (part != NULL && (text == NULL || strstr(text, part) == NULL))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void
check_link(const struct doctor *d, const char *link, const char *what,
    const char *mend)
{
	const struct doctor_finding *f = find(d, link);

	has(f->what, what);
	has(f->mend, mend);
}

static struct doctor_where
web(void)
{
	static struct target t = { .kind = TARGET_DOCKER, .name = "web" };

	return (struct doctor_where){ .target = &t, .name = "docker:web",
		.account = "node", .uid = 1000 };
}

static json_t *
json(const char *text)
{
	json_t *o = text != NULL ? json_loads(text, 0, NULL) : NULL;

	assert_true(text == NULL || o != NULL);
	return o;
}

static void
check(const char *text, const char *status, const char *refusals,
    struct want want)
{
	struct doctor_facts f = parsed(text);
	struct doctor d = { .target = "docker:web" };
	struct doctor_where w = web();
	json_t *s = json(status), *r = json(refusals);
	struct doctor_word_of_agent agent = { s, r };
	struct doctor_probe p;

	doctor_probe(&f, "git.example", &p);
	doctor_hosts(&d, &w, &p, &agent);
	assert_int_equal(d.n, 3);
	assert_int_equal(find(&d, "proxy")->verdict, want.proxy);
	assert_int_equal(find(&d, "host-key")->verdict, want.hostkey);
	assert_int_equal(find(&d, "login")->verdict, want.login);
	check_link(&d, want.link, want.what, want.mend);
	/* Whatever is wrong about a login is asked of the agent. */
	if (status != NULL || refusals != NULL)
		assert_true(doctor_hosts_asks(&p));
	doctor_fini(&d);
	doctor_facts_fini(&f);
	json_decref(s);
	json_decref(r);
}

/* --- the way ------------------------------------------------------------ */

static void
a_login_is_all_right(void **state)
{
	static const char text[] = HEAD CHECKED PINNED KNOWN ACCEPTED
	    V "Authenticated to git.example ([172.21.0.2]:8888) using "
	    "\"publickey\".\n" DONE;

	(void)state;
	check(text, NULL, NULL, (struct want){ DOCTOR_OK, DOCTOR_OK,
	    DOCTOR_OK, "login", "git.example: git is let in with " KEY,
	    NULL });
	check(text, NULL, NULL, (struct want){ DOCTOR_OK, DOCTOR_OK,
	    DOCTOR_OK, "proxy", "through the proxy "
	    "http://proxy.example:8888 there", NULL });
	check(text, NULL, NULL, (struct want){ DOCTOR_OK, DOCTOR_OK,
	    DOCTOR_OK, "host-key", "ssh-ed25519 " HOSTKEY ", which is known",
	    NULL });
}

static void
a_proxy_says_why_not(void **state)
{
	static const struct want bad = { DOCTOR_BAD, DOCTOR_SKIPPED,
		DOCTOR_SKIPPED, "proxy", NULL, NULL };
	struct want w = bad;

	(void)state;
	w.what = "refuses git.example:22: 403 Forbidden; it says: domain not "
	    "in allowlist";
	w.mend = "(pipelock: api_allowlist)";
	check(HEAD N "way proxy\n"
	    N "said bottle-forward: error: proxy http://proxy:8888 refuses "
	    "git.example:22: 403 Forbidden\n"
	    N "said bottle-forward: error: the proxy says: domain not in "
	    "allowlist\n"
	    N "said bottle-forward: error: what to do: have git.example put "
	    "on the proxy's list of allowed hosts (pipelock: "
	    "api_allowlist)\n" N "check 3\n" VERSION
	    V "proxy dialer did not pass back a connection\n" DONE, NULL,
	    NULL, w);
	w.what = "it says: no; its hint: ask for it";
	w.mend = NULL;
	check(HEAD N "way proxy\n"
	    N "said bottle-forward: error: proxy http://proxy:8888 refuses "
	    "git.example:22: 403 Forbidden\n"
	    N "said bottle-forward: error: the proxy says: no\n"
	    N "said bottle-forward: error: the proxy's hint: ask for it\n"
	    N "check 3\n" VERSION DONE, NULL, NULL, w);
	w.what = "cannot look proxy.example up";
	w.mend = "start the proxy";
	check(HEAD N "way proxy\n"
	    N "said bottle-forward: error: proxy http://proxy.example:8888: "
	    "cannot look proxy.example up: Temporary failure in name "
	    "resolution\n"
	    N "said bottle-forward: error: what to do: do something else\n"
	    N "check 5\n" VERSION DONE, NULL, NULL, w);
	w.what = "answers with TLS, not with SSH";
	w.mend = NULL;
	check(HEAD N "way proxy\n"
	    N "said proxy http://proxy.example:8888: 200 OK\n"
	    N "said bottle-forward: error: git.example:22 answers with TLS, "
	    "not with SSH: the proxy looks into connections\n"
	    N "check 10\n" VERSION DONE, NULL, NULL, w);
	w.what = "no answer in time";
	check(HEAD N "way direct\n" N "said \n" N "check 124\n" DONE, NULL,
	    NULL, w);
	w.mend = "go through a proxy";
	w.what = "no route";
	check(HEAD N "way direct\n" N "said bottle-forward: error: no route\n"
	    N "check 5\n" DONE, NULL, NULL, w);
}

static void
a_way_that_cannot_be_asked_is_not_bad(void **state)
{
	(void)state;
	check(HEAD N "way other nc %h %p\n" KNOWN ACCEPTED
	    V "Authenticated to x using \"publickey\".\n" DONE, NULL, NULL,
	    (struct want){ DOCTOR_SKIPPED, DOCTOR_OK, DOCTOR_OK, "proxy",
	    "by \"nc %h %p\"", NULL });
	check(HEAD N "way none\n" VERSION
	    V "ssh: connect to host git.example port 22: Connection "
	    "refused\n" DONE, NULL, NULL, (struct want){ DOCTOR_SKIPPED,
	    DOCTOR_SKIPPED, DOCTOR_BAD, "login", "Connection refused",
	    NULL });
	check("bd net other.example way proxy\n", NULL, NULL, (struct want){
	    DOCTOR_SKIPPED, DOCTOR_SKIPPED, DOCTOR_SKIPPED, "proxy",
	    "names no host", NULL });
}

/* --- the host's key ----------------------------------------------------- */

static void
a_changed_host_key_is_shown_with_the_old_one(void **state)
{
	(void)state;
	check(HEAD CHECKED N "pin git.example ED25519 " OTHER "\n" GREETED
	    V "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
	    V "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\n"
	    V "Host key for git.example has changed and you have requested "
	    "strict checking.\n"
	    V "Host key verification failed.\n" DONE, NULL, NULL,
	    (struct want){ DOCTOR_OK, DOCTOR_BAD, DOCTOR_SKIPPED, "host-key",
	    HOSTKEY ", but known for git.example is " OTHER,
	    "load --scan docker:web git.example" });
	/* Which one was known is not told by every ssh. */
	check(HEAD CHECKED GREETED
	    V "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
	    V "Host key verification failed.\n" DONE, NULL, NULL,
	    (struct want){ DOCTOR_OK, DOCTOR_BAD, DOCTOR_SKIPPED, "host-key",
	    "but known for git.example is another", NULL });
	check(HEAD CHECKED GREETED
	    V "@       WARNING: REVOKED HOST KEY DETECTED!               @\n"
	    DONE, NULL, NULL, (struct want){ DOCTOR_OK, DOCTOR_BAD,
	    DOCTOR_SKIPPED, "host-key", "revoked", "do not log in" });
}

static void
an_unknown_host_key_is_as_bad_as_ssh_takes_it(void **state)
{
	static const char rest[] = CHECKED GREETED
	    V "No ED25519 host key is known for git.example and you have "
	    "requested strict checking.\n"
	    V "Host key verification failed.\n" DONE;
	char text[8192];

	(void)state;
	(void)snprintf(text, sizeof(text), "%s%s", HEAD, rest);
	check(text, NULL, NULL, (struct want){ DOCTOR_OK, DOCTOR_BAD,
	    DOCTOR_SKIPPED, "host-key", "ssh refuses it", "KnownHostKey" });
	(void)snprintf(text, sizeof(text), "%s%s" N "strict ask\n", HEAD,
	    rest);
	check(text, NULL, NULL, (struct want){ DOCTOR_OK, DOCTOR_WARN,
	    DOCTOR_SKIPPED, "host-key", "no such key is known", NULL });
}

/* --- the login ---------------------------------------------------------- */

#define TO_LOGIN	HEAD CHECKED PINNED KNOWN

static void
a_server_takes_no_key(void **state)
{
	static const struct want bad = { DOCTOR_OK, DOCTOR_OK, DOCTOR_BAD,
		"login", "does not let git in with the key that was offered, "
		KEY, PUB };

	(void)state;
	check(TO_LOGIN OFFERED DENIED DONE, STATUS("purposes auth", "false"),
	    "[]", bad);
	/* Offered twice it is one; and none may be offered at all. */
	check(TO_LOGIN OFFERED OFFERED DENIED DONE, STATUS("purposes auth",
	    "false"), "[]", bad);
	check(TO_LOGIN DENIED DONE, STATUS("purposes auth", "false"), "[]",
	    (struct want){ DOCTOR_OK, DOCTOR_OK, DOCTOR_BAD, "login",
	    "ssh has no key to offer", "load" });
}

static void
an_agent_says_why_it_refuses(void **state)
{
	static const char text[] = TO_LOGIN ACCEPTED
	    V "sign_and_send_pubkey: signing failed for ED25519 \"" PUB "\" "
	    "from agent: agent refused operation\n" DENIED DONE;
	struct want bad = { DOCTOR_OK, DOCTOR_OK, DOCTOR_BAD, "login",
	    KEY ": third (more)", "do third" };

	(void)state;
	check(text, NULL, "["
	    REFUSAL("1001", "login", KEY, "first", "null") ","
	    REFUSAL("1000", "sshsig", KEY, "other", "null") ","
	    REFUSAL("1000", "login", OTHER, "second", "null") ","
	    REFUSAL("1000", "login", KEY, "third", "\"more\"") ","
	    REFUSAL("1000", "login", KEY, "fourth", "null") "]", bad);
	bad.what = "does not say why";
	bad.mend = "bottle-provision explain docker:web";
	check(text, NULL, "[]", bad);
}

static void
a_key_that_the_agent_does_not_show(void **state)
{
	static const char text[] = TO_LOGIN
	    V "debug1: get_agent_identities: ssh_fetch_identitylist: agent "
	    "contains no identities\n"
	    V "debug1: Will attempt key: " OFFER "\n"
	    V "debug1: Offering public key: " OFFER "\n"
	    V "debug1: Server accepts key: " OFFER "\n"
	    V "Load key \"" PUB "\": error in libcrypto\n" DENIED DONE;
	struct want bad = { DOCTOR_OK, DOCTOR_OK, DOCTOR_BAD, "login",
	    "exclude this host: purposes auth; destinations git@x", "among "
	    "those of the key" };

	(void)state;
	check(text, STATUS("purposes auth; destinations git@x", "false"),
	    "[]", bad);
	bad.what = "its rules exclude";
	bad.mend = "purpose auth";
	check(text, STATUS("purposes git", "false"), "[]", bad);
	bad.what = "is not in the agent";
	bad.mend = "load docker:web git.example";
	check(text, "{\"locked\":false,\"keys\":[]}", "[]", bad);
	bad.what = "is locked";
	bad.mend = "keys";
	check(text, STATUS("", "true"), "[]", bad);
	bad.what = "cannot ask the agent";
	bad.mend = "socket";
	check(text, NULL, "[]", bad);
	check(TO_LOGIN V "debug1: get_agent_identities: "
	    "ssh_get_authentication_socket: Connection refused\n" DENIED DONE,
	    STATUS("", "false"), "[]", bad);
}

static void
a_login_that_ends_otherwise(void **state)
{
	struct want bad = { DOCTOR_OK, DOCTOR_OK, DOCTOR_BAD, "login",
	    "after 1 keys: Received disconnect", "IdentitiesOnly" };

	(void)state;
	check(TO_LOGIN OFFERED
	    V "Received disconnect from UNKNOWN port 65535:2: Too many "
	    "authentication failures\n"
	    V "Disconnected from UNKNOWN port 65535\n" DONE, NULL, "[]", bad);
	bad.what = "ended before the login: Connection closed by UNKNOWN";
	bad.mend = "log of sshd";
	check(TO_LOGIN V "Connection closed by UNKNOWN port 65535\n" DONE,
	    NULL, NULL, bad);
	bad.what = "no end of the login in time";
	bad.mend = "say yes";
	check(TO_LOGIN ACCEPTED DONE, NULL, NULL, bad);
	check(HEAD CHECKED VERSION V "debug1: Remote protocol version 2.0\n"
	    V "Unable to negotiate with UNKNOWN port 65535: no matching host "
	    "key type found. Their offer: ssh-dss\n" DONE, NULL, NULL,
	    (struct want){ DOCTOR_OK, DOCTOR_SKIPPED, DOCTOR_BAD, "login",
	    "ssh-dss", "up to date" });
	check(HEAD VERSION V "Bad owner or permissions on /home/node/.ssh/"
	    "config\n" DONE, NULL, NULL, (struct want){ DOCTOR_SKIPPED,
	    DOCTOR_SKIPPED, DOCTOR_BAD, "login", "Bad owner", "ssh-config" });
}

static void
too_many_keys_and_what_is_none_are_passed_over(void **state)
{
	char text[65536];
	struct doctor_facts f;
	struct doctor_probe p;
	size_t n = 0;

	(void)state;
	n += (size_t)sprintf(text + n, V "debug1: Offering public key: none\n"
	    V "debug1: Server host key: ssh-ed25519 MD5:00\n"
	    V "debug1: Offering public key: a SHA256:%0100d\n", 0);
	for (int i = 0; i < DOCTOR_PROBE_KEYS_MAX + 1; i++)
		n += (size_t)sprintf(text + n, V "debug1: Offering public "
		    "key: a b %d RSA SHA256:k%d agent\n"
		    N "pin x RSA SHA256:%d\n", i, i, i);
	f = parsed(text);
	doctor_probe(&f, "git.example", &p);
	assert_int_equal(p.n_offers, DOCTOR_PROBE_KEYS_MAX);
	assert_int_equal(p.n_pins, DOCTOR_PROBE_KEYS_MAX);
	assert_string_equal(p.offer[3].file, "a b 3");
	assert_string_equal(p.offer[3].print, "SHA256:k3");
	assert_true(p.offer[3].agent);
	assert_int_equal(p.hostkey, DOCTOR_HOSTKEY_NONE);
	doctor_facts_fini(&f);
}

static void
a_files_name_that_is_longer_than_any_is_cut(void **state)
{
	struct doctor_facts f;
	struct doctor_probe p;
	char text[65536];

	(void)state;
	(void)snprintf(text, sizeof(text), V "debug1: Offering public key: "
	    "/%0*d RSA SHA256:long agent\n%s", (int)sizeof(p.offer[0].file),
	    0, V "debug1: Offering public key: /b RSA SHA256:b agent\n");
	f = parsed(text);
	doctor_probe(&f, "git.example", &p);
	assert_int_equal(p.n_offers, 2);
	assert_int_equal(strlen(p.offer[0].file), sizeof(p.offer[0].file) - 1);
	assert_string_equal(p.offer[0].print, "SHA256:long");
	assert_string_equal(p.offer[1].file, "/b");
	doctor_facts_fini(&f);
}

/* --- signing ------------------------------------------------------------ */

#define SIGKEY "ssh-ed25519 " \
	"AAAAC3NzaC1lZDI1NTE5AAAAIMDzU2RK4d+PhPPPLJ9xuJ8VfdAxq91fBEFKMu44kxfE"
#define SIG_TOP	"bd signed Signing data on standard input\n" \
	"bd signed -----BEGIN SSH SIGNATURE-----\n"
#define SIG_BODY \
	"bd signed U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgwPNTZErh34+E8" \
	"88sn3G4nxV90D\n" \
	"bd signed Gr3V8EQUoy7jiTF8QAAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3N" \
	"zaC1lZDI1NTE5\n" \
	"bd signed AAAAQBl4JMQvz3oDsEX+QPeTeOMWe9q48znMr6WPmdHyruUywhCNmEzm6" \
	"U8YHEZ3eKJE4N\n" \
	"bd signed VuUJt4Bn52JEquvakYMg8=\n"
#define SIG_END	"bd signed -----END SSH SIGNATURE-----\n"

static void
check_sign(const char *text, int verified, const char *refusals,
    enum doctor_verdict verdict, const char *what, const char *mend)
{
	struct doctor_facts f = parsed(text);
	struct doctor d = { .target = "docker:web" };
	struct doctor_where w = web();
	json_t *r = json(refusals);
	struct doctor_word_of_agent agent = { NULL, r };
	static struct doctor_sign s;

	doctor_sign_take(&f, &s);
	doctor_sign(&d, &w, &s, verified, "wrong", &agent);
	assert_int_equal(d.n, 1);
	assert_int_equal(find(&d, "signing")->verdict, verdict);
	check_link(&d, "signing", what, mend);
	doctor_fini(&d);
	doctor_facts_fini(&f);
	json_decref(r);
}

static void
what_is_said_of_a_signature(void **state)
{
	static const char good[] = "bd signkey " SIGKEY "\n" SIG_TOP SIG_BODY
	    SIG_END "bd sign 0\n";

	(void)state;
	check_sign(good, ST_OK, NULL, DOCTOR_OK, "signature is good", NULL);
	check_sign(good, ST_UNTRUSTED, NULL, DOCTOR_BAD, "not good: wrong",
	    "git config");
	check_sign(good, ST_NOT_FOUND, NULL, DOCTOR_OK, "not verified: wrong",
	    NULL);
	check_sign("bd sign 0\n" SIG_TOP SIG_BODY, ST_OK, NULL, DOCTOR_BAD,
	    "makes no signature", NULL);
	check_sign("", ST_OK, NULL, DOCTOR_SKIPPED, "could not be tried",
	    NULL);
	check_sign("bd sign none\n", ST_OK, NULL, DOCTOR_SKIPPED, "no load",
	    NULL);
	check_sign("bd sign git\n", ST_OK, NULL, DOCTOR_SKIPPED, "no git",
	    NULL);
	check_sign("bd sign setup\n", ST_OK, NULL, DOCTOR_SKIPPED, "see git",
	    NULL);
	check_sign("bd signed No private key found for \"/dev/fd/3\"\n"
	    "bd sign 255\n", ST_OK, NULL, DOCTOR_BAD, "not a key that the "
	    "agent shows", "load --sign docker:web");
	check_sign("bd signed Couldn't sign message (signer): agent refused "
	    "operation\nbd signed Signing stdin failed: agent refused "
	    "operation\nbd sign 255\n", ST_OK, "["
	    REFUSAL("1000", "login", KEY, "first", "null") ","
	    REFUSAL("1000", "sshsig", KEY, "purposes", "null") "]",
	    DOCTOR_BAD, "does not sign for git: purposes", "do purposes");
	check_sign("bd signed xyz: not found\nbd sign 127\n", ST_OK, NULL,
	    DOCTOR_BAD, "fails with 127: xyz: not found", NULL);
	check_sign("bd sign 124\n", ST_OK, NULL, DOCTOR_BAD, "in time",
	    "say yes");
}

static void
a_signature_and_a_key_are_nothing_else(void **state)
{
	static struct doctor_sign s;
	struct doctor_facts f = parsed("bd signkey ssh-ed25519,x AAAA\n"
	    SIG_TOP "bd signed AA \"\n" SIG_BODY SIG_END "bd signed more\n"
	    "bd sign 0\n");

	(void)state;
	doctor_sign_take(&f, &s);
	assert_string_equal(s.key, "");
	assert_null(strstr(s.text, "\""));
	assert_non_null(strstr(s.text, "\n-----END SSH SIGNATURE-----\n"));
	doctor_facts_fini(&f);
	f = parsed("bd signkey ssh-ed25519 AAAA\" x\nbd sign 0\n");
	doctor_sign_take(&f, &s);
	assert_string_equal(s.key, "");
	assert_string_equal(s.text, "");
	doctor_facts_fini(&f);
}

static void
a_signature_is_verified(void **state)
{
	const char *path = getenv("PATH");
	struct doctor_facts f = parsed("bd signkey " SIGKEY "\n" SIG_TOP
	    SIG_BODY SIG_END "bd sign 0\n");
	static struct doctor_sign s;
	char why[256];
	int st;

	(void)state;
	doctor_sign_take(&f, &s);
	doctor_facts_fini(&f);
	assert_int_equal(doctor_sign_verify(&s, "hello", "/nowhere", why,
	    sizeof(why)), ST_NOT_FOUND);
	assert_non_null(path);
	st = doctor_sign_verify(&s, "hello", path, why, sizeof(why));
	if (st == ST_NOT_FOUND)
		skip();
	assert_int_equal(st, ST_OK);
	assert_int_equal(doctor_sign_verify(&s, "hallo", path, why,
	    sizeof(why)), ST_UNTRUSTED);
	assert_non_null(strstr(why, "incorrect"));
	/* Of another key it is none. */
	s.key[strlen(s.key) - 1] = 'F';
	assert_int_equal(doctor_sign_verify(&s, "hello", path, why,
	    sizeof(why)), ST_UNTRUSTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_is_all_right),
		cmocka_unit_test(a_proxy_says_why_not),
		cmocka_unit_test(a_way_that_cannot_be_asked_is_not_bad),
		cmocka_unit_test(a_changed_host_key_is_shown_with_the_old_one),
		cmocka_unit_test(
		    an_unknown_host_key_is_as_bad_as_ssh_takes_it),
		cmocka_unit_test(a_server_takes_no_key),
		cmocka_unit_test(an_agent_says_why_it_refuses),
		cmocka_unit_test(a_key_that_the_agent_does_not_show),
		cmocka_unit_test(a_login_that_ends_otherwise),
		cmocka_unit_test(
		    too_many_keys_and_what_is_none_are_passed_over),
		cmocka_unit_test(a_files_name_that_is_longer_than_any_is_cut),
		cmocka_unit_test(what_is_said_of_a_signature),
		cmocka_unit_test(a_signature_and_a_key_are_nothing_else),
		cmocka_unit_test(a_signature_is_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
