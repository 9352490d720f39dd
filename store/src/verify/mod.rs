//! Reading everything again: every block of the file, every piece and payload by its hash, every
//! reference between rows, every received record, and the search index.
//!
//! A store that is open is gone through in short steps between which others read; each step sees one
//! moment. A folder that nobody serves is opened for reading only, and nothing in it changes.

mod blocks;
mod cells;
mod owners;
mod payloads;
mod records;
mod references;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use duckdb::{AccessMode, Connection};

use self::blocks::Walk;
pub(crate) use self::blocks::{headers, read_at};

use crate::instance::{locked_or, settings};
use crate::open::{FILE_NAME, TEMP_NAME};
use crate::seal::{self, EncryptionKey, Seal};
use crate::{Error, Store, search};

/// Damage that is listed; beyond it is only counted.
const MOST_LISTED: usize = 1_000;
/// Acts and sessions that are listed of one damage.
const MOST_PLACES: usize = 20;

/// What was read, and what of it is damaged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    pub block_count: u64,
    pub piece_count: u64,
    pub payload_count: u64,
    /// Bytes of payloads, as they were sent, that were hashed.
    pub payload_bytes: u64,
    /// Parts of received records that were unpacked.
    pub record_part_count: u64,
    /// Encrypted values of rows that were opened.
    pub value_count: u64,
    /// References between rows that were followed.
    pub reference_count: u64,
    /// Up to where the journal is in the database; 0 when it cannot say.
    pub journal_position: u64,
    /// At most 1,000.
    pub damage: Vec<Damage>,
    /// Of all damage, listed or not.
    pub damage_count: u64,
    /// What is not as it should be and harms nothing.
    pub notes: Vec<String>,
}

/// What is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageKind {
    /// A block or header of the database file.
    Block,
    /// The database as a whole cannot be opened.
    Database,
    /// A piece of texts has other bytes than its hash says.
    Piece,
    /// A text cannot be put together, or has other bytes than its hash says.
    Payload,
    /// A row names another that is not there.
    Reference,
    /// Records as they were received cannot be read back.
    Record,
    /// An encrypted value of a row does not open.
    Value,
    /// The search index; it is made anew from the texts.
    SearchIndex,
}

impl DamageKind {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Database => "database",
            Self::Piece => "piece",
            Self::Payload => "payload",
            Self::Reference => "reference",
            Self::Record => "record",
            Self::Value => "value",
            Self::SearchIndex => "search_index",
        }
    }
}

/// One thing that is damaged, and what it touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub kind: DamageKind,
    /// What is wrong, in a sentence.
    pub message: String,
    /// Name within the data folder, of what is damaged in a file.
    pub file: Option<String>,
    /// First damaged byte of the file.
    pub offset: Option<u64>,
    /// BLAKE3 hash, hex.
    pub payload_hash: Option<String>,
    /// Acts that it touches; at most 20.
    pub acts: Vec<DamagedAct>,
    /// Sessions that it touches; at most 20.
    pub session_ids: Vec<String>,
}

/// An act that damage touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedAct {
    pub session_id: Option<String>,
    pub trace_id: String,
    pub span_id: String,
}

impl Damage {
    fn new(kind: DamageKind, message: String) -> Self {
        Self {
            kind,
            message,
            file: None,
            offset: None,
            payload_hash: None,
            acts: Vec::new(),
            session_ids: Vec::new(),
        }
    }

    fn in_file(mut self, offset: u64) -> Self {
        self.file = Some(FILE_NAME.to_owned());
        self.offset = Some(offset);
        self
    }

    fn touches(&mut self, act: DamagedAct) {
        if let Some(session) = &act.session_id {
            self.touches_session(session);
        }
        if self.acts.len() < MOST_PLACES && !self.acts.contains(&act) {
            self.acts.push(act);
        }
    }

    fn touches_session(&mut self, id: &str) {
        if self.session_ids.len() < MOST_PLACES && !self.session_ids.iter().any(|known| known == id)
        {
            self.session_ids.push(id.to_owned());
        }
    }
}

impl Verification {
    /// Nothing is damaged.
    pub fn is_healthy(&self) -> bool {
        self.damage_count == 0
    }

    fn add(&mut self, damage: Damage) {
        self.damage_count += 1;
        if self.damage.len() < MOST_LISTED {
            self.damage.push(damage);
        }
    }
}

/// Where rows are read from.
enum Source<'a> {
    Store(&'a Store),
    Folder(Connection, Seal),
}

impl Source<'_> {
    fn seal(&self) -> &Seal {
        match self {
            Self::Store(store) => &store.shared.seal,
            Self::Folder(_, seal) => seal,
        }
    }

    /// Runs some queries as of one moment.
    fn read<T>(&self, mut work: impl FnMut(&Connection) -> duckdb::Result<T>) -> Result<T, Error> {
        let mut in_one_moment = |connection: &Connection| {
            connection.execute_batch("begin transaction read only")?;
            let result = work(connection);
            let ended = connection.execute_batch("rollback");
            result.and_then(|done| ended.map(|()| done))
        };
        match self {
            Self::Store(store) => store.with_reader(in_one_moment),
            Self::Folder(connection, _) => {
                in_one_moment(connection).map_err(|source| Error::Query { source })
            }
        }
    }
}

impl Store {
    /// Reads everything that is stored again and says what is damaged. Takes as long as that takes;
    /// others read and write meanwhile.
    ///
    /// # Errors
    /// When the engine or the file system fails in another way than by damage.
    pub fn verify(&self) -> Result<Verification, Error> {
        let file = self.shared.database_file()?;
        let source = Source::Store(self);
        let mut found = Verification::default();
        let walk = blocks::walk(&file).map_err(|source| self.shared.file_error(source))?;
        verify_rows(&source, &walk, &mut found)?;
        if !self.shared.search.in_memory
            && let Some(position) = self.shared.search.position()
        {
            search_index(
                &source,
                &self.shared.search.folder,
                Some(position),
                &mut found,
            )?;
        }
        Ok(found)
    }
}

/// As [`Store::verify`], of a folder that nobody has open. Changes nothing in it.
///
/// # Errors
/// [`Error::Locked`] when the folder is in use, [`Error::Folder`] when there is no database in it, and as
/// [`Store::open`] when the key is not the folder's.
pub fn verify_folder(
    data_dir: &Path,
    memory_limit_bytes: u64,
    key: Option<&EncryptionKey>,
) -> Result<Verification, Error> {
    let folder_error = |source| Error::Folder {
        folder: data_dir.to_owned(),
        source,
    };
    let data_dir = data_dir.canonicalize().map_err(folder_error)?;
    let path = data_dir.join(FILE_NAME);
    if !path.is_file() {
        return Err(folder_error(std::io::Error::new(
            std::io::ErrorKind::NotFound,
            format!("there is no {FILE_NAME} in it"),
        )));
    }
    seal::admit(&data_dir, key, false)?;
    let seal = Seal::new(key).map_err(folder_error)?;
    let opened = settings(&data_dir.join(TEMP_NAME), memory_limit_bytes, &seal, true)
        .and_then(|config| config.access_mode(AccessMode::ReadOnly))
        .and_then(|config| Connection::open_with_flags(&path, config))
        .and_then(|connection| seal::register(&connection, &seal).map(|()| connection))
        .map_err(|source| locked_or(&path, source));
    let mut found = Verification::default();
    // Closing the file would release the lock of the database, so it is opened second and closed last.
    let file = Arc::new(File::open(&path).map_err(folder_error)?);
    let walk = blocks::walk(&file).map_err(folder_error)?;
    match opened {
        Ok(connection) => {
            let is_sealed = seal.is_on();
            let source = Source::Folder(connection, seal);
            verify_rows(&source, &walk, &mut found)?;
            if !is_sealed {
                search_index(&source, &data_dir.join(search::FOLDER), None, &mut found)?;
            }
        }
        Err(error @ (Error::Locked { .. } | Error::NewerSchema { .. })) => return Err(error),
        Err(error) => {
            found.block_count = walk.block_count;
            add_unplaced(&walk, &mut found);
            let message = format!("the database cannot be opened: {}", causes(&error));
            found.add(Damage::new(DamageKind::Database, message));
        }
    }
    Ok(found)
}

fn verify_rows(source: &Source<'_>, walk: &Walk, found: &mut Verification) -> Result<(), Error> {
    found.block_count = walk.block_count;
    for offset in &walk.bad_headers {
        let message = format!("the header at byte {offset} of {FILE_NAME} has a wrong checksum");
        found.add(Damage::new(DamageKind::Block, message).in_file(*offset));
    }
    let position = source.read(|connection| {
        let sql = "select value from state where name = 'journal_position'";
        connection.query_row(sql, [], |row| row.get::<_, i64>(0))
    });
    match position {
        Ok(position) => found.journal_position = position as u64,
        Err(error) if error.is_damaged_block() => {}
        Err(error) => return Err(error),
    }
    owners::add(source, walk, found)?;
    let bad = payloads::pieces(source, found)?;
    payloads::payloads(source, &bad, found)?;
    records::parts(source, found)?;
    cells::open(source, found)?;
    references::follow(source, found)
}

/// Damaged blocks of a database that cannot say what is in them.
fn add_unplaced(walk: &Walk, found: &mut Verification) {
    let headers = walk.bad_headers.iter().copied();
    let blocks = walk.bad_blocks.iter().map(|block| walk.offset(*block));
    for offset in headers.chain(blocks) {
        let message = format!("the block at byte {offset} of {FILE_NAME} has a wrong checksum");
        found.add(Damage::new(DamageKind::Block, message).in_file(offset));
    }
}

fn search_index(
    source: &Source<'_>,
    folder: &Path,
    position: Option<search::Position>,
    found: &mut Verification,
) -> Result<(), Error> {
    let wrong = match check_index(folder) {
        Ok(None) => return Ok(()),
        Err(what) => Some(what),
        Ok(Some(on_disk)) => {
            let position = position.unwrap_or(on_disk);
            let differs =
                source.read(|connection| search::is_of_other_store(connection, &position));
            match differs {
                Ok(true) => Some("it was made of another database".to_owned()),
                Ok(false) => None,
                // Named as a damaged block already.
                Err(error) if error.is_damaged_block() => None,
                Err(error) => return Err(error),
            }
        }
    };
    if let Some(what) = wrong {
        let message = format!("the search index: {what}; it is made anew at the next start");
        let mut damage = Damage::new(DamageKind::SearchIndex, message);
        damage.file = Some(search::FOLDER.to_owned());
        found.add(damage);
    }
    Ok(())
}

/// As [`search::check`]; looks again when files went away, which merging does.
fn check_index(folder: &Path) -> Result<Option<search::Position>, String> {
    for _ in 0..3 {
        let checked = search::check(folder);
        if checked.is_ok() {
            return checked;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    search::check(folder)
}

/// An error with its causes.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
