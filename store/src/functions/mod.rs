//! SQL functions that put texts together, evaluated only for rows and columns a query asks for.
//!
//! | function | gives |
//! |---|---|
//! | `payload_text(payload_id)`, `payload_text('hex hash')` | the text of a payload |
//! | `message_index(payload_id, direction)` | a list of the messages in it, without their content |
//! | `message_content(payload_id, ordinal)` | the content of one of them |
//! | `span_seq(session_id, act_id)` | place of an act in its session, from 1 |
//! | `resource_attributes(resource_id)` | the attributes of a resource |
//! | `search_units(question)` | a list of the pieces and acts that hold what is asked for |
//!
//! They are functions, not joins, so that a view stays a plain scan, which the engine can cut short.

mod spans;

use std::collections::{HashMap, HashSet};
use std::error::Error as StdError;
use std::sync::{Arc, Mutex};

use duckdb::Connection;
use duckdb::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use duckdb::arrow::array::{Int32Builder, Int64Builder, ListBuilder, StringBuilder, StructBuilder};
use duckdb::arrow::datatypes::{DataType, Field, Fields, Int64Type};
use duckdb::core::{DataChunkHandle, Inserter, LogicalTypeHandle, LogicalTypeId};
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use duckdb::vtab::arrow::{WritableVector, data_chunk_to_arrow, write_arrow_array_to_vector};

use proto::Hashing;

use crate::instance::{Beside, lock};
use crate::messages::{self, Direction};
use crate::payloads::hash_in;
use crate::recent::Recent;
use crate::seal;
use crate::search::{Search, SearchUnits};
use crate::{columns, payload};

use self::spans::{Resource, SpanSeq};

pub(crate) type Failure = Box<dyn StdError>;

/// Where the functions find connections of their own.
///
/// The database keeps the functions and with them this slot, so the slot must be emptied before the
/// database can close.
pub(crate) struct Slot {
    connections: Mutex<Option<Vec<Connection>>>,
    pub(crate) search: Arc<Search>,
    hashing: Hashing,
    recent: Arc<Recent>,
    /// Text that one vector of a query may hold; a vector is up to 2,048 rows.
    vector_limit_bytes: u64,
}

impl Slot {
    pub(crate) fn fill(&self, connection: Connection) {
        *lock(&self.connections) = Some(vec![connection]);
    }

    pub(crate) fn empty(&self) {
        *lock(&self.connections) = None;
    }

    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> duckdb::Result<T>,
    ) -> Result<T, Failure> {
        let connection = {
            let mut slot = lock(&self.connections);
            let connections = slot.as_mut().ok_or("the store is closed")?;
            // The first stays, so that there is always one to clone.
            match connections.len() {
                0 => return Err("the store is closed".into()),
                1 => connections[0].try_clone()?,
                _ => connections.pop().ok_or("the store is closed")?,
            }
        };
        let result = work(&connection);
        if let Some(connections) = lock(&self.connections).as_mut() {
            connections.push(connection);
        }
        Ok(result?)
    }
}

/// Registers the functions; the slot is still to be filled.
pub(crate) fn register(
    connection: &Connection,
    memory_limit_bytes: u64,
    beside: &Beside<'_>,
) -> duckdb::Result<Arc<Slot>> {
    seal::register(connection, beside.seal)?;
    let slot = Arc::new(Slot {
        connections: Mutex::new(None),
        search: Arc::clone(beside.search),
        hashing: beside.seal.hashing(),
        recent: Arc::clone(beside.recent),
        vector_limit_bytes: (memory_limit_bytes / 2).max(256 << 20),
    });
    connection.register_scalar_function_with_state::<PayloadText>("payload_text", &slot)?;
    connection.register_scalar_function_with_state::<MessageIndex>("message_index", &slot)?;
    connection.register_scalar_function_with_state::<MessageContent>("message_content", &slot)?;
    connection.register_scalar_function_with_state::<SpanSeq>("span_seq", &slot)?;
    connection.register_scalar_function_with_state::<Resource>("resource_attributes", &slot)?;
    connection.register_scalar_function_with_state::<SearchUnits>("search_units", &slot)?;
    Ok(slot)
}

pub(crate) fn kind(id: LogicalTypeId) -> LogicalTypeHandle {
    LogicalTypeHandle::from(id)
}

fn longs(batch: &RecordBatch, column: usize) -> Vec<Option<i64>> {
    let array = batch.column(column).as_primitive::<Int64Type>();
    (0..array.len())
        .map(|row| (!array.is_null(row)).then(|| array.value(row)))
        .collect()
}

pub(crate) fn texts<'a>(
    batch: &'a RecordBatch,
    column: usize,
) -> impl Fn(usize) -> Option<&'a str> {
    let array = batch.column(column).as_string::<i32>();
    move |row| (!array.is_null(row)).then(|| array.value(row))
}

/// Bytes of raw pieces held at a time while a vector is put together.
const PIECES_AT_ONCE: u64 = 16 << 20;

/// Hands the text of each row's payload to `each`, some payloads at a time; `None` for null, an
/// unknown payload, and a damaged one. Rows come in any order.
fn each_text(
    slot: &Slot,
    ids: &[Option<i64>],
    mut each: impl FnMut(usize, Option<&[u8]>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut rows_of: HashMap<i64, Vec<usize>> = HashMap::new();
    let mut order = Vec::new();
    for (row, id) in ids.iter().enumerate() {
        match id {
            Some(id) => {
                let rows = rows_of.entry(*id).or_insert_with(|| {
                    order.push(*id);
                    Vec::new()
                });
                rows.push(row);
            }
            None => each(row, None)?,
        }
    }
    for (id, text) in slot.recent.get(&order) {
        for row in rows_of.remove(&id).into_iter().flatten() {
            each(row, Some(&text))?;
        }
    }
    order.retain(|id| rows_of.contains_key(id));
    if order.is_empty() {
        return Ok(());
    }
    let layouts = slot.with(|connection| payload::layouts(connection, &order))?;
    let mut from = 0;
    while from < order.len() {
        let mut size = 0;
        let mut to = from;
        let mut wanted = HashSet::new();
        while to < order.len() && (to == from || size < PIECES_AT_ONCE) {
            if let Some(layout) = layouts.get(&order[to]) {
                for id in &layout.pieces {
                    if wanted.insert(*id) {
                        size += layout.size / layout.pieces.len() as u64;
                    }
                }
            }
            to += 1;
        }
        let wanted: Vec<i64> = wanted.into_iter().collect();
        let pieces = slot.with(|connection| payload::pieces(connection, &wanted))?;
        for id in &order[from..to] {
            let layout = layouts.get(id);
            let text = layout.and_then(|layout| payload::assemble(layout, &pieces));
            if text.is_none() && layout.is_some() {
                tracing::error!(payload.id = id, "a payload is damaged");
            }
            for row in rows_of.get(id).into_iter().flatten() {
                each(*row, text.as_deref())?;
            }
        }
        from = to;
    }
    Ok(())
}

/// Row numbers of payloads by the hex of their hash.
fn by_hash(slot: &Slot, hashes: &[Option<&str>]) -> Result<Vec<Option<i64>>, Failure> {
    let wanted: HashSet<[u8; 32]> = hashes.iter().flatten().filter_map(|h| parse(h)).collect();
    let mut found = HashMap::new();
    if !wanted.is_empty() {
        let sql = format!(
            "select payload_id, hash from payload where {}",
            hash_in(wanted.iter())
        );
        slot.with(|connection| {
            columns::each_row(connection, &sql, |row| {
                if let (Some(id), Some(hash)) = (row.long("payload_id"), row.bytes("hash")) {
                    found.insert(hash.to_vec(), id);
                }
            })
        })?;
    }
    let id = |hash: &Option<&str>| found.get(&parse((*hash)?)?[..]).copied();
    Ok(hashes.iter().map(id).collect())
}

fn parse(hash: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hash, &mut bytes).ok()?;
    Some(bytes)
}

/// Counts the text of a vector, which the engine's memory limit does not see.
struct Budget {
    used: u64,
    limit: u64,
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), Failure> {
        self.used += bytes as u64;
        if self.used <= self.limit {
            return Ok(());
        }
        Err(format!(
            "the payloads of some 2,048 rows exceed {} MB: narrow the rows by session_id, \
             started_at or operation, or search messages.content",
            self.limit >> 20
        )
        .into())
    }
}

struct PayloadText;

impl VScalar for PayloadText {
    type State = Arc<Slot>;

    fn invoke(
        slot: &Arc<Slot>,
        input: &mut DataChunkHandle,
        output: &mut dyn WritableVector,
    ) -> Result<(), Failure> {
        let batch = data_chunk_to_arrow(input)?;
        let ids = if batch.column(0).data_type() == &DataType::Int64 {
            longs(&batch, 0)
        } else {
            let hash = texts(&batch, 0);
            by_hash(slot, &(0..batch.num_rows()).map(hash).collect::<Vec<_>>())?
        };
        let mut budget = Budget {
            used: 0,
            limit: slot.vector_limit_bytes,
        };
        let mut vector = output.flat_vector();
        each_text(slot, &ids, |row, text| {
            match text {
                Some(bytes) => {
                    budget.spend(bytes.len())?;
                    // Checking first is faster than the lossy conversion, and nearly always enough.
                    match std::str::from_utf8(bytes) {
                        Ok(text) => vector.insert(row, text),
                        Err(_) => vector.insert(row, String::from_utf8_lossy(bytes).as_ref()),
                    }
                }
                None => vector.set_null(row),
            }
            Ok(())
        })
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        [LogicalTypeId::Bigint, LogicalTypeId::Varchar]
            .map(|id| ScalarFunctionSignature::exact(vec![kind(id)], kind(LogicalTypeId::Varchar)))
            .into()
    }
}

struct MessageIndex;

const INDEX_FIELDS: [(&str, LogicalTypeId); 9] = [
    ("ordinal", LogicalTypeId::Bigint),
    ("direction", LogicalTypeId::Varchar),
    ("position", LogicalTypeId::Integer),
    ("part", LogicalTypeId::Integer),
    ("role", LogicalTypeId::Varchar),
    ("part_type", LogicalTypeId::Varchar),
    ("tool_call_id", LogicalTypeId::Varchar),
    ("name", LogicalTypeId::Varchar),
    ("content_hash", LogicalTypeId::Varchar),
];

impl VScalar for MessageIndex {
    type State = Arc<Slot>;

    fn invoke(
        slot: &Arc<Slot>,
        input: &mut DataChunkHandle,
        output: &mut dyn WritableVector,
    ) -> Result<(), Failure> {
        let batch = data_chunk_to_arrow(input)?;
        let direction = texts(&batch, 1);
        let mut found: Vec<Vec<messages::Entry>> = vec![Vec::new(); batch.num_rows()];
        each_text(slot, &longs(&batch, 0), |row, text| {
            if let Some(text) = text {
                let direction = Direction::parse(direction(row).unwrap_or_default());
                found[row] = messages::index(text, direction, slot.hashing);
            }
            Ok(())
        })?;

        let fields: Fields = INDEX_FIELDS
            .iter()
            .map(|(name, id)| {
                let kind = match id {
                    LogicalTypeId::Bigint => DataType::Int64,
                    LogicalTypeId::Integer => DataType::Int32,
                    _ => DataType::Utf8,
                };
                Field::new(*name, kind, true)
            })
            .collect();
        let mut lists = ListBuilder::new(StructBuilder::from_fields(fields, 0));
        for entries in found {
            let row = lists.values();
            for entry in entries {
                let fault = || "message_index builds another shape than it declares";
                row.field_builder::<Int64Builder>(0)
                    .ok_or_else(fault)?
                    .append_value(entry.ordinal);
                for (index, number) in [(2, entry.position), (3, entry.part)] {
                    row.field_builder::<Int32Builder>(index)
                        .ok_or_else(fault)?
                        .append_value(number);
                }
                let texts = [
                    (1, Some(entry.direction.as_str().to_owned())),
                    (4, Some(entry.role)),
                    (5, Some(entry.part_type)),
                    (6, entry.tool_call_id),
                    (7, entry.name),
                    (8, Some(entry.content_hash)),
                ];
                for (index, text) in texts {
                    row.field_builder::<StringBuilder>(index)
                        .ok_or_else(fault)?
                        .append_option(text);
                }
                row.append(true);
            }
            lists.append(true);
        }
        let array: ArrayRef = Arc::new(lists.finish());
        write_arrow_array_to_vector(&array, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let fields = INDEX_FIELDS.map(|(name, id)| (name, kind(id)));
        vec![ScalarFunctionSignature::exact(
            vec![kind(LogicalTypeId::Bigint), kind(LogicalTypeId::Varchar)],
            LogicalTypeHandle::list(&LogicalTypeHandle::struct_type(&fields)),
        )]
    }
}

struct MessageContent;

impl VScalar for MessageContent {
    type State = Arc<Slot>;

    fn invoke(
        slot: &Arc<Slot>,
        input: &mut DataChunkHandle,
        output: &mut dyn WritableVector,
    ) -> Result<(), Failure> {
        let batch = data_chunk_to_arrow(input)?;
        let ids = longs(&batch, 0);
        let ordinals = longs(&batch, 1);
        // Rows of one payload follow each other; it is parsed once for all of them.
        let mut rows_of: HashMap<i64, Vec<usize>> = HashMap::new();
        let mut first: Vec<Option<i64>> = vec![None; ids.len()];
        for (row, id) in ids.iter().enumerate() {
            if let Some(id) = id {
                let rows = rows_of.entry(*id).or_default();
                if rows.is_empty() {
                    first[row] = Some(*id);
                }
                rows.push(row);
            }
        }
        let mut budget = Budget {
            used: 0,
            limit: slot.vector_limit_bytes,
        };
        let mut vector = output.flat_vector();
        for (row, id) in ids.iter().enumerate() {
            if id.is_none() {
                vector.set_null(row);
            }
        }
        each_text(slot, &first, |row, text| {
            let Some(id) = first[row] else {
                return Ok(());
            };
            let contents = text.map(messages::contents);
            for row in rows_of.get(&id).into_iter().flatten() {
                let at = ordinals[*row].and_then(|at| usize::try_from(at).ok());
                match contents.as_ref().zip(at).and_then(|(all, at)| all.get(at)) {
                    Some(content) => {
                        budget.spend(content.len())?;
                        vector.insert(*row, content.as_str());
                    }
                    None => vector.set_null(*row),
                }
            }
            Ok(())
        })
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        vec![ScalarFunctionSignature::exact(
            vec![kind(LogicalTypeId::Bigint), kind(LogicalTypeId::Bigint)],
            kind(LogicalTypeId::Varchar),
        )]
    }
}
