export interface Strings {
  keys: string[];
  bare: string[];
}
export function readStrings(code: string, name: string): Strings;
export function readSources(): (Strings & { path: string })[];
