//! The recorder's memory: schema, one writer, many readers, change notices, in one DuckDB file.
//!
//! The only crate that names DuckDB. Knows no OTLP and no HTTP.
//!
//! - One [`Writer`]; every change is one transaction, so a reader sees all of a batch or nothing.
//! - Texts live in `payload` and `piece`, each piece once; SQL sees them through functions.
//! - What users may rely on are the views of `store/views`, described in `docs/sql.md`.

mod annotations;
mod backup;
mod batch;
mod checkpoint;
mod columns;
mod compact;
mod delete;
mod deleted;
mod error;
mod findings;
mod functions;
mod instance;
mod limit;
mod load;
mod marks;
mod messages;
mod notice;
mod open;
mod packer;
mod payload;
mod payloads;
mod pieces;
mod private;
mod read;
mod received;
mod recent;
mod replaced;
mod reported;
mod resources;
mod retention;
mod rows;
mod sandbox;
mod saved;
mod scan;
mod schema;
mod seal;
mod search;
mod seen;
mod table;
mod turns;
mod values;
mod verify;
mod writer;

pub use backup::{Backup, BackupFile, restore};
pub use batch::{
    ActKey, ActState, AnnotationRow, Batch, CheckpointRow, Committed, Derived, FindingRow,
    LoadedAct, SessionRow, TraceRow, TurnRow,
};
pub use compact::Compaction;
pub use delete::Deletion;
pub use error::Error;
pub use notice::{Changed, Notice, Standing};
pub use open::{Config, Store};
pub use packer::{PackedPayload, PackedRecords, Packer};
pub use pieces::split;
pub use read::{Counts, PayloadSlice};
pub use received::{StoredRecord, StoredRecords};
pub use retention::{Expired, Retention, RetentionRules};
pub use sandbox::{
    BatchSink, Cancel, Described, PUBLIC_CATALOG, PUBLIC_MACROS, PUBLIC_RELATIONS, PUBLIC_SCHEMA,
    StreamEnd, UserSql, UserSqlError, UserSqlErrorKind,
};
pub use saved::SavedQueryRow;
pub use scan::Row;
pub use schema::SILENT_NS;
pub use seal::{ENCRYPTION_FILE, EncryptionKey, NoKey, Purpose, Sealer, encryption_of};
pub use search::{Passage, PassageOf, SearchState};
pub use table::{Column, Table, Value};
pub use verify::{Damage, DamageKind, DamagedAct, Verification, verify_folder};
pub use writer::Writer;
