import { UsageError } from "../../errors/copy-error.ts";
import { isExport } from "../../native/export.ts";
import { type Format, type FormatChoice, FORMATS } from "../../stages/image/format.ts";
import type { Endpoint } from "../../sync/connection/endpoint.ts";
import type { Kind } from "./declare.ts";
import { oneOf } from "./one-of.ts";

/** Format of a file or device. */
export const FORMAT: Kind<Format> = oneOf("FORMAT", FORMATS, "qcow2");

const NO_IDENTITY = "the disk in an image has no identity that its digests could be matched to";

const NO_ATTRIBUTES = "the disk in an image has no owner, permissions or times";

/** The reason for which an option does not work with an image. */
const REASONS = {
  "--create":
    "only `sync` creates an image; create it with `qemu-img create -f FORMAT FILE SIZE`, as large as the source",
  "--truncate": "the size of the disk in an image is fixed (`qemu-img resize` changes it)",
  "--times": NO_ATTRIBUTES,
  "--perms": NO_ATTRIBUTES,
  "--owner": NO_ATTRIBUTES,
  "--group": NO_ATTRIBUTES,
  "--lock": "qemu-nbd locks an image in its own way, against virtual machines too",
  "--cached": NO_IDENTITY,
  "--update-digests": NO_IDENTITY,
  "--digest-cache": NO_IDENTITY,
  "--incremental": "nothing tells if it is the disk that was copied to before",
  "--streams": "only one process at a time may write to an image",
  "--snapshot":
    "the snapshot would be one of the file, and qemu-nbd would still open the image itself",
  "--direct": "qemu-nbd reads and writes the image",
} as const satisfies Readonly<Record<string, string>>;

/**
 * Refuses options that do not work with an image.
 *
 * @param given true for each option that is given
 * @throws UsageError
 */
export function refuseOnImage(
  { format, option }: FormatChoice,
  given: Readonly<Partial<Record<keyof typeof REASONS, boolean>>>,
): void {
  if (format === undefined || format === "raw") {
    return;
  }
  for (const [name, reason] of Object.entries(REASONS)) {
    if (given[name as keyof typeof REASONS] === true) {
      throw new UsageError(
        `${name} does not work with ${option} ${format}: ${reason}`,
        "leave it out",
      );
    }
  }
}

/**
 * Refuses formats where there is no image, and what no image allows.
 *
 * @throws UsageError
 */
export function refuseFormats(
  given: {
    sourceFormat: Format | undefined;
    destinationFormat: Format | undefined;
    direct: string;
  },
  { from, to }: { from: Endpoint; to: Endpoint },
): void {
  for (const [option, format, { path }] of [
    ["--source-format", given.sourceFormat, from],
    ["--destination-format", given.destinationFormat, to],
  ] as const) {
    if (format !== undefined && format !== "raw" && isExport(path)) {
      throw new UsageError(
        `${option} does not work with ${path}: the server of an export decides its format`,
        "leave it out",
      );
    }
    refuseOnImage({ format, option }, { "--direct": given.direct === "on" });
  }
}
