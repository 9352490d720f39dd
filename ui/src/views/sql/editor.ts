// The SQL editor. It lives in a shadow root: there CodeMirror can bring its styles as constructed
// sheets, which the page's content security policy allows, where style elements are refused.

import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { PostgreSQL, sql, type SQLNamespace } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, keymap, lineNumbers, type DecorationSet } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { SqlSchema } from "../../api/types.ts";

export interface SqlEditor {
  text(): string;
  replace(text: string): void;
  insert(text: string): void;
  /** Underlines the word at a position, and shows it; null clears. */
  mark(position: number | null): void;
  complete(schema: SqlSchema): void;
  focus(): void;
  destroy(): void;
}

const setMark = StateEffect.define<{ from: number; to: number } | null>();
const wrong = Decoration.mark({ class: "cm-wrong" });
const markField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    let next = transaction.docChanged ? Decoration.none : marks;
    for (const effect of transaction.effects) if (effect.is(setMark)) next = effect.value === null ? Decoration.none : Decoration.set([wrong.range(effect.value.from, effect.value.to)]);
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--model)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--mcp)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--agent)" },
  { tag: [tags.comment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.typeName, tags.standard(tags.name)], color: "var(--tool)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", fontSize: "12.5px", color: "var(--text)", backgroundColor: "var(--panel)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--faint)", border: "none", paddingLeft: "8px" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selected)" },
  ".cm-content ::selection": { backgroundColor: "color-mix(in srgb, var(--focus) 30%, transparent)" },
  ".cm-wrong": { textDecoration: "underline wavy var(--error) 1.5px", textUnderlineOffset: "4px", backgroundColor: "color-mix(in srgb, var(--error) 14%, transparent)" },
  ".cm-matchingBracket": { backgroundColor: "var(--raised)", outline: "1px solid var(--strong-line)" },
  ".cm-tooltip": { backgroundColor: "var(--panel)", color: "var(--text)", border: "1px solid var(--strong-line)", borderRadius: "4px" },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "12px" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--selected)", color: "var(--text)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
});

function namespace(schema: SqlSchema): SQLNamespace {
  const tables: { [name: string]: SQLNamespace } = {};
  for (const relation of schema.relations) {
    if (relation.kind === "macro") continue;
    tables[relation.name] = relation.columns.map((column) => ({ label: column.name, detail: column.type.toLowerCase(), type: "property" }));
  }
  return tables;
}

function language(schema: SqlSchema | null) {
  return sql({ dialect: PostgreSQL, upperCaseKeywords: false, ...(schema === null ? {} : { schema: namespace(schema) }) });
}

export function createEditor(host: HTMLElement, text: string, actions: { run: () => void; cancel: () => boolean; changed: (text: string) => void }): SqlEditor {
  const shell = document.createElement("div");
  shell.className = "sql-shell";
  host.append(shell);
  const root = shell.attachShadow({ mode: "open", delegatesFocus: true });
  const frame = new CSSStyleSheet();
  frame.replaceSync(":host { display: block; height: 100%; } .cm-editor { height: 100%; }");
  root.adoptedStyleSheets = [frame];
  const lang = new Compartment();
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of([
          { key: "Mod-Enter", run: () => (actions.run(), true) },
          { key: "Escape", run: () => actions.cancel() },
        ])),
        lineNumbers(), history(), bracketMatching(), closeBrackets(), autocompletion({ icons: false }),
        keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
        lang.of(language(null)), syntaxHighlighting(colours), theme, markField, EditorView.lineWrapping,
        EditorView.updateListener.of((update) => update.docChanged && actions.changed(update.state.doc.toString())),
        EditorView.contentAttributes.of({ "aria-label": "SQL", tabindex: "0" }),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    replace(next) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
    },
    insert(piece) {
      view.dispatch(view.state.replaceSelection(piece));
      view.focus();
    },
    mark(position) {
      if (position === null) return view.dispatch({ effects: setMark.of(null) });
      const length = view.state.doc.length;
      const at = Math.max(0, Math.min(position, length));
      const word = view.state.wordAt(at);
      let from = word?.from ?? Math.min(at, Math.max(0, length - 1));
      let to = word?.to ?? Math.min(length, from + 1);
      if (from === to) [from, to] = [Math.max(0, length - 1), length];
      if (from < to) view.dispatch({ effects: [setMark.of({ from, to }), EditorView.scrollIntoView(from)] });
    },
    complete(schema) {
      view.dispatch({ effects: lang.reconfigure(language(schema)) });
    },
    focus: () => view.focus(),
    destroy() {
      view.destroy();
      shell.remove();
    },
  };
}
