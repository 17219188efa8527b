import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../dist/cli", import.meta.url));
const LONGEST_SECONDS = 120;

interface Session {
  command: string;
  folder: string;
  columns: number;
  rows: number;
}

export function inFolder<Result>(work: (folder: string) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), "blockcopy-picture-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Types the command into a shell on a terminal of its own, and returns what the terminal shows: the first screen that
 * has what is sought, and the last one. Colours are escape sequences in the lines.
 */
export function watchCommand(
  session: Session,
  sought: RegExp,
): { during: string[]; end: string[] } {
  const socket = `blockcopy-picture-${process.pid}`;
  const tmux = (...words: string[]): string =>
    execFileSync("tmux", ["-L", socket, "-f", "/dev/null", ...words], {
      encoding: "utf8",
      cwd: session.folder,
      env: { ...process.env, LANG: "C.UTF-8", PATH: `${PROGRAM}:${process.env["PATH"]}` },
    });
  const screen = (): string[] => tmux("capture-pane", "-p", "-e").trimEnd().split("\n");
  const size = ["-x", `${session.columns}`, "-y", `${session.rows}`];
  tmux("new-session", "-d", ...size, "env PS1='$ ' bash --norc");
  try {
    waitFor(screen, (lines) => lines.at(-1) === "$ " || lines.at(-1) === "$");
    tmux("send-keys", session.command, "Enter");
    const during = waitFor(screen, (lines) => lines.some((line) => sought.test(line)));
    const end = waitFor(screen, (lines) => lines.length > 1 && /^\$\s*$/.test(lines.at(-1) ?? ""));
    return { during, end: end.slice(0, -1) };
  } finally {
    tmux("kill-server");
  }
}

function waitFor(screen: () => string[], arrived: (lines: string[]) => boolean): string[] {
  const deadline = Date.now() + LONGEST_SECONDS * 1000;
  for (;;) {
    const lines = screen();
    if (arrived(lines)) return lines;
    if (Date.now() > deadline) throw new Error(`unexpected screen: ${lines.join("\n")}`);
  }
}
