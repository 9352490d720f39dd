//! The forms of the rest of the providers, and what is shaped like them and opens nothing.

use crate::draw::{ALNUM, BASE64, DIGITS, Draw, HEX, LOWER, UPPER, URL};

/// Characters of bech32 in capitals, of which age makes its identities.
const BECH32: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";

/// A token of each form that shows by itself what it is.
pub(crate) fn tokens(d: &mut Draw) -> Vec<(&'static str, String)> {
    vec![
        ("langfuse_key", format!("sk-lf-{}", d.uuid())),
        ("aws_bedrock_key", format!("ABSK{}=", d.text(BASE64, 131))),
        ("mailgun_key", format!("key-{}", d.text(HEX, 32))),
        ("perplexity_key", format!("pplx-{}", d.text(ALNUM, 48))),
        ("replicate_token", format!("r8_{}", d.text(ALNUM, 37))),
        ("tavily_key", format!("tvly-dev-{}", d.text(ALNUM, 32))),
        ("linear_key", format!("lin_api_{}", d.text(ALNUM, 40))),
        ("notion_token", format!("ntn_{}", d.text(ALNUM, 46))),
        (
            "terraform_token",
            format!("{}.atlasv1.{}", d.text(ALNUM, 14), d.text(ALNUM, 67)),
        ),
        (
            "postman_key",
            format!("PMAK-{}-{}", d.text(HEX, 24), d.text(HEX, 34)),
        ),
        ("sentry_token", format!("sntryu_{}", d.text(HEX, 64))),
        (
            "sentry_token",
            format!("sntrys_{}_{}", d.text(BASE64, 120), d.text(BASE64, 43)),
        ),
        (
            "grafana_token",
            format!("glsa_{}_{}", d.text(ALNUM, 32), d.text(HEX, 8)),
        ),
        ("grafana_token", format!("glc_{}", d.text(BASE64, 120))),
        ("newrelic_key", format!("NRAK-{}", d.text(UPPER, 27))),
        ("figma_token", format!("figd_{}", d.text(URL, 43))),
        (
            "airtable_token",
            format!("pat{}.{}", d.text(ALNUM, 14), d.text(HEX, 64)),
        ),
        ("supabase_key", format!("sbp_{}", d.text(HEX, 40))),
        ("supabase_key", format!("sb_secret_{}", d.text(URL, 31))),
        ("rubygems_key", format!("rubygems_{}", d.text(HEX, 48))),
        ("docker_token", format!("dckr_pat_{}", d.text(URL, 27))),
        ("docker_token", format!("dckr_oat_{}", d.text(URL, 32))),
        (
            "atlassian_token",
            format!(
                "ATATT3xFfGF0{}={}",
                d.text(URL, 171),
                d.text("0123456789ABCDEF", 8)
            ),
        ),
        ("doppler_token", format!("dp.pt.{}", d.text(ALNUM, 43))),
        (
            "doppler_token",
            format!("dp.st.{}.{}", d.text(LOWER, 6), d.text(ALNUM, 43)),
        ),
        ("pulumi_token", format!("pul-{}", d.text(HEX, 40))),
        (
            "planetscale_token",
            format!("pscale_pw_{}", d.text(URL, 43)),
        ),
        ("age_key", format!("AGE-SECRET-KEY-1{}", d.text(BECH32, 58))),
        // Further forms of providers that `planted` knows.
        ("google_oauth", format!("1//0{}", d.text(URL, 99))),
        ("github_token", format!("ghr_{}", d.text(ALNUM, 76))),
        ("gitlab_token", format!("glrt-{}", d.text(URL, 20))),
        (
            "slack_token",
            format!(
                "xapp-1-A{}-{}-{}",
                d.text(UPPER, 10),
                d.text(DIGITS, 13),
                d.text(HEX, 64)
            ),
        ),
        ("stripe_key", format!("whsec_{}", d.text(ALNUM, 32))),
        (
            "azure_key",
            format!("{}AZDO{}", d.text(ALNUM, 76), d.text(ALNUM, 4)),
        ),
    ]
}

/// Secrets of which the address around them is a part.
pub(crate) fn in_addresses(d: &mut Draw) -> Vec<(&'static str, String, &'static str)> {
    vec![
        (
            "discord_webhook",
            d.text(URL, 68),
            "https://chat.acme.io/api/webhooks/104857600000000001/§",
        ),
        (
            "azure_key",
            format!("{}%3D", d.text(ALNUM, 43)),
            "https://acme.blob.acme.io/c/a.csv?sv=2024-11-04&sp=r&sig=§",
        ),
    ]
}

/// What begins like a token of a provider and is a name, a public half, a placeholder or cut off.
pub(crate) fn alike(d: &mut Draw) -> Vec<(&'static str, String)> {
    let word = |d: &mut Draw| d.words(1, "");
    let x = |len: usize| "x".repeat(len);
    vec![
        (
            "public halves",
            format!(
                "pk-lf-{} sb_publishable_{} age1{} pk_live_{}",
                d.uuid(),
                d.text(URL, 31),
                d.text(&BECH32.to_lowercase(), 58),
                d.text(ALNUM, 24)
            ),
        ),
        (
            "models",
            format!("pplx-{}b-online, pplx-{}b-chat", d.below(90), d.below(90)),
        ),
        (
            "names like tokens",
            format!(
                "rubygems_{}_{} lin_api_{} ntn_{}_{} r8_{} glc_{} key-{}-{} pul-{} dp.pt.{} tvly-{}",
                word(d),
                word(d),
                d.words(3, "_"),
                word(d),
                word(d),
                word(d),
                word(d),
                word(d),
                word(d),
                word(d),
                word(d),
                word(d)
            ),
        ),
        (
            "patterns",
            format!(
                "pat{}.{}() path.{} patch{}.diff pattern{}.{}",
                d.text(LOWER, 5),
                word(d),
                word(d),
                d.below(99),
                d.below(99),
                d.text(HEX, 8)
            ),
        ),
        (
            "placeholders",
            format!(
                "figd_{} PMAK-{}-{} NRAK-{} dckr_pat_{} {}.atlasv1.{} hvs.{} pscale_tkn_{}",
                x(43),
                x(24),
                x(34),
                "X".repeat(27),
                x(27),
                x(14),
                x(67),
                x(90),
                x(43)
            ),
        ),
        (
            "cut off",
            format!(
                "glsa_{}... sntryu_{}… sbp_{}… ATATT3xFfGF0{}... AGE-SECRET-KEY-1{}… ABSK{}…",
                d.text(ALNUM, 6),
                d.text(HEX, 8),
                d.text(HEX, 6),
                d.text(URL, 12),
                d.text(BECH32, 8),
                d.text(BASE64, 8)
            ),
        ),
        (
            "routes of webhooks",
            format!(
                "POST /api/webhooks/:id/:{} and /api/webhooks/{}/messages/@{}",
                word(d),
                d.text("123456789", 18),
                word(d)
            ),
        ),
        (
            "keys of lists",
            format!(
                "<li key=\"key-{}\"> key-{}",
                d.text(HEX, 8),
                d.text(DIGITS, 12)
            ),
        ),
    ]
}
