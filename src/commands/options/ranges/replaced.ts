import type { ProcessId } from "../../../transport/processes/process-tree.ts";
import { PROCESS } from "../../../ui/programs/stream-share.ts";
import type { Kind } from "../declare.ts";
import { parsedBy } from "../parsed-by.ts";

/** A process that is replaced, as `4711/123456`: its number, and its start time. */
export const REPLACED: Kind<ProcessId> = {
  name: "PROCESS",
  validator: parsedBy({
    parse: parseProcess,
    isParsed: (value): value is ProcessId => typeof value === "object" && value !== null,
    expected: "expected a process, as 4711/123456",
  }),
};

/** @throws Error that shows `text` */
function parseProcess(text: string): ProcessId {
  const [pid, started = ""] = text.split("/");
  if (!PROCESS.test(text)) {
    throw new Error(`${JSON.stringify(text)} is not a process`);
  }
  return { pid: Number(pid), started };
}
