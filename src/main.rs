use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use spanreel::args::Args;
use spanreel::cli;

/// Groups of requests come and go by the megabyte, on threads that free what others allocated: the
/// system's allocator keeps much of that, and takes longer. How soon this one gives memory back is set in
/// `.cargo/config.toml`.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Memory comes and goes by the megabyte here, and the system clears a huge page of it, or moves others to
/// make room for one, while a request waits: a flood is acknowledged half as fast with them.
#[cfg(target_os = "linux")]
fn refuse_huge_pages() {
    // An old kernel cannot, which costs speed only.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    refuse_huge_pages();
    access::use_ring();
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Help and version come as "errors" that go to standard output; real ones are bad usage.
        Err(error) => {
            let _ = error.print();
            // Some harnesses refuse what they are about to do when a hook of theirs fails.
            let is_hook = std::env::args_os()
                .nth(1)
                .is_some_and(|word| word == "hook");
            return if error.use_stderr() && !is_hook {
                ExitCode::from(64)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match cli::run(args) {
        Ok(code) => code,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "spanreel: {failure}");
            failure.exit_code()
        }
    }
}
