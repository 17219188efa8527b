import { printable } from "../../errors/printable.ts";

/** What is told of a run. */
export interface Run {
  /** As they were given. */
  source: string;
  destination: string;
  exitCode: number;
  /** How long it took, in seconds. */
  seconds: number;
  /** When it ended, in seconds since 1970. */
  at: number;
  /** Bytes that were read, that differed, and that were sent; what had been done of it, when it failed; undefined where nobody has counted. */
  read: number | undefined;
  changed: number | undefined;
  sent: number | undefined;
  dryRun: boolean;
}

/** Begins all names. */
const PREFIX = "blockcopy_sync";

/** How a file of metrics begins. */
export const METRICS_BEGINNING = `# HELP ${PREFIX}_`;

const LAST_SUCCESS = "last_success_timestamp_seconds";

/**
 * A run as Prometheus reads it from a file: https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * @param before what the file has of the run before, which knows when one last succeeded
 */
export function metricsText(run: Run, before: string): string {
  const succeeded = run.exitCode === 0;
  const labels = `{source="${escaped(run.source)}",destination="${escaped(run.destination)}"}`;
  // A dry run makes no copy, so that one which succeeds is none that a person can rely on.
  const success = succeeded && !run.dryRun ? run.at : lastSuccess(before, labels);
  const metrics: [name: string, help: string, value: number | undefined][] = [
    ["success", "Whether the last run succeeded.", Number(succeeded)],
    ["exit_code", "Exit code of the last run.", run.exitCode],
    ["dry_run", "Whether the last run only counted what it would do.", Number(run.dryRun)],
    ["duration_seconds", "How long the last run took.", Math.round(run.seconds * 1000) / 1000],
    ["read_bytes", "Bytes of the source that the last run compared.", run.read],
    ["changed_bytes", "Bytes of the blocks that differed.", run.changed],
    ["sent_bytes", "Bytes that went from the source to the destination.", run.sent],
    ["last_run_timestamp_seconds", "When the last run ended.", run.at],
    [LAST_SUCCESS, "When a copy last succeeded.", success],
  ];
  return metrics
    .flatMap(([name, help, value]) =>
      value === undefined
        ? []
        : [
            `# HELP ${PREFIX}_${name} ${help}`,
            `# TYPE ${PREFIX}_${name} gauge`,
            `${PREFIX}_${name}${labels} ${value}`,
          ],
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** When a copy of the same two last succeeded, as far as the file says. */
function lastSuccess(before: string, labels: string): number | undefined {
  const start = `${PREFIX}_${LAST_SUCCESS}${labels} `;
  const line = before.split("\n").find((text) => text.startsWith(start));
  const value = Number(line?.slice(start.length) || Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** A value of a label. The format has an escape for the ends of lines. The file is not for the locale of one user. */
function escaped(value: string): string {
  return value
    .split("\n")
    .map((line) => printable(line, { ascii: false }))
    .map((line) => line.replaceAll("\\", "\\\\").replaceAll('"', '\\"'))
    .join("\\n");
}
