/** Whether the name of a file stands for standard input. */
export function isStandardInput(file: string): boolean {
  return file === "-" || file === "/dev/stdin";
}
