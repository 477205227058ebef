/* Numbers as people read them, in few characters. */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	TEXT_MAX = 32, /* bytes, with the end */
};

/* "350ms", "12s", "5m", "3h", "40d". */
void text_duration(int64_t ms, char text[static TEXT_MAX]);

/* The same of nanoseconds: "80us", "1.2ms"; "-" if it is not KNOWN. */
void text_fine_duration(bool known, uint64_t ns, char text[static TEXT_MAX]);

/* "512", "1.5K", "20M", in powers of 1024; "-" if it is not KNOWN. */
void text_bytes(bool known, uint64_t bytes, char text[static TEXT_MAX]);

/* "950", "12.3k", "4.0M", in powers of 1000. */
void text_count(double count, char text[static TEXT_MAX]);

#endif
