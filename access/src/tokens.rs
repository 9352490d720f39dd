//! Tokens: who may do what, in `access.json` in the data folder.
//!
//! A token is 256 random bits, so one hash is enough to keep it from being read out of the file, and
//! there is nothing in it to guess.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// What every token begins with, so that it is known for one where it does not belong.
const PREFIX: &str = "spanreel_";
const VERSION: u32 = 1;
/// How old what is known of the file may be.
const FRESH: Duration = Duration::from_secs(1);
/// How long another command may take to write the file.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
const LONGEST_NAME: usize = 64;
const LONGEST_PROJECT: usize = 256;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Sends records and hook fires.
    Ingest,
    /// Reads everything, SQL included.
    Read,
    /// Changes and deletes; covers the other two.
    Admin,
}

impl Right {
    /// The word for it in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

/// Names of projects, as records name them; at least one. Shared by all requests of a token.
pub type Projects = Arc<[String]>;

/// A token, without the text that a client shows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// Whose it is, in the user's words.
    pub name: String,
    pub rights: Vec<Right>,
    /// The projects that it is limited to; `None` = it is for everything that is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projects: Option<Projects>,
    /// Seconds since 1970.
    pub created_unix_s: u64,
    /// BLAKE3 of the token's text.
    #[serde(with = "hex::serde")]
    pub(crate) hash: [u8; 32],
}

impl Token {
    /// Whether it is good for something that needs `right`.
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right) || self.rights.contains(&Right::Admin)
    }
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    tokens: Vec<Token>,
}

/// Why the tokens cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is not a list of tokens: {problem}", path.display())]
    Format { path: PathBuf, problem: String },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "another `spanreel token` is writing; if none is, remove {}",
        path.display()
    )]
    Locked { path: PathBuf },
    #[error("there is a token `{name}`; take another name, or remove that one")]
    Exists { name: String },
    #[error(
        "`{name}` is no name for a token: 1 to {LONGEST_NAME} characters, none of them a control character"
    )]
    Name { name: String },
    #[error(
        "`{name}` is no name of a project: 1 to {LONGEST_PROJECT} characters, none of them a control character"
    )]
    Project { name: String },
    #[error("{0}")]
    Limit(&'static str),
    #[error("the system gives no random numbers")]
    Random,
}

/// The file that tokens are kept in.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// That of a data folder.
    pub fn of(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("access.json"),
        }
    }

    /// All tokens, in the order in which they were made; none when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not one of tokens.
    pub fn load(&self) -> Result<Vec<Token>, TokenError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(TokenError::Read {
                    path: self.path.clone(),
                    source,
                });
            }
        };
        let format = |problem: String| TokenError::Format {
            path: self.path.clone(),
            problem,
        };
        let document: Document =
            serde_json::from_str(&text).map_err(|error| format(error.to_string()))?;
        if document.version != VERSION {
            return Err(format(format!("it has version {}", document.version)));
        }
        Ok(document.tokens)
    }

    /// Makes a token and gives its text, which is kept nowhere. With `projects` it is limited to these.
    ///
    /// # Errors
    /// When the name is taken or none, the projects cannot limit such a token, or the file cannot be
    /// read or written.
    pub fn add(
        &self,
        name: &str,
        rights: Vec<Right>,
        projects: Vec<String>,
    ) -> Result<String, TokenError> {
        let projects = limit(&rights, projects)?;
        let length = name.chars().count();
        if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(TokenError::Name {
                name: name.escape_debug().to_string(),
            });
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| TokenError::Random)?;
        let text = format!("{PREFIX}{}", hex::encode(random));
        let created = SystemTime::now().duration_since(UNIX_EPOCH);
        self.change(|tokens| {
            if tokens.iter().any(|token| token.name == name) {
                return Err(TokenError::Exists {
                    name: name.to_owned(),
                });
            }
            tokens.push(Token {
                name: name.to_owned(),
                rights,
                projects,
                created_unix_s: created.unwrap_or_default().as_secs(),
                hash: hash_of(&text),
            });
            Ok(())
        })?;
        Ok(text)
    }

    /// Takes a token away. False when there is none of this name.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn remove(&self, name: &str) -> Result<bool, TokenError> {
        let mut found = false;
        self.change(|tokens| {
            let before = tokens.len();
            tokens.retain(|token| token.name != name);
            found = tokens.len() < before;
            Ok(())
        })?;
        Ok(found)
    }

    /// Reads, changes and replaces the file as one step; the file beside it, of which there can be one,
    /// keeps others out meanwhile.
    fn change(
        &self,
        change: impl FnOnce(&mut Vec<Token>) -> Result<(), TokenError>,
    ) -> Result<(), TokenError> {
        let beside = self.path.with_extension("json.new");
        let mut file = self.lock(&beside)?;
        let replaced = self.load().and_then(|mut tokens| {
            change(&mut tokens)?;
            let document = Document {
                version: VERSION,
                tokens,
            };
            let text = serde_json::to_string_pretty(&document).map_err(io::Error::other);
            text.and_then(|text| file.write_all(text.as_bytes()))
                .and_then(|()| file.sync_all())
                .and_then(|()| fs::rename(&beside, &self.path))
                .map_err(|source| TokenError::Write {
                    path: self.path.clone(),
                    source,
                })
        });
        if replaced.is_err() {
            let _ = fs::remove_file(&beside);
        }
        replaced
    }

    fn lock(&self, beside: &Path) -> Result<fs::File, TokenError> {
        let since = Instant::now();
        loop {
            let opened = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(beside);
            match opened {
                Ok(file) => return Ok(file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if since.elapsed() > LOCK_PATIENCE {
                        return Err(TokenError::Locked {
                            path: beside.to_owned(),
                        });
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(source) => {
                    return Err(TokenError::Write {
                        path: beside.to_owned(),
                        source,
                    });
                }
            }
        }
    }

    /// Which file it is and how it is, without reading it.
    fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(&self.path).ok()?;
        Some((metadata.ino(), metadata.len(), metadata.modified().ok()?))
    }
}

type Stamp = (u64, u64, SystemTime);

/// What a token of these rights is limited to. One that sends says by its project where its records
/// belong, so there is one of it; what an administrator does concerns everything that is recorded.
fn limit(rights: &[Right], mut projects: Vec<String>) -> Result<Option<Projects>, TokenError> {
    projects.sort_unstable();
    projects.dedup();
    let is_name = |name: &&String| {
        let length = name.chars().count();
        (1..=LONGEST_PROJECT).contains(&length) && !name.chars().any(char::is_control)
    };
    if let Some(name) = projects.iter().find(|name| !is_name(name)) {
        return Err(TokenError::Project {
            name: name.escape_debug().to_string(),
        });
    }
    match projects.len() {
        0 => Ok(None),
        _ if rights.contains(&Right::Admin) => Err(TokenError::Limit(
            "a token with the right `admin` is for everything that is recorded and takes no project",
        )),
        2.. if rights.contains(&Right::Ingest) => Err(TokenError::Limit(
            "a token with the right `ingest` takes one project: what it sends belongs there",
        )),
        _ => Ok(Some(projects.into())),
    }
}

fn hash_of(text: &str) -> [u8; 32] {
    blake3::hash(text.as_bytes()).into()
}

/// The tokens as they are in the file, read again when it has changed.
#[derive(Debug)]
pub(crate) struct Tokens {
    file: TokenFile,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    tokens: Arc<Vec<Token>>,
    stamp: Option<Stamp>,
    looked: Instant,
}

impl Tokens {
    pub(crate) fn of(file: TokenFile) -> Result<Self, TokenError> {
        let stamp = file.stamp();
        let tokens = Arc::new(file.load()?);
        Ok(Self {
            file,
            known: Mutex::new(Known {
                tokens,
                stamp,
                looked: Instant::now(),
            }),
        })
    }

    /// All of them, as of a second ago at the earliest. A file that cannot be read lets nobody in.
    pub(crate) fn all(&self) -> Arc<Vec<Token>> {
        self.since(FRESH)
    }

    /// All of them as of now.
    pub(crate) fn now(&self) -> Arc<Vec<Token>> {
        self.since(Duration::ZERO)
    }

    fn since(&self, age: Duration) -> Arc<Vec<Token>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.looked.elapsed() >= age {
            known.looked = Instant::now();
            let stamp = self.file.stamp();
            if stamp != known.stamp {
                known.stamp = stamp;
                known.tokens = Arc::new(self.file.load().unwrap_or_else(|error| {
                    tracing::error!(%error, "no token is taken until this is mended");
                    Vec::new()
                }));
            }
        }
        Arc::clone(&known.tokens)
    }
}

/// The token whose text this is. Takes as long for any text of a length, whether there is one or not.
pub(crate) fn find<'a>(tokens: &'a [Token], text: &str) -> Option<&'a Token> {
    let hash = hash_of(text);
    first(tokens, |token| token.hash.ct_eq(&hash))
}

/// The token that fits, looking at all of them.
pub(crate) fn first(tokens: &[Token], fits: impl Fn(&Token) -> Choice) -> Option<&Token> {
    let mut at = u32::MAX;
    for (index, token) in tokens.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        at.conditional_assign(&index, fits(token));
    }
    tokens.get(usize::try_from(at).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_and_go_and_leave_no_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        assert!(file.load().unwrap().is_empty());
        let laptop = file.add("laptop", vec![Right::Ingest], vec![]).unwrap();
        let admin = file.add("me", vec![Right::Admin], vec![]).unwrap();
        assert!(laptop.starts_with(PREFIX) && laptop.len() == PREFIX.len() + 64);
        let text = fs::read_to_string(folder.path().join("access.json")).unwrap();
        assert!(!text.contains(&laptop[PREFIX.len()..]) && !text.contains(&admin));
        let mode = fs::metadata(folder.path().join("access.json"))
            .unwrap()
            .mode();
        assert_eq!(mode & 0o777, 0o600);

        let tokens = file.load().unwrap();
        let found = find(&tokens, &laptop).unwrap();
        assert_eq!(found.name, "laptop");
        assert!(found.may(Right::Ingest) && !found.may(Right::Read) && !found.may(Right::Admin));
        assert!(find(&tokens, &admin).unwrap().may(Right::Ingest));
        for wrong in [
            "",
            "spanreel_",
            &laptop[..laptop.len() - 1],
            &laptop.to_uppercase(),
        ] {
            assert!(find(&tokens, wrong).is_none(), "{wrong}");
        }
        assert!(matches!(
            file.add("laptop", vec![Right::Read], vec![]),
            Err(TokenError::Exists { .. })
        ));
        assert!(matches!(
            file.add("a\nb", vec![], vec![]),
            Err(TokenError::Name { .. })
        ));
        assert!(file.remove("laptop").unwrap());
        assert!(!file.remove("laptop").unwrap());
        assert!(find(&file.load().unwrap(), &laptop).is_none());
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "a file is left beside");
    }

    #[test]
    fn a_token_is_limited_to_projects_that_fit_its_rights() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let add = |name: &str, rights: &[Right], projects: &[&str]| {
            file.add(name, rights.to_vec(), names(projects))
        };
        add("reader", &[Right::Read], &["shop", "blog", "shop"]).unwrap();
        add("sender", &[Right::Ingest, Right::Read], &["shop"]).unwrap();
        add("all", &[Right::Read], &[]).unwrap();
        let limits: Vec<Option<Vec<String>>> = file
            .load()
            .unwrap()
            .iter()
            .map(|token| Some(token.projects.as_ref()?.to_vec()))
            .collect();
        assert_eq!(
            limits,
            [Some(names(&["blog", "shop"])), Some(names(&["shop"])), None]
        );
        for (rights, projects) in [
            (vec![Right::Admin], vec!["shop"]),
            (vec![Right::Read, Right::Admin], vec!["shop"]),
            (vec![Right::Ingest], vec!["shop", "blog"]),
        ] {
            let error = add("x", &rights, &projects).unwrap_err();
            assert!(matches!(error, TokenError::Limit(_)), "{rights:?}");
        }
        for wrong in ["", "a\nb", &"x".repeat(257)] {
            let error = add("x", &[Right::Read], &[wrong]).unwrap_err();
            assert!(matches!(error, TokenError::Project { .. }), "{wrong}");
        }
        assert_eq!(file.load().unwrap().len(), 3);
    }

    #[test]
    fn many_writers_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        std::thread::scope(|scope| {
            for n in 0..8 {
                let file = &file;
                scope.spawn(move || file.add(&n.to_string(), vec![Right::Read], vec![]).unwrap());
            }
        });
        assert_eq!(file.load().unwrap().len(), 8);
    }

    #[test]
    fn a_damaged_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        for damaged in ["", "{}", "{\"version\": 2, \"tokens\": []}", "[1]"] {
            fs::write(folder.path().join("access.json"), damaged).unwrap();
            let error = file.load().unwrap_err();
            assert!(matches!(error, TokenError::Format { .. }), "{damaged}");
        }
    }
}
