import type { FormatChoice, ImageFormat } from "./format.ts";

/** A file or device that may be an image, and its use. */
export interface ImageUse extends FormatChoice {
  file: string;
  /** A destination is refused if it is in use, unless `force` is given. */
  role: "source" | "destination";
  /** Open it for writing. */
  writes: boolean;
  force: boolean;
  /** Print the version of the server. */
  isVerbose: boolean;
  /** A message about a file that does not exist may suggest `--create`. */
  suggestsCreate?: boolean;
  /** Identity of the file, if it was created here: any other file is refused. */
  made?: string;
}

/** An image that does not exist yet. Its content tells no format, so `auto` goes by its name. */
export type NewImage = ImageUse & { format: ImageFormat };
