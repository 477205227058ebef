/*
 * netty: an echo server with Netty, frames of a 4-byte big-endian length of at most 1 MiB.
 *
 *	java -cp FOLDER:JARS Netty PORT WORKERS
 *
 * An event loop a worker. Each frame is a slice of what was read; the replies to all that one read
 * brought are flushed together.
 */
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;

public class Netty {
	private static final int HEADER_SIZE = 4;
	private static final int MESSAGE_MAX = 1 << 20;
	private static final int READ_MAX = 256 << 10;

	private static class Echo extends ChannelInboundHandlerAdapter {
		@Override
		public void channelRead(ChannelHandlerContext context, Object frame) {
			context.write(frame, context.voidPromise());
		}

		@Override
		public void channelReadComplete(ChannelHandlerContext context) {
			context.flush();
		}

		/* A peer that does not read is not read from. */
		@Override
		public void channelWritabilityChanged(ChannelHandlerContext context) {
			context.channel().config().setAutoRead(context.channel().isWritable());
		}

		@Override
		public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
			context.close();
		}
	}

	private static class Initializer extends ChannelInitializer<SocketChannel> {
		@Override
		protected void initChannel(SocketChannel channel) {
			channel.pipeline().addLast(
				new LengthFieldBasedFrameDecoder(HEADER_SIZE + MESSAGE_MAX, 0, HEADER_SIZE),
				new Echo());
		}
	}

	public static void main(String[] arguments) throws InterruptedException {
		final int port = Integer.parseInt(arguments[0]);
		final int workers = Integer.parseInt(arguments[1]);

		new ServerBootstrap()
			.group(new NioEventLoopGroup(1), new NioEventLoopGroup(workers))
			.channel(NioServerSocketChannel.class)
			.option(ChannelOption.SO_BACKLOG, 4096)
			.option(ChannelOption.SO_REUSEADDR, true)
			.childOption(ChannelOption.TCP_NODELAY, true)
			.childOption(ChannelOption.RCVBUF_ALLOCATOR,
				new AdaptiveRecvByteBufAllocator(64, 4096, READ_MAX))
			.childHandler(new Initializer())
			.bind("127.0.0.1", port)
			.sync()
			.channel()
			.closeFuture()
			.sync();
	}
}
