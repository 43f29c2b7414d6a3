#include "agent/job.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/verify.h"

int
job_sign(struct job **out, struct signing *s)
{
	struct job *j = calloc(1, sizeof(*j));
	int st;

	*out = NULL;
	if (j == NULL)
		return ST_NOMEM;
	if ((st = signing_keep(s)) != ST_OK) {
		free(j);
		return st;
	}
	j->kind = JOB_SIGN;
	j->st = ST_INTERNAL;	/* until it was run */
	j->sign = *s;
	j->bytes = sizeof(*j) + (s->copy != NULL ? s->data.len : 0);
	j->work.alone = s->big;
	s->key = NULL;		/* the job owns them now */
	s->copy = NULL;
	*out = j;
	return ST_OK;
}

/* Copy a slice to where *at points, and move that on. */
static struct slice
copy(uint8_t **at, struct slice s)
{
	struct slice out = { *at, s.len };

	if (s.len > 0)
		memcpy(*at, s.p, s.len);
	*at += s.len;
	return out;
}

int
job_bind(struct job **out, const struct bind_request *req)
{
	struct job *j = calloc(1, sizeof(*j));
	uint8_t *at;

	*out = NULL;
	if (j == NULL)
		return ST_NOMEM;
	j->copy = malloc(req->hostkey.len + req->session_id.len +
	    req->signature.len + 1);
	if (j->copy == NULL) {
		free(j);
		return ST_NOMEM;
	}
	at = j->copy;
	j->bytes = sizeof(*j) + req->hostkey.len + req->session_id.len +
	    req->signature.len + 1;
	j->kind = JOB_BIND;
	j->st = ST_INTERNAL;	/* until it was run */
	j->bind.hostkey = copy(&at, req->hostkey);
	j->bind.session_id = copy(&at, req->session_id);
	j->bind.signature = copy(&at, req->signature);
	j->bind.forwarding = req->forwarding;
	*out = j;
	return ST_OK;
}

int
job_next(struct job **out)
{
	struct job *j = calloc(1, sizeof(*j));

	*out = j;
	if (j == NULL)
		return ST_NOMEM;
	j->kind = JOB_NEXT;
	j->bytes = sizeof(*j);
	j->st = ST_INTERNAL;	/* until there is one */
	return ST_OK;
}

void
job_run(struct job *j)
{
	assert(j->kind != JOB_NEXT);
	if (j->kind == JOB_SIGN)
		j->st = signing_run(&j->sign);
	else
		j->st = verify_host(j->bind.hostkey, j->bind.session_id,
		    j->bind.signature, &j->why);
}

void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	signing_fini(&j->sign);
	free(j->copy);
	free(j);
}
