#include "agent/policycmd.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/policy.h"
#include "agent/policyfile.h"
#include "base/log.h"
#include "base/ownfile.h"
#include "base/text.h"
#include "base/users.h"

/* Whom a rule names: by number, and by name if there is one. */
static void
add_peer(struct text *t, const struct policy_rule *rule)
{
	char name[USERS_NAME_MAX];
	size_t len = strcspn(rule->text, "=");

	if (rule->who == POLICY_GROUP) {
		text_addf(t, "members of group %u", rule->id);
		/* As it was given; nobody asks what a number is called. */
		if (strspn(rule->text + 1, "0123456789") + 1 < len) {
			text_add(t, " (");
			text_escape(t, rule->text + 1, len - 1);
			text_addc(t, ')');
		}
		return;
	}
	text_addf(t, "uid %u ", rule->id);
	if (users_name(rule->id, name) != ST_OK) {
		text_add(t, "(no name here)");
		return;
	}
	text_addc(t, '(');
	text_escape(t, name, strlen(name));
	text_addc(t, ')');
}

/* One rule in words. */
static void
print_rule(const char *path, const struct policy_rule *rule)
{
	char ops[POLICY_OPS_NAME_MAX], peer[4 * POLICY_RULE_MAX + 64];
	struct text t;

	text_init(&t, peer, sizeof(peer));
	add_peer(&t, rule);
	policy_ops_name(rule->ops, ops);
	(void)printf("%s:%u: %s may: %s\n", path, rule->line, peer, ops);
}

/* A line is wrong. */
static bool
on_fault(void *cookie, const char *why)
{
	(void)cookie;
	log_error("%s", why);
	return true;
}

/* Take all rules of a file, and complain of all that are none. */
static int
read_rules(struct policy *p, const char *path)
{
	char why[2 * PATH_MAX];
	char *bytes;
	size_t len;
	int st;

	st = ownfile_read(path, POLICYFILE_MAX, &bytes, &len, why,
	    sizeof(why));
	if (st != ST_OK) {
		log_error("%s", why);
		return st;
	}
	st = policyfile_scan(p, bytes, len, path, on_fault, NULL);
	free(bytes);
	return st;
}

int
policycmd_main(const struct agent_options *opts)
{
	char path[PATH_MAX], why[2 * PATH_MAX];
	struct policy p;

	policy_init(&p, geteuid());
	if (ownfile_path(opts->check_policy, path, why, sizeof(why)) !=
	    ST_OK) {
		log_error("%s", why);
		return EXIT_FAILED;
	}
	if (read_rules(&p, path) != ST_OK)
		return EXIT_FAILED;
	for (size_t i = 0; i < p.n; i++)
		print_rule(path, &p.rules[i]);
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		log_error_sys("cannot print what the rules mean");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}
