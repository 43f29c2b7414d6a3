#include "agent/loadstream.h"

/*
 * Keys are taken from the text one after another; each is sealed as soon as
 * it was parsed, and its plaintext wiped.  What piles up until all of them
 * are known to be good is ciphertext, in ordinary memory: locked memory needs
 * room for the text and one key.  Nothing of it is sent before the last key
 * was parsed, so a bad one costs the agent nothing.
 *
 * Certificates are found first, wherever they stand; behind each key's record
 * comes one for each of its certificates, with the key once more: to an agent
 * these are different keys.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys/keytext.h"
#include "agent/vault.h"
#include "base/log.h"
#include "proto/bundle.h"
#include "proto/constraint.h"

/* One line about what went wrong. */
#define WHY_MAX		512
/* Locked memory kept back for the largest key at work: decoded, and as a
 * record. */
#define WORK_ROOM	(2 * BUNDLE_RECORD_MAX + 4096)
/* Room for the text at first, enough for some ten keys; four times as much, and
 * as much again, where that is not enough: each page of it takes its time. */
#define TEXT_FIRST	(4 * 1024)
#define TEXT_LAST	(256 * 1024)
/* What a record has besides key, comment and constraints: its kind, two
 * lengths. */
#define RECORD_ROOM	16
/* What all constraints but purposes and peers take, and the heads of those. */
#define RULES_ROOM	256

void
loadstream_init(struct loadstream *ls, const struct agent_options *opts)
{
	*ls = (struct loadstream){ .opts = opts };
}

void
loadstream_fini(struct loadstream *ls)
{
	if (vault_region() != NULL) {
		secret_free(vault_region(), ls->text);
		sealer_free(ls->sealer);
	}
	certtext_fini(&ls->certs);
	free(ls->used);
	free(ls->rules.p);
	free(ls->sealed.p);
	free(ls->items);
	loadstream_init(ls, ls->opts);
}

/* sealer_new() as an operation of the vault. */
struct new_sealer {
	struct loadstream	*ls;
	const uint8_t		*public_key;
	uint8_t			*head;
};

static int
new_sealer(void *arg)
{
	struct new_sealer *n = arg;

	return sealer_new(&n->ls->sealer, vault_region(), n->public_key,
	    n->head);
}

/* The list of an option, which may be NULL, as texts one after the other.  The
 * caller frees ${out}->p. */
static int
put_list(struct wire_writer *out, const char *list)
{
	/* A word has a length before it, and a comma behind it in the list,
	 * where it has at least one byte. */
	size_t len, cap = list == NULL ? 1 : 5 * (strlen(list) + 1);

	*out = wire_writer(malloc(cap), cap);
	if (out->p == NULL)
		return ST_NOMEM;
	for (; list != NULL && *list != '\0';
	    list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		wire_put_string(out, (struct slice){ (const uint8_t *)list,
		    len });
	}
	return ST_OK;
}

/* Make the constraints that all records get. */
static int
make_rules(struct loadstream *ls)
{
	const struct agent_options *o = ls->opts;
	struct wire_writer purposes = { 0 }, peers = { 0 };
	struct constraints c = {
		.has_lifetime = o->has_lifetime,
		.lifetime_s = o->lifetime_s,
		.has_signatures = o->signatures > 0,
		.signatures = o->signatures,
		.rate_n = o->rate_n,
		.rate_s = o->rate_s,
	};
	size_t cap;
	int st;

	if ((st = put_list(&purposes, o->purposes)) != ST_OK ||
	    (st = put_list(&peers, o->peers)) != ST_OK ||
	    (st = wire_done(&purposes, &c.purposes)) != ST_OK ||
	    (st = wire_done(&peers, &c.peers)) != ST_OK)
		goto out;
	cap = purposes.len + peers.len + RULES_ROOM;
	ls->rules = wire_writer(malloc(cap), cap);
	st = ST_NOMEM;
	if (ls->rules.p == NULL)
		goto out;
	constraint_put(&ls->rules, &c);
	st = ls->rules.full ? ST_TOO_LARGE : ST_OK;
out:
	free(purposes.p);
	free(peers.p);
	return st;
}

int
loadstream_begin(struct loadstream *ls,
    const uint8_t public_key[static LOAD_PUBLIC_KEY])
{
	uint8_t head[BUNDLE_SEALED + BUNDLE_HEADER];
	struct new_sealer n = { ls, public_key, head };
	int st;

	if ((st = vault_run(new_sealer, &n, 0)) != ST_OK) {
		log_error_st(st, "cannot seal the keys");
		return st == ST_FULL ? EXIT_MEMORY : EXIT_FAILED;
	}
	/* Room for the head; more is made for each record. */
	ls->sealed = wire_writer(malloc(sizeof(head)), sizeof(head));
	if (ls->sealed.p == NULL || make_rules(ls) != ST_OK) {
		log_error("out of memory");
		return EXIT_FAILED;
	}
	wire_put_bytes(&ls->sealed, (struct slice){ head, sizeof(head) });
	return EXIT_DONE;
}

/* Read stdin to its end, or until cap bytes are there. */
static int
read_all(uint8_t *p, size_t cap, size_t *len)
{
	struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	for (; *len < cap; *len += (size_t)n) {
		n = read(STDIN_FILENO, p + *len, cap - *len);
		if (n == 0)
			break;
		if (n > 0)
			continue;
		n = 0;
		if (errno == EAGAIN)
			(void)poll(&wait, 1, -1);
		else if (errno != EINTR)
			return ST_SYSTEM;
	}
	return ST_OK;
}

/* Move the text, len bytes of it, to a piece of cap bytes. */
static int
move_text(struct loadstream *ls, size_t len, size_t cap)
{
	uint8_t *more = secret_alloc(vault_region(), cap);

	if (more == NULL)
		return ST_FULL;
	if (len > 0)
		memcpy(more, ls->text, len);
	vault_wipe_registers();		/* memcpy(3) leaves some there */
	secret_free(vault_region(), ls->text);
	ls->text = more;
	return ST_OK;
}

/* Most bytes of text that there is room for now, with room left to work. */
static size_t
text_room(void)
{
	struct secret_usage usage;

	secret_usage(vault_region(), &usage);
	return usage.largest > 2 * (size_t)WORK_ROOM ?
	    usage.largest - WORK_ROOM : usage.largest / 2;
}

int
loadstream_peek(struct loadstream *ls, const char *magic, bool *same)
{
	size_t len = strlen(magic), before;

	*same = false;
	if (move_text(ls, 0, len) != ST_OK) {
		log_error("no room in locked memory for standard input");
		return EXIT_MEMORY;
	}
	/* As much as can be the magic's; key text differs in its first byte. */
	while (ls->have < len && memcmp(ls->text, magic, ls->have) == 0) {
		before = ls->have;
		if (read_all(ls->text, ls->have + 1, &ls->have) != ST_OK) {
			log_error_sys("cannot read standard input");
			return EXIT_FAILED;
		}
		if (ls->have == before)
			break;
	}
	*same = ls->have == len && memcmp(ls->text, magic, len) == 0;
	return EXIT_DONE;
}

int
loadstream_read(struct loadstream *ls)
{
	size_t next = TEXT_FIRST, cap;

	/* Into a small piece, a larger one, or else into all that there is. */
	while ((cap = text_room()) > ls->have) {
		if (next <= TEXT_LAST && next < cap)
			cap = next;
		next *= 4;
		if (move_text(ls, ls->have, cap) != ST_OK)
			break;
		if (read_all(ls->text, cap, &ls->have) != ST_OK) {
			log_error_sys("cannot read standard input");
			return EXIT_FAILED;
		}
		if (ls->have < cap) {
			ls->rest = (struct slice){ ls->text, ls->have };
			return EXIT_DONE;
		}
	}
	log_error("standard input has more than the %zu bytes that locked "
	    "memory has room for: raise the limit (ulimit -l, or docker run "
	    "--ulimit memlock=)", ls->have);
	return EXIT_MEMORY;
}

/* Append one record to the sealed stream. */
static int
seal(struct loadstream *ls, const struct wire_writer *record, bool final)
{
	struct wire_writer *w = &ls->sealed;
	struct slice plain;
	uint8_t *more;
	size_t cap;
	int st;

	if ((st = wire_done(record, &plain)) != ST_OK)
		return st;
	cap = w->len + sizeof(uint32_t) + plain.len + BUNDLE_OVERHEAD;
	if ((more = realloc(w->p, cap)) == NULL)
		return ST_NOMEM;
	w->p = more;
	w->cap = cap;
	return sealer_record(ls->sealer, plain, final, w);
}

/* Remember what the next record is, for messages. */
static int
note_item(struct loadstream *ls, struct slice blob, size_t line)
{
	struct loadstream_item *item;
	void *more;

	more = reallocarray(ls->items, ls->n_items + 1, sizeof(*ls->items));
	if (more == NULL)
		return ST_NOMEM;
	ls->items = more;
	item = &ls->items[ls->n_items++];
	item->key = ls->n_keys;
	item->line = line;
	fingerprint_sha256(blob, item->fingerprint);
	return ST_OK;
}

/* Seal one record: a key, or a key with a certificate. */
static int
put_record(struct loadstream *ls, const struct private_fields *fields,
    struct slice comment)
{
	struct secret *region = vault_region();
	struct request add = {
		.type = SSH_AGENTC_ADD_ID_CONSTRAINED,
		.add = { .key = *fields, .comment = comment },
	};
	struct wire_writer w;
	uint8_t *record;
	size_t cap;
	int st;

	if ((st = wire_done(&ls->rules, &add.add.constraints)) != ST_OK)
		return st;
	cap = keyprivate_size(fields) + comment.len +
	    add.add.constraints.len + RECORD_ROOM;
	if (cap > BUNDLE_RECORD_MAX)
		cap = BUNDLE_RECORD_MAX;
	if ((record = secret_alloc(region, cap)) == NULL)
		return ST_FULL;
	w = wire_writer(record, cap);
	bundle_put_key(&w, &add);
	st = seal(ls, &w, false);
	secret_free(region, record);
	return st;
}

/* Seal one parsed key, and it once more with each of its certificates. */
static int
take_key(struct loadstream *ls, const struct keytext *key)
{
	uint8_t room[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct private_fields fields = key->fields;
	const struct certtext_cert *cert;
	struct slice blob;
	int st;

	ls->n_keys++;
	keyprivate_put_public(&w, &fields);
	if ((st = wire_done(&w, &blob)) != ST_OK ||
	    (st = note_item(ls, blob, 0)) != ST_OK ||
	    (st = put_record(ls, &fields, key->comment)) != ST_OK)
		return st;
	for (size_t i = 0; i < ls->certs.n; i++) {
		cert = &ls->certs.at[i];
		if (!slice_eq(cert->key, blob))
			continue;
		ls->used[i] = true;
		fields.cert = cert->blob;
		if ((st = note_item(ls, blob, cert->line)) != ST_OK ||
		    (st = put_record(ls, &fields, key->comment)) != ST_OK)
			return st;
	}
	return ST_OK;
}

/* How many keys begin in the rest of the text. */
static size_t
count_rest(struct slice rest)
{
	struct keytext key;
	char why[WHY_MAX];
	size_t n = 0;

	while (keytext_next(vault_region(), key_ecdsa_public, &rest, &key, why,
	    sizeof(why)) != ST_NOT_FOUND) {
		keytext_fini(vault_region(), &key);
		n++;
	}
	return n;
}

/* Say that a key did not parse; st tells whether it is the key or the
 * memory. */
static int
bad_key(const struct loadstream *ls, int st, const char *why)
{
	log_error("key %zu of %zu: %s; nothing was loaded", ls->n_keys + 1,
	    ls->n_keys + 1 + count_rest(ls->rest), why);
	return st == ST_FULL ? EXIT_MEMORY : EXIT_FAILED;
}

/* Say that the last record could not be made. */
static int
bad_record(const struct loadstream *ls, int st)
{
	const char *why = status_name(st);

	if (st == ST_TOO_LARGE)
		why = "its comment, its rules or its certificate are too long";
	else if (st == ST_FULL)
		why = "no room left in locked memory";
	log_error("key %zu of %zu: %s; nothing was loaded", ls->n_keys,
	    ls->n_keys + count_rest(ls->rest), why);
	return st == ST_FULL ? EXIT_MEMORY : EXIT_FAILED;
}

/* Find all certificates. */
static int
take_certificates(struct loadstream *ls)
{
	char why[WHY_MAX];

	if (certtext_find_all(&ls->certs, ls->rest, why, sizeof(why)) !=
	    ST_OK) {
		log_error("%s; nothing was loaded", why);
		return EXIT_FAILED;
	}
	ls->used = calloc(ls->certs.n + 1, sizeof(ls->used[0]));
	if (ls->used == NULL) {
		log_error("out of memory");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* Each certificate must have found its key. */
static int
check_certificates(const struct loadstream *ls)
{
	const struct certtext_cert *cert;
	char shown[WHY_MAX];
	struct text id;

	for (size_t i = 0; i < ls->certs.n; i++) {
		if (ls->used[i])
			continue;
		cert = &ls->certs.at[i];
		text_init(&id, shown, sizeof(shown));
		text_escape(&id, cert->key_id.p, cert->key_id.len);
		log_error("line %zu: the private key of this certificate (%s, "
		    "key id \"%s\") is not on standard input; nothing was "
		    "loaded", cert->line, cert->type, shown);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* Parse and seal all keys; the first bad one ends it. */
static int
take_keys(struct loadstream *ls)
{
	struct secret *region = vault_region();
	struct keytext key;
	char why[WHY_MAX];
	int st;

	while ((st = keytext_next(region, key_ecdsa_public, &ls->rest, &key, why,
	    sizeof(why))) == ST_OK) {
		st = take_key(ls, &key);
		keytext_fini(region, &key);
		if (st != ST_OK)
			return bad_record(ls, st);
	}
	if (st != ST_NOT_FOUND)
		return bad_key(ls, st, why);
	if (ls->n_keys == 0 && ls->certs.n == 0) {
		log_error("no private key on standard input");
		return EXIT_FAILED;
	}
	if (ls->opts->has_expect && ls->opts->expect != ls->n_keys) {
		log_error("standard input has %zu keys and %u were expected; "
		    "nothing was loaded (the usual reason is input that was "
		    "cut short)", ls->n_keys, ls->opts->expect);
		return EXIT_FAILED;
	}
	return check_certificates(ls);
}

/* Close the sealed stream, and have done with all that is secret. */
static int
finish(struct loadstream *ls)
{
	uint8_t room[16];
	struct wire_writer w = wire_writer(room, sizeof(room));
	int st;

	secret_free(vault_region(), ls->text);
	ls->text = NULL;
	bundle_put_end(&w, (uint32_t)ls->n_items);
	if ((st = seal(ls, &w, true)) != ST_OK) {
		log_error_st(st, "cannot seal the keys");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* All of it as one operation of the vault; gives an exit code. */
static int
make(void *arg)
{
	int code;

	if ((code = take_certificates(arg)) != EXIT_DONE ||
	    (code = take_keys(arg)) != EXIT_DONE)
		return code;
	return finish(arg);
}

/* Whether a key may come in a form of libcrypto's, which can be without the
 * public half. */
static bool
has_other_forms(struct slice text)
{
	static const char begin[] = "-----BEGIN ", own[] = "OPENSSH ";
	const uint8_t *at = text.p, *end = text.p + text.len;

	while ((at = memmem(at, (size_t)(end - at), begin,
	    sizeof(begin) - 1)) != NULL) {
		at += sizeof(begin) - 1;
		if ((size_t)(end - at) < sizeof(own) - 1 ||
		    memcmp(at, own, sizeof(own) - 1) != 0)
			return true;
	}
	return false;
}

int
loadstream_make(struct loadstream *ls, struct slice *out)
{
	int st, code;

	if (has_other_forms(ls->rest) && (st = vault_crypto()) != ST_OK) {
		log_error_st(st, "cannot set up libcrypto");
		return EXIT_FAILED;
	}
	code = vault_run(make, ls, 0);
	*out = (struct slice){ ls->sealed.p, ls->sealed.len };
	return code;
}

bool
loadstream_name(const struct loadstream *ls, size_t item, struct text *out)
{
	const struct loadstream_item *it;

	if (item == 0 || item > ls->n_items)
		return false;
	it = &ls->items[item - 1];
	if (it->line > 0)
		text_addf(out, "the certificate in line %zu, of ", it->line);
	text_addf(out, "key %zu of %zu (%s)", it->key, ls->n_keys,
	    it->fingerprint);
	return true;
}
