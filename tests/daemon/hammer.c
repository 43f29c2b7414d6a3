#include "daemon/hammer.h"

#include <string.h>

#include "proto/extension.h"
#include "proto/frame.h"
#include "support/hex.h"

#define BODY_MAX	(8 * 1024)
/* One write in that many ends with a broken frame. */
#define BROKEN		25

/* The next number below n; n is not 0. */
static uint32_t
below(struct hammer *h, uint32_t n)
{
	/* xorshift64* */
	h->seed ^= h->seed >> 12;
	h->seed ^= h->seed << 25;
	h->seed ^= h->seed >> 27;
	return (uint32_t)((h->seed * 0x2545f4914f6cdd1dull) >> 33) % n;
}

static void
add_base(struct hammer *h, struct slice body)
{
	assert_true(h->n_bases < sizeof(h->bases) / sizeof(h->bases[0]));
	h->bases[h->n_bases++] = body;
}

void
hammer_init(struct hammer *h, uint64_t seed, struct testkey *const *keys,
    size_t n)
{
	struct slice data = rig_git();

	memset(h, 0, sizeof(*h));
	h->seed = seed;
	for (size_t i = 0; i < n; i++) {
		/* More that adds and signs than that removes. */
		for (size_t j = 0; j < 4; j++) {
			add_base(h, rig_add(keys[i], "hammered", hex("")));
			add_base(h, rig_sign(keys[i]->blob, data, 2));
		}
		add_base(h, rig_add(keys[i], "h", hex("01 00000001 02")));
		add_base(h, rig_string(SSH_AGENTC_REMOVE_IDENTITY,
		    keys[i]->blob));
	}
	add_base(h, rig_type(SSH_AGENTC_REQUEST_IDENTITIES));
	add_base(h, rig_type(SSH_AGENTC_REMOVE_ALL_IDENTITIES));
	add_base(h, rig_text(SSH_AGENTC_LOCK, "passphrase"));
	add_base(h, rig_text(SSH_AGENTC_UNLOCK, "passphrase"));
	add_base(h, rig_text(SSH_AGENTC_EXTENSION, EXT_QUERY));
	add_base(h, rig_text(SSH_AGENTC_EXTENSION, EXT_STATUS));
	add_base(h, rig_join(rig_text(SSH_AGENTC_EXTENSION, EXT_LOAD),
	    hex("01 00000004 'name'")));
	add_base(h, rig_join(rig_text(SSH_AGENTC_EXTENSION, EXT_LOAD),
	    rig_string(LOAD_CHUNK, hex_fill(7, 300))));
	add_base(h, rig_join(rig_text(SSH_AGENTC_EXTENSION, EXT_LOAD),
	    hex("03")));
	add_base(h, rig_join(rig_text(SSH_AGENTC_EXTENSION, EXT_LOAD),
	    hex("04 00000004 'name'")));
	add_base(h, rig_join(rig_text(SSH_AGENTC_EXTENSION,
	    EXT_SESSION_BIND), hex("00000001 'k' 00000001 's' 00000001 'g' "
	    "00")));
}

/* Change one thing. */
static size_t
mutate(struct hammer *h, uint8_t *p, size_t len)
{
	static const uint8_t odd[] = { 0, 1, 4, 0x7f, 0x80, 0xff };
	size_t at = below(h, (uint32_t)len), n;

	switch (below(h, 7)) {
	case 0:			/* a bit */
		p[at] ^= (uint8_t)(1u << below(h, 8));
		return len;
	case 1:			/* a byte */
		p[at] = odd[below(h, sizeof(odd))];
		return len;
	case 2:			/* the message number */
		p[0] = (uint8_t)below(h, 32);
		return len;
	case 3:			/* the end is missing */
		return at + 1;
	case 4:			/* there is more */
		n = 1 + below(h, 40);
		memset(p + len, odd[below(h, sizeof(odd))], n);
		return len + n;
	case 5:			/* a byte is left out */
		memmove(p + at, p + at + 1, len - at - 1);
		return len > 1 ? len - 1 : 1;
	default:		/* a number becomes a large or odd one */
		for (n = at; n < at + 4 && n < len; n++)
			p[n] = odd[below(h, sizeof(odd))];
		return len;
	}
}

/* One body into the writer. */
static void
put_body(struct hammer *h, struct wire_writer *w)
{
	struct slice base = h->bases[below(h, (uint32_t)h->n_bases)];
	uint8_t body[BODY_MAX];
	size_t len = base.len;

	assert_true(len + 8 * 40 < sizeof(body));
	memcpy(body, base.p, len);
	for (uint32_t n = below(h, 4); n > 0; n--)
		len = mutate(h, body, len);
	/* A lock's passphrase never ends within the frame. */
	if (body[0] == SSH_AGENTC_LOCK && len > 1)
		body[1] = 0xff;
	wire_put_string(w, (struct slice){ body, len });
}

void
hammer_hit(struct hammer *h, const struct rig *r, int *fd, unsigned n)
{
	static uint8_t room[8 * BODY_MAX];
	struct wire_writer w;
	unsigned batch;
	bool broken;

	while (n > 0) {
		w = wire_writer(room, sizeof(room));
		batch = 1 + below(h, n < 8 ? n : 8);
		n -= batch;
		for (unsigned i = 0; i < batch; i++)
			put_body(h, &w);
		broken = below(h, BROKEN) == 0;
		if (broken)
			wire_put_bytes(&w, below(h, 2) == 0 ?
			    hex("00000000 0b") : hex("ff000001 0b"));
		assert_false(w.full);
		rig_send(*fd, (struct slice){ w.p, w.len });
		for (unsigned i = 0; i < batch; i++)
			h->replies[rig_receive(*fd).p[0]]++;
		if (!broken)
			continue;
		h->dropped++;
		rig_expect_eof(*fd);
		rig_hang_up(*fd);
		*fd = rig_connect(r);
	}
}
