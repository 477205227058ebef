#include <config.h>

#include "master/respawn.h"

int64_t
respawn_delay_ms(struct respawn *respawn, const struct respawn_death *death)
{
	int64_t ceiling_ms = death->ready ? RESPAWN_CEILING_MS : RESPAWN_STARTING_CEILING_MS;
	int64_t delay_ms = RESPAWN_FIRST_MS;

	if (death->ready && death->lived_ms >= RESPAWN_CALM_MS)
		respawn->deaths = 0;
	respawn->deaths++;
	if (respawn->deaths == 1)
		return 0;
	for (unsigned i = 2; i < respawn->deaths && delay_ms < ceiling_ms; i++)
		delay_ms *= 2;
	return delay_ms < ceiling_ms ? delay_ms : ceiling_ms;
}
