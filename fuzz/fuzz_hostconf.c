/*
 * Reaches: hostconf_parse, hostconf_name, hostconf_expand, hostconf_keys_parse,
 *          hostconf_keys_settle; hostkey_parse.
 * Claims:  the status is a known one and not negative; a bad configuration
 *          leaves nothing and is said to be, in one line that is safe to print;
 *          in a good one no value has a control byte, none is empty or "none",
 *          and counts are within their limits; a path that is expanded has no
 *          more than its limit; each known key is a whole key of its type, none
 *          is there twice, and none that is revoked is left.
 * Input:   what ssh -G prints, or, behind a line that begins with "# Host",
 *          what ssh-keygen -F prints.
 */

#include <string.h>
#include <strings.h>

#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "provision/hostconf.h"

static bool
is_safe(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* A value that may be missing. */
static void
check_text(const char *s)
{
	assert(s == NULL || (s[0] != '\0' && is_safe(s)));
	(void)s;
}

static void
check_list(const struct hostconf *c, const struct hostconf_list *l)
{
	const struct hostconf_who who = { "h", "/home/h", "u" };
	char out[PATH_MAX], why[512];
	int st;

	assert(l->n <= HOSTCONF_FILES_MAX);
	for (size_t i = 0; i < l->n; i++) {
		check_text(l->item[i]);
		assert(strcasecmp(l->item[i], "none") != 0);
		why[0] = '\0';
		st = hostconf_expand(c, &who, l->item[i], out, why,
		    sizeof(why));
		assert(st == ST_OK || st == ST_UNSUPPORTED ||
		    st == ST_TOO_LARGE);
		assert((st == ST_OK) == (why[0] == '\0'));
		fuzz_printable(why, sizeof(why));
		assert((st == ST_OK) == (out[0] != '\0'));
		(void)st;
	}
}

static void
check_conf(const char *text, size_t len)
{
	struct hostconf c;
	char why[512] = "", name[HOSTCONF_LINE_MAX + 16];
	int st = hostconf_parse(text, len, &c, why, sizeof(why));

	assert(st == ST_OK || st == ST_MALFORMED || st == ST_TOO_LARGE);
	assert((st == ST_OK) == (why[0] == '\0'));
	fuzz_printable(why, sizeof(why));
	assert((st == ST_OK) == (c.hostname != NULL));
	if (st == ST_OK) {
		assert(c.user != NULL && c.port != 0);
		check_text(c.hostname);
		check_text(c.user);
		check_text(c.alias);
		check_text(c.proxy_jump);
		check_text(c.proxy_command);
		check_text(c.keys_command);
		check_text(c.agent);
		assert(!c.no_agent || c.agent == NULL);
		check_list(&c, &c.identities);
		check_list(&c, &c.certificates);
		check_list(&c, &c.user_known_hosts);
		check_list(&c, &c.global_known_hosts);
		st = hostconf_name(&c, name, sizeof(name));
		assert(st == ST_OK && is_safe(name));
	}
	hostconf_fini(&c);
	hostconf_fini(&c);
}

static bool
same(const struct hostconf_key *a, const struct hostconf_key *b)
{
	return a->len == b->len && memcmp(a->blob, b->blob, a->len) == 0;
}

/* What is in a list of keys; ${settled}: without those that are revoked. */
static void
check_list_of_keys(const struct hostconf_keys *keys, bool settled)
{
	const struct hostconf_key *k;
	struct public_fields fields;
	int st;

	assert(keys->n <= HOSTCONF_KEYS_MAX);
	for (size_t i = 0; i < keys->n; i++) {
		k = &keys->key[i];
		st = keyblob_decode((struct slice){ k->blob, k->len },
		    &fields);
		assert(st == ST_OK && fields.type == k->type);
		assert(!settled || k->mark != HOSTCONF_REVOKED);
		for (size_t j = 0; j < i; j++)
			assert(!same(k, &keys->key[j]) ||
			    k->mark != keys->key[j].mark);
	}
	(void)st;
}

static void
check_keys(const char *text, size_t len)
{
	struct hostconf_keys keys = { .n = 0 }, again = { .n = 0 };
	size_t before;
	int st = hostconf_keys_parse(text, len, &keys);

	assert(st == ST_OK || st == ST_TOO_LARGE);
	assert(st == ST_OK || keys.n == HOSTCONF_KEYS_MAX);
	check_list_of_keys(&keys, false);
	/* The same again is nothing new. */
	if (st == ST_OK) {
		before = keys.n;
		st = hostconf_keys_parse(text, len, &keys);
		assert(st == ST_OK && keys.n == before);
		(void)before;
	}
	st = hostconf_keys_parse(text, len, &again);
	assert(st == ST_OK || st == ST_TOO_LARGE);
	before = keys.n;
	hostconf_keys_settle(&keys);
	assert(keys.n + keys.revoked == before);
	check_list_of_keys(&keys, true);
	for (size_t i = 0; i < keys.n; i++)
		for (size_t j = 0; j < again.n; j++)
			assert(again.key[j].mark != HOSTCONF_REVOKED ||
			    !same(&keys.key[i], &again.key[j]));
	hostconf_keys_fini(&keys);
	hostconf_keys_fini(&keys);
	hostconf_keys_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "# Host";
	char *text = (char *)fuzz_alloc(size);

	if (size > 0)
		memcpy(text, data, size);
	if (size >= sizeof(head) - 1 &&
	    memcmp(text, head, sizeof(head) - 1) == 0)
		check_keys(text, size);
	else
		check_conf(text, size);
	free(text);
	return 0;
}
