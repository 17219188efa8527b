import type { StageEvent } from "../../ui/programs/event-schema.ts";
import type { Control } from "../../transport/processes/pipes.ts";
import type { Side } from "../side.ts";
import type { TunnelOptions } from "./tunnel-options.ts";

type TunnelEvent = StageEvent & { event: "tunnel" };

/** A stage on its way to a direct connection. */
interface Peer {
  side: Side;
  /** Its first event: it has a key. */
  ready: TunnelEvent | undefined;
  /** Writes to its control channel. */
  write: ((text: string) => void) | undefined;
  wasTold: boolean;
  /** Bytes that follow the stream of the other one on its control channel. */
  epilogue: number;
}

/** Facts about a rendezvous. */
export interface RendezvousOptions {
  /** The end that listens. */
  listener: Side;
  connector: Side;
  tunnel: TunnelOptions;
  /** Bytes that follow the block stream on the control channel of the destination. */
  epilogue: number;
  /** The name of the listener's host, as the program that connects would resolve it; undefined if it is this host. */
  hostName: string | undefined;
}

/**
 * Introduces two stages to each other: each is told the key that the other one has made, over the channels that ssh has authenticated. The
 * end that listens opens its port only when both are ready.
 */
export class Rendezvous {
  readonly #listener: Peer;
  readonly #connector: Peer;
  readonly #options: RendezvousOptions;
  #port: number | undefined;

  constructor(options: RendezvousOptions) {
    this.#options = options;
    this.#listener = this.#peer(options.listener);
    this.#connector = this.#peer(options.connector);
  }

  /** Returns the control channel of one of the two. */
  controlOf(side: Side): Control {
    const peer = side === this.#listener.side ? this.#listener : this.#connector;
    return {
      opened: (write) => {
        peer.write = write;
      },
    };
  }

  #peer(side: Side): Peer {
    const epilogue = side.role === "destination" ? this.#options.epilogue : 0;
    const peer: Peer = {
      side,
      ready: undefined,
      write: undefined,
      wasTold: false,
      epilogue,
    };
    side.onTunnel = (event) => {
      peer.ready ??= event;
      if (side === this.#options.listener) {
        this.#port ??= event.port;
      }
      this.#proceed();
    };
    return peer;
  }

  #proceed(): void {
    const [listener, connector] = [this.#listener, this.#connector];
    if (listener.ready === undefined || connector.ready === undefined) {
      return;
    }
    const { ports, bind } = this.#options.tunnel;
    tell(listener, connector.ready, { listen: { ...ports, bind: bind ?? null } });
    if (this.#port !== undefined) {
      const connect = { addresses: this.#addresses(), port: this.#port };
      tell(connector, listener.ready, { connect });
    }
  }

  /** Returns the addresses at which the end that listens may be reached, the best first. */
  #addresses(): string[] {
    const { tunnel, listener, hostName } = this.#options;
    if (tunnel.bind !== undefined && !isWildcard(tunnel.bind)) {
      return [tunnel.bind];
    }
    // A stage on this host has no sshd: the other one has seen where its connection came from.
    const seen =
      listener.end.kind === "remote" ? this.#listener.ready?.server : this.#connector.ready?.client;
    return [...new Set([seen, hostName])].filter((address) => typeof address === "string");
  }
}

/** Tells a stage the key of the other one, and what to do, once. */
function tell(peer: Peer, { key }: TunnelEvent, task: object): void {
  if (!peer.wasTold) {
    peer.wasTold = true;
    peer.write?.(`${JSON.stringify({ key, epilogue: peer.epilogue, ...task })}\n`);
  }
}

/** True for an address that stands for all addresses of a host. */
function isWildcard(address: string): boolean {
  return /^[0:.]+$/.test(address);
}
