//! Performs the day on real servers, with a misfortune armed at one point of one of their lives.
//!
//! The day has two lives, since the server is restarted in its middle, and each life has three
//! stretches: the start, traced from the first call on; the service; the stop, from the moment the
//! server is asked to. The tracer counts calls in each thread from where it was attached, so each
//! stretch, in which mostly one thread writes, is traced by itself. A point is a life, a stretch, a kind
//! of call and a number.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;

use crate::client::Client;
use crate::day::player::{Player, Step};
use crate::failure::broken;
use crate::limits::STOP_TIMEOUT;
use crate::record::recorded_calls;
use crate::server::{Installation, Server, Start};
use crate::tracer::{Injection, Tracer, struck};

/// A part of one server process's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stretch {
    pub(crate) life: u32,
    pub(crate) part: Part,
}

/// Start, service, stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Start,
    Service,
    Stop,
}

impl fmt::Display for Stretch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Start => "start",
            Part::Service => "service",
            Part::Stop => "stop",
        };
        write!(out, "life {}, {part}", self.life)
    }
}

/// Where and how misfortune strikes.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) stretch: Stretch,
    pub(crate) injection: Injection,
}

impl fmt::Display for Point {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, {}", self.stretch, self.injection)
    }
}

/// What the tracer is used for.
pub(crate) enum Plot {
    /// Every stretch is written down, nothing is harmed.
    Recorded,
    /// Misfortune strikes at this point, in calls on these files.
    Struck(Point, Vec<PathBuf>),
}

/// A day on the stage.
pub(crate) struct Performance<'a> {
    pub(crate) installation: &'a Installation,
    pub(crate) player: Player,
    plot: Plot,
    life: u32,
    pub(crate) server: Option<Server>,
    tracer: Option<(Stretch, Tracer)>,
    /// The tracers' logs of all stretches so far.
    pub(crate) logs: Vec<(Stretch, String)>,
}

/// Why the play stopped.
pub(crate) enum Curtain {
    /// The day has been played to its end; the server still runs.
    Over,
    /// The server is gone, or the connection is.
    Lost,
    /// The server said 503.
    Unavailable,
}

impl<'a> Performance<'a> {
    pub(crate) fn new(installation: &'a Installation, plot: Plot) -> Result<Self> {
        let player = Player::new()?;
        Ok(Self { installation, player, plot, life: 0, server: None, tracer: None, logs: Vec::new() })
    }

    /// Starts the next life of the server, with the tracer armed if the plot wants it.
    pub(crate) async fn next_life(&mut self) -> Result<Start> {
        self.life += 1;
        let mut server = if self.concerns(Part::Start) {
            let server = Server::spawn_held(self.installation, self.player.clock)?;
            self.arm(&server, Part::Start)?;
            server.release()?;
            server
        } else {
            Server::spawn(self.installation, self.player.clock)?
        };
        let started = server.wait_ready().await?;
        self.disarm()?;
        if matches!(started, Start::Ready) {
            self.arm(&server, Part::Service)?;
            self.server = Some(server);
        }
        Ok(started)
    }

    /// A start after the misfortune, which must succeed.
    pub(crate) async fn healthy_start(&mut self) -> Result<()> {
        let mut server = Server::spawn(self.installation, self.player.clock)?;
        server.must_be_ready(self.installation).await?;
        self.server = Some(server);
        Ok(())
    }

    /// Whether the tracer is wanted in this part of the present life.
    fn concerns(&self, part: Part) -> bool {
        match &self.plot {
            Plot::Recorded => true,
            Plot::Struck(point, _) => point.stretch == Stretch { life: self.life, part },
        }
    }

    fn arm(&mut self, server: &Server, part: Part) -> Result<()> {
        let stretch = Stretch { life: self.life, part };
        // Misfortune strikes once: a stop that was cut off is not cut off again when it is repeated.
        if !self.concerns(part) || self.logs.iter().any(|(done, _)| *done == stretch) {
            return Ok(());
        }
        let log = self.installation.beside("strace.log");
        let tracer = match &self.plot {
            Plot::Recorded => Tracer::record(server, &recorded_calls(), &log)?,
            Plot::Struck(point, files) => Tracer::inject(server, &point.injection, files, &log)?,
        };
        self.tracer = Some((stretch, tracer));
        Ok(())
    }

    /// Takes the tracer away and keeps its log.
    pub(crate) fn disarm(&mut self) -> Result<()> {
        if let Some((stretch, tracer)) = self.tracer.take() {
            self.logs.push((stretch, tracer.finish()?));
        }
        Ok(())
    }

    /// Whether the misfortune has come to pass, as far as the tracers that have ended tell.
    pub(crate) fn has_struck(&self) -> bool {
        self.logs.iter().any(|(_, log)| struck(log))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.server.as_ref().expect("the play goes on while a server stands").address())
    }

    /// Plays on until something happens.
    pub(crate) async fn play(&mut self) -> Result<Curtain> {
        let mut client = self.client();
        loop {
            match self.player.step(&mut client).await? {
                Step::Answered { .. } => {}
                Step::Unavailable => return Ok(Curtain::Unavailable),
                Step::NoAnswer(missing) if missing.hung => {
                    return Err(broken(format!("{} is answered", self.player.place()), missing.to_string()));
                }
                Step::NoAnswer(_) => return Ok(Curtain::Lost),
                Step::Over => return Ok(Curtain::Over),
                Step::RestartDue => {
                    if !self.stop_in_good_order().await? {
                        return Ok(Curtain::Lost);
                    }
                    self.player.restarted();
                    if let Start::Died(_) = self.next_life().await? {
                        return Ok(Curtain::Lost);
                    }
                    client = self.client();
                }
            }
        }
    }

    /// The end of the day: the server stops when it is asked to.
    pub(crate) async fn end_in_good_order(&mut self) -> Result<()> {
        match self.stop_in_good_order().await? {
            true => Ok(()),
            false => Err(broken("the server stops in good order", "it ended otherwise")),
        }
    }

    /// Whether the server stopped as it was asked to, not otherwise.
    pub(crate) async fn stop_in_good_order(&mut self) -> Result<bool> {
        let Some(mut server) = self.server.take() else { return Ok(false) };
        self.disarm()?;
        self.arm(&server, Part::Stop)?;
        let is_armed = self.tracer.is_some();
        let status = server.terminate(STOP_TIMEOUT).await?;
        self.disarm()?;
        match status {
            Some(status) if status.success() => Ok(true),
            Some(_) if is_armed => Ok(false),
            Some(status) => {
                let log = self.installation.log_excerpt();
                Err(broken("a server that is asked to stop exits with 0", format!("{status}; its log: {log}")))
            }
            None => Err(broken(format!("a server stops within {} s", STOP_TIMEOUT.as_secs()), "it does not")),
        }
    }
}
