/*
 * A line is made of what peers say and of what we say, and nobody may mistake
 * the one for the other.  JSON sees to that by itself.  In the form for people
 * a text of a peer stands bare only when it is made of letters, digits and
 * the few signs that names have; else in quotes, which it cannot end.
 */
#include "agent/auditline.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* The end of the year 9999. */
#define TIME_MAX_MS	INT64_C(253402300799999)

static const char *const op_names[AUDIT_OPS] = {
	[AUDIT_OTHER] = "other",
	[AUDIT_CONNECT] = "connect",
	[AUDIT_LIST] = "list",
	[AUDIT_SIGN] = "sign",
	[AUDIT_ADD] = "add",
	[AUDIT_REMOVE] = "remove",
	[AUDIT_REMOVE_ALL] = "remove-all",
	[AUDIT_LOCK] = "lock",
	[AUDIT_UNLOCK] = "unlock",
	[AUDIT_BIND] = "bind",
	[AUDIT_QUERY] = "query",
	[AUDIT_LOAD] = "load",
	[AUDIT_REMOVE_LOAD] = "remove-load",
	[AUDIT_STATUS] = "status",
	[AUDIT_EXPLAIN] = "explain",
	[AUDIT_APPROVE] = "approve",
	[AUDIT_START] = "start",
	[AUDIT_STOP] = "stop",
	[AUDIT_RELOAD] = "reload",
	[AUDIT_EXPIRE] = "expire",
	[AUDIT_FORGET] = "forget",
	[AUDIT_LOST] = "lost",
};

const char *
auditline_op_name(enum audit_op op)
{
	assert(op < AUDIT_OPS);
	return op_names[op];
}

/* A number as so many digits, where they are to stand. */
static void
put_digits(char *at, size_t digits, int n)
{
	for (; digits > 0; n /= 10)
		at[--digits] = (char)('0' + n % 10);
}

/* 2026-11-24T05:00:00.123Z; a year has four digits, whatever the clock says. */
static void
add_time(struct text *t, int64_t wall_ms)
{
	int64_t ms = wall_ms < 0 ? 0 : wall_ms > TIME_MAX_MS ? TIME_MAX_MS :
	    wall_ms;
	time_t s = (time_t)(ms / 1000);
	char stamp[] = "1970-01-01T00:00:00.000Z";
	struct tm tm;

	if (gmtime_r(&s, &tm) != NULL) {
		put_digits(stamp, 4, 1900 + tm.tm_year);
		put_digits(stamp + 5, 2, 1 + tm.tm_mon);
		put_digits(stamp + 8, 2, tm.tm_mday);
		put_digits(stamp + 11, 2, tm.tm_hour);
		put_digits(stamp + 14, 2, tm.tm_min);
		put_digits(stamp + 17, 2, tm.tm_sec);
	}
	put_digits(stamp + 20, 3, (int)(ms % 1000));
	text_add(t, stamp);
}

/* Why it was refused, in words; or what else there is to say; or NULL. */
static const char *
words(const struct audit_record *rec)
{
	if (rec->text != NULL)
		return rec->text;
	return rec->reason != REASON_NONE ? reason_text(rec->reason) : NULL;
}

static void
add_hash(struct text *t, const struct audit_record *rec)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < rec->hash_len; i++) {
		text_addc(t, digit[rec->hash[i] >> 4]);
		text_addc(t, digit[rec->hash[i] & 0x0f]);
	}
}

/*
 * JSON.  It is written for each decision, so not with printf(3), which takes
 * several times as long.
 */

/* What stands before the value of a member. */
static void
json_name(struct text *t, const char *name)
{
	text_addc(t, '"');
	text_add(t, name);
	text_add(t, "\":");
}

/* A member whose value is text, or null where there is none. */
static void
json_string(struct text *t, const char *name, const char *s, size_t max)
{
	json_name(t, name);
	if (s == NULL || s[0] == '\0')
		text_add(t, "null");
	else
		text_json(t, s, strnlen(s, max));
}

/* A member whose value is what a peer said. */
static void
json_text(struct text *t, const char *name, const struct audit_text *s)
{
	json_name(t, name);
	text_json(t, s->p, s->len);
	if (s->cut)
		text_addf(t, ",\"%s_cut\":true", name);
}

static void
json_peer(struct text *t, const struct audit_record *rec)
{
	if (!rec->has_peer) {
		text_add(t, ",\"peer\":null,\"claims\":null,"
		    "\"connection\":null");
		return;
	}
	text_add(t, ",\"peer\":{\"uid\":");
	text_addu(t, rec->uid);
	text_add(t, ",\"gid\":");
	text_addu(t, rec->gid);
	text_add(t, "},\"claims\":{\"pid\":");
	if (rec->pid > 0)
		text_addu(t, (uint64_t)rec->pid);
	else
		text_add(t, "null");
	text_addc(t, ',');
	json_string(t, "comm", rec->comm, sizeof(rec->comm));
	text_add(t, "},\"connection\":");
	if (rec->connection > 0)
		text_addu(t, rec->connection);
	else
		text_add(t, "null");
}

static void
json_key(struct text *t, const struct audit_record *rec)
{
	if (rec->fingerprint[0] == '\0') {
		text_add(t, ",\"key\":null");
		return;
	}
	text_add(t, ",\"key\":{");
	json_string(t, "fingerprint", rec->fingerprint,
	    sizeof(rec->fingerprint));
	text_addc(t, ',');
	json_text(t, "comment", &rec->comment);
	text_addc(t, '}');
}

static void
json_what(struct text *t, const struct audit_record *rec)
{
	if (!rec->has_what) {
		text_add(t, ",\"what\":null");
	} else if (rec->what == SIGNDATA_USERAUTH) {
		text_add(t, ",\"what\":{\"kind\":\"login\",");
		json_text(t, "user", &rec->user);
		text_addc(t, '}');
	} else if (rec->what == SIGNDATA_SSHSIG) {
		text_add(t, ",\"what\":{\"kind\":\"sshsig\",");
		json_text(t, "namespace", &rec->ns);
		text_addc(t, ',');
		json_text(t, "hash_algorithm", &rec->hash_algorithm);
		text_add(t, ",\"hash\":\"");
		add_hash(t, rec);
		text_add(t, "\"}");
	} else {
		text_add(t, ",\"what\":{\"kind\":\"other\"}");
	}
}

static void
json_bound(struct text *t, const struct audit_record *rec)
{
	if (rec->binds == 0) {
		text_add(t, ",\"bound\":null");
		return;
	}
	text_add(t, ",\"bound\":{");
	json_string(t, "hostkey", rec->hostkey, sizeof(rec->hostkey));
	text_addc(t, ',');
	if (rec->host.len > 0)
		json_text(t, "host", &rec->host);
	else
		text_add(t, "\"host\":null");
	text_add(t, ",\"binds\":");
	text_addu(t, rec->binds);
	text_add(t, rec->forwarding ? ",\"forwarding\":true}" :
	    ",\"forwarding\":false}");
}

static void
write_json(struct text *t, const struct audit_record *rec)
{
	bool denied = rec->verdict == AUDIT_DENIED;

	text_add(t, "{\"version\":1,\"seq\":");
	text_addu(t, rec->seq);
	text_add(t, ",\"time\":\"");
	add_time(t, rec->wall_ms);
	text_add(t, "\",\"count\":");
	text_addu(t, rec->count);
	text_add(t, ",\"op\":\"");
	text_add(t, auditline_op_name(rec->op));
	text_add(t, denied ? "\",\"verdict\":\"denied\"," :
	    "\",\"verdict\":\"allowed\",");
	json_string(t, "reason", rec->reason != REASON_NONE ?
	    reason_code(rec->reason) : NULL, AUDIT_DETAIL_MAX);
	text_addc(t, ',');
	json_string(t, "text", words(rec), AUDIT_DETAIL_MAX);
	text_addc(t, ',');
	json_string(t, "rule", rec->rule, AUDIT_DETAIL_MAX);
	text_addc(t, ',');
	json_string(t, "detail", rec->detail, AUDIT_DETAIL_MAX);
	json_peer(t, rec);
	json_key(t, rec);
	json_what(t, rec);
	json_bound(t, rec);
	if (rec->unlocked)
		text_add(t, ",\"memory\":\"unlocked\"");
	text_addc(t, '}');
}

/*
 * For people.
 */

/* Whether a character says nothing by itself, as in most names. */
static bool
is_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || (c != '\0' && strchr("@._/+:=-", c) !=
	    NULL);
}

/* A space and what a peer said. */
static void
add_word(struct text *t, const void *p, size_t n, bool cut)
{
	const uint8_t *b = p;
	size_t i, from = 0;

	for (i = 0; i < n && is_plain(b[i]); i++)
		continue;
	text_add(t, i == n && n > 0 ? " " : " \"");
	if (i == n && n > 0) {
		text_escape(t, b, n);
	} else {
		for (i = 0; i < n; i++) {
			if (b[i] != '"')
				continue;
			text_escape(t, b + from, i - from);
			text_add(t, "\\x22");
			from = i + 1;
		}
		text_escape(t, b + from, n - from);
		text_addc(t, '"');
	}
	text_add(t, cut ? "..." : "");
}

static void
add_said(struct text *t, const struct audit_text *s)
{
	add_word(t, s->p, s->len, s->cut);
}

/* What is printable already, and has its backslashes; none but that. */
static void
add_ours(struct text *t, const char *s)
{
	size_t n;

	for (; *s != '\0'; s += n) {
		n = strcspn(s, "\\");
		text_escape(t, s, n);
		if (s[n] == '\\') {
			text_addc(t, '\\');
			n++;
		}
	}
}

static void
text_peer(struct text *t, const struct audit_record *rec)
{
	if (!rec->has_peer)
		return;
	text_addf(t, "uid %u", (unsigned)rec->uid);
	if (rec->pid > 0) {
		text_addf(t, " (pid %ld", (long)rec->pid);
		if (rec->comm[0] != '\0')
			add_word(t, rec->comm, strnlen(rec->comm,
			    sizeof(rec->comm)), false);
		text_addc(t, ')');
	}
	if (rec->connection > 0)
		text_addf(t, " connection %llu",
		    (unsigned long long)rec->connection);
	text_add(t, ": ");
}

static void
text_key(struct text *t, const struct audit_record *rec)
{
	if (rec->fingerprint[0] == '\0')
		return;
	text_addf(t, ", key %s", rec->fingerprint);
	if (rec->comment.len > 0)
		add_said(t, &rec->comment);
}

static void
text_what(struct text *t, const struct audit_record *rec)
{
	if (!rec->has_what)
		return;
	if (rec->what == SIGNDATA_USERAUTH) {
		text_add(t, ", login as");
		add_said(t, &rec->user);
	} else if (rec->what == SIGNDATA_SSHSIG) {
		text_add(t, ", SSHSIG for");
		add_said(t, &rec->ns);
		add_said(t, &rec->hash_algorithm);
		text_addc(t, ' ');
		add_hash(t, rec);
	} else {
		text_add(t, ", other data");
	}
}

static void
text_bound(struct text *t, const struct audit_record *rec)
{
	if (rec->binds == 0)
		return;
	text_add(t, ", bound to");
	if (rec->host.len > 0)
		add_said(t, &rec->host);
	text_addf(t, " %s", rec->hostkey[0] != '\0' ? rec->hostkey :
	    "a host");
	if (rec->binds > 1)
		text_addf(t, " as the last of %u", rec->binds);
	if (rec->forwarding)
		text_add(t, ", forwarded");
}

static void
write_text(struct text *t, const struct audit_record *rec)
{
	const char *why = words(rec);

	text_peer(t, rec);
	text_addf(t, "%s %s", auditline_op_name(rec->op),
	    rec->verdict == AUDIT_DENIED ? "denied" : "allowed");
	if (why != NULL) {
		text_add(t, ": ");
		text_escape(t, why, strnlen(why, AUDIT_DETAIL_MAX));
	}
	if (rec->reason != REASON_NONE)
		text_addf(t, " (%s)", reason_code(rec->reason));
	text_key(t, rec);
	text_what(t, rec);
	text_bound(t, rec);
	if (rec->rule[0] != '\0') {
		text_add(t, ", rule ");
		add_ours(t, rec->rule);
	}
	if (rec->detail[0] != '\0') {
		text_add(t, ": ");
		add_ours(t, rec->detail);
	}
	if (rec->count > 1)
		text_addf(t, "; %u times", rec->count);
	if (rec->unlocked)
		text_add(t, "; keys are in memory that is NOT locked");
}

void
auditline_write(struct text *t, const struct audit_record *rec,
    enum auditline_form form)
{
	if (form == AUDITLINE_JSON) {
		write_json(t, rec);
		return;
	}
	if (form == AUDITLINE_TEXT) {
		add_time(t, rec->wall_ms);
		text_addf(t, " #%llu ", (unsigned long long)rec->seq);
	}
	write_text(t, rec);
}
