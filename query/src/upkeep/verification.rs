//! What a verification tells.

use serde::Serialize;
use store::Verification;
use utoipa::ToSchema;

/// What reading everything again has found.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifyReport {
    /// Nothing is damaged.
    healthy: bool,
    /// Of all damage, listed or not.
    damage_count: u64,
    /// At most 1,000 of the database, and all of the journal.
    damage: Vec<Damage>,
    /// What is not as it should be and harms nothing.
    notes: Vec<String>,
    checked: Checked,
    elapsed_ms: u64,
}

/// One thing that is damaged, and what it touches.
#[derive(Debug, Serialize, ToSchema)]
struct Damage {
    /// `block`, `database`, `piece`, `payload`, `reference`, `record`, `search_index` or `journal`.
    kind: &'static str,
    /// What is wrong, for people.
    message: String,
    /// Name within the data folder, of what is damaged in a file.
    file: Option<String>,
    /// First damaged byte of the file.
    offset: Option<u64>,
    payload_hash: Option<String>,
    /// At most 20.
    session_ids: Vec<String>,
    /// At most 20.
    acts: Vec<Act>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Act {
    session_id: Option<String>,
    trace_id: String,
    span_id: String,
}

/// How much was read again.
#[derive(Debug, Serialize, ToSchema)]
struct Checked {
    /// Blocks of the database file.
    blocks: u64,
    pieces: u64,
    payloads: u64,
    /// Of the payloads, as they were sent.
    payload_bytes: u64,
    /// Parts of records as they were received.
    record_parts: u64,
    /// Values of rows that are encrypted.
    encrypted_values: u64,
    /// References between rows.
    references: u64,
    journal_segments: u64,
    journal_records: u64,
    journal_bytes: u64,
}

/// What reading the journal again has found.
#[derive(Debug, Clone, Default)]
pub struct JournalCheck {
    pub segment_count: u64,
    pub record_count: u64,
    pub bytes: u64,
    /// Bytes that are no intact record.
    pub damage: Vec<JournalDamage>,
}

/// Bytes of a segment that are no intact record.
#[derive(Debug, Clone)]
pub struct JournalDamage {
    /// Name within the data folder.
    pub file: String,
    pub from: u64,
    /// The byte behind the last one.
    pub to: u64,
    /// Why nothing is lost by it; `None` when acknowledged records may have been there that the database
    /// does not have.
    pub harmless: Option<&'static str>,
}

impl VerifyReport {
    /// Puts together what store and journal have found.
    pub fn new(store: Verification, journal: JournalCheck, elapsed_ms: u64) -> Self {
        let mut notes = store.notes;
        let mut damage_count = store.damage_count;
        let mut damage: Vec<Damage> = store.damage.into_iter().map(of_store).collect();
        for stretch in journal.damage {
            let at = format!(
                "bytes {} to {} of {} are no intact record",
                stretch.from, stretch.to, stretch.file
            );
            match stretch.harmless {
                Some(why) => notes.push(format!("{at}: {why}")),
                None => {
                    damage_count += 1;
                    damage.push(Damage {
                        kind: "journal",
                        message: format!(
                            "{at}: requests that were acknowledged and are not in the database may be lost"
                        ),
                        file: Some(stretch.file),
                        offset: Some(stretch.from),
                        payload_hash: None,
                        session_ids: Vec::new(),
                        acts: Vec::new(),
                    });
                }
            }
        }
        Self {
            healthy: damage_count == 0,
            damage_count,
            damage,
            notes,
            checked: Checked {
                blocks: store.block_count,
                pieces: store.piece_count,
                payloads: store.payload_count,
                payload_bytes: store.payload_bytes,
                record_parts: store.record_part_count,
                encrypted_values: store.value_count,
                references: store.reference_count,
                journal_segments: journal.segment_count,
                journal_records: journal.record_count,
                journal_bytes: journal.bytes,
            },
            elapsed_ms,
        }
    }
}

fn of_store(damage: store::Damage) -> Damage {
    Damage {
        kind: damage.kind.as_str(),
        message: damage.message,
        file: damage.file,
        offset: damage.offset,
        payload_hash: damage.payload_hash,
        session_ids: damage.session_ids,
        acts: damage
            .acts
            .into_iter()
            .map(|act| Act {
                session_id: act.session_id,
                trace_id: act.trace_id,
                span_id: act.span_id,
            })
            .collect(),
    }
}
