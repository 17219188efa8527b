// Does what an incremental copy does under a lock, in a process of its own. The test next to it runs it where /var/lib is empty and
// dmsetup(8) is a stand-in.
import { loadAddon } from "../../src/native/load.ts";
import { messageOf } from "../../src/errors/message-of.ts";
import { withMetadataSnapshot } from "../../src/incremental/metadata-snapshot.ts";
import { lockDestination, openStateFolder } from "../../src/incremental/record-file.ts";

const [task, ...names] = process.argv.slice(2);
const engine = new (loadAddon().Engine)({});
await openStateFolder();
if (task === "pool") {
  await withMetadataSnapshot(engine, { device: "pool", uuid: "uuid" }, async () => {});
  console.log("done");
} else {
  for (const name of names) {
    const [host = "", path = "", identity = ""] = name.split(",");
    const destination = { host, path, identity: identity || null, size: 1, state: null };
    const locked = lockDestination(engine, destination);
    console.log(await locked.then(() => "locked", messageOf));
  }
}
