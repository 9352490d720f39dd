//! Schema version, migrations, and the views that are the public SQL contract.

use std::path::Path;

use duckdb::Connection;

use crate::Error;
use crate::seal::{self, Seal};

struct Script<'a> {
    name: &'static str,
    sql: &'a str,
}

macro_rules! scripts {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(Script { name: $name, sql: include_str!(concat!("../", $folder, "/", $name)) }),+]
    };
}

/// Applied once each, in order. Append only. One that changes a sealed table (`seal`) has to find it by its
/// sealed name, too.
const MIGRATIONS: &[Script<'_>] = scripts!("migrations": "0001_schema.sql");

/// Defined anew, in order, by each build that has others, so that a file is never stale.
const VIEWS: &[Script<'_>] = scripts!("views":
    "spans.sql",
    "sessions.sql",
    "turns.sql",
    "events.sql",
    "messages.sql",
    "findings.sql",
    "annotations.sql",
    "marks.sql",
    "redactions.sql",
    "metrics.sql",
    "macros.sql",
    "search.sql",
);

/// What a session that has not ended is silent for, in ns, until it counts as over: `sessions.sql` shows it
/// with another status from then on.
pub const SILENT_NS: i64 = 900_000_000_000;

/// Brings the database to the schema that this build knows.
pub(crate) fn migrate(connection: &Connection, path: &Path) -> Result<(), Error> {
    apply(connection, path, MIGRATIONS)
}

/// Applies those of the migrations that the database has not had, each in one transaction.
fn apply(connection: &Connection, path: &Path, migrations: &[Script<'_>]) -> Result<(), Error> {
    let known = migrations.len() as i64;
    let found = version(connection).map_err(|source| Error::Load { source })?;
    if found > known {
        return Err(Error::NewerSchema {
            path: path.to_owned(),
            found,
            known,
        });
    }
    for (number, migration) in migrations.iter().enumerate().skip(found as usize) {
        let applied = connection.execute_batch(&format!(
            "begin transaction;\n{}\n\
             insert into schema_version values ({});\ncommit;\n\
             checkpoint;", // replaying schema changes from the log has failed before
            migration.sql,
            number + 1
        ));
        if let Err(source) = applied {
            // Leaves the failed transaction; without one the statement fails, which changes nothing.
            let _ = connection.execute_batch("rollback");
            return Err(Error::Migrate {
                name: migration.name,
                source,
            });
        }
    }
    Ok(())
}

fn version(connection: &Connection) -> duckdb::Result<i64> {
    connection
        .execute_batch("create table if not exists schema_version (version integer not null)")?;
    connection.query_row(
        "select coalesce(max(version), 0)::bigint from schema_version",
        [],
        |row| row.get(0),
    )
}

/// Makes the tables of a new database sealed ones where there is a key.
pub(crate) fn seal_tables(connection: &Connection, path: &Path, seal: &Seal) -> Result<(), Error> {
    let load = |source| Error::Load { source };
    seal::begin(connection, seal).map_err(load)?;
    if !seal.is_on() && seal::check_tables(connection).map_err(load)? {
        let folder = path.parent().unwrap_or(path).display();
        return Err(Error::Damaged(format!(
            "the database in {folder} is encrypted, and {} is not there: put the one of a backup in its place",
            seal::ENCRYPTION_FILE
        )));
    }
    Ok(())
}

/// Defines the public views and macros, unless the file holds these very definitions: a full disk
/// must not keep a store from being opened and read.
pub(crate) fn define_views(connection: &Connection, seal: &Seal) -> Result<(), Error> {
    let opening = Script {
        name: "views of encrypted tables",
        sql: &seal::views(seal),
    };
    let views = || seal.is_on().then_some(&opening).into_iter().chain(VIEWS);
    let mut hasher = blake3::Hasher::new();
    for view in views() {
        hasher.update(view.sql.as_bytes());
    }
    let wanted = hasher.finalize().to_hex().to_string();
    let load = |source| Error::Load { source };
    let defined: Option<String> = connection
        .query_row("select max(hash) from view_version", [], |row| row.get(0))
        .map_err(load)?;
    if defined.as_deref() == Some(&wanted) {
        return Ok(());
    }
    connection
        .execute_batch("begin transaction; delete from view_version")
        .map_err(load)?;
    for view in views() {
        if let Err(source) = connection.execute_batch(view.sql) {
            // The failed transaction ends with the connection anyway.
            let _ = connection.execute_batch("rollback");
            return Err(Error::Define {
                name: view.name,
                source,
            });
        }
    }
    connection
        .execute("insert into view_version values (?)", [&wanted])
        .and_then(|_| connection.execute_batch("commit; checkpoint"))
        .map_err(load)
}

/// Defines the public views and macros once more, for one connection: over what it has put before the
/// tables.
pub(crate) fn define_temporary_views(connection: &Connection) -> duckdb::Result<()> {
    VIEWS.iter().try_for_each(|view| {
        connection.execute_batch(
            &view
                .sql
                .replace("create or replace", "create or replace temp"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The migrations of each release, with the BLAKE3 hash of the file, hex: what a release has written stays
    /// readable only while they never change. No version has been released; the first release adds its own.
    const RELEASED: &[(&str, &str)] = &[];

    /// What is wrong with migrations that were released.
    fn changed(migrations: &[Script<'_>], released: &[(&str, &str)]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (number, (name, hash)) in released.iter().enumerate() {
            let is_same = migrations.get(number).is_some_and(|script| {
                script.name == *name
                    && blake3::hash(script.sql.as_bytes()).to_hex().as_str() == *hash
            });
            if !is_same {
                wrong.push(format!(
                    "{name} was released and is not as it was; add a new migration"
                ));
            }
        }
        wrong
    }

    #[test]
    fn released_migrations_never_change() {
        assert_eq!(changed(MIGRATIONS, RELEASED), [""; 0]);
        // And the check sees a change.
        let hash = blake3::hash(MIGRATIONS[0].sql.as_bytes()).to_hex();
        let released = [(MIGRATIONS[0].name, hash.as_str())];
        assert_eq!(changed(MIGRATIONS, &released), [""; 0]);
        let edited = [Script {
            name: MIGRATIONS[0].name,
            sql: "create table span (act_id bigint)",
        }];
        assert_eq!(changed(&edited, &released).len(), 1);
        assert_eq!(changed(&[], &released).len(), 1);
    }

    fn versions(connection: &Connection) -> Vec<i64> {
        let mut statement = connection
            .prepare("select version::bigint from schema_version order by 1")
            .unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// What a later build may bring: a column, and values for the rows that are there.
    const LATER: Script<'_> = Script {
        name: "0002_later.sql",
        sql: "alter table tag add column author varchar; update tag set author = 'nobody';",
    };

    fn first() -> Script<'static> {
        Script {
            name: MIGRATIONS[0].name,
            sql: MIGRATIONS[0].sql,
        }
    }

    #[test]
    fn a_file_of_the_first_version_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spanreel.duckdb");
        let connection = Connection::open(&path).unwrap();
        apply(&connection, &path, &[first()]).unwrap();
        connection
            .execute_batch("insert into tag (session_id, tag) values ('s', 't')")
            .unwrap();
        drop(connection);

        let connection = Connection::open(&path).unwrap();
        let both = [first(), LATER];
        apply(&connection, &path, &both).unwrap();
        assert_eq!(versions(&connection), [1, 2]);
        drop(connection);
        let connection = Connection::open(&path).unwrap();
        // Once each.
        apply(&connection, &path, &both).unwrap();
        assert_eq!(versions(&connection), [1, 2]);
        let author: String = connection
            .query_row("select author from tag", [], |row| row.get(0))
            .unwrap();
        assert_eq!(author, "nobody");

        // The build before refuses it and says what to do.
        let error = apply(&connection, &path, &[first()]).unwrap_err();
        let message = error.to_string();
        assert!(matches!(
            error,
            Error::NewerSchema {
                found: 2,
                known: 1,
                ..
            }
        ));
        assert!(message.contains("start the newer version"), "{message}");
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let connection = Connection::open_in_memory().unwrap();
        let path = Path::new("spanreel.duckdb");
        apply(&connection, path, &[first()]).unwrap();
        let broken = Script {
            name: "0002_broken.sql",
            sql: "alter table tag add column author varchar; select * from nowhere;",
        };
        let error = apply(&connection, path, &[first(), broken]).unwrap_err();
        assert!(matches!(
            error,
            Error::Migrate {
                name: "0002_broken.sql",
                ..
            }
        ));
        assert_eq!(versions(&connection), [1]);
        // It can be tried again with a build that has it right.
        apply(&connection, path, &[first(), LATER]).unwrap();
        assert_eq!(versions(&connection), [1, 2]);
    }

    #[test]
    fn every_script_of_the_folders_is_listed() {
        for (folder, listed) in [("migrations", MIGRATIONS), ("views", VIEWS)] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let mut found: Vec<String> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            let mut names: Vec<String> = listed.iter().map(|s| s.name.to_owned()).collect();
            found.sort();
            names.sort();
            assert_eq!(found, names, "{folder}");
        }
    }
}
