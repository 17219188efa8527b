import { printable } from "../../errors/printable.ts";

/** A run of `sync`, for the metrics. */
export interface MeasuredRun {
  /** The ends as the user wrote them. */
  source: string;
  destination: string;
  exitCode: number;
  /** Duration in seconds. */
  seconds: number;
  /** Time of its end, in seconds since 1970. */
  at: number;
  /** Bytes that were read, that differed and that were sent, up to a failure; undefined if they were not counted. */
  read: number | undefined;
  changed: number | undefined;
  sent: number | undefined;
  dryRun: boolean;
}

const PREFIX = "blockcopy_sync";

/** The start of a file of metrics. */
export const METRICS_BEGINNING = `# HELP ${PREFIX}_`;

const LAST_SUCCESS = "last_success_timestamp_seconds";

/**
 * Returns a run in the text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * @param before the file of the previous run, which has the time of the last success
 */
export function metricsText(run: MeasuredRun, before: string): string {
  const succeeded = run.exitCode === 0;
  const labels = `{source="${escaped(run.source)}",destination="${escaped(run.destination)}"}`;
  // A dry run makes no copy, so it is not a success.
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

/** Finds the time of the last successful copy between the same ends. */
function lastSuccess(before: string, labels: string): number | undefined {
  const start = `${PREFIX}_${LAST_SUCCESS}${labels} `;
  const line = before.split("\n").find((text) => text.startsWith(start));
  const value = Number(line?.slice(start.length) || Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** Escapes the value of a label. The format has an escape for line feeds. Other characters stay UTF-8, whatever the locale. */
function escaped(value: string): string {
  return value
    .split("\n")
    .map((line) => printable(line, { ascii: false }))
    .map((line) => line.replaceAll("\\", "\\\\").replaceAll('"', '\\"'))
    .join("\\n");
}
