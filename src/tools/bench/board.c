#include <config.h>

#include "tools/bench/board.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/param.h>

#include "base/clock.h"

static size_t
board_size(unsigned tallies)
{
	return sizeof(struct board) + tallies * sizeof(struct tally);
}

struct board *
board_create(unsigned tallies, struct error *error)
{
	struct board *board = mmap(NULL, board_size(tallies), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED) {
		error_errno(error, "cannot share memory");
		return NULL;
	}
	board->tally_count = tallies;
	board->created_ns = clock_monotonic_ns();
	return board;
}

void
board_destroy(struct board *board)
{
	if (board != NULL)
		munmap(board, board_size(board->tally_count));
}

void
board_ready(struct board *board, struct tally *tally)
{
	int64_t now_ns = clock_monotonic_ns();

	tally->ready = true;
	if (atomic_fetch_add(&board->ready, 1) + 1 < board->tally_count)
		return;
	board->setup_ns = now_ns - board->created_ns;
	board->begin_ns = now_ns;
}

static void
add_tally(struct tally *sum, const struct tally *tally)
{
	sum->replies += tally->replies;
	sum->requests += tally->requests;
	sum->bytes_in += tally->bytes_in;
	sum->bytes_out += tally->bytes_out;
	sum->connects += tally->connects;
	sum->opened += tally->opened;
	sum->lost += tally->lost;
	sum->unsent += tally->unsent;
	sum->cpu_ns += tally->cpu_ns;
	for (size_t i = 0; i < BOARD_ERROR__COUNT; i++)
		sum->errors[i] += tally->errors[i];
	if (tally->connect_errno != 0)
		sum->connect_errno = tally->connect_errno;
	if (tally->from_ns != 0 && (sum->from_ns == 0 || tally->from_ns < sum->from_ns))
		sum->from_ns = tally->from_ns;
	sum->end_ns = MAX(sum->end_ns, tally->end_ns);
	histogram_merge(&sum->latency, &tally->latency);
	histogram_merge(&sum->connect_latency, &tally->connect_latency);
	for (size_t i = 0; i < SCHEDULE_STEPS_MAX; i++) {
		sum->steps[i].requests += tally->steps[i].requests;
		histogram_merge(&sum->steps[i].latency, &tally->steps[i].latency);
	}
}

struct tally *
board_sum(const struct board *board)
{
	struct tally *sum = calloc(1, sizeof(*sum));

	for (unsigned i = 0; sum != NULL && i < board->tally_count; i++)
		add_tally(sum, &board->tallies[i]);
	return sum;
}

uint64_t
board_replies(const struct board *board)
{
	uint64_t replies = 0;

	for (unsigned i = 0; i < board->tally_count; i++)
		replies += atomic_load_explicit(&board->tallies[i].replies, memory_order_relaxed);
	return replies;
}

uint64_t
board_errors(const struct board *board)
{
	uint64_t errors = 0;

	for (unsigned i = 0; i < board->tally_count; i++)
		for (unsigned j = 0; j < BOARD_ERROR__COUNT; j++)
			errors += board->tallies[i].errors[j];
	return errors;
}

#define BOARD_NAME_ROW(error, name, text) [error] = (name),
#define BOARD_TEXT_ROW(error, name, text) [error] = (text),

const char *
board_error_name(enum board_error error)
{
	static const char *const names[] = { BOARD_ERRORS(BOARD_NAME_ROW) };

	return names[error];
}

const char *
board_error_text(enum board_error error)
{
	static const char *const texts[] = { BOARD_ERRORS(BOARD_TEXT_ROW) };

	return texts[error];
}
