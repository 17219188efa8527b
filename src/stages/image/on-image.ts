import type { StageContext } from "../../blocks/context.ts";
import type { FormatChoice } from "./format.ts";

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
}

/**
 * Does the work of a stage, with the disk in an image if a format of images was given. Only then, what serves images is loaded.
 *
 * @throws the errors of `withImage`, those of the work
 */
export async function onImage<T>(
  context: StageContext,
  use: ImageUse,
  work: () => Promise<T>,
): Promise<T> {
  const { format } = use;
  if (format === undefined || format === "raw") {
    return work();
  }
  const { withImage } = await import("./with-image.ts");
  return withImage(context, { ...use, format }, work);
}
