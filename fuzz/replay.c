/*
 * replay - run a fuzz target over files, without libFuzzer.
 *
 * With this main() a target builds with any compiler and runs under valgrind.
 * Arguments are files, or directories whose files are all run.  Having run
 * none is a failure: an empty corpus must not look like a passing test.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"

/* A target may have this as well; libFuzzer calls it first of all. */
__attribute__((__weak__)) int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Run one file, in a heap piece of exactly its size. */
static void
run_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = fuzz_alloc(size);

	if (f == NULL)
		err(1, "%s", path);
	if (fread(data, 1, size, f) != size)
		errx(1, "%s: cannot read it whole", path);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static size_t run_path(const char *path);

/* Run all files of a directory; how many there were. */
static size_t
run_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;
	char *name;

	if (dir == NULL)
		err(1, "%s", path);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
			errx(1, "out of memory");
		n += run_path(name);
		free(name);
	}
	closedir(dir);
	return n;
}

/* Run a file, or all files of a directory; how many there were. */
static size_t
run_path(const char *path)
{
	struct stat sb;

	if (stat(path, &sb) != 0)
		err(1, "%s", path);
	if (S_ISDIR(sb.st_mode))
		return run_directory(path);
	run_file(path, (size_t)sb.st_size);
	return 1;
}

int
main(int argc, char **argv)
{
	size_t n = 0;
	int i;

	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	for (i = 1; i < argc; i++)
		n += run_path(argv[i]);
	if (n == 0)
		errx(1, "no file to run");
	printf("%zu files run\n", n);
	return 0;
}
