//! What drivers ask of the server itself: catalogs, schemas, tables, and what it can do.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables, SqlInfo,
    SqlSupportedTransaction,
};
use store::{PUBLIC_CATALOG, PUBLIC_RELATIONS, PUBLIC_SCHEMA, UserSql};
use tonic::Status;

use super::{internal, status};
use crate::state::AppState;
use crate::user_sql::{self, MAX_TIMEOUT};

/// All relations are views.
const TABLE_TYPE: &str = "VIEW";

pub(super) fn catalogs(command: CommandGetCatalogs) -> Result<RecordBatch, Status> {
    let mut catalogs = command.into_builder();
    catalogs.append(PUBLIC_CATALOG);
    catalogs.build().map_err(internal)
}

pub(super) fn schemas(command: CommandGetDbSchemas) -> Result<RecordBatch, Status> {
    let mut schemas = command.into_builder();
    schemas.append(PUBLIC_CATALOG, PUBLIC_SCHEMA);
    schemas.build().map_err(internal)
}

pub(super) fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch, Status> {
    let mut types = command.into_builder();
    types.append(TABLE_TYPE);
    types.build().map_err(internal)
}

/// The public relations, with their columns when asked for.
pub(super) async fn tables(
    state: &AppState,
    command: CommandGetTables,
) -> Result<RecordBatch, Status> {
    let with_columns = command.include_schema;
    let mut tables = command.into_builder();
    for relation in PUBLIC_RELATIONS {
        let columns = match with_columns {
            true => columns_of(state, relation).await?,
            false => Schema::empty(),
        };
        tables
            .append(
                PUBLIC_CATALOG,
                PUBLIC_SCHEMA,
                relation,
                TABLE_TYPE,
                &columns,
            )
            .map_err(internal)?;
    }
    tables.build().map_err(internal)
}

async fn columns_of(state: &AppState, relation: &str) -> Result<Schema, Status> {
    let query = UserSql {
        sql: format!("from {PUBLIC_SCHEMA}.{relation}"),
        params: Vec::new(),
        max_rows: 0,
        max_bytes: 0,
        timeout: MAX_TIMEOUT,
    };
    let described = user_sql::describe(state, query)
        .await
        .map_err(|error| status(&error))?;
    Ok(described
        .schema
        .map_or_else(Schema::empty, |schema| Schema::clone(&schema)))
}

/// What the server is and can do.
pub(super) fn sql_info() -> Result<SqlInfoData, Status> {
    let mut info = SqlInfoDataBuilder::new();
    info.append(SqlInfo::FlightSqlServerName, "Spanreel");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, "1.5");
    info.append(SqlInfo::FlightSqlServerReadOnly, true);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(
        SqlInfo::FlightSqlServerTransaction,
        SqlSupportedTransaction::None as i32,
    );
    info.append(SqlInfo::FlightSqlServerCancel, false);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    info.append(
        SqlInfo::FlightSqlServerStatementTimeout,
        MAX_TIMEOUT.as_millis() as i32,
    );
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.build().map_err(internal)
}
