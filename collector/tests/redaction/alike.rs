//! What looks like a secret and is none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::draw::{ALNUM, BASE64, DIGITS, Draw, HEX, LOWER, UPPER, URL};
use crate::issuers;

/// A text without a secret, and what sort of text it is.
pub(crate) struct Alike {
    pub(crate) sort: &'static str,
    pub(crate) text: String,
    /// Whether `strict` may replace something in it, which takes every value of a secret-looking name.
    pub(crate) is_for_strict: bool,
}

/// `each` texts of every sort.
pub(crate) fn alike(draw: &mut Draw, each: usize) -> Vec<Alike> {
    let mut all = Vec::new();
    for _ in 0..each {
        let mut drawn = one_of_each(draw);
        drawn.extend(issuers::alike(draw));
        all.extend(drawn.into_iter().map(|(sort, text)| Alike {
            sort,
            text,
            is_for_strict: false,
        }));
        all.extend(only_for_strict(draw).into_iter().map(|(sort, text)| Alike {
            sort,
            text,
            is_for_strict: true,
        }));
    }
    all
}

fn one_of_each(d: &mut Draw) -> Vec<(&'static str, String)> {
    let image = {
        let bytes: Vec<u8> = (0..900).map(|_| d.below(256) as u8).collect();
        STANDARD.encode(bytes)
    };
    let minified: Vec<String> = (0..40)
        .map(|_| {
            let (a, b) = (d.text(LOWER, 1), d.text(LOWER, 1));
            let (name, word) = (d.words(1, ""), d.words(1, ""));
            format!(
                "{a}.{name}=function({b}){{return {b}.{word}||\"{}\"}};",
                d.text(ALNUM, 3)
            )
        })
        .collect();
    let failing = format!("4{}", d.text(DIGITS, 14));
    let failing = (0..10)
        .map(|digit| format!("{failing}{digit}"))
        .find(|number| !luhn(number))
        .unwrap_or_default();
    let identifier = format!(
        "{}.{}.{}",
        d.words(3, "."),
        d.words(2, "_"),
        ["V2", "Impl", "Factory3"][d.below(3)]
    );
    let manual = d.of(&[
        "Set OPENAI_API_KEY=sk-... before you start",
        "export ANTHROPIC_API_KEY=\"your-api-key-here\"",
        "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "curl -H \"Authorization: Bearer $TOKEN\" https://api.example.com",
        "Authorization: Bearer <your token>",
        "postgres://user:password@localhost:5432/mydb",
        "api_key: ${{ secrets.API_KEY }}",
        "token = os.environ[\"TOKEN\"]",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----",
        "SLACK_BOT_TOKEN=xoxb-your-token-here",
        "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "stripe.api_key = 'sk_test_...'",
        "contact user@example.com or noreply@acme.io",
        "password: ********",
        "secret: [redacted:secret_value]",
    ]);
    vec![
        (
            "git hash",
            format!(
                "commit {}\nMerge: {} {}",
                d.text(HEX, 40),
                d.text(HEX, 7),
                d.text(HEX, 7)
            ),
        ),
        (
            "digest",
            format!(
                "sha256:{} integrity sha512-{}==",
                d.text(HEX, 64),
                d.text(BASE64, 86)
            ),
        ),
        (
            "uuid",
            format!(
                "request {} of trace {}-{}",
                d.uuid(),
                d.text(HEX, 32),
                d.text(HEX, 16)
            ),
        ),
        ("image", format!("data:image/png;base64,{image}")),
        (
            "base64",
            format!("\"payload\": \"{}\"", d.text(BASE64, 400)),
        ),
        (
            "card that fails",
            format!("order {failing} and 4{} in all", d.text(DIGITS, 9)),
        ),
        (
            "timestamp",
            format!(
                "at 17{} ({} ns)",
                d.text(DIGITS, 11),
                d.text(DIGITS, 19).replace('0', "1")
            ),
        ),
        ("manual", manual.to_owned()),
        ("identifier", format!("{identifier} = {}", d.words(2, "-"))),
        ("minified", minified.concat()),
        (
            "paths",
            format!(
                "/home/ada/{}/{}.rs:{}:{}",
                d.words(3, "/"),
                d.words(2, "_"),
                d.below(900),
                d.below(80)
            ),
        ),
        (
            "code about tokens",
            format!(
                "let token = next_token(&mut {}); if token == Token::{} {{ tokens.push(token); }}",
                d.words(1, ""),
                d.words(1, "")
            ),
        ),
        (
            "code about passwords",
            format!(
                "password: Option<String>, {}_password(user.password, {})",
                d.words(1, ""),
                d.below(99)
            ),
        ),
        (
            "usage",
            format!(
                "{{\"input_tokens\": {}, \"max_tokens\": {}, \"next_page_token\": \"{}\"}}",
                d.below(99999),
                d.below(9999),
                d.text(URL, 40)
            ),
        ),
        (
            "package lock",
            format!(
                "\"resolved\": \"https://packages.example.com/{}/-/{}-{}.{}.0.tgz\", \"{}@{}.2.1\"",
                d.words(1, ""),
                d.words(1, ""),
                d.below(9),
                d.below(20),
                d.words(1, ""),
                d.below(9)
            ),
        ),
        (
            "css and classes",
            format!(
                "sk-{}-{} .sk-fading-circle{} task-{} hf_{}",
                d.words(1, ""),
                d.words(1, ""),
                d.below(12),
                d.below(999),
                d.words(1, "")
            ),
        ),
        (
            "ids of calls",
            format!(
                "toolu_{} call_{} msg_{} chatcmpl-{}",
                d.text(ALNUM, 24),
                d.text(ALNUM, 24),
                d.text(ALNUM, 24),
                d.text(ALNUM, 29)
            ),
        ),
        (
            "addresses",
            format!(
                "https://acme.io:8443/a@b/{}?page={}#x git@github.com:acme/{}.git icon@2x.png",
                d.words(2, "/"),
                d.below(99),
                d.words(1, "")
            ),
        ),
        (
            "prose",
            format!(
                "The {} was wrong: the password {} the secret is {}.",
                d.words(4, " "),
                d.words(3, " "),
                d.words(5, " ")
            ),
        ),
        (
            "numbers",
            format!(
                "{}.{} {}-{}-{} {}",
                d.text(DIGITS, 3),
                d.text(DIGITS, 16),
                d.text(DIGITS, 3),
                d.text(DIGITS, 4),
                d.text(DIGITS, 4),
                d.text(UPPER, 10)
            ),
        ),
        (
            "long name",
            format!("{}_{}", d.words(5, "_").to_uppercase(), d.text(DIGITS, 2)),
        ),
    ]
}

/// Values of secret-looking names that look like nothing.
fn only_for_strict(d: &mut Draw) -> Vec<(&'static str, String)> {
    vec![
        ("setting", format!("token: {}", d.words(1, ""))),
        (
            "label",
            format!("{{\"secret\": \"{}-{}\"}}", d.words(2, "-"), d.below(9)),
        ),
    ]
}

fn luhn(number: &str) -> bool {
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit - b'0');
            let value = if at % 2 == 1 { digit * 2 } else { digit };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}
