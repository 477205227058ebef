/* Lists of spans, as modules hand them over. Sizes are theirs, and may be anything. */
#ifndef DISPATCH_SPANS_H
#define DISPATCH_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <prefork/module.h>

/* A + B, or SIZE_MAX if that is too much: what is asked for so many bytes then refuses. */
static inline size_t
spans_add(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* Bytes of all COUNT spans, or SIZE_MAX. */
static inline size_t
spans_size(const struct pf_span *spans, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size = spans_add(size, spans[i].size);
	return size;
}

/* Copies them one behind the other. Returns the end. */
static inline char *
spans_copy(char *to, const struct pf_span *spans, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (spans[i].size > 0)
			memcpy(to, spans[i].data, spans[i].size);
		to += spans[i].size;
	}
	return to;
}

/* Whether SIZE bytes from DATA on lie within OUTER. */
static inline bool
spans_are_within(const struct pf_span *outer, const void *data, size_t size)
{
	uintptr_t offset = (uintptr_t)data - (uintptr_t)outer->data;

	return offset < outer->size && size <= outer->size - offset;
}

#endif
