//! Following every reference from one row to another.

use super::{Damage, DamageKind, DamagedAct, MOST_PLACES, Source, Verification};
use crate::Error;
use crate::columns::each_row;

/// A kind of reference: what it is of, and a query of the rows (`session_id`, `trace_id`, `span_id`,
/// `what`, as far as there are such) whose reference leads nowhere.
struct Kind {
    of: &'static str,
    count: &'static str,
    broken: &'static str,
}

const KINDS: &[Kind] = &[
    Kind {
        of: "a payload names a piece",
        count: "select coalesce(sum(len(pieces)), 0)::bigint from payload",
        broken: "select null::varchar as session_id, null::varchar as trace_id, \
                     null::varchar as span_id, 'payload ' || lower(hex(p.hash)) as what \
                 from (select payload_id, unnest(pieces) as id from payload) u \
                 join payload p on p.payload_id = u.payload_id \
                 where u.id not in (select piece_id from piece)",
    },
    Kind {
        of: "an act names a text",
        count: "select count(prompt_id) + count(input_id) + count(output_id) from span",
        broken: "select s.session_id, s.trace_id, s.span_id, s.what from ( \
                     select session_id, trace_id, span_id, 'its prompt' as what, \
                         prompt_id as id, prompt_hash as hash from span \
                     union all select session_id, trace_id, span_id, 'its input', \
                         input_id, input_hash from span \
                     union all select session_id, trace_id, span_id, 'its output', \
                         output_id, output_hash from span \
                 ) s left join payload p on p.payload_id = s.id \
                 where s.id is not null and p.hash is distinct from s.hash",
    },
    Kind {
        of: "a turn names a text",
        count: "select count(prompt_id) + count(response_id) from turn",
        broken: "select s.session_id, null::varchar as trace_id, null::varchar as span_id, \
                     s.what || ' of turn ' || s.turn as what from ( \
                     select session_id, turn, 'the prompt' as what, \
                         prompt_id as id, prompt_hash as hash from turn \
                     union all select session_id, turn, 'the response', response_id, \
                         response_hash from turn \
                 ) s left join payload p on p.payload_id = s.id \
                 where s.id is not null and p.hash is distinct from s.hash",
    },
    Kind {
        of: "an event names a text",
        count: "select count(body_id) from event",
        broken: "select e.session_id, e.trace_id, e.span_id, \
                     'the body of event ' || lower(hex(e.event_id)) as what \
                 from event e left join payload p on p.payload_id = e.body_id \
                 where e.body_id is not null and p.hash is distinct from e.body_hash",
    },
    Kind {
        of: "an act names its resource",
        count: "select count(resource_id) from span",
        broken: "select session_id, trace_id, span_id, 'its resource' as what from span \
                 where resource_id is not null \
                     and resource_id not in (select resource_id from resource)",
    },
    Kind {
        of: "a row names the record it was made of",
        count: "select (select count(received_id) from span) \
                    + (select count(received_id) from event) \
                    + (select count(received_id) from metric)",
        broken: "select r.session_id, r.trace_id, r.span_id, \
                     'record ' || r.record || ' received at journal position ' || r.received_id \
                         as what \
                 from ( \
                     select session_id, trace_id, span_id, received_id, record from span \
                     union all select session_id, trace_id, span_id, received_id, record from event \
                     union all select session_id, null, null, received_id, record from metric \
                 ) r anti join ( \
                     select distinct received_id, unnest(numbers) as record from received \
                 ) p on p.received_id = r.received_id and p.record = r.record \
                 where r.received_id is not null",
    },
    Kind {
        of: "a received record names a text",
        count: "select coalesce(sum(len(texts)), 0)::bigint from received",
        broken: "select null::varchar as session_id, null::varchar as trace_id, \
                     null::varchar as span_id, \
                     'text ' || u.id || ' of the records received at journal position ' \
                         || u.received_id as what \
                 from (select received_id, unnest(texts) as id from received) u \
                 where u.id not in (select payload_id from payload)",
    },
    Kind {
        of: "a call that an answer asks for names the answer",
        count: "select count(*) from call_asked",
        broken: "select null::varchar as session_id, null::varchar as trace_id, \
                     null::varchar as span_id, 'act ' || act_id as what from call_asked \
                 where act_id not in (select act_id from span)",
    },
    Kind {
        of: "a result that a request resends names the request",
        count: "select count(*) from result_seen",
        broken: "select null::varchar as session_id, null::varchar as trace_id, \
                     null::varchar as span_id, 'act ' || act_id as what from result_seen \
                 where act_id not in (select act_id from span)",
    },
    Kind {
        of: "a turn names its session",
        count: "select count(*) from turn",
        broken: "select session_id, null::varchar as trace_id, null::varchar as span_id, \
                     'turn ' || turn as what from turn \
                 where session_id not in (select session_id from session)",
    },
];

/// Follows all references; what leads nowhere is told by kind, with the first rows that it is of.
pub(super) fn follow(source: &Source<'_>, found: &mut Verification) -> Result<(), Error> {
    for kind in KINDS {
        let checked = source.read(|connection| {
            let count: i64 = connection.query_row(kind.count, [], |row| row.get(0))?;
            let (mut broken, mut acts, mut sessions, mut whats) = (0, vec![], vec![], vec![]);
            each_row(connection, kind.broken, |row| {
                broken += 1;
                if broken > MOST_PLACES as u64 {
                    return;
                }
                let session_id = row.str("session_id").map(str::to_owned);
                whats.extend(row.str("what").map(str::to_owned));
                match (row.str("trace_id"), row.str("span_id")) {
                    (Some(trace_id), Some(span_id)) => acts.push(DamagedAct {
                        session_id,
                        trace_id: trace_id.to_owned(),
                        span_id: span_id.to_owned(),
                    }),
                    _ => sessions.extend(session_id),
                }
            })?;
            Ok((count as u64, broken, acts, sessions, whats))
        });
        match checked {
            Ok((count, broken, acts, sessions, mut whats)) => {
                found.reference_count += count;
                if broken == 0 {
                    continue;
                }
                whats.dedup();
                whats.truncate(3);
                let message = format!(
                    "{} that is not there, {broken} times: {}{}",
                    kind.of,
                    whats.join(", "),
                    if broken > whats.len() as u64 {
                        ", …"
                    } else {
                        ""
                    }
                );
                let mut damage = Damage::new(DamageKind::Reference, message);
                acts.into_iter().for_each(|act| damage.touches(act));
                sessions.iter().for_each(|id| damage.touches_session(id));
                found.add(damage);
            }
            // The block that it comes by is named already.
            Err(error) if error.is_damaged_block() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
