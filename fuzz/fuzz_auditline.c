/*
 * Reaches: auditline.c, audit_text_set; text_json and text_escape.
 * Claims:  a record of any peer's bytes is one line that fits, JSON as RFC 8259
 *          has it or text that is safe to print; in the form for people a text
 *          of a peer's adds no word and no sign: outside of quotes there are as
 *          many blanks, commas and brackets, whatever it is.
 * Input:   numbers, then texts of a peer, each with a length.
 */

#include <stdlib.h>
#include <string.h>

#include "agent/auditline.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "fuzz/support/choice.h"
#include "tests/support/json.h"

static struct wire_reader in;

static uint8_t
take(void)
{
	return choice_byte(&in);
}

static bool
flip(void)
{
	return take() % 2 != 0;
}

/* A text with its length before it, or what is left. */
static struct slice
take_text(void)
{
	struct slice s = { NULL, 0 };
	size_t n = take();

	while (n > 0 && wire_get_bytes(&in, n, &s) != ST_OK)
		n--;
	return s;
}

static void
take_peer(struct audit_text *out)
{
	struct slice s = take_text();

	audit_text_set(out, s.p, s.len);
}

/* What the agent itself says is printable. */
static void
take_ours(char out[static AUDIT_DETAIL_MAX])
{
	struct slice s = take_text();
	struct text t;

	text_init(&t, out, AUDIT_DETAIL_MAX);
	text_escape(&t, s.p, s.len);
}

/* What is no text. */
static void
take_numbers(struct audit_record *rec)
{
	rec->seq = take();
	rec->count = 1u + take();
	rec->wall_ms = ((int64_t)take() << 40) - ((int64_t)take() << 44);
	rec->op = (enum audit_op)(take() % AUDIT_OPS);
	rec->reason = (enum reason)(take() % REASONS);
	rec->verdict = rec->reason == REASON_NONE ? AUDIT_ALLOWED :
	    AUDIT_DENIED;
	rec->has_peer = !flip();
	rec->uid = take() * 16777259u;
	rec->pid = take() << 8;
	rec->connection = take();
	rec->has_what = flip();
	rec->what = (enum signdata_kind)(take() % (SIGNDATA_SSHSIG + 1));
	rec->binds = take() % 4;
	rec->forwarding = flip();
	rec->unlocked = flip();
	(void)strcpy(rec->fingerprint, flip() ? "SHA256:abc" : "");
	(void)strcpy(rec->hostkey, flip() ? "SHA256:def" : "");
}

static void
take_record(struct audit_record *rec)
{
	struct slice s;
	size_t n;

	*rec = (struct audit_record){ .seq = 0 };
	take_numbers(rec);
	s = take_text();
	n = s.len < sizeof(rec->comm) - 1 ? s.len : sizeof(rec->comm) - 1;
	if (n > 0)
		memcpy(rec->comm, s.p, n);
	take_peer(&rec->comment);
	take_peer(&rec->user);
	take_peer(&rec->ns);
	take_peer(&rec->hash_algorithm);
	take_peer(&rec->host);
	s = take_text();
	n = s.len < AUDIT_HASH_MAX ? s.len : AUDIT_HASH_MAX;
	rec->hash_len = (uint8_t)n;
	if (n > 0)
		memcpy(rec->hash, s.p, n);
	take_ours(rec->rule);
	take_ours(rec->detail);
}

/* The line, in heap memory of its size. */
static char *
line(const struct audit_record *rec, enum auditline_form form)
{
	char room[AUDITLINE_MAX], *out;
	struct text t;

	text_init(&t, room, sizeof(room));
	auditline_write(&t, rec, form);
	assert(!t.full && t.len > 0 && strlen(room) == t.len);
	/* Its newline has room. */
	assert(t.len < AUDITLINE_MAX - 1);
	fuzz_printable(room, sizeof(room));
	if ((out = strdup(room)) == NULL)
		abort();
	return out;
}

/* Blanks, commas and brackets outside of quotes. */
static size_t
signs(const struct audit_record *rec)
{
	char *s = line(rec, AUDITLINE_LOG);
	bool quoted = false;
	size_t n = 0;

	for (const char *p = s; *p != '\0'; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (!quoted && strchr(" ,()", *p) != NULL)
			n++;
	}
	assert(!quoted);
	free(s);
	return n;
}

/* In the form for people, what a peer says adds no sign. */
static void
check_signs(struct audit_record *rec)
{
	size_t n;

	/* What the agent says may have any. */
	rec->rule[0] = rec->detail[0] = '\0';
	n = signs(rec);
	audit_text_set(&rec->comment, "x", rec->comment.len > 0);
	audit_text_set(&rec->user, "x", rec->user.len > 0);
	audit_text_set(&rec->ns, "x", rec->ns.len > 0);
	audit_text_set(&rec->hash_algorithm, "x", rec->hash_algorithm.len > 0);
	audit_text_set(&rec->host, "x", rec->host.len > 0);
	if (rec->comm[0] != '\0')
		(void)strcpy(rec->comm, "x");
	assert(signs(rec) == n);
	(void)n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct audit_record rec;
	char *s;

	in = wire_reader((struct slice){ data, size });
	take_record(&rec);
	s = line(&rec, AUDITLINE_JSON);
	assert(json_is_object(s, strlen(s)));
	free(s);
	free(line(&rec, AUDITLINE_TEXT));
	check_signs(&rec);
	return 0;
}
