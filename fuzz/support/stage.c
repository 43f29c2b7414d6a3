#include "fuzz/support/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/auditsink.h"
#include "agent/limits.h"
#include "agent/peercomm.h"
#include "agent/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/unixsock.h"
#include "faults/fault.h"
#include "fuzz/fuzz.h"
#include "fuzz/model.h"
#include "fuzz/support/vaultuse.h"

#define GROUP_OTHER	43
/* Descriptors are below this. */
#define FDS_MAX		1024

int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_wall_s(void);
int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_ns(void);
int64_t __wrap_clock_thread_ns(void);
int __wrap_epoll_pwait(int epfd, struct epoll_event *events, int n, int ms,
    const sigset_t *mask);
int __real_epoll_pwait(int epfd, struct epoll_event *events, int n, int ms,
    const sigset_t *mask);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_unixsock_peer(int fd, struct unixsock_peer *out);
void __wrap_peercomm(int fd, pid_t *pid, char out[static PEERCOMM_MAX]);
bool __wrap_auditsink_put(struct auditsink *s, const struct audit_record *rec);
uint64_t __wrap_auditsink_lost(struct auditsink *s);
long __wrap_sysconf(int what);
long __real_sysconf(int what);

struct agent stage_agent;
struct audit_record stage_records[STAGE_RECORDS_MAX];
size_t stage_n_records;

static struct loop *loop;
static struct server *server;
static struct limits limits;
static int64_t now_ms, tick_ns, clock_now_ns;
static bool service;
/* Who is at the other end of what the server accepted, and who waits. */
static struct unixsock_peer peers[FDS_MAX];
static int listen_fd = -1, waiting = -1;
/* What was accepted and is not judged yet. */
static int admitting = -1;

/* Far enough from 0 that nothing is before the start, and shortly before host
 * certificates begin to be in date. */
#define START_MS	(INT64_C(1000) * 1000 * 1000)
#define WALL_MS		(INT64_C(1000) * (MODEL_AFTER - 15))

int64_t
__wrap_clock_ms(void)
{
	return now_ms;
}

int64_t
__wrap_clock_wall_ms(void)
{
	return now_ms - START_MS + WALL_MS;
}

int64_t
__wrap_clock_wall_s(void)
{
	return __wrap_clock_wall_ms() / 1000;
}

int64_t
__wrap_clock_ns(void)
{
	return clock_now_ns += tick_ns;
}

int64_t
__wrap_clock_thread_ns(void)
{
	return clock_now_ns;
}

/* Where it would sleep, there is nothing more to be done. */
int
__wrap_epoll_pwait(int epfd, struct epoll_event *events, int n, int ms,
    const sigset_t *mask)
{
	int ready = __real_epoll_pwait(epfd, events, n, 0, mask);

	if (ready == 0 && ms != 0)
		loop_stop(loop);
	return ready;
}

int
__wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	int next = waiting;
	eventfd_t n;

	(void)addr;
	(void)len;
	(void)flags;
	if (next >= 0 && fault_fails(FAULT_accept4))
		return -1;
	admitting = next;
	(void)eventfd_read(fd, &n);
	waiting = -1;
	errno = EAGAIN;
	return next;
}

int
__wrap_unixsock_peer(int fd, struct unixsock_peer *out)
{
	bool first = fd == admitting;

	admitting = -1;
	if (first && fault_fails(FAULT_getsockopt))
		return ST_SYSTEM;
	*out = peers[fd];
	return ST_OK;
}

void
__wrap_peercomm(int fd, pid_t *pid, char out[static PEERCOMM_MAX])
{
	(void)fd;
	(void)pid;
	memcpy(out, "fuzz", 5);
}

bool
__wrap_auditsink_put(struct auditsink *s, const struct audit_record *rec)
{
	(void)s;
	assert(stage_n_records < STAGE_RECORDS_MAX);
	stage_records[stage_n_records++] = *rec;
	return true;
}

uint64_t
__wrap_auditsink_lost(struct auditsink *s)
{
	(void)s;
	return 0;
}

/* A sanitizer asks at the start of a thread, and ends all if it is not told. */
long
__wrap_sysconf(int what)
{
	return __real_sysconf(what);
}

void
stage_init(void)
{
	vaultuse_open(1024 * 1024);
	log_open("fuzz", LOG_LEVEL_ERROR, 0);
	listen_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(listen_fd >= 0);
}

/* The rules of the model's policy. */
static void
set_policy(unsigned which)
{
	struct policy *p = &stage_agent.policy;
	char why[256];
	int st;

	policy_init(p, service ? 0 : model_peers[1].uid);
	for (const char *const *r = model_policies[which].rules; *r != NULL;
	    r++) {
		st = policy_add(p, *r, why, sizeof(why));
		assert(st == ST_OK);
	}
}

void
stage_begin(const struct stage_options *o)
{
	struct server_options opts = { .listen_fd = listen_fd,
		.limits = &limits, .connections_max = o->connections,
		.connections_uid_max = o->connections_uid,
		.connections_root = o->connections_root };
	struct audit *audit;
	int st;

	now_ms = START_MS;
	clock_now_ns = 1;
	tick_ns = o->slow ? INT64_C(1000) * LIMIT_TURN_US : 0;
	service = o->service;
	stage_n_records = 0;
	limits_init(&limits);
	limits.value[LIMIT_ID_QUESTION_TIME] = o->question_ms;
	limits.value[LIMIT_ID_QUESTIONS_UID] = o->questions_uid;
	st = loop_new(&loop);
	assert(st == ST_OK);
	/* The sink is never looked at: any address will do. */
	st = audit_new(&audit, loop, (struct auditsink *)(void *)&limits);
	assert(st == ST_OK);
	stage_agent = (struct agent){ .ring = keyring_new(), .audit = audit,
		.service = service, .forwarded = o->far_allowed,
		.legacy_rsa = o->legacy_rsa, .started_ms = now_ms,
		.default_lifetime_s = o->default_lifetime_s };
	assert(stage_agent.ring != NULL);
	set_policy(o->policy);
	st = server_new(&server, loop, &stage_agent, &opts);
	assert(st == ST_OK);
}

void
stage_end(void)
{
	eventfd_t n;

	server_free(server);
	keyring_free(stage_agent.ring);
	lock_fini(&stage_agent.lock);
	audit_free(stage_agent.audit);
	loop_free(loop);
	(void)eventfd_read(listen_fd, &n);
	assert(waiting < 0);
}

int64_t
stage_now_ms(void)
{
	return now_ms;
}

int64_t
stage_wall_s(void)
{
	return __wrap_clock_wall_s();
}

int64_t
stage_wall_ms(void)
{
	return __wrap_clock_wall_ms();
}

void
stage_run(void)
{
	int st = loop_run(loop);

	/* Nothing that a peer does ends the agent. */
	assert(st == ST_OK);
}

void
stage_advance(int64_t ms)
{
	now_ms += ms;
	stage_run();
}

int
stage_connect(unsigned peer, pid_t pid)
{
	const struct model_peer *who = &model_peers[peer];
	struct unixsock_peer cred = { .uid = who->uid, .gid = who->gid,
		.pid = pid, .ngroups = who->group != 0 ? 2 : 0 };
	int fds[2], st;

	/* Another one comes first, that nothing is about. */
	cred.groups[0] = GROUP_OTHER;
	cred.groups[1] = who->group;
	st = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    fds);
	assert(st == 0 && fds[0] < FDS_MAX && waiting < 0);
	peers[fds[0]] = cred;
	waiting = fds[0];
	st = eventfd_write(listen_fd, 1);
	assert(st == 0);
	return fds[1];
}

bool
stage_waits(void)
{
	return waiting >= 0;
}

void
stage_policy(unsigned policy)
{
	/* Reading another one is not in here. */
	fault_exempt(true);
	set_policy(policy);
	fault_exempt(false);
	server_policy_changed(server);
	stage_run();
}
