use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use spanreel::args::Args;
use spanreel::cli;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Help and version come as "errors" that go to standard output; real ones are bad usage.
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(64)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match cli::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "spanreel: {failure}");
            failure.exit_code()
        }
    }
}
