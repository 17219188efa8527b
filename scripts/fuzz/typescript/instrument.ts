// Inserts a counter at every branch of a program, so that a fuzzer sees where an input has led.
import type { Plugin } from "rolldown";
import { parseAst } from "rolldown/parseAst";
import { placed } from "../../common/placed.ts";

/** Name of the array with the counters, in the instrumented code. */
export const COUNTERS = "__counters";

/** A node of the syntax tree, as far as it matters here. */
interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

/** Text to insert. */
interface Insertion {
  at: number;
  text: string;
  /** True if it ends what another insertion has begun: such a text comes first at its place. */
  isEnd: boolean;
}

/** Numbers the branches of all modules of a program. */
export class Branches {
  #count = 0;

  /** Number of branches so far. */
  get count(): number {
    return this.#count;
  }

  /** Returns the text of a module with a counter in every branch. */
  instrumented(code: string): string {
    const insertions: Insertion[] = [];
    this.#visit(parseAst(code, { lang: "ts" }) as unknown as Node, insertions);
    // The sort is stable: what was inserted first, from the outside in, stays in front.
    insertions.sort((one, other) => one.at - other.at || Number(other.isEnd) - Number(one.isEnd));
    let text = "";
    let from = 0;
    for (const insertion of insertions) {
      text += code.slice(from, insertion.at) + insertion.text;
      from = insertion.at;
    }
    return text + code.slice(from);
  }

  #visit(node: Node, insertions: Insertion[]): void {
    for (const branch of branchesOf(node)) {
      const counter = `${COUNTERS}[${this.#count}]++`;
      this.#count += 1;
      insertions.push(...around(branch, counter));
    }
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (isNode(child)) {
          this.#visit(child, insertions);
        }
      }
    }
  }
}

/** A branch: a statement, an expression, or the statements of a case. */
interface Branch {
  node: Node;
  kind: "statement" | "expression" | "case";
}

function branchesOf(node: Node): Branch[] {
  const { body, consequent, alternate, right } = node as unknown as Record<string, Node | null>;
  const of = (kind: Branch["kind"], ...nodes: (Node | null | undefined)[]): Branch[] =>
    nodes.flatMap((each) => (each ? [{ node: each, kind }] : []));
  switch (node.type) {
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "CatchClause":
    case "ForStatement":
    case "ForInStatement":
    case "ForOfStatement":
    case "WhileStatement":
    case "DoWhileStatement":
      return of("statement", body);
    case "ArrowFunctionExpression":
      return of(body?.type === "BlockStatement" ? "statement" : "expression", body);
    case "IfStatement":
      return of("statement", consequent, alternate);
    case "ConditionalExpression":
      return of("expression", consequent, alternate);
    case "LogicalExpression":
      return of("expression", right);
    case "SwitchCase":
      return of("case", (node["consequent"] as Node[])[0]);
    default:
      return [];
  }
}

function around({ node, kind }: Branch, counter: string): Insertion[] {
  const begin = (at: number, text: string): Insertion => ({ at, text, isEnd: false });
  const end = (text: string): Insertion => ({ at: node.end, text, isEnd: true });
  if (kind === "expression") {
    return [begin(node.start, `(${counter}, `), end(")")];
  }
  if (node.type === "BlockStatement" || node.type === "FunctionBody") {
    return [begin(node.start + 1, `${counter};`)];
  }
  return kind === "case"
    ? [begin(node.start, `${counter};`)]
    : [begin(node.start, `{${counter};`), end("}")];
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** Instruments the modules of the program, but not those of its tests. All still find the files next to them. */
export function instrumenting(branches: Branches): Plugin {
  return {
    name: "count-branches",
    transform(code, id) {
      if (!id.endsWith(".ts")) return null;
      const text = placed(code, id);
      return { code: id.includes("/src/") ? branches.instrumented(text) : text, map: null };
    },
  };
}
