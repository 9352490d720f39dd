//! `spanreel mcp`: asks a running server, or the data folder while nobody else has it open.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use query::mcp::{Ask, Asking, Question};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::source::Api;
use crate::args::{DEFAULT_URL, McpArgs, SourceArgs};
use crate::failure::Failure;

/// How long an opened data folder stays open without a question. A recorder cannot start meanwhile, so
/// it is short.
const LINGER: Duration = Duration::from_secs(3);

/// Runs the command.
pub(super) async fn run(args: McpArgs) -> Result<(), Failure> {
    // Nothing is opened before the first question: a client may connect while nothing is recorded yet.
    let links = args.source.url.clone().unwrap_or(DEFAULT_URL.to_owned());
    let links = match links.starts_with("http") {
        true => links,
        false => format!("http://{links}"),
    };
    let asking = Arc::new(Source {
        args: args.source,
        state: Arc::default(),
    });
    let served = query::mcp::serve_stdio(asking.clone(), Some(links)).await;
    let api = asking.state.lock().await.api.take();
    if let Some(api) = api {
        close(api).await?;
    }
    served.map_err(|words| Failure::Internal(anyhow!("MCP on standard input and output: {words}")))
}

/// Where the answers come from, looked for anew when it is gone.
struct Source {
    args: SourceArgs,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    api: Option<Arc<Api>>,
    last_used: Option<Instant>,
}

impl Ask for Source {
    fn ask(&self, question: Question) -> Asking<'_> {
        Box::pin(async move {
            let api = self.api().await.map_err(|failure| failure.to_string())?;
            let answer = api.ask(&question).await;
            self.state.lock().await.last_used = Some(Instant::now());
            match answer {
                Ok(answer) => Ok(answer),
                // The server was stopped or started again since: looked for once more.
                Err(_) => {
                    self.state.lock().await.api = None;
                    let api = self.api().await.map_err(|failure| failure.to_string())?;
                    api.ask(&question)
                        .await
                        .map_err(|failure| failure.to_string())
                }
            }
        })
    }
}

impl Source {
    /// The server or the folder; opens it when it is not open.
    async fn api(&self) -> Result<Arc<Api>, Failure> {
        let mut state = self.state.lock().await;
        state.last_used = Some(Instant::now());
        if let Some(api) = &state.api {
            return Ok(Arc::clone(api));
        }
        let api = Arc::new(Api::open(&self.args).await?);
        state.api = Some(Arc::clone(&api));
        if api.lasting_address().is_some() {
            tokio::spawn(close_when_idle(Arc::clone(&self.state)));
        }
        Ok(api)
    }
}

/// Closes the data folder when nobody has asked for a while, so that a recorder can open it.
async fn close_when_idle(state: Arc<Mutex<State>>) {
    loop {
        let idle_at = match state.lock().await.last_used {
            Some(used) => used + LINGER,
            None => return,
        };
        sleep_until(idle_at).await;
        let mut state = state.lock().await;
        let is_idle = state.last_used.is_none_or(|used| used.elapsed() >= LINGER);
        // A question that is being answered holds it as well.
        let is_free = state
            .api
            .as_ref()
            .is_none_or(|api| Arc::strong_count(api) == 1);
        if !is_idle || !is_free {
            if is_idle {
                state.last_used = Some(Instant::now());
            }
            continue;
        }
        if let Some(api) = state.api.take() {
            // Closed before the next question may open it again.
            let _ = close(api).await;
        }
        return;
    }
}

async fn close(api: Arc<Api>) -> Result<(), Failure> {
    match Arc::into_inner(api) {
        Some(api) => api.close().await,
        None => Ok(()),
    }
}
