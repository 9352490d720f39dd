//! The only place from which Spanreel speaks to others: JSON to an address that the user has written into
//! a settings file. Nothing is sent anywhere else.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Uri;

/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 4 << 20;

/// What the other side said.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The beginning of the body on one line.
    pub(crate) fn summary(&self) -> String {
        let line: String = self
            .body
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(200)
            .collect();
        line.trim().to_owned()
    }
}

/// Posts JSON and waits for the answer; blocks. Redirects are not followed: what was meant for one address
/// goes to no other.
///
/// # Errors
/// What went wrong before there was an answer, without the address, which may hold a secret.
pub(crate) fn post_json(
    url: &str,
    headers: &[(&str, &str)],
    body: &Value,
    timeout: Duration,
) -> Result<Answer, String> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("spanreel/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut request = agent.post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.send_json(body).map_err(words)?;
    let status = response.status().as_u16();
    let body = response
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER_BYTES)
        .lossy_utf8(true)
        .read_to_string()
        .map_err(words)?;
    Ok(Answer { status, body })
}

fn words(error: ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "it did not answer in time".to_owned(),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::BadUri(_) => "the address is not one".to_owned(),
        ureq::Error::BodyExceedsLimit(bytes) => {
            format!("its answer is larger than {bytes} bytes")
        }
        error => error.to_string(),
    }
}

/// Scheme and host of an address, as it may be shown: the rest may hold a secret. `None` when it is no
/// `http` or `https` address.
pub(crate) fn shown(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri
        .scheme_str()
        .filter(|s| matches!(*s, "http" | "https"))?;
    let port = uri
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{scheme}://{}{port}", uri.host()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_what_may_be_secret() {
        assert_eq!(
            shown("https://me:pw@hooks.example:8443/services/T0/secret").as_deref(),
            Some("https://hooks.example:8443")
        );
        for wrong in ["", "hooks.example", "ftp://hooks.example/", "http://"] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }
}
