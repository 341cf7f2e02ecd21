#![allow(clippy::unwrap_used)]
use std::collections::VecDeque;
use std::time::SystemTime;

use vigie_pipeline::commons::Commons;

use super::super::expect::{Cores, Memory, Number};
use super::*;

/// What is there at each look.
struct Told(VecDeque<Result<Vec<Facts>, String>>);

impl Source for Told {
    fn facts(&mut self, _now: Instant) -> Result<Vec<Vec<Facts>>, String> {
        self.0.pop_front().unwrap().map(|facts| vec![facts])
    }
}

fn process(pid: u32, ticks: u64) -> Facts {
    Facts {
        member: Member { pid, start: u64::from(pid) * 10 },
        matches: true,
        state: b'S',
        ticks,
        resident_bytes: 1 << 20,
        threads: 2,
        open_files: 10,
    }
}

const SECONDS: Duration = Duration::from_secs(10);

/// What the only expectation is found to be at each look, ten seconds apart.
fn looks(
    expect: &Expect,
    told: Vec<Vec<Facts>>,
    standings: &Arc<Standings>,
) -> Vec<(Option<Reason>, String)> {
    let told = Told(told.into_iter().map(Ok).collect());
    let count = told.0.len();
    let mut groups = Groups::new(told, std::iter::once(expect), Arc::clone(standings));
    groups.ticks_per_second = 100.0;
    let start = Instant::now();
    let look = |number| {
        let now = Now { monotonic: start + SECONDS * number, wall: SystemTime::now() };
        let finding = groups.look(now).findings.remove(0);
        (finding.wrong, finding.words)
    };
    (0..count as u32).map(look).collect()
}

fn reasons(expect: &Expect, told: Vec<Vec<Facts>>) -> Vec<Option<Reason>> {
    looks(expect, told, &Standings::shared(&Commons::default())).into_iter().map(|(wrong, _)| wrong).collect()
}

fn hung(probe: Option<&str>) -> Expect {
    let hung = Hung { patience: HumanDuration::secs(20), probe: probe.map(str::to_owned) };
    Expect { hung: Some(hung), ..Expect::default() }
}

#[test]
fn processes_that_match_are_counted_against_both_bounds() {
    let child = Facts { matches: false, ..process(3, 0) };
    let bounds = |min, max| Expect { min, max, ..Expect::default() };
    let standings = Standings::shared(&Commons::default());
    let told = |expect, facts| looks(&expect, vec![facts], &standings).remove(0);
    let found = |reason, words: &str| (reason, words.to_owned());
    assert_eq!(
        told(bounds(Some(2), None), vec![process(1, 0), child]),
        found(Some(Reason::TooFew), "has 1 process, at least 2 expected")
    );
    assert_eq!(
        told(bounds(None, Some(0)), vec![process(1, 0), process(2, 0)]),
        found(Some(Reason::TooMany), "has 2 processes, at most 0 expected")
    );
    assert_eq!(told(bounds(Some(2), None), vec![process(1, 0), process(2, 0)]).0, None);
}

#[test]
fn cpu_is_what_was_used_since_the_look_before_whoever_came_or_went() {
    let expect =
        Expect { cpu: Some(Cores { above: 0.5, patience: HumanDuration::default() }), ..Expect::default() };
    let above = Some(Reason::Above);
    // Ten seconds of a hundred ticks: 500 is half a core.
    let course = vec![
        vec![process(1, 90_000)],
        vec![process(1, 90_500)],
        vec![process(1, 91_001)],
        vec![process(2, 70_000)],
        vec![process(2, 70_400), process(3, 0)],
        vec![process(2, 70_700), process(3, 300)],
    ];
    assert_eq!(reasons(&expect, course), [None, None, above, None, None, above]);
}

#[test]
fn what_is_used_is_added_up_over_all_processes() {
    let patience = HumanDuration::default();
    let number = |above| Some(Number { above, patience });
    let two = || vec![vec![process(1, 0), Facts { state: b'Z', ..process(2, 0) }]];
    for (expect, wrong) in [
        (Expect { fds: number(19), ..Expect::default() }, true),
        (Expect { fds: number(20), ..Expect::default() }, false),
        (Expect { threads: number(3), ..Expect::default() }, true),
        (Expect { threads: number(4), ..Expect::default() }, false),
        (Expect { zombies: number(0), ..Expect::default() }, true),
        (Expect { zombies: number(1), ..Expect::default() }, false),
        (Expect { rss: Some(Memory { above: ByteSize(2 << 20), patience }), ..Expect::default() }, false),
        (
            Expect { rss: Some(Memory { above: ByteSize((2 << 20) - 1), patience }), ..Expect::default() },
            true,
        ),
    ] {
        assert_eq!(reasons(&expect, two()), [wrong.then_some(Reason::Above)], "{expect:?}");
    }
}

#[test]
fn a_group_that_uses_no_cpu_time_hangs_but_an_empty_one_does_not() {
    let quiet = Some(Reason::NoProgress);
    let same = || vec![process(1, 5)];
    assert_eq!(
        reasons(&hung(None), vec![same(), same(), same(), vec![process(1, 6)]]),
        [None, None, quiet, None]
    );
    assert_eq!(reasons(&hung(None), vec![same(), same(), vec![], vec![], vec![]]), [None; 5]);
    // The same PID is another process.
    let other = Facts { member: Member { pid: 1, start: 99 }, ..process(1, 5) };
    assert_eq!(reasons(&hung(None), vec![same(), same(), vec![other], vec![other]]), [None; 4]);
}

#[test]
fn one_process_in_uninterruptible_sleep_for_long_hangs_and_not_many_for_short() {
    let stuck = |pid, ticks| vec![Facts { state: b'D', ..process(pid, ticks) }, process(9, ticks)];
    let course = vec![stuck(1, 1), stuck(1, 2), stuck(1, 3)];
    assert_eq!(reasons(&hung(None), course), [None, None, Some(Reason::Uninterruptible)]);
    let course = vec![stuck(1, 1), stuck(2, 2), stuck(1, 3), stuck(2, 4)];
    assert_eq!(reasons(&hung(None), course), [None; 4]);
}

#[test]
fn with_a_probe_it_hangs_while_that_fails_and_somebody_is_there() {
    let standings = Standings::shared(&Commons::default());
    let mut home = standings.register("home");
    home.report(true);
    let same = || vec![process(1, 5)];
    let expect = hung(Some("home"));
    let told = |course, standings: &Arc<Standings>| {
        looks(&expect, course, standings).into_iter().map(|(wrong, _)| wrong).collect::<Vec<_>>()
    };
    assert_eq!(told(vec![same(), same(), same(), same()], &standings), [None; 4], "an idle one that answers");
    home.report(false);
    let fails = Some(Reason::ProbeFails);
    assert_eq!(told(vec![same(), same(), same(), vec![]], &standings), [None, None, fails, None]);
}

#[test]
fn what_cannot_be_seen_is_told_and_its_past_forgotten() {
    let told = VecDeque::from([Ok(vec![process(1, 5)]), Err("hidden".to_owned()), Ok(vec![process(1, 5)])]);
    let standings = Standings::shared(&Commons::default());
    let expect = Expect { min: Some(1), ..hung(None) };
    let mut groups = Groups::new(Told(told), std::iter::once(&expect), standings);
    let start = Instant::now();
    let mut look = |number| {
        let sight = groups.look(Now { monotonic: start + SECONDS * number, wall: SystemTime::now() });
        sight.findings.into_iter().map(|finding| finding.wrong).collect::<Vec<_>>()
    };
    assert_eq!(look(0), [None; 2]);
    assert_eq!(look(1), [Some(Reason::Unreadable); 2]);
    assert_eq!(look(9), [None; 2]);
}
