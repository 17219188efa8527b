// npm run release:version [-- TAG]: fails unless the tag, all packages and the changelog have the same version.
import { versionFaults } from "./versions.ts";

const faults = versionFaults(".", process.argv[2]);
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
