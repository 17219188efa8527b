//! The options of a connection's socket.

use std::net::TcpStream;
use std::time::Duration;

#[cfg(target_os = "linux")]
use blockcopy_blockio::limit_unsent;
use rustix::net::sockopt;

/// An idle connection is probed after this time, and again each time it has passed. It is lost when as long has passed after the last probe.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const KEEP_ALIVE_PROBES: u32 = 3;

/// Milliseconds after which a connection is lost whose peer does not take what was sent. Linux also counts the time in which the peer is
/// alive and has no room, for instance because its disk is stuck, so this is far longer than the limit for an idle connection.
#[cfg(target_os = "linux")]
const UNTAKEN_MILLISECONDS: u32 = 10 * 60 * 1000;

/// Bytes per second up to which the delay of a link does not limit the rate: 10 Gbit/s.
#[cfg(target_os = "linux")]
const RATE: u64 = 1_250_000_000;

/// Limit for a buffer that grows by itself, if /proc does not tell it: the default of Linux for sending.
#[cfg(target_os = "linux")]
const DEFAULT_MOST: usize = 4 << 20;

/// Most bytes that may be under way: 10 Gbit/s over 27 ms, 1 Gbit/s over 270 ms. The kernel adds as much for headers.
#[cfg(target_os = "linux")]
const MOST_UNDER_WAY: usize = 32 << 20;

/// Most bytes that wait in the kernel before they are sent. Otherwise, the room for what is under way would also hold what a slow link has
/// not begun to send: several seconds of it.
#[cfg(target_os = "linux")]
const MOST_UNSENT: u32 = 1 << 20;

/// Makes a socket that never blocks, sends at once, and notices a peer that is gone.
pub(crate) fn tune(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, KEEP_ALIVE)?;
    sockopt::set_tcp_keepintvl(socket, KEEP_ALIVE)?;
    sockopt::set_tcp_keepcnt(socket, KEEP_ALIVE_PROBES)?;
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(socket, UNTAKEN_MILLISECONDS)?;
    Ok(())
}

/// Gives the socket room for all that is under way if the peer is far away. The buffers of other connections are left to the kernel, which
/// fits them to the rate, up to a limit that suits a single site.
///
/// Only root may go beyond that limit (`SO_SNDBUFFORCE`, socket(7)). For others, the delay limits the rate of one connection. What may
/// arrive is also limited by the window scale, which the kernel has chosen before: with a `tcp_rmem` of 6 MiB, to 8 MiB.
///
/// The round trip may be too long, because a packet was lost: that only makes more room than is used.
#[cfg(target_os = "linux")]
pub(crate) fn fit_to_distance(socket: &TcpStream, round_trip: Duration) {
    let under_way = u128::from(RATE) * round_trip.as_micros() / 1_000_000;
    let room = usize::try_from(under_way).map_or(MOST_UNDER_WAY, |room| room.min(MOST_UNDER_WAY));
    if room > reach("tcp_wmem") && sockopt::set_socket_send_buffer_size_force(socket, room).is_ok()
    {
        // Not refused where the first one is not.
        let _ = limit_unsent(socket, MOST_UNSENT);
    }
    if room > reach("tcp_rmem") {
        let _ = sockopt::set_socket_recv_buffer_size_force(socket, room);
    }
}

/// Returns the bytes of data that the kernel lets a buffer grow to by itself: half of the last number of this setting, see tcp(7). The other
/// half is for headers.
#[cfg(target_os = "linux")]
fn reach(setting: &str) -> usize {
    let text = std::fs::read_to_string(format!("/proc/sys/net/ipv4/{setting}"));
    let most = text
        .ok()
        .and_then(|text| text.split_whitespace().nth(2)?.parse::<usize>().ok());
    most.unwrap_or(DEFAULT_MOST) / 2
}

/// Leaves the buffers to the kernel.
#[cfg(not(target_os = "linux"))]
pub(crate) fn fit_to_distance(_socket: &TcpStream, _round_trip: Duration) {}

#[cfg(test)]
mod tests;
