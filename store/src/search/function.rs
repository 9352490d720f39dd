//! The SQL function `search_units(question)`: the texts that hold what is asked for.

use std::sync::Arc;

use duckdb::arrow::array::{ArrayRef, Int64Builder, ListBuilder, StructBuilder};
use duckdb::arrow::datatypes::{DataType, Field, Fields};
use duckdb::core::{DataChunkHandle, LogicalTypeHandle, LogicalTypeId};
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use duckdb::vtab::arrow::{WritableVector, data_chunk_to_arrow, write_arrow_array_to_vector};

use crate::functions::{Failure, Slot, kind, texts};

pub(crate) struct SearchUnits;

/// Number of the piece or, negative, of the act; what equal texts share.
const FOUND_FIELDS: [&str; 2] = ["key", "same"];

impl VScalar for SearchUnits {
    type State = Arc<Slot>;

    fn invoke(
        slot: &Arc<Slot>,
        input: &mut DataChunkHandle,
        output: &mut dyn WritableVector,
    ) -> Result<(), Failure> {
        let batch = data_chunk_to_arrow(input)?;
        let question = texts(&batch, 0);
        let fields: Fields = FOUND_FIELDS
            .map(|name| Field::new(name, DataType::Int64, true))
            .into_iter()
            .collect();
        let mut lists = ListBuilder::new(StructBuilder::from_fields(fields, 0));
        for row in 0..batch.num_rows() {
            if let Some(question) = question(row) {
                let units =
                    slot.with(|connection| Ok(slot.search.find(connection, question)))??;
                let values = lists.values();
                for (key, same) in units {
                    for (index, number) in [key, same].into_iter().enumerate() {
                        values
                            .field_builder::<Int64Builder>(index)
                            .ok_or("search_units builds another shape than it declares")?
                            .append_value(number);
                    }
                    values.append(true);
                }
            }
            lists.append(true);
        }
        let array: ArrayRef = Arc::new(lists.finish());
        write_arrow_array_to_vector(&array, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let fields = FOUND_FIELDS.map(|name| (name, kind(LogicalTypeId::Bigint)));
        vec![ScalarFunctionSignature::exact(
            vec![kind(LogicalTypeId::Varchar)],
            LogicalTypeHandle::list(&LogicalTypeHandle::struct_type(&fields)),
        )]
    }

    /// Else the engine would search while it plans, and keep the list in the plan.
    fn volatile() -> bool {
        true
    }
}
