import { columns } from "../../common/columns.ts";
import type { Machine } from "../machine/machine.ts";
import { inBytes } from "./numbers.ts";
import type { Outcome } from "./outcome.ts";
import { table } from "./table.ts";

/** All that was measured, and where. */
export interface Report {
  readonly machine: Machine;
  /** Bytes of the source, and of the destination. */
  readonly size: number;
  readonly rounds: number;
  readonly outcomes: readonly Outcome[];
}

/** An outcome for a terminal. */
export function text(outcome: Outcome): string {
  const head = `${outcome.title} (${outcome.name})`;
  if (outcome.skipped !== null) return `${head}: skipped, ${outcome.skipped}`;
  const tables = [table(outcome), ...(outcome.derived === null ? [] : [outcome.derived])];
  return [`${head}, medians of ${outcome.rounds}`, ...tables.map(columns)].join("\n\n");
}

/** The report as a part of a page that has a title. Tables are not aligned. */
export function markdown({ machine, size, rounds, outcomes }: Report, chart: string): string {
  return [
    "## Compared with other tools",
    `Written by \`npm run bench\`: two files of ${inBytes(size)}, ${machine.date.slice(0, 10)}. Medians of ${rounds} rounds in which all take turns, unless it says otherwise; CPU seconds are user and system of all processes, the peak is that of the process that had most memory. Each copy was compared with its source.`,
    `![The medians as bars](${chart})`,
    state(machine),
    ...outcomes.flatMap((outcome) => section(outcome, rounds)),
  ].join("\n\n");
}

function state({ cpu, memory, kernel, disk, load, versions }: Machine): string {
  const lines = [
    ["machine", `${cpu}, ${memory} of memory`],
    ["kernel", kernel],
    ["disk", disk],
    ["load before", `${load}, of the last 1, 5 and 15 minutes`],
  ];
  return `${asTable([["", ""], ...lines])}\n\n${versions.join("; ")}.`;
}

function section(outcome: Outcome, rounds: number): string[] {
  const { title, name, about, skipped } = outcome;
  const head = [`### ${title}`, about];
  if (skipped !== null) return [...head, `Not measured: ${skipped}.`];
  const medians = outcome.rounds === rounds ? [] : [`Medians of ${outcome.rounds} rounds.`];
  const tables = [table(outcome), ...(outcome.derived === null ? [] : [outcome.derived])];
  return [...head, ...medians, ...tables.map(asTable), `    npm run bench -- --only ${name}`];
}

/** Lines of cells, the first of them the head, as a table that is not aligned. */
function asTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows]
    .map((line) => `| ${line.map((cell) => cell.replaceAll("|", String.raw`\|`)).join(" | ")} |`)
    .join("\n");
}
