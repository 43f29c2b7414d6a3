#ifndef CREW_H_
#define CREW_H_

/*
 * crew - threads of the vault that do what a test tells them, one thing each.
 *
 * cmocka's assertions are for the first thread: what is told returns what went
 * wrong, and crew_wait() what that was.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "agent/vault.h"

#define CREW_MAX	8

typedef int crew_fn(void *arg);

static struct crew {
	pthread_mutex_t	 lock;
	pthread_cond_t	 change;
	size_t		 n;
	struct hand {
		pthread_t	 thread;
		crew_fn		*fn;	/* to be called; NULL: nothing is */
		void		*arg;
		int		 rc;
		bool		 ready;	/* attached, or could not be */
		int		 attached;
		bool		 end;
	} hand[CREW_MAX];
} crew = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.change = PTHREAD_COND_INITIALIZER };

static inline void *
crew_main(void *arg)
{
	struct hand *h = arg;
	crew_fn *fn;
	int rc = vault_attach();

	(void)pthread_mutex_lock(&crew.lock);
	h->attached = rc;
	h->ready = true;
	(void)pthread_cond_broadcast(&crew.change);
	for (;;) {
		while (h->fn == NULL && !h->end)
			(void)pthread_cond_wait(&crew.change, &crew.lock);
		if (h->fn == NULL)
			break;
		fn = h->fn;
		(void)pthread_mutex_unlock(&crew.lock);
		rc = fn(h->arg);
		(void)pthread_mutex_lock(&crew.lock);
		h->rc = rc;
		h->fn = NULL;
		(void)pthread_cond_broadcast(&crew.change);
	}
	(void)pthread_mutex_unlock(&crew.lock);
	return NULL;
}

/* One thread more; what its vault_attach() said. */
static inline int
crew_start(void)
{
	struct hand *h = &crew.hand[crew.n++];

	*h = (struct hand){ .fn = NULL };
	if (crew.n > CREW_MAX ||
	    pthread_create(&h->thread, NULL, crew_main, h) != 0)
		abort();
	(void)pthread_mutex_lock(&crew.lock);
	while (!h->ready)
		(void)pthread_cond_wait(&crew.change, &crew.lock);
	(void)pthread_mutex_unlock(&crew.lock);
	return h->attached;
}

/* Have number i call fn. */
static inline void
crew_tell(size_t i, crew_fn *fn, void *arg)
{
	(void)pthread_mutex_lock(&crew.lock);
	crew.hand[i].fn = fn;
	crew.hand[i].arg = arg;
	(void)pthread_cond_broadcast(&crew.change);
	(void)pthread_mutex_unlock(&crew.lock);
}

/* What it returned. */
static inline int
crew_wait(size_t i)
{
	int rc;

	(void)pthread_mutex_lock(&crew.lock);
	while (crew.hand[i].fn != NULL)
		(void)pthread_cond_wait(&crew.change, &crew.lock);
	rc = crew.hand[i].rc;
	(void)pthread_mutex_unlock(&crew.lock);
	return rc;
}

/* The last one goes. */
static inline void
crew_end(void)
{
	struct hand *h = &crew.hand[--crew.n];

	(void)pthread_mutex_lock(&crew.lock);
	h->end = true;
	(void)pthread_cond_broadcast(&crew.change);
	(void)pthread_mutex_unlock(&crew.lock);
	(void)pthread_join(h->thread, NULL);
}

#endif /* !CREW_H_ */
