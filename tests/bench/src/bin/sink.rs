//! An HTTP/1.1 server that reads and discards what is posted to it and answers with an empty protobuf message.
//!
//! `sink ADDRESS` prints the address it listens on; `GET /` says how many requests and bytes were posted.

use std::error::Error;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

#[allow(clippy::print_stdout, reason = "whoever starts it reads where it listens")]
fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    for stream in listener.incoming() {
        let stream = stream?;
        // A client that goes away in the middle of a request is not the sink's business.
        thread::spawn(move || drop(serve(stream)));
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut from = BufReader::with_capacity(256 << 10, stream.try_clone()?);
    let mut buffer = vec![0; 256 << 10];
    while let Some((first, length)) = vigie_bench::head(&mut from)? {
        vigie_bench::discard(&mut from, length, &mut buffer)?;
        let (kind, body) = if first.starts_with("GET ") {
            ("text/plain", format!("{} {}\n", REQUESTS.load(Relaxed), BYTES.load(Relaxed)))
        } else {
            REQUESTS.fetch_add(1, Relaxed);
            BYTES.fetch_add(length, Relaxed);
            ("application/x-protobuf", String::new())
        };
        let len = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len}\r\n\r\n{body}")?;
    }
    Ok(())
}
