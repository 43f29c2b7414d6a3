#include "fuzz/engine.h"

#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"

/* A program in a container is run this often at most. */
#define RUNS_MAX	64

int __wrap_child_find(const char *name, const char *path,
    char out[static PATH_MAX]);
int __wrap_child_run(struct child *c, const struct child_spec *spec, char *why,
    size_t whylen);
int __wrap_child_start(struct child *c, const struct child_spec *spec,
    char *why, size_t whylen);
int __wrap_child_write(struct child *c, const void *p, size_t n, size_t *done);
int __wrap_child_turn(struct child *c, const struct pollfd *fds);
int __wrap_child_wait_ms(const struct child *c);

struct engine engine;

void
engine_begin(struct slice in, uint8_t codes,
    void (*look)(const struct child_spec *spec))
{
	engine = (struct engine){ .rest = in, .codes = codes, .look = look };
}

struct slice
engine_take(void)
{
	struct slice *rest = &engine.rest, part;
	const uint8_t *end = rest->len > 0 ?
	    memchr(rest->p, 0xff, rest->len) : NULL;
	size_t len = end != NULL ? (size_t)(end - rest->p) : rest->len;

	part = (struct slice){ rest->p, len };
	rest->p += len + (end != NULL);
	rest->len -= len + (end != NULL);
	return part;
}

int
engine_status(void)
{
	/* Done; of the program or of an engine; killed by the engine. */
	static const uint8_t ends[] = { 0, 1, 125, 126, 127, 255, 137, 2 };
	uint8_t code = ends[engine.codes & 7];

	engine.codes = (uint8_t)(engine.codes >> 3 | engine.codes << 5);
	return code << 8;
}

/* Keep what a program prints, as child.h has it; false when it is too much. */
static bool
keep(struct child_text *t, size_t max, struct slice s)
{
	*t = (struct child_text){ .max = max };
	t->over = s.len > max;
	t->len = t->over ? max : s.len;
	if (t->len == 0)
		return true;
	t->cap = t->len + 1;
	t->p = (char *)fuzz_alloc(t->cap);
	memcpy(t->p, s.p, t->len);
	t->p[t->len] = '\0';
	return !t->over;
}

/* It ends. */
static int
end(struct child *c, size_t out_max, size_t err_max)
{
	bool all;

	c->status = engine.status = engine_status();
	engine.out = engine_take();
	all = keep(&c->out_text, out_max, engine.out);
	(void)keep(&c->err_text, err_max, engine_take());
	return all ? ST_OK : ST_TOO_LARGE;
}

/* Every one that is run. */
static void
begin(struct child *c, const struct child_spec *spec)
{
	assert(spec->program[0] == '/' && spec->argv[0] != NULL);
	assert(spec->out == CHILD_KEEP && spec->err == CHILD_KEEP);
	engine.runs++;
	assert(engine.runs <= RUNS_MAX);
	if (engine.look != NULL)
		engine.look(spec);
	*c = (struct child){ .in = -1, .out = -1, .err = -1 };
}

int
__wrap_child_find(const char *name, const char *path,
    char out[static PATH_MAX])
{
	(void)path;
	(void)snprintf(out, PATH_MAX, "/bin/%s", name);
	return ST_OK;
}

int
__wrap_child_run(struct child *c, const struct child_spec *spec, char *why,
    size_t whylen)
{
	begin(c, spec);
	assert(spec->in == CHILD_NULL);
	(void)snprintf(why, whylen, "it prints too much");
	return end(c, spec->out_max, spec->err_max);
}

int
__wrap_child_start(struct child *c, const struct child_spec *spec, char *why,
    size_t whylen)
{
	(void)why;
	(void)whylen;
	begin(c, spec);
	c->out_text.max = spec->out_max;
	c->err_text.max = spec->err_max;
	return ST_OK;
}

/* It reads what it is given, a little at a time, or reads nothing. */
int
__wrap_child_write(struct child *c, const void *p, size_t n, size_t *done)
{
	(void)c;
	(void)p;
	*done = n < 7 ? n : 7;
	return (engine.codes & 1) != 0 ? ST_CLOSED : *done == n ? ST_OK :
	    ST_MORE;
}

int
__wrap_child_turn(struct child *c, const struct pollfd *fds)
{
	(void)fds;
	/* It may take another turn. */
	if ((engine.codes & 2) != 0) {
		engine.codes &= 0xfd;
		return ST_MORE;
	}
	return end(c, c->out_text.max, c->err_text.max);
}

int
__wrap_child_wait_ms(const struct child *c)
{
	(void)c;
	return 0;
}
