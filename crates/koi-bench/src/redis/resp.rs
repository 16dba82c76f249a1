//! As much of the Redis protocol as setting a stage takes. The load itself goes through the server's own
//! client, in the child mode.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, bail, ensure};

use crate::limits::{ANSWER_BYTES_MAX, CALL_MAX};

/// What Redis answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Text(String),
    Number(i64),
    Nothing,
    List(Vec<Reply>),
    Error(String),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> anyhow::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, CALL_MAX).context("connecting to Redis")?;
        stream.set_read_timeout(Some(CALL_MAX))?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    /// Sends a command as a list of words.
    pub(super) fn call(&mut self, words: &[&str]) -> anyhow::Result<Reply> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.stream.get_mut().write_all(command.as_bytes())?;
        reply(&mut self.stream)
    }
}

fn reply(stream: &mut impl BufRead) -> anyhow::Result<Reply> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    ensure!(!line.is_empty(), "Redis closed the connection");
    let (kind, rest) = line.split_at(1);
    Ok(match kind {
        "+" => Reply::Text(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Number(rest.parse()?),
        "$" if rest == "-1" => Reply::Nothing,
        "$" => {
            let length: usize = rest.parse()?;
            ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
            let mut text = vec![0; length + 2];
            stream.read_exact(&mut text)?;
            text.truncate(length);
            Reply::Text(String::from_utf8(text)?)
        }
        "*" => {
            let length: usize = rest.parse()?;
            ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} entries");
            Reply::List((0..length).map(|_| reply(stream)).collect::<anyhow::Result<_>>()?)
        }
        _ => bail!("Redis answered {line:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_every_kind_are_read() {
        let check =
            |bytes: &str, expected: Reply| assert_eq!(reply(&mut bytes.as_bytes()).expect(bytes), expected);
        check("+PONG\r\n", Reply::Text("PONG".into()));
        check("$4\r\na\r\nb\r\n", Reply::Text("a\r\nb".into()));
        check("$-1\r\n", Reply::Nothing);
        check("-ERR no\r\n", Reply::Error("ERR no".into()));
        check("*2\r\n$7\r\ncreated\r\n:3\r\n", Reply::List(vec![Reply::Text("created".into()), Reply::Number(3)]));
        assert!(reply(&mut "".as_bytes()).is_err());
    }
}
