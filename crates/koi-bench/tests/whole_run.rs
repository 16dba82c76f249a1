//! A whole brief run against a pretended `koi`: this very program, which plays it when it is called so.

#[path = "../src/fake_server.rs"]
mod fake_server;

use koi_bench::{MEASURED_BARS, Options, run};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("serve" | "bench-peer") => {
            let server = fake_server::FakeServer::start();
            println!("listening on http://{}", server.address);
            loop {
                std::thread::park();
            }
        }
        Some("check") => {}
        // What a test runner asks first: this program has one test, and none that is ignored.
        Some("--list") => {
            if !arguments.iter().any(|argument| argument == "--ignored") {
                println!("whole_run: test");
            }
        }
        _ => a_brief_run_measures_every_bar_and_leaves_nothing_behind(),
    }
}

fn a_brief_run_measures_every_bar_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        data: Some(folder.path().to_path_buf()),
        koi: Some(std::env::current_exe().expect("this program")),
        connections: 8,
        ..Options::brief()
    };
    let report = run(&options, &|_| {}).expect("a report");
    println!("{}", report.table());
    assert_eq!(report.bars.iter().map(|bar| bar.bar).collect::<Vec<_>>(), MEASURED_BARS);
    for bar in &report.bars {
        assert!(bar.worked(), "bar {}: {:?} {:?}", bar.bar, bar.failed, bar.errors);
        assert_eq!(bar.holds, None, "a brief run judges nothing");
    }
    assert!(report.succeeded());
    assert!(report.batch.is_some());
    assert_eq!(folder.path().read_dir().expect("the folder").count(), 0, "temporary folders are removed");

    let broken = Options { koi: Some("/nonexistent/koi".into()), ..options };
    let report = run(&broken, &|_| {}).expect("a report all the same");
    assert!(!report.succeeded());
    assert!(report.bars.iter().all(|bar| bar.skipped.is_some() || bar.failed.is_some()));
    println!("whole_run: ok");
}
