#include "provision/doctor_engine.h"

#include <limits.h>
#include <string.h>

#include "provision/child.h"

/* Most that is kept of what an engine complains of. */
#define SAID_MAX	4096

/* Ask it, and take the first object of the array that it prints. */
static json_t *
ask(const struct doctor_where *w, const char *engine)
{
	char program[PATH_MAX], name[TARGET_NAME_MAX + 1], why[256];
	char container[] = "container", inspect[] = "inspect", end[] = "--";
	char *argv[] = { program, container, inspect, end, name, NULL };
	struct child_spec spec = { .program = program, .argv = argv,
		.out = CHILD_KEEP, .err = CHILD_KEEP,
		.out_max = DOCTOR_INSPECT_MAX, .err_max = SAID_MAX,
		.time_ms = w->time_ms };
	json_t *all = NULL, *first;
	struct child c;

	if (child_find(engine, w->path, program) != ST_OK)
		return NULL;
	(void)snprintf(name, sizeof(name), "%s", w->target->name);
	if (child_run(&c, &spec, why, sizeof(why)) == ST_OK &&
	    c.status == 0 && c.out_text.len > 0)
		all = json_loadb(c.out_text.p, c.out_text.len,
		    JSON_REJECT_DUPLICATES, NULL);
	child_fini(&c);
	first = json_incref(json_array_get(all, 0));
	json_decref(all);
	if (json_is_object(first))
		return first;
	json_decref(first);
	return NULL;
}

json_t *
doctor_engine_inspect(const struct doctor_where *where)
{
	switch (where->target->kind) {
	case TARGET_DOCKER:
	case TARGET_PODMAN:
	case TARGET_NERDCTL:
		return ask(where, target_engine(where->target));
	case TARGET_KUBECTL:
	case TARGET_LOCAL:
	case TARGET_EXEC:
		break;
	}
	return NULL;
}

/* A container that is there and does not run: what it does instead. */
static void
judge_state(struct doctor *d, const struct doctor_seen *s,
    const struct remote_result *r)
{
	const json_t *state = json_object_get(s->inspect, "State");
	const char *engine = target_engine(s->where->target);
	const char *name = s->where->target->name;
	const char *status = json_string_value(json_object_get(state,
	    "Status"));
	char mend[DOCTOR_MEND_MAX];

	if (json_is_true(json_object_get(state, "Paused"))) {
		(void)snprintf(mend, sizeof(mend), "%s unpause %s", engine,
		    name);
		doctor_find(d, "engine", DOCTOR_BAD, mend, "container %s is "
		    "paused", name);
	} else if (json_is_true(json_object_get(state, "Restarting"))) {
		(void)snprintf(mend, sizeof(mend), "%s logs --tail 20 %s",
		    engine, name);
		doctor_find(d, "engine", DOCTOR_BAD, mend, "container %s is "
		    "restarting again and again: its command ends with %lld",
		    name, (long long)json_integer_value(json_object_get(state,
		    "ExitCode")));
	} else if (status != NULL && strcmp(status, "running") != 0) {
		(void)snprintf(mend, sizeof(mend), "%s start %s", engine,
		    name);
		doctor_find(d, "engine", DOCTOR_BAD, mend, "container %s does "
		    "not run (%s, exit code %lld)%s", name, status,
		    (long long)json_integer_value(json_object_get(state,
		    "ExitCode")), json_is_true(json_object_get(state,
		    "OOMKilled")) ? ": it was out of memory" : "");
	} else {
		doctor_find(d, "engine", DOCTOR_BAD, r->advice[0] != '\0' ?
		    r->advice : NULL, "%s", r->why);
	}
}

bool
doctor_engine(struct doctor *d, const struct doctor_seen *seen,
    const struct remote_result *first)
{
	const struct target *t = seen->where->target;
	const char *engine = target_engine(t);
	char label[TARGET_SHOWN_MAX];

	target_label(t, label, sizeof(label));
	if (json_is_true(json_object_get(json_object_get(seen->inspect,
	    "State"), "Paused")) || first->end == LAUNCH_UNREACHED) {
		if (engine != NULL)
			judge_state(d, seen, first);
		else
			doctor_find(d, "engine", DOCTOR_BAD,
			    first->advice[0] != '\0' ? first->advice : NULL,
			    "%s", first->why);
		d->unreached = true;
		return false;
	}
	if (first->status == -1 && first->end == LAUNCH_RAN) {
		doctor_find(d, "engine", DOCTOR_BAD, first->advice[0] != '\0' ?
		    first->advice : NULL, "%s", first->why);
		d->unreached = true;
		return false;
	}
	if (engine != NULL)
		doctor_find(d, "engine", DOCTOR_OK, NULL, "%s answers, and %s "
		    "runs", engine, label);
	else
		doctor_find(d, "engine", DOCTOR_OK, NULL, "programs can be run "
		    "on %s", label);
	if (first->end == LAUNCH_NO_SHELL || first->end == LAUNCH_CANNOT_RUN)
		doctor_find(d, "engine", DOCTOR_WARN, "put a shell into the "
		    "image: \"COPY --from=busybox:musl /bin/busybox /bin/sh\"",
		    "%s: little can be looked at", first->why);
	return true;
}
