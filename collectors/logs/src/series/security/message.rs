//! What sshd, sudo, su and PAM say when somebody may not come in.
//!
//! Messages are told apart by how they begin, so that what somebody typed as a name makes no event. Which program
//! speaks is known from the fields of syslog or the journal, or from the head of the line (`sshd[812]: …`).

use vigie_pipeline::otlp::view::Value;

use crate::series::Sighting;

/// Why something is a security event. A closed set: it becomes the `reason` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// sshd: a wrong password, or another proof that was none, also of a user that does not exist.
    SshFailedLogin,
    /// sshd: a user that does not exist.
    SshInvalidUser,
    /// sshd: a user who may not log in, or not in this way.
    SshNotAllowed,
    /// sshd: too many attempts in one connection.
    SshTooManyAttempts,
    /// sudo: a wrong password, or none.
    SudoFailed,
    /// sudo: a user who may not do this.
    SudoNotAllowed,
    /// su: it was refused.
    SuFailed,
    /// PAM, whichever program asked: an authentication failed.
    PamFailed,
    /// An access log: 401.
    HttpUnauthorized,
    /// An access log: 403.
    HttpForbidden,
    /// An access log: very many 401 and 403 for one client.
    HttpBurst,
}

impl Reason {
    pub(crate) const ALL: [Self; 11] = [
        Self::SshFailedLogin,
        Self::SshInvalidUser,
        Self::SshNotAllowed,
        Self::SshTooManyAttempts,
        Self::SudoFailed,
        Self::SudoNotAllowed,
        Self::SuFailed,
        Self::PamFailed,
        Self::HttpUnauthorized,
        Self::HttpForbidden,
        Self::HttpBurst,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SshFailedLogin => "ssh_failed_login",
            Self::SshInvalidUser => "ssh_invalid_user",
            Self::SshNotAllowed => "ssh_not_allowed",
            Self::SshTooManyAttempts => "ssh_too_many_attempts",
            Self::SudoFailed => "sudo_failed",
            Self::SudoNotAllowed => "sudo_not_allowed",
            Self::SuFailed => "su_failed",
            Self::PamFailed => "pam_failed",
            Self::HttpUnauthorized => "http_unauthorized",
            Self::HttpForbidden => "http_forbidden",
            Self::HttpBurst => "http_burst",
        }
    }
}

/// Fields with the name of the program: of syslog, and of the journal.
const PROGRAMS: [&str; 5] =
    ["syslog.appname", "appname", "app_name", "SYSLOG_IDENTIFIER", "process.executable.name"];

/// Fields with what it says.
const MESSAGES: [&str; 3] = ["syslog.message", "message", "MESSAGE"];

/// A record may tell of so many equal events at most.
const MOST: u32 = 10_000;

/// What a record tells of, and how often that happened.
pub(super) fn read(seen: &Sighting<'_>) -> Option<(Reason, u32)> {
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| seen.value(name));
        if let Some(Value::Text(text)) = found { Some(text) } else { None }
    };
    if let Some(program) = text(&PROGRAMS) {
        let message = text(&MESSAGES).or(seen.fields.body.as_deref()).unwrap_or(seen.subject.line);
        // Where the body is the whole line, its head is still there.
        return event(program, message)
            .or_else(|| head(message).and_then(|(_, message)| event(program, message)));
    }
    let (program, message) = head(seen.subject.line)?;
    event(program, message)
}

/// Program and message of `May  1 10:00:00 host sshd[812]: message`, also with an ISO time.
fn head(line: &str) -> Option<(&str, &str)> {
    // The first word that ends in a colon; the colons of times do not end a word.
    let at = memchr::memmem::find(line.as_bytes(), b": ")?;
    let (head, message) = (&line[..at], &line[at + 2..]);
    let tag = head.rsplit(' ').next().unwrap_or(head);
    let program = tag.split('[').next().unwrap_or(tag);
    Some((program, message.trim_start()))
}

fn event(program: &str, message: &str) -> Option<(Reason, u32)> {
    // rsyslog, where the same came again.
    if let Some(rest) = message.strip_prefix("message repeated ") {
        let (times, rest) = rest.split_once(" times: [ ")?;
        let (reason, each) = event(program, rest.strip_suffix(']').unwrap_or(rest))?;
        return Some((reason, times.parse::<u32>().ok()?.saturating_mul(each).min(MOST)));
    }
    if message.starts_with("pam_") {
        let (_, said) = message.split_once("): ")?;
        return said.starts_with("authentication failure;").then_some((Reason::PamFailed, 1));
    }
    match program.rsplit('/').next()? {
        "sshd" | "sshd-session" | "sshd-auth" => sshd(message),
        "sudo" => sudo(message),
        "su" => su(message),
        _ => None,
    }
}

fn sshd(message: &str) -> Option<(Reason, u32)> {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    if let Some(rest) = message.strip_prefix("Failed ") {
        // A client offers one key after the other; `none` asks what there is.
        let is_login =
            !rest.starts_with("publickey ") && !rest.starts_with("none ") && rest.contains(" for ");
        return is_login.then_some((Reason::SshFailedLogin, 1));
    }
    if let Some(rest) = message.strip_prefix("PAM ") {
        // `PAM 2 more authentication failures; …`, beyond the one that was told by itself.
        let (times, rest) = rest.split_once(" more authentication failure")?;
        return rest
            .starts_with([';', 's'])
            .then_some((Reason::PamFailed, times.parse::<u32>().ok()?.min(MOST)));
    }
    let is_refused = || {
        let rest = message.strip_prefix("User ")?;
        rest.contains(" not allowed because ").then_some(())
    };
    let reason = match message {
        _ if message.starts_with("Invalid user ") => Reason::SshInvalidUser,
        _ if message.starts_with("maximum authentication attempts exceeded for ") => {
            Reason::SshTooManyAttempts
        }
        _ if message.starts_with("ROOT LOGIN REFUSED ") || is_refused().is_some() => Reason::SshNotAllowed,
        _ => return None,
    };
    Some((reason, 1))
}

/// `bob : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id`
fn sudo(message: &str) -> Option<(Reason, u32)> {
    let (_user, rest) = message.split_once(" : ")?;
    let what = rest.split(" ; ").next()?;
    if let Some((times, _)) = what.split_once(" incorrect password attempt") {
        return Some((Reason::SudoFailed, times.parse::<u32>().ok()?.min(MOST)));
    }
    match what {
        "a password is required" | "conversation failed" | "no password was provided" => {
            Some((Reason::SudoFailed, 1))
        }
        "user NOT in sudoers" | "user NOT authorized on host" | "command not allowed" => {
            Some((Reason::SudoNotAllowed, 1))
        }
        _ => None,
    }
}

fn su(message: &str) -> Option<(Reason, u32)> {
    let is_failed = message.starts_with("FAILED SU ") || message.starts_with("FAILED su ");
    is_failed.then_some((Reason::SuFailed, 1))
}
