#include "memscan/target.h"

#include <assert.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Memory is read this many bytes at a time. */
#define CHUNK		(4u << 20)
/* Entries of pagemap read at a time. */
#define PAGES_MAX	512
/* pagemap: the page is in memory, or in swap. */
#define PAGE_PRESENT	((uint64_t)1 << 63)
#define PAGE_SWAPPED	((uint64_t)1 << 62)
/* How long a process may take to stop, in ms. */
#define STOP_LIMIT_MS	20000

struct target {
	pid_t		 pid;
	int		 pidfd, mem, pagemap;
	size_t		 page;
	uint8_t		*chunk;
};

/* What one walk carries along. */
struct walk {
	struct target	*t;
	size_t		 overlap;
	struct target_bytes *bytes;
	target_fn	*fn;
	void		*cookie;
};

/* Open a file of the process. */
static int
open_file(pid_t pid, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int
target_open(struct target **out, pid_t pid, char *why, size_t whylen)
{
	struct target *t = calloc(1, sizeof(*t));
	int st = ST_SYSTEM;

	*out = NULL;
	assert(t != NULL);
	t->pid = pid;
	t->page = (size_t)sysconf(_SC_PAGESIZE);
	t->mem = t->pagemap = -1;
	t->chunk = malloc(CHUNK);
	assert(t->chunk != NULL);
	if ((t->pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0 ||
	    (t->mem = open_file(pid, "mem")) < 0 ||
	    (t->pagemap = open_file(pid, "pagemap")) < 0) {
		(void)snprintf(why, whylen, "process %ld: %s", (long)pid,
		    strerror(errno));
		goto out;
	}
	*out = t;
	t = NULL;
	st = ST_OK;
out:
	target_close(t);
	return st;
}

void
target_close(struct target *t)
{
	if (t == NULL)
		return;
	if (t->pidfd >= 0)
		(void)close(t->pidfd);
	if (t->mem >= 0)
		(void)close(t->mem);
	if (t->pagemap >= 0)
		(void)close(t->pagemap);
	free(t->chunk);
	free(t);
}

/*
 * Stopping.
 */

/* Whether it has ended. */
static bool
is_gone(const struct target *t)
{
	struct pollfd p = { .fd = t->pidfd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

/* Whether one thread is stopped; one that has ended counts. */
static bool
task_stopped(pid_t pid, const char *task)
{
	char name[64], text[512];
	const char *state;
	ssize_t n;
	int fd;

	(void)snprintf(name, sizeof(name), "task/%.20s/stat", task);
	if ((fd = open_file(pid, name)) < 0)
		return true;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return true;
	text[n] = '\0';
	/* The name, in parentheses, may hold anything. */
	state = strrchr(text, ')');
	return state != NULL && strlen(state) > 2 &&
	    strchr("TtZX", state[2]) != NULL;
}

static bool
all_stopped(const struct target *t)
{
	struct dirent *e;
	char path[128];
	bool all = true;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)t->pid);
	if ((dir = opendir(path)) == NULL)
		return true;
	while (all && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			all = task_stopped(t->pid, e->d_name);
	(void)closedir(dir);
	return all;
}

int
target_stop(struct target *t)
{
	const struct timespec pause = { .tv_nsec = 200 * 1000 };

	if (syscall(SYS_pidfd_send_signal, t->pidfd, SIGSTOP, NULL, 0) != 0)
		return ST_CLOSED;
	for (int i = 0; i < STOP_LIMIT_MS * 5; i++) {
		if (is_gone(t))
			return ST_CLOSED;
		if (all_stopped(t))
			return ST_OK;
		(void)nanosleep(&pause, NULL);
	}
	target_resume(t);
	return ST_MORE;
}

void
target_resume(struct target *t)
{
	(void)syscall(SYS_pidfd_send_signal, t->pidfd, SIGCONT, NULL, 0);
}

/*
 * Reading.
 */

/* Whether page i of those in ${map} can hold anything. */
static bool
is_touched(const uint64_t *map, size_t have, size_t i)
{
	return i >= have || (map[i] & (PAGE_PRESENT | PAGE_SWAPPED)) != 0;
}

/* Read ${len} bytes at ${addr}, page by page where the whole cannot be had,
 * and hand on what was read. */
static void
read_range(struct walk *w, const struct mapping *m, uint64_t addr, size_t len)
{
	struct target *t = w->t;
	ssize_t n = 0;

	for (; len > 0; addr += (uint64_t)n, len -= (size_t)n) {
		n = pread(t->mem, t->chunk, len, (off_t)addr);
		if (n > 0) {
			w->bytes->read += (uint64_t)n;
			w->fn(w->cookie, m, addr, t->chunk, (size_t)n);
			continue;
		}
		n = (ssize_t)(t->page - addr % t->page);
		if ((size_t)n > len)
			n = (ssize_t)len;
		if (m->secret)
			w->bytes->secret += (uint64_t)n;
		else
			w->bytes->unreadable += (uint64_t)n;
	}
}

/* A run of touched pages, in chunks that overlap. */
static void
read_run(struct walk *w, const struct mapping *m, uint64_t from, uint64_t to)
{
	uint64_t addr = from;

	while (addr < to) {
		size_t len = to - addr < CHUNK ? (size_t)(to - addr) : CHUNK;

		read_range(w, m, addr, len);
		addr += len;
		if (addr < to)
			addr -= w->overlap;
	}
}

/* Read a private anonymous mapping but for the pages that never were. */
static void
read_anonymous(struct walk *w, const struct mapping *m)
{
	uint64_t map[PAGES_MAX], at = m->start, run = m->start;
	size_t page = w->t->page, have = 0, i = 0;
	ssize_t n;

	for (; at < m->end; at += page, i++) {
		if (i % PAGES_MAX == 0) {
			n = pread(w->t->pagemap, map, sizeof(map),
			    (off_t)(at / page * sizeof(map[0])));
			have = n > 0 ? (size_t)n / sizeof(map[0]) : 0;
		}
		if (is_touched(map, have, i % PAGES_MAX))
			continue;
		read_run(w, m, run, at);
		run = at + page;
	}
	read_run(w, m, run, m->end);
}

/* One mapping whose lines in smaps are complete. */
static void
walk_mapping(struct walk *w, const struct mapping *m)
{
	/* The kernel's own pages are no memory of the process. */
	if (strncmp(m->label, "[vvar", 5) == 0 ||
	    strcmp(m->label, "[vsyscall]") == 0)
		return;
	if (m->anonymous && !m->secret)
		read_anonymous(w, m);
	else
		read_run(w, m, m->start, m->end);
}

/* The first line of a mapping in smaps; ${m} is only touched if it is one,
 * since other lines begin like a number, too. */
static bool
parse_head(const char *line, struct mapping *m)
{
	unsigned long inode;
	uint64_t start, end;
	int used = 0;
	char flags[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %lu %n",
	    &start, &end, flags, &inode, &used) != 4 || used == 0)
		return false;
	m->start = start;
	m->end = end;
	(void)snprintf(m->label, sizeof(m->label), "%s",
	    line[used] != '\0' ? line + used : "anonymous");
	m->label[strcspn(m->label, "\n")] = '\0';
	m->locked = false;
	m->secret = strncmp(m->label, "/secretmem", 10) == 0;
	m->anonymous = inode == 0 && flags[3] == 'p';
	return true;
}

int
target_walk(struct target *t, size_t overlap, struct target_bytes *bytes,
    target_fn *fn, void *cookie)
{
	struct walk w = { t, overlap, bytes, fn, cookie };
	struct mapping m = { .start = 0 };
	uint64_t before = bytes->read;
	char *line = NULL;
	size_t cap = 0;
	FILE *f;
	int fd;

	if (is_gone(t) || (fd = open_file(t->pid, "smaps")) < 0)
		return ST_CLOSED;
	f = fdopen(fd, "r");
	assert(f != NULL);
	while (getline(&line, &cap, f) >= 0) {
		if (parse_head(line, &m))
			continue;
		if (strncmp(line, "VmFlags:", 8) != 0)
			continue;
		m.locked = strstr(line, " lo ") != NULL;
		walk_mapping(&w, &m);
	}
	free(line);
	(void)fclose(f);
	return bytes->read > before ? ST_OK : ST_CLOSED;
}

/*
 * Core files.
 */

/* Hand on what one program header describes, if it is all there. */
static bool
walk_segment(const Elf64_Phdr *ph, const uint8_t *file, size_t size,
    struct target_bytes *bytes, target_fn *fn, void *cookie)
{
	struct mapping m = { .start = ph->p_vaddr };

	if (ph->p_type != PT_LOAD && ph->p_type != PT_NOTE)
		return true;
	if (ph->p_offset > size || ph->p_filesz > size - ph->p_offset)
		return false;
	m.end = m.start + ph->p_filesz;
	(void)snprintf(m.label, sizeof(m.label), "%s",
	    ph->p_type == PT_NOTE ? "core notes" : "core");
	bytes->read += ph->p_filesz;
	fn(cookie, &m, ph->p_vaddr, file + ph->p_offset,
	    (size_t)ph->p_filesz);
	return true;
}

static int
walk_segments(const uint8_t *file, size_t size, struct target_bytes *bytes,
    target_fn *fn, void *cookie)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	if (size < sizeof(eh))
		return ST_MALFORMED;
	memcpy(&eh, file, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_type != ET_CORE ||
	    eh.e_phentsize != sizeof(ph) || eh.e_phoff > size ||
	    eh.e_phnum > (size - eh.e_phoff) / sizeof(ph))
		return ST_MALFORMED;
	for (size_t i = 0; i < eh.e_phnum; i++) {
		memcpy(&ph, file + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (!walk_segment(&ph, file, size, bytes, fn, cookie))
			return ST_MALFORMED;
	}
	return ST_OK;
}

int
target_walk_core(const char *path, struct target_bytes *bytes, target_fn *fn,
    void *cookie)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), st = ST_SYSTEM;
	void *file = MAP_FAILED;
	struct stat sb;

	if (fd < 0)
		return ST_SYSTEM;
	if (fstat(fd, &sb) == 0 && sb.st_size > 0)
		file = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE,
		    fd, 0);
	(void)close(fd);
	if (file == MAP_FAILED)
		return st;
	st = walk_segments(file, (size_t)sb.st_size, bytes, fn, cookie);
	(void)munmap(file, (size_t)sb.st_size);
	return st;
}
