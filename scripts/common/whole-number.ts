/** Returns the whole number that an option gives, at least `least`. */
export function wholeNumber(option: string, text: string, least = 0): number {
  const number = Number(text);
  if (!/^\d{1,15}$/.test(text) || number < least)
    throw new Error(`${option} ${text}: give a whole number, ${least} or more`);
  return number;
}
