#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"

/* Signals that came outside of a wait. */
static volatile sig_atomic_t outside;
static int64_t outside_ms;		/* when the first one did */

/* What a test's callbacks share. */
struct scene {
	struct loop		*loop;
	struct loop_fd		*fds[4];
	struct loop_timer	 timer[4];
	struct loop_later	 later[2];
	int			 calls;
	int			 order[16];
	unsigned		 ready;
};

static int
setup(void **state)
{
	static struct scene s;

	memset(&s, 0, sizeof(s));
	assert_int_equal(loop_new(&s.loop), ST_OK);
	*state = &s;
	return 0;
}

static int
teardown(void **state)
{
	struct scene *s = *state;

	loop_free(s->loop);
	return 0;
}

/* A record that watches one end of a socket pair; the other is *${peer}. */
static struct loop_fd *
watch(struct scene *s, int i, loop_fd_fn *fn, unsigned want, int *peer)
{
	struct loop_fd *rec = calloc(1, sizeof(*rec));
	int fd[2];

	assert_non_null(rec);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	rec->fd = fd[0];
	rec->want = want;
	rec->fn = fn;
	rec->cookie = s;
	assert_int_equal(loop_fd_add(s->loop, rec), ST_OK);
	s->fds[i] = rec;
	*peer = fd[1];
	return rec;
}

/* Stop watching, close, and free at once. */
static void
drop(struct scene *s, int i)
{
	struct loop_fd *rec = s->fds[i];

	loop_fd_del(s->loop, rec);
	loop_fd_del(s->loop, rec);
	close(rec->fd);
	free(rec);
	s->fds[i] = NULL;
}

/* End the loop by a timer when a test's own callbacks do not. */
static int
give_up(void *cookie)
{
	struct scene *s = cookie;

	loop_stop(s->loop);
	return ST_OK;
}

static void
stop_after(struct scene *s, int ms)
{
	s->timer[3].fn = give_up;
	s->timer[3].cookie = s;
	loop_timer_set(s->loop, &s->timer[3], clock_ms() + ms);
}

/*
 * Descriptors.
 */

static int
note_and_stop(void *cookie, unsigned ready)
{
	struct scene *s = cookie;

	s->ready |= ready;
	s->calls++;
	loop_stop(s->loop);
	return ST_OK;
}

static void
readable_and_writable_are_told_as_wanted(void **state)
{
	struct scene *s = *state;
	struct loop_fd *rec;
	int peer;

	rec = watch(s, 0, note_and_stop, LOOP_READ, &peer);
	assert_int_equal(write(peer, "x", 1), 1);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->ready, LOOP_READ);

	s->ready = 0;
	loop_fd_want(s->loop, rec, LOOP_WRITE);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->ready, LOOP_WRITE);

	s->ready = 0;
	s->calls = 0;
	loop_fd_want(s->loop, rec, 0);
	stop_after(s, 20);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 0);

	/* Level-triggered: the byte is still there. */
	loop_fd_want(s->loop, rec, LOOP_READ | LOOP_WRITE);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->ready, LOOP_READ | LOOP_WRITE);
	drop(s, 0);
	close(peer);
}

static void
hangup_is_told_even_when_nothing_is_wanted(void **state)
{
	struct scene *s = *state;
	int peer;

	watch(s, 0, note_and_stop, 0, &peer);
	close(peer);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->ready, LOOP_HANGUP);

	s->ready = 0;
	loop_fd_want(s->loop, s->fds[0], LOOP_READ);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->ready, LOOP_HANGUP | LOOP_READ);
	drop(s, 0);
}

static int
drop_all_and_stop(void *cookie, unsigned ready)
{
	struct scene *s = cookie;
	int i;

	(void)ready;
	s->calls++;
	for (i = 0; i < 3; i++)
		drop(s, i);
	loop_later_set(s->loop, &s->later[0]);
	return ST_OK;
}

static int
later_stop(void *cookie)
{
	struct scene *s = cookie;

	loop_stop(s->loop);
	return ST_OK;
}

/* Three are ready; the first frees all, itself included. */
static void
a_deleted_record_is_not_called_in_the_same_pass(void **state)
{
	struct scene *s = *state;
	int i, peer[3];

	s->later[0].fn = later_stop;
	s->later[0].cookie = s;
	for (i = 0; i < 3; i++) {
		watch(s, i, drop_all_and_stop, LOOP_READ, &peer[i]);
		assert_int_equal(write(peer[i], "x", 1), 1);
	}
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	for (i = 0; i < 3; i++)
		close(peer[i]);
}

static int
unwant_others(void *cookie, unsigned ready)
{
	struct scene *s = cookie;
	int i;

	(void)ready;
	s->calls++;
	for (i = 0; i < 3; i++)
		loop_fd_want(s->loop, s->fds[i], 0);
	loop_later_set(s->loop, &s->later[0]);
	return ST_OK;
}

static void
what_is_no_longer_wanted_is_not_told_in_the_same_pass(void **state)
{
	struct scene *s = *state;
	int i, peer[3];

	s->later[0].fn = later_stop;
	s->later[0].cookie = s;
	for (i = 0; i < 3; i++) {
		watch(s, i, unwant_others, LOOP_READ, &peer[i]);
		assert_int_equal(write(peer[i], "x", 1), 1);
	}
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	for (i = 0; i < 3; i++) {
		drop(s, i);
		close(peer[i]);
	}
}

static int
fail_busy(void *cookie, unsigned ready)
{
	struct scene *s = cookie;

	(void)ready;
	s->calls++;
	return ST_BUSY;
}

static void
a_callback_result_ends_the_run_at_once(void **state)
{
	struct scene *s = *state;
	int i, peer[2];

	for (i = 0; i < 2; i++) {
		watch(s, i, fail_busy, LOOP_READ, &peer[i]);
		assert_int_equal(write(peer[i], "x", 1), 1);
	}
	assert_int_equal(loop_run(s->loop), ST_BUSY);
	assert_int_equal(s->calls, 1);
	/* And it can be run again. */
	assert_int_equal(loop_run(s->loop), ST_BUSY);
	assert_int_equal(s->calls, 2);
	for (i = 0; i < 2; i++) {
		drop(s, i);
		close(peer[i]);
	}
}

static void
a_descriptor_that_cannot_be_watched_is_refused(void **state)
{
	struct scene *s = *state;
	struct loop_fd rec = { .fd = -1, .want = LOOP_READ,
		.fn = note_and_stop };

	assert_int_equal(loop_fd_add(s->loop, &rec), ST_SYSTEM);
	assert_int_equal(errno, EBADF);
	assert_false(rec.added);
	loop_fd_del(s->loop, &rec);
}

/*
 * Timers.
 */

static void
note(struct scene *s, int what)
{
	assert_true(s->calls < 16);
	s->order[s->calls++] = what;
}

static int
timer_0(void *cookie)
{
	note(cookie, 0);
	return ST_OK;
}

static int
timer_1(void *cookie)
{
	note(cookie, 1);
	return ST_OK;
}

static int
timer_2(void *cookie)
{
	note(cookie, 2);
	return ST_OK;
}

static void
arm(struct scene *s, int i, loop_fn *fn, int64_t deadline)
{
	s->timer[i].fn = fn;
	s->timer[i].cookie = s;
	loop_timer_set(s->loop, &s->timer[i], deadline);
}

static void
timers_run_in_the_order_of_their_deadlines(void **state)
{
	struct scene *s = *state;
	int64_t now = clock_ms();

	arm(s, 0, timer_0, now + 30);
	arm(s, 1, timer_1, now + 10);
	arm(s, 2, timer_2, now + 20);
	stop_after(s, 40);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 3);
	assert_int_equal(s->order[0], 1);
	assert_int_equal(s->order[1], 2);
	assert_int_equal(s->order[2], 0);
	assert_true(loop_now(s->loop) >= now + 40);
	assert_true(loop_now(s->loop) < now + 5000);
}

static void
equal_deadlines_run_in_the_order_of_setting(void **state)
{
	struct scene *s = *state;
	int64_t now = clock_ms();

	arm(s, 2, timer_2, now - 5);
	arm(s, 0, timer_0, now - 5);
	arm(s, 1, timer_1, now - 5);
	stop_after(s, 0);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 3);
	assert_int_equal(s->order[0], 2);
	assert_int_equal(s->order[1], 0);
	assert_int_equal(s->order[2], 1);
}

static void
a_timer_set_again_moves_and_a_deleted_one_is_silent(void **state)
{
	struct scene *s = *state;
	int64_t now = clock_ms();

	arm(s, 0, timer_0, now + 5);
	arm(s, 1, timer_1, now + 6);
	arm(s, 2, timer_2, now + 7);
	arm(s, 0, timer_0, now + 8);
	loop_timer_del(s->loop, &s->timer[2]);
	loop_timer_del(s->loop, &s->timer[2]);
	stop_after(s, 20);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 2);
	assert_int_equal(s->order[0], 1);
	assert_int_equal(s->order[1], 0);
}

static int
timer_deletes_next(void *cookie)
{
	struct scene *s = cookie;

	note(s, 9);
	loop_timer_del(s->loop, &s->timer[1]);
	return ST_OK;
}

static void
a_due_timer_deleted_by_another_is_not_called(void **state)
{
	struct scene *s = *state;
	int64_t now = clock_ms();

	arm(s, 0, timer_deletes_next, now - 3);
	arm(s, 1, timer_1, now - 2);
	arm(s, 2, timer_2, now - 1);
	stop_after(s, 0);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 2);
	assert_int_equal(s->order[0], 9);
	assert_int_equal(s->order[1], 2);
}

/* Wakes the descriptor the first time; always due again. */
static int
timer_sets_itself_at_once(void *cookie)
{
	struct scene *s = cookie;

	if (s->order[0]++ == 0 && write(s->order[1], "x", 1) != 1)
		return ST_SYSTEM;
	loop_timer_set(s->loop, &s->timer[0], loop_now(s->loop) - 1000);
	return ST_OK;
}

static void
a_timer_that_is_always_due_does_not_starve_descriptors(void **state)
{
	struct scene *s = *state;
	int peer;

	watch(s, 0, note_and_stop, LOOP_READ, &peer);
	s->order[1] = peer;
	arm(s, 0, timer_sets_itself_at_once, 0);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	assert_int_equal(s->order[0], 1);
	drop(s, 0);
	close(peer);
}

/* Insert, move and delete at random; the list must stay sorted and whole. */
static void
timers_stay_sorted_whatever_is_done(void **state)
{
	struct scene *s = *state;
	static struct loop_timer t[40];
	struct loop_timer *at;
	int64_t last;
	size_t i, n, set;
	int round;

	memset(t, 0, sizeof(t));
	srandom(3);
	for (round = 0; round < 2000; round++) {
		i = (size_t)random() % 40;
		if (random() % 3 == 0)
			loop_timer_del(s->loop, &t[i]);
		else
			loop_timer_set(s->loop, &t[i], random() % 50);

		set = 0;
		at = NULL;
		for (i = 0; i < 40; i++) {
			set += t[i].set;
			if (t[i].set && t[i].prev == NULL) {
				assert_null(at);
				at = &t[i];
			}
		}
		last = -1;
		for (n = 0; at != NULL; at = at->next, n++) {
			assert_true(at->deadline_ms >= last);
			last = at->deadline_ms;
		}
		assert_int_equal(n, set);
	}
	for (i = 0; i < 40; i++)
		loop_timer_del(s->loop, &t[i]);
}

/* The descriptor that deadlines end the wait by. */
static int
timer_fd(void)
{
	char path[32], to[32];
	ssize_t n;
	int fd;

	for (fd = 0; fd < 256; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = '\0';
		if (strstr(to, "[timerfd]") != NULL)
			return fd;
	}
	fail_msg("no timer's descriptor is open");
	return -1;
}

/* What the loop had set is due now, as if the kernel's clock were ahead. */
static int
wake_early(void *cookie, unsigned ready)
{
	const struct itimerspec soon = { .it_value = { .tv_nsec = 1000000 } };
	struct scene *s = cookie;

	(void)ready;
	assert_int_equal(timerfd_settime(timer_fd(), 0, &soon, NULL), 0);
	loop_fd_want(s->loop, s->fds[0], 0);
	return ST_OK;
}

static void
a_wait_that_ends_too_early_loses_no_timer(void **state)
{
	struct scene *s = *state;
	int64_t start = clock_ms();
	int peer;

	watch(s, 0, wake_early, LOOP_WRITE, &peer);
	stop_after(s, 100);
	(void)alarm(10);
	assert_int_equal(loop_run(s->loop), ST_OK);
	(void)alarm(0);
	assert_true(clock_ms() - start >= 100);
	drop(s, 0);
	close(peer);
}

/*
 * Later.
 */

static int
fd_sets_later(void *cookie, unsigned ready)
{
	struct scene *s = cookie;

	(void)ready;
	note(s, 1);
	loop_later_set(s->loop, &s->later[0]);
	loop_later_set(s->loop, &s->later[0]);
	return ST_OK;
}

static int
later_notes(void *cookie)
{
	note(cookie, 2);
	loop_stop(((struct scene *)cookie)->loop);
	return ST_OK;
}

static void
later_comes_after_everything_that_is_ready(void **state)
{
	struct scene *s = *state;
	int i, peer[3];

	s->later[0].fn = later_notes;
	s->later[0].cookie = s;
	for (i = 0; i < 3; i++) {
		watch(s, i, fd_sets_later, LOOP_READ, &peer[i]);
		assert_int_equal(write(peer[i], "x", 1), 1);
	}
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 4);
	assert_int_equal(s->order[2], 1);
	assert_int_equal(s->order[3], 2);
	for (i = 0; i < 3; i++) {
		drop(s, i);
		close(peer[i]);
	}
}

static int
later_again(void *cookie)
{
	struct scene *s = cookie;

	loop_later_set(s->loop, &s->later[0]);
	return ST_OK;
}

static void
later_that_sets_itself_does_not_starve_the_rest(void **state)
{
	struct scene *s = *state;
	int peer;

	s->later[0].fn = later_again;
	s->later[0].cookie = s;
	loop_later_set(s->loop, &s->later[0]);
	stop_after(s, 20);
	assert_int_equal(loop_run(s->loop), ST_OK);

	watch(s, 0, note_and_stop, LOOP_READ, &peer);
	assert_int_equal(write(peer, "x", 1), 1);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	drop(s, 0);
	close(peer);
}

static int
later_deletes_other(void *cookie)
{
	struct scene *s = cookie;

	s->calls++;
	loop_later_del(s->loop, &s->later[1]);
	return ST_OK;
}

static void
a_deleted_later_is_not_called(void **state)
{
	struct scene *s = *state;
	int i;

	for (i = 0; i < 2; i++) {
		s->later[i].fn = later_deletes_other;
		s->later[i].cookie = s;
		loop_later_set(s->loop, &s->later[i]);
	}
	stop_after(s, 5);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
}

/*
 * Signals.
 */

static int
signal_notes_and_stops(void *cookie, int signo)
{
	struct scene *s = cookie;

	note(s, signo);
	loop_stop(s->loop);
	return ST_OK;
}

static void
a_signal_is_held_back_until_the_loop_waits(void **state)
{
	struct scene *s = *state;

	assert_int_equal(loop_signal(s->loop, SIGUSR1, signal_notes_and_stops,
	    s), ST_OK);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(s->calls, 0);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	assert_int_equal(s->order[0], SIGUSR1);
	stop_after(s, 10);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
}

/* The first of two ends the loop: the second one is for the next run. */
static void
a_signal_that_was_not_looked_at_is_still_to_come(void **state)
{
	struct scene *s = *state;

	assert_int_equal(loop_signal(s->loop, SIGUSR1, signal_notes_and_stops,
	    s), ST_OK);
	assert_int_equal(loop_signal(s->loop, SIGUSR2, signal_notes_and_stops,
	    s), ST_OK);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(raise(SIGUSR2), 0);
	stop_after(s, 10);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	assert_int_equal(s->order[0], SIGUSR1);
	stop_after(s, 10);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 2);
	assert_int_equal(s->order[1], SIGUSR2);
}

static int
first_signal(void *cookie, int signo)
{
	(void)signo;
	note(cookie, -1);
	return ST_OK;
}

static void
the_last_callback_given_counts(void **state)
{
	struct scene *s = *state;

	assert_int_equal(loop_signal(s->loop, SIGUSR1, first_signal, s),
	    ST_OK);
	assert_int_equal(loop_signal(s->loop, SIGUSR1, signal_notes_and_stops,
	    s), ST_OK);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	assert_int_equal(s->order[0], SIGUSR1);
}

static int
raise_usr1(void *cookie)
{
	(void)cookie;
	return raise(SIGUSR1) == 0 ? ST_OK : ST_SYSTEM;
}

static int
busy_callback(void *cookie, unsigned ready)
{
	(void)cookie;
	(void)ready;
	return ST_OK;
}

/* The wait never sleeps, so it never delivers: that must not be the end. */
static void
a_busy_descriptor_cannot_hold_off_signals(void **state)
{
	struct scene *s = *state;
	int peer;

	watch(s, 0, busy_callback, LOOP_WRITE, &peer);
	assert_int_equal(loop_signal(s->loop, SIGUSR1, signal_notes_and_stops,
	    s), ST_OK);
	arm(s, 0, raise_usr1, clock_ms() + 5);
	stop_after(s, 2000);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	loop_timer_del(s->loop, &s->timer[3]);
	drop(s, 0);
	close(peer);
}

static void
on_outside(int signo)
{
	(void)signo;
	if (outside++ == 0)
		outside_ms = clock_ms();
}

static int
raise_usr2(void *cookie)
{
	struct scene *s = cookie;

	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	s->calls = outside;
	return ST_OK;
}

/* A child sends it in the middle of a wait, which must go on; it is there as
 * soon as that is over, and at once between two. */
static void
a_signal_from_outside_ends_no_wait(void **state)
{
	const struct sigaction sa = { .sa_handler = on_outside };
	struct scene *s = *state;
	struct sigaction before;
	int64_t now = clock_ms();
	pid_t pid, parent = getpid();

	outside = 0;
	assert_int_equal(sigaction(SIGUSR2, &sa, &before), 0);
	loop_signal_outside(s->loop, SIGUSR2);
	if ((pid = fork()) == 0) {
		(void)usleep(100000);
		(void)kill(parent, SIGUSR2);
		_exit(0);
	}
	arm(s, 0, raise_usr2, now + 500);
	stop_after(s, 600);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_true(clock_ms() >= now + 600);
	assert_int_equal(s->calls, 2);
	assert_int_equal(outside, 2);
	assert_true(outside_ms >= now + 500);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(sigaction(SIGUSR2, &before, NULL), 0);
}

/* As nohup(1) leaves SIGHUP. */
static void
an_ignored_signal_comes_as_well(void **state)
{
	struct scene *s = *state;

	assert_true(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	assert_int_equal(loop_signal(s->loop, SIGUSR1, signal_notes_and_stops,
	    s), ST_OK);
	assert_int_equal(raise(SIGUSR1), 0);
	stop_after(s, 1000);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	assert_true(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
}

/* Another process, in the middle of a wait, and while another thread is there
 * that blocks it. */
static void *
sits(void *cookie)
{
	int *fd = cookie;
	char c;

	(void)!read(*fd, &c, 1);
	return NULL;
}

static void
a_signal_from_another_process_ends_the_wait(void **state)
{
	struct scene *s = *state;
	int64_t now = clock_ms();
	pthread_t thread;
	pid_t pid, parent = getpid();
	int fds[2];

	assert_int_equal(loop_signal(s->loop, SIGTERM, signal_notes_and_stops,
	    s), ST_OK);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pthread_create(&thread, NULL, sits, &fds[0]), 0);
	if ((pid = fork()) == 0) {
		(void)usleep(50000);
		(void)kill(parent, SIGTERM);
		_exit(0);
	}
	stop_after(s, 5000);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	assert_int_equal(s->order[0], SIGTERM);
	assert_true(clock_ms() < now + 5000);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(close(fds[0]), 0);
}

static void
a_later_without_end_cannot_hold_off_signals(void **state)
{
	struct scene *s = *state;

	s->later[0].fn = later_again;
	s->later[0].cookie = s;
	loop_later_set(s->loop, &s->later[0]);
	assert_int_equal(loop_signal(s->loop, SIGUSR1, signal_notes_and_stops,
	    s), ST_OK);
	assert_int_equal(raise(SIGUSR1), 0);
	stop_after(s, 2000);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
}

static int
ignored(void *cookie, int signo)
{
	(void)cookie;
	(void)signo;
	return ST_OK;
}

/* A callback that takes its time; the first one is interrupted. */
static int
slow_callback(void *cookie, unsigned ready)
{
	struct scene *s = cookie;

	(void)ready;
	if (s->calls++ == 0)
		assert_int_equal(raise(SIGUSR1), 0);
	(void)usleep(60 * 1000);
	return ST_OK;
}

static int
signal_stops(void *cookie, int signo)
{
	struct scene *s = cookie;

	(void)signo;
	loop_stop(s->loop);
	return ST_OK;
}

/* All four are ready in one pass, and the signal is not kept to its end. */
static void
a_long_pass_does_not_hold_off_signals(void **state)
{
	struct scene *s = *state;
	int peer[4];

	for (int n = 0; n < 4; n++)
		watch(s, n, slow_callback, LOOP_WRITE, &peer[n]);
	assert_int_equal(loop_signal(s->loop, SIGUSR1, signal_stops, s),
	    ST_OK);
	assert_int_equal(loop_run(s->loop), ST_OK);
	assert_int_equal(s->calls, 1);
	for (int n = 0; n < 4; n++) {
		drop(s, n);
		close(peer[n]);
	}
}

static void
free_gives_back_the_mask(void **state)
{
	struct loop *loop;
	sigset_t blocked, mask;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGHUP);
	assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
	assert_int_equal(loop_new(&loop), ST_OK);
	assert_int_equal(loop_signal(loop, SIGUSR2, ignored, NULL), ST_OK);
	assert_int_equal(loop_signal(loop, SIGHUP, ignored, NULL), ST_OK);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGUSR2), 1);
	/* It would end us, if it were still to come. */
	assert_int_equal(raise(SIGUSR2), 0);
	loop_free(loop);
	loop_free(NULL);

	sigprocmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGUSR2), 0);
	assert_int_equal(sigismember(&mask, SIGHUP), 1);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

int
main(void)
{
#define LOOP_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		LOOP_TEST(readable_and_writable_are_told_as_wanted),
		LOOP_TEST(hangup_is_told_even_when_nothing_is_wanted),
		LOOP_TEST(a_deleted_record_is_not_called_in_the_same_pass),
		LOOP_TEST(
		    what_is_no_longer_wanted_is_not_told_in_the_same_pass),
		LOOP_TEST(a_callback_result_ends_the_run_at_once),
		LOOP_TEST(a_descriptor_that_cannot_be_watched_is_refused),
		LOOP_TEST(timers_run_in_the_order_of_their_deadlines),
		LOOP_TEST(equal_deadlines_run_in_the_order_of_setting),
		LOOP_TEST(a_timer_set_again_moves_and_a_deleted_one_is_silent),
		LOOP_TEST(a_due_timer_deleted_by_another_is_not_called),
		LOOP_TEST(
		    a_timer_that_is_always_due_does_not_starve_descriptors),
		LOOP_TEST(timers_stay_sorted_whatever_is_done),
		LOOP_TEST(a_wait_that_ends_too_early_loses_no_timer),
		LOOP_TEST(later_comes_after_everything_that_is_ready),
		LOOP_TEST(later_that_sets_itself_does_not_starve_the_rest),
		LOOP_TEST(a_deleted_later_is_not_called),
		LOOP_TEST(a_signal_is_held_back_until_the_loop_waits),
		LOOP_TEST(a_signal_that_was_not_looked_at_is_still_to_come),
		LOOP_TEST(the_last_callback_given_counts),
		LOOP_TEST(a_busy_descriptor_cannot_hold_off_signals),
		LOOP_TEST(a_signal_from_outside_ends_no_wait),
		LOOP_TEST(an_ignored_signal_comes_as_well),
		LOOP_TEST(a_signal_from_another_process_ends_the_wait),
		LOOP_TEST(a_later_without_end_cannot_hold_off_signals),
		LOOP_TEST(a_long_pass_does_not_hold_off_signals),
		cmocka_unit_test(free_gives_back_the_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
