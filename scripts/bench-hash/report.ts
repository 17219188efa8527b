import { columns } from "../common/columns.ts";
import { cells, spread, type Spread } from "../common/spread.ts";
import type { Sample } from "./measure.ts";

/** A row of the table; `null` where there is no such figure. */
export interface Row {
  readonly name: string;
  /** 10^6 bytes a second; `null` for a contender that is not installed. */
  readonly megabytesPerSecond: Spread | null;
  /** To the rate of OpenSSL in the same round. */
  readonly ratioToOpenssl: Spread | null;
  readonly cyclesPerByte: Spread | null;
}

/** The row of a contender. `reference` are the samples of OpenSSL, round by round. */
export function row(
  name: string,
  samples: readonly Sample[],
  reference: readonly Sample[] | undefined,
): Row {
  const ratios = samples.flatMap(({ bytesPerSecond }, round) => {
    const openssl = reference?.[round];
    return openssl === undefined ? [] : [bytesPerSecond / openssl.bytesPerSecond];
  });
  return {
    name,
    megabytesPerSecond: spread(samples.map(({ bytesPerSecond }) => bytesPerSecond / 1e6)),
    ratioToOpenssl: spread(ratios),
    cyclesPerByte: spread(samples.flatMap(({ cyclesPerByte }) => cyclesPerByte ?? [])),
  };
}

/** The table, for people. */
export function table(rows: readonly Row[]): string {
  const head = ["", "MB/s", "min–max", "to OpenSSL", "min–max", "cycles/byte"];
  const lines = rows.map((contender) =>
    contender.megabytesPerSecond === null
      ? [contender.name, "not installed", "–", "–", "–", "–"]
      : [
          contender.name,
          ...cells(contender.megabytesPerSecond, 0),
          ...cells(contender.ratioToOpenssl, 2),
          contender.cyclesPerByte?.median.toFixed(2) ?? "–",
        ],
  );
  return columns([head, ...lines]);
}
