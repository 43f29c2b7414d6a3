/*
 * floor - how fast an agent could be on this machine.
 *
 * "agent" is the least that answers lists and signatures: one loop, keys that
 * stay as libcrypto works with them, a list that is made once, one recv() and
 * one send() for each request.  There is no policy, no limit, no record, and
 * keys lie in ordinary memory: it is a measure, and nothing to be used.  "sign"
 * is the arithmetic alone, "roundtrip" the way of a request and a reply through
 * the kernel, with nothing done about them.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "agent/key_math.h"
#include "base/clock.h"
#include "bench/ask.h"
#include "bench/client.h"
#include "keys/keytext.h"
#include "proto/agent_num.h"
#include "proto/frame.h"
#include "proto/reply.h"

#define KEYS_MAX	4096
#define KEYS_SLOTS	(2 * KEYS_MAX)
#define THREADS_MAX	2
/* Longest text of a key file, and what their region has room for. */
#define TEXT_MAX	(64 * 1024)
#define REGION		(1024 * 1024)
#define SIGNATURE_MAX	1024
/* What a connection can keep of requests that have begun; more ends it. */
#define ROOM		(128 * 1024)
/* What "sign" signs, and "roundtrip" sends there and back. */
#define DATA		300
#define REPLY		92

/* What one thread signs with: libcrypto's contexts, set up once. */
struct signer {
	EVP_MD_CTX	*md;		/* Ed25519: of the signature; else of
					 * the hash */
	EVP_PKEY_CTX	*pkey;
};

struct key {
	struct slice		 blob;
	struct public_fields	 fields;	/* borrows from blob */
	char			*comment;
	EVP_PKEY		*pkey;
	const EVP_MD		*hash;
	const char		*algorithm;
	uint8_t			 sk[64];	/* Ed25519: seed, public half */
	struct signer		 signer[THREADS_MAX];
};

static struct key keys[KEYS_MAX];
static size_t n_keys;
static struct key *slots[KEYS_SLOTS];
static struct slice list;		/* the frame */
static bool sodium;
static int listener;
static struct secret *region;

/* --- keys ---------------------------------------------------------------- */

/* The end of a blob is different in all keys. */
static size_t
slot_of(struct slice blob)
{
	uint32_t n;

	memcpy(&n, blob.p + blob.len - sizeof(n), sizeof(n));
	return (n * 2654435761u) >> 19;
}

_Static_assert(KEYS_SLOTS == 1 << 13, "slot_of() has 13 bits");

static struct key *
find_key(struct slice blob)
{
	size_t at;

	if (blob.len < 4)
		return NULL;
	for (at = slot_of(blob); slots[at] != NULL; at = (at + 1) % KEYS_SLOTS)
		if (slice_eq(slots[at]->blob, blob))
			return slots[at];
	return NULL;
}

/* What each thread keeps for a key. */
static void
set_up(struct key *k, struct signer *s)
{
	s->md = EVP_MD_CTX_new();
	if (s->md == NULL)
		err(1, "EVP_MD_CTX_new");
	if (k->fields.type == KEY_ED25519) {
		if (EVP_DigestSignInit(s->md, NULL, NULL, NULL, k->pkey) != 1)
			errx(1, "EVP_DigestSignInit");
		return;
	}
	s->pkey = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	if (EVP_DigestInit_ex2(s->md, k->hash, NULL) != 1 ||
	    s->pkey == NULL || EVP_PKEY_sign_init(s->pkey) != 1 ||
	    (k->fields.type == KEY_RSA && EVP_PKEY_CTX_set_rsa_padding(s->pkey,
	    RSA_PKCS1_PADDING) != 1) ||
	    EVP_PKEY_CTX_set_signature_md(s->pkey, k->hash) != 1)
		errx(1, "EVP_PKEY_sign_init");
}

/* libcrypto's form of a key. */
static EVP_PKEY *
import(const struct private_fields *fields)
{
	EVP_PKEY *pkey = NULL;

	if (fields->type == KEY_ED25519)
		pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL,
		    fields->ed25519.sk.p, 32);
	else if (key_math_import(fields, &pkey) != ST_OK)
		pkey = NULL;
	if (pkey == NULL)
		errx(1, "libcrypto takes no such key");
	return pkey;
}

static const EVP_MD *
hash_of(enum key_type type)
{
	enum key_hash hash = type == KEY_ECDSA_P256 ? KEY_SHA256 :
	    type == KEY_ECDSA_P384 ? KEY_SHA384 : KEY_SHA512;

	return type == KEY_ED25519 ? NULL : key_math_md(hash);
}

/* Keep a key of a file. */
static void
add_key(const struct keytext *text)
{
	uint8_t room[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct key *k = &keys[n_keys];
	uint8_t *blob;
	size_t at;

	if (n_keys == KEYS_MAX)
		errx(1, "more than %d keys", KEYS_MAX);
	keyprivate_put_public(&w, &text->fields);
	blob = malloc(w.len);
	k->comment = strndup((const char *)text->comment.p, text->comment.len);
	if (blob == NULL || k->comment == NULL)
		err(1, "malloc");
	k->blob = (struct slice){ memcpy(blob, w.p, w.len), w.len };
	if (keyblob_decode(k->blob, &k->fields) != ST_OK)
		errx(1, "a key of no known type");
	key_math_warm(k->fields.type);
	k->hash = hash_of(k->fields.type);
	k->algorithm = k->fields.type == KEY_RSA ? "rsa-sha2-512" :
	    key_type_info(k->fields.type)->name;
	k->pkey = import(&text->fields);
	if (k->fields.type == KEY_ED25519)
		memcpy(k->sk, text->fields.ed25519.sk.p, sizeof(k->sk));
	for (at = slot_of(k->blob); slots[at] != NULL;)
		at = (at + 1) % KEYS_SLOTS;
	slots[at] = k;
	n_keys++;
}

/* Read the private keys of a file; one that has none is passed over. */
static void
read_keys(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	static char text[TEXT_MAX];
	struct keytext key;
	struct slice in;
	char why[256];
	ssize_t n;
	int st;

	if (fd < 0 || (n = read(fd, text, sizeof(text))) < 0)
		err(1, "%s", name);
	close(fd);
	in = (struct slice){ (const uint8_t *)text, (size_t)n };
	while ((st = keytext_next(region, NULL, &in, &key, why,
	    sizeof(why))) == ST_OK) {
		add_key(&key);
		keytext_fini(region, &key);
	}
	if (st != ST_NOT_FOUND)
		errx(1, "%s: %s", name, why);
}

static int
is_key(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' &&
	    (len < 4 || strcmp(e->d_name + len - 4, ".pub") != 0);
}

/* All files of a folder, by their names. */
static void
read_folder(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **found;
	int n;

	if (dir < 0 || (n = scandir(path, &found, is_key, alphasort)) < 0)
		err(1, "%s", path);
	for (int i = 0; i < n; i++) {
		read_keys(dir, found[i]->d_name);
		free(found[i]);
	}
	free(found);
	close(dir);
}

/* Make the answer to a list. */
static void
make_list(void)
{
	size_t cap = FRAME_HEAD + REPLY_LIST_HEAD, mark;
	struct wire_writer w;
	uint8_t *p;

	for (size_t i = 0; i < n_keys; i++)
		cap += reply_identity_size(keys[i].blob,
		    slice_str(keys[i].comment));
	p = malloc(cap);
	if (p == NULL)
		err(1, "malloc");
	w = wire_writer(p, cap);
	mark = frame_open(&w);
	reply_put_list(&w, (uint32_t)n_keys);
	for (size_t i = 0; i < n_keys; i++)
		reply_put_identity(&w, keys[i].blob,
		    slice_str(keys[i].comment));
	frame_close(&w, mark);
	if (wire_done(&w, &list) != ST_OK)
		errx(1, "the list is too long");
}

/* --- signatures ---------------------------------------------------------- */

/* The signature's bytes, as the protocol has them; 0 when there is none. */
static size_t
sign(struct key *k, size_t thread, struct slice data, uint8_t *out)
{
	struct signer *s = &k->signer[thread];
	size_t len = SIGNATURE_MAX;
	uint8_t raw[SIGNATURE_MAX], hash[EVP_MAX_MD_SIZE];
	unsigned hash_len;

	if (k->fields.type == KEY_ED25519 && sodium) {
		crypto_sign_detached(out, NULL, data.p, data.len, k->sk);
		return crypto_sign_BYTES;
	}
	if (k->fields.type == KEY_ED25519)
		return EVP_DigestSign(s->md, out, &len, data.p, data.len) == 1 ?
		    len : 0;
	if (EVP_DigestInit_ex2(s->md, NULL, NULL) != 1 ||
	    EVP_DigestUpdate(s->md, data.p, data.len) != 1 ||
	    EVP_DigestFinal_ex(s->md, hash, &hash_len) != 1 ||
	    EVP_PKEY_sign(s->pkey, raw, &len, hash, hash_len) != 1)
		return 0;
	if (k->fields.type != KEY_RSA)
		return key_math_ecdsa_signature((struct slice){ raw, len }, out,
		    SIGNATURE_MAX, &len) == ST_OK ? len : 0;
	memcpy(out, raw, len);
	return len;
}

/* Answer one request. */
static void
answer(struct slice body, size_t thread, struct wire_writer *w)
{
	struct wire_reader r = wire_reader(body);
	uint8_t code = 0, signature[SIGNATURE_MAX];
	struct slice blob, data;
	struct key *k;
	size_t mark, len = 0;

	if (wire_get_u8(&r, &code) == ST_OK &&
	    code == SSH_AGENTC_REQUEST_IDENTITIES) {
		wire_put_bytes(w, list);
		return;
	}
	if (code == SSH_AGENTC_SIGN_REQUEST &&
	    wire_get_string(&r, &blob) == ST_OK &&
	    wire_get_string(&r, &data) == ST_OK &&
	    (k = find_key(blob)) != NULL)
		len = sign(k, thread, data, signature);
	mark = frame_open(w);
	if (len > 0)
		reply_put_signature(w, k->algorithm,
		    (struct slice){ signature, len });
	else
		reply_put_code(w, SSH_AGENT_FAILURE);
	frame_close(w, mark);
}

/* --- the agent ----------------------------------------------------------- */

struct conn {
	int	 fd;
	size_t	 have;
	uint8_t	 room[ROOM];
};

/* What one thread serves with. */
struct server {
	size_t		 number;
	int		 epoll;
	uint8_t		*out;
	size_t		 cap;
};

/* Send all; one who does not read is waited for. */
static bool
send_all(int fd, struct slice out)
{
	ssize_t n;

	for (; out.len > 0; out.p += n, out.len -= (size_t)n)
		if ((n = send(fd, out.p, out.len, MSG_NOSIGNAL)) <= 0)
			return false;
	return true;
}

/* Read once and answer what is whole; false ends the connection. */
static bool
serve(struct server *s, struct conn *c)
{
	struct wire_writer w = wire_writer(s->out, s->cap);
	struct slice in, body;
	ssize_t n;
	int st;

	n = recv(c->fd, c->room + c->have, sizeof(c->room) - c->have,
	    MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->have += (size_t)n;
	in = (struct slice){ c->room, c->have };
	while ((st = frame_next(&in, &body)) == ST_OK) {
		if (w.cap - w.len < list.len + SIGNATURE_MAX * 2) {
			if (!send_all(c->fd, (struct slice){ w.p, w.len }))
				return false;
			w.len = 0;
		}
		answer(body, s->number, &w);
	}
	if (!send_all(c->fd, (struct slice){ w.p, w.len }))
		return false;
	if (in.len > 0 && in.p != c->room)
		memmove(c->room, in.p, in.len);
	c->have = in.len;
	return st == ST_MORE && c->have < sizeof(c->room);
}

/* Take all that wait. */
static void
take_all(struct server *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct conn *c;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		c = malloc(sizeof(*c));
		if (c == NULL)
			err(1, "malloc");
		c->fd = fd;
		c->have = 0;
		ev.data.ptr = c;
		if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
			err(1, "epoll_ctl");
	}
	if (errno != EAGAIN)
		err(1, "accept");
}

/* Serve until somebody ends the process. */
static void *
serve_all(void *cookie)
{
	struct server *s = cookie;
	struct epoll_event events[64], ev = { .events = EPOLLIN |
	    EPOLLEXCLUSIVE };
	struct conn *c;
	int n;

	for (size_t i = 0; i < n_keys; i++)
		set_up(&keys[i], &keys[i].signer[s->number]);
	s->cap = list.len + 256 * 1024;
	s->out = malloc(s->cap);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->out == NULL || s->epoll < 0 || epoll_ctl(s->epoll,
	    EPOLL_CTL_ADD, listener, &ev) != 0)
		err(1, "epoll");
	for (;;) {
		n = epoll_wait(s->epoll, events, 64, -1);
		for (int i = 0; i < n; i++) {
			c = events[i].data.ptr;
			if (c == NULL) {
				take_all(s);
			} else if (!serve(s, c)) {
				close(c->fd);
				free(c);
			}
		}
	}
	return NULL;
}

/* A socket that all may connect to. */
static void
listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(2, "too long for a socket: %s", path);
	memcpy(sun.sun_path, path, strlen(path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&sun, sizeof(sun)) != 0 ||
	    chmod(path, 0666) != 0 || listen(listener, SOMAXCONN) != 0)
		err(1, "%s", path);
}

static void
agent(const char *path, const char *folder, size_t threads)
{
	static struct server servers[THREADS_MAX];
	pthread_t thread;

	read_folder(folder);
	make_list();
	listen_at(path);
	for (size_t i = 1; i < threads; i++) {
		servers[i].number = i;
		if (pthread_create(&thread, NULL, serve_all, &servers[i]) != 0)
			errx(1, "no thread");
	}
	(void)serve_all(&servers[0]);
}

/* --- the other two ------------------------------------------------------- */

/* Processor time of a signature and nothing else. */
static void
measure_sign(const char *file, double seconds)
{
	uint8_t data[DATA] = { 1 }, out[SIGNATURE_MAX];
	int64_t begin, end, spent = 0;
	uint64_t n = 0;

	read_keys(AT_FDCWD, file);
	if (n_keys != 1)
		errx(1, "%s: %zu private keys in it", file, n_keys);
	set_up(&keys[0], &keys[0].signer[0]);
	begin = clock_thread_ns();
	end = begin + (int64_t)(seconds * 1e9);
	while (begin + spent < end) {
		/* No two are the same. */
		memcpy(data, &n, sizeof(n));
		if (sign(&keys[0], 0, (struct slice){ data, DATA }, out) == 0)
			errx(1, "%s does not sign", file);
		n++;
		spent = clock_thread_ns() - begin;
	}
	printf("{\"key\":\"%s\",\"library\":\"%s\",\"signatures\":%lu,"
	    "\"cpu_us\":%.3f}\n", ask_name(&keys[0].fields),
	    sodium && keys[0].fields.type == KEY_ED25519 ? "libsodium" :
	    "libcrypto", n, (double)spent / 1000 / (double)n);
}

/* Take exactly so many bytes; false: there are no more. */
static bool
take(int fd, uint8_t *room, size_t len)
{
	return recv(fd, room, len, MSG_WAITALL) == (ssize_t)len;
}

/* There and back between two processes. */
static void
measure_roundtrip(double seconds)
{
	static struct client_times times;
	uint8_t room[DATA] = { 0 };
	int64_t begin, at, end;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 ||
	    (pid = fork()) < 0)
		err(1, "fork");
	if (pid == 0) {
		close(fds[0]);
		while (take(fds[1], room, DATA) &&
		    send(fds[1], room, REPLY, MSG_NOSIGNAL) == REPLY)
			continue;
		_exit(0);
	}
	close(fds[1]);
	begin = at = clock_ns();
	end = begin + (int64_t)(seconds * 1e9);
	while (at < end) {
		if (send(fds[0], room, DATA, MSG_NOSIGNAL) != DATA ||
		    !take(fds[0], room, REPLY))
			errx(1, "nothing comes back");
		client_time(&times, clock_ns() - at);
		at = clock_ns();
	}
	close(fds[0]);
	(void)waitpid(pid, NULL, 0);
	printf("{\"operations\":%lu,\"per_second\":%.1f,\"p50_us\":%.2f,"
	    "\"p99_us\":%.2f,\"max_us\":%.2f}\n", times.n,
	    (double)times.n * 1e9 / (double)(at - begin),
	    client_quantile(&times, 0.5), client_quantile(&times, 0.99),
	    (double)times.max / 1000);
}

/* --- the command line ---------------------------------------------------- */

static void
usage(void)
{
	(void)fputs("usage: floor agent --socket PATH --keys DIR [--threads 2] "
	    "[--sodium]\n"
	    "       floor sign --key FILE [--seconds S] [--sodium]\n"
	    "       floor roundtrip [--seconds S]\n"
	    "--sodium: Ed25519 is libsodium's, not libcrypto's\n", stderr);
	exit(2);
}

enum { KEY = 1, KEYS, SECONDS, SODIUM, SOCKET, THREADS };

int
main(int argc, char **argv)
{
	static const struct option rows[] = {
		{ "key", required_argument, NULL, KEY },
		{ "keys", required_argument, NULL, KEYS },
		{ "seconds", required_argument, NULL, SECONDS },
		{ "sodium", no_argument, NULL, SODIUM },
		{ "socket", required_argument, NULL, SOCKET },
		{ "threads", required_argument, NULL, THREADS },
		{ 0 },
	};
	const struct secret_options wish = { .size = REGION,
		.allow_unlocked = true };
	const char *socket_path = NULL, *folder = NULL, *file = NULL;
	size_t threads = 1;
	double seconds = 0.5;
	char why[256];
	int c;

	while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1)
		switch (c) {
		case KEY: file = optarg; break;
		case KEYS: folder = optarg; break;
		case SECONDS: seconds = client_seconds(optarg); break;
		case SODIUM: sodium = true; break;
		case SOCKET: socket_path = optarg; break;
		case THREADS:
			threads = client_number(optarg, THREADS_MAX);
			break;
		default: usage();
		}
	if (optind + 1 != argc)
		usage();
	if (sodium_init() < 0 ||
	    secret_open(&region, &wish, why, sizeof(why)) != ST_OK)
		errx(1, "cannot begin: %s", why);
	if (strcmp(argv[optind], "agent") == 0 && socket_path != NULL &&
	    folder != NULL)
		agent(socket_path, folder, threads);
	else if (strcmp(argv[optind], "sign") == 0 && file != NULL)
		measure_sign(file, seconds);
	else if (strcmp(argv[optind], "roundtrip") == 0)
		measure_roundtrip(seconds);
	else
		usage();
	return 0;
}
