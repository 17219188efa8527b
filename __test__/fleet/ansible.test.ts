// examples/ansible: the playbook, played on this host.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execute, type Outcome } from "../support/programs/cli.ts";
import {
  assertAllCopied,
  example,
  type Installation,
  installation,
  OPTIONS,
  volume,
} from "../support/fleet/fleet.ts";
import { lacking } from "../support/programs/tools.ts";

const PLAYBOOK = example("ansible", "copy-volumes.yml");
const skip = lacking("ansible-playbook");

test("the playbook and the inventory are understood", { skip }, async (t) => {
  const host = installation(t);
  const options = ["--syntax-check", "-i", example("ansible", "inventory.yml")];
  const outcome = await play(host, options);
  assert.equal(outcome.code, 0, outcome.stderr);
});

test(
  "the playbook copies volumes, makes up for a cut, and says what it changed",
  { skip },
  async (t) => {
    const host = installation(t);
    const { source, destination } = volume(host.folder, "one");
    const inventory = join(host.folder, "inventory.json");
    const list = [
      { source: `cut-once:${source}`, destination },
      { source: `host:${source}`, destination },
      { source: `host:${join(host.folder, "none")}`, destination },
    ];
    const here = { ansible_connection: "local", blockcopy_volumes: list };
    writeFileSync(inventory, JSON.stringify({ backup: { hosts: { here } } }));
    const variables = {
      ansible_become: false,
      ansible_python_interpreter: "{{ ansible_playbook_python }}",
      blockcopy_options: OPTIONS.split(" "),
      ansible_remote_tmp: join(host.folder, "remote"),
      blockcopy_delay: 0,
      // Not in the background: that takes some seconds more for each.
      blockcopy_timeout: 0,
    };
    const options = ["-v", "-i", inventory, "-e", JSON.stringify(variables)];
    const outcome = await play(host, options);
    assert.equal(outcome.code, 2, outcome.stderr);
    assertAllCopied({ source, destination });
    assert.ok(existsSync(join(host.bin, "cut")));
    assert.deepEqual(
      copies(outcome).map(({ attempts, changed, failed, rc }) => ({
        attempts,
        changed,
        failed,
        rc,
      })),
      [
        { attempts: 2, changed: true, failed: false, rc: 0 },
        { attempts: 1, changed: false, failed: false, rc: 0 },
        { attempts: 1, changed: false, failed: true, rc: 66 },
      ],
    );
  },
);

/** Runs the playbook. */
function play({ env, folder }: Installation, options: string[]): Promise<Outcome> {
  const own = {
    ANSIBLE_HOME: join(folder, "ansible"),
    ANSIBLE_NOCOLOR: "1",
    ANSIBLE_PIPELINING: "1",
  };
  return execute(["ansible-playbook", ...options, PLAYBOOK], { env: { ...env, ...own } });
}

/** The variables of one copy in Ansible. */
interface Copied {
  attempts: number;
  changed: boolean;
  failed: boolean;
  rc: number;
}

function copies({ stdout }: Outcome): Copied[] {
  const lines = stdout.toString().matchAll(/^(\w+): \[here\].* \(item=.*?\) => (\{.*\})$/gm);
  return Array.from(lines, ([, status, result]) => ({
    ...(JSON.parse(result ?? "") as Copied),
    failed: status === "failed",
  })).filter(({ attempts }) => attempts !== undefined);
}
