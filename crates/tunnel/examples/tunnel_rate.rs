//! The cost of a direct connection: CPU seconds of both ends for each GiB, and its rate, from a pipe to a pipe over the loopback device.
//!
//! `cargo run --release -p blockcopy-tunnel --example tunnel_rate -- [GIB]`
#![allow(clippy::unwrap_used, reason = "it is for those who measure")]

use std::io::{Read as _, Write as _, pipe};
use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Instant;

use blockcopy_tunnel::{Control, Listener, OneTimeKey, Ports, Target, Until, connect};

const LEN: usize = 1 << 20;

fn main() {
    let gib: u32 = std::env::args()
        .nth(1)
        .map_or(4, |text| text.parse().unwrap());
    let (one, other) = (
        OneTimeKey::generate().unwrap(),
        OneTimeKey::generate().unwrap(),
    );
    let (listening, _held) = pipe().unwrap();
    let (connecting, _kept) = pipe().unwrap();
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let listener = Listener::open(Some(address), Ports { from: 0, to: 0 }).unwrap();
    let target = Target {
        addresses: vec![address.to_string()],
        port: listener.port(),
    };
    let accepted = thread::spawn({
        let (one, peer) = (one.clone(), other.public().clone());
        let control = Control::new(listening.into(), 0).unwrap();
        move || listener.accept(&one, &peer, control).unwrap()
    });
    let control = Control::new(connecting.into(), 0).unwrap();
    let sender = connect(&other, one.public(), &target, control).unwrap();
    let receiver = accepted.join().unwrap();

    let (before, begun) = (cpu_seconds(), Instant::now());
    let (from, mut input) = pipe().unwrap();
    let (mut output, to) = pipe().unwrap();
    // Both go on until the process ends.
    let (done, _writer) = pipe().unwrap();
    let until = || Until {
        done: done.try_clone().unwrap().into(),
        awaits_peer: true,
    };
    thread::spawn({
        let (until, to) = (until(), pipe().unwrap().1);
        move || sender.pump(from.into(), to.into(), until)
    });
    thread::spawn({
        let (until, from) = (until(), pipe().unwrap().0);
        move || receiver.pump(from.into(), to.into(), until)
    });
    thread::spawn(move || {
        let bytes = vec![7; LEN];
        for _ in 0..gib * 1024 {
            input.write_all(&bytes).unwrap();
        }
    });
    let mut bytes = vec![0; LEN];
    let mut left = u64::from(gib) << 30;
    while left > 0 {
        left -= output.read(&mut bytes).unwrap() as u64;
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds() - before);
    println!(
        "{:.2} CPU seconds per GiB, {:.0} MB/s",
        cpu / f64::from(gib),
        f64::from(gib) * 1_073.741_824 / seconds
    );
}

/// Returns the CPU time of this process so far: the 14th and 15th field of proc(5)'s stat, in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
    fields[12..14]
        .iter()
        .map(|field| field.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}
