//! What the start alone needed is given back.
//!
//! Most of the resident memory is the program's own text: reading a configuration, making its schema and its
//! flags, starting everything touches much of it once. The kernel takes those pages out of the process when it is
//! told so, and what is still needed comes back from its page cache without a read.

use std::fs;

use rustix::mm::{Advice, madvise};
use tracing::debug;

/// Lets go of the pages of the program's text and constants, and of what the allocator has kept.
pub(crate) fn give_back() {
    let Ok(program) = fs::read_link("/proc/self/exe") else { return };
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    let program = program.to_string_lossy();
    for (from, to) in maps.lines().filter_map(|line| unwritten(line, &program)) {
        // SAFETY: the range is one mapping of the program's file that is and was never writable (see `unwritten`), so
        // that a page that is needed again is read from the file as it was.
        #[allow(unsafe_code)]
        let told = unsafe { madvise(from as *mut _, to - from, Advice::LinuxDontNeed) };
        if let Err(error) = told {
            debug!("give back the text that the start needed: {error}");
        }
    }
    trim();
}

#[cfg(target_env = "gnu")]
fn trim() {
    // SAFETY: it takes no pointer, and the allocator locks what it trims.
    #[allow(unsafe_code)]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(target_env = "gnu"))]
fn trim() {}

/// Where a line of `/proc/self/maps` maps what is never written of the program's file: its text, and its constants
/// at the beginning of the file. What else is read-only was written to by the dynamic loader first.
fn unwritten(line: &str, program: &str) -> Option<(usize, usize)> {
    let (range, rest) = line.split_once(' ')?;
    let mut words = rest.splitn(5, ' ');
    let (permissions, offset) = (words.next()?, words.next()?);
    let path = words.nth(2)?.trim_start(); // behind device and inode
    let is_text = permissions == "r-xp";
    let is_constant = permissions == "r--p" && offset.bytes().all(|digit| digit == b'0');
    if path != program || !(is_text || is_constant) {
        return None;
    }
    let (from, to) = range.split_once('-')?;
    let address = |digits| usize::from_str_radix(digits, 16).ok();
    Some((address(from)?, address(to)?)).filter(|(from, to)| from < to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_constants_of_the_program_are_given_back_and_nothing_that_was_written() {
        let of = |line: &str| unwritten(line, "/usr/bin/vigie");
        assert_eq!(
            of("55d0-55d8 r--p 00000000 fe:00 1212345                    /usr/bin/vigie"),
            Some((0x55d0, 0x55d8))
        );
        assert_eq!(
            of("55d8-55f0 r-xp 0045b000 fe:00 1212345                    /usr/bin/vigie"),
            Some((0x55d8, 0x55f0))
        );
        for other in [
            "55f0-55f8 r--p 00e76000 fe:00 1212345                    /usr/bin/vigie",
            "55f0-55f8 rw-p 00f13000 fe:00 1212345                    /usr/bin/vigie",
            "55f0-55f8 r-xp 00000000 fe:00 1212345                    /usr/lib/libc.so.6",
            "7ffc-7ffe r-xp 00000000 00:00 0                          [vdso]",
            "55f0-55f8 rw-p 00000000 00:00 0",
            "nonsense",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_process_goes_on_with_its_text_given_back() {
        give_back();
        assert_eq!((0..10_u64).map(|n| n * n).sum::<u64>(), 285);
    }
}
