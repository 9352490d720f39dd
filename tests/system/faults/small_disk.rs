//! A disk of a few megabytes of its own: a file system in memory, in namespaces that an ordinary user may
//! make.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Processes see it that [`SmallDisk::inside`] starts, nobody else.
pub(super) struct SmallDisk {
    folder: TempDir,
    /// Keeps the namespaces.
    holder: Child,
}

impl SmallDisk {
    /// Makes one; `None`, with a message, where that is not permitted.
    pub(super) fn make(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = format!(
            "mount -t tmpfs -o size={mib}m tmpfs \"$0\" && echo mounted && exec sleep 3600"
        );
        let started = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut holder) = started else {
            println!("skipped: no command `unshare` to make a small disk with");
            return None;
        };
        let mut line = String::new();
        let output = holder.stdout.take().expect("its output is a pipe");
        let _ = BufReader::new(output).read_line(&mut line);
        let disk = Self { folder, holder };
        if line.trim() == "mounted" {
            return Some(disk);
        }
        println!("skipped: this user may not mount a small disk in namespaces of its own");
        None
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command, run where the disk is.
    pub(super) fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        let holder = self.holder.id().to_string();
        inside
            .args([
                "--target",
                &holder,
                "--user",
                "--mount",
                "--preserve-credentials",
            ])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside.stdin(Stdio::null());
        inside
    }

    fn run(&self, program: &str, args: &[&str]) {
        let mut command = Command::new(program);
        command.args(args);
        let done = self.inside(&command).output().expect("nsenter runs");
        let message = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{program}: {message}");
    }

    /// Takes up so much of the disk.
    pub(super) fn fill(&self, mib: u32) {
        self.run(
            "fallocate",
            &["--length", &format!("{mib}M"), &self.ballast()],
        );
    }

    /// Gives back what [`Self::fill`] took.
    pub(super) fn empty(&self) {
        self.run("rm", &[&self.ballast()]);
    }

    /// Nothing can be written from now on; fails while files are open for writing.
    pub(super) fn make_read_only(&self) {
        self.run(
            "mount",
            &["-o", "remount,ro", &self.path().to_string_lossy()],
        );
    }

    /// As it was.
    pub(super) fn make_writable(&self) {
        self.run(
            "mount",
            &["-o", "remount,rw", &self.path().to_string_lossy()],
        );
    }

    fn ballast(&self) -> String {
        self.path().join("ballast").to_string_lossy().into_owned()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
