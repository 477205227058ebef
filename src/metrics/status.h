/* `/status`: how the server is, as JSON; its members are described in preforkd-metrics(7). */
#ifndef METRICS_STATUS_H
#define METRICS_STATUS_H

#include <stdio.h>

#include "segment/segment.h"

/* Writes it to OUT; nothing, if there is no memory for it. */
void status_print(const struct segment *segment, FILE *out);

/* Why the server is not ready for connections: a line; NULL: it is. */
const char *status_why_not_ready(const struct segment *segment);

#endif
