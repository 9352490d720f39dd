// Who the page is, as far as the server tells, and what happens when it is nobody any more.

import { signal } from "@preact/signals";

export interface Access {
  needs_token: boolean;
  is_signed_in: boolean;
  /** What the token is limited to; null = everything that is recorded. */
  projects: string[] | null;
}

/** Null until the server has told. */
export const access = signal<Access | null>(null);

/** Where the reader signs in and comes back to this very view. */
export function signInAddress(place: Pick<Location, "pathname" | "search">): string {
  return `/signin?${new URLSearchParams({ next: place.pathname + place.search })}`;
}

let leaving = false;

/** Leaves for the page that asks for a token: the cookie has run out, or its token was removed. */
export function askToSignIn(): void {
  if (leaving) return;
  leaving = true;
  // In place of the view, so that "back" does not lead to a view that leads here.
  location.replace(signInAddress(location));
}

export async function signOut(): Promise<void> {
  await fetch("/signout", { method: "POST", redirect: "manual" });
  leaving = true;
  location.assign("/signin");
}
