/*
 * Reads a configuration before libconfig 1.5 does, and refuses what libconfig would take wrongly
 * or skip in silence (each was tried):
 * - a whole number beyond 32 bits without L behind it loses its upper bits; one beyond 64 bits
 *   becomes -1 or the largest;
 * - a comment that is never closed swallows the rest of the file;
 * - reading a folder ends the process.
 * It also explains what libconfig only calls a syntax error: a brace that is missing, a word or
 * a number with its unit that lacks quotes.
 */
#ifndef CONFIG_PRESCAN_H
#define CONFIG_PRESCAN_H

#include "base/compiler.h"
#include "base/error.h"

/*
 * Scans the file at PATH and those that it includes. Returns the text of PATH, to be freed, or
 * NULL with an error that names file, line and key.
 */
PF_MUST_CHECK char *prescan(const char *path, struct error *error);

#endif
