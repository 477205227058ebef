#include <config.h>

#include "master/announce.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "master/generation.h"

enum {
	MESSAGE_MAX = 1024, /* what is due, all in one; systemd takes 4096 */
	GRACE_MS = 5000,    /* beyond a timeout, for workers to be ended and reaped */
};

static bool
is_heard(const struct announce *announce)
{
	return announce->notify.size > 0;
}

static bool
has_news(const struct announce *announce)
{
	return announce->state[0] != '\0' || announce->alive ||
		strcmp(announce->line, announce->shown) != 0;
}

/* A full queue is nobody's fault, and nothing that would help is known. */
static void
complain(struct announce *announce)
{
	if (errno == EAGAIN || announce->unheard)
		return;
	announce->unheard = true;
	log_warn("the service manager does not hear", log_str("error", strerror(errno)));
}

/* What is not taken now is due still. */
static void
flush(struct announce *announce)
{
	char message[MESSAGE_MAX];
	const bool line_is_new = strcmp(announce->line, announce->shown) != 0;

	if (!is_heard(announce) || !has_news(announce))
		return;
	snprintf(message, sizeof(message), "%s%s%s%s%s", announce->state,
		line_is_new ? "STATUS=" : "", line_is_new ? announce->line : "",
		line_is_new ? "\n" : "", announce->alive ? "WATCHDOG=1\n" : "");
	if (notify_send(&announce->notify, message) != 0) {
		complain(announce);
		return;
	}
	announce->unheard = false;
	announce->alive = false;
	announce->state[0] = '\0';
	memcpy(announce->shown, announce->line, sizeof(announce->shown));
}

static void
on_watchdog(int fd PF_UNUSED, short what PF_UNUSED, void *arg)
{
	struct announce *announce = arg;

	announce->alive = true;
	flush(announce);
}

/* Twice in the time that it has. */
static int
start_watchdog(struct announce *announce, struct error *error)
{
	const int64_t half_ms = announce->notify.watchdog_ms / 2;
	const struct timeval interval = loop_timeval(half_ms);

	if (half_ms == 0)
		return 0;
	announce->watchdog =
		event_new(announce->supervisor->loop->base, -1, EV_PERSIST, on_watchdog, announce);
	if (announce->watchdog == NULL || event_add(announce->watchdog, &interval) != 0)
		return error_set(error, "cannot make a timer");
	announce->alive = true;
	return 0;
}

int
announce_open(struct announce *announce, const struct supervisor *supervisor, bool detached,
	struct error *error)
{
	struct error unknown;

	*announce = (struct announce){ .supervisor = supervisor, .detached = detached };
	if (notify_open(&announce->notify, &unknown) != 0)
		log_warn("the service manager does not hear", log_str("error", unknown.text));
	return start_watchdog(announce, error);
}

void
announce_close(struct announce *announce)
{
	if (announce->watchdog != NULL)
		event_free(announce->watchdog);
	announce->watchdog = NULL;
}

static void
describe_workers(struct text *text, const struct generation *generation)
{
	const size_t serving = generation_count_workers(generation);

	if (serving < generation->seat_count)
		text_printf(text, "%zu of ", serving);
	text_printf(text, "%zu worker%s, generation %d", generation->seat_count,
		generation->seat_count == 1 ? "" : "s", generation->number);
}

static void
describe(const struct announce *announce, enum segment_state state, struct text *text)
{
	const struct generation *generation = announce->supervisor->serving;

	switch (state) {
	case SEGMENT_STARTING:
		text_add(text, "starting");
		break;
	case SEGMENT_RUNNING:
		describe_workers(text, generation);
		if (announce->failure[0] != '\0') {
			text_add(text, "; the last reload failed: ");
			text_add_line(text, announce->failure);
		}
		break;
	case SEGMENT_ENDING:
		text_add(text, "draining");
		break;
	}
}

/* Then the line says why. */
static bool
has_failed(const struct announce *announce, enum segment_state state)
{
	return state == SEGMENT_ENDING && announce->supervisor->serving == NULL;
}

void
announce_update(struct announce *announce, enum segment_state state)
{
	struct text text = { .data = announce->line, .room = sizeof(announce->line) - 1 };

	if (!is_heard(announce) || has_failed(announce, state))
		return;
	describe(announce, state, &text);
	text.data[text.size] = '\0';
	flush(announce);
}

/* The last state counts: one that was not taken is out of date. */
static void
set_state(struct announce *announce, const char *lines)
{
	strlcpy(announce->state, lines, sizeof(announce->state));
}

/* STATE is "" or a line, and DURATION_MS more than which it should not take. */
static void
set_state_until(struct announce *announce, const char *state, int64_t duration_ms)
{
	char lines[64];

	snprintf(lines, sizeof(lines), "%sEXTEND_TIMEOUT_USEC=%lld\n", state,
		(long long)(duration_ms + GRACE_MS) * 1000);
	set_state(announce, lines);
	flush(announce);
}

void
announce_starting(struct announce *announce, int64_t timeout_ms)
{
	set_state_until(announce, "", 2 * timeout_ms);
}

void
announce_ready(struct announce *announce)
{
	char lines[64] = "READY=1\n";

	announce->reloading = false;
	if (announce->detached)
		snprintf(lines, sizeof(lines), "READY=1\nMAINPID=%ld\n", (long)getpid());
	set_state(announce, lines);
	announce_update(announce, SEGMENT_RUNNING);
}

void
announce_reloading(struct announce *announce)
{
	char lines[64];

	if (announce->reloading)
		return;
	announce->reloading = true;
	snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%lld\n",
		(long long)clock_monotonic_us());
	set_state(announce, lines);
	flush(announce);
}

void
announce_reloaded(struct announce *announce, const char *failure)
{
	strlcpy(announce->failure, failure != NULL ? failure : "", sizeof(announce->failure));
	announce_ready(announce);
}

void
announce_stopping(struct announce *announce)
{
	const struct generation *serving = announce->supervisor->serving;

	set_state_until(
		announce, "STOPPING=1\n", serving != NULL ? serving->config->drain_timeout_ms : 0);
}

void
announce_failed(struct announce *announce, const char *reason)
{
	struct text text = { .data = announce->line, .room = sizeof(announce->line) - 1 };

	text_add(&text, "cannot start: ");
	text_add_line(&text, reason);
	text.data[text.size] = '\0';
	flush(announce);
}
