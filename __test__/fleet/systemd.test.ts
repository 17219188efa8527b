// examples/systemd: what systemd thinks of the units, and what they do when it starts them.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { assertSame } from "../support/files/bytes.ts";
import { execute, EXIT, quote } from "../support/programs/cli.ts";
import { example, installation, OPTIONS, program } from "../support/fleet/fleet.ts";
import { noise, scratch } from "../support/files/files.ts";
import { deviceContent, lackingLoop, loopWith } from "../support/files/loop.ts";
import { inSystemd, lackingSystemd, PROJECT_SEEN_AT, SEEN_AT } from "../support/fleet/systemd.ts";
import { lacking } from "../support/programs/tools.ts";

const SERVICE = example("systemd", "blockcopy@.service");
const TIMER = example("systemd", "blockcopy@.timer");
const skip = lacking("systemd-analyze");

/** Of 100: what is open to the service by systemd's own count. It needs root, devices and the network. */
const EXPOSURE = 25;

test("systemd has nothing to say about the units", { skip }, async (t) => {
  const folder = scratch(t);
  copyFileSync(SERVICE, join(folder, basename(SERVICE)));
  copyFileSync(TIMER, join(folder, basename(TIMER)));
  for (const words of [
    ["verify", "blockcopy@nightly.service", "blockcopy@nightly.timer"],
    ["security", "--offline=true", `--threshold=${EXPOSURE}`, join(folder, basename(SERVICE))],
  ]) {
    const { code, stderr, stdout } = await execute(["systemd-analyze", "--no-pager", ...words], {
      env: { SYSTEMD_UNIT_PATH: `${folder}:` },
    });
    assert.equal(stderr, "");
    assert.equal(code, 0, stdout.toString());
  }
});

test(
  "the service copies to its device and to no other",
  { skip: lackingLoop || lackingSystemd() },
  async (t) => {
    const { folder } = installation(t);
    program(
      join(folder, "bin", "blockcopy"),
      `#!/bin/sh\nexec ${quote([process.execPath, `${PROJECT_SEEN_AT}/dist/cli/main.js`])} "$@"\n`,
    );
    const content = noise("source", 2 ** 20);
    writeFileSync(join(folder, "source"), content);
    const units = join(folder, "units");
    mkdirSync(join(folder, "etc", "blockcopy"), { recursive: true });
    mkdirSync(units);
    copyFileSync(SERVICE, join(units, basename(SERVICE)));
    const instance = (name: string, device: string, allowed: string[]): void => {
      writeFileSync(
        join(folder, "etc", "blockcopy", `${name}.conf`),
        `SOURCE=cut-once:${SEEN_AT}/source\nDESTINATION=${device}\nOPTIONS="${OPTIONS}"\nCUT=/var/lib/blockcopy/cut\n`,
      );
      const drop = join(units, `blockcopy@${name}.service.d`);
      mkdirSync(drop);
      const lines = [
        "[Service]",
        "RestartSec=0",
        `StandardError=file:${SEEN_AT}/${name}.err`,
        "ExecStopPost=/bin/sh -c 'echo $$EXIT_STATUS >> /var/lib/blockcopy/%i.codes'",
      ];
      writeFileSync(join(drop, "devices.conf"), [...lines, ...allowed, ""].join("\n"));
    };
    const [one, two] = [Buffer.alloc(content.length), Buffer.alloc(content.length)].map((old) =>
      loopWith(t, folder, old),
    );
    assert.ok(one && two);
    instance("nightly", one.path, [`DeviceAllow=${one.path} rw`]);
    instance("other", two.path, []);
    const { stdout, stderr } = await inSystemd(
      folder,
      `for name in nightly other; do
  systemctl start blockcopy@$name
  until [[ $(systemctl is-active blockcopy@$name) =~ ^(inactive|failed)$ ]]; do sleep 0.1; done
  echo $name: $(cat /var/lib/blockcopy/$name.codes)
done`,
    );
    const said = ["nightly", "other"].map((name) =>
      readFileSync(join(folder, `${name}.err`), "utf8"),
    );
    assert.equal(
      stdout.toString(),
      `nightly: ${EXIT.cut} ${EXIT.ok}\nother: ${EXIT.permission}\n`,
      `${stderr}${said.join("")}`,
    );
    assertSame(deviceContent(one), content);
    assertSame(deviceContent(two), Buffer.alloc(content.length));
  },
);
