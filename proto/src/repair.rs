//! Mends OTLP protobuf that prost refuses although its structure is whole: strings that are not UTF-8
//! (each bad sequence becomes U+FFFD) and attribute values nested deeper than prost follows (the deep
//! part is kept as `bytes_value`, its protobuf encoding).

/// What a field of a message is, as far as mending cares.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    /// A UTF-8 string.
    Text,
    /// A nested message.
    Message(Schema),
    /// The list of an `AnyValue`, where nesting has no bound.
    List(Schema),
}

/// The fields of a message that need a look; all others are copied.
pub(crate) type Schema = &'static [(u32, Field)];

use Field::{List, Message, Text};

static ANY_VALUE: [(u32, Field); 3] = [(1, Text), (5, List(&ARRAY)), (6, List(&ATTRIBUTES))];
static ARRAY: [(u32, Field); 1] = [(1, Message(&ANY_VALUE))];
/// `KeyValueList`, whose only field is its list of `KeyValue`.
static ATTRIBUTES: [(u32, Field); 1] = [(1, Message(&KEY_VALUE))];
static KEY_VALUE: [(u32, Field); 2] = [(1, Text), (2, Message(&ANY_VALUE))];
static ENTITY_REF: [(u32, Field); 4] = [(1, Text), (2, Text), (3, Text), (4, Text)];
static RESOURCE: [(u32, Field); 2] = [(1, Message(&KEY_VALUE)), (3, Message(&ENTITY_REF))];
static SCOPE: [(u32, Field); 3] = [(1, Text), (2, Text), (3, Message(&KEY_VALUE))];

/// `ExportTraceServiceRequest`.
pub(crate) static TRACES: Schema = &[(1, Message(&RESOURCE_SPANS))];
static RESOURCE_SPANS: [(u32, Field); 3] = group(&RESOURCE, &SCOPE_SPANS);
static SCOPE_SPANS: [(u32, Field); 3] = group(&SCOPE, &SPAN);
static SPAN: [(u32, Field); 6] = [
    (3, Text),
    (5, Text),
    (9, Message(&KEY_VALUE)),
    (11, Message(&SPAN_EVENT)),
    (13, Message(&SPAN_LINK)),
    (15, Message(&SPAN_STATUS)),
];
static SPAN_EVENT: [(u32, Field); 2] = [(2, Text), (3, Message(&KEY_VALUE))];
static SPAN_LINK: [(u32, Field); 2] = [(3, Text), (4, Message(&KEY_VALUE))];
static SPAN_STATUS: [(u32, Field); 1] = [(2, Text)];

/// `ExportLogsServiceRequest`.
pub(crate) static LOGS: Schema = &[(1, Message(&RESOURCE_LOGS))];
static RESOURCE_LOGS: [(u32, Field); 3] = group(&RESOURCE, &SCOPE_LOGS);
static SCOPE_LOGS: [(u32, Field); 3] = group(&SCOPE, &LOG_RECORD);
static LOG_RECORD: [(u32, Field); 4] = [
    (3, Text),
    (5, Message(&ANY_VALUE)),
    (6, Message(&KEY_VALUE)),
    (12, Text),
];

/// `ExportMetricsServiceRequest`.
pub(crate) static METRICS: Schema = &[(1, Message(&RESOURCE_METRICS))];
static RESOURCE_METRICS: [(u32, Field); 3] = group(&RESOURCE, &SCOPE_METRICS);
static SCOPE_METRICS: [(u32, Field); 3] = group(&SCOPE, &METRIC);
static METRIC: [(u32, Field); 9] = [
    (1, Text),
    (2, Text),
    (3, Text),
    (5, Message(&NUMBER_DATA)),
    (7, Message(&NUMBER_DATA)),
    (9, Message(&HISTOGRAM_DATA)),
    (10, Message(&EXPONENTIAL_DATA)),
    (11, Message(&SUMMARY_DATA)),
    (12, Message(&KEY_VALUE)),
];
static NUMBER_DATA: [(u32, Field); 1] = [(1, Message(&NUMBER_POINT))];
static HISTOGRAM_DATA: [(u32, Field); 1] = [(1, Message(&HISTOGRAM_POINT))];
static EXPONENTIAL_DATA: [(u32, Field); 1] = [(1, Message(&EXPONENTIAL_POINT))];
static SUMMARY_DATA: [(u32, Field); 1] = [(1, Message(&SUMMARY_POINT))];
static NUMBER_POINT: [(u32, Field); 2] = [(5, Message(&EXEMPLAR)), (7, Message(&KEY_VALUE))];
static HISTOGRAM_POINT: [(u32, Field); 2] = [(8, Message(&EXEMPLAR)), (9, Message(&KEY_VALUE))];
static EXPONENTIAL_POINT: [(u32, Field); 2] = [(1, Message(&KEY_VALUE)), (11, Message(&EXEMPLAR))];
static SUMMARY_POINT: [(u32, Field); 1] = [(7, Message(&KEY_VALUE))];
static EXEMPLAR: [(u32, Field); 1] = [(7, Message(&KEY_VALUE))];

/// The shape that the `Resource…` and `Scope…` messages share: owner, members, schema URL.
const fn group(owner: Schema, members: Schema) -> [(u32, Field); 3] {
    [(1, Message(owner)), (2, Message(members)), (3, Text)]
}

/// Lists inside lists that are followed; prost follows about 30 of the costlier kind.
const MAX_LISTS: usize = 24;

/// `bytes_value` of an `AnyValue`.
const BYTES_VALUE_FIELD: u32 = 7;

/// Returns the mended message, or `None` when its structure is broken.
pub(crate) fn repair(bytes: &[u8], schema: Schema) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    walk(bytes, schema, 0, &mut out)?;
    Some(out)
}

fn walk(mut bytes: &[u8], schema: Schema, lists: usize, out: &mut Vec<u8>) -> Option<()> {
    while !bytes.is_empty() {
        let start = bytes;
        let key = varint(&mut bytes)?;
        let number = u32::try_from(key >> 3).ok()?;
        match key & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            5 => bytes = bytes.get(4..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                let field = schema.iter().find(|(n, _)| *n == number).map(|(_, f)| *f);
                if let Some(field) = field {
                    nested(number, field, content, lists, out)?;
                    continue;
                }
            }
            // Groups are not used in OTLP.
            _ => return None,
        }
        out.extend_from_slice(&start[..start.len() - bytes.len()]);
    }
    Some(())
}

fn nested(
    number: u32,
    field: Field,
    content: &[u8],
    lists: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    match field {
        Text => put(number, String::from_utf8_lossy(content).as_bytes(), out),
        List(_) if lists >= MAX_LISTS => put(BYTES_VALUE_FIELD, content, out),
        Message(schema) | List(schema) => {
            let deeper = lists + usize::from(matches!(field, List(_)));
            let mut mended = Vec::with_capacity(content.len());
            walk(content, schema, deeper, &mut mended)?;
            put(number, &mended, out);
        }
    }
    Some(())
}

fn put(number: u32, content: &[u8], out: &mut Vec<u8>) {
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, out);
    prost::encoding::encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    prost::encoding::decode_varint(bytes).ok()
}
