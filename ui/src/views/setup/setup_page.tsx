// How data gets here, and whether any does.

import { useLayoutEffect } from "preact/hooks";
import { provide } from "../../commands.ts";
import { navigate } from "../../state/route.ts";
import { ConnectGuide } from "./connect_guide.tsx";

export function SetupPage() {
  useLayoutEffect(() => provide({ back: () => navigate("/") }), []);
  return <main class="page"><ConnectGuide title="Setup" /></main>;
}
