// Dialogs over the page, and the help, which is made from the table of commands.

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { available, keyLabel, provide, type Command } from "../commands.ts";
import { overlay } from "../state/panels.ts";
import { t } from "../strings.ts";

export const closeOverlay = () => (overlay.value = "none");

export function Dialog({ label, close, children }: { label: string; close: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the next key comes: what is typed at once belongs into the dialog.
  useLayoutEffect(() => {
    dialog.current?.showModal();
    return provide({ back: close });
  }, []);
  return (
    <dialog ref={dialog} aria-label={label} onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      {children}
    </dialog>
  );
}

export function Keys({ keys }: { keys: string }) {
  return <span class="keys">{keyLabel(keys).split(" ").map((key, i) => <kbd key={i}>{key}</kbd>)}</span>;
}

export function Help() {
  const groups = useMemo(() => {
    const map = new Map<string, Command[]>();
    for (const command of available()) {
      if (command.keys.length === 0) continue;
      map.set(command.group, [...(map.get(command.group) ?? []), command]);
    }
    return [...map];
  }, []);
  return (
    <Dialog label={t("All keys")} close={closeOverlay}>
      <div class="help">
        <h2>{t("Keys on this page")}</h2>
        <div class="help-groups">
          {groups.map(([group, commands]) => (
            <section key={group}>
              <h3>{t(group)}</h3>
              {commands.map((command) => (
                <div class="help-row" key={command.id}>
                  <span>{command.label}</span>
                  <span class="help-keys">{command.keys.map((keys) => <Keys key={keys} keys={keys} />)}</span>
                </div>
              ))}
            </section>
          ))}
        </div>
        <p class="note">{t("Wheel over the minimap zooms around the pointer; with Ctrl or ⌘ also over the waterfall. Drag pans. Double-click on the minimap fits.")}</p>
      </div>
    </Dialog>
  );
}
