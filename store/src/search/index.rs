//! The index on disk: which stored texts hold which words, and how far it has come.

use std::future::Future as _;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::directory::{Directory, MmapDirectory, RamDirectory};
use tantivy::index::SegmentReader;
use tantivy::indexer::{
    IndexWriterOptions, LogMergePolicy, MergeCandidate, MergePolicy as _, NoMergePolicy,
};
use tantivy::query::TermSetQuery;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use tantivy::{
    FutureResult, Index, IndexReader, IndexWriter, ReloadPolicy, Score, Searcher, SegmentMeta,
    TantivyDocument, Term,
};

use super::ask::Ask;
use super::units::Unit;
use super::words::{Word, has_words, words};

/// Raised whenever the same text gives other words; an index of another version is made anew.
const VERSION: u32 = 3;
/// What the words of a segment under construction may take.
const WRITER_BYTES: usize = 15 << 20;
/// Texts that are dropped together.
const KEYS_AT_ONCE: usize = 100_000;
/// How often it is looked whether a merge is through.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
const KEY: &str = "key";
/// Name of the tokenizer.
const CUTTING: &str = "words";
const SAME: &str = "same";

/// A unit that answers: its key, and what equal texts share.
pub(crate) type Found = (i64, i64);

/// Up to where the store is indexed: everything with a lower or equal number is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) version: u32,
    pub(crate) payload_id: i64,
    pub(crate) piece_id: i64,
    /// Of the piece with that number, hex: tells that it is still the same store.
    pub(crate) piece_hash: String,
    pub(crate) act_id: i64,
    /// Pieces and acts up to here when the position was written; fewer later means that some went.
    pub(crate) piece_count: i64,
    pub(crate) act_count: i64,
}

impl Position {
    pub(crate) fn start() -> Self {
        Self {
            version: VERSION,
            ..Self::default()
        }
    }
}

/// The index, opened for writing and reading.
pub(crate) struct Words {
    index: Index,
    writer: IndexWriter,
    reader: IndexReader,
    /// The merge of segments that goes on: one at a time, and none that was not asked for here.
    merging: Option<FutureResult<Option<SegmentMeta>>>,
    /// Where the index is, unless it is on disk.
    memory: Option<RamDirectory>,
    text: Field,
    key: Field,
    same: Field,
}

impl Words {
    /// Opens the index in `folder`, or makes an empty one; and how far it has come. An index that
    /// cannot be read is an error, after which the folder may be removed. Without a folder it is an empty one
    /// in memory.
    pub(crate) fn open(folder: Option<&Path>) -> tantivy::Result<(Self, Position)> {
        let mut schema = Schema::builder();
        let key = schema.add_i64_field(KEY, INDEXED | FAST);
        let same = schema.add_i64_field(SAME, FAST);
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(CUTTING)
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let text = schema.add_text_field(
            "text",
            TextOptions::default().set_indexing_options(indexing),
        );
        let memory = RamDirectory::create();
        let directory: Box<dyn Directory> = match folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                Box::new(MmapDirectory::open(folder)?)
            }
            None => Box::new(memory.clone()),
        };
        let index = Index::open_or_create(directory, schema.build())?;
        index.tokenizers().register(CUTTING, Cutting);
        let damaged = index.validate_checksum()?;
        if !damaged.is_empty() {
            let message = format!("{} files have other content than written", damaged.len());
            return Err(tantivy::TantivyError::InternalError(message));
        }
        let position = match index.load_metas()?.payload {
            Some(payload) => serde_json::from_str(&payload)
                .ok()
                .filter(|position: &Position| position.version == VERSION)
                .ok_or_else(|| {
                    tantivy::TantivyError::InvalidArgument("it is of another version".to_owned())
                })?,
            None => Position::start(),
        };
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .build();
        let words = Self {
            writer: index.writer_with_options(options)?,
            reader: index
                .reader_builder()
                .reload_policy(ReloadPolicy::Manual)
                .try_into()?,
            index,
            merging: None,
            memory: folder.is_none().then_some(memory),
            text,
            key,
            same,
        };
        words.writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok((words, position))
    }

    pub(crate) fn add(&self, unit: &Unit) -> tantivy::Result<()> {
        if !has_words(&unit.text) {
            return Ok(());
        }
        let mut document = TantivyDocument::default();
        document.add_i64(self.key, unit.key);
        document.add_i64(self.same, unit.same);
        document.add_text(self.text, &unit.text);
        self.writer.add_document(document)?;
        Ok(())
    }

    /// Makes what was added and removed durable and visible, together with the position.
    pub(crate) fn commit(&mut self, position: &Position) -> tantivy::Result<Searcher> {
        let payload = serde_json::to_string(position)
            .map_err(|error| tantivy::TantivyError::InternalError(error.to_string()))?;
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.merge_small()?;
        self.reader.reload()?;
        Ok(self.reader.searcher())
    }

    /// Begins to make one of many small segments, beside whatever comes, unless that goes on already.
    fn merge_small(&mut self) -> tantivy::Result<()> {
        match self.merging.as_mut().map(poll) {
            Some(None) => return Ok(()),
            Some(Some(Err(error))) => {
                tracing::warn!(%error, "segments of the search index stay small")
            }
            Some(Some(Ok(_))) | None => {}
        }
        let segments = self.index.searchable_segment_metas()?;
        let candidates = LogMergePolicy::default().compute_merge_candidates(&segments);
        let next = candidates.into_iter().next();
        self.merging = next.map(|MergeCandidate(ids)| self.writer.merge(&ids));
        Ok(())
    }

    /// Waits for a merge that goes on, and takes from the disk what it has replaced. False when `is_stopped`
    /// said so before; what was written by then is removed when the index is opened again.
    pub(crate) fn settle(&mut self, is_stopped: &dyn Fn() -> bool) -> tantivy::Result<bool> {
        if let Some(merging) = self.merging.take() {
            match finished(merging, is_stopped) {
                None => return Ok(false),
                Some(merged) => drop(merged?),
            }
        }
        self.reader.reload()?;
        let removed = finished(self.writer.garbage_collect_files(), is_stopped);
        Ok(removed.transpose()?.is_some())
    }

    /// Bytes of an index in memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory
            .as_ref()
            .map_or(0, |memory| memory.total_mem_usage() as u64)
    }

    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Drops the texts of these keys; their words stay on disk until [`Self::sweep`].
    pub(crate) fn remove(&mut self, keys: &[i64], position: &Position) -> tantivy::Result<()> {
        // Each deletion goes through every segment when it is committed.
        for some in keys.chunks(KEYS_AT_ONCE) {
            let terms = some.iter().map(|key| Term::from_field_i64(self.key, *key));
            let query = TermSetQuery::new(terms.collect::<Vec<_>>());
            self.writer.delete_query(Box::new(query))?;
        }
        self.commit(position).map(drop)
    }

    /// Whether words of dropped texts are on disk still.
    pub(crate) fn is_stale(&self) -> tantivy::Result<bool> {
        let segments = self.index.searchable_segment_metas()?;
        Ok(segments
            .iter()
            .any(|segment| segment.num_deleted_docs() > 0))
    }

    /// Takes the words of dropped texts from the disk, by writing anew what held them. False when it
    /// stopped before that was done, because `is_stopped` says so; it can be begun again at any time.
    pub(crate) fn sweep(&mut self, is_stopped: &dyn Fn() -> bool) -> tantivy::Result<bool> {
        loop {
            if !self.settle(is_stopped)? {
                return Ok(false);
            }
            let mut stale = self.index.searchable_segment_metas()?;
            stale.retain(|segment| segment.num_deleted_docs() > 0);
            if stale.is_empty() {
                return Ok(true);
            }
            let ids: Vec<_> = stale.iter().map(SegmentMeta::id).collect();
            self.merging = Some(self.writer.merge(&ids));
        }
    }
}

/// What comes of work that the index does on threads of its own; `None` when it is not waited for any
/// longer. Work that nobody waits for is given up with the writer.
fn finished<T>(
    mut work: FutureResult<T>,
    is_stopped: &dyn Fn() -> bool,
) -> Option<tantivy::Result<T>> {
    loop {
        match poll(&mut work) {
            Some(result) => return Some(result),
            None if is_stopped() => return None,
            None => std::thread::sleep(BETWEEN_LOOKS),
        }
    }
}

/// The result of such work once it is done; it is not to be asked for again then.
fn poll<T>(work: &mut FutureResult<T>) -> Option<tantivy::Result<T>> {
    match Pin::new(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// [`words`] for the thread that writes the index.
#[derive(Clone)]
struct Cutting;

impl Tokenizer for Cutting {
    type TokenStream<'a> = Cut;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Cut {
        Cut {
            words: words(text).into_iter(),
            token: Token::default(),
        }
    }
}

struct Cut {
    words: std::vec::IntoIter<Word>,
    token: Token,
}

impl TokenStream for Cut {
    fn advance(&mut self) -> bool {
        let Some(word) = self.words.next() else {
            return false;
        };
        self.token = Token {
            offset_from: word.place.start,
            offset_to: word.place.end,
            position: word.position,
            text: word.text,
            position_length: 1,
        };
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// Reads the checksums of an index, without writing to it, and how far it has come. `None` when there is
/// no index.
///
/// # Errors
/// What is wrong with it, in words for the user.
pub(crate) fn check(folder: &Path) -> Result<Option<Position>, String> {
    if !folder.join("meta.json").exists() {
        return Ok(None);
    }
    let read = || -> tantivy::Result<_> {
        let index = Index::open_in_dir(folder)?;
        Ok((index.validate_checksum()?, index.load_metas()?.payload))
    };
    let (damaged, payload) = read().map_err(|error| format!("it cannot be read: {error}"))?;
    if let Some(file) = damaged.iter().next() {
        return Err(format!(
            "{} files have other content than written, one of them {}",
            damaged.len(),
            file.display()
        ));
    }
    let position = payload.and_then(|payload| serde_json::from_str(&payload).ok());
    Ok(position.filter(|position: &Position| position.version == VERSION))
}

/// All units that hold what is asked for, in no order.
pub(crate) fn found(searcher: &Searcher, ask: &Ask) -> tantivy::Result<Vec<Found>> {
    let field = searcher.schema().get_field("text")?;
    searcher.search(&*ask.query(field)?, &Units)
}

/// Keys of all units, each once, in order.
pub(crate) fn all_keys(searcher: &Searcher) -> tantivy::Result<Vec<i64>> {
    let found = searcher.search(&tantivy::query::AllQuery, &Units)?;
    let mut keys: Vec<i64> = found.into_iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// Collects whatever matches.
struct Units;

impl Collector for Units {
    type Fruit = Vec<Found>;
    type Child = SegmentUnits;

    fn for_segment(&self, _: u32, segment: &SegmentReader) -> tantivy::Result<SegmentUnits> {
        Ok(SegmentUnits {
            keys: segment.fast_fields().i64(KEY)?,
            same: segment.fast_fields().i64(SAME)?,
            found: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Vec<Found>>) -> tantivy::Result<Vec<Found>> {
        Ok(fruits.concat())
    }
}

struct SegmentUnits {
    keys: Column<i64>,
    same: Column<i64>,
    found: Vec<Found>,
}

impl SegmentCollector for SegmentUnits {
    type Fruit = Vec<Found>;

    fn collect(&mut self, document: u32, _: Score) {
        let unit = self.keys.first(document).zip(self.same.first(document));
        self.found.extend(unit);
    }

    fn harvest(self) -> Vec<Found> {
        self.found
    }
}
