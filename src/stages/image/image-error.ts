import { CopyError } from "../../errors/copy-error.ts";
import { ExitCode } from "../../errors/exit-codes.ts";

/** A file is not the image that it should be, or not one that can be opened safely. */
export class ImageError extends CopyError {
  override readonly name = "ImageError";

  constructor(message: string, advice: string) {
    super(message, advice, ExitCode.differs);
  }
}
