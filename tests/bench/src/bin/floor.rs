//! The least that any log shipper has to do: read a file, find its lines, post its bytes.
//!
//! `floor FILE ADDRESS` does it over one connection, a mebibyte at a time, and prints how many lines it found.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

#[allow(clippy::print_stdout, reason = "the runner checks the count")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err("usage: floor FILE ADDRESS".into());
    };
    let mut file = File::open(file)?;
    let mut stream = TcpStream::connect(&address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let (mut body, mut rest) = (vec![0; 1 << 20], [0; 1024]);
    let mut lines = 0;
    loop {
        let mut filled = 0;
        while filled < body.len() {
            // As much as stays in the cache while its lines are looked for.
            let end = body.len().min(filled + (128 << 10));
            let read = file.read(&mut body[filled..end])?;
            if read == 0 {
                break;
            }
            lines += memchr::memchr_iter(b'\n', &body[filled..filled + read]).count();
            filled += read;
        }
        if filled == 0 {
            break;
        }
        write!(stream, "POST /v1/logs HTTP/1.1\r\nhost: {address}\r\ncontent-length: {filled}\r\n\r\n")?;
        stream.write_all(&body[..filled])?;
        let Some((first, length)) = vigie_bench::head(&mut answers)? else {
            return Err("the sink closed the connection".into());
        };
        if !first.starts_with("HTTP/1.1 200") {
            return Err(format!("the sink answered {first}").into());
        }
        vigie_bench::discard(&mut answers, length, &mut rest)?;
    }
    println!("{lines}");
    Ok(())
}
