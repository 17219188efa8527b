import { fileURLToPath } from "node:url";

/** The folder of the program. Both sources and build output lie two folders below it. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
