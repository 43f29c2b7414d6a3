#include "proto/statusmsg.h"

void
statusmsg_put_head(struct wire_writer *w, const struct statusmsg_head *head)
{
	wire_put_u32(w, STATUSMSG_VERSION);
	wire_put_string(w, head->version);
	wire_put_string(w, head->socket);
	wire_put_string(w, head->mode);
	wire_put_string(w, head->backing);
	wire_put_string(w, head->policy);
	wire_put_string(w, head->audit);
	wire_put_u32(w, head->pid);
	wire_put_u32(w, head->uid);
	wire_put_u32(w, head->uptime_s);
	wire_put_u32(w, head->locked);
	wire_put_u32(w, head->memory_size);
	wire_put_u32(w, head->memory_used);
	wire_put_u32(w, head->memory_largest);
	wire_put_u32(w, head->room_ed25519);
	wire_put_u32(w, head->room_ecdsa);
	wire_put_u32(w, head->room_rsa3072);
	wire_put_u32(w, head->room_rsa4096);
	wire_put_u32(w, head->connections);
	wire_put_u32(w, head->connections_max);
	wire_put_u32(w, head->connections_uid_max);
	wire_put_u32(w, head->signatures);
	wire_put_u32(w, head->refusals);
	wire_put_u32(w, head->policy_old);
	wire_put_u32(w, head->audit_records);
	wire_put_u32(w, head->audit_lost);
}

void
statusmsg_put_limit(struct wire_writer *w, const struct statusmsg_limit *limit)
{
	wire_put_string(w, limit->name);
	wire_put_u64(w, limit->value);
}

void
statusmsg_put_uid(struct wire_writer *w, const struct statusmsg_uid *u)
{
	wire_put_u32(w, u->uid);
	wire_put_u32(w, u->connections);
	wire_put_u64(w, u->bytes);
	wire_put_u64(w, u->cpu_ms);
}

void
statusmsg_put_key(struct wire_writer *w, const struct statusmsg_key *key)
{
	wire_put_string(w, key->type);
	wire_put_string(w, key->fingerprint);
	wire_put_string(w, key->comment);
	wire_put_string(w, key->load);
	wire_put_string(w, key->rules);
	wire_put_u32(w, key->bits);
	wire_put_u32(w, key->confirm);
	wire_put_u32(w, key->remaining_s);
	wire_put_u32(w, key->signatures);
	wire_put_u32(w, key->refusals);
}

/* Take n strings, then m numbers. */
static int
get_fields(struct wire_reader *r, struct slice *const *strings, size_t n,
    uint32_t *const *numbers, size_t m)
{
	size_t i;
	int st = ST_OK;

	for (i = 0; i < n && st == ST_OK; i++)
		st = wire_get_string(r, strings[i]);
	for (i = 0; i < m && st == ST_OK; i++)
		st = wire_get_u32(r, numbers[i]);
	return st;
}

int
statusmsg_get_head(struct wire_reader *r, struct statusmsg_head *out)
{
	struct slice *const strings[] = { &out->version, &out->socket,
		&out->mode, &out->backing, &out->policy, &out->audit };
	uint32_t *const numbers[] = { &out->pid, &out->uid, &out->uptime_s,
		&out->locked, &out->memory_size, &out->memory_used,
		&out->memory_largest, &out->room_ed25519,
		&out->room_ecdsa, &out->room_rsa3072,
		&out->room_rsa4096, &out->connections,
		&out->connections_max, &out->connections_uid_max,
		&out->signatures, &out->refusals, &out->policy_old,
		&out->audit_records, &out->audit_lost };
	uint32_t version;
	int st;

	if ((st = wire_get_u32(r, &version)) != ST_OK)
		return st;
	if (version != STATUSMSG_VERSION)
		return ST_UNSUPPORTED;
	return get_fields(r, strings, sizeof(strings) / sizeof(strings[0]),
	    numbers, sizeof(numbers) / sizeof(numbers[0]));
}

int
statusmsg_get_limit(struct wire_reader *r, struct statusmsg_limit *out)
{
	int st = wire_get_string(r, &out->name);

	return st == ST_OK ? wire_get_u64(r, &out->value) : st;
}

int
statusmsg_get_uid(struct wire_reader *r, struct statusmsg_uid *out)
{
	int st;

	if ((st = wire_get_u32(r, &out->uid)) != ST_OK ||
	    (st = wire_get_u32(r, &out->connections)) != ST_OK ||
	    (st = wire_get_u64(r, &out->bytes)) != ST_OK)
		return st;
	return wire_get_u64(r, &out->cpu_ms);
}

int
statusmsg_get_key(struct wire_reader *r, struct statusmsg_key *out)
{
	struct slice *const strings[] = { &out->type, &out->fingerprint,
		&out->comment, &out->load, &out->rules };
	uint32_t *const numbers[] = { &out->bits, &out->confirm,
		&out->remaining_s, &out->signatures, &out->refusals };

	return get_fields(r, strings, sizeof(strings) / sizeof(strings[0]),
	    numbers, sizeof(numbers) / sizeof(numbers[0]));
}
