#include "agent/permit.h"

#include <stdio.h>

#include "support/hex.h"

#include "proto/certificate.h"
#include "proto/destination.h"
#include "proto/keyblob.h"
#include "support/fakecert.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define NOW 1000

/*
 * A key is called by a letter: an Ed25519 key of 32 such bytes.  In a list of
 * keys a capital is a CA.  Host certificates are called by the digits of their
 * rows here; nobody looks at their signatures.
 */
static const struct cert_row {
	char		 name;
	char		 key;
	char		 ca;
	const char	*principals;	/* with commas between them */
	const char	*algorithm;
	uint32_t	 role;
	uint64_t	 after, before;
	const char	*critical;
} certs[] = {
	/* Good ones. */
	{ '0', 'h', 'C', "h.example", "ssh-ed25519", 2, 1, 2000, "" },
	{ '1', 'h', 'C', "x,h.example,y", "rsa-sha2-512", 2, NOW, NOW + 1,
	    "" },
	{ '2', 'h', 'C', "*.example", "sk-ssh-ed25519@openssh.com", 2, 0,
	    UINT64_MAX, "" },
	/* Bad ones. */
	{ '3', 'h', 'C', "h.example", "ssh-ed25519", 1, 1, 2000, "" },
	{ '4', 'h', 'C', "h.example", "ssh-ed25519", 2, NOW + 1, 2000, "" },
	{ '5', 'h', 'C', "h.example", "ssh-ed25519", 2, 1, NOW, "" },
	{ '6', 'h', 'C', "", "ssh-ed25519", 2, 1, 2000, "" },
	{ '7', 'h', 'C', "h.example", "ssh-ed25519", 2, 1, 2000, "force" },
	{ '8', 'h', 'C', "h.example", "ssh-rsa", 2, 1, 2000, "" },
	/* Good for others. */
	{ '9', 'h', 'C', "g.example,h", "rsa-sha2-256", 2, 1, 2000, "" },
	{ '@', 'g', 'C', "g.example", "ecdsa-sha2-nistp521", 2, 1, 2000, "" },
	{ '#', 'h', 'D', "h.example", "ssh-ed25519", 2, 1, 2000, "" },
	/* From far away. */
	{ '%', 'h', 'C', "h.example", "ssh-ed25519", 2, 0, 1, "" },
	{ '&', 'h', 'C', "h.example", "ssh-ed25519", 2, INT64_MAX, UINT64_MAX,
	    "" },
	{ '!', 'h', 'C', "h.example", "ssh-mldsa44-ed25519@openssh.com", 2, 1,
	    2000, "" },
};

/* A CA's key is written as a capital, and its blob is that of the letter. */
static struct slice
key_blob(char c)
{
	return hex_key(c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
}

static struct slice
cert_blob(const struct cert_row *c)
{
	struct fakecert fake = { .key = hex_key(c->key),
		.ca = key_blob(c->ca), .role = c->role,
		.principals = c->principals, .after = c->after,
		.before = c->before, .critical = c->critical };
	struct wire_writer w = wire_writer(hex_alloc(512), 512);
	struct certificate cert;
	struct slice out;
	size_t mark;

	fakecert_put(&w, &fake);
	mark = wire_open_string(&w);
	wire_put_str(&w, c->algorithm);
	wire_put_str(&w, "a signature");
	wire_close_string(&w, mark);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	assert_int_equal(certificate_decode(out, &cert), ST_OK);
	return out;
}

/* The blob of a host: a letter or the name of a certificate. */
static struct slice
host_blob(char name)
{
	for (size_t i = 0; i < N(certs); i++)
		if (certs[i].name == name)
			return cert_blob(&certs[i]);
	return key_blob(name);
}

/* One end of a pair: "user@host:keys", "host:keys" or "". */
static void
put_hop(struct wire_writer *w, const char *text, size_t len)
{
	size_t mark = wire_open_string(w);
	const char *at = memchr(text, '@', len);
	const char *colon;

	if (at != NULL) {
		wire_put_string(w, (struct slice){ (const uint8_t *)text,
		    (size_t)(at - text) });
		len -= (size_t)(at + 1 - text);
		text = at + 1;
	} else {
		wire_put_str(w, "");
	}
	colon = memchr(text, ':', len);
	if (colon == NULL) {
		wire_put_str(w, "");
		wire_put_str(w, "");
	} else {
		wire_put_string(w, (struct slice){ (const uint8_t *)text,
		    (size_t)(colon - text) });
		wire_put_str(w, "");
		for (const char *k = colon + 1; k < text + len; k++) {
			wire_put_string(w, host_blob(*k));
			wire_put_u8(w, *k >= 'A' && *k <= 'Z');
		}
	}
	wire_close_string(w, mark);
}

/* A list of pairs "from>to", with blanks between them. */
static struct slice
pairs(const char *text)
{
	struct wire_writer w = wire_writer(hex_alloc(8192), 8192);
	struct slice out;

	while (*text != '\0') {
		size_t len = strcspn(text, " "), from = strcspn(text, ">");
		size_t mark = wire_open_string(&w);

		put_hop(&w, text, from);
		put_hop(&w, text + from + 1, len - from - 1);
		wire_put_str(&w, "");
		wire_close_string(&w, mark);
		text += len + (text[len] == ' ');
	}
	assert_int_equal(wire_done(&w, &out), ST_OK);
	assert_true(out.len == 0 || destination_check(out) == ST_OK);
	return out;
}

static void
put_session_id(char id[static 16], size_t i)
{
	(void)snprintf(id, 16, "session %zu", i);
}

/* Binds "a+b-": the host, and whether it is for forwarding; "~" before them:
 * one failed that may have been a host; "!": it was none.  They are put there
 * past bindings_add(), which would refuse some of them. */
static void
bind_all(struct bindings *b, const char *text)
{
	*b = (struct bindings){ 0 };
	b->at = calloc(BINDING_MAX, sizeof(*b->at));
	assert_non_null(b->at);
	b->attempted = *text != '\0';
	if (strcmp(text, "!") == 0)
		return;
	b->gap = *text == '~';
	text += b->gap;
	for (; *text != '\0'; text += 2) {
		struct binding *at = &b->at[b->n];
		struct slice blob = host_blob(text[0]);
		char id[16];

		at->forwarding = text[1] == '+';
		assert_true(at->forwarding || text[1] == '-');
		at->hostkey = malloc(blob.len);
		assert_non_null(at->hostkey);
		memcpy(at->hostkey, blob.p, blob.len);
		at->hostkey_len = blob.len;
		put_session_id(id, b->n);
		at->session_id_len = strlen(id);
		memcpy(at->session_id, id, strlen(id));
		binding_decode(at);
		b->n++;
	}
}

#define NO_BIND		REASON_UNBOUND
#define BAD_BIND	REASON_BIND_FAILED
#define GAP		REASON_BIND_GAP
#define OTHER_HOST	REASON_DESTINATION
#define NO_FURTHER	REASON_DESTINATION_BEYOND
#define OTHER_USER	REASON_DESTINATION_USER
#define AUTH_FIRST	REASON_BIND_NOT_LAST
#define FORWARDING	REASON_BOUND_FORWARDING

/* One question: may a key with those pairs be seen after those binds? */
struct see_row {
	const char	*pairs, *binds;
	enum reason	 why;		/* NONE: yes */
};

static void
check_see(const struct see_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct slice list = pairs(rows[i].pairs);
		enum reason why = REASON_NONE;
		struct bindings b;
		int st;

		bind_all(&b, rows[i].binds);
		st = permit_visible(list, &b, NOW, &why);
		bindings_fini(&b);
		if (st != (rows[i].why == REASON_NONE ? ST_OK : ST_DENIED) ||
		    (st != ST_OK && why != rows[i].why))
			fail_msg("\"%s\" after \"%s\": %d, %s", rows[i].pairs,
			    rows[i].binds, st, reason_text(why));
	}
}

static void
destinations_none_are_no_restriction(void **state)
{
	static const struct see_row rows[] = {
		{ "", "", REASON_NONE },
		{ "", "!", REASON_NONE },
		{ "", "~a-", REASON_NONE },
		{ "", "a-", REASON_NONE },
		{ "", "a+b-", REASON_NONE },
		{ "", "a-b-", REASON_NONE },
	};

	(void)state;
	check_see(rows, N(rows));
}

static void
without_a_bind_it_is_seen_but_not_after_a_failed_one(void **state)
{
	static const struct see_row rows[] = {
		{ ">a.example:a", "", REASON_NONE },
		{ "a.example:a>b.example:b", "", REASON_NONE },
		{ ">a.example:a", "!", BAD_BIND },
		{ ">a.example:a", "~", BAD_BIND },
		{ ">a.example:a", "~a-", GAP },
		{ ">a.example:a", "~a+a-", GAP },
	};

	(void)state;
	check_see(rows, N(rows));
}

static void
the_first_step_starts_here(void **state)
{
	static const struct see_row rows[] = {
		{ ">h:a", "a-", REASON_NONE },
		{ ">h:a", "b-", OTHER_HOST },
		{ ">h:ab", "b-", REASON_NONE },
		{ ">h:a >g:b", "b-", REASON_NONE },
		{ ">g:b >h:a", "b-", REASON_NONE },
		{ "a:a>b:b", "b-", OTHER_HOST },
		{ "a:a>b:b", "a-", OTHER_HOST },
		{ "b:b>b:b", "b-", OTHER_HOST },
		{ ">u@h:a", "a-", REASON_NONE },
		/* A key of a CA is no host key, and a host key no CA's. */
		{ ">h:A", "a-", OTHER_HOST },
		{ ">h:Aa", "a-", REASON_NONE },
	};

	(void)state;
	check_see(rows, N(rows));
}

static void
every_further_step_starts_at_the_host_before(void **state)
{
	static const struct see_row rows[] = {
		{ ">a:a a:a>b:b", "a+b-", REASON_NONE },
		{ "a:a>b:b >a:a", "a+b-", REASON_NONE },
		{ ">a:a a:a>b:b", "b+a-", OTHER_HOST },
		{ ">a:a >b:b", "a+b-", OTHER_HOST },
		{ ">a:a b:b>b:b", "a+b-", OTHER_HOST },
		{ ">a:a a:A>b:b", "a+b-", OTHER_HOST },
		{ ">b:b a:a>b:b", "a+b-", OTHER_HOST },
		{ ">a:a a:a>b:b b:b>c:c", "a+b+c-", REASON_NONE },
		{ ">a:a a:a>b:b a:a>c:c", "a+b+c-", OTHER_HOST },
		{ ">a:a a:a>b:b b:b>c:c", "a+c-", OTHER_HOST },
		{ ">a:a a:a>a:a", "a+a+a+a-", REASON_NONE },
		{ ">a:a a:ax>b:b", "a+b-", REASON_NONE },
	};

	(void)state;
	check_see(rows, N(rows));
}

static void
an_authentication_ends_the_path(void **state)
{
	static const struct see_row rows[] = {
		{ ">a:a a:a>b:b", "a-b-", AUTH_FIRST },
		{ ">a:a a:a>b:b", "a-b+", AUTH_FIRST },
		{ ">a:a a:a>b:b b:b>c:c", "a+b-c-", AUTH_FIRST },
	};

	(void)state;
	check_see(rows, N(rows));
}

static void
where_it_cannot_go_on_it_is_hidden_from_forwarding(void **state)
{
	static const struct see_row rows[] = {
		{ ">a:a", "a-", REASON_NONE },
		{ ">a:a", "a+", NO_FURTHER },
		{ ">a:a a:a>b:b", "a+", REASON_NONE },
		{ ">a:a b:b>a:a", "a+", NO_FURTHER },
		{ ">a:a a:a>b:b", "a+b+", NO_FURTHER },
		{ ">a:a a:a>b:b b:b>c:c", "a+b+", REASON_NONE },
		{ ">a:a a:A>b:b", "a+", NO_FURTHER },
	};

	(void)state;
	check_see(rows, N(rows));
}


static void
host_certificates_must_be_good(void **state)
{
	static const struct see_row rows[] = {
		{ ">h.example:C", "0-", REASON_NONE },
		{ ">h.example:C", "1-", REASON_NONE },
		{ ">h.example:C", "2-", REASON_NONE },
		{ ">h.example:C", "3-", REASON_HOST_CERT_USER },
		{ ">h.example:C", "4-", REASON_HOST_CERT_EARLY },
		{ ">h.example:C", "&-", REASON_HOST_CERT_EARLY },
		{ ">h.example:C", "5-", REASON_HOST_CERT_LATE },
		{ ">h.example:C", "%-", REASON_HOST_CERT_LATE },
		{ ">h.example:C", "6-", REASON_HOST_CERT_NO_NAMES },
		{ ">h.example:C", "7-", REASON_HOST_CERT_OPTIONS },
		{ ">h.example:C", "8-", REASON_HOST_CERT_ALGORITHM },
		{ ">h.example:C", "!-", REASON_HOST_CERT_ALGORITHM },
		{ ">h.example:C", "9-", OTHER_HOST },
		{ ">h.example:C", "@-", OTHER_HOST },
		{ ">g.example:C", "@-", REASON_NONE },
		{ ">h.example:C", "#-", OTHER_HOST },
		{ ">h.example:CD", "#-", REASON_NONE },
		{ ">H.example:C", "0-", OTHER_HOST },
		/* The CA's key itself is no host's. */
		{ ">h.example:C", "c-", OTHER_HOST },
		/* The certified key does not count, only the CA; nor does the
		 * certificate itself. */
		{ ">h.example:h", "0-", OTHER_HOST },
		{ ">h.example:0", "0-", OTHER_HOST },
		/* A CA that is listed as a host. */
		{ ">h.example:c", "0-", OTHER_HOST },
		/* The host with its plain key is another one. */
		{ ">h.example:C", "h-", OTHER_HOST },
		{ ">h.example:Ch", "h-", REASON_NONE },
	};

	(void)state;
	check_see(rows, N(rows));
}

static void
the_certificate_of_the_host_before_is_the_reason_too(void **state)
{
	static const struct see_row rows[] = {
		{ ">h.example:C h.example:C>b:b", "0+b-", REASON_NONE },
		{ ">h.example:C h.example:C>b:b", "5+b-",
		    REASON_HOST_CERT_LATE },
		{ ">a:a a:a>h.example:C h.example:C>b:b", "a+6+b-",
		    REASON_HOST_CERT_NO_NAMES },
		/* With both bad it is the one that was led to. */
		{ ">h.example:C h.example:C>h.example:C", "5+6-",
		    REASON_HOST_CERT_LATE },
	};

	(void)state;
	check_see(rows, N(rows));
}

static void
patterns_are_the_certificates_and_not_the_keys(void **state)
{
	static const struct see_row rows[] = {
		{ ">x.y.example:C", "2-", REASON_NONE },
		{ ">example:C", "2-", OTHER_HOST },
		{ ">*.example:C", "2-", REASON_NONE },
		{ ">*.example:C", "0-", OTHER_HOST },
		{ ">?.example:C", "0-", OTHER_HOST },
	};

	(void)state;
	check_see(rows, N(rows));
}

static void
each_end_has_its_own_host_name(void **state)
{
	static const struct see_row rows[] = {
		{ ">h.example:C h.example:C>b:b", "0+b-", REASON_NONE },
		{ ">h.example:C g.example:C>b:b", "0+b-", OTHER_HOST },
		{ ">h.example:C b.example:C>h.example:b", "0+b-", OTHER_HOST },
		{ ">h.example:C h.example:C>b:b", "0+", REASON_NONE },
		{ ">h.example:C g.example:C>b:b", "0+", NO_FURTHER },
		{ ">h.example:C h.example:C>g.example:C", "0+@-", REASON_NONE },
		{ ">a:a a:a>h.example:C", "a+0-", REASON_NONE },
		{ ">a:a a:a>h.example:C", "a+5-", REASON_HOST_CERT_LATE },
		{ ">a:a a:a>h.example:C", "a+@-", OTHER_HOST },
	};

	(void)state;
	check_see(rows, N(rows));
}

static void
certificates_are_judged_at_the_given_time(void **state)
{
	static const struct {
		int64_t	 now_s;
		int	 want;
	} rows[] = {
		{ 0, ST_DENIED }, { 1, ST_OK }, { 1999, ST_OK },
		{ 2000, ST_DENIED }, { -1, ST_DENIED },
		{ INT64_MAX, ST_DENIED }, { INT64_MIN, ST_DENIED },
	};
	struct slice list = pairs(">h.example:C");
	struct bindings b;
	enum reason why;

	(void)state;
	bind_all(&b, "0-");
	for (size_t i = 0; i < N(rows); i++)
		assert_int_equal(permit_visible(list, &b, rows[i].now_s, &why),
		    rows[i].want);
	bindings_fini(&b);
	/* One that is good for ever, but not before its clock began. */
	bind_all(&b, "2-");
	assert_int_equal(permit_visible(list, &b, INT64_MAX, &why), ST_OK);
	assert_int_equal(permit_visible(list, &b, -2, &why), ST_DENIED);
	bindings_fini(&b);
}

static void
cas_sign_with_what_is_on_the_list(void **state)
{
	static const struct {
		const char	*name;
		int		 want;
	} rows[] = {
		{ "ssh-ed25519", ST_OK },
		{ "ecdsa-sha2-nistp256", ST_OK },
		{ "ecdsa-sha2-nistp384", ST_OK },
		{ "ecdsa-sha2-nistp521", ST_OK },
		{ "sk-ssh-ed25519@openssh.com", ST_OK },
		{ "sk-ecdsa-sha2-nistp256@openssh.com", ST_OK },
		{ "rsa-sha2-256", ST_OK },
		{ "rsa-sha2-512", ST_OK },
		{ "ssh-rsa", ST_DENIED },
		{ "ssh-dss", ST_DENIED },
		{ "ssh-mldsa44-ed25519@openssh.com", ST_DENIED },
		{ "webauthn-sk-ecdsa-sha2-nistp256@openssh.com", ST_DENIED },
		{ "", ST_DENIED },
	};
	struct slice list = pairs(">h.example:C");

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct cert_row row = certs[0];
		struct bindings b;
		struct slice blob;
		enum reason why;

		row.algorithm = rows[i].name;
		blob = cert_blob(&row);
		bind_all(&b, "h-");
		free(b.at[0].hostkey);
		b.at[0].hostkey = malloc(blob.len);
		assert_non_null(b.at[0].hostkey);
		memcpy(b.at[0].hostkey, blob.p, blob.len);
		b.at[0].hostkey_len = blob.len;
		binding_decode(&b.at[0]);
		if (permit_visible(list, &b, NOW, &why) != rows[i].want)
			fail_msg("%s", rows[i].name);
		bindings_fini(&b);
	}
}

/* One question: may a key with those pairs sign after those binds? */
struct sign_row {
	const char	*pairs, *binds;
	const char	*user;		/* NULL: it is no userauth request */
	size_t		 session;	/* of which bind; counts from 0 */
	char		 hostkey;	/* 0: not host-bound */
	enum reason	 why;		/* NONE: yes */
};

static void
check_sign(const struct sign_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct sign_row *r = &rows[i];
		struct slice list = pairs(r->pairs);
		struct signdata d = { .kind = SIGNDATA_OTHER };
		enum reason why = REASON_NONE;
		struct bindings b;
		char id[16];
		int st;

		bind_all(&b, r->binds);
		put_session_id(id, r->session);
		if (r->user != NULL) {
			d.kind = SIGNDATA_USERAUTH;
			d.userauth.session_id = slice_str(id);
			d.userauth.user = slice_str(r->user);
			d.userauth.hostbound = r->hostkey != 0;
		}
		if (r->hostkey != 0)
			d.userauth.hostkey = host_blob(r->hostkey);
		st = permit_auth(list, &b, &d, NOW, &why);
		bindings_fini(&b);
		if (st != (r->why == REASON_NONE ? ST_OK : ST_DENIED) ||
		    (st != ST_OK && why != r->why))
			fail_msg("row %zu: \"%s\" after \"%s\": %d, %s", i,
			    r->pairs, r->binds, st,
			    reason_text(why));
	}
}

#define NO_REQUEST	REASON_DESTINATION_NO_LOGIN
#define OTHER_SESSION	REASON_OTHER_SESSION
#define OTHER_KEY	REASON_OTHER_HOST
#define NOT_HOSTBOUND \
	REASON_NO_HOST_KEY

static void
without_destinations_anything_is_signed(void **state)
{
	static const struct sign_row rows[] = {
		{ "", "", NULL, 0, 0, REASON_NONE },
		{ "", "!", NULL, 0, 0, REASON_NONE },
		{ "", "a+", "u", 5, 'b', REASON_NONE },
		{ "", "a-b-", "u", 0, 0, REASON_NONE },
	};

	(void)state;
	check_sign(rows, N(rows));
}

static void
only_requests_to_log_in_are_signed_and_only_when_bound(void **state)
{
	static const struct sign_row rows[] = {
		{ ">h:a", "a-", "u", 0, 0, REASON_NONE },
		{ ">h:a", "a-", "", 0, 0, REASON_NONE },
		{ ">h:a", "a-", NULL, 0, 0, NO_REQUEST },
		{ ">h:a", "", NULL, 0, 0, NO_REQUEST },
		{ ">h:a", "", "u", 0, 0, NO_BIND },
		{ ">h:a", "", "u", 0, 'a', NO_BIND },
		{ ">h:a", "!", "u", 0, 'a', BAD_BIND },
		{ ">h:a", "~a-", "u", 0, 'a', GAP },
		{ ">h:a", "~a-", "u", 0, 0, GAP },
	};

	(void)state;
	check_sign(rows, N(rows));
}

static void
no_sshsig_is_signed_for_destinations(void **state)
{
	struct slice list = pairs(">h:a");
	struct signdata d = { .kind = SIGNDATA_SSHSIG };
	struct bindings b;
	enum reason why;

	(void)state;
	bind_all(&b, "a-");
	assert_int_equal(permit_auth(list, &b, &d, NOW, &why), ST_DENIED);
	assert_int_equal(why, NO_REQUEST);
	bindings_fini(&b);
}

static void
the_last_bind_must_be_to_log_in(void **state)
{
	static const struct sign_row rows[] = {
		{ ">h:a", "a+", "u", 0, 'a', FORWARDING },
		{ ">a:a a:a>b:b", "a+", "u", 0, 'a', FORWARDING },
		{ ">a:a a:a>b:b b:b>c:c", "a+b+", "u", 1, 'b', FORWARDING },
		{ ">a:a a:a>b:b", "a+b-", "u", 1, 'b', REASON_NONE },
		{ ">a:a a:a>b:b", "a-b-", "u", 1, 'b', AUTH_FIRST },
	};

	(void)state;
	check_sign(rows, N(rows));
}

static void
the_session_is_that_of_the_last_bind(void **state)
{
	static const struct sign_row rows[] = {
		{ ">h:a", "a-", "u", 1, 0, OTHER_SESSION },
		{ ">h:a", "a-", "u", 1, 'a', OTHER_SESSION },
		{ ">a:a a:a>b:b", "a+b-", "u", 0, 'b', OTHER_SESSION },
		{ ">a:a a:a>b:b", "a+b-", "u", 2, 'b', OTHER_SESSION },
	};

	(void)state;
	check_sign(rows, N(rows));
}

static void
the_host_key_is_that_of_the_last_bind(void **state)
{
	static const struct sign_row rows[] = {
		{ ">h:a", "a-", "u", 0, 'a', REASON_NONE },
		{ ">h:ab", "a-", "u", 0, 'b', OTHER_KEY },
		{ ">a:a a:a>b:b", "a+b-", "u", 1, 'a', OTHER_KEY },
		{ ">a:a a:a>b:b", "a+b-", "u", 1, 'b', REASON_NONE },
		{ ">h.example:C", "0-", "u", 0, '0', REASON_NONE },
		{ ">h.example:C", "0-", "u", 0, 'h', OTHER_KEY },
		{ ">h.example:C", "0-", "u", 0, '1', OTHER_KEY },
	};

	(void)state;
	check_sign(rows, N(rows));
}

static void
several_hops_need_the_host_bound_form(void **state)
{
	static const struct sign_row rows[] = {
		{ ">a:a a:a>b:b", "a+b-", "u", 1, 0, NOT_HOSTBOUND },
		{ ">a:a a:a>a:a", "a+a-", "u", 1, 0, NOT_HOSTBOUND },
		{ ">a:a a:a>a:a", "a+a-", "u", 1, 'a', REASON_NONE },
	};

	(void)state;
	check_sign(rows, N(rows));
}

static void
the_path_counts_for_signing_too(void **state)
{
	static const struct sign_row rows[] = {
		{ ">h:a", "b-", "u", 0, 'b', OTHER_HOST },
		{ ">a:a >b:b", "a+b-", "u", 1, 'b', OTHER_HOST },
		{ ">a:a b:b>c:c", "a+c-", "u", 1, 'c', OTHER_HOST },
		{ ">h.example:C", "5-", "u", 0, '5', REASON_HOST_CERT_LATE },
		{ ">h.example:C", "6-", "u", 0, '6', REASON_HOST_CERT_NO_NAMES },
	};

	(void)state;
	check_sign(rows, N(rows));
}

static void
users_are_those_of_the_last_step(void **state)
{
	static const struct sign_row rows[] = {
		{ ">git@h:a", "a-", "git", 0, 0, REASON_NONE },
		{ ">git@h:a", "a-", "root", 0, 0, OTHER_USER },
		{ ">git@h:a", "a-", "", 0, 0, OTHER_USER },
		{ ">git@h:a", "a-", "gitt", 0, 0, OTHER_USER },
		{ ">git@h:a", "a-", "Git", 0, 0, OTHER_USER },
		{ ">g*@h:a", "a-", "git", 0, 0, REASON_NONE },
		{ ">g?t@h:a", "a-", "git", 0, 0, REASON_NONE },
		{ ">g?t@h:a", "a-", "giit", 0, 0, OTHER_USER },
		{ ">*@h:a", "a-", "", 0, 0, REASON_NONE },
		{ ">git@h:a", "a-", "g*", 0, 0, OTHER_USER },
		{ ">git,root@h:a", "a-", "root", 0, 0, OTHER_USER },
		{ ">git@h:a >root@h:a", "a-", "root", 0, 0, REASON_NONE },
		{ ">git@h:a >root@g:b", "a-", "root", 0, 0, OTHER_USER },
		/* On the way there it is no matter. */
		{ ">x@a:a a:a>u@b:b", "a+b-", "u", 1, 'b', REASON_NONE },
		{ ">u@a:a a:a>x@b:b", "a+b-", "u", 1, 'b', OTHER_USER },
		/* Where the host is wrong, so is not the user. */
		{ ">git@h:a", "b-", "root", 0, 0, OTHER_HOST },
	};

	(void)state;
	check_sign(rows, N(rows));
}

static void
unbound_use_asks_for_the_user_alone(void **state)
{
	static const struct {
		const char	*pairs, *user;
		bool		 want;
	} rows[] = {
		{ "", "u", true },
		{ ">h:a", "u", true },
		{ ">git@h:a", "git", true },
		{ ">git@h:a", "root", false },
		{ ">git@h:a b:b>ro*@c:c", "root", true },
		{ ">git@h:a >h:b", "root", true },
		{ ">git@h:a", "", false },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		if (permit_user(pairs(rows[i].pairs),
		    slice_str(rows[i].user)) != rows[i].want)
			fail_msg("%s as %s", rows[i].pairs, rows[i].user);
}

static void
a_broken_certificate_matches_nothing(void **state)
{
	struct slice list = pairs(">h.example:C"), blob = host_blob('0');
	struct bindings b;
	enum reason why;

	(void)state;
	/* Cut short in the bind, where only what was verified should be. */
	bind_all(&b, "0-");
	b.at[0].hostkey_len = blob.len - 1;
	binding_decode(&b.at[0]);
	assert_int_equal(permit_visible(list, &b, NOW, &why), ST_DENIED);
	assert_int_equal(why, REASON_HOST_CERT_BROKEN);
	b.at[0].hostkey_len = 3;
	binding_decode(&b.at[0]);
	assert_int_equal(permit_visible(list, &b, NOW, &why), ST_DENIED);
	assert_int_equal(why, OTHER_HOST);
	bindings_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations_none_are_no_restriction),
		cmocka_unit_test(
		    without_a_bind_it_is_seen_but_not_after_a_failed_one),
		cmocka_unit_test(the_first_step_starts_here),
		cmocka_unit_test(every_further_step_starts_at_the_host_before),
		cmocka_unit_test(an_authentication_ends_the_path),
		cmocka_unit_test(
		    where_it_cannot_go_on_it_is_hidden_from_forwarding),
		cmocka_unit_test(host_certificates_must_be_good),
		cmocka_unit_test(
		    the_certificate_of_the_host_before_is_the_reason_too),
		cmocka_unit_test(
		    patterns_are_the_certificates_and_not_the_keys),
		cmocka_unit_test(each_end_has_its_own_host_name),
		cmocka_unit_test(certificates_are_judged_at_the_given_time),
		cmocka_unit_test(cas_sign_with_what_is_on_the_list),
		cmocka_unit_test(without_destinations_anything_is_signed),
		cmocka_unit_test(
		    only_requests_to_log_in_are_signed_and_only_when_bound),
		cmocka_unit_test(no_sshsig_is_signed_for_destinations),
		cmocka_unit_test(the_last_bind_must_be_to_log_in),
		cmocka_unit_test(the_session_is_that_of_the_last_bind),
		cmocka_unit_test(the_host_key_is_that_of_the_last_bind),
		cmocka_unit_test(several_hops_need_the_host_bound_form),
		cmocka_unit_test(the_path_counts_for_signing_too),
		cmocka_unit_test(users_are_those_of_the_last_step),
		cmocka_unit_test(unbound_use_asks_for_the_user_alone),
		cmocka_unit_test(a_broken_certificate_matches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
