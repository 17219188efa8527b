import inspector from "node:inspector";

/** Milliseconds before looking once more: Node opens its debugger on another thread, some time after the signal. */
const AGAIN_MILLISECONDS = [0, 20, 200];

/** Threads of libuv that a stage may keep waiting in its pipes at the same time, and one for files. */
const LEAST_THREADS = 3;

/**
 * Does as much of the launcher's work as is still possible, for a program that was started as `node main.js`.
 *
 * @returns the reason that the program cannot go on, and what to do; undefined if it can
 */
export function withoutLauncher(): string | undefined {
  const threads = process.env["UV_THREADPOOL_SIZE"];
  // Node has started them by now.
  if (threads !== undefined && !(Number(threads) >= LEAST_THREADS)) {
    return `with UV_THREADPOOL_SIZE=${JSON.stringify(threads)} Node has too few threads; unset it, or run \`blockcopy\` itself instead of Node`;
  }
  // Somebody who looks for a fault may want it.
  if (process.execArgv.some((flag) => flag.startsWith("--inspect"))) {
    return undefined;
  }
  closeInspector();
  for (const milliseconds of AGAIN_MILLISECONDS) {
    setTimeout(closeInspector, milliseconds).unref();
  }
  return undefined;
}

/** Closes the debugger that SIGUSR1 has opened before this program had a handler for it. */
function closeInspector(): void {
  if (inspector.url() !== undefined) {
    inspector.close();
  }
}
