/* Attributes and small macros that every file may use. */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#include <stddef.h>

#define PF_MUST_CHECK        __attribute__((warn_unused_result))
#define PF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* A rare case keeps its registers and its stack frame out of the common one. */
#define PF_NOINLINE __attribute__((noinline))
#define PF_NORETURN __attribute__((noreturn))
#define PF_UNUSED   __attribute__((unused))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define countof(array) (sizeof(array) / sizeof((array)[0]))

/* The structure that holds MEMBER, from a pointer to MEMBER. */
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
