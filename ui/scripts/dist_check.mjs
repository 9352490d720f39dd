// Builds into a folder of its own and compares with the committed one, byte for byte.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const fresh = mkdtempSync(join(tmpdir(), "spanreel-dist-"));
try {
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  for (const step of [[vite, "build", "--logLevel", "error"], [join(root, "scripts", "replay_page.mjs")]]) {
    execFileSync(process.execPath, step, { cwd: root, stdio: "inherit", env: { ...process.env, SPANREEL_DIST: fresh } });
  }
  const list = (folder) => {
    try {
      return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => entry.name).sort();
    } catch {
      return [];
    }
  };
  const dist = join(root, "dist");
  const committed = new Set(list(dist));
  const built = new Set(list(fresh));
  const problems = [
    ...[...built].filter((file) => !committed.has(file)).map((file) => `missing: dist/${file}`),
    ...[...committed].filter((file) => !built.has(file)).map((file) => `left over: dist/${file}`),
    ...[...built].filter((file) => committed.has(file) && !readFileSync(join(dist, file)).equals(readFileSync(join(fresh, file)))).map((file) => `differs: dist/${file}`),
  ];
  if (problems.length > 0) {
    console.error(`ui/dist is not what ui/src builds:\n  ${problems.join("\n  ")}\nRun "npm ci && npm run build" in ui/ and commit dist.`);
    process.exitCode = 1;
  } else console.log(`ui/dist is up to date (${built.size} files).`);
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
