#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn facts() -> impl Strategy<Value = Facts> {
    // Few values of each, so that they are often equal.
    let digest = prop_oneof![
        (0..2_u8).prop_map(|byte| Digest::Whole([byte; 32])),
        (0..2_u8).prop_map(|byte| Digest::Ends([byte; 32])),
        Just(Digest::Unreadable),
    ];
    let kind = prop_oneof![4 => Just(Kind::Regular), 1 => Just(Kind::Directory), 1 => Just(Kind::Dangling)];
    let link = proptest::option::of("[ab]");
    (digest, kind, link, 0..2_u64, 0..2_u64, 0..2_u32, 0..2_u32, 0..2_i64).prop_map(
        |(digest, kind, link, inode, size, mode, uid, modified)| Facts {
            kind,
            link,
            device: 1,
            inode,
            size,
            mode,
            uid,
            gid: 0,
            modified,
            changed: modified,
            digest: if kind == Kind::Regular { digest } else { Digest::None },
            settled: true,
        },
    )
}

fn regular(digest: Digest) -> Facts {
    Facts {
        kind: Kind::Regular,
        link: None,
        device: 1,
        inode: 1,
        size: 3,
        mode: 0o644,
        uid: 0,
        gid: 0,
        modified: 1,
        changed: 1,
        digest,
        settled: true,
    }
}

const A: Digest = Digest::Whole([1; 32]);
const B: Digest = Digest::Whole([2; 32]);

#[test]
fn another_inode_or_other_times_with_the_same_content_are_no_change() {
    let before = regular(A);
    let after = Facts { inode: 2, modified: 9, changed: 9, ..regular(A) };
    assert_eq!(changes(Some(&before), Some(&after)), []);
    assert!(is_replaced(&before, &after));
}

#[test]
fn a_content_that_nobody_may_read_is_changed_when_its_time_or_size_is() {
    let before = regular(Digest::Unreadable);
    let of = |after: Facts| changes(Some(&before), Some(&after));
    assert_eq!(of(Facts { changed: 9, mode: 0o600, ..before.clone() }), [Change::Permissions]);
    assert_eq!(of(Facts { modified: 9, ..before.clone() }), [Change::Changed]);
    assert_eq!(of(Facts { size: 9, ..before.clone() }), [Change::Changed]);
    // That it can be read now says nothing of what it was.
    assert_eq!(of(Facts { mode: 0o604, ..regular(A) }), [Change::Permissions]);
}

#[test]
fn between_the_ends_of_a_large_file_the_time_tells() {
    let before = regular(Digest::Ends([1; 32]));
    let after = Facts { modified: 9, ..before.clone() };
    assert_eq!(changes(Some(&before), Some(&after)), [Change::Changed]);
}

#[test]
fn several_things_may_happen_to_a_file_at_once() {
    let after = Facts { mode: 0o4755, uid: 1000, ..regular(B) };
    let expected = [Change::Changed, Change::Permissions, Change::Owner];
    assert_eq!(changes(Some(&regular(A)), Some(&after)), expected);
}

#[test]
fn a_link_that_comes_to_nothing_has_changed_and_its_own_permissions_are_of_no_interest() {
    let link = Facts { link: Some("target".to_owned()), ..regular(A) };
    let dangling = Facts { kind: Kind::Dangling, mode: 0o777, uid: 5, digest: Digest::None, ..link.clone() };
    assert_eq!(changes(Some(&link), Some(&dangling)), [Change::Changed]);
    let elsewhere = Facts { link: Some("other".to_owned()), ..link.clone() };
    assert_eq!(changes(Some(&link), Some(&elsewhere)), [Change::Changed]);
}

proptest! {
    #[test]
    fn a_file_that_is_as_it_was_has_no_changes(facts in facts()) {
        prop_assert_eq!(changes(Some(&facts), Some(&facts)), []);
        prop_assert_eq!(changes(None, Some(&facts)), [Change::Created]);
        prop_assert_eq!(changes(Some(&facts), None), [Change::Deleted]);
    }

    #[test]
    fn what_changes_one_way_changes_the_other_way_and_each_change_is_told_once(a in facts(), b in facts()) {
        let there = changes(Some(&a), Some(&b));
        prop_assert_eq!(&there, &changes(Some(&b), Some(&a)));
        let distinct: std::collections::BTreeSet<_> = there.iter().collect();
        prop_assert_eq!(distinct.len(), there.len());
        prop_assert!(!there.contains(&Change::Created) && !there.contains(&Change::Deleted));
        let contents = (a.kind, &a.link, a.digest) != (b.kind, &b.link, b.digest);
        let is_known = !matches!((a.digest, b.digest), (Digest::Unreadable, _) | (_, Digest::Unreadable));
        if contents && is_known {
            prop_assert!(there.contains(&Change::Changed), "{a:?} {b:?}");
        }
        if a.kind == b.kind && a.kind != Kind::Dangling {
            prop_assert_eq!(there.contains(&Change::Permissions), a.mode != b.mode);
            prop_assert_eq!(there.contains(&Change::Owner), a.uid != b.uid);
        }
    }
}
