//! Clients that are refused again and again.
//!
//! Requests are counted by client and minute; a client that is refused more often than [`MANY`] times in one is a
//! burst, once a minute. So many clients are kept; the one that was refused least often makes room.

use std::collections::HashMap;

/// More refusals than this in one minute are a burst.
pub(super) const MANY: u32 = 20;

/// So many clients are counted at a time.
const MOST: usize = 1024;

/// A longer name of a client is cut.
const LONGEST: usize = 64;

const MINUTE: u64 = 60_000_000_000;

#[derive(Debug, Clone, Copy)]
struct Refusals {
    minute: u64,
    count: u32,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Bursts {
    clients: HashMap<Box<str>, Refusals>,
}

impl Bursts {
    /// A client was refused at `time`, in nanoseconds. Whether that makes a burst.
    pub(super) fn refused(&mut self, client: &str, time: u64) -> bool {
        let minute = time / MINUTE;
        let client = &client[..client.floor_char_boundary(LONGEST)];
        if let Some(refusals) = self.clients.get_mut(client) {
            if refusals.minute != minute {
                *refusals = Refusals { minute, count: 0 };
            }
            refusals.count = refusals.count.saturating_add(1);
            return refusals.count == MANY + 1;
        }
        if self.clients.len() >= MOST {
            self.make_room(minute);
        }
        self.clients.insert(client.into(), Refusals { minute, count: 1 });
        false
    }

    fn make_room(&mut self, minute: u64) {
        self.clients.retain(|_, refusals| refusals.minute >= minute);
        if self.clients.len() >= MOST {
            let least = self.clients.iter().min_by_key(|(_, refusals)| refusals.count);
            if let Some(client) = least.map(|(client, _)| client.clone()) {
                self.clients.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bursts(bursts: &mut Bursts, client: &str, seconds: u64, times: u32) -> usize {
        (0..times).filter(|_| bursts.refused(client, seconds * 1_000_000_000)).count()
    }

    #[test]
    fn a_client_that_is_refused_too_often_in_a_minute_is_a_burst_once() {
        let mut kept = Bursts::default();
        assert_eq!(bursts(&mut kept, "10.0.0.1", 5, MANY), 0);
        assert_eq!(bursts(&mut kept, "10.0.0.2", 6, MANY), 0, "another client");
        assert_eq!(bursts(&mut kept, "10.0.0.1", 59, 1), 1);
        assert_eq!(bursts(&mut kept, "10.0.0.1", 59, 500), 0);
        assert_eq!(bursts(&mut kept, "10.0.0.1", 61, MANY), 0, "another minute");
        assert_eq!(bursts(&mut kept, "10.0.0.1", 62, 1), 1);
    }

    #[test]
    fn many_clients_do_not_hide_one_and_take_no_more_memory() {
        let mut kept = Bursts::default();
        assert_eq!(bursts(&mut kept, "10.0.0.1", 5, MANY), 0);
        for number in 0..3 * MOST {
            assert_eq!(bursts(&mut kept, &format!("client {number}"), 6, 1), 0);
        }
        assert!(kept.clients.len() <= MOST);
        assert_eq!(bursts(&mut kept, "10.0.0.1", 7, 1), 1);
        bursts(&mut kept, &"x".repeat(10_000), 8, 1);
        assert!(kept.clients.keys().all(|client| client.len() <= LONGEST));
    }
}
