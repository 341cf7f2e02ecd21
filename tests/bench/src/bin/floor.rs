//! The least that any log shipper has to do: read a file, find its lines, post its bytes.
//!
//! `floor FILE ADDRESS [gzip|zstd]` does it over one connection, a mebibyte at a time, and prints how many lines it
//! found. It compresses as the agent does: gzip at level 1, zstd at level 1.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;

use flate2::write::GzEncoder;

/// Compresses each body by itself, with what it needs for that kept from one to the next.
enum Compressor {
    None,
    Gzip(Vec<u8>),
    Zstd(zstd::bulk::Compressor<'static>, Vec<u8>),
}

impl Compressor {
    fn new(name: Option<&str>) -> Result<Self, Box<dyn Error>> {
        match name {
            None | Some("none") => Ok(Self::None),
            Some("gzip") => Ok(Self::Gzip(Vec::new())),
            Some("zstd") => Ok(Self::Zstd(zstd::bulk::Compressor::new(1)?, Vec::new())),
            Some(other) => Err(format!("unknown compression {other}").into()),
        }
    }

    fn compress<'a>(&'a mut self, body: &'a [u8]) -> io::Result<&'a [u8]> {
        match self {
            Self::None => Ok(body),
            Self::Gzip(out) => {
                out.clear();
                let mut encoder = GzEncoder::new(out, flate2::Compression::fast());
                encoder.write_all(body)?;
                Ok(encoder.finish()?)
            }
            Self::Zstd(compressor, out) => {
                out.resize(zstd::zstd_safe::compress_bound(body.len()), 0);
                let written = compressor.compress_to_buffer(body, out.as_mut_slice())?;
                Ok(&out[..written])
            }
        }
    }
}

#[allow(clippy::print_stdout, reason = "the runner checks the count")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err("usage: floor FILE ADDRESS [gzip|zstd]".into());
    };
    let mut compressor = Compressor::new(arguments.next().as_deref())?;
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
        let sent = compressor.compress(&body[..filled])?;
        write!(
            stream,
            "POST /v1/logs HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n",
            sent.len()
        )?;
        stream.write_all(sent)?;
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
