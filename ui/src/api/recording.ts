// A page that replays one session by itself holds the answers that it would ask the server for. Here
// they are unpacked and given in the server's place.

export interface About {
  session_id: string;
  exported_at: string;
  version: string;
  /** What was left out of the file, in words. */
  left_out: string[];
}

interface Index {
  answers: Record<string, number[]>;
  entries: Record<string, number[]>;
  payloads: Record<string, number[]>;
  sizes: number[];
}

export class Recording {
  private readonly starts: Float64Array;

  constructor(
    readonly about: About,
    private readonly index: Index,
    private readonly bytes: Uint8Array,
  ) {
    this.starts = new Float64Array(index.sizes.length + 1);
    index.sizes.forEach((size, i) => (this.starts[i + 1] = this.starts[i]! + size));
  }

  /** Unpacks a recording: gzip of the length of its head, the head, and the pieces of all texts. */
  static async unpack(base64: string): Promise<Recording> {
    const packed = Uint8Array.from(atob(base64.trim()), (char) => char.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    const size = new DataView(bytes.buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size))) as { about: About; index: Index };
    return new Recording(head.about, head.index, bytes.subarray(4 + size));
  }

  private join(pieces: number[]): Uint8Array<ArrayBuffer> {
    const parts = pieces.map((piece) => this.bytes.subarray(this.starts[piece]!, this.starts[piece + 1]!));
    const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  private text(pieces: number[]): string {
    return new TextDecoder().decode(this.join(pieces));
  }

  /** What the server would answer to a request below /api/v1. */
  answer(path: string, init?: RequestInit): Response {
    if ((init?.method ?? "GET") !== "GET") return refusal(405, "read_only", "This page is a recording: nothing can be changed in it.");
    const url = new URL(path, "http://recording");
    const known = this.index.answers[url.pathname];
    if (known !== undefined) return new Response(this.join(known));
    const payload = /^\/payloads\/([0-9a-f]{64})$/.exec(url.pathname)?.[1];
    if (payload !== undefined) return this.payload(payload, new Headers(init?.headers).get("Range"));
    if (url.pathname.endsWith("/transcript")) return this.transcript(url.searchParams.get("spans") ?? "");
    if (url.pathname.endsWith("/search")) return this.search(url.searchParams.get("q") ?? "");
    return refusal(404, "not_recorded", "This is not part of the recorded session, and the page has no server to ask.");
  }

  private payload(hash: string, range: string | null): Response {
    const pieces = this.index.payloads[hash];
    if (pieces === undefined) return refusal(404, "left_out", "This payload was left out of the recording.");
    const bytes = this.join(pieces);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
    return from === undefined ? new Response(bytes) : new Response(bytes.subarray(Number(from), Number(to) + 1), { status: 206 });
  }

  private transcript(spans: string): Response {
    const entries = spans.split(",").flatMap((span) => {
      const pieces = this.index.entries[span];
      return pieces === undefined ? [] : [this.text(pieces)];
    });
    return new Response(`{"total":${entries.length},"entries":[${entries.join(",")}]}`);
  }

  /** Looks through what is known of each act, without regard to case: all words have to be there. */
  private search(question: string): Response {
    const needles = question.toLowerCase().split(/\s+/).map((word) => JSON.stringify(word.replace(/^"|[*"]+$/g, "")).slice(1, -1)).filter((word) => word !== "");
    const matches: { trace_id: string; span_id: string }[] = [];
    for (const [path, pieces] of Object.entries(this.index.answers)) {
      const [, trace_id, span_id] = /^\/spans\/([0-9a-f]+)\/([0-9a-f]+)$/.exec(path) ?? [];
      if (trace_id === undefined || span_id === undefined) continue;
      const text = this.text(pieces).toLowerCase();
      if (needles.every((needle) => text.includes(needle))) matches.push({ trace_id, span_id });
    }
    return Response.json({ matches, truncated: false });
  }
}

function refusal(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}

let current: Recording | null = null;

/** The recording that this page is, or null where there is a server. */
export const recording = (): Recording | null => current;

/** Makes the page answer from a recording from now on. */
export function replay(next: Recording): void {
  current = next;
}
