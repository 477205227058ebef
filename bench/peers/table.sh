# shellcheck shell=sh disable=SC2034
# The servers to measure against. Read by bench/build and bench/peers/start.

peer_names='floor floor-shared floor-batch go go-one-write libuv libuv-textbook asio node erlang uvloop netty
    tokio gnet evio swoole workerman'

# peer_what NAME: what it is; fails for a name that is none.
peer_what() {
    case $1 in
    floor) echo 'a bare epoll loop, a listening socket a process (SO_REUSEPORT)' ;;
    floor-shared) echo 'a bare epoll loop, all processes at one listening socket (EPOLLEXCLUSIVE)' ;;
    floor-batch) echo 'the floor, scheduled as workers of preforkd are (SCHED_BATCH)' ;;
    go) echo 'Go, a goroutine a connection, a pool of 64, a channel a request' ;;
    go-one-write) echo 'the same, but a reply is one write: its length and payload are copied together' ;;
    libuv) echo 'libuv, the replies to a read tried at once' ;;
    libuv-textbook) echo 'libuv, a uv_write a frame' ;;
    asio) echo 'Boost.Asio, async_read_some and async_write' ;;
    node) echo 'Node.js, net and cluster' ;;
    erlang) echo 'Erlang, gen_tcp with {packet, 4}' ;;
    uvloop) echo 'Python, asyncio.Protocol on uvloop' ;;
    netty) echo 'Netty, LengthFieldBasedFrameDecoder on NIO; needs some 10 s to warm up' ;;
    tokio) echo 'Rust, tokio, a runtime a thread' ;;
    gnet | evio) echo 'Go, an event loop a core' ;;
    swoole) echo 'PHP, a C++ core, mode BASE' ;;
    workerman) echo 'PHP on ext-event' ;;
    *) return 1 ;;
    esac
}
