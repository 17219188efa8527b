// The version of the packages, and who makes them.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The version of this checkout, and who packages it. */
export interface Release {
  version: string;
  /** The time that all files in the packages have: that of the commit, so that a second build makes the same packages. */
  date: Date;
  /** Name and address, as `Jane Doe <jane@example.org>`. */
  maintainer: string;
  /** Address of the project's page; empty if it is not known. */
  homepage: string;
}

/** Reads all of it from the checkout, and from variables that tools of Debian and GitHub Actions use too. */
export function releaseHere(env = process.env): Release {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const epoch = env["SOURCE_DATE_EPOCH"] ?? ofCommit("%ct");
  const { DEBFULLNAME: name, DEBEMAIL: address } = env;
  const repository = env["GITHUB_REPOSITORY"];
  return {
    version,
    date: new Date(Number(epoch) * 1000),
    maintainer: name && address ? `${name} <${address}>` : ofCommit("%cn <%ce>"),
    homepage: repository ? `${env["GITHUB_SERVER_URL"] ?? "https://github.com"}/${repository}` : "",
  };
}

function ofCommit(format: string): string {
  return execFileSync("git", ["log", "-1", `--format=${format}`], { encoding: "utf8" }).trim();
}
