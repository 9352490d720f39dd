//! Which sessions: the filters that every route over sessions shares.

use serde::Deserialize;
use store::Value;
use utoipa::IntoParams;

use crate::rows::{list_param, text_param};
use crate::time::comparable_ns;

/// Which sessions. Filters combine; of a filter given several times, one value has to fit.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct SessionFilter {
    /// Free text over title, id, harness, host, project, model and tool names, tags.
    q: Option<String>,
    /// `running`, `ok`, `error`, `interrupted`, `killed`.
    status: Vec<String>,
    harness: Vec<String>,
    /// Name of an agent or subagent that acted.
    agent: Vec<String>,
    host: Vec<String>,
    project: Vec<String>,
    /// Name of a model used.
    model: Vec<String>,
    /// Name of a tool called.
    tool: Vec<String>,
    /// Name of an MCP server used.
    mcp: Vec<String>,
    /// Kind of finding, or `any`.
    finding: Vec<String>,
    tag: Vec<String>,
    /// US dollars; a session without a known cost passes neither bound.
    min_cost_usd: Option<f64>,
    max_cost_usd: Option<f64>,
    min_duration_ns: Option<i64>,
    max_duration_ns: Option<i64>,
    /// Started at or after this time, Unix nanoseconds.
    from_ns: Option<i64>,
    /// Started before this time, Unix nanoseconds.
    until_ns: Option<i64>,
    /// Children of this session instead of top-level sessions.
    parent: Option<String>,
    /// Child sessions too.
    include_children: bool,
    /// Only these sessions.
    #[serde(skip)]
    #[param(ignore)]
    ids: Option<Vec<String>>,
}

impl SessionFilter {
    /// These sessions, whichever their place.
    pub(crate) fn only(ids: Vec<String>) -> Self {
        Self {
            include_children: true,
            ids: Some(ids),
            ..Self::default()
        }
    }

    /// The sessions that one session started.
    pub(crate) fn children_of(session_id: String) -> Self {
        Self {
            parent: Some(session_id),
            ..Self::default()
        }
    }

    /// Those of these sessions that started at or after a time (Unix ns) as well.
    pub(crate) fn since(mut self, from_ns: i64) -> Self {
        self.from_ns = Some(self.from_ns.map_or(from_ns, |from| from.max(from_ns)));
        self
    }

    /// The parameters of `filtered_sessions.sql`, in order.
    pub(crate) fn params(&self) -> Vec<Value> {
        let words = self.q.as_ref().map(|q| q.trim().to_lowercase());
        let text = |text: Option<&str>| text_param(text.filter(|text| !text.is_empty()));
        let double = |value: Option<f64>| value.map_or(Value::Null, Value::Double);
        let int = |value: Option<i64>| value.map_or(Value::Null, Value::Int);
        vec![
            text(words.as_deref()),
            list_param(&self.status),
            list_param(&self.harness),
            list_param(&self.agent),
            list_param(&self.host),
            list_param(&self.project),
            list_param(&self.model),
            list_param(&self.tool),
            list_param(&self.mcp),
            list_param(&self.finding),
            list_param(&self.tag),
            double(self.min_cost_usd),
            double(self.max_cost_usd),
            int(self.min_duration_ns),
            int(self.max_duration_ns),
            int(self.from_ns.map(comparable_ns)),
            int(self.until_ns.map(comparable_ns)),
            text(self.parent.as_deref()),
            Value::Bool(self.include_children),
            text_param(
                self.ids
                    .as_ref()
                    .map(|ids| ids.join(crate::sql::ITEM_SEPARATOR))
                    .as_deref(),
            ),
        ]
    }
}
