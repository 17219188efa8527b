import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { run, runIfInstalled } from "../../common/processes.ts";
import { inBytes } from "../report/numbers.ts";
import type { Tools } from "./tools.ts";

/** Facts that the figures depend on. Each value is for people. */
export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly memory: string;
  readonly kernel: string;
  /** File system and disk of the folder in which is measured. */
  readonly disk: string;
  /** Of the last 1, 5 and 15 minutes, before anything was measured. */
  readonly load: string;
  /** Of what is measured and what that runs on, each with its name. */
  readonly versions: readonly string[];
}

/** Describes this machine, as it is now. */
export function describeMachine(folder: string, tools: Tools): Machine {
  const found = Object.values(tools).flatMap((tool) => (tool === undefined ? [] : [tool.version]));
  return {
    date: new Date().toISOString(),
    cpu: `${availableParallelism()} cores of ${cpus()[0]?.model ?? "an unknown CPU"}`,
    memory: inBytes(totalmem()),
    // Without the text that a distribution puts after the version.
    kernel: `Linux ${release().replace(/-.*$/, "")}`,
    disk: describeDisk(folder),
    load: loadavg()
      .map((load) => load.toFixed(2))
      .join(" "),
    versions: [
      `Node ${process.version}`,
      run(["rustc", "--version"]).stdout.trim(),
      run(["python3", "--version"]).stdout.trim(),
      ...found,
    ],
  };
}

function describeDisk(folder: string): string {
  const found = runIfInstalled(["findmnt", "-n", "-o", "FSTYPE,SOURCE", "-T", folder]);
  const [type = "unknown", device = "an unknown device"] = found?.stdout.trim().split(/ +/) ?? [];
  return `${type} on ${[device, ...describeDevice(device)].join(", ")}`;
}

/** The bus and the maker of a block device, as far as they are known. */
function describeDevice(device: string): string[] {
  // Not every source of a file system is a block device, and not every device of this machine is there in a container.
  if (!device.startsWith("/dev/")) return [];
  try {
    const found = runIfInstalled(["lsblk", "-dno", "TRAN,MODEL", device]);
    const words = found?.stdout.trim() ?? "";
    return words === "" ? [] : [words.replaceAll(/ +/g, " ")];
  } catch {
    return [];
  }
}
