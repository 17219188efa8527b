import { UsageError } from "../../../errors/copy-error.ts";
import { isExport } from "../../../native/export.ts";
import { absolute, statExactSync } from "../../../native/files.ts";
import { identityOf } from "../../../stages/file-identity.ts";
import { MOST_DESTINATIONS } from "../../../stages/retrieve/shared/shared-source.ts";
import { type Endpoint, nameOf, parseEndpoint } from "../../../sync/connection/endpoint.ts";
import { type Destination, sameDestinations } from "../../../sync/many/copy-to-many.ts";
import { refuseStandardInput } from "../../options/file-name.ts";

/**
 * Parses the names of several destinations.
 *
 * @throws UsageError
 */
export function parseDestinations(names: readonly string[]): Destination[] {
  if (names.length > MOST_DESTINATIONS) {
    throw new UsageError(
      `${names.length} destinations are more than ${MOST_DESTINATIONS}`,
      "run one `sync` after the other, each with some of them; or copy to a few hosts, and from each of these to others",
    );
  }
  const destinations = names.map((name, place): Destination => {
    refuseStandardInput(name);
    const end = parseEndpoint(name);
    refuseFolder(name, end);
    return { id: place + 1, name, end };
  });
  refuseRepeated(destinations);
  return destinations;
}

/**
 * Parses the source of several destinations, which is on this host.
 *
 * @throws UsageError
 */
export function parseSource(name: string): string {
  refuseStandardInput(name);
  const end = parseEndpoint(name);
  if (end.kind === "remote") {
    throw new UsageError(
      `${name} is on another host, and a source with several destinations is read on this one`,
      `run \`blockcopy sync\` on ${end.host}, or once for each destination`,
    );
  }
  return end.path;
}

/** Refuses a folder. Who names one last takes the names before it for sources, as of cp(1), and the copy would overwrite them. */
function refuseFolder(name: string, end: Endpoint): void {
  if (isExport(end.path)) {
    return;
  }
  if (end.path.endsWith("/") || (end.kind === "local" && isFolder(end.path))) {
    throw new UsageError(
      `${name} is a folder, and each name after the first one is a destination, which is overwritten`,
      "name files or devices; to copy several sources, run one `sync` for each",
    );
  }
}

function isFolder(path: string): boolean {
  try {
    return statExactSync(path).isDirectory();
  } catch {
    // Its stage says why it cannot be looked at.
    return false;
  }
}

/** Refuses a destination that is named twice. Those that are the same under different names on other hosts show when they are open. */
function refuseRepeated(destinations: readonly Destination[]): void {
  const seen = new Map<string, Destination>();
  for (const destination of destinations) {
    const identities = identitiesOf(destination.end);
    const other = identities.map((identity) => seen.get(identity)).find((found) => found);
    if (other !== undefined) {
      throw sameDestinations(destination, other);
    }
    identities.forEach((identity) => seen.set(identity, destination));
  }
}

/** Returns what tells a destination from others: its name, and on this host also its place on the disk. */
function identitiesOf(end: Endpoint): string[] {
  if (end.kind === "remote") {
    return [`${end.port ?? ""} ${nameOf(end)}`];
  }
  const name = `here ${absolute(end.path)}`;
  try {
    return [name, identityOf(statExactSync(end.path))];
  } catch {
    // One that does not exist, or cannot be looked at: its stage says so.
    return [name];
  }
}
