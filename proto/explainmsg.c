#include "proto/explainmsg.h"

void
explainmsg_put(struct wire_writer *w, const struct explainmsg_item *item)
{
	wire_put_string(w, item->line);
	wire_put_string(w, item->remedy);
	wire_put_u64(w, item->first_ms);
}

int
explainmsg_get(struct wire_reader *r, struct explainmsg_item *out)
{
	int st;

	if ((st = wire_get_string(r, &out->line)) != ST_OK ||
	    (st = wire_get_string(r, &out->remedy)) != ST_OK)
		return st;
	return wire_get_u64(r, &out->first_ms);
}
