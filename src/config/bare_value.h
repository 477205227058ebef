/* Values that stand in a configuration without quotes: numbers, true and false. */
#ifndef CONFIG_BARE_VALUE_H
#define CONFIG_BARE_VALUE_H

#include "base/compiler.h"
#include "base/error.h"

/*
 * Checks that libconfig 1.5 takes WORD for what it says: it cuts a whole number to 32 bits unless
 * L stands behind it, and to 64 bits then. Anything but a number, true and false lacks quotes.
 */
PF_MUST_CHECK int bare_value_check(const char *word, struct error *error);

#endif
