/**
 * True if whoever shows our output may know nothing but ASCII: a dumb terminal, or a locale that is not of UTF-8. The first variable of the three that is
 * set and not empty decides, as in setlocale(3); without any, the locale is C.
 */
export function isAsciiOnly(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = environment;
  return TERM === "dumb" || !/utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}

/** Marks the summary of what has succeeded, where that can be shown. */
export function tick(): string {
  return isAsciiOnly() ? "" : "✔ ";
}
