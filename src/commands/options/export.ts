import { UsageError } from "../../errors/copy-error.ts";
import { isExport } from "../../native/export.ts";

const NO_IDENTITY = "an export has no permanent identifier that its digests could be matched to";

const NO_ATTRIBUTES = "an export has no owner, permissions or times";

/** The reason for which an option does not work with an export of an NBD server. */
const REASONS = {
  "--create": "its server has to create an export",
  "--truncate": "the size of an export is fixed",
  "--times": NO_ATTRIBUTES,
  "--perms": NO_ATTRIBUTES,
  "--owner": NO_ATTRIBUTES,
  "--group": NO_ATTRIBUTES,
  "--lock": "an export cannot be locked",
  "--cached": NO_IDENTITY,
  "--update-digests": NO_IDENTITY,
  "--digest-cache": NO_IDENTITY,
  "--incremental": "nothing tells if it is the one that was copied to before",
  "--streams": "several requests are always in flight to its server",
} as const satisfies Readonly<Record<string, string>>;

/**
 * Refuses options that do not work with the export of an NBD server.
 *
 * @param file the destination; anything that is not an export is accepted
 * @param given true for each option that is given
 * @throws UsageError
 */
export function refuseOnExport(
  file: string,
  given: Readonly<Partial<Record<keyof typeof REASONS, boolean>>>,
): void {
  if (!isExport(file)) {
    return;
  }
  for (const [option, reason] of Object.entries(REASONS)) {
    if (given[option as keyof typeof REASONS] === true) {
      throw new UsageError(`${option} does not work with ${file}: ${reason}`, "leave it out");
    }
  }
}
