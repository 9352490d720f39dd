//! The journal alone: order, recovery, damage, release.

use std::fs;
use std::sync::mpsc;

use bytes::Bytes;
use collector::ingest::Accepted;
use collector::journal::{self, Config, Encryption, Journal, Record};
use collector::receive::admission::Permit;
use proptest::prelude::*;
use prost::Message;
use proto::{Encoding, Request};
use store::EncryptionKey;

use crate::support::{journal_config, journal_files, traces};

/// Writes one record per body length, each in a group of its own, and closes the journal.
fn write(config: Config, loaded: u64, names: &[String]) -> Vec<u64> {
    let journal = Journal::open(config, loaded).unwrap();
    let (sender, loader) = mpsc::channel::<Accepted>();
    let handle = journal.start(sender).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let positions = names
        .iter()
        .map(|name| {
            let request = traces(&[name]);
            let body = Bytes::from(request.encode_to_vec());
            let request = Request::Traces(request);
            let submitted = handle.submit(Encoding::Protobuf, body, request, Permit::uncounted());
            runtime.block_on(submitted).unwrap()
        })
        .collect();
    drop(handle);
    let loaded: Vec<_> = loader.iter().map(|accepted| accepted.position).collect();
    assert_eq!(loaded, positions);
    positions
}

fn names(lengths: &[usize]) -> Vec<String> {
    lengths.iter().map(|length| "n".repeat(*length)).collect()
}

fn replay(config: Config, after: u64) -> (Vec<Record>, u64) {
    let journal = Journal::open(config, after).unwrap();
    let mut replay = journal.replay(after);
    let records = replay.by_ref().map(|record| record.unwrap()).collect();
    (records, replay.damaged_bytes())
}

fn positions(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.position).collect()
}

#[test]
fn records_come_back_as_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    let names = names(&[0, 1, 1000, 200_000]);
    assert_eq!(write(journal_config(&dir), 0, &names), [1, 2, 3, 4]);
    let (records, damaged) = replay(journal_config(&dir), 0);
    assert_eq!(positions(&records), [1, 2, 3, 4]);
    assert_eq!(damaged, 0);
    for (record, name) in records.iter().zip(&names) {
        assert_eq!(record.body, traces(&[name]).encode_to_vec());
        assert_eq!(record.signal, proto::Signal::Traces);
        assert!(record.received_ns > 0);
    }
    assert_eq!(positions(&replay(journal_config(&dir), 2).0), [3, 4]);
}

#[test]
fn positions_rise_over_every_restart_and_over_a_lost_folder() {
    let dir = tempfile::tempdir().unwrap();
    let one = names(&[10]);
    assert_eq!(write(journal_config(&dir), 0, &one), [1]);
    assert_eq!(write(journal_config(&dir), 0, &one), [2]);
    assert_eq!(write(journal_config(&dir), 2, &one), [3]);
    // What is loaded is deleted when the journal is opened.
    assert_eq!(positions(&replay(journal_config(&dir), 0).0), [3]);
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    assert_eq!(write(journal_config(&dir), 3, &one), [4]);
    assert_eq!(journal_files(&dir).len(), 1);
}

#[test]
fn loaded_segments_are_deleted_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        segment_bytes: 5000,
        ..journal_config(&dir)
    };
    // Two records fit a segment: 1 2 | 3 4 | 5.
    write(config.clone(), 0, &names(&[2500, 2500, 2500, 2500, 2500]));
    assert_eq!(journal_files(&dir).len(), 3);
    let journal = Journal::open(config.clone(), 0).unwrap();
    for (loaded, files) in [(1, 3), (2, 2), (3, 2), (4, 1), (5, 0)] {
        journal.release(loaded).unwrap();
        assert_eq!(journal_files(&dir).len(), files, "after {loaded}");
    }
    assert_eq!(write(config, 5, &names(&[1])), [6]);
}

#[test]
fn damage_in_the_middle_costs_only_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    write(journal_config(&dir), 0, &names(&[300, 301, 302]));
    let file = &journal_files(&dir)[0];
    let mut bytes = fs::read(file).unwrap();
    let header = 32;
    let first = header + 32 + traces(&[&"n".repeat(300)]).encoded_len();
    // Anything of the second record: its mark, its length, its position, its checksum, its body.
    for at in [0, 4, 7, 8, 24, 28, 40, 300] {
        bytes[first + at] ^= 0x55;
        fs::write(file, &bytes).unwrap();
        bytes[first + at] ^= 0x55;
        let (records, damaged) = replay(journal_config(&dir), 0);
        assert_eq!(positions(&records), [1, 3], "byte {at}");
        assert_eq!(
            damaged,
            32 + traces(&[&"n".repeat(301)]).encoded_len() as u64
        );
    }
}

#[test]
fn a_record_inside_a_body_is_not_taken_for_one() {
    let dir = tempfile::tempdir().unwrap();
    write(journal_config(&dir), 0, &names(&[100]));
    let stolen = fs::read(&journal_files(&dir)[0]).unwrap()[32..].to_vec();

    // A sender puts journal bytes with a later position into a body; then that body is damaged.
    let other = tempfile::tempdir().unwrap();
    let journal = Journal::open(journal_config(&other), 0).unwrap();
    let (sender, loader) = mpsc::channel();
    let handle = journal.start(sender).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let body = [vec![0; 50], stolen].concat();
    let request = Request::Traces(traces(&[]));
    let submitted = handle.submit(
        Encoding::Protobuf,
        body.into(),
        request,
        Permit::uncounted(),
    );
    runtime.block_on(submitted).unwrap();
    drop(handle);
    assert_eq!(loader.iter().count(), 1);
    let file = &journal_files(&other)[0];
    let mut bytes = fs::read(file).unwrap();
    bytes[70] ^= 1;
    fs::write(file, &bytes).unwrap();
    assert_eq!(replay(journal_config(&other), 0).0, []);
}

#[test]
fn files_that_are_no_segments_are_left_alone_or_reported() {
    let dir = tempfile::tempdir().unwrap();
    write(journal_config(&dir), 0, &names(&[10]));
    let folder = dir.path().join("journal");
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    // A crash between creating a segment and writing its header.
    fs::write(folder.join("0000000002.wal"), "").unwrap();
    assert_eq!(write(journal_config(&dir), 0, &names(&[10])), [2]);
    assert!(folder.join("0000000003.wal").exists());
    assert_eq!(positions(&replay(journal_config(&dir), 0).0), [1, 2]);
    Journal::open(journal_config(&dir), 2).unwrap();
    assert_eq!(journal_files(&dir), [folder.join("notes.txt")]);
}

/// Everything before the last record survives a cut anywhere in it, and writing goes on.
fn survives_cut(lengths: &[usize], cut: usize) {
    let dir = tempfile::tempdir().unwrap();
    let config = journal_config(&dir);
    let names = names(lengths);
    let last = write(config.clone(), 0, &names).pop().unwrap();
    let file = &journal_files(&dir)[0];
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..bytes.len() - cut]).unwrap();
    let (records, damaged) = replay(config.clone(), 0);
    assert_eq!(positions(&records), (1..last).collect::<Vec<_>>());
    assert_eq!(
        damaged, 0,
        "the cut tail is gone, so there is nothing to skip"
    );
    let next = write(config.clone(), 0, &names[..1])[0];
    assert!(next >= last);
    let (records, damaged) = replay(config, 0);
    assert_eq!(records.len() as u64, last);
    assert_eq!(records.last().unwrap().position, next);
    assert_eq!(damaged, 0);
}

#[test]
fn a_cut_at_every_byte_of_the_last_record_loses_only_that_record() {
    let record = 32 + traces(&["nnnnn"]).encoded_len();
    for cut in 1..=record {
        survives_cut(&[40, 0, 5], cut);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_cut_of_any_last_record_loses_only_that_record(
        lengths in proptest::collection::vec(0usize..70_000, 1..6),
        cut: prop::sample::Index,
    ) {
        let last = "n".repeat(*lengths.last().unwrap());
        let record = 32 + traces(&[&last]).encoded_len();
        survives_cut(&lengths, cut.index(record) + 1);
    }

    #[test]
    fn any_changed_byte_costs_at_most_one_record(at: prop::sample::Index, flip in 1u8..) {
        let dir = tempfile::tempdir().unwrap();
        write(journal_config(&dir), 0, &names(&[100, 2000, 0, 70_000, 5]));
        let file = &journal_files(&dir)[0];
        let mut bytes = fs::read(file).unwrap();
        let at = 32 + at.index(bytes.len() - 32);
        bytes[at] ^= flip;
        fs::write(file, &bytes).unwrap();
        let (records, _) = replay(journal_config(&dir), 0);
        prop_assert_eq!(records.len(), 4);
    }
}

#[test]
fn with_a_key_bodies_are_sealed_and_open_with_that_key_alone() {
    let dir = tempfile::tempdir().unwrap();
    let key = EncryptionKey::draw().unwrap();
    let with = |key: &EncryptionKey| Config {
        encryption: Some(Encryption::new(key).unwrap()),
        ..journal_config(&dir)
    };
    let texts = names(&[300, 100_000]);
    assert_eq!(write(with(&key), 0, &texts), [1, 2]);
    let file = &journal_files(&dir)[0];
    let on_disk = fs::read(file).unwrap();
    let (records, damaged) = replay(with(&key), 0);
    assert_eq!((positions(&records), damaged), (vec![1, 2], 0));
    let clear = tempfile::tempdir().unwrap();
    write(journal_config(&clear), 0, &texts);
    assert_eq!(replay(journal_config(&clear), 0).0.len(), 2);
    for record in &records {
        let holds = |bytes: &[u8]| bytes.windows(64).any(|some| some == &record.body[20..84]);
        assert!(!holds(&on_disk));
        assert!(holds(&fs::read(&journal_files(&clear)[0]).unwrap()));
    }
    assert!(
        journal::check(
            &dir.path().join("journal"),
            with(&key).encryption.as_ref(),
            0
        )
        .unwrap()
        .stretches
        .is_empty()
    );

    // Without the key, or with another, nothing is read and nothing is cut off.
    for other in [journal_config(&dir), with(&EncryptionKey::draw().unwrap())] {
        let error = Journal::open(other, 0).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("it is encrypted"), "{source}");
        assert_eq!(fs::read(file).unwrap(), on_disk);
    }

    // A body that is another's, under a right checksum: the second record gets the first one's.
    let first = on_disk[32..].to_vec();
    let length = u32::from_le_bytes(first[4..8].try_into().unwrap()) as usize;
    let mut forged = on_disk[..32].to_vec();
    let mut header = first[..32].to_vec();
    header[8..16].copy_from_slice(&9_u64.to_le_bytes());
    let salt = &on_disk[12..16];
    let body = &first[32..32 + length];
    let sum = crc32c::crc32c(&[salt, &header[..28], body].concat());
    header[28..].copy_from_slice(&sum.to_le_bytes());
    forged.extend([&header[..], body].concat());
    fs::write(file, &forged).unwrap();
    let check = journal::check(
        &dir.path().join("journal"),
        with(&key).encryption.as_ref(),
        0,
    );
    let check = check.unwrap();
    assert_eq!((check.record_count, check.stretches.len()), (0, 1));

    // What an earlier run wrote without a key is read as well.
    write(journal_config(&clear), 0, &texts);
    let mixed = Config {
        encryption: Some(Encryption::new(&key).unwrap()),
        ..journal_config(&clear)
    };
    assert_eq!(replay(mixed, 0).0.len(), 4);
}
