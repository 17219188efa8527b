import { run, type Command } from "../../common/processes.ts";
import { sample, type Sample } from "../scenario.ts";
import type { Tool } from "./tools.ts";
import { measure } from "./usage.ts";

/** Ways for fio to read: none of these is the fastest on every disk. */
const SETTINGS = [
  { engine: "psync", depth: 1 },
  { engine: "libaio", depth: 8 },
  { engine: "io_uring", depth: 8 },
  { engine: "io_uring", depth: 32 },
] as const;

const READING = "--name=read --rw=read --readonly --direct=1 --bs=1M --output-format=json".split(
  " ",
);

/** The part of fio's output that is needed here. */
interface FioReport {
  readonly jobs: readonly { readonly read: { readonly bw_bytes: number } }[];
}

/** Returns what measures the MB/s in which fio reads `file` past the page cache: those of its best setting. */
export function diskRate({ command }: Tool, file: string): () => Sample {
  const reading = ({ engine, depth }: (typeof SETTINGS)[number]): Command => [
    ...command,
    ...READING,
    `--filename=${file}`,
    `--ioengine=${engine}`,
    `--iodepth=${depth}`,
  ];
  const usable = SETTINGS.filter((setting) => works([...reading(setting), "--size=1M"]));
  if (usable.length === 0) throw new Error(`${command.join(" ")} can read ${file} in no way`);
  return () =>
    usable
      .map((setting) => {
        const usage = measure([[reading(setting)]], "keep");
        const { jobs } = JSON.parse(usage.stdout) as FioReport;
        return sample(usage, (jobs[0]?.read.bw_bytes ?? Number.NaN) / 1e6);
      })
      .reduce((best, other) => (other.value > best.value ? other : best));
}

/** True if fio can read in this way: many containers forbid io_uring. */
function works(command: Command): boolean {
  try {
    run(command);
    return true;
  } catch (error) {
    console.error(`Left out: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}
