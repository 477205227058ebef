/* A run of bytes that somebody else owns. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stddef.h>

struct span {
	const char *data;
	size_t size;
};

/* The span without its first COUNT bytes; COUNT is at most its size. */
static inline struct span
span_after(struct span span, size_t count)
{
	return (struct span){ span.data + count, span.size - count };
}

#endif
