import type { Kind } from "./declare.ts";

/** Makes the kind of a value that is one of at least two words. */
export function oneOf<const T extends string>(
  name: string,
  words: readonly T[],
  example: T = words[0] as T,
): Kind<T> {
  const list = `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return {
    name,
    words,
    example,
    form: new RegExp(`^(?:${words.join("|")})$`),
    read: (text) => {
      const word = words.find((known) => known === text);
      if (word === undefined) {
        throw new Error(`${JSON.stringify(text)} is not ${list}`);
      }
      return word;
    },
  };
}
