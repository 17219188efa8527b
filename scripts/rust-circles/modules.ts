// The modules of a Rust crate and the paths that each of them names.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A path as a module names it, from the root of the crate: the module it is looked up in, then the names. */
interface Mention {
  path: string[];
  line: number;
}

export interface Module {
  /** Names from the root of the crate; empty for the root. */
  path: string[];
  file: string;
  mentions: Mention[];
  /** Names that the module has from elsewhere, by `use`, with the path they stand for. */
  imported: Map<string, string[]>;
}

/** All modules of the crate in `folder`, by path (`medium::disk`; empty for the root), without those that only tests have. */
export function modulesOf(folder: string): Map<string, Module> {
  const modules = new Map<string, Module>();
  const add = (file: string, path: string[], children: string): void => {
    const text = withoutTests(withoutCommentsAndStrings(readFileSync(file, "utf8")));
    const names = [...text.matchAll(/\bmod\s+(\w+)\s*;/g)].map((match) => match[1] ?? "");
    const module: Module = { path, file, mentions: [], imported: new Map() };
    modules.set(path.join("::"), module);
    collect(text, module, new Set(names));
    for (const name of names) {
      const child = join(children, `${name}.rs`);
      if (!existsSync(child)) throw new Error(`${file}: the module ${name} has no file ${child}`);
      add(child, [...path, name], join(children, name));
    }
  };
  const source = join(folder, "src");
  const root = ["lib.rs", "main.rs"].map((name) => join(source, name)).find(existsSync);
  if (root === undefined) throw new Error(`${source} has neither lib.rs nor main.rs`);
  add(root, [], source);
  return modules;
}

/** Fills in what `text`, the code of `module`, names. `children` are the modules that it declares. */
function collect(text: string, module: Module, children: ReadonlySet<string>): void {
  const absolute = (names: string[]): string[] | undefined => {
    const [first = "", ...rest] = names;
    if (first === "crate") return rest;
    if (first === "self") return [...module.path, ...rest];
    if (first === "super") {
      const above = rest.findIndex((name) => name !== "super");
      const steps = above === -1 ? names.length : above + 1;
      return [...module.path.slice(0, module.path.length - steps), ...names.slice(steps)];
    }
    return children.has(first) ? [...module.path, ...names] : undefined;
  };
  const line = (at: number): number => text.slice(0, at).split("\n").length;

  for (const use of text.matchAll(/\buse\s+([^;]+);/g))
    for (const { names, alias } of leaves(use[1] ?? "")) {
      const path = absolute(names);
      if (path === undefined) continue;
      module.mentions.push({ path, line: line(use.index) });
      if (alias !== "_") module.imported.set(alias, path);
    }
  for (const found of text.matchAll(/(?<![\w:])(?:crate|super|self)(?:::\w+)+/g)) {
    const path = absolute(found[0].split("::"));
    if (path !== undefined) module.mentions.push({ path, line: line(found.index) });
  }
}

/** The single imports of a `use`, each with the name that it has here. */
function leaves(tree: string): { names: string[]; alias: string }[] {
  const text = tree.trim();
  const open = text.indexOf("{");
  if (open === -1) {
    const [path = "", alias] = text.split(/\s+as\s+/);
    const names = path.split("::").map((name) => name.trim());
    if (names.at(-1) === "self") names.pop();
    return [{ names, alias: alias ?? names.at(-1) ?? "" }];
  }
  const before = text.slice(0, open).split("::").slice(0, -1);
  const prefix = before.map((name) => name.trim());
  const inside = text.slice(open + 1, text.lastIndexOf("}"));
  return splitAtCommas(inside).flatMap((part) =>
    leaves(part).map(({ names, alias }) => ({
      names: [...prefix, ...names],
      alias: part.trim() === "self" ? (prefix.at(-1) ?? "") : alias,
    })),
  );
}

function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const character of text) {
    if (character === "{") depth++;
    if (character === "}") depth--;
    if (character === "," && depth === 0) {
      parts.push(part);
      part = "";
    } else part += character;
  }
  return [...parts, part].filter((one) => one.trim() !== "");
}

/** `text` with blanks in place of comments and strings, so that lines keep their numbers. */
function withoutCommentsAndStrings(text: string): string {
  const blank = (found: string): string => found.replaceAll(/[^\n]/g, " ");
  return text.replaceAll(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|b?r(#*)"[\s\S]*?"\1|b?"(?:\\[\s\S]|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'/g,
    blank,
  );
}

/** `text` with blanks in place of what is compiled for tests alone. */
function withoutTests(text: string): string {
  let rest = text;
  for (;;) {
    const found = /#\[cfg\(test\)\]/.exec(rest);
    if (found === null) return rest;
    const end = endOfItem(rest, found.index);
    const item = rest.slice(found.index, end).replaceAll(/[^\n]/g, " ");
    rest = rest.slice(0, found.index) + item + rest.slice(end);
  }
}

/** Offset after the item that begins at `start`: after its `;`, or after the brace that closes it. */
function endOfItem(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === ";" && depth === 0) return at + 1;
    if (character === "{") depth++;
    if (character === "}" && --depth === 0) return at + 1;
  }
  return text.length;
}
