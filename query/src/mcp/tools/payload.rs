//! `read_payload`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Mcp, hex_id};
use crate::mcp::answer::{Budget, Refused, Said, beginning};
use crate::mcp::ask::Question;

/// Arguments of `read_payload`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayloadArgs {
    /// BLAKE3 of the text, 64 hex digits, as spans and digests show it.
    hash: String,
    /// Byte to begin at; next_offset of the answer before. 0 when absent.
    #[serde(default)]
    offset: u64,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

#[tool_router(router = payload_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "read_payload",
        description = "A recorded text (prompt, completion, arguments or result) by its hash, from any byte on, as much as the budget holds. Texts are stored whole: next_offset in the answer asks for what follows until the end."
    )]
    async fn read_payload(
        &self,
        Parameters(args): Parameters<PayloadArgs>,
    ) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        let hash = hex_id("hash", &args.hash, 64)?;
        // No text takes less than a token for so many bytes.
        let wanted = budget.tokens() as u64 * 8;
        let question = Question {
            path: format!("/payloads/{hash}"),
            range: Some(args.offset..args.offset.saturating_add(wanted)),
            body: None,
        };
        let answer = self.answer(question).await?;
        let total = answer
            .content_range
            .as_deref()
            .and_then(|range| range.rsplit('/').next()?.parse::<u64>().ok())
            .unwrap_or(answer.body.len() as u64);
        let (text, skipped) = whole_characters(&answer.body).ok_or_else(|| {
            Refused(format!(
                "this payload is no text ({total} bytes); /api/v1/payloads/{hash} serves it as it is"
            ))
        })?;
        let lead = format!("Payload {hash}, {total} bytes.");
        let shown = beginning(text, budget.within(&lead));
        let from = args.offset + skipped as u64;
        let next = from + shown.len() as u64;
        let lead = format!("{lead} Bytes {from} to {next}:");
        let more = match next < total {
            true => format!("{} bytes follow: next_offset={next}.", total - next),
            false => "This is the end of it.".to_owned(),
        };
        Ok(Said::quoted(&lead, shown, &more, budget))
    }
}

/// The whole characters of a part of a text, and how many bytes of a begun one stand before them.
fn whole_characters(bytes: &[u8]) -> Option<(&str, usize)> {
    let continues = |byte: &&u8| (**byte & 0xc0) == 0x80;
    let skipped = bytes.iter().take(3).take_while(continues).count();
    let bytes = &bytes[skipped..];
    match std::str::from_utf8(bytes) {
        Ok(text) => Some((text, skipped)),
        Err(error) if error.error_len().is_none() => {
            let text = std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?;
            Some((text, skipped))
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_texts_begin_and_end_with_whole_characters() {
        let text = "aß日".as_bytes();
        assert_eq!(whole_characters(text), Some(("aß日", 0)));
        assert_eq!(whole_characters(&text[2..5]), Some(("", 1)));
        assert_eq!(whole_characters(&text[..2]), Some(("a", 0)));
        assert_eq!(whole_characters(&[0x41, 0xff, 0x41]), None);
    }
}
