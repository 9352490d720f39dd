// What the page weighs, raw and compressed, and what it is made of at run time: npm run size

import { readdirSync, readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const folder = new URL("../dist/", import.meta.url);
const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const kb = (bytes) => (bytes / 1000).toFixed(1);
const WHEN = { "replay.html": "in exports only", "sql_page.js": "SQL", "chart.js": "dashboard, charts of SQL", "dashboard_page.js": "dashboard", "status_page.js": "status" };
const files = readdirSync(folder).sort().map((name) => {
  const bytes = readFileSync(new URL(name, folder));
  return [name, bytes.length, gzipSync(bytes).length, brotliCompressSync(bytes).length, WHEN[name] ?? "always"];
});
const sum = (rows) => [1, 2, 3].map((column) => rows.reduce((total, row) => total + row[column], 0));
console.log("| file | raw, KB | gzip, KB | brotli, KB | loaded |\n|---|---:|---:|---:|---|");
for (const [name, ...rest] of files) console.log(`| \`${name}\` | ${rest.slice(0, 3).map(kb).join(" | ")} | ${rest[3]} |`);
console.log(`| first visit | ${sum(files.filter((row) => row[4] === "always")).map(kb).join(" | ")} | |`);
console.log(`| all | ${sum(files).map(kb).join(" | ")} | |`);
console.log(`\n${Object.keys(dependencies).length} packages at run time: ${Object.keys(dependencies).join(", ")}`);
