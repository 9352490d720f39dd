//! The built web interface, in the binary.
//!
//! The files under `dist/` are built by `npm run build` and committed; this crate lists them by
//! hand and knows nothing of HTTP. The compiler fails when a listed file is missing; a test fails
//! when a file of the folder is not listed.

/// One built file.
#[derive(Debug)]
pub struct Asset {
    /// Path below the root of the site, without the leading slash: `app.js`.
    pub path: &'static str,
    /// Value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The file as built.
    pub bytes: &'static [u8],
}

macro_rules! assets {
    ($($path:literal => $content_type:literal),+ $(,)?) => {
        &[$(Asset { path: $path, content_type: $content_type, bytes: include_bytes!(concat!("dist/", $path)) }),+]
    };
}

/// Every built file; the page that all routes of the interface share comes first.
pub const ASSETS: &[Asset] = assets![
    "index.html" => "text/html; charset=utf-8",
    "app.js" => "text/javascript; charset=utf-8",
    "chart.js" => "text/javascript; charset=utf-8",
    "dashboard_page.js" => "text/javascript; charset=utf-8",
    "sql_page.js" => "text/javascript; charset=utf-8",
    "states.js" => "text/javascript; charset=utf-8",
    "status_page.js" => "text/javascript; charset=utf-8",
    "style.css" => "text/css; charset=utf-8",
    "icon.svg" => "image/svg+xml",
];

/// The page that replays a session by itself: scripts and styles are in it, and it takes a recording in
/// place of `<!--recording-->`. It is part of exports and not of the site.
pub const REPLAY: Asset = Asset {
    path: "replay.html",
    content_type: "text/html; charset=utf-8",
    bytes: include_bytes!("dist/replay.html"),
};

/// Finds a file by its path, with or without the leading slash.
pub fn asset(path: &str) -> Option<&'static Asset> {
    let path = path.strip_prefix('/').unwrap_or(path);
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The page itself, for every address that names a place rather than a file.
pub fn index() -> &'static Asset {
    &ASSETS[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn lists_every_file_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist");
        let mut built: Vec<String> = std::fs::read_dir(folder)
            .expect("dist can be read")
            .map(|entry| {
                entry
                    .expect("entry can be read")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        let listed = ASSETS.iter().chain([&REPLAY]);
        let mut listed: Vec<String> = listed.map(|asset| asset.path.to_owned()).collect();
        built.sort();
        listed.sort();
        assert_eq!(
            listed, built,
            "the list in embed.rs and the folder dist differ"
        );
    }

    #[test]
    fn finds_files_with_and_without_slash() {
        assert_eq!(asset("/app.js").map(|asset| asset.path), Some("app.js"));
        assert_eq!(asset("app.js").map(|asset| asset.path), Some("app.js"));
        assert!(asset("../Cargo.toml").is_none());
        assert_eq!(index().path, "index.html");
    }

    #[test]
    fn page_asks_for_nothing_inline_or_remote() {
        let page = String::from_utf8_lossy(index().bytes);
        assert!(
            !page.contains("http://") && !page.contains("https://"),
            "a remote address in the page"
        );
        assert!(!page.contains("style="), "an inline style in the page");
        for script in page.split("<script").skip(1) {
            assert!(script.contains("src="), "an inline script in the page");
        }
    }
}
