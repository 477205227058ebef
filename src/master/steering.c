#include <config.h>

#include "master/steering.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "net/reuse_port.h"

static bool
accepts(const struct generation *generation, size_t index)
{
	return generation_worker(generation, index + 1) != NULL;
}

/* The worker with the lowest number that accepts; NULL: none does. */
static struct child *
find_keeper(const struct generation *generation)
{
	for (size_t i = 0; i < generation->seat_count; i++) {
		if (accepts(generation, i))
			return generation->seats[i].child;
	}
	return NULL;
}

/* Whether there is a socket of that number. */
static bool
has_socket(const struct listener_use *use, size_t index)
{
	return use->listener->reuse_port && index < use->listener->socket_count;
}

/* Returns whether it heard of all sockets of that number. */
static bool
tell(struct child *child, size_t index, bool adopt)
{
	const struct generation *generation = child->generation;
	const int number = (int)index + 1;
	int failed = 0;

	for (size_t i = 0; i < generation->use_count && failed == 0; i++) {
		const struct listener_use *use = &generation->uses[i];

		if (!has_socket(use, index))
			continue;
		failed = adopt ? child_send_accept(child, use, number)
			       : child_send_release(child, use, number, false);
	}
	return failed == 0;
}

/* A worker that takes no message now hears of it at the next update. */
static void
adopt(struct child *child, size_t index, bool adopted)
{
	if (child->adopted[index] != adopted && tell(child, index, adopted))
		child->adopted[index] = adopted;
}

void
steering_declined(struct child *child, uint32_t socket)
{
	const struct generation *generation = child->generation;

	for (size_t i = 0; i < generation->use_count; i++) {
		const struct listener *listener = generation->uses[i].listener;

		for (size_t j = 0; j < listener->socket_count && j < CONFIG_WORKERS_MAX; j++) {
			if (listener->sockets[j].id == socket)
				child->adopted[j] = false;
		}
	}
}

static int
steer_all(const struct generation *generation, const bool *open)
{
	for (size_t i = 0; i < generation->use_count; i++) {
		const struct listener *listener = generation->uses[i].listener;

		if (listener->reuse_port &&
			reuse_port_steer(listener->sockets[0].fd, open, CONFIG_WORKERS_MAX) != 0)
			return -1;
	}
	return 0;
}

static void
steer(struct generation *generation)
{
	bool open[CONFIG_WORKERS_MAX];

	for (size_t i = 0; i < CONFIG_WORKERS_MAX; i++)
		open[i] = accepts(generation, i);
	if (memcmp(open, generation->steered, sizeof(open)) == 0)
		return;
	if (steer_all(generation, open) != 0)
		log_error("cannot steer connections between workers",
			log_str("error", strerror(errno)));
	memcpy(generation->steered, open, sizeof(open));
}

static bool
is_needed(const struct generation *generation)
{
	for (size_t i = 0; i < generation->use_count; i++) {
		if (generation->uses[i].listener->reuse_port)
			return true;
	}
	return false;
}

void
steering_update(struct supervisor *supervisor)
{
	struct generation *generation = supervisor->serving;
	const struct child *keeper;

	if (generation == NULL || supervisor->stopping || !is_needed(generation))
		return;
	keeper = find_keeper(generation);
	if (keeper == NULL)
		return; /* all wait in the queues until there is one */
	steer(generation);
	for (size_t seat = 0; seat < generation->seat_count; seat++) {
		struct child *child = generation->seats[seat].child;

		if (!accepts(generation, seat))
			continue;
		for (size_t i = 0; i < CONFIG_WORKERS_MAX; i++)
			adopt(child, i, child == keeper && !accepts(generation, i));
	}
}

static bool
is_used(const struct generation *generation, const struct listener *listener)
{
	for (size_t i = 0; i < generation->use_count; i++) {
		if (generation->uses[i].listener == listener)
			return true;
	}
	return false;
}

/* Nobody is refused there: who lends it has it open, too. */
static void
say_kept(const struct listener *listener)
{
	char text[ADDRESS_TEXT_MAX];

	address_print(&listener->address, text);
	log_warn("nobody serves a listener of the service manager: who connects waits",
		log_str("address", text));
}

/* Has CHILD empty and close what it has of the listener. */
static void
release(struct child *child, const struct listener_use *use)
{
	int failed = 0;

	for (size_t i = 0; i < CONFIG_WORKERS_MAX; i++) {
		const bool is_own = i + 1 == (size_t)child->seat->number;

		if (is_own || (child->adopted[i] && has_socket(use, i)))
			failed |= child_send_release(child, use, (int)i + 1, true);
	}
	if (failed != 0)
		log_warn("worker does not hear of a listener that is gone: some connections "
			 "to it may be reset",
			log_int("worker", child->seat->number), log_int("pid", child->pid));
}

void
steering_close_removed(struct supervisor *supervisor, const struct generation *former)
{
	struct child *child;

	for (size_t i = 0; i < former->use_count; i++) {
		const struct listener_use *use = &former->uses[i];

		if (is_used(supervisor->serving, use->listener))
			continue;
		if (use->listener->lent)
			say_kept(use->listener);
		listener_seal(use->listener);
		TAILQ_FOREACH (child, &supervisor->children, entry) {
			if (child->generation == former && child->state == CHILD_RUNNING)
				release(child, use);
		}
	}
}
