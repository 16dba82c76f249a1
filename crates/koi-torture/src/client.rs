//! A small HTTP/1.1 client on one kept connection.
//!
//! It never repeats anything by itself: whether a deed was answered is what the harnesses are about. A
//! fresh connection is made when the old one is known to be closed before anything was written.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::answer::{Answer, NoAnswer};
use crate::deed::{Command, Role};
use crate::failure::broken;
use crate::limits::{ANSWER_TIMEOUT, HEAL_TIMEOUT, REPEATS_MAX, RETRY_INTERVAL};

/// One caller with one connection.
pub(crate) struct Client {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
    /// How long an answer may take before the server counts as hung.
    patience: Duration,
}

impl Client {
    /// A caller that connects when it first has something to say.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, sender: None, patience: ANSWER_TIMEOUT }
    }

    /// The same, with another time for its answers.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Gives the connection up, and whatever is under way on it.
    pub(crate) fn hang_up(&mut self) {
        self.sender = None;
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    async fn connect(&mut self) -> Result<(), NoAnswer> {
        let stream = TcpStream::connect(self.address).await.map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        // The task ends with the connection; its error reaches the request that was under way.
        tokio::spawn(connection);
        self.sender = Some(sender);
        Ok(())
    }

    /// Connects unless the connection still stands.
    pub(crate) async fn stay_connected(&mut self) -> Result<(), NoAnswer> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            self.connect().await?;
        }
        Ok(())
    }

    /// Sends a command once.
    pub(crate) async fn send(&mut self, command: &Command) -> Result<Answer, NoAnswer> {
        let deed = &command.deed;
        self.call(Method::POST, &deed.path(), Some(deed.role()), Some(&command.key), Some(&deed.body())).await
    }

    /// Repeats a command with its key until it has a definite answer. The server is healthy, or heals.
    pub(crate) async fn persist(&mut self, command: &Command) -> Result<Answer> {
        let started = Instant::now();
        for _ in 0..REPEATS_MAX {
            match self.send(command).await {
                Ok(answer) if answer.is_unavailable() => answer.check_unavailability()?,
                Ok(answer) => return Ok(answer),
                Err(missing) if missing.hung => {
                    return Err(broken(format!("{command:?} is answered"), missing.to_string()));
                }
                Err(_) => {}
            }
            if started.elapsed() > HEAL_TIMEOUT {
                break;
            }
            sleep(RETRY_INTERVAL).await;
        }
        let promised = format!("{command:?} has one definite result");
        Err(broken(promised, format!("none after {} ms of repeating it", started.elapsed().as_millis())))
    }

    /// Reads; a connection that was closed while idle is no reason to fail.
    pub(crate) async fn get(&mut self, path: &str, role: Option<Role>) -> Result<Answer, NoAnswer> {
        match self.call(Method::GET, path, role, None, None).await {
            Err(missing) if !missing.hung => self.call(Method::GET, path, role, None, None).await,
            other => other,
        }
    }

    /// Reads JSON from a healthy server.
    pub(crate) async fn read(&mut self, path: &str, role: Role) -> Result<Value> {
        let answer = self.get(path, Some(role)).await.with_context(|| format!("GET {path}"))?;
        if answer.status != 200 {
            return Err(broken(format!("GET {path} answers 200"), answer.shown()));
        }
        answer.json()
    }

    pub(crate) async fn put(&mut self, path: &str, role: Role, body: &Value) -> Result<Answer, NoAnswer> {
        self.call(Method::PUT, path, Some(role), None, Some(body)).await
    }

    /// Sets something on a healthy server.
    pub(crate) async fn set(&mut self, path: &str, role: Role, body: &Value) -> Result<()> {
        let answer = self.put(path, role, body).await?;
        if answer.status != 200 {
            bail!(broken(format!("PUT {path} {body} answers 200"), answer.shown()));
        }
        Ok(())
    }

    async fn call(
        &mut self,
        method: Method,
        path: &str,
        role: Option<Role>,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, NoAnswer> {
        let request = self.request(method, path, role, key, body)?;
        match timeout(self.patience, self.exchange(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(missing)) => {
                self.sender = None;
                Err(missing)
            }
            Err(_) => {
                self.sender = None;
                Err(NoAnswer { reason: format!("nothing for {} s", self.patience.as_secs()), hung: true })
            }
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        role: Option<Role>,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, NoAnswer> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        if let Some(role) = role {
            request = request.header(AUTHORIZATION, format!("Bearer {}", role.key()));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let content = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        request.body(Full::new(content)).map_err(lost)
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        self.stay_connected().await?;
        let Some(sender) = self.sender.as_mut() else { return Err(lost("not connected")) };
        sender.ready().await.map_err(lost)?;
        let reply = sender.send_request(request).await.map_err(lost)?;
        let (head, body) = reply.into_parts();
        let content = body.collect().await.map_err(lost)?.to_bytes();
        Ok(Answer {
            status: head.status.as_u16(),
            replayed: header(&head.headers, "idempotent-replayed").as_deref() == Some("true"),
            retry_after: header(&head.headers, RETRY_AFTER.as_str()),
            content_type: header(&head.headers, CONTENT_TYPE.as_str()).unwrap_or_default(),
            body: String::from_utf8_lossy(&content).into_owned(),
        })
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn lost(reason: impl std::fmt::Display) -> NoAnswer {
    NoAnswer { reason: reason.to_string(), hung: false }
}
