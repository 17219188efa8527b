import { copying, dd, ours, rsync, timed } from "../contenders.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import { hasCommand } from "../machine/tools.ts";

const CP = "cp";

/** Source and destination on one machine: no stages are needed, nor digests. */
export const local: Scenario = {
  name: "local",
  title: "Local, 1 % changed",
  about:
    "The same two files, in one process that sees both. All end with the data on the disk: `blockcopy sync` and `dd` (`conv=fsync`) see to it, the others are followed by `sync FILE`, in the time that is measured. Those that do not compare (`cp`, `dd`, `nbdcopy`, `qemu-img convert -n`) write everything.",
  unit: "s",
  contenders: (bench) => [
    blockcopySync(bench),
    copying("blocksync-fast", bench.tools.blocksyncFast, bench, (source, destination) => [
      `--src=${source}`,
      `--dst=${destination}`,
      "--silent",
    ]),
    rsync(bench),
    // On a file system that shares blocks between files, cp would copy nothing.
    copying(CP, bench.tools.cp, bench, (...files) => ["--reflink=never", ...files]),
    copying("qemu-img convert", bench.tools.qemuImg, bench, (...files) => [
      ...QEMU_CONVERT,
      ...files,
    ]),
    dd(bench),
    copying("nbdcopy", bench.tools.nbdcopy, bench, (...files) => files),
  ],
  reference: () => [CP],
  setUp: ({ pair }) => {
    pair.changeSome();
    pair.warm();
  },
  check: ({ pair }) => pair.check(),
};

const QEMU_CONVERT = ["convert", "-n", "-f", "raw", "-O", "raw"];

function blockcopySync({ pair: { source, destination }, tools: { blockcopy } }: Bench): Contender {
  const name = "blockcopy sync";
  if (!hasCommand(blockcopy, "sync"))
    return ours({ name, missing: "no such command in this build" });
  const command = [...blockcopy.command, "sync", source, destination] as const;
  return ours(timed(name, [[command]]));
}
