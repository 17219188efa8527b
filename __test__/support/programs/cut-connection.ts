// Cuts the TCP connection of a process, and leaves everything else of it alone.
import { system } from "./tools.ts";

/** Ends a connection for both of its ends, and fails if it does not find exactly one. */
const CUT = `
import ctypes, os, socket, sys
pid = int(sys.argv[1])
process = os.pidfd_open(pid)
cut = 0
for name in os.listdir(f"/proc/{pid}/fd"):
    try:
        is_socket = os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
    except FileNotFoundError:
        is_socket = False
    if not is_socket:
        continue
    found = socket.socket(fileno=ctypes.CDLL(None).syscall(438, process, int(name), 0))
    if found.family == socket.AF_INET:
        found.shutdown(socket.SHUT_RDWR)
        cut += 1
sys.exit(cut != 1)
`;

/** Ends the only TCP connection of a process over IPv4, without a word of TLS. Needs root and python3. */
export function cutConnection(pid: number): void {
  system("python3", "-c", CUT, String(pid));
}
