import type { Kind } from "./declare.ts";

/** Version of another program whose protocol is spoken. */
export const WIRE: Kind<"0.0.2"> = {
  name: "VERSION",
  form: /^0\.0\.2$/,
  words: ["0.0.2"],
  example: "0.0.2",
  read: (text) => {
    if (text !== "0.0.2") {
      throw new Error(`unknown protocol version ${JSON.stringify(text)}; give 0.0.2`);
    }
    return text;
  },
};
