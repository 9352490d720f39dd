//! Running SQL of users, for every door that takes it: HTTP as JSON, CSV and Arrow, and Flight SQL.
//!
//! The gate itself is the store's sandbox; here are the limits, the queue before it, and the way back
//! from its thread.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use axum::http::StatusCode;
use store::{
    BatchSink, Cancel, Column, Described, Store, StreamEnd, Table, UserSql, UserSqlError,
    UserSqlErrorKind,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::reach::beyond_limit;
use crate::state::AppState;

pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(300);

/// Of results that are put together before they are sent.
pub(crate) const MAX_TABLE_ROWS: usize = 100_000;
pub(crate) const MAX_TABLE_BYTES: usize = 64 << 20;

/// Of results that are sent while they are made; a few batches of them are in memory at a time.
pub(crate) const MAX_STREAM_ROWS: usize = 10_000_000;
pub(crate) const MAX_STREAM_BYTES: usize = 4 << 30;

/// Batches, of 2,048 rows, that wait for a slow client.
const WAITING_BATCHES: usize = 4;

/// Key of a field's metadata under which Arrow schemas tell the SQL type.
const SQL_TYPE: &str = "spanreel.sql_type";

/// Stops the query when its request is dropped, which happens when the client goes away.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Runs blocking work of one user query, when there is room for it.
async fn blocking<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce(&Store, &Cancel) -> Result<T, UserSqlError> + Send + 'static,
) -> Result<T, ApiError> {
    let waiting = Arc::clone(&state.user_queries)
        .try_acquire_owned()
        .map_err(|_| busy("too many queries are waiting; try again"))?;
    let cancel = Cancel::default();
    let _guard = CancelOnDrop(cancel.clone());
    let store = state.store.clone();
    let running = tokio::task::spawn_blocking(move || {
        let _waiting = waiting;
        work(&store, &cancel)
    });
    tokio::select! {
        outcome = running => outcome.map_err(|error| ApiError::internal(&error))?.map_err(refused),
        () = state.shutdown.cancelled() => Err(shutting_down()),
    }
}

/// The whole result at once.
pub(crate) async fn table(state: &AppState, query: UserSql) -> Result<Table, ApiError> {
    blocking(state, move |store, cancel| store.user_sql(&query, cancel)).await
}

/// Parameters and result types, no row.
pub(crate) async fn describe(state: &AppState, query: UserSql) -> Result<Described, ApiError> {
    blocking(state, move |store, cancel| {
        store.describe_user_sql(&query, cancel)
    })
    .await
}

/// A query whose rows come as they are made. Dropping it stops the query.
pub(crate) struct Running {
    /// Of the batches, with the SQL type of each column in the field's metadata.
    pub(crate) schema: SchemaRef,
    pieces: mpsc::Receiver<Piece>,
    shutdown: CancellationToken,
    _guard: CancelOnDrop,
}

/// What comes of a running query, in order: batches, then how it ended.
pub(crate) enum Piece {
    Batch(RecordBatch),
    End(StreamEnd),
    Failed(ApiError),
}

impl Running {
    /// The next piece; after an end or a failure there is none to ask for.
    pub(crate) async fn next(&mut self) -> Piece {
        tokio::select! {
            piece = self.pieces.recv() => piece.unwrap_or(Piece::End(StreamEnd::SinkClosed)),
            () = self.shutdown.cancelled() => Piece::Failed(shutting_down()),
        }
    }
}

/// Starts a query; comes back when it was let in and its columns are known.
pub(crate) async fn stream(state: &AppState, query: UserSql) -> Result<Running, ApiError> {
    let waiting = Arc::clone(&state.user_queries)
        .try_acquire_owned()
        .map_err(|_| busy("too many queries are waiting; try again"))?;
    let cancel = Cancel::default();
    let guard = CancelOnDrop(cancel.clone());
    let (started, begun) = oneshot::channel();
    let (sender, pieces) = mpsc::channel(WAITING_BATCHES);
    let mut sink = ChannelSink {
        started: Some(started),
        pieces: sender,
        deadline: Instant::now() + query.timeout,
        runtime: tokio::runtime::Handle::current(),
    };
    let store = state.store.clone();
    tokio::task::spawn_blocking(move || {
        let _waiting = waiting;
        let outcome = store.user_sql_stream(&query, &cancel, &mut sink);
        match (outcome, sink.started.take()) {
            (Err(error), Some(started)) => drop(started.send(Err(error))),
            (Err(error), None) => drop(sink.send(Piece::Failed(refused(error)))),
            (Ok(end), _) => drop(sink.send(Piece::End(end))),
        }
    });
    let begun = tokio::select! {
        begun = begun => begun.map_err(|error| ApiError::internal(&error))?,
        () = state.shutdown.cancelled() => return Err(shutting_down()),
    };
    let (schema, columns) = begun.map_err(refused)?;
    Ok(Running {
        schema: with_sql_types(&schema, &columns),
        pieces,
        shutdown: state.shutdown.clone(),
        _guard: guard,
    })
}

type Begun = Result<(SchemaRef, Vec<Column>), UserSqlError>;

/// From the thread of the query to its request.
struct ChannelSink {
    started: Option<oneshot::Sender<Begun>>,
    pieces: mpsc::Sender<Piece>,
    /// A client that does not read must not keep the query's slot.
    deadline: Instant,
    runtime: tokio::runtime::Handle,
}

impl ChannelSink {
    fn send(&self, piece: Piece) -> ControlFlow<()> {
        let sending = tokio::time::timeout_at(self.deadline.into(), self.pieces.send(piece));
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

impl BatchSink for ChannelSink {
    fn begin(&mut self, schema: SchemaRef, columns: Vec<Column>) -> ControlFlow<()> {
        match self.started.take().map(|to| to.send(Ok((schema, columns)))) {
            Some(Ok(())) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }

    fn batch(&mut self, batch: RecordBatch) -> ControlFlow<()> {
        self.send(Piece::Batch(batch))
    }
}

fn with_sql_types(schema: &Schema, columns: &[Column]) -> SchemaRef {
    let fields = schema.fields().iter().zip(columns).map(|(field, column)| {
        let told = [(SQL_TYPE.to_owned(), column.sql_type.clone())];
        Field::clone(field).with_metadata(told.into())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Told when a result that is streamed would go beyond [`MAX_STREAM_BYTES`].
pub(crate) fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "sql_too_large",
        format!(
            "the result is larger than {} MiB: select fewer columns (input, output and content hold \
             whole payloads) or fewer rows",
            MAX_STREAM_BYTES >> 20
        ),
    )
}

fn busy(message: &str) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "sql_busy", message)
}

fn shutting_down() -> ApiError {
    busy("Spanreel is shutting down")
}

fn refused(error: UserSqlError) -> ApiError {
    let (status, code) = match error.kind {
        UserSqlErrorKind::Limited => return beyond_limit(),
        UserSqlErrorKind::Rejected => (StatusCode::BAD_REQUEST, "sql_rejected"),
        UserSqlErrorKind::Error => (StatusCode::BAD_REQUEST, "sql_error"),
        UserSqlErrorKind::Timeout => (StatusCode::BAD_REQUEST, "sql_timeout"),
        UserSqlErrorKind::Memory => (StatusCode::BAD_REQUEST, "sql_memory"),
        UserSqlErrorKind::Cancelled => (StatusCode::BAD_REQUEST, "sql_cancelled"),
        UserSqlErrorKind::Damaged => (StatusCode::INTERNAL_SERVER_ERROR, "damaged"),
        UserSqlErrorKind::Busy => (StatusCode::SERVICE_UNAVAILABLE, "sql_busy"),
    };
    ApiError::new(status, code, error.message).at(error.position)
}
