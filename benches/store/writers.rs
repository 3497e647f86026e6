//! Tokens that processes make in one store, side by side: each with credentials of both mechanisms,
//! and durable before the next.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::ROUNDS;
use super::line::Line;
use super::{open, tokens};

const PROCESSES: [u32; 3] = [1, 2, 8];
const FOR: Duration = Duration::from_secs(1);

pub(crate) fn bench(directory: &Path) {
    let path = directory.join("writers");
    tokens::manager(&open(&path));
    for round in 0..ROUNDS {
        for processes in PROCESSES {
            let children: Vec<Child> = (0..processes).map(|_| start(&path)).collect();
            // Of each over its own time: they do not begin together.
            let rate: f64 = children
                .into_iter()
                .map(|child| {
                    let output = child.wait_with_output().unwrap();
                    assert!(output.status.success());
                    String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap()
                })
                .sum();
            let (benchmark, at) = ("tokens made a second", u64::from(processes));
            Line { benchmark, subject: "LMDB", mechanism: "both", at }.print(round, rate, "1/s");
        }
    }
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([".".as_ref(), "writer".as_ref(), path.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// One of the processes: makes tokens for a while, and prints how many a second.
pub(crate) fn write(path: &Path) {
    let store = open(path);
    let manager = tokens::manager(&store);
    let begin = Instant::now();
    let mut made = 0_u32;
    while begin.elapsed() < FOR {
        tokens::make(&manager);
        made += 1;
    }
    println!("{}", f64::from(made) / begin.elapsed().as_secs_f64());
}
