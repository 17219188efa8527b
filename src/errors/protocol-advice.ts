import type { ProtocolError } from "../protocol/error.ts";

/** Returns advice on a faulty stream that `stage` reads. */
export function adviceOnStream(error: ProtocolError, stage: string): string {
  return stage === "inspect" ? adviceOnInspected(error) : adviceOnProtocol(error);
}

function adviceOnProtocol(error: ProtocolError): string {
  switch (error.code) {
    case "closed":
    case "truncated-command":
    case "truncated-frame":
      return "the stage before this one failed or was cut off: read its messages, then run all stages again";
    case "unknown-command":
      return "the input is not a stream of blockcopy, or was damaged on the way: check the command before the pipe, and that no shell profile on its host writes to standard output";
    case "other-stream":
      return "put the stages in order: `blockcopy checksum DESTINATION | blockcopy retrieve SOURCE | blockcopy save DESTINATION`";
    case "no-trailer":
      return "all blocks are written and synced; the option needs this version of `blockcopy retrieve`, without BLOCKCOPY_WIRE";
    case "no-root":
      return "all blocks are written and synced, but not read back: use --verify=written, or copy all of the source and run it again";
    case "out-of-order":
      return "leave out --verify, or let this version of `blockcopy retrieve` make the stream, without BLOCKCOPY_WIRE";
    case "not-asked":
      return "the other end is another program, or something in between has changed the stream: check what runs there, then run it again";
    case "outside":
      return "that block was not written; do not trust the source, or what is between the hosts: check what runs there, then run it again";
    case "unsupported":
      return "install the newer of the two versions of blockcopy on both hosts";
    default:
      return "the stream was damaged on the way, or comes from another program";
  }
}

/** Returns advice for `inspect`, whose input is usually a file, not another stage. */
function adviceOnInspected(error: ProtocolError): string {
  switch (error.code) {
    case "closed":
    case "truncated-command":
    case "truncated-frame":
      return "whatever wrote the stream failed or was cut off: make the stream again";
    case "unknown-command":
      return error.offset === 0
        ? "this is not a stream of blockcopy, or it is compressed: give what `blockcopy checksum` or `blockcopy retrieve` wrote"
        : "the stream is damaged from here on: make it again";
    case "other-stream":
      return "two streams are mixed here: keep each in a file of its own";
    case "bad-tail":
      return "make the stream again; without this, `blockcopy save` can write the blocks, but not use --truncate, -t, -p, -o, -g or --verify=full";
    case "unsupported":
      return "inspect it with the version of blockcopy that wrote it";
    default:
      return "the stream is damaged from here on, or another program wrote it: make it again";
  }
}
