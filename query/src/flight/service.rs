//! The commands of Flight SQL.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{SqlInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, Command, CommandGetCatalogs, CommandGetDbSchemas,
    CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
    CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt,
    SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest,
    HandshakeResponse, IpcMessage, SchemaAsIpc, Ticket,
};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use prost::bytes::Bytes;
use store::{Described, StreamEnd, UserSql, Value};
use tonic::{Request, Response, Status, Streaming};

use super::prepared::{Statements, values};
use super::{internal, metadata, status};
use crate::state::AppState;
use crate::user_sql::{self, MAX_STREAM_BYTES, MAX_TIMEOUT, Piece, Running, too_large};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

/// Answers Flight SQL with the sandbox for user SQL.
pub(crate) struct FlightSql {
    state: AppState,
    statements: Statements,
}

impl FlightSql {
    pub(super) fn new(state: AppState) -> Self {
        Self {
            state,
            statements: Statements::default(),
        }
    }

    async fn describe(&self, sql: String, params: Vec<Value>) -> Result<Described, Status> {
        user_sql::describe(&self.state, query(sql, params))
            .await
            .map_err(|error| status(&error))
    }

    /// The result types of a statement, or those of a command's answer.
    pub(super) async fn schema_of(&self, command: &Bytes) -> Result<SchemaRef, Status> {
        let message = Any::decode(command.clone())
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let command = Command::try_from(message)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let described = match command {
            Command::CommandStatementQuery(command) => {
                self.describe(command.query, Vec::new()).await?
            }
            Command::CommandPreparedStatementQuery(command) => {
                let prepared = self.statements.get(&command.prepared_statement_handle)?;
                self.describe(prepared.sql, prepared.params).await?
            }
            Command::CommandGetCatalogs(command) => return Ok(command.into_builder().schema()),
            Command::CommandGetDbSchemas(command) => return Ok(command.into_builder().schema()),
            Command::CommandGetTableTypes(command) => return Ok(command.into_builder().schema()),
            Command::CommandGetTables(command) => return Ok(command.into_builder().schema()),
            Command::CommandGetSqlInfo(_) => return Ok(metadata::sql_info()?.schema()),
            other => {
                let message = format!("{} has no schema here", other.type_url());
                return Err(Status::unimplemented(message));
            }
        };
        described.schema.ok_or_else(|| {
            Status::failed_precondition(
                "the types of the result depend on parameters: bind them first",
            )
        })
    }

    async fn run(&self, sql: String, params: Vec<Value>) -> Result<Answers<FlightData>, Status> {
        let running = user_sql::stream(&self.state, query(sql, params))
            .await
            .map_err(|error| status(&error))?;
        let schema = Arc::clone(&running.schema);
        let batches = stream::try_unfold(running, |mut running| async move {
            let batch = next_batch(&mut running).await?;
            Ok(batch.map(|batch| (batch, running)))
        });
        Ok(encoded(schema, batches))
    }
}

/// A statement under the limits of streams. Nothing is cut: drivers have no place to tell it, so what
/// goes beyond the limits fails.
fn query(sql: String, params: Vec<Value>) -> UserSql {
    UserSql {
        sql,
        params,
        max_rows: usize::MAX,
        max_bytes: MAX_STREAM_BYTES,
        timeout: MAX_TIMEOUT,
    }
}

async fn next_batch(running: &mut Running) -> Result<Option<RecordBatch>, FlightError> {
    let failed = |status: Status| Err(FlightError::Tonic(Box::new(status)));
    match running.next().await {
        Piece::Batch(batch) => Ok(Some(batch)),
        Piece::End(StreamEnd::Complete) => Ok(None),
        Piece::End(StreamEnd::SinkClosed) => failed(Status::deadline_exceeded(
            "the client read the result too slowly",
        )),
        Piece::End(StreamEnd::RowLimit | StreamEnd::ByteLimit) => failed(status(&too_large())),
        Piece::Failed(error) => failed(status(&error)),
    }
}

fn encoded(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
) -> Answers<FlightData> {
    FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .build(batches)
        .map_err(Status::from)
        .boxed()
}

fn one(batch: RecordBatch) -> Response<Answers<FlightData>> {
    let schema = batch.schema();
    Response::new(encoded(schema, stream::iter([Ok(batch)])))
}

/// Where the answer is to be had: here, with `ticket`.
fn info(ticket: impl ProstMessageExt, request: Request<FlightDescriptor>) -> FlightInfo {
    let ticket = Ticket::new(ticket.as_any().encode_to_vec());
    FlightInfo::new()
        .with_descriptor(request.into_inner())
        .with_endpoint(FlightEndpoint::new().with_ticket(ticket))
}

fn info_with(
    schema: &Schema,
    ticket: impl ProstMessageExt,
    request: Request<FlightDescriptor>,
) -> Result<Response<FlightInfo>, Status> {
    let info = info(ticket, request).try_with_schema(schema);
    Ok(Response::new(info.map_err(internal)?))
}

fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message: IpcMessage = SchemaAsIpc::new(schema, &options)
        .try_into()
        .map_err(|error: arrow::error::ArrowError| internal(error))?;
    Ok(message.0)
}

fn read_only() -> Status {
    Status::permission_denied(
        "only reading is allowed: one SELECT (also FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, SHOW \
         TABLES, EXPLAIN)",
    )
}

#[tonic::async_trait]
impl FlightSqlService for FlightSql {
    type FlightService = Self;

    /// Nobody has to log in.
    async fn do_handshake(
        &self,
        _request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Answers<HandshakeResponse>>, Status> {
        let answer = Ok(HandshakeResponse::default());
        Ok(Response::new(stream::iter([answer]).boxed()))
    }

    async fn get_flight_info_statement(
        &self,
        command: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        // Tells mistakes before the client asks for rows.
        self.describe(command.query.clone(), Vec::new()).await?;
        let ticket = TicketStatementQuery {
            statement_handle: command.query.into(),
        };
        Ok(Response::new(info(ticket, request)))
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        _request: Request<Ticket>,
    ) -> Result<Response<Answers<FlightData>>, Status> {
        let sql = String::from_utf8(ticket.statement_handle.into())
            .map_err(|_| Status::invalid_argument("this ticket is not one of this server"))?;
        Ok(Response::new(self.run(sql, Vec::new()).await?))
    }

    async fn do_action_create_prepared_statement(
        &self,
        command: ActionCreatePreparedStatementRequest,
        _request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let described = self.describe(command.query.clone(), Vec::new()).await?;
        let parameters = described.parameters.iter();
        // Their types are what they are bound as.
        let parameters: Vec<Field> = parameters
            .map(|name| Field::new(name, DataType::Null, true))
            .collect();
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: self.statements.add(command.query).into(),
            dataset_schema: match described.schema {
                Some(schema) => schema_bytes(&schema)?,
                None => Bytes::new(),
            },
            parameter_schema: schema_bytes(&Schema::new(parameters))?,
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        command: ActionClosePreparedStatementRequest,
        _request: Request<Action>,
    ) -> Result<(), Status> {
        self.statements.remove(&command.prepared_statement_handle);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let handle = command.prepared_statement_handle;
        let data = request.into_inner().map_err(FlightError::from);
        let batches: Vec<RecordBatch> = FlightRecordBatchStream::new_from_flight_data(data)
            .try_collect()
            .await?;
        self.statements.bind(&handle, values(&batches)?)?;
        Ok(DoPutPreparedStatementResult {
            prepared_statement_handle: Some(handle),
        })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.statements.get(&command.prepared_statement_handle)?;
        Ok(Response::new(info(command, request)))
    }

    async fn do_get_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        _request: Request<Ticket>,
    ) -> Result<Response<Answers<FlightData>>, Status> {
        let prepared = self.statements.get(&command.prepared_statement_handle)?;
        Ok(Response::new(
            self.run(prepared.sql, prepared.params).await?,
        ))
    }

    async fn get_flight_info_catalogs(
        &self,
        command: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        info_with(&command.into_builder().schema(), command, request)
    }

    async fn do_get_catalogs(
        &self,
        command: CommandGetCatalogs,
        _request: Request<Ticket>,
    ) -> Result<Response<Answers<FlightData>>, Status> {
        Ok(one(metadata::catalogs(command)?))
    }

    async fn get_flight_info_schemas(
        &self,
        command: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        info_with(&command.clone().into_builder().schema(), command, request)
    }

    async fn do_get_schemas(
        &self,
        command: CommandGetDbSchemas,
        _request: Request<Ticket>,
    ) -> Result<Response<Answers<FlightData>>, Status> {
        Ok(one(metadata::schemas(command)?))
    }

    async fn get_flight_info_tables(
        &self,
        command: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        info_with(&command.clone().into_builder().schema(), command, request)
    }

    async fn do_get_tables(
        &self,
        command: CommandGetTables,
        _request: Request<Ticket>,
    ) -> Result<Response<Answers<FlightData>>, Status> {
        Ok(one(metadata::tables(&self.state, command).await?))
    }

    async fn get_flight_info_table_types(
        &self,
        command: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        info_with(&command.into_builder().schema(), command, request)
    }

    async fn do_get_table_types(
        &self,
        command: CommandGetTableTypes,
        _request: Request<Ticket>,
    ) -> Result<Response<Answers<FlightData>>, Status> {
        Ok(one(metadata::table_types(command)?))
    }

    async fn get_flight_info_sql_info(
        &self,
        command: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        info_with(&metadata::sql_info()?.schema(), command, request)
    }

    async fn do_get_sql_info(
        &self,
        command: CommandGetSqlInfo,
        _request: Request<Ticket>,
    ) -> Result<Response<Answers<FlightData>>, Status> {
        let all: SqlInfoData = metadata::sql_info()?;
        Ok(one(command.into_builder(&all).build().map_err(internal)?))
    }

    /// The types of the columns are told by their schemas.
    async fn get_flight_info_xdbc_type_info(
        &self,
        command: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let none = XdbcTypeInfoDataBuilder::new().build().map_err(internal)?;
        info_with(&none.schema(), command, request)
    }

    async fn do_get_xdbc_type_info(
        &self,
        command: CommandGetXdbcTypeInfo,
        _request: Request<Ticket>,
    ) -> Result<Response<Answers<FlightData>>, Status> {
        let none = XdbcTypeInfoDataBuilder::new().build().map_err(internal)?;
        Ok(one(command
            .into_builder(&none)
            .build()
            .map_err(internal)?))
    }

    async fn do_put_statement_update(
        &self,
        _command: CommandStatementUpdate,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(read_only())
    }

    async fn do_put_prepared_statement_update(
        &self,
        _command: CommandPreparedStatementUpdate,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(read_only())
    }

    async fn do_put_statement_ingest(
        &self,
        _command: CommandStatementIngest,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        Err(read_only())
    }

    /// The library has the server's facts made when they are asked for.
    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {}
}
