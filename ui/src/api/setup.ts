// The API about connecting agents: what to set, and what arrives.

import { json } from "./client.ts";
import type { Json } from "./types.ts";

export interface SettingsFile {
  path: string;
  folder_variable: string | null;
  format: "json" | "toml";
  purpose: "telemetry" | "hooks";
  changes: { path: string[]; value: Json; append: boolean; why: string }[];
  text: string;
}

export interface HarnessSetup {
  id: string;
  name: string;
  summary: string;
  files: SettingsFile[];
  environment: { name: string; value: string; why: string }[];
  code: { language: string; text: string } | null;
  notes: string[];
}

export interface Checkup {
  harness: string;
  session_count: number;
  last_at: string;
  signals: { signal: string; record_count: number }[];
  gaps: { what: string; count: number; of: number; fix: string | null }[];
}

export async function getSetup(signal: AbortSignal): Promise<HarnessSetup[]> {
  return (await json<{ harnesses: HarnessSetup[] }>("/setup", { signal })).harnesses;
}

/** What arrives of each harness and what is missing, the one last heard of first. */
export async function getCheckups(signal: AbortSignal): Promise<Checkup[]> {
  return (await json<{ harnesses: Checkup[] }>("/doctor", { signal })).harnesses;
}
