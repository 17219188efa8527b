import { existsSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "../../common/processes.ts";
import { timed } from "../contenders.ts";
import { EXTENDED } from "../data/kept-hashes.ts";
import type { Command } from "../../common/processes.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import { predict, START } from "../report/predict.ts";

/** Numbers of streams. */
const STREAMS = [1, 2, 4] as const;

/** The work of one stage, for any number of cores. */
interface Task {
  readonly name: string;
  readonly command: (threads: readonly string[]) => Command;
}

/** Each stage alone, with few cores and with all: its parallel part, its serial part, and how far it will scale. Then whole copies. */
export const scale: Scenario = {
  name: "scale",
  title: "Stages and cores",
  about:
    "Each stage alone, on one core (taskset(1), `--threads 1`) and on more, page cache warm, its output thrown away; `save` writes a whole file of blocks and syncs it. Then whole copies, `sync --compress none --streams N`, with everything different, over pipes instead of ssh: all stages share the cores. The second table is a model: a stage takes a time that no core shortens and one that all cores divide. Both come from the medians for the least and the most cores, without the start of the program.",
  unit: "s",
  contenders: (bench) => [
    timed(START, [[[...bench.tools.blockcopy.command, "checksum", nothingIn(bench)]]]),
    ...tasksOf(bench).flatMap((task) => coresHere().map((cores) => onCores(task, cores))),
    ...STREAMS.map((streams) => copied(bench, streams)),
  ],
  reference: () => [],
  derive: predict,
  setUp: ({ pair }) => {
    pair.changeAll();
    pair.warm();
  },
};

/** A whole copy, over pipes. */
function copied({ folder, pair, tools }: Bench, streams: number): Contender {
  const shell = join(folder, "shell");
  // The place of ssh: without the name of the host, the command runs here.
  writeFileSync(shell, '#!/bin/sh\nshift\nexec sh -c "$*"\n', { mode: 0o755 });
  const [program] = tools.blockcopy.command;
  const there = ["-e", shell, "--remote-command", program, `host:${pair.destination}`];
  const options = ["-q", "--compress", "none", "--streams", String(streams)];
  return timed(`sync, ${streams} ${streams === 1 ? "stream" : "streams"}`, [
    [[...tools.blockcopy.command, "sync", ...options, pair.source, ...there]],
  ]);
}

/** 1, 2, 4, … and all cores of this machine. */
function coresHere(): number[] {
  const all = availableParallelism();
  const counts: number[] = [];
  for (let cores = 1; cores < all; cores *= 2) counts.push(cores);
  return [...counts, all];
}

function onCores({ name, command }: Task, cores: number): Contender {
  const words = command(["--threads", String(cores)]);
  return timed(`${name}, ${cores} ${cores === 1 ? "core" : "cores"}`, [
    [["taskset", "-c", `0-${cores - 1}`, ...words]],
  ]);
}

function tasksOf(bench: Bench): Task[] {
  const { folder, pair, tools } = bench;
  const { source, destination } = pair;
  const { blockcopy } = tools;
  const ours = (...words: readonly string[]): Command => [...blockcopy.command, ...words];
  const [hashes, blocks] = [join(folder, "hashes"), join(folder, "blocks")];
  // Of equal files; and of an empty file, to which all of the source is sent.
  keep(hashes, ours("checksum", ...EXTENDED, source));
  const nothing = nothingIn(bench);
  keep(blocks, [
    "sh",
    "-c",
    `"$@" checksum ${EXTENDED.join(" ")} ${nothing} | "$@" retrieve --compress none ${source}`,
    "sh",
    ...blockcopy.command,
  ]);
  const fed = (input: string, ...words: readonly string[]): Command => [
    "sh",
    "-c",
    'input=$1; shift; exec "$@" < "$input"',
    "sh",
    input,
    ...ours(...words),
  ];
  return [
    { name: "checksum, SHA3-512", command: (threads) => ours("checksum", ...threads, source) },
    {
      name: "checksum, BLAKE3",
      command: (threads) => ours("checksum", ...EXTENDED, ...threads, source),
    },
    {
      name: "retrieve, nothing differs",
      command: (threads) => fed(hashes, "retrieve", ...threads, source),
    },
    {
      name: "save, everything differs",
      command: (threads) => fed(blocks, "save", "--create", ...threads, destination),
    },
  ];
}

/** Makes an empty file. */
function nothingIn({ folder }: Bench): string {
  const path = join(folder, "nothing");
  writeFileSync(path, "");
  return path;
}

/** Keeps the output of a command in a file, once. */
function keep(file: string, command: Command): void {
  if (!existsSync(file))
    run(["sh", "-c", 'kept=$1; shift; exec "$@" > "$kept"', "sh", file, ...command]);
}
