//! Witnesses and verifiers of others' making: `aics-witness` 0.1.0 with `aics-tlog` 0.2.1, in Python, which share no code with
//! Koi. They come from PyPI:
//!
//! ```text
//! python3.12 -m venv others && others/bin/pip install aics-witness==0.1.0 aics-tlog==0.2.1
//! KOI_TEST_OTHERS=$PWD/others/bin cargo nextest run -p koi --test witness_others --run-ignored only
//! ```

mod cli;

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cli::{Server, koi, run};
use koi::public_log::witnesses::{AskError, Asking, Witness};
use koi_fair::log::{Checkpoint, Leaves, SignedCheckpoint, SignerKey, TreeHash, consistency};

const ORIGIN: &str = "koi.example.com/log";
const ENTRIES: u64 = 300;

/// Their programs.
fn others(name: &str) -> Command {
    let folder = std::env::var_os("KOI_TEST_OTHERS").expect("KOI_TEST_OTHERS: see the head of this file");
    Command::new(PathBuf::from(folder).join(name))
}

#[track_caller]
fn output(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(stdout), text(stderr));
    assert!(status.success(), "{command:?}: {status}\n{out}\n{err}");
    out
}

fn signer() -> SignerKey {
    SignerKey::from_seed(ORIGIN, [1; 32]).unwrap()
}

fn leaves(of: &str) -> Leaves {
    Leaves((0..ENTRIES).map(|index| TreeHash::of_leaf(format!("{of} {index}").as_bytes())).collect())
}

fn signed(leaves: &Leaves, size: u64) -> SignedCheckpoint {
    Checkpoint::new(ORIGIN, size, leaves.root(size)).unwrap().sign(&[&signer()]).unwrap()
}

fn ask(witness: &Witness, leaves: &Leaves, size: u64) -> Result<SignedCheckpoint, AskError> {
    let checkpoint = signed(leaves, size);
    let proof = |old: u64| consistency(old, size, leaves).map_err(|why| why.to_string());
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let asking = Asking { checkpoint: &checkpoint, proof: &proof, patience: Duration::from_secs(10), now };
    asking.ask(witness, 0).map(|cosigned| checkpoint.clone().with(cosigned.signature).unwrap())
}

/// Their witness, ended with its test.
struct Theirs {
    child: Child,
    witness: Witness,
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn theirs(folder: &std::path::Path) -> Theirs {
    let config = folder.join("witness.json");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let call = |arguments: &[&str]| {
        let mut command = others("aics-witness");
        command.arg(arguments[0]).arg("--config").arg(&config).args(&arguments[1..]);
        command
    };
    let said = output(&mut call(&["init", "--name", "theirs.example/w1", "--listen", &address.to_string()]));
    let key = said.split_whitespace().find(|word| word.starts_with("theirs.example/w1+")).unwrap().to_owned();
    let log = signer().verifier().to_string();
    output(&mut call(&["add-log", "--origin", ORIGIN, "--vkey", &log]));
    let child = call(&["serve"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut theirs = Theirs { child: child.unwrap(), witness: format!("{key}@http://{address}").parse().unwrap() };
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "their witness does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    // What it logs is shown when the test fails.
    let log = theirs.child.stderr.take().unwrap();
    std::thread::spawn(move || {
        BufReader::new(log).lines().map_while(Result::ok).for_each(|line| eprintln!("{line}"))
    });
    theirs
}

#[test]
#[ignore = "needs a witness of others: see the head of this file"]
fn a_witness_of_others_cosigns_our_log() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = theirs(folder.path());
    let (ours, fork) = (leaves("koi"), leaves("other"));
    for size in [1, 7, 7, 64, 65, 256, 299] {
        let cosigned = ask(&theirs.witness, &ours, size).unwrap_or_else(|error| panic!("{size}: {error}"));
        assert!(theirs.witness.key.time_of(&cosigned).unwrap().is_some());
    }
    // What it says to a log that went back, or shows something else, is understood as that.
    let error = ask(&theirs.witness, &ours, 200).unwrap_err();
    assert!(matches!(error, AskError::SawLarger { seen: 299, ours: 200 }), "{error}");
    for size in [299, 300] {
        let error = ask(&theirs.witness, &fork, size).unwrap_err();
        assert!(matches!(error, AskError::SawOther { .. }), "{size}: {error}");
    }
}

#[test]
#[ignore = "needs a verifier of others: see the head of this file"]
fn a_verifier_of_others_accepts_what_we_cosign() {
    let folder = tempfile::tempdir().unwrap();
    let (server, witness) = ours(folder.path());
    let cosigned = ask(&witness, &leaves("koi"), 299).unwrap();
    let file = folder.path().join("checkpoint");
    std::fs::write(&file, cosigned.to_string()).unwrap();
    let verify = |file: &std::path::Path, quorum: &str| {
        let mut command = others("aics-tlog");
        command.args(["verify-checkpoint", "--origin", ORIGIN, "--log-key", &signer().verifier().to_string()]);
        command.args([
            "--witness-key",
            &witness.key.to_string(),
            "--quorum",
            quorum,
            "--max-age",
            "600",
            "--note",
        ]);
        command.arg(file);
        command
    };
    let said: serde_json::Value = serde_json::from_str(&output(&mut verify(&file, "1"))).unwrap();
    assert_eq!((&said["ok"], &said["witnesses"][0]), (&true.into(), &"ours.example".into()), "{said}");
    // The one that anybody can fetch is the same.
    let hash = output(Command::new("sh").args(["-c", &format!("printf %s {ORIGIN} | sha256sum")]));
    let (status, published) = server.call("GET", &format!("/{}/checkpoint", &hash[..64]), "", "");
    assert_eq!(status, 200);
    std::fs::write(&file, published).unwrap();
    output(&mut verify(&file, "1"));
    // Without the cosignature it is not enough for them.
    std::fs::write(&file, signed(&leaves("koi"), 299).to_string()).unwrap();
    assert!(!verify(&file, "1").output().unwrap().status.success());
}

/// Our witness, as a process.
fn ours(folder: &std::path::Path) -> (Server, Witness) {
    let data = folder.join("ours");
    let data = data.to_str().unwrap();
    let key = run(&["witness", "key", "--name", "ours.example", "--data", data]).expect(0).out;
    let log = signer().verifier().to_string();
    let mut serve = koi();
    serve.args(["witness", "serve", "--listen", "127.0.0.1:0", "--data", data, "--log", &log]);
    let server = Server::start(&mut serve);
    let witness = format!("{}@{}", key.trim_end(), server.url).parse().unwrap();
    (server, witness)
}

/// Their side of a log: its proofs come from their own tree over the same entries.
const FEEDER: &str = "
import sys, aics_tlog
from aics_witness.feeder import WitnessClient, WitnessAhead, WitnessRejected, merge_cosignatures
url, key, *notes = sys.argv[1:]
tree = aics_tlog.MerkleTree()
for index in range(300):
    tree.append(('koi %d' % index).encode())
client = WitnessClient(url, key)
for path in notes:
    what, note = path.split('=')[0], open(path.split('=')[1], 'rb').read()
    try:
        print(what, 'cosigned', merge_cosignatures(note, client.submit(note, tree.consistency_proof)) != note)
    except WitnessAhead as error:
        print(what, 'ahead', error.known_size)
    except WitnessRejected as error:
        print(what, 'rejected', error.status)
";

#[test]
#[ignore = "needs a log of others: see the head of this file"]
fn a_log_of_others_is_cosigned_by_our_witness() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, witness) = ours(folder.path());
    let (ours, fork) = (leaves("koi"), leaves("other"));
    let mut python = others("python");
    python.args(["-c", FEEDER, &witness.url, &witness.key.to_string()]);
    let notes = [
        ("a", &ours, 1),
        ("b", &ours, 64),
        ("c", &ours, 64),
        ("d", &ours, 299),
        ("e", &ours, 200),
        ("f", &fork, 300),
    ];
    for (name, leaves, size) in notes {
        let file = folder.path().join(name);
        std::fs::write(&file, signed(leaves, size).to_string()).unwrap();
        python.arg(format!("{name}={}", file.display()));
    }
    let said = output(&mut python);
    let expected =
        "a cosigned True\nb cosigned True\nc cosigned True\nd cosigned True\ne ahead 299\nf rejected 422\n";
    assert_eq!(said, expected);
}
