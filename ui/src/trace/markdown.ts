// The part of Markdown that models write, as a tree. Nothing here makes markup: a caller draws the
// tree as elements, and what is not understood stays text. Links keep their address as text only.

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong" | "em" | "strike"; children: Inline[] }
  | { kind: "link"; children: Inline[]; href: string };

export type Block =
  | { kind: "heading"; level: number; children: Inline[] }
  | { kind: "paragraph"; children: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; children: Block[] }
  | { kind: "list"; ordered: boolean; start: number; items: { checked: boolean | null; children: Block[] }[] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

const DEEPEST = 8;
const LONGEST_INLINE = 20_000;

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

export function parseMarkdown(text: string): Block[] {
  return blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0);
}

function blocks(lines: string[], depth: number): Block[] {
  const list: Block[] = [];
  let paragraph: string[] = [];
  const flush = () => {
    if (paragraph.length > 0) list.push({ kind: "paragraph", children: inline(paragraph.join("\n")) });
    paragraph = [];
  };
  let i = 0;
  while (i < lines.length) {
    const line = lines[i]!;
    if (line.trim() === "") {
      flush();
      i++;
      continue;
    }
    const fence = FENCE.exec(line);
    if (fence !== null) {
      flush();
      const close = new RegExp(`^ {0,3}${fence[1]![0] === "~" ? "~" : "`"}{${fence[1]!.length},}\\s*$`);
      let end = i + 1;
      while (end < lines.length && !close.test(lines[end]!)) end++;
      list.push({ kind: "code", language: fence[2]!, text: lines.slice(i + 1, end).join("\n") });
      i = end + 1;
      continue;
    }
    const heading = HEADING.exec(line);
    if (heading !== null) {
      flush();
      list.push({ kind: "heading", level: heading[1]!.length, children: inline(heading[2]!) });
      i++;
      continue;
    }
    if (RULE.test(line)) {
      flush();
      list.push({ kind: "rule" });
      i++;
      continue;
    }
    if (/^ {0,3}>/.test(line) && depth < DEEPEST) {
      flush();
      const inner: string[] = [];
      while (i < lines.length && /^ {0,3}>/.test(lines[i]!)) inner.push(lines[i++]!.replace(/^ {0,3}> ?/, ""));
      list.push({ kind: "quote", children: blocks(inner, depth + 1) });
      continue;
    }
    if (ITEM.test(line) && depth < DEEPEST && !(paragraph.length > 0 && !/^\s*([-*+]|1[.)])\s+\S/.test(line))) {
      flush();
      i = items(lines, i, depth, list);
      continue;
    }
    if (line.includes("|") && i + 1 < lines.length && TABLE_RULE.test(lines[i + 1]!) && lines[i + 1]!.includes("-") && lines[i + 1]!.includes("|")) {
      flush();
      const head = cells(line);
      const rows: Inline[][][] = [];
      i += 2;
      while (i < lines.length && lines[i]!.includes("|") && lines[i]!.trim() !== "") {
        const row = cells(lines[i++]!);
        rows.push(head.map((_, column) => inline(row[column] ?? "")));
      }
      list.push({ kind: "table", head: head.map(inline), rows });
      continue;
    }
    paragraph.push(line.trimStart());
    i++;
  }
  flush();
  return list;
}

/** Reads one list from line `from`; returns the line after it. */
function items(lines: string[], from: number, depth: number, into: Block[]): number {
  const first = ITEM.exec(lines[from]!)!;
  const indent = first[1]!.length;
  const ordered = /\d/.test(first[2]!);
  const list: Extract<Block, { kind: "list" }> = { kind: "list", ordered, start: ordered ? parseInt(first[2]!, 10) : 1, items: [] };
  let i = from;
  while (i < lines.length) {
    const match = ITEM.exec(lines[i]!);
    if (match === null || match[1]!.length > indent + 1 || match[1]!.length < indent || /\d/.test(match[2]!) !== ordered || RULE.test(lines[i]!)) break;
    const content = indent + match[2]!.length + Math.min(4, Math.max(1, match[3]!.length));
    let body = match[4]!;
    const box = /^\[([ xX])\]\s+/.exec(body);
    if (box !== null) body = body.slice(box[0].length);
    const inner = [body];
    i++;
    while (i < lines.length) {
      const line = lines[i]!;
      if (line.trim() === "") {
        // A blank line belongs to the item when what follows is indented into it.
        if (i + 1 < lines.length && /^\s+/.exec(lines[i + 1]!)?.[0] !== undefined && lines[i + 1]!.search(/\S/) >= indent + 2) inner.push("");
        else break;
      } else if (line.search(/\S/) >= Math.min(content, indent + 2)) inner.push(line.slice(Math.min(content, line.search(/\S/))));
      else if (ITEM.test(line) || FENCE.test(line) || HEADING.test(line) || /^ {0,3}>/.test(line)) break;
      else inner.push(line.trimStart());
      i++;
    }
    list.items.push({ checked: box === null ? null : box[1] !== " ", children: blocks(inner, depth + 1) });
    if (i < lines.length && lines[i]!.trim() === "" && i + 1 < lines.length && ITEM.test(lines[i + 1]!)) i++;
  }
  into.push(list);
  return i;
}

function cells(line: string): string[] {
  return line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

// One alternative per construct, tried from left to right; each match consumes text, so this is linear.
const TOKEN = /\\([\\`*_{}[\]()#+\-.!|~<>])|(`+)([^`]|[^`][\s\S]*?[^`])\2(?!`)|\*\*([^\s*](?:[^*]|\*(?!\*)){0,2000}?)\*\*|__([^\s_][^_]{0,2000}?)__|~~([^~\n]{1,2000})~~|\*([^\s*][^*\n]{0,1000}?)\*|(?<![\w])_([^\s_][^_\n]{0,1000}?)_(?!\w)|\[([^[\]\n]{1,500})\]\(([^()\s]{1,2000})(?:\s+"[^"\n]*")?\)/g;

export function inline(text: string, depth = 0): Inline[] {
  if (text.length > LONGEST_INLINE || depth > DEEPEST) return [{ kind: "text", text }];
  const list: Inline[] = [];
  let from = 0;
  const plain = (to: number) => {
    if (to > from) list.push({ kind: "text", text: text.slice(from, to) });
  };
  for (const match of text.matchAll(TOKEN)) {
    plain(match.index);
    from = match.index + match[0].length;
    const [, escaped, , code, strong, strongly, strike, em, emphatic, label, href] = match;
    if (escaped !== undefined) list.push({ kind: "text", text: escaped });
    else if (code !== undefined) list.push({ kind: "code", text: code.trim() === "" ? code : code.replace(/^ (.*) $/s, "$1") });
    else if ((strong ?? strongly) !== undefined) list.push({ kind: "strong", children: inline((strong ?? strongly)!, depth + 1) });
    else if (strike !== undefined) list.push({ kind: "strike", children: inline(strike, depth + 1) });
    else if ((em ?? emphatic) !== undefined) list.push({ kind: "em", children: inline((em ?? emphatic)!, depth + 1) });
    else if (label !== undefined && href !== undefined) list.push({ kind: "link", children: inline(label, depth + 1), href });
  }
  plain(text.length);
  return list;
}
