import { setTimeout as sleep } from "node:timers/promises";

import * as t from "typanion";

import type * as Binding from "../../native/binding.js";
import { ProtocolError } from "../../protocol/error.ts";
import { Input } from "../../transport/streams/input.ts";
import { eventLine } from "../../ui/event-lines.ts";
import { ADDRESS } from "../../ui/programs/event-schema.ts";
import { printLine } from "../../ui/stderr.ts";
import { isConsequence } from "../../stages/error-event.ts";

/** Longest line on the control channel, in bytes. */
const LONGEST_LINE = 4096;

const LF = 0x0a;

/** Milliseconds that the connection may take to report its failure after a stream of the stage has ended because of it. */
const PATIENCE = 500;

const isPort = t.cascade(t.isNumber(), [t.isInteger(), t.isInInclusiveRange(0, 65_535)]);

/** A line of `sync` on the control channel. */
const isCall = t.isObject({
  /** The one-time public key of the peer. */
  key: t.isString(),
  /** Bytes that will come on the control channel, and belong after the stream of the peer. */
  epilogue: t.cascade(t.isNumber(), [t.isInteger(), t.isInInclusiveRange(0, 64)]),
  /** The ports to choose from, and the address to listen on, for the end that listens. */
  listen: t.isOptional(t.isObject({ from: isPort, to: isPort, bind: t.isNullable(t.isString()) })),
  /** The place of the peer, for the end that connects. */
  connect: t.isOptional(
    t.isObject({
      addresses: t.cascade(t.isArray(t.isString()), [t.hasMaxLength(8)]),
      port: isPort,
    }),
  ),
});

type Call = t.InferType<typeof isCall>;

/** The services that a direct connection uses. */
interface DirectContext {
  native: typeof Binding;
  debug: (message: string) => void;
}

/** The streams of a stage over a direct connection with the other stage, in the place of standard input and output. */
export class DirectStreams {
  readonly #tunnel: Binding.Tunnel;

  private constructor(tunnel: Binding.Tunnel) {
    this.#tunnel = tunnel;
  }

  /**
   * Connects with the other stage as `sync` tells on standard input, which becomes the control channel.
   *
   * @throws ProtocolError if `sync` has gone; the engine's failures
   */
  static async open({ native, debug }: DirectContext): Promise<DirectStreams> {
    const tunnel = new native.Tunnel();
    const { key } = tunnel;
    printLine(eventLine({ event: "tunnel", key, ...sshAddresses() }));
    const call = parseCall(await readLine(native));
    if (call.listen !== undefined) {
      const { from, to, bind } = call.listen;
      const port = tunnel.listen(bind, from, to);
      printLine(eventLine({ event: "tunnel", key, port }));
    }
    const peer = await connected(tunnel, call);
    debug(`direct connection with ${peer}, TLS 1.3`);
    return new DirectStreams(tunnel);
  }

  /**
   * Does `work`, which uses descriptors 0 and 1, and ends the connection in good order.
   *
   * @param awaitsPeer wait for the end of the peer's stream too. Only the destination does: its process goes on until the data is on the disk
   * @throws whatever `work` throws; the failure of the connection instead, if that is the cause
   */
  async during<T>(work: () => Promise<T>, awaitsPeer: boolean): Promise<T> {
    const ended = this.#tunnel.run(awaitsPeer);
    const failure = ended.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    let result: T;
    try {
      result = await work();
    } catch (error) {
      const lost = isConsequence(error)
        ? await Promise.race([failure, sleep(PATIENCE, undefined)])
        : undefined;
      throw lost === undefined ? error : lost.error;
    }
    this.#tunnel.finish();
    await ended;
    return result;
  }
}

function connected(tunnel: Binding.Tunnel, { key, epilogue, connect }: Call): Promise<string> {
  return connect === undefined
    ? tunnel.accept(key, epilogue)
    : tunnel.connect(key, epilogue, connect.addresses, connect.port);
}

/** Reads a line from standard input, and not a byte more: what follows belongs to the connection. */
async function readLine(native: typeof Binding): Promise<string> {
  const input = new Input(native, "control channel");
  const line = Buffer.alloc(LONGEST_LINE);
  for (let at = 0; at < line.length; at += 1) {
    const count = await input.read(line.subarray(at, at + 1));
    if (count === 0) {
      throw new ProtocolError("closed", at, "the program that has started this stage has gone");
    }
    if (line[at] === LF) {
      return line.toString("utf8", 0, at);
    }
  }
  throw unexpected();
}

function parseCall(line: string): Call {
  let call: unknown;
  try {
    call = JSON.parse(line);
  } catch {
    throw unexpected();
  }
  if (!isCall(call) || (call.listen === undefined) === (call.connect === undefined)) {
    throw unexpected();
  }
  return call;
}

function unexpected(): ProtocolError {
  return new ProtocolError(
    "other-stream",
    0,
    "standard input did not tell how to reach the other stage",
  );
}

/** Returns the addresses of the connection that ssh has made, as sshd(8) names them. */
function sshAddresses(): { client: string | null; server: string | null } {
  const [client, , server] = (process.env["SSH_CONNECTION"] ?? "").split(" ");
  return { client: plainAddress(client), server: plainAddress(server) };
}

/** Returns an address without a zone; null for anything else. */
function plainAddress(text = ""): string | null {
  return ADDRESS.test(text) ? text : null;
}
