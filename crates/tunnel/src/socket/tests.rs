#![cfg(target_os = "linux")]

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt;

use super::{MOST_UNDER_WAY, fit_to_distance, reach};

/// The sizes that the kernel has for the buffers of a socket; it doubles what was asked for.
fn buffers(socket: &TcpStream) -> (usize, usize) {
    (
        sockopt::socket_send_buffer_size(socket).unwrap(),
        sockopt::socket_recv_buffer_size(socket).unwrap(),
    )
}

fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (socket, listener.accept().unwrap().0)
}

#[test]
fn the_buffers_of_a_near_peer_are_left_to_the_kernel() {
    let (socket, _peer) = connection();
    let before = buffers(&socket);
    fit_to_distance(&socket, Duration::from_millis(1));
    assert_eq!(buffers(&socket), before);
}

#[test]
fn a_peer_that_is_far_away_gets_room_for_what_is_under_way() {
    let (tried, _other) = connection();
    if sockopt::set_socket_send_buffer_size_force(&tried, 1 << 16).is_err() {
        println!("not tried: only root may choose the sizes of buffers");
        return;
    }
    let (socket, _peer) = connection();
    let (_, arriving) = buffers(&socket);
    fit_to_distance(&socket, Duration::from_secs(5));
    // The kernel fits the buffer for arriving data, if it allows as much by itself.
    let arriving = if reach("tcp_rmem") < MOST_UNDER_WAY {
        2 * MOST_UNDER_WAY
    } else {
        arriving
    };
    assert_eq!(buffers(&socket), (2 * MOST_UNDER_WAY, arriving));
}
