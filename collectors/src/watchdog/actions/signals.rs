//! Signals by their names.

use rustix::process::Signal;

/// Every signal that has a use here, by its name without `SIG` (signal(7)).
const NAMES: [(&str, Signal); 18] = [
    ("ABRT", Signal::ABORT),
    ("ALRM", Signal::ALARM),
    ("CONT", Signal::CONT),
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("KILL", Signal::KILL),
    ("PIPE", Signal::PIPE),
    ("QUIT", Signal::QUIT),
    ("STOP", Signal::STOP),
    ("TERM", Signal::TERM),
    ("TSTP", Signal::TSTP),
    ("TTIN", Signal::TTIN),
    ("TTOU", Signal::TTOU),
    ("URG", Signal::URG),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
    ("XCPU", Signal::XCPU),
];

/// The signal that `TERM` or `SIGTERM` names.
pub(super) fn by_name(name: &str) -> Result<Signal, String> {
    let short = name.strip_prefix("SIG").unwrap_or(name);
    match NAMES.iter().find(|(known, _)| *known == short) {
        Some((_, signal)) => Ok(*signal),
        None => {
            let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            Err(format!("unknown signal `{name}`; known are {}", known.join(", ")))
        }
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
}
