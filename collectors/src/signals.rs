//! Signals by their names.

use rustix::process::Signal;

/// Every signal that somebody may send or that ends a process, by its name without `SIG` (signal(7)).
const NAMES: [(&str, Signal); 25] = [
    ("ABRT", Signal::ABORT),
    ("ALRM", Signal::ALARM),
    ("BUS", Signal::BUS),
    ("CONT", Signal::CONT),
    ("FPE", Signal::FPE),
    ("HUP", Signal::HUP),
    ("ILL", Signal::ILL),
    ("INT", Signal::INT),
    ("KILL", Signal::KILL),
    ("PIPE", Signal::PIPE),
    ("QUIT", Signal::QUIT),
    ("SEGV", Signal::SEGV),
    ("STOP", Signal::STOP),
    ("SYS", Signal::SYS),
    ("TERM", Signal::TERM),
    ("TRAP", Signal::TRAP),
    ("TSTP", Signal::TSTP),
    ("TTIN", Signal::TTIN),
    ("TTOU", Signal::TTOU),
    ("URG", Signal::URG),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
    ("XCPU", Signal::XCPU),
    ("XFSZ", Signal::XFSZ),
];

/// The signal that `TERM` or `SIGTERM` names.
pub(crate) fn by_name(name: &str) -> Result<Signal, String> {
    let short = name.strip_prefix("SIG").unwrap_or(name);
    match NAMES.iter().find(|(known, _)| *known == short) {
        Some((_, signal)) => Ok(*signal),
        None => {
            let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            Err(format!("unknown signal `{name}`; known are {}", known.join(", ")))
        }
    }
}

/// What the signal of this number is called; its number if it has no name.
pub(crate) fn name(number: u8) -> String {
    match NAMES.iter().find(|(_, signal)| signal.as_raw() == i32::from(number)) {
        Some((name, _)) => format!("SIG{name}"),
        None => format!("signal {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_known_with_and_without_its_prefix() {
        assert_eq!(by_name("TERM"), Ok(Signal::TERM));
        assert_eq!(by_name("SIGUSR1"), Ok(Signal::USR1));
        assert_eq!(by_name("STOP").map(Signal::as_raw), Ok(libc::SIGSTOP));
        for wrong in ["", "SIG", "term", "9", "SIGSIGTERM"] {
            assert!(by_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_signal_is_called_by_its_name_if_it_has_one() {
        assert_eq!([9, 11, 40].map(name), ["SIGKILL", "SIGSEGV", "signal 40"]);
        for (short, signal) in NAMES {
            assert_eq!(u8::try_from(signal.as_raw()).map(name), Ok(format!("SIG{short}")));
        }
    }
}
