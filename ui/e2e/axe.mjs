// Accessibility by axe-core: every rule of WCAG 2.2 A and AA on the page as it stands.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Fails with rule, element and reason for each violation. `exclude` takes selectors. */
export async function assertAccessible(page, { exclude = [] } = {}) {
  // Evaluated by the debugger: the content security policy of the page stays as it is.
  await page.evaluate(source);
  const violations = await page.evaluate(
    async ({ tags, exclude }) => (await window.axe.run({ exclude }, { runOnly: tags, resultTypes: ["violations"] })).violations,
    { tags: TAGS, exclude: exclude.map((selector) => [selector]) },
  );
  const told = violations.map(({ id, help, nodes }) => `${id} (${help}), ${nodes.length} times: ${nodes.slice(0, 3).map((node) => `${node.target.join(" ")}: ${node.failureSummary.replaceAll("\n", " ")}`).join("; ")}`);
  assert.deepEqual(told, []);
}
