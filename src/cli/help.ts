import type { Cli, CommandClass } from "clipanion";

/** What the values of options are called; clipanion has no names for them. */
const VALUES: Readonly<Record<string, string>> = {
  start: "OFFSET",
  end: "OFFSET",
  ranges: "MAP",
  digest: "ALGORITHM",
  "block-size": "SIZE",
  cached: "DIGESTS",
  "digest-cache": "DIGESTS",
  "update-digests": "DIGESTS",
  compress: "METHOD",
  verify: "WHAT",
  direct: "WHEN",
  threads: "COUNT",
  "queue-depth": "COUNT",
  bwlimit: "RATE",
  delta: "FILE",
  streams: "COUNT",
  wire: "VERSION",
  rsh: "COMMAND",
  "remote-command": "COMMAND",
  metrics: "FILE",
  timeout: "SECONDS",
};

const EPILOGUE = `
Make /dev/vg/copy equal to /dev/vg/disk of another host:

  $ blockcopy sync root@host:/dev/vg/disk /dev/vg/copy

The same by its three stages, of which each may be blockcopy 0.0.2:

  $ blockcopy checksum /dev/vg/copy | ssh root@host blockcopy retrieve /dev/vg/disk | blockcopy save /dev/vg/copy

Environment: BLOCKCOPY_WIRE=0.0.2 sends byte for byte what blockcopy 0.0.2 would; BLOCKCOPY_SIMD=portable, avx2, avx512 or
neon makes SHA3-512 use that instruction set instead of the best one; DEBUG=1 is --verbose;
TMPDIR names the folder for what does not fit into memory. Variables of Node and OpenSSL, such as NODE_OPTIONS, only reach ssh.

Signals: INT, TERM and HUP end a copy when what it has written is on the disk, a second one ends it at once; USR1 makes
any command say how far it is. One that was ignored at the start, as with nohup, stays ignored.

Exit codes: 0 success, 64 usage, 65 differs when read back, 66 no such file, 69 device busy or no connection, 70 internal error,
73 digests, map or metrics not kept, 74 I/O error, 75 connection cut or destination locked, 76 protocol error, 77 permission denied or read-only,
78 for another destination, 129, 130 and 143 signals, 141 nobody reads the output.
`;

/** Help on all commands. */
export function overview(cli: Cli): string {
  // With all their options, nobody finds the commands.
  const short = cli
    .usage()
    .replaceAll(/^( {2}blockcopy \w+) .*?((?: \[?<?[A-Z]+>?\]?)+)$/gm, "$1 [OPTIONS]$2");
  return short + EPILOGUE;
}

/** Help on one command. */
export function helpOn(cli: Cli, command: CommandClass): string {
  return aligned(named(cli.usage(command, { detailed: true })));
}

function named(usage: string): string {
  return usage.replaceAll(
    /--([\w-]+) #0/g,
    (_, option: string) => `--${option} ${VALUES[option] ?? "VALUE"}`,
  );
}

/** The table of options, whose columns the names of the values have shifted. */
function aligned(usage: string): string {
  const row = /^ {2}(-\S+(?: [A-Z]+)?) +(\S.*)$/gm;
  const width = Math.max(...Array.from(usage.matchAll(row), ([, name = ""]) => name.length));
  return usage.replaceAll(
    row,
    (_, name: string, description: string) => `  ${name.padEnd(width)}  ${description}`,
  );
}
