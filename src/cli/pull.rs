//! `spanreel pull`.

use super::output;
use super::source::{Api, query_string};
use crate::args::{DigestFormat, PullArgs};
use crate::failure::Failure;

pub(super) async fn pull(args: PullArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let digest = digest(&api, &args).await;
    api.close().await?;
    output::print(&digest?)
}

async fn digest(api: &Api, args: &PullArgs) -> Result<String, Failure> {
    let mut sessions = Vec::new();
    for reference in &args.sessions {
        sessions.push(api.session_id(reference).await?);
    }
    let format = match args.format {
        DigestFormat::Md if !args.json => "md",
        _ => "json",
    };
    let one = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
    let lists = [
        ("session", sessions),
        ("since", one(&args.since)),
        ("harness", args.harness.clone()),
        ("status", args.status.clone()),
        ("project", args.project.clone()),
        ("q", one(&args.text)),
        ("budget_tokens", vec![args.budget.to_string()]),
        ("format", vec![format.to_owned()]),
        // A server that lasts as long as this command is no place to point to.
        ("links", one(&api.lasting_address())),
    ];
    let parameters = lists
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (*name, value.as_str())));
    api.get_text(&format!("/digest{}", query_string(parameters)))
        .await
}
