//! `spanreel setup`: shows the settings that make a harness send everything, and puts them into its
//! settings files.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use directories::BaseDirs;
use query::setup::{Harness, Purpose, Recorder, SettingsFile, apply, harnesses, mcp_file, undo};
use similar::TextDiff;

use super::output;
use crate::args::SetupArgs;
use crate::failure::Failure;

/// Ending of the file as it was before the first change.
const BACKUP: &str = "before-spanreel";

/// Runs the command.
pub(super) fn run(args: &SetupArgs) -> Result<(), Failure> {
    let mut list = harnesses(&recorder(args));
    if args.no_hooks {
        for harness in &mut list {
            harness.files.retain(|file| file.purpose != Purpose::Hooks);
        }
    }
    let Some(id) = &args.harness else {
        return match args.json {
            true => output::print_json(&serde_json::json!(list)),
            false => output::print(&overview(&list)),
        };
    };
    let known = || list.iter().map(|harness| harness.id).collect::<Vec<_>>();
    let harness = list
        .iter()
        .find(|harness| harness.id == id)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "there are no settings for `{id}`; there are for {}",
                known().join(", ")
            ))
        })?;
    if args.json {
        return output::print_json(&serde_json::json!(harness));
    }
    let asking;
    let harness = if args.mcp {
        asking = with_mcp(harness)?;
        &asking
    } else {
        harness
    };
    if args.write || args.undo {
        return change_files(harness, args);
    }
    output::print(&description(harness))
}

/// The harness with nothing to set but the entry of the MCP server.
fn with_mcp(harness: &Harness) -> Result<Harness, Failure> {
    let program = std::env::current_exe().ok();
    let program = program.map_or_else(
        || "spanreel".to_owned(),
        |path| path.to_string_lossy().into_owned(),
    );
    let file = mcp_file(harness.id, &program).ok_or_else(|| {
        Failure::Usage(format!(
            "no settings file of {} is known to take MCP servers: it is to start `{program} mcp`, or to ask http://127.0.0.1:7771/mcp",
            harness.name
        ))
    })?;
    Ok(Harness {
        summary: "the MCP server with which its agent asks what was recorded.",
        files: vec![file],
        environment: Vec::new(),
        code: None,
        notes: vec!["Restart running sessions. docs/mcp.md says what the agent can ask."],
        ..harness.clone()
    })
}

fn recorder(args: &SetupArgs) -> Recorder {
    let program = std::env::current_exe().ok();
    let scheme = if args.tls { "https" } else { "http" };
    Recorder {
        grpc: format!("{scheme}://{}", args.otlp_grpc),
        http: format!("{scheme}://{}", args.otlp_http),
        needs_token: args.token,
        program: program.map_or_else(|| "spanreel".to_owned(), |path| quoted(&path)),
    }
}

/// A path as a word of a shell command.
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = path
        .chars()
        .all(|ch| ch.is_alphanumeric() || "-_./".contains(ch));
    if is_plain {
        path.into_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

fn overview(list: &[Harness]) -> String {
    let width = list.iter().map(|harness| harness.id.len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for harness in list {
        text.push_str(&format!(
            "{:width$}  {}: {}\n",
            harness.id, harness.name, harness.summary
        ));
    }
    text.push_str("\n`spanreel setup NAME` shows the settings, --write puts them in place.");
    text
}

fn description(harness: &Harness) -> String {
    let mut text = format!("{}: {}\n", harness.name, harness.summary);
    for file in &harness.files {
        let what = match file.purpose {
            Purpose::Telemetry => "telemetry",
            Purpose::Hooks => "hooks",
            Purpose::Mcp => "MCP",
        };
        text.push_str(&format!(
            "\n{} ({what})\n\n{}",
            file.path,
            indented(&file.text)
        ));
    }
    if !harness.environment.is_empty() {
        text.push_str("\nIn the environment of the process:\n\n");
        for variable in &harness.environment {
            let line = format!("export {}={}", variable.name, variable.value);
            text.push_str(&format!("  {line}  # {}\n", variable.why));
        }
    }
    if let Some(code) = &harness.code {
        text.push_str(&format!("\nIn the program:\n\n{}", indented(code.text)));
    }
    if !harness.notes.is_empty() {
        text.push('\n');
    }
    for note in &harness.notes {
        text.push_str(&format!("- {note}\n"));
    }
    if !harness.files.is_empty() {
        text.push_str(&format!(
            "\n`spanreel setup {}{} --write` changes the files, and shows first what changes.",
            harness.id,
            if is_mcp(harness) { " --mcp" } else { "" }
        ));
    }
    text
}

fn is_mcp(harness: &Harness) -> bool {
    harness
        .files
        .iter()
        .any(|file| file.purpose == Purpose::Mcp)
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    });
    lines.collect()
}

/// What becomes of one file on disk.
struct Edit {
    path: PathBuf,
    before: Option<String>,
    /// `None` removes the file.
    after: Option<String>,
}

fn change_files(harness: &Harness, args: &SetupArgs) -> Result<(), Failure> {
    if harness.files.is_empty() {
        return Err(Failure::Usage(format!(
            "{} has no settings file: `spanreel setup {}` shows what to set",
            harness.name, harness.id
        )));
    }
    let mut edits: Vec<Edit> = Vec::new();
    for file in &harness.files {
        let path = locate(file, &args.project)?;
        // Telemetry and hooks may share a file: the second change goes on top of the first.
        let at = edits.iter().position(|edit| edit.path == path);
        let at = match at {
            Some(at) => at,
            None => {
                let before = read(&path)?;
                edits.push(Edit {
                    after: before.clone(),
                    before,
                    path,
                });
                edits.len() - 1
            }
        };
        let Some(edit) = edits.get_mut(at) else {
            continue;
        };
        edit.after = changed(file, edit, args.undo)?;
    }
    if args.undo {
        restore_whole(harness, &mut edits, args)?;
    }
    edits.retain(|edit| edit.before != edit.after);
    if edits.is_empty() {
        output::print(match args.undo {
            true => "Nothing of it is set.",
            false => "Everything is set already.",
        })?;
        return advise(harness, args);
    }
    for edit in &edits {
        output::print(&difference(edit))?;
    }
    if !args.yes && !confirmed()? {
        return output::print("Nothing was changed.");
    }
    for edit in &edits {
        write(edit, args.undo)?;
    }
    advise(harness, args)
}

fn changed(file: &SettingsFile, edit: &Edit, is_undo: bool) -> Result<Option<String>, Failure> {
    let unchanged = |error: query::setup::EditError| {
        Failure::Usage(format!("{} is left as it is: {error}", edit.path.display()))
    };
    if !is_undo {
        let text = edit.after.as_deref().unwrap_or_default();
        return apply(text, file.format, &file.changes)
            .map(Some)
            .map_err(unchanged);
    }
    let Some(text) = &edit.after else {
        return Ok(None);
    };
    let backup = read(&backup_of(&edit.path))?;
    undo(text, file.format, &file.changes, backup.as_deref())
        .map(Some)
        .map_err(unchanged)
}

/// Where nobody has touched a file since, it comes back as it was, to the byte; one that was made for
/// the settings goes.
fn restore_whole(harness: &Harness, edits: &mut [Edit], args: &SetupArgs) -> Result<(), Failure> {
    for edit in edits {
        let backup = read(&backup_of(&edit.path))?;
        let mut ours = backup.clone().unwrap_or_default();
        for file in &harness.files {
            if locate(file, &args.project)? == edit.path {
                ours = apply(&ours, file.format, &file.changes).unwrap_or_default();
            }
        }
        if edit.before.as_ref() == Some(&ours) {
            edit.after = backup;
        } else if backup.is_none() && edit.after.as_deref().is_some_and(is_blank) {
            edit.after = None;
        }
    }
    Ok(())
}

fn is_blank(text: &str) -> bool {
    matches!(text.trim(), "" | "{}")
}

fn locate(file: &SettingsFile, project: &Path) -> Result<PathBuf, Failure> {
    if let Some(rest) = file.path.strip_prefix("./") {
        return Ok(project.join(rest));
    }
    let folder = file.folder_variable.and_then(std::env::var_os);
    let name = file.path.rsplit('/').next().unwrap_or(file.path);
    if let Some(folder) = folder.filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(folder).join(name));
    }
    let home = BaseDirs::new().ok_or_else(|| {
        Failure::Unavailable("no home folder is known to look for settings in".to_owned())
    })?;
    Ok(home.home_dir().join(file.path.trim_start_matches("~/")))
}

fn backup_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{BACKUP}"));
    PathBuf::from(name)
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unavailable("read", path, &error)),
    }
}

fn unavailable(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Unavailable(format!("cannot {what} {}: {error}", path.display()))
}

fn difference(edit: &Edit) -> String {
    let before = edit.before.as_deref().unwrap_or_default();
    let after = edit.after.as_deref().unwrap_or_default();
    let path = edit.path.display().to_string();
    let missing = "/dev/null";
    TextDiff::from_lines(before, after)
        .unified_diff()
        .header(
            if edit.before.is_some() {
                &path
            } else {
                missing
            },
            if edit.after.is_some() { &path } else { missing },
        )
        .to_string()
}

fn confirmed() -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "nothing was changed: there is nobody to ask; --yes goes ahead without".to_owned(),
        ));
    }
    let mut error = io::stderr();
    let _ = write!(error, "Change this? [y/N] ");
    let _ = error.flush();
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::Internal(error.into()))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Writes beside the file and renames, so that a harness never reads half of it.
fn write(edit: &Edit, is_undo: bool) -> Result<(), Failure> {
    let path = edit.path.as_path();
    let backup = backup_of(path);
    let failed = |error: io::Error| unavailable("write", path, &error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    if !is_undo
        && !backup.exists()
        && let Some(before) = &edit.before
    {
        fs::write(&backup, before).map_err(failed)?;
    }
    match &edit.after {
        Some(after) => {
            // A settings file may be a link into somebody's own repository.
            let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let mut unfinished = target.as_os_str().to_owned();
            unfinished.push(".spanreel-new");
            fs::write(&unfinished, after).map_err(failed)?;
            if let Ok(metadata) = fs::metadata(&target) {
                fs::set_permissions(&unfinished, metadata.permissions()).map_err(failed)?;
            }
            fs::rename(&unfinished, &target).map_err(failed)?;
        }
        None => fs::remove_file(path).map_err(failed)?,
    }
    if is_undo {
        let _ = fs::remove_file(&backup);
    }
    let done = match (&edit.after, is_undo) {
        (None, _) => format!("removed {}", path.display()),
        (Some(_), true) => format!("restored {}", path.display()),
        (Some(_), false) if edit.before.is_some() => format!(
            "changed {}; as it was: {}",
            path.display(),
            backup.display()
        ),
        (Some(_), false) => format!("made {}", path.display()),
    };
    output::print(&done)
}

/// What no file can hold.
fn advise(harness: &Harness, args: &SetupArgs) -> Result<(), Failure> {
    if args.undo {
        return Ok(());
    }
    let mut text = String::new();
    if !harness.environment.is_empty() {
        text.push_str("Set in the environment of the process:\n");
    }
    for variable in &harness.environment {
        text.push_str(&format!("  export {}={}\n", variable.name, variable.value));
    }
    for note in &harness.notes {
        text.push_str(&format!("- {note}\n"));
    }
    output::print(text.trim_end())
}
