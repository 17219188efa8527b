/** True for a file name that stands for standard input. */
export function isStandardInput(file: string): boolean {
  return file === "-" || file === "/dev/stdin";
}
