//! Tokens that show what they are: a prefix, an alphabet, a length.
//!
//! Each row says who issues such a token and what it opens. Lengths are those that providers issue;
//! where a provider does not promise one, the shortest that was seen.

/// What a match must pass beside its form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Check {
    /// Bits of entropy per character that the match has at least, which keeps out `xxxx` and words.
    Entropy(f64),
    /// The first part is base64url of a JSON object that names an algorithm.
    Jwt,
}

/// One form of token.
pub(super) struct Format {
    pub(super) kind: &'static str,
    /// Who issues it and what it opens.
    pub(super) reason: &'static str,
    /// One of these is in every such token, in this case.
    pub(super) literals: &'static [&'static str],
    /// How many bytes before the literal the token begins; tried in order.
    pub(super) before: &'static [usize],
    /// The token from its beginning; group 1 where only a part of it is secret.
    pub(super) regex: &'static str,
    pub(super) check: Check,
}

const HEX: Check = Check::Entropy(2.7);
const MIXED: Check = Check::Entropy(3.2);

/// A row whose token begins with its literal.
const fn row(
    kind: &'static str,
    reason: &'static str,
    literals: &'static [&'static str],
    regex: &'static str,
    check: Check,
) -> Format {
    Format {
        kind,
        reason,
        literals,
        before: &[0],
        regex,
        check,
    }
}

/// Every form, the more telling one first where two begin alike.
#[rustfmt::skip] // a table: one row, one line
pub(super) static FORMATS: &[Format] = &[
    row("anthropic_key", "Anthropic: API, admin and OAuth keys", &["sk-ant-"], r"sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{40,200}", MIXED),
    row("openai_key", "OpenAI: keys of projects, service accounts and administrators", &["sk-proj-", "sk-svcacct-", "sk-admin-"], r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,250}", MIXED),
    row("openrouter_key", "OpenRouter: API key", &["sk-or-v1-"], r"sk-or-v1-[0-9a-f]{64}", HEX),
    row("langfuse_key", "Langfuse: secret key", &["sk-lf-"], r"sk-lf-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", HEX),
    row("openai_key", "OpenAI (older) and those that copy its form, DeepSeek among them: API key", &["sk-"], r"sk-[A-Za-z0-9]{32,64}", MIXED),
    row("google_api_key", "Google Cloud and Gemini: API key", &["AIza"], r"AIza[0-9A-Za-z_-]{35}", MIXED),
    row("google_oauth", "Google: OAuth access token", &["ya29."], r"ya29\.[0-9A-Za-z_-]{30,2048}", MIXED),
    row("google_oauth", "Google: OAuth client secret", &["GOCSPX-"], r"GOCSPX-[0-9A-Za-z_-]{28}", MIXED),
    row("google_oauth", "Google: OAuth refresh token", &["1//0"], r"1//0[0-9A-Za-z_-]{40,256}", MIXED),
    row("aws_access_key", "Amazon Web Services: access key id, which names the account", &["AKIA", "ASIA", "ABIA", "ACCA"], r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}", Check::Entropy(2.8)),
    row("aws_bedrock_key", "Amazon Bedrock: API key", &["ABSK"], r"ABSK[A-Za-z0-9+/]{100,300}={0,2}", MIXED),
    row("github_token", "GitHub: personal, OAuth, app and refresh tokens", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"gh[pousr]_[A-Za-z0-9]{36,255}", MIXED),
    row("github_token", "GitHub: fine-grained personal token", &["github_pat_"], r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}", MIXED),
    row("gitlab_token", "GitLab: personal, deploy, runner, CI and feed tokens", &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-", "glagent-"], r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent)-[A-Za-z0-9_-]{20,300}(?:\.[0-9a-z]{2}\.[0-9a-z]{7,9})?", Check::Entropy(3.0)),
    row("slack_token", "Slack: bot, user, app and refresh tokens", &["xoxb-", "xoxp-", "xoxa-", "xoxo-", "xoxr-", "xoxs-", "xoxe-", "xoxe."], r"xox[abeoprs][-.](?:xox[bp]-)?[0-9A-Za-z]{1,14}-[0-9A-Za-z-]{20,250}", Check::Entropy(2.8)),
    row("slack_token", "Slack: app-level token", &["xapp-"], r"xapp-[0-9]-[A-Z0-9]{8,14}-[0-9]{10,14}-[0-9a-f]{64}", HEX),
    row("slack_webhook", "Slack: incoming webhook", &["hooks.slack.com/"], r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9]{9,14}/[A-Za-z0-9]{9,22}/[A-Za-z0-9]{20,40})", MIXED),
    row("discord_webhook", "Discord: webhook", &["/api/webhooks/"], r"/api/webhooks/[0-9]{17,20}/([A-Za-z0-9_-]{60,72})", MIXED),
    row("telegram_token", "Telegram: bot token", &[":AA"], r"[0-9]{8,10}:AA[A-Za-z0-9_-]{32,33}", MIXED).beginning_before(&[10, 9, 8]),
    row("stripe_key", "Stripe: secret and restricted keys", &["sk_live_", "sk_test_", "rk_live_", "rk_test_"], r"[sr]k_(?:live|test)_[A-Za-z0-9]{24,247}", MIXED),
    row("stripe_key", "Stripe: secret of a webhook", &["whsec_"], r"whsec_[A-Za-z0-9+/]{32,64}={0,2}", MIXED),
    row("npm_token", "npm: access token", &["npm_"], r"npm_[A-Za-z0-9]{36}", MIXED),
    row("pypi_token", "PyPI: upload token", &["pypi-AgE"], r"pypi-AgE[A-Za-z0-9_-]{50,500}", MIXED),
    row("huggingface_token", "Hugging Face: user and organisation tokens", &["hf_", "api_org_"], r"(?:hf|api_org)_[A-Za-z0-9]{34,37}", MIXED),
    row("azure_key", "Azure: key of a storage account or a Cosmos database", &["AccountKey="], r"AccountKey=([A-Za-z0-9+/]{86}==)", MIXED),
    row("azure_key", "Azure: client secret of an application", &["Q~"], r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", MIXED).beginning_before(&[4]),
    row("azure_key", "Azure: key of an AI service", &["JQQJ99"], r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26}", MIXED).beginning_before(&[52]),
    row("azure_key", "Azure DevOps: personal token", &["AZDO"], r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}", MIXED).beginning_before(&[76]),
    row("azure_key", "Azure: signature of a shared access link", &["sig="], r"sig=([A-Za-z0-9%+/]{42,90}(?:%3[Dd]|=))", MIXED),
    row("twilio_key", "Twilio: API key", &["SK"], r"SK[0-9a-f]{32}", HEX),
    row("sendgrid_key", "SendGrid: API key", &["SG."], r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", MIXED),
    row("mailgun_key", "Mailgun: API key", &["key-"], r"key-[0-9a-f]{32}", HEX),
    row("groq_key", "Groq: API key", &["gsk_"], r"gsk_[A-Za-z0-9]{52}", MIXED),
    row("xai_key", "xAI: API key", &["xai-"], r"xai-[A-Za-z0-9]{70,90}", MIXED),
    row("perplexity_key", "Perplexity: API key", &["pplx-"], r"pplx-[A-Za-z0-9]{40,60}", MIXED),
    row("replicate_token", "Replicate: API token", &["r8_"], r"r8_[A-Za-z0-9]{37}", MIXED),
    row("langsmith_key", "LangSmith: API key", &["lsv2_"], r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", HEX),
    row("tavily_key", "Tavily: API key", &["tvly-"], r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}", MIXED),
    row("databricks_token", "Databricks: personal token", &["dapi"], r"dapi[0-9a-f]{32}(?:-[0-9])?", HEX),
    row("digitalocean_token", "DigitalOcean: access and refresh tokens", &["dop_v1_", "doo_v1_", "dor_v1_"], r"do[opr]_v1_[0-9a-f]{64}", HEX),
    row("linear_key", "Linear: API key", &["lin_api_"], r"lin_api_[A-Za-z0-9]{40}", MIXED),
    row("notion_token", "Notion: integration token", &["ntn_"], r"ntn_[A-Za-z0-9]{43,50}", MIXED),
    row("shopify_token", "Shopify: access tokens and shared secrets", &["shpat_", "shpca_", "shppa_", "shpss_"], r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", HEX),
    row("vault_token", "HashiCorp Vault: service and batch tokens", &["hvs.", "hvb."], r"hv[sb]\.[A-Za-z0-9_-]{24,300}", MIXED),
    row("terraform_token", "HCP Terraform: API token", &[".atlasv1."], r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}", MIXED).beginning_before(&[14]),
    row("postman_key", "Postman: API key", &["PMAK-"], r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", HEX),
    row("sentry_token", "Sentry: user and organisation tokens", &["sntryu_", "sntrys_"], r"sntry(?:u_[0-9a-f]{64}|s_[A-Za-z0-9+/=_-]{60,400})", HEX),
    row("grafana_token", "Grafana: service account and cloud tokens", &["glsa_", "glc_"], r"gl(?:sa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|c_[A-Za-z0-9+/]{32,400}={0,2})", MIXED),
    row("newrelic_key", "New Relic: user key", &["NRAK-"], r"NRAK-[A-Z0-9]{27}", Check::Entropy(2.9)),
    row("figma_token", "Figma: personal token", &["figd_"], r"figd_[A-Za-z0-9_-]{40,50}", MIXED),
    row("airtable_token", "Airtable: personal token", &["pat"], r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", HEX),
    row("supabase_key", "Supabase: personal token and secret keys", &["sbp_", "sb_secret_"], r"sb(?:p_[0-9a-f]{40}|_secret_[A-Za-z0-9_-]{30,60})", HEX),
    row("rubygems_key", "RubyGems: API key", &["rubygems_"], r"rubygems_[0-9a-f]{48}", HEX),
    row("docker_token", "Docker Hub: personal and organisation tokens", &["dckr_pat_", "dckr_oat_"], r"dckr_[po]at_[A-Za-z0-9_-]{27,32}", MIXED),
    row("atlassian_token", "Atlassian: API token", &["ATATT3", "ATCTT3"], r"AT[AC]TT3[A-Za-z0-9_=-]{180,250}", MIXED),
    row("doppler_token", "Doppler: personal, service and CLI tokens", &["dp."], r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}", MIXED),
    row("pulumi_token", "Pulumi: access token", &["pul-"], r"pul-[0-9a-f]{40}", HEX),
    row("planetscale_token", "PlanetScale: passwords and tokens", &["pscale_"], r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}", MIXED),
    row("age_key", "age: identity that decrypts files", &["AGE-SECRET-KEY-1"], r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", MIXED),
    row("jwt", "JSON web token: whoever has it is its subject", &["eyJ"], r"eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{2,16384}(?:\.[A-Za-z0-9_-]{0,8192}){1,3}", Check::Jwt),
];

impl Format {
    const fn beginning_before(self, before: &'static [usize]) -> Self {
        Self { before, ..self }
    }
}

/// Kinds that are no form of token: what they are, and whether they are personal data, which only
/// `strict` looks for.
#[rustfmt::skip] // a table: one row, one line
pub(super) static OTHERS: &[(&str, &str, bool)] = &[
    (PRIVATE_KEY, "private keys in PEM, from their first line to their last", false),
    (AUTHORIZATION, "credentials of an Authorization header, or behind the word Bearer", false),
    (COOKIE, "values of Cookie and Set-Cookie headers that hold something drawn", false),
    (URL_PASSWORD, "the password, or the token, before the host of an address", false),
    (SECRET_VALUE, "what is assigned to a name such as password, secret, token or api_key: in `secrets` what looks drawn or chosen as a password, in `strict` every value", false),
    (EMAIL, "e-mail addresses", true),
    (CARD_NUMBER, "payment card numbers: range of an issuer, length and check digit", true),
    (IBAN, "bank account numbers: length of the country and check digits", true),
];

pub(super) const PRIVATE_KEY: &str = "private_key";
pub(super) const AUTHORIZATION: &str = "authorization";
pub(super) const COOKIE: &str = "cookie";
pub(super) const URL_PASSWORD: &str = "url_password";
pub(super) const SECRET_VALUE: &str = "secret_value";
pub(super) const EMAIL: &str = "email";
pub(super) const CARD_NUMBER: &str = "card_number";
pub(super) const IBAN: &str = "iban";
