import { UsageError } from "../../errors/copy-error.ts";
import { isExport } from "../../native/export.ts";
import { lstatSync } from "../../native/files.ts";

/** One end of a copy: a file or device on this host or another one. */
export type Endpoint = LocalEndpoint | RemoteEndpoint;

/** A file or device on this host. */
interface LocalEndpoint {
  kind: "local";
  path: string;
}

/** A file or device on another host. */
export interface RemoteEndpoint {
  kind: "remote";
  /** The user who logs in; undefined for the default of ssh. */
  user: string | undefined;
  /** A name, or an address without brackets. */
  host: string;
  port: number | undefined;
  /** The path on that host. A relative path is below the home folder. */
  path: string;
}

/**
 * Parses a name as scp(1) and rsync(1) do: `host:path` and `user@host:path` if there is a colon before the first slash, with an IPv6
 * address in brackets, and `ssh://user@host:port/path`. Anything else is a path on this host, such as `./a:b`, or the URI of an export that
 * this host reaches.
 *
 * @throws UsageError
 */
export function parseEndpoint(name: string): Endpoint {
  const url = /^ssh:\/\/(?<authority>[^/]*)(?<path>\/[^]*)?$/.exec(name)?.groups;
  if (url !== undefined) {
    return remote(name, authority(name, url["authority"] ?? ""), url["path"] ?? "");
  }
  if (isExport(name)) {
    return { kind: "local", path: name };
  }
  const scheme = /^(?<name>[a-z][a-z0-9+.-]*):\/\//i.exec(name)?.groups?.["name"];
  if (scheme !== undefined) {
    throw new UsageError(
      `${name} is an address for ${scheme}, which is not supported`,
      "give HOST:PATH, ssh://USER@HOST:PORT/PATH or nbd://HOST/EXPORT, or ./NAME for a file here",
    );
  }
  const scp = /^(?:(?<user>[^/:@]*)@)?(?<host>\[[^\]/]*\]|[^/:[\]]*):(?<path>[^]*)$/.exec(
    name,
  )?.groups;
  if (scp === undefined) {
    refuseBareHost(name);
    refuseBareAddress(name);
    return { kind: "local", path: name };
  }
  return remote(
    name,
    { user: scp["user"], host: scp["host"] ?? "", port: undefined },
    scp["path"] ?? "",
  );
}

/**
 * Refuses a name that is most likely a host without a path. Otherwise a local file of that name would be made or read.
 *
 * @throws UsageError
 */
export function refuseBareHost(name: string): void {
  if (/^(?:[^/:]+@[^/:]*|@[^/:]+|(?:[^/:@]*@)?\[[^\]/]*:[^\]/]*\])$/.test(name)) {
    throw bareHostError(name);
  }
}

/** Refuses an IPv4 address without a path, unless a file of that name exists. */
function refuseBareAddress(name: string): void {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(name) && !exists(name)) {
    throw bareHostError(name);
  }
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function bareHostError(name: string): UsageError {
  return new UsageError(
    `${name} looks like a host without a file`,
    `give ${name}:PATH for a file or device there, or ./${name} for a file here`,
  );
}

/** Returns an end as people write it. */
export function nameOf(end: Endpoint): string {
  if (end.kind === "local") {
    return end.path;
  }
  return `${hostOf(end)}:${end.path}`;
}

/** Returns the path of an end that this host reads; undefined for one on another host. */
export function pathHere(end: Endpoint): string | undefined {
  return end.kind === "local" ? end.path : undefined;
}

/** Returns the host of an end for a message. */
export function hostLabel(end: Endpoint): string {
  return end.kind === "local" ? "this host" : hostOf(end);
}

/** Makes the error for a source that is the destination as well. */
export function sameError(source: string, destination: string): UsageError {
  return new UsageError(`${source} and ${destination} are the same`, "give two different ones");
}

/**
 * Refuses an export that is the source too, before both are opened: a server may serve one client only.
 *
 * @throws UsageError
 */
export function refuseSameExport(source: string, destination: string): void {
  const [from, to] = [parseEndpoint(source), parseEndpoint(destination)];
  if (isExport(to.path) && nameOf(from) === nameOf(to)) {
    throw sameError(source, destination);
  }
}

/** Returns the host of a remote end as people write it. */
export function hostOf({ user, host }: RemoteEndpoint): string {
  const shown = host.includes(":") ? `[${host}]` : host;
  return user === undefined ? shown : `${user}@${shown}`;
}

type Authority = Pick<RemoteEndpoint, "user" | "host" | "port">;

function authority(name: string, text: string): Authority {
  const parts = /^(?:(?<user>[^@]*)@)?(?<host>\[[^\]]*\]|[^:[\]]*)(?::(?<port>[0-9]{1,5}))?$/.exec(
    text,
  )?.groups;
  const port = parts?.["port"] === undefined ? undefined : Number(parts["port"]);
  if (parts === undefined || (port !== undefined && (port < 1 || port > 65_535))) {
    throw new UsageError(
      `${name} is not an address of a host`,
      "give ssh://USER@HOST:PORT/PATH; USER@ and :PORT are optional",
    );
  }
  return { user: parts["user"], host: parts["host"] ?? "", port };
}

function remote(name: string, { user, host, port }: Authority, path: string): RemoteEndpoint {
  const address = host.startsWith("[") ? host.slice(1, -1) : host;
  // ssh would take a host or user that begins with a dash for an option.
  if (address === "" || address.startsWith("-") || user?.startsWith("-") === true || user === "") {
    throw new UsageError(`${name} names no host`, "give USER@HOST:PATH, or ./NAME for a file here");
  }
  // A Windows drive, or characters that are not allowed in host names.
  if (/^[A-Za-z]:\\/.test(name) || /[\s\p{Cc}\p{Cs}]/u.test(`${user ?? ""}${address}`)) {
    throw new UsageError(
      `${name} does not begin with the name of a host`,
      "give HOST:PATH, or ./NAME for a file here",
    );
  }
  if (path === "") {
    throw new UsageError(
      `${name} names no file or device on ${address}`,
      `give its path there: ${name.endsWith(":") ? name : `${name}/`}PATH`,
    );
  }
  if (port === undefined && path.startsWith(":") && !name.startsWith("ssh:")) {
    throw new UsageError(
      `${name} names a module of an rsync daemon, which is not supported`,
      "give HOST:PATH with one colon, which connects by ssh",
    );
  }
  return { kind: "remote", user, host: address, port, path };
}
