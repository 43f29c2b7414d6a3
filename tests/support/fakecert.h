#ifndef FAKECERT_H_
#define FAKECERT_H_

/*
 * fakecert - certificates as nobody in his right mind would issue them.
 */

#include <string.h>

#include "proto/certificate.h"
#include "proto/keyblob.h"

struct fakecert {
	struct slice	 key;		/* blob of the plain key */
	struct slice	 ca;
	uint32_t	 role;
	const char	*principals;	/* with commas between them */
	uint64_t	 after, before;
	const char	*critical;	/* name of an option; "": none */
};

static inline void
fakecert_put_u64(struct wire_writer *w, uint64_t v)
{
	wire_put_u32(w, (uint32_t)(v >> 32));
	wire_put_u32(w, (uint32_t)v);
}

static inline void
fakecert_put_principals(struct wire_writer *w, const char *list)
{
	size_t mark = wire_open_string(w);

	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		wire_put_string(w, (struct slice){ (const uint8_t *)list, n });
		list += n + (list[n] == ',');
	}
	wire_close_string(w, mark);
}

/* Append all that comes before the signature: what that is over, where the
 * writer was empty. */
static inline void
fakecert_put(struct wire_writer *w, const struct fakecert *c)
{
	struct wire_reader r = wire_reader(c->key);
	struct slice name = { NULL, 0 };
	enum key_type type = KEY_ED25519;
	bool cert = false;
	size_t mark;

	if (wire_get_string(&r, &name) != ST_OK ||
	    key_type_named(name, &type, &cert) != ST_OK)
		return;
	wire_put_str(w, key_type_info(type)->cert_name);
	wire_put_str(w, "nonce");
	wire_put_bytes(w, r.rest);
	fakecert_put_u64(w, 77);
	wire_put_u32(w, c->role);
	wire_put_str(w, "key id");
	fakecert_put_principals(w, c->principals);
	fakecert_put_u64(w, c->after);
	fakecert_put_u64(w, c->before);
	mark = wire_open_string(w);
	if (c->critical[0] != '\0') {
		wire_put_str(w, c->critical);
		wire_put_str(w, "");
	}
	wire_close_string(w, mark);
	wire_put_str(w, "");
	wire_put_str(w, "");
	wire_put_string(w, c->ca);
}

#endif /* !FAKECERT_H_ */
