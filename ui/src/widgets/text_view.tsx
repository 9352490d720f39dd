// Recorded text, shown as it is and never obeyed. Long text is cut into blocks that the browser
// lays out only when they come into sight, so 200 KB or 20 MB open at once.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { t } from "../strings.ts";
import { formatBytes, plural } from "../trace/format.ts";
import { countLines, cutBlocks, findAll, segments, splitRedacted, type Block } from "../trace/payload_text.ts";

const LINE = 18;
const BATCH = 150;
const PREVIEW_LINE = 150;

/** Text with control and invisible characters shown instead of obeyed, and what stands in for secrets marked. */
export function visible(text: string, key: string): ComponentChildren[] {
  return segments(text).flatMap((segment, i): ComponentChildren[] => {
    if (segment.control !== null) return [<span key={`${key}${i}`} class="ctl" title={segment.control} data-name={segment.control.split(" ")[0]}>{segment.text}</span>];
    if (!segment.text.includes("[redacted:")) return [segment.text];
    return splitRedacted(segment.text).map((part, j) => (part.kind === null ? part.text : <span key={`${key}${i}r${j}`} class="redacted" title={t("A secret ({0}) was replaced before this was stored; equal marks with a number stand for equal secrets", part.kind.replaceAll("_", " "))}>{part.text}</span>));
  });
}

const JSON_TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\b\d[\d.eE+-]*\b|\b(?:true|false|null)\b/g;

function coloured(text: string): ComponentChildren[] {
  const list: ComponentChildren[] = [];
  let from = 0;
  for (const match of text.matchAll(JSON_TOKEN)) {
    if (match[1] !== undefined && match[2] === undefined) continue;
    if (match.index > from) list.push(...visible(text.slice(from, match.index), `t${from}`));
    list.push(<span key={match.index} class={match[1] === undefined ? "j-scalar" : "j-key"}>{visible(match[0], "k")}</span>);
    from = match.index + match[0].length;
  }
  if (from < text.length) list.push(...visible(text.slice(from), `t${from}`));
  return list;
}

function marked(text: string, block: Block, hits: number[], length: number): ComponentChildren[] {
  const list: ComponentChildren[] = [];
  let from = block.from;
  for (const hit of hits) {
    if (hit + length <= block.from) continue;
    if (hit >= block.to) break;
    const start = Math.max(hit, block.from);
    if (start > from) list.push(...visible(text.slice(from, start), `t${from}`));
    from = Math.min(hit + length, block.to);
    list.push(<mark key={`h${start}`}>{visible(text.slice(start, from), "m")}</mark>);
  }
  if (from < block.to) list.push(...visible(text.slice(from, block.to), `t${from}`));
  return list;
}

function preview(text: string, lines: number): string {
  let end = -1;
  for (let i = 0; i < lines; i++) {
    const next = text.indexOf("\n", end + 1);
    if (next === -1) {
      end = text.length;
      break;
    }
    end = next;
  }
  // A few endless lines are no shorter to read than many.
  return text.slice(0, Math.min(end, lines * PREVIEW_LINE));
}

interface Props {
  text: string;
  json?: boolean;
  find?: string;
  /** Show everything from the start. */
  whole?: boolean;
  lines?: number;
}

export function TextView({ text, json = false, find = "", whole = false, lines = 40 }: Props) {
  const [opened, open] = useState(false);
  const [mounted, mount] = useState(BATCH);
  const sentinel = useRef<HTMLDivElement>(null);
  const hits = useMemo(() => findAll(text, find), [text, find]);
  const start = useMemo(() => preview(text, lines), [text, lines]);
  // A little more than the preview is shown at once: unfolding three lines is a nuisance.
  const short = text.length - start.length < 200;
  const full = opened || whole || short || hits.length > 0;
  const shown = full ? text : start;
  const blocks = useMemo(() => cutBlocks(shown), [shown]);
  const upTo = find !== "" ? blocks.length : Math.min(mounted, blocks.length);

  useEffect(() => {
    const element = sentinel.current;
    if (element === null) return;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && mount((n) => n + BATCH), { rootMargin: "1200px" });
    observer.observe(element);
    return () => observer.disconnect();
  }, [upTo < blocks.length, upTo]);

  if (text === "") return <p class="note">{t("empty")}</p>;
  return (
    <div class="text-view">
      <div class="text-body" dir="ltr">
        {blocks.slice(0, upTo).map((block) => (
          <div key={block.from} class="text-block" style={{ "contain-intrinsic-size": `auto ${block.lines * LINE}px` }}>
            {find !== "" ? marked(text, block, hits, find.length) : json ? coloured(shown.slice(block.from, block.to)) : visible(shown.slice(block.from, block.to), "s")}
          </div>
        ))}
        {upTo < blocks.length ? <div ref={sentinel} class="text-more">…</div> : null}
      </div>
      {full ? null : (
        <button type="button" class="more" onClick={() => open(true)}>
          {t("Show all {0}, {1}", plural(countLines(text), "line"), formatBytes(text.length))}
        </button>
      )}
    </div>
  );
}
