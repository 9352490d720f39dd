//! Puts the prebuilt DuckDB library beside the built binaries, where their rpath looks for it.
//!
//! With the feature `bundled` there is nothing to do: DuckDB is compiled in.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

const REMEDY: &str = "run ./spanreel.sh at the root of the repository, which fetches it (or build with `--features bundled`, which compiles it in 30 to 50 minutes)";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return ExitCode::SUCCESS;
    }
    match provide_library() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

fn provide_library() -> Result<(), String> {
    let name = match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => "libduckdb.dylib",
        Ok("windows") => "duckdb.dll",
        _ => "libduckdb.so",
    };
    let dir = env::var_os("DUCKDB_LIB_DIR")
        .map(PathBuf::from)
        .ok_or_else(|| format!("DUCKDB_LIB_DIR is not set, so {name} cannot be found: {REMEDY}"))?;
    let source = dir.join(name);
    println!("cargo::rerun-if-changed={}", source.display());
    if !source.is_file() {
        return Err(format!("{} is missing: {REMEDY}", source.display()));
    }
    // OUT_DIR is <target>/<profile>/build/<package>-<hash>/out.
    let out_dir = env::var_os("OUT_DIR").map(PathBuf::from);
    let profile_dir = out_dir.as_deref().and_then(|dir| dir.ancestors().nth(3));
    let Some(profile_dir) = profile_dir else {
        return Err("OUT_DIR does not name a build directory".to_owned());
    };
    let target = profile_dir.join(name);
    place(&source, &target).map_err(|error| {
        format!(
            "{name} cannot be put into {}: {error}",
            profile_dir.display()
        )
    })
}

/// Copies unless the same file is there already. Through a temporary name, because a running
/// process may have the old one mapped.
fn place(source: &Path, target: &Path) -> io::Result<()> {
    let wanted = fs::metadata(source)?;
    if let Ok(present) = fs::metadata(target)
        && present.len() == wanted.len()
        && present.modified()? >= wanted.modified()?
    {
        return Ok(());
    }
    let staged = target.with_extension(format!("{}.part", std::process::id()));
    fs::copy(source, &staged)?;
    fs::rename(&staged, target)
}
