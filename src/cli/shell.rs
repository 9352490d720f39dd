//! `spanreel completions` and `spanreel man`: what fits the program into a shell.

use clap::CommandFactory as _;
use clap_mangen::Man;

use super::output;
use crate::args::{Args, CompletionsArgs, ManArgs};
use crate::failure::Failure;

/// Prints the completion script of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "spanreel", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}

/// Prints a manual page, or writes all of them into a folder.
pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut program = Args::command();
    if let Some(folder) = &args.dir {
        let failed = |error: std::io::Error| {
            Failure::Unavailable(format!("cannot write to {}: {error}", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        return clap_mangen::generate_to(program, folder).map_err(failed);
    }
    let mut page = Vec::new();
    let wanted = match &args.command {
        None => program,
        Some(name) => {
            program.build();
            let command = program.find_subcommand(name).cloned().ok_or_else(|| {
                Failure::Usage(format!(
                    "there is no command `{name}`; `spanreel --help` lists them"
                ))
            })?;
            let display_name = format!("spanreel-{name}");
            command.display_name(display_name)
        }
    };
    let rendered = Man::new(wanted).render(&mut page);
    output::written(rendered)?;
    output::print(&String::from_utf8_lossy(&page))
}
