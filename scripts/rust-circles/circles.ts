// Circular imports between the modules of a Rust crate.
import { type Module, modulesOf } from "./modules.ts";

/** A module uses another one that lies next to it in the same folder, itself or by one of its own modules. */
interface Edge {
  from: string;
  to: string;
  /** `FILE:LINE` of one place where it does. */
  where: string;
}

/**
 * One line for each pair of modules in a circle: `a -> b (FILE:LINE)`.
 *
 * Only modules that lie next to each other are looked at, each with all that is inside of it. A module and the one that it is
 * inside of may use each other: together they are one thing in several files.
 */
export function circlesOf(folder: string): string[] {
  const modules = modulesOf(folder);
  const edges = edgesOf(modules);
  const reached = (from: string): Set<string> => {
    const found = new Set<string>();
    const visit = (at: string): void => {
      for (const to of edges.get(at)?.keys() ?? [])
        if (!found.has(to)) {
          found.add(to);
          visit(to);
        }
    };
    visit(from);
    return found;
  };
  const all = [...edges.values()].flatMap((targets) => [...targets.values()]);
  return all
    .filter(({ from, to }) => reached(to).has(from))
    .map(({ from, to, where }) => `${from} -> ${to} (${where})`);
}

/** The edges by the module that they come from, then by the one that they lead to. */
function edgesOf(modules: Map<string, Module>): Map<string, Map<string, Edge>> {
  const edges = new Map<string, Map<string, Edge>>();
  for (const module of modules.values())
    for (const { path, line } of module.mentions) {
      const target = resolve(modules, path);
      const split = module.path.findIndex((name, at) => name !== target[at]);
      if (split === -1 || split >= target.length) continue;
      const from = module.path.slice(0, split + 1).join("::");
      const to = target.slice(0, split + 1).join("::");
      const targets = edges.get(from) ?? new Map<string, Edge>();
      edges.set(from, targets);
      if (!targets.has(to)) targets.set(to, { from, to, where: `${module.file}:${line}` });
    }
  return edges;
}

/** The module that has what `path` names, followed through what other modules import. */
function resolve(modules: Map<string, Module>, path: string[], seen = new Set<Module>()): string[] {
  let at: string[] = [];
  for (const [index, name] of path.entries()) {
    const inside = [...at, name];
    if (modules.has(inside.join("::"))) {
      at = inside;
      continue;
    }
    const module = modules.get(at.join("::"));
    const imported = module?.imported.get(name);
    if (module === undefined || imported === undefined || seen.has(module)) return at;
    seen.add(module);
    return resolve(modules, [...imported, ...path.slice(index + 1)], seen);
  }
  return at;
}
