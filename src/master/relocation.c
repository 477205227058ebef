#include <config.h>

#include "master/relocation.h"

#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "master/generation.h"
#include "process/channel.h"

enum {
	BUSY_MS = 5000,  /* connections that are under way for so long stay */
	LATE_MS = 20000, /* for a worker to say that it has given */
};

static struct child *
find(const struct relocation *relocation, unsigned number)
{
	return generation_worker(relocation->supervisor->serving, number);
}

static int
check(const struct relocation *relocation, struct error *error)
{
	if (relocation->on) {
		error_set(error, "connections are on the move already");
		return EX_TEMPFAIL;
	}
	if (generation_count_workers(relocation->supervisor->serving) < 2) {
		error_set(error, "there is no other worker that serves");
		return EX_TEMPFAIL;
	}
	return EX_OK;
}

static int
find_both(const struct relocation *relocation, const unsigned numbers[static 2],
	struct child *children[static 2], struct error *error)
{
	for (int i = 0; i < 2; i++) {
		if (i == 1 && numbers[i] == 0)
			break;
		children[i] = find(relocation, numbers[i]);
		if (children[i] == NULL) {
			error_set(error, "no worker %u serves: expected 1 to %zu", numbers[i],
				relocation->supervisor->serving->seat_count);
			return EX_DATAERR;
		}
	}
	if (children[0] != children[1])
		return EX_OK;
	error_set(error, "worker %u has its connections already", numbers[0]);
	return EX_DATAERR;
}

static void
begin(struct relocation *relocation)
{
	relocation->on = true;
	relocation->begun_ms = loop_now(relocation->supervisor->loop);
	relocation->moved = 0;
}

static int
cannot_tell(struct error *error)
{
	error_errno(error, "the worker cannot be told");
	return EX_TEMPFAIL;
}

/* An inbox for them alone. */
static int
move_between(struct child *from, struct child *to, struct error *error)
{
	int ends[2], result = -1;

	if (channel_pair(ends, error) != 0)
		return EX_OSERR;
	if (child_send_take(to, ends[0]) == 0)
		result = child_send_give(from, ends[1], UINT32_MAX, BUSY_MS);
	close(ends[0]);
	close(ends[1]);
	return result == 0 ? EX_OK : cannot_tell(error);
}

int
relocation_move(struct relocation *relocation, unsigned from, unsigned to, struct error *error)
{
	const unsigned numbers[] = { from, to };
	struct child *children[] = { NULL, NULL };
	int status = check(relocation, error);

	if (status == EX_OK)
		status = find_both(relocation, numbers, children, error);
	if (status != EX_OK)
		return status;
	if (to > 0)
		status = move_between(children[0], children[1], error);
	else if (child_send_give(children[0], relocation->supervisor->serving->inbox[1], UINT32_MAX,
			 BUSY_MS) != 0)
		status = cannot_tell(error);
	if (status == EX_OK)
		begin(relocation);
	return status;
}

/* Places, of all that serve; rounded up. */
static uint32_t
mean(const struct relocation *relocation)
{
	uint64_t sum = 0, count = 0;

	for (unsigned i = 1; i <= relocation->supervisor->serving->seat_count; i++) {
		const struct child *child = find(relocation, i);

		if (child == NULL)
			continue;
		sum += child_connections(child);
		count++;
	}
	return (uint32_t)((sum + count - 1) / count);
}

int
relocation_rebalance(struct relocation *relocation, struct error *error)
{
	const struct generation *generation = relocation->supervisor->serving;
	const int status = check(relocation, error);
	uint32_t fair;

	if (status != EX_OK)
		return status;
	fair = mean(relocation);
	begin(relocation);
	for (unsigned i = 1; i <= generation->seat_count; i++) {
		struct child *child = find(relocation, i);
		const uint32_t count = child != NULL ? child_connections(child) : 0;

		if (count > fair &&
			child_send_give(child, generation->inbox[1], count - fair, BUSY_MS) != 0)
			log_warn("a worker does not hear that it is to give connections",
				log_int("worker", child->seat->number));
	}
	return EX_OK;
}

void
relocation_given(struct relocation *relocation, uint32_t count)
{
	if (relocation->on)
		relocation->moved += count;
	relocation_look(relocation);
}

static bool
is_waited_for(struct relocation *relocation, struct child *child)
{
	if (loop_now(relocation->supervisor->loop) - relocation->begun_ms >= LATE_MS)
		child->sharing = false;
	return child->sharing;
}

void
relocation_look(struct relocation *relocation)
{
	struct child *child;

	if (!relocation->on)
		return;
	TAILQ_FOREACH (child, &relocation->supervisor->children, entry) {
		if (is_waited_for(relocation, child))
			return;
	}
	relocation->on = false;
	log_info("connections moved", log_uint("connections", relocation->moved));
	relocation->ended(relocation->arg, relocation->moved);
}
