//! The cost of a direct connection alone, from a pipe to a pipe: CPU seconds of both ends for each GiB, and the rate.
//!
//! `cargo run --release -p blockcopy-tunnel --example tunnel_rate -- [MIB [ADDRESS [PREFIX...]]]`
//!
//! The end that listens at ADDRESS (127.0.0.1) is another process, which the words of PREFIX start, for instance `ip netns exec NAME`.
#![allow(clippy::unwrap_used, reason = "it is for those who measure")]

use std::env;
use std::io::{BufRead, BufReader, Read as _, Write as _, pipe};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use blockcopy_tunnel::{Control, Listener, OneTimeKey, Ports, Target, Until, connect};

/// The only argument of the process that listens.
const LISTEN: &str = "--listen";

/// Bytes that are written and read at once.
const PIECE_LEN: usize = 1 << 20;

/// The capacity of the pipes, as `blockcopy` makes them.
const PIPE_LEN: usize = 1 << 20;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == LISTEN) {
        return receive();
    }
    let mib: u32 = args.first().map_or(4096, |text| text.parse().unwrap());
    let address = args.get(1).map_or("127.0.0.1", String::as_str);
    let own = env::current_exe().unwrap();
    let words = args.iter().skip(2).map(String::as_str);
    let mut words = words.chain([own.to_str().unwrap(), LISTEN]);

    let mut listening = Command::new(words.next().unwrap())
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(listening.stdout.take().unwrap());
    let mut input = listening.stdin.take().unwrap();
    let key = OneTimeKey::generate().unwrap();
    writeln!(input, "{}", key.public()).unwrap();
    let port = line(&mut output).parse().unwrap();
    let peer = line(&mut output).parse().unwrap();
    let target = Target {
        addresses: vec![address.to_owned()],
        port,
    };
    let (control, _held) = pipe().unwrap();
    let control = Control::new(control.into(), 0).unwrap();
    let link = connect(&key, &peer, &target, control).unwrap();

    let begun = Instant::now();
    let (from, mut stage) = pipe().unwrap();
    enlarge(&stage);
    let (done, writer) = pipe().unwrap();
    let to = pipe().unwrap().1;
    let until = Until {
        done: done.into(),
        awaits_peer: true,
    };
    let pump = thread::spawn(move || link.pump(from.into(), to.into(), until));
    let bytes = vec![7; PIECE_LEN];
    for _ in 0..mib {
        stage.write_all(&bytes).unwrap();
    }
    drop((stage, writer));
    pump.join().unwrap().unwrap();
    assert!(listening.wait().unwrap().success());
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{:.2} CPU seconds per GiB, {:.0} MB/s",
        cpu_seconds() * 1024.0 / f64::from(mib),
        f64::from(mib) * 1.048_576 / seconds
    );
}

/// Accepts one connection and reads all that comes.
fn receive() {
    let peer = line(&mut std::io::stdin().lock()).parse().unwrap();
    let key = OneTimeKey::generate().unwrap();
    let listener = Listener::open(None, Ports { from: 0, to: 0 }).unwrap();
    println!("{}\n{}", listener.port(), key.public());
    let control = Control::from_descriptor(0, 0).unwrap();
    let link = listener.accept(&key, &peer, control).unwrap();

    let (mut stage, to) = pipe().unwrap();
    enlarge(&to);
    let reader = thread::spawn(move || {
        let mut bytes = vec![0; PIECE_LEN];
        while stage.read(&mut bytes).unwrap() > 0 {}
    });
    let (from, done) = (pipe().unwrap().0, pipe().unwrap().0);
    let until = Until {
        done: done.into(),
        awaits_peer: true,
    };
    link.pump(from.into(), to.into(), until).unwrap();
    reader.join().unwrap();
}

fn line(from: &mut impl BufRead) -> String {
    let mut text = String::new();
    from.read_line(&mut text).unwrap();
    text.trim_end().to_owned()
}

fn enlarge(pipe: &impl AsFd) {
    rustix::pipe::fcntl_setpipe_size(pipe, PIPE_LEN).unwrap();
}

/// Returns the CPU time of this process and of its children that have ended: the fields 14 to 17 of proc(5)'s stat, in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
    fields[12..16]
        .iter()
        .map(|field| field.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}
