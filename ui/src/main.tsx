import { render } from "preact";
import "./style/tokens.css";
import "./style/contrast.css";
import "./style/base.css";
import { startLive } from "./api/live.ts";
import { App } from "./app.tsx";
import { startHotkeys } from "./commands.ts";
import { startClock } from "./state/clock.ts";
import { startRouter } from "./state/route.ts";
import { startSessions } from "./state/sessions.ts";
import { startTheme } from "./state/theme.ts";

startTheme();
startClock();
startRouter();
startHotkeys();
startSessions();
startLive();
render(<App />, document.getElementById("app")!);
