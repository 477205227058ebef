/* Files of text, read whole. */
#ifndef CONFIG_TEXT_FILE_H
#define CONFIG_TEXT_FILE_H

#include "base/compiler.h"
#include "base/error.h"

enum text_file_kind {
	TEXT_FILE_ANY,     /* whatever can be read, a pipe too, but no directory */
	TEXT_FILE_REGULAR, /* one that can be read again */
};

/* The text of the file at PATH, to be freed; or NULL with an error that names it. */
PF_MUST_CHECK char *text_file_read(const char *path, enum text_file_kind kind, struct error *error);

/*
 * The path, to be freed, of the file that the one at PATH calls NAME: a relative name counts from
 * the folder of PATH. NULL: no memory.
 */
PF_MUST_CHECK char *text_file_beside(const char *path, const char *name);

#endif
