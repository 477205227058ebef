#include <config.h>

#include "config/nearest.h"

#include <ctype.h>
#include <string.h>
#include <sys/param.h>

enum {
	WORD_MAX = 63, /* longer words are no slips of a finger */
};

static unsigned
cheapest(unsigned replace, unsigned insert, unsigned delete)
{
	return MIN(replace, MIN(insert, delete));
}

/*
 * Edits that lead from A to B: a byte put in, left out or replaced, or two neighbours swapped.
 * Case counts for nothing. The three rows are those of the usual table that are still needed.
 */
static unsigned
distance(const char *a, const char *b)
{
	size_t columns = strlen(b);
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= columns; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= columns; j++) {
			int last_a = tolower((unsigned char)a[i - 1]);
			int last_b = tolower((unsigned char)b[j - 1]);

			row[j] = cheapest(
				above[j - 1] + (last_a != last_b), row[j - 1] + 1, above[j] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[columns];
}

/* One edit for each three bytes, but always one: more, and the guess is as good as any other. */
void
nearest_start(struct nearest *nearest, const char *word)
{
	nearest->word = word;
	nearest->best = NULL;
	nearest->distance = (unsigned)MAX(strlen(word) / 3, 1u) + 1;
}

void
nearest_offer(struct nearest *nearest, const char *candidate)
{
	unsigned edits;

	if (strlen(nearest->word) > WORD_MAX || strlen(candidate) > WORD_MAX)
		return;
	edits = distance(nearest->word, candidate);
	if (edits >= nearest->distance)
		return;
	nearest->best = candidate;
	nearest->distance = edits;
}

const char *
nearest_found(const struct nearest *nearest)
{
	return nearest->best;
}
