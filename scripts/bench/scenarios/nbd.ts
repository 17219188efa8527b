import { ours } from "../contenders.ts";
import { NbdServer, type Storage } from "../machine/nbd-server.ts";
import type { Command } from "../../common/processes.ts";
import { measure } from "../machine/usage.ts";
import { sample, type Bench, type Contender, type Scenario } from "../scenario.ts";

const NBDCOPY = "nbdcopy";

const STORED: Readonly<Record<Storage, string>> = {
  memory: "nbdkit's memory plugin",
  qcow2: "`qemu-nbd` with a qcow2 image",
};

const CHANGES = {
  different: { words: "all different", change: ({ pair }: Bench) => pair.changeAll() },
  changed: { words: "1 % changed", change: ({ pair }: Bench) => pair.changeSome() },
} as const;

/** Copies to an NBD server: a first one, and one after a night with few changes. */
export const NBD: readonly Scenario[] = (["memory", "qcow2"] as const).flatMap((storage) =>
  (["different", "changed"] as const).map((change) => toServer(storage, change)),
);

function toServer(storage: Storage, kind: keyof typeof CHANGES): Scenario {
  const { words, change } = CHANGES[kind];
  let server: NbdServer | undefined;
  const running = (): NbdServer => {
    if (server === undefined) throw new Error("the server was not started");
    return server;
  };
  return {
    name: `nbd-${storage}-${kind}`,
    title: `To an NBD server (${storage}), ${words}`,
    about: `From a file of random data in the page cache to ${STORED[storage]}, on a Unix socket, whose export nbdcopy has filled before each run: ${words}. nbdcopy copies all of it, with \`--flush\`; \`--ranges\` names what has changed, as a dirty bitmap does. CPU seconds are those of client and server.`,
    unit: "s",
    whyNot: ({ tools }) => lacking(storage, tools),
    contenders: (bench) => contenders(bench, running, { isMapped: kind === "changed" }),
    reference: () => [NBDCOPY],
    setUp: (bench) => {
      change(bench);
      bench.pair.warm();
      const { destination: content, size } = bench.pair;
      server = new NbdServer(storage, bench.folder, { content, size });
    },
    check: ({ pair }) => {
      running().check(pair.source);
      running().stop();
    },
  };
}

function lacking(storage: Storage, tools: Bench["tools"]): string | undefined {
  const needed = storage === "memory" ? (["nbdkit"] as const) : (["qemuNbd", "qemuImg"] as const);
  return ["nbdcopy" as const, ...needed].every((name) => tools[name] !== undefined)
    ? undefined
    : `nbdcopy${storage === "memory" ? " or nbdkit" : ", qemu-nbd or qemu-img"} is not installed`;
}

/**
 * The options are those of a copy whose end is on the disk.
 * @param changes `isMapped`: also one that is told which blocks have changed
 */
function contenders(
  { pair, tools }: Bench,
  server: () => NbdServer,
  { isMapped }: { isMapped: boolean },
): Contender[] {
  const { source } = pair;
  const copied = (name: string, ...words: Command): Contender => ({
    name,
    run: () => {
      const { cpuSeconds: before, uri } = server();
      const usage = measure([[[...words, source, uri]]]);
      const { cpuSeconds, ...rest } = sample(usage, usage.seconds);
      const used = server().cpuSeconds - before;
      return { ...rest, cpuSeconds: (cpuSeconds ?? 0) + used };
    },
  });
  const sync: Command = [...tools.blockcopy.command, "sync", "-q"];
  return [
    ours(copied("blockcopy sync", ...sync)),
    ...(isMapped
      ? [copied("blockcopy sync --ranges", ...sync, "--ranges", pair.mapChanges())]
      : []),
    copied(NBDCOPY, "nbdcopy", "--flush"),
  ];
}
