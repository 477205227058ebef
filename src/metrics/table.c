#include <config.h>

#include "metrics/table.h"

#include <assert.h>

#include "base/compiler.h"
#include "config/config.h"
#include "dispatch/request_result.h"
#include "net/close_reason.h"
#include "net/refusal.h"
#include "segment/admission.h"
#include "segment/reloads.h"
#include "segment/counters.h"
#include "wire/wire.h"

static_assert((int)COUNTER_REFUSED + (int)REFUSAL__COUNT <= (int)COUNTER_CLOSED &&
		(int)COUNTER_CLOSED + (int)CLOSE_REASON__COUNT <= (int)COUNTER_CLOSED_END &&
		(int)COUNTER_REQUESTS + (int)REQUEST_RESULT__COUNT <= (int)COUNTER_PROTOCOL &&
		(int)COUNTER_PROTOCOL + (int)WIRE_ERROR__COUNT <= (int)COUNTER_DURATION,
	"counters of different kinds do not overlap");

/* No client notices that a connection moves. */
static const char *
close_word(unsigned index)
{
	return close_reason_goes_on((enum close_reason)index)
		? NULL
		: close_reason_text((enum close_reason)index);
}

/* What is counted elsewhere already. */
static const struct {
	const char *word;
	unsigned counter;
} timeouts[] = {
	{ "read", COUNTER_CLOSED + CLOSE_READ_TIMEOUT },
	{ "write", COUNTER_CLOSED + CLOSE_WRITE_TIMEOUT },
	{ "idle", COUNTER_CLOSED + CLOSE_IDLE_TIMEOUT },
	{ "heartbeat", COUNTER_CLOSED + CLOSE_HEARTBEAT_TIMEOUT },
	{ "request", COUNTER_REQUESTS + REQUEST_TIMEOUT },
	{ "drain", COUNTER_CLOSED + CLOSE_CUT },
	{ "linger", COUNTER_LINGERS },
};

static const char *
timeout_word(unsigned index)
{
	return timeouts[index].word;
}

static unsigned
timeout_counter(unsigned index)
{
	return timeouts[index].counter;
}

static const char *
refusal_word(unsigned index)
{
	static const char *const words[] = {
		[REFUSAL_NONE] = NULL,
		[REFUSAL_DENIED] = "denied",
		[REFUSAL_NOT_ALLOWED] = "not_allowed",
		[REFUSAL_FULL] = "max_connections",
		[REFUSAL_SERVICE_FULL] = "service_max_connections",
		[REFUSAL_ADDRESS_FULL] = "max_connections_per_ip",
		[REFUSAL_NO_ROOM] = "too_many_addresses",
		[REFUSAL_NO_MEMORY] = "memory",
	};
	static_assert(countof(words) == REFUSAL__COUNT, "a word for each");

	return words[index];
}

static const char *
result_word(unsigned index)
{
	return request_result_text((enum request_result)index);
}

static const char *
protocol_word(unsigned index)
{
	static const char *const words[] = {
		[WIRE_ERROR_EMPTY] = "empty",
		[WIRE_ERROR_TOO_LONG] = "too_long",
		[WIRE_ERROR_TOO_SHORT] = "too_short",
		[WIRE_ERROR_OVERLONG] = "overlong",
		[WIRE_ERROR_TOO_WIDE] = "too_wide",
	};
	static_assert(countof(words) == WIRE_ERROR__COUNT, "a word for each error");

	return words[index];
}

static const char *
restart_word(unsigned index)
{
	static const char *const words[] = {
		[RESTART_EXIT] = "exit",
		[RESTART_SIGNAL] = "signal",
		[RESTART_WATCHDOG] = "watchdog",
		[RESTART_RETIRED] = "retired",
		[RESTART_START] = "start",
	};
	static_assert(countof(words) == RESTART__COUNT, "a word for each reason");

	return words[index];
}

static const char *
priority_word(unsigned index)
{
	static const char *const words[] = { "high", "normal", "low" };
	static_assert(countof(words) == CONFIG_PRIORITY__COUNT, "a word for each priority");

	return words[index];
}

static const char *
outcome_word(unsigned index)
{
	return index == 0 ? "ok" : "failed";
}

static const char *
state_word(unsigned index)
{
	return segment_slot_state_text(index);
}

static uint64_t
connections(const struct slot *slot, unsigned index PF_UNUSED)
{
	return atomic_load(&slot->admitted);
}

static uint64_t
queued(const struct slot *slot, unsigned index)
{
	return atomic_load(&slot->queued[index]);
}

static uint64_t
busy(const struct slot *slot, unsigned index PF_UNUSED)
{
	return atomic_load(&slot->busy);
}

static uint64_t
memory(const struct slot *slot, unsigned index PF_UNUSED)
{
	return atomic_load(&slot->memory);
}

static uint64_t
descriptors(const struct slot *slot, unsigned index PF_UNUSED)
{
	return atomic_load(&slot->descriptors);
}

static uint64_t
paused(const struct slot *slot, unsigned index PF_UNUSED)
{
	return atomic_load(&slot->pausing) != 0;
}

static const _Atomic uint64_t *
lag(const struct slot *slot)
{
	return slot->lag;
}

static uint64_t
workers(const struct segment *segment, unsigned index)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t count = 0;

	for (uint32_t i = 0; i < used; i++)
		count += atomic_load(&segment->slots[i].state) == index;
	return count;
}

static uint64_t
workers_wanted(const struct segment *segment, unsigned index PF_UNUSED)
{
	return atomic_load(&segment->head->master.workers);
}

static uint64_t
restarts(const struct segment *segment, unsigned index)
{
	return atomic_load(&segment->head->master.restarts[index]);
}

static uint64_t
reloads(const struct segment *segment, unsigned index)
{
	const struct segment_master *master = &segment->head->master;

	return atomic_load(index == 0 ? &master->reloads : &master->reloads_failed);
}

static uint64_t
last_reload_ok(const struct segment *segment, unsigned index PF_UNUSED)
{
	const struct segment_master *master = &segment->head->master;
	struct reloads_entry last;

	return !reloads_read(master, reloads_count(master), &last) || last.ok;
}

static uint64_t
generation(const struct segment *segment, unsigned index PF_UNUSED)
{
	return atomic_load(&segment->head->master.generation);
}

static uint64_t
loaded(const struct segment *segment, unsigned index PF_UNUSED)
{
	return atomic_load(&segment->head->master.loaded_s);
}

static uint64_t
started(const struct segment *segment, unsigned index PF_UNUSED)
{
	return atomic_load(&segment->head->master.started_s);
}

static uint64_t
max_connections(const struct segment *segment, unsigned index PF_UNUSED)
{
	return atomic_load(&segment->head->master.max_connections);
}

static uint64_t
spans_exported(const struct segment *segment, unsigned index PF_UNUSED)
{
	return atomic_load(&segment->head->master.spans_exported);
}

/* What workers could not hand over they count themselves. */
static uint64_t
spans_dropped(const struct segment *segment, unsigned index)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t sum = atomic_load(&segment->head->master.spans_dropped[index]);

	for (uint32_t i = 0; index == SPANS_CHANNEL && i < used; i++) {
		for (unsigned service = 0; service < SEGMENT_SERVICES; service++)
			sum += atomic_load(
				&segment->slots[i].counters[service][COUNTER_SPANS_LOST]);
	}
	return sum;
}

static const char *
span_word(unsigned index)
{
	static const char *const words[] = {
		[SPANS_CHANNEL] = "channel",
		[SPANS_QUEUE] = "queue",
		[SPANS_UNREACHABLE] = "unreachable",
		[SPANS_REJECTED] = "rejected",
		[SPANS_MALFORMED] = "malformed",
	};
	static_assert(countof(words) == SPANS__COUNT, "a word for each");

	return words[index];
}

static uint64_t
one(const struct segment *segment PF_UNUSED, unsigned index PF_UNUSED)
{
	return 1;
}

static const char *
version_word(unsigned index PF_UNUSED)
{
	return PACKAGE_VERSION;
}

static uint64_t
active(const struct segment *segment, unsigned index)
{
	const uint32_t used = atomic_load(&segment->head->slots_used);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		sum += atomic_load(&segment->slots[i].service_admitted[index]);
	return sum;
}

/* clang-format off */
#define COUNTS(counter) .type = METRIC_COUNTER, .scope = METRIC_SERVICES, .first = (counter)
#define COUNTS_AT(find) .type = METRIC_COUNTER, .scope = METRIC_SERVICES, .counter = (find)
#define TIMES(counter)  .type = METRIC_HISTOGRAM, .scope = METRIC_SERVICES, .first = (counter)
#define BY(name, values, text) .label = (name), .count = (values), .word = (text)
#define OF_WORKER(read) .type = METRIC_GAUGE, .scope = METRIC_WORKERS, .of_slot = (read)
#define COUNTED(read)   .type = METRIC_COUNTER, .scope = METRIC_SERVER, .of_server = (read)
#define SHOWN(read)     .type = METRIC_GAUGE, .scope = METRIC_SERVER, .of_server = (read)

const struct metric metric_table[] = {
	{ .name = "preforkd_active_connections", .type = METRIC_GAUGE, .scope = METRIC_SERVICES,
	  .of_server = active,
	  .help = "Connections that are open." },
	{ .name = "preforkd_connections_total", COUNTS(COUNTER_ACCEPTED),
	  .help = "Connections that were let in." },
	{ .name = "preforkd_connections_rejected_total", COUNTS(COUNTER_REFUSED),
	  BY("reason", REFUSAL__COUNT, refusal_word),
	  .help = "Connections that were refused, by what refused them." },
	{ .name = "preforkd_connections_closed_total", COUNTS(COUNTER_CLOSED),
	  BY("reason", CLOSE_REASON__COUNT, close_word),
	  .help = "Connections that have ended, by reason." },
	{ .name = "preforkd_connections_migrated_total", COUNTS(COUNTER_ARRIVED),
	  .help = "Times that a connection has moved to another worker." },
	{ .name = "preforkd_connection_age_seconds", TIMES(COUNTER_AGE), .unit_ms = true,
	  .help = "How old connections were when they ended." },
	{ .name = "preforkd_first_byte_seconds", TIMES(COUNTER_FIRST_BYTE),
	  .help = "From the accept of a connection to the first byte of its client." },
	{ .name = "preforkd_timeouts_total", COUNTS_AT(timeout_counter),
	  BY("kind", countof(timeouts), timeout_word),
	  .help = "Times that something took longer than it may, by what it was." },
	{ .name = "preforkd_requests_total", COUNTS(COUNTER_REQUESTS),
	  BY("result", REQUEST_RESULT__COUNT, result_word), .by_slot = true,
	  .help = "Requests that are over, by how they ended." },
	{ .name = "preforkd_request_duration_seconds", TIMES(COUNTER_DURATION), .by_slot = true,
	  .help = "From the end of a message to its reply on the way to the client." },
	{ .name = "preforkd_queue_wait_seconds", TIMES(COUNTER_QUEUE_WAIT),
	  .help = "How long messages for the pool waited for a thread." },
	{ .name = "preforkd_handler_duration_seconds", TIMES(COUNTER_HANDLER),
	  .help = "How long handlers took; those that ran in one go count with their mean." },
	{ .name = "preforkd_protocol_errors_total", COUNTS(COUNTER_PROTOCOL),
	  BY("kind", WIRE_ERROR__COUNT, protocol_word),
	  .help = "Input that was no message, by what was wrong with it." },
	{ .name = "preforkd_queue_full_total", COUNTS(COUNTER_WAITS),
	  .help = "Times that a connection was not read for want of room in the queue." },
	{ .name = "preforkd_received_bytes_total", COUNTS(COUNTER_RECEIVED),
	  .help = "Bytes read from clients." },
	{ .name = "preforkd_sent_bytes_total", COUNTS(COUNTER_SENT),
	  .help = "Bytes that the kernel has taken for clients." },

	{ .name = "preforkd_worker_connections", OF_WORKER(connections),
	  .help = "Connections of a worker." },
	{ .name = "preforkd_worker_queue_length", OF_WORKER(queued),
	  BY("priority", CONFIG_PRIORITY__COUNT, priority_word),
	  .help = "Messages that wait for a worker's pool." },
	{ .name = "preforkd_worker_busy_threads", OF_WORKER(busy),
	  .help = "Threads of a worker's pool that have something to do." },
	{ .name = "preforkd_worker_paused", OF_WORKER(paused),
	  .help = "1 while a worker accepts nothing for want of descriptors or memory." },
	{ .name = "preforkd_worker_memory_bytes", OF_WORKER(memory),
	  .help = "Memory that is a worker's alone; 0: unknown." },
	{ .name = "preforkd_worker_open_descriptors", OF_WORKER(descriptors),
	  .help = "Descriptors that a worker has open; 0: unknown." },

	{ .name = "preforkd_loop_lag_seconds", .type = METRIC_HISTOGRAM, .scope = METRIC_SERVER,
	  .times = lag,
	  .help = "How late a worker's loop was, 20 times a second." },
	{ .name = "preforkd_workers", SHOWN(workers),
	  BY("state", SLOT_DRAINING + 1, state_word),
	  .help = "Workers, by state." },
	{ .name = "preforkd_workers_wanted", SHOWN(workers_wanted),
	  .help = "Workers that there are to be." },
	{ .name = "preforkd_worker_restarts_total", COUNTED(restarts),
	  BY("reason", RESTART__COUNT, restart_word),
	  .help = "Workers that were replaced, by reason." },
	{ .name = "preforkd_reloads_total", COUNTED(reloads),
	  BY("result", 2, outcome_word),
	  .help = "Reloads, by outcome." },
	{ .name = "preforkd_config_last_reload_successful", SHOWN(last_reload_ok),
	  .help = "Whether the last reload, if there was one, is in use." },
	{ .name = "preforkd_config_generation", SHOWN(generation),
	  .help = "Number of the generation that serves." },
	{ .name = "preforkd_config_loaded_timestamp_seconds", SHOWN(loaded),
	  .help = "When the configuration in use came into use." },
	{ .name = "preforkd_start_timestamp_seconds", SHOWN(started),
	  .help = "When the server was started." },
	{ .name = "preforkd_max_connections", SHOWN(max_connections),
	  .help = "Connections that may be open." },
	{ .name = "preforkd_spans_exported_total", COUNTED(spans_exported),
	  .help = "Spans that the collector of traces has taken." },
	{ .name = "preforkd_spans_dropped_total", COUNTED(spans_dropped),
	  BY("reason", SPANS__COUNT, span_word),
	  .help = "Spans that were lost on the way there, by where." },
	{ .name = "preforkd_build_info", SHOWN(one),
	  BY("version", 1, version_word),
	  .help = "1, with the version." },
};
/* clang-format on */

const size_t metric_count = countof(metric_table);
