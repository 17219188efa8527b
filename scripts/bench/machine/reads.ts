import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runIfInstalled, type Command } from "../../common/processes.ts";

/** The calls that can read a file. */
const CALLS = ["read", "pread64", "readv", "preadv", "preadv2"] as const;
/** A call of one of them, with the path of its descriptor and the number that it returned. */
const CALL = new RegExp(String.raw`^(?:${CALLS.join("|")})\(\d+<([^>]*)>.* = (\d+)$`);

/** A command whose reads are counted by strace(1). */
interface Traced {
  /** Makes the command that runs `strace` with its words. */
  readonly command: (strace: Command) => Command;
  /** The file. */
  readonly file: string;
  /** A folder in which the traces can be kept. */
  readonly folder: string;
}

/** Returns the bytes that a command and all that it starts read of a file; undefined without strace(1). */
export function bytesReadOf({ command, file, folder }: Traced): number | undefined {
  const traces = mkdtempSync(join(folder, "trace-"));
  const options = ["-ff", "-qq", "-y", "-o", join(traces, "thread"), "-e", `trace=${CALLS.join()}`];
  try {
    if (runIfInstalled(["strace", "--version"]) === undefined) return undefined;
    runIfInstalled(command(["strace", ...options]));
    const lines = readdirSync(traces).flatMap((name) =>
      readFileSync(join(traces, name), "utf8").split("\n"),
    );
    return lines.reduce((sum, line) => {
      const [, path, bytes] = CALL.exec(line) ?? [];
      return path === file ? sum + Number(bytes) : sum;
    }, 0);
  } finally {
    rmSync(traces, { recursive: true });
  }
}
