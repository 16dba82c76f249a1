//! The load generator: many connections, few threads, no runtime.
//!
//! It shares its cores with the server that it measures, so every microsecond it takes is one that the
//! server lacks. One thread drives its connections through one edge-triggered poll: one read and one
//! write per request, bytes made by hand into a reused buffer, no allocation on the way.
//!
//! | file | what |
//! |---|---|
//! | [`plan`] | how long, how many connections, at which pace |
//! | [`schedule`] | arrivals that do not wait for answers |
//! | [`work`] | what is asked, and what counts as a good answer |
//! | [`request`], [`answer`] | the bytes out and the bytes in |
//! | [`connection`] | one socket and what is under way on it |
//! | [`driver`] | the loop |
//! | [`tally`] | what came of it |

mod answer;
mod connection;
mod driver;
mod plan;
mod request;
mod schedule;
mod tally;
mod work;

pub(crate) use answer::parse;
pub(crate) use plan::{Pace, Plan};
pub(crate) use request::{Head, Request};
pub(crate) use tally::Tally;
pub(crate) use work::{Outcome, Work, refusal};

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, anyhow};

use driver::Driver;
use plan::Window;

#[cfg(test)]
mod tests;

/// Drives servers, whose connections are opened in turn, by a plan, with one thread per work, and adds up what came of it.
///
/// # Errors
/// A connection that cannot be opened. What goes wrong later is counted in [`Tally::errors`].
pub(crate) fn drive(addresses: &[SocketAddr], plan: &Plan, works: Vec<Box<dyn Work>>) -> anyhow::Result<Tally> {
    let threads = works.len();
    let mut drivers = Vec::with_capacity(threads);
    for (thread, work) in works.into_iter().enumerate() {
        // Connections are all open before the clock starts.
        let share = plan.connections / threads + usize::from(thread < plan.connections % threads);
        drivers.push(
            Driver::connected(addresses, share, work).with_context(|| format!("connecting to {addresses:?}"))?,
        );
    }
    let window = Window::starting(Instant::now(), plan);
    std::thread::scope(|scope| {
        let running: Vec<_> = drivers
            .into_iter()
            .enumerate()
            .map(|(thread, driver)| {
                let arrivals = plan.arrivals(thread as u64, threads);
                scope.spawn(move || driver.run(window, arrivals))
            })
            .collect();
        let mut sum = Tally::default();
        for thread in running {
            let tally = thread.join().map_err(|_| anyhow!("a thread of the load generator panicked"))??;
            sum.add(&tally);
        }
        Ok(sum)
    })
}
