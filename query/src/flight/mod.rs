//! Arrow Flight SQL on the port of the interface: what ADBC, JDBC and ODBC drivers speak.
//!
//! gRPC, told from the other routes by its path. Every statement goes through the
//! same gate, with the same limits, as `/api/v1/sql`; nothing here reaches the store otherwise.

mod metadata;
mod prepared;
mod schema;
mod service;

use arrow_flight::flight_service_server::FlightServiceServer;
use tonic::{Code, Status};

use crate::error::ApiError;
use crate::state::AppState;

/// What the path of every method begins with.
pub(crate) const PREFIX: &str = "/arrow.flight.protocol.FlightService/";
/// Where gRPC puts the methods of the service.
pub(crate) const PATH: &str = "/arrow.flight.protocol.FlightService/{method}";

/// The service as a route.
pub(crate) fn service(state: AppState) -> FlightServiceServer<schema::WithSchema> {
    let service = service::FlightSql::new(state);
    FlightServiceServer::new(schema::WithSchema(service))
}

/// A refusal of the API in the words of gRPC.
fn status(error: &ApiError) -> Status {
    let code = match error.code() {
        "sql_timeout" => Code::DeadlineExceeded,
        "sql_memory" | "sql_busy" | "sql_too_large" => Code::ResourceExhausted,
        "sql_cancelled" => Code::Cancelled,
        _ if error.status().is_server_error() => Code::Internal,
        _ => Code::InvalidArgument,
    };
    Status::new(code, error.message())
}

/// Something of ours failed.
fn internal(error: impl std::error::Error + 'static) -> Status {
    status(&ApiError::internal(&error))
}
