//! Secrets as providers form them, and the places that they turn up in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::draw::{ALNUM, BASE32, BASE64, DIGITS, Draw, HEX, LOWER, UPPER, URL};
use crate::issuers;

/// A secret: the kind that ought to be named, what must not be left, and the text around it where it
/// needs one (`§` stands for it).
pub(crate) struct Planted {
    pub(crate) kind: &'static str,
    pub(crate) secret: String,
    pub(crate) around: Option<&'static str>,
    /// Only `strict` promises to find it.
    pub(crate) is_personal: bool,
}

/// Where a secret that shows what it is may stand.
const PLACES: [&str; 22] = [
    "§",
    "export KEY=§",
    "KEY=\"§\"\n",
    "{\"output\":\"§\"}",
    r#"{\"stdout\":\"line\n§\nnext\"}"#,
    r#"{"a":"{\"b\":\"\\n§\\n\"}"}"#,
    "curl -H 'x-api-key: §' https://api.acme.io/v1",
    "https://api.acme.io/v1?key=§&page=2",
    "\u{1b}[32m§\u{1b}[0m",
    r"\u001b[1;31m§\u001b[0m",
    "I used the key §, and it worked.",
    "(§)",
    "<code>§</code>",
    "key%3D§%26x",
    "- name: KEY\n  value: §\n",
    "let key = '§';",
    "diff --git a/.env\n+KEY=§\n-KEY=\n",
    "`§`",
    "ключ §。",
    "[§,other]",
    "user=ada key=§ level=info",
    "\t§\r\n",
];

/// The place of the secret in a text of its own.
pub(crate) fn place(planted: &Planted, draw: &mut Draw) -> String {
    let around = planted.around.unwrap_or_else(|| draw.of(&PLACES));
    let before = draw.words(6, " ");
    let after = draw.words(6, " ");
    format!("{before} {} {after}", around.replace('§', &planted.secret))
}

/// `each` secrets of every form.
pub(crate) fn planted(draw: &mut Draw, each: usize) -> Vec<Planted> {
    let mut planted = Vec::new();
    for _ in 0..each {
        let mut drawn = tokens(draw);
        drawn.extend(issuers::tokens(draw));
        for (kind, secret) in drawn {
            planted.push(Planted {
                kind,
                secret,
                around: None,
                is_personal: false,
            });
        }
        let mut drawn = in_context(draw);
        drawn.extend(issuers::in_addresses(draw));
        for (kind, secret, around) in drawn {
            planted.push(Planted {
                kind,
                secret,
                around: Some(around),
                is_personal: false,
            });
        }
        for (kind, secret, around) in personal(draw) {
            planted.push(Planted {
                kind,
                secret,
                around,
                is_personal: true,
            });
        }
    }
    planted
}

fn tokens(d: &mut Draw) -> Vec<(&'static str, String)> {
    let digits_of_bot = 8 + d.below(3);
    let jwt = {
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let head = part(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned());
        let body = part(format!(
            "{{\"sub\":\"{}\",\"exp\":17{}}}",
            d.uuid(),
            d.text(DIGITS, 8)
        ));
        format!("{head}.{body}.{}", d.text(URL, 43))
    };
    let pem_label = d.of(&[
        "RSA PRIVATE KEY",
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
    ]);
    let line_end = d.of(&["\n", "\\n", "\r\n"]);
    let lines: Vec<String> = (0..6).map(|_| d.text(BASE64, 64)).collect();
    let pem = format!(
        "-----BEGIN {pem_label}-----{line_end}{}{line_end}-----END {pem_label}-----",
        lines.join(line_end)
    );
    vec![
        (
            "anthropic_key",
            format!("sk-ant-api03-{}AA", d.text(URL, 93)),
        ),
        (
            "anthropic_key",
            format!("sk-ant-oat01-{}AA", d.text(URL, 93)),
        ),
        (
            "openai_key",
            format!("sk-proj-{}T3BlbkFJ{}", d.text(URL, 74), d.text(URL, 74)),
        ),
        (
            "openai_key",
            format!("sk-{}T3BlbkFJ{}", d.text(ALNUM, 20), d.text(ALNUM, 20)),
        ),
        ("openai_key", format!("sk-{}", d.text(HEX, 32))),
        ("openrouter_key", format!("sk-or-v1-{}", d.text(HEX, 64))),
        ("google_api_key", format!("AIza{}", d.text(URL, 35))),
        ("google_oauth", format!("ya29.a0{}", d.text(URL, 160))),
        ("google_oauth", format!("GOCSPX-{}", d.text(URL, 28))),
        ("aws_access_key", format!("AKIA{}", d.text(BASE32, 16))),
        ("aws_access_key", format!("ASIA{}", d.text(BASE32, 16))),
        ("github_token", format!("ghp_{}", d.text(ALNUM, 36))),
        ("github_token", format!("gho_{}", d.text(ALNUM, 36))),
        (
            "github_token",
            format!("github_pat_{}_{}", d.text(ALNUM, 22), d.text(ALNUM, 59)),
        ),
        ("gitlab_token", format!("glpat-{}", d.text(URL, 20))),
        (
            "slack_token",
            format!(
                "xoxb-{}-{}-{}",
                d.text(DIGITS, 12),
                d.text(DIGITS, 13),
                d.text(ALNUM, 24)
            ),
        ),
        (
            "slack_token",
            format!(
                "xoxp-{}-{}-{}-{}",
                d.text(DIGITS, 12),
                d.text(DIGITS, 12),
                d.text(DIGITS, 12),
                d.text(HEX, 32)
            ),
        ),
        (
            "slack_webhook",
            format!(
                "T{}/B{}/{}",
                d.text(UPPER, 8),
                d.text(UPPER, 10),
                d.text(ALNUM, 24)
            ),
        ),
        ("stripe_key", format!("sk_live_{}", d.text(ALNUM, 24))),
        ("stripe_key", format!("rk_test_{}", d.text(ALNUM, 99))),
        ("npm_token", format!("npm_{}", d.text(ALNUM, 36))),
        (
            "pypi_token",
            format!("pypi-AgEIcHlwaS5vcmc{}", d.text(URL, 140)),
        ),
        ("huggingface_token", format!("hf_{}", d.text(ALNUM, 34))),
        (
            "azure_key",
            format!("{}7Q~{}", d.text(ALNUM, 3), d.text(ALNUM, 34)),
        ),
        (
            "azure_key",
            format!("{}JQQJ99{}", d.text(ALNUM, 52), d.text(ALNUM, 26)),
        ),
        ("twilio_key", format!("SK{}", d.text(HEX, 32))),
        (
            "sendgrid_key",
            format!("SG.{}.{}", d.text(URL, 22), d.text(URL, 43)),
        ),
        (
            "telegram_token",
            format!(
                "7{}:AA{}",
                d.text(DIGITS, digits_of_bot - 1),
                d.text(URL, 33)
            ),
        ),
        ("groq_key", format!("gsk_{}", d.text(ALNUM, 52))),
        ("xai_key", format!("xai-{}", d.text(ALNUM, 80))),
        ("databricks_token", format!("dapi{}", d.text(HEX, 32))),
        ("digitalocean_token", format!("dop_v1_{}", d.text(HEX, 64))),
        (
            "langsmith_key",
            format!("lsv2_pt_{}_{}", d.text(HEX, 32), d.text(HEX, 10)),
        ),
        ("shopify_token", format!("shpat_{}", d.text(HEX, 32))),
        ("vault_token", format!("hvs.{}", d.text(URL, 95))),
        ("jwt", jwt),
        ("private_key", pem),
    ]
}

/// Secrets that only what stands around them tells.
fn in_context(d: &mut Draw) -> Vec<(&'static str, String, &'static str)> {
    let assignments = [
        "API_KEY=§",
        "{\"client_secret\": \"§\"}",
        r#"{\"access_token\":\"§\",\"expires_in\":3600}"#,
        "auth_token: §",
        "--token §",
        "?access_token=§&x=1",
        "aws_secret_access_key = §",
        "const apiKey = \"§\";",
        "x-auth-token: §",
        "os.environ[\"SERVICE_SECRET\"] = '§'",
    ];
    let at_passwords = [
        "DB_PASSWORD=§",
        "password: \"§\"",
        r#"{\"password\":\"§\"}"#,
        "--password §",
        "PGPASSWORD=§ psql",
    ];
    let at_urls = [
        "postgres://app:§@db.internal:5432/app",
        "redis://default:§@10.0.0.4:6379",
        "git clone https://x:§@git.acme.io/repo",
        "amqp://worker:§@mq/vhost",
    ];
    let at_headers = [
        "Authorization: Bearer §",
        "{\"Authorization\":\"Bearer §\"}",
        r#"-H \"authorization: Bearer §\" -v"#,
        "headers = {'Authorization': 'Token §'}",
    ];
    let chosen = format!(
        "{}{}{}{}",
        d.text("ABCDEFGHJKL", 1),
        d.text(LOWER, 6),
        d.text(DIGITS, 2),
        d.of(&["!", "#", "?", "+"])
    );
    let basic = STANDARD.encode(format!("{}:{}", d.words(1, ""), d.text(ALNUM, 14)));
    vec![
        ("secret_value", d.text(ALNUM, 40), d.of(&assignments)),
        ("secret_value", d.text(HEX, 32), d.of(&assignments)),
        (
            "secret_value",
            d.text(BASE64, 40),
            "aws_secret_access_key=§",
        ),
        ("secret_value", chosen, d.of(&at_passwords)),
        ("secret_value", d.text(LOWER, 10), d.of(&at_passwords)),
        ("url_password", d.text(ALNUM, 16), d.of(&at_urls)),
        ("url_password", d.words(2, "-"), d.of(&at_urls)),
        ("authorization", d.text(URL, 48), d.of(&at_headers)),
        ("authorization", basic, "Authorization: Basic §"),
        (
            "cookie",
            format!("sid={}", d.text(ALNUM, 32)),
            "Cookie: theme=dark; §",
        ),
        (
            "azure_key",
            format!("{}==", d.text(BASE64, 86)),
            "AccountName=acme;AccountKey=§;EndpointSuffix=core.windows.net",
        ),
    ]
}

fn personal(d: &mut Draw) -> Vec<(&'static str, String, Option<&'static str>)> {
    let domain = format!("{}.{}", d.words(1, ""), d.of(&["com", "io", "co.uk", "de"]));
    let local = format!("{}.{}", d.text(LOWER, 4), d.text(LOWER, 7));
    let card = card(d);
    let spaced: Vec<&str> = (0..4).map(|at| &card[at * 4..at * 4 + 4]).collect();
    let joint = d.of(&[" ", "-"]);
    vec![
        ("email", format!("{local}@{domain}"), None),
        (
            "email",
            format!("{local}+list@mail.{domain}"),
            Some(r#"{\"from\":\"Ada\\n<§>\"}"#),
        ),
        (
            "card_number",
            card.clone(),
            Some("{\"card\": §, \"cvc\": 123}"),
        ),
        ("card_number", spaced.join(joint), Some("paid with § today")),
        ("iban", german_iban(d), Some("transfer to § please")),
        ("secret_value", d.text(LOWER, 7), Some("password=§")),
    ]
}

fn card(d: &mut Draw) -> String {
    let mut digits = format!("{}{}", d.of(&["4", "53", "2301"]), d.text(DIGITS, 15));
    digits.truncate(15);
    let doubled = |(at, digit): (usize, u8)| {
        let digit = u32::from(digit - b'0');
        // The check digit comes last, so every other one from here counts twice.
        let value = if at.is_multiple_of(2) {
            digit * 2
        } else {
            digit
        };
        if value > 9 { value - 9 } else { value }
    };
    let sum: u32 = digits.bytes().rev().enumerate().map(doubled).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn german_iban(d: &mut Draw) -> String {
    let account = d.text(DIGITS, 18);
    // D is 13 and E is 14; the check digits stand in as zeros.
    let rest = format!("{account}131400")
        .bytes()
        .fold(0_u32, |rest, digit| {
            (rest * 10 + u32::from(digit - b'0')) % 97
        });
    format!("DE{:02}{account}", 98 - rest)
}
