/*
 * Reaches: target_parse, target_label of provision/, target_report.
 * Claims:  the status is a known one and not negative; what is no target is
 *          said to be, in one line that is safe to print; a name is made of
 *          letters, digits, '_', '.' and '-' and begins with none of the
 *          latter, in a pod as Kubernetes has it; words of a command lie within
 *          it, each with its end, and written in single quotes are the same
 *          command; a report has an end that fits the code, and lines that are
 *          safe to print and no longer than they may be.
 * Input:   exit code, then up to a NUL a target, up to a NUL stdout, and
 *          stderr.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "fuzz/support/choice.h"
#include "provision/target.h"

/* Quote every word, and split that. */
static void
check_words(const struct target *t)
{
	static char line[6 * TARGET_COMMAND_MAX + 3 * TARGET_WORDS_MAX + 8];
	static struct target back;
	char why[512];
	size_t n = 5, room = 0;
	int st;

	memcpy(line, "exec:", 5);
	for (size_t i = 0; i < t->n; i++) {
		assert(t->word[i] <= TARGET_COMMAND_MAX);
		line[n++] = '\'';
		for (const char *p = t->text + t->word[i]; *p != '\0'; p++) {
			if (*p == '\'') {
				memcpy(line + n, "'\\''", 4);
				n += 4;
			} else {
				line[n++] = *p;
			}
		}
		line[n++] = '\'';
		line[n++] = ' ';
	}
	line[n] = '\0';
	room = n - 5;
	st = target_parse(line, &back, why, sizeof(why));
	if (st == ST_TOO_LARGE && room > TARGET_COMMAND_MAX)
		return;
	assert(st == ST_OK && back.n == t->n);
	for (size_t i = 0; i < t->n; i++)
		assert(strcmp(back.text + back.word[i],
		    t->text + t->word[i]) == 0);
	(void)room;
}

/* A name in a pod: small letters, digits and '-' between them; in that of a pod
 * there are dots between such parts. */
static void
check_name(const char *name, const char *letters, size_t max)
{
	size_t len = strlen(name);

	assert(len > 0 && len <= max && strspn(name, letters) == len);
	assert(strchr("-.", name[0]) == NULL &&
	    strchr("-.", name[len - 1]) == NULL);
	assert(strstr(name, "..") == NULL && strstr(name, "-.") == NULL &&
	    strstr(name, ".-") == NULL);
	(void)len;
}

/* What is empty is the engine's to choose. */
static void
check_pod(const struct target_pod *pod)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyz0123456789-.";
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	check_name(pod->name, letters, TARGET_POD_MAX);
	if (pod->space[0] != '\0')
		check_name(pod->space, plain, TARGET_LABEL_MAX);
	if (pod->agent[0] != '\0')
		check_name(pod->agent, plain, TARGET_LABEL_MAX);
	if (pod->user[0] != '\0')
		check_name(pod->user, plain, TARGET_LABEL_MAX);
}

static void
check_target(const struct target *t)
{
	char label[1024];

	target_label(t, label, sizeof(label));
	assert(label[0] != '\0');
	fuzz_printable(label, sizeof(label));
	if (t->kind == TARGET_EXEC) {
		assert(t->n > 0 && t->n <= TARGET_WORDS_MAX);
		check_words(t);
	} else if (t->kind == TARGET_LOCAL) {
		assert(t->name[0] == '\0');
	} else if (t->kind == TARGET_KUBECTL) {
		check_pod(&t->pod);
	} else {
		assert(t->name[0] != '\0' &&
		    strspn(t->name, "abcdefghijklmnopqrstuvwxyz0123456789_.-"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(t->name));
		assert(strchr("_.-", t->name[0]) == NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct target t;
	struct target_report r;
	struct slice rest, text, out;
	char why[1024] = "", *s;
	int st;

	if (size == 0)
		return 0;
	rest = (struct slice){ data + 1, size - 1 };
	text = choice_part(&rest);
	out = choice_part(&rest);
	s = (char *)fuzz_alloc(text.len + 1);
	if (text.len > 0)
		memcpy(s, text.p, text.len);
	s[text.len] = '\0';
	st = target_parse(s, &t, why, sizeof(why));
	assert(st == ST_OK || st == ST_MALFORMED || st == ST_TOO_LARGE);
	assert((st == ST_OK) == (why[0] == '\0'));
	fuzz_printable(why, sizeof(why));
	if (st == ST_OK) {
		check_target(&t);
		target_report(&t, "/x", data[0] << 8, out, rest, &r);
		assert(r.code == data[0] && r.end < TARGET_ENDS);
		assert((r.end == TARGET_DONE) == (data[0] == 0));
		assert(r.end != TARGET_SIGNALLED);
		assert(r.what[0] != '\0');
		fuzz_printable(r.what, sizeof(r.what));
		fuzz_printable(r.advice, sizeof(r.advice));
		fuzz_printable(r.said, sizeof(r.said));
		assert(strlen(r.said) <= TARGET_SAID_MAX + 3);
	}
	free(s);
	return 0;
}
