#include "provision/statuscmd.h"

#include <stdio.h>
#include <string.h>

#include "provision/agentstatus.h"
#include "provision/fleet.h"
#include "provision/targetcmd.h"

/* What was printed there is a status, or not. */
static int
take(const struct targetcmd *c, struct slice out, struct targetcmd_result *r)
{
	char why[256];
	json_t *o;
	FILE *f;
	int st;

	if ((st = agentstatus_parse(out, &o, why, sizeof(why))) != ST_OK) {
		(void)snprintf(r->why, sizeof(r->why), "what bottle-agent in "
		    "the target prints is no status: %s", why);
		(void)snprintf(r->advice, sizeof(r->advice), "is the "
		    "bottle-agent there ours, and of this version?");
		return st;
	}
	if (c->opts->json) {
		r->json = o;
		return ST_OK;
	}
	if ((f = open_memstream(&r->text, &r->len)) != NULL) {
		agentstatus_print(f, r->target, o);
		if (fclose(f) == 0) {
			json_decref(o);
			return ST_OK;
		}
	}
	json_decref(o);
	(void)snprintf(r->why, sizeof(r->why), "out of memory");
	return ST_NOMEM;
}

int
statuscmd_main(const struct provision_options *opts)
{
	static const char *const args[] = { "--status", "--json" };
	struct targetcmd c = { .opts = opts, .command = "status",
		.done = "asked", .doing = "asking its agent", .member = "agent",
		.args = args, .nargs = 2, .out_max = AGENTSTATUS_TEXT_MAX,
		.take = take };

	return fleet_leave(targetcmd_run(&c));
}
