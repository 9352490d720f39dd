//! Model Context Protocol spans of the OpenTelemetry conventions.

use proto::agent::{Operation, SpanKind};

use super::Family;
use crate::conventions::names::Concept as C;
use crate::conventions::record::Shape;

pub(super) static FAMILY: Family = Family {
    names: &[
        (C::McpMethod, &["mcp.method.name"]),
        (
            C::McpServer,
            &[
                "mcp_server_name",
                "mcp_server.name",
                "mcp.server.name",
                "mcp_server",
                "mcp.server",
            ],
        ),
        (C::ToolName, &["mcp.tool.name"]),
        (C::ErrorType, &["rpc.response.status_code"]),
    ],
    // `tools/call` is the tool call itself where the span also says so; otherwise, and on the
    // server's side, it is the transport of one. Everything else is protocol.
    shape: |record, bag| {
        let method = record.picked.scalar(C::McpMethod, bag)?;
        if method != "tools/call" {
            return Some(Shape::plumbing(Operation::Mcp));
        }
        let is_call =
            record.picked.scalar(C::OperationName, bag).as_deref() == Some("execute_tool");
        Some(Shape::of(if is_call && record.kind != SpanKind::Server {
            Operation::Tool
        } else {
            Operation::Mcp
        }))
    },
    ..Family::PLAIN
};
