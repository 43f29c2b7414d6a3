#include "base/status.h"

const char *
status_name(int st)
{
	switch (st) {
	case ST_OK:
		return "ok";
	case ST_MORE:
		return "not enough yet";
	case ST_CLOSED:
		return "closed";
	case ST_MALFORMED:
		return "malformed";
	case ST_TOO_LARGE:
		return "too large";
	case ST_UNSUPPORTED:
		return "unsupported";
	case ST_NOT_FOUND:
		return "not found";
	case ST_DENIED:
		return "denied";
	case ST_LOCKED:
		return "locked";
	case ST_FULL:
		return "full";
	case ST_BUSY:
		return "busy";
	case ST_UNTRUSTED:
		return "not trusted";
	case ST_NOMEM:
		return "out of memory";
	case ST_SYSTEM:
		return "system error";
	case ST_CRYPTO:
		return "crypto library error";
	case ST_INTERNAL:
		return "internal error";
	default:
		return "unknown";
	}
}
