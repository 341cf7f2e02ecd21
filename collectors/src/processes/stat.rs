//! `/proc/PID/stat`: who a process is and what it has used, in one read.

/// What is taken from it. Field numbers are those of proc(5), counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// state, 3rd field.
    pub(crate) state: u8,
    /// ppid, 4th field; 0 for the first process of a namespace.
    pub(crate) parent: u32,
    /// Whether flags, 9th field, say that it is a thread of the kernel.
    pub(crate) is_kernel_thread: bool,
    /// minflt, 10th field.
    pub(crate) minor_faults: u64,
    /// cminflt, 11th field: those of children that were waited for, and of theirs.
    pub(crate) children_minor_faults: u64,
    /// majflt, 12th field.
    pub(crate) major_faults: u64,
    /// cmajflt, 13th field.
    pub(crate) children_major_faults: u64,
    /// utime, 14th field, in ticks.
    pub(crate) user: u64,
    /// stime, 15th field, in ticks.
    pub(crate) system: u64,
    /// cutime, 16th field, in ticks: of children that were waited for, and of theirs.
    pub(crate) children_user: u64,
    /// cstime, 17th field, in ticks.
    pub(crate) children_system: u64,
    /// num_threads, 20th field.
    pub(crate) threads: u64,
    /// starttime, 22nd field, in ticks since boot: with the PID it names a process for ever.
    pub(crate) start: u64,
    /// vsize, 23rd field, in bytes.
    pub(crate) virtual_bytes: u64,
    /// rss, 24th field, in pages.
    pub(crate) resident_pages: u64,
}

/// `PF_KTHREAD` of the kernel's `sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// The last field that is read.
const LAST: usize = 24;

/// Reads the content of a `stat` file; `None` if it is not one. First comes comm, the 2nd field: whatever bytes the
/// process chose, 15 at most for a process of a user. It stands between the first opening and the last closing
/// parenthesis and may contain both, and blanks and newlines.
pub(crate) fn parse(content: &[u8]) -> Option<(&[u8], Stat)> {
    let open = memchr::memchr(b'(', content)?;
    let close = memchr::memrchr(b')', content)?;
    let comm = content.get(open + 1..close)?;
    let rest = content.get(close + 1..)?.strip_prefix(b" ")?;
    let (&state, rest) = rest.split_first()?;
    // The numbers from the 4th field on.
    let mut fields = [0u64; LAST - 3];
    let mut texts = rest.strip_prefix(b" ")?.split(|byte| byte.is_ascii_whitespace());
    for field in &mut fields {
        *field = number(texts.next()?)?;
    }
    let field = |number: usize| fields[number - 4];
    let stat = Stat {
        state,
        parent: u32::try_from(field(4)).ok()?,
        is_kernel_thread: field(9) & KERNEL_THREAD != 0,
        minor_faults: field(10),
        children_minor_faults: field(11),
        major_faults: field(12),
        children_major_faults: field(13),
        user: field(14),
        system: field(15),
        children_user: field(16),
        children_system: field(17),
        threads: field(20),
        start: field(22),
        virtual_bytes: field(23),
        resident_pages: field(24),
    };
    Some((comm, stat))
}

/// A decimal number. Negative ones (priorities, a missing terminal) are of no interest here and become 0.
fn number(text: &[u8]) -> Option<u64> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { 0 } else { value })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const TAIL: &str = "S 7 42 42 0 -1 4194560 1201 88 3 4 250 75 9 8 20 0 5 0 38100 22437888 981 \
                        18446744073709551615 1 1 0 0 0 0 0 4096 17475 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0";

    #[test]
    fn every_field_is_read_from_its_place() {
        let content = format!("42 (nginx) {TAIL}\n");
        let (comm, stat) = parse(content.as_bytes()).unwrap();
        assert_eq!(comm, b"nginx");
        assert_eq!(
            stat,
            Stat {
                state: b'S',
                parent: 7,
                is_kernel_thread: false,
                minor_faults: 1201,
                children_minor_faults: 88,
                major_faults: 3,
                children_major_faults: 4,
                user: 250,
                system: 75,
                children_user: 9,
                children_system: 8,
                threads: 5,
                start: 38100,
                virtual_bytes: 22_437_888,
                resident_pages: 981,
            }
        );
    }

    #[test]
    fn a_file_that_is_cut_short_is_none() {
        let content = format!("42 (nginx) {TAIL}\n");
        let whole = content.len() - TAIL.len() + TAIL.find(" 18446744073709551615").unwrap();
        assert!(parse(&content.as_bytes()[..whole]).is_some());
        for length in 0..whole - 3 {
            assert_eq!(parse(&content.as_bytes()[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn a_comm_may_be_any_bytes(
            comm in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(b')'), Just(b'('), Just(b' '), Just(b'\n')], 0..64),
        ) {
            let content = [b"1 (", &comm[..], b") ", TAIL.as_bytes()].concat();
            let (read, stat) = parse(&content).unwrap();
            prop_assert_eq!(read, &comm[..]);
            prop_assert_eq!((stat.parent, stat.resident_pages), (7, 981));
        }

        #[test]
        fn any_bytes_are_read_or_refused_never_a_panic(
            content in proptest::collection::vec(any::<u8>(), 0..200),
            digits in "[0-9() -]{0,200}",
        ) {
            let _ = parse(&content);
            let _ = parse(digits.as_bytes());
        }
    }
}
