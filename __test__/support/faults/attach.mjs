// Imported by Node before the program: attaches strace to the process and waits for it. So strace counts the calls of the program
// from its first one on, not those of the dynamic linker and of the start of Node.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

const options = JSON.parse(process.env.FAULT_STRACE);
// Processes that the program starts are traced because they are its children.
delete process.env.FAULT_STRACE;
// It keeps standard output open until it has ended: whoever waits for that also waits for the end of the trace.
const strace = spawn("strace", [...options, "-p", String(process.pid)], {
  stdio: ["ignore", "inherit", "ignore"],
});
strace.unref();

/** Tells if all threads are traced. */
function isTraced() {
  try {
    return readdirSync("/proc/self/task").every((task) => {
      const status = readFileSync(`/proc/self/task/${task}/status`, "latin1");
      return !/^TracerPid:\t0$/m.test(status);
    });
  } catch {
    return true; // the first call that was made to fail
  }
}

while (!isTraced()) {
  if (strace.exitCode !== null) throw new Error("strace cannot attach");
  await setTimeout(2);
}
