//! What a record itself said, as it is kept beside a row that joining has changed: only where the two
//! differ, since most of a row stays as it was reported.

use proto::agent::{Facts, Reported};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::ActState;

/// Calls `$apply!(fields)` with every field of [`Facts`].
macro_rules! facts {
    ($apply:ident) => {
        proto::for_each_fact!(
            $apply,
            starts_subagent,
            cost_usd,
            cost_source,
            input,
            output,
            output_source,
            call_hash
        )
    };
}

/// Calls `$apply!(fields)` with every field of [`Reported`] but the facts.
macro_rules! others {
    ($apply:ident) => {
        $apply!(operation, plumbing, end_ns, status, status_message)
    };
}

/// Fields of a JSON object under construction.
struct Fields(String);

impl Fields {
    fn put(&mut self, name: &str, value: &impl Serialize) {
        let value = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
        self.put_json(name, &value);
    }

    fn put_json(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        for part in ["\"", name, "\":", value] {
            self.0.push_str(part);
        }
    }

    fn finish(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

/// Where the record differs from the row: `{"status": …, "facts": {"model": …}}`, null for what the
/// record did not say. `None` for a row that is as it was reported.
pub(crate) fn json(state: &ActState) -> Option<String> {
    let reported = state.reported.as_deref()?;
    let mut fields = Fields(String::new());
    macro_rules! put {
        ($($field:ident),+) => {
            let Reported { $($field,)+ facts: _ } = reported;
            $(if state.$field != *$field {
                fields.put(stringify!($field), $field);
            })+
        };
    }
    others!(put);
    let mut of_facts = Fields(String::new());
    macro_rules! put_fact {
        ($($field:ident),+) => {
            let Facts { $($field),+ } = &reported.facts;
            $(if state.facts.$field != *$field {
                of_facts.put(stringify!($field), $field);
            })+
        };
    }
    facts!(put_fact);
    fields.put_json("facts", &of_facts.finish());
    Some(fields.finish())
}

/// Undoes [`json`], given the row; `None` when the text is not one of its.
pub(crate) fn parse(json: &str, row: &ActState) -> Option<Reported> {
    let mut fields: Map<String, Value> = serde_json::from_str(json).ok()?;
    let mut of_facts: Map<String, Value> = match fields.remove("facts") {
        Some(Value::Object(facts)) => facts,
        _ => Map::new(),
    };
    macro_rules! take {
        ($from:ident, $of:expr; $($field:ident),+) => {
            $(let $field = match $from.remove(stringify!($field)) {
                Some(value) => serde_json::from_value(value).ok()?,
                None => $of.$field.clone(),
            };)+
        };
    }
    macro_rules! take_fact {
        ($($field:ident),+) => {{
            take!(of_facts, row.facts; $($field),+);
            Facts { $($field),+ }
        }};
    }
    let facts = facts!(take_fact);
    macro_rules! take_other {
        ($($field:ident),+) => {{
            take!(fields, row; $($field),+);
            Reported { $($field,)+ facts }
        }};
    }
    Some(others!(take_other))
}
