import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { chart } from "./chart.ts";
import { markdown, type Report } from "./report.ts";

const PAGE = fileURLToPath(new URL("../../../docs/benchmarks.md", import.meta.url));
const CHART = fileURLToPath(new URL("../../../docs/benchmarks.svg", import.meta.url));
const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

/** @throws Error when the page has no place for the figures */
export function checkPage(): void {
  around(readFileSync(PAGE, "utf8"));
}

/** Puts the figures between the markers of the page, and draws the chart that it shows. */
export async function writePage(report: Report): Promise<void> {
  const [before, after] = around(readFileSync(PAGE, "utf8"));
  const options = { ...(await resolveConfig(PAGE)), parser: "markdown" };
  const figures = await format(markdown(report, "benchmarks.svg"), options);
  writeFileSync(CHART, chart(report.outcomes));
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${figures}\n${END}${after}`);
}

/** The text before the markers and after them. */
function around(page: string): [before: string, after: string] {
  const [before, rest, ...more] = page.split(BEGIN);
  const [figures, after, ...evenMore] = rest?.split(END) ?? [];
  if (before === undefined || figures === undefined || after === undefined)
    throw new Error(`${PAGE} has no lines ${BEGIN} and ${END}`);
  if (more.length + evenMore.length > 0)
    throw new Error(`${PAGE} has more than one ${BEGIN} or ${END}`);
  return [before, after];
}
