//! Schema version, migrations, and the views that are the public SQL contract.

use std::path::Path;

use duckdb::Connection;

use crate::Error;

struct Script {
    name: &'static str,
    sql: &'static str,
}

macro_rules! scripts {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(Script { name: $name, sql: include_str!(concat!("../", $folder, "/", $name)) }),+]
    };
}

/// Applied once each, in order. Append only.
const MIGRATIONS: &[Script] = scripts!("migrations": "0001_schema.sql");

/// Defined anew, in order, by each build that has others, so that a file is never stale.
const VIEWS: &[Script] = scripts!("views":
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

/// Brings the database to the schema that this build knows.
pub(crate) fn migrate(connection: &Connection, path: &Path) -> Result<(), Error> {
    let known = MIGRATIONS.len() as i64;
    let found = version(connection).map_err(|source| Error::Load { source })?;
    if found > known {
        return Err(Error::NewerSchema {
            path: path.to_owned(),
            found,
            known,
        });
    }
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(found as usize) {
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

/// Defines the public views and macros, unless the file holds these very definitions: a full disk
/// must not keep a store from being opened and read.
pub(crate) fn define_views(connection: &Connection) -> Result<(), Error> {
    let mut hasher = blake3::Hasher::new();
    for view in VIEWS {
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
    for view in VIEWS {
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

#[cfg(test)]
mod tests {
    use super::*;

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
