import type { ControlPipe } from "../../transport/processes/pipes.ts";
import { ALL_DONE } from "../../stages/save/write-and-sync.ts";
import type { Endpoint } from "../connection/endpoint.ts";
import { hostNameOf, type RemoteOptions } from "../connection/remote-command.ts";
import type { SidePair } from "../copy-view.ts";
import { type PipeOptions, placesOf } from "../stream-pipes.ts";
import { Rendezvous } from "./rendezvous.ts";
import type { TunnelOptions } from "./tunnel-options.ts";

/** A copy over direct connections. */
interface DirectCopy {
  source: Endpoint;
  destination: Endpoint;
  remote: RemoteOptions;
  tunnel: TunnelOptions;
  /** Returns the bytes that a destination reads first; undefined for none. */
  preface: PipeOptions["preface"];
}

/**
 * Returns a function that makes the control channels of the stages of a stream, by its place, in the order of {@link pipesOf}. The two use
 * them to meet; the first destination, which has the claim, is told there when the others are done.
 */
export function controlPipes(
  streams: readonly SidePair[],
  copy: DirectCopy,
): (place: number) => ControlPipe[] {
  const { source, destination, remote, tunnel, preface } = copy;
  const isSource = listensAtSource(copy);
  const listening = isSource ? source : destination;
  const hostName = listening.kind === "remote" ? hostNameOf(listening, remote) : undefined;
  return (place) => {
    const stream = streams[place];
    if (stream === undefined) {
      throw new RangeError(`there is no stream ${place}`);
    }
    const { from, to } = stream;
    const waits = place === 0 && streams.length > 1;
    const rendezvous = new Rendezvous({
      listener: isSource ? from : to,
      connector: isSource ? to : from,
      tunnel,
      epilogue: waits ? ALL_DONE.length : 0,
      hostName,
    });
    const places = placesOf(place);
    const others = Array.from({ length: 2 * streams.length - 1 }, (_, other) => other + 1);
    return [
      {
        to: places.destination,
        control: rendezvous.controlOf(to),
        preface: preface?.(),
        ...(waits && { epilogue: { after: others, text: ALL_DONE } }),
      },
      { to: places.source, control: rendezvous.controlOf(from) },
    ];
  };
}

/** True if the source listens. A host that ssh connects to can be reached most likely, so a remote end does, unless told otherwise. */
function listensAtSource({ source, destination, tunnel: { listen } }: DirectCopy): boolean {
  return listen === undefined
    ? source.kind === "remote" && destination.kind === "local"
    : listen === "source";
}
