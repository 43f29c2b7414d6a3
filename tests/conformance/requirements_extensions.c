/*
 * Extensions of requests.
 */

#include "conformance/probe.h"

#include <stdio.h>
#include <string.h>

static enum verdict
check_unknown(struct probe *p)
{
	uint8_t room[128];
	struct wire_writer w = wire_writer(room, sizeof(room));

	PASSES(expect(p, 0, text_body(SSH_AGENTC_EXTENSION,
	    "unknown@example.com"), SSH_AGENT_FAILURE,
	    "an unknown extension"));
	ask_put_text(&w, SSH_AGENTC_EXTENSION, "unknown@example.com");
	wire_put_str(&w, "details");
	PASSES(expect(p, 0, (struct slice){ room, w.len }, SSH_AGENT_FAILURE,
	    "an unknown extension with details"));
	PASSES(expect(p, 0, text_body(SSH_AGENTC_EXTENSION, ""),
	    SSH_AGENT_FAILURE, "an extension whose name is empty"));
	return expect_alive(p, 0);
}

/* Begin to read the answer to query; false: it has another form. */
static bool
begin_names(struct probe *p, struct wire_reader *r)
{
	struct answer a = ask(p, 0, text_body(SSH_AGENTC_EXTENSION, "query"));
	struct slice name;
	uint8_t type;

	*r = wire_reader(a.body);
	return answer_code(&a) == SSH_AGENT_EXTENSION_RESPONSE &&
	    wire_get_u8(r, &type) == ST_OK &&
	    wire_get_string(r, &name) == ST_OK && slice_eq_str(name, "query");
}

static enum verdict
check_query(struct probe *p)
{
	struct wire_reader r;
	struct slice name;

	if (!begin_names(p, &r))
		return fails(p, "the answer does not begin with its name");
	while (!wire_end(&r))
		if (wire_get_string(&r, &name) != ST_OK || name.len == 0)
			return fails(p, "what follows is no list of names");
	/* One reply, and no more. */
	return expect(p, 0, BODY(99), SSH_AGENT_FAILURE, "message 99");
}

static enum verdict
check_query_names(struct probe *p)
{
	struct wire_reader r;
	struct slice name;
	struct answer a;
	char text[128];

	if (!begin_names(p, &r))
		return fails(p, "the answer does not begin with its name");
	while (!wire_end(&r)) {
		if (wire_get_string(&r, &name) != ST_OK ||
		    name.len >= sizeof(text) || name.len == 0)
			return fails(p, "what follows is no list of names");
		(void)snprintf(text, sizeof(text), "%.*s", (int)name.len,
		    (const char *)name.p);
		a = ask(p, 1, text_body(SSH_AGENTC_EXTENSION, text));
		if (a.kind != ANSWER_REPLY ||
		    answer_code(&a) == SSH_AGENT_FAILURE)
			return fails(p, "%s without details: %s", text,
			    answer_name(&a));
	}
	return VERDICT_PASS;
}

static enum verdict
check_query_bind(struct probe *p)
{
	struct wire_reader r;
	struct slice name;

	if (!begin_names(p, &r))
		return fails(p, "the answer does not begin with its name");
	while (wire_get_string(&r, &name) == ST_OK)
		if (slice_eq_str(name, "session-bind@openssh.com"))
			return VERDICT_PASS;
	return fails(p, "session-bind@openssh.com is served, and not named");
}

static enum verdict
check_failure_code(struct probe *p)
{
	return expect(p, 0, trial_forged_bind(), SSH_AGENT_EXTENSION_FAILURE,
	    "a session-bind whose signature is for another session");
}

#define EXTENSIONS	"RFC 9987, 5.8"
#define QUERY		"RFC 9987, 5.8.1"

const struct requirement requirements_extensions[] = {
	{ "extension.unknown", EXTENSIONS, LEVEL_MUST,
	    "an unknown extension gets `FAILURE` with nothing behind it, and "
	    "the connection stays", 0, check_unknown },
	{ "extension.failure", EXTENSIONS, LEVEL_SHOULD,
	    "an extension that is known and fails gets `EXTENSION_FAILURE`",
	    OFFER_BIND, check_failure_code },
	{ "query.form", QUERY, LEVEL_SHOULD,
	    "`query` gets `EXTENSION_RESPONSE`, its own name, and names to the "
	    "end; and no second reply", OFFER_QUERY, check_query },
	{ "query.names", QUERY, LEVEL_SHOULD,
	    "each extension that `query` names is known: without details it "
	    "gets anything but `FAILURE`", OFFER_QUERY, check_query_names },
	{ "query.session-bind", QUERY, LEVEL_SHOULD,
	    "`query` names session-bind@openssh.com where it is served",
	    OFFER_QUERY | OFFER_BIND, check_query_bind },
	{ .id = NULL },
};
