/* How the load generator checks replies, however they come in pieces; and how it sends requests. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "tools/bench/payload.h"
#include "tools/bench/replies.h"
#include "tools/bench/requests.h"

enum {
	FRAMES = 40, /* over one end of the payload and more */
	STREAM_MAX = 64 * 1024,
};

struct bench {
	struct framing framing;
	struct payload payload;
	struct replies_rules rules;
	char stream[STREAM_MAX]; /* the replies that an echo would send */
	size_t size;
};

static void
set_up(struct bench *bench, const char *sizes_text, bool lines, enum replies_check check)
{
	struct sizes sizes;
	struct error error;

	framing_init(&bench->framing);
	if (lines)
		bench->framing.wire.codec = wire_codec_of(WIRE_LINE);
	bench->framing.wire.allow_empty = true;
	assert_int_equal(sizes_parse(&sizes, sizes_text, 4096, &error), 0);
	assert_int_equal(payload_make(&bench->payload, &sizes, &bench->framing, 16, &error), 0);
	bench->rules = (struct replies_rules){ &bench->framing.wire, &bench->payload, check };
	bench->size = 0;
	for (size_t i = 0; i < FRAMES; i++) {
		struct span frame = payload_frame(&bench->payload, i % bench->payload.count);

		memcpy(bench->stream + bench->size, frame.data, frame.size);
		bench->size += frame.size;
	}
}

/* What came of a stream: good replies, then the first that was not. */
struct outcome {
	uint32_t good;
	enum replies_status status;
};

/* Offers the stream in pieces of STEP bytes, as a connection does. */
static struct outcome
offer(const struct bench *bench, size_t step)
{
	struct outcome outcome = { 0 };
	struct replies replies = { 0 };
	size_t start = 0, end = 0;

	while (outcome.status == REPLIES_MORE && end < bench->size) {
		struct span input = { bench->stream + start, 0 };
		uint32_t good;

		end = MIN(end + step, bench->size);
		input.size = end - start;
		outcome.status =
			replies_take(&replies, &bench->rules, &input, FRAMES - outcome.good, &good);
		outcome.good += good;
		start = (size_t)(input.data - bench->stream);
	}
	return outcome;
}

static void
assert_outcome(const struct bench *bench, uint32_t good, enum replies_status status)
{
	static const size_t steps[] = { 1, 2, 3, 5, 7, 64, 1000, STREAM_MAX };

	for (size_t i = 0; i < countof(steps); i++) {
		struct outcome outcome = offer(bench, steps[i]);

		assert_int_equal(outcome.good, good);
		assert_int_equal(outcome.status, status);
	}
}

static void
an_echo_is_good_in_pieces_of_any_size(void **state)
{
	static const enum replies_check checks[] = { REPLIES_CHECK_LENGTH, REPLIES_CHECK_CONTENT,
		REPLIES_CHECK_NONE };
	static const char *const sizes[] = { "0", "1", "64", "1000", "0-300" };
	struct bench *bench = *state;

	for (size_t i = 0; i < countof(checks); i++)
		for (size_t j = 0; j < 2 * countof(sizes); j++) {
			set_up(bench, sizes[j / 2], j % 2 == 1, checks[i]);
			assert_outcome(bench, FRAMES, REPLIES_MORE);
			payload_free(&bench->payload);
		}
}

static void
other_content_shows_if_it_is_checked(void **state)
{
	struct bench *bench = *state;

	set_up(bench, "100", false, REPLIES_CHECK_CONTENT);
	bench->stream[3 * 104 + 103] ^= 1;
	assert_outcome(bench, 3, REPLIES_CONTENT);
	bench->rules.check = REPLIES_CHECK_LENGTH;
	assert_outcome(bench, FRAMES, REPLIES_MORE);
	payload_free(&bench->payload);
}

static void
another_length_shows_unless_nothing_is_checked(void **state)
{
	struct bench *bench = *state;

	set_up(bench, "100", false, REPLIES_CHECK_LENGTH);
	bench->stream[2 * 104 + 3] = 99;
	assert_outcome(bench, 2, REPLIES_LENGTH);
	payload_free(&bench->payload);
	set_up(bench, "100", true, REPLIES_CHECK_LENGTH);
	bench->stream[2 * 101 + 50] = '\n';
	assert_outcome(bench, 2, REPLIES_LENGTH);
	payload_free(&bench->payload);
}

static void
what_is_no_frame_is_told(void **state)
{
	struct bench *bench = *state;

	set_up(bench, "100", false, REPLIES_CHECK_NONE);
	memcpy(bench->stream + 5 * 104, "HTTP", 4);
	assert_outcome(bench, 5, REPLIES_FRAME);
	payload_free(&bench->payload);
}

static void
a_reply_that_nobody_asked_for_is_told(void **state)
{
	struct replies replies = { 0 };
	struct bench *bench = *state;
	struct span input;
	uint32_t good;

	set_up(bench, "100", false, REPLIES_CHECK_LENGTH);
	input = (struct span){ bench->stream, bench->size };
	assert_int_equal(
		replies_take(&replies, &bench->rules, &input, FRAMES - 1, &good), REPLIES_FRAME);
	assert_int_equal(good, FRAMES - 1);
	payload_free(&bench->payload);
}

/* Reads what has been sent and compares it with what is next of the stream. */
static size_t
drain(const struct bench *bench, int fd, size_t seen)
{
	char buffer[4096];
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
		assert_true(seen + (size_t)got <= bench->size);
		assert_memory_equal(buffer, bench->stream + seen, (size_t)got);
		seen += (size_t)got;
	}
	return seen;
}

static void
requests_go_out_whole_and_in_order_through_a_socket_that_is_full_again_and_again(void **state)
{
	struct requests requests = { .count = FRAMES };
	struct bench *bench = *state;
	const int small = 1;
	size_t seen = 0;
	int pair[2];

	set_up(bench, "0-3000", false, REPLIES_CHECK_LENGTH);
	bench->payload.count = 16; /* so that it ends in the midst of the run */
	bench->size = 0;
	for (size_t i = 0; i < FRAMES && bench->size < STREAM_MAX - 4096; i++) {
		struct span frame = payload_frame(&bench->payload, i % 16);

		memcpy(bench->stream + bench->size, frame.data, frame.size);
		bench->size += frame.size;
		requests.count = i + 1;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (requests.count > 0) {
		if (requests_send(&requests, &bench->payload, pair[0]) < 0)
			assert_int_equal(errno, EAGAIN);
		seen = drain(bench, pair[1], seen);
	}
	assert_int_equal(seen, bench->size);
	close(pair[0]);
	close(pair[1]);
	payload_free(&bench->payload);
}

static int
make(void **state)
{
	*state = calloc(1, sizeof(struct bench));
	return *state != NULL ? 0 : -1;
}

static int
drop(void **state)
{
	free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_echo_is_good_in_pieces_of_any_size),
		cmocka_unit_test(other_content_shows_if_it_is_checked),
		cmocka_unit_test(another_length_shows_unless_nothing_is_checked),
		cmocka_unit_test(what_is_no_frame_is_told),
		cmocka_unit_test(a_reply_that_nobody_asked_for_is_told),
		cmocka_unit_test(
			requests_go_out_whole_and_in_order_through_a_socket_that_is_full_again_and_again),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
