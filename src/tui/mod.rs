//! `spanreel tui`: sessions, waterfall, payloads and what happens now, in a terminal.
//!
//! `app` holds the state and is pure: keys and answers come in, requests come out; `draw` puts the state on
//! the screen. This file connects both with the terminal and the server.

mod app;
mod cursor;
mod draw;
mod keys;
mod message;
mod payload;
#[cfg(test)]
mod tests;
mod theme;
mod typing;
mod waterfall;

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use self::app::App;
use self::message::{Message, Request};
use self::theme::Theme;
use crate::args::TuiArgs;
use crate::cli::answer::{rows, text};
use crate::cli::live::Live;
use crate::cli::source::{Api, Server, percent_encoded};
use crate::failure::Failure;
use crate::waterfall::SpanTable;

/// How often what has changed is asked for again.
const TICK: Duration = Duration::from_millis(500);
/// How long the thread that reads keys may take to notice that it is over.
const KEY_PATIENCE: Duration = Duration::from_millis(100);
/// Sessions of one page.
const PAGE: usize = 200;
/// Acts that Live begins with.
const ACTS: usize = 500;

/// Runs the view until the user leaves it.
pub(crate) async fn run(args: TuiArgs) -> Result<(), Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "this view needs a terminal; `spanreel sessions` and `spanreel show` print instead"
                .to_owned(),
        ));
    }
    let api = Api::open(&args.source).await?;
    let outcome = view(&api, &args).await;
    api.close().await?;
    outcome
}

async fn view(server: &Server, args: &TuiArgs) -> Result<(), Failure> {
    let session_id = match &args.session {
        Some(session) => Some(server.session_id(session).await?),
        None => None,
    };
    let theme = Theme {
        has_colour: !anstyle_query::no_color(),
    };
    // From here on a panic, too, gives the terminal back as it was.
    let terminal = ratatui::try_init().context("cannot use the terminal")?;
    let outcome = interact(server, terminal, theme, session_id).await;
    ratatui::try_restore().context("cannot give the terminal back as it was")?;
    outcome
}

async fn interact(
    server: &Server,
    mut terminal: DefaultTerminal,
    theme: Theme,
    session_id: Option<String>,
) -> Result<(), Failure> {
    let (sender, mut messages) = unbounded_channel();
    let is_over = Arc::new(AtomicBool::new(false));
    let keys = read_keys(sender.clone(), Arc::clone(&is_over));
    let live = tokio::spawn(watch(server.clone(), sender.clone()));
    let (mut app, requests) = App::new(session_id);
    ask(server, &sender, requests);
    let outcome = follow(
        server,
        &mut terminal,
        theme,
        &mut app,
        &sender,
        &mut messages,
    )
    .await;
    live.abort();
    is_over.store(true, Ordering::Relaxed);
    // Ended before the terminal is given back: it would take keys that are for the shell.
    tokio::task::spawn_blocking(move || keys.join()).await.ok();
    outcome
}

async fn follow(
    server: &Server,
    terminal: &mut DefaultTerminal,
    theme: Theme,
    app: &mut App,
    sender: &UnboundedSender<Message>,
    messages: &mut UnboundedReceiver<Message>,
) -> Result<(), Failure> {
    let mut ticks = tokio::time::interval(TICK);
    let mut ended = std::pin::pin!(asked_to_end());
    let mut has_changed = true;
    while !app.has_ended {
        if std::mem::take(&mut has_changed) {
            terminal
                .draw(|frame| draw::draw(app, theme, frame))
                .context("cannot draw on the terminal")?;
        }
        let message = tokio::select! {
            message = messages.recv() => message,
            _ = ticks.tick() => Some(Message::Tick),
            () = &mut ended => return Ok(()),
        };
        let mut next = message;
        // What waits already is taken before the next picture: held keys do not queue up.
        while let Some(message) = next {
            let is_tick = matches!(message, Message::Tick);
            let requests = app.update(message);
            has_changed |= !is_tick || !requests.is_empty();
            ask(server, sender, requests);
            next = messages.try_recv().ok();
        }
    }
    Ok(())
}

/// Waits for a signal that asks the program to end.
async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut hang_up)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        ) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            return;
        }
    }
    std::future::pending().await
}

fn read_keys(
    sender: UnboundedSender<Message>,
    is_over: Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    let had_terminal = io::stdin().is_terminal();
    std::thread::spawn(move || {
        while !is_over.load(Ordering::Relaxed) {
            // A terminal that was closed without a signal is readable for ever, and never says anything.
            if had_terminal && !io::stdin().is_terminal() {
                let _ = sender.send(Message::TerminalGone);
                return;
            }
            let message = match event::poll(KEY_PATIENCE).and_then(|is_there| match is_there {
                true => event::read().map(Some),
                false => Ok(None),
            }) {
                Ok(Some(Event::Key(key))) => Message::Key(key),
                Ok(Some(Event::Resize(..))) => Message::Resized,
                Ok(_) => continue,
                // Nothing more will come.
                Err(_) => Message::TerminalGone,
            };
            if sender.send(message).is_err() {
                return;
            }
        }
    })
}

/// Follows the server's live stream, and finds it again when it went away.
async fn watch(server: Server, sender: UnboundedSender<Message>) {
    loop {
        if let Ok(mut live) = Live::open(&server).await {
            // What happened before counts as news.
            let mut news = Ok(serde_json::Value::Null);
            let _ = sender.send(Message::Connected(true));
            while let Ok(commit) = news {
                let sessions = rows(&commit["session_ids"]).iter().map(text).collect();
                if sender.send(Message::Committed(sessions)).is_err() {
                    return;
                }
                news = live.next_commit().await;
            }
        }
        let _ = sender.send(Message::Connected(false));
        tokio::time::sleep(TICK).await;
    }
}

/// Asks the server, and sends what it answers.
fn ask(server: &Server, sender: &UnboundedSender<Message>, requests: Vec<Request>) {
    for request in requests {
        let (server, sender) = (server.clone(), sender.clone());
        tokio::spawn(async move {
            let message = match fulfil(&server, &request).await {
                Ok(message) => message,
                Err(failure) => Message::Failed {
                    request,
                    why: failure.to_string(),
                },
            };
            // Fails when the view is over.
            let _ = sender.send(message);
        });
    }
}

async fn fulfil(server: &Server, request: &Request) -> Result<Message, Failure> {
    Ok(match request {
        Request::Sessions { search, cursor } => {
            let parameters = [
                ("limit", Some(PAGE.to_string())),
                ("q", Some(search.clone())),
                ("cursor", cursor.clone()),
            ];
            let answer = server.get("/sessions", &parameters).await?;
            Message::Sessions {
                answer,
                search: search.clone(),
                is_more: cursor.is_some(),
            }
        }
        Request::Session { id } => {
            let path = format!("/sessions/{}", percent_encoded(id));
            let tree_path = format!("{path}/tree");
            let (detail, tree) =
                tokio::try_join!(server.get(&path, &[]), server.get_bytes(&tree_path, &[]))?;
            let table = SpanTable::read(&tree)
                .map_err(|why| anyhow!("the server's tree of the session cannot be read: {why}"))?;
            Message::Session {
                id: id.clone(),
                detail,
                table: Box::new(table),
            }
        }
        Request::Span { trace_id, span_id } => {
            let path = format!(
                "/spans/{}/{}",
                percent_encoded(trace_id),
                percent_encoded(span_id)
            );
            Message::Span(server.get(&path, &[]).await?)
        }
        Request::Whole { hash } => {
            let bytes = server.get_bytes(&format!("/payloads/{hash}"), &[]).await?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Message::Whole {
                hash: hash.clone(),
                text,
            }
        }
        Request::Acts => {
            let answer = server
                .get("/acts", &[("limit", Some(ACTS.to_string()))])
                .await?;
            let mut acts = rows(&answer["acts"]).to_vec();
            acts.reverse();
            Message::Acts(acts)
        }
    })
}
