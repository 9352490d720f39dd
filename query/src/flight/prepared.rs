//! Prepared statements: the text and the values bound to it, kept between the calls of a client.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use store::Value;
use tonic::Status;

/// Clients forget to close what they prepared: of more than so many the oldest go.
const MAX_STATEMENTS: usize = 1000;

/// A statement with the values bound last.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) sql: String,
    pub(super) params: Vec<Value>,
}

/// The prepared statements of all clients, by handle.
#[derive(Debug, Default)]
pub(super) struct Statements {
    state: Mutex<State>,
    /// Handles are no numbers that another client could guess.
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct State {
    by_handle: HashMap<Vec<u8>, Prepared>,
    in_order: VecDeque<Vec<u8>>,
    made: u64,
}

impl Statements {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a statement; gives its handle.
    pub(super) fn add(&self, sql: String) -> Vec<u8> {
        let mut state = self.state();
        state.made += 1;
        let handle = format!("{:016x}", self.hasher.hash_one(state.made)).into_bytes();
        let params = Vec::new();
        state
            .by_handle
            .insert(handle.clone(), Prepared { sql, params });
        state.in_order.push_back(handle.clone());
        while state.in_order.len() > MAX_STATEMENTS {
            if let Some(oldest) = state.in_order.pop_front() {
                state.by_handle.remove(&oldest);
            }
        }
        handle
    }

    pub(super) fn get(&self, handle: &[u8]) -> Result<Prepared, Status> {
        self.state()
            .by_handle
            .get(handle)
            .cloned()
            .ok_or_else(unknown)
    }

    pub(super) fn bind(&self, handle: &[u8], params: Vec<Value>) -> Result<(), Status> {
        let mut state = self.state();
        let prepared = state.by_handle.get_mut(handle).ok_or_else(unknown)?;
        prepared.params = params;
        Ok(())
    }

    pub(super) fn remove(&self, handle: &[u8]) {
        let mut state = self.state();
        state.by_handle.remove(handle);
        state.in_order.retain(|known| known != handle);
    }
}

fn unknown() -> Status {
    Status::not_found(
        "there is no such prepared statement: it was closed, or more than 1,000 were prepared since",
    )
}

/// The values of the one row that a client binds.
pub(super) fn values(batches: &[RecordBatch]) -> Result<Vec<Value>, Status> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if rows > 1 {
        return Err(Status::invalid_argument(format!(
            "{rows} rows of parameters were bound: a query takes one; run it once for each"
        )));
    }
    let row = batches.iter().find(|batch| batch.num_rows() == 1);
    Ok(row.map_or_else(Vec::new, |batch| {
        let columns = batch.columns().iter();
        columns
            .map(|column| Value::of_arrow(column.as_ref(), 0))
            .collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest() {
        let statements = Statements::default();
        let first = statements.add("select 1".to_owned());
        let second = statements.add("select 2".to_owned());
        assert_ne!(first, second);
        statements.bind(&second, vec![Value::Int(7)]).unwrap();
        assert_eq!(statements.get(&second).unwrap().params, [Value::Int(7)]);
        statements.remove(&second);
        assert!(statements.get(&second).is_err());
        for _ in 0..MAX_STATEMENTS {
            statements.add("select 3".to_owned());
        }
        assert!(statements.get(&first).is_err());
        assert_eq!(statements.state().by_handle.len(), MAX_STATEMENTS);
    }
}
