import { expect, test } from "vitest";
import { signInAddress } from "./access.ts";

test("the whole view comes back after signing in", () => {
  const at = { pathname: "/replay/a b", search: "?span=1:2&q=x%26y" };
  const address = new URL(signInAddress(at), "http://page");
  expect(address.pathname).toBe("/signin");
  expect(address.searchParams.get("next")).toBe(at.pathname + at.search);
});
