import * as t from "typanion";

const isPort = t.cascade(t.isNumber(), [t.isInteger(), t.isInInclusiveRange(0, 65_535)]);

/** A line of `sync` on the control channel of a stage: the peer of its direct connection, and how to meet it. */
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

/** The call to a direct connection. */
export type TunnelCall = t.InferType<typeof isCall>;

/** Parses a line of the control channel; undefined if it is no call. */
export function parseTunnelCall(line: string): TunnelCall | undefined {
  let call: unknown;
  try {
    call = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isCall(call) && (call.listen === undefined) !== (call.connect === undefined)
    ? call
    : undefined;
}
