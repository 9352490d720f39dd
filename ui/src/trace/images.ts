// Images inside recorded content: base64 data of a raster format, never an address to load from.

import type { Json } from "../api/types.ts";

export interface FoundImage {
  mime: string;
  /** A `data:` address. */
  url: string;
  sizeBytes: number;
}

const RASTER = /^image\/(png|jpe?g|gif|webp|bmp|avif)$/i;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const LARGEST = 20_000_000;
const MOST = 24;

function image(mime: string, data: string): FoundImage | null {
  const clean = data.replace(/\s+/g, "");
  if (!RASTER.test(mime) || clean.length < 16 || clean.length > LARGEST || !BASE64.test(clean)) return null;
  const standard = clean.replaceAll("-", "+").replaceAll("_", "/");
  return { mime: mime.toLowerCase(), url: `data:${mime.toLowerCase()};base64,${standard}`, sizeBytes: Math.floor((standard.replace(/=+$/, "").length * 3) / 4) };
}

function fromDataUrl(text: string): FoundImage | null {
  const match = /^data:(image\/[a-z+.-]+);base64,/i.exec(text.slice(0, 64));
  return match === null ? null : image(match[1]!, text.slice(match[0].length));
}

/** The image that a text is: a `data:` address, or base64 of a type that is known beside it. */
export function imageOf(text: string, mime: string | null): FoundImage | null {
  return fromDataUrl(text) ?? (mime === null ? null : image(mime, text));
}

/** Images anywhere in a value, in the shapes that model APIs and MCP use. */
export function imagesIn(value: Json): FoundImage[] {
  const found: FoundImage[] = [];
  const visit = (item: Json, depth: number) => {
    if (found.length >= MOST || depth > 12 || item === null || typeof item !== "object") return;
    if (Array.isArray(item)) {
      for (const one of item) visit(one, depth + 1);
      return;
    }
    const mime = [item["mimeType"], item["mime_type"], item["media_type"], item["mediaType"]].find((candidate) => typeof candidate === "string");
    const data = [item["data"], item["content"], item["blob"], item["base64"], item["image"]].find((candidate) => typeof candidate === "string");
    const direct = typeof mime === "string" && typeof data === "string" ? imageOf(data, mime) : null;
    if (direct !== null) {
      found.push(direct);
      return;
    }
    for (const one of Object.values(item)) {
      if (typeof one === "string") {
        const linked = one.startsWith("data:image/") ? fromDataUrl(one) : null;
        if (linked !== null && found.length < MOST) found.push(linked);
      } else visit(one, depth + 1);
    }
  };
  visit(value, 0);
  return found;
}
