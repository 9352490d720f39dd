//! The only list of our own queries. A test prepares each against a fresh store.

macro_rules! queries {
    ($($(#[$doc:meta])* $name:ident = $($file:literal)&+),+ $(,)?) => {
        $($(#[$doc])* pub(crate) const $name: &str =
            concat!($(include_str!(concat!("../sql/", $file))),+);)+

        /// File names and text of every query.
        #[cfg(test)]
        pub(crate) const ALL: &[(&[&str], &str)] = &[$((&[$($file),+], $name)),+];
    };
}

queries!(
    CATALOG = "catalog.sql",
    COMPARE_CONTEXT = "compare_context.sql",
    COMPARE_GROUPS = "compare_groups.sql",
    COMPARE_PAYLOADS = "compare_payloads.sql",
    COMPARE_PROMPTS = "compare_prompts.sql",
    FILTER_VALUES = "filter_values.sql",
    DIGEST_TURNS = "digest_turns.sql",
    DOCTOR_HARNESSES = "doctor_harnesses.sql",
    DOCTOR_NOTES = "doctor_notes.sql",
    DOCTOR_SIGNALS = "doctor_signals.sql",
    DELETED_SESSION = "deleted_session.sql",
    EXPORT_ACTS = "export_acts.sql",
    EXPORT_ACT_LIST = "export_act_list.sql",
    EXPORT_ACT_TEXTS = "export_act_texts.sql",
    EXPORT_ANNOTATIONS = "export_annotations.sql",
    EXPORT_CHECKPOINTS = "export_checkpoints.sql",
    EXPORT_EVENTS = "export_events.sql",
    EXPORT_FAMILY = "export_family.sql",
    EXPORT_FINDINGS = "export_findings.sql",
    EXPORT_METRICS = "export_metrics.sql",
    EXPORT_PAYLOADS = "export_payloads.sql",
    EXPORT_PAYLOAD_LIST = "export_payload_list.sql",
    EXPORT_PROMPTS = "export_prompts.sql",
    EXPORT_SESSIONS = "export_sessions.sql",
    EXPORT_TURNS = "export_turns.sql",
    GET_ANNOTATION = "get_annotation.sql",
    GET_SPAN = "get_span.sql",
    JAEGER_DEPENDENCIES = "jaeger_dependencies.sql",
    JAEGER_EVENTS = "jaeger_events.sql",
    JAEGER_FIND_TRACES = "jaeger_find_traces.sql",
    JAEGER_OPERATIONS = "jaeger_operations.sql",
    JAEGER_RESOURCES = "jaeger_resources.sql",
    JAEGER_SERVICES = "jaeger_services.sql",
    JAEGER_SPANS = "jaeger_spans.sql",
    KNOWN_TRACES = "known_traces.sql",
    LIST_ACTS = "list_acts.sql",
    LIST_ANNOTATIONS = "list_annotations.sql",
    LIST_CHECKPOINTS = "list_checkpoints.sql",
    LIST_FINDINGS = "list_findings.sql",
    LIST_SESSIONS = "filtered_sessions.sql" & "list_sessions.sql",
    PREVIOUS_MODEL_REQUEST = "previous_model_request.sql",
    PUBLIC_COLUMNS = "public_columns.sql",
    PUBLIC_MACROS = "public_macros.sql",
    RELATED_SPANS = "related_spans.sql",
    SAVED_QUERIES = "saved_queries.sql",
    SEARCH = "search.sql",
    SESSION_ACTIVITY = "filtered_sessions.sql" & "session_activity.sql",
    SESSION_ACTS = "session_acts.sql",
    SESSION_CALLS = "session_calls.sql",
    SESSION_FILES = "session_files.sql",
    SESSION_FIGURES = "session_figures.sql",
    SESSION_HISTORIES = "session_histories.sql",
    SESSION_IDS = "session_ids.sql",
    SESSION_SEARCH = "session_search.sql",
    SESSION_SHAPES = "session_shapes.sql",
    SESSION_STATE = "session_state.sql",
    SESSION_SUMMARY = "filtered_sessions.sql" & "session_summary.sql",
    SESSION_TAGS = "session_tags.sql",
    SESSION_TEXTS = "session_texts.sql",
    SESSION_TRACES = "session_traces.sql",
    SESSION_TRANSCRIPT = "session_transcript.sql",
    SESSION_TREE = "session_tree.sql",
    SESSION_TURNS = "session_turns.sql",
    SESSIONS_FALLEN_SILENT = "sessions_fallen_silent.sql",
    SESSIONS_TO_WATCH = "sessions_to_watch.sql",
    LAST_ACT = "last_act.sql",
    SPAN_EVENTS = "span_events.sql",
    TIMELINE = "timeline.sql",
    TRACE_TREE = "trace_tree.sql",
);

/// Separates the items of a list that is given to a query as one text.
pub(crate) const ITEM_SEPARATOR: &str = "\u{1f}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed_and_every_query_prepares() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        let mut listed: Vec<&str> = ALL.iter().flat_map(|(files, _)| *files).copied().collect();
        listed.sort_unstable();
        listed.dedup();
        assert_eq!(found, listed);

        let folder = tempfile::tempdir().unwrap();
        let store = store::Store::open(store::Config {
            data_dir: folder.path().to_owned(),
            memory_limit_bytes: 256 << 20,
            reader_count: 1,
            encryption: None,
        })
        .unwrap();
        for (files, sql) in ALL {
            let count = (1..=40)
                .rev()
                .find(|n| sql.contains(&format!("${n}:")))
                .unwrap_or(0);
            let params = vec![store::Value::Null; count];
            // A limited reading has views in place of the tables, and knows them all.
            for store in [&store, &store.limited_to([String::from("shop")].into())] {
                store.read(sql, &params).unwrap_or_else(|error| {
                    let cause = std::error::Error::source(&error);
                    panic!("{files:?}: {error}: {cause:?}")
                });
            }
        }
    }
}
