//! Pretends to be Koi, for tests: answers what the contract says, remembers nothing, one thread per
//! connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a whole server stands still at the path `/stall`, once.
pub(crate) const STALL: Duration = Duration::from_millis(300);
/// The request that stalls it.
const STALLS_AT: u64 = 100;

/// Listens until the process ends.
pub(crate) struct FakeServer {
    pub(crate) address: SocketAddr,
}

#[derive(Default)]
struct Shared {
    requests: AtomicU64,
    door: std::sync::RwLock<()>,
}

impl FakeServer {
    pub(crate) fn start() -> FakeServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                // A client that hangs up ends its thread.
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        FakeServer { address }
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim_end().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let number = shared.requests.fetch_add(1, Ordering::Relaxed);
        let Some((status, answer)) = answer(&path, number, shared) else {
            return Ok(());
        };
        let answer = format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        reader.get_mut().write_all(answer.as_bytes())?;
    }
}

/// Status and body, or none to hang up.
fn answer(path: &str, number: u64, shared: &Shared) -> Option<(u16, String)> {
    let text = |status: u16, body: &str| Some((status, body.to_owned()));
    match path {
        "/healthz" => text(200, "{}"),
        "/metrics" => {
            Some((200, format!("koi_batches_total {number}\nkoi_batched_commands_total {}\n", number * 7)))
        }
        "/v1/campaigns" | "/v1/merchants" | "/v1/merchants/kiwi-honey/stores" => text(201, "{}"),
        "/v1/campaigns/bench" => text(200, r#"{"status":"live"}"#),
        "/v1/rates/NZD-CNY" => text(200, "{}"),
        "/v1/campaigns/bench/claims" | "/v1/sandbox/parse" => text(201, r#"{"id":"cpn_1","status":"active"}"#),
        "/v1/quotes" => text(201, r#"{"id":"quo_1","status":"open","no_deduction":null}"#),
        "/v1/payments" => text(201, r#"{"id":"pay_1","status":"paid"}"#),
        "/busy" => text(503, r#"{"code":"busy","retryable":true}"#),
        "/hang-up" => None,
        "/hang-up-later" if number >= STALLS_AT => None,
        "/hang-up-later" => text(201, "{}"),
        "/stall" if number == STALLS_AT => {
            let _closed = shared.door.write();
            std::thread::sleep(STALL);
            text(201, "{}")
        }
        "/stall" => {
            let _open = shared.door.read();
            text(201, "{}")
        }
        _ if path.ends_with("/codes") => text(201, r#"{"code":"7F3K9Q2M","status":"active"}"#),
        _ if path.starts_with("/v1/campaigns/bench/") => text(200, "{}"),
        _ => text(404, r#"{"code":"not_found"}"#),
    }
}
