#ifndef GATE_H_
#define GATE_H_

/*
 * gate - a door for threads of tests, shut until somebody opens it.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct gate {
	pthread_mutex_t	 lock;
	pthread_cond_t	 change;
	bool		 open;
	size_t		 waiting;
};

#define GATE	{ PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, \
		    false, 0 }

static inline void
gate_open(struct gate *g)
{
	(void)pthread_mutex_lock(&g->lock);
	g->open = true;
	(void)pthread_cond_broadcast(&g->change);
	(void)pthread_mutex_unlock(&g->lock);
}

/* Wait until it is open. */
static inline void
gate_pass(struct gate *g)
{
	(void)pthread_mutex_lock(&g->lock);
	g->waiting++;
	(void)pthread_cond_broadcast(&g->change);
	while (!g->open)
		(void)pthread_cond_wait(&g->change, &g->lock);
	(void)pthread_mutex_unlock(&g->lock);
}

/* Wait until so many have come to it. */
static inline void
gate_await(struct gate *g, size_t n)
{
	(void)pthread_mutex_lock(&g->lock);
	while (g->waiting < n)
		(void)pthread_cond_wait(&g->change, &g->lock);
	(void)pthread_mutex_unlock(&g->lock);
}

#endif /* !GATE_H_ */
