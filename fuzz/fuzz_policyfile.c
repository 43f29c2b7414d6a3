/*
 * Reaches: policyfile_parse, policyfile_scan; through them policy_add.
 * Claims:  the status is a known one; a bad file changes nothing and is said to
 *          be, in a line that is safe to print and names the file and a line
 *          of it; a good one is its rules, in the order of their lines, each
 *          as it would be on the command line; a scan tells of nothing in a
 *          good file, and finds the same fault first in a bad one.
 * Input:   the file.
 */

#include <limits.h>
#include <string.h>

#include "agent/policyfile.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"

#define NAME	"policy"

/* What a scan was told: how often, and the first time what. */
struct told {
	size_t	 n;
	char	 first[1024];
};

/* Whether a message is one line that no terminal minds. */
static void
check_message(const char *why)
{
	char *end;
	unsigned long line;

	assert(strncmp(why, NAME ":", strlen(NAME) + 1) == 0);
	line = strtoul(why + strlen(NAME) + 1, &end, 10);
	assert(line > 0 && line <= POLICYFILE_MAX + 1);
	assert(strncmp(end, ": ", 2) == 0 && end[2] != '\0');
	fuzz_printable(why, strlen(why) + 1);
}

static bool
on_fault(void *cookie, const char *why)
{
	struct told *told = cookie;

	check_message(why);
	if (told->n++ == 0)
		(void)strncpy(told->first, why, sizeof(told->first) - 1);
	return true;
}

/* Rules that were taken. */
static void
check_rules(const struct policy *p, size_t size)
{
	struct policy same;
	const struct policy_rule *rule;
	char why[512];
	unsigned line = 0;
	int st;

	policy_init(&same, p->self);
	assert(p->n > 0 && p->n <= POLICY_RULES_MAX);
	for (size_t i = 0; i < p->n; i++) {
		rule = &p->rules[i];
		assert(rule->line > line && rule->line <= size);
		line = rule->line;
		st = policy_add(&same, rule->text, why, sizeof(why));
		assert(st == ST_OK);
		assert(same.rules[i].who == rule->who);
		assert(same.rules[i].id == rule->id);
		assert(same.rules[i].ops == rule->ops);
		assert((rule->ops & ~POLICY_ALL) == 0);
	}
	(void)st;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told told = { .n = 0 };
	struct policy p = { .n = 0 }, before, scanned;
	char why[1024] = "";
	int st, again;

	if (size > POLICYFILE_MAX)
		return 0;
	policy_init(&p, 700);
	before = scanned = p;
	st = policyfile_parse(&p, (const char *)data, size, NAME, why,
	    sizeof(why));
	again = policyfile_scan(&scanned, (const char *)data, size, NAME,
	    on_fault, &told);
	if (st == ST_OK) {
		check_rules(&p, size);
		assert(again == ST_OK && told.n == 0);
		assert(memcmp(&p, &scanned, sizeof(p)) == 0);
		return 0;
	}
	assert(st == ST_MALFORMED || st == ST_FULL);
	assert(again == st || again == ST_FULL);
	assert(p.n == before.n && p.self == before.self);
	assert(told.n > 0 && strcmp(told.first, why) == 0);
	check_message(why);
	return 0;
}
