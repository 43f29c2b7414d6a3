#ifndef DOCTOR_ENGINE_H_
#define DOCTOR_ENGINE_H_

/*
 * doctor_engine - asks the engine about a container, and judges the way into
 * the target.
 *
 * Layer:   provision.
 * Source:  docker-container-inspect(1), and what podman and nerdctl make of
 *          it.
 */

#include "provision/doctor_seen.h"
#include "provision/remote.h"

/* Most that is read of what an engine says about one container. */
#define DOCTOR_INSPECT_MAX	(4 * 1024 * 1024)

/**
 * doctor_engine_inspect(where):
 * The engine's object for the container, or NULL: it has none, or says nothing.
 */
json_t *doctor_engine_inspect(const struct doctor_where *where);

/**
 * doctor_engine(d, seen, first):
 * Findings for "engine", by what became of the first thing that was run in the
 * target.  False if nothing can be run there: ${d}->unreached is then set.
 */
bool doctor_engine(struct doctor *d, const struct doctor_seen *seen,
    const struct remote_result *first);

#endif /* !DOCTOR_ENGINE_H_ */
