#include "agent/limits.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"

static const struct {
	const char	*name;
	uint64_t	 value, min, max;
} rows[LIMITS] = {
	[LIMIT_ID_CONNECTIONS] = { "connections", LIMIT_CONNECTIONS, 1, 65536 },
	[LIMIT_ID_CONNECTIONS_UID] = { "connections-uid",
		LIMIT_CONNECTIONS_UID, 1, 65536 },
	[LIMIT_ID_CONNECTIONS_ROOT] = { "connections-root",
		LIMIT_CONNECTIONS_ROOT, 0, 65535 },
	[LIMIT_ID_FRAME_TIME] = { "frame-time", LIMIT_FRAME_MS, 100, 3600000 },
	[LIMIT_ID_UNREAD_TIME] = { "unread-time", LIMIT_UNREAD_MS, 100,
		3600000 },
	[LIMIT_ID_BYTES] = { "bytes", LIMIT_BYTES, 1 << 20,
		UINT64_C(1) << 40 },
	[LIMIT_ID_BYTES_UID] = { "bytes-uid", LIMIT_BYTES_UID, 1 << 20,
		UINT64_C(1) << 40 },
	[LIMIT_ID_QUESTION_TIME] = { "question-time", LIMIT_QUESTION_MS, 0,
		86400000 },
	[LIMIT_ID_QUESTIONS_UID] = { "questions-uid", LIMIT_QUESTIONS_UID, 0,
		1024 },
};

void
limits_init(struct limits *l)
{
	enum limit_id id;

	for (id = 0; id < LIMITS; id++)
		l->value[id] = rows[id].value;
}

const char *
limits_name(enum limit_id id)
{
	return rows[id].name;
}

/* Say which ones there are. */
static int
unknown(char *why, size_t whylen)
{
	enum limit_id id;
	struct text t;

	text_init(&t, why, whylen);
	text_add(&t, "takes NAME=N, with one of");
	for (id = 0; id < LIMITS; id++)
		text_addf(&t, " %s", rows[id].name);
	return ST_MALFORMED;
}

int
limits_set(struct limits *l, const char *text, char *why, size_t whylen)
{
	const char *eq = strchr(text, '=');
	size_t len = eq != NULL ? (size_t)(eq - text) : 0;
	enum limit_id id;

	for (id = 0; id < LIMITS; id++)
		if (eq != NULL && strlen(rows[id].name) == len &&
		    memcmp(rows[id].name, text, len) == 0)
			break;
	if (id == LIMITS)
		return unknown(why, whylen);
	if (num_u64(eq + 1, rows[id].min, rows[id].max, &l->value[id]) ==
	    ST_OK)
		return ST_OK;
	(void)snprintf(why, whylen, "%s takes a number from %llu to %llu",
	    rows[id].name, (unsigned long long)rows[id].min,
	    (unsigned long long)rows[id].max);
	return ST_MALFORMED;
}
