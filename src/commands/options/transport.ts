import * as t from "typanion";

import type { TunnelOptions } from "../../sync/tunnel/tunnel-options.ts";
import type { Kind } from "./declare.ts";
import { oneOf } from "./one-of.ts";
import { parsedBy } from "./parsed-by.ts";
import { refuse } from "./refuse.ts";

type Ports = TunnelOptions["ports"];

/** The ways for digests and blocks from one host to the other. */
export const TRANSPORT = oneOf("HOW", ["ssh", "tls", "auto"], "tls");

/** The end of a copy that listens. */
export const LISTENER = oneOf("END", ["source", "destination"]);

const FORMS = "give a range of ports such as 40000-40100, or one port, from 1 to 65535";

function parsePorts(text: string): Ports {
  const [, from = "", to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const ports = { from: Number(from), to: Number(to) };
  if (from === "" || ports.from < 1 || ports.to > 65_535) {
    throw new Error(`${JSON.stringify(text)} is no range of ports; ${FORMS}`);
  }
  if (ports.to < ports.from) {
    throw new Error(`${JSON.stringify(text)} ends before it begins; ${FORMS}`);
  }
  return ports;
}

/** A range of ports. */
export const PORTS: Kind<Ports> = {
  name: "FROM-TO",
  form: /^\d/,
  type: "string",
  example: "40000-40100",
  validator: parsedBy({
    parse: parsePorts,
    isParsed: (value): value is Ports => typeof value === "object" && value !== null,
    expected: `expected a range of ports: ${FORMS}`,
  }),
};

/** Returns the options for direct connections, as given; undefined for a copy over ssh. */
export function tunnelOf({
  transport = "ssh",
  ports,
  listen,
  bind,
}: Given): TunnelOptions | undefined {
  return transport === "ssh"
    ? undefined
    : { mayFallBack: transport === "auto", ports: ports ?? { from: 0, to: 0 }, listen, bind };
}

/** The options as the command line gives them. */
interface Given extends Pick<TunnelOptions, "listen" | "bind"> {
  transport: "ssh" | "tls" | "auto" | undefined;
  ports: Ports | undefined;
}

/** True for an IP address. Node's `net` could tell too, and takes longer to load than all else here. */
function isAddress(text: string): boolean {
  const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1);
  return bytes === undefined
    ? /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/.test(text) && URL.canParse(`http://[${text}]/`)
    : bytes.every((byte) => String(Number(byte)) === byte && Number(byte) < 256);
}

/** An IP address, without brackets and without a zone. */
export const ADDRESS: Kind<string> = {
  name: "ADDRESS",
  form: /^[0-9A-Fa-f:[]/,
  type: "string",
  example: "10.0.0.1",
  validator: t.makeValidator({
    test: (value, state): value is string =>
      (typeof value === "string" && isAddress(value)) ||
      refuse(
        state,
        `${JSON.stringify(value)} is no IP address; give one such as 10.0.0.1 or fd00::1`,
      ),
  }),
};
