//! Functions of what stands beside a span: its place in the session, its resource.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use duckdb::arrow::array::{ArrayRef, Int64Array, StringArray};
use duckdb::core::{DataChunkHandle, LogicalTypeId};
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use duckdb::vtab::arrow::{WritableVector, data_chunk_to_arrow, write_arrow_array_to_vector};

use super::{Failure, Slot, kind, longs, texts};
use crate::columns;

pub(super) struct SpanSeq;

impl VScalar for SpanSeq {
    type State = Arc<Slot>;

    fn invoke(
        slot: &Arc<Slot>,
        input: &mut DataChunkHandle,
        output: &mut dyn WritableVector,
    ) -> Result<(), Failure> {
        let batch = data_chunk_to_arrow(input)?;
        let session = texts(&batch, 0);
        let sessions: HashSet<&str> = (0..batch.num_rows()).filter_map(&session).collect();
        let list: Vec<String> = sessions.into_iter().map(crate::load::quoted).collect();
        let mut seqs: HashMap<i64, i64> = HashMap::new();
        if !list.is_empty() {
            let sql = format!(
                "select act_id, row_number() over \
                 (partition by session_id \
                 order by started_at, ended_at desc nulls first, trace_id, span_id) as seq \
                 from span where session_id in ({})",
                list.join(",")
            );
            slot.with(|connection| {
                columns::each_row(connection, &sql, |row| {
                    if let (Some(id), Some(seq)) = (row.long("act_id"), row.long("seq")) {
                        seqs.insert(id, seq);
                    }
                })
            })?;
        }
        let found = longs(&batch, 1)
            .into_iter()
            .map(|id| seqs.get(&id?).copied());
        let array: ArrayRef = Arc::new(found.collect::<Int64Array>());
        write_arrow_array_to_vector(&array, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        vec![ScalarFunctionSignature::exact(
            vec![kind(LogicalTypeId::Varchar), kind(LogicalTypeId::Bigint)],
            kind(LogicalTypeId::Bigint),
        )]
    }
}

pub(super) struct Resource;

impl VScalar for Resource {
    type State = Arc<Slot>;

    fn invoke(
        slot: &Arc<Slot>,
        input: &mut DataChunkHandle,
        output: &mut dyn WritableVector,
    ) -> Result<(), Failure> {
        let batch = data_chunk_to_arrow(input)?;
        let ids = longs(&batch, 0);
        let wanted: HashSet<i64> = ids.iter().flatten().copied().collect();
        let wanted: Vec<String> = wanted.iter().map(i64::to_string).collect();
        let mut texts: HashMap<i64, String> = HashMap::new();
        if !wanted.is_empty() {
            let sql = format!(
                "select resource_id, attributes::varchar as attributes from resource \
                 where resource_id in ({})",
                wanted.join(",")
            );
            slot.with(|connection| {
                columns::each_row(connection, &sql, |row| {
                    if let (Some(id), Some(text)) = (row.long("resource_id"), row.str("attributes"))
                    {
                        texts.insert(id, text.to_owned());
                    }
                })
            })?;
        }
        let found = ids.iter().map(|id| texts.get(&(*id)?));
        let array: ArrayRef = Arc::new(found.collect::<StringArray>());
        write_arrow_array_to_vector(&array, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let mut json = kind(LogicalTypeId::Varchar);
        json.set_alias("JSON");
        vec![ScalarFunctionSignature::exact(
            vec![kind(LogicalTypeId::Bigint)],
            json,
        )]
    }
}
