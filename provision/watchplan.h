#ifndef WATCHPLAN_H_
#define WATCHPLAN_H_

/*
 * watchplan - what "bottle-provision watch" does next, and when: a machine of
 * states that is told what happens, and does nothing itself.
 *
 * Layer:   provision.  No I/O, no clock: times are what the caller says, in
 *          milliseconds.
 *
 * A target is loaded when it is seen to run for the first time, each time that
 * it starts, and again and again while a load fails that may do better later.
 * However many starts are told of while a load runs, one more follows it.
 *
 * Events alone are not enough: those of an engine may end, and what happens
 * until they are followed again is not told.  So an engine is also looked at:
 * when its events begin, a little later, since nothing says from when on they
 * are told, and now and then.  A look has for each container what tells one
 * start from another, and what is as it was then is left alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "provision/events.h"
#include "provision/target.h"

/* Most targets that are followed at a time. */
#define WATCHPLAN_ITEMS_MAX	2048
/* Most labels of a rule. */
#define WATCHPLAN_LABELS_MAX	32

/* How long until a failed load is tried again, at first and at last; it
 * doubles. */
#define WATCHPLAN_RETRY_MS	250
#define WATCHPLAN_RETRY_MAX_MS	60000
/* The same until the events of an engine are followed again.  Events that came
 * for as long as SETTLED count as a new beginning. */
#define WATCHPLAN_BACK_MS	1000
#define WATCHPLAN_BACK_MAX_MS	30000
#define WATCHPLAN_SETTLED_MS	10000
/* When an engine is looked at again after the first look, and from then on;
 * and how soon after another one if there is a reason. */
#define WATCHPLAN_SECOND_MS	1000
#define WATCHPLAN_THIRD_MS	5000
#define WATCHPLAN_EVERY_MS	(5 * 60 * 1000)
#define WATCHPLAN_SOON_MS	1000

/* Whom a rule means; what it points to is the caller's, and stays. */
enum watchplan_means {
	WATCHPLAN_NAME,		/* one container, by its name */
	WATCHPLAN_LABELS,	/* all that have the labels */
};

struct watchplan_rule {
	enum watchplan_means	 means;
	enum events_engine	 engine;
	const char		*said;		/* as the operator wrote it */
	const char		*name;		/* WATCHPLAN_NAME */
	const char *const	*labels;	/* WATCHPLAN_LABELS: at least
						 * one; all must hold */
	size_t			 n_labels;
};

/* A target. */
struct watchplan_item {
	size_t		 rule;
	char		 id[EVENTS_ID_MAX + 1];		/* empty: not known */
	char		 label[TARGET_NAME_MAX + 16];	/* "docker:web" */
	char		 start[EVENTS_START_MAX + 1];	/* empty: not known */
	bool		 used;		/* else this place is free */
	bool		 runs;
	bool		 loaded;	/* in this start of it, by now */
	bool		 refused;	/* not to be tried again in this one */

	bool		 wanted;	/* private from here */
	bool		 again;		/* one more when this load is over */
	bool		 loading;
	bool		 doubtful;	/* may be another start than is known */
	bool		 seen;		/* in this look */
	bool		 told;		/* of by an event since it began */
	unsigned	 fails;
	int64_t		 due_ms;
};

struct watchplan_engine {
	bool		 used;
	bool		 following;

	bool		 looked;	/* private from here: at least once */
	bool		 looking;
	bool		 stopped;	/* something did since the look began */
	unsigned	 looks;		/* since it is followed */
	unsigned	 lost;		/* in a row */
	int64_t		 since_ms;	/* it is followed */
	int64_t		 due_ms;	/* to be followed again */
	int64_t		 look_ms;	/* to be looked at */
	int64_t		 last_look_ms;
};

struct watchplan {
	const struct watchplan_rule *rules;
	size_t			 n_rules;
	struct watchplan_item	*items;
	size_t			 n;		/* places */
	struct watchplan_engine	 engine[EVENTS_ENGINES];
	unsigned		 jobs;		/* loads at a time */

	unsigned		 loads;		/* that run; private from here */
	size_t			 next;		/* whose turn it is */
};

/* What is to be done. */
enum watchplan_act {
	WATCHPLAN_WAIT,		/* until ms; -1: for something to happen */
	WATCHPLAN_FOLLOW,	/* the events of engine; if it cannot be:
				 * watchplan_lost() */
	WATCHPLAN_LOOK,		/* at engine: watchplan_seen() or
				 * watchplan_blind() */
	WATCHPLAN_LOAD,		/* item: watchplan_loaded() */
};

struct watchplan_todo {
	enum watchplan_act act;
	enum events_engine engine;
	size_t		 item;
	int64_t		 ms;
};

/* What there is to tell about a target. */
enum watchplan_news {
	WATCHPLAN_STARTED,
	WATCHPLAN_RUNNING,	/* seen for the first time */
	WATCHPLAN_STOPPED,
	WATCHPLAN_ABSENT,	/* there is none that runs, as of now */
	WATCHPLAN_TOO_MANY,	/* it is not followed */
};

/* Called by those that are told of something. */
typedef void (*watchplan_tell)(void *cookie, enum watchplan_news news,
    const char *label);

/**
 * watchplan_init(p, rules, n, jobs):
 * Each rule of WATCHPLAN_NAME is a target from now on.
 *
 * Owns:   watchplan_fini() releases ${p}; ${rules} stay the caller's.
 * Errors: ST_NOMEM, ST_TOO_LARGE
 */
int watchplan_init(struct watchplan *p, const struct watchplan_rule *rules,
    size_t n, unsigned jobs) MUST_USE;
void watchplan_fini(struct watchplan *p);

/**
 * watchplan_next(p, now, todo):
 * What to do now.  To be asked until it is to wait; that what it said was begun
 * is taken for granted.
 */
void watchplan_next(struct watchplan *p, int64_t now,
    struct watchplan_todo *todo);

/**
 * watchplan_event(p, e, now, tell, cookie):
 * An engine told of this.
 */
void watchplan_event(struct watchplan *p, const struct events_event *e,
    int64_t now, watchplan_tell tell, void *cookie);

/**
 * watchplan_confused(p, engine, now):
 * An engine told of something that could not be understood: it may have been a
 * start.
 */
void watchplan_confused(struct watchplan *p, enum events_engine engine,
    int64_t now);

/**
 * watchplan_lost(p, engine, now):
 * Its events have ended.  Returns how long it is until they are followed again.
 */
int64_t watchplan_lost(struct watchplan *p, enum events_engine engine,
    int64_t now);

/**
 * watchplan_seen(p, engine, e, n, now, tell, cookie):
 * A look at an engine saw these.
 */
void watchplan_seen(struct watchplan *p, enum events_engine engine,
    const struct events_event *e, size_t n, int64_t now, watchplan_tell tell,
    void *cookie);

/**
 * watchplan_blind(p, engine, now):
 * A look saw nothing, not even that there is nothing.
 */
void watchplan_blind(struct watchplan *p, enum events_engine engine,
    int64_t now);

/**
 * watchplan_loaded(p, item, outcome, now):
 * A load is over.  Returns how long it is until the next try; -1: there is
 * none, or one at once because of a start.
 */
enum watchplan_outcome {
	WATCHPLAN_DONE,
	WATCHPLAN_FAILED,	/* may do better later */
	WATCHPLAN_REFUSED,	/* will not, until something changes */
};
int64_t watchplan_loaded(struct watchplan *p, size_t item,
    enum watchplan_outcome outcome, int64_t now);

/**
 * watchplan_reload(p, now):
 * What is loaded is another thing from now on: load all that run again.
 */
void watchplan_reload(struct watchplan *p, int64_t now);

struct watchplan_count {
	size_t	 targets;	/* that are followed */
	size_t	 loaded, failing, refused, stopped;
};

/**
 * watchplan_count(p, out):
 * How it stands.
 */
void watchplan_count(const struct watchplan *p, struct watchplan_count *out);

#endif /* !WATCHPLAN_H_ */
