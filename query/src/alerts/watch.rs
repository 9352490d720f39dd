//! Watches the store's notices and hands what the rules speak of to the outbox.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use store::{Notice, Value};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::deliver::Parcel;
use super::memory::Memory;
use super::message::Alert;
use super::rules::{is_of_finding, of_session};
use super::settings::{Settings, Subject, rank};
use crate::model::{Finding, SessionRow};
use crate::routes::sessions::sessions_by_id;
use crate::rows;
use crate::sql;
use crate::state::AppState;
use crate::time::now_ns;

/// Sessions that changed within this time are looked at together.
const PACE: Duration = Duration::from_secs(1);
/// How often sessions that are still running are looked at although nothing comes of them: silence, too,
/// can be what a rule speaks of.
const SILENCE: u32 = 60;
/// How long a server that stops waits for what is being delivered, to remember it as told.
const FAREWELL: Duration = Duration::from_secs(3);
const FAREWELL_PACE: Duration = Duration::from_millis(10);
/// Findings that a catch-up reads at most.
const CAUGHT_UP: i64 = 5_000;

/// Runs until shutdown; at once over when there are no rules, or no folder to remember in what was told.
pub(crate) async fn run(
    state: AppState,
    mut notices: broadcast::Receiver<Arc<Notice>>,
    mut arrived: mpsc::UnboundedReceiver<(String, u8)>,
) {
    let settings = Arc::clone(&state.config.alerts);
    let Some(folder) = state.config.alerts_folder.as_deref() else {
        return;
    };
    if settings.rules.is_empty() {
        return;
    }
    let mut watch = Watch {
        memory: Memory::open(folder),
        on_the_way: HashSet::new(),
        changed: HashSet::new(),
        running: HashSet::new(),
        over_sessions: settings
            .rules
            .iter()
            .any(|rule| matches!(rule.subject, Subject::Sessions { .. })),
        base: format!("{}://{}", state.config.scheme(), state.config.ui),
        settings,
        state,
    };
    // Remembers from when on, also when nothing is told for long.
    watch.memory.save();
    watch.catch_up().await;
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count: u32 = 0;
    loop {
        tokio::select! {
            () = watch.state.shutdown.cancelled() => break,
            Some((key, rank)) = arrived.recv() => watch.has_arrived(key, rank),
            _ = ticks.tick() => {
                count = count.wrapping_add(1);
                if count.is_multiple_of(SILENCE) {
                    watch.changed.extend(watch.running.drain());
                }
                watch.look_at_sessions().await;
            }
            notice = notices.recv() => match notice {
                Ok(notice) => watch.take(&notice).await,
                Err(RecvError::Lagged(_)) => watch.catch_up().await,
                Err(RecvError::Closed) => break,
            },
        }
    }
    let until = Instant::now() + FAREWELL;
    while watch.state.outbox.is_busy() && Instant::now() < until {
        sleep(FAREWELL_PACE).await;
    }
    while let Ok((key, rank)) = arrived.try_recv() {
        watch.has_arrived(key, rank);
    }
}

struct Watch {
    state: AppState,
    settings: Arc<Settings>,
    memory: Memory,
    /// What was handed to the outbox and has neither arrived nor been given up, with its rank.
    on_the_way: HashSet<(String, u8)>,
    /// Sessions to look at.
    changed: HashSet<String>,
    /// Sessions that were running when they were looked at last.
    running: HashSet<String>,
    /// There are rules over sessions.
    over_sessions: bool,
    /// Address of the interface.
    base: String,
}

impl Watch {
    async fn take(&mut self, notice: &Notice) {
        match notice {
            Notice::Committed { sessions, .. } => {
                if self.over_sessions {
                    let ids = sessions
                        .iter()
                        .map(|changed| changed.session_id.to_string());
                    self.changed.extend(ids);
                }
            }
            Notice::Findings(findings) => {
                let findings: Vec<Finding> = findings.iter().map(rows::announced_finding).collect();
                self.judge(&findings).await;
            }
            Notice::FindingsStored(_) => {}
        }
    }

    /// Judges the findings that were written since everything was judged.
    async fn catch_up(&mut self) {
        let since_ns = self.memory.judged_until_ns();
        let parameters = vec![
            Value::Int(CAUGHT_UP),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
        ];
        // A failure is in the log already.
        let Ok(table) = self.state.read(sql::LIST_FINDINGS, parameters).await else {
            return;
        };
        let missed: Vec<Finding> = rows::rows(&table)
            .filter(|row| row.time_ns("updated_at").is_some_and(|at| at > since_ns))
            .map(|row| rows::finding(&row))
            .collect();
        self.judge(&missed).await;
    }

    async fn judge(&mut self, findings: &[Finding]) {
        let settings = Arc::clone(&self.settings);
        let is_spoken_of = |finding: &&Finding| {
            settings.rules.iter().any(|rule| match &rule.subject {
                Subject::Findings { kinds, .. } => {
                    kinds.is_empty() || kinds.contains(&finding.kind)
                }
                Subject::Sessions { .. } => false,
            })
        };
        let findings: Vec<&Finding> = findings.iter().filter(is_spoken_of).collect();
        if findings.is_empty() {
            return;
        }
        let ids: HashSet<String> = findings.iter().map(|f| f.session_id.clone()).collect();
        let sessions = self.sessions(ids).await;
        for finding in findings {
            let session = sessions.iter().find(|s| s.session_id == finding.session_id);
            for rule in &settings.rules {
                if is_of_finding(rule, finding, session) {
                    let alert = Alert::of_finding(&rule.name, finding, session, &self.base);
                    let subject = format!("{} {}", rule.name, finding.finding_id);
                    self.tell(&rule.to, &subject, rank(&finding.severity), &alert);
                }
            }
        }
        self.settle();
    }

    async fn look_at_sessions(&mut self) {
        if self.changed.is_empty() {
            return;
        }
        let changed = std::mem::take(&mut self.changed);
        let settings = Arc::clone(&self.settings);
        for session in self.sessions(changed).await {
            if session.status == "running" {
                self.running.insert(session.session_id.clone());
            } else {
                self.running.remove(&session.session_id);
            }
            for rule in &settings.rules {
                for condition in of_session(rule, &session) {
                    let subject = format!("{} {} {condition}", rule.name, session.session_id);
                    let alert = Alert::of_session(&rule.name, &session, condition, &self.base);
                    self.tell(&rule.to, &subject, rank(&alert.severity), &alert);
                }
            }
        }
    }

    async fn sessions(&self, ids: HashSet<String>) -> Vec<SessionRow> {
        // A failure is in the log already.
        sessions_by_id(&self.state, ids.into_iter().collect())
            .await
            .unwrap_or_default()
    }

    /// Hands an alert to those targets to which it is news.
    fn tell(&mut self, to: &[String], subject: &str, rank: u8, alert: &Alert) {
        for target in to {
            let key = format!("{target} {subject}");
            if !self.memory.is_news(&key, rank) || !self.on_the_way.insert((key.clone(), rank)) {
                continue;
            }
            let parcel = Parcel {
                alert: alert.clone(),
                key,
                rank,
            };
            self.state.outbox.send(target, parcel);
        }
    }

    fn has_arrived(&mut self, key: String, rank: u8) {
        self.on_the_way.remove(&(key.clone(), rank));
        self.memory.told(key, rank);
        self.settle();
        self.memory.save();
    }

    /// Notes that everything has been judged, while nothing is on its way that a restart would lose.
    fn settle(&mut self) {
        if self.on_the_way.is_empty() {
            self.memory.judged(now_ns());
        }
    }
}
