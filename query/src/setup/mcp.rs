//! The entry that makes a harness start `spanreel mcp`, so that its agent can ask what was recorded.

use serde_json::json;

use super::{Format, Purpose, SettingsFile, set};

/// The settings file of `harness` with the entry; `None` for those that take no MCP servers or are not
/// known to. `program` is the path of the program, as it is.
pub fn mcp_file(harness: &str, program: &str) -> Option<SettingsFile> {
    let why = "lets its agent ask what was recorded";
    let stdio = json!({"command": program, "args": ["mcp"]});
    let json_file = |path, key, value| {
        let changes = vec![set(&[key, "spanreel"], value, why)];
        SettingsFile::new(path, Format::Json, Purpose::Mcp, changes)
    };
    Some(match harness {
        "claude-code" => {
            let typed = json!({"type": "stdio", "command": program, "args": ["mcp"]});
            json_file("~/.claude.json", "mcpServers", typed).in_folder_of("CLAUDE_CONFIG_DIR")
        }
        "codex" => SettingsFile::new(
            "~/.codex/config.toml",
            Format::Toml,
            Purpose::Mcp,
            vec![
                set(&["mcp_servers", "spanreel", "command"], program, why),
                set(&["mcp_servers", "spanreel", "args"], json!(["mcp"]), why),
            ],
        )
        .in_folder_of("CODEX_HOME"),
        "gemini-cli" => json_file("~/.gemini/settings.json", "mcpServers", stdio),
        "cursor" => json_file("~/.cursor/mcp.json", "mcpServers", stdio),
        _ => return None,
    })
}
