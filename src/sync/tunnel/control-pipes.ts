import type { ControlPipe } from "../../transport/processes/pipes.ts";
import { ALL_DONE } from "../../stages/save/write-and-sync.ts";
import type { Endpoint } from "../connection/endpoint.ts";
import { hostNameOf, type RemoteOptions } from "../connection/remote-command.ts";
import type { SidePair } from "../copy-view.ts";
import type { PipeOptions } from "../stream-pipes.ts";
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
 * Returns the control channels of all stages, in the order of {@link pipesOf}. The two stages of a stream use them to meet; the first
 * destination, which has the claim, is told there when the others are done.
 */
export function controlPipes(streams: readonly SidePair[], copy: DirectCopy): ControlPipe[] {
  const { source, destination, remote, tunnel, preface } = copy;
  const isSource = listensAtSource(copy);
  const listening = isSource ? source : destination;
  const hostName = listening.kind === "remote" ? hostNameOf(listening, remote) : undefined;
  return streams.flatMap(({ from, to }, place): ControlPipe[] => {
    const waits = place === 0 && streams.length > 1;
    const rendezvous = new Rendezvous({
      listener: isSource ? from : to,
      connector: isSource ? to : from,
      tunnel,
      epilogue: waits ? ALL_DONE.length : 0,
      hostName,
    });
    // The programs of a stream are next to each other, the destination first.
    const others = Array.from({ length: 2 * streams.length - 1 }, (_, other) => other + 1);
    return [
      {
        to: 2 * place,
        control: rendezvous.controlOf(to),
        preface: preface?.(),
        ...(waits && { epilogue: { after: others, text: ALL_DONE } }),
      },
      { to: 2 * place + 1, control: rendezvous.controlOf(from) },
    ];
  });
}

/** True if the source listens. A host that ssh connects to can be reached most likely, so a remote end does, unless told otherwise. */
function listensAtSource({ source, destination, tunnel: { listen } }: DirectCopy): boolean {
  return listen === undefined
    ? source.kind === "remote" && destination.kind === "local"
    : listen === "source";
}
