/* Lists of CPUs as the kernel and taskset(1) write them: "0-3,8". */
#ifndef BASE_CPU_LIST_H
#define BASE_CPU_LIST_H

#include <sched.h>

#include "base/compiler.h"
#include "base/error.h"

enum {
	CPU_LIST_TEXT_MAX = 128, /* bytes, with the end */
};

/* Reads numbers and ranges with commas between them. Returns 0, or -1 with the reason. */
PF_MUST_CHECK int cpu_list_parse(cpu_set_t *set, const char *text, struct error *error);

/* The shortest text for SET; one that is too long ends with "...". */
void cpu_list_print(const cpu_set_t *set, char text[static CPU_LIST_TEXT_MAX]);

#endif
