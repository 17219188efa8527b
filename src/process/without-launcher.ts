import inspector from "node:inspector";

/** Delays before each further check: Node opens its debugger on another thread, some time after the signal. */
const AGAIN_MILLISECONDS = [0, 20, 200];

/** Threads of libuv that a stage needs: two that wait for its pipes, and one for files. */
const LEAST_THREADS = 3;

/**
 * Does the part of the launcher's work that is still possible after a start as `node main.js`.
 *
 * @returns the reason why the program cannot go on, with advice; undefined if it can
 */
export function withoutLauncher(): string | undefined {
  const threads = process.env["UV_THREADPOOL_SIZE"];
  // Too late to change: Node has started its threads by now.
  if (threads !== undefined && !(Number(threads) >= LEAST_THREADS)) {
    return `with UV_THREADPOOL_SIZE=${JSON.stringify(threads)} Node has too few threads; unset it, or run \`blockcopy\` itself instead of Node`;
  }
  // The user is debugging.
  if (process.execArgv.some((flag) => flag.startsWith("--inspect"))) {
    return undefined;
  }
  closeInspector();
  for (const milliseconds of AGAIN_MILLISECONDS) {
    setTimeout(closeInspector, milliseconds).unref();
  }
  return undefined;
}

/** Closes the debugger, which a SIGUSR1 has opened before this program had a handler for it. */
function closeInspector(): void {
  if (inspector.url() !== undefined) {
    inspector.close();
  }
}
