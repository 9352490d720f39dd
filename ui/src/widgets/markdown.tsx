// Markdown as elements. Addresses are shown, never followed or loaded: recorded text is not trusted.

import { useMemo } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { t } from "../strings.ts";
import { parseMarkdown, type Block, type Inline } from "../trace/markdown.ts";
import { visible } from "./text_view.tsx";

function Inlines({ list }: { list: Inline[] }) {
  return <>{list.map((item, i) => inlineOf(item, i))}</>;
}

function inlineOf(item: Inline, key: number): ComponentChildren {
  switch (item.kind) {
    case "text": return visible(item.text, `${key}-`);
    case "code": return <code key={key}>{visible(item.text, "c")}</code>;
    case "strong": return <strong key={key}><Inlines list={item.children} /></strong>;
    case "em": return <em key={key}><Inlines list={item.children} /></em>;
    case "strike": return <s key={key}><Inlines list={item.children} /></s>;
    case "link": return <span key={key} class="md-link" title={item.href}><Inlines list={item.children} /> <span class="md-href">{visible(item.href, "h")}</span></span>;
  }
}

function BlockView({ block }: { block: Block }) {
  switch (block.kind) {
    // A heading of a recorded text is none of the page's own.
    case "heading": return <p class={`md-heading md-h${Math.min(4, block.level)}`}><Inlines list={block.children} /></p>;
    case "paragraph": return <p><Inlines list={block.children} /></p>;
    case "code": return <pre class="md-code" data-language={block.language || undefined}>{visible(block.text, "p")}</pre>;
    case "quote": return <blockquote><Blocks list={block.children} /></blockquote>;
    case "rule": return <hr />;
    case "table": return (
      <div class="md-table" tabIndex={0} role="region" aria-label={t("Table")}><table>
        <thead><tr>{block.head.map((cell, i) => <th key={i}><Inlines list={cell} /></th>)}</tr></thead>
        <tbody>{block.rows.map((row, i) => <tr key={i}>{row.map((cell, j) => <td key={j}><Inlines list={cell} /></td>)}</tr>)}</tbody>
      </table></div>
    );
    case "list": {
      const items = block.items.map((item, i) => (
        <li key={i} class={item.checked === null ? undefined : "md-task"}>
          {item.checked === null ? null : <span class="md-box" role="img" aria-label={item.checked ? t("done") : t("to do")}>{item.checked ? "☑" : "☐"}</span>}
          <Blocks list={item.children} />
        </li>
      ));
      return block.ordered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>;
    }
  }
}

function Blocks({ list }: { list: Block[] }) {
  return <>{list.map((block, i) => <BlockView key={i} block={block} />)}</>;
}

export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => parseMarkdown(text), [text]);
  return <div class="md" dir="auto"><Blocks list={blocks} /></div>;
}
