import type { Readable } from "node:stream";

/** Calls `take` for each line of a stream, and `end` when it is over. */
export function eachLine(stream: Readable, take: (line: string) => void, end = () => {}): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line.replace(/\r$/, ""));
  });
  stream.on("close", end);
  stream.on("error", end);
}
