import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

type Tokens = ReadonlyMap<string, readonly [light: string, dark: string]>;

function read(file: string): Tokens {
  const css = readFileSync(new URL(file, import.meta.url), "utf8");
  return new Map([...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [name!, [light!, dark!] as const]));
}

const tokens = read("./tokens.css");
const contrasted = new Map([...tokens, ...read("./contrast.css")]);

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

const TEXT = ["text", "muted", "faint", "error", "denied", "loop", "model", "tool", "mcp", "agent", "turn", "hook", "memory", "good"];
const MARKS = ["model", "tool", "mcp", "agent", "turn", "hook", "memory", "other", "error", "denied", "loop", "focus"];
const GROUNDS = ["ground", "panel", "raised", "selected"];

describe.each([["light", 0], ["dark", 1]] as const)("%s theme", (_theme, side) => {
  const colour = (name: string) => tokens.get(name)![side];

  it.each(TEXT.flatMap((text) => ["ground", "panel"].map((ground) => [text, ground])))("%s is readable as text on %s", (text, ground) => {
    expect(contrast(colour(text!), colour(ground!))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(["text", "muted", "faint"].flatMap((text) => GROUNDS.map((ground) => [text, ground])))("%s is readable on %s", (text, ground) => {
    expect(contrast(colour(text!), colour(ground!))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(MARKS.flatMap((mark) => GROUNDS.map((ground) => [mark, ground])))("%s can be made out on %s", (mark, ground) => {
    expect(contrast(colour(mark!), colour(ground!))).toBeGreaterThanOrEqual(3);
  });

  it("shows marked text", () => {
    expect(contrast(colour("text"), colour("hit"))).toBeGreaterThanOrEqual(4.5);
  });
});

describe.each([["light", 0], ["dark", 1]] as const)("%s theme in high contrast", (_theme, side) => {
  const colour = (name: string) => contrasted.get(name)![side];

  it.each(TEXT.flatMap((text) => ["ground", "panel"].map((ground) => [text, ground])))("%s is easy to read on %s", (text, ground) => {
    expect(contrast(colour(text!), colour(ground!))).toBeGreaterThanOrEqual(7);
  });

  it("draws its lines to be seen", () => {
    expect(contrast(colour("line"), colour("panel"))).toBeGreaterThanOrEqual(3);
  });
});
