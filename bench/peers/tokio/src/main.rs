//! tokio: an echo server with tokio, frames of a 4-byte big-endian length of at most 1 MiB.
//!
//!     tokio-echo PORT WORKERS
//!
//! A runtime of one thread a worker, each with its own listening socket (SO_REUSEPORT), a task a
//! connection. The whole frames of what one read brought go back in one write.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const HEADER_SIZE: usize = 4;
const MESSAGE_MAX: usize = 1 << 20;
const BUFFER_SIZE: usize = 16 << 10; // grows to hold a larger frame
const BUFFER_MORE: usize = 4 << 10; // beyond a larger frame

/// How many bytes of whole frames BYTES begins with, and the size of the frame after them, as far
/// as is known.
fn whole_frames(bytes: &[u8]) -> (usize, usize) {
    let mut whole = 0;
    loop {
        let rest = &bytes[whole..];
        if rest.len() < HEADER_SIZE {
            return (whole, HEADER_SIZE);
        }
        let size = HEADER_SIZE + u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        if size > HEADER_SIZE + MESSAGE_MAX || size > rest.len() {
            return (whole, size);
        }
        whole += size;
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_SIZE];
    let mut have = 0;
    stream.set_nodelay(true)?;
    loop {
        let got = stream.read(&mut buffer[have..]).await?;
        if got == 0 {
            return Ok(());
        }
        have += got;
        let (whole, wanted) = whole_frames(&buffer[..have]);
        if whole > 0 {
            stream.write_all(&buffer[..whole]).await?;
            buffer.copy_within(whole..have, 0);
            have -= whole;
        }
        if wanted > HEADER_SIZE + MESSAGE_MAX {
            return Ok(());
        }
        if wanted > buffer.len() {
            buffer.resize(wanted + BUFFER_MORE, 0);
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(4096)
}

fn run_worker(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let listener = listen(port)?;
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        }
    })
}

fn main() {
    let numbers: Vec<u16> = std::env::args()
        .skip(1)
        .filter_map(|a| a.parse().ok())
        .collect();
    if numbers.len() != 2 {
        eprintln!("usage: tokio-echo PORT WORKERS");
        std::process::exit(64);
    }
    let port = numbers[0];
    let workers: Vec<_> = (0..numbers[1])
        .map(|_| {
            thread::spawn(move || {
                if let Err(error) = run_worker(port) {
                    eprintln!("tokio: {}", error);
                    std::process::exit(71);
                }
            })
        })
        .collect();
    for worker in workers {
        let _ = worker.join();
    }
}
