//! Which sessions go, in which order, and what stays of them.

use store::{Expired, Retention, RetentionRules, SessionRow, Store};

use crate::fixture::{open, query, session};

const DAY: i64 = 86_400_000_000_000;
const NOW: i64 = 1_000 * DAY;

/// A session that was last active so many days ago.
fn aged(id: &str, parent: Option<&str>, days: i64) -> SessionRow {
    SessionRow {
        parent_session_id: parent.map(Into::into),
        started_ns: NOW - days * DAY,
        last_ns: NOW - days * DAY,
        ..session(id)
    }
}

fn filled() -> (tempfile::TempDir, Store) {
    let (folder, store, mut writer) = open();
    writer
        .commit(store::Batch {
            sessions: vec![
                aged("old", None, 100),
                aged("old-child", Some("old"), 99),
                aged("old-with-young-child", None, 100),
                aged("young-child", Some("old-with-young-child"), 1),
                aged("week", None, 8),
                aged("orphan", Some("nobody"), 100),
                aged("new", None, 0),
            ],
            journal_position: 1,
            ..store::Batch::default()
        })
        .unwrap();
    (folder, store)
}

fn ids(found: &[Expired]) -> Vec<&str> {
    found.iter().map(|one| one.session_id.as_str()).collect()
}

#[test]
fn families_go_by_their_latest_activity() {
    let (_folder, store) = filled();
    let rules = RetentionRules {
        max_age_ns: Some(30 * DAY),
        ..RetentionRules::default()
    };
    let found = store.expired(&rules, NOW).unwrap();
    assert_eq!(ids(&found), ["orphan", "old"]);
    assert_eq!((found[1].session_count, &*found[1].reason), (2, "age"));
    assert_eq!(store.expired(&RetentionRules::default(), NOW).unwrap(), []);
    // The one that is active is not taken to save space.
    let oldest = store.oldest(&rules, NOW).unwrap();
    assert_eq!(
        ids(&oldest),
        ["orphan", "old", "week", "old-with-young-child"]
    );
}

#[test]
fn tags_and_what_was_said_of_a_session_go_before_age() {
    let (_folder, store) = filled();
    let tag = |id: &str, tag: &str| store.change_tags(id, &[tag.to_owned()], &[], NOW).unwrap();
    let rules = RetentionRules {
        max_age_ns: Some(30 * DAY),
        tags: vec![
            ("release".to_owned(), None),
            ("scratch".to_owned(), Some(7 * DAY)),
            ("month's".to_owned(), Some(30 * DAY)),
        ],
        max_size_bytes: None,
    };
    tag("week", "scratch");
    tag("old-child", "release");
    let found = store.expired(&rules, NOW).unwrap();
    assert_eq!(ids(&found), ["orphan", "week"]);
    assert_eq!(found[1].reason, "tag: scratch");
    // Of several tags the longest counts.
    tag("week", "month's");
    assert_eq!(ids(&store.expired(&rules, NOW).unwrap()), ["orphan"]);

    store
        .set_retention("orphan", Some(Retention::Keep), NOW)
        .unwrap();
    assert_eq!(store.retention_of("orphan").unwrap(), Some(Retention::Keep));
    assert_eq!(store.expired(&rules, NOW).unwrap(), []);
    assert_eq!(
        ids(&store.oldest(&rules, NOW).unwrap()),
        ["week", "old-with-young-child"]
    );
    let soon = Retention::ExpireAt(NOW + DAY);
    store.set_retention("new", Some(soon), NOW).unwrap();
    assert_eq!(store.retention_of("new").unwrap(), Some(soon));
    assert_eq!(store.expired(&rules, NOW).unwrap(), []);
    let found = store.expired(&rules, NOW + DAY).unwrap();
    assert_eq!((ids(&found), &*found[0].reason), (vec!["new"], "expired"));
    store.set_retention("orphan", None, NOW).unwrap();
    assert_eq!(store.retention_of("orphan").unwrap(), None);
    assert_eq!(ids(&store.expired(&rules, NOW).unwrap()), ["orphan"]);
}

#[test]
fn what_went_is_remembered_with_its_reason() {
    let (_folder, store) = filled();
    store
        .set_retention("old", Some(Retention::ExpireAt(NOW)), NOW)
        .unwrap();
    let deletion = store
        .delete_expired(&["old".to_owned()], "expired", NOW)
        .unwrap();
    assert_eq!(deletion.session_ids, ["old", "old-child"]);
    store.fold_log().unwrap();
    assert_eq!(
        query(
            &store,
            "select session_id, reason from deleted_sessions order by 1"
        ),
        ["old|expired", "old-child|expired"]
    );
    assert_eq!(store.retention_of("old").unwrap(), None);
    assert!(store.verify().unwrap().is_healthy());
}
