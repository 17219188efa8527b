import { spawn, spawnSync } from "node:child_process";

import { clock } from "../../native/clock.ts";
import { pause } from "../../native/pause.ts";
import { isRunning } from "../processes/process-tree.ts";
import { findTool } from "../processes/find-tool.ts";
import { limited } from "./limited.ts";
import { endOf, missing, notStarted, type ToolEnd, toolEnd } from "./tool-end.ts";
import { ToolFiles } from "./tool-files.ts";

/** Seconds for which a program is waited for after SIGTERM. */
const PATIENCE = 30;

/** The same where this process gives no sign of life: with the time of LVM, less than the minute after which `sync` gives up a stage. */
const SILENT_PATIENCE = 10;

/** Milliseconds between two looks at a program that runs. */
const INTERVAL = 20;

/**
 * Runs a system program, and waits for its end. It is synchronous, because it may be the last thing that the process does.
 *
 * The program gets SIGTERM after `seconds`, which LVM heeds only where that does no harm. It is not waited for much longer: where a disk does
 * not answer, no signal ends it. Then only the shell that sends that signal is killed.
 */
export function runTool(name: string, args: readonly string[], seconds: number): ToolEnd {
  const path = findTool(name);
  if (path === undefined) {
    return missing(name);
  }
  awaitRunning(seconds);
  let files: ToolFiles | undefined;
  try {
    files = ToolFiles.open();
    const options = {
      ...files.options,
      timeout: (seconds + Math.min(seconds, SILENT_PATIENCE)) * 1000,
      killSignal: "SIGKILL" as const,
    };
    const [shell, ...words] = limited([path, ...args], seconds);
    const begun = clock();
    const ended = spawnSync(shell, words, options);
    const isLate = clock() - begun >= seconds * 1000;
    return toolEnd(name, { ...ended, isLate }, files, seconds);
  } catch (error) {
    return notStarted(name, error);
  } finally {
    files?.close();
  }
}

/** The programs that {@link awaitTool} has started, and that may still run. */
const running = new Set<number>();

/**
 * Runs a system program as {@link runTool} does, while this process goes on. If this process ends first, the program does not.
 */
export async function awaitTool(
  name: string,
  args: readonly string[],
  seconds: number,
): Promise<ToolEnd> {
  const path = findTool(name);
  if (path === undefined) {
    return missing(name);
  }
  let files: ToolFiles | undefined;
  try {
    files = ToolFiles.open();
    const child = spawn(path, args, files.options);
    const { pid } = child;
    if (pid !== undefined) {
      running.add(pid);
      child.on("exit", () => running.delete(pid));
    }
    const ended = await endOf(child, { seconds, signal: "SIGTERM", patience: PATIENCE });
    return toolEnd(name, ended, files, seconds);
  } catch (error) {
    return notStarted(name, error);
  } finally {
    files?.close();
  }
}

/**
 * Waits for the programs that {@link awaitTool} has started: if this process is about to end, it must not look for what an lvcreate makes
 * before that is there.
 */
function awaitRunning(seconds: number): void {
  const begun = clock();
  for (const pid of running) {
    while (isRunning(pid) && clock() - begun < seconds * 1000) {
      pause(INTERVAL);
    }
  }
}
