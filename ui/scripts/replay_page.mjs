// Builds the page that exports are made of: one file with its script and style inside, allowed by
// their hashes and nothing else. The export puts a recording in place of the mark.

import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = process.env.SPANREEL_DIST ?? join(root, "dist");
const folder = mkdtempSync(join(tmpdir(), "spanreel-replay-"));
try {
  await build({
    root,
    configFile: false,
    logLevel: "error",
    publicDir: false,
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      target: "es2023",
      outDir: folder,
      modulePreload: false,
      cssCodeSplit: false,
      rollupOptions: { input: join(root, "src", "replay.tsx"), output: { entryFileNames: "replay.js", assetFileNames: "[name][extname]", codeSplitting: false } },
    },
  });
  const files = readdirSync(folder);
  const read = (ending) => files.filter((file) => file.endsWith(ending)).map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
  // No text in it may end its element or begin another script.
  const script = read(".js").replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const style = read(".css");
  if (style.toLowerCase().includes("</style")) throw new Error("the style sheet would end its element");
  if (/\bimport\s*\(|\bimport\s*["'{]/.test(script)) throw new Error("the script asks for another file");
  const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; img-src data: blob:; base-uri 'none'; form-action 'none'`;
  writeFileSync(join(dist, "replay.html"), `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Spanreel recording</title>
    <style>${style}</style>
  </head>
  <body>
    <div id="app"></div>
    <noscript>This recording draws itself with JavaScript, which is switched off here.</noscript>
    <!--recording-->
    <script type="module">${script}</script>
  </body>
</html>
`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
