//! Whether a request may do what it wants.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use subtle::ConstantTimeEq as _;

use crate::failures::Failures;
use crate::tokens::{Projects, Right, Token, TokenError, TokenFile, Tokens, find, first};

/// How long a browser stays signed in, at most; a restart of the server ends it as well.
const SIGNED_IN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Who is let in at a listener. Clones share what they remember.
#[derive(Debug, Clone, Default)]
pub struct Gate(Option<Arc<Closed>>);

#[derive(Debug)]
struct Closed {
    admits: Admits,
    failures: Failures,
    /// Browsers keep the cookies of all ports of a host together: the name tells them apart.
    cookie_name: String,
    /// Signs cookies, for the life of the process.
    cookie_key: [u8; 32],
}

#[derive(Debug)]
enum Admits {
    Tokens(Tokens),
    /// The bearer of this text and nobody else.
    Only(Vec<Token>),
}

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// It shows no token.
    NoToken,
    /// Nobody has been given the token that it shows.
    UnknownToken,
    /// Its token is not good for this.
    NotAllowed { needs: Right },
    /// Too many wrong tokens came from its address.
    TooManyFailures { retry_after: Duration },
}

impl Denial {
    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::UnknownToken => "unknown_token",
            Self::NotAllowed { .. } => "not_allowed",
            Self::TooManyFailures { .. } => "too_many_failures",
        }
    }

    /// For people: what is wrong and what to do.
    pub fn message(&self) -> String {
        match self {
            Self::NoToken => "this server asks for a token: send the header `Authorization: Bearer \
                 TOKEN` (of OTLP exporters: OTEL_EXPORTER_OTLP_HEADERS=\"Authorization=Bearer%20TOKEN\", \
                 of spanreel's own commands: SPANREEL_TOKEN); `spanreel token add` makes one"
                .to_owned(),
            Self::UnknownToken => "this token is not known here, or no longer: `spanreel token list` \
                 on the server names those that are"
                .to_owned(),
            Self::NotAllowed { needs } => {
                let right = needs.as_str();
                format!(
                    "this token is not good for that: it takes one with the right `{right}` \
                     (`spanreel token add NAME --right {right}`)"
                )
            }
            Self::TooManyFailures { retry_after } => format!(
                "too many wrong tokens came from this address: wait {} seconds",
                seconds(*retry_after)
            ),
        }
    }

    /// When to ask again, in whole seconds, where that is of use.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::TooManyFailures { retry_after } => Some(seconds(*retry_after)),
            _ => None,
        }
    }
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// How a request was let in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// By a cookie, which browsers send along whoever asks them to.
    pub by_cookie: bool,
    /// The projects that it concerns, and no other; `None` = everything that is recorded.
    pub projects: Option<Projects>,
}

impl Gate {
    /// Lets everybody in.
    pub fn open() -> Self {
        Self::default()
    }

    /// Lets those in who show a token of `file`. `port` tells its cookies from those of others.
    ///
    /// # Errors
    /// When the file cannot be read, or the system gives no random numbers.
    pub fn closed(file: TokenFile, port: u16) -> Result<Self, TokenError> {
        Self::new(Admits::Tokens(Tokens::of(file)?), port)
    }

    /// Lets only the bearer of one token in, whose text it gives as well.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn own() -> Result<(Self, String), TokenError> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| TokenError::Random)?;
        let text = hex::encode(random);
        let token = Token {
            name: "own".to_owned(),
            rights: vec![Right::Ingest],
            projects: None,
            created_unix_s: 0,
            hash: blake3::hash(text.as_bytes()).into(),
        };
        Ok((Self::new(Admits::Only(vec![token]), 0)?, text))
    }

    fn new(admits: Admits, port: u16) -> Result<Self, TokenError> {
        let mut cookie_key = [0; 32];
        getrandom::fill(&mut cookie_key).map_err(|_| TokenError::Random)?;
        Ok(Self(Some(Arc::new(Closed {
            admits,
            failures: Failures::default(),
            cookie_name: format!("spanreel-{port}"),
            cookie_key,
        }))))
    }

    /// Whether it asks for tokens.
    pub fn is_closed(&self) -> bool {
        self.0.is_some()
    }
}

impl Closed {
    fn tokens(&self) -> Arc<Vec<Token>> {
        match &self.admits {
            Admits::Tokens(tokens) => tokens.all(),
            Admits::Only(tokens) => Arc::new(tokens.clone()),
        }
    }

    /// The token whose text this is, also when it was made a moment ago.
    fn token(&self, text: &str) -> Option<Token> {
        let token = find(&self.tokens(), text).cloned();
        token.or_else(|| match &self.admits {
            Admits::Tokens(tokens) => find(&tokens.now(), text).cloned(),
            Admits::Only(_) => None,
        })
    }

    fn unknown(&self, address: IpAddr) -> Denial {
        match self.failures.count(address, Instant::now()) {
            Some(retry_after) => Denial::TooManyFailures { retry_after },
            None => Denial::UnknownToken,
        }
    }

    /// Of the token and the time (Unix seconds) at which it ends, which the value begins with.
    fn cookie_value(&self, token: &Token, ends_unix_s: u64) -> String {
        format!(
            "{ends_unix_s}.{}",
            self.signature(token, ends_unix_s).to_hex()
        )
    }

    fn signature(&self, token: &Token, ends_unix_s: u64) -> blake3::Hash {
        let mut signed = blake3::Hasher::new_keyed(&self.cookie_key);
        signed.update(&token.hash);
        signed.update(&ends_unix_s.to_be_bytes());
        signed.finalize()
    }

    fn of_cookie<'a>(&self, tokens: &'a [Token], value: &str) -> Option<&'a Token> {
        let (ends, signature) = value.split_once('.')?;
        let ends: u64 = ends.parse().ok()?;
        let signature = blake3::Hash::from_hex(signature).ok()?;
        if ends <= unix_s() {
            return None;
        }
        first(tokens, |token| {
            let right = self.signature(token, ends);
            right.as_bytes().ct_eq(signature.as_bytes())
        })
    }
}

fn unix_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// Who sent a request: it is with each that [`crate::serve`] hands on.
#[derive(Debug, Clone)]
pub struct Caller {
    address: IpAddr,
    is_encrypted: bool,
    gate: Gate,
    /// Of the program itself: what the one it asks for is limited to.
    projects: Option<Projects>,
}

impl Caller {
    pub(crate) fn new(address: IpAddr, is_encrypted: bool, gate: Gate) -> Self {
        Self {
            address,
            is_encrypted,
            gate,
            projects: None,
        }
    }

    /// The program itself, asking for somebody whom it has let in, limited as that one is.
    pub fn ourselves(for_whom: &Granted) -> Self {
        let here = IpAddr::from([127, 0, 0, 1]);
        Self {
            projects: for_whom.projects.clone(),
            ..Self::new(here, false, Gate::open())
        }
    }

    /// Whether a token is asked for here at all.
    pub fn needs_token(&self) -> bool {
        self.gate.is_closed()
    }

    /// Lets the request with these headers do what needs `right`, or says why not.
    ///
    /// A token that is known is never held up by the failures of others at its address: behind one
    /// address may be many, and the number of wrong tokens is bounded for the sake of work and log alone.
    ///
    /// # Errors
    /// [`Denial`]
    pub fn check(&self, headers: &HeaderMap, right: Right) -> Result<Granted, Denial> {
        let Some(closed) = &self.gate.0 else {
            return Ok(Granted {
                by_cookie: false,
                projects: self.projects.clone(),
            });
        };
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        let (token, by_cookie) = match (shown.next(), shown.next()) {
            (Some(_), Some(_)) => (None, false),
            (Some(value), None) => {
                let text = value.to_str().ok().and_then(bearer);
                (text.and_then(|text| closed.token(text)), false)
            }
            (None, _) => {
                // An old cookie is no attack: whoever has one is asked to sign in again.
                let value = cookie(headers, &closed.cookie_name).ok_or(Denial::NoToken)?;
                let token = closed.of_cookie(&closed.tokens(), value).cloned();
                (Some(token.ok_or(Denial::NoToken)?), true)
            }
        };
        match token {
            None => Err(closed.unknown(self.address)),
            Some(token) if token.may(right) => Ok(Granted {
                by_cookie,
                projects: token.projects,
            }),
            Some(_) => Err(Denial::NotAllowed { needs: right }),
        }
    }

    /// The `Set-Cookie` header that keeps a browser signed in with a token.
    ///
    /// # Errors
    /// When nobody has been given the token, or it may not read.
    pub fn sign_in(&self, text: &str) -> Result<String, Denial> {
        let closed = self.gate.0.as_ref().ok_or(Denial::NoToken)?;
        let token = closed
            .token(text.trim())
            .ok_or_else(|| closed.unknown(self.address))?;
        if !token.may(Right::Read) {
            return Err(Denial::NotAllowed { needs: Right::Read });
        }
        let value = closed.cookie_value(&token, unix_s() + SIGNED_IN.as_secs());
        Ok(self.cookie(&closed.cookie_name, &value, SIGNED_IN))
    }

    /// The `Set-Cookie` header that makes a browser forget its token.
    pub fn sign_out(&self) -> Option<String> {
        let closed = self.gate.0.as_ref()?;
        Some(self.cookie(&closed.cookie_name, "", Duration::ZERO))
    }

    fn cookie(&self, name: &str, value: &str, lasts: Duration) -> String {
        let secure = if self.is_encrypted { "; Secure" } else { "" };
        format!(
            "{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
            lasts.as_secs()
        )
    }
}

/// The token of `Bearer TOKEN`.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(given, _)| *given == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
