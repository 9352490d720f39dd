// Payload text made safe to look at and cheap to draw: cut into blocks of lines, with control
// characters, bidi controls and invisible characters shown instead of obeyed.

export interface Block {
  from: number;
  to: number;
  lines: number;
}

const LONGEST_BLOCK = 6000;

/** Cuts text into blocks of whole lines; a line longer than a block is cut inside. */
export function cutBlocks(text: string, linesPerBlock = 60): Block[] {
  const blocks: Block[] = [];
  let from = 0;
  let lines = 0;
  let at = 0;
  const push = (to: number) => {
    if (to > from) blocks.push({ from, to, lines: Math.max(1, lines) });
    from = to;
    lines = 0;
  };
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    const next = newline === -1 ? text.length : newline + 1;
    if (next - from > LONGEST_BLOCK && lines > 0) push(at);
    while (next - from > LONGEST_BLOCK) {
      let cut = from + LONGEST_BLOCK;
      const code = text.charCodeAt(cut - 1);
      if (code >= 0xd800 && code < 0xdc00) cut--;
      push(cut);
    }
    lines++;
    at = next;
    if (lines >= linesPerBlock) push(at);
  }
  push(text.length);
  return blocks;
}

export function countLines(text: string): number {
  let lines = text.length > 0 ? 1 : 0;
  for (let at = text.indexOf("\n"); at !== -1 && at + 1 < text.length; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

/** Bytes of the text in UTF-8, as the server counts them. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    // A surrogate pair is four bytes for two units; anything else above U+07FF is three for one.
    bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2;
  }
  return bytes;
}

export interface Segment {
  text: string;
  /** What an invisible or dangerous character is ("ESC U+001B"), where `text` stands in for one. */
  control: string | null;
}

const NAMED: Record<number, string> = {
  0x061c: "ALM", 0x200b: "ZWSP", 0x200e: "LRM", 0x200f: "RLM", 0x202a: "LRE", 0x202b: "RLE", 0x202c: "PDF", 0x202d: "LRO",
  0x202e: "RLO", 0x2060: "WJ", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xfeff: "BOM", 0x2028: "LS", 0x2029: "PS",
};
// Lone surrogates, C0 but tab and newline, DEL, C1, bidi controls, zero-width and separator characters.
const INVISIBLE =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const C0 = "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(" ");

export function showControl(code: number): { text: string; control: string } {
  const hex = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  if (code < 0x20) return { text: String.fromCharCode(0x2400 + code), control: `${C0[code]} ${hex}` };
  if (code === 0x7f) return { text: "\u2421", control: `DEL ${hex}` };
  const name = NAMED[code];
  return name === undefined ? { text: hex, control: hex } : { text: name, control: `${name} ${hex}` };
}

export function segments(text: string): Segment[] {
  const list: Segment[] = [];
  let from = 0;
  // "\r\n" is an ordinary line end; a lone "\r" is shown.
  for (const match of text.matchAll(INVISIBLE)) {
    const at = match.index;
    const code = text.charCodeAt(at);
    if (code === 0x0d && text.charCodeAt(at + 1) === 0x0a) {
      if (at > from) list.push({ text: text.slice(from, at), control: null });
      from = at + 1;
      continue;
    }
    if (at > from) list.push({ text: text.slice(from, at), control: null });
    list.push(showControl(code));
    from = at + 1;
  }
  if (from < text.length) list.push({ text: text.slice(from), control: null });
  return list;
}

const REDACTED = /\[redacted:([a-z0-9_]+)(?::[0-9a-f]{4})?\]/g;

/** Text in pieces: what stands in for a secret, with the kind of secret, and what is between (`kind` is null). */
export function splitRedacted(text: string): { text: string; kind: string | null }[] {
  const list: { text: string; kind: string | null }[] = [];
  let from = 0;
  for (const match of text.matchAll(REDACTED)) {
    if (match.index > from) list.push({ text: text.slice(from, match.index), kind: null });
    list.push({ text: match[0], kind: match[1]! });
    from = match.index + match[0].length;
  }
  if (from < text.length) list.push({ text: text.slice(from), kind: null });
  return list;
}

/** One line of text for a title or a row: control characters shown, runs of white space as one. */
export function oneLine(text: string): string {
  return segments(text.replace(/[\s]+/g, " ").trim())
    .map((segment) => (segment.control === null ? segment.text : segment.text.length > 1 ? `‹${segment.text}›` : segment.text))
    .join("");
}

/** What to call a session whose title may be missing or blank. */
export function titleOf(session: { title: string | null; session_id: string }): string {
  return oneLine(session.title ?? "") || session.session_id;
}

/** Start offsets of every match, ignoring case; capped so that searching "e" stays cheap. */
export function findAll(text: string, query: string, most = 5000): number[] {
  if (query === "") return [];
  const haystack = text.toLowerCase();
  const needle = query.toLowerCase();
  // Case folding can change lengths (İ); then offsets would lie, so match exactly instead.
  const same = haystack.length === text.length;
  const source = same ? haystack : text;
  const wanted = same ? needle : query;
  const list: number[] = [];
  for (let at = source.indexOf(wanted); at !== -1 && list.length < most; at = source.indexOf(wanted, at + wanted.length)) list.push(at);
  return list;
}
