/*
 * Reaches: httpconnect_scan, httpconnect_parse, httpconnect_extra;
 *          answerbody_read, refusal_http, banner_scan, banner_not_ssh.
 * Claims:  pieces of any sizes end a head where the whole does, and not one
 *          byte behind it is used; what is found in a head lies in it; a
 *          server's first bytes mean the same in any pieces; each text that
 *          comes of an answer is one line of whole, printable characters
 *          within its bound, and there is advice; a header line that is taken
 *          is printable and says nothing that is ours to say.
 * Input:   how many piece lengths, those lengths, then an answer with what
 *          follows it.
 */

#include <string.h>
#include <strings.h>

#include "forwarder/banner.h"
#include "forwarder/httpconnect.h"
#include "forwarder/refusal.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"

/* Scan the whole; how much of it is head. */
static int
scan_whole(const uint8_t *p, size_t n, size_t *used)
{
	struct httpconnect_scan s = { .total = 0 };
	uint8_t *copy = fuzz_alloc(n);
	int st;

	memcpy(copy, p, n);
	*used = 0;
	st = httpconnect_scan(&s, copy, n, used);
	assert(st == ST_OK || st == ST_MORE || st == ST_MALFORMED ||
	    st == ST_TOO_LARGE);
	assert(*used <= n && *used <= HTTPCONNECT_HEAD_MAX);
	assert(st != ST_MORE || *used == n);
	if (st == ST_OK) {
		assert(*used >= 2 && p[*used - 1] == '\n');
		assert(p[*used - 2] == '\n' || (*used >= 3 &&
		    p[*used - 2] == '\r' && p[*used - 3] == '\n'));
	}
	free(copy);
	return st;
}

/* The same in pieces. */
static int
scan_pieces(const uint8_t *lengths, size_t n_lengths, const uint8_t *p,
    size_t n, size_t *used)
{
	struct httpconnect_scan s = { .total = 0 };
	size_t at = 0, len, got, i = 0;
	uint8_t *copy;
	int st = ST_MORE;

	while (at < n && st == ST_MORE) {
		len = n_lengths > 0 ? lengths[i++ % n_lengths] : 1;
		if (len > n - at)
			len = n - at;
		copy = fuzz_alloc(len);
		memcpy(copy, p + at, len);
		got = 0;
		st = httpconnect_scan(&s, copy, len, &got);
		free(copy);
		assert(got <= len);
		at += got;
		/* Lengths that are all 0 would go on for ever. */
		if (len == 0 && n_lengths > 0 && i % n_lengths == 0)
			n_lengths = 0;
	}
	*used = at;
	return st;
}

static void
check_slice(const char *p, size_t len, const uint8_t *head, size_t n)
{
	assert(p == NULL || fuzz_within(
	    (struct slice){ (const uint8_t *)p, len },
	    (struct slice){ head, n }));
	assert(p == NULL || memchr(p, '\n', len) == NULL);
}

/* What there is of a body, of which half has come before. */
static void
check_body(const struct httpconnect_head *h, const uint8_t *body, size_t len,
    struct answerbody *out)
{
	static struct answerbody half;
	uint8_t *copy;

	if (len > ANSWERBODY_MAX)
		len = ANSWERBODY_MAX;
	copy = fuzz_alloc(len);
	if (len > 0)
		memcpy(copy, body, len);
	answerbody_read(h, copy, len / 2, &half);
	answerbody_read(h, copy, len, out);
	free(copy);
	assert(out->n <= len);
	assert(out->line == NULL || fuzz_within(
	    (struct slice){ (const uint8_t *)out->line, out->len },
	    (struct slice){ (const uint8_t *)out->text, out->n }));
	if (half.end || half.told) {
		assert(half.len == out->len);
		assert((half.line == NULL) == (out->line == NULL));
		assert(half.len == 0 ||
		    memcmp(half.line, out->line, half.len) == 0);
	}
}

/* A head and what is behind it, as the body of a no. */
static void
check_answer(const uint8_t *head, size_t n, const uint8_t *body, size_t len)
{
	struct httpconnect_head h;
	struct refusal r;
	struct target t;
	struct answerbody b;
	char why[128];
	int st;

	if (httpconnect_parse(head, n, &h) != ST_OK)
		return;
	assert(h.status >= 100 && h.status <= 999);
	check_slice(h.reason, h.reason_len, head, n);
	check_slice(h.hint, h.hint_len, head, n);
	check_slice(h.problem, h.problem_len, head, n);
	st = target_parse("host.example", "22", &t, why, sizeof(why));
	assert(st == ST_OK);
	(void)st;
	check_body(&h, body, len, &b);
	refusal_http(&h, &b, &t, (len & 1) != 0, &r);
	assert(r.code == EXIT_DENIED || r.code == EXIT_LOGIN ||
	    r.code == EXIT_TARGET || r.code == EXIT_LATER);
	assert(r.what[0] != '\0' && r.advice[0] != '\0');
	fuzz_printable(r.what, sizeof(r.what));
	fuzz_printable(r.said, sizeof(r.said));
	fuzz_printable(r.hint, sizeof(r.hint));
	fuzz_printable(r.advice, sizeof(r.advice));
}

/* A server that begins with this, in pieces, as scan_pieces() has them. */
static void
scan_banner(struct banner_scan *s, const uint8_t *lengths, size_t n_lengths,
    const uint8_t *p, size_t n)
{
	size_t at = 0, len, i = 0;
	uint8_t *copy;

	*s = (struct banner_scan){ .total = 0 };
	while (at < n) {
		len = n_lengths > 0 ? lengths[i++ % n_lengths] : 1;
		if (len > n - at)
			len = n - at;
		copy = fuzz_alloc(len);
		memcpy(copy, p + at, len);
		(void)banner_scan(s, copy, len);
		free(copy);
		at += len;
		if (len == 0 && i % n_lengths == 0)
			n_lengths = 0;
	}
}

/* What is left, as the first bytes of a server. */
static void
check_banner(const uint8_t *lengths, size_t n_lengths, const uint8_t *p,
    size_t n)
{
	struct banner_scan s, pieces;
	struct target t;
	char line[2048], why[128];
	uint8_t *copy = fuzz_alloc(n);
	int st;

	st = target_parse("::1", "22", &t, why, sizeof(why));
	assert(st == ST_OK);
	(void)st;
	if (n > 0)
		memcpy(copy, p, n);
	s = (struct banner_scan){ .total = 0 };
	(void)banner_scan(&s, copy, n);
	free(copy);
	scan_banner(&pieces, lengths, n_lengths, p, n);
	assert(s.kind == pieces.kind && s.total == pieces.total);
	assert(s.whole == pieces.whole && s.endless == pieces.endless);
	assert(s.line_len == pieces.line_len);
	assert(memcmp(s.line, pieces.line, s.line_len) == 0);
	assert(s.total <= n && s.total <= BANNER_TEXT_MAX + 1);
	assert(s.line_len <= sizeof(s.line) && s.first_len <= sizeof(s.first));
	if (s.kind == BANNER_SSH) {
		assert(s.line_len >= 4 && memcmp(s.line, "SSH-", 4) == 0);
		assert(memchr(s.line, '\n', s.line_len) == NULL);
		return;
	}
	assert(!s.whole && !s.endless);
	assert(s.kind != BANNER_MORE || s.total == n);
	banner_not_ssh(&s, &t, line, sizeof(line));
	assert(line[0] != '\0');
	fuzz_printable(line, sizeof(line));
}

/* The beginning as a header line of the user's own. */
static void
check_extra(const uint8_t *p, size_t n)
{
	static const char *const ours[] = { "host:", "proxy-authorization:",
		"content-length:", "transfer-encoding:", "connection:" };
	char why[256] = "";
	char *line = (char *)fuzz_alloc(n + 1);
	size_t i;

	if (n > 0)
		memcpy(line, p, n);
	line[n] = '\0';
	if (httpconnect_extra(line, why, sizeof(why)) != ST_OK) {
		assert(why[0] != '\0');
		fuzz_printable(why, sizeof(why));
	} else {
		assert(strlen(line) <= HTTPCONNECT_EXTRA_LEN);
		assert(strchr(line, ':') != NULL && line[0] != ':');
		for (i = 0; line[i] != '\0'; i++)
			assert(line[i] >= ' ' && line[i] < 0x7f);
		for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
			assert(strncasecmp(line, ours[i],
			    strlen(ours[i])) != 0);
	}
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n_lengths, whole, pieces;
	const uint8_t *lengths;
	int st, again;

	if (size == 0)
		return 0;
	n_lengths = *data++;
	size--;
	if (n_lengths > size)
		n_lengths = size;
	lengths = data;
	data += n_lengths;
	size -= n_lengths;

	st = scan_whole(data, size, &whole);
	again = scan_pieces(lengths, n_lengths, data, size, &pieces);
	assert(size == 0 || (st == again && whole == pieces));
	(void)again;
	if (st == ST_OK)
		check_answer(data, whole, data + whole, size - whole);
	check_banner(lengths, n_lengths, data, size);
	check_extra(data, size);
	return 0;
}
