import { expect, test } from "vitest";
import { Meanwhile } from "./meanwhile.ts";

test("what is told while a question is on its way is told again on top of the answer", () => {
  const meanwhile = new Meanwhile();
  let list = ["old"];
  const arrive = (name: string) => meanwhile.tell(() => (list = [...list.filter((other) => other !== name), name]));

  meanwhile.asked();
  arrive("new");
  list = ["old", "read"];
  meanwhile.answered();
  expect(list).toEqual(["old", "read", "new"]);

  // It is told once more, not for ever.
  list = ["read later"];
  meanwhile.answered();
  expect(list).toEqual(["read later"]);
});

test("what was told before the question is in the answer", () => {
  const meanwhile = new Meanwhile();
  const list: string[] = [];
  meanwhile.tell(() => list.push("before"));
  meanwhile.asked();
  meanwhile.tell(() => list.push("of a question that was dropped"));
  meanwhile.asked();
  list.length = 0;
  meanwhile.answered();
  expect(list).toEqual([]);
});
