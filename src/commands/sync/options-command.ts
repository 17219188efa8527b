import { UsageError } from "../../errors/copy-error.ts";
import { DestinationCommand } from "../destination-command.ts";
import { METHOD } from "../options/compress.ts";
import { flag, value } from "../options/declare.ts";
import { fileHere, fileName } from "../options/file-name.ts";
import { BASE } from "../options/base-name.ts";
import { STREAMS } from "../options/io-options.ts";
import { OFFSET } from "../options/offset.ts";
import { SHARE } from "../options/ranges/share.ts";
import * as shared from "../options/shared.ts";
import * as ofSnapshot from "../options/snapshot-options.ts";
import { ADDRESS, LISTENER, PORTS, TRANSPORT } from "../options/transport.ts";
import { WIRE } from "../options/wire.ts";

/** Options of `sync`. */
export abstract class SyncOptionsCommand extends DestinationCommand {
  sourceFormat = shared.format("source", "SOURCE");

  destinationFormat = shared.format("destination", "DESTINATION");

  allowLarger = flag("--allow-larger", {
    group: "what",
    text: "Accept a DESTINATION that is larger than SOURCE, and leave its end as it is",
  });

  start = value("--start", OFFSET, { group: "what", text: "Start at this OFFSET" });

  end = value("--end", OFFSET, {
    group: "what",
    text: "Stop at this OFFSET; the rest of DESTINATION stays as it is",
  });

  ranges = shared.ranges();

  auditRuns = value("--audit", SHARE, {
    group: "safety",
    text: "With --ranges: also compare this share of what the range map leaves out, such as 3%, another one in each run; if it differs, repair it and end with exit code 79",
  });

  auditState = value("--audit-state", fileHere("FILE"), {
    group: "safety",
    text: "Keep in this file of this host which share is next; without it, each run compares a random one",
  });

  destinations = value("--destinations", fileHere("LIST"), {
    group: "what",
    text: "Copy to the destinations in this file too, one in each line, without those that begin with #; - is standard input",
    isForTerminal: true,
  });

  delta = value("--delta", fileHere("FILE"), {
    group: "what",
    text: "Write the blocks that differ to this file of this host, for `save DESTINATION`, and nothing to DESTINATION",
  });

  dryRun = flag("-n,--dry-run", {
    group: "safety",
    text: "Only say what would be sent, and write nothing; takes all options of the copy except --verify",
  });

  incremental = value("--incremental", BASE, {
    group: "speed",
    text: "Copy a thin LVM volume and keep the snapshot that was copied, so that the next run with this NAME only reads what has changed since; it says why if it compares everything",
  });

  snapshot = ofSnapshot.snapshot();

  snapshotSize = ofSnapshot.snapshotSize();

  before = ofSnapshot.before();

  after = ofSnapshot.after();

  hookTimeout = ofSnapshot.hookTimeout();

  rsh = shared.rsh();

  remoteCommand = shared.remoteCommand();

  sudo = shared.sudo();

  wire = value("--wire", WIRE, {
    group: "connection",
    text: "With 0.0.2, the other host has blockcopy 0.0.2, as in --remote-command 'python3 blockcopy.py'",
  });

  bootstrap = shared.bootstrap();

  noBootstrap = shared.noBootstrap();

  timeout = shared.timeout();

  transport = value("--transport", TRANSPORT, {
    group: "connection",
    text: "Send digests and blocks over ssh, or over TCP connections of their own with TLS 1.3, with keys that ssh has exchanged; auto tries tls, then ssh. Default: ssh",
  });

  ports = value("--ports", PORTS, {
    group: "connection",
    text: "With --transport tls, listen on a port of this range, one for each stream or destination. Default: any free port",
  });

  listen = value("--listen", LISTENER, {
    group: "connection",
    text: "With --transport tls, the end that listens: source or destination. Default: the one on the other host; the destination, if both are",
  });

  bind = value("--bind", ADDRESS, {
    group: "connection",
    text: "With --transport tls, listen on this address of that host, and connect to it",
  });

  compress = value("--compress", METHOD, {
    group: "speed",
    text: "Compress the blocks between hosts: none, lz4, zstd[:LEVEL], lzma[:LEVEL] or auto. Default: auto",
  });

  compressAuto = flag("-z", { group: "speed", text: "The same as --compress auto" });

  bwlimit = shared.bwlimit();

  streams = value("--streams", STREAMS, {
    group: "speed",
    text: "Copy over this number of connections to each host, up to 8, for links that are faster than one connection; with --delta, only the source gets several",
  });

  digest = shared.digest();

  blockSize = shared.blockSize("128K, or 64K with --incremental");

  digestCache = value("--digest-cache", fileName("DIGESTS"), {
    group: "speed",
    text: "Keep the digests of DESTINATION in this file of its host, and send these the next time instead of reading DESTINATION",
  });

  quiet = shared.quiet();

  progress = shared.progress();

  stats = flag("--stats", {
    group: "output",
    text: "Print the summary at the end even with -q and --json",
    isForTerminal: true,
  });

  json = shared.json();

  drawMap = shared.drawMap();

  mapFile = shared.mapFile();

  metrics = value("--metrics", fileHere("FILE"), {
    group: "output",
    text: "Write the result to this file, for the textfile collector of Prometheus",
  });

  /** True if the change map is wanted, drawn or in a file. A field and no getter: copies of the options must have it. */
  map = false;

  /**
   * Sets what follows from other options: those that a short form stands for, and whether a change map is made.
   *
   * @throws UsageError
   */
  settleOptions(): void {
    this.settleAttributes();
    this.map = this.drawMap || this.mapFile !== undefined;
    if (!this.compressAuto) {
      return;
    }
    if (this.compress !== undefined) {
      throw new UsageError("-z and --compress say the same", "leave one of them out");
    }
    this.compress = "auto";
  }
}
