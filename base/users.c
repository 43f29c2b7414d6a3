#include "base/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

/* A line may be this long: a group can have a great many members. */
#define LINE_FIRST	(16 * 1024)
#define LINE_MAX_BYTES	(4 * 1024 * 1024)

/* One of the two files being read. */
struct table {
	FILE	*f;
	char	*line;
	size_t	 cap;
};

static int
table_open(struct table *t, const char *path)
{
	memset(t, 0, sizeof(*t));
	if ((t->f = fopen(path, "re")) == NULL)
		return errno == ENOENT ? ST_NOT_FOUND : ST_SYSTEM;
	t->cap = LINE_FIRST;
	if ((t->line = malloc(t->cap)) == NULL) {
		(void)fclose(t->f);
		t->f = NULL;
		errno = ENOMEM;
		return ST_SYSTEM;
	}
	return ST_OK;
}

static void
table_close(struct table *t)
{
	if (t->f != NULL)
		(void)fclose(t->f);
	free(t->line);
}

/* A line did not fit: start over with twice the room. */
static int
table_grow(struct table *t)
{
	char *line;

	if (t->cap >= LINE_MAX_BYTES) {
		errno = ERANGE;
		return ST_SYSTEM;
	}
	if ((line = malloc(t->cap * 2)) == NULL)
		return ST_SYSTEM;
	free(t->line);
	t->line = line;
	t->cap *= 2;
	rewind(t->f);
	return ST_OK;
}

/*
 * A name that begins with + or - refers to a name service, and its numbers
 * read as 0: it must never be taken for root.
 */
static bool
is_name(const char *name)
{
	return name[0] != '\0' && name[0] != '+' && name[0] != '-';
}

/* The next user in the file; broken lines are passed over. */
static int
next_user(struct table *t, struct passwd *entry)
{
	struct passwd *found;
	int rc, st;

	for (;;) {
		rc = fgetpwent_r(t->f, entry, t->line, t->cap, &found);
		if (rc == ENOENT)
			return ST_NOT_FOUND;
		if (rc == ERANGE) {
			if ((st = table_grow(t)) != ST_OK)
				return st;
			continue;
		}
		if (rc != 0) {
			errno = rc;
			return ST_SYSTEM;
		}
		if (is_name(entry->pw_name) && entry->pw_uid != (uid_t)-1)
			return ST_OK;
	}
}

/* The next group in the file; broken lines are passed over. */
static int
next_group(struct table *t, struct group *entry)
{
	struct group *found;
	int rc, st;

	for (;;) {
		rc = fgetgrent_r(t->f, entry, t->line, t->cap, &found);
		if (rc == ENOENT)
			return ST_NOT_FOUND;
		if (rc == ERANGE) {
			if ((st = table_grow(t)) != ST_OK)
				return st;
			continue;
		}
		if (rc != 0) {
			errno = rc;
			return ST_SYSTEM;
		}
		if (is_name(entry->gr_name) && entry->gr_gid != (gid_t)-1)
			return ST_OK;
	}
}

int
users_uid(const char *name, uid_t *out)
{
	struct passwd entry;
	struct table t;
	int st;

	if ((st = table_open(&t, "/etc/passwd")) != ST_OK)
		return st;
	while ((st = next_user(&t, &entry)) == ST_OK) {
		if (strcmp(entry.pw_name, name) != 0)
			continue;
		*out = entry.pw_uid;
		break;
	}
	table_close(&t);
	return st;
}

int
users_gid(const char *name, gid_t *out)
{
	struct group entry;
	struct table t;
	int st;

	if ((st = table_open(&t, "/etc/group")) != ST_OK)
		return st;
	while ((st = next_group(&t, &entry)) == ST_OK) {
		if (strcmp(entry.gr_name, name) != 0)
			continue;
		*out = entry.gr_gid;
		break;
	}
	table_close(&t);
	return st;
}

/* Copy one text field of the entry of ${uid}; one that is too long is none. */
static int
copy_field(uid_t uid, bool home, char *out, size_t cap)
{
	struct passwd entry;
	struct table t;
	const char *field;
	int st;

	out[0] = '\0';
	if ((st = table_open(&t, "/etc/passwd")) != ST_OK)
		return st;
	while ((st = next_user(&t, &entry)) == ST_OK) {
		if (entry.pw_uid != uid)
			continue;
		field = home ? entry.pw_dir : entry.pw_name;
		if (field[0] == '\0' || strlen(field) >= cap)
			st = ST_NOT_FOUND;
		else
			memcpy(out, field, strlen(field) + 1);
		break;
	}
	table_close(&t);
	return st;
}

int
users_name(uid_t uid, char out[static USERS_NAME_MAX])
{
	return copy_field(uid, false, out, USERS_NAME_MAX);
}

int
users_home(uid_t uid, char out[static USERS_HOME_MAX])
{
	return copy_field(uid, true, out, USERS_HOME_MAX);
}

/* The line of a user, by name or, where that is NULL, by number. */
static int
find_login(const char *name, uid_t uid, struct users_login *out,
    char found[static USERS_NAME_MAX])
{
	struct passwd entry;
	struct table t;
	int st;

	if ((st = table_open(&t, "/etc/passwd")) != ST_OK)
		return st;
	while ((st = next_user(&t, &entry)) == ST_OK) {
		if (name != NULL ? strcmp(entry.pw_name, name) != 0 :
		    entry.pw_uid != uid)
			continue;
		out->uid = entry.pw_uid;
		out->gid = entry.pw_gid;
		(void)snprintf(found, USERS_NAME_MAX, "%s", entry.pw_name);
		break;
	}
	table_close(&t);
	return st;
}

static bool
has_member(const struct group *entry, const char *name)
{
	char **member;

	for (member = entry->gr_mem; *member != NULL; member++)
		if (strcmp(*member, name) == 0)
			return true;
	return false;
}

/* All groups that have ${name} among their members, and the first one. */
static int
find_groups(const char *name, struct users_login *out)
{
	struct group entry;
	struct table t;
	int st;

	out->groups[0] = out->gid;
	out->n = 1;
	st = table_open(&t, "/etc/group");
	if (st != ST_OK)
		return st == ST_NOT_FOUND ? ST_OK : st;
	while ((st = next_group(&t, &entry)) == ST_OK) {
		if (entry.gr_gid == out->gid || !has_member(&entry, name))
			continue;
		if (out->n == USERS_GROUPS_MAX) {
			st = ST_TOO_LARGE;
			break;
		}
		out->groups[out->n++] = entry.gr_gid;
	}
	table_close(&t);
	return st == ST_NOT_FOUND ? ST_OK : st;
}

int
users_login(const char *user, struct users_login *out)
{
	char name[USERS_NAME_MAX];
	uint64_t n;
	int st;

	out->n = 0;
	if ((st = find_login(user, 0, out, name)) == ST_OK)
		return find_groups(name, out);
	if (st != ST_NOT_FOUND || num_u64(user, 0, UINT32_MAX - 1, &n) != ST_OK)
		return st;
	if ((st = find_login(NULL, (uid_t)n, out, name)) == ST_OK)
		return find_groups(name, out);
	if (st != ST_NOT_FOUND)
		return st;
	out->uid = (uid_t)n;
	out->gid = (gid_t)n;
	return ST_OK;
}
