#include "agent/door.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

/* Whose time of the workers it is: nobody's who could connect. */
#define ACCOUNT		((unsigned)-1)

/* Some descriptors. */
struct lot {
	size_t	 n;
	int	 fd[DOOR_LOT];
};

struct door {
	struct work	 work;
	struct loop	*loop;
	struct workers	*workers;
	int		 listen_fd;
	void		(*come)(void *cookie);
	void		*cookie;
	struct loop_timer late;
	bool		 away;		/* what follows is the worker's */
	bool		 orphan;	/* to be freed when it is done */
	size_t		 most;
	struct lot	 in;		/* let in */
	struct lot	 gone;		/* to be closed */
	int		 end;		/* see door_end() */
	/* The first thread's at any time. */
	size_t		 taken;		/* of those let in */
	int64_t		 busy_ms;	/* until then closing can wait */
	struct lot	 next_gone;
};

static void
close_lot(struct lot *lot, size_t from)
{
	for (size_t i = from; i < lot->n; i++)
		(void)close(lot->fd[i]);
	lot->n = 0;
}

/* In a worker. */
static void
run(struct work *w)
{
	struct door *d = (struct door *)(void *)w;
	int fd;

	close_lot(&d->gone, 0);
	d->end = 0;
	while (d->end == 0 && d->in.n < d->most) {
		fd = accept4(d->listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			d->in.fd[d->in.n++] = fd;
		else if (errno != EINTR && errno != ECONNABORTED)
			d->end = errno;
	}
}

static void
done(struct work *w)
{
	struct door *d = (struct door *)(void *)w;

	d->away = false;
	if (d->orphan) {
		close_lot(&d->in, 0);
		close_lot(&d->gone, 0);
		free(d);
		return;
	}
	if (d->next_gone.n == 0)
		loop_timer_del(d->loop, &d->late);
	d->come(d->cookie);
}

/* All workers have something else to do, which may take long; or nobody comes
 * any more, with whom those could go that have ended. */
static int
on_late(void *cookie)
{
	struct door *d = cookie;

	close_lot(&d->next_gone, 0);
	if (!d->away || !workers_cancel(d->workers, &d->work))
		return ST_OK;
	d->away = false;
	d->end = 0;
	close_lot(&d->gone, 0);
	d->come(d->cookie);
	return ST_OK;
}

int
door_new(struct door **out, struct loop *loop, struct workers *workers,
    int listen_fd, void (*come)(void *cookie), void *cookie)
{
	struct door *d = calloc(1, sizeof(*d));

	*out = d;
	if (d == NULL)
		return ST_NOMEM;
	d->loop = loop;
	d->workers = workers;
	d->listen_fd = listen_fd;
	d->come = come;
	d->cookie = cookie;
	d->work = (struct work){ .run = run, .done = done, .account = ACCOUNT,
		.patient = true };
	d->late = (struct loop_timer){ .fn = on_late, .cookie = d };
	return ST_OK;
}

void
door_free(struct door *d)
{
	if (d == NULL)
		return;
	loop_timer_del(d->loop, &d->late);
	close_lot(&d->next_gone, 0);
	if (d->away && !workers_cancel(d->workers, &d->work)) {
		d->orphan = true;
		return;
	}
	close_lot(&d->gone, 0);
	close_lot(&d->in, d->away ? 0 : d->taken);
	free(d);
}

void
door_send(struct door *d, size_t most)
{
	assert(!d->away && d->taken == d->in.n);
	d->most = most < DOOR_LOT ? most : DOOR_LOT;
	d->in.n = 0;
	d->taken = 0;
	d->gone = d->next_gone;
	d->next_gone.n = 0;
	d->away = true;
	d->busy_ms = loop_now(d->loop) + DOOR_BUSY_MS;
	workers_submit(d->workers, &d->work);
	loop_timer_set(d->loop, &d->late, loop_now(d->loop) + DOOR_WAIT_MS);
}

bool
door_away(const struct door *d)
{
	return d != NULL && d->away;
}

int
door_next(struct door *d)
{
	if (d == NULL || d->away || d->taken == d->in.n)
		return -1;
	return d->in.fd[d->taken++];
}

int
door_end(const struct door *d)
{
	return d->end;
}

size_t
door_size(const struct door *d)
{
	return d->in.n;
}

void
door_close(struct door *d, int fd)
{
	if (d == NULL || d->next_gone.n == DOOR_LOT ||
	    loop_now(d->loop) >= d->busy_ms) {
		(void)close(fd);
		return;
	}
	if (d->next_gone.n == 0 && !d->away)
		loop_timer_set(d->loop, &d->late, loop_now(d->loop) +
		    DOOR_WAIT_MS);
	d->next_gone.fd[d->next_gone.n++] = fd;
}

size_t
door_held(const struct door *d)
{
	if (d == NULL)
		return 0;
	return d->next_gone.n + (d->away ? d->most + d->gone.n :
	    d->in.n - d->taken);
}
