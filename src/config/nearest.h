/* The known word that a misspelt one was probably meant to be, by edit distance. */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

/* A search under way. Words are borrowed. */
struct nearest {
	const char *word;
	const char *best;
	unsigned distance; /* of BEST; at first, the smallest that is too far to suggest */
};

void nearest_start(struct nearest *nearest, const char *word);
void nearest_offer(struct nearest *nearest, const char *candidate);

/* The nearest of the words offered, or NULL if none is close enough to be worth naming. */
const char *nearest_found(const struct nearest *nearest);

#endif
