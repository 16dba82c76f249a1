//! `koi healthcheck`: for containers without curl.

use std::time::Duration;

use anyhow::anyhow;
use serde_json::json;

use super::flags::ListenFlags;
use super::{Ended, Ending, terminal};
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
Without --url the server is looked for at its listening address, as the settings say.

Example:
  koi healthcheck --url http://127.0.0.1:8080

Exit status:
  0  the server is well
  1  it is not, or does not answer
  2  it was called wrongly";

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks a server whether it is well
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Healthcheck {
    /// The server
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Writes JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: ListenFlags,
}

impl Healthcheck {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        let url = match self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let listen = self.flags.0.load(environment)?.listen().map_err(|why| anyhow!(why))?;
                here(&listen)
            }
        };
        let (well, said) = match ask(&url) {
            Ok(200) => (true, format!("{url} is well")),
            Ok(status) => (false, format!("koi: {url}/healthz answers {status}")),
            Err(error) => (false, format!("koi: {url} does not answer: {error}")),
        };
        if self.json {
            terminal::print_json(&json!({"url": url, "well": well, "said": said}))?;
        } else {
            eprintln!("{said}");
        }
        Ok(if well { Ending::Well } else { Ending::NotWell })
    }
}

/// Where a server that listens there is found from the same machine.
pub(super) fn here(listen: &str) -> String {
    match listen.rsplit_once(':') {
        Some(("0.0.0.0", port)) => format!("http://127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("http://[::1]:{port}"),
        _ => format!("http://{listen}"),
    }
}

/// The status of a server's health.
pub(super) fn ask(url: &str) -> Result<u16, ureq::Error> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    let agent: ureq::Agent = config.proxy(None).build().into();
    Ok(agent.get(format!("{url}/healthz")).call()?.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_found_here() {
        for (listen, expected) in [
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("10.0.0.0:80", "http://10.0.0.0:80"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(here(listen), expected);
        }
    }
}
