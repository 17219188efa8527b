import { setTimeout as sleep } from "node:timers/promises";

import type * as Binding from "../native/binding.js";
import { ProtocolError } from "../protocol/error.ts";
import { Input } from "../transport/streams/input.ts";
import { eventLine } from "../ui/event-lines.ts";
import type { JsonLine } from "../ui/json-line.ts";
import { ADDRESS } from "../ui/programs/event-values.ts";
import { parseTunnelCall, type TunnelCall } from "../ui/programs/tunnel-call.ts";
import { isConsequence } from "./error-event.ts";

/** Longest line on the control channel, in bytes. */
const LONGEST_LINE = 4096;

const LF = 0x0a;

/** Milliseconds that the connection may take to report its failure after a stream of the stage has ended because of it. */
const PATIENCE = 500;

/** The services that a direct connection uses. */
interface DirectContext {
  native: typeof Binding;
  debug: (message: string) => void;
  /** Takes the events for `sync`. */
  report: (event: JsonLine) => void;
  /**
   * The descriptor of the control channel, which is closed here. Without one, that is standard input, and descriptors 0 and 1 become the
   * ends of the connection.
   */
  control?: number;
}

/** The streams of a stage over a direct connection with the other stage. */
export class DirectStreams {
  readonly #tunnel: Binding.Tunnel;
  /** Descriptor from which the stream of the peer is read. */
  readonly input: number;
  /** Descriptor to which the stream for the peer is written. */
  readonly output: number;
  /** Settles when no more bytes are moved. */
  #ended: Promise<void> = Promise.resolve();

  private constructor(tunnel: Binding.Tunnel, { input, output }: Binding.Connected) {
    this.#tunnel = tunnel;
    this.input = input;
    this.output = output;
  }

  /**
   * Connects with the other stage as `sync` says on the control channel.
   *
   * @throws ProtocolError if `sync` has gone; the engine's failures
   */
  static async open({ native, debug, report, control }: DirectContext): Promise<DirectStreams> {
    const channel = new Input(native, "control channel", control);
    try {
      const tunnel = new native.Tunnel(control);
      const { key } = tunnel;
      report(eventLine({ event: "tunnel", key, ...sshAddresses() }));
      const call = parseTunnelCall(await readLine(channel));
      if (call === undefined) {
        throw unexpected();
      }
      if (call.listen !== undefined) {
        const { from, to, bind } = call.listen;
        const port = tunnel.listen(bind, from, to);
        report(eventLine({ event: "tunnel", key, port }));
      }
      const connected = await connect(tunnel, call);
      debug(`direct connection with ${connected.peer}, TLS 1.3`);
      return new DirectStreams(tunnel, connected);
    } finally {
      if (control !== undefined) {
        await channel.close();
      }
    }
  }

  /**
   * Does `work`, which uses the descriptors, and ends the connection in good order.
   *
   * @param end `awaitsPeer`: wait for the end of the peer's stream too. Only the destination does: its process goes on until the data is on
   *   the disk
   * @throws whatever `work` throws; the failure of the connection instead, if that is the cause
   */
  async during<T>(work: () => Promise<T>, { awaitsPeer }: { awaitsPeer: boolean }): Promise<T> {
    this.#ended = this.#tunnel.run(awaitsPeer);
    const failure = this.#ended.then(
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
    await this.#ended;
    return result;
  }

  /**
   * Waits until no more bytes are moved; after a failure, that is when the control channel ends. A connection that has not been used is closed
   * at once.
   */
  async settled(): Promise<void> {
    await this.#ended.catch(() => undefined);
    this.#tunnel.close();
  }
}

function connect(
  tunnel: Binding.Tunnel,
  { key, epilogue, connect: to }: TunnelCall,
): Promise<Binding.Connected> {
  return to === undefined
    ? tunnel.accept(key, epilogue)
    : tunnel.connect(key, epilogue, to.addresses, to.port);
}

/** Reads a line from the control channel, and not a byte more: what follows belongs to the connection. */
async function readLine(input: Input): Promise<string> {
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

function unexpected(): ProtocolError {
  return new ProtocolError(
    "other-stream",
    0,
    "the control channel did not tell how to reach the other stage",
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
