//! The one writer: every change of the store is one transaction here.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use duckdb::Connection;
use proto::agent::Act;
use proto::id::TraceId;

use crate::checkpoint::Folding;
use crate::columns::Columns;
use crate::deleted::{self, Deleted};
use crate::instance::{Instance, lock};
use crate::open::Shared;
use crate::payloads::{Added, Addresses};
use crate::received::{self, Part};
use crate::resources::Resources;
use crate::seal::Seal;
use crate::seen::Seen;
use crate::turns::{Turns, Written};
use crate::{Batch, Committed, Error, LoadedAct, Notice, pieces, replaced, rows};

/// Names of the light columns, in SQL order.
fn light_names() -> Vec<String> {
    let mut columns = Columns::default();
    rows::light(&mut columns, &[], &|_| None);
    columns.names().into_iter().map(str::to_owned).collect()
}

/// What the writer holds and remembers; rebuilt from disk when the database is opened again.
pub(crate) struct Core {
    pub(crate) connection: Connection,
    pub(crate) instance: Weak<Instance>,
    addresses: Addresses,
    compressor: zstd::bulk::Compressor<'static>,
    resources: Resources,
    turns: Turns,
    pub(crate) seal: Seal,
    pub(crate) seen: Seen,
    pub(crate) deleted: Deleted,
    journal_position: u64,
    next_act_id: i64,
    changed_sql: String,
    update_sql: String,
    /// Set by a commit, cleared once everything is packed.
    pub(crate) last_commit: Option<Instant>,
    pub(crate) folding: Folding,
}

/// What a transaction stored, to be remembered once it is committed.
struct Stored {
    committed: Committed,
    added: Added,
    turns: Vec<(Arc<str>, Written)>,
    resources: Vec<([u8; 32], i64)>,
}

impl Core {
    pub(crate) fn load(instance: &Arc<Instance>, seal: &Seal) -> Result<Self, Error> {
        Self::try_load(instance, seal).map_err(|source| Error::Load { source })
    }

    fn try_load(instance: &Arc<Instance>, seal: &Seal) -> duckdb::Result<Self> {
        let connection = instance.connect()?;
        let names = light_names();
        let assignments: Vec<String> = names
            .iter()
            .filter(|name| !["act_id", "trace_id", "span_id"].contains(&name.as_str()))
            .map(|name| format!("{name} = changed.{name}"))
            .collect();
        let compressor = pieces::compressor()
            .map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
        let folding = Folding::new(&connection, instance.connect()?)?;
        Ok(Self {
            addresses: Addresses::load(&connection, seal)?,
            seen: Seen::load(&connection)?,
            deleted: Deleted::load(&connection)?,
            journal_position: journal_position(&connection)?,
            next_act_id: connection.query_row(
                "select coalesce(max(act_id), 0) + 1 from span",
                [],
                |row| row.get(0),
            )?,
            compressor,
            resources: Resources::load(&connection)?,
            turns: Turns::default(),
            seal: seal.clone(),
            instance: Arc::downgrade(instance),
            connection,
            // A table of its own each time: rows that leave one keep their memory until the connection closes.
            changed_sql: format!(
                "create or replace temp table changed as select {} from {} limit 0",
                names.join(", "),
                seal.table("span")
            ),
            update_sql: format!(
                "update {} as span set {} from changed where span.act_id = changed.act_id",
                seal.table("span"),
                assignments.join(", ")
            ),
            last_commit: None,
            folding,
        })
    }

    /// Runs `work` in one transaction; nothing of it stays when it fails.
    pub(crate) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> duckdb::Result<T>,
    ) -> duckdb::Result<T> {
        self.connection.execute_batch("begin transaction")?;
        let result = work(self).and_then(|done| {
            self.connection.execute_batch("commit")?;
            Ok(done)
        });
        if result.is_err() {
            // A commit that failed has ended the transaction already; then this fails too.
            let _ = self.connection.execute_batch("rollback");
            // On a full disk a checkpoint makes the engine give up; a failed commit does not.
            self.last_commit = None;
        } else {
            self.last_commit = Some(Instant::now());
        }
        result
    }

    fn store(&mut self, batch: &Batch) -> duckdb::Result<Stored> {
        let batch = &*self.deleted.living(batch);
        let (connection, seal) = (&self.connection, &self.seal);
        let io = |error| duckdb::Error::ToSqlConversionFailure(Box::new(error));

        let mut staged = self.addresses.stage();
        let referred = batch.is_partial.then(|| deleted::referred_texts(batch));
        let is_needed = |hash| referred.as_ref().is_none_or(|texts| texts.contains(hash));
        for payload in &batch.payloads {
            if !is_needed(&payload.address.hash) {
                continue;
            }
            staged.add(&mut self.compressor, payload).map_err(io)?;
        }
        for payload in &batch.packed {
            if !is_needed(&payload.payload.address.hash) {
                continue;
            }
            staged
                .add_packed(&mut self.compressor, payload)
                .map_err(io)?;
        }
        let new = || batch.new_acts.iter().map(|(_, state)| state);
        let facts = new().chain(&batch.changed_acts).map(|state| &state.facts);
        let addresses = facts.flat_map(|f| [&f.prompt, &f.input, &f.output]);
        let of_turns = batch.turns.iter().flat_map(|t| [&t.prompt, &t.response]);
        let of_events = batch.events.iter().map(|event| &event.body_payload);
        staged.look_up(
            connection,
            addresses.chain(of_turns).chain(of_events).flatten(),
        )?;
        let ids = |address: &_| staged.id(address);

        let (resource_ids, new_resources) = self.resources.of_acts(batch);
        let mut columns = Columns::default();
        columns.long(
            "resource_id",
            new_resources.iter().map(|resource| Some(resource.id)),
        );
        columns.text(
            "attributes",
            new_resources
                .iter()
                .map(|resource| rows::json(resource.text)),
        );
        columns.append_sealed(connection, seal, "resource")?;

        let mut columns = Columns::default();
        rows::light(&mut columns, &new().collect::<Vec<_>>(), &ids);
        let acts: Vec<_> = batch.new_acts.iter().map(|(act, _)| act).collect();
        rows::heavy(&mut columns, &acts, &resource_ids);
        columns.append_sealed(connection, seal, "span")?;
        let models = || batch.new_acts.iter();
        rows::calls_asked(models().flat_map(|(act, state)| {
            let calls = act.tool_calls_asked.iter().enumerate();
            calls.map(|(n, call)| (state.act_id, n, call))
        }))
        .append_sealed(connection, seal, "call_asked")?;
        rows::results_seen(models().flat_map(|(act, state)| {
            let results = act.tool_results_seen.iter();
            results.map(|result| (state.act_id, result))
        }))
        .append_sealed(connection, seal, "result_seen")?;

        if let (Some(first), Some(last)) = (
            batch.changed_acts.iter().map(|state| state.act_id).min(),
            batch.changed_acts.iter().map(|state| state.act_id).max(),
        ) {
            connection.execute_batch(&self.changed_sql)?;
            let mut columns = Columns::default();
            rows::light(
                &mut columns,
                &batch.changed_acts.iter().collect::<Vec<_>>(),
                &ids,
            );
            columns.append_sealed(connection, seal, "changed")?;
            connection.execute_batch(&format!(
                "{} and span.act_id between {first} and {last}",
                self.update_sql
            ))?;
        }

        let events = self
            .seen
            .events
            .fresh(connection, &batch.events, |event| event.event_id)?;
        rows::events(&events, &ids).append_sealed(connection, seal, "event")?;
        let metrics = self
            .seen
            .metrics
            .fresh(connection, &batch.metrics, |point| point.point_id)?;
        rows::metrics(&metrics).append_to(connection, "metric")?;
        let parts = received::parts(
            &batch.received,
            &received::of_new_rows(batch, &events, &metrics),
            ids,
        );
        received::append(
            connection,
            &mut self.compressor,
            seal,
            &parts,
            &batch.packed_records,
        )?;

        let named = batch.sessions.iter().map(|session| &session.session_id);
        let named = named.chain(&batch.removed_sessions);
        let stored = named.filter_map(|id| Some((&**id, self.seen.session_ends(id)?)));
        let sessions = seal.table("session");
        replaced::delete_within(connection, &sessions, "session_id", "last_at", stored)?;
        let changes = self.turns.changes(
            batch
                .sessions
                .iter()
                .map(|session| &session.session_id)
                .chain(&batch.removed_sessions),
            &batch.turns,
        );
        let known = |id: &&str| self.seen.session(id).is_some();
        let unknown: Vec<&str> = changes.unknown.iter().copied().filter(known).collect();
        replaced::delete(connection, "turn", "session_id", &unknown)?;
        changes.delete_stale(connection)?;
        let removed = &batch.removed_sessions;
        let findings = seal.table("finding");
        replaced::delete(connection, &findings, "session_id", removed)?;
        rows::sessions(&batch.sessions).append_sealed(connection, seal, "session")?;
        rows::turns(&changes.rows, &ids).append_to(connection, "turn")?;

        let named = batch.traces.iter().map(|trace| &trace.trace_id);
        let stored = named.filter_map(|id| Some((id.hex(), self.seen.trace_ends(id)?)));
        replaced::delete_within(connection, "trace", "trace_id", "max_at", stored)?;
        rows::traces(&batch.traces).append_to(connection, "trace")?;

        connection.execute(
            "update state set value = ? where name = 'journal_position'",
            [batch.journal_position as i64],
        )?;

        let committed = Committed {
            span_count: batch.new_acts.len() as u64,
            event_count: events.len() as u64,
            metric_count: metrics.len() as u64,
            duplicate_event_count: (batch.events.len() - events.len()) as u64,
        };
        let turns = changes.into_written();
        let added = staged.store(connection, seal)?;
        let resources = new_resources.into_iter();
        Ok(Stored {
            committed,
            added,
            turns,
            resources: resources
                .map(|resource| (resource.hash, resource.id))
                .collect(),
        })
    }

    /// Appends records as they were received within the connection's transaction.
    pub(crate) fn append_received(&mut self, parts: &[Part<'_>]) -> duckdb::Result<()> {
        received::append(
            &self.connection,
            &mut self.compressor,
            &self.seal,
            parts,
            &[],
        )
    }

    /// Forgets rows that were deleted.
    pub(crate) fn forget(
        &mut self,
        resources: &HashSet<i64>,
        payloads: &HashSet<i64>,
        pieces: &HashSet<i64>,
    ) {
        self.resources.forget(resources);
        self.addresses.forget(payloads, pieces);
        self.turns.clear();
    }

    /// The stored texts of a committed batch, by row number.
    fn texts<'b>(&self, batch: &'b Batch) -> impl Iterator<Item = (i64, &'b [u8])> {
        let packed = batch.packed.iter().map(|packed| &packed.payload);
        let payloads = batch.payloads.iter().chain(packed);
        payloads.filter_map(|text| Some((self.addresses.payload_id(&text.address)?, &*text.bytes)))
    }

    fn remember(&mut self, batch: &Batch, stored: Stored) {
        self.addresses.adopt(stored.added);
        self.resources.adopt(stored.resources);
        self.turns.adopt(stored.turns);
        self.seen.adopt(batch);
        self.folding.replaced_rows +=
            (batch.sessions.len() + batch.turns.len() + batch.traces.len()) as u64;
        self.journal_position = batch.journal_position;
        let last = batch.new_acts.iter().map(|(_, state)| state.act_id).max();
        self.next_act_id = self.next_act_id.max(last.unwrap_or(0) + 1);
    }
}

fn journal_position(connection: &Connection) -> duckdb::Result<u64> {
    connection
        .query_row(
            "select value from state where name = 'journal_position'",
            [],
            |row| row.get::<_, i64>(0),
        )
        .map(|position| position as u64)
}

/// The only way to add to the store. At most one lives.
pub struct Writer {
    pub(crate) shared: Arc<Shared>,
    next_act_id: i64,
    /// Set when the engine failed during a commit: whether that batch is on disk.
    outcome: Option<(u64, bool)>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>) -> Result<Self, Error> {
        shared.instance()?;
        let next_act_id = lock(&shared.core)
            .as_ref()
            .ok_or(Error::Closed)?
            .next_act_id;
        Ok(Self {
            shared,
            next_act_id,
            outcome: None,
        })
    }

    /// Position of the latest commit in the journal; 0 at first.
    pub fn journal_position(&self) -> u64 {
        let core = lock(&self.shared.core);
        core.as_ref().map_or(0, |core| core.journal_position)
    }

    /// The row number for the next new act. Rises with each call, also across restarts.
    pub fn next_act_id(&mut self) -> i64 {
        let id = self.next_act_id;
        self.next_act_id += 1;
        id
    }

    /// How often sessions were deleted since the store was opened. What was worked out before one of
    /// them may hold what is gone.
    pub fn deletion_count(&self) -> u64 {
        let core = lock(&self.shared.core);
        core.as_ref().map_or(0, |core| core.deleted.count)
    }

    /// Leaves out of `acts`, and of what came with them in `batch`, what belongs to sessions that
    /// were deleted.
    pub fn leave_out_deleted(&self, acts: &mut Vec<Act>, batch: &mut Batch) {
        if let Some(core) = lock(&self.shared.core).as_ref() {
            core.deleted.leave_out(acts, batch);
        }
    }

    /// All stored acts of the connected group of these traces and sessions: the acts of the traces,
    /// all acts of any session that they belong to, all acts of traces that those sessions reach,
    /// and so on. Light halves, in order of arrival. Cheap when nothing of it was ever stored.
    ///
    /// # Errors
    /// [`Error::Query`] when the engine fails.
    pub fn load_acts(
        &mut self,
        traces: &[TraceId],
        sessions: &[Arc<str>],
    ) -> Result<Vec<LoadedAct>, Error> {
        self.shared.instance()?;
        let mut guard = lock(&self.shared.core);
        let core = guard.as_mut().ok_or(Error::Closed)?;
        let loaded = crate::load::acts(&core.connection, &core.seen, traces, sessions)
            .map_err(|source| Error::Query { source });
        if let Err(error) = &loaded
            && error.is_fatal()
        {
            let failed = core.instance.clone();
            self.shared.recover_with(&failed, &mut guard)?;
        }
        loaded
    }

    /// Stores a batch in one transaction, then tells the subscribers. Events and metric points that
    /// are stored already are left out; new acts must be new.
    ///
    /// # Errors
    /// [`Error::Commit`]: nothing of the batch is stored, and it may be committed again, also when
    /// the engine had to be opened anew or the disk is full.
    pub fn commit(&mut self, batch: Batch) -> Result<Committed, Error> {
        self.commit_ref(&batch)
    }

    /// As [`Self::commit`], leaving the batch with the caller, who may need it again.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn commit_ref(&mut self, batch: &Batch) -> Result<Committed, Error> {
        self.shared.instance()?;
        let mut guard = lock(&self.shared.core);
        let core = guard.as_mut().ok_or(Error::Closed)?;
        if let Some((position, true)) = self.outcome.take()
            && position == batch.journal_position
        {
            let committed = Committed {
                span_count: batch.new_acts.len() as u64,
                event_count: batch.events.len() as u64,
                metric_count: batch.metrics.len() as u64,
                duplicate_event_count: 0,
            };
            self.tell(core, batch, &committed);
            return Ok(committed);
        }
        let before = core.journal_position;
        match core.transaction(|core| core.store(batch)) {
            Ok(stored) => {
                let committed = stored.committed.clone();
                core.remember(batch, stored);
                self.shared.recent.extend(core.texts(batch));
                self.tell(core, batch, &committed);
                self.shared.fold_when_long(core);
                Ok(committed)
            }
            Err(source) => {
                let error = Error::Commit { source };
                if error.is_fatal() {
                    if error.is_damaged_block() {
                        self.shared.log_limit.give_up();
                    }
                    let failed = core.instance.clone();
                    self.shared.recover_with(&failed, &mut guard)?;
                    // The engine can fail after the transaction was durable.
                    let stored = guard.as_ref().is_some_and(|core| {
                        core.journal_position == batch.journal_position
                            && core.journal_position != before
                    });
                    self.outcome = Some((batch.journal_position, stored));
                }
                Err(error)
            }
        }
    }

    fn tell(&self, core: &Core, batch: &Batch, committed: &Committed) {
        let notice = Notice::of_commit(&core.seen, batch, committed);
        // Nobody listening is no error.
        let _ = self.shared.notices.send(Arc::new(notice));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.writer_taken.store(false, Ordering::Release);
    }
}
