//! Images, audio, video and documents inside messages, in the vendors' shapes, as the conventions'
//! `blob` (content), `uri` (address) and `file` (id at the vendor) parts.

use serde_json::{Map, Value as Json, json};

/// The part behind a content block of type `kind`; `None` when the block is not media, or of a shape
/// not known.
pub(super) fn part(kind: &str, map: &Map<String, Json>) -> Option<Json> {
    let text = |key: &str| map.get(key).and_then(Json::as_str);
    let mime_type = ["mime_type", "media_type", "mediaType", "mimeType"]
        .iter()
        .find_map(|key| text(key));
    match kind {
        // Anthropic wraps the source; the Vercel SDK and others put it beside the type.
        "image" | "document" | "audio" | "video" => {
            if let Some(source) = map.get("source").and_then(Json::as_object) {
                return of_source(kind, source);
            }
            let value = ["image", "data", "url", "content"]
                .iter()
                .find_map(|key| text(key))?;
            Some(of_text(kind, value, mime_type))
        }
        // OpenAI's chat and responses APIs.
        "image_url" | "input_image" => {
            let value = map.get("image_url")?;
            let url = value.as_str().or_else(|| value.get("url")?.as_str());
            match (url, text("file_id")) {
                (Some(url), _) => Some(of_text("image", url, mime_type)),
                (None, Some(id)) => Some(file("image", id, mime_type)),
                (None, None) => None,
            }
        }
        "input_audio" => {
            let audio = map.get("input_audio").and_then(Json::as_object)?;
            let data = audio.get("data").and_then(Json::as_str)?;
            let format = audio.get("format").and_then(Json::as_str);
            let mime_type = format.map(|format| format!("audio/{format}"));
            Some(of_text("audio", data, mime_type.as_deref()))
        }
        "file" | "input_file" => {
            let inner = map.get("file").and_then(Json::as_object).unwrap_or(map);
            let get = |key: &str| inner.get(key).and_then(Json::as_str);
            let modality = mime_type.map_or("document", modality);
            if let Some(value) = ["data", "file_data", "url", "file_url"]
                .iter()
                .find_map(|key| get(key))
            {
                return Some(of_text(modality, value, mime_type));
            }
            // A part that is in the conventions' shape already stays as it is.
            let is_canonical = map.contains_key("modality");
            (!is_canonical)
                .then(|| get("file_id").map(|id| file(modality, id, mime_type)))
                .flatten()
        }
        // pydantic-ai before its messages took the conventions' shape.
        "image-url" | "audio-url" | "video-url" | "document-url" => {
            let modality = kind.strip_suffix("-url").unwrap_or(kind);
            Some(of_text(modality, text("url")?, mime_type))
        }
        "binary" => {
            let modality = mime_type.map_or("document", modality);
            Some(blob(modality, text("content")?, mime_type))
        }
        _ => None,
    }
}

/// The part behind a block that names its kind by its key, as Gemini and Bedrock write it.
pub(super) fn untyped(map: &Map<String, Json>) -> Option<Json> {
    let inner = |keys: &[&str]| keys.iter().find_map(|key| map.get(*key)?.as_object());
    let text = |map: &Map<String, Json>, keys: &[&str]| {
        let found = keys.iter().find_map(|key| map.get(*key)?.as_str());
        found.map(str::to_owned)
    };
    if let Some(data) = inner(&["inlineData", "inline_data"]) {
        let mime_type = text(data, &["mimeType", "mime_type"]);
        let content = text(data, &["data"])?;
        let modality = mime_type.as_deref().map_or("document", modality);
        return Some(blob(modality, &content, mime_type.as_deref()));
    }
    if let Some(data) = inner(&["fileData", "file_data"]) {
        let mime_type = text(data, &["mimeType", "mime_type"]);
        let uri = text(data, &["fileUri", "file_uri"])?;
        let modality = mime_type.as_deref().map_or("document", modality);
        return Some(uri_part(modality, &uri, mime_type.as_deref()));
    }
    for kind in ["image", "document", "video"] {
        let Some(data) = map.get(kind).and_then(Json::as_object) else {
            continue;
        };
        let format = text(data, &["format"]);
        let source = data.get("source").and_then(Json::as_object)?;
        let content = text(source, &["bytes", "data"])?;
        let mime_type = format.map(|format| match kind {
            "document" => format!("application/{format}"),
            kind => format!("{kind}/{format}"),
        });
        return Some(blob(kind, &content, mime_type.as_deref()));
    }
    None
}

fn of_source(modality: &str, source: &Map<String, Json>) -> Option<Json> {
    let text = |key: &str| source.get(key).and_then(Json::as_str);
    let mime_type = text("media_type");
    match text("type") {
        Some("url") => Some(uri_part(modality, text("url")?, mime_type)),
        Some("file") => Some(file(modality, text("file_id")?, mime_type)),
        _ => Some(blob(modality, text("data")?, mime_type)),
    }
}

/// A text that is an address, a `data:` address or base64.
fn of_text(modality: &str, text: &str, mime_type: Option<&str>) -> Json {
    let data = text
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"));
    if let Some((embedded_type, content)) = data {
        let mime_type = mime_type.or((!embedded_type.is_empty()).then_some(embedded_type));
        return blob(modality, content, mime_type);
    }
    if text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }) {
        return uri_part(modality, text, mime_type);
    }
    blob(modality, text, mime_type)
}

fn modality(mime_type: &str) -> &'static str {
    match mime_type.split('/').next() {
        Some("image") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        _ => "document",
    }
}

fn blob(modality: &str, content: &str, mime_type: Option<&str>) -> Json {
    media("blob", modality, "content", content, mime_type)
}

fn uri_part(modality: &str, uri: &str, mime_type: Option<&str>) -> Json {
    media("uri", modality, "uri", uri, mime_type)
}

fn file(modality: &str, id: &str, mime_type: Option<&str>) -> Json {
    media("file", modality, "file_id", id, mime_type)
}

fn media(kind: &str, modality: &str, key: &str, value: &str, mime_type: Option<&str>) -> Json {
    let mut part = json!({"type": kind, "modality": modality, key: value});
    if let (Some(part), Some(mime_type)) = (part.as_object_mut(), mime_type) {
        part.insert("mime_type".into(), mime_type.into());
    }
    part
}

#[cfg(test)]
mod tests {
    use super::super::blocks;
    use super::*;

    #[test]
    fn knows_the_vendors_shapes() {
        let image = json!({"type": "blob", "modality": "image", "content": "iVBO", "mime_type": "image/png"});
        for block in [
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}),
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}),
            json!({"type": "input_image", "image_url": "data:image/png;base64,iVBO"}),
            json!({"type": "image", "image": "iVBO", "mediaType": "image/png"}),
            json!({"type": "file", "data": "iVBO", "mediaType": "image/png"}),
            json!({"type": "binary", "content": "iVBO", "media_type": "image/png"}),
            json!({"inlineData": {"mimeType": "image/png", "data": "iVBO"}}),
            json!({"image": {"format": "png", "source": {"bytes": "iVBO"}}}),
        ] {
            assert_eq!(blocks::part(block.clone()), image, "{block}");
        }
        assert_eq!(
            blocks::part(json!({"type": "image-url", "url": "https://host/a.png"})),
            json!({"type": "uri", "modality": "image", "uri": "https://host/a.png"})
        );
        assert_eq!(
            blocks::part(json!({"type": "file", "file": {"file_id": "file-1"}})),
            json!({"type": "file", "modality": "document", "file_id": "file-1"})
        );
    }

    #[test]
    fn leaves_canonical_and_unknown_parts() {
        for part in [
            json!({"type": "blob", "modality": "image", "content": "iVBO"}),
            json!({"type": "file", "modality": "image", "file_id": "file-1"}),
            json!({"type": "image", "pixels": [1, 2]}),
        ] {
            assert_eq!(blocks::part(part.clone()), part);
        }
    }
}
