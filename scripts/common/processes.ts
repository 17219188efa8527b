import { spawnSync } from "node:child_process";

/** A program and its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** The output of a process on its file descriptors 1, 2 and 3. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly fd3: string;
}

/** Runs the command to its end. Throws where it cannot be started or fails, saying which command it was and why. */
export function run(command: Command): Output {
  const output = runIfInstalled(command);
  if (output === undefined) throw new Error(`${command[0]} is not installed`);
  return output;
}

/** Like {@link run}, but a program that is not there gives `undefined`. */
export function runIfInstalled(command: Command): Output | undefined {
  const [program, ...args] = command;
  const { error, status, signal, output } = spawnSync(program, args, {
    encoding: "utf8",
    // Numbers with a decimal point and messages that can be told apart, in any country.
    env: { ...process.env, LC_ALL: "C" },
    // A build prints more than the default of 1 MiB.
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  if (error !== undefined) {
    if ("code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`${command.join(" ")}: ${error.message}`, { cause: error });
  }
  const [, stdout = "", stderr = "", fd3 = ""] = output.map((text) => text ?? undefined);
  if (status !== 0) {
    const how = signal === null ? `exit code ${status}` : signal;
    throw new Error(`${command.join(" ")} ended with ${how}: ${(stderr || stdout).trim()}`);
  }
  return { stdout, stderr, fd3 };
}
