#include <config.h>

#include "worker/phases.h"

struct phases
phases_of(const struct request *request, int64_t now_us)
{
	const int64_t begun_us = request->begun_us > 0 ? request->begun_us : now_us;
	const int64_t ended_us = request->ended_us > 0 ? request->ended_us : now_us;

	return (struct phases){
		.queue_us = begun_us - request->framed_us,
		.handler_us = request->begun_us > 0 ? ended_us - begun_us : 0,
		.reply_us = request->begun_us > 0 ? now_us - ended_us : 0,
		.total_us = now_us - request->framed_us,
	};
}
