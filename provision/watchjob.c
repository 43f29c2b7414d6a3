#include "provision/watchjob.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "provision/clientconf.h"
#include "provision/loadone.h"
#include "provision/session.h"

/* Not every C library gives threads as much as paths and messages take. */
#define STACK_SIZE	(4 * 1024 * 1024)

/* What a thread is told. */
struct order {
	struct watchjob	*job;
	int		 fd;
};

static void
load(struct watchjob *job)
{
	const struct loadone one = { .g = &job->keys->g,
		.target = &job->target };
	int64_t began = clock_ms();

	job->report.target = job->label;
	loadone_run(&one, &job->report);
	job->took_ms = clock_ms() - began;
}

int
watchjob_read(struct watchjob_keys *keys, const volatile sig_atomic_t *stop,
    char *why, size_t whylen)
{
	struct clientconf files = { 0 };
	struct gather *g = &keys->g;
	int st;

	st = gather_begin(g, &keys->opts, stop, why, whylen);
	if (st != ST_OK)
		return st;
	st = gather_plan(g, why, whylen);
	if (st == ST_OK && g->plan.n_hosts > 0) {
		st = gather_keys(g, why, whylen);
		if (st == ST_OK)
			loadone_warn_unknown(g);
		if (st == ST_OK)
			st = loadone_check(g, &files, why, whylen);
		clientconf_fini(&files);
	}
	if (st != ST_OK)
		gather_end(g);
	return st;
}

static void *
work(void *arg)
{
	struct order *o = arg;
	struct watchjob *job = o->job;
	int fd = o->fd;

	free(o);
	switch (job->kind) {
	case WATCHJOB_LOAD:
		load(job);
		break;
	case WATCHJOB_LOOK:
		job->st = look_run(&job->how, &job->look, job->why,
		    sizeof(job->why));
		break;
	case WATCHJOB_READ:
		job->st = watchjob_read(job->keys, NULL, job->why,
		    sizeof(job->why));
		break;
	}
	/* Never in parts, and there is always room: not many jobs run. */
	while (write(fd, &job, sizeof(job)) < 0 && errno == EINTR)
		;
	return NULL;
}

int
watchjob_start(struct watchjob *job, int fd)
{
	struct order *o = malloc(sizeof(*o));
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t id;
	int st = ST_SYSTEM;

	if (o == NULL)
		return ST_SYSTEM;
	*o = (struct order){ job, fd };
	if (pthread_attr_init(&attr) != 0) {
		free(o);
		return ST_SYSTEM;
	}
	/* Signals are for who waits. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_attr_setstacksize(&attr, STACK_SIZE) == 0 &&
	    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
	    pthread_create(&id, &attr, work, o) == 0)
		st = ST_OK;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	if (st != ST_OK)
		free(o);
	return st;
}

struct watchjob *
watchjob_take(int fd)
{
	struct watchjob *job;

	return read(fd, &job, sizeof(job)) == (ssize_t)sizeof(job) ? job :
	    NULL;
}

void
watchjob_free(struct watchjob *job)
{
	if (job == NULL)
		return;
	session_result_fini(&job->report.result);
	look_fini(&job->look);
	free(job);
}
