//! What the benchmarks measure against: a sink that takes whatever is posted to it, and the floor, the least
//! that any log shipper has to do.

use std::io::{self, BufRead, Read};

/// A message's first line and the length of its body, read up to where the body begins.
///
/// # Errors
/// If the connection fails, or the message has no length.
pub fn head(from: &mut impl BufRead) -> io::Result<Option<(String, u64)>> {
    let mut first = String::new();
    if from.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut length = None;
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    let length = match length {
        Some(length) => length,
        None if first.starts_with("GET ") => 0,
        None => return Err(io::Error::new(io::ErrorKind::InvalidData, "no content-length")),
    };
    Ok(Some((first, length)))
}

/// Reads and discards `length` bytes.
///
/// # Errors
/// If the connection fails or ends before.
pub fn discard(from: &mut impl Read, length: u64, buffer: &mut [u8]) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        let part = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = from.read(&mut buffer[..part])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= read as u64;
    }
    Ok(())
}
