//! The demo: what it prints works when it is copied into a shell.

mod cli;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cli::{finish, koi, run, terminate};

struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a demo; answers it with everything that it printed.
fn demo(data: &str) -> (Demo, String) {
    let began = Instant::now();
    let mut command = koi();
    command.args(["demo", "--listen", "127.0.0.1:0", "--data", data]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut text = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        text += &format!("{line}\n");
        if line.contains("Ctrl-C") {
            break;
        }
    }
    assert!(text.contains("Ctrl-C"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    (Demo(child), text)
}

#[test]
fn the_printed_lines_work_one_after_the_other_also_on_a_second_run() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    for _ in 0..2 {
        let (mut demo, text) = demo(data.to_str().unwrap());
        assert!(text.contains("all is well"), "{text}");
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 100, "{widest} columns:\n{text}");
        let (_, lines) = text.split_once("# 1.").unwrap();
        let ran = finish(Command::new("sh").args(["-eu", "-c", &format!("# 1.{lines}")])).expect(0);
        let answers: Vec<serde_json::Value> =
            ran.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
        let [claim, again, quote, payment, refund, rest, budget, check, log] = &answers[..] else {
            panic!("{}", ran.out)
        };
        assert_eq!(claim["id"], again["id"]);
        assert_eq!(quote["coupon"], claim["id"]);
        assert_eq!(payment["quote"], quote["id"]);
        assert_eq!(payment["status"], "paid");
        assert!(payment["deduction"]["value"].as_i64().unwrap() > 0);
        assert_eq!((&refund["payment"], &rest["payment"]), (&payment["id"], &payment["id"]));
        assert_eq!(budget["funded"]["value"], 100_000_000);
        assert_eq!(check["ok"], true);
        assert!(log["origin"].is_string(), "{log}");
        terminate(&demo.0);
        assert!(demo.0.wait().unwrap().success());
    }
    run(&["check", "--data", data.to_str().unwrap()]).expect(0);
}
