/*
 * asio: an echo server with Boost.Asio, frames of a 4-byte big-endian length of at most 1 MiB.
 *
 *	asio PORT WORKERS
 *
 * An io_context a process, without locks. A session reads what is there (async_read_some), writes
 * the whole frames of it in one async_write, then reads on.
 */
#define BOOST_ASIO_DISABLE_THREADS 1
#include <boost/asio.hpp>

#include <arpa/inet.h>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "processes.h"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace
{

constexpr std::size_t header_size = 4;
constexpr std::size_t message_max = 1 << 20;
constexpr std::size_t buffer_size = 16 << 10; /* grows to hold a larger frame */
constexpr std::size_t buffer_more = 4 << 10;  /* beyond a larger frame */

class session : public std::enable_shared_from_this<session>
{
      public:
	explicit session(tcp::socket socket) : socket_(std::move(socket)), buffer_(buffer_size)
	{
	}

	void read()
	{
		auto self = shared_from_this();

		socket_.async_read_some(
			asio::buffer(buffer_.data() + have_, buffer_.size() - have_),
			[self](error_code error, std::size_t got) {
				if (!error)
					self->answer(got);
			});
	}

      private:
	/* Size of the frame that begins at AT, with its header. */
	std::size_t frame_size(std::size_t at) const
	{
		std::uint32_t size;

		std::memcpy(&size, buffer_.data() + at, sizeof(size));
		return header_size + ntohl(size);
	}

	void answer(std::size_t got)
	{
		std::size_t whole = 0, wanted = header_size;

		have_ += got;
		while (have_ - whole >= header_size) {
			wanted = frame_size(whole);
			if (wanted > header_size + message_max || wanted > have_ - whole)
				break;
			whole += wanted;
			wanted = header_size;
		}
		bad_ = wanted > header_size + message_max;
		if (!bad_ && wanted > buffer_.size())
			buffer_.resize(wanted + buffer_more);
		if (whole > 0)
			write(whole);
		else if (!bad_)
			read();
	}

	void write(std::size_t whole)
	{
		auto self = shared_from_this();

		asio::async_write(socket_, asio::buffer(buffer_.data(), whole),
			[self, whole](error_code error, std::size_t) {
				if (error || self->bad_)
					return;
				self->have_ -= whole;
				std::memmove(self->buffer_.data(), self->buffer_.data() + whole,
					self->have_);
				self->read();
			});
	}

	tcp::socket socket_;
	std::vector<char> buffer_;
	std::size_t have_ = 0;
	bool bad_ = false; /* a frame is too large: what came before it is answered */
};

void
accept(tcp::acceptor &acceptor)
{
	acceptor.async_accept([&acceptor](error_code error, tcp::socket socket) {
		if (!error)
			std::make_shared<session>(std::move(socket))->read();
		accept(acceptor);
	});
}

void
run_worker(int listener)
{
	asio::io_context context(1);
	tcp::acceptor acceptor(context, tcp::v4(), listener);

	accept(acceptor);
	context.run();
}

} // namespace

int
main(int argc, char **argv)
{
	processes_run(argc, argv, false, run_worker);
}
