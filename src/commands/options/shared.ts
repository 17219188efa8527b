import type { DigestName } from "../../protocol/digest.ts";
import type { RemoteOptions } from "../../sync/connection/remote-command.ts";
import type { Format } from "../../stages/image/format.ts";
import { DEFAULT_TIMEOUT } from "../../sync/silence.ts";
import { SIZE } from "./block-size.ts";
import { flag, value } from "./declare.ts";
import { ALGORITHM } from "./digest.ts";
import { COMMAND, MAP_FILE } from "./file-name.ts";
import { FORMAT } from "./format.ts";
import { SECONDS } from "./io-options.ts";
import { oneOf } from "./one-of.ts";
import { RATE } from "./rate.ts";
import { RANGE_MAP } from "./ranges/read-range-map.ts";

// Declarations of the options that `sync` and `compare` share. Each command calls them for fields of the same names.

/** The ways to get blockcopy to hosts without it. */
const HOW = oneOf("HOW", ["auto", "node", "single", "never"]);

/** The option for the format of the end with this name. */
export function format(end: "source" | "destination", name: string): Format | undefined {
  return value(`--${end}-format`, FORMAT, {
    group: "what",
    text: `Use the disk in ${name}, an image of this format: qcow2, vmdk, vhdx, vdi, raw, or auto, by name and content. Default: raw`,
  });
}

/** `--rsh` */
export function rsh(): string | undefined {
  return value("-e,--rsh", COMMAND, {
    group: "connection",
    text: "Connect with this command instead of ssh, split into words at spaces",
  });
}

/** `--remote-command` */
export function remoteCommand(): string | undefined {
  return value("--remote-command", COMMAND, {
    group: "connection",
    text: "Run this on the other host instead of blockcopy: words for the shell there",
  });
}

/** `--sudo` */
export function sudo(): boolean {
  return flag("--sudo", {
    group: "connection",
    text: "Run it there with `sudo -n`, which must not ask for a password",
  });
}

/** `--bootstrap` */
export function bootstrap(): RemoteOptions["bootstrap"] | undefined {
  return value("--bootstrap", HOW, {
    group: "connection",
    text: "Send to a host without blockcopy: node, this program for the Node there; single, an executable that needs none; auto, the first that works; never. Default: auto",
  });
}

/** `--no-bootstrap` */
export function noBootstrap(): boolean {
  return flag("--no-bootstrap", {
    group: "connection",
    text: "The same as --bootstrap never: also run nothing that was sent there before",
  });
}

/** `--timeout` */
export function timeout(): number | undefined {
  return value("--timeout", SECONDS, {
    group: "connection",
    text: `Fail when a stage or host says nothing for this many seconds, 0 for no limit. Default: ${DEFAULT_TIMEOUT}`,
  });
}

/** `--bwlimit` */
export function bwlimit(): number | undefined {
  return value("--bwlimit", RATE, {
    group: "speed",
    text: "Send at most RATE bytes per second in each direction, such as 20M (K, M, G: powers of 1024)",
  });
}

/** `--digest` */
export function digest(): DigestName | undefined {
  return value("--digest", ALGORITHM, {
    group: "speed",
    text: "Digest of the blocks between hosts: blake3 or sha3-512. Default: blake3",
  });
}

/** `--block-size`; `usual` is the size without it. */
export function blockSize(usual: string): number | undefined {
  return value("--block-size", SIZE, {
    group: "speed",
    text: `Bytes per block between hosts: a power of two from 4K to 16M. Default: ${usual}`,
  });
}

/** `--ranges` */
export function ranges(): string | undefined {
  return value("--ranges", RANGE_MAP, {
    group: "what",
    text: "Compare only the ranges in this range map, in whole blocks: a file of this host or - (see `blockcopy help checksum`), or, of an NBD export that is the source, bitmap:NAME, a dirty bitmap, or allocation, what is allocated",
  });
}

/** `--quiet` */
export function quiet(): boolean {
  return flag("-q,--quiet", { group: "output", text: "Print errors only", isForTerminal: true });
}

/** `--progress` */
export function progress(): boolean {
  return flag("--progress", {
    group: "output",
    text: "Print progress even if standard error is not a terminal, one line per 5 %, and with --json",
    isForTerminal: true,
  });
}

/** `--json` */
export function json(): boolean {
  return flag("--json", {
    group: "output",
    text: "Write events to standard output as JSON, one object per line",
    isForTerminal: true,
  });
}

/** `--map` */
export function drawMap(): boolean {
  return flag("--map", {
    group: "output",
    text: "Draw the change map, which shows where blocks differed",
  });
}

/** `--map-file` */
export function mapFile(): string | undefined {
  return value("--map-file", MAP_FILE, {
    group: "output",
    text: "Write the change map to this file, as an image",
  });
}

/** The options for reaching other hosts, as a command has them. */
interface Connecting extends Pick<RemoteOptions, "remoteCommand" | "sudo"> {
  rsh: string | undefined;
  bootstrap: RemoteOptions["bootstrap"] | undefined;
  noBootstrap: boolean;
  timeout: number | undefined;
}

/** Returns the options for reaching other hosts, with their defaults. */
export function remoteOptionsOf(command: Connecting): RemoteOptions {
  const { rsh: shell = "ssh", remoteCommand: there, sudo: asRoot, timeout: seconds } = command;
  return {
    rsh: shell,
    remoteCommand: there,
    sudo: asRoot,
    bootstrap: command.noBootstrap ? "never" : (command.bootstrap ?? "auto"),
    timeout: seconds ?? DEFAULT_TIMEOUT,
  };
}
