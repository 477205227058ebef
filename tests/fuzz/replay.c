/*
 * Runs a fuzzer over files, each of which is a test: for `make check`, without libFuzzer.
 *
 *	replay-NAME FILE...
 */
#include <config.h>

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

/* In memory that ends where the file does, so that sanitizers see whoever reads past it. */
static uint8_t *
read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long end = -1;

	if (file == NULL)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0)
		data = malloc(end > 0 ? (size_t)end : 1);
	rewind(file);
	*size = (size_t)end;
	if (data != NULL && fread(data, 1, *size, file) != *size) {
		free(data);
		data = NULL;
	}
	fclose(file);
	return data;
}

int
main(int argc, char *argv[])
{
	int status = 0;

	setvbuf(stdout, NULL, _IOLBF, 0); /* so that it is seen which one aborts */
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		size_t size;
		uint8_t *data = read_file(argv[i], &size);

		if (data != NULL)
			LLVMFuzzerTestOneInput(data, size);
		else
			status = 1;
		printf("%sok %d - fuzz: %s\n", data != NULL ? "" : "not ", i, basename(argv[i]));
		free(data);
	}
	return status;
}
