//! What attackers try, what each gets, and that the server answers afterwards.
//!
//! `cargo test --test system attacks -- --nocapture` prints the tables; docs/security.md holds them, and
//! is written anew where `UPDATE_SECURITY` is set.

mod http;
mod http2;
mod sql;

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use crate::program::repository;

/// Two tests write to the same page.
static PAGE: Mutex<()> = Mutex::new(());

/// Compares a table with the one between the marks of its name in docs/security.md.
pub(crate) fn compare_with_page(name: &str, table: &str) {
    println!("{table}");
    let _one_at_a_time = PAGE.lock().expect("no test panics here");
    let path = repository("docs/security.md");
    let page = fs::read_to_string(&path).expect("the page can be read");
    let (begin, end) = (
        format!("<!-- {name}: begin -->\n"),
        format!("<!-- {name}: end -->"),
    );
    let from = page.find(&begin).expect("the page has the marks") + begin.len();
    let to = from + page[from..].find(&end).expect("the page has the marks");
    if std::env::var_os("UPDATE_SECURITY").is_some() {
        let page = format!("{}{table}{}", &page[..from], &page[to..]);
        fs::write(&path, page).expect("the page can be written");
        return;
    }
    assert!(
        &page[from..to] == table,
        "docs/security.md is stale: run the test with UPDATE_SECURITY=1 and commit the page"
    );
}

/// A text as code in a cell of a Markdown table.
fn cell(text: &str) -> String {
    format!(
        "`{}`",
        text.replace('|', "\\|")
            .replace('`', "'")
            .replace('\n', "⏎")
    )
}

/// Names of everything below a folder, sorted.
fn files_below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            let name = path.strip_prefix(folder).expect("it is below");
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    names
}
