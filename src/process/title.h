/* The titles that ps(1) shows, by libbsd's setproctitle(3). */
#ifndef PROCESS_TITLE_H
#define PROCESS_TITLE_H

#include "base/compiler.h"

/* First thing in main, before any thread. Afterwards ARGV points to copies. */
void title_init(int argc, char *argv[]);

/* Shows this process as "preforkd: " and the text, as far as there is room for it. */
void title_set(const char *format, ...) PF_PRINTF(1, 2);

#endif
