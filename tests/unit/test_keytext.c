#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/key.h"
#include "keys/keytext.h"
#include "keys/pem.h"
#include "agent/vault.h"
#include "base/text.h"

/*
 * The keys are made on the spot by ssh-keygen and openssl, and each one's
 * public blob is compared with what those programs say it is.
 */

#define TEXT_MAX	(64 * 1024)

static char dir[] = "/tmp/test_keytext.XXXXXX";

/* NAME is a key file, NAME.pub what is its public half. */
static const char make_keys[] =
    "set -e; umask 077; cd %s; exec >log 2>&1 </dev/null\n"
    "gen() { f=$1; shift; ssh-keygen -q -N '' -C \"$f of a test\" -f $f"
    " \"$@\"; }\n"
    "as() { cp $1 $2; cp $1.pub $2.pub; ssh-keygen -q -p -P '' -N \"$4\""
    " -m $3 -f $2; }\n"
    "gen ed25519 -t ed25519\n"
    "ssh-keygen -q -N '' -C '' -t ed25519 -f silent\n"
    "for b in 256 384 521; do\n"
    "	gen ec$b -t ecdsa -b $b\n"
    "	as ec$b ec$b.sec1 PEM ''\n"
    "	as ec$b ec$b.pkcs8 PKCS8 ''\n"
    "	openssl ec -in ec$b.sec1 -no_public -out ec$b.bare\n"
    "	openssl ec -in ec$b.sec1 -conv_form compressed -out ec$b.short\n"
    "	openssl pkcs8 -topk8 -nocrypt -in ec$b.bare -out ec$b.bare8\n"
    "	for x in bare short bare8; do cp ec$b.pub ec$b.$x.pub; done\n"
    "done\n"
    "openssl ecparam -name prime256v1 -genkey -out params\n"
    "ssh-keygen -y -f params >params.pub\n"
    "for b in 1024 2048 4096; do\n"
    "	gen rsa$b -t rsa -b $b\n"
    "	as rsa$b rsa$b.pkcs1 PEM ''\n"
    "	as rsa$b rsa$b.pkcs8 PKCS8 ''\n"
    "done\n"
    "openssl genpkey -algorithm ed25519 -out ed25519.pkcs8\n"
    "openssl pkey -in ed25519.pkcs8 -pubout -outform DER |"
    " tail -c 32 >ed25519.pkcs8.raw\n"
    /* What is not taken. */
    "as ed25519 ed25519.locked RFC4716 secret\n"
    "as rsa2048 rsa2048.locked RFC4716 secret\n"
    "as rsa2048 rsa2048.locked1 PEM secret\n"
    "as ec256 ec256.locked1 PEM secret\n"
    "as rsa2048 rsa2048.locked8 PKCS8 secret\n"
    "openssl rsa -in rsa2048.pkcs1 -aes256 -passout pass:secret -traditional"
    " -out rsa2048.lockedo\n"
    "openssl dsaparam -genkey -out dsa.pem 1024\n"
    "openssl pkey -in dsa.pem -out dsa.pkcs8\n"
    "openssl ecparam -name secp256k1 -genkey -noout -out k1.sec1\n"
    "openssl pkey -in k1.sec1 -out k1.pkcs8\n"
    "openssl ec -in ec256.sec1 -param_enc explicit -out explicit\n"
    "openssl genpkey -algorithm ed448 -out ed448\n"
    "openssl genpkey -algorithm x25519 -out x25519\n"
    "openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:1024"
    " -out pss\n"
    "openssl genrsa -out rsa768 768\n"
    "openssl genrsa -primes 3 -out primes 2048\n"
    "openssl rsa -in primes -traditional -out primes.pkcs1\n"
    "ssh-keygen -q -s ed25519 -I id -n user ed25519.pub\n";

/* A key found in a text, its public blob beside it. */
struct found {
	struct keytext	 key;
	uint8_t		 room[KEYPRIVATE_PUBLIC_MAX];
	struct slice	 blob;
	char		 why[512];
};

/* Read a file of the directory; the result is NUL-ended. */
static struct slice
slurp(const char *name, uint8_t *room)
{
	char path[256];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "r")) == NULL)
		fail_msg("no %s", path);
	n = fread(room, 1, TEXT_MAX - 1, f);
	room[n] = '\0';
	(void)fclose(f);
	return (struct slice){ room, n };
}

/* keytext_next(), and the public blob. */
static int
next(struct slice *in, struct found *out)
{
	struct wire_writer w = wire_writer(out->room, sizeof(out->room));
	int st;

	st = keytext_next(vault_region(), key_ecdsa_public, in, &out->key, out->why,
	    sizeof(out->why));
	if (st == ST_OK) {
		keyprivate_put_public(&w, &out->key.fields);
		assert_int_equal(wire_done(&w, &out->blob), ST_OK);
	} else {
		assert_null(out->key.mem);
	}
	return st;
}

static void
fini(struct found *f)
{
	keytext_fini(vault_region(), &f->key);
}

/* The blob in a .pub file. */
static struct slice
public_of(const char *name, uint8_t *room)
{
	static uint8_t text[TEXT_MAX];
	char path[64], *word;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s.pub", name);
	(void)slurp(path, text);
	(void)strtok((char *)text, " ");
	word = strtok(NULL, " \n");
	assert_int_equal(pem_decode(slice_str(word), room, TEXT_MAX, &len),
	    ST_OK);
	return (struct slice){ room, len };
}

/* The key of a text is that of NAME.pub, is the only one, and can sign. */
static void
expect_key(const char *name, struct slice text, const char *comment)
{
	static uint8_t room[TEXT_MAX];
	struct found f;
	struct key *key;
	const char *why;

	if (next(&text, &f) != ST_OK)
		fail_msg("%s: %s", name, f.why);
	if (!slice_eq(f.blob, public_of(name, room)))
		fail_msg("%s: another public blob", name);
	if (!slice_eq_str(f.key.comment, comment))
		fail_msg("%s: another comment", name);
	assert_true(secret_owns(vault_region(), f.key.mem));
	if (key_new(&key, &f.key.fields, &why) != ST_OK)
		fail_msg("%s: %s", name, why);
	key_free(key);
	fini(&f);
	assert_int_equal(next(&text, &f), ST_NOT_FOUND);
}

static const char *const openssh_keys[] = { "ed25519", "ec256", "ec384",
	"ec521", "rsa1024", "rsa2048", "rsa4096" };
static const char *const other_keys[] = { "ec256.sec1", "ec384.sec1",
	"ec521.sec1", "ec256.pkcs8", "ec384.pkcs8", "ec521.pkcs8",
	"ec256.bare", "ec384.bare", "ec521.bare", "ec256.short",
	"ec384.short", "ec521.short", "ec256.bare8", "ec384.bare8",
	"ec521.bare8", "params", "rsa1024.pkcs1", "rsa2048.pkcs1",
	"rsa4096.pkcs1", "rsa1024.pkcs8", "rsa2048.pkcs8", "rsa4096.pkcs8" };

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static void
every_form_gives_the_key_that_the_pub_file_names(void **state)
{
	static uint8_t room[TEXT_MAX];
	char comment[64];

	(void)state;
	for (size_t i = 0; i < COUNT(openssh_keys); i++) {
		(void)snprintf(comment, sizeof(comment), "%s of a test",
		    openssh_keys[i]);
		expect_key(openssh_keys[i], slurp(openssh_keys[i], room),
		    comment);
	}
	expect_key("silent", slurp("silent", room), "");
	for (size_t i = 0; i < COUNT(other_keys); i++)
		expect_key(other_keys[i], slurp(other_keys[i], room), "");
}

/* Armour bytes under a label. */
static struct slice
armour(const char *label, struct slice bytes, char *room, size_t cap)
{
	struct text t;

	text_init(&t, room, cap);
	text_addf(&t, "-----BEGIN %s-----\n", label);
	text_base64(&t, bytes.p, bytes.len, true);
	text_addf(&t, "\n-----END %s-----\n", label);
	assert_false(t.full);
	return (struct slice){ (uint8_t *)room, t.len };
}

/* What is between the BEGIN and END lines of a file, decoded. */
static struct slice
unarmour(const char *name, uint8_t *room)
{
	static uint8_t text[TEXT_MAX];
	struct slice in = slurp(name, text);
	struct pem_block block;
	const char *why;
	size_t len;

	assert_int_equal(pem_next(&in, &block, &why), ST_OK);
	assert_int_equal(pem_decode(block.body, room, TEXT_MAX, &len), ST_OK);
	return (struct slice){ room, len };
}

static void
ed25519_pkcs8_with_and_without_its_public_half(void **state)
{
	static uint8_t room[TEXT_MAX], raw[TEXT_MAX];
	static char text[TEXT_MAX];
	struct slice in = slurp("ed25519.pkcs8", room), der;
	struct found f;

	(void)state;
	(void)slurp("ed25519.pkcs8.raw", raw);
	assert_int_equal(next(&in, &f), ST_OK);
	assert_int_equal(f.key.fields.type, KEY_ED25519);
	assert_memory_equal(f.key.fields.ed25519.pk.p, raw, 32);
	assert_memory_equal(f.key.fields.ed25519.sk.p + 32, raw, 32);
	fini(&f);

	/* RFC 5958 version 2: [1] IMPLICIT BIT STRING at the end. */
	der = unarmour("ed25519.pkcs8", room);
	assert_int_equal(der.len, 48);
	room[1] = 48 - 2 + 35;
	room[4] = 1;
	memcpy(room + 48, "\x81\x21\x00", 3);
	memcpy(room + 51, raw, 32);
	in = armour("PRIVATE KEY", (struct slice){ room, 83 }, text,
	    sizeof(text));
	assert_int_equal(next(&in, &f), ST_OK);
	fini(&f);
	room[60] ^= 1;
	in = armour("PRIVATE KEY", (struct slice){ room, 83 }, text,
	    sizeof(text));
	assert_int_equal(next(&in, &f), ST_MALFORMED);
	assert_non_null(strstr(f.why, "public part"));
}

/* Copy a text with another line end, without the last one if so wanted. */
static struct slice
with_line_ends(struct slice text, const char *eol, bool last, uint8_t *room)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] != '\n') {
			room[n++] = text.p[i];
			continue;
		}
		if (i + 1 == text.len && !last)
			break;
		memcpy(room + n, eol, strlen(eol));
		n += strlen(eol);
	}
	return (struct slice){ room, n };
}

static void
line_ends_and_text_around_do_not_matter(void **state)
{
	static const char *const eols[] = { "\n", "\r\n", "\r", "\n\n",
		"  \n\t" };
	static const char *const names[] = { "ed25519", "rsa2048.pkcs1",
		"ec384.sec1", "params", "rsa1024.pkcs8" };
	static uint8_t room[TEXT_MAX], changed[2 * TEXT_MAX];
	static char around[2 * TEXT_MAX];
	struct slice text;
	const char *comment;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		text = slurp(names[i], room);
		comment = i == 0 ? "ed25519 of a test" : "";
		for (size_t e = 0; e < COUNT(eols); e++) {
			expect_key(names[i], with_line_ends(text, eols[e],
			    true, changed), comment);
			expect_key(names[i], with_line_ends(text, eols[e],
			    false, changed), comment);
		}
		(void)snprintf(around, sizeof(around), "\xef\xbb\xbf" "My key:"
		    "\n\nssh-ed25519 AAAA x\n%s\n-----BEGIN CERTIFICATE-----\n"
		    "Zm9v\n-----END CERTIFICATE-----\nthe end", room);
		expect_key(names[i], slice_str(around), comment);
	}
}

/* st and a word of why for each file that is not taken. */
static void
what_is_not_taken_says_why_and_what_to_do(void **state)
{
	static const struct {
		const char	*name;
		int		 st;
		const char	*why;
	} table[] = {
		{ "ed25519.locked", ST_LOCKED, "ssh-keygen -p" },
		{ "rsa2048.locked", ST_LOCKED, "passphrase" },
		{ "rsa2048.locked1", ST_LOCKED, "ssh-keygen -p" },
		{ "ec256.locked1", ST_LOCKED, "ssh-keygen -p" },
		{ "rsa2048.lockedo", ST_LOCKED, "ssh-keygen -p" },
		{ "rsa2048.locked8", ST_LOCKED, "openssl pkey" },
		{ "dsa.pem", ST_UNSUPPORTED, "DSA" },
		{ "dsa.pkcs8", ST_UNSUPPORTED, "DSA" },
		{ "k1.sec1", ST_UNSUPPORTED, "curve" },
		{ "k1.pkcs8", ST_UNSUPPORTED, "curve" },
		{ "explicit", ST_UNSUPPORTED, "named_curve" },
		{ "ed448", ST_UNSUPPORTED, "type" },
		{ "x25519", ST_UNSUPPORTED, "type" },
		{ "pss", ST_UNSUPPORTED, "type" },
		{ "primes", ST_UNSUPPORTED, "primes" },
		{ "primes.pkcs1", ST_UNSUPPORTED, "primes" },
		{ "rsa768", ST_TOO_LARGE, "1024" },
	};
	static uint8_t room[TEXT_MAX];
	struct slice in;
	struct found f;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		in = slurp(table[i].name, room);
		if (next(&in, &f) != table[i].st)
			fail_msg("%s: another status; %s", table[i].name,
			    f.why);
		if (strstr(f.why, table[i].why) == NULL)
			fail_msg("%s: %s", table[i].name, f.why);
		assert_null(strchr(f.why, '\n'));
		assert_int_equal(next(&in, &f), ST_NOT_FOUND);
	}
}

/* An openssh-key-v1 file around a private section that begins with a type's
 * name. */
static struct slice
openssh_of(const char *type, uint32_t n, char *text)
{
	uint8_t room[512];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice all;
	size_t mark;

	wire_put_bytes(&w, (struct slice){
	    (const uint8_t *)"openssh-key-v1", 15 });
	wire_put_str(&w, "none");
	wire_put_str(&w, "none");
	wire_put_str(&w, "");
	wire_put_u32(&w, n);
	wire_put_str(&w, type);
	mark = wire_open_string(&w);
	wire_put_u32(&w, 7);
	wire_put_u32(&w, 7);
	wire_put_str(&w, type);
	for (uint8_t pad = 1; (w.len - mark) % 8 != 0; pad++)
		wire_put_u8(&w, pad);
	wire_close_string(&w, mark);
	assert_int_equal(wire_done(&w, &all), ST_OK);
	return armour("OPENSSH PRIVATE KEY", all, text, TEXT_MAX);
}

static void
openssh_types_that_are_not_taken(void **state)
{
	static const struct {
		const char	*type;
		uint32_t	 n;
		const char	*why;
	} table[] = {
		{ "ssh-dss", 1, "DSA" },
		{ "sk-ssh-ed25519@openssh.com", 1, "security key" },
		{ "sk-ecdsa-sha2-nistp256@openssh.com", 1, "security key" },
		{ "ssh-ed25519-cert-v01@openssh.com", 1, "certificate" },
		{ "ssh-xmss@openssh.com", 1, "type" },
		{ "ssh-ed25519", 2, "exactly one" },
		{ "ssh-ed25519", 0, "exactly one" },
	};
	static char text[TEXT_MAX];
	struct slice in;
	struct found f;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		in = openssh_of(table[i].type, table[i].n, text);
		assert_int_equal(next(&in, &f), ST_UNSUPPORTED);
		if (strstr(f.why, table[i].why) == NULL)
			fail_msg("%s: %s", table[i].type, f.why);
	}
}

/* A whole one, as ssh-keygen would write it. */
static void
a_security_keys_file_is_not_taken(void **state)
{
	static char text[TEXT_MAX];
	uint8_t room[512];
	const struct private_fields fields = {
		.type = KEY_SK_ECDSA_P256,
		.sk = { .point = { room, 65 }, .application = { room, 4 },
		    .flags = 1, .handle = { room, 64 } },
	};
	struct wire_writer w;
	struct slice in;
	struct found f;
	size_t mark;

	(void)state;
	memset(room, 4, sizeof(room));
	w = wire_writer(room + 128, sizeof(room) - 128);
	wire_put_bytes(&w, (struct slice){
	    (const uint8_t *)"openssh-key-v1", 15 });
	wire_put_str(&w, "none");
	wire_put_str(&w, "none");
	wire_put_str(&w, "");
	wire_put_u32(&w, 1);
	wire_put_str(&w, "its public half");
	mark = wire_open_string(&w);
	wire_put_u32(&w, 7);
	wire_put_u32(&w, 7);
	keyprivate_put(&w, &fields);
	wire_put_str(&w, "");
	for (uint8_t pad = 1; (w.len - mark) % 8 != 0; pad++)
		wire_put_u8(&w, pad);
	wire_close_string(&w, mark);
	assert_false(w.full);
	in = armour("OPENSSH PRIVATE KEY", (struct slice){ w.p, w.len },
	    text, sizeof(text));
	assert_int_equal(next(&in, &f), ST_UNSUPPORTED);
	assert_non_null(strstr(f.why, "security key"));
}

/* The largest key: numbers of full length, though they make no key. */
static void
a_key_of_16384_bits_fits(void **state)
{
	static uint8_t number[2048], room[TEXT_MAX];
	static char text[TEXT_MAX];
	const struct private_fields fields = {
		.type = KEY_RSA,
		.rsa = { .n = { number, 2048 }, .e = { number, 3 },
		    .d = { number, 2048 }, .iqmp = { number, 1024 },
		    .p = { number, 1024 }, .q = { number, 1024 } },
	};
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice in;
	struct found f;
	size_t mark;

	(void)state;
	memset(number, 0xa5, sizeof(number));
	wire_put_bytes(&w, (struct slice){
	    (const uint8_t *)"openssh-key-v1", 15 });
	wire_put_str(&w, "none");
	wire_put_str(&w, "none");
	wire_put_str(&w, "");
	wire_put_u32(&w, 1);
	mark = wire_open_string(&w);
	keyprivate_put_public(&w, &fields);
	wire_close_string(&w, mark);
	mark = wire_open_string(&w);
	wire_put_u32(&w, 7);
	wire_put_u32(&w, 7);
	keyprivate_put(&w, &fields);
	wire_put_str(&w, "largest");
	for (uint8_t pad = 1; (w.len - mark) % 8 != 0; pad++)
		wire_put_u8(&w, pad);
	wire_close_string(&w, mark);
	in = armour("OPENSSH PRIVATE KEY", (struct slice){ room, w.len },
	    text, sizeof(text));
	assert_int_equal(next(&in, &f), ST_OK);
	assert_int_equal(f.key.fields.rsa.n.len, 2048);
	assert_true(slice_eq_str(f.key.comment, "largest"));
	fini(&f);
}

/* An openssh-key-v1 file of these fields, with that for its public half. */
static struct slice
openssh_with(const struct private_fields *fields, struct slice public,
    char *text)
{
	static uint8_t room[TEXT_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	size_t mark;

	wire_put_bytes(&w, (struct slice){
	    (const uint8_t *)"openssh-key-v1", 15 });
	wire_put_str(&w, "none");
	wire_put_str(&w, "none");
	wire_put_str(&w, "");
	wire_put_u32(&w, 1);
	wire_put_string(&w, public);
	mark = wire_open_string(&w);
	wire_put_u32(&w, 7);
	wire_put_u32(&w, 7);
	keyprivate_put(&w, fields);
	wire_put_str(&w, "");
	for (uint8_t pad = 1; (w.len - mark) % 8 != 0; pad++)
		wire_put_u8(&w, pad);
	wire_close_string(&w, mark);
	assert_false(w.full);
	return armour("OPENSSH PRIVATE KEY", (struct slice){ w.p, w.len },
	    text, TEXT_MAX);
}

/* A number that is nothing, in turn each, and the public half agrees. */
static void
a_key_without_one_of_its_numbers_is_none(void **state)
{
	static uint8_t number[256], public[1024];
	static char text[TEXT_MAX];
	const struct slice none = { NULL, 0 }, some = { number, 256 };
	struct private_fields f;
	struct wire_writer w;
	struct found found;
	struct slice in, blob;

	(void)state;
	memset(number, 0xa5, sizeof(number));
	number[64] = 4;		/* as a point begins */
	for (unsigned i = 0; i < 8; i++) {
		if (i < 6)
			f = (struct private_fields){ .type = KEY_RSA, .rsa = {
			    .n = i == 0 ? none : some, .e = i == 1 ? none :
			    (struct slice){ number, 3 }, .d = i == 2 ? none :
			    some, .iqmp = i == 3 ? none : some, .p = i == 4 ?
			    none : some, .q = i == 5 ? none : some } };
		else
			f = (struct private_fields){ .type = KEY_ECDSA_P256,
			    .ecdsa = { .d = i == 6 ? none : (struct slice){
			    number, 32 }, .q = i == 7 ? none : (struct slice){
			    number + 64, 65 } } };
		w = wire_writer(public, sizeof(public));
		keyprivate_put_public(&w, &f);
		assert_int_equal(wire_done(&w, &blob), ST_OK);
		in = openssh_with(&f, blob, text);
		/* A modulus of nothing is out of bounds. */
		if (next(&in, &found) != (i == 0 ? ST_TOO_LARGE :
		    ST_MALFORMED))
			fail_msg("without number %u: %s", i, found.why);
	}
}

static void
a_public_half_longer_than_any_is_too_large(void **state)
{
	static uint8_t long_one[KEYPRIVATE_PUBLIC_MAX + 1];
	static char text[TEXT_MAX];
	const struct private_fields fields = { .type = KEY_ED25519,
		.ed25519 = { .pk = { long_one, 32 }, .sk = { long_one, 64 } } };
	uint8_t blob[KEYPRIVATE_PUBLIC_MAX];
	size_t len;

	(void)state;
	assert_int_equal(keytext_public(vault_region(), openssh_with(&fields,
	    (struct slice){ long_one, KEYPRIVATE_PUBLIC_MAX }, text), blob,
	    &len), ST_OK);
	assert_int_equal(len, KEYPRIVATE_PUBLIC_MAX);
	assert_int_equal(keytext_public(vault_region(), openssh_with(&fields,
	    (struct slice){ long_one, KEYPRIVATE_PUBLIC_MAX + 1 }, text), blob,
	    &len), ST_TOO_LARGE);
	assert_int_equal(len, 0);
}

static void
what_is_larger_than_any_key_is_too_large(void **state)
{
	static uint8_t room[20 * 1024];
	static char text[TEXT_MAX];
	struct slice in = armour("PRIVATE KEY",
	    (struct slice){ room, sizeof(room) }, text, sizeof(text));
	struct found f;

	(void)state;
	assert_int_equal(next(&in, &f), ST_TOO_LARGE);
	assert_int_equal(next(&in, &f), ST_NOT_FOUND);
}

static void
several_keys_come_one_after_another(void **state)
{
	static const char *const names[] = { "rsa2048.pkcs1", "ed25519",
		"ec256.locked1", "params", "ec521" };
	static uint8_t room[TEXT_MAX], public[TEXT_MAX];
	static char all[4 * TEXT_MAX];
	struct slice in;
	struct found f;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)slurp(names[i], room);
		(void)strcat(all, (const char *)room);
	}
	in = slice_str(all);
	for (size_t i = 0; i < COUNT(names); i++) {
		if (i == 2) {
			assert_int_equal(next(&in, &f), ST_LOCKED);
			continue;
		}
		assert_int_equal(next(&in, &f), ST_OK);
		assert_true(slice_eq(f.blob, public_of(names[i], public)));
		fini(&f);
	}
	assert_int_equal(next(&in, &f), ST_NOT_FOUND);
}

/* Take all keys of a text; how many were good.  Never a fault, always an
 * end. */
static size_t
take_all(struct slice in)
{
	struct found f;
	size_t good = 0, left;
	int st;

	for (;;) {
		left = in.len;
		if ((st = next(&in, &f)) == ST_NOT_FOUND)
			break;
		assert_true(st >= 0);
		assert_true(in.len < left);
		good += st == ST_OK;
		fini(&f);
	}
	return good;
}

static const char *const small[] = { "ed25519", "ed25519.pkcs8", "ec256",
	"ec256.sec1", "ec256.pkcs8", "ec256.short", "ec521.bare",
	"rsa1024.pkcs1", "ed25519.locked", "ec256.locked1" };

static void
a_text_cut_anywhere_gives_no_key(void **state)
{
	static uint8_t room[TEXT_MAX];
	struct slice text;

	(void)state;
	for (size_t i = 0; i < COUNT(small); i++) {
		text = slurp(small[i], room);
		/* Only the newline at the end may be missing. */
		for (text.len -= 2; text.len > 0; text.len--)
			assert_int_equal(take_all(text), 0);
	}
}

static void
a_text_with_any_byte_changed_is_no_fault(void **state)
{
	static const uint8_t changes[] = { 0x01, 0x20, 0x80, 0xff };
	static uint8_t room[TEXT_MAX];
	struct slice text;

	(void)state;
	for (size_t i = 0; i < COUNT(small); i++) {
		text = slurp(small[i], room);
		for (size_t at = 0; at < text.len; at++) {
			for (size_t c = 0; c < sizeof(changes); c++) {
				room[at] ^= changes[c];
				(void)take_all(text);
				room[at] ^= changes[c];
			}
		}
	}
}

/* Change, or cut, the bytes inside of the base64; how many were taken. */
static size_t
take_changed(const char *label, struct slice der, uint8_t *room, size_t at,
    uint8_t change)
{
	static char text[TEXT_MAX];
	size_t good;

	room[at] ^= change;
	good = take_all(armour(label, der, text, sizeof(text)));
	room[at] ^= change;
	return good;
}

static void
an_openssh_key_has_no_byte_that_may_change_but_its_comment(void **state)
{
	static const uint8_t changes[] = { 0x01, 0x10, 0x80, 0xff };
	static const char *const names[] = { "ed25519", "rsa1024" };
	static uint8_t room[TEXT_MAX];
	const uint8_t *comment;
	char want[64];
	struct slice der;
	size_t from, good;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		der = unarmour(names[i], room);
		(void)snprintf(want, sizeof(want), "%s of a test", names[i]);
		comment = memmem(der.p, der.len, want, strlen(want));
		assert_non_null(comment);
		from = (size_t)(comment - der.p);
		for (size_t at = 0; at < der.len; at++) {
			for (size_t c = 0; c < sizeof(changes); c++) {
				good = take_changed("OPENSSH PRIVATE KEY",
				    der, room, at, changes[c]);
				/* RSA: key_new() compares the rest. */
				if (good > 0 && i == 0 && (at < from ||
				    at >= from + strlen(want)))
					fail_msg("byte %zu", at);
			}
		}
	}
}

static void
an_openssh_key_is_padded_to_whole_blocks(void **state)
{
	static uint8_t room[TEXT_MAX];
	static char text[TEXT_MAX];
	struct slice der = unarmour("ed25519", room), in;
	struct found f;

	(void)state;
	/* The length of the private section, 152, ends at byte 97; without
	 * the last byte the padding is 1, 2, 3. */
	assert_int_equal(room[97], 152);
	room[97]--;
	der.len--;
	assert_int_equal(room[der.len - 1], 3);
	in = armour("OPENSSH PRIVATE KEY", der, text, sizeof(text));
	assert_int_equal(next(&in, &f), ST_MALFORMED);
}

static void
der_cut_or_changed_anywhere_is_no_fault(void **state)
{
	static const struct {
		const char	*name;
		const char	*label;
	} table[] = {
		{ "ed25519.pkcs8", "PRIVATE KEY" },
		{ "ec256.sec1", "EC PRIVATE KEY" },
		{ "ec384.bare", "EC PRIVATE KEY" },
		{ "ec256.short", "EC PRIVATE KEY" },
		{ "ec256.pkcs8", "PRIVATE KEY" },
		{ "ec521.bare8", "PRIVATE KEY" },
		{ "rsa1024.pkcs1", "RSA PRIVATE KEY" },
		{ "rsa1024.pkcs8", "PRIVATE KEY" },
	};
	static uint8_t room[TEXT_MAX];
	static char text[TEXT_MAX];
	struct slice der, cut;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		der = unarmour(table[i].name, room);
		for (size_t at = 0; at < der.len; at++) {
			(void)take_changed(table[i].label, der, room, at,
			    0x01);
			(void)take_changed(table[i].label, der, room, at,
			    0x80);
			cut = (struct slice){ der.p, at };
			assert_int_equal(take_all(armour(table[i].label, cut,
			    text, sizeof(text))), 0);
		}
		/* A byte too many is one too many. */
		room[der.len] = 0;
		cut = (struct slice){ der.p, der.len + 1 };
		assert_int_equal(take_all(armour(table[i].label, cut, text,
		    sizeof(text))), 0);
	}
}

/* What may be in a PKCS#8 key of Ed25519, and what not: RFC 8410, RFC 5958. */
static void
pkcs8_of_ed25519_is_exact(void **state)
{
#define OID	0x06, 0x03, 0x2b, 0x65, 0x70
#define SEED31	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, \
		18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	const struct {
		const char	*what;
		struct slice	 der;
		bool		 good;
	} table[] = {
#define ROW(what, good, ...) { what, { (const uint8_t[]){ __VA_ARGS__ }, \
	    sizeof((const uint8_t[]){ __VA_ARGS__ }) }, good }
		ROW("the least", true, 0x30, 46, 2, 1, 0, 0x30, 5, OID,
		    4, 34, 4, 32, SEED31, 32),
		ROW("a seed of 31 bytes", false, 0x30, 45, 2, 1, 0, 0x30, 5,
		    OID, 4, 33, 4, 31, SEED31),
		ROW("a byte behind the seed", false, 0x30, 47, 2, 1, 0, 0x30,
		    5, OID, 4, 35, 4, 32, SEED31, 32, 0),
		ROW("a seed that is no string", false, 0x30, 46, 2, 1, 0, 0x30,
		    5, OID, 4, 34, 2, 32, SEED31, 32),
		ROW("parameters", false, 0x30, 48, 2, 1, 0, 0x30, 7, OID, 5, 0,
		    4, 34, 4, 32, SEED31, 32),
		ROW("attributes", true, 0x30, 48, 2, 1, 0, 0x30, 5, OID, 4, 34,
		    4, 32, SEED31, 32, 0xa0, 0),
		ROW("attributes that are cut", false, 0x30, 48, 2, 1, 0, 0x30,
		    5, OID, 4, 34, 4, 32, SEED31, 32, 0xa0, 1),
		ROW("attributes twice", false, 0x30, 50, 2, 1, 0, 0x30, 5, OID,
		    4, 34, 4, 32, SEED31, 32, 0xa0, 0, 0xa0, 0),
		ROW("a public key, in version 0", false, 0x30, 50, 2, 1, 0,
		    0x30, 5, OID, 4, 34, 4, 32, SEED31, 32, 0x81, 2, 0, 1),
		ROW("an empty public key", false, 0x30, 49, 2, 1, 1, 0x30, 5,
		    OID, 4, 34, 4, 32, SEED31, 32, 0x81, 1, 0),
		ROW("a public key of a byte", false, 0x30, 50, 2, 1, 1, 0x30,
		    5, OID, 4, 34, 4, 32, SEED31, 32, 0x81, 2, 0, 1),
		ROW("a public key of another seed", false, 0x30, 81, 2, 1, 1,
		    0x30, 5, OID, 4, 34, 4, 32, SEED31, 32, 0x81, 33, 0,
		    SEED31, 32),
#undef ROW
	};
	static char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		size_t good = take_all(armour("PRIVATE KEY", table[i].der,
		    text, sizeof(text)));

		if (good != table[i].good)
			fail_msg("%s", table[i].what);
	}
#undef SEED31
#undef OID
}

/* SEC1, by itself and in PKCS#8, whose parts are all there and wrong. */
static void
a_curves_number_is_not_zero_and_its_parameters_end(void **state)
{
#define EC_KEY	0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1
#define P256	0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7
#define ZERO8	0, 0, 0, 0, 0, 0, 0, 0
	/* With a point, so that none is made of it. */
	static const uint8_t zero[] = { 0x30, 119, 2, 1, 1, 4, 32, ZERO8,
		ZERO8, ZERO8, ZERO8, 0xa0, 10, P256, 0xa1, 68, 3, 66, 0, 4,
		ZERO8, ZERO8, ZERO8, ZERO8, ZERO8, ZERO8, ZERO8, ZERO8 };
	static const uint8_t good[] = { 0x30, 49, 2, 1, 1, 4, 32, 1, 2, 3, 4, 5,
		6, 7, 8, ZERO8, ZERO8, ZERO8, 0xa0, 10, P256 };
	static const uint8_t within[] = { 0x30, 65, 2, 1, 0, 0x30, 19, EC_KEY,
		P256, 4, 39 };
	static const uint8_t more[] = { 0x30, 67, 2, 1, 0, 0x30, 21, EC_KEY,
		P256, 5, 0, 4, 39 };
	static char text[TEXT_MAX];
	uint8_t der[128];

	(void)state;
	assert_int_equal(take_all(armour("EC PRIVATE KEY", (struct slice){
	    good, sizeof(good) }, text, sizeof(text))), 1);
	assert_int_equal(take_all(armour("EC PRIVATE KEY", (struct slice){
	    zero, sizeof(zero) }, text, sizeof(text))), 0);
	/* Inside of PKCS#8 it needs not to tell the curve again. */
	memcpy(der, within, sizeof(within));
	memcpy(der + sizeof(within), good, 39);
	der[sizeof(within) + 1] = 37;
	assert_int_equal(take_all(armour("PRIVATE KEY", (struct slice){ der,
	    sizeof(within) + 39 }, text, sizeof(text))), 1);
	memcpy(der, more, sizeof(more));
	memcpy(der + sizeof(more), good, 39);
	der[sizeof(more) + 1] = 37;
	assert_int_equal(take_all(armour("PRIVATE KEY", (struct slice){ der,
	    sizeof(more) + 39 }, text, sizeof(text))), 0);
#undef EC_KEY
#undef P256
#undef ZERO8
}

static void
a_short_point_must_be_that_of_the_number(void **state)
{
	static uint8_t room[TEXT_MAX];
	static char text[TEXT_MAX];
	struct slice der = unarmour("ec256.short", room);
	struct found f;
	struct slice in;

	(void)state;
	/* The point ends the file: 02 or 03, then 32 bytes. */
	room[der.len - 33] ^= 1;
	in = armour("EC PRIVATE KEY", der, text, sizeof(text));
	assert_int_equal(next(&in, &f), ST_MALFORMED);
	assert_non_null(strstr(f.why, "public part"));
	room[der.len - 33] ^= 1;
	room[der.len - 1] ^= 1;
	in = armour("EC PRIVATE KEY", der, text, sizeof(text));
	assert_int_equal(next(&in, &f), ST_MALFORMED);
}

static void
a_full_region_is_said_so_and_nothing_is_kept(void **state)
{
	static uint8_t room[TEXT_MAX];
	struct slice in = slurp("rsa4096", room), again = in;
	struct secret_usage before, after;
	struct found f;
	void *hog;

	(void)state;
	secret_usage(vault_region(), &before);
	hog = secret_alloc(vault_region(), before.largest - 1024);
	assert_non_null(hog);
	assert_int_equal(next(&in, &f), ST_FULL);
	assert_non_null(strstr(f.why, "memlock"));
	secret_free(vault_region(), hog);
	assert_int_equal(next(&again, &f), ST_OK);
	fini(&f);
	fini(&f);
	secret_usage(vault_region(), &after);
	assert_int_equal(before.used, after.used);
}

/* Also of one that is encrypted. */
static void
the_public_half_stands_in_the_clear(void **state)
{
	static const char *const have[] = { "ed25519", "ec521", "rsa4096",
		"silent", "ed25519.locked", "rsa2048.locked" };
	static const char *const have_not[] = { "ec256.sec1", "ec256.pkcs8",
		"rsa2048.locked1", "rsa2048.locked8", "dsa.pem", "ec256.pub",
		"ed25519-cert.pub" };
	static uint8_t room[TEXT_MAX], expected[TEXT_MAX];
	uint8_t blob[KEYPRIVATE_PUBLIC_MAX];
	struct slice in;
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(have); i++) {
		in = slurp(have[i], room);
		assert_int_equal(keytext_public(vault_region(), in, blob, &len),
		    ST_OK);
		assert_true(slice_eq((struct slice){ blob, len },
		    public_of(have[i], expected)));
	}
	for (size_t i = 0; i < COUNT(have_not); i++) {
		in = slurp(have_not[i], room);
		assert_int_equal(keytext_public(vault_region(), in, blob, &len),
		    ST_NOT_FOUND);
		assert_int_equal(len, 0);
	}
}

static void
a_damaged_public_half_is_told(void **state)
{
	static uint8_t room[TEXT_MAX], bytes[TEXT_MAX];
	static char text[TEXT_MAX];
	struct slice der = unarmour("ed25519.locked", bytes), in;
	struct secret_usage before, after;
	uint8_t blob[KEYPRIVATE_PUBLIC_MAX];
	size_t len, head;
	void *hog;

	(void)state;
	secret_usage(vault_region(), &before);
	/* The public blob has 51 bytes; what is behind it does not count. */
	assert_int_equal(keytext_public(vault_region(), slurp("ed25519", room),
	    blob, &len), ST_OK);
	assert_int_equal(len, 51);
	head = (size_t)((uint8_t *)memmem(der.p, der.len, blob, len) - der.p) +
	    len;
	for (size_t n = 0; n <= der.len; n++) {
		in = armour("OPENSSH PRIVATE KEY", (struct slice){ der.p, n },
		    text, sizeof(text));
		assert_int_equal(keytext_public(vault_region(), in, blob, &len),
		    n < head ? ST_MALFORMED : ST_OK);
	}
	in = armour("OPENSSH PRIVATE KEY", (struct slice){ room, 16 * 1024 },
	    text, sizeof(text));
	assert_int_equal(keytext_public(vault_region(), in, blob, &len),
	    ST_TOO_LARGE);

	in = slurp("ed25519", room);
	hog = secret_alloc(vault_region(), before.largest);
	assert_non_null(hog);
	assert_int_equal(keytext_public(vault_region(), in, blob, &len),
	    ST_FULL);
	assert_int_equal(len, 0);
	secret_free(vault_region(), hog);
	secret_usage(vault_region(), &after);
	assert_int_equal(before.used, after.used);
}

static int
setup(void **state)
{
	const struct secret_options opts = {
		.size = 1024 * 1024,
		.want = SECRET_MLOCK,
		.allow_unlocked = true,
	};
	char script[sizeof(make_keys) + sizeof(dir)], why[256];

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(script, sizeof(script), make_keys, dir);
	if (system(script) != 0)
		return -1;
	return vault_open(&opts, VAULT_LOAD, 0, why, sizeof(why)) == ST_OK &&
	    vault_crypto() == ST_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[64];

	(void)state;
	vault_close();
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_form_gives_the_key_that_the_pub_file_names),
		cmocka_unit_test(
		    ed25519_pkcs8_with_and_without_its_public_half),
		cmocka_unit_test(line_ends_and_text_around_do_not_matter),
		cmocka_unit_test(what_is_not_taken_says_why_and_what_to_do),
		cmocka_unit_test(openssh_types_that_are_not_taken),
		cmocka_unit_test(a_security_keys_file_is_not_taken),
		cmocka_unit_test(a_key_of_16384_bits_fits),
		cmocka_unit_test(a_key_without_one_of_its_numbers_is_none),
		cmocka_unit_test(a_public_half_longer_than_any_is_too_large),
		cmocka_unit_test(what_is_larger_than_any_key_is_too_large),
		cmocka_unit_test(several_keys_come_one_after_another),
		cmocka_unit_test(a_text_cut_anywhere_gives_no_key),
		cmocka_unit_test(a_text_with_any_byte_changed_is_no_fault),
		cmocka_unit_test(
		    an_openssh_key_has_no_byte_that_may_change_but_its_comment),
		cmocka_unit_test(an_openssh_key_is_padded_to_whole_blocks),
		cmocka_unit_test(der_cut_or_changed_anywhere_is_no_fault),
		cmocka_unit_test(pkcs8_of_ed25519_is_exact),
		cmocka_unit_test(
		    a_curves_number_is_not_zero_and_its_parameters_end),
		cmocka_unit_test(a_short_point_must_be_that_of_the_number),
		cmocka_unit_test(a_full_region_is_said_so_and_nothing_is_kept),
		cmocka_unit_test(the_public_half_stands_in_the_clear),
		cmocka_unit_test(a_damaged_public_half_is_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
