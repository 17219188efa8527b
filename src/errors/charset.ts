/**
 * True if the output may be limited to ASCII: on a dumb terminal, or in a locale without UTF-8. The first of the three
 * variables that is set and not empty decides, as in setlocale(3). Without any, the locale is C.
 */
export function isAsciiOnly(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = environment;
  return TERM === "dumb" || !/utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}

/** Returns the mark of success, if it can be shown. */
export function tick(): string {
  return isAsciiOnly() ? "" : "✔ ";
}
