#include "provision/doctor_seen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Longest word that is quoted. */
#define WORD_MAX_SHOWN	255

/* What stands before a command that is run in the target. */
static void
add_way(struct text *t, const struct doctor_where *w, enum doctor_as as)
{
	const char *user = as == DOCTOR_AS_ROOT ? "0" : w->account;
	const struct target *target = w->target;
	const char *container = as == DOCTOR_AS_ROOT ? target->pod.agent :
	    target->pod.user;

	switch (target->kind) {
	case TARGET_DOCKER:
	case TARGET_PODMAN:
	case TARGET_NERDCTL:
		text_addf(t, "%s exec -u %s %s ", target_engine(target), user,
		    target->name);
		return;
	case TARGET_KUBECTL:
		text_add(t, "kubectl exec ");
		if (target->pod.space[0] != '\0')
			text_addf(t, "-n %s ", target->pod.space);
		text_add(t, target->pod.name);
		if (container[0] != '\0')
			text_addf(t, " -c %s", container);
		text_add(t, " -- ");
		return;
	case TARGET_LOCAL:
		if (as == DOCTOR_AS_ROOT)
			text_add(t, "sudo ");
		return;
	case TARGET_EXEC:
		text_addf(t, "there, as %s: ", as == DOCTOR_AS_ROOT ? "root" :
		    w->account);
		return;
	}
}

const char *
doctor_mend(const struct doctor_where *where, enum doctor_as as,
    char out[static DOCTOR_MEND_MAX], const char *fmt, ...)
{
	char command[DOCTOR_MEND_MAX];
	struct text t;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	text_init(&t, out, DOCTOR_MEND_MAX);
	add_way(&t, where, as);
	text_add(&t, command);
	return out;
}

struct doctor_word
doctor_word(const char *s)
{
	char copy[WORD_MAX_SHOWN + 1];
	struct doctor_word w;
	struct text t;

	(void)snprintf(copy, sizeof(copy), "%s", s);
	text_init(&t, w.text, sizeof(w.text));
	text_shell(&t, copy);
	return w;
}

void
doctor_seen_fini(struct doctor_seen *seen)
{
	doctor_facts_fini(&seen->root);
	doctor_facts_fini(&seen->user);
	json_decref(seen->status);
	json_decref(seen->inspect);
	seen->status = seen->inspect = NULL;
}
